"""The loss curve of a training, checked on matplotlib's artists."""

import numpy as np
import pandas as pd
import pytest
from models import random_projection
from sklearn.decomposition import TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from sklux import LossCurveDisplay, LuxicalVectorizer, ReLUProjection

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

LOSS, SCORES = [0.5, 0.3, 0.25], [0.4, 0.5, 0.5]


@pytest.fixture(autouse=True)
def close_figures():
    from matplotlib import pyplot

    yield
    pyplot.close("all")


@pytest.fixture
def projection():
    """A projection with random weights and the loss and scores of a training."""
    projection = random_projection(5, (4, 3))
    projection.loss_curve_, projection.validation_scores_ = LOSS, SCORES
    return projection


@pytest.fixture
def vectorizer(projection):
    vectorizer = LuxicalVectorizer()
    vectorizer.projection_ = projection
    vectorizer.lexical_, vectorizer.teacher_id_ = None, None
    vectorizer.n_teacher_terms_ = 0
    return vectorizer


def test_loss_curve_constructor_only_stores():
    display = LossCurveDisplay(
        loss_curve=LOSS, validation_scores=SCORES, estimator_name="name"
    )
    assert vars(display) == {
        "loss_curve": LOSS,
        "validation_scores": SCORES,
        "estimator_name": "name",
    }


def test_loss_curve_draws_loss_and_score_of_each_epoch():
    display = LossCurveDisplay(loss_curve=LOSS, validation_scores=SCORES)
    assert display.plot() is display
    for line, values in ((display.line_, LOSS), (display.score_line_, SCORES)):
        np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
        np.testing.assert_array_equal(line.get_ydata(), values)
    assert display.ax_.get_title() == ""
    assert display.ax_.get_ylabel() == "Training loss"
    assert display.score_ax_.get_ylabel() == "Held-out neighbour recall"
    assert display.figure_ is display.ax_.figure
    assert all(tick == int(tick) for tick in display.ax_.get_xticks())
    display.figure_.canvas.draw()


def test_loss_curve_rings_the_first_of_equal_best_scores():
    display = LossCurveDisplay(loss_curve=LOSS, validation_scores=SCORES).plot()
    assert list(display.best_point_.get_xdata()) == [2]
    assert list(display.best_point_.get_ydata()) == [0.5]


@pytest.mark.parametrize("loss_curve", [LOSS, [0.5], np.array(LOSS)])
def test_loss_curve_without_scores_has_one_axis(loss_curve):
    display = LossCurveDisplay(loss_curve=loss_curve).plot()
    assert display.score_ax_ is display.score_line_ is display.best_point_ is None
    assert len(display.figure_.axes) == 1
    display.figure_.canvas.draw()


def test_loss_curve_accepts_axes_a_name_and_styles():
    from matplotlib import pyplot

    _, ax = pyplot.subplots()
    display = LossCurveDisplay(
        loss_curve=LOSS, validation_scores=SCORES, estimator_name="stored"
    )
    display.plot(
        ax, name="given", line_kw={"color": "red"}, score_line_kw={"linewidth": 3}
    )
    assert display.ax_ is ax
    assert ax.get_title() == "given"
    assert display.line_.get_color() == ax.yaxis.label.get_color() == "red"
    assert display.score_line_.get_linewidth() == 3
    assert pyplot.get_fignums() == [ax.figure.number]


def test_loss_curve_second_plot_without_scores_has_no_second_axis():
    display = LossCurveDisplay(loss_curve=LOSS, validation_scores=SCORES).plot()
    display.validation_scores = None
    assert display.plot().score_ax_ is None


@pytest.mark.parametrize(
    ("wrap", "title"),
    [
        (lambda projection, vectorizer: projection, "ReLUProjection"),
        (lambda projection, vectorizer: vectorizer, "LuxicalVectorizer"),
        (
            lambda projection, vectorizer: make_pipeline(Normalizer(), projection),
            "ReLUProjection",
        ),
        (
            lambda projection, vectorizer: make_pipeline(vectorizer, Normalizer()),
            "LuxicalVectorizer",
        ),
        (
            lambda projection, vectorizer: make_pipeline(
                make_pipeline(vectorizer), "passthrough"
            ),
            "LuxicalVectorizer",
        ),
    ],
)
def test_loss_curve_finds_the_model_in_an_estimator(
    wrap, title, projection, vectorizer
):
    display = LossCurveDisplay.from_estimator(wrap(projection, vectorizer))
    assert display.loss_curve == LOSS
    assert display.validation_scores == SCORES
    assert display.ax_.get_title() == display.estimator_name == title


