"""Time what a monitor costs beside the bare model: on the caller's path, of all processors, and in memory.

``python -m benchmarks.monitor`` prints the tables of docs/speed.md. Calls of the bare and of the watched
model take turns, and what is told is the median of the differences; time is that of the processor.
``python benchmarks/monitor.py --peers`` times whylogs and river, where they are installed, and needs
nothing of trustkit.
"""

from __future__ import annotations

import argparse
import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # of which a pool is made on import

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

INPUTS = 30
NAMES = [f"x{i}" for i in range(INPUTS)]
SIZES = (10_000, 1_000_000, 10_000_000)


def data(rows: int, seed: int = 0) -> Any:
    """Numbers, groups and classes."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, INPUTS))
    groups = rng.choice(["F", "M"], rows)
    return X, groups, (X[:, 0] + rng.normal(size=rows) > 0).astype(int)


def monitored(**keys: Any) -> Any:
    """A monitor of a system of thirty inputs, with its counts in a file."""
    import tempfile

    import pandas as pd

    from trustkit import Monitor, System, collect

    X, groups, y = data(5000)
    frame = pd.DataFrame(X, columns=NAMES).assign(sex=groups, y=y, p=(X[:, 0] > 0).astype(int))
    frame["s"] = 1 / (1 + np.exp(-X[:, 0]))
    roles = {"target": "y", "prediction": "p", "score": "s", "sensitive": ["sex"], "features": NAMES}
    evidence = collect(System(data=frame, **roles), only=["cells", "histograms"])
    return Monitor(evidence, store=tempfile.mkdtemp() + "/monitor.db", columns=NAMES, **keys)


def paired(
    bare: Callable[[], object],
    with_it: Callable[[], object],
    calls: int,
    clock: Callable[[], float],
    rounds: int,
) -> tuple[float, float]:
    """Microseconds of a bare call, and how many more it takes with a monitor: medians of rounds in turn."""
    found: dict[Callable[[], object], list[float]] = {bare: [], with_it: []}
    for turn in range(rounds + 1):
        for call in (bare, with_it) if turn % 2 else (with_it, bare):
            started = clock()
            for _ in range(calls):
                call()
            if turn:
                found[call].append((clock() - started) / calls * 1e6)
    differences = [b - a for a, b in zip(found[bare], found[with_it], strict=True)]
    return statistics.median(found[bare]), statistics.median(differences)


def caller(models: dict[str, Any], rounds: int) -> None:
    """Print what the caller's thread pays."""
    print("| call | bare, µs | `watch`, µs more | % | `record`, µs | % |\n|---|---|---|---|---|---|")
    for name, model in models.items():
        for rows, calls in ((1, 200), (1000, 20)):
            X, groups, y = data(rows, seed=1)
            score, sex = model.predict_proba(X)[:, 1], {"sex": groups if rows > 1 else "F"}
            label = y if rows > 1 else 1
            # the other thread works meanwhile, as it does in use: its time is in the next table
            with monitored(capacity=10**7) as monitor:
                watched = monitor.watch(model, columns=NAMES, sensitive=lambda X, sex=sex: sex)

                def told(
                    X: Any = X, monitor: Any = monitor, label: Any = label, score: Any = score, sex: Any = sex
                ) -> None:
                    monitor.record(X, prediction=label, score=score, sensitive=sex)

                def bare(X: Any = X, model: Any = model) -> None:
                    model.predict_proba(X)

                def seen(X: Any = X, watched: Any = watched) -> None:
                    watched.predict_proba(X)

                def both(bare: Any = bare, told: Any = told) -> None:
                    bare()
                    told()

                base, more = paired(bare, seen, calls, time.thread_time, rounds)
                monitor.flush()
                _, by_record = paired(bare, both, calls, time.thread_time, rounds)
            print(
                f"| {name}, {rows:,} row{'s' * (rows > 1)} | {base:,.0f}"
                f" | {more:.1f} | {100 * more / base:.1f}"
                f" | {by_record:.1f} | {100 * by_record / base:.1f} |"
            )


