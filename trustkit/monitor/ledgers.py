"""The ledgers: how a batch is counted, labels join decisions, and panes close."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from trustkit.monitor.sql import Session
from trustkit.monitor.state import Batch

EXPIRE = 10_000
"""So many decisions at most expire in one flush, so that none holds the store for long."""

GRACE = 5.0
"""Seconds, of long windows, by which the clock closes a pane later: writers flush at times of their own."""

Name = tuple[str, str]
"""A ledger and a key of it."""


@dataclass
class Clock:
    """How far the time of a store has come."""

    seconds: float
    lateness: float
    label_delay: float
    label_ttl: float
    last_at: float | None
    by_clock: int | None
    closed_through: int | None
    matured_through: int | None

    def has_closed(self, pane: int, ledger: str) -> bool:
        """Tell whether rows of a pane come too late for a ledger."""
        through = self.matured_through if ledger == "labeled" else self.closed_through
        return through is not None and pane <= through

    def advance(self, batch: Batch, now: float) -> None:
        """Close the panes that end, by the rows' times, or by the clock where none was ever given."""
        if batch.last_at is not None:
            self.by_clock = int(batch.clock and self.by_clock != 0)
        times = [self.last_at, batch.last_at, now if self.by_clock else None]
        self.last_at = max((at for at in times if at is not None), default=None)
        if self.last_at is not None:
            ended = self.last_at - self.lateness - (min(GRACE, self.seconds / 10) if self.by_clock else 0.0)
            self.closed_through = self._through(self.closed_through, ended)
            self.matured_through = self._through(self.matured_through, ended - self.label_delay)

    def _through(self, before: int | None, at: float) -> int:
        """Return the last pane that ended by a time, or the one that had before."""
        ended = math.floor(at / self.seconds) - 1
        return ended if before is None else max(before, ended)


class Flush:
    """One batch on its way into the ledgers.

    Attributes
    ----------
    names : dict
        The number of each name of the store, to which those of the batch are added.
    """

    def __init__(self, session: Session, clock: Clock, names: dict[Name, int]) -> None:
        self._session, self._clock = session, clock
        self.names, self._known = names, len(names)
        self._rows: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self._sums: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))

    @cached_property
    def _keys(self) -> dict[int, str]:
        """Key of each name; those of decisions are all there once `wait` is through."""
        return {id: key for (_, key), id in self.names.items()}

    def _add(self, pane: int, ledger: str, key: str, n: int = 1, s: int = 0) -> None:
        id = self._id(ledger, key)
        self._rows[pane][id] += n
        if s:
            self._sums[pane][id] += s

    def _id(self, ledger: str, key: str) -> int:
        """Return the number of a name, a new one where it is new."""
        return self.names.setdefault((ledger, key), len(self.names) + 1)

    def add(self, batch: Batch) -> None:
        """Take counts, those of closed panes as late ones."""
        for (pane, ledger, key), (n, s) in batch.counts.items():
            if self._clock.has_closed(pane, ledger):
                self._add(int(pane), "late", ledger, int(n))
            else:
                self._add(int(pane), ledger, key, int(n), int(s))
        for pane, counts in batch.columns.items():
            if self._clock.has_closed(pane, "column"):
                self._add(pane, "late", "column", sum(counts.values()))
                continue
            rows = self._rows[pane]
            for key, n in counts.items():
                rows[self._id("column", key)] += n

    def wait(self, decisions: Sequence[tuple[bytes, int, float, str, int]]) -> None:
        """Let decisions wait for their labels, each id once."""
        known = {row[0] for row in self._session.select_of("hash", "pending", [row[0] for row in decisions])}
        rows = []
        for hash, pane, at, key, s in decisions:
            is_new = hash not in known
            self._add(int(pane), "pending" if is_new else "duplicate", key)
            if is_new:
                known.add(hash)
                rows.append((hash, int(pane), float(at), self._id("pending", key), int(s)))
        self._session.insert("pending", "hash, pane, at, name, s", rows)

    def join(self, truths: Sequence[tuple[bytes, int, float]], decided: Sequence[bytes]) -> None:
        """Count each decision whose label is there in its own pane; let the other labels wait for theirs."""
        codes = {hash: (int(code), float(at)) for hash, code, at in reversed(truths)}
        before = {
            hash: (code, at)
            for hash, code, at in self._session.select_of("hash, code, at", "truths", [*codes, *decided])
        }
        codes.update(before)
        joined = []
        for hash, pane, name, s in self._session.select_of("hash, pane, name, s", "pending", list(codes)):
            joined.append(hash)
            self._leave(pane, name)
            if self._clock.has_closed(pane, "labeled"):
                self._add(pane, "late_label", self._keys[name])
            else:
                self._add(pane, "labeled", f"{self._keys[name]}|{codes[hash][0]}", s=s)
        self._session.delete_of("pending", "hash", [(hash,) for hash in joined])
        self._session.delete_of("truths", "hash", [(hash,) for hash in joined if hash in before])
        waiting = codes.keys() - before.keys() - set(joined)
        rows = [(hash, *codes[hash]) for hash in sorted(waiting)]
        self._session.insert("truths", "hash, code, at", rows)

    def _leave(self, pane: int, name: int) -> None:
        self._add(pane, "pending", self._keys[name], -1)

    def expire(self) -> None:
        """Let no decision, and no label, wait longer than its time."""
        if self._clock.last_at is None:
            return
        oldest = self._clock.last_at - self._clock.label_ttl
        some = f"WHERE at < ? ORDER BY at LIMIT {EXPIRE}"
        decisions = list(self._session.select("hash, pane, name", "pending", some, [oldest]))
        for _, pane, name in decisions:
            self._leave(pane, name)
            self._add(pane, "expired", self._keys[name])
        self._session.delete_of("pending", "hash", [row[:1] for row in decisions])
        truths = list(self._session.select("hash, at", "truths", some, [oldest]))
        for _, at in truths:
            self._add(math.floor(at / self._clock.seconds), "unmatched", "")
        self._session.delete_of("truths", "hash", [row[:1] for row in truths])

    def write(self) -> None:
        """Add all that was taken to the counts."""
        rows = [
            (pane, id, n, self._sums[pane].get(id, 0))
            for pane, counts in self._rows.items()
            for id, n in counts.items()
            if n or self._sums[pane].get(id)
        ]
        new = list(self.names.items())[self._known :]
        self._session.insert("names", "id, ledger, key", [(id, *name) for name, id in new])
        self._session.insert(
            "counts",
            "pane, name, n, s",
            rows,
            "ON CONFLICT (pane, name) DO UPDATE"
            " SET n = trustkit_counts.n + excluded.n, s = trustkit_counts.s + excluded.s",
        )
        left = [(row[0], row[1]) for row in rows if row[2] < 0]
        self._session.delete_of("counts", "pane, name", left, "AND n = 0")
