"""A predicted quantity at its limits: enumerated for rows of two values, else simulated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import bdtrc
from scipy.stats import binom
from simulated import LEVELS, at_least, at_most, claims, judged, names, share, told, verdicts
from test_scores import hold

from trustkit.evidence import Evidence
from trustkit.evidence.cells import BUCKETS
from trustkit.evidence.residuals import Histograms, Residuals
from trustkit.measure.intervals import Difference, Linear, MeanWithin, Ratio, Root
from trustkit.measure.residuals import ABSOLUTE, average, gain, kolmogorov_smirnov

pytestmark = pytest.mark.slow

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, float, tuple[int, int]], Floats]
RUNS = {20: 20_000, 50: 20_000, 200: 20_000, 1000: 6000, 2000: 4000}
PAIRS = [(50, 50), (200, 200), (2000, 2000), (50, 1000), (1000, 50)]


def within(rows: Floats, low: Any = 0.0, high: Any = 1.0) -> MeanWithin:
    """Limits of the mean of each run's rows, of shape (runs, n), between ends."""
    place = (rows - low) / (high - low)
    n, runs = rows.shape[1], len(rows)
    return MeanWithin(place.mean(axis=1), place.var(axis=1), np.full(runs, float(n)), np.full(runs, np.inf))


@pytest.mark.parametrize("n", [50, 200, 1000, 5000])
def test_the_mean_of_rows_of_two_values(n: int) -> None:
    """Enumerated, not drawn: most rows are `base`, about `rare` of them `other`."""
    k = np.arange(min(n, 250) + 1)
    worst = dict.fromkeys(LEVELS, 0.0)
    for base in (0.0, 0.01, 0.05, 0.2, 0.4, 0.6, 0.8, 1.0):
        for other in (0.0, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0):
            mean = (base * (n - k) + other * k) / n
            square = (base**2 * (n - k) + other**2 * k) / n
            size, df = np.full(len(k), float(n)), np.full(len(k), np.inf)
            limits = MeanWithin(mean, np.maximum(square - mean**2, 0), size, df)
            for level in LEVELS:
                low, high = limits.lower(level), limits.upper(level)
                for rare in (0.3, 1, 2, 3, 5, 8, 15, 30, 50, 80):
                    chance = rare / n
                    if chance > 0.5 or bdtrc(k[-1], n, chance) > 1e-9:
                        continue
                    true, p = base + (other - base) * chance, binom.pmf(k, n, chance)
                    missed = max(p[low > true + 1e-9].sum(), p[high < true - 1e-9].sum())
                    worst[level] = max(worst[level], missed / level)
    assert max(worst.values()) <= 1.2


def half_normal(rng: np.random.Generator, scale: float, shape: tuple[int, int]) -> Floats:
    return np.minimum(np.abs(rng.normal(size=shape)) * scale, 1.0)


def exponential(rng: np.random.Generator, scale: float, shape: tuple[int, int]) -> Floats:
    return np.minimum(rng.exponential(size=shape) * scale, 1.0)


def log_normal(rng: np.random.Generator, scale: float, shape: tuple[int, int]) -> Floats:
    return np.minimum(np.exp(1.5 * rng.normal(size=shape)) * scale, 1.0)


def rare(rng: np.random.Generator, scale: float, shape: tuple[int, int]) -> Floats:
    return np.where(rng.random(shape) < scale, 1.0, 1e-3)


ERRORS: list[tuple[Draw, float]] = [
    (half_normal, 0.3),
    (half_normal, 0.05),
    (exponential, 0.1),
    (log_normal, 0.02),
    (rare, 0.01),
    (rare, 0.1),
]


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("sizes", PAIRS)
@pytest.mark.parametrize(("draw", "scale"), ERRORS)
def test_a_ratio_of_errors(draw: Draw, scale: float, sizes: tuple[int, int], power: int) -> None:
    """MAE (errors to the power 1) and RMSE (2): the one group's is 0.8 of the other's."""
    mean = lambda s: (draw(np.random.default_rng(0), s, (1, 2_000_000)) ** power).mean()  # noqa: E731
    whole = mean(scale)
    smaller = brentq(lambda s: mean(s) / whole - 0.8**power, scale / 20, scale)
    limit = (mean(smaller) / whole) ** (1 / power)
    rng = np.random.default_rng([*sizes, power])
    parts = []
    for _ in range(20):
        runs = RUNS[max(sizes)] // 20
        one = within(draw(rng, smaller, (runs, sizes[0])) ** power)
        other = within(draw(rng, scale, (runs, sizes[1])) ** power)
        parts.append(Ratio(one, other) if power == 1 else Root(Ratio(one, other)))
    what = f"{'MAE' if power == 1 else 'RMSE'} ratio at .8, {draw.__name__} errors {scale}, {sizes} rows"
    hold(what, type(parts[0]).joined(parts), limit, side="min")


