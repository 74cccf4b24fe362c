"""What commands say and write: progress, the scorecard, its files, the exit status."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trustkit.errors import ConfigError, Problem
from trustkit.renderers import format_of, render, save

if TYPE_CHECKING:
    from trustkit.renderers.results import Places
    from trustkit.scorecard import Scorecard


_NOTHING_TO_SIGN = "there is no scorecard to sign: name one with -o FILE.json, or in output.files"


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """Give a function that tells stderr how far a stage is: often to a terminal, else each ten seconds."""
    live = sys.stderr.isatty()
    pause = 0.2 if live else 10.0
    due = time.monotonic() + pause
    shown = False

    def report(stage: str, done: int, total: int) -> None:
        nonlocal due, shown
        if time.monotonic() >= due:
            line = f"{stage}: {done:,} of {total:,}"
            click.echo(f"\r{line:<60}" if live else line, err=True, nl=not live)
            due, shown = time.monotonic() + pause, True

    try:
        yield None if quiet else report
    finally:
        if live and shown:
            click.echo(f"\r{'':<60}\r", err=True, nl=False)


def place_problems(path: Path) -> list[Problem]:
    """What is wrong with a place to write, found before any work."""
    if path.is_dir():
        return [Problem(str(path), "a folder, not a file")]
    if not path.parent.is_dir():
        return [Problem(str(path), "its folder does not exist")]
    if not os.access(path.parent, os.W_OK):
        return [Problem(str(path), "its folder cannot be written to")]
    return []


def card_problems(paths: Iterable[Path]) -> list[Problem]:
    """What is wrong with files that a scorecard is to be written to."""
    problems = []
    for path in paths:
        try:
            format_of(path)
            problems += place_problems(path)
        except ConfigError as error:
            problems += error.problems
    return problems


def show(card: Scorecard, format: str, places: Places | None = None) -> None:
    """Write the card to stdout: colored text to a terminal that allows it, the other formats in UTF-8."""
    colored = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    width = min(max(shutil.get_terminal_size((88, 24)).columns, 80), 100)
    text = render(card, format, color=colored, width=width, places=places)
    if _under_github() and format != "github":
        text = _without_commands(text, format)
    try:
        click.echo(text if format == "text" else text.encode(), nl=False)
    except BrokenPipeError:
        # Whoever read the page has read enough; the files and the exit status still count.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def deliver(
    card: Scorecard,
    format: str,
    files: Iterable[Path],
    *,
    places: Places | None = None,
    key: Path | None = None,
    quiet: bool = False,
) -> None:
    """Show the card, write and sign its files, tell the code host, and leave with its exit status."""
    show(card, format, places)
    for path in files:
        save(card, path, places)
        written = [path] if key is None or format_of(path) != "json" else [path, _signed(path, key)]
        if not quiet:
            click.echo("\n".join(f"wrote {each}" for each in written), err=True)
    if _under_github():
        _tell_github(card, places, annotate=format != "github")
    raise click.exceptions.Exit(1 if card.gate.blocking else 0 if card.gate.holds else 3)


def sign_problems(key: Path | None, files: Iterable[Path]) -> list[Problem]:
    """What is wrong with a key to sign with, or that there is no file to sign."""
    from trustkit.signing import private_key

    if key is None:
        return []
    unsigned = (
        [] if any(format_of(path) == "json" for path in files) else [Problem("--sign", _NOTHING_TO_SIGN)]
    )
    try:
        private_key(key)
    except ConfigError as error:
        return [*error.problems, *unsigned]
    return unsigned


def _signed(card: Path, key: Path) -> Path:
    from trustkit.signing import private_key, sign

    return sign(card, private_key(key))


def _under_github() -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true"


def _without_commands(text: str, format: str) -> str:
    """Text in which no label commands the runner: it obeys ``::`` that starts a line, ``##[`` anywhere."""
    if format == "json":
        return text.replace("##[", "#\\u0023[")
    return re.sub(r"(?m)^(\s*)::", r"\1: :", text).replace("##[", "## [")


def _tell_github(card: Scorecard, places: Places | None, *, annotate: bool) -> None:
    """Annotate, and add the job summary.

    The runner reads stderr too, and the card on stdout may be on its way to a file.
    """
    from trustkit.renderers.github import SUMMARY_BYTES, summary

    if annotate:
        click.echo(render(card, "github", places=places), err=True, nl=False)
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        with Path(path).open("ab") as file:
            file.write(summary(card, SUMMARY_BYTES - file.tell()).encode())
    except OSError as error:
        click.echo(f"warning: the job summary could not be written: {error.strerror}", err=True)
