"""Performance: figures by name against scikit-learn and fairlearn; the model against a tree and itself."""

import json

import fairlearn.metrics as fl
import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
from scipy.stats import beta
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import trustkit as tk
from trustkit.checks.safety.performance import USUAL, WITHOUT, performance
from trustkit.collectors import collect
from trustkit.collectors.fits import DEPTH, FEWEST
from trustkit.errors import ConfigError
from trustkit.evidence import Evidence
from trustkit.evidence.fits import Fits
from trustkit.system import System

INPUTS = ["x", "z", "town"]


def table(rows=1500, seed=0):
    """Rows whose outcome hangs on two numbers and a town."""
    rng = np.random.default_rng([rows, seed])
    x, z = rng.normal(size=(2, rows))
    town = rng.choice(["Ain", "Bern", "Chur"], rows)
    logit = 1.5 * x * (z > 0) + 1.2 * (town == "Bern")
    quantity = logit + rng.normal(0, 0.5, rows)
    y = np.where(rng.random(rows) < 1 / (1 + np.exp(-logit)), "yes", "no")
    return pd.DataFrame(
        {"x": x, "z": z, "town": town, "y": y, "q": quantity, "w": rng.uniform(0.5, 2, rows).round(3)}
    )


class ByX:
    """Says yes where x is above 0."""

    classes_ = ("no", "yes")

    def predict(self, X):
        return np.where(X["x"] > 0, "yes", "no")


class Number:
    """Says x."""

    def predict(self, X):
        return X["x"].to_numpy()


def evidence(rows=1500, seed=0, model=None, train=1000, only=("cells", "fits"), **keys):
    roles = {"target": "y", "favorable": "yes", "features": INPUTS, **keys}
    learned = table(train, seed + 100) if train else None
    system = System(model or ByX(), data=table(rows, seed), train=learned, **roles)
    made = collect(system, only=[*only], seed=seed)
    assert not made.errors, made.errors
    return made


def quantity(rows=1500, seed=0, **keys):
    roles = {"target": "q", "task": "regression", "favorable": None, "bins": {"q": [-4, 6]}, **keys}
    return evidence(rows, seed, Number(), only=("cells", "fits", "residuals"), **roles)


def fits_of(rows, seed=0, **keys):
    """Fits of so many rows to audit and to train on, as a check sees them."""
    if rows:
        return evidence(rows, seed, train=300, only=("fits",), **keys).kinds["fits"]
    made = fits_of(40, seed, **keys).to_json()
    for name in ("gain", "audit", "train"):
        made[name]["block"] = {"codes": [], "sums": {each: [] for each in made[name]["block"]["sums"]}}
    return Fits.from_json({**made, "of": 0, "of_train": 0, "fitted": 0})


def fits_samples():
    """Fits of classes, weighted rows, of rows of which training says nothing, and of none."""
    plain = [fits_of(600), fits_of(300, weight="w"), fits_of(0), fits_of(7)]
    alone = fits_of(100)
    return [*plain, Fits(alone.schema, 100, 300, 300, alone.gain, alone.audit, None), fits_of(300)]


def told(made, **options):
    """Estimates by metric and class."""
    kinds = [made.kinds.get(kind) for kind in ("cells", "residuals", "fits")]
    return {(e.metric, e.subject.get("class")): e for e in performance(*kinds, **options)}


# Figures by name


NAMES = {
    "precision": lambda y, d: sk.precision_score(y, d, pos_label="yes"),
    "recall": lambda y, d: sk.recall_score(y, d, pos_label="yes"),
    "specificity": lambda y, d: fl.true_negative_rate(y, d, pos_label="yes"),
    "negative_predictive_value": lambda y, d: sk.precision_score(y, d, pos_label="no"),
    "false_positive_rate": lambda y, d: fl.false_positive_rate(y, d, pos_label="yes"),
    "false_negative_rate": lambda y, d: fl.false_negative_rate(y, d, pos_label="yes"),
    "selection_rate": lambda y, d: fl.selection_rate(y, d, pos_label="yes"),
    "f1": lambda y, d: sk.f1_score(y, d, pos_label="yes"),
    "jaccard": lambda y, d: sk.jaccard_score(y, d, pos_label="yes"),
    "f1_macro": lambda y, d: sk.f1_score(y, d, average="macro"),
    "matthews_corrcoef": sk.matthews_corrcoef,
    "cohen_kappa": sk.cohen_kappa_score,
    "accuracy": sk.accuracy_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
}


