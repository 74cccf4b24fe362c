"""Quality: what is missing, impossible, constant, mixed, repeated or contradictory among audited rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np

from trustkit.evidence.blocks import Ints
from trustkit.evidence.cells import ordered
from trustkit.evidence.sharing import holds_small


@dataclass(frozen=True)
class ColumnQuality:
    """Rows of one input.

    Attributes
    ----------
    values : int
        Rows that have a value.
    commonest : int
        Of them, those with the most frequent value; of parts that were added, the sum.
    is_constant : bool
        Whether no two values differ; of parts that were added, within each.
    numbers, words : int
        Of a column of words, values that are numbers and values that are none.
    """

    values: int = 0
    commonest: int = 0
    is_constant: bool = True
    numbers: int = 0
    words: int = 0

    def __add__(self, other: ColumnQuality) -> ColumnQuality:
        return ColumnQuality(
            self.values + other.values,
            self.commonest + other.commonest,
            self.is_constant and other.is_constant,
            self.numbers + other.numbers,
            self.words + other.words,
        )


@dataclass(frozen=True)
class Quality:
    """What the audited rows are like, before any model is asked.

    Attributes
    ----------
    declared : mapping
        What was declared: ``inputs``, ``ranges`` (by column, least and greatest
        possible value), whether there is a ``truth`` and whether it is a number.
    rows : int
        Audited rows.
    columns : mapping of str to ColumnQuality
        By input that can be read.
    outside : mapping of str to (int, int)
        By column with a declared range: its values, and those outside of it.
    classes : tuple of str
        Classes of the truth; of a number, whether it is above its median.
    class_rows : array of int, shape (classes,)
        Independent rows of each.
    missing : array of int, shape (columns, classes)
        Of them, those without a value.
    repeated, contradictory : int
        Rows of which an equal one came before; rows whose inputs another row
        has with another truth.
    """

    declared: Mapping[str, Any]
    rows: int = 0
    columns: Mapping[str, ColumnQuality] = field(default_factory=dict)
    outside: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    class_rows: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    missing: Ints = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))
    repeated: int = 0
    contradictory: int = 0

    kind: ClassVar[str] = "quality"

    @property
    def schema(self) -> Mapping[str, Any]:
        """What was declared."""
        return self.declared

    def __add__(self, other: Quality) -> Quality:
        if self.schema != other.schema or self.columns.keys() != other.columns.keys():
            raise ValueError("qualities of different schemas do not add")
        classes = ordered({*self.classes, *other.classes})
        mine, theirs = (part.spread(classes) for part in (self, other))
        return replace(
            self,
            rows=self.rows + other.rows,
            columns={name: each + other.columns[name] for name, each in self.columns.items()},
            outside={
                name: (values + other.outside[name][0], out + other.outside[name][1])
                for name, (values, out) in self.outside.items()
            },
            classes=classes,
            class_rows=mine[0] + theirs[0],
            missing=mine[1] + theirs[1],
            repeated=self.repeated + other.repeated,
            contradictory=self.contradictory + other.contradictory,
        )

    def spread(self, classes: Sequence[str]) -> tuple[Ints, Ints]:
        """Rows and missing values of these classes, 0 of those that are not here."""
        places = [list(classes).index(label) for label in self.classes]
        rows = np.zeros(len(classes), dtype=np.int64)
        missing = np.zeros((len(self.columns), len(classes)), dtype=np.int64)
        rows[places] = self.class_rows
        missing[:, places] = self.missing.reshape(len(self.columns), len(places))
        return rows, missing

    def without_small_cells(self, min_cell: int) -> Self | None:
        """Return itself, or None where a count stands for few rows."""
        counts = [
            *self.class_rows.tolist(),
            *self.missing.ravel().tolist(),
            self.repeated,
            self.contradictory,
        ]
        counts += [out for _, out in self.outside.values()]
        counts += [n for c in self.columns.values() for n in (c.values - c.commonest, c.numbers, c.words)]
        return None if holds_small(counts, min_cell) else self

    def notes(self) -> list[str]:
        """Name the inputs that were not read."""
        unread = [name for name in self.declared["inputs"] if name not in self.columns]
        return [f"not read, neither numbers nor labels: {', '.join(unread)}"] if unread and self.rows else []

    def to_json(self) -> dict[str, Any]:
        """Plain data: integers and text."""
        return {
            "declared": dict(self.declared),
            "rows": self.rows,
            "columns": {
                name: [c.values, c.commonest, c.is_constant, c.numbers, c.words]
                for name, c in self.columns.items()
            },
            "outside": {name: list(pair) for name, pair in self.outside.items()},
            "classes": list(self.classes),
            "class_rows": self.class_rows.tolist(),
            "missing": self.missing.tolist(),
            "repeated": self.repeated,
            "contradictory": self.contradictory,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        classes = tuple(data["classes"])
        return cls(
            declared=data["declared"],
            rows=data["rows"],
            columns={name: ColumnQuality(*each) for name, each in data["columns"].items()},
            outside={name: (values, out) for name, (values, out) in data["outside"].items()},
            classes=classes,
            class_rows=np.array(data["class_rows"], dtype=np.int64),
            missing=np.array(data["missing"], dtype=np.int64).reshape(len(data["columns"]), len(classes)),
            repeated=data["repeated"],
            contradictory=data["contradictory"],
        )
