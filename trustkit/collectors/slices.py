"""The collector of slices: search one half of the rows for subgroups that fare worse, count the other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trustkit.collectors.cells import row_weights
from trustkit.collectors.residuals import predicted_numbers
from trustkit.collectors.slicing import MOST_COLUMNS, Candidate, Column, search
from trustkit.collectors.sources import Sources
from trustkit.errors import ConfigError, Problem
from trustkit.evidence import Unavailable
from trustkit.evidence.blocks import SQUARE_ONE, WEIGHT_ONE, Block, fixed_point
from trustkit.evidence.slices import BUCKETS, ERROR, LARGE_ERROR, REFUSAL, Search, Slice, Slices
from trustkit.evidence.tables import MISSING
from trustkit.frames import Frame, FrameError, Labels

MOST = 100_000
"""Rows of one half that are searched; the other half is counted whole."""

DRAW = 20

FEW_VALUES = 10
"""A column of numbers with no more values than this is searched by value."""

LARGE = 0.75
"""An error is large that exceeds this share of those searched."""

Flags = NDArray[np.bool_]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Event:
    """Which rows it befell, and of which that is known; both of shape (rows,)."""

    befell: Flags
    known: Flags


@dataclass(frozen=True)
class Halves:
    """The rows searched and those judged.

    Attributes
    ----------
    searched : array of int
        Places of rows drawn from one half, in order.
    judged : array of int
        Places of the other half's rows.
    bucket : array of int, shape (rows,), or None
        Bucket of each row's unit.
    """

    searched: Places
    judged: Places
    bucket: NDArray[np.int64] | None

    @classmethod
    def of(cls, sources: Sources) -> Halves:
        """Part the rows by the seed; the rows of one unit are all in one half."""
        rng = np.random.default_rng([sources.seed, DRAW])
        rows, bucket = sources.frame.rows, None
        if sources.data.unit is None:
            first = np.zeros(rows, dtype=bool)
            first[rng.permutation(rows)[: rows // 2]] = True
        else:
            units = sources.labels(sources.data.unit)
            key = hashlib.sha256(f"halves {sources.seed}".encode()).hexdigest()[:16]
            hashed = pd.util.hash_array(np.array(units.names, dtype=object), hash_key=key)[units.codes]
            first, bucket = hashed % 2 == 1, (hashed // 2 % BUCKETS).astype(np.int64)
        searched = np.flatnonzero(first)
        if len(searched) > MOST:
            searched = np.sort(rng.choice(searched, MOST, replace=False))
        return cls(searched, np.flatnonzero(~first), bucket)


def collect_slices(sources: Sources) -> Slices:
    """Find slices where errors, or decisions that nobody wants, are more frequent; count the other half.

    Raises
    ------
    Unavailable
        Where neither truth nor a favorable class tells what befell a row, or
        no column is there to slice by.
    ConfigError
        For weights, or predicted numbers, that are none.
    ValueError
        Where no decision is a label of the truth.
    """
    halves = Halves.of(sources)
    events = dict(_events(sources, halves.searched))
    if not events:
        raise Unavailable(
            "no decisions are there, or neither their truth nor which of them are favorable",
            supply="data.target: the column with the true outcome, beside data.prediction or system.model",
        )
    columns = list(_columns(sources, halves.searched))
    if not columns:
        raise Unavailable(
            "no input or sensitive column has two values that are frequent enough",
            supply="more rows, or columns that part them: data.sensitive, data.features",
        )
    schema = {
        "task": sources.task,
        "seed": sources.seed,
        "most": MOST,
        "events": list(events),
        "weight": sources.data.weight is not None,
        "unit": sources.data.unit is not None,
    }
    try:
        parts = _parts(row_weights(sources))
    except OverflowError as error:
        raise ConfigError([Problem("data.weight", str(error))]) from None
    searches = {name: _searched(columns, event, halves, parts) for name, event in events.items()}
    return Slices(schema, max(len(columns) - MOST_COLUMNS, 0), searches)


def _events(sources: Sources, searched: Places) -> Iterator[tuple[str, Event]]:
    """What can be told of each row: an error, and a decision that is not favorable."""
    decisions = sources.decisions()
    if decisions is None:
        return
    if sources.task == "regression":
        if sources.data.target is not None:
            size = np.abs(sources.numbers("target") - predicted_numbers(sources))
            yield LARGE_ERROR, _large(size, searched)
        return
    decided = _known(decisions)
    truth = sources.truth()
    if truth is not None:
        known = decided & _known(truth)
        names = {*decisions.names, *truth.names} - {MISSING}
        if known.any() and len(names) > 2 and not {*decisions.names} & {*truth.names} - {MISSING}:
            raise ValueError("no label of the decisions occurs in the target: are they coded differently?")
        yield ERROR, Event(known & (_common(decisions, truth)[decisions.codes] != truth.codes), known)
    if sources.favorable:
        favored = np.array([name in sources.favorable for name in decisions.names])
        yield REFUSAL, Event(decided & ~favored[decisions.codes], decided)


def _large(size: NDArray[np.float64], searched: Places) -> Event:
    """Errors above a quantile of those searched."""
    known = np.isfinite(size)
    seen = size[searched][known[searched]]
    bound = np.quantile(seen, LARGE) if len(seen) else np.inf
    return Event(known & (size > bound), known)


def _known(labels: Labels) -> Flags:
    return np.array([name != MISSING for name in labels.names])[labels.codes]


def _common(labels: Labels, others: Labels) -> NDArray[np.int64]:
    """Code among `others` of each of the labels; -1 where it is none of them."""
    return np.array([others.names.index(name) if name in others.names else -1 for name in labels.names])


def _columns(sources: Sources, searched: Places) -> Iterator[Column]:
    """Sensitive columns, then the other inputs, so far as they take two values among the rows searched."""
    sensitive = sources.data.sensitive
    for name in dict.fromkeys([*sensitive, *sources.input_names]):
        binned = name in sensitive and name in sources.data.bins
        try:
            column = (
                Column.of_labels(name, sources.groups(name), searched)
                if binned
                else _column(sources.inputs, name, searched)
            )
        except FrameError:  # lists, say
            continue
        if len(np.unique(column.codes[searched])) > 1:
            yield column


def _column(frame: Frame, name: str, searched: Places) -> Column:
    """A column of numbers where it is one with many values, else of labels."""
    try:
        numbers = frame.numbers(name)
    except FrameError:
        return Column.of_labels(name, frame.labels(name), searched)
    if len(np.unique(numbers[searched])) > FEW_VALUES:
        return Column.of_numbers(name, numbers, searched)
    return Column.of_labels(name, frame.labels(name), searched)


def _parts(weight: NDArray[np.float64] | None) -> dict[str, NDArray[np.int64] | None]:
    """What is summed of each row."""
    if weight is None:
        return {"n": None}
    return {"n": None, "w": fixed_point(weight, WEIGHT_ONE), "w2": fixed_point(weight**2, SQUARE_ONE)}


def _searched(
    columns: Sequence[Column],
    event: Event,
    halves: Halves,
    parts: Mapping[str, NDArray[np.int64] | None],
) -> Search:
    """Search one half, count the other."""
    mine, others = (rows[event.known[rows]] for rows in (halves.searched, halves.judged))
    if not len(mine):
        return Search(0, len(others), 0, ())
    there = [column.at(mine) for column in columns]
    found = search(there, event.befell[mine])
    elsewhere = [column.at(others) for column in columns]
    kept = {name: None if part is None else part[others] for name, part in parts.items()}
    bucket = None if halves.bucket is None else halves.bucket[others]
    slices = [
        Slice(
            each.named(columns),
            _counted(each, there, event.befell[mine], {"n": None}),
            _counted(each, elsewhere, event.befell[others], kept),
            None if bucket is None else _counted(each, elsewhere, event.befell[others], kept, bucket),
        )
        for each in found
    ]
    return Search(
        len(mine),
        len(others),
        min(len(columns), MOST_COLUMNS),
        tuple(sorted(slices, key=lambda each: each.conditions)),
    )


def _counted(
    found: Candidate,
    columns: Sequence[Column],
    befell: Flags,
    parts: Mapping[str, NDArray[np.int64] | None],
    bucket: NDArray[np.int64] | None = None,
) -> Block:
    axes = [(found.inside(columns), 2), (befell, 2), *([] if bucket is None else [(bucket, BUCKETS)])]
    return Block.count(axes, parts)
