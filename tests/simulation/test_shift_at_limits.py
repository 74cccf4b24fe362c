"""Distances from training hold their level at the limit, though training itself declares the bins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated import LEVELS, at_most, share, told

from trustkit.checks.base import Estimate
from trustkit.checks.safety.shift import shift
from trustkit.collectors.shifts import Pair, _spread
from trustkit.evidence.score_bins import SCORE_BINS
from trustkit.evidence.shifts import Shifts
from trustkit.frames import Labels, labels_of

pytestmark = pytest.mark.slow

LIMIT = 0.1
SIZES = [(200, 200), (200, 3000), (3000, 200)]

Floats = NDArray[np.float64]


def estimate(audit: Any, train: Any, metric: str) -> Estimate:
    """The claim on one column of both tables."""
    pair = Pair(audit, train)
    rows = [np.arange(len(of.codes if isinstance(of, Labels) else of)) for of in (audit, train)]
    spread, _ = _spread(pair, *rows)
    declared = {"absent": [], "number": False, "target": None}
    nothing = np.zeros((2, SCORE_BINS), dtype=np.int64)
    found = shift(Shifts(declared, len(rows[0]), {"x": spread}, nothing), judged=("psi",))
    return next(each for each in found if each.metric == metric)


def held(what: str, made: list[Estimate], *, passes: bool = True) -> None:
    """Assert that no more claims fail at each level than it says, nor pass at 0.05; print how many."""
    bound = np.array([LIMIT])
    above = np.array([each.limits.p_above(bound)[0] for each in made if each.limits])
    for level in LEVELS:
        hits, runs = share(above <= level)
        told(f"{what}, fail at {level}", hits, runs)
        assert at_most(hits, runs, level)
    if passes:
        below = [each.limits.p_below(bound)[0] <= 0.05 for each in made if each.limits]
        told(f"{what}, pass", *share(below))
        assert at_most(*share(below), 0.05)


def moved(rng: np.random.Generator, n: int, middle: float) -> Floats:
    """Uniform rows of which LIMIT more lie below `middle`."""
    low = rng.random(n) < middle + LIMIT
    return np.where(low, rng.random(n) * middle, middle + rng.random(n) * (1 - middle))


@pytest.mark.parametrize(("n", "m"), SIZES)
@pytest.mark.parametrize("middle", [0.1, 0.5])
def test_numbers(n: int, m: int, middle: float) -> None:
    rng = np.random.default_rng([n, m, int(100 * middle)])
    made = [estimate(moved(rng, n, middle), rng.random(m), "ks") for _ in range(1000)]
    held(f"ks, {n} v {m}, apart at {middle}", made)


@pytest.mark.parametrize(("n", "m"), SIZES)
@pytest.mark.parametrize("labels", [2, 20, 300])
def test_labels(n: int, m: int, labels: int) -> None:
    rng = np.random.default_rng([n, m, labels])
    train = rng.dirichlet(np.full(labels, 2.0))
    half = np.arange(labels) < labels // 2
    mass = train[half].sum()
    audit = np.where(half, train * (1 + LIMIT / mass), train * (1 - LIMIT / (1 - mass)))
    names = np.array([f"l{i:03}" for i in range(labels)])
    made = [
        estimate(labels_of(rng.choice(names, n, p=audit)), labels_of(rng.choice(names, m, p=train)), "tv")
        for _ in range(600)
    ]
    held(f"tv, {n} v {m}, {labels} labels", made, passes=labels <= 20)  # rare labels are told as one


@pytest.mark.parametrize("n", [100, 1000])
def test_of_many_labels_none_fails_for_having_been_chosen(n: int) -> None:
    rng = np.random.default_rng(n)
    names = np.array([f"l{i:03}" for i in range(400)])
    made = [
        estimate(labels_of(rng.choice(names, n)), labels_of(rng.choice(names, n)), "tv") for _ in range(200)
    ]
    held(f"tv, {n} v {n}, 400 labels, nothing moved", made, passes=False)
    assert not any(each.interval(0.05)[0] > 0.02 for each in made)
