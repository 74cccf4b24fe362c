"""The collector of provenance: digest the files that the configuration names, and look at what they are."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustkit.errors import ConfigError, Problem, nearest
from trustkit.evidence.provenance import File, Provenance
from trustkit.frames import Frame, FrameError
from trustkit.models.scanning import files_of, folder_digest
from trustkit.models.signatures import NotSigned, verify

if TYPE_CHECKING:
    from trustkit.collectors.sources import Sources
    from trustkit.system import System

CHECK = "security/provenance"

_DIGEST = re.compile(r"sha256:[0-9a-fA-F]{64}")

LOCKS = ("Pipfile.lock", "conda-lock.yml", "pdm.lock", "pixi.lock", "poetry.lock", "pylock.toml", "uv.lock")
"""Files that pin what a system depends on; a requirements.txt does where it gives hashes."""

_MAGIC = (
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"PK\x03\x04", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"]\0\0", "lzma"),
    (b"\x04\x22M\x18", "lz4"),
    (b"\x93NUMPY", "npy"),
    (b"GGUF", "gguf"),
    *((bytes([0x80, version]), "pickle") for version in range(2, 6)),
)

_PICKLED = {"pickle", "bzip2", "gzip", "lz4", "lzma", "xz", "zlib"}

_SUFFIXES = {
    ".parquet": {"parquet"},
    ".feather": {"arrow"},
    ".arrow": {"arrow"},
    ".ipc": {"arrow"},
    ".csv": {"text"},
    ".md": {"text"},
    ".toml": {"text"},
    ".txt": {"text", "json"},
    ".py": {"text"},
    ".json": {"json"},
    ".jsonl": {"json"},
    ".ndjson": {"json"},
    ".pkl": _PICKLED,
    ".pickle": _PICKLED,
    ".joblib": _PICKLED,
    ".pt": {"zip", "pickle"},
    ".pth": {"zip", "pickle"},
    ".npz": {"zip"},
    ".npy": {"npy"},
    ".keras": {"zip"},
    ".skops": {"zip"},
    ".zip": {"zip"},
    ".h5": {"hdf5"},
    ".hdf5": {"hdf5"},
    ".gguf": {"gguf"},
    ".safetensors": {"safetensors"},
}
"""What the content of a file with such a name may be; of other names nothing is said."""


def collect_provenance(sources: Sources) -> Provenance:
    """Digest every file that the configuration names."""
    system = sources.system
    files = [_file(system.folder, read.path, read.role, read.sha256) for read in sources.frame.inputs]
    schema: dict[str, Any] = {
        "version": system.config.system.version,
        "trust": system.config.system.trust,
        "model": _kind_of_model(system),
        "data": "file" if sources.frame.inputs else "memory",
    }
    files += _declared(system)
    options = system.config.options.get(CHECK, {})
    if pinned := _pinned(system.folder, options.get("locks", {})):
        schema["locks"] = pinned
        files += [_file(system.folder, name, "lock") for name in pinned]
    unsigned = _unsigned(system, options.get("signature"), options.get("key"))
    names = tuple(locks(system.folder))
    return Provenance(schema, tuple(sorted(files)), names, _last_day(sources), unsigned)


def _pinned(folder: Path, declared: Any) -> dict[str, str]:
    """Declared digests of lock files, in lower case."""
    key, problems = f'options."{CHECK}".locks', []
    if not isinstance(declared, Mapping):
        raise ConfigError([Problem(key, f'{declared!r} is no table, as {{ "uv.lock" = "sha256:..." }}')])
    for name, digest in declared.items():
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            problems.append(Problem(f"{key}.{name}", f"{digest!r} is no digest, as sha256: and 64 digits"))
        if not (folder / name).is_file():
            near = nearest(name, [each.name for each in folder.iterdir()])
            problems.append(Problem(f"{key}.{name}", f"there is no file {name}", near))
    if problems:
        raise ConfigError(problems)
    return {name: digest.lower() for name, digest in sorted(declared.items())}


def _unsigned(system: System, signature: Any, key: Any) -> str | None:
    """Why the declared signature does not hold for the model; empty where it does, None without one."""
    if signature is None and key is None:
        return None
    named = {"signature": signature, "key": key}
    problems = []
    for what, name in named.items():
        stated = f'options."{CHECK}".{what}'
        if not isinstance(name, str):
            problems.append(Problem(stated, "signature and key are named together, each a file"))
        elif not (system.folder / name).is_file():
            near = nearest(name, [each.name for each in system.folder.iterdir()])
            problems.append(Problem(stated, f"there is no file {name}", near))
    if _kind_of_model(system) != "file":
        problems.append(Problem("system.model", "is no file or folder, which a signature could be of"))
    if find_spec("cryptography") is None:
        needed = "needs cryptography: pip install 'trustkit-audit[sign]'"
        problems.append(Problem(f'options."{CHECK}".signature', needed))
    if problems:
        raise ConfigError(problems)
    folder, model = system.folder, system.config.system.model or ""
    try:
        verify(folder / signature, folder / key, folder / model)
    except NotSigned as error:
        return str(error)
    return ""


def locks(folder: Path) -> Iterator[str]:
    """Lock files in a folder: those of `LOCKS`, and a requirements.txt with hashes."""
    for name in sorted((*LOCKS, "requirements.txt")):
        file = folder / name
        if file.is_file() and (name in LOCKS or "--hash=sha256:" in file.read_text("utf-8", "replace")):
            yield name


def digest(path: Path) -> tuple[str, int]:
    """Digest and size of a file; of a folder, those of the sorted list of its files, links left out."""
    if not path.is_dir():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size
    inside = [(name, *digest(each)) for name, each in files_of(path)]
    return folder_digest((name, sha256) for name, sha256, _ in inside), sum(size for *_, size in inside)


def format_of(path: Path) -> str:
    """Format of a file by its content: a known one, ``json``, ``text``, ``empty`` or ``binary``."""
    with path.open("rb") as file:
        head = file.read(4096)
    known = next((name for magic, name in _MAGIC if head.startswith(magic)), None)
    if known is not None:
        return known
    if not head:
        return "empty"
    if head[:1] == b"x" and _is_zlib(head):
        return "zlib"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size:
        return "safetensors"
    if b"\0" in head:
        return "binary"
    return "json" if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[") else "text"


def _is_zlib(head: bytes) -> bool:
    try:
        return bool(zlib.decompressobj().decompress(head, 64))
    except zlib.error:
        return False


def model_files(system: System) -> Iterator[File]:
    """Model's file or folder, or the source of its module; nothing where it is an object or an endpoint."""
    kind, model = _kind_of_model(system), system.config.system.model
    if kind == "file" and model is not None:
        yield _file(system.folder, model, "model")
    elif kind == "module" and model is not None:
        yield from _module(system.folder, model.partition(":")[0])


