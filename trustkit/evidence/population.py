"""Population: the share of each group among the people whom a system serves, as declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self


@dataclass(frozen=True)
class Population:
    """Declared shares of groups.

    Attributes
    ----------
    shares : mapping of str to mapping of str to float
        By attribute and group; those of one attribute sum to 1. Rows of a
        group with the share 0 are no part of the population.
    """

    shares: Mapping[str, Mapping[str, float]]

    kind: ClassVar[str] = "population"

    @property
    def schema(self) -> Mapping[str, Any]:
        """All of it: it is declared, not measured."""
        return {"shares": {name: dict(groups) for name, groups in self.shares.items()}}

    def __add__(self, other: Population) -> Population:
        if self.schema != other.schema:
            raise ValueError("populations that differ do not add")
        return self

    def without_small_cells(self, min_cell: int) -> Self:
        """Return itself: it counts no rows."""
        return self

    def notes(self) -> list[str]:
        """Say of which attributes shares are declared."""
        return [f"shares of the population are declared for {', '.join(self.shares)}"]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return dict(self.schema)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(data["shares"])
