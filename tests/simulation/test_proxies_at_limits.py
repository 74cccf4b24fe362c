"""Cross-fitted areas under the curve: at the limit, where the inputs tell nothing, and an 80 % copy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from simulated import at_least, at_most, told

import trustkit as tk
from trustkit.checks.base import Estimate
from trustkit.checks.bias.proxies import proxies
from trustkit.collectors.proxies import collect_proxies
from trustkit.collectors.sources import Sources

pytestmark = pytest.mark.slow

Inputs = Callable[[NDArray[np.bool_], np.random.Generator], dict[str, Any]]


def one_bit(member: NDArray[np.bool_], rng: np.random.Generator) -> dict[str, Any]:
    """An input that is 1 for 75 % of the group and 25 % of the others: its AUC is .75."""
    return {"x": (rng.random(len(member)) < np.where(member, 0.75, 0.25)).astype(int)}


def noise(member: NDArray[np.bool_], rng: np.random.Generator) -> dict[str, Any]:
    """Inputs of chance: whatever is learned from them has an AUC of .5."""
    return {
        "x": rng.normal(size=len(member)),
        "z": rng.normal(size=len(member)),
        "word": rng.choice(list("abcdefgh"), len(member)),
    }


def areas(inputs: Inputs, n: int, share: float, rng: np.random.Generator) -> dict[str, Estimate]:
    """AUC of all inputs together, and of `x` alone, on `n` rows of which a share is of the group."""
    member = rng.random(n) < share
    data = pd.DataFrame({**inputs(member, rng), "g": np.where(member, "a", "b"), "d": rng.integers(0, 2, n)})
    system = tk.System(None, data, prediction="d", favorable=1, sensitive=["g"])
    found = proxies(collect_proxies(Sources.open(system)), judged=("single_auc",))
    kept = [each for each in found if each.limits and each.subject.get("column") in (None, "x")]
    return {each.metric: each for each in kept}


@pytest.mark.parametrize(
    ("inputs", "true"), [(one_bit, 0.75), (noise, 0.5)], ids=["at the limit", "telling nothing"]
)
@pytest.mark.parametrize(
    ("n", "share", "runs"), [(150, 0.5, 600), (600, 0.1, 600), (2000, 0.5, 300), (2000, 0.05, 300)]
)
def test_a_cross_fitted_area_at_its_true_value(
    inputs: Inputs, true: float, n: int, share: float, runs: int
) -> None:
    rng = np.random.default_rng([n, int(100 * share), int(100 * true)])
    made = [areas(inputs, n, share, rng) for _ in range(runs)]
    for metric in ("auc", "single_auc"):
        ends = {level: [] for level in (0.05, 0.005)}
        for each in (found[metric] for found in made if metric in found):
            for level, kept in ends.items():
                kept.append(each.interval(level))
        what = f"{metric} {true}, {n} rows, {share:.0%} in the group"
        for level, intervals in ends.items():
            low, high = np.array(intervals).T
            failed, passed = int((low > true).sum()), int((high <= true).sum())
            told(f"{what}: false fail at {level}", failed, len(low))
            told(f"{what}: false pass at {level}", passed, len(low))
            assert at_most(failed, len(low), 1.15 * level)
            assert at_most(passed, len(low), (1.5 if metric == "single_auc" else 3) * level)


def judged(data: pd.DataFrame) -> set[str]:
    keys = {"prediction": "d", "favorable": 1, "sensitive": ["g"], "as_of": "2026-11-24"}
    card = tk.audit(data=data, only=["bias/proxies"], **keys)
    return {str(finding.verdict) for finding in card.findings if finding.limit}


@pytest.mark.parametrize(("n", "least"), [(500, 0.05), (1000, 0.2), (2000, 0.8), (5000, 0.99)])
def test_a_copy_of_eight_rows_in_ten_is_found(n: int, least: float) -> None:
    """The input is the attribute for 80 % of the rows and the other group for the rest: AUC .8."""
    rng, runs = np.random.default_rng(n), 100
    failed = passed = 0
    for _ in range(runs):
        member = rng.random(n) < 0.5
        copy = np.where(rng.random(n) < 0.8, member, ~member)
        columns = {**noise(member, rng), "copy": copy, "g": member, "d": rng.integers(0, 2, n)}
        verdicts = judged(pd.DataFrame(columns))
        failed, passed = failed + (verdicts == {"fail"}), passed + (verdicts == {"pass"})
    told(f"an 80 % copy, {n} rows: found", failed, runs)
    told(f"an 80 % copy, {n} rows: passed", passed, runs)
    assert at_least(failed, runs, least)
    assert at_most(passed, runs, 0.05)


@pytest.mark.parametrize(("n", "least"), [(200, 0.8), (1000, 0.99)])
def test_nothing_planted_is_silence(n: int, least: float) -> None:
    rng, runs = np.random.default_rng([n, 1]), 100
    failed = passed = 0
    for _ in range(runs):
        group = rng.choice(["a", "b", "c"], n, p=[0.4, 0.35, 0.25])
        columns = {**noise(group == "a", rng), "g": group, "d": rng.integers(0, 2, n)}
        verdicts = judged(pd.DataFrame(columns))
        failed, passed = failed + ("fail" in verdicts), passed + (verdicts == {"pass"})
    told(f"nothing planted, three groups, {n} rows: failed", failed, runs)
    told(f"nothing planted, three groups, {n} rows: passed", passed, runs)
    assert failed == 0
    assert at_least(passed, runs, least)
