"""The table of remedies as text, Markdown, JSON or a page."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING

from trustkit.errors import ConfigError, Problem, nearest
from trustkit.renderers import words
from trustkit.renderers.markdown import code, escaped
from trustkit.renderers.words import VERDICTS, clean, number

if TYPE_CHECKING:
    from trustkit.remedies.outcomes import Claim, Control, Cost, Disparity, Figure, Outcome, Remedies

FORMATS = ("text", "json", "md", "html")
MOST_GROUPS = 20
"""Groups of a table in a terminal; files have all."""

RATES = {
    "selection": "Favorable decisions",
    "accuracy": "Right decisions",
    "tpr": "True positive rate",
    "fpr": "False positive rate",
}
IN_TEXT = ("selection", "accuracy")


def show(remedies: Remedies, format: str = "text", *, width: int = 88) -> str:
    """Render remedies.

    Parameters
    ----------
    remedies : Remedies
        What to show.
    format : {"text", "json", "md", "html"}
        Text for a terminal, the data, Markdown, or a page with a picture.
    width : int
        Columns of the text.

    Raises
    ------
    ConfigError
        For a format that does not exist.
    """
    if format not in FORMATS:
        found = f"no format {format!r}; there are {', '.join(FORMATS)}"
        raise ConfigError([Problem("format", found, nearest(format, FORMATS))])
    if format == "json":
        return remedies.to_json()
    if format == "html":
        from trustkit.remedies.picture import page

        return page(remedies)
    return _text(remedies, width) if format == "text" else _markdown(remedies)


# -- words ----------------------------------------------------------------------------------------


def figure(of: Figure) -> str:
    """Estimate with its limits."""
    if of.value is None:
        return "undefined"
    return f"{number(of.value)} {words.interval((of.low, of.high))}"


def control(of: Control) -> str:
    """Verdict, and what it leaves open."""
    parts = [VERDICTS[of.verdict]]
    if of.failing:
        parts.append(f"{of.failing} claim{'s fail' if of.failing > 1 else ' fails'}")
        if of.of_rates < of.failing:
            parts.append(f"{of.of_rates or 'none'} of rates")
    elif of.verdict != "pass":
        parts.append("no claim fails")
    if of.covers is not None and of.covers < 1:
        parts.append(f"covers {words.share(of.covers)}")
    return ", ".join(parts)


def newly(outcome: Outcome) -> str:
    """Controls that fail with a remedy alone, and what fails them."""
    return "; ".join(f"{clean(id)} ({', '.join(map(clean, checks))})" for id, checks in outcome.newly_failing)


def disparity(of: Disparity) -> str:
    """Estimate of a claim, and its verdict."""
    return f"{figure(of.figure)} {VERDICTS[of.verdict]}" if of.verdict else "no longer measured"


def leveling(outcome: Outcome) -> str:
    """Whether a remedy levels down, and why."""
    return f"yes: {clean(outcome.levels_down, 200)}" if outcome.levels_down else "no"


def who(outcome: Outcome) -> str:
    """How many groups gain and lose."""
    gain, lose = outcome.gaining
    return f"{gain} gain, {lose} lose"


def needs(outcome: Outcome) -> str:
    """Sensitive attributes that a remedy needs when it decides."""
    return ", ".join(map(clean, outcome.attributes)) or "none"


def title(claim: Claim) -> str:
    """What a claim is about, and its limit."""
    return f"{clean(claim.title, 200)}, limit {words.limit(claim.limit)}"


def group(cost: Cost) -> str:
    """A group by its labels."""
    return ", ".join(f"{clean(name)}={clean(label)}" for name, label in cost.group.items())


def percent(value: float | None) -> str:
    """Share in percent."""
    return "" if value is None else f"{100 * value:.1f}"


def points(change: float | None) -> str:
    """Change of a share in points of percent."""
    return "" if change is None else f"{100 * change:+.1f}"


def summary(remedies: Remedies) -> str:
    """How many rows were fitted on and judged, and what the intervals are."""
    rows = remedies.rows
    return (
        f"Fitted on {rows['fitted']:,} rows, judged on {rows['judged']:,}. Each end of an interval is "
        f"one-sided at alpha = {remedies.alpha:g}. Rates are those of decisions and errors by group, which "
        "remedies are made for."
    )


def untried(remedies: Remedies) -> dict[str, list[str]]:
    """Remedies that could not be tried, by the reason."""
    by_reason: dict[str, list[str]] = {}
    for name, why in remedies.left_out.items():
        by_reason.setdefault(why, []).append(name)
    return by_reason


def matrix(remedies: Remedies, rate: str) -> Iterator[tuple[str, ...]]:
    """Yield, by group: its rows, its rate as it is, and the change by each remedy."""
    first, *rest = remedies.outcomes
    for i, cost in enumerate(first.costs):
        changes = [points(each.costs[i].change(rate)) for each in rest]
        yield group(cost), f"{cost.n:,}", percent(getattr(cost.before, rate)), *changes


# -- text -----------------------------------------------------------------------------------------


def _text(remedies: Remedies, width: int) -> str:
    lines = _wrapped(f"Remedies for {clean(remedies.system)}: what would pass, and what it costs whom", width)
    if remedies.outcomes:
        lines += ["", *_wrapped(f"Failed: {_failed(remedies)}.", width), *_wrapped(summary(remedies), width)]
        for letter, claim in zip(ascii_lowercase, remedies.claims, strict=False):
            lines += _wrapped(f"  {letter}  {title(claim)}", width)
        for at, outcome in enumerate(remedies.outcomes):
            lines += ["", *_outcome(remedies, at, outcome, width)]
        for rate in IN_TEXT:
            lines += ["", *_matrix(remedies, rate, RATES[rate], width)]
        lines += _wrapped("Files have true and false positive rates too, and a page the picture.", width)
    if remedies.left_out:
        lines += ["", "NOT TRIED"]
        lines += [
            line
            for why, names in untried(remedies).items()
            for line in _wrapped(f"  {clean(why, 400)}: {', '.join(names)}", width)
        ]
    if remedies.notes:
        lines += ["", "NOTES"]
        lines += [line for note in remedies.notes for line in _wrapped(f"  {clean(note, 600)}", width)]
    return "\n".join(lines) + "\n"


def _failed(remedies: Remedies) -> str:
    return ", ".join(f"{clean(id)} {clean(named)}" for id, named in remedies.controls.items())


def _wrapped(text: str, width: int) -> list[str]:
    indent = len(text) - len(text.lstrip())
    return textwrap.wrap(
        text, width, subsequent_indent=" " * (indent + 2 if indent else 0), break_on_hyphens=False
    )


def _outcome(remedies: Remedies, at: int, outcome: Outcome, width: int) -> Iterator[str]:
    yield from textwrap.wrap(
        f"{at:>2}  {outcome.name}: {clean(outcome.title, 300)}", width, subsequent_indent="    "
    )
    facts = ["; ".join(f"{clean(each.id)} {control(each)}" for each in outcome.controls)]
    if outcome.newly_failing:
        facts.append(f"newly fails {newly(outcome)}")
    facts.append(f"accuracy {figure(outcome.accuracy)}, balanced {figure(outcome.balanced_accuracy)}")
    facts += [
        f"{letter} {disparity(each)}"
        for letter, each in zip(ascii_lowercase, outcome.disparities, strict=False)
    ]
    if at:
        lots = "draws lots" if outcome.randomizes else "draws no lots"
        facts.append(
            f"groups: {who(outcome)}; levels down: {leveling(outcome)}; "
            f"needs to decide: {needs(outcome)}; {lots}"
        )
    for fact in [*facts, *(clean(note, 300) for note in outcome.notes)]:
        yield from textwrap.wrap(fact, width, initial_indent="    ", subsequent_indent="      ")


def _matrix(remedies: Remedies, rate: str, name: str, width: int) -> Iterator[str]:
    """A table of groups by remedies, in as many pieces as the width asks for."""
    rows = list(matrix(remedies, rate))
    shown = rows[:MOST_GROUPS]
    label = max([len(row[0]) for row in shown], default=0)
    room = max((width - label - 16) // 7, 1)
    yield f"{name.upper()}, percent; by remedy the change in points"
    for start in range(3, max(len(remedies.outcomes) + 2, 4), room):
        end = start + room
        heads = "".join(f"{at - 2:>7}" for at in range(start, min(end, len(remedies.outcomes) + 2)))
        yield f"{'':<{label}}{'n':>9}{'0':>7}{heads}"
        for row in shown:
            yield f"{row[0]:<{label}}{row[1]:>9}{row[2]:>7}{''.join(f'{cell:>7}' for cell in row[start:end])}"
    if len(rows) > MOST_GROUPS:
        yield f"and {len(rows) - MOST_GROUPS} more groups"


# -- Markdown -------------------------------------------------------------------------------------


def _markdown(remedies: Remedies) -> str:
    blocks = [f"# Remedies for {code(remedies.system)}"]
    if remedies.outcomes:
        blocks += [escaped(f"Failed: {_failed(remedies)}. {summary(remedies)}"), _overview(remedies)]
        blocks += ["## What it costs whom", "Percent as it is (0); by remedy the change in points."]
        heads = ("Group", "n", *(str(at) for at in range(len(remedies.outcomes))))
        for rate, name in RATES.items():
            rows = [(code(row[0]), *row[1:]) for row in matrix(remedies, rate)]
            blocks += [f"### {name}", _table(heads, rows)]
    if remedies.left_out:
        lines = [
            f"- {escaped(why)}: {', '.join(map(code, names))}" for why, names in untried(remedies).items()
        ]
        blocks += ["## Not tried", "\n".join(lines)]
    remarks = [f"- {escaped(note)}" for note in remedies.notes]
    remarks += [
        f"- {at}, {code(each.name)}: {escaped(note)}"
        for at, each in enumerate(remedies.outcomes)
        for note in each.notes
    ]
    return "\n\n".join([*blocks, "## Notes", "\n".join(remarks)]) + "\n"


def heads(remedies: Remedies) -> list[str]:
    """Heads of the table of remedies."""
    return [
        *(clean(id) for id in remedies.controls),
        "Newly fails",
        "Accuracy",
        "Balanced accuracy",
        *(title(claim) for claim in remedies.claims),
        "Groups",
        "Levels down",
        "Needs",
        "Lots",
    ]


def cells(outcome: Outcome, at: int) -> list[str]:
    """A row of that table, less the remedy's name; the first row is the system as it is."""
    return [
        *map(control, outcome.controls),
        newly(outcome),
        figure(outcome.accuracy),
        figure(outcome.balanced_accuracy),
        *map(disparity, outcome.disparities),
        *(
            (who(outcome), leveling(outcome), needs(outcome), "yes" if outcome.randomizes else "no")
            if at
            else [""] * 4
        ),
    ]


def _overview(remedies: Remedies) -> str:
    rows = [
        (str(at), f"{code(each.name)} {escaped(each.title)}", *map(escaped, cells(each, at)))
        for at, each in enumerate(remedies.outcomes)
    ]
    return _table(("", "Remedy", *map(escaped, heads(remedies))), rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    return "\n".join([line(heads), line(["---"] * len(heads)), *map(line, rows)])
