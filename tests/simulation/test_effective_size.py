"""Weighted rows and rows of one unit: a ratio at its limit, through the effective sample size."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtri
from simulated import LEVELS, at_most, counts_table, told

from trustkit.evidence.cells import BUCKETS
from trustkit.measure.intervals import ClopperPearson, Ratio
from trustkit.measure.rates import rate

pytestmark = pytest.mark.slow

RATES, LIMIT = (0.4, 0.5), 0.8
ROWS_A_UNIT = 5
CHUNK = 2000
Floats = NDArray[np.float64]


def of_units(rng: np.random.Generator, runs: int, persons: int, p: float, rho: float) -> ClopperPearson:
    """Rates of runs of `persons` with five rows each, beta-binomial, hashed into buckets."""
    mass = 1 / rho - 1
    own = rng.binomial(ROWS_A_UNIT, rng.beta(p * mass, (1 - p) * mass, (runs, persons)))
    place = (rng.integers(0, BUCKETS, (runs, persons)) + BUCKETS * np.arange(runs)[:, None]).ravel()
    selected, all_ = (
        np.bincount(place, weights=part.ravel(), minlength=runs * BUCKETS).reshape(runs, BUCKETS).T
        for part in (own, np.full_like(own, ROWS_A_UNIT))
    )
    buckets = np.zeros((BUCKETS, runs, 2, 2))
    buckets[:, :, 1, 0], buckets[:, :, 1, 1] = all_ - selected, selected
    table = counts_table(buckets.sum(axis=0).astype(np.int64), buckets=buckets)
    return rate(table, counted=table.favored, among=table.decided).limits


def of_weights(rng: np.random.Generator, runs: int, rows: int, p: float, tie: float) -> ClopperPearson:
    """Rates of runs of rows with lognormal(1) weights, correlated `tie` with what is selected."""
    z = rng.standard_normal((runs, rows))
    u = tie * z + np.sqrt(1 - tie**2) * rng.standard_normal((runs, rows))
    selected, weight = u > tie - ndtri(p), np.exp(z)
    n, w, w2 = (np.zeros((runs, 2, 2)) for _ in range(3))
    for place, chosen in enumerate((~selected, selected)):
        n[:, 1, place] = chosen.sum(axis=1)
        w[:, 1, place] = (weight * chosen).sum(axis=1)
        w2[:, 1, place] = (weight**2 * chosen).sum(axis=1)
    table = counts_table(n.astype(np.int64), weight=w, weight_squared=w2)
    return rate(table, counted=table.favored, among=table.decided).limits


def check_size(what: str, a: list[ClopperPearson], b: list[ClopperPearson]) -> None:
    """Tell how often the ratio is failed or passed at its limit; hold the first level."""
    ratio = Ratio(ClopperPearson.joined(a), ClopperPearson.joined(b))
    runs = len(ratio.a.value)
    for level in LEVELS:
        failed = int((ratio.upper(level) < LIMIT).sum())
        told(f"{what}: false fail at {level}", failed, runs)
        if level == LEVELS[0]:
            passed = int((ratio.lower(level) >= LIMIT).sum())
            told(f"{what}: false pass at {level}", passed, runs)
            assert at_most(failed, runs, level)
            assert at_most(passed, runs, level)


@pytest.mark.parametrize("rho", [0.3, 0.9])
@pytest.mark.parametrize("persons", [(20, 400), (400, 20), (400, 400), (20, 20)])
def test_units_of_five_rows(persons: tuple[int, int], rho: float) -> None:
    rng = np.random.default_rng([*persons, int(10 * rho)])
    chunks = [
        [of_units(rng, CHUNK, size, p, rho) for size, p in zip(persons, RATES, strict=True)]
        for _ in range(10)
    ]
    check_size(f"units {persons[0]} v {persons[1]}, rho {rho}", *map(list, zip(*chunks, strict=True)))


@pytest.mark.parametrize("tie", [0.0, 0.7, -0.7])
@pytest.mark.parametrize("rows", [(20, 1000), (1000, 20), (200, 200)])
def test_lognormal_weights(rows: tuple[int, int], tie: float) -> None:
    rng = np.random.default_rng([*rows, int(10 + 10 * tie)])
    chunks = [
        [of_weights(rng, CHUNK, size, p, tie) for size, p in zip(rows, RATES, strict=True)] for _ in range(10)
    ]
    check_size(f"weights {rows[0]} v {rows[1]}, tie {tie}", *map(list, zip(*chunks, strict=True)))
