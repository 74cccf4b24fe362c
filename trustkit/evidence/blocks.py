"""Blocks: sparse tables of integer sums that add exactly, in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

SCORE_ONE = 2**30
WEIGHT_ONE = 2**20
SQUARE_ONE = 2**16

_LARGEST = 2.0**62
_CHUNK = 1 << 15  # rows counted together: few enough to stay in the cache
_SPREAD = 1 << 20  # of more cells, and more than 4 a row, those that occur are found first
_SPARSE = 32  # of more cells a row, by sorting
_TOO_LARGE = "the sum of the weights does not fit 63 bits: divide the weights by their mean"

Ints: TypeAlias = NDArray[np.int64]
Codes: TypeAlias = NDArray[Any] | None
Coded: TypeAlias = tuple[Codes, int]
"""A code for each row, and the number of codes; None stands for code 0 throughout."""


@dataclass(frozen=True)
class Block:
    """Sums by cell: one row a cell, sorted by its codes.

    Attributes
    ----------
    codes : array of int, shape (cells, axes)
        Place of the cell on each axis.
    sums : mapping of str to array of int, shape (cells,)
        ``n`` rows; ``s``, ``s2`` sums of score and its square in units of
        2^-30; ``w``, ``w2`` sums of weight (2^-20) and its square (2^-16);
        ``ws``, ``ws2`` sums of weight times score and its square (2^-30).
    """

    codes: Ints
    sums: Mapping[str, Ints]

    @classmethod
    def count(cls, axes: Sequence[Coded], parts: Mapping[str, Ints | None]) -> Self:
        """Sum `parts` over the rows of each cell; None stands for the number of rows."""
        sizes = [1 if codes is None else max(size, 1) for codes, size in axes]
        cells = int(np.prod(sizes, dtype=object))
        columns = [codes for codes, _ in axes]
        if cells > max(_SPREAD, 4 * _rows(columns)):
            present, key = _occurring(_combined(columns, sizes, cells), cells)
            sums = _totals([key], [len(present)], len(present), parts)
        else:
            full = _totals(columns, sizes, cells, parts)
            present = np.flatnonzero(full["n"])
            sums = {name: values[present] for name, values in full.items()}
        return cls(np.array(np.unravel_index(present, sizes), dtype=np.int64).T, sums)

    def __add__(self, other: Block) -> Block:
        codes = np.concatenate([self.codes, other.codes])
        return Block(
            codes, {name: np.concatenate([mine, other.sums[name]]) for name, mine in self.sums.items()}
        ).summed()

    def summed(self) -> Block:
        """Return the block with rows of equal codes added and sorted.

        Raises
        ------
        OverflowError
            Where a sum could leave 63 bits.
        """
        if any(values.sum(dtype=np.float64) >= _LARGEST for values in self.sums.values()):
            raise OverflowError(_TOO_LARGE)
        codes, place = _distinct(self.codes)
        sums = {name: dense(values, (place,), (len(codes),)) for name, values in self.sums.items()}
        return Block(codes, sums)

    def shifted(self, axis: int, *, by: int) -> Block:
        """Return the block with one axis' codes moved by a constant."""
        codes = self.codes.copy("K")
        codes[:, axis] += by
        return Block(codes, self.sums)

    def where(self, rows: NDArray[np.bool_]) -> Block:
        """Return the cells at `rows`."""
        return Block(self.codes[rows], {name: values[rows] for name, values in self.sums.items()})

    def recoded(self, axis: int, codes: Ints) -> Block:
        """Return the block with ``codes[c]`` in place of each code c of one axis."""
        mine = self.codes.copy("K")
        mine[:, axis] = codes[mine[:, axis]]
        return Block(mine, self.sums)

    def to_json(self) -> dict[str, Any]:
        """Plain lists of integers."""
        sums = {name: values.tolist() for name, values in self.sums.items()}
        return {"codes": self.codes.tolist(), "sums": sums}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], axes: int) -> Self:
        """Read what `to_json` wrote."""
        codes = np.array(data["codes"], dtype=np.int64).reshape(-1, axes)
        return cls(codes, {name: np.array(values, dtype=np.int64) for name, values in data["sums"].items()})


