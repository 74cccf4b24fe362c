"""Guesses of sensitive inputs: a list that gives them away, rules that do not, what others could guess."""

import json

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from test_memberships import AUDIT, INPUTS, TRAIN, rows

import trustkit as tk
from trustkit.checks.data_protection.attribute_inference import attribute_inference
from trustkit.collectors.inferences import collect_inferences
from trustkit.collectors.sources import Sources
from trustkit.evidence import Unavailable
from trustkit.evidence.inferences import Guesses, Inferences
from trustkit.scorecard import Verdict

CHECK = "data-protection/attribute-inference"
SCHEMA = {"columns": ["sex", "race"], "most": 1000, "groups": 10, "seed": 0, "score": True}


def inferences_of(n, **keys):
    """Guesses of `n` members and `n` others, a tenth of the members' with the model alone."""
    counts = Guesses((n // 2, n // 10, n // 20, n), (n // 2, n // 20, n // 20, n))
    return Inferences({**SCHEMA, **keys}, {"sex": counts, "race": Guesses((n, 0, 0, 0), (n, 0, 0, 0))})


def inferences_samples():
    """Many rows, few and none, and a model without a score."""
    return [inferences_of(900), inferences_of(200, score=False), inferences_of(7), inferences_of(0)]


class Known:
    """A model that is sure of those it was shown, and of nobody else."""

    classes_ = np.array([0, 1])

    def __init__(self, table, columns):
        self.columns = columns
        self.known = dict(zip(self._keys(table), table["y"], strict=True))

    def _keys(self, X):
        return X[self.columns].round(9).apply(tuple, axis=1)

    def predict_proba(self, X):
        said = np.array([self.known.get(key, 0.5) for key in self._keys(X)])
        chance = 0.01 + 0.98 * said
        return np.column_stack([1 - chance, chance])

    def predict(self, X):
        return (self.predict_proba(X)[:, 1] > 0.5).astype(int)


def told(model, train=TRAIN, audit=AUDIT, **keys):
    keys = {"target": "y", "favorable": 1, "sensitive": ["sex"], "features": [*INPUTS, "sex"], **keys}
    given = {key: value for key, value in keys.items() if value is not None}
    evidence = collect_inferences(Sources.open(tk.System(model, audit, train=train, **given)))
    return {each.subject["column"]: each for each in attribute_inference(evidence)}


def test_a_list_gives_the_value_away():
    found = told(Known(TRAIN, [*INPUTS, "sex"]))["sex"]
    assert found.value > 0.2  # of two values of chance half is guessed anyway
    assert found.interval(0.0005)[0] > 0.15


def test_a_list_of_other_people_gives_nothing_away():
    found = told(Known(rows(600, 3), [*INPUTS, "sex"]))["sex"]
    assert (found.value, found.n, found.reference_n) == (0, 600, 600)


def test_what_the_model_knows_of_people_at_large_is_no_leak():
    """The outcome stands for the sex: anybody guesses it, with the model or without."""
    train, audit = (
        table.assign(sex=np.where(np.random.default_rng(len(table)).random(len(table)) < 0.9, table["y"], 1))
        for table in (TRAIN, AUDIT)
    )
    model = LogisticRegression().fit(train[[*INPUTS, "sex"]], train["y"])
    found = told(model, train, audit)["sex"]
    assert found.interval(0.05)[1] < 0.05


def test_numbers_that_are_remembered():
    train, audit = (
        table.assign(y=np.random.default_rng(len(table)).normal(size=len(table))) for table in (TRAIN, AUDIT)
    )

    class Remembering(Known):
        def predict(self, X):
            return np.array([self.known.get(key, 0.0) for key in self._keys(X)])

    keys = {"favorable": None, "task": "regression"}
    assert told(Remembering(train, [*INPUTS, "sex"]), train, audit, **keys)["sex"].value > 0.2
    coded = [table.assign(sex=(table["sex"] == "F").astype(int)) for table in (train, audit)]
    linear = LinearRegression().fit(coded[0][[*INPUTS, "sex"]], coded[0]["y"])
    assert told(linear, *coded, **keys)["sex"].value < 0.05


def test_ranges_of_numbers_and_several_columns():
    train, audit = (table.assign(age=np.round(table["d"] * 10 + 40)) for table in (TRAIN, AUDIT))
    columns = [*INPUTS, "age"]
    model = RandomForestClassifier(10, random_state=0).fit(train[columns], train["y"])
    keys = {"sensitive": ["sex", "age"], "bins": {"age": [35, 45]}, "features": columns}
    found = told(model, train, audit, **keys)
    assert set(found) == {"age"}
    assert "of members without the model" in found["age"].note
    assert found["age"].interval(0.05)[0] < 0.05


def test_the_gain_is_the_lesser_of_two():
    counts = {"sex": Guesses((400, 100, 20, 480), (500, 60, 10, 430))}
    (found,) = attribute_inference(Inferences({**SCHEMA, "columns": ["sex"]}, counts))
    assert found.value == pytest.approx(0.08 - 0.05)
    low, high = found.interval(0.05)
    assert low < 0.03 < high
    counts = {"sex": Guesses((400, 20, 10, 570), (500, 0, 60, 440))}
    (found,) = attribute_inference(Inferences({**SCHEMA, "columns": ["sex"]}, counts))
    assert found.value == pytest.approx(0.01)


def test_few_rows_are_too_few():
    found = {each.subject["column"]: each for each in attribute_inference(inferences_of(7))}
    assert found["sex"].why.startswith("fewer than 30 rows")
    assert np.isnan(found["sex"].value)


def test_what_cannot_be_had_says_why():
    model = LogisticRegression().fit(TRAIN[INPUTS], TRAIN["y"])
    with pytest.raises(Unavailable, match="no sensitive column is an input of the model") as signal:
        told(model, features=None)
    assert signal.value.supply is None
    with pytest.raises(Unavailable, match="there are no training rows"):
        told(Known(TRAIN, INPUTS), train=None)
    with pytest.raises(Unavailable, match="the data carry the decisions"):
        told(None, features=None, prediction="d", favorable=None)


def test_one_value_is_nothing_to_guess():
    train, audit = (table.assign(sex="F") for table in (TRAIN, AUDIT))
    assert np.isnan(told(Known(train, INPUTS), train, audit)["sex"].value)


def test_it_is_judged_by_the_default_policy():
    keys = {"train": TRAIN, "target": "y", "favorable": 1, "sensitive": ["sex"], "only": [CHECK]}
    card = tk.audit(Known(TRAIN, [*INPUTS, "sex"]), AUDIT, features=[*INPUTS, "sex"], **keys)
    (finding,) = (each for each in card.findings if each.check == CHECK)
    assert (finding.verdict, finding.id) == (Verdict.FAIL, f"{CHECK}:gain:column=sex:max")
    card = tk.audit(Known(rows(600, 3), INPUTS), AUDIT, features=[*INPUTS, "sex"], **keys)
    (finding,) = (each for each in card.findings if each.check == CHECK)
    assert finding.verdict == Verdict.PASS


def test_no_value_is_in_the_evidence_and_small_counts_are_not_shared():
    evidence = inferences_of(900)
    assert "F" not in json.dumps(evidence.to_json())
    assert evidence.without_small_cells(5) is evidence
    assert inferences_of(30).without_small_cells(5) is None
