"""The tables of Local Law 144: rates above an exact median, ratios, small and unknown categories, no mark."""

import csv
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_cells import count, rows_of

import trustkit as tk
from trustkit.checks.bias.impact_ratio import impact_ratio
from trustkit.collectors import collect
from trustkit.errors import ConfigError
from trustkit.evidence.sharing import without_small_cells
from trustkit.measure.medians import AboveMedian
from trustkit.policy import Policy
from trustkit.renderers.impact_ratio import tables
from trustkit.system import System

OPTION = 'options."bias/impact-ratio".attributes'
CONTROL = """
id = "p"
version = "1"
title = "P"
[[controls]]
id = "A-1"
title = "T"
requirement = "R."
principle = "trustworthy"
area = "bias"
severity = "high"
[[controls.checks]]
check = "bias/impact-ratio"
reported = true
"""
ATTESTED = {
    id: {"statement": "So it is.", "by": "A. Auditor", "on": "2026-11-01", "expires": "2027-10-01"}
    for id in ("LL144-300", "LL144-302", "LL144-303", "LL144-304")
}


def scored(score, sex=None, seed=0):
    """A table of scores with two sexes and three races."""
    rng = np.random.default_rng(seed)
    n = len(score)
    sex = rng.choice(["F", "M"], n) if sex is None else sex
    return pd.DataFrame({"sex": sex, "race": rng.choice(["a", "b", "c"], n), "score": score})


def cells_of(table, **keys):
    keys = {"score": "score", "sensitive": ["sex", "race"], **keys}
    return collect(System(None, table, **keys), only=["cells"]).kinds["cells"]


def rates(estimates, metric="scoring_rate"):
    return {
        tuple(e.subject["groups"].values()): e
        for e in estimates
        if e.metric == metric and "class" not in e.subject
    }


def card_of(table, **keys):
    keys = {"sensitive": ["sex", "race"], "policy": "nyc-ll144", "as_of": "2026-11-23", **keys}
    return tk.audit(data=table, **keys)


def control_of(card, id="LL144-301"):
    return next(control for control in card.controls if control.id == id)


