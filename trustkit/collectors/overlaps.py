"""The collector of overlaps: look for audited rows in training, and tell the outcome by each input."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trustkit.collectors.draws import drawing_order
from trustkit.collectors.keys import Keys, column_keys, values_of
from trustkit.collectors.singles import told_by_singles
from trustkit.collectors.sources import Sources
from trustkit.engines.relations import WHOLE_ROWS
from trustkit.evidence import Unavailable
from trustkit.evidence.blocks import Ints
from trustkit.evidence.overlaps import Match, Overlaps
from trustkit.evidence.tables import MISSING
from trustkit.frames import Frame, FrameError, Labels

DRAW = 31

MOST_TOLD = 20_000
"""Rows of which the outcome is told by each input alone."""

MOST_NEAR = 20_000
"""Audited rows that are looked for loosely, among all training rows."""

NAMING, FEWEST_NAMED, LONG = 0.9, 50, 10_000_000
"""Words, or whole numbers from `LONG` on, of which nine tenths occur once name persons or things."""

MOST_WORDS = 5
"""Words of a name at most: a text of more is a remark or an address."""

MOMENTS = tuple((1_000_000_000 * unit, 2_200_000_000 * unit) for unit in (1, 1e3, 1e6, 1e9))
"""Seconds since 1970, or parts of them, from 2001 to 2039: a column of them alone names nobody."""

_DAY = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}(?:\D|$)")


def collect_overlaps(sources: Sources) -> Overlaps:
    """Count rows and persons that are in both tables, and rank the rows by each input alone.

    Raises
    ------
    Unavailable
        Where there are neither training rows nor true outcomes.
    """
    train, data = sources.train, sources.data
    if train is None and data.target is None:
        raise Unavailable(
            "there are neither training rows nor true outcomes",
            supply="data.train: the rows that it was trained on; data.target: the true outcome",
        )
    if train is not None and sources.is_sampled(train):
        raise Unavailable(
            "the training rows are too many to be read whole, and a sample of them would miss what is shared",
            supply=f"data.train: at most {WHOLE_ROWS:,} training rows",
        )
    order = drawing_order(sources, DRAW)
    told = order[:MOST_TOLD]
    classes, singles = told_by_singles(sources, told)
    exact = near = None
    if train is not None:
        exact, near = _rows(sources, train, order)
    declared = {
        "inputs": list(sources.input_names),
        "seed": sources.seed,
        "most": MOST_TOLD,
        "unit": data.unit is not None,
        "train": train is not None,
        "truth": None if data.target is None else "median" if sources.task == "regression" else "classes",
    }
    return Overlaps.made(
        declared=declared,
        of=sources.frame.rows,
        drawn=len(told),
        exact=exact,
        near=near,
        persons={} if train is None else dict(_persons(sources, train)),
        later=None if train is None else _later(sources),
        classes=classes,
        singles=singles,
    )


# Rows


def _rows(sources: Sources, train: Frame, order: NDArray[np.intp]) -> tuple[Match | None, Match | None]:
    """Rows that are equal in all inputs and the target, and nearly equal in all but one."""
    there = [*sources.input_names, *([sources.data.target] if sources.data.target else [])]
    names = [name for name in dict.fromkeys(there) if name in train.columns]
    audit = sources.inputs.at(order) if sources.data.unit is not None else sources.inputs
    mine, theirs = (keys.sum(axis=0, dtype=np.uint64) for keys in column_keys([audit, train], names))
    if not names or not len(mine):
        return None, None
    among, in_train = _times(mine, mine), _times(theirs, theirs)
    exact = Match(
        len(mine),
        int((_times(mine, theirs) > 0).sum()),
        int((among > 1).sum()),
        len(theirs),
        int((in_train > 1).sum()),
    )
    return exact, _near(sources, train, names, order[:MOST_NEAR])


def _near(sources: Sources, train: Frame, names: Sequence[str], rows: NDArray[np.intp]) -> Match:
    """Rows of which training has one that differs in one column at most, but for digits and spelling."""
    mine, theirs = column_keys([sources.inputs.at(rows), train], names, loosely=True)
    seed = np.random.default_rng([sources.seed, DRAW, 1])
    few = np.sort(seed.permutation(train.rows)[:MOST_NEAR])
    total, in_train = mine.sum(axis=0, dtype=np.uint64), theirs.sum(axis=0, dtype=np.uint64)
    left_out = range(len(mine)) if len(mine) > 1 else range(0)
    shared = _times(total, in_train) > 0
    repeated = _times(total, total) > 1
    again = _times(in_train[few], in_train) > 1
    for column in left_out:
        one, other = total - mine[column], in_train - theirs[column]
        shared |= _times(one, other) > 0
        repeated |= _times(one, one) > 1
        again |= _times(other[few], other) > 1
    return Match(len(rows), int(shared.sum()), int(repeated.sum()), len(few), int(again.sum()))


def _times(keys: Keys, among: Keys) -> Ints:
    """How often each key occurs among others."""
    known = np.sort(among)
    asked, place = np.unique(keys, return_inverse=True)
    times = np.searchsorted(known, asked, side="right") - np.searchsorted(known, asked, side="left")
    return times[place]


# Persons


def _persons(sources: Sources, train: Frame) -> Iterator[tuple[str, Match]]:
    """Persons of the audit that training has too: by the declared unit, and by columns of names."""
    unit = sources.data.unit
    if unit is not None and unit in train.columns:
        mine, theirs = ({*frame.labels(unit).names} - {MISSING} for frame in (sources.frame, train))
        yield unit, Match(len(mine), len(mine & theirs), 0, len(theirs), 0)
    audit, whole = sources.whole("audit"), sources.whole("train")
    if audit is None or whole is None:
        return
    for name in audit.columns:
        if name in whole.columns and name not in (unit, sources.data.time) and _names_persons(whole, name):
            yield name, _named(audit, whole, name)


def _names_persons(frame: Frame, name: str) -> bool:
    """Whether a column holds names or long whole numbers of which nearly each occurs once."""
    with suppress(FrameError):
        values = values_of(frame, name)
        rows = int((~frame.missing(name)).sum())
        if isinstance(values, Labels):
            mostly = rows >= FEWEST_NAMED and len(values.names) >= NAMING * rows
            return mostly and sum(map(_may_name, values.names)) >= NAMING * len(values.names)
        known = values[~np.isnan(values)]
        long = np.isfinite(known).all() and (known >= LONG).all() and (known == np.floor(known)).all()
        return (
            bool(long)
            and rows >= FEWEST_NAMED
            and len(np.unique(known)) >= NAMING * rows
            and not any(((known >= first) & (known < last)).all() for first, last in MOMENTS)
        )
    return False


def _may_name(text: str) -> bool:
    """Whether a text may name somebody: a day is many people's, and a remark speaks of something."""
    return not _DAY.match(text) and len(text.split(maxsplit=MOST_WORDS)) <= MOST_WORDS


