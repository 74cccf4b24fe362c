"""The judge: one budget, every control a line, a gate that fails closed."""

import json
from dataclasses import dataclass
from typing import ClassVar

import jsonschema
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trustkit as tk
from trustkit import checks
from trustkit.checks.base import Estimate, Metric
from trustkit.errors import ConfigError, GateFailed
from trustkit.measure.intervals import Certain, proportions
from trustkit.policy import CheckUse, Control, Limit, Policy
from trustkit.scorecard import Score, Scorecard, Verdict, schema


def log(rates, n=1000, groups=None):
    """A log of decisions with exact rates: n rows of each group."""
    groups = groups or [chr(ord("a") + i) for i in range(len(rates))]
    rows = []
    for group, rate in zip(groups, rates, strict=True):
        selected = round(rate * n)
        rows += [{"g": group, "d": int(i < selected), "y": int(i % 2)} for i in range(n)]
    return pd.DataFrame(rows)


BASELINE = "fairness-baseline"


def audit(data, only=("bias/selection-rate",), **keys):
    return tk.audit(
        **{"data": data, "prediction": "d", "sensitive": ["g"], "only": only, "policy": BASELINE, **keys}
    )


def control(card, id="TK-FAI-02"):
    return next(c for c in card.controls if c.id == id)


def claims(card, metric=None):
    return [f for f in card.findings if f.limit is not None and metric in (None, f.metric)]


class TestVerdicts:
    def test_pass_fail_and_inconclusive(self):
        assert control(audit(log([0.5, 0.5]))).verdict == "pass"
        assert control(audit(log([0.5, 0.3]))).verdict == "fail"
        assert control(audit(log([0.5, 0.42], n=200))).verdict == "inconclusive"

    @given(st.lists(st.integers(0, 60), min_size=2, max_size=4), st.integers(0, 1000))
    @settings(max_examples=25, deadline=None)
    def test_what_is_printed_agrees_with_the_verdict(self, selected, seed):
        data = log([k / 60 for k in selected], n=60)
        data["y"] = np.random.default_rng(seed).integers(0, 2, len(data))
        card = tk.audit(
            data=data, target="y", prediction="d", sensitive=["g"], policy=BASELINE, only=["bias"]
        )
        assert len({f.id for f in card.findings}) == len(card.findings)
        for f in claims(card):
            if f.interval is None:
                assert f.verdict == "inconclusive"
                continue
            (low, high), (pass_low, pass_high) = f.interval, f.pass_interval
            high, pass_high = (np.inf if end is None else end for end in (high, pass_high))
            if "min" in f.limit:
                assert (f.verdict == "fail") == (high < f.limit["min"])
                assert (f.verdict == "pass") == (pass_low >= f.limit["min"])
            else:
                assert (f.verdict == "fail") == (low > f.limit["max"])
                assert (f.verdict == "pass") == (pass_high <= f.limit["max"])
            assert low <= pass_low
            assert high >= pass_high

    def test_the_family_is_fixed_by_groups_and_policy_alone(self):
        """Undefined claims stay in the family: the level does not move with outcomes."""
        some, none = log([0.5, 0.5, 0.5]), log([0.5, 0.5, 0.0])
        levels = [claims(audit(data))[0].level for data in (some, none)]
        assert len(claims(audit(some))) == len(claims(audit(none))) == 6
        assert levels[0] == pytest.approx(1 - 2 * 0.05 / 6)

    def test_a_group_that_is_never_selected_fails(self):
        card = audit(log([0.5, 0.0]))
        failed = [f.id for f in claims(card) if f.verdict == "fail"]
        assert failed == ["bias/selection-rate:ratio:g=b~g=a:min"]
        undefined = next(f for f in card.findings if f.id.endswith("g=a~g=b:min"))
        assert undefined.estimate is None
        assert "undefined" in undefined.why

    def test_holm_shares_by_control_then_by_claim(self):
        data = log([0.5, 0.45, 0.5])
        card = tk.audit(
            data=data,
            target="y",
            prediction="d",
            sensitive=["g"],
            only=["TK-FAI-02", "TK-SAF-03"],
            policy=BASELINE,
        )
        level = {f.check: (1 - f.level) / 2 for f in claims(card)}
        by_check = {f.check: f for f in claims(card)}
        assert by_check["bias/selection-rate"].verdict != "fail"
        assert level["bias/selection-rate"] >= 0.05 / 2 / 6 - 1e-12

    def test_two_sided_limits_hold_on_both_sides(self):
        data = log([0.5, 0.7, 0.2])
        card = audit(data, options={"bias/selection-rate": {"compare": "rest"}})
        made = {f.id.rsplit(":", 1)[1]: f.limit for f in claims(card)}
        assert made["min"]["min"] == 0.8
        assert made["max"]["max"] == pytest.approx(1.25)
        assert {f.subject["reference"] for f in claims(card)} == {"rest"}

    def test_a_named_reference(self):
        card = audit(
            log([0.5, 0.7, 0.2]),
            options={"bias/selection-rate": {"compare": "reference", "reference": {"g": "b"}}},
        )
        assert {tuple(f.subject["reference"].items()) for f in claims(card)} == {(("g", "b"),)}
        missing = {"bias/selection-rate": {"compare": "reference", "reference": {"g": "z"}}}
        with pytest.raises(ConfigError, match="there is no group 'z' of 'g'"):
            audit(log([0.5, 0.7]), options=missing)

    def test_many_groups_are_compared_with_the_rest(self):
        card = audit(log([0.5] * 13, n=300))
        assert len(claims(card)) == 26
        assert claims(card)[0].subject["reference"] == "rest"
        assert len(claims(audit(log([0.5] * 12, n=300)))) == 132


