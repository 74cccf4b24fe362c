"""Evasions: how many adverse decisions turn when few inputs take other plausible values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from trustkit.evidence.sharing import rounded

EDITS = (1, 2, 3)
"""How many columns of a row are changed at most."""


@dataclass(frozen=True)
class Evasions:
    """Counts of rows whose decision could be turned.

    Attributes
    ----------
    schema : mapping
        What was declared: ``columns`` that may change, whether that was
        ``declared`` by the owner, their ``directions``, ``seed``, ``rows`` drawn
        at most, ``sought`` (the classes an attacker seeks, or None for any
        other), and whether a ``score`` guided the search.
    of : int
        Rows with a decision to turn among those looked at.
    rows : tuple of int, one for each of `EDITS`
        Of them, those attacked with so many edits or fewer.
    turned : tuple of int, one for each of `EDITS`
        Of those, the rows whose decision turned.
    alone : mapping of str to int
        By column: rows whose decision turned by a change of it alone.
    queries : int
        Rows that the model was asked about.
    """

    schema: Mapping[str, Any]
    of: int
    rows: tuple[int, ...]
    turned: tuple[int, ...]
    alone: Mapping[str, int]
    queries: int = 0

    kind: ClassVar[str] = "evasions"

    def __add__(self, other: Evasions) -> Evasions:
        if self.schema != other.schema:
            raise ValueError("evasions of different schemas do not add")
        return Evasions(
            self.schema,
            self.of + other.of,
            _added(self.rows, other.rows),
            _added(self.turned, other.turned),
            {name: n + other.alone[name] for name, n in self.alone.items()},
            self.queries + other.queries,
        )

    def without_small_cells(self, min_cell: int) -> Evasions:
        """Return counts to share: of few rows none, and few rows that stood their ground, none."""
        turned = tuple(rounded(n, of, min_cell) for n, of in zip(self.turned, self.rows, strict=True))
        alone = {name: rounded(n, self.rows[0], min_cell) for name, n in self.alone.items()}
        return Evasions(self.schema, self.of, self.rows, turned, alone, self.queries)

    def notes(self) -> list[str]:
        """Say what was tried, in words for the card."""
        whose = "declared" if self.schema["declared"] else "all but sensitive ones: none is declared"
        guided = "guided by the score" if self.schema["score"] else "unguided"
        drawn = f"{self.rows[0]:,} rows of {self.of:,} with an adverse decision, drawn with seed"
        asked = f"{drawn} {self.schema['seed']}, {self.rows[-1]:,} of them with more than one edit"
        columns = ", ".join(self.schema["columns"])
        return [f"{asked}; {self.queries:,} queries, {guided}; columns that may change ({whose}): {columns}"]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "schema": dict(self.schema),
            "of": self.of,
            "rows": list(self.rows),
            "turned": list(self.turned),
            "alone": dict(self.alone),
            "queries": self.queries,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        rows, turned = tuple(data["rows"]), tuple(data["turned"])
        return cls(data["schema"], data["of"], rows, turned, data["alone"], data["queries"])


def _added(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(a + b for a, b in zip(one, other, strict=True))
