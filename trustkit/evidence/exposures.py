"""Exposures: whether other evidence holds values that few rows have, and what sharing leaves small."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from trustkit.evidence.sharing import holds_small


@dataclass(frozen=True)
class Sought:
    """Values of a column that were sought in the evidence.

    Attributes
    ----------
    values : int
        Distinct values that fewer than ``min_cell`` rows have, and that could not be there by chance.
    found : int
        Of them, those that are there.
    """

    values: int = 0
    found: int = 0

    def __add__(self, other: Sought) -> Sought:
        return Sought(self.values + other.values, self.found + other.found)


@dataclass(frozen=True)
class Exposures:
    """What the evidence, and so the card, gives away of single rows.

    Attributes
    ----------
    schema : mapping
        What was declared: ``min_cell``, ``seed`` of the draw and the ``most``
        values of a column.
    kinds : tuple of str
        Kinds of evidence that were looked through.
    columns : mapping of str to Sought
        By column of the audited and the training rows.
    cells, small : int
        Cells that would be shared, and of them those of fewer than ``min_cell`` rows.
    """

    schema: Mapping[str, Any]
    kinds: tuple[str, ...] = ()
    columns: Mapping[str, Sought] = field(default_factory=dict)
    cells: int = 0
    small: int = 0

    kind: ClassVar[str] = "exposures"

    def __add__(self, other: Exposures) -> Exposures:
        if self.schema != other.schema:
            raise ValueError("exposures of different schemas do not add")
        names = sorted({*self.columns, *other.columns})
        columns = {
            name: self.columns.get(name, Sought()) + other.columns.get(name, Sought()) for name in names
        }
        kinds = tuple(sorted({*self.kinds, *other.kinds}))
        return Exposures(self.schema, kinds, columns, self.cells + other.cells, self.small + other.small)

    def without_small_cells(self, min_cell: int) -> Self | None:
        """Return itself, a column of few rare values as one of none; None where few were found."""
        if holds_small((sought.found for sought in self.columns.values()), min_cell):
            return None
        columns = {
            name: Sought() if holds_small([sought.values], min_cell) else sought
            for name, sought in self.columns.items()
        }
        return replace(self, columns=columns)

    def notes(self) -> list[str]:
        """Say what was sought where."""
        values = sum(sought.values for sought in self.columns.values())
        columns = sum(sought.values > 0 for sought in self.columns.values())
        return [
            f"{values:,} values of {columns} column{'s' * (columns != 1)} that fewer than "
            f"{self.schema['min_cell']} rows have, at most {self.schema['most']:,} a column drawn with seed "
            f"{self.schema['seed']}, sought in the evidence of {len(self.kinds)} kinds and its errors"
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain data: integers and text."""
        return {
            "schema": dict(self.schema),
            "kinds": list(self.kinds),
            "columns": {name: [sought.values, sought.found] for name, sought in self.columns.items()},
            "cells": self.cells,
            "small": self.small,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        columns = {name: Sought(*counts) for name, counts in data["columns"].items()}
        return cls(data["schema"], tuple(data["kinds"]), columns, data["cells"], data["small"])
