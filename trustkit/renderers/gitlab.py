"""GitLab's code quality report: what is not passed, at the line of the configuration that sets it."""

from __future__ import annotations

import json
from typing import Any

from trustkit.renderers.results import Places, Result, results
from trustkit.scorecard import Scorecard, Severity

_FAILED: dict[Severity, str] = {
    "critical": "blocker",
    "high": "critical",
    "medium": "major",
    "low": "minor",
}


def gitlab(card: Scorecard, places: Places | None = None) -> str:
    """Render a scorecard as a code quality report: a list of issues.

    Parameters
    ----------
    card : Scorecard
        What to show.
    places : Places, optional
        Where the configuration sets each claim; without it, issues point at its first line.
    """
    where = places or Places()
    issues = [_issue(result, where) for result in results(card, where)]
    return json.dumps(issues, indent=1, ensure_ascii=False) + "\n"


def _issue(result: Result, places: Places) -> dict[str, Any]:
    lifted = f" ({result.lifted})" if result.lifted else ""
    return {
        "check_name": result.rule,
        # GitLab does not show the name of the check.
        "description": f"{result.title}: {result.text}{lifted}",
        "fingerprint": result.fingerprint,
        "severity": _severity(result),
        "location": {"path": places.file, "lines": {"begin": result.line}},
    }


def _severity(result: Result) -> str:
    if result.lifted or result.level == "note":
        return "info"
    if result.level == "warning":
        return "minor"
    return _FAILED[result.control.severity] if result.control is not None else "critical"
