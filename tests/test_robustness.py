"""Inputs are changed as is realistic, what became of the decisions is counted, and a refusal is no flip."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import binom, binomtest

import trustkit as tk
from trustkit.checks.base import NotApplicable
from trustkit.checks.safety.robustness import robustness
from trustkit.collectors import collect
from trustkit.collectors.budget import Budget
from trustkit.collectors.perturbations import MOST, MOST_OF_COLUMN
from trustkit.collectors.perturbing import CHANGES, Sorts, perturbed, promoted, values_of
from trustkit.config import Config
from trustkit.errors import ConfigError
from trustkit.evidence import Evidence
from trustkit.evidence.perturbations import MILD, MODERATE, SEVERE, SEVERITIES, Effect, Perturbations
from trustkit.measure.intervals import Difference, proportions
from trustkit.system import System

CHECK = "safety/robustness"


def perturbations_of(n, seed=0, **keys):
    """Perturbations of `n` rows, as a check sees them."""
    rng = np.random.default_rng([n, seed])
    schema = {"seed": 0, "most": MOST, "most_of_column": MOST_OF_COLUMN, "task": "binary", "tolerance": None}
    schema |= {"unit": False, "weight": False, **keys}

    def effect(rows):
        flips = int(rng.integers(0, rows + 1))
        right, lost = (int(k) for k in rng.multinomial(rows - flips, [0.5, 0.5]))
        return Effect(rows, flips, right, flips, lost, 0)

    keys = [(mode, severity, "") for mode in ("noise", "missing", "case") for severity in SEVERITIES]
    keys += [("missing", MILD, "age"), ("noise", MILD, "age"), ("missing", MILD, "sex")]
    effects = {key: effect(n) for key in keys} if n else {}
    if n > 10:
        effects["unseen", MILD, ""] = Effect(refused=n, error="ValueError")
    return Perturbations(schema, n, n, effects, {"age": (n, n // 3), "sex": (n, 0)} if n else {})


def perturbations_samples():
    """Perturbations with a truth and without, of few rows, and of none."""
    blind = perturbations_of(500)
    effects = {key: Effect(e.rows, e.flips, refused=e.refused) for key, e in blind.effects.items()}
    unknown = Perturbations(
        blind.schema, 500, 500, effects, blind.strays, (("missing", MILD, "city"),), 6, 0.05
    )
    return [perturbations_of(400), unknown, perturbations_of(7), perturbations_of(0)]


class Model:
    """A decision by age and income, as a number is given."""

    classes_ = (0, 1)

    def score(self, X):
        income = X["income"].to_numpy(dtype=float)
        age = X["age"].to_numpy(dtype=float)
        z = np.nan_to_num((income - 50) / 10) + np.nan_to_num((age - 40) / 20)
        return 1 / (1 + np.exp(-z))

    def predict(self, X):
        return (self.score(X) > 0.5).astype(int)


class ByParity(Model):
    """Even ages are accepted."""

    def predict(self, X):
        return (X["age"].fillna(0).to_numpy().astype(int) % 2 == 0).astype(int)


class WrongSign(Model):
    """Where the income is missing, the decision is turned around."""

    def predict(self, X):
        return np.where(X["income"].isna(), 1 - super().predict(X), super().predict(X))


class Filled(Model):
    """A missing income is taken for -999."""

    def predict(self, X):
        return super().predict(X.assign(income=X["income"].fillna(-999)))


class Refusing(Model):
    """What is missing is refused, and so is a city that nobody knows."""

    def predict(self, X):
        if X.isna().to_numpy().any():
            raise ValueError("NaN")
        if not set(X["city"]) <= {"Almaty", "Osh", "Dushanbe"}:
            raise KeyError("city")
        return super().predict(X)


class ByCity(Model):
    """One city is accepted, as it is written."""

    def predict(self, X):
        return np.asarray(X["city"] == "Almaty").astype(int)


class ByPlace(Model):
    """The second column is what counts, whatever it is called."""

    def predict(self, X):
        return (pd.to_numeric(X.iloc[:, 1], errors="coerce") > 50).to_numpy().astype(int)


def table(n=1200, seed=0):
    rng = np.random.default_rng(seed)
    age, income = rng.integers(18, 80, n), rng.normal(50, 12, n)
    rows = pd.DataFrame({"age": age, "income": income, "city": rng.choice(["Almaty", "Osh", "Dushanbe"], n)})
    rows["y"] = Model().predict(rows) ^ (rng.random(n) < 0.1)
    return rows


def collected(model, data=None, seed=0, progress=None, **keys):
    data = table() if data is None else data
    keys = {"target": "y", "favorable": 1, "features": ["age", "income", "city"], **keys}
    return collect(System(model, data, **keys), only=["perturbations"], seed=seed, progress=progress)


def effects(model, data=None, **keys):
    evidence = collected(model, data, **keys)
    assert not evidence.errors, evidence.errors
    return evidence.kinds["perturbations"]


def told(evidence, **options):
    return {
        (each.metric, each.subject.get("mode"), each.subject.get("column")): each
        for each in robustness(evidence, **options)
    }


def audited(model, data=None, **options):
    return tk.audit(
        model, table() if data is None else data, target="y", favorable=1, as_of="2026-11-24",
        features=["age", "income", "city"], only=[CHECK], options={CHECK: options},
    )  # fmt: skip


def failed(card):
    mine = [finding for finding in card.findings if finding.check == CHECK]
    return {(f.metric, f.subject.get("mode"), f.subject.get("column")) for f in mine if f.verdict == "fail"}


class TestChanges:
    rows = table(300).drop(columns="y").assign(
        rate=lambda t: np.round(t["income"] / 10, 5), name="Aisha Bek", flag=lambda t: t["age"] > 40,
        few=lambda t: t["age"] % 4, gain=lambda t: np.where(t["age"] > 60, t["age"] * 100, 0),
    )  # fmt: skip

    def made(self, mode, severity=MILD, column=None, rows=None):
        rows = self.rows if rows is None else rows
        return perturbed(rows, Sorts.of(rows), mode, severity, [1], column)

    @pytest.mark.parametrize("mode", CHANGES)
    def test_a_seed_gives_the_same_and_the_rows_are_left_as_they_were(self, mode):
        copy = self.rows.copy(deep=True)
        for severity in SEVERITIES:
            one, two = self.made(mode, severity), self.made(mode, severity)
            assert (one is None) == (two is None)
            if one is not None:
                pd.testing.assert_frame_equal(one.table, two.table)
                assert len(one.table) == len(one.changed) == len(self.rows)
        pd.testing.assert_frame_equal(self.rows, copy)

    @pytest.mark.parametrize(
        "mode", [mode for mode in CHANGES if mode not in ("column-order", "extra-column")]
    )
    def test_the_rows_said_to_be_changed_are_those_that_are(self, mode):
        for severity in SEVERITIES:
            made = self.made(mode, severity)
            if made is not None:
                same = (made.table == self.rows) | (made.table.isna() & self.rows.isna())
                assert (made.changed == ~same.all(axis=1)).all()

    def test_whole_numbers_stay_whole_and_all_move_within_their_range(self):
        for severity, strength in zip(SEVERITIES, (0.02, 0.1, 0.5), strict=True):
            age = self.made("noise", severity).table["age"]
            assert age.dtype == self.rows["age"].dtype
            moves = (age - self.rows["age"]).abs()
            assert moves.min() >= 1
            assert moves.mean() == pytest.approx(max(1, strength * 18 * 0.8 + 0.5), rel=0.25)
            assert age.between(self.rows["age"].min(), self.rows["age"].max()).all()

    def test_noise_is_in_units_of_the_spread_and_leaves_codes_and_nothings_alone(self):
        made = self.made("noise", SEVERE).table
        moves = (made["income"] - self.rows["income"]) / self.rows["income"].std()
        assert 0.4 < moves.std() < 0.55
        assert (made["few"] == self.rows["few"]).all()
        assert (made["gain"][self.rows["gain"] == 0] == 0).all()
        assert (made["gain"] != self.rows["gain"])[self.rows["gain"] > 0].all()
        assert (
            self.made("noise", column="age").table.drop(columns="age").equals(self.rows.drop(columns="age"))
        )

    def test_rounding_leaves_digits(self):
        rows = pd.DataFrame(
            {"x": [123.456, 0.98765, -4567.0, 0.0, np.nan, 7.0], "n": [9999, 15, 1, 0, 44, 101]}
        )
        expected = {MILD: [123, 0.988, -4570, 0, np.nan, 7], SEVERE: [100, 1, -5000, 0, np.nan, 7]}
        whole = {MILD: [10000, 15, 1, 0, 44, 101], SEVERE: [10000, 20, 1, 0, 40, 100]}
        for severity, values in expected.items():
            made = self.made("rounding", severity, rows=rows)
            np.testing.assert_allclose(made.table["x"], values)
            assert made.table["n"].tolist() == whole[severity]
            assert made.table["n"].dtype == rows["n"].dtype
        assert self.made("rounding", MILD, rows=rows).changed.tolist() == [True, True, True, *[False] * 3]

    def test_a_slip_of_units_changes_one_number_a_row_and_is_never_mild(self):
        assert self.made("unit-slip", MILD) is None
        numbers = ["age", "income", "rate", "few", "gain"]
        for severity, factors in ((MODERATE, {10.0}), (SEVERE, {1000.0, 0.01})):
            made = self.made("unit-slip", severity).table
            changed = made[numbers] != self.rows[numbers]
            assert (changed.sum(axis=1) == 1).all()
            ratio = made["income"] / self.rows["income"]
            assert {round(each, 6) for each in ratio[changed["income"]]} == factors
        small = pd.DataFrame({"x": np.array([100, 120], dtype=np.int8)})
        assert self.made("unit-slip", MODERATE, rows=small).table["x"].tolist() == [1000, 1200]

    @pytest.mark.parametrize("dtype", ["int64", "Int64", "uint64", "int64[pyarrow]"])
    def test_whole_numbers_too_large_for_their_type_are_told_as_floats(self, dtype):
        keys = pd.DataFrame({"key": pd.Series(np.arange(100) * 10**16 + 10**17, dtype=dtype)})
        slipped = perturbed(keys, Sorts.of(keys), "unit-slip", SEVERE, [0]).table["key"].astype(float)
        assert set((slipped / keys["key"].astype(float)).round(6)) == {1000.0, 0.01}
        assert perturbed(keys, Sorts.of(keys), "noise", MILD, [0]).table["key"].dtype.kind in "iu"

    def test_missing_values_by_severity_and_as_the_column_has_them(self):
        for severity, least, most in ((MILD, 1, 1), (MODERATE, 2, 2), (SEVERE, 4, 4)):
            gone = self.made("missing", severity).table.isna().sum(axis=1)
            assert (gone.min(), gone.max()) == (least, most)
        alone = self.made("missing", column="income").table
        assert alone["income"].isna().all()
        assert alone.isna().to_numpy().sum() == len(alone)
        none = pd.DataFrame({"x": pd.Series(["a", None, "b"], dtype=object), "n": [1, 2, 3]})
        assert self.made("missing", column="x", rows=none).table["x"].tolist() == [None, None, None]
        assert str(self.made("missing", column="n", rows=none).table["n"].dtype) == "float64"

    def test_a_block_is_of_neighbors_and_the_same_for_fifty_rows(self):
        gone = self.made("missing-block", MODERATE).table.isna().to_numpy()
        for start in range(0, 300, 50):
            block = gone[start : start + 50]
            assert (block == block[0]).all()
            at = np.flatnonzero(block[0])
            assert at.tolist() == list(range(at[0], at[0] + 3))

    def test_text_as_people_write_it(self):
        one = pd.DataFrame({"city": ["Kashgar City"] * 40, "n": range(40)})

        def texts(mode, severity=MILD):
            return set(self.made(mode, severity, rows=one).table["city"])

        assert texts("case") < {"KASHGAR CITY", "kashgar city"}
        assert texts("spacing") < {
            " Kashgar City", "Kashgar City ", "Kashgar  City", "Kashgar\N{NO-BREAK SPACE}City",
        }  # fmt: skip
        (written,) = texts("transliteration")
        assert written == "Кашгар Киты"
        (alike,) = texts("look-alikes")
        assert sum(a != b for a, b in zip(alike, "Kashgar City", strict=True)) == 1
        assert alike.encode() != b"Kashgar City"
        (typo,) = texts("typos")
        assert typo != "Kashgar City"
        assert abs(len(typo) - 12) <= 1
        assert texts("unseen").isdisjoint(one["city"])
        cyrillic = pd.DataFrame({"city": ["Шымкент", "Жалал-Абад"] * 20})
        assert set(self.made("transliteration", rows=cyrillic).table["city"]) == {"Shymkent", "Zhalal-Abad"}

    def test_one_text_a_row_then_a_quarter_then_half(self):
        rows = pd.DataFrame({f"c{i}": ["abc", "xyz"] * 30 for i in range(12)})
        for severity, parts in ((MILD, 1), (MODERATE, 3), (SEVERE, 6)):
            made = self.made("case", severity, rows=rows).table
            assert ((made != rows).sum(axis=1) == parts).all()

    def test_categories_and_missing_texts_are_kept(self):
        column = pd.Categorical(["low", "high", None] * 30, categories=["low", "high"], ordered=True)
        rows = pd.DataFrame({"level": column, "s": pd.Series(["a", None, "b"] * 30, dtype="str")})
        made = self.made("case", SEVERE, column="level", rows=rows)
        assert made.table["level"].dtype.ordered
        assert list(made.table["level"].cat.categories[:2]) == ["low", "high"]
        assert made.table["level"].isna().tolist() == rows["level"].isna().tolist()
        assert made.changed.tolist() == [True, True, False] * 30
        both = self.made("case", MILD, rows=rows).table
        assert both["s"].dtype == rows["s"].dtype
        assert both["s"].isna().tolist() == rows["s"].isna().tolist()

    def test_layout(self):
        turned = self.made("column-order", SEVERE).table
        assert list(turned.columns) != list(self.rows.columns)
        pd.testing.assert_frame_equal(turned[self.rows.columns], self.rows)
        more = self.made("extra-column").table
        assert list(more.columns) == [*self.rows.columns, "extra"]
        assert list(self.made("extra-column", rows=more).table.columns)[-1] == "extra_"
        assert self.made("column-order", SEVERE, rows=self.rows[["age"]]) is None

    def test_no_text_no_change_of_text(self):
        numbers = pd.DataFrame({"x": np.arange(40.0), "dates": pd.date_range("2026-01-01", periods=40)})
        for mode in ("unseen", "typos", "case", "spacing", "look-alikes", "transliteration"):
            assert self.made(mode, rows=numbers) is None
        assert self.made("noise", rows=pd.DataFrame({"x": [1.0] * 9, "y": [np.inf] * 9})) is None

    def test_five_values_stand_for_a_fifth_of_the_rows_each(self):
        assert values_of(pd.Series([3, 1, 2, np.nan, 11, 5])) == [1, 2, 3, 5, 11]
        assert values_of(pd.Series([0.0] * 9 + [7.0])) == [0, 0, 0, 0, 7]
        assert values_of(pd.Series([np.nan] * 3)) == []
        assert values_of(pd.Series(list("acbccbdcab"))) == ["c", "c", "b", "a", "d"]
        assert set(values_of(pd.Series([True, False] * 5))) == {True, False}
        assert values_of(pd.Series(np.arange(101))) == [10, 30, 50, 70, 90]

    def test_types_that_a_gap_brings(self):
        made = promoted(self.rows)
        assert (str(made["age"].dtype), str(made["flag"].dtype)) == ("float64", "object")
        assert (made["age"] == self.rows["age"]).all()


def test_an_honest_model_passes_and_little_is_asked():
    card = audited(Model())
    control = next(c for c in card.controls if c.id == "TK-SAF-04")
    mine = [f for f in card.findings if f.check == CHECK]
    assert {f.verdict for f in mine} == {"pass", "not_applicable"}
    assert control.verdict == "not_assessed"  # its other checks were not selected
    (cost,) = [cost for cost in card.evidence if cost.kind == "perturbations"]
    assert cost.model_calls <= 12


def test_one_more_of_a_few_is_no_mild_change():
    """Of a count that decides, most rows stand next to the threshold: a sound rule would not hold."""
    rng = np.random.default_rng(0)
    data = table(4000).assign(age=rng.poisson(3, 4000))

    class ByCount(Model):
        def predict(self, X):
            return (X["age"] >= 4).to_numpy().astype(int)

    sorts = Sorts.of(data[["age", "income"]])
    assert sorts.numbers["age"].values >= 10
    assert sorts.quantities == ("income",)
    assert Sorts.of(table()[["age"]]).quantities == ("age",)
    assert failed(audited(ByCount(), data)) == set()


def test_where_the_truth_is_always_the_same_the_predictions_tell_what_is_much():
    data = table().assign(y=7.5)
    keys = {"target": "y", "features": ["age", "income"], "task": "regression"}
    evidence = collect(System(lambda X: X["income"].to_numpy(), data, **keys), only=["perturbations"])
    noise = evidence.kinds["perturbations"].effects["noise", MILD, ""]
    assert (noise.flips, noise.rows) == (0, MOST[MILD])


def test_counts_by_hand():
    found = effects(ByParity())
    moved = found.effects["noise", MILD, "age"]
    assert moved.rows == MOST_OF_COLUMN
    assert moved.known == moved.rows
    values = table()["age"].to_numpy()
    assert moved.flips > 0.9 * moved.rows, "most ages move by 1"
    assert (values % 2 == 0).mean() < 0.6
    assert found.effects["case", MILD, ""] == Effect(400, 0, *found_counts(found, ("case", MILD, "")))
    assert moved.lost + moved.gained == moved.flips


def found_counts(found, key):
    effect = found.effects[key]
    assert effect.lost == effect.gained == 0
    return effect.right, 0, 0, effect.wrong


def test_a_column_of_whole_numbers_that_decides_by_parity_fails():
    assert ("column_flip", "noise", "age") in failed(audited(ByParity()))


@pytest.mark.parametrize("model", [WrongSign, Filled])
def test_a_wrong_sign_or_a_far_filler_of_a_missing_value_is_stray(model):
    card = audited(model())
    assert failed(card) == {("stray", None, "income")}
    (finding,) = [f for f in card.findings if f.metric == "stray" and f.subject["column"] == "income"]
    assert finding.estimate > 0.25


def test_decisions_by_the_letters_of_a_city_fail_and_the_spaces_are_named():
    modes = {mode for metric, mode, _ in failed(audited(ByCity())) if metric == "flip"}
    assert modes == {"case", "spacing", "look-alikes", "transliteration", "typos"}


def test_a_refusal_is_no_flip():
    found = effects(Refusing())
    refused = {key: effect.error for key, effect in found.effects.items() if effect.refused}
    assert {key[0] for key in refused} == {
        "missing", "missing-block", "unseen", "typos", "case", "spacing", "look-alikes", "transliteration",
    }  # fmt: skip
    assert refused["missing", MILD, "age"] == "ValueError"
    assert refused["unseen", MILD, ""] == "KeyError"
    assert ("unseen", SEVERE, "") not in found.effects, "what is stronger is not asked"
    assert all(effect.rows == effect.flips == 0 for effect in found.effects.values() if effect.refused)
    assert found.strays == {}
    assert any("a safe path" in note and "KeyError, ValueError" in note for note in found.notes())
    card = audited(Refusing())
    assert not failed(card)
    assert not {f.subject.get("mode") for f in card.findings if f.metric == "flip"} & {"unseen", "case"}
    (refusals,) = [f for f in card.findings if f.metric == "refused"]
    assert refusals.estimate == len(refused)


def test_a_row_without_an_answer_is_refused():
    class Abstaining(Model):
        def predict(self, X):
            decided = super().predict(X).astype(object)
            decided[X["income"].isna().to_numpy()] = None
            return decided

    found = effects(Abstaining())
    assert found.effects["missing", MILD, "income"] == Effect(refused=MOST_OF_COLUMN, error="no answer")
    some = found.effects["missing", MILD, ""]
    assert (some.error, some.rows + some.refused) == ("no answer", MOST[MILD])
    assert 80 < some.refused < 200
    assert ("missing", SEVERE, "") in found.effects, "some rows were answered"
    assert "income" not in found.strays


def test_columns_of_any_name_and_content():
    rng = np.random.default_rng(0)
    numbered = pd.DataFrame(
        {0: rng.normal(size=300), 1: rng.integers(0, 50, 300), "y": rng.integers(0, 2, 300)}
    )
    found = effects(lambda X: (X.iloc[:, 0].fillna(0) > 0).astype(int), numbered, features=["0", "1"])
    assert set(found.strays) == {"0", "1"}
    odd = pd.DataFrame({"a": rng.normal(size=300), "pair": [[1, 2]] * 300, "mixed": [1, "x", None] * 100})
    odd["day"], odd["y"] = pd.date_range("2026-01-01", periods=300), rng.integers(0, 2, 300)

    def decide(X):
        return (X["a"].fillna(0) + 3 * X["pair"].isna() - 3 * X["mixed"].isna() > 0).astype(int)

    assert set(effects(decide, odd, features=["a", "pair", "mixed", "day"]).strays) == {
        "a",
        "pair",
        "mixed",
        "day",
    }


def test_a_model_that_answers_no_more_is_an_error_not_a_refusal():
    class Dying(Model):
        dead = False

        def predict(self, X):
            self.dead |= bool(X.isna().to_numpy().any())
            if self.dead:
                raise RuntimeError("gone")
            return super().predict(X)

    evidence = collected(Dying())
    assert "ModelError" in evidence.errors["perturbations"]


def test_columns_by_place_are_found_in_another_order():
    found = effects(ByPlace())
    assert found.effects["column-order", SEVERE, ""].flips > 10
    assert found.effects["extra-column", MILD, ""].flips == 0


def test_at_most_forty_calls_of_ten_thousand_rows():
    class Wide(Model):
        calls, largest = 0, 0

        def predict(self, X):
            type(self).calls += 1
            type(self).largest = max(len(X), self.largest)
            if X.isna().to_numpy().any():
                raise ValueError("NaN")
            return (X["c0"] > 0).to_numpy().astype(int)

    rng = np.random.default_rng(0)
    data = pd.DataFrame({f"c{i}": rng.normal(size=150) for i in range(70)}).assign(
        y=lambda t: (t["c0"] > 0) * 1
    )
    names = [f"c{i}" for i in range(70)]
    found = effects(Wide(), data, features=names)
    assert Wide.calls <= 40
    assert Wide.largest <= 10_000
    assert len(found.skipped) + found.beyond > 10
    assert found.beyond == 10, "70 columns, and 60 are left out alone"
    assert any("left aside: at most 60 columns alone, and 40 calls" in note for note in found.notes())


class Clock:
    """A clock that goes on by what the model says it takes."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr("trustkit.collectors.budget.time", self)

    def perf_counter(self):
        return self.now


