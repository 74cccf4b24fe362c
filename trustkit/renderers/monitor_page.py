"""The report of a monitor as one HTML page: no script, no request, inert whatever the data says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from trustkit.renderers import words
from trustkit.renderers.html import TEMPLATES
from trustkit.renderers.monitor import TITLES, Entry, Report, e_value, told, verdicts
from trustkit.renderers.over_time import Chart, Course, Point, e_chart, figure_chart, strip_chart
from trustkit.renderers.page import LONG
from trustkit.renderers.words import clean, number

if TYPE_CHECKING:
    from jinja2 import Template

MOST_MOMENTS = 12
"""Rows of the table beside a chart."""

MOST_ALARMS = 40
"""Alarms of one kind that are told in sentences; the tables have them all."""


def monitor_page(report: Report) -> str:
    """Render a report as a page that stands alone."""
    page = _template().render(page=_Page(report), report=report)
    return _UNNEEDED_QUOTES.sub(r"\1", page.strip()) + "\n"


_UNNEEDED_QUOTES = re.compile(r'(?<==)"([\w.#%-]+)"(?=[ >])')
"""Quotes that HTML does not need: text of data cannot hold one, since it is escaped."""


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"clean": clean, "e": _e, "number": number}
    sheets = ((TEMPLATES / name).read_text("utf-8") for name in ("page.css", "monitor.css"))
    style = re.sub(r"\s*([{};,]|\n)\s*|(?<=:) (?=[\w#-])", r"\1", "".join(sheets))
    environment.globals["style"] = Markup(style)  # noqa: S704 (our own files)
    return environment.get_template("monitor.html")


def _e(log_e: float | None) -> str:
    return "" if log_e is None else e_value(log_e)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A claim with its charts, and some moments of it for the table beside them."""

    anchor: str
    course: Course
    figure: Chart
    e: Chart
    moments: Sequence[Point]
    entry: Entry

    @property
    def parted(self) -> bool:
        """Whether the limits have crossed: no one figure fits all windows any more."""
        low, high = self.course.points[-1].low, self.course.points[-1].high
        return low is not None and high is not None and low > high


class _Page:
    def __init__(self, report: Report) -> None:
        self._report = report
        self.most_alarms = MOST_ALARMS
        self.titles = TITLES
        self.long = LONG

    @cached_property
    def drawn(self) -> list[Drawn]:
        """Claims with a chart."""
        entries = {entry.finding.id: entry for entry in self.claims}
        return [
            Drawn(f"c{place}", each, figure_chart(each), e_chart(each), _some(each.points), entries[each.id])
            for place, each in enumerate(self._report.courses)
        ]

    @cached_property
    def anchors(self) -> dict[str, str]:
        """Where a claim is drawn, by the id of its finding."""
        return {each.course.id: each.anchor for each in self.drawn}

    @cached_property
    def claims(self) -> list[Entry]:
        """All claims, alarms first."""
        return self._report.of("violated")

    @cached_property
    def columns(self) -> list[Entry]:
        """Shifts of inputs and of the score."""
        return [each for each in self._report.of("changed") if "column" in each.finding.subject]

    @cached_property
    def volume(self) -> Chart | None:
        """Decisions over time."""
        return None if self._report.volume is None else strip_chart(self._report.volume)

    @cached_property
    def counts(self) -> list[tuple[float, str]]:
        """Decisions of at most `MOST_MOMENTS` spans, by when each began."""
        counts = () if self._report.volume is None else self._report.volume.counts
        size = -(-len(counts) // MOST_MOMENTS) or 1
        parts = (counts[start : start + size] for start in range(0, len(counts), size))
        return [(part[0][0], _added([count for _, count in part])) for part in parts]

    def told(self, entry: Entry) -> str:
        """Return a finding in a line."""
        return told(entry)

    def whom(self, entry: Entry) -> str:
        """Of whom or what a finding is, after its check and metric."""
        finding = entry.finding
        subject = words.whom(finding.subject)
        return f"{clean(finding.check)} {clean(finding.metric)}{f' of {subject}' if subject else ''}"

    def verdict(self, name: str) -> str:
        """Word of a verdict."""
        return {"fail": "Fails", "pass": "Passes", "inconclusive": "Unsure"}.get(name, words.VERDICTS[name])

    def verdicts(self, entries: Sequence[Entry]) -> str:
        """Count entries by verdict."""
        return verdicts(entries)

    def counts_of(self, entry: Entry) -> str:
        """Rows of a finding."""
        return words.counts(entry.finding)

    def interval(self, entry: Entry) -> str:
        """Confidence sequence of a finding."""
        ends = entry.finding.interval
        return "" if ends is None else " \u2013 ".join(number(end, "open") for end in ends)

    def limit(self, entry: Entry) -> str:
        """Limit of a finding."""
        return "" if not entry.finding.limit else words.limit(entry.finding.limit)

    def share(self, value: float | None) -> str:
        """Percent; empty where there is none."""
        return "" if value is None else words.share(value).replace(" ", "\u00a0")

    def day(self, at: float | str) -> str:
        """Day and hour of a moment."""
        from datetime import UTC, datetime

        moment = datetime.fromtimestamp(at, UTC) if isinstance(at, float) else datetime.fromisoformat(at)
        return f"{moment:%Y-%m-%d %H:%M}".removesuffix(" 00:00")


def _added(counts: Sequence[int | None]) -> str:
    """Counts added up, as far as they are shown."""
    known = sum(count or 0 for count in counts)
    if None not in counts:
        return f"{known:,}"
    return f"{known:,} or more" if known else "<5"


def _some(points: Sequence[Point]) -> list[Point]:
    """At most `MOST_MOMENTS` of many, the last among them."""
    if len(points) <= MOST_MOMENTS:
        return list(points)
    step = (len(points) - 1) / (MOST_MOMENTS - 1)
    return [points[round(i * step)] for i in range(MOST_MOMENTS)]
