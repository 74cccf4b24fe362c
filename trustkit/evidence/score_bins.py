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
_LOW_BINS = 200


def score_bins(score: NDArray[np.float64]) -> NDArray[np.int64]:
    """Bin of each score, cut by floor at `SCORE_EDGES`; -1 where it is NaN.

    Parameters
    ----------
    score : array, shape (rows,)
        Scores in [0, 1] or NaN.
    """
    known = ~np.isnan(score)
    guess = np.floor(np.where(known, score, 0.5) * 1000).astype(np.int64) + (_LOW_BINS - 19)
    guess = np.clip(guess, 1, SCORE_BINS - 2)
    guess -= score < SCORE_EDGES[guess - 1]
    guess += score >= SCORE_EDGES[np.clip(guess, 0, SCORE_BINS - 2)]
    outer = known & ((score < 0.02) | (score >= 0.98))
    guess[outer] = np.searchsorted(SCORE_EDGES, score[outer], side="right")
    guess[~known] = -1
    return guess