def dense(values: Ints, place: tuple[Ints, ...], shape: tuple[int, ...]) -> Ints:
    """Sums spread into a dense array; what falls on one place is added."""
    total = np.zeros(shape, dtype=np.int64)
    np.add.at(total.reshape(-1), np.ravel_multi_index(place, shape), values)  # fast along one axis alone
    return total


def fixed_point(values: NDArray[np.float64], one: int) -> Ints:
    """Values in integer units of ``1 / one``, rounded once per row.

    Raises
    ------
    OverflowError
        Where their sum could leave 63 bits.
    """
    if len(values) and float(values.max()) * one * len(values) >= _LARGEST:
        raise OverflowError(_TOO_LARGE)
    units = np.empty(len(values), dtype=np.int64)
    for start in range(0, len(values), _CHUNK):
        some = slice(start, start + _CHUNK)
        scaled = values[some] * one
        scaled += 0.5
        units[some] = np.floor(scaled, out=scaled)
    return units


def _distinct(codes: Ints) -> tuple[Ints, Ints]:
    """The distinct rows of codes, in their order, and the place of every row among them."""
    low = codes.min(axis=0, initial=0)
    sizes = codes.max(axis=0, initial=0) - low + 1
    cells = int(np.prod(sizes, dtype=object))
    if cells > 2**62:  # no integer holds them
        first, place = np.unique(codes, axis=0, return_inverse=True)
        return first, place.ravel()
    key = np.ravel_multi_index(tuple((codes - low).T), tuple(sizes))
    steps = np.diff(key, prepend=-1)
    if steps.min(initial=0) >= 0:
        return codes[np.flatnonzero(steps)], np.cumsum(steps > 0) - 1
    present, place = _occurring(key, cells)
    return np.array(np.unravel_index(present, sizes), dtype=np.int64).T + low, place


def _occurring(key: NDArray[np.intp], cells: int) -> tuple[Ints, NDArray[np.intp]]:
    """Keys that occur, in their order, and the place of each row's among them."""
    if cells > _SPARSE * len(key):
        return np.unique(key, return_inverse=True)
    occurs = np.zeros(cells, dtype=np.bool_)
    occurs[key] = True
    present = np.flatnonzero(occurs)
    places = np.empty(cells, dtype=np.int32)
    places[present] = np.arange(len(present), dtype=np.int32)
    return present, places.take(key).astype(np.intp)


def _totals(
    columns: Sequence[Codes], sizes: Sequence[int], cells: int, parts: Mapping[str, Ints | None]
) -> dict[str, Ints]:
    """Sums of `parts` by cell, some rows at a time."""
    totals = {name: np.zeros(cells, dtype=np.int64) for name in parts}
    for start in range(0, _rows(columns), _CHUNK):
        some = slice(start, start + _CHUNK)
        key = _combined([None if codes is None else codes[some] for codes in columns], sizes, cells)
        for name, values in parts.items():
            np.add.at(totals[name], key, 1 if values is None else values[some])
    return totals


def _rows(columns: Sequence[Codes]) -> int:
    rows = [len(codes) for codes in columns if codes is not None]
    if not rows:
        raise ValueError("no axis has codes")
    return rows[0]


def _combined(columns: Sequence[Codes], sizes: Sequence[int], cells: int) -> NDArray[np.intp]:
    """One key a row from its codes on every axis, made of the smallest integers that hold it."""
    kind = np.int16 if cells <= 2**15 else np.int32 if cells <= 2**31 else np.int64
    key: NDArray[Any] = np.zeros(_rows(columns), dtype=kind)
    for codes, size in zip(columns, sizes, strict=True):
        if codes is not None:
            key *= size
            np.add(key, codes, out=key, casting="unsafe")
    return key.astype(np.intp, copy=False)
