"""Rates as k of n: from counts, vectorized, undefined where n is 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.evidence.tables import Table
from trustkit.measure.intervals import ClopperPearson, Floats
from trustkit.measure.noise import NoisyProportion

Mask = NDArray[np.bool_]
"""Which (truth, prediction) pairs are counted, shape ``(truths, predictions)``."""


@dataclass(frozen=True)
class Rate:
    """A share of the rows of each group.

    Attributes
    ----------
    k, n : arrays of int, shape (groups,)
        Rows counted, and rows that could have been: never weights.
    value : array, shape (groups,)
        ``k / n``, or its weighted form; NaN where undefined.
    limits : ClopperPearson
        Confidence limits of `value`, at the effective sample size.
    """

    k: NDArray[np.int64]
    n: NDArray[np.int64]
    value: Floats
    limits: ClopperPearson


def rate(table: Table, counted: Mask, among: Mask) -> Rate:
    """Share of the rows `among` that are also `counted`.

    The effective sample size of weighted or clustered rows is
    ``min(Kish, p (1 - p) / v, n)``, ``v`` the linearized variance, between
    rows or between the buckets of the unit (Korn & Graubard 1998).

    Parameters
    ----------
    table : Table
        Counts of groups by truth and prediction.
    counted, among : arrays of bool, shape (truths, predictions)
        Numerator and denominator; `counted` is taken within `among`.

    Returns
    -------
    Rate
        One entry a group.
    """
    counted = counted & among
    k, n = _sum(table.n, counted), _sum(table.n, among)
    limits: ClopperPearson
    if table.noise_terms is not None:
        noisy = _of_noisy(table, counted, among & ~counted)
        k, n, value = noisy.k.astype(np.int64), noisy.n.astype(np.int64), noisy.value
        limits = noisy
    elif table.weight is None and table.buckets is None:
        value = _divide(k, n)
        limits = ClopperPearson(value, n.astype(float), np.full(len(n), np.inf))
    else:
        value = _divide(_sum(table.mass, counted), _sum(table.mass, among))
        if table.buckets is None:
            limits = ClopperPearson(value, *_weighted_size(table, counted, among, value))
        else:
            part = _sum(table.buckets, counted)
            limits = ClopperPearson(value, *effective_size(table, among, part, value, value * (1 - value)))
    return Rate(k, n, value, limits)


def _of_noisy(table: Table, counted: Mask, rest: Mask) -> NoisyProportion:
    """A rate of counts that noise was added to."""
    k, others = (_sum(table.n, mask).astype(float) for mask in (counted, rest))
    terms = (_sum(table.noise_terms, mask).astype(float) for mask in (counted, rest))
    return NoisyProportion.of(k, others, np.full(len(k), table.noise_scale), *terms)


def selection(table: Table) -> Rate:
    """Share of the decided rows whose decision is one that a person wants."""
    return rate(table, counted=table.favored, among=table.decided)


def true_positives(table: Table) -> Rate:
    """Share of the decided rows of positive truth that are predicted positive."""
    return rate(table, counted=table.predicted_positive, among=table.truth_positive & table.decided)


def false_positives(table: Table) -> Rate:
    """Share of the decided rows of another truth that are predicted positive."""
    negative = table.truth_known & ~table.truth_positive
    return rate(table, counted=table.predicted_positive, among=negative & table.decided)


def base_rate(table: Table) -> Rate:
    """Share of the rows with a truth whose truth is the positive class."""
    return rate(table, counted=table.truth_positive, among=table.truth_known)


def correct(table: Table) -> Rate:
    """Share of the decided rows with a truth whose decision is the truth, of however many classes."""
    return rate(table, counted=table.correct, among=table.truth_known & table.decided)


def effective_size(
    table: Table, among: Mask, part: Floats | None, value: Floats, row_variance: Floats
) -> tuple[Floats, Floats]:
    """Effective size of a mean over clustered rows, from its scatter between buckets.

    Parameters
    ----------
    table : Table
        Counts with buckets of a unit.
    among : array of bool, shape (truths, predictions)
        The rows that the mean is over.
    part : array, shape (256, groups)
        The sum of what is averaged, by bucket.
    value, row_variance : array, shape (groups,)
        The mean, and the variance of a single row.

    Returns
    -------
    size, df : array, shape (groups,)
        Effective rows, and degrees of freedom: buckets with a row, less 1.
    """
    whole = _sum(table.buckets, among)
    filled = (whole > 0).sum(axis=0).astype(float)
    scatter = ((part - np.nan_to_num(value) * whole) ** 2).sum(axis=0)
    variance = _divide(scatter * _divide(filled, filled - 1), _sum(table.mass, among) ** 2)
    linearized = np.where(row_variance > 0, _divide(row_variance, variance), filled)
    return _least(table, among, linearized), np.maximum(filled - 1.0, 0.0)


def _weighted_size(table: Table, counted: Mask, among: Mask, value: Floats) -> tuple[Floats, Floats]:
    """Effective size of a rate over weighted rows."""
    hit, miss = _sum(table.mass_squared, counted), _sum(table.mass_squared, among & ~counted)
    variance = _divide((1 - value) ** 2 * hit + value**2 * miss, _sum(table.mass, among) ** 2)
    linearized = np.where(value * (1 - value) > 0, _divide(value * (1 - value), variance), np.inf)
    size = _least(table, among, linearized)
    return size, size / 2


def _least(table: Table, among: Mask, linearized: Floats) -> Floats:
    kish = _divide(_sum(table.mass, among) ** 2, _sum(table.mass_squared, among))
    return np.nan_to_num(np.fmin(np.fmin(kish, linearized), _sum(table.n, among).astype(float)))


def _sum(counts: Any, mask: Mask) -> Any:
    """Sum over the last two axes, truth and prediction, where `mask` holds."""
    return counts[..., mask].sum(axis=-1)


def _divide(a: Any, b: Any) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient: Floats = np.where(b == 0, np.nan, np.true_divide(a, b))
    return quotient
