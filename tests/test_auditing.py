"""The audit on real shapes of data: one digest from every door, and bad input told clearly."""

import doctest
import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import trustkit as tk
import trustkit.auditing
from trustkit.errors import ConfigError

KEYS = {
    "target": "approved",
    "prediction": "decision",
    "score": "p",
    "favorable": "yes",
    "sensitive": ["sex", "age"],
    "bins": {"age": [25, 60]},
    "unit": "customer",
    "weight": "w",
    "as_of": "2026-11-24",
    "policy": "fairness-baseline",
}


def log(n=1200, seed=0):
    """A log with text labels, missing values, integers with gaps, floats, booleans and categories."""
    rng = np.random.default_rng(seed)
    p = rng.random(n).round(4)
    frame = pd.DataFrame(
        {
            "sex": rng.choice(["F", "M", "Ж"], n, p=[0.5, 0.4, 0.1]),
            "age": rng.integers(18, 90, n),
            "approved": np.where(rng.random(n) < p, "yes", "no"),
            "decision": np.where(p > 0.5, "yes", "no"),
            "p": p,
            "customer": rng.integers(0, 400, n),
            "w": rng.integers(1, 9, n) / 4,
        }
    )
    frame.loc[rng.random(n) < 0.03, "sex"] = None
    frame["age"] = frame["age"].astype("Int64").mask(rng.random(n) < 0.03)
    frame.loc[rng.random(n) < 0.02, "p"] = np.nan
    return frame


def audit(data, **keys):
    return tk.audit(data=data, **{**KEYS, **keys})


@pytest.fixture(scope="module")
def digest():
    return audit(log()).digest


FRAMES = {
    "pandas, object text": lambda f: f.astype({"sex": object, "approved": object}),
    "pandas, categories": lambda f: f.astype({"sex": "category", "decision": "category"}),
    "pandas, ages as floats": lambda f: f.assign(age=f["age"].astype(float)),
    "pandas, Arrow types": lambda f: f.convert_dtypes(dtype_backend="pyarrow"),
    "pandas, other order of rows": lambda f: f.sample(frac=1, random_state=1),
    "pandas, other order of columns": lambda f: f[f.columns[::-1]],
    "pandas, more columns": lambda f: f.assign(note="x"),
    "polars": pl.from_pandas,
    "polars, lazy": lambda f: pl.from_pandas(f).lazy(),
    "polars, categories": lambda f: pl.from_pandas(f).with_columns(pl.col("sex").cast(pl.Categorical)),
    "pyarrow": pa.Table.from_pandas,
    "pyarrow, in pieces": lambda f: pa.concat_tables(
        [pa.Table.from_pandas(f[:500]), pa.Table.from_pandas(f[500:])]
    ),
}


@pytest.mark.parametrize("make", FRAMES.values(), ids=list(FRAMES))
def test_one_digest_from_every_frame(make, digest):
    assert audit(make(log())).digest == digest


@pytest.mark.parametrize("suffix", ["csv", "parquet", "feather", "jsonl"])
def test_one_digest_from_every_file(suffix, digest, tmp_path):
    path, frame = tmp_path / f"log.{suffix}", log()
    {
        "csv": lambda: frame.to_csv(path, index=False),
        "parquet": lambda: frame.to_parquet(path),
        "feather": lambda: frame.to_feather(path),
        "jsonl": lambda: frame.to_json(path, orient="records", lines=True),
    }[suffix]()
    card = audit(path)
    assert card.digest == digest
    assert (card.run.inputs[0].rows, card.run.inputs[0].role) == (1200, "audit")


def test_by_the_whole_policy_cards_differ_only_in_what_is_about_the_files(tmp_path):
    log().to_parquet(tmp_path / "log.parquet")
    cards = [audit(source, policy="unga-78-265") for source in (log(), tmp_path / "log.parquet")]
    one, other = ({f.id: f for f in card.findings if f.check != "security/provenance"} for card in cards)
    assert one == other


