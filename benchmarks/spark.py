"""An audit of a parquet log through Spark beside the bare query of the same keys, in one warm session.

``python -m benchmarks.spark [--rows 10000000] [--runs 7]``, on a quiet machine with Java. Spark compiles what
it runs often, so more rounds go before, which are not counted, than are counted. Time is that of the clock:
the work is done in another process, the JVM. Rows are counted in whole files of a million.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import trustkit as tk
from benchmarks.fairness import KEYS, ONLY, SHARE
from benchmarks.logs import decisions
from benchmarks.timing import medians, ratio, seconds, table, versions

PART = 1_000_000
"""Rows of one file of the log: all files hold the same."""


def session() -> Any:
    """A session of two threads; an audit needs none of these settings."""
    from pyspark.sql import SparkSession

    settings = {"ui.enabled": "false", "ui.showConsoleProgress": "false", "driver.host": "127.0.0.1"}
    builder = SparkSession.builder.master("local[2]").appName("benchmark")
    for key, value in {**settings, "sql.shuffle.partitions": "2"}.items():
        builder = builder.config(f"spark.{key}", value)
    made = builder.getOrCreate()
    made.sparkContext.setLogLevel("OFF")
    return made


def query(frame: Any, *, width: float | None) -> Any:
    """Rows, and sums of the score, by the keys of the audit and, where it has a width, bin of the score."""
    from pyspark.sql import functions as f

    keys = ["sex", "race", "truth", "decision"]
    if width is not None:
        keys.append(f.floor(f.col("score") / width).alias("bin"))
    sums = [f.sum("score").alias("s"), f.sum(f.col("score") * f.col("score")).alias("q")]
    return frame.groupBy(*keys).agg(f.count("*").alias("n"), *sums).collect()


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        part = decisions(PART, "text")
        files = max(1, given.rows // PART)
        for number in range(files):
            part.to_parquet(Path(folder) / f"{number:05}.parquet", index=False)
        spark = session()
        frame = spark.read.parquet(folder)
        calls = {
            "audit": partial(tk.audit, data=frame, **KEYS, only=ONLY, policy="unga-78-265"),
            "bins": partial(query, frame, width=SHARE),
            "keys": partial(query, frame, width=None),
        }
        medians(calls, given.runs)
        taken = medians(calls, given.runs)
        spark.stop()
    print(f"{versions('pyspark', 'pandas', 'pyarrow')}; {files * PART:,} rows, medians of {given.runs}\n")
    rows = [
        (what, seconds(taken[name].wall), ratio(taken["audit"].wall, taken[name].wall))
        for name, what in (
            ("audit", "the audit of three checks, to the judged card"),
            ("bins", "Spark, the keys and bins of the score of .001"),
            ("keys", "Spark, the keys"),
        )
    ]
    print(table(("what", "clock", "the audit in times of it"), rows))


if __name__ == "__main__":
    main()
