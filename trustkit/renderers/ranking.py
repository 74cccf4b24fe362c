"""What a reader should see first: failures worst first, what is open cheapest first."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from trustkit.renderers import words
from trustkit.renderers.words import clean
from trustkit.scorecard import WEIGHTS, ControlResult, Finding, Scorecard, Verdict

MOST_NEEDS_OF_ONE = 3
_ROWS = re.compile(r"about ([\d,]{1,20}) more rows")
_MISSING = re.compile(r"the check (\S{1,80}) does not exist yet")


def worst_first(card: Scorecard) -> list[int]:
    """Places of findings by the weight of their gravest control, then by the distance to their limit."""
    weight = dict.fromkeys(range(len(card.findings)), 0.0)
    for control in card.controls:
        for place in control.findings:
            weight[place] = max(weight[place], WEIGHTS[control.severity])
    return sorted(weight, key=lambda place: (-weight[place], -excess(card.findings[place])))


def excess(finding: Finding) -> float:
    """Distance between an estimate and its limit; infinite where one of them is missing."""
    if finding.limit is None or finding.estimate is None:
        return math.inf
    return abs(finding.estimate - float(finding.limit.get("min", finding.limit.get("max", math.inf))))


def needs(card: Scorecard, most_of_one: int = MOST_NEEDS_OF_ONE) -> dict[str, list[ControlResult]]:
    """What would settle the open controls, each need once with the controls it serves, cheapest first."""
    wanted: dict[str, list[ControlResult]] = {}
    price: dict[str, float] = {}
    for control in card.controls:
        if control.verdict not in (Verdict.INCONCLUSIVE, Verdict.NOT_ASSESSED):
            continue
        known = [need for need in control.needs if need != "not selected"]
        for need in known[:most_of_one] or _unsettled(card, control):
            said = clean(need, 200)
            wanted.setdefault(said, []).append(control)
            price[said] = min(price.get(said, math.inf), _price(need, control))
    return {need: wanted[need] for need in sorted(wanted, key=price.__getitem__)}


def _price(need: str, control: ControlResult) -> float:
    """Rows that a need asks for; naming a column or a file costs none, and nothing known the most."""
    rows = _ROWS.match(need)
    if rows:
        return int(rows[1].replace(",", ""))
    if missing_check(need):
        return math.inf
    return 0 if control.verdict == Verdict.NOT_ASSESSED or need.startswith("supply ") else math.inf


def missing_check(need: str) -> str:
    """Name of the check that a need waits for, which no owner can supply; empty where it is none."""
    found = _MISSING.fullmatch(need)
    return clean(found[1]) if found else ""


def _unsettled(card: Scorecard, control: ControlResult) -> Iterator[str]:
    """What holds a control open though it names no need: an attestation, or its first open claim."""
    if control.needs:
        return iter(())  # it was not selected
    if control.evidence_class == "attestation":
        return iter(["an attestation: who answers for it, since when and until when"])
    unsure = [finding for finding in card.findings_of(control) if finding.verdict == Verdict.INCONCLUSIVE]
    return (f"open: {words.line(finding)}" for finding in unsure[:1])
