"""Which rows score above the median of all, as far as the cells of their scores tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from trustkit.evidence.blocks import SCORE_ONE, Ints
from trustkit.evidence.cells import Cells
from trustkit.evidence.score_bins import SCORE_EDGES
from trustkit.measure.intervals import Floats

ROUNDING = 1.5 / SCORE_ONE
"""What rounding may add to the variance of the scores in a cell."""


@dataclass(frozen=True)
class AboveMedian:
    """Cells above the median of all rows with a score, and cells too near to tell.

    Attributes
    ----------
    median : tuple of float
        Between which values the median lies; the same twice where it is known.
    n : array of int, shape (cells,)
        Rows of each cell; 0 without a score.
    above, near : array of bool, shape (cells,)
        Cells wholly above the median, and cells that may lie on both sides.
    """

    median: tuple[float, float]
    n: Ints
    above: NDArray[np.bool_]
    near: NDArray[np.bool_]

    @classmethod
    def of(cls, cells: Cells) -> Self | None:
        """Find the median between the least and the most that the scores may be; None without a score."""
        block = cells.block
        scored = block.codes[:, -1] >= 0
        n = np.where(scored, block.sums["n"], 0)
        if not n.any():
            return None
        low, high = _spans(block.codes[:, -1], np.maximum(block.sums["n"], 1), block.sums)
        middle = _median(low, n), _median(high, n)
        above = scored & (low > middle[1])
        return cls(middle, n, above, scored & ~above & (high > middle[0]))

    def by_group(self, group: Ints, groups: int) -> tuple[Ints, Floats, Floats, Floats]:
        """Rows of each group, and how many of them lie above the median: at least, at most, on average.

        Of an even number of different scores half lie above, of an odd
        number half of the others: no more can. The rows too near to tell are
        shared out as though no score but those counted equal the median.

        Parameters
        ----------
        group : array of int, shape (cells,)
            Group of each cell.
        groups : int
            How many there are.
        """

        def rows(of: Any) -> Ints:
            counted: Ints = np.bincount(group, np.where(of, self.n, 0), groups).astype(np.int64)
            return counted

        above, near = rows(self.above), rows(self.near)
        left = int(self.n.sum()) // 2 - int(above.sum())
        share = min(left / max(int(near.sum()), 1), 1.0)
        most = above + np.minimum(near, left)
        return rows(True), above.astype(float), most.astype(float), above + share * near


def _spans(bins: Ints, n: Ints, sums: Mapping[str, Ints]) -> tuple[Floats, Floats]:
    """Between which values the scores of each cell lie: those of its bin, and Samuelson's (1968) bounds."""
    mean = sums["s"] / n / SCORE_ONE
    variance = np.maximum(sums["s2"] / n / SCORE_ONE - mean**2, 0.0)
    equal = (sums["s"] % n == 0) & (variance <= ROUNDING)
    reach = np.where(equal, 0.0, np.sqrt((variance + ROUNDING) * (n - 1)))
    edges = np.concatenate([[0.0], SCORE_EDGES, [1.0]])
    low, high = np.maximum(mean - reach, edges[bins]), np.minimum(mean + reach, edges[bins + 1])
    return np.where(equal, mean, low), np.where(equal, mean, high)


def _median(values: Floats, n: Ints) -> float:
    """Median of values that occur `n` times each; of an even number, the mean of the middle two."""
    order = np.argsort(values, kind="stable")
    until = np.cumsum(n[order])
    total = int(until[-1])
    middle = np.searchsorted(until, [(total - 1) // 2, total // 2], side="right")
    return float(values[order][middle].mean())
