"""A table of three numbers, whose sum tells the target, and the linear model of it."""

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

INPUTS = ["a", "b", "c"]


def drawn(rows, seed):
    """Inputs, target and a sensitive column."""
    rng = np.random.default_rng(seed)
    made = pd.DataFrame(rng.normal(size=(rows, 3)), columns=INPUTS)
    made["target"] = (made.sum(axis=1) + rng.normal(size=rows) > 0).astype(int)
    return made.assign(sex=rng.choice(["F", "M"], rows))


def fitted(table):
    """The model of a table."""
    return LogisticRegression().fit(table[INPUTS], table["target"])
