"""What the owner declares of the answers is tried row by row, and the worst of it told without a row."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import binomtest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression
from test_robustness import Clock, Slow

import trustkit as tk
from trustkit.checks.safety.invariances import invariances
from trustkit.collectors import collect
from trustkit.collectors.expectations import MOST, STEPS
from trustkit.config import Config
from trustkit.errors import ConfigError
from trustkit.evidence import Evidence
from trustkit.evidence.expectations import Expectations, Violations
from trustkit.system import System

CHECK = "safety/invariances"


def expectations_of(n, seed=0):
    """Expectations against `n` rows, as the check sees them."""
    rng = np.random.default_rng([n, seed])
    pairs = [["age", "increasing"], ["income", "none"], ["", "case"], ["", "column-order"]]
    schema = {"expectations": pairs, "seed": 0, "most": MOST, "steps": STEPS, "task": "binary"}
    schema |= {"score": True, "tolerance": None, "unit": False}
    wrong = int(rng.integers(0, n + 1))
    found = (
        Violations(n, wrong, 0.25 if wrong else 0.0, 3 if wrong else 0, 5 if wrong else 0),
        Violations(n),
        Violations(n, min(n, 1), float(min(n, 1))),
        Violations(n, error="ValueError" if n else ""),
    )
    return Expectations(schema, n, n, found)


def expectations_samples():
    """Expectations against many rows, few, and none."""
    return [expectations_of(400), expectations_of(7), expectations_of(0)]


class Model:
    """The score rises with income, from `start` on falls by `depth` for a while, and depends on no city."""

    classes_ = (0, 1)

    def __init__(self, depth=0.0, start=60.0):
        self.depth, self.start = depth, start

    def score(self, X):
        income = X["income"].to_numpy(dtype=float)
        bump = self.depth * ((income > self.start) & (income < self.start + 10))
        return np.clip(0.2 + 0.006 * income + X["age"].to_numpy(dtype=float) * 0 - bump, 0, 1)

    def predict(self, X):
        return (self.score(X) > 0.5).astype(int)

    def predict_proba(self, X):
        score = self.score(X)
        return np.column_stack([1 - score, score])


class ByCity(Model):
    """In one city, as it is written, the score is higher."""

    def score(self, X):
        return np.clip(super().score(X) + 0.4 * np.asarray(X["city"] == "Osh"), 0, 1)


def table(n=1200, seed=0):
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"age": rng.integers(18, 80, n), "income": rng.uniform(0, 100, n)})
    rows["city"] = rng.choice(["Osh", "Naryn", "Talas"], n)
    rows["y"] = (rng.random(n) < rows["income"] / 100).astype(int)
    return rows


FEATURES = ["age", "income", "city"]


def collected(model, *expected, data=None, seed=0, options=None, **keys):
    config = Config.of(expectations=list(expected), options={CHECK: options or {}})
    keys = {"target": "y", "favorable": 1, "features": FEATURES, **keys}
    return collect(
        System(model, table() if data is None else data, config=config, **keys),
        only=["expectations"],
        seed=seed,
    )


def found(model, *expected, **keys):
    evidence = collected(model, *expected, **keys)
    assert not evidence.errors, evidence.errors
    return evidence.kinds["expectations"].found


def along(column, direction):
    return {"column": column, "direction": direction}


def under(transformation, **column):
    return {"transformation": transformation, **column}


def problems(*expected, model=None, data=None, **keys):
    with pytest.raises(ConfigError) as caught:
        audited(model or Model(), *expected, data=data, **keys)
    return [tuple(problem) for problem in caught.value.problems]


def audited(model, *expected, data=None, options=None, **keys):
    config = Config.of(expectations=list(expected), options={CHECK: options or {}})
    keys = {"target": "y", "favorable": 1, "features": FEATURES, **keys}
    data = table() if data is None else data
    return tk.audit(model, data, config=config, only=[CHECK], as_of="2026-11-24", **keys)


def test_what_holds_holds_and_what_does_not_is_counted_in_every_row():
    rising, falling, none = found(
        Model(), along("income", "increasing"), along("income", "decreasing"), along("age", "none")
    )
    assert rising == none == Violations(MOST)
    assert (falling.rows, falling.violations) == (MOST, MOST)
    assert falling.size == pytest.approx(0.6, abs=0.02)
    assert (falling.start, falling.end) == (1, 10)
    (moved,) = found(Model(), along("income", "none"))
    assert (moved.violations, moved.start, moved.end) == (MOST, 1, 10)


def test_a_bump_is_found_where_it_is():
    (bump,) = found(Model(depth=0.3), along("income", "increasing"))
    assert bump.violations == MOST
    assert 0.2 < bump.size < 0.3
    assert bump.start in (6, 7)
    assert bump.end in (7, 8)


def test_a_move_within_the_tolerance_is_none():
    shallow = Model(depth=0.07)
    assert found(shallow, along("income", "increasing"))[0].violations == MOST
    assert found(shallow, along("income", "increasing"), options={"tolerance": 0.05})[0].violations == 0
    assert found(shallow, along("age", "none"), options={"tolerance": 0.0})[0].violations == 0


def test_a_fall_counts_from_whatever_was_reached_before():
    class Stairs(Model):
        """Falls by less than the tolerance at each step, and by much in all."""

        def score(self, X):
            return 0.9 - 0.001 * X["income"].to_numpy()

    assert found(Stairs(), along("income", "increasing"))[0].violations == MOST


def test_without_a_score_it_is_the_decision():
    def decided(X):
        return (np.abs(X["income"] - 50) < 20).astype(int)

    up, none = found(decided, along("income", "increasing"), along("income", "none"))
    assert (up.violations, up.size) == (MOST, 1.0)
    assert (none.violations, none.size) == (MOST, 1.0)
    assert found(decided, along("age", "increasing"))[0].violations == 0


def test_a_predicted_number_moves_along():
    data = table().assign(y=lambda t: 3 * t["income"] - t["age"])
    model = LinearRegression().fit(data[["age", "income"]], data["y"])
    keys = {"data": data, "favorable": None, "task": "regression", "features": ["age", "income"]}
    up, down, wrong = found(
        model, along("income", "increasing"), along("age", "decreasing"), along("age", "none"), **keys
    )
    assert up.violations == down.violations == 0
    assert wrong.violations == MOST
    assert wrong.size == pytest.approx(61, abs=2)
    (rounded,) = found(model, under("rounding"), **keys)
    assert rounded.violations == 0


def test_a_model_with_monotone_constraints_holds():
    data = table(4000)
    X, y = data[["age", "income"]], data["y"]
    free = HistGradientBoostingClassifier(max_iter=40, random_state=0).fit(X, y)
    held = HistGradientBoostingClassifier(max_iter=40, random_state=0, monotonic_cst=[0, 1]).fit(X, y)
    keys = {"data": data, "features": ["age", "income"]}
    assert found(held, along("income", "increasing"), **keys)[0].violations == 0
    assert found(free, along("income", "increasing"), **keys)[0].violations > MOST // 2


def test_transformations_of_texts_and_of_one_column():
    case, one, none, other = found(
        ByCity(), under("case"), under("spacing", column="city"), along("city", "none"), under("rounding")
    )
    assert 0 < case.violations < case.rows == MOST
    assert case.size == 1.0
    assert one.rows == MOST
    assert (none.violations, none.size) == (MOST, pytest.approx(0.4))
    assert (none.start, none.end) == (0, 0)
    assert other.rows == MOST
    assert (
        found(Model(), under("case"), under("column-order"), under("extra-column")) == (Violations(MOST),) * 3
    )


def test_the_verdict_and_the_words():
    card = audited(
        Model(depth=0.3), along("income", "increasing"), along("age", "none"), under("look-alikes")
    )
    mine = {f.id: f for f in card.findings if f.check == CHECK}
    rising = mine[f"{CHECK}:violations:column=income,mode=increasing:max"]
    assert rising.verdict == "fail"
    assert rising.limit["max"] == 0.01
    assert "The largest wrong move is 0.2" in rising.message
    assert "between tenths" in rising.message
    assert mine[f"{CHECK}:violations:column=age,mode=none:max"].verdict == "pass"
    assert mine[f"{CHECK}:violations:mode=look-alikes:max"].verdict == "pass"
    exact = binomtest(0, MOST).proportion_ci(0.9, method="exact")
    assert mine[f"{CHECK}:violations:column=age,mode=none:max"].pass_interval[1] == pytest.approx(exact.high)


def test_no_value_of_a_row_is_told():
    data = table().assign(income=lambda t: t["income"] * 1e6 + 123456)
    card = audited(Model(), along("income", "decreasing"), data=data)
    text = card.to_json()
    for value in data["income"]:
        assert f"{value:.0f}" not in text


def test_a_refusal_is_not_the_same_decision():
    class Strict(Model):
        def predict(self, X):
            if list(X.columns) != FEATURES:
                raise ValueError("columns")
            return super().predict(X)

    (refused,) = found(Strict(), under("column-order"))
    assert (refused.rows, refused.error) == (MOST, "ValueError")
    card = audited(Strict(), under("column-order"))
    (finding,) = [f for f in card.findings if f.check == CHECK]
    assert (finding.verdict, finding.why) == ("inconclusive", "the model refuses it: ValueError")


def test_nothing_to_change_is_undefined():
    data = table().drop(columns="city")
    (none,) = found(Model(), under("typos"), data=data, features=["age", "income"])
    assert none == Violations()
    (estimate,) = invariances(Expectations({"expectations": [["", "typos"]]}, 9, 9, (none,)))
    assert np.isnan(estimate.value)
    assert estimate.why == "it changes none of the rows drawn"


class TestBadInput:
    def test_a_column_that_is_no_input_is_refused_with_the_nearest(self):
        assert problems(along("incme", "increasing")) == [
            ("expectations[0].column", "'incme' is no input of the model", "income")
        ]
        assert problems(under("case"), along("y", "none"))[0][:2] == (
            "expectations[1].column", "'y' is no input of the model",
        )  # fmt: skip

    def test_before_any_work_starts(self):
        class Loud(Model):
            def predict(self, X):
                raise AssertionError("asked")

        assert problems(along("incme", "increasing"), model=Loud())

    def test_an_input_by_the_model_itself(self):
        data = table()
        model = LinearRegression().fit(data[["income"]], data["y"])
        (problem,) = problems(
            along("age", "none"), model=model, features=None, task="regression", favorable=None
        )
        assert problem[0] == "expectations[0].column"

    def test_a_direction_needs_numbers_and_a_class(self):
        assert problems(along("city", "increasing")) == [
            ("expectations[0].column", "'city' holds no numbers to move along", None)
        ]
        data = table().assign(y=lambda t: np.array(["a", "b", "c"])[t.index % 3])
        (problem,) = problems(
            along("age", "increasing"), data=data, favorable=["a", "b"], model=lambda X: np.full(len(X), "a")
        )
        assert problem[0] == "expectations[0].direction"
        assert "data.positive" in problem[1]

    def test_a_transformation_of_a_column_that_it_cannot_change(self):
        assert problems(under("case", column="age"))[0][1] == "'age' holds no texts, which case changes"
        assert (
            problems(under("rounding", column="city"))[0][1]
            == "'city' holds no numbers, which rounding changes"
        )
        assert problems(under("column-order", column="age"))[0][1].startswith(
            "column-order concerns the whole"
        )

    @pytest.mark.parametrize("options", [{"tolerance": -0.1}, {"tolerance": float("nan")}, {"budget": 0.0}])
    def test_tolerance_and_budget_are_numbers(self, options):
        (problem,) = problems(along("age", "none"), options=options)
        assert problem[0] == f'options."{CHECK}".{next(iter(options))}'


def test_nothing_declared_is_left_aside_and_a_log_says_what_to_supply():
    evidence = collected(Model())
    assert evidence.absent["expectations"][1] is None
    log = collected(None, along("age", "none"), data=table().assign(d=1), prediction="d")
    assert log.absent["expectations"][1].startswith("system.model")


def test_a_slow_model_is_asked_of_fewer_rows(monkeypatch):
    clock = Clock(monkeypatch)
    model = Slow(clock, 0.05)
    (evidence,) = collected(model, along("income", "increasing")).kinds.values()
    assert 30 < clock.now <= 60
    assert 20 <= evidence.drawn < 120
    assert evidence.notes()[0].startswith(f"{evidence.drawn} of 1,200")


def test_of_one_person_one_row_and_any_frame():
    assert (
        collected(Model(), under("case"), data=table(300).assign(u=lambda t: t.index // 3), unit="u")
        .kinds["expectations"]
        .drawn
        == 100
    )
    one, other = (
        collected(Model(depth=0.2), along("income", "increasing"), under("typos"), data=data).kinds[
            "expectations"
        ]
        for data in (table(), pl.from_pandas(table()))
    )
    assert one.to_json() == other.to_json()


def test_evidence_adds_and_goes_to_a_file(tmp_path):
    shards = [
        collected(Model(depth=0.3), along("income", "increasing"), under("case"), data=table()[i::2])
        for i in (0, 1)
    ]
    both = (shards[0] + shards[1]).kinds["expectations"]
    assert both.found[0].rows == 2 * MOST
    assert both.found[0].size == max(shard.kinds["expectations"].found[0].size for shard in shards)
    shards[0].save(tmp_path / "e.json")
    again = Evidence.load(tmp_path / "e.json").kinds["expectations"]
    assert again.to_json() == shards[0].kinds["expectations"].to_json()
    assert shards[0].without_small_cells(5).kinds["expectations"].found == again.found
    with pytest.raises(ValueError, match="do not add"):
        both + expectations_of(3)
