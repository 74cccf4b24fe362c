"""Scan a file, a folder or bytes: find out by content what is in it, and judge every part."""

from __future__ import annotations

import hashlib
import mmap
import re
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

from trustkit.models.scanning import arrays, containers, formats
from trustkit.models.scanning.allowlist import Allowlist
from trustkit.models.scanning.pickles import MOST_TEXTS, OPCODES, Trace, Walk
from trustkit.models.scanning.report import (
    Budget,
    Cost,
    FaultError,
    Finding,
    Limits,
    ScanReport,
    Verdict,
    verdict_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trustkit.models.scanning.report import Buffer

    Reader = Callable[[Buffer, str, int], None]

LARGEST_READ = 64 << 20
ZIP_HEAD = b"PK\x03\x04"
TORCH_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
TORCH_STREAMS = 5
_NOT_READ = (
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"RDX", "R data, which can run code"),
    (b"X\n\0\0\0", "R data, which can run code"),
    (b"ZF0x", "a compressed file of joblib before 0.10"),
    (b"\x7fELF", "a native library"),
    (b"MZ", "a native library"),
)
_ARRAY_PARTS = frozenset({"_reconstruct", "dtype", "ndarray", "scalar"})
_PLAIN = frozenset(
    ("gguf", "hdf5", "json", "lightgbm", "onnx", "safetensors", "savedmodel", "text", "xgboost")
)
_STRETCH = re.compile(rb"[^\x00-\x1f\x7f\"\\]{8,400}")
_MODULE = re.compile(r"[^\W\d]\w*(\..*)?", re.DOTALL)
_SKLEARN_VERSION = re.compile(
    rb"_sklearn_version(?:\x94|q.|r....|\np\d+\n)?(?:\x8c.|X....|V|S')(\d+\.\d+(?:\.\d+)?(?:\.?(?:dev|rc|post)\d+)?)",
    re.S,
)
_CONTROLS = re.compile(r"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_TORCH_STORAGE = re.compile(
    r"(.*/)?(data/\d+|\.?data/serialization_id|version|byteorder|\.format_version|\.storage_alignment)"
)


def scan(
    source: str | Path | bytes,
    *,
    allow: Iterable[str] = (),
    limits: Limits | None = None,
    texts: list[str] | None = None,
) -> ScanReport:
    """Scan a file, a folder or bytes, without importing or executing anything of it.

    Parameters
    ----------
    source : str, Path or bytes
        What to scan.
    allow : iterable of str
        Imports to allow besides the packaged list, as ``module:name`` or ``module.name``. A dangerous
        one stays dangerous.
    limits : Limits, optional
        Other bounds than the default ones.
    texts : list of str, optional
        Where to put the text values of pickles, and the stretches of letters
        in other files, at most 100,000 a stream, for whoever looks for
        personal data in a model. The report holds none.

    Returns
    -------
    ScanReport
        The verdict, the findings with their places, and what was learned on the way.
    """
    scanner = _Scanner(Allowlist(allow), Budget(limits or Limits()), texts)
    if isinstance(source, bytes):
        digest = scanner.file(source, "")
        return scanner.report(None, digest, len(source))
    path = Path(source)
    if path.is_dir():
        digest, read = scanner.folder(path)
    else:
        digest, read = scanner.path(path, path.name)
    return scanner.report(str(source), digest, read)


