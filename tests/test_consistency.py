"""Consistency counts a row's neighbors and never the row; entropies are those that are published."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import NearestNeighbors

import trustkit as tk
from trustkit.checks.base import NotApplicable
from trustkit.checks.bias.consistency import consistency
from trustkit.collectors import collect
from trustkit.collectors.neighbors import MOST_GROUPS, MOST_INPUTS, K, nearest_rows
from trustkit.evidence import Evidence
from trustkit.measure.entropy import between_groups, generalized_entropy
from trustkit.system import System

COMPAS = Path(__file__).parents[1] / "examples" / "decision-log" / "compas.csv"
ENTROPIES = {"entropy", "theil", "coefficient_of_variation", "entropy_between", "entropy_within"}


def log(rows=800, seed=0, **columns):
    """A log in which points and town decide, with some noise."""
    rng = np.random.default_rng([rows, seed])
    points, town = rng.normal(50, 10, rows), rng.choice(["north", "south", "west"], rows)
    decided = points + 5 * (town == "north") + rng.normal(0, 3, rows) > 52
    table = {"points": points, "town": town, "sex": rng.choice(["F", "M"], rows)}
    table |= {"truth": rng.integers(0, 2, rows), "decision": decided.astype(int)}
    return pd.DataFrame({**table, **columns})


def collected(table, seed=0, only=("neighbors",), **keys):
    roles = {"target": "truth", "prediction": "decision", "favorable": 1, "sensitive": ["sex"]}
    return collect(System(data=table, **{**roles, **keys}), only=only, seed=seed)


def neighbors_of(rows, seed=0, **keys):
    """Neighbors of a log, as a check sees them; of 5 rows none has enough others."""
    table = log(max(rows, 5), seed, w=1.0)
    made = collected(table, **{"features": ["points", "town"], **keys}).kinds["neighbors"]
    return made if rows else replace(made, of=0)


def neighbors_samples():
    """Neighbors of many rows, weighted rows, few rows and too few."""
    return [neighbors_of(800), neighbors_of(300, weight="w"), neighbors_of(7), neighbors_of(5)]


def measured(table, options=None, **keys):
    """Estimates by metric and subject."""
    kinds = collected(table, only=("cells", "neighbors"), **keys).kinds
    made = consistency(kinds["cells"], kinds.get("neighbors"), **(options or {}))
    return {(each.metric, str(dict(each.subject))): each for each in made}


def counts(truth, decision, **columns):
    return pd.DataFrame({"truth": truth, "decision": decision, "x": np.arange(len(truth)) % 7, **columns})


# Neighbors


def test_the_neighbors_are_those_of_scikit_learn_without_the_row():
    rng = np.random.default_rng(0)
    points = np.round(rng.normal(0, 32, (600, 6))).clip(-128, 128)
    points = np.unique(points, axis=0)
    away, near = NearestNeighbors(n_neighbors=K + 2).fit(points).kneighbors(points)
    distinct = away[:, K] < away[:, K + 1]
    mine = nearest_rows(points.astype(np.float32), K)
    assert distinct.sum() > 400
    assert np.array_equal(np.sort(mine[distinct]), np.sort(near[distinct, 1 : K + 1]))
    assert not (mine == np.arange(len(points))[:, None]).any()


def test_ties_fall_to_the_next_rows_so_that_none_is_everybodys_neighbor():
    near = nearest_rows(np.zeros((1203, 2), dtype=np.float32), 5)
    place = np.arange(1203)
    assert np.array_equal(np.sort(near), np.sort((place[:, None] + np.arange(1, 6)) % 1203))
    assert np.bincount(near.ravel()).tolist() == [5] * 1203


def test_a_row_does_not_count_itself_as_others_do():
    """On a line of alternating decisions; AIF360 and Zemel's code let a row agree with itself."""
    x, decided = np.arange(400.0), np.arange(400) % 2
    table = counts(1 - decided, decided, points=x, sex="F")
    mine = measured(table, features=["points"])["consistency", "{}"]
    _, near = NearestNeighbors(n_neighbors=5, algorithm="ball_tree").fit(x[:, None]).kneighbors(x[:, None])
    theirs = 1 - np.abs(decided - decided[near].mean(axis=1)).mean()
    _, near = NearestNeighbors(n_neighbors=6).fit(x[:, None]).kneighbors(x[:, None])
    others = np.abs(decided[:, None] - decided[near[:, 1:]]).mean()
    assert theirs == pytest.approx(0.6, abs=0.01)
    assert 1 - others == pytest.approx(0.4, abs=0.03), "two of five, the fifth being on either side"
    assert mine.value == pytest.approx(0.4, abs=0.03)


