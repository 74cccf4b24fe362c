"""Thresholds drawn by lot, read off the cells: the most accurate that keep every rate within its band."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trustkit.remedies.thresholds import HALFWAY, ROUNDING

if TYPE_CHECKING:
    from trustkit.remedies.thresholds import Band, Curves, Floats, Ints

_LOWEST = 0.001
"""Lowest rate at which a band may begin: with nobody positive any ratio would be undefined."""


def with_lots(
    curves: Curves, bands: Sequence[Band], today: int, part: float = HALFWAY
) -> list[tuple[Ints, Floats]]:
    """Thresholds drawn by lot under which every group's rates lie in one band each.

    Lots reach every point under a group's ROC curve (Hardt, Price & Srebro
    2016), so that bands which no single thresholds suit can be met. Which
    chances are the most accurate, with no fewer favorable decisions in all
    than today, is a linear program: its unknowns are the chances of the
    corners of each group's curve, and where each band begins.

    Parameters
    ----------
    curves : Curves
        The groups.
    bands : sequence of Band
        The rates.
    today : int
        Place of today's threshold.
    part : float
        How far from equality to the limit the bands reach.

    Returns
    -------
    list of (places, chances)
        By group, of thresholds with a chance above 0.
    """
    from scipy import sparse
    from scipy.optimize import linprog

    corners = [_corners(*line) for line in zip(curves.rates["fpr"], curves.rates["tpr"], strict=True)]
    starts = np.cumsum([len(places) for places in corners])[:-1]
    favored = curves.mass[:, None] * curves.rates["selection"]

    def of_each(values: Floats) -> list[Any]:
        return [values[i : i + 1, places] for i, places in enumerate(corners)]

    none = np.zeros((1, len(bands)))
    below: list[Any] = [sparse.csr_array(np.hstack([*of_each(-favored), none]))]
    most = [-favored[:, today].sum()]
    for j, band in enumerate(bands):
        rates = sparse.block_diag(of_each(curves.rates[band.figure]))
        begins, (slope, offset) = sparse.lil_array((len(corners), len(bands))), band.line(part)
        begins[:, j] = 1.0
        below += [sparse.hstack([-rates, begins]), sparse.hstack([rates, -slope * begins])]
        most += [np.zeros(len(corners)), np.full(len(corners), offset)]
    whole = sparse.block_diag(of_each(np.ones_like(favored)))
    found: Any = linprog(
        -np.hstack([*of_each(curves.right), none])[0],
        A_ub=sparse.vstack(below),
        b_ub=np.hstack(most),
        A_eq=sparse.hstack([whole, sparse.csr_array((len(corners), len(bands)))]),
        b_eq=np.ones(len(corners)),
        bounds=[(0, 1)] * whole.shape[1] + [(_LOWEST, 1)] * len(bands),
    )
    drawn = []
    for places, chances in zip(corners, np.split(found.x[: whole.shape[1]], starts), strict=True):
        kept = chances > ROUNDING
        drawn.append((places[kept], chances[kept] / chances[kept].sum()))
    return drawn


def _corners(fpr: Floats, tpr: Floats) -> Ints:
    """Places of the thresholds on the upper hull of a ROC curve, from everybody to nobody positive."""
    kept: list[int] = []
    for at in range(len(fpr)):
        while len(kept) > 1 and not _stands_out(fpr, tpr, kept[-2], kept[-1], at):
            kept.pop()
        kept.append(at)
    return np.array(kept, dtype=np.int64)


def _stands_out(fpr: Floats, tpr: Floats, a: int, b: int, c: int) -> bool:
    """Whether b lies above the line from a to c, on a curve from right to left."""
    return bool((fpr[b] - fpr[a]) * (tpr[c] - tpr[a]) > (tpr[b] - tpr[a]) * (fpr[c] - fpr[a]))
