"""Slices: subgroups found on one half of the rows, with counts of the other half inside and outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trustkit.evidence.blocks import SQUARE_ONE, WEIGHT_ONE, Block, Ints, dense
from trustkit.evidence.tables import Table

ERROR, LARGE_ERROR, REFUSAL = "error", "large_error", "refusal"

EVENTS = {
    ERROR: "wrong decisions",
    LARGE_ERROR: "errors above their 75th percentile",
    REFUSAL: "decisions that are not favorable",
}
"""What may happen to a row, as notes call it."""

BUCKETS = 256

MOST_JUDGED, FEWEST_JUDGED = 10, 3
"""Slices that are judged: those that stand out on the half searched, at most so many; else the best few."""

Conditions: TypeAlias = tuple[tuple[str, str], ...]
"""Column and label, in order of the columns' names; all of them hold in a slice."""


def reach(columns: int, conditions: int) -> float:
    """Standard errors that the best of all slices by so many conditions seldom gains by chance.

    Of m independent ones the best gains about sqrt(2 ln m): m is taken as ten
    conditions on each column, since many overlap. Half of one is added.
    """
    return 0.5 + float(np.sqrt(2 * np.log(comb(columns, conditions) * 10.0**conditions)))


def worth(n: Any, k: Any, rows: int, events: int, chance: Any) -> NDArray[np.float64]:
    """Score that slices are searched by: the excess over the rest, less what chance would give.

    That is ``k/n - (events - k)/(rows - n)`` less `chance` standard errors:
    a further condition has to earn its place, and a small slice has to be
    much worse than a large one. Where the rate inside is less sure than that of
    all, its variance is the mean of both: else the part of a weak slice that is
    worst by chance would be taken for the slice.

    Parameters
    ----------
    n, k : int or array
        Rows of the slice, and those of them with the event.
    rows, events : int
        The same of all rows.
    chance : float or array
        What `reach` says of the slice.

    Returns
    -------
    array
        In units of the rate.
    """
    excess = k / n - (events - k) / (rows - n)
    inside, everywhere = (k + 1) / (n + 2), (events + 1) / (rows + 2)
    here, there = inside * (1 - inside), everywhere * (1 - everywhere)
    return excess - chance * np.sqrt(np.maximum((here + there) / 2, there) / n + there / (rows - n))


@dataclass(frozen=True)
class Slice:
    """A subgroup and what became of its rows.

    Attributes
    ----------
    conditions : tuple of (str, str)
        Column and label: a value, or a range of numbers.
    found : Block
        Rows of the half searched; axes: inside (0 no, 1 yes), event (0, 1).
    judged : Block
        Rows, with their weights, of the half judged; the same axes.
    unit_judged : Block or None
        The same; a third axis is the bucket of the unit.
    """

    conditions: Conditions
    found: Block
    judged: Block
    unit_judged: Block | None = None

    @property
    def counts(self) -> Ints:
        """Rows of the half searched, shape (inside, event)."""
        return _spread(self.found, "n", 2)

    def worth(self, columns: int) -> float:
        """Score on the half searched, found among so many columns."""
        (_, others), (no, yes) = self.counts.tolist()
        rows, chance = int(self.counts.sum()), reach(columns, len(self.conditions))
        return float(worth(no + yes, yes, rows, others + yes, chance))

    @property
    def excess(self) -> float:
        """Rate inside less that outside, on the half searched."""
        rates = self.counts[:, 1] / self.counts.sum(axis=1)
        return float(rates[1] - rates[0])

    def __add__(self, other: Slice) -> Slice:
        units = None
        if self.unit_judged is not None and other.unit_judged is not None:
            units = self.unit_judged + other.unit_judged
        return Slice(self.conditions, self.found + other.found, self.judged + other.judged, units)

    def blocks(self) -> Iterable[Block]:
        """All counts of it."""
        return [block for block in (self.found, self.judged, self.unit_judged) if block is not None]

    def to_json(self) -> list[Any]:
        """Plain data."""
        units = None if self.unit_judged is None else self.unit_judged.to_json()
        return [
            [list(condition) for condition in self.conditions],
            self.found.to_json(),
            self.judged.to_json(),
            units,
        ]

    @classmethod
    def from_json(cls, data: Sequence[Any]) -> Self:
        """Read what `to_json` wrote."""
        conditions, found, judged, units = data
        return cls(
            tuple((column, label) for column, label in conditions),
            Block.from_json(found, 2),
            Block.from_json(judged, 2),
            None if units is None else Block.from_json(units, 3),
        )


