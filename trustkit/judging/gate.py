"""The gate: what blocks, what is waived, what an attestation settles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from trustkit.config import Config, Waiver
from trustkit.policy import Control
from trustkit.scorecard import Baseline, ControlResult, Finding, Gate, Verdict

_WAIVABLE = (Verdict.FAIL, Verdict.INCONCLUSIVE)


def attested(control: Control, config: Config, as_of: date) -> tuple[Verdict | None, dict[str, Any] | None]:
    """Verdict and attestation of a control that a human answers for; an expired one does not count."""
    attestation = config.attestations.get(control.id)
    if attestation is None:
        return None, None
    current = attestation.on <= as_of and (attestation.expires is None or as_of <= attestation.expires)
    shown = {**attestation.model_dump(mode="json"), "current": current}
    return (Verdict.ATTESTED if control.evidence == "attestation" and current else None), shown


class Waivers:
    """The waivers of a configuration, and which of them were used."""

    def __init__(self, waivers: Sequence[Waiver], as_of: date) -> None:
        self._waivers = waivers
        self._as_of = as_of
        self._used: set[int] = set()

    def lift(self, control: str, findings: Sequence[Finding], verdict: Verdict) -> dict[str, Any] | None:
        """Waiver that lifts a control: every finding that holds it back is matched by one in force."""
        if verdict not in (*_WAIVABLE, Verdict.PASS):
            return None
        back = [finding for finding in findings if held_back(finding)]
        places = [self._match(control, finding) for finding in back]
        self._used |= {place for place in places if place is not None}
        if not places or any(place is None or self._expired(place) for place in places):
            return None
        first = next(place for place in places if place is not None)
        return self._waivers[first].model_dump(mode="json", exclude_none=True)

    def notes(self) -> list[str]:
        """Waivers that expired, and those that match nothing."""
        lines = []
        for place, waiver in enumerate(self._waivers):
            if self._expired(place):
                lines.append(f"waivers[{place}] expired on {waiver.expires} and lifts nothing")
            elif place not in self._used:
                lines.append(f"waivers[{place}] matches no finding that fails or is inconclusive")
            elif (waiver.expires - self._as_of).days <= 14:
                lines.append(f"waivers[{place}] expires on {waiver.expires}")
        return lines

    def _expired(self, place: int) -> bool:
        return self._waivers[place].expires < self._as_of

    def _match(self, control: str, finding: Finding) -> int | None:
        matching = [i for i, waiver in enumerate(self._waivers) if matches(waiver, control, finding)]
        return min(matching, key=lambda i: (self._expired(i), i), default=None)


def gate_of(
    config: Config,
    controls: Sequence[ControlResult],
    findings: Sequence[Finding],
    *,
    broken: bool,
    baseline: Baseline | None = None,
) -> Gate:
    """Gate over judged controls; `broken` says that something raised outside of them.

    Beside a baseline, a control that would block does not where each finding
    that holds it back did so on the baseline and is not worse; one with a
    finding that is worse blocks. What is required has to pass all the same.
    """
    policy = config.policy
    stops = {"fail": (Verdict.FAIL,), "inconclusive": _WAIVABLE, "never": ()}[policy.fail_on]
    lifted = [control.id for control in controls if control.waiver is not None]
    blocking, worse, known = [], [], []
    for control in controls:
        mine = [findings[place] for place in control.findings]
        if any(map(is_worse, mine)):
            worse.append(control.id)
        elif control.verdict in stops and _is_known(mine, stops):
            known.append(control.id)
        required = {control.id, control.area, control.principle} & set(policy.require)
        stopped = control.verdict in stops and control.id not in known
        stopped = stopped or control.id in worse or (bool(required) and control.verdict != Verdict.PASS)
        if stopped and control.id not in lifted and policy.fail_on != "never":
            blocking.append(control.id)
    if baseline is not None:
        baseline = baseline.model_copy(update={"worse": tuple(worse), "known": tuple(known)})
    raised = broken or any(control.verdict == Verdict.ERROR for control in controls)
    return Gate(
        holds=not blocking and not raised,
        fail_on=policy.fail_on,
        require=policy.require,
        blocking=tuple(blocking),
        waived=tuple(lifted),
        baseline=baseline,
    )


def held_back(finding: Finding) -> bool:
    """Whether it may hold its control back, and be waived."""
    return finding.verdict in _WAIVABLE or is_worse(finding)


def is_worse(finding: Finding) -> bool:
    """Whether it is worse than on the baseline, beyond error."""
    return finding.baseline is not None and finding.baseline.worse


def _is_known(findings: Sequence[Finding], stops: Sequence[Verdict]) -> bool:
    """Whether all that holds a control back did so on the baseline too."""
    back = [finding for finding in findings if finding.verdict in stops]
    return bool(back) and all(
        each.baseline is not None and each.baseline.verdict in (Verdict.FAIL, each.verdict) for each in back
    )


def matches(waiver: Waiver, control: str, finding: Finding) -> bool:
    """Whether every key the waiver gives equals the finding's, and the value is no worse than `up_to`."""
    same = (
        waiver.control in (None, control)
        and waiver.check in (None, finding.check)
        and waiver.metric in (None, finding.metric)
        and (waiver.subject is None or _within(waiver.subject, finding.subject))
    )
    return same and (waiver.up_to is None or not _worse(finding, waiver.up_to))


def _within(wanted: Mapping[str, Any], subject: Mapping[str, Any]) -> bool:
    return all(subject.get(key) == value for key, value in wanted.items())


def _worse(finding: Finding, up_to: float) -> bool:
    if finding.estimate is None or finding.limit is None:
        return True
    return finding.estimate < up_to if "min" in finding.limit else finding.estimate > up_to
