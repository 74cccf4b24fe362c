"""Split the data into the half that the model is trained on and the half that is audited."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

HERE = Path(__file__).resolve().parent
SEED = 0
STRATA = ["sex", "race", "salary"]


def main() -> None:
    """Write train.parquet and audit.parquet, 22,611 rows each, alike in sex, race and salary."""
    rows = pd.read_parquet(HERE / "data" / "adult.parquet")
    train, audit = train_test_split(rows, test_size=0.5, random_state=SEED, stratify=rows[STRATA])
    train.sort_index().reset_index(drop=True).to_parquet(HERE / "train.parquet", index=False)
    audit.sort_index().reset_index(drop=True).to_parquet(HERE / "audit.parquet", index=False)


if __name__ == "__main__":
    main()
