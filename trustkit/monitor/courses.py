"""The course of a claim: its figure, its e-process and its e-detector over the closed panes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from math import log

import numpy as np
from numpy.typing import NDArray

from trustkit.evidence.blocks import Ints
from trustkit.judging.claims import Side
from trustkit.measure.betting import detector, e_panes, join, mean_log_e, pair_log_e, rate_log_e, running
from trustkit.measure.sequences import DIFFERENCES, RATES, RATIOS, confidence_sequence
from trustkit.monitor.claims import WatchedClaim
from trustkit.monitor.tally import Tally
from trustkit.monitor.watch import SCORE_BINS

Floats = NDArray[np.float64]

SCORE_EDGES = np.arange(SCORE_BINS + 1) / SCORE_BINS

_TRIED = {"rate": RATES, "difference": DIFFERENCES, "ratio": RATIOS, "mean": DIFFERENCES}
"""Values of a figure that are tried for its confidence sequence, by form."""


@dataclass(frozen=True)
class Course:
    """What became of one claim, by joined pane: successive panes that have rows enough to bet on.

    Attributes
    ----------
    claim : WatchedClaim
        What is watched.
    panes : array of int, shape (joined,)
        The last pane of each.
    n, reference_n : arrays of float, shape (joined,)
        Rows to count in each; of the reference None where there is none.
    figure : callable
        The figure of the rows from one joined pane to before another.
    bet : callable
        Log e-values of the null that ``value`` bounds the figure on one ``side``, shape ``(joined, bets)``.
    """

    claim: WatchedClaim
    panes: Ints
    n: Floats
    reference_n: Floats | None
    figure: Callable[[int, int], float]
    bet: Callable[[float, Side], Floats]

    @cached_property
    def _bets(self) -> Floats:
        return self.bet(self.claim.bound, self.claim.side)

    @cached_property
    def log_e(self) -> Floats:
        """Log of the e-process after each joined pane."""
        return running(self._bets)

    @cached_property
    def log_detector(self) -> Floats:
        """Log of the e-detector after each joined pane."""
        return detector(self._bets)

    @property
    def since(self) -> int:
        """The joined pane at which what the detector sees most likely began."""
        wealth = np.cumsum(self._bets, axis=0)
        before = np.concatenate([np.zeros((1, wealth.shape[1])), wealth[:-1]])
        bet = int(np.argmax((wealth[-1] - before).max(axis=0)))
        return int(np.argmin(before[:, bet]))

    @property
    def value(self) -> float:
        """The figure of all rows; NaN where there is nothing to count."""
        return self.figure(0, len(self.panes))

    def limits(self, level: float) -> tuple[float, float]:
        """Lower and upper limit of the figure as of now, each one-sided at `level`.

        On the side on which the claim may be violated a value counts as refuted once it was at any time, as
        an alarm stands for good; on the other side only while it is: what changed may have been elsewhere.
        """
        tried, is_max = _TRIED[self.claim.form], self.claim.side == "max"
        low = self._refuted("max", tried, level, ever=is_max)
        high = self._refuted("min", tried[::-1], level, ever=not is_max)
        if low <= high:
            return low, high
        return (low, float("nan")) if is_max else (float("nan"), high)

    def _refuted(self, side: Side, values: Floats, level: float, *, ever: bool) -> float:
        """The last value refuted, of some in the order in which they are; the first where none is."""

        def is_refuted(value: float) -> bool:
            log_e = running(self.bet(value, side))
            return bool((log_e.max() if ever else log_e[-1]) >= log(1 / level))

        # the claim's own limit is tried too, so that what is printed agrees with the alarm
        tried = np.unique([*values, self.claim.bound])[:: 1 if side == "max" else -1]
        start, end = 0, len(tried) - 1
        while start < end:
            middle = (start + end + 1) // 2
            start, end = (middle, end) if is_refuted(float(tried[middle])) else (start, middle - 1)
        return float(tried[start])

    def sequence(self, level: float) -> tuple[Floats, Floats]:
        """Lower and upper confidence sequence of the figure, each one-sided at `level`, by joined pane."""
        tried = _TRIED[self.claim.form]
        ends = (
            confidence_sequence(partial(self.bet, side=side), values, log(1 / level), self.claim.bound)
            for side, values in (("max", tried), ("min", tried[::-1]))
        )
        low, high = ends
        return low, high


def course_of(claim: WatchedClaim, tally: Tally, rows_per_person: int = 1) -> Course:
    """Count a claim over the closed panes of a store."""
    made = _of_scores(claim, tally) if claim.form == "mean" else _of_rates(claim, tally)
    if rows_per_person == 1:
        return made
    return Course(
        claim,
        made.panes,
        made.n,
        made.reference_n,
        made.figure,
        lambda value, side: made.bet(value, side) / rows_per_person,
    )


def _of_rates(claim: WatchedClaim, tally: Tally) -> Course:
    sides = tally.sides(claim)
    if sides.reference_k is None or sides.reference_n is None:
        index = e_panes(sides.n)
        k, n = join(sides.k, index), join(sides.n, index)
        return Course(
            claim,
            _last(sides.panes, index),
            n,
            None,
            lambda start, end: _quotient(k[start:end].sum(), n[start:end].sum()),
            lambda value, side: rate_log_e(k, n, value, side),
        )
    index = e_panes(sides.n, sides.reference_n)
    a, b = (
        (join(sides.k, index), join(sides.n, index)),
        (join(sides.reference_k, index), join(sides.reference_n, index)),
    )

    def figure(start: int, end: int) -> float:
        mine, other = (_quotient(k[start:end].sum(), n[start:end].sum()) for k, n in (a, b))
        return mine - other if claim.form == "difference" else _quotient(mine, other)

    def bet(value: float, side: Side) -> Floats:
        turned = (claim.form == "difference") == (side == "min")
        guess = claim.guess[::-1] if turned else claim.guess
        first, second = (b, a) if turned else (a, b)
        if claim.form == "difference":
            return pair_log_e(*first, *second, -value if turned else value, "difference", guess)
        return pair_log_e(*first, *second, 1 / value if turned else value, "ratio", guess)

    return Course(claim, _last(sides.panes, index), a[1], b[1], figure, bet)


def _of_scores(claim: WatchedClaim, tally: Tally) -> Course:
    panes, rows, sums = tally.scores(claim)
    index = e_panes(rows.sum(axis=(1, 2)))
    n, s = join(rows, index), join(sums, index)

    def figure(start: int, end: int) -> float:
        part = n[start:end]
        return _quotient(part[..., 1].sum() - s[start:end].sum(), part.sum())

    return Course(
        claim,
        _last(panes, index),
        n.sum(axis=(1, 2)),
        None,
        figure,
        lambda value, side: mean_log_e(n, s, SCORE_EDGES, value, side),
    )


def _last(panes: Ints, index: Ints) -> Ints:
    """The last pane of each joined pane."""
    joined = panes[index >= 0]
    return joined[np.flatnonzero(np.diff(index[index >= 0], append=-2))]


def _quotient(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")
