"""In 20,000 rows a weak slice and a sharpened score fail under the default policy; sound ones do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from simulated import at_least, at_most, share, told

import trustkit as tk
from trustkit.collectors import collect
from trustkit.config import Config
from trustkit.scorecard import Scorecard
from trustkit.system import System

pytestmark = pytest.mark.slow

ROWS, RUNS = 20_000, 20
BASE, EXCESS, SUPPORT = 0.1, 0.15, 0.05
TEMPERATURE = 2.0

KINDS = ("cells", "confidences", "overlaps", "slices")
ALPHA = 0.025
"""What takes long is not collected: half of the controls that share alpha are there, and spend half of it."""


def columns(rng: np.random.Generator) -> pd.DataFrame:
    """Four columns of numbers, four of labels, and a sensitive one."""
    table = {f"x{i}": rng.normal(size=ROWS) for i in range(4)}
    table |= {f"c{i}": rng.integers(0, 3 + i, ROWS).astype(str) for i in range(4)}
    table["c3"] = np.where(rng.random(ROWS) < SUPPORT, "rare", table["c3"])
    return pd.DataFrame({**table, "sex": rng.choice(["F", "M"], ROWS)})


def slice_of(table: pd.DataFrame, kind: str) -> NDArray[np.bool_]:
    """Rows of a slice of 5 %."""
    at = {
        "a label": table["c3"] == "rare",
        "a tail": table["x1"] > table["x1"].quantile(1 - SUPPORT),
        "two conditions": (table["c0"] == "0") & (table["x0"] < table["x0"].quantile(3 * SUPPORT)),
        "nothing": pd.Series(False, index=table.index),
    }
    return at[kind].to_numpy()


def weak(seed: int, kind: str) -> pd.DataFrame:
    """A log whose decisions are wrong more often in a slice."""
    rng = np.random.default_rng([seed, 5])
    table = columns(rng)
    truth = rng.integers(0, 2, ROWS)
    wrong = rng.random(ROWS) < BASE + EXCESS * slice_of(table, kind)
    return table.assign(truth=truth, decision=np.where(wrong, 1 - truth, truth))


def scored(seed: int, temperature: float, spread: float) -> pd.DataFrame:
    """A log whose logits are those that come true, times a factor."""
    rng = np.random.default_rng([seed, 6])
    logit = rng.normal(0, spread, ROWS)
    truth = (rng.random(ROWS) < 1 / (1 + np.exp(-logit))).astype(int)
    score = 1 / (1 + np.exp(-temperature * logit))
    table = columns(rng).assign(truth=truth, score=score)
    return table.assign(decision=(table["score"] > 0.5).astype(int))


def card(table: pd.DataFrame, seed: int, only: Any = None, **roles: Any) -> Scorecard:
    """A card under the default policy."""
    named = {"target": "truth", "prediction": "decision", "favorable": 1, "sensitive": ["sex"], **roles}
    evidence = collect(System(data=table, **named), only=KINDS, seed=seed)
    config = Config.of().replace(policy={"alpha": 0.05 if only else ALPHA})
    return tk.judge(evidence, "unga-78-265", config=config, only=only)


def has_failed(made: Scorecard, *checks: str) -> bool:
    """Whether a claim of one of the checks failed."""
    return any(finding.check in checks and str(finding.verdict) == "fail" for finding in made.findings)


@pytest.mark.parametrize("kind", ["a label", "a tail", "two conditions"])
@pytest.mark.parametrize("only", [None, ["safety/weak-slices"]], ids=["policy", "alone"])
def test_a_weak_slice_fails(kind: str, only: Any) -> None:
    failed = [has_failed(card(weak(seed, kind), seed, only), "safety/weak-slices") for seed in range(RUNS)]
    where = "under the policy" if only is None else "alone"
    told(f"weak slice of 5 % by {kind}, 15 points worse, {where}: failed", *share(failed))
    assert at_least(*share(failed), 0.95)


def test_decisions_that_are_wrong_everywhere_alike_do_not_fail() -> None:
    failed = [has_failed(card(weak(seed, "nothing"), seed), "safety/weak-slices") for seed in range(RUNS)]
    told("no weak slice, under the policy: failed", *share(failed))
    assert at_most(*share(failed), 0.05)


@pytest.mark.parametrize("spread", [1.0, 2.0])
@pytest.mark.parametrize("check", ["safety/calibration", "safety/overconfidence"])
def test_a_sharpened_score_fails_and_its_sound_twin_does_not(spread: float, check: str) -> None:
    for temperature in (TEMPERATURE, 1.0):
        failed = []
        for seed in range(RUNS):
            made = card(scored(seed, temperature, spread), seed, score="score")
            failed.append(has_failed(made, check))
        told(
            f"{check}, logits x {temperature:g} of spread {spread:g}, under the policy: failed",
            *share(failed),
        )
        assert at_least(*share(failed), 0.95) if temperature > 1 else at_most(*share(failed), 0.05)
