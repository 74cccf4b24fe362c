"""Malformed tables are refused, answered or break the model, and each is told apart."""

import hashlib
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import trustkit as tk
from trustkit.checks.security.input_handling import input_handling
from trustkit.collectors import collect, malformed
from trustkit.collectors.trials import MOST_TRIED
from trustkit.config import Config
from trustkit.errors import ConfigError
from trustkit.evidence.trials import Trial, Trials
from trustkit.system import System

INPUTS = ["income", "years", "city"]


def trials_of(n):
    """Trials of a service that was sent n tables without an input, and answered some."""
    kinds = {
        "an input missing": Trial(n, n // 2, n - n // 2, n - n // 2, columns=("income",)[: n - n // 2]),
        "no rows": Trial(1, 1, errors=("ValueError",)),
    }
    return Trials({"rows": 8, "seed": 0}, kinds)


def trials_samples():
    """Trials of several services, and of one that was sent nothing."""
    return [trials_of(3), trials_of(1), trials_of(6), Trials({"rows": 8, "seed": 0}, {})]


def people(rows=400, seed=0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "income": rng.normal(50, 12, rows).round(2),
            "years": rng.normal(9, 4, rows),
            "city": rng.choice(["Dushanbe", "Khujand", "Kulob"], rows),
        }
    )
    worth = table["income"] / 12 + (table["city"] == "Khujand") + rng.normal(0, 1, rows)
    return table.assign(y=(worth > 4.3).astype(int))


def pipeline(table):
    encoded = make_column_transformer(
        (StandardScaler(), ["income", "years"]), (OneHotEncoder(handle_unknown="ignore"), ["city"])
    )
    return make_pipeline(encoded, LogisticRegression()).fit(table[INPUTS], table["y"])


class Wrapped:
    """The honest model behind a service of its own."""

    def __init__(self, model):
        self.model = model
        self.feature_names_in_ = np.array(INPUTS)

    def predict(self, X):
        return self.model.predict(X)


class Fills(Wrapped):
    def predict(self, X):
        return self.model.predict(X.reindex(columns=INPUTS).fillna({"income": 50, "years": 9, "city": "-"}))


class Leaves(Wrapped):
    def predict(self, X):
        if not set(X["city"]) <= {"Dushanbe", "Khujand", "Kulob"}:
            sys.exit(1)
        return self.model.predict(X)


class Sorts(Wrapped):
    def predict(self, X):
        return self.model.predict(X.sort_index())


class Recurses(Wrapped):
    def predict(self, X):
        return self.predict(X) if np.isinf(X["income"].to_numpy(float)).any() else self.model.predict(X)


def collected(model, table):
    system = System(model, table, target="y", favorable=1, features=INPUTS)
    found = collect(system, only=["trials"])
    assert not found.errors
    return found.kinds["trials"]


def figures(trials):
    return {each.metric: (each.value, each.note) for each in input_handling(trials)}


NOTHING = dict.fromkeys(("silent", "misaligned", "crashed", "slow"), (0, None))


@pytest.fixture(scope="module")
def table():
    return people()


@pytest.fixture(scope="module")
def honest(table):
    return pipeline(table)


def test_a_pipeline_refuses_what_it_cannot_read(honest, table):
    found = collected(honest, table)
    assert figures(found) == NOTHING
    missing, hostile = found.kinds["an input missing"], found.kinds["code and markup"]
    assert missing.refused == missing.sent >= 2
    assert hostile.answered == hostile.sent == len(malformed.HOSTILE)
    assert found.kinds["another index"].answered == 1


@pytest.mark.parametrize(
    ("model", "metric", "words"),
    [
        (Fills, "silent", "an input missing (city, income"),
        (Leaves, "crashed", "an unseen label"),
        (Sorts, "misaligned", "another index"),
        (Recurses, "crashed", "an infinite number"),
    ],
)
def test_each_fault_is_found_and_fails(honest, table, model, metric, words):
    found = figures(collected(model(honest), table))
    value, note = found[metric]
    assert value > 0
    assert words in note
    assert {name for name, (value, _) in found.items() if value} == {metric}
    card = tk.audit(
        model(honest), table, target="y", favorable=1, features=INPUTS, only=["security/input-handling"]
    )
    assert {f.metric: f.verdict for f in card.findings}[metric] == "fail"


def test_no_answer_and_the_last_digit_of_a_number_are_no_other_order(table):
    class Unsure(Wrapped):
        """Gives no number to the poor, and adds up in an order that hangs on the width of the table."""

        def predict(self, X):
            width = 1 + 1e-15 * len(X.columns)
            return np.where(X["income"] < 40, np.nan, X["income"].to_numpy() * 3 * width)

    found = collected(Unsure(None), table)
    assert found.kinds["another index"].answered == found.kinds["100,000 further columns"].answered == 1
    assert figures(found)["misaligned"] == (0, None)
    assert found.kinds["an input missing"].sent == 1


