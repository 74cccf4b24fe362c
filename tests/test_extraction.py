"""A simple model is copied by few answers, a lookup by many, a constant one by none."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from trustkit.checks.base import NotApplicable
from trustkit.checks.security.extraction import extraction
from trustkit.collectors import collect
from trustkit.config import Config
from trustkit.errors import ConfigError
from trustkit.evidence.copies import OUTPUTS, Copies
from trustkit.system import System


def copies_of(rows):
    """Copies compared on so many rows."""
    schema = {"budgets": [100], "outputs": list(OUTPUTS[:1]), "rows": 2000, "seed": 0}
    return Copies(schema, rows, rows // 2, {OUTPUTS[0]: {"100": rows - rows // 9}})


def copies_samples():
    """Copies of several parts of one log, and of one with scores."""
    scored = Copies(
        {"budgets": [100, 400], "outputs": list(OUTPUTS), "rows": 2000, "seed": 0},
        900,
        500,
        {output: {"100": 700, "400": 800} for output in OUTPUTS},
    )
    return [*(copies_of(n) for n in (9, 60, 900)), scored, copies_of(0)]


def table(rows=3000, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(rows, 5)), columns=list("abcde"))
    X["kind"] = rng.choice(["x", "y", "z"], rows)
    worth = X[list("abcde")] @ [2, -1, 1, 0.5, 0] + 2 * (X["kind"] == "x") + rng.normal(size=rows)
    return X.assign(target=(worth > 0.5).astype(int))


class Coded:
    """An estimator of numbers, fitted on the labels' codes too."""

    def __init__(self, model, rows):
        self.feature_names_in_ = np.array([*"abcde", "kind"])
        self.model = model.fit(self.coded(rows), rows["target"])
        self.classes_ = self.model.classes_

    def coded(self, X):
        return np.column_stack([X[list("abcde")], X["kind"] == "x", X["kind"] == "y"])

    def predict(self, X):
        return self.model.predict(self.coded(X))

    def predict_proba(self, X):
        return self.model.predict_proba(self.coded(X))


def collected(model, rows, **options):
    config = Config.of(data={"target": "target", "favorable": 1}, options={"security/extraction": options})
    found = collect(System(model, rows, config=config), only=["copies"])
    assert not found.errors
    return found


def fidelity(found):
    return {e.subject["mode"]: e.value for e in extraction(found.kinds["copies"]) if e.metric == "fidelity"}


def test_a_line_is_copied_by_a_few_scores():
    """Least squares on log odds, 100 and 400 answers: above 99 % is published for such a model."""
    found = fidelity(collected(Coded(LogisticRegression(), table(seed=1)), table()))
    assert found["100 scores"] > 0.99
    assert found["400 scores"] > 0.995
    assert found["100 decisions"] < found["100 scores"]
    assert found["400 decisions"] > 0.9


def test_a_forest_needs_more_and_trees_learn_it_better():
    forest = Coded(RandomForestClassifier(30, random_state=0), table(seed=1))
    found = fidelity(collected(forest, table(), budgets=[100, 800]))
    assert found["100 decisions"] < found["800 decisions"] < 1
    assert found["800 scores"] >= found["800 decisions"] - 0.02


def test_a_constant_model_is_copied_at_once():
    class Grants:
        feature_names_in_ = np.array(list("abcde"))

        def predict(self, X):
            return np.ones(len(X), dtype=int)

    kinds = collected(Grants(), table()).kinds["copies"]
    assert kinds.commonest == kinds.rows == 2000
    assert fidelity(collected(Grants(), table())) == {"100 decisions": 1, "400 decisions": 1}


def test_rows_compared_are_not_those_asked_about():
    class Keeps:
        feature_names_in_ = np.array(list("abcde"))

        def predict(self, X):
            return (X["a"].to_numpy() * 1e6).astype(int) % 2

    found = fidelity(collected(Keeps(), table()))
    assert all(0.4 < value < 0.6 for value in found.values())


def test_few_rows_are_not_enough():
    reason, supply = collected(Coded(LogisticRegression(), table(seed=1)), table(150)).absent["copies"]
    assert "too few" in reason
    assert supply
    with pytest.raises(NotApplicable, match="no row"):
        list(extraction(copies_of(0)))


@pytest.mark.parametrize("budgets", [[5], [], ["many"], [100, 2.5]])
def test_budgets_are_whole_numbers(budgets):
    with pytest.raises(ConfigError, match="budgets"):
        collected(Coded(LogisticRegression(), table(seed=1)), table(300), budgets=budgets)
