"""What a scan says: verdict, findings, facts and cost; and the limits it works within."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from mmap import mmap

    Buffer = bytes | bytearray | mmap

Verdict = Literal["allowed", "unknown import", "dangerous", "incomplete"]

WORST_FIRST: tuple[Verdict, ...] = ("dangerous", "incomplete", "unknown import")


class FaultError(Exception):
    """A part of a file cannot be read, or not within the limits: never a pass."""


@dataclass(frozen=True)
class Finding:
    """One reason not to pass a file.

    Attributes
    ----------
    kind : str
        The verdict that this finding alone would give.
    what : str
        The import, or the part that was not understood.
    where : str
        The path through the containers and the offset in the last: ``model.zip!data.pkl@17``.
    why : str
        What it could do, or why it was not understood.
    """

    kind: Verdict
    what: str
    where: str
    why: str


@dataclass(frozen=True)
class Limits:
    """The bounds of one scan; a file that reaches one is incomplete.

    Attributes
    ----------
    expanded : int
        Bytes that all containers together may unpack to.
    depth : int
        Containers within containers.
    members : int
        Members of all archives and files of all folders together.
    opcodes : int
        Pickle opcodes of the whole file.
    seconds : float
        Time for the whole file.
    findings : int
        Distinct findings; the scan stops after them.
    """

    expanded: int = 1 << 30
    depth: int = 8
    members: int = 20_000
    opcodes: int = 50_000_000
    seconds: float = 120.0
    findings: int = 1_000


@dataclass(frozen=True)
class Cost:
    """What a scan took: seconds, bytes read, bytes unpacked, pickle opcodes."""

    seconds: float
    read: int
    expanded: int
    opcodes: int


@dataclass(frozen=True)
class ScanReport:
    """What was found in a file, a folder or bytes.

    Attributes
    ----------
    path : str or None
        What was scanned; None for bytes.
    sha256 : str
        Digest of the file; of a folder, that of its sorted (path, sha256) list.
    verdict : str
        The worst kind among the findings, or ``"allowed"``.
    findings : tuple of Finding
        Every reason not to pass it.
    facts : mapping
        What was learned on the way: kinds of content, imports, calls, framework versions, strings.
    cost : Cost
        What the scan took.
    """

    path: str | None
    sha256: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    facts: Mapping[str, Any]
    cost: Cost

    def named(self, path: str) -> ScanReport:
        """Return the same report under another path."""
        return replace(self, path=path)


@dataclass
class Budget:
    """What is left of the limits while a file is scanned."""

    limits: Limits = field(default_factory=Limits)
    expanded: int = 0
    opcodes: int = 0
    members: int = 0
    started: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Seconds since the scan began."""
        return time.perf_counter() - self.started

    def expand(self, count: int) -> None:
        """Account for bytes unpacked."""
        self.expanded += count
        if self.expanded > self.limits.expanded:
            raise FaultError(f"unpacks to more than {self.limits.expanded:,} bytes")
        self.check_time()

    def enter(self) -> None:
        """Account for one more member of an archive or a folder."""
        self.members += 1
        if self.members > self.limits.members:
            raise FaultError(f"holds more than {self.limits.members:,} members")
        self.check_time()

    def step(self, count: int) -> None:
        """Account for opcodes walked."""
        self.opcodes += count
        if self.opcodes > self.limits.opcodes:
            raise FaultError(f"runs more than {self.limits.opcodes:,} opcodes")
        self.check_time()

    def check_time(self) -> None:
        """Stop a scan that has taken too long."""
        if self.seconds > self.limits.seconds:
            raise FaultError(f"takes more than {self.limits.seconds:g} seconds")


def verdict_of(findings: tuple[Finding, ...]) -> Verdict:
    """Return the worst kind among findings."""
    kinds = {finding.kind for finding in findings}
    return next((kind for kind in WORST_FIRST if kind in kinds), "allowed")
