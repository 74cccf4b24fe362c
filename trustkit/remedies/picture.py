"""Accuracy against disparity, with intervals: the geometry of the picture, and the page that it is on."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import trustkit
from trustkit.remedies import showing
from trustkit.renderers.html import TEMPLATES
from trustkit.renderers.words import VERDICTS, clean

if TYPE_CHECKING:
    from jinja2 import Template

    from trustkit.remedies.outcomes import Claim, Figure, Remedies

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 24, 44
MOST_PICTURES = 4


@dataclass(frozen=True)
class Point:
    """A remedy in the picture: its number, its verdict, and where its point and its intervals lie."""

    number: int
    verdict: str
    x: float
    y: float
    across: tuple[float, float]
    up: tuple[float, float]


@dataclass(frozen=True)
class Tick:
    """A value on an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class Picture:
    """Accuracy of remedies against one disparity; the region beyond its limit."""

    title: str
    points: tuple[Point, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    limit: Tick | None
    beyond: tuple[float, float]


def pictures(remedies: Remedies) -> list[Picture]:
    """Lay out a picture for each claim that failed worst of its metric, at most `MOST_PICTURES`."""
    made = [_picture(remedies, at, claim) for at, claim in enumerate(remedies.claims[:MOST_PICTURES])]
    return [each for each in made if each is not None]


def page(remedies: Remedies) -> str:
    """Render remedies as a page that stands alone."""
    text = _template().render(
        remedies=remedies, pictures=pictures(remedies), show=showing, version=trustkit.__version__
    )
    return text.strip() + "\n"


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float) -> _Axis:
        """Axis over values, with a little room on both sides."""
        pad = 0.06 * ((max(values) - min(values)) or 1.0)
        return cls(min(values) - pad, max(values) + pad, start, end)

    def at(self, value: float) -> float:
        """Place of a value, kept on the axis."""
        part = (value - self.low) / (self.high - self.low)
        return round(self.start + min(max(part, 0.0), 1.0) * (self.end - self.start), 1)

    def ticks(self) -> Iterator[Tick]:
        """Four to eight round values."""
        rough = (self.high - self.low) / 6
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(part * power for part in (1, 2, 5, 10) if part * power >= rough)
        for i in range(math.ceil(self.low / step), math.floor(self.high / step) + 1):
            yield Tick(self.at(i * step), f"{round(i * step, 10):g}")


def _picture(remedies: Remedies, at: int, claim: Claim) -> Picture | None:
    drawn = [
        (number, each.disparities[at], each.accuracy)
        for number, each in enumerate(remedies.outcomes)
        if each.disparities[at].figure.value is not None and each.accuracy.value is not None
    ]
    if not drawn:
        return None
    side = "min" if "min" in claim.limit else "max"
    limit = claim.limit.get(side)
    reach = [end for _, found, _ in drawn for end in _ends(found.figure)] + (
        [limit] if limit is not None else []
    )
    x = _Axis.over(reach, LEFT, WIDTH - RIGHT)
    y = _Axis.over([end for _, _, accuracy in drawn for end in _ends(accuracy)], HEIGHT - BOTTOM, TOP)
    points = tuple(
        Point(
            number,
            found.verdict or "not_applicable",
            x.at(float(found.figure.value or 0.0)),
            y.at(float(accuracy.value or 0.0)),
            _pair(x, _ends(found.figure)),
            _pair(y, _ends(accuracy)),
        )
        for number, found, accuracy in drawn
    )
    mark = None if limit is None else Tick(x.at(limit), f"limit {'≥' if side == 'min' else '≤'} {limit:g}")
    edge = LEFT if mark is None else mark.at
    beyond = (LEFT, edge - LEFT) if side == "min" else (edge, WIDTH - RIGHT - edge)
    return Picture(clean(claim.title, 200), points, tuple(x.ticks()), tuple(y.ticks()), mark, beyond)


def _ends(figure: Figure) -> list[float]:
    known = [each for each in (figure.low, figure.value, figure.high) if each is not None]
    return [min(known), max(known)]


def _pair(axis: _Axis, ends: Sequence[float]) -> tuple[float, float]:
    return axis.at(ends[0]), axis.at(ends[1])


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates", encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = "\n".join(
        path.read_text("utf-8")
        for path in (TEMPLATES / "page.css", Path(__file__).parent / "templates" / "remedies.css")
    )
    environment.globals["style"] = Markup(re.sub(r"\n\s*", "\n", style))  # noqa: S704 (our own files)
    environment.globals["verdicts"] = VERDICTS
    environment.filters["clean"] = clean
    return environment.get_template("remedies.html")
