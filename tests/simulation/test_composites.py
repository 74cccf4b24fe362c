"""What is made of several rates: equalized odds, rates within strata, one kind of error for the other."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated import LEVELS, at_most, told

from trustkit.measure.intervals import (
    Absolute,
    BoundedMean,
    ClopperPearson,
    Difference,
    Greatest,
    Least,
    Limits,
    Mean,
    Odds,
    Ratio,
    mean_size,
    proportions,
)
from trustkit.measure.strata import pooled

pytestmark = pytest.mark.slow

RUNS = 40_000


def rates(rng: np.random.Generator, n: int, p: float) -> ClopperPearson:
    """Rates of as many independent runs."""
    size = np.full(RUNS, float(n))
    return proportions(rng.binomial(n, p, RUNS) / size, size)


def sizes(what: str, limits: Limits, limit: float, pass_most: float = 0.05) -> None:
    """How often a system at its limit is failed, at each level, and passed at .05."""
    for level in LEVELS:
        for side, beyond in (
            ("false fail", limits.lower(level) > limit),
            ("false pass", limits.upper(level) < limit),
        ):
            hits = int(beyond.sum())
            told(f"{what}: {side} at {level}", hits, RUNS)
            if side == "false fail" or level == LEVELS[0]:
                assert at_most(hits, RUNS, level if side == "false fail" else pass_most)


@pytest.mark.parametrize("n", [30, 200, 2000])
@pytest.mark.parametrize("gaps", [(0.1, 0.0), (0.1, 0.1), (0.1, -0.1)], ids=str)
def test_equalized_odds_at_its_limit(n: int, gaps: tuple[float, float]) -> None:
    rng = np.random.default_rng(n)
    parts = tuple(
        Absolute(Difference.of_groups(rates(rng, n, p), rates(rng, 2 * n, p - gap)))
        for p, gap in zip((0.7, 0.3), gaps, strict=True)
    )
    sizes(f"equalized odds {gaps}, {n} rows", Greatest(parts), 0.1)


@pytest.mark.parametrize("n", [30, 200, 2000])
@pytest.mark.parametrize("gaps", [(0.1, 0.1), (0.2, 0.0), (0.15, -0.05)], ids=str)
def test_mean_equalized_odds_at_its_limit(n: int, gaps: tuple[float, float]) -> None:
    rng = np.random.default_rng(n + 1)
    inner = tuple(
        Difference.of_groups(rates(rng, n, p), rates(rng, 2 * n, p - gap))
        for p, gap in zip((0.7, 0.3), gaps, strict=True)
    )
    sizes(f"mean equalized odds {gaps}, {n} rows", mean_size(*inner), 0.1)
    sizes(f"average odds {gaps}, {n} rows", Mean(inner), sum(gaps) / 2)


@pytest.mark.parametrize("n", [30, 200, 2000])
def test_the_equalized_odds_ratio_at_its_limit(n: int) -> None:
    rng = np.random.default_rng(n + 2)
    ways = []
    for p, q in ((0.7, 0.56), (0.3, 0.3)):
        a, b = rates(rng, n, p), rates(rng, 2 * n, q)
        ways += [Ratio(a, b), Ratio(b, a)]
    least = Least(tuple(ways))
    for level in LEVELS:
        hits = int((least.upper(level) < 0.8).sum())
        told(f"equalized odds ratio, {n} rows: false fail at {level}", hits, RUNS)
        assert at_most(hits, RUNS, level)
    hits = int((least.lower(0.05) > 0.8).sum())
    told(f"equalized odds ratio, {n} rows: false pass at 0.05", hits, RUNS)
    assert at_most(hits, RUNS, 0.05)


STRATA: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]] = {
    "six strata": (np.array([108, 25, 593, 375, 393, 341]), np.array([825, 560, 325, 417, 191, 373])),
    "forty small strata": (np.full(40, 6), np.full(40, 9)),
}


@pytest.mark.parametrize("name", STRATA)
def test_a_ratio_and_a_difference_within_strata_at_their_limits(name: str) -> None:
    rng = np.random.default_rng(len(name))
    n, m = STRATA[name]
    base = np.linspace(0.75, 0.15, len(n))

    def within(p: NDArray[np.float64], size: NDArray[np.int64]) -> BoundedMean:
        parts = tuple(rates(rng, int(s), float(each)) for s, each in zip(size, p, strict=True))
        return pooled(parts, [np.full(RUNS, s) for s in n * m / (n + m)])

    ratio = Ratio(within(0.8 * base, n), within(base, m))
    for level in LEVELS:
        hits = int((ratio.upper(level) < 0.8).sum())
        told(f"ratio within {name}: false fail at {level}", hits, RUNS)
        assert at_most(hits, RUNS, level)
    hits = int((ratio.lower(0.05) > 0.8).sum())
    told(f"ratio within {name}: false pass at 0.05", hits, RUNS)
    assert at_most(hits, RUNS, 0.05)
    gap = Difference.of_groups(within(base, n), within(base - 0.1, m))
    sizes(f"difference within {name}", gap, 0.1)


@pytest.mark.parametrize("n", [30, 200, 2000])
def test_treatment_equality_at_its_limit(n: int) -> None:
    rng = np.random.default_rng(n + 3)
    gap = Difference.of_groups(Odds(rates(rng, n, 0.5)), Odds(rates(rng, 2 * n, 1 / 3)))
    sizes(f"FN / FP, {n} errors", gap, 0.5)
