"""Calibration of a score: in the large, over declared bins, and within each class of the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trustkit.evidence.score_bins import SCORE_EDGES
from trustkit.evidence.tables import Scores, Table
from trustkit.measure.intervals import BoundedMean, CalibrationError, Deviation, Floats, Limits, Linear
from trustkit.measure.metrics import brier
from trustkit.measure.rates import Mask, effective_size, rate
from trustkit.measure.special import erf

Counts = NDArray[np.int64]

TENTHS = np.floor(np.concatenate([[0.0], SCORE_EDGES]) * 10 + 1e-9).clip(0, 9).astype(int)
"""Which of ten equal bins each score bin falls in."""

BINS = 10


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
    n: Counts
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


@dataclass(frozen=True)
class MeanScore:
    """Mean score of some rows of each group.

    Attributes
    ----------
    n : array of int, shape (groups,)
        Rows.
    limits : BoundedMean
        The mean, NaN where there is no row, and its limits.
    """

    n: Counts
    limits: BoundedMean

    @property
    def value(self) -> Floats:
        """The mean, shape ``(groups,)``."""
        return self.limits.value


def mean_score(table: Table, among: Mask) -> MeanScore:
    """Mean score of the rows `among`, of each group of a table of scored rows."""
    if table.s is None or table.s2 is None:
        raise ValueError("the table holds no scores")
    whole = rate(table, counted=among, among=among)
    mass, score, square = (part[:, among].sum(axis=1) for part in (table.mass, table.s, table.s2))
    with np.errstate(divide="ignore", invalid="ignore"):
        value = score / mass
        variance = np.maximum(square / mass - value**2, 0.0)
    size, df = whole.limits.n, whole.limits.df
    if table.bucket_s is not None:
        part = table.bucket_s[..., among].sum(axis=-1)
        size, df = effective_size(table, among, part, value, variance)
    return MeanScore(whole.n, BoundedMean(value, variance, size, df))


@dataclass(frozen=True)
class Curve:
    """Reliability curves: outcome and score of each group in ten equal bins of the score.

    Every array is of shape ``(groups, 10)``.

    Attributes
    ----------
    n : array of int
        Rows.
    share : array
        Share of the group's (weighted) rows; 0 where it has none.
    outcome, score : array
        Means in the bin; NaN where it is empty.
    variance : array
        Of a single row's outcome less score, in the bin; NaN where it is empty.
    size, df : array
        Effective rows, and degrees of freedom: a bin's shrink as its group's do.
    """

    n: Counts
    share: Floats
    outcome: Floats
    score: Floats
    variance: Floats
    size: Floats
    df: Floats

    @property
    def gap(self) -> Floats:
        """Mean outcome less mean score."""
        return self.outcome - self.score

    def limits(self) -> Linear:
        """Limits of every gap, group after group, as those of calibration in the large."""
        outcome, variance, size, df = (
            part.ravel() for part in (self.outcome, self.variance, self.size, self.df)
        )
        shift = np.nan_to_num(-self.score.ravel())
        return Linear(BoundedMean(outcome, variance, size, df), np.ones(len(outcome)), shift)

    @property
    def _error(self) -> Floats:
        """Standard error of each gap; its variance is shrunk towards that of a calibrated score."""
        return np.sqrt(np.divide(self._shrunk(), self.size, out=np.zeros(self.n.shape), where=self.size > 0))

    def _shrunk(self) -> Floats:
        seen = self.n * self.variance + 4 * self.score * (1 - self.score)
        return np.nan_to_num(seen / (self.n + 3))

    def rmsce(self) -> tuple[Floats, CalibrationError]:
        """Root mean squared calibration error of each group, less what chance alone adds to it.

        Returns
        -------
        value : array, shape (groups,)
            NaN for a group without scored rows.
        limits : CalibrationError
        """
        gap = np.nan_to_num(self.gap)
        limits = CalibrationError(gap, self._shrunk(), self.share, self.size)
        square = (self.share * gap**2).sum(axis=1) - (self.share * self._error**2).sum(axis=1)
        return np.where(self._any, np.sqrt(np.maximum(square, 0.0)), np.nan), limits

    def ece(self) -> tuple[Floats, Limits]:
        """Expected calibration error of each group, less its bias (Kumar, Liang & Ma 2019).

        The bias is what normal noise of the size seen would add once more. The
        limits are McDiarmid's, about the figure with its bias: valid but wide.

        Returns
        -------
        value : array, shape (groups,)
            NaN for a group without scored rows.
        limits : Deviation
        """
        gap, error = np.nan_to_num(self.gap), self._error
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.where(error > 0, np.abs(gap) / error, np.inf)
        again = np.sqrt(2 / np.pi) * error * np.exp(-(z**2) / 2) + np.abs(gap) * erf(z / np.sqrt(2))
        plain = (self.share * np.abs(gap)).sum(axis=1)
        value = np.maximum(2 * plain - (self.share * again).sum(axis=1), 0.0)
        limits = Deviation(plain, (self.share * error).sum(axis=1), self.size.sum(axis=1))
        return np.where(self._any, value, np.nan), limits

    @property
    def _any(self) -> NDArray[np.bool_]:
        return self.n.sum(axis=1) > 0


def curve(scores: Scores, size: Floats, df: Floats) -> Curve:
    """Reliability curve of each group.

    Parameters
    ----------
    scores : Scores
        Histograms of the groups.
    size, df : array, shape (groups,)
        Effective rows of each group, and their degrees of freedom.
    """
    tenth = np.zeros((len(TENTHS), BINS))
    tenth[np.arange(len(TENTHS)), TENTHS] = 1.0
    rows, mass, s, s2 = (part @ tenth for part in (scores.n.astype(float), scores.mass, scores.s, scores.s2))
    n, weight = rows.sum(axis=1), mass.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        outcome, score = mass[:, 1] / weight, s.sum(axis=1) / weight
        square = (mass[:, 1] - 2 * s[:, 1] + s2.sum(axis=1)) / weight
        kept = np.nan_to_num(size / n.sum(axis=1))[:, None]
        share = np.nan_to_num(weight / weight.sum(axis=1, keepdims=True))
        freedom = np.nan_to_num(df[:, None] * share, nan=np.inf, posinf=np.inf)
    return Curve(
        n=n.astype(np.int64),
        share=share,
        outcome=outcome,
        score=score,
        variance=np.maximum(square - (outcome - score) ** 2, 0.0),
        size=n * kept,
        df=freedom,
    )


def spiegelhalter(scores: Scores) -> Floats:
    """Spiegelhalter's z of each group: (outcome - score) (1 - 2 score), summed, over its standard deviation.

    About standard normal where the score is calibrated and rows are
    independent. The sum is exact; its variance takes every row at the mean
    score of its score bin.

    Returns
    -------
    array, shape (groups,)
        NaN where the variance is 0: every score is 0, 1/2 or 1.
    """
    rows = scores.n.sum(axis=1)
    total = (scores.n[:, 1] - 2 * scores.s[:, 1]).sum(axis=1)
    total += 2 * scores.s2.sum(axis=(1, 2)) - scores.s.sum(axis=(1, 2))
    score = np.divide(scores.s.sum(axis=1), rows, out=np.zeros(rows.shape), where=rows > 0)
    variance = (rows * (1 - 2 * score) ** 2 * score * (1 - score)).sum(axis=1)
    return np.divide(total, np.sqrt(variance), out=np.full(len(total), np.nan), where=variance > 1e-9)


def decomposition(scores: Scores, curve: Curve) -> dict[str, Floats]:
    """Murphy's parts of the Brier score of each group: reliability - resolution + uncertainty.

    The resolution includes what scores within a bin tell apart, so that the
    parts add up to the Brier score (Stephenson, Coelho & Jolliffe 2008).
    """
    value, _ = brier(scores)
    reliability = np.where(np.isnan(value), np.nan, (curve.share * np.nan_to_num(curve.gap) ** 2).sum(axis=1))
    base = (curve.share * np.nan_to_num(curve.outcome)).sum(axis=1)
    uncertainty = base * (1 - base)
    return {
        "reliability": reliability,
        "resolution": reliability + uncertainty - value,
        "uncertainty": np.where(np.isnan(value), np.nan, uncertainty),
    }
