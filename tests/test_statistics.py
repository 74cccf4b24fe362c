"""The formulas against enumeration, other implementations, published examples and their own laws."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from trustkit.measure.budget import claim_weights, weighted_holm
from trustkit.measure.intervals import (
    Certain,
    ClopperPearson,
    Difference,
    Limits,
    Ratio,
    proportions,
)

Floats = NDArray[np.float64]
LEVELS = (0.05, 0.005, 0.0005)


def rate(k: float, n: float) -> ClopperPearson:
    return proportions(np.array([k / n]), np.array([float(n)]))


def every_pair(n1: int, n2: int) -> tuple[ClopperPearson, ClopperPearson]:
    """All outcomes of two groups."""
    x1, x2 = (part.ravel().astype(float) for part in np.indices((n1 + 1, n2 + 1)))
    return proportions(x1 / n1, np.full(len(x1), n1)), proportions(x2 / n2, np.full(len(x2), n2))


def worst_chance(n1: int, n2: int, hit: NDArray[np.bool_], ratio: float) -> float:
    """Largest chance of `hit` over base rates, where the true ratio is `ratio`."""
    at = hit.reshape(n1 + 1, n2 + 1).astype(float)
    chances = [
        stats.binom.pmf(np.arange(n1 + 1), n1, ratio * p) @ at @ stats.binom.pmf(np.arange(n2 + 1), n2, p)
        for p in np.arange(0.002, 1.0, 0.004)
    ]
    return max(map(float, chances))


@pytest.mark.parametrize(
    ("sizes", "published"),
    [
        ((8, 8), (0.70, 0.25, 0.18)),
        ((20, 20), (0.61, 0.58, 0.37)),
        ((50, 50), (0.76, 0.66, 0.55)),
        ((8, 200), (0.65, 0.60, 0.54)),
        ((200, 8), (0.56, 0.46, 0.49)),
    ],
)
def test_a_ratio_at_its_limit_enumerated(sizes: tuple[int, int], published: tuple[float, ...]) -> None:
    """False fails of all outcomes, times their chance, as multiples of the level."""
    ratio = Ratio(*every_pair(*sizes))
    for level, multiple in zip(LEVELS, published, strict=True):
        chance = worst_chance(*sizes, ratio.upper(level) < 0.8, 0.8)
        assert chance <= level
        assert chance / level == pytest.approx(multiple, abs=0.03)
    assert worst_chance(*sizes, ratio.lower(0.05) >= 0.8, 0.8) <= 1.03 * 0.05


@pytest.mark.parametrize("sizes", [(8, 8), (50, 50), (8, 200)])
@pytest.mark.parametrize("limit", [0.0, 0.1])
def test_a_difference_at_its_limit_enumerated(sizes: tuple[int, int], limit: float) -> None:
    difference = Difference.of_groups(*every_pair(*sizes))
    n1, n2 = sizes
    for level in LEVELS:
        fails = (difference.lower(level) > limit).reshape(n1 + 1, n2 + 1).astype(float)
        for p in np.arange(0.002, 1 - limit, 0.01):
            a, b = (
                stats.binom.pmf(np.arange(n1 + 1), n1, p + limit),
                stats.binom.pmf(np.arange(n2 + 1), n2, p),
            )
            assert a @ fails @ b <= level


@pytest.mark.parametrize(("k", "n"), [(0, 5), (1, 50), (7, 20), (5, 5), (499, 500)])
@pytest.mark.parametrize("level", [0.05, 0.005, 5e-6])
def test_clopper_pearson_is_scipys(k: int, n: int, level: float) -> None:
    exact = stats.binomtest(k, n).proportion_ci(1 - 2 * level, method="exact")
    mine = rate(k, n)
    assert mine.lower(level)[0] == pytest.approx(exact.low, rel=1e-9, abs=1e-12)
    assert mine.upper(level)[0] == pytest.approx(exact.high, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("k", "n", "limit"), [(3, 50, 0.002), (30, 100, 0.2), (199, 200, 0.9)])
def test_the_p_value_of_a_rate_is_the_binomial_test(k: int, n: int, limit: float) -> None:
    exact = stats.binomtest(k, n, limit, alternative="greater").pvalue
    assert rate(k, n).p_above(np.array([limit]))[0] == pytest.approx(exact, rel=1e-5)


def test_two_hundred_rates_at_their_limit_enumerated() -> None:
    """Any false fail among 200 claims at p = .002 with 50 rows: Holm starts at alpha / 200."""
    p = proportions(np.arange(51) / 50, np.full(51, 50.0)).p_above(np.full(51, 0.002))
    first = float(stats.binom.pmf(np.arange(51), 50, 0.002)[p <= 0.05 / 200].sum())
    assert 1 - (1 - first) ** 200 == pytest.approx(0.029, abs=0.002)


class Wilson(ClopperPearson):
    """Wilson limits, to hold MOVER against examples that were published with them."""

    def _end(self, level: float, sign: float) -> Floats:
        z, p, n = -stats.norm.ppf(level), self.value, self.n
        root = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        return np.asarray((p + z**2 / (2 * n) + sign * root) / (1 + z**2 / n))

    def lower(self, level: float) -> Floats:  # type: ignore[override]
        return self._end(level, -1.0)

    def upper(self, level: float) -> Floats:  # type: ignore[override]
        return self._end(level, 1.0)


def wilson(k: int, n: int) -> Wilson:
    return Wilson(np.array([k / n]), np.array([float(n)]), np.array([np.inf]))


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((5, 56), (0, 29), -0.0381, 0.1926),
    ],
)
def test_newcombes_examples_of_a_difference(
    a: tuple[int, int], b: tuple[int, int], low: float, high: float
) -> None:
    """Newcombe 1998 (Statistics in Medicine 17, 873-890), table II, method 10."""
    limits = Difference.of_groups(wilson(*a), wilson(*b))
    assert limits.lower(0.025)[0] == pytest.approx(low, abs=1e-4)
    assert limits.upper(0.025)[0] == pytest.approx(high, abs=1e-4)


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 30), st.integers(0, 30))
def test_a_ratio_is_the_root_of_donner_and_zous_equation(n1: int, n2: int, x1: int, x2: int) -> None:
    """Fieller's form of MOVER-R: (p - R q)^2 = (p - l)^2 + R^2 (u - q)^2 at the lower limit R."""
    assume(0 < x1 <= n1 and 0 < x2 <= n2)
    a, b = rate(x1, n1), rate(x2, n2)
    p, q, low, high = a.value, b.value, a.lower(0.05), b.upper(0.05)
    found = Ratio(a, b).lower(0.05)
    assert (p - found * q) ** 2 == pytest.approx((p - low) ** 2 + found**2 * (high - q) ** 2, abs=1e-9)
    p, q, high, low = a.value, b.value, a.upper(0.05), b.lower(0.05)
    found = Ratio(a, b).upper(0.05)
    assert (found * q - p) ** 2 == pytest.approx((high - p) ** 2 + found**2 * (q - low) ** 2, rel=1e-6)