def test_the_figure_is_that_of_the_formula_for_everybody_and_by_group():
    table = log(900)
    made = measured(table, features=["points", "town"])
    towns = pd.get_dummies(table["town"]).to_numpy(float)
    points = (table["points"] - table["points"].mean()) / table["points"].std(ddof=0)
    space = np.column_stack([np.round(32 * points) / 32, towns])
    _, near = NearestNeighbors(n_neighbors=K + 1, algorithm="brute").fit(space).kneighbors(space)
    decided = table["decision"].to_numpy()
    near = [[j for j in others if j != i][:K] for i, others in enumerate(near)]
    each = np.abs(decided - decided[np.array(near)].mean(axis=1))
    assert made["consistency", "{}"].value == pytest.approx(1 - each.mean(), abs=0.01)  # ties
    for sex in ("F", "M"):
        mine = made["consistency", str({"groups": {"sex": sex}})]
        assert mine.value == pytest.approx(1 - each[table["sex"] == sex].mean(), abs=0.015)
        assert mine.n == (table["sex"] == sex).sum()


def test_who_differs_by_a_sensitive_attribute_alone_is_alike():
    table = log(600)
    table["decision"] = (table["sex"] == "F").astype(int)
    made = measured(table, features=["points", "town", "sex"])
    assert made["consistency", "{}"].value == pytest.approx(0.5, abs=0.06)
    notes = collected(table, features=["points", "town", "sex"]).kinds["neighbors"].notes()
    assert "likeness leaves sex aside" in notes
    assert measured(table.assign(decision=1, truth=0), features=["points"])["consistency", "{}"].value == 1


def test_categories_and_gaps_take_part_in_likeness():
    rng = np.random.default_rng(1)
    table = log(600, color=rng.choice(["red", "blue"], 600), gap=np.where(rng.random(600) < 0.5, np.nan, 1.0))
    for column, of_one in (("color", table["color"] == "red"), ("gap", table["gap"].isna())):
        table["decision"] = of_one.astype(int)
        assert measured(table, features=[column, "town"])["consistency", "{}"].value > 0.99
    rare = [f"town{i}" for i in range(600)]
    assert measured(table.assign(town=rare), features=["town", "points"])["consistency", "{}"].n == 600


def test_several_classes_are_decided_otherwise_when_they_differ():
    table = log(600)
    table["decision"] = table["town"].map({"north": "a", "south": "b", "west": "c"})
    table["truth"] = np.random.default_rng(0).choice(["a", "b", "c"], 600)
    made = measured(table, features=["town", "points"], favorable=None)
    assert made["consistency", "{}"].value > 0.99
    shuffled = table.assign(decision=np.random.default_rng(0).permutation(table["decision"]))
    mixed = measured(shuffled, features=["town", "points"], favorable=None)["consistency", "{}"].value
    assert mixed == pytest.approx(1 / 3, abs=0.05)
    merged = measured(shuffled, features=["town", "points"], favorable=["a", "b"])["consistency", "{}"].value
    assert merged == pytest.approx(5 / 9, abs=0.05)


def test_one_row_a_person_and_a_stated_sample(monkeypatch):
    table = log(400)
    table = pd.concat([table, table, table], ignore_index=True).assign(who=np.tile(np.arange(400), 3))
    once = collected(table, unit="who").kinds["neighbors"]
    assert once.everybody.rows == 400
    assert "400 of 1,200 rows, drawn with seed 0, one a person" in once.notes()[0]
    monkeypatch.setattr("trustkit.collectors.neighbors.MOST", 1500)
    many = collected(log(2000)).kinds["neighbors"]
    assert many.everybody.rows == 1500
    assert many.everybody.bb <= 1500 * 10_000
    again, other = (collected(log(2000), seed=seed).kinds["neighbors"] for seed in (0, 1))
    assert again.to_json() == many.to_json()
    assert other.everybody != many.everybody


