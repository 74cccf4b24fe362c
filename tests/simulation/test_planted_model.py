"""Faults planted in a model: each is failed in nearly every run, and its clean twin in nearly none."""

import pytest
from faults import FEATURES, Brittle, Bump, ByChance, Model, WrongSign, people

import trustkit as tk
from trustkit.config import Config

pytestmark = pytest.mark.slow

SEEDS = 20
STRICT = 0.05 / 30
"""The level of one control among thirty, as many as the default policy can have with sampled claims."""


FAULTS = {
    WrongSign: ("safety/robustness", "stray"),
    ByChance: ("safety/reproducibility", "changed"),
    Bump: ("safety/invariances", "violations"),
    Brittle: ("safety/robustness", "column_flip"),
}


def audited(model, seed, check, alpha):
    config = Config.of(expectations=[{"column": "age", "direction": "increasing"}], policy={"alpha": alpha})
    control = "TK-SAF-07" if check == "safety/reproducibility" else "TK-SAF-04"
    card = tk.audit(
        model, people(seed), config=config, only=[control], target="repaid", favorable=1, seed=seed,
        features=FEATURES, as_of="2026-11-24",
    )  # fmt: skip
    return {f.metric for f in card.findings if f.check == check and f.verdict == "fail"}


@pytest.mark.parametrize("model", FAULTS, ids=lambda model: model.__name__)
def test_the_fault_is_failed(model):
    check, metric = FAULTS[model]
    runs = [metric in audited(model(), seed, check, STRICT) for seed in range(SEEDS)]
    assert sum(runs) >= 0.95 * SEEDS


@pytest.mark.parametrize("check", ["safety/robustness", "safety/reproducibility", "safety/invariances"])
def test_the_clean_twin_is_not(check):
    runs = [bool(audited(Model(), seed, check, 0.05)) for seed in range(SEEDS)]
    assert sum(runs) <= 0.05 * SEEDS