def test_loss_curve_of_a_fitted_vectorizer(fitted):
    display = LossCurveDisplay.from_estimator(fitted, name="a name")
    assert list(display.line_.get_ydata()) == fitted.projection_.loss_curve_
    assert display.ax_.get_title() == "a name"


@pytest.mark.parametrize(
    "estimator",
    [TruncatedSVD(), make_pipeline(Normalizer(), TruncatedSVD()), None],
    ids=["other", "pipeline", "None"],
)
def test_loss_curve_refuses_other_estimators(estimator):
    message = (
        f"or a Pipeline with one of them as a step. Got {type(estimator).__name__}"
    )
    with pytest.raises(TypeError, match=message):
        LossCurveDisplay.from_estimator(estimator)


@pytest.mark.parametrize(
    "estimator",
    [ReLUProjection(), LuxicalVectorizer(), make_pipeline(LuxicalVectorizer())],
    ids=["projection", "vectorizer", "pipeline"],
)
def test_loss_curve_refuses_an_unfitted_model(estimator):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        LossCurveDisplay.from_estimator(estimator)


def test_loss_curve_refuses_a_model_without_a_training(projection):
    projection.loss_curve_, projection.validation_scores_ = [], None
    message = "loss_curve is empty.*Luxical file has no loss curve"
    with pytest.raises(ValueError, match=message):
        LossCurveDisplay.from_estimator(projection)


def test_loss_curve_refuses_scores_that_do_not_fit_the_loss():
    display = LossCurveDisplay(loss_curve=LOSS, validation_scores=[0.5])
    with pytest.raises(ValueError, match="loss_curve and validation_scores .*3 and 1"):
        display.plot()


@pytest.mark.parametrize("loss_curve", [["much"] * 3, [LOSS] * 3, 0.5])
def test_loss_curve_refuses_a_loss_that_is_not_a_sequence_of_numbers(loss_curve):
    with pytest.raises(ValueError, match="loss_curve must be a sequence of"):
        LossCurveDisplay(loss_curve=loss_curve).plot()


@pytest.mark.parametrize(
    ("scores", "best"),
    [([np.nan, 0.5, 0.4], [2]), ([0.4, 0.5, np.nan], [2]), ([np.nan] * 3, None)],
)
def test_loss_curve_a_missing_score_is_not_the_best(scores, best):
    display = LossCurveDisplay(loss_curve=LOSS, validation_scores=scores).plot()
    if best is None:
        assert display.best_point_ is None
    else:
        assert list(display.best_point_.get_xdata()) == best
    display.figure_.canvas.draw()


def test_loss_curve_accepts_columns_of_a_data_frame():
    frame = pd.DataFrame({"loss": LOSS, "score": SCORES}, index=[7, 8, 9])
    display = LossCurveDisplay(
        loss_curve=frame["loss"], validation_scores=frame["score"]
    ).plot()
    assert list(display.line_.get_ydata()) == LOSS
    assert list(display.best_point_.get_ydata()) == [0.5]


def test_loss_curve_in_a_subfigure():
    from matplotlib import pyplot

    figure = pyplot.figure(layout="constrained")
    ax = figure.subfigures(1, 2)[0].subplots()
    display = LossCurveDisplay(loss_curve=LOSS, validation_scores=SCORES).plot(ax)
    assert display.figure_ is figure
    figure.canvas.draw()


def test_loss_curve_accepts_aliases_of_styles():
    display = LossCurveDisplay(loss_curve=LOSS, validation_scores=SCORES)
    display.plot(line_kw={"c": "red", "lw": 3}, score_line_kw={"c": "k", "ls": ":"})
    assert display.line_.get_color() == "red"
    assert display.line_.get_linewidth() == 3
    assert display.score_line_.get_linestyle() == ":"


def test_loss_curve_names_the_extra_if_matplotlib_is_missing(monkeypatch):
    import sklux._utils.optional

    def missing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(sklux._utils.optional, "import_module", missing)
    with pytest.raises(ImportError, match=r"LossCurveDisplay.plot needs.*sklux\[plot"):
        LossCurveDisplay(loss_curve=LOSS).plot()
