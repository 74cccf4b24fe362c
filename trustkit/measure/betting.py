"""E-processes of counts: evidence against a claim about production, valid at every look.

An e-value is at least 0 and, where the null holds, at most 1 in expectation. Those of successive panes
(time windows) are multiplied; the chance that the product ever reaches 1 / alpha is at most alpha
(Ville 1939). Every e-value here is the wealth of fixed bets on the rows of a pane, and depends on the
pane's counts alone. What a bet must know beforehand, it learns from earlier panes.

Arrays have panes on axis 0, in order of time, and what is returned has the bets on axis 1.
"""

from __future__ import annotations

from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]

KAPPA = np.array([0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.45, 0.65, 0.9])
"""Sizes of the bets; below 1, so that no bet can lose all."""

ODDS = np.array([1.01, 1.03, 1.07, 1.15, 1.3, 1.5, 1.8, 2.5, 4.0, 8.0, 20.0])
"""Odds ratios, to the limit, of the rates that are bet on."""

GUESS_ROWS = 20.0
"""How many rows an audited rate counts for beside those of earlier panes."""

RECENT = (4, 40, 400)
"""So many of the last panes choose each a set to bet on, beside all of them."""

FEWEST = 1
"""Rows of each group in a joined pane, at least: more would mix hours, and fewer cannot be bet on."""


def pair_log_e(
    k_a: ArrayLike,
    n_a: ArrayLike,
    k_b: ArrayLike,
    n_b: ArrayLike,
    bound: float,
    form: Literal["difference", "ratio"],
    guess: tuple[float, float] | None = None,
) -> Floats:
    """Log e-values of a claim about the rates of two groups, by balanced bets.

    The null of a difference is ``P_a - P_b <= bound``, that of a ratio ``bound P_b - P_a <= 0``, where P is
    the mean rate in the pane. Written ``w P_u - P_v <= d``, each row of u bets up and each of v bets down:
    ``(1 + l_u (y - r_u))`` and ``(1 - l_v (y - r_v))`` are multiplied. With ``n_u l_u = kappa h w``,
    ``n_v l_v = kappa h``, ``h = n_u n_v / (n_u + n_v)`` and ``w r_u = d + r_v`` the expectation is at most
    ``exp(kappa h (w P_u - P_v - d)) <= 1``, whatever r_v is: that one is v's rate in earlier panes. The log
    e-values of a difference fall in `bound`, those of a ratio rise.

    Parameters
    ----------
    k_a, n_a, k_b, n_b : array, shape (panes,) or (panes, strata)
        Rows counted and rows, of both groups. Within strata the null is about the Mantel-Haenszel mean: what
        it says of P_a and P_b holds in sum over the strata of a pane, each weighed by its h. The e-values of
        the strata are multiplied, so that the expectation is at most ``exp`` of kappa times that sum.
    bound : float
        The limit; a difference is taken into -1 to 1, a ratio to at least 0.
    form : {"difference", "ratio"}
    guess : tuple of float, optional
        Audited rates of a and b, worth `GUESS_ROWS` rows. Without them nothing is bet on the first pane
        with both groups.

    Returns
    -------
    array, shape (panes, bets)
        0 in panes that lack a group, or have no stratum with both.

    References
    ----------
    Testing by betting: Chugg, Cortes-Gomez, Wilson & Ramdas, Auditing Fairness by Betting, 2023;
    Waudby-Smith & Ramdas, Estimating means of bounded random variables by betting, 2024. Balanced bets need
    no pairs of rows.
    """
    return BalancedBets(k_a, n_a, k_b, n_b, form, guess).log_e(bound)


