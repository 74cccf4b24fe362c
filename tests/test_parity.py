"""Selection rates, error rates and predictive values: fairlearn's on rows, AIF360's and published ones."""

import itertools
from pathlib import Path

import fairlearn.metrics as fm
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import trustkit as tk
from trustkit.checks.bias.error_rates import error_rates
from trustkit.checks.bias.predictive_parity import predictive_parity
from trustkit.checks.bias.selection_rate import selection_rate
from trustkit.errors import ConfigError
from trustkit.measure.significance import fisher_exact, pooled_z, swaps

ROOT = Path(__file__).parents[1]


def cells(frame, **keys):
    keys = {"target": "y", "prediction": "d", "favorable": 1, "sensitive": ["g"], **keys}
    keys = {key: value for key, value in keys.items() if value is not None}
    return tk.collect(tk.System(data=frame, **keys), only=["cells"]).kinds["cells"]


def selected(**groups):
    """A log of decisions: selected and all of each group."""
    rows = [(name, int(i < k)) for name, (k, n) in groups.items() for i in range(n)]
    return pd.DataFrame(rows, columns=["g", "d"])


def figures(estimates, metric):
    """Values of a metric by subject and reference."""
    made = {}
    for e in estimates:
        if e.metric == metric:
            other = e.subject.get("reference")
            key = tuple(e.subject["groups"].values())
            made[
                key if other is None else (*key, *(other.values() if isinstance(other, dict) else [other]))
            ] = e
    return made


@pytest.fixture(scope="module")
def compas():
    frame = pd.read_csv(ROOT / "examples/decision-log/compas.csv")
    return frame.rename(columns={"race": "g", "recidivated": "y", "predicted": "d"})


@pytest.fixture(scope="module")
def two_races(compas):
    frame = compas[compas["g"].isin(["African-American", "Caucasian"])]
    return [*selection_rate(cells(frame)), *error_rates(cells(frame))]


AA, C = "African-American", "Caucasian"


@pytest.mark.parametrize(
    ("attribute", "pair", "rates", "difference", "ratio"),
    [
        ("older", ("false", "true"), (0.590604, 0.719154), -0.128550, 0.821248),
        ("sex", ("female", "male"), None, -0.074801, 0.896567),
    ],
)
def test_german_credit_as_published(attribute, pair, rates, difference, ratio):
    frame = pd.read_csv(ROOT / "examples/credit/data/german_credit.csv")
    frame = frame.assign(d=frame["risk"], g=frame["age"] >= 25 if attribute == "older" else frame["sex"])
    made = list(selection_rate(cells(frame, target=None)))
    assert round(figures(made, "difference")[pair].value, 6) == difference
    assert round(figures(made, "ratio")[pair].value, 6) == ratio
    if rates is not None:
        assert tuple(round(figures(made, "rate")[(group,)].value, 6) for group in pair) == rates


@pytest.mark.parametrize(
    ("metric", "published"),
    [
        ("ppv_difference", 0.038380),  # smclarify DAR, with its sign turned
        ("npv_difference", -0.061415),  # DRR
        ("accuracy_difference", -0.031669),  # AD
        ("tpr_difference", 0.197373),  # RD
        ("fpr_difference", 0.213925),  # SD
    ],
)
def test_compas_as_smclarify_recorded_it(compas, metric, published):
    frame = compas[compas["g"].isin([AA, C])]
    made = [*error_rates(cells(frame)), *predictive_parity(cells(frame))]
    assert round(figures(made, metric)[AA, C].value, 6) == pytest.approx(published, abs=1e-6)


@pytest.mark.parametrize(
    ("metric", "pair", "published"),
    [
        ("difference", (AA, C), 0.240200),  # fairlearn, AIF360, holisticai, OxonFair, smclarify
        ("ratio", (C, AA), 0.591638),
        ("ratio", (AA, C), 1.690224),  # AIF360 disparate impact
        ("equalized_odds_difference", (C, AA), 0.213925),  # fairlearn, worst case
        ("equalized_odds_mean", (C, AA), 0.205649),
        ("equalized_odds_ratio", (C, AA), 0.522987),
        ("average_odds_difference", (AA, C), 0.205649),  # AIF360, signed
        ("tpr_difference", (AA, C), 0.197373),
        ("tpr_ratio", (C, AA), 0.725927),
        ("treatment_difference", (AA, C), -0.660047),  # smclarify TE
        ("differential_fairness", (C, AA), 0.524643),  # AIF360 smoothed EDF of the predictions
        ("amplification", (C, AA), 0.257321),
        ("z", (AA, C), 18.451),
    ],
)
def test_compas_as_published(two_races, metric, pair, published):
    digits = 3 if metric == "z" else 6
    assert round(figures(two_races, metric)[pair].value, digits) == published


