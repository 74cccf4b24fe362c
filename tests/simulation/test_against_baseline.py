"""A card against its baseline: false blocks of a system that is no worse, and power where it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated import MISSING_SCORE, at_least, at_most, counted, share, told

import trustkit as tk
from trustkit.evidence import Evidence
from trustkit.evidence.blocks import Block
from trustkit.evidence.buckets import Buckets
from trustkit.evidence.cells import BUCKETS
from trustkit.measure.changes import Paired, Printed, Unpaired
from trustkit.measure.intervals import Floats, Limits, Ratio, proportions

pytestmark = pytest.mark.slow

LEVELS = (0.05, 0.005, 0.0005)
ONLY = ["bias/selection-rate", "bias/error-rates", "safety/performance"]


def drawn(
    rng: np.random.Generator, rows: int, groups: int, error: float, moved: float, worse: float
) -> NDArray[np.int64]:
    """Rows by bucket, group, truth, baseline's decision and system's decision.

    The baseline errs in `error` of the rows. The system decides otherwise in
    `moved` of them, right and wrong in balance, and errs in `worse` more.
    """
    away, back = moved / 2, moved / 2
    chance = np.empty((groups, 2, 2, 2))
    for truth in (0, 1):
        other = 1 - truth
        chance[:, truth, truth, truth] = 1 - error - away - worse
        chance[:, truth, truth, other] = away + worse
        chance[:, truth, other, truth] = back
        chance[:, truth, other, other] = error - back
    sizes = np.bincount(np.arange(rows) % BUCKETS, minlength=BUCKETS)
    return rng.multinomial(sizes, (chance / (2 * groups)).ravel()).reshape(BUCKETS, groups, 2, 2, 2)


def evidence(counts: NDArray[np.int64]) -> Evidence:
    """Evidence of counts by bucket, group, truth and decision: cells, and buckets to pair by."""
    codes = np.argwhere(counts > 0)
    columns = np.column_stack([codes[:, 1:], np.full(len(codes), MISSING_SCORE), codes[:, 0]])
    cells = counted(counts.sum(axis=0)).kinds["cells"]
    buckets = replace(cells, unit_block=Block(columns, {"n": counts[counts > 0]}))
    return Evidence({}, {"cells": cells, "buckets": Buckets(buckets)}, {})


def worse(before: NDArray[np.int64], after: NDArray[np.int64], *, paired: bool) -> bool:
    """Whether the card against its baseline calls any control worse."""
    policy = "fairness-baseline"
    earlier, after = evidence(before), evidence(after)
    baseline = earlier if paired else tk.judge(earlier, policy, only=ONLY)
    held = tk.judge(after, policy, only=ONLY, baseline=baseline).gate.baseline
    assert held is not None
    assert bool(held.paired) == paired
    return bool(held.worse)


@pytest.mark.parametrize(("groups", "rows"), [(2, 500), (2, 4000), (6, 2000)])
def test_a_system_that_is_no_worse_on_other_rows(groups: int, rows: int) -> None:
    rng = np.random.default_rng([groups, rows])
    found = []
    for _ in range(400):
        before, after = (drawn(rng, rows, groups, 0.2, 0.1, 0) for _ in range(2))
        found.append(worse(before.sum(axis=4), after.sum(axis=3), paired=False))
    told(f"no change, other rows, {groups} groups, {rows} rows: blocked as worse", *share(found))
    assert at_most(*share(found), 0.05)


@pytest.mark.parametrize(
    ("groups", "rows", "moved"), [(2, 500, 0.1), (2, 4000, 0.02), (2, 4000, 0.2), (4, 2000, 0.1)]
)
def test_a_system_that_is_no_worse_on_the_same_rows(groups: int, rows: int, moved: float) -> None:
    rng = np.random.default_rng([groups, rows, int(1000 * moved)])
    for paired, runs in ((True, 300), (False, 300)):
        counts = (drawn(rng, rows, groups, 0.2, moved, 0) for _ in range(runs))
        found = [worse(each.sum(axis=4), each.sum(axis=3), paired=paired) for each in counts]
        how = "row by row" if paired else "as on other rows"
        told(f"no change, {moved:.0%} moved, {how}, {groups} groups, {rows} rows: blocked", *share(found))
        assert at_most(*share(found), 0.05)


@pytest.mark.parametrize(("rows", "drop", "least"), [(2000, 0.03, 0.8), (4000, 0.02, 0.8)])
def test_a_system_that_is_worse_is_found_on_the_same_rows(rows: int, drop: float, least: float) -> None:
    rng = np.random.default_rng(rows)
    for paired, floor in ((True, least), (False, 0.0)):
        counts = (drawn(rng, rows, 2, 0.2, 0.05, drop) for _ in range(200))
        found = [worse(each.sum(axis=4), each.sum(axis=3), paired=paired) for each in counts]
        how = "row by row" if paired else "as on other rows"
        told(f"{drop:.0%} more errors, {how}, {rows} rows: blocked", *share(found))
        assert at_least(*share(found), floor)


RUNS = 40_000


def printed(limits: Limits, value: Floats) -> Printed:
    """Limits as a card prints them: at .0025, as of twenty claims, and at .05."""
    far, near = np.full(len(value), 0.0025), np.full(len(value), 0.05)
    ends = (limits.lower(far), limits.upper(far), far, limits.lower(near), limits.upper(near), near)
    return Printed(value, *ends)


def shares(rng: np.random.Generator, n: int, p: float) -> Printed:
    value = rng.binomial(n, p, RUNS) / n
    return printed(proportions(value, np.full(RUNS, float(n))), value)


def ratios(rng: np.random.Generator, n: int, p: float) -> Printed:
    a, b = (rng.binomial(size, p, RUNS) / size for size in (n, 4 * n))
    limits = Ratio(*(proportions(each, np.full(RUNS, float(size))) for each, size in ((a, n), (b, 4 * n))))
    with np.errstate(divide="ignore", invalid="ignore"):
        return printed(limits, a / b)


def discordant(rng: np.random.Generator, n: int, p: float) -> Limits:
    """Change of a share on the same rows, of which `p` were decided otherwise, in balance; 256 buckets."""
    sizes = np.bincount(np.arange(n) % BUCKETS)
    up = rng.binomial(sizes, p / 2, (RUNS, len(sizes)))
    down = rng.binomial(sizes - up, (p / 2) / (1 - p / 2))
    moved = (up - down) / n
    centered = moved - moved.mean(axis=1, keepdims=True) * sizes * len(sizes) / n
    df = len(sizes) - 1
    variance = np.square(centered).sum(axis=1) * (df + 1) / df
    return Paired(moved.sum(axis=1), variance, np.full(RUNS, float(df)), np.full(RUNS, 1 / n))


CASES: list[tuple[str, Callable[..., Any], list[tuple[int, float]]]] = [
    ("share", shares, [(20, 0.3), (50, 0.1), (50, 0.5), (200, 0.02), (200, 0.5), (2000, 0.1)]),
    ("ratio", ratios, [(50, 0.3), (200, 0.1), (500, 0.5)]),
    ("same rows", discordant, [(50, 0.4), (200, 0.1), (2000, 0.02), (2000, 0.2), (20_000, 0.05)]),
]


@pytest.mark.parametrize(
    ("name", "of", "n", "p"), [(name, of, *case) for name, of, cases in CASES for case in cases]
)
def test_a_claim_that_did_not_change(name: str, of: Callable[..., Any], n: int, p: float) -> None:
    rng = np.random.default_rng([n, int(1000 * p)])
    limits = of(rng, n, p) if of is discordant else Unpaired(of(rng, n, p), of(rng, n, p))
    with np.errstate(invalid="ignore"):
        below = limits.p_below(np.zeros(RUNS))
    for level in LEVELS:
        hits = int((below <= level).sum())
        told(f"{name}, n {n}, p {p:g}: worse at {level:g}", hits, RUNS)
        assert at_most(hits, RUNS, 1.3 * level)