class TestSmallGroups:
    def data(self):
        return pd.concat([log([0.5, 0.5]), log([1.0], n=4, groups=["c"])])

    def test_a_small_group_makes_the_control_inconclusive_and_is_hidden(self):
        card = audit(self.data())
        small = [f for f in claims(card) if f.subject["groups"] == {"g": "c"}]
        assert control(card).verdict == "inconclusive"
        assert control(card).covers == pytest.approx(2000 / 2004)
        assert {f.why for f in small} == {"n<5"}
        assert {(f.n, f.estimate, f.interval) for f in small} == {(None, None, None)}
        assert any("g=c: fewer than 5 rows" in need for need in control(card).needs)

    def test_no_count_under_the_least_cell_is_on_the_card(self):
        card = audit(self.data())
        for f in card.findings:
            assert all(n is None or n >= 5 for n in (f.n, f.reference_n))
            if f.n is None or (f.reference_n is None and "~" in f.id and "g=c" in f.id):
                assert f.estimate is None

    def test_listed_small_groups_do_not_hold_a_pass_back(self, tmp_path):
        toml = tmp_path / "trustkit.toml"
        toml.write_text('[policy]\nsmall_groups = "list"\nmin_share = 0.01\n')
        card = audit(self.data(), config=toml)
        assert control(card).verdict == "pass"
        assert control(card).needs == ("not covered, too small: g=c",)
        assert control(card).covers == pytest.approx(2000 / 2004)
        assert len(claims(card)) == 2


class TestLimits:
    def test_configured_limit_goes_over_and_a_looser_one_is_named(self):
        card = audit(log([0.5, 0.35]), limits={"bias/selection-rate": {"min_ratio": 0.5}})
        assert control(card).verdict == "pass"
        assert claims(card)[0].limit == {"min": 0.5, "source": "configuration", "loosened_from": 0.8}
        note = "loosened limit: bias/selection-rate min_ratio: the policy's is 0.8, the configuration's 0.5"
        assert note in card.notes
        strict = audit(log([0.5, 0.5]), limits={"bias/selection-rate": {"min_ratio": 0.9}})
        assert "loosened_from" not in claims(strict)[0].limit

    def test_false_removes_a_limit_and_the_figure_stays(self):
        card = audit(log([0.5, 0.3]), limits={"bias/selection-rate": {"min_ratio": False}})
        assert claims(card) == []
        assert "removed limit: bias/selection-rate min_ratio: the policy's is 0.8" in card.notes
        assert control(card).verdict == "not_assessed"
        ratio = next(f for f in card.findings if f.metric == "ratio")
        assert (ratio.verdict, ratio.limit) == ("not_applicable", None)
        assert ratio.interval is not None

    def test_a_limit_may_be_put_on_a_shown_figure(self):
        card = audit(log([0.5, 0.3]), limits={"bias/selection-rate": {"max_difference": 0.05}})
        assert {f.metric for f in claims(card)} == {"ratio", "difference"}

    def test_a_looser_alpha_is_spent(self):
        card = audit(log([0.5, 0.5]), alpha=0.2)
        assert card.alpha == 0.2
        assert claims(card)[0].level == pytest.approx(1 - 2 * 0.1)