def test_each_figure_is_the_libraries():
    rows, made = table(), told(evidence(), metrics=list(NAMES))
    said = ByX().predict(rows)
    for name, library in NAMES.items():
        assert made[name, None].value == pytest.approx(library(rows["y"], said), abs=1e-12), name
    without = {"f1_macro", "matthews_corrcoef", "cohen_kappa"}
    for name in NAMES:
        low, high = made[name, None].interval(0.05)
        assert (made[name, None].why == "no interval of it is offered") == (name in without)
        assert name in without or low < made[name, None].value < high


def test_what_is_asked_for_takes_the_place_of_the_usual():
    made = told(evidence(), metrics=["f1", "recall"])
    assert {name for name, _ in made} == {*WITHOUT, "f1", "recall"}
    usual = {name for name, _ in told(evidence())}
    assert usual <= {*WITHOUT, *USUAL}
    assert {"accuracy", "balanced_accuracy"} <= usual


def test_what_a_limit_bounds_is_told_whatever_is_asked_for():
    card = tk.audit(
        ByX(),
        table(),
        target="y",
        favorable="yes",
        features=INPUTS,
        policy="unga-78-265",
        only=["safety/performance"],
        limits={"safety/performance": {"min_f1": 0.4, "min_precision": 0.95}},
        options={"safety/performance": {"metrics": ["accuracy"]}},
    )
    claims = {f.metric: str(f.verdict) for f in card.findings if f.limit}
    assert claims == {"skill": "inconclusive", "f1": "pass", "precision": "fail"}


def test_limits_of_f1_are_those_of_the_share_it_is_made_of():
    made = told(evidence(400), metrics=["f1", "jaccard"])
    n, share = made["jaccard", None].n, made["jaccard", None].value
    k = round(share * n)
    for level in (0.05, 0.0005):
        low, high = beta.ppf(level, k, n - k + 1), beta.ppf(1 - level, k + 1, n - k)
        expected = (2 * low / (1 + low), 2 * high / (1 + high))
        assert made["f1", None].interval(level) == pytest.approx(expected, rel=1e-9)


def test_average_precision_is_scikit_learns():
    rows = table().assign(s=lambda t: 1 / (1 + np.exp(-t["x"].round(2))))
    cells = tk.collect(tk.System(data=rows, target="y", score="s", favorable="yes"), only=["cells"]).kinds[
        "cells"
    ]
    made = {e.metric: e for e in performance(cells, metrics=["average_precision"])}
    expected = sk.average_precision_score(rows["y"] == "yes", rows["s"])
    assert made["average_precision"].value == pytest.approx(expected, abs=2e-4)  # rows of a bin at once
    constant = performance(cells, metrics=["accuracy"])
    assert "average_precision" not in {e.metric for e in constant}


def test_of_several_classes_each_is_told():
    rows = table().assign(y=lambda t: t["town"].where(t["x"] > -1, "Bern"))
    made = collect(
        System(data=rows.assign(d=rows["town"]), target="y", prediction="d", task="multiclass"),
        only=["cells"],
    )
    found = told(made, metrics=["precision", "f1", "f1_macro"])
    for label in ("Ain", "Bern", "Chur"):
        expected = sk.precision_score(rows["y"], rows["town"], labels=[label], average=None)[0]
        assert found["precision", label].value == pytest.approx(expected, abs=1e-12)
    macro = np.mean([found["f1", label].value for label in ("Ain", "Bern", "Chur")])
    assert found["f1_macro", None].value == pytest.approx(macro, abs=1e-12)


def test_an_unknown_name_is_refused_with_those_there_are():
    with pytest.raises(ConfigError) as caught:
        tk.audit(
            ByX(),
            table(200),
            target="y",
            favorable="yes",
            features=INPUTS,
            policy="unga-78-265",
            options={"safety/performance": {"metrics": ["f2"]}},
        )
    (problem,) = caught.value.problems
    assert problem.key == 'options."safety/performance".metrics'
    assert "'f1'" in problem.found


@pytest.mark.parametrize(
    ("metric", "keys", "supply"),
    [
        ("auc", {}, "data.score"),
        ("mae", {}, "another figure"),
        ("overfit", {"train": 0}, "data.train"),
        ("skill_over_simple", {"train": 0}, "data.train"),
    ],
)
def test_what_cannot_be_had_is_said(metric, keys, supply):
    found = told(evidence(300, **keys), judged={metric})[metric, None]
    assert np.isnan(found.value)
    assert found.supply.startswith(supply)


