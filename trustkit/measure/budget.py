"""The error budget: which claims are failed so that any false fail has at most chance alpha."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def weighted_holm(
    p: NDArray[np.float64], weight: NDArray[np.float64], alpha: float
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Step down through claims, each tested at its share of what is left of alpha.

    Valid under any dependence between the claims (Holm 1979), for weights
    that do not depend on the outcomes.

    Parameters
    ----------
    p : array, shape (claims,)
        One-sided p-values; 1 for a claim that cannot be judged.
    weight : array, shape (claims,)
        Positive weights.
    alpha : float
        Chance of any false rejection.

    Returns
    -------
    rejected : array of bool, shape (claims,)
        Which claims fail.
    level : array, shape (claims,)
        The one-sided level at which each was tested.
    """
    order = np.argsort(p / weight, kind="stable")
    left = np.cumsum(weight[order][::-1])[::-1]
    level = np.minimum(alpha * weight[order] / left, alpha)
    stops = np.flatnonzero(p[order] > level)
    if len(stops):
        level[stops[0] :] = np.minimum(alpha * weight[order][stops[0] :] / left[stops[0]], alpha)
    rejected = np.zeros(len(p), dtype=bool)
    rejected[order[: stops[0] if len(stops) else len(p)]] = True
    tested = np.empty(len(p))
    tested[order] = level
    return rejected, tested


def claim_weights(families: list[NDArray[np.intp]], claims: int) -> NDArray[np.float64]:
    """Share one budget equally over controls and, in a control, over its claims.

    Parameters
    ----------
    families : list of arrays of int
        The claims of each control; a claim of two controls carries both shares.
    claims : int
        Number of distinct claims.

    Returns
    -------
    array, shape (claims,)
        Weights that sum to 1.
    """
    weight = np.zeros(claims)
    sampled = [family for family in families if len(family)]
    for family in sampled:
        np.add.at(weight, family, 1.0 / (len(sampled) * len(family)))
    return weight
