"""One-sided confidence limits as functions of the level, vectorized over claims."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trustkit.measure.special import betaincinv, gammainc, gammaincc, ndtr, ndtri, stdtrit

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

Floats: TypeAlias = NDArray[np.float64]
Level: TypeAlias = float | Floats

SMALLEST_LEVEL = 1e-16
"""Levels below this are not resolved; a p-value stops here."""


@dataclass(frozen=True)
class Limits:
    """One-sided confidence limits of a row of estimates.

    Every field of a subclass is an array with one entry an estimate, another
    `Limits` of the same length, or a tuple of such. `lower(level)` is exceeded from
    above by the true value with probability at most `level`; `upper` the
    same from below. Levels are scalars or arrays of shape ``(estimates,)``,
    at most 0.5.
    """

    def lower(self, level: Level) -> Floats:
        """Lower limits, shape ``(estimates,)``."""
        raise NotImplementedError

    def upper(self, level: Level) -> Floats:
        """Upper limits, shape ``(estimates,)``."""
        raise NotImplementedError

    def grown(self, factor: Floats) -> Self | None:
        """Return the limits had the subject `factor` times its rows, at the rates seen.

        None where all of the distance to the limits shrinks with the root of
        `factor`, near enough.
        """
        return None

    def placed(self, value: Floats) -> Self | None:
        """Return the limits had the estimate been `value` on the same rows; None where that is not known."""
        return None

    @property
    def kin(self) -> Hashable:
        """Limits of equal kin can be joined."""
        return type(self), *(_kin(getattr(self, field.name)) for field in fields(self))

    def take(self, index: Any) -> Self:
        """Return the limits of the estimates at `index`."""
        return type(self)(*(_take(getattr(self, field.name), index) for field in fields(self)))

    @classmethod
    def joined(cls, several: Sequence[Limits]) -> Self:
        """Return the limits of the estimates of several of one kin, in their order."""
        return cls(*(_join([getattr(limits, field.name) for limits in several]) for field in fields(cls)))

    def p_above(self, limit: Floats) -> Floats:
        """Return the smallest level at which the lower limit exceeds `limit`; 1 where none does."""
        return _smallest_level(self, limit, above=True)

    def p_below(self, limit: Floats) -> Floats:
        """Return the smallest level at which the upper limit is under `limit`; 1 where none is."""
        return _smallest_level(self, limit, above=False)


class Measured(Protocol):
    """Limits that know the estimates they are of, so that others can be made of them."""

    @property
    def value(self) -> Floats:
        """The estimates, shape ``(estimates,)``; NaN where undefined."""

    def lower(self, level: Level) -> Floats:
        """Lower limits."""

    def upper(self, level: Level) -> Floats:
        """Upper limits."""

    def take(self, index: Any) -> Self:
        """Return the limits of the estimates at `index`."""

    def grown(self, factor: Floats) -> Any:
        """Return the limits had the subject `factor` times its rows, or None."""

    def placed(self, value: Floats) -> Any:
        """Return the limits had the estimate been `value`, or None."""


@dataclass(frozen=True)
class Certain(Limits):
    """Limits of facts: width zero at every level."""

    value: Floats

    def lower(self, level: Level) -> Floats:
        """Return the fact."""
        return self.value

    def upper(self, level: Level) -> Floats:
        """Return the fact."""
        return self.value


@dataclass(frozen=True)
class ClopperPearson(Limits):
    """Exact limits of a proportion (Clopper & Pearson 1934) at a real-valued sample size.

    With independent unweighted rows `n` is their number and `df` infinite.
    Otherwise `n` is the effective size and `df` the degrees of freedom of its
    variance estimate: `n` shrinks by (z/t)^2 (Korn & Graubard 1998).

    Parameters
    ----------
    value : array, shape (estimates,)
        The proportion, NaN where undefined: its limits are then 0 and 1.
    n : array, shape (estimates,)
        Effective sample size.
    df : array, shape (estimates,)
        Degrees of freedom of the variance estimate, infinite where the rows are independent.
    """

    value: Floats
    n: Floats
    df: Floats

    def _size(self, level: Level) -> Floats:
        if np.isinf(self.df).all():
            return self.n
        with np.errstate(divide="ignore", invalid="ignore"):
            shrink = np.where(np.isinf(self.df), 1.0, ndtri(level) / stdtrit(self.df, level))
        return self.n * np.where(self.df > 0, np.nan_to_num(shrink, nan=1.0), 0.0) ** 2

    def lower(self, level: Level) -> Floats:
        """Beta quantile at `level`; 0 where nothing was counted or the value is undefined."""
        n = self._size(level)
        return _beta_limit(self.value * n, n, level)

    def upper(self, level: Level) -> Floats:
        """Beta quantile at 1 - `level`, without losing the digits of a small level."""
        n = self._size(level)
        return 1.0 - _beta_limit((1.0 - self.value) * n, n, level)

    def grown(self, factor: Floats) -> Self:
        """Multiply the sample."""
        return replace(self, n=self.n * factor, df=self.df * factor)

    def placed(self, value: Floats) -> Self:
        """Move the proportion."""
        return replace(self, value=np.clip(value, 0.0, 1.0))


@dataclass(frozen=True)
class BoundedMean(Limits):
    """Limits of the mean of rows that lie in [0, 1].

    Clopper-Pearson is valid for any such rows (Hoeffding 1956); where their
    variance is less than a coin's, the sample counts for as much more. Large
    and rare rows may be missing from a sample: the variance is taken as though
    1 + 2 ln(1 / level) more rows of the largest distance were in it.

    Parameters
    ----------
    value, variance : array, shape (estimates,)
        Mean, and variance of a single row.
    n, df : array, shape (estimates,)
        As in `ClopperPearson`.
    """

    value: Floats
    variance: Floats
    n: Floats
    df: Floats

    def lower(self, level: Level) -> Floats:
        """Clopper-Pearson at the size that the variance stands for."""
        return self._at(level).lower(level)

    def upper(self, level: Level) -> Floats:
        """Clopper-Pearson at the size that the variance stands for."""
        return self._at(level).upper(level)

    def grown(self, factor: Floats) -> Self:
        """Multiply the sample."""
        return replace(self, n=self.n * factor, df=self.df * factor)

    def placed(self, value: Floats) -> Self:
        """Move the mean."""
        return replace(self, value=np.clip(value, 0.0, 1.0))

    def _at(self, level: Level) -> ClopperPearson:
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = self.variance + (1 - 2 * np.log(level)) / self.n
            gain = np.nan_to_num(self.value * (1 - self.value) / variance, nan=1.0)
        return ClopperPearson(self.value, self.n * np.maximum(gain, 1.0), self.df)


@dataclass(frozen=True)
class Linear(Limits):
    """Limits of ``scale * inner + shift``."""

    inner: Measured
    scale: Floats
    shift: Floats

    @property
    def value(self) -> Floats:
        """The estimates, transformed."""
        return self.scale * self.inner.value + self.shift

    def lower(self, level: Level) -> Floats:
        """Transformed lower limit."""
        return self.scale * self.inner.lower(level) + self.shift

    def upper(self, level: Level) -> Floats:
        """Transformed upper limit."""
        return self.scale * self.inner.upper(level) + self.shift

    def grown(self, factor: Floats) -> Self | None:
        """Grow what is transformed."""
        inner = self.inner.grown(factor)
        return None if inner is None else replace(self, inner=inner)

    def placed(self, value: Floats) -> Self | None:
        """Move what is transformed."""
        inner = self.inner.placed((value - self.shift) / self.scale)
        return None if inner is None else replace(self, inner=inner)


@dataclass(frozen=True)
class Difference(Limits):
    """MOVER limits of ``a - b`` (Newcombe 1998).

    Parameters
    ----------
    a, b : Measured
        The two rates, or what else has a value.
    rho : array, shape (estimates,)
        Correlation of their estimates: 0 for rates of different rows.
    paired : array of bool, shape (estimates,)
        Whether both are measured on the same rows.
    """

    a: Measured
    b: Measured
    rho: Floats
    paired: NDArray[np.bool_]

    @classmethod
    def of_groups(cls, a: Measured, b: Measured) -> Self:
        """Limits of a difference between separate groups."""
        return cls(a, b, np.zeros(len(a.value)), np.zeros(len(a.value), dtype=bool))

    def turned(self) -> Self:
        """Limits of ``b - a``."""
        return type(self)(self.b, self.a, self.rho, self.paired)

    @classmethod
    def of_shares(cls, a: ClopperPearson, b: ClopperPearson) -> Self:
        """Limits of a difference between two disjoint shares of the same rows."""
        with np.errstate(divide="ignore", invalid="ignore"):
            rho = -np.sqrt(a.value * b.value / ((1 - a.value) * (1 - b.value)))
        return cls(a, b, np.nan_to_num(rho, posinf=0.0, neginf=0.0), np.ones(len(a.value), dtype=bool))

    @property
    def value(self) -> Floats:
        """The difference."""
        return self.a.value - self.b.value

    def lower(self, level: Level) -> Floats:
        """MOVER lower limit."""
        down, up = self.a.value - self.a.lower(level), self.b.upper(level) - self.b.value
        return self.value - _mover(down, up, self.rho)

    def upper(self, level: Level) -> Floats:
        """MOVER upper limit."""
        up, down = self.a.upper(level) - self.a.value, self.b.value - self.b.lower(level)
        return self.value + _mover(up, down, self.rho)

    def grown(self, factor: Floats) -> Self | None:
        """Grow `a` alone, or both where they are measured on the same rows."""
        a, b = self.a.grown(factor), self.b.grown(np.where(self.paired, factor, 1.0))
        return None if a is None or b is None else replace(self, a=a, b=b)

    def placed(self, value: Floats) -> Self | None:
        """Move `a`."""
        a = self.a.placed(self.b.value + value)
        return None if a is None else replace(self, a=a)


@dataclass(frozen=True)
class Ratio(Limits):
    """MOVER limits of ``a / b`` (Donner & Zou 2012) on Clopper-Pearson limits.

    The ratio of ``a`` to ``b`` and of ``b`` to ``a`` give the same verdict. Where
    nothing was counted in ``b`` the upper limit is infinite.
    """

    a: Measured
    b: Measured

    @property
    def value(self) -> Floats:
        """The ratio; NaN where ``b`` is 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.b.value == 0, np.nan, self.a.value / self.b.value)

    def lower(self, level: Level) -> Floats:
        """MOVER-R lower limit, written so that it does not cancel."""
        p, low = self.a.value, self.a.lower(level)
        q, high = self.b.value, self.b.upper(level)
        root = np.sqrt(np.maximum((p * q) ** 2 - low * (2 * p - low) * high * (2 * q - high), 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            limit = low * (2 * p - low) / (p * q + root)
            return np.where(p == 0, 0.0, np.where(q == 0, low / high, limit))

    def upper(self, level: Level) -> Floats:
        """MOVER-R upper limit; infinite where the lower limit of ``b`` is 0."""
        p, high = self.a.value, self.a.upper(level)
        q, low = self.b.value, self.b.lower(level)
        root = np.sqrt(np.maximum((p * q) ** 2 - high * (2 * p - high) * low * (2 * q - low), 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(low > 0, (p * q + root) / (low * (2 * q - low)), np.inf)

    def grown(self, factor: Floats) -> Self | None:
        """Grow ``a``, the subject."""
        a = self.a.grown(factor)
        return None if a is None else replace(self, a=a)

    def placed(self, value: Floats) -> Self | None:
        """Move ``a``."""
        with np.errstate(invalid="ignore"):
            a = self.a.placed(self.b.value * value)
        return None if a is None else replace(self, a=a)


@dataclass(frozen=True)
class Mean(Limits):
    """MOVER limits of the mean of several independent quantities, as balanced accuracy is."""

    parts: tuple[Measured, ...]

    @property
    def value(self) -> Floats:
        """The mean."""
        return np.asarray(np.mean([part.value for part in self.parts], axis=0))

    def lower(self, level: Level) -> Floats:
        """Mean less the root of the summed squared distances."""
        return self.value - self._distance([part.value - part.lower(level) for part in self.parts])

    def upper(self, level: Level) -> Floats:
        """Mean plus the root of the summed squared distances."""
        return self.value + self._distance([part.upper(level) - part.value for part in self.parts])

    def _distance(self, distances: list[Floats]) -> Floats:
        return np.sqrt(np.sum(np.square(distances), axis=0)) / len(self.parts)


@dataclass(frozen=True)
class Least(Limits):
    """Limits of the smallest of k quantities.

    The lower limit is the smallest lower limit; the upper one is the smallest
    upper limit at level / k, so that picking the smallest is paid for.
    """

    parts: tuple[Limits, ...]

    def lower(self, level: Level) -> Floats:
        """Smallest of the lower limits."""
        return np.minimum.reduce([part.lower(level) for part in self.parts])

    def upper(self, level: Level) -> Floats:
        """Smallest of the upper limits, each at level / k."""
        return np.minimum.reduce([part.upper(level / len(self.parts)) for part in self.parts])


@dataclass(frozen=True)
class Absolute(Limits):
    """Limits of the size of a quantity, whatever its sign."""

    inner: Measured

    @property
    def value(self) -> Floats:
        """The size."""
        return np.abs(self.inner.value)

    def lower(self, level: Level) -> Floats:
        """Distance of the interval at half the level on either side from 0."""
        low, high = self.inner.lower(level / 2), self.inner.upper(level / 2)
        return np.maximum(np.maximum(low, -high), 0.0)

    def upper(self, level: Level) -> Floats:
        """Farther end: of the two sides only the true one can be exceeded."""
        return np.maximum(-self.inner.lower(level), self.inner.upper(level))

    def grown(self, factor: Floats) -> Self | None:
        """Grow what is inside."""
        inner = self.inner.grown(factor)
        return None if inner is None else replace(self, inner=inner)


@dataclass(frozen=True)
class Greatest(Limits):
    """Limits of the largest of k quantities.

    The upper limit is the largest upper limit; the lower one is the largest
    lower limit at level / k, so that picking the largest is paid for.
    """

    parts: tuple[Measured, ...]

    @property
    def value(self) -> Floats:
        """The largest; NaN where any is undefined."""
        return np.asarray(np.maximum.reduce([part.value for part in self.parts]))

    def lower(self, level: Level) -> Floats:
        """Largest of the lower limits, each at level / k."""
        return np.maximum.reduce([part.lower(level / len(self.parts)) for part in self.parts])

    def upper(self, level: Level) -> Floats:
        """Largest of the upper limits."""
        return np.maximum.reduce([part.upper(level) for part in self.parts])


@dataclass(frozen=True)
class Odds(Limits):
    """Limits of q / (1 - q), one of two counts over the other, from those of the share q."""

    share: ClopperPearson

    @property
    def value(self) -> Floats:
        """The odds; NaN where the other count is 0."""
        return _odds(self.share.value)

    def lower(self, level: Level) -> Floats:
        """Odds of the lower limit."""
        return np.nan_to_num(_odds(self.share.lower(level)), nan=0.0)

    def upper(self, level: Level) -> Floats:
        """Odds of the upper limit; infinite where that is 1."""
        return np.nan_to_num(_odds(self.share.upper(level)), nan=np.inf, posinf=np.inf)

    def grown(self, factor: Floats) -> Self:
        """Multiply the sample."""
        return replace(self, share=self.share.grown(factor))


@dataclass(frozen=True)
class AreaUnderCurve(Limits):
    """Limits of an AUC: the wider of logit-DeLong and Hanley-McNeil at the limit.

    Neither alone holds its level for few rows of one class; both together do,
    to a factor of about 1.5 from 50 rows a class (Newcombe 2006, method 5;
    DeLong et al. 1988).

    Parameters
    ----------
    value, error : array, shape (estimates,)
        The AUC and its DeLong standard error.
    positives, negatives : array, shape (estimates,)
        Rows of each class.
    """

    value: Floats
    error: Floats
    positives: Floats
    negatives: Floats

    def lower(self, level: Level) -> Floats:
        """Lower of the two lower limits."""
        return np.minimum(self._logit(level, -1.0), self._score(level, -1.0))

    def upper(self, level: Level) -> Floats:
        """Higher of the two upper limits."""
        return np.maximum(self._logit(level, 1.0), self._score(level, 1.0))

    def grown(self, factor: Floats) -> Self:
        """Multiply the rows of both classes."""
        return replace(
            self,
            error=self.error / np.sqrt(factor),
            positives=self.positives * factor,
            negatives=self.negatives * factor,
        )

    def placed(self, value: Floats) -> Self:
        """Move the area; its error changes as Hanley and McNeil's does."""
        inside = np.clip(value, 0.0, 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            error = self._null_error(inside) * self.error / self._null_error(self.value)
        return replace(self, value=inside, error=np.nan_to_num(error, posinf=0.0))

    def _logit(self, level: Level, side: float) -> Floats:
        inside = np.clip(self.value, 1e-12, 1 - 1e-12)
        step = -ndtri(level) * self.error / (inside * (1 - inside))
        return 1 / (1 + np.exp(-(np.log(inside / (1 - inside)) + side * step)))

    def _score(self, level: Level, side: float) -> Floats:
        """Value furthest on `side` that the score test does not reject, by bisection."""
        near, far = self.value.copy(), np.full_like(self.value, 1.0 if side > 0 else 0.0)
        z = -ndtri(level)
        for _ in range(50):
            middle = (near + far) / 2
            kept = np.abs(middle - self.value) <= z * self._null_error(middle)
            near, far = np.where(kept, middle, near), np.where(kept, far, middle)
        return near

    def _null_error(self, area: Floats) -> Floats:
        more = (self.positives + self.negatives) / 2 - 1
        spread = (1 - area) / (2 - area) + area / (1 + area)
        return np.sqrt(area * (1 - area) * (1 + more * spread) / (self.positives * self.negatives))


@dataclass(frozen=True)
class CalibrationError(Limits):
    """Limits of RMSCE, the root of the weighted mean squared gap over declared bins.

    At a true value tau, Q = sum w d^2 is a weighted noncentral chi-square;
    its tail is taken from the gamma curve with the same three moments. How
    tau is spread over the bins is unknown: the largest of three p-values is
    taken, tau spread as the gaps seen, evenly, and all in the worst bin.

    Parameters
    ----------
    gap, variance, share, n : array, shape (estimates, bins)
        Mean truth less mean score in each bin, its row variance, the bin's
        share of the rows, and its effective rows. Empty bins are 0.
    """

    gap: Floats
    variance: Floats
    share: Floats
    n: Floats

    def p_above(self, limit: Floats) -> Floats:
        """P-value of ``rmsce <= limit``."""
        return np.clip(np.nan_to_num(self._tails(limit)[0], nan=1.0), SMALLEST_LEVEL, 1.0)

    def p_below(self, limit: Floats) -> Floats:
        """P-value of ``rmsce >= limit``."""
        return np.clip(np.nan_to_num(self._tails(limit)[1], nan=1.0), SMALLEST_LEVEL, 1.0)

    def lower(self, level: Level) -> Floats:
        """Smallest tau that is not rejected from above."""
        return self._first(lambda tau: self.p_above(tau) > level)

    def upper(self, level: Level) -> Floats:
        """Largest tau that is not rejected from below."""
        return self._first(lambda tau: self.p_below(tau) <= level)

    def _first(self, reached: Callable[[Floats], NDArray[np.bool_]]) -> Floats:
        """Smallest tau at which `reached` turns true; 1 where it does not."""
        low, high = np.zeros(len(self.gap)), np.ones(len(self.gap))
        at_zero = reached(low)
        for _ in range(22):
            middle = (low + high) / 2
            there = reached(middle)
            low, high = np.where(there, low, middle), np.where(there, middle, high)
        return np.where(at_zero, 0.0, high)

    @cached_property
    def _spreads(self) -> tuple[Floats, Floats, Floats]:
        """Three ways to spread tau over the bins, shape (3, estimates, bins), their weights, variances."""
        filled = self.n > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            mean_variance = np.where(filled, self.variance / self.n, 0.0)
        seen = np.where(filled, np.maximum(self.gap**2 - mean_variance, 0.0) + 1e-6, 0.0)
        most = self.share * seen
        worst = filled & (most >= most.max(axis=-1, keepdims=True))
        spread = np.stack([seen, filled.astype(float), worst.astype(float)])
        return spread, (self.share * spread).sum(axis=-1), mean_variance

    def _tails(self, tau: Floats) -> tuple[Floats, Floats]:
        """Upper and lower tail probability of Q at `tau`, the larger over the spreads."""
        spread, weight, mean_variance = self._spreads
        q = (self.share * self.gap**2).sum(axis=-1)
        a = self.share * mean_variance
        with np.errstate(divide="ignore", invalid="ignore"):
            squares = spread * (tau**2 / weight)[..., None]
            away = np.where(mean_variance > 0, squares / mean_variance, 0.0)
            mean = (a * (1 + away)).sum(axis=-1)
            second = 2 * (a**2 * (1 + 2 * away)).sum(axis=-1)
            third = 8 * (a**3 * (1 + 3 * away)).sum(axis=-1)
            shape = 4 * second**3 / third**2
            place = np.maximum(shape + np.sqrt(shape) * (q - mean) / np.sqrt(second), 0.0)
            upper, lower = gammaincc(shape, place), gammainc(shape, place)
        return np.fmax.reduce(upper), np.fmax.reduce(lower)


@dataclass(frozen=True)
class Deviation(Limits):
    """Limits of a mean absolute deviation, by bounded differences (McDiarmid 1989).

    A row changes the estimate by at most 1 / n, and chance adds to its mean at
    most the mean standard error of what is added up.

    Parameters
    ----------
    plain : array, shape (estimates,)
        The estimate as it is, with its bias.
    bias : array, shape (estimates,)
        At most so much of it is bias.
    n : array, shape (estimates,)
        Effective rows.
    """

    plain: Floats
    bias: Floats
    n: Floats

    def lower(self, level: Level) -> Floats:
        """Estimate less its bias and its deviation; not below 0."""
        return np.maximum(np.nan_to_num(self.plain - self.bias - self._reach(level), nan=0.0), 0.0)

    def upper(self, level: Level) -> Floats:
        """Estimate and its deviation; not above 1."""
        return np.minimum(np.nan_to_num(self.plain + self._reach(level), nan=1.0), 1.0)

    def _reach(self, level: Level) -> Floats:
        with np.errstate(divide="ignore"):
            return np.sqrt(-np.log(level) / 2 / self.n)


@dataclass(frozen=True)
class MeanWithin(BoundedMean):
    """Limits of the mean of rows that lie in [0, 1], where it is their own variance that is given.

    As `BoundedMean`, but what may be missing from the sample lies at the end
    that the limit faces: the variance is taken as though 3 + 2 ln(1 / level)
    more rows were there, or a quarter away where the end is nearer.
    """

    def lower(self, level: Level) -> Floats:
        """Clopper-Pearson at the size that the variance stands for, with rows at 0."""
        return self._facing(level, self.value).lower(level)

    def upper(self, level: Level) -> Floats:
        """Clopper-Pearson at the size that the variance stands for, with rows at 1."""
        return self._facing(level, 1 - self.value).upper(level)

    def _facing(self, level: Level, distance: Floats) -> ClopperPearson:
        unseen = np.maximum(distance, 0.25) ** 2 * (3 - 2 * np.log(level))
        with np.errstate(divide="ignore", invalid="ignore"):
            gain = self.value * (1 - self.value) / (self.variance + unseen / self.n)
        return ClopperPearson(self.value, self.n * np.maximum(np.nan_to_num(gain, nan=1.0), 1.0), self.df)


@dataclass(frozen=True)
class Root(Limits):
    """Limits of the root of a quantity that is not negative."""

    inner: Limits

    def lower(self, level: Level) -> Floats:
        """Root of the lower limit."""
        return np.sqrt(np.maximum(self.inner.lower(level), 0.0))

    def upper(self, level: Level) -> Floats:
        """Root of the upper limit."""
        return np.sqrt(self.inner.upper(level))

    def grown(self, factor: Floats) -> Self | None:
        """Grow what is inside."""
        inner = self.inner.grown(factor)
        return None if inner is None else replace(self, inner=inner)

    def placed(self, value: Floats) -> Self | None:
        """Move what is inside."""
        inner = self.inner.placed(np.square(value))
        return None if inner is None else replace(self, inner=inner)


@dataclass(frozen=True)
class KolmogorovSmirnov(Limits):
    """Limits of the greatest distance of two distribution functions, of independent unweighted rows.

    Each function is within ``sqrt(ln(4 / level) / 2n)`` of its estimate
    everywhere, but for a chance of half the level (Dvoretzky, Kiefer &
    Wolfowitz 1956; the constant: Massart 1990). What bins may hide is added on
    the upper side.

    Parameters
    ----------
    value, slack : array, shape (estimates,)
        The distance at the ends of the bins, and how much greater it may be inside of one.
    n, m : array, shape (estimates,)
        Rows of the subject and of the reference.
    """

    value: Floats
    slack: Floats
    n: Floats
    m: Floats

    def lower(self, level: Level) -> Floats:
        """Distance less both bands; 0 where there are no rows."""
        return np.nan_to_num(np.maximum(self.value - self._bands(level), 0.0))

    def upper(self, level: Level) -> Floats:
        """Distance, slack and both bands; 1 where there are no rows."""
        return np.nan_to_num(np.minimum(self.value + self.slack + self._bands(level), 1.0), nan=1.0)

    def grown(self, factor: Floats) -> Self:
        """Multiply the subject's sample."""
        return replace(self, n=self.n * factor)

    def placed(self, value: Floats) -> Self:
        """Move the distance."""
        return replace(self, value=np.clip(value, 0.0, 1.0))

    def _bands(self, level: Level) -> Floats:
        with np.errstate(divide="ignore"):
            return np.sqrt(np.log(4 / np.asarray(level)) / 2) * (1 / np.sqrt(self.n) + 1 / np.sqrt(self.m))


@dataclass(frozen=True)
class AtMost(Limits):
    """Limits of a quantity of which another one is an upper bound: nothing is known from below."""

    inner: Measured

    def lower(self, level: Level) -> Floats:
        """No limit."""
        return np.full(len(self.inner.value), -np.inf)

    def upper(self, level: Level) -> Floats:
        """Upper limit of the bound."""
        return self.inner.upper(level)

    def grown(self, factor: Floats) -> Self | None:
        """Grow the bound."""
        inner = self.inner.grown(factor)
        return None if inner is None else replace(self, inner=inner)


@dataclass(frozen=True)
class GreatestDistance(Limits):
    """Limits of the largest size of k differences of shares of two samples, as of two distribution functions.

    Each difference has MOVER limits on Clopper-Pearson limits, two-sided. The
    upper limit is the largest of all; the lower one the largest at level / k,
    so that picking the largest is paid for. Where a cut point is a quantile of
    one of the samples its Clopper-Pearson limits hold too: that sample's true
    share below its own order statistic is beta distributed.

    Parameters
    ----------
    a, b : array, shape (estimates, k)
        Shares of the subject and of the reference; NaN in the places of shorter rows.
    n, m : array of the same shape
        Rows of the subject and of the reference.
    """

    a: Floats
    b: Floats
    n: Floats
    m: Floats

    @property
    def value(self) -> Floats:
        """The largest size; 0 where there is nothing to compare."""
        return np.nan_to_num(np.abs(self.a - self.b)).max(axis=1, initial=0.0)

    def lower(self, level: Level) -> Floats:
        """Largest lower limit, each at level / k."""
        shared = self._column(level) / np.maximum(np.isfinite(self.a).sum(axis=1, keepdims=True), 1)
        made = self._each(Absolute.lower, shared, np.isfinite(self.a))
        return np.maximum(made.max(axis=1, initial=0.0), 0.0)

    def upper(self, level: Level) -> Floats:
        """Largest upper limit."""
        made = self._each(Absolute.upper, self._column(level), np.isfinite(self.a))
        return np.where(self._has_rows, made.max(axis=1, initial=0.0), 1.0)

    def p_above(self, limit: Floats) -> Floats:
        """Smallest level at which the lower limit exceeds `limit`: that of the clearest, times k."""
        some = np.abs(self.a - self.b) > limit[:, None]
        p = self._each(lambda sizes, bound: sizes.p_above(bound), limit[:, None], some, nothing=1.0)
        return np.minimum(p.min(axis=1, initial=1.0) * np.isfinite(self.a).sum(axis=1), 1.0)

    def p_below(self, limit: Floats) -> Floats:
        """Smallest level at which the upper limit is under `limit`: that of the least clear."""
        within = (np.abs(self.a - self.b) < limit[:, None]) | np.isnan(self.a)
        some = np.isfinite(self.a) & within.all(axis=1, keepdims=True)
        p = self._each(lambda sizes, bound: sizes.p_below(bound), limit[:, None], some, nothing=0.0)
        return np.where(within.all(axis=1) & self._has_rows, p.max(axis=1, initial=0.0), 1.0)

    @property
    def _has_rows(self) -> NDArray[np.bool_]:
        return np.asarray((np.minimum(self.n, self.m) > 0).all(axis=1))

    def _column(self, level: Level) -> Floats:
        return np.broadcast_to(np.asarray(level, dtype=np.float64), (len(self.a),))[:, None]

    def _each(
        self,
        measured: Callable[[Absolute, Floats], Floats],
        at: Floats,
        some: NDArray[np.bool_],
        nothing: float = 0.0,
    ) -> Floats:
        """What is `measured` of each of `some` differences at each estimate's level or limit."""
        a, b = proportions(self.a[some], self.n[some]), proportions(self.b[some], self.m[some])
        sizes = Absolute(Difference.of_groups(a, b))
        made = np.full(self.a.shape, nothing)
        made[some] = measured(sizes, np.broadcast_to(at, self.a.shape)[some])
        return made


@dataclass(frozen=True)
class OneOf(Limits):
    """Limits of one of several shares, of which only those that stand out are shown.

    Parameters
    ----------
    inner : Limits
        Its limits, were it the only one.
    among : array, shape (estimates,)
        How many there were to choose from: the lower limit is taken at level / among.
    open : array of bool, shape (estimates,)
        Whether the share, though it is there, may be in order, as its owner
        alone can say: the lower limit is then 0.
    """

    inner: Limits
    among: Floats
    open: NDArray[np.bool_]

    def lower(self, level: Level) -> Floats:
        """Lower limit at level / among, at least 0."""
        return np.where(self.open, 0.0, np.maximum(self.inner.lower(level / self.among), 0.0))

    def upper(self, level: Level) -> Floats:
        """Upper limit, between 0 and 1."""
        return np.clip(self.inner.upper(level), 0.0, 1.0)

    def grown(self, factor: Floats) -> Self | None:
        """Grow the share's own; where that is not known, no rows settle what its owner alone can say."""
        inner = self.inner.grown(factor)
        if inner is None:
            return self if self.open.all() else None
        return replace(self, inner=inner)


@dataclass(frozen=True)
class HarmonicMean(Limits):
    """Limits of F1, 2 J / (1 + J), from those of J: true positives over all that are or are called positive.

    Given how many those are, the true positives among them are binomial.
    """

    share: ClopperPearson

    @property
    def value(self) -> Floats:
        """F1."""
        return 2 * self.share.value / (1 + self.share.value)

    def lower(self, level: Level) -> Floats:
        """F1 of the lower limit."""
        low = self.share.lower(level)
        return 2 * low / (1 + low)

    def upper(self, level: Level) -> Floats:
        """F1 of the upper limit."""
        high = self.share.upper(level)
        return 2 * high / (1 + high)

    def grown(self, factor: Floats) -> Self:
        """Multiply the sample."""
        return replace(self, share=self.share.grown(factor))

    def placed(self, value: Floats) -> Self:
        """Move F1."""
        return replace(self, share=self.share.placed(value / (2 - value)))


@dataclass(frozen=True)
class TotalVariation(Deviation):
    """Limits of the total variation of two samples, half the sum of the absolute differences of their shares.

    It is the difference of the shares of one set of labels, the one for which
    it is largest. Seen is the largest of all sets, so at least that of the
    true set: the upper limit is that of a difference of two shares of at most
    a quarter's variance, corrected for continuity. The lower one pays for the
    choice, by bounded differences.

    Parameters
    ----------
    plain, bias : array, shape (estimates,)
        As in `Deviation`.
    n : array, shape (estimates,)
        1 / (1 / rows of the one + 1 / rows of the other).
    """

    def upper(self, level: Level) -> Floats:
        """Estimate and the reach of a normal difference; not above 1."""
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = -ndtri(level) / 2 / np.sqrt(self.n) + 0.5 / self.n
        return np.minimum(np.nan_to_num(self.plain + reach, nan=1.0), 1.0)


def mean_size(a: Difference, b: Difference) -> Greatest:
    """Limits of the mean of the sizes of two differences.

    It is the largest of the four means with either sign: the size of a
    difference that is 0 is estimated too large, a signed one is not.
    """
    return Greatest(tuple(Mean((one, other)) for one in (a, a.turned()) for other in (b, b.turned())))


def proportions(value: Floats, n: Floats) -> ClopperPearson:
    """Limits of proportions of independent unweighted rows."""
    return ClopperPearson(value, n, np.full_like(value, np.inf))


def _odds(share: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(share < 1, share / (1 - share), np.nan)


def _kin(part: Any) -> Hashable:
    if isinstance(part, tuple):
        return tuple(_kin(each) for each in part)
    return part.kin if isinstance(part, Limits) else part.shape[1:]


def _take(part: Any, index: Any) -> Any:
    if isinstance(part, tuple):
        return tuple(_take(each, index) for each in part)
    return part.take(index) if isinstance(part, Limits) else part[index]


def _join(parts: list[Any]) -> Any:
    if isinstance(parts[0], tuple):
        return tuple(_join(list(each)) for each in zip(*parts, strict=True))
    return type(parts[0]).joined(parts) if isinstance(parts[0], Limits) else np.concatenate(parts)


def _beta_limit(k: Floats, n: Floats, level: Level) -> Floats:
    some = (k > 0) & (n > 0)
    low = betaincinv(np.where(some, k, 1.0), np.where(some, np.maximum(n - k, 0.0), 1.0) + 1.0, level)
    return np.where(some, low, 0.0)


def _mover(one: Floats, other: Floats, rho: Floats) -> Floats:
    with np.errstate(invalid="ignore"):  # an unbounded side
        shared = np.where(rho == 0, 0.0, 2 * rho * one * other)
    return np.sqrt(np.maximum(one**2 + other**2 - shared, 0.0))


def _smallest_level(limits: Limits, limit: Floats, *, above: bool) -> Floats:
    """Level at which `limits` just clears `limit`, by bisection on the normal scale."""

    def clears(part: Limits, bound: Floats, level: Level) -> NDArray[np.bool_]:
        return part.lower(level) > bound if above else part.upper(level) < bound

    p = np.ones(len(limit))
    index = np.flatnonzero(clears(limits, limit, 0.5))
    if len(index) == 0:
        return p
    part, bound = limits.take(index), limit[index]
    near, far = np.zeros(len(index)), np.full(len(index), -float(ndtri(SMALLEST_LEVEL)))
    for _ in range(26):
        middle = (near + far) / 2
        cleared = clears(part, bound, ndtr(-middle))
        near, far = np.where(cleared, middle, near), np.where(cleared, far, middle)
    p[index] = ndtr(-near)
    return p