def test_one_digest_from_shards_in_any_order(digest, tmp_path):
    frame = log()
    shards = []
    for i in (3, 0, 6, 2, 5, 1, 4):
        system = tk.System(
            data=frame[i::7], **{k: v for k, v in KEYS.items() if k not in ("as_of", "policy")}
        )
        tk.collect(system).save(tmp_path / f"{i}.json")
        shards.append(tk.Evidence.load(tmp_path / f"{i}.json"))
    total = shards[0]
    for shard in shards[1:]:
        total = total + shard
    assert tk.judge(total, "fairness-baseline", as_of="2026-11-24").digest == digest


def test_one_digest_from_a_file_of_configuration(digest, tmp_path):
    log().to_parquet(tmp_path / "log.parquet")
    (tmp_path / "trustkit.toml").write_text("""
[data]
audit = "log.parquet"
target = "approved"
prediction = "decision"
score = "p"
favorable = "yes"
sensitive = ["sex", "age"]
bins = { age = [25, 60] }
unit = "customer"
weight = "w"
""")
    assert tk.audit(config=tmp_path, policy="fairness-baseline", as_of="2026-11-24").digest == digest
    file = tmp_path / "trustkit.toml"
    assert tk.audit(config=file, policy="fairness-baseline", as_of="2026-11-24").digest == digest


def test_the_example_of_the_docstring_holds():
    found = doctest.testmod(trustkit.auditing)
    assert found.attempted
    assert not found.failed


def test_shards_of_one_row_in_which_decision_and_truth_differ_are_no_fault():
    """What one shard cannot tell, that labels are coded differently, is told of the sum."""
    rows = pd.DataFrame(
        {"g": ["a", "b"] * 20, "y": ["no", "yes"] * 20, "d": ["yes", "yes", "no", "yes"] * 10}
    )
    keys = {"target": "y", "prediction": "d", "favorable": "yes", "sensitive": ["g"]}
    shards = [rows[rows["d"] == "yes"], rows[:1], rows[1:2]]
    total = tk.collect(tk.System(data=shards[0], **keys))
    for shard in shards[1:]:
        total = total + tk.collect(tk.System(data=shard, **keys))
    card = tk.judge(total, "fairness-baseline")
    assert all(control.verdict != "error" for control in card.controls)


