"""Expectations: in how many rows what the owner declares of the answers does not hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from typing import Any, ClassVar, Self

from trustkit.evidence.sharing import holds_small


@dataclass(frozen=True)
class Violations:
    """What became of the rows of one expectation.

    Attributes
    ----------
    rows : int
        Rows that were moved along the column, or changed.
    violations : int
        Of them, those whose answer moved as it may not.
    size : float
        The largest such move of a score or a predicted number; 1 of a
        decision; 0 where there is none.
    start, end : int
        Between which tenths of the column's values, 1 to 10, it happened; 0
        where there is none.
    error : str
        Type of what the model raised; it then answered none of the rows.
    """

    rows: int = 0
    violations: int = 0
    size: float = 0.0
    start: int = 0
    end: int = 0
    error: str = ""

    @property
    def counts(self) -> tuple[int, ...]:
        """Rows that violate it, and rows that do not."""
        return self.rows, self.violations, self.rows - self.violations

    def __add__(self, other: Violations) -> Violations:
        worst = max(self, other, key=lambda each: (each.size, each.start, each.end))
        error = ", ".join(sorted({*self.error.split(", "), *other.error.split(", ")} - {""}))
        rows, violations = self.rows + other.rows, self.violations + other.violations
        return Violations(rows, violations, worst.size, worst.start, worst.end, error)


@dataclass(frozen=True)
class Expectations:
    """Counts of rows in which a declared expectation does not hold.

    Attributes
    ----------
    schema : mapping
        What was declared: the ``expectations``, a pair of column (or an empty
        text) and direction or transformation each; ``seed`` of the draw,
        ``most`` rows and ``steps`` along a column, ``task``, ``score`` (whether
        there is one), the ``tolerance`` given and whether one row a ``unit``
        was drawn.
    of, drawn : int
        Rows that there are, and rows drawn.
    found : tuple of Violations
        One for each expectation, in their order.
    """

    schema: Mapping[str, Any]
    of: int
    drawn: int
    found: tuple[Violations, ...]

    kind: ClassVar[str] = "expectations"

    def each(self) -> Iterator[tuple[str, str, Violations]]:
        """Column, or an empty text, direction or transformation, and what was found."""
        for (column, mode), found in zip(self.schema["expectations"], self.found, strict=True):
            yield column, mode, found

    def __add__(self, other: Expectations) -> Expectations:
        if self.schema != other.schema:
            raise ValueError("expectations of different schemas do not add")
        found = tuple(a + b for a, b in zip(self.found, other.found, strict=True))
        return Expectations(self.schema, self.of + other.of, self.drawn + other.drawn, found)

    def without_small_cells(self, min_cell: int) -> Self | None:
        """Return itself, or None where a count stands for few rows."""
        counts = [n for each in self.found for n in each.counts]
        return None if holds_small(counts, min_cell) else self

    def notes(self) -> list[str]:
        """Say which rows were moved, and how."""
        schema = self.schema
        drawn = "all rows" if self.drawn == self.of else f"{self.drawn:,} of {self.of:,} rows"
        unit = ", one a person" if schema["unit"] else ""
        return [
            f"{drawn}, drawn with seed {schema['seed']}{unit}, against {len(self.found)} expectations: a "
            f"column takes up to {schema['steps']} of its values, from the smallest to the largest, with all "
            f"else as it is"
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain data: numbers and text."""
        found = [list(astuple(each)) for each in self.found]
        return {"schema": dict(self.schema), "of": self.of, "drawn": self.drawn, "found": found}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        found = tuple(Violations(*each) for each in data["found"])
        return cls(data["schema"], data["of"], data["drawn"], found)
