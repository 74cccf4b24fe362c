"""The commands on the store of a monitor: what it says as of now, and the record of incidents."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from trustkit.commands.groups import Group
from trustkit.commands.options import FILE
from trustkit.commands.output import place_problems
from trustkit.errors import ConfigError, Problem, at_once, nearest
from trustkit.renderers.words import clean

if TYPE_CHECKING:
    from trustkit.monitor.state import Incident
    from trustkit.monitor.status import Status
    from trustkit.monitor.store import Store

EXPORTS = ("prometheus", "evidence", "json")

REPLAYED = 86400.0
"""Rows with times of their own, so many seconds before their flush, are of the past: so is the look."""

_Command = TypeVar("_Command", bound=Callable[..., Any])

store_argument = click.argument("where", metavar="STORE")
as_of_option = click.option(
    "--as-of",
    metavar="TIME",
    help="The time of the look, as 2026-11-24T09:00Z; default: now, or the end of a past that was replayed.",
)


def _output(metavar: str) -> Callable[[_Command], _Command]:
    return click.option(
        "-o", "--output", required=True, type=FILE, metavar=metavar, help="The file to write."
    )


@click.group(cls=Group)
def monitor() -> None:
    """Look at the store of a monitor.

    STORE is a file, or postgresql://USER@HOST/DATABASE (leave the password to
    PGPASSWORD or ~/.pgpass). Exit status of status, report and export: 0 no
    alarm stands, 1 one does, 2 the command is wrong or the store cannot be read.
    """


@monitor.command()
@store_argument
@click.option("--format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--all", "everything", is_flag=True, help="Every claim, not only those that matter most.")
@as_of_option
def status(where: str, format: str, everything: bool, as_of: str | None) -> None:
    """Say what stands: alarms first, then claims, labels, gaps."""
    from trustkit.monitor.reporting import report_of
    from trustkit.renderers.monitor import monitor_json, monitor_text

    judged, name = _judged(where, as_of)
    report = report_of(judged, name)
    colored = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    if format == "json":
        click.echo(monitor_json(report).encode(), nl=False)
    else:
        click.echo(monitor_text(report, everything=everything, color=colored), nl=False)
    _leave(judged)


@monitor.command()
@store_argument
@_output("FILE.html")
@as_of_option
def report(where: str, output: Path, as_of: str | None) -> None:
    """Write a page: alarms, and each claim's figure and e-value over time."""
    from trustkit.evidence import write_whole
    from trustkit.monitor.reporting import MOST_DRAWN, report_of
    from trustkit.renderers.monitor_page import monitor_page

    with at_once(lambda: _page_problems(output)):
        store = _opened(where)
    judged, name = _judged(store, as_of)
    write_whole(output, monitor_page(report_of(judged, name, drawn=MOST_DRAWN)))
    click.echo(f"wrote {output}", err=True)
    _leave(judged)


@monitor.command()
@store_argument
@click.option("--format", required=True, metavar="FORMAT", help=f"{', '.join(EXPORTS)}.")
@_output("FILE")
@as_of_option
def export(where: str, format: str, output: Path, as_of: str | None) -> None:
    """Write what the store says for other tools.

    prometheus: figures in its text format, for a file that is collected.
    evidence: the decisions of the windows that have closed, for trustkit judge.
    json: as of status.
    """
    with at_once(lambda: [*_format_problems(format), *place_problems(output)]):
        store = _opened(where)
    judged, name = _judged(store, as_of)
    _export(judged, name, format, output)
    click.echo(f"wrote {output}", err=True)
    _leave(judged)


def _export(judged: Status, name: str, format: str, output: Path) -> None:
    from trustkit.evidence import write_whole

    if format == "evidence":
        from trustkit.monitor.exporting import stream_evidence

        if not len(judged.tally.decided.panes):
            raise ConfigError(
                [Problem("STORE", f"no window of {clean(name)} with a decision has closed yet")]
            )
        stream_evidence(judged).save(output)
    elif format == "prometheus":
        from trustkit.monitor.hooks.prometheus import to_prometheus_text

        write_whole(output, to_prometheus_text(judged))
    else:
        from trustkit.monitor.reporting import report_of
        from trustkit.renderers.monitor import monitor_json

        write_whole(output, monitor_json(report_of(judged, name)))


