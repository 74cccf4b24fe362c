"""Cells: integer counts over groups, truth, prediction and score, that add exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trustkit.evidence.blocks import (
    SCORE_ONE,
    SQUARE_ONE,
    WEIGHT_ONE,
    Block,
    Ints,
    dense,
    fixed_point,
)
from trustkit.evidence.score_bins import SCORE_BINS, score_bins
from trustkit.evidence.tables import MISSING, OTHER, Scores, Table

BUCKETS = 256
MAX_GROUPS = 1000

Axis: TypeAlias = tuple[Sequence[str], NDArray[Any] | None]
"""Labels, and the code of each row among them; None where all are the first."""


@dataclass(frozen=True)
class Cells:
    """Counts of rows over (groups x truth x prediction x score bin).

    Two cells made under the same `schema` add; no order of rows, shards or
    days can change the sum.

    Attributes
    ----------
    schema : mapping
        What was declared before the data was seen: ``attributes``, ``bins``
        (the labels of binned attributes, in order), ``strata`` (columns within
        whose groups others may be compared), ``positive``, ``favorable``, the
        ``task``, and whether there are ``truth``, ``prediction``, ``score``,
        ``weight`` and ``unit``.
    labels : mapping of str to tuple of str
        Labels of each attribute, of each stratum that is none, of ``truth``
        and of ``prediction``.
    block : Block
        Axes: those of `labels`, score bin (-1: no score).
    unit_block : Block or None
        Axes: those of `labels`, 0 or -1 (no score), bucket of the unit.
    faults : mapping of str to str
        What was wrong with the values of a role as they were counted.
    parts : mapping of tuple to Cells, or None
        Set on evidence made to be shared, in place of the blocks: cells of
        each view alone, with small ones pooled.
    """

    schema: Mapping[str, Any]
    labels: Mapping[str, tuple[str, ...]]
    block: Block
    unit_block: Block | None = None
    faults: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[tuple[str, ...], Cells] | None = None

    kind: ClassVar[str] = "cells"

    @classmethod
    def count(
        cls,
        schema: Mapping[str, Any],
        axes: Mapping[str, Axis],
        *,
        score: NDArray[np.float64] | None = None,
        weight: NDArray[np.float64] | None = None,
        bucket: Ints | None = None,
        faults: Mapping[str, str] | None = None,
    ) -> Self:
        """Count rows.

        Parameters
        ----------
        schema : mapping
            As the attribute of that name.
        axes : mapping of str to (labels, codes)
            Every attribute and stratum, then ``truth`` and ``prediction``; codes of shape ``(rows,)``.
        score : array, shape (rows,), optional
            Scores in [0, 1], NaN where missing.
        weight : array, shape (rows,), optional
            Weights, finite and not negative.
        bucket : array of int, shape (rows,), optional
            Bucket of each row's unit, from 0 to 255.
        faults : mapping of str to str, optional
            What is wrong with a role.

        Raises
        ------
        OverflowError
            When the sum of the weights does not fit 63 bits at their scale.
        """
        coded = [(codes, len(labels)) for labels, codes in axes.values()]
        bins = None if score is None else score_bins(score) + 1
        parts = _parts(score, weight)
        block = Block.count([*coded, (bins, SCORE_BINS + 1)], parts).shifted(-1, by=-1)
        unit_block = None
        if bucket is not None:
            scored = None if bins is None else np.minimum(bins, 1)
            unit_block = Block.count([*coded, (scored, 2), (bucket, BUCKETS)], parts).shifted(-2, by=-1)
        labels = {name: tuple(names) for name, (names, _) in axes.items()}
        return cls(schema, labels, block, unit_block, dict(faults or {}))._ordered()

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the sensitive attributes."""
        return tuple(self.schema["attributes"])

    @property
    def strata(self) -> tuple[str, ...]:
        """Names of the columns within whose groups others may be compared."""
        return tuple(self.schema.get("strata", ()))

    @property
    def _truth(self) -> int:
        """Axis of the truth, which those of the groups precede."""
        return len(self.labels) - 2

    @property
    def pairs(self) -> list[tuple[str, ...]]:
        """Every two attributes of which there are counts."""
        return [pair for pair in combinations(self.attributes, 2) if self.parts is None or pair in self.parts]

    @property
    def noise(self) -> Mapping[str, float] | None:
        """What noise was added: ``epsilon``, ``delta``, ``scale``, ``fewest`` rows of a group; or None."""
        found: Mapping[str, float] | None = self.schema.get("noise")
        return found

    @property
    def rows(self) -> int:
        """Rows counted."""
        return int(self.block.sums["n"].sum()) if self.parts is None else self.parts[()].rows

    def fault(self, role: str) -> str | None:
        """What is wrong with a role, told of all that was added: no shard alone can say it of the labels."""
        decided, truths = ({*self.labels[axis]} - {MISSING} for axis in ("prediction", "truth"))
        if role == "prediction" and self.labels["prediction"] and not decided:
            return "no row has a decision"
        if role == "prediction" and truths and not decided & truths and len(decided | truths) > 2:
            return "no label of the decisions occurs in the target: are they coded differently?"
        return self.faults.get(role)

    def __add__(self, other: Cells) -> Cells:
        if self.parts is not None or other.parts is not None:
            raise ValueError("cells made to be shared are pooled and do not add")
        if self.schema != other.schema:
            raise ValueError("cells of different schemas do not add")
        labels = {name: self._order(name, {*mine, *other.labels[name]}) for name, mine in self.labels.items()}
        mine, theirs = self._relabeled(labels), other._relabeled(labels)
        unit_block = None
        if mine.unit_block is not None and theirs.unit_block is not None:
            unit_block = mine.unit_block + theirs.unit_block
        faults = {**self.faults, **other.faults}
        return replace(mine, block=mine.block + theirs.block, unit_block=unit_block, faults=faults)

    @cached_property
    def _unbinned(self) -> Block:
        """The counts with the bins of the score as one: all that tables need, in far fewer cells."""
        codes = self.block.codes.copy()
        codes[:, -1] = np.minimum(codes[:, -1], 0)
        return Block(codes, self.block.sums).summed()

    def _order(self, name: str, labels: set[str]) -> tuple[str, ...]:
        return ordered(labels, self.schema["bins"].get(name, ()))

    def _ordered(self) -> Self:
        """Cells with every axis in its canonical order, so that equal counts are equal cells."""
        labels = {name: self._order(name, set(mine)) for name, mine in self.labels.items()}
        if labels == self.labels:
            return self
        made = self._relabeled(labels)
        return replace(
            made, block=made.block.summed(), unit_block=made.unit_block and made.unit_block.summed()
        )

    def _relabeled(self, labels: Mapping[str, tuple[str, ...]]) -> Self:
        block, unit_block = self.block, self.unit_block
        for axis, (name, mine) in enumerate(self.labels.items()):
            codes = np.array([labels[name].index(label) for label in mine], dtype=np.int64)
            block = block.recoded(axis, codes)
            unit_block = unit_block and unit_block.recoded(axis, codes)
        return replace(self, labels=labels, block=block, unit_block=unit_block)

    def table(self, attributes: tuple[str, ...] = (), *, scored: bool = False) -> Table:
        """Return the counts of the groups that `attributes` make together.

        Parameters
        ----------
        attributes : tuple of str
            None for everybody as one group.
        scored : bool
            Count only rows with a score.
        """
        if self.parts is not None:
            return self.parts[attributes].table(attributes, scored=scored)
        axes, grouping = self._truth, self.grouping(attributes)
        block, unit_block = self._unbinned, self.unit_block
        if scored:
            block = block.where(block.codes[:, axes + 2] >= 0)
            unit_block = unit_block and unit_block.where(unit_block.codes[:, axes + 2] >= 0)
        shape = (len(grouping.groups), len(self.labels["truth"]), len(self.labels["prediction"]))
        mass, score = ("w", "ws") if self.schema["weight"] else ("n", "s")

        def spread(part: Block | None, name: str, unit: int, bucketed: bool = False) -> Any:
            if part is None or name not in part.sums:
                return None
            place = (grouping.of(part), *part.codes[:, axes : axes + 2].T)
            if bucketed:
                return dense(part.sums[name], (part.codes[:, -1], *place), (BUCKETS, *shape)) / unit
            return dense(part.sums[name], place, shape) / unit

        return Table(
            groups=grouping.groups,
            truths=self.labels["truth"],
            predictions=self.labels["prediction"],
            n=spread(block, "n", 1).astype(np.int64),
            weight=spread(block, "w", WEIGHT_ONE),
            weight_squared=spread(block, "w2", SQUARE_ONE),
            s=spread(block, score, SCORE_ONE),
            s2=spread(block, score + "2", SCORE_ONE),
            buckets=spread(unit_block, mass, WEIGHT_ONE if mass == "w" else 1, bucketed=True),
            bucket_s=spread(unit_block, score, SCORE_ONE, bucketed=True),
            positive=self.schema["positive"],
            favorable=tuple(self.schema["favorable"]),
            noise_scale=self.noise["scale"] if self.noise else 0.0,
            noise_terms=np.ones(shape, dtype=np.int64) if self.noise else None,
        )

    def scores(self, attributes: tuple[str, ...] = ()) -> Scores:
        """Return the score histograms, by truth, of the groups that `attributes` make together."""
        if self.parts is not None:
            return self.parts[attributes].scores(attributes)
        axes, grouping = self._truth, self.grouping(attributes)
        truths = np.array(self.labels["truth"])
        known = self.block.codes[:, axes + 2] >= 0
        block = self.block.where(known & (truths != MISSING)[self.block.codes[:, axes]])
        positive = (truths == self.schema["positive"]).astype(np.int64)
        place = (grouping.of(block), positive[block.codes[:, axes]], block.codes[:, axes + 2])
        shape = (len(grouping.groups), 2, SCORE_BINS)
        mass, unit, score = ("w", WEIGHT_ONE, "ws") if self.schema["weight"] else ("n", 1, "s")
        return Scores(
            groups=grouping.groups,
            n=dense(block.sums["n"], place, shape),
            mass=dense(block.sums[mass], place, shape) / unit,
            s=dense(block.sums[score], place, shape) / SCORE_ONE,
            s2=dense(block.sums[score + "2"], place, shape) / SCORE_ONE,
        )

    def grouping(self, attributes: tuple[str, ...]) -> Grouping:
        """Return the groups of `attributes` that occur, the smallest pooled beyond `MAX_GROUPS`."""
        if self.parts is not None:
            return self.parts[attributes].grouping(attributes)
        axes = [list(self.labels).index(name) for name in attributes]
        sizes = [len(self.labels[name]) for name in attributes]
        keys = _keys(self._unbinned, axes, sizes)
        present, place = np.unique(keys, return_inverse=True) if attributes else (np.zeros(1, np.int64), keys)
        rows = dense(self._unbinned.sums["n"], (place.ravel(),), (len(present),))
        by_size = np.argsort(-rows, kind="stable")
        kept = np.sort(by_size[: MAX_GROUPS - 1] if len(present) > MAX_GROUPS else by_size)
        code = np.full(len(present), len(kept), dtype=np.int64)
        code[kept] = np.arange(len(kept))
        places = (
            np.array(np.unravel_index(present[kept], sizes)).T if attributes else np.zeros((len(kept), 0))
        )
        groups = [
            {name: self.labels[name][at] for name, at in zip(attributes, codes, strict=True)}
            for codes in places.tolist()
        ]
        if len(kept) < len(present):
            groups.append(dict.fromkeys(attributes, OTHER))
        return Grouping(groups, len(present) - len(kept), axes, sizes, present, code)

    def notes(self) -> list[str]:
        """Say what was pooled and what is missing, in words for the card."""
        if self.noise is not None:
            return [
                f"noise was added to every count: one row changes how likely anything seen is by at most a "
                f"factor exp({self.noise['epsilon']:g}), but for a chance of {self.noise['delta']:g} "
                f"(discrete Laplace, scale {self.noise['scale']:g}; limits widened)",
                f"groups of fewer than about {self.noise['fewest']} rows, and groups of two attributes, are "
                "left out: a pass does not speak of them",
            ]
        if self.parts is not None:
            return ["made to be shared: groups with small cells are pooled into (other)"]
        notes = []
        for name in ("truth", "prediction"):
            if self.schema[name] and MISSING in self.labels[name]:
                axis, code = list(self.labels).index(name), self.labels[name].index(MISSING)
                rows = int(self.block.sums["n"][self.block.codes[:, axis] == code].sum())
                notes.append(f"{rows} rows without a {name}")
        for attributes in [*((name,) for name in self.attributes), *self.pairs]:
            pooled = self.grouping(attributes).pooled
            if pooled:
                notes.append(
                    f"{' x '.join(attributes)}: the {pooled} smallest groups are pooled into (other)"
                )
        return notes

    def to_json(self) -> dict[str, Any]:
        """Plain data, exact: integers and text."""
        parts = self.parts and [[list(view), part.to_json()] for view, part in self.parts.items()]
        return {
            "schema": dict(self.schema),
            "labels": {name: list(labels) for name, labels in self.labels.items()},
            "block": self.block.to_json(),
            "unit_block": self.unit_block and self.unit_block.to_json(),
            "faults": dict(self.faults),
            "parts": parts,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        axes = len(data["labels"]) + 1
        return cls(
            schema=data["schema"],
            labels={name: tuple(labels) for name, labels in data["labels"].items()},
            block=Block.from_json(data["block"], axes),
            unit_block=data["unit_block"] and Block.from_json(data["unit_block"], axes + 1),
            faults=data["faults"],
            parts=data["parts"] and {tuple(view): cls.from_json(part) for view, part in data["parts"]},
        )


@dataclass(frozen=True)
class Grouping:
    """Which group each cell belongs to.

    Attributes
    ----------
    groups : list of dict
        ``{attribute: label}`` of each group, ``(other)`` last where some were pooled.
    pooled : int
        How many were.
    """

    groups: list[dict[str, str]]
    pooled: int
    axes: list[int]
    sizes: list[int]
    present: Ints
    code: Ints

    def of(self, block: Block) -> Ints:
        """Group of each cell of a block."""
        found: Ints = self.code[np.searchsorted(self.present, _keys(block, self.axes, self.sizes))]
        return found


def ordered(labels: set[str], declared: Sequence[str] = ()) -> tuple[str, ...]:
    """Sort labels: as declared, else numbers before text; (other) and (missing) last."""

    def key(label: str) -> tuple[int, float, str]:
        if label in (OTHER, MISSING):
            return (4 if label == MISSING else 3, 0.0, label)
        if label in declared:
            return (0, declared.index(label), label)
        try:
            value = float(label)
        except ValueError:
            value = np.nan
        return (1, value, label) if np.isfinite(value) else (2, 0.0, label)

    return tuple(sorted(labels, key=key))


def _keys(block: Block, axes: list[int], sizes: list[int]) -> Ints:
    key = np.zeros(len(block.codes), dtype=np.int64)
    for axis, size in zip(axes, sizes, strict=True):
        key = key * size + block.codes[:, axis]
    return key


def _parts(score: NDArray[np.float64] | None, weight: NDArray[np.float64] | None) -> dict[str, Ints | None]:
    """Integers to be summed in each cell."""
    parts: dict[str, Ints | None] = {"n": None}
    known = None if score is None else np.where(np.isnan(score), 0.0, score)
    if known is not None:
        parts |= {"s": fixed_point(known, SCORE_ONE), "s2": fixed_point(known**2, SCORE_ONE)}
    if weight is not None:
        parts |= {"w": fixed_point(weight, WEIGHT_ONE), "w2": fixed_point(weight**2, SQUARE_ONE)}
    if known is not None and weight is not None:
        parts |= {"ws": fixed_point(weight * known, SCORE_ONE)}
        parts |= {"ws2": fixed_point(weight * known**2, SCORE_ONE)}
    return parts
