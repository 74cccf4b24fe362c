"""Advisories: published records of holes in packages, read from files that the user supplies."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from trustkit.errors import ConfigError, Problem
from trustkit.evidence.dependencies import Hole, Package

KEY = 'options."security/dependencies".advisories'


class _Unread(Exception):  # noqa: N818 (a signal, not an error)
    """What is wrong with one file of advisories."""


@dataclass
class Advisories:
    """Records in the format of OSV, or the report of an auditor such as pip-audit.

    Attributes
    ----------
    records : int
        How many were read.
    latest : str
        The last day on which one of them changed, ISO; empty where none says.
    sha256 : str
        Digest of the bytes read.
    """

    records: int = 0
    latest: str = ""
    sha256: str = ""
    _affected: dict[str, list[tuple[str, Mapping[str, Any]]]] = field(default_factory=dict, repr=False)
    _reported: dict[Package, list[Hole]] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, path: Path) -> Advisories:
        """Read a JSON file, a folder of them, or a zip of them as osv.dev offers for an ecosystem.

        Raises
        ------
        ConfigError
            Where there is none, or one that cannot be read.
        """
        made, digest = cls(), hashlib.sha256()
        try:
            for name, data in _files(path):
                digest.update(data)
                made._take(name, data)
        except (OSError, zipfile.BadZipFile, _Unread) as error:
            raise ConfigError([Problem(KEY, f"{path.name}: {error}")]) from None
        if not made.records:
            raise ConfigError([Problem(KEY, f"{path.name}: no advisory for a Python package is in it")])
        made.sha256 = digest.hexdigest()
        return made

    def against(self, package: Package) -> Iterator[Hole]:
        """Advisories that name the package in its version; of one hole under two ids, the first."""
        seen: set[str] = set()
        for advisory, affected in self._affected.get(package.name, ()):
            names = {advisory, *affected["aliases"]}
            if not names & seen and _is_affected(package.version, affected):
                seen |= names
                yield Hole(package.name, package.version, advisory, _fixed(package.version, affected))
        yield from self._reported.get(package, ())

    def _take(self, name: str, data: bytes) -> None:
        try:
            document = json.loads(data)
        except (ValueError, RecursionError):
            raise _Unread(f"{name} is not JSON") from None
        if isinstance(document, dict) and isinstance(document.get("dependencies"), list):
            self._take_report(name, document["dependencies"])
            return
        listed = document.get("vulns", document) if isinstance(document, dict) else document
        for record in listed if isinstance(listed, list) else [listed]:
            if not isinstance(record, dict) or not isinstance(record.get("id"), str):
                raise _Unread(f"{name} holds neither advisories of OSV nor a report of pip-audit")
            self._take_record(record)

    def _take_record(self, record: Mapping[str, Any]) -> None:
        if record.get("withdrawn"):
            return
        mine = [
            each
            for each in _dicts(record.get("affected"))
            if str(_dict(each.get("package")).get("ecosystem")).startswith("PyPI")
        ]
        for each in mine:
            affected = {**each, "aliases": [str(alias) for alias in record.get("aliases") or ()]}
            name = normalized(str(each["package"].get("name", "")))
            self._affected.setdefault(name, []).append((record["id"], affected))
        self.records += bool(mine)
        self.latest = max(self.latest, _day(record.get("modified")))

    def _take_report(self, name: str, dependencies: Iterable[Any]) -> None:
        for each in _dicts(dependencies):
            if "name" not in each:
                raise _Unread(f"{name}: a dependency has no name")
            package = Package(normalized(str(each["name"])), str(each.get("version", "")))
            self.records += 1
            for hole in _dicts(each.get("vulns")):
                fixed = next((str(version) for version in hole.get("fix_versions") or ()), "")
                found = Hole(package.name, package.version, str(hole.get("id", "?")), fixed)
                self._reported.setdefault(package, []).append(found)


def normalized(name: str) -> str:
    """Name of a package as indexes compare it (PEP 503)."""
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)


def _day(text: Any) -> str:
    """The day of a time in RFC 3339; empty where it is none."""
    try:
        return date.fromisoformat(str(text)[:10]).isoformat()
    except ValueError:
        return ""


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each file of advisories, in order of the names."""
    if path.is_dir():
        for file in sorted(path.rglob("*.json")):
            yield file.relative_to(path).as_posix(), file.read_bytes()
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                if name.endswith(".json"):
                    yield name, archive.read(name)
    else:
        yield path.name, path.read_bytes()


def _is_affected(version: str, affected: Mapping[str, Any]) -> bool:
    """Whether a version is listed, or lies in a range from ``introduced`` to before ``fixed`` (OSV 1.6)."""
    mine, listed = _parsed(version), [str(each) for each in affected.get("versions") or ()]
    if version in listed:
        return True
    if mine is None:
        return False
    if mine in map(_parsed, listed):
        return True
    for each in _ranges(affected):
        inside = False
        for kind, at in _events(each):
            if kind == "introduced":
                inside |= mine >= at
            elif kind == "fixed":
                inside &= mine < at
            elif kind == "last_affected":
                inside &= mine <= at
        if inside:
            return True
    return False


def _fixed(version: str, affected: Mapping[str, Any]) -> str:
    """Least version that mends it and is later than this one."""
    mine = _parsed(version)
    later = [
        at
        for each in _ranges(affected)
        for kind, at in _events(each)
        if kind == "fixed" and mine is not None and at > mine
    ]
    return str(min(later)) if later else ""


def _ranges(affected: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [each for each in _dicts(affected.get("ranges")) if each.get("type") == "ECOSYSTEM"]


def _events(of: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Kind and version of each event of a range, in order of the versions."""
    events = [
        (kind, at)
        for event in _dicts(of.get("events"))
        for kind, text in event.items()
        if (at := _parsed("0.dev0" if text == "0" else str(text))) is not None
    ]
    order = {"introduced": 0, "last_affected": 1, "fixed": 2, "limit": 3}
    return sorted(events, key=lambda event: (event[1], order.get(event[0], 4)))


def _parsed(version: str) -> Any:
    """A version by which others are compared: without what a local build adds, as ``+cu124`` (PEP 440)."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(Version(version).public)
    except InvalidVersion:
        return None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(values: Any) -> list[dict[str, Any]]:
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []
