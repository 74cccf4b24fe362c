"""The search for slices: subgroups by up to three conditions where an event is more frequent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.evidence.slices import Conditions, reach, worth
from trustkit.evidence.tables import MISSING, OTHER
from trustkit.frames import Labels, label_text

CUTS = (*(0.03, 0.05, 0.07, 0.1, 0.15), *(0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8), *(0.85, 0.9, 0.93, 0.95, 0.97))
"""Shares of the rows below which a column of numbers is cut, as near as round numbers come."""

NEAR = 0.01
"""How far, in shares of the rows, a cut may lie off so as to be a round number; less in the tails."""

WIDEST = 4
"""A range between two cuts spans no more cells where it is sought; one that is open to a side may.

What is found is widened, so that ranges that touch or overlap are told as one.
"""

LEAST_ROWS, LEAST_SHARE = 30, 0.015
"""A slice has at least so many rows and this share of them, and at most half; rarer labels are pooled."""

MOST_FOUND = 10
MOST_COLUMNS = 60
"""Beyond so many columns only those that tell most alone are searched in pairs."""

EXTENDED, EXTENDED_A_PAIR = 120, 2
"""Slices by two conditions that a third is added to, in all and of two columns."""

KEPT, LOOKED_AT = 5, 500
"""Slices kept of each table, and of all of one, two or three conditions: these are chosen from."""

Ints = NDArray[np.integer[Any]]

_ONES = np.array([byte.bit_count() for byte in range(256)], dtype=np.uint8)


@dataclass(frozen=True)
class Column:
    """A column cut into cells, with the conditions that can be set on it.

    Attributes
    ----------
    name : str
        Its name.
    codes : array of int, shape (rows,)
        Cell of each row.
    labels : tuple of str
        Conditions in words: a value, or a range as ``<25``, ``25..<60``, ``>=60``.
    covers : array, shape (conditions, cells)
        1 where a condition holds in a cell, else 0.
    sought : int
        Conditions that are searched: the first so many. The rest are wider ranges.
    """

    name: str
    codes: Ints
    labels: tuple[str, ...]
    covers: NDArray[np.float64]
    sought: int

    @classmethod
    def of_numbers(cls, name: str, values: NDArray[np.float64], sample: Ints) -> Column:
        """Cut numbers at round ones near the `CUTS` of those at `sample`; ranges are the conditions."""
        edges = _edges(values[sample])
        cells = len(edges) + 1
        codes = np.searchsorted(edges, values, side="right").astype(np.int16)
        missing = np.isnan(values)
        codes[missing] = cells
        every = [(i, j) for i in range(cells) for j in range(i + 1, cells + 1) if j - i < cells]
        narrow = [(i, j) for i, j in every if i == 0 or j == cells or j - i <= WIDEST]
        missing_alone = (cells, cells + 1)
        ranges = [*narrow, missing_alone, *sorted({*every} - {*narrow})]
        labels = [MISSING if each == missing_alone else _range_text(edges, *each) for each in ranges]
        covers = np.zeros((len(ranges), cells + 1))
        for row, (i, j) in enumerate(ranges):
            covers[row, i:j] = 1
        return cls(name, codes, tuple(labels), covers, len(narrow) + 1)

    @classmethod
    def of_labels(cls, name: str, values: Labels, sample: Ints) -> Column:
        """Take each label as a condition; those of few rows at `sample` together as one."""
        rows = np.bincount(values.codes[sample], minlength=len(values.names))
        kept = np.flatnonzero(rows >= least(len(sample)))
        cell = np.full(len(values.names), len(kept), dtype=np.int16)
        cell[kept] = np.arange(len(kept))
        labels = (*(values.names[i] for i in kept), OTHER)
        return cls(name, cell[values.codes], labels, np.eye(len(labels)), len(labels))

    @property
    def cells(self) -> int:
        """Number of cells."""
        return self.covers.shape[1]

    def at(self, rows: Ints) -> Column:
        """Return the column of some rows."""
        return replace(self, codes=self.codes[rows])

    def meets(self, condition: int) -> NDArray[np.bool_]:
        """Rows that meet the condition at this place."""
        return self.covers[condition].astype(bool)[self.codes]

    def wider(self, condition: int) -> list[int]:
        """Places of the conditions, of those that are not sought, that hold wherever this one does."""
        holds = (self.covers[self.sought :] >= self.covers[condition]).all(axis=1)
        return [int(at) + self.sought for at in np.flatnonzero(holds)]

    def count(self, weights: Any = None) -> NDArray[np.float64]:
        """Count rows, or sum `weights`, under each condition that is sought."""
        counts: NDArray[np.float64] = self.covers[: self.sought] @ np.bincount(
            self.codes, weights, self.cells
        )
        return counts


@dataclass(frozen=True)
class Candidate:
    """A slice, by the places of its columns and of their conditions, with its score."""

    columns: tuple[int, ...]
    conditions: tuple[int, ...]
    worth: float

    def inside(self, columns: Sequence[Column]) -> NDArray[np.bool_]:
        """Rows that meet all of its conditions."""
        met = [columns[i].meets(at) for i, at in zip(self.columns, self.conditions, strict=True)]
        return np.asarray(np.logical_and.reduce(met))

    def named(self, columns: Sequence[Column]) -> Conditions:
        """Its conditions in words, in order of the columns' names."""
        return tuple(
            sorted(
                (columns[i].name, columns[i].labels[condition])
                for i, condition in zip(self.columns, self.conditions, strict=True)
            )
        )


def least(rows: int) -> int:
    """Fewest rows that a slice of so many may have."""
    return max(LEAST_ROWS, int(np.ceil(LEAST_SHARE * rows)))


def search(columns: Sequence[Column], event: NDArray[np.bool_]) -> list[Candidate]:
    """Find slices where an event is more frequent than in the rest.

    Every condition and every pair of conditions is looked at; a third is
    added to the best slice of the most promising pairs of columns. Slices are
    taken one by one: the next is that of the highest score on those of its
    rows that are in none before it; these must be more than half, and have
    no less than half of what it has in excess. A range is widened as long as
    that raises the score, so that those that touch are told as one.

    Parameters
    ----------
    columns : sequence of Column
        Of more than `MOST_COLUMNS` those that tell most alone are paired.
    event : array of bool, shape (rows,)
        Which rows it befell.

    Returns
    -------
    list of Candidate
        At most `MOST_FOUND`, best first; places are those in `columns`.
    """
    table = _Counts.of(columns, event)
    single = [list(table.single(i)) for i in range(len(columns))]
    paired = _telling(single)
    double = [found for i, j in combinations(paired, 2) if (found := list(table.pair(i, j)))]
    firsts = sorted((each for found in double for each in found[:EXTENDED_A_PAIR]), key=_rank)[:EXTENDED]
    triple = [list(table.extended(first, paired)) for first in firsts]
    levels = [sorted(chain(*found), key=_rank)[:LOOKED_AT] for found in (single, double, triple)]
    return _distinct(table, sorted(chain(*levels), key=_rank))


def _telling(single: Sequence[Sequence[Candidate]]) -> list[int]:
    """Places of the columns with the best single condition, `MOST_COLUMNS` at most, in their order."""
    by_worth = sorted((-found[0].worth, i) for i, found in enumerate(single) if found)
    others = [i for i, found in enumerate(single) if not found]
    return sorted([*(i for _, i in by_worth), *others][:MOST_COLUMNS])


