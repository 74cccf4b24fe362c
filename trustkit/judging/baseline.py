"""A card against its baseline: each finding beside the earlier one, and what the card says of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from trustkit.comparing import compared
from trustkit.evidence import Evidence
from trustkit.judging.gate import is_worse
from trustkit.judging.plan import Plan
from trustkit.judging.wording import number
from trustkit.measure.changes import SameRows
from trustkit.scorecard import Baseline, Finding, Gate, Run, Scorecard

_MOST = 10
"""Claims that are worse and named in the notes."""


def against(
    baseline: Scorecard,
    findings: Mapping[str, Finding],
    families: Sequence[Sequence[str]],
    evidence: Evidence,
    plan: Plan,
    same_rows: SameRows | None,
) -> tuple[dict[str, Finding], Baseline]:
    """Hold findings against an earlier card.

    Parameters
    ----------
    baseline : Scorecard
        The earlier card.
    findings : mapping of str to Finding
        By id.
    families : sequence of sequences of str
        Ids of the findings of each control.
    evidence : Evidence
        What was collected now.
    plan : Plan
        What was asked.
    same_rows : SameRows or None
        Figures of both systems, where they decided the same rows.

    Returns
    -------
    findings : dict of str to Finding
        Each with its change.
    baseline : Baseline
        What was compared; which controls are worse is for the gate to say.
    """
    alike = all(baseline.system.get(key) == evidence.system.get(key) for key in ("positive", "favorable"))
    changes = compared(baseline, findings.values() if alike else (), families, plan.alpha, same_rows)
    made = {
        id: finding.model_copy(update={"baseline": changes[id]}) if id in changes else finding
        for id, finding in findings.items()
    }
    claims = [changes[id] for id, finding in made.items() if id in changes and finding.limit is not None]
    held = Baseline(
        digest=baseline.digest,
        as_of=baseline.run.as_of,
        name=baseline.system.get("name"),
        version=baseline.system.get("version"),
        same_data=_audited(baseline.run) != set() and _audited(baseline.run) == _audited(evidence),
        alpha=plan.alpha,
        compared=len(claims),
        paired=sum(change.paired for change in claims),
        worse=(),
        known=(),
    )
    return made, held


def _audited(read: Evidence | Run) -> set[str]:
    """Digests of the files of audited rows."""
    return {file.sha256 for file in read.inputs if file.role == "audit"}


def baseline_notes(gate: Gate, findings: Iterable[Finding], name: str | None) -> Iterator[str]:
    """What a card says of its baseline."""
    held = gate.baseline
    if held is None:
        return
    of = f" of version {held.version}" if held.version else ""
    yield (
        f"against the card{of} as of {held.as_of}, {held.digest[:19]}: {_how(held)}; the chance that any "
        f"is called worse though it is not is at most {held.alpha:g} (weighted Holm), beside the alpha above"
    )
    if held.name != name:
        yield f"the baseline is of another system: {held.name or 'unnamed'}"
    worse = [finding for finding in findings if is_worse(finding)]
    yield from (f"worse than the baseline: {_told(finding)}" for finding in worse[:_MOST])
    if len(worse) > _MOST:
        yield f"worse than the baseline: {len(worse) - _MOST} more"
    if held.known:
        yield f"known from the baseline, not worse, and not blocking: {', '.join(held.known)}"


def _how(held: Baseline) -> str:
    if not held.compared:
        return "no claim is on both, of the same classes and by the same version of its check"
    claims = f"{held.compared} claims compared"
    if held.paired:
        return f"{claims}, {held.paired} of them row by row"
    if held.same_data:
        return (
            f"{claims}, as though on other rows: the baseline's evidence (trustkit collect), not its card, "
            "or data.baseline_prediction, would tell more"
        )
    return f"{claims}, on other rows"


def _told(finding: Finding) -> str:
    change = finding.baseline
    assert change is not None  # noqa: S101 (it is worse than something)
    ends = "" if change.interval is None else f" [{', '.join(map(_end, change.interval))}]"
    moved = (
        f"{number(change.estimate)} to {number(finding.estimate)}, a change of {number(change.change)}{ends}"
    )
    return f"{finding.id}: {moved}"


def _end(value: float | None) -> str:
    return "unbounded" if value is None else number(value)
