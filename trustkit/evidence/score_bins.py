"""The score axis: bins declared before any data is seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def _score_edges() -> NDArray[np.float64]:
    """Edges between score bins: 0.001 steps in [.02, .98], logit-even beyond to 1e-6."""
    middle = np.arange(20, 981) / 1000.0
    logit = np.linspace(np.log(1e-6 / (1 - 1e-6)), np.log(0.02 / 0.98), 201)[:-1]
    low = 1 / (1 + np.exp(-logit))
    return np.concatenate([low, middle, 1 - low[::-1]])


SCORE_EDGES = _score_edges()
SCORE_BINS = len(SCORE_EDGES) + 1

_CHUNK = 1 << 14  # rows looked at together: few enough to stay in the cache
_PLACES = 1 << 11  # of equal width; between .02 and .98 at most one edge falls into each
_FIRST = np.searchsorted(SCORE_EDGES, np.arange(_PLACES) / _PLACES, side="right").astype(np.int16)
_NEXT = np.append(SCORE_EDGES, np.inf)


def score_bins(score: NDArray[np.float64]) -> NDArray[np.int16]:
    """Bin of each score, cut by floor at `SCORE_EDGES`; -1 where it is NaN.

    Parameters
    ----------
    score : array, shape (rows,)
        Scores in [0, 1] or NaN.
    """
    bins = np.empty(len(score), dtype=np.int16)
    for start in range(0, len(score), _CHUNK):
        part = slice(start, start + _CHUNK)
        bins[part] = _cut(score[part])
    return bins


def _cut(score: NDArray[np.float64]) -> NDArray[np.int16]:
    """Bin of each score: looked up by its place, and one on where it has reached the place's edge."""
    absent = np.isnan(score)
    some = absent.any()
    known = np.where(absent, 0.5, score) if some else score
    bins = _FIRST.take((known * _PLACES).astype(np.int32), mode="clip")
    bins += known >= _NEXT.take(bins)
    outer = np.flatnonzero((known < 0.02) | (known >= 0.98))
    bins[outer] = np.searchsorted(SCORE_EDGES, known[outer], side="right")
    if some:
        bins[absent] = -1
    return bins
