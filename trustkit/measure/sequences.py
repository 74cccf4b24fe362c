"""Confidence sequences: limits after each pane that hold at all panes at once.

They invert the e-processes of `betting`: a limit is the last value refuted, so what is printed agrees with
the alarm (Waudby-Smith & Ramdas 2024). A figure that stays the same is beyond its limit, at any time, with
probability at most alpha where `threshold` is ``log(1 / alpha)``.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from trustkit.measure.betting import Floats, mean_log_e, pair_log_e, rate_log_e, running

DIFFERENCES = np.round(np.linspace(-1.0, 1.0, 401), 3)
"""Values of a difference that are tried."""

RATES = np.round(np.linspace(0.0, 1.0, 401), 4)
"""Values of a rate that are tried."""

RATIOS = np.exp(np.linspace(np.log(20.0), -np.log(20.0), 301))
"""Values of a ratio that are tried, from above."""

MOMENTS = 50
"""To about one part in so many of all panes it is known when a value was refuted."""


def confidence_sequence(
    log_e: Callable[[float], Floats], values: Floats, threshold: float, own: float | None = None
) -> Floats:
    """Limit of a figure after each pane.

    Parameters
    ----------
    log_e : callable
        Log e-values, shape ``(panes, bets)``, of the null that the figure is at a value or beyond it.
    values : array, shape (values,)
        The end that is known beforehand, then values from the one refuted first to the one refuted last.
    threshold : float
        A value is refuted once `running` reaches it.
    own : float, optional
        The limit of the claim: its moment is exact. That of others may be late, never early.

    Returns
    -------
    array, shape (panes,)
        The last value refuted by then; before any is, the end.
    """
    if own is not None:
        before = values < own if values[-1] > values[0] else values > own
        values = np.concatenate([values[before], [own], values[~before & (values != own)]])
    panes = len(log_e(float(values[-1])))
    when = {0: 0}

    def moment(i: int) -> int:
        """First pane at which value i is refuted; `panes` if never."""
        if i not in when:
            alarms = np.flatnonzero(running(log_e(float(values[i]))) >= threshold)
            when[i] = int(alarms[0]) if len(alarms) else panes
        return when[i]

    marks = [0, *(np.flatnonzero(values == own).tolist() if own is not None else ()), len(values) - 1]
    spans = list(pairwise(marks))
    while spans:
        low, high = spans.pop()
        slack = panes // MOMENTS if moment(high) < panes else 0
        if high - low > 1 and moment(high) - moment(low) > slack:
            middle = (low + high) // 2
            spans += [(low, middle), (middle, high)]
    last = np.zeros(panes, dtype=np.intp)
    for i, pane in when.items():
        last[pane:] = np.maximum(last[pane:], i)
    return np.asarray(values[last])


def pair_limits(
    k_a: ArrayLike,
    n_a: ArrayLike,
    k_b: ArrayLike,
    n_b: ArrayLike,
    form: Literal["difference", "ratio"],
    threshold: float,
    guess: tuple[float, float] | None = None,
    own: float | None = None,
    rows_per_person: int = 1,
) -> tuple[Floats, Floats]:
    """Lower and upper limit, after each pane, of ``P_a - P_b`` or ``P_a / P_b``.

    The lower limit of a difference reaches `own` when `pair_log_e` of a and b alarms at it, its upper limit
    when that of b and a alarms at ``-own``. The upper limit of a ratio reaches `own` when that of a and b
    alarms at it.

    Parameters
    ----------
    k_a, n_a, k_b, n_b, form, guess
        As in `pair_log_e`.
    threshold : float
        Log of 1 / alpha of each limit.
    own : float, optional
        The limit of the claim.
    rows_per_person : int
        The most rows that a person has in a pane.

    Returns
    -------
    low, high : array, shape (panes,)
        -1 and 1, or 0 and infinity, while nothing is known.
    """
    a, b = (k_a, n_a), (k_b, n_b)
    swapped = None if guess is None else guess[::-1]

    def forward(bound: float) -> Floats:
        return pair_log_e(*a, *b, bound, form, guess) / rows_per_person

    def backward(bound: float) -> Floats:
        return pair_log_e(*b, *a, bound, form, swapped) / rows_per_person

    if form == "difference":
        low = confidence_sequence(forward, DIFFERENCES, threshold, own)
        return low, -confidence_sequence(backward, DIFFERENCES, threshold, None if own is None else -own)
    values = np.concatenate([[np.inf], RATIOS])
    high = confidence_sequence(forward, values, threshold, own)
    return 1 / confidence_sequence(backward, values, threshold, 1 / own if own else None), high


def rate_limits(
    k: ArrayLike, n: ArrayLike, threshold: float, own: float | None = None, rows_per_person: int = 1
) -> tuple[Floats, Floats]:
    """Lower and upper limit, after each pane, of the rate of one group.

    They reach `own` when `rate_log_e` of side "max", or of side "min", alarms at it. Parameters as in
    `pair_limits`; 0 and 1 while nothing is known.
    """
    low = confidence_sequence(
        lambda bound: rate_log_e(k, n, bound, "max") / rows_per_person, RATES, threshold, own
    )
    high = confidence_sequence(
        lambda bound: rate_log_e(k, n, bound, "min") / rows_per_person, RATES[::-1], threshold, own
    )
    return low, high


def mean_limits(
    n: ArrayLike,
    s: ArrayLike,
    edges: ArrayLike,
    threshold: float,
    own: float | None = None,
    rows_per_person: int = 1,
) -> tuple[Floats, Floats]:
    """Lower and upper limit, after each pane, of mean truth less mean score.

    They reach `own` when `mean_log_e` of side "max", or of side "min", alarms at it. Parameters as in
    `mean_log_e` and `pair_limits`; -1 and 1 while nothing is known.
    """
    low = confidence_sequence(
        lambda bound: mean_log_e(n, s, edges, bound, "max") / rows_per_person, DIFFERENCES, threshold, own
    )
    high = confidence_sequence(
        lambda bound: mean_log_e(n, s, edges, bound, "min") / rows_per_person,
        DIFFERENCES[::-1],
        threshold,
        own,
    )
    return low, high
