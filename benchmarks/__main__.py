"""Run every benchmark, and write what they print to ``docs/benchmarks.md``.

``python -m benchmarks [--only NAME ...] [--peers FOLDER]``, on a quiet machine. The folder holds one virtual
environment a peer, of the peer's name; peers of which there is none are not run. With ``--only``, what the
page says of the other benchmarks stays.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers import TASKS
from benchmarks.timing import THREADS, seconds, table

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

What `python -m benchmarks` printed; [speed](speed.md) says what it means. Each section names the day on which it was run, on {cores} cores shared with other work. *Processor* is processor time of all threads and child processes, *clock* is wall time; both are medians of calls that take turns, pinned to two threads ({threads}). A ratio under 1 is faster than the reference, and 1 / 500 is 500 times faster.
"""  # noqa: E501


class Section(NamedTuple):
    """A title, and the command whose output it is."""

    title: str
    command: tuple[str, ...]


SECTIONS = {
    "footprint": Section("Import and installation", ("-m", "benchmarks.footprint")),
    "fairness": Section("Counts and intervals beside bare queries", ("-m", "benchmarks.fairness")),
    "parquet": Section("A parquet log beside the bare query", ("-m", "benchmarks.parquet")),
    "spine": Section("Small audits", ("-m", "benchmarks.spine")),
    "bias": Section("The bias checks", ("benchmarks/bias.py",)),
    "classes": Section("Equivalence classes", ("benchmarks/classes.py",)),
    "contents": Section("Personal data in a large table", ("benchmarks/contents.py",)),
    "membership": Section("Membership inference", ("benchmarks/membership.py",)),
    "personal_data": Section("The corpus of personal data", ("benchmarks/personal_data.py", "trustkit")),
    "scanning": Section("The artifact scanner", ("benchmarks/scanning.py",)),
    "pytest_plugin": Section("The pytest plugin, unused", ("benchmarks/pytest_plugin.py",)),
    "monitor": Section("A monitor beside the model", ("-m", "benchmarks.monitor")),
    "spark": Section("Spark", ("-m", "benchmarks.spark")),
    "middleware": Section("The middleware", ("benchmarks/middleware.py",)),
    "planted": Section("Planted faults", ("benchmarks/planted.py", "--seeds", "3")),
}
ROWS = {"fairness": 100_000, "drift": 100_000, "audit": 2_000}
"""Rows of each task that peers have."""
RUNS, RUNS_OF_OURS = 1, 5
PATIENCE = 600
"""Seconds on the clock after which a peer is stopped."""

TITLES = {
    "fairness": "Group fairness beside peers",
    "drift": "Drift beside peers",
    "audit": "Whole audits beside peers",
}


def printed(command: tuple[str, ...]) -> str:
    """What a benchmark prints, in the words it fails with where it does."""
    paths = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    ran = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        env=paths,
    )
    text = ran.stdout.strip()
    text = text if "---|" in text or "--- |" in text else f"```text\n{text}\n```"
    if ran.returncode:
        text += f"\n\nIt ended with status {ran.returncode}: {(ran.stderr.strip().splitlines() or [''])[-1]}"
    return text


def beside_peers(task: str, folder: Path) -> str:
    """A table of one task, ours first; each library timed in its own environment."""
    rows, lines = ROWS[task], []
    mine = None
    for name, (make, _) in TASKS[task].items():
        does = (make.__doc__ or "").rstrip(".")
        home = folder / name.removesuffix("-boot") / "bin" / "python"
        interpreter = sys.executable if name == "trustkit" else str(home)
        if not Path(interpreter).exists():
            lines.append([name, does, "not run", "", "", ""])
            continue
        runs = RUNS_OF_OURS if name == "trustkit" else RUNS
        command = [interpreter, "benchmarks/peers.py", task, name, str(rows), str(runs)]
        try:
            ran = subprocess.run(
                command, check=True, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE
            )
        except subprocess.TimeoutExpired:
            lines.append([name, does, f"stopped after {PATIENCE} s", "", "", ""])
            continue
        except subprocess.CalledProcessError as error:
            lines.append([name, does, f"failed: {error.stderr.strip().splitlines()[-1][:80]}", "", "", ""])
            continue
        told = json.loads(ran.stdout.splitlines()[-1])
        mine = mine or told
        times = [f"{told['cpu'] / mine['cpu']:,.3g}", f"{told['wall'] / mine['wall']:,.3g}"]
        lines.append([f"{name} {told['version']}", does, seconds(told["cpu"]), seconds(told["wall"]), *times])
    heads = ("library", "what it does", "processor", "clock", "times ours", "times ours, clock")
    note = f"{rows:,} rows, each in a process of its own: one run, of ours {RUNS_OF_OURS}. No equal work."
    return f"{note}\n\n{table(heads, lines)}"


def sections(page: str) -> dict[str, str]:
    """Text of each section of a page, by its title."""
    parts = page.split("\n## ")[1:]
    return {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in parts}


def main() -> None:
    """Run what is asked for and write the page, section by section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=[*SECTIONS, *(f"peers-{task}" for task in TITLES)])
    parser.add_argument("--peers", type=Path, help="folder of the peers' environments")
    given = parser.parse_args()
    titles = {name: section.title for name, section in SECTIONS.items()}
    titles |= {f"peers-{task}": title for task, title in TITLES.items()}
    today = datetime.date.today()
    told = sections(PAGE.read_text()) if PAGE.exists() else {}
    for name, title in titles.items():
        if given.only and name not in given.only:
            continue
        print(name, file=sys.stderr)
        if name in SECTIONS:
            peers = ("--peers", str(given.peers)) if given.peers and name == "footprint" else ()
            command = (*SECTIONS[name].command, *peers)
            text = (
                f"`python {' '.join(SECTIONS[name].command)}`, {datetime.date.today()}\n\n{printed(command)}"
            )
        elif given.peers:
            text = f"`python -m benchmarks --only {name}`, {today}. {beside_peers(name[6:], given.peers)}"
        else:
            continue
        told[title] = text
        head = HEAD.format(
            cores=os.cpu_count(), threads=", ".join(f"`{key}={to}`" for key, to in THREADS.items())
        )
        body = [f"## {each}\n\n{told[each]}\n" for each in titles.values() if each in told]
        PAGE.write_text("\n".join([head, *body]))


if __name__ == "__main__":
    main()