@monitor.group(cls=Group)
def incident() -> None:
    """Keep the record of incidents: who saw to what, why it happened, the fix and the audit after it."""


@incident.command("open")
@store_argument
@click.option("--about", required=True, metavar="ID|TEXT", help="The id of a finding, or what happened.")
@click.option("--owner", required=True, metavar="WHO", help="Who sees to it.")
@click.option("--cause", metavar="TEXT", help="Why it happened, where that is known.")
def open_incident(where: str, about: str, owner: str, cause: str | None) -> None:
    """Open an incident."""
    with at_once(lambda: _empty({"--about": about, "--owner": owner, "--cause": cause})):
        store = _opened(where)
    with _faults(store):
        problems = list(_unknown(store, about)) if _is_id(about) else []
        if problems:
            raise ConfigError(problems)
        made = store.open_incident(about.strip(), owner.strip(), cause=cause)
    click.echo(_line(made))


@incident.command("close")
@store_argument
@click.argument("number", type=int, metavar="ID")
@click.option("--fix", required=True, metavar="LINK", help="What mended it: a link, a commit, a version.")
@click.option(
    "--audit",
    required=True,
    metavar="CARD|LINK",
    help="The audit after the fix: a scorecard (JSON), of which the digest is kept, or a link or digest.",
)
@click.option("--cause", metavar="TEXT", help="Why it happened.")
def close_incident(where: str, number: int, fix: str, audit: str, cause: str | None) -> None:
    """Close an incident with its fix and the audit that followed."""
    with at_once(lambda: _empty({"--fix": fix, "--audit": audit, "--cause": cause})):
        store = _opened(where)
    with _faults(store):
        opened = {each.id: each.opened for each in store.incidents()}
        told = _audit(audit.strip(), opened.get(number))
        made = store.close_incident(number, fix=fix.strip(), audit=told, cause=cause)
    click.echo(_line(made))