def test_compas_all_six_races(compas):
    made = [*selection_rate(cells(compas)), *error_rates(cells(compas))]
    largest = {name: max(e.value for e in figures(made, name).values()) for name in ("difference",)}
    assert round(largest["difference"], 6) == 0.457118
    assert round(min(e.value for e in figures(made, "ratio").values()), 6) == 0.314324
    odds = figures(made, "equalized_odds_difference").values()
    assert round(max(e.value for e in odds), 6) == 0.576692
    assert round(min(e.value for e in figures(made, "equalized_odds_ratio").values()), 6) == 0.193897


def test_the_toy_of_fairlearns_guide():
    y = [0, 1, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    d = [0, 0, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 0]
    made = cells(pd.DataFrame({"y": y, "d": d, "g": list("bbabbcccaacabccbcc")}))
    rates, errors = list(selection_rate(made)), list(error_rates(made))
    assert {k: e.value for k, e in figures(rates, "rate").items()} == {("a",): 0.75, ("b",): 0.5, ("c",): 0.5}
    assert {k: round(e.value, 3) for k, e in figures(errors, "fpr").items()} == {
        ("a",): 1,
        ("b",): 0,
        ("c",): 0.667,
    }
    assert max(e.value for e in figures(rates, "difference").values()) == 0.25
    assert round(min(e.value for e in figures(rates, "ratio").values()), 4) == 0.6667
    assert max(e.value for e in figures(errors, "equalized_odds_difference").values()) == 1
    assert max(e.value for e in figures(errors, "tpr_difference").values()) == pytest.approx(0.2)
    assert min(e.value for e in figures(errors, "tpr_ratio").values()) == pytest.approx(2 / 3)
    gaps = [max(e.value for e in figures(errors, f"{rate}_difference").values()) for rate in ("tpr", "fpr")]
    assert np.mean(gaps) == pytest.approx(0.6)  # fairlearn's mean is of gaps that may be of different pairs
    assert max(e.value for e in figures(errors, "equalized_odds_mean").values()) == pytest.approx(0.55)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4))
def test_every_rate_equals_fairlearns(seed, groups):
    rng = np.random.default_rng(seed)
    n = 300
    frame = pd.DataFrame({"g": rng.integers(0, groups, n).astype(str), "y": rng.integers(0, 2, n)})
    frame["d"] = np.where(rng.random(n) < 0.7, frame["y"], rng.integers(0, 2, n))
    made = cells(frame)
    estimates = [*selection_rate(made), *error_rates(made), *predictive_parity(made)]
    theirs = {
        "rate": fm.selection_rate,
        "tpr": fm.true_positive_rate,
        "fpr": fm.false_positive_rate,
        "fnr": fm.false_negative_rate,
        "tnr": fm.true_negative_rate,
    }
    frames = {
        name: fm.MetricFrame(metrics=f, y_true=frame["y"], y_pred=frame["d"], sensitive_features=frame["g"])
        for name, f in theirs.items()
    }
    for name, by in frames.items():
        mine = {key[0]: e.value for key, e in figures(estimates, name).items()}
        assert mine == pytest.approx(by.by_group.to_dict())
        difference = "difference" if name == "rate" else f"{name}_difference"
        assert max(e.value for e in figures(estimates, difference).values()) == pytest.approx(by.difference())
    both = {"y_true": frame["y"], "y_pred": frame["d"], "sensitive_features": frame["g"]}
    odds = max(e.value for e in figures(estimates, "equalized_odds_difference").values())
    assert odds == pytest.approx(fm.equalized_odds_difference(**both))
    if min(by.by_group.min() for name, by in frames.items() if name in ("tpr", "fpr")) > 0:
        ratio = min(e.value for e in figures(estimates, "equalized_odds_ratio").values())
        assert ratio == pytest.approx(fm.equalized_odds_ratio(**both))
    for name, other in (("fnr", "tpr"), ("tnr", "fpr")):
        for key, e in figures(estimates, name).items():
            assert e.value == pytest.approx(1 - figures(estimates, other)[key].value)
    for name, other in (("fdr", "ppv"), ("for", "npv")):
        for key, e in figures(estimates, name).items():
            assert e.value == pytest.approx(1 - figures(estimates, other)[key].value)


