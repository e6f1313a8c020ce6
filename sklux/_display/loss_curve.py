"""Picture of a training: the loss and the held-out score of each epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklux._display.drawing import (
    axes_to_draw_on,
    check_paired,
    merged_style,
    root_figure,
    row_of_numbers,
    write_title,
)
from sklux._student.projection import ReLUProjection
from sklux._utils.optional import import_optional
from sklux._vectorizer import LuxicalVectorizer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D
    from matplotlib.typing import ColorType


class LossCurveDisplay:
    """Training loss and, on a second axis, held-out score of each epoch.

    Use `from_estimator` to make a display of a fitted model. All parameters are stored
    as attributes.

    Parameters
    ----------
    loss_curve : sequence of float of length n_epochs
        Mean training loss of each epoch.

    validation_scores : sequence of float of length n_epochs or None, default=None
        Share of the teacher's nearest held-out documents that the student also finds,
        after each epoch; NaN if it is not known. None without held-out documents.

    estimator_name : str or None, default=None
        Title of the picture.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the loss.

    figure_ : matplotlib Figure
        The figure.

    line_ : matplotlib Line2D
        Line of the loss.

    score_ax_ : matplotlib Axes or None
        Axes of the score, on the right. None without a score.

    score_line_ : matplotlib Line2D or None
        Line of the score. None without a score.

    best_point_ : matplotlib Line2D or None
        Ring at the best score. `ReLUProjection` keeps the weights of this epoch or of a
        later one: of the last epoch whose score is within one standard error of the
        best. None without a score.

    See Also
    --------
    ReLUProjection : Stores the numbers in `loss_curve_` and `validation_scores_`.

    Examples
    --------
    >>> from sklux import LossCurveDisplay
    >>> display = LossCurveDisplay(
    ...     loss_curve=[0.5, 0.3, 0.25], validation_scores=[0.4, 0.5, 0.48]
    ... )
    >>> display.plot()
    <...LossCurveDisplay object at ...>
    """

    def __init__(
        self,
        *,
        loss_curve: Sequence[float],
        validation_scores: Sequence[float] | None = None,
        estimator_name: str | None = None,
    ):
        self.loss_curve = loss_curve
        self.validation_scores = validation_scores
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        ax: Axes | None = None,
        name: str | None = None,
        line_kw: dict[str, Any] | None = None,
        score_line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the training of a fitted model.

        Parameters
        ----------
        estimator : ReLUProjection, LuxicalVectorizer or Pipeline
            The fitted model, or a pipeline with such a model as a step. If a pipeline
            has several of them, the last one is drawn.

        ax : matplotlib Axes or None, default=None
            Axes to draw on; draw only one training on them. None means a new figure.

        name : str or None, default=None
            Title of the picture. None means the name of the model's class.

        line_kw : dict or None, default=None
            Keywords for the line of the loss.

        score_line_kw : dict or None, default=None
            Keywords for the line of the score.

        Returns
        -------
        LossCurveDisplay
            The display, with the picture.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If the model is not fitted.
        TypeError
            If the estimator is not a model that sklux trains.
        ValueError
            If the model has no loss curve, because it was read from a Luxical file.

        Examples
        --------
        >>> import numpy as np
        >>> from sklux import LossCurveDisplay, ReLUProjection
        >>> X = np.random.RandomState(0).random_sample((60, 8))
        >>> projection = ReLUProjection(2, random_state=0).fit(X, X[:, :4])
        >>> LossCurveDisplay.from_estimator(projection)
        <...LossCurveDisplay object at ...>
        """
        model = _trained_step(estimator)
        if model is None:
            raise TypeError(
                "LossCurveDisplay.from_estimator needs a ReLUProjection, a "
                "LuxicalVectorizer, or a Pipeline with one of them as a step. Got "
                f"{type(estimator).__name__} instead."
            )
        check_is_fitted(model)
        projection: Any = getattr(model, "projection_", model)
        display = cls(
            loss_curve=projection.loss_curve_,
            validation_scores=projection.validation_scores_,
            estimator_name=type(model).__name__,
        )
        return display.plot(ax, name=name, line_kw=line_kw, score_line_kw=score_line_kw)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        name: str | None = None,
        line_kw: dict[str, Any] | None = None,
        score_line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the loss and the score.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to draw on; draw only one training on them. None means a new figure.

        name : str or None, default=None
            Title of the picture. None means `estimator_name`.

        line_kw : dict or None, default=None
            Keywords for the line of the loss.

        score_line_kw : dict or None, default=None
            Keywords for the line of the score.

        Returns
        -------
        self : object
            The display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there is no loss, or the number of scores is not the number of epochs.
        """
        loss, scores = self._checked_curves()
        purpose = "LossCurveDisplay.plot"
        ticker = import_optional("matplotlib.ticker", extra="plot", purpose=purpose)
        lines = import_optional("matplotlib.lines", extra="plot", purpose=purpose)
        self.ax_ = ax = axes_to_draw_on(ax, purpose)
        self.figure_ = root_figure(ax)
        self.line_: Line2D
        self.score_ax_: Axes | None = None
        self.score_line_: Line2D | None = None
        self.best_point_: Line2D | None = None

        style = {"color": "C0", "marker": "o", "label": "training loss"}
        epochs = np.arange(1, len(loss) + 1)
        (self.line_,) = ax.plot(
            epochs, loss, **merged_style(lines.Line2D, line_kw, **style)
        )
        ax.set(xlabel="Epoch", xlim=(0.5, len(epochs) + 0.5))
        ax.set_ylabel("Training loss", color=self.line_.get_color())
        locator = ticker.MaxNLocator(integer=True, min_n_ticks=1)
        ax.xaxis.set_major_locator(locator)
        ax.spines["top"].set_visible(False)
        if scores is None:
            ax.spines["right"].set_visible(False)
        else:
            style = {"color": "C1", "marker": "s", "linestyle": "--"}
            style["label"] = "held-out neighbour recall"
            style = merged_style(lines.Line2D, score_line_kw, **style)
            self._plot_scores(epochs, scores, style)
        write_title(ax, name, self.estimator_name)
        return self

    def _plot_scores(
        self, epochs: np.ndarray, scores: np.ndarray, style: dict[str, Any]
    ) -> None:
        """Draw the scores on a second axis, and a ring at the best score."""
        self.score_ax_ = score_ax = self.ax_.twinx()
        (self.score_line_,) = score_ax.plot(epochs, scores, **style)
        color = self.score_line_.get_color()
        if not np.isnan(scores).all():
            best = np.nanargmax(scores)
            self._ring(score_ax, (epochs[best], scores[best]), color)
        score_ax.set_ylabel("Held-out neighbour recall", color=color)
        score_ax.margins(y=0.15)  # space for the word "best"
        score_ax.spines["top"].set_visible(False)

    def _ring(
        self, score_ax: Axes, place: tuple[float, float], color: ColorType
    ) -> None:
        """Draw a ring and the word "best" at the best score."""
        (self.best_point_,) = score_ax.plot(
            *place,
            color=color,
            label="best",
            linestyle="none",
            marker="o",
            markersize=13,
            markerfacecolor="none",
        )
        score_ax.annotate(
            "best",
            place,
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
            color=color,
        )

    def _checked_curves(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the loss and the scores, if there are any, as arrays."""
        if np.size(self.loss_curve) == 0:
            raise ValueError(
                "loss_curve is empty: there is no training to draw. A model that was "
                "read from a Luxical file has no loss curve; fit a model with sklux."
            )
        loss = row_of_numbers("loss_curve", self.loss_curve)
        if self.validation_scores is None:
            return loss, None
        scores = row_of_numbers("validation_scores", self.validation_scores)
        check_paired(loss_curve=loss, validation_scores=scores)
        return loss, scores


def _trained_step(
    estimator: object,
) -> ReLUProjection | LuxicalVectorizer | None:
    """The last model in an estimator that sklux trains, or None."""
    if isinstance(estimator, (ReLUProjection, LuxicalVectorizer)):
        return estimator
    if isinstance(estimator, Pipeline):
        steps = (_trained_step(step) for _, step in reversed(estimator.steps))
        return next((step for step in steps if step is not None), None)
    return None
