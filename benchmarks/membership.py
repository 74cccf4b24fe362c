"""Attack models of Adult: what each attack finds, and in what time; print a Markdown table.

Run it on a quiet machine: ``python benchmarks/membership.py [--train 2000]``. Times are of the
processor, of collecting the evidence alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import trustkit as tk
from trustkit.checks.data_protection.attribute_inference import attribute_inference
from trustkit.checks.data_protection.membership_inference import membership_inference
from trustkit.collectors.inferences import collect_inferences
from trustkit.collectors.memberships import collect_memberships
from trustkit.collectors.sources import Sources

INCOME = Path(__file__).resolve().parents[1] / "examples" / "income"
TARGET = "salary"
WORDS = ["workclass", "marital-status", "occupation", "relationship", "sex", "race"]
NUMBERS = ["age", "education-num", "capital-gain", "capital-loss", "hours-per-week"]
MODELS: dict[str, Any] = {
    "logistic regression": LogisticRegression(max_iter=1000),
    "5 nearest neighbors": KNeighborsClassifier(),
    "decision tree": DecisionTreeClassifier(random_state=0),
    "gradient boosting": HistGradientBoostingClassifier(early_stopping=False, random_state=0),
    "random forest, leaves of 10": RandomForestClassifier(min_samples_leaf=10, random_state=0),
    "random forest": RandomForestClassifier(random_state=0),
}
ATTACKS = ("loss", "ratio to references", "likelihood ratio")


def fitted(model: Any, rows: pd.DataFrame) -> Any:
    """A pipeline that takes the raw columns."""
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), WORDS), (StandardScaler(), NUMBERS)
    )
    return make_pipeline(columns, model).fit(rows[WORDS + NUMBERS], rows[TARGET])


def attacked(model: Any, train: pd.DataFrame, audit: pd.DataFrame) -> list[str]:
    """Cells of the table's line of one model."""
    keys = {"target": TARGET, "favorable": ">50K", "sensitive": ["sex", "race"], "features": WORDS + NUMBERS}
    sources = Sources.open(tk.System(model, audit, train=train, **keys))
    start = time.process_time()
    evidence = collect_memberships(sources)
    middle = time.process_time()
    guesses = collect_inferences(sources)
    end = time.process_time()
    found = {each.subject.get("mode", each.metric): each for each in membership_inference(evidence)
             if each.metric in ("auc", "blind_auc", "control_auc")}  # fmt: skip
    few = {each.metric: each for each in membership_inference(evidence) if each.metric.startswith("tpr")}
    gains = {each.subject["column"]: each.value for each in attribute_inference(guesses)}
    areas = [f"{found[name].value:.3f}" for name in (*ATTACKS, "blind_auc", "control_auc")]
    told = [f"{few['tpr_at_1_percent'].value:.3f}", *(f"{gains[name]:+.3f}" for name in ("sex", "race"))]
    return [*areas, *told, f"{middle - start:.1f}", f"{end - middle:.1f}"]


def main() -> None:
    """Attack every model and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=int, default=2000, help="rows that the models are trained on")
    options = parser.parse_args()
    train = pd.read_parquet(INCOME / "train.parquet")
    audit = pd.read_parquet(INCOME / "audit.parquet")
    other = train.drop(train.sample(options.train, random_state=0).index)
    train = train.sample(options.train, random_state=0)
    heads = [
        *(f"AUC, {name}" for name in ATTACKS),
        "blind",
        "control",
        "found at 1 %",
        "gain, sex",
        "gain, race",
    ]
    print(f"| model of {options.train:,} rows | " + " | ".join([*heads, "s", "s, guesses"]) + " |")
    print("|---|" + "---|" * (len(heads) + 2))
    for name, model in MODELS.items():
        print(f"| {name} | " + " | ".join(attacked(fitted(model, train), train, audit)) + " |", flush=True)
    if len(other) >= options.train:
        forest = fitted(MODELS["random forest"], other.sample(options.train, random_state=0))
        print("| random forest of other rows | " + " | ".join(attacked(forest, train, audit)) + " |")


if __name__ == "__main__":
    sys.exit(main())
