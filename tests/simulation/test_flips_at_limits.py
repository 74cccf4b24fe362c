"""Shares of rows that flip: false fails and false passes at the limit, and power."""

from __future__ import annotations

import numpy as np
import pytest
from simulated import at_least, at_most, judged, told

from trustkit.evidence import Evidence
from trustkit.evidence.flips import ANY, Flips, Moves

pytestmark = pytest.mark.slow

SCHEMA = {
    "switched": {"g": ["g"]}, "untaken": [], "bins": {}, "task": "binary", "score": False, "favorable": ["1"],
    "tolerance": None, "seed": 0, "most": 5000, "targets": 12, "unit": False, "weight": False,
}  # fmt: skip


def verdicts(n: int, flips: list[int]) -> list[str]:
    moves = {f"g{i}": {ANY: Moves(n, k, k, 0)} for i, k in enumerate(flips)}
    kinds = {"flips": Flips(SCHEMA, n * len(flips), n * len(flips), {"g": moves})}
    card = judged(Evidence(system={}, kinds=kinds, errors={}), ["bias/counterfactual-flip"])
    return [str(finding.verdict) for finding in card.findings if finding.limit]


@pytest.mark.parametrize("n", [100, 2500])
def test_two_groups_at_the_limit(n: int) -> None:
    rng, runs = np.random.default_rng(n), 1000
    made = [verdicts(n, rng.binomial(n, 0.05, 2).tolist()) for _ in range(runs)]
    failed, passed = sum("fail" in each for each in made), sum(each == ["pass"] * 2 for each in made)
    told(f"flip at .05 in two groups, {n} rows each: false fail of either", failed, runs)
    told(f"flip at .05 in two groups, {n} rows each: false pass of both", passed, runs)
    assert at_most(failed, runs, 0.05)
    assert at_most(passed, runs, 0.05)


@pytest.mark.parametrize(("share", "verdict", "least"), [(0.08, "fail", 0.99), (0.03, "pass", 0.99)])
def test_two_groups_off_the_limit(share: float, verdict: str, least: float) -> None:
    rng, n, runs = np.random.default_rng(int(100 * share)), 2500, 200
    made = [verdicts(n, rng.binomial(n, share, 2).tolist()) for _ in range(runs)]
    hits = sum(each == [verdict] * 2 for each in made)
    told(f"flip of {share} in two groups, {n} rows each: {verdict}", hits, runs)
    assert at_least(hits, runs, least)
