"""Inputs that stand for a sensitive attribute are found, alone and together; where none does, nothing is."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

import trustkit as tk
from trustkit.checks.bias.proxies import proxies
from trustkit.collectors import collect
from trustkit.collectors.columns import Column
from trustkit.collectors.draws import drawing_order
from trustkit.collectors.proxies import (
    DRAW,
    FEWEST,
    MOST,
    MOST_GROUPS,
    SMOOTHING,
    Drawn,
    Groups,
)
from trustkit.collectors.sources import Sources
from trustkit.evidence import Evidence
from trustkit.evidence.blocks import Block
from trustkit.evidence.proxies import OUTPUT, TOGETHER, Proxies
from trustkit.evidence.tables import OTHER
from trustkit.frames import Frame
from trustkit.system import System


def proxies_of(n, seed=0, labels=("a", "b", "c"), **keys):
    """Histograms of `n` ranked rows, as a check sees them."""
    rng = np.random.default_rng([n, seed])
    inputs = ["x", "race", "word"]
    schema = {"attributes": ["race"], "bins": {}, "inputs": inputs, "output": "score", "seed": 0}
    schema |= {"most": MOST, "fewest": FEWEST, "unit": False, "weight": False, **keys}
    group = rng.integers(0, len(labels), n)
    codes = []
    for source in (TOGETHER, OUTPUT, 2, 4):
        for g in range(len(labels)):
            place = rng.integers(0, 900, n) + 300 * (group == g) * (source == TOGETHER)
            codes.append(np.column_stack([np.full(n, g), np.full(n, source), group == g, place]))
    every = np.concatenate(codes).astype(np.int64) if n else np.zeros((0, 4), dtype=np.int64)
    block = Block(every, {"n": np.ones(len(every), dtype=np.int64)})
    return Proxies.made(schema, n, n, [("race", label) for label in labels], {}, block)


def proxies_samples():
    """Ranks of several groups, of two, without an output, of few rows and of none."""
    return [
        proxies_of(900),
        proxies_of(600, labels=("a", "b")),
        proxies_of(900, output=None),
        proxies_of(7),
        proxies_of(0),
    ]


def people(n=4000, seed=0, **columns):
    """Rows with two groups that two inputs of chance tell nothing of."""
    rng = np.random.default_rng([n, seed])
    rows = {"x": rng.normal(size=n), "word": rng.choice(list("pqrs"), n), "sex": rng.choice(["F", "M"], n)}
    rows |= {"d": rng.integers(0, 2, n)}
    return pd.DataFrame({**rows, **columns})


def copy_of(values, share, seed=1):
    """Values of which a `share` is kept and the others are those of another row."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(len(values)) < share, values, rng.permutation(values))


def collected(data, model=None, seed=0, **keys):
    keys = {"prediction": "d", "favorable": 1, "sensitive": ["sex"], **keys}
    return collect(System(model, data, **keys), only=["proxies"], seed=seed)


def measured(data, **keys):
    evidence = collected(data, **keys)
    assert not evidence.errors, evidence.errors
    return evidence.kinds["proxies"]


def told(evidence, **options):
    """Figures by metric, group and column."""
    return {
        (
            each.metric,
            *each.subject["groups"].values(),
            *[each.subject[k] for k in each.subject if k == "column"],
        ): each
        for each in proxies(evidence, **options)
    }


def singles(data, label="F", **keys):
    """AUC of each input alone."""
    found = told(measured(data, **keys), judged=("single_auc",))
    return {key[2]: each.value for key, each in found.items() if key[0] == "single_auc" and key[1] == label}


def smaller(data):
    return min(data["sex"].unique(), key=lambda label: (data["sex"] == label).sum())


def test_a_copy_of_the_attribute_is_found_and_named():
    data = people(n=3000)
    data["title"] = np.where(copy_of(data["sex"], 0.8) == "F", "Ms", "Mr")
    card = tk.audit(
        data=data, prediction="d", favorable=1, sensitive=["sex"], only=["bias/proxies"], as_of="2026-11-24"
    )
    (finding,) = [each for each in card.findings if each.limit]
    assert (finding.verdict, finding.metric, finding.limit["max"]) == ("fail", "auc", 0.75)
    assert finding.estimate == pytest.approx(0.9, abs=0.02)
    assert finding.message.endswith("Of single inputs title (0.89) tells most")
    assert finding.message.startswith("AUC with which all inputs together tell membership of sex=")
    assert finding.remedy.startswith("For each input named, write down what it is needed for.")


