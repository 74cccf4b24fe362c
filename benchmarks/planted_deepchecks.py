"""Run deepchecks' checks, by the conditions of its suites, on planted faults and clean twins; print JSON.

Run by ``benchmarks/planted.py`` with the interpreter of an environment that has deepchecks: ``pip install
deepchecks==0.19.1 "numpy<2" "pandas<2.3" "scikit-learn<1.6" "setuptools<81"``.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

os.environ["DISABLE_DEEPCHECKS_ANONYMOUS_TELEMETRY"] = "1"
warnings.filterwarnings("ignore")
sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "simulation"))

import deepchecks  # noqa: E402
import numpy as np  # noqa: E402
from deepchecks.core.errors import DeepchecksProcessError  # noqa: E402
from deepchecks.tabular import Dataset, TrainTestCheck, suites  # noqa: E402
from faults import BASE, FAULTS, Planted  # noqa: E402

SLICES = ["WeakSegmentsPerformance"]
CHECKS = {
    "weak slice, a label": SLICES,
    "weak slice, a numeric tail": SLICES,
    "weak slice, two conditions": SLICES,
    "2 % of training rows copied into the audit": ["TrainTestSamplesMix"],
    "target copied into an input, 1 % noise": ["FeatureLabelCorrelation"],
    "an input moved by half a standard deviation": ["FeatureDrift", "MultivariateDrift"],
    "logits doubled": ["CalibrationScore"],
    "wrong sign where the income is missing": SLICES,
}
"""Those that can speak of a fault; of the others it has none."""


def chances(planted: Planted) -> np.ndarray:
    """Of either class the chance that was told; of a bare decision, the share that is right."""
    if planted.model is not None:
        return planted.model.predict_proba(planted.audit[planted.features])
    told = planted.audit[planted.score or planted.prediction]
    one = told.to_numpy() if planted.score else np.where(told == 1, 1 - BASE, BASE)
    return np.column_stack([1 - one, one])


def fails(check: Any, planted: Planted) -> bool | None:
    """Whether a condition of the check does not hold; None where its suite states none."""
    labels = [name for name in planted.features if planted.audit[name].dtype == object]

    def rows(table: Any) -> Dataset:
        named = table[[*planted.features, planted.target]]
        return Dataset(named, label=planted.target, cat_features=labels)

    if isinstance(check, TrainTestCheck):
        result = check.run(rows(planted.train), rows(planted.audit), with_display=False)
    else:
        told = chances(planted)
        given = {"y_proba": told, "y_pred": told.argmax(axis=1), "model_classes": [0, 1]}
        try:
            result = check.run(rows(planted.audit), with_display=False, **given)
        except DeepchecksProcessError:  # no error model could be trained: nothing stands out
            return False
    return not result.passed_conditions() if result.have_conditions() else None


def main(seeds: range) -> None:
    """Print the version, and by fault and check in how many runs it fails, and in how many of the twin."""
    checks = {type(each).__name__: each for each in suites.full_suite().checks.values()}
    told: dict[str, dict[str, list[int] | None]] = {}
    with contextlib.redirect_stdout(sys.stderr):
        for fault, names in CHECKS.items():
            told[fault] = {}
            for name in names:
                check, made = checks[name], FAULTS[fault]
                runs = [[fails(check, made(seed, faulty)) for seed in seeds] for faulty in (True, False)]
                told[fault][name] = None if None in runs[0] else [sum(map(bool, each)) for each in runs]
                print(fault, name, told[fault][name], flush=True)
    print(json.dumps({"version": f"deepchecks {deepchecks.__version__}", "faults": told}))


if __name__ == "__main__":
    main(range(int(sys.argv[1])))
