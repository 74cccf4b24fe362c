"""Gathering: counts that wait for the store, made into batches."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.monitor.coding import Coder, Counted, Truth, Waiting
from trustkit.monitor.state import Batch


class Gathered:
    """Counts of many calls, by pane, until they are taken for a batch.

    Parameters
    ----------
    coder : Coder
        Who made them.
    """

    def __init__(self, coder: Coder) -> None:
        self._coder = coder
        self._clear()

    def _clear(self) -> None:
        self.rows = 0
        self._decided: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
        self._columns: dict[int, NDArray[np.int64]] = {}
        self._latency: Counter[tuple[int, int]] = Counter()
        self._waiting: list[Waiting] = []
        self._truths: list[Truth] = []
        self._last_at: float | None = None

    @property
    def size(self) -> int:
        """Entries that are kept: counters, decisions and labels."""
        bins = len(self._columns) * len(self._coder.bins)
        return len(self._decided) + bins + len(self._latency) + len(self._waiting) + len(self._truths)

    def add(self, counted: Counted) -> None:
        """Add counts."""
        self.rows += counted.rows
        for pane, cell, n, s in counted.decided:
            total = self._decided[pane, cell]
            total[0] += n
            total[1] += s
        for pane, counts in counted.columns:
            if pane in self._columns:
                self._columns[pane] += counts
            else:
                self._columns[pane] = counts.copy()
        self._latency.update(counted.latency)
        self._waiting += counted.waiting
        self._truths += counted.truths
        if counted.last_at is not None:
            self._last_at = max(counted.last_at, self._last_at or counted.last_at)

    def counts(self) -> dict[tuple[int, str, str], tuple[int, int]]:
        """All counts but those of columns, by pane, ledger and key."""
        found: dict[tuple[int, str, str], tuple[int, int]] = {}
        unknown: Counter[tuple[int, int]] = Counter()
        for (pane, cell), (n, s) in self._decided.items():
            found[pane, "decided", self._coder.key(cell)] = (n, s)
            for attribute in self._coder.unknown(cell):
                unknown[pane, attribute] += n
        for (pane, attribute), n in unknown.items():
            found[pane, "unknown", str(attribute)] = (n, 0)
        for (pane, bin), n in self._latency.items():
            found[pane, "latency", str(bin)] = (n, 0)
        return found

    def columns(self) -> dict[int, dict[str, int]]:
        """Counts of columns, by pane and key."""
        bins, found = self._coder.bins, {}
        for pane, counts in self._columns.items():
            places = np.flatnonzero(counts)
            found[pane] = dict(
                zip(map(bins.__getitem__, places.tolist()), counts[places].tolist(), strict=True)
            )
        return found

    def batch(self, hashed: Callable[[list[str]], list[bytes]], account: Mapping[str, Any]) -> Batch:
        """Make a batch of all that is here, and keep nothing.

        Parameters
        ----------
        hashed : callable
            Hashes of ids; what it raises leaves all as it was.
        account : mapping
            The attributes of a batch that are not counts.
        """
        ids = [each.id for each in self._waiting] + [each.id for each in self._truths]
        hashes = hashed(ids) if ids else []
        key, waiting = self._coder.key, len(self._waiting)
        made = Batch(
            counts=self.counts(),
            columns=self.columns(),
            decisions=[
                (hash, pane, at, key(cell), s)
                for hash, (_, pane, at, cell, s) in zip(hashes[:waiting], self._waiting, strict=True)
            ],
            truths=[
                (hash, code, at) for hash, (_, code, at) in zip(hashes[waiting:], self._truths, strict=True)
            ],
            last_at=self._last_at,
            **account,
        )
        self._clear()
        return made