def _file(folder: Path, name: str, role: str, sha256: str | None = None) -> File:
    path = folder / name
    shown = Path(os.path.relpath(path, folder)).as_posix()
    if path.is_dir():
        return File(role, shown, *digest(path), "", True)
    found = format_of(path)
    allowed = _SUFFIXES.get(path.suffix.lower())
    known, size = (sha256, path.stat().st_size) if sha256 is not None else digest(path)
    return File(role, shown, known, size, found, allowed is None or found in allowed)


def _declared(system: System) -> Iterator[File]:
    """Files beside the audited data."""
    data, owner = system.config.data, system.config.system
    for role, name in (("train", data.train), ("population", data.population), ("card", owner.card)):
        for each in _matching(system.folder, name):
            yield _file(system.folder, each, role)
    yield from model_files(system)


def _matching(folder: Path, name: str | None) -> Iterable[str]:
    if name is None:
        return ()
    return [name] if (folder / name).is_file() else sorted(glob.glob(name, root_dir=folder, recursive=True))


def _kind_of_model(system: System) -> str | None:
    spec = system.config.system.model
    if system.model is not None:
        return "object"
    if spec is None:
        return None
    if "://" in spec:
        return "endpoint"
    return "file" if (system.folder / spec).exists() else "module"


def _module(folder: Path, name: str) -> Iterator[File]:
    """Source of the module that holds the model, where it lies in the configuration's folder."""
    source = getattr(sys.modules.get(name), "__file__", None)
    if source is not None and Path(source).resolve().is_relative_to(folder.resolve()):
        yield _file(folder, Path(source).resolve().relative_to(folder.resolve()).as_posix(), "model")


def _last_day(sources: Sources) -> str | None:
    """Last day in the column of time; None where there is none or it holds no dates."""
    name, system = sources.data.time, sources.system
    if name is None:
        return None
    frame = sources.frame
    if sources.relation is not None:
        frame = sources.relation.greatest(name)
    elif frame.inputs:
        source = system.config.data.audit
        frame = Frame.open(source, key="data.audit", folder=system.folder, columns=[name])
    try:
        days = [day for label in frame.labels(name).names if (day := _day(label)) is not None]
    except FrameError:
        return None
    return max(days).isoformat() if days else None


def _day(label: str) -> date | None:
    try:
        return date.fromisoformat(label[:10])
    except ValueError:
        return None
