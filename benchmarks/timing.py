"""Medians of processor and wall time, of calls that take turns; tables of them in Markdown."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from typing import NamedTuple

THREADS = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "POLARS_MAX_THREADS": "2"}
os.environ |= THREADS  # of which a pool is made when a library is first imported


class Taken(NamedTuple):
    """Seconds that a call took: of the processor, of all threads and child processes, and on the clock."""

    cpu: float
    wall: float


def medians(calls: Mapping[str, Callable[[], object]], runs: int = 9) -> dict[str, Taken]:
    """Medians of each call, taken in turn after one round to warm up; of a single run, that run."""
    taken: dict[str, list[Taken]] = {name: [] for name in calls}
    for turn in range(runs if runs == 1 else runs + 1):
        for name, call in calls.items():
            cpu, wall = _processor(), time.perf_counter()
            call()
            if turn or runs == 1:
                taken[name].append(Taken(_processor() - cpu, time.perf_counter() - wall))
    return {name: Taken(*map(statistics.median, zip(*each, strict=True))) for name, each in taken.items()}


def process(*command: str) -> Callable[[], object]:
    """A call that runs a fresh interpreter, or the program that is named first."""
    program = command if os.sep in command[0] else (sys.executable, *command)
    return lambda: subprocess.run(program, check=True, capture_output=True)


def table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Rows under their heads."""
    lines = [[*heads], ["---"] * len([*heads]), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def seconds(value: float) -> str:
    """Seconds of three digits, in ms below one second."""
    return f"{value:.3g} s" if value >= 1 else f"{value * 1e3:.3g} ms"


def ratio(mine: float, theirs: float) -> str:
    """How many times as long, or how many times faster."""
    times = mine / theirs
    return f"{times:.2f}" if times > 0.1 else f"1 / {theirs / mine:,.0f}"


def versions(*names: str) -> str:
    """Python's version and those of libraries."""
    return f"Python {sys.version.split()[0]}, " + ", ".join(f"{name} {version(name)}" for name in names)


def _processor() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)
