"""Calibration: the curve, its errors, balance and what cannot be had at once, against rows and MAPIE."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss

import trustkit as tk
from trustkit.checks.bias.calibration import calibration
from trustkit.checks.reliability import STRATA
from trustkit.checks.safety.calibration import calibration as overall
from trustkit.errors import ConfigError
from trustkit.judging.wording import figure_message
from trustkit.measure.calibration import curve, decomposition, mean_score, spiegelhalter
from trustkit.measure.intervals import Deviation

DATA = Path(__file__).with_name("data")
AA, C = "African-American", "Caucasian"


def cells(frame, **keys):
    keys = {"target": "y", "score": "s", "favorable": 1, "sensitive": ["g"], **keys}
    return tk.collect(tk.System(data=frame, **keys), only=["cells"]).kinds["cells"]


def log(n=3000, seed=0, groups="abc"):
    """Rows with scores on a grid of which each bin holds one; the score overstates for group a."""
    rng = np.random.default_rng(seed)
    s = rng.integers(11, 502, n) / 512
    g = rng.choice(list(groups), n)
    y = (rng.random(n) < np.where(g == "a", 0.8 * s, s)).astype(int)
    frame = pd.DataFrame({"g": g, "s": s, "y": y, "r": rng.choice(["x", "z"], n)})
    return frame.assign(d=(frame["s"] > 0.5).astype(int))


def found(estimates, metric):
    """Estimates of a metric by labels of subject, stratum and reference."""
    made = {}
    for e in estimates:
        if e.metric == metric:
            other, labels = e.subject.get("reference", {}), e.subject.get("groups", {}).values()
            more = [other] if isinstance(other, str) else other.values()
            stratum = [e.subject["stratum"]] if "stratum" in e.subject else []
            made[(*labels, *stratum, *more)] = e
    return made


def mapie_rows():
    """240 rows whose scores lie on no edge of a bin."""
    i = np.arange(240)
    s = ((i * 37) % 61 + 1.5) / 64
    y = ((i * 29 + i // 7) % 64 < 64 * s * 0.8 + 6).astype(int)
    return pd.DataFrame({"g": np.where(i % 3 == 0, "a", "b"), "s": s, "y": y})


RECORDED = {
    "": (0.08372395833333333, 2.6474331216185183),
    "a": (0.2333984375, 2.61770487875962),
    "b": (0.1509765625, 1.3887022028601972),
}
"""expected_calibration_error and spiegelhalter_statistic of MAPIE 1.6.0.

