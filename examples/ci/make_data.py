"""Draw the two files of applications: nobody's data, the same each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 4000


def applications(seed: int) -> pd.DataFrame:
    """Draw applications; incomes of the self-employed, of whom the country has more, are often missing."""
    rng = np.random.default_rng(seed)
    region = rng.choice(["country", "town"], ROWS, p=[0.4, 0.6])
    income = rng.lognormal(3.5, 0.45, ROWS).round(1)
    debt = rng.gamma(2.0, 4.0, ROWS).round(1)
    years = rng.integers(0, 30, ROWS)
    worth = 1.6 * (np.log(income) - 3.5) / 0.45 - 0.12 * (debt - 8) + 0.03 * (years - 15)
    repaid = (rng.uniform(size=ROWS) < 1 / (1 + np.exp(-worth))).astype(int)
    missing = rng.uniform(size=ROWS) < np.where(region == "country", 0.3, 0.05)
    return pd.DataFrame(
        {
            "region": region,
            "income": np.where(missing, np.nan, income),
            "debt": debt,
            "years": years,
            "repaid": repaid,
        }
    )


if __name__ == "__main__":
    folder = Path(__file__).parent
    for name, seed in (("train.csv", 1), ("audit.csv", 2)):
        applications(seed).to_csv(folder / name, index=False, lineterminator="\n")