COUNTS = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
FORMS = st.sampled_from(["rate", "difference", "ratio", "clustered"])


def made(form: str, a: tuple[int, int], b: tuple[int, int]) -> Limits:
    if form == "rate":
        return rate(*a)
    if form == "clustered":
        return ClopperPearson(np.array([a[0] / a[1]]), np.array([a[1] * 0.7]), np.array([a[1] / 2]))
    return Difference.of_groups(rate(*a), rate(*b)) if form == "difference" else Ratio(rate(*a), rate(*b))


@settings(max_examples=100)
@given(FORMS, COUNTS, COUNTS, st.floats(1e-9, 0.5), st.floats(1e-9, 0.5))
def test_a_smaller_level_gives_wider_limits(
    form: str, a: tuple[int, int], b: tuple[int, int], one: float, other: float
) -> None:
    limits, (small, large) = made(form, a, b), sorted((one, other))
    assert limits.lower(small)[0] <= limits.lower(large)[0] + 1e-12
    assert limits.upper(small)[0] >= limits.upper(large)[0] - 1e-12 or np.isnan(limits.upper(small)[0])


@settings(max_examples=100)
@given(COUNTS, COUNTS, st.floats(1e-6, 0.4))
def test_a_ratio_and_its_inverse_agree(a: tuple[int, int], b: tuple[int, int], level: float) -> None:
    assume(a[0] > 0 and b[0] > 0)
    one, other = Ratio(rate(*a), rate(*b)), Ratio(rate(*b), rate(*a))
    low, high = other.lower(level)[0], other.upper(level)[0]
    assert one.upper(level)[0] == pytest.approx(1 / low if low > 0 else np.inf, rel=1e-6)
    assert one.lower(level)[0] == pytest.approx(1 / high, rel=1e-6, abs=1e-12)


