"""What goes into a store and what comes out: batches of counts, and the state of all of them.

A pane is a window of time: ``floor(at / window)``, times being seconds since
1970 UTC. Counts lie in ledgers, under keys that the store does not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Batch:
    """What a writer adds in one transaction.

    A batch that met a `StoreFault` is sent again as it was, before any later
    one of the writer: it may have been added and the answer lost.

    Attributes
    ----------
    writer : str
        Id of one process's recorder; a forked child needs another.
    seq : int
        Increases from batch to batch of a writer.
    counts : mapping of (pane, ledger, key) to (n, s)
        Rows, and sums of scores in units of 2**-30. The rows of ``decided``
        are the records that the batch holds.
    columns : mapping of pane to mapping of key to n
        Those of the ledger ``column``, which are the most.
    decisions : sequence of (hash, pane, at, key, s)
        Those that wait for a label: hash of the id, see `Store.hash`; `s` is the score, in the same units.
    truths : sequence of (hash, code, at)
        Labels that came.
    last_at : float or None
        Latest time of a row; None without rows.
    clock : bool
        No time was ever given to this writer: its rows are of the clock's time.
    recorded, dropped, faults : int
        Of the writer since it began: records taken, records lost for want of
        room, errors of its own.
    closed : bool
        The writer ended in order; this is its last batch.
    """

    writer: str
    seq: int
    counts: Mapping[tuple[int, str, str], tuple[int, int]]
    decisions: Sequence[tuple[bytes, int, float, str, int]] = ()
    truths: Sequence[tuple[bytes, int, float]] = ()
    columns: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    last_at: float | None = None
    clock: bool = False
    recorded: int = 0
    dropped: int = 0
    faults: int = 0
    closed: bool = False


@dataclass(frozen=True)
class Counts:
    """The counts of one ledger, as columns ordered by pane.

    Attributes
    ----------
    keys : list of str
        The distinct keys.
    pane, key, n, s : ndarray of int64, of one length
        Pane, place of the key in `keys`, rows, and sum of scores in units of 2**-30.
    """

    keys: list[str]
    pane: NDArray[np.int64]
    key: NDArray[np.int64]
    n: NDArray[np.int64]
    s: NDArray[np.int64]


@dataclass(frozen=True)
class Writer:
    """One process that records, as of its last flush; times in seconds, counts in records."""

    id: str
    host: str
    pid: int
    started: float
    flushed_at: float
    recorded: int
    flushed: int
    dropped: int
    faults: int
    closed: bool

    @property
    def behind(self) -> int:
        """Records that it had taken and the store had not, at its last flush."""
        return self.recorded - self.flushed


@dataclass(frozen=True)
class Alarm:
    """An alarm: since when it stands, the e-value then, its finding as JSON, and when it ended."""

    id: str
    kind: str
    first_pane: int | None
    at: float
    e: float | None
    json: str
    ended: float | None = None


@dataclass(frozen=True)
class Incident:
    """One line of the record of incidents; `closed` with the fix and the audit that followed."""

    id: int
    opened: float
    about: str
    owner: str
    cause: str | None
    fix: str | None
    audit: str | None
    closed: float | None


@dataclass(frozen=True)
class State:
    """What a store holds at one moment.

    Attributes
    ----------
    counts : mapping of str to Counts
        By ledger. Beside those of the batches: ``labeled`` (decisions whose
        label came in time), ``pending`` (that wait for one), ``late_label``
        (labels after the pane had matured), ``expired`` (decisions whose label
        did not come), ``duplicate`` (ids decided twice while the first waited),
        these five under the keys of ``decided``, ``labeled`` with ``|truth``
        added; ``late`` (rows that came after their pane had closed) under the
        name of their ledger; ``unmatched`` (labels of no known decision) under "".
    closed_through, matured_through : int or None
        The last pane that decided, and labeled, rows enter no more.
    last_at : float or None
        The time that the store has reached, in seconds.
    truths : int
        Labels that wait for their decision.
    writers : list of Writer
    alarms : list of Alarm
    incidents : list of Incident
    """

    counts: Mapping[str, Counts]
    closed_through: int | None
    matured_through: int | None
    last_at: float | None
    truths: int
    writers: list[Writer]
    alarms: list[Alarm]
    incidents: list[Incident]

    def gaps(self, before: float) -> list[Writer]:
        """Writers that did not end in order and have not flushed since `before`.

        What such a writer took after its last flush is lost: at most what its
        setting for flushes lets it hold, beside the records it was `behind`.
        """
        return [writer for writer in self.writers if not writer.closed and writer.flushed_at < before]
