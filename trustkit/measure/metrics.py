"""What is no rate: areas under ROC curves and losses, from score histograms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.evidence.tables import Scores, Table
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


@dataclass(frozen=True)
class Area:
    """Areas under ROC curves, one entry a group.

    Attributes
    ----------
    value : array, shape (groups,)
        NaN where a class is absent.
    n : array of int, shape (groups,)
        Rows of the rarer class.
    limits : AreaUnderCurve
        Of independent unweighted rows; with fewer than 30 a class they do not hold their level.
    """

    value: Floats
    n: NDArray[np.int64]
    limits: AreaUnderCurve

    def take(self, index: Any) -> Area:
        """Return the areas of the groups at `index`."""
        return Area(self.value[index], self.n[index], self.limits.take(index))


def area(scores: Scores, positives: Scores | None = None) -> Area:
    """Area under the ROC curve of each group: how often a positive row scores above a negative one.

    A tie counts one half, and rows of one score bin are tied. Errors after
    DeLong et al. 1988.

    Parameters
    ----------
    scores : Scores
        The groups.
    positives : Scores, optional
        Groups of which the positive rows are taken, place by place, in place of their own.
    """
    other = scores if positives is None else positives
    negative, positive = scores.n[:, 0], other.n[:, 1]
    below, _ = _placements(scores.mass[:, 0], other.mass[:, 1])
    beaten, beating = _placements(negative, positive)
    n, m = negative.sum(axis=1), positive.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (other.mass[:, 1] * below).sum(axis=1)
        value = value / scores.mass[:, 0].sum(axis=1) / other.mass[:, 1].sum(axis=1)
        spread = _mean_variance(beaten / n[:, None], positive)
        spread += _mean_variance(beating / m[:, None], negative)
    limits = AreaUnderCurve(value, np.sqrt(spread), m.astype(float), n.astype(float))
    return Area(value, np.minimum(n, m), limits)


def area_between(one: Scores, other: Scores) -> Floats:
    """ABROCA: area between the ROC curves of two groups, each entry of `one` with that of `other`.

    The integral over all false positive rates of the absolute difference of
    the true positive rates (Gardner et al. 2019); curves that cross do not
    cancel. Rows of one bin are tied: both curves are straight there.

    Returns
    -------
    array, shape (groups,)
        NaN where a class is absent.
    """
    curves = [_roc(scores) for scores in (one, other)]
    knots = np.sort(np.concatenate([curves[0][0], curves[1][0]], axis=1), axis=1)
    left, width = knots[:, :-1], np.diff(knots, axis=1)
    first, second = (
        _on(curves[0], left + part * width) - _on(curves[1], left + part * width) for part in (0.25, 0.75)
    )
    start, end = 1.5 * first - 0.5 * second, 1.5 * second - 0.5 * first
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = (start**2 + end**2) / (np.abs(start) + np.abs(end))
    height = np.where(start * end < 0, crossing, np.abs(start + end)) / 2
    total: Floats = (height * width).sum(axis=1)
    return total


def brier(scores: Scores) -> tuple[Floats, Floats]:
    """Brier score of each group, exact, and the variance of a row's squared error.

    The variance is read off the bins, at the mean score in them.
    """
    mass = scores.mass.sum(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        square = scores.s2.sum(axis=(1, 2)) + (scores.mass[:, 1] - 2 * scores.s[:, 1]).sum(axis=1)
        loss = (np.array([[0.0], [1.0]]) - _mean_scores(scores)[:, None]) ** 2
        mean, second = ((scores.mass * part).sum(axis=(1, 2)) / mass for part in (loss, loss**2))
        return square / mass, np.maximum(second - mean**2, 0.0)


def log_loss(scores: Scores, group: int = 0) -> float:
    """Mean negative log likelihood in nats (scikit-learn), of clipped scores."""
    from sklearn.metrics import log_loss as loss

    truth, score, weight = weighted_rows(scores, group)
    clipped = np.clip(score, SMALLEST_SCORE, 1 - SMALLEST_SCORE)
    return float(loss(truth, clipped, sample_weight=weight, labels=[0, 1])) if len(truth) else float("nan")


def average_precision(scores: Scores, group: int = 0) -> float:
    """Mean precision over the recalls (scikit-learn), of a score bin at once; NaN where a class is absent."""
    from sklearn.metrics import average_precision_score

    truth, score, weight = weighted_rows(scores, group)
    if len({*truth.tolist()}) < 2:
        return float("nan")
    return float(average_precision_score(truth, score, sample_weight=weight))


def of_decisions(table: Table, names: Sequence[str]) -> dict[str, float]:
    """Figures of a first group's decisions as scikit-learn has them; NaN where no row is decided.

    Parameters
    ----------
    table : Table
        Counts by truth and decision.
    names : sequence of str
        Of ``f1_macro``, ``matthews_corrcoef`` and ``cohen_kappa``.
    """
    from sklearn.metrics import cohen_kappa_score, f1_score, matthews_corrcoef

    truth, said = np.nonzero((table.truth_known & table.decided) & (table.n[0] > 0))
    weight = table.mass[0][truth, said]
    labels = [np.array(names_)[at] for names_, at in ((table.truths, truth), (table.predictions, said))]
    made = {
        "f1_macro": lambda: f1_score(*labels, sample_weight=weight, average="macro", zero_division=0.0),
        "matthews_corrcoef": lambda: matthews_corrcoef(*labels, sample_weight=weight),
        "cohen_kappa": lambda: cohen_kappa_score(*labels, sample_weight=weight),
    }
    return {name: float(made[name]()) if weight.sum() > 0 else float("nan") for name in names}


def mean_and_variance(values: Any, weight: Any) -> tuple[float, float]:
    """Weighted mean and variance of the rows of cells."""
    mean = float(np.average(values, weights=weight))
    return mean, float(np.average((values - mean) ** 2, weights=weight))


def _mean_scores(scores: Scores) -> Floats:
    """Mean score in each bin, shape (groups, bins); 0 where it is empty."""
    mass = scores.mass.sum(axis=1)
    return np.divide(scores.s.sum(axis=1), mass, out=np.zeros(mass.shape), where=mass > 0)


def _placements(negative: NDArray[Any], positive: NDArray[Any]) -> tuple[Floats, Floats]:
    """Negatives below a positive of each bin, and positives above a negative of it; ties count one half."""
    below = np.cumsum(negative, axis=1) - negative / 2
    above = positive.sum(axis=1, keepdims=True) - np.cumsum(positive, axis=1) + positive / 2
    return below, above


def _mean_variance(values: Floats, n: NDArray[np.int64]) -> Floats:
    """Estimated variance of the mean of each row of `values`, each value occurring `n` times."""
    total = n.sum(axis=1, keepdims=True)
    mean = (values * n).sum(axis=1, keepdims=True) / total
    return ((values - mean) ** 2 * n).sum(axis=1) / ((total - 1) * total)[:, 0]


def _roc(scores: Scores) -> tuple[Floats, Floats]:
    """False and true positive rates as the threshold falls past each bin, shape (groups, bins + 1)."""
    passed = np.cumsum(scores.mass[:, :, ::-1], axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = passed / passed[:, :, -1:]
    rate = np.concatenate([np.zeros((*rate.shape[:2], 1)), rate], axis=2)
    return rate[:, 0], rate[:, 1]


def _on(curve: tuple[Floats, Floats], at: Floats) -> Floats:
    """Height of each curve at places inside its pieces: all curves are laid out on one line."""
    place = 2.0 * np.arange(len(at))[:, None]
    fpr, tpr = curve
    return np.interp((at + place).ravel(), (fpr + place).ravel(), tpr.ravel()).reshape(at.shape)
