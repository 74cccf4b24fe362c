"""Copies: how well a model that learned from another's answers gives the same ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from trustkit.evidence.sharing import rounded

OUTPUTS = ("decisions", "scores of two digits", "scores")
"""What the copier sees of an answer."""


@dataclass(frozen=True)
class Copies:
    """Counts of rows on which a copy decides as the model does.

    Attributes
    ----------
    schema : mapping
        What was declared: ``budgets`` (rows asked about), ``outputs`` (of
        `OUTPUTS`), ``rows`` compared at most and ``seed`` of the draw.
    rows : int
        Rows compared; none of them was asked about.
    commonest : int
        Of them, those with the commonest decision: what a copy that has
        learned nothing agrees on.
    agree : mapping of str to mapping of str to int
        By output and budget: rows on which the copy agrees.
    """

    schema: Mapping[str, Any]
    rows: int
    commonest: int
    agree: Mapping[str, Mapping[str, int]]

    kind: ClassVar[str] = "copies"

    def __add__(self, other: Copies) -> Copies:
        if self.schema != other.schema:
            raise ValueError("copies of different schemas do not add")
        agree = {
            output: {budget: n + other.agree[output][budget] for budget, n in by.items()}
            for output, by in self.agree.items()
        }
        return Copies(self.schema, self.rows + other.rows, self.commonest + other.commonest, agree)

    def without_small_cells(self, min_cell: int) -> Copies:
        """Return counts to share: few rows that disagree count as none."""
        agree = {
            output: {budget: rounded(n, self.rows, min_cell) for budget, n in by.items()}
            for output, by in self.agree.items()
        }
        return Copies(self.schema, self.rows, rounded(self.commonest, self.rows, min_cell), agree)

    def notes(self) -> list[str]:
        """Say how the copies were made."""
        budgets = ", ".join(f"{budget:,}" for budget in self.schema["budgets"])
        drawn = f"{self.rows:,} rows compared, drawn with seed {self.schema['seed']}"
        return [f"copies learned from {budgets} answers to audited rows; {drawn}"]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        agree = {output: dict(by) for output, by in self.agree.items()}
        return {
            "schema": dict(self.schema),
            "rows": self.rows,
            "commonest": self.commonest,
            "agree": agree,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(data["schema"], data["rows"], data["commonest"], data["agree"])
