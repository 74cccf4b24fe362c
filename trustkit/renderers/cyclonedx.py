"""CycloneDX 1.6: the system with its model card, the controls as a standard, the verdicts as declarations."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from trustkit.renderers import words
from trustkit.renderers.words import VERDICTS, clean
from trustkit.scorecard import ControlResult, Finding, Scorecard, Verdict

_DATA = ("audit", "train", "population")
_MOST_TEXT = 1000

Json = dict[str, Any]


def cyclonedx(card: Scorecard) -> str:
    """Render a scorecard as a bill of materials of the audited system.

    A pass conforms (1), a fail does not (0). What is open, not assessed or
    attested has no score of conformance, and says why.
    """
    bom = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, card.digest)}",
        "version": 1,
        "metadata": {
            "timestamp": card.run.started,
            "tools": {
                "components": [{"type": "application", "name": "trustkit", "version": card.run.trustkit}]
            },
            "component": _system(card),
            "properties": [{"name": "trustkit:digest", "value": card.digest}],
        },
        "components": [_input(place, card) for place in range(len(card.run.inputs))],
        "definitions": {"standards": [_standard(card)]},
        "declarations": _declarations(card),
    }
    return json.dumps(bom, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _system(card: Scorecard) -> Json:
    made: Json = {
        "type": "machine-learning-model",
        "bom-ref": "system",
        "name": clean(card.system.get("name") or "an unnamed system", _MOST_TEXT),
    }
    for key, declared in (("version", "version"), ("description", "purpose")):
        if card.system.get(declared):
            made[key] = clean(card.system[declared], _MOST_TEXT)
    models = [read for read in card.run.inputs if read.role == "model"]
    if len(models) == 1:
        made["hashes"] = [{"alg": "SHA-256", "content": models[0].sha256}]
    return made | {"modelCard": _model_card(card)}


def _input(place: int, card: Scorecard) -> Json:
    read = card.run.inputs[place]
    data = read.role in _DATA
    made: Json = {
        "type": "data" if data else "file",
        "bom-ref": f"input:{place}",
        "name": read.path,
        "hashes": [{"alg": "SHA-256", "content": read.sha256}],
        "properties": [{"name": "trustkit:role", "value": read.role}],
    }
    return made | ({"data": [{"type": "dataset", "name": read.path}]} if data else {})


def _model_card(card: Scorecard) -> Json:
    datasets = [{"ref": f"input:{place}"} for place, read in enumerate(card.run.inputs) if read.role in _DATA]
    parameters: Json = {"datasets": datasets} if datasets else {}
    if card.system.get("task"):
        parameters["task"] = str(card.system["task"])
    metrics = [_metric(finding) for finding in card.findings if finding.interval is not None]
    return {
        "modelParameters": parameters,
        "quantitativeAnalysis": {"performanceMetrics": metrics},
        "considerations": _considerations(card),
    }


def _metric(finding: Finding) -> Json:
    low, high = finding.interval or (None, None)
    slice_ = words.whom(finding.subject)
    ends = {"lowerBound": low, "upperBound": high}
    return {
        "type": f"{finding.check} {finding.metric}",
        **({} if finding.estimate is None else {"value": repr(finding.estimate)}),
        **({"slice": slice_} if slice_ else {}),
        "confidenceInterval": {name: repr(end) for name, end in ends.items() if end is not None},
    }


def _considerations(card: Scorecard) -> Json:
    open_ = (Verdict.INCONCLUSIVE, Verdict.NOT_ASSESSED)
    found: Json = {
        "useCases": [clean(card.system["purpose"], _MOST_TEXT)] if card.system.get("purpose") else [],
        "technicalLimitations": [
            f"{_title(control)}: {_rationale(control)}"
            for control in card.controls
            if control.verdict in open_
        ],
        "ethicalConsiderations": [
            {"name": _title(control), "mitigationStrategy": _remedy(card, control)}
            for control in card.controls
            if control.verdict == Verdict.FAIL
        ],
        "fairnessAssessments": [_fairness(finding) for finding in _disparities(card)],
    }
    return {name: value for name, value in found.items() if value}


def _disparities(card: Scorecard) -> Iterator[Finding]:
    """Failed claims about a group of people, each once."""
    places = dict.fromkeys(place for control in card.controls for place in control.findings)
    for place in places:
        finding = card.findings[place]
        if finding.verdict == Verdict.FAIL and "groups" in finding.subject:
            yield finding


def _fairness(finding: Finding) -> Json:
    return {
        "groupAtRisk": words.whom({"groups": finding.subject["groups"]}),
        "harms": clean(finding.message, _MOST_TEXT),
        "mitigationStrategy": clean(finding.remedy or "", _MOST_TEXT),
    }


def _standard(card: Scorecard) -> Json:
    return {
        "bom-ref": "standard",
        "name": ", ".join(clean(policy.title or policy.id, 200) for policy in card.policies),
        "version": ", ".join(f"{clean(policy.id)}@{clean(policy.version)}" for policy in card.policies),
        "description": words.aligned(card),
        "requirements": [_requirement(control) for control in card.controls],
    }


def _requirement(control: ControlResult) -> Json:
    related = {"source": control.sources, **control.crosswalk}
    return {
        "bom-ref": f"requirement:{control.id}",
        "identifier": control.id,
        "title": clean(control.title, 200),
        "text": clean(control.requirement, _MOST_TEXT),
        "properties": [
            {"name": "trustkit:severity", "value": control.severity},
            *(
                {"name": f"trustkit:{text}", "value": clause}
                for text, clauses in related.items()
                for clause in clauses
            ),
        ],
    }


def _declarations(card: Scorecard) -> Json:
    told = [control for control in card.controls if _told(control)]
    return {
        "assessors": [{"bom-ref": "assessor", "organization": {"name": f"trustkit {card.run.trustkit}"}}],
        "attestations": [
            {
                "summary": f"{words.aligned(card)} Gate {words.gate(card)}.",
                "assessor": "assessor",
                "map": [_mapped(card, control) for control in card.controls],
            }
        ],
        "claims": [_claim(card, control) for control in told],
        "evidence": [made for control in told for made in _evidence(card, control)],
    }


def _told(control: ControlResult) -> bool:
    """Whether there is something to claim: what nobody looked at has no claim."""
    return control.verdict not in (Verdict.NOT_ASSESSED, Verdict.NOT_APPLICABLE)


def _mapped(card: Scorecard, control: ControlResult) -> Json:
    score = {Verdict.PASS: 1, Verdict.FAIL: 0}.get(control.verdict)
    made: Json = {
        "requirement": f"requirement:{control.id}",
        "claims": [f"claim:{control.id}"] if _told(control) else [],
        "conformance": {"rationale": _rationale(control)},
    }
    if score is None:
        return made
    made["conformance"]["score"] = score
    if any(finding.p_fail is not None for finding in card.findings_of(control)):
        wrong = "a sound system is failed" if score == 0 else "a system beyond a limit passes"
        made["confidence"] = {
            "score": round(1 - card.alpha, 9),
            "rationale": f"The chance that {wrong} is at most {card.alpha:g}.",
        }
    return made


def _claim(card: Scorecard, control: ControlResult) -> Json:
    made: Json = {
        "bom-ref": f"claim:{control.id}",
        "target": "system",
        "predicate": clean(control.requirement, _MOST_TEXT),
        "reasoning": _rationale(control),
    }
    refs = [evidence["bom-ref"] for evidence in _evidence(card, control)]
    for key, prefix in (("evidence", "evidence:"), ("counterEvidence", "counter-evidence:")):
        named = [ref for ref in refs if ref.startswith(prefix)]
        if named:
            made[key] = named
    return made


def _evidence(card: Scorecard, control: ControlResult) -> Iterator[Json]:
    """What speaks for a control, and what speaks against it."""
    claims = [finding for finding in card.findings_of(control) if finding.limit is not None]
    against = [finding for finding in claims if finding.verdict == Verdict.FAIL]
    data = [_datum(finding) for finding in claims if finding.verdict != Verdict.FAIL]
    if control.verdict == Verdict.ATTESTED:
        data.append(_text("attestation", words.attestation(control)))
    said = clean(control.title, 200)
    if data:
        yield {"bom-ref": f"evidence:{control.id}", "description": said, "data": data}
    if against:
        yield {
            "bom-ref": f"counter-evidence:{control.id}",
            "description": said,
            "data": [_datum(finding) for finding in against],
        }


def _datum(finding: Finding) -> Json:
    return _text(finding.id, f"{VERDICTS[finding.verdict]} {words.line(finding)}")


def _text(name: str, content: str) -> Json:
    attached = {"contentType": "text/plain", "content": content}
    return {"name": clean(name, _MOST_TEXT), "contents": {"attachment": attached}}


def _title(control: ControlResult) -> str:
    return f"{clean(control.id)} {clean(control.title, 120)}"


def _rationale(control: ControlResult) -> str:
    parts = [control.verdict.replace("_", " ")]
    if control.waiver is not None:
        parts.append(words.waiver(control))
    if control.attestation is not None:
        parts.append(words.attestation(control))
    if control.needs:
        parts.append(f"needs: {_joined(control.needs)}")
    return clean("; ".join(parts), _MOST_TEXT)


def _remedy(card: Scorecard, control: ControlResult) -> str:
    failed = [f for f in card.findings_of(control) if f.verdict == Verdict.FAIL and f.remedy]
    return clean(control.remedy or " ".join(dict.fromkeys(f.remedy or "" for f in failed)), _MOST_TEXT)


def _joined(needs: Iterable[str]) -> str:
    return ", ".join(clean(need, 200) for need in needs)
