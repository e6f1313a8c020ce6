"""Arrays of numbers, from whatever holds them."""

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
        If they are no numbers, or of no regular shape.
    """
    if hasattr(values, "toarray"):
        values = values.toarray()
    if hasattr(values, "detach"):
        # NumPy has no bfloat16.
        values = values.detach().cpu().float().numpy()
    values = np.asarray(values)
    if np.iscomplexobj(values):
        raise TypeError("vectors are complex, but must be real numbers")
    with np.errstate(over="ignore"):
        return values.astype(np.float32, copy=False)
