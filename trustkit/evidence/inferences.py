"""Inferences: how often a sensitive value is guessed with a model's help, and without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, TypeAlias

from trustkit.evidence.sharing import holds_small

BOTH, WITH_MODEL, WITHOUT, NEITHER = range(4)
"""Which of two guesses of a row is right: both, that with the model alone, that without it alone, neither."""

Counts: TypeAlias = tuple[int, int, int, int]
"""Rows by which of the two guesses is right."""


@dataclass(frozen=True)
class Guesses:
    """Counts of rows that the model was trained on, and of others.

    Attributes
    ----------
    members, others : tuple of int
        By `BOTH`, `WITH_MODEL`, `WITHOUT` and `NEITHER`.
    """

    members: Counts = (0, 0, 0, 0)
    others: Counts = (0, 0, 0, 0)

    def __add__(self, other: Guesses) -> Guesses:
        return Guesses(_added(self.members, other.members), _added(self.others, other.others))


@dataclass(frozen=True)
class Inferences:
    """Guesses of the sensitive columns that are inputs of the model.

    Attributes
    ----------
    schema : mapping
        What was declared: ``columns`` that were guessed, ``most`` rows drawn
        of train and of audit, and at most so many ``groups``; ``seed``, and
        whether the model has a ``score``.
    guesses : mapping of str to Guesses
        By column.
    """

    schema: Mapping[str, Any]
    guesses: Mapping[str, Guesses]

    kind: ClassVar[str] = "inferences"

    def __add__(self, other: Inferences) -> Inferences:
        if self.schema != other.schema:
            raise ValueError("inferences of different schemas do not add")
        names = self.schema["columns"]
        return replace(self, guesses={name: self.guesses[name] + other.guesses[name] for name in names})

    def without_small_cells(self, min_cell: int) -> Self | None:
        """Return itself, or None where a count is small."""
        counts = [n for each in self.guesses.values() for n in (*each.members, *each.others)]
        return None if holds_small(counts, min_cell) else self

    def notes(self) -> list[str]:
        """Say of which rows what was guessed."""
        notes = []
        for name, each in self.guesses.items():
            rows = f"{sum(each.members):,} rows of train and {sum(each.others):,} of audit"
            notes.append(f"{name} was guessed of {rows}, drawn with seed {self.schema['seed']}")
        return notes

    def to_json(self) -> dict[str, Any]:
        """Plain data: integers and text."""
        guesses = {name: [list(each.members), list(each.others)] for name, each in self.guesses.items()}
        return {"schema": dict(self.schema), "guesses": guesses}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        guesses = {
            name: Guesses(_counts(members), _counts(others))
            for name, (members, others) in data["guesses"].items()
        }
        return cls(data["schema"], guesses)


def _counts(values: list[int]) -> Counts:
    both, with_model, without, neither = values
    return both, with_model, without, neither


def _added(one: Counts, other: Counts) -> Counts:
    return _counts([a + b for a, b in zip(one, other, strict=True)])