@dataclass(frozen=True)
class Search:
    """What a search for one event came to.

    Attributes
    ----------
    searched, judged : int
        Rows of the two halves, so far as it is known whether the event befell them.
    columns : int
        Columns searched in pairs and threes, the most of any part.
    slices : tuple of Slice
        Those found, in order of their conditions.
    """

    searched: int
    judged: int
    columns: int
    slices: tuple[Slice, ...]

    def __add__(self, other: Search) -> Search:
        """Add the rows; a slice found in both has the counts of both, any other its own alone."""
        slices = {each.conditions: each for each in self.slices}
        for each in other.slices:
            known = slices.get(each.conditions)
            slices[each.conditions] = each if known is None else known + each
        made = tuple(slices[conditions] for conditions in sorted(slices))
        return Search(
            self.searched + other.searched,
            self.judged + other.judged,
            max(self.columns, other.columns),
            made,
        )

    @property
    def best(self) -> list[Slice]:
        """Slices to be judged, by what the half searched says alone: best first."""
        worth = {each.conditions: each.worth(self.columns) for each in self.slices}
        ranked = sorted(
            self.slices, key=lambda each: (-worth[each.conditions], len(each.conditions), each.conditions)
        )
        standing = sum(score > 0 for score in worth.values())
        return ranked[: min(standing, MOST_JUDGED) or FEWEST_JUDGED]


@dataclass(frozen=True)
class Slices:
    """Subgroups where an event is more frequent than elsewhere, by event.

    They were searched for on one half of the rows and are counted on the
    other, so that no search is paid for when they are judged. That none of
    them is beyond a limit does not mean that no subgroup is.

    Attributes
    ----------
    schema : mapping
        What was declared: the ``task``, the ``seed`` of the halves, the
        ``most`` rows searched, the ``events``, and whether there are
        ``weight`` and ``unit``.
    left_out : int
        Columns that were looked at alone only, the most of any part.
    searches : mapping of str to Search
        By event.
    """

    schema: Mapping[str, Any]
    left_out: int
    searches: Mapping[str, Search]

    kind: ClassVar[str] = "slices"

    def __add__(self, other: Slices) -> Slices:
        if self.schema != other.schema:
            raise ValueError("slices of different schemas do not add")
        searches = {event: search + other.searches[event] for event, search in self.searches.items()}
        return Slices(self.schema, max(self.left_out, other.left_out), searches)

    def tables(self, slices: Sequence[Slice]) -> tuple[Table, Table]:
        """Rows of the half judged, inside and outside of some slices; the event is the truth "yes"."""
        return self._table(slices, 1), self._table(slices, 0)

    def _table(self, slices: Sequence[Slice], inside: int) -> Table:
        weighted = self.schema["weight"]

        def spread(name: str, unit: int) -> Any:
            parts = [_spread(each.judged, name, 2)[inside] for each in slices]
            return np.array(parts).reshape(-1, 2, 1) / unit

        buckets = None
        if self.schema["unit"]:
            name, unit = ("w", WEIGHT_ONE) if weighted else ("n", 1)
            parts = [
                _spread(each.unit_judged, name, 3)[inside] for each in slices if each.unit_judged is not None
            ]
            buckets = np.moveaxis(np.array(parts).reshape(-1, 2, BUCKETS), 2, 0)[..., None] / unit
        return Table(
            groups=[dict(each.conditions) for each in slices],
            truths=("no", "yes"),
            predictions=("",),
            n=spread("n", 1).astype(np.int64),
            weight=spread("w", WEIGHT_ONE) if weighted else None,
            weight_squared=spread("w2", SQUARE_ONE) if weighted else None,
            s=None,
            s2=None,
            buckets=buckets,
            bucket_s=None,
            positive="yes",
            favorable=("no",),
        )

    def without_small_cells(self, min_cell: int) -> Slices | None:
        """Return itself; None where any count stands for 1 to ``min_cell - 1`` rows.

        Raises
        ------
        ValueError
            For rows with a unit: counts by bucket of persons are small by nature.
        """
        if self.schema["unit"]:
            raise ValueError("evidence with data.unit keeps counts of few persons and cannot be shared")
        blocks = [b for search in self.searches.values() for each in search.slices for b in each.blocks()]
        return self if all(b.sums["n"].min(initial=min_cell) >= min_cell for b in blocks) else None

    def notes(self) -> list[str]:
        """Say what was searched, on which rows, and what that leaves open."""
        lines = []
        for event, search in self.searches.items():
            lines.append(
                f"{EVENTS[event]}: {len(search.slices)} found on {search.searched:,} rows of one half "
                f"of the data (drawn with seed {self.schema['seed']}), counted on the {search.judged:,} of "
                "the other; that none of them is beyond a limit does not mean that no slice is"
            )
        if self.left_out:
            lines.append(f"{self.left_out} columns that tell little alone were not joined with others")
        return lines

    def to_json(self) -> dict[str, Any]:
        """Plain data: integers and text."""
        searches = {
            event: [
                search.searched,
                search.judged,
                search.columns,
                [each.to_json() for each in search.slices],
            ]
            for event, search in self.searches.items()
        }
        return {
            "schema": dict(self.schema),
            "left_out": self.left_out,
            "searches": searches,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        searches = {
            event: Search(searched, judged, columns, tuple(Slice.from_json(each) for each in slices))
            for event, (searched, judged, columns, slices) in data["searches"].items()
        }
        return cls(data["schema"], data["left_out"], searches)


def _spread(block: Block, name: str, axes: int) -> Ints:
    return dense(block.sums[name], tuple(block.codes.T), (2, 2, BUCKETS)[:axes])
