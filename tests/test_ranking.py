"""Ranking: AUCs, BPSN, BNSP, xAUC and ABROCA against scikit-learn, fairlearn, rows and published values."""

import time
from dataclasses import replace
from pathlib import Path

import fairlearn.metrics as fm
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

import trustkit as tk
from trustkit.checks.bias.ranking import ranking
from trustkit.errors import ConfigError
from trustkit.evidence.score_bins import SCORE_BINS, score_bins
from trustkit.evidence.tables import Scores
from trustkit.measure.intervals import AreaUnderCurve
from trustkit.measure.metrics import area, area_between

DATA = Path(__file__).with_name("data")
AA, C = "African-American", "Caucasian"
NO_INTERVAL = "chosen after looking: no interval"


def cells(frame, **keys):
    keys = {"target": "y", "score": "s", "favorable": 1, "sensitive": ["g"], **keys}
    return tk.collect(tk.System(data=frame, **keys), only=["cells"]).kinds["cells"]


def log(n=3000, seed=0, groups="abc"):
    """Rows with scores on a grid of which each bin holds one."""
    rng = np.random.default_rng(seed)
    s = rng.integers(11, 502, n) / 512
    g = rng.choice(list(groups), n)
    y = (rng.random(n) < 0.15 + 0.7 * s).astype(int)
    return pd.DataFrame({"g": g, "s": s, "y": y, "r": rng.choice(["x", "z"], n)})


def found(estimates, metric):
    """Estimates of a metric by labels of subject and reference."""
    made = {}
    for e in estimates:
        if e.metric == metric:
            other = e.subject.get("reference", {})
            labels = [other] if isinstance(other, str) else other.values()
            made[(*e.subject["groups"].values(), *labels)] = e
    return made


def histograms(score, truth, group, groups, weight=None):
    weight = np.ones(len(score)) if weight is None else weight
    place = (group * 2 + truth) * SCORE_BINS + score_bins(score)

    def total(part):
        flat = np.bincount(place, weights=part, minlength=groups * 2 * SCORE_BINS)
        return flat.reshape(groups, 2, SCORE_BINS)

    n = total(np.ones(len(score))).astype(np.int64)
    names = [{"g": str(i)} for i in range(groups)]
    return Scores(names, n, total(weight), total(weight * score), total(weight * score**2))


def curves_apart(y_a, s_a, y_b, s_b):
    """Area between two ROC curves, from rows: trapezoids between all knots and crossings."""
    (fpr_a, tpr_a, _), (fpr_b, tpr_b, _) = (
        roc_curve(y, s, drop_intermediate=False) for y, s in ((y_a, s_a), (y_b, s_b))
    )
    middle = (np.arange(2_000_000) + 0.5) / 2_000_000
    return np.abs(np.interp(middle, fpr_a, tpr_a) - np.interp(middle, fpr_b, tpr_b)).mean()


def test_auc_of_groups_is_scikit_learns_on_rows():
    rows = log()
    by_group = fm.MetricFrame(
        metrics=roc_auc_score, y_true=rows["y"], y_pred=rows["s"], sensitive_features=rows["g"]
    )
    made = list(ranking(cells(rows)))
    for group, value in by_group.by_group.items():
        assert found(made, "auc")[group,].value == pytest.approx(value, abs=1e-14)
    gaps = [e.value for e in found(made, "auc_difference").values()]
    assert max(gaps) == pytest.approx(by_group.difference(), abs=1e-14)


def test_auc_of_intersections_and_of_weighted_rows():
    rows = log(seed=1)
    rows["w"] = np.random.default_rng(1).integers(1, 64, len(rows)) / 16
    made = found(ranking(cells(rows, sensitive=["g", "r"], weight="w")), "auc")
    for labels, mine in rows.groupby(["g", "r"]):
        value = roc_auc_score(mine["y"], mine["s"], sample_weight=mine["w"])
        assert made[labels].value == pytest.approx(value, abs=1e-12)
        assert made[labels].limits is None
        assert made[labels].why == "no interval of an AUC is offered for weighted rows or rows of one unit"


def test_rows_of_one_unit_have_no_interval():
    rows = log(seed=1)
    rows["u"] = np.arange(len(rows)) // 3
    for e in ranking(cells(rows, unit="u")):
        assert e.limits is None
        assert e.why


