"""The collector of dependencies: read the packages of a lock file, a bill of materials or the environment."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from trustkit.collectors.advisories import Advisories, normalized
from trustkit.collectors.provenance import locks
from trustkit.collectors.sources import Sources
from trustkit.errors import ConfigError, Problem, nearest
from trustkit.evidence.dependencies import Dependencies, Package

KEY = 'options."security/dependencies".lock'

ABANDONED = {
    "keras-applications": "merged into Keras; archived",
    "keras-preprocessing": "merged into Keras; archived",
    "mxnet": "retired to the Apache Attic in 2023",
    "pickle5": "a backport for Python 3.5 to 3.7",
    "sklearn": "a deprecated name that installs nothing; the package is scikit-learn",
    "tensorflow-addons": "no longer maintained since May 2024",
    "theano": "discontinued in 2017",
    "theano-pymc": "superseded by PyTensor",
}
"""Packages that load or run models and that nobody mends, with why."""

MOST_INCLUDED = 20
"""Files of requirements that one may include."""


def collect_dependencies(sources: Sources) -> Dependencies:
    """Read the packages, and look each up in the advisories that the user supplies.

    Raises
    ------
    ConfigError
        For a lock file or advisories that are not there or cannot be read.
    """
    options = sources.system.config.options.get("security/dependencies", {})
    folder = sources.system.folder
    source, name, packages = _packages(folder, options.get("lock"))
    advisories = None
    if options.get("advisories") is not None:
        from trustkit.collectors.advisories import KEY as ADVISORIES

        advisories = Advisories.read(_there(folder, options["advisories"], ADVISORIES))
    holes = [] if advisories is None else [hole for each in packages for hole in advisories.against(each)]
    schema = {"source": source, "file": name, "advisories": _told(advisories)}
    abandoned = {each.name: ABANDONED[each.name] for each in packages if each.name in ABANDONED}
    return Dependencies(schema, tuple(packages), tuple(sorted(holes)), abandoned)


def _told(advisories: Advisories | None) -> dict[str, Any] | None:
    if advisories is None:
        return None
    return {"records": advisories.records, "sha256": advisories.sha256, "latest": advisories.latest}


def _packages(folder: Path, lock: Any) -> tuple[str, str | None, list[Package]]:
    """Where the packages are named, in which file, and what they are."""
    if lock is None:
        found = [*locks(folder), *(name for name in ("requirements.txt",) if (folder / name).is_file())]
        if not found:
            return "environment", None, sorted(set(_installed()))
        lock = found[0]
    path = _there(folder, lock, KEY)
    try:
        packages = sorted(set(_reader(path)(path)))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigError([Problem(KEY, f"{lock}: {_first_line(error)}")]) from None
    if not packages:
        raise ConfigError([Problem(KEY, f"{lock}: no package is named in it")])
    is_bill = path.suffix == ".json" and path.name != "Pipfile.lock"
    return "sbom" if is_bill else "lock", Path(str(lock)).as_posix(), packages


def _there(folder: Path, name: Any, key: str) -> Path:
    path = folder / str(name)
    if not path.exists():
        there = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
        raise ConfigError([Problem(key, f"no such file: {name!r}", nearest(path.name, there))])
    return path


def _installed() -> Iterator[Package]:
    """Packages of the interpreter, read off the names of their folders."""
    for entry in dict.fromkeys(sys.path):
        folder = Path(entry)
        for each in folder.glob("*.dist-info") if folder.is_dir() else ():
            name, _, version = each.stem.partition("-")
            yield Package(normalized(name), version)


def _reader(path: Path) -> Callable[[Path], Iterator[Package]]:
    readers = {".toml": _toml, ".lock": _toml, ".yml": _yaml, ".yaml": _yaml, ".json": _bill}
    if path.name == "pixi.lock":
        return _yaml
    return _pipfile if path.name == "Pipfile.lock" else readers.get(path.suffix, _requirements)


def _toml(path: Path) -> Iterator[Package]:
    """Packages of uv.lock, poetry.lock, pdm.lock or pylock.toml; not the project itself."""
    tables = tomllib.loads(path.read_text("utf-8"))
    for each in _tables(tables.get("package", tables.get("packages"))):
        source = each.get("source")
        if not isinstance(source, dict) or not {"editable", "virtual", "directory"} & set(source):
            yield _package(each.get("name"), each.get("version"))


def _yaml(path: Path) -> Iterator[Package]:
    """Packages of conda-lock.yml or pixi.lock."""
    tables = yaml.safe_load(path.read_text("utf-8"))
    if not isinstance(tables, dict):
        raise ValueError("it is no lock file of conda or pixi")
    for each in _tables(tables.get("package", tables.get("packages"))):
        name, version = each.get("name"), each.get("version")
        if name is None and isinstance(each.get("conda"), str):  # .../name-version-build.conda
            name, version, _ = each["conda"].rpartition("/")[2].rsplit("-", 2)
        yield _package(name, version)


def _pipfile(path: Path) -> Iterator[Package]:
    tables = json.loads(path.read_text("utf-8"))
    for section in ("default", "develop"):
        for name, each in _table(_table(tables).get(section)).items():
            yield _package(name, str(_table(each).get("version", "")).removeprefix("=="))


def _bill(path: Path) -> Iterator[Package]:
    """Components of a CycloneDX bill of materials that are Python packages."""
    document = _table(json.loads(path.read_text("utf-8")))
    if document.get("bomFormat") != "CycloneDX":
        raise ValueError("it is no bill of materials of CycloneDX")
    waiting = _tables(document.get("components"))
    while waiting:
        each = waiting.pop()
        waiting += _tables(each.get("components"))
        if str(each.get("purl", "")).startswith("pkg:pypi/"):
            yield _package(each.get("name"), each.get("version"))


def _requirements(path: Path, included: set[Path] | None = None) -> Iterator[Package]:
    """Packages of a file of requirements and of those it includes; a range of versions pins nothing."""
    from packaging.requirements import InvalidRequirement, Requirement

    included = set() if included is None else included
    if path.resolve() in included or len(included) > MOST_INCLUDED:
        return
    included.add(path.resolve())
    for written in path.read_text("utf-8-sig").replace("\\\n", " ").splitlines():
        line = written.partition(" #")[0].strip()
        option, _, rest = line.partition(" ")
        if option in ("-r", "--requirement", "-c", "--constraint"):
            if option in ("-r", "--requirement"):
                yield from _requirements(path.parent / rest.strip(), included)
        elif line and line[0] not in "-#":
            try:
                needed = Requirement(line.partition(" --")[0])
            except InvalidRequirement:
                yield Package(normalized(line.rpartition("/")[2].partition("#")[0][:60] or "unnamed"))
                continue
            exact = [each.version for each in needed.specifier if each.operator in ("==", "===")]
            pinned = len(exact) == 1 and "*" not in exact[0]
            yield Package(normalized(needed.name), exact[0] if pinned else "")


def _package(name: Any, version: Any) -> Package:
    if not isinstance(name, str) or not name:
        raise ValueError("a package in it has no name")
    return Package(normalized(name), "" if version is None else str(version))


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _tables(values: Any) -> list[dict[str, Any]]:
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []


def _first_line(error: Exception) -> str:
    text = str(error).split("\n")[0]
    return f"it cannot be read: {text}" if text else "it cannot be read"