def test_where_nobody_is_called_positive_there_is_no_precision():
    rows = pd.DataFrame({"y": ["no"] * 40 + ["yes"] * 20, "d": ["no"] * 60})
    made = collect(
        System(data=rows, target="y", prediction="d", favorable="no", positive="yes"), only=["cells"]
    )
    found = told(made, metrics=["precision", "recall", "f1", "negative_predictive_value"])
    assert (found["precision", None].why, found["precision", None].n) == ("nothing to count", 0)
    assert found["recall", None].value == found["f1", None].value == 0
    assert found["negative_predictive_value", None].value == pytest.approx(2 / 3)


# Against a tree, and against training rows


def encoded(learned, rows):
    mean = (learned["y"] == learned["y"].mode()[0]).groupby(learned["town"]).mean()
    return [np.column_stack([t["x"], t["z"], t["town"].map(mean)]) for t in (learned, rows)]


def test_the_tree_is_scikit_learns():
    rows, learned = table(), table(1000, 100)
    fit_on, ask = encoded(learned, rows)
    order = np.random.default_rng([0, 35]).permutation(1000)
    tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(
        fit_on[order], learned["y"].to_numpy()[order]
    )
    better = (ByX().predict(rows) == rows["y"]).mean() - (tree.predict(ask) == rows["y"]).mean()
    made = told(evidence())
    assert made["skill_over_simple", None].value == pytest.approx(better, abs=1e-9)
    assert better < -0.05  # the tree sees what ByX does not
    wrong = [(ByX().predict(t) != t["y"]).mean() for t in (rows, learned)]
    assert made["overfit", None].value == pytest.approx(wrong[0] - wrong[1], abs=1e-9)
    assert made["overfit", None].reference_n == 1000
    assert f"{100 * wrong[1]:.1f} % on training rows" in made["overfit", None].note
    assert DEPTH == 3


def test_of_a_quantity_absolute_errors_are_compared():
    rows, learned = table(), table(1000, 100)
    mean = learned["q"].groupby(learned["town"]).mean()
    fit_on, ask = (np.column_stack([t["x"], t["z"], t["town"].map(mean)]) for t in (learned, rows))
    order = np.random.default_rng([0, 35]).permutation(1000)
    tree = DecisionTreeRegressor(max_depth=3, random_state=0).fit(
        fit_on[order], learned["q"].to_numpy()[order]
    )

    def loss(said, t):
        return np.abs(np.clip(t["q"], -4, 6) - np.clip(said, -4, 6)).mean() / 10

    made = told(quantity())
    expected = loss(tree.predict(ask), rows) - loss(rows["x"], rows)
    assert made["skill_over_simple", None].value == pytest.approx(expected, abs=1e-8)
    overfit = loss(rows["x"], rows) - loss(learned["x"], learned)
    assert made["overfit", None].value == pytest.approx(overfit, abs=1e-8)
    assert "shares of the range" in made["overfit", None].note


def test_a_forest_knows_its_training_rows_by_heart_and_is_not_failed_for_it():
    learned, rows = table(1000, 1), table(1500)
    forest = RandomForestClassifier(random_state=0).fit(learned[["x", "z"]], learned["y"])
    card = tk.audit(
        forest,
        rows,
        train=learned,
        target="y",
        favorable="yes",
        policy="unga-78-265",
        only=["safety/performance"],
    )
    overfit = next(f for f in card.findings if f.metric == "overfit")
    assert overfit.estimate > 0.2
    assert str(overfit.verdict) == "not_applicable"
    assert overfit.interval[0] > 0.15
    judged = tk.audit(
        forest,
        rows,
        train=learned,
        target="y",
        favorable="yes",
        policy="unga-78-265",
        only=["safety/performance"],
        limits={"safety/performance": {"max_overfit": 0.1, "min_skill_over_simple": 0}},
    )
    assert next(str(f.verdict) for f in judged.findings if f.metric == "overfit") == "fail"


def test_a_model_equal_to_the_tree_gains_nothing_and_that_is_sure():
    learned, rows = table(1000, 1)[["x", "z", "y"]], table(1500)[["x", "z", "y"]]
    order = np.random.default_rng([0, 35]).permutation(1000)
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    tree.fit(learned[["x", "z"]].iloc[order], learned["y"].iloc[order])
    made = collect(System(tree, rows, train=learned, target="y", favorable="yes"), only=["cells", "fits"])
    gain = told(made)["skill_over_simple", None]
    assert gain.value == 0
    low, high = gain.interval(0.05)
    assert -0.02 < low < 0 < high < 0.02


