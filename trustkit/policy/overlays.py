"""Files of policies: found by id or path, and laid over the one that they extend."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import Any

from trustkit.errors import ConfigError, Problem, nearest

_INHERITED = ("alpha", "group_by")
_NEEDED = ("title", "requirement", "principle", "area", "severity")


@dataclass(frozen=True)
class Source:
    """A file of a policy, parsed.

    Attributes
    ----------
    name : str
        Id of a packaged policy, or path.
    content : bytes
        The file.
    table : mapping
        Its TOML.
    folder : Path or None
        Where its neighbors are; None for a packaged one.
    """

    name: str
    content: bytes
    table: Mapping[str, Any]
    folder: Path | None

    @property
    def place(self) -> str:
        """Where it is, however it was named."""
        return self.name if self.folder is None else str(Path(self.name).resolve())


@cache
def available() -> dict[str, Any]:
    """Packaged policies, ours and the plugins', by id."""
    folders = [files("trustkit.policy") / "policies", *_plugins()[0]]
    found = [file for folder in folders for file in folder.iterdir() if file.name.endswith(".toml")]
    return {file.name.removesuffix(".toml"): file for file in sorted(found, key=lambda file: file.name)}


def broken() -> dict[str, str]:
    """Plugins whose policies did not load, by the name of their entry point: shown as findings."""
    return _plugins()[1]


@cache
def _plugins() -> tuple[list[Any], dict[str, str]]:
    """Folders of the plugins' policies, and why the others could not be opened."""
    folders, errors = [], {}
    for point in sorted(entry_points(group="trustkit.policies"), key=lambda p: p.name):
        try:
            folders.append(files(point.value))
        except Exception as error:
            errors[f"{point.name} policies"] = f"{type(error).__name__}: {error}"
    return folders, errors


def chain(name: str) -> list[Source]:
    """Files that make a policy, from the one that extends nothing up to the one named.

    Raises
    ------
    ConfigError
        A file that is missing or no TOML, another version than pinned, or a circle.
    """
    sources = [_found(name, Path(), "policy.use")]
    while (base := sources[-1].table.get("extends")) is not None:
        last = sources[-1]
        key = f"{last.name}: extends"
        if not isinstance(base, str):
            raise ConfigError([Problem(key, "the id or the file of one policy is needed")])
        sources.append(_found(base, last.folder, key))
        names, places = [s.name for s in sources], [s.place for s in sources]
        if places[-1] in places[:-1]:
            raise ConfigError([Problem(key, f"goes in a circle: {' -> '.join(names)}")])
    return sources[::-1]


def overlaid(base: Mapping[str, Any], name: str, over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay a policy's table over that of its base.

    A control that the base has needs only its id and the keys that change;
    ``limits``, by check, go over those of its checks one by one, and false
    removes one. A new control must be complete and comes last.

    Raises
    ------
    ConfigError
        A control or a check that the base does not have, with the nearest it has.
    """
    controls = {control["id"]: deepcopy(control) for control in base["controls"]}
    changes = over.get("controls", [])
    problems = list(_malformed(name, changes)) or list(_unknown(name, changes, controls))
    if problems:
        raise ConfigError(problems)
    for change in changes:
        kept = {key: value for key, value in change.items() if key != "limits"}
        control = controls[change["id"]] = {**controls.get(change["id"], {}), **kept}
        for check, limits in change.get("limits", {}).items():
            problems += _limit(control.get("checks", []), check, limits, _key(name, change))
    if problems:
        raise ConfigError(problems)
    inherited = {key: base[key] for key in _INHERITED if key in base}
    return {**inherited, **over, "controls": list(controls.values())}


def _found(name: str, folder: Path | None, key: str) -> Source:
    id, at, version = name.rpartition("@")
    if not at or version.endswith(".toml"):
        id, version = name, ""
    packaged = available()
    if id in packaged:
        source = _packaged(id)
    elif id.endswith(".toml") and folder is not None:
        path = folder / id
        content = _read(path, key)
        source = Source(str(path), content, _parsed(content, str(path)), path.parent)
    else:
        raise ConfigError([Problem(key, f"no policy {id!r}", nearest(id, packaged))])
    has = source.table.get("version")
    if version and version != has:
        raise ConfigError([Problem(key, f"{id} is version {has}, not {version}", f"{id}@{has}")])
    return source


@cache
def _packaged(id: str) -> Source:
    content = available()[id].read_bytes()
    return Source(id, content, _parsed(content, id), None)


def _read(path: Path, key: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        beside = [p.name for p in path.parent.glob("*.toml")] if path.parent.is_dir() else []
        found = f"{path}: {error.strerror or 'cannot be read'}"
        raise ConfigError([Problem(key, found, nearest(path.name, beside))]) from None


def _parsed(content: bytes, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(name, f"not TOML: {error}")]) from None


def _malformed(name: str, changes: Any) -> Iterator[Problem]:
    """What keeps changes from being laid over anything; the rest is checked with the whole."""
    if not isinstance(changes, list) or not all(isinstance(change, dict) for change in changes):
        yield Problem(f"{name}: controls", "a list of tables is needed")
        return
    ids = [change.get("id") for change in changes]
    for place, (id, change) in enumerate(zip(ids, changes, strict=True)):
        limits = change.get("limits", {})
        if not isinstance(id, str):
            yield Problem(f"{name}: controls.{place}.id", "the id of a control is needed")
        elif ids.index(id) < place:
            yield Problem(f"{name}: controls", f"{id} occurs twice")
        elif not isinstance(limits, dict) or not all(isinstance(of, dict) for of in limits.values()):
            yield Problem(_key(name, change), "a table of limits for each check is needed")
        elif limits and "checks" in change:
            yield Problem(_key(name, change), "new checks bring their limits with them")


def _unknown(name: str, changes: list[dict[str, Any]], controls: Mapping[str, Any]) -> Iterator[Problem]:
    for change in changes:
        lacks = [key for key in _NEEDED if key not in change]
        if change["id"] not in controls and lacks:
            found = (
                f"the policy it extends has no {change['id']!r}, and a new control needs {', '.join(lacks)}"
            )
            yield Problem(f"{name}: controls.{change['id']}", found, nearest(change["id"], controls))


def _key(name: str, change: Mapping[str, Any]) -> str:
    return f"{name}: controls.{change['id']}.limits"


def _limit(uses: list[dict[str, Any]], check: str, limits: Mapping[str, Any], key: str) -> Iterator[Problem]:
    """Lay limits over those of every use of a check; what cannot be done is a problem."""
    mine = [use for use in uses if use["check"] == check]
    has = {name for use in mine for name in use.get("limits", {})}
    if not mine:
        found = f"the control has no check {check!r}"
        yield Problem(key, found, nearest(check, {use["check"] for use in uses}))
        return
    for name in [name for name, limit in limits.items() if limit is False and name not in has]:
        yield Problem(f"{key}.{check}.{name}", "there is no such limit to remove", nearest(name, has))
    for use in mine:
        laid = {**use.get("limits", {}), **limits}
        use["limits"] = {name: limit for name, limit in laid.items() if limit is not False}