def test_a_copy_of_eight_rows_in_ten_with_the_others_exchanged():
    data = people(n=3000)
    kept = np.random.default_rng(2).random(3000) < 0.8
    data["title"] = np.where(kept == (data["sex"] == "F"), "Ms", "Mr")
    found = told(measured(data))
    label = smaller(data)
    assert found["auc", label].value == pytest.approx(0.8, abs=0.02)
    assert found["auc", label].interval(0.05)[0] > 0.75
    assert found["single_auc", label, "title"].value == pytest.approx(0.8, abs=0.02)


def test_silence_where_there_is_none():
    card = tk.audit(
        data=people(),
        prediction="d",
        favorable=1,
        sensitive=["sex"],
        only=["bias/proxies"],
        as_of="2026-11-24",
    )
    (finding,) = [each for each in card.findings if each.limit]
    assert finding.verdict == "pass"
    assert finding.estimate == pytest.approx(0.5, abs=0.04)
    assert "tells most" not in finding.message
    assert not [each for each in card.findings if each.verdict in ("fail", "inconclusive")]


def test_inputs_tell_together_what_none_tells_alone():
    data = people(n=4000)
    rng = np.random.default_rng(3)
    one = rng.integers(0, 2, 4000)
    data = data.assign(one=one, other=np.where(data["sex"] == "F", one, 1 - one))
    found = told(measured(data), judged=("single_auc",))
    label = smaller(data)
    assert found["auc", label].value > 0.95
    assert found["single_auc", label, "one"].value < 0.55
    assert found["single_auc", label, "other"].value < 0.55


def test_the_area_of_one_input_is_that_of_scikit_learn_on_the_rows():
    data = people(n=2000)
    data["word"] = np.where(copy_of(data["sex"], 0.4) == "F", data["word"], "z")
    system = System(None, data, prediction="d", favorable=1, sensitive=["sex"])
    sources = Sources.open(system)
    groups = Groups.of(sources.groups("sex"))
    drawn = Drawn.of(drawing_order(sources, DRAW), MOST, groups)
    level = Column.read(sources.inputs.at(drawn.rows), "word").level
    label = smaller(data)
    member = drawn.group == groups.names.index(label)
    areas = []
    for half in (0, 1):
        learned, ranked = drawn.half != half, drawn.half == half
        share = {
            each: (member[learned & (level == each)].sum() + SMOOTHING * member[learned].mean())
            / ((learned & (level == each)).sum() + SMOOTHING)
            for each in np.unique(level)
        }
        areas.append(roc_auc_score(member[ranked], [share[each] for each in level[ranked]]))
    found = told(measured(data), judged=("single_auc",))
    assert found["single_auc", label, "word"].value == pytest.approx(np.mean(areas), abs=0.002)
    assert found["single_auc", label, "word"].n == member.sum()


def test_the_error_is_that_of_one_half():
    data = people(n=2000)
    found = told(measured(data))["auc", smaller(data)]
    low, high = found.interval(0.05)
    n, m = found.n, found.reference_n
    error = np.sqrt((n + m + 1) / (12 * n * m))  # of a rank sum under no difference
    assert (high - low) / 2 == pytest.approx(1.645 * np.sqrt(2) * error, rel=0.03)


def test_the_attribute_itself_is_no_input_and_another_is():
    data = people(n=3000)
    data["race"] = np.where(copy_of(data["sex"], 0.9) == "F", "a", "b")
    found = singles(data, sensitive=["sex", "race"], label=smaller(data))
    assert set(found) == {"x", "word", "race"}
    assert found["race"] > 0.9


def days(female, rng):
    """Women's days lie after men's."""
    after = rng.integers(0, 9000, len(female)) + 9000 * female
    return [datetime.date(1950, 1, 1) + datetime.timedelta(int(day)) for day in after]