class TestLabels:
    def rates(self, values, **keys):
        """Selection rates of two groups of 100, the first with 70 of `values[1]`, the second with 50."""
        low, high = values
        decisions = [high] * 70 + [low] * 30 + [high] * 50 + [low] * 50
        data = pd.DataFrame({"g": ["a"] * 100 + ["b"] * 100, "d": pd.Series(decisions)})
        card = tk.audit(data=data, prediction="d", sensitive=["g"], **keys)
        return [f.estimate for f in card.findings if f.metric == "rate"]

    def test_each_kind_of_label(self):
        assert self.rates((0, 1)) == [0.7, 0.5]
        assert self.rates((False, True)) == [0.7, 0.5]
        assert self.rates((0.0, 1.0)) == [0.7, 0.5]
        assert self.rates(("0", "1"), favorable=1) == [0.7, 0.5]
        assert self.rates(("no", "yes"), favorable="yes") == [0.7, 0.5]
        assert self.rates((2, 1), favorable=1) == [0.7, 0.5]
        assert self.rates((1, 2), favorable=1) == [0.3, 0.5]
        assert self.rates(("no", "yes"), positive="yes") == [0.7, 0.5]

    def test_favorable_and_positive_are_two_roles(self):
        data = pd.DataFrame({"g": ["a", "b"] * 100, "y": [0, 1, 1, 0] * 50, "d": [0, 1, 0, 0] * 50})
        card = tk.audit(data=data, target="y", prediction="d", sensitive=["g"], positive=1, favorable=0)
        found = {f.id: f.estimate for f in card.findings}
        assert found["bias/selection-rate:rate:g=a"] == 1.0
        assert found["bias/error-rates:tpr:g=a"] == 0.0
        assert card.system["positive"] == "1"
        assert card.system["favorable"] == ["0"]

    def test_several_favorable_classes(self):
        data = pd.DataFrame({"g": ["a", "b"] * 100, "d": ["gold", "none", "silver", "gold"] * 50})
        card = tk.audit(data=data, prediction="d", sensitive=["g"], favorable=["gold", "silver"])
        assert {f.subject["groups"]["g"]: f.estimate for f in card.findings if f.metric == "rate"} == {
            "a": 1,
            "b": 0.5,
        }

    def test_a_favorable_that_does_not_occur_is_an_error(self):
        with pytest.raises(ConfigError, match=r"data\.favorable: 'Yes' does not occur.*did you mean 'yes'"):
            self.rates(("no", "yes"), favorable="Yes")
        with pytest.raises(ConfigError, match=r"data\.positive: '2' does not occur"):
            self.rates((0, 1), positive=2)

    def test_labels_that_do_not_say_which_is_wanted_are_an_error(self):
        with pytest.raises(ConfigError, match=r"data\.favorable: required.*no, yes"):
            self.rates(("no", "yes"))
        with pytest.raises(ConfigError, match=r"data\.favorable: required.*1, 2"):
            self.rates((1, 2))

    def test_missing_decisions_are_left_out_and_said(self):
        data = pd.DataFrame({"g": ["a", "b"] * 100, "d": [1, 1, None, 0] * 50})
        card = tk.audit(data=data, prediction="d", sensitive=["g"])
        rate = next(f for f in card.findings if f.id == "bias/selection-rate:rate:g=a")
        assert (rate.estimate, rate.n) == (1.0, 50)
        assert card.evidence[0].notes == ("50 rows without a prediction",)

    def test_a_missing_attribute_is_a_group(self):
        data = pd.DataFrame({"g": ["a", None] * 100, "d": [1, 0, 0, 0] * 50})
        card = tk.audit(data=data, prediction="d", sensitive=["g"])
        assert any(
            f.subject.get("groups") == {"g": "(missing)"} and f.verdict == "fail" for f in card.findings
        )


def small(**columns):
    base = {"g": ["a", "b"] * 50, "y": [0, 1, 1, 0] * 25, "d": [0, 1] * 50, "p": [0.2, 0.8] * 50}
    return pd.DataFrame({**base, **columns})


def judged(data, **keys):
    roles = {"target": "y", "prediction": "d", "score": "p", "sensitive": ["g"]}
    return tk.audit(data=data, **{**roles, "policy": "fairness-baseline", **keys})


def verdicts(card):
    return {c.id: str(c.verdict) for c in card.controls}


