"""Whose decision depends on the sensitive attribute itself is found, counted by hand and by group."""

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.stats import binomtest

import trustkit as tk
from trustkit.checks.base import NotApplicable
from trustkit.checks.bias.counterfactual_flip import counterfactual_flip
from trustkit.collectors import collect
from trustkit.collectors.flips import FEWEST, MOST, MOST_TARGETS
from trustkit.errors import ConfigError
from trustkit.evidence import Evidence
from trustkit.evidence.flips import ANY, Flips, Moves
from trustkit.system import System

KEY = 'options."bias/counterfactual-flip"'
ONE = 2**30


def flips_of(n, seed=0, groups=("a", "b", "c"), **keys):
    """Flips of about `n` rows, as a check sees them."""
    rng = np.random.default_rng([n, seed])
    schema = {"switched": {"race": ["race"]}, "untaken": [], "bins": {}, "task": "binary", "score": True}
    schema |= {"favorable": ["1"], "tolerance": None, "seed": 0, "most": MOST, "targets": MOST_TARGETS}
    schema |= {"unit": False, "weight": False, **keys}

    def moves(rows):
        flips = int(rng.integers(0, rows + 1))
        toward = int(rng.integers(0, flips + 1))
        size = int(0.1 * rows * ONE)
        return Moves(rows, flips, toward, flips - toward, size, size // 5, -size // 2, size // 5)

    table = {}
    for group in groups if n else ():
        rows = max(n // len(groups), 1)
        others = [target for target in groups if target != group]
        table[group] = {target: moves(rows) for target in (ANY, *others)}
    return Flips(schema, n, n, {"race": table})


def flips_samples():
    """Flips with a score, without, of a regression, of two groups, of few rows and of none."""
    made = [flips_of(3000), flips_of(900, score=False), flips_of(900, task="regression", favorable=[])]
    return [*made, flips_of(400, groups=("a", "b")), flips_of(7), flips_of(0)]


class Model:
    """A score of the points and of what sex adds to them; 50 are needed."""

    classes_ = (0, 1)
    asked = 0

    def __init__(self, features=("points", "sex"), **added):
        self.feature_names_in_ = list(features)
        self.added = added or {"M": 20}

    def score(self, X):
        added = X["sex"].astype(object).map(self.added).fillna(0).to_numpy(dtype=float)
        return (X["points"].to_numpy(dtype=float) + added) / 100

    def predict(self, X):
        self.asked += 1
        return (self.score(X) > 0.5).astype(int)

    def predict_proba(self, X):
        score = self.score(X)
        return np.column_stack([1 - score, score])


def table(times=1, **columns):
    """Four kinds of rows: of each sex one that only 20 more points would help, and one sure of it."""
    rows = pd.DataFrame(
        {"points": [40, 60, 40, 60], "sex": ["F", "F", "M", "M"], "y": [0, 1, 0, 1], **columns}
    )
    return pd.concat([rows] * times, ignore_index=True)


def collected(model, data, seed=0, **keys):
    keys = {"target": "y", "favorable": 1, "sensitive": ["sex"], **keys}
    return collect(System(model, data, **keys), only=["flips"], seed=seed)


def flips(model, data, **keys):
    evidence = collected(model, data, **keys)
    assert not evidence.errors, evidence.errors
    return evidence.kinds["flips"]


def told(evidence, **options):
    """Figures by metric and group, with the target where there is one."""
    return {
        (each.metric, *each.subject["groups"].values(), *(each.subject.get("reference") or {}).values()): each
        for each in counterfactual_flip(evidence, **options)
    }


def values(evidence, **options):
    return {key: round(each.value, 9) for key, each in told(evidence, **options).items()}


def with_options(**options):
    return tk.audit(
        Model(), table(50), target="y", favorable=1, sensitive=["sex"], as_of="2026-11-24",
        only=["bias/counterfactual-flip"], options={"bias/counterfactual-flip": options},
    )  # fmt: skip


def test_counts_by_hand():
    assert values(flips(Model(), table(10))) == {
        ("flip", "F"): 0.5,
        ("flip", "M"): 0.5,
        ("toward", "F"): 0.5,
        ("toward", "M"): 0.0,
        ("away", "F"): 0.0,
        ("away", "M"): 0.5,
        ("score_change", "F"): 0.2,
        ("score_change", "M"): 0.2,
        ("score_shift", "F"): 0.2,
        ("score_shift", "M"): -0.2,
    }


def test_a_share_has_exact_limits_and_a_change_those_of_a_bounded_mean():
    found = told(flips(Model(), table(10)))
    flip = found["flip", "F"]
    exact = binomtest(10, 20).proportion_ci(0.9, method="exact")
    assert (flip.n, flip.rows) == (20, 20)
    assert flip.interval(0.05) == pytest.approx((exact.low, exact.high))
    more = told(flips(Model(), table(200)))
    for metric, value in (("score_change", 0.2), ("score_shift", -0.2)):
        low, high = more[metric, "M"].interval(0.05)
        assert low < value < high
        assert high - low < 0.2


def test_the_score_may_move_where_no_decision_flips():
    found = values(flips(Model(M=5), table(10)))
    assert found["flip", "F"] == found["flip", "M"] == 0
    assert found["score_shift", "F"] == 0.05


def test_a_function_without_a_score_has_flips_alone():
    model = Model()
    found = values(flips(model.predict, table(10), features=["points", "sex"]))
    assert {metric for metric, _ in found} == {"flip", "toward", "away"}
    assert found["flip", "F"] == 0.5


def test_any_switch_of_several_and_the_largest_pair():
    data = pd.DataFrame({"points": [40] * 300, "sex": ["F", "M", "X"] * 100, "y": [0, 1, 1] * 100})
    evidence = flips(Model(M=20, X=30), data)
    found = told(evidence)
    assert [found["flip", group].value for group in "FMX"] == [1, 1, 1]
    assert found["score_change", "F"].value == pytest.approx(0.25)
    assert found["score_shift", "M"].value == pytest.approx((-0.2 + 0.1) / 2)
    (pair,) = [each for key, each in found.items() if key[0] == "flip_to"]
    assert pair.limits is None
    assert pair.why == "the largest of 6 pairs, chosen after looking: no interval"
    assert pair.value == 1
    every = told(evidence, judged=("flip_to",))
    assert {key[1:]: each.value for key, each in every.items() if key[0] == "flip_to"} == {
        ("F", "M"): 1, ("F", "X"): 1, ("M", "F"): 1, ("M", "X"): 0, ("X", "F"): 1, ("X", "M"): 0,
    }  # fmt: skip
    assert every["flip_to", "M", "X"].interval(0.05)[1] == pytest.approx(1 - 0.05 ** (1 / 100))


def test_classes_flip_and_turn_favorable_where_several_are():
    def model(X):
        return np.where(X["sex"] == "F", np.where(X["points"] > 50, "good", "bad"), "best")

    keys = {"favorable": ["good", "best"], "features": ["points", "sex"], "task": "multiclass"}
    data = table(10).assign(y=["bad", "good", "best", "bad"] * 10)
    found = values(flips(model, data, **keys))
    assert (found["flip", "F"], found["toward", "F"], found["away", "F"]) == (1, 0.5, 0)
    assert (found["flip", "M"], found["toward", "M"], found["away", "M"]) == (1, 0, 0.5)


def test_classes_without_a_favorable_one_have_no_direction():
    def model(X):
        return X["sex"].map({"F": "x", "M": "y"}).to_numpy()

    data = table(10).assign(y=["x", "y", "z", "x"] * 10)
    found = values(flips(model, data, favorable=None, features=["points", "sex"]))
    assert found == {("flip", "F"): 1.0, ("flip", "M"): 1.0}


@pytest.mark.parametrize(
    ("tolerance", "women", "men"), [(None, 1.0, 1.0), (0.4, 1.0, 1.0), (0.6, 0.0, 0.0), (0.0, 1.0, 1.0)]
)
def test_a_predicted_number_flips_where_it_moves_by_more_than_the_tolerance(tolerance, women, men):
    def model(X):
        return X["points"].to_numpy() / 10 + 0.5 * (X["sex"] == "M").to_numpy()

    system = System(
        model, table(10), target="y", task="regression", sensitive=["sex"], features=["points", "sex"]
    )
    system.config = system.config.replace(options={"bias/counterfactual-flip": {"tolerance": tolerance}})
    evidence = collect(system, only=["flips"]).kinds["flips"]
    found = values(evidence)
    assert (found["flip", "F"], found["flip", "M"]) == (women, men)
    assert found["prediction_change", "F"] == found["prediction_shift", "F"] == 0.5
    assert found["prediction_shift", "M"] == -0.5
    assert {metric for metric, _ in found} == {"flip", "prediction_change", "prediction_shift"}


def test_a_move_of_one_percent_is_none_by_default():
    def model(X):
        return X["points"].to_numpy() * (1 + 0.009 * (X["sex"] == "M").to_numpy())

    found = values(flips(model, table(10), favorable=None, task="regression", features=["points", "sex"]))
    assert found["flip", "F"] == 0
    assert found["prediction_change", "F"] == pytest.approx(0.45)


def test_predictions_of_any_size_are_summed():
    def model(X):
        return 1e12 * (1 + (X["sex"] == "M").to_numpy())

    found = values(flips(model, table(1000), favorable=None, task="regression", features=["points", "sex"]))
    assert found["prediction_change", "F"] == 1e12


def test_a_regression_that_answers_words_is_an_error():
    evidence = collected(
        lambda X: ["high"] * len(X), table(10), favorable=None, task="regression", features=["points", "sex"]
    )
    assert "a prediction is no number" in evidence.errors["flips"]


class Seen(Model):
    """Keeps what it is asked."""

    def __init__(self, *features):
        self.feature_names_in_ = list(features)
        self.tables = []

    def predict(self, X):
        self.tables.append(X.copy())
        return np.zeros(len(X), dtype=int)

    def predict_proba(self, X):
        return np.tile([1.0, 0.0], (len(X), 1))


def test_values_keep_their_types():
    data = table(20).assign(
        sex=lambda t: pd.Categorical(t["sex"], ["F", "M", "never"]),
        old=[False, True, True, False] * 20,
        age=np.arange(80, dtype=np.int32),
    )
    model = Seen("age", "sex", "old", "points")
    flips(model, data, sensitive=["sex", "old", "age"], bins={"age": [30]})
    before = model.tables[0]
    assert len(model.tables) == 3 * (1 + 2)
    for table_ in model.tables:
        assert table_.dtypes.equals(before.dtypes)
        assert list(table_.columns) == list(before.columns)


def test_a_binned_number_becomes_one_of_the_other_bin_that_occurs():
    data = pd.DataFrame({"age": [20, 21, 22, 50, 51, 52] * 20, "points": range(120), "y": [0, 1] * 60})
    model = Seen("age", "points")
    flips(model, data, sensitive=["age"], bins={"age": [30]})
    before, younger, older = model.tables
    assert set(younger["age"]) == {20, 21, 22}
    assert set(older["age"]) == {50, 51, 52}
    assert sorted(younger["points"]) == sorted(before["points"][before["age"] > 30])


def test_only_the_attribute_changes():
    data = table(30)
    model = Seen("points", "sex")
    flips(model, data)
    before, to_women, to_men = model.tables
    for after, mine in ((to_women, before["sex"] == "M"), (to_men, before["sex"] == "F")):
        pd.testing.assert_series_equal(after["points"], before["points"][mine])
    assert set(to_women["sex"]) == {"F"}
    assert set(to_men["sex"]) == {"M"}


def test_a_proxy_goes_along_with_its_attribute_from_one_row():
    rng = np.random.default_rng(1)
    sex = rng.choice(["F", "M"], 2000)
    title = np.where(sex == "M", "Mr", rng.choice(["Mrs", "Miss"], 2000, p=[0.8, 0.2]))
    data = pd.DataFrame({"sex": sex, "title": title, "points": 50, "y": rng.integers(0, 2, 2000)})
    model = Seen("title", "points", "sex")
    system = System(model, data, target="y", favorable=1, sensitive=["sex"])
    system.config = system.config.replace(
        options={"bias/counterfactual-flip": {"proxies": {"sex": ["title"]}}}
    )
    evidence = collect(system, only=["flips"]).kinds["flips"]
    _, *switched = model.tables
    to_women, to_men = sorted(switched, key=lambda t: t["sex"].iloc[0])
    assert set(to_men["title"]) == {"Mr"}
    assert set(to_women["title"]) == {"Mrs", "Miss"}
    assert (to_women["title"] == "Mrs").mean() == pytest.approx(0.8, abs=0.04)
    assert "sex (with title) taken from a row of the other group" in evidence.notes()[0]


def test_a_proxy_is_switched_where_the_model_does_not_take_the_attribute():
    model = Seen("title", "points")
    data = table(20).assign(title=["Mrs", "Mrs", "Mr", "Mr"] * 20)
    system = System(model, data, target="y", favorable=1, sensitive=["sex"])
    system.config = system.config.replace(
        options={"bias/counterfactual-flip": {"proxies": {"sex": ["title"]}}}
    )
    evidence = collect(system, only=["flips"]).kinds["flips"]
    assert set(model.tables[1]["title"]) in ({"Mr"}, {"Mrs"})
    assert "sex (by title)" in evidence.notes()[0]


def test_the_missing_are_switched_from_and_never_to():
    data = pd.DataFrame({"points": [40] * 90, "sex": ["F", "M", None] * 30, "y": [0, 1, 1] * 30})
    evidence = flips(Model(), data)
    assert list(evidence.moves["sex"]["F"]) == [ANY, "M"]
    assert set(evidence.moves["sex"]["(missing)"]) == {ANY, "F", "M"}
    assert values(evidence)["flip", "(missing)"] == 1


def test_small_groups_have_further_rows_and_many_groups_are_switched_to_the_largest():
    rng = np.random.default_rng(2)
    sizes = [6000, 4000, 300, *[80] * 17]
    race = np.repeat([f"r{i:02}" for i in range(20)], sizes)
    data = pd.DataFrame({"race": race, "points": rng.integers(0, 100, len(race)), "y": 0}).sample(
        frac=1, random_state=0
    )
    data.loc[data.index[:10], "y"] = 1
    model = Seen("race", "points")
    evidence = flips(model, data, sensitive=["race"])
    moves = evidence.moves["race"]
    assert moves["r02"][ANY].rows == FEWEST
    assert moves["r19"][ANY].rows == 80
    assert {target for targets in moves.values() for target in targets} - {ANY} >= {"r00", "r01", "r02"}
    assert len({target for targets in moves.values() for target in targets} - {ANY}) == MOST_TARGETS
    assert len(model.tables) == 1 + MOST_TARGETS
    assert evidence.drawn == MOST


def test_one_row_a_person_is_asked():
    data = table(50).assign(person=np.arange(200) // 4)
    evidence = flips(Model(), data, unit="person")
    assert sum(targets[ANY].rows for targets in evidence.moves["sex"].values()) == 50
    assert evidence.notes()[0].startswith("50 of 200 rows, drawn with seed 0, one a person")


def test_weights_are_left_aside_and_that_is_said():
    evidence = flips(Model(), table(10).assign(w=2.0), weight="w")
    assert evidence.notes()[1] == "each row counts once: weights are left aside"
    assert values(evidence)["flip", "F"] == 0.5


@pytest.mark.parametrize(
    ("model", "keys", "reason", "supply"),
    [
        (None, {"prediction": "y", "target": None}, "there is no model to ask: the data carry the decisions",
         "system.model: the model that decides"),
        (Model(), {"sensitive": []}, "no sensitive attribute is declared",
         "data.sensitive: the columns that name groups"),
        (Seen("points"), {}, "the model does not take sex", None),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_says_why(model, keys, reason, supply):
    evidence = collected(model, table(10), **keys)
    assert evidence.absent["flips"] == (reason, supply)


def test_one_group_has_nobody_to_be_switched_to():
    evidence = flips(Model(), table(10).assign(sex="F"))
    with pytest.raises(NotApplicable, match="only one group of sex occurs"):
        counterfactual_flip(evidence)


def test_an_attribute_that_the_model_does_not_take_is_named():
    data = table(10).assign(race=["a", "b", "b", "a"] * 10)
    evidence = flips(Model(), data, sensitive=["sex", "race"])
    assert evidence.notes()[1] == "the model does not take race: not switched"
    assert list(evidence.moves) == ["sex"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"proxies": {"sexx": ["points"]}}, (f"{KEY}.proxies", "'sexx' is no sensitive attribute", "sex")),
        (
            {"proxies": {"sex": ["point"]}},
            (f"{KEY}.proxies.sex", "the model does not take 'point'", "points"),
        ),
        ({"tolerance": -1.0}, (f"{KEY}.tolerance", "-1.0 is not a finite number of at least 0", None)),
        ({"proxies": {"sex": "points"}}, (f"{KEY}.proxies", None, None)),
        ({"tolerances": 1.0}, (f"{KEY}.tolerances", "unknown option", "tolerance")),
    ],
)
def test_wrong_options_are_named(options, problem):
    with pytest.raises(ConfigError) as caught:
        with_options(**options)
    (found,) = caught.value.problems
    assert (found.key, found.nearest) == (problem[0], problem[2])
    assert problem[1] in (None, found.found)


def test_the_verdict_fails_what_goes_by_the_attribute_and_passes_what_hardly_does():
    def card(model):
        keys = {"target": "y", "favorable": 1, "sensitive": ["sex"], "as_of": "2026-11-24"}
        made = tk.audit(model, table(300), only=["bias/counterfactual-flip"], **keys)
        return {each.id: each for each in made.findings}

    found = card(Model())["bias/counterfactual-flip:flip:sex=F:max"]
    assert (found.verdict, found.limit["max"]) == ("fail", 0.05)
    assert found.message.startswith(
        "share of answers that change with the attribute, among rows of sex=F is 0.500 ["
    )
    assert found.remedy.startswith("Leave the attribute out of the inputs")
    found = card(Model(M=5))
    assert found["bias/counterfactual-flip:flip:sex=F:max"].verdict == "pass"
    assert found["bias/counterfactual-flip:score_shift:sex=M"].verdict == "not_applicable"
    assert found["bias/counterfactual-flip:score_shift:sex=M"].estimate == pytest.approx(-0.05)


def test_a_seed_gives_the_same_counts_and_nothing_else_is_touched():
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"points": rng.integers(0, 100, 9000), "sex": rng.choice(["F", "M"], 9000)})
    data["y"] = rng.integers(0, 2, 9000)
    copy = data.copy(deep=True)
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    one, same, other = (flips(Model(), data, seed=seed).to_json() for seed in (1, 1, 2))
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    pd.testing.assert_frame_equal(data, copy)
    assert one == same
    assert one["moves"] != other["moves"]


