"""A scan imports, runs, opens and writes nothing; the scanner is light."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hostile_corpus import Payload, dumped

from trustkit.models.scanning import scan

WATCHED = """
import sys
from pathlib import Path
from trustkit.models.scanning import scan
from trustkit.models.scanning.command import scan_files
scan(b"")
paths = sorted(str(path) for path in Path(sys.argv[1]).iterdir())
calls = {"import", "exec", "socket", "subprocess.Popen", "os.system", "os.exec", "os.fork", "marshal.loads",
         "os.posix_spawn", "pickle.find_class", "ctypes.dlopen", "os.remove", "os.rename", "os.mkdir"}
seen = []
def hook(event, arguments):
    write = event == "open" and (arguments[1] not in ("r", "rb") or arguments[2] & 3)
    if write or event in calls or event.startswith(("socket.", "subprocess.", "shutil.", "urllib.")):
        seen.append((event, str(arguments)[:200]))
sys.addaudithook(hook)
text, status = scan_files(paths, "json")
print(len(paths), status, seen[:5])
"""
LIGHT = """
import sys
from trustkit.models.scanning import scan
print(sorted({"numpy", "sklearn", "scipy", "pandas", "joblib", "pickle", "asyncio"} & set(sys.modules)))
"""


def python(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    "corpora", [("hostile",), pytest.param(("hostile", "honest"), marks=pytest.mark.end_to_end)]
)
def test_an_audit_hook_sees_nothing(corpora: tuple[str, ...], request, tmp_path) -> None:
    files = [file for corpus in corpora for file in request.getfixturevalue(corpus)]
    for number, file in enumerate(files):
        (tmp_path / f"{number:05}").write_bytes(file.content)
    assert python(WATCHED, str(tmp_path)) == f"{len(files)} 1 []"


def test_the_scanner_is_light() -> None:
    loaded = python(LIGHT)
    assert "numpy" not in loaded
    assert "sklearn" not in loaded


def test_a_live_pickle_does_nothing(tmp_path) -> None:
    target = tmp_path / "written"
    content = dumped(
        [Payload(os.system, f"touch {target}"), Payload(open, str(target), "w"), Payload(os.fork)]
    )
    assert scan(content).verdict == "dangerous"
    assert not target.exists()
