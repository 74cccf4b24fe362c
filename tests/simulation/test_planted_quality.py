"""In 20,000 rows a weak slice and a sharpened score fail under the default policy; sound ones do not."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from faults import TEMPERATURE, scored, weak
from simulated import at_least, at_most, share, told

import trustkit as tk
from trustkit.collectors import collect
from trustkit.config import Config
from trustkit.scorecard import Scorecard
from trustkit.system import System

pytestmark = pytest.mark.slow

RUNS = 20

KINDS = ("cells", "confidences", "overlaps", "slices")
ALPHA = 0.025
"""What takes long is not collected: half of the controls that share alpha are there, and spend half of it."""


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
