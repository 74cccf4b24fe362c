"""Thresholds by group, read off the cells: rates within a band, each group's threshold moved the least."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from trustkit.evidence.score_bins import SCORE_BINS, SCORE_EDGES

if TYPE_CHECKING:
    from trustkit.evidence.cells import Cells

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EQUAL, HALFWAY, AT_LIMIT = 0.0, 0.5, 1.0
"""How far from equality to the limit a band reaches: short of the limit, chance has room."""

_PLACES = {1: 500, 2: 96, 3: 64}
"""Places tried for each band, by the number of bands."""

ROUNDING = 1e-9


@dataclass(frozen=True)
class Band:
    """A rate that groups may differ in by so much.

    Attributes
    ----------
    figure : {"selection", "tpr", "fpr"}
        The rate: of favorable decisions, or of positive ones among the truly positive, or negative.
    form : {"ratio", "difference"}
        How two groups are compared.
    limit : float
        The smallest ratio, or the largest difference.
    """

    figure: Literal["selection", "tpr", "fpr"]
    form: Literal["ratio", "difference"]
    limit: float

    def tighter(self, other: Band) -> bool:
        """Whether it leaves less room than another of its form."""
        if self.form != other.form:
            return False
        return self.limit > other.limit if self.form == "ratio" else self.limit < other.limit

    def width(self, part: float) -> float:
        """Ratio or difference that lies `part` of the way from equality to the limit."""
        return max(1 - part * (1 - self.limit), 0.01) if self.form == "ratio" else part * self.limit

    def line(self, part: float) -> tuple[float, float]:
        """Slope and offset of the line from lower ends of bands to their upper ends."""
        return (1 / self.width(part), 0.0) if self.form == "ratio" else (1.0, self.width(part))


@dataclass(frozen=True)
class Curves:
    """What every threshold would do in every group.

    Attributes
    ----------
    groups : list of int
        Numbers of the groups.
    rates : mapping of str to array, shape (groups, SCORE_BINS + 1)
        The three rates, were a row positive from the bin of that place on; the last place is never.
    right : array of the same shape
        Rows, or their weight, decided as the truth is.
    mass : array, shape (groups,)
        Rows, or their weight.
    """

    groups: list[int]
    rates: Mapping[str, Floats]
    right: Floats
    mass: Floats

    @classmethod
    def of(cls, cells: Cells, *, favors_positive: bool) -> Curves:
        """Read the curves off cells of one attribute, whose labels are the numbers of groups."""
        scores = cells.scores(cells.attributes)
        above = np.zeros((len(scores.groups), 2, SCORE_BINS + 1))
        above[:, :, :-1] = scores.mass[:, :, ::-1].cumsum(axis=2)[:, :, ::-1]
        negatives, positives = above[:, :1, 0], above[:, 1:, 0]
        mass = negatives + positives
        with np.errstate(divide="ignore", invalid="ignore"):
            positive = above.sum(axis=1) / mass
            rates = {
                "selection": positive if favors_positive else 1 - positive,
                "fpr": above[:, 0] / negatives,
                "tpr": above[:, 1] / positives,
            }
        right = above[:, 1] + negatives - above[:, 0]
        return cls([int(next(iter(group.values()))) for group in scores.groups], rates, right, mass[:, 0])

    def within(self, figure: str, low: Floats, high: Floats) -> tuple[Ints, Ints]:
        """First and last threshold at which each group's rate lies in each band, shape (groups, bands).

        Where a group's rate leaps over a band, as in a small group, both are
        the threshold that comes nearest.
        """
        rates = self.rates[figure]
        first, last = np.empty((2, len(rates), len(low)), dtype=np.int64)
        for i, line in enumerate(rates):
            rising = line[0] < line[-1]
            first[i], last[i] = _span(line, low, high) if rising else _span(-line, -high, -low)
        return first, last


def _span(line: Floats, low: Floats, high: Floats) -> tuple[Ints, Ints]:
    """First and last place of a rising line in each band, or twice the nearest."""
    first = np.searchsorted(line, low - ROUNDING, side="left")
    last = np.searchsorted(line, high + ROUNDING, side="right") - 1
    under, over = np.maximum(last, 0), np.minimum(first, len(line) - 1)
    nearest = np.where(low - line[under] <= line[over] - high, under, over)
    leaps = first > last
    return np.where(leaps, nearest, first), np.where(leaps, nearest, last)


def todays(cells: Cells) -> int:
    """Return the place of the threshold that tells today's decisions best, nearest to one half of several."""
    axis = len(cells.attributes) + 1
    positive = np.array([label == cells.schema["positive"] for label in cells.labels["prediction"]])
    known = cells.block.codes[:, axis + 1] >= 0
    decided = positive[cells.block.codes[known, axis]]
    bins, rows = cells.block.codes[known, axis + 1], cells.block.sums["n"][known]
    by_bin = [np.bincount(bins[side], rows[side], SCORE_BINS) for side in (~decided, decided)]
    wrong = np.zeros(SCORE_BINS + 1)
    wrong[:-1] = by_bin[0][::-1].cumsum()[::-1]
    wrong[1:] += by_bin[1].cumsum()
    best = np.flatnonzero(wrong <= wrong.min())
    half = int(np.searchsorted(SCORE_EDGES, 0.5, side="right"))
    return int(best[np.abs(best - half).argmin()])


