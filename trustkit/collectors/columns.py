"""A column of any kind, as a model can learn from it: by the order and the frequency of its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from trustkit.evidence.blocks import Ints
from trustkit.evidence.tables import MISSING
from trustkit.frames import Frame, FrameError, Labels

Floats = NDArray[np.float64]

MOST_LEVELS, ROWS_A_LEVEL = 40, 50
"""A single column is read in at most so many levels, and in fewer where rows are few."""


@dataclass(frozen=True)
class Column:
    """A column of the drawn rows, as it is learned from.

    Attributes
    ----------
    level : array of int
        The value of each row, or the range of values that it is in.
    place : array of float or None
        Place of each value in the order of all, NaN where it is missing; None
        of a short list of words, which have no order.
    is_category : bool
        Whether the values are words.
    """

    level: Ints
    place: Floats | None
    is_category: bool

    @classmethod
    def read(cls, frame: Frame, name: str) -> Self:
        """Read a column of numbers, or else of labels."""
        try:
            return cls.of_numbers(frame.numbers(name))
        except FrameError:
            return cls.of_labels(frame.labels(name))

    @classmethod
    def of_numbers(cls, numbers: Floats) -> Self:
        """Take numbers by their order alone."""
        missing = np.isnan(numbers)
        place = np.full(len(numbers), np.nan)
        place[~missing] = np.unique(numbers[~missing], return_inverse=True)[1]
        return cls(_levels(place), place, False)

    @classmethod
    def of_labels(cls, labels: Labels) -> Self:
        """Take words singly, and of a long list those that are rare in alphabetical ranges."""
        missing = np.array([name == MISSING for name in labels.names])
        place = np.where(missing[labels.codes], np.nan, labels.codes.astype(np.float64))
        is_long = len(labels.names) > _most(len(place))
        return cls(_levels(place), place if is_long else None, True)


def _most(rows: int) -> int:
    return int(np.clip(rows // ROWS_A_LEVEL, 4, MOST_LEVELS))


def _levels(place: Floats) -> Ints:
    """Level of each row: what is frequent alone, the rest in ranges of about equal rows; missing last."""
    most = _most(len(place))
    known = ~np.isnan(place)
    value = place[known].astype(np.int64)
    rows = np.bincount(value)
    level_of = np.arange(len(rows))
    if len(rows) > most:
        alone = rows * most >= 2 * len(value)
        ranges = most - int(alone.sum())
        rest = np.where(alone, 0, rows)
        level_of = (np.cumsum(rest) - rest) * ranges // max(int(rest.sum()), 1)
        level_of[alone] = ranges + np.arange(int(alone.sum()))
    level = np.full(len(place), most, dtype=np.int64)
    level[known] = level_of[value]
    return level
