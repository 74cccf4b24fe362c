"""A model that answers otherwise when it is asked again is found; an honest one passes."""

import hashlib
import importlib
import os
import random
import sys
import threading

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from test_provenance import provenances
from test_robustness import Clock

import trustkit as tk
from trustkit.checks.safety.reproducibility import reproducibility
from trustkit.collectors import collect
from trustkit.collectors.reruns import MOST, MOST_SINGLE
from trustkit.config import Config
from trustkit.evidence.reruns import AGAIN, MODES, PROCESS, REORDERED, Changes, Reruns
from trustkit.system import System

SINGLY, BATCHES = MODES[2:4]
CHECK = "safety/reproducibility"
HERE = MODES[:4]


def reruns_of(n, seed=0, score=True):
    """Reruns of `n` rows in which some answers changed, as a check sees them."""
    rng = np.random.default_rng([n, seed])
    rows = dict(zip(MODES, (n, n, min(n, MOST_SINGLE), n, n if score else 0), strict=True))
    modes = {mode: Changes(k, *(int(rng.integers(0, k + 1)) for _ in range(2))) for mode, k in rows.items()}
    schema = {"seed": 0, "most": MOST, "most_single": MOST_SINGLE, "tolerance": 1e-9, "score": score}
    return Reruns(schema, n, modes)


def data(n=3000):
    rng = np.random.default_rng(5)
    x = rng.normal(size=n)
    return pd.DataFrame({"x": x, "z": rng.normal(size=n), "y": (x > 0).astype(int)})


class Model:
    """A classifier in whose place others are put."""

    classes_ = (0, 1)
    calls = 0

    def score(self, X):
        return 1 / (1 + np.exp(-X["x"].to_numpy()))

    def predict(self, X):
        type(self).calls += 1
        return (self.score(X) > 0.5).astype(int)

    def predict_proba(self, X):
        score = self.score(X)
        return np.column_stack([1 - score, score])


class ByRank(Model):
    """The upper half of a batch is accepted."""

    def score(self, X):
        return X["x"].rank(pct=True).to_numpy()


class ByPlace(Model):
    """Every other row is accepted, in the order in which they come."""

    def score(self, X):
        return np.arange(len(X)) % 2 * 0.9


class ByBatch(Model):
    """What is asked alone is refused."""

    def score(self, X):
        return super().score(X) * (len(X) > 1)


class ByMean(Model):
    """The mean of the batch is taken off: rows of another batch get another score."""

    def score(self, X):
        x = X["x"].to_numpy()
        return 1 / (1 + np.exp(-(x - x.mean())))


class ByChance(Model):
    """A generator without a seed."""

    def predict(self, X):
        return np.random.default_rng().integers(0, 2, len(X))


class ByGlobalChance(Model):
    """NumPy's global generator, which is put back after each call."""

    def predict(self, X):
        return np.random.randint(0, 2, len(X))  # noqa: NPY002


class ByPythonsChance(Model):
    def predict(self, X):
        return [random.randrange(2) for _ in range(len(X))]  # noqa: S311


class ByCount(Model):
    """State that is kept between calls."""

    asked = 0

    def predict(self, X):
        self.asked += 1
        return np.full(len(X), self.asked % 2)


def collected(model, table=None, seed=0, **keys):
    keys = {"target": "y", "favorable": 1, **keys}
    system = System(model, data() if table is None else table, **keys)
    return collect(system, only=["reruns"], seed=seed)


def changed(model, **keys):
    """Modes in which a decision changed, with how many."""
    modes = collected(model, **keys).kinds["reruns"].modes
    return {mode: changes.decisions for mode, changes in modes.items() if changes.decisions}


def test_an_honest_model_answers_the_same():
    evidence = collected(Model())
    reruns = evidence.kinds["reruns"]
    assert {mode: changes.rows for mode, changes in reruns.modes.items()} == {
        AGAIN: 2000,
        REORDERED: 2000,
        SINGLY: MOST_SINGLE,
        BATCHES: 2000,
        PROCESS: 0,
    }
    assert all(c.decisions == c.scores == 0 for c in reruns.modes.values())
    assert reruns.notes() == [
        "2,000 of 3,000 rows, drawn with seed 0, asked again twice, reordered (2,000 rows), "
        "batches of 1 (100 rows), batches of 1000 (2,000 rows)",
        "no other process was asked: the model is an object in memory; "
        'options."safety/reproducibility".process = true passes it on',
    ]


