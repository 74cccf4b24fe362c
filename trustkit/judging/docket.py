"""The docket: every claim and figure of a card, each once, before any is judged."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any, TypeAlias, TypeVar

from trustkit.checks.base import JUDGED, Check, Estimate, NotApplicable
from trustkit.evidence import Evidence
from trustkit.judging.claims import Claim, Side, figure_id
from trustkit.judging.coverage import groups_of, small_groups
from trustkit.judging.plan import Ask, Plan
from trustkit.measure.intervals import Certain
from trustkit.policy import Control
from trustkit.scorecard import Verdict

Outcome: TypeAlias = list[Estimate] | NotApplicable | str
"""Estimates of a check, or why there are none, or the traceback of its error."""


_NONE = {
    "all": "nothing was measured",
    "single": "no groups of one attribute were measured",
    "intersections": "no groups of two attributes were measured: declare two in data.sensitive",
}


@dataclass(frozen=True)
class Figure:
    """An estimate that no limit bounds."""

    check: Check
    estimate: Estimate
    why: str | None


@dataclass(frozen=True)
class Fault:
    """A check that raised, or whose evidence could not be collected."""

    check: str
    version: str
    trace: str


Line: TypeAlias = Claim | Figure | Fault
L = TypeVar("L", Claim, Figure)


@dataclass(frozen=True)
class Part:
    """What one ask of a control came to.

    Attributes
    ----------
    ids : tuple of str
        Its lines.
    verdict : Verdict or None
        What stands beside its claims: not assessed where something that was
        asked could not be measured, not applicable where nothing is asked.
    needs : tuple of str
        What would settle it.
    """

    ids: tuple[str, ...] = ()
    verdict: Verdict | None = None
    needs: tuple[str, ...] = ()


class Docket:
    """Runs the checks that a plan asks for, each once, and enters what they yield.

    Parameters
    ----------
    evidence : Evidence
        What was collected.
    plan : Plan
        What is asked.
    faults : mapping of str to str
        By check, the traceback of one that is not to be run again.

    Attributes
    ----------
    lines : dict of str to Line
        By the id of their finding.
    parts : dict of str to list of Part
        By control.
    """

    def __init__(self, evidence: Evidence, plan: Plan, faults: Mapping[str, str] | None = None) -> None:
        self.lines: dict[str, Line] = {}
        self._evidence, self._plan, self._faults = evidence, plan, faults or {}
        self._outcomes: dict[str, Outcome] = {}
        self.parts = {
            control.id: [self._part(control, ask) for ask in asks] for control, asks in plan.controls
        }

    def of(self, kind: type[L]) -> dict[str, L]:
        """Lines of one kind, by the id of their finding."""
        return {id: line for id, line in self.lines.items() if isinstance(line, kind)}

    def _part(self, control: Control, ask: Ask) -> Part:
        if not ask.selected:
            return Part(verdict=Verdict.NOT_ASSESSED, needs=("not selected",))
        check = self._plan.checks.get(ask.use.check)
        if check is None:
            return Part(
                verdict=Verdict.NOT_ASSESSED, needs=(f"the check {ask.use.check} does not exist yet",)
            )
        outcome = self._faults.get(check.id) or self._outcome(check, ask.options)
        if isinstance(outcome, NotApplicable):
            return _unmeasured(outcome)
        if isinstance(outcome, str):
            return Part(
                (self._enter(f"{check.id}:error:", Fault(check.id, check.version, outcome), control),)
            )
        mine = [estimate for estimate in outcome if _is_of(estimate, ask.use.groups)]
        if not mine:
            return Part(verdict=Verdict.NOT_ASSESSED, needs=(_NONE[ask.use.groups],))
        return self._measured(control, ask, check, mine)

    def _outcome(self, check: Check, options: Mapping[str, Any]) -> Outcome:
        key = f"{check.id} {sorted(options.items())!r}"
        if key not in self._outcomes:
            filled: dict[str, Any] = {"as_of": self._plan.as_of} if "as_of" in check.options else {}
            if check.knows_judged:
                filled[JUDGED] = self._plan.judged(check.id)
            self._outcomes[key] = _run(check, {**filled, **options}, self._evidence)
        return self._outcomes[key]

    def _measured(self, control: Control, ask: Ask, check: Check, estimates: Sequence[Estimate]) -> Part:
        policy = self._plan.config.policy
        listed = (
            small_groups(estimates, policy.min_cell, policy.min_share)
            if policy.small_groups == "list"
            else {}
        )
        ids = []
        for estimate in estimates:
            base, why = figure_id(check, estimate), _too_small(estimate, policy.min_cell)
            if estimate.supply is not None and isnan(estimate.value):
                why = estimate.why
            claims = (
                [] if groups_of(estimate) & listed.keys() else list(_claims(check, estimate, ask.limits, why))
            )
            ids += [self._enter(f"{base}:{claim.side}", claim, control) for claim in claims]
            if not claims:
                ids.append(self._enter(base, Figure(check, estimate, why), control))
        needs = [f"not covered, too small: {name}" for name in listed.values()]
        verdict, open_ = _beside(ask, check, estimates)
        return Part(tuple(dict.fromkeys(ids)), verdict, tuple(needs + open_))

    def _enter(self, id: str, line: Line, control: Control) -> str:
        """Enter a line; the same claim of two controls is one, under other limits it is another."""
        known = self.lines.setdefault(id, line)
        if isinstance(known, Claim) and isinstance(line, Claim) and known.bound != line.bound:
            id = f"{id}:{control.id}"
            self.lines[id] = line
        return id


def _beside(ask: Ask, check: Check, estimates: Sequence[Estimate]) -> tuple[Verdict | None, list[str]]:
    """What a control has beside its claims, and what it needs: figures that are lacking, or a limit."""
    asked = {name.partition("_")[2] for name in ask.limits}
    lacking = [
        e.supply for e in estimates if e.supply is not None and (ask.use.reported or e.metric in asked)
    ]
    if lacking:
        return Verdict.NOT_ASSESSED, [f"supply {supply}" for supply in lacking]
    if ask.limits:
        return None, []
    if ask.use.reported:
        return Verdict.NOT_APPLICABLE, ["reported: the source asks for these figures and sets no mark"]
    return None, [f'a limit: limits."{check.id}" sets one on {", ".join(check.metrics)}']


def _unmeasured(signal: NotApplicable) -> Part:
    if signal.supply is None:
        return Part(verdict=Verdict.NOT_APPLICABLE, needs=(f"not applicable: {signal.reason}",))
    return Part(verdict=Verdict.NOT_ASSESSED, needs=(f"supply {signal.supply}",))


def _run(check: Check, options: Mapping[str, Any], evidence: Evidence) -> Outcome:
    kinds = {name: str(getattr(kind, "kind", kind)) for name, kind in check.needs.items()}
    for name, kind in kinds.items():
        if kind in evidence.errors:
            return evidence.errors[kind]
        if kind not in evidence.kinds and name not in check.optional:
            return NotApplicable(*evidence.absent.get(kind, (f"there is no evidence of kind {kind}", None)))
    if evidence.private and not check.bears_noise:
        return NotApplicable(
            "noise was added to the counts, and this check does not reckon with it",
            supply="the evidence as it was collected: noise was added to these counts",
        )
    try:
        return check(*(evidence.kinds.get(kind) for kind in kinds.values()), **options)
    except NotApplicable as signal:
        return signal
    except Exception:
        return traceback.format_exc()


def _claims(
    check: Check, estimate: Estimate, limits: Mapping[str, Mapping[str, Any]], why: str | None
) -> Iterator[Claim]:
    """One claim a side: of a two-sided estimate also the other side of its limit."""
    if estimate.supply is not None:
        return
    sides: tuple[Side, Side] = ("min", "max")
    if why is None and (estimate.limits is None or (_is_fact(estimate) and isnan(estimate.value))):
        why = estimate.why
    for side, other in (sides, sides[::-1]):
        limit, opposite = limits.get(f"{side}_{estimate.metric}"), limits.get(f"{other}_{estimate.metric}")
        if limit is None and opposite is not None and estimate.two_sided:
            limit = {**opposite, "value": _mirrored(check, estimate, opposite["value"])}
        if limit is not None:
            shown = {side: limit["value"], **{key: value for key, value in limit.items() if key != "value"}}
            yield Claim(check, estimate, side, limit["value"], shown, why)


def _mirrored(check: Check, estimate: Estimate, value: float) -> float:
    return 1 / value if check.metrics[estimate.metric].unit == "ratio" else -value


def _too_small(estimate: Estimate, min_cell: int) -> str | None:
    """Why an estimate is of too few rows; a fact, and what a file or document holds, is of no people."""
    subject = estimate.subject
    of_people = bool({"groups", "class", "stratum"} & subject.keys()) or not (_is_fact(estimate) or subject)
    if not of_people:
        return None
    few = min(estimate.n, estimate.n if estimate.reference_n is None else estimate.reference_n)
    return f"n<{min_cell}" if few < min_cell else None


def _is_fact(estimate: Estimate) -> bool:
    return isinstance(estimate.limits, Certain)


def _is_of(estimate: Estimate, groups: str) -> bool:
    count = len(estimate.subject.get("groups", {}))
    return groups == "all" or (count > 1 if groups == "intersections" else count <= 1)
