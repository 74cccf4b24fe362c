"""Faults planted in a model: each is failed in nearly every run, and its clean twin in nearly none."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

import trustkit as tk
from trustkit.config import Config

pytestmark = pytest.mark.slow

ROWS, SEEDS = 20_000, 20
STRICT = 0.05 / 30
"""The level of one control among thirty, as many as the default policy can have with sampled claims."""


class Model:
    """A score that rises with income and age, and gaps filled with the mean."""

    classes_ = (0, 1)

    def score(self, X):
        income = (X["income"].fillna(50.0).to_numpy() - 50) / 12
        age = (X["age"].fillna(48).to_numpy(dtype=float) - 48) / 18
        region = X["region"].map({"north": 0.5, "south": -0.5}).fillna(0).to_numpy(dtype=float)
        return self.turned(X, 1.2 * income + 0.8 * age + region)

    def turned(self, X, z):
        return 1 / (1 + np.exp(-np.clip(z, -50, 50)))

    def predict(self, X):
        return (self.score(X) > 0.5).astype(int)

    def predict_proba(self, X):
        score = self.score(X)
        return np.column_stack([1 - score, score])


class WrongSign(Model):
    """Where the income is missing the sum has the wrong sign."""

    def turned(self, X, z):
        return super().turned(X, np.where(X["income"].isna(), -z, z))


class ByChance(Model):
    """A little noise that nobody seeded."""

    def turned(self, X, z):
        return super().turned(X, z + 0.05 * np.random.default_rng().standard_normal(len(z)))


class Bump(Model):
    """From 40 to 45 years the score is lower than before."""

    def turned(self, X, z):
        age = X["age"].to_numpy(dtype=float)
        return super().turned(X, z - 0.8 * ((age >= 40) & (age < 45)))


class Brittle(Model):
    """An even age adds, an odd one takes off."""

    def turned(self, X, z):
        return super().turned(X, z + 0.8 * np.where(X["age"].fillna(1).to_numpy() % 2 == 0, 1, -1))


FAULTS = {
    WrongSign: ("safety/robustness", "stray"),
    ByChance: ("safety/reproducibility", "changed"),
    Bump: ("safety/invariances", "violations"),
    Brittle: ("safety/robustness", "column_flip"),
}


@cache
def people(seed):
    rng = np.random.default_rng([seed, 81])
    rows = pd.DataFrame({"age": rng.integers(18, 80, ROWS), "income": rng.normal(50, 12, ROWS)})
    rows["region"] = rng.choice(["north", "south", "west"], ROWS)
    rows["repaid"] = (rng.random(ROWS) < Model().score(rows)).astype(int)
    rows.loc[rng.random(ROWS) < 0.05, "income"] = np.nan
    return rows


def audited(model, seed, check, alpha):
    config = Config.of(expectations=[{"column": "age", "direction": "increasing"}], policy={"alpha": alpha})
    control = "TK-SAF-07" if check == "safety/reproducibility" else "TK-SAF-04"
    card = tk.audit(
        model, people(seed), config=config, only=[control], target="repaid", favorable=1, seed=seed,
        features=["age", "income", "region"], as_of="2026-11-24",
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
