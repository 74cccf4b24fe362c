"""Measure the artifact scanner: a large forest, a long pickle, many files; each in a process of its own.

``python benchmarks/scanning.py`` prints a table of seconds and peak memory beside the targets.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

MEASURE = """
import resource, sys, time
from pathlib import Path
from trustkit.models.scanning import scan
before = time.perf_counter()
reports = [scan(path) for path in sys.argv[1:]]
seconds = time.perf_counter() - before
status = Path("/proc/self/status")
if status.exists():  # where the peak is not inherited from the parent
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    peak = int(lines["VmHWM"].split()[0]) / 2**10
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
verdicts = sorted({report.verdict for report in reports})
print(seconds, peak, sum(report.cost.opcodes for report in reports), "/".join(verdicts))
"""


RUNS = 5


class Target(NamedTuple):
    """What a case may take."""

    seconds: float
    megabytes: float | None = None


def forest(folder: Path) -> dict[str, tuple[list[Path], Target]]:
    """Dump a forest of some 60 MB plain, compressed and as a pickle."""
    import joblib
    from sklearn.datasets import make_classification
    from sklearn.ensemble import RandomForestClassifier

    X, y = make_classification(20_000, 20, flip_y=0.3, random_state=0)
    model = RandomForestClassifier(150, random_state=0, n_jobs=1).fit(X, y)
    joblib.dump(model, folder / "forest.joblib")
    joblib.dump(model, folder / "forest.joblib.z", compress=3)
    (folder / "forest.pkl").write_bytes(pickle.dumps(model))
    size = (folder / "forest.joblib").stat().st_size / 2**20
    return {
        f"forest, {size:.0f} MB, joblib": ([folder / "forest.joblib"], Target(0.3)),
        f"forest, {size:.0f} MB, pickle": ([folder / "forest.pkl"], Target(0.3)),
        f"forest, {size:.0f} MB, compressed": ([folder / "forest.joblib.z"], Target(0.8)),
    }


def long_pickles(folder: Path) -> dict[str, tuple[list[Path], Target]]:
    """Write pickles of some four million opcodes of different kinds."""
    things = {
        "texts": [f"text number {i}" for i in range(2_000_000)],
        "rows": [(i, f"{i}", i / 7) for i in range(650_000)],
        "mappings": [{"id": i, "name": f"{i}"} for i in range(420_000)],
    }
    cases = {}
    for name, thing in things.items():
        path = folder / f"{name}.pkl"
        path.write_bytes(pickle.dumps(thing, 4))
        cases[f"long pickle of {name}"] = ([path], Target(15.0, 200.0))
    return cases


def many_files(folder: Path) -> dict[str, tuple[list[Path], Target]]:
    """Write a thousand small models."""
    from sklearn.linear_model import LogisticRegression

    content = pickle.dumps(LogisticRegression().fit([[0.0], [1.0]], [0, 1]))
    paths = [folder / f"{number}.pkl" for number in range(1000)]
    for path in paths:
        path.write_bytes(content)
    return {"1,000 files": (paths, Target(5.0))}


def measured(command: list[str]) -> tuple[float, float, int, str]:
    """Run one case and return its seconds, its peak memory, its opcodes and its verdicts."""
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    seconds, peak, opcodes, verdict = output.split(maxsplit=3)
    return float(seconds), float(peak), int(opcodes), verdict.strip()


def main() -> int:
    """Print the table; exit with 1 where a target is missed."""
    missed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = {**forest(folder), **long_pickles(folder), **many_files(folder)}
        print("case                              seconds  target     MB  target    opcodes  verdict")
        for case, (paths, target) in cases.items():
            command = [sys.executable, "-c", MEASURE, *map(str, paths)]
            seconds, peak, opcodes, verdict = min(measured(command) for _ in range(RUNS))
            late = seconds > target.seconds or peak > (target.megabytes or 1e9)
            missed += late
            figures = (
                f"{seconds:8.2f} {target.seconds:7.1f} {peak:6.0f} {target.megabytes or '':>7} {opcodes:10,}"
            )
            print(f"{case:32} {figures}  {verdict}{' MISSED' if late else ''}")
    return int(missed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
