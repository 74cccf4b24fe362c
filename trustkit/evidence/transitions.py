"""Transitions: counts of rows by what a system decides and what its baseline decided."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np

from trustkit.evidence.cells import Cells, ordered

System = Literal["baseline", "audited"]


@dataclass(frozen=True)
class Transitions:
    """Counts of rows over (groups x truth x decision and baseline decision).

    Attributes
    ----------
    cells : Cells
        Without scores; its labels of ``prediction`` are made by `joint`.
    """

    cells: Cells

    kind: ClassVar[str] = "transitions"

    @property
    def schema(self) -> Mapping[str, Any]:
        """What was declared, as that of the cells."""
        return self.cells.schema

    def __add__(self, other: Transitions) -> Transitions:
        return Transitions(self.cells + other.cells)

    def of(self, system: System) -> Cells:
        """Return the counts as one of the two systems decided."""
        names = [decided(label, system) for label in self.cells.labels["prediction"]]
        labels = ordered(set(names))
        codes = np.array([labels.index(name) for name in names], dtype=np.int64)
        axis = list(self.cells.labels).index("prediction")
        block = self.cells.block.recoded(axis, codes).summed()
        return replace(self.cells, labels={**self.cells.labels, "prediction": labels}, block=block)

    def notes(self) -> list[str]:
        """Say how many decisions changed."""
        labels = self.cells.labels["prediction"]
        changed = np.array(
            [decided(each, "baseline") != decided(each, "audited") for each in labels], dtype=bool
        )
        block = self.cells.block
        moved = block.sums["n"][changed[block.codes[:, list(self.cells.labels).index("prediction")]]].sum()
        return [f"{int(moved):,} of {self.cells.rows:,} decisions differ from the baseline's"]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return self.cells.to_json()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(Cells.from_json(data))


def joint(before: str, after: str) -> str:
    """Label of a row that the baseline decided `before` and the audited system `after`."""
    return json.dumps([before, after], ensure_ascii=False)


def decided(label: str, system: System) -> str:
    """Decision of one system in a label that `joint` made."""
    before, after = json.loads(label)
    return str(before if system == "baseline" else after)