class BalancedBets:
    """The bets of `pair_log_e` on two groups, for many bounds: what does not depend on these is kept.

    Parameters
    ----------
    k_a, n_a, k_b, n_b, form, guess
        As those of `pair_log_e`.
    """

    def __init__(
        self,
        k_a: ArrayLike,
        n_a: ArrayLike,
        k_b: ArrayLike,
        n_b: ArrayLike,
        form: Literal["difference", "ratio"],
        guess: tuple[float, float] | None = None,
    ) -> None:
        if form not in {"difference", "ratio"}:
            raise ValueError(f'form is "difference" or "ratio", not "{form}"')
        self._is_ratio = form == "ratio"
        a, b = _counts(k_a, n_a), _counts(k_b, n_b)
        (k_u, n_u), (k_v, n_v) = (b, a) if self._is_ratio else (a, b)
        r = _earlier(k_v, n_v, None if guess is None else guess[0 if self._is_ratio else 1])
        bet = (n_u > 0) & (n_v > 0) & ~np.isnan(r)
        pane = np.nonzero(bet)[0]  # in order: the strata of a pane are side by side
        first = np.flatnonzero(np.diff(pane, prepend=-1))
        self._shape, self._pane, self._first = (len(KAPPA), len(bet)), pane[first], first
        self._is_plain = len(first) == len(bet) == len(pane)
        k_u, n_u, k_v, n_v, self._r = (part[bet] for part in (k_u, n_u, k_v, n_v, r))
        self._hits, self._misses, self._of_v = k_u, n_u - k_u, (k_v, n_v - k_v)
        # bets on axis 0: panes then lie side by side in memory, for all that goes along them
        self._up, self._down = (np.outer(KAPPA, n / (n_u + n_v)) for n in (n_v, n_u))

    def log_e(self, bound: float) -> Floats:
        """Log e-values of the null of this bound, shape ``(panes, bets)``."""
        if self._is_ratio:
            weight, gap, low, high = max(float(bound), 0.0), 0.0, 0.0, 1.0
        else:
            weight, gap = 1.0, float(np.clip(bound, -1.0, 1.0))
            low, high = max(0.0, -gap), min(1.0, 1.0 - gap)
        r = np.clip(self._r, low, high)
        less, rest = self._kept if np.array_equal(r, self._r) else self._terms(r)
        made = self._logs(self._hits, less, weight - gap)
        if not self._is_ratio:
            made += self._logs(self._misses, less, -gap)
        made += rest
        return self._by_pane(made)

    def _by_pane(self, made: Floats) -> Floats:
        """Log e-values of each pane: those of its strata added, 0 in a pane that lacks a group in all."""
        if self._is_plain:
            return made.T
        total = np.zeros(self._shape)
        if len(self._first):
            total[:, self._pane] = np.add.reduceat(made, self._first, axis=1)
        return total.T

    @cached_property
    def _kept(self) -> tuple[Floats, Floats]:
        return self._terms(self._r)

    def _terms(self, r: Floats) -> tuple[Floats, Floats]:
        """What does not depend on the bound: 1 less u's bet times r; and logs, of a ratio also u's misses."""
        hits, misses = self._of_v
        less = 1 - self._up * r
        rest = hits * np.log(1 - self._down * (1 - r)) + misses * np.log(1 + self._down * r)
        if self._is_ratio:
            rest += self._logs(self._misses, less, 0.0)
        return less, rest

    def _logs(self, rows: Floats, less: Floats, gain: float) -> Floats:
        """Logs of the bets of rows of u; in one array, for the allocation of others would take as long."""
        made = self._up * gain
        made += less
        np.log(made, out=made)
        made *= rows
        return np.asarray(made)


def rate_log_e(k: ArrayLike, n: ArrayLike, bound: ArrayLike, side: Literal["max", "min"]) -> Floats:
    """Log e-values of a claim about the rate of one group.

    The null of side "max" is ``P <= bound``, that of "min" ``P >= bound``, where P is the mean rate in the
    pane. With odds ratio w, above 1 for "max" and below for "min", a bet's e-value is the likelihood ratio
    ``w^k / (1 + (w - 1) bound)^n`` (Wald 1945). Counts may be added over panes first.

    Parameters
    ----------
    k, n : array, shape (panes,)
        Rows counted and rows.
    bound : float or array, shape (panes,)
        The limit, taken into 0 to 1; one a pane if earlier panes chose what is counted.
    side : {"max", "min"}

    Returns
    -------
    array, shape (panes, bets)
        0 in panes without rows.
    """
    hits, rows = _counts(k, n)
    limit = np.clip(np.broadcast_to(bound, rows.shape), 0.0, 1.0)
    odds = _signed(np.log(ODDS), side)
    return (np.outer(odds, hits) - rows * np.log1p(np.outer(np.expm1(odds), limit))).T