@dataclass(frozen=True)
class _Counts:
    """Counts of rows and events under conditions, and the best of them."""

    columns: Sequence[Column]
    event: NDArray[np.bool_]
    rows: int
    events: int
    chance: tuple[float, ...]

    @classmethod
    def of(cls, columns: Sequence[Column], event: NDArray[np.bool_]) -> _Counts:
        """All that is counted with."""
        searched = min(len(columns), MOST_COLUMNS)
        chance = tuple(reach(searched, conditions) for conditions in range(min(searched, 3) + 1))
        return cls(columns, event, len(event), int(event.sum()), chance)

    def single(self, i: int) -> Iterator[Candidate]:
        """Best conditions on a column."""
        column = self.columns[i]
        yield from self._best((i,), (), column.count(), column.count(self.event))

    def pair(self, i: int, j: int) -> Iterator[Candidate]:
        """Best pairs of conditions on two columns."""
        a, b = self.columns[i], self.columns[j]
        place = a.codes.astype(np.intp) * b.cells + b.codes

        def counted(weights: Any = None) -> NDArray[np.float64]:
            cells = np.bincount(place, weights, a.cells * b.cells).reshape(a.cells, b.cells)
            counts: NDArray[np.float64] = a.covers[: a.sought] @ cells @ b.covers[: b.sought].T
            return counts

        yield from self._best((i, j), (), counted(), counted(self.event))

    def extended(self, first: Candidate, others: Sequence[int]) -> Iterator[Candidate]:
        """Best further conditions within a slice, on each of `others` that it does not name."""
        inside = np.flatnonzero(first.inside(self.columns))
        event = self.event[inside]
        for i in others:
            if i not in first.columns:
                mine = self.columns[i].at(inside)
                yield from self._best((*first.columns, i), first.conditions, mine.count(), mine.count(event))

    def _best(
        self, columns: tuple[int, ...], fixed: tuple[int, ...], n: NDArray[Any], k: NDArray[Any]
    ) -> Iterator[Candidate]:
        """Candidates of the highest scores; conditions are `fixed`, then the place in `n`."""
        fewest = least(self.rows)
        able = (n >= fewest) & (2 * n <= self.rows)
        places = np.flatnonzero(able)
        if not len(places):
            return
        scores = worth(n[able], k[able], self.rows, self.events, self.chance[len(columns)])
        for at in np.argsort(-scores, kind="stable")[:KEPT]:
            chosen = np.unravel_index(places[at], n.shape)
            yield Candidate(columns, (*fixed, *(int(each) for each in chosen)), float(scores[at]))


def _distinct(table: _Counts, ranked: Sequence[Candidate]) -> list[Candidate]:
    """Take, one by one, the candidate of the highest score on rows that are in none before it, made plain."""
    if not ranked:
        return []
    rows = _Rows(table)
    bits = np.stack([rows.inside(each) for each in ranked])
    chance = np.array([table.chance[len(each.columns)] for each in ranked])
    kept: list[Candidate] = []
    while len(kept) < MOST_FOUND:
        new = np.flatnonzero(rows.are_new(bits))
        if not len(new):
            break
        n, k = rows.counted(bits[new] & rows.left)
        best = new[np.argmax(worth(n, k, table.rows, table.events, chance[new]))]
        kept.append(rows.widened(rows.plain(ranked[best])))
        rows.left &= ~rows.inside(kept[-1])
    return kept


