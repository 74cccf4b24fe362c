"""The status of a store: what is violated, what changed, what is silent, and what cannot be told."""

import sqlite3
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from streams import HOUR, audited, filled, watch_of

import trustkit as tk
from trustkit.config import Config
from trustkit.errors import ConfigError
from trustkit.measure.betting import running
from trustkit.monitor.silence import silences
from trustkit.monitor.state import Batch
from trustkit.monitor.status import Status
from trustkit.monitor.tally import Tally
from trustkit.monitor.watch import Watch
from trustkit.scorecard import Verdict

WEEK = 7 * 24


@pytest.fixture(scope="module")
def watch():
    return watch_of()


@pytest.fixture(scope="module")
def quiet(watch):
    return Status.of(filled(watch, 6 * WEEK).read(), watch)


@pytest.fixture(scope="module")
def drifted(watch):
    """Five clean weeks, then a gap between the groups."""
    return Status.of(
        filled(watch, 10 * WEEK, gap=lambda hour: 0.2 if hour >= 5 * WEEK else 0.0).read(), watch
    )


def by_id(status):
    return {finding.id: finding for finding in status.findings}


class TestWatch:
    def test_it_is_plain_data(self, watch):
        assert Watch.from_json(watch.to_json()) == watch
        assert replace(watch, alpha=0.01).digest != watch.digest

    def test_weights_of_the_claims_sum_to_one(self, watch):
        assert sum(claim.weight for claim in watch.claims) == pytest.approx(1)

    def test_claims_and_limits_are_those_of_the_policy(self, watch):
        limits = {(claim.check, claim.metric, claim.side): claim.bound for claim in watch.claims}
        assert limits == {
            ("bias/selection-rate", "ratio", "min"): 0.8,
            ("bias/error-rates", "tpr_difference", "max"): 0.1,
            ("bias/error-rates", "fpr_difference", "max"): 0.1,
            ("bias/predictive-parity", "ppv_difference", "max"): 0.05,
            ("bias/calibration", "gap", "max"): 0.05,
            ("bias/calibration", "gap", "min"): -0.05,
            ("safety/calibration", "gap", "max"): 0.05,
            ("safety/calibration", "gap", "min"): -0.05,
        }

    def test_what_is_not_watched_is_said(self, watch):
        assert any("rmsce" in note for note in watch.notes)
        without = audited()
        without = replace(without, kinds={"cells": without.kinds["cells"]})
        assert any("no histograms" in note for note in Watch.of(without).notes)

    def test_bins_hold_about_equal_rows_and_all_of_them(self, watch):
        column = watch.columns["age"]
        assert sum(column.reference) == 4000
        assert max(column.reference) < 2 * 4000 / 20
        assert len(column.edges) + 2 == column.bins
        assert watch.columns["job"].labels == ("clerk", "driver", "nurse")

    def test_a_policy_without_a_limit_that_a_stream_can_tell_of(self):
        made = Watch.of(audited(), "nyc-ll144")
        assert made.claims == ()
        assert "no limit of the policy can be watched in a stream" in made.notes
        assert Status.of(filled(made, 30).read(), made).violated == []

    def test_shared_evidence_is_refused(self):
        with pytest.raises(ConfigError, match="no exact counts"):
            Watch.of(audited().without_small_cells(5))


class TestQuiet:
    def test_nothing_fails(self, quiet):
        assert quiet.alarms == []

    def test_what_holds_passes_and_every_claim_is_there(self, quiet, watch):
        findings = by_id(quiet)
        assert {claim.id for claim in watch.claims} <= findings.keys()
        assert findings["bias/selection-rate:ratio:sex=F~sex=M:min"].verdict == Verdict.PASS
        gap = findings["safety/calibration:gap::max"]
        assert gap.verdict == Verdict.PASS
        assert gap.pass_interval[1] <= 0.05

    def test_interval_and_verdict_agree(self, quiet):
        for finding in quiet.findings:
            if finding.limit and finding.interval and "max" in finding.limit:
                assert finding.interval[0] is None or finding.interval[0] <= finding.limit["max"]

    def test_an_estimate_without_labels_has_no_limit(self, quiet):
        made = [f for f in quiet.findings if f.subject.get("mode") == "estimated from scores"]
        assert len(made) == 6
        assert all(f.limit is None and f.verdict == Verdict.NOT_APPLICABLE for f in made)

    def test_estimates_are_near_what_the_labels_say(self, quiet):
        findings = by_id(quiet)
        for name in ("tpr_difference", "fpr_difference"):
            stem = f"bias/error-rates:{name}:sex=F~sex=M"
            assert findings[f"{stem};mode=estimated from scores"].estimate == pytest.approx(
                findings[f"{stem}:max"].estimate, abs=0.03
            )


