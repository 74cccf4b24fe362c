"""Perturbations: how answers fared when the inputs were changed as is realistic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, fields
from typing import Any, ClassVar, Self, TypeAlias

from trustkit.evidence.sharing import holds_small

MILD, MODERATE, SEVERE = "mild", "moderate", "severe"
SEVERITIES = (MILD, MODERATE, SEVERE)

Key: TypeAlias = tuple[str, str, str]
"""What was changed: the mode, the severity and the only column, or an empty text."""


@dataclass(frozen=True)
class Effect:
    """What became of the rows that a perturbation changed.

    Attributes
    ----------
    rows : int
        Rows that it changed, and that the model answered.
    flips : int
        Of them, those decided otherwise; in a regression, those whose
        prediction moved by more than the tolerance.
    right, lost, gained, wrong : int
        Of those with a known truth: right before and after, only before, only
        after, and neither.
    refused : int
        Rows of a table that the model refused: it raised, or gave a row no answer.
    error : str
        Types of what it raised then, or that there was no answer.
    """

    rows: int = 0
    flips: int = 0
    right: int = 0
    lost: int = 0
    gained: int = 0
    wrong: int = 0
    refused: int = 0
    error: str = ""

    @property
    def known(self) -> int:
        """Rows with a known truth."""
        return self.right + self.lost + self.gained + self.wrong

    @property
    def counts(self) -> tuple[int, ...]:
        """Rows by what became of them."""
        truths = (self.right, self.lost, self.gained, self.wrong)
        return (self.rows, self.flips, self.rows - self.flips, *truths, self.rows - self.known, self.refused)

    def __add__(self, other: Effect) -> Effect:
        counts = {
            each.name: getattr(self, each.name) + getattr(other, each.name)
            for each in fields(self)
            if each.name != "error"
        }
        names = {*self.error.split(", "), *other.error.split(", ")} - {""}
        return Effect(**counts, error=", ".join(sorted(names)))


@dataclass(frozen=True)
class Perturbations:
    """Counts of answers that changed, by mode, severity and column.

    Attributes
    ----------
    schema : mapping
        What was declared: ``seed`` of the draw, ``most`` rows of each
        severity and ``most_of_column``, ``task``, ``tolerance`` of a predicted
        number, whether one row a ``unit`` was drawn and whether rows have a
        ``weight``, which is left aside.
    of, drawn : int
        Rows that there are, and rows drawn.
    effects : mapping of Key to Effect
        What became of the rows.
    strays : mapping of str to (int, int)
        By column: rows in which it was left out, and those of them whose
        decision was then one that few of the column's values give; no rows
        where decisions turned and its values could not be tried any more.
    skipped : tuple of Key
        Perturbations left aside for want of time or of calls, sorted.
    beyond : int
        Ways of changing one column alone that are more than can be asked, left aside from the start.
    pace : float
        Seconds that the model took for a row; 0 where the budget sufficed.
    """

    schema: Mapping[str, Any]
    of: int
    drawn: int
    effects: Mapping[Key, Effect]
    strays: Mapping[str, tuple[int, int]]
    skipped: tuple[Key, ...] = ()
    beyond: int = 0
    pace: float = 0.0

    kind: ClassVar[str] = "perturbations"

    def each(self) -> Iterator[tuple[Key, Effect]]:
        """Effects, the mild first, those of single columns last."""
        places = {severity: place for place, severity in enumerate(SEVERITIES)}
        yield from sorted(self.effects.items(), key=lambda item: (item[0][2], places[item[0][1]], item[0][0]))

    def __add__(self, other: Perturbations) -> Perturbations:
        if self.schema != other.schema:
            raise ValueError("perturbations of different schemas do not add")
        effects = {
            key: self.effects.get(key, Effect()) + other.effects.get(key, Effect())
            for key in {*self.effects, *other.effects}
        }
        strays = {
            name: (
                self.strays.get(name, (0, 0))[0] + other.strays.get(name, (0, 0))[0],
                self.strays.get(name, (0, 0))[1] + other.strays.get(name, (0, 0))[1],
            )
            for name in {*self.strays, *other.strays}
        }
        return Perturbations(
            self.schema,
            self.of + other.of,
            self.drawn + other.drawn,
            effects,
            strays,
            tuple(sorted({*self.skipped, *other.skipped} - {*effects})),
            max(self.beyond, other.beyond),
            max(self.pace, other.pace),
        )

    def without_small_cells(self, min_cell: int) -> Self | None:
        """Return itself, or None where a count stands for few rows."""
        counts = [n for effect in self.effects.values() for n in effect.counts]
        counts += [n for rows, stray in self.strays.values() for n in (rows, stray, rows - stray)]
        return None if holds_small(counts, min_cell) else self

    def notes(self) -> list[str]:
        """Say which rows were changed, and what the model refused or the budget left out."""
        schema = self.schema
        drawn = "all rows" if self.drawn == self.of else f"{self.drawn:,} of {self.of:,} rows"
        unit = ", one a person" if schema["unit"] else ""
        notes = [
            f"{drawn}, drawn with seed {schema['seed']}{unit}, changed in {len(self.effects)} ways: "
            f"up to {schema['most']['mild']} rows by each mild one, {schema['most_of_column']} by each of a "
            f"single column and {schema['most']['severe']} by each stronger one"
        ]
        if refused := [(key, effect.error) for key, effect in self.each() if effect.refused]:
            modes = ", ".join(dict.fromkeys(mode for (mode, _, _), _ in refused))
            errors = ", ".join(dict.fromkeys(error for _, error in refused))
            notes.append(
                f"the model refused {len(refused)} of them ({modes}; {errors}): a safe path, no flip"
            )
        left = len(self.skipped) + self.beyond + sum(not rows for rows, _ in self.strays.values())
        if self.pace:
            notes.append(
                f"the model takes about {1000 * self.pace:g} ms a row: fewer rows were asked, and "
                f"{left} perturbations left aside, to keep to the budget"
            )
        elif left:
            notes.append(f"{left} were left aside: at most 60 columns alone, and 40 calls of the model")
        if schema["weight"]:
            notes.append("each row counts once: weights are left aside")
        return notes

    def to_json(self) -> dict[str, Any]:
        """Plain data: integers and text."""
        effects = {"|".join(key): list(astuple(effect)) for key, effect in self.effects.items()}
        return {
            "schema": dict(self.schema),
            "of": self.of,
            "drawn": self.drawn,
            "effects": effects,
            "strays": {name: list(counts) for name, counts in self.strays.items()},
            "skipped": ["|".join(key) for key in self.skipped],
            "beyond": self.beyond,
            "pace": self.pace,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        effects = {_key(name): Effect(*counts) for name, counts in data["effects"].items()}
        strays = {name: (rows, stray) for name, (rows, stray) in data["strays"].items()}
        skipped = tuple(map(_key, data["skipped"]))
        of, drawn = data["of"], data["drawn"]
        return cls(data["schema"], of, drawn, effects, strays, skipped, data["beyond"], data["pace"])


def _key(name: str) -> Key:
    mode, severity, column = name.split("|", 2)
    return mode, severity, column
