"""Time an audit of a parquet log beside DuckDB's bare group-by, each a fresh process; print a Markdown table.

Run it on a quiet machine: ``python -m benchmarks.parquet [--rows 100000000] [--runs 5] [--log FILE]``. The
log is written first, 13 bytes a row; ``--log`` keeps it, or takes the one that is there.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from benchmarks.logs import decisions
from benchmarks.timing import medians, ratio, seconds, table, versions

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled

GROUP = 1 << 20
SCHEMA = pa.schema(
    {
        "sex": pa.string(),
        "race": pa.string(),
        "score": pa.float64(),
        "truth": pa.int8(),
        "decision": pa.int8(),
        "row": pa.int64(),
    }
)
AUDIT = """
import sys
import trustkit as tk
card = tk.audit(
    data=sys.argv[1], target="truth", prediction="decision", score="score", sensitive=["sex", "race"],
    only=["bias/selection-rate", "bias/error-rates", "safety/calibration"], policy="unga-78-265",
)
"""
QUERY = """
import sys
import duckdb
database = duckdb.connect()
database.execute("SET memory_limit = '700MB'; SET enable_progress_bar = false")
database.execute(
    f"SELECT sex, race, truth, decision, CAST({sys.argv[2]} AS SMALLINT) AS bin, count(*), sum(score), "
    f"sum(score * score) FROM read_parquet('{sys.argv[1]}') GROUP BY ALL"
).fetchnumpy()
"""
PEAK = """
import resource
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
FIRST = math.log(1e-6 / (1 - 1e-6))
STEP = (math.log(0.02 / 0.98) - FIRST) / 200
BINS = {
    "our bins of the score": f"""CASE
        WHEN score >= 0.02 AND score < 0.98 THEN floor(score * 1000) + 181
        WHEN score < 1e-6 THEN 0
        WHEN score < 0.02 THEN floor((ln(score / (1 - score)) - {FIRST}) / {STEP}) + 1
        WHEN score < 1 - 1e-6 THEN 1360 - floor((ln((1 - score) / score) - {FIRST}) / {STEP})
        ELSE 1361 END""",
    "the score in steps of .001": "floor(score / 0.001)",
}
"""What the query groups by beside the keys; without care for rounding at the edges."""


def written(path: Path, rows: int) -> Path:
    """Write a log of two texts, a score, truth, decision and the row's number, unless it is there."""
    if path.exists():
        return path
    with pyarrow.parquet.ParquetWriter(path, SCHEMA) as writer:
        for part, start in enumerate(range(0, rows, GROUP)):
            made = decisions(min(GROUP, rows - start), "categories", part=part)
            made["row"] = np.arange(start, start + len(made))
            writer.write_table(pa.Table.from_pandas(made, preserve_index=False).cast(SCHEMA))
    return path


def process(peaks: list[int], code: str, *given: str) -> Callable[[], None]:
    """A call that runs code in a fresh interpreter, and notes the most memory that it held, in MiB."""

    def call() -> None:
        ran = subprocess.run([sys.executable, "-c", code + PEAK, *given], check=True, capture_output=True)
        peaks.append(int(ran.stdout))

    return call


def main() -> None:
    """Take turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--log", type=Path, help="file of the log, which is written where it is missing")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = written(given.log or Path(folder) / "log.parquet", given.rows)
        peaks: dict[str, list[int]] = {name: [] for name in ("audit", *BINS)}
        calls = {"audit": process(peaks["audit"], AUDIT, str(log))}
        calls |= {name: process(peaks[name], QUERY, str(log), each) for name, each in BINS.items()}
        taken = medians(calls, given.runs)
        rows, size = pyarrow.parquet.read_metadata(log).num_rows, log.stat().st_size
    mine = taken["audit"]
    lines = [
        [
            "selection rates, error rates, calibration: the card" if name == "audit" else f"DuckDB, {name}",
            seconds(each.cpu),
            seconds(each.wall),
            f"{max(peaks[name])} MiB",
            *("" if name == "audit" else ratio(*pair) for pair in zip(mine, each, strict=True)),
        ]
        for name, each in taken.items()
    ]
    print(f"{versions('duckdb', 'pyarrow', 'numpy')}; {rows:,} rows, {size / 1e9:.2f} GB in the cache\n")
    heads = ("what", "processor", "clock", "peak", "the audit takes, processor", "on the clock")
    print(table(heads, lines))


if __name__ == "__main__":
    main()
