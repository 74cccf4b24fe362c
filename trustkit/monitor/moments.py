"""Moments and spans of time, as they are written: in seconds, as dates, or in words."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trustkit.errors import ConfigError, Problem
from trustkit.monitor.calls import rows_in

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*")

LATEST = 1e11
"""Seconds beyond which a number is no moment: it is of milliseconds, or of less."""

AHEAD = 86400.0
"""Seconds by which a moment may lie ahead of the clock; one far ahead would close all windows before it."""


def seconds(key: str, span: Any, *, least: float = 0.0) -> float:
    """Read a span of time, as ``90s``, ``15m``, ``1h``, ``28d``, ``2w`` or a number of seconds.

    Raises
    ------
    ConfigError
        Naming `key`, for what is no span, or one that is not longer than `least`
        (at least `least` where that is zero).
    """
    value = float("nan")
    if isinstance(span, int | float) and not isinstance(span, bool):
        value = float(span)
    elif isinstance(span, str) and (found := _SPAN.fullmatch(span)):
        value = float(found[1]) * _UNITS[found[2]]
    if not np.isfinite(value):
        told = "is no span of time; write 90s, 15m, 1h, 28d or 2w, or a number of seconds"
        raise ConfigError([Problem(key, f"{span!r} {told}")])
    if value < least:
        raise ConfigError([Problem(key, f"{span!r} is shorter than {least:g} s")])
    return value


def times(at: Any) -> float | NDArray[np.float64]:
    """Read moments as seconds since 1970 UTC; times without a zone are of UTC.

    Parameters
    ----------
    at : float, datetime, date, ISO 8601 text, numpy or pandas time, or a column of them

    Raises
    ------
    ValueError
        For what is no moment, or a missing one.
    """
    found = _seconds(at)
    if not np.all(np.abs(found) < LATEST):
        raise ValueError("a time is missing, or not in seconds")
    return found


def times_by(now: float, at: Any) -> float | NDArray[np.float64]:
    """Read moments as `times` does, and raise nothing: one that is missing is `now`.

    Parameters
    ----------
    now : float
        The clock, in seconds.
    at : as `times` takes it

    Returns
    -------
    float or array
        NaN for what is no moment, and for what lies more than `AHEAD` seconds after `now`.
    """
    try:
        found = _seconds(at)
    except Exception:
        found = _one(at) if rows_in(at) is None else [_one(each) for each in at]
    found = np.asarray(found, dtype=np.float64)
    found = np.where(np.isnan(found), now, found)
    known = (found > -LATEST) & (found < min(now + AHEAD, LATEST))
    found = np.where(known, found, np.nan)
    return found if found.ndim else float(found)


def _one(at: Any) -> float:
    """One moment of a column; NaN where it is missing, infinite where it is none."""
    try:
        return float("nan") if at is None or at is pd.NaT else float(_seconds(at))
    except Exception:
        return float("inf")


def _seconds(at: Any) -> Any:  # noqa: PLR0911 (one line a kind of moment)
    if isinstance(at, bool):
        raise ValueError("a truth value is no time")
    if isinstance(at, int | float | np.integer | np.floating):
        return float(at)
    if isinstance(at, str):
        at = datetime.fromisoformat(at.strip())
    if isinstance(at, datetime):
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    if isinstance(at, date):
        return datetime(at.year, at.month, at.day, tzinfo=UTC).timestamp()
    if isinstance(at, np.datetime64):
        at = np.array([at])
        return float(_seconds(at)[0])
    if not hasattr(at, "dtype"):
        at = list(at)
        if not all(isinstance(each, int | float) and not isinstance(each, bool) for each in at):
            return np.array([_seconds(each) for each in at], dtype=np.float64)
    if not isinstance(at, np.ndarray | pd.Series | pd.Index):
        at = np.asarray(at)
    if at.dtype.kind in "iuf":
        return np.asarray(at, dtype=np.float64)
    moments = pd.DatetimeIndex(
        pd.to_datetime(np.asarray(at, dtype=object) if at.dtype == object else at, utc=True)
    )
    whole = moments.as_unit("us").asi8.astype(np.float64) / 1e6
    return np.where(moments.isna(), np.nan, whole)
