"""Types of arguments, and scikit-learn's decorators with types.

scikit-learn has no types, so a type checker loses the signature of a `fit` that one of
its decorators wraps. The decorators here do the same and keep the signature.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias, TypeVar

from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import _fit_context
from sklearn.utils import _param_validation

MatrixLike: TypeAlias = ArrayLike | sparse.spmatrix | sparse.sparray
Function = TypeVar("Function", bound=Callable[..., object])


def fit_context(
    *, prefer_skip_nested_validation: bool
) -> Callable[[Function], Function]:
    """Return scikit-learn's decorator for `fit`, which checks the parameters.

    Parameters
    ----------
    prefer_skip_nested_validation : bool
        Whether estimators that `fit` fits skip the check of their parameters.

    Returns
    -------
    callable
        From a method to a method of the same signature.
    """
    return _fit_context(prefer_skip_nested_validation=prefer_skip_nested_validation)


def validate_params(
    constraints: Mapping[str, object], *, prefer_skip_nested_validation: bool
) -> Callable[[Function], Function]:
    """Return scikit-learn's decorator for functions, which checks the arguments.

    Parameters
    ----------
    constraints : mapping of str to object
        Allowed types and values of each parameter.

    prefer_skip_nested_validation : bool
        Whether functions that the function calls skip the check of their arguments.

    Returns
    -------
    callable
        From a function to a function of the same signature.
    """
    return _param_validation.validate_params(
        constraints, prefer_skip_nested_validation=prefer_skip_nested_validation
    )
