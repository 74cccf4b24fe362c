"""The event log of a monitor, verified."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from trustkit.errors import Problem
from trustkit.renderers.words import clean


def problems_of(path: Path, anchors: Sequence[Path], others: Mapping[str, Path | None]) -> Iterator[Problem]:
    """Options of `verify` that do not go with what is verified."""
    if not path.is_dir() and anchors:
        yield Problem("--anchor", "goes with the folder of an event log, not with a scorecard")
    for option, given in others.items():
        if path.is_dir() and given is not None:
            yield Problem(option, "goes with a scorecard, not with the folder of an event log")


def verify_log(folder: Path, anchors: Sequence[Path]) -> None:
    """Tell what was changed in an event log; exit status 1 where something was."""
    from trustkit.monitor.hooks.chain import Mark, verify

    found = verify(folder, [Mark.read(path) for path in anchors])
    for line in (*found.wrong, *found.notes):
        click.echo(clean(line, 300))
    if found.wrong:
        click.echo("not verified")
        raise click.exceptions.Exit(1)
    processes = f"{len(found.heads)} process{'' if len(found.heads) == 1 else 'es'}"
    click.echo(f"verified: {found.lines:,} lines of {processes}, from {found.first} to {found.last}")
    if not anchors:
        click.echo(
            "without --anchor it is not found if a line and all after it were written anew, and the head"
        )
