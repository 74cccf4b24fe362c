"""Findings in words: what was found, how sure, and what would settle it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from trustkit.checks.base import Check, Estimate
from trustkit.judging.claims import Claim, Judgment, subject_text
from trustkit.scorecard import Verdict

_WORDS = {
    (Verdict.FAIL, "min"): "is below",
    (Verdict.FAIL, "max"): "is above",
    (Verdict.PASS, "min"): "respects",
    (Verdict.PASS, "max"): "respects",
    (Verdict.INCONCLUSIVE, "min"): "may or may not respect",
    (Verdict.INCONCLUSIVE, "max"): "may or may not respect",
}


def number(value: float | None, unit: str = "") -> str:
    """Three significant digits, no exponent; a count as it is; what is undefined or unbounded by its name."""
    if value is None or math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "unbounded"
    if value == 0 or abs(value) >= 100 or (unit in ("count", "days") and value == round(value)):
        return f"{value:.0f}"
    return f"{value:.{max(2 - math.floor(math.log10(abs(value))), 0) if abs(value) >= 0.001 else 4}f}"


def about(check: Check, estimate: Estimate) -> str:
    """Noun phrase of a figure: ``selection rate ratio of sex=F to sex=M``."""
    title, subject = check.metrics[estimate.metric].title, estimate.subject
    if "groups" not in subject:
        return f"{title}{f' of {subject_text(subject)}' if subject else ''}"
    rest = {key: value for key, value in subject.items() if key not in ("groups", "reference")}
    within = f" ({subject_text(rest)})" if rest else ""
    group = subject_text({"groups": subject["groups"]})
    reference = subject.get("reference")
    if reference is None:
        return f"{title} of {group}{within}"
    other = "the rest" if reference == "rest" else subject_text({"groups": reference})
    return f"{title} of {group} against {other}{within}"


def claim_message(claim: Claim, judgment: Judgment, verdict: Verdict) -> str:
    """One sentence on a judged claim."""
    unit = claim.check.metrics[claim.estimate.metric].unit
    words = f"limit {number(claim.bound, unit)}"
    if claim.why is not None:
        return f"{about(claim.check, claim.estimate)} cannot be judged: {claim.why}; {words}"
    low, high = judgment.interval if verdict != Verdict.PASS else judgment.pass_interval
    value = number(claim.estimate.value, unit)
    found = value if claim.certain else f"{value} [{number(low)}, {number(high)}]"
    phrase = f"{about(claim.check, claim.estimate)} is {found}: {_WORDS[verdict, claim.side]} the {words}"
    return _noted(phrase, claim.estimate)


def figure_message(check: Check, estimate: Estimate, why: str | None) -> str:
    """One phrase on a figure that is shown."""
    phrase = f"{about(check, estimate)}: {why or number(estimate.value, check.metrics[estimate.metric].unit)}"
    return phrase if why else _noted(phrase, estimate)


def _noted(phrase: str, estimate: Estimate) -> str:
    return phrase if estimate.note is None else f"{phrase}. {estimate.note}"


def needs_of(claims: Sequence[Claim], judgments: Sequence[Judgment], min_cell: int) -> list[str]:
    """What would settle the open claims of a control, cheapest first, one line a subject."""
    rows: dict[str, int] = {}
    rest: list[str] = []
    others: list[str] = []
    for claim, judgment in zip(claims, judgments, strict=True):
        estimate = claim.estimate
        group, reference = _named(estimate.subject.get("groups")), estimate.subject.get("reference")
        if judgment.rows_needed is not None:
            of = "" if claim.check.metrics[estimate.metric].of_all else group
            rows[of] = max(rows.get(of, 0), judgment.rows_needed)
        elif claim.why is None and claim.is_for_the_owner:
            rest.append(f"its owner's word: {about(claim.check, estimate)}")
        elif claim.why is None:
            others.append("more rows" if reference is None else f"more rows of {_named(reference)}")
        elif claim.why.startswith("n<"):
            title = claim.check.metrics[estimate.metric].title
            rest.append(f"{f'{group}: ' if group else ''}fewer than {min_cell} rows to count for its {title}")
        elif estimate.reference_n is None:
            rest.append(f"{group}: {claim.why}" if group else claim.why)
    cheapest = sorted(rows.items(), key=lambda item: item[1])
    lines = [f"about {n:,} more rows{' of ' if group else ''}{group}" for group, n in cheapest]
    # a claim that its subject's rows alone cannot settle waits for its reference's
    lines += [line for line in others if line.removeprefix("more rows of ") not in rows]
    return list(dict.fromkeys(lines + rest))


def _named(group: object) -> str:
    if isinstance(group, dict):
        return subject_text({"groups": group})
    return "the rest" if group == "rest" else ""