class TestTheMedian:
    @given(
        st.lists(st.floats(0, 1).map(lambda x: round(x, 3)), min_size=1, max_size=60)
        | st.lists(st.floats(0, 1), min_size=1, max_size=60)
    )
    @settings(max_examples=150, deadline=None)
    def test_the_share_above_lies_where_it_is_said_to_lie(self, score):
        score = np.array(score)
        table = scored(score)
        cells = cells_of(table)
        above = AboveMedian.of(cells)
        low, high = above.median
        median = np.median(score)
        assert low - 1e-4 <= median <= high + 1e-4
        grouping = cells.grouping(("sex",))
        n, least, most, mean = above.by_group(grouping.of(cells.block), len(grouping.groups))
        for place, group in enumerate(grouping.groups):
            mine = score[table.sex == group["sex"]]
            # scores that differ by less than this may count as equal
            counted = [(mine > median + step).sum() for step in (1e-4, -1e-4)]
            assert n[place] == len(mine)
            assert least[place] <= counted[1]
            assert most[place] >= counted[0]
            assert least[place] <= mean[place] <= most[place]

    @pytest.mark.parametrize("digits", [1, 2, 3])
    @pytest.mark.parametrize("n", [7, 500, 20_000])
    def test_it_is_exact_for_scores_of_few_digits(self, digits, n):
        score = np.round(np.random.default_rng(n).beta(2, 3, n), digits)
        table = scored(score)
        found = rates(impact_ratio(cells_of(table)))
        for (sex,), e in [(key, e) for key, e in found.items() if len(key) == 1 and key[0] in "FM"]:
            assert e.value == (score[table.sex == sex] > np.median(score)).mean()
            assert e.note is None

    def test_it_is_exact_for_few_people(self):
        score = np.random.default_rng(3).random(160)
        table = scored(score)
        for e in (e for e in impact_ratio(cells_of(table)) if e.metric == "scoring_rate"):
            mine = np.logical_and.reduce(
                [table[name] == label for name, label in e.subject["groups"].items()]
            )
            assert e.value == (score[mine] > np.median(score)).mean()
            assert e.note is None

    def test_of_many_scores_in_the_bin_of_the_median_the_bounds_are_told(self):
        rng = np.random.default_rng(4)
        score = np.concatenate([rng.uniform(0, 1, 500), rng.uniform(0.4991, 0.4999, 500)])
        table = scored(score)
        found = rates(impact_ratio(cells_of(table)))
        e = found["F",]
        true = (score[table.sex == "F"] > np.median(score)).mean()
        low, high = (float(word.rstrip(":")) for word in e.note.split()[1:4:2])
        assert low <= true <= high
        assert high - low > 0.2
        assert e.note.endswith("some scores lie too near the median to tell on which side")
        assert "Between" in rates(impact_ratio(cells_of(table)), "impact_ratio")["F",].note

    def test_ties_with_the_median_are_not_above(self):
        score = np.array([0.2] * 3 + [0.5] * 4 + [0.8] * 3)
        table = scored(score, sex=np.array(list("FFFMMMMFFF")))
        found = rates(impact_ratio(cells_of(table)))
        assert found["F",].value == 0.5
        assert found["M",].value == 0

    def test_the_middle_of_an_even_number_is_between_two(self):
        table = scored(np.array([0.2] * 10 + [0.7] * 10))
        (median,) = [e for e in impact_ratio(cells_of(table)) if e.metric == "median"]
        assert (median.value, median.n, median.note) == (0.45, 20, None)

    def test_the_full_sample_holds_whoever_is_unknown(self):
        score = np.array([0.2] * 10 + [0.6] * 10 + [0.9] * 30)
        table = scored(score, sex=np.array(["F"] * 10 + ["M"] * 10 + [None] * 30))
        estimates = impact_ratio(cells_of(table))
        assert rates(estimates)["M",].value == 0
        assert rates(estimates, "unknown")["(unknown)",].value == 30

    def test_rows_without_a_score_are_no_applicants(self):
        table = scored(np.where(np.arange(100) < 20, np.nan, 0.5))
        estimates = impact_ratio(cells_of(table))
        assert (
            sum(e.value for key, e in rates(estimates, "applicants").items() if key in (("F",), ("M",))) == 80
        )

    def test_three_shards_are_the_whole(self):
        table = scored(np.round(np.random.default_rng(5).random(300), 2))
        parts = [cells_of(table.iloc[i::3]) for i in range(3)]
        whole = [(e.metric, e.subject, e.value, e.note) for e in impact_ratio(cells_of(table))]
        assert [
            (e.metric, e.subject, e.value, e.note) for e in impact_ratio(sum(parts[1:], parts[0]))
        ] == whole

    def test_none_without_a_score(self):
        with pytest.raises(tk.NotApplicable, match="no row has a score"):
            impact_ratio(count(rows_of(0), weighted=False, unit=False), basis="scoring")


HIRED = pd.DataFrame(
    {
        "sex": [*"FFFFMMMMM"],
        "race": [*"aabbaabbc"],
        "hired": [1, 0, 1, 0, 1, 0, 1, 0, 1],
        "count": [30, 70, 20, 80, 60, 40, 50, 50, 6],
    }
)
HIRED = HIRED.loc[HIRED.index.repeat(HIRED.pop("count"))].reset_index(drop=True)
DECIDED = {"prediction": "hired", "favorable": 1}


