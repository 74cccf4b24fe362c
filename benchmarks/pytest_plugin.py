"""Time what the pytest plugin costs a run that does not use it; print the paired differences.

Build the wheel, install it alone in a folder, and run one empty test with and without that folder on the
path, by turns: ``python benchmarks/pytest_plugin.py [--pairs 30]``. It needs build and hatchling.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def installed(folder: Path) -> Path:
    """Folder that holds the installed wheel and nothing else."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    target = folder / "installed"
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", target, wheel]
    subprocess.run(install, check=True, capture_output=True)
    return target


def run(folder: Path, path: str) -> tuple[float, float]:
    """Wall and CPU seconds of a pytest run of one test."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_one.py"]
    environment = {**os.environ, "PYTHONPATH": path}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - started, cpu


def main() -> None:
    """Run pairs and print their differences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=30)
    pairs = parser.parse_args().pairs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        target = str(installed(folder))
        (folder / "test_one.py").write_text("def test_one(): pass\n")
        for path in ("", target):
            run(folder, path)
        seconds: dict[str, list[tuple[float, float]]] = {"": [], target: []}
        for turn in range(pairs):
            for path in ["", target] if turn % 2 else [target, ""]:
                seconds[path].append(run(folder, path))
    for place, what in enumerate(("wall", "CPU")):
        without, beside = ([1e3 * each[place] for each in seconds[path]] for path in ("", target))
        more = statistics.median(b - a for a, b in zip(without, beside, strict=True))
        fastest = min(beside) - min(without)
        print(
            f"{what}: {more:.1f} ms more, median of {pairs} pairs; {fastest:.1f} ms between the fastest runs"
        )


if __name__ == "__main__":
    main()
