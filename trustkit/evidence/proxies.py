"""Proxies: how the inputs, and the output, rank the rows of a group among all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np

from trustkit.evidence.blocks import Block, dense
from trustkit.evidence.cells import ordered
from trustkit.evidence.score_bins import SCORE_BINS
from trustkit.evidence.sharing import joined_bins
from trustkit.evidence.tables import Scores

TOGETHER, OUTPUT = 0, 1
"""Places of the joint model and of the system's output among the sources; the inputs follow."""

Group: TypeAlias = tuple[str, str]
"""A sensitive attribute and one of its labels."""


@dataclass(frozen=True)
class Proxies:
    """Histograms of ranks: of each group's rows, and of the others, by what told them.

    Half of the drawn rows is learned from and the other half ranked by how
    likely a row is of the group, then the halves change places. A rank is the
    share of a half's rows that lie below, so that ranks of different halves,
    and of different shards, compare.

    Attributes
    ----------
    schema : mapping
        What was declared: ``attributes``, ``bins`` (the labels of binned
        attributes), ``inputs``, ``output`` (``score``, ``decision``,
        ``prediction`` or None),
        ``seed`` of the draw, ``most`` rows drawn and the ``fewest`` of a group,
        whether one row a ``unit`` was drawn and whether rows have a ``weight``,
        which is left aside.
    of, drawn : int
        Rows that there are, and rows drawn.
    groups : tuple of (str, str)
        Attribute and label of each group.
    pooled : mapping of str to int
        Groups of an attribute that were too many, pooled into ``(other)``.
    block : Block
        Axes: group, source (`TOGETHER`, `OUTPUT`, then ``inputs``), 1 for
        rows of the group and 0 for the others, bin of the rank.
    """

    schema: Mapping[str, Any]
    of: int
    drawn: int
    groups: tuple[Group, ...]
    pooled: Mapping[str, int]
    block: Block

    kind: ClassVar[str] = "proxies"

    @classmethod
    def made(
        cls,
        schema: Mapping[str, Any],
        of: int,
        drawn: int,
        groups: Sequence[Group],
        pooled: Mapping[str, int],
        block: Block,
    ) -> Self:
        """Return the evidence with its groups in canonical order."""
        names = _ordered(schema, {*groups})
        codes = np.array([names.index(group) for group in groups], dtype=np.int64)
        return cls(schema, of, drawn, names, dict(pooled), block.recoded(0, codes).summed())

    @property
    def sources(self) -> int:
        """Number of the joint model, the output and the inputs."""
        return 2 + len(self.schema["inputs"])

    def scores(self, group: int) -> Scores:
        """Histograms of the ranks of a group's rows (second) and of the others', one entry a source."""
        start, end = np.searchsorted(self.block.codes[:, 0], [group, group + 1])
        _, *places = self.block.codes[start:end].T
        n = dense(self.block.sums["n"][start:end], tuple(places), (self.sources, 2, SCORE_BINS))
        nothing = np.zeros(n.shape)
        return Scores([{}] * self.sources, n, n.astype(np.float64), nothing, nothing)

    def __add__(self, other: Proxies) -> Proxies:
        if self.schema != other.schema:
            raise ValueError("proxies of different schemas do not add")
        names = _ordered(self.schema, {*self.groups, *other.groups})
        blocks = [
            part.block.recoded(0, np.array([names.index(group) for group in part.groups], dtype=np.int64))
            for part in (self, other)
        ]
        pooled = {
            name: max(self.pooled.get(name, 0), other.pooled.get(name, 0))
            for name in self.schema["attributes"]
            if name in {*self.pooled, *other.pooled}
        }
        return replace(
            self,
            of=self.of + other.of,
            drawn=self.drawn + other.drawn,
            groups=names,
            pooled=pooled,
            block=blocks[0] + blocks[1],
        )

    def without_small_cells(self, min_cell: int) -> Self:
        """Return the evidence without small groups and rests, neighboring bins joined until none is small."""
        sizes = [self.scores(i).n[TOGETHER].sum(axis=1).min() for i in range(len(self.groups))]
        kept = np.flatnonzero(np.array(sizes) >= min_cell)
        place = np.zeros(len(self.groups), dtype=np.int64)
        place[kept] = np.arange(len(kept))
        block = self.block.where(np.isin(self.block.codes[:, 0], kept)).recoded(0, place)
        names = tuple(self.groups[i] for i in kept)
        return replace(self, groups=names, block=joined_bins(block, min_cell))

    def notes(self) -> list[str]:
        """Say which rows were drawn, and what was pooled or left aside."""
        schema = self.schema
        drawn = f"{self.drawn:,} of {self.of:,} rows, drawn with seed {schema['seed']}"
        drawn += (
            f"{', one a person' if schema['unit'] else ''}, and up to {schema['fewest']:,} of a small group"
        )
        said = "all rows" if self.drawn == self.of else drawn
        notes = [f"{said}: half was learned from and the other half told, in turn"]
        read = {*self.block.codes[:, 1].tolist()}
        unread = [name for i, name in enumerate(schema["inputs"], OUTPUT + 1) if i not in read]
        unread = [name for name in unread if name not in schema["attributes"]]
        if unread:
            notes.append(f"not read, neither numbers nor labels: {', '.join(unread)}")
        if self.schema["weight"]:
            notes.append("each row counts once: weights are left aside")
        notes += [
            f"{name}: the {count} smallest groups are pooled into (other)"
            for name, count in self.pooled.items()
        ]
        return notes

    def to_json(self) -> dict[str, Any]:
        """Plain data, exact: integers and text."""
        return {
            "schema": dict(self.schema),
            "of": self.of,
            "drawn": self.drawn,
            "groups": [list(group) for group in self.groups],
            "pooled": dict(self.pooled),
            "block": self.block.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        groups = tuple((attribute, label) for attribute, label in data["groups"])
        block = Block.from_json(data["block"], 4)
        return cls(data["schema"], data["of"], data["drawn"], groups, data["pooled"], block)


def _ordered(schema: Mapping[str, Any], groups: set[Group]) -> tuple[Group, ...]:
    """Groups attribute by attribute as declared, labels in their canonical order."""
    return tuple(
        (name, label)
        for name in schema["attributes"]
        for label in ordered({each for of, each in groups if of == name}, schema["bins"].get(name, ()))
    )
