"""Confidences: how sure a system is of its decisions, whether these are right, and what intervals hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from trustkit.evidence.cells import Cells
from trustkit.evidence.sharing import without_small_cells

RIGHT, WRONG = "right", "wrong"
"""What became of a decision."""

HELD, MISSED = "held", "missed"
"""Whether the truth was in an interval, or in a set of classes."""


@dataclass(frozen=True)
class Confidences:
    """Counts of decisions by how sure the system was of them.

    Where rows have a unit they are of the first row drawn of each person.

    Attributes
    ----------
    schema : mapping
        What was declared: the ``task``, the ``seed`` of the draw, the ``most``
        rows drawn, the ``level`` that intervals or sets are to hold, and
        whether they were ``declared`` (by two columns) or made.
    of : int
        Rows that there are.
    decided : Cells or None
        Rows by group; the truth is `RIGHT` or `WRONG`, the score the
        probability that the system gave its decision. None for a quantity.
    classes : mapping of str to Cells
        Of more than two classes, by class: the truth is whether it is this
        one (``yes``, ``no``), the score its probability.
    intervals : Cells or None
        Rows by group; the truth is `HELD` or `MISSED`, the prediction how many
        classes a set holds. Sets are those of split conformal prediction, and
        the rows the half that did not set their bound.
    """

    schema: Mapping[str, Any]
    of: int
    decided: Cells | None
    classes: Mapping[str, Cells]
    intervals: Cells | None

    kind: ClassVar[str] = "confidences"

    def __add__(self, other: Confidences) -> Confidences:
        if self.schema != other.schema:
            raise ValueError("confidences of different schemas do not add")
        classes = {
            name: _sum(self.classes.get(name), other.classes.get(name))
            for name in sorted({*self.classes, *other.classes})
        }
        return replace(
            self,
            of=self.of + other.of,
            decided=_sum(self.decided, other.decided),
            classes={name: cells for name, cells in classes.items() if cells is not None},
            intervals=_sum(self.intervals, other.intervals),
        )

    @property
    def rows(self) -> int:
        """Rows drawn that have a truth and a confidence, or an interval."""
        cells = self.decided or self.intervals
        return 0 if cells is None else cells.rows

    def without_small_cells(self, min_cell: int) -> Self:
        """Return itself with what stands for fewer than `min_cell` rows pooled."""

        def pooled(cells: Cells | None) -> Any:
            return None if cells is None else without_small_cells(cells, min_cell)

        classes = {name: pooled(cells) for name, cells in self.classes.items()}
        return replace(self, decided=pooled(self.decided), classes=classes, intervals=pooled(self.intervals))

    def notes(self) -> list[str]:
        """Say which rows were drawn, and how sets of classes were made."""
        drawn = "all" if self.rows == self.of else f"{self.rows:,} of {self.of:,}"
        seed = self.schema["seed"]
        if self.schema["declared"]:
            return [f"intervals of {drawn} rows with a truth"]
        return [
            f"{drawn} rows with a truth, drawn with seed {seed}; sets of classes, to hold "
            f"{100 * self.schema['level']:g} % of the truths, are set on one half and counted on the other"
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain data: integers and text."""
        return {
            "schema": dict(self.schema),
            "of": self.of,
            "decided": self.decided and self.decided.to_json(),
            "classes": {name: cells.to_json() for name, cells in self.classes.items()},
            "intervals": self.intervals and self.intervals.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            data["schema"],
            data["of"],
            data["decided"] and Cells.from_json(data["decided"]),
            {name: Cells.from_json(cells) for name, cells in data["classes"].items()},
            data["intervals"] and Cells.from_json(data["intervals"]),
        )


def parted(cells: Cells, first: int) -> tuple[Cells, Cells]:
    """Return the rows from a score bin on, and those below it."""
    whole = cells if cells.parts is None else cells.parts[()]
    above = whole.block.codes[:, -1] >= first
    return replace(whole, block=whole.block.where(above)), replace(whole, block=whole.block.where(~above))


def _sum(one: Cells | None, other: Cells | None) -> Cells | None:
    if one is None or other is None:
        return one or other
    return one + other