class TestEmploymentLaw:
    def test_the_ratios_of_the_questions_and_answers(self):
        frame = selected(white=(60, 100), indian=(45, 100), hispanic=(48, 100), black=(51, 100))
        made = figures(selection_rate(cells(frame, target=None)), "ratio")
        assert {group: round(made[group, "white"].value, 2) for group in ("indian", "hispanic", "black")} == {
            "indian": 0.75,
            "hispanic": 0.8,
            "black": 0.85,
        }

    def test_a_single_decision_flips_the_order(self):
        made = list(selection_rate(cells(selected(white=(16, 80), black=(3, 20)), target=None)))
        assert figures(made, "ratio")["black", "white"].value == pytest.approx(0.75)
        assert figures(made, "flip_flop")["black", "white"].value == 1
        assert figures(made, "flip_flop")["white", "black"].value == 0
        assert "Q&A 21" in figures(made, "ratio")["black", "white"].note
        assert round(figures(made, "fisher_p")["black", "white"].value, 3) == 0.757
        assert figures(made, "fisher_p")["black", "white"].limits is None

    @pytest.mark.parametrize(
        ("subject", "reference", "ratio", "p"),
        [
            ((6, 16), (16, 25), 0.586, 0.120),  # Ricci v. DeStefano, Captain
            ((9, 34), (25, 43), 0.455, 0.0063),  # Lieutenant
            ((6, 19), (25, 43), 0.543, 0.097),
            ((3, 15), (25, 43), 0.344, 0.016),
            ((15, 50), (41, 68), 0.498, 0.0015),
        ],
    )
    def test_ricci(self, subject, reference, ratio, p):
        made = list(selection_rate(cells(selected(a=subject, w=reference), target=None)))
        assert figures(made, "ratio")["a", "w"].value == pytest.approx(ratio, abs=0.0005)
        assert figures(made, "fisher_p")["a", "w"].value == pytest.approx(p, rel=0.05)

    @settings(max_examples=200, deadline=None)
    @given(st.integers(1, 200), st.integers(1, 200), st.data())
    def test_fisher_and_z_equal_scipys(self, n, other_n, data):
        k, other_k = data.draw(st.integers(0, n)), data.draw(st.integers(0, other_n))
        theirs = stats.fisher_exact([[k, n - k], [other_k, other_n - other_k]]).pvalue
        assert fisher_exact(k, n, other_k, other_n) == pytest.approx(theirs, rel=1e-6)
        arrays = [np.array([each]) for each in (k, n, other_k, other_n)]
        pooled = (k + other_k) / (n + other_n)
        z = pooled_z(*arrays)[0]
        if 0 < pooled < 1:
            chi2 = stats.chi2_contingency(
                [[k, n - k], [other_k, other_n - other_k]], correction=False
            ).statistic
            assert z**2 == pytest.approx(chi2)
        else:
            assert np.isnan(z)

    @settings(max_examples=200, deadline=None)
    @given(st.integers(1, 60), st.integers(1, 60), st.data())
    def test_swaps_are_the_fewest_that_turn_the_order(self, n, other_n, data):
        k, other_k = data.draw(st.integers(0, n)), data.draw(st.integers(0, other_n))
        m = int(swaps(*(np.array([each]) for each in (k, n, other_k, other_n)))[0])
        assert (k + m) * other_n > (other_k - m) * n
        assert m == 0 or (k + m - 1) * other_n <= (other_k - m + 1) * n


