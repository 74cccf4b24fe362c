"""Inputs: rows of each bin of the watched columns, whatever holds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trustkit.evidence.tables import MISSING
from trustkit.frames import FrameError
from trustkit.monitor.grids import Grid
from trustkit.monitor.vocabularies import Vocabulary, numbers
from trustkit.monitor.watch import Watch

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LONG = 500
"""Arrays of at least so many rows are counted one by one: to join them costs more."""


class Layout:
    """Which columns of a table are watched, and where they lie.

    Parameters
    ----------
    names : sequence of str
        The columns of the table.
    watch : Watch

    Attributes
    ----------
    at : dict of str to int
        Place of each column of the table.
    first : dict of str to int
        Number of bin 0 of each watched column, of all bins in the order of the columns' names.
    total : int
        How many bins there are.
    numbers, labels, texts : list of str
        The watched columns that the table has, by kind.
    """

    def __init__(self, names: Sequence[str], watch: Watch) -> None:
        self.at = {name: place for place, name in enumerate(names)}
        watched = sorted(watch.columns)
        starts = np.cumsum([0, *(watch.columns[name].bins for name in watched)]).tolist()
        self.first, self.total = dict(zip(watched, starts, strict=False)), starts[-1]
        here = [(name, watch.columns[name]) for name in self.at if name in self.first]
        self.numbers = [name for name, column in here if column.of == "numbers"]
        self.labels = [name for name, column in here if column.of == "labels"]
        self.texts = [name for name, column in here if column.of == "text"]
        self.places = [self.at[name] for name in self.numbers]
        self.is_all_numbers = self.places == list(range(len(names)))
        edges = [watch.columns[name].edges for name in self.numbers]
        self.grid = Grid(edges, [self.first[name] for name in self.numbers], self.total)
        self.words = {name: self._words(name, watch.columns[name].labels) for name in self.labels}

    def _words(self, name: str, labels: Sequence[str]) -> Vocabulary:
        """Bins of a column of labels: bin 0 is of missing values, and the last of labels not known."""
        first = self.first[name]
        places = {label: first + 1 + place for place, label in enumerate(labels)}
        return Vocabulary(places | {MISSING: first}, first + 1 + len(labels), first)


class Table:
    """Inputs of some rows, as arrays, as a frame or as lists.

    Parameters
    ----------
    layout : Layout
    parts : list of arrays of numbers, shape (rows, columns) each; a frame; or a list of values by column
    """

    def __init__(
        self, layout: Layout, parts: list[NDArray[Any]] | pd.DataFrame | Mapping[str, list[Any]]
    ) -> None:
        self.layout, self._data = layout, parts
        self.faults: list[tuple[str, str, int]] = []

    def column(self, name: str) -> Any:
        """Values of a column."""
        if isinstance(self._data, Mapping):
            return self._data[name]
        place = self.layout.at[name]
        if isinstance(self._data, list):
            return np.concatenate([array[:, place] for array in self._data])
        return self._data.iloc[:, place]

    def counts(self, panes: Ints, place: Ints) -> Iterator[tuple[int, Ints]]:
        """Yield panes, and the rows in each bin of theirs, shape ``(bins,)``.

        Parameters
        ----------
        panes : array of int
            Those of the rows, each once.
        place : array of int, shape (rows,)
            Where among them each row's is.
        """
        if len(panes) == 1:
            yield int(panes[0]), self._counted(self._numbers, self._others)
            return
        order = np.argsort(place, kind="stable")
        ends = np.searchsorted(place[order], np.arange(len(panes) + 1)).tolist()
        whole, others = [_joined(self._numbers)] if self._numbers else [], self._others
        for pane, start, end in zip(panes.tolist(), ends, ends[1:], strict=False):
            rows = order[start:end]
            numbers = [part[rows] for part in whole]
            yield pane, self._counted(numbers, None if others is None else others[rows])

    def _counted(self, numbers: list[Floats], others: Ints | None) -> Ints:
        counts = np.zeros(self.layout.total, dtype=np.int64)
        for part in numbers:
            counts += self.layout.grid.counts(part)
        return counts if others is None else counts + np.bincount(others.ravel(), minlength=len(counts))

    @cached_property
    def _numbers(self) -> list[Floats]:
        """The columns of numbers, shape ``(rows, columns)``, in parts; none where there are no columns."""
        if not self.layout.numbers:
            return []
        if isinstance(self._data, list):
            parts = self._data
            if len(parts) > 1 and sum(map(len, parts)) < _LONG * len(parts):
                parts = [_joined(parts)]
            if not self.layout.is_all_numbers:
                parts = [part[:, self.layout.places] for part in parts]
            return [part.astype(np.float64, copy=False) for part in parts]
        if isinstance(self._data, pd.DataFrame):
            chosen = self._data.iloc[:, self.layout.places]
            if all(getattr(kind, "kind", "O") in "biuf" for kind in chosen.dtypes):
                return [chosen.to_numpy(dtype=np.float64, na_value=np.nan)]
        return [np.stack([self._number(name) for name in self.layout.numbers], axis=1)]

    def _number(self, name: str) -> Floats:
        """A column of numbers; a value that is none is missing, and told."""
        column = self.column(name)
        try:
            return numbers(column)
        except FrameError:
            values = pd.Series(column)
            found = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
            wrong = int((np.isnan(found) & ~values.isna().to_numpy()).sum())
            self.faults.append(("columns", f"{name!r} was of numbers when it was audited, and is not", wrong))
            return found

    @cached_property
    def _others(self) -> Ints | None:
        """Bins of the columns of labels and of text, shape ``(rows, columns)``."""
        of_labels = [words.of(self.column(name)) for name, words in self.layout.words.items()]
        of_texts = [self.layout.first[name] + _is_there(self.column(name)) for name in self.layout.texts]
        return np.stack([*of_labels, *of_texts], axis=1) if of_labels or of_texts else None


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def _is_there(column: Any) -> Ints:
    """1 where a column of text has a value, else 0."""
    values = pd.Series(column)
    is_empty = values.isna()
    if values.dtype.kind not in "biufM":
        is_empty |= (values == "").fillna(False).astype(bool)
    return np.asarray(~is_empty, dtype=np.int64)


def table_of_parts(parts: list[Any], names: tuple[str, ...], layout: Any) -> Table:
    """Join inputs of one form into a table.

    Parameters
    ----------
    parts : list of arrays, of frames, or of lists of records or rows
    names : tuple of str
        Columns of what has no names.
    layout : callable
        Gives the `Layout` of some names.

    Raises
    ------
    FrameError
        Where there are not as many names as columns.
    """
    first = parts[0]
    if hasattr(first, "toarray"):
        parts = [part.toarray() for part in parts]
    elif isinstance(first, list):
        lists = _columns(list(chain.from_iterable(parts)), names)
        return Table(layout(tuple(lists)), lists)
    if isinstance(parts[0], np.ndarray):
        columns = _fitting(names, parts[0].shape[1])
        if parts[0].dtype.kind in "biuf":
            return Table(layout(names), parts)
        parts = [pd.DataFrame(_joined(parts), columns=columns).infer_objects()]
    frame = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
    return Table(layout(tuple(map(str, frame.columns))), frame)


def _columns(records: list[Any], names: tuple[str, ...]) -> dict[str, list[Any]]:
    """Values by column of records, or of rows without names: a frame of a few takes longer than they do."""
    first = records[0]
    if isinstance(first, Mapping):
        if any(record.keys() != first.keys() for record in records):
            fields = dict.fromkeys(chain.from_iterable(records))
            return {name: [record.get(name) for record in records] for name in fields}
        return {name: [record[name] for record in records] for name in first}
    if any(len(row) != len(first) for row in records):
        raise FrameError("the rows have different numbers of values")
    return dict(zip(_fitting(names, len(first)), map(list, zip(*records, strict=True)), strict=True))


def _fitting(names: tuple[str, ...], width: int) -> list[str]:
    if len(names) != width:
        raise FrameError(f"an array of {width} columns has no names, and the audit had {len(names)} inputs")
    return list(names)
