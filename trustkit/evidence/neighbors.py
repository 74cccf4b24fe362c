"""Neighbors: how often like people are decided otherwise, in counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any, ClassVar, Self

MOST_LISTED = 8


@dataclass(frozen=True)
class Likes:
    """Sums over the rows of a group, each with its k nearest rows of all.

    A row counts in two ways: by those of its own neighbors that are decided
    otherwise, and as a neighbor of the group's rows. With ``a`` the decided
    otherwise in both ways, and ``b`` all neighbors in both ways, the squares
    tell how far the share of those decided otherwise is left to chance.

    Attributes
    ----------
    rows : int
        Rows of the group.
    otherwise : int
        Over these, the neighbors decided otherwise.
    aa, ab, bb : int
        Over all rows, the sums of a a, a b and b b.
    """

    rows: int = 0
    otherwise: int = 0
    aa: int = 0
    ab: int = 0
    bb: int = 0

    def __add__(self, other: Likes) -> Likes:
        return Likes(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True)
class Neighbors:
    """How often the nearest of a row are decided otherwise, over all rows drawn and by group.

    Attributes
    ----------
    schema : mapping
        What was declared: ``seed`` of the draw, ``most`` rows drawn, ``k``
        neighbors, the ``inputs`` that likeness goes by and those ``left_out``,
        the ``attributes``, the ``favorable`` classes, and whether there are
        ``weight`` and ``unit``.
    of : int
        Rows that there are.
    everybody : Likes
        Of all rows drawn.
    groups : mapping of str to mapping of str to Likes
        By attribute and group.
    """

    schema: Mapping[str, Any]
    of: int
    everybody: Likes
    groups: Mapping[str, Mapping[str, Likes]]

    kind: ClassVar[str] = "neighbors"

    def __add__(self, other: Neighbors) -> Neighbors:
        if self.schema != other.schema:
            raise ValueError("neighbors of different schemas do not add")
        groups = {
            name: {
                group: mine.get(group, Likes()) + theirs.get(group, Likes())
                for group in sorted({*mine, *theirs})
            }
            for name, mine, theirs in ((name, self.groups[name], other.groups[name]) for name in self.groups)
        }
        return Neighbors(self.schema, self.of + other.of, self.everybody + other.everybody, groups)

    def without_small_cells(self, min_cell: int) -> Neighbors:
        """Return the evidence without attributes of which a group has 1 to ``min_cell - 1`` rows."""
        groups = {
            name: mine if all(each.rows >= min_cell for each in mine.values()) else {}
            for name, mine in self.groups.items()
        }
        return replace(self, groups=groups)

    def notes(self) -> list[str]:
        """Say which rows were compared with which, and by what."""
        schema, drawn = self.schema, self.everybody.rows
        some = f"{drawn:,} of {self.of:,} rows, drawn with seed {schema['seed']}"
        some += ", one a person" if schema["unit"] else ""
        lines = [
            f"{'all rows' if drawn == self.of else some}: each beside its {schema['k']} nearest of the "
            f"others by {_listed(schema['inputs'])}; numbers in standard deviations, two categories "
            "1.4 of these apart; ties fall to those next in the order of the draw"
        ]
        for name, groups in self.groups.items():
            rest = drawn - sum(each.rows for each in groups.values())
            if rest:
                lines.append(f"{name}: {rest:,} rows of smaller groups count in the whole alone")
        if schema["left_out"]:
            lines.append(f"likeness leaves {_listed(schema['left_out'])} aside")
        if schema["weight"]:
            lines.append("each row counts once: weights are left aside")
        return lines

    def to_json(self) -> dict[str, Any]:
        """Plain data: integers and text."""
        groups = {
            name: {group: list(astuple(each)) for group, each in mine.items()}
            for name, mine in self.groups.items()
        }
        return {
            "schema": dict(self.schema),
            "of": self.of,
            "everybody": list(astuple(self.everybody)),
            "groups": groups,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        groups = {
            name: {group: Likes(*each) for group, each in mine.items()}
            for name, mine in data["groups"].items()
        }
        return cls(data["schema"], data["of"], Likes(*data["everybody"]), groups)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= MOST_LISTED else f"{len(names)} inputs"
