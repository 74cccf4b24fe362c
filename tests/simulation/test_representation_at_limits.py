"""Shares of the rows against a population: false fails, false passes and power on whole cards."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated import at_least, at_most, claims, names, share, told, verdicts

import trustkit as tk
from trustkit.evidence import Evidence
from trustkit.evidence.blocks import Block
from trustkit.evidence.cells import Cells
from trustkit.evidence.population import Population
from trustkit.evidence.profiles import Groups, Profile, Profiles
from trustkit.scorecard import Scorecard

pytestmark = pytest.mark.slow

EQUAL = np.full(12, 1 / 12)
UNEQUAL = np.array([0.3, 0.2, 0.1, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02, 0.015, 0.005])


def card_of(rows: NDArray[np.int64], population: NDArray[np.float64]) -> Scorecard:
    """Card of so many rows of each group."""
    labels = names(len(rows))
    seen = np.flatnonzero(rows)
    block = Block(
        np.column_stack([seen, *[np.zeros_like(seen)] * 2, np.full_like(seen, -1)]), {"n": rows[seen]}
    )
    roles = {"truth": False, "prediction": True, "score": False, "weight": False, "unit": False}
    schema = {"attributes": ["group"], "bins": {}, "positive": "1", "favorable": ["1"], **roles}
    cells = Cells(schema, {"group": labels, "truth": ("(missing)",), "prediction": ("1",)}, block)
    groups = {"group": Groups(labels, rows, np.zeros((len(rows), 0), dtype=np.int64))}
    total = int(rows.sum())
    profile = Profile((), total, np.zeros(0, dtype=np.int64), groups, float(total))
    declared = {"attributes": ["group"], "bins": {}, "columns": []}
    shares = Population({"group": dict(zip(labels, population.tolist(), strict=True))})
    kinds = {"cells": cells, "profiles": Profiles(declared, profile), "population": shares}
    evidence = Evidence(system={}, kinds=kinds, errors={})
    return tk.judge(evidence, "unga-78-265", only=["bias/representation"])


@pytest.mark.parametrize("rows", [60, 400, 5000])
def test_a_share_at_its_limit(rows: int) -> None:
    rng = np.random.default_rng(rows)
    population, failed, passed = np.array([0.5, 0.5]), [], []
    for _ in range(1000):
        card = card_of(rng.multinomial(rows, [0.4, 0.6]), population)
        found = {str(f.subject["groups"]["group"]): str(f.verdict) for f in claims(card, "share_ratio")}
        failed.append(found["g00"] == "fail")
        passed.append(found["g00"] == "pass")
    told(f"share ratio at .8, {rows} rows: false fail", *share(failed))
    told(f"share ratio at .8, {rows} rows: false pass", *share(passed))
    assert at_most(*share(failed), 0.05)
    assert at_least(*share(failed), 0.005)
    assert at_most(*share(passed), 0.05)


@pytest.mark.parametrize("rows", [100, 1000, 20_000])
@pytest.mark.parametrize("population", [EQUAL, UNEQUAL], ids=["equal", "unequal"])
def test_a_sample_of_the_population_is_seldom_failed(rows: int, population: NDArray[np.float64]) -> None:
    rng = np.random.default_rng(rows + 1)
    failed, by_points = [], []
    for _ in range(200):
        counts = rng.multinomial(rows, population)
        failed.append("fail" in verdicts(card_of(counts, population)))
        by_points.append(bool((counts / rows < 0.8 * population).any()))
    told(f"12 groups as in the population, {rows} rows: cards failed", *share(failed))
    told(f"12 groups as in the population, {rows} rows: beyond the limit by points", *share(by_points))
    assert at_most(*share(failed), 0.05)


@pytest.mark.parametrize(("rows", "least"), [(500, 0.3), (1000, 0.8), (2000, 0.99)])
def test_half_of_a_tenth_is_found(rows: int, least: float) -> None:
    rng = np.random.default_rng(rows + 2)
    population, failed = np.array([0.1, 0.3, 0.6]), []
    for _ in range(200):
        card = card_of(rng.multinomial(rows, [0.05, 0.32, 0.63]), population)
        failed.append("fail" in verdicts(card))
    told(f"a tenth of whom the rows hold half, {rows} rows: found", *share(failed))
    assert at_least(*share(failed), least)