def test_the_calls_are_bounded_and_on_the_card(monkeypatch):
    Clock(monkeypatch)
    Model.calls = 0
    (cost,) = collected(Model()).costs
    assert cost.model_calls == Model.calls == 1 + 1 + 2 + 1 + MOST_SINGLE + 2
    (cost,) = collected(Model(), data(30)).costs
    assert cost.model_calls == 1 + 1 + 2 + 1 + 30 + 1


@pytest.mark.parametrize(
    ("model", "modes"),
    [
        (ByRank, {SINGLY, BATCHES}),
        (ByPlace, {REORDERED, SINGLY}),
        (ByBatch, {SINGLY}),
        (ByMean, {SINGLY, BATCHES}),
        (ByChance, {*HERE}),
        (ByGlobalChance, {*HERE}),
        (ByPythonsChance, {*HERE}),
        (ByCount, {AGAIN, SINGLY, BATCHES}),
    ],
)
def test_a_model_that_changes_is_found_where_it_does(model, modes):
    assert set(changed(model())) >= modes
    if modes != {*HERE} and AGAIN not in modes:
        assert AGAIN not in changed(model())


@pytest.mark.parametrize(
    "model", [ByRank, ByPlace, ByBatch, ByMean, ByChance, ByGlobalChance, ByCount, Model]
)
def test_the_verdict_fails_all_but_the_honest(model, tmp_path):
    policy = tmp_path / "p.toml"
    policy.write_text(
        """
id = "p"
version = "1"
title = "Reproducible"
[[controls]]
id = "TK-SAF-07"
title = "Reproducibility"
requirement = "Same rows, same answers."
principle = "safe"
area = "safety"
severity = "medium"
[[controls.checks]]
check = "safety/reproducibility"
limits.max_changed = { value = 0, source = "trustkit default" }
"""
    )
    card = tk.audit(model(), data(), target="y", favorable=1, policy=policy)
    assert card.verdict == ("pass" if model is Model else "fail")
    for finding in card.findings:
        if finding.metric == "changed":
            assert finding.limit["max"] == 0
            assert finding.interval is None
            assert (finding.estimate > 0) == (finding.verdict == "fail")
        else:
            assert finding.verdict == "not_applicable"
    if model is Model:
        assert not card.gate.blocking


def test_global_generators_and_the_data_are_left_as_found():
    np.random.seed(3)  # noqa: NPY002
    random.seed(3)
    before = np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    table = data()
    copy = table.copy(deep=True)
    collected(ByGlobalChance(), table)
    assert (np.random.get_state()[1].tolist(), random.getstate()) == before  # noqa: NPY002
    pd.testing.assert_frame_equal(table, copy)


def test_a_seed_gives_the_same_counts_and_another_seed_other_rows():
    one, same, other = (collected(ByMean(), seed=seed).kinds["reruns"].to_json() for seed in (1, 1, 2))
    assert one == same
    assert one["modes"] != other["modes"]


def test_scores_that_move_by_less_than_the_tolerance_are_the_same():
    class Noisy(Model):
        noise = 0.0

        def score(self, X):
            return super().score(X) + self.noise * len(X)

    for noise, share in ((1e-14, 0), (1e-9, 1)):
        model = Noisy()
        model.noise = noise
        found = collected(model).kinds["reruns"].modes["batches of 1000"]
        assert (found.decisions, found.scores) == (0, share * found.rows)


def test_rows_asked_one_by_one_are_asked_for_decisions_alone():
    reruns = collected(Model()).kinds["reruns"]
    shown = {
        estimate.subject["mode"]
        for estimate in reproducibility(reruns, None)
        if estimate.metric == "score_changed"
    }
    assert SINGLY not in shown
    assert "batches of 1000" in shown


