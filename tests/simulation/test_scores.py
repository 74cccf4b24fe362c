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
from trustkit.evidence.tables import Scores, Table
from trustkit.measure import intervals
from trustkit.measure.calibration import curve, gap, mean_score
from trustkit.measure.intervals import Difference, Least, Limits, Mean
from trustkit.measure.metrics import area
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


def table_of(score: Floats, truth: NDArray[np.bool_]) -> Table:
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
        sizes = np.full(500, float(n)), np.full(500, np.inf)
        parts.append(curve(histograms(score, truth), *sizes).rmsce()[1])
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


def areas(rng: np.random.Generator, runs: int, rows: tuple[int, int], true: float) -> Limits:
    """Limits of the AUC of binormal scores, of runs with so many positives and negatives."""
    truth = np.arange(sum(rows)) < rows[0]
    parts = []
    for chunk in np.full(runs // 500, 500):
        normal = rng.standard_normal((chunk, len(truth))) + np.sqrt(2) * ndtri(true) * truth
        score = 1 / (1 + np.exp(-0.8 * normal))
        parts.append(area(histograms(score, np.broadcast_to(truth, score.shape))).limits)
    return type(parts[0]).joined(parts)


@pytest.mark.parametrize("true", [0.6, 0.8, 0.95])
@pytest.mark.parametrize("rows", [(30, 30), (50, 200), (200, 50)])
def test_area_under_the_curve(rows: tuple[int, int], true: float) -> None:
    limits = areas(np.random.default_rng([*rows, int(100 * true)]), 5000, rows, true)
    what = f"AUC {true}, {rows[0]} + {rows[1]} rows"
    hold(what + ", max", limits, true, fails=(1.15, 2.0, 6.0), passes=1.15)
    hold(what + ", min", limits, true, side="min", fails=(1.15, 2.0, 6.0), passes=1.15)


@pytest.mark.parametrize("true", [(0.65, 0.6), (0.8, 0.75), (0.97, 0.92), (0.75, 0.8)])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((30, 30), (30, 30)),
        ((100, 100), (100, 100)),
        ((30, 170), (500, 4500)),
        ((500, 4500), (30, 170)),
        ((1000, 1000), (1000, 1000)),
    ],
)
def test_difference_of_areas(one: tuple[int, int], other: tuple[int, int], true: tuple[float, float]) -> None:
    rng = np.random.default_rng([*one, *other, int(100 * true[0])])
    a, b = areas(rng, 5000, one, true[0]), areas(rng, 5000, other, true[1])
    sizes = f"{one[0]} + {one[1]} v {other[0]} + {other[1]} rows"
    limit = round(true[0] - true[1], 2)
    side = "max" if limit > 0 else "min"
    what = f"AUC difference {limit:+}, {true[0]} v {true[1]}, {sizes}"
    hold(what, Difference.of_groups(a, b), limit, side=side, fails=(1.15, 2.0, 6.0))


@pytest.mark.parametrize("rows", [(30, 30), (100, 100), (30, 170), (1000, 1000), (5000, 5000)])
def test_power_of_a_difference_of_areas(rows: tuple[int, int]) -> None:
    """Against a limit of .05: areas .8 and .7 found, .8 and .8 passed and hardly ever failed."""
    rng = np.random.default_rng([*rows, 9])
    runs = 2000 if sum(rows) < 2000 else 500
    a, b, worse = (areas(rng, runs, rows, true) for true in (0.8, 0.8, 0.7))
    sizes = f"{rows[0]} + {rows[1]} rows each"
    none, some = Difference.of_groups(a, b), Difference.of_groups(a, worse)
    failed = int((none.lower(0.05) > 0.05).sum())
    told(f"AUC difference 0, {sizes}: false fail at 0.05", failed, runs)
    told(f"AUC difference 0, {sizes}: pass at 0.05", int((none.upper(0.05) <= 0.05).sum()), runs)
    for level in LEVELS:
        told(f"AUC difference .1, {sizes}: fail at {level}", int((some.lower(level) > 0.05).sum()), runs)
    assert at_most(failed, runs, 0.05)


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


