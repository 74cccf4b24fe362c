"""Shares of common rows and the AUC of single inputs hold their level at the limit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from simulated import LEVELS, at_most, share, told

from trustkit.checks.base import Estimate
from trustkit.checks.safety.leakage import leakage
from trustkit.collectors import collect
from trustkit.evidence.overlaps import Match
from trustkit.measure.intervals import Limits
from trustkit.measure.recurrence import beyond_chance
from trustkit.system import System

pytestmark = pytest.mark.slow

LIMIT = 0.01


def held(what: str, made: list[Limits], limit: float) -> None:
    """Assert that no more claims fail at each level than it says, nor pass at 0.05; print how many."""
    bound = np.array([limit])
    above = np.array([each.p_above(bound)[0] for each in made])
    for level in LEVELS:
        hits, runs = share(above <= level)
        told(f"{what}, fail at {level}", hits, runs)
        assert at_most(hits, runs, level)
    passed = share(each.p_below(bound)[0] <= 0.05 for each in made)
    told(f"{what}, pass", *passed)
    assert at_most(*passed, 0.05)


def match(audit: NDArray[np.int64], train: NDArray[np.int64], values: int) -> Match:
    """Match of two tables of one column."""
    mine, theirs = (np.bincount(of, minlength=values) for of in (audit, train))
    return Match(
        len(audit),
        int(mine[theirs > 0].sum()),
        int(mine[mine > 1].sum()),
        len(train),
        int(theirs[theirs > 1].sum()),
    )


@pytest.mark.parametrize(("n", "m"), [(2000, 2000), (500, 5000), (5000, 500)])
@pytest.mark.parametrize("values", [5000, 50_000, 500_000])
def test_shared_rows(n: int, m: int, values: int) -> None:
    """Values of unequal frequency; as many rows are copied as make the excess the limit."""
    rng = np.random.default_rng([n, m, values])
    chance = 1 / np.arange(1, values + 1) ** 0.5
    chance = chance / chance.sum()
    found = 1 - (chance * (1 - chance) ** m).sum()
    made: list[Limits] = []
    for _ in range(600):
        audit, train = (rng.choice(values, size, p=chance) for size in (n, m))
        copied = rng.random(n) < LIMIT / (1 - found)
        audit = np.where(copied, rng.choice(train, n), audit)
        made.append(beyond_chance(match(audit, train, values)))
    print(f"found by chance {found:.3f}")  # noqa: T201
    held(f"shared, {n} v {m}, {values} values", made, LIMIT)


def single(rng: np.random.Generator, n: int, positives: float, apart: float) -> Estimate:
    """The claim on one normal input whose means lie so far apart."""
    truth = (rng.random(n) < positives).astype(int)
    table = pd.DataFrame({"x": rng.normal(size=n) + apart * truth, "y": truth})
    system = System(data=table.assign(said=1), target="y", prediction="said", favorable=1, features=["x"])
    evidence = collect(system, only=["overlaps"])
    return next(
        each
        for each in leakage(evidence.kinds["overlaps"], judged=("single_auc",))
        if each.metric == "single_auc"
    )


@pytest.mark.parametrize(("n", "positives"), [(400, 0.5), (2000, 0.5), (2000, 0.05)])
def test_single_inputs(n: int, positives: float) -> None:
    rng = np.random.default_rng([n, int(100 * positives)])
    apart = 2.326174  # an AUC of 0.95: the normal quantile of 0.95 times the root of two
    made = [single(rng, n, positives, apart).limits for _ in range(250)]
    held(f"single_auc, {n} rows, {positives} positive", [each for each in made if each is not None], 0.95)