@pytest.mark.parametrize("sizes", PAIRS)
@pytest.mark.parametrize("kind", ["normal", "rare"])
def test_a_difference_of_mean_errors(kind: str, sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng([*sizes, len(kind)])

    def errors(middle: float, n: int) -> Floats:
        shape = (RUNS[max(sizes)], n)
        if kind == "normal":
            return np.clip(middle + 0.1 * rng.normal(size=shape), -1, 1)
        return (rng.random(shape) < middle) * 1.0

    apart = Difference.of_groups(
        *(within(errors(m, n), -1, 1) for m, n in zip((0.05, 0.0), sizes, strict=True))
    )
    runs = len(apart.value)
    hold(
        f"mean error difference at .05, {kind} errors, {sizes} rows",
        Linear(apart, np.full(runs, 2.0), np.zeros(runs)),
        0.05,
    )


def spread(rng: np.random.Generator, rho: float, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Truths about the middle; predictions, correlated by rho, so wide that they gain nothing."""
    truth, noise = rng.normal(size=shape), rng.normal(size=shape)
    prediction = 2 * rho * (rho * truth + np.sqrt(1 - rho**2) * noise)
    return tuple(np.clip(0.12 * each, -0.5, 0.5) for each in (truth, prediction))


def skewed(rng: np.random.Generator, rho: float, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Truths near the lower end with a long tail."""
    truth, noise = rng.exponential(size=shape) - 1, rng.normal(size=shape)
    prediction = 2 * rho * (rho * truth + np.sqrt(1 - rho**2) * noise)
    return tuple(np.clip(0.05 * (1 + each) - 0.5, -0.5, 0.5) for each in (truth, prediction))


def unseen(rng: np.random.Generator, rho: float, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Predictions a little worse than a constant but for one row in a hundred, far out, that they hit."""
    far = rng.random(shape) < 0.01
    truth = np.where(far, 0.45, np.clip(0.02 * rng.normal(size=shape), -0.5, 0.5))
    return truth, np.where(far, 0.45, truth + rho * np.sign(rng.normal(size=shape)))


@pytest.mark.parametrize("n", [20, 50, 200, 2000])
@pytest.mark.parametrize(
    ("draw", "rho"),
    [(spread, 0.0), (spread, 0.1), (spread, 0.5), (skewed, 0.0), (skewed, 0.5), (unseen, 0.045)],
)
def test_skill(draw: Any, rho: float, n: int) -> None:
    truth, prediction = draw(np.random.default_rng(0), rho, (1, 4_000_000))
    true = float(truth.var() - ((truth - prediction) ** 2).mean())
    rng = np.random.default_rng([n, int(1000 * rho)])
    truth, prediction = draw(rng, rho, (RUNS[n], n))
    c = truth.mean(axis=1, keepdims=True)
    low, high = (0.5 - np.abs(c)) ** 2 - 1, (0.5 + np.abs(c)) ** 2
    inner = within((truth - c) ** 2 - (truth - prediction) ** 2, low, high)
    limits = Linear(inner, (high - low)[:, 0], low[:, 0])
    moments = residuals([truth[0]], [prediction[0]]).moments()
    mine = average(moments, gain(moments))
    for level in LEVELS:
        np.testing.assert_allclose(mine.limits.lower(level)[0], limits.lower(level)[0], rtol=1e-9)
    hold(f"skill {true:.4f}, {draw.__name__} {rho}, {n} rows", limits, true, side="min")


@pytest.mark.parametrize("sizes", [(50, 50), (200, 200), (2000, 2000), (50, 2000)])
@pytest.mark.parametrize("limit", [0.0, 0.1, 0.3])
def test_the_distance_of_predictions(limit: float, sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng([*sizes, int(100 * limit)])
    parts, bins, runs = [], 256, RUNS[max(sizes)] // 10
    for _ in range(10):
        counts = []
        for n, shift in zip(sizes, (limit, 0.0), strict=True):
            bin_ = np.floor((rng.random((runs, n)) + shift) / 1.4 * bins).astype(np.int64)
            place = bin_ + bins * np.arange(runs)[:, None]
            counts.append(np.bincount(place.ravel(), minlength=runs * bins).reshape(runs, bins))
        edges = np.linspace(0, 1.4, bins + 1)
        one, other = (Histograms([], edges[:-1], edges[1:], n, n.astype(float)) for n in counts)
        parts.append(kolmogorov_smirnov(one, other))
    hold(f"KS at {limit}, {sizes} rows", type(parts[0]).joined(parts), limit)


def residuals(truth: Sequence[Floats], prediction: Sequence[Floats], **keys: Any) -> Residuals:
    """Residuals of groups, from the rows of each, in a range from -1/2 to 1/2."""
    group = np.repeat(np.arange(len(truth)), [len(each) for each in truth])
    schema = {
        "task": "regression",
        "attributes": ["group"],
        "bins": {},
        "positive": None,
        "favorable": [],
        "truth": True,
        "prediction": True,
        "score": False,
        "weight": "weight" in keys,
        "unit": "bucket" in keys,
        "target": "y",
        "ends": [-0.5, 0.5],
    }
    axes = {"group": (names(len(truth)), group)}
    return Residuals.count(
        schema, axes, truth=np.concatenate(truth), prediction=np.concatenate(prediction), **keys
    )


def cards(
    rng: np.random.Generator,
    sizes: Sequence[int],
    scales: Sequence[float],
    runs: int,
    only: str = "bias/regression-error",
) -> Any:
    """Cards of groups whose errors are half-normal of a scale."""
    for _ in range(runs):
        truth = [0.2 * (rng.random(n) - 0.5) for n in sizes]
        said = [t + s * rng.normal(size=len(t)) for t, s in zip(truth, scales, strict=True)]
        kinds = {"residuals": residuals(truth, said)}
        yield judged(Evidence(system={}, kinds=kinds, errors={}), [only])


@pytest.mark.parametrize(("groups", "rows"), [(2, 500), (2, 5000), (6, 5000), (12, 10_000)])
def test_cards_of_fair_systems(groups: int, rows: int) -> None:
    part = np.linspace(1, 4, groups)
    sizes = (rows * part / part.sum()).astype(int)
    rng = np.random.default_rng([groups, rows])
    failed = ["fail" in verdicts(card) for card in cards(rng, sizes, [0.1] * groups, 300)]
    told(f"MAE ratios of {groups} equal groups, {rows} rows: cards failed", *share(failed))
    assert at_most(*share(failed), 0.05)


@pytest.mark.parametrize("rows", [500, 2000])
def test_a_card_with_one_ratio_at_its_limit(rows: int) -> None:
    rng = np.random.default_rng([rows, 8])
    found = [claims(card, "mae_ratio") for card in cards(rng, [rows, rows], [0.08, 0.1], 600)]
    failed = [any(str(finding.verdict) == "fail" for finding in each) for each in found]
    passed = [all(str(finding.verdict) == "pass" for finding in each) for each in found]
    told(f"card, MAE ratio at .8, {rows} rows a group: false fail", *share(failed))
    told(f"card, MAE ratio at .8, {rows} rows a group: false pass", *share(passed))
    assert all(len(each) == 2 for each in found)
    assert at_most(*share(failed), 0.05)
    assert at_most(*share(passed), 0.05)


@pytest.mark.parametrize("scale", [0.1, 0.03])
@pytest.mark.parametrize("rows", [200, 500, 1000, 2000, 20_000])
def test_power(rows: int, scale: float) -> None:
    rng = np.random.default_rng([rows, int(1000 * scale)])
    alike = [verdicts(card) == {"pass"} for card in cards(rng, [rows] * 2, [scale] * 2, 100)]
    apart = ["fail" in verdicts(card) for card in cards(rng, [rows] * 2, [scale, scale / 1.6], 100)]
    told(f"MAE ratio 1, errors {scale} of the range, {rows} rows a group: pass", *share(alike))
    told(f"MAE ratio 1.6, errors {scale} of the range, {rows} rows a group: fail", *share(apart))
    if rows == 20_000:
        assert at_least(*share(alike), 0.95)
        assert at_least(*share(apart), 0.95)


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("persons", [(40, 40), (20, 400), (400, 400)])
def test_rows_of_persons(persons: tuple[int, int], rho: float) -> None:
    """Five rows a person, whose sizes of error are correlated: the ratio of MAE is .8."""
    rng = np.random.default_rng([*persons, int(10 * rho)])
    parts, size = [], 5
    for _ in range(1500):
        truth, said, bucket = [], [], []
        for n, scale in zip(persons, (0.08, 0.1), strict=True):
            shared = np.repeat(rng.random(n) < rho, size)
            mine, own = np.repeat(rng.normal(size=n), size), rng.normal(size=n * size)
            truth.append(np.zeros(n * size))
            said.append(scale * np.where(shared, mine, own))
            bucket.append(np.repeat(rng.integers(0, BUCKETS, n), size))
        made = average(residuals(truth, said, bucket=np.concatenate(bucket)).moments(("group",)), ABSOLUTE)
        parts.append(Ratio(made.place.take([0]), made.place.take([1])))
    hold(f"MAE ratio at .8, {persons} persons of 5 rows, rho {rho}", Ratio.joined(parts), 0.8, side="min")


@pytest.mark.parametrize("sizes", [(200, 200), (50, 1000), (2000, 2000)])
def test_weights_tied_to_the_error(sizes: tuple[int, int]) -> None:
    """Log-normal weights, larger where the error is: the ratio of weighted MAE is .8."""
    rng = np.random.default_rng(sizes)
    parts = []
    for _ in range(1500):
        error = [scale * rng.normal(size=n) for n, scale in zip(sizes, (0.08, 0.1), strict=True)]
        weight = [
            np.exp(rng.normal(size=len(e)) + (np.abs(e) > 0.1 * s))
            for e, s in zip(error, (0.8, 1), strict=True)
        ]
        truth = [np.zeros(n) for n in sizes]
        made = average(residuals(truth, error, weight=np.concatenate(weight)).moments(("group",)), ABSOLUTE)
        parts.append(Ratio(made.place.take([0]), made.place.take([1])))
    hold(f"weighted MAE ratio at .8, {sizes} rows", Ratio.joined(parts), 0.8, side="min")
