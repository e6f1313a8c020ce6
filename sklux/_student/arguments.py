"""What `ReLUProjection.fit` was given: checked, before any work."""

from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from types import ModuleType
from typing import Literal

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data

from sklux._student.network import check_csr
from sklux._utils.typing import MatrixLike

DEFAULT_N_COMPONENTS = 256
LOSSES = ("cosine", "similarity_kl")
# Of larger features, and of those smaller than its inverse, float32 cannot add squares.
LARGEST_VALUE = 1e15


def check_hidden_layer_sizes(hidden_layer_sizes: Iterable[int]) -> tuple[int, ...]:
    """Return the sizes as a tuple of int.

    Parameters
    ----------
    hidden_layer_sizes : iterable of int
        The parameter.

    Returns
    -------
    tuple of int
        The same sizes.

    Raises
    ------
    ValueError
        If a size is no int, or below 1.
    """
    sizes = tuple(hidden_layer_sizes)
    if not all(
        isinstance(size, Integral) and not isinstance(size, bool) and size >= 1
        for size in sizes
    ):
        raise ValueError(
            "The 'hidden_layer_sizes' parameter of ReLUProjection must be a "
            f"sequence of int >= 1. Got {hidden_layer_sizes!r} instead."
        )
    return tuple(int(size) for size in sizes)


def check_loss(loss: str | Mapping[str, float]) -> dict[str, float]:
    """Return the weights of the distillation losses, by name.

    Parameters
    ----------
    loss : str or mapping of str to float
        The parameter.

    Returns
    -------
    dict of str to float
        Losses whose weight is not 0.

    Raises
    ------
    ValueError
        If a name is unknown, a weight is negative or not finite, or none is above 0.
    """
    if isinstance(loss, str):
        return {loss: 1.0}
    is_valid = set(loss) <= set(LOSSES) and all(
        isinstance(weight, Real) and 0 <= weight < np.inf for weight in loss.values()
    )
    if not (is_valid and any(loss.values())):
        raise ValueError(
            f"The 'loss' parameter of ReLUProjection must be one of {LOSSES}, or a "
            "dict with a weight, at least one of them above 0, for one or both. "
            f"Got {loss!r} instead."
        )
    return {name: float(weight) for name, weight in loss.items() if weight}


def check_features(estimator: BaseEstimator, X: MatrixLike) -> sparse.csr_matrix:
    """Return the features of documents, checked.

    Parameters
    ----------
    estimator : ReLUProjection
        Gets the number and the names of the features.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Features.

    Returns
    -------
    CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Valid, and with a value other than 0.

    Raises
    ------
    ValueError
        If nothing can be learnt from them, as in `ReLUProjection.fit`.
    """
    X = validate_data(
        estimator, X, accept_sparse="csr", dtype=np.float32, ensure_min_samples=2
    )
    X = sparse.csr_matrix(X)
    check_csr(X)
    check_has_values(X, "X")
    _check_scale(X)
    return X


def _check_scale(X):
    """Refuse features whose squares leave float32: their rows could not be scaled."""
    largest = np.abs(X.data).max()
    if not 1 / LARGEST_VALUE <= largest <= LARGEST_VALUE:
        raise ValueError(
            f"The largest value of X is {largest:.3g} in size. It must be between "
            f"{1 / LARGEST_VALUE:g} and {LARGEST_VALUE:g}: scale X, for instance by "
            "sklearn.preprocessing.normalize."
        )


def check_has_values(X: sparse.csr_matrix, name: str) -> None:
    """Refuse features that are all 0.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features)
        Features.
    name : str
        What to call them in the message.

    Raises
    ------
    ValueError
        If there is no other value.
    """
    if not X.data.any():
        raise ValueError(
            f"{name} has no value but 0: there is nothing to learn from. Are all "
            "documents empty, or without a known term?"
        )


def check_views(
    X_views: MatrixLike | None,
    shape: tuple[int, int],
    contrastive_weight: float | Literal["auto"],
) -> sparse.csr_matrix | None:
    """Return the views of the documents, if there are any.

    Parameters
    ----------
    X_views : {array-like, sparse matrix} of shape (2 * n_samples, n_features), or None
        First views of all documents, then their second views.
    shape : (int, int)
        Shape of the documents' features.
    contrastive_weight : float or 'auto'
        The parameter.

    Returns
    -------
    CSR matrix of shape (2 * n_samples, n_features), dtype=np.float32, or None
        The views.

    Raises
    ------
    ValueError
        If they are of another shape or not finite, or ``contrastive_weight`` is a
        number above 0 and there are none.
    """
    if X_views is None:
        if contrastive_weight != "auto" and contrastive_weight > 0:
            raise ValueError(
                f"contrastive_weight={contrastive_weight} needs two views of each "
                "document: give X_views to fit, or set contrastive_weight=0. "
                "LuxicalVectorizer makes them."
            )
        return None
    X_views = check_array(
        X_views, accept_sparse="csr", dtype=np.float32, input_name="X_views"
    )
    wanted = (2 * shape[0], shape[1])
    if X_views.shape != wanted:
        raise ValueError(
            "X_views must have the first views of all documents, then the second "
            f"ones: shape {wanted}. Got {X_views.shape} instead."
        )
    X_views = sparse.csr_matrix(X_views)
    check_csr(X_views)
    return X_views


def check_n_components(
    n_components: int, n_embedded: int, n_teacher_components: int
) -> int:
    """Return the width of the student: what was asked for, if it can be had.

    Parameters
    ----------
    n_components : int
        The parameter; its default is reduced where it is too large.
    n_embedded : int
        Documents taught.
    n_teacher_components : int
        Width of the teacher's vectors.

    Returns
    -------
    int
        At most the smaller of both.

    Raises
    ------
    ValueError
        If ``n_components`` is larger, and not the default.
    """
    limit = min(n_embedded, n_teacher_components)
    if n_components > limit and n_components != DEFAULT_N_COMPONENTS:
        raise ValueError(
            f"n_components={n_components} must be at most {limit}: there "
            f"are {n_embedded} documents taught and the teacher's vectors have "
            f"{n_teacher_components} components. Set n_components={limit} or "
            "lower, or teach more documents."
        )
    return int(min(n_components, limit))


def check_device(torch: ModuleType, device: str) -> None:
    """Refuse a device that torch does not know or does not have here.

    Parameters
    ----------
    torch : module
        The library.
    device : str
        The parameter.

    Raises
    ------
    ValueError
        If nothing can be computed there.
    """
    try:
        torch.zeros(1, device=device).cpu().numpy()
    # torch.cuda asserts that it was built; an unknown backend fails to import.
    except (RuntimeError, ImportError, AssertionError) as error:
        raise ValueError(
            f"The 'device' parameter of ReLUProjection must be a torch device of this "
            f"machine, such as 'cpu'. Got {device!r} instead ({error})."
        ) from error
