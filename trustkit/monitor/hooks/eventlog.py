"""The event log: a line of JSON for each recorded call, in a chain that shows what was changed."""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustkit.errors import ConfigError, Problem, nearest
from trustkit.monitor.hooks.chain import (
    FORMAT,
    HEAD,
    Mark,
    digest,
    file_of,
    files_of,
    head_of,
    last_line,
    text_of,
)

if TYPE_CHECKING:
    from trustkit.scorecard import Finding

EVENTS: Mapping[str, frozenset[str]] = {
    "decisions": frozenset({"at", "until", "model", "rows", "ids", "unhashed", "predictions"}),
    "labels": frozenset({"at", "until", "rows", "ids", "unhashed"}),
    "alarm": frozenset({"finding", "verdict", "estimate", "interval", "limit"}),
}
"""What each event may tell: times, digests and counts, and of ids their keyed hashes; no input, no id."""

MOST_WAITING = 100_000
"""Events that wait for a flush; of more, the number alone is kept."""

KEEP = "184d"
"""Six months are at most so many days."""

SEEN = 7 * 86400.0
"""Chains that were written to in the last so many seconds are named in the first line of a file."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_LOGS: weakref.WeakSet[EventLog] = weakref.WeakSet()


class EventLog:
    """A folder of JSON lines, in which each process writes a chain: a line has the digest of the one before.

    ``trustkit verify FOLDER`` checks it. Events wait until the next `flush`,
    which returns once the disk has them.

    Parameters
    ----------
    folder : str or path
        Made where it is missing, for its owner alone.
    keep : str or float
        How long a line is kept at least, as ``184d``, or in seconds. Of files
        whose last line is older whole days are removed, and the log says which.
        The default is six months, as Regulation (EU) 2024/1689, Articles 19(1)
        and 26(6), ask for.
    most_bytes : int
        A file that has reached this size, or the end of its day (UTC), is
        followed by another.

    Raises
    ------
    ConfigError
        Where the folder cannot be made, or `keep` is no duration.
    """

    def __init__(
        self, folder: str | os.PathLike[str], *, keep: str | float = KEEP, most_bytes: int = 64 << 20
    ) -> None:
        self.folder, self._keep, self._most_bytes = Path(folder), _seconds(keep), most_bytes
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError([Problem("log", f"{folder}: {error.strerror or 'cannot be made'}")]) from None
        self._begin()
        _LOGS.add(self)

    def _begin(self) -> None:
        """Begin a chain with nothing in it, as a process does that was just started or forked."""
        self._lock = threading.Lock()
        self._waiting: list[tuple[float, dict[str, Any]]] = []
        self._dropped, self._is_closed = 0, False
        self._chain = _Chain(self.folder, self._keep, self._most_bytes)

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Take an event: ``{"event": NAME, ...}`` with keys of `EVENTS`.

        Raises
        ------
        ValueError
            For an event or a key that is not known, ids that are no hashes, or a log that was closed.
        """
        taken = time.time(), _checked(event)
        with self._lock:
            if self._is_closed:
                raise ValueError("the log was closed")
            if len(self._waiting) < MOST_WAITING:
                self._waiting.append(taken)
            else:
                self._dropped += 1

    def alarm(self, finding: Finding) -> None:
        """Take an alarm: ``monitor.on_alarm(log.alarm)``."""
        told = {key: getattr(finding, key) for key in ("estimate", "interval", "limit")}
        self({"event": "alarm", "finding": finding.id, "verdict": str(finding.verdict), **told})

    def flush(self) -> None:
        """Write what waits, and wait until the disk has it.

        Raises
        ------
        OSError
            The disk is full, the folder is gone: all of it waits for the next flush.
        """
        with self._lock:
            self._flush()

    def close(self) -> None:
        """Write what waits, and end the chain."""
        with self._lock:
            if not self._is_closed:
                self._flush()
                self._chain.close()
                self._is_closed = True

    def _flush(self) -> None:
        if self._chain.is_removed:
            self._chain.let_go()
            self._chain = _Chain(self.folder, self._keep, self._most_bytes)
        events = list(self._waiting)
        if self._dropped:
            events.append((time.time(), {"event": "gap", "events": self._dropped}))
        if events:
            self._chain.write(events)
            self._waiting.clear()
            self._dropped = 0
        if self._chain.is_open:
            self._chain.save_head()


