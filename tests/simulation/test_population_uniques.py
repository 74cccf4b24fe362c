"""Unique people of a population, estimated from samples of Adult taken as the population."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trustkit.collectors.classes import classes_of
from trustkit.frames import Frame
from trustkit.measure.reidentification import individual_risk, population_uniques

pytestmark = pytest.mark.slow

ADULT = Path(__file__).parents[2] / "examples" / "income" / "data" / "adult.parquet"
THREE = ["age", "sex", "race"]
SETS = {
    "3 columns": THREE,
    "5 columns": [*THREE, "marital-status", "native-country"],
    "6 columns": ["age", "education", "occupation", "relationship", "sex", "native-country"],
}
SEEDS = 10


def sizes(table: pd.DataFrame) -> np.ndarray:
    return table.groupby(list(table.columns), observed=True).size().to_numpy()


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.1, 0.3])
@pytest.mark.parametrize("columns", SETS.values(), ids=list(SETS))
def test_the_range_of_the_estimators(columns: list[str], rate: float) -> None:
    """The range holds the truth, or nearly; from samples of a twentieth on Pitman is near it."""
    people = pd.read_parquet(ADULT, columns=columns)
    truth = int((sizes(people) == 1).sum())
    made = []
    for seed in range(SEEDS):
        drawn = people.sample(int(rate * len(people)), random_state=seed)
        f, c = np.unique(sizes(drawn), return_counts=True)
        made.append(population_uniques(f, c, len(people)))
    table = pd.DataFrame(made)
    print(f"\n{len(columns)} columns, {rate:.0%}, truth {truth:,}:", end=" ")  # noqa: T201
    print(", ".join(f"{name} {table[name].mean():,.0f} ({table[name].count()})" for name in table))  # noqa: T201
    low, high = table.min(axis=1), table.max(axis=1)
    print(f"range holds it within a fifth {((low <= 1.2 * truth) & (high >= truth / 1.2)).sum()} of {SEEDS}")  # noqa: T201
    assert ((low <= 6 * truth) & (high >= truth / 1.5)).all()
    if rate >= 0.05:
        assert table["Pitman"].between(truth / 2.5, 2.5 * truth).all()


def test_expected_matches_with_a_register_of_the_population() -> None:
    """The marketer risk against the population is the share of rows that one guess a row tells rightly."""
    people = pd.read_parquet(ADULT, columns=SETS["5 columns"])
    key = people.groupby(list(people.columns), observed=True).ngroup().to_numpy()
    true, told = [], []
    of_all = np.bincount(key)
    for seed in range(SEEDS):
        drawn = np.random.default_rng(seed).choice(key, len(key) // 10, replace=False)
        f = np.bincount(drawn, minlength=len(of_all))
        seen = f > 0
        true.append((f[seen] / of_all[seen]).sum() / len(drawn))
        told.append((f[seen] * individual_risk(f[seen], f[seen] * 10)).sum() / len(drawn))
    print(f"\nmarketer risk against the population: true {np.mean(true):.4f}, told {np.mean(told):.4f}")  # noqa: T201
    assert np.mean(told) == pytest.approx(np.mean(true), rel=0.5)


def test_adults_uniques() -> None:
    for columns in SETS.values():
        people = pd.read_parquet(ADULT, columns=columns)
        f, c = classes_of(Frame.open(people), columns).sizes()
        counted = sizes(people)
        print(f"\n{len(columns)} columns: {len(counted):,} classes, {(counted == 1).sum():,} unique")  # noqa: T201
        assert (int(c.sum()), int(c[f == 1].sum())) == (len(counted), int((counted == 1).sum()))