class TestSelection:
    def test_rates_and_ratios_of_each_table(self):
        cells = cells_of(HIRED, score=None, **DECIDED)
        found = rates(impact_ratio(cells), "impact_ratio")
        assert found["F",].value == pytest.approx((50 / 200) / (116 / 206))
        assert found["M",].value == 1
        assert found["F", "b"].value == pytest.approx(0.2 / 0.6)
        assert found["M", "a"].value == 1
        assert np.isnan(found["M", "c"].value)
        assert found["M", "c"].why == "under 2 % of the data: left out of the ratios"
        assert rates(impact_ratio(cells), "selection_rate")["M", "c"].value == 1
        assert found["F", "b"].reference_n == 100

    def test_small_categories_may_be_compared_or_compared_with(self):
        cells = cells_of(HIRED, score=None, **DECIDED)
        all_ = rates(impact_ratio(cells, min_share=0), "impact_ratio")
        assert all_["M", "c"].value == 1
        assert all_["M", "a"].value == 0.6
        beside = rates(impact_ratio(cells, small_reference=True), "impact_ratio")
        assert np.isnan(beside["M", "c"].value)
        assert beside["M", "a"].value == 0.6

    def test_the_published_ratio_without_the_rule(self):
        """ADP 2023: .453 over the .523 of a category under 2 % would be .866."""
        table = pd.DataFrame({"sex": "M", "race": ["b"] * 1000 + ["n"] * 44, "hired": 0})
        table.loc[:452, "hired"] = 1
        table.loc[1000:1022, "hired"] = 1
        cells = cells_of(table, score=None, sensitive=["race"], **DECIDED)
        found = rates(impact_ratio(cells, min_share=0.05, small_reference=True), "impact_ratio")
        assert found["b",].value == pytest.approx(0.866, abs=0.001)
        assert rates(impact_ratio(cells, min_share=0.05), "impact_ratio")["b",].value == 1

    def test_weights_and_persons_change_nothing(self):
        table = HIRED.assign(w=np.arange(len(HIRED)) + 1.0, person=np.arange(len(HIRED)) % 50)
        plain, weighted = (
            [repr((e.metric, e.subject, e.value, e.interval(0.05))) for e in impact_ratio(cells)]
            for cells in (
                cells_of(table, score=None, **DECIDED),
                cells_of(table, score=None, weight="w", unit="person", **DECIDED),
            )
        )
        assert plain == weighted

    def test_a_highest_rate_of_zero_is_no_ratio(self):
        estimates = impact_ratio(cells_of(scored(np.full(100, 0.5))))
        assert {e.value for e in rates(estimates).values()} == {0}
        ratios = rates(estimates, "impact_ratio").values()
        assert all(np.isnan(e.value) for e in ratios)
        assert {e.why for e in ratios} == {"the highest rate is 0"}

    def test_the_limits_of_a_rate_are_exact(self):
        from scipy.stats import binomtest

        e = rates(impact_ratio(cells_of(HIRED, score=None, **DECIDED)), "selection_rate")["F",]
        exact = binomtest(50, 200).proportion_ci(0.9, method="exact")
        assert e.interval(0.05) == pytest.approx((exact.low, exact.high), abs=1e-12)

    def test_decisions_come_before_scores_unless_it_is_said(self):
        table = HIRED.assign(score=np.linspace(0, 1, len(HIRED)))
        cells = cells_of(table, **DECIDED)
        assert {e.metric for e in impact_ratio(cells)} == {
            "applicants",
            "selected",
            "selection_rate",
            "impact_ratio",
        }
        assert "scoring_rate" in {e.metric for e in impact_ratio(cells, basis="scoring")}

    def test_labels_of_the_unknown(self):
        table = HIRED.replace({"race": {"c": "declined to say"}})
        cells = cells_of(table, score=None, **DECIDED)
        estimates = impact_ratio(cells, unknown=["Declined to say"])
        assert ("declined to say",) not in rates(estimates, "applicants")
        assert rates(estimates, "unknown")["(unknown)",].value == 6
        assert rates(estimates, "unknown")["(unknown)", "(unknown)"].value == 6

    def test_a_favorable_class_among_many_is_told_beside_each_class(self):
        table = HIRED.assign(hired=["yes", "no", "later"] * 135 + ["no"])
        estimates = impact_ratio(cells_of(table, score=None, prediction="hired", favorable="yes"))
        classes = {e.subject.get("class") for e in estimates if e.metric == "selection_rate"}
        assert classes == {None, "yes", "no", "later"}


class TestColumns:
    def test_obvious_names_are_found(self):
        for names in (("Gender", "Race/Ethnicity"), ("SEX", "race_ethnicity"), ("sex", "ethnicity")):
            table = HIRED.rename(columns=dict(zip(("sex", "race"), names, strict=True)))
            cells = cells_of(table, score=None, sensitive=[*names], **DECIDED)
            assert ("F", "a") in rates(impact_ratio(cells), "applicants")

    def test_others_are_named(self):
        table = HIRED.rename(columns={"sex": "s", "race": "r"})
        keys = {"sensitive": ["r", "s"], **DECIDED}
        option = {"bias/impact-ratio": {"attributes": {"sex": "s", "race": "r"}}}
        card = card_of(table, options=option, **keys)
        assert control_of(card).verdict == "not_applicable"
        assert "bias/impact-ratio:applicants:s=F,r=a" in {f.id for f in card.findings}
        control = control_of(card_of(table, **keys))
        assert control.verdict == "not_assessed"
        assert control.needs == (f"supply {OPTION}: which of data.sensitive hold sex and race/ethnicity",)

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"attributes": {"gender": "sex"}}, "attributes: .*gender"),
            ({"basis": "score"}, "basis: 'score'"),
            ({"attribute": {}}, "unknown option; did you mean 'attributes'"),
        ],
    )
    def test_what_is_wrong_with_options(self, options, says):
        with pytest.raises(ConfigError, match=says):
            card_of(HIRED, options={"bias/impact-ratio": options}, **DECIDED)

    def test_a_column_that_is_not_sensitive_is_asked_for(self):
        option = {"bias/impact-ratio": {"attributes": {"sex": "sxe"}}}
        with pytest.raises(tk.ConfigError, match=r"attributes: 'sxe' is not among data\.sensitive; .* 'sex'"):
            card_of(HIRED, options=option, **DECIDED)

    def test_one_that_is_lacking_leaves_the_control_open(self):
        card = card_of(HIRED, **{**DECIDED, "sensitive": ["sex"]})
        control = control_of(card)
        assert control.verdict == "not_assessed"
        assert control.needs == (f"supply {OPTION}: which of data.sensitive holds race/ethnicity",)
        assert "bias/impact-ratio:impact_ratio:sex=F" in {f.id for f in card.findings}


