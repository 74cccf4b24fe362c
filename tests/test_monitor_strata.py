"""Claims within strata: what is watched of them, how rows are coded, and what a stream says of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import trustkit as tk
from trustkit.config import Config
from trustkit.errors import ConfigError
from trustkit.monitor.coding import Coder
from trustkit.monitor.exporting import stream_evidence
from trustkit.monitor.reporting import MOST_DRAWN, report_of
from trustkit.monitor.state import Batch
from trustkit.monitor.status import Status
from trustkit.monitor.store import Store
from trustkit.monitor.watch import Watch

DAY = 86400.0
KINDS = ["cells", "histograms", "provenance"]
CHECK = "bias/selection-rate"
WITHIN = "bias/selection-rate:conditional_ratio:sex=F~sex=M:min"
WHOLE = "bias/selection-rate:ratio:sex=F~sex=M:min"
RATES = {"hard": 0.3, "easy": 0.6}


def config(strata=("dept",), **limits):
    limits = limits or {"min_conditional_ratio": 0.8, "max_conditional_difference": 0.1}
    return Config.of(options={CHECK: {"strata": list(strata)}}, limits={CHECK: limits})


def decisions(rows, rng, gap=0.0):
    """Women apply where it is hard; `gap` is what is taken off their chance in either department."""
    sex = rng.choice(["F", "M"], rows)
    dept = np.where(rng.random(rows) < np.where(sex == "F", 0.8, 0.2), "hard", "easy")
    chance = np.where(dept == "hard", RATES["hard"], RATES["easy"]) - gap * (sex == "F")
    chosen = (rng.random(rows) < chance).astype(int)
    age = rng.integers(18, 80, rows)
    return pd.DataFrame({"sex": sex, "dept": dept, "age": age, "y": chosen, "p": chosen})


def collected(frame, made, **keys):
    roles = {"target": "y", "prediction": "p", "favorable": 1, "sensitive": ["sex"], "features": ["age"]}
    return tk.collect(tk.System(data=frame, **{**roles, **keys}, config=made), only=KINDS)


@pytest.fixture(scope="module")
def evidence():
    return collected(decisions(3000, np.random.default_rng(0)), config())


def stream(evidence, made, *, days=40, gap=0.0, rows=150, where="sensitive"):
    """The status after so many days."""
    rng = np.random.default_rng(1)
    monitor = tk.Monitor(evidence, config=made, store=":memory:", window="1d")
    for day in range(days):
        frame = decisions(rows, rng, gap)
        given = {"sex": frame["sex"]} if where == "inputs" else {"sex": frame["sex"], "dept": frame["dept"]}
        X = frame[["age", "dept"]] if where == "inputs" else None
        monitor.record(X, prediction=frame["p"].to_numpy(), sensitive=given, at=(20_000 + day) * DAY)
    monitor.flush()
    monitor.status()
    status = Status.read(monitor._store)
    monitor.close()
    return status


@pytest.fixture(scope="module")
def alike(evidence):
    return stream(evidence, config())


def by_id(status):
    return {finding.id: finding for finding in status.findings}


class TestWatch:
    def test_the_conditional_claims_are_watched(self, evidence):
        watch = Watch.of(evidence, config=config())
        within = [claim for claim in watch.claims if claim.strata]
        assert {claim.metric for claim in within} == {"conditional_ratio", "conditional_difference"}
        assert all(claim.strata == ("dept",) and claim.fewest == 4 for claim in within)
        assert watch.strata == ("dept",)
        assert watch.axes == ("sex", "dept")
        assert watch.labels["dept"] == ("easy", "hard", "(other)", "(missing)")
        assert not any("conditional" in note for note in watch.notes)
        assert Watch.from_json(watch.to_json()) == watch

    def test_where_nothing_is_watched_within_them_strata_cost_nothing(self, evidence):
        watch = Watch.of(evidence, config=config(min_ratio=0.8))
        assert watch.strata == ()
        assert watch.axes == ("sex",)
        assert "dept" not in watch.labels
        assert "strata" not in watch.to_json()

    def test_a_watch_of_before_there_were_strata_is_read(self, evidence):
        watch = Watch.of(evidence, config=config(min_ratio=0.8))
        assert '"fewest"' not in watch.to_json()
        assert Watch.from_json(watch.to_json()).digest == watch.digest
        assert replace(watch, strata=("dept",)).digest != watch.digest

    def test_strata_that_the_evidence_lacks_are_refused(self, evidence):
        with pytest.raises(ConfigError) as error:
            Watch.of(evidence, config=config(strata=("dpt",)))
        ((key, found, near),) = error.value.problems
        assert (key, near) == ('options."bias/selection-rate".strata', "dept")
        assert found == "'dpt' is not among the strata of this evidence: collect it with this configuration"
        plain = collected(decisions(300, np.random.default_rng(0)), Config.of())
        with pytest.raises(ConfigError, match="'dept' is not among the strata of this evidence"):
            tk.Monitor(plain, config=config(), store=":memory:")

    def test_too_many_cells_are_refused(self, evidence):
        watch = Watch.of(evidence, config=config())
        many = tuple(map(str, range(2**12)))
        labels = {**watch.labels, **dict.fromkeys(("dept", "b", "c"), many)}
        with pytest.raises(ConfigError, match="the attributes and strata have too many groups together"):
            Coder(replace(watch, strata=("dept", "b", "c"), labels=labels))


class TestSimpson:
    def test_what_is_a_gap_in_sum_is_none_within_strata(self, alike):
        findings = by_id(alike)
        assert findings[WHOLE].verdict == "fail"
        assert findings[WHOLE].estimate < 0.75
        assert findings[WITHIN].verdict == "pass"
        assert not any(alike.courses[id].claim.strata for id in {claim.id for claim in alike.violated})
        low, high = findings[WITHIN].interval
        assert 0.8 < low < findings[WITHIN].estimate < high

    def test_a_gap_within_strata_is_found(self, evidence):
        status = stream(evidence, config(), gap=0.2)
        found = by_id(status)
        assert found[WITHIN].verdict == "fail"
        assert found[WITHIN].message.startswith("selection rate ratio within strata of sex=F~sex=M is")
        reversed_difference = "bias/selection-rate:conditional_difference:sex=M~sex=F:max"
        assert found[reversed_difference].verdict == "fail"
        assert found[reversed_difference].estimate == pytest.approx(0.2, abs=0.04)

    @pytest.mark.parametrize("compare", ["pairs", "rest"])
    def test_figures_are_those_of_an_audit_of_the_stream(self, evidence, compare):
        made = config()
        options = {CHECK: {**made.options[CHECK], "compare": compare}}
        made = made.replace(options=options)
        status = stream(evidence, made, days=10)
        exported = stream_evidence(status)
        assert exported.kinds["cells"].strata == ("dept",)
        audited = {finding.id: finding for finding in tk.judge(exported, config=made).findings}
        within = [claim for claim in status.watch.claims if claim.strata]
        assert len(within) == {"pairs": 4, "rest": 8}[compare]
        for claim in within:
            course = status.courses[claim.id]
            assert audited[claim.id].estimate == pytest.approx(course.value, abs=1e-12)
            assert audited[claim.id].n == course.n.sum()
            assert audited[claim.id].reference_n == course.reference_n.sum()

    def test_limits_agree_with_the_sequence_and_the_alarm(self, alike):
        course = alike.courses[WITHIN]
        (low, high), *_ = course.limits(0.05)
        sequence_low, sequence_high = course.sequence(0.05)
        assert sequence_low[-1] >= low - 0.03
        assert sequence_high[-1] >= high


class TestRows:
    def test_strata_come_from_the_inputs_too(self, evidence, alike):
        status = stream(evidence, config(), where="inputs")
        assert status.courses[WITHIN].value == alike.courses[WITHIN].value
        assert (status.courses[WITHIN].log_e == alike.courses[WITHIN].log_e).all()

    def test_a_stratum_not_seen_and_one_not_given_are_strata_of_their_own(self, evidence):
        watch = Watch.of(evidence, config=config())
        coder = Coder(watch)
        monitor = tk.Monitor(evidence, config=config(), store=":memory:", window="1d")
        for day, dept in enumerate(["new", None, "easy"] * 2):
            monitor.record(
                prediction=[1, 0, 1, 1] * 5,
                sensitive={"sex": ["F", "F", "M", "M"] * 5, "dept": [dept] * 20},
                at=(20_000 + day) * DAY,
            )
        monitor.flush()
        monitor.status()
        status = Status.read(monitor._store)
        monitor.close()
        k, n = status.tally._rates(next(claim for claim in watch.claims if claim.strata))
        assert n.shape == (5, 4, 4)  # the last day's window is open; groups; strata
        assert n.sum(axis=(0, 1)).tolist() == [20, 0, 40, 40]
        assert k.sum(axis=(0, 1)).tolist() == [15, 0, 30, 30]
        assert status.courses[WITHIN].value == pytest.approx(0.5)
        unknown = {str(f.subject): f for f in status.findings if f.metric == "unknown"}
        assert "{'groups': {'dept': '(other)'}}" in unknown
        assert coder.unknown(int(np.ravel_multi_index((0, 2, 0, 0), coder._sizes))) == (1,)

    def test_a_stratum_that_no_longer_comes_is_silent(self, evidence):
        watch = Watch.of(evidence, config=config(), window=DAY)
        store = Store.open(":memory:")
        store.declare(watch.to_json(), watch.digest)
        counts = {
            (day, "decided", f"{sex},{dept}|1|-1"): (40, 0)
            for day in range(20)
            for sex in range(2)
            for dept in range(2 if day < 10 else 1)
        }
        store.flush(Batch("a", 1, counts, last_at=20 * DAY))
        silent = [f for f in Status.of(store.read(), watch).findings if f.metric == "group"]
        assert {str(f.verdict): f.subject for f in silent}["fail"] == {"groups": {"dept": "hard"}}
        assert len(silent) == 4

    def test_a_pane_without_a_common_stratum_says_nothing(self, evidence):
        watch = Watch.of(evidence, config=config())
        store = Store.open(":memory:")
        store.declare(watch.to_json(), watch.digest)
        counts = {(day, "decided", "0,0|1|-1"): (40, 0) for day in range(5)}
        counts |= {(day, "decided", "1,1|0|-1"): (40, 0) for day in range(5)}
        store.flush(Batch("a", 1, counts, last_at=5 * DAY))
        status = Status.of(store.read(), watch)
        assert not status.courses[WITHIN].log_e.any()
        assert np.isnan(status.courses[WITHIN].value)
        assert by_id(status)[WITHIN].verdict == "inconclusive"


class TestOtherStrata:
    def test_rates_in_each_stratum_are_watched_where_they_have_a_limit(self, evidence):
        made = config(min_rate=0.4)
        status = stream(evidence, made)
        findings = by_id(status)
        for group in ("F", "M"):
            for dept, rate in RATES.items():
                found = findings[f"{CHECK}:rate:sex={group};stratum=dept={dept}:min"]
                assert found.verdict == ("fail" if rate < 0.4 else "pass")
                assert found.estimate == pytest.approx(rate, abs=0.05)

    def test_the_report_names_the_stratum_and_does_without_a_label(self, evidence):
        status = stream(evidence, config(min_rate=0.4, min_conditional_ratio=0.8))
        titles = {course.title for course in report_of(status, "a store", drawn=MOST_DRAWN).courses}
        assert "selection rate of sex=F, stratum dept=hard" in titles
        assert "selection rate ratio within strata of sex=F against sex=M" in titles

    def test_an_attribute_may_be_the_stratum(self):
        rng = np.random.default_rng(0)
        made = config(strata=("dept",))
        evidence = collected(decisions(3000, rng), made, sensitive=["sex", "dept"])
        watch = Watch.of(evidence, config=made)
        assert watch.strata == ()
        status = stream(evidence, made)
        assert by_id(status)[WITHIN].verdict == "pass"
        nested = "bias/selection-rate:conditional_ratio:sex=F,dept=hard~sex=M,dept=hard:min"
        across = "bias/selection-rate:conditional_ratio:sex=F,dept=hard~sex=M,dept=easy:min"
        findings = by_id(status)
        ids = [id for id in findings if "conditional_ratio" in id and "dept" in id]
        assert ids
        assert nested in findings, ids
        assert findings[nested].estimate == pytest.approx(1, abs=0.1)
        assert findings[across].verdict == "inconclusive"
