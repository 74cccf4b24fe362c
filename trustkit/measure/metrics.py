"""What is no rate: through scikit-learn on cells, since a table of cells is a weighted data frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.evidence.tables import Scores
from trustkit.measure.intervals import AreaUnderCurve, Floats

SMALLEST_SCORE = 1e-6
"""Scores are clipped to [1e-6, 1 - 1e-6] before a logarithm is taken."""


def weighted_rows(scores: Scores, group: int = 0) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Truth, mean score and weight of each occupied score bin of a group, as a data frame's columns."""
    mass, s = scores.mass[group], scores.s[group]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = s.sum(axis=0) / mass.sum(axis=0)
    truth, place = np.nonzero(mass)
    return truth.astype(np.int64), mean[place], mass[truth, place]


def area_under_curve(scores: Scores, group: int = 0) -> float:
    """Area under the ROC curve (scikit-learn); NaN where a class is absent."""
    from sklearn.metrics import roc_auc_score

    truth, score, weight = weighted_rows(scores, group)
    if len(np.unique(truth)) < 2:
        return float("nan")
    return float(roc_auc_score(truth, score, sample_weight=weight))


def log_loss(scores: Scores, group: int = 0) -> float:
    """Mean negative log likelihood in nats (scikit-learn), of clipped scores."""
    from sklearn.metrics import log_loss as loss

    truth, score, weight = weighted_rows(scores, group)
    clipped = np.clip(score, SMALLEST_SCORE, 1 - SMALLEST_SCORE)
    return float(loss(truth, clipped, sample_weight=weight, labels=[0, 1])) if len(truth) else float("nan")


def area_limits(value: float, n: NDArray[np.int64]) -> AreaUnderCurve:
    """Limits of an AUC from its histogram.

    Parameters
    ----------
    value : float
        The AUC.
    n : array of int, shape (2, bins)
        Rows of negative and positive truth in each score bin.
    """
    negative, positive = n.astype(float)
    below = np.cumsum(negative) - negative / 2
    above = positive.sum() - np.cumsum(positive) + positive / 2
    spread_positive = _mean_variance(below / negative.sum(), positive)
    spread_negative = _mean_variance(above / positive.sum(), negative)
    error = np.sqrt(spread_positive + spread_negative)
    return AreaUnderCurve(*(np.array([v]) for v in (value, error, positive.sum(), negative.sum())))


def mean_and_variance(values: Any, weight: Any) -> tuple[float, float]:
    """Weighted mean and variance of the rows of cells."""
    mean = float(np.average(values, weights=weight))
    return mean, float(np.average((values - mean) ** 2, weights=weight))


def _mean_variance(values: Floats, n: Floats) -> float:
    """Estimated variance of the mean of `values`, each occurring `n` times."""
    total = n.sum()
    mean = (values * n).sum() / total
    return float(((values - mean) ** 2 * n).sum() / (total - 1) / total)
