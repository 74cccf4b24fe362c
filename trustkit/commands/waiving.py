"""The command that writes a waiver into the configuration."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trustkit.commands.options import FILE, as_of_option
from trustkit.errors import ConfigError, Problem, nearest

if TYPE_CHECKING:
    from trustkit.config import Config, Waiver
    from trustkit.scorecard import Scorecard


@click.command()
@click.argument("path", required=False, type=FILE, metavar="[CARD|PATH]")
@click.option("--control", metavar="ID", help="The control whose findings are waived.")
@click.option("--finding", metavar="ID", help="With CARD: one finding; in place of the next three.")
@click.option("--check", metavar="ID", help="The check whose findings are waived.")
@click.option("--metric", metavar="NAME", help="The metric whose findings are waived.")
@click.option("--group", "groups", multiple=True, metavar="A=G", help="The group they are about; repeatable.")
@click.option(
    "--reason", metavar="WORD", help="accepted-risk, remediation-planned, test-data, false-positive."
)
@click.option("--note", metavar="TEXT", help="The reason in words.")
@click.option("--by", metavar="WHO", help="Who waives it.")
@click.option("--expires", metavar="DATE", help="The last day it holds, at most 365 days ahead.")
@click.option("--up-to", type=float, metavar="VALUE", help="No value worse than this is waived.")
@click.option("--config", type=FILE, metavar="PATH", help="With CARD: where to write; default: here.")
@as_of_option
def waive(
    path: Path | None,
    finding: str | None,
    groups: tuple[str, ...],
    config: Path | None,
    as_of: date | None,
    **keys: Any,
) -> None:
    """Write a waiver into trustkit.toml: what it matches does not block the gate until it expires.

    With CARD, a scorecard (JSON), there has to be something on it to waive.
    The waiver is put after all that the file holds; nothing else is changed.
    """
    from trustkit.comparing import load_card
    from trustkit.config import Config

    card = load_card(path) if path is not None and path.suffix.lower() == ".json" else None
    read = Config.read((path if card is None else config) or Path(), as_of=as_of)
    today = as_of or datetime.now(UTC).date()
    given = {name: value for name, value in keys.items() if value is not None}
    given |= {"subject": {"groups": _groups(groups)}} if groups else {}
    waiver = given | (_aim(card, finding, given) if finding is not None else {})
    block, text = _added(read, waiver)
    made = _validated(text, read, today)
    problems = [*_in_force(made, today), *(() if card is None else _needless(card, made.waivers[-1]))]
    if problems:
        raise ConfigError(problems)
    _save(read, text)
    click.echo(block)
    click.echo(f"wrote {read.path}", err=True)


_ORDER = ("control", "check", "metric", "subject", "reason", "note", "by", "expires", "up_to")


def _groups(pairs: tuple[str, ...]) -> dict[str, str]:
    wrong = [Problem("--group", f"{pair!r} is not ATTRIBUTE=GROUP") for pair in pairs if "=" not in pair]
    if wrong:
        raise ConfigError(wrong)
    return {attribute: group for attribute, _, group in (pair.partition("=") for pair in pairs)}


def _aim(card: Scorecard | None, id: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Keys that match one finding of a card."""
    if card is None:
        raise ConfigError([Problem("--finding", "names a finding of a scorecard; give the card")])
    named = {"subject": "--group"}
    twice = [named.get(key, f"--{key}") for key in ("check", "metric", "subject") if key in given]
    if twice:
        raise ConfigError([Problem(option, "does not go with --finding") for option in twice])
    found = {finding.id: finding for finding in card.findings}
    if id not in found:
        raise ConfigError([Problem("--finding", f"the card has no {id!r}", nearest(id, found))])
    aim = {"check": found[id].check, "metric": found[id].metric}
    return aim | ({"subject": dict(found[id].subject)} if found[id].subject else {})


