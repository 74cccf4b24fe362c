"""Evidence kept on disk: what was collected of equal files, equally asked, is not collected again."""

from __future__ import annotations

import glob
import hashlib
import json
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import trustkit
from trustkit.collectors.provenance import digest, locks
from trustkit.collectors.settings import secrets_of_files
from trustkit.errors import ConfigError, Problem
from trustkit.evidence import Evidence, write_whole
from trustkit.system import System

FORMAT = "trustkit-cache/1"

_COLLECTED = {"system", "data", "documents", "options"}
"""Tables of the configuration that collectors read; the others are the judge's."""


def reused(
    folder: Path, system: System, kinds: Iterable[str], seed: int, collect: Callable[[], Evidence]
) -> Evidence:
    """Evidence of a folder where it has what would be collected; else it is collected, and kept there.

    An entry that is damaged is collected anew. Nothing is kept where a
    collector raised, or where a file changed meanwhile.

    Parameters
    ----------
    folder : Path
        Made where it does not exist, though not its parent.
    system : System
        What is audited; all of it in files.
    kinds : iterable of str
        Kinds of evidence that are wanted.
    seed : int
        Seed of whatever is drawn.
    collect : callable
        Collects it.

    Raises
    ------
    ConfigError
        Nothing can tell whether a part of the system changed, or the folder cannot be written.
    """
    problems = [Problem("cache", found) for found in _without_digest(system)]
    if problems:
        raise ConfigError(problems)
    _make(folder)
    key = key_of(system, kinds, seed)
    kept = _loaded(folder, key)
    if kept is not None:
        return kept
    evidence = collect()
    if not evidence.errors and key == key_of(system, kinds, seed):
        _keep(folder, key, evidence)
    return evidence


def key_of(system: System, kinds: Iterable[str], seed: int) -> str:
    """Name of what would be collected: a digest of the files, the configuration, and all that is installed.

    Installed packages count, since a model asked through another version of a
    library may decide otherwise.
    """
    facts = {
        "trustkit": _own_code(),
        "python": platform.python_version(),
        "installed": sorted({f"{each.name} {each.version}" for each in distributions()}),
        "configuration": system.config.model_dump(mode="json", include=_COLLECTED),
        "kinds": sorted(kinds),
        "seed": seed,
        "files": dict(_files(system)),
        "secrets": secrets_of_files(system),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _without_digest(system: System) -> Iterator[str]:
    """Parts that may change without a file that is named changing."""
    spec = system.config.system.model
    for role in ("data", "train", "population"):
        if getattr(system, role) is not None:
            yield f"{role}: rows in memory have no file whose digest tells that they are the same"
    if system.model is not None:
        yield "the model is an object in memory: no digest tells that it decides the same"
    elif spec is not None and "://" in spec:
        yield "the model is an endpoint, which may decide otherwise tomorrow"
    elif spec is not None and not (system.folder / spec).exists():
        yield f"{spec} is Python code, which imports and reads what no digest covers"
    elif system.config.options.get("security/artifact", {}).get("allow"):
        key = 'options."security/artifact".allow'
        yield f"{key} lets the model's file import code of your own, which no digest covers"


def _files(system: System) -> Iterator[tuple[str, str]]:
    """Every file that a collector may read, and its digest."""
    config, folder = system.config, system.folder
    data, owner = config.data, config.system
    named = [data.audit, data.train, data.population, owner.model, owner.card, *config.documents.values()]
    for name in (*filter(None, named), *locks(folder), *_of_options(config.options)):
        matching = [name] if (folder / name).exists() else glob.glob(name, root_dir=folder, recursive=True)
        yield from ((each, digest(folder / each)[0]) for each in matching)


def _of_options(options: Mapping[str, Any]) -> Iterator[str]:
    """Files that options name: advisories, lock files, a signature and its key."""
    dependencies, provenance = (
        options.get(f"security/{name}", {}) for name in ("dependencies", "provenance")
    )
    named = [dependencies.get(name) for name in ("lock", "advisories")]
    named += [provenance.get(name) for name in ("signature", "key")]
    locked = provenance.get("locks")
    yield from (
        each for each in (*named, *(locked if isinstance(locked, Mapping) else ())) if isinstance(each, str)
    )


def _own_code() -> str:
    """Digest of our own code: between two releases it changes under one version."""
    root = Path(trustkit.__file__).parent
    code = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        code.update(f"{file.relative_to(root).as_posix()}\0{digest(file)[0]}\n".encode())
    return code.hexdigest()


def _places(folder: Path, key: str) -> tuple[Path, Path]:
    return folder / f"{key}.json", folder / f"{key}.entry.json"


def _make(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ConfigError([Problem("cache", f"{folder}: {error.strerror or 'cannot be made'}")]) from None
    write_whole(folder / ".gitignore", "*\n")  # evidence may hold counts of few people


def _keep(folder: Path, key: str, evidence: Evidence) -> None:
    file, entry = _places(folder, key)
    evidence.save(file)
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    stated = {"format": FORMAT, "evidence": f"sha256:{digest(file)[0]}", "collected": when}
    write_whole(entry, json.dumps(stated) + "\n")


def _loaded(folder: Path, key: str) -> Evidence | None:
    """Evidence of an entry; None where there is none, or it is not what was kept."""
    file, entry = _places(folder, key)
    with suppress(OSError, ValueError, KeyError, TypeError):
        stated: dict[str, Any] = json.loads(entry.read_text(encoding="utf-8"))
        if stated["format"] == FORMAT and stated["evidence"] == f"sha256:{digest(file)[0]}":
            return replace(Evidence.load(file), reused=str(stated["collected"]))
    return None
