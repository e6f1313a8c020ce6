"""Clones of estimators that share the value of a parameter."""

from copy import deepcopy

from sklearn.base import BaseEstimator, clone


def clone_sharing(estimator: BaseEstimator, shared: str | None) -> BaseEstimator:
    """Clone an estimator, but share the value of one parameter.

    Parameters
    ----------
    estimator : estimator
        Estimator to clone.
    shared : str or None
        Name of the parameter whose value the clone shares, if any.

    Returns
    -------
    estimator
        Unfitted, with the same parameters.
    """
    params = {
        name: value if name == shared else clone(value, safe=False)
        for name, value in estimator.get_params(deep=False).items()
    }
    twin = type(estimator)(**params)
    # sklearn.base.clone keeps the settings of set_fit_request and set_output, too.
    for attribute in ("_metadata_request", "_sklearn_output_config"):
        if attribute in vars(estimator):
            setattr(twin, attribute, deepcopy(getattr(estimator, attribute)))
    # sklearn.base.clone shares callbacks.
    if "_skl_callbacks" in vars(estimator):
        twin._skl_callbacks = estimator._skl_callbacks
    return twin
