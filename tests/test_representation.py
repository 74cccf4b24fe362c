"""Shares of the data are held against the population, and what groups lack is seen."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from test_cells import RACES, SEXES, count, rows_of

import trustkit as tk
from trustkit.checks.bias.representation import MOST_COLUMNS, representation
from trustkit.collectors import collect
from trustkit.errors import ConfigError
from trustkit.evidence import Evidence
from trustkit.evidence.population import Population
from trustkit.evidence.profiles import Groups, Profile, Profiles
from trustkit.evidence.sharing import without_small_cells
from trustkit.system import System
from trustkit.testing import assert_kind

SHARES = {"sex": {"F": 0.5, "M": 0.5}, "race": {"a": 0.6, "b": 0.3, "c": 0.08, "d": 0.02}}


def profile_of(n, columns=("income", "region"), seed=0, size=None):
    """Profile of `n` rows in which some values are missing."""
    rng = np.random.default_rng([n, seed])
    missing = rng.random((n, len(columns))) < 0.2
    groups = {}
    for name, labels in (("sex", SEXES), ("race", RACES)):
        codes = rng.integers(0, len(labels), n)
        rows = np.bincount(codes, minlength=len(labels))
        lacking = np.array([missing[codes == code].sum(axis=0) for code in range(len(labels))])
        there = np.flatnonzero(rows)
        lacking = lacking.reshape(len(labels), len(columns))
        groups[name] = Groups(tuple(labels[i] for i in there), rows[there], lacking[there])
    return Profile(columns, n, missing.sum(axis=0), groups, size)


def profiles_of(n, train=200, unit=False):
    """Profiles as a check sees them."""
    declared = {"attributes": ["sex", "race"], "bins": {}, "columns": ["income", "region"]}
    size = None if unit else float(n)
    return Profiles(
        declared, profile_of(n, size=size), profile_of(train, seed=1, size=train) if train else None
    )


def profiles():
    """One for each sample of cells."""
    made = [profiles_of(600), profiles_of(600, train=0), profiles_of(600, unit=True), profiles_of(0)]
    return [*made, profiles_of(7), profiles_of(300)]


def populations():
    """One for each sample of cells."""
    return [Population(SHARES), Population({"sex": SHARES["sex"]}), *[Population(SHARES)] * 4]


def people(n=1000, women=0.3, seed=3):
    """A log in which incomes of women are missing more often."""
    rng = np.random.default_rng(seed)
    sex = np.where(rng.random(n) < women, "F", "M")
    income = np.where(rng.random(n) < np.where(sex == "F", 0.4, 0.1), np.nan, 1.0)
    return pd.DataFrame({"sex": sex, "income": income, "age": 40, "y": rng.integers(0, 2, n), "d": 1})


POPULATION = pd.DataFrame({"attribute": ["sex"] * 2, "group": ["F", "M"], "share": [0.5, 0.5]})
KEYS = {"target": "y", "prediction": "d", "favorable": 1, "sensitive": ["sex"]}


def card_of(table, **keys):
    return tk.audit(data=table, policy="unga-78-265", only=["bias/representation"], **{**KEYS, **keys})


def control_of(card):
    return next(control for control in card.controls if control.id == "TK-FAI-01")


def found(card, metric, subject=None):
    return [f for f in card.findings if f.metric == metric and subject in (None, f.subject)]


class TestShares:
    def test_they_are_those_of_the_rows_with_exact_limits(self):
        table = people()
        women = int((table.sex == "F").sum())
        (finding,) = found(card_of(table), "share", {"groups": {"sex": "F"}})
        assert finding.estimate == women / 1000
        exact = binomtest(women, 1000).proportion_ci(finding.level, method="exact")
        assert finding.interval == pytest.approx(tuple(exact), abs=1e-12)

    def test_a_group_that_is_short_fails_and_the_others_pass(self):
        card = card_of(people(), population=POPULATION)
        short, long = found(card, "share_ratio")
        women = (people().sex == "F").mean()
        assert short.estimate == pytest.approx(2 * women)
        assert (short.verdict, long.verdict) == ("fail", "pass")
        assert short.limit == {"min": 0.8, "source": "trustkit default: after 29 CFR 1607.4(D)"}
        low, high = binomtest(round(women * 1000), 1000).proportion_ci(short.level, method="exact")
        assert short.interval == pytest.approx((2 * low, 2 * high), abs=1e-9)
        assert short.n == 1000

    def test_rows_that_would_settle_it_are_rows_of_all(self):
        card = card_of(people(150, women=0.42), population=POPULATION)
        (open_,) = [f for f in found(card, "share_ratio") if f.verdict == "inconclusive"]
        assert open_.rows_needed > 150
        assert f"about {open_.rows_needed:,} more rows" in control_of(card).needs

    def test_rows_without_a_group_and_outside_of_the_population_are_left_out_of_the_ratio(self):
        table = people()
        table.loc[:99, "sex"] = None
        table.loc[100:149, "sex"] = "not human"
        population = pd.concat(
            [POPULATION, pd.DataFrame({"attribute": ["sex"], "group": ["not human"], "share": [0.0]})]
        )
        card = card_of(table, population=population)
        women = (table.sex == "F").sum()
        (ratio,) = found(card, "share_ratio", {"groups": {"sex": "F"}})
        assert ratio.estimate == pytest.approx(women / 850 / 0.5)
        assert ratio.n == 850
        (share,) = found(card, "share", {"groups": {"sex": "F"}})
        assert share.estimate == women / 1000
        assert len(found(card, "share_ratio")) == 2

    def test_weights_count(self):
        table = people().assign(w=lambda t: np.where(t.sex == "F", 3.0, 1.0))
        (share,) = found(card_of(table, weight="w"), "share", {"groups": {"sex": "F"}})
        women = (table.sex == "F").sum()
        assert share.estimate == pytest.approx(3 * women / (3 * women + 1000 - women))
        exact = binomtest(women, 1000).proportion_ci(share.level, method="exact")
        assert share.interval[1] - share.interval[0] > exact.high - exact.low

    def test_rows_of_one_person_widen_the_interval(self):
        table = pd.concat([people(200)] * 5, ignore_index=True)
        table["person"] = table.index % 200
        whole, clustered = (
            found(card_of(table, **keys), "share", {"groups": {"sex": "F"}})[0]
            for keys in ({}, {"unit": "person"})
        )
        assert whole.estimate == clustered.estimate
        width = [f.interval[1] - f.interval[0] for f in (whole, clustered)]
        assert width[1] > 2 * width[0]

    def test_a_single_group_is_held_against_the_population_too(self):
        card = card_of(people(women=0), population=POPULATION)
        verdicts = {f.subject["groups"]["sex"]: str(f.verdict) for f in found(card, "share_ratio")}
        assert verdicts == {"F": "fail", "M": "pass"}
        (absent,) = found(card, "absent")
        assert absent.estimate == 1
        assert absent.message.endswith("They are sex=F")


class TestTrain:
    def test_training_rows_are_judged_alike(self):
        card = card_of(people(women=0.5), train=people(women=0.2, seed=5), population=POPULATION)
        verdicts = {f.subject["groups"]["sex"]: str(f.verdict) for f in found(card, "train_share_ratio")}
        assert verdicts == {"F": "fail", "M": "pass"}
        assert {str(f.verdict) for f in found(card, "share_ratio")} == {"pass"}
        assert len(found(card, "train_share")) == 2

    def test_groups_that_only_one_of_the_tables_has(self):
        train = people(seed=5)
        train.loc[:9, "sex"] = "X"
        table = people()
        table.loc[:9, "sex"] = "Y"
        card = card_of(table, train=train)
        assert found(card, "absent")[0].message.endswith("They are sex=X")
        assert found(card, "train_absent")[0].message.endswith("They are sex=Y")

    def test_training_rows_without_the_attribute_are_not_held_against_it(self):
        card = card_of(people(), train=people(seed=5).drop(columns="sex"), population=POPULATION)
        assert not found(card, "train_share")
        assert not found(card, "train_absent")

    def test_rows_of_one_person_count_as_fewer(self):
        train = pd.concat([people(100, seed=5)] * 4, ignore_index=True)
        train["person"] = train.index % 100
        table = people().assign(person=range(1000))
        one, other = (
            found(card_of(table, train=train, **keys), "train_share", {"groups": {"sex": "F"}})[0]
            for keys in ({}, {"unit": "person"})
        )
        women = round(other.estimate * 100)
        assert other.interval == pytest.approx(
            tuple(binomtest(women, 100).proportion_ci(other.level)), abs=1e-9
        )
        assert one.interval[0] > other.interval[0]

    def test_training_rows_without_their_persons_have_no_interval(self):
        train, table = people(seed=5), people().assign(person=range(1000))
        card = card_of(table, train=train, population=POPULATION, unit="person")
        for finding in found(card, "train_share_ratio"):
            assert (finding.verdict, finding.interval) == ("inconclusive", None)
            assert finding.why == "the rows of one person are not independent: no interval"


class TestWithoutAPopulation:
    def test_the_claim_is_not_assessed_and_the_figures_are_shown(self):
        card = card_of(people())
        control = control_of(card)
        assert control.verdict == "not_assessed"
        assert control.needs[0] == "supply data.population: a table of attribute, group and share"
        (lacking,) = found(card, "share_ratio")
        assert (lacking.verdict, lacking.why) == ("not_applicable", "no population is declared")
        assert lacking.message.endswith("over that of the population: no population is declared")
        for metric in ("share", "base_rate", "base_rate_difference", "missing", "missing_difference"):
            assert found(card, metric)
        assert not [f for f in card.findings if f.limit]
        assert not found(card, "absent")

    def test_an_attribute_without_shares_is_not_assessed_though_the_others_pass(self):
        table = people(women=0.5).assign(region=["n", "s"] * 500)
        card = card_of(table, population=POPULATION, sensitive=["sex", "region"])
        control = control_of(card)
        assert {str(f.verdict) for f in found(card, "share_ratio") if f.limit} == {"pass"}
        assert control.verdict == "not_assessed"
        assert control.needs[0] == "supply data.population: the shares of region"

    def test_a_removed_limit_needs_no_population(self):
        limits = {"bias/representation": {"min_share_ratio": False, "max_base_rate_difference": 0.2}}
        card = card_of(people(2000), limits=limits)
        assert "population" not in " ".join(control_of(card).needs)
        assert {str(f.verdict) for f in card.findings if f.limit} == {"pass"}


class TestBaseRates:
    def test_the_gap_is_shown_once_and_judged_in_pairs(self):
        table = people(2000)
        rates = table.groupby("sex").y.mean()
        shown = found(card_of(table), "base_rate_difference")
        assert [abs(f.estimate) for f in shown] == [pytest.approx(abs(rates["F"] - rates["M"]))]
        table["sex"] = np.where(table.index < 500, "X", table.sex)
        (shown,) = found(card_of(table), "base_rate_difference")
        assert shown.interval is None
        assert shown.why == "the largest of 3 comparisons, chosen after looking: no interval"
        limits = {"bias/representation": {"max_base_rate_difference": 0.1}}
        judged = found(card_of(table, limits=limits), "base_rate_difference")
        assert len(judged) == 6
        assert all(f.interval for f in judged)

    def test_each_class_is_taken_where_none_is_declared(self):
        table = (
            people()
            .assign(y=["a", "b", "c", "a"] * 250, d="a")
            .drop(columns="sex")
            .assign(sex=["F", "M"] * 500)
        )
        card = tk.audit(
            data=table,
            policy="unga-78-265",
            only=["bias/representation"],
            target="y",
            prediction="d",
            sensitive=["sex"],
        )
        found_ = {
            (f.subject["groups"]["sex"], f.subject["class"]): f.estimate for f in found(card, "base_rate")
        }
        assert found_["F", "a"] == 0.5
        assert found_["M", "a"] == 0.5
        assert (found_["F", "b"], found_["M", "b"]) == (0, 0.5)

    @pytest.mark.parametrize(
        "keys", [{"target": None}, {"target": "amount", "prediction": None, "favorable": None}]
    )
    def test_without_classes_there_are_none_and_the_rest_stands(self, keys):
        table = people().assign(amount=np.random.default_rng(1).random(1000))
        keys = {**KEYS, **keys, "population": POPULATION}
        given = {key: value for key, value in keys.items() if value is not None}
        card = tk.audit(data=table, policy="unga-78-265", only=["bias/representation"], **given)
        assert not found(card, "base_rate")
        assert len(found(card, "share_ratio")) == 2
        assert found(card, "missing_difference")


class TestMissing:
    def test_shares_of_the_rows_of_each_group(self):
        table = people()
        card = card_of(table)
        lacking = table.income.isna().groupby(table.sex).mean()
        for sex in "FM":
            (finding,) = found(card, "missing", {"groups": {"sex": sex}, "column": "income"})
            assert finding.estimate == lacking[sex]
        (gap,) = found(card, "missing_difference")
        assert abs(gap.estimate) == pytest.approx(lacking["F"] - lacking["M"])
        (whole,) = found(card, "missing", {})
        assert whole.estimate == pytest.approx(table[["sex", "income", "age"]].isna().mean().mean())

    def test_the_widest_gaps_are_shown_and_all_are_judged(self):
        rng = np.random.default_rng(2)
        table = people(3000)
        for i in range(8):
            table[f"x{i}"] = np.where((table.sex == "F") & (rng.random(3000) < i / 20), np.nan, 1.0)
        shown = {f.subject["column"] for f in found(card_of(table), "missing_difference")}
        assert shown == {"income", "x7", "x6", "x5", "x4"}
        assert len(shown) == MOST_COLUMNS
        limits = {"bias/representation": {"max_missing_difference": 0.25}}
        card = card_of(table, limits=limits)
        judged = {
            f.subject["column"]: str(f.verdict) for f in found(card, "missing_difference") if f.estimate > 0
        }
        assert (judged["x7"], judged["x1"], judged["income"]) == ("fail", "pass", "inconclusive")
        claims = [f for f in found(card, "missing_difference") if f.limit]
        assert {f.subject["column"] for f in claims} == {"income", "age", *(f"x{i}" for i in range(8))}

    def test_the_attribute_itself_is_no_gap(self):
        table = people()
        table.loc[:99, "sex"] = None
        columns = {f.subject["column"] for f in found(card_of(table), "missing_difference")}
        assert columns == {"income"}


class TestProfiles:
    def test_three_shards_are_the_whole(self):
        table = people(90)
        keys = {**KEYS, "train": people(50)}
        whole = collect(System(None, table, **keys), only=["profiles"]).kinds["profiles"]
        parts = [
            collect(System(None, table.iloc[i::3], **keys), only=["profiles"]).kinds["profiles"]
            for i in range(3)
        ]
        assert (parts[0] + parts[1] + parts[2]).to_json() == whole.to_json()
        assert whole.audit.rows == 90
        assert whole.train.rows == 50

    def test_other_training_rows_do_not_add(self):
        one, other = (
            collect(System(None, people(), train=people(50, seed=seed), **KEYS), only=["profiles"])
            for seed in (1, 2)
        )
        with pytest.raises(ConfigError, match=r"profiles\.train differs"):
            one + other
        with pytest.raises(ValueError, match="different schemas"):
            one.kinds["profiles"] + other.kinds["profiles"]

    def test_bins_are_groups_of_both_tables(self):
        keys = {**KEYS, "sensitive": ["age"], "bins": {"age": [30, 50]}}
        table, train = people().assign(age=range(1000)), people(40).assign(age=range(40))
        made = collect(System(None, table, train=train, **keys), only=["profiles"]).kinds["profiles"]
        assert made.audit.groups["age"].labels == ("<30", "30..<50", ">=50")
        assert made.train.groups["age"].rows.tolist() == [30, 10]

    def test_a_training_column_that_is_no_number_is_named(self):
        keys = {**KEYS, "sensitive": ["age"], "bins": {"age": [30]}}
        with pytest.raises(ConfigError, match=r"data\.train: column 'age'"):
            collect(System(None, people(), train=people().assign(age="old"), **keys), only=["profiles"])

    def test_shared_profiles_hold_no_small_count(self):
        table = people(200, women=0.5)
        table.loc[:2, "sex"] = "X"
        table.loc[3:5, "sex"] = "Y"
        table.loc[20, "age"] = np.nan
        made = collect(System(None, table, **KEYS), only=["profiles"]).kinds["profiles"]
        shared = made.without_small_cells(5)
        groups = shared.audit.groups["sex"]
        assert groups.labels[-1] == "(other)"
        assert groups.rows[-1] == 6
        present = groups.rows[:, None] - groups.missing
        for counts in (groups.rows, groups.missing, present, shared.audit.missing):
            assert not ((counts > 0) & (counts < 5)).any()
        assert shared.notes()
        with pytest.raises(ValueError, match="pooled"):
            shared + shared

    def test_a_check_of_shared_evidence_tells_no_absent_groups(self):
        cells = count(rows_of(400, seed=1), weighted=False, unit=False)
        shared = without_small_cells(cells, 5), profiles_of(400).without_small_cells(5)
        estimates = representation(*shared, Population(SHARES))
        assert not [e for e in estimates if e.metric == "absent"]
        assert [
            e for e in representation(cells, profiles_of(400), Population(SHARES)) if e.metric == "absent"
        ]

    def test_it_survives_sharing_and_a_file(self, tmp_path):
        evidence = collect(
            System(None, people(), train=people(50), population=POPULATION, **KEYS),
            only=["cells", "population", "profiles"],
        ).without_small_cells(5)
        evidence.save(tmp_path / "e.json")
        again = Evidence.load(tmp_path / "e.json")
        assert again.kinds["profiles"].to_json() == evidence.kinds["profiles"].to_json()
        card = tk.judge(again, "unga-78-265", only=["bias/representation"])
        assert {str(f.verdict) for f in found(card, "share_ratio")} == {"fail", "pass"}

    def test_pooled_groups_share_what_is_left_of_the_population(self):
        table = rows_of(500, seed=1)
        table["race"] = np.where(np.arange(500) < 100, table["race"], 0)
        pooled = without_small_cells(count(table, weighted=False, unit=False), 15)
        labels = {group["race"] for group in pooled.table(("race",)).groups}
        assert "(other)" in labels
        estimates = representation(pooled, profiles_of(0, train=0), Population(SHARES))
        ratios = {e.subject["groups"]["race"]: e for e in estimates
                  if e.metric == "share_ratio" and "race" in e.subject["groups"]}  # fmt: skip
        left = sum(share for label, share in SHARES["race"].items() if label not in labels)
        rows = dict(
            zip(
                (g["race"] for g in pooled.table(("race",)).groups), pooled.table(("race",)).rows, strict=True
            )
        )
        assert ratios["(other)"].value == pytest.approx(rows["(other)"] / sum(rows.values()) / left)


class TestPopulation:
    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"share": [0.5, 0.4]}, "the shares of 'sex' sum to 0.9, not 1"),
            ({"share": [50, 50]}, "sum to 100, not 1: are they percentages? divide by 100"),
            ({"share": [-0.5, 1.5]}, "'F' of 'sex' has the negative share -0.5"),
            ({"share": [None, 1.0]}, "'F' of 'sex' has no share"),
            ({"share": ["half", "half"]}, "column 'share' is text, and in row 1 not a number"),
            ({"attribute": ["Sex"] * 2}, "'Sex' is not among data.sensitive; did you mean 'sex'?"),
            ({"group": ["F", "F"]}, "'F' of 'sex' occurs twice"),
            ({"group": [None, "M"]}, "a row of 'sex' names no group"),
            ({"group": ["Fe", "M"]}, "'F' of 'sex' occurs in the data and has no share; 0 leaves its rows"),
            ({"group": ["Fe", "M"]}, "; did you mean 'Fe'?"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_with_it(self, change, says):
        with pytest.raises(ConfigError) as caught:
            card_of(people(), population=POPULATION.assign(**change))
        assert says in str(caught.value)
        assert str(caught.value).startswith("data.population: ")

    def test_columns_and_bins_are_named(self):
        with pytest.raises(ConfigError, match="there is no column 'share'; did you mean 'shares'"):
            card_of(people(), population=POPULATION.rename(columns={"share": "shares"}))
        ages = pd.DataFrame({"attribute": ["age"] * 2, "group": ["<30", "30+"], "share": [0.5, 0.5]})
        with pytest.raises(ConfigError, match=r"'30\+' of 'age' is none of the bins <30, >=30"):
            card_of(people(), population=ages, sensitive=["age"], bins={"age": [30]})

    def test_what_can_be_told_without_the_data_is_told_with_the_rest(self):
        with pytest.raises(ConfigError) as caught:
            card_of(people(), population=POPULATION.assign(share=[1, 1]), target="yy")
        assert {problem.key for problem in caught.value.problems} == {"data.population", "data.target"}

    def test_rounded_shares_are_made_to_sum_to_one(self):
        thirds = POPULATION.assign(share=[0.333, 0.664])
        made = collect(System(None, people(), population=thirds, **KEYS), only=["population"])
        assert sum(made.kinds["population"].shares["sex"].values()) == pytest.approx(1)

    def test_a_file_is_an_input(self, tmp_path):
        people().to_csv(tmp_path / "log.csv", index=False)
        POPULATION.to_csv(tmp_path / "census.csv", index=False)
        (tmp_path / "trustkit.toml").write_text(
            '[data]\naudit = "log.csv"\npopulation = "census.csv"\n'
            'prediction = "d"\nfavorable = 1\nsensitive = ["sex"]\n'
        )
        card = tk.audit(config=tmp_path, only=["bias/representation"])
        assert ("population", "census.csv", 2) in {(i.role, i.path, i.rows) for i in card.run.inputs}
        assert found(card, "share_ratio")[0].verdict == "fail"

    def test_it_adds_to_itself_alone(self):
        assert_kind([Population(SHARES)] * 3, Population(SHARES))
        with pytest.raises(ValueError, match="differ"):
            Population(SHARES) + Population({})


def test_without_a_sensitive_attribute_it_is_not_applicable():
    cells = count(rows_of(5), weighted=False, unit=False)
    nobody = replace(cells, schema={**cells.schema, "attributes": []})
    with pytest.raises(tk.NotApplicable, match="no sensitive attribute"):
        representation(nobody, profiles_of(5), None)
