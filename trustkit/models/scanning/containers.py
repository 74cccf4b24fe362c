"""Open compressed streams and archives, within bounds, and tell what in them lies."""

from __future__ import annotations

import bz2
import lzma
import re
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trustkit.models.scanning.report import Budget, FaultError

try:
    import lz4.frame as _lz4
except ImportError:
    _lz4 = None

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trustkit.models.scanning.report import Buffer

CHUNK = 1 << 16
EMPTY_ZIP = 22
ZIP_METHODS = {8: "deflate", 12: "bz2", 14: "zip-lzma"}
_MAGICS = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"]\x00\x00", "lzma"),
    (b"\x04\x22\x4d\x18", "lz4"),
)
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_FULL = 0xFFFFFFFF


# -- compressed streams -------------------------------------------------------------------------


def compression(data: Buffer, start: int = 0) -> str | None:
    """Return the name of the compression that begins at an offset, if one does."""
    head = bytes(data[start : start + 8])
    if len(head) > 1 and head[0] == 0x78 and not head[1] & 0x20 and int.from_bytes(head[:2], "big") % 31 == 0:
        return "zlib"
    return next((name for magic, name in _MAGICS if head.startswith(magic)), None)


def unpack(kind: str, data: Buffer, budget: Budget) -> tuple[bytearray, FaultError | None]:
    """Decompress all streams of one kind that follow each other.

    Returns
    -------
    tuple
        What could be read, and what kept the rest from being read.
    """
    output, position = bytearray(), 0
    try:
        while position < len(data):
            if position and compression(data, position) != kind:
                raise FaultError(f"{len(data) - position:,} bytes behind the {kind} stream")
            position = _one_stream(kind, data, position, budget, output)
    except FaultError as fault:
        return output, fault
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, RuntimeError) as error:
        return output, FaultError(f"a {kind} stream that cannot be read ({error})")
    return output, None


def _one_stream(kind: str, data: Buffer, start: int, budget: Budget, output: bytearray) -> int:
    engine, take = _engine(kind)
    for begin in range(start, len(data), CHUNK):
        chunk = bytes(data[begin : begin + CHUNK])
        for piece in take(chunk):
            output += piece
            budget.expand(len(piece))
        if engine.eof:
            return begin + len(chunk) - len(engine.unused_data or b"")
    raise FaultError(f"a {kind} stream that ends too early")


def _engine(kind: str) -> tuple[Any, Callable[[bytes], Iterator[bytes]]]:
    """Return a decompressor, and a function that feeds it and yields pieces of bounded size."""
    if kind in ("zlib", "gzip", "deflate"):
        inflate = zlib.decompressobj(-15 if kind == "deflate" else 47)
        return inflate, lambda chunk: _inflated(inflate, chunk)
    if kind == "lz4" and _lz4 is None:
        raise FaultError("lz4 is not installed")
    engine: Any
    if kind == "lz4":
        engine = _lz4.LZ4FrameDecompressor()
    else:
        engine = bz2.BZ2Decompressor() if kind == "bz2" else lzma.LZMADecompressor()
    return engine, lambda chunk: _decompressed(engine, chunk)


def _inflated(engine: Any, chunk: bytes) -> Iterator[bytes]:
    while chunk:
        yield engine.decompress(chunk, 16 * CHUNK)
        chunk = engine.unconsumed_tail


def _decompressed(engine: Any, chunk: bytes) -> Iterator[bytes]:
    yield engine.decompress(chunk, 16 * CHUNK)
    while not engine.needs_input and not engine.eof:
        yield engine.decompress(b"", 16 * CHUNK)


# -- zip ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Member:
    """One member of an archive.

    Attributes
    ----------
    name : str
        Its name.
    data : bytes-like
        What could be read of it.
    faults : tuple of str
        What is wrong with it.
    """

    name: str
    data: Buffer
    faults: tuple[str, ...] = ()

    @property
    def leads_out(self) -> bool:
        """Whether unpacking it by its name would write outside of the folder."""
        return self.name[:1] in ("/", "\\") or ".." in re.split(r"[/\\]", self.name)


