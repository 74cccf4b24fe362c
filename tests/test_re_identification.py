"""Risk of being recognized: formulas, values that others published, and what a file's odd corners come to."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import trustkit as tk
from trustkit.checks.data_protection.re_identification import WHOLE
from trustkit.checks.data_protection.re_identification import re_identification as check
from trustkit.collectors.classes import classes_of, suggested
from trustkit.evidence.classes import MOST_VALUES, Classes, Column, ordered_values
from trustkit.frames import Frame
from trustkit.measure.disclosure import spread
from trustkit.measure.reidentification import (
    compatible,
    individual_risk,
    pitman,
    population_uniques,
    shifted_negative_binomial,
    zayatz,
)
from trustkit.measure.singling_out import coarsenings, singling_out
from trustkit.system import System

CITIES = ["Dushanbe", "Khujand", "Kulob", None]


def people(n, seed=0):
    """Rows of `n` people: three quasi-identifiers, one with gaps, a disease and a number."""
    rng = np.random.default_rng([n, seed])
    return pd.DataFrame(
        {
            "age": rng.integers(20, 60, n),
            "city": rng.choice(np.array(CITIES, dtype=object), n),
            "sex": rng.choice(["f", "m"], n),
            "disease": rng.choice(["flu", "measles", "none"], n, p=[0.3, 0.1, 0.6]),
            "grade": rng.integers(1, 6, n),
            "w": rng.uniform(5, 15, n),
        }
    )


def classes_of_people(n, seed=0, **keys):
    keys = {"sensitive": ["disease", "grade"], **keys}
    return classes_of(Frame.open(people(n, seed)), ["age", "city", "sex"], **keys)


def no_people():
    """Classes of no rows, under the schema of `classes_of_people`."""
    like = classes_of_people(3)
    columns = {name: Column(of.labels[:0], {}) for name, of in like.columns.items()}
    values = dict.fromkeys(like.values, ())
    return Classes(like.schema, columns, values, like.codes[:0], like.n[:0])


def classes_samples():
    some = classes_of_people(300)
    return [
        some,
        classes_of_people(300, weight="w"),
        classes_of(Frame.open(people(40)), ["city", "sex"], declared=False),
        classes_of_people(1),
        some.without_small_cells(5),
        no_people(),
        classes_of(Frame.open(people(9)), [], declared=False),
    ]


def figures(classes, **options):
    """Estimates by metric, or by metric and column."""
    found = check(classes, judged=tuple(check.metrics), **options)
    return {(e.metric, e.subject.get("column")) if e.subject else e.metric: e for e in found}


def values(classes, column=None, **options):
    found = figures(classes, **options).items()
    if column is None:
        return {key: e.value for key, e in found if isinstance(key, str)}
    return {key[0]: e.value for key, e in found if key[1:] == (column,)}


def of_counts(classes, ordered=False):
    """Spread of lists of values, one a class."""
    labels = ordered_values({str(value) for each in classes for value in each})
    pairs = [(i, labels.index(str(value))) for i, each in enumerate(classes) for value in each]
    group, value = np.array(pairs).T
    return spread(group, value, np.ones(len(pairs), dtype=np.int64))


# The values of the sensitive attribute, class by class, in the example files of pycanon (Apache-2.0), without
# the quasi-identifiers. Expected: pycanon's figures and another implementation's, which agree to 1e-12.

HOSPITAL = [
    ["viral", "heart"], ["cancer", "tb"], ["none", "tb", "heart"], ["cancer", "heart", "viral"],
    ["cancer"] * 3,
]  # fmt: skip
DRUGS = [
    "A" * a + "B" * b + "C" * c + "X" * x + "Y" * y
    for a, b, c, x, y in [
        (6, 0, 0, 0, 5), (3, 1, 0, 0, 13), (0, 0, 5, 0, 3), (0, 0, 0, 5, 5), (0, 0, 0, 9, 3), (0, 0, 0, 6, 3),
        (0, 2, 0, 0, 4), (0, 0, 2, 0, 4), (0, 0, 0, 3, 3), (6, 0, 0, 0, 4), (8, 1, 0, 0, 6), (0, 0, 7, 0, 5),
        (0, 0, 0, 8, 6), (0, 0, 0, 5, 8), (0, 0, 0, 5, 1), (0, 6, 0, 0, 2), (0, 3, 0, 0, 3), (0, 0, 2, 0, 3),
        (0, 0, 0, 2, 3), (0, 0, 0, 3, 3),
    ]
]  # fmt: skip
DRUG_TYPE = [[drug] for drug, n in zip("YXABC", (91, 54, 23, 16, 16), strict=True) for _ in range(n)]
SCORES = [
    [34, 82, 60, 57, 56], [76, 42, 75, 30, 30, 72, 55], [66, 67], [36, 51, 65, 77], [44, 67, 32, 68],
    [68, 43, 39, 72], [48, 54, 67, 47], [73, 40, 39, 58, 76], [72, 68], [65, 84], [82, 69, 92],
    [62, 80, 77, 67, 95, 87, 60], [85, 76, 65], [49, 73, 60], [69, 45, 91, 79, 57, 59], [87, 63, 83, 83, 72],
    [82, 93, 65, 82, 70, 53], [61, 58], [52, 88, 76, 53, 58, 68, 64, 83], [77, 89, 93, 73, 89],
    [62, 61, 79, 66, 52, 87], [70, 59, 63, 68, 45], [71, 59, 53, 72, 94], [62, 39, 74, 52], [59, 68, 69],
    [56, 72, 30, 73, 37, 52, 71], [78, 64, 36, 38, 51], [34, 33, 48], [58, 64, 65, 50, 40],
    [32, 69, 74, 80, 50, 34, 54, 59, 33], [68, 91], [85, 91, 48, 86, 71], [89, 79, 53, 83, 61, 51, 60, 95],
    [47, 50, 66, 74, 84], [72, 65, 80, 46, 48], [60, 51, 87, 48, 87, 95, 64, 84, 53, 52, 53], [55, 52],
    [62, 71, 79, 82], [65, 53], [85, 85, 93, 56], [89, 91, 58, 64, 68], [78, 83, 84, 83],
    [61, 46, 85, 48, 89, 56], [51, 90, 47, 79, 45, 75, 79], [57, 67, 57, 81, 91, 57], [57],
]  # fmt: skip


def scores(k):
    return [each for each in SCORES if len(each) >= k]


class TestPublishedFigures:
    @pytest.mark.parametrize(
        ("classes", "ordered", "n", "k", "unique", "distinct", "t", "beta", "delta", "alpha", "marketer"),
        [
            (HOSPITAL, False, 13, 2, 0, 1, 0.6153846, 3.3333333, 1.4663371, 1, 0.3846154),
            (DRUG_TYPE, False, 200, 1, 200, 1, 0.92, 11.5, 2.5257286, 1, 1),
            (DRUGS, False, 185, 5, 0, 2, 0.6797297, 9.6730769, 2.3677244, 0.8333333, 0.1081081),
            (SCORES, True, 216, 1, 1, 1, 0.4165920, 71, 4.2766661, 1, 0.2129630),
            (scores(2), True, 215, 2, 0, 2, 0.4172293, 70.666667, 4.2720257, 0.5, 0.2093023),
            (scores(5), True, 154, 5, 0, 4, 0.3102329, 29.8, 3.4275147, 0.5, 0.1623377),
            (scores(7), True, 64, 7, 0, 6, 0.1974888, 8.1428571, 2.2129729, 0.2857143, 0.125),
        ],
        ids=["hospital", "drug_type", "drugs_k5", "students", "students_k2", "students_k5", "students_k7"],
    )
    def test_all_of_a_file(self, classes, ordered, n, k, unique, distinct, t, beta, delta, alpha, marketer):
        rows = [(str(i), str(value)) for i, each in enumerate(classes) for value in each]
        frame = Frame.open(pd.DataFrame(rows, columns=["who", "what"]))
        collected = classes_of(frame, ["who"], sensitive=["what"])
        of_file, of_value = values(collected), values(collected, "what")
        assert collected.rows == n
        assert of_file["k"] == k
        assert of_file["unique_share"] == pytest.approx(unique / n)
        assert of_file["prosecutor"] == 1 / k
        assert of_file["marketer"] == pytest.approx(marketer, abs=5e-8)
        assert of_value["l_distinct"] == distinct
        assert of_value["t"] == pytest.approx(t, abs=5e-8)
        assert of_value["beta"] == pytest.approx(beta, rel=5e-8)
        assert of_value["alpha"] == pytest.approx(alpha, abs=5e-8)
        assert of_counts(classes).delta()[1] == pytest.approx(delta, abs=5e-8)
        assert of_value["delta"] == math.inf
        assert ("ordered" in figures(collected)["l_distinct", "what"].note) == ordered

    @pytest.mark.parametrize(
        ("classes", "entropy"), [(scores(5), 3.4641016), (scores(7), 5.7423475), (DRUGS, 1.5691926)]
    )
    def test_entropy_l_is_no_whole_number(self, classes, entropy):
        assert of_counts(classes).entropy_l() == pytest.approx(entropy, abs=5e-8)

    @pytest.mark.parametrize("m", range(1, 11))
    def test_entropy_l_of_equally_frequent_values_is_their_number(self, m):
        assert of_counts([range(m)]).entropy_l() == pytest.approx(m, abs=1e-12)

    def test_recursive_c_is_the_most_frequent_over_the_rare(self):
        assert of_counts(["A" * 7 + "B" * 2 + "C"]).recursive_c(3) == 7
        assert of_counts(["A" * 7 + "B" * 2 + "C"]).recursive_c(2) == pytest.approx(7 / 3)
        assert of_counts(["AB", "ABC"]).recursive_c(3) == math.inf

    @pytest.mark.parametrize(("salaries", "t"), [([3, 4, 5], 0.375), ([6, 8, 11], 1 / 6)])
    def test_salaries_of_the_paper_on_t_closeness(self, salaries, t):
        rest = [each for each in range(3, 12) if each not in salaries]
        assert of_counts([salaries, rest]).closeness(ordered=True) == pytest.approx(t)

    @pytest.mark.parametrize(
        ("f", "expected", "risk"),
        [
            (1, 17, 0.17707583), (1, 541, 0.01165448), (1, 8, 0.29706308), (1, 5, 0.40235948),
            (2, 110, 0.01714426), (2, 84.5, 0.02204233), (3, 60, 0.02398247),
        ],
    )  # fmt: skip
    def test_individual_risk_of_francdat(self, f, expected, risk):
        assert individual_risk([f], [expected])[0] == pytest.approx(risk, abs=5e-9)
        j = np.arange(200_000)
        from scipy.stats import nbinom

        assert (nbinom.pmf(j, f, f / expected) / (j + f)).sum() == pytest.approx(risk, abs=5e-9)

    def test_the_eight_records_of_francdat(self):
        """Keys 1 to 4 and the weights, which sum to F of 110, 84.5, 17, 541, 8 and 5."""
        keys = [
            (1, 2, 5, 1),
            (1, 2, 1, 1),
            (1, 2, 1, 1),
            (3, 3, 1, 5),
            (4, 3, 1, 4),
            (4, 3, 1, 1),
            (6, 2, 1, 5),
        ]
        table = pd.DataFrame([*keys, keys[0]], columns=["key1", "key2", "key3", "key4"])
        table["w"] = [18, 45.5, 39, 17, 541, 8, 5, 92]
        found = values(classes_of(Frame.open(table), list(table.columns[:4]), weight="w"))
        risks = [
            0.01714426,
            0.02204233,
            0.02204233,
            0.17707583,
            0.01165448,
            0.29706308,
            0.40235948,
            0.01714426,
        ]
        assert found["journalist"] == pytest.approx(max(risks), abs=5e-9)
        assert found["population_marketer"] == pytest.approx(np.mean(risks), abs=5e-9)
        assert (found["k"], found["marketer"]) == (1, 6 / 8)

    def test_individual_risk_of_a_whole_population_is_certain(self):
        assert individual_risk([1, 4], [1, 4]).tolist() == [1, 0.25]
        assert individual_risk([3], [1])[0] == pytest.approx(1 / 3)


class TestDefinitions:
    def test_closeness_against_a_linear_program_of_moving_earth(self):
        from scipy.stats import wasserstein_distance

        rng = np.random.default_rng(3)
        classes = [rng.integers(0, 9, size=rng.integers(1, 8)).tolist() for _ in range(6)] + [list(range(9))]
        everybody = [value for each in classes for value in each]
        ordered = max(wasserstein_distance(each, everybody) for each in classes) / 8
        assert of_counts(classes).closeness(ordered=True) == pytest.approx(ordered)

    def test_enhanced_beta_is_unbounded_where_the_bound_is_broken(self):
        even = of_counts(["AB", "AAB", "ABB"])
        assert even.enhanced_beta() == even.basic_beta() == pytest.approx(1 / 3)
        assert of_counts(["A", "AB"]).enhanced_beta() == math.inf

    def test_delta_is_unbounded_where_a_value_is_absent(self):
        assert of_counts(["AB", "AB"]).delta() == (0, 0)
        whole, part = of_counts(["AAAB", "AB"]).delta()
        assert whole == part == pytest.approx(math.log(3 / 2))
        assert of_counts(["A", "AB"]).delta() == (math.inf, pytest.approx(math.log(3 / 2)))

    def test_a_constant_attribute_tells_nothing(self):
        of = of_counts(["AA", "A"])
        assert (of.distinct_l(), of.entropy_l(), of.basic_beta(), of.delta()) == (1, 1, 0, (0, 0))
        assert of.closeness(ordered=True) == of.closeness(ordered=False) == 0

    def test_marketer_is_the_mean_over_rows_not_over_classes(self):
        frame = Frame.open(pd.DataFrame({"a": [1, 1, 1, 2]}))
        assert values(classes_of(frame, ["a"]))["marketer"] == 0.5
        assert values(classes_of(frame, ["a"]))["at_risk"] == 1
        assert values(classes_of(frame, ["a"]), threshold=0.4)["at_risk"] == 0.25

    def test_uniques_of_adult(self):
        """45,222 rows; another count by pandas."""
        columns = ["age", "education", "occupation", "relationship", "sex", "native-country"]
        path = Path(__file__).parents[1] / "examples" / "income" / "data" / "adult.parquet"
        found = values(classes_of(Frame.open(path), columns, sensitive=["salary"]))
        assert found["unique_share"] == 11_095 / 45_222
        assert found["marketer"] == 17_545 / 45_222
        sizes = pd.read_parquet(path, columns=columns).groupby(columns, observed=True).size()
        assert (len(sizes), (sizes == 1).sum()) == (17_545, 11_095)

    def test_against_rows(self):
        table = people(400)
        sizes = table.groupby(["age", "city", "sex"], dropna=False).size()
        found = values(classes_of_people(400))
        assert found["k"] == sizes.min()
        assert found["unique_share"] == (sizes == 1).sum() / 400
        assert found["at_risk"] == sizes[sizes < 5].sum() / 400
        kinds = table.groupby(["age", "city", "sex"], dropna=False)["disease"].nunique()
        assert values(classes_of_people(400), "disease")["l_distinct"] == kinds.min()


class TestPopulation:
    def test_estimates_of_a_known_population(self):
        """Half a population: each estimator is within a fifth of the truth."""
        rng = np.random.default_rng(0)
        population = rng.geometric(1 / 60, 20_000)
        truth = (np.unique(population, return_counts=True)[1] == 1).sum()
        drawn = rng.choice(population, 10_000, replace=False)
        f, c = np.unique(np.unique(drawn, return_counts=True)[1], return_counts=True)
        assert truth > 20
        assert zayatz(f, c, 20_000) == pytest.approx(truth, rel=0.5)
        assert pitman(f, c, 20_000) == pytest.approx(truth, rel=0.6)

    def test_all_or_none_unique_in_the_sample(self):
        for estimate in (pitman, zayatz, shifted_negative_binomial):
            assert estimate([2, 5], [10, 3], 1000) == 0
            assert estimate([1], [50], 1000) == pytest.approx(1000)

    def test_pitman_is_the_top_of_its_likelihood(self):
        from scipy.optimize import minimize
        from scipy.special import gammaln

        f, c, people = np.array([1, 2, 3, 7]), np.array([60, 15, 8, 2]), 2000
        rows, classes = f @ c, c.sum()

        def lost(x):
            a, t = x
            i = np.arange(1, classes)
            new = np.log(t + i * a).sum() - np.log(t + np.arange(1, rows)).sum()
            return -(new + c @ (gammaln(f - a) - gammaln(1 - a)))

        found = minimize(lost, [0.5, 10], method="L-BFGS-B", bounds=[(1e-6, 1 - 1e-6), (1e-6, 1e6)])
        a, t = found.x
        uniques = np.exp(gammaln(t + 1) - gammaln(t + a)) * people**a
        assert pitman(f, c, people) == pytest.approx(uniques, rel=1e-3)

    def test_negative_binomial_finds_its_own_population(self):
        """Expected counts of a known model give its parameters back."""
        many, a, b, rate = 5000, 0.8, 0.25, 0.2
        people = many * (1 + a * (1 - b) / b)
        from scipy.stats import binom, nbinom

        size = np.arange(1, 400)
        expected = many * nbinom.pmf(size - 1, a, b)
        f = np.arange(1, 120)
        c = np.array([(expected * binom.pmf(k, size, rate)).sum() for k in f])
        assert f @ c == pytest.approx(people * rate, rel=1e-6)
        assert shifted_negative_binomial(f, c, people) == pytest.approx(many * b**a, rel=1e-3)

    def test_figures_say_their_range_and_their_scale(self):
        classes = classes_of_people(300)
        line = figures(classes, population_size=10_000)["population_unique"]
        shares = population_uniques(*classes.sizes(), 10_000)
        assert all(name in line.note for name in shares)
        assert "order of magnitude" in line.note
        assert line.limits is None
        assert min(shares.values()) <= line.value * 10_000 <= max(shares.values())
        near = figures(classes, population_size=1000)["population_unique"]
        assert "order of magnitude" not in near.note
        assert near.value > line.value

    def test_the_whole_population_needs_no_estimate(self):
        found = figures(classes_of_people(300), population_size=300)
        assert found["population_unique"].value == found["unique_share"].value
        assert found["journalist"].value == found["prosecutor"].value
        assert found["population_marketer"].value == pytest.approx(found["marketer"].value)

    @pytest.mark.parametrize("size", [None, 299])
    def test_without_its_size_it_is_not_estimated(self, size):
        found = figures(classes_of_people(300), population_size=size)
        for metric in ("population_unique", "journalist", "population_marketer"):
            assert math.isnan(found[metric].value)
            assert "population_size" in found[metric].supply
        assert size is None or "299" in found["journalist"].why

    def test_weights_that_sum_to_the_population_stand_for_it(self):
        table = people(200)
        classes = classes_of(Frame.open(table), ["age", "sex"], weight="w")
        grouped = table.groupby(["age", "sex"])["w"].agg(["size", "sum"])
        risk = individual_risk(grouped["size"], grouped["sum"])
        found = values(classes)
        assert found["journalist"] == pytest.approx(risk.max(), rel=1e-5)
        assert found["population_marketer"] == pytest.approx((risk * grouped["size"]).sum() / 200, rel=1e-5)
        light = classes_of(Frame.open(table.assign(w=table["w"] / 100)), ["age", "sex"], weight="w")
        assert math.isnan(values(light)["journalist"])
        assert values(light, population_size=2000)["journalist"] > 0


class TestMissingValues:
    def test_both_ends(self):
        """Eight rows, one without a value: k is 1, and 4 where it may be any."""
        table = pd.DataFrame({"a": [*"xxxyyyy", None], "b": [1] * 8})
        found = values(classes_of(Frame.open(table), ["a", "b"]))
        assert (found["k"], found["k_wildcard"]) == (1, 4)
        assert (found["unique_share"], found["unique_share_wildcard"]) == (1 / 8, 0)

    def test_wildcards_against_every_pair(self):
        rng = np.random.default_rng(1)
        codes = np.unique(rng.integers(0, 4, (80, 3)), axis=0)
        n = rng.integers(1, 5, len(codes))
        missing = codes == 0
        alike = ((codes[:, None] == codes[None]) | missing[:, None] | missing[None]).all(axis=2)
        assert compatible(codes, missing, n).tolist() == (alike @ n).tolist()

    def test_are_shown_only_where_there_are_some(self):
        whole = classes_of(Frame.open(people(50)), ["age", "sex"])
        assert not {e.metric for e in check(whole)} & {"k_wildcard", "unique_share_wildcard"}
        assert values(whole)["k_wildcard"] == values(whole)["k"]

    def test_rows_without_a_sensitive_value_are_left_out(self):
        table = pd.DataFrame({"a": [1, 1, 2, 2], "s": ["x", None, "x", "y"]})
        found = figures(classes_of(Frame.open(table), ["a"], sensitive=["s"]))["l_distinct", "s"]
        assert (found.value, found.n) == (1, 3)
        empty = classes_of(Frame.open(table.assign(s=None)), ["a"], sensitive=["s"])
        assert figures(empty)["l_distinct", "s"].why == "nothing to count"


class TestColumns:
    def test_the_few_that_are_enough(self):
        rng = np.random.default_rng(0)
        table = pd.DataFrame({"sex": rng.choice(["f", "m"], 500), "id": np.arange(500), "town": "a"})
        classes = classes_of(Frame.open(table), ["sex", "id", "town"])
        assert singling_out(classes, 0.5) == (["id"], 1.0)
        line = figures(classes)["columns_to_single_out"]
        assert line.value == 1
        assert "id makes 1 of the rows unique" in line.note
        assert "data.bins.id" in line.note

    def test_are_unbounded_where_none_are_enough(self):
        table = pd.DataFrame({"sex": ["f", "m"] * 50})
        line = figures(classes_of(Frame.open(table), ["sex"]))["columns_to_single_out"]
        assert line.value == math.inf
        assert line.why

    def test_of_fine_numbers_rounding_a_little_is_enough(self):
        rng = np.random.default_rng(0)
        table = pd.DataFrame({"height": rng.normal(1700, 90, 400), "sex": rng.choice(["f", "m"], 400)})
        line = figures(classes_of(Frame.open(table), ["height", "sex"]))["coarsened_unique_share"]
        assert line.note.startswith("height: steps of 5,")
        sizes = table.assign(height=table["height"] // 5).groupby(["height", "sex"]).size()
        assert line.value == (sizes == 1).sum() / 400

    def test_each_coarsening_against_rows(self):
        table = people(300)
        for made in coarsenings(classes_of(Frame.open(table), ["age", "sex"])):
            if made.column == "age" and made.form.startswith("steps"):
                step = int(made.form.removeprefix("steps of ").replace(",", ""))
                sizes = table.assign(age=table["age"] // step).groupby(["age", "sex"]).size()
                assert made.unique == (sizes == 1).sum() / 300
            if made.form == "dropped":
                assert (made.after, made.loss) == (0, made.before)

    def test_dates_become_months_and_years(self):
        days = pd.date_range("1960-01-01", periods=400, freq="17D").astype(str)
        forms = {
            each.form for each in coarsenings(classes_of(Frame.open(pd.DataFrame({"born": days})), ["born"]))
        }
        assert {"months", "years", "dropped"} <= forms

    def test_nothing_helps_where_nobody_is_unique(self):
        line = figures(classes_of(Frame.open(pd.DataFrame({"a": [1, 1, 2, 2]})), ["a"]))
        assert line["coarsened_unique_share"].value == 0
        assert "No coarsening" in line["coarsened_unique_share"].note


class TestCollecting:
    def test_bins_and_kinds_of_columns_are_one(self):
        table = people(200)
        plain = classes_of(Frame.open(table), ["sex", "city"])
        categories = table.astype({"sex": "category", "city": "category"})
        categories["sex"] = categories["sex"].cat.add_categories(["nobody"])
        assert classes_of(Frame.open(categories), ["sex", "city"]).to_json() == plain.to_json()
        cut = classes_of(Frame.open(table), ["age"], bins={"age": [30, 40]})
        assert cut.sizes()[1].sum() == 3

    def test_a_person_counts_once(self):
        table = pd.DataFrame({"who": ["p", "p", "q", None, None], "a": [1, 1, 1, 2, 2]})
        classes = classes_of(Frame.open(table), ["a"], unit="who")
        assert classes.rows == 4
        assert values(classes)["k"] == 2
        assert "each person counts once" in " ".join(classes.notes())

    def test_no_value_of_the_data_is_in_the_evidence(self):
        table = people(300)
        text = json.dumps(classes_of(Frame.open(table), ["age", "city", "sex"]).to_json())
        assert not any(city in text for city in CITIES if city)

    def test_numbers_are_the_same_however_they_are_held(self):
        """Fine numbers are not read as labels: 20,000 of them add to a part of a few, or of text."""
        fine = np.round(np.random.default_rng(0).normal(size=20_001), 9)
        fine[-1] = np.nan
        few = pd.Series(fine[:100])
        parts = [
            classes_of(Frame.open(pd.DataFrame({"x": x})), ["x"])
            for x in (fine, few, few.map(str), few.astype("category"))
        ]
        whole = parts[0] + parts[1] + parts[2] + parts[3]
        assert whole.sizes()[0].tolist() == [1, 4]
        assert whole.sizes()[1].tolist() == [20_001 - 100, 100]
        assert "(missing)" not in json.dumps(whole.to_json())
        assert values(parts[0])["k_wildcard"] == 2
        zip_codes = Frame.open(pd.DataFrame({"x": ["734025", "0734025", "734025.0"]}))
        assert classes_of(zip_codes, ["x"]).sizes()[1].tolist() == [3]

    def test_parts_add_to_the_whole(self):
        table = people(300)
        parts = [Frame.open(table.iloc[start::3]) for start in range(3)]
        keys = {"sensitive": ["disease"], "weight": "w"}
        one, two, three = (classes_of(part, ["age", "city"], **keys) for part in parts)
        whole = classes_of(Frame.open(table), ["age", "city"], **keys)
        assert (one + two + three).to_json() == whole.to_json() == (three + (two + one)).to_json()

    def test_of_columns_suggested_what_all_parts_have_is_kept(self):
        table = people(60)
        parts = [
            classes_of(Frame.open(table), names, declared=False)
            for names in (["age", "city"], ["city", "sex"])
        ]
        both = parts[0] + parts[1]
        assert list(both.columns) == ["city"]
        assert both.rows == 120
        with pytest.raises(ValueError, match="different schemas"):
            parts[0] + classes_of(Frame.open(table), ["age"])

    def test_shared_it_is_sizes_alone(self):
        classes = classes_of_people(300, weight="w")
        shared = classes.without_small_cells(5)
        again = Classes.from_json(json.loads(json.dumps(shared.to_json())))
        text = json.dumps(shared.to_json())
        assert "flu" not in text
        assert all(len(of.labels) == 0 for of in again.columns.values())
        mine, theirs = figures(classes, population_size=3000), figures(again, population_size=3000)
        for metric in ("k", "unique_share", "marketer", "at_risk", "population_unique"):
            assert theirs[metric].value == mine[metric].value
        assert theirs["l_distinct", "disease"].supply == WHOLE
        assert theirs["columns_to_single_out"].supply == WHOLE
        with pytest.raises(ValueError, match="do not add"):
            shared + shared

    def test_too_many_values_are_no_sensitive_attribute(self):
        table = pd.DataFrame({"a": np.arange(300) % 3, "s": np.arange(300)})
        classes = classes_of(Frame.open(table), ["a"], sensitive=["s"])
        assert classes.values["s"] is None
        assert "s in ranges" in figures(classes)["l_distinct", "s"].supply
        assert any("not among sensitive attributes" in note for note in classes.notes())
        few = [
            classes_of(Frame.open(table.iloc[rows]), ["a"], sensitive=["s"])
            for rows in (slice(0, 80), slice(80, 160))
        ]
        assert (few[0] + few[1]).values["s"] is None
        assert len(few[0].values["s"]) == 80 < MOST_VALUES

    def test_collects_by_the_roles(self):
        table = people(200).assign(decision=np.arange(200) % 2)
        keys = {"target": "disease", "prediction": "decision", "sensitive": ["sex"], "positive": "flu"}
        keys |= {"favorable": "flu", "task": "multiclass"}
        keys.pop("prediction")
        told = tk.collect(tk.System(data=table, **keys), only=["classes"]).kinds["classes"]
        assert told.suggested
        assert list(told.columns) == ["age", "city", "sex"]
        assert list(told.values) == ["disease"]
        declared = tk.System(data=table, quasi_identifiers=["age"], bins={"age": [30, 40]}, **keys)
        told = tk.collect(declared, only=["classes"]).kinds["classes"]
        assert not told.suggested
        assert len(told.columns["age"].labels) == 3
        assert list(told.values) == ["disease", "sex"]

    def test_bins_of_text_are_refused(self):
        system = System(
            data=people(50), prediction="grade", quasi_identifiers=["city"], bins={"city": [3]}, favorable=1
        )
        with pytest.raises(tk.ConfigError, match="'city'"):
            tk.collect(system, only=["classes"])

    @pytest.mark.parametrize("weight", [[1, -1, 1], [1, None, 1], ["a", "b", "c"]])
    def test_weights_that_are_none_are_refused(self, weight):
        with pytest.raises(tk.ConfigError, match=r"data\.weight"):
            classes_of(Frame.open(pd.DataFrame({"a": [1, 2, 3], "w": weight})), ["a"], weight="w")

    def test_a_column_of_lists_is_refused_and_not_suggested(self):
        frame = Frame.open(pd.DataFrame({"age": [[1], [2]], "sex": ["f", "m"]}))
        assert suggested(frame) == ["sex"]
        with pytest.raises(tk.ConfigError, match="'age'"):
            classes_of(frame, ["age"])


class TestSuggesting:
    def test_what_describes_a_person_is_suggested(self):
        n = 300
        table = people(n).assign(
            name=[f"person {i}" for i in range(n)],
            street=[f"{i} Rudaki avenue" for i in range(n)],
            BirthDate=pd.date_range("1960-01-01", periods=n).astype(str),
            country="TJ",
        )
        assert suggested(Frame.open(table)) == ["age", "city", "sex", "BirthDate"]
        assert suggested(Frame.open(table), without=["age"]) == ["city", "sex", "BirthDate"]

    def test_else_columns_of_few_labels(self):
        rng = np.random.default_rng(0)
        table = pd.DataFrame(
            {
                "x": rng.normal(size=200),
                "a": rng.integers(0, 4, 200),
                "b": rng.integers(0, 3, 200),
                "id": range(200),
            }
        )
        assert suggested(Frame.open(table)) == ["a", "b"]
        many = pd.DataFrame({f"c{i}": np.arange(100) % (i + 2) for i in range(20)})
        assert suggested(Frame.open(many)) == [f"c{i}" for i in range(8)]

    def test_names_in_other_scripts(self):
        table = pd.DataFrame({"Дата рождения": range(50), "пол": ["м", "ж"] * 25, "сумма": [1, 2] * 25})
        assert suggested(Frame.open(table)) == ["Дата рождения", "пол"]

    def test_where_nothing_is_found_the_card_says_what_to_declare(self):
        table = pd.DataFrame({"x": np.random.default_rng(0).normal(size=60), "y": [0, 1] * 30})
        card = tk.audit(data=table, prediction="y", only=["data-protection/re-identification"])
        control = next(each for each in card.controls if each.id == "TK-DPR-01")
        assert any("data.quasi_identifiers" in need for need in control.needs)


class TestOnTheCard:
    def test_facts_are_judged_by_limits_that_the_user_sets(self):
        table = people(400)
        limits = {"data-protection/re-identification": {"min_k": 2, "max_marketer": 0.9, "max_t": 1.0}}
        card = tk.audit(
            data=table,
            target="disease",
            favorable="none",
            quasi_identifiers=["age", "sex"],
            only=["data-protection/re-identification"],
            limits=limits,
            task="multiclass",
        )
        found = {f.metric: f for f in card.findings}
        assert found["k"].verdict == "fail"
        assert found["marketer"].verdict == "pass"
        assert found["t"].verdict == "pass"
        assert found["k"].subject == {}

    def test_a_limit_on_what_cannot_be_told_is_not_assessed(self):
        card = tk.audit(
            data=people(100).assign(y=0, d=1),
            target="grade",
            task="regression",
            quasi_identifiers=["age"],
            only=["data-protection/re-identification"],
            limits={"data-protection/re-identification": {"max_journalist": 0.2}},
        )
        control = next(each for each in card.controls if each.id == "TK-DPR-01")
        assert control.verdict == "not_assessed"
        assert any("population_size" in need for need in control.needs)

    def test_an_estimate_of_the_population_is_no_verdict(self):
        check = "data-protection/re-identification"
        card = tk.audit(
            data=people(100),
            prediction="disease",
            favorable="none",
            quasi_identifiers=["age"],
            only=[check],
            options={check: {"population_size": 9000}},
            limits={check: {"max_population_unique": 0.0001, "max_k": 100}},
        )
        found = {f.metric: f.verdict for f in card.findings}
        assert (found["population_unique"], found["k"]) == ("inconclusive", "pass")

    @pytest.mark.parametrize(("option", "value"), [("threshold", 0.0), ("threshold", 20.0), ("l", 0)])
    def test_an_option_out_of_its_range_is_named(self, option, value):
        with pytest.raises(tk.ConfigError, match=f're-identification".{option}: {value}'):
            check(classes_of_people(9), **{option: value})

    def test_shows_no_more_than_a_line_a_column(self):
        classes = classes_of_people(300)
        shown = [e.metric for e in check(classes) if "column" in e.subject]
        assert shown == ["l_distinct"] * 2

    def test_one_row(self):
        found = figures(classes_of_people(1))
        assert found["k"].value == found["unique_share"].value == 1
        assert found["t", "disease"].value == 0

    def test_no_rows(self):
        assert math.isnan(figures(no_people())["k"].value)


def test_a_part_of_numbers_alone_lends_no_steps_to_a_column_of_texts():
    texts, numbers, nothing = (
        Column(np.array(labels, dtype=np.uint64), {form: np.array(labels, dtype=np.uint64) for form in forms})
        for labels, forms in (([5, 9], []), ([3, 7], ["steps of 10"]), ([0], ["steps of 10"]))
    )
    assert texts.joined(numbers).coarser == numbers.joined(texts).coarser == {}
    assert list(numbers.joined(nothing).coarser) == list(nothing.joined(numbers).coarser) == ["steps of 10"]
    assert texts.joined(nothing).coarser == {}
