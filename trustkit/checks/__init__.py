"""The checks: found by walking the areas' folders, then the plugins' entry points."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from types import ModuleType

from trustkit.checks.base import Check


@cache
def discover() -> tuple[dict[str, Check], dict[str, str]]:
    """Find every check, ours and the plugins'.

    Returns
    -------
    checks : dict of str to Check
        By id, sorted.
    errors : dict of str to str
        Plugins that did not load, by the name of their entry point: to be
        shown as findings, never swallowed.
    """
    checks, errors = dict(_ours()), {}
    for point in sorted(entry_points(group="trustkit.checks"), key=lambda p: (p.name, p.value)):
        try:
            found = _in(point.load())
            taken = sorted(set(found) & set(checks))
            if taken:
                raise ValueError(f"check ids already taken: {', '.join(taken)}")
            checks |= found
        except Exception as error:
            errors[point.name] = f"{type(error).__name__}: {error}"
    return dict(sorted(checks.items())), errors


@cache
def _ours() -> dict[str, Check]:
    checks: dict[str, Check] = {}
    for area in pkgutil.iter_modules(__path__, f"{__name__}."):
        if area.ispkg:
            folder = import_module(area.name)
            for module in pkgutil.iter_modules(folder.__path__, f"{area.name}."):
                checks |= _in(import_module(module.name))
    return checks


def _in(found: ModuleType | Check) -> dict[str, Check]:
    """Checks of a module, or the one check that an entry point names."""
    values = [found] if isinstance(found, Check) else list(vars(found).values())
    return {value.id: value for value in values if isinstance(value, Check)}
