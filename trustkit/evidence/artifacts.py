"""Artifacts: what the scan of each model file found, before anything of it was loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

DANGEROUS, UNKNOWN, INCOMPLETE = "dangerous", "unknown import", "incomplete"


@dataclass(frozen=True, order=True)
class Found:
    """One reason not to pass a file.

    Attributes
    ----------
    kind : str
        ``dangerous``, ``unknown import`` or ``incomplete``.
    what : str
        The import, as ``module.name``, or the part that was not understood.
    where : str
        The path through the containers and the offset in the last.
    why : str
        What it could do, or why it was not understood.
    """

    kind: str
    what: str
    where: str
    why: str


@dataclass(frozen=True, order=True)
class Version:
    """A framework that wrote a file.

    Attributes
    ----------
    package : str
        Its name.
    written : str
        Its version then.
    installed : str
        The version that is installed; empty where it is not.
    """

    package: str
    written: str
    installed: str


@dataclass(frozen=True, order=True)
class Artifact:
    """One model file or folder.

    Attributes
    ----------
    path : str
        POSIX path, relative to the configuration's folder.
    sha256 : str
        Digest of what was scanned.
    verdict : str
        ``allowed``, or the worst kind among its findings, by the packaged list alone.
    formats : tuple of str
        What its content is, sorted.
    findings : tuple of Found
        Every reason not to pass it, sorted.
    versions : tuple of Version
        Frameworks that wrote it, sorted.
    """

    path: str
    sha256: str
    verdict: str
    formats: tuple[str, ...] = ()
    findings: tuple[Found, ...] = ()
    versions: tuple[Version, ...] = ()

    def of_kind(self, kind: str) -> list[Found]:
        """Return the findings of a kind."""
        return [finding for finding in self.findings if finding.kind == kind]


@dataclass(frozen=True)
class Artifacts:
    """Scans of the model files that a configuration names.

    Attributes
    ----------
    files : tuple of Artifact
        Sorted; each once.
    schema : mapping
        What was declared: nothing but the format of the scan's findings.
    """

    files: tuple[Artifact, ...] = ()
    schema: Mapping[str, Any] = field(default_factory=lambda: {"scan": "1"})

    kind: ClassVar[str] = "artifacts"

    def __add__(self, other: Artifacts) -> Artifacts:
        if self.schema != other.schema:
            raise ValueError("artifacts of different schemas do not add")
        return Artifacts(tuple(sorted({*self.files, *other.files})), self.schema)

    def without_small_cells(self, min_cell: int) -> Self:
        """Return itself: it speaks of files, and of no group of people."""
        return self

    def notes(self) -> list[str]:
        """Say what each file is, what the scan said of it, and by which frameworks it was written."""
        notes = []
        for file in self.files:
            formats = ", ".join(file.formats) or "nothing"
            notes.append(f"{file.path} ({formats}; sha256 {file.sha256[:12]}): {file.verdict}")
            for version in file.versions:
                now = f"{version.installed} is" if version.installed else "none is"
                notes.append(f"{file.path}: written by {version.package} {version.written}; {now} installed")
        return notes

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        files = [
            {
                "path": file.path,
                "sha256": file.sha256,
                "verdict": file.verdict,
                "formats": list(file.formats),
                "findings": [[found.kind, found.what, found.where, found.why] for found in file.findings],
                "versions": [[each.package, each.written, each.installed] for each in file.versions],
            }
            for file in self.files
        ]
        return {"schema": dict(self.schema), "files": files}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        files = tuple(
            Artifact(
                file["path"],
                file["sha256"],
                file["verdict"],
                tuple(file["formats"]),
                tuple(Found(*found) for found in file["findings"]),
                tuple(Version(*version) for version in file["versions"]),
            )
            for file in data["files"]
        )
        return cls(files, data["schema"])