def problems(**keys):
    with pytest.raises(ConfigError) as caught:
        audit(log([0.5, 0.5]), **keys)
    return {(p.key, p.nearest) for p in caught.value.problems}


def test_names_that_mean_nothing_are_reported_at_once_with_the_nearest():
    found = problems(
        only=["bias/selection-rates"],
        limits={"bias/selection-rate": {"min_ration": 0.8}, "bias/selection": {"min_ratio": 0.8}},
        options={"bias/selection-rate": {"comparee": "rest"}, "bias/error-rates": {"intersections": 3}},
        require=["TK-FAI-2"],
        waivers=[
            {"control": "TK-FAI-22", "reason": "test-data", "note": "n", "by": "b", "expires": "2026-12-01"}
        ],
        as_of="2026-11-24",
    )
    assert ("only", "bias/selection-rate") in found
    assert ('limits."bias/selection-rate".min_ration', "min_ratio") in found
    assert ("limits: bias/selection", "bias/selection-rate") in found
    assert ('options."bias/selection-rate".comparee', "compare") in found
    assert ('options."bias/error-rates".intersections', None) in found
    assert ("policy.require: TK-FAI-2", "TK-FAI-02") in found
    assert ("waivers[0].control: TK-FAI-22", "TK-FAI-02") in found


class TestOnly:
    def test_the_rest_is_not_selected_and_the_card_is_partial(self):
        card = audit(log([0.5, 0.5]))
        assert card.only == ("bias/selection-rate",)
        assert card.score is None
        assert {c.verdict for c in card.controls if c.id != "TK-FAI-02"} == {"not_assessed"}
        assert control(card, "TK-SAF-03").needs == ("not selected",)
        assert card.gate.holds

    def test_a_control_of_which_a_part_is_selected_does_not_pass(self):
        data = log([0.5, 0.5], n=5000)
        card = tk.audit(
            data=data, target="y", prediction="d", sensitive=["g"], policy=BASELINE, only=["bias/error-rates"]
        )
        assert control(card, "TK-FAI-03").verdict == "not_assessed"
        assert {f.verdict for f in claims(card)} == {"pass"}

    def test_a_required_control_that_was_not_selected_blocks(self):
        card = audit(log([0.5, 0.5]), require=["TK-SAF-03"])
        assert card.gate.blocking == ("TK-SAF-03",)


class TestGate:
    def test_a_fail_blocks(self):
        card = audit(log([0.5, 0.3]))
        assert card.gate.blocking == ("TK-FAI-02",)
        assert not card.passed
        with pytest.raises(GateFailed, match="TK-FAI-02: Outcome disparity: fail"):
            card.raise_for_failures()
        audit(log([0.5, 0.5])).raise_for_failures()

    def test_inconclusive_blocks_when_asked(self):
        data = log([0.5, 0.42], n=200)
        assert audit(data).gate.holds
        assert audit(data, fail_on="inconclusive").gate.blocking == ("TK-FAI-02",)
        assert audit(data, require=["bias"]).gate.blocking == ("TK-FAI-02", "TK-FAI-03", "TK-FAI-04")

    def test_never_blocks_nothing_even_what_is_required(self):
        card = audit(log([0.5, 0.3]), fail_on="never", require=["bias"])
        assert card.gate.blocking == ()
        assert card.gate.holds