def everything(models: dict[str, Any], rounds: int) -> None:
    """Print what all threads pay until all is stored, and what one write to the store takes."""
    print("\n| call | bare, µs | all processor time more, µs | times the bare call |\n|---|---|---|---|")
    for name, model in models.items():
        for rows, calls in ((1, 1000), (1000, 100)):
            X, groups, _ = data(rows, seed=1)
            sex = {"sex": groups if rows > 1 else "F"}
            with monitored(capacity=10**7, flush_seconds=1.0) as monitor:
                watched = monitor.watch(model, columns=NAMES, sensitive=lambda X, sex=sex: sex)

                def bare(X: Any = X, model: Any = model, calls: int = calls) -> None:
                    for _ in range(calls):
                        model.predict_proba(X)

                def seen(
                    X: Any = X, watched: Any = watched, calls: int = calls, monitor: Any = monitor
                ) -> None:
                    for _ in range(calls):
                        watched.predict_proba(X)
                    monitor.flush()

                base, more = (each / calls for each in paired(bare, seen, 1, time.process_time, rounds))
            print(
                f"| {name}, {rows:,} row{'s' * (rows > 1)} | {base:,.0f} | {more:.0f} | {more / base:.2f} |"
            )


def memory() -> None:
    """Print the most memory of a process that records so many rows."""
    print("\n| rows recorded, 1,000 at once | most memory, MiB | recorded | dropped |\n|---|---|---|---|")
    for rows in SIZES:
        program = f"from benchmarks.monitor import fill; fill({rows})"
        ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        peak, recorded, dropped = ran.stdout.split()
        print(f"| {rows:,} | {int(peak) / 1024:.0f} | {int(recorded):,} | {int(dropped):,} |")


def fill(rows: int) -> None:
    """Record so many rows, as fast as they are counted, and print the most memory taken in KiB."""
    import resource

    from trustkit.monitor.store import Store

    monitor = monitored()
    X, groups, y = data(1000)
    score = np.random.default_rng(0).random(1000)
    for number in range(rows // 1000):
        monitor.record(X, prediction=y, score=score, sensitive={"sex": groups}, at=float(number))
        if number % 50 == 49:
            monitor.flush()
    place = monitor._store._database._path
    monitor.close()
    writer = Store.open(place).read().writers[0]
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, writer.flushed, writer.dropped)


def peers() -> None:
    """Print what whylogs and river take for a row of thirty inputs."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, INPUTS))
    print("| peer | µs a row of 30 inputs |\n|---|---|")

    def timed(name: str, take: Callable[[Any], object]) -> None:
        for row in rows[:20]:
            take(row)
        started = time.process_time()
        for row in rows:
            take(row)
        print(f"| {name} | {(time.process_time() - started) / len(rows) * 1e6:,.1f} |")

    if find_spec("whylogs"):
        from whylogs.core import DatasetProfile

        profile = DatasetProfile()
        timed(
            "whylogs, `DatasetProfile.track(row)`",
            lambda row: profile.track(dict(zip(NAMES, row.tolist(), strict=True))),
        )
    if find_spec("river"):
        from river import drift

        for kind in (drift.ADWIN, drift.PageHinkley, drift.KSWIN):
            made = [kind() for _ in NAMES]
            timed(
                f"river, 30 `{kind.__name__}`",
                lambda row, made=made: [
                    each.update(value) for each, value in zip(made, row.tolist(), strict=True)
                ],
            )


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--peers", action="store_true")
    arguments = parser.parse_args()
    if arguments.peers:
        peers()
        return
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    X, _, y = data(5000)
    models = {
        "LogisticRegression": LogisticRegression().fit(X, y),
        "HistGradientBoosting": HistGradientBoostingClassifier().fit(X, y),
    }
    caller(models, arguments.rounds)
    everything(models, arguments.rounds)
    memory()


if __name__ == "__main__":
    main()
