"""Geometry of charts over time: a figure with its limits, and its e-value; in percent of any width."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from trustkit.renderers.words import number

WIDE = 1000
"""Units of the paths, across."""

FIGURE_HEIGHT, E_HEIGHT, STRIP_HEIGHT = 190, 130, 110
TOP, BOTTOM = 10, 24
_LEAST_E = math.log(0.01)
_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Point:
    """Of a claim at a moment: the figure since deployment, both limits (None: open), log e-value, rows."""

    at: float
    value: float | None
    low: float | None
    high: float | None
    log_e: float
    rows: int | None


@dataclass(frozen=True, slots=True)
class Course:
    """What became of a claim.

    Attributes
    ----------
    id, title : str
        Of the finding, and in words.
    verdict, bound : str
        How it is judged, and its limit in words.
    limit : float
    side : {"min", "max"}
    log_e_alarm : float
        Log of the e-value that is an alarm.
    start, end : float
        Seconds: of the first window, and of the look.
    points : sequence of Point
        At most a hundred or so of all windows.
    spans : sequence of (float, float)
        Middle of each of some spans, and the figure of its rows alone.
    """

    id: str
    title: str
    verdict: str
    bound: str
    limit: float
    side: str
    log_e_alarm: float
    start: float
    end: float
    points: Sequence[Point]
    spans: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Strip:
    """Counts over time: when each span began and how many there were; None below the smallest shown."""

    start: float
    end: float
    counts: Sequence[tuple[float, int | None]]


@dataclass(frozen=True, slots=True)
class Mark:
    """A place with its words, and which end of them stands there."""

    at: str
    text: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Chart:
    """Paths `WIDE` units across, ticks on both axes, the limit, and the region beyond it (top, height)."""

    height: int
    band: str
    line: str
    dots: str
    limit: int
    beyond: tuple[int, int]
    across: tuple[Mark, ...]
    up: tuple[tuple[int, str], ...]

    @property
    def base(self) -> int:
        """Where the axis of time lies."""
        return self.height - BOTTOM


def figure_chart(course: Course) -> Chart:
    """Lay out a claim's figure, its limits and its bound."""
    low, high = _range(course)
    up = _Up(low, high, FIGURE_HEIGHT)
    across = _Across(course.start, course.end)
    limit = up.at(course.limit)
    beyond = (TOP, limit - TOP) if course.side == "max" else (limit, FIGURE_HEIGHT - BOTTOM - limit)
    return Chart(
        height=FIGURE_HEIGHT,
        band=_band(course.points, across, up),
        line=_line(((p.at, p.value) for p in course.points), across, up),
        dots="".join(f"M{across.at(at)} {up.at(value)}h0" for at, value in course.spans),
        limit=limit,
        beyond=beyond,
        across=tuple(across.ticks()),
        up=tuple(up.ticks()),
    )


def e_chart(course: Course) -> Chart:
    """Lay out a claim's e-value on a logarithmic axis, and where it is an alarm."""
    logs = [max(point.log_e, _LEAST_E) for point in course.points]
    low = min([0.0, *logs])
    high = max([course.log_e_alarm, *logs])
    pad = 0.06 * (high - low)
    up = _Up(low - pad, high + pad, E_HEIGHT)
    across = _Across(course.start, course.end)
    limit = up.at(course.log_e_alarm)
    moments = zip((point.at for point in course.points), logs, strict=True)
    return Chart(
        height=E_HEIGHT,
        band="",
        line=_line(moments, across, up),
        dots="",
        limit=limit,
        beyond=(TOP, limit - TOP),
        across=tuple(across.ticks()),
        up=tuple((up.at(power * math.log(10)), _power(power)) for power in _powers(low, high)),
    )