def _named(audit: Frame, train: Frame, name: str) -> Match:
    """Rows whose name is found in training, and how often names recur: namesakes are not the same person."""
    words = isinstance(values_of(train, name), Labels)
    both = zip(column_keys([audit, train], [name], loosely=words), (audit, train), strict=True)
    mine, theirs = (keys[0][~frame.missing(name)] for keys, frame in both)
    repeated, again = (int((_times(keys, keys) > 1).sum()) for keys in (mine, theirs))
    return Match(len(mine), int((_times(mine, theirs) > 0).sum()), repeated, len(theirs), again)


# Time


def _later(sources: Sources) -> tuple[int, int] | None:
    """Pairs of an audited and a training row, and of them those whose training row is the later."""
    column, audit, train = sources.data.time, sources.whole("audit"), sources.whole("train")
    if column is None or audit is None or train is None or column not in train.columns:
        return None
    mine, theirs = (_times_of(frame, column) for frame in (audit, train))
    later = len(theirs) - np.searchsorted(np.sort(theirs), mine, side="right")
    return len(mine) * len(theirs), int(later.sum())


def _times_of(frame: Frame, column: str) -> Ints:
    """Times of the rows that have one, in nanoseconds, or the numbers that stand for them."""
    with suppress(FrameError):
        numbers = frame.numbers(column)
        return numbers[~np.isnan(numbers)]  # type: ignore[return-value]
    labels = frame.labels(column)
    parsed = pd.to_datetime(pd.Series(labels.names), errors="coerce", format="ISO8601", utc=True)
    known = parsed.notna().to_numpy()[labels.codes]
    moments = parsed.dt.tz_localize(None).to_numpy(dtype="datetime64[ns]").astype(np.int64)
    return moments[labels.codes[known]]
