"""The chain of an event log: each line carries the digest of the line before, so that a change shows."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from trustkit.errors import ConfigError, Problem

FORMAT = "trustkit-log/1"

LINES, HEAD = ".jsonl", ".head.json"

_OPENING = ("start", "continue")
"""Events of the first line of a file."""

_TAIL = 1 << 12
"""Bytes that are read at a time, from the end of a file, to find its last line."""


def text_of(record: Mapping[str, Any]) -> bytes:
    """One line of the log, without its end."""
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest(line: bytes) -> str:
    """SHA-256 of a line without its end, in hexadecimal."""
    return hashlib.sha256(line).hexdigest()


def file_of(folder: Path, writer: str, number: int) -> Path:
    """Name the file of a writer that is its `number`-th, from 0."""
    return folder / f"{writer}.{number:06d}{LINES}"


def head_of(folder: Path, writer: str) -> Path:
    """Name the file beside the log that says how far a writer has come."""
    return folder / f"{writer}{HEAD}"


def files_of(folder: Path) -> dict[str, list[Path]]:
    """Files of each writer that hold something, in order."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.glob(f"*{LINES}")):
        if path.stat().st_size:
            found[path.name.split(".")[0]].append(path)
    return dict(found)


@dataclass(frozen=True)
class Mark:
    """One line of one writer, by its digest: a head, an anchor, or the last line of what was removed.

    Attributes
    ----------
    writer : str
        Whose line it is.
    line : int
        Its number, from 0.
    sha256 : str
        Its digest.
    at : str
        When it was written, RFC 3339.
    closed : bool
        The writer ended with it.
    """

    writer: str
    line: int
    sha256: str
    at: str
    closed: bool = False

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a head file, or a copy of one.

        Raises
        ------
        ConfigError
            Where it is none.
        """
        try:
            return cls.of(json.loads(path.read_bytes()))
        except OSError as error:
            raise ConfigError([Problem(str(path), error.strerror or "cannot be read")]) from None
        except ValueError:
            raise ConfigError([Problem(str(path), "no head of an event log")]) from None

    @classmethod
    def of(cls, data: Any) -> Self:
        """Read plain data; ValueError where it is something else."""
        try:
            mark = cls(
                **{key: data[key] for key in ("writer", "line", "sha256", "at")},
                closed=data.get("closed", False),
            )
            datetime.fromisoformat(mark.at)
        except (LookupError, TypeError, AttributeError):
            raise ValueError("no mark of a line") from None
        if not (isinstance(mark.line, int) and isinstance(mark.writer, str) and isinstance(mark.sha256, str)):
            raise ValueError("no mark of a line")
        return mark

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        told = {"writer": self.writer, "line": self.line, "sha256": self.sha256, "at": self.at}
        return {**told, "closed": True} if self.closed else told


@dataclass(frozen=True)
class Opening:
    """The first line of a file: what it says of other chains.

    Attributes
    ----------
    heads : list of Mark
        How far the other writers had come.
    removed : list of Mark
        The last lines of files that were removed, because they were older than is kept.
    keep : float
        Seconds that a line is kept.
    at : str
        When it was written.
    """

    heads: list[Mark]
    removed: list[Mark]
    keep: float
    at: str

    @classmethod
    def of(cls, path: Path) -> Self | None:
        """Read a file's first line; None where it is no such line."""
        with path.open("rb") as lines:
            found = _parsed(lines.readline())
        if found is None or found.get("event") not in _OPENING:
            return None
        try:
            heads, removed = ([Mark.of(each) for each in found[key]] for key in ("heads", "removed"))
            return cls(heads, removed, float(found["keep"]), str(found["logged"]))
        except (LookupError, TypeError, ValueError):
            return None


def last_line(path: Path) -> bytes:
    """Last whole line of a file, without its end; empty where there is none."""
    with path.open("rb") as lines:
        size = lines.seek(0, 2)
        tail, start = b"", size
        while start and tail.rstrip(b"\n").count(b"\n") < 2:
            start = max(start - _TAIL, 0)
            lines.seek(start)
            tail = lines.read(size - start)
    whole = tail[: tail.rfind(b"\n") + 1]
    return whole.splitlines()[-1] if whole else b""


@dataclass
class Verification:
    """What a log was found to be.

    Attributes
    ----------
    wrong : list of str
        What was changed, removed or reordered, or cannot be told from it; empty where the log is verified.
    notes : list of str
        What is no change, but to be known.
    heads : list of Mark
        The last line of each writer.
    lines : int
        Lines that were read.
    first, last : str or None
        Times of the earliest and of the latest line.
    """

    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    heads: list[Mark] = field(default_factory=list)
    lines: int = 0
    first: str | None = None
    last: str | None = None