def strip_chart(strip: Strip) -> Chart:
    """Lay out counts over time as bars from the axis."""
    most = max((count or 0 for _, count in strip.counts), default=0)
    up = _Up(0.0, 1.05 * max(most, 1), STRIP_HEIGHT)
    across = _Across(strip.start, strip.end)
    base = STRIP_HEIGHT - BOTTOM
    bars = "".join(
        f"M{across.at(at)} {base}V{up.at(4.0 if count is None else float(count))}"
        for at, count in strip.counts
        if count != 0
    )
    return Chart(
        height=STRIP_HEIGHT, band="", line=bars, dots="", limit=base, beyond=(base, 0),
        across=tuple(across.ticks()), up=tuple(up.ticks()),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Up:
    low: float
    high: float
    height: int

    def at(self, value: float) -> int:
        """Place of a value; those beyond the axis at its end."""
        part = (min(max(value, self.low), self.high) - self.low) / ((self.high - self.low) or 1.0)
        return round(self.height - BOTTOM - part * (self.height - BOTTOM - TOP))

    def ticks(self) -> Iterator[tuple[int, str]]:
        """Three to six round values."""
        step = _step((self.high - self.low) / 4)
        for i in range(math.ceil(self.low / step), math.floor(self.high / step) + 1):
            value = round(i * step, 10)
            yield self.at(value), f"{value:g}" if abs(value) < 10_000 else number(value)


@dataclass(frozen=True, slots=True)
class _Across:
    start: float
    end: float

    def at(self, moment: float) -> int:
        """Place of a moment, in units of the paths."""
        return round(WIDE * min(max((moment - self.start) / ((self.end - self.start) or 1.0), 0.0), 1.0))

    def ticks(self) -> Iterator[Mark]:
        """Both ends, and two moments between."""
        for part, anchor in ((0, "start"), (1, "middle"), (2, "middle"), (3, "end")):
            moment = datetime.fromtimestamp(self.start + part / 3 * (self.end - self.start), UTC)
            words = f"{moment:%Y-%m-%d}" if self.end - self.start > 4 * _DAY else f"{moment:%m-%d %H:%M}"
            yield Mark(f"{100 * part / 3:.4g}%", words, anchor)


def _range(course: Course) -> tuple[float, float]:
    """An axis over the figure, its limit and the last interval; the first, wide ones run beyond it."""
    later = course.points[len(course.points) // 4 :]
    core = [course.limit, *(value for _, value in course.spans)]
    core += [point.value for point in later if point.value is not None]
    last = course.points[-1] if course.points else None
    core += [end for end in (last.low, last.high) if end is not None] if last else []
    low, high = min(core), max(core)
    pad = 0.1 * (high - low) or 0.05
    return low - pad, high + pad


def _line(moments: Iterable[tuple[float, float | None]], across: _Across, up: _Up) -> str:
    """A path through the values that there are."""
    places = [(across.at(at), up.at(value)) for at, value in moments if value is not None]
    return "" if not places else "M" + "L".join(f"{x} {y}" for x, y in _sparse(places))


def _sparse(places: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Without the points in the middle of a level stretch."""
    kept = [
        place
        for before, place, after in zip(places, places[1:], places[2:], strict=False)
        if not before[1] == place[1] == after[1]
    ]
    return [places[0], *kept, places[-1]] if len(places) > 1 else [*places, places[0]]


def _band(points: Sequence[Point], across: _Across, up: _Up) -> str:
    """The region between both limits, up to where no one value lies between them."""
    lower, upper = [], []
    for point in points:
        low = up.low if point.low is None else point.low
        high = up.high if point.high is None else point.high
        if low > high:
            break
        lower.append((across.at(point.at), up.at(low)))
        upper.append((across.at(point.at), up.at(high)))
    if not lower:
        return ""
    ring = [*_sparse(lower), *reversed(_sparse(upper))]
    return "M" + "L".join(f"{x} {y}" for x, y in ring) + "Z"


def _powers(low: float, high: float) -> list[int]:
    """Powers of ten within logs, at most five or so."""
    first, last = math.ceil(low / math.log(10) - 1e-9), math.floor(high / math.log(10))
    step = max(math.ceil((last - first) / 4), 1)
    return [power for power in range(first, last + 1) if power % step == 0]


def _power(power: int) -> str:
    return f"{10.0**power:,g}" if abs(power) <= 4 else f"1e{power:+d}"


def _step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return float(min((part * power for part in (1, 2, 5, 10)), key=lambda step: abs(step - rough)))
