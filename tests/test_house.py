"""The rules of the house: one direction, quiet import, one fact in one place."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import trustkit

ROOT = Path(trustkit.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

MAY_IMPORT = {
    "errors": set(),
    "evidence": {"errors"},
    "measure": {"evidence"},
    "checks": {"errors", "evidence", "measure"},
    "config": {"errors"},
    "policy": {"errors"},
    "scorecard": {"errors", "renderers", "evidence"},
    "detectors": {"errors", "evidence", "frames"},
    "engines": {"errors", "evidence", "frames"},
    "frames": {"errors", "evidence"},
    "models": {"errors", "frames"},
    "system": {"config", "errors"},
    "collectors": {
        "config",
        "detectors",
        "engines",
        "errors",
        "evidence",
        "frames",
        "models",
        "monitor",
        "system",
    },
    "comparing": {"errors", "evidence", "measure", "scorecard"},
    "judging": {"checks", "comparing", "config", "errors", "evidence", "measure", "policy", "scorecard"},
    "renderers": {"errors", "scorecard", "evidence"},
    "signing": {"errors", "evidence", "renderers", "scorecard"},
    "auditing": {
        "checks",
        "collectors",
        "comparing",
        "config",
        "errors",
        "evidence",
        "judging",
        "policy",
        "scorecard",
        "system",
    },
    "remedies": {
        "auditing",
        "collectors",
        "config",
        "errors",
        "evidence",
        "frames",
        "judging",
        "measure",
        "models",
        "policy",
        "renderers",
        "scorecard",
        "system",
    },
    "monitor": {
        "checks",
        "config",
        "errors",
        "evidence",
        "frames",
        "judging",
        "measure",
        "policy",
        "renderers",
        "scorecard",
        "system",
    },
    "testing": {"checks"},
    "tracking": {"errors", "renderers", "scorecard"},
}
"""Which rooms each room may know. `cli` and `commands` join all; `__init__` names what it exports."""


def room(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path):
    """Rooms of trustkit that a file imports, at the top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "trustkit":
            parts = node.module.split(".")
            yield from [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("trustkit."))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
class TestEachFile:
    def test_imports_go_one_way(self, path):
        if room(path) in MAY_IMPORT:
            allowed = {*MAY_IMPORT[room(path)], room(path)}
            assert set(imports(path)) <= allowed

    def test_says_what_it_is_in_its_first_line(self, path):
        line = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0]
        assert line.endswith((".", "?")), f"{path}: the first line is no sentence"

    def test_is_not_a_drawer(self, path):
        assert path.stem not in {"utils", "util", "core", "common", "helpers", "misc", "base_utils"}


def test_every_room_has_its_rule():
    rooms = {room(path) for path in FILES} - {"__init__", "__main__", "cli", "commands"}
    assert rooms == set(MAY_IMPORT)


def test_no_module_has_the_name_of_a_public_function():
    functions = {name for name in trustkit.__all__ if name.islower()}
    modules = {path.stem for path in FILES if path.parent == ROOT} | {p.name for p in ROOT.iterdir()}
    assert not functions & modules


def test_public_names_are_the_list_and_resolve():
    assert set(trustkit.__all__) == {
        "audit", "collect", "judge", "render", "remedy", "check", "System", "Evidence", "Estimate",
        "NotApplicable", "Policy", "Control", "Finding", "Verdict", "Scorecard", "Monitor", "GateFailed",
        "ConfigError",
    }  # fmt: skip
    for name in trustkit.__all__:
        assert getattr(trustkit, name).__doc__
    with pytest.raises(AttributeError, match="has no attribute 'audits'"):
        trustkit.audits  # noqa: B018


def test_a_renderer_reads_the_scorecard_alone():
    for path in (ROOT / "renderers").glob("*.py"):
        if path.stem != "__init__":
            assert set(imports(path)) <= {"scorecard", "renderers"}


def test_a_check_sets_no_limit_and_touches_nothing():
    for path in (ROOT / "checks").rglob("*.py"):
        text = path.read_text()
        assert "min_value" not in text
        for word in ("open(", "print(", "random", "matplotlib", "pandas", "requests", "socket"):
            assert word not in text or path.name == "__init__.py", f"{path}: {word}"


QUIET = """
import sys
seen = []
def hook(event, args):
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        seen.append((event, args[0]))
    elif event.split(".")[0] in ("socket", "subprocess", "os.mkdir") or event in ("os.mkdir", "os.putenv"):
        seen.append((event, str(args)))
sys.addaudithook(hook)
sys.dont_write_bytecode = True
{code}
heavy = sorted(set(sys.modules) & {"numpy", "pandas", "scipy", "sklearn", "pyarrow", "pydantic", "narwhals"})
assert not heavy, heavy
assert not seen, seen
"""


@pytest.mark.parametrize(
    "code",
    [
        "import trustkit; dir(trustkit)",
        "import trustkit.cli",
        "import trustkit.cli\nsys.argv = ['trustkit', '--help']\ntry: trustkit.cli.main()\n"
        "except SystemExit: pass",
    ],
)
def test_import_and_help_are_quiet_and_light(code):
    ran = subprocess.run(
        [sys.executable, "-c", QUIET.replace("{code}", code)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_an_audit_leaves_the_world_as_it_was(tmp_path, monkeypatch):
    """No file, no seed, no environment, no warning filter, and not the data."""
    import os
    import random
    import warnings

    import numpy as np
    import pandas as pd

    monkeypatch.chdir(tmp_path)
    log = pd.DataFrame({"g": ["a", "b"] * 50, "y": [0, 1, 1, 0] * 25, "d": [0, 1] * 50})
    before = log.copy(deep=True)
    np.random.seed(3)  # noqa: NPY002
    random.seed(3)
    state = (np.random.get_state()[1].tolist(), random.getstate(), dict(os.environ), list(warnings.filters))  # noqa: NPY002
    trustkit.audit(data=log, target="y", prediction="d", sensitive=["g"])
    after = (np.random.get_state()[1].tolist(), random.getstate(), dict(os.environ), list(warnings.filters))  # noqa: NPY002
    assert state == after
    assert list(tmp_path.iterdir()) == []
    pd.testing.assert_frame_equal(log, before)


def test_an_audit_opens_no_connection():
    code = """
import sys
def hook(event, args):
    if event.startswith("socket."):
        raise RuntimeError(event)
sys.addaudithook(hook)
import pandas as pd, trustkit
log = pd.DataFrame({"g": ["a", "b"] * 50, "y": [0, 1, 1, 0] * 25, "d": [0, 1] * 50})
trustkit.audit(data=log, target="y", prediction="d", sensitive=["g"])
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