def test_bpsn_and_bnsp_take_one_class_from_the_group_and_the_other_from_the_rest():
    rows = log(seed=2)
    made = list(ranking(cells(rows)))
    for group in "abc":
        inside, positive = rows["g"] == group, rows["y"] == 1
        for metric, taken in (
            ("bpsn_auc", (inside & ~positive) | (~inside & positive)),
            ("bnsp_auc", (inside & positive) | (~inside & ~positive)),
        ):
            mine = found(made, metric)[group,]
            assert mine.value == pytest.approx(roc_auc_score(rows["y"][taken], rows["s"][taken]), abs=1e-14)
            assert mine.n == rows["y"][taken].value_counts().min()
            low, high = mine.interval(0.05)
            assert low < mine.value < high


def test_xauc_compares_across_groups_both_ways():
    rows = log(seed=3)
    made = found(ranking(cells(rows)), "xauc_difference")

    def across(one, other):
        taken = ((rows["g"] == one) & (rows["y"] == 1)) | ((rows["g"] == other) & (rows["y"] == 0))
        return roc_auc_score(rows["y"][taken], rows["s"][taken])

    assert made["a", "b"].value == pytest.approx(across("a", "b") - across("b", "a"), abs=1e-14)
    assert made["b", "a"].value == pytest.approx(-made["a", "b"].value, abs=1e-14)
    low, high = made["a", "b"].interval(0.05)
    assert low < made["a", "b"].value < high


@pytest.mark.parametrize("compare", ["rest", "reference"])
def test_other_comparisons(compare):
    rows = log(seed=4)
    made = list(ranking(cells(rows), compare=compare, reference={"g": "c"}))
    inside, others = rows["g"] == "a", rows["g"] != "a" if compare == "rest" else rows["g"] == "c"
    one, other = (roc_auc_score(rows["y"][part], rows["s"][part]) for part in (inside, others))
    key = ("a", "rest" if compare == "rest" else "c")
    assert found(made, "auc_difference")[key].value == pytest.approx(one - other, abs=1e-14)
    expected = curves_apart(rows["y"][inside], rows["s"][inside], rows["y"][others], rows["s"][others])
    assert found(made, "abroca")[key].value == pytest.approx(expected, abs=1e-6)


def test_curves_that_cross_have_an_area_between_them_and_no_auc_gap():
    """holisticai's `abroca` is the AUC gap: 0 here."""
    rows = pd.DataFrame(
        [("a", 1, s) for s in (0.9, 0.9, 0.3, 0.3)]
        + [("a", 0, s) for s in (0.6, 0.6, 0.6, 0.6)]
        + [("b", 1, s) for s in (0.6, 0.6, 0.6, 0.6)]
        + [("b", 0, s) for s in (0.9, 0.9, 0.3, 0.3)],
        columns=["g", "y", "s"],
    )
    made = list(ranking(cells(rows)))
    assert found(made, "auc_difference")["a", "b"].value == 0
    # a rises to 1/2 at once and to 1 at the end; b is 0 until 1/2, then 1
    between = found(made, "abroca")
    assert list(between) == [("a", "b")]
    assert between["a", "b"].value == pytest.approx(0.5)


@pytest.fixture(scope="module")
def deciles():
    counts = pd.read_csv(DATA / "compas_deciles.csv")
    rows = counts.loc[counts.index.repeat(counts.pop("count"))].reset_index(drop=True)
    return pd.DataFrame({"g": rows["race"], "y": rows["recidivated"], "s": (rows["decile"] - 0.5) / 10})


def test_the_deciles_give_every_published_count_and_rate(deciles):
    """The table was found from these, which no other whole numbers give (tests/data/ORIGIN.md)."""
    by = deciles.groupby("g")
    low = deciles["s"] < 0.4
    confusion = {
        g: [int(((mine["y"] == y) & (low[mine.index] == (d == 0))).sum()) for y in (0, 1) for d in (0, 1)]
        for g, mine in by
    }
    assert confusion == {AA: [990, 805, 532, 1369], C: [1139, 349, 461, 505]}
    rates = deciles.groupby(["g", "s"])["y"].mean().round(4)
    assert rates[AA].tolist() == [
        0.2286, 0.3028, 0.4191, 0.4597, 0.4822, 0.5599, 0.5925, 0.6825, 0.7079, 0.7937,
    ]  # fmt: skip
    assert rates[C].tolist() == [
        0.2085, 0.3130, 0.3407, 0.3965, 0.4606, 0.5722, 0.6154, 0.7193, 0.6939, 0.7031,
    ]  # fmt: skip
    high = deciles[deciles["s"] > 0.7].groupby(["g", "y"]).size() / deciles.groupby(["g", "y"]).size()
    assert (100 * high).round(2).to_dict() == {(AA, 0): 15.82, (AA, 1): 38.98, (C, 0): 5.44, (C, 1): 20.19}


