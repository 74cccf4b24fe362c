"""The findings as comma-separated values, one a line; a text cell is never a formula."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from csv import writer

from trustkit.renderers import words
from trustkit.renderers.words import clean
from trustkit.scorecard import Finding, Scorecard

COLUMNS = (
    "id",
    "controls",
    "verdict",
    "check",
    "check_version",
    "metric",
    "subject",
    "estimate",
    "low",
    "high",
    "level",
    "pass_low",
    "pass_high",
    "p_fail",
    "limit_min",
    "limit_max",
    "limit_source",
    "n",
    "reference_n",
    "rows_needed",
    "detectable",
    "why",
    "message",
    "remedy",
)
"""Names of the columns; their meaning is that of the keys of a finding in ``scorecard.json``."""

_MOST_TEXT = 5000
_FORMULA = tuple("=+-@＝＋－＠")  # noqa: RUF001 (spreadsheets take the wide forms too)
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")

Cell = str | float | None


def csv(card: Scorecard) -> str:
    """Render the findings of a scorecard as a table with a line of names, in UTF-8 without a mark."""
    page = io.StringIO()
    table = writer(page, lineterminator="\n")
    table.writerow(COLUMNS)
    for finding, controls in zip(card.findings, _controls(card), strict=True):
        cells = _row(finding, controls)
        table.writerow([inert(cell) if isinstance(cell, str) else cell for cell in cells])
    return page.getvalue()


def _controls(card: Scorecard) -> Iterator[str]:
    """Ids of the controls that each finding settles, between blanks."""
    of: list[list[str]] = [[] for _ in card.findings]
    for control in card.controls:
        for place in control.findings:
            of[place].append(control.id)
    return (" ".join(ids) for ids in of)


def _row(finding: Finding, controls: str) -> Sequence[Cell]:
    limit = finding.limit or {}
    return (
        finding.id,
        controls,
        finding.verdict.value,
        finding.check,
        finding.check_version,
        finding.metric,
        words.whom(finding.subject),
        finding.estimate,
        *(finding.interval or (None, None)),
        finding.level,
        *(finding.pass_interval or (None, None)),
        finding.p_fail,
        limit.get("min"),
        limit.get("max"),
        limit.get("source"),
        finding.n,
        finding.reference_n,
        finding.rows_needed,
        finding.detectable,
        finding.why,
        finding.message,
        finding.remedy,
    )


def inert(text: str) -> str:
    """Text on one line that no spreadsheet takes for a formula; what is a plain number stays one."""
    line = clean(text, _MOST_TEXT)
    return f"'{line}" if line.startswith(_FORMULA) and not _NUMBER.fullmatch(line) else line