def numbers_as_text(female, rng):
    """Each group's lie on both sides of one of the other's."""
    women, men = (rng.choice(pair, len(female)) for pair in (["10", "30"], ["20", "40"]))
    return np.where(female, women, men)


KINDS = {
    "integer": lambda female, rng: np.where(female, 1, 0),
    "boolean": lambda female, rng: female,
    "category": lambda female, rng: pd.Categorical(np.where(female, "u", "v"), ["w", "v", "u"]),
    "missing word": lambda female, rng: np.where(female, None, "v"),
    "missing number": lambda female, rng: np.where(female, np.nan, rng.normal(size=len(female))),
    "infinite": lambda female, rng: np.where(female, np.inf, rng.normal(size=len(female))),
    "number": lambda female, rng: rng.normal(size=len(female)) + 5 * female,
    "huge": lambda female, rng: (0.1 + rng.random(len(female))) * np.where(female, 1e300, 1e-300),
    "long integer": lambda female, rng: rng.integers(0, 10**9, len(female)) * 2**20 + 2**62 * female,
    "time": lambda female, rng: pd.to_datetime(days(female, rng)),
    "date": days,
    "date as text": lambda female, rng: [str(day) for day in days(female, rng)],
    "names": lambda female, rng: [f"{'Mrs' if f else 'Mr'} {i:05}" for i, f in enumerate(female)],
    "words": lambda female, rng: [f"{'ab'[i % 2]}{i % 99 + 99 * (f == i % 2)}" for i, f in enumerate(female)],
    "numbers as text": numbers_as_text,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_of_any_kind_tells_alone_and_together(kind):
    data = people(n=1200)
    data["column"] = KINDS[kind]((data["sex"] == "F").to_numpy(), np.random.default_rng(5))
    found = told(measured(data))
    label = smaller(data)
    assert found["single_auc", label, "column"].value > 0.95
    assert found["auc", label].value > 0.95


def test_columns_that_hold_neither_numbers_nor_labels_are_named():
    data = people(n=300)
    data["list"] = [[1, 2]] * 300
    evidence = measured(data)
    assert "not read, neither numbers nor labels: list" in evidence.notes()
    assert set(singles(data, label=smaller(data))) == {"x", "word"}


def test_a_constant_and_identifiers_tell_nothing():
    data = people(
        n=2000, id=np.random.default_rng(6).permutation(2000), same=7, code=[f"k{i}" for i in range(2000)]
    )
    found = singles(data, label=smaller(data))
    assert found["same"] == 0.5
    assert found["id"] == pytest.approx(0.5, abs=0.05)
    assert found["code"] == pytest.approx(0.5, abs=0.05)


def test_levels_are_frequent_values_alone_and_ranges_of_the_rest():
    rng = np.random.default_rng(7)
    numbers = np.where(rng.random(4000) < 0.5, 0.0, rng.normal(size=4000))
    numbers[:3] = np.nan
    level = Column.read(Frame.open(pd.DataFrame({"a": numbers})), "a").level
    rows = np.bincount(level)
    assert rows[level[numbers == 0][0]] == (numbers == 0).sum()
    assert set(level[:3]) == {40}
    assert len(rows) == 41
    ranges = rows[rows < 1000][:-1]
    assert ranges.max() - ranges.min() <= 2
    assert len(Column.read(Frame.open(pd.DataFrame({"a": numbers[:100]})), "a").level) == 100
    assert len(np.unique(Column.read(Frame.open(pd.DataFrame({"a": numbers[:100]})), "a").level)) <= 5


def test_of_three_groups_each_is_held_against_the_rest():
    data = people(n=3000)
    rng = np.random.default_rng(8)
    data["race"] = rng.choice(["a", "b", "c"], 3000, p=[0.6, 0.3, 0.1])
    data["place"] = np.where(data["race"] == "c", "north", "south")
    found = told(measured(data, sensitive=["race"]))
    assert found["auc", "c"].value > 0.99
    assert 0.55 < found["auc", "a"].value < 0.65
    assert found["auc", "a"].subject == {"groups": {"race": "a"}, "reference": "rest"}
    rows = (data["race"] == "c").sum()
    assert (found["auc", "c"].n, found["auc", "c"].reference_n) == (rows, 3000 - rows)


def test_two_groups_are_one_claim_of_the_smaller_against_the_other():
    data = people(n=3000)
    auc = [each for each in proxies(measured(data)) if each.metric == "auc"]
    label = smaller(data)
    (other,) = set(data["sex"]) - {label}
    assert [each.subject for each in auc] == [{"groups": {"sex": label}, "reference": {"sex": other}}]


def test_rows_whose_attribute_is_missing_are_left_out():
    data = people(n=2000)
    data.loc[:999, "sex"] = None
    data["x"] = data["sex"].isna() * 1.0
    found = told(measured(data))
    (auc,) = [each for key, each in found.items() if key[0] == "auc"]
    assert auc.n + auc.reference_n == 1000
    assert auc.value == pytest.approx(0.5, abs=0.06)


def test_small_groups_have_further_rows_that_count_for_them_alone():
    data = people(n=60_000)
    rng = np.random.default_rng(9)
    race = np.repeat(["a", "b", "c"], [58_000, 1700, 300])
    data = data.assign(
        race=race, hint=np.where(race == "c", rng.random(60_000) < 0.7, rng.random(60_000) < 0.3)
    )
    data = data.sample(frac=1, random_state=0)
    evidence = measured(data, sensitive=["race"])
    found = told(evidence)
    assert found["auc", "c"].n == 300
    assert found["auc", "c"].value == pytest.approx(0.7, abs=0.04)
    assert evidence.drawn == MOST
    assert found["auc", "a"].n + found["auc", "a"].reference_n == MOST
    assert found["auc", "c"].reference_n < MOST


def test_of_many_inputs_fewer_rows_are_drawn():
    rng = np.random.default_rng(17)
    few = people(n=4000, **{f"z{i:03}": rng.normal(size=4000) for i in range(97)})
    assert measured(few).drawn == 4000
    many = people(n=4000, **{f"z{i:03}": rng.normal(size=4000) for i in range(397)})
    assert measured(many).drawn == 2500


def test_of_fewer_than_thirty_rows_nothing_is_measured():
    data = people(n=400)
    data["sex"] = ["F"] * 20 + ["M"] * 380
    (auc,) = proxies(measured(data))
    assert np.isnan(auc.value)
    assert auc.why == "fewer than 30 rows of the group, or of the others, were drawn"
    card = tk.audit(
        data=data, prediction="d", favorable=1, sensitive=["sex"], only=["bias/proxies"], as_of="2026-11-24"
    )
    (finding,) = [each for each in card.findings if each.limit]
    assert finding.verdict == "inconclusive"
    (control,) = [each for each in card.controls if each.id == "TK-FAI-01"]
    assert any("fewer than 30 rows" in need for need in control.needs)


def test_the_smallest_of_many_groups_are_pooled():
    data = people(n=6000)
    data["race"] = [f"r{i % 60:02}" if i % 2 else "r00" for i in range(6000)]
    evidence = measured(data, sensitive=["race"])
    labels = [label for _, label in evidence.groups]
    assert len(labels) == 31
    assert not evidence.pooled
    many = measured(people(n=6000).assign(race=[f"r{i % 60:02}" for i in range(6000)]), sensitive=["race"])
    assert [label for _, label in many.groups][-1] == OTHER
    assert len(many.groups) == MOST_GROUPS + 1
    assert many.pooled == {"race": 20}
    assert "race: the 20 smallest groups are pooled into (other)" in many.notes()


def test_rows_of_one_person_do_not_tell_of_each_other():
    rng = np.random.default_rng(10)
    person = np.arange(3000) // 10
    data = people(n=3000).assign(
        sex=rng.choice(["F", "M"], 300)[person], x=rng.normal(size=300)[person], person=person
    )
    data = data.drop(columns="word")
    with_unit, without = (
        [each.value for each in proxies(measured(data, features=["x"], **keys)) if each.metric == "auc"]
        for keys in ({"unit": "person"}, {})
    )
    assert without[0] > 0.7
    assert with_unit[0] == pytest.approx(0.5, abs=0.12)
    assert (
        measured(data, unit="person")
        .notes()[0]
        .startswith("300 of 3,000 rows, drawn with seed 0, one a person")
    )


class Model:
    """A score that goes by one column."""

    classes_ = (0, 1)

    def __init__(self, *features, by):
        self.feature_names_in_ = list(features)
        self.by = by

    def predict_proba(self, X):
        score = 1 / (1 + np.exp(-X[self.by].to_numpy(dtype=float)))
        return np.column_stack([1 - score, score])

    def predict(self, X):
        return (self.predict_proba(X)[:, 1] > 0.5).astype(int)


def test_how_much_of_it_the_output_carries():
    data = people(n=4000)
    data["hint"] = (data["sex"] == "F") + np.random.default_rng(11).normal(size=4000)
    keys = {"prediction": None, "target": "d"}
    label = smaller(data)
    found = told(measured(data, model=Model("x", "hint", by="hint"), **keys))
    assert found["auc", label].value == pytest.approx(0.76, abs=0.03)
    assert found["output_auc", label].value == pytest.approx(0.76, abs=0.03)
    assert found["carried", label].value == pytest.approx(1, abs=0.1)
    assert found["carried", label].limits is None
    found = told(measured(data, model=Model("x", "hint", by="x"), **keys))
    assert found["output_auc", label].value == pytest.approx(0.5, abs=0.03)
    assert found["carried", label].value < 0.12


def test_a_log_has_the_decision_for_its_output():
    data = people(n=4000)
    data["d"] = np.where(copy_of(data["sex"], 0.6) == "F", 1, 0)
    found = told(measured(data))
    label = smaller(data)
    assert found["output_auc", label].value == pytest.approx(0.8, abs=0.03)
    assert np.isnan(found["carried", label].value)
    assert found["carried", label].why == "undefined: the inputs together tell nothing"
    assert measured(data).schema["output"] == "decision"


def test_without_an_output_none_is_shown():
    data = people(n=1000)
    evidence = measured(data.rename(columns={"d": "y"}), prediction=None, target="y")
    assert evidence.schema["output"] is None
    assert {each.metric for each in proxies(evidence)} == {"auc", "single_auc"}


def test_a_predicted_number_is_an_output():
    data = people(n=3000)
    data["y"] = np.random.default_rng(12).normal(size=3000)
    data["hint"] = 2.0 * (data["sex"] == "F") + data["y"]
    found = told(
        measured(
            data.drop(columns="d"),
            model=lambda X: X["hint"].to_numpy(),
            prediction=None, target="y", task="regression", favorable=None, features=["x", "hint"],
        )
    )  # fmt: skip
    label = smaller(data)
    assert found["output_auc", label].value == pytest.approx(
        found["single_auc", label, "hint"].value, abs=0.01
    )


def test_a_log_of_numbers_is_an_output():
    data = people(n=2000)
    data["d"] = 2.0 * (data["sex"] == "F") + np.random.default_rng(12).normal(size=2000)
    evidence = measured(data, task="regression", favorable=None)
    assert evidence.schema["output"] == "prediction"
    assert told(evidence)["output_auc", smaller(data)].value == pytest.approx(0.92, abs=0.03)


def test_few_inputs_are_shown_and_all_are_yielded_where_judged():
    data = people(n=1000, **{f"z{i}": np.random.default_rng(i).normal(size=1000) for i in range(5)})
    evidence = measured(data)
    shown = [each for each in proxies(evidence) if each.metric == "single_auc"]
    assert len(shown) == 3
    assert {each.why for each in shown} == {
        "among the largest of 7 inputs, chosen after looking: no interval"
    }
    assert all(each.limits is None for each in shown)
    judged = [each for each in proxies(evidence, judged=("single_auc",)) if each.metric == "single_auc"]
    assert len(judged) == 7
    assert all(each.limits is not None for each in judged)


def test_a_binned_attribute_is_cut_and_left_out():
    data = people(n=3000, age=np.random.default_rng(13).integers(18, 80, 3000))
    data["years"] = data["age"] - 18
    evidence = measured(data, sensitive=["age"], bins={"age": [30, 60]})
    found = told(evidence)
    assert [label for _, label in evidence.groups] == ["<30", "30..<60", ">=60"]
    assert all(found["auc", label].value > 0.99 for label in ("<30", "30..<60", ">=60"))
    assert found["single_auc", "30..<60", "years"].value > 0.95
    assert ("single_auc", "<30", "age") not in told(evidence, judged=("single_auc",))


@pytest.mark.parametrize(
    ("keys", "reason", "supply"),
    [
        ({"sensitive": []}, "no sensitive attribute is declared",
         "data.sensitive: the columns that name groups"),
        ({"sensitive": ["same"]}, "only one group occurs in same", "rows of at least two groups"),
        ({"features": ["sex"]}, "there is no input beside the sensitive attribute",
         "data.features: the columns that decisions rest on"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_says_why(keys, reason, supply):
    assert collected(people(n=50, same="a"), **keys).absent["proxies"] == (reason, supply)


def test_a_handful_of_rows_is_no_error():
    for n in (2, 3, 5, 12, 25, 65):
        data = people(n=n)
        data.loc[:1, "sex"] = ["F", "M"]
        assert all(each.why for each in proxies(measured(data)) if n < 60)


def test_a_seed_gives_the_same_counts_and_nothing_else_is_touched():
    data = people(n=3000)
    copy = data.copy(deep=True)
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    one, same, other = (measured(data, seed=seed).to_json() for seed in (1, 1, 2))
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    pd.testing.assert_frame_equal(data, copy)
    assert one == same
    assert one["block"] != other["block"]


@pytest.mark.parametrize("home", ["polars", "parquet"])
def test_every_home_of_the_rows_gives_the_same_counts(home, tmp_path):
    data = people(n=1000)
    data["hint"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.where(data["sex"] == "F", 1, 2), unit="D")
    data.to_parquet(tmp_path / "a.parquet")
    given = pl.from_pandas(data) if home == "polars" else str(tmp_path / "a.parquet")
    assert measured(given).to_json() == measured(data).to_json()


def test_weights_are_left_aside_and_that_is_said():
    assert (
        "each row counts once: weights are left aside" in measured(people(n=300, w=2.0), weight="w").notes()
    )


def test_shards_add_and_tell_what_the_whole_tells():
    data = people(n=6000)
    data["hint"] = (data["sex"] == "F") + np.random.default_rng(14).normal(size=6000)
    data["race"] = np.random.default_rng(15).choice(["a", "b", "c"], 6000)
    keys = {"sensitive": ["sex", "race"]}
    whole = told(measured(data, **keys))
    one, two = (measured(data[i::2].reset_index(drop=True), **keys) for i in (0, 1))
    both = told(one + two)
    assert (one + two).drawn == 6000
    for key in (("auc", smaller(data)), ("auc", "a"), ("single_auc", smaller(data), "hint")):
        assert both[key].n == whole[key].n
        assert both[key].value == pytest.approx(whole[key].value, abs=0.03)
    with pytest.raises(ValueError, match="different schemas"):
        one + measured(data, seed=1, **keys)


def test_groups_that_one_shard_lacks_are_added():
    data = people(n=1000)
    one = measured(data.assign(race=["a", "b"] * 500), sensitive=["race"])
    two = measured(data.assign(race=["b", "c"] * 500), sensitive=["race"])
    both = one + two
    assert both.groups == (("race", "a"), ("race", "b"), ("race", "c"))
    assert both.scores(1).n[TOGETHER, 1].sum() == 1000
    assert both.to_json() == (two + one).to_json()


def test_it_goes_to_a_file_and_back(tmp_path):
    evidence = collected(people(n=500))
    evidence.save(tmp_path / "e.json")
    assert (
        Evidence.load(tmp_path / "e.json").kinds["proxies"].to_json() == evidence.kinds["proxies"].to_json()
    )


def test_shared_evidence_holds_no_small_count_and_tells_the_same():
    data = people(n=3000)
    data["hint"] = (data["sex"] == "F") + np.random.default_rng(16).normal(size=3000)
    data["race"] = ["a"] * 3 + ["b"] * 1000 + ["c"] * 1997
    evidence = measured(data, sensitive=["sex", "race"])
    shared = evidence.without_small_cells(5)
    assert shared.block.sums["n"].min() >= 5
    assert ("race", "a") not in shared.groups
    label = smaller(data)
    assert told(shared)["auc", label].value == pytest.approx(told(evidence)["auc", label].value, abs=0.005)
