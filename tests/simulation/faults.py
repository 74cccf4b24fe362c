"""Faults planted in rows and in models, each beside its clean twin; it needs numpy and pandas alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ROWS = 20_000
BASE, EXCESS, SUPPORT = 0.1, 0.15, 0.05
TEMPERATURE = 2.0


def table(rng: np.random.Generator) -> pd.DataFrame:
    """Eight columns of numbers and four of labels; two of them tell the outcome."""
    made = pd.DataFrame({f"x{i}": rng.normal(size=ROWS) for i in range(8)})
    for i in range(4):
        made[f"c{i}"] = np.char.add("l", rng.integers(0, 3 + 10 * i, ROWS).astype(str))
    said = made.x0 + (made.c0 == "l1")
    return made.assign(y=(said + rng.normal(size=ROWS) > 0.3).astype(int), said=(said > 0.3).astype(int))


def copied_rows(rng: np.random.Generator, audit: pd.DataFrame, train: pd.DataFrame) -> pd.DataFrame:
    """Two per cent of the audited rows are rows of training."""
    few = rng.permutation(ROWS)[: ROWS // 50]
    audit.iloc[few] = train.iloc[few]
    return audit


def copied_target(rng: np.random.Generator, audit: pd.DataFrame, train: pd.DataFrame) -> pd.DataFrame:
    """An input is the target, but for one row in a hundred."""
    noise = rng.random(ROWS) < 0.01
    return audit.assign(x5=np.where(noise, 1 - audit.y, audit.y))


def moved_column(rng: np.random.Generator, audit: pd.DataFrame, train: pd.DataFrame) -> pd.DataFrame:
    """An input is half a standard deviation greater than in training."""
    return audit.assign(x6=audit.x6 + 0.5)


def columns(rng: np.random.Generator, rows: int = ROWS, support: float = SUPPORT) -> pd.DataFrame:
    """Four columns of numbers, four of labels, one with a rare label, and a sensitive one."""
    table = {f"x{i}": rng.normal(size=rows) for i in range(4)}
    table |= {f"c{i}": rng.integers(0, 3 + i, rows).astype(str) for i in range(4)}
    table["c3"] = np.where(rng.random(rows) < support, "rare", table["c3"])
    return pd.DataFrame({**table, "sex": rng.choice(["F", "M"], rows)})


def slice_of(table: pd.DataFrame, kind: str, support: float = SUPPORT) -> NDArray[np.bool_]:
    """Rows of a slice of about this share."""
    first, second, x0 = table["c0"] == "0", table["c1"] == "1", table["x0"]
    at = {
        "a label": table["c3"] == "rare",
        "a tail": table["x1"] > table["x1"].quantile(1 - support),
        "two conditions": first & (x0 < x0.quantile(3 * support)),
        "three conditions": first & second & (x0 < x0.quantile(12 * support)),
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


FEATURES = ["age", "income", "region"]


@cache
def people(seed):
    rng = np.random.default_rng([seed, 81])
    rows = pd.DataFrame({"age": rng.integers(18, 80, ROWS), "income": rng.normal(50, 12, ROWS)})
    rows["region"] = rng.choice(["north", "south", "west"], ROWS)
    rows["repaid"] = (rng.random(ROWS) < Model().score(rows)).astype(int)
    rows.loc[rng.random(ROWS) < 0.05, "income"] = np.nan
    return rows


class Planted(NamedTuple):
    """What an audit is given: rows, and either a model or a column that holds what it said."""

    audit: pd.DataFrame
    features: list[str]
    target: str
    train: pd.DataFrame | None = None
    model: Model | None = None
    prediction: str | None = None
    score: str | None = None


def in_tables(seed: int, faulty: bool, plant: Callable[..., pd.DataFrame]) -> Planted:
    """A log beside the rows of training, with a fault or as drawn."""
    rng = np.random.default_rng([seed, 77])
    train, audit = table(rng), table(rng)
    features = [name for name in audit.columns if name not in {"y", "said"}]
    rows = plant(rng, audit.copy(), train) if faulty else audit
    return Planted(rows, features, "y", train=train, prediction="said")


def in_slice(seed: int, faulty: bool, kind: str) -> Planted:
    """A log that is wrong more often in a slice, or everywhere alike."""
    rows = weak(seed, kind if faulty else "nothing")
    return Planted(rows, list(rows.columns[:9]), "truth", prediction="decision")


def in_score(seed: int, faulty: bool) -> Planted:
    """A log whose logits are doubled, or those that come true."""
    rows = scored(seed, TEMPERATURE if faulty else 1.0, spread=1.0)
    return Planted(rows, list(rows.columns[:9]), "truth", prediction="decision", score="score")


def in_model(seed: int, faulty: bool, model: type[Model]) -> Planted:
    """Rows and the model that is faulty, or the one that they come of."""
    return Planted(people(seed), FEATURES, "repaid", model=model() if faulty else Model())


FAULTS: dict[str, Callable[[int, bool], Planted]] = {
    "weak slice, a label": partial(in_slice, kind="a label"),
    "weak slice, a numeric tail": partial(in_slice, kind="a tail"),
    "weak slice, two conditions": partial(in_slice, kind="two conditions"),
    "2 % of training rows copied into the audit": partial(in_tables, plant=copied_rows),
    "target copied into an input, 1 % noise": partial(in_tables, plant=copied_target),
    "an input moved by half a standard deviation": partial(in_tables, plant=moved_column),
    "logits doubled": in_score,
    "wrong sign where the income is missing": partial(in_model, model=WrongSign),
    "a decision that changes by chance": partial(in_model, model=ByChance),
    "a bump where the score has to rise": partial(in_model, model=Bump),
    "an integer that the model is brittle to": partial(in_model, model=Brittle),
}
"""By name, what makes it from a seed, with the fault or without."""
