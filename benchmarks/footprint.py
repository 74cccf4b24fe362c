"""Time imports and commands beside the bare interpreter, and weigh installations; print Markdown tables.

Run it on a quiet machine: ``python -m benchmarks.footprint [--peers FOLDER]``. The folder holds one virtual
environment a library, of that name, into which nothing but the library was installed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.timing import medians, process, seconds, table

MODULES = {
    "aif360": ("aif360.metrics",),
    "deepchecks": ("deepchecks.tabular",),
    "fairlearn": ("fairlearn.metrics",),
    "trustkit": (
        "trustkit",
        "trustkit.auditing, trustkit.collectors.cells, trustkit.checks.bias.error_rates",
    ),
}
"""What is imported where that is not the library's own name: that which does its work."""

SIZE = """
import json, sys
from importlib.metadata import distributions
from pathlib import Path
own = {"pip", "setuptools", "wheel"}
names = sorted({each.metadata["Name"].lower(): each.version for each in distributions()}.items())
paths = {path.locate() for each in distributions() if each.metadata["Name"].lower() not in own
         for path in each.files or () if ".." not in path.parts}
size = sum(Path(path).stat().st_size for path in paths if Path(path).is_file())
print(json.dumps([[pair for pair in names if pair[0] not in own], size / 1e6]))
"""
COMMANDS = {
    "import trustkit": ("-c", "import trustkit"),
    "trustkit --help": ("-m", "trustkit.cli", "--help"),
    "trustkit check-config": ("-m", "trustkit.cli", "check-config", "examples/ci"),
}


def commands() -> list[list[str]]:
    """What the interpreter takes, and what each command takes beyond it."""
    calls = {"bare interpreter": process("-c", "pass")}
    calls |= {name: process(*command) for name, command in COMMANDS.items()}
    taken = medians(calls, 21)
    bare = taken["bare interpreter"]
    return [
        [
            name,
            seconds(each.cpu),
            seconds(each.wall),
            *(f"{1e3 * (each[at] - bare[at]):.0f} ms" for at in (0, 1)),
        ]
        for name, each in taken.items()
    ]


def installations(folder: Path) -> list[list[str]]:
    """What each library brings along, and how long its import takes beyond the interpreter."""
    lines = []
    for home in sorted(each for each in folder.iterdir() if (each / "bin" / "python").exists()):
        interpreter = str(home / "bin" / "python")
        ran = subprocess.run([interpreter, "-c", SIZE], check=True, capture_output=True, text=True)
        names, size = json.loads(ran.stdout)
        version = dict(names).get("trustkit-audit" if home.name == "trustkit" else home.name, "")
        for module in MODULES.get(home.name, (home.name,)):
            code = {"bare": "pass", "import": f"import {module}"}
            taken = medians({name: process(interpreter, "-c", each) for name, each in code.items()}, 5)
            more = [f"{1e3 * (taken['import'][at] - taken['bare'][at]):,.0f} ms" for at in (0, 1)]
            weighed = [str(len(names)), f"{size:,.0f} MB", f"`import {module}`"]
            lines.append([f"{home.name} {version}", *weighed, *more])
    return lines


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, help="folder of environments; none are weighed without")
    given = parser.parse_args()
    print(f"Python {sys.version.split()[0]}; medians of 21 and 5 processes after one to warm up.\n")
    print(table(("process", "processor", "clock", "more, processor", "more, clock"), commands()))
    if given.peers:
        heads = (
            "alone in an environment",
            "distributions",
            "size",
            "import",
            "more, processor",
            "more, clock",
        )
        print("\n" + table(heads, installations(given.peers)))


if __name__ == "__main__":
    main()
