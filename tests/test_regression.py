"""A predicted quantity: sums that add to the bit, figures as the libraries have them, limits in a range."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

import trustkit as tk
from trustkit.checks.bias.regression_error import regression_error
from trustkit.checks.safety.performance import performance
from trustkit.collectors import collect
from trustkit.errors import ConfigError
from trustkit.evidence.cells import BUCKETS, Cells
from trustkit.evidence.fits import Fits
from trustkit.evidence.residuals import EQUAL_BINS, OCTAVE_BINS, TERMS, Residuals
from trustkit.system import System
from trustkit.testing import assert_check, assert_kind

SEXES, PLACES = ("F", "M"), ("x", "y", "z")
ENDS = (0.0, 100.0)
VIEWS = [("sex",), ("place",), ("sex", "place")]


def table_of(n=600, seed=0):
    """Rows of a regression: truth, prediction, groups, weights and units."""
    rng = np.random.default_rng([n, seed])
    sex, place = rng.integers(0, 2, n), rng.integers(0, 3, n)
    truth = np.clip(rng.lognormal(3, 0.5, n) + 4 * place, *ENDS)
    prediction = np.clip(truth + rng.normal(0, 5 + 3 * sex, n), *ENDS)
    return {
        "sex": sex,
        "place": place,
        "truth": np.where(rng.random(n) < 0.02, np.nan, truth),
        "prediction": np.where(rng.random(n) < 0.02, np.nan, prediction),
        "weight": rng.lognormal(size=n),
        "bucket": rng.integers(0, BUCKETS, n),
    }


def count(table, ends=ENDS, weighted=False, unit=False):
    """Residuals of a table; labels that do not occur are left out, as they are at the door."""
    schema = {
        "task": "regression",
        "attributes": ["sex", "place"],
        "bins": {},
        "positive": None,
        "favorable": [],
        "truth": True,
        "prediction": True,
        "score": False,
        "weight": weighted,
        "unit": unit,
        "target": "y",
        "ends": None if ends is None else list(ends),
    }
    axes = {}
    for name, labels in (("sex", SEXES), ("place", PLACES)):
        used = np.unique(table[name])
        axes[name] = ([labels[i] for i in used], np.searchsorted(used, table[name]))
    return Residuals.count(
        schema,
        axes,
        truth=table["truth"],
        prediction=table["prediction"],
        weight=table["weight"] if weighted else None,
        bucket=table["bucket"] if unit else None,
    )


def part(table, index):
    return {name: values[index] for name, values in table.items()}


def text(residuals):
    return json.dumps(residuals.to_json())


def residual_samples():
    """Residuals as checks see them."""
    return [
        count(table_of()),
        count(table_of(), ends=None),
        count(table_of(), weighted=True),
        count(table_of(), weighted=True, unit=True),
        count(table_of(300), unit=True),
        count(table_of(7)),
    ]


def judged_rows(table, group):
    """Rows of a group with a truth and a prediction."""
    there = ~np.isnan(table["truth"]) & ~np.isnan(table["prediction"])
    codes = {"sex": SEXES, "place": PLACES}
    for name, label in group.items():
        there &= table[name] == codes[name].index(label)
    return part(table, there)


def found(estimates, metric, group, reference=None):
    subject = {"groups": group} | ({} if reference is None else {"reference": reference})
    return next(e for e in estimates if e.metric == metric and dict(e.subject) == subject)


class TestSums:
    @given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans(), st.booleans(), st.randoms())
    @settings(max_examples=30, deadline=None)
    def test_rows_split_anyhow_and_added_in_any_order_are_the_whole_to_the_bit(
        self, seed, ended, weighted, unit, random
    ):
        table = table_of(random.randrange(1, 60), seed)
        keys = {"ends": ENDS if ended else None, "weighted": weighted, "unit": unit}
        shard = np.array([random.randrange(4) for _ in table["sex"]])
        parts = [count(part(table, shard == i), **keys) for i in range(4)]
        random.shuffle(parts)
        total = parts[0] + parts[1] + parts[2] + parts[3]
        order = np.array(random.sample(range(len(shard)), len(shard)))
        assert text(total) == text(count(table, **keys)) == text(count(part(table, order), **keys))

    @pytest.mark.parametrize("ends", [ENDS, None])
    @pytest.mark.parametrize("weighted", [False, True])
    @pytest.mark.parametrize("unit", [False, True])
    def test_it_keeps_the_contract_of_evidence(self, ends, weighted, unit):
        keys = {"ends": ends, "weighted": weighted, "unit": unit}
        samples = [count(table_of(n), **keys) for n in (5, 40, 300)]
        assert_kind(samples, count(part(table_of(5), slice(0, 0)), **keys))

    def test_a_sum_is_that_of_the_floats_without_any_rounding(self):
        rng = np.random.default_rng(3)
        table = table_of(500)
        table["truth"] = rng.normal(size=500) * 10.0 ** rng.integers(-12, 12, 500)
        table["prediction"] = rng.normal(size=500) * 10.0 ** rng.integers(-12, 12, 500)
        block = count(table, ends=None).sums["rows"]
        error = table["truth"] - table["prediction"]
        for term, values in (("error", error), ("error2", error**2), ("prediction", table["prediction"])):
            mine = block.where(block.codes[:, -3] == TERMS.index(term))
            _, _, _, negative, exponent = mine.codes.T
            whole = [
                int(h) * 2**27 + int(w) for h, w in zip(mine.sums["high"], mine.sums["low"], strict=True)
            ]
            total = sum(
                (Fraction(w) * Fraction(2) ** int(e - 53) * (-1 if n else 1))
                for w, e, n in zip(whole, exponent, negative, strict=True)
            )
            assert total == sum(map(Fraction, values.tolist()))

    def test_other_schemas_do_not_add(self):
        with pytest.raises(ValueError, match="different schemas"):
            count(table_of()) + count(table_of(), ends=(0.0, 99.0))

    def test_what_lies_beyond_the_range_counts_at_its_end_and_is_told(self):
        table = table_of(40)
        table["truth"][:3], table["prediction"][:2] = 1e9, -np.inf
        residuals = count(table)
        assert residuals.clipped == {"truth": 3, "prediction": 2}
        assert (residuals + residuals).clipped == {"truth": 6, "prediction": 4}
        notes = residuals.notes()
        assert "3 rows whose truth lies beyond [0.0, 100.0] count as lying at its end" in notes
        assert "2 rows whose prediction lies beyond [0.0, 100.0] count as lying at its end" in notes
        clipped = {**table, "truth": np.clip(table["truth"], *ENDS)}
        clipped["prediction"] = np.clip(table["prediction"], *ENDS)
        assert count(clipped).sums["rows"].to_json() == residuals.sums["rows"].to_json()

    @pytest.mark.parametrize("value", [np.inf, -1e200])
    def test_without_a_range_what_is_infinite_is_an_error(self, value):
        table = table_of(40)
        table["prediction"][0] = value
        with pytest.raises(ValueError, match="prediction: 1 of 40 values are infinite, or greater than 1e"):
            regression_error(count(table, ends=None))


class TestSharing:
    def test_the_figures_of_large_groups_are_kept(self):
        whole, shared = count(table_of()), count(table_of()).without_small_cells(1)
        again = Residuals.from_json(json.loads(text(shared)))
        assert text(again) == text(shared)
        mine = {e.metric for e in regression_error(again)}
        assert {e.metric for e in regression_error(whole)} - mine == {"ks", "wasserstein"}
        for metric in ("mae", "r2", "mean_prediction"):
            old = found(regression_error(whole), metric, {"sex": "F"})
            new = found(regression_error(again), metric, {"sex": "F"})
            assert new.value == pytest.approx(old.value, rel=1e-12)
            assert new.n == old.n

    def test_small_groups_are_pooled_and_no_sum_is_of_few_rows(self):
        table = table_of(400)
        table["truth"] = np.nan_to_num(table["truth"], nan=1.0)
        table["prediction"] = np.nan_to_num(table["prediction"], nan=2.0)
        table["place"][:] = 0
        table["place"][:3], table["place"][3:7], table["truth"][7] = 1, 2, 1e6
        shared = count(table).without_small_cells(5)
        rest = shared.cells.parts[("place",)].grouping(("place",)).groups
        assert rest == [{"place": "x"}, {"place": "(other)"}]
        assert shared.clipped == {"prediction": 0}
        for part_ in shared.parts.values():
            n = part_.cells.table(part_.cells.attributes).n
            assert not ((n > 0) & (n < 5)).any()
            assert part_.bins is part_.units is None
            codes = part_.sums["rows"].codes[:, :-2]
            assert len(np.unique(codes, axis=0)) == len(codes), "one sum a group and term"

    def test_persons_are_not_shared(self):
        with pytest.raises(ValueError, match=r"data\.unit"):
            count(table_of(), unit=True).without_small_cells(5)

    def test_shared_evidence_does_not_add(self):
        shared = count(table_of()).without_small_cells(2)
        with pytest.raises(ValueError, match="do not add"):
            shared + shared


@pytest.mark.parametrize("ends", [ENDS, None])
@pytest.mark.parametrize("weighted", [False, True])
class TestAgainstLibraries:
    @pytest.mark.parametrize("view", VIEWS)
    def test_errors_of_each_group(self, ends, weighted, view):
        table, residuals = table_of(), count(table_of(), ends=ends, weighted=weighted)
        made = regression_error(residuals)
        for group in residuals.cells.grouping(view).groups:
            rows = judged_rows(table, group)
            weight = rows["weight"] if weighted else None
            y, f = rows["truth"], rows["prediction"]
            expected = {
                "mean_error": np.average(y - f, weights=weight),
                "mae": mean_absolute_error(y, f, sample_weight=weight),
                "rmse": np.sqrt(mean_squared_error(y, f, sample_weight=weight)),
                "r2": r2_score(y, f, sample_weight=weight),
            }
            for metric, value in expected.items():
                estimate = found(made, metric, group)
                assert estimate.value == pytest.approx(value, rel=1e-11), metric
                assert estimate.n == len(y)
                assert estimate.rows >= estimate.n

    def test_comparisons_are_those_of_fairlearn(self, ends, weighted):
        from fairlearn.metrics import MetricFrame

        table, rows = table_of(), judged_rows(table_of(), {})
        made = regression_error(count(table, ends=ends, weighted=weighted))
        functions = {"mae": mean_absolute_error, "mse": mean_squared_error, "r2": r2_score}
        frame = MetricFrame(
            metrics=functions,
            y_true=rows["truth"],
            y_pred=rows["prediction"],
            sensitive_features=np.array(PLACES)[rows["place"]],
            sample_params={name: {"sample_weight": rows["weight"]} for name in functions if weighted},
        ).by_group
        for one, two in permutations(PLACES, 2):
            mine = {
                metric: found(made, metric, {"place": one}, {"place": two}).value
                for metric in ("mae_ratio", "mae_difference", "rmse_ratio", "r2_difference")
            }
            a, b = frame.loc[one], frame.loc[two]
            assert mine["mae_ratio"] == pytest.approx(a["mae"] / b["mae"], rel=1e-11)
            assert mine["mae_difference"] == pytest.approx(a["mae"] - b["mae"], rel=1e-9)
            assert mine["rmse_ratio"] == pytest.approx(np.sqrt(a["mse"] / b["mse"]), rel=1e-11)
            assert mine["r2_difference"] == pytest.approx(a["r2"] - b["r2"], rel=1e-9)

    def test_predictions_and_their_distances(self, ends, weighted):
        from scipy.stats import wasserstein_distance

        table = table_of()
        made = regression_error(count(table, ends=ends, weighted=weighted))
        there = ~np.isnan(table["prediction"])
        f, m = (part(table, there & (table["sex"] == code)) for code in (0, 1))
        weights = (f["weight"], m["weight"]) if weighted else (None, None)
        means = [np.average(g["prediction"], weights=w) for g, w in zip((f, m), weights, strict=True)]
        mine = found(made, "mean_prediction_difference", {"sex": "F"}, {"sex": "M"})
        assert mine.value == pytest.approx(means[0] - means[1], abs=1e-10)
        moved = wasserstein_distance(f["prediction"], m["prediction"], *weights)
        width = 100 / EQUAL_BINS if ends else 100 / OCTAVE_BINS
        mine = next(e for e in made if e.metric == "wasserstein" and [*e.subject["groups"]] == ["sex"])
        assert mine.value == pytest.approx(moved, abs=width)
        if not weighted:
            self.check_ks(made, f["prediction"], m["prediction"])

    def check_ks(self, made, one, two):
        from scipy.stats import ks_2samp

        (mine,) = [e for e in made if e.metric == "ks" and [*e.subject["groups"]] == ["sex"]]
        true = ks_2samp(one, two).statistic
        slack = float(mine.limits.take([mine.place]).slack[0])
        assert mine.value <= true + 1e-12
        assert true <= mine.value + slack + 1e-12
        told = f"Inside of the bins it may be {mine.value + slack:.3f}" if slack >= 0.001 else None
        assert mine.note == told


class TestDistances:
    def test_predictions_of_few_values_are_read_without_error(self):
        from scipy.stats import ks_2samp, wasserstein_distance

        table = table_of(400)
        table["prediction"] = np.round(table["truth"] / 10) * 10
        made = regression_error(count(table, ends=None))
        there = ~np.isnan(table["prediction"])
        f, m = (table["prediction"][there & (table["sex"] == code)] for code in (0, 1))
        (mine,) = [e for e in made if e.metric == "ks" and [*e.subject["groups"]] == ["sex"]]
        assert mine.value == pytest.approx(ks_2samp(f, m).statistic, abs=1e-12)
        (mine,) = [e for e in made if e.metric == "wasserstein" and [*e.subject["groups"]] == ["sex"]]
        assert mine.value == pytest.approx(wasserstein_distance(f, m), rel=1 / OCTAVE_BINS)

    def test_the_statistical_parity_of_agarwal_against_the_rest(self):
        """sup over z of abs(P(f >= z given a) - P(f >= z)), here with the rest in place of everybody."""
        table = table_of(400)
        table["prediction"] = np.round(table["truth"])
        made = regression_error(count(table), compare="rest")
        there = ~np.isnan(table["prediction"])
        values, place = table["prediction"][there], table["place"][there]
        for code, label in enumerate(PLACES):
            inside, rest = values[place == code], values[place != code]
            apart = max(abs((inside >= z).mean() - (rest >= z).mean()) for z in np.unique(values))
            assert found(made, "ks", {"place": label}, "rest").value == pytest.approx(apart, abs=1e-12)

    @given(st.lists(st.floats(-1e100, 1e100), min_size=1, max_size=30))
    @settings(max_examples=100, deadline=None)
    def test_a_number_lies_in_its_bin_and_bins_are_in_order(self, values):
        n = len(values)
        table = {**table_of(n), "prediction": np.array(values), "truth": np.zeros(n)}
        histograms = count(table, ends=None).histograms()
        assert (histograms.low[1:] >= histograms.high[:-1] - 1e-12 * np.abs(histograms.low[1:])).all()
        assert histograms.n.sum() == n
        inside = [((histograms.low <= v) & (v <= histograms.high)).any() for v in values]
        assert all(inside)

    def test_weighted_rows_and_rows_of_one_unit_have_no_interval(self):
        for keys in ({"weighted": True}, {"unit": True}):
            for estimate in regression_error(count(table_of(), **keys)):
                if estimate.metric == "ks":
                    assert estimate.limits is None
                    assert "weighted rows or rows of one unit" in estimate.why


class TestLimits:
    def test_they_are_there_where_the_range_is_declared_and_only_there(self):
        with_limits = {"mean_error", "mae", "rmse", "mean_prediction", "mae_ratio", "rmse_ratio"}
        with_limits |= {f"{name}_difference" for name in ("mean_error", "mae", "mean_prediction")}
        ended = regression_error(count(table_of()))
        assert {e.metric for e in ended if e.limits is not None} == with_limits | {"ks"}
        bare = regression_error(count(table_of(), ends=None))
        assert {e.metric for e in bare if e.limits is not None} == {"ks"}
        for estimate in bare:
            if estimate.metric in with_limits:
                assert estimate.why.startswith("no range of y is declared")
                assert estimate.supply == "data.bins.y: the least and the greatest value of y"
                assert np.isfinite(estimate.value)

    def test_they_contain_the_value_and_turn_around_with_the_pair(self):
        made = regression_error(count(table_of()))
        for e in made:
            if e.limits is not None:
                low, high = e.interval(0.05)
                assert low <= e.value <= high
        one = found(made, "mae_ratio", {"sex": "F"}, {"sex": "M"})
        other = found(made, "mae_ratio", {"sex": "M"}, {"sex": "F"})
        assert one.interval(0.01)[0] == pytest.approx(1 / other.interval(0.01)[1], rel=1e-9)

    @pytest.mark.parametrize("factor", [1.0, 3.0])
    def test_equal_weights_change_nothing_but_the_degrees_of_freedom(self, factor):
        table = {**table_of(), "weight": np.full(600, factor)}
        plain, weighted = (regression_error(count(table, weighted=w)) for w in (False, True))
        for one in plain:
            if one.metric in ("mae", "mae_ratio", "mean_error_difference"):
                two = next(e for e in weighted if (e.metric, e.subject) == (one.metric, one.subject))
                assert two.value == pytest.approx(one.value, rel=1e-9)
                low, high = one.interval(0.05)
                wider_low, wider_high = two.interval(0.05)
                assert wider_low <= low
                assert high <= wider_high
                assert (wider_high - wider_low) <= 1.05 * (high - low)

    def test_rows_of_one_person_count_as_one(self):
        table = table_of(60)
        tenfold = {name: np.repeat(values, 10) for name, values in table.items()}
        tenfold["bucket"] = np.repeat(np.arange(60) * 4, 10)
        once = found(regression_error(count(table)), "mae", {"sex": "F"})
        ten = found(regression_error(count(tenfold, unit=True)), "mae", {"sex": "F"})
        naive = found(regression_error(count(tenfold)), "mae", {"sex": "F"})
        widths = [high - low for low, high in (e.interval(0.05) for e in (once, ten, naive))]
        assert widths[0] <= widths[1] * 1.01
        assert widths[2] < 0.6 * widths[0]

    def test_the_best_constant_is_never_beaten_by_itself(self):
        table = table_of()
        known = ~np.isnan(table["truth"])
        table["prediction"] = np.full(600, table["truth"][known].mean())
        (skill,) = [e for e in of_quantity(count(table)) if e.metric == "skill"]
        assert skill.value == pytest.approx(0, abs=1e-15)
        low, high = skill.interval(0.05)
        assert low < 0 < high

    def test_skill_is_the_share_of_the_squared_range_that_is_won(self):
        for weighted in (False, True):
            rows = judged_rows(table_of(), {})
            made = {e.metric: e for e in of_quantity(count(table_of(), weighted=weighted))}
            weight = rows["weight"] if weighted else np.ones(len(rows["truth"]))
            mean = np.average(rows["truth"], weights=weight)
            won = (rows["truth"] - mean) ** 2 - (rows["truth"] - rows["prediction"]) ** 2
            assert made["skill"].value == pytest.approx(np.average(won, weights=weight) / 100**2, rel=1e-10)
            variance = np.average((rows["truth"] - mean) ** 2, weights=weight)
            assert made["skill"].value == pytest.approx(made["r2"].value * variance / 100**2, rel=1e-10)

    def test_the_variance_of_the_skill_is_that_of_the_rows(self):
        rows = judged_rows(table_of(), {})
        residuals = count(table_of())
        (skill,) = [e for e in of_quantity(residuals) if e.metric == "skill"]
        place = skill.limits.inner
        y, f = ((rows[name] - 50) / 100 for name in ("truth", "prediction"))
        won = (y - y.mean()) ** 2 - (y - f) ** 2
        width = float(skill.limits.scale[0])
        assert float(place.variance[0]) * width**2 == pytest.approx(won.var(), rel=1e-9)
        low, high = float(skill.limits.shift[0]), float(skill.limits.shift[0]) + width
        assert low <= won.min()
        assert won.max() <= high + 1e-12


def of_quantity(residuals):
    """What performance says of a regression."""
    return performance(Cells.count(residuals.schema, axes_of(residuals)), residuals)


def axes_of(residuals):
    """Axes of cells without rows: performance reads none of them."""
    names = [*residuals.cells.attributes, "truth", "prediction"]
    return dict.fromkeys(names, ((), np.zeros(0, dtype=np.int64)))


class TestUndefined:
    def test_no_error_in_the_reference_has_no_ratio(self):
        table = table_of(100)
        table["truth"] = table["prediction"] = np.where(
            np.isnan(table["prediction"]), 5.0, table["prediction"]
        )
        table["truth"] = np.where(table["sex"] == 0, np.clip(table["truth"] + 1, *ENDS), table["truth"])
        made = regression_error(count(table))
        ratio = found(made, "mae_ratio", {"sex": "F"}, {"sex": "M"})
        assert np.isnan(ratio.value)
        assert ratio.why == "undefined: the divisor is 0"
        assert found(made, "mae_ratio", {"sex": "M"}, {"sex": "F"}).value == 0

    def test_equal_truths_have_no_r2(self):
        for ends in (ENDS, None):
            table = table_of(100)
            table["truth"] = np.where(table["sex"] == 0, 17.3, table["truth"])
            made = found(regression_error(count(table, ends=ends)), "r2", {"sex": "F"})
            assert np.isnan(made.value)
            assert made.why == "undefined: the divisor is 0"

    def test_a_group_without_a_truth_is_undefined_and_listed(self):
        table = table_of(100)
        table["truth"] = np.where(table["sex"] == 0, np.nan, table["truth"])
        made = found(regression_error(count(table)), "mae", {"sex": "F"})
        assert (made.n, made.why) == (0, "nothing to count")
        assert made.rows == (table["sex"] == 0).sum()


def log(n=2000, worse=1.0, seed=1):
    """A log of predicted prices: those of F are off by `worse` times as much."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["F", "M"], n)
    price = np.clip(rng.normal(50, 20, n), 0, 100)
    said = np.clip(price + rng.normal(0, 8, n) * np.where(sex == "F", worse, 1), 0, 100)
    return pd.DataFrame({"sex": sex, "price": price, "said": said})