@dataclass(frozen=True)
class _Entry:
    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int


def zip_end(data: Buffer) -> int:
    """Return the offset of a zip archive's end record, or -1: readers look for it, not for a head."""
    return data.rfind(b"PK\x05\x06", max(0, len(data) - EMPTY_ZIP - 0xFFFF))


def zip_names(data: Buffer) -> list[str]:
    """Return the names in a zip archive's directory."""
    start, stop, _, prefix = _directory(data)
    return [entry.name.decode("utf-8", "replace") for entry in _entries(data, start, stop, prefix)]


def zip_members(data: Buffer, budget: Budget) -> Iterator[Member]:
    """Yield the members of a zip archive; fail on what its directory does not account for."""
    start, stop, count, prefix = _directory(data)
    reached, entries = prefix, list(_entries(data, start, stop, prefix))
    if len(entries) != count:
        raise FaultError("a zip directory that miscounts its members")
    for entry in sorted(entries, key=lambda entry: entry.offset):
        budget.enter()
        begin, faults = _local(data, entry)
        if entry.offset != reached:
            faults.append("bytes between members, or members that overlap")
        reached = _behind(data, begin, entry)
        content, fault = _member_data(data, begin, entry, budget)
        if fault:
            faults.append(str(fault))
        elif len(content) != entry.size or zlib.crc32(content) != entry.crc:
            faults.append("size or checksum differ from the directory's")
        yield Member(entry.name.decode("utf-8", "replace"), content, tuple(faults))
    if prefix:
        raise FaultError(f"{prefix:,} bytes before the zip archive")
    if reached != start:
        raise FaultError("bytes between the members and the directory")


def _directory(data: Buffer) -> tuple[int, int, int, int]:
    """Return where the directory begins and ends, its count, and the bytes before the archive."""
    end = zip_end(data)
    if end < 0 or end + _END.size > len(data):
        raise FaultError("a zip archive without its directory")
    _, disk, _, _, count, size, offset, comment = _END.unpack_from(data, end)
    stop = end
    if _FULL in (size, offset) or count == 0xFFFF:
        record = data.rfind(b"PK\x06\x06", 0, end)
        if record < 0 or record + _END64.size > end:
            raise FaultError("a zip64 archive without its directory")
        *_, count, size, offset = _END64.unpack_from(data, record)
        stop = record
    prefix = stop - size - offset
    if disk or prefix < 0 or end + _END.size + comment != len(data):
        raise FaultError("a zip directory that lies about its place")
    return stop - size, stop, count, prefix


def _entries(data: Buffer, position: int, stop: int, prefix: int) -> Iterator[_Entry]:
    while position < stop:
        if position + _ENTRY.size > stop:
            raise FaultError("a zip directory cut short")
        sign, _, _, flags, method, _, _, crc, packed, size, name, extra, comment, _, _, _, offset = (
            _ENTRY.unpack_from(data, position)
        )
        if sign != b"PK\x01\x02":
            raise FaultError("a zip directory that cannot be read")
        at = position + _ENTRY.size
        wide = _wide(bytes(data[at + name : at + name + extra]), [size, packed, offset])
        size, packed, offset = wide
        yield _Entry(bytes(data[at : at + name]), flags, method, crc, packed, size, offset + prefix)
        position = at + name + extra + comment


def _wide(extra: bytes, values: list[int]) -> list[int]:
    """Replace full 32-bit fields by those of the zip64 extra field."""
    while len(extra) >= 4:
        tag, length = struct.unpack_from("<HH", extra)
        if tag == 1:
            fields = iter([int.from_bytes(extra[i : i + 8], "little") for i in range(4, 4 + length, 8)])
            return [next(fields, _FULL) if value == _FULL else value for value in values]
        extra = extra[4 + length :]
    return values


