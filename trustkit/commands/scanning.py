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
    """Look for unsafe code in model files and folders, without loading them.

    Each FILE is judged by its content, whatever its name: pass, inconclusive
    (imports that nobody has judged), fail (dangerous) or error (could not be
    read to its end). Data files are not yet searched for personal data and
    secrets.

    Exit status: 0 all pass, 1 otherwise, 2 a FILE is not there.
    """
    from trustkit.models.scanning.command import scan_files

    with progress(quiet) as report:
        told = None if report is None else lambda done, total, _path: report("scan", done, total)
        text, status = scan_files(files, format, progress=told)
    if status == _MISSING:
        for line in text.splitlines():
            click.echo(f"error: {line}", err=True)
    else:
        click.echo(text)
    raise click.exceptions.Exit(status)


COMMANDS = (scan,)