class TestBadInput:
    """What cannot be audited is refused with its key; the rest yields a card that says what is wrong."""

    @pytest.mark.parametrize(
        ("keys", "key", "found"),
        [
            ({"target": "yy"}, "data.target", "there is no column 'yy'"),
            ({"sensitive": ["G"]}, "data.sensitive", "there is no column 'G'"),
            ({"targt": "y"}, "targt", "unknown key"),
            ({"target": 3}, "data.target", "3 is not text"),
            ({"score": "g"}, "data.score", "g"),
            ({"weight": "g"}, "data.weight", "g"),
            ({"bins": {"g": [1.0]}}, "data.bins.g", "g"),
            ({"data": None}, "data.audit", "no data"),
            ({"data": [1, 2]}, "data.audit", "list"),
            ({"data": small()[:0]}, "data.audit", "rows"),
            ({"data": small(y=[None] * 100)}, "data.target", "missing"),
            ({"data": small(w=[-1] * 100), "weight": "w"}, "data.weight", "negative"),
            ({"data": small(w=[np.inf] * 100), "weight": "w"}, "data.weight", "infinite"),
            ({"data": small(w=[1e13] * 100), "weight": "w"}, "data.weight", "divide the weights"),
        ],
    )
    def test_is_refused_with_its_key(self, keys, key, found):
        keys = {"data": small(), **keys}
        with pytest.raises(ConfigError) as caught:
            judged(**keys)
        assert [p.key for p in caught.value.problems] == [key]
        assert found in caught.value.problems[0].found

    def test_all_problems_come_at_once_with_the_nearest_name(self):
        with pytest.raises(ConfigError) as caught:
            judged(small(), target="yy", prediction="dd", sensitive=["gg"])
        assert [(p.key, p.nearest) for p in caught.value.problems] == [
            ("data.target", "y"), ("data.prediction", "d"), ("data.sensitive", "g")
        ]  # fmt: skip

    def test_wrong_keys_and_missing_columns_come_together(self, tmp_path):
        small().to_csv(tmp_path / "log.csv", index=False)
        (tmp_path / "trustkit.toml").write_text(
            '[system]\nnmae = "x"\n[data]\naudit = "log.csv"\ntarget = "yy"\nscore = 3\n[policy]\nalpha = 7\n'
            '[limits."bias/selection-rate"]\nmin_ratio = "x"\n'
            '[limits."bias/error-rate"]\nmax_tpr_difference = 0.1\n'
        )
        with pytest.raises(ConfigError) as caught:
            tk.audit(config=tmp_path, sensitve=["g"])
        assert {p.key for p in caught.value.problems} == {
            "system.nmae",
            "data.score",
            "policy.alpha",
            "data.target",
            'limits."bias/selection-rate".min_ratio',
            "limits: bias/error-rate",
        }
        with pytest.raises(ConfigError) as caught:
            tk.audit(data=small(), targt="y", prediction="dd", only=["bais"])
        assert {p.key for p in caught.value.problems} == {"targt", "data.prediction"}

    def test_duplicate_columns(self):
        twice = pd.concat([small(), small()[["d"]]], axis=1)
        with pytest.raises(ConfigError, match="'d'"):
            judged(twice)

    def test_one_class(self):
        card = judged(small(y=[1] * 100))
        negatives = [f for f in card.findings if f.metric == "fpr_difference"]
        assert {(f.verdict, f.why) for f in negatives} == {("inconclusive", "n<5")}
        card = judged(small(y=[0] * 100, d=[0] * 100))
        assert verdicts(card)["TK-FAI-02"] == "inconclusive"

    def test_one_group(self):
        card = judged(small(g=["a"] * 100))
        assert verdicts(card)["TK-FAI-02"] == "not_assessed"
        needs = next(c.needs for c in card.controls if c.id == "TK-FAI-02")
        assert needs == ("supply rows of at least two groups",)

    def test_groups_of_one_row(self):
        card = judged(small(g=[*map(str, range(40)), *["a"] * 60]))
        assert verdicts(card)["TK-FAI-02"] == "inconclusive"
        alone = [f for f in card.findings if f.subject.get("groups", {}).get("g") not in (None, "a")]
        assert all(f.n is None and f.estimate is None for f in alone)

    @pytest.mark.end_to_end
    def test_a_thousand_groups(self):
        n = 8000
        rng = np.random.default_rng(0)
        data = pd.DataFrame(
            {"g": rng.integers(0, 1000, n), "y": rng.integers(0, 2, n), "d": rng.integers(0, 2, n)}
        )
        card = tk.audit(data=data, target="y", prediction="d", sensitive=["g"], policy="fairness-baseline")
        assert verdicts(card)["TK-FAI-02"] == "inconclusive"
        assert len(card.to_json()) < 15_000_000

    @pytest.mark.parametrize("n", [100, 6000, 100_001])
    def test_an_attribute_that_names_people_is_refused(self, n):
        data = pd.DataFrame({"g": np.arange(n), "d": np.arange(n) % 2})
        with pytest.raises(ConfigError, match=rf"{n:,} distinct values: not groups"):
            tk.audit(data=data, prediction="d", sensitive=["g"])

    def test_no_role_is_told_at_once(self):
        with pytest.raises(ConfigError, match=r"no role is declared"):
            tk.audit(data=small(), sensitive=["g"])

    def test_a_favorable_that_no_decision_has_is_an_error(self):
        data = small(y=["approved", "denied"] * 50, d=["Approved", "denied"] * 50)
        with pytest.raises(ConfigError, match=r"'approved' is no decision in 'd'.*did you mean 'Approved'"):
            judged(data, favorable="approved")

    def test_several_favorable_classes_leave_the_positive_one_open_so_each_is_taken_in_turn(self):
        data = small(y=["a", "b", "c", "a"] * 25, d=["a", "b", "b", "c"] * 25)
        card = judged(data, favorable=["a", "b"], score=None)
        rates = [f for f in card.findings if f.metric == "tpr_difference"]
        assert {f.subject["class"] for f in rates} == {"a", "b", "c"}
        assert verdicts(card)["TK-FAI-02"] != "not_assessed"

    def test_decisions_that_are_all_missing(self):
        card = judged(small(d=[None] * 100), favorable=1, positive=1)
        assert any("no row has a decision" in (f.why or "") for f in card.findings)

    @pytest.mark.parametrize("wrong", [1.2, -0.1, np.inf, -np.inf])
    def test_scores_that_are_no_probabilities(self, wrong):
        card = judged(small(p=[wrong] + [0.5] * 99))
        assert verdicts(card)["TK-SAF-05"] == "error"
        assert "1 of 100 scores lie outside [0, 1]" in next(
            f.why for f in card.findings if f.verdict == "error"
        )
        assert any(f.metric == "ratio" and f.verdict != "error" for f in card.findings)
        assert not card.gate.holds
        percent = judged(small(p=[20, 80] * 50))
        assert any("are they percentages?" in (f.why or "") for f in percent.findings)

    def test_decisions_with_other_labels_than_the_target(self):
        card = judged(small(d=["reject", "accept"] * 50), favorable="accept", positive=1)
        assert any(f.verdict == "error" and f.check == "bias/error-rates" for f in card.findings)
        assert any("no label of the decisions occurs in the target" in (f.why or "") for f in card.findings)

    def test_hostile_group_names_stay_data(self):
        names = [
            "<script>alert(1)</script>",
            "\x1b[31mred\x1b[0m",
            "two\nlines",
            "a=b~c:d,e",
            "=cmd|'x'!A1",
            "x" * 10_000,
        ]
        data = pd.DataFrame({"g": np.repeat(names, 200), "d": np.tile([0, 1], 600)})
        card = tk.audit(data=data, prediction="d", sensitive=["g"])
        assert len({f.id for f in card.findings}) == len(card.findings)
        for f in card.findings:
            plain = f.id.removesuffix("~rest").replace("g=", "", 1).replace("~g=", "", 1)
            assert not set("\n\x1b~,") & set(plain)
        assert {n for f in card.findings for n in f.subject.get("groups", {}).values()} == set(names)
        assert tk.Scorecard.model_validate(json.loads(card.to_json())) == card


