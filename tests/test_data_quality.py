"""What is missing, impossible, constant, mixed, repeated or contradictory among audited rows is counted."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

import trustkit as tk
from trustkit.checks.base import NotApplicable
from trustkit.checks.safety.data_quality import data_quality
from trustkit.collectors import collect
from trustkit.errors import ConfigError
from trustkit.evidence.quality import ColumnQuality, Quality
from trustkit.system import System

DECLARED = {"inputs": ["x", "c"], "ranges": {"x": [0, 1]}, "truth": True, "number": False}


def quality_of(n, seed=0):
    """Counts of `n` audited rows, as a check sees them."""
    rng = np.random.default_rng([n, seed])
    rows = rng.multinomial(n, [0.5, 0.3, 0.2])
    return Quality(
        declared=DECLARED,
        rows=n,
        columns={
            "x": ColumnQuality(n - n // 5, n // 3, n == 0),
            "c": ColumnQuality(n, n - n // 300, n == 0, n // 2, n - n // 2),
        },
        outside={"x": (n - n // 5, n // 50)},
        classes=("a", "b", "c"),
        class_rows=rows,
        missing=np.array([rng.binomial(rows, 0.2), [0, 0, 0]]),
        repeated=n // 7,
        contradictory=n // 9,
    )


def quality_samples():
    return [quality_of(n) for n in (0, 5, 400, 5000)]


def table(n=400, seed=0):
    rng = np.random.default_rng(seed)
    made = pd.DataFrame({"x": rng.normal(size=n), "c": rng.choice(list("abc"), n)})
    return made.assign(y=rng.integers(0, 2, n), d=1)


def collected(audit, **roles):
    given = {"target": "y", "prediction": "d", "favorable": 1, **roles}
    evidence = collect(System(data=audit, **given), only=["quality"])
    assert not evidence.errors, evidence.errors
    return evidence


def found(audit, **roles):
    estimates = data_quality(collected(audit, **roles).kinds["quality"])
    return {e.metric if "column" not in e.subject else (e.metric, e.subject["column"]): e for e in estimates}


class TestMissing:
    def test_it_depends_on_the_outcome(self):
        audit = table(20_000)
        audit.loc[(audit.y == 1) & (audit.index % 3 == 0), "x"] = np.nan
        missing = audit.x.isna()
        claim = found(audit)["missing_difference"]
        share = [missing[audit.y == y].mean() for y in (0, 1)]
        assert claim.value == pytest.approx(share[1] - share[0])
        mine, other = (
            binomtest(int(missing[audit.y == y].sum()), int((audit.y == y).sum())).proportion_ci(0.98)
            for y in (1, 0)
        )  # of two sides, each at 0.01
        high = claim.value + np.hypot(mine.high - share[1], share[0] - other.low)
        assert claim.interval(0.01)[1] == pytest.approx(high)
        assert claim.note.startswith("Largest for x: missing in ")

    def test_of_several_classes_each_is_compared_with_the_rest(self):
        audit = table(3000)
        audit["y"] = np.arange(3000) % 3
        audit.loc[audit.y == 2, "c"] = None
        assert found(audit)["missing_difference"].value == 1

    def test_of_a_number_above_and_below_its_median(self):
        audit = table(1000)
        audit.loc[audit.x > audit.x.median(), "c"] = None
        assert found(audit, target="x", prediction="d", favorable=None)["missing_difference"].value == 1

    def test_nothing_missing_is_a_fact(self):
        figure = found(table())["missing_difference"]
        assert (figure.value, figure.interval(0.001)) == (0, (0, 0))

    def test_values_missing_from_too_few_rows_need_classes_to_compare(self):
        audit = table(50)
        audit.loc[:9, "x"] = np.nan
        figure = found(audit)["missing_difference"]
        assert np.isnan(figure.value)
        assert figure.supply

    def test_one_row_a_person_counts(self):
        audit = table(400)
        audit.loc[:9, "x"] = np.nan
        claim = found(audit.assign(who=np.arange(400) // 4), unit="who")["missing_difference"]
        assert claim.n == 100


class TestImpossible:
    def test_values_outside_the_declared_range(self):
        audit = table().assign(age=np.r_[np.nan, -1, 430, np.full(397, 40)])
        finding = found(audit, ranges={"age": [0, 120]})["impossible", "age"]
        assert (finding.value, finding.n) == (pytest.approx(2 / 399), 399)
        assert found(audit, ranges={"age": [-1, 430]})["impossible", "age"].value == 0

    def test_a_column_that_is_no_input(self):
        audit = table().assign(age=40)
        figures = found(audit, features=["x"], ranges={"age": [0, 120]})
        assert figures["impossible", "age"].n == 400

    def test_a_range_of_words(self):
        with pytest.raises(ConfigError, match=r"data\.ranges\.c: .*c.* is text"):
            collected(table(), ranges={"c": [0, 1]})


class TestColumns:
    def test_constant_and_nearly_constant(self):
        n = 1000
        audit = table(n).assign(one="k", nearly=np.r_[1, 2, np.zeros(n - 2)], seldom=np.arange(n) % 100 == 0)
        finding = found(audit)["constant"]
        assert (finding.value, finding.note) == (2, "one, nearly")

    def test_numbers_and_words_mixed(self):
        audit = table(100).assign(mixed=["?"] * 3 + list(range(97)), words=["7"] + ["w"] * 99)
        finding = found(audit)["mixed"]
        assert (finding.value, finding.note) == (1, "mixed")

    def test_a_note_names_five(self):
        finding = found(table(100).assign(**{f"k{i}": 1 for i in range(8)}))["constant"]
        assert finding.note == "k0, k1, k2, k3, k4 and 3 more"

    def test_a_column_without_a_value_and_one_of_lists(self):
        audit = table(60).assign(empty=np.nan, none=[None] * 60, lists=[[1]] * 60)
        figures = found(audit)
        assert figures["constant"].value == 0
        assert "lists" in collected(audit).kinds["quality"].notes()[0]


class TestRows:
    def test_repeated_and_contradictory(self):
        audit = pd.DataFrame({"x": [1, 1, 1, 2, 2, 3], "y": [0, 0, 1, 1, 1, 0], "d": 1})
        figures = found(audit)
        assert figures["duplicates"].value == pytest.approx(2 / 6)  # one of x=1 y=0, one of x=2
        assert figures["contradictory"].value == pytest.approx(3 / 6)

    def test_they_are_those_of_pandas(self):
        audit = table(500).assign(x=lambda t: t.x.round())
        figures = found(audit)
        assert figures["duplicates"].value == audit.duplicated(["x", "c", "y"]).mean()
        assert figures["contradictory"].value == (audit.groupby(["x", "c"]).y.transform("nunique") > 1).mean()

    def test_without_a_target_nothing_contradicts(self):
        figures = found(table(), target=None)
        assert "contradictory" not in figures
        assert figures["missing_difference"].value == 0

    def test_no_rows(self):
        with pytest.raises(NotApplicable):
            data_quality(quality_of(0))


class TestAudit:
    def test_verdicts(self):
        audit = table(4000)
        audit.loc[audit.index % 5 == 0, "x"] = np.nan
        roles = {"ranges": {"x": [-9, 9]}}
        card = tk.judge(collected(audit, **roles), "unga-78-265", only=["safety/data-quality"])
        verdicts = {f.id.removeprefix("safety/data-quality:"): f.verdict for f in card.findings}
        assert {id: v for id, v in verdicts.items() if v != "not_applicable"} == {
            "impossible:column=x:max": "pass",
            "missing_difference::max": "pass",
        }

    def test_nothing_declared_and_nothing_missing_fails_nothing(self):
        card = tk.judge(collected(table()), "unga-78-265", only=["safety/data-quality"])
        judged = {f.metric: f.verdict for f in card.findings if f.verdict != "not_applicable"}
        assert judged == {"missing_difference": "pass"}

    def test_parts_add_to_the_whole(self):
        audit = table(400)
        audit.loc[:50, "c"] = None
        parts = [collected(part).kinds["quality"] for part in (audit[:150], audit[150:])]
        both, whole = parts[0] + parts[1], collected(audit).kinds["quality"]
        assert both.missing.tolist() == whole.missing.tolist()
        with pytest.raises(ValueError, match="do not add"):
            whole + collected(audit.drop(columns="x")).kinds["quality"]

    def test_what_is_shared_holds_no_few_rows(self):
        assert quality_of(5).without_small_cells(5) is None
        assert quality_of(20_000).without_small_cells(5) is not None
