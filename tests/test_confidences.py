"""Confidences: the rows that are drawn, what is counted of them, and the sets of conformal prediction."""

import json
import math

import numpy as np
import pandas as pd
import pytest

import trustkit as tk
from trustkit.collectors import collect
from trustkit.collectors.confidences import conformal_bound
from trustkit.errors import ConfigError
from trustkit.evidence import Evidence
from trustkit.evidence.confidences import HELD, MISSED, RIGHT, WRONG, Confidences, parted
from trustkit.system import System


def log(rows=3000, seed=0, sharpen=1.0):
    """A log of two groups whose scores come true, unless their logits are sharpened."""
    rng = np.random.default_rng([rows, seed])
    logit = rng.normal(0, 1.5, rows)
    truth = rng.random(rows) < 1 / (1 + np.exp(-logit))
    score = 1 / (1 + np.exp(-sharpen * logit))
    group = rng.choice(["a", "b", "c"], rows)
    weight = rng.uniform(0.5, 2, rows).round(3)
    who = rng.integers(0, max(rows // 3, 1), rows)
    table = {"g": group, "y": truth.astype(int), "s": score, "d": (score > 0.5).astype(int)}
    return pd.DataFrame({**table, "w": weight, "who": who})


def collected(table, seed=0, **keys):
    roles = {"target": "y", "score": "s", "favorable": 1, "sensitive": ["g"], **keys}
    made = collect(System(data=table, **roles), only=["confidences"], seed=seed)
    assert not made.errors, made.errors
    return made


def confidences_of(rows, seed=0, **keys):
    """Confidences of a log, as a check sees them."""
    if rows:
        return collected(log(rows, seed), **keys).kinds["confidences"]
    made = confidences_of(50, seed, **keys)
    data = made.to_json()
    for cells in (data["decided"], data["intervals"], *data["classes"].values()):
        cells["block"] = {"codes": [], "sums": {name: [] for name in cells["block"]["sums"]}}
    return Confidences.from_json({**data, "of": 0})


class Three:
    """A classifier of three classes whose probabilities come true."""

    classes_ = ("a", "b", "c")

    def predict_proba(self, X):
        logits = X[["p", "q", "r"]].to_numpy()
        chances = np.exp(logits)
        return chances / chances.sum(axis=1, keepdims=True)

    def predict(self, X):
        return np.array(self.classes_)[self.predict_proba(X).argmax(axis=1)]


def three(rows=1500, seed=0, sharpen=1.0):
    """Rows for `Three`, which is sure beyond its knowledge where `sharpen` is above 1."""
    rng = np.random.default_rng([rows, seed])
    X = pd.DataFrame(rng.normal(0, 1.5, (rows, 3)), columns=["p", "q", "r"])
    chances = Three().predict_proba(X)
    truth = (rng.random(rows)[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    return (X * sharpen).assign(y=np.array(Three.classes_)[truth], g=rng.choice(["x", "z"], rows))


def of_three(rows=1500, seed=0, sharpen=1.0, **keys):
    roles = {"target": "y", "sensitive": ["g"], "features": ["p", "q", "r"], **keys}
    system = System(Three(), data=three(rows, seed, sharpen), **roles)
    made = collect(system, only=["confidences", "cells"], seed=seed)
    assert not made.errors, made.errors
    return made


def intervals(rows=800, seed=0, width=1.645):
    rng = np.random.default_rng([rows, seed])
    said = rng.normal(size=rows)
    truth = said + rng.normal(size=rows)
    return pd.DataFrame(
        {"y": truth, "d": said, "low": said - width, "high": said + width, "g": rng.choice(["a", "b"], rows)}
    )


def of_intervals(table, **keys):
    roles = {"target": "y", "prediction": "d", "task": "regression", "interval": ["low", "high"], **keys}
    return collect(System(data=table, sensitive=["g"], **roles), only=["confidences"])


def confidences_samples():
    """Confidences of plain rows, weighted rows, persons, three classes, intervals, few rows and none."""
    return [
        confidences_of(900),
        confidences_of(400, weight="w"),
        confidences_of(400, unit="who"),
        of_three(400).kinds["confidences"],
        of_intervals(intervals(300)).kinds["confidences"],
        confidences_of(3),
        confidences_of(0),
    ]


def counts(cells):
    """Rows by label of the truth."""
    table = cells.table()
    return dict(zip(table.truths, table.n.sum(axis=(0, 2)).tolist(), strict=True))


# Decisions


def test_decisions_are_counted_by_their_own_probability():
    rows = log()
    made = collected(rows, prediction="d").kinds["confidences"]
    right = (rows["y"] == rows["d"]).sum()
    assert counts(made.decided) == {RIGHT: right, WRONG: len(rows) - right}
    confidence = np.where(rows["d"] == 1, rows["s"], 1 - rows["s"])
    table = made.decided.table(scored=True)
    assert table.s.sum() == pytest.approx(confidence.sum(), abs=1e-5)
    assert made.decided.scores().n.sum() == len(rows)


def test_without_a_decision_the_likelier_class_is_taken():
    rows = log()
    with_, without = (collected(rows, **keys).kinds["confidences"] for keys in ({"prediction": "d"}, {}))
    assert counts(with_.decided) == counts(without.decided)
    turned = rows.assign(d=1 - rows["d"])
    opposite = collected(turned, prediction="d").kinds["confidences"].decided
    assert opposite.table(scored=True).s.sum() == pytest.approx(
        np.minimum(rows["s"], 1 - rows["s"]).sum(), abs=1e-5
    )


def test_rows_without_truth_score_or_decision_are_left_out():
    rows = log(600).astype({"y": object, "d": object})
    rows.loc[:9, "y"] = None
    rows.loc[10:29, "s"] = np.nan
    rows.loc[30:34, "d"] = None
    made = collected(rows, prediction="d").kinds["confidences"]
    assert made.rows == 600 - 35
    assert made.of == 600
    assert made.notes()[0].startswith("565 of 600 rows with a truth")


def test_parted_parts_by_bin():
    made = confidences_of(2000).decided
    from trustkit.evidence.score_bins import score_bins

    above, below = parted(made, int(score_bins(np.array([0.8]))[0]))
    rows = log(2000)
    sure = np.maximum(rows["s"], 1 - rows["s"]) >= 0.8
    assert (above.rows, below.rows) == (sure.sum(), (~sure).sum())


def test_of_a_person_one_row_is_taken():
    rows = log(900)
    made = collected(rows, unit="who").kinds["confidences"]
    assert made.rows == rows["who"].nunique()


def test_weights_count():
    rows = log(900)
    made = collected(rows, weight="w").kinds["confidences"]
    right = rows["y"] == (rows["s"] > 0.5)
    table = made.decided.table()
    assert table.weight.sum() == pytest.approx(rows["w"].sum(), abs=1e-3)
    assert table.weight[:, table.truths.index(RIGHT)].sum() == pytest.approx(rows["w"][right].sum(), abs=1e-3)


# Several classes


def test_of_several_classes_every_probability_is_asked_for():
    made = of_three()
    found, table = made.kinds["confidences"], three()
    chances = Three().predict_proba(table)
    assert list(found.classes) == ["a", "b", "c"]
    for i, name in enumerate(Three.classes_):
        cells = found.classes[name]
        assert counts(cells)["yes"] == (table["y"] == name).sum()
        assert cells.table(scored=True).s.sum() == pytest.approx(chances[:, i].sum(), abs=1e-5)
    assert found.decided.table(scored=True).s.sum() == pytest.approx(chances.max(axis=1).sum(), abs=1e-5)
    assert [cost.model_calls for cost in made.costs if cost.kind == "confidences"] == [1]


def test_of_many_rows_so_many_are_drawn(monkeypatch):
    monkeypatch.setattr("trustkit.collectors.confidences.MOST_ASKED", 500)
    one, two = (of_three(seed=0).kinds["confidences"] for _ in range(2))
    assert one.rows == 500
    assert one.to_json() == two.to_json()
    assert one.notes()[0].startswith("500 of 1,500 rows with a truth, drawn with seed 0")
    monkeypatch.setattr("trustkit.collectors.confidences.MOST", 300)
    assert confidences_of(900).rows == 300
    assert of_intervals(intervals(900)).kinds["confidences"].rows == 300


def test_a_log_of_several_classes_does_not_know_their_probabilities():
    table = three().assign(d="a")
    made = collect(System(data=table, target="y", prediction="d", task="multiclass"), only=["confidences"])
    why, supply = made.absent["confidences"]
    assert why == "the probability of every class is not known"
    assert supply == "system.model: a model with predict_proba"


def test_what_is_lacking_is_asked_for():
    rows = log(300)
    for keys, supply in (
        ({"score": None, "prediction": "d"}, "data.score"),
        ({"target": None, "prediction": "d"}, "data.target"),
    ):
        made = collect(
            System(data=rows, **{"target": "y", "score": "s", "favorable": 1, **keys}), only=["confidences"]
        )
        assert made.absent["confidences"][1].startswith(supply)
    quantity = collect(
        System(data=intervals(), target="y", prediction="d", task="regression"), only=["confidences"]
    )
    assert quantity.absent["confidences"] == ("no interval of the predicted quantity is declared", None)


def test_scores_that_are_none_are_told():
    made = collect(
        System(data=log(300).assign(s=lambda t: 100 * t["s"]), target="y", score="s", favorable=1),
        only=["confidences"],
    )
    assert "scores lie outside [0, 1]" in made.errors["confidences"]


# Sets and intervals


def test_the_bound_is_the_quantile_of_split_conformal_prediction():
    chance = np.array([0.9, 0.1, 0.5, 0.7, 0.3, 0.8, 0.2, 0.6, 0.4])
    assert conformal_bound(chance, 0.9) == 0.1  # the ninth of nine
    assert conformal_bound(chance, 0.5) == 0.5
    assert conformal_bound(chance, 0.91) == -math.inf
    assert conformal_bound(chance[:0], 0.9) == -math.inf


def test_sets_hold_what_they_are_to_hold():
    held = []
    for seed in range(20):
        table = collected(log(2000, seed)).kinds["confidences"].intervals.table()
        held.append(table.n[:, table.truths.index(HELD)].sum() / table.n.sum())
    assert np.mean(held) == pytest.approx(0.9, abs=0.01)
    assert min(held) > 0.85


MAPIE = [0.8946666666666667, 1.7413333333333334]
"""Coverage and mean size of the sets of MAPIE 1.6.0.

`SplitConformalClassifier(confidence_level=.9, conformity_score="lac", prefit=True)` was fitted on the even
rows drawn of `three()`, and asked about the odd ones.
"""


def test_sets_are_those_of_mapie():
    cells = of_three().kinds["confidences"].intervals
    table = cells.table()
    held = table.n[:, table.truths.index(HELD)].sum() / table.n.sum()
    size = (table.n.sum(axis=(0, 1)) * np.array(table.predictions, dtype=int)).sum() / table.n.sum()
    assert [held, size] == pytest.approx(MAPIE, abs=1e-12)


def test_sets_are_counted_by_group():
    made = collected(log(2000)).kinds["confidences"].intervals
    assert made.rows == 1000
    groups = made.table(("g",))
    assert [group["g"] for group in groups.groups] == ["a", "b", "c"]
    assert groups.rows.sum() == 1000


def test_declared_intervals_hold_both_their_ends():
    table = pd.DataFrame(
        {"y": [1.0, 2, 3, 0, np.nan, 2], "low": [1.0, 1, 1, 1, 1, np.nan], "high": 2.0, "d": 1.5, "g": "a"}
    )
    made = of_intervals(table).kinds["confidences"]
    assert counts(made.intervals) == {HELD: 2, MISSED: 2}
    assert made.decided is None
    assert made.notes() == ["intervals of 4 of 6 rows with a truth"]


def test_a_wrong_interval_is_refused():
    with pytest.raises(ConfigError) as caught:
        of_intervals(intervals(), interval=["high", "low"])
    (problem,) = caught.value.problems
    assert problem.key == "data.interval"
    assert "800 rows: are the columns exchanged?" in problem.found
    with pytest.raises(ConfigError, match=r"data\.interval: .*'low'"):
        of_intervals(intervals().assign(low="much"))
    with pytest.raises(ConfigError, match="high'"):
        of_intervals(intervals(), interval=["low", "hihg"])


@pytest.mark.parametrize("level", [0, 1, 2.5])
def test_a_wrong_level_is_refused(level):
    with pytest.raises(ConfigError, match="is not between 0 and 1"):
        tk.audit(
            data=log(300),
            target="y",
            score="s",
            favorable=1,
            policy="unga-78-265",
            only=["safety/overconfidence"],
            options={"safety/overconfidence": {"level": float(level)}},
        )


# Adding and sharing


def test_parts_add_and_a_file_keeps_them(tmp_path):
    one, two = confidences_of(300), confidences_of(500)
    both = one + two
    assert both.rows == 800
    assert json.dumps((two + one).to_json()) == json.dumps(both.to_json())
    evidence = collected(log(300))
    evidence.save(tmp_path / "e.json")
    assert (
        Evidence.load(tmp_path / "e.json").kinds["confidences"].to_json()
        == evidence.kinds["confidences"].to_json()
    )
    with pytest.raises(ValueError, match="do not add"):
        one + Confidences({**one.schema, "level": 0.8}, 0, None, {}, None)


def test_shared_evidence_holds_no_small_cell():
    shared = collected(log(2000)).without_small_cells(5).kinds["confidences"]
    for cells in (shared.decided, shared.intervals):
        for part in cells.parts.values():
            assert part.block.sums["n"].min() >= 5
