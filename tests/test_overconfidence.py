"""Overconfidence: errors against what the confidence admits, risk by coverage, and coverage by group."""

import numpy as np
import pandas as pd
import pytest
from test_confidences import collected, confidences_of, intervals, log, of_intervals, of_three, three

import trustkit as tk
from trustkit.checks.base import NotApplicable
from trustkit.checks.safety.calibration import DECIDED
from trustkit.checks.safety.calibration import calibration as overall
from trustkit.checks.safety.overconfidence import overconfidence
from trustkit.evidence.confidences import RIGHT
from trustkit.measure.confidence import first_bin, risk_curve_area


def found(estimates):
    """Estimates by metric and whom they are about."""
    made = {}
    for e in estimates:
        groups = tuple(e.subject.get("groups", {}).values())
        rest = tuple(str(value) for key, value in e.subject.items() if key != "groups")
        made[(e.metric, *groups, *rest)] = e
    return made


def confidence_of(rows):
    return np.maximum(rows["s"], 1 - rows["s"]), rows["y"] != (rows["s"] > 0.5)


SURE = "confidence 0.9 and above"


@pytest.mark.parametrize("weight", [None, "w"])
def test_figures_are_those_of_the_rows(weight):
    rows = log(4000, sharpen=1.6)
    made = found(overconfidence(collected(rows, weight=weight).kinds["confidences"]))
    confidence, wrong = confidence_of(rows)
    w = rows["w"] if weight else np.ones(len(rows))
    sure = confidence >= 0.9
    expected = {
        ("overconfidence",): np.average(confidence, weights=w) - np.average(~wrong, weights=w),
        ("confident_share", SURE): np.average(sure, weights=w),
        ("confident_errors", SURE): np.average(wrong[sure], weights=w[sure]),
        ("confident_excess", SURE): np.average((wrong - 1 + confidence)[sure], weights=w[sure]),
        ("selective_error", "all"): np.average(wrong, weights=w),
    }
    for key, value in expected.items():
        assert made[key].value == pytest.approx(value, abs=1e-6), key
        low, high = made[key].interval(0.05)
        assert low < value < high
    assert made["confident_errors", SURE].n == sure.sum()


def test_other_bounds_of_confidence_can_be_named():
    rows = log(2000)
    made = found(overconfidence(confidences_of(2000), confident=0.8))
    confidence, wrong = confidence_of(rows)
    sure = confidence >= 0.8
    assert made["confident_errors", "confidence 0.8 and above"].value == pytest.approx(wrong[sure].mean())
    with pytest.raises(ValueError, match=r"confident: 1\.5 is not between 0 and 1"):
        overconfidence(confidences_of(50), confident=1.5)


def test_sets_for_another_level_are_not_taken_for_these():
    with pytest.raises(ValueError, match=r"made to hold 0\.9: collect anew"):
        overconfidence(confidences_of(50), level=0.8)


def test_the_risk_coverage_curve_is_that_of_the_sorted_rows():
    rows = log(3000).round({"s": 3})
    rows["s"] += 0.0005  # inside of a bin, so that bins are the distinct scores
    confidence, wrong = confidence_of(rows)
    made = found(overconfidence(collected(rows).kinds["confidences"]))
    ranked = np.argsort(-confidence, kind="stable")
    confidence, wrong = confidence.to_numpy()[ranked], wrong.to_numpy()[ranked]
    last = np.r_[np.flatnonzero(np.diff(confidence) < -1e-9), len(confidence) - 1]  # ends of ties
    risk = np.cumsum(wrong)[last] / (last + 1)
    area = np.average(risk, weights=np.diff(np.r_[-1, last]))
    assert made["aurc",].value == pytest.approx(area, abs=1e-9)
    assert made["aurc",].limits is None
    for stratum, share in (("most confident 8 in 10", 0.8), ("most confident 9 in 10", 0.9)):
        end = last[np.searchsorted(last + 1, share * len(confidence))]
        assert made["selective_error", stratum].value == pytest.approx(wrong[: end + 1].mean(), abs=1e-12)
        assert made["selective_error", stratum].n == end + 1
    kept = wrong[: end + 1].mean()
    assert made["abstention_gain",].value == pytest.approx(wrong.mean() - kept, abs=1e-12)
    assert made["abstention_gain",].n + made["abstention_gain",].reference_n == len(rows)


def test_the_gain_is_an_interval_that_holds_it():
    gains = [found(overconfidence(confidences_of(1500, seed)))["abstention_gain",] for seed in range(40)]
    big = found(overconfidence(confidences_of(200_000, 99)))["abstention_gain",]
    true = big.value
    held = [low <= true <= high for low, high in (gain.interval(0.05) for gain in gains)]
    assert sum(held) >= 32  # nine in ten are to hold it


def test_where_all_are_equally_sure_there_is_nothing_to_abstain_from():
    rows = log(500).assign(s=0.7)
    made = found(overconfidence(collected(rows).kinds["confidences"]))
    assert made["abstention_gain",].why == "nothing to count"
    assert made["confident_errors", SURE].why == "nothing to count"
    assert made["confident_share", SURE].value == 0


def test_of_no_rows_everything_is_undefined():
    made = found(overconfidence(confidences_of(0)))
    assert {e.why for e in made.values()} == {"nothing to count"}
    scores = confidences_of(0).decided.scores()
    assert first_bin(scores, 0.9) == 0
    assert np.isnan(risk_curve_area(scores))