def files_of(root: Path) -> list[tuple[str, Path]]:
    """Files of a folder under their names in it, sorted; links are left out."""
    files = (path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted((path.relative_to(root).as_posix(), path) for path in files)


def folder_digest(files: Iterable[tuple[str, str]]) -> str:
    """Return the digest of a folder: that of its sorted list of names and digests."""
    listed = "".join(f"{name}\0{digest}\n" for name, digest in files)
    return hashlib.sha256(listed.encode("utf-8", "surrogateescape")).hexdigest()


@dataclass
class _Walked:
    """How far the pickle streams of a part were walked, and what stopped that."""

    end: int
    streams: int = 0
    fault: FaultError | None = None


class _EnoughError(Exception):
    """So many findings that more would tell nothing."""


class _Scanner:
    """One scan: what was found so far, and what is left of the limits."""

    def __init__(self, allowlist: Allowlist, budget: Budget, texts: list[str] | None = None) -> None:
        self.texts = texts
        self.allowlist = allowlist
        self.budget = budget
        self.findings: dict[tuple[str, str, str], Finding] = {}
        self.versions: dict[str, set[str]] = {}
        self.kinds: dict[str, int] = {}
        self.imports: set[tuple[str, str]] = set()
        self.calls: set[tuple[str, str]] = set()
        self.strings = 0
        self.beside = False

    # -- what is found --------------------------------------------------------------------------

    def note(self, kind: Verdict, what: str, where: str, why: str) -> None:
        """Add a finding, unless it was found before in the same part."""
        key = (kind, what, where.partition("@")[0])
        if key not in self.findings:
            self.findings[key] = Finding(kind, what[:500], where, why)
            if len(self.findings) >= self.budget.limits.findings:
                raise _EnoughError

    def name(self, module: str, name: str, where: str, *, called: bool = False) -> None:
        """Judge an import that a part asks for."""
        self.imports.add((module, name))
        if called:
            self.calls.add((module, name))
        judged = self.allowlist.judge(module, name, called=called)
        if judged:
            self.note(judged[0], f"{module}.{name}", where, judged[1])

    def version(self, package: str, version: str) -> None:
        """Add the version of a framework that wrote a part."""
        if len(self.versions) < 100:
            self.versions.setdefault(package[:100], set()).add(version[:100])

    def report(self, path: str | None, digest: str, read: int) -> ScanReport:
        """Close the scan."""
        findings = tuple(self.findings.values())
        facts = {
            "kinds": dict(sorted(self.kinds.items())),
            "imports": sorted(self.imports),
            "calls": sorted(self.calls),
            "versions": {package: sorted(seen) for package, seen in sorted(self.versions.items())},
            "strings": self.strings,
        }
        cost = Cost(self.budget.seconds, read, self.budget.expanded, self.budget.opcodes)
        return ScanReport(path, digest, verdict_of(findings), findings, facts, cost)

    # -- files and folders ----------------------------------------------------------------------

    def folder(self, root: Path) -> tuple[str, int]:
        """Scan every file of a folder; links are not followed."""
        digests, total = [], 0
        self.beside = True
        for path in root.rglob("*"):
            if path.is_symlink():
                name = path.relative_to(root).as_posix()
                self.note("incomplete", name, name, "a link, which is not followed")
        for name, path in files_of(root):
            try:
                self.budget.enter()
            except FaultError as fault:
                self.note("incomplete", "rest of the folder", name, str(fault))
                break
            digest, read = self.path(path, name)
            digests.append((name, digest))
            total += read
        return folder_digest(digests), total

    def path(self, path: Path, name: str) -> tuple[str, int]:
        """Scan one file; a large one is mapped, not read."""
        status = path.stat()
        if not S_ISREG(status.st_mode):
            self.note("incomplete", name, name, "neither a file nor a folder")
            return hashlib.sha256().hexdigest(), 0
        size = status.st_size
        with path.open("rb") as file:
            if size <= LARGEST_READ:
                return self.file(file.read(), name), size
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return self.file(data, name), size

    def file(self, data: Buffer, name: str) -> str:
        """Scan the content of one file and return its digest."""
        try:
            self.part(data, name, 0)
        except _EnoughError:
            key = ("incomplete", "too many findings", name)
            self.findings[key] = Finding("incomplete", "too many findings", name, "the scan stopped there")
        return hashlib.sha256(data).hexdigest()

    # -- parts ----------------------------------------------------------------------------------

    def part(self, data: Buffer, where: str, depth: int) -> None:
        """Scan a part in every way in which it can be read."""
        if depth > self.budget.limits.depth:
            self.note("incomplete", "containers in containers", where, "nested too deep")
            return
        readings = list(self._readings(data))
        kinds = [kind for kind, _ in readings]
        walked = self._walk_all(data, where)
        if walked.streams:
            kinds.append("pickle")
            self._judge_end(data, where, walked)
        elif not kinds:
            kinds.append(self._without_reading(data, where, walked))
        if len(kinds) > 1:
            self.note("incomplete", "polyglot", where, f"can be read as {' and as '.join(kinds)}")
        for kind in kinds:
            self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if self.texts is not None and _PLAIN.issuperset(kinds):
            self.texts += _stretches(data)
        for _, read in readings:
            self._guard(read, data, where, depth)

    def _guard(self, read: Reader, data: Buffer, where: str, depth: int) -> None:
        try:
            read(data, where, depth)
        except FaultError as fault:
            self.note("incomplete", "not read to its end", where, str(fault))
        except (IndexError, ValueError, RecursionError) as error:
            self.note("incomplete", "not read to its end", where, f"malformed ({type(error).__name__})")

    def _readings(self, data: Buffer) -> Iterator[tuple[str, Reader]]:
        """Yield each kind, but pickle and text, that a reader could take the data for."""
        head = bytes(data[:64])
        if head.startswith(ZIP_HEAD) or containers.zip_end(data) >= 0:
            yield "zip", self._as_zip
        if containers.is_tar(data):
            yield "tar", self._as_tar
        if containers.compression(data):
            yield "compressed", self._as_compressed
        if head.startswith(arrays.NPY_MAGIC):
            yield "npy", self._as_npy
        if any(bytes(data[at : at + 8]) == formats.HDF5 for at in (0, 512, 1024, 2048)):
            yield "hdf5", self._static(formats.read_hdf5)
        if head.startswith(b"GGUF"):
            yield "gguf", self._static(formats.read_gguf)
        if formats.is_safetensors(data):
            yield "safetensors", self._static(formats.read_safetensors)
        protobuf = formats.protobuf_kind(data)
        if protobuf == "onnx":
            yield "onnx", self._static(formats.read_onnx)
        elif protobuf:
            yield "savedmodel", self._static(formats.read_savedmodel)
        if head.startswith(formats.XGBOOST):
            yield "xgboost", self._static(formats.read_xgboost)
        for magic, what in _NOT_READ:
            if head.startswith(magic):
                yield what, self._not_read

    def _static(self, read: Callable[[Buffer, str, formats.Notes], None]) -> Reader:
        return lambda data, where, _: read(data, where, self)

    def _not_read(self, data: Buffer, where: str, depth: int) -> None:
        raise FaultError("a kind of file that is not read")

    def _as_compressed(self, data: Buffer, where: str, depth: int) -> None:
        kind = containers.compression(data) or ""
        content, fault = containers.unpack(kind, data, self.budget)
        if content:
            self.part(content, f"{where}!{kind}", depth + 1)
        if fault or not content:
            raise fault or FaultError("an empty compressed stream")

    def _as_zip(self, data: Buffer, where: str, depth: int) -> None:
        torch = any(name.endswith("data.pkl") for name in containers.zip_names(data))
        self._members(containers.zip_members(data, self.budget), where, depth, torch=torch)

    def _as_tar(self, data: Buffer, where: str, depth: int) -> None:
        self._members(containers.tar_members(data, self.budget), where, depth, torch=False)

    def _members(self, members: Iterator[containers.Member], where: str, depth: int, *, torch: bool) -> None:
        for member in members:
            place = f"{where}!{member.name}"
            for fault in member.faults:
                self.note("incomplete", member.name, place, fault)
            if member.leads_out:
                self.note("dangerous", member.name, place, "a name that leads out of the folder")
            if torch and _TORCH_STORAGE.fullmatch(member.name):
                self._walk_all(member.data, place)
            elif member.data:
                self.part(member.data, place, depth + 1)

    def _as_npy(self, data: Buffer, where: str, depth: int) -> None:
        begin, size, objects = arrays.npy_header(data)
        if objects:
            self._judge_end(data, where, self._walk_all(data, where, begin))
        elif begin + size != len(data):
            raise FaultError("an array whose size differs from its header")

    # -- pickles --------------------------------------------------------------------------------

    def _walk_all(self, data: Buffer, where: str, start: int = 0) -> _Walked:
        """Walk the pickle streams that follow each other, as far as they can be walked."""
        legacy = bytes(data[start : start + len(TORCH_MAGIC)]) == TORCH_MAGIC
        torch = legacy or ("!" in where and where.endswith("data.pkl"))
        walked = _Walked(start)
        if bytes(data[start : start + 4]) == ZIP_HEAD:  # a persistent id first, which pickle.load refuses
            return walked
        while walked.fault is None and walked.end < len(data) and data[walked.end] in OPCODES:
            self._walk(data, where, walked, torch=torch)
            if legacy and walked.streams == TORCH_STREAMS:
                walked.end = len(data)
        if walked.streams:
            for version in {match[1] for match in _SKLEARN_VERSION.finditer(data)}:
                self.version("scikit-learn", version.decode("latin1"))
        return walked

    def _walk(self, data: Buffer, where: str, walked: _Walked, *, torch: bool) -> None:
        walk = Walk(data, walked.end, self.budget, Trace(), torch=torch)
        try:
            walked.end = walk.run()
            walked.streams += 1
        except FaultError as fault:
            walked.end, walked.fault = walk.position, fault
        self._judge(walk.trace, where, sure=walked.fault is None)
        if self.texts is not None:
            self.texts += walk.texts()
        if walk.aside:
            self._judge_aside(walk.aside, where)

    def _judge(self, trace: Trace, where: str, *, sure: bool) -> None:
        """Judge what a stream imports; one that breaks may be no pickle, so that modules must be names."""
        self.strings += trace.strings
        for (module, name), offset in trace.imports.items():
            if sure or _MODULE.fullmatch(module):
                called = trace.calls.get((module, name))
                self.name(module, name, f"{where}@{offset}", called=called is not None)
        for kind, what, offset, why in trace.alarms:
            if sure or kind == "dangerous":
                self.note(kind, what, f"{where}@{offset}", why)

    def _judge_aside(self, trace: Trace, where: str) -> None:
        """Judge what ``pickle.load`` would import where ``joblib.load`` reads an array.

        It takes the array for opcodes and goes astray in its own memo: of an honest array of objects
        it may ask any module for what NumPy's arrays are made of, which no module answers with harm.
        """
        for (module, name), offset in trace.imports.items():
            noise = name in _ARRAY_PARTS and not self.allowlist.danger(module, name)
            if not noise and _MODULE.fullmatch(module):
                self.name(module, name, f"{where}@{offset}")

    def _judge_end(self, data: Buffer, where: str, walked: _Walked) -> None:
        if walked.fault:
            self.note("incomplete", "pickle", f"{where}@{walked.end}", str(walked.fault))
        elif not walked.streams:
            self.note("incomplete", "pickle", f"{where}@{walked.end}", "not there")
        elif walked.end < len(data):
            what = f"{len(data) - walked.end:,} bytes behind the pickle"
            self.note("incomplete", what, f"{where}@{walked.end}", "they cannot be read")

    # -- text -----------------------------------------------------------------------------------

    def _without_reading(self, data: Buffer, where: str, walked: _Walked) -> str:
        """Take for text, a broken pickle or nothing known what has no other reading; return its kind."""
        text = _text_of(data)
        if text is not None:
            return self._as_text(text, where)
        if walked.fault:
            self._judge_end(data, where, walked)
            return "pickle"
        self.note("incomplete", "content", where, "a kind of file that is not known" if data else "empty")
        return "unknown"

    def _as_text(self, text: str, where: str) -> str:
        tree = formats.json_of(text)
        formats.read_text(text, where, self)
        if where.endswith(".py"):
            self.note("unknown import", where, where, "Python source, which a loader may run")
        if tree is not None:
            formats.read_json(tree, where, self)
            return "json"
        if formats.is_lightgbm(text, self):
            return "lightgbm"
        if not (formats.is_yaml(text) or self.beside):
            self.note("incomplete", "text", where, "no format of a model")
        return "text"


def _stretches(data: Buffer) -> Iterator[str]:
    """Yield the first stretches of text between quotes and control characters."""
    for match in islice(_STRETCH.finditer(data[:LARGEST_READ]), MOST_TEXTS):
        with suppress(UnicodeDecodeError):
            yield match[0].decode()


def _text_of(data: Buffer) -> str | None:
    """Return the data as text, where it is text."""
    head = bytes(data[:1024])
    if not head or b"\0" in head or len(data) > formats.LONGEST_JSON:
        return None
    try:
        text = bytes(data).decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        return None
    return None if _CONTROLS.search(text) else text
