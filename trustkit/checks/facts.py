"""Estimates of facts: of width zero at every level, so that they spend no error."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np

from trustkit.checks.base import Estimate
from trustkit.measure.intervals import Certain


def fact(metric: str, value: float, n: int, subject: Mapping[str, Any] | None = None) -> Estimate:
    """Return a fact about `n` things; undefined where there are none."""
    if n == 0:
        return Estimate(metric, subject or {}, float("nan"), 0, 0, why="nothing to count")
    return Estimate(metric, subject or {}, float(value), n, n, limits=Certain(np.array([float(value)])))


def age(metric: str, day: date, as_of: date) -> Estimate:
    """Return the days from a day to that of the audit; undefined where it is yet to come."""
    if day > as_of:
        return Estimate(metric, {}, float("nan"), 1, 1, why=f"{day} is after the day of the audit")
    return fact(metric, (as_of - day).days, 1)
