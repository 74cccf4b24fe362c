"""Grids: how many of many numbers fall into each bin of their columns, looked up at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PLACES = 512
"""Each column is cut into so many places of equal width; of most, at most one edge falls into each."""

_VALUES, _FEWEST = 30_000, 256
"""Values looked at together, few enough to stay in the cache; but so many rows: places are looked at too."""

_WHOLE = 2.0**52
"""Doubles from here to its double are the whole numbers: a sum with it is rounded, and its bits count up."""

_BITS = np.float64(_WHOLE).view(np.int64)


class Grid:
    """Bins of columns of numbers.

    The place of a value in a grid of equal steps is cheap to tell, and grows
    with the value. Values are counted by place, and the places between two
    edges added up. An edge has a place by the same sum, so it parts the values
    of its own place alone: those are few, and compared with it.

    Parameters
    ----------
    edges : sequence of increasing sequences of float
        Of each column; a value that reaches an edge lies above it.
    first : sequence of int
        The number of each column's bin 0, which is of values that are not
        finite; bin 1 is of those below all edges.
    total : int
        How many bins there are.
    """

    def __init__(self, edges: Sequence[Sequence[float]], first: Sequence[int], total: int) -> None:
        columns = len(edges)
        self._first, self._total = np.asarray(first, dtype=np.int64), total
        self._rows = max(_VALUES // max(columns, 1), _FEWEST)
        self._steps = np.zeros(columns)
        self._low = _WHOLE + PLACES * np.arange(columns)
        self._shift = self._low.copy()
        self._edge = np.full(columns * PLACES, np.nan)
        self._below = np.zeros(columns * PLACES, dtype=np.int64)  # bin of what lies below a place's edge
        self._crowded: dict[int, Floats] = {}
        starts, bins = [], []
        for column, values in enumerate(edges):
            at, own = self._place(column, np.asarray(values, dtype=np.float64))
            starts += [column * PLACES, *(at + 1)]
            bins += own
        self._starts, self._bins = np.array(starts, dtype=np.int64), np.array(bins, dtype=np.int64)
        self._has_edge = ~np.isnan(self._edge)
        # constants as wide as the data: numpy is slow along short rows; and room that is used again
        shape = (self._rows, columns)
        self._room = [np.empty(shape, dtype=kind) for kind in ("f8", "i8", "?")]
        self._wide = [
            np.broadcast_to(row, shape).copy()
            for row in (self._steps, self._shift, self._low, self._low + PLACES - 1)
        ]
        below_zero = [np.searchsorted(values, 0.0, side="right") for values in edges]
        self._of_zero = self._first + 1 + np.array(below_zero, dtype=np.int64)

    def _place(self, column: int, edges: Floats) -> tuple[Ints, list[int]]:
        """Put the edges of a column into places; return these, and the bins that they part.

        Where two edges share a place, or one has the last, which is of what lies above them all, none is
        put, and the column is searched instead.
        """
        low, first = self._low[column], int(self._first[column])
        with np.errstate(all="ignore"):
            span = (edges[-1] - edges[0] or max(abs(edges[0]), 1.0)) if len(edges) else 1.0
            step = (PLACES - 3) / span
            shift = low + 1 - (edges[0] * step if len(edges) else 0.0)
            places = np.clip(edges * step + shift, low, low + PLACES - 1)
        at = places.view(np.int64) - _BITS
        last = (column + 1) * PLACES - 1
        if not np.isfinite([step, shift]).all() or len(np.unique(at)) < len(edges) or last in at:
            self._crowded[column] = edges
            return np.zeros(0, dtype=np.int64), [self._total]
        self._steps[column], self._shift[column] = step, shift
        self._edge[at], self._below[at] = edges, first + 1 + np.arange(len(edges))
        return at, list(range(first + 1, first + 2 + len(edges)))

    def counts(self, values: Floats) -> Ints:
        """Count the values in each bin.

        Parameters
        ----------
        values : array, shape (rows, columns)

        Returns
        -------
        array of int, shape (total,)
        """
        found = np.zeros(self._total, dtype=np.int64)
        for start in range(0, len(values), self._rows):
            x = values[start : start + self._rows]
            finite = np.isfinite(x, out=self._room[2][: len(x)])
            if finite.all():
                found += self._counted(x)
                continue
            others = np.count_nonzero(~finite, axis=0)
            found += self._counted(np.where(finite, x, 0.0))
            found[self._of_zero] -= others
            found[self._first] += others
        return found

    def _counted(self, x: Floats) -> Ints:
        steps, shift, low, high = (wide[: len(x)] for wide in self._wide)
        place, at, has_edge = (room[: len(x)] for room in self._room)
        with np.errstate(over="ignore"):
            np.multiply(x, steps, out=place)
        np.add(place, shift, out=place)
        np.maximum(place, low, out=place)
        np.minimum(place, high, out=place)
        np.subtract(place.view(np.int64), _BITS, out=at)
        by_place = np.bincount(at.ravel(), minlength=len(self._edge))
        found = np.zeros(self._total + 1, dtype=np.int64)  # the last is of the crowded columns
        found[self._bins] = np.add.reduceat(by_place, self._starts)
        self._has_edge.take(at, mode="clip", out=has_edge)
        near = np.flatnonzero(has_edge)
        places = at.ravel()[near]
        below = self._below[places[x.ravel()[near] >= self._edge[places]]]
        np.subtract.at(found, below, 1)
        np.add.at(found, below + 1, 1)
        for column, edges in self._crowded.items():
            bins = self._first[column] + 1 + np.searchsorted(edges, x[:, column], side="right")
            found += np.bincount(bins, minlength=len(found))
        return found[:-1]