def means(rng: np.random.Generator, runs: int, n: int, a: float, b: float) -> intervals.BoundedMean:
    """Limits of the mean of beta scores, of runs with so many rows of one class."""
    score = rng.beta(a, b, (runs, n))
    table = table_of(score, np.ones((runs, n), dtype=bool))
    return mean_score(table, table.truth_positive).limits


SHAPES = {
    "even": ((6, 4), (5.5, 4.5)),
    "near the ends": ((0.3, 0.2), (0.275, 0.225)),
    "low": ((1, 9), (1, 19)),
}
"""Beta scores whose means are .05 apart."""


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("one", "other"), [(20, 400), (400, 20), (100, 100), (200, 2000), (2000, 2000)])
def test_difference_of_mean_scores(one: int, other: int, shape: str) -> None:
    rng = np.random.default_rng([one, other, len(shape)])
    runs = 20_000 if max(one, other) <= 400 else 4000
    a, b = (means(rng, runs, n, *of) for n, of in zip((one, other), SHAPES[shape], strict=True))
    what = f"balance difference .05, {shape} scores, {one} v {other} rows"
    hold(what, Difference.of_groups(a, b), 0.05)
    c = means(rng, runs, other, *SHAPES[shape][0])
    null = Difference.of_groups(a, c)
    failed = int((null.lower(0.05) > 0.05).sum())
    told(f"balance difference 0, {shape} scores, {one} v {other} rows: false fail at 0.05", failed, runs)
    told(
        f"balance difference 0, {shape} scores, {one} v {other} rows: pass at 0.05",
        int((null.upper(0.05) <= 0.05).sum()),
        runs,
    )
    assert at_most(failed, runs, 0.05)


@pytest.mark.parametrize("side", ["max", "min"])
@pytest.mark.parametrize("tenth", [1, 5])
@pytest.mark.parametrize("n", [5, 20, 50, 200, 2000])
def test_gap_of_a_bin(n: int, tenth: int, side: str) -> None:
    """A bin of a curve: the other rows of its group are elsewhere."""
    rng = np.random.default_rng([n, tenth, len(side)])
    parts, away = [], 0.1 if side == "max" else -0.1
    for _ in range(20 if n <= 200 else 8):
        score = (tenth + rng.random((500, n))) / 10
        truth = rng.random(score.shape) < score + away
        score, truth = np.c_[score, rng.random((500, n)) * 0.1], np.c_[truth, np.zeros((500, n), dtype=bool)]
        made = curve(histograms(score, truth), np.full(500, 2.0 * n), np.full(500, np.inf)).limits()
        parts.append(made.take(np.arange(500) * 10 + tenth))
    joined = type(parts[0]).joined(parts)
    hold(f"gap {away:+} of the bin from .{tenth}, {n} rows", joined, away, side=side)


@pytest.mark.parametrize("n", [100, 500, 2000])
def test_expected_calibration_error(n: int) -> None:
    """McDiarmid's limits at a true ECE of .05; how far the figure shown is from it, and from 0 at 0."""
    rng = np.random.default_rng([n, 4])
    score = np.concatenate([rng.random((500, n)) for _ in range(4)])
    away = np.where(np.floor(score * 10) % 2 == 0, 0.05, -0.05) * np.where(score < 0.9, 10 / 9, 0)
    chance = np.clip(score + away, 0, 1)
    for what, truth, true in (
        (".05", rng.random(score.shape) < chance, float(np.abs(chance - score).mean())),
        ("0", rng.random(score.shape) < score, 0.0),
    ):
        made = curve(histograms(score, truth), np.full(len(score), float(n)), np.full(len(score), np.inf))
        value, limits = made.ece()
        failed = int((limits.lower(0.05) > true).sum() + (limits.upper(0.05) < true).sum())
        told(f"ECE {what}, {n} rows: outside the limits at 0.05", failed, len(score))
        print(f"ECE {what}, {n} rows: mean {limits.plain.mean():.4f}, less its bias {value.mean():.4f}")  # noqa: T201
        assert at_most(failed, len(score), 0.1)
        assert abs(value.mean() - true) < abs(limits.plain.mean() - true)
