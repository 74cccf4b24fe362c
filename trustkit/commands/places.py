"""The line of each key of a configuration file, for the formats that point at one."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trustkit.config import Config
    from trustkit.renderers.results import Key, Places

_PYPROJECT = ("tool", "trustkit")
_ROOTS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")
"""Environment variables that hold the root of the repository, under GitHub and GitLab."""

_END = re.compile(r"""(\]|\}|"{3}|'{3})\s*(#.*)?$""")
"""What a line that ends a value of several lines ends in."""


def places_of(config: Config) -> Places:
    """Return where a configuration file sets each key; without a file, the first line of the data."""
    from trustkit.renderers.results import Places

    if config.path is None:
        data = config.folder / config.data.audit if config.data.audit else None
        return Places(_in_repository(data)) if data is not None and data.is_file() else Places()
    lines = lines_of(config.path.read_text(encoding="utf-8-sig"))
    if config.path.name == "pyproject.toml":
        depth = len(_PYPROJECT)
        lines = {key[depth:]: line for key, line in lines.items() if key[:depth] == _PYPROJECT}
    return Places(_in_repository(config.path), lines)


def lines_of(text: str) -> dict[Key, int]:
    """Line, from 1, of each table and key of a TOML document; of the first, in a list of tables.

    The document is cut into statements, each the fewest lines that are TOML by
    themselves: a header, or a key with its value.
    """
    found: dict[Key, int] = {}
    table: Key = ()
    lines: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        lines.append(line)
        if len(lines) > 1 and not _END.search(line):
            continue
        try:
            statement = tomllib.loads("\n".join(lines))
        except tomllib.TOMLDecodeError:
            continue
        keys = list(_keys(statement))
        if lines[0].lstrip().startswith("["):
            table = keys[-1]
        else:
            keys = [(*table, *key) for key in keys]
        for key in keys:
            found.setdefault(key, number - len(lines) + 1)
        lines = []
    return found


def _keys(value: Any) -> Iterator[Key]:
    """Every key in nested tables, outer ones first."""
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, dict):
            for name, inner in part.items():
                yield (name,)
                yield from ((name, *rest) for rest in _keys(inner))


def _in_repository(path: Path) -> str:
    """Path from the root of the repository, as the host names it, else from here; else the bare name."""
    roots = [root for root in (*map(os.environ.get, _ROOTS), os.getcwd()) if root]
    for named in (os.path.abspath, os.path.realpath):  # a link keeps its name where it can
        for root in roots:
            if Path(named(path)).is_relative_to(named(root)):
                return Path(named(path)).relative_to(named(root)).as_posix()
    return path.name
