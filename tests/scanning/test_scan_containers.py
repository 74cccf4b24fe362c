"""Compressed streams and archives: bounds, and what lies."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib

import pytest
from honest_corpus import dumped, folder, zipped
from hostile_corpus import evil, tarred

from trustkit.models.scanning import Limits, scan
from trustkit.models.scanning.containers import compression

PACKERS = {"zlib": zlib.compress, "gzip": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
PACKERS["lzma"] = lambda content: lzma.compress(content, lzma.FORMAT_ALONE)


def why(content: bytes, **limits: int) -> str:
    report = scan(content, limits=Limits(**limits))
    assert report.verdict == "incomplete"
    return " ".join(finding.why for finding in report.findings)


@pytest.mark.parametrize("kind", PACKERS)
def test_compressed_streams(kind: str) -> None:
    packed = PACKERS[kind](dumped(list(range(5000))))
    assert compression(packed) == kind
    assert scan(packed).verdict == "allowed"
    assert scan(packed).facts["kinds"] == {"compressed": 1, "pickle": 1}
    assert scan(PACKERS[kind](evil())).verdict == "dangerous"
    assert "ends too early" in why(packed[:-5])
    assert "behind" in why(packed + b"\x00")
    assert "behind" in why(packed + evil())


@pytest.mark.parametrize("kind", ["zlib", "gzip", "bz2", "xz"])
def test_bombs_are_stopped(kind: str) -> None:
    bomb = PACKERS[kind](bytes(30_000_000))
    report = scan(bomb, limits=Limits(expanded=10_000_000))
    assert report.verdict == "incomplete"
    assert report.cost.expanded < 12_000_000


def test_a_bomb_in_a_zip_is_stopped() -> None:
    bomb = zipped({"a": bytes(9_000_000), "b": bytes(9_000_000)}, zipfile.ZIP_DEFLATED)
    assert "more than 10,000,000 bytes" in why(bomb, expanded=10_000_000)


def test_depth_and_members_are_bounded() -> None:
    deep = dumped([1])
    for _ in range(4):
        deep = gzip.compress(deep)
    assert scan(deep).verdict == "allowed"
    assert "too deep" in why(deep, depth=3)
    assert "more than 5 members" in why(zipped({f"{i}.json": b"{}" for i in range(9)}), members=5)


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_zip_methods(method: int) -> None:
    assert scan(zipped({"a": dumped([1] * 99), "b/": b"", "c.json": b"{}"}, method)).verdict == "allowed"


def test_a_zip_written_as_a_stream(tmp_path) -> None:
    class Pipe:
        def __init__(self) -> None:
            self.content = b""

        def write(self, data: bytes) -> int:
            self.content += data
            return len(data)

        def flush(self) -> None: ...

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.pkl", dumped([1] * 99))
        archive.writestr("b.pkl", dumped([2] * 99))
    assert scan(pipe.content).verdict == "allowed"


def test_places_are_named() -> None:
    inner = zipped({"deep/model": gzip.compress(evil())})
    (finding,) = scan(zipped({"inner.zip": inner})).findings
    assert (finding.kind, finding.what) == ("dangerous", "posix.system")
    assert finding.where.startswith("!inner.zip!deep/model!gzip@")


def test_tar() -> None:
    long = "folder/" * 20 + "model.pkl"
    assert scan(tarred({"a.pkl": dumped([1]), "b.json": b"{}"})).verdict == "allowed"
    assert scan(tarred({"a.pkl": evil()})).verdict == "dangerous"
    assert scan(tarred({long: dumped([1])})).verdict == "allowed"
    whole = tarred({"a.pkl": dumped([1])})
    assert "checksum" in why(whole[:100] + b"1" + whole[101:])
    assert "cut short" in why(whole[:514])


def test_a_folder(tmp_path) -> None:
    folder(tmp_path)
    report = scan(tmp_path)
    assert report.verdict == "allowed"
    assert scan(tmp_path).sha256 == report.sha256
    (tmp_path / "python_model.pkl").write_bytes(evil())
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "own.py").write_text("print('x')\n")
    (tmp_path / "link").symlink_to("/etc/passwd")
    found = {(finding.kind, finding.where.partition("@")[0]) for finding in scan(tmp_path).findings}
    assert found == {
        ("dangerous", "python_model.pkl"),
        ("unknown import", "code/own.py"),
        ("incomplete", "link"),
    }
    assert scan(tmp_path).sha256 != report.sha256


def test_a_large_file_is_mapped(tmp_path) -> None:
    path = tmp_path / "large"
    path.write_bytes(dumped([bytes(65 << 20), "end"]))
    assert scan(path).verdict == "allowed"
    path.write_bytes(path.read_bytes() + evil())
    assert scan(path).verdict == "dangerous"


def test_what_is_no_file_is_not_read() -> None:
    assert scan("/dev/zero").verdict == "incomplete"
