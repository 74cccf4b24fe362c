"""The collector of quality: count what is missing, impossible, constant, mixed or repeated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trustkit.collectors.draws import drawing_order
from trustkit.collectors.keys import column_keys, values_of
from trustkit.collectors.sources import Sources
from trustkit.errors import ConfigError, Problem
from trustkit.evidence.blocks import Ints
from trustkit.evidence.quality import ColumnQuality, Quality
from trustkit.evidence.tables import MISSING
from trustkit.frames import Frame, FrameError, Labels

DRAW = 32

MEDIAN = ("above its median", "not above its median")


def collect_quality(sources: Sources) -> Quality:
    """Count the audited rows as they are; the model is not asked.

    Raises
    ------
    ConfigError
        For a declared range of a column that holds no numbers.
    """
    frame, data = sources.inputs, sources.data
    columns = dict(_columns(frame, sources.input_names))
    classes, codes = _outcome(sources)
    rows = drawing_order(sources, DRAW) if data.unit is not None else np.arange(frame.rows)
    rows = rows[codes[rows] >= 0]
    missing = np.zeros((len(columns), len(classes)), dtype=np.int64)
    for place, name in enumerate(columns):
        if columns[name].values < frame.rows:
            absent = frame.missing(name)[rows]
            missing[place] = np.bincount(codes[rows[absent]], minlength=len(classes))
    repeated, contradictory = _recurring(frame, list(columns), codes)
    return Quality(
        declared={
            "inputs": list(sources.input_names),
            "ranges": {name: list(ends) for name, ends in data.ranges.items()},
            "truth": data.target is not None,
            "number": sources.task == "regression",
        },
        rows=frame.rows,
        columns=columns,
        outside={name: _outside(sources, name, ends) for name, ends in data.ranges.items()},
        classes=classes,
        class_rows=np.bincount(codes[rows], minlength=len(classes)).astype(np.int64),
        missing=missing,
        repeated=repeated,
        contradictory=contradictory,
    )


def _columns(frame: Frame, names: list[str]) -> Iterator[tuple[str, ColumnQuality]]:
    for name in names:
        with suppress(FrameError):  # lists, say
            values = values_of(frame, name)
            yield name, _of_labels(values) if isinstance(values, Labels) else _of_numbers(values)


def _of_numbers(numbers: NDArray[np.float64]) -> ColumnQuality:
    """Count equal numbers: sorted, they are runs."""
    values = np.sort(numbers[~np.isnan(numbers)])
    if not len(values):
        return ColumnQuality()
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    longest = int(np.diff(starts, append=len(values)).max())
    return ColumnQuality(len(values), longest, len(starts) == 1)


def _of_labels(labels: Labels) -> ColumnQuality:
    rows = np.bincount(labels.codes, minlength=len(labels.names))
    present = np.array([label != MISSING for label in labels.names])
    names = np.array(labels.names, dtype=object)[present]
    rows = rows[present]
    if not len(rows):
        return ColumnQuality()
    is_number = pd.to_numeric(pd.Series(names), errors="coerce").notna().to_numpy()
    numbers, words = int(rows[is_number].sum()), int(rows[~is_number].sum())
    return ColumnQuality(int(rows.sum()), int(rows.max()), len(rows) == 1, numbers, words)


def _outcome(sources: Sources) -> tuple[tuple[str, ...], Ints]:
    """Classes of the truth and the place of each row's, -1 where it is unknown."""
    if sources.data.target is None:
        return (), np.full(sources.frame.rows, -1, dtype=np.int64)
    if sources.task == "regression":
        numbers = sources.numbers("target")
        codes = np.where(numbers > np.nanmedian(numbers), 0, 1)
        return MEDIAN, np.where(np.isnan(numbers), -1, codes)
    truth = sources.labels(sources.data.target)
    names = tuple(name for name in truth.names if name != MISSING)
    place = np.array([names.index(name) if name != MISSING else -1 for name in truth.names])
    return names, place[truth.codes]


def _outside(sources: Sources, name: str, ends: tuple[float, float]) -> tuple[int, int]:
    """Values of a column with a declared range, and those outside of it."""
    frame = sources.inputs if name in sources.inputs.columns else sources.whole("audit")
    if frame is None:
        raise ValueError("there are no audited rows")
    try:
        numbers = frame.numbers(name)
    except FrameError as error:
        raise ConfigError([Problem(f"data.ranges.{name}", str(error))]) from None
    low, high = ends
    return int((~np.isnan(numbers)).sum()), int(((numbers < low) | (numbers > high)).sum())


def _recurring(frame: Frame, names: list[str], codes: Ints) -> tuple[int, int]:
    """Rows of which an equal one came before, and rows whose inputs another has with another truth."""
    (keys,) = column_keys([frame], names)
    if not len(keys):
        return 0, 0
    inputs, place = np.unique(keys.sum(axis=0, dtype=np.uint64), return_inverse=True)
    outcomes = int(codes.max(initial=0)) + 1
    whole = np.sort(place * (outcomes + 1) + codes + 1)
    known = whole[whole % (outcomes + 1) > 0]
    kinds = known[np.concatenate([[True], known[1:] != known[:-1]])] if len(known) else known
    differing = np.bincount(kinds // (outcomes + 1), minlength=len(inputs)) > 1
    return int((whole[1:] == whole[:-1]).sum()), int(differing[place[codes >= 0]].sum())
