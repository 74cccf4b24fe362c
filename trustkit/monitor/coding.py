"""Coding: records into counts of groups, decisions, scores and bins, many at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trustkit.errors import ConfigError, Problem, nearest
from trustkit.evidence.blocks import SCORE_ONE
from trustkit.evidence.tables import MISSING
from trustkit.frames import FrameError, label_text
from trustkit.monitor.calls import Rows, Truths, rows_in
from trustkit.monitor.inputs import Layout, Table, table_of_parts
from trustkit.monitor.moments import AHEAD, LATEST, times, times_by
from trustkit.monitor.vocabularies import Vocabulary, numbers
from trustkit.monitor.watch import SCORE_BINS, Watch

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
T = TypeVar("T")

LATENCY_EDGES = tuple(10 ** (step / 5 - 5) for step in range(36))
"""Seconds: five edges a decade from 10 microseconds to 100 seconds. Bin 0 of a latency is below all edges."""

_MOST_CELLS, _MOST_LAYOUTS = 2**40, 100

_SPARSE = 65_536
"""Counters beyond this, and beyond eight a row, are not laid out."""

_NOWHERE = -(2**62)
"""The pane of rows whose time is refused; what is counted in it is left out."""


class Waiting(NamedTuple):
    """A decision that waits for a label."""

    id: str
    pane: int
    at: float
    cell: int
    s: int


class Truth(NamedTuple):
    """A label that came."""

    id: str
    code: int
    at: float


@dataclass
class Counted:
    """Counts of some records.

    Attributes
    ----------
    rows : int
        Records counted.
    lost : int
        Records that could not be read.
    decided : list of (pane, cell, n, s)
        Rows and sums of scores; see `Coder.key` for the cell.
    columns : list of (pane, counts)
        Rows of each bin of each input, shape ``(bins,)``.
    latency : list of (pane, bin)
        One a call.
    waiting : list of Waiting
        Decisions that wait for a label.
    truths : list of Truth
        Labels that came.
    last_at : float or None
        The latest time.
    faults : list of (kind, words or exception, times)
    """

    rows: int = 0
    lost: int = 0
    decided: list[tuple[int, int, int, int]] = field(default_factory=list)
    columns: list[tuple[int, Ints]] = field(default_factory=list)
    latency: list[tuple[int, int]] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    truths: list[Truth] = field(default_factory=list)
    last_at: float | None = None
    faults: list[tuple[str, str | BaseException, int]] = field(default_factory=list)

    def add(self, other: Counted) -> None:
        """Take another's counts."""
        self.rows += other.rows
        self.lost += other.lost
        for name in ("decided", "columns", "latency", "waiting", "truths", "faults"):
            getattr(self, name).extend(getattr(other, name))
        self.last_at = max((at for at in (self.last_at, other.last_at) if at is not None), default=None)

    def leave_out(self, pane: int, rows: int) -> None:
        """Take the rows of a pane for lost."""
        self.rows, self.lost = self.rows - rows, self.lost + rows
        for name in ("decided", "columns", "latency"):
            setattr(self, name, [each for each in getattr(self, name) if each[0] != pane])
        self.waiting = [each for each in self.waiting if each.pane != pane]


class _Unreadable(Exception):  # noqa: N818 (it goes no further than this file)
    """A part of some calls cannot be read; each call is looked at by itself then."""