class TestNoMark:
    def test_nothing_is_judged(self):
        card = card_of(HIRED, **DECIDED)
        control = control_of(card)
        assert control.verdict == "not_applicable"
        assert control.needs == ("reported: the source asks for these figures and sets no mark",)
        assert not [f for f in card.findings if f.limit]
        assert card.passed
        assert card.verdict == "not_assessed"
        assert control.unconfirmed == ()

    def test_with_everything_attested_the_card_is_attested_and_no_pass(self):
        card = card_of(HIRED, attestations=ATTESTED, **DECIDED)
        assert card.verdict == "attested"
        assert card.score.value is None
        assert {area.id: str(area.verdict) for p in card.principles for area in p.areas} == {
            "bias": "attested",
            "transparency": "attested",
        }

    def test_a_card_of_reported_figures_alone_is_none_of_the_verdicts(self, tmp_path):
        policy = tmp_path / "p.toml"
        policy.write_text(CONTROL)
        card = card_of(HIRED, policy=policy, **DECIDED)
        (principle,) = card.principles
        assert {card.verdict, principle.verdict, principle.areas[0].verdict} == {"not_applicable"}
        assert card.score.value is None
        assert card.passed

    def test_a_reported_check_has_no_limits(self, tmp_path):
        policy = tmp_path / "p.toml"
        policy.write_text(CONTROL + 'limits.min_impact_ratio = { value = 0.8, source = "house" }\n')
        says = "controls.A-1.checks: bias/impact-ratio is reported, so it has no limits"
        with pytest.raises(ConfigError, match=re.escape(says)):
            Policy.load(policy)

    def test_a_limit_of_the_users_own_is_not_judged_from_a_ratio_to_the_highest(self):
        card = card_of(HIRED, limits={"bias/impact-ratio": {"min_impact_ratio": 0.8}}, **DECIDED)
        claims = [f for f in card.findings if f.limit]
        assert {str(f.verdict) for f in claims} == {"inconclusive"}
        assert "the highest rate is found by looking: no interval" in {f.why for f in claims}
        assert control_of(card).verdict == "inconclusive"

    def test_few_people_are_not_shown(self):
        few = pd.concat([HIRED, pd.DataFrame({"sex": ["X"] * 3, "race": ["a"] * 3, "hired": [1, 1, 0]})])
        card = card_of(few, **DECIDED)
        hidden = [f for f in card.findings if f.subject.get("groups", {}).get("sex") == "X"]
        assert hidden
        assert all((f.estimate, f.n, f.why) == (None, None, "n<5") for f in hidden)

    def test_shared_evidence_pools_what_the_law_wants_apart(self):
        shared = without_small_cells(count(rows_of(300), weighted=False, unit=False), 5)
        with pytest.raises(tk.NotApplicable, match="pooled"):
            impact_ratio(shared)

    def test_percentages_are_no_scores(self):
        card = card_of(scored(np.linspace(0, 100, 200)), score="score")
        assert control_of(card).verdict == "error"
        assert "are they percentages? divide by 100" in next(
            f.why for f in card.findings if f.verdict == "error"
        )


def test_sources_of_several_words_are_found():
    policy = Policy.load("eeoc-four-fifths")
    card = tk.audit(data=HIRED, policy=policy, sensitive=["sex"], **DECIDED)
    assert card.controls[0].unconfirmed == policy.controls[0].sources


