"""Map of embeddings: a point for each document, similar documents near each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn import config_context
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.utils import check_array, check_random_state

from sklux._display.drawing import (
    axes_to_draw_on,
    merged_style,
    root_figure,
    write_title,
)
from sklux._utils.columns import as_vectors
from sklux._utils.documents import is_missing
from sklux._utils.optional import import_optional
from sklux._utils.similarity import unit_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.colorbar import Colorbar
    from matplotlib.text import Text
    from matplotlib.transforms import BboxBase

# Number of classes with a colour of their own; all smaller classes share a grey.
MAX_COLORS = 20
OTHER_COLOR = "0.75"
MISSING_NAME = "missing"
MAX_PERPLEXITY = 30.0
# Keywords of ``scatter`` for the colour of all points, and for colours of numbers.
COLOR_KEYWORDS = {"c", "color", "facecolor"}
MAPPING_KEYWORDS = {"cmap", "norm", "vmin", "vmax", "plotnonfinite", "colorizer"}


class ColorScale(NamedTuple):
    """Labels that are numbers or dates.

    Attributes
    ----------
    values : ndarray of shape (n_samples,), dtype=np.float64
        The numbers, or days since 1970. The value of a missing label is NaN.
    is_date : bool
        Whether they are dates.
    """

    values: np.ndarray
    is_date: bool

    def ticks(self) -> dict[str, Any]:
        """Keywords of a colour bar for its ticks."""
        if not self.is_date:
            return {}
        dates = import_optional(
            "matplotlib.dates", extra="plot", purpose="EmbeddingMapDisplay.plot"
        )
        locator = dates.AutoDateLocator()
        return {"ticks": locator, "format": dates.ConciseDateFormatter(locator)}


class EmbeddingMapDisplay:
    """Map of documents in two dimensions, coloured by class.

    Use `from_embeddings` or `from_estimator` to make a map. All parameters are stored
    as attributes.

    Parameters
    ----------
    positions : array-like of shape (n_samples, 2)
        Positions of the documents.

    labels : array-like of shape (n_samples,) or None, default=None
        Class of each document, of any type, or a number or a date of each document;
        None means one colour for all documents. Classes get a colour and a name each.
        Numbers and dates get a colour bar. Numbers are labels of a float type that are
        not all whole numbers, or have more than 20 different values; ints are classes,
        as in scikit-learn, and `labels.astype(float)` makes them numbers. Labels that
        are None, NaN, NaT or NA form a class named "missing", or are grey points next
        to a colour bar.

    label_names : sequence of str or None, default=None
        Names of the classes 0, 1, ..., if the labels are such numbers.

    estimator_name : str or None, default=None
        Title of the picture.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the map.

    figure_ : matplotlib Figure
        The figure.

    scatters_ : list of matplotlib PathCollection
        The points: first the points of all grey classes, if there are any, then the
        points of each other class, largest class first. With a colour bar: first the
        points whose label is missing, if there are any, then all others.

    texts_ : list of matplotlib Text
        Names of the classes, each at the median of its points. Names that would cover
        the name of a larger class are not visible.

    colorbar_ : matplotlib Colorbar or None
        The colour bar of numbers or dates; None for classes.

    See Also
    --------
    sklearn.manifold.TSNE : Computes the positions.

    Examples
    --------
    >>> from sklux import EmbeddingMapDisplay
    >>> display = EmbeddingMapDisplay(
    ...     positions=[[0, 0], [0, 1], [4, 4]], labels=["fruit", "fruit", "car"]
    ... )
    >>> display.plot()
    <...EmbeddingMapDisplay object at ...>

    With numbers in place of classes, the colour bar can be given a title:

    >>> display = EmbeddingMapDisplay(
    ...     positions=[[0, 0], [0, 1], [4, 4]], labels=[0.5, 1.25, 9.0]
    ... ).plot()
    >>> display.colorbar_.set_label("price")
    """

    def __init__(
        self,
        *,
        positions: ArrayLike,
        labels: ArrayLike | None = None,
        label_names: Sequence[str] | None = None,
        estimator_name: str | None = None,
    ):
        self.positions = positions
        self.labels = labels
        self.label_names = label_names
        self.estimator_name = estimator_name

    @classmethod
    def from_embeddings(
        cls,
        embeddings: ArrayLike,
        labels: ArrayLike | None = None,
        *,
        label_names: Sequence[str] | None = None,
        sample_size: int | None = 2000,
        random_state: int | np.random.RandomState | None = None,
        ax: Axes | None = None,
        name: str | None = None,
        scatter_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw a map of vectors: t-SNE of their cosines, initialised by PCA.

        Parameters
        ----------
        embeddings : array-like of shape (n_samples, n_components)
            Vectors, of any length.

        labels : array-like of shape (n_samples,) or None, default=None
            Class of each document, or a number or a date, as for the class.

        label_names : sequence of str or None, default=None
            Names of the classes 0, 1, ..., if the labels are such numbers.

        sample_size : int or None, default=2000
            Largest number of documents on the map; they are sampled at random. t-SNE
            takes seconds for 2000 documents, and minutes for many more. None means all.

        random_state : int, RandomState instance or None, default=None
            Source of randomness of the sample and of t-SNE.

        ax : matplotlib Axes or None, default=None
            Axes to draw on. None means a new figure.

        name : str or None, default=None
            Title of the picture.

        scatter_kw : dict or None, default=None
            Keywords for all points, of matplotlib's ``scatter``.

        Returns
        -------
        EmbeddingMapDisplay
            The display, with the picture.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are fewer than 4 documents, a value is not finite, or the number of
            labels is not the number of documents.

        Examples
        --------
        >>> import numpy as np
        >>> from sklux import EmbeddingMapDisplay
        >>> vectors = np.random.RandomState(0).standard_normal((60, 8))
        >>> EmbeddingMapDisplay.from_embeddings(
        ...     vectors, vectors[:, 0] > 0, random_state=0
        ... )
        <...EmbeddingMapDisplay object at ...>
        """
        vectors = check_array(
            as_vectors(embeddings, "embeddings"),
            dtype=np.float32,
            ensure_min_samples=4,
            input_name="embeddings",
        )
        label_row = _checked_labels(labels, len(vectors), label_names)
        is_size = isinstance(sample_size, Integral) and not isinstance(
            sample_size, bool
        )
        if sample_size is not None and not (is_size and sample_size >= 4):
            raise ValueError(
                f"sample_size must be None or an int from 4. Got {sample_size!r} "
                "instead."
            )
        generator = check_random_state(random_state)
        if sample_size is not None and sample_size < len(vectors):
            chosen = np.sort(generator.choice(len(vectors), sample_size, replace=False))
            vectors = vectors[chosen]
            label_row = None if label_row is None else label_row[chosen]
        display = cls(
            positions=map_positions(vectors, generator),
            labels=label_row,
            label_names=label_names,
            estimator_name=name,
        )
        return display.plot(ax, scatter_kw=scatter_kw)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        raw_documents: Sequence[str],
        labels: ArrayLike | None = None,
        *,
        label_names: Sequence[str] | None = None,
        sample_size: int | None = 2000,
        random_state: int | np.random.RandomState | None = None,
        ax: Axes | None = None,
        name: str | None = None,
        scatter_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw a map of documents, embedded by a fitted estimator.

        Parameters
        ----------
        estimator : transformer
            A fitted transformer; `transform` returns vectors of the documents.

        raw_documents : sequence of str of length n_samples
            Documents.

        labels : array-like of shape (n_samples,) or None, default=None
            Class of each document, or a number or a date, as for the class.

        label_names : sequence of str or None, default=None
            Names of the classes 0, 1, ..., if the labels are such numbers.

        sample_size : int or None, default=2000
            Largest number of documents on the map; they are sampled at random. None
            means all.

        random_state : int, RandomState instance or None, default=None
            Source of randomness of the sample and of t-SNE.

        ax : matplotlib Axes or None, default=None
            Axes to draw on. None means a new figure.

        name : str or None, default=None
            Title of the picture. None means the name of the estimator's class.

        scatter_kw : dict or None, default=None
            Keywords for all points, of matplotlib's ``scatter``.

        Returns
        -------
        EmbeddingMapDisplay
            The display, with the picture.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If the estimator is not fitted.
        ValueError
            For the same reasons as in `from_embeddings`.

        Examples
        --------
        Any estimator that transforms documents into vectors can be used:

        >>> from sklearn.decomposition import TruncatedSVD
        >>> from sklearn.feature_extraction.text import TfidfVectorizer
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklux import EmbeddingMapDisplay
        >>> documents = ["a red apple", "a green apple", "a fast car", "a slow car"] * 5
        >>> lsa = make_pipeline(TfidfVectorizer(), TruncatedSVD(3)).fit(documents)
        >>> EmbeddingMapDisplay.from_estimator(
        ...     lsa, documents, ["fruit", "fruit", "car", "car"] * 5, random_state=0
        ... )
        <...EmbeddingMapDisplay object at ...>
        """
        return cls.from_embeddings(
            estimator.transform(raw_documents),
            labels,
            label_names=label_names,
            sample_size=sample_size,
            random_state=random_state,
            ax=ax,
            name=type(estimator).__name__ if name is None else name,
            scatter_kw=scatter_kw,
        )

    def plot(
        self,
        ax: Axes | None = None,
        *,
        name: str | None = None,
        scatter_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the points and the names of the classes.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to draw on. None means a new figure.

        name : str or None, default=None
            Title of the picture. None means `estimator_name`.

        scatter_kw : dict or None, default=None
            Keywords for all points, of matplotlib's ``scatter``.

        Returns
        -------
        self : object
            The display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are no points, or the number of labels is not the number of points.
        """
        positions = check_array(
            as_vectors(self.positions, "positions"), input_name="positions"
        )
        if positions.shape[1] != 2:
            raise ValueError(
                f"positions must have 2 columns. Got {positions.shape[1]} instead."
            )
        labels = _checked_labels(self.labels, len(positions), self.label_names)
        purpose = "EmbeddingMapDisplay.plot"
        collections = import_optional(
            "matplotlib.collections", extra="plot", purpose=purpose
        )
        self.ax_ = ax = axes_to_draw_on(ax, purpose, figsize=(8, 5))
        self.figure_ = root_figure(ax)
        defaults = {"s": 10, "linewidth": 0, "alpha": 0.8}
        style = merged_style(collections.PathCollection, scatter_kw, **defaults)
        self.scatters_: list[PathCollection] = []
        self.texts_: list[Text] = []
        self.colorbar_: Colorbar | None = None
        scale = None if labels is None else color_scale(labels, self.label_names)
        if labels is None:
            self.scatters_.append(ax.scatter(*positions.T, **style))
        elif scale is None:
            self._plot_classes(positions, labels, style)
        else:
            self._plot_scale(positions, scale, style)
        ax.set(xticks=[], yticks=[])
        ax.set_aspect("equal", adjustable="datalim")
        write_title(ax, name, self.estimator_name)
        self._hide_covered_names()
        return self

    def _hide_covered_names(self) -> None:
        """Hide each name that would cover the name of a larger class."""
        # The extent of a text is final only after the layout of the figure.
        self.figure_.draw_without_rendering()
        taken: list[BboxBase] = []
        for text in self.texts_:
            box = text.get_window_extent()
            text.set_visible(not any(box.overlaps(other) for other in taken))
            if text.get_visible():
                taken.append(box)

    def _plot_classes(
        self, positions: np.ndarray, labels: np.ndarray, style: dict[str, Any]
    ) -> None:
        """Draw the points class by class, and the names on top of them."""
        purpose = "EmbeddingMapDisplay.plot"
        matplotlib = import_optional("matplotlib", extra="plot", purpose=purpose)
        effects = import_optional(
            "matplotlib.patheffects", extra="plot", purpose=purpose
        )
        colors = matplotlib.colormaps["tab20"].colors
        # tab20 alternates strong and pale colours; the strong ones come first here.
        colors = [*colors[::2], *colors[1::2]][:MAX_COLORS]
        names, places = _classes(labels, self.label_names)
        is_other = places >= len(colors)
        if is_other.any():
            self._scatter(positions[is_other], OTHER_COLOR, style)
        outline = [effects.withStroke(linewidth=3, foreground="white", alpha=0.8)]
        for place, (name, color) in enumerate(zip(names, colors)):
            points = positions[places == place]
            self._scatter(points, color, {"label": name} | style)
            text = self.ax_.annotate(
                name,
                np.median(points, axis=0),
                ha="center",
                va="center",
                fontsize=9,
                parse_math=False,  # a dollar sign does not begin a formula
                path_effects=outline,
            )
            self.texts_.append(text)

    def _plot_scale(
        self, positions: np.ndarray, scale: ColorScale, style: dict[str, Any]
    ) -> None:
        """Draw the points in colours of numbers, and a colour bar."""
        has_own_color = not style.keys().isdisjoint(COLOR_KEYWORDS)
        is_missing = np.isnan(scale.values)
        if is_missing.any():
            grey = {key: style[key] for key in style.keys() - MAPPING_KEYWORDS}
            named = {"label": MISSING_NAME} | grey
            self._scatter(positions[is_missing], OTHER_COLOR, named)
            self.ax_.legend()
        colors = {} if has_own_color else {"c": scale.values[~is_missing]}
        points = self.ax_.scatter(*positions[~is_missing].T, **style | colors)
        self.scatters_.append(points)
        if not has_own_color:
            bar = self.ax_.figure.colorbar(points, ax=self.ax_, **scale.ticks())
            # Colours of points on top of each other mix. The bar shows pure colours.
            bar.solids.set_alpha(1)
            self.colorbar_ = bar

    def _scatter(
        self, points: np.ndarray, color: object, style: dict[str, Any]
    ) -> None:
        """Draw points in a colour, unless the user chose a colour for all points."""
        if style.keys().isdisjoint(COLOR_KEYWORDS):
            style = style | {"color": [color]}
        self.scatters_.append(self.ax_.scatter(*points.T, **style))