class TestWaivers:
    base: ClassVar = {"reason": "accepted-risk", "note": "n", "by": "b", "expires": "2026-12-24"}

    def card(self, *waivers, rates=(0.5, 0.3)):
        return audit(log(rates), waivers=[{**self.base, **w} for w in waivers], as_of="2026-11-24")

    def test_it_lifts_the_gate_and_not_the_verdict(self):
        card = self.card({"control": "TK-FAI-02"})
        assert control(card).verdict == "fail"
        assert control(card).waiver["by"] == "b"
        assert card.gate.waived == ("TK-FAI-02",)
        assert card.gate.holds

    def test_every_key_must_match(self):
        right = {"check": "bias/selection-rate", "metric": "ratio", "subject": {"groups": {"g": "b"}}}
        assert self.card(right).gate.holds
        assert not self.card({**right, "subject": {"groups": {"g": "a"}}}).gate.holds

    def test_up_to_waives_no_worse_value(self):
        aim = {"check": "bias/selection-rate", "metric": "ratio"}
        assert self.card({**aim, "up_to": 0.55}).gate.holds
        assert not self.card({**aim, "up_to": 0.65}).gate.holds

    def test_expired_unused_and_expiring_ones_are_named(self):
        expired = self.card({"control": "TK-FAI-02", "expires": "2026-11-23"})
        assert not expired.gate.holds
        assert any("expired on 2026-11-23" in n for n in expired.notes)
        assert self.card({"control": "TK-FAI-02", "expires": "2026-11-24"}).gate.holds
        assert any(
            "matches no finding" in n for n in self.card({"control": "TK-FAI-02"}, rates=(0.5, 0.5)).notes
        )
        near = self.card({"control": "TK-FAI-02", "expires": "2026-12-01"})
        assert any("expires on 2026-12-01" in n for n in near.notes)


@dataclass(frozen=True)
class Facts:
    """A toy kind of evidence."""

    value: float = 0.0
    kind: ClassVar[str] = "cells"


def policy(*uses, **keys):
    made = Control(
        id="X-1",
        title="t",
        requirement="r",
        principle="safe",
        area="safety",
        severity="high",
        checks=uses,
        **keys,
    )
    return Policy(id="toy", version="1", title="t", controls=(made,))


def judged(monkeypatch, function, *limits, **keys):
    """Card of one check, made of a function, on toy evidence."""
    made = tk.check(version="1", metrics={"x": Metric("figure", "difference")}, id="toy/thing")(function)
    monkeypatch.setattr(checks, "discover", lambda: ({"toy/thing": made}, {}))
    evidence = tk.Evidence({}, {"cells": Facts()}, {})
    use = CheckUse(check="toy/thing", limits={name: Limit(value=v, source="s") for name, v in limits})
    return tk.judge(evidence, policy(use), **keys)


class TestErrors:
    def test_a_check_that_raises_is_an_error_with_its_traceback(self, monkeypatch):
        def thing(facts: Facts):
            raise RuntimeError("broken here")

        card = judged(monkeypatch, thing)
        assert card.controls[0].verdict == "error"
        assert "broken here" in card.findings[0].why
        assert "Traceback" in card.findings[0].why
        assert not card.gate.holds
        assert card.gate.blocking == ()

    @pytest.mark.parametrize("limits", [[("max_x", 0.1)], []])
    def test_a_check_whose_limits_raise_is_an_error_and_the_rest_is_judged(self, monkeypatch, limits):
        @dataclass(frozen=True)
        class Broken(Certain):
            def lower(self, level):
                raise RuntimeError("no such limit")

            def p_above(self, limit):
                raise RuntimeError("no such limit")

        def thing(facts: Facts):
            return [Estimate("x", {}, 0.0, 9, 9, limits=Broken(np.zeros(1)))]

        def other(facts: Facts):
            return [Estimate("x", {}, 0.0, 9, 9, limits=Certain(np.zeros(1)))]

        made = {
            name: tk.check(version="1", metrics={"x": Metric("figure", "difference")}, id=name)(function)
            for name, function in (("toy/thing", thing), ("toy/other", other))
        }
        monkeypatch.setattr(checks, "discover", lambda: (made, {}))
        bounds = {name: Limit(value=v, source="s") for name, v in limits}
        uses = [
            CheckUse(check="toy/thing", limits=bounds),
            CheckUse(check="toy/other", limits={"max_x": Limit(value=0.1, source="s")}),
        ]
        card = tk.judge(tk.Evidence({}, {"cells": Facts()}, {}), policy(*uses))
        told = {finding.check: finding for finding in card.findings}
        assert told["toy/thing"].verdict == "error"
        assert "no such limit" in told["toy/thing"].why
        assert told["toy/other"].verdict == "pass"
        assert not card.gate.holds

    def test_evidence_that_could_not_be_collected_is_an_error(self):
        class Broken:
            classes_ = np.array([0, 1])

            def predict(self, X):
                raise ValueError("no such layer")

        card = tk.audit(Broken(), log([0.5, 0.5])[["g", "y"]], target="y", sensitive=["g"], policy=BASELINE)
        assert {c.verdict for c in card.controls} == {"error"}
        assert "ValueError" in card.findings[0].why
        assert not card.gate.holds

    def test_a_check_that_does_not_exist_yet_is_not_assessed(self):
        card = tk.judge(tk.Evidence({}, {}, {}), policy(CheckUse(check="bias/telepathy")))
        assert card.controls[0].needs == ("the check bias/telepathy does not exist yet",)
        assert card.controls[0].verdict == "not_assessed"

    def test_a_plugin_that_does_not_load_is_an_error_finding(self, monkeypatch):
        monkeypatch.setattr(checks, "discover", lambda: ({}, {"acme": "ImportError: no acme"}))
        card = tk.judge(tk.Evidence({}, {}, {}), policy(CheckUse(check="bias/telepathy")))
        assert card.verdict == "error"
        assert card.findings[0].id == "plugin:acme:"
        assert not card.gate.holds

    def test_a_check_that_does_not_concern_the_system_is_left_aside(self, monkeypatch):
        def thing(facts: Facts):
            raise tk.NotApplicable("it generates nothing")

        card = judged(monkeypatch, thing)
        assert card.controls[0].verdict == "not_applicable"
        assert card.controls[0].needs == ("not applicable: it generates nothing",)
        assert card.score.assessed == 0.0

    def test_not_applicable_says_what_to_supply(self):
        card = tk.audit(data=log([0.5, 0.5]), prediction="d", sensitive=["g"], policy=BASELINE, favorable=1)
        assert control(card, "TK-FAI-03").needs[0].startswith("supply data.target")
        assert control(card, "TK-SAF-05").verdict == "not_assessed"


