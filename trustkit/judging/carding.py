"""From evidence and a plan to a card: enter the claims, judge them together, settle each control."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import trustkit
from trustkit.evidence import Evidence
from trustkit.judging.baseline import against, baseline_notes
from trustkit.judging.claims import Claim, Judgment, figure_intervals, judge_claims
from trustkit.judging.coverage import covered
from trustkit.judging.docket import Docket, Fault, Figure, Part
from trustkit.judging.gate import Waivers, attested, gate_of
from trustkit.judging.pairing import same_rows
from trustkit.judging.plan import Plan
from trustkit.judging.wording import claim_message, figure_message, needs_of
from trustkit.measure.intervals import Certain
from trustkit.policy import Control, Policy, unconfirmed
from trustkit.scorecard import (
    Area,
    ControlResult,
    Cost,
    Finding,
    Input,
    PolicyUsed,
    Principle,
    Run,
    Score,
    Scorecard,
    Verdict,
)

_PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "narwhals", "scikit-learn", "fairlearn", "pydantic")
_PRINCIPLES = ("safe", "secure", "trustworthy")

Judgments = Mapping[str, Judgment]
Intervals = Mapping[str, tuple[float, float]]
"""By the id of a finding."""


def card(
    evidence: Evidence,
    plan: Plan,
    broken: Mapping[str, str],
    *,
    started: datetime,
    clock: float,
    baseline: Scorecard | Evidence | None = None,
) -> Scorecard:
    """Judge evidence by a plan.

    Parameters
    ----------
    evidence : Evidence
        What was collected.
    plan : Plan
        What is asked.
    broken : mapping of str to str
        Plugins that did not load.
    started : datetime
        When the run began, UTC.
    clock : float
        Reading of `time.perf_counter` then.
    baseline : Scorecard or Evidence, optional
        An earlier card: what is worse than it blocks, what failed on it already does not. Earlier evidence is
        judged by the same plan first; where it is of the same rows, both are compared row by row.
    """
    docket, judged, intervals = _measured(evidence, plan)
    figures, claims = docket.of(Figure), docket.of(Claim)
    findings = {id: _finding(id, line, judged, intervals, plan) for id, line in docket.lines.items()}
    findings |= {
        f"plugin:{name}:": _fault(f"plugin:{name}:", Fault(name, "", why)) for name, why in broken.items()
    }
    held = None
    if baseline is not None:
        ids = [[id for part in parts for id in part.ids] for parts in docket.parts.values()]
        rows = same_rows(evidence, baseline if isinstance(baseline, Evidence) else None, plan)
        if isinstance(baseline, Evidence):
            baseline = card(baseline, plan, broken, started=started, clock=clock)
        findings, held = against(baseline, findings, ids, evidence, plan, rows)
    waivers = Waivers(plan.config.waivers, plan.as_of)
    where = {id: i for i, id in enumerate(findings)}
    controls = tuple(
        _control(control, docket.parts[control.id], claims, figures, judged, findings, where, waivers, plan)
        for control, _ in plan.controls
    )
    verdicts = [control.verdict for control in controls] + ([Verdict.ERROR] if broken else [])
    gate = gate_of(plan.config, controls, tuple(findings.values()), broken=bool(broken), baseline=held)
    notes = [*_trusted(evidence), *waivers.notes(), *plan.loosened(), _method(evidence, plan, len(claims))]
    notes += baseline_notes(gate, findings.values(), evidence.system.get("name"))
    made = Scorecard(
        digest="",
        verdict=_joined(verdicts),
        only=plan.only,
        alpha=plan.alpha,
        gate=gate,
        score=None if plan.only is not None else Score.of(controls),
        system=evidence.system,
        policies=tuple(_policy(policy) for policy in plan.policies),
        principles=_principles(controls, plan.only is not None),
        controls=controls,
        findings=tuple(findings.values()),
        notes=tuple(notes),
        conventions=_conventions([line for line in docket.lines.values() if not isinstance(line, Fault)]),
        evidence=tuple(_cost(evidence, cost) for cost in evidence.costs),
        run=_run(evidence, plan, started, clock),
    )
    return made.model_copy(update={"digest": made.content_digest()})


def _measured(evidence: Evidence, plan: Plan) -> tuple[Docket, Judgments, Intervals]:
    """Run the checks and judge what they yield; one whose figures raise then is an error of its own."""
    docket = Docket(evidence, plan)
    try:
        return docket, *_judged_together(docket, plan.alpha)
    except Exception:
        faults = dict(_faults(docket, plan.alpha))
        if not faults:
            raise
    docket = Docket(evidence, plan, faults)
    return docket, *_judged_together(docket, plan.alpha)


def _judged_together(docket: Docket, alpha: float) -> tuple[Judgments, Intervals]:
    """Judgment of each claim, and interval of each figure."""
    claims, figures = docket.of(Claim), docket.of(Figure)
    place = {id: i for i, id in enumerate(claims)}
    families = [
        [place[id] for part in parts for id in part.ids if id in place] for parts in docket.parts.values()
    ]
    judged = judge_claims(list(claims.values()), families, alpha)
    shown = figure_intervals([figure.estimate for figure in figures.values()], alpha)
    return dict(zip(claims, judged, strict=True)), dict(zip(figures, shown, strict=True))


def _faults(docket: Docket, alpha: float) -> Iterator[tuple[str, str]]:
    """Id and traceback of each check whose figures cannot be judged even by themselves."""
    lines: list[Claim | Figure] = [*docket.of(Figure).values(), *docket.of(Claim).values()]
    for name in dict.fromkeys(line.check.id for line in lines):
        claims = [line for line in lines if isinstance(line, Claim) and line.check.id == name]
        figures = [line.estimate for line in lines if isinstance(line, Figure) and line.check.id == name]
        try:
            judge_claims(claims, [range(len(claims))], alpha)
            figure_intervals(figures, alpha)
        except Exception:
            yield name, traceback.format_exc()


def _finding(
    id: str,
    line: Claim | Figure | Fault,
    judged: Judgments,
    intervals: Intervals,
    plan: Plan,
) -> Finding:
    if isinstance(line, Fault):
        return _fault(id, line)
    if isinstance(line, Figure):
        return _figure(id, line, intervals[id], plan)
    return _judged(id, line, judged[id], plan.config.policy.min_cell)


def _judged(id: str, claim: Claim, judgment: Judgment, min_cell: int) -> Finding:
    verdict = Verdict.FAIL if judgment.failed else Verdict.PASS if judgment.passed else Verdict.INCONCLUSIVE
    estimate, hidden = claim.estimate, claim.why is not None and claim.why.startswith("n<")
    sampled = claim.why is None and estimate.limits is not None and not claim.certain
    return Finding(
        id=id,
        check=claim.check.id,
        check_version=claim.check.version,
        metric=estimate.metric,
        subject=estimate.subject,
        estimate=None if hidden else _finite(estimate.value),
        interval=_interval(judgment.interval) if sampled else None,
        level=1 - 2 * judgment.level if sampled else None,
        pass_interval=_interval(judgment.pass_interval) if sampled else None,
        p_fail=judgment.p if sampled else None,
        limit=claim.limit,
        n=_count(estimate.n, min_cell),
        reference_n=_count(estimate.reference_n, min_cell),
        rows_needed=judgment.rows_needed if verdict == Verdict.INCONCLUSIVE else None,
        detectable=judgment.detectable if sampled else None,
        verdict=verdict,
        why=claim.why or estimate.why,
        message=claim_message(claim, judgment, verdict),
        remedy=None if verdict == Verdict.PASS else claim.check.remedy,
    )


def _figure(id: str, figure: Figure, interval: tuple[float, float], plan: Plan) -> Finding:
    estimate, min_cell = figure.estimate, plan.config.policy.min_cell
    certain = isinstance(estimate.limits, Certain)
    sampled = figure.why is None and estimate.limits is not None and not certain
    return Finding(
        id=id,
        check=figure.check.id,
        check_version=figure.check.version,
        metric=estimate.metric,
        subject=estimate.subject,
        estimate=None if figure.why else _finite(estimate.value),
        interval=_interval(interval) if sampled else None,
        level=1 - 2 * plan.alpha if sampled else None,
        pass_interval=None,
        p_fail=None,
        limit=None,
        n=_count(estimate.n, min_cell),
        reference_n=_count(estimate.reference_n, min_cell),
        rows_needed=None,
        detectable=None,
        verdict=Verdict.NOT_APPLICABLE,
        why=figure.why or estimate.why,
        message=figure_message(figure.check, estimate, figure.why),
        remedy=None,
    )


def _fault(id: str, fault: Fault) -> Finding:
    last = fault.trace.strip().rsplit("\n", 1)[-1]
    return Finding(
        id=id,
        check=fault.check,
        check_version=fault.version,
        metric="error",
        subject={},
        estimate=None,
        interval=None,
        level=None,
        pass_interval=None,
        p_fail=None,
        limit=None,
        n=None,
        reference_n=None,
        rows_needed=None,
        detectable=None,
        verdict=Verdict.ERROR,
        why=fault.trace,
        message=f"could not be measured: {last}",
        remedy="Mend what the traceback names and audit again; until then nothing is known here.",
    )


def _control(
    control: Control,
    parts: Sequence[Part],
    claims: Mapping[str, Claim],
    figures: Mapping[str, Figure],
    judged: Judgments,
    findings: Mapping[str, Finding],
    where: Mapping[str, int],
    waivers: Waivers,
    plan: Plan,
) -> ControlResult:
    ids = list(dict.fromkeys(id for part in parts for id in part.ids))
    verdict, attestation = attested(control, plan.config, plan.as_of)
    if verdict is None:
        verdict = _joined([_verdict(part, findings) for part in parts])
    mine = [id for id in ids if id in claims]
    open_ = [id for id in mine if findings[id].verdict == Verdict.INCONCLUSIVE]
    # what does not concern the system is worth a word only where nothing else does
    aside = all(part.verdict == Verdict.NOT_APPLICABLE for part in parts)
    needs = [need for part in parts for need in part.needs if aside or part.verdict != Verdict.NOT_APPLICABLE]
    if control.evidence == "attestation" and verdict != Verdict.ATTESTED:
        needs.append(f"an attestation in force: attestations.{control.id} (statement, by, on, expires)")
    needs += needs_of([claims[id] for id in open_], [judged[id] for id in open_], plan.config.policy.min_cell)
    settled = [findings[id].verdict != Verdict.INCONCLUSIVE for id in mine]
    shown = [figures[id].estimate for id in ids if id in figures]
    return ControlResult(
        id=control.id,
        principle=control.principle,
        area=control.area,
        title=control.title,
        requirement=control.requirement,
        severity=control.severity,
        verdict=verdict,
        sources=control.sources,
        crosswalk=control.crosswalk,
        covers=covered([claims[id] for id in mine], settled, shown),
        needs=tuple(dict.fromkeys(needs)),
        waiver=waivers.lift(control.id, [findings[id] for id in ids], verdict),
        attestation=attestation,
        findings=tuple(where[id] for id in ids),
        evidence_class=control.evidence,
        remedy=control.remedy,
        effort=control.effort,
        unconfirmed=unconfirmed(control),
    )


def _conventions(lines: Sequence[Claim | Figure]) -> dict[str, dict[str, str]]:
    """How the figures on the card are made, by check and metric."""
    made: dict[str, dict[str, str]] = {}
    for line in lines:
        convention = line.check.metrics[line.estimate.metric].convention
        if convention:
            made.setdefault(line.check.id, {})[line.estimate.metric] = convention
    return made


def _policy(policy: Policy) -> PolicyUsed:
    return PolicyUsed(
        id=policy.id,
        version=policy.version,
        sha256=policy.sha256,
        title=policy.title,
        group_by=policy.group_by,
    )


def _verdict(part: Part, findings: Mapping[str, Finding]) -> Verdict:
    beside = part.verdict or Verdict.NOT_ASSESSED
    claimed = [findings[id].verdict for id in part.ids]
    return Verdict.worst(claimed if part.verdict is None else [*claimed, beside], beside)


def _joined(verdicts: Sequence[Verdict]) -> Verdict:
    """Worst of several parts; not applicable only where nothing is asked in any of them."""
    aside = bool(verdicts) and all(verdict == Verdict.NOT_APPLICABLE for verdict in verdicts)
    return Verdict.worst(verdicts, Verdict.NOT_APPLICABLE if aside else Verdict.NOT_ASSESSED)


def _principles(controls: Sequence[ControlResult], partial: bool) -> tuple[Principle, ...]:
    """Verdicts and scores of the principles and areas that the policy has."""

    def joined(part: Sequence[ControlResult]) -> dict[str, Any]:
        verdict = _joined([control.verdict for control in part])
        return {"verdict": verdict, "score": None if partial else Score.of(part)}

    made = []
    for name in _PRINCIPLES:
        of = [control for control in controls if control.principle == name]
        areas = tuple(
            Area(id=area, **joined([control for control in of if control.area == area]))
            for area in dict.fromkeys(control.area for control in of)
        )
        if of:
            made.append(Principle(id=name, areas=areas, **joined(of)))
    return tuple(made)


def _trusted(evidence: Evidence) -> list[str]:
    """Say whose code ran; which limits held is said where the model was called, outside the digest."""
    model = evidence.system.get("model")
    if model is None:
        return [] if evidence.isolation is None else [evidence.isolation]
    if model == "an endpoint":
        return ["the model answered at an endpoint: what runs there was neither scanned nor seen"]
    if evidence.isolation is not None:
        return [
            f"the model, a {model}, came from a file: scanned, then loaded and run in a process of its own"
        ]
    return [
        f"the model, a {model}, ran in the audit's own process: its code was trusted, not scanned or isolated"
    ]


def _method(evidence: Evidence, plan: Plan, claims: int) -> str:
    sample = evidence.system.get("sample")
    stands = f"of {sample}" if sample else "of decisions that are not declared (data.sample)"
    return (
        f"{claims} claims share alpha = {plan.alpha:g}, by weighted Holm, on this card alone: a rerun on "
        f"other rows spends it again. Assumed: rows (or units) are an independent sample {stands}."
    )


def _cost(evidence: Evidence, cost: Any) -> Cost:
    kind = evidence.kinds.get(cost.kind)
    notes = tuple(kind.notes()) if kind is not None else (f"{cost.kind} could not be collected",)
    if cost.sample is not None:
        notes += (cost.sample,)
    if evidence.isolation is not None and cost.model_calls:
        notes += (evidence.isolation,)
    if evidence.reused is not None:
        notes += (f"reused: collected {evidence.reused} of equal files, configuration, seed and packages",)
    return Cost(
        kind=cost.kind,
        seconds=round(cost.seconds, 4),
        rows=cost.rows,
        model_calls=cost.model_calls,
        notes=notes,
    )


def _run(evidence: Evidence, plan: Plan, started: datetime, clock: float) -> Run:
    return Run(
        trustkit=trustkit.__version__,
        as_of=plan.as_of.isoformat(),
        started=started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        seconds=round(time.perf_counter() - clock, 3),
        seed=evidence.seed,
        inputs=tuple(Input(role=r.role, path=r.path, sha256=r.sha256, rows=r.rows) for r in evidence.inputs),
        packages=_packages(),
    )


@cache
def _packages() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _interval(ends: tuple[float, float]) -> tuple[float | None, float | None]:
    return _finite(ends[0]), _finite(ends[1])


def _count(n: int | None, min_cell: int) -> int | None:
    return None if n is None or n < min_cell else n
