"""Limits of a change between two audits: from printed intervals, or from the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from trustkit.measure.intervals import Floats, Level, Limits
from trustkit.measure.special import ndtri, stdtrit

Mirror: TypeAlias = Literal["", "negated", "inverted"]
"""What is compared with: a figure itself, less it, or one over it."""


@dataclass(frozen=True)
class Printed(Limits):
    """Limits rebuilt from intervals that were printed at two levels.

    The distance from the estimate to a limit is taken as ``a z + b z^2``, z the
    normal quantile of the level: the first two terms of the expansion that
    exact and likelihood limits share. It is exact at both printed levels. A
    limit that was printed as unbounded is so at every level.

    Parameters
    ----------
    value : array, shape (estimates,)
        What was estimated.
    low, high, level : array, shape (estimates,)
        One interval, and the level at which each of its ends is one-sided.
    near_low, near_high, near_level : array, shape (estimates,)
        The other, at a level at least as large.
    """

    value: Floats
    low: Floats
    high: Floats
    level: Floats
    near_low: Floats
    near_high: Floats
    near_level: Floats

    def lower(self, level: Level) -> Floats:
        """Estimate less the distance below."""
        return self.value - self._reach(self.value - self.near_low, self.value - self.low, level)

    def upper(self, level: Level) -> Floats:
        """Estimate plus the distance above."""
        return self.value + self._reach(self.near_high - self.value, self.high - self.value, level)

    def mirrored(self, how: Sequence[Mirror]) -> Printed:
        """Limits of each figure itself, of less it, or of one over it."""
        negated, inverted = (np.array([each == name for each in how]) for name in ("negated", "inverted"))

        def turned(end: Floats, other: Floats) -> Floats:
            with np.errstate(divide="ignore"):
                return np.where(negated, -other, np.where(inverted, 1 / other, end))

        return Printed(
            turned(self.value, self.value),
            *(turned(self.low, self.high), turned(self.high, self.low), self.level),
            *(turned(self.near_low, self.near_high), turned(self.near_high, self.near_low), self.near_level),
        )

    def _reach(self, near: Floats, far: Floats, level: Level) -> Floats:
        z, near_z, far_z = -ndtri(level), -ndtri(self.near_level), -ndtri(self.level)
        with np.errstate(divide="ignore", invalid="ignore"):
            near_slope, far_slope = near / near_z, far / far_z
            bend = np.where(far_z - near_z > 1e-6, (far_slope - near_slope) / (far_z - near_z), 0.0)
            slope = near_slope - bend * near_z
            top = np.where(bend < 0, -slope / (2 * bend), np.inf)
            at = np.minimum(z, top)
            reach = np.maximum(slope * at + bend * at**2, 0.0)
        return np.where(np.isfinite(near) & np.isfinite(far), reach, np.inf)


@dataclass(frozen=True)
class Unpaired(Limits):
    """MOVER limits of ``new - old``, taken as measured on different rows (Newcombe 1998).

    On the same rows they are wider than need be wherever the two estimates
    move together, as those of two systems do that mostly decide alike.
    """

    new: Printed
    old: Printed

    def lower(self, level: Level) -> Floats:
        """MOVER lower limit."""
        down, up = self.new.value - self.new.lower(level), self.old.upper(level) - self.old.value
        return self.new.value - self.old.value - np.hypot(down, up)

    def upper(self, level: Level) -> Floats:
        """MOVER upper limit."""
        up, down = self.new.upper(level) - self.new.value, self.old.value - self.old.lower(level)
        return self.new.value - self.old.value + np.hypot(up, down)


@dataclass(frozen=True)
class Paired(Limits):
    """Limits of a change on the same rows, with unseen changes allowed for.

    Few rows may carry the change and the next ones may be missing from the
    sample: the variance is taken as though 1 + 2 ln(1 / level) more rows that
    move the figure as far as any can were in it.

    Parameters
    ----------
    value, variance : array, shape (estimates,)
        The change, and its variance.
    df : array, shape (estimates,)
        Degrees of freedom of the variance.
    largest : array, shape (estimates,)
        The most that one row can move it.
    """

    value: Floats
    variance: Floats
    df: Floats
    largest: Floats

    def lower(self, level: Level) -> Floats:
        """Change less the distance."""
        return self.value - self._distance(level)

    def upper(self, level: Level) -> Floats:
        """Change plus the distance."""
        return self.value + self._distance(level)

    def _distance(self, level: Level) -> Floats:
        unseen = (1 - 2 * np.log(level)) * self.largest**2
        return np.asarray(-stdtrit(self.df, level) * np.sqrt(self.variance + unseen))


@dataclass(frozen=True)
class Moved:
    """A figure of one system, and how far rows move it.

    Attributes
    ----------
    value : float
        The figure.
    row : array, shape (people, decisions)
        Change of the figure by one more row of such people and decision.
    buckets : array, shape (buckets,)
        Change of it by all the rows of each bucket.
    """

    value: float
    row: Floats
    buckets: Floats

    def mirrored(self, how: Mirror) -> Moved:
        """Return the figure itself, less it, or one over it."""
        if not how:
            return self
        if how == "negated":
            return Moved(-self.value, -self.row, -self.buckets)
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = -1 / np.square(self.value)
            return Moved(float(np.divide(1, self.value)), slope * self.row, slope * self.buckets)


@dataclass(frozen=True)
class SameRows:
    """The figures of two systems that decided the same rows, in the same buckets.

    Attributes
    ----------
    new, old : mapping of str to Moved
        By the id of the finding.
    clustered : bool
        Whether buckets are of units: then one unit may move a figure as far as any bucket does.
    """

    new: Mapping[str, Moved]
    old: Mapping[str, Moved]
    clustered: bool = False

    def change(self, new: str, old: str, mirror: Mirror = "") -> Paired | None:
        """Limits of the change of one figure from another; None where either is not known.

        The variance is that between buckets, of what they move the one figure
        less what they move the other.
        """
        if new not in self.new or old not in self.old:
            return None
        now, was = self.new[new], self.old[old].mirrored(mirror)
        moved = now.buckets - was.buckets
        df = len(moved) - 1
        if df < 1:
            return None
        variance = np.square(moved - moved.mean()).sum() * (df + 1) / df
        largest = np.abs(now.row[:, :, None] - was.row[:, None, :]).max(initial=0.0)
        if self.clustered:
            largest = np.maximum(largest, np.abs(moved).max())
        return Paired(*(np.array([each]) for each in (now.value - was.value, variance, float(df), largest)))
