"""Calibration of a score: in the large, and over declared bins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trustkit.evidence.score_bins import SCORE_EDGES
from trustkit.evidence.tables import Scores, Table
from trustkit.measure.intervals import BoundedMean, CalibrationError, Floats, Linear
from trustkit.measure.rates import effective_size, rate

TENTHS = np.floor(np.concatenate([[0.0], SCORE_EDGES]) * 10 + 1e-9).clip(0, 9).astype(int)
"""Which of ten equal bins each score bin falls in."""


@dataclass(frozen=True)
class Gap:
    """Mean truth less mean score of each group.

    Attributes
    ----------
    value : array, shape (groups,)
        NaN where there is no row with score and truth.
    n : array of int, shape (groups,)
        Rows with both.
    size, df : array, shape (groups,)
        Effective rows, and degrees of freedom of their variance.
    limits : Linear
        Clopper-Pearson limits of the mean truth at its effective size, less the mean score.
    """

    value: Floats
    n: np.ndarray[tuple[int], np.dtype[np.int64]]
    size: Floats
    df: Floats
    limits: Linear


def gap(table: Table) -> Gap:
    """Calibration in the large of each group of a table of scored rows.

    Given the scores, Clopper-Pearson on the mean truth is valid (Hoeffding
    1956); what the score explains of the truth makes it sharper.
    """
    truth = rate(table, counted=table.truth_positive, among=table.truth_known)
    if table.s is None or table.s2 is None:
        raise ValueError("the table holds no scores")
    mass = np.where(table.truth_known, table.mass, 0).sum(axis=(1, 2))
    score = np.where(table.truth_known, table.s, 0).sum(axis=(1, 2))
    square = np.where(table.truth_positive, table.mass - 2 * table.s, 0) + np.where(
        table.truth_known, table.s2, 0
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_score = score / mass
        value = truth.value - mean_score
        variance = square.sum(axis=(1, 2)) / mass - value**2
    size, df = truth.limits.n, truth.limits.df
    if table.buckets is not None and table.bucket_s is not None:
        part = table.buckets[..., table.truth_positive].sum(axis=-1) - table.bucket_s[
            ..., table.truth_known
        ].sum(axis=-1)
        size, df = effective_size(table, table.truth_known, part, value, variance)
    limits = BoundedMean(truth.value, variance, size, df)
    return Gap(value, truth.n, size, df, Linear(limits, np.ones(len(value)), -mean_score))


def reliability(scores: Scores, size: Floats) -> tuple[Floats, CalibrationError]:
    """Calibration error over ten equal bins of the score.

    Parameters
    ----------
    scores : Scores
        Histograms of the groups.
    size : array, shape (groups,)
        Effective rows of each group; its bins shrink alike.

    Returns
    -------
    value : array, shape (groups,)
        RMSCE, less what chance alone adds to it; NaN for a group without scored rows.
    limits : CalibrationError
    """
    tenth = np.zeros((len(TENTHS), 10))
    tenth[np.arange(len(TENTHS)), TENTHS] = 1.0
    rows, mass, s, s2 = (part @ tenth for part in (scores.n.astype(float), scores.mass, scores.s, scores.s2))
    n, weight = rows.sum(axis=1), mass.sum(axis=1)
    total = weight.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(weight > 0, (mass[:, 1] - s.sum(axis=1)) / weight, 0.0)
        score = np.where(weight > 0, s.sum(axis=1) / weight, 0.0)
        square = np.where(weight > 0, (mass[:, 1] - 2 * s[:, 1] + s2.sum(axis=1)) / weight, 0.0)
        effective = n * (size / n.sum(axis=1))[:, None]
        share = np.where(total > 0, weight / total, 0.0)
    effective = np.nan_to_num(effective)
    variance = (n * np.maximum(square - shift**2, 0) + 4 * score * (1 - score)) / (n + 3)
    limits = CalibrationError(shift, np.where(n > 0, variance, 0.0), share, effective)
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = np.where(effective > 0, share * variance / effective, 0.0).sum(axis=1)
    excess = np.maximum((share * shift**2).sum(axis=1) - chance, 0.0)
    return np.where(total[:, 0] > 0, np.sqrt(excess), np.nan), limits
