"""Buckets: counts of rows apart in 256 buckets, by which two systems are compared on the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from trustkit.evidence.blocks import Block
from trustkit.evidence.cells import Cells


@dataclass(frozen=True)
class Buckets:
    """Counts over (groups x truth x decision) by bucket of the row, or of its unit.

    Two systems that decided the same rows have the same people in every
    bucket: how much their figures differ from bucket to bucket tells how
    certain the difference is, and no row is kept.

    Attributes
    ----------
    audited : Cells
        Of the system's decisions, without scores.
    baseline : Cells or None
        Of what the baseline decided of the same rows, where a column says it.
    """

    audited: Cells
    baseline: Cells | None = None

    kind: ClassVar[str] = "buckets"

    @property
    def schema(self) -> Mapping[str, Any]:
        """What was declared, as that of the cells, and whether there is a baseline."""
        return {**self.audited.schema, "baseline": self.baseline is not None}

    def __add__(self, other: Buckets) -> Buckets:
        if self.schema != other.schema:
            raise ValueError("buckets of different schemas do not add")
        both = None
        if self.baseline is not None and other.baseline is not None:
            both = self.baseline + other.baseline
        return Buckets(self.audited + other.audited, both)

    def notes(self) -> list[str]:
        """Say nothing: what they are for is said of the baseline."""
        return []

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"audited": self.audited.to_json(), "baseline": self.baseline and self.baseline.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        baseline = data["baseline"] and Cells.from_json(data["baseline"])
        return cls(Cells.from_json(data["audited"]), baseline)


def same_people(one: Cells, other: Cells) -> bool:
    """Whether two counts by bucket are of the same rows: as many of each kind of people in every bucket."""
    return one.schema == other.schema and _people(one) == _people(other)


def _people(cells: Cells) -> tuple[Any, ...]:
    """Labels and counts of everything but the decision."""
    if cells.unit_block is None:
        raise ValueError("these counts know no buckets")
    axis = list(cells.labels).index("prediction")
    codes = np.delete(cells.unit_block.codes, axis, axis=1)
    people = Block(codes, cells.unit_block.sums).summed()
    labels = {name: names for name, names in cells.labels.items() if name != "prediction"}
    return labels, people.to_json()