def test_only_so_many_inputs_are_asked_about_as_are_made_wrong(table):
    calls = []

    def counts(X):
        calls.append(len(X))
        return X.sum(axis=1).to_numpy()

    wide = pd.DataFrame(np.random.default_rng(0).normal(size=(300, 50))).add_prefix("x").assign(y=table["y"])
    kinds = collect(System(counts, wide, target="y", task="regression"), only=["trials"]).kinds
    assert kinds["trials"].kinds["an input missing"].sent == MOST_TRIED
    assert calls.count(200) == 1 + MOST_TRIED


def test_a_slow_model_is_asked_about_fewer_rows_within_the_budget(table, monkeypatch):
    class Clock:
        now, rows = 0.0, 0

        def perf_counter(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr("trustkit.collectors.budget.time", clock)

    def slow(X):
        clock.rows += len(X)
        clock.now += 0.01 * len(X)
        return np.zeros(len(X))

    wide = pd.DataFrame(np.random.default_rng(0).normal(size=(300, 50))).add_prefix("x").assign(y=table["y"])
    config = Config.of(options={"security/input-handling": {"budget": 10.0}})
    system = System(slow, wide, config=config, target="y", task="regression")
    found = collect(system, only=["trials"]).kinds["trials"]
    assert clock.rows < 1200, "51 times 200 rows else"
    assert found.pace == 0.01
    assert "fewer rows tell on which inputs answers depend" in found.notes()[1]
    assert Trials.from_json(found.to_json()) == found
    assert (found + found).pace == 0.01
    config = Config.of(options={"security/input-handling": {"budget": 0}})
    with pytest.raises(ConfigError, match="is not a number of seconds above 0"):
        collect(System(slow, wide, config=config, target="y", task="regression"), only=["trials"])


def test_a_slow_answer_is_told(honest, table, monkeypatch):
    monkeypatch.setattr("trustkit.collectors.trials.SLOW", -1.0)
    assert figures(collected(honest, table))["slow"][0] > 10


def test_an_input_that_does_not_matter_may_be_missing(table):
    class Simple(Wrapped):
        def predict(self, X):
            return (X["income"] > 50).astype(int)

    found = collected(Simple(None), table)
    assert found.kinds["an input missing"].sent == 1
    assert figures(found) == NOTHING


def test_codes_of_labels_are_no_numbers(honest, table):
    coded = table.assign(years=table["years"].round() % 5)
    found = collected(Wrapped(pipeline(coded)), coded)
    assert found.kinds["text for a number"].sent == 1


def test_a_further_column_is_one_of_a_hundred_thousand(table, monkeypatch):
    monkeypatch.setattr(malformed, "MANY_COLUMNS", 100_000)
    widest = max(malformed.malformed(table[INPUTS].iloc[:2], [], []), key=lambda made: made.table.shape[1])
    assert widest.table.shape == (2, 100_003)


def test_a_model_in_a_file_dies_alone_and_is_loaded_again(table, tmp_path):
    (tmp_path / "dying.py").write_text(
        "import os\nimport numpy as np\n\n"
        "class Dies:\n    classes_ = np.array([0, 1])\n"
        "    def predict(self, X):\n"
        "        if 'unseen before' in set(X['city']):\n            os.abort()\n"
        "        return (X['city'] == 'Kulob').astype(int)\n"
    )
    sys.path.insert(0, str(tmp_path))
    try:
        import dying

        joblib.dump(dying.Dies(), tmp_path / "model.joblib")
    finally:
        sys.path.remove(str(tmp_path))
    table.to_csv(tmp_path / "audit.csv", index=False)
    digest = hashlib.sha256((tmp_path / "model.joblib").read_bytes()).hexdigest()
    (tmp_path / "trustkit.toml").write_text(
        f'[system]\nmodel = "model.joblib"\ntrust = "sha256:{digest}"\n'
        '[data]\naudit = "audit.csv"\ntarget = "y"\nfavorable = 1\nfeatures = ["income", "years", "city"]\n'
        '[options."security/artifact"]\nallow = { "dying.Dies" = "ours" }\n'
    )
    found = collect(System.read(tmp_path), only=["trials"])
    assert not found.errors
    trials = found.kinds["trials"]
    assert trials.kinds["an unseen label"].crashed == 1
    assert trials.kinds["a text of a million signs"].answered == 1
    assert trials.kinds["another index"].answered == 1


def test_a_log_has_no_model_to_try(table):
    logged = table.assign(decision=table["y"])
    found = collect(System(None, logged, target="y", prediction="decision", favorable=1), only=["trials"])
    assert "no model" in found.absent["trials"][0]
