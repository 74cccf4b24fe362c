"""The credit model: trained when imported, on train.csv alone, the same each time."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

TARGET = "risk"  # 1: the credit was repaid
NUMBERS = ["age", "credit_amount", "duration"]
CATEGORIES = ["job", "housing", "saving_accounts", "checking_account", "purpose"]  # sex is left out


def fit(rows: pd.DataFrame) -> Pipeline:
    """Fit a logistic regression."""
    columns = make_column_transformer(
        (StandardScaler(), NUMBERS), (OneHotEncoder(handle_unknown="ignore"), CATEGORIES)
    )
    return make_pipeline(columns, LogisticRegression()).fit(rows[NUMBERS + CATEGORIES], rows[TARGET])


model = fit(pd.read_csv(Path(__file__).with_name("train.csv")))
