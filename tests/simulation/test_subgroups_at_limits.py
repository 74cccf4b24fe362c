"""A planted subgroup is failed, a sound system seldom is, and no found slice beyond the limit passes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from faults import columns, slice_of
from numpy.typing import NDArray
from simulated import at_least, at_most, share, told

import trustkit as tk
from trustkit.collectors import collect
from trustkit.collectors.slices import Halves
from trustkit.collectors.sources import Sources
from trustkit.scorecard import Finding, Scorecard
from trustkit.system import System

pytestmark = pytest.mark.slow

BASE, EXCESS, SUPPORT, LIMIT = 0.15, 0.15, 0.03, 0.05
ROWS = 20_000


def log(rng: np.random.Generator, table: pd.DataFrame, chance: Any) -> pd.DataFrame:
    """Decisions that are wrong with each row's chance."""
    truth = rng.integers(0, 2, len(table))
    wrong = rng.random(len(table)) < chance
    return table.assign(truth=truth, decision=np.where(wrong, 1 - truth, truth))


def card(table: pd.DataFrame, seed: int, **roles: Any) -> Scorecard:
    """A card of the one check under the default policy."""
    named = {"target": "truth", "prediction": "decision", "favorable": 1, "sensitive": ["sex"], **roles}
    evidence = collect(System(data=table, **named), only=["slices"], seed=seed)
    return tk.judge(evidence, "unga-78-265", only=["bias/subgroups"])


def judged(made: Scorecard) -> list[Finding]:
    """Its claims."""
    return [finding for finding in made.findings if finding.limit]


def has(made: Scorecard, verdict: str) -> bool:
    """Whether a claim has a verdict."""
    return any(str(finding.verdict) == verdict for finding in judged(made))


def inside(table: pd.DataFrame, finding: Finding) -> NDArray[np.bool_]:
    """Rows that meet the conditions of a finding."""
    met = np.ones(len(table), dtype=bool)
    for column, label in finding.subject["groups"].items():
        values = table[column].to_numpy()
        low, parted, high = label.partition("..<")
        if label.startswith("<"):
            met &= values < float(label[1:])
        elif label.startswith(">="):
            met &= values >= float(label[2:])
        elif parted:
            met &= (values >= float(low)) & (values < float(high))
        else:
            met &= values == label
    return met


@pytest.mark.parametrize("kind", ["a label", "a tail", "two conditions", "three conditions"])
def test_a_planted_subgroup_is_failed(kind: str) -> None:
    failed = []
    for seed in range(100):
        rng = np.random.default_rng([seed, 1])
        table = columns(rng, ROWS, SUPPORT)
        made = card(log(rng, table, BASE + EXCESS * slice_of(table, kind, SUPPORT)), seed)
        failed.append(has(made, "fail"))
    told(f"subgroup of 3 % by {kind}, 15 points worse, {ROWS:,} rows: failed", *share(failed))
    assert at_least(*share(failed), 0.8)


@pytest.mark.parametrize("rows", [1000, ROWS])
def test_where_nothing_is_planted_a_card_is_seldom_failed(rows: int) -> None:
    failed, passed = [], []
    for seed in range(150):
        rng = np.random.default_rng([seed, 2])
        made = card(log(rng, columns(rng, rows, SUPPORT), BASE), seed)
        failed.append(has(made, "fail"))
        passed.append(all(str(finding.verdict) == "pass" for finding in judged(made)))
    told(f"nothing planted, {rows:,} rows: card failed", *share(failed))
    told(f"nothing planted, {rows:,} rows: card passed", *share(passed))
    assert at_most(*share(failed), 0.05)


@pytest.mark.parametrize("cluster", [1, 5])
def test_verdicts_hold_for_slices_at_the_limit(cluster: int) -> None:
    """True excesses are known from each row's chance: those within the limit fail, those beyond pass, seldom.

    The subgroups are a label of a third of the rows that is worse by the limit exactly,
    and what the search makes of it.
    """
    rows, label = 6000, "0"
    failed, passed = [], []
    for seed in range(200):
        rng = np.random.default_rng([seed, 3])
        people = rows // cluster
        who = np.repeat(np.arange(people), cluster)
        table = columns(rng, people, SUPPORT).loc[who].reset_index(drop=True).assign(who=who)
        chance = (BASE + LIMIT * (table["c0"] == label)).to_numpy()
        habit = 0.1 * (cluster > 1) * rng.choice([-1.0, 1.0], people)[who]
        made = log(rng, table, chance + habit)
        unit = {"unit": "who"} if cluster > 1 else {}
        found = judged(card(made, seed, features=[f"{a}{i}" for a in "xc" for i in range(4)], **unit))
        system = System(data=made, target="truth", prediction="decision", favorable=1, **unit)
        rest = Halves.of(Sources.open(system, None, seed)).judged
        excess = {finding.id: true_excess(chance[rest], inside(made, finding)[rest]) for finding in found}
        wrong = [each for each in found if each.verdict == "fail" and excess[each.id] <= LIMIT + 1e-9]
        failed.append(bool(wrong))
        passed += [each.verdict == "pass" for each in found if excess[each.id] >= LIMIT - 1e-9]
    told(f"slices worse by the limit, {cluster} rows a person: card falsely failed", *share(failed))
    told(f"slices worse by the limit or more, {cluster} rows a person: slice falsely passed", *share(passed))
    assert len(passed) > len(failed) / 4
    assert at_most(*share(failed), 0.05)
    assert at_most(*share(passed), 0.05)


def true_excess(chance: NDArray[np.float64], met: NDArray[np.bool_]) -> float:
    """True excess of the rows that meet conditions."""
    return float(chance[met].mean() - chance[~met].mean())


def test_weighted_rows_seldom_fail_a_sound_system() -> None:
    failed = []
    for seed in range(100):
        rng = np.random.default_rng([seed, 4])
        table = log(rng, columns(rng, 5000, SUPPORT), BASE).assign(w=rng.lognormal(size=5000))
        failed.append(has(card(table, seed, weight="w"), "fail"))
    told("nothing planted, lognormal weights, 5,000 rows: card failed", *share(failed))
    assert at_most(*share(failed), 0.05)