def mean_log_e(
    n: ArrayLike, s: ArrayLike, edges: ArrayLike, bound: float, side: Literal["max", "min"]
) -> Floats:
    """Log e-values of a claim about calibration in the large, of counts by score bin.

    The null of side "max" is ``E[y - s] <= bound``, that of "min" ``E[y - s] >= bound``, where y is the
    truth, s the score and E the mean over a pane. A row's bet is ``1 + l (y - s - bound)`` or, for "min",
    ``1 - l (y - s - bound)``. Its log is concave in s. So the chord between the edges of a bin, taken at the
    bin's mean score, is at most the mean log: bins cost power, never validity.

    Parameters
    ----------
    n : array, shape (panes, bins, 2)
        Rows by score bin and truth (0, 1).
    s : array, shape (panes, bins, 2)
        Sums of their scores.
    edges : array, shape (bins + 1,)
        Edges of the bins, within 0 to 1.
    bound : float
        The limit, taken into -1 to 1.
    side : {"max", "min"}

    Returns
    -------
    array, shape (panes, bets)
        0 in panes without rows.
    """
    n, s, edges = (np.asarray(part, dtype=float) for part in (n, s, edges))
    bound = float(np.clip(bound, -1.0, 1.0))
    sign = _signed(1.0, side)
    bets = sign * KAPPA / (1 + sign * bound) if sign * bound > -1 else sign * KAPPA
    y = np.array([0.0, 1.0])
    at_edge = np.log1p(bets * (y[None, :, None] - edges[:, None, None] - bound))
    low, rise = at_edge[:-1], np.diff(at_edge, axis=0) / np.diff(edges)[:, None, None]
    above = s - n * edges[:-1, None]
    # no BLAS: its threads would take turns with those of the service that is watched
    return np.einsum("pby,byk->pk", n, low) + np.einsum("pby,byk->pk", above, rise)


def shift_log_e(counts: ArrayLike, reference: ArrayLike, limit: float, is_ordered: bool) -> Floats:
    """Log e-values of a claim that a histogram stays near its reference.

    The null is that the pane's distribution is at most `limit` from the reference, which is held fixed: by
    the Kolmogorov-Smirnov distance of ordered bins, else by total variation. Then no set of bins (of ordered
    ones: none of the lowest or the highest) has more than its share of the reference plus `limit`. The bet is
    on the set that most exceeded its share in all earlier panes, and on those of the `RECENT` ones, as by
    `rate_log_e`.

    Parameters
    ----------
    counts : array, shape (panes, bins)
        Rows by bin.
    reference : array, shape (bins,)
        Rows of the reference by bin; not all 0.
    limit : float
    is_ordered : bool

    Returns
    -------
    array, shape (panes, bets)
        0 in panes without rows, and before there was one.
    """
    counts, reference = np.asarray(counts, dtype=float), np.asarray(reference, dtype=float)
    share = reference / reference.sum()
    before = np.concatenate([np.zeros((1, len(share))), np.cumsum(counts, axis=0)])
    last = np.arange(len(counts))
    return np.concatenate(
        [
            _set_log_e(counts, share, limit, before[last] - before[since], is_ordered)
            for since in (np.maximum(last - panes, 0) for panes in (len(last), *RECENT))
        ],
        axis=1,
    )


def _set_log_e(counts: Floats, share: Floats, limit: float, earlier: Floats, is_ordered: bool) -> Floats:
    """Log e-values of the set of bins whose rows in `earlier` most exceed their share."""
    rows = earlier.sum(axis=1, keepdims=True)
    excess = np.divide(earlier, rows, out=np.tile(share, (len(earlier), 1)), where=rows > 0) - share
    if is_ordered:
        at_most = np.cumsum(excess, axis=1)
        cut = np.abs(at_most).argmax(axis=1)[:, None]
        lowest = np.arange(len(share)) <= cut
        inside = lowest == (np.take_along_axis(at_most, cut, axis=1) > 0)
    else:
        inside = excess > 0
    n = np.where(rows[:, 0] > 0, counts.sum(axis=1), 0.0)
    k = np.where(rows[:, 0] > 0, (counts * inside).sum(axis=1), 0.0)
    return rate_log_e(k, n, inside @ share + limit, "max")