def color_scale(
    labels: np.ndarray, label_names: Sequence[str] | None
) -> ColorScale | None:
    """Return labels as numbers, if they are numbers or dates and not classes.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,), dtype=object
        Labels, of which some may be missing.
    label_names : sequence of str or None
        Names of classes, whose labels are positions.

    Returns
    -------
    ColorScale or None
        None for classes: ints, and whole numbers with at most 20 different values.

    Raises
    ------
    ValueError
        If numbers are infinite, or labels are durations or complex numbers.
    """
    is_present = np.array([not is_missing(label) for label in labels], dtype=bool)
    present = labels[is_present]
    if label_names is not None or len(present) == 0:
        return None
    _check_labels_have_an_order(present)
    is_date = all(isinstance(label, date | np.datetime64) for label in present)
    values = np.full(len(labels), np.nan)
    if is_date:
        dates = import_optional(
            "matplotlib.dates", extra="plot", purpose="EmbeddingMapDisplay.plot"
        )
        values[is_present] = dates.date2num(list(present))
        return ColorScale(values, is_date)
    if any(
        isinstance(label, bool) or not isinstance(label, Real | Decimal)
        for label in present
    ):
        return None
    if all(isinstance(label, Integral) for label in present):
        return None
    values[is_present] = present.astype(np.float64)
    if np.isinf(values).any():
        raise ValueError(
            "labels has infinity, which has no place on a colour bar, first at "
            f"position {np.argmax(np.isinf(values))}. Replace it by NaN."
        )
    distinct = np.unique(values[is_present])
    if len(distinct) <= MAX_COLORS and (distinct == np.floor(distinct)).all():
        return None
    return ColorScale(values, is_date)