@pytest.mark.parametrize(
    ("metric", "key", "published"),
    [
        ("auc", (AA,), 0.6918),
        ("auc", (C,), 0.6931),
        ("auc_difference", (AA, C), -0.001312),
        ("abroca", (C, AA), 0.015815),
        ("bpsn_auc", (AA,), 0.544524),
        ("bnsp_auc", (AA,), 0.817676),
    ],
)
def test_published_values_of_compas(deciles, metric, key, published):
    made = found(ranking(cells(deciles)), metric)
    digits = 4 if metric == "auc" else 6
    assert round(made[key].value, digits) == published


def test_areas_of_many_groups_are_scikit_learns_and_quick():
    rng = np.random.default_rng(5)
    n, groups = 100_000, 1000
    score, group = rng.integers(0, 513, n) / 512, rng.integers(0, groups, n)
    truth, weight = (rng.random(n) < score).astype(np.int64), rng.random(n)
    plain, weighted = (histograms(score, truth, group, groups, w) for w in (None, weight))
    started = time.perf_counter()
    made = area(plain)
    assert time.perf_counter() - started < 1
    heavy = area(weighted)
    for i in range(0, groups, 20):
        mine = group == i
        assert made.value[i] == pytest.approx(roc_auc_score(truth[mine], score[mine]), abs=1e-14)
        assert made.n[i] == np.bincount(truth[mine]).min()
        expected = roc_auc_score(truth[mine], score[mine], sample_weight=weight[mine])
        assert heavy.value[i] == pytest.approx(expected, abs=1e-12)


def test_errors_are_delongs_on_rows():
    rng = np.random.default_rng(6)
    score, truth = rng.integers(0, 60, 200) / 64, rng.integers(0, 2, 200)
    s1, s0 = score[truth == 1], score[truth == 0]
    wins = (s1[:, None] > s0) + 0.5 * (s1[:, None] == s0)
    variance = wins.mean(axis=1).var(ddof=1) / len(s1) + wins.mean(axis=0).var(ddof=1) / len(s0)
    limits = area(histograms(score, truth, np.zeros(200, dtype=int), 1)).limits
    assert limits.error[0] == pytest.approx(np.sqrt(variance), rel=1e-12)
    assert (limits.positives[0], limits.negatives[0]) == (len(s1), len(s0))


def test_area_between_equals_that_of_rows_and_is_never_less_than_the_auc_gap():
    rng = np.random.default_rng(7)
    score, group = np.round(rng.random(600), 2), rng.integers(0, 2, 600)
    truth = (rng.random(600) < np.where(group == 0, score, 0.5 + 0.3 * (score > 0.8))).astype(np.int64)
    scores = histograms(score, truth, group, 2)
    between = area_between(scores.take([0]), scores.take([1]))[0]
    first = group == 0
    expected = curves_apart(truth[first], score[first], truth[~first], score[~first])
    assert between == pytest.approx(expected, abs=1e-6)
    assert between >= abs(np.diff(area(scores).value)[0]) - 1e-12
    assert area_between(scores.take([1]), scores.take([0]))[0] == pytest.approx(between, abs=1e-14)
    assert area_between(scores.take([1]), scores.take([1]))[0] == 0


def test_scores_of_the_rest():
    rows = log(500, seed=8)
    mine = cells(rows).scores(("g",))
    rest = mine.rest()
    assert rest.n[0].sum() == (rows["g"] != "a").sum()
    assert rest.s.sum() == pytest.approx(2 * mine.s.sum())


def limits(value=0.8, error=0.03, positives=80.0, negatives=120.0):
    return AreaUnderCurve(*(np.array([v]) for v in (value, error, positives, negatives)))


def test_an_area_grows_and_moves():
    plain = limits()
    grown, moved = plain.grown(np.array([4.0])), plain.placed(np.array([0.9]))
    assert grown.upper(0.05)[0] - 0.8 == pytest.approx((plain.upper(0.05)[0] - 0.8) / 2, rel=0.1)
    assert plain.placed(plain.value).error == pytest.approx(plain.error)
    assert moved.value[0] == 0.9
    assert moved.error[0] < plain.error[0]
    assert replace(plain, error=np.zeros(1), value=np.ones(1)).placed(np.array([0.9])).lower(0.05)[0] < 0.9


def test_fewer_than_thirty_of_a_class_are_shown_and_open():
    rows = log(2000, seed=9, groups="ab")
    few = (rows["g"] == "b") & (rows["y"] == 1)
    rows = rows.drop(rows.index[few][29:])
    card = tk.audit(
        data=rows, target="y", score="s", favorable=1, sensitive=["g"], policy="unga-78-265",
        only=["bias/ranking"],
    )  # fmt: skip
    of_b = [f for f in card.findings if f.check == "bias/ranking" and "g" in f.subject["groups"]]
    claims = [f for f in of_b if f.limit]
    assert {f.verdict for f in claims} == {"inconclusive"}
    assert {f.why for f in claims} == {"fewer than 30 rows of a class"}
    shown = next(f for f in of_b if f.id == "bias/ranking:auc:g=b")
    assert shown.n == 29
    assert shown.interval is None
    assert shown.estimate == pytest.approx(
        roc_auc_score(*(rows.loc[rows["g"] == "b", name] for name in "ys")), abs=1e-14
    )


