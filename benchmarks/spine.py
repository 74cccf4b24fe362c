"""Time the spine beside named references, in one run; print a Markdown table.

Run it on a quiet machine: ``python benchmarks/spine.py [--rows 1000000] [--without-metricframe]``.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

import trustkit as tk
from trustkit.judging.claims import figure_intervals

ONLY = ["bias/selection-rate", "bias/error-rates"]
POLICY = "fairness-baseline"
SAMPLE = str(Path(__file__).resolve().parents[1] / "examples" / "ci")
KEYS = {"target": "truth", "prediction": "decision", "sensitive": ["sex", "race"]}


def median(call: Callable[[], object], runs: int = 9) -> float:
    """Median wall time of a call in seconds, after one call to warm up."""
    call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def process(*command: str) -> Callable[[], object]:
    """A call that runs a fresh interpreter."""
    return lambda: subprocess.run([sys.executable, *command], check=True, capture_output=True)


def frame(rows: int, *, categories: bool) -> pd.DataFrame:
    """A log of two attributes, 12 groups, as text or categories."""
    rng = np.random.default_rng(20261101)
    made = pd.DataFrame(
        {
            "sex": np.array(["female", "male"])[rng.integers(0, 2, rows)],
            "race": np.array(["asian", "black", "hispanic", "native", "other", "white"])[
                rng.integers(0, 6, rows)
            ],
            "truth": rng.integers(0, 2, rows),
            "decision": rng.integers(0, 2, rows),
        }
    )
    return made.astype({"sex": "category", "race": "category"}) if categories else made


def figures(data: pd.DataFrame) -> list[tuple[float, float]]:
    """Every figure of the two checks, single groups and intersections, with its interval."""
    from trustkit.checks.bias.error_rates import error_rates
    from trustkit.checks.bias.selection_rate import selection_rate

    cells = tk.collect(tk.System(data=data, **KEYS), only=["cells"]).kinds["cells"]
    judged = {"ratio", "difference", "tpr_difference", "fpr_difference"}
    return figure_intervals([*selection_rate(cells, judged=judged), *error_rates(cells, judged=judged)], 0.05)


def metric_frame(data: pd.DataFrame) -> object:
    """Six rates by group from fairlearn, of which three are complements: no interval, no disparity."""
    from fairlearn import metrics as fm
    from sklearn.metrics import accuracy_score

    rates = (
        "selection_rate",
        "true_positive_rate",
        "false_positive_rate",
        "true_negative_rate",
        "false_negative_rate",
    )
    return fm.MetricFrame(
        metrics={"accuracy": accuracy_score, **{name: getattr(fm, name) for name in rates}},
        y_true=data["truth"],
        y_pred=data["decision"],
        sensitive_features=data[["sex", "race"]],
    ).by_group


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--without-metricframe", action="store_true")
    options = parser.parse_args()
    lines: list[tuple[str, float, str, float]] = []

    bare = median(process("-c", "pass"))
    for name, command in (
        ("import trustkit", ("-c", "import trustkit")),
        ("--help", ("-m", "trustkit.cli", "--help")),
    ):
        lines.append((name, median(process(*command)), "bare interpreter", bare))
    checked = median(process("-m", "trustkit.cli", "check-config", SAMPLE))
    lines.append(("check-config", checked, "1 s", 1.0))

    small = frame(2000, categories=False)
    roles = {"target": "truth", "prediction": "decision", "sensitive": ["race"]}
    for policy in (POLICY, "unga-78-265"):
        warm = median(lambda policy=policy: tk.audit(data=small, **roles, policy=policy))
        lines.append((f"audit of 2,000 rows, one attribute, {policy}", warm, "50 ms", 0.05))

    for kind, categories in (("text", False), ("categories", True)):
        data = frame(options.rows, categories=categories)
        native = pl.from_pandas(data)
        group_by = median(lambda native=native: native.group_by("sex", "race", "truth", "decision").len())
        seen = median(lambda data=data: figures(data))
        card = median(lambda data=data: tk.audit(data=data, **KEYS, only=ONLY, policy=POLICY))
        what = f"{options.rows:,} rows, {kind}"
        lines.append((f"figures with intervals, {what}", seen, "Polars group-by", group_by))
        lines.append((f"card, {what}", card, "Polars group-by", group_by))
        if not options.without_metricframe:
            peer = median(lambda data=data: metric_frame(data), runs=1)
            lines.append((f"figures with intervals, {what}", seen, "fairlearn MetricFrame", peer))

    names = ("trustkit-audit", "fairlearn", "polars", "pandas", "pyarrow", "numpy", "scipy")
    print(f"Python {platform.python_version()}, " + ", ".join(f"{n} {_version(n)}" for n in names) + "\n")
    print("| what | median | reference | its median | ratio |\n|---|---|---|---|---|")
    for what, mine, reference, theirs in lines:
        print(f"| {what} | {mine * 1e3:.1f} ms | {reference} | {theirs * 1e3:.1f} ms | {mine / theirs:.3g} |")


def _version(name: str) -> str:
    return tk.__version__ if name == "trustkit-audit" else version(name)


if __name__ == "__main__":
    main()