class _Chain:
    """The lines of one process, and the files that they stand in."""

    def __init__(self, folder: Path, keep: float, most_bytes: int) -> None:
        self._folder, self._keep, self._most_bytes = folder, keep, most_bytes
        self._writer = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        self._head = Mark(self._writer, -1, "", _time(time.time()))
        self._saved: Mark | None = None
        self._number, self._fd, self._size, self._day = -1, -1, 0, ""

    @property
    def is_open(self) -> bool:
        """Whether it has a file."""
        return self._fd >= 0

    @property
    def is_removed(self) -> bool:
        """Whether another process removed its file, for its age."""
        return self.is_open and os.fstat(self._fd).st_nlink == 0

    def write(self, events: Iterable[tuple[float, Mapping[str, Any]]]) -> None:
        """Add lines, all of them or none."""
        if self._fd < 0 or self._size >= self._most_bytes or self._day != _day(time.time()):
            self._open()
        self._append(events)

    def save_head(self) -> None:
        """Say beside the log how far it goes."""
        if self._head == self._saved:
            return
        path = head_of(self._folder, self._writer)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        with open(beside, "wb", opener=_private) as file:
            file.write(text_of(self._head.to_json()))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        self._saved = self._head

    def close(self) -> None:
        """Write the last line, where there is a first one."""
        if self._fd >= 0:
            self._append([(time.time(), {"event": "close"})])
            self._head = replace(self._head, closed=True)
            self.save_head()
            self.let_go()

    def let_go(self) -> None:
        """Close its file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        """Begin a file; its first line tells how far other chains have come, and what is removed with it."""
        now = time.time()
        outdated = list(self._outdated(now))
        removed = [mark for _, mark in outdated]
        told = {
            "format": FORMAT,
            "writer": self._writer,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "keep": self._keep,
            "heads": [mark.to_json() for mark in self._others(now) if mark not in removed],
            "removed": [mark.to_json() for mark in removed],
        }
        self.save_head()  # before the first line, so that none stands without a head
        path, before = file_of(self._folder, self._writer, self._number + 1), (self._fd, self._size)
        self._fd, self._size = os.open(path, _NEW, 0o600), 0
        try:
            event = "continue" if self._number >= 0 else "start"
            self._append([(now, {"event": event, **told})])
        except OSError:
            self.let_go()
            self._fd, self._size = before
            path.unlink()
            raise
        if before[0] >= 0:
            os.close(before[0])
        self._number, self._day = self._number + 1, _day(now)
        self.save_head()
        for old, _ in outdated:
            old.unlink(missing_ok=True)
        self._remove_heads({mark.writer for mark in removed})

    def _append(self, events: Iterable[tuple[float, Mapping[str, Any]]]) -> None:
        head, lines = self._head, []
        for logged, event in events:
            at = _time(logged)
            previous = head.sha256 or None
            line = text_of({"line": head.line + 1, "previous": previous, "logged": at, **event})
            head = Mark(self._writer, head.line + 1, digest(line), at)
            lines.append(line + b"\n")
        text = memoryview(b"".join(lines))
        try:
            written = 0
            while written < len(text):
                written += os.write(self._fd, text[written:])
            os.fsync(self._fd)
        except OSError:
            os.ftruncate(self._fd, self._size)
            raise
        self._head, self._size = head, self._size + len(text)

    def _others(self, now: float) -> Iterator[Mark]:
        """Heads of the other chains that were written to lately."""
        for path in sorted(self._folder.glob(f"*{HEAD}")):
            with suppress(ConfigError):
                mark = Mark.read(path)
                if mark.writer != self._writer and mark.line >= 0 and now - _at(mark.at) < SEEN:
                    yield mark

    def _outdated(self, now: float) -> Iterator[tuple[Path, Mark]]:
        """The first files of each chain whose days lie further back than is kept, and their last lines."""
        for writer, paths in files_of(self._folder).items():
            for path in paths:
                line = last_line(path)
                try:
                    record = json.loads(line)
                    mark = Mark.of(
                        {**record, "writer": writer, "sha256": digest(line), "at": record["logged"]}
                    )
                except (ValueError, LookupError, TypeError):
                    break
                if (_at(mark.at) // 86400 + 1) * 86400 + self._keep > now:
                    break
                yield path, mark

    def _remove_heads(self, writers: set[str]) -> None:
        """Remove the heads of chains of which no file is left."""
        left = files_of(self._folder)
        for writer in writers - {*left, self._writer}:
            head_of(self._folder, writer).unlink(missing_ok=True)


_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _checked(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event as it is written; what could hold an input or an id is refused."""
    name = str(event.get("event"))
    if name not in EVENTS:
        raise ValueError(str(Problem("event", f"{name!r} is no event", nearest(name, EVENTS))))
    for key in event.keys() - {"event", *EVENTS[name]}:
        raise ValueError(str(Problem(key, f"no key of the event {name!r}", nearest(key, EVENTS[name]))))
    told = dict(event)
    if any(not isinstance(id, bytes) for id in told.get("ids") or ()):
        raise ValueError("ids: expected keyed hashes as bytes")
    if told.get("ids") is not None:
        told["ids"] = [id.hex() for id in told["ids"]]
    told |= {key: _time(told[key]) for key in ("at", "until") if told.get(key) is not None}
    return {key: value for key, value in told.items() if value is not None}


def _seconds(keep: str | float) -> float:
    """Seconds of a duration."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", keep) if isinstance(keep, str) else None
    if found:
        return float(found[1]) * _UNITS[found[2]]
    if isinstance(keep, int | float) and not isinstance(keep, bool) and keep >= 0:
        return float(keep)
    raise ConfigError([Problem("keep", f"expected a duration, as 184d, got {keep!r}")])


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _at(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


def _day(seconds: float) -> str:
    return _time(seconds)[:10]


def _forget() -> None:
    for log in _LOGS:
        log._chain.let_go()
        log._begin()


os.register_at_fork(after_in_child=_forget)
