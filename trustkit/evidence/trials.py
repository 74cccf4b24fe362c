"""Trials: what a model did with tables that no honest caller sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self


@dataclass(frozen=True)
class Trial:
    """How often a model answered one kind of malformed table in which way.

    Attributes
    ----------
    sent : int
        Tables of the kind that it was sent.
    refused : int
        It raised an error, and went on.
    answered : int
        It gave one answer a row, those of the rows.
    silent : int
        Of those, where it cannot know the answer: an input that it uses was missing or no number.
    misaligned : int
        It gave answers of another number, in another order, or changed by what it should ignore.
    crashed : int
        It left the interpreter, ran out of memory, or its process died.
    slow : int
        It took more than `SLOW` seconds.
    columns : tuple of str
        Inputs whose absence, or text in place of numbers, it did not notice.
    errors : tuple of str
        Types of the errors, sorted.
    """

    sent: int = 0
    refused: int = 0
    answered: int = 0
    silent: int = 0
    misaligned: int = 0
    crashed: int = 0
    slow: int = 0
    columns: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    def __add__(self, other: Trial) -> Trial:
        counts: Any = {name: getattr(self, name) + getattr(other, name) for name in COUNTS}
        columns, errors = {*self.columns, *other.columns}, {*self.errors, *other.errors}
        return Trial(**counts, columns=tuple(sorted(columns)), errors=tuple(sorted(errors)))


COUNTS = ("sent", "refused", "answered", "silent", "misaligned", "crashed", "slow")
SLOW = 10.0


@dataclass(frozen=True)
class Trials:
    """Outcomes by the kind of malformed table.

    Attributes
    ----------
    schema : mapping
        ``rows`` of a table, and ``seed`` of their draw.
    kinds : mapping of str to Trial
        By kind, in words.
    pace : float
        Seconds that the model took for a row; 0 where the budget sufficed.
    """

    schema: Mapping[str, Any]
    kinds: Mapping[str, Trial]
    pace: float = 0.0

    kind: ClassVar[str] = "trials"

    def __add__(self, other: Trials) -> Trials:
        if self.schema != other.schema:
            raise ValueError("trials of different schemas do not add")
        names = [*self.kinds, *(name for name in other.kinds if name not in self.kinds)]
        none = Trial()
        kinds = {name: self.kinds.get(name, none) + other.kinds.get(name, none) for name in names}
        return Trials(self.schema, kinds, max(self.pace, other.pace))

    def without_small_cells(self, min_cell: int) -> Self:
        """Return itself: it speaks of tables made up, and of no group of people."""
        return self

    def notes(self) -> list[str]:
        """Say what was sent, and how the model refused."""
        errors = sorted({name for each in self.kinds.values() for name in each.errors})
        said = f"errors that it raised: {', '.join(errors)}" if errors else "it raised no error"
        notes = [f"{len(self.kinds)} kinds of malformed tables of {self.schema['rows']} rows; {said}"]
        if self.pace:
            notes.append(
                f"the model takes about {1000 * self.pace:g} ms a row: fewer rows tell on which inputs "
                "answers depend, to keep to the budget"
            )
        return notes

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        kinds = {name: asdict(of) for name, of in self.kinds.items()}
        return {"schema": dict(self.schema), "kinds": kinds, "pace": self.pace}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        made = {
            name: Trial(**{**of, "columns": tuple(of["columns"]), "errors": tuple(of["errors"])})
            for name, of in data["kinds"].items()
        }
        return cls(data["schema"], made, data["pace"])