def test_predicted_numbers_change_by_more_than_the_tolerance_or_not_at_all():
    def nearly(X):
        return X["x"].to_numpy() + len(X) * 1e-16

    def moved(X):
        return X["x"].to_numpy() + len(X) * 1e-6

    keys = {"table": data(50).assign(y=lambda t: t["x"]), "favorable": None, "task": "regression"}
    assert changed(nearly, **keys) == {}
    assert changed(moved, **keys) == {SINGLY: 50}


def test_a_model_without_scores_has_no_score_that_changes():
    reruns = collected(lambda X: (X["x"] > 0).astype(int)).kinds["reruns"]
    assert not reruns.schema["score"]
    assert {estimate.metric for estimate in reproducibility(reruns)} == {"changed"}
    assert PROCESS not in {estimate.subject["mode"] for estimate in reproducibility(reruns)}


def test_a_log_without_a_model_has_no_reruns_and_says_what_to_supply():
    rows = data()
    evidence = collected(None, rows.assign(d=rows["y"]), prediction="d")
    assert not evidence.kinds
    reason, supply = evidence.absent["reruns"]
    assert reason == "there is no model to ask again: the data carry the decisions"
    assert supply.startswith("system.model")


def test_a_model_that_cannot_be_asked_one_row_is_an_error():
    class Squeezed(Model):
        def predict(self, X):
            return np.squeeze((self.score(X) > 0.5).astype(int))

    evidence = collected(Squeezed())
    assert "ModelError" in evidence.errors["reruns"]


def test_it_goes_to_a_file_and_back_and_is_shared(tmp_path):
    evidence = collected(ByMean())
    evidence.save(tmp_path / "e.json")
    again = tk.Evidence.load(tmp_path / "e.json")
    assert again.kinds["reruns"].to_json() == evidence.kinds["reruns"].to_json()
    assert evidence.without_small_cells(5).kinds["reruns"] == evidence.kinds["reruns"]


def test_the_audit_in_steps_gives_the_same_digest(tmp_path):
    keys = {"target": "y", "favorable": 1}
    card = tk.audit(ByMean(), data(), policy="unga-78-265", as_of="2026-11-24", **keys)
    evidence = tk.collect(System(ByMean(), data(), **keys))
    evidence.save(tmp_path / "e.json")
    again = tk.judge(tk.Evidence.load(tmp_path / "e.json"), "unga-78-265", as_of="2026-11-24")
    assert again.digest == card.digest
    assert {c.id: c.verdict for c in card.controls}["TK-SAF-07"] == "fail"


def test_shards_add():
    table = data()
    shards = [collected(ByMean(), table[i::2]) for i in (0, 1)]
    both = (shards[0] + shards[1]).kinds["reruns"]
    assert both.of == 3000
    assert both.modes[AGAIN].rows == 3000
    assert both.notes()[0].startswith("all rows, drawn with seed 0")


def test_progress_is_told():
    said = []
    system = System(Model(), data(30), target="y", favorable=1)
    collect(system, only=["reruns"], progress=lambda *each: said.append(each))
    assert said[1] == ("ask again, about 1 s", 0, 6 * 30 + MOST_SINGLE)
    assert said[2] == ("ask again, 1 of 6", 30, 30)
    assert said[-1] == ("ask again, 6 of 6", 30, 30)


class Closed(Model):
    """Holds what cannot be passed on."""

    def __init__(self):
        self.lock = threading.Lock()


RULES = """
import sys
import numpy as np

class Honest:
    classes_ = (0, 1)

    def score(self, rows):
        return 1 / (1 + np.exp(-rows["x"].to_numpy()))

    def predict(self, rows):
        return (self.score(rows) > 0.5).astype(int)

    def predict_proba(self, rows):
        return np.column_stack([1 - self.score(rows), self.score(rows)])

class Salted(Honest):
    def score(self, rows):
        return np.full(len(rows), hash("salt") % 1000 / 1000)

def above(rows):
    print("heard")
    return (rows["x"] > 0).astype(int)

def here(rows):
    return np.full(len(rows), int(sys.argv[0].endswith("fresh.py")))

def never(rows):
    if sys.argv[0].endswith("fresh.py"):
        raise KeyError("a value that nobody is to see")
    return (rows["x"] > 0).astype(int)
"""


