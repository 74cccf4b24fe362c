"""A scorecard or a finding as a notebook shows it: a small table, inert whatever the data says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from trustkit.renderers import words
from trustkit.renderers.results import results_of
from trustkit.renderers.words import VERDICTS, clean
from trustkit.scorecard import ControlResult, Finding, Scorecard, Verdict

MOST_CONTROLS = 60
"""Controls of a card that are listed, worst first."""

_EDGE = {
    Verdict.FAIL: "#c62828",
    Verdict.ERROR: "#c62828",
    Verdict.INCONCLUSIVE: "#b26a00",
    Verdict.PASS: "#2e7d32",
}
"""Color beside a verdict, for those who see it; the verdict is a word in any case."""

_CELL = "text-align:left;vertical-align:top;padding:.15em .6em"


def card_html(card: Scorecard) -> str:
    """Return a card as a fragment of HTML: verdict, gate and score, then a line a control, worst first."""
    order = list(Verdict)
    controls = sorted(card.controls, key=lambda control: order.index(control.verdict))
    rows = [_control(card, control) for control in controls[:MOST_CONTROLS]]
    left = len(controls) - len(rows)
    head = (
        f"<p><strong>{_verdict(card.verdict)}</strong> {_text(words.system_name(card), 200)}<br>"
        f"Gate {_text(words.gate(card))}<br>Score {_text(words.score(card))}</p>"
    )
    more = f"<p>and {left} more controls</p>" if left else ""
    foot = f"<p><small>{_text(words.aligned(card))} {_text(card.digest)}</small></p>"
    return _whole(head, _table(("Verdict", "Control", "What holds it back"), rows), more, foot)


def finding_html(finding: Finding) -> str:
    """Return a finding as a fragment of HTML: what was found, beside which limit, and what it means."""
    limit = finding.limit or {}
    facts = {
        "Check": f"{finding.check} {finding.metric}",
        "Of": words.whom(finding.subject) or "the whole system",
        "Estimate": f"{words.number(finding.estimate)} {words.interval(finding.interval)}".strip(),
        "Limit": f"{words.limit(limit)} ({limit.get('source', 'no source')})" if limit else "",
        "n": words.counts(finding),
        "Why": finding.why if finding.verdict != Verdict.ERROR else words.last_line(finding),
        "Says": finding.message,
        "Remedy": finding.remedy,
    }
    rows = [(f"<strong>{name}</strong>", _text(value)) for name, value in facts.items() if value]
    return _whole(f"<p><strong>{_verdict(finding.verdict)}</strong></p>", _table((), rows))


def _control(card: Scorecard, control: ControlResult) -> tuple[str, str, str]:
    return (
        _verdict(control.verdict),
        f"{_text(control.id)} {_text(control.title, 200)}",
        "<br>".join(_text(line, 400) for line in _lines(card, control)),
    )


def _lines(card: Scorecard, control: ControlResult) -> Iterator[str]:
    """The worst that holds a control back, how much more there is, and what lifts it."""
    told = results_of(card, control)
    if told:
        more = f" (and {len(told) - 1} more)" if len(told) > 1 else ""
        yield told[0].text + more
    if control.verdict == Verdict.ATTESTED:
        yield words.attestation(control)
    elif told and told[0].lifted:
        yield told[0].lifted


def _verdict(verdict: Verdict) -> str:
    edge = f"border-left:.4em solid {_EDGE.get(verdict, '#757575')};padding-left:.4em;white-space:nowrap"
    return f'<span style="{edge}">{VERDICTS[verdict]}</span>'


def _text(text: object, most: int = 1000) -> str:
    return escape(clean(text, most))


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f'<th scope="col" style="{_CELL}">{name}</th>' for name in heads)
    lines = [head, *("".join(f'<td style="{_CELL}">{cell}</td>' for cell in row) for row in rows)]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines if line)}</table>"


def _whole(*parts: str) -> str:
    return f'<div style="max-width:60em">{"".join(parts)}</div>'
