"""Time one task of one library, in an environment of its own; print JSON.

Run by ``python -m benchmarks`` with the interpreter of the environment: ``PYTHON benchmarks/peers.py
TASK LIBRARY ROWS RUNS``. They do no equal work: what each does, its docstring says.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ |= {"DISABLE_DEEPCHECKS_ANONYMOUS_TELEMETRY": "1", "GSK_DISABLE_ANALYTICS": "True"}
warnings.filterwarnings("ignore")
sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.logs import RACES, decisions, features  # noqa: E402
from benchmarks.timing import medians  # noqa: E402

Call = Callable[[], Any]
GROUPS = ["sex", "race"]
NUMBERS = [f"x{at}" for at in range(20)]
WORDS = [f"c{at}" for at in range(10)]


def fairness_trustkit(rows: int) -> Call:
    """Rates, disparities and calibration, each with an interval."""
    from benchmarks.fairness import KEYS, figures

    log = decisions(rows, "text")
    return lambda: figures(log, KEYS)


def fairness_fairlearn(rows: int, kind: str = "text", **more: Any) -> Call:
    """MetricFrame of six rates by both attributes."""
    from fairlearn import metrics as fm
    from sklearn.metrics import accuracy_score

    log = decisions(rows, kind)
    kinds = ("selection", "true_positive", "false_positive", "true_negative", "false_negative")
    rates = {name: getattr(fm, f"{name}_rate") for name in kinds}

    def call() -> Any:
        return fm.MetricFrame(
            metrics={"accuracy": accuracy_score, **rates},
            y_true=log["truth"],
            y_pred=log["decision"],
            sensitive_features=log[GROUPS],
            **more,
        ).by_group

    return call


def fairness_fairlearn_boot(rows: int) -> Call:
    """The same with `n_boot=5`."""
    return fairness_fairlearn(rows, n_boot=5, ci_quantiles=[0.05, 0.95], random_state=0)


def fairness_aif360(rows: int) -> Call:
    """Six rates of the 12 groups, from integers."""
    from aif360.datasets import BinaryLabelDataset
    from aif360.metrics import ClassificationMetric

    log = decisions(rows, "integers")
    groups = [{"sex": float(sex), "race": float(race)} for sex in range(2) for race in range(len(RACES))]
    rates = ("selection_rate", "accuracy", "true_positive_rate", "false_positive_rate", "true_negative_rate",
             "false_negative_rate")  # fmt: skip

    def dataset(label: str) -> Any:
        kept = log[[*GROUPS, label]].rename(columns={label: "label"})
        return BinaryLabelDataset(df=kept, label_names=["label"], protected_attribute_names=GROUPS)

    def call() -> Any:
        truth, decided = dataset("truth"), dataset("decision")
        found = []
        for group in groups:
            others = [each for each in groups if each != group]
            measured = ClassificationMetric(truth, decided, [group], others)
            found.append([getattr(measured, rate)(privileged=False) for rate in rates])
        return found

    return call


def fairness_aequitas(rows: int) -> Call:
    """Group, Bias (by the largest group) and Fairness."""
    from aequitas.bias import Bias
    from aequitas.fairness import Fairness
    from aequitas.group import Group

    log = decisions(rows, "text")
    log["both"] = log["sex"] + " " + log["race"]
    named = {"truth": "label_value", "decision": "score"}
    log = log.drop(columns="score").rename(columns=named)
    log[[*GROUPS, "both"]] = log[[*GROUPS, "both"]].astype(object)

    def call() -> Any:
        counts, _ = Group().get_crosstabs(log, attr_cols=[*GROUPS, "both"])
        gaps = Bias().get_disparity_major_group(counts, original_df=log, mask_significance=False)
        return Fairness().get_group_value_fairness(gaps)

    return call


def fairness_vfairness(rows: int, **more: Any) -> Call:
    """FairnessAnalyzer's `compute_all_metrics` of sex, of race, of both."""
    from vfairness.evaluation.vfairness_metrics import FairnessAnalyzer

    log = decisions(rows, "text")
    both = log["sex"] + " " + log["race"]

    def call() -> Any:
        return [
            FairnessAnalyzer(log["truth"], log["decision"], of).compute_all_metrics(**more)
            for of in (log["sex"], log["race"], both)
        ]

    return call


def fairness_vfairness_boot(rows: int) -> Call:
    """The same with `n_bootstrap=10`."""
    return fairness_vfairness(rows, include_ci=True, n_bootstrap=10, random_state=0)


