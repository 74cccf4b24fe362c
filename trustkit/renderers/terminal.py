"""The scorecard in a terminal: what one needs to know in ten seconds."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

from trustkit.renderers import ranking, words
from trustkit.renderers.words import VERDICTS, clean
from trustkit.scorecard import ControlResult, Scorecard, Verdict

MOST_FAILURES = 12
MOST_NEEDS = 10

_COLORS = {"FAIL": 31, "ERROR": 35, "UNSURE": 33, "NOT ASSESSED": 33, "ATTESTED": 36, "PASS": 32}
_WORD = max(map(len, _COLORS))


def terminal(card: Scorecard, *, color: bool = False, width: int = 88) -> str:
    """Render a scorecard as text of `width` columns."""
    page = _Page(color, width)
    blocks = [
        _head(card, page),
        _controls(card, page),
        _failures(card, page),
        _needs(card, page),
        _errors(card, page),
        _remarks(card, page),
        page.wrapped("", words.aligned(card)),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


@dataclass(frozen=True)
class _Page:
    """How wide lines are, and whether verdicts are colored."""

    color: bool
    width: int

    def verdict(self, verdict: Verdict, width: int = 0) -> str:
        """Word of a verdict, padded to `width`."""
        word = VERDICTS[verdict]
        return self.painted(f"{word:<{width}}", _COLORS.get(word))

    def painted(self, text: str, code: int | None) -> str:
        """Text in a color, where colors are asked for."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and code else text

    def wrapped(self, lead: str, text: str, shown: str | None = None) -> list[str]:
        """Text after `lead`, further lines indented to it; `shown` is the lead as painted."""
        room = max(self.width - len(lead), 30)
        lines = textwrap.wrap(text, room, break_on_hyphens=False) or [""]
        rest = [" " * len(lead) + line for line in lines[1:]]
        return [f"{lead if shown is None else shown}{lines[0]}".rstrip(), *rest]

    def section(self, title: str, lines: Iterable[str]) -> list[str]:
        """Lines under a title; nothing where there are none."""
        found = list(lines)
        return [title, *found] if found else []


def _head(card: Scorecard, page: _Page) -> list[str]:
    policies = ", ".join(f"{clean(policy.id)} {clean(policy.version)}" for policy in card.policies)
    title = f"Scorecard of {words.system_name(card)} by {policies}, as of {card.run.as_of}"
    gate = page.painted("GATE     ", 32 if card.gate.holds else 31)
    return [
        *page.wrapped("", title),
        "",
        *page.wrapped("GATE     ", words.gate(card), gate),
        f"VERDICT  {page.verdict(card.verdict)}",
        *page.wrapped("SCORE    ", words.score(card)),
    ]


def _controls(card: Scorecard, page: _Page) -> list[str]:
    """One line a control, under the clauses that the policy groups by."""
    column = max((len(clean(control.id)) for control in card.controls), default=0)
    lines: list[str] = []
    for clause, controls in ranking.by_clause(card):
        lines += [clause] if clause else []
        lines += [line for control in controls for line in _control(control, column, page)]
    return lines


def _control(control: ControlResult, column: int, page: _Page) -> list[str]:
    lead = f"{clean(control.id):<{column}}  "
    partly = control.covers is not None and control.covers < 1
    notes = [f"covers {words.share(control.covers or 0.0)}"] if partly else []
    notes += ["waived"] if control.waiver is not None else []
    text = clean(control.title) + (f" ({', '.join(notes)})" if notes else "")
    shown = f"{page.verdict(control.verdict, _WORD)}  {lead}"
    return page.wrapped(" " * _WORD + "  " + lead, text, shown)


def _failures(card: Scorecard, page: _Page) -> list[str]:
    worst = [card.findings[place] for place in ranking.worst_first(card)]
    failed = [finding for finding in worst if finding.verdict == Verdict.FAIL]
    lines = [each for finding in failed[:MOST_FAILURES] for each in page.wrapped("  ", words.line(finding))]
    lines += _more(len(failed) - MOST_FAILURES)
    return page.section(f"FAILURES ({len(failed)}), worst first", lines)


def _needs(card: Scorecard, page: _Page) -> list[str]:
    """What would settle the open controls, each need once, cheapest first."""
    wanted = ranking.needs(card)
    said = [
        f"{need} ({', '.join(clean(control.id) for control in controls)})"
        for need, controls in list(wanted.items())[:MOST_NEEDS]
    ]
    lines = [line for text in said for line in page.wrapped("  ", text)]
    return page.section("TO SETTLE THE REST, cheapest first", [*lines, *_more(len(wanted) - MOST_NEEDS)])


def _errors(card: Scorecard, page: _Page) -> list[str]:
    raised = [finding for finding in card.findings if finding.verdict == Verdict.ERROR]
    said = [f"{clean(finding.check)}: {words.last_line(finding)}" for finding in raised]
    lines = [line for text in said for line in page.wrapped("  ", text)]
    return page.section(f"ERRORS ({len(raised)})", lines)


def _remarks(card: Scorecard, page: _Page) -> list[str]:
    said = (f"{clean(of)}: {text}" if of else text for of, text in words.remarks(card))
    return page.section("NOTES", (line for text in said for line in page.wrapped("  ", text)))


def _more(count: int) -> list[str]:
    return [f"  and {count} more"] if count > 0 else []
