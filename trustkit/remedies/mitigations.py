"""Fairlearn's mitigations, fitted, and what they learned as models that hold no row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from trustkit.remedies.deciding import Decorrelated, GroupThresholds, Refit, Vote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from trustkit.remedies.failures import Parity
    from trustkit.remedies.fitting import Fitting

MOST_ROWS = 10_000
"""Rows that the reductions are fitted on, at most: they fit the estimator a hundred times."""

GRID = 21
_DRAWING = 32

CONSTRAINTS: Mapping[Parity, str] = {
    "selection": "demographic_parity",
    "tpr": "true_positive_rate_parity",
    "fpr": "false_positive_rate_parity",
    "odds": "equalized_odds",
}
_MOMENTS: Mapping[Parity, str] = {
    "selection": "DemographicParity",
    "tpr": "TruePositiveRateParity",
    "fpr": "FalsePositiveRateParity",
    "odds": "EqualizedOdds",
}


class Given(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A fitted classifier whose scores are what it is asked about."""

    def fit(self, X: pd.DataFrame, y: Any) -> Given:
        """Learn nothing."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Scores of 0 and 1."""
        score = X["score"].to_numpy()
        return np.column_stack([1 - score, score])


def threshold_optimizer(fitting: Fitting, parity: Parity, cut: float) -> GroupThresholds:
    """Fit fairlearn's ``ThresholdOptimizer`` (Hardt, Price & Srebro 2016).

    Parameters
    ----------
    fitting : Fitting
        The rows.
    parity : {"selection", "tpr", "fpr", "odds"}
        What is to be equal.
    cut : float
        Today's threshold, which groups that are too small keep.
    """
    from fairlearn.postprocessing import ThresholdOptimizer

    if fitting.scorer is None or fitting.score is None:
        raise ValueError("there is no score")
    known = fitting.fitted & np.isfinite(fitting.score)
    optimizer = ThresholdOptimizer(
        estimator=Given(), constraints=CONSTRAINTS[parity], prefit=True, predict_method="predict_proba"
    )
    optimizer.fit(
        pd.DataFrame({"score": fitting.score[known]}),
        fitting.y[known],
        sensitive_features=fitting.group[known],
    )
    cuts = [np.array([cut])] * (len(fitting.groups.names) + 1)
    weights = [np.ones(1)] * len(cuts)
    for place, mixed in optimizer.interpolated_thresholder_.interpolation_dict.items():
        ignored = mixed.get("p_ignore", 0.0)
        # fairlearn's thresholds are exceeded, ours are reached
        both = [np.nextafter(mixed[f"operation{i}"].threshold, np.inf) for i in (0, 1)]
        chances = [(1 - ignored) * mixed["p0"], (1 - ignored) * mixed["p1"]]
        cuts[int(place)] = np.array([*both, -np.inf])
        weights[int(place)] = np.array([*chances, ignored * mixed.get("prediction_constant", 0.0)])
    return GroupThresholds(fitting.scorer, fitting.groups, fitting.classes, cuts, weights)


def exponentiated_gradient(
    fitting: Fitting, model: Any, weights: str, parity: Parity, bound: float, seed: int
) -> Vote:
    """Fit fairlearn's ``ExponentiatedGradient`` (Agarwal et al. 2018).

    Parameters
    ----------
    fitting : Fitting
        The rows.
    model : estimator
        What is cloned.
    weights : str
        Name under which its ``fit`` takes the weights of rows.
    parity : {"selection", "tpr", "fpr", "odds"}
        What is to be alike.
    bound : float
        How far a group's rate may be from everybody's.
    seed : int
        Of the rows drawn, where there are more than `MOST_ROWS`.
    """
    from fairlearn import reductions

    rows = _drawn(fitting, seed)
    learned = reductions.ExponentiatedGradient(
        Refit(clone(model), fitting.classes, weights), _moment(parity, bound)
    )
    learned.fit(fitting.X[fitting.inputs].iloc[rows], fitting.y[rows], sensitive_features=fitting.group[rows])
    kept = learned.weights_[learned.weights_ > 1e-6]
    predictors = [learned.predictors_[at] for at in kept.index]
    return Vote(predictors, (kept / kept.sum()).tolist(), fitting.classes, fitting.inputs)


