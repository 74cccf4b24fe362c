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


def by_clause(card: Scorecard) -> list[tuple[str, list[ControlResult]]]:
    """Controls under the clauses of the framework that a policy groups by; else all under no heading."""
    framework = next((policy.group_by for policy in card.policies if policy.group_by), None)
    if framework is None:
        return [("", list(card.controls))]
    groups: dict[str, list[ControlResult]] = {}
    for control in card.controls:
        for clause in control.crosswalk.get(framework, ()):
            groups.setdefault(clean(clause, 120), []).append(control)
    ordered = sorted(groups.items(), key=lambda item: natural(item[0]))
    related = {control.id for _, controls in ordered for control in controls}
    rest = [control for control in card.controls if control.id not in related]
    return [*ordered, *([(f"related to no clause of {clean(framework)}", rest)] if rest else [])]


def natural(clause: str) -> tuple[tuple[int, str, int], ...]:
    """Order in which a person would list clauses: 2.9 before 2.11."""
    parts = re.findall(r"\d{1,9}|[^\d]+", clause)
    return tuple((0, "", int(part)) if part.isdigit() else (1, part, 0) for part in parts)


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
