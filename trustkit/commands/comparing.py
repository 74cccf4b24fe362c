"""The command that compares two scorecards."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trustkit.commands.options import FILE
from trustkit.errors import ConfigError, Problem, at_once
from trustkit.renderers import words
from trustkit.renderers.words import VERDICTS, clean

if TYPE_CHECKING:
    from trustkit.scorecard import Change, Finding, Scorecard

MOST = 40
"""Lines of a section; JSON has all."""


@click.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@click.option("--format", type=click.Choice(["text", "json", "md"]), default="text", show_default=True)
def diff(old: Path, new: Path, format: str) -> None:
    """Compare two scorecards (JSON): verdicts that differ, and each change of an estimate with its interval.

    Exit status 1 when verdicts differ.
    """
    from trustkit.comparing import load_card

    with at_once(lambda: _problems(new)):
        earlier = load_card(old)
    found = difference(earlier, load_card(new))
    if format == "json":
        click.echo(json.dumps(found, indent=1, ensure_ascii=False).encode())
    else:
        click.echo("\n".join(_page(found, markdown=format == "md")).encode())
    raise click.exceptions.Exit(1 if found["differs"] else 0)


def _problems(card: Path) -> list[Problem]:
    from trustkit.comparing import load_card

    try:
        load_card(card)
    except ConfigError as error:
        return error.problems
    return []


def difference(old: Scorecard, new: Scorecard) -> dict[str, Any]:
    """What differs between two cards, as plain data of format ``trustkit-diff/1``.

    Verdicts are those of controls, and of claims that both cards have. What is
    worse comes first among the changes, then what is clearest: by how many
    widths of its interval it lies from 0.
    """
    from trustkit.comparing import changes

    controls = _differing({each.id: each for each in old.controls}, {each.id: each for each in new.controls})
    claims = [{each.id: each for each in card.findings if each.limit is not None} for card in (old, new)]
    differing = [each for each in _differing(*claims) if None not in each["verdicts"]]
    before, now = ({each.id: each for each in card.findings} for card in (old, new))
    moved = [(now[id], change) for id, change in changes(old, new).items() if change.change]
    return {
        "format": "trustkit-diff/1",
        "old": _named(old),
        "new": _named(new),
        "declared": [
            {"key": key, "old": old.system.get(key), "new": new.system.get(key)}
            for key in {**old.system, **new.system}
            if old.system.get(key) != new.system.get(key)
        ],
        "differs": old.verdict != new.verdict or bool(controls or differing),
        "controls": controls,
        "claims": differing,
        "changes": [_told(*each) for each in sorted(moved, key=_clearness)],
        "only_old": sorted(before.keys() - now.keys()),
        "only_new": sorted(now.keys() - before.keys()),
    }


def _named(card: Scorecard) -> dict[str, Any]:
    return {
        "name": card.system.get("name"),
        "version": card.system.get("version"),
        "as_of": card.run.as_of,
        "digest": card.digest,
        "verdict": card.verdict,
        "gate": card.gate.holds,
    }


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Verdicts that differ, by id; None where one card has no such thing."""
    both = {id: [part[id].verdict if id in part else None for part in (old, new)] for id in {**old, **new}}
    return [{"id": id, "verdicts": verdicts} for id, verdicts in both.items() if verdicts[0] != verdicts[1]]


def _told(finding: Finding, change: Change) -> dict[str, Any]:
    about = {"id": finding.id, "check": finding.check, "metric": finding.metric, "subject": finding.subject}
    shown = {"change", "interval", "level", "p_worse", "paired", "worse"}
    rest = change.model_dump(mode="json", include=shown)
    return {**about, "old": change.estimate, "new": finding.estimate, **rest}


def _clearness(moved: tuple[Finding, Change]) -> tuple[bool, float]:
    """Sorts what is worse first, then what is clear of 0."""
    change = moved[1]
    low, high = change.interval or (None, None)
    if low is None or high is None or change.change is None or high <= low:
        return not change.worse, 0.0
    return not change.worse, -abs(change.change) / (high - low)


def _page(found: Mapping[str, Any], *, markdown: bool) -> Iterator[str]:
    """Lines of what differs: for a terminal, or as Markdown in which text from data is inert."""
    from trustkit.renderers.markdown import code

    def section(title: str, lines: Iterable[str]) -> Iterator[str]:
        told = list(lines)
        if told:
            yield from ["", f"## {title} ({len(told)})", ""] if markdown else ["", f"{title} ({len(told)})"]
            yield from (f"- {code(line)}" if markdown else f"  {line}" for line in told[:MOST])
        if len(told) > MOST:
            yield f"{'- ' if markdown else '  '}and {len(told) - MOST} more; --format json has all"

    yield "# What changed" if markdown else "What changed"
    yield from section("Cards", (_card_line(of, found[of]) for of in ("old", "new")))
    yield from section("Declared otherwise", map(_declared_line, found["declared"]))
    yield from section("Controls whose verdict differs", map(_verdict_line, found["controls"]))
    yield from section("Claims whose verdict differs", map(_verdict_line, found["claims"]))
    yield from section("Changes, clearest first", map(_change_line, found["changes"]))
    for key, where in (("only_old", "old"), ("only_new", "new")):
        yield from section(f"Findings on the {where} card alone", (clean(id, 200) for id in found[key]))
    if not found["differs"]:
        yield from ["", "No verdict differs."]


def _card_line(of: str, card: Mapping[str, Any]) -> str:
    named = " ".join(clean(card[key]) for key in ("name", "version") if card[key]) or "an unnamed system"
    gate = "holds" if card["gate"] else "does not hold"
    return f"{of}: {named} as of {card['as_of']}, {card['digest']}: {VERDICTS[card['verdict']]}, gate {gate}"


def _declared_line(each: Mapping[str, Any]) -> str:
    return f"{clean(each['key'])}: {clean(each['old'], 100)} -> {clean(each['new'], 100)}"


def _verdict_line(each: Mapping[str, Any]) -> str:
    before, after = ("absent" if verdict is None else VERDICTS[verdict] for verdict in each["verdicts"])
    return f"{clean(each['id'], 200)}: {before} -> {after}"


def _change_line(each: Mapping[str, Any]) -> str:
    whom = words.whom(each["subject"])
    about = f"{clean(each['check'])} {clean(each['metric'])}{f' of {whom}' if whom else ''}"
    ends = f" {words.interval(each['interval'])}" if each["interval"] else ""
    return (
        f"{about}: {words.number(each['old'])} -> {words.number(each['new'])}, "
        f"{words.number(each['change'])}{ends}{', worse' if each['worse'] else ''}"
    )


COMMANDS = (diff,)
