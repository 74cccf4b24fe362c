"""Judge an import by its exact name: allowed, dangerous, or unknown."""

from __future__ import annotations

import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trustkit.models.scanning.pickles import Name
    from trustkit.models.scanning.report import Verdict

_INTERNAL = re.compile(r"__\w+__")


@cache
def _tables() -> tuple[dict[str, frozenset[Name]], dict[str, str], dict[str, str]]:
    here = Path(__file__).parent
    listed = json.loads((here / "allowed.json").read_text("utf-8"))
    dangerous = json.loads((here / "dangerous.json").read_text("utf-8"))
    allowed = {
        use: frozenset((module, name) for module, names in table.items() for name in names)
        for use, table in listed.items()
    }
    modules, names = (
        {entry: why for why, entries in dangerous[part].items() for entry in entries}
        for part in ("modules", "names")
    )
    return allowed, modules, names


class Allowlist:
    """The frameworks' own constructors, and what the user adds to them.

    An import may be *referred to* (a class that is made empty, a function that is kept as a
    parameter) or also *called*; the packaged list tells which, an addition permits both.

    Parameters
    ----------
    added : iterable of str
        Further imports as ``module:name`` or ``module.name``.
    """

    def __init__(self, added: Iterable[str] = ()) -> None:
        allowed, self._modules, self._names = _tables()
        self._added = frozenset(map(split_name, added))
        self._imports, self._calls = allowed["imports"], allowed["calls"]

    def judge(self, module: str, name: str, *, called: bool = False) -> tuple[Verdict, str] | None:
        """Return the verdict and the reason for an import; None where it is allowed."""
        danger = self.danger(module, name)
        if danger:
            return "dangerous", danger
        if (module, name) in self._added:
            return None
        if (module, name) not in self._imports:
            return "unknown import", "not on the list of frameworks' own constructors"
        if called and (module, name) not in self._calls:
            return "unknown import", "called, though its framework only refers to it"
        return None

    def danger(self, module: str, name: str) -> str | None:
        """Return why an import is dangerous, whoever allows it."""
        parts = module.split(".")
        prefixes = (".".join(parts[:n]) for n in range(1, len(parts) + 1))
        found = next((self._modules[prefix] for prefix in prefixes if prefix in self._modules), None)
        if found or (found := self._names.get(f"{module}.{name}")):
            return found
        if "." in name and any(map(self._is_module, name.split("."))):
            return "reaches through a module by a dotted name"
        if any(map(_INTERNAL.fullmatch, (*parts[1:], *name.split(".")))):
            return "reaches Python's internals"
        return None

    def _is_module(self, name: str) -> bool:
        bare = name.strip("_")
        return bare in sys.stdlib_module_names or bare in self._modules


def split_name(text: str) -> Name:
    """Split ``module:name`` or ``module.name``."""
    module, separator, name = text.partition(":")
    if not separator:
        module, _, name = text.rpartition(".")
    return module, name
