"""An in-toto statement of the test result, over the digests of the card and of what was audited."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from trustkit.scorecard import Scorecard, Verdict

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"


def intoto(card: Scorecard) -> str:
    """Render a scorecard as an unsigned in-toto statement."""
    return json.dumps(statement(card), indent=1, ensure_ascii=False) + "\n"


def statement(card: Scorecard, sha256: str | None = None) -> dict[str, Any]:
    """Return the statement that binds a card, the model, the data and the documents.

    Each control is in one of three lists: passed; failed, which is a failure,
    an error or whatever blocks the gate; or warned, which is all else.

    Parameters
    ----------
    card : Scorecard
        What to state.
    sha256 : str, optional
        Hex digest of the card's file; by default that of the JSON which this
        release writes. The digest of what was found, which no release moves,
        stands beside it as ``trustkitScorecard1``.
    """
    digests = {
        "sha256": sha256 or hashlib.sha256(card.to_json().encode()).hexdigest(),
        "trustkitScorecard1": card.digest.removeprefix("sha256:"),
    }
    tests: dict[str, list[str]] = {"passedTests": [], "warnedTests": [], "failedTests": []}
    for control in card.controls:
        if control.verdict != Verdict.NOT_APPLICABLE:
            lifted = control.waiver is not None
            tests[_list(control.verdict, lifted, control.id in card.gate.blocking)].append(control.id)
    warned = "WARNED" if tests["warnedTests"] or tests["failedTests"] else "PASSED"
    return {
        "_type": STATEMENT,
        "subject": [{"name": "scorecard.json", "digest": digests}, *_inputs(card)],
        "predicateType": PREDICATE,
        "predicate": {
            "result": warned if card.gate.holds else "FAILED",
            "configuration": [
                {"name": f"{policy.id}@{policy.version}", "digest": {"sha256": policy.sha256}}
                for policy in card.policies
            ],
            **tests,
        },
    }


def _list(verdict: Verdict, lifted: bool, blocks: bool) -> str:
    if blocks or verdict == Verdict.ERROR or (verdict == Verdict.FAIL and not lifted):
        return "failedTests"
    return "passedTests" if verdict == Verdict.PASS else "warnedTests"


def _inputs(card: Scorecard) -> list[dict[str, Any]]:
    """Files that were read, each once."""
    read = {(file.path, file.sha256): file.role for file in card.run.inputs}
    return [
        {"name": path, "digest": {"sha256": sha256}, "annotations": {"role": role}}
        for (path, sha256), role in read.items()
    ]