class TestTheTables:
    def test_the_rules_example_as_a_file(self, tmp_path):
        page = (Path(__file__).parent / "cases/bias/impact-ratio.culture-fit.md").read_text()
        rows = pd.read_csv(io.StringIO(page.partition("```csv\n")[2].partition("```")[0]))
        people = rows.loc[rows.index.repeat(rows.pop("count"))]
        card_of(people, score="fit").save(tmp_path / "audit.ll144.csv")
        table = pd.read_csv(tmp_path / "audit.ll144.csv")
        assert table.columns.tolist() == [
            "table", "class", "basis", "sex", "race", "applicants", "selected", "rate", "rate_low",
            "rate_high", "impact_ratio", "remark",
        ]  # fmt: skip
        assert {*table.basis} == {"scoring"}
        sexes = table[table.table == "sex"].set_index("sex")
        assert sexes.applicants.to_dict() == {"Male": "92", "Female": "76", "(unknown)": "0"}
        assert sexes.impact_ratio.round(2).dropna().to_dict() == {"Male": 1.0, "Female": 0.82}
        both = table[(table.sex == "Female") & table.race.str.startswith("Native", na=False)].iloc[0]
        assert both.applicants == "<5"
        assert np.isnan(both.rate)
        assert both.remark == "n<5"

    def test_selected_people_and_small_categories(self):
        lines = tk.render(card_of(HIRED, **DECIDED), "impact_ratio").splitlines()
        assert lines[1].startswith("sex,,selection,F,,200,50,0.25,")
        assert lines[6].endswith(",,under 2 % of the data: left out of the ratios")
        assert len(lines) == 1 + 3 + 4 + 6

    def test_a_saved_card_gives_the_same(self, tmp_path):
        card = card_of(HIRED, **DECIDED)
        card.save(tmp_path / "card.json")
        again = tk.Scorecard.load(tmp_path / "card.json")
        for format in ("impact_ratio", "html"):
            assert tk.render(again, format) == tk.render(card, format)

    def test_the_command_writes_them(self, tmp_path):
        from click.testing import CliRunner

        from trustkit.cli import app

        card_of(HIRED, **DECIDED).save(tmp_path / "card.json")
        ran = CliRunner().invoke(
            app, ["render", str(tmp_path / "card.json"), "-o", str(tmp_path / "a.ll144.csv")]
        )
        assert ran.exit_code == 0, ran.output
        assert (tmp_path / "a.ll144.csv").read_text().startswith("table,class,basis,sex,race,applicants")

    def test_a_card_without_them_says_which_policy_has_them(self):
        card = card_of(HIRED, policy="fairness-baseline", **DECIDED)
        names, line = csv.reader(io.StringIO(tk.render(card, "impact_ratio")))
        assert len(names) == len(line)
        assert line[-1] == "the card has no figures of bias/impact-ratio: audit with the policy nyc-ll144"
        assert "impact-ratios" not in tk.render(card, "html")

    @pytest.mark.parametrize("label", ["=cmd|' /C calc'!A0", "<script>alert(1)</script>", 'a\nb,"c"'])
    def test_labels_are_inert(self, label):
        card = card_of(HIRED.replace({"race": {"a": label}}), **DECIDED)
        cells = [cell for line in csv.reader(io.StringIO(tk.render(card, "impact_ratio"))) for cell in line]
        assert not [cell for cell in cells if cell.startswith("=") or "\n" in cell]
        assert "<script>" not in tk.render(card, "html")

    def test_the_page_has_a_section_in_each_language(self):
        card = card_of(scored(np.linspace(0, 1, 400)), score="score", sample="all applicants of 2026")
        page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", tk.render(card, "html")))
        assert "A scoring rate is the share of a category above 0.500, the median score of all." in page
        assert "Source of the data: all applicants of 2026." in page
        assert "Scoring rate" in page
        assert "Selected" not in page
        russian = tk.render(card, "html", language="ru")
        assert "Отношения долей" in russian
        assert "Impact ratios" not in russian

    def test_each_class_has_its_tables(self):
        table = HIRED.assign(hired=["yes", "no", "later"] * 135 + ["no"])
        made = tables(card_of(table, prediction="hired"))
        assert [(each.attributes, each.of) for each in made] == [
            (attributes, of)
            for attributes in (("sex",), ("race",), ("sex", "race"))
            for of in ("later", "no", "yes")
        ]