def grid_search(
    fitting: Fitting,
    model: Any,
    weights: str,
    parity: Parity,
    bound: float,
    attribute: str,
    seed: int,
) -> Vote:
    """Fit fairlearn's ``GridSearch`` (Agarwal et al. 2018) over the groups of one attribute.

    The grid has one axis a group, so that of several attributes it would be
    too coarse. Of its classifiers the most accurate one within the bound is
    taken, else the one nearest to it.

    Parameters
    ----------
    fitting, model, weights, parity, bound, seed
        As in `exponentiated_gradient`.
    attribute : str
        The attribute.
    """
    from fairlearn import reductions

    rows = _drawn(fitting, seed)
    labels = [
        dict(zip(fitting.groups.attributes, name, strict=True))[attribute] for name in fitting.groups.names
    ]
    group = np.array([*labels, "(other)"])[fitting.group[rows]]
    learned = reductions.GridSearch(
        Refit(clone(model), fitting.classes, weights), _moment(parity, bound), grid_size=GRID
    )
    learned.fit(fitting.X[fitting.inputs].iloc[rows], fitting.y[rows], sensitive_features=group)
    beyond = np.maximum(learned.gammas_.max().to_numpy() - bound, 0.0)
    best = np.lexsort([learned.objectives_, beyond])[0]
    return Vote([learned.predictors_[best]], [1.0], fitting.classes, fitting.inputs)


def correlation_remover(fitting: Fitting, model: Any, weights: str) -> Vote:
    """Fit the estimator behind fairlearn's ``CorrelationRemover``, on the inputs that are numbers.

    Parameters
    ----------
    fitting, model, weights
        As in `exponentiated_gradient`.

    Raises
    ------
    ValueError
        Where no input is of numbers without a gap.
    """
    from fairlearn.preprocessing import CorrelationRemover

    columns = numbers(fitting)
    if not columns:
        raise ValueError("no input is a column of numbers without a gap")
    size = len(fitting.groups.names) + 1
    members = pd.DataFrame(np.eye(size)[fitting.group], columns=[f"group {at}" for at in range(size)])
    table = members.join(fitting.X[columns].astype(np.float64).set_axis(members.index))
    remover = CorrelationRemover(sensitive_feature_ids=list(members.columns)).fit(table)
    shift = (np.eye(size) - remover.sensitive_mean_) @ remover.beta_
    predictor = Decorrelated(
        Refit(clone(model), fitting.classes, weights), fitting.groups, fitting.inputs, columns, shift
    )
    predictor.fit(fitting.X, fitting.y)
    return Vote([predictor], [1.0], fitting.classes, fitting.inputs, fitting.groups.attributes)


def numbers(fitting: Fitting) -> list[str]:
    """Inputs that are columns of numbers without a gap, and name no group."""
    X = fitting.X
    return [
        name
        for name in fitting.inputs
        if name not in fitting.groups.attributes
        and pd.api.types.is_numeric_dtype(X[name])
        and not pd.api.types.is_bool_dtype(X[name])
        and not X[name].isna().any()
    ]


def _moment(parity: Parity, bound: float) -> Any:
    from fairlearn import reductions

    return getattr(reductions, _MOMENTS[parity])(difference_bound=bound)


def _drawn(fitting: Fitting, seed: int) -> NDArray[np.intp]:
    """Places of the rows to fit on, in order."""
    places = np.flatnonzero(fitting.fitted)
    if len(places) <= MOST_ROWS:
        return places
    return np.sort(np.random.default_rng([seed, _DRAWING]).choice(places, MOST_ROWS, replace=False))
