"""Train the model on train.csv and write its weights to model.json."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
from features import prepared
from sklearn.linear_model import LogisticRegression

FOLDER = Path(__file__).parent

rows = pd.read_csv(FOLDER / "train.csv")
median_income = float(rows["income"].median())
fitted = LogisticRegression(C=100, max_iter=1000).fit(prepared(rows, median_income), rows["repaid"])
weights = {
    "coefficients": [round(float(value), 4) for value in fitted.coef_[0]],
    "intercept": round(float(fitted.intercept_[0]), 4),
    "median_income": median_income,
}
(FOLDER / "model.json").write_text(json.dumps(weights, indent=1) + "\n", encoding="utf-8")