def _local(data: Buffer, entry: _Entry) -> tuple[int, list[str]]:
    """Return where a member's bytes begin, and what its local header says otherwise."""
    if entry.offset + _LOCAL.size > len(data):
        raise FaultError("a zip member outside the file")
    sign, _, flags, method, _, _, _, _, _, name, extra = _LOCAL.unpack_from(data, entry.offset)
    at = entry.offset + _LOCAL.size
    faults = []
    if sign != b"PK\x03\x04" or bytes(data[at : at + name]) != entry.name or method != entry.method:
        faults.append("a local header that differs from the directory")
    if (flags | entry.flags) & 0x2061:
        faults.append("flagged as encrypted or patched")
    return at + name + extra, faults


def _behind(data: Buffer, begin: int, entry: _Entry) -> int:
    """Return where a member ends, its data descriptor included."""
    end = begin + entry.packed
    if entry.flags & 8:
        signed = 4 if bytes(data[end : end + 4]) == b"PK\x07\x08" else 0
        wide = int.from_bytes(data[end + signed + 4 : end + signed + 12], "little") == entry.packed
        end += signed + (20 if wide and entry.packed + entry.size else 12)
    return end


def _member_data(data: Buffer, begin: int, entry: _Entry, budget: Budget) -> tuple[Buffer, FaultError | None]:
    raw = data[begin : begin + entry.packed]
    if entry.method == 0:
        budget.expand(len(raw))
        return raw, None
    if entry.method == 14 and len(raw) > 9:
        return _zip_lzma(raw, entry.size, budget)
    if entry.method not in (8, 12):
        return b"", FaultError(f"zip method {entry.method} is not read")
    return unpack(ZIP_METHODS[entry.method], raw, budget)


def _zip_lzma(raw: Buffer, size: int, budget: Budget) -> tuple[Buffer, FaultError | None]:
    """Unpack zip's own kind of LZMA by giving it the header of a .lzma file."""
    return unpack("lzma", bytes(raw[4:9]) + struct.pack("<Q", size) + bytes(raw[9:]), budget)


# -- tar ----------------------------------------------------------------------------------------


def is_tar(data: Buffer) -> bool:
    """Say whether readers take the data for a tar archive."""
    return bytes(data[257:262]) == b"ustar"


def tar_members(data: Buffer, budget: Budget) -> Iterator[Member]:
    """Yield the regular files of a tar archive; fail on all but files, folders and long names."""
    position, long_name = 0, ""
    while position + 512 <= len(data):
        block = bytes(data[position : position + 512])
        if not any(block):
            _only_zeros(data, position)
            return
        size, kind = _tar_size(block), block[156:157]
        content = data[position + 512 : position + 512 + size]
        if len(content) != size:
            raise FaultError("a tar archive cut short")
        position += 512 + -(-size // 512) * 512
        budget.enter()
        budget.expand(size)
        name = long_name or (block[345:500] + b"/" + block[:100]).replace(b"\0", b"").decode(
            "utf-8", "replace"
        )
        long_name = ""
        if kind == b"L":
            long_name = bytes(content).rstrip(b"\0").decode("utf-8", "replace")
        elif kind in (b"x", b"g"):
            if b" size=" in bytes(content) or b"GNU.sparse" in bytes(content):
                raise FaultError("a tar header that changes the size of a member")
        elif kind in (b"0", b"\0", b"7"):
            yield Member(name.removeprefix("/"), content)
        elif kind != b"5":
            yield Member(name.removeprefix("/"), b"", ("a link, a device or an unknown kind of tar member",))
    raise FaultError("a tar archive without its end")


def _tar_size(block: bytes) -> int:
    blank = block[:148] + b" " * 8 + block[156:]
    try:
        stated = int(block[148:156].strip(b" \0") or b"0", 8)
        size = int(block[124:136].strip(b" \0") or b"0", 8)
    except ValueError:
        raise FaultError("a tar header that cannot be read") from None
    if stated != sum(blank) or size < 0:
        raise FaultError("a tar header whose checksum differs")
    return size


def _only_zeros(data: Buffer, position: int) -> None:
    for begin in range(position, len(data), CHUNK):
        if any(data[begin : begin + CHUNK]):
            raise FaultError("bytes behind the tar archive")
