"""The store: counts by window that add over workers, hosts and days, and nothing of any person.

A pane is a window of time: ``floor(at / window)``, times being seconds since
1970 UTC. Counts lie in ledgers under keys that the store does not read. It
joins labels to decisions, closes panes, and keeps account of its writers.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Self

import numpy as np

from trustkit.errors import ConfigError, Problem
from trustkit.monitor.ledgers import Clock, Flush, Name
from trustkit.monitor.sql import SCHEMA, Database, Session, database
from trustkit.monitor.state import Alarm, Batch, Counts, Incident, State, Writer

FORMAT = "trustkit-store/1"

CLOCK = "seconds, lateness, label_delay, label_ttl, last_at, by_clock, closed_through, matured_through"
WRITER = "id, host, pid, started, flushed_at, recorded, flushed, dropped, faults, closed"
ALARM = "id, kind, first_pane, at, e, json, ended"
INCIDENT = "id, opened, about, owner, cause, fix, audit, closed"
"""Columns, in the order of the classes' attributes."""

_ONE_AT_A_TIME = threading.RLock()
"""Held while a connection is open, and by a fork: no child inherits an open one, nor a lock held for ever."""

os.register_at_fork(
    before=_ONE_AT_A_TIME.acquire,
    after_in_parent=_ONE_AT_A_TIME.release,
    after_in_child=_ONE_AT_A_TIME.release,
)


class StoreFault(RuntimeError):  # noqa: N818 (the store fails, not the caller)
    """The store could not be read or written now; nothing of the batch was lost or added in part.

    Parameters
    ----------
    store : str
        Its name, without folder or password.
    reason : str
        A few words: ``locked for more than 5 s``, ``full``, ``read-only``, ``corrupt``.
    """

    def __init__(self, store: str, reason: str) -> None:
        super().__init__(f"{store}: {reason}")
        self.reason = reason


