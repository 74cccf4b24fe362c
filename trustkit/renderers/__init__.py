"""Renderers: functions from a scorecard to text, each reading the card alone."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from trustkit.errors import ConfigError, Problem, nearest

if TYPE_CHECKING:
    from trustkit.renderers.results import Places
    from trustkit.scorecard import Scorecard

FORMATS = ("text", "json", "md", "github")
"""Formats for a terminal or a log; `github` is the workflow commands that make annotations."""

FILES = ("html", "sarif", "junit", "gitlab", "csv", "cyclonedx", "intoto", "impact_ratio")
"""Formats for a file alone."""

SUFFIXES = {
    ".html": "html",
    ".json": "json",
    ".md": "md",
    ".txt": "text",
    ".sarif": "sarif",
    ".sarif.json": "sarif",
    ".xml": "junit",
    ".gitlab.json": "gitlab",
    ".csv": "csv",
    ".ll144.csv": "impact_ratio",
    ".cdx.json": "cyclonedx",
    ".intoto.json": "intoto",
}
"""Format of each suffix that `save` knows; of two that fit a name, the longer one counts."""

_PLACED = ("sarif", "gitlab", "github")
"""Formats that point at lines of the configuration."""


def render(
    card: Scorecard,
    format: str = "text",
    *,
    color: bool = False,
    width: int = 88,
    language: str = "en",
    places: Places | None = None,
) -> str:
    """Render a scorecard.

    Parameters
    ----------
    card : Scorecard
        What to show; nothing else is read.
    format : str
        `text` for a terminal, `json` (the card itself), `md`, `html` (a page that stands alone), `github`
        (annotations), `sarif`, `junit`, `gitlab` (code quality), `csv` (the findings), `cyclonedx`,
        `intoto` or `impact_ratio` (the tables of New York's Local Law 144, as csv).
    color : bool
        Whether the text's verdicts are colored too; they are words in any case.
    width : int
        Columns of the text.
    language : str
        Language of the page's own words; what the policy and the checks say stays as the card has it.
    places : Places, optional
        Where the configuration sets each claim, for `github`, `gitlab` and `sarif`; by default, the first
        line of ``trustkit.toml``.

    Returns
    -------
    str
        Ends in a newline, unless it is empty.

    Raises
    ------
    ConfigError
        For a format or a language that does not exist.
    """
    formats = FORMATS + FILES
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
    name = "markdown" if format == "md" else format
    renderer = getattr(import_module(f"trustkit.renderers.{name}"), name)
    return renderer(card, places) if format in _PLACED else renderer(card)


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
        For a suffix that nothing writes, or that is a slip of one of two parts, as ``.gitlb.json``.
    """
    name = Path(path).name.lower()
    fitting = max((suffix for suffix in SUFFIXES if name.endswith(suffix)), key=len, default=None)
    if fitting is None:
        raise _no_suffix(path, Path(name).suffix, nearest(Path(name).suffix, SUFFIXES))
    if fitting == ".json":
        two = Path(name.removesuffix(".json")).suffix + ".json"
        # A name may have dots of its own: a slip is nearer than what an unknown suffix may have meant.
        slips = get_close_matches(two, [known for known in SUFFIXES if known.count(".") == 2], 1, 0.88)
        if slips:
            raise _no_suffix(path, two, slips[0])
    return SUFFIXES[fitting]


def _no_suffix(path: str | Path, suffix: str, close: str | None) -> ConfigError:
    found = f"no format has the suffix {suffix!r}; there are {', '.join(SUFFIXES)}"
    return ConfigError([Problem(str(path), found, close)])


def save(card: Scorecard, path: str | Path, places: Places | None = None) -> None:
    """Write a scorecard whole or not at all, in the format of the file's suffix.

    Raises
    ------
    ConfigError
        For a suffix that nothing writes, or a file that cannot be written.
    """
    from trustkit.evidence import write_whole

    write_whole(Path(path), render(card, format_of(path), places=places))
