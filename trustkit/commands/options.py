"""The options that commands share, and the configuration that they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from trustkit.errors import ConfigError, Problem
from trustkit.renderers import FORMATS, SUFFIXES

if TYPE_CHECKING:
    from trustkit.config import Config
    from trustkit.policy import Policy

_Command = TypeVar("_Command", bound=Callable[..., Any])

FILE = click.Path(path_type=Path)

_DATA = {".csv", ".parquet", ".feather", ".jsonl", ".ndjson", ".arrow", ".ipc"}


def _names(_ctx: click.Context, _option: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Names between commas."""
    return tuple(name.strip() for name in (value or "").split(",") if name.strip())


def _day(_ctx: click.Context, _option: click.Parameter, value: datetime | None) -> date | None:
    return None if value is None else value.date()


_SYSTEM = (
    click.argument("path", required=False, type=FILE),
    click.option("--data", metavar="FILE", help="Audit FILE, without a configuration."),
    click.option("--target", metavar="COLUMN", help="With --data: the true outcome."),
    click.option("--prediction", metavar="COLUMN", help="With --data: the decision."),
    click.option("--baseline-prediction", metavar="COLUMN", help="With --data: the decision of --baseline."),
    click.option("--score", metavar="COLUMN", help="With --data: the probability of the positive class."),
    click.option("--model", metavar="MODULE:OBJECT", help="With --data: the model, if there is one."),
    click.option("--sensitive", metavar="C,C", callback=_names, help="With --data: columns of groups."),
    click.option("--positive", metavar="LABEL", help="With --data: the class that rates speak of."),
    click.option(
        "--favorable", metavar="LABEL", multiple=True, help="With --data: a class a person wants; repeatable."
    ),
    click.option("--weight", metavar="COLUMN", help="With --data: weights of the rows."),
    click.option("--unit", metavar="COLUMN", help="With --data: the person of a row."),
)

format_option = click.option(
    "--format", type=click.Choice(FORMATS), default="text", show_default=True, help="What stdout shows."
)
output_option = click.option(
    "-o",
    "--output",
    multiple=True,
    type=FILE,
    metavar="FILE",
    help=f"Write the card; the suffix is the format: {', '.join(SUFFIXES)}. Repeatable.",
)
policy_option = click.option("--policy", metavar="ID|FILE", help="The policy, over the configuration's.")
seed_option = click.option("--seed", type=click.IntRange(min=0), default=0, help="Seed of whatever is drawn.")
quiet_option = click.option("--quiet", is_flag=True, help="No progress on stderr.")
as_of_option = click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    callback=_day,
    metavar="DATE",
    help="The day that expiry dates are compared with; default: today, UTC.",
)


def system_options(command: _Command) -> _Command:
    """Give a command PATH, or the options that stand in for a configuration file."""
    for option in reversed(_SYSTEM):
        command = option(command)
    return command


def config_of(path: Path | None, columns: Mapping[str, Any], as_of: date | None = None) -> Config:
    """Configuration from a file or folder, or from the options of `system_options` alone.

    Raises
    ------
    ConfigError
        Everything that is wrong with it, or both were given.
    """
    from trustkit.config import Config

    given = {name: value for name, value in columns.items() if value not in (None, ())}
    if not given:
        if path is not None and path.suffix.lower() in _DATA:
            raise ConfigError([Problem(str(path), "data, not a configuration: audit it with --data")])
        return Config.read(path or Path(), as_of=as_of)
    options = ", ".join(f"--{name}" for name in given)
    if path is not None:
        raise ConfigError([Problem(str(path), f"a configuration; it does not go with {options}")])
    if "data" not in given:
        raise ConfigError([Problem("--data", f"required with {options}")])
    return Config.flat({"audit": given.pop("data"), **given}, as_of=as_of)


def audited_config(path: Path | None, columns: Mapping[str, Any], as_of: date | None = None) -> Config:
    """As `config_of`; what is wrong with files and columns is reported along."""
    try:
        return config_of(path, columns, as_of)
    except ConfigError as error:
        from trustkit.auditing import with_inputs

        raise with_inputs(error) from None


def policy_of(id_or_file: str | None) -> Policy | None:
    """Policy of the option, a file relative to the current folder."""
    from trustkit.policy import Policy

    return None if id_or_file is None else Policy.load(id_or_file)
