"""Power: what is beyond a limit fails, what is well within it passes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated import at_least, at_most, claims, counted, judged, share, told

from trustkit.measure.intervals import Difference, Limits, Ratio, proportions
from trustkit.scorecard import Finding, Scorecard

pytestmark = pytest.mark.slow

Floats = NDArray[np.float64]


@pytest.mark.parametrize(("rows", "least"), [(2000, 0.85), (10_000, 0.99)])
def test_a_group_selected_three_for_five_fails(rows: int, least: float) -> None:
    rng = np.random.default_rng(rows)
    rates, shares = np.array([0.5, 0.45, 0.3]), np.array([0.5, 0.3, 0.2])
    joint = (shares[:, None] * np.column_stack([1 - rates, rates])).ravel()
    failed = []
    for _ in range(2000 if rows == 2000 else 500):
        counts = np.zeros((3, 2, 2), dtype=np.int64)
        counts[:, 1] = rng.multinomial(rows, joint).reshape(3, 2)
        failed.append(str(judged(counted(counts), ["bias/selection-rate"]).verdict) == "fail")
    told(f"rates .5 .45 .3, {rows} rows: cards failed", *share(failed))
    assert at_least(*share(failed), least)


def test_two_equal_groups_pass() -> None:
    rng = np.random.default_rng(7)
    passed = []
    for _ in range(1000):
        counts = np.zeros((2, 2, 2), dtype=np.int64)
        counts[:, 1] = rng.multinomial(2000, [0.3, 0.2, 0.3, 0.2]).reshape(2, 2)
        found = claims(judged(counted(counts), ["bias/selection-rate"]), "ratio")
        passed.append(all(str(finding.verdict) == "pass" for finding in found))
    told("two equal groups, rate .4, 2000 rows: cards passed", *share(passed))
    assert at_least(*share(passed), 0.95)


def ratio_counts(sizes: tuple[int, int], selected: tuple[int, int]) -> NDArray[np.int64]:
    """Two groups of decided rows, all of positive truth."""
    counts = np.zeros((2, 2, 2), dtype=np.int64)
    counts[:, 1, 1] = selected
    counts[:, 1, 0] = np.array(sizes) - selected
    return counts


def first(card: Scorecard, metric: str) -> Finding:
    """The claim about the first group against the second."""
    return next(finding for finding in claims(card, metric) if finding.subject["groups"]["group"] == "g00")


CASES = [  # form, rows, selected, whether further rows of the first group can settle it
    ("ratio", (100, 400), (30, 200), True),
    ("ratio", (60, 400), (27, 200), True),
    ("ratio", (500, 5000), (210, 2500), True),
    ("ratio", (100, 100), (60, 65), True),
    ("ratio", (2000, 2000), (130, 200), True),
    ("ratio", (60, 60), (18, 30), False),
    ("difference", (100, 400), (95, 320), True),
    ("difference", (500, 5000), (415, 3500), True),
    ("difference", (100, 1000), (16, 20), True),
    ("difference", (60, 2000), (43, 1400), True),
    ("difference", (500, 500), (25, 25), False),
]
RUNS = 4000


@pytest.mark.parametrize(("form", "sizes", "selected", "settles"), CASES)
def test_rows_needed_settle_and_detectable_is_found(
    form: str, sizes: tuple[int, int], selected: tuple[int, int], settles: bool
) -> None:
    """At the rates seen: the rows there are stay, the further ones are drawn."""
    rng = np.random.default_rng([*sizes, *selected])
    counts = ratio_counts(sizes, selected)
    if form == "ratio":
        metric, only, limits = "ratio", "bias/selection-rate", {}
        bound = 0.8
    else:
        counts[:, 0] = (1000, 1000)
        metric, only, bound = "tpr_difference", "bias/error-rates", 0.1
        limits = {only: {"max_fpr_difference": False}}
    found = first(judged(counted(counts), [only], limits), metric)
    assert found.level is not None
    level = (1 - found.level) / 2
    n, k = counts[:, 1].sum(axis=1).astype(float), counts[:, 1, 1].astype(float)

    def limits_of(hits: Floats, rows: Floats, other: Floats) -> Limits:
        a, b = proportions(hits / rows, rows), proportions(other / n[1], np.full(RUNS, n[1]))
        return Ratio(a, b) if form == "ratio" else Difference.of_groups(a, b)

    def failed(made: Limits) -> NDArray[np.bool_]:
        return made.upper(level) < bound if form == "ratio" else made.lower(level) > bound

    what = f"{metric}, {int(k[0])} of {int(n[0])} v {int(k[1])} of {int(n[1])}"
    assert found.detectable is not None
    assert (found.rows_needed is not None) == settles
    rate = found.detectable * k[1] / n[1] if form == "ratio" else found.detectable + k[1] / n[1]
    hits = rng.binomial(int(n[0]), min(rate, 1.0), RUNS).astype(float)
    other = rng.binomial(int(n[1]), k[1] / n[1], RUNS).astype(float)
    power = int(failed(limits_of(hits, np.full(RUNS, n[0]), other)).sum())
    told(f"{what}: detectable {found.detectable:.3f} is found", power, RUNS)
    assert at_least(power, RUNS, 0.7)
    assert at_most(power, RUNS, 0.9 if 0.02 < rate < 0.98 else 0.95)
    if found.rows_needed is not None:
        new = rng.binomial(found.rows_needed, n[0] / counts[0].sum(), RUNS).astype(float)
        hits = k[0] + rng.binomial(new.astype(int), k[0] / n[0])
        made = limits_of(hits, n[0] + new, np.full(RUNS, k[1]))
        passed = made.lower(0.05) >= bound if form == "ratio" else made.upper(0.05) <= bound
        settled = int((failed(made) | passed).sum())
        told(f"{what}: {found.rows_needed} further rows settle", settled, RUNS)
        assert at_least(settled, RUNS, 0.7)
        assert at_most(settled, RUNS, 0.9)
