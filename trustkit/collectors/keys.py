"""Keys of rows: one number a row, equal where rows are equal, by which tables are compared."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trustkit.frames import Frame, FrameError, Labels

Keys = NDArray[np.uint64]

DIGITS = 3
"""Numbers are nearly equal where their first digits, so many, are."""

HEAD, MANY = 1000, 20_000
"""Of many rows so many are looked at first: it takes long to find out late that words are no numbers."""

_STEP = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: makes odd factors that differ from column to column
_MISSING = 0x5851F42D4C957F2D


def column_keys(frames: Sequence[Frame], names: Sequence[str], *, loosely: bool = False) -> list[Keys]:
    """Return a key for each value of each column; shape (columns, rows), one array a frame.

    The sum of a row's keys is the key of the row. A column is read as numbers
    where it holds numbers in all frames, else as labels; one that cannot be
    read is left out.

    Parameters
    ----------
    frames : sequence of Frame
        Tables to compare.
    names : sequence of str
        Columns.
    loosely : bool
        Whether numbers of three equal digits, and words that differ in case
        and spaces alone, get the same key.
    """
    made: list[list[Keys]] = [[] for _ in frames]
    for place, name in enumerate(names):
        with suppress(FrameError):
            for keys, found in zip(made, _read(frames, name, loosely=loosely), strict=True):
                keys.append(found * np.uint64((2 * place + 1) * _STEP % 2**64 | 1))
    return [np.array(keys, dtype=np.uint64).reshape(-1, f.rows) for keys, f in zip(made, frames, strict=True)]


def values_of(frame: Frame, name: str) -> NDArray[np.float64] | Labels:
    """Read a column as numbers, else as labels; FrameError where it holds neither."""
    with suppress(FrameError):
        return numbers_of(frame, name)
    return frame.labels(name)


def numbers_of(frame: Frame, name: str) -> NDArray[np.float64]:
    """Read a column as numbers; FrameError where it holds others, which its first rows often tell at once."""
    if frame.rows > MANY:
        frame.at(np.arange(HEAD)).numbers(name)
    return frame.numbers(name)


def _read(frames: Sequence[Frame], name: str, *, loosely: bool) -> list[Keys]:
    try:
        return [_of_numbers(numbers_of(frame, name), loosely=loosely) for frame in frames]
    except FrameError:
        return [_of_labels(frame.labels(name), loosely=loosely) for frame in frames]


def _of_numbers(numbers: NDArray[np.float64], *, loosely: bool) -> Keys:
    missing = np.isnan(numbers)
    values = np.where(missing, 0.0, numbers) + 0.0  # no -0
    if loosely:
        with np.errstate(divide="ignore", invalid="ignore"):
            unit = 10.0 ** (np.floor(np.log10(np.abs(values))) - (DIGITS - 1))
            values = np.where((values != 0) & np.isfinite(values), np.round(values / unit), 0.0) + unit
    keys = pd.util.hash_array(values)
    keys[missing] = _MISSING
    return keys


def _of_labels(labels: Labels, *, loosely: bool) -> Keys:
    names = [" ".join(name.casefold().split()) for name in labels.names] if loosely else list(labels.names)
    return pd.util.hash_array(np.array(names, dtype=object), categorize=False)[labels.codes]