def audited(data, **keys):
    roles = {"target": "price", "prediction": "said", "sensitive": ["sex"], "as_of": "2026-11-24"}
    return tk.audit(data=data, **{**roles, **keys})


def control(card, id):
    return next(c for c in card.controls if c.id == id)


def verdict(card, id):
    return str(next(f.verdict for f in card.findings if f.id == id))


RATIO = "bias/regression-error:mae_ratio:sex=M~sex=F:min"


class TestTheAudit:
    def test_errors_half_again_as_large_fail_and_equal_ones_pass(self):
        only, bins = ["bias/regression-error"], {"price": [0, 100]}
        assert verdict(audited(log(worse=1.6), bins=bins, only=only), RATIO) == "fail"
        assert verdict(audited(log(), bins=bins, only=only), RATIO) == "pass"
        assert verdict(audited(log(60), bins=bins, only=only), RATIO) == "inconclusive"

    def test_without_a_range_nothing_passes_and_the_card_says_what_to_supply(self):
        card = audited(log(), only=["bias/regression-error", "safety/performance"])
        for id in ("TK-FAI-03", "TK-SAF-03"):
            assert control(card, id).verdict == "not_assessed"
            assert (
                "supply data.bins.price: the least and the greatest value of price" in control(card, id).needs
            )
        ratio = next(f for f in card.findings if f.metric == "mae_ratio")
        assert (str(ratio.verdict), ratio.limit) == ("not_applicable", None)
        assert ratio.estimate == pytest.approx(1, abs=0.1)
        assert ratio.why.startswith("no range of price is declared")

    def test_a_model_is_asked_and_its_text_is_refused(self):
        class Model:
            def __init__(self, answer):
                self.answer = answer

            def predict(self, X):
                return self.answer(X["said"].to_numpy())

        keys = {
            "prediction": None,
            "features": ["said"],
            "bins": {"price": [0, 100]},
            "only": ["safety/performance"],
        }
        asked = audited(log(), model=Model(lambda said: said), **keys)
        logged = audited(log(), bins=keys["bins"], only=keys["only"])
        skill = {f.metric: f.estimate for f in asked.findings}
        assert skill == {f.metric: f.estimate for f in logged.findings}
        with pytest.raises(ConfigError, match="answers with text"):
            audited(log(), model=Model(lambda said: np.where(said > 50, "dear", "cheap")), **keys)

    def test_no_truth_and_no_prediction_say_what_to_supply(self):
        keys = {"task": "regression", "only": ["bias/regression-error", "safety/performance"]}
        blind = audited(log(), target=None, **keys)
        assert "supply data.target: the column with the true quantity" in control(blind, "TK-FAI-03").needs
        assert any(f.metric == "mean_prediction" for f in blind.findings)
        silent = audited(log(), prediction=None, **keys)
        for id in ("TK-FAI-03", "TK-SAF-03"):
            assert any(need.startswith("supply data.prediction") for need in control(silent, id).needs)
            assert control(silent, id).verdict == "not_assessed"

    def test_classes_have_no_residuals_and_are_left_as_they_are(self):
        data = log().assign(
            price=lambda d: (d["price"] > 50).astype(int), said=lambda d: (d["said"] > 50).astype(int)
        )
        card = audited(data, only=["bias/regression-error", "safety/performance"])
        assert {f.check for f in card.findings} == {"safety/performance"}
        assert verdict(card, "safety/performance:skill::min") == "pass"

    def test_a_declared_range_says_that_few_numbers_are_a_quantity(self):
        data = log().assign(
            price=lambda d: np.round(d["price"] / 25), said=lambda d: np.round(d["said"] / 25)
        )
        card = audited(data, bins={"price": [0, 4]}, only=["bias/regression-error"])
        assert {f.check for f in card.findings} == {"bias/regression-error"}

    def test_text_in_place_of_a_number_names_the_column(self):
        data = log().assign(said=lambda d: d["said"].astype(str) + " EUR")
        with pytest.raises(ConfigError) as caught:
            audited(data, task="regression")
        assert caught.value.problems[0].key == "data.prediction"

    def test_a_group_of_three_is_hidden_and_keeps_the_control_open(self):
        data = log()
        data.loc[:2, "sex"] = "X"
        card = audited(data, bins={"price": [0, 100]}, only=["bias/regression-error"])
        hidden = [f for f in card.findings if "sex=X" in f.id]
        assert hidden
        assert all(f.estimate is None for f in hidden)
        assert control(card, "TK-FAI-03").verdict == "inconclusive"
        bare = audited(data, only=["bias/regression-error"])
        assert all(f.estimate is None for f in bare.findings if "groups" in f.subject and "sex=X" in f.id)

    def test_in_steps_and_in_shards_it_is_the_same_card(self, tmp_path):
        data, keys = log(), {"bins": {"price": [0, 100]}}
        roles = {"target": "price", "prediction": "said", "sensitive": ["sex"], "task": "regression"}
        whole = collect(System(data=data, **roles, **keys), only=["cells", "residuals"])
        shards = [
            collect(System(data=data[i::3], **roles, **keys), only=["cells", "residuals"]) for i in range(3)
        ]
        for a, b, c in permutations(shards):
            total = a + b + c
            assert text(total.kinds["residuals"]) == text(whole.kinds["residuals"])
        whole.save(tmp_path / "evidence.json")
        again = tk.Evidence.load(tmp_path / "evidence.json")
        assert tk.judge(again, as_of="2026-11-24").digest == tk.judge(whole, as_of="2026-11-24").digest


class TestTheContract:
    def test_of_regression_error(self):
        assert_check(regression_error, [(each,) for each in residual_samples()])

    def test_of_performance(self):
        nothing = [Cells.count(each.schema, axes_of(each)) for each in residual_samples()]
        assert_check(performance, zip(nothing, residual_samples(), strict=True))

    def test_evidence_may_be_absent_where_a_check_says_so(self):
        assert performance.needs == {"cells": Cells, "residuals": Residuals, "fits": Fits}
        assert performance.optional == {"residuals", "fits"}
        assert regression_error.optional == frozenset()
