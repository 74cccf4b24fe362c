"""A table that moved away from training is found, column by column and by all columns together."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp, norm, wasserstein_distance
from sklearn.linear_model import LogisticRegression

import trustkit as tk
from trustkit.checks.base import Estimate
from trustkit.checks.safety.shift import shift
from trustkit.collectors import collect
from trustkit.collectors.shifts import cut_points
from trustkit.evidence.score_bins import SCORE_BINS
from trustkit.evidence.shifts import PREDICTION, Shifts, Spread
from trustkit.judging.claims import figure_intervals
from trustkit.measure.intervals import (
    Absolute,
    Difference,
    Greatest,
    GreatestDistance,
    TotalVariation,
    proportions,
)
from trustkit.system import System

DECLARED = {
    "columns": ["x", "c", "gone"], "absent": ["gone"], "bins": "", "seed": 0, "most": 5000, "unit": False,
    "weight": True, "number": False, "target": None,
}  # fmt: skip


def shifts_of(n, seed=0):
    """Histograms of `n` audited rows beside the same 500 training rows, as a check sees them."""
    rng, fixed = np.random.default_rng([n, seed]), np.random.default_rng(7)
    spreads = {
        "x": Spread(True, rng.multinomial(n, [0.1] * 10), fixed.multinomial(500, [0.1] * 10), (0.3,) * 7),
        "c": Spread(False, rng.multinomial(n, [0.25] * 4), fixed.multinomial(500, [0.25] * 4), unseen=n // 9),
    }
    joint = np.zeros((2, SCORE_BINS), dtype=np.int64)
    for member in (0, 1):
        np.add.at(joint[member], rng.integers(0, SCORE_BINS, n), 1)
    return Shifts(DECLARED, n, spreads, joint, {"x": (n, n // 4)} if n else {})


def shifts_samples():
    return [shifts_of(n) for n in (0, 4, 300, 5000)]


def table(n, seed=0):
    rng = np.random.default_rng(seed)
    made = pd.DataFrame({"x": rng.normal(size=n), "z": rng.normal(size=n), "c": rng.choice(list("abc"), n)})
    return made.assign(y=(made.x + rng.normal(size=n) > 0).astype(int))


def collected(audit, train, **roles):
    return collect(
        System(data=audit, train=train, **{"target": "y", "favorable": 1, **roles}), only=["shifts"]
    )


def found(audit, train, **roles):
    evidence = collected(audit, train, **roles)
    assert not evidence.errors
    return {(e.metric, e.subject.get("column")): e for e in shift(evidence.kinds["shifts"])}


class TestFigures:
    def test_ks_at_all_values_is_scipy(self):
        rng = np.random.default_rng(1)
        one, other = (pd.DataFrame({"x": rng.integers(0, k, 4000), "y": 1}) for k in (12, 15))
        mine = found(one, other, features=["x"], positive=1)["ks", "x"]
        assert mine.value == pytest.approx(ks_2samp(one.x, other.x).statistic, abs=1e-12)

    def test_ks_at_twentieths_is_near_scipy_and_never_above(self):
        one, other = table(4000, 1), table(4000, 2)
        one["x"] += 0.5
        mine = found(one, other)["ks", "x"].value
        whole = ks_2samp(one.x, other.x).statistic
        assert whole - 0.02 < mine <= whole

    def test_tv_js_and_wasserstein(self):
        one, other = table(3000, 1), table(3000, 2)
        one.loc[:999, "c"] = "a"
        a, t = (frame.c.value_counts(normalize=True).sort_index().to_numpy() for frame in (one, other))
        figures = found(one, other)
        assert figures["tv", "c"].value == pytest.approx(np.abs(a - t).sum() / 2)
        js = next(e for (metric, _), e in figures.items() if metric == "js")
        assert js.subject == {"column": "c"}
        assert js.value == pytest.approx(jensenshannon(a, t) ** 2, rel=0.05)
        moved = found(one.assign(x=one.x + 1), other)
        whole = wasserstein_distance(one.x + 1, other.x) / other.x.std()
        assert moved["wasserstein", "x"].value == pytest.approx(whole, abs=0.1)

    def test_nothing_moved_nothing_told(self):
        same = table(3000)
        figures = found(same, same)
        assert {e.value for (metric, _), e in figures.items() if metric in ("ks", "tv", "psi", "js")} == {0}
        assert figures["auc", None].value < 0.53

    def test_together_columns_tell_what_none_tells_alone(self):
        rng = np.random.default_rng(3)
        x = rng.normal(size=(4, 3000))
        audit, train = pd.DataFrame({"x": x[0], "z": x[0]}), pd.DataFrame({"x": x[2], "z": x[3]})
        figures = found(audit.assign(y=1), train.assign(y=1), positive=1)
        assert max(figures["ks", "x"].value, figures["ks", "z"].value) < 0.06
        assert figures["auc", None].value > 0.9

    def test_missing_values_are_a_bin_of_their_own(self):
        audit, train = table(2000, 1), table(2000, 2)
        audit.loc[:399, "x"] = np.nan
        claim = found(audit, train)["ks", "x"]
        assert claim.value == pytest.approx(0.2, abs=0.03)
        assert "More values are missing" in claim.note


class TestBins:
    def test_twentieths_of_what_is_spread(self):
        cuts = cut_points(np.random.default_rng(0).normal(size=10_000))
        assert len(cuts) == 20

    @pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
    def test_a_rare_value_is_cut_off_from_a_frequent_one(self, share):
        values = (np.arange(1000) < share * 1000).astype(float)
        assert cut_points(values).tolist() == [0, 1]

    def test_a_constant_is_cut_off_from_what_is_greater_and_no_value_has_no_cut(self):
        assert cut_points(np.ones(5)).tolist() == [1]
        assert not len(cut_points(np.ones(0)))

    def test_declared_edges_come_first(self):
        audit, train = table(400, 1), table(400, 2)
        evidence = collected(audit, train, sensitive=["x"], bins={"x": [0.0]}).kinds["shifts"]
        assert evidence.spreads["x"].audit.tolist() == [0, (audit.x < 0).sum(), (audit.x >= 0).sum()]

    def test_of_many_labels_one_half_declares_and_the_other_is_counted(self):
        rng = np.random.default_rng(0)
        audit, train = table(1000), table(2000, 1)
        audit["c"], train["c"] = (rng.integers(0, 500, n).astype(str) for n in (1000, 2000))
        audit["c"], train["c"] = "l" + audit.c, "l" + train.c
        spread = collected(audit, train).kinds["shifts"].spreads["c"]
        assert (len(spread.audit), spread.train.sum(), spread.audit.sum()) == (22, 1000, 1000)
        assert spread.train[1:-1].sum() < 90  # 20 of 500: 4 %, and not more for having been chosen

    def test_labels_that_training_does_not_know(self):
        audit, train = table(1000), table(1000, 1)
        audit.loc[:299, "c"] = "new"
        claim = found(audit, train)["tv", "c"]
        assert claim.value == pytest.approx(0.3, abs=0.03)
        assert "30.0% of the rows have a label that training does not know" in claim.note

    def test_evidence_holds_no_value(self):
        audit, train = table(300), table(300, 1)
        audit["c"] = "secret" + audit.c
        audit.loc[0, "x"] = train.loc[0, "x"] = 9876.54321
        text = str(collected(audit, train).kinds["shifts"].to_json())
        assert "secret" not in text
        assert "9876" not in text


class TestLimits:
    def limits(self):
        rng = np.random.default_rng(5)
        a, b = (np.sort(rng.random((6, 5)), axis=1) for _ in range(2))
        a[2, 3:] = b[2, 3:] = np.nan
        n, m = (np.repeat(rng.integers(30, 900, (6, 1)) * 1.0, 5, axis=1) for _ in range(2))
        return GreatestDistance(a, b, n, m)

    def test_they_are_those_of_the_greatest_of_several_differences(self):
        limits = self.limits()
        for i in range(6):
            shares = [
                (limits.a[i, j : j + 1], limits.b[i, j : j + 1])
                for j in range(5)
                if np.isfinite(limits.a[i, j])
            ]
            n, m = limits.n[i, :1], limits.m[i, :1]
            parts = [Absolute(Difference.of_groups(proportions(a, n), proportions(b, m))) for a, b in shares]
            whole, mine, bound = Greatest(tuple(parts)), limits.take([i]), np.array([0.2])
            assert mine.value == whole.value
            assert mine.lower(0.01) == pytest.approx(whole.lower(0.01))
            assert mine.upper(0.05) == pytest.approx(whole.upper(0.05))
            assert mine.p_above(bound) == pytest.approx(whole.p_above(bound), rel=1e-4)
            assert mine.p_below(bound) == pytest.approx(whole.p_below(bound), rel=1e-4)

    def test_without_cuts_or_rows_nothing_is_known_too_well(self):
        none = GreatestDistance(*[np.empty((1, 0))] * 4)
        assert (none.value, none.lower(0.05), none.upper(0.05)) == (0, 0, 0)
        empty = GreatestDistance(*[np.full((1, 1), np.nan)] * 2, *[np.zeros((1, 1))] * 2)
        assert empty.upper(0.05) == 1
        assert empty.p_below(np.array([0.1])) == 1

    def test_those_of_other_numbers_of_cuts_are_judged_beside_them(self):
        few = self.limits()
        one = GreatestDistance(*(np.full((1, 1), each) for each in (0.5, 0.3, 90.0, 80.0)))
        given = [Estimate("ks", {}, 0.2, 30, 30, limits=each) for each in (few, one)]
        made = dict(enumerate(figure_intervals(given, 0.05)))
        assert made[0] == pytest.approx((few.lower(0.05)[0], few.upper(0.05)[0]))
        assert made[1] == pytest.approx((one.lower(0.05)[0], one.upper(0.05)[0]))

    def test_of_total_variation(self):
        n = 1 / (1 / 400 + 1 / 900)
        limits = TotalVariation(np.array([0.2, np.nan]), np.array([0.03, 0.0]), np.array([n, 0.0]))
        assert limits.lower(0.01)[0] == pytest.approx(0.2 - 0.03 - np.sqrt(np.log(100) / 2 / n))
        assert limits.upper(0.01)[0] == pytest.approx(0.2 + norm.isf(0.01) / 2 / np.sqrt(n) + 0.5 / n)
        assert (limits.lower(0.01)[1], limits.upper(0.01)[1]) == (0, 1)


class TestAudit:
    def card(self, audit, train, **roles):
        evidence = collected(audit, train, **roles)
        return {f.id: f for f in tk.judge(evidence, "unga-78-265", only=["safety/shift"]).findings}

    def test_half_a_standard_deviation_fails_and_the_twin_passes(self):
        audit, train = table(20_000, 1), table(20_000, 2)
        card = self.card(audit.assign(x=audit.x + 0.5), train)
        assert {id: f.verdict for id, f in card.items() if f.limit} == {
            "safety/shift:ks:column=x:max": "fail",
            "safety/shift:ks:column=z:max": "pass",
            "safety/shift:tv:column=c:max": "pass",
            "safety/shift:tv:column=y:max": "pass",
        }
        assert "The audit has more large values" in card["safety/shift:ks:column=x:max"].message
        assert {f.verdict for f in self.card(audit, train).values() if f.limit} == {"pass"}

    def test_few_rows_are_inconclusive(self):
        card = self.card(table(40, 1), table(40, 2))
        assert {f.verdict for f in card.values() if f.limit} == {"inconclusive"}

    def test_a_column_that_training_lacks_is_said(self):
        card = self.card(table(4000, 1), table(4000, 2).drop(columns="z"))
        finding = card["safety/shift:ks:column=z:max"]
        assert (finding.verdict, finding.estimate) == ("inconclusive", None)
        assert "not in both tables" in finding.message

    def test_training_without_the_target_is_no_claim(self):
        card = self.card(table(300, 1), table(300, 2).drop(columns="y"))
        assert not [id for id in card if "column=y" in id]

    def test_no_training_rows(self):
        evidence = collect(System(data=table(50), target="y", favorable=1), only=["shifts"])
        assert evidence.absent["shifts"][1] == "data.train: the rows that it was trained on"

    def test_of_each_person_one_row_counts(self):
        audit, train = table(300, 1), table(300, 2)
        audit["who"], train["who"] = np.arange(300) // 3, np.arange(300) // 2
        spread = collected(audit, train, unit="who").kinds["shifts"].spreads["x"]
        assert (spread.audit.sum(), spread.train.sum()) == (100, 150)

    def test_a_model_is_asked_about_training_and_about_what_moved(self):
        audit, train = table(3000, 1), table(3000, 2)
        audit["x"] += 1
        audit["z"] += 1
        model = LogisticRegression().fit(train[["x", "z"]], train.y)
        evidence = collected(audit, train, model=model)
        kind = evidence.kinds["shifts"]
        (used, unused) = (kind.shuffled[name] for name in ("x", "z"))
        assert used[0] == unused[0] == 2000
        assert used[1] > 300
        assert unused[1] < 100
        figures = {(e.metric, e.subject.get("column")): e for e in shift(kind)}
        said = model.predict(audit[["x", "z"]]).mean() - model.predict(train[["x", "z"]]).mean()
        assert figures["tv", PREDICTION].value == pytest.approx(said)
        assert "Shuffling it changes" in figures["ks", "x"].note
        assert evidence.costs[0].model_calls == 4  # audit, train, two shuffled columns

    def test_a_model_that_cannot_answer_its_training_rows(self):
        def model(rows):
            if rows["x"].max() > 50:
                raise ValueError("out of range")
            return (rows["x"] > 0).astype(int)

        audit, train = table(300, 1), table(300, 2)
        train.loc[0, "x"] = 99
        kind = collected(audit, train, model=model, features=["x"]).kinds["shifts"]
        assert kind.declared["absent"] == [PREDICTION]
        (finding,) = (e for e in shift(kind) if e.subject.get("column") == PREDICTION)
        assert finding.why == "not in both tables, or not read"

    def test_a_regression_compares_predicted_numbers(self):
        audit, train = table(500, 1), table(500, 2)
        for frame in (audit, train):
            frame["said"] = frame.x
        figures = found(audit, train, target="z", favorable=None, prediction="said")
        assert {("ks", "z"), ("ks", PREDICTION)} <= figures.keys()

    def test_parts_add_to_the_whole(self):
        audit, train = table(400, 1), table(300, 2)
        parts = [collected(part, train).kinds["shifts"] for part in (audit[:150], audit[150:])]
        both, whole = parts[0] + parts[1], collected(audit, train).kinds["shifts"]
        assert {k: v.to_json() for k, v in both.spreads.items()} == {
            k: v.to_json() for k, v in whole.spreads.items()
        }
        with pytest.raises(ValueError, match="do not add"):
            whole + collected(audit, train[:299]).kinds["shifts"]

    def test_what_is_shared_holds_no_few_rows(self):
        assert shifts_of(4).without_small_cells(5) is None
        shared = shifts_of(5000).without_small_cells(5)
        assert shared is not None
        assert not shared.joint.any()
