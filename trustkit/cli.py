"""The command line: `trustkit audit` and its kin."""

from __future__ import annotations

import sys
from typing import Any

import click

from trustkit import __version__
from trustkit.commands import (
    auditing,
    burning,
    cards,
    catalog,
    comparing,
    monitoring,
    remedying,
    scanning,
    starting,
    waiving,
)
from trustkit.commands.groups import Group
from trustkit.errors import ConfigError, traced
from trustkit.renderers.words import clean

_WRONG, _INTERRUPTED = 2, 130


class _Commands(Group):
    """Commands whose errors are told in lines, never as a traceback of the user's mistake."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            for problem in error.problems:
                click.echo(f"error: {clean(problem, 1000)}", err=True)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            raise click.exceptions.Exit(_INTERRUPTED) from None
        except (click.exceptions.Exit, click.ClickException, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            trace = traced(error)
            click.echo(trace, err=True)
            found = clean(trace.strip().rsplit("\n", 1)[-1], 300)
            click.echo(f"error: this is a bug in trustkit, please report it: {found}", err=True)
        raise click.exceptions.Exit(_WRONG)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="trustkit")
def app() -> None:
    """Audit an AI system's trustworthiness and issue a scorecard.

    Exit status of audit and judge: 0 the gate holds, 1 a control blocks it,
    3 nothing blocks but a check raised an error, 2 the command, the
    configuration or the input is wrong and nothing was audited.
    """


for module in (
    auditing, cards, comparing, burning, catalog, monitoring, remedying, scanning, starting, waiving,
):  # fmt: skip
    for command in module.COMMANDS:
        app.add_command(command)


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a console that lacks a character is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="trustkit")


if __name__ == "__main__":
    main()
