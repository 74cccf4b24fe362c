"""Means over the rows of a regression, with limits where the rows are bounded; distances of predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from trustkit.evidence.blocks import Ints
from trustkit.evidence.residuals import Histograms, Moments
from trustkit.measure.intervals import Difference, Floats, KolmogorovSmirnov, Linear, MeanWithin, Ratio
from trustkit.measure.rates import effective_size

Sums: TypeAlias = Mapping[str, Floats]


@dataclass(frozen=True)
class Quantity:
    """A number that each row has.

    Attributes
    ----------
    among : {"judged", "predicted"}
        Rows that have it: those with a truth and a prediction, or with a prediction.
    first, second : callable
        Sum of it and of its square, from sums of `trustkit.evidence.residuals.TERMS`.
    low, high : float or array, shape (groups,)
        Ends that it keeps to where the target has ends, in units of their distance.
    power : int
        Power of the target's unit that it is measured in.
    """

    among: Literal["judged", "predicted"]
    first: Callable[[Sums], Floats]
    second: Callable[[Sums], Floats]
    low: float | Floats
    high: float | Floats
    power: int


ERROR = Quantity("judged", lambda of: of["error"], lambda of: of["error2"], -1.0, 1.0, 1)
ABSOLUTE = Quantity("judged", lambda of: of["absolute"], lambda of: of["error2"], 0.0, 1.0, 1)
SQUARE = Quantity("judged", lambda of: of["error2"], lambda of: of["error4"], 0.0, 1.0, 2)
PREDICTION = Quantity("predicted", lambda of: of["prediction"], lambda of: of["prediction2"], -0.5, 0.5, 1)


def gain(moments: Moments) -> Quantity:
    """Squared error of each group's best constant answer, its mean truth, less that of the prediction."""
    with np.errstate(divide="ignore", invalid="ignore"):
        c = moments.mass["truth"] / moments.mass["judged"]
    far, near = 0.5 + np.abs(c), 0.5 - np.abs(c)
    return Quantity(
        "judged",
        lambda of: of["truth2"] - of["error2"] - 2 * c * of["truth"] + c**2 * of["judged"],
        lambda of: (
            of["gain2"]
            - 4 * c * of["gain_truth"]
            + 2 * c**2 * (3 * of["truth2"] - of["error2"])
            - 4 * c**3 * of["truth"]
            + c**4 * of["judged"]
        ),
        near**2 - 1,
        far**2,
        0,
    )


@dataclass(frozen=True)
class Average:
    """Mean of a quantity in each group.

    Attributes
    ----------
    value : array, shape (groups,)
        In the quantity's unit; NaN where there is no row.
    n : array of int, shape (groups,)
        Rows that have the quantity.
    place : MeanWithin or None
        Limits of its place between the ends, from 0 to 1; None where the target has no ends.
    low, width : array, shape (groups,)
        The lower end, and the distance of the ends.
    """

    value: Floats
    n: Ints
    place: MeanWithin | None
    low: Floats
    width: Floats

    @property
    def limits(self) -> Linear | None:
        """Limits of the mean."""
        return None if self.place is None else Linear(self.place, self.width, self.low)

    def take(self, index: Sequence[int]) -> Average:
        """Return the groups at `index`, which may occur more than once."""
        place = None if self.place is None else self.place.take(index)
        return Average(self.value[index], self.n[index], place, self.low[index], self.width[index])

    def less(self, other: Average) -> tuple[Floats, Linear | None]:
        """Difference to the means of other groups, place by place, and its limits."""
        value = self.value - other.value
        if self.place is None or other.place is None:
            return value, None
        apart = Difference.of_groups(self.place, other.place)
        return value, Linear(apart, self.width, np.zeros(len(value)))

    def over(self, other: Average) -> tuple[Floats, Ratio | None]:
        """Ratio of means that are not negative to those of other groups, and its limits."""
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.where(other.value == 0, np.nan, self.value / other.value)
        if self.place is None or other.place is None:
            return value, None
        return value, Ratio(self.place, other.place)


