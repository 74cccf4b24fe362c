"""Generalized entropy: how unequally benefits are spread, over people and between groups."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def generalized_entropy(benefit: Any, mass: Any, alpha: float) -> Floats:
    """Generalized entropy index of benefits, the last axis taken together.

    With r the benefit over its mean: ``mean(r^a - 1) / (a (a - 1))``; at
    alpha 1 (Theil) ``mean(r ln r)``, 0 ln 0 being 0; at alpha 0 (mean log
    deviation) ``-mean(ln r)``. Alpha 2 is half the squared coefficient of
    variation (Shorrocks 1980; Speicher et al. 2018).

    Parameters
    ----------
    benefit : array, shape (..., people)
        Benefits, none negative.
    mass : array, shape (..., people)
        How many people, or what weight, stand behind each.
    alpha : float
        The larger, the more it looks at the large benefits.

    Returns
    -------
    array, shape (...)
        0 where all have the same; NaN where nobody is counted, where nobody
        has a benefit, and at alpha 0 or less where somebody has none.
    """
    benefit, mass = np.broadcast_arrays(np.asarray(benefit, float), np.asarray(mass, float))
    there = mass > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        share = mass / mass.sum(axis=-1, keepdims=True)
        ratio = benefit / (share * np.where(there, benefit, 0.0)).sum(axis=-1, keepdims=True)
        of_one = np.where(there, share * _of_one(ratio, alpha), 0.0)
    index = np.where(mass.sum(axis=-1) > 0, of_one.sum(axis=-1), np.nan)
    return np.where(np.isfinite(index), np.maximum(index, 0.0), np.nan)


def between_groups(benefit: Any, mass: Any, alpha: float) -> Floats:
    """Generalized entropy that is left when each has the mean benefit of its group.

    Parameters
    ----------
    benefit : array, shape (people,)
        Benefits.
    mass : array, shape (groups, people)
        What stands behind each benefit in each group.
    alpha : float
        As in `generalized_entropy`.

    Returns
    -------
    array of shape ()
        The part within groups is the whole less this.
    """
    sizes = np.asarray(mass, float).sum(axis=-1)
    means = np.divide(mass @ np.asarray(benefit, float), sizes, out=np.zeros(len(sizes)), where=sizes > 0)
    return generalized_entropy(means, sizes, alpha)


def _of_one(ratio: Floats, alpha: float) -> Floats:
    """Contribution of one person whose benefit is `ratio` of the mean."""
    if alpha == 1:
        return np.where(ratio > 0, ratio * np.log(ratio), np.where(ratio == 0, 0.0, np.nan))
    if alpha == 0:
        return -np.log(ratio)
    return (ratio**alpha - 1) / (alpha * (alpha - 1))