class Slow(Model):
    """Takes seconds a row, and so many a call."""

    def __init__(self, clock, rate, a_call=0.0):
        self.clock, self.rate, self.a_call, self.rows = clock, rate, a_call, 0

    def predict(self, X):
        self.rows += len(X)
        self.clock.now += self.rate * len(X) + self.a_call
        return super().predict(X)


class TestBudget:
    @pytest.mark.parametrize(("rate", "budget"), [(0.05, 20.0), (0.002, 2.0), (0.05, 60.0), (0.01, 3.0)])
    def test_it_is_told_first_and_kept(self, monkeypatch, rate, budget):
        clock, said = Clock(monkeypatch), []
        model = Slow(clock, rate)
        keys = {"target": "y", "favorable": 1, "features": ["age", "income", "city"]}
        system = System(model, table(), config=Config.of(options={CHECK: {"budget": budget}}), **keys)
        evidence = collect(system, only=["perturbations"], progress=lambda *each: said.append(each))
        found = evidence.kinds["perturbations"]
        assert 0.5 * budget < clock.now <= budget
        estimate = [each for each in said if each[1] == 0]
        assert estimate == [(f"perturb, about {budget:.0f} s", 0, estimate[0][2])]
        assert {stage for stage, *_ in said[: said.index(estimate[0])]} == {"perturb"}
        assert sum(done for _, done, _ in said[: said.index(estimate[0])]) <= 8 + 64, "a few rows before it"
        assert found.skipped
        assert found.pace == rate
        assert found.effects["noise", MILD, ""].rows >= 30, "what is judged comes first"
        assert any("a row: fewer rows were asked" in note for note in found.notes())

    def test_a_model_that_slows_down_is_asked_no_more(self, monkeypatch):
        clock = Clock(monkeypatch)

        class Tiring(Slow):
            def predict(self, X):
                self.rate *= 1 if len(X) < 100 else 8
                return super().predict(X)

        keys = {"target": "y", "favorable": 1, "features": ["age", "income", "city"]}
        system = System(
            Tiring(clock, 0.0002), table(), config=Config.of(options={CHECK: {"budget": 5.0}}), **keys
        )
        found = collect(system, only=["perturbations"]).kinds["perturbations"]
        assert found.skipped
        assert found.pace > 0

    def test_what_turns_and_could_not_be_tried_any_more_is_no_pass(self, monkeypatch):
        clock = Clock(monkeypatch)

        class Erring(Slow):
            def predict(self, X):
                super().predict(X)
                return WrongSign().predict(X)

        card = audited(Erring(clock, 0.01), table().assign(y=WrongSign().predict(table())), budget=10.0)
        strays = [each for each in card.findings if each.metric == "stray"]
        turned = [each for each in strays if each.estimate is None]
        assert {each.subject["column"] for each in turned} >= {"income"}
        assert "no time was left" in turned[0].message
        control = next(each for each in card.controls if each.findings)
        assert control.verdict == "not_assessed"
        assert any('options."safety/robustness".budget' in need for need in control.needs)

    def test_what_was_not_tried_stays_on_the_list(self, monkeypatch):
        fast = audited(Model())
        slow = audited(Slow(Clock(monkeypatch), 0.05), budget=20.0)
        judged = ("flip", "column_flip", "stray")
        listed, known = (
            {(f.metric, *f.subject.values()) for f in card.findings if f.metric in judged and has(f)}
            for card, has in ((fast, lambda f: True), (slow, lambda f: f.estimate is not None))
        )
        assert known < listed
        left = [f for f in slow.findings if f.metric in judged and f.estimate is None]
        assert {(f.metric, *f.subject.values()) for f in left} == listed - known
        assert all("no time, or no call of the model, was left to try it" in f.message for f in left)
        assert not any(f.verdict == "pass" for f in left)
        assert {control.verdict for control in slow.controls if control.findings} == {"not_assessed"}

    def test_with_no_time_at_all_each_change_is_named(self):
        keys = {"target": "y", "favorable": 1, "features": ["age", "income", "city"]}
        system = System(Model(), table(), config=Config.of(options={CHECK: {"budget": 1e-9}}), **keys)
        found = collect(system, only=["perturbations"]).kinds["perturbations"]
        assert not found.effects
        names = {("flip", "noise", None), ("column_flip", "noise", "age"), ("stray", None, "city")}
        nothing = Perturbations(found.schema, found.of, 30, {}, {}, found.skipped, 0, 1.0)
        estimates = robustness(nothing, judged=("flip", "column_flip", "stray"))
        left = {(e.metric, e.subject.get("mode"), e.subject.get("column")): e for e in estimates}
        assert {*left} >= names
        assert all(np.isnan(e.value) and e.why and "budget" in e.supply for e in left.values())
        assert not list(robustness(nothing)), "what is merely shown is left out"

    def test_a_fast_model_is_asked_all(self):
        found = effects(Model())
        assert (found.skipped, found.beyond, found.pace) == ((), 0, 0)
        assert found.effects["noise", MILD, ""].rows == MOST[MILD]

    def test_a_call_with_a_cost_of_its_own_is_not_taken_for_a_slow_model(self, monkeypatch):
        clock = Clock(monkeypatch)
        model, budget = Slow(clock, 1e-5, a_call=0.02), Budget(20.0)
        budget.measure(model.predict, table(), 20_000)
        assert budget.share(20_000) == 1.0
        assert clock.now < 0.1

    @pytest.mark.parametrize("budget", [0, -1.0, float("inf"), float("nan")])
    def test_it_is_a_number_above_0(self, budget):
        with pytest.raises(ConfigError) as caught:
            audited(Model(), budget=float(budget))
        assert caught.value.problems[0].key == f'options."{CHECK}".budget'

    def test_no_time_is_no_division_by_zero(self):
        assert Budget(1.0).share(0) == 1.0
        assert Budget(1.0).affords(10)


