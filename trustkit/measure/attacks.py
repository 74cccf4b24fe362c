"""Attacks on privacy: what they find at few false alarms, and figures that can only be too small."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trustkit.measure.intervals import ClopperPearson, Floats, Level, Limits, Measured, proportions
from trustkit.measure.special import betaincinv


@dataclass(frozen=True)
class AtLeast(Limits):
    """Limits of a share of which only a lower bound is known: the upper limit is 1."""

    inner: Measured

    @property
    def value(self) -> Floats:
        """What was measured."""
        return self.inner.value

    def lower(self, level: Level) -> Floats:
        """Lower limit of what was measured."""
        return self.inner.lower(level)

    def upper(self, level: Level) -> Floats:
        """1."""
        return np.ones_like(self.inner.value)


@dataclass(frozen=True)
class FoundAt(Limits):
    """Limits of the share of positives above the score that a share `rate` of negatives exceeds.

    That score is not known. From below it is taken to be one whose false
    positive rate is under `rate` but for a chance of half the level, from
    above one whose rate is over it; the limits of the share beyond either are
    Clopper-Pearson's at the other half. Rows of one bin are tied, and are
    above a score together: a tie makes the limits wider, never narrower.

    Parameters
    ----------
    negatives, positives : array of int, shape (estimates, bins)
        Rows by score, ascending.
    rate : array, shape (estimates,)
        The false positive rate.
    """

    negatives: NDArray[np.int64]
    positives: NDArray[np.int64]
    rate: Floats

    @property
    def value(self) -> Floats:
        """Share of positives above the lowest bin at which no more than `rate` of the negatives are."""
        n = self.negatives.sum(axis=1)
        return self._beyond(self._edge_with_at_most(np.floor(self.rate * n + 1e-9))).value

    def lower(self, level: Level) -> Floats:
        """Lower limit; 0 where too few negatives are there to know any such score."""
        half = np.asarray(level) / 2
        n = self.negatives.sum(axis=1).astype(np.float64)
        most = _most_above(n, self.rate, half)
        return np.where(most < 0, 0.0, self._beyond(self._edge_with_at_most(most)).lower(half))

    def upper(self, level: Level) -> Floats:
        """Upper limit; 1 where there are no positives."""
        half = np.asarray(level) / 2
        n = self.negatives.sum(axis=1).astype(np.float64)
        edge = self._edge_with_at_least(n - _most_above(n, 1 - self.rate, half))
        return np.nan_to_num(self._beyond(edge).upper(half), nan=1.0)

    def measurable(self, level: float) -> NDArray[np.bool_]:
        """Whether there are negatives enough for a lower limit at `level`."""
        n = self.negatives.sum(axis=1).astype(np.float64)
        return _most_above(n, self.rate, level / 2) >= 0

    def _edge_with_at_most(self, bound: Floats) -> NDArray[np.intp]:
        """Lowest edge of a bin with at most `bound` negatives above."""
        return (_above(self.negatives) <= bound[:, None]).argmax(axis=1)

    def _edge_with_at_least(self, bound: Floats) -> NDArray[np.intp]:
        """Highest edge of a bin with at least `bound` negatives above; else the lowest."""
        return np.maximum((_above(self.negatives) >= bound[:, None]).sum(axis=1) - 1, 0)

    def _beyond(self, edge: NDArray[np.intp]) -> ClopperPearson:
        """Share of positives above an edge."""
        m = self.positives.sum(axis=1).astype(np.float64)
        above = np.take_along_axis(_above(self.positives), edge[:, None], axis=1)[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            return proportions(above / m, m)


def _above(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows at or above each bin, and 0 above the last; shape (estimates, bins + 1)."""
    reverse = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1]
    return np.concatenate([reverse, np.zeros((len(counts), 1), dtype=np.int64)], axis=1)


def _most_above(n: Floats, rate: Floats, level: Level) -> Floats:
    """Most of n rows above a score with which its true share is below `rate`, but for a chance of `level`.

    The (k + 1)th largest of n has a share above it that is Beta(k + 1, n - k)
    distributed; -1 where even the largest may have more.
    """
    made = np.full(len(n), -1.0)
    for i, (rows, share) in enumerate(zip(n, rate, strict=True)):
        k = np.arange(int(rows * share) + 1, dtype=np.float64)
        if rows > 0:
            at = np.broadcast_to(level, n.shape)[i]
            good = 1 - betaincinv(rows - k, k + 1, at) < share  # upper quantile of the share above
            made[i] = good.sum() - 1.0
    return made
