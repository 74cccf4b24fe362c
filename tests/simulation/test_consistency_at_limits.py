"""Rows share neighbors: the limits of consistency hold all the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from simulated import at_most, share, told

from trustkit.checks.bias.consistency import consistency
from trustkit.collectors import collect
from trustkit.system import System

pytestmark = pytest.mark.slow

RUNS, ROWS, LEVEL = 500, 300, 0.05

Drawn = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]


def by_coin(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Decisions that the inputs say nothing of."""
    return rng.normal(size=(ROWS, 2)), rng.random(ROWS) < 0.5


def seldom(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Few favorable decisions."""
    return rng.normal(size=(ROWS, 2)), rng.random(ROWS) < 0.05


def by_slope(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Decisions more likely along one input."""
    inputs = rng.normal(size=(ROWS, 3))
    return inputs, rng.random(ROWS) < 1 / (1 + np.exp(-3 * inputs[:, 0]))


def by_threshold(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A sharp rule."""
    inputs = rng.normal(size=(ROWS, 2))
    return inputs, inputs[:, 0] > 0


def of_equals(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Nine kinds of people, alike within each."""
    inputs = rng.integers(0, 3, (ROWS, 2)).astype(float)
    return inputs, rng.random(ROWS) < 0.2 + 0.1 * inputs[:, 0]


@pytest.mark.parametrize("drawn", [by_coin, seldom, by_slope, by_threshold, of_equals])
def test_limits_miss_the_mean_of_all_samples_seldom(drawn: Drawn) -> None:
    values, ends = [], []
    for seed in range(RUNS):
        rng = np.random.default_rng([seed, ROWS])
        inputs, decided = drawn(rng)
        table = pd.DataFrame(inputs, columns=[f"x{i}" for i in range(inputs.shape[1])])
        table = table.assign(decision=decided.astype(int), truth=1, sex=rng.choice(["F", "M"], ROWS))
        roles = {"target": "truth", "prediction": "decision", "favorable": 1, "sensitive": ["sex"]}
        kinds = collect(System(data=table, **roles), only=["cells", "neighbors"]).kinds
        first = next(iter(consistency(kinds["cells"], kinds["neighbors"])))
        values.append(first.value)
        ends.append(first.interval(LEVEL))
    low, high = np.array(ends).T
    true = float(np.mean(values))
    for side, missed in (("below", high < true), ("above", low > true)):
        told(f"consistency {drawn.__name__}, {ROWS} rows: interval {side} the true value", *share(missed))
        assert at_most(*share(missed), LEVEL)