class TestStrata:
    @pytest.fixture(scope="class")
    @classmethod
    def berkeley(cls):
        return pd.read_csv(ROOT / "tests/data/ucb_admissions_counts.csv")

    @pytest.fixture(scope="class")
    @classmethod
    def applicants(cls, berkeley):
        return berkeley.loc[berkeley.index.repeat(berkeley["Freq"])].reset_index(drop=True)

    def audit(self, applicants, **limits):
        return tk.audit(
            data=applicants,
            prediction="Admit",
            favorable="Admitted",
            sensitive=["Gender"],
            only=["bias/selection-rate"],
            policy="fairness-baseline",
            options={"bias/selection-rate": {"strata": ["Dept"]}},
            limits={"bias/selection-rate": limits},
        )

    def test_the_whole_fails_and_the_strata_do_not(self, applicants):
        whole = self.audit(applicants, min_conditional_ratio=0.8)
        verdicts = {
            (f.metric, f.subject["groups"]["Gender"]): (f.verdict, round(f.estimate, 4))
            for f in whole.findings
            if f.limit
        }
        assert verdicts["ratio", "Female"] == ("fail", 0.6818)
        assert verdicts["conditional_ratio", "Female"][0] == "pass"
        assert verdicts["conditional_ratio", "Male"][0] == "pass"

    def test_it_is_mantel_and_haenszels(self, berkeley, applicants):
        card = self.audit(applicants, min_conditional_ratio=0.8, max_conditional_difference=0.1)
        counts = berkeley.pivot_table(index="Dept", columns=["Gender", "Admit"], values="Freq")
        n = {g: counts[g].sum(axis=1) for g in ("Female", "Male")}
        total = n["Female"] + n["Male"]
        part = {
            g: (counts[g]["Admitted"] * n[other] / total).sum()
            for g, other in itertools.permutations(("Female", "Male"))
        }
        found = {
            f.metric: f.estimate
            for f in card.findings
            if f.metric.startswith("conditional") and f.subject["groups"]["Gender"] == "Female"
        }
        assert found["conditional_ratio"] == pytest.approx(part["Female"] / part["Male"])
        weight = (n["Female"] * n["Male"] / total).sum()
        gap = (part["Female"] - part["Male"]) / weight
        assert found["conditional_difference"] == pytest.approx(gap)
        rates = {
            f.subject["stratum"]["Dept"]: round(f.estimate, 4)
            for f in card.findings
            if f.metric == "rate" and f.subject.get("stratum") and f.subject["groups"]["Gender"] == "Female"
        }
        assert rates == {"A": 0.8241, "B": 0.68, "C": 0.3406, "D": 0.3493, "E": 0.2392, "F": 0.0704}

    def test_many_groups_meet_the_rest_of_their_stratum(self):
        rng = np.random.default_rng(0)
        n = 20_000
        frame = pd.DataFrame({"g": rng.integers(0, 14, n).astype(str), "s": rng.integers(0, 3, n)})
        frame["d"] = (rng.random(n) < 0.2 + 0.2 * frame["s"]).astype(int)
        made = ()
        system = tk.System(
            data=frame,
            prediction="d",
            favorable=1,
            sensitive=["g"],
            config=tk.System().config.replace(options={"bias/selection-rate": {"strata": ["s"]}}),
        )
        made = tk.collect(system, only=["cells"]).kinds["cells"]
        found = figures(selection_rate(made, strata=["s"]), "conditional_difference")
        weights, gaps = [], []
        for _, stratum in frame.groupby("s"):
            mine = stratum["g"] == "3"
            a, b = mine.sum(), (~mine).sum()
            weights.append(a * b / (a + b))
            gaps.append(stratum.loc[mine, "d"].mean() - stratum.loc[~mine, "d"].mean())
        assert found["3", "rest"].value == pytest.approx(np.average(gaps, weights=weights))

    def test_an_unknown_stratum_is_named_with_the_nearest(self, applicants):
        with pytest.raises(ConfigError, match=r"strata: there is no column 'Dep'; did you mean 'Dept'"):
            tk.audit(
                data=applicants,
                prediction="Admit",
                favorable="Admitted",
                sensitive=["Gender"],
                options={"bias/selection-rate": {"strata": ["Dep"]}},
            )

    def test_a_stratum_that_names_people_is_refused(self):
        frame = pd.DataFrame({"g": ["a", "b"] * 300, "d": [0, 1, 1, 0] * 150, "id": range(600)})
        with pytest.raises(ConfigError, match="'id' has 600 distinct values, and 200 are the most"):
            tk.audit(
                data=frame,
                prediction="d",
                sensitive=["g"],
                options={"bias/selection-rate": {"strata": ["id"]}},
            )

    def test_evidence_without_them_says_what_to_supply(self):
        made = cells(selected(a=(5, 10), b=(5, 10)), target=None)
        with pytest.raises(tk.NotApplicable, match="not among the strata"):
            list(selection_rate(made, strata=["s"]))


