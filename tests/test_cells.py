"""Cells add exactly, in any order, and go to a file and back without loss."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trustkit.evidence.blocks import Block, fixed_point
from trustkit.evidence.cells import BUCKETS, Cells, ordered
from trustkit.evidence.score_bins import SCORE_BINS, SCORE_EDGES, score_bins
from trustkit.evidence.sharing import without_small_cells
from trustkit.evidence.tables import MISSING, OTHER

SEXES, RACES = ["F", "M", MISSING], ["a", "b", "c"]


@st.composite
def rows(draw, least=0):
    n = draw(st.integers(least, 40))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    return {
        "sex": rng.integers(0, len(SEXES), n),
        "race": rng.integers(0, len(RACES), n),
        "truth": rng.integers(0, 2, n),
        "prediction": rng.integers(0, 2, n),
        "score": np.where(rng.random(n) < 0.1, np.nan, rng.random(n)),
        "weight": rng.lognormal(size=n),
        "bucket": rng.integers(0, BUCKETS, n),
    }


def count(table, weighted=True, unit=True, scored=True, names=None):
    """Cells of a table of codes; labels that do not occur are left out, as they are at the door."""
    schema = {
        "attributes": ["sex", "race"],
        "bins": {},
        "positive": "1",
        "favorable": ["1"],
        "truth": True,
        "prediction": True,
        "score": scored,
        "weight": weighted,
        "unit": unit,
    }
    axes = {}
    for name, labels in (("sex", SEXES), ("race", RACES), ("truth", ["0", "1"]), ("prediction", ["0", "1"])):
        used = np.unique(table[name]) if names is None else np.arange(len(labels))
        axes[name] = ([labels[i] for i in used], np.searchsorted(used, table[name]))
    return Cells.count(
        schema,
        axes,
        score=table["score"] if scored else None,
        weight=table["weight"] if weighted else None,
        bucket=table["bucket"] if unit else None,
    )


def part(table, index):
    return {name: values[index] for name, values in table.items()}


def same(a, b):
    return a.to_json() == b.to_json()


@given(rows(1), rows(1), rows(1))
@settings(max_examples=60, deadline=None)
def test_addition_is_associative_and_commutative(a, b, c):
    x, y, z = count(a), count(b), count(c)
    assert same((x + y) + z, x + (y + z))
    assert same(x + y, y + x)


@given(rows(1))
@settings(max_examples=40, deadline=None)
def test_no_rows_are_neutral(table):
    nothing = count(part(table, slice(0, 0)))
    assert same(count(table) + nothing, count(table))
    assert same(nothing + count(table), count(table))


@given(rows(1), st.integers(1, 7), st.booleans(), st.booleans(), st.booleans(), st.randoms())
@settings(max_examples=80, deadline=None)
def test_split_anyhow_is_the_whole(table, shards, weighted, unit, scored, random):
    shard = np.array([random.randrange(shards) for _ in table["sex"]])
    order = list(range(shards))
    random.shuffle(order)
    total = None
    for i in order:
        cells = count(part(table, shard == i), weighted, unit, scored)
        total = cells if total is None else total + cells
    assert same(total, count(table, weighted, unit, scored))


@given(rows())
@settings(max_examples=40, deadline=None)
def test_load_of_save_is_the_same(table):
    cells = count(table)
    again = Cells.from_json(json.loads(json.dumps(cells.to_json())))
    assert same(cells, again)
    np.testing.assert_array_equal(again.table(("sex",)).n, cells.table(("sex",)).n)


@given(rows(1))
@settings(max_examples=40, deadline=None)
def test_tables_are_the_counts_of_the_rows(table):
    cells = count(table)
    of = cells.table(("sex", "race"))
    for g, group in enumerate(of.groups):
        mine = (table["sex"] == SEXES.index(group["sex"])) & (table["race"] == RACES.index(group["race"]))
        for t, truth in enumerate(of.truths):
            for p, prediction in enumerate(of.predictions):
                cell = mine & (table["truth"] == int(truth)) & (table["prediction"] == int(prediction))
                assert of.n[g, t, p] == cell.sum()
                assert of.weight[g, t, p] == pytest.approx(table["weight"][cell].sum(), abs=1e-4)
                by_bucket = np.bincount(table["bucket"][cell], table["weight"][cell], BUCKETS)
                np.testing.assert_allclose(of.buckets[:, g, t, p], by_bucket, atol=1e-4)
    rest = of.rest()
    np.testing.assert_array_equal(rest.n + of.n, np.broadcast_to(of.n.sum(axis=0), of.n.shape))


@given(rows(1))
@settings(max_examples=40, deadline=None)
def test_histograms_hold_every_scored_row_and_its_exact_score(table):
    cells = count(table, weighted=False)
    scores, known = cells.scores(), ~np.isnan(table["score"])
    assert scores.n.sum() == known.sum()
    for truth in (0, 1):
        mine = known & (table["truth"] == truth)
        assert scores.s[0, truth].sum() == pytest.approx(table["score"][mine].sum(), abs=1e-7)
        assert scores.s2[0, truth].sum() == pytest.approx((table["score"][mine] ** 2).sum(), abs=1e-7)


def test_score_bins_are_cut_by_floor_at_declared_edges():
    exact = np.array([0.0, 1e-7, 1e-6, 0.02, 0.021, 0.5, 0.979, 0.98, 1 - 1e-7, 1.0, np.nan])
    expected = np.searchsorted(SCORE_EDGES, exact, side="right")
    expected[-1] = -1
    np.testing.assert_array_equal(score_bins(exact), expected)
    assert score_bins(np.array([1.0]))[0] == SCORE_BINS - 1
    grid = np.arange(20, 980) / 1000
    assert len(set(score_bins(grid))) == len(grid)
    np.testing.assert_array_equal(score_bins(np.nextafter(grid, 0)), score_bins(grid) - 1)


def test_score_bins_change_at_every_edge():
    for near, less in (
        (SCORE_EDGES, 0),
        (np.nextafter(SCORE_EDGES, 1), 0),
        (np.nextafter(SCORE_EDGES, 0), 1),
    ):
        np.testing.assert_array_equal(score_bins(near), np.arange(1, SCORE_BINS) - less)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_score_bins_agree_with_a_search_of_the_edges(values):
    score = np.array(values)
    np.testing.assert_array_equal(score_bins(score), np.searchsorted(SCORE_EDGES, score, side="right"))


def test_sums_beyond_doubles_stay_exact():
    values = np.full(40, 2**56 + 1)
    block = Block.count([(np.zeros(40, dtype=int), 1)], {"n": None, "w2": values})
    assert block.sums["w2"].tolist() == [40 * (2**56 + 1)]
    with pytest.raises(OverflowError):
        block + block
    with pytest.raises(OverflowError, match="divide the weights"):
        fixed_point(np.full(10, 2.0**45), 2**20)


def rows_of(n, seed=0):
    rng = np.random.default_rng(seed)
    codes = {name: rng.integers(0, size, n) for name, size in
             (("sex", 3), ("race", 3), ("truth", 2), ("prediction", 2), ("bucket", BUCKETS))}  # fmt: skip
    return {**codes, "score": rng.random(n), "weight": rng.lognormal(size=n)}


@pytest.mark.parametrize("sizes", [(2, 3), (200, 3000), (3000, 3000, 3000, 3000)])
def test_many_cells_are_counted_as_few_are(sizes):
    rng = np.random.default_rng(1)
    codes = np.array([rng.integers(0, size, 40_000) for size in sizes])
    values = rng.integers(0, 2**30, 40_000)
    block = Block.count(list(zip(codes, sizes, strict=True)), {"n": None, "s": values})
    distinct, place = np.unique(codes.T, axis=0, return_inverse=True)
    np.testing.assert_array_equal(block.codes, distinct)
    np.testing.assert_array_equal(block.sums["n"], np.bincount(place.ravel()))
    assert block.sums["s"].tolist() == np.bincount(place.ravel(), weights=values).astype(int).tolist()
    shuffled = rng.permutation(len(distinct))
    parts = Block(block.codes[shuffled], {name: sums[shuffled] for name, sums in block.sums.items()})
    again = parts.summed()
    np.testing.assert_array_equal(again.codes, block.codes)
    np.testing.assert_array_equal((again + block).sums["s"], 2 * block.sums["s"])


def test_what_has_no_codes_cannot_be_counted():
    with pytest.raises(ValueError, match="no axis has codes"):
        Block.count([(None, 1)], {"n": None})


def test_different_schemas_do_not_add():
    table = rows_of(30)
    with pytest.raises(ValueError, match="different schemas"):
        count(table) + count(table, weighted=False)


def test_labels_are_in_one_order_whatever_order_they_come_in():
    assert ordered({"10", "9", "b", "a", "nan", MISSING, OTHER}) == (
        "9",
        "10",
        "a",
        "b",
        "nan",
        OTHER,
        MISSING,
    )
    assert ordered({">=60", "<25", "25..<60"}, ["<25", "25..<60", ">=60"]) == ("<25", "25..<60", ">=60")
    table = rows_of(50)
    swapped = {**table, "sex": 2 - table["sex"]}
    one = count(table, names="all")
    schema, axes = one.schema, {}
    for name, labels in (
        ("sex", SEXES[::-1]),
        ("race", RACES),
        ("truth", ["0", "1"]),
        ("prediction", ["0", "1"]),
    ):
        axes[name] = (labels, swapped[name])
    other = Cells.count(schema, axes, score=table["score"], weight=table["weight"], bucket=table["bucket"])
    assert same(one, other)


def test_more_groups_than_the_cap_are_pooled_by_size_and_it_is_said():
    n = 3000
    codes = np.minimum(np.arange(n) // 2, 1199)
    nothing = (("0",), np.zeros(n, dtype=int))
    schema = {"attributes": ["id"], "bins": {}, "positive": "1", "favorable": ["1"], "truth": False,
              "prediction": False, "score": False, "weight": False, "unit": False}  # fmt: skip
    cells = Cells.count(schema, {"id": ([f"{i:04}" for i in range(1200)], codes), "truth": nothing,
                                 "prediction": nothing})  # fmt: skip
    table = cells.table(("id",))
    assert len(table.groups) == 1000
    assert table.groups[-1] == {"id": OTHER}
    assert {"id": "1199"} in table.groups  # the largest stays
    assert table.n.sum() == n
    assert cells.notes() == ["id: the 201 smallest groups are pooled into (other)"]


class TestSharing:
    def shared(self, n=400, min_cell=5):
        return count(rows_of(n), weighted=False, unit=False), without_small_cells(
            count(rows_of(n), weighted=False, unit=False), min_cell
        )

    def test_no_cell_is_small(self):
        _, shared = self.shared()
        for view, made in shared.parts.items():
            n = made.table(view).n
            assert not ((n > 0) & (n < 5)).any()
            assert not ((made.block.sums["n"] > 0) & (made.block.sums["n"] < 5)).any()

    def test_large_groups_keep_their_counts(self):
        whole, shared = self.shared()
        np.testing.assert_array_equal(shared.table(("race",)).n, whole.table(("race",)).n)
        np.testing.assert_allclose(shared.table(("race",)).s, whole.table(("race",)).s)
        assert shared.rows == whole.rows

    def test_small_groups_are_pooled_in_their_view(self):
        table = rows_of(400)
        table["sex"] = np.where(np.arange(400) < 3, 0, np.where(np.arange(400) < 30, 2, 1))
        shared = without_small_cells(count(table, weighted=False, unit=False), 5)
        assert {"sex": "F"} not in shared.table(("sex",)).groups
        assert shared.table().n.sum() == 400

    def test_it_does_not_add_and_goes_to_a_file_and_back(self):
        whole, shared = self.shared()
        with pytest.raises(ValueError, match="do not add"):
            shared + whole
        assert same(Cells.from_json(json.loads(json.dumps(shared.to_json()))), shared)

    def test_a_view_of_which_nothing_is_left(self):
        table = rows_of(3)
        shared = without_small_cells(count(table, weighted=False, unit=False), 5)
        assert shared.rows == 0

    def test_units_are_refused(self):
        with pytest.raises(ValueError, match=r"data\.unit"):
            without_small_cells(count(rows_of(100)), 5)
