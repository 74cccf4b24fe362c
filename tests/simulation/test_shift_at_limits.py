"""Distances from training hold their level at the limit, though training itself declares the bins."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated import LEVELS, at_most, share, told

from trustkit.checks.safety.shift import shift
from trustkit.collectors.shifts import BINS, Pair, _spread, cut_points
from trustkit.evidence.score_bins import SCORE_BINS
from trustkit.evidence.shifts import Shifts
from trustkit.frames import labels_of
from trustkit.measure.intervals import GreatestDistance, Limits, TotalVariation

pytestmark = pytest.mark.slow

LIMIT = 0.1
SIZES = [(200, 200), (200, 3000), (3000, 200), (2000, 2000)]

Floats = NDArray[np.float64]


def held(what: str, limits: Limits) -> None:
    """Assert that no more claims fail at each level than it says, nor pass at 0.05; print how many."""
    for level in LEVELS:
        hits, runs = share(limits.lower(level) > LIMIT)
        told(f"{what}, fail at {level}", hits, runs)
        assert at_most(hits, runs, level)
    hits, runs = share(limits.upper(0.05) < LIMIT)
    told(f"{what}, pass", hits, runs)
    assert at_most(hits, runs, 0.05)


def below(rng: np.random.Generator, n: int, m: int, middle: float) -> tuple[Floats, Floats]:
    """Shares of both tables at or below each cut point; LIMIT more of the audit is below `middle`."""
    train = rng.random(m)
    low = rng.random(n) < middle + LIMIT
    audit = np.where(low, rng.random(n) * middle, middle + rng.random(n) * (1 - middle))
    cuts = cut_points(train)
    return tuple(np.searchsorted(np.sort(of), cuts, side="right") / len(of) for of in (audit, train))  # type: ignore[return-value]


@pytest.mark.parametrize(("n", "m"), SIZES)
@pytest.mark.parametrize("middle", [0.1, 0.5])
def test_numbers(n: int, m: int, middle: float) -> None:
    rng = np.random.default_rng([n, m, int(100 * middle)])
    a, b = (np.array(part) for part in zip(*(below(rng, n, m, middle) for _ in range(3000)), strict=True))
    sizes = [np.full(a.shape, float(rows)) for rows in (n, m)]
    assert a.shape[1] == BINS
    held(f"ks, {n} v {m}, apart at {middle}", GreatestDistance(a, b, *sizes))


@pytest.mark.parametrize(("n", "m"), SIZES)
@pytest.mark.parametrize("labels", [2, 3, 20])
def test_labels(n: int, m: int, labels: int) -> None:
    rng = np.random.default_rng([n, m, labels])
    train = np.array([0.45, 0.55]) if labels == 2 else rng.dirichlet(np.full(labels, 5.0))
    half = np.arange(labels) < labels // 2
    mass = train[half].sum()
    audit = np.where(half, train * (1 + LIMIT / mass), train * (1 - LIMIT / (1 - mass)))
    a, t = rng.multinomial(n, audit, 20_000) / n, rng.multinomial(m, train, 20_000) / m
    plain, chance = np.abs(a - t).sum(axis=1) / 2, np.sqrt(a * (1 - a) / n + t * (1 - t) / m).sum(axis=1) / 2
    limits = TotalVariation(plain, chance, np.full(len(a), 1 / (1 / n + 1 / m)))
    held(f"tv, {n} v {m}, {labels} labels", limits)


@pytest.mark.parametrize("n", [100, 1000])
def test_of_many_labels_none_fails_for_having_been_chosen(n: int) -> None:
    rng = np.random.default_rng(n)
    names = np.array([f"l{i:03}" for i in range(400)])
    rows = np.arange(n)
    nothing = np.zeros((2, SCORE_BINS), dtype=np.int64)
    lows = []
    for _ in range(200):
        pair = Pair(*(labels_of(rng.choice(names, n)) for _ in range(2)))
        spread, _ = _spread(pair, rows, rows)
        kind = Shifts({"absent": [], "number": False, "target": None}, n, {"x": spread}, nothing)
        lows += [each.interval(0.05)[0] for each in shift(kind) if each.metric == "tv"]
    told(f"tv, {n} v {n}, 400 labels, nothing moved, lower limit above 0", *share(low > 0 for low in lows))
    assert at_most(*share(low > 0 for low in lows), 0.05)
