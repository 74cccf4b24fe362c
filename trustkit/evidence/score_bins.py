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

_CHUNK = 1 << 15  # rows looked at together: few enough to stay in the cache
_SHIFT = 42  # leaves of a double its exponent and 10 bits: below .98 at most one edge falls into a place
_START, _END = (int(np.float64(end).view(np.int64)) >> _SHIFT for end in (2**-20, 1.0))
_PLACES = (np.arange(_START, _END) << _SHIFT).view(np.float64)
_FIRST = np.searchsorted(SCORE_EDGES, _PLACES, side="right").astype(np.int16)
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
        bins[part] = _cut(np.asarray(score[part], dtype=np.float64))
    return bins


def _cut(score: NDArray[np.float64]) -> NDArray[np.int16]:
    """Bin of each score: looked up by its place, and one on where it has reached the place's edge."""
    place = score.view(np.int64) >> _SHIFT
    place -= _START
    bins = _FIRST.take(place, mode="clip")
    bins += score >= _NEXT.take(bins)
    upper = np.flatnonzero(score >= 0.98)
    bins[upper] = np.searchsorted(SCORE_EDGES, score[upper], side="right")
    absent = np.isnan(score)
    if absent.any():
        bins[absent] = -1
    return bins