def test_logged_decisions_are_compared_where_training_has_them_too():
    rows, learned = (t.assign(d=ByX().predict(t)) for t in (table(), table(1000, 100)))
    keys = {"target": "y", "prediction": "d", "favorable": "yes", "features": INPUTS}
    both = collect(System(data=rows, train=learned, **keys), only=["fits"]).kinds["fits"]
    expected = fits_of_same(evidence())
    assert json.dumps(both.to_json()["audit"]) == json.dumps(expected.to_json()["audit"])
    alone = collect(System(data=rows, train=learned.drop(columns="d"), **keys), only=["fits"]).kinds["fits"]
    assert alone.train is None
    assert both.train.rows == 1000
    assert len(alone.notes()) == 1


def fits_of_same(made):
    return made.kinds["fits"]


def test_missing_values_rare_labels_and_constant_columns_do_no_harm():
    learned, rows = table(400, 1), table(300)
    learned.loc[::7, "x"] = np.nan
    rows.loc[::5, "z"] = np.nan
    rows.loc[::11, "town"] = "nowhere"
    learned.loc[: FEWEST - 2, "town"] = "rare"
    learned["same"] = rows["same"] = 1.0
    learned.loc[3, "z"] = np.inf
    model = ByX()
    keys = {"target": "y", "favorable": "yes", "features": [*INPUTS, "same"]}
    made = collect(System(model, rows, train=learned, **keys), only=["fits"])
    assert not made.errors, made.errors
    assert made.kinds["fits"].fitted == 400
    only_same = collect(
        System(lambda X: ["yes"] * len(X), rows, train=learned, **{**keys, "features": ["same"]}),
        only=["fits"],
    )
    assert not only_same.errors, only_same.errors


def test_of_large_tables_so_many_rows_are_drawn(monkeypatch):
    monkeypatch.setattr("trustkit.collectors.fits.MOST", 200)
    made = evidence(1500).kinds["fits"]
    assert (made.audit.rows, made.train.rows, made.fitted) == (200, 200, 200)
    assert "compared on 200 of 1,500 rows" in made.notes()[0]
    monkeypatch.setattr("trustkit.collectors.fits.MOST_VALUES", 300)
    assert evidence(1500).kinds["fits"].fitted == 100


def test_weights_count():
    made = told(evidence(weight="w"))
    rows = table()
    learned = table(1000, 100)
    here, there = (np.average(ByX().predict(t) != t["y"], weights=t["w"]) for t in (rows, learned))
    assert made["overfit", None].value == pytest.approx(here - there, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "supply"),
    [
        ({"train": 0}, "data.train"),
        ({"target": None}, "data.target"),
    ],
)
def test_what_is_lacking_is_asked_for(change, supply):
    made = evidence(300, **change)
    assert made.absent["fits"][1].startswith(supply)


def test_a_quantity_needs_its_range():
    made = quantity(300, bins={})
    assert made.absent["fits"][1].startswith("data.bins.q")
    assert ("overfit", None) not in told(made)


def test_parts_add_and_a_file_keeps_them(tmp_path):
    one, two = fits_of(300), fits_of(500)
    assert (one + two).audit.rows == 800
    assert (one + two).to_json() == (two + one).to_json()
    made = evidence(300)
    made.save(tmp_path / "e.json")
    assert Evidence.load(tmp_path / "e.json").kinds["fits"].to_json() == made.kinds["fits"].to_json()
    with pytest.raises(ValueError, match="do not add"):
        one + Fits({**one.schema, "depth": 4}, 0, 0, 0, one.gain, one.audit, None)
    for cells in (one.gain, one.audit, one.train):
        assert cells.rows > 0
    shared = made.without_small_cells(5).kinds["fits"]
    assert all(part.block.sums["n"].min() >= 5 for part in shared.audit.parts.values())


def test_models_that_learn_little_by_heart_overfit_little():
    learned, rows = table(3000, 1), table(3000)
    for model in (LogisticRegression(), DecisionTreeClassifier(max_depth=2)):
        fitted = model.fit(learned[["x", "z"]], learned["y"])
        made = collect(
            System(fitted, rows, train=learned, target="y", favorable="yes"), only=["cells", "fits"]
        )
        assert abs(told(made)["overfit", None].value) < 0.06
    line = LinearRegression().fit(learned[["x", "z"]], learned["q"])
    keys = {"target": "q", "task": "regression", "bins": {"q": [-4, 6]}}
    made = collect(System(line, rows, train=learned, **keys), only=["cells", "residuals", "fits"])
    assert not made.errors
    assert told(made)["skill_over_simple", None].n == 3000