def _check_labels_have_an_order(labels: np.ndarray) -> None:
    """Refuse labels that are neither classes nor numbers that have an order."""
    for kind, remedy in (
        (timedelta | np.timedelta64, "seconds"),
        (complex | np.complexfloating, "their absolute values"),
    ):
        unordered = [label for label in labels if isinstance(label, kind)]
        if unordered:
            raise ValueError(
                f"labels must be classes, numbers or dates. Got {unordered[0]!r}: "
                f"convert the labels to numbers, such as {remedy}."
            )


def map_positions(
    vectors: np.ndarray, random_state: np.random.RandomState
) -> np.ndarray:
    """Compute positions of vectors in two dimensions: t-SNE of their unit rows.

    Parameters
    ----------
    vectors : ndarray of shape (n_samples, n_components), dtype=np.float32
        Vectors, at least 4.
    random_state : RandomState
        Source of randomness of t-SNE.

    Returns
    -------
    ndarray of shape (n_samples, 2), dtype=np.float32
        The positions.
    """
    # The squared distance of unit rows is 2 - 2 cos.
    rows = unit_rows(vectors)
    if rows.shape[1] == 1 or np.ptp(rows, axis=0).max() == 0:
        # All points lie on a line or in one point: t-SNE has nothing to do.
        start = np.zeros((len(rows), 2), dtype=np.float32)
        start[:, 0] = rows[:, 0]
        return start
    n_wide = min(50, *rows.shape)
    perplexity = min(MAX_PERPLEXITY, (len(rows) - 1) / 3)
    tsne = TSNE(init="pca", perplexity=perplexity, random_state=random_state)
    # The user's setting may be tables.
    with config_context(transform_output="default"):
        rows = PCA(n_wide, random_state=random_state).fit_transform(rows)
        return tsne.fit_transform(rows)