class TestSeveralClasses:
    @pytest.fixture(scope="class")
    @classmethod
    def frame(cls):
        rng = np.random.default_rng(5)
        n = 3000
        frame = pd.DataFrame({"g": rng.choice(["a", "b"], n), "y": rng.choice(["x", "y", "z"], n)})
        frame["d"] = np.where(rng.random(n) < 0.6, frame["y"], rng.choice(["x", "y", "z"], n))
        return frame

    def test_each_is_taken_against_the_rest(self, frame):
        made = cells(frame, favorable=None)
        for check, metric, theirs in (
            (error_rates, "tpr", fm.true_positive_rate),
            (error_rates, "fpr", fm.false_positive_rate),
            (selection_rate, "rate", fm.selection_rate),
        ):
            found = [e for e in check(made) if e.metric == metric]
            assert {e.subject["class"] for e in found} == {"x", "y", "z"}
            for e in found:
                rows = frame[frame["g"] == e.subject["groups"]["g"]]
                label = e.subject["class"]
                assert e.value == pytest.approx(theirs(rows["y"] == label, rows["d"] == label))

    def test_a_declared_class_stands_alone(self, frame):
        made = cells(frame, favorable="x")
        assert all("class" not in e.subject for e in error_rates(made))

    def test_findings_of_each_have_ids_of_their_own(self, frame):
        card = tk.audit(data=frame, target="y", prediction="d", sensitive=["g"], policy="fairness-baseline")
        assert any(f.id == "bias/error-rates:tpr_difference:g=a~g=b;class=x:max" for f in card.findings)
        assert len({f.id for f in card.findings}) == len(card.findings)
        message = next(f.message for f in card.findings if f.subject.get("class") == "x" and f.limit)
        assert "(class=x)" in message

    def test_two_classes_need_one_named(self):
        frame = pd.DataFrame({"g": ["a", "b"] * 50, "y": ["n", "y"] * 50, "d": ["n", "y", "y", "n"] * 25})
        with pytest.raises(ConfigError, match=r"data\.favorable"):
            cells(frame, favorable=None)


class TestWhatIsShown:
    @pytest.fixture(scope="class")
    @classmethod
    def made(cls):
        rng = np.random.default_rng(1)
        n = 6000
        frame = pd.DataFrame({"g": rng.integers(0, 5, n).astype(str), "y": rng.integers(0, 2, n)})
        frame["d"] = (rng.random(n) < 0.3 + 0.05 * frame["g"].astype(int)).astype(int)
        return cells(frame)

    def test_of_what_no_limit_bounds_the_largest_alone(self, made):
        every = figures(error_rates(made), "tpr_difference")
        assert len(every) == 20
        shown = figures(error_rates(made, judged={"fpr_difference"}), "tpr_difference")
        ((pair, only),) = shown.items()
        assert only.value == max(e.value for e in every.values()) == every[pair].value
        assert only.limits is None
        assert "largest of 10 comparisons" in only.why

    def test_of_what_a_limit_bounds_every_pair(self, made):
        for metric in ("fnr_ratio", "tnr_difference", "accuracy_ratio", "average_odds_difference"):
            assert len(figures(error_rates(made, judged={metric}), metric)) == 20
        for metric in ("equalized_odds_difference", "equalized_odds_mean", "equalized_odds_ratio"):
            assert len(figures(error_rates(made, judged={metric}), metric)) == 10

    def test_all_on_demand(self, made):
        assert len(figures(error_rates(made, judged=(), shown="all"), "fnr_ratio")) == 20

    def test_a_ratio_of_nothing_is_the_largest_of_all(self):
        made = cells(selected(a=(0, 100), b=(50, 100), c=(40, 100)), target=None)
        ((pair, only),) = figures(selection_rate(made, judged=()), "ratio").items()
        assert (pair[0], only.value) == ("a", 0)

    def test_every_figure_has_a_convention(self):
        for check in (selection_rate, error_rates, predictive_parity):
            assert all(metric.convention for metric in check.metrics.values())

    def test_two_groups_leave_no_choice_so_the_interval_stays(self):
        made = cells(selected(a=(30, 100), b=(50, 100)), target=None)
        ((_, only),) = figures(selection_rate(made, judged=()), "ratio").items()
        assert only.limits is not None


