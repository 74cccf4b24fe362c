"""Residuals: exact sums over the rows of a regression by group, and its predictions in bins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trustkit.evidence.blocks import SCORE_ONE, WEIGHT_ONE, Block, Coded, Ints, dense, fixed_point
from trustkit.evidence.cells import BUCKETS, Axis, Cells, Grouping
from trustkit.evidence.sharing import without_small_cells
from trustkit.evidence.tables import MISSING, OTHER, Table

Floats: TypeAlias = NDArray[np.float64]
View: TypeAlias = tuple[str, ...]

TERMS = (
    "judged", "error", "absolute", "error2", "error4", "truth", "truth2", "gain2", "gain_truth",
    "predicted", "prediction", "prediction2",
)  # fmt: skip
"""What is summed. Of the rows with a truth and a prediction: 1; the error, truth less prediction; its size,
square and fourth power; the truth and its square; of the truth squared less the error squared, which is what
the prediction gains over 0, the square and the product with the truth. Of the rows with a prediction: 1, the
prediction and its square."""

KNOWN = "known"

EQUAL_BINS = 1024
"""Equal bins of the predictions from end to end of a declared range."""

OCTAVE_BINS = 256
"""Equal bins of the predictions between two powers of 2, on both sides of 0, where no range is declared."""

_LEAST_EXPONENT = -1074
_LOW_BITS = 27


@dataclass(frozen=True)
class Residuals:
    """Sums over the rows of a regression, by group.

    Two made under one schema add, and no order of rows, shards or days can
    change the sum by a bit: a number is taken apart into a binary exponent and
    an integer of 53 bits, and integers of one exponent are added.

    Where the ends of the target are declared, truths and predictions are
    clipped to them, and measured from the middle in units of the width: they
    lie in [-1/2, 1/2], errors in [-1, 1].

    Attributes
    ----------
    cells : Cells
        Rows by group, with or without a truth, with or without a prediction.
        Its schema also has ``target``, the name of the column, and ``ends``,
        the least and the greatest value declared for it, or None.
    sums : mapping of str to Block
        By what a row counts: ``rows``, where that is 1, else ``weight`` and
        ``weight2``, its square. Axes: the attributes, the place in `TERMS`,
        1 for negative values, exponent. Sums: ``high`` and ``low``, the bits
        of the integers above and below 2^27.
    bins : Block or None
        Predictions. Axes: the attributes, bin. Sums: as in `Cells`.
    units : Block or None
        Where rows have a unit and the target ends. Axes: the attributes,
        bucket of the unit. Sums of `_BUCKET_TERMS`, in units of 2^-30.
    clipped : mapping of str to int
        Rows whose ``truth`` or ``prediction`` lies beyond the ends.
    parts : mapping of tuple to Residuals, or None
        Set on evidence made to be shared, in place of the sums: residuals of
        each view alone, with small groups pooled.
    """

    cells: Cells
    sums: Mapping[str, Block]
    bins: Block | None
    units: Block | None = None
    clipped: Mapping[str, int] = field(default_factory=dict)
    parts: Mapping[View, Residuals] | None = None

    kind: ClassVar[str] = "residuals"

    @classmethod
    def count(
        cls,
        schema: Mapping[str, Any],
        axes: Mapping[str, Axis],
        *,
        truth: Floats,
        prediction: Floats,
        weight: Floats | None = None,
        bucket: Ints | None = None,
    ) -> Residuals:
        """Sum rows.

        Parameters
        ----------
        schema : mapping
            That of `Cells`, with ``target`` and ``ends``.
        axes : mapping of str to (labels, codes)
            Every attribute; codes of shape ``(rows,)``.
        truth, prediction : array, shape (rows,)
            NaN where missing.
        weight : array, shape (rows,), optional
            Weights, finite and not negative.
        bucket : array of int, shape (rows,), optional
            Bucket of each row's unit, from 0 to 255.

        Raises
        ------
        OverflowError
            When the sum of the weights does not fit 63 bits at their scale.
        """
        ends, given = schema["ends"], {"truth": truth, "prediction": prediction}
        faults = {} if ends else dict(_too_large(given))
        scaled = {role: _scaled(values, ends) for role, values in given.items()}
        known = {role: _known(values) for role, values in scaled.items()}
        terms = _terms(scaled["truth"], scaled["prediction"], bounded=ends is not None)
        groups: list[Coded] = [(codes, len(labels)) for labels, codes in axes.values()]
        made = cls(
            Cells.count(schema, {**axes, **known}, weight=weight, bucket=bucket, faults=faults),
            {mass: _summed(groups, terms, each) for mass, each in _masses(weight).items()},
            _binned(groups, scaled["prediction"], weight, equal=ends is not None),
            None if bucket is None or ends is None else _bucketed(groups, bucket, terms, weight),
            {} if ends is None else {role: _beyond(values, ends) for role, values in given.items()},
        )
        return made._recoded({name: labels for name, (labels, _) in axes.items()}, made.cells)

    @property
    def schema(self) -> Mapping[str, Any]:
        """What was declared before the data was seen."""
        return self.cells.schema

    @property
    def ends(self) -> tuple[float, float] | None:
        """Least and greatest value of the target, where they are declared."""
        ends = self.schema["ends"]
        return None if ends is None else (ends[0], ends[1])

    def __add__(self, other: Residuals) -> Residuals:
        if self.schema != other.schema:
            raise ValueError("residuals of different schemas do not add")
        cells = self.cells + other.cells
        mine, theirs = (each._recoded(each.cells.labels, cells) for each in (self, other))
        return Residuals(
            cells,
            {mass: block + theirs.sums[mass] for mass, block in mine.sums.items()},
            mine.bins and theirs.bins and mine.bins + theirs.bins,
            mine.units and theirs.units and mine.units + theirs.units,
            {role: rows + other.clipped[role] for role, rows in self.clipped.items()},
        )

    def moments(self, view: View = ()) -> Moments:
        """Return the sums of the groups that the attributes of a view make together."""
        if self.parts is not None:
            return self.parts[view].moments(view)
        grouping, table = self.cells.grouping(view), self.cells.table(view)
        mass, squared = ("weight", "weight2") if "weight" in self.sums else ("rows", "rows")
        sums = {name: _totals(self.sums[name], grouping) for name in {mass, squared}}
        buckets = None if self.units is None else _by_bucket(self.units, grouping, table)
        return Moments(table, self.ends, sums[mass], sums[squared], buckets)

    def histograms(self, view: View = ()) -> Histograms | None:
        """Return the predictions of the groups of a view in bins; None where evidence is shared without."""
        if self.parts is not None:
            return self.parts[view].histograms(view)
        if self.bins is None:
            return None
        grouping = self.cells.grouping(view)
        codes, place = np.unique(self.bins.codes[:, -1], return_inverse=True)
        where, shape = (grouping.of(self.bins), place.ravel()), (len(grouping.groups), len(codes))
        n = dense(self.bins.sums["n"], where, shape)
        mass = dense(self.bins.sums["w"], where, shape) / WEIGHT_ONE if "w" in self.bins.sums else n
        low, high = _equal_edges(codes, self.ends) if self.ends else _octave_edges(codes)
        return Histograms(grouping.groups, low, high, n, np.asarray(mass, dtype=np.float64))

    def without_small_cells(self, min_cell: int) -> Residuals:
        """Return residuals to share: views alone, small groups pooled, sums rounded, no histograms.

        Raises
        ------
        ValueError
            For rows with a unit: sums by bucket of persons are of few rows by nature.
        """
        cells = without_small_cells(self.cells, min_cell)
        parts = {view: self._pooled(view, part) for view, part in (cells.parts or {}).items()}
        clipped = {role: rows for role, rows in self.clipped.items() if not 0 < rows < min_cell}
        return Residuals(cells, {}, None, None, clipped, parts)

    def notes(self) -> list[str]:
        """Say what is missing, pooled and clipped, in words for the card."""
        notes = self.cells.notes()
        for role, rows in self.clipped.items():
            if rows and self.ends:
                notes.append(
                    f"{rows} rows whose {role} lies beyond {list(self.ends)} count as lying at its end"
                )
        return notes

    def to_json(self) -> dict[str, Any]:
        """Plain data, exact: integers and text."""
        return {
            "cells": self.cells.to_json(),
            "sums": {mass: block.to_json() for mass, block in self.sums.items()},
            "bins": self.bins and self.bins.to_json(),
            "units": self.units and self.units.to_json(),
            "clipped": dict(self.clipped),
            "parts": self.parts and [[list(view), part.to_json()] for view, part in self.parts.items()],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        cells = Cells.from_json(data["cells"])
        axes = len(cells.attributes)
        return cls(
            cells,
            {mass: Block.from_json(block, axes + 3) for mass, block in data["sums"].items()},
            data["bins"] and Block.from_json(data["bins"], axes + 1),
            data["units"] and Block.from_json(data["units"], axes + 1),
            data["clipped"],
            data["parts"] and {tuple(view): cls.from_json(part) for view, part in data["parts"]},
        )

    def _recoded(self, labels: Mapping[str, Sequence[str]], cells: Cells) -> Residuals:
        """Return the sums, coded by these labels, with the cells and in their codes."""
        attributes = cells.attributes
        if all(tuple(labels[name]) == cells.labels[name] for name in attributes):
            return replace(self, cells=cells)

        def moved(block: Block) -> Block:
            for axis, name in enumerate(attributes):
                place = {label: code for code, label in enumerate(cells.labels[name])}
                block = block.recoded(
                    axis, np.array([place[label] for label in labels[name]], dtype=np.int64)
                )
            return block.summed()

        return replace(
            self,
            cells=cells,
            sums={mass: moved(block) for mass, block in self.sums.items()},
            bins=self.bins and moved(self.bins),
            units=self.units and moved(self.units),
        )

    def _pooled(self, view: View, cells: Cells) -> Residuals:
        """Sums of a view alone, in the groups that the pooled cells kept."""
        axes = [self.cells.attributes.index(name) for name in view]
        kept = {tuple(codes) for codes in cells.block.codes[:, : len(view)].tolist()}
        other = tuple(cells.labels[name].index(OTHER) for name in view)

        def pooled(block: Block) -> Block:
            groups = [tuple(codes) for codes in block.codes[:, axes].tolist()]
            codes = np.array([group if group in kept else other for group in groups], dtype=np.int64)
            codes = np.column_stack([codes.reshape(len(groups), len(view)), block.codes[:, -3]])
            there = np.array([group in kept or other in kept for group in groups], dtype=bool)
            codes, place = np.unique(codes[there], axis=0, return_inverse=True)
            total = np.zeros(len(codes))
            np.add.at(total, place.ravel(), _values(block)[there])
            negative, exponent, sums = _apart(total)
            return Block(np.column_stack([codes, negative, exponent]), sums)

        return Residuals(cells, {mass: pooled(block) for mass, block in self.sums.items()}, None)


@dataclass(frozen=True)
class Moments:
    """Sums of some groups, as measures read them.

    Attributes
    ----------
    table : Table
        Rows of the groups, with or without a truth, with or without a prediction.
    ends : (float, float) or None
        As in `Residuals`.
    mass : mapping of str to array, shape (groups,)
        Sums of `TERMS` over the rows, each times its weight where it has one.
    mass_squared : mapping of str to array, shape (groups,)
        The same with the square of the weight.
    buckets : mapping of str to array, shape (256, groups), or None
        Those sums that are linear, by bucket of the unit.
    """

    table: Table
    ends: tuple[float, float] | None
    mass: Mapping[str, Floats]
    mass_squared: Mapping[str, Floats]
    buckets: Mapping[str, Floats] | None

    @property
    def width(self) -> float:
        """How far the ends are apart: the unit of all sums; 1 where none are declared."""
        return 1.0 if self.ends is None else self.ends[1] - self.ends[0]

    @property
    def middle(self) -> float:
        """Halfway between the ends: what all sums are measured from; 0 where none are declared."""
        return 0.0 if self.ends is None else self.ends[0] + self.width / 2

    def rest(self) -> Moments:
        """Return, in place of each group, all the others together."""

        def others(sums: Mapping[str, Floats]) -> dict[str, Floats]:
            return {name: each.sum(axis=-1, keepdims=True) - each for name, each in sums.items()}

        buckets = None if self.buckets is None else others(self.buckets)
        return Moments(self.table.rest(), self.ends, others(self.mass), others(self.mass_squared), buckets)


@dataclass(frozen=True)
class Histograms:
    """Predictions of some groups in bins that all of them share.

    Attributes
    ----------
    groups : list of dict
        As in `Table`.
    low, high : array, shape (bins,)
        Ends of the bins that any prediction falls in, in their order.
    n : array of int, shape (groups, bins)
        Rows.
    mass : array of the same shape
        Rows, or their weights.
    """

    groups: list[dict[str, str]]
    low: Floats
    high: Floats
    n: Ints
    mass: Floats

    def rest(self) -> Histograms:
        """Return, in place of each group, all the others together."""
        n, mass = (each.sum(axis=0, keepdims=True) - each for each in (self.n, self.mass))
        return replace(self, n=n, mass=mass)

    def take(self, index: Sequence[int]) -> Histograms:
        """Return the groups at `index`, which may occur more than once."""
        return replace(self, groups=[self.groups[i] for i in index], n=self.n[index], mass=self.mass[index])


_LARGEST = 1e130
"""Beyond it the square of a number, times that of a weight, need not be finite."""

_BUCKET_TERMS = ("over", "under", "error2", "truth", "truth2", "prediction")


def _too_large(given: Mapping[str, Floats]) -> Iterator[tuple[str, str]]:
    """Roles with values that cannot be summed, and the fault."""
    for role, values in given.items():
        wrong = int((np.abs(values) > _LARGEST).sum())
        if wrong:
            yield role, f"{wrong} of {len(values)} values are infinite, or greater than {_LARGEST:g}"


def _beyond(values: Floats, ends: Sequence[float]) -> int:
    return int(((values < ends[0]) | (values > ends[1])).sum())


def _scaled(values: Floats, ends: Sequence[float] | None) -> Floats:
    """Values as they are summed; NaN where there is none."""
    if ends is None:
        return np.where(np.abs(values) <= _LARGEST, values, np.nan)
    low, high = ends
    width = high - low
    return np.clip((np.clip(values, low, high) - (low + width / 2)) / width, -0.5, 0.5)


def _known(values: Floats) -> Axis:
    there = ~np.isnan(values)
    occurring = np.unique(there)
    return [KNOWN if each else MISSING for each in occurring], np.searchsorted(occurring, there)


def _masses(weight: Floats | None) -> dict[str, Floats | None]:
    return {"rows": None} if weight is None else {"weight": weight, "weight2": weight**2}


def _terms(truth: Floats, prediction: Floats, *, bounded: bool) -> dict[str, Floats]:
    """What each row adds to `TERMS`; those that only limits need are left out where there are no ends."""
    predicted = ~np.isnan(prediction)
    judged = predicted & ~np.isnan(truth)
    error = np.where(judged, truth - prediction, 0.0)
    truth, prediction = np.where(judged, truth, 0.0), np.where(predicted, prediction, 0.0)
    terms = {
        "judged": judged.astype(np.float64),
        "error": error,
        "absolute": np.abs(error),
        "error2": error**2,
        "truth": truth,
        "truth2": truth**2,
        "predicted": predicted.astype(np.float64),
        "prediction": prediction,
        "prediction2": prediction**2,
    }
    if bounded:
        gain = terms["truth2"] - terms["error2"]
        terms |= {"error4": terms["error2"] ** 2, "gain2": gain**2, "gain_truth": gain * truth}
    return terms


def _summed(groups: Sequence[Coded], terms: Mapping[str, Floats], weight: Floats | None) -> Block:
    """Exact sums of each term by group, sign and exponent."""
    blocks = []
    for name, values in terms.items():
        negative, exponent, sums = _apart(values if weight is None else weight * values)
        least = int(exponent.min(initial=0))
        span = int(exponent.max(initial=0)) - least + 1
        axes = [*groups, (negative, 2), (exponent - least, span)]
        block = Block.count(axes, {"n": None, **sums}).shifted(-1, by=least)
        codes = np.insert(block.codes, -2, TERMS.index(name), axis=1)
        blocks.append(Block(codes, {part: block.sums[part] for part in sums}))
    first, *others = blocks
    for block in others:
        first = first + block
    return first.where((first.sums["high"] > 0) | (first.sums["low"] > 0))


def _apart(values: Floats) -> tuple[Ints, Ints, dict[str, Ints]]:
    """Sign and binary exponent of each number, and the integer of 53 bits in two."""
    mantissa, exponent = np.frexp(np.abs(values))
    whole = np.ldexp(mantissa, 53).astype(np.int64)
    sums = {"high": whole >> _LOW_BITS, "low": whole & (2**_LOW_BITS - 1)}
    return (values < 0).astype(np.int64), exponent.astype(np.int64), sums


def _values(block: Block) -> Floats:
    """The number that each cell of exact sums stands for."""
    negative, exponent = block.codes[:, -2], block.codes[:, -1]
    whole = block.sums["high"] * 2.0**_LOW_BITS + block.sums["low"]
    return np.where(negative == 1, -1.0, 1.0) * np.ldexp(whole, exponent - 53)


def _totals(block: Block, grouping: Grouping) -> dict[str, Floats]:
    """Sums of each term by group."""
    total = np.zeros((len(TERMS), len(grouping.groups)))
    np.add.at(total, (block.codes[:, -3], grouping.of(block)), _values(block))
    return dict(zip(TERMS, total, strict=True))


def _bucketed(
    groups: Sequence[Coded], bucket: Ints, terms: Mapping[str, Floats], weight: Floats | None
) -> Block:
    """Sums by bucket of the unit, of numbers from 0 to 1: half is added to truth and prediction."""
    parts = {
        "over": np.maximum(terms["error"], 0.0),
        "under": np.maximum(-terms["error"], 0.0),
        "error2": terms["error2"],
        "truth": terms["truth"] + terms["judged"] / 2,
        "truth2": terms["truth2"],
        "prediction": terms["prediction"] + terms["predicted"] / 2,
    }
    fixed = {
        name: fixed_point(parts[name] * (1 if weight is None else weight), SCORE_ONE)
        for name in _BUCKET_TERMS
    }
    block = Block.count([*groups, (bucket, BUCKETS)], {"n": None, **fixed})
    return Block(block.codes, {name: block.sums[name] for name in _BUCKET_TERMS})


def _by_bucket(units: Block, grouping: Grouping, table: Table) -> dict[str, Floats]:
    """Sums of the linear terms by bucket and group."""
    where, shape = (units.codes[:, -1], grouping.of(units)), (BUCKETS, len(grouping.groups))
    part = {name: dense(units.sums[name], where, shape) / SCORE_ONE for name in _BUCKET_TERMS}
    if table.buckets is None:
        raise ValueError("the cells hold no buckets of the unit")
    judged = table.buckets[..., table.truth_known & table.decided].sum(axis=-1)
    predicted = table.buckets[..., table.decided].sum(axis=-1)
    return {
        "judged": judged,
        "error": part["over"] - part["under"],
        "absolute": part["over"] + part["under"],
        "error2": part["error2"],
        "truth": part["truth"] - judged / 2,
        "truth2": part["truth2"],
        "predicted": predicted,
        "prediction": part["prediction"] - predicted / 2,
    }


def _binned(groups: Sequence[Coded], prediction: Floats, weight: Floats | None, *, equal: bool) -> Block:
    """Rows, and weights, by group and bin of the prediction."""
    rows = np.flatnonzero(~np.isnan(prediction))
    codes = (_equal_bins if equal else _octave_bins)(prediction[rows])
    there: list[Coded] = [(each if each is None else each[rows], size) for each, size in groups]
    least = int(codes.min()) if len(codes) else 0
    span = int(codes.max()) - least + 1 if len(codes) else 1
    parts: dict[str, Ints | None] = {"n": None}
    if weight is not None:
        parts["w"] = fixed_point(weight[rows], WEIGHT_ONE)
    return Block.count([*there, (codes - least, span)], parts).shifted(-1, by=least)


def _equal_bins(values: Floats) -> Ints:
    """Bin of each number from -1/2 to 1/2, cut by floor."""
    return np.minimum(np.floor((values + 0.5) * EQUAL_BINS), EQUAL_BINS - 1).astype(np.int64)


def _equal_edges(codes: Ints, ends: tuple[float, float]) -> tuple[Floats, Floats]:
    """Ends of bins, in the target's unit."""
    edges: Floats = np.linspace(*ends, EQUAL_BINS + 1)
    return edges[codes], edges[codes + 1]


def _octave_bins(values: Floats) -> Ints:
    """Bin of each number, 0 for 0, that of -x the negative of that of x; cut by floor of the mantissa."""
    mantissa, exponent = np.frexp(np.abs(values))
    step = np.floor((2 * mantissa - 1) * OCTAVE_BINS)
    code = (exponent - _LEAST_EXPONENT) * OCTAVE_BINS + step + 1
    return np.where(values == 0, 0.0, np.copysign(code, values)).astype(np.int64)


def _octave_edges(codes: Ints) -> tuple[Floats, Floats]:
    """Ends of bins between two powers of 2."""
    exponent, step = np.divmod(np.abs(codes) - 1, OCTAVE_BINS)
    near, far = (np.where(codes == 0, 0.0, _power(part, exponent)) for part in (step, step + 1))
    low: Floats = np.where(codes < 0, -far, near)
    high: Floats = np.where(codes < 0, -near, far)
    return low, high


def _power(step: Ints, exponent: Ints) -> Floats:
    """Lower end of a bin of an octave."""
    end: Floats = np.ldexp((1 + step / OCTAVE_BINS) / 2, exponent + _LEAST_EXPONENT)
    return end
