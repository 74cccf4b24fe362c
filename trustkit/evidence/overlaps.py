"""Overlaps: what the audited rows have in common with the training rows, and each input with the outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from trustkit.evidence.blocks import Block, dense
from trustkit.evidence.cells import ordered
from trustkit.evidence.score_bins import SCORE_BINS
from trustkit.evidence.sharing import holds_small
from trustkit.evidence.shifts import digest
from trustkit.evidence.tables import Scores


@dataclass(frozen=True)
class Match:
    """How many audited rows, or persons, are found in training, and how many recur by chance.

    Attributes
    ----------
    rows, shared, repeated : int
        Audited rows that were looked for; of them, those that training has;
        of them, those of which the audit has another.
    train_rows, train_repeated : int
        Training rows that were looked at, and of them those of which training has another.
    """

    rows: int = 0
    shared: int = 0
    repeated: int = 0
    train_rows: int = 0
    train_repeated: int = 0

    def __add__(self, other: Match) -> Match:
        return replace(
            self,
            rows=self.rows + other.rows,
            shared=self.shared + other.shared,
            repeated=self.repeated + other.repeated,
        )


@dataclass(frozen=True)
class Overlaps:
    """Counts of rows and persons in both tables, and histograms of how each input ranks the outcome.

    Attributes
    ----------
    declared : mapping
        What was declared: ``inputs``, ``seed`` of the draw, ``most`` rows
        drawn, whether one row a ``unit`` counts, whether there is ``train``,
        and of the ``truth`` what is told: ``classes``, ``median`` (whether a
        number is above its median) or None.
    of, drawn : int
        Audited rows that there are, and rows of which the outcome was told.
    exact, near : Match or None
        Rows equal in all inputs and the target; rows nearly equal in all of them but one.
    persons : mapping of str to Match
        By column that names persons.
    later : (int, int) or None
        Pairs of an audited and a training row with a time, and of them those
        whose training row is the later.
    classes : tuple of str
        Labels of the classes that were told.
    singles : Block
        Axes: class, input, 1 for rows of the class and 0 for the others, bin of the rank.
    """

    declared: Mapping[str, Any]
    of: int
    drawn: int
    exact: Match | None
    near: Match | None
    persons: Mapping[str, Match]
    later: tuple[int, int] | None
    classes: tuple[str, ...]
    singles: Block

    kind: ClassVar[str] = "overlaps"

    @classmethod
    def made(cls, *, classes: Sequence[str], singles: Block, **rest: Any) -> Self:
        """Return the evidence with its classes in canonical order."""
        names = ordered({*classes})
        codes = np.array([names.index(label) for label in classes], dtype=np.int64)
        return cls(classes=names, singles=singles.recoded(0, codes).summed(), **rest)

    @property
    def schema(self) -> Mapping[str, Any]:
        """What was declared, and a digest of what was counted in the training rows alone."""
        matches = {
            "exact": self.exact,
            "near": self.near,
            **{f"person {k}": m for k, m in self.persons.items()},
        }
        train = {name: m and [m.train_rows, m.train_repeated] for name, m in matches.items()}
        return {**self.declared, "counted": digest(train)}

    def scores(self, place: int) -> Scores:
        """Histograms of the ranks of a class's rows (second) and of the others', one entry an input."""
        start, end = np.searchsorted(self.singles.codes[:, 0], [place, place + 1])
        _, *axes = self.singles.codes[start:end].T
        inputs = len(self.declared["inputs"])
        n = dense(self.singles.sums["n"][start:end], tuple(axes), (inputs, 2, SCORE_BINS))
        nothing = np.zeros(n.shape)
        return Scores([{}] * inputs, n, n.astype(np.float64), nothing, nothing)

    def __add__(self, other: Overlaps) -> Overlaps:
        if self.schema != other.schema:
            raise ValueError("overlaps of different schemas do not add")
        names = ordered({*self.classes, *other.classes})
        blocks = [
            part.singles.recoded(0, np.array([names.index(label) for label in part.classes], dtype=np.int64))
            for part in (self, other)
        ]
        later = None
        if self.later is not None and other.later is not None:
            later = (self.later[0] + other.later[0], self.later[1] + other.later[1])
        return replace(
            self,
            of=self.of + other.of,
            drawn=self.drawn + other.drawn,
            exact=_sum(self.exact, other.exact),
            near=_sum(self.near, other.near),
            persons={name: match + other.persons[name] for name, match in self.persons.items()},
            later=later,
            classes=names,
            singles=blocks[0] + blocks[1],
        )

    def without_small_cells(self, min_cell: int) -> Self | None:
        """Return itself without the ranks, or None where a count stands for few rows."""
        matches = [match for match in (self.exact, self.near, *self.persons.values()) if match is not None]
        if holds_small((count for match in matches for count in astuple(match)), min_cell):
            return None
        return replace(
            self, classes=(), singles=self.singles.where(np.zeros(len(self.singles.codes), dtype=bool))
        )

    def notes(self) -> list[str]:
        """Say which rows were looked for, and of which the outcome was told."""
        notes = []
        if self.declared["truth"] is not None:
            told = "the outcome" if self.declared["truth"] == "classes" else "whether it is above its median"
            drawn = "all" if self.drawn == self.of else f"{self.drawn:,} of {self.of:,}"
            seed = self.declared["seed"]
            notes.append(f"by each input alone {told} was told of {drawn} rows, drawn with seed {seed}")
        if self.exact is not None and self.near is not None:
            one = ", one a person," if self.declared["unit"] else ""
            looked = f"{self.exact.rows:,} audited rows{one} were looked for in training"
            notes.append(f"{looked}, {self.near.rows:,} of them loosely")
        if self.persons:
            notes.append(f"persons were looked for by {', '.join(self.persons)}; no name of one was kept")
        return notes

    def to_json(self) -> dict[str, Any]:
        """Plain data: integers, and names of columns and classes."""
        return {
            "declared": dict(self.declared),
            "of": self.of,
            "drawn": self.drawn,
            "exact": self.exact and list(astuple(self.exact)),
            "near": self.near and list(astuple(self.near)),
            "persons": {name: list(astuple(match)) for name, match in self.persons.items()},
            "later": self.later and list(self.later),
            "classes": list(self.classes),
            "singles": self.singles.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        exact, near = (data[name] and Match(*data[name]) for name in ("exact", "near"))
        return cls(
            declared=data["declared"],
            of=data["of"],
            drawn=data["drawn"],
            exact=exact,
            near=near,
            persons={name: Match(*match) for name, match in data["persons"].items()},
            later=data["later"] and (data["later"][0], data["later"][1]),
            classes=tuple(data["classes"]),
            singles=Block.from_json(data["singles"], 4),
        )


def _sum(one: Match | None, other: Match | None) -> Match | None:
    return None if one is None or other is None else one + other