class Threshold:
    """A model that decides by one column, and breaks as told."""

    classes_ = np.array([0, 1])

    def __init__(self, after=None, fault=None):
        self.after, self.fault, self.batches = after, fault, 0

    def predict(self, X):
        self.batches += 1
        made = (X["p"] > 0.5).astype(int).to_numpy()
        return self.fault(made) if self.fault and self.batches > self.after else made

    def predict_proba(self, X):
        p = X["p"].to_numpy()
        return np.column_stack([1 - p, p])


class TestModels:
    def data(self, n=35_000):
        rng = np.random.default_rng(0)
        p = rng.random(n)
        return pd.DataFrame({"g": rng.choice(["a", "b"], n), "p": p, "y": (rng.random(n) < p).astype(int)})

    def test_a_model_and_its_log_give_the_same_findings(self):
        data = self.data()
        seen = []
        by_model = tk.audit(
            Threshold(),
            data,
            target="y",
            sensitive=["g"],
            features=["p"],
            policy="fairness-baseline",
            progress=lambda *now: seen.append(now),
        )
        logged = data.assign(d=(data["p"] > 0.5).astype(int), q=data["p"])
        by_log = tk.audit(
            data=logged, target="y", prediction="d", score="q", sensitive=["g"], policy="fairness-baseline"
        )
        assert by_model.findings == by_log.findings
        assert by_model.evidence[0].model_calls == 4
        assert seen[-1] == ("predict", 35_000, 35_000)

    def test_a_callable(self):
        card = tk.audit(
            lambda X: (X["p"] > 0.5).astype(int), self.data(2000), target="y", sensitive=["g"], features=["p"]
        )
        assert verdicts(card)["TK-FAI-02"] in ("pass", "inconclusive")
        assert verdicts(card)["TK-SAF-05"] == "not_assessed"

    def test_an_import(self, tmp_path):
        (tmp_path / "my_rules_for_test.py").write_text(
            "def decide(X):\n    return (X['p'] > 0.5).astype(int)\n"
        )
        self.data(2000).to_csv(tmp_path / "log.csv", index=False)
        (tmp_path / "trustkit.toml").write_text(
            '[system]\nmodel = "my_rules_for_test:decide"\n'
            '[data]\naudit = "log.csv"\ntarget = "y"\nsensitive = ["g"]\nfeatures = ["p"]\n'
        )
        assert tk.audit(config=tmp_path).system["model"] == "builtins.function"

    def test_a_model_file_is_refused_with_the_reason(self, tmp_path):
        (tmp_path / "model.joblib").write_bytes(b"x")
        with pytest.raises(ConfigError, match=r"system\.model"):
            tk.audit(str(tmp_path / "model.joblib"), self.data(100), target="y", sensitive=["g"])

    @pytest.mark.parametrize(
        ("after", "fault", "words"),
        [
            (2, lambda made: 1 / 0, "ZeroDivisionError"),
            (0, lambda made: made[:-1], "9999"),
            (0, lambda made: np.full(len(made), np.nan), "missing"),
        ],
        ids=["raises on the third batch", "wrong length", "only NaN"],
    )
    def test_a_broken_model_is_an_error_finding(self, after, fault, words):
        keys = {"target": "y", "sensitive": ["g"], "features": ["p"], "policy": "fairness-baseline"}
        card = tk.audit(Threshold(after, fault), self.data(), **keys)
        assert set(verdicts(card).values()) == {"error"}
        assert words in card.findings[0].why
        assert not card.gate.holds

    def test_some_nan_predictions_are_missing_decisions(self):
        model = Threshold(0, lambda made: np.where(np.arange(len(made)) < 10, np.nan, made))
        card = tk.audit(model, self.data(2000), target="y", sensitive=["g"], features=["p"])
        notes = {each.kind: each.notes for each in card.evidence}
        assert notes["cells"] == ("10 rows without a prediction",)


