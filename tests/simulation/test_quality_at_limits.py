"""Claims on the quality of a model at their limits: verdicts are wrong no more often than is claimed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated import LEVELS, at_most, told

from trustkit.measure.intervals import (
    BoundedMean,
    Difference,
    Floats,
    HarmonicMean,
    Limits,
    Linear,
    proportions,
)

pytestmark = pytest.mark.slow

RUNS = 40_000
SLACK = 1.2
"""Limits that rest on a variance seen may miss their level by so much (docs/statistics.md)."""


def mean(rows: Floats, variance: Floats | None = None) -> BoundedMean:
    """Limits of the means of simulated rows, one run a line."""
    runs, n = rows.shape
    spread = rows.var(axis=1) if variance is None else variance
    return BoundedMean(rows.mean(axis=1), spread, np.full(runs, float(n)), np.full(runs, np.inf))


def check(what: str, limits: Limits, bound: float, side: str, slack: float = SLACK) -> None:
    """Tell and assert how often a true value at its limit is failed, and passed."""
    for level in LEVELS:
        low, high = limits.lower(level), limits.upper(level)
        failed = low > bound if side == "max" else high < bound
        told(f"{what}: fail at {level}", int(failed.sum()), len(failed))
        assert at_most(int(failed.sum()), len(failed), slack * level)
    passed = limits.upper(0.05) < bound if side == "max" else limits.lower(0.05) > bound
    told(f"{what}: pass at 0.05", int(passed.sum()), len(passed))
    assert at_most(int(passed.sum()), len(passed), slack * 0.05)


@pytest.mark.parametrize("rows", [50, 200, 2000])
@pytest.mark.parametrize("disagree", [0.02, 0.1, 0.3])
def test_skill_over_the_tree(rows: int, disagree: float) -> None:
    """As many rows that only the model gets right as rows that only the tree does."""
    rng = np.random.default_rng([rows, int(100 * disagree)])
    runs = RUNS if rows < 1000 else RUNS // 8
    draw = rng.random((runs, rows))
    half = np.where(draw < disagree / 2, 1.0, np.where(draw < disagree, 0.0, 0.5))
    limits = Linear(mean(half), np.full(runs, 2.0), np.full(runs, -1.0))
    check(f"skill over the tree, {rows} rows, {disagree:g} told apart", limits, 0.0, "min")


@pytest.mark.parametrize(("here", "there"), [(0.25, 0.15), (0.1, 0.0), (0.12, 0.02)])
@pytest.mark.parametrize(("rows", "others"), [(100, 100), (500, 2000), (2000, 200)])
def test_overfit(rows: int, others: int, here: float, there: float) -> None:
    rng = np.random.default_rng([rows, others, int(100 * here)])
    counts = [rng.binomial(n, rate, RUNS) / n for n, rate in ((rows, here), (others, there))]
    parts = [
        BoundedMean(p, p * (1 - p), np.full(RUNS, float(n)), np.full(RUNS, np.inf))
        for p, n in zip(counts, (rows, others), strict=True)
    ]
    name = f"overfit of .1, errors {here:g} on {rows} and {there:g} on {others} rows"
    check(name, Difference.of_groups(*parts), 0.1, "max")


@pytest.mark.parametrize("rows", [50, 200, 2000])
@pytest.mark.parametrize("sure", [False, True])
def test_overconfidence(rows: int, sure: bool) -> None:
    """Confidences that are too high by .05 on average; where they are sure, by more where there is room."""
    rng = np.random.default_rng([rows, sure])
    runs = RUNS if rows < 1000 else RUNS // 8
    doubt: NDArray[np.float64] = rng.beta(0.5, 6, (runs, rows)) if sure else rng.uniform(0, 0.5, (runs, rows))
    wrong = (rng.random((runs, rows)) < doubt + 0.05).astype(float)
    excess = wrong - doubt
    limits = Linear(mean(wrong, excess.var(axis=1)), np.ones(runs), -doubt.mean(axis=1))
    check(f"overconfidence of .05, {rows} rows, {'sure' if sure else 'even'}", limits, 0.05, "max")


@pytest.mark.parametrize(("precision", "recall"), [(0.6, 0.5), (0.95, 0.9), (0.1, 0.3)])
@pytest.mark.parametrize("positives", [30, 300])
def test_f1(positives: int, precision: float, recall: float) -> None:
    """Given how many are or are called positive, the limits are exact: no slack."""
    rng = np.random.default_rng([positives, int(100 * precision)])
    either = positives * (1 + recall / precision - recall)
    share = recall * positives / either
    n = rng.poisson(either, RUNS).clip(1).astype(float)
    limits = HarmonicMean(proportions(rng.binomial(n.astype(int), share) / n, n))
    name = f"F1 of precision {precision:g}, recall {recall:g}, {positives} positives"
    check(name, limits, 2 * share / (1 + share), "max", slack=1.0)