@pytest.mark.parametrize("home", ["polars", "arrow", "parquet", "csv"])
def test_every_home_of_the_rows_gives_the_same_counts(home, tmp_path):
    data = table(50).assign(sex=["F", "F", "M", "X"] * 50)
    homes = {
        "polars": lambda: pl.from_pandas(data),
        "arrow": lambda: pa.Table.from_pandas(data),
        "parquet": lambda: data.to_parquet(tmp_path / "a.parquet") or str(tmp_path / "a.parquet"),
        "csv": lambda: data.to_csv(tmp_path / "a.csv", index=False) or str(tmp_path / "a.csv"),
    }
    assert flips(Model(M=20, X=30), homes[home]()) == flips(Model(M=20, X=30), data)


def test_shards_add_to_the_whole_where_all_rows_are_drawn():
    data = table(50).assign(sex=["F", "F", "M", "X"] * 50)
    whole = flips(Model(M=20, X=30), data)
    parts = [flips(Model(M=20, X=30), data[i::2].reset_index(drop=True)) for i in (0, 1)]
    both = parts[0] + parts[1]
    assert (both.of, both.drawn) == (200, 200)
    assert values(both)["flip", "F"] == values(whole)["flip", "F"]
    with pytest.raises(ValueError, match="different schemas"):
        whole + flips(Model(), data, seed=1)


