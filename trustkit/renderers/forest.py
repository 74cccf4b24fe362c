"""Geometry of a forest plot: intervals against limits, in percent of a width that the page chooses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from trustkit.renderers.words import number

MOST_DRAWN = 12
"""Rows that still fit on one sheet of A4; a figure cannot be broken across two."""

MOST_VALUES = 30

PITCH, TOP, BOTTOM = 24, 30, 26
_STRETCH = 0.75  # how far the axis may run beyond estimates and limits, in parts of what they span
_FINE = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


Ends = tuple[float | None, float | None] | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A row to draw: who, how it was judged, its estimate, and where it was failed and where passed."""

    verdict: str
    label: str
    value: str
    estimate: float
    interval: Ends
    passing: Ends


@dataclass(frozen=True, slots=True)
class Row:
    """Words of a row, and where its estimate lies."""

    label: str
    value: str
    y: int
    x: str


@dataclass(frozen=True, slots=True)
class Marks:
    """Rows of one verdict: their words, and their lines and points as paths a thousand units wide."""

    verdict: str
    rows: tuple[Row, ...]
    thin: str
    thick: str
    points: str
    left: tuple[int, ...]
    right: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on the axis with its words, and which end of the words stands there."""

    x: str
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Forest:
    """A figure: rows by verdict, limits with the region beyond each, ticks and the line of no difference."""

    height: int
    marks: tuple[Marks, ...]
    limits: tuple[Mark, ...]
    beyond: tuple[tuple[str, str], ...]
    ticks: tuple[Mark, ...]
    null: str | None
    shown: int
    total: int
    log: bool

    @property
    def clipped(self) -> bool:
        """Whether an interval runs beyond the axis."""
        return any(marks.left or marks.right for marks in self.marks)

    @property
    def values(self) -> bool:
        """Whether the figures stand beside their rows; of many, the table tells."""
        return self.shown <= MOST_VALUES

    @property
    def base(self) -> int:
        """Where the axis lies."""
        return self.height - BOTTOM


def forest(
    rows: Sequence[Entry], limits: Iterable[tuple[str, float]], null: float | None, total: int
) -> Forest | None:
    """Lay out a forest plot; None where no row has an estimate.

    Parameters
    ----------
    rows : sequence of Entry
        Rows in the order in which they are drawn, at most `MOST_DRAWN`.
    limits : iterable of (str, float)
        ``min`` or ``max``, and the bound.
    null : float, optional
        Value of no difference. One is taken to be the null of a ratio, which is drawn on a logarithmic axis.
    total : int
        How many rows there are to draw.
    """
    bounds = list(dict.fromkeys(limits))
    if not rows:
        return None
    core = [entry.estimate for entry in rows] + [value for _, value in bounds]
    ends = [end for entry in rows for end in entry.interval or () if end is not None]
    log = null == 1 and min(core) > 0
    axis = _Axis.over(core, [end for end in ends if end > 0] if log else ends, log)
    height = TOP + PITCH * len(rows) + BOTTOM
    placed = [(TOP + PITCH * place + PITCH // 2, entry) for place, entry in enumerate(rows)]
    return Forest(
        height=height,
        marks=tuple(
            _marks(axis, verdict, list(of))
            for verdict, of in groupby(placed, key=lambda pair: pair[1].verdict)
        ),
        limits=tuple(_limit(axis, side, value) for side, value in bounds),
        beyond=tuple(_beyond(axis, side, value) for side, value in bounds),
        ticks=tuple(axis.ticks()),
        null=_percent(axis.at(null, 0.0)) if null is not None and 0 <= axis.at(null, 0.0) <= 100 else None,
        shown=len(rows),
        total=total,
        log=log,
    )


@dataclass(frozen=True, slots=True)
class _Axis:
    low: float
    high: float
    log: bool

    @classmethod
    def over(cls, core: Sequence[float], ends: Sequence[float], log: bool) -> _Axis:
        """Axis over all that matters; one very wide interval may not press the rest together."""
        shift = math.log if log else float
        inner = [shift(value) for value in core]
        outer = [shift(value) for value in ends] + inner
        span = max(inner) - min(inner)
        if not span:
            span = (max(outer) - min(outer)) or 1.0
        low = max(min(outer), min(inner) - _STRETCH * span)
        high = min(max(outer), max(inner) + _STRETCH * span)
        pad = 0.04 * ((high - low) or 1.0)
        return cls(low - pad, high + pad, log)

    def at(self, value: float | None, none: float) -> float:
        """Place of a value in percent; that of `none` where it is unbounded."""
        if value is None:
            return none
        if self.log and value <= 0:
            return -math.inf
        return 100 * ((math.log(value) if self.log else value) - self.low) / (self.high - self.low)

    def ticks(self) -> Iterator[Mark]:
        """Four to seven round values."""
        for value in self._round_values():
            place = self.at(value, 0.0)
            if 1 <= place <= 99:
                yield Mark(_percent(place), _plain(value), _anchor(place))

    def _round_values(self) -> list[float]:
        if not self.log:
            step = _step((self.high - self.low) / 5)
            first, last = math.ceil(self.low / step), math.floor(self.high / step)
            return [round(i * step, 10) for i in range(first, last + 1)]
        low, high = math.exp(self.low), math.exp(self.high)
        for parts in (_FINE, (0.1, 0.2, 0.3, 0.5, 0.7, 1.0), (0.1, 0.2, 0.5, 1.0), (0.1, 1.0), (0.01, 1.0)):
            powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
            made = sorted({round(part * 10.0**power, 10) for power in powers for part in parts})
            found = [value for value in made if low <= value <= high]
            if len(found) <= 7:
                return found
        return [value for value in (low, 1.0, high) if low <= value <= high]


def _marks(axis: _Axis, verdict: str, placed: Sequence[tuple[int, Entry]]) -> Marks:
    ends = [
        (y, axis.at(low, -math.inf), axis.at(high, math.inf)) for y, (low, high) in _known(placed, "interval")
    ]
    inner = [
        (y, axis.at(low, -math.inf), axis.at(high, math.inf)) for y, (low, high) in _known(placed, "passing")
    ]
    points = [(y, axis.at(entry.estimate, 0.0)) for y, entry in placed]
    return Marks(
        verdict=verdict,
        rows=tuple(
            Row(e.label, e.value, y, _percent(x)) for (y, e), (_, x) in zip(placed, points, strict=True)
        ),
        thin="".join(f"M{_unit(low)} {y}H{_unit(high)}" for y, low, high in ends),
        thick="".join(f"M{_unit(low)} {y}H{_unit(high)}" for y, low, high in inner),
        points="".join(f"M{_unit(x)} {y}h0" for y, x in points),
        left=tuple(y for y, low, _ in ends if low < 0),
        right=tuple(y for y, _, high in ends if high > 100),
    )


def _known(
    placed: Iterable[tuple[int, Entry]], which: str
) -> Iterator[tuple[int, tuple[float | None, float | None]]]:
    """Intervals that have at least one end."""
    for y, entry in placed:
        ends = entry.interval if which == "interval" else entry.passing
        if ends is not None and ends != (None, None):
            yield y, ends


def _unit(place: float) -> int:
    return round(10 * min(max(place, 0.0), 100.0)) if place == place else 0  # noqa: PLR0124 (NaN)


def _limit(axis: _Axis, side: str, value: float) -> Mark:
    place = axis.at(value, 0.0)
    return Mark(_percent(place), f"{'≥' if side == 'min' else '≤'} {value:g}", _anchor(place))


def _beyond(axis: _Axis, side: str, value: float) -> tuple[str, str]:
    """Left edge and width of the region that a limit forbids."""
    place = min(max(axis.at(value, 0.0), 0.0), 100.0)
    return ("0%", _percent(place)) if side == "min" else (_percent(place), _percent(100 - place))


def _anchor(place: float) -> str:
    return "start" if place < 6 else "end" if place > 94 else "middle"


def _percent(place: float) -> str:
    return f"{min(max(place, 0.0), 100.0):.3g}%" if place == place else "0%"  # noqa: PLR0124 (NaN)


def _plain(value: float) -> str:
    return f"{value:g}" if abs(value) < 10_000 else number(value)


def _step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return float(min((part * power for part in (1, 2, 5, 10)), key=lambda step: abs(step - rough)))
