"""The walk over pickle opcodes against Python's own unpickler, and its refusals one by one."""

from __future__ import annotations

import pickle
import struct
from typing import TYPE_CHECKING

import pytest
from hostile_corpus import evil, stack_global, text
from reference_unpickler import imports

from trustkit.models.scanning import Limits, scan
from trustkit.models.scanning.pickles import Trace, Walk
from trustkit.models.scanning.report import Budget, FaultError

if TYPE_CHECKING:
    from honest_corpus import Honest
    from hostile_corpus import Hostile


def walk(content: bytes) -> Trace:
    trace = Trace()
    assert Walk(content, 0, Budget(), trace).run() == len(content)
    return trace


def fault(content: bytes) -> str:
    with pytest.raises(FaultError) as caught:
        Walk(content, 0, Budget(), Trace()).run()
    return str(caught.value)


@pytest.mark.end_to_end
def test_imports_are_those_of_python_itself(honest: list[Honest]) -> None:
    pickles = [file for file in honest if file.name.endswith(".pkl") and file.origin != "two-pickles"]
    assert len(pickles) > 200
    for file in pickles:
        assert set(scan(file.content).facts["imports"]) == imports(file.content), file.name


def test_no_import_of_a_hostile_pickle_is_missed(hostile: list[Hostile]) -> None:
    for file in hostile:
        report = scan(file.content)
        assert imports(file.content) <= set(report.facts["imports"]) or report.verdict != "allowed"


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol(protocol: int) -> None:
    trace = walk(evil(protocol))
    assert list(trace.imports) == list(trace.calls)
    assert next(iter(trace.imports))[1] == "system"


@pytest.mark.parametrize("protocol", range(6))
def test_all_plain_values(protocol: int) -> None:
    values = [None, True, 1, -1, 300, 70_000, 1 << 40, 1 << 3000, 1.5, "a", "b" * 300, b"c", b"d" * 300]
    shared = [1, {"a": (1, 2, 3, 4)}, {2}, frozenset([3])]
    content = pickle.dumps([*values, shared, shared, bytearray(b"x")], protocol)
    assert set(walk(content).imports) == imports(content)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "ends before"),
        (b"\x80\x06N.", "protocol 6"),
        (b"\x80\x04\xff", "no opcode"),
        (b"\x80\x04.", "not there"),
        (b"\x80\x04N(R.", "not there"),
        (b"\x80\x04h\x00.", "not there"),
        (b"\x80\x04Nq\x05h\x02.", "never filled"),
        (b"cos\nsystem", "ends before"),
        (b"\x80\x04X\xff\x00\x00\x00a", "ends before"),
        (b"\x80\x04\x95" + struct.pack("<Q", 99) + b"N.", "length that lies"),
        (b"\x80\x04\x95" + struct.pack("<Q", 1) + b"K\x01.", "end of its frame"),
        (b"g-1\n.", "never filled"),
        (b"gx\n.", "number"),
    ],
)
def test_faults(content: bytes, why: str) -> None:
    assert why in fault(content)


def test_names_go_through_memo_and_python_2_names_through_the_mapping() -> None:
    swapped = b"\x80\x04" + text("dtype") + b"\x940" + text("numpy") + b"\x940h\x01h\x00\x93."
    assert list(walk(swapped).imports) == [("numpy", "dtype")]
    assert list(walk(b"c__builtin__\neval\n.").imports) == [("builtins", "eval")]
    assert list(walk(b"\x80\x03c__builtin__\neval\n.").imports) == [("__builtin__", "eval")]


def test_reads_of_attributes() -> None:
    method = b"\x80\x04" + stack_global("builtins", "getattr") + b"]" + text("append") + b"\x86R."
    assert scan(method).verdict == "unknown import"
    assert scan(method.replace(b"append", b"__init")).verdict == "dangerous"
    assert scan(method.replace(b"]", stack_global("numpy", "ndarray"))).verdict == "dangerous"


def test_a_call_is_judged_apart_from_a_reference() -> None:
    reference = b"\x80\x04" + stack_global("numpy", "mean") + b"."
    assert scan(reference).verdict == "allowed"
    assert scan(reference[:-1] + b")R.").verdict == "unknown import"


def test_limits() -> None:
    content = pickle.dumps(list(range(100_000)))
    assert scan(content).verdict == "allowed"
    assert scan(content, limits=Limits(opcodes=50_000)).verdict == "incomplete"
    assert scan(content, limits=Limits(seconds=0.0)).verdict == "incomplete"
    many = b"\x80\x02" + b"".join(b"cm\nn%d\n0" % i for i in range(2000)) + b"N."
    report = scan(many)
    assert len(report.findings) == 1001
    assert report.verdict == "incomplete"


def test_sharing_is_no_expansion() -> None:
    leaf = {"a": [1, 2, 3]}
    content = pickle.dumps([[leaf] * 100 for _ in range(100)])
    assert scan(content).verdict == "allowed"


def test_facts() -> None:
    from sklearn import __version__
    from sklearn.linear_model import Ridge

    for protocol in range(6):
        facts = scan(pickle.dumps(Ridge().fit([[1], [2]], [1, 2]), protocol)).facts
        assert facts["versions"] == {"scikit-learn": [__version__]}
        assert facts["kinds"] == {"pickle": 1}
        assert facts["strings"] > 5


def test_text_values_are_handed_to_whoever_asks_and_are_in_no_report():
    held = {"name": "Гулнора Раҳимова", "mail": "g@example.org", "n": 3, "raw": b"bytes", "long": "x" * 300}
    for protocol in range(6):
        found: list[str] = []
        report = scan(pickle.dumps(held, protocol), texts=found)
        assert {"name", "Гулнора Раҳимова", "g@example.org", "x" * 300} <= set(found)
        assert report.facts["strings"] >= len(held)
        assert "example.org" not in repr(report)
