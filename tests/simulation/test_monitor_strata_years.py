"""Years of claims within strata: false alarms at the limit, and what a mix of strata makes of a gap."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated import at_most, told

from trustkit.measure.betting import Floats, e_panes, join, pair_log_e, running
from trustkit.monitor.claims import A_STRATUM

pytestmark = pytest.mark.slow

ALPHA = 0.05
YEARS = 2000
LIMITS: dict[Any, float] = {"difference": 0.1, "ratio": 0.8}

Counts = NDArray[np.int64]

STREAMS: dict[str, tuple[int, int, int]] = {
    "6 strata, 52 weeks of 600 rows": (6, 52, 600),
    "6 strata, 365 days of 30 rows": (6, 365, 30),
    "40 strata, 365 days of 30 rows": (40, 365, 30),
}
"""By name: strata, panes and rows a pane."""


def year(rng: np.random.Generator, strata: int, panes: int, rows: int, chance: Any) -> tuple[Counts, Counts]:
    """Counts of two groups, shape ``(panes, groups, strata)``.

    The groups, one four times the other, are in the strata in different shares that drift over the year.
    The rate of the second group in each stratum moves over the year too; `chance` makes that of the first.
    """
    mix = np.stack([rng.dirichlet(np.ones(strata), 2) for _ in range(2)])
    drift = np.linspace(0, 1, panes)[:, None, None]
    n = rng.poisson(rows * np.array([[0.2], [0.8]]) * ((1 - drift) * mix[0] + drift * mix[1]))
    base = np.linspace(*rng.uniform(0.25, 0.85, (2, strata)), panes)
    rates = np.stack([chance(base), base], axis=1)
    return rng.binomial(n, rates), n


def alarms(k: Counts, n: Counts, form: Any, *, within: bool) -> bool:
    """Whether any of the two claims alarms in the year."""
    fewest = A_STRATUM * k.shape[2] if within else 1
    if not within:
        k, n = (part.sum(axis=2, keepdims=True) for part in (k, n))
    index = e_panes(*n.sum(axis=2).T, fewest=fewest)
    found = False
    for a, b in permutations((0, 1)):
        parts = [join(part[:, group], index) for group in (a, b) for part in (k, n)]
        log_e: Floats = running(pair_log_e(*parts, LIMITS[form], form, (0.5, 0.5)))
        found |= bool((log_e >= np.log(2 / ALPHA)).any())
    return found


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("form", ["difference", "ratio"])
def test_at_the_limit_within_strata_alarms_are_rare(name: str, form: str) -> None:
    rng = np.random.default_rng(0)
    at_limit = (lambda base: base + 0.1) if form == "difference" else (lambda base: base * 0.8)
    count = sum(alarms(*year(rng, *STREAMS[name], at_limit), form, within=True) for _ in range(YEARS))
    told(f"{form} at the limit, {name}", count, YEARS)
    assert at_most(count, YEARS, ALPHA)


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("form", ["difference", "ratio"])
def test_a_mix_of_strata_alarms_in_sum_and_not_within(name: str, form: str) -> None:
    """All are treated alike in each stratum; one group is mostly where it is hard (Simpson's paradox)."""
    rng = np.random.default_rng(1)
    strata, panes, rows = STREAMS[name]
    base = np.linspace(0.2, 0.8, strata)
    share = np.stack([1 - base, base]) ** 3
    share *= rows / 2 / share.sum(axis=1, keepdims=True)
    years, summed, within = YEARS // 5, 0, 0
    for _ in range(years):
        n = rng.poisson(np.broadcast_to(share, (panes, 2, strata)))
        k = rng.binomial(n, base)
        summed += alarms(k, n, form, within=False)
        within += alarms(k, n, form, within=True)
    told(f"{form}, alike in each stratum, in sum, {name}", summed, years)
    told(f"{form}, alike in each stratum, within, {name}", within, years)
    assert summed > 0.95 * years
    assert within <= 0.01 * years


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("form", ["difference", "ratio"])
def test_a_gap_within_strata_is_found(name: str, form: str) -> None:
    rng = np.random.default_rng(2)
    beyond = (lambda base: base - 0.2) if form == "difference" else (lambda base: base * 0.6)
    years = YEARS // 5
    count = sum(alarms(*year(rng, *STREAMS[name], beyond), form, within=True) for _ in range(years))
    told(f"{form} beyond the limit, {name}", count, years)
    assert count > 0.95 * years


@pytest.mark.parametrize(("strata", "share", "rows"), [(6, 0.5, 10), (40, 0.5, 20), (40, 0.2, 200)])
def test_two_rows_a_stratum_find_nearly_as_much_as_more(strata: int, share: float, rows: int) -> None:
    """Log of the e-value after 4,000 rows with a gap of twice the limit, by what windows are joined for."""
    rng = np.random.default_rng(3)
    joined = [1, *(each * strata for each in (1, A_STRATUM, 4, 8))]
    ends = np.zeros((400, len(joined)))
    for stream in ends:
        n = rng.poisson(rows / strata * np.array([[share], [1 - share]]), (4000 // rows, 2, strata))
        base = rng.uniform(0.3, 0.7, strata)
        k = rng.binomial(n, np.stack([base + 0.1, base - 0.1]))
        for place, fewest in enumerate(joined):
            index = e_panes(*n.sum(axis=2).T, fewest=fewest)
            parts = [join(part[:, group], index) for group in (0, 1) for part in (k, n)]
            stream[place] = running(pair_log_e(*parts, 0.1, "difference", (0.6, 0.4)))[-1]
    mean = ends.mean(axis=0)
    told_of = dict(zip(joined, mean.round(1).tolist(), strict=True))
    print(f"{strata} strata, {rows} rows, share {share}: {told_of}")  # noqa: T201
    assert mean[0] < mean[2]
    assert mean[2] > 0.8 * mean.max()