@pytest.mark.parametrize("compare", ["pairs", "reference", "rest"])
def test_composites_contain_what_they_are_made_of(compare):
    rng = np.random.default_rng(2)
    n = 2000
    frame = pd.DataFrame({"g": rng.choice(["a", "b", "c"], n), "y": rng.integers(0, 2, n)})
    frame["d"] = (rng.random(n) < 0.4 + 0.2 * frame["y"]).astype(int)
    made = list(error_rates(cells(frame), compare=compare))
    for key, odds in figures(made, "equalized_odds_difference").items():
        parts = [figures(made, f"{name}_difference")[key] for name in ("tpr", "fpr")]
        assert odds.value == max(abs(part.value) for part in parts)
        low, high = odds.interval(0.025)
        assert low <= odds.value <= high
        assert high >= max(max(np.abs(part.interval(0.025))) for part in parts) - 1e-12
        mean = figures(made, "equalized_odds_mean")[key]
        assert mean.interval(0.025)[0] <= mean.value <= mean.interval(0.025)[1] <= 1


class TestWhatAReaderWouldTrip:
    """Found by a second pair of eyes."""

    def frame(self, n=2000):
        rng = np.random.default_rng(9)
        frame = pd.DataFrame({"g": rng.choice(["a", "b"], n), "dept": rng.integers(0, 10, n)})
        return frame.assign(d=(rng.random(n) < 0.5).astype(int), u=np.arange(n) // 10, w=1.0)

    def audit(self, frame, **keys):
        options = {"bias/selection-rate": {"strata": ["dept"], **keys.pop("options", {})}}
        keys = {"limits": {"bias/selection-rate": {"min_conditional_ratio": 0.8}}, **keys}
        return tk.audit(
            data=frame,
            prediction="d",
            favorable=1,
            sensitive=["g"],
            policy="fairness-baseline",
            only=["bias/selection-rate"],
            options=options,
            **keys,
        )

    def test_persons_in_several_strata_have_no_interval(self):
        card = self.audit(self.frame(), unit="u")
        claims = [f for f in card.findings if f.metric == "conditional_ratio"]
        assert {str(f.verdict) for f in claims} == {"inconclusive"}
        assert all("several strata" in f.why for f in claims)

    def test_strata_with_one_side_alone_do_not_count(self):
        rows = [("F", "a", i % 2) for i in range(197)] + [("F", "b", i % 2) for i in range(3)]
        rows += [("M", "b", i % 2) for i in range(200)]
        card = self.audit(pd.DataFrame(rows, columns=["g", "dept", "d"]))
        (claim,) = [f for f in card.findings if f.id == "bias/selection-rate:conditional_ratio:g=F~g=M:min"]
        assert (claim.estimate, claim.n, claim.why) == (None, None, "n<5")

    def test_one_decision_is_said_of_unweighted_rows_alone(self):
        frame = pd.DataFrame(
            {"g": ["F"] * 100 + ["M"] * 100, "dept": 0, "d": ([1] * 50 + [0] * 50) + [1] * 51 + [0] * 49}
        )
        assert any(f.message.endswith("Q&A 21)") for f in self.audit(frame).findings)
        card = self.audit(frame.assign(w=np.where(frame["g"] == "F", 0.5, 1.0)), weight="w")
        assert not any("Q&A 21" in f.message for f in card.findings)
        assert not {"z", "fisher_p", "flip_flop"} & {f.metric for f in card.findings}

    @pytest.mark.parametrize(
        ("reference", "says"),
        [
            ({"gg": "a"}, "'gg' is not among data.sensitive; did you mean 'g'"),
            ({"g": "A"}, "there is no group 'A' of 'g'; did you mean 'a'"),
        ],
    )
    def test_a_reference_that_is_not_there_is_named(self, reference, says):
        with pytest.raises(ConfigError, match=says):
            self.audit(self.frame(), options={"compare": "reference", "reference": reference})

    def test_weights_of_nothing(self):
        with pytest.raises(ConfigError, match=r"data\.weight: every value of 'w' is 0"):
            self.audit(self.frame().assign(w=0), weight="w")

    def test_a_class_that_is_only_predicted_makes_no_claim(self):
        frame = pd.DataFrame({"g": ["a", "b"] * 300, "y": ["x", "y", "z"] * 200, "d": ["x", "y", "z"] * 200})
        frame.loc[0, "d"] = "w"
        card = tk.audit(data=frame, target="y", prediction="d", sensitive=["g"], policy="fairness-baseline")
        assert {f.subject["class"] for f in card.findings if "class" in f.subject} == {"x", "y", "z"}
