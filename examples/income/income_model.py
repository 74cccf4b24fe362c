"""The income model: trained when imported, on train.parquet alone, the same each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from threadpoolctl import threadpool_limits

TARGET = "salary"
CATEGORIES = ["workclass", "marital-status", "occupation", "relationship"]
NUMBERS = ["age", "education-num", "capital-gain", "capital-loss", "hours-per-week"]
# Left out: sex, race, native-country; fnlwgt, a weight of the census; education, which education-num repeats.

threadpool_limits(1, user_api="openmp")  # one thread adds in one order, and is quicker for so few rows


def fit(rows: pd.DataFrame) -> Pipeline:
    """Fit gradient boosted trees."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    columns = make_column_transformer((codes, CATEGORIES), remainder="passthrough")
    trees = HistGradientBoostingClassifier(
        categorical_features=list(range(len(CATEGORIES))), early_stopping=False, random_state=0
    )
    return make_pipeline(columns, trees).fit(rows[CATEGORIES + NUMBERS], rows[TARGET])


model = fit(pd.read_parquet(Path(__file__).with_name("train.parquet")))