class TestFacts:
    def test_certain_facts_spend_no_error(self, monkeypatch):
        def thing(facts: Facts):
            yield tk.Estimate("x", {}, 1.0, 10, 10, limits=Certain(np.array([1.0])))
            for i in range(2):
                limits = proportions(np.array([0.5]), np.array([1000.0]))
                yield tk.Estimate("x", {"groups": {"g": str(i)}}, 0.5, 1000, 1000, limits=limits)

        card = judged(monkeypatch, thing, ("max_x", 0.8))
        fact, *sampled = card.findings
        assert (fact.verdict, fact.level, fact.p_fail) == ("fail", None, None)
        assert {round((1 - f.level) / 2, 12) for f in sampled} == {0.025}
        assert {f.verdict for f in sampled} == {"pass"}

    def test_a_claim_without_limits_is_inconclusive(self, monkeypatch):
        def thing(facts: Facts):
            yield tk.Estimate("x", {}, 0.5, 10, 10, why="too few")

        card = judged(monkeypatch, thing, ("max_x", 0.8))
        assert (card.findings[0].verdict, card.findings[0].why) == ("inconclusive", "too few")


class TestAttestations:
    def card(self, **keys):
        attestation = {"statement": "s", "by": "b", "on": "2026-11-01", **keys}
        config = tk.config.Config.of(attestations={"X-1": attestation}, as_of=None)
        return tk.judge(
            tk.Evidence({}, {}, {}), policy(evidence="attestation"), config=config, as_of="2026-11-24"
        )

    def test_it_attests_and_never_passes(self):
        card = self.card(expires="2026-11-24")
        assert card.controls[0].verdict == "attested"
        assert card.score.value is None
        assert (card.score.low, card.score.high) == (0.0, 100.0)

    def test_an_expired_or_future_one_does_not_count(self):
        expired = self.card(expires="2026-11-23").controls[0]
        assert expired.verdict == "not_assessed"
        assert expired.needs == ("an attestation in force: attestations.X-1 (statement, by, on, expires)",)
        assert self.card(on="2026-11-25").controls[0].verdict == "not_assessed"


