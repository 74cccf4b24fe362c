"""Rates put together over strata."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trustkit.measure.intervals import BoundedMean, ClopperPearson, Floats


def pooled(parts: Sequence[ClopperPearson], weights: Sequence[Floats]) -> BoundedMean:
    """Weighted mean of the rates of several strata, with its limits.

    The rows of all strata are one sample of bounded rows, whose variance is
    that within the strata: summing the limits of each stratum instead fails
    twice as often as its level where strata are small.

    Parameters
    ----------
    parts : sequence of ClopperPearson
        The rates of each stratum, one entry an estimate.
    weights : sequence of array, shape (estimates,)
        Their weights, which no outcome may have touched; 0 where a stratum is left out.

    Returns
    -------
    BoundedMean
        Undefined where all weights are 0.
    """
    weight, value, n = (np.stack(each) for each in (weights, [p.value for p in parts], [p.n for p in parts]))
    df = np.where(weight > 0, [part.df for part in parts], 0.0).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = weight / weight.sum(axis=0)

        def total(each: Floats) -> Floats:
            return np.where(weight > 0, each, 0.0).sum(axis=0)

        mean = np.where(weight.sum(axis=0) > 0, total(share * value), np.nan)
        size = np.nan_to_num(1 / total(share**2 / n), posinf=0.0)
        alone = np.where(n > 1, value * (1 - value) / (n - 1), 0.25 / n)
        variance = size * total(share**2 * alone)
    return BoundedMean(mean, variance, size, df)
