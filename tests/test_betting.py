"""E-values of counts against enumeration, and the laws of what is made of them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from trustkit.measure import betting
from trustkit.measure.betting import (
    detector,
    e_panes,
    join,
    mean_log_e,
    pair_log_e,
    rate_log_e,
    running,
    shift_log_e,
)
from trustkit.measure.sequences import DIFFERENCES, RATES, RATIOS, confidence_sequence

Floats = NDArray[np.float64]
ROUNDING = 1e-9


def expectation(log_e: Floats, chance: Floats) -> Floats:
    """Of each bet, where a row of `log_e` is an outcome."""
    return np.asarray((np.exp(log_e) * chance[:, None]).sum(axis=0))


def one_pane(n_a: int, n_b: int) -> tuple[Floats, Floats]:
    """Every outcome of two groups."""
    k_a, k_b = np.indices((n_a + 1, n_b + 1)).reshape(2, -1)
    return k_a, k_b


def each_alone(k_a: Floats, n_a: int, k_b: Floats, n_b: int, *rest: object) -> Floats:
    """Log e-values of outcomes that are each a first pane."""
    return np.concatenate([pair_log_e(a, n_a, b, n_b, *rest) for a, b in zip(k_a, k_b, strict=True)])  # type: ignore[arg-type]


@pytest.mark.parametrize(("n_a", "n_b"), [(1, 1), (3, 4), (1, 8), (7, 2)])
@pytest.mark.parametrize(
    ("form", "bound"),
    [("difference", d) for d in (-1.0, -0.4, 0.0, 0.05, 0.6, 1.0)]
    + [("ratio", d) for d in (0.0, 0.5, 0.8, 1.0, 1.25, 4.0)],
)
def test_pair_at_the_limit_has_expectation_of_at_most_one(
    n_a: int, n_b: int, form: str, bound: float
) -> None:
    k_a, k_b = one_pane(n_a, n_b)
    for guess in np.linspace(0, 1, 6):
        log_e = each_alone(k_a, n_a, k_b, n_b, bound, form, (guess, guess))
        for p_b in np.linspace(0, 1, 21):
            p_a = p_b + bound if form == "difference" else p_b * bound
            if 0 <= p_a <= 1:
                chance = stats.binom.pmf(k_a, n_a, p_a) * stats.binom.pmf(k_b, n_b, p_b)
                assert (expectation(log_e, chance) <= 1 + ROUNDING).all()


@pytest.mark.parametrize(("form", "bound"), [("difference", 0.1), ("ratio", 0.8)])
@pytest.mark.parametrize("guess", [None, (0.2, 0.7)])
def test_what_earlier_panes_teach_keeps_the_expectation(
    form: str, bound: float, guess: tuple[float, float] | None
) -> None:
    n = np.array([[2, 3], [3, 1]])
    outcomes = np.array(list(product(*(range(rows + 1) for rows in n.ravel())))).reshape(-1, 2, 2)
    log_e = np.array(
        [pair_log_e(k[:, 0], n[:, 0], k[:, 1], n[:, 1], bound, form, guess).sum(axis=0) for k in outcomes]  # type: ignore[arg-type]
    )
    for first, second in product((0.1, 0.5, 0.9), repeat=2):
        p_b = np.array([first, second])
        p_a = p_b + bound if form == "difference" else p_b * bound
        chance = stats.binom.pmf(outcomes, n, np.stack([p_a, p_b], axis=1)).prod(axis=(1, 2))
        assert (expectation(log_e, chance) <= 1 + ROUNDING).all()
    assert log_e.max() > 0


@pytest.mark.parametrize("form", ["difference", "ratio"])
def test_strata_at_the_limit_in_sum_have_expectation_of_at_most_one(form: str) -> None:
    """One stratum is beyond the limit, the other within, and their Mantel-Haenszel mean is at it."""
    n_a, n_b, bound = np.array([3, 1]), np.array([2, 1]), {"difference": 0.1, "ratio": 0.8}[form]
    outcomes = np.array(list(product(*(range(rows + 1) for rows in (*n_a, *n_b))))).reshape(-1, 2, 2)
    h, moved = n_a * n_b / (n_a + n_b), 0
    for guess in (0.2, 0.5):
        log_e = np.concatenate(
            [pair_log_e([k[0]], [n_a], [k[1]], [n_b], bound, form, (guess, guess)) for k in outcomes]  # type: ignore[arg-type]
        )
        for p_b, apart in product(product((0.2, 0.5, 0.8), repeat=2), (-0.3, -0.1, 0.0, 0.2)):
            limit = np.array(p_b) + bound if form == "difference" else bound * np.array(p_b)
            p_a = limit + apart * np.array([1, -1]) * h[::-1]
            if (p_a >= 0).all() and (p_a <= 1).all():
                chance = stats.binom.pmf(outcomes, [n_a, n_b], np.array([p_a, p_b])).prod(axis=(1, 2))
                assert (expectation(log_e, chance) <= 1 + ROUNDING).all()
                moved += apart != 0
    assert moved > 10


def test_the_evidence_of_strata_is_added() -> None:
    parts = [stream(seed) for seed in (6, 7)]
    together = [np.column_stack(part) for part in zip(*parts, strict=True)]
    for form, bound in (("difference", 0.1), ("ratio", 0.8)):
        alone = [pair_log_e(*part, bound, form, (0.5, 0.5)) for part in parts]  # type: ignore[arg-type]
        both = pair_log_e(*together, bound, form, (0.5, 0.5))  # type: ignore[arg-type]
        assert both == pytest.approx(sum(alone), abs=1e-12)
        one = pair_log_e(*(part[:, :1] for part in together), bound, form, (0.5, 0.5))  # type: ignore[arg-type]
        assert (one == alone[0]).all()
        apart = [np.array([[5, 0]]), np.array([[9, 0]]), np.array([[0, 5]]), np.array([[0, 9]])]
        assert (pair_log_e(*apart, bound, form) == 0).all()  # type: ignore[arg-type]


@pytest.mark.parametrize("side", ["max", "min"])
@pytest.mark.parametrize("bound", [0.0, 0.02, 0.5, 1.0])
def test_rate_within_its_limit_has_expectation_of_at_most_one(side: str, bound: float) -> None:
    k = np.arange(8)
    log_e = rate_log_e(k, np.full(8, 7), bound, side)  # type: ignore[arg-type]
    for p in np.linspace(0, bound, 6) if side == "max" else np.linspace(bound, 1, 6):
        assert (expectation(log_e, stats.binom.pmf(k, 7, p)) <= 1 + ROUNDING).all()
    assert expectation(log_e, stats.binom.pmf(k, 7, bound)) == pytest.approx(1)


EDGES = np.linspace(0, 1, 21)


def binned(y: NDArray[np.int64], score: Floats) -> tuple[Floats, Floats]:
    """Counts and sums of scores of rows, a pane a row."""
    bins = np.minimum((score * 20).astype(int), 19)
    n, s = np.zeros((2, len(y), 20, 2))
    np.add.at(n, (np.arange(len(y))[:, None], bins, y), 1)
    np.add.at(s, (np.arange(len(y))[:, None], bins, y), np.broadcast_to(score, y.shape))
    return n, s


@pytest.mark.parametrize("bound", [-1.0, -0.3, 0.0, 0.05, 0.4, 1.0])
@pytest.mark.parametrize("side", ["max", "min"])
def test_calibration_within_its_limit_has_expectation_of_at_most_one(bound: float, side: str) -> None:
    rng = np.random.default_rng(0)
    y = np.array(list(product((0, 1), repeat=4)))
    for _ in range(20):
        score = rng.choice([rng.random(4), np.round(rng.random(4), 1), np.array([0.0, 1.0, 0.05, 0.5])])
        log_e = mean_log_e(*binned(y, np.broadcast_to(score, y.shape)), EDGES, bound, side)  # type: ignore[arg-type]
        p = rng.random(4)
        target = 4 * bound + score.sum()
        if not 0 <= target <= 4:
            continue
        for _ in range(100):  # rows of unequal chance, at the limit on average
            p = np.clip(p + (target - p.sum()) / 4, 0, 1)
        chance = np.where(y, p, 1 - p).prod(axis=1)
        assert (expectation(log_e, chance) <= 1 + 1e-6).all()


def test_bins_of_scores_never_say_more_than_the_scores() -> None:
    rng = np.random.default_rng(1)
    score = rng.beta(1, 3, (50, 200))
    y = (rng.random(score.shape) < score).astype(int)
    for side, sign in (("max", 1), ("min", -1)):
        bets = sign * betting.KAPPA / (1 + sign * 0.02)
        exact = np.log1p(bets * (y - score - 0.02)[..., None]).sum(axis=1)
        coarse = mean_log_e(*binned(y, score), EDGES, 0.02, side)  # type: ignore[arg-type]
        assert (coarse <= exact + ROUNDING).all()
        assert (exact - coarse).max() < 0.05 * np.abs(exact).max()


def test_nothing_counted_is_nothing_said() -> None:
    nothing = np.zeros(3)
    for form, bound in (("difference", 0.1), ("ratio", 0.8)):
        assert (pair_log_e(nothing, nothing, nothing, nothing, bound, form) == 0).all()  # type: ignore[arg-type]
        lacking = pair_log_e([1, 2, 0], [5, 5, 0], [0, 3, 4], [0, 6, 9], bound, form, (0.2, 0.3))  # type: ignore[arg-type]
        assert (lacking[[0, 2]] == 0).all()
        assert (lacking[1] != 0).all()
    assert (rate_log_e(nothing, nothing, 0.0, "max") == 0).all()
    assert (mean_log_e(np.zeros((3, 20, 2)), np.zeros((3, 20, 2)), EDGES, 0.0, "min") == 0).all()
    assert (running(np.zeros((3, 2))) == 0).all()
    none = np.zeros((0, 4))
    assert running(none).shape == detector(none).shape == (0,)
    assert pair_log_e([], [], [], [], 0.1, "difference").shape == (0, len(betting.KAPPA))


@settings(max_examples=60, deadline=None)
@given(
    bound=st.floats(-3, 3),
    counts=st.lists(st.tuples(*[st.integers(0, 40)] * 4), min_size=1, max_size=6),
    guess=st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_no_count_and_no_limit_is_undefined(
    bound: float, counts: list[tuple[int, int, int, int]], guess: tuple[float, float] | None
) -> None:
    k_a, miss_a, k_b, miss_b = np.array(counts).T
    for log_e in (
        pair_log_e(k_a, k_a + miss_a, k_b, k_b + miss_b, bound, "difference", guess),
        pair_log_e(k_a, k_a + miss_a, k_b, k_b + miss_b, bound, "ratio", guess),
        rate_log_e(k_a, k_a + miss_a, bound, "max"),
        rate_log_e(k_a, k_a + miss_a, bound, "min"),
    ):
        assert np.isfinite(log_e).all()
        assert np.isfinite(running(log_e)).all()
        assert np.isfinite(detector(log_e)).all()


def one_by_one(
    a: tuple[Floats, Floats], b: tuple[Floats, Floats], bound: float, form: str, guess: tuple[float, float]
) -> Floats:
    """The bets of `pair_log_e` as they are defined, pane by pane."""
    (k_u, n_u), (k_v, n_v) = (a, b) if form == "difference" else (b, a)
    w, d = (1.0, bound) if form == "difference" else (bound, 0.0)
    prior = guess[1 if form == "difference" else 0]
    made, seen = np.zeros((len(n_u), len(betting.KAPPA))), (20 * prior, 20.0)
    for pane in range(len(n_u)):
        r = np.clip(seen[0] / seen[1], max(0.0, -d), min(1.0, 1.0 - d))
        seen = (seen[0] + k_v[pane], seen[1] + n_v[pane])
        if n_u[pane] and n_v[pane]:
            h = n_u[pane] * n_v[pane] / (n_u[pane] + n_v[pane])
            up, down = betting.KAPPA * h / n_u[pane], betting.KAPPA * h / n_v[pane]
            made[pane] = k_u[pane] * np.log1p(up * (w - d - r)) + (n_u - k_u)[pane] * np.log1p(-up * (d + r))
            made[pane] += k_v[pane] * np.log1p(-down * (1 - r)) + (n_v - k_v)[pane] * np.log1p(down * r)
    return made


@pytest.mark.parametrize("form", ["difference", "ratio"])
def test_bets_kept_for_many_bounds_are_those_of_each(form: str) -> None:
    k_a, n_a, k_b, n_b = stream(8)
    bets = betting.BalancedBets(k_a, n_a, k_b, n_b, form, (0.6, 0.3))  # type: ignore[arg-type]
    for bound in (
        0.1,
        0.8,
        0.95,
        0.1,
        0.0,
    ):  # beyond 0.7 the rate learned of b leaves no room for a difference
        direct = one_by_one((k_a, n_a), (k_b, n_b), bound, form, (0.6, 0.3))
        assert np.abs(bets.log_e(bound) - direct).max() < 1e-10
        assert (bets.log_e(bound) == pair_log_e(k_a, n_a, k_b, n_b, bound, form, (0.6, 0.3))).all()  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(
    bounds=st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
    counts=st.lists(st.tuples(*[st.integers(0, 40)] * 4), min_size=1, max_size=6),
    guess=st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_wider_limit_is_never_more_refuted(
    bounds: tuple[float, float],
    counts: list[tuple[int, int, int, int]],
    guess: tuple[float, float] | None,
) -> None:
    tight, wide = sorted(bounds)
    k_a, miss_a, k_b, miss_b = np.array(counts).T
    pair = (k_a, k_a + miss_a, k_b, k_b + miss_b)
    slack = 1e-9 * (1 + k_a.sum() + miss_a.sum() + k_b.sum() + miss_b.sum())
    assert (
        pair_log_e(*pair, wide, "difference", guess) <= pair_log_e(*pair, tight, "difference", guess) + slack
    ).all()
    assert (
        pair_log_e(*pair, tight + 1, "ratio", guess) <= pair_log_e(*pair, wide + 1, "ratio", guess) + slack
    ).all()
    assert (
        rate_log_e(k_a, k_a + miss_a, wide, "max") <= rate_log_e(k_a, k_a + miss_a, tight, "max") + slack
    ).all()


def test_panes_are_joined_by_rows_alone() -> None:
    index = e_panes([3, 0, 2, 9, 9, 1, 1], [5, 5, 0, 9, 4, 5, 1], fewest=5)
    assert index.tolist() == [0, 0, 0, 1, 2, 2, -1]
    assert join([1, 2, 3, 4, 5, 6, 7], index).tolist() == [6, 4, 11]
    assert join(np.ones((7, 2)), index).tolist() == [[3, 3], [1, 1], [2, 2]]
    assert e_panes([], []).shape == (0,)
    assert join([1, 2], e_panes([1, 1], [9, 9], fewest=5)).shape == (0,)


def test_later_panes_change_nothing_of_earlier_ones() -> None:
    k_a, n_a, k_b, n_b = stream(6)
    index, some = e_panes(n_a, n_b), e_panes(n_a[:25], n_b[:25])
    assert (some == np.where(index[:25] > some.max(), -1, index[:25])).all()
    for form, bound in (("difference", 0.1), ("ratio", 0.8)):
        whole = pair_log_e(k_a, n_a, k_b, n_b, bound, form)  # type: ignore[arg-type]
        assert (whole[:25] == pair_log_e(k_a[:25], n_a[:25], k_b[:25], n_b[:25], bound, form)).all()  # type: ignore[arg-type]
    counts = np.random.default_rng(7).integers(0, 9, (40, 5))
    for is_ordered in (True, False):
        whole = shift_log_e(counts, np.arange(1, 6), 0.05, is_ordered)
        assert (whole[:25] == shift_log_e(counts[:25], np.arange(1, 6), 0.05, is_ordered)).all()
    assert (running(whole)[:25] == running(whole[:25])).all()


def test_shards_add_to_the_same_evidence() -> None:
    rng = np.random.default_rng(2)
    n = rng.integers(0, 9, (3, 40, 2))
    k = rng.binomial(n, 0.4)
    whole = k.sum(axis=0), n.sum(axis=0)
    index = e_panes(*whole[1].T, fewest=5)
    at_once = pair_log_e(*(join(part[:, i], index) for i in (0, 1) for part in whole), 0.05, "difference")
    summed = pair_log_e(
        *(sum(join(shard[:, i], index) for shard in part) for i in (0, 1) for part in (k, n)),
        0.05,
        "difference",
    )
    assert (at_once == summed).all()


def test_the_detector_is_the_sum_of_processes_started_at_each_pane() -> None:
    log_e = np.random.default_rng(3).normal(0, 1, (30, 4))
    plain, course = np.zeros(4), []
    for each in np.exp(log_e):
        plain = (plain + 1) * each
        course.append(np.log(plain.mean()))
    assert detector(log_e) == pytest.approx(np.array(course))
    assert betting.detected(log_e) == pytest.approx(course[-1])
    assert betting.detected(np.zeros((0, 4))) == -np.inf
    assert running(log_e) == pytest.approx(np.log(np.exp(log_e.cumsum(axis=0)).mean(axis=1)))
    assert running(log_e + 1e4)[-1] == pytest.approx(running(log_e)[-1] + 3e5)


def test_what_is_no_form_or_side_is_said() -> None:
    with pytest.raises(ValueError, match='"difference" or "ratio", not "gap"'):
        pair_log_e(1, 2, 1, 2, 0.1, "gap")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='"max" or "min", not'):
        rate_log_e(1, 2, 0.1, "above")  # type: ignore[arg-type]


@pytest.mark.parametrize("is_ordered", [True, False])
def test_shift_at_the_limit_has_expectation_of_at_most_one(is_ordered: bool) -> None:
    reference = np.array([4, 2, 4])
    outcomes = [c for c in product(range(4), repeat=3) if sum(c) == 3]
    log_e = [
        shift_log_e(pair, reference, 0.2, is_ordered).sum(axis=0) for pair in product(outcomes, repeat=2)
    ]
    for moved in ([0.6, 0.2, 0.2], [0.4, 0.2, 0.4], [0.3, 0.4, 0.3], [0.2, 0.2, 0.6], [0.3, 0.1, 0.6]):
        one = stats.multinomial.pmf(outcomes, 3, moved)
        assert (expectation(np.array(log_e), np.outer(one, one).ravel()) <= 1 + ROUNDING).all()
    assert np.max(log_e) > 0


def test_shift_is_zero_where_there_is_nothing_to_bet_on() -> None:
    log_e = shift_log_e([[0, 0], [5, 5], [0, 0], [9, 1]], [5, 5], 0.1, True)
    assert (log_e[:3] == 0).all()
    assert (log_e[3] != 0).all()
    assert shift_log_e(np.zeros((0, 2)), [5, 5], 0.1, False).shape[0] == 0


def stream(seed: int, panes: int = 40) -> tuple[Floats, Floats, Floats, Floats]:
    """Counts of two groups of unequal size, some panes empty."""
    rng = np.random.default_rng(seed)
    n_a, n_b = rng.integers(0, 60, panes), rng.integers(0, 200, panes) * rng.integers(0, 2, panes)
    return rng.binomial(n_a, 0.6), n_a, rng.binomial(n_b, 0.3), n_b  # type: ignore[return-value]


THRESHOLD = np.log(40)


def ratio_at_least(k_a: Floats, n_a: Floats, k_b: Floats, n_b: Floats) -> Callable[[float], Floats]:
    """The null that the ratio of the rates is at least a value."""
    return lambda value: pair_log_e(k_a, n_a, k_b, n_b, value, "ratio", (0.3, 0.5))


@pytest.mark.parametrize("seed", range(5))
def test_limits_go_beyond_the_claim_when_it_alarms(seed: int) -> None:
    k_a, n_a, k_b, n_b = stream(seed)
    rng = np.random.default_rng(seed)
    score = rng.beta(2, 3, (40, 150))
    scores = *binned((rng.random(score.shape) < 0.8 * score).astype(int), score), EDGES
    for own, values, log_e in (
        (0.0513, DIFFERENCES, lambda value: pair_log_e(k_a, n_a, k_b, n_b, value, "difference")),
        (-0.0513, DIFFERENCES[::-1], lambda value: pair_log_e(k_a, n_a, k_b, n_b, -value, "difference") / 2),
        (0.8, RATIOS[::-1], ratio_at_least(k_b, n_b, k_a, n_a)),
        (0.48, RATES, lambda value: rate_log_e(k_a, n_a, value, "max")),
        (0.72, RATES[::-1], lambda value: rate_log_e(k_a, n_a, value, "min")),
        (-0.02, DIFFERENCES[::-1], lambda value: mean_log_e(*scores, value, "min")),
    ):
        limit = confidence_sequence(log_e, values, THRESHOLD, own)
        alarm = np.maximum.accumulate(running(log_e(own))) >= THRESHOLD
        is_rising = values[-1] > values[0]
        assert alarm.any()
        assert ((limit >= own if is_rising else limit <= own) == alarm).all()
        assert (limit[1:] >= limit[:-1] if is_rising else limit[1:] <= limit[:-1]).all()


def test_limits_hold_what_is_true() -> None:
    k_a, n_a, k_b, n_b = stream(6)
    low = confidence_sequence(lambda value: rate_log_e(k_a, n_a, value, "max"), RATES, THRESHOLD)
    high = confidence_sequence(lambda value: rate_log_e(k_a, n_a, value, "min"), RATES[::-1], THRESHOLD)
    assert ((low < 0.6) & (high > 0.6)).all()
    assert high[-1] - low[-1] < 0.15
    high = confidence_sequence(ratio_at_least(k_b, n_b, k_a, n_a), RATIOS[::-1], THRESHOLD)
    assert (high > 0.5).all()
    assert high[-1] < 0.65


def test_of_nothing_the_limits_are_the_ends() -> None:
    nothing = np.zeros(3)
    none = confidence_sequence(
        lambda value: rate_log_e(nothing, nothing, value, "max"), RATES, THRESHOLD, 0.2
    )
    assert none.tolist() == [0, 0, 0]
    none = confidence_sequence(ratio_at_least(*[nothing] * 4), RATIOS[::-1], THRESHOLD, 0.8)
    assert none.tolist() == [np.inf] * 3
    assert confidence_sequence(ratio_at_least(*[nothing[:0]] * 4), RATIOS[::-1], THRESHOLD).shape == (0,)
