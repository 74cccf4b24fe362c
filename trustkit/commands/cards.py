"""The commands on scorecards: another format, and whether it still holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trustkit.commands.options import FILE, output_option
from trustkit.commands.output import card_problems, show
from trustkit.commands.places import places_of
from trustkit.errors import at_once
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
def verify(card: Path, root: Path | None) -> None:
    """Verify that a scorecard (JSON) is as it was issued, and its input files as they were read.

    Exit status 1 when it is not verified.
    """
    from trustkit.scorecard import Scorecard

    loaded = Scorecard.load(card)
    wrong = list(_changes(loaded, card, card.parent if root is None else root))
    for line in wrong:
        click.echo(line)
    if wrong:
        click.echo("not verified")
        raise click.exceptions.Exit(1)
    files = len(loaded.run.inputs)
    click.echo(f"verified: the digest and {files} input file{'' if files == 1 else 's'}")


def _changes(card: Scorecard, path: Path, root: Path) -> Iterator[str]:
    """What differs from the card's digest and from the files that it names."""
    if _altered(card, path):
        yield "changed: the scorecard does not have the digest it states"
    for read in card.run.inputs:
        name = f"{clean(read.role)} {clean(read.path, 200)}"
        try:
            with (root / read.path).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            yield f"missing: {name}: {error.strerror}"
            continue
        if digest != read.sha256:
            yield f"changed: {name}"


def _altered(card: Scorecard, path: Path) -> bool:
    """Whether what a card found was changed since it was issued."""
    from trustkit.scorecard import digest_of

    return digest_of(json.loads(path.read_text(encoding="utf-8"))) != card.digest


COMMANDS = (render, verify)