def test_a_predicted_number_flips_where_it_moves_by_half_a_spread_or_by_what_is_declared():
    def predicted(X):
        return np.nan_to_num(X["income"].to_numpy(dtype=float), nan=50.0)

    data = table().assign(y=lambda t: t["income"])
    keys = {"favorable": None, "task": "regression"}
    found = effects(predicted, data, **keys)
    assert found.effects["noise", SEVERE, ""].flips > 20
    assert found.effects["noise", MILD, ""].flips == 0
    alone = found.effects["missing", MILD, "income"]
    assert alone.right + alone.lost == alone.rows, "the truth is the prediction"
    assert alone.flips == alone.lost
    assert found.strays["income"] == (MOST_OF_COLUMN, 0)
    config = Config.of(options={CHECK: {"tolerance": 0.01}})
    system = System(
        predicted, data, config=config, target="y", task="regression", features=["age", "income", "city"]
    )
    strict = collect(system, only=["perturbations"]).kinds["perturbations"]
    assert strict.effects["noise", MILD, ""].flips > 300
    for wrong in (-1.0, 0.0, float("inf")):
        with pytest.raises(ConfigError, match="tolerance"):
            audited(Model(), tolerance=wrong)


def test_without_a_truth_flips_alone():
    found = effects(Model(), table().drop(columns="y"), target=None)
    assert found.effects["noise", MILD, ""].known == 0
    assert {metric for metric, *_ in told(found)} == {
        "flip", "column_flip", "stray", "gap_flip", "moderate_flip", "severe_flip",
    }  # fmt: skip