Its ``num_bins=11`` is what makes ten equal bins: it counts the edges, and asked for ten cuts nine.
"""


def test_ece_and_spiegelhalter_are_mapies():
    rows = mapie_rows()
    made = cells(rows)
    for group, (ece, z) in RECORDED.items():
        scores = made.scores(("g",) if group else ())
        place = np.array([[g.get("g", "") for g in scores.groups].index(group)])
        mine = scores.take(place)
        size = np.array([float(mine.n.sum())])
        limits = curve(mine, size, np.array([np.inf])).ece()[1]
        assert isinstance(limits, Deviation)
        assert limits.plain[0] == pytest.approx(ece, rel=1e-12)
        assert spiegelhalter(mine)[0] == pytest.approx(z, rel=1e-12)
    shown = found(calibration(made), "spiegelhalter")
    assert shown["a",].value == pytest.approx(RECORDED["a"][1], rel=1e-12)
    assert shown["a",].limits is None


def test_spiegelhalters_of_the_documentation_of_mapie():
    rows = pd.DataFrame({"y": [0, 1, 0, 1, 0], "s": [0.1, 0.9, 0.21, 0.9, 0.5], "g": "a"})
    scores = cells(rows, sensitive=[]).scores()
    assert spiegelhalter(scores)[0] == pytest.approx(-0.7566972027376642, rel=1e-7)  # scores to 2^-30
    # above 0 the score is too near to 0 and 1: its Brier score is larger than it says
    sure = pd.DataFrame({"y": [1, 0] * 50, "s": [0.1, 0.9] * 50, "g": "a"})
    assert spiegelhalter(cells(sure, sensitive=[]).scores())[0] > 3


def test_spiegelhalter_is_undefined_where_no_score_commits_itself():
    rows = pd.DataFrame({"y": [1, 0] * 30, "s": [0.5] * 60, "g": ["a", "a", "b", "b"] * 15})
    made = found(calibration(cells(rows)), "spiegelhalter")
    assert np.isnan(made["a",].value)
    assert made["a",].why == "undefined: the divisor is 0"


def test_the_curve_is_that_of_the_rows_and_bins_are_right_open():
    rows = pd.concat(
        [log(), pd.DataFrame({"g": "a", "s": [0.3, 0.7, 1.0, 0.0], "y": [1, 0, 1, 0], "r": "x", "d": 1})]
    )
    made = found(calibration(cells(rows)), "bin_gap")
    stratum = np.array(STRATA)[np.minimum((rows["s"] * 10 + 1e-9).astype(int), 9)]
    for (group, name), mine in rows.groupby(["g", stratum]):
        assert made[group, name].value == pytest.approx(mine["y"].mean() - mine["s"].mean(), abs=1e-8)
        assert made[group, name].n == len(mine)
    assert STRATA[3] == "score 0.3..<0.4"
    assert STRATA[9] == "score 0.9..1.0"
    assert sum(e.n for key, e in made.items() if key[0] == "a") == (rows["g"] == "a").sum()


def test_limits_of_a_bin_are_those_of_a_gap_by_itself():
    rows = log(seed=1)
    inside = rows[(rows["s"] >= 0.4) & (rows["s"] < 0.5)]
    bins = found(calibration(cells(rows)), "bin_gap")
    alone = found(calibration(cells(inside)), "gap")
    for group in "abc":
        for level in (0.05, 0.0005):
            assert bins[group, STRATA[4]].interval(level) == pytest.approx(
                alone[group,].interval(level), abs=1e-9
            )
    assert bins["a", STRATA[4]].two_sided


def test_every_bin_of_every_view_is_a_claim_where_a_limit_asks():
    rows = log(4000, seed=2)
    rows = rows[(rows["s"] < 0.7) | (rows["g"] != "b")]
    keys = {
        "target": "y",
        "score": "s",
        "favorable": 1,
        "policy": "unga-78-265",
        "only": ["bias/calibration"],
    }
    card = tk.audit(
        data=rows, sensitive=["g", "r"], limits={"bias/calibration": {"max_bin_gap": 0.1}}, **keys
    )
    claims = [f for f in card.findings if f.metric == "bin_gap"]
    assert len(claims) == 2 * 10 * (3 + 2)  # both sides; the control is of single attributes
    empty = [f for f in claims if f.id.startswith("bias/calibration:bin_gap:g=b;stratum=score 0.8..<0.9")]
    assert {(str(f.verdict), f.why) for f in empty} == {("inconclusive", "n<5")}
    assert {str(f.verdict) for f in claims} >= {"pass", "inconclusive"}
    views = {len(e.subject["groups"]) for e in found(_of(rows, {"bin_gap"}), "bin_gap").values()}
    assert views == {1, 2}
    shown = [f for f in tk.audit(data=rows, sensitive=["g", "r"], **keys).findings if f.metric == "bin_gap"]
    assert {str(f.verdict) for f in shown} == {"not_applicable"}
    assert {len(f.subject["groups"]) for f in shown} == {1}
    assert not [f for f in shown if f.subject["groups"] == {"g": "b"} and "0.8" in f.subject["stratum"]]
    assert all(f.interval for f in shown if f.estimate is not None)


def _of(rows, judged, **keys):
    return list(calibration(cells(rows, sensitive=["g", "r"]), judged=judged, **keys))


def test_ece_loses_the_bias_that_chance_gives_it():
    rng = np.random.default_rng(3)
    s = rng.random((400, 500))
    y = rng.random(s.shape) < s
    rows = pd.DataFrame({"g": np.repeat(np.arange(400), 500), "s": s.ravel(), "y": y.ravel().astype(int)})
    made = cells(rows)
    scores = made.scores(("g",))
    value, limits = curve(scores, np.full(400, 500.0), np.full(400, np.inf)).ece()
    assert limits.plain.mean() > 0.04
    assert value.mean() < 0.6 * limits.plain.mean()
    assert (limits.lower(0.05) == 0).mean() > 0.95
    assert (limits.upper(0.05) >= limits.plain).all()


def test_ece_is_less_by_what_resampled_gaps_add():
    """Kumar, Liang & Ma 2019: gaps drawn again from a normal law about those seen, here in closed form."""
    rows = log(600, seed=4, groups="ab")
    scores = cells(rows).scores(("g",))
    made = curve(scores, scores.n.sum(axis=(1, 2)).astype(float), np.full(2, np.inf))
    rng = np.random.default_rng(4)
    seen = (made.n * made.variance + 4 * made.score * (1 - made.score)) / (made.n + 3)
    again = np.abs(made.gap + np.sqrt(seen / made.n) * rng.standard_normal((40_000, *made.gap.shape)))
    plain = (made.share * np.abs(made.gap)).sum(axis=1)
    expected = 2 * plain - (made.share * again).sum(axis=2).mean(axis=0)
    assert made.ece()[0] == pytest.approx(np.maximum(expected, 0), abs=5e-4)


def test_the_brier_score_of_groups_is_scikit_learns():
    rows = log(seed=5)
    rows["w"] = np.random.default_rng(5).integers(1, 64, len(rows)) / 16
    plain = found(calibration(cells(rows)), "brier")
    weighted = found(calibration(cells(rows, weight="w")), "brier")
    for group, mine in rows.groupby("g"):
        assert plain[group,].value == pytest.approx(brier_score_loss(mine["y"], mine["s"]), abs=1e-14)
        expected = brier_score_loss(mine["y"], mine["s"], sample_weight=mine["w"])
        assert weighted[group,].value == pytest.approx(expected, abs=1e-12)
        spread = ((mine["y"] - mine["s"]) ** 2).var(ddof=0)
        assert plain[group,].limits.variance[plain[group,].place] == pytest.approx(spread, abs=1e-12)


def test_the_parts_of_the_brier_score_add_up():
    rows = log(seed=6)
    made = {e.metric: e for e in overall(cells(rows)) if "stratum" not in e.subject}
    parts = {name: made[name].value for name in ("reliability", "resolution", "uncertainty")}
    total = parts["reliability"] - parts["resolution"] + parts["uncertainty"]
    assert total == pytest.approx(brier_score_loss(rows["y"], rows["s"]), abs=1e-14)
    tenth = np.floor(rows["s"] * 10)
    gaps = (rows["y"] - rows["s"]).groupby(tenth).mean()
    share = rows.groupby(tenth).size() / len(rows)
    assert parts["reliability"] == pytest.approx((share * gaps**2).sum(), abs=1e-12)
    base = rows["y"].mean()
    assert parts["uncertainty"] == pytest.approx(base * (1 - base), abs=1e-14)
    with_one_score = rows.assign(s=0.25)
    scores = cells(with_one_score).scores()
    size = np.array([float(len(rows))])
    constant = decomposition(scores, curve(scores, size, np.array([np.inf])))
    assert constant["resolution"][0] == pytest.approx(0, abs=1e-14)
    assert all(made[name].why == "a part of the Brier score: no interval" for name in parts)


def test_balance_is_the_mean_score_of_each_class():
    rows = log(seed=7)
    rows["w"] = np.random.default_rng(7).integers(1, 64, len(rows)) / 16
    made, weighted = list(calibration(cells(rows))), list(calibration(cells(rows, weight="w")))
    for metric, y in (("balance_positive", 1), ("balance_negative", 0)):
        mean = rows[rows["y"] == y].groupby("g")["s"].mean()
        for group in "abc":
            mine = found(made, metric)[group,]
            assert mine.value == pytest.approx(mean[group], abs=1e-14)
            assert mine.n == ((rows["g"] == group) & (rows["y"] == y)).sum()
            low, high = mine.interval(0.05)
            assert low < mine.value < high
            part = rows[(rows["g"] == group) & (rows["y"] == y)]
            expected = np.average(part["s"], weights=part["w"])
            assert found(weighted, metric)[group,].value == pytest.approx(expected, abs=1e-12)
        pairs = found(made, f"{metric}_difference")
        assert pairs["a", "b"].value == pytest.approx(mean["a"] - mean["b"], abs=1e-14)
        assert len(pairs) == 6
    rest = found(calibration(cells(rows), compare="rest"), "balance_positive_difference")["a", "rest"]
    positive = rows[rows["y"] == 1]
    expected = positive.loc[positive["g"] == "a", "s"].mean() - positive.loc[positive["g"] != "a", "s"].mean()
    assert rest.value == pytest.approx(expected, abs=1e-14)
    assert rest.two_sided


def test_balance_of_rows_of_one_unit_is_less_sure():
    rows = log(seed=8)
    rows["u"] = np.arange(len(rows)) % 40
    rows["s"] = (rows["s"] / 4 + rows["u"] / 80).round(3)
    plain, units = (cells(rows, **keys).table(("g",), scored=True) for keys in ({}, {"unit": "u"}))
    apart = [mean_score(table, table.truth_positive).limits for table in (plain, units)]
    width = [limits.upper(0.05) - limits.lower(0.05) for limits in apart]
    assert (width[1] > 1.5 * width[0]).all()
    for e in calibration(cells(rows, unit="u")):
        if e.metric == "spiegelhalter":
            assert e.why == "only for independent rows of equal weight"


def test_multicalibration_is_the_largest_over_groups_and_bins():
    rows = log(2000, seed=9)
    made = next(e for e in _of(rows, None) if e.metric == "multicalibration")
    stratum = np.array(STRATA)[np.floor(rows["s"] * 10).astype(int)]
    largest, where = -1.0, None
    for names in (["g"], ["r"], ["g", "r"]):
        for group, mine in rows.groupby(names):
            if len(mine) < 100:
                continue
            for name, part in mine.groupby(stratum[mine.index]):
                weighed = abs((part["y"] - part["s"]).sum()) / len(mine)
                if weighed > largest:
                    labels = ", ".join(f"{n}={v}" for n, v in zip(names, group, strict=True))
                    largest, where = weighed, (f"Found in {labels}, {name}.", len(part))
    assert made.value == pytest.approx(largest, abs=1e-12)
    assert (made.note, made.n) == where
    assert made.subject == {}
    assert "chosen after looking: no interval" in made.why


def test_multicalibration_leaves_small_groups_out():
    made = [e for e in calibration(cells(log(150, seed=10))) if e.metric == "multicalibration"]
    assert [e.why for e in made] == ["no group has 100 rows with a score and a truth"]


@pytest.fixture(scope="module")
def compas():
    counts = pd.read_csv(DATA / "compas_deciles.csv")
    rows = counts.loc[counts.index.repeat(counts.pop("count"))].reset_index(drop=True)
    return pd.DataFrame(
        {
            "g": rows["race"],
            "y": rows["recidivated"],
            "s": (rows["decile"] - 0.5) / 10,
            "d": (rows["decile"] > 4).astype(int),
        }
    )


def test_recidivism_by_decile_as_published(compas):
    made = found(calibration(cells(compas)), "bin_gap")
    outcome = {
        g: [round(made[g, name].value + 0.05 + i / 10, 4) for i, name in enumerate(STRATA)] for g in (AA, C)
    }
    assert outcome == {
        AA: [0.2286, 0.3028, 0.4191, 0.4597, 0.4822, 0.5599, 0.5925, 0.6825, 0.7079, 0.7937],
        C: [0.2085, 0.3130, 0.3407, 0.3965, 0.4606, 0.5722, 0.6154, 0.7193, 0.6939, 0.7031],
    }


def test_why_not_all_that_is_fair_can_be_had_in_the_systems_own_numbers(compas):
    made = found(calibration(cells(compas, prediction="d")), "base_rate_difference")
    note = made[AA, C].note
    for y, d in ((compas["y"], compas["d"]),):
        tpr, ppv = d[y == 1].mean(), y[d == 1].mean()
        base = [y[compas["g"] == g].mean() for g in (AA, C)]
        forced = [p / (1 - p) * (1 - ppv) / ppv * tpr for p in base]
    assert f"Base rates of {base[0]:.3f} and {base[1]:.3f} rule out" in note
    assert f"({ppv:.3f}) and one true positive rate ({tpr:.3f})" in note
    assert f"would have to be {forced[0]:.3f} and {forced[1]:.3f}" in note
    assert "they are 0.448 and 0.235" in note  # ProPublica's false positive rates
    means = compas.groupby(["g", "y"])["s"].mean()
    apart = [means[g, 1] - means[g, 0] for g in (AA, C)]
    assert f"here they are {apart[0]:.3f} and {apart[1]:.3f} apart" in note
    assert made[C, AA].note is not None
    scores_alone = found(calibration(cells(compas)), "base_rate_difference")[AA, C].note
    assert scores_alone.startswith("A calibrated score with the same mean")


def test_chouldechovas_identity_holds_for_each_group(compas):
    """FPR = p / (1 - p) (1 - PPV) / PPV TPR: what the note says would follow is what does."""
    for _, mine in compas.groupby("g"):
        y, d = mine["y"], mine["d"]
        p, ppv, tpr = y.mean(), y[d == 1].mean(), d[y == 1].mean()
        assert d[y == 0].mean() == pytest.approx(p / (1 - p) * (1 - ppv) / ppv * tpr)


def test_nothing_is_said_where_base_rates_are_alike_or_the_system_is_never_wrong():
    rng = np.random.default_rng(11)
    alike = pd.DataFrame({"g": rng.choice(["a", "b"], 2000), "s": 0.5, "y": rng.integers(0, 2, 2000)})
    assert {e.note for e in found(calibration(cells(alike)), "base_rate_difference").values()} == {None}
    y = np.r_[np.arange(1000) % 2, np.arange(1000) % 4 == 0].astype(int)
    never = pd.DataFrame({"g": np.repeat(["a", "b"], 1000), "s": y * 1.0, "y": y, "d": y})
    made = found(calibration(cells(never, prediction="d")), "base_rate_difference")
    assert {e.note for e in made.values()} == {None}


def test_few_rows_are_not_put_into_words():
    rows = pd.DataFrame(
        {"g": ["a"] * 400 + ["b"] * 400, "y": [1] * 300 + [0] * 100 + [1] * 25 + [0] * 375, "s": 0.5}
    )
    made = found(calibration(cells(rows.assign(d=rows["y"]), prediction="d")), "base_rate_difference")
    assert made["a", "b"].value == pytest.approx(0.6875)
    assert made["a", "b"].note is None


def test_a_hidden_figure_keeps_its_note_to_itself():
    rows = log(1000, seed=12)
    rows.loc[rows.index[:3], "g"] = "few"
    keys = {"target": "y", "score": "s", "favorable": 1, "sensitive": ["g"], "policy": "unga-78-265"}
    card = tk.audit(data=rows, only=["bias/calibration"], **keys)
    hidden = next(f for f in card.findings if f.id == "bias/calibration:balance_positive:g=few")
    assert (hidden.estimate, hidden.n, hidden.why) == (None, None, "n<5")
    estimate = replace(next(iter(calibration(cells(rows)))), note="seen in 3 rows")
    assert "seen in 3 rows" in figure_message(calibration, estimate, None)
    assert figure_message(calibration, estimate, "n<5").endswith(": n<5")


def test_what_no_limit_bounds_is_shown_of_single_attributes():
    made = _of(log(seed=13), {"gap", "rmsce"})
    for metric in ("ece", "spiegelhalter", "brier", "balance_positive", "bin_gap"):
        assert {len(e.subject["groups"]) for e in made if e.metric == metric} == {1}
    for metric in ("balance_positive_difference", "balance_negative_difference", "base_rate_difference"):
        views = [tuple(e.subject["groups"]) for e in made if e.metric == metric]
        assert views == [("g",), ("r",)]
    for metric in ("gap", "rmsce"):
        assert {len(e.subject["groups"]) for e in made if e.metric == metric} == {1, 2}
    every = _of(log(seed=13), {"gap"}, shown="all")
    assert len([e for e in every if e.metric == "balance_positive_difference"]) == 6 + 2 + 6 * 5


def test_curves_of_many_groups_are_shown_on_demand():
    rows = log(2600, seed=17, groups="abcdefghijklm")
    assert not found(calibration(cells(rows), judged={"gap"}), "bin_gap")
    assert len(found(calibration(cells(rows), judged={"bin_gap"}), "bin_gap")) == 130
    assert len(found(calibration(cells(rows), judged={"gap"}, shown="all"), "bin_gap")) == 130


def test_a_limit_on_balance_is_asked_of_all_pairs():
    rows = log(6000, seed=14)
    limits = {"bias/calibration": {"max_balance_positive_difference": 0.05}}
    keys = {"target": "y", "score": "s", "favorable": 1, "sensitive": ["g"], "policy": "unga-78-265"}
    card = tk.audit(data=rows, only=["bias/calibration"], limits=limits, **keys)
    claims = [f for f in card.findings if f.metric == "balance_positive_difference"]
    assert len(claims) == 6
    assert {str(f.verdict) for f in claims} == {"pass"}
    assert all(f.detectable > 0.05 for f in claims)


def test_safety_shows_the_curve_of_everybody():
    rows = log(seed=15)
    made = found(overall(cells(rows)), "bin_gap")
    assert list(made) == [(name,) for name in STRATA]
    limits = {"safety/calibration": {"max_bin_gap": 0.2}}
    card = tk.audit(
        data=rows, target="y", score="s", favorable=1, policy="unga-78-265", limits=limits,
        only=["safety/calibration"],
    )  # fmt: skip
    claims = {f.id: str(f.verdict) for f in card.findings if f.metric == "bin_gap"}
    assert len(claims) == 20
    assert claims["safety/calibration:bin_gap:stratum=score 0.2..<0.3:max"] == "pass"


def test_wrong_names_are_told_with_the_nearest():
    keys = {"target": "y", "score": "s", "favorable": 1, "sensitive": ["g"], "policy": "unga-78-265"}
    with pytest.raises(ConfigError) as raised:
        tk.audit(
            data=log(50), limits={"bias/calibration": {"max_bingap": 0.1}},
            options={"bias/calibration": {"compare": "pair"}}, **keys,
        )  # fmt: skip
    found_ = {problem.key: problem for problem in raised.value.problems}
    assert found_['limits."bias/calibration".max_bingap'].nearest == "max_bin_gap"
    assert 'options."bias/calibration".compare' in found_


def test_positive_of_three_classes_is_scored_against_the_rest():
    rows = log(900, seed=16)
    rows["y"] = np.where(rows["y"] == 1, "high", np.where(rows["r"] == "x", "low", "middle"))
    made = found(calibration(cells(rows, positive="high", favorable="high")), "gap")
    mine = rows[rows["g"] == "a"]
    assert made["a",].value == pytest.approx((mine["y"] == "high").mean() - mine["s"].mean(), abs=1e-12)


def test_a_mean_deviation_has_mcdiarmids_limits():
    limits = Deviation(np.array([0.1, 0.01, 0.0]), np.array([0.02, 0.02, 0.0]), np.array([500.0, 500.0, 0.0]))
    reach = np.sqrt(np.log(1 / 0.05) / 1000)
    assert limits.lower(0.05) == pytest.approx([0.1 - 0.02 - reach, 0, 0])
    assert limits.upper(0.05) == pytest.approx([0.1 + reach, 0.01 + reach, 1])