def e_panes(*rows: ArrayLike, fewest: int = FEWEST) -> NDArray[np.int64]:
    """Join successive panes until each group has `fewest` rows: by rows alone, never by outcomes.

    Parameters
    ----------
    *rows : array, shape (panes,)
        Rows of each group.
    fewest : int
        Rows that each group has in a joined pane, at least.

    Returns
    -------
    array of int, shape (panes,)
        The joined pane that a pane belongs to; -1 for the last ones, which wait for more rows.
    """
    reached = [np.cumsum(np.asarray(group, dtype=float)) for group in rows]
    panes = len(reached[0])
    # the first pane by whose end each group has enough, counted from before each pane
    ends = np.max(
        [np.searchsorted(sums, np.concatenate([[0.0], sums[:-1]]) + fewest) for sums in reached], axis=0
    )
    # joined panes begin at pane 0 and after the end of another: those within 1, 3, 7, ... of the first
    starts, after = np.arange(panes + 1) == 0, np.append(np.minimum(ends + 1, panes), panes)
    for _ in range(panes.bit_length()):
        starts[after[starts]] = True
        after = after[after]
    waits = starts[:panes] & (ends == panes)
    joined = np.cumsum(starts[:panes]) - 1
    joined[np.cumsum(waits) > 0] = -1
    return joined.astype(np.int64)


def join(counts: ArrayLike, index: NDArray[np.int64]) -> Floats:
    """Sums of counts over the panes of each joined pane, shape ``(joined panes, ...)``."""
    counts = np.asarray(counts, dtype=float)[index >= 0]
    first = np.flatnonzero(np.diff(index[index >= 0], prepend=-1))
    return np.add.reduceat(counts, first, axis=0) if len(first) else counts


def running(log_e: Floats) -> Floats:
    """Log of the e-process after each pane: the mean over bets of the products of their e-values.

    The chance that it ever reaches ``log(1 / alpha)`` is at most alpha (Ville 1939). Where a person has up
    to c rows in a pane, ``running(log_e / c)`` is valid (Hoelder's inequality).

    Parameters
    ----------
    log_e : array, shape (panes, bets)

    Returns
    -------
    array, shape (panes,)
    """
    return _log_mean(np.cumsum(log_e, axis=0))


def detector(log_e: Floats) -> Floats:
    """Log of the Shiryaev-Roberts e-detector after each pane: the mean over bets of R = (R before + 1) e.

    Under the null ``R`` less the number of panes never rises in expectation. So an alarm at
    ``R >= windows``, after which it starts again, comes at most once in so many panes on average (Shin,
    Ramdas & Rinaldo, E-detectors, 2024).

    Parameters
    ----------
    log_e : array, shape (panes, bets)

    Returns
    -------
    array, shape (panes,)
    """
    wealth = np.cumsum(log_e, axis=0)
    started = np.logaddexp.accumulate(-np.concatenate([np.zeros((1, wealth.shape[1])), wealth[:-1]]), axis=0)
    return _log_mean(wealth + started[: len(wealth)])


def detected(log_e: Floats) -> float:
    """The last of `detector`, found in far less time; minus infinity before there is a pane."""
    if not len(log_e):
        return -np.inf
    gained = np.cumsum(log_e[::-1], axis=0)  # by the process started at each pane, the last first
    top = gained.max()
    return float(top + np.log(np.exp(gained - top).sum() / gained.shape[1]))


def _counts(k: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    """Both as floats, with panes on axis 0."""
    return np.atleast_1d(np.asarray(k, dtype=float)), np.atleast_1d(np.asarray(n, dtype=float))


def _signed(size: Floats | float, side: str) -> Floats:
    """Up for a limit from above, down for one from below."""
    if side not in {"max", "min"}:
        raise ValueError(f'side is "max" or "min", not "{side}"')
    return np.asarray(size if side == "max" else -size, dtype=float)


def _earlier(k: Floats, n: Floats, guess: float | None) -> Floats:
    """Rate in the panes before each, in the shape of the counts; NaN where there is none and no guess."""
    seen, hits = (
        np.concatenate([np.zeros_like(part[:1]), np.cumsum(part, axis=0)[:-1]])[: len(part)]
        for part in (n, k)
    )
    if guess is not None:
        return (hits + GUESS_ROWS * guess) / (seen + GUESS_ROWS)
    return np.where(seen > 0, (hits + 0.5) / (seen + 1), np.nan)


def _log_mean(logs: Floats) -> Floats:
    """Log of the mean of the exponentials over bets, shape ``(panes,)``."""
    top = logs.max(axis=1)
    return np.asarray(top + np.log(np.exp(logs - top[:, None]).mean(axis=1)))
