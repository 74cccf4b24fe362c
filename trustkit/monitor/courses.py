"""The course of a claim: its figure, its e-process and its e-detector over the closed panes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from math import log
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trustkit.evidence.blocks import Ints
from trustkit.judging.claims import Side
from trustkit.measure.betting import (
    BalancedBets,
    detected,
    e_panes,
    join,
    mean_log_e,
    rate_log_e,
    running,
)
from trustkit.measure.sequences import DIFFERENCES, RATES, RATIOS, confidence_sequence
from trustkit.monitor.claims import WatchedClaim
from trustkit.monitor.tally import Sides, Tally
from trustkit.monitor.watch import SCORE_BINS

Floats = NDArray[np.float64]
Bet: TypeAlias = Callable[[float, Side], Floats]

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
    bets : callable
        Makes a `Bet`: log e-values of the null that ``value`` bounds the figure on one ``side``, shape
        ``(joined, bets)``. One Bet keeps what its nulls have in common, so it is made for many and dropped.
    name : callable
        What tells that null from all others of the store: those of a difference are the other way round
        those of another claim.
    known : dict
        By name, what the bets came to, of all claims of the store.
    """

    claim: WatchedClaim
    panes: Ints
    n: Floats
    reference_n: Floats | None
    figure: Callable[[int, int], float]
    bets: Callable[[], Bet]
    name: Callable[[float, Side], Hashable]
    known: dict[Hashable, tuple[float, float]]

    @cached_property
    def _processes(self) -> tuple[Floats, float, int]:
        log_e = self.bets()(self.claim.bound, self.claim.side)
        return running(log_e), detected(log_e), most_gained(log_e)

    @property
    def log_e(self) -> Floats:
        """Log of the e-process after each joined pane."""
        return self._processes[0]

    @property
    def log_detector(self) -> float:
        """Log of the e-detector as of now."""
        return self._processes[1]

    @property
    def since(self) -> int:
        """The joined pane at which what the detector sees most likely began."""
        return self._processes[2]

    @property
    def value(self) -> float:
        """The figure of all rows; NaN where there is nothing to count."""
        return self.figure(0, len(self.panes))

    def limits(self, *levels: float) -> list[tuple[float, float]]:
        """Lower and upper limit of the figure as of now, each one-sided, at every level.

        On the side on which the claim may be violated a value counts as refuted once it was at any time, as
        an alarm stands for good; on the other side only while it is: what changed may have been elsewhere.
        Where these cross, no one value fits all windows, and the other side is NaN.
        """
        bet = self.bets()
        return [self._limits(level, bet) for level in levels]

    def _limits(self, level: float, bet: Bet) -> tuple[float, float]:
        tried, is_max = _TRIED[self.claim.form], self.claim.side == "max"
        low = self._refuted("max", tried, level, bet, ever=is_max)
        high = self._refuted("min", tried[::-1], level, bet, ever=not is_max)
        if low <= high:
            return low, high
        return (low, float("nan")) if is_max else (float("nan"), high)

    def _refuted(self, side: Side, values: Floats, level: float, bet: Bet, *, ever: bool) -> float:
        """The last value refuted, of some in the order in which they are; the first where none is."""

        def is_refuted(place: int) -> bool:
            most, now = self._against(float(tried[place]), side, bet)
            return (most if ever else now) >= log(1 / level)

        # the claim's own limit is tried too, so that what is printed agrees with the alarm
        tried = np.unique([*values, self.claim.bound])[:: 1 if side == "max" else -1]
        near = np.abs(tried - self.value)
        return float(tried[_last(is_refuted, len(tried), int(near.argmin()))])

    def _against(self, value: float, side: Side, bet: Bet) -> tuple[float, float]:
        """Log of the e-process against a value, at most and as of now; found once for all claims that ask."""
        name = self.name(value, side)
        if name not in self.known and (value, side) == (self.claim.bound, self.claim.side):
            self.known[name] = (float(self.log_e.max()), float(self.log_e[-1]))
        if name not in self.known:
            wealth = np.cumsum(bet(value, side), axis=0)
            highest, bets = wealth.max(axis=1), wealth.shape[1]
            # the mean over bets is less than the highest by log(bets) at most: elsewhere it is not the most
            near = np.flatnonzero(highest >= highest.max() - log(bets))
            most = np.exp(wealth[near] - highest.max()).mean(axis=1).max()
            now = np.logaddexp.reduce(wealth[-1]) - log(bets)
            self.known[name] = (float(highest.max() + log(most)), float(now))
        return self.known[name]

    def sequence(self, level: float) -> tuple[Floats, Floats]:
        """Lower and upper confidence sequence of the figure, each one-sided at `level`, by joined pane."""
        tried, bet = _TRIED[self.claim.form], self.bets()
        return self._sequence("max", tried, level, bet), self._sequence("min", tried[::-1], level, bet)

    def _sequence(self, side: Side, values: Floats, level: float, bet: Bet) -> Floats:
        return confidence_sequence(lambda value: bet(value, side), values, log(1 / level), self.claim.bound)


def course_of(claim: WatchedClaim, tally: Tally, rows_per_person: int = 1) -> Course:
    """Count a claim over the closed panes of a store."""
    made = _of_scores(claim, tally) if claim.form == "mean" else _of_rates(claim, tally)
    if rows_per_person == 1:
        return made

    def bets() -> Bet:
        bet = made.bets()
        return lambda value, side: bet(value, side) / rows_per_person

    return replace(made, bets=bets)