def _added(config: Config, waiver: Mapping[str, Any]) -> tuple[str, str]:
    """Block of the waiver, and the text of the file with it at the end."""
    file = config.path or Path()
    text = file.read_bytes().decode("utf-8")
    table = "tool.trustkit.waivers" if file.name == "pyproject.toml" else "waivers"
    lines = [f"[[{table}]]", *(f"{key} = {_toml(key, waiver[key])}" for key in _ORDER if key in waiver)]
    end = "\r\n" if "\r\n" in text else "\n"
    start = text if not text or text.endswith("\n") else text + end
    return "\n".join(lines), start + end.join(["", *lines, ""])


def _toml(key: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return (
            f"{{ {', '.join(f'{_toml_key(name)} = {_toml(name, each)}' for name, each in value.items())} }}"
        )
    if key == "expires" and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return str(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml("", name)


def _validated(text: str, config: Config, as_of: date) -> Config:
    """Configuration that a text holds; what is wrong with its last waiver is told by option."""
    from trustkit.checks import discover
    from trustkit.config import Config
    from trustkit.judging.plan import Plan

    file = config.path or Path()
    try:
        tables = tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        found = "its waivers are a list in one line; write each as a table [[waivers]] first"
        if "waivers" not in config.model_fields_set:
            found = f"with this waiver it would be no TOML: {error}"
        raise ConfigError([Problem(str(file), found)]) from None
    own = tables["tool"]["trustkit"] if file.name == "pyproject.toml" else tables
    last = f"waivers[{len(own['waivers']) - 1}]."
    try:
        made = Config.of(folder=config.folder, as_of=as_of, **own)
        Plan.of(made, discover()[0], as_of=as_of)
    except ConfigError as error:
        raise ConfigError(
            problem._replace(key=_option(problem.key, last)) for problem in error.problems
        ) from None
    return made


def _option(key: str, last: str) -> str:
    return f"--{key.removeprefix(last).replace('_', '-')}" if key.startswith(last) else key


def _in_force(config: Config, as_of: date) -> Iterator[Problem]:
    """What is wrong with the days: it is past already, or the same is waived."""
    new = config.waivers[-1]
    if new.expires < as_of:
        yield Problem("--expires", f"{new.expires} is past")
    for place, old in enumerate(config.waivers[:-1]):
        if old.model_copy(update=_SAYS) == new.model_copy(update=_SAYS) and old.expires >= new.expires:
            yield Problem(f"waivers[{place}]", f"waives the same already, until {old.expires}")


_SAYS: dict[str, Any] = {"reason": "", "note": "", "by": "", "expires": None}
"""What two waivers of the same may differ in."""


def _needless(card: Scorecard, waiver: Waiver) -> Iterator[Problem]:
    """Say that nothing on the card is held back by what the waiver matches."""
    from trustkit.judging.gate import held_back, matches

    without = waiver.model_copy(update={"up_to": None})
    aimed = [
        (control, finding)
        for control in card.controls
        for finding in card.findings_of(control)
        if matches(without, control.id, finding)
    ]
    back = [(control, finding) for control, finding in aimed if held_back(finding)]
    if any(matches(waiver, control.id, finding) for control, finding in back):
        return
    if back:
        worst = ", ".join(f"{finding.estimate:.4g}" for _, finding in back if finding.estimate is not None)
        yield Problem("--up-to", f"{waiver.up_to:g} waives nothing: the card has {worst or 'no figure'}")
    else:
        verdicts = {control.id: control.verdict for control in card.controls}
        named = [waiver.control] if waiver.control in verdicts else [control.id for control, _ in aimed]
        said = ", ".join(f"{id} {verdicts[id]}" for id in dict.fromkeys(named))
        yield Problem("the card", f"nothing to waive: {said}" if said else "no such finding is on it")


def _save(config: Config, text: str) -> None:
    """Write the file whole, where it is, with the permissions it has."""
    from trustkit.evidence import write_whole

    file = (config.path or Path()).resolve()
    mode = file.stat().st_mode
    write_whole(file, text)
    file.chmod(mode)


COMMANDS = (waive,)
