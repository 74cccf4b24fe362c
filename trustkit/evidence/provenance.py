"""Provenance: the files that a system is made of, their digests and formats, and what its owner declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any, ClassVar, Self


@dataclass(frozen=True, order=True)
class File:
    """One file or folder that the configuration names.

    Attributes
    ----------
    role : str
        ``audit``, ``train``, ``population``, ``card``, ``model``, or ``lock`` where its digest is declared.
    path : str
        POSIX path, relative to the configuration's folder.
    sha256 : str
        Digest of its bytes; of a folder, of the sorted list of its files and their digests.
    size : int
        Bytes.
    format : str
        What its content is, whatever its name says; empty for a folder.
    fits : bool
        Whether that is what its name says.
    """

    role: str
    path: str
    sha256: str
    size: int
    format: str
    fits: bool


@dataclass(frozen=True)
class Provenance:
    """Digests and formats of the files that a configuration names.

    Attributes
    ----------
    schema : mapping
        What was declared: the system's ``version`` and ``trust`` (the digest of
        its model, or None), what the ``model`` is (``file``, ``module``,
        ``object``, ``endpoint`` or None), and whether the ``data`` are a ``file``
        or in ``memory``; ``locks``, the declared digests of lock files by path, where there are any.
    files : tuple of File
        Sorted.
    locks : tuple of str
        Names of the lock files beside the configuration, sorted.
    last_day : str or None
        The last day in the audited data's column of time, ISO.
    unsigned : str or None
        Why the declared signature of the model does not hold, empty where it does; None without one.
    """

    schema: Mapping[str, Any]
    files: tuple[File, ...] = ()
    locks: tuple[str, ...] = ()
    last_day: str | None = None
    unsigned: str | None = None

    kind: ClassVar[str] = "provenance"

    @property
    def version(self) -> str | None:
        """Version that the owner declares."""
        return self.schema["version"]

    @property
    def model_digest(self) -> str | None:
        """Digest of the model's file, folder or module, ``sha256:...``; None where it has none."""
        digests = [file.sha256 for file in self.files if file.role == "model"]
        return f"sha256:{digests[0]}" if len(digests) == 1 else None

    @property
    def declared(self) -> dict[str, tuple[str, str | None]]:
        """Digests declared and found, by what they are of; a file that is not there has none."""
        found = {file.path: f"sha256:{file.sha256}" for file in self.files if file.role == "lock"}
        pairs = {path: (digest, found.get(path)) for path, digest in self.schema.get("locks", {}).items()}
        if self.schema["trust"] is not None and self.model_digest is not None:
            pairs["the model"] = (self.schema["trust"], self.model_digest)
        return pairs

    @property
    def in_memory(self) -> list[str]:
        """Parts that are objects in memory, with no file to digest."""
        parts = {"the model": self.schema["model"] == "object", "the data": self.schema["data"] == "memory"}
        return [part for part, is_object in parts.items() if is_object]

    def __add__(self, other: Provenance) -> Provenance:
        if self.schema != other.schema:
            raise ValueError("provenance of different schemas does not add")
        days = [day for day in (self.last_day, other.last_day) if day is not None]
        said = [why for why in (self.unsigned, other.unsigned) if why is not None]
        return Provenance(
            self.schema,
            tuple(sorted({*self.files, *other.files})),
            tuple(sorted({*self.locks, *other.locks})),
            max(days, default=None),
            max(said, default=None),
        )

    def without_small_cells(self, min_cell: int) -> Self:
        """Return itself: it speaks of files, and of no group of people."""
        return self

    def notes(self) -> list[str]:
        """Say what each file is, and what has none."""
        files = [
            f"{file.role} {file.path} ({file.format or 'folder'}, sha256 {file.sha256[:12]})"
            for file in self.files
        ]
        notes = ["; ".join([*files, f"lock files: {', '.join(self.locks) or 'none'}"])]
        notes += [f"{part}: in memory, so there is no file to digest" for part in self.in_memory]
        if self.schema["model"] == "endpoint":
            notes.append("the model: an endpoint, so there is no file to digest")
        if self.unsigned is not None:
            notes.append(f"the model's signature: {self.unsigned or 'it holds'}")
        return notes

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        files = [list(astuple(file)) for file in self.files]
        return {
            "schema": dict(self.schema),
            "files": files,
            "locks": list(self.locks),
            "last_day": self.last_day,
            "unsigned": self.unsigned,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        files = tuple(File(*file) for file in data["files"])
        return cls(data["schema"], files, tuple(data["locks"]), data["last_day"], data.get("unsigned"))
