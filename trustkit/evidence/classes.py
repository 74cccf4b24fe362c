"""Classes: how many rows are alike in the columns by which a person could be recognized."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from trustkit.evidence.blocks import WEIGHT_ONE, Ints
from trustkit.evidence.tables import MISSING

ABSENT = 0
"""Stands for a missing value in place of the hash of a label: it is the first of a column's labels."""

MOST_FORMS = 10_000
"""Coarser forms of a column's labels are kept up to so many labels."""

MOST_VALUES = 100
"""A sensitive attribute with more values than this is a quantity without bins, or text: it is left out."""

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Column:
    """Labels of one quasi-identifier, each as a keyed hash.

    Attributes
    ----------
    labels : array of uint64, shape (labels,)
        Increasing; `ABSENT` stands for a missing value.
    coarser : mapping of str to array of uint64, shape (labels,), or None
        By a way of coarsening, as ``steps of 10`` or ``years``: the hash of
        what each label becomes. None where there are too many labels.
    """

    labels: Hashes
    coarser: Mapping[str, Hashes] | None = field(default_factory=dict)

    def joined(self, other: Column) -> Column:
        """Return the labels of both."""
        labels = np.union1d(self.labels, other.labels)
        if self.coarser is None or other.coarser is None or len(labels) > MOST_FORMS:
            return Column(labels, None)
        known = [part for part in (self, other) if (part.labels != ABSENT).any()] or [self]
        fit = set.intersection(*(set(part.coarser or ()) for part in known))  # all labels have to fit a form
        coarser = {}
        for form in sorted(fit):
            made = labels.copy()
            for part in known:
                made[np.searchsorted(labels, part.labels)] = (part.coarser or {})[form]
            coarser[form] = made
        return Column(labels, coarser)