def test_of_many_inputs_and_groups_it_says_which_are_left_out():
    rng = np.random.default_rng(0)
    more = {f"z{i:02d}": rng.integers(0, 3, 900) for i in range(MOST_INPUTS + 12)}
    found = collected(log(900, team=rng.integers(0, 60, 900), **more), sensitive=["sex", "team"])
    neighbors = found.kinds["neighbors"]
    assert len(neighbors.schema["inputs"]) == MOST_INPUTS
    left = 900 - sum(each.rows for each in neighbors.groups["team"].values())
    assert neighbors.notes()[1:] == [
        f"team: {left} rows of smaller groups count in the whole alone",
        "likeness leaves 16 inputs aside",
    ]
    assert len(neighbors.groups["team"]) == MOST_GROUPS


def test_limits_count_a_row_as_a_neighbor_too():
    """Over many logs the figure scatters no more than its limits allow, though rows share neighbors."""
    rng = np.random.default_rng(2)
    truth, low, high = 0.5, 0, 0
    for _ in range(60):
        table = counts(np.ones(200, int), rng.integers(0, 2, 200), points=rng.normal(size=200), sex="F")
        made = measured(table, features=["points"])["consistency", "{}"]
        ends = made.interval(0.05)
        low, high = low + (ends[0] > truth), high + (ends[1] < truth)
        assert made.limits.n[0] <= 200
    assert low <= 7
    assert high <= 7


# Entropies


def test_published_values_of_compas():
    table = pd.read_csv(COMPAS).rename(
        columns={"recidivated": "truth", "predicted": "decision", "race": "sex"}
    )
    table["x"] = 0
    two = table[table["sex"].isin(["African-American", "Caucasian"])]
    values = {key: each.value for key, each in measured(two).items()}
    assert values["theil", "{}"] == pytest.approx(0.227649, abs=5e-7)
    assert values["entropy", "{}"] == pytest.approx(0.165435, abs=5e-7)
    assert values["coefficient_of_variation", "{}"] == pytest.approx(0.575213, abs=5e-7)
    assert values["entropy_between", "{'column': 'sex'}"] == pytest.approx(0.001626, abs=5e-7)
    everybody = {key: each.value for key, each in measured(table).items()}
    assert everybody["theil", "{}"] == pytest.approx(0.235018, abs=5e-7)
    assert everybody["entropy", "{}"] == pytest.approx(0.169969, abs=5e-7)
    assert everybody["coefficient_of_variation", "{}"] == pytest.approx(0.583043, abs=5e-7)


def test_the_toy_vectors_of_aif360():
    truth = np.array([1, 0, 0, 1, 0, 0, 1, 0, 1, 1])
    decision = truth.copy()
    decision[[3, 9]], decision[[4, 5]] = 0, 1
    made = measured(counts(truth, decision, sex=list("aabbbbbbaa")))
    assert made["entropy", "{}"].value == pytest.approx(0.2)
    assert made["theil", "{}"].value == pytest.approx(4 * np.log(2) / 10)
    other = measured(counts(truth, [0, 1, 1, 0, 0, 0, 0, 1, 1, 1], sex=list("aabbbbbbaa")))
    assert other["entropy", "{}"].value == pytest.approx(0.3)
    benefit = np.array([1] * 2 + [1.25] * 4 + [0.75] * 4)
    assert generalized_entropy(benefit, np.ones(10), 2) == pytest.approx(((benefit**2) - 1).sum() / 20)


def test_the_coefficient_is_the_deviation_over_the_mean():
    """holisticai gives 2 sqrt(GE2) for sqrt(2 GE2)."""
    rng = np.random.default_rng(0)
    benefit = rng.integers(0, 3, 500)
    index = generalized_entropy(benefit, np.ones(500), 2)
    assert np.sqrt(2 * index) == pytest.approx(benefit.std() / benefit.mean())
    table = counts(rng.integers(0, 2, 500), rng.integers(0, 2, 500), sex="F")
    made, benefit = measured(table), table["decision"] - table["truth"] + 1
    assert made["coefficient_of_variation", "{}"].value == pytest.approx(benefit.std(ddof=0) / benefit.mean())


