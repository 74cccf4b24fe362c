"""Flips: how many answers change when a sensitive attribute is switched where the model takes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any, ClassVar, Self, TypeAlias

from trustkit.evidence.cells import ordered
from trustkit.evidence.sharing import holds_small

ANY = "(any)"
"""In place of a target group: what any of the switches did; changes are means over the switches."""


@dataclass(frozen=True)
class Moves:
    """What a switch did to the rows of a group.

    Attributes
    ----------
    rows : int
        Rows whose attribute was switched.
    flips : int
        Of them, those decided otherwise; in a regression, those whose
        prediction moved by more than the tolerance.
    toward, away : int
        Of those, the ones that turned favorable, and that no longer are.
    size, size2 : int
        Summed size of the change of the score (or of the predicted number),
        and its square, in units of 2^-30.
    shift, shift2 : int
        Summed change, and its square, in units of 2^-30.
    """

    rows: int = 0
    flips: int = 0
    toward: int = 0
    away: int = 0
    size: int = 0
    size2: int = 0
    shift: int = 0
    shift2: int = 0

    def __add__(self, other: Moves) -> Moves:
        return Moves(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


Targets: TypeAlias = Mapping[str, Mapping[str, Moves]]
"""Moves by group, and by target group or `ANY`."""


@dataclass(frozen=True)
class Flips:
    """Counts of answers that changed when the group of a row was switched.

    Attributes
    ----------
    schema : mapping
        What was declared: ``switched`` (by attribute, the inputs that are
        switched), ``untaken`` (attributes that the model does not take),
        ``bins`` (the labels of binned attributes), ``task``, ``score``
        (whether there is one), ``favorable``, ``tolerance`` of a predicted
        number, ``seed`` of the draw, ``most`` rows drawn and the most
        ``targets``, whether one row a ``unit`` was drawn and whether rows have
        a ``weight``, which is left aside.
    of, drawn : int
        Rows that there are, and rows drawn of all groups together.
    moves : mapping
        `Moves` by attribute, group, and target group or `ANY`.
    """

    schema: Mapping[str, Any]
    of: int
    drawn: int
    moves: Mapping[str, Targets]

    kind: ClassVar[str] = "flips"

    def of_attribute(self, attribute: str) -> Iterator[tuple[str, Mapping[str, Moves]]]:
        """Each group of an attribute with its moves by target, in canonical order."""
        groups = self.moves.get(attribute, {})
        declared = self.schema["bins"].get(attribute, ())
        for group in ordered({*groups}, declared):
            targets = groups[group]
            yield group, {ANY: targets[ANY], **{t: targets[t] for t in ordered({*targets} - {ANY}, declared)}}

    def __add__(self, other: Flips) -> Flips:
        if self.schema != other.schema:
            raise ValueError("flips of different schemas do not add")
        moves = {name: _added(self.moves[name], other.moves[name]) for name in self.schema["switched"]}
        return Flips(self.schema, self.of + other.of, self.drawn + other.drawn, moves)

    def without_small_cells(self, min_cell: int) -> Self | None:
        """Return the evidence without small counts of single targets; None where a group's own are small."""
        groups = [targets[ANY] for each in self.moves.values() for targets in each.values()]
        if any(_is_small(moves, min_cell) for moves in groups):
            return None
        moves = {
            name: {
                group: {t: each for t, each in targets.items() if t == ANY or not _is_small(each, min_cell)}
                for group, targets in each.items()
            }
            for name, each in self.moves.items()
        }
        return replace(self, moves=moves)

    def notes(self) -> list[str]:
        """Say which rows were asked again, what was switched how, and what was left aside."""
        schema = self.schema
        asked = f"{self.drawn:,} of {self.of:,} rows, drawn with seed {schema['seed']}"
        asked += f"{', one a person' if schema['unit'] else ''}, and further rows of small groups"
        notes = [
            f"{'all rows' if self.drawn == self.of else asked}: each was asked again with "
            f"{_listed(schema['switched'])} taken from a row of the other group, for up to "
            f"{schema['targets']} other groups, the largest"
        ]
        if schema["untaken"]:
            notes.append(f"the model does not take {', '.join(schema['untaken'])}: not switched")
        if schema["weight"]:
            notes.append("each row counts once: weights are left aside")
        return notes

    def to_json(self) -> dict[str, Any]:
        """Plain data: integers and text."""
        moves = {
            name: {
                group: {target: list(astuple(each)) for target, each in targets.items()}
                for group, targets in groups.items()
            }
            for name, groups in self.moves.items()
        }
        return {"schema": dict(self.schema), "of": self.of, "drawn": self.drawn, "moves": moves}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        moves = {
            name: {
                group: {target: Moves(*each) for target, each in targets.items()}
                for group, targets in groups.items()
            }
            for name, groups in data["moves"].items()
        }
        return cls(data["schema"], data["of"], data["drawn"], moves)


def _added(one: Targets, other: Targets) -> dict[str, dict[str, Moves]]:
    """Moves of two parts, group by group and target by target."""
    return {
        group: {
            target: one.get(group, {}).get(target, Moves()) + other.get(group, {}).get(target, Moves())
            for target in {*one.get(group, {}), *other.get(group, {})}
        }
        for group in {*one, *other}
    }


def _is_small(moves: Moves, min_cell: int) -> bool:
    stayed = moves.rows - moves.flips
    return holds_small((moves.rows, moves.flips, stayed, moves.toward, moves.away), min_cell)


def _listed(switched: Mapping[str, Sequence[str]]) -> str:
    """What is switched: ``sex (with title) and race``."""
    parts = [
        f"{name} ({'with ' if name in columns else 'by '}{', '.join(others)})" if others else name
        for name, columns in switched.items()
        for others in [[column for column in columns if column != name]]
    ]
    return " and ".join(parts)