class TestEvidence:
    def collect(self, data, **keys):
        return tk.collect(
            tk.System(data=data, **{"target": "y", "prediction": "d", "sensitive": ["g"], **keys})
        )

    def test_evidence_of_other_declarations_does_not_add(self):
        one = self.collect(small())
        with pytest.raises(ConfigError, match=r"does not add: system\.name differs"):
            one + self.collect(small(), name="other")
        with pytest.raises(ConfigError, match=r"cells\.score differs"):
            one + self.collect(small(), score="p")

    def test_shared_evidence_is_judged_and_does_not_add(self, tmp_path):
        whole = self.collect(small(), score="p")
        shared = whole.without_small_cells(5)
        shared.save(tmp_path / "e.json")
        again = tk.Evidence.load(tmp_path / "e.json")
        assert verdicts(tk.judge(again)) == verdicts(tk.judge(whole))
        with pytest.raises(ConfigError, match="does not add"):
            again + again

    def test_damaged_evidence_is_refused(self, tmp_path):
        path = tmp_path / "e.json"
        self.collect(small()).save(path)
        good = json.loads(path.read_text())
        for change in (
            {"format": "x"},
            {"digest": "sha256:0"},
            {"kinds": {"cells": {}}},
            {"system": {"name": "x"}},
        ):
            path.write_text(json.dumps({**good, **change}))
            with pytest.raises(ConfigError):
                tk.Evidence.load(path)
        path.write_text(path.read_text()[:50])
        with pytest.raises(ConfigError, match="not JSON"):
            tk.Evidence.load(path)
        with pytest.raises(ConfigError):
            tk.Evidence.load(tmp_path / "none.json")