def test_alpha_zero_divides_by_the_mean_once_and_is_undefined_where_one_has_nothing():
    """AIF360 and holisticai divide by the mean a second time."""
    benefit = np.array([1.0, 2.0, 2.0, 1.0, 2.0])
    mine = generalized_entropy(benefit, np.ones(5), 0)
    assert mine == pytest.approx(-np.mean(np.log(benefit / benefit.mean())))
    assert mine == pytest.approx(generalized_entropy(benefit, np.ones(5), 1e-6), rel=1e-4)
    assert mine != pytest.approx(-np.mean(np.log(benefit / benefit.mean()) / benefit.mean()))
    assert np.isnan(generalized_entropy([0.0, 1.0], [1, 1], 0))
    assert np.isnan(generalized_entropy([0.0, 1.0], [1, 1], -1))
    assert generalized_entropy([0.0, 1.0], [0, 3], 0) == 0
    made = measured(counts([1, 1, 0, 0] * 5, [0, 1, 0, 1] * 5, sex="F"), options={"alpha": 0.0})
    refused = made["entropy", "{}"]
    assert np.isnan(refused.value)
    assert "undefined" in refused.why
    assert made["theil", "{}"].value > 0


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 3.0])
def test_the_index_of_weights_is_that_of_repeated_rows_and_near_alphas_agree(alpha):
    benefit, mass = np.array([0.5, 1.0, 2.0]), np.array([3, 5, 2])
    index = generalized_entropy(benefit, mass, alpha)
    assert index == pytest.approx(generalized_entropy(np.repeat(benefit, mass), np.ones(10), alpha))
    assert index == pytest.approx(generalized_entropy(benefit, mass, alpha + 1e-6), rel=1e-4)
    assert index == pytest.approx(generalized_entropy(7 * benefit, mass / 7, alpha))
    assert generalized_entropy([2.0, 2.0], [3, 4], alpha) == 0
    assert np.isnan(generalized_entropy([1.0, 2.0], [0, 0], alpha))
    assert np.isnan(generalized_entropy([0.0, 0.0], [1, 1], alpha))


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_what_is_within_groups_is_the_weighted_sum_of_theirs(alpha):
    benefit = np.array([0.0, 1.0, 2.0])
    mass = np.array([[3, 9, 1], [2, 8, 7], [0, 4, 0]], dtype=float)
    share, mean = mass.sum(axis=1) / mass.sum(), mass @ benefit / mass.sum(axis=1)
    ratio = mean / (share @ mean)
    within = (share * ratio**alpha * generalized_entropy(benefit, mass, alpha)).sum()
    whole = generalized_entropy(benefit, mass.sum(axis=0), alpha)
    assert whole - between_groups(benefit, mass, alpha) == pytest.approx(within)


def test_within_and_between_make_the_whole_also_at_intersections():
    table = log(800, race=np.random.default_rng(0).choice(["a", "b", "c"], 800))
    made = measured(table, sensitive=["sex", "race"])
    whole = made["entropy", "{}"].value
    for view in ("sex", "race", "sex x race"):
        parts = [made[f"entropy_{part}", str({"column": view})].value for part in ("between", "within")]
        assert sum(parts) == pytest.approx(whole)
        assert min(parts) >= 0
    alone = measured(table, sensitive=["sex", "race"], options={"intersections": False})
    assert ("entropy_between", "{'column': 'sex x race'}") not in alone


def test_weights_count_in_the_entropies_and_take_the_interval_of_consistency():
    table = log(800, w=np.random.default_rng(0).integers(1, 4, 800))
    made = measured(table, weight="w")
    benefit = table["decision"] - table["truth"] + 1
    expected = generalized_entropy(np.repeat(benefit, table["w"]), np.ones(table["w"].sum()), 2)
    assert made["entropy", "{}"].value == pytest.approx(expected)
    assert made["entropy", "{}"].n == 800
    assert made["consistency", "{}"].limits is None
    assert "weighted" in made["consistency", "{}"].why


