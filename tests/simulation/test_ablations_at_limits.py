"""The cost of doing without an input holds its level, for rare classes and rare changes too."""

import numpy as np
import pytest

from trustkit.measure.intervals import AtMost, Difference, Least, Mean, proportions

LIMIT = 0.01
TIMES = 40_000

pytestmark = pytest.mark.slow


def drawn(rng, n, lost, won):
    """Limits of the loss in one class, of `TIMES` samples of `n` rows."""
    counts = rng.multinomial(n, [lost, won, 1 - lost - won], TIMES)
    sizes = np.full(TIMES, float(n))
    return Difference.of_shares(*(proportions(counts[:, i] / n, sizes) for i in (0, 1)))


CASES = [
    ((2000, 0.03, 0.02), (600, 0.03, 0.02)),
    ((8000, 0.02, 0.01), (2000, 0.015, 0.005)),
    ((2000, 0.01, 0.0), (300, 0.01, 0.0)),
    ((5000, 0.0, 0.0), (400, 0.02, 0.0)),
    ((9800, 0.001, 0.0), (200, 0.039, 0.02)),
    ((400, 0.2, 0.19), (400, 0.2, 0.19)),
]
"""Rows of each class, and the shares lost and won in it: the mean loss is the limit."""


@pytest.mark.parametrize("classes", CASES)
def test_neither_limit_is_exceeded_more_often_than_its_level(classes):
    rng = np.random.default_rng(CASES.index(classes))
    cost = Mean(tuple(drawn(rng, *each) for each in classes))
    for level in (0.05, 0.005, 0.0005):
        allowed = level + 4 * np.sqrt(level / TIMES)
        assert np.mean(cost.upper(level) < LIMIT) <= allowed
        assert np.mean(cost.lower(level) > LIMIT) <= allowed
        assert np.mean(AtMost(cost).upper(level) < LIMIT) <= allowed


def test_the_cheaper_of_two_ways_pays_for_the_choice():
    rng = np.random.default_rng(9)
    ways = tuple(Mean((drawn(rng, 3000, 0.03, 0.02), drawn(rng, 900, 0.03, 0.02))) for _ in range(2))
    cheaper = Least(ways)
    for level in (0.05, 0.005):
        allowed = level + 4 * np.sqrt(level / TIMES)
        assert np.mean(cheaper.upper(level) < LIMIT) <= allowed
        assert np.mean(cheaper.lower(level) > LIMIT) <= allowed
