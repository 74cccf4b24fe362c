"""Split the data, train the model on one half, and let it decide on the other."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

HERE = Path(__file__).resolve().parent
SEED = 0


def split() -> pd.DataFrame:
    """Write train.csv and audit.csv, 500 rows each with 30 % bad credits; return the rows to audit."""
    rows = pd.read_csv(HERE / "data" / "german_credit.csv")
    train, audit = train_test_split(rows, test_size=0.5, random_state=SEED, stratify=rows["risk"])
    train.sort_index().to_csv(HERE / "train.csv", index=False, lineterminator="\n")
    audit.sort_index().to_csv(HERE / "audit.csv", index=False, lineterminator="\n")
    return audit.sort_index()


def main() -> None:
    """Write the two halves, and decisions.csv: the second half as a decision log."""
    log = split()
    from credit_model import model  # trains on the train.csv just written

    log["decision"] = model.predict(log)
    log["probability"] = model.predict_proba(log)[:, 1]
    log.to_csv(HERE / "decisions.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
