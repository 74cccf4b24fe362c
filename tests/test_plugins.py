"""A plugin brings checks, evidence and policies; one that does not load is an error finding."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import trustkit

PLUGIN = '''
"""Voices heard in a log."""
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import trustkit as tk
from trustkit.checks.base import Metric
from trustkit.measure.intervals import Certain


@dataclass(frozen=True)
class Voices:
    """How many rows speak."""

    rows: int
    kind: ClassVar[str] = "voices"

    @property
    def schema(self):
        return {}

    def __add__(self, other):
        return Voices(self.rows + other.rows)

    def to_json(self):
        return {"rows": self.rows}

    @classmethod
    def from_json(cls, data):
        return cls(data["rows"])

    def notes(self):
        return []


def collect_voices(sources) -> Voices:
    return Voices(sources.frame.rows)


@tk.check(version="1", metrics={"rows": Metric("rows that speak", "share")}, id="acme/voice-gap")
def voice_gap(voices: Voices) -> Iterator[tk.Estimate]:
    """Is anybody heard?

    Why it matters
    --------------
    It may not.

    How to read
    -----------
    As a number.

    Remedy
    ------
    Listen.

    References
    ----------
    None.
    """
    value = np.array([float(voices.rows)])
    yield tk.Estimate("rows", {}, value[0], voices.rows, voices.rows, limits=Certain(value))
'''

POLICY = """
id = "acme"
version = "1"
title = "Acme"
[[controls]]
id = "AC-1"
title = "Voices"
requirement = "Somebody is heard."
principle = "trustworthy"
area = "inclusion"
severity = "low"
[[controls.checks]]
check = "acme/voice-gap"
limits = { min_rows = { value = 10.0, source = "Acme" } }
"""

RUN = """
import json, sys
import pandas as pd
import trustkit as tk
log = pd.DataFrame({"g": ["a", "b"] * 50, "d": [0, 1] * 50})
system = tk.System(data=log, prediction="d", sensitive=["g"])
evidence = tk.collect(system)
evidence.save(sys.argv[1] + "/e.json")
card = tk.audit(data=log, prediction="d", sensitive=["g"], policy="acme")
again = tk.judge(tk.Evidence.load(sys.argv[1] + "/e.json"), "acme")
print(json.dumps([[c.id, c.verdict, *(f.message for f in card.findings)] for c in card.controls]
                 + [again.digest == card.digest, card.gate.holds]))
"""


@pytest.fixture
def installed(tmp_path):
    """A folder that holds the plugin as pip would have installed it."""
    package = tmp_path / "site" / "acme_plugin"
    (package / "policies").mkdir(parents=True)
    (package / "__init__.py").write_text(PLUGIN)
    (package / "policies" / "__init__.py").write_text("")
    (package / "policies" / "acme.toml").write_text(POLICY)
    info = tmp_path / "site" / "acme_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[trustkit.checks]\nacme = acme_plugin\n"
        "[trustkit.collectors]\nvoices = acme_plugin:collect_voices\n"
        "[trustkit.policies]\nacme = acme_plugin.policies\n"
    )
    return tmp_path


def run(folder, code=RUN):
    path = f"{folder / 'site'}:{':'.join(p for p in sys.path if p)}"
    return subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": path},
        cwd=folder,
    )


def test_checks_evidence_and_policy_of_a_plugin(installed):
    ran = run(installed)
    assert ran.returncode == 0, ran.stderr
    control, same, holds = json.loads(ran.stdout)
    assert control == ["AC-1", "pass", "rows that speak is 100: respects the limit 10.0"]
    assert same
    assert holds


def test_a_plugin_that_does_not_load_is_an_error_finding(installed):
    (installed / "site" / "acme_plugin" / "__init__.py").write_text("raise ImportError('no voice')")
    ran = run(
        installed,
        "import pandas as pd, trustkit as tk\n"
        "log = pd.DataFrame({'g': ['a', 'b'] * 50, 'd': [0, 1] * 50})\n"
        "card = tk.audit(data=log, prediction='d', sensitive=['g'], only=['bias/selection-rate'])\n"
        "found = [f for f in card.findings if f.verdict == 'error']\n"
        "print([(f.id, f.why) for f in found], card.gate.holds)",
    )
    expected = [("plugin:acme:", "ImportError: no voice"), ("plugin:acme policies:", "ImportError: no voice")]
    assert ran.stdout.strip() == f"{expected} False", ran.stderr


@pytest.mark.end_to_end
def test_the_example_plugin_passes_its_own_tests(tmp_path):
    """Laid out as pip would leave it, by the entry points of its own pyproject."""
    example = Path(__file__).parents[1] / "examples" / "plugin"
    project = tomllib.loads((example / "pyproject.toml").read_text())["project"]
    info = tmp_path / f"house_rules-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    (info / "entry_points.txt").write_text(
        "\n".join(
            f"[{group}]\n" + "\n".join(f"{name} = {value}" for name, value in points.items())
            for group, points in project["entry-points"].items()
        )
    )
    shutil.copytree(example / "house_rules", tmp_path / "house_rules")
    paths = [str(tmp_path), str(Path(trustkit.__file__).parents[1])]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(example / "tests")],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "3 passed" in ran.stdout
