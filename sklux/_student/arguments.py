"""Checks of the parameters and arguments of `ReLUProjection.fit`."""

from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from types import ModuleType
from typing import Literal

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data

from sklux._student.network import check_csr
from sklux._utils.columns import as_vectors
from sklux._utils.typing import MatrixLike

DEFAULT_N_COMPONENTS = 256
LOSSES = ("cosine", "similarity_kl")
# The value of `hidden_layer_sizes` of a network with tied rows.
TIED: Literal["tied"] = "tied"
HiddenLayers = tuple[int, ...] | Literal["tied"]
# The loss 'auto', and temperatures 'auto' of the similarity loss with another loss
# and alone. With another loss the nearest documents should count; 3 is Luxical's.
AUTO_LOSS = {"cosine": 1.0, "similarity_kl": 20.0}
AUTO_TEMPERATURE, LUXICAL_TEMPERATURE = 0.1, 3.0
# Squares of larger values, or of values below its inverse, do not fit into float32.
LARGEST_VALUE = 1e15


def check_hidden_layer_sizes(
    hidden_layer_sizes: Iterable[int] | int | Literal["tied"],
) -> HiddenLayers:
    """Check the sizes of the hidden layers.

    Parameters
    ----------
    hidden_layer_sizes : int, iterable of int or 'tied'
        The parameter of `ReLUProjection`. An int is the size of the only layer.

    Returns
    -------
    tuple of int or 'tied'
        The sizes as Python's own int.

    Raises
    ------
    ValueError
        If a size is not an int, or is below 1.
    """
    if isinstance(hidden_layer_sizes, str) and hidden_layer_sizes == TIED:
        return TIED
    if isinstance(hidden_layer_sizes, Iterable):
        sizes = tuple(hidden_layer_sizes)
    else:
        sizes = (hidden_layer_sizes,)
    if not all(
        isinstance(size, Integral) and not isinstance(size, bool) and size >= 1
        for size in sizes
    ):
        raise ValueError(
            "The 'hidden_layer_sizes' parameter of ReLUProjection must be 'tied', an "
            f"int >= 1 or a sequence of them. Got {hidden_layer_sizes!r} instead."
        )
    return tuple(int(size) for size in sizes)


def check_loss(loss: str | Mapping[str, float]) -> dict[str, float]:
    """Check the distillation losses.

    Parameters
    ----------
    loss : str or mapping of str to float
        The parameter of `ReLUProjection`.

    Returns
    -------
    dict of str to float
        Weights of the losses by name, without weights of 0.

    Raises
    ------
    ValueError
        If a name is unknown, a weight is negative or not finite, or all weights are 0.
    """
    if isinstance(loss, str):
        return dict(AUTO_LOSS) if loss == "auto" else {loss: 1.0}
    is_valid = set(loss) <= set(LOSSES) and all(
        isinstance(weight, Real) and 0 <= weight < np.inf for weight in loss.values()
    )
    if not (is_valid and any(loss.values())):
        raise ValueError(
            "The 'loss' parameter of ReLUProjection must be 'auto', one of "
            f"{LOSSES}, or a dict that gives weights to one or both, at least one "
            f"weight above 0. Got {loss!r} instead."
        )
    return {name: float(weight) for name, weight in loss.items() if weight}


def check_features(
    estimator: BaseEstimator, X: MatrixLike, *, reset: bool = True
) -> sparse.csr_matrix:
    """Check the features of the documents.

    Parameters
    ----------
    estimator : ReLUProjection
        Its attributes `n_features_in_` and `feature_names_in_` are set.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Features.
    reset : bool, default=True
        If False, the attributes are not set but compared with ``X``.

    Returns
    -------
    CSR matrix of shape (n_samples, n_features), dtype=np.float32
        A valid matrix with at least one value other than 0.

    Raises
    ------
    ValueError
        If ``X`` is not valid, is too large or too small to be scaled, or has only
        zeros.
    """
    checked: sparse.csr_matrix = sparse.csr_matrix(
        validate_data(
            estimator,
            as_vectors(X, "X"),
            accept_sparse="csr",
            dtype=np.float32,
            ensure_min_samples=2,
            reset=reset,
        )
    )
    check_csr(checked)
    check_has_values(checked, "X")
    _check_scale(checked)
    return checked


