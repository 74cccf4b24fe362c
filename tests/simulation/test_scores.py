"""Calibration, ranking and performance at their limits, through the limits that checks give."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtri
from simulated import LEVELS, at_most, counts_table, told

from trustkit.checks.safety.performance import performance
from trustkit.evidence.cells import Cells
from trustkit.evidence.score_bins import SCORE_BINS, score_bins
from trustkit.evidence.tables import Scores
from trustkit.measure import intervals
from trustkit.measure.calibration import gap, reliability
from trustkit.measure.intervals import AreaUnderCurve, Difference, Least, Limits, Mean
from trustkit.measure.metrics import area_limits, area_under_curve
from trustkit.measure.rates import rate

pytestmark = pytest.mark.slow

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]
SLACK = (1.15, 1.5, 3.0)
"""How many times its level a false fail may have, where the method is approximate."""


def hold(
    what: str,
    limits: Limits,
    limit: float,
    *,
    side: str = "max",
    fails: tuple[float, float, float] = SLACK,
    passes: float = 1.15,
) -> None:
    """Tell and hold how often a claim at its limit is failed at each level, and passed at .05."""
    runs, bound = 0, limit
    for level, slack in zip(LEVELS, fails, strict=True):
        upper, lower = limits.upper(level), limits.lower(level)
        runs = len(upper)
        failed = int((lower > bound).sum() if side == "max" else (upper < bound).sum())
        passed = int((upper <= bound).sum() if side == "max" else (lower >= bound).sum())
        told(f"{what}: false fail at {level}", failed, runs)
        assert at_most(failed, runs, slack * level)
        if level == LEVELS[0]:
            told(f"{what}: false pass at {level}", passed, runs)
            assert at_most(passed, runs, passes * level)


def scored_counts(score: Floats, truth: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """Counts, summed scores and summed squares by truth of each run, shape (runs, truth, 1)."""
    both = np.stack([~truth, truth], axis=1)
    n, s, s2 = ((both * part[:, None]).sum(axis=2) for part in (np.ones_like(score), score, score**2))
    return n, s, s2


def table_of(score: Floats, truth: NDArray[np.bool_]) -> object:
    """Table of runs with every decision 0."""
    parts = []
    for part in scored_counts(score, truth):
        full = np.zeros((len(score), 2, 2))
        full[:, :, 0] = part
        parts.append(full)
    return counts_table(parts[0].astype(np.int64), s=parts[1], s2=parts[2])


def uniform(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return 0.06 + 0.88 * rng.random(shape)


def low(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return np.asarray(0.06 + 0.88 * rng.beta(1, 19, shape))


def extreme(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return np.where(rng.random(shape) < 0.5, 0.06, 0.94)


@pytest.mark.parametrize("side", ["max", "min"])
@pytest.mark.parametrize("draw", [uniform, low, extreme])
@pytest.mark.parametrize("n", [20, 50, 200, 2000])
def test_calibration_in_the_large(n: int, draw: Draw, side: str) -> None:
    rng = np.random.default_rng([n, 1])
    runs = 20_000 if n <= 200 else 4000
    score = draw(rng, (runs, n))
    away = 0.05 if side == "max" else -0.05
    limits = gap(table_of(score, rng.random(score.shape) < score + away)).limits
    hold(f"gap {away:+}, {draw.__name__} scores, {n} rows", limits, away, side=side)


@pytest.mark.parametrize("n", [20, 50, 100, 200, 1000])
def test_calibration_in_the_large_of_a_sure_score(n: int) -> None:
    """Scores of 0 and 1 that are wrong one time in ten of the noes: few rows carry all of the gap."""
    rng = np.random.default_rng([n, 2])
    runs = 20_000 if n <= 200 else 4000
    score = (rng.random((runs, n)) < 0.5) * 1.0
    truth = rng.random(score.shape) < np.where(score == 1, 1.0, 0.1)
    hold(f"gap +0.05, scores of 0 and 1, {n} rows", gap(table_of(score, truth)).limits, 0.05)


@pytest.mark.parametrize("n", [50, 200, 1000])
def test_calibration_in_the_large_with_unseen_errors(n: int) -> None:
    """A steady gap of .06 among the sure, that rare and large errors take back to the limit."""
    rng = np.random.default_rng([n, 3])
    sure = rng.random((20_000 if n <= 200 else 4000, n)) < 0.9
    truth = rng.random(sure.shape) < np.where(sure, 0.94 + 0.05 / 0.9, 0.0)
    hold(f"gap +0.05, unseen errors, {n} rows", gap(table_of(np.where(sure, 0.94, 0.0), truth)).limits, 0.05)


def histograms(score: Floats, truth: NDArray[np.bool_]) -> Scores:
    """Score histograms of runs."""
    runs = len(score)
    place = (np.arange(runs)[:, None] * 2 + truth) * SCORE_BINS + score_bins(score.ravel()).reshape(
        score.shape
    )
    n, s, s2 = (
        np.bincount(place.ravel(), weights=part, minlength=runs * 2 * SCORE_BINS).reshape(runs, 2, SCORE_BINS)
        for part in (None, score.ravel(), score.ravel() ** 2)
    )
    return Scores([{"run": str(i)} for i in range(runs)], n, n.astype(float), s, s2)


@pytest.mark.parametrize("shape", ["spread", "one bin"])
@pytest.mark.parametrize("n", [100, 200, 1000])
def test_calibration_error(n: int, shape: str) -> None:
    rng = np.random.default_rng([n, len(shape)])
    limit, parts = 0.05, []
    for _ in range(20 if n <= 200 else 10):
        score = rng.random((500, n))
        if shape == "spread":
            away = np.where(score < 0.5, limit, -limit)
        else:
            away = np.where(np.floor(score * 10) == 3, limit * np.sqrt(10), 0.0)
        truth = rng.random(score.shape) < score + away
        parts.append(reliability(histograms(score, truth), np.full(500, float(n)))[1])
    joined = type(parts[0]).joined(parts)
    bound = np.full(len(joined.gap), limit)
    above, below = joined.p_above(bound), joined.p_below(bound)
    for level in LEVELS:
        told(
            f"RMSCE at {limit}, {shape}, {n} rows: false fail at {level}",
            int((above <= level).sum()),
            len(bound),
        )
    told(f"RMSCE at {limit}, {shape}, {n} rows: false pass at 0.05", int((below <= 0.05).sum()), len(bound))
    for level, slack in zip(LEVELS, (1.3, 2.0, 4.0), strict=True):
        assert at_most(int((above <= level).sum()), len(bound), slack * level)
    assert at_most(int((below <= 0.05).sum()), len(bound), 1.3 * 0.05)


@pytest.mark.parametrize("area", [0.6, 0.8, 0.95])
@pytest.mark.parametrize("rows", [(30, 30), (50, 200), (200, 50)])
def test_area_under_the_curve(rows: tuple[int, int], area: float) -> None:
    rng = np.random.default_rng([*rows, int(100 * area)])
    positives, negatives = rows
    truth = np.arange(positives + negatives) < positives
    apart = np.sqrt(2) * ndtri(area) * truth
    parts = []
    for i in range(5000):
        score = 1 / (1 + np.exp(-(rng.standard_normal(len(truth)) + apart) * 0.8))
        place = score_bins(score) + SCORE_BINS * truth
        n = np.bincount(place, minlength=2 * SCORE_BINS).reshape(2, SCORE_BINS)
        below = np.cumsum(n[0]) - n[0] / 2
        value = float((below * n[1]).sum() / positives / negatives)
        if i == 0:
            columns = Scores([{}], n[None], n[None].astype(float), *(n[None] * 0.5,) * 2)
            bins = Scores([{}], n[None], columns.mass, n[None] * np.arange(SCORE_BINS), columns.s2)
            assert value == pytest.approx(area_under_curve(bins), abs=1e-12)
        parts.append(area_limits(value, n))
    limits = AreaUnderCurve.joined(parts)
    what = f"AUC {area}, {positives} + {negatives} rows"
    hold(what + ", max", limits, area, fails=(1.15, 2.0, 6.0), passes=1.15)
    hold(what + ", min", limits, area, side="min", fails=(1.15, 2.0, 6.0), passes=1.15)


@pytest.mark.parametrize("n", [50, 200, 2000])
@pytest.mark.parametrize(
    ("base", "tpr", "fpr"),
    [(0.5, 0.5, 0.5), (0.5, 0.7, 0.7), (0.3, 0.3, 0.3 * 0.3 / 0.7), (0.05, 0.2, 0.2 * 0.05 / 0.95)],
)
def test_skill_at_zero(base: float, tpr: float, fpr: float, n: int) -> None:
    rng = np.random.default_rng([n, int(100 * base), int(10 * tpr)])
    chances = [(1 - base) * (1 - fpr), (1 - base) * fpr, base * (1 - tpr), base * tpr]
    counts = rng.multinomial(n, chances, 20_000).reshape(-1, 2, 2)
    table = counts_table(counts)
    judged = np.ones((2, 2), dtype=bool)
    parts = []
    for label in table.truths:
        same = table.truth_is(label)
        gained, lost = (
            rate(table, counted=counted, among=judged)
            for counted in (table.correct & ~same, ~table.correct & same)
        )
        parts.append(Difference.of_shares(gained.limits, lost.limits))
    limits = Least(tuple(parts))
    schema = {"attributes": [], "bins": {}, "positive": "1", "favorable": ["1"]}
    schema |= {"truth": True, "prediction": True, "score": False, "weight": False, "unit": False}
    truth, prediction = np.indices((2, 2)).reshape(2, 4).repeat(counts[0].ravel(), axis=1)
    axes = {"truth": (table.truths, truth), "prediction": (table.predictions, prediction)}
    mine = next(e for e in performance(Cells.count(schema, axes)) if e.metric == "skill")
    assert mine.interval(0.05) == (limits.lower(0.05)[0], limits.upper(0.05)[0])
    hold(f"skill 0, base rate {base}, TPR {tpr}, {n} rows", limits, 0.0, side="min")


@pytest.mark.parametrize("n", [50, 200, 2000])
@pytest.mark.parametrize("base", [0.5, 0.1])
def test_balanced_accuracy(base: float, n: int) -> None:
    rng = np.random.default_rng([n, int(100 * base)])
    counts = rng.multinomial(n, [(1 - base) * 0.9, (1 - base) * 0.1, base * 0.4, base * 0.6], 20_000)
    table = counts_table(counts.reshape(-1, 2, 2)[(counts[:, :2].sum(1) >= 5) & (counts[:, 2:].sum(1) >= 5)])
    recalls = [
        rate(table, counted=table.correct, among=table.truth_is(label)).limits for label in table.truths
    ]
    hold(f"balanced accuracy .75, base rate {base}, {n} rows", Mean(tuple(recalls)), 0.75, side="min")


@pytest.mark.parametrize("n", [50, 200, 2000])
@pytest.mark.parametrize("kind", ["Brier", "log loss", "Brier, rare losses"])
def test_losses(kind: str, n: int) -> None:
    rng = np.random.default_rng([n, len(kind)])
    runs = 20_000 if n <= 200 else 4000
    score = rng.random((runs, n)).clip(1e-6, 1 - 1e-6)
    truth, worst, true = rng.random((runs, n)) < score, 1.0, 1 / 6
    if kind == "Brier, rare losses":
        score, truth = 0.02 + 0.01 * rng.random((runs, n)), rng.random((runs, n)) < 0.02
        true = 0.02 * np.mean((1 - 0.025) ** 2 + 1e-4 / 12) + 0.98 * (0.025**2 + 1e-4 / 12)
    loss = (truth - score) ** 2
    if kind == "log loss":
        loss, worst, true = -np.log(np.where(truth, score, 1 - score)), -np.log(1e-6), 0.5
    mean, variance = loss.mean(axis=1) / worst, loss.var(axis=1) / worst**2
    limits = intervals.BoundedMean(mean, variance, np.full(runs, float(n)), np.full(runs, np.inf))
    hold(f"{kind}, {n} rows", limits, true / worst)
