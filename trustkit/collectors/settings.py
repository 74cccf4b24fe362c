"""Text files beside the configuration: which they are, and the secrets in them, counted by kind."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from trustkit.detectors.files import is_settings, parts_of, text_of
from trustkit.detectors.secrets import find_secrets
from trustkit.system import System

OTHERS = (".ipynb", ".json")
"""Endings of notebooks, and of files that may be settings."""

MOST, LARGEST = 100, 8 << 20
"""Files that are read, by name, and bytes of one."""

_OWN = re.compile(r'"format": ?"trustkit-|"name": "trustkit"|"trustkitScorecard1": |"check_name": ')
"""What a JSON file that an audit wrote has in its first `_HEAD` characters."""

_HEAD = 2000


def text_files(system: System) -> list[Path]:
    """Return the configuration's file and what lies beside it, not deeper; none where it has no folder."""
    path = system.config.path
    if path is None and system.folder == Path():
        return []
    there = sorted(system.folder.iterdir())
    named = [each for each in there if is_settings(each) or each.suffix.lower() in OTHERS]
    files = [each for each in named if each.is_file() and each.stat().st_size <= LARGEST]
    return list(dict.fromkeys([*files[:MOST], *([] if path is None else [path])]))


def secrets_of_files(system: System) -> dict[str, dict[str, int]]:
    """Count the secrets in each of these files by kind.

    Left out are a file that is no text, and what an audit wrote: it would make the next one differ.
    """
    found = {}
    for path in text_files(system):
        text = text_of(path)
        if text is not None and not (path.suffix == ".json" and _OWN.search(text, 0, _HEAD)):
            kinds = Counter(each.kind for part in parts_of(text) for each in find_secrets(part.text))
            found[path.name] = dict(sorted(kinds.items()))
    return found
