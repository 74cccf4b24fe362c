"""Plant faults, and say which of them trustkit, deepchecks and giskard 2 find; print a Markdown table.

``PYTHONPATH=. python benchmarks/planted.py [--seeds 5] [--deepchecks PYTHON] [--giskard PYTHON]``: each is
run by the interpreter of an environment of its own. What is not given is not run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import trustkit as tk
from trustkit.config import Config

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "simulation"))

from faults import FAULTS, Planted  # noqa: E402

ALPHA, STRICT = 0.05, 0.05 / 30
"""A clean twin is judged at the whole level, a fault at what is left to one control among thirty."""

SLICES = ("safety/weak-slices", "excess_error")
CLAIMS = {
    "weak slice, a label": SLICES,
    "weak slice, a numeric tail": SLICES,
    "weak slice, two conditions": SLICES,
    "2 % of training rows copied into the audit": ("safety/leakage", "shared"),
    "target copied into an input, 1 % noise": ("safety/leakage", "single_auc"),
    "an input moved by half a standard deviation": ("safety/shift", "ks"),
    "logits doubled": ("safety/calibration", "rmsce"),
    "wrong sign where the income is missing": ("safety/robustness", "stray"),
    "a decision that changes by chance": ("safety/reproducibility", "changed"),
    "a bump where the score has to rise": ("safety/invariances", "violations"),
    "an integer that the model is brittle to": ("safety/robustness", "column_flip"),
}
"""The check and its metric that speak of each fault."""


def failed(planted: Planted, seed: int, check: str, alpha: float) -> set[str]:
    """Metrics of a check that fail."""
    roles = {name: value for name, value in planted._asdict().items() if value is not None}
    model, data = roles.pop("model", None), roles.pop("audit")
    roles |= {"favorable": 1, "seed": seed, "as_of": "2026-11-24"}
    rising = [{"column": "age", "direction": "increasing"}] if model is not None else []
    config = Config.of(expectations=rising)
    card = tk.audit(model, data, config=config, only=[check], alpha=alpha, **roles)
    return {found.metric for found in card.findings if found.check == check and found.verdict == "fail"}


def trustkit(seeds: int) -> dict[str, dict[str, list[int]]]:
    """By fault and check, in how many runs it is found, and how many clean twins fail by any metric."""
    told = {}
    for fault, (check, metric) in CLAIMS.items():
        made = FAULTS[fault]
        found = sum(metric in failed(made(seed, True), seed, check, STRICT) for seed in range(seeds))
        alarms = sum(bool(failed(made(seed, False), seed, check, ALPHA)) for seed in range(seeds))
        told[fault] = {check: [found, alarms]}
        print(fault, told[fault], file=sys.stderr)
    return told


def peer(library: str, interpreter: Path, seeds: int) -> dict[str, Any]:
    """What another library's script prints, run in its own environment."""
    command = [str(interpreter), str(HERE / f"planted_{library}.py"), str(seeds)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(ran.stdout.splitlines()[-1])


def cell(told: dict[str, list[int] | None] | None) -> str:
    """Of every check of a library that can speak of a fault: runs found, and clean twins that failed."""
    if not told:
        return "no such check"
    said = {name: "shown, no limit" if of is None else f"{of[0]}, {of[1]}" for name, of in told.items()}
    return "; ".join(f"`{name}` {text}" for name, text in said.items())


def main() -> None:
    """Run what is given and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    for library in ("deepchecks", "giskard"):
        parser.add_argument(f"--{library}", type=Path, help="interpreter that has it; not run without")
    given = parser.parse_args()
    columns = {f"trustkit {tk.__version__}": trustkit(given.seeds)}
    for library in ("deepchecks", "giskard"):
        interpreter = getattr(given, library)
        told = peer(library, interpreter, given.seeds) if interpreter else {"version": library}
        columns[told["version"]] = told.get("faults")
    print(f"| planted, {given.seeds} seeds | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for fault in FAULTS:
        cells = ["not run" if each is None else cell(each.get(fault)) for each in columns.values()]
        print(f"| {fault} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
