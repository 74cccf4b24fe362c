"""Rates of independent rows: false fails and false passes on whole cards."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated import at_least, at_most, claims, counted, judged, share, told, verdicts

from trustkit.checks.base import Estimate, Metric, check
from trustkit.judging.claims import Claim, judge_claims
from trustkit.measure.intervals import proportions

pytestmark = pytest.mark.slow

SHARES = np.array([0.3, 0.2, 0.1, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02, 0.015, 0.005])
FAIR = np.array([[0.6 * 0.8, 0.6 * 0.2], [0.4 * 0.3, 0.4 * 0.7]])
"""Truth by prediction: base rate .4, true positives .7, false positives .2, so .4 are selected."""


def beyond_by_points(counts: NDArray[np.int64]) -> bool:
    """Four-fifths rule and a difference of .1 on the observed selection rates alone."""
    n = counts.sum(axis=(1, 2))
    rates = (counts[:, :, 1].sum(axis=1)[n > 0]) / n[n > 0]
    return bool(rates.min() < 0.8 * rates.max() or rates.max() - rates.min() > 0.1)


@pytest.mark.parametrize(("rows", "least"), [(500, 0.99), (2000, 0.95), (10_000, 0.5)])
def test_a_card_on_twelve_equal_groups_is_seldom_failed(rows: int, least: float) -> None:
    rng = np.random.default_rng(rows)
    failed, by_points = [], []
    for _ in range(500):
        counts = rng.multinomial(rows, (SHARES[:, None, None] * FAIR).ravel()).reshape(12, 2, 2)
        card = judged(counted(counts), ["bias/selection-rate", "bias/error-rates"])
        failed.append("fail" in verdicts(card))
        by_points.append(beyond_by_points(counts))
    told(f"12 equal groups, {rows} rows: cards failed", *share(failed))
    told(f"12 equal groups, {rows} rows: logs beyond the limits by points", *share(by_points))
    assert at_most(*share(failed), 0.05)
    assert at_least(*share(by_points), least)


@pytest.mark.parametrize("rows", [200])
def test_a_ratio_at_its_limit(rows: int) -> None:
    rng = np.random.default_rng(rows + 1)
    failed, passed = [], []
    for _ in range(4000):
        counts = np.zeros((2, 2, 2), dtype=np.int64)
        selected = rng.binomial(rows, [0.5, 0.4])
        counts[:, 1] = np.column_stack([rows - selected, selected])
        found = claims(judged(counted(counts), ["bias/selection-rate"]), "ratio")
        failed.append(any(str(finding.verdict) == "fail" for finding in found))
        passed.append(all(str(finding.verdict) == "pass" for finding in found))
        assert len(found) == 2
    told(f"ratio at .8, {rows} rows a group: false fail", *share(failed))
    told(f"ratio at .8, {rows} rows a group: false pass", *share(passed))
    assert at_most(*share(failed), 0.05)
    assert at_least(*share(failed), 0.01)
    assert at_most(*share(passed), 0.05)


@pytest.mark.parametrize("rows", [2000])
def test_a_true_positive_rate_difference_at_its_limit(rows: int) -> None:
    rng = np.random.default_rng(rows + 2)
    failed, passed = [], []
    for _ in range(4000):
        counts = np.zeros((2, 2, 2), dtype=np.int64)
        found = rng.binomial(rows, [0.8, 0.7])
        counts[:, 1] = np.column_stack([rows - found, found])
        counts[:, 0] = (rows // 2, rows // 2)
        limits = {"bias/error-rates": {"max_fpr_difference": False}}
        made = claims(judged(counted(counts), ["bias/error-rates"], limits), "tpr_difference")
        failed.append(any(str(finding.verdict) == "fail" for finding in made))
        passed.append(all(str(finding.verdict) == "pass" for finding in made))
        assert len(made) == 2
    told(f"TPR difference at .1, {rows} positives a group: false fail", *share(failed))
    told(f"TPR difference at .1, {rows} positives a group: false pass", *share(passed))
    assert at_most(*share(failed), 0.05)
    assert at_least(*share(failed), 0.01)
    assert at_most(*share(passed), 0.05)


def test_two_hundred_rates_at_their_limit() -> None:
    @check(id="made/rate", version="1", metrics={"rate": Metric("rate", "share")})
    def made() -> list[Estimate]:
        """A rate."""
        return []

    rng = np.random.default_rng(3)
    n, limit, runs = 50, 0.002, 2000
    failed = []
    for _ in range(runs):
        value = rng.binomial(n, limit, 200) / n
        limits = proportions(value, np.full(200, float(n)))
        listed = [
            Claim(
                made,
                Estimate("rate", {"column": str(i)}, float(value[i]), n, n, limits=limits, place=i),
                "max",
                limit,
                {"max": limit},
            )
            for i in range(200)
        ]
        failed.append(any(judgment.failed for judgment in judge_claims(listed, [range(200)], 0.05)))
    told("200 rates at .002, 50 rows: any false fail", *share(failed))
    assert at_most(*share(failed), 0.05)
    assert at_least(*share(failed), 0.02)