def passed_on(model, table=None, folder=None, **keys):
    """What another process made of a model."""
    config = Config.of(folder=folder, options={CHECK: {"process": True}})
    keys = {"target": "y", "favorable": 1, **keys}
    system = System(model, data(200) if table is None else table, config=config, **keys)
    return collect(system, only=["reruns"]).kinds["reruns"]


@pytest.fixture
def rules(tmp_path, monkeypatch):
    """A module of models that another process can import."""
    (tmp_path / "rules_elsewhere.py").write_text(RULES)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("rules_elsewhere")
    del sys.modules["rules_elsewhere"]


def test_an_object_is_passed_on_where_asked_and_what_depends_on_hashes_is_found(rules):
    honest, salted = passed_on(rules.Honest()), passed_on(rules.Salted())
    assert honest.modes[PROCESS] == Changes(200, 0, 0)
    assert honest.alone == ""
    assert "another process (200 rows)" in honest.notes()[0]
    assert salted.modes[PROCESS].scores == 200
    assert all(salted.modes[mode].scores == 0 for mode in HERE)


def test_what_cannot_be_passed_on_is_said():
    assert passed_on(Closed()).alone == "it cannot be passed on: TypeError"
    assert passed_on(lambda X: (X["x"] > 0).astype(int)).alone.startswith("it cannot be passed on: ")


def anew(tmp_path, name):
    (tmp_path / "rules_anew.py").write_text(RULES)
    keys = {"config": Config.of(folder=tmp_path), "target": "y", "favorable": 1}
    return collect(System(f"rules_anew:{name}", data(200), **keys), only=["reruns"]).kinds["reruns"]


def test_a_module_is_imported_anew(tmp_path):
    assert anew(tmp_path, "above").modes[PROCESS] == Changes(200, 0, 0)
    changed = anew(tmp_path, "here").modes[PROCESS]
    assert changed.rows == changed.decisions == 200


def test_a_model_that_fails_there_is_said_by_the_type_alone(tmp_path):
    reruns = anew(tmp_path, "never")
    assert reruns.alone == "it failed there: KeyError"
    assert reruns.modes[PROCESS].rows == 0


@pytest.mark.slow
def test_a_file_is_loaded_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONHASHSEED", "1")
    rows = data(30)
    path = tmp_path / "model.joblib"
    joblib.dump(LogisticRegression().fit(rows[["x", "z"]], rows["y"]), path)
    digest = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    keys = {"target": "y", "favorable": 1, "trust": digest}
    system = System("model.joblib", rows, config=Config.of(folder=tmp_path), **keys)
    reruns = collect(system, only=["reruns"]).kinds["reruns"]
    assert reruns.modes[PROCESS] == Changes(30, 0, 0)
    assert os.environ["PYTHONHASHSEED"] == "1"


def test_no_other_process_where_none_is_wanted():
    config = Config.of(options={CHECK: {"process": False}})
    system = System(Model(), data(30), config=config, target="y", favorable=1)
    reruns = collect(system, only=["reruns"]).kinds["reruns"]
    assert reruns.modes[PROCESS].rows == 0
    assert reruns.alone.endswith("process is false")


def test_a_slow_model_is_asked_of_fewer_rows(monkeypatch):
    class Slow(Model):
        def predict(self, X):
            clock.now += 0.05 * len(X)
            return super().predict(X)

    clock = Clock(monkeypatch)
    reruns = collected(Slow()).kinds["reruns"]
    assert 30 < clock.now <= 60
    assert 60 < reruns.modes[AGAIN].rows < 240
    assert reruns.pace == 0.05
    assert any("about 50 ms a row" in note for note in reruns.notes())


def test_what_the_card_does_not_record_is_named(tmp_path):
    found = list(reproducibility(reruns_of(50), provenances()[0]))
    (fact,) = [each for each in found if each.metric == "unrecorded"]
    assert fact.n == 4
    card = tk.audit(Model(), data(200), target="y", favorable=1, only=[CHECK], as_of="2026-11-24")
    (finding,) = [finding for finding in card.findings if finding.metric == "unrecorded"]
    assert finding.estimate == 4
    assert finding.verdict == "not_applicable"
    lacking = "a digest of the model, a digest of the data, the system's version, a lock file of the packages"
    assert finding.message.endswith(f"Lacking: {lacking}")
