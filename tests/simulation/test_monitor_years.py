"""Years of a monitored system, looked at after every pane: false alarms, and how soon true ones come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated import at_most, told

from trustkit.measure.betting import (
    FEWEST,
    Floats,
    detector,
    e_panes,
    join,
    mean_log_e,
    pair_log_e,
    rate_log_e,
    running,
    shift_log_e,
)
from trustkit.measure.sequences import DIFFERENCES, confidence_sequence

pytestmark = pytest.mark.slow

ALPHA = 0.05
TOLERANCE = 0.05
WEEKS = 52
NEVER = 10**6

Rates = NDArray[np.float64]
Counts = NDArray[np.int64]


def first(course: Floats, threshold: float) -> int:
    """Pane of the first alarm."""
    over = np.flatnonzero(course >= threshold)
    return int(over[0]) if len(over) else NEVER


def pair_alarm(
    k: Counts,
    n: Counts,
    claims: int,
    bound: float = TOLERANCE,
    form: Any = "difference",
    guess: tuple[float, float] | None = None,
    persons: int = 1,
    fewest: int = FEWEST,
) -> int:
    """First pane at which the claim on the first of two groups and the second alarms."""
    index = e_panes(*n.T, fewest=fewest)
    parts = (join(part[:, group], index) for group in (0, 1) for part in (k, n))
    pane = first(
        running(pair_log_e(*parts, bound, form, guess) / persons),  # type: ignore[misc]
        np.log(claims / ALPHA),
    )
    return NEVER if pane == NEVER else int(np.flatnonzero(index == pane)[-1])


def any_alarm(k: Counts, n: Counts, **options: Any) -> int:
    """First pane at which any ordered pair alarms."""
    groups = k.shape[1]
    pairs = [list(pair) for pair in permutations(range(groups), 2)]
    return min(pair_alarm(k[:, pair], n[:, pair], len(pairs), **options) for pair in pairs)


def weekly(rng: np.random.Generator, rates: Any, rows: Any, panes: int = WEEKS) -> tuple[Counts, Counts]:
    """Counts of one year, shape ``(panes, groups)``."""
    n = rng.poisson(np.broadcast_to(rows, (panes, np.shape(rates)[-1])))
    return rng.binomial(n, np.broadcast_to(rates, n.shape)), n


def held(what: str, alarms: list[bool], claimed: float = ALPHA) -> None:
    """Print the share of years with an alarm and assert that it is at most what is claimed."""
    told(what, sum(alarms), len(alarms))
    assert at_most(sum(alarms), len(alarms), claimed)


def found(what: str, delays: list[int]) -> tuple[float, float]:
    """Print and return the share found and the median delay in panes."""
    share, median = float(np.mean(np.array(delays) < NEVER)), float(np.median(delays)) + 1
    print(f"{what}: found {share:.3f}, median {median:.0f}, 90 % by {np.quantile(delays, 0.9) + 1:.0f}")  # noqa: T201
    return share, median


SIZES: dict[str, Any] = {
    "2 groups, 100": [100] * 2,
    "2 groups, 300": [300] * 2,
    "2 groups, 1000": [1000] * 2,
    "2 groups, 100 v 1000": [100, 1000],
    "2 groups, 1000 v 100": [1000, 100],
    "2 groups, 5 v 500": [5, 500],
    "2 groups, 500 v 5": [500, 5],
    "4 groups, 300": [300] * 4,
    "12 groups, 100": [100] * 12,
    "12 groups, 1000": [1000] * 12,
    "12 groups, 5 to 1000": np.geomspace(5, 1000, 12),
}


def rates_of(groups: int, gap: float, base: float = 0.3) -> Rates:
    """Every second group is `gap` above the others."""
    return base + gap * (np.arange(groups) % 2 == 0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("gap", [0.0, TOLERANCE])
def test_quiet_years_by_week(size: str, gap: float) -> None:
    rows = np.array(SIZES[size])
    rng = np.random.default_rng([len(rows), int(rows.sum()), int(100 * gap)])
    rates = rates_of(len(rows), gap)
    held(
        f"year by week, {size}, gap {gap}",
        [any_alarm(*weekly(rng, rates, rows)) < NEVER for _ in range(1000)],
    )


@pytest.mark.parametrize("groups", [2, 4])
@pytest.mark.parametrize("gap", [0.0, TOLERANCE])
def test_quiet_years_by_hour(groups: int, gap: float) -> None:
    rng = np.random.default_rng([groups, int(100 * gap)])
    day = 1 + 0.8 * np.sin(np.arange(24) * np.pi / 12)
    rows = np.tile(day, 364)[:, None] * np.full(groups, 300 / 168)
    rates = rates_of(groups, gap)
    held(
        f"year by hour, {groups} groups, 300 a week, gap {gap}",
        [any_alarm(*weekly(rng, rates, rows, len(rows))) < NEVER for _ in range(200)],
    )


@pytest.mark.parametrize("base", [0.02, 0.3, 0.9])
@pytest.mark.parametrize("rows", [(300, 300), (1000, 30)])
def test_base_rates_that_drift(base: float, rows: tuple[int, int]) -> None:
    rng = np.random.default_rng([int(100 * base), *rows])
    season = base + 0.02 * np.sin(np.arange(WEEKS) * np.pi / 13)
    drift = np.clip(season + np.linspace(0, 0.4 if base < 0.5 else -0.4, WEEKS), 0, 0.95)
    for form, bound, rates in (
        ("difference", TOLERANCE, np.stack([drift + TOLERANCE, drift], axis=1)),
        ("ratio", 0.8, np.stack([0.8 * drift, drift], axis=1)),
    ):
        held(
            f"at the limit, {form}, base {base} and drifting by .4, {rows[0]} v {rows[1]}",
            [
                pair_alarm(*weekly(rng, rates, rows), claims=1, bound=bound, form=form) < NEVER
                for _ in range(2000)
            ],
        )


def arrivals(
    rng: np.random.Generator, rows: int, rates: Rates, is_informative: bool
) -> tuple[Counts, Counts, Counts, Counts]:
    """Counts by week of decision, and by week of arrival of the label, up to four weeks later."""
    by_decision, by_arrival = np.zeros((2, WEEKS, 2, 2), dtype=np.int64)
    for group, rate in enumerate(rates):
        y = rng.random((WEEKS, rows)) < rate
        delay = rng.integers(0, 5, y.shape)
        if is_informative:  # of the first group positives are known at once, negatives after four weeks
            delay = np.where(y, 0, 4) if group == 0 else delay
        week = np.arange(WEEKS)[:, None] + delay
        is_in = week < WEEKS
        for k in (0, 1):
            by_arrival[:, group, k] = np.bincount(week[is_in & (y == k)], minlength=WEEKS)
            by_decision[:, group, k] = (y == k).sum(axis=1)
    matured = by_decision[: WEEKS - 4]
    return matured[..., 1], matured.sum(axis=-1), by_arrival[..., 1], by_arrival.sum(axis=-1)


@pytest.mark.parametrize("is_informative", [False, True])
def test_delayed_labels(is_informative: bool) -> None:
    rng = np.random.default_rng([7, is_informative])
    mature, arrived = [], []
    for _ in range(1000):
        k, n, k_in, n_in = arrivals(rng, 300, rates_of(2, TOLERANCE), is_informative)
        mature.append(any_alarm(k, n) < NEVER)
        arrived.append(any_alarm(k_in, n_in) < NEVER)
    what = "delay that depends on the outcome" if is_informative else "delay that does not"
    held(f"labels, {what}, once mature, gap .05", mature)
    told(f"labels, {what}, by arrival, gap .05", sum(arrived), len(arrived))
    assert sum(arrived) > 900 or not is_informative


def test_labels_that_never_come_are_not_made_good() -> None:
    rng = np.random.default_rng(8)
    alarms = []
    for _ in range(300):
        k, n = weekly(rng, rates_of(2, TOLERANCE), 300)
        lost = rng.binomial(n[:, 0] - k[:, 0], 0.2)  # a fifth of the negatives of one group is never known
        n[:, 0] -= lost
        alarms.append(any_alarm(k, n) < NEVER)
    told("labels, a fifth of one group's negatives never comes, gap .05", sum(alarms), len(alarms))


POWER = {
    "300 v 300": [300, 300],
    "100 v 100": [100, 100],
    "100 v 1000": [100, 1000],
    "1000 v 100": [1000, 100],
    "1000 v 1000": [1000, 1000],
    "5 v 500": [5, 500],
}


@pytest.mark.parametrize("size", POWER)
@pytest.mark.parametrize("excess", [0.05, 0.1])
@pytest.mark.parametrize("is_audited", [True, False])
def test_gaps_that_are_found(size: str, excess: float, is_audited: bool) -> None:
    rng = np.random.default_rng([*POWER[size], int(100 * excess)])
    rates = rates_of(2, TOLERANCE + excess)
    guess = (0.3, 0.3) if is_audited else None
    delays = [pair_alarm(*weekly(rng, rates, POWER[size]), claims=2, guess=guess) for _ in range(1000)]
    told_by = "audited rates" if is_audited else "no guess"
    share, median = found(f"gap .05 + {excess}, {size}, {told_by}, weeks", delays)
    if size == "300 v 300":
        assert median <= (8 if excess == 0.05 else 3)
        assert share == 1


@pytest.mark.parametrize("size", ["300 v 300", "100 v 1000", "1000 v 100"])
def test_ratios(size: str) -> None:
    rng = np.random.default_rng([*POWER[size], 8])
    for ratio in (0.8, 0.7, 0.6):
        rates = np.array([0.3 * ratio, 0.3])
        weeks = [
            any_alarm(*weekly(rng, rates, POWER[size]), bound=0.8, form="ratio", guess=(0.3, 0.3))
            for _ in range(1000)
        ]
        if ratio == 0.8:
            held(f"ratio at its limit .8, {size}", [week < NEVER for week in weeks])
        else:
            found(f"ratio {ratio}, limit .8, {size}, weeks", weeks)


@pytest.mark.parametrize("rows", [100, 300, 1000])
@pytest.mark.parametrize("excess", [0.05, 0.1])
def test_gaps_that_are_found_among_twelve(rows: int, excess: float) -> None:
    rng = np.random.default_rng([rows, int(100 * excess), 12])
    rates = np.full(12, 0.3)
    rates[0] += TOLERANCE + excess
    found(
        f"one of 12 groups, gap .05 + {excess}, {rows} each, weeks",
        [any_alarm(*weekly(rng, rates, rows)) for _ in range(200)],
    )


def restarts(log_e: Floats, threshold: float) -> Iterator[int]:
    """Panes of the alarms of a detector that starts again after each."""
    start = 0
    while (pane := first(detector(log_e[start:]), threshold)) < NEVER:
        yield start + pane
        start += pane + 1


@pytest.mark.parametrize("windows", [100, 1000])
@pytest.mark.parametrize("gap", [0.0, TOLERANCE])
def test_false_alarms_of_change(windows: int, gap: float) -> None:
    rng = np.random.default_rng([windows, int(100 * gap)])
    alarms = []
    for _ in range(300):
        k, n = weekly(rng, rates_of(2, gap), 300, windows)
        alarms.append(
            sum(
                len(list(restarts(pair_log_e(*parts, TOLERANCE, "difference"), np.log(2 * windows))))
                for parts in ((k[:, 0], n[:, 0], k[:, 1], n[:, 1]), (k[:, 1], n[:, 1], k[:, 0], n[:, 0]))
            )
        )
    mean = np.mean(alarms)
    print(f"false alarms of change in {windows} windows, gap {gap}: {mean:.3f} a stream, at most 1 declared")  # noqa: T201
    assert mean - 3 * np.std(alarms) / np.sqrt(len(alarms)) <= 1


@pytest.mark.parametrize("excess", [0.05, 0.1])
@pytest.mark.parametrize("windows", [520, 5200])
def test_a_change_after_a_clean_year(excess: float, windows: int) -> None:
    rng = np.random.default_rng([int(100 * excess), windows])
    rates = np.concatenate(
        [np.tile(rates_of(2, 0), (WEEKS, 1)), np.tile(rates_of(2, 0.05 + excess), (WEEKS, 1))]
    )
    changed, violated = [], []
    for _ in range(500):
        k, n = weekly(rng, rates, 300, 2 * WEEKS)
        log_e = pair_log_e(k[:, 0], n[:, 0], k[:, 1], n[:, 1], TOLERANCE, "difference", (0.3, 0.3))
        changed.append(
            next((pane - WEEKS for pane in restarts(log_e, np.log(2 * windows)) if pane >= WEEKS), NEVER)
        )
        pane = first(running(log_e), np.log(2 / ALPHA))
        violated.append(NEVER if pane == NEVER else pane - WEEKS)
    found(f"after a clean year, gap .05 + {excess}, changed, once in {windows} windows, weeks", changed)
    found(f"after a clean year, gap .05 + {excess}, violated since deployment, weeks", violated)


@pytest.mark.parametrize("rho", [0.1, 0.3, 0.9])
def test_persons_with_several_rows(rho: float) -> None:
    rng = np.random.default_rng(int(10 * rho))
    each, persons = 5, 60
    plain, divided, delays = [], [], []
    for gap in (TOLERANCE, TOLERANCE + 0.1):
        rates = rates_of(2, gap)
        own = rng.beta(rates * (1 / rho - 1), (1 - rates) * (1 / rho - 1), (500, WEEKS, persons, 2))
        k = rng.binomial(each, own).sum(axis=2)
        n = np.full(k.shape[1:], each * persons)
        if gap == TOLERANCE:
            plain = [pair_alarm(year, n, claims=1) < NEVER for year in k]
            divided = [pair_alarm(year, n, claims=1, persons=each) < NEVER for year in k]
        else:
            delays = [pair_alarm(year, n, claims=1, persons=each) for year in k]
    told(f"5 rows a person, correlation {rho}, gap .05, as if one", sum(plain), len(plain))
    held(f"5 rows a person, correlation {rho}, gap .05, divided by 5", divided)
    found(f"5 rows a person, correlation {rho}, gap .15, divided by 5, weeks", delays)


@pytest.mark.parametrize("rho", [0.1, 0.3])
def test_the_same_persons_every_week(rho: float) -> None:
    """The gap is at the limit among all people; among the 300 of each group who come it is another."""
    rng = np.random.default_rng([5, int(10 * rho)])
    rates, n = rates_of(2, TOLERANCE), np.full((WEEKS, 2), 300)
    alarms = []
    for _ in range(500):
        own = rng.beta(rates * (1 / rho - 1), (1 - rates) * (1 / rho - 1), (300, 2))
        k = rng.binomial(1, np.broadcast_to(own, (WEEKS, 300, 2))).sum(axis=1)
        alarms.append(pair_alarm(k, n, claims=1) < NEVER)
    told(
        f"the same 300 persons every week, correlation {rho}, gap .05 of all people", sum(alarms), len(alarms)
    )


@pytest.mark.parametrize("rho", [0.02, 0.1, 0.3])
def test_rows_that_follow_the_one_before(rho: float) -> None:
    """Each row of a group repeats the one before with chance rho; the gap is at the limit."""
    rng = np.random.default_rng([6, int(100 * rho)])
    rates, n = rates_of(2, TOLERANCE), np.full((WEEKS, 2), 300)
    k = np.zeros((WEEKS, 1000, 2), dtype=np.int64)
    y = rng.random((1000, 2)) < rates
    for week in range(WEEKS):
        for _ in range(300):
            y = np.where(rng.random(y.shape) < rho, y, rng.random(y.shape) < rates)
            k[week] += y
    alarms = [pair_alarm(k[:, year], n, claims=1) < NEVER for year in range(1000)]
    told(f"rows repeat the one before with chance {rho}, gap .05", sum(alarms), len(alarms))


@pytest.mark.parametrize("spread", [0.02, 0.05])
@pytest.mark.parametrize("memory", [0.0, 0.8])
@pytest.mark.parametrize("mean_gap", [0.0, TOLERANCE])
def test_rates_that_wander(spread: float, memory: float, mean_gap: float) -> None:
    """Weekly rates of an autoregressive course: of both groups alike, and of one alone."""
    rng = np.random.default_rng([int(100 * spread), int(10 * memory), int(100 * mean_gap)])
    shared, own = [], []
    for _ in range(1000):
        course = np.zeros((WEEKS, 2))
        for week in range(WEEKS):
            before = course[week - 1] if week else rng.normal(0, spread, 2)
            course[week] = memory * before + rng.normal(0, spread * np.sqrt(1 - memory**2), 2)
        rates = rates_of(2, mean_gap)
        shared.append(pair_alarm(*weekly(rng, np.clip(rates + course[:, :1], 0, 1), 300), claims=1) < NEVER)
        own.append(pair_alarm(*weekly(rng, np.clip(rates + course, 0, 1), 300), claims=1) < NEVER)
    what = f"rates wander by {spread}, correlation of weeks {memory}, gap {mean_gap} in the long run"
    held(f"{what}, both alike", shared)
    told(f"{what}, each on its own", sum(own), len(own))


def hours(rng: np.random.Generator, traffic: float) -> tuple[Counts, Counts]:
    """A year by hour; of the first group four fifths come by night, when more of both are selected."""
    by_night = np.tile(np.arange(24) < 12, 364)
    share = np.stack([np.where(by_night, 0.8, 0.2), np.where(by_night, 0.2, 0.8)], axis=1)
    rates = np.where(by_night, 0.5, 0.2)[:, None] * np.ones(2)
    return weekly(rng, rates, 2 * traffic * share, len(by_night))


@pytest.mark.parametrize("panes", ["hour", "day", "week", "night and day apart"])
@pytest.mark.parametrize("fewest", [1, 5])
@pytest.mark.parametrize("traffic", [2, 20])
def test_groups_that_come_at_different_hours(panes: str, fewest: int, traffic: int) -> None:
    """Within every hour the rates are equal; over a day they are not (Simpson)."""
    rng = np.random.default_rng([9, traffic])
    alarms = []
    for _ in range(100):
        k, n = hours(rng, traffic)
        if panes == "night and day apart":
            k, n = (part.reshape(-1, 7, 2, 12, 2).sum(axis=(1, 3)).reshape(-1, 2) for part in (k, n))
        else:
            width = {"hour": 1, "day": 24, "week": 168}[panes]
            k, n = (part.reshape(-1, width, 2).sum(axis=1) for part in (k, n))
        alarms.append(any_alarm(k, n, fewest=fewest) < NEVER)
    what = f"groups at different hours, {traffic} an hour, panes: {panes}, {fewest} rows at least"
    told(what, sum(alarms), len(alarms))
    if panes == "night and day apart":
        assert at_most(sum(alarms), len(alarms), ALPHA)


def moved(bins: int, distance: float) -> tuple[Floats, Floats]:
    """A reference and what is so far from it, by either distance."""
    reference = np.full(bins, 1.0 / bins)
    low = np.arange(bins) < bins // 2
    return reference, reference + np.where(low, distance, -distance) / (bins // 2)


@pytest.mark.parametrize("is_ordered", [True, False])
@pytest.mark.parametrize("bins", [4, 20])
@pytest.mark.parametrize("rows", [100, 1000])
def test_shifts_of_histograms(is_ordered: bool, bins: int, rows: int) -> None:
    rng = np.random.default_rng([is_ordered, bins, rows])
    what = f"{'ks' if is_ordered else 'tv'} limit .1, {bins} bins, {rows} rows a week"
    for distance in (0.0, 0.1):
        reference, now = moved(bins, distance)
        held(
            f"{what}, at {distance}",
            [
                first(
                    running(shift_log_e(rng.multinomial(rows, now, WEEKS), reference, 0.1, is_ordered)),
                    np.log(1 / ALPHA),
                )
                < NEVER
                for _ in range(1000)
            ],
        )
    for distance in (0.15, 0.2):
        reference, now = moved(bins, distance)
        delays, changes = [], []
        for _ in range(300):
            before, after = (rng.multinomial(rows, p, WEEKS) for p in (reference, now))
            log_e = shift_log_e(after, reference, 0.1, is_ordered)
            delays.append(first(running(log_e), np.log(20 / ALPHA)))
            log_e = shift_log_e(np.concatenate([before, after]), reference, 0.1, is_ordered)
            changes.append(first(detector(log_e)[WEEKS:], np.log(20 * 520)))
        found(f"{what}, at {distance}, 20 claims, violated, weeks", delays)
        found(f"{what}, at {distance}, 20 claims, changed after a clean year, weeks", changes)


EDGES = np.linspace(0, 1, 21)


def calibration(y: NDArray[np.bool_], score: Floats) -> tuple[Floats, Floats]:
    """Counts and sums of scores by week, bin and truth."""
    cell = (np.arange(len(y))[:, None] * 20 + np.minimum((score * 20).astype(int), 19)) * 2 + y
    shape = (len(y), 20, 2)
    n = np.bincount(cell.ravel(), minlength=np.prod(shape)).reshape(shape)
    return n, np.bincount(cell.ravel(), weights=score.ravel(), minlength=np.prod(shape)).reshape(shape)


@pytest.mark.parametrize("shape", [(1.0, 3.0), (1.0, 30.0), (5.0, 5.0)])
def test_calibration_in_the_large(shape: tuple[float, float]) -> None:
    rng = np.random.default_rng([int(part) for part in shape])
    limit = 0.02
    for excess in (0.0, 0.03):
        coarse, exact = [], []
        for _ in range(500):
            score = rng.beta(*shape, (WEEKS, 300))
            y = rng.random(score.shape) < np.clip(score + limit + excess, 0, 1)
            coarse.append(first(running(mean_log_e(*calibration(y, score), EDGES, limit, "max")), np.log(40)))
            fine = np.linspace(0, 1, 2001)
            cells = np.minimum((score * 2000).astype(int), 1999) * 2 + y
            n = np.stack([np.bincount(week, minlength=4000) for week in cells]).reshape(WEEKS, 2000, 2)
            s = np.stack(
                [
                    np.bincount(week, weights=own, minlength=4000)
                    for week, own in zip(cells, score, strict=True)
                ]
            ).reshape(WEEKS, 2000, 2)
            exact.append(first(running(mean_log_e(n, s, fine, limit, "max")), np.log(40)))
        what = f"calibration in the large, scores beta{shape}, limit .02, gap {limit + excess:.2f}"
        if excess:
            found(f"{what}, bins of .05, weeks", coarse)
            found(f"{what}, bins of .0005, weeks", exact)
        else:
            held(f"{what}, bins of .05", [week < NEVER for week in coarse])


@pytest.mark.parametrize("limit", [0.01, 0.1])
@pytest.mark.parametrize("rows", [100, 1000])
def test_rates_of_one_group(limit: float, rows: int) -> None:
    rng = np.random.default_rng([int(100 * limit), rows])
    for rate in (limit, 1.5 * limit, 2 * limit):
        n = rng.poisson(rows, (1000, WEEKS))
        weeks = [
            first(running(rate_log_e(k, m, limit, "max")), np.log(40))
            for k, m in zip(rng.binomial(n, rate), n, strict=True)
        ]
        what = f"rate of one group, limit {limit}, {rows} a week, rate {rate:.3f}"
        if rate == limit:
            held(what, [week < NEVER for week in weeks])
        else:
            found(f"{what}, weeks", weeks)


def gap_of(k: Counts, n: Counts, pair: tuple[int, int]) -> Callable[[float], Floats]:
    """The null that the first of two groups is at most a value above the second."""
    a, b = pair
    return lambda value: pair_log_e(k[:, a], n[:, a], k[:, b], n[:, b], value, "difference", (0.3, 0.3))


def test_limits_cover_at_all_times_at_once() -> None:
    rng = np.random.default_rng(10)
    missed, widths = [], []
    for _ in range(500):
        k, n = weekly(rng, rates_of(2, TOLERANCE), 300)
        low = confidence_sequence(gap_of(k, n, (0, 1)), DIFFERENCES, np.log(2 / ALPHA))
        high = -confidence_sequence(gap_of(k, n, (1, 0)), DIFFERENCES, np.log(2 / ALPHA))
        missed.append(bool((low > TOLERANCE).any() or (high < TOLERANCE).any()))
        widths.append((high - low)[[3, 12, 25, 51]])
    held("95 % limits of a gap miss it in any of 52 weeks, 300 v 300", missed)
    print("mean width after 4, 13, 26 and 52 weeks:", np.mean(widths, axis=0).round(3))  # noqa: T201


def pairing(rng: np.random.Generator, k: Counts, n: Counts, claims: int) -> int:
    """The same claim by pairs of rows drawn at random, with the same sizes of bets."""
    up, same, down = np.zeros((3, len(k)))
    for week in range(len(k)):
        pairs = n[week].min()
        a, b = (
            rng.permutation(np.arange(n[week, group]) < k[week, group])[:pairs].astype(int)
            for group in (0, 1)
        )
        up[week], same[week], down[week] = ((a - b == d).sum() for d in (1, 0, -1))
    bets = np.array([0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.45, 0.65, 0.9]) / 2
    log_e = sum(
        np.outer(rows, np.log1p(bets * (d - TOLERANCE))) for rows, d in ((up, 1), (same, 0), (down, -1))
    )
    return first(running(log_e), np.log(claims / ALPHA))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", ["300 v 300", "100 v 1000"])
def test_beside_pairs_of_rows(size: str) -> None:
    rng = np.random.default_rng(11)
    balanced, paired = [], []
    for _ in range(300):
        k, n = weekly(rng, rates_of(2, TOLERANCE + 0.05), POWER[size])
        balanced.append(pair_alarm(k, n, claims=2, guess=(0.3, 0.3)))
        paired.append(pairing(rng, k, n, claims=2))
    _, ours = found(f"gap .10, {size}, balanced bets, weeks", balanced)
    _, theirs = found(f"gap .10, {size}, pairs of rows, weeks", paired)
    assert ours <= theirs + 1
