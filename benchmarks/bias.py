"""Time the bias checks on a million rows of twelve groups, by what they read; print a Markdown table.

Run it on a quiet machine: ``python benchmarks/bias.py [--rows 1000000]``.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd
import polars as pl

import trustkit as tk
from trustkit.checks import discover
from trustkit.config import Config

COUNTED = [
    "bias/selection-rate",
    "bias/error-rates",
    "bias/predictive-parity",
    "bias/calibration",
    "bias/ranking",
]
DRAWN = {"bias/proxies": "proxies", "bias/subgroups": "slices", "bias/consistency": "neighbors"}
NUMBERS, TEXTS = 14, 6


def log(rows: int) -> pd.DataFrame:
    """Decisions with a score, one attribute of 12 groups, numbers and categories beside them."""
    rng = np.random.default_rng(20261124)
    score = rng.beta(0.8, 1.2, rows)
    columns = {
        "group": np.array([f"g{i:02d}" for i in range(12)])[rng.integers(0, 12, rows)],
        "truth": (rng.random(rows) < score).astype(int),
        "decision": (score >= 0.5).astype(int),
        "score": score,
    }
    columns |= {f"x{i:02d}": rng.normal(size=rows) for i in range(NUMBERS)}
    words = np.array([f"level {i}" for i in range(30)])
    columns |= {f"c{i}": words[rng.integers(0, 30, rows)] for i in range(TEXTS)}
    return pd.DataFrame(columns)


def seconds(call: object) -> tuple[float, object]:
    """Processor time of a call, and what it returned."""
    start = time.process_time()
    made = call()  # type: ignore[operator]
    return time.process_time() - start, made


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    data = log(options.rows)
    system = tk.System(data=data, target="truth", prediction="decision", score="score", sensitive=["group"])
    native = pl.from_pandas(data)
    keys = ("group", "truth", "decision")
    reference = min(seconds(lambda: native.group_by(keys).len())[0] for _ in range(3))
    config = Config.of().replace(policy={"use": ["unga-78-265"]})
    checks, _ = discover()
    lines = []

    took, evidence = seconds(lambda: tk.collect(system, only=["cells"]))
    lines.append(("cells", took))
    cells = evidence.kinds["cells"]
    lines.extend(
        (f"{name}, from cells", seconds(lambda name=name: checks[name](cells, judged=()))[0])
        for name in COUNTED
    )
    took, card = seconds(lambda: tk.judge(evidence, config=config, only=COUNTED))
    lines.append((f"all five checked and judged, {len(card.findings):,} findings", took))
    for name, kind in DRAWN.items():
        took, made = seconds(lambda kind=kind: tk.collect(system, only=[kind]))
        rows = made.costs[0].rows
        lines.append((f"{kind} of {rows:,} rows, for {name}", took))
    print(
        f"{options.rows:,} rows, {data.shape[1]} columns; Polars group-by of three keys: {reference:.3f} s\n"
    )
    print("| what | processor, s | times the group-by |\n|---|---|---|")
    for what, took in lines:
        print(f"| {what} | {took:.2f} | {took / reference:.0f} |")
    drawn = sum(took for what, took in lines if what.split(" ")[0] in DRAWN.values())
    print(f"| subgroups, consistency and proxies together | {drawn:.2f} | {drawn / reference:.0f} |")


if __name__ == "__main__":
    main()
