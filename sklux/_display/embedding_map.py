"""Picture of embeddings: each document a point, similar ones near each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.utils import check_array, check_random_state

from sklux._display.drawing import (
    axes_to_draw_on,
    merged_style,
    root_figure,
    write_title,
)
from sklux._utils.documents import is_missing
from sklux._utils.optional import import_optional
from sklux._utils.similarity import unit_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Classes that have a colour of their own; those of the others, the smaller ones, share
# a grey.
MAX_COLORS = 20
OTHER_COLOR = "0.75"
MISSING_NAME = "missing"
MAX_PERPLEXITY = 30.0


class EmbeddingMapDisplay:
    """Map of documents in two dimensions, coloured by class.

    `from_embeddings` and `from_estimator` make one. All parameters are stored as
    attributes.

    Parameters
    ----------
    positions : array-like of shape (n_samples, 2)
        Where the documents stand.

    labels : array-like of shape (n_samples,) or None, default=None
        Class of each document, of any kind; None means one colour for all. Those
        that are None, NaN, NaT or NA make a class of their own, named "missing".

    label_names : sequence of str or None, default=None
        Names of the classes 0, 1, ... where the labels are such numbers.

    estimator_name : str or None, default=None
        Title of the picture.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the map.

    figure_ : matplotlib Figure
        The figure.

    scatters_ : list of matplotlib PathCollection
        The points: those of the classes without a colour, if there are any, then of
        each class, largest first.

    texts_ : list of matplotlib Text
        Names of the classes, each at the median of its points. Those that would cover
        the name of a larger class are not visible.

    See Also
    --------
    sklearn.manifold.TSNE : Places the documents.

    Examples
    --------
    >>> from sklux import EmbeddingMapDisplay
    >>> display = EmbeddingMapDisplay(
    ...     positions=[[0, 0], [0, 1], [4, 4]], labels=["fruit", "fruit", "car"]
    ... )
    >>> display.plot()
    <...EmbeddingMapDisplay object at ...>
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
        """Draw a map of vectors: t-SNE of their cosines, started from their PCA.

        Parameters
        ----------
        embeddings : array-like of shape (n_samples, n_components)
            Vectors, of any length.

        labels : array-like of shape (n_samples,) or None, default=None
            Class of each document.

        label_names : sequence of str or None, default=None
            Names of the classes 0, 1, ... where the labels are such numbers.

        sample_size : int or None, default=2000
            Documents to draw at random, at most: t-SNE takes seconds for two thousand,
            and minutes for many. None means all.

        random_state : int, RandomState instance or None, default=None
            Source of the draw, and of t-SNE.

        ax : matplotlib Axes or None, default=None
            Where to draw. None means a new figure.

        name : str or None, default=None
            Title of the picture.

        scatter_kw : dict or None, default=None
            Keywords for all points, of matplotlib's ``scatter``.

        Returns
        -------
        EmbeddingMapDisplay
            With the picture.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are fewer than 4 documents, a value is not finite, or the labels
            are not one for each document.

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
            embeddings, dtype=np.float32, ensure_min_samples=4, input_name="embeddings"
        )
        labels = _checked_labels(labels, len(vectors), label_names)
        is_size = isinstance(sample_size, Integral) and not isinstance(
            sample_size, bool
        )
        if sample_size is not None and not (is_size and sample_size >= 4):
            raise ValueError(
                f"sample_size must be None or an int from 4. Got {sample_size!r} "
                "instead."
            )
        random_state = check_random_state(random_state)
        if sample_size is not None and sample_size < len(vectors):
            chosen = np.sort(
                random_state.choice(len(vectors), sample_size, replace=False)
            )
            vectors = vectors[chosen]
            labels = None if labels is None else labels[chosen]
        display = cls(
            positions=map_positions(vectors, random_state),
            labels=labels,
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
            Fitted; its `transform` gives vectors of the documents.

        raw_documents : sequence of str of length n_samples
            Documents.

        labels : array-like of shape (n_samples,) or None, default=None
            Class of each document.

        label_names : sequence of str or None, default=None
            Names of the classes 0, 1, ... where the labels are such numbers.

        sample_size : int or None, default=2000
            Documents to draw at random, at most. None means all.

        random_state : int, RandomState instance or None, default=None
            Source of the draw, and of t-SNE.

        ax : matplotlib Axes or None, default=None
            Where to draw. None means a new figure.

        name : str or None, default=None
            Title of the picture. None means the class of the estimator.

        scatter_kw : dict or None, default=None
            Keywords for all points, of matplotlib's ``scatter``.

        Returns
        -------
        EmbeddingMapDisplay
            With the picture.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If the estimator is not fitted.
        ValueError
            As `from_embeddings`.

        Examples
        --------
        Any estimator that makes vectors of documents will do:

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
        """Draw the points, and write the names of the classes among them.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw. None means a new figure.

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
            If there are no points, or the labels are not one for each.
        """
        positions = check_array(self.positions, input_name="positions")
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
        self.scatters_, self.texts_ = [], []
        if labels is None:
            self.scatters_.append(ax.scatter(*positions.T, **style))
        else:
            self._plot_classes(positions, labels, style)
        ax.set(xticks=[], yticks=[])
        ax.set_aspect("equal", adjustable="datalim")
        write_title(ax, name, self.estimator_name)
        self._hide_covered_names()
        return self

    def _hide_covered_names(self):
        """Leave out names that would cover one of a larger class."""
        # Where a text lies is known once all has its place.
        self.figure_.draw_without_rendering()
        taken = []
        for text in self.texts_:
            box = text.get_window_extent()
            text.set_visible(not any(box.overlaps(other) for other in taken))
            if text.get_visible():
                taken.append(box)

    def _plot_classes(self, positions, labels, style):
        """Points class by class, and the names on top of them."""
        purpose = "EmbeddingMapDisplay.plot"
        matplotlib = import_optional("matplotlib", extra="plot", purpose=purpose)
        effects = import_optional(
            "matplotlib.patheffects", extra="plot", purpose=purpose
        )
        colors = matplotlib.colormaps["tab20"].colors
        # Strong colours first, then their pale twins.
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
                parse_math=False,  # a dollar is a dollar
                path_effects=outline,
            )
            self.texts_.append(text)

    def _scatter(self, points, color, style):
        """Draw points in a colour, unless the user gave one."""
        if style.keys().isdisjoint({"c", "color", "facecolor"}):
            style = style | {"color": [color]}
        self.scatters_.append(self.ax_.scatter(*points.T, **style))


def map_positions(
    vectors: np.ndarray, random_state: np.random.RandomState
) -> np.ndarray:
    """Places of vectors in two dimensions: t-SNE of their unit rows.

    Parameters
    ----------
    vectors : ndarray of shape (n_samples, n_components), dtype=np.float32
        Vectors, at least 4.
    random_state : RandomState
        Source of what t-SNE draws.

    Returns
    -------
    ndarray of shape (n_samples, 2), dtype=np.float32
        The places.
    """
    # The squared distance of unit rows is 2 - 2 cos.
    rows = unit_rows(vectors)
    if rows.shape[1] == 1 or np.ptp(rows, axis=0).max() == 0:
        # One direction, or one point: nothing to unfold.
        start = np.zeros((len(rows), 2), dtype=np.float32)
        start[:, 0] = rows[:, 0]
        return start
    n_wide = min(50, *rows.shape)
    rows = PCA(n_wide, random_state=random_state).fit_transform(rows)
    perplexity = min(MAX_PERPLEXITY, (len(rows) - 1) / 3)
    return TSNE(
        init="pca", perplexity=perplexity, random_state=random_state
    ).fit_transform(rows)


def _checked_labels(labels, n_documents, label_names):
    """Labels as an array of objects, one for each document, with a name each."""
    if labels is None:
        return None
    # As objects: NumPy would make the string 'nan' of a NaN among strings.
    labels = np.asarray(labels, dtype=object)
    if labels.shape != (n_documents,):
        raise ValueError(
            f"labels must have one value for each of the {n_documents} documents. Got "
            f"the shape {labels.shape} instead."
        )
    if label_names is None:
        return labels
    if np.ndim(label_names) != 1:
        raise ValueError(
            "label_names must be a sequence: the names of the classes 0, 1, ... Got "
            f"{type(label_names).__name__} instead."
        )
    for label in labels:
        is_place = isinstance(label, Integral) and 0 <= label < len(label_names)
        if not is_place and not is_missing(label):
            raise ValueError(
                "With label_names, labels must be ints from 0 to "
                f"{len(label_names) - 1}, the places of the names. Got {label!r}."
            )
    return labels


def _classes(labels, label_names):
    """Names of the classes, largest first, and the place of each label among them."""
    keys = [None if is_missing(label) else label for label in labels]
    try:
        counts = Counter(keys)
    except TypeError as error:
        raise ValueError(
            f"labels must be values that can be told apart, such as str: {error}."
        ) from error
    # Labels of several types have no order but that of their names.
    values = sorted(counts, key=lambda value: (-counts[value], str(value)))
    places = {value: place for place, value in enumerate(values)}
    texts = {
        value: value if label_names is None else list(label_names)[value]
        for value in values
        if value is not None
    }
    names = [str(texts.get(value, MISSING_NAME)) for value in values]
    return names, np.array([places[key] for key in keys])
