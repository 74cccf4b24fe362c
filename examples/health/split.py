"""Split the patients into those the model is trained on and those it is audited on."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

HERE = Path(__file__).resolve().parent
SEED = 0
STRATA = ["sex", "DEATH_EVENT"]


def main() -> None:
    """Write train.csv, 149 patients, and audit.csv, 150, alike in sex and deaths."""
    rows = pd.read_csv(HERE / "data" / "heart_failure.csv")
    rows["sex"] = rows["sex"].map({0: "F", 1: "M"})
    train, audit = train_test_split(rows, test_size=0.5, random_state=SEED, stratify=rows[STRATA])
    train.sort_index().to_csv(HERE / "train.csv", index=False, lineterminator="\n")
    audit.sort_index().to_csv(HERE / "audit.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
