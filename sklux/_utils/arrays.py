"""Conversion of vectors of any type to float arrays."""

import numpy as np


def as_float_array(values: object) -> np.ndarray:
    """Convert arrays, lists, sparse matrices and torch tensors.

    Parameters
    ----------
    values : array-like, sparse matrix or torch.Tensor
        Numbers.

    Returns
    -------
    ndarray, dtype=np.float32
        The same numbers; those too large for float32 are infinite.

    Raises
    ------
    TypeError, ValueError or RuntimeError
        If the values are not numbers, or their shape is not regular.
    """
    if hasattr(values, "toarray"):
        values = values.toarray()
    if hasattr(values, "detach"):
        # NumPy does not have the type bfloat16.
        values = values.detach().cpu().float().numpy()
    values = np.asarray(values)
    if np.iscomplexobj(values):
        raise TypeError("vectors are complex, but must be real numbers")
    with np.errstate(over="ignore"):
        return values.astype(np.float32, copy=False)