@settings(max_examples=100)
@given(COUNTS, COUNTS, st.floats(1e-6, 0.4))
def test_a_difference_and_its_opposite_agree(a: tuple[int, int], b: tuple[int, int], level: float) -> None:
    one, other = Difference.of_groups(rate(*a), rate(*b)), Difference.of_groups(rate(*b), rate(*a))
    assert one.upper(level)[0] == pytest.approx(-other.lower(level)[0], abs=1e-12)


@settings(max_examples=100)
@given(FORMS, COUNTS, COUNTS, st.floats(0.01, 1.5), st.sampled_from(["above", "below"]))
def test_the_p_value_is_where_the_interval_touches_the_limit(
    form: str, a: tuple[int, int], b: tuple[int, int], limit: float, side: str
) -> None:
    limits, bound = made(form, a, b), np.array([limit])
    p = (limits.p_above(bound) if side == "above" else limits.p_below(bound))[0]

    def clears(level: float) -> bool:
        return bool((limits.lower(level) > bound if side == "above" else limits.upper(level) < bound)[0])

    if p < 1:
        assert clears(min(p * 1.001, 0.5))
        assert p <= 1.1e-16 or not clears(p * 0.999)
    else:
        assert not clears(0.5)


def test_a_fact_has_no_width() -> None:
    fact = Certain(np.array([0.3]))
    assert fact.lower(1e-9)[0] == fact.upper(1e-9)[0] == 0.3


def closed_testing(p: Floats, weight: Floats, alpha: float) -> list[bool]:
    """Reject a claim where every intersection that holds it is rejected by weighted Bonferroni."""
    claims = range(len(p))
    subsets = [list(s) for size in claims for s in combinations(claims, size + 1)]
    rejected = {tuple(s): bool((p[s] <= alpha * weight[s] / weight[s].sum()).any()) for s in subsets}
    return [all(rejected[tuple(s)] for s in subsets if i in s) for i in claims]


@settings(max_examples=200)
@given(st.lists(st.tuples(st.floats(1e-6, 1.0), st.integers(1, 9)), min_size=1, max_size=5))
def test_weighted_holm_is_closed_testing(claims: list[tuple[float, int]]) -> None:
    p, weight = np.array([c[0] for c in claims]) * 0.2, np.array([float(c[1]) for c in claims])
    ranked = np.sort(p / weight)
    assume(len(np.unique(ranked)) == len(ranked))
    rejected, level = weighted_holm(p, weight, 0.05)
    assert rejected.tolist() == closed_testing(p, weight, 0.05)
    assert ((p <= level) == rejected).all()
    assert (level <= 0.05 * (1 + 1e-12)).all()


def test_holms_levels_step_up_to_alpha() -> None:
    rejected, level = weighted_holm(np.array([0.02, 1e-9, 0.04, 0.9]), np.ones(4), 0.05)
    assert rejected.tolist() == [False, True, False, False]
    assert level == pytest.approx([0.05 / 3, 0.05 / 4, 0.05 / 3, 0.05 / 3])


def test_controls_share_alpha_alike_whatever_the_number_of_their_claims() -> None:
    families = [np.array([0, 1, 2, 3]), np.array([4]), np.array([], dtype=np.intp), np.array([4, 5])]
    weight = claim_weights(families, 7)
    assert weight.sum() == pytest.approx(1.0)
    assert weight[:4].sum() == pytest.approx(1 / 3)
    assert weight[4] == pytest.approx(1 / 3 + 1 / 6)
    assert weight[6] == 0