class Store:
    """Counts in SQLite, PostgreSQL or memory, by the same statements; safe for threads, processes and forks.

    Nothing touches the database before the first use. Only `declare` makes a
    store; everything else raises `StoreFault` where there is none, and
    `ConfigError` where there is something else, which it leaves as it is.

    Its size follows the windows and the keys, not the traffic: 24 windows of
    1,080 keys (30 inputs of 20 bins, 12 groups) are 0.5 MB in SQLite; a
    decision takes 75 bytes while it waits for its label.
    """

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database, self._now = database, now
        self._secret: bytes | None = None
        self._kept: tuple[dict[Name, int], str, int] = ({}, "", 0)

    @classmethod
    def open(
        cls, where: str | os.PathLike[str], *, timeout: float = 5.0, now: Callable[[], float] = time.time
    ) -> Self:
        """Name the place of a store.

        Parameters
        ----------
        where : str or path
            A file of SQLite, ``postgresql://USER:PASSWORD@HOST/DATABASE``, or ``:memory:``.
        timeout : float
            Seconds to wait for another writer.
        now : callable
            The clock.
        """
        return cls(database(where, timeout), now)

    @property
    def name(self) -> str:
        """How the store is called in messages."""
        return self._database.name

    def close(self) -> None:
        """Let go of the store; what is in memory is forgotten."""
        with _ONE_AT_A_TIME:
            self._database.close()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        with _ONE_AT_A_TIME:
            try:
                yield
            except self._database.errors as error:
                if self._database.is_foreign(error) and self._secret is None:
                    raise self._stranger() from error
                raise StoreFault(self.name, self._database.reason(error)) from error

    def _stranger(self, format: str | None = None) -> ConfigError:
        found = f"{self.name} is {format or 'something else'}, no {FORMAT}; it was left as it is"
        return ConfigError([Problem("store", found)])

    def _is_made(self, session: Session) -> bool:
        """Tell whether there is a store, and refuse what is another thing."""
        names = {name for (name,) in session.run(self._database.tables)}
        if "trustkit_meta" not in names:
            if names:
                raise self._stranger()
            return False
        format, secret = next(session.select("format, secret", "meta"), (None, b""))
        if format != FORMAT:
            raise self._stranger(format)
        if self._secret not in (None, secret):
            raise StoreFault(self.name, "is not the one that was declared: it was made anew")
        self._secret = secret
        return True

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        with self._faults(), self._database.reading() as session:
            self._need(session)
            yield session

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        with self._faults(), self._database.writing() as session:
            self._need(session)
            yield session

    def _need(self, session: Session) -> None:
        if not self._is_made(session):
            raise StoreFault(self.name, "nothing was declared in it yet")

    def declare(self, watch: str, digest: str) -> None:
        """Make the store for a watch, or check that it was made for this one.

        Parameters
        ----------
        watch : str
            The watch as JSON, with ``window``, ``lateness``, ``label_delay`` and ``label_ttl`` in seconds.
        digest : str
            Its digest.

        Raises
        ------
        ConfigError
            Where the store is of another watch, or no store.
        StoreFault
            Where it cannot be reached or made.
        """
        with self._faults():
            self._database.create()
            with self._database.writing() as session:
                if not self._is_made(session):
                    self._make(session, json.loads(watch), (watch, digest))
                stored, of, secret = next(session.select("watch, digest, secret", "meta"))
            self._secret = secret
        if of != digest:
            ours, theirs = json.loads(watch), json.loads(stored)
            parts = sorted(key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key)) or ["digest"]
            found = f"{self.name} was made for another watch: of another {', '.join(parts)}; name a new store"
            raise ConfigError([Problem("store", found)])

    def _make(self, session: Session, times: Mapping[str, float], told: tuple[str, str]) -> None:
        for statement in SCHEMA.format(**self._database.types).split(";"):
            session.run(statement)
        seconds = [float(times[key]) for key in ("window", "lateness", "label_delay", "label_ttl")]
        session.insert(
            "meta",
            "one, format, watch, digest, secret, declared, seconds, lateness, label_delay, label_ttl",
            [(1, FORMAT, *told, secrets.token_bytes(32), self._now(), *seconds)],
        )

    def watch(self) -> str:
        """Return the watch that was declared, as JSON."""
        with self._reading() as session:
            return str(next(session.select("watch", "meta"))[0])

    def hash(self, ids: Iterable[str]) -> list[bytes]:
        """Return hashes of ids, 16 bytes each, under a key of this store alone (keyed BLAKE2b, RFC 7693)."""
        if self._secret is None:
            self.watch()
        key = self._secret or b""
        return [
            hashlib.blake2b(id.encode("utf-8", "surrogatepass"), digest_size=16, key=key).digest()
            for id in ids
        ]

    def flush(self, batch: Batch) -> bool:
        """Add a batch in one transaction; return False where it had been added before.

        Raises
        ------
        StoreFault
            Where the store cannot be written now. Send the batch again.
        """
        with self._writing() as session:
            now = self._now()
            before = next(session.select("seq, flushed", "writers", "WHERE id = ?", [batch.writer]), None)
            if before is not None and before[0] >= batch.seq:
                return False
            clock = Clock(*next(session.select(CLOCK, "meta")))
            flush = Flush(session, clock, self._known(session))
            flush.add(batch)
            flush.wait(batch.decisions)
            flush.join(batch.truths, [decision[0] for decision in batch.decisions])
            clock.advance(batch, now)
            flush.expire()
            flush.write()
            session.run(
                "UPDATE trustkit_meta SET last_at = ?, by_clock = ?, closed_through = ?, matured_through = ?",
                [clock.last_at, clock.by_clock, clock.closed_through, clock.matured_through],
            )
            records = sum(n for (_, ledger, _), (n, _) in batch.counts.items() if ledger == "decided")
            self._sign(session, batch, now, int(records) + (before[1] if before else 0))
        self._kept = flush.names, batch.writer, batch.seq
        return True

    def _known(self, session: Session) -> dict[Name, int]:
        """Read the names that are new since the last flush: none is ever changed or taken away.

        Where the store does not know of that flush, an older copy of it was put in its place.
        """
        names, writer, seq = self._kept
        came = next(session.select("seq", "writers", "WHERE id = ?", [writer]), (-1,))[0]
        before = names if came >= seq else {}
        new = session.select("id, ledger, key", "names", "WHERE id > ? ORDER BY id", [len(before)])
        return before | {(ledger, key): id for id, ledger, key in new}

    def _sign(self, session: Session, batch: Batch, now: float, flushed: int) -> None:
        """Write down how far a writer has come."""
        came = (now, batch.recorded, flushed, batch.dropped, batch.faults, int(batch.closed), batch.seq)
        row = (batch.writer, socket.gethostname(), os.getpid(), now, *came)
        names = ("flushed_at", "recorded", "flushed", "dropped", "faults", "closed", "seq")
        moved = ", ".join(f"{name} = excluded.{name}" for name in names)
        session.insert("writers", f"{WRITER}, seq", [row], f"ON CONFLICT (id) DO UPDATE SET {moved}")

    def read(self, since: int | None = None) -> State:
        """Read all of one moment; counts from the pane `since` on.

        Returns
        -------
        State
        """
        with self._reading() as session:
            clock = Clock(*next(session.select(CLOCK, "meta")))
            writers = session.select(WRITER, "writers", "ORDER BY started, id")
            return State(
                counts=_counts(session, since),
                closed_through=clock.closed_through,
                matured_through=clock.matured_through,
                last_at=clock.last_at,
                truths=next(session.select("COUNT(*)", "truths"))[0],
                writers=[Writer(*(*row[:-1], bool(row[-1]))) for row in writers],
                alarms=_alarms(session),
                incidents=_incidents(session),
            )

    def add_alarm(self, alarm: Alarm) -> bool:
        """Write down that an alarm stands; return False where it stood already.

        Of many processes that see an alarm, one is told True.
        """
        with self._writing() as session:
            if list(session.select("1", "alarms", "WHERE id = ? AND ended IS NULL", [alarm.id])):
                return False
            row = (alarm.id, alarm.kind, alarm.first_pane, alarm.at, alarm.e, alarm.json, alarm.ended)
            number = next(session.select("COALESCE(MAX(number), 0) + 1", "alarms"))[0]
            session.insert("alarms", f"number, {ALARM}", [(number, *row)])
        return True

    def end_alarm(self, id: str, at: float) -> None:
        """Write down that an alarm stands no more."""
        with self._writing() as session:
            session.run("UPDATE trustkit_alarms SET ended = ? WHERE id = ? AND ended IS NULL", [at, id])

    def alarms(self) -> list[Alarm]:
        """Return all alarms, the oldest first."""
        with self._reading() as session:
            return _alarms(session)

    def open_incident(self, about: str, owner: str, *, cause: str | None = None) -> Incident:
        """Write an incident down.

        Parameters
        ----------
        about : str
            What happened; the id of an alarm, where one told of it.
        owner : str
            Who sees to it.
        cause : str, optional
            Why it happened, where that is known.
        """
        with self._writing() as session:
            id = next(session.select("COALESCE(MAX(id), 0) + 1", "incidents"))[0]
            row = (id, self._now(), about, owner, cause, None, None, None)
            session.insert("incidents", INCIDENT, [row])
        return Incident(*row)

    def close_incident(self, id: int, *, fix: str, audit: str, cause: str | None = None) -> Incident:
        """Close an incident.

        Parameters
        ----------
        id : int
            Its number.
        fix : str
            What mended it: a commit, a version, a link.
        audit : str
            The audit after the fix: digest of its card, or a link.
        cause : str, optional
            Why it happened; what was written at the opening is kept where this is None.

        Raises
        ------
        ConfigError
            Where there is no open incident of this number.
        """
        with self._writing() as session:
            opened = {incident.id for incident in _incidents(session) if incident.closed is None}
            if id not in opened:
                told = ", ".join(map(str, sorted(opened))) or "none"
                raise ConfigError([Problem("incident", f"{id} is not open in {self.name} (open: {told})")])
            session.run(
                "UPDATE trustkit_incidents SET closed = ?, fix = ?, audit = ?, cause = COALESCE(?, cause)"
                " WHERE id = ?",
                [self._now(), fix, audit, cause, id],
            )
            return next(incident for incident in _incidents(session) if incident.id == id)

    def incidents(self) -> list[Incident]:
        """Return all incidents, the oldest first."""
        with self._reading() as session:
            return _incidents(session)


