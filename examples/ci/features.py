"""The inputs of the model, made of the columns of an application: in training and in use alike."""

from __future__ import annotations

import numpy as np
import pandas as pd

FEATURES = ["income", "debt", "years"]


def prepared(rows: pd.DataFrame, median_income: float) -> np.ndarray:
    """Inputs of the regression: the logarithm of the income, the debt, the years in the job."""
    income = rows["income"].fillna(median_income)
    return np.column_stack([np.log1p(income), rows["debt"], rows["years"]])
