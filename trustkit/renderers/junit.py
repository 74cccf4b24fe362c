"""JUnit XML in the dialect that Jenkins and GitLab read: one test case a control, one suite an area."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Iterator

from trustkit.renderers import words
from trustkit.renderers.results import KNOWN, is_known, is_worse
from trustkit.renderers.words import VERDICTS, clean
from trustkit.scorecard import ControlResult, Scorecard, Verdict

_MOST_TEXT = 1000


def junit(card: Scorecard) -> str:
    """Render a scorecard as JUnit XML.

    A control that fails, or that blocks the gate, is a failure; one whose
    check raised is an error; a pass is a pass. All else is skipped, with the
    reason: what is open, not assessed, attested, waived or known from the
    baseline is no pass.
    """
    root = ET.Element(
        "testsuites", name=f"trustkit: {words.system_name(card)}", time=f"{card.run.seconds:.3f}"
    )
    for principle in card.principles:
        for area in principle.areas:
            cases = [
                _case(card, control)
                for control in card.controls
                if (control.principle, control.area) == (principle.id, area.id)
            ]
            _add_suite(root, card, f"{principle.id}.{area.id}", cases)
    loose = list(_plugins(card))
    if loose:
        _add_suite(root, card, "plugins", loose)
    for name, number in _counts(root.iter("testcase")).items():
        if name != "skipped":  # of a suite alone, in this dialect
            root.set(name, str(number))
    ET.indent(root, " ")
    return ET.tostring(root, encoding="utf-8", xml_declaration=True).decode() + "\n"


def _add_suite(root: ET.Element, card: Scorecard, name: str, cases: list[ET.Element]) -> None:
    suite = ET.SubElement(root, "testsuite", name=name, timestamp=card.run.started.removesuffix("Z"))
    for key, number in _counts(cases).items():
        suite.set(key, str(number))
    properties = ET.SubElement(suite, "properties")
    for key, value in _facts(card):
        ET.SubElement(properties, "property", name=key, value=value)
    suite.extend(cases)


def _counts(cases: Iterable[ET.Element]) -> dict[str, int]:
    total, found = 0, Counter[str]()
    for case in cases:
        total += 1
        found.update(child.tag for child in case)
    return {
        "tests": total,
        "failures": found["failure"],
        "errors": found["error"],
        "skipped": found["skipped"],
    }


def _facts(card: Scorecard) -> Iterator[tuple[str, str]]:
    yield "trustkit", card.run.trustkit
    yield "policies", ", ".join(f"{clean(policy.id)}@{clean(policy.version)}" for policy in card.policies)
    yield "as_of", card.run.as_of
    yield "alpha", f"{card.alpha:g}"
    yield "digest", card.digest
    yield "gate", words.gate(card)


def _case(card: Scorecard, control: ControlResult) -> ET.Element:
    case = ET.Element(
        "testcase",
        name=f"{clean(control.id)} {clean(control.title, 120)}",
        classname=f"{control.principle}.{control.area}",
        group=control.severity,
    )
    kind = _kind(card, control)
    if kind:
        outcome = ET.SubElement(case, kind, type=control.verdict.value, message=_reason(card, control))
        outcome.text = "\n".join(_back(card, control))
    lines = [
        f"{VERDICTS[finding.verdict]} {words.line(finding)}"
        for finding in card.findings_of(control)
        if finding.limit is not None
    ]
    if lines:
        ET.SubElement(case, "system-out").text = "\n".join(lines)
    return case


def _kind(card: Scorecard, control: ControlResult) -> str | None:
    """Element that says how a control came out; None for a pass."""
    if control.verdict == Verdict.ERROR:
        return "error"
    if control.id in card.gate.blocking:
        return "failure"
    if control.verdict == Verdict.PASS:
        return None
    lifted = control.waiver is not None or is_known(card, control)
    return "failure" if control.verdict == Verdict.FAIL and not lifted else "skipped"


def _reason(card: Scorecard, control: ControlResult) -> str:
    verdict = control.verdict.replace("_", " ")
    if control.waiver is not None:
        return f"{verdict}, {words.waiver(control)}"
    if control.verdict == Verdict.ATTESTED:
        return words.attestation(control)
    if is_known(card, control):
        return f"{verdict}, {KNOWN}"
    if any(is_worse(finding) for finding in card.findings_of(control)):
        verdict += ", worse than the baseline"
    blocks = ", and blocks the gate" if control.id in card.gate.blocking else ""
    needs = f"; needs: {'; '.join(clean(need, 200) for need in control.needs)}" if control.needs else ""
    return clean(f"{verdict}{blocks}{needs}", _MOST_TEXT)


def _back(card: Scorecard, control: ControlResult) -> Iterator[str]:
    """What holds a control back, and what mends it."""
    remedies: dict[str, None] = {}
    for finding in card.findings_of(control):
        if finding.verdict == Verdict.ERROR:
            yield from (clean(line, 200) for line in (finding.why or finding.message).splitlines())
        elif is_worse(finding) or finding.verdict == control.verdict != Verdict.PASS:
            yield words.line(finding)
        else:
            continue
        remedies[clean(finding.remedy or "", _MOST_TEXT)] = None
    yield from (remedy for remedy in remedies if remedy)


def _plugins(card: Scorecard) -> Iterator[ET.Element]:
    """Cases of errors outside of every control: plugins that did not load."""
    claimed = {place for control in card.controls for place in control.findings}
    for place, finding in enumerate(card.findings):
        if place not in claimed and finding.verdict == Verdict.ERROR:
            case = ET.Element("testcase", name=clean(finding.check), classname="plugins")
            error = ET.SubElement(case, "error", type="error", message=words.last_line(finding))
            error.text = "\n".join(clean(line, 200) for line in (finding.why or "").splitlines())
            yield case
