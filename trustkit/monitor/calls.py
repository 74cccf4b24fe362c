"""Calls: what a caller hands over, copied so that the caller may use it again."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_PLAIN = frozenset({str, int, float, bool, type(None)})
"""Types that are told at once, on the path of the caller."""

_SINGLE = (str, bytes, int, float, Decimal, date, np.generic, type(None))
_LAZY_COPIES = int(pd.__version__.partition(".")[0]) >= 3  # a shallow copy is copied once either is changed


_MINE = 2
"""References to the inputs of a call that goes: its own, and the argument of the count."""


class _Rooms:
    """Arrays to copy into: memory that is new to a process costs several times the copy."""

    def __init__(self) -> None:
        self._free: deque[NDArray[Any]] = deque()

    def copied(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return a copy, in a room of its shape where the last that was given back is one."""
        if _ROOM <= values.nbytes <= _MOST and self._free and type(values) is np.ndarray:
            with suppress(IndexError):  # another thread took the last
                room = self._free.pop()
                if room.shape == values.shape and room.dtype == values.dtype:
                    np.copyto(room, values)
                    return room
        return values.copy()

    def take_back(self, room: NDArray[Any]) -> None:
        """Keep a room that is no longer used, as long as there is space for such."""
        is_plain = type(room) is np.ndarray and room.base is None and room.dtype.kind in "biuf"
        is_fit = is_plain and room.flags.writeable and room.nbytes >= _ROOM
        if is_fit and room.nbytes * (len(self._free) + 1) <= _MOST:
            self._free.append(room)


_ROOM, _MOST = 1 << 16, 1 << 23
"""Bytes of an array for which a room is kept, and of all rooms of one size."""

_ROOMS = _Rooms()


@dataclass(slots=True, eq=False)
class Rows:
    """Some records of one call: each part None, one for all, or one a row.

    Attributes
    ----------
    n : int
        How many.
    X : array, frame, list or None
        Inputs; see `table_of`.
    names : tuple of str or None
        Columns of an array; None where those of the audit are meant.
    at : Any
        Seconds since 1970, or what `moments.times_by` reads.
    timed : bool
        The caller gave the time.
    latency : float or None
        Seconds that the model took for all of them.
    taken : float
        When the call came, by the clock.
    """

    n: int
    X: Any
    names: tuple[str, ...] | None
    prediction: Any
    score: Any
    sensitive: Any
    ids: Any
    at: Any
    timed: bool
    latency: float | None
    taken: float = field(default_factory=time.time)

    def __del__(self) -> None:
        """Let the room of the inputs be used again, unless another holds them."""
        if isinstance(self.X, np.ndarray) and sys.getrefcount(self.X) <= _MINE:
            _ROOMS.take_back(self.X)


@dataclass(slots=True, eq=False)
class Truths:
    """Labels that came, of decisions known by their ids."""

    ids: Any
    truth: Any
    at: Any


def rows_in(values: Any) -> int | None:
    """How many rows a column has; None for a single value."""
    if type(values) in _PLAIN:
        return None
    if isinstance(values, np.ndarray):
        return len(values) if values.ndim else None
    if isinstance(values, _SINGLE):
        return None
    shape = getattr(values, "shape", None)
    if shape is not None and not isinstance(values, Mapping):
        return int(shape[0]) if len(shape) else None
    return len(values) if hasattr(values, "__len__") else None


def kept(values: Any) -> Any:  # noqa: PLR0911 (one line a kind of value)
    """Return a copy of a column, a table or a single value that no later change of the caller's reaches."""
    if type(values) in _PLAIN:
        return values
    if isinstance(values, np.ndarray):
        return _ROOMS.copied(values) if values.ndim else values.item()
    if type(values) is dict:
        return _kept_by_name(values)
    if isinstance(values, _SINGLE):
        return values
    if isinstance(values, pd.DataFrame | pd.Series):
        return values.copy(deep=not _LAZY_COPIES)
    if isinstance(values, Mapping):
        return _kept_by_name(values)
    if isinstance(values, list | tuple):
        return [each if type(each) in _PLAIN else kept(each) for each in values]
    if hasattr(values, "__array__") and not hasattr(values, "columns"):
        copy = np.array(values)  # a tensor, a series of another library
        return copy if copy.ndim else copy.item()
    for copying in ("clone", "copy"):
        if hasattr(values, copying):
            return getattr(values, copying)()
    return values  # Arrow's never change


def only(values: Any) -> Any:
    """Return the value in a list of one, as a service has it: it is coded sooner; else what is given."""
    is_one = type(values) is list and len(values) == 1 and type(values[0]) in _PLAIN
    return values[0] if is_one else values


def _kept_by_name(values: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): each if type(each) in _PLAIN else kept(each) for name, each in values.items()}


def table_of(X: Any, rows: int) -> Any:
    """Return a copy of inputs: an array of two dimensions, a frame, or a list of records or rows."""
    copy = kept(X)
    if isinstance(copy, np.ndarray) and copy.ndim != 2:
        return copy.reshape(rows, -1)
    if isinstance(copy, dict):
        return [copy] if all(rows_in(each) is None for each in copy.values()) else pd.DataFrame(copy)
    if isinstance(copy, list) and rows == 1 and len(copy) != 1:
        return [copy]
    if isinstance(copy, pd.Series):
        return copy.to_frame().T if rows == 1 and len(copy) != 1 else copy.to_frame()
    return copy