class _Rows:
    """Sets of rows as packed bits.

    Attributes
    ----------
    left : array of uint8
        Rows in no slice so far.
    """

    def __init__(self, table: _Counts) -> None:
        self._table = table
        self._rate, self._half = table.events / table.rows, table.rows // 2
        self._event = np.packbits(table.event)
        self._all = np.packbits(np.ones(table.rows, dtype=bool))
        self.left = self._all
        self._meets = cache(lambda i, condition: np.packbits(table.columns[i].meets(condition)))

    def inside(self, each: Candidate) -> NDArray[np.uint8]:
        """Rows that meet all conditions."""
        met = [self._meets(i, at) for i, at in zip(each.columns, each.conditions, strict=True)]
        return np.asarray(np.bitwise_and.reduce(met))

    def counted(self, bits: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows of each set, and those of them that the event befell."""
        return (
            _ONES[bits].sum(axis=-1, dtype=np.int64),
            _ONES[bits & self._event].sum(axis=-1, dtype=np.int64),
        )

    def widened(self, each: Candidate) -> Candidate:
        """Take, as long as it raises the score, a wider range in place of one."""
        wider = [
            replace(each, conditions=(*each.conditions[:i], at, *each.conditions[i + 1 :]))
            for i, column in enumerate(each.columns)
            for at in self._table.columns[column].wider(each.conditions[i])
        ]
        new = [one for one in wider if self.are_new(self.inside(one))]
        best = max(new, key=self.worth, default=each)
        score = self.worth(best)
        return self.widened(replace(best, worth=score)) if score > self.worth(each) else each

    def worth(self, each: Candidate) -> float:
        """Score of a slice on all rows; minus infinity where it is more than half of them."""
        (n, k), table = self.counted(self.inside(each)), self._table
        score = worth(n, k, table.rows, table.events, table.chance[len(each.columns)])
        return float(score) if n <= self._half else -np.inf

    def are_new(self, bits: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Tell of which sets more than half is left, and with it half of the events in excess, or more."""
        (n, k), (left, events) = self.counted(bits), self.counted(bits & self.left)
        return np.asarray((2 * left > n) & (2 * (events - self._rate * left) >= k - self._rate * n))

    def plain(self, each: Candidate) -> Candidate:
        """Drop each condition that shuts out rows more like those inside than like the rest."""
        for i in range(len(each.columns)) if len(each.columns) > 1 else ():
            wider = replace(
                each,
                columns=each.columns[:i] + each.columns[i + 1 :],
                conditions=each.conditions[:i] + each.conditions[i + 1 :],
            )
            mine, wide = self.inside(each), self.inside(wider)
            n, k = self.counted(np.stack([mine, wide & ~mine, self._all & ~wide]))
            inside, shut_out, rest = k / np.maximum(n, 1)
            alike = n[1] == 0 or 2 * shut_out >= inside + rest
            if alike and n[0] + n[1] <= self._half and self.are_new(wide):
                return self.plain(wider)
        return each


def _rank(each: Candidate) -> tuple[Any, ...]:
    return -each.worth, len(each.columns), each.columns, each.conditions


def _edges(values: NDArray[np.float64]) -> list[float]:
    """Cuts of a column: of each place that `CUTS` names the roundest number near it."""
    known = values[np.isfinite(values)]
    if not len(known):
        return []
    distinct, rows = np.unique(known, return_counts=True)
    below = (np.cumsum(rows) - rows) / len(known)
    edges = []
    for share in CUTS:
        slack = min(NEAR, share / 6, (1 - share) / 6)
        at, far = np.searchsorted(below, [share, share + slack])
        near = np.searchsorted(below, share - slack, side="right") - 1
        low, high = max(min(near, at - 1), 0), min(far, len(distinct) - 1)
        if low < high:
            edges.append(_roundest(distinct[low], distinct[high]))
    return sorted(set(edges))


def _roundest(low: float, high: float) -> float:
    """Return the number of fewest digits above `low` and not above `high`."""
    first = -int(np.floor(np.log10(max(abs(low), abs(high))))) - 1
    for digits in range(first, first + 17):
        number = round(np.floor(high * 10.0**digits) / 10.0**digits, digits)
        if low < number <= high:
            return float(number)
    return float(high)


def _range_text(edges: Sequence[float], i: int, j: int) -> str:
    """Words for the cells from `i` to before `j`."""
    low, high = (label_text(edges[at - 1]) if 0 < at <= len(edges) else "" for at in (i, j))
    if not low:
        return f"<{high}"
    return f"{low}..<{high}" if high else f">={low}"