def _checked_labels(
    labels: ArrayLike | None, n_documents: int, label_names: Sequence[str] | None
) -> np.ndarray | None:
    """Return one label for each document as an array of objects; check the names."""
    if labels is None:
        return None
    labels = _as_objects(labels)
    if labels.shape != (n_documents,):
        raise ValueError(
            f"labels must have one value for each of the {n_documents} documents. Got "
            f"an array of shape {labels.shape} instead."
        )
    if label_names is None:
        return labels
    if np.ndim(label_names) != 1:
        raise ValueError(
            "label_names must be a sequence: the names of the classes 0, 1, ... Got "
            f"{type(label_names).__name__} instead."
        )
    for label in labels:
        place = _without_fraction(label)
        is_place = isinstance(place, Integral) and 0 <= int(place) < len(label_names)
        if not is_place and not is_missing(label):
            raise ValueError(
                "With label_names, labels must be ints from 0 to "
                f"{len(label_names) - 1}, the positions of the names. Got {label!r}."
            )
    return labels


def _as_objects(labels: Any) -> np.ndarray:
    """Labels as an array of Python objects."""
    if isinstance(labels, np.ma.MaskedArray):
        labels = labels.tolist()  # a masked value becomes None
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "mM":
        # Nanoseconds would become ints.
        labels = labels.astype(f"{labels.dtype.name.split('[')[0]}[us]")
    # NumPy turns a NaN among strings into the string 'nan'.
    return np.asarray(labels, dtype=object)


def _without_fraction(label: Any) -> Any:
    """A float without a fraction as an int; any other label unchanged."""
    # A column of ints in which a value is missing is a column of floats.
    if isinstance(label, float | np.floating) and float(label).is_integer():
        return int(label)
    return label


def _classes(
    labels: np.ndarray, label_names: Sequence[str] | None
) -> tuple[list[str], np.ndarray]:
    """Names of the classes, largest first, and the class of each label as a number."""
    keys = [None if is_missing(label) else _without_fraction(label) for label in labels]
    try:
        counts = Counter(keys)
    except TypeError as error:
        raise ValueError(
            f"labels must be hashable values, such as str: {error}."
        ) from error
    # Labels of different types cannot be compared, so their names are.
    values = sorted(counts, key=lambda value: (-counts[value], str(value)))
    places = {value: place for place, value in enumerate(values)}
    texts = {
        value: value if label_names is None else list(label_names)[value]
        for value in values
        if value is not None
    }
    names = [str(texts.get(value, MISSING_NAME)) for value in values]
    return names, np.array([places[key] for key in keys])
