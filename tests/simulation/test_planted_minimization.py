"""A personal input that tells nothing is failed, and one that is needed is not, at a full policy's level."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from trustkit.checks.data_protection.minimization import minimization
from trustkit.collectors import collect
from trustkit.system import System

SEEDS, ROWS = 20, 20_000

LEVEL = 0.05 / 25 / 2
"""Of 25 sampled controls that share alpha, and two claims of this one."""

LIMIT = 0.01

pytestmark = pytest.mark.slow


def people(n, seed, effect):
    """Outcomes that follow points and, by `effect`, sex; the region tells nothing."""
    rng = np.random.default_rng([n, seed])
    table = pd.DataFrame({"points": rng.normal(size=n), "sex": rng.choice(["F", "M"], n)})
    table["region"] = rng.choice(list("abcd"), n)
    logit = 1.5 * table["points"] + effect * (table["sex"] == "M") - effect / 2
    return table.assign(y=(rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int))


def verdicts(seed, effect):
    """Of each personal input whether it fails, and whether it passes."""
    train, audit = people(5000, seed, effect), people(ROWS, 100 + seed, effect)
    inputs = ["points", "sex", "region"]
    encoded = make_column_transformer((OneHotEncoder(), ["sex", "region"]), (StandardScaler(), ["points"]))
    model = make_pipeline(encoded, LogisticRegression()).fit(train[inputs], train["y"])
    system = System(model, audit, train=train, target="y", favorable=1, sensitive=["sex", "region"])
    ablations = collect(system, only=["ablations"], seed=seed).kinds["ablations"]
    found = {e.subject["column"]: e for e in minimization(ablations, None) if e.metric == "personal_cost"}
    return {name: (e.interval(LEVEL)[1] < LIMIT, e.interval(0.05)[0] > LIMIT) for name, e in found.items()}


@pytest.mark.parametrize("effect", [0.0, 2.0])
def test_the_spare_input_fails_and_the_needed_one_does_not(effect):
    told = [verdicts(seed, effect) for seed in range(SEEDS)]
    assert sum(each["region"][0] for each in told) >= 0.95 * SEEDS
    assert sum(each["region"][1] for each in told) == 0
    failed, passed = (sum(each["sex"][i] for each in told) for i in (0, 1))
    assert (failed >= 0.95 * SEEDS) if effect == 0 else (failed == 0 and passed >= 0.95 * SEEDS)
