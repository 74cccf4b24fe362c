"""Distinct values: what a column holds, each value once, as text of bounded length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_VALUES = 10_000
"""Distinct values of a column that are looked at; of more, so many are drawn."""

LONGEST = 4096
"""Characters of a value that are looked at."""

MOST_TEXT = 4_000_000
"""Characters of a column's distinct values that are looked at together."""


@dataclass(frozen=True)
class Values:
    """The distinct values of a column.

    Attributes
    ----------
    texts : tuple of str
        Those looked at, in the order of their first rows: integral numbers
        without a fraction, dates as ISO 8601, bytes as the characters of
        their codes.
    counts : ndarray of int, shape (texts,)
        In how many of the rows looked at each stands.
    of : int
        How many distinct values these rows hold.
    rows : int
        How many of these rows hold a value.
    numbers : bool
        Whether the column is of numbers, which lose leading zeros.
    """

    texts: tuple[str, ...]
    counts: NDArray[np.int64]
    of: int
    rows: int
    numbers: bool = False

    @classmethod
    def of_texts(cls, texts: Iterable[str], seed: int = 0) -> Values:
        """Take the distinct ones of texts that are in no column."""
        counted = Counter(text[:LONGEST].encode("utf-8", "replace").decode() for text in texts)
        counts = np.array(list(counted.values()), dtype=np.int64)
        each = list(counted)
        return cls.drawn(counts, lambda places: [each[place] for place in places], seed)

    @classmethod
    def drawn(
        cls,
        counts: NDArray[np.int64],
        texts_at: Callable[[NDArray[np.int64]], list[str]],
        seed: int,
        *,
        numbers: bool = False,
    ) -> Values:
        """Take the values that stand so often, a seeded draw where there are too many, as texts."""
        places = np.arange(len(counts))
        if len(counts) > MOST_VALUES:
            places = np.sort(
                np.random.default_rng([seed, 32]).choice(len(counts), MOST_VALUES, replace=False)
            )
        texts = texts_at(places)
        kept = _within(np.array([len(text) for text in texts], dtype=np.int64), seed)
        kept &= np.array([text not in ("", "nan") for text in texts], dtype=bool)
        told = tuple(text for text, keep in zip(texts, kept, strict=True) if keep)
        return cls(told, counts[places[kept]], len(counts), int(counts.sum()), numbers)


def _within(lengths: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    """Tell which values, drawn one after the other, fit into `MOST_TEXT`."""
    kept = np.ones(len(lengths), dtype=bool)
    if lengths.sum() > MOST_TEXT:
        order = np.random.default_rng([seed, 33]).permutation(len(lengths))
        kept[order] = np.cumsum(lengths[order]) <= MOST_TEXT
    return kept
