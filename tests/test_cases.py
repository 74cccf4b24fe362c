"""Each page under cases/ holds data, a configuration and the verdicts expected of them; all come out."""

from __future__ import annotations

import io
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from trustkit import Policy, Scorecard, Verdict, audit
from trustkit.checks import discover
from trustkit.config import Config

CASES = Path(__file__).with_name("cases")
PAGES = sorted(page for page in CASES.rglob("*.md") if page.name != "README.md")
COUNT = "count"

_BLOCK = re.compile(r"^```(csv|toml policy|toml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^```\w+ ([\w-]+\.\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADER = re.compile(r"^\| finding or control +\| verdict +(\| estimate +)?\|$")


@dataclass(frozen=True)
class Expected:
    """One line of a page's table."""

    name: str
    verdict: str
    estimate: str | None


@dataclass(frozen=True)
class Case:
    """A page, read."""

    rows: pd.DataFrame | None
    config: dict[str, Any]
    policy: str | None
    expected: list[Expected]
    files: dict[str, str]

    @classmethod
    def read(cls, text: str) -> Case:
        blocks = _BLOCK.findall(text)
        found, files = dict(blocks), dict(_FILE.findall(text))
        assert len(found) == len(blocks), "a page has one block of each kind"
        assert "toml" in found, "a page has a csv block and a toml block"
        config = tomllib.loads(found["toml"])
        named = config.get("data", {}).get("audit")
        assert ("csv" in found) != (named in files), "a page has a csv block and a toml block"
        expected = list(_table(text))
        assert expected, "a page has a table of expected verdicts"
        names = [line.name for line in expected]
        assert len({*names}) == len(names), "a finding is expected once"
        assert {line.verdict for line in expected} <= set(Verdict), "verdicts are those of a scorecard"
        rows = _rows(found["csv"]) if "csv" in found else None
        return cls(rows, config, found.get("toml policy"), expected, files)

    def audit(self, folder: Path) -> Scorecard:
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8")
        policy = None
        if self.policy is not None:
            file = folder / "policy.toml"
            file.write_text(self.policy, encoding="utf-8")
            policy = Policy.load(file)
        config = Config.of(folder=folder, **self.config)
        if policy is None and "use" not in self.config.get("policy", {}):
            policy = Policy.load("fairness-baseline")
        return audit(data=self.rows, config=config, policy=policy, as_of="2026-11-23")


def _run(text: str, folder: Path) -> Case:
    """Audit a page's rows; fail where what comes out is not what it expects."""
    case = Case.read(text)
    _check(case.audit(folder), case.expected)
    return case


def _rows(text: str) -> pd.DataFrame:
    """Rows of a csv block; a column `count` says how often a row occurs."""
    table = pd.read_csv(io.StringIO(text), keep_default_na=False, na_values=[""])
    assert len(table), "a page has rows"
    if COUNT not in table:
        return table
    return table.loc[table.index.repeat(table.pop(COUNT))].reset_index(drop=True)


def _table(text: str) -> Iterator[Expected]:
    lines = iter(text.splitlines())
    for line in lines:
        if _HEADER.match(line):
            next(lines)
            break
    for line in lines:
        if not line.startswith("|"):
            return
        cells = [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        yield Expected(cells[0], cells[1], cells[2] if len(cells) > 2 and cells[2] else None)


def _check(card: Scorecard, expected: list[Expected]) -> None:
    findings = {finding.id: finding for finding in card.findings}
    controls = {control.id: control for control in card.controls}
    unknown = [line.name for line in expected if line.name not in findings and line.name not in controls]
    assert not unknown, f"the card has neither findings nor controls {unknown}"
    found = [_found(line, findings.get(line.name) or controls[line.name]) for line in expected]
    assert found == expected


def _found(line: Expected, part: Any) -> Expected:
    """What the card says in place of a line, the estimate to as many decimals."""
    if line.estimate is None:
        return Expected(line.name, str(part.verdict), None)
    decimals = len(line.estimate.partition(".")[2])
    value = "null" if part.estimate is None else f"{round(part.estimate, decimals) + 0:.{decimals}f}"  # no -0
    return Expected(line.name, str(part.verdict), value)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(CASES).as_posix())
def test_page(page: Path, tmp_path: Path) -> None:
    _run(page.read_text(encoding="utf-8"), tmp_path)


def test_every_check_has_pages_of_its_id_that_expect_something_of_it() -> None:
    for name in discover()[0]:
        pages = sorted(CASES.glob(f"{name}.*.md"))
        assert pages, name
        for page in pages:
            expected = Case.read(page.read_text(encoding="utf-8")).expected
            nothing = {line.verdict for line in expected} <= {"not_assessed", "not_applicable"}
            assert nothing or any(line.name.startswith(f"{name}:") for line in expected), page


def test_every_page_is_named_after_a_check() -> None:
    checks = {page.relative_to(CASES).as_posix().split(".")[0] for page in PAGES}
    assert checks <= set(discover()[0])


PAGE = """
```csv
team,hired,count
a,1,10
b,0,10
```

```toml
[data]
prediction = "hired"
favorable = 1
sensitive = ["team"]
```

| finding or control | verdict |
|---|---|
| TK-FAI-02 | fail |
"""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("| TK-FAI-02 | fail |\n", "", "a table of expected verdicts"),
        ("| finding or control |", "| what |", "a table of expected verdicts"),
        ("TK-FAI-02", "TK-FAI-99", "neither findings nor controls"),
        ("| fail |", "| failed |", "verdicts are those of a scorecard"),
        ("| fail |", "| pass |", "pass"),
        ("| TK-FAI-02 | fail |", "| TK-FAI-02 | fail |\n| TK-FAI-02 | fail |", "expected once"),
        ("a,1,10\nb,0,10\n", "", "a page has rows"),
        ("```csv", "```text", "a csv block"),
    ],
)
def test_a_wrong_page_fails(old: str, new: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=says):
        _run(PAGE.replace(old, new), tmp_path)


def test_a_right_page_passes_and_counts_are_rows(tmp_path: Path) -> None:
    rows = _run(PAGE, tmp_path).rows
    assert rows is not None
    assert rows.value_counts().to_dict() == {("a", 1): 10, ("b", 0): 10}
