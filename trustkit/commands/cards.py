"""The commands on scorecards: another format, and whether it still holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trustkit.commands.options import FILE, output_option
from trustkit.commands.output import card_problems, show
from trustkit.commands.places import places_of
from trustkit.errors import Problem, at_once
from trustkit.renderers import FORMATS, save
from trustkit.renderers.words import clean

if TYPE_CHECKING:
    from trustkit.scorecard import Scorecard


@click.command()
@click.argument("card", type=FILE)
@output_option
@click.option("--format", type=click.Choice(FORMATS), help="What stdout shows; with -o nothing else.")
@click.option(
    "--config",
    type=FILE,
    metavar="FILE",
    help="The configuration that was audited, for the formats that point at its lines.",
)
def render(card: Path, output: tuple[Path, ...], format: str | None, config: Path | None) -> None:
    """Write a scorecard in another format."""
    from trustkit.config import Config
    from trustkit.scorecard import Scorecard

    with at_once(lambda: card_problems(output)):
        loaded = Scorecard.load(card)
        as_of = date.fromisoformat(loaded.run.as_of)
        places = None if config is None else places_of(Config.read(config, as_of=as_of))
    if _altered(loaded, card):
        click.echo("warning: the scorecard was changed: it does not have the digest it states", err=True)
    for path in output:
        save(loaded, path, places)
    if format or not output:
        show(loaded, format or "text", places)


@click.command()
@click.argument("card", type=FILE)
@click.option(
    "--root",
    type=FILE,
    metavar="DIR",
    help="The folder of the configuration that was audited, which the input files are relative to; "
    "without a configuration, the folder the audit ran in. Default: the card's folder.",
)
@click.option("--key", type=FILE, metavar="PUB", help="The public key (PEM) that the card was signed with.")
@click.option("--signature", type=FILE, metavar="FILE", help="Default: CARD.sig.json beside the card.")
@click.option(
    "--anchor",
    multiple=True,
    type=FILE,
    metavar="FILE",
    help="Of an event log: a head file that was copied elsewhere; the log has to hold its line. Repeatable.",
)
def verify(
    card: Path, root: Path | None, key: Path | None, signature: Path | None, anchor: tuple[Path, ...]
) -> None:
    """Verify that a scorecard (JSON) is as it was issued, and its input files as they were read.

    With --key also who issued it: the signature binds the card's file, the
    model and the data. A folder is an event log of a monitor: no line of it may
    have been changed, removed or moved. Exit status 1 when it is not verified.
    """
    from trustkit.commands.logs import problems_of, verify_log
    from trustkit.scorecard import Scorecard

    with at_once(lambda: problems_of(card, anchor, {"--root": root, "--key": key, "--signature": signature})):
        pass
    if card.is_dir():
        verify_log(card, anchor)
        return
    with at_once(lambda: [Problem("--signature", "given without --key")] if signature and not key else []):
        loaded = Scorecard.load(card)
    folder = card.parent if root is None else root
    wrong = list(_changes(loaded, card, folder))
    if key is not None:
        wrong += [line for line in _signature(card, folder, key, signature) if line not in wrong]
    for line in wrong:
        click.echo(line)
    if wrong:
        click.echo("not verified")
        raise click.exceptions.Exit(1)
    files = len(loaded.run.inputs)
    by = "the signature, " if key is not None else ""
    click.echo(f"verified: {by}the digest and {files} input file{'' if files == 1 else 's'}")
    if key is None and _beside(card).exists():
        click.echo(f"not verified: the signature {clean(_beside(card).name)}, without --key")


def _changes(card: Scorecard, path: Path, root: Path) -> Iterator[str]:
    """What differs from the card's digest and from the files that it names."""
    if _altered(card, path):
        yield "changed: the scorecard does not have the digest it states"
    for read in card.run.inputs:
        yield from _file_changes(read.role, read.path, read.sha256, root)


def _signature(card: Path, root: Path, key: Path, signature: Path | None) -> Iterator[str]:
    """What differs from what was signed, or that it was not."""
    from trustkit.signing import Unsigned, public_key, signed

    file = _beside(card) if signature is None else signature
    try:
        statement = signed(file, public_key(key))
    except Unsigned as problem:
        yield f"signature {clean(file.name)}: {problem}"
        return
    own, *inputs = statement["subject"]
    if hashlib.sha256(card.read_bytes()).hexdigest() != own["digest"]["sha256"]:
        yield "changed: the scorecard is not the file that was signed"
        yield from _control_changes(statement["predicate"], card)
    for each in inputs:
        yield from _file_changes(each["annotations"]["role"], each["name"], each["digest"]["sha256"], root)


def _control_changes(signed: Mapping[str, Any], card: Path) -> Iterator[str]:
    """Controls that the card tells otherwise than was signed."""
    from trustkit.renderers.intoto import statement
    from trustkit.scorecard import Scorecard

    lists = {"passedTests": "passed", "warnedTests": "open", "failedTests": "failed"}
    now = statement(Scorecard.load(card))["predicate"]
    was, told = ({id: word for key, word in lists.items() for id in of[key]} for of in (signed, now))
    for id in sorted(was.keys() | told.keys()):
        if was.get(id) != told.get(id):
            yield f"changed: control {clean(id)}: {told.get(id, 'absent')}, signed as {was.get(id, 'absent')}"


def _file_changes(role: str, path: str, sha256: str, root: Path) -> Iterator[str]:
    from trustkit.collectors.provenance import digest

    name = f"{clean(role)} {clean(path, 200)}"
    try:
        if digest(root / path)[0] != sha256:
            yield f"changed: {name}"
    except OSError as error:
        yield f"missing: {name}: {error.strerror}"


def _beside(card: Path) -> Path:
    from trustkit.signing import signature_of

    return signature_of(card)


def _altered(card: Scorecard, path: Path) -> bool:
    """Whether what a card found was changed since it was issued."""
    from trustkit.scorecard import digest_of

    return digest_of(json.loads(path.read_text(encoding="utf-8"))) != card.digest


COMMANDS = (render, verify)
