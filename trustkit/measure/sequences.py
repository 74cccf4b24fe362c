"""Confidence sequences: limits after each pane that hold at all panes at once.

They invert the e-processes of `betting`: a limit is the last value refuted, so what is printed agrees with
the alarm (Waudby-Smith & Ramdas 2024). A figure that stays the same is beyond its limit, at any time, with
probability at most alpha where `threshold` is ``log(1 / alpha)``.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from trustkit.measure.betting import Floats, running

DIFFERENCES = np.round(np.linspace(-1.0, 1.0, 401), 3)
"""Values of a difference that are tried."""

RATES = np.round(np.linspace(0.0, 1.0, 401), 4)
"""Values of a rate that are tried."""

RATIOS = np.concatenate([[0.0], np.exp(np.linspace(-np.log(20.0), np.log(20.0), 301)), [np.inf]])
"""Values of a ratio that are tried."""

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
