"""Time the classes of a million rows by five columns, beside pandas' own grouping; print a Markdown table.

Run it on a quiet machine: ``python benchmarks/classes.py [--rows 1000000]``.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from trustkit.checks.data_protection.re_identification import re_identification
from trustkit.collectors.classes import classes_of, suggested
from trustkit.frames import Frame

COLUMNS = ["age", "sex", "region", "education", "marital"]
ASKED = ("k", "l_distinct", "t")
TARGET = 2.0
"""Seconds that k, l and t of a million rows by five columns may take."""


def people(rows: int, values: int, *, days: bool) -> pd.DataFrame:
    """Rows with a sensitive attribute of so many values; born on one of 25,000 days, or of one of 72 ages."""
    rng = np.random.default_rng(20261124)
    table = {
        "age": rng.integers(0, 25_000, rows) if days else rng.integers(18, 90, rows),
        "sex": np.array(["f", "m"])[rng.integers(0, 2, rows)],
        "region": np.array([f"region {i}" for i in range(20)])[rng.integers(0, 20, rows)],
        "education": np.array([f"level {i}" for i in range(6)])[rng.integers(0, 6, rows)],
        "marital": np.array([f"status {i}" for i in range(4)])[rng.integers(0, 4, rows)],
        "secret": rng.integers(0, values, rows),
    }
    return pd.DataFrame(table)


def by_pandas(table: pd.DataFrame) -> tuple[int, int, float]:
    """k, distinct l and t at the equal distance, by pandas' grouping alone."""
    sizes = table.groupby(COLUMNS, observed=True).size()
    pairs = table.groupby([*COLUMNS, "secret"], observed=True).size()
    share = pairs / sizes.reindex(pairs.index.droplevel("secret")).to_numpy()
    overall = table["secret"].value_counts(normalize=True)
    more = (share - overall.reindex(share.index.get_level_values("secret")).to_numpy()).clip(lower=0)
    return (
        int(sizes.min()),
        int(pairs.groupby(level=COLUMNS, observed=True).size().min()),
        float(more.groupby(level=COLUMNS, observed=True).sum().max()),
    )


def seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    """Wall time of a call, and what it returned."""
    start = time.perf_counter()
    made = call()
    return time.perf_counter() - start, made


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    print("| rows x 5 columns | classes | collect | judge | pandas' grouping | times faster | evidence |")
    print("|---|---|---|---|---|---|---|")
    slowest = 0.0
    for name, values, days in [
        ("ages, 2 values", 2, False),
        ("ages, 80 values", 80, False),
        ("days of birth, 2 values", 2, True),
    ]:
        table = people(rows, values, days=days)
        frame = Frame.open(table)
        collect, classes = seconds(lambda f=frame: classes_of(f, COLUMNS, sensitive=["secret"]))
        judge, found = seconds(lambda c=classes: re_identification(c, judged=ASKED))
        reference, (k, diverse, t) = seconds(lambda f=table: by_pandas(f))
        told = {each.metric: each.value for each in found}
        if (told["k"], told["l_distinct"]) != (k, diverse) or (values == 2 and abs(told["t"] - t) > 1e-9):
            raise SystemExit(f"{name}: pandas says otherwise")
        size = len(json.dumps(classes.to_json())) / 1e6
        ratio = reference / (collect + judge)
        slowest = max(slowest, collect + judge)
        count = int(classes.sizes()[1].sum())
        cells = [
            name,
            f"{count:,}",
            f"{collect:.2f} s",
            f"{judge:.2f} s",
            f"{reference:.2f} s",
            f"{ratio:.1f}",
        ]
        print(f"| {' | '.join([*cells, f'{size:.1f} MB'])} |")
    looked, _ = seconds(lambda: suggested(frame))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"\nSuggesting the columns: {looked:.3f} s. Peak memory, pandas' grouping included: {peak:.2f} GiB."
    )
    print(f"Slowest of ours: {slowest:.2f} s; the target at a million rows is {TARGET:g} s.")


if __name__ == "__main__":
    main()
