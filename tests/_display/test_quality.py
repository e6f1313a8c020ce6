"""The comparison of student and teacher, checked on matplotlib's artists."""

import numpy as np
import pandas as pd
import pytest
from conftest import small_vectorizer

from sklux import QualityDisplay
from sklux._display import quality
from sklux._display.quality import recalls
from sklux.metrics import neighbor_recall_score

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

PARAMS = dict(
    teacher_cosines=[0.1, 0.5, 0.9],
    student_cosines=[0.2, 0.4, 0.9],
    n_neighbors=[1, 5],
    recalls=[0.4, 0.6],
)


@pytest.fixture(autouse=True)
def close_figures():
    from matplotlib import pyplot

    yield
    pyplot.close("all")


@pytest.fixture
def pair():
    """Teacher vectors, and student vectors that are similar to them."""
    rng = np.random.RandomState(0)
    teacher = rng.standard_normal((80, 12))
    return teacher, teacher[:, :8] + 0.3 * rng.standard_normal((80, 8))


def test_quality_constructor_only_stores():
    display = QualityDisplay(**PARAMS, estimator_name="name")
    assert vars(display) == PARAMS | {"estimator_name": "name"}


def test_quality_draws_both_halves():
    display = QualityDisplay(**PARAMS)
    assert display.plot() is display
    assert len(display.axes_) == 2
    assert display.hexbin_.get_array().sum() == 3
    np.testing.assert_array_equal(display.line_.get_xdata(), [1, 5])
    np.testing.assert_array_equal(display.line_.get_ydata(), [0.4, 0.6])
    np.testing.assert_array_equal(
        display.diagonal_.get_xdata(), display.diagonal_.get_ydata()
    )
    correlation = np.corrcoef(PARAMS["teacher_cosines"], PARAMS["student_cosines"])
    (text,) = display.axes_[0].texts
    assert text.get_text() == f"correlation {correlation[0, 1]:.2f}"


def test_quality_of_a_perfect_student(pair):
    teacher, _ = pair
    display = QualityDisplay.from_embeddings(teacher, 3 * teacher, random_state=0)
    np.testing.assert_allclose(display.recalls, 1)
    np.testing.assert_allclose(
        display.teacher_cosines, display.student_cosines, atol=1e-6
    )


def test_quality_recalls_equal_the_metric(pair):
    display = QualityDisplay.from_embeddings(*pair, random_state=0)
    assert list(display.n_neighbors) == [1, 2, 5, 10, 20, 50]
    for count, recall in zip(display.n_neighbors, display.recalls):
        expected = neighbor_recall_score(*pair, n_neighbors=count)
        assert recall == pytest.approx(expected)


def test_quality_recalls_by_hand():
    """Three points at three angles: the middle point is nearest to both others."""
    angles = np.array([0.0, 0.2, 0.5])
    teacher = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    # The student has the last point in the middle.
    student = teacher[[0, 2, 1]]
    # 0 -> 1 (teacher), 2 (student); 1 -> 0, 2; 2 -> 1, 0.
    assert recalls(teacher, student, np.arange(3), [1]) == [0]
    assert recalls(teacher, student, np.arange(3), [2]) == [1]


def test_quality_pairs_have_different_documents(pair):
    teacher, student = pair
    display = QualityDisplay.from_embeddings(
        teacher, student, n_pairs=5000, random_state=0
    )
    assert len(display.teacher_cosines) == 5000
    assert display.teacher_cosines.max() < 0.999


def test_quality_samples_documents(pair):
    display = QualityDisplay.from_embeddings(*pair, sample_size=10, random_state=0)
    assert all(0 <= recall <= 1 for recall in display.recalls)
    assert np.isclose(np.array(display.recalls)[0] * 10 % 1, 0)


def test_quality_is_reproducible(pair):
    first, second = (
        QualityDisplay.from_embeddings(*pair, random_state=4) for _ in range(2)
    )
    np.testing.assert_array_equal(first.student_cosines, second.student_cosines)


def test_quality_constant_cosines_have_no_correlation():
    rows = np.tile([1.0, 0.0], (5, 1))
    display = QualityDisplay.from_embeddings(rows, rows, random_state=0)
    assert not display.axes_[0].texts


def test_quality_axes_title_and_line(pair):
    from matplotlib import pyplot

    _, axes = pyplot.subplots(2, 1)
    display = QualityDisplay.from_embeddings(
        *pair, axes=axes, name="Model", line_kw={"color": "red"}, random_state=0
    )
    assert list(display.axes_) == list(axes)
    assert axes[0].get_title(loc="left") == "Model"
    assert display.line_.get_color() == "red"