def edge(places: Ints) -> Floats:
    """Scores from which on a row is positive."""
    edges = np.concatenate([[-np.inf], SCORE_EDGES, [np.inf]])
    return np.asarray(edges[places])


def most_accurate(curves: Curves, bands: Sequence[Band], today: int, part: float = HALFWAY) -> Ints:
    """Thresholds under which every group's rates lie in one band each.

    In each group the threshold moves from today's no further than the bands
    ask. Of all places of the bands the one is taken at which most rows are
    decided as the truth is. There always is one: nobody can be told apart
    where everybody is decided positively.

    Parameters
    ----------
    curves : Curves
        The groups.
    bands : sequence of Band
        The rates, at most three.
    today : int
        Place of today's threshold.
    part : float
        How far from equality to the limit the bands reach.

    Returns
    -------
    array, shape (groups,)
        Places of the thresholds.
    """
    places = _PLACES[len(bands)]
    ends = []
    for band in bands:
        low = np.arange(band.form == "ratio", places + 1) / places  # a ratio of rates of 0 is undefined
        slope, offset = band.line(part)
        ends.append(curves.within(band.figure, low, slope * low + offset))
    groups = np.arange(len(curves.groups))[:, None]
    best, most = np.zeros(len(curves.groups), dtype=np.int64), -1.0
    for first, last in _joint(ends):
        suits = (first <= last).all(axis=0)
        moved = np.clip(today, first[:, suits], last[:, suits])
        right = curves.right[groups, moved].sum(axis=0)
        if suits.any() and right.max() > most:
            best, most = moved[:, right.argmax()], right.max()
    return best


def raised(curves: Curves, band: Band, today: int, part: float = HALFWAY) -> Ints:
    """Thresholds that take nothing from any group: the band ends where the best off group is today."""
    best = curves.rates[band.figure][:, [today]].max(axis=0)
    slope, offset = band.line(part)
    first, last = curves.within(band.figure, (best - offset) / slope, best)
    rates = curves.rates[band.figure]
    rising = rates[:, 0] < rates[:, -1]
    ends = np.where(rising, np.maximum(first[:, 0], today), np.minimum(last[:, 0], today))
    return np.asarray(ends, dtype=np.int64)


def _joint(ends: Sequence[tuple[Ints, Ints]]) -> Iterator[tuple[Ints, Ints]]:
    """Ends of every place of several bands together, for one place of the first at a time."""
    (first, last), rest = ends[0], ends[1:]
    if not rest:
        yield first, last
        return
    lows = reduce(lambda a, b: _every(np.maximum, a, b), [low for low, _ in rest])
    highs = reduce(lambda a, b: _every(np.minimum, a, b), [high for _, high in rest])
    for i in range(first.shape[1]):
        yield np.maximum(first[:, [i]], lows), np.minimum(last[:, [i]], highs)


def _every(join: np.ufunc, a: Ints, b: Ints) -> Ints:
    """Every column of one array with every column of another."""
    joined: Ints = join(a[:, :, None], b[:, None, :]).reshape(len(a), -1)
    return joined
