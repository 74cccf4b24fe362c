"""Vocabularies: codes of labels, those that the audit did not know as one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.frames import Frame, FrameError, bin_names, label_text, labels_of

Ints = NDArray[np.int64]

_MOST = 10_000
"""So many values are remembered; beyond, all are forgotten."""

_FEW = 16
"""So many labels are looked for one by one in long columns."""

_NARROW = 256
"""Whole numbers nearer than this are looked up by their distance, which fits into a byte."""

_NUMBERS = frozenset({int, float, bool, type(None)})
"""Types that numpy reads as numbers, None as NaN."""


class Vocabulary:
    """Codes of the labels of one axis.

    Parameters
    ----------
    places : mapping of str to int
        Code of each canonical label.
    other, missing : int
        Codes of labels that are none of these, and of no value.
    edges : sequence of float
        Where numbers are cut into bins, whose names the labels are.
    """

    def __init__(self, places: dict[str, int], other: int, missing: int, edges: Sequence[float] = ()) -> None:
        self._places, self.other, self.missing = places, other, missing
        self._edges = np.asarray(edges, dtype=np.float64)
        self._bins = np.array(
            [self.code(name) for name in bin_names(edges)] if len(edges) else [], dtype=np.int64
        )
        self._known: dict[type, dict[Any, int]] = {str: {}, int: {}, float: {}, bool: {}, type(None): {}}

    @classmethod
    def of_axis(cls, labels: Sequence[str], edges: Sequence[float] = ()) -> Vocabulary:
        """Codes of an axis of a watch, whose last labels are ``(other)`` and ``(missing)``."""
        places = {label: code for code, label in enumerate(labels)}
        return cls(places, len(labels) - 2, len(labels) - 1, edges)

    @property
    def is_empty(self) -> bool:
        """Whether no label is known, as of a system that predicts numbers."""
        return len(self._places) <= 2

    def code(self, label: str) -> int:
        """Return the code of a canonical label."""
        return self._places.get(label, self.other)

    def of(self, values: Any) -> Ints:
        """Return the code of each value of a column, shape ``(rows,)``.

        Raises
        ------
        FrameError
            For values that cannot be labels.
        """
        if len(self._edges):
            try:
                return self._binned(numbers(values))
            except FrameError:  # the names of the bins, perhaps
                pass
        if isinstance(values, np.ndarray) and values.dtype.kind in "biuf" and values.ndim == 1:
            return self._of_numbers(values)
        if (
            isinstance(values, np.ndarray)
            and values.dtype.kind == "U"
            and len(self._places) <= _FEW < len(values)
        ):
            return self._of_words(values)
        if isinstance(values, np.ndarray) and values.dtype.kind in "OU":
            values = values.tolist()
        if isinstance(values, list):
            return self._of_list(values)
        labels = labels_of(values)
        return np.array([self.code(name) for name in labels.names], dtype=np.int64)[labels.codes]

    def _binned(self, values: NDArray[np.float64]) -> Ints:
        codes = self._bins[np.searchsorted(self._edges, values, side="right")]
        codes[np.isnan(values)] = self.missing
        return codes

    def _of_numbers(self, values: NDArray[Any]) -> Ints:
        if values.dtype.kind == "b":
            return np.array([self.code("false"), self.code("true")])[values.astype(np.int8)]
        if values.dtype.kind in "iu" and len(values):
            low, high = int(values.min()), int(values.max())
            if high - low < _NARROW:
                codes = np.array([self.code(str(number)) for number in range(low, high + 1)])
                return codes[(values - values.dtype.type(low)).astype(np.uint8)]
        distinct, place = np.unique(values, return_inverse=True)
        return np.array([self.code(label_text(each)) for each in distinct], dtype=np.int64)[place.ravel()]

    def _of_words(self, values: NDArray[np.str_]) -> Ints:
        """Codes of text of a fixed width, label by label: the fastest where there are few."""
        codes = np.full(len(values), -1, dtype=np.int64)
        for label, code in self._places.items():
            if code not in (self.other, self.missing):
                np.copyto(codes, code, where=values == label)
        rest = np.flatnonzero(codes < 0)
        codes[rest] = self._of_list(values[rest].tolist())
        return codes

    def _of_list(self, values: list[Any]) -> Ints:
        kinds = set(map(type, values))
        if not kinds <= self._known.keys():
            return np.array([self.code(label_text(each)) for each in values], dtype=np.int64)
        try:
            return self._looked_up(values, kinds)
        except KeyError:
            for kind in kinds:
                self._learn(kind, {each for each in values if type(each) is kind})
            return self._looked_up(values, kinds)

    def _looked_up(self, values: list[Any], kinds: set[type]) -> Ints:
        known = self._known
        one = known[next(iter(kinds))] if len(kinds) == 1 else None
        codes = (known[type(each)][each] for each in values) if one is None else map(one.__getitem__, values)
        return np.fromiter(codes, np.int64, len(values))

    def _learn(self, kind: type, values: set[Any]) -> None:
        known = self._known[kind]
        if len(known) > _MOST:
            known.clear()
        known.update({each: self.code(label_text(each)) for each in values - known.keys()})


def numbers(values: Any) -> NDArray[np.float64]:
    """Return a column as numbers, NaN where there is none.

    Raises
    ------
    FrameError
        Where it holds anything that is not a number.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return values.astype(np.float64)
    if isinstance(values, list) and _NUMBERS.issuperset(map(type, values)):
        with suppress(OverflowError):  # of a whole number beyond all floats
            return np.array(values, dtype=np.float64)
    dtype = getattr(values, "dtype", None)
    if getattr(dtype, "kind", "") in "biuf" and hasattr(values, "to_numpy"):
        return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
    import pandas as pd

    if len(values) == 0:
        return np.zeros(0)
    return Frame.open(pd.DataFrame({"values": values})).numbers("values")
