"""Clones: a model of the same kind and settings, fitted on other rows."""

from __future__ import annotations

import random
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from trustkit.errors import ModelError
from trustkit.models.objects import undisturbed

if TYPE_CHECKING:
    import pandas as pd


class NotClonable(ModelError):  # noqa: N818 (a signal, not an error)
    """Raised of a model of which no clone can be fitted, with the reason."""


def why_not_clonable(model: Any) -> str | None:
    """Say why no clone of a model can be fitted; None where one can, as far as is known before it is tried.

    Parameters
    ----------
    model : object
        The model, or the one in a process of its own.
    """
    from trustkit.models.files import FileModel

    if isinstance(model, FileModel):
        return model.why_not_clonable
    if not callable(getattr(model, "fit", None)) or not callable(getattr(model, "get_params", None)):
        return f"a {type(model).__name__} keeps no settings to fit it anew with"
    return "a part of it is frozen, and would keep what it learned" if _is_frozen(model) else None


def refitted(model: Any, X: pd.DataFrame, y: pd.Series[Any], *, seed: int) -> Any:
    """Fit a clone of a model: its kind and settings, and nothing that it learned.

    The clone of a model in a process of its own is fitted, and stays, in
    that process.

    Parameters
    ----------
    model : object
        An estimator with ``fit`` and ``get_params``, as scikit-learn's, or a `FileModel`.
    X : DataFrame, shape (rows, inputs)
        Inputs to learn from.
    y : Series, shape (rows,)
        The outcome of each.
    seed : int
        Of the global generators meanwhile, for a model that draws from them.

    Returns
    -------
    object
        A fitted model with the face of `model`.

    Raises
    ------
    NotClonable
        Where there is no way to, or its ``fit`` raises.
    """
    from trustkit.models.files import FileModel

    why = why_not_clonable(model)
    if why is not None:
        raise NotClonable(why)
    if isinstance(model, FileModel):
        return model.refitted(X, y, seed=seed)
    with undisturbed():
        warnings.simplefilter("ignore")
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        return fitted_clone(model, X, y)


def fitted_clone(model: Any, X: pd.DataFrame, y: pd.Series[Any]) -> Any:
    """Fit a clone in this process; NotClonable, without words that may quote the data, where it raises.

    By one thread of each library: it adds in one order, and few rows are fitted sooner.
    """
    from sklearn.base import clone
    from threadpoolctl import threadpool_limits

    try:
        with threadpool_limits(1):
            return clone(model).fit(X, y)
    except Exception as error:
        raise NotClonable(f"fitting a clone of it raised {type(error).__name__}") from error


def _is_frozen(model: Any) -> bool:
    """Whether a part is kept as it was fitted: a clone would have learned from the original's rows."""
    try:
        settings = model.get_params(deep=True)
    except Exception:
        return False
    return any(
        type(part).__name__ == "FrozenEstimator" or (isinstance(part, str) and part == "prefit")
        for part in settings.values()
    )
