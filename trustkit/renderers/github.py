"""GitHub's annotations and job summary, within the limits of both."""

from __future__ import annotations

from collections.abc import Iterator

from trustkit.renderers.markdown import markdown
from trustkit.renderers.results import Level, Places, Result, results
from trustkit.scorecard import Scorecard

MOST_ANNOTATIONS = 10
"""Annotations of one level that GitHub shows of a step."""

SUMMARY_BYTES = 1024 * 1024
"""Bytes that GitHub takes of a step's summary; it drops a longer one whole."""

_COMMANDS: dict[Level, str] = {"error": "error", "warning": "warning", "note": "notice"}
_CUT = "\n\n**Cut here**: GitHub shows 1 MiB of summary a step. The scorecard's own files have the rest.\n"


def github(card: Scorecard, places: Places | None = None) -> str:
    """Render a scorecard as workflow commands: one annotation a control, the worst of its findings.

    Parameters
    ----------
    card : Scorecard
        What to show.
    places : Places, optional
        Where the configuration sets each claim; without it, annotations point at its first line.

    Returns
    -------
    str
        Lines that make annotations when a step prints them; empty where all is passed.
    """
    where = places or Places()
    told: dict[str, list[Result]] = {}
    for result in results(card, where):
        told.setdefault(result.title, []).append(result)
    by_level: dict[str, list[list[Result]]] = {command: [] for command in _COMMANDS.values()}
    for together in told.values():
        by_level[_command(together[0])].append(together)
    lines = [line for command, each in by_level.items() for line in _annotations(command, each, where)]
    return "".join(f"{line}\n" for line in lines)


def _command(result: Result) -> str:
    return "notice" if result.lifted else _COMMANDS[result.level]


def _annotations(command: str, controls: list[list[Result]], places: Places) -> Iterator[str]:
    shown = controls if len(controls) <= MOST_ANNOTATIONS else controls[: MOST_ANNOTATIONS - 1]
    for together in shown:
        worst = together[0]
        where = f"file={_property(places.file)},line={worst.line},title={_property(worst.title)}"
        yield f"::{command} {where}::{_data(_message(together))}"
    if len(shown) < len(controls):
        left = f"{len(controls) - len(shown)} more controls: see the job summary"
        yield f"::{command} file={_property(places.file)},line=1,title=trustkit::{_data(left)}"


def _message(together: list[Result]) -> str:
    worst, more = together[0], len(together) - 1
    lines = [worst.text + (f" (and {more} more)" if more else ""), worst.lifted or worst.remedy]
    return "\n".join(line for line in lines if line)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def summary(card: Scorecard, room: int = SUMMARY_BYTES) -> str:
    """Render a scorecard as a job summary of at most `room` bytes: cut before a heading and marked as cut.

    Parameters
    ----------
    card : Scorecard
        What to show.
    room : int
        Bytes that the step's summary has left.
    """
    page = markdown(card)
    if len(page.encode()) <= room:
        return page
    kept = page.encode()[: max(room - len(_CUT.encode()), 0)].decode(errors="ignore")
    kept = kept[: kept.rfind("\n\n#")] if "\n\n#" in kept else ""
    return kept + _CUT if kept else ""