def test_quality_from_estimator(documents, teacher_embeddings):
    vectorizer = small_vectorizer()
    vectorizer.fit(documents, teacher_embeddings=teacher_embeddings)
    display = QualityDisplay.from_estimator(
        vectorizer, documents, teacher_embeddings, random_state=0
    )
    assert display.axes_[0].get_title(loc="left") == "LuxicalVectorizer"
    assert display.recalls[-1] > 0.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"teacher_embeddings": np.eye(2)}, "minimum of 3"),
        ({"teacher_embeddings": np.eye(5)}, "inconsistent numbers of samples"),
        ({"student_embeddings": np.full((80, 2), np.inf)}, "student_embeddings cont"),
        ({"n_pairs": 0}, "n_pairs must be an int from 1. Got 0"),
        ({"sample_size": 2.5}, "sample_size must be an int from 1. Got 2.5"),
        ({"axes": [1]}, "axes must be two matplotlib Axes.* Got 1"),
    ],
)
def test_quality_bad_input(pair, changes, message):
    arguments = dict(zip(("teacher_embeddings", "student_embeddings"), pair)) | changes
    with pytest.raises(ValueError, match=message):
        QualityDisplay.from_embeddings(**arguments)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"student_cosines": [0.2]}, "teacher_cosines and student_cosines .*3 and 1"),
        ({"recalls": [0.5]}, "n_neighbors and recalls must have the same .*2 and 1"),
        ({"teacher_cosines": []}, r"teacher_cosines must be .* array of shape \(0,\)"),
        (
            {"student_cosines": [0, np.nan, 1]},
            "student_cosines has NaN or inf.* at position 1",
        ),
        ({"recalls": [np.inf, 1]}, "recalls has NaN or infinity, first at position 0"),
        ({"teacher_cosines": ["high"] * 3}, "teacher_cosines must be .*: could not"),
    ],
)
def test_quality_refuses_numbers_that_do_not_fit(changes, message):
    display = QualityDisplay(**(PARAMS | changes))
    with pytest.raises(ValueError, match=message):
        display.plot()


def test_quality_accepts_columns_of_a_data_frame():
    columns = {name: pd.Series(row)[::-1] for name, row in PARAMS.items()}
    display = QualityDisplay(**columns).plot()
    np.testing.assert_array_equal(display.line_.get_xdata(), [5, 1])


def test_quality_in_a_subfigure():
    from matplotlib import pyplot

    figure = pyplot.figure(layout="constrained")
    axes = figure.subfigures(2, 1)[0].subplots(1, 2)
    assert QualityDisplay(**PARAMS).plot(axes).figure_ is figure
    figure.canvas.draw()


def test_quality_accepts_aliases_of_styles():
    display = QualityDisplay(**PARAMS).plot(line_kw={"c": "red", "ls": ":"})
    assert display.line_.get_color() == "red"


def test_quality_searches_the_neighbors_of_each_side_once(pair, monkeypatch):
    searched = []
    search = quality.nearest_neighbors

    def counting(unit, queries, count):
        searched.append(count)
        return search(unit, queries, count)

    monkeypatch.setattr(quality, "nearest_neighbors", counting)
    QualityDisplay.from_embeddings(*pair, random_state=0)
    assert searched == [50, 50]


def test_quality_missing_matplotlib(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'sklux\[plot\]'"):
        QualityDisplay(**PARAMS).plot()


def test_quality_of_an_estimator_compares_copies_once(documents, teacher_embeddings):
    model = small_vectorizer().fit(documents, teacher_embeddings=teacher_embeddings)
    once = QualityDisplay.from_estimator(
        model, documents[:30], teacher_embeddings[:30], random_state=0
    )
    twice = QualityDisplay.from_estimator(
        model,
        pd.Series([*documents[:30], *(f" {text.title()}" for text in documents[:30])]),
        np.tile(teacher_embeddings[:30], (2, 1)),
        random_state=0,
    )
    assert twice.recalls == once.recalls
    np.testing.assert_array_equal(twice.student_cosines, once.student_cosines)
    with pytest.raises(ValueError, match="minimum of 3 is required"):
        QualityDisplay.from_estimator(model, ["apple"] * 9, teacher_embeddings[:9])