def test_rows_without_a_score_are_not_estimated(watch):
    """Half of the decisions carry a score; the others are no negatives."""
    store = filled(watch, WEEK)
    before = by_id(Status.of(store.read(), watch))
    counts = {
        (hour, "decided", f"{group}|1|-1"): (5, 0) for hour in range(WEEK, 2 * WEEK) for group in (0, 1)
    }
    store.flush(Batch("b", 1, counts, last_at=2 * WEEK * HOUR))
    after = by_id(Status.of(store.read(), watch))
    made = [id for id in before if "estimated from scores" in id]
    assert len(made) == 6
    assert all(after[id].estimate == pytest.approx(before[id].estimate) for id in made)


class TestDrifted:
    def test_the_claim_is_violated_and_found_by_both(self, drifted, watch):
        violated = {claim.id for claim in drifted.violated}
        assert "bias/selection-rate:ratio:sex=F~sex=M:min" in violated
        assert "bias/selection-rate:ratio:sex=M~sex=F:min" not in violated
        finding = by_id(drifted)["bias/selection-rate:ratio:sex=F~sex=M:min"]
        assert finding.verdict == Verdict.FAIL
        assert finding.interval[1] < 0.8
        changed = [f.subject["of"] for f in drifted.alarms if f.check == "monitoring/drift"]
        assert "bias/selection-rate ratio min" in changed

    def test_alarms_are_the_findings_that_fail(self, drifted, quiet):
        for status in (drifted, quiet):
            assert status.alarms == [f for f in status.findings if f.verdict == Verdict.FAIL]

    def test_where_no_one_value_fits_it_says_so(self, drifted, quiet):
        for status in (drifted, quiet):
            shown = [f for f in status.findings if f.interval and f.verdict != Verdict.PASS]
            for f in shown:
                low, high = f.interval
                fits = None not in (low, high) and low <= f.estimate <= high
                assert ("no one value fits" in f.message) != fits
        assert any("no one value fits" in f.message for f in drifted.findings)

    def test_it_says_since_when(self, drifted):
        course = drifted.courses["bias/selection-rate:ratio:sex=F~sex=M:min"]
        assert abs(course.panes[course.since] - 5 * WEEK) < 12

    def test_an_alarm_stands_for_good(self, watch):
        gap = lambda hour: 0.25 if hour < 2 * WEEK else 0.0  # noqa: E731
        status = Status.of(filled(watch, 8 * WEEK, gap=gap).read(), watch)
        assert "bias/selection-rate:ratio:sex=F~sex=M:min" in {claim.id for claim in status.violated}
        changed = {f.subject.get("of") for f in status.alarms if f.check == "monitoring/drift"}
        assert "bias/selection-rate ratio min" not in changed

    def test_the_average_of_a_changed_past_passes_nothing(self, drifted):
        finding = by_id(drifted)["bias/error-rates:tpr_difference:sex=M~sex=F:max"]
        assert finding.verdict != Verdict.PASS


def test_inputs_and_score_that_move_are_told(watch):
    store = filled(watch, 3 * WEEK, ages=(1, 8), beta=(4, 2))
    moved = {f.subject["column"] for f in Status.of(store.read(), watch).alarms if "column" in f.subject}
    assert {"age", "(score)"} <= moved
    assert "job" not in moved


class TestSilence:
    def test_traffic(self, watch):
        state = filled(watch, 2 * WEEK).read()
        assert Status.of(state, watch, now=state.last_at + 2 * HOUR).alarms == []
        alarms = Status.of(state, watch, now=state.last_at + 48 * HOUR).alarms
        assert [f.id for f in alarms] == ["monitoring/coverage:traffic:"]

    def test_a_group(self, watch):
        store = filled(watch, WEEK)
        rng = np.random.default_rng(0)
        for hour in range(WEEK, 2 * WEEK):
            n = int(rng.poisson(8))
            counts = {(hour, "decided", f"1|{int(rng.random() < 0.3)}|5"): (n, n * 2**28)}
            store.flush(Batch("a", 10_000 + hour, counts, last_at=(hour + 1) * HOUR, recorded=n))
        alarms = [f.id for f in Status.of(store.read(), watch).alarms if f.check == "monitoring/coverage"]
        assert "monitoring/coverage:group:sex=F" in alarms
        assert "monitoring/coverage:group:sex=M" not in alarms

    def test_labels(self, watch):
        status = Status.of(filled(watch, 2 * WEEK, labels=False).read(), watch)
        assert [f.id for f in status.alarms] == ["monitoring/coverage:labels:"]
        claim = by_id(status)["bias/error-rates:tpr_difference:sex=F~sex=M:max"]
        assert claim.verdict == Verdict.INCONCLUSIVE
        assert claim.estimate is None
        assert "time for labels" in claim.why

    def test_a_new_group_is_counted_as_other(self, watch):
        status = Status.of(filled(watch, WEEK, groups=(0, 1, 2)).read(), watch)
        finding = by_id(status)["monitoring/coverage:unknown:sex=(other)"]
        assert finding.verdict == Verdict.FAIL
        assert finding.estimate == pytest.approx(1 / 3, abs=0.03)

    def test_an_empty_store_says_that_nothing_is_known(self, watch):
        status = Status.of(filled(watch, 0).read(), watch)
        claims = [by_id(status)[claim.id] for claim in watch.claims]
        assert {f.verdict for f in claims} == {Verdict.INCONCLUSIVE}
        assert all(f.estimate is None and f.why for f in claims)
        assert status.alarms == []