def drift_trustkit(rows: int) -> Call:
    """PSI, KS, and a model that tells the tables apart."""
    import trustkit as tk

    roles = {"target": "truth", "prediction": "decision", "favorable": 1}
    tables = [decisions(rows, "text")[["truth", "decision"]].join(each) for each in _two(rows)]
    return lambda: tk.collect(tk.System(train=tables[0], data=tables[1], **roles), only=["shifts"])


def drift_evidently(rows: int) -> Call:
    """DataDriftPreset."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    then, now = _two(rows)
    named = DataDefinition(numerical_columns=NUMBERS, categorical_columns=WORDS)

    def call() -> Any:
        both = [Dataset.from_pandas(each, data_definition=named) for each in (now, then)]
        return Report([DataDriftPreset()]).run(*both).dict()

    return call


def drift_deepchecks(rows: int) -> Call:
    """FeatureDrift."""
    from deepchecks.tabular import Dataset
    from deepchecks.tabular.checks import FeatureDrift

    then, now = (Dataset(each, cat_features=WORDS) for each in _two(rows))
    return lambda: FeatureDrift(n_top_columns=30).run(then, now, with_display=False)


def audit_trustkit(rows: int) -> Call:
    """The whole default policy."""
    import trustkit as tk

    train, audit, model = _model(rows)
    roles = {"target": "truth", "favorable": 1, "sensitive": ["c0"]}
    return lambda: tk.audit(model, audit, train=train, **roles)


def audit_deepchecks(rows: int) -> Call:
    """The full suite, without display."""
    from deepchecks.tabular import Dataset, suites

    train, audit, model = _model(rows)
    pair = [Dataset(each, label="truth", cat_features=WORDS) for each in (train, audit)]
    return lambda: suites.full_suite().run(*pair, model, with_display=False)


def audit_giskard(rows: int) -> Call:
    """The scan, without a language model."""
    import giskard

    _, audit, model = _model(rows)
    kinds = {"model_type": "classification", "classification_labels": [0, 1]}
    asked = giskard.Model(model.predict_proba, feature_names=[*NUMBERS, *WORDS], **kinds)
    data = giskard.Dataset(audit, target="truth", cat_columns=WORDS)
    return lambda: giskard.scan(asked, data, verbose=False)


def _two(rows: int) -> tuple[Any, Any]:
    return features(rows, 0), features(rows, 1, moved=0.3)


def _model(rows: int) -> tuple[Any, Any, Any]:
    """Training rows, audited rows and a logistic regression of them."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    made = []
    for seed in (0, 1):
        rows_of = features(rows, seed)
        rows_of["truth"] = (rows_of["x0"] + rows_of["x1"] + (rows_of["c0"] == "level 0") > 0.3).astype(int)
        made.append(rows_of)
    coded = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), WORDS),
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    model = make_pipeline(coded, LogisticRegression(max_iter=1000))
    return *made, model.fit(made[0].drop(columns="truth"), made[0]["truth"])


TASKS: dict[str, dict[str, tuple[Callable[[int], Call], str]]] = {
    "fairness": {
        "trustkit": (fairness_trustkit, "trustkit-audit"),
        "fairlearn": (fairness_fairlearn, "fairlearn"),
        "fairlearn-boot": (fairness_fairlearn_boot, "fairlearn"),
        "aif360": (fairness_aif360, "aif360"),
        "aequitas": (fairness_aequitas, "aequitas"),
        "vfairness": (fairness_vfairness, "vfairness"),
        "vfairness-boot": (fairness_vfairness_boot, "vfairness"),
    },
    "drift": {
        "trustkit": (drift_trustkit, "trustkit-audit"),
        "evidently": (drift_evidently, "evidently"),
        "deepchecks": (drift_deepchecks, "deepchecks"),
    },
    "audit": {
        "trustkit": (audit_trustkit, "trustkit-audit"),
        "deepchecks": (audit_deepchecks, "deepchecks"),
        "giskard": (audit_giskard, "giskard"),
    },
}
"""By task and library: what makes the call, whose docstring says what it does, and the distribution."""


def main() -> None:
    """Print versions and medians."""
    task, name, rows, runs = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    make, distribution = TASKS[task][name]
    with contextlib.redirect_stdout(sys.stderr):
        taken = medians({name: make(rows)}, runs)[name]
    if distribution == "trustkit-audit":
        import trustkit

        shown = trustkit.__version__
    else:
        shown = version(distribution)
    print(json.dumps({"cpu": taken.cpu, "wall": taken.wall, "version": shown}))


if __name__ == "__main__":
    main()