@incident.command("list")
@store_argument
@click.option("--format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def list_incidents(where: str, format: str) -> None:
    """List all incidents, the oldest first."""
    store = _opened(where)
    with _faults(store):
        found = store.incidents()
    if format == "json":
        listed = [_plain(each) for each in found]
        data = {"format": "trustkit-incidents/1", "store": store.name, "incidents": listed}
        click.echo(json.dumps(data, indent=1, ensure_ascii=False).encode())
    else:
        click.echo("\n".join(map(_line, found)) or "no incident is recorded")


def _leave(judged: Status) -> None:
    raise click.exceptions.Exit(1 if judged.alarms else 0)


def _opened(where: str) -> Store:
    """Open what is a store already; nothing is made."""
    from trustkit.monitor.store import Store

    if where == ":memory:":
        raise ConfigError([Problem("STORE", "a store in memory ends with the process that holds it")])
    if "://" not in where:
        problems = list(_file_problems(where))
        if problems:
            raise ConfigError(problems)
    try:
        return Store.open(where)
    except ConfigError:
        raise
    except ValueError:
        raise ConfigError([Problem("STORE", "no address; write postgresql://USER@HOST/DATABASE")]) from None


def _file_problems(where: str) -> Iterator[Problem]:
    path = Path(where)
    if "password=" in where or "host=" in where:
        yield Problem("STORE", "no file; write an address as postgresql://USER@HOST/DATABASE")
    elif path.is_dir():
        stores = [str(path / each) for each in _files(path) if each.endswith(".db")]
        yield Problem(where, "a folder, not a store", stores[0] if len(stores) == 1 else None)
    elif not path.exists():
        close = nearest(path.name, _files(path.parent))
        yield Problem(where, "there is no such store", close and str(path.parent / close))


def _files(folder: Path) -> list[str]:
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(each.name for each in found if each.is_file())


@contextmanager
def _faults(store: Store) -> Iterator[None]:
    """Tell a store that cannot be read or written as a problem."""
    from trustkit.monitor.store import StoreFault

    try:
        yield
    except StoreFault as fault:
        raise ConfigError([Problem("STORE", f"{store.name}: {fault.reason}")]) from None


def _judged(where: str | Store, as_of: str | None) -> tuple[Status, str]:
    """Judge what a store holds; and its name."""
    from trustkit.monitor.status import Status

    with at_once(lambda: [] if as_of is None or _moment(as_of) is not None else [_no_time(as_of)]):
        store = _opened(where) if isinstance(where, str) else where
    with _faults(store):
        judged = Status.read(store)
    state = judged.state
    now = _moment(as_of) if as_of is not None else time.time()
    flushed = max((writer.flushed_at for writer in state.writers), default=0.0)
    is_past = flushed - (state.last_at or flushed) > max(REPLAYED, 10 * judged.watch.window)
    if is_past and as_of is None:
        return judged, store.name
    return replace(judged, now=max(now or 0.0, judged.now)), store.name


def _moment(text: str) -> float | None:
    """Seconds of a time as ISO 8601, UTC where it names no zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _no_time(text: str) -> Problem:
    return Problem("--as-of", f"{text!r} is no time; write 2026-11-24 or 2026-11-24T09:00Z")


def _page_problems(output: Path) -> list[Problem]:
    if output.suffix.lower() == ".html":
        return place_problems(output)
    return [Problem(str(output), "the report is a page: name it .html", nearest(output.suffix, [".html"]))]


def _format_problems(format: str) -> Iterator[Problem]:
    if format not in EXPORTS:
        found = f"no format {format!r}; there are {', '.join(EXPORTS)}"
        yield Problem("--format", found, nearest(format, EXPORTS))


def _empty(given: dict[str, str | None]) -> Iterator[Problem]:
    for option, text in given.items():
        if text is not None and not text.strip():
            yield Problem(option, "is empty")


def _is_id(about: str) -> bool:
    """Whether a text is written as the id of a finding: ``bias/selection-rate:ratio:sex=F~sex=M:min``."""
    check, colon, _ = about.partition(":")
    return bool(colon) and "/" in check and "//" not in about and " " not in check


def _unknown(store: Store, about: str) -> Iterator[Problem]:
    """Say so where no finding of the store has an id, and which is nearest."""
    known = {alarm.id for alarm in store.alarms()}
    if about in known:
        return
    judged, _ = _judged(store, None)
    known |= {finding.id for finding in judged.findings}
    if about not in known:
        yield Problem("--about", f"no finding {about!r}", nearest(about, known))


def _audit(told: str, opened: float | None) -> str:
    """What is kept of the audit after a fix: the digest of its card, or the link."""
    path = Path(told)
    if "://" in told or told.startswith("sha256:"):
        return told
    if not path.is_file():
        close = nearest(path.name, _files(path.parent))
        found = f"{told!r} is no scorecard that is there, no link and no digest (sha256:...)"
        raise ConfigError([Problem("--audit", found, close and str(path.parent / close))])
    from trustkit.scorecard import Scorecard

    card = Scorecard.load(path)
    day = None if opened is None else f"{datetime.fromtimestamp(opened, UTC):%Y-%m-%d}"
    if day is not None and card.run.as_of < day:
        found = f"{path.name} is of {card.run.as_of}; the incident was opened on {day}: audit again"
        raise ConfigError([Problem("--audit", found)])
    return card.digest


def _plain(incident: Incident) -> dict[str, Any]:
    from trustkit.monitor.reporting import incident_of

    return asdict(incident_of(incident))


def _line(incident: Incident) -> str:
    plain = _plain(incident)
    more = (f"{key} {clean(plain[key], 200)}" for key in ("cause", "fix", "audit", "closed") if plain[key])
    state = "open" if incident.closed is None else "closed"
    about, owner = clean(incident.about, 200), clean(incident.owner, 100)
    return "  ".join([f"{incident.id}  {state}  {plain['opened']}  {about}  owner {owner}", *more])


COMMANDS = (monitor,)