class TestNoFalseSilence:
    """Streams with nights, weekends, few labels and rare groups are quiet."""

    @staticmethod
    def state(watch, counts):
        store = filled(watch, 0)
        last = max(pane for pane, _, _ in counts)
        store.flush(Batch("a", 1, {key: (n, 0) for key, n in counts.items()}, last_at=(last + 1) * HOUR))
        return store.read()

    def stream(self, watch, hours, *, women=lambda hour: 0.5, labels=0.3, columns=lambda hour: (0, 1)):
        """Ten decisions an hour."""
        rng = np.random.default_rng(0)
        counts = Counter()
        for hour in hours:
            for n in range(rng.poisson(10)):
                key = f"{int(rng.random() >= women(hour))}|0|3"
                counts[hour, "decided", key] += 1
                counts[hour, "labeled", f"{key}|0"] += int(rng.random() < labels)
                for column in columns(hour):
                    counts[hour, "column", f"{column}|{1 + n % 3}"] += 1
        return self.state(watch, counts)

    @staticmethod
    def silent(state, watch, hour):
        found = silences(state, watch, Tally(state, watch), hour * HOUR)
        return {each.metric: each.subject for each in found if each.stands}

    @pytest.mark.parametrize("days", [1, 5, 12])
    def test_nights_and_weekends(self, watch, days):
        hours = [hour for hour in range(24 * days) if 8 <= hour % 24 < 18 and hour // 24 % 7 < 5]
        state = self.stream(watch, hours)
        assert self.silent(state, watch, hours[-1] + 14 + 48 * (days > 1)) == {}
        assert self.silent(state, watch, hours[-1] + 400) == {"traffic": {}}

    def test_traffic_that_came_back_in_a_window_still_open(self, watch):
        state = self.stream(watch, [*range(2 * WEEK), 3 * WEEK])
        late = replace(state, closed_through=2 * WEEK)
        assert self.silent(late, watch, 3 * WEEK) == {}

    def test_a_rare_group_that_came_early(self, watch):
        state = self.stream(watch, range(WEEK), women=lambda hour: 0.1 if hour == 0 else 0.0)
        rare = replace(watch, groups={"sex=F": 8, "sex=M": 3992})
        assert self.silent(state, rare, WEEK) == {}
        assert self.silent(state, watch, WEEK) == {"group": {"groups": {"sex": "F"}}}

    def test_a_group_that_does_not_come_at_weekends(self, watch):
        state = self.stream(watch, range(13 * 24), women=lambda hour: 0.5 if hour // 24 % 7 < 5 else 0.0)
        assert self.silent(state, watch, 13 * 24) == {}

    def test_few_labels(self, watch):
        assert self.silent(self.stream(watch, range(WEEK), labels=0.01), watch, WEEK) == {}

    def test_one_row_of_a_new_group_is_shown_and_no_alarm(self, watch):
        state = self.state(watch, {(0, "decided", "1|0|3"): 9, (0, "decided", "2|0|3"): 1})
        finding = by_id(Status.of(state, watch))["monitoring/coverage:unknown:sex=(other)"]
        assert (finding.verdict, finding.estimate) == (Verdict.PASS, 0.1)

    def test_nothing_is_known_of_groups_before_there_is_a_window(self, watch):
        finding = by_id(Status.of(filled(watch, 0).read(), watch))["monitoring/coverage:group:sex=F"]
        assert finding.verdict == Verdict.INCONCLUSIVE

    def test_an_input_that_is_no_longer_sent_is_told(self, watch):
        columns = lambda hour: (0, 1) if hour < WEEK else (0,)  # noqa: E731
        state = self.stream(watch, range(2 * WEEK), columns=columns)
        assert self.silent(state, watch, 2 * WEEK) == {"column": {"column": "job"}}
        alarms = {finding.id for finding in Status.of(state, watch).alarms}
        assert "monitoring/drift:changed:column=job,of=missing values:max" in alarms
        assert "monitoring/drift:changed:column=age,of=missing values:max" not in alarms


def test_equal_counts_give_equal_findings_however_they_were_sharded(watch):
    one = filled(watch, WEEK).read()
    store = filled(watch, 0)
    rng = np.random.default_rng(3)
    for hour in range(WEEK):
        cells = []
        for ledger in ("decided", "labeled", "column"):
            counts = one.counts[ledger]
            chosen = np.flatnonzero(counts.pane == hour)
            cells += [
                ((hour, ledger, counts.keys[counts.key[i]]), int(counts.n[i]), int(counts.s[i]))
                for i in chosen
            ]
        half = [(key, int(rng.integers(0, n + 1)), n, s) for key, n, s in cells]
        for writer in ("b", "c"):
            part = {
                key: (first if writer == "b" else n - first, s // 3 if writer == "b" else s - s // 3)
                for key, first, n, s in half
            }
            last = (hour + 1) * HOUR if writer == "c" else hour * HOUR + 1
            store.flush(Batch(writer, hour + 1, part, last_at=last, recorded=1))
    both = [[f.model_dump_json() for f in Status.of(s, watch).findings] for s in (one, store.read())]
    assert both[0] == both[1]


def test_scores_go_with_their_decisions_to_the_labels():
    """Calibration is judged by the scores of the rows that have a label, whichever way the label came."""
    rng = np.random.default_rng(0)
    score = rng.beta(2, 4, 6000)
    truth, at, ids = rng.random(6000) < score, np.arange(6000) * HOUR / 20, np.arange(6000)
    monitor = tk.Monitor(audited(), store=":memory:", window=HOUR, label_delay=24 * HOUR)
    for day in np.split(ids, 15):
        told = {"score": score[day], "sensitive": {"sex": ["F", "M"] * 200}, "ids": day, "at": at[day]}
        monitor.record(prediction=(score[day] > 0.4).astype(int), **told)
        monitor.label(day, truth[day].astype(int), at=at[day])
    monitor.record(prediction=1, sensitive={"sex": "F"}, at=400 * HOUR)
    findings = {finding.id: finding for finding in monitor.status()}
    monitor.close()
    gap = findings["safety/calibration:gap::max"]
    assert gap.n == 6000
    assert abs(gap.estimate) < 0.02
    assert gap.verdict == Verdict.PASS


def test_rows_per_person_divide_the_bets(watch):
    state = filled(watch, WEEK).read()
    single, several = (Status.of(state, replace(watch, rows_per_person=c)) for c in (1, 4))
    for id, course in several.courses.items():
        bets = single.courses[id].bets()(course.claim.bound, course.claim.side)
        assert course.log_e == pytest.approx(running(bets / 4))


def test_what_cannot_be_read_names_the_store_once(watch, tmp_path):
    store = filled(watch, 24, where=tmp_path / "monitor.db")
    store.close()
    with sqlite3.connect(tmp_path / "monitor.db") as connection:
        connection.execute("UPDATE trustkit_meta SET watch = '{}'")
    with pytest.raises(
        ConfigError, match=r"store: monitor.db: what is watched in it cannot be read"
    ) as caught:
        Status.read(tmp_path / "monitor.db")
    assert str(caught.value).count("monitor.db") == 1


def test_small_counts_are_those_of_the_policy_section():
    config = Config.of(policy={"min_cell": 40})
    watch = watch_of(audited(800), config=config)
    status = Status.of(filled(watch, 12, rows=2).read(), watch)
    claims = {f.id: f for f in status.findings if f.check == "bias/selection-rate"}
    assert watch.min_cell == 40
    assert claims
    assert all(f.n is None and f.why == "n<40" for f in claims.values())


def test_weights_and_persons_of_the_audit_are_told():
    evidence = audited(800)
    cells = evidence.kinds["cells"]
    schema = {**cells.schema, "weight": True, "unit": True}
    block = replace(
        cells.block,
        sums={**cells.block.sums, **dict.fromkeys(("w", "w2", "ws", "ws2"), cells.block.sums["n"])},
    )
    weighted = replace(cells, schema=schema, block=block)
    notes = watch_of(replace(evidence, kinds={**evidence.kinds, "cells": weighted})).notes
    assert sum("weighted" in note or "rows_per_person" in note for note in notes) == 2
