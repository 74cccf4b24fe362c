"""Which inputs a model can do without is found, counted by hand, and personal ones are judged."""

import hashlib
import re

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import binomtest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import trustkit as tk
from trustkit.checks.base import NotApplicable
from trustkit.checks.data_protection.minimization import SHOWN, minimization
from trustkit.collectors import collect
from trustkit.collectors.ablations import FEWEST, MOST
from trustkit.errors import ConfigError
from trustkit.evidence import Evidence
from trustkit.evidence.ablations import Ablation, Ablations, Turned
from trustkit.evidence.contents import Column, Contents, Hits
from trustkit.system import System

KEY = 'options."data-protection/minimization"'


def ablations_of(n, seed=0, *, refitted=True, target=True, task="binary"):
    """Ablations of `n` rows, as a check sees them."""
    rng = np.random.default_rng([n, seed])

    def drawn():
        classes = {}
        for name in ("",) if task == "regression" else ("0", "1"):
            rows = n // 2
            lost = int(rng.integers(0, rows // 10 + 1))
            classes[name] = Turned(rows, lost, int(rng.integers(0, lost + 1)))
        return Ablation(n, int(rng.integers(0, n + 1)), classes if n and target else {})

    names = ["income", "age", "sex", "region", "debt"] if n else []
    schema = {"inputs": ["income", "age", "sex", "region", "debt"], "task": task, "target": target}
    schema |= {"personal": {"age": "quasi-identifier", "sex": "sensitive"}, "tolerance": 0.01, "seed": 0}
    schema |= {"most": [MOST, 30_000], "unit": False, "weight": False}
    again = {name: drawn() for name in ("age", "sex")} if n and refitted else {}
    return Ablations(schema, n, {name: drawn() for name in names}, again)


def ablations_samples():
    """Ablations trained anew and not, without a target, of a regression, of few rows and of none."""
    made = [ablations_of(3000), ablations_of(900, refitted=False), ablations_of(900, target=False)]
    return [*made, ablations_of(600, task="regression"), ablations_of(7), ablations_of(0)]


class Model:
    """A score of the points and, by `weights`, of what else it is given; half is needed."""

    classes_ = (0, 1)

    def __init__(self, features=("points", "sex"), **weights):
        self.feature_names_in_ = list(features)
        self.weights = weights

    def score(self, X):
        score = X["points"].to_numpy(dtype=float)
        for name, by in self.weights.items():
            score = score + X[name].astype(object).map(by).to_numpy(dtype=float)
        return np.clip(score, 0, 1)

    def predict(self, X):
        return (self.score(X) > 0.5).astype(int)

    def predict_proba(self, X):
        score = self.score(X)
        return np.column_stack([1 - score, score])


def table(n=3000, seed=1, **columns):
    """Rows whose outcome follows the points, and half of the time also sex."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["F", "M"], n)
    points = rng.uniform(0, 0.8, n)
    y = (points + 0.2 * (sex == "M") > 0.5).astype(int)
    return pd.DataFrame({"points": points, "sex": sex, "y": y, **columns})


def measured(model, data, **keys):
    keys = {"target": "y", "sensitive": ["sex"], **keys}
    system = System(model, data, **{"favorable": 1, **keys} if keys.get("task") != "regression" else keys)
    return collect(system, only=["ablations"]).kinds["ablations"]


def estimates(ablations, contents=None, **options):
    return {(e.metric, e.subject.get("column")): e for e in minimization(ablations, contents, **options)}


USED = {"F": 0.0, "M": 0.2}


class TestCounts:
    def test_counts_are_those_of_a_loop_over_rows(self):
        """Exchange by the same seed, ask row by row, count by hand."""
        data, model = table(150), Model(sex=USED)
        found = measured(model, data).shuffled["sex"]
        order = np.random.default_rng([0, 41]).permutation(len(data))
        drawn = data.iloc[order].reset_index(drop=True)
        turn = np.random.default_rng([0, 41, 2]).permutation(len(data))
        changed, counts = 0, {"0": [0, 0, 0], "1": [0, 0, 0]}
        for place, (_, row) in enumerate(drawn.iterrows()):
            one = drawn.iloc[[place]]
            other = one.assign(sex=drawn["sex"].iloc[turn[place]])
            before, after = int(model.predict(one)[0]), int(model.predict(other)[0])
            changed += abs(model.score(one)[0] - model.score(other)[0]) > 1e-9
            count = counts[str(row["y"])]
            count[0] += 1
            count[1] += before == row["y"] != after
            count[2] += after == row["y"] != before
        assert found == Ablation(150, changed, {name: Turned(*count) for name, count in counts.items()})
        assert found.changed
        assert any(turned.lost for turned in found.classes.values())

    def test_an_input_that_is_never_used_changes_nothing(self):
        found = measured(Model(), table())
        assert found.shuffled["sex"].changed == 0
        assert all(turned.lost == turned.won == 0 for turned in found.shuffled["sex"].classes.values())
        told = estimates(found)
        assert told["unused", None].value == 1
        assert told["unused", None].note == "they are sex"
        assert told["unused", None].interval(0.001) == (1, 1)

    def test_the_same_counts_whatever_holds_the_rows(self):
        data = table(600)
        assert measured(Model(sex=USED), data) == measured(Model(sex=USED), pl.from_pandas(data))

    def test_rows_without_an_outcome_are_asked_and_not_judged(self):
        data = table(600)
        data["y"] = data["y"].astype(object).where(np.arange(600) % 3 > 0, None)
        found = measured(Model(sex=USED), data).shuffled["sex"]
        assert (found.rows, found.known) == (600, 400)

    def test_a_regression_compares_errors_that_clearly_differ(self):
        class Linear:
            feature_names_in_ = ("points", "sex")

            def predict(self, X):
                return 100 * X["points"].to_numpy() + X["sex"].map({"F": 0, "M": 20}).to_numpy()

        data = table(2000)
        data["y"] = 100 * data["points"] + 20 * (data["sex"] == "M") + 0.01
        found = measured(Linear(), data, task="regression").shuffled["sex"]
        assert list(found.classes) == [""]
        moved = found.classes[""]
        assert moved.rows == 2000
        assert moved.lost == found.changed > 900
        assert moved.won == 0

    def test_without_an_outcome_it_is_said_what_to_supply(self):
        told = estimates(measured(Model(sex=USED), table(), target=None))
        assert told["personal_cost", None].supply.startswith("data.target")
        assert told["unused", None].value == 0

    def test_one_row_a_person(self):
        data = table(600, person=np.arange(600) // 3)
        found = measured(Model(sex=USED), data, unit="person")
        assert found.shuffled["sex"].rows == 200
        assert "one a person" in found.notes()[0]

    def test_few_rows_of_many_inputs_and_all_of_a_personal_one(self):
        names = [f"x{i}" for i in range(160)]
        data = table(400, **dict.fromkeys(names, 1))
        found = measured(Model(["points", "sex", *names], sex=USED), data)
        assert found.shuffled["x7"].rows == FEWEST
        assert found.shuffled["sex"].rows == 400
        assert found.notes()[0].startswith("200 to 400 of 400 rows")


def people(n, seed):
    """Rows of numbers, a sex that decides and a town that does not, and their outcomes."""
    rng = np.random.default_rng(seed)
    columns = {"points": rng.normal(size=n), "sex": rng.choice(["F", "M"], n), "town": rng.choice(6, n)}
    y = columns["points"] + 1.5 * (columns["sex"] == "M") + rng.normal(size=n) > 0.7
    return pd.DataFrame({**columns, "town": columns["town"].astype(str), "y": y.astype(int)})


def pipeline():
    encoded = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["sex", "town"]), (StandardScaler(), ["points"])
    )
    return make_pipeline(encoded, LogisticRegression())


class TestTrainedAnew:
    TRAIN, ROWS = people(1500, 1), people(4000, 2)

    def measured(self, model, **keys):
        keys = {"train": self.TRAIN, "sensitive": ["sex", "town"], **keys}
        return measured(model, self.ROWS, **keys)

    def trained(self, model):
        return model.fit(self.TRAIN[["points", "sex", "town"]], self.TRAIN["y"])

    def test_counts_are_those_of_two_models_trained_by_hand(self):
        found = self.measured(self.trained(pipeline())).refitted["sex"]
        inputs = ["points", "sex", "town"]
        usual = self.TRAIN["sex"].mode()[0]
        bare = pipeline().fit(self.TRAIN[inputs].assign(sex=usual), self.TRAIN["y"])
        given = self.trained(pipeline()).predict(self.ROWS[inputs]) == self.ROWS["y"]
        without = bare.predict(self.ROWS[inputs].assign(sex=usual)) == self.ROWS["y"]
        for label, turned in found.classes.items():
            own = self.ROWS["y"].astype(str) == label
            assert turned.rows == own.sum()
            assert turned.lost == pytest.approx((given & ~without & own).sum(), abs=2)  # another row order
            assert turned.won == pytest.approx((without & ~given & own).sum(), abs=2)

    def test_what_is_needed_passes_and_what_is_not_fails(self):
        found = estimates(self.measured(self.trained(pipeline())))
        assert found["personal_cost", "sex"].interval(0.001)[0] > 0.01
        assert found["personal_cost", "town"].interval(0.001)[1] < 0.01
        assert found["personal_cost", "sex"].note is None

    @pytest.mark.slow
    def test_in_a_process_of_its_own_the_counts_are_the_same(self, tmp_path):
        model = self.trained(pipeline())
        file = tmp_path / "model.joblib"
        joblib.dump(model, file)
        trust = "sha256:" + hashlib.sha256(file.read_bytes()).hexdigest()
        assert self.measured(str(file), trust=trust).refitted == self.measured(model).refitted

    def test_a_regression_is_trained_anew_too(self):
        numbers = [
            each.assign(y=each["points"] * 3 + (each["sex"] == "M")) for each in (self.TRAIN, self.ROWS)
        ]
        made = make_pipeline(*(step for _, step in pipeline().steps[:-1]), LinearRegression())
        model = made.fit(numbers[0][["points", "sex", "town"]], numbers[0]["y"])
        found = measured(model, numbers[1], train=numbers[0], sensitive=["sex", "town"], task="regression")
        told = estimates(found)
        assert told["personal_cost", "sex"].value > 0.45  # half of the rows are given their own sex again
        assert told["personal_cost", "town"].value == 0

    @pytest.mark.parametrize(
        ("keys", "why"),
        [
            ({"train": None}, "there are no training rows"),
            ({"train": TRAIN.drop(columns="points")}, "lack an input or the outcome"),
            ({"train": TRAIN.drop(columns="y")}, "lack an input or the outcome"),
            ({"target": None, "prediction": None}, "lack an input or the outcome"),
            ({"train": TRAIN.assign(y=1)}, "the model cannot be fitted|trained anew, |raised"),
        ],
    )
    def test_why_not_is_said(self, keys, why):
        found = self.measured(self.trained(pipeline()), **keys)
        assert found.refitted == {}
        assert re.search(why, found.unfitted)
        assert any(found.unfitted in note for note in found.notes())

    def test_a_model_that_is_no_estimator_is_not_trained_anew(self):
        found = self.measured(Model(["points", "sex", "town"], sex=USED))
        assert "cannot be fitted anew" in found.unfitted

    def test_no_value_of_the_data_is_in_the_evidence(self):
        told = str(self.measured(self.trained(pipeline())).to_json())
        assert not any(f"{value!r}" in told for value in self.ROWS["points"].head(200))


class TestEstimates:
    def test_the_cost_is_the_loss_of_balanced_accuracy(self):
        """Of model and outcomes alike the loss is one minus what is still right, by class."""
        data, model = table(2000), Model(sex=USED)
        cost = estimates(measured(model, data))["personal_cost", "sex"]
        turned = measured(model, data).shuffled["sex"].classes
        assert cost.value == pytest.approx(np.mean([t.lost / t.rows for t in turned.values()]))
        assert 0.05 < cost.value < 0.2

    def test_an_exchange_alone_gives_no_lower_limit(self):
        cost = estimates(measured(Model(sex=USED), table()))["personal_cost", "sex"]
        low, high = cost.interval(0.01)
        assert low == -np.inf
        assert cost.value < high < 0.3
        assert "not trained anew" in cost.note

    def test_limits_of_one_class_are_exact_where_nothing_is_won(self):
        """With no row answered better without it, the upper limit is Clopper and Pearson's of the lost."""
        one = Ablation(500, 20, {"": Turned(500, 20, 0)})
        schema = {**ablations_of(0).schema, "personal": {"age": "sensitive"}, "inputs": ["age"]}
        found = Ablations(schema, 500, {"age": one})
        upper = estimates(found)["personal_cost", "age"].interval(0.025)[1]
        assert upper == pytest.approx(binomtest(20, 500).proportion_ci(0.95).high, abs=1e-6)

    def test_trained_anew_the_cheaper_way_counts_and_pays(self):
        found = ablations_of(3000)
        cost = estimates(found)["personal_cost", "age"]
        ways = found.shuffled["age"], found.refitted["age"]
        costs = [np.mean([(t.lost - t.won) / t.rows for t in way.classes.values()]) for way in ways]
        assert cost.value == pytest.approx(min(costs))
        low, high = cost.interval(0.01)
        assert low < cost.value < high
        only = {**found.schema, "personal": {"age": "quasi-identifier"}, "inputs": ["age"]}
        alone = Ablations(only, found.of, {"age": ways[int(np.argmin(costs))]})
        assert high > estimates(alone)["personal_cost", "age"].interval(0.01)[1]

    def test_what_is_needed_is_shown_with_its_reason_and_not_judged(self):
        told = estimates(ablations_of(3000), needed={"sex": "doses differ by sex"})
        assert ("personal_cost", "sex") not in told
        assert told["cost", "sex"].why == "needed: doses differ by sex: no interval"

    def test_of_the_others_only_the_cheapest_are_shown_unless_a_limit_bounds_them(self):
        found = ablations_of(3000)
        shown = [e for (metric, _), e in estimates(found).items() if metric == "cost"]
        assert len(shown) == SHOWN
        assert all(e.limits is None and "no interval" in e.why for e in shown)
        bounded = [e for (metric, _), e in estimates(found, judged=["cost"]).items() if metric == "cost"]
        assert {e.subject["column"] for e in bounded} == {"income", "region", "debt"}
        assert all(e.limits is not None for e in bounded)

    @pytest.mark.parametrize(
        ("detector", "hits", "personal"),
        [
            ("kz-iin", Hits(shaped=90, proven=80), True),
            ("kz-iin", Hits(named=True, shaped=90, proven=9), True),
            ("kz-iin", Hits(shaped=90, proven=9), False),
            ("health", Hits(named=True), True),
            ("health", Hits(shaped=60, proven=60), True),
            ("health-unsure", Hits(named=True), False),
            ("ethnicity-proxy", Hits(named=True, shaped=90, proven=90), False),
            ("password", Hits(named=True, shaped=90, proven=90), False),
        ],
    )
    def test_what_detectors_find_is_personal_too(self, detector, hits, personal):
        families = {"kz-iin": "identifiers", "password": "secrets"}
        schema = {"detectors": {detector: {"family": families.get(detector, "special")}}}
        contents = Contents(schema, {("audit", "region"): Column(100, 100, 100, {detector: hits})})
        found = estimates(ablations_of(3000), contents)
        assert (("personal_cost", "region") in found) == personal

    def test_no_known_outcome_is_undefined(self):
        found = ablations_of(40)
        bare = {name: Ablation(40, 3) for name in found.shuffled}
        cost = estimates(Ablations(found.schema, 40, bare))["personal_cost", "age"]
        assert np.isnan(cost.value)
        assert cost.why == "no drawn row has a known outcome"

    def test_nothing_asked_is_not_applicable(self):
        with pytest.raises(NotApplicable, match="asked no rows"):
            list(minimization(ablations_of(0), None))


class TestAudit:
    LIMITS = {"data-protection/minimization": {"min_personal_cost": 0.01}}  # noqa: RUF012

    def findings(self, model, data, **keys):
        keys = {"target": "y", "favorable": 1, "sensitive": ["sex"], "limits": self.LIMITS, **keys}
        card = tk.audit(model, data, only=["data-protection/minimization"], **keys)
        return {f.id.removeprefix("data-protection/minimization:"): f for f in card.findings}

    def test_a_diagnosis_that_nobody_declared_is_found_and_fails(self):
        data = table(4000, diagnosis=["asthma", "diabetes"] * 2000)
        found = self.findings(Model(["points", "diagnosis"]), data)["personal_cost:column=diagnosis:min"]
        assert found.verdict == "fail"

    def test_a_personal_input_that_costs_nothing_fails(self):
        found = self.findings(Model(), table(4000))["personal_cost:column=sex:min"]
        assert found.verdict == "fail"
        assert found.estimate == 0
        assert "error rates by group" in found.remedy

    def test_one_that_is_used_is_open_until_the_model_is_trained_anew(self):
        found = self.findings(Model(sex=USED), table(4000))["personal_cost:column=sex:min"]
        assert found.verdict == "inconclusive"

    def test_few_rows_prove_nothing(self):
        assert self.findings(Model(), table(100))["personal_cost:column=sex:min"].verdict == "inconclusive"

    def test_a_declared_need_is_not_judged(self):
        options = {"data-protection/minimization": {"needed": {"sex": "doses differ"}}}
        found = self.findings(Model(), table(4000), options=options)
        assert "personal_cost:column=sex:min" not in found
        assert found["cost:column=sex"].verdict == "not_applicable"

    def test_a_need_of_no_input_is_refused(self):
        options = {"data-protection/minimization": {"needed": {"sexx": "doses differ"}}}
        with pytest.raises(ConfigError) as caught:
            self.findings(Model(), table(100), options=options)
        assert caught.value.problems[0] == (f"{KEY}.needed", "the model does not take 'sexx'", "sex")

    def test_a_log_has_no_model_to_ask(self):
        data = table(100, d=1)
        evidence = collect(System(None, data, target="y", prediction="d"), only=["ablations"])
        assert evidence.absent["ablations"][1].startswith("system.model")

    def test_an_exact_copy_through_a_file(self, tmp_path):
        evidence = collect(System(Model(sex=USED), table(300), target="y", favorable=1), only=["ablations"])
        evidence.save(tmp_path / "e.json")
        assert Evidence.load(tmp_path / "e.json").kinds["ablations"] == evidence.kinds["ablations"]
