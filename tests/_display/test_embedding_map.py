"""The map of embeddings, checked on matplotlib's artists."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from sklux import EmbeddingMapDisplay, LexicalVectorizer
from sklux._display import embedding_map

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

POSITIONS = np.array([[0, 0], [0, 2], [5, 5], [6, 5], [5, 6]])
LABELS = ["car", "car", "fruit", "fruit", "fruit"]


@pytest.fixture(autouse=True)
def close_figures():
    from matplotlib import pyplot

    yield
    pyplot.close("all")


def clusters(n_documents=60, n_clusters=3, seed=0):
    """Vectors near `n_clusters` corners, and the corner of each vector."""
    rng = np.random.RandomState(seed)
    labels = np.arange(n_documents) % n_clusters
    corners = np.eye(n_clusters, 8) * 5
    return corners[labels] + 0.3 * rng.standard_normal((n_documents, 8)), labels


def test_embedding_map_constructor_only_stores():
    params = dict(
        positions=POSITIONS, labels=LABELS, label_names=None, estimator_name="name"
    )
    assert vars(EmbeddingMapDisplay(**params)) == params


def test_embedding_map_draws_each_class_and_its_name():
    display = EmbeddingMapDisplay(positions=POSITIONS, labels=LABELS)
    assert display.plot() is display
    fruit, car = display.scatters_  # the largest first
    np.testing.assert_array_equal(fruit.get_offsets(), POSITIONS[2:])
    np.testing.assert_array_equal(car.get_offsets(), POSITIONS[:2])
    assert [text.get_text() for text in display.texts_] == ["fruit", "car"]
    assert display.texts_[0].xy == (5, 5)  # the median
    assert not np.array_equal(fruit.get_facecolor(), car.get_facecolor())


def test_embedding_map_without_labels_has_one_scatter():
    display = EmbeddingMapDisplay(positions=POSITIONS).plot()
    (scatter,) = display.scatters_
    np.testing.assert_array_equal(scatter.get_offsets(), POSITIONS)
    assert display.texts_ == []


def test_embedding_map_label_names():
    display = EmbeddingMapDisplay(
        positions=POSITIONS, labels=[0, 0, 1, 1, 1], label_names=["car", "fruit"]
    ).plot()
    assert [text.get_text() for text in display.texts_] == ["fruit", "car"]


@pytest.mark.parametrize(
    "missing",
    [[None, np.nan, pd.NA], [pd.NaT, float("nan"), np.float32("nan")]],
    ids=["None, NaN, NA", "NaT, NaN, NaN"],
)
@pytest.mark.parametrize("kind", [list, pd.Series])
def test_embedding_map_missing_labels_are_a_class(missing, kind):
    display = EmbeddingMapDisplay(
        positions=POSITIONS, labels=kind(["car", "car", *missing])
    ).plot()
    assert [text.get_text() for text in display.texts_] == ["missing", "car"]
    np.testing.assert_array_equal(display.scatters_[0].get_offsets(), POSITIONS[2:])


def test_embedding_map_missing_numbers_are_a_class():
    display = EmbeddingMapDisplay(
        positions=POSITIONS, labels=np.array([1.5, np.nan, 1.5, 1.5, np.nan])
    ).plot()
    assert [text.get_text() for text in display.texts_] == ["1.5", "missing"]


def test_embedding_map_missing_labels_with_label_names():
    labels = pd.Series([0, 0, 0, None, 1], dtype="Int64")
    display = EmbeddingMapDisplay(
        positions=POSITIONS, labels=labels, label_names=["car", "fruit"]
    ).plot()
    names = [text.get_text() for text in display.texts_]
    assert names == ["car", "fruit", "missing"]


def test_embedding_map_labels_of_several_types():
    display = EmbeddingMapDisplay(
        positions=POSITIONS, labels=[1, "a", 1, ("a", 2), "a"]
    ).plot()
    names = [text.get_text() for text in display.texts_]
    assert names == ["1", "a", "('a', 2)"]


def test_embedding_map_label_names_in_a_series_are_taken_by_position():
    names = pd.Series(["car", "fruit"], index=[7, 8])
    display = EmbeddingMapDisplay(
        positions=POSITIONS, labels=[0, 0, 1, 1, 1], label_names=names
    ).plot()
    assert [text.get_text() for text in display.texts_] == ["fruit", "car"]


@pytest.mark.parametrize("labels", [None, LABELS])
def test_embedding_map_in_a_subfigure(labels):
    from matplotlib import pyplot

    figure = pyplot.figure(layout="constrained")
    ax = figure.subfigures(1, 2)[0].subplots()
    display = EmbeddingMapDisplay(positions=POSITIONS, labels=labels).plot(ax)
    assert display.figure_ is figure


@pytest.mark.parametrize("name", ["c", "color", "facecolor", "facecolors", "fc"])
@pytest.mark.parametrize("labels", [None, LABELS])
def test_embedding_map_color_of_all_points(name, labels):
    display = EmbeddingMapDisplay(positions=POSITIONS, labels=labels)
    for scatter in display.plot(scatter_kw={name: "red"}).scatters_:
        np.testing.assert_array_equal(scatter.get_facecolor()[:, :3], [[1, 0, 0]])


@pytest.mark.parametrize("name", ["linewidths", "linewidth", "lw"])
def test_embedding_map_width_of_outlines(name):
    display = EmbeddingMapDisplay(positions=POSITIONS).plot(scatter_kw={name: 2})
    assert display.scatters_[0].get_linewidth() == [2]


def test_embedding_map_small_classes_share_a_grey(monkeypatch):
    monkeypatch.setattr(embedding_map, "MAX_COLORS", 1)
    display = EmbeddingMapDisplay(positions=POSITIONS, labels=LABELS).plot()
    other, largest = display.scatters_
    np.testing.assert_array_equal(other.get_offsets(), POSITIONS[:2])
    assert len(display.texts_) == 1
    np.testing.assert_allclose(other.get_facecolor()[0][:3], 0.75)


@pytest.mark.parametrize("n_classes", [20, 40])
def test_embedding_map_many_classes_have_different_colors(n_classes):
    rng = np.random.RandomState(0)
    display = EmbeddingMapDisplay(
        positions=rng.standard_normal((400, 2)), labels=np.arange(400) % n_classes
    ).plot()
    colors = {tuple(scatter.get_facecolor()[0]) for scatter in display.scatters_}
    assert len(display.texts_) == 20
    assert len(colors) == 20 + (n_classes > 20)


def test_embedding_map_names_do_not_cover_each_other():
    """The name of the larger class stays visible."""
    positions = np.concatenate([np.zeros((5, 2)), np.full((3, 2), 0.001), [[9, 9]]])
    display = EmbeddingMapDisplay(
        positions=positions, labels=["large"] * 5 + ["small"] * 3 + ["far"]
    ).plot()
    visible = {text.get_text(): text.get_visible() for text in display.texts_}
    assert visible == {"large": True, "small": False, "far": True}


def test_embedding_map_title_and_axes():
    from matplotlib import pyplot

    _, ax = pyplot.subplots()
    display = EmbeddingMapDisplay(positions=POSITIONS, estimator_name="Model")
    assert display.plot(ax).ax_ is ax
    assert display.figure_ is ax.figure
    assert ax.get_title() == "Model"
    assert display.plot(name="Other").ax_.get_title() == "Other"
    assert display.plot(scatter_kw={"s": 99}).scatters_[0].get_sizes() == [99]


def test_embedding_map_of_embeddings_keeps_clusters_together():
    vectors, labels = clusters()
    display = EmbeddingMapDisplay.from_embeddings(vectors, labels, random_state=0)
    centers = np.stack([display.positions[labels == k].mean(axis=0) for k in range(3)])
    distances = np.linalg.norm(display.positions[:, None] - centers, axis=2)
    np.testing.assert_array_equal(distances.argmin(axis=1), labels)


def test_embedding_map_of_embeddings_ignores_lengths():
    """Factors that are powers of two do not change any bit of the unit rows."""
    vectors, labels = clusters()
    factors = np.random.RandomState(0).choice([0.25, 1, 8], (len(vectors), 1))
    maps = [
        EmbeddingMapDisplay.from_embeddings(rows, labels, random_state=0).positions
        for rows in (vectors, factors * vectors)
    ]
    np.testing.assert_array_equal(*maps)


def test_embedding_map_of_embeddings_is_reproducible():
    vectors, _ = clusters()
    first, second = (
        EmbeddingMapDisplay.from_embeddings(vectors, random_state=3).positions
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_embedding_map_of_embeddings_sample():
    vectors, labels = clusters(90)
    names = np.array(["a", "b", "c"])[labels]
    display = EmbeddingMapDisplay.from_embeddings(
        vectors, names, sample_size=30, random_state=0
    )
    assert len(display.positions) == len(display.labels) == 30


@pytest.mark.parametrize("sample_size", [None, 60, 10_000])
def test_embedding_map_of_embeddings_without_a_sample(sample_size):
    vectors, _ = clusters()
    display = EmbeddingMapDisplay.from_embeddings(
        vectors, sample_size=sample_size, random_state=0
    )
    assert len(display.positions) == 60


@pytest.mark.parametrize(
    "vectors", [np.ones((6, 4)), np.zeros((6, 4)), np.arange(6.0)[:, None], np.eye(4)]
)
def test_embedding_map_of_degenerate_embeddings(vectors):
    display = EmbeddingMapDisplay.from_embeddings(vectors, random_state=0)
    assert display.positions.shape == (len(vectors), 2)
    assert np.isfinite(display.positions).all()


def test_embedding_map_from_estimator(documents, topics):
    from sklearn.decomposition import TruncatedSVD
    from sklearn.pipeline import make_pipeline

    pipeline = make_pipeline(LexicalVectorizer(), TruncatedSVD(5, random_state=0))
    display = EmbeddingMapDisplay.from_estimator(
        pipeline.fit(documents), documents, topics, random_state=0
    )
    assert display.ax_.get_title() == "Pipeline"
    assert len(display.texts_) == 3
    expected = EmbeddingMapDisplay.from_embeddings(
        pipeline.transform(documents), topics, random_state=0
    )
    np.testing.assert_array_equal(display.positions, expected.positions)


def test_embedding_map_from_estimator_unfitted(documents):
    with pytest.raises(NotFittedError):
        EmbeddingMapDisplay.from_estimator(LexicalVectorizer(), documents)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embeddings": np.eye(3)}, "minimum of 4"),
        ({"embeddings": np.full((5, 2), np.nan)}, "embeddings contains NaN"),
        ({"labels": ["a"] * 59}, "one value for each of the 60 documents"),
        ({"labels": np.zeros((60, 1))}, "one value for each of the 60 documents"),
        ({"label_names": ["a", "b"]}, "ints from 0 to 1"),
        ({"labels": ["a"] * 60, "label_names": ["a", "b"]}, "ints from 0 to 1"),
        ({"label_names": {0: "a", 2: "b"}}, "label_names must be a sequence.*Got dict"),
        ({"labels": [-1] * 60, "label_names": ["a", "b"]}, "from 0 to 1.*Got -1"),
        ({"sample_size": 3}, "sample_size must be None or an int from 4. Got 3"),
        ({"sample_size": 5.0}, "sample_size must be None or an int from 4. Got 5.0"),
        ({"sample_size": True}, "sample_size must be None or an int from 4"),
    ],
)
def test_embedding_map_bad_input(changes, message):
    vectors, labels = clusters()
    arguments = {"embeddings": vectors, "labels": labels} | changes
    with pytest.raises(ValueError, match=message):
        EmbeddingMapDisplay.from_embeddings(
            arguments.pop("embeddings"), arguments.pop("labels"), **arguments
        )


def test_embedding_map_bad_positions():
    with pytest.raises(ValueError, match="positions must have 2 columns. Got 3"):
        EmbeddingMapDisplay(positions=np.zeros((4, 3))).plot()
    with pytest.raises(ValueError, match="one value for each of the 5 documents"):
        EmbeddingMapDisplay(positions=POSITIONS, labels=["a"]).plot()


def test_embedding_map_missing_matplotlib(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'sklux\[plot\]'"):
        EmbeddingMapDisplay(positions=POSITIONS).plot()


def test_embedding_map_dollar_signs_do_not_begin_formulas():
    names = ["$x^$", "a $5 b $6", r"\\frac{"]
    display = EmbeddingMapDisplay(
        positions=[[0, 0], [9, 9], [0, 9]], labels=names, estimator_name="$x^$"
    ).plot()
    display.figure_.canvas.draw()
    assert {text.get_text() for text in display.texts_} == set(names)
    assert display.ax_.get_title() == "$x^$"


def test_embedding_map_refuses_labels_that_are_not_hashable():
    display = EmbeddingMapDisplay(positions=[[0, 0], [1, 1]], labels=[{}, {}])
    with pytest.raises(ValueError, match="labels must be hashable values, such as str"):
        display.plot()