class Coder:
    """Counts records as a watch declares it; its memory does not grow with their number.

    Parameters
    ----------
    watch : Watch
        Axes and bins.
    columns : sequence of str
        The columns of an array that comes without names, in order.
    """

    def __init__(self, watch: Watch, columns: Sequence[str] = ()) -> None:
        self._watch, self._names = watch, tuple(columns)
        self.axes = watch.axes
        self._groups = [Vocabulary.of_axis(watch.labels[a], watch.edges.get(a, ())) for a in watch.axes]
        self._predictions = Vocabulary.of_axis(watch.labels["prediction"])
        self._truths = Vocabulary.of_axis(watch.labels["truth"])
        sizes = [len(watch.labels[a]) for a in watch.axes] + [
            len(watch.labels["prediction"]),
            SCORE_BINS + 1,
        ]
        self._sizes, self._cells = tuple(sizes), int(np.prod(sizes, dtype=object))
        if self._cells > _MOST_CELLS:
            groups = "the attributes and strata have too many groups together"
            found = f"{groups} ({self._cells:.0e} cells) to be watched"
            raise ConfigError([Problem("evidence", found)])
        self._keys: dict[int, tuple[str, tuple[int, ...]]] = {}
        self._layouts: dict[tuple[str, ...], Layout] = {}

    def key(self, cell: int) -> str:
        """Return the key of a cell in the ledger ``decided``: ``groups|prediction|score bin``, codes all."""
        return self._told(cell)[0]

    def unknown(self, cell: int) -> tuple[int, ...]:
        """Return the places of the axes whose group was never seen in the audit."""
        return self._told(cell)[1]

    def _told(self, cell: int) -> tuple[str, tuple[int, ...]]:
        if cell not in self._keys:
            if len(self._keys) > _SPARSE:
                self._keys.clear()
            *groups, prediction, score = (int(code) for code in np.unravel_index(cell, self._sizes))
            unseen = tuple(a for a, code in enumerate(groups) if code == self._groups[a].other)
            self._keys[cell] = (f"{','.join(map(str, groups))}|{prediction}|{score - 1}", unseen)
        return self._keys[cell]

    @cached_property
    def bins(self) -> list[str]:
        """Key in the ledger ``column`` of each counter of the inputs: place of the column, and bin."""
        columns = [self._watch.columns[name] for name in sorted(self._watch.columns)]
        return [f"{place}|{bin}" for place, column in enumerate(columns) for bin in range(column.bins)]

    def count(self, calls: Iterable[Rows | Truths]) -> Counted:
        """Count calls; what cannot be read is told, not raised."""
        total = Counted()
        alike: dict[Hashable, list[Any]] = defaultdict(list)
        for call in calls:
            if isinstance(call, Rows):
                _translate(call, total)
            alike[_form(call)].append(call)
        for some in alike.values():
            code = self._labels if isinstance(some[0], Truths) else self._rows
            total.add(self._each(code, some))
        return total

    def _each(self, code: Callable[[Any], Counted], calls: list[Any]) -> Counted:
        """Code calls together, or one by one where some part of them cannot be read."""
        try:
            return code(calls)
        except Exception as error:
            if len(calls) > 1:
                total = Counted()
                for call in calls:
                    total.add(self._each(code, [call]))
                return total
            kind = "label" if isinstance(calls[0], Truths) else "record"
            words = error if not isinstance(error, (FrameError, _Unreadable)) else str(error)
            return Counted(lost=getattr(calls[0], "n", 0), faults=[(kind, words, 1)])

    def _labels(self, calls: list[Truths]) -> Counted:
        found = Counted()
        for call in calls:
            rows = rows_in(call.ids)
            ids = _texts(call.ids, rows or 1)
            codes = self._coded(self._truths, [call.truth], [len(ids)])
            at = np.broadcast_to(_timed(call.at), (len(ids),)).tolist()
            found.truths += [
                Truth(id, code, when)
                for id, code, when in zip(ids, codes.tolist(), at, strict=True)
                if id != MISSING and code != self._truths.missing
            ]
        return found

    def _rows(self, calls: list[Rows]) -> Counted:
        sizes = [call.n for call in calls]
        found = Counted(rows=sum(sizes))
        at = [_moments(call, found) for call in calls]
        panes, place = self._panes(at, sizes)
        total = found.rows
        latest = np.fmax.reduce(np.concatenate([np.ravel(when) for when in at]))
        found.last_at = float(latest) if np.isfinite(latest) else None

        def part(kind: str, read: Callable[[], T], default: T) -> T:
            """Read a part of the calls; leave it out of a single call where it cannot be read."""
            try:
                return read()
            except Exception as error:
                if len(calls) > 1:
                    raise _Unreadable from error
                words = str(error) if isinstance(error, (FrameError, _Unreadable)) else error
                found.faults.append((kind, words, 1))
                return default

        table = part("columns", lambda: self._table(calls), None)
        codes = [
            part(
                "sensitive",
                partial(self._group, a, calls, sizes, table, found),
                np.full(total, self._groups[a].missing, dtype=np.int64),
            )
            for a in range(len(self.axes))
        ]
        codes.append(self._coded(self._predictions, [call.prediction for call in calls], sizes))
        score = part("score", lambda: _scores(calls, sizes, found), np.full(total, np.nan))
        scored = np.isfinite(score)
        known = np.where(scored, score, 0.0)
        codes.append(
            np.where(scored, np.minimum((known * SCORE_BINS + 1e-9).astype(np.int64), SCORE_BINS - 1) + 1, 0)
        )
        cell = np.ravel_multi_index(codes, self._sizes)
        s = np.floor(known * SCORE_ONE + 0.5)
        found.decided = self._cells_of(panes, place, cell, s)
        if table is not None:
            found.columns = part("columns", lambda: list(table.counts(panes, place)), [])
            found.faults += table.faults
        if any(call.ids is not None for call in calls):
            found.waiting = part(
                "ids", lambda: _waiting(calls, panes[place], _joined(at, sizes), cell, s.astype(np.int64)), []
            )
        found.latency = [
            (int(panes[place[start]]), bisect_right(LATENCY_EDGES, call.latency))
            for start, call in zip(np.cumsum([0, *sizes[:-1]]).tolist(), calls, strict=True)
            if call.latency is not None and call.n
        ]
        if panes[0] == _NOWHERE:
            found.leave_out(_NOWHERE, int(np.count_nonzero(place == 0)))
        return found

    def _panes(self, at: list[float | Floats], sizes: list[int]) -> tuple[Ints, Ints]:
        """The panes, and the place of each row's among them."""
        single = all(isinstance(when, float) for when in at)
        times = np.array(at, dtype=np.float64) if single else _joined(at, sizes)
        pane = np.where(np.isnan(times), _NOWHERE, np.floor(times / self._watch.window)).astype(np.int64)
        if len(pane) and pane.min() == pane.max():
            return pane[:1], np.zeros(sum(sizes), dtype=np.int64)
        panes, place = np.unique(pane, return_inverse=True)
        return panes, np.repeat(place.ravel(), sizes) if single else place.ravel()

    def _coded(self, words: Vocabulary, columns: list[Any], sizes: list[int]) -> Ints:
        """Codes of a column that came in parts, each a single value for all its rows, or one a row."""
        if words.is_empty:
            return np.full(sum(sizes), words.other, dtype=np.int64)
        single = [rows_in(column) is None for column in columns]
        if all(single):
            return np.repeat(words.of(columns), sizes)
        if len(columns) > 1 and not any(single):
            whole = _whole(columns, sizes)
            if whole is not None:
                columns, sizes = [whole], [sum(sizes)]
        parts = [
            words.of([column]) if rows_in(column) is None else words.of(_flat(column, n))
            for column, n in zip(columns, sizes, strict=True)
        ]
        return np.concatenate([np.broadcast_to(part, (n,)) for part, n in zip(parts, sizes, strict=True)])

    def _group(
        self, a: int, calls: list[Rows], sizes: list[int], table: Table | None, found: Counted
    ) -> Ints:
        """Codes of an attribute or stratum: as given with the call, else from its inputs."""
        name = self.axes[a]
        given = calls[0].sensitive
        if given is not None and name in given:
            return self._coded(self._groups[a], [_column(call.sensitive, name) for call in calls], sizes)
        if table is not None and name in table.layout.at:
            return self._groups[a].of(table.column(name))
        near = nearest(name, map(str, given)) if given is not None else None
        hint = f"; did you mean {near!r}?" if near else ""
        found.faults.append(
            ("sensitive", f"neither `sensitive` nor the inputs have {name!r}{hint}", len(calls))
        )
        return np.full(sum(sizes), self._groups[a].missing, dtype=np.int64)

    def _cells_of(
        self, panes: Ints, place: Ints, cell: Ints, sums: Floats
    ) -> list[tuple[int, int, int, int]]:
        key = place * self._cells + cell
        size = len(panes) * self._cells
        if size <= max(_SPARSE, 8 * len(key)):
            n = np.bincount(key, minlength=size)
            keys = np.flatnonzero(n)
            n, s = n[keys], np.bincount(key, weights=sums, minlength=size)[keys]
        else:
            keys, position, n = np.unique(key, return_inverse=True, return_counts=True)
            s = np.bincount(position.ravel(), weights=sums, minlength=len(keys))
        of = panes[keys // self._cells]
        return list(
            zip(
                of.tolist(),
                (keys % self._cells).tolist(),
                n.tolist(),
                s.astype(np.int64).tolist(),
                strict=True,
            )
        )

    def _table(self, calls: list[Rows]) -> Table | None:
        """Inputs of calls of one form, as one table."""
        if calls[0].X is None:
            return None
        for call in calls:
            rows = call.X.shape[0] if hasattr(call.X, "shape") else len(call.X)
            if rows != call.n:
                raise _Unreadable(f"the inputs have {rows} rows, and there are {call.n} decisions")
        return table_of_parts([call.X for call in calls], calls[0].names or self._names, self._layout)

    def _layout(self, names: tuple[str, ...]) -> Layout:
        if names not in self._layouts:
            if len(self._layouts) > _MOST_LAYOUTS:
                self._layouts.clear()
            self._layouts[names] = Layout(names, self._watch)
        return self._layouts[names]


def _form(call: Rows | Truths) -> Hashable:
    """What calls must have in common to be coded together."""
    if isinstance(call, Truths):
        return Truths
    X, sensitive = call.X, call.sensitive
    kind: Any = type(X)
    if isinstance(X, np.ndarray):
        kind = (X.dtype.kind in "biuf", X.shape[1])
    elif isinstance(X, list):
        kind = (list, isinstance(X[0], Mapping) if X else None)
    elif isinstance(X, pd.DataFrame):
        kind = tuple(X.columns)
    return (kind, call.names, None if sensitive is None else tuple(sensitive))


def _joined(columns: list[Any], sizes: list[int]) -> Floats:
    """Join parts, each a number for all its rows, or one a row."""
    if all(isinstance(column, float) for column in columns):
        return np.repeat(np.array(columns), sizes)
    parts = [np.broadcast_to(column, (n,)) for column, n in zip(columns, sizes, strict=True)]
    return np.concatenate(parts)


def _moments(call: Rows, found: Counted) -> float | Floats:
    """Seconds of all the rows of a call, or of each; NaN, and a fault, where they are refused."""
    at = call.at
    if not call.timed or (type(at) is float and -LATEST < at < call.taken + AHEAD):
        return float(at)
    seconds = times_by(call.taken, at)
    refused = int(np.isnan(seconds).sum())
    if refused:
        words = (
            "`at` is no time, or more than a day ahead of the clock, and the rows are left out: "
            "give a time, ISO 8601 text, or seconds since 1970"
        )
        found.faults.append(("at", words, refused))
    return seconds


def _timed(at: Any) -> float | Floats:
    try:
        return times(at)
    except Exception as error:
        words = "`at` cannot be read: give a time, ISO 8601 text, or seconds since 1970"
        raise _Unreadable(words) from error


def _flat(column: Any, rows: int) -> Any:
    """A column of one value a row; that of an array of one column."""
    shape: tuple[int, ...] = getattr(column, "shape", (len(column),))
    if len(shape) == 2 and shape[1] == 1 and isinstance(column, np.ndarray):
        column = column.ravel()
    elif len(shape) != 1:
        raise _Unreadable(f"expected one value a row, got an array of shape {tuple(shape)}")
    if len(column) != rows:
        raise _Unreadable(f"expected {rows} values, got {len(column)}")
    return column


def _whole(columns: list[Any], sizes: list[int]) -> Any:
    """Columns as one, where all are lists, or arrays of one type; else None."""
    if all(type(column) is list for column in columns):
        return list(chain.from_iterable(_flat(column, n) for column, n in zip(columns, sizes, strict=True)))
    if all(isinstance(column, np.ndarray) for column in columns):
        return np.concatenate(columns) if len({column.dtype for column in columns}) == 1 else None
    return None


def _scores(calls: list[Rows], sizes: list[int], found: Counted) -> Floats:
    """Scores, NaN where there is none; one that is no probability counts as none."""
    if all(call.score is None for call in calls):
        return np.full(sum(sizes), np.nan)
    parts = [
        float("nan")
        if call.score is None
        else float(call.score)
        if rows_in(call.score) is None
        else numbers(_flat(call.score, call.n))
        for call in calls
    ]
    score = _joined(parts, sizes)
    outside = (score < 0) | (score > 1)
    if outside.any():
        found.faults.append(("score", "a score lies outside [0, 1]: give P(positive)", int(outside.sum())))
        score = np.where(outside, np.nan, score)
    return score


def _waiting(calls: list[Rows], pane: Ints, at: Floats, cell: Ints, s: Ints) -> list[Waiting]:
    """Decisions with an id."""
    ids = [id for call in calls for id in _texts(call.ids, call.n)]
    return [
        Waiting(*told)
        for told in zip(ids, pane.tolist(), at.tolist(), cell.tolist(), s.tolist(), strict=True)
        if told[0] != MISSING
    ]


def _texts(ids: Any, rows: int) -> list[str]:
    """Canonical text of ids, so that 7 and "7" are one."""
    if rows_in(ids) is None:
        if ids is not None and rows != 1:
            raise _Unreadable(f"expected {rows} ids, got one")
        return [label_text(ids)] * rows
    column = _flat(ids, rows)
    return [each if type(each) is str and each else label_text(each) for each in _listed(column)]


def _listed(column: Any) -> list[Any]:
    for listing in ("tolist", "to_list", "to_pylist"):
        if hasattr(column, listing):
            return list(getattr(column, listing)())
    return list(column)


def _column(sensitive: Any, name: str) -> Any:
    column = sensitive[name]
    return column.to_numpy() if isinstance(column, pd.Series) and column.dtype == object else column


def _translate(call: Rows, found: Counted) -> None:
    """Turn frames of other libraries into those of pandas; leave out what is no table."""
    for part in ("X", "sensitive"):
        table = getattr(call, part)
        if table is None or isinstance(table, (np.ndarray, pd.DataFrame, Mapping)):
            continue
        if part == "X" and (isinstance(table, list) or hasattr(table, "toarray")):
            continue
        import narwhals.stable.v2 as nw

        try:
            setattr(call, part, nw.from_native(table, eager_only=True).to_pandas())
        except Exception:
            kind = "columns" if part == "X" else part
            found.faults.append((kind, f"a {type(table).__name__} is no table", 1))
            setattr(call, part, None)