def average(moments: Moments, quantity: Quantity) -> Average:
    """Mean of a quantity in each group, weighted where rows are."""
    table = moments.table
    among = table.decided if quantity.among == "predicted" else table.decided & table.truth_known
    n = table.n[:, among].sum(axis=1)
    mass = moments.mass[quantity.among]
    unit = np.full(len(n), moments.width**quantity.power)
    origin = moments.middle if quantity.among == "predicted" else 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(n > 0, quantity.first(moments.mass) / mass, np.nan)
        if moments.ends is None:
            return Average(mean, n, None, np.full(len(n), -np.inf), np.full(len(n), np.inf))
        variance = np.maximum(quantity.second(moments.mass) / mass - mean**2, 0.0)
    if moments.buckets is not None:
        size, df = effective_size(table, among, quantity.first(moments.buckets), mean, variance)
    elif table.weight is not None:
        size, df = _weighted_size(moments, quantity, n, mean, variance)
    else:
        size, df = n.astype(np.float64), np.full(len(n), np.inf)
    width = quantity.high - quantity.low
    place = MeanWithin((mean - quantity.low) / width, variance / width**2, size, df)
    return Average(mean * unit + origin, n, place, quantity.low * unit + origin, width * unit)


def explained(moments: Moments) -> Floats:
    """R^2 of each group: 1 less the squared errors over the squared distances from the group's mean truth.

    NaN where all truths are the same.
    """
    of = moments.mass
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = of["truth2"] - of["truth"] ** 2 / of["judged"]
        # what is left of equal truths is rounding
        spread = np.where(spread > 1e-14 * of["truth2"], spread, np.nan)
        return np.asarray(1 - of["error2"] / spread)


def kolmogorov_smirnov(one: Histograms, other: Histograms) -> KolmogorovSmirnov:
    """Distance of each group of `one` from that of `other`: greatest difference of the shares below a value.

    It is taken at the ends of the bins; inside of a bin it may be greater by the slack of the limits.
    """
    below, other_below = _below(one), _below(other)
    apart = below - other_below
    value = np.abs(apart).max(axis=1, initial=0.0)
    before, other_before = (np.pad(each[:, :-1], ((0, 0), (1, 0))) for each in (below, other_below))
    within = np.maximum(below - other_before, other_below - before).max(axis=1, initial=0.0)
    value, within = (np.where(np.isnan(apart).any(axis=1), np.nan, each) for each in (value, within))
    n, m = (each.n.sum(axis=1).astype(np.float64) for each in (one, other))
    return KolmogorovSmirnov(value, np.maximum(within - value, 0.0), n, m)


def wasserstein(one: Histograms, other: Histograms) -> Floats:
    """How far predictions of `one` would have to move, on average, to be those of `other`.

    In the target's unit; predictions stand at the middle of their bins.
    """
    middle = (one.low + one.high) / 2
    apart = np.abs(_below(one) - _below(other))[:, :-1]
    return np.asarray((apart * np.diff(middle)).sum(axis=1))


def _below(histograms: Histograms) -> Floats:
    """Share of each group's predictions up to the end of each bin, shape (groups, bins); NaN of no rows."""
    counts = np.cumsum(histograms.mass, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(counts / histograms.mass.sum(axis=1, keepdims=True))


def _weighted_size(
    moments: Moments, quantity: Quantity, n: Ints, value: Floats, variance: Floats
) -> tuple[Floats, Floats]:
    """Effective size of a mean over weighted rows, min(Kish, linearized, n), and its degrees of freedom."""
    of = moments.mass_squared
    mass, squared = moments.mass[quantity.among], of[quantity.among]
    with np.errstate(divide="ignore", invalid="ignore"):
        scatter = quantity.second(of) - 2 * value * quantity.first(of) + value**2 * squared
        size = np.fmin(mass**2 / squared, np.where(scatter > 0, variance * mass**2 / scatter, np.inf))
    size = np.nan_to_num(np.fmin(size, n))
    return size, size / 2
