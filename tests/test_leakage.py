"""Rows that training has too, inputs that know the outcome, and a training that knows the future."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.metrics import roc_auc_score

import trustkit as tk
from trustkit.checks.safety.leakage import leakage
from trustkit.collectors import collect
from trustkit.collectors.keys import column_keys
from trustkit.evidence.blocks import Block
from trustkit.evidence.overlaps import Match, Overlaps
from trustkit.evidence.score_bins import SCORE_BINS
from trustkit.frames import Frame
from trustkit.measure.recurrence import beyond_chance
from trustkit.system import System

DECLARED = {
    "inputs": ["x", "z"], "seed": 0, "most": 20_000, "unit": False, "train": True, "truth": "classes",
}  # fmt: skip


def overlaps_of(n, seed=0, **declared):
    """Overlaps of `n` audited rows, as a check sees them."""
    rng = np.random.default_rng([n, seed])
    codes = np.zeros((2 * n, 4), dtype=np.int64)
    codes[:, 1], codes[:, 2] = np.arange(2 * n) % 2, rng.integers(0, 2, 2 * n)
    codes[:, 3] = rng.integers(0, SCORE_BINS, 2 * n)
    some = Match(n, n // 9, n // 20, 700, 30)
    return Overlaps.made(
        declared={**DECLARED, **declared},
        of=n,
        drawn=n,
        exact=some,
        near=some,
        persons={"who": Match(n // 2, n // 30, 0, 300, 0)},
        later=(700 * n, 100 * n),
        classes=("1",),
        singles=Block(codes, {"n": np.ones(2 * n, dtype=np.int64)}),
    )


def overlaps_samples():
    return [overlaps_of(n) for n in (0, 5, 400)]


def table(n, seed=0):
    rng = np.random.default_rng(seed)
    made = pd.DataFrame({f"x{i}": rng.normal(size=n) for i in range(4)})
    made["c"] = rng.choice(list("abc"), n)
    return made.assign(y=(made.x0 + rng.normal(size=n) > 0).astype(int))


def collected(audit, train=None, **roles):
    given = {"target": "y", "favorable": 1, **roles}
    evidence = collect(System(data=audit, train=train, **given), only=["overlaps"])
    assert not evidence.errors, evidence.errors
    return evidence


def found(audit, train=None, **roles):
    estimates = leakage(collected(audit, train, **roles).kinds["overlaps"], judged=("single_auc",))
    return {(e.metric, e.subject.get("column")): e for e in estimates}


def verdicts(audit, train=None, **roles):
    card = tk.judge(collected(audit, train, **roles), "unga-78-265", only=["safety/leakage"])
    return {f.id.removeprefix("safety/leakage:"): f for f in card.findings}


class TestSharedRows:
    def test_copies_are_counted_and_fail(self):
        audit, train = table(8000, 1), table(8000, 2)
        audit.iloc[:200] = train.iloc[:200]
        finding = verdicts(audit, train)["shared::max"]
        assert (finding.verdict, finding.estimate) == ("fail", pytest.approx(0.025))
        assert "2.5% of the rows are found, 0.0% by chance" in finding.message

    def test_the_clean_twin_passes(self):
        assert verdicts(table(8000, 1), table(8000, 2))["shared::max"].verdict == "pass"

    def test_what_recurs_by_chance_is_no_leak(self):
        audit, train = table(4000, 1)[["c", "y"]], table(4000, 2)[["c", "y"]]
        finding = verdicts(audit, train)["shared::max"]
        assert (finding.verdict, finding.estimate) == ("pass", 0)
        assert "100.0% of the rows are found, 100.0% by chance" in finding.message

    def test_rows_multiplied_in_training_excuse_no_copy(self):
        audit, train = table(8000, 1), table(8000, 2)
        audit.iloc[:200] = train.iloc[:200]
        train = pd.concat([train, train])
        assert verdicts(audit, train)["shared::max"].verdict == "fail"
        assert verdicts(table(8000, 3), train)["shared::max"].verdict == "pass"

    def test_near_copies_differ_in_digits_spelling_or_one_column(self):
        audit, train = table(3000, 1), table(3000, 2)
        audit.iloc[:300] = train.iloc[:300]
        audit.loc[:99, "x1"] = audit.x1 * (1 + 1e-9)
        audit.loc[100:199, "c"] = " " + audit.c.str.upper()
        audit.loc[200:299, "x2"] = 7.0
        figures = found(audit, train)
        assert figures["shared", None].value == 0
        assert figures["near", None].value == pytest.approx(0.1)

    def test_a_copy_with_another_outcome_is_near(self):
        audit, train = table(1000, 1), table(1000, 2)
        audit.iloc[:100] = train.iloc[:100]
        audit.loc[:99, "y"] = 1 - audit.y
        figures = found(audit, train)
        assert (figures["shared", None].value, figures["near", None].value) == (0, pytest.approx(0.1))

    def test_of_each_person_one_row_is_looked_for(self):
        audit, train = table(400, 1), table(400, 2)
        audit["who"], train["who"] = np.arange(400) // 2, -1
        assert found(audit, train, unit="who")["shared", None].n == 200

    def test_no_training_rows(self):
        audit = table(400)
        figures = found(audit)
        assert figures["shared", None].supply == "data.train: the rows that it was trained on"
        card = tk.judge(collected(audit), "unga-78-265", only=["safety/leakage"])
        (control,) = (each for each in card.controls if each.id == "TK-SAF-03")
        assert control.verdict == "not_assessed"
        assert "supply data.train: the rows that it was trained on" in control.needs

    def test_training_that_has_none_of_the_inputs(self):
        figures = found(table(400), pd.DataFrame({"other": [1, 2, 3]}))
        assert figures["shared", None].why == "training has none of the inputs"

    def test_neither_training_nor_outcomes(self):
        evidence = collected(table(50).assign(d=1), target=None, prediction="d")
        assert "data.target" in evidence.absent["overlaps"][1]


class TestChance:
    def test_limits_of_a_match(self):
        limits = beyond_chance(Match(1000, 100, 100, 2000, 160))
        assert limits.value == pytest.approx(0.1 - 0.08)
        assert limits.b.n == 1000  # half of the training rows

    def test_the_audit_bounds_what_training_repeats(self):
        limits = beyond_chance(Match(10_000, 100, 0, 10_000, 10_000))
        assert limits.value == pytest.approx(0.01 - -np.log(1e-6) / 5000, rel=0.01)


class TestKeys:
    def test_equal_rows_have_equal_keys_and_others_have_not(self):
        one = pd.DataFrame({"a": [1.0, -0.0, np.nan, 2], "b": ["x", None, "y", "x"]})
        other = pd.DataFrame({"a": [2, 0.0, 1, np.nan], "b": ["x", "", "y", "y"]})
        mine, theirs = (
            k.sum(axis=0, dtype=np.uint64) for k in column_keys(list(map(_frame, (one, other))), "ab")
        )
        equal = mine[:, None] == theirs[None]
        assert np.argwhere(equal).tolist() == [[1, 1], [2, 3], [3, 0]]

    def test_columns_do_not_change_places(self):
        (keys,) = column_keys([_frame(pd.DataFrame({"a": [1, 2], "b": [2, 1]}))], ["a", "b"])
        total = keys.sum(axis=0, dtype=np.uint64)
        assert total[0] != total[1]

    def test_digits_and_spelling_alone_make_no_other_value(self):
        one = pd.DataFrame({"a": [1234.4, -1234.4, 0.001236, 0, 1235.6], "b": ["Ab  c", "d", "e", "f", "g"]})
        other = pd.DataFrame({"a": [1230, 1230, 0.00124, 1e-30, 1240], "b": [" aB C ", "d", "e", "f", "G"]})
        mine, theirs = column_keys([_frame(one), _frame(other)], ["a", "b"], loosely=True)
        assert (mine == theirs).tolist() == [[True, False, True, False, True], [True] * 5]


def _frame(table):
    return Frame.open(table)


class TestSingleInputs:
    def test_a_copy_with_one_per_cent_noise_fails_and_its_twin_passes(self):
        audit = table(20_000)
        noisy = np.where(np.random.default_rng(1).random(20_000) < 0.01, 1 - audit.y, audit.y)
        findings = verdicts(audit.assign(copy=noisy))
        assert findings["single_auc:column=copy:max"].verdict == "fail"
        assert findings["single_auc:column=copy:max"].estimate == pytest.approx(0.99, abs=0.003)
        assert {f.verdict for id, f in findings.items() if "copy" not in id and f.limit} == {"pass"}

    def test_auc_of_labels_and_numbers_is_scikit_learns(self):
        audit = table(20_000)
        audit["c"] = np.where(audit.y * np.random.default_rng(3).random(20_000) > 0.6, "b", audit.c)
        figures = found(audit)
        rate = audit.groupby("c").y.transform("mean")
        assert figures["single_auc", "c"].value == pytest.approx(roc_auc_score(audit.y, rate), abs=0.01)
        assert figures["single_auc", "x0"].value == pytest.approx(roc_auc_score(audit.y, audit.x0), abs=0.01)
        assert figures["single_auc", "x1"].value == pytest.approx(0.5, abs=0.02)

    def test_a_copy_that_neither_grows_nor_falls(self):
        audit = table(5000)
        audit["fold"] = np.where(audit.y == 1, np.sign(audit.x1) * 3, 0) + audit.x2 * 0.1
        assert roc_auc_score(audit.y, audit.fold) < 0.55
        assert found(audit)["single_auc", "fold"].value > 0.99

    def test_a_running_number_given_out_by_outcome(self):
        audit = table(5000).sort_values("y").reset_index(drop=True)
        audit["id"] = [f"P{i:05}" for i in range(5000)]
        assert found(audit)["single_auc", "id"].value > 0.98

    def test_of_several_classes_the_one_told_best_counts(self):
        data = load_iris(as_frame=True)
        audit = data.frame.rename(columns={"target": "y"}).astype({"y": str})
        finding = found(audit, favorable=None)["single_auc", "petal length (cm)"]
        assert finding.value > 0.98
        assert finding.note == "The class told best is 0"

    def test_of_a_number_whether_it_is_above_its_median(self):
        audit = table(2000)
        figures = found(audit.assign(copy=audit.x1 + 0.01 * audit.x2), target="x1", favorable=None)
        assert figures["single_auc", "copy"].value > 0.98
        assert figures["single_auc", "x2"].value < 0.6

    def test_few_rows_and_no_target(self):
        assert "fewer than 30 rows" in found(table(40))["single_auc", None].why
        figures = found(table(40).assign(d=1), table(40), target=None, prediction="d")
        assert figures["single_auc", None].supply == "data.target: the column with the true outcome"

    def test_not_judged_only_the_largest_is_shown(self):
        kind = collected(table(400)).kinds["overlaps"]
        (shown,) = [e for e in leakage(kind) if e.metric == "single_auc"]
        assert (shown.subject, shown.limits) == ({"column": "x0"}, None)


class TestTime:
    def table(self, days):
        return table(len(days)).assign(day=days)

    def test_pairs_whose_training_row_is_later(self):
        days = pd.date_range("2026-01-01", periods=100)
        before, after = self.table(days[:60]), self.table(days[60:])
        assert found(after, before, time="day")["later", None].value == 0
        assert found(before, after, time="day")["later", None].value == 1
        texts = self.table([str(day.date()) for day in days[:60]])
        assert found(texts, self.table([*map(str, days[20:60])]), time="day")["later", None].value > 0.5

    def test_numbers_and_missing_times(self):
        early, late = self.table([2020.0, np.nan, 2021]), self.table([2022, 2020.5, 2023])
        later = found(late, early, time="day")["later", None]
        assert (later.value, later.n) == (pytest.approx(1 / 6), 6)


def test_parts_add_to_the_whole():
    audit, train = table(400, 1), table(300, 2)
    audit.iloc[:40] = train.iloc[:40]
    parts = [collected(part, train).kinds["overlaps"] for part in (audit[:150], audit[150:])]
    both, whole = parts[0] + parts[1], collected(audit, train).kinds["overlaps"]
    assert (both.exact, both.near) == (whole.exact, whole.near)
    with pytest.raises(ValueError, match="do not add"):
        whole + collected(audit, train[:299]).kinds["overlaps"]


def test_what_is_shared_holds_no_few_rows():
    assert overlaps_of(20).without_small_cells(5) is None
    shared = overlaps_of(4000).without_small_cells(5)
    assert shared is not None
    assert not len(shared.singles.codes)
    assert "fewer than 30 rows" in next(e for e in leakage(shared) if e.metric == "single_auc").why