def _counts(session: Session, since: int | None) -> dict[str, Counts]:
    """Read the counts, in the order of their key: by pane."""
    names = {id: (ledger, key) for id, ledger, key in session.select("id, ledger, key", "names")}
    first = -(2**63) if since is None else since
    rows = session.select("pane, name, n, s", "counts", "WHERE pane >= ? ORDER BY pane, name", [first])
    columns = np.fromiter(rows, dtype="i8,i8,i8,i8")
    pane, name, n, s = (columns[field] for field in ("f0", "f1", "f2", "f3"))
    ledgers = sorted({ledger for ledger, _ in names.values()})
    of_ledger = np.zeros(len(names) + 1, dtype=np.int64)
    place = np.zeros(len(names) + 1, dtype=np.int64)
    keys: dict[str, list[str]] = {ledger: [] for ledger in ledgers}
    for id, (ledger, key) in names.items():
        of_ledger[id], place[id] = ledgers.index(ledger), len(keys[ledger])
        keys[ledger].append(key)
    counts = {}
    for number, ledger in enumerate(ledgers):
        here = of_ledger[name] == number
        counts[ledger] = Counts(keys[ledger], pane[here], place[name[here]], n[here], s[here])
    return counts


def _alarms(session: Session) -> list[Alarm]:
    return [Alarm(*row) for row in session.select(ALARM, "alarms", "ORDER BY number")]


def _incidents(session: Session) -> list[Incident]:
    return [Incident(*row) for row in session.select(INCIDENT, "incidents", "ORDER BY id")]
