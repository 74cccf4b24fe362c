"""The command that scans files, without a configuration."""

from __future__ import annotations

import click

from trustkit.commands.options import quiet_option
from trustkit.commands.output import progress

_MISSING = 2


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@quiet_option
def scan(files: tuple[str, ...], format: str, quiet: bool) -> None:
    """Look for unsafe code, personal data and secrets in files, without a configuration.

    Each FILE is judged by its content, whatever its name. Models and folders
    are read without being loaded: pass, inconclusive (imports that nobody has
    judged), fail (dangerous) or error (could not be read to its end). Tables
    are searched for personal data and special categories, which are
    inconclusive, since their owner alone knows whether they are needed, for
    rows that single people out, and for secrets, which fail; notebooks and
    other text for secrets, for code that they ask for and, but for settings,
    line by line for what identifies persons. What was sought in a text stands
    beside it. A folder is read as one model, and each table and text in it
    besides.

    Exit status: 0 all pass, 1 otherwise, 2 a FILE is not there.
    """
    from trustkit.commands.files import entry_of
    from trustkit.models.scanning.command import scan_files

    with progress(quiet) as report:
        told = None if report is None else lambda done, total, _path: report("scan", done, total)
        text, status = scan_files(files, format, progress=told, look=entry_of)
    if status == _MISSING:
        for line in text.splitlines():
            click.echo(f"error: {line}", err=True)
    else:
        click.echo(text)
    raise click.exceptions.Exit(status)


COMMANDS = (scan,)