def test_it_goes_to_a_file_and_back(tmp_path):
    evidence = collected(Model(), table(10))
    evidence.save(tmp_path / "e.json")
    assert Evidence.load(tmp_path / "e.json").kinds["flips"] == evidence.kinds["flips"]


def test_evidence_with_small_counts_of_a_group_is_not_shared():
    """To drop that group would let the others pass without it."""

    def moves(rows, flips):
        return {ANY: Moves(rows, flips, flips, 0, 0, 0, 0, 0), "a": Moves(rows, 2, 0, 0, 0, 0, 0, 0)}

    def shared(**groups):
        return Flips({"bins": {}}, 1084, 1084, {"race": groups}).without_small_cells(5)

    large = {"a": moves(900, 90), "b": moves(100, 10)}
    assert shared(**large).moves["race"] == {name: {ANY: each[ANY]} for name, each in large.items()}
    assert shared(**large, c=moves(80, 2)) is None
    assert shared(**large, c=moves(4, 0)) is None


def test_what_is_not_shared_is_not_assessed():
    system = System(Model(), table(40), target="y", favorable=1, sensitive=["sex"])
    evidence = collect(system, only=["flips"])
    small = replace(
        evidence, kinds={"flips": Flips({"bins": {}}, 44, 44, {"sex": {"F": {ANY: Moves(44, 3)}}})}
    )
    shared = small.without_small_cells(5)
    assert "flips" not in shared.kinds
    assert "counts under 5 is not shared" in shared.absent["flips"][0]


def test_the_calls_are_bounded_and_on_the_card():
    model = Model()
    (cost,) = collected(model, table(10)).costs
    assert cost.model_calls == model.asked == 1 + 2
    said = []
    system = System(Model(), table(10), target="y", favorable=1, sensitive=["sex"])
    collect(system, only=["flips"], progress=lambda *each: said.append(each))
    assert said == [("switch sex", 40, 40), ("switch sex, 1 of 2", 20, 20), ("switch sex, 2 of 2", 20, 20)]
