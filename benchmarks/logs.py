"""Logs and tables that are timed: made of numpy and pandas alone, since peers read them too."""

from __future__ import annotations

import numpy as np
import pandas as pd

SEED = 20261101
RACES = ["asian", "black", "hispanic", "native", "other", "white"]
KINDS = ("text", "categories", "integers")


def decisions(rows: int, kind: str, *, part: int | None = None) -> pd.DataFrame:
    """Scores, decisions and outcomes of 12 groups, told by two attributes of one kind; parts differ."""
    rng = np.random.default_rng(SEED if part is None else [SEED, part])
    groups = {"sex": rng.integers(0, 2, rows, dtype=np.int8), "race": rng.integers(0, 6, rows, dtype=np.int8)}
    log = pd.DataFrame(groups if kind == "integers" else {})
    for name, labels in (("sex", ["female", "male"]), ("race", RACES)):
        if kind == "text":
            log[name] = np.array(labels)[groups[name]]
        elif kind == "categories":
            log[name] = pd.Categorical.from_codes(groups[name], labels)
    return _scored(log, rng, rows)


def many_groups(rows: int, groups: int) -> pd.DataFrame:
    """The same of one attribute of so many groups, as integers."""
    rng = np.random.default_rng(SEED)
    return _scored(pd.DataFrame({"group": rng.integers(0, groups, rows, dtype=np.int16)}), rng, rows)


def _scored(log: pd.DataFrame, rng: np.random.Generator, rows: int) -> pd.DataFrame:
    score = rng.random(rows) ** 1.2
    log["score"] = score
    log["truth"] = (rng.random(rows) < score).astype(np.int8)
    log["decision"] = (score >= 0.5).astype(np.int8)
    return log


def features(rows: int, seed: int, *, moved: float = 0.0) -> pd.DataFrame:
    """Twenty columns of numbers and ten of labels; a fifth of them moved."""
    rng = np.random.default_rng([SEED, seed])
    made = {f"x{at}": rng.normal(moved if at % 5 == 0 else 0.0, 1, rows) for at in range(20)}
    words = np.array([f"level {at}" for at in range(8)])
    made |= {f"c{at}": words[np.minimum(rng.geometric(0.3, rows) - 1, 7)] for at in range(10)}
    return pd.DataFrame(made)