def test_a_group_of_one_class_is_undefined_not_an_error():
    """holisticai raises an IndexError here."""
    rows = log(300, seed=10)
    rows.loc[rows["g"] == "b", "y"] = 0
    made = list(ranking(cells(rows)))
    assert np.isnan(found(made, "auc")["b",].value)
    assert found(made, "auc")["b",].why == "nothing to count"
    assert np.isnan(found(made, "auc_difference")["a", "b"].value)
    apart = {frozenset(key): e.value for key, e in found(made, "abroca").items()}
    assert np.isnan(apart[frozenset("ab")])
    assert np.isfinite(apart[frozenset("ac")])
    assert np.isfinite(found(made, "auc_difference")["a", "c"].value)


def test_what_no_limit_bounds_is_shown_once():
    rows = log(seed=11)
    made = list(ranking(cells(rows, sensitive=["g", "r"]), judged={"auc_difference"}))
    assert len([e for e in made if e.metric == "auc_difference" and len(e.subject["groups"]) == 1]) == 6 + 2
    for metric in ("abroca", "xauc_difference"):
        views = [tuple(e.subject["groups"]) for e in made if e.metric == metric]
        assert views == [("g",), ("r",)]
        of_three = next(e for e in made if e.metric == metric and "g" in e.subject["groups"])
        assert of_three.why == f"the largest of 3 comparisons, {NO_INTERVAL}"
    every = list(ranking(cells(rows), judged={"auc_difference"}, shown="all"))
    assert len(found(every, "xauc_difference")) == 6
    assert len(found(every, "abroca")) == 3


def test_a_limit_on_the_auc_difference_is_failed_by_a_score_that_ranks_one_group_by_chance():
    rng = np.random.default_rng(12)
    rows = log(8000, seed=12, groups="ab")
    chance = rows["g"] == "b"
    rows.loc[chance, "s"] = rng.permutation(rows.loc[chance, "s"])
    card = tk.audit(
        data=rows, target="y", score="s", favorable=1, sensitive=["g"], policy="unga-78-265",
        only=["bias/ranking"],
    )  # fmt: skip
    verdicts = {f.id: str(f.verdict) for f in card.findings if f.metric == "auc_difference"}
    assert verdicts == {
        "bias/ranking:auc_difference:g=a~g=b:max": "fail",
        "bias/ranking:auc_difference:g=b~g=a:max": "pass",
    }
    assert next(f for f in card.findings if f.verdict == "pass").detectable > 0.05


def test_more_rows_are_asked_for_where_they_would_settle():
    card = tk.audit(
        data=log(1500, seed=13, groups="ab"), target="y", score="s", favorable=1, sensitive=["g"],
        policy="unga-78-265", only=["bias/ranking"],
    )  # fmt: skip
    open_ = [f for f in card.findings if f.verdict == "inconclusive"]
    assert open_
    assert any(f.rows_needed for f in open_)


def test_classes_beside_the_positive_one_are_negative():
    rows = log(900, seed=14)
    rows["y"] = np.where(rows["y"] == 1, "high", np.where(rows["r"] == "x", "low", "middle"))
    made = found(ranking(cells(rows, positive="high", favorable="high")), "auc")
    mine = rows[rows["g"] == "a"]
    assert made["a",].value == pytest.approx(roc_auc_score(mine["y"] == "high", mine["s"]), abs=1e-14)


def test_what_is_missing_is_named():
    rows = log(300, seed=15)
    system = {"target": "y", "favorable": 1, "policy": "unga-78-265", "only": ["TK-FAI-03"]}
    card = tk.audit(data=rows.assign(d=rows["y"]), prediction="d", sensitive=["g"], **system)
    control = next(c for c in card.controls if c.id == "TK-FAI-03")
    assert "supply data.score: the column with P(positive), or a model with predict_proba" in control.needs
    with pytest.raises(ConfigError) as raised:
        tk.audit(
            data=rows, score="s", sensitive=["g"], limits={"bias/ranking": {"max_auc_diference": 0.1}},
            **system,
        )  # fmt: skip
    (problem,) = raised.value.problems
    assert problem.key == 'limits."bias/ranking".max_auc_diference'
    assert problem.nearest == "max_auc_difference"
