"""The map of embeddings, checked on matplotlib's artists."""

import warnings
from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn import config_context
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


@pytest.mark.parametrize("label_names", [None, ["car", "fruit"]])
def test_embedding_map_classes_in_a_column_of_floats(label_names):
    """pandas makes floats of ints if one is missing."""
    display = EmbeddingMapDisplay(
        positions=POSITIONS,
        labels=pd.Series([1, None, 1, 1, 0]),
        label_names=label_names,
    ).plot()
    names = {text.get_text() for text in display.texts_}
    assert names == {"missing", *(label_names or ["0", "1"])}
    assert display.colorbar_ is None


NUMBERS = [0.5, None, 2.5, 3.0, 4.5]


@pytest.mark.parametrize(
    "convert",
    [
        list,
        lambda numbers: np.array(numbers, dtype=float),
        lambda numbers: np.array(numbers, dtype=np.float32),
        lambda numbers: np.ma.array(
            [*numbers[:1], 9.0, *numbers[2:]], mask=[0, 1, 0, 0, 0]
        ),
        lambda numbers: [None if n is None else Decimal(n) for n in numbers],
        pd.Series,
        lambda numbers: pd.Series(numbers, dtype="Float64"),
        pl.Series,
        pa.array,
    ],
    ids=[
        "list",
        "array",
        "float32",
        "masked",
        "decimal",
        "pandas",
        "NA",
        "polars",
        "Arrow",
    ],
)
def test_embedding_map_numbers_have_a_color_bar(convert):
    """A point without a number is grey, and the first to be drawn."""
    display = EmbeddingMapDisplay(positions=POSITIONS, labels=convert(NUMBERS)).plot()
    missing, points = display.scatters_
    np.testing.assert_array_equal(points.get_offsets(), POSITIONS[[0, 2, 3, 4]])
    np.testing.assert_array_equal(points.get_array(), [0.5, 2.5, 3, 4.5])
    np.testing.assert_array_equal(missing.get_offsets(), POSITIONS[[1]])
    np.testing.assert_allclose(missing.get_facecolor()[0][:3], 0.75)
    (name,) = display.ax_.get_legend().get_texts()
    assert name.get_text() == "missing"
    assert display.texts_ == []
    assert display.colorbar_.mappable is points
    assert display.colorbar_.ax in display.figure_.axes


def test_embedding_map_numbers_without_a_missing_one():
    display = EmbeddingMapDisplay(positions=POSITIONS, labels=np.arange(5) + 0.5).plot()
    (points,) = display.scatters_
    assert len(np.unique(points.get_facecolor(), axis=0)) == 5
    assert display.ax_.get_legend() is None


@pytest.mark.parametrize(("n_values", "is_number"), [(20, False), (21, True)])
def test_embedding_map_whole_numbers_are_numbers_if_there_are_many(n_values, is_number):
    """Years, for example. Ints stay classes, because they may number clusters."""
    positions = np.random.RandomState(0).standard_normal((n_values, 2))
    years = np.arange(2000, 2000 + n_values)
    for labels, expected in ((years.astype(float), is_number), (years, False)):
        display = EmbeddingMapDisplay(positions=positions, labels=labels).plot()
        assert (display.colorbar_ is not None) == expected


def test_embedding_map_style_of_numbers():
    labels = [0.5, np.nan, 2.5, 3.5, 4.5]
    style = {"cmap": "plasma", "vmin": 0, "vmax": 10}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        display = EmbeddingMapDisplay(positions=POSITIONS, labels=labels).plot(
            scatter_kw=style
        )
    points = display.scatters_[-1]
    assert points.get_cmap().name == "plasma"
    assert points.get_clim() == (0, 10)


def test_embedding_map_color_of_all_points_with_numbers():
    display = EmbeddingMapDisplay(positions=POSITIONS, labels=NUMBERS)
    display.plot(scatter_kw={"color": "red"})
    for scatter in display.scatters_:
        np.testing.assert_array_equal(scatter.get_facecolor()[:, :3], [[1, 0, 0]])
    assert display.colorbar_ is None


DATES = [f"202{year}-03-01" for year in range(5)]


@pytest.mark.parametrize(
    "convert",
    [
        lambda dates: np.array(dates, dtype="datetime64[ns]"),
        lambda dates: np.array(dates, dtype="datetime64[D]"),
        lambda dates: list(np.array(dates, dtype="datetime64[D]")),
        lambda dates: [date.fromisoformat(day) for day in dates],
        lambda dates: pd.Series(pd.to_datetime(dates)),
        lambda dates: pd.Series(pd.to_datetime(dates, utc=True)),
        lambda dates: pl.Series([datetime.fromisoformat(day) for day in dates]),
        lambda dates: pa.array([date.fromisoformat(day) for day in dates]),
    ],
    ids=["ns", "days", "list", "date", "pandas", "zone", "polars", "Arrow"],
)
def test_embedding_map_dates_have_a_color_bar(convert):
    display = EmbeddingMapDisplay(positions=POSITIONS, labels=convert(DATES)).plot()
    display.figure_.draw_without_rendering()
    days = np.array(DATES, dtype="datetime64[D]").astype(float)
    np.testing.assert_array_equal(display.scatters_[0].get_array(), days)
    ticks = [text.get_text() for text in display.colorbar_.ax.get_yticklabels()]
    assert "2022" in ticks


def test_embedding_map_missing_dates_are_grey():
    labels = pd.Series(pd.to_datetime([*DATES[:4], None]))
    display = EmbeddingMapDisplay(positions=POSITIONS, labels=labels).plot()
    missing, _ = display.scatters_
    np.testing.assert_array_equal(missing.get_offsets(), POSITIONS[[4]])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            [0.5, None, np.inf, 2.5, 3.5],
            "labels has infinity, .* position 2. Replace",
        ),
        (pd.to_timedelta(range(5), unit="D"), "convert .* numbers, such as seconds"),
        (np.arange(5) * 1j, "convert the labels to numbers, such as their absolute"),
    ],
)
def test_embedding_map_numbers_without_a_place_on_a_color_bar(labels, message):
    with pytest.raises(ValueError, match=message):
        EmbeddingMapDisplay(positions=POSITIONS, labels=labels).plot()


def test_embedding_map_sampled_numbers():
    vectors, _ = clusters()
    numbers = np.linspace(0, 1, 60)
    display = EmbeddingMapDisplay.from_embeddings(
        vectors, numbers, sample_size=12, random_state=0
    )
    assert len(display.scatters_[0].get_array()) == 12


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


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_embedding_map_positions_are_an_array_for_any_output_setting(library):
    vectors = np.random.RandomState(0).normal(size=(20, 5))
    expected = EmbeddingMapDisplay.from_embeddings(vectors, random_state=0).positions
    with config_context(transform_output=library):
        display = EmbeddingMapDisplay.from_embeddings(vectors, random_state=0)
    assert type(display.positions) is np.ndarray
    np.testing.assert_array_equal(display.positions, expected)
