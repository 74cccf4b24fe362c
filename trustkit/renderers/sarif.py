"""SARIF 2.1.0, as code scanning reads it: controls are rules, what is not passed are results."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from trustkit.renderers import words
from trustkit.renderers.markdown import escaped
from trustkit.renderers.results import LEVELS, PLUGIN, Level, Places, Result, results
from trustkit.renderers.words import clean
from trustkit.scorecard import Change, ControlResult, Scorecard, Severity, Verdict

MOST_RESULTS = 25_000
"""Results that GitHub takes of one run; the worst are kept."""

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: dict[Severity, Level] = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
_SECURITY: dict[Severity, str] = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}
"""Scores within the ranges that GitHub calls critical, high, medium and low."""


def sarif(card: Scorecard, places: Places | None = None) -> str:
    """Render a scorecard as a SARIF log of one run.

    Parameters
    ----------
    card : Scorecard
        What to show.
    places : Places, optional
        Where the configuration sets each claim; without it, results point at its first line.
    """
    where = places or Places()
    found = results(card, where)
    rules = [_rule(control) for control in card.controls]
    if any(result.control is None for result in found):
        rules.append({"id": PLUGIN, "shortDescription": {"text": "A plugin did not load"}})
    index = {rule["id"]: place for place, rule in enumerate(rules)}
    taxonomies = _taxonomies(card)
    run = {
        "tool": {
            "driver": {
                "name": "trustkit",
                "version": card.run.trustkit,
                "rules": rules,
                "supportedTaxonomies": [
                    {"name": taxonomy["name"], "index": place, "guid": taxonomy["guid"]}
                    for place, taxonomy in enumerate(taxonomies)
                ],
            }
        },
        "automationDetails": {"id": f"trustkit/{quote(words.system_name(card))}/"},
        "invocations": [
            {
                "executionSuccessful": card.verdict != Verdict.ERROR
                and all(result.verdict != Verdict.ERROR for result in found),
                "startTimeUtc": card.run.started,
            }
        ],
        "taxonomies": taxonomies,
        "columnKind": "unicodeCodePoints",
        "results": [_result(result, index, where) for result in found[:MOST_RESULTS]],
        "properties": {
            "digest": card.digest,
            "gate": words.gate(card),
            "resultsLeftOff": max(len(found) - MOST_RESULTS, 0),
        },
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def clauses(control: ControlResult) -> Iterator[tuple[str, str]]:
    """Each text that a control cites or is related to, with the clause of it."""
    for source in control.sources:
        text, _, clause = source.partition(" ")
        # A document symbol of the United Nations has slashes and no blank; others are not taken apart.
        yield (text, clause) if "/" in text and clause else ("sources", source)
    for text, related in control.crosswalk.items():
        for clause in related:
            yield text, clause


def _rule(control: ControlResult) -> dict[str, Any]:
    tags = [control.principle, control.area, f"severity/{control.severity}"]
    properties: dict[str, Any] = {"tags": tags, "severity": control.severity}
    if control.area == "security":
        properties["security-severity"] = _SECURITY[control.severity]
    related = dict.fromkeys(clauses(control))
    return {
        "id": control.id,
        "shortDescription": {"text": clean(control.title, 200)},
        "fullDescription": {"text": clean(control.requirement, 1000)},
        "help": {
            "text": "\n\n".join(f"{head}: {text}" for head, text in _help(control)),
            "markdown": "\n\n".join(f"**{head}**: {escaped(text)}" for head, text in _help(control)),
        },
        "defaultConfiguration": {"level": _LEVELS[control.severity]},
        "relationships": [
            {
                "target": {"id": clause, "toolComponent": {"name": text, "guid": _guid(text)}},
                "kinds": ["relevant"],
            }
            for text, clause in related
        ],
        "properties": properties,
    }


def _help(control: ControlResult) -> Iterator[tuple[str, str]]:
    yield "Requirement", clean(control.requirement, 1000)
    if control.sources:
        yield "Evidence aligned with", clean(", ".join(control.sources), 1000)
    for text, related in control.crosswalk.items():
        yield f"Related in {clean(text)}", clean(", ".join(related), 1000)
    if control.remedy:
        yield "Remedy", clean(control.remedy, 1000)


def _taxonomies(card: Scorecard) -> list[dict[str, Any]]:
    """Texts that the controls cite, each with the clauses cited."""
    cited: dict[str, dict[str, None]] = {}
    for control in card.controls:
        for text, clause in clauses(control):
            cited.setdefault(text, {})[clause] = None
    return [_taxonomy(text, found) for text, found in cited.items()]


def _taxonomy(text: str, cited: Iterable[str]) -> dict[str, Any]:
    said = f"Clauses of {clean(text)} that controls cite. Evidence aligned with one is no compliance."
    return {
        "name": text,
        "guid": _guid(text),
        "shortDescription": {"text": said},
        "isComprehensive": False,
        "taxa": [{"id": clause} for clause in cited],
    }


def _guid(text: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:trustkit:taxonomy:{text}"))


def _result(result: Result, index: dict[str, int], places: Places) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ruleId": result.rule,
        "ruleIndex": index[result.rule],
        "level": result.level,
        "message": {"text": _message(result)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(places.file), "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": result.line},
                }
            }
        ],
        # GitHub tells alerts apart by the first of these alone; it would hash the line, which several share.
        "partialFingerprints": {
            "primaryLocationLineHash": f"{result.fingerprint[:32]}:1",
            "trustkitFinding/v1": result.fingerprint,
        },
        "suppressions": _suppressions(result),
        "properties": {"verdict": result.verdict.value},
    }
    if result.finding is not None and result.finding.baseline is not None:
        made["baselineState"] = _state(result.finding.baseline)
    if result.finding is not None:
        made["properties"] |= result.finding.model_dump(
            mode="json", include={"id", "estimate", "interval", "level", "n", "reference_n"}
        )
    return made


def _state(change: Change) -> str:
    """How a finding stands to the baseline's: it was no result there, or it is worse, or it is as it was."""
    if change.verdict not in LEVELS:
        return "new"
    return "updated" if change.worse else "unchanged"


def _message(result: Result) -> str:
    text = f"{result.title}: {result.text}"
    if result.remedy:
        text += f"\n{result.remedy}"
    return text.replace("](", "] (")  # no label makes a link


def _suppressions(result: Result) -> list[dict[str, str]]:
    if result.control is None or result.control.waiver is None:
        return []
    waiver = words.waiver(result.control)
    return [{"kind": "external", "status": "accepted", "justification": waiver}]