class TestCard:
    def test_it_validates_against_the_shipped_schema_and_survives_a_file(self, tmp_path):
        card = tk.audit(data=log([0.5, 0.3, 0.5]), target="y", prediction="d", sensitive=["g"])
        shipped = json.loads((tk.scorecard.__file__ and _schema_file()).read_text())
        jsonschema.validate(json.loads(card.to_json()), shipped)
        card.save(tmp_path / "card.json")
        again = Scorecard.load(tmp_path / "card.json")
        assert again == card
        assert again.content_digest() == card.digest

    def test_the_shipped_schema_is_the_code(self):
        assert json.loads(_schema_file().read_text()) == schema()

    def test_a_card_with_keys_of_a_later_minor_is_read(self, tmp_path):
        data = json.loads(audit(log([0.5, 0.5])).to_json())
        data["later"] = data["findings"][0]["later"] = {"x": 1}
        (tmp_path / "card.json").write_text(json.dumps(data))
        assert Scorecard.load(tmp_path / "card.json").passed

    @pytest.mark.parametrize(
        ("text", "found"),
        [("{", "not JSON"), ('{"format": "x"}', "not a scorecard"), ("[]", "not a scorecard"),
         ('{"format": "trustkit-scorecard/1"}', "field required")],
    )  # fmt: skip
    def test_what_is_no_card_is_refused(self, tmp_path, text, found):
        (tmp_path / "card.json").write_text(text)
        with pytest.raises(ConfigError, match=found):
            Scorecard.load(tmp_path / "card.json")

    def test_the_digest_is_of_what_was_found(self):
        one, two = audit(log([0.5, 0.3]), as_of="2026-11-24"), audit(log([0.5, 0.3]), as_of="2026-11-24")
        assert one.digest == two.digest
        assert audit(log([0.5, 0.301]), as_of="2026-11-24").digest != one.digest
        assert audit(log([0.5, 0.3]), as_of="2026-11-25").digest != one.digest
        assert audit(log([0.5, 0.3]), as_of="2026-11-24", alpha=0.04).digest != one.digest

    def test_score_is_a_range(self):
        card = tk.audit(
            data=log([0.5, 0.5], n=4000), prediction="d", sensitive=["g"], policy=BASELINE, favorable=1
        )
        weights = {"TK-FAI-02": 10, "TK-FAI-03": 7.5, "TK-FAI-04": 7.5, "TK-SAF-03": 7.5, "TK-SAF-05": 5}
        assert control(card).verdict == "pass"
        assert card.score == Score(value=100, low=100 * 10 / 37.5, high=100, assessed=10 / 37.5)
        assert sum(weights.values()) == 37.5

    def test_worst_first(self):
        assert Verdict.worst(["pass", "not_applicable", "inconclusive"], Verdict.PASS) == "inconclusive"
        assert Verdict.worst(["error", "fail"], Verdict.PASS) == "fail"
        assert Verdict.worst(["not_applicable"], Verdict.NOT_ASSESSED) == "not_assessed"

    def test_frame_of_findings(self):
        card = audit(log([0.5, 0.3]))
        frame = card.to_frame()
        assert len(frame) == len(card.findings)
        assert frame.loc[frame["verdict"] == "fail", "controls"].tolist() == [["TK-FAI-02"]]


def test_the_same_claim_of_two_controls_is_one_hypothesis():
    use = CheckUse(check="bias/selection-rate", limits={"min_ratio": Limit(value=0.8, source="s")})
    other = CheckUse(check="bias/selection-rate", limits={"min_ratio": Limit(value=0.9, source="s")})

    def made(*uses):
        controls = tuple(
            Control(id=f"X-{i}", title="t", requirement="r", principle="safe", area="bias", severity="low",
                    checks=(u,))
            for i, u in enumerate(uses)
        )  # fmt: skip
        return Policy(id="toy", version="1", title="t", controls=controls)

    def card(p):
        return tk.audit(data=log([0.5, 0.5]), prediction="d", sensitive=["g"], policy=p)

    twice = card(made(use, use))
    assert len(claims(twice)) == 2
    assert twice.controls[0].findings == twice.controls[1].findings
    assert claims(twice)[0].level == pytest.approx(1 - 0.05)
    both = card(made(use, other))
    assert len(claims(both)) == 4
    assert {f.limit["min"] for f in claims(both)} == {0.8, 0.9}


def _schema_file():
    from pathlib import Path

    return Path(tk.scorecard.__file__).parent / "schemas" / "scorecard.schema.json"