def _check_scale(X: sparse.csr_matrix) -> None:
    """Refuse features whose squares do not fit into float32."""
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
        Name of the matrix in the message.

    Raises
    ------
    ValueError
        If there is no value other than 0.
    """
    if not X.data.any():
        raise ValueError(
            f"{name} has no value other than 0: there is nothing to learn from. Are "
            "all documents empty, or without a known term?"
        )


def check_views(
    X_views: MatrixLike | None,
    shape: tuple[int, int],
    contrastive_weight: float | Literal["auto"],
) -> sparse.csr_matrix | None:
    """Check the views of the documents, if there are any.

    Parameters
    ----------
    X_views : {array-like, sparse matrix} of shape (2 * n_samples, n_features), or None
        First views of all documents, then their second views.
    shape : tuple of (int, int)
        Shape of the matrix of the documents, (n_samples, n_features).
    contrastive_weight : float or 'auto'
        The parameter of `ReLUProjection`.

    Returns
    -------
    CSR matrix of shape (2 * n_samples, n_features), dtype=np.float32, or None
        The views.

    Raises
    ------
    ValueError
        If ``X_views`` has the wrong shape or a value that is not finite, or if it is
        None and ``contrastive_weight`` is a number above 0.
    """
    if X_views is None:
        if contrastive_weight != "auto" and contrastive_weight > 0:
            raise ValueError(
                f"contrastive_weight={contrastive_weight} needs two views of each "
                "document: give X_views to fit, or set contrastive_weight=0. "
                "LuxicalVectorizer makes the views itself."
            )
        return None
    valid = check_array(
        as_vectors(X_views, "X_views"),
        accept_sparse="csr",
        dtype=np.float32,
        input_name="X_views",
    )
    required = (2 * shape[0], shape[1])
    if valid.shape != required:
        raise ValueError(
            "X_views must have the first views of all documents, then their second "
            f"views: shape {required}. Got {valid.shape} instead."
        )
    checked: sparse.csr_matrix = sparse.csr_matrix(valid)
    check_csr(checked)
    return checked


def check_n_components(
    n_components: int, n_embedded: int, n_teacher_components: int
) -> int:
    """Return the width of the student.

    Parameters
    ----------
    n_components : int
        The parameter of `ReLUProjection`. The default is reduced if it is too large.
    n_embedded : int
        Number of documents with a teacher embedding.
    n_teacher_components : int
        Width of the teacher embeddings.

    Returns
    -------
    int
        At most ``n_embedded`` and ``n_teacher_components``.

    Raises
    ------
    ValueError
        If ``n_components`` is larger than these, and is not the default.
    """
    limit = min(n_embedded, n_teacher_components)
    if n_components > limit and n_components != DEFAULT_N_COMPONENTS:
        found = "is 1 document" if n_embedded == 1 else f"are {n_embedded} documents"
        raise ValueError(
            f"n_components={n_components} must be at most {limit}: there {found} "
            "with a teacher embedding, and the width of the teacher embeddings is "
            f"{n_teacher_components}. Set n_components={limit} or lower, or have the "
            "teacher embed more documents."
        )
    return int(min(n_components, limit))


def check_device(torch: ModuleType, device: str) -> None:
    """Refuse a device that torch cannot use on this machine.

    Parameters
    ----------
    torch : module
        The library.
    device : str
        The parameter of `ReLUProjection`.

    Raises
    ------
    ValueError
        If a computation on the device fails.
    """
    try:
        # NumPy does not have bfloat16, which may be torch's default type.
        torch.zeros(1, dtype=torch.float32, device=device).cpu().numpy()
    # AssertionError: torch was built without CUDA. ImportError: the backend is missing.
    except (RuntimeError, ImportError, AssertionError) as error:
        raise ValueError(
            f"The 'device' parameter of ReLUProjection must be a torch device of this "
            f"machine, such as 'cpu'. Got {device!r} instead ({error})."
        ) from error
