"""The monitoring example finds what was planted, is quiet before, and its page states what it printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "monitoring"
NEEDED = ("fastapi", "httpx", "uvicorn")


def run(folder, **environment):
    paths = os.pathsep.join([str(EXAMPLE.parents[1]), *filter(None, sys.path)])
    return subprocess.run(
        [sys.executable, EXAMPLE / "run.py", folder],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"PYTHONPATH": paths} | environment,
    )


def test_what_is_missing_is_named(tmp_path):
    blocked = tmp_path / "sitecustomize.py"
    blocked.write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name in ('fastapi', 'uvicorn') else find(name, *a)\n"
    )
    ran = subprocess.run(
        [sys.executable, EXAMPLE / "run.py", tmp_path / "new"],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    assert ran.returncode == 1
    assert "this example needs fastapi and uvicorn: pip install fastapi uvicorn" in ran.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.end_to_end
def test_planted_gap_and_drift_are_found_and_nothing_before(tmp_path):
    for name in NEEDED:
        pytest.importorskip(name, reason=f"the example serves by {name}")
    ran = run(tmp_path)
    assert ran.returncode == 0, ran.stderr
    *_, table = ran.stdout.partition("planted in the third month")
    page = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    days = dict(re.findall(r"^(\S.*?) {2,}2026-\S+ +([+-]\d+) days$", table, re.MULTILINE))
    stated = dict(re.findall(r"^(\S.*?) {2,}2026-\S+ +([+-]\d+) days$", page, re.MULTILINE))
    assert days.keys() == stated.keys()
    assert {kind.partition(":")[0] for kind in days} == {"changed", "violated since deployment"}
    for what, found in days.items():
        assert int(found) > 0
        assert abs(int(found) - int(stated[what])) <= 3, what
    assert "alarms in months 1 and 2: none" in table
    sent, counted, one, two, late = re.search(
        r"([\d,]+) people sent, ([\d,]+) counted \(([\d,]+) \+ ([\d,]+) by 2 workers\), ([\d.]+)% late", table
    ).groups()
    number = [int(text.replace(",", "")) for text in (sent, counted, one, two)]
    assert number[0] == number[2] + number[3] == 60_000
    assert float(late) < 1
    assert number[1] >= number[0] * 0.99
    assert "no decision in the last" not in ran.stdout
    assert "selection rate" in (tmp_path / "monitor.html").read_text(encoding="utf-8")
    again = run(tmp_path)
    assert again.returncode == 1
    assert "is there already" in again.stderr
