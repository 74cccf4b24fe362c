"""A model that answers otherwise when it is asked again is found; an honest one passes."""

import random

import numpy as np
import pandas as pd
import pytest

import trustkit as tk
from trustkit.collectors import collect
from trustkit.collectors.reruns import MOST, MOST_SINGLE
from trustkit.evidence.reruns import AGAIN, MODES, REORDERED, Changes, Reruns
from trustkit.system import System

SINGLY, BATCHES = MODES[2:]


def reruns_of(n, seed=0, score=True):
    """Reruns of `n` rows in which some answers changed, as a check sees them."""
    rng = np.random.default_rng([n, seed])
    rows = dict(zip(MODES, (n, n, min(n, MOST_SINGLE), n), strict=True))
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
    }
    assert all(c.decisions == c.scores == 0 for c in reruns.modes.values())
    assert reruns.notes() == [
        "2,000 of 3,000 rows, drawn with seed 0, asked again twice, reordered (2,000 rows), "
        "batches of 1 (100 rows), batches of 1000 (2,000 rows)"
    ]


def test_the_calls_are_bounded_and_on_the_card():
    Model.calls = 0
    (cost,) = collected(Model()).costs
    assert cost.model_calls == Model.calls == 1 + 2 + 1 + MOST_SINGLE + 2
    (cost,) = collected(Model(), data(30)).costs
    assert cost.model_calls == 1 + 2 + 1 + 30 + 1


@pytest.mark.parametrize(
    ("model", "modes"),
    [
        (ByRank, {SINGLY, BATCHES}),
        (ByPlace, {REORDERED, SINGLY}),
        (ByBatch, {SINGLY}),
        (ByMean, {SINGLY, BATCHES}),
        (ByChance, {*MODES}),
        (ByGlobalChance, {*MODES}),
        (ByPythonsChance, {*MODES}),
        (ByCount, {AGAIN, SINGLY, BATCHES}),
    ],
)
def test_a_model_that_changes_is_found_where_it_does(model, modes):
    assert set(changed(model())) >= modes
    if modes != {*MODES} and AGAIN not in modes:
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

    for noise, scores in ((1e-14, 0), (1e-9, MOST_SINGLE)):
        model = Noisy()
        model.noise = noise
        reruns = collected(model).kinds["reruns"]
        assert (reruns.modes[SINGLY].decisions, reruns.modes[SINGLY].scores) == (0, scores)


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
    from trustkit.checks.safety.reproducibility import reproducibility

    assert {estimate.metric for estimate in reproducibility(reruns)} == {"changed"}


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
    assert said[0] == ("ask again, 1 of 6", 30, 30)
    assert said[-1] == ("ask again, 6 of 6", 30, 30)
