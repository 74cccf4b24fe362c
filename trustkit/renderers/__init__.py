"""Renderers: functions from a scorecard to text, each reading the card alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trustkit.errors import ConfigError, Problem, nearest

if TYPE_CHECKING:
    from trustkit.scorecard import Scorecard

FORMATS = ("text", "json", "md", "github")
"""Formats for a terminal; `github` is Markdown as GitHub's job summaries and comments show it."""

PAGES = ("html",)
"""Formats for a file alone."""

SUFFIXES = {".html": "html", ".json": "json", ".md": "md", ".txt": "text"}
"""Format of each suffix that `save` knows."""

_LATER = (".sarif", ".xml", ".gitlab.json", ".csv")


def render(
    card: Scorecard, format: str = "text", *, color: bool = False, width: int = 88, language: str = "en"
) -> str:
    """Render a scorecard.

    Parameters
    ----------
    card : Scorecard
        What to show.
    format : {"text", "json", "md", "github", "html"}
        Text for a terminal, the card itself, Markdown, or a page that stands alone.
    color : bool
        Whether the text's verdicts are colored too; they are words in any case.
    width : int
        Columns of the text.
    language : str
        Language of the page's own words; what the policy and the checks say stays as the card has it.

    Returns
    -------
    str
        Ends in a newline.

    Raises
    ------
    ConfigError
        For a format or a language that does not exist.
    """
    formats = FORMATS + PAGES
    if format not in formats:
        found = f"no format {format!r}; there are {', '.join(formats)}"
        raise ConfigError([Problem("format", found, nearest(format, formats))])
    if format == "json":
        return card.to_json()
    if format == "text":
        from trustkit.renderers.terminal import terminal

        return terminal(card, color=color, width=width)
    if format == "html":
        return _page(card, language)
    from trustkit.renderers.markdown import markdown

    return markdown(card)


def _page(card: Scorecard, language: str) -> str:
    from trustkit.renderers.catalogue import languages
    from trustkit.renderers.html import html

    if language not in languages():
        found = f"no language {language!r}; there are {', '.join(languages())}"
        raise ConfigError([Problem("language", found, nearest(language, languages()))])
    return html(card, language)


def format_of(path: str | Path) -> str:
    """Return the format that a file's suffix stands for.

    Raises
    ------
    ConfigError
        For a suffix that nothing writes, or that a later release will.
    """
    name = Path(path).name.lower()
    known = ", ".join(SUFFIXES)
    later = next((suffix for suffix in _LATER if name.endswith(suffix)), None)
    if later:
        raise ConfigError([Problem(str(path), f"{later} comes in a later release; there are {known}")])
    suffix = Path(name).suffix
    if suffix not in SUFFIXES:
        found = f"no format has the suffix {suffix!r}; there are {known}"
        raise ConfigError([Problem(str(path), found, nearest(suffix, SUFFIXES))])
    return SUFFIXES[suffix]


def save(card: Scorecard, path: str | Path) -> None:
    """Write a scorecard whole or not at all, in the format of the file's suffix.

    Raises
    ------
    ConfigError
        For a suffix that nothing writes, or a file that cannot be written.
    """
    from trustkit.evidence import write_whole

    write_whole(Path(path), render(card, format_of(path)))