def test_the_least_covered_group_is_told_and_every_one_where_a_limit_asks():
    made = confidences_of(3000)
    shown = [e for e in overconfidence(made) if e.metric == "coverage"]
    assert [len(e.subject) for e in shown] == [0, 1]
    every = [e for e in overconfidence(made, judged={"coverage"}) if e.metric == "coverage"]
    assert [e.subject.get("groups", {}).get("g") for e in every] == [None, "a", "b", "c"]
    least = min(every[1:], key=lambda e: e.value)
    assert (shown[1].subject, shown[1].value) == (least.subject, least.value)
    assert shown[1].note == "The least of 3 groups of g"


def test_a_group_the_model_does_not_know_is_under_covered():
    """Scores of group b come true by half only: its doubt is worth less, and the sets show it."""
    rows = log(8000)
    flipped = (rows["g"] == "b") & (np.random.default_rng(1).random(len(rows)) < 0.5)
    rows.loc[flipped, "y"] = 1 - rows.loc[flipped, "y"]
    card = tk.audit(
        data=rows,
        target="y",
        score="s",
        favorable=1,
        sensitive=["g"],
        policy="unga-78-265",
        only=["safety/overconfidence"],
        limits={"safety/overconfidence": {"min_coverage": 0.85}},
    )
    verdicts = {f.id.split(":")[2]: str(f.verdict) for f in card.findings if f.metric == "coverage"}
    assert verdicts == {"": "pass", "g=a": "pass", "g=b": "fail", "g=c": "pass"}


def test_a_quantity_is_none_of_its_business():
    with pytest.raises(NotApplicable) as caught:
        overconfidence(of_intervals(intervals(100)).kinds["confidences"])
    assert caught.value.supply is None


def audited(rows, only, **keys):
    roles = {"target": "y", "score": "s", "favorable": 1, **keys}
    return tk.audit(data=rows, policy="unga-78-265", only=only, **roles)


def test_sharpened_scores_fail_and_honest_ones_pass():
    for sharpen, verdict in ((2.0, "fail"), (1.0, "pass")):
        card = audited(log(8000, sharpen=sharpen), ["safety/overconfidence"])
        (claim,) = [f for f in card.findings if f.limit]
        assert (claim.metric, str(claim.verdict)) == ("overconfidence", verdict)


# Calibration of several classes, and of intervals


def test_top_label_calibration_is_that_of_the_rows():
    made = of_three(3000, sharpen=2.0)
    table = three(3000, sharpen=2.0)
    from test_confidences import Three

    chances = Three().predict_proba(table)
    right = np.array(Three.classes_)[chances.argmax(axis=1)] == table["y"]
    told = found(overall(made.kinds["cells"], made.kinds["confidences"]))
    assert told["gap", DECIDED].value == pytest.approx(right.mean() - chances.max(axis=1).mean(), abs=1e-6)
    assert told["rmsce", DECIDED].limits is not None
    bins = np.minimum((chances.max(axis=1) * 10 + 1e-9).astype(int), 9)
    gaps = pd.Series(right - chances.max(axis=1)).groupby(bins).mean()
    stratum = "score 0.8..<0.9"
    assert told["bin_gap", DECIDED, stratum].value == pytest.approx(gaps[8], abs=1e-6)
    for i, name in enumerate(Three.classes_):
        y, s = (table["y"] == name).to_numpy(), chances[:, i]
        share = pd.Series(y - s).groupby(np.minimum((s * 10 + 1e-9).astype(int), 9)).agg(["mean", "size"])
        plain = np.sqrt((share["mean"] ** 2 * share["size"]).sum() / len(y))
        assert told["class_rmsce", name].value == pytest.approx(plain, abs=0.01)
        assert told["class_rmsce", name].value < plain  # less what chance adds
    assert 0.02 < told["classwise_ece",].value < 0.2


def test_several_classes_are_judged_by_the_class_decided_for():
    from test_confidences import Three

    keys = {"target": "y", "features": ["p", "q", "r"], "policy": "unga-78-265"}
    for sharpen, verdict in ((2.0, "fail"), (1.0, "pass")):
        card = tk.audit(Three(), three(6000, sharpen=sharpen), only=["safety/calibration"], **keys)
        claims = {f.id.split(":", 1)[1]: str(f.verdict) for f in card.findings if f.limit}
        assert set(claims) == {
            f"gap:class={DECIDED}:min",
            f"gap:class={DECIDED}:max",
            f"rmsce:class={DECIDED}:max",
        }
        assert claims[f"rmsce:class={DECIDED}:max"] == verdict


def test_of_intervals_the_shortfall_is_judged_and_the_level_is_the_owners():
    made = of_intervals(intervals(2000)).kinds["confidences"]
    table = made.intervals.table()
    held = table.n[:, table.truths.index("held")].sum() / 2000
    told = found(overall(_quantity_cells(), made, level=0.95))
    assert told["undercoverage",].value == pytest.approx(0.95 - held, abs=1e-12)
    low, high = told["undercoverage",].interval(0.05)
    share_low, share_high = told["coverage",].interval(0.05)
    assert (low, high) == pytest.approx((0.95 - share_high, 0.95 - share_low), abs=1e-12)
    assert [e.subject for e in overall(_quantity_cells(), made, judged={"coverage"})][1:3] == [
        {"groups": {"g": "a"}},
        {"groups": {"g": "b"}},
    ]


def test_a_quantity_without_an_interval_is_left_aside():
    with pytest.raises(NotApplicable, match="declares no interval"):
        overall(_quantity_cells(), None)


def _quantity_cells():
    made = tk.collect(
        tk.System(data=intervals(50), target="y", prediction="d", task="regression"), only=["cells"]
    )
    return made.kinds["cells"]


def test_the_evidence_says_right_of_right():
    assert RIGHT in confidences_of(100).decided.labels["truth"]