def test_each_class_is_taken_in_turn_and_the_largest_is_shown():
    rng = np.random.default_rng(0)
    table = log(600)
    table["truth"], table["decision"] = (
        rng.choice(["a", "b", "c"], 600, p=[0.6, 0.3, 0.1]) for _ in range(2)
    )
    kinds = collected(table, favorable=None, only=("cells", "neighbors")).kinds
    all_ = consistency(kinds["cells"], kinds["neighbors"])
    shown = consistency(kinds["cells"], kinds["neighbors"], judged=())
    classes = [each.subject["class"] for each in all_ if each.metric == "theil"]
    assert classes == ["a", "b", "c"]
    theil = {each.subject["class"]: each.value for each in all_ if each.metric == "theil"}
    (largest,) = (each for each in shown if each.metric == "theil")
    assert theil[largest.subject["class"]] == max(theil.values()) == largest.value
    benefit = (table["decision"] == "c").astype(int) - (table["truth"] == "c") + 1
    assert theil["c"] == pytest.approx(float(generalized_entropy(benefit, np.ones(600), 1)))


# The card


def test_a_card_shows_it_and_judges_it_where_a_limit_is_set():
    evidence = collected(log(2000), only=("cells", "neighbors"), features=["points", "town"])
    card = tk.judge(evidence, "unga-78-265", only=["bias/consistency"])
    assert {each.metric for each in card.findings} == {"consistency", *ENTROPIES}
    assert {str(each.verdict) for each in card.findings} == {"not_applicable"}
    limits = {"bias/consistency": {"min_consistency": 0.5}}
    judged = tk.judge(evidence, "unga-78-265", only=["bias/consistency"], limits=limits)
    assert {str(each.verdict) for each in judged.findings if each.limit} == {"pass"}
    strict = {"bias/consistency": {"min_consistency": 0.99}}
    failed = tk.judge(evidence, "unga-78-265", only=["bias/consistency"], limits=strict)
    assert "fail" in {str(each.verdict) for each in failed.findings if each.limit}
    entropy = {"bias/consistency": {"max_theil": 0.01}}
    (open_,) = (
        each
        for each in tk.judge(evidence, "unga-78-265", only=["bias/consistency"], limits=entropy).findings
        if each.limit
    )
    assert (open_.verdict, open_.why) == ("inconclusive", "an index of all benefits together: no interval")


def test_without_inputs_or_truth_the_rest_is_told_and_what_to_supply():
    made = measured(log(600), features=["sex"])
    lacking = made["consistency", "{}"]
    assert np.isnan(lacking.value)
    assert "data.features" in lacking.supply
    assert made["entropy", "{}"].value > 0
    blind = measured(log(600).drop(columns="truth"), target=None)
    assert blind["consistency", "{}"].value > 0.5
    assert "data.target" in blind["entropy", "{}"].supply
    text = collected(log(600), features=["sex"]).absent["neighbors"]
    assert "no input beside the sensitive attributes takes two values" in text[0]


def test_a_quantity_is_left_aside():
    table = log(600)
    table["truth"], table["decision"] = table["points"], table["points"] + 1
    evidence = collected(table, favorable=None, task="regression", only=("cells", "neighbors"))
    assert evidence.absent["neighbors"][1] is None
    with pytest.raises(NotApplicable, match="this is about classes"):
        consistency(evidence.kinds["cells"], None)


def test_too_few_rows_are_undefined():
    made = measured(log(5), features=["points"])
    assert np.isnan(made["consistency", "{}"].value)
    assert made["consistency", "{}"].why == "5 rows or fewer to compare"
    assert measured(log(6), features=["points"])["consistency", "{}"].n == 6


# The evidence


def test_parts_add_go_to_a_file_and_are_shared(tmp_path):
    evidence = collected(log(600), features=["points", "town"])
    one, other = evidence.kinds["neighbors"], neighbors_of(700)
    both = one + other
    assert both.everybody.otherwise == one.everybody.otherwise + other.everybody.otherwise
    assert both.of == 1300
    evidence.save(tmp_path / "e.json")
    assert Evidence.load(tmp_path / "e.json").kinds["neighbors"].to_json() == one.to_json()
    assert one.without_small_cells(5) == one
    assert one.without_small_cells(400).groups == {"sex": {}}
    with pytest.raises(ValueError, match="different schemas"):
        one + neighbors_of(700, weight="w")
