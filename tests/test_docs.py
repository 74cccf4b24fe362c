"""Every block of shell or Python in the pages runs, in order, in a copy of the examples.

A page is run from the root: it has ``examples/`` and ``tests/data/``, and files that its earlier blocks
wrote. A shell block has to exit 0; ``trustkit audit ... || test $? -eq 1`` expects a card that fails. A block
that cannot run here has ``<!-- not run: REASON -->`` on the line before its fence. A block of ``python FILE``
is written to that file instead. A block of ``text`` right after one that ran shows what that put out: its
lines have to occur in this order; ``...`` leaves some out.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "examples/ci/README.md",
    # pages of checks show cases, which test_cases.py runs
    *sorted(page for page in (ROOT / "docs").rglob("*.md") if page.parent.name != "checks"),
]
BASH = shutil.which("bash") or "bash"
SHELL = ("sh", "bash", "console")

_FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,})(?P<language>[^\n`]*)\n(?P<code>.*?)^(?P=indent)(?P=fence) *$",
    re.MULTILINE | re.DOTALL,
)
_MARK = re.compile(r"<!-- not run: (\S[^\n]*?) -->\s*\Z")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the line of its fence, why it is not run, the file it makes."""

    language: str
    code: str
    line: int
    not_run: str | None
    file: str = ""

    @property
    def runs(self) -> bool:
        return self.not_run is None and self.language in (*SHELL, "python")


def blocks(text: str) -> list[Block]:
    found = []
    for fence in _FENCE.finditer(text):
        mark = _MARK.search(text, 0, fence.start())
        language, _, file = fence["language"].partition(" ")
        code = re.sub(f"(?m)^{fence['indent']}", "", fence["code"])
        line = text.count("\n", 0, fence.start()) + 1
        found.append(Block(language, code, line, mark[1] if mark else None, file))
    return found


class Reader:
    """Somebody who types a page's blocks in turn, in one folder and one Python session."""

    def __init__(self, folder: Path, page: Path) -> None:
        self.folder, self.page = folder, page
        self.names: dict[str, Any] = {"__name__": "__main__"}

    def run(self, block: Block) -> str:
        """Run a block and return what it put out."""
        return self._python(block) if block.language == "python" else self._shell(block)

    def _python(self, block: Block) -> str:
        put_out = io.StringIO()
        if block.file:
            (self.folder / block.file).write_text(block.code, encoding="utf-8")
            return ""
        code = "\n" * block.line + block.code  # so that a traceback names the line of the page
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(put_out):
            exec(compile(code, self.page, "exec"), self.names)  # noqa: S102 (our own pages)
        return put_out.getvalue()

    def _shell(self, block: Block) -> str:
        code = block.code
        if block.language == "console":
            code = "\n".join(line[2:] for line in code.splitlines() if line.startswith("$ "))
        ran = subprocess.run(
            [BASH, "-eu", "-o", "pipefail", "-c", code],
            cwd=self.folder,
            env=self._environment(),
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert ran.returncode == 0, f"{self.page}:{block.line}: exit status {ran.returncode}\n{ran.stdout}"
        return ran.stdout

    def _environment(self) -> dict[str, str]:
        commands = self.folder / ".commands"
        commands.mkdir(exist_ok=True)
        command = commands / "trustkit"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m trustkit "$@"\n')
        command.chmod(0o755)
        path = os.pathsep.join([str(commands), str(Path(sys.executable).parent), os.environ["PATH"]])
        plugin = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "trustkit_pytest"}
        return {**os.environ, **plugin, "PATH": path, "PYTHONPATH": str(ROOT)}


def missing_line(shown: str, put_out: str) -> str | None:
    """First line of a block of output that was not put out after the one before it; None where all were."""
    lines = iter([line.rstrip() for line in put_out.splitlines()])
    for line in shown.splitlines():
        if line.strip() not in ("...", "") and line.rstrip() not in lines:  # takes what it passes
            return line
    return None


@pytest.mark.end_to_end
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_block_runs(page, tmp_path, monkeypatch):
    found = blocks(page.read_text(encoding="utf-8"))
    unnamed = [block.line for block in found if not block.language]
    assert not unnamed, f"{page}: no language is named on lines {unnamed}"
    if not any(block.runs for block in found):
        return
    for part in ("examples", "tests/data"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    reader, put_out = Reader(tmp_path, page), None
    for block in found:
        if block.language == "text" and put_out is not None:
            missing = missing_line(block.code, put_out)
            assert missing is None, f"{page}:{block.line}: {missing!r} was not put out:\n{put_out}"
        put_out = reader.run(block) if block.runs else None


# The reader itself


def test_a_block_is_found_with_its_language_line_and_mark():
    text = (
        "# T\n<!-- not run: needs a network -->\n```sh\npip install x\n```\n\n1. one\n   ```python\n"
        "   if True:\n       x = 1\n   ```\n````text\n```\n````\n```\nbare\n```\n```python a.py\n1\n```\n"
    )
    assert blocks(text) == [
        Block("sh", "pip install x\n", 3, "needs a network"),
        Block("python", "if True:\n    x = 1\n", 8, None),
        Block("text", "```\n", 12, None),
        Block("", "bare\n", 15, None),
        Block("python", "1\n", 18, None, "a.py"),
    ]


def test_a_mark_is_for_the_block_right_after_it_and_needs_a_reason():
    first, second = blocks("<!-- not run: slow -->\n```sh\na\n```\n```sh\nb\n```\n")
    assert (first.runs, second.runs) == (False, True)
    (block,) = blocks("<!-- not run: -->\n```sh\na\n```\n")
    assert block.runs


def test_a_command_that_fails_fails_the_page(tmp_path):
    reader = Reader(tmp_path, Path("page.md"))
    for code in ("false\ntrue\n", "false | cat\n", "echo $absent\n", "trustkit audti\n"):
        with pytest.raises(AssertionError, match=r"page.md:7: exit status"):
            reader.run(Block("sh", code, 7, None))
    assert reader.run(Block("console", "$ echo a\na\n$ trustkit --version\n", 1, None)).startswith(
        "a\ntrustkit"
    )
    assert reader.run(Block("python", "raise SystemExit\n", 1, None, "a.py")) == ""
    assert reader.run(Block("sh", "cat a.py\n", 1, None)) == "raise SystemExit\n"
    reader.run(Block("python", "x = 1\n", 1, None))
    assert reader.run(Block("python", "print(x)\n", 1, None)) == "1\n"
    with pytest.raises(ZeroDivisionError):
        reader.run(Block("python", "x / 0\n", 1, None))


@pytest.mark.parametrize(
    ("shown", "missing"),
    [
        ("a\n...\nc\n", None),
        ("c\na\n", "a"),
        ("a\nb\nb\n", "b"),
        ("  a\n", "  a"),
        ("\nb\n", None),
        ("d", "d"),
    ],
)
def test_what_a_page_shows_was_put_out_in_order(shown, missing):
    assert missing_line(shown, "a\nb  \nc\n") == missing
