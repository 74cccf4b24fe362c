"""Memberships: how attacks rank rows that a model was trained on among rows that it was not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np

from trustkit.evidence.blocks import Block, dense
from trustkit.evidence.cells import ordered
from trustkit.evidence.score_bins import SCORE_BINS
from trustkit.evidence.sharing import holds_small, joined_bins
from trustkit.evidence.tables import Scores

LOSS, RATIO, LIKELIHOOD, BLIND, CONTROL = range(5)
"""What ranked the rows: three attacks, the data without the model, and an attack on a model that saw none."""

SOURCES = 5

FEWEST = 30
"""Members, and others, from which an AUC is measured."""

Group: TypeAlias = tuple[str, str]
"""A sensitive attribute and one of its labels."""


@dataclass(frozen=True)
class Memberships:
    """Histograms of ranks, of members and of others, by what ranked them; and what a model keeps of rows.

    A rank is the share of the drawn rows that an attack holds less likely to
    be members, so that it lies in [0, 1].

    Attributes
    ----------
    schema : mapping
        What was declared or is a fact of the model: ``attributes``, ``bins``
        (labels of binned attributes), ``seed`` of the draw, ``most`` rows of
        each kind, ``references`` (clones that were fitted), ``limited`` (why
        there are none), ``lacking`` (why no rows were ranked, and what to
        supply; or None), ``common`` (whether rows with a rare word were left
        out, which confuse a clone), ``score`` (whether the model tells chances, or
        numbers), ``unit`` and ``structure`` (of `models.structure`).
    of : tuple of int
        Rows of train and of audit.
    alone : tuple of int
        Of them, rows that occur once in both together.
    groups : tuple of (str, str)
        Attribute and label of each group.
    block : Block
        Axes: group (0 is everybody, then ``groups``), what ranked the rows,
        1 for members and 0 for others, bin of the rank. Groups are ranked by
        `best` alone.
    """

    schema: Mapping[str, Any]
    of: tuple[int, int]
    alone: tuple[int, int]
    groups: tuple[Group, ...]
    block: Block

    kind: ClassVar[str] = "memberships"

    @classmethod
    def made(
        cls,
        schema: Mapping[str, Any],
        of: tuple[int, int],
        alone: tuple[int, int],
        groups: Sequence[Group],
        block: Block,
    ) -> Self:
        """Return the evidence with its groups in canonical order."""
        names = _ordered(schema, {*groups})
        codes = np.array([0, *(names.index(group) + 1 for group in groups)], dtype=np.int64)
        return cls(schema, of, alone, names, block.recoded(0, codes).summed())

    @property
    def best(self) -> int:
        """The attack that groups are ranked by: with references where there are any."""
        return RATIO if self.schema["references"] else LOSS

    def ranks(self, source: int) -> Scores:
        """Histograms of others (first) and members by rank, one entry for everybody and each group."""
        mine = self.block.where(self.block.codes[:, 1] == source)
        group, _, member, place = mine.codes.T
        n = dense(mine.sums["n"], (group, member, place), (len(self.groups) + 1, 2, SCORE_BINS))
        subjects = [{}, *({attribute: label} for attribute, label in self.groups)]
        nothing = np.zeros(n.shape)
        return Scores(subjects, n, n.astype(np.float64), nothing, nothing)

    def __add__(self, other: Memberships) -> Memberships:
        if self.schema != other.schema:
            raise ValueError("memberships of different schemas do not add")
        names = _ordered(self.schema, {*self.groups, *other.groups})
        blocks = [
            part.block.recoded(0, np.array([0, *(names.index(group) + 1 for group in part.groups)]))
            for part in (self, other)
        ]
        return replace(
            self,
            of=_added(self.of, other.of),
            alone=_added(self.alone, other.alone),
            groups=names,
            block=blocks[0] + blocks[1],
        )

    def without_small_cells(self, min_cell: int) -> Self:
        """Return the evidence without small groups, neighboring bins joined until none is small.

        Few rows that occur more than once count as none.
        """
        rows = self.ranks(self.best).n.sum(axis=2).min(axis=1)
        kept = np.flatnonzero(rows >= min_cell)
        place = np.zeros(len(self.groups) + 1, dtype=np.int64)
        place[kept] = np.arange(len(kept)) + (0 not in kept)
        block = self.block.where(np.isin(self.block.codes[:, 0], kept)).recoded(0, place)
        names = tuple(self.groups[i - 1] for i in kept if i > 0)
        train, audit = (
            of if holds_small([alone, of - alone], min_cell) else alone
            for of, alone in zip(self.of, self.alone, strict=True)
        )
        return replace(self, alone=(train, audit), groups=names, block=joined_bins(block, min_cell))

    def notes(self) -> list[str]:
        """Say which rows were drawn, and what the model was compared with."""
        schema = self.schema
        if schema["lacking"] is not None:
            return [f"no row was ranked: {schema['lacking'][0]}"]
        others, members = self.ranks(LOSS).n[0].sum(axis=1).tolist()
        common = (
            ", but for rows with a word that few have, which confuse a clone," if schema["common"] else ""
        )
        left = (
            f"{members:,} rows of train and {others:,} of audit, drawn with seed {schema['seed']}"
            f"{', one a person,' if schema['unit'] else ''} from the {self.alone[0]:,} and {self.alone[1]:,} "
            f"that occur once in both together{common} (of {self.of[0]:,} and {self.of[1]:,})"
        )
        if schema["limited"] is not None:
            return [left, f"no reference models: {schema['limited']}"]
        many = schema["references"]
        return [left, f"{many} clones of the model, each fitted on a random half of them, as reference"]

    def to_json(self) -> dict[str, Any]:
        """Plain data, exact: integers and text."""
        return {
            "schema": dict(self.schema),
            "of": list(self.of),
            "alone": list(self.alone),
            "groups": [list(group) for group in self.groups],
            "block": self.block.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        groups = tuple((attribute, label) for attribute, label in data["groups"])
        of, alone = ((first, second) for first, second in (data["of"], data["alone"]))
        return cls(data["schema"], of, alone, groups, Block.from_json(data["block"], 4))


def _added(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] + other[0], one[1] + other[1]


def _ordered(schema: Mapping[str, Any], groups: set[Group]) -> tuple[Group, ...]:
    """Groups attribute by attribute as declared, labels in their canonical order."""
    return tuple(
        (name, label)
        for name in schema["attributes"]
        for label in ordered({each for of, each in groups if of == name}, schema["bins"].get(name, ()))
    )
