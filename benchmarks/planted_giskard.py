"""Run giskard 2's scan, by its defaults, on planted faults and clean twins; print JSON.

Run by ``benchmarks/planted.py`` with the interpreter of an environment that has giskard: ``pip install
"giskard<3"``. Where the search of weak slices asks for a loss a row, it is given the log loss that it would
compute itself, a row a call, in a minute or more.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Any

os.environ["GSK_DISABLE_ANALYTICS"] = "True"
warnings.filterwarnings("ignore")
sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "simulation"))

import giskard  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from faults import BASE, FAULTS, Planted  # noqa: E402

CHECKS = {
    "weak slice, a label": ["performance_bias"],
    "weak slice, a numeric tail": ["performance_bias"],
    "weak slice, two conditions": ["performance_bias"],
    "logits doubled": ["overconfidence", "underconfidence"],
    "wrong sign where the income is missing": ["numerical_perturbation", "performance_bias"],
    "a decision that changes by chance": ["stochasticity", "data_leakage"],
    "a bump where the score has to rise": ["numerical_perturbation"],
    "an integer that the model is brittle to": ["numerical_perturbation"],
}
"""Detectors that can speak of a fault; of the others it has none."""


def log_loss(model: Any, dataset: Any) -> np.ndarray:
    """Of every row minus the log of the chance that was given to the truth."""
    truth = dataset.df[dataset.target].to_numpy()
    chance = model.predict(dataset).raw[np.arange(len(truth)), truth]
    return -np.log(np.clip(chance, np.finfo(float).eps, 1))


def logged(planted: Planted) -> Any:
    """A model that answers as the row of the log did whose `x0` is nearest, which is each row's own."""
    log = planted.audit.sort_values("x0")
    key, told = log["x0"].to_numpy(), log[planted.score or planted.prediction].to_numpy()
    one = told if planted.score else np.where(told == 1, 1 - BASE, BASE)

    def chances(X: pd.DataFrame) -> np.ndarray:
        asked = X["x0"].to_numpy()
        right = np.clip(np.searchsorted(key, asked), 1, len(key) - 1)
        at = right - (asked - key[right - 1] <= key[right] - asked)
        return np.column_stack([1 - one[at], one[at]])

    return chances


def issues(planted: Planted, detector: str) -> int:
    """How many issues a detector reports."""
    told = planted.model.predict_proba if planted.model is not None else logged(planted)
    kinds = {"model_type": "classification", "classification_labels": [0, 1]}
    rows = planted.audit[[*planted.features, planted.target]]
    labels = [name for name in planted.features if not pd.api.types.is_numeric_dtype(rows[name])]
    with contextlib.redirect_stdout(sys.stderr):
        report = giskard.scan(
            giskard.Model(told, feature_names=planted.features, **kinds),
            giskard.Dataset(rows, target=planted.target, cat_columns=labels),
            params={"performance_bias": {"loss": log_loss}},
            only=[detector],
            verbose=False,
            raise_exceptions=True,
        )
    return len(report.issues)


def main(seeds: range) -> None:
    """Print the version, and by fault and detector in how many runs it reports, and how many of the twin."""
    logging.disable(logging.INFO)
    told: dict[str, dict[str, list[int]]] = {}
    for fault, detectors in CHECKS.items():
        told[fault] = {}
        for name in detectors:
            made = FAULTS[fault]
            runs = [sum(issues(made(seed, faulty), name) > 0 for seed in seeds) for faulty in (True, False)]
            told[fault][name] = runs
            print(fault, name, runs, file=sys.stderr)
    print(json.dumps({"version": f"giskard {giskard.__version__}", "faults": told}))


if __name__ == "__main__":
    main(range(int(sys.argv[1])))