def _of_rates(claim: WatchedClaim, tally: Tally) -> Course:
    sides = tally.sides(claim)
    if sides.reference_k is None or sides.reference_n is None:
        return _of_one(claim, tally, sides)
    groups = (str(claim.subject.get("groups")), str(claim.reference))
    pair = (claim.rate, claim.subject.get("class"), claim.strata, frozenset(groups))
    index = tally.joined(pair, sides, claim.fewest)
    common = (sides.n.sum(axis=0) > 0) & (sides.reference_n.sum(axis=0) > 0)
    a, b = (
        (join(k[:, common], index), join(n[:, common], index))
        for k, n in ((sides.k, sides.n), (sides.reference_k, sides.reference_n))
    )
    form: Literal["difference", "ratio"] = "difference" if claim.form == "difference" else "ratio"

    def figure(start: int, end: int) -> float:
        mine, other = _means(*((k[start:end].sum(axis=0), n[start:end].sum(axis=0)) for k, n in (a, b)))
        return mine - other if claim.form == "difference" else _quotient(mine, other)

    def turned(value: float, side: Side) -> tuple[bool, float]:
        """Whether a null is about the reference and the subject, and its bound then."""
        if (claim.form == "difference") != (side == "min"):
            return False, value
        return True, -value if claim.form == "difference" else 1 / value

    def bets() -> Bet:
        @cache
        def of(is_turned: bool) -> BalancedBets:
            first, second = (b, a) if is_turned else (a, b)
            return BalancedBets(*first, *second, form, claim.guess[::-1] if is_turned else claim.guess)

        def bet(value: float, side: Side) -> Floats:
            is_turned, bound = turned(value, side)
            return of(is_turned).log_e(bound)

        return bet

    def name(value: float, side: Side) -> Hashable:
        is_turned, bound = turned(value, side)
        return (*_about(claim), groups[::-1] if is_turned else groups, f"{bound + 0.0:.12g}")

    n, reference_n = a[1].sum(axis=1), b[1].sum(axis=1)
    return Course(claim, last_panes(sides.panes, index), n, reference_n, figure, bets, name, tally.known)


def _means(a: tuple[Floats, Floats], b: tuple[Floats, Floats]) -> tuple[float, float]:
    """Rates of two groups: within strata their Mantel-Haenszel means, as those of an audit of the rows."""
    both = (a[1] > 0) & (b[1] > 0)
    (k_a, n_a), (k_b, n_b) = ((k[both], n[both]) for k, n in (a, b))
    h = n_a * n_b / (n_a + n_b)
    return _quotient((h * k_a / n_a).sum(), h.sum()), _quotient((h * k_b / n_b).sum(), h.sum())


def _of_one(claim: WatchedClaim, tally: Tally, sides: Sides) -> Course:
    index = e_panes(sides.n.sum(axis=1))
    k, n = (join(part.sum(axis=1), index) for part in (sides.k, sides.n))
    return Course(
        claim,
        last_panes(sides.panes, index),
        n,
        None,
        lambda start, end: _quotient(k[start:end].sum(), n[start:end].sum()),
        lambda: lambda value, side: rate_log_e(k, n, value, side),
        lambda value, side: (*_about(claim), str(claim.subject.get("groups")), value, side),
        tally.known,
    )


def _of_scores(claim: WatchedClaim, tally: Tally) -> Course:
    panes, rows, sums = tally.scores(claim)
    index = e_panes(rows.sum(axis=(1, 2)))
    n, s = join(rows, index), join(sums, index)

    def figure(start: int, end: int) -> float:
        part = n[start:end]
        return _quotient(part[..., 1].sum() - s[start:end].sum(), part.sum())

    return Course(
        claim,
        last_panes(panes, index),
        n.sum(axis=(1, 2)),
        None,
        figure,
        lambda: lambda value, side: mean_log_e(n, s, SCORE_EDGES, value, side),
        lambda value, side: (*_about(claim), str(claim.subject.get("groups")), value, side),
        tally.known,
    )


def _about(claim: WatchedClaim) -> tuple[Hashable, ...]:
    return claim.rate, claim.form, str(claim.subject.get("class")), claim.strata, str(claim.stratum)


def _last(holds: Callable[[int], bool], size: int, near: int) -> int:
    """Of places from 0, at which something holds, to where it ends: the last, sought from `near` on."""
    low, high, step = 0, size, 1
    place = min(max(near, 1), size - 1)
    while low < place < high:
        if holds(place):
            low, place = place, place + step
        else:
            high, place = place, place - step
        step *= 2
    while high - low > 1:
        place = (low + high) // 2
        low, high = (place, high) if holds(place) else (low, place)
    return low


def most_gained(log_e: Floats) -> int:
    """The joined pane from which on, to the last, some bet gained most; 0 without any."""
    if not len(log_e):
        return 0
    wealth = np.cumsum(log_e, axis=0)
    before = np.concatenate([np.zeros((1, wealth.shape[1])), wealth[:-1]])
    bet = int(np.argmax((wealth[-1] - before).max(axis=0)))
    return int(np.argmin(before[:, bet]))


def last_panes(panes: Ints, index: Ints) -> Ints:
    """The last pane of each joined pane."""
    joined = panes[index >= 0]
    return joined[np.flatnonzero(np.diff(index[index >= 0], append=-2))]


def _quotient(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")