def verify(folder: Path, anchors: Iterable[Mark] = ()) -> Verification:
    """Check an event log: each line against the one before, each chain against its head and the other chains.

    Found: a line that was edited, removed, added or moved; a chain that was cut
    at its end, or taken away as a whole though a later chain has seen it; a file
    that was removed before its time. Not found: what somebody changed who could
    write to the log and its heads alike, after the last head that was copied
    elsewhere (an anchor); lines of a process that was killed before it flushed.

    Parameters
    ----------
    folder : Path
        The log.
    anchors : iterable of Mark
        Heads that were copied elsewhere: the log must still hold their lines.

    Raises
    ------
    ConfigError
        Where it is no event log.
    """
    files = files_of(folder)
    heads = {path.name.removesuffix(HEAD): path for path in sorted(folder.glob(f"*{HEAD}"))}
    if not files and not heads:
        raise ConfigError([Problem(str(folder), "no event log: it has no file of lines")])
    openings = [each for paths in files.values() for path in paths if (each := Opening.of(path))]
    found = Verification()
    found.wrong += _removed_early(openings)
    removed = [mark for each in openings for mark in each.removed]
    told = [(mark, "a later chain") for each in openings for mark in each.heads]
    told += [(mark, "the anchor") for mark in anchors]
    marks = {writer: _head(path, found) for writer, path in heads.items()}
    for writer in sorted({*files, *heads, *(mark.writer for mark, _ in told)}):
        head = marks.get(writer)
        named = [(mark, by) for mark, by in told if mark.writer == writer and mark.line >= 0]
        named += [(head, "the head")] if head and head.line >= 0 else []
        if writer in files and writer not in heads:
            found.wrong.append(f"{writer}: its head is missing")
        gone = [mark for mark in removed if mark.writer == writer]
        _Chain(writer, files.get(writer, []), found).check(named, gone)
    return found


def _removed_early(openings: Iterable[Opening]) -> Iterator[str]:
    for each in openings:
        for mark in each.removed:
            kept = datetime.fromisoformat(each.at) - datetime.fromisoformat(mark.at)
            if kept < timedelta(seconds=each.keep):
                yield f"{mark.writer}: lines through {mark.line} were removed before their time"


def _head(path: Path, found: Verification) -> Mark | None:
    try:
        return Mark.read(path)
    except ConfigError:
        found.wrong.append(f"{path.name}: no head of an event log")
        return None


class _Chain:
    """The lines of one writer, read in order."""

    def __init__(self, writer: str, files: list[Path], found: Verification) -> None:
        self._writer, self._files, self._found = writer, files, found
        self._next, self._at, self._ended = 0, "", False
        self._previous: str | None = None

    def check(self, named: list[tuple[Mark, str]], removed: list[Mark]) -> None:
        """Compare each line with the one before, and the lines that others name with what they say."""
        wanted = defaultdict(list)
        for mark, by in named:
            wanted[mark.line].append((mark, by))
        for path in self._files:
            for line in self._lines(path):
                record = _parsed(line)
                if record is None or not isinstance(record.get("line"), int):
                    self._wrong(f"{path.name}: line {self._next} cannot be read")
                    self._next, self._previous = self._next + 1, digest(line)
                    continue
                if self._previous is None:
                    self._begin(record, removed)
                self._follow(path, record)
                self._previous, self._next = digest(line), record["line"] + 1
                for mark, by in wanted.pop(record["line"], ()):
                    if mark.sha256 != self._previous:
                        self._wrong(f"{path.name}: line {mark.line} is not the one that {by} names")
                self._count(record)
        self._end(wanted, max((mark.line for mark in removed), default=-1))
        self._after([mark.line for mark, by in named if by == "the head"])

    def _lines(self, path: Path) -> Iterator[bytes]:
        """Lines of a file; one that was not written to its end is left out where it is the last of all."""
        with path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n") and path == self._files[-1]:
                    self._found.notes.append(f"{path.name}: the last line was not written to its end")
                    return
                yield line.removesuffix(b"\n")

    def _begin(self, record: Mapping[str, Any], removed: list[Mark]) -> None:
        """Start at line 0, or after what was removed because of its age."""
        line, previous = record["line"], record.get("previous")
        if line > 0 and (line - 1, previous) not in [(mark.line, mark.sha256) for mark in removed]:
            self._wrong(f"{self._writer}: lines before {line} are missing")
        self._next, self._previous = line, previous if line > 0 else None

    def _follow(self, path: Path, record: Mapping[str, Any]) -> None:
        line = record["line"]
        if line > self._next:
            self._wrong(f"{path.name}: lines {self._next} to {line - 1} are missing")
        elif line < self._next:
            self._wrong(f"{path.name}: line {line} stands where {self._next} should")
        elif record.get("previous") != self._previous:
            self._wrong(
                f"{path.name}: line {line} does not follow from line {line - 1}: one of them was changed"
            )
        if self._ended:
            self._wrong(f"{path.name}: line {line} comes after the chain was closed")
        self._ended = record.get("event") == "close"

    def _count(self, record: Mapping[str, Any]) -> None:
        found, at = self._found, str(record.get("logged", ""))
        found.lines += 1
        found.first, found.last, self._at = min(found.first or at, at), max(found.last or at, at), at

    def _end(self, wanted: Mapping[int, list[tuple[Mark, str]]], removed: int) -> None:
        """Tell of the last line that was named and is not there."""
        line = max(wanted, default=-1)
        if line > removed:
            by, left = wanted[line][0][1], self._next - 1
            what = f"cut off at line {left}" if self._files else "its lines are missing"
            self._wrong(f"{self._writer}: {what}, and {by} names line {line}")

    def _after(self, head: list[int]) -> None:
        """Tell of lines after the head, and of the last line that there is."""
        after = self._next - 1 - head[0] if head else self._next
        if after > 0:
            lines = f"{after} line{'s' if after > 1 else ''}"
            told = f"{self._writer}: {lines} after the head: whether more followed cannot be told"
            self._found.notes.append(told)
        if self._previous is not None:
            self._found.heads.append(
                Mark(self._writer, self._next - 1, self._previous, self._at, self._ended)
            )

    def _wrong(self, what: str) -> None:
        self._found.wrong.append(what)


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
