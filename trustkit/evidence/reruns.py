"""Reruns: how many answers changed when a model was asked the same rows again, otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from trustkit.evidence.sharing import holds_small

AGAIN, REORDERED = "again", "reordered"
PROCESS = "another process"
SINGLY = "batches of 1"
MODES = (AGAIN, REORDERED, SINGLY, "batches of 1000", PROCESS)
"""How the rows are asked again: twice more, turned around, singly, in large batches, and by a new process."""


@dataclass(frozen=True)
class Changes:
    """What one way of asking again came to.

    Attributes
    ----------
    rows : int
        Rows that were asked again.
    decisions : int
        Of them, those whose decision changed.
    scores : int
        Of them, those whose score changed by more than the tolerance.
    """

    rows: int = 0
    decisions: int = 0
    scores: int = 0

    @property
    def counts(self) -> tuple[int, ...]:
        """Rows that changed, and rows that did not."""
        changed = (self.decisions, self.scores)
        return (self.rows, *changed, *(self.rows - each for each in changed))

    def __add__(self, other: Changes) -> Changes:
        return Changes(self.rows + other.rows, self.decisions + other.decisions, self.scores + other.scores)


@dataclass(frozen=True)
class Reruns:
    """Counts of answers that changed, by the way of asking again.

    Attributes
    ----------
    schema : mapping
        What was declared: ``seed`` of the draw, ``most`` rows drawn,
        ``most_single`` asked one by one, ``tolerance`` of a score, and
        whether there is a ``score``.
    of : int
        Rows that there are.
    modes : mapping of str to Changes
        By way of asking, one of `MODES`; without rows where none were asked.
    alone : str
        Why no other process was asked; empty where one was.
    pace : float
        Seconds that the model took for a row; 0 where the budget sufficed.
    """

    schema: Mapping[str, Any]
    of: int
    modes: Mapping[str, Changes]
    alone: str = ""
    pace: float = 0.0

    kind: ClassVar[str] = "reruns"

    def __add__(self, other: Reruns) -> Reruns:
        if self.schema != other.schema:
            raise ValueError("reruns of different schemas do not add")
        modes = {mode: self.modes[mode] + other.modes[mode] for mode in MODES}
        alone, pace = max(self.alone, other.alone), max(self.pace, other.pace)
        return Reruns(self.schema, self.of + other.of, modes, alone, pace)

    def without_small_cells(self, min_cell: int) -> Self | None:
        """Return itself, or None where a count stands for few rows."""
        counts = [n for each in self.modes.values() for n in each.counts]
        return None if holds_small(counts, min_cell) else self

    def notes(self) -> list[str]:
        """Say which rows were asked again, and how."""
        rows = self.modes[AGAIN].rows
        drawn = "all" if rows == self.of else f"{rows:,} of {self.of:,}"
        said = f"{drawn} rows, drawn with seed {self.schema['seed']}, asked again twice"
        asked = [(mode, self.modes[mode].rows) for mode in MODES[1:] if self.modes[mode].rows]
        notes = [", ".join([said, *(f"{mode} ({n:,} rows)" for mode, n in asked)])]
        if self.alone:
            notes.append(f"no other process was asked: {self.alone}")
        if self.pace:
            took = f"the model takes about {1000 * self.pace:g} ms a row"
            notes.append(f"{took}: fewer rows were asked, to keep to the budget")
        return notes

    def to_json(self) -> dict[str, Any]:
        """Plain data: integers and text."""
        modes = {mode: [each.rows, each.decisions, each.scores] for mode, each in self.modes.items()}
        return {
            "schema": dict(self.schema),
            "of": self.of,
            "modes": modes,
            "alone": self.alone,
            "pace": self.pace,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        modes = {mode: Changes(*data["modes"].get(mode, ())) for mode in MODES}
        return cls(data["schema"], data["of"], modes, data.get("alone", ""), data.get("pace", 0.0))
