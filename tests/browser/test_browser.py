"""The page in a real browser: silent, alone, accessible, as wide as the window, whole on paper.

Run by ``pytest -m browser tests/browser``. It needs Chromium, node, and the npm packages
``playwright-core`` and ``axe-core`` in the folder that ``TRUSTKIT_NODE_MODULES`` names (by default
``tests/browser/node_modules``: ``npm install --prefix tests/browser playwright-core axe-core``).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import trustkit as tk

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MODULES = Path(os.environ.get("TRUSTKIT_NODE_MODULES", HERE / "node_modules"))
CHROMIUM = os.environ.get("TRUSTKIT_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
MISSING = [
    name
    for name, there in {
        "chromium": CHROMIUM,
        "node": shutil.which("node"),
        "playwright-core": (MODULES / "playwright-core").is_dir(),
        "axe-core": (MODULES / "axe-core").is_dir(),
    }.items()
    if not there
]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "two\nlines",
    "\u202eevil",
    "x" * 10_000,
]
PAGES = ["baseline", "all-controls", "russian", "hostile", "error"]


def cards():
    examples = ROOT / "examples"
    yield "baseline", tk.audit(config=examples / "decision-log", policy="fairness-baseline"), "en"
    every = tk.audit(config=examples / "credit", policy="unga-78-265")
    yield "all-controls", every, "en"
    yield "russian", every, "ru"
    frame = pd.DataFrame({"g": np.repeat(np.array(HOSTILE, dtype=object), 150), "d": [0, 1, 1] * 250})
    hostile = tk.audit(
        data=frame, prediction="d", favorable=1, sensitive=["g"], name=HOSTILE[4], purpose=HOSTILE[0]
    )
    yield "hostile", hostile, "en"
    bad = pd.DataFrame({"g": ["a", "b"] * 50, "y": [0, 1] * 50, "d": [0, 1, 1, 0] * 25, "s": [0.5, 2] * 50})
    yield "error", tk.audit(data=bad, target="y", prediction="d", score="s", sensitive=["g"]), "en"


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What the browser saw of each page."""
    folder = tmp_path_factory.mktemp("pages")
    files = {}
    for name, card, language in cards():
        files[name] = folder / f"{name}.html"
        files[name].write_text(tk.render(card, "html", language=language), encoding="utf-8")
    command = ["node", str(HERE / "page.mjs"), str(MODULES), CHROMIUM, *map(str, files.values())]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    return {name: found[str(file)] for name, file in files.items()}


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_said_or_asked_for(seen, name):
    assert seen[name]["console"] == []
    assert [url for url in seen[name]["requests"] if not url.startswith("data:,")] == []


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(seen, name):
    assert seen[name]["axe"] == []


@pytest.mark.parametrize("name", PAGES)
def test_the_body_never_scrolls_sideways(seen, name):
    assert seen[name]["overflow"] == []


@pytest.mark.parametrize("name", PAGES)
def test_paper_shows_what_a_screen_folds_and_cuts_nothing(seen, name):
    assert seen[name]["closed"] == 0
    assert seen[name]["cut"] == []
    pdf = Path(seen[name]["pdf"]).read_bytes()
    streams = [found.start() for found in re.finditer(rb"stream\r?\n", pdf)]
    pages = len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf + b"".join(_inflated(pdf, at) for at in streams)))
    assert pages >= 3


def _inflated(pdf: bytes, at: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(pdf[at + 7 :].lstrip(b"\r\n"))
    except zlib.error:
        return b""
