"""Grids: in which bin many numbers of many columns fall, looked up at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PLACES = 1024
"""Each column is cut into so many places of equal width; of most, at most one edge falls into each."""

_VALUES = 30_000
"""Values looked at together: few enough to stay in the cache."""


class Grid:
    """Bins of columns of numbers.

    The place of a value in a grid of equal steps is cheap to tell, and grows
    with the value. An edge has a place by the same sum, so the edges of lower
    places are below the value, and only the one of its own place is compared.

    Parameters
    ----------
    edges : sequence of increasing sequences of float
        Of each column; a value that reaches an edge lies above it.
    first : sequence of int
        The number of each column's bin 0, which is of values that are not
        finite; bin 1 is of those below all edges.
    """

    def __init__(self, edges: Sequence[Sequence[float]], first: Sequence[int]) -> None:
        columns = len(edges)
        self._first = np.asarray(first, dtype=np.int64)
        self._rows = max(1, _VALUES // max(columns, 1))
        self._steps, self._shift = np.ones(columns), np.zeros(columns)
        self._low = PLACES * np.arange(columns, dtype=np.float64)
        self._bin = np.repeat(self._first + 1, PLACES)
        self._edge = np.full(columns * PLACES, np.inf)
        self._crowded: dict[int, Floats] = {}
        for column, values in enumerate(edges):
            self._place(column, np.asarray(values, dtype=np.float64))
        # constants as wide as the data: numpy is slow along short rows; and room that is used again
        shape = (self._rows, columns)
        self._room = [np.empty(shape, dtype=kind) for kind in ("f8", "i8", "i8", "f8", "?")]
        self._wide = [
            np.broadcast_to(row, shape).copy()
            for row in (self._steps, self._shift, self._low, self._low + PLACES - 1)
        ]

    def _place(self, column: int, edges: Floats) -> None:
        """Put the edges of a column into the places; look it up otherwise where two share one."""
        low = self._low[column]
        if len(edges):
            with np.errstate(all="ignore"):
                span = edges[-1] - edges[0] or max(abs(edges[0]), 1.0)
                self._steps[column] = (PLACES - 3) / span
                self._shift[column] = low + 1 - edges[0] * self._steps[column]
        with np.errstate(all="ignore"):
            places = np.clip(edges * self._steps[column] + self._shift[column], low, low + PLACES - 1)
        exact = np.isfinite(self._steps[column]) and np.isfinite(self._shift[column])
        if not exact or len(np.unique(places.astype(np.int64))) < len(edges):
            self._crowded[column] = edges
            self._steps[column], self._shift[column] = 0.0, low
            return
        at = places.astype(np.int64)
        self._edge[at] = edges
        own = slice(int(low), int(low) + PLACES)
        self._bin[own] += np.searchsorted(at, np.arange(own.start, own.stop), side="left")

    def bins(self, values: Floats) -> Iterator[tuple[slice, Ints]]:
        """Yield rows and the bins of their values, some at a time; what is yielded holds until the next.

        Parameters
        ----------
        values : array, shape (rows, columns)

        Yields
        ------
        rows : slice
        bins : array of int, shape (rows, columns)
        """
        for start in range(0, len(values), self._rows):
            rows = slice(start, min(start + self._rows, len(values)))
            with np.errstate(invalid="ignore", over="ignore"):
                yield rows, self._found(values[rows])

    def _found(self, x: Floats) -> Ints:
        steps, shift, low, high = (wide[: len(x)] for wide in self._wide)
        place, at, found, edge, above = (room[: len(x)] for room in self._room)
        np.multiply(x, steps, out=place)
        np.add(place, shift, out=place)
        np.maximum(place, low, out=place)
        np.minimum(place, high, out=place)
        np.copyto(at, place, casting="unsafe")
        self._bin.take(at, mode="clip", out=found)
        self._edge.take(at, mode="clip", out=edge)
        np.greater_equal(x, edge, out=above)
        np.add(found, above, out=found)
        for column, edges in self._crowded.items():
            found[:, column] = self._first[column] + 1 + np.searchsorted(edges, x[:, column], side="right")
        finite = np.isfinite(x)
        if not finite.all():
            np.copyto(found, self._first, where=~finite)
        return found
