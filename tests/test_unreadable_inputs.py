"""An input that holds neither numbers nor labels is left aside, and no check breaks on it."""

import numpy as np
import pandas as pd
import pytest

import trustkit as tk

INPUTS = ["income", "years", "visits"]
CHECKS = [
    "bias/consistency",
    "bias/subgroups",
    "safety/performance",
    "safety/weak-slices",
    "safety/robustness",
    "safety/leakage",
    "safety/shift",
    "security/evasion",
    "security/extraction",
]


def decide(X):
    return (X["income"] + X["years"] > 0).astype(int).to_numpy()


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    made = pd.DataFrame(rng.normal(size=(700, 2)), columns=["income", "years"])
    made["visits"] = [[int(day) for day in rng.integers(0, 9, 3)] for _ in range(len(made))]
    return made.assign(y=np.where(rng.random(len(made)) < 0.1, 1 - decide(made), decide(made)))


@pytest.mark.parametrize("inputs", [INPUTS, ["visits"]], ids=["beside others", "alone"])
def test_lists_break_no_check(table, inputs):
    model = decide if len(inputs) > 1 else lambda X: np.array([visits[0] % 2 for visits in X["visits"]])
    keys = {"train": table.iloc[350:], "target": "y", "favorable": 1, "features": inputs}
    card = tk.audit(model, table.iloc[:350], only=CHECKS, **keys)
    assert [finding.check for finding in card.findings if finding.verdict == "error"] == []
    if len(inputs) > 1:
        assert {finding.check for finding in card.findings} == set(CHECKS)