@dataclass(frozen=True)
class Classes:
    """Rows by their labels of the quasi-identifiers and of the sensitive attributes.

    An equivalence class is the rows that are alike in every quasi-identifier.
    Labels of quasi-identifiers are hashed so that parts add and none is read
    off; the key is no secret, so whoever holds the evidence can try labels:
    treat it like the data. A file of it takes up to 15 bytes a row, as much
    only where no two rows are alike.

    Attributes
    ----------
    schema : mapping
        What was declared: ``quasi_identifiers`` (empty where they were
        suggested from the data), ``sensitive``, ``bins``, and whether there
        are ``weight`` and ``unit``.
    columns : mapping of str to Column
        The quasi-identifiers.
    values : mapping of str to tuple of str, or None
        Values of each sensitive attribute, numbers in their order; None where they are too many.
    codes : array of int, shape (cells, columns + values)
        Place of each cell's label in each column, then of its value in each
        attribute; each cell once, in increasing order.
    n : array of int, shape (cells,)
        Rows, or persons.
    w : array of int, shape (cells,), or None
        Sums of their weights in units of 2^-20.
    pooled : array of int, shape (sizes, 2), or None
        Of evidence to share, sizes of classes and how many classes have each;
        it has no cells.
    """

    schema: Mapping[str, Any]
    columns: Mapping[str, Column]
    values: Mapping[str, tuple[str, ...] | None]
    codes: NDArray[np.int32]
    n: Ints
    w: Ints | None = None
    pooled: Ints | None = None

    kind: ClassVar[str] = "classes"

    @property
    def suggested(self) -> bool:
        """Whether the quasi-identifiers were suggested from the data."""
        return not self.schema["quasi_identifiers"]

    @property
    def rows(self) -> int:
        """Rows, or persons."""
        return int(self.n.sum() if self.pooled is None else self.pooled.prod(axis=1).sum())

    def groups(self, names: Iterable[str] | None = None) -> tuple[Ints, int]:
        """Class of each cell by some quasi-identifiers, all by default, and how many classes there are."""
        return self._grouped([self._axis(name) for name in (self.columns if names is None else names)])

    def sizes(self) -> tuple[Ints, Ints]:
        """Sizes of the classes, increasing, and how many classes have each."""
        if self.pooled is not None:
            return self.pooled[:, 0], self.pooled[:, 1]
        group, classes = self.groups()
        return np.unique(totals(group, self.n, classes), return_counts=True)

    def merged(self) -> Classes:
        """Return the classes alone, without the sensitive attributes: one cell a class."""
        schema = {**self.schema, "sensitive": []}
        return replace(self, schema=schema, values={}, codes=self.codes[:, : len(self.columns)]).summed()

    def codes_of(self, name: str) -> NDArray[np.int32]:
        """Place of each cell's label of a quasi-identifier, or value of a sensitive attribute."""
        return self.codes[:, self._axis(name)]

    def labels_of(self, name: str) -> int:
        """How many labels a quasi-identifier has."""
        return len(self.columns[name].labels)

    def summed(self) -> Classes:
        """Return the same with cells of equal codes added, in increasing order."""
        group, cells = self._grouped(range(self.codes.shape[1]))
        first = np.zeros(cells, dtype=np.int64)
        first[group[::-1]] = np.arange(len(group))[::-1]
        w = None if self.w is None else totals(group, self.w, cells)
        return replace(self, codes=self.codes[first], n=totals(group, self.n, cells), w=w)

    def __add__(self, other: Classes) -> Classes:
        if self.pooled is not None or other.pooled is not None:
            raise ValueError("classes made to be shared are sizes alone and do not add")
        if self.schema != other.schema:
            raise ValueError("classes of different schemas do not add")
        # What is suggested of one part need not be of another: what all have is kept.
        columns = {
            name: mine.joined(other.columns[name])
            for name, mine in self.columns.items()
            if name in other.columns
        }
        values = {name: _union(mine, other.values[name]) for name, mine in self.values.items()}
        codes = np.concatenate([part._recoded(columns, values) for part in (self, other)])
        n = np.concatenate([self.n, other.n])
        w = None if self.w is None or other.w is None else np.concatenate([self.w, other.w])
        return Classes(self.schema, columns, values, codes, n, w).summed()

    def without_small_cells(self, min_cell: int) -> Classes:
        """Return the sizes of classes alone: they tell of nobody who is in which."""
        codes, none = self.codes[:0], np.zeros(0, dtype=np.int64)
        columns = {name: Column(np.zeros(0, dtype=np.uint64), None) for name in self.columns}
        sizes = np.stack(self.sizes(), axis=1)
        return Classes(self.schema, columns, dict.fromkeys(self.values), codes, none, pooled=sizes)

    def notes(self) -> list[str]:
        """Say by which columns rows are told apart, and who chose them."""
        if not self.columns:
            return ["no column was found by which a person could be recognized"]
        chosen = "suggested, declare data.quasi_identifiers" if self.suggested else "declared"
        lines = [f"quasi-identifiers ({chosen}): {', '.join(self.columns)}"]
        if self.schema["unit"]:
            lines.append("each person counts once, by the first row; in each part, where parts are added")
        many = [name for name, values in self.values.items() if values is None and self.pooled is None]
        if many:
            lines.append(f"not among sensitive attributes, over {MOST_VALUES} values: {', '.join(many)}")
        if self.pooled is not None:
            lines.append("made to be shared: sizes of the classes alone")
        return lines

    def to_json(self) -> dict[str, Any]:
        """Plain data: text, and arrays packed as text."""
        return {
            "schema": dict(self.schema),
            "columns": {
                name: {
                    "labels": _packed(of.labels),
                    "coarser": None
                    if of.coarser is None
                    else {form: _packed(made) for form, made in of.coarser.items()},
                }
                for name, of in self.columns.items()
            },
            "values": {name: None if of is None else list(of) for name, of in self.values.items()},
            "cells": len(self.codes),
            "codes": [_packed(axis.astype(np.min_scalar_type(_last(axis)))) for axis in self.codes.T],
            "n": _packed(self.n.astype(np.min_scalar_type(_last(self.n)))),
            "w": None if self.w is None else _packed(self.w),
            "pooled": None if self.pooled is None else self.pooled.tolist(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        columns = {
            name: Column(
                _unpacked(of["labels"]),
                None
                if of["coarser"] is None
                else {form: _unpacked(made) for form, made in of["coarser"].items()},
            )
            for name, of in data["columns"].items()
        }
        codes = np.empty((data["cells"], len(data["codes"])), dtype=np.int32)
        for at, axis in enumerate(data["codes"]):
            codes[:, at] = _unpacked(axis)
        pooled = data["pooled"]
        return cls(
            data["schema"],
            columns,
            {name: None if of is None else tuple(of) for name, of in data["values"].items()},
            codes,
            _unpacked(data["n"]).astype(np.int64),
            None if data["w"] is None else _unpacked(data["w"]),
            None if pooled is None else np.array(pooled, dtype=np.int64).reshape(-1, 2),
        )

    def _grouped(self, axes: Sequence[int]) -> tuple[Ints, int]:
        """Number cells by their codes on some axes; without any they are all alike."""
        if not axes:
            return np.zeros(len(self.codes), dtype=np.int64), min(len(self.codes), 1)
        return grouped([self.codes[:, at] for at in axes], [self._labels(at) for at in axes])

    def _axis(self, name: str) -> int:
        names = [*self.columns, *self.values]
        return names.index(name)

    def _labels(self, axis: int) -> int:
        """How many codes an axis has."""
        named = [len(of.labels) for of in self.columns.values()] + [
            len(of or (MISSING,)) for of in self.values.values()
        ]
        return named[axis]

    def _recoded(
        self, columns: Mapping[str, Column], values: Mapping[str, tuple[str, ...] | None]
    ) -> NDArray[np.int32]:
        """Codes as places among the labels of all parts."""
        axes = []
        for name, of in columns.items():
            place = np.searchsorted(of.labels, self.columns[name].labels)
            axes.append(place[self.codes[:, self._axis(name)]])
        for name, names in values.items():
            mine = self.values[name] or (MISSING,)
            place = np.array([names.index(label) if names and label in names else 0 for label in mine])
            axes.append(place[self.codes[:, self._axis(name)]])
        made: NDArray[np.int32] = np.empty((len(self.codes), len(axes)), dtype=np.int32)
        for at, axis in enumerate(axes):
            made[:, at] = axis
        return made


def counted(
    schema: Mapping[str, Any],
    columns: Mapping[str, tuple[Column, NDArray[Any]]],
    values: Mapping[str, tuple[tuple[str, ...], NDArray[Any]] | None],
    weight: Ints | None = None,
    rows: int = 0,
) -> Classes:
    """Count rows by their labels.

    Parameters
    ----------
    schema : mapping
        What was declared.
    columns : mapping of str to (Column, codes)
        Quasi-identifiers, with the place of each row's label; codes of shape ``(rows,)``.
    values : mapping of str to (tuple of str, codes), or None
        Sensitive attributes, with the place of each row's value; None for one of too many values.
    weight : array of int, shape (rows,), optional
        Weights in units of 2^-20.
    rows : int
        The number of rows.

    Returns
    -------
    Classes
        One cell for each combination that occurs.
    """
    kept = {name: None if of is None else of[0] for name, of in values.items()}
    axes = [codes for _, codes in columns.values()]
    axes += [np.zeros(rows, dtype=np.int8) if of is None else of[1] for of in values.values()]
    spans = [len(of.labels) for of, _ in columns.values()] + [len(of or (MISSING,)) for of in kept.values()]
    group, cells = grouped(axes, spans) if axes else (np.zeros(rows, dtype=np.int64), min(rows, 1))
    codes = np.empty((cells, len(axes)), dtype=np.int32)
    for at, axis in enumerate(axes):
        codes[group, at] = axis
    w = None if weight is None else totals(group, weight, cells)
    names = {name: of for name, (of, _) in columns.items()}
    return Classes(schema, names, kept, codes, np.bincount(group, minlength=cells).astype(np.int64), w)


def grouped(axes: Sequence[NDArray[Any]], spans: Sequence[int]) -> tuple[Ints, int]:
    """Number rows by their codes on all axes: equal rows alike, in increasing order.

    Parameters
    ----------
    axes : sequence of arrays of int, shape (rows,)
        Codes from 0, the first axis the most significant; at least one.
    spans : sequence of int
        How many codes each axis may have.

    Returns
    -------
    tuple of (array of int, shape (rows,), int)
        The number of each row's group, and how many groups there are.
    """
    key, reach = axes[0].astype(np.int64), max(spans[0], 1)
    for axis, span in zip(axes[1:], spans[1:], strict=True):
        if reach * max(span, 1) >= 2**62:
            key, reach = _dense(key, reach)
        key = key * max(span, 1) + axis
        reach *= max(span, 1)
    return _dense(key, reach)


def _dense(key: Ints, reach: int) -> tuple[Ints, int]:
    """Number keys from 0 without gaps; where they are few, by counting in place of sorting."""
    if reach <= 4 * len(key) + 1024:
        there = np.bincount(key, minlength=reach) > 0
        return (np.cumsum(there) - 1)[key], int(there.sum())
    present, place = np.unique(key, return_inverse=True)
    return place.ravel(), len(present)


def totals(group: NDArray[Any], values: Ints, groups: int) -> Ints:
    """Exact sums of integers by group."""
    if len(values) and float(values.max()) * len(values) >= 2**53:
        made = np.zeros(groups, dtype=np.int64)
        np.add.at(made, group, values)
        return made
    return np.bincount(group, weights=values, minlength=groups).astype(np.int64)


def weights(w: Ints) -> NDArray[np.float64]:
    """Weights in their own unit."""
    return w / WEIGHT_ONE


def ordered_values(labels: Iterable[str]) -> tuple[str, ...]:
    """Values in order: numbers, or bins of numbers, by value, then text, then what is missing."""
    known = [label for label in labels if label != MISSING]
    made = sorted(known, key=lambda label: (start if (start := number(label)) is not None else np.inf, label))
    return (*made, *([MISSING] if MISSING in labels else []))


def number(label: str) -> float | None:
    """The number that a label is, or at which its bin starts; None where it is text."""
    try:
        value = float(label.removeprefix("<").removeprefix(">=").partition("..<")[0])
    except ValueError:
        return None
    if not np.isfinite(value):
        return None
    return -np.inf if label.startswith("<") else value


def _union(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if one is None or other is None:
        return None
    both = ordered_values({*one, *other})
    return both if len(both) <= MOST_VALUES else None


def _last(codes: NDArray[Any]) -> int:
    return int(codes.max(initial=0))


def _packed(values: NDArray[Any]) -> list[str]:
    plain = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"))
    return [plain.dtype.str, base64.b64encode(zlib.compress(plain.tobytes(), 1)).decode()]


def _unpacked(packed: Sequence[str]) -> NDArray[Any]:
    kind, text = packed
    values = np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=kind)
    return values.astype(np.dtype(kind).newbyteorder("="))
