"""Ablations: how many rows are answered otherwise, and worse, when the model does without one input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any, ClassVar, Self

from trustkit.evidence.cells import ordered
from trustkit.evidence.sharing import holds_small


@dataclass(frozen=True)
class Turned:
    """Rows of a known outcome, and those that one of two answers serves better.

    Attributes
    ----------
    rows : int
        Rows of this outcome.
    lost, won : int
        Of them, those answered better with the input, and those answered
        better without it: right against wrong; in a regression, nearer.
    """

    rows: int = 0
    lost: int = 0
    won: int = 0

    @property
    def counts(self) -> tuple[int, ...]:
        """Rows by which answer serves them better."""
        return self.rows, self.lost, self.won, self.rows - self.lost - self.won

    def __add__(self, other: Turned) -> Turned:
        return Turned(self.rows + other.rows, self.lost + other.lost, self.won + other.won)


@dataclass(frozen=True)
class Ablation:
    """What taking an input away did to the answers.

    Attributes
    ----------
    rows : int
        Rows that were asked.
    changed : int
        Of them, those whose answer changed at all: the decision or the score.
    classes : mapping of str to Turned
        By the true class of the row; in a regression, by ``""`` alone.
    """

    rows: int = 0
    changed: int = 0
    classes: Mapping[str, Turned] = field(default_factory=dict)

    @property
    def known(self) -> int:
        """Rows whose outcome is known."""
        return sum(turned.rows for turned in self.classes.values())

    @property
    def counts(self) -> tuple[int, ...]:
        """Rows by what became of them, also of each class."""
        classes = [n for turned in self.classes.values() for n in turned.counts]
        return (self.rows, self.changed, self.rows - self.changed, self.rows - self.known, *classes)

    def __add__(self, other: Ablation) -> Ablation:
        classes = {
            name: self.classes.get(name, Turned()) + other.classes.get(name, Turned())
            for name in ordered({*self.classes, *other.classes}, ())
        }
        return Ablation(self.rows + other.rows, self.changed + other.changed, classes)

    def to_json(self) -> list[Any]:
        """Plain data: integers and text."""
        classes = {name: list(astuple(turned)) for name, turned in self.classes.items()}
        return [self.rows, self.changed, classes]

    @classmethod
    def from_json(cls, data: Sequence[Any]) -> Self:
        """Read what `to_json` wrote."""
        rows, changed, classes = data
        return cls(rows, changed, {name: Turned(*counts) for name, counts in classes.items()})


@dataclass(frozen=True)
class Ablations:
    """Counts of answers that change when an input tells nothing, by input.

    Attributes
    ----------
    schema : mapping
        What was declared: ``inputs``, of them the ``personal`` ones with the
        role that makes them so, ``task``, whether there is a ``target``, the
        ``tolerance`` of a predicted number, ``seed`` of the draw, ``most`` rows
        drawn for a personal input and for all together, whether one row a
        ``unit`` was drawn and whether rows have a ``weight``, which is left
        aside; ``fitted``, most rows that the model is trained on anew.
    of : int
        Rows that there are.
    shuffled : mapping of str to Ablation
        By input, the model as it is, asked with the input's values exchanged
        between the rows.
    refitted : mapping of str to Ablation
        By input, the model trained anew without it against the model trained
        anew with it, on equal rows.
    unfitted : str
        Why no input was left out of a training; empty where some were.
    """

    schema: Mapping[str, Any]
    of: int
    shuffled: Mapping[str, Ablation]
    refitted: Mapping[str, Ablation] = field(default_factory=dict)
    unfitted: str = ""

    kind: ClassVar[str] = "ablations"

    @property
    def inputs(self) -> list[str]:
        """Every input of the model, in its order."""
        return list(self.schema["inputs"])

    def __add__(self, other: Ablations) -> Ablations:
        if self.schema != other.schema:
            raise ValueError("ablations of different schemas do not add")
        return Ablations(
            self.schema,
            self.of + other.of,
            _added(self.shuffled, other.shuffled),
            _added(self.refitted, other.refitted),
            "" if self.refitted or other.refitted else max(self.unfitted, other.unfitted),
        )

    def without_small_cells(self, min_cell: int) -> Self | None:
        """Return itself, or None where a count stands for few rows."""
        counts = [n for each in (*self.shuffled.values(), *self.refitted.values()) for n in each.counts]
        return None if holds_small(counts, min_cell) else self

    def notes(self) -> list[str]:
        """Say which rows were asked for which input, and how the model did without it."""
        schema = self.schema
        drawn_rows = [each.rows for each in self.shuffled.values()] or [0]
        fewest, most = min(drawn_rows), max(drawn_rows)
        rows = f"{most:,}" if fewest == most else f"{fewest:,} to {most:,}"
        drawn = "all" if fewest == self.of else f"{rows} of {self.of:,}"
        person = ", one a person" if schema["unit"] else ""
        notes = [
            f"{drawn} rows an input, drawn with seed {schema['seed']}{person}: asked again with "
            f"the values of that input exchanged between the rows, {len(self.shuffled)} inputs"
        ]
        if self.refitted:
            notes.append(f"trained anew without {', '.join(self.refitted)}, each in turn")
        elif self.unfitted:
            notes.append(f"not trained anew: {self.unfitted}")
        if schema["weight"]:
            notes.append("each row counts once: weights are left aside")
        return notes

    def to_json(self) -> dict[str, Any]:
        """Plain data: integers and text."""
        return {
            "schema": dict(self.schema),
            "of": self.of,
            "shuffled": {name: each.to_json() for name, each in self.shuffled.items()},
            "refitted": {name: each.to_json() for name, each in self.refitted.items()},
            "unfitted": self.unfitted,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        shuffled, refitted = (
            {name: Ablation.from_json(each) for name, each in data[how].items()}
            for how in ("shuffled", "refitted")
        )
        return cls(data["schema"], data["of"], shuffled, refitted, data["unfitted"])


def _added(one: Mapping[str, Ablation], other: Mapping[str, Ablation]) -> dict[str, Ablation]:
    return {name: one.get(name, Ablation()) + other.get(name, Ablation()) for name in sorted({*one, *other})}
