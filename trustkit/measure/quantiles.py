"""Limits of quantiles by order statistics, whatever the distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trustkit.measure.intervals import Floats, Level, Limits
from trustkit.measure.special import bdtr


@dataclass(frozen=True)
class OrderStatistics(Limits):
    """Distribution-free limits of quantiles (Hahn & Meeker 1991, 5.2).

    How many of n independent values lie below a quantile is binomial: the
    k-th smallest exceeds it with probability P(B < k), and lies below it with
    at most P(B >= k). Where no order statistic is far enough out, there is no limit.

    Parameters
    ----------
    values : array, shape (estimates, n)
        The sample, ascending.
    share : array, shape (estimates,)
        Which quantile, between 0 and 1.
    """

    values: Floats
    share: Floats

    @property
    def value(self) -> Floats:
        """The smallest value that at least the share of the sample does not exceed."""
        place = np.ceil(self.share * self.values.shape[1] - 1e-9).astype(np.intp) - 1
        return np.take_along_axis(self.values, np.maximum(place, 0)[:, None], axis=1)[:, 0]

    def lower(self, level: Level) -> Floats:
        """The largest order statistic that exceeds the quantile with probability at most `level`."""
        below = self._below() <= np.broadcast_to(level, self.share.shape)[:, None]
        found = np.where(below, self.values, -np.inf)
        return found.max(axis=1, initial=-np.inf)

    def upper(self, level: Level) -> Floats:
        """The smallest order statistic that lies below the quantile with probability at most `level`."""
        above = 1 - self._below() <= np.broadcast_to(level, self.share.shape)[:, None]
        found = np.where(above, self.values, np.inf)
        return found.min(axis=1, initial=np.inf)

    def _below(self) -> Floats:
        """P(B < k) for k from 1 to n, shape (estimates, n)."""
        n = self.values.shape[1]
        return np.asarray(bdtr(np.arange(n, dtype=np.float64), n, self.share[:, None]), dtype=np.float64)
