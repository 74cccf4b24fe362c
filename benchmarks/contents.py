"""Time the search for personal data of a million rows by thirty columns of a file; print a Markdown table.

Run it on a quiet machine: ``python benchmarks/contents.py [--rows 1000000]``.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from trustkit.collectors.contents import columns_of
from trustkit.detectors import detectors
from trustkit.detectors.columns import distinct
from trustkit.detectors.content import Content
from trustkit.detectors.detector import examine
from trustkit.detectors.values import Values
from trustkit.frames import Frame

TARGET_SECONDS, TARGET_BYTES = 10.0, 1 << 30

WORDS = np.array(
    ["оплата", "заявка", "принята", "в работе", "клиент", "good", "service", "will", "come again"]
)


def table(rows: int) -> pa.Table:
    """Thirty columns: ten of numbers, eight of few labels, twelve of texts that are all different."""
    rng = np.random.default_rng(20261124)
    number = rng.integers(0, 10**12, rows)
    text = number.astype("U12")
    made: dict[str, Any] = {}
    for at in range(5):
        made[f"float{at}"] = rng.normal(size=rows)
        made[f"id{at}"] = rng.integers(10**11, 10**12, rows)
    for at in range(8):
        made[f"label{at}"] = pa.array(np.array(["a", "b", "c", "long label"])[rng.integers(0, 4, rows)])
    for at in range(4):
        made[f"code{at}"] = pa.array(np.char.add(f"K{at}-", text))
        made[f"email{at}"] = pa.array(np.char.add(np.char.add("user", text), "@example.com"))
        made[f"remark{at}"] = pa.array(_sentences(rng, rows, text))
    return pa.table(made)


def _sentences(rng: np.random.Generator, rows: int, text: Any) -> Any:
    made = text
    for _ in range(4):
        made = np.char.add(np.char.add(WORDS[rng.integers(0, len(WORDS), rows)], " "), made)
    return made


def peak() -> int:
    """Largest resident size of this process so far, in bytes; on Linux without its parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def per_detector(path: Path) -> dict[str, float]:
    """Seconds of the slowest parts of a search, over all columns."""
    frame, spent = Frame.open(path), dict.fromkeys(("distinct", "content"), 0.0)
    for name in frame.columns:
        start = time.perf_counter()
        values: Values = distinct(frame, name)
        spent["distinct"] += time.perf_counter() - start
        start = time.perf_counter()
        content = Content.of(name, values)
        content.tokens(12), content.words, content.latin
        spent["content"] += time.perf_counter() - start
        for each in detectors():
            start = time.perf_counter()
            examine(content, [each])
            spent[each.name] = spent.get(each.name, 0.0) + time.perf_counter() - start
    return dict(sorted(spent.items(), key=lambda item: -item[1])[:8])


def main() -> None:
    """Write the table, search it, and print what that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--file", type=Path, help="search this file, and make none")
    given = parser.parse_args()
    if given.file is None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "table.parquet"
            pyarrow.parquet.write_table(table(given.rows), path)
            subprocess.run([sys.executable, __file__, "--file", str(path)], check=True)
        return
    detectors()
    started, before = time.perf_counter(), peak()
    frame = Frame.open(given.file)
    read, held = time.perf_counter() - started, peak() - before
    found = columns_of(frame, "audit")
    took, memory = time.perf_counter() - started, peak() - before
    hits = sum(any(hit.proven for hit in column.hits.values()) for column in found.values())
    print("| rows x columns | read | read and searched | memory, read | read and searched | with a finding |")
    print("|---|---|---|---|---|---|")
    size = f"{held / 2**20:,.0f} MiB | {memory / 2**20:,.0f} MiB"
    print(f"| {frame.rows:,} x {len(found)} | {read:.1f} s | {took:.1f} s | {size} | {hits} |")
    slowest = per_detector(given.file).items()
    print("\nslowest: " + ", ".join(f"{name} {spent:.2f} s" for name, spent in slowest))
    if took > TARGET_SECONDS or memory > TARGET_BYTES:
        raise SystemExit("slower, or larger, than it may be")


if __name__ == "__main__":
    main()
