"""Mutated files: no crash, no hang, and nothing passes that would import what is not listed."""

from __future__ import annotations

import random
import struct
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hostile_corpus import text
from reference_unpickler import imports, imports_in_c

from trustkit.models.scanning import scan
from trustkit.models.scanning.allowlist import Allowlist
from trustkit.models.scanning.arrays import WRAPPER
from trustkit.models.scanning.scanner import _ARRAY_PARTS

if TYPE_CHECKING:
    from honest_corpus import Honest
    from hostile_corpus import Hostile

LONGEST = 20_000
SLOWEST = 2.0


def mutated(content: bytes, other: bytes, rng: random.Random) -> bytes:
    """Change a few bytes, or move, repeat, drop or splice a piece."""
    out = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(out) + 1)
        size = min(len(out) - at, rng.choice((1, 2, 8, 64)))
        piece = bytes(out[at : at + size])
        kind = rng.randrange(7)
        if kind == 0 and size:
            out[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            out[at : at + size] = rng.randbytes(size)
        elif kind == 2:
            del out[at : at + size]
        elif kind == 3:
            out[at:at] = piece
        elif kind == 4:
            out[at:at] = rng.randbytes(rng.choice((1, 4)))
        elif kind == 5:
            start = rng.randrange(len(other) + 1)
            out[at : at + size] = other[start : start + size]
        else:
            out[at : at + size] = bytes([rng.choice(b"\x80\x95\x94\x93.(0Rhcq\xff\x00")]) * size
    return bytes(out)


def fuzz(contents: list[bytes], count: int, seed: int) -> Counter[str]:
    """Scan mutations and return how many of each verdict there were.

    What is allowed must be so in truth: Python's own unpickler imports nothing unlisted from it. (In
    a file of joblib's it goes astray behind the first array, and asks other modules for parts of arrays.)
    """
    rng, listed, seen = random.Random(seed), Allowlist(), Counter()  # noqa: S311
    for _ in range(count):
        content = mutated(rng.choice(contents), rng.choice(contents), rng)
        started = time.perf_counter()
        verdict = scan(content).verdict
        assert time.perf_counter() - started < SLOWEST, content
        seen[verdict] += 1
        if verdict == "allowed":
            unlisted = {name for name in imports(content) if listed.judge(*name)}
            astray = {name for name in unlisted if WRAPPER in imports(content) and is_noise(*name)}
            assert unlisted <= astray, content
    return seen


def is_noise(module: str, name: str) -> bool:
    """Say whether an import is one that an honest array makes of opcodes, or that no module can answer."""
    return name in _ARRAY_PARTS or not module.partition(".")[0].isidentifier()


def small(files: list[Hostile] | list[Honest]) -> list[bytes]:
    """Keep pickles and archives; a changed letter makes another format's operator a harmless one."""
    named = ("protobufs", "keras", "texts", "tensors")
    return [
        file.content for file in files if len(file.content) <= LONGEST and not file.name.startswith(named)
    ]


def test_mutated_hostile_files(hostile: list[Hostile]) -> None:
    verdicts = fuzz(small(hostile), 3_000, 0)
    assert verdicts["allowed"] <= 0.002 * verdicts.total()


@pytest.mark.end_to_end
def test_mutated_honest_files(honest: list[Honest]) -> None:
    assert fuzz(small(honest)[::7], 1_000, 1).total() == 1_000


def program(rng: random.Random) -> bytes:
    """Write a random pickle of opcodes that move names about.

    None has a four-byte slot: read over the end of a frame that lies, it makes C fill the memory.
    """
    body = b"".join(_instruction(rng) for _ in range(rng.randrange(4, 40)))
    if rng.random() < 0.3:
        length = len(body) + rng.choice((0, 0, 0, 1, -1, -3, -9))
        body = b"\x95" + struct.pack("<Q", max(0, length)) + body
    return (
        b"\x80" + bytes([rng.choice((2, 3, 4, 5))]) + text("os") * 2 + b"(" + text("eval") * 2 + body + b"."
    )


def _instruction(rng: random.Random) -> bytes:
    name = rng.choice(("os", "numpy", "dtype", "system", "ndarray", "eval"))
    slot = bytes([rng.randrange(4)])
    choices = [text(name)] * 4 + [b"\x93"] * 4 + [b"\x94", b"q" + slot, b"h" + slot] * 2
    choices += [
        b"0",
        b"1",
        b"2",
        b"(",
        b"t",
        b"\x85",
        b"\x86",
        b"\x87",
        b")",
        b"]",
        b"}",
        b"N",
        b"a",
        b"e",
        b"s",
    ]
    choices += [b"R", b"\x81", b"b", b"o", b"l", b"d", b"Q", b"\x8f", b"\x90", b"\x91", b"K\x01", b"\x80\x02"]
    choices += [f"c{name}\n{name}\n".encode(), f"i{name}\n{name}\n".encode(), f"S'{name}'\n".encode()]
    return rng.choice(choices)


def agree(count: int, seed: int) -> int:
    """Compare the names seen by the scanner with those Python imports; return how many programs import."""
    rng, importing = random.Random(seed), 0  # noqa: S311
    for _ in range(count):
        content = program(rng)
        report = scan(content)
        seen = set(report.facts["imports"])
        for reference in (imports(content), imports_in_c(content)):
            importing += bool(reference)
            frames = any("frame" in finding.why for finding in report.findings)
            assert reference <= seen or frames, content
            assert report.verdict != "allowed" or reference <= seen, content
    return importing


def test_random_programs() -> None:
    assert agree(3_000, 0) > 500


@pytest.mark.slow
def test_many_random_programs() -> None:
    assert agree(100_000, 1) > 20_000


@pytest.mark.slow
def test_many_mutated_files(honest: list[Honest], hostile: list[Hostile]) -> None:
    assert fuzz(small(hostile), 150_000, 2)["allowed"] <= 300
    assert fuzz(small(honest), 50_000, 3).total() == 50_000
