"""Pace: how many decisions a window brings, and how long a call takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trustkit.monitor.coding import LATENCY_EDGES
from trustkit.monitor.state import Counts, State
from trustkit.monitor.tally import Tally


@dataclass(frozen=True)
class Pace:
    """A figure without a limit.

    Attributes
    ----------
    metric : {"volume", "latency"}
    value : float
        The median: decisions of a window; upper edge of a call's bin, in milliseconds.
    n : int
        Of how many windows, or calls.
    words : str
        What was found.
    """

    metric: str
    value: float
    n: int
    words: str


def paces(state: State, tally: Tally, fewest: int) -> Iterator[Pace]:
    """Yield the figures that a store can tell of no fewer rows of a window, or calls."""
    ledger = tally.decided
    rows = np.bincount(ledger.pane, weights=ledger.n, minlength=len(ledger.panes))
    if len(rows) and rows.min() >= fewest:
        value, most = float(np.median(rows)), float(rows.max())
        words = f"{value:,.0f} decisions in the median window that has any, {most:,.0f} at most"
        yield Pace("volume", value, len(rows), words)
    latency = state.counts.get("latency")
    if latency is not None and latency.n.sum() >= fewest:
        (median, half), (_, most_of_them) = _under(latency, 0.5), _under(latency, 0.95)
        words = f"half of the calls take {half}, 95 % {most_of_them}"
        yield Pace("latency", median, int(latency.n.sum()), words)


def _under(latency: Counts, share: float) -> tuple[float, str]:
    """Milliseconds that a share of the calls stays under, by their bin; of the last bin its lower edge."""
    calls = np.zeros(len(LATENCY_EDGES) + 1, dtype=np.int64)
    np.add.at(calls, np.array([int(key) for key in latency.keys])[latency.key], latency.n)
    bin = int(np.searchsorted(np.cumsum(calls), share * calls.sum()))
    edge = 1e3 * LATENCY_EDGES[min(bin, len(LATENCY_EDGES) - 1)]
    return edge, f"{'under' if bin < len(LATENCY_EDGES) else 'over'} {edge:,.3g} ms"
