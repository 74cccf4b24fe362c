"""Every rate and metric from cells equals fairlearn's and scikit-learn's on the rows."""

import fairlearn.metrics as fm
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as skm

import trustkit as tk

RATES = {
    "rate": fm.selection_rate,
    "tpr": fm.true_positive_rate,
    "fpr": fm.false_positive_rate,
    "ppv": skm.precision_score,
}


def log(n=4000, seed=0, weights=False):
    """Rows with scores on a grid that both doubles and the fixed point hold exactly."""
    rng = np.random.default_rng(seed)
    score = rng.integers(11, 502, n) / 512
    frame = pd.DataFrame(
        {
            "sex": rng.choice(["F", "M"], n, p=[0.4, 0.6]),
            "race": rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2]),
            "truth": (rng.random(n) < score).astype(int),
            "score": score,
        }
    )
    frame["decision"] = (frame["score"] + rng.integers(-50, 50, n) / 512 > 0.5).astype(int)
    frame["weight"] = rng.integers(1, 64, n) / 16
    return frame


def audit(frame, **keys):
    return tk.audit(
        data=frame, target="truth", prediction="decision", score="score", sensitive=["sex", "race"], **keys
    )


@pytest.fixture(scope="module")
def rows():
    return log()


def by_id(card):
    return {finding.id: finding for finding in card.findings}


@pytest.fixture(scope="module")
def figures(rows):
    return by_id(audit(rows))


@pytest.fixture(scope="module")
def weighted():
    """Rows, and the findings of their card, each row with its weight."""
    rows = log(seed=3)
    return rows, by_id(audit(rows, weight="weight"))


@pytest.mark.parametrize("attributes", [["sex"], ["race"], ["sex", "race"]], ids=str)
@pytest.mark.parametrize("metric", RATES)
def test_rates_of_groups_to_the_last_bit(rows, figures, metric, attributes):
    theirs = fm.MetricFrame(
        metrics=RATES[metric],
        y_true=rows["truth"],
        y_pred=rows["decision"],
        sensitive_features=rows[attributes],
    ).by_group
    mine = {
        tuple(f.subject["groups"].values()): f.estimate
        for f in figures.values()
        if f.metric == metric and list(f.subject["groups"]) == attributes
    }
    if metric == "ppv" and len(attributes) == 2:
        assert not mine  # the policy uses it for single attributes
        return
    for group, value in theirs.items():
        assert mine[group if isinstance(group, tuple) else (group,)] == value


def test_disparities_to_the_last_bit(rows, figures):
    def worst(check, metric, attribute, side=""):
        return [
            f.estimate
            for f in figures.values()
            if f.check == check and f.metric == metric and list(f.subject["groups"]) == [attribute]
        ]

    for attribute in ("sex", "race"):
        given = {"y_true": rows["truth"], "y_pred": rows["decision"], "sensitive_features": rows[attribute]}
        ratios = worst("bias/selection-rate", "ratio", attribute)
        differences = worst("bias/selection-rate", "difference", attribute)
        assert min(ratios) == fm.demographic_parity_ratio(**given)
        assert max(differences) == fm.demographic_parity_difference(**given)
        tpr = worst("bias/error-rates", "tpr_difference", attribute)
        fpr = worst("bias/error-rates", "fpr_difference", attribute)
        assert max(tpr) == fm.equal_opportunity_difference(**given)
        assert max(*tpr, *fpr) == fm.equalized_odds_difference(**given)


METRICS = {
    "accuracy": lambda y, d, s: skm.accuracy_score(y, d),
    "balanced_accuracy": lambda y, d, s: skm.balanced_accuracy_score(y, d),
    "auc": lambda y, d, s: skm.roc_auc_score(y, s),
    "brier": lambda y, d, s: skm.brier_score_loss(y, s),
    "log_loss": lambda y, d, s: skm.log_loss(y, s),
}