def test_of_one_person_one_row():
    data = table(300).assign(who=lambda t: t.index // 3)
    found = effects(Model(), data, unit="who")
    assert (found.drawn, found.of) == (100, 300)
    assert "one a person" in found.notes()[0]
    weighted = effects(Model(), table(300).assign(w=2.0), weight="w")
    assert weighted.notes()[-1] == "each row counts once: weights are left aside"


def test_polars_gives_what_pandas_gives():
    assert effects(Model(), pl.from_pandas(table())).to_json() == effects(Model()).to_json()


def test_no_model_or_few_rows():
    evidence = collected(None, table().assign(d=1), prediction="d")
    assert evidence.absent["perturbations"][1].startswith("system.model")
    assert collected(Model(), table(20)).absent["perturbations"][1] == "more rows in data.audit"


def test_shares_have_exact_limits_and_a_loss_those_of_two_shares():
    effect = Effect(200, 30, 120, 25, 5, 50)
    key = ("noise", MILD, "")
    found = told(Perturbations(perturbations_of(0).schema, 200, 200, {key: effect}, {"age": (100, 7)}))
    exact = binomtest(30, 200).proportion_ci(0.9, method="exact")
    assert found["flip", "noise", None].interval(0.05) == pytest.approx((exact.low, exact.high))
    loss = found["loss", "noise", None]
    assert loss.value == pytest.approx((25 - 5) / 200)
    a, b = (proportions(np.array([k / 200]), np.array([200.0])) for k in (25, 5))
    assert loss.interval(0.05)[0] == pytest.approx(float(Difference.of_shares(a, b).lower(0.05)[0]))
    assert loss.interval(0.05)[0] < 0.1 < loss.interval(0.05)[1]
    assert found["stray", None, "age"].value == 0.07


@pytest.mark.parametrize("n", [30, 100, 200, 400])
def test_at_its_limit_a_share_is_failed_or_passed_by_at_most_the_level(n):
    k = np.arange(n + 1)
    limits, chance = proportions(k / n, np.full(n + 1, float(n))), binom.pmf(k, n, 0.15)
    for level in (0.05, 0.005, 0.0005):
        assert chance[limits.lower(level) > 0.15].sum() <= level
        assert chance[limits.upper(level) < 0.15].sum() <= level


def test_of_what_is_not_judged_the_largest_are_shown():
    sample = perturbations_of(400)
    few, all_of = told(sample), told(sample, judged=("gap_flip", "loss", "severe_flip"))
    assert sum(metric == "severe_flip" for metric, *_ in few) == 1
    assert sum(metric == "severe_flip" for metric, *_ in all_of) == 3
    largest = max(v.value for (metric, *_), v in all_of.items() if metric == "severe_flip")
    assert [v.value for (metric, *_), v in few.items() if metric == "severe_flip"] == [largest]
    with pytest.raises(NotApplicable):
        robustness(perturbations_of(0))


def test_evidence_adds_and_goes_to_a_file_and_is_shared(tmp_path):
    data = table()
    shards = [collected(ByParity(), data[i::2]) for i in (0, 1)]
    both = (shards[0] + shards[1]).kinds["perturbations"]
    one = shards[0].kinds["perturbations"].effects["noise", MILD, "age"]
    assert both.effects["noise", MILD, "age"].rows == 2 * one.rows
    assert both.strays["age"][0] == 2 * MOST_OF_COLUMN
    shards[0].save(tmp_path / "e.json")
    again = Evidence.load(tmp_path / "e.json").kinds["perturbations"]
    assert again == shards[0].kinds["perturbations"]
    assert shards[0].without_small_cells(1).kinds["perturbations"] == again
    few = shards[0].without_small_cells(5)
    assert "perturbations" not in few.kinds
    assert "counts under 5" in few.absent["perturbations"][0]
    with pytest.raises(ValueError, match="do not add"):
        perturbations_of(5) + perturbations_of(5, task="regression")
    sum_of = Effect(refused=3, error="KeyError") + Effect(refused=4, error="ValueError, KeyError")
    assert (sum_of.refused, sum_of.error) == (7, "KeyError, ValueError")


def test_a_seed_gives_the_same_counts_and_another_other_rows():
    one, same, other = (effects(ByParity(), seed=seed).to_json() for seed in (1, 1, 2))
    assert one == same
    assert one["effects"] != other["effects"]
