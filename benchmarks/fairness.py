"""Time rates, disparities and calibration with their intervals beside bare queries; print Markdown tables.

Run it on a quiet machine: ``python -m benchmarks.fairness [--largest 100000000] [--without-metricframe]``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

import trustkit as tk
from benchmarks.logs import KINDS, decisions, many_groups
from benchmarks.peers import fairness_fairlearn
from benchmarks.timing import Taken, medians, ratio, seconds, table, versions

ONLY = ["bias/selection-rate", "bias/error-rates", "safety/calibration"]
JUDGED = {"ratio", "difference", "tpr_difference", "fpr_difference", "gap", "rmsce"}
ROLES = {"target": "truth", "prediction": "decision"}
KEYS = {**ROLES, "score": "score", "sensitive": ["sex", "race"]}
UNSCORED = {**ROLES, "sensitive": ["sex", "race"]}
SHARE = 0.001
"""Width of the reference's bins of the score."""


def figures(data: pd.DataFrame, keys: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Every figure of the checks, of single groups and intersections, with its interval."""
    from trustkit.checks.bias.error_rates import error_rates
    from trustkit.checks.bias.selection_rate import selection_rate
    from trustkit.checks.safety.calibration import calibration
    from trustkit.judging.claims import figure_intervals

    cells = tk.collect(tk.System(data=data, **keys), only=["cells"]).kinds["cells"]
    checks = [selection_rate, error_rates, *([calibration] if "score" in keys else [])]
    estimates = [made for check in checks for made in check(cells, judged=JUDGED)]
    return figure_intervals(estimates, 0.05)


def six_rates(data: pd.DataFrame) -> tuple[Any, list[Any]]:
    """The six rates of the groups of both attributes, shape (6, groups), each with its interval."""
    from trustkit.measure.rates import rate

    cells = tk.collect(tk.System(data=data, **UNSCORED), only=["cells"]).kinds["cells"]
    counts = cells.table(("sex", "race"))
    told, yes = counts.predicted_positive, counts.truth_positive
    no = counts.truth_known & ~yes
    parts = [(counts.correct, yes | no), (told, yes | no), (told, yes), (told, no), (~told, no), (~told, yes)]
    rates = [rate(counts, counted, among) for counted, among in parts]
    return np.array([each.value for each in rates]), [
        (each.limits.lower(0.05), each.limits.upper(0.05)) for each in rates
    ]


def group_by(native: pl.DataFrame, names: list[str], *, scored: bool) -> Callable[[], pl.DataFrame]:
    """The bare query: rows by the same keys; with the score, its bin is one of them."""
    keys: list[Any] = [*names, "truth", "decision"]
    if scored:
        keys.append((pl.col("score") / SHARE).floor().cast(pl.Int16).alias("bin"))
    return lambda: native.group_by(keys).len()


def bincount(data: pd.DataFrame, names: list[str]) -> Callable[[], Any]:
    """The limit: numpy's count of one key a row, whose codes are there already."""
    columns = [pd.factorize(data[name])[0].astype(np.int64) for name in [*names, "truth", "decision"]]
    sizes = [int(column.max()) + 1 for column in columns]

    def call() -> Any:
        key = columns[0]
        for column, size in zip(columns[1:], sizes[1:], strict=True):
            key = key * size + column
        return np.bincount(key, minlength=int(np.prod(sizes)))

    return call


def line(what: str, mine: Taken, reference: str, theirs: Taken) -> list[str]:
    """One line of a table."""
    ratios = [ratio(ours, other) for ours, other in zip(mine, theirs, strict=True)]
    return [what, seconds(mine.cpu), reference, seconds(theirs.cpu), *ratios]


def beside_queries(rows: int) -> list[list[str]]:
    """Ours, with and without a score, beside queries and the limit, by kind of column."""
    lines = []
    for kind in KINDS:
        data = decisions(rows, kind)
        native = pl.from_pandas(data)
        taken = medians(
            {
                "rates": lambda data=data: figures(data, UNSCORED),
                "all": lambda data=data: figures(data, KEYS),
                "card": lambda data=data: tk.audit(data=data, **KEYS, only=ONLY, policy="unga-78-265"),
                "keys": group_by(native, ["sex", "race"], scored=False),
                "bins": group_by(native, ["sex", "race"], scored=True),
                "limit": bincount(data, ["sex", "race"]),
            }
        )
        what = f"{rows:,} rows, {kind}"
        lines += [
            line(f"rates, {what}", taken["rates"], "Polars, 4 keys", taken["keys"]),
            line(f"rates, {what}", taken["rates"], "bincount of codes", taken["limit"]),
            line(f"rates and calibration, {what}", taken["all"], "Polars, 4 keys and bin", taken["bins"]),
            line(f"rates and calibration, {what}", taken["all"], "Polars, 4 keys", taken["keys"]),
            line(f"card of them, {what}", taken["card"], "Polars, 4 keys and bin", taken["bins"]),
        ]
    return lines


def beside_metricframe(rows: int) -> list[list[str]]:
    """Ours beside fairlearn's frame of six rates, by kind of column."""
    lines: list[list[str]] = []
    told: list[Any] = []
    for kind in ("text", "categories"):
        data = decisions(rows, kind)
        taken = medians(
            {"all": lambda data=data: figures(data, KEYS), "six": lambda data=data: six_rates(data)}
        )
        peer = fairness_fairlearn(rows, kind)
        theirs = medians({"theirs": lambda peer=peer: told.append(peer())}, 1)["theirs"]
        if not np.allclose(six_rates(data)[0], told[-1].to_numpy().T):
            raise SystemExit(f"fairlearn says otherwise of {kind}")
        what, reference = f"{rows:,} rows, {kind}", "MetricFrame, six rates, one run"
        lines.append(line(f"six rates with intervals, {what}", taken["six"], reference, theirs))
        lines.append(line(f"rates and calibration, {what}", taken["all"], reference, theirs))
    return lines


def scaling(largest: int) -> list[list[str]]:
    """Ours beside the query, from few rows and groups to many, of integers."""
    cases = [(rows, 12) for rows in (10**4, 10**5, 10**6, 10**7, 10**8) if rows <= largest]
    cases += [(10**6, groups) for groups in (2, 20, 200, 2000)]
    lines = []
    for rows, groups in cases:
        names = ["sex", "race"] if groups == 12 else ["group"]
        data = decisions(rows, "integers") if groups == 12 else many_groups(rows, groups)
        native = pl.from_pandas(data)
        keys = {**KEYS, "sensitive": names}
        calls = {
            "ours": lambda data=data, keys=keys: figures(data, keys),
            "query": group_by(native, names, scored=True),
        }
        taken = medians(calls, 1 if rows >= 10**8 else 3 if rows >= 10**7 else 9)
        what = f"{rows:,} rows, {groups} groups"
        lines.append(line(what, taken["ours"], "Polars, the keys and bin", taken["query"]))
    return lines


def main() -> None:
    """Run everything and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--largest", type=int, default=10_000_000, help="rows that scaling goes up to")
    parser.add_argument("--without-metricframe", action="store_true")
    given = parser.parse_args()
    print(f"{versions('fairlearn', 'polars', 'pandas', 'pyarrow', 'numpy')}, trustkit {tk.__version__}\n")
    lines = beside_queries(given.rows)
    if not given.without_metricframe:
        lines += beside_metricframe(given.rows)
    heads = ("what", "processor", "reference", "its processor", "ratio", "ratio on the clock")
    print(f"{table(heads, lines)}\n\n{table(heads, scaling(given.largest))}")


if __name__ == "__main__":
    main()
