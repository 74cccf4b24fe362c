"""Burn-in's flip rates beside those of samples drawn row by row, for verdicts at their limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from simulated import counted, told

import trustkit as tk
from trustkit.checks import discover
from trustkit.config import Config
from trustkit.evidence import Evidence
from trustkit.judging.burn_in import burn_in
from trustkit.judging.plan import Plan

pytestmark = pytest.mark.slow

RUNS = 2000
NEAR = 0.03


def flips(evidence: Evidence, only: str, control: str) -> float:
    """How often burn-in turns the control's verdict."""
    config = Config.of(policy={"use": ["fairness-baseline"]})
    found = burn_in(evidence, Plan.of(config, discover()[0], only=[only]), runs=RUNS, seed=1)
    verdict = next(each.verdict for each in found.card.controls if each.id == control)
    return 1 - found.controls[control].get(verdict, 0) / RUNS


def verdict_of(evidence: Evidence, only: str, control: str) -> str:
    card = tk.judge(evidence, "fairness-baseline", only=[only])
    return str(next(each.verdict for each in card.controls if each.id == control))


def simulated(draw: Callable[[np.random.Generator], Evidence], first: str, only: str, control: str) -> float:
    """How often samples drawn anew have another verdict than `first`."""
    rng = np.random.default_rng(2)
    return float(np.mean([verdict_of(draw(rng), only, control) != first for _ in range(RUNS)]))


@pytest.mark.parametrize("selected", [196, 209, 267])
def test_independent_rows_at_the_limits_of_fail_and_of_pass(selected: int) -> None:
    """Of 600 rows a group 300 and `selected` are chosen: 209 is the last to fail, 267 the first to pass."""
    only, control = "bias/selection-rate", "TK-FAI-02"
    counts = np.zeros((2, 2, 2), dtype=np.int64)
    counts[:, 1] = [[300, 300], [600 - selected, selected]]

    def draw(rng: np.random.Generator) -> Evidence:
        return counted(rng.multinomial(1200, counts.ravel() / 1200).reshape(2, 2, 2))

    first = verdict_of(counted(counts), only, control)
    here, there = flips(counted(counts), only, control), simulated(draw, first, only, control)
    told(f"{selected} of 600, {first}: flips by burn-in", round(here * RUNS), RUNS)
    told(f"{selected} of 600, {first}: flips of samples", round(there * RUNS), RUNS)
    assert abs(here - there) <= NEAR


ROLES = {"target": "y", "prediction": "d", "sensitive": ["g"], "favorable": 1}


def people(seed: int, n: int, selected: tuple[float, float]) -> pd.DataFrame:
    """Rows with weights, scores and persons of four rows who are mostly decided alike."""
    rng = np.random.default_rng(seed)
    person = np.arange(n) // 4
    group = np.where(np.arange(person.max() + 1) % 2, "b", "a")[person]
    taste = rng.random(person.max() + 1)[person]
    luck = np.where(rng.random(n) < 0.5, taste, rng.random(n))
    score = rng.beta(2, 2, n)
    return pd.DataFrame(
        {
            "g": group,
            "d": (luck < np.where(group == "a", *selected)).astype(int),
            "s": score,
            "y": (rng.random(n) < np.clip(score + 0.03, 0, 1)).astype(int),
            "w": rng.lognormal(0, 0.7, n),
            "u": person,
        }
    )


CASES: dict[str, tuple[dict[str, Any], str, str, tuple[float, float], int]] = {
    "weights": ({"weight": "w"}, "bias/selection-rate", "TK-FAI-02", (0.5, 0.32), 1600),
    "units": ({"unit": "u"}, "bias/selection-rate", "TK-FAI-02", (0.5, 0.3), 2000),
    "scores": ({"score": "s"}, "safety/calibration", "TK-SAF-05", (0.5, 0.5), 4000),
}


@pytest.mark.parametrize("case", CASES)
def test_rows_drawn_with_replacement_flip_as_often(case: str) -> None:
    roles, only, control, selected, n = CASES[case]
    data = people(3, n, selected)

    def evidence(frame: pd.DataFrame) -> Evidence:
        return tk.collect(tk.System(data=frame, **ROLES, **roles), only=["cells"])

    def places(rng: np.random.Generator) -> NDArray[np.intp]:
        if "unit" not in roles:
            return rng.integers(0, n, n)
        return (4 * rng.integers(0, n // 4, n // 4)[:, None] + np.arange(4)).ravel()

    def draw(rng: np.random.Generator) -> Evidence:
        drawn = data.iloc[places(rng)].reset_index(drop=True)
        return evidence(drawn.assign(u=np.arange(n) // 4))  # a person drawn twice is two

    first = verdict_of(evidence(data), only, control)
    here = flips(evidence(data), only, control)
    there = simulated(draw, first, only, control)
    told(f"{case}, {first}: flips by burn-in", round(here * RUNS), RUNS)
    told(f"{case}, {first}: flips of rows drawn anew", round(there * RUNS), RUNS)
    assert abs(here - there) <= NEAR
