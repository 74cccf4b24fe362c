"""Dependencies: the packages that a system is built on, and what is publicly known against them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import Any, ClassVar, Self


@dataclass(frozen=True, order=True)
class Package:
    """One package.

    Attributes
    ----------
    name : str
        Normalized: lower case, words joined by hyphens.
    version : str
        Its exact version; empty where none is fixed.
    """

    name: str
    version: str = ""


@dataclass(frozen=True, order=True)
class Hole:
    """A published advisory that names a package in the version at hand.

    Attributes
    ----------
    package, version : str
        As in `Package`.
    advisory : str
        Its id, as GHSA-..., PYSEC-... or CVE-....
    fixed : str
        The least later version that it calls mended; empty where it names none.
    """

    package: str
    version: str
    advisory: str
    fixed: str = ""


@dataclass(frozen=True)
class Dependencies:
    """Packages as pinned or installed, and the advisories against them.

    Attributes
    ----------
    schema : mapping
        ``source``: ``lock``, ``sbom`` or ``environment``; ``file``: the lock's or
        the bill's path, or None; ``advisories``: None, or ``records`` (how many
        were read), ``sha256`` and ``latest`` (the last day one changed).
    packages : tuple of Package
        Sorted.
    holes : tuple of Hole
        Sorted.
    abandoned : mapping of str to str
        By package: why nobody mends it any more.
    """

    schema: Mapping[str, Any]
    packages: tuple[Package, ...] = ()
    holes: tuple[Hole, ...] = ()
    abandoned: Mapping[str, str] = field(default_factory=dict)

    kind: ClassVar[str] = "dependencies"

    def __add__(self, other: Dependencies) -> Dependencies:
        if self.schema != other.schema:
            raise ValueError("dependencies of different schemas do not add")
        return Dependencies(
            self.schema,
            tuple(sorted({*self.packages, *other.packages})),
            tuple(sorted({*self.holes, *other.holes})),
            {**self.abandoned, **other.abandoned},
        )

    def without_small_cells(self, min_cell: int) -> Self:
        """Return itself: it speaks of packages, and of no group of people."""
        return self

    def notes(self) -> list[str]:
        """Say where the packages were read, and which advisories were looked at."""
        source, advisories = self.schema["source"], self.schema["advisories"]
        where = "the environment of the audit" if source == "environment" else self.schema["file"]
        said = "no advisories were supplied, so none were looked up"
        if advisories is not None:
            said = f"{advisories['records']:,} advisories, the last changed on {advisories['latest']}"
        return [f"{len(self.packages)} packages of {where}; {said}"]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "schema": dict(self.schema),
            "packages": [list(astuple(each)) for each in self.packages],
            "holes": [list(astuple(each)) for each in self.holes],
            "abandoned": dict(self.abandoned),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            data["schema"],
            tuple(Package(*each) for each in data["packages"]),
            tuple(Hole(*each) for each in data["holes"]),
            data["abandoned"],
        )
