"""The words that renderers share: inert text, numbers, verdicts and findings in a line."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trustkit.scorecard import ControlResult, Finding, Scorecard

VERDICTS = {
    "fail": "FAIL",
    "error": "ERROR",
    "inconclusive": "UNSURE",
    "not_assessed": "NOT ASSESSED",
    "attested": "ATTESTED",
    "pass": "PASS",
    "not_applicable": "SHOWN",
}
"""A verdict as a word that needs no color."""

_UNSEEN = {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"}  # controls, bidi marks, surrogates, line separators
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def clean(text: object, most: int = 60) -> str:
    r"""Make text from data inert: what is unseen is shown as an escape, what is long loses its middle.

    Parameters
    ----------
    text : object
        A label, a column's name, a sentence that holds some.
    most : int
        Characters kept.

    Examples
    --------
    >>> clean("a\x1b[31m\n")
    'a\\x1b[31m\\n'
    """
    whole = str(text)
    if len(whole) > most:
        tail = most // 3
        whole = f"{whole[: most - tail - 3]}...{whole[-tail:]}"
    return whole if whole.isascii() and whole.isprintable() else "".join(map(_seen, whole))


def _seen(character: str) -> str:
    if unicodedata.category(character) not in _UNSEEN:
        return character
    code = ord(character)
    return _ESCAPES.get(character) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def number(value: float | None, none: str = "undefined") -> str:
    """Three significant digits without an exponent."""
    if value is None:
        return none
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{max(2 - math.floor(math.log10(abs(value))), 0) if abs(value) >= 0.001 else 4}f}"


def interval(ends: tuple[float | None, float | None] | None) -> str:
    """``[0.55, 0.70]``; empty where there is none."""
    return "" if ends is None else f"[{number(ends[0], 'unbounded')}, {number(ends[1], 'unbounded')}]"


def share(value: float) -> str:
    """Percent, rounded down: what is not all never reads 100 %."""
    return f"{math.floor(100 * value + 1e-9)} %"


def limit(of: Mapping[str, Any]) -> str:
    """``>= 0.8``, and what it was before it was loosened."""
    bound = f">= {of['min']:g}" if "min" in of else f"<= {of['max']:g}"
    return f"{bound} (loosened from {of['loosened_from']:g})" if "loosened_from" in of else bound


def whom(subject: Mapping[str, Any]) -> str:
    """Who or what a finding is about: ``sex=F against sex=M``; empty for the whole system."""
    parts = [_pairs(subject["groups"])] if "groups" in subject else []
    parts += [
        f"{clean(k)} {_pairs(v)}" if isinstance(v, Mapping) else f"{clean(k)}={clean(v)}"
        for k, v in subject.items()
        if k not in ("groups", "reference")
    ]
    reference = subject.get("reference")
    named = ", ".join(parts)
    if reference is None:
        return named
    return f"{named} against {'the rest' if isinstance(reference, str) else _pairs(reference)}"


def _pairs(groups: Mapping[str, Any]) -> str:
    return ", ".join(f"{clean(name)}={clean(label)}" for name, label in groups.items())


def counts(finding: Finding) -> str:
    """``1,375/1,625``: rows of the subject and of the reference; small ones stay hidden."""
    if finding.why is not None and finding.why.startswith("n<"):
        return finding.why.removeprefix("n")
    return "/".join(f"{n:,}" for n in (finding.n, finding.reference_n) if n is not None)


def line(finding: Finding) -> str:
    """``metric of subject: estimate [interval], limit, n`` of a finding."""
    subject = whom(finding.subject)
    name = f"{clean(finding.check)} {clean(finding.metric)}{f' of {subject}' if subject else ''}"
    value = f"{number(finding.estimate)} {interval(finding.interval)}".rstrip()
    if finding.estimate is None and finding.why:
        value = clean(finding.why)
    rows = counts(finding)
    parts = [value, f"limit {limit(finding.limit)}" if finding.limit else "", f"n {rows}" if rows else ""]
    return f"{name}: {', '.join(part for part in parts if part)}"


def last_line(finding: Finding) -> str:
    """What a check that raised said last."""
    trace = (finding.why or finding.message).strip()
    return clean(trace.rsplit("\n", 1)[-1], 200)


def system_name(card: Scorecard) -> str:
    """Name and version of the system, as declared."""
    named = [clean(card.system[key]) for key in ("name", "version") if card.system.get(key)]
    return " ".join(named) or "an unnamed system"


def gate(card: Scorecard) -> str:
    """Whether the gate holds, and what it is that stops it."""
    verdicts = {control.id: control.verdict for control in card.controls}
    waived = f" ({', '.join(map(clean, card.gate.waived))} waived)" if card.gate.waived else ""
    held = card.gate.baseline
    known, worse = ((), ()) if held is None else (held.known, held.worse)
    lifted = waived + (f" ({', '.join(map(clean, known))} known from the baseline)" if known else "")
    if card.gate.holds:
        why = ": fail_on never, nothing blocks it" if card.gate.fail_on == "never" else ""
        if not why and not any(verdict in ("pass", "fail") for verdict in verdicts.values()):
            why = ", but no control is settled"
        return f"holds{why}{lifted}"
    stops = [
        f"{clean(id)} {VERDICTS[verdicts[id]]}{', worse than the baseline' if id in worse else ''}"
        for id in card.gate.blocking
        if id in verdicts
    ]
    raised = [id for id, verdict in verdicts.items() if verdict == "error" and id not in card.gate.blocking]
    stops += [f"{clean(id)} {VERDICTS['error']}" for id in raised]
    return f"does not hold: {', '.join(stops) or 'a plugin raised an error'}{lifted}"


def score(card: Scorecard) -> str:
    """Score with its range, and how much of the card is settled."""
    if card.score is None:
        return f"none: a partial card, only {', '.join(map(clean, card.only or ()))}"
    if card.score.value is None:
        return "none: nothing is settled"
    low, high = card.score.low or 0.0, card.score.high or 0.0
    return (
        f"{card.score.value:.0f} of 100, {low:.0f} to {high:.0f} once all is settled; "
        f"{share(card.score.assessed)} of the weight is assessed"
    )


def waiver(control: ControlResult) -> str:
    """Who waived a control, until when and why."""
    given = control.waiver or {}
    words = [f"waived until {given.get('expires')} by {clean(given.get('by'))}", clean(given.get("reason"))]
    return ": ".join([*words, clean(given["note"], 200)] if given.get("note") else words)


def attestation(control: ControlResult) -> str:
    """Who attests a control, and whether that still holds."""
    given = control.attestation or {}
    state = "" if given.get("current") else " (no longer, or not yet, in force)"
    until = f" until {given['expires']}" if given.get("expires") else ""
    by = f"attested by {clean(given.get('by'))} on {given.get('on')}{until}{state}"
    return f"{by}: {clean(given.get('statement'), 200)}"


def remarks(card: Scorecard) -> Iterator[tuple[str, str]]:
    """Yield what is to be said beside the verdicts, and of what: waivers, attestations, pooling, method."""
    for control in card.controls:
        if control.waiver is not None:
            yield control.id, waiver(control)
        if control.attestation is not None:
            yield control.id, attestation(control)
    for cost in card.evidence:
        for note in cost.notes:
            yield cost.kind, clean(note, 300)
    for note in card.notes:
        yield "", clean(note, 600)


def aligned(card: Scorecard) -> str:
    """Return the sentence that says what a card is, and what it is not."""
    found = ", ".join(paragraphs(source for control in card.controls for source in control.sources))
    named = f" aligned with {found}" if found else ""
    return f"This card is evidence{named}; it is no statement of compliance."


def paragraphs(sources: Iterable[str]) -> list[str]:
    """Name sources in order, each document once: ``A/RES/78/265 6(b), 6(h)``."""
    documents: dict[str, list[str]] = {}
    for source in dict.fromkeys(sources):
        document, _, paragraph = source.rpartition(" ")
        documents.setdefault(clean(document), []).append(clean(paragraph))
    return [f"{document} {', '.join(sorted(found))}".strip() for document, found in documents.items()]
