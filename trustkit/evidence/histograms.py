"""Histograms: how the values of each input spread, on bins that no data declare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

MOST_LABELS = 100
"""A column with more labels than this is of free text: its values are not counted singly."""


@dataclass(frozen=True)
class Histogram:
    """Rows by value of one column.

    Attributes
    ----------
    of : {"numbers", "labels", "text"}
        Numbers are counted by their first three digits, labels as they are, free text not at all.
    counts : mapping of str to int
        Rows by number, cut toward minus infinity to three digits (``12300`` stands
        for 12,300 to 12,399), or by label, ``(other)`` being those of few rows in the
        part of the data that was counted.
    missing, rows : int
        Rows without a value, and all.
    """

    of: str
    counts: Mapping[str, int]
    missing: int
    rows: int

    def __add__(self, other: Histogram) -> Histogram:
        of = self.of if self.of == other.of else "text"
        counts = dict(Counter(self.counts) + Counter(other.counts))
        if of == "text" or (of == "labels" and len(counts) > MOST_LABELS):
            of, counts = "text", {}
        return Histogram(of, counts, self.missing + other.missing, self.rows + other.rows)

    def to_json(self) -> dict[str, Any]:
        """Plain data, in the order of the values."""
        return {
            "of": self.of,
            "counts": dict(sorted(self.counts.items())),
            "missing": self.missing,
            "rows": self.rows,
        }


@dataclass(frozen=True)
class Histograms:
    """Histograms of the inputs of the audited rows: what a monitor compares the stream with.

    Attributes
    ----------
    schema : mapping
        What was declared before the data was seen: ``columns``, the inputs.
    columns : mapping of str to Histogram
        By input.
    """

    schema: Mapping[str, Any]
    columns: Mapping[str, Histogram]

    kind: ClassVar[str] = "histograms"

    def __add__(self, other: Histograms) -> Histograms:
        if self.schema != other.schema:
            raise ValueError("histograms of different schemas do not add")
        return replace(
            self, columns={name: mine + other.columns[name] for name, mine in self.columns.items()}
        )

    def notes(self) -> list[str]:
        """Say which columns are free text, in words for the card."""
        text = [name for name, of in self.columns.items() if of.of == "text"]
        return [f"free text, so not counted by value: {', '.join(text)}"] if text else []

    def to_json(self) -> dict[str, Any]:
        """Plain data: numbers and text."""
        return {
            "schema": dict(self.schema),
            "columns": {name: of.to_json() for name, of in self.columns.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(data["schema"], {name: Histogram(**of) for name, of in data["columns"].items()})