@pytest.mark.parametrize("metric", METRICS)
def test_metrics_equal_those_of_the_rows(rows, figures, metric):
    mine = figures[f"safety/performance:{metric}:"].estimate
    theirs = METRICS[metric](rows["truth"], rows["decision"], rows["score"])
    if metric == "log_loss":  # sums of logarithms in another order
        assert mine == pytest.approx(theirs, rel=1e-13)
    else:
        assert mine == theirs


def test_skill_is_accuracy_over_the_best_dummy(rows, figures):
    best = max(rows["truth"].mean(), 1 - rows["truth"].mean())
    mine = figures["safety/performance:skill::min"].estimate
    assert mine == pytest.approx((rows["truth"] == rows["decision"]).mean() - best, abs=1e-15)


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "auc", "brier", "log_loss"])
def test_weighted_metrics_equal_those_of_the_rows(weighted, metric):
    rows, figures = weighted
    mine = figures[f"safety/performance:{metric}:"].estimate
    y, d, s, w = rows["truth"], rows["decision"], rows["score"], rows["weight"]
    theirs = {
        "accuracy": lambda: skm.accuracy_score(y, d, sample_weight=w),
        "balanced_accuracy": lambda: skm.balanced_accuracy_score(y, d, sample_weight=w),
        "auc": lambda: skm.roc_auc_score(y, s, sample_weight=w),
        "brier": lambda: skm.brier_score_loss(y, s, sample_weight=w),
        "log_loss": lambda: skm.log_loss(y, s, sample_weight=w),
    }[metric]()
    assert mine == pytest.approx(theirs, rel=1e-12)


def test_weighted_rates_equal_fairlearns(weighted):
    rows, figures = weighted
    for metric, function in RATES.items():
        theirs = fm.MetricFrame(
            metrics=function,
            y_true=rows["truth"],
            y_pred=rows["decision"],
            sensitive_features=rows["race"],
            sample_params={"sample_weight": rows["weight"]},
        ).by_group
        for f in figures.values():
            if f.metric == metric and list(f.subject["groups"]) == ["race"]:
                assert f.estimate == pytest.approx(theirs[f.subject["groups"]["race"]], rel=1e-12)


def test_calibration_in_the_large_is_exact(rows, figures):
    for race, mine in rows.groupby("race"):
        gap = figures[f"bias/calibration:gap:race={race}:max"].estimate
        assert gap == pytest.approx(mine["truth"].mean() - mine["score"].mean(), abs=1e-15)


def test_calibration_error_is_that_of_ten_bins(rows, figures):
    tenth = np.floor(rows["score"] * 10)
    gaps = rows.assign(gap=rows["truth"] - rows["score"]).groupby(tenth)["gap"]
    score = rows.groupby(tenth)["score"].mean()
    n, mean = gaps.size(), gaps.mean()
    seen = gaps.var(ddof=0)
    variance = ((n - 1) * seen + 4 * score * (1 - score)) / (n + 3)
    share = n / n.sum()
    expected = np.sqrt(max((share * mean**2).sum() - (share * variance / n).sum(), 0))
    assert figures["safety/calibration:rmsce::max"].estimate == pytest.approx(expected, rel=1e-9)


def test_continuous_scores_cost_less_than_the_stated_error():
    rng = np.random.default_rng(5)
    rows = log(8_000, seed=5)
    rows["score"] = rng.beta(2, 2, len(rows))
    rows["truth"] = (rng.random(len(rows)) < rows["score"]).astype(int)
    found = {f.id: f.estimate for f in audit(rows).findings}
    y, s = rows["truth"], rows["score"]
    assert found["safety/performance:auc:"] == pytest.approx(skm.roc_auc_score(y, s), abs=1e-5)
    assert found["safety/performance:log_loss:"] == pytest.approx(skm.log_loss(y, s), abs=1e-5)
    assert found["safety/performance:brier:"] == pytest.approx(skm.brier_score_loss(y, s), abs=1e-9)
