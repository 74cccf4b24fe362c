"""The model that is audited: a logistic regression whose weights `train.py` wrote."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from features import FEATURES, prepared


class LoanModel:
    """Grant a loan where it is more likely repaid than not.

    Parameters
    ----------
    weights : dict
        ``coefficients``, ``intercept`` and ``median_income``.
    """

    feature_names_in_ = np.array(FEATURES)
    classes_ = np.array([0, 1])

    def __init__(self, weights: dict) -> None:
        self.weights = weights

    def predict_proba(self, rows: pd.DataFrame) -> np.ndarray:
        """Probabilities of default and of repayment, a row each."""
        inputs = prepared(rows, self.weights["median_income"])
        worth = inputs @ np.array(self.weights["coefficients"]) + self.weights["intercept"]
        repaid = 1 / (1 + np.exp(-worth))
        return np.column_stack([1 - repaid, repaid])

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """1 where the loan is granted."""
        return (self.predict_proba(rows)[:, 1] > 0.5).astype(int)


model = LoanModel(json.loads(Path(__file__).with_name("model.json").read_text(encoding="utf-8")))
