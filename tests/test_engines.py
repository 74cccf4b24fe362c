"""One table on every engine: the counts of the memory, the same rows drawn, clear words for faults."""

from __future__ import annotations

import hashlib
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import ibis
import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import trustkit as tk
from trustkit.cli import app
from trustkit.collectors import collect
from trustkit.engines import counting, files, relations, tallying
from trustkit.engines.counting import Columns
from trustkit.errors import ConfigError
from trustkit.evidence import Evidence
from trustkit.evidence.score_bins import SCORE_EDGES, score_bins

ROWS = 3000
COUNTED = ("cells", "classes", "profiles", "residuals")
CHECKS = ("bias/selection-rate", "bias/error-rates", "bias/representation", "safety/calibration")
ROLES = {
    "sensitive": ["sex", "age"],
    "bins": {"age": [25, 60]},
    "target": "truth",
    "prediction": "decision",
    "score": "score",
    "weight": "weight",
    "positive": 1,
    "favorable": 1,
    "id": "row",
}


def table(rows: int = ROWS, seed: int = 0) -> pa.Table:
    """Decisions with nulls, NaN, empty texts, weights, scores at and beside the edges of bins."""
    rng = np.random.default_rng(seed)
    edges = np.concatenate(
        [SCORE_EDGES, np.nextafter(SCORE_EDGES, 0), np.nextafter(SCORE_EDGES, 1), [0.0, 1.0]]
    )
    score = np.where(rng.random(rows) < 0.5, rng.choice(edges, rows), rng.beta(0.3, 0.3, rows))
    score[rng.random(rows) < 0.05] = np.nan
    frame = pd.DataFrame(
        {
            "row": rng.permutation(rows) * 3 - rows,
            "sex": rng.choice(np.array(["F", "M", "", None], dtype=object), rows, p=[0.45, 0.45, 0.05, 0.05]),
            "age": rng.choice([np.nan, 17.0, 25.0, 59.5, 60.0, 88.0], rows),
            "truth": rng.integers(0, 2, rows),
            "decision": rng.choice([0.0, 1.0, np.nan], rows, p=[0.45, 0.5, 0.05]),
            "score": score,
            "weight": rng.exponential(2.0, rows),
            "income": rng.lognormal(8, 1, rows),
            "children": rng.integers(0, 5, rows).astype("int8"),
        }
    )
    made = pa.Table.from_pandas(frame, preserve_index=False)
    empty = pa.array(rng.random(rows) < 0.03)
    return made.set_column(5, "score", pa.compute.if_else(empty, None, made.column("score")))


def engines(made: pa.Table, folder: Path) -> dict[str, object]:
    """The same table in every form but Spark's, which has tests of its own."""
    pyarrow.parquet.write_table(made, folder / "log.parquet", row_group_size=700)
    third = len(made) // 3
    for at in range(3):
        part = made.slice(at * third, third if at < 2 else None)
        pyarrow.parquet.write_table(part, folder / f"part-{at}.parquet")
    made.to_pandas().to_csv(folder / "log.csv", index=False)
    return {
        "pandas": made.to_pandas(),
        "polars": pl.from_arrow(made),
        "polars lazy": pl.from_arrow(made).lazy(),
        "pyarrow": made,
        "dataset": pyarrow.dataset.dataset(folder / "log.parquet"),
        "duckdb": duckdb.connect().from_arrow(made),
        "ibis": ibis.memtable(made),
        "parquet": str(folder / "log.parquet"),
        "partitions": str(folder / "part-*.parquet"),
        "csv": str(folder / "log.csv"),
    }


@pytest.fixture
def small(monkeypatch):
    """Make every table too large to be read whole."""
    monkeypatch.setattr(relations, "WHOLE_ROWS", 100)
    monkeypatch.setattr(relations, "WHOLE_BYTES", 100)
    monkeypatch.setattr(relations, "BATCH", 700)
    monkeypatch.setattr(relations, "SAMPLE", 400)
    monkeypatch.setattr(files, "_SMALL", 0)
    monkeypatch.setattr(files, "_BLOCK", 50_000)


def as_text(evidence: Evidence, kinds=COUNTED) -> dict[str, str]:
    found = {kind: evidence.kinds[kind] for kind in kinds if kind in evidence.kinds}
    assert not evidence.errors
    return {kind: json.dumps(of.to_json(), sort_keys=True) for kind, of in found.items()}


def in_memory(data, monkeypatch, **roles) -> dict[str, str]:
    with monkeypatch.context() as patch:
        patch.setattr(relations, "WHOLE_ROWS", 10**9)
        return as_text(collect(tk.System(data=data, **roles), only=COUNTED))


# The same counts


@pytest.mark.parametrize(
    "without",
    [
        (),
        pytest.param(("duckdb",), marks=pytest.mark.end_to_end),
        pytest.param(("duckdb", "polars"), marks=pytest.mark.end_to_end),
    ],
    ids=["all", "polars", "pyarrow"],
)
def test_every_engine_counts_what_is_counted_in_memory(small, tmp_path, monkeypatch, without):
    found = importlib_without(monkeypatch, without)
    made = table()
    expected = in_memory(made, monkeypatch, **ROLES)
    assert set(expected) == {"cells", "classes", "profiles"}
    for name, data in engines(made, tmp_path).items():
        evidence = collect(tk.System(data=data, **ROLES), only=COUNTED)
        assert as_text(evidence) == expected, name
        assert next(cost for cost in evidence.costs if cost.kind == "cells").rows == ROWS
    assert found is not None


def importlib_without(monkeypatch, names):
    """Hide libraries from whoever looks for an engine to read files with."""
    real = files.importlib.util.find_spec
    hidden = type("util", (), {"find_spec": staticmethod(lambda name: None if name in names else real(name))})
    monkeypatch.setattr(files, "importlib", type("importlib", (), {"util": hidden}))
    return hidden


@pytest.mark.end_to_end
def test_every_engine_gives_the_same_findings(small, tmp_path):
    made = table()
    cards = {
        name: tk.audit(data=data, only=CHECKS, as_of="2026-11-24", **ROLES)
        for name, data in engines(made, tmp_path).items()
        if name in ("pandas", "polars lazy", "duckdb", "ibis", "partitions")
    }
    expected = list(cards["pandas"].findings)
    assert len(expected) > 20
    for name, card in cards.items():
        assert list(card.findings) == expected, name


def test_units_are_counted_by_batches(small, tmp_path, monkeypatch):
    roles = {**ROLES, "unit": "children"}
    made = table()
    expected = in_memory(made, monkeypatch, **roles)
    for name, data in engines(made, tmp_path).items():
        evidence = collect(tk.System(data=data, **roles), only=COUNTED)
        assert "several parts" in evidence.absent["classes"][0]
        assert as_text(evidence) == {kind: expected[kind] for kind in ("cells", "profiles")}, name


@pytest.mark.end_to_end
def test_a_regression_is_counted_by_batches(small, tmp_path, monkeypatch):
    roles = {
        "sensitive": ["sex"],
        "target": "income",
        "prediction": "weight",
        "task": "regression",
        "id": "row",
    }
    made = table()
    expected = in_memory(made, monkeypatch, **roles)
    assert "residuals" in expected
    for name, data in engines(made, tmp_path).items():
        assert as_text(collect(tk.System(data=data, **roles), only=COUNTED)) == expected, name


class Threshold:
    """A model of two classes whose calls are counted."""

    classes_ = np.array([0, 1])

    def __init__(self):
        self.largest = 0

    def predict_proba(self, X):
        self.largest = max(self.largest, len(X))
        p = 1 / (1 + np.exp(8 - np.log(X["income"].to_numpy())))
        return np.stack([1 - p, p], axis=1)

    def predict(self, X):
        return (self.predict_proba(X)[:, 1] > 0.5).astype(int)


def test_a_model_is_asked_by_batches(small, tmp_path, monkeypatch):
    roles = {
        "sensitive": ["sex"],
        "target": "truth",
        "features": ["income", "children"],
        "favorable": 1,
        "id": "row",
    }
    made = table()
    with monkeypatch.context() as patch:
        patch.setattr(relations, "WHOLE_ROWS", 10**9)
        expected = as_text(collect(tk.System(Threshold(), made, **roles), only=COUNTED))
    for name, data in engines(made, tmp_path).items():
        model = Threshold()
        evidence = collect(tk.System(model, data, **roles), only=COUNTED)
        assert as_text(evidence) == expected, name
        assert model.largest < 2000, name
        assert sum(cost.model_calls for cost in evidence.costs) > 1, name


values = st.one_of(st.none(), st.sampled_from(["a", "b", "", "1", "1.0", "nan"]))
floats = st.one_of(st.none(), st.just(float("nan")), st.sampled_from([0.0, -0.0, 1.0, 0.5, 1e16, 2.5]))
scores = st.one_of(st.none(), st.just(float("nan")), st.floats(0, 1), st.sampled_from(list(SCORE_EDGES)))


@pytest.mark.end_to_end
@settings(
    max_examples=20, deadline=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(
    rows=st.lists(
        st.tuples(values, floats, st.booleans(), scores, st.floats(0, 1000)), min_size=5, max_size=40
    )
)
def test_made_up_tables_are_counted_alike(tmp_path_factory, rows):
    columns = [list(column) for column in zip(*rows, strict=True)]
    kinds = [pa.string(), pa.float64(), pa.bool_(), pa.float64(), pa.float64()]
    names = ["group", "truth", "decision", "score", "weight"]
    made = pa.table([pa.array(c, k) for c, k in zip(columns, kinds, strict=True)], names=names)
    roles = {
        "sensitive": ["group"],
        "target": "truth",
        "prediction": "decision",
        "score": "score",
        "favorable": "true",
    }
    roles |= {"weight": "weight", "task": "binary"}
    with pytest.MonkeyPatch.context() as patch:
        try:
            expected = in_memory(made, patch, **roles)
        except ConfigError as error:
            expected = str(error)
        patch.setattr(relations, "WHOLE_ROWS", 1)
        patch.setattr(relations, "WHOLE_BYTES", 1)
        patch.setattr(files, "_SMALL", 0)
        folder = tmp_path_factory.mktemp("made")
        for name, data in engines(made, folder).items():
            if name == "csv":
                continue  # texts like 1 and 1.0 are numbers there
            try:
                found = as_text(collect(tk.System(data=data, **roles), only=COUNTED))
            except ConfigError as error:
                found = str(error)
            assert found == expected, name


# The rows that are drawn


def drawn(data, **roles) -> pd.DataFrame:
    from trustkit.collectors.sources import Sources

    sources = Sources.open(tk.System(data=data, **{**ROLES, **roles}))
    frame = sources.whole("audit")
    made = frame.table(frame.columns).to_pandas()
    assert "of 3,000 rows" in sources.drawn()
    assert sources.drawn() is None
    return made


def test_the_same_rows_are_drawn_on_every_engine(small, tmp_path):
    samples = {name: drawn(data) for name, data in engines(table(), tmp_path).items()}
    expected = samples["pandas"]
    assert 300 < len(expected) < 500
    assert not expected["row"].duplicated().any()
    for name, sample in samples.items():
        assert sample["row"].tolist() == expected["row"].tolist(), name
        assert np.array_equal(sample["income"], expected["income"]), name


def test_another_seed_draws_other_rows():
    ids = np.arange(100_000) - 50_000
    one, other = (set(ids[relations.is_drawn(ids, seed, 0.02)]) for seed in (0, 1))
    assert 1800 < len(one) < 2200
    assert len(one & other) < 100


@pytest.mark.parametrize("share", [0.002, 0.9])
def test_drawn_rows_are_spread_evenly(share):
    ids = np.arange(400_000)
    shares = [relations.is_drawn(ids, seed, share).reshape(100, -1).mean(axis=1) for seed in range(8)]
    assert np.mean(shares) == pytest.approx(share, rel=0.03)
    expected = np.sqrt(share * (1 - share) / 4_000)
    assert np.std(shares) == pytest.approx(expected, rel=0.1)


def test_without_an_id_rows_are_drawn_by_their_place(small, tmp_path):
    made = engines(table(), tmp_path)
    names = ("parquet", "partitions", "csv", "polars lazy")
    samples = [drawn(made[name], id=None) for name in names]
    assert 300 < len(samples[0]) < 500
    for sample in samples[1:]:
        assert sample["row"].tolist() == samples[0]["row"].tolist()


@pytest.mark.end_to_end
def test_the_card_says_of_which_sample_a_kind_is(small):
    card = tk.audit(data=pl.from_arrow(table()).lazy(), only=["bias", "safety/data-quality"], **ROLES)
    notes = {cost.kind: " ".join(cost.notes) for cost in card.evidence}
    assert "of 3,000 rows, drawn by the column row and the seed 0" in notes["quality"]
    assert "sample" not in notes["cells"]
    rows = {cost.kind: cost.rows for cost in card.evidence}
    assert rows["cells"] == ROWS
    assert 300 < rows["quality"] < 500


@pytest.mark.end_to_end
def test_the_last_day_is_of_all_rows(small, tmp_path):
    made = table()
    days = pa.array([f"2026-{1 + at % 9:02d}-01" for at in range(ROWS - 1)] + ["2026-11-30"])
    made = made.append_column("day", days)
    for name, data in engines(made, tmp_path).items():
        found = collect(tk.System(data=data, time="day", **ROLES), only=["provenance"])
        assert found.kinds["provenance"].last_day == "2026-11-30", name


def test_of_a_sample_of_the_training_rows_nothing_is_said_to_be_shared(small):
    lazy = pl.from_arrow(table()).lazy()
    evidence = collect(tk.System(data=lazy, train=lazy, **ROLES), only=["overlaps", "shifts"])
    assert "would miss what is shared" in evidence.absent["overlaps"][0]
    samples = {cost.kind: cost.sample for cost in evidence.costs}
    assert samples["shifts"].count("of 3,000 rows") == 2


def test_what_a_sample_says_survives_a_file(small, tmp_path):
    evidence = collect(tk.System(data=pl.from_arrow(table()).lazy(), **ROLES), only=["quality", "cells"])
    evidence.save(tmp_path / "evidence.json")
    assert Evidence.load(tmp_path / "evidence.json").costs == evidence.costs


@pytest.mark.parametrize(
    ("values", "found"),
    [([0.5, 1.5], "no whole numbers"), ([1, None], "missing"), ([1, 1], "more than once")],
)
@pytest.mark.parametrize("engine", ["polars lazy", "pandas"])
def test_an_id_that_is_none_is_named(small, monkeypatch, values, found, engine):
    monkeypatch.setattr(relations, "SAMPLE", 10**9)
    made = table(400).to_pandas()
    made["row"] = (pd.Series(values * 200)).convert_dtypes()
    data = made if engine == "pandas" else pl.from_pandas(made).lazy()
    with pytest.raises(ConfigError, match=rf"data\.id: .*{found}"):
        collect(tk.System(data=data, **ROLES), only=["quality"])


def test_an_id_that_is_not_there_is_named(small, tmp_path):
    made = engines(table(), tmp_path)
    for name in ("parquet", "pandas", "duckdb", "csv"):
        with pytest.raises(ConfigError, match=r"data\.id: there is no column 'rov'; did you mean 'row'"):
            collect(tk.System(data=made[name], **{**ROLES, "id": "rov"}), only=["cells"])


@pytest.mark.end_to_end
def test_a_small_table_is_read_whole_and_gives_the_same_card(tmp_path):
    made = table(500)
    cards = {
        name: tk.audit(data=data, as_of="2026-11-24", **ROLES)
        for name, data in engines(made, tmp_path).items()
        if name in ("pyarrow", "polars lazy", "duckdb")
    }
    expected = cards.pop("pyarrow")
    for name, card in cards.items():
        assert list(card.findings) == list(expected.findings), name
        assert not any("a sample of" in note for cost in card.evidence for note in cost.notes), name


# Traps of engines


def test_scores_that_are_not_a_number_are_no_top_scores(small, tmp_path):
    made = table(1000)
    made = made.set_column(5, "score", pa.array([float("nan"), 0.25, None, 0.999] * 250))
    for name, data in engines(made, tmp_path).items():
        cells = collect(tk.System(data=data, **ROLES), only=["cells"]).kinds["cells"]
        bins = dict(zip(*np.unique(cells.block.codes[:, -1], return_counts=True), strict=True))
        assert set(bins) == {-1, *score_bins(np.array([0.25, 0.999]))}, name
        rows = cells.block.sums["n"][cells.block.codes[:, -1] == -1].sum()
        assert rows == 500, name


def test_only_plain_columns_are_summed():
    for line in Path(counting.__file__).read_text().splitlines():
        if ".agg(" in line:
            assert "*totals" in line
        if ".sum()." in line or ".max()." in line:
            assert "nw.col(" in line.partition(".sum()")[0] or "nw.col(" in line.partition(".max()")[0]


def test_wide_sums_become_64_bits():
    made = duckdb.connect().sql('SELECT sum(range)::HUGEINT AS "sum s", count(*) AS n FROM range(10)')
    assert relations.collected(nw.from_native(made)).schema.field("sum s").type == pa.int64()


def test_the_order_of_rows_changes_nothing(small):
    made = table()
    one, other = (
        as_text(collect(tk.System(data=pl.from_arrow(part).lazy(), **ROLES), only=COUNTED))
        for part in (made, made.take(np.random.default_rng(1).permutation(len(made))))
    )
    assert one == other


def test_a_column_without_a_value_is_counted(small, tmp_path):
    made = table(900).set_column(1, "sex", pa.nulls(900, pa.string()))
    for name, data in engines(made, tmp_path).items():
        cells = collect(tk.System(data=data, **ROLES), only=["cells"]).kinds["cells"]
        assert cells.labels["sex"] == ("(missing)",), name


# What is wrong with the data


@pytest.mark.end_to_end
def test_scores_that_are_no_probabilities_are_told_alike(small, tmp_path, monkeypatch):
    made = table()
    score = pa.compute.multiply(made.column("score"), 100.0)
    made = made.set_column(5, "score", score)
    expected = in_memory(made, monkeypatch, **ROLES)
    assert "percentages" in expected["cells"]
    for name, data in engines(made, tmp_path).items():
        assert as_text(collect(tk.System(data=data, **ROLES), only=COUNTED)) == expected, name


@pytest.mark.parametrize("wrong", [-1.0, float("inf"), None, float("nan"), 1e30])
def test_a_weight_that_is_none_is_told(small, tmp_path, wrong):
    made = table(900)
    weights = made.column("weight").to_pylist()
    weights[850] = wrong
    made = made.set_column(6, "weight", pa.array(weights))
    for name, data in engines(made, tmp_path).items():
        with pytest.raises(ConfigError, match=r"data\.weight") as caught:
            collect(tk.System(data=data, **ROLES), only=["cells"])
        assert "1 rows of 'weight'" in str(caught.value) or wrong == 1e30, name
        if name == "partitions" and wrong != 1e30:
            assert "part-2.parquet" in str(caught.value)


@pytest.mark.end_to_end
def test_an_attribute_that_names_people_is_refused(small, tmp_path):
    for name, data in engines(table(), tmp_path).items():
        with pytest.raises(ConfigError, match=r"'income' has [0-9,]+ distinct values: not groups"):
            collect(tk.System(data=data, **{**ROLES, "sensitive": ["income"], "bins": {}}), only=["cells"])
        assert name


def test_more_combinations_than_could_be_groups_are_refused(small, tmp_path, monkeypatch):
    monkeypatch.setattr(counting, "MOST_CELLS", 500)
    data = engines(table(), tmp_path)["parquet"]
    with pytest.raises(ConfigError, match=r"data\.sensitive: 'income' has 3,000 distinct values or more"):
        collect(tk.System(data=data, **{**ROLES, "sensitive": ["income"], "bins": {}}), only=["cells"])


# Faults


def parts(folder: Path, count: int = 4) -> list[Path]:
    made = table()
    paths = [folder / f"part-{at}.parquet" for at in range(count)]
    for at, path in enumerate(paths):
        pyarrow.parquet.write_table(made.slice(at * 500, 500), path, row_group_size=100)
    return paths


def damage(path: Path) -> None:
    """Overwrite data pages; the footer stays, so that the file opens."""
    data = bytearray(path.read_bytes())
    data[4:3000] = bytes(2996)
    path.write_bytes(data)


def test_a_partition_that_cannot_be_read_is_named(small, tmp_path):
    damage(parts(tmp_path)[2])
    with pytest.raises(ConfigError, match=r"data\.audit: .*part-2\.parquet cannot be read") as caught:
        tk.audit(data=str(tmp_path / "part-*.parquet"), **ROLES)
    assert len(caught.value.problems) == 1


def test_a_partition_without_a_footer_is_named(small, tmp_path):
    parts(tmp_path)[1].write_bytes(b"PAR1 and nothing more")
    with pytest.raises(ConfigError, match=r"part-1\.parquet is not a readable parquet file"):
        tk.audit(data=str(tmp_path / "part-*.parquet"), **ROLES)


def test_a_column_whose_type_differs_is_named(small, tmp_path):
    path = parts(tmp_path)[3]
    made = pyarrow.parquet.read_table(path)
    pyarrow.parquet.write_table(made.set_column(3, "truth", pa.array(["yes"] * 500)), path)
    found = r"column 'truth' is int64 in part-0\.parquet but string in part-3\.parquet"
    with pytest.raises(ConfigError, match=found):
        tk.audit(data=str(tmp_path / "part-*.parquet"), **ROLES)


def test_fractions_beside_whole_numbers_are_one_column(small, tmp_path, monkeypatch):
    paths = parts(tmp_path)
    made = pyarrow.parquet.read_table(paths[3])
    truth = made.column("truth").cast(pa.float64())
    pyarrow.parquet.write_table(made.set_column(3, "truth", truth), paths[3])
    source = str(tmp_path / "part-*.parquet")
    expected = in_memory(source, monkeypatch, **ROLES)
    assert as_text(collect(tk.System(data=source, **ROLES), only=COUNTED)) == expected


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (
            duckdb.IOException("IO Error: could not write: No space left on device"),
            "no space left on the disk",
        ),
        (duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate"), "ran out of memory"),
        (OSError(28, "No space left on device"), "no space left on the disk"),
        (ConnectionRefusedError(111, "Connection refused"), "the engine ended midway"),
    ],
)
def test_an_engine_that_dies_midway_is_told(small, tmp_path, monkeypatch, error, found):
    parts(tmp_path)
    real, calls = counting.collected, []

    def dying(frame):
        calls.append(frame)
        if len(calls) == 3:
            raise error
        return real(frame)

    monkeypatch.setattr(counting, "collected", dying)
    with pytest.raises(ConfigError, match=rf"data\.audit: .*part-2\.parquet could not be counted: .*{found}"):
        collect(tk.System(data=str(tmp_path / "part-*.parquet"), **ROLES), only=["profiles"])


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (MemoryError(), "ran out of memory"),
        (OSError(28, "No space left on device"), "no space left on the disk"),
    ],
)
def test_a_count_that_dies_midway_is_told(small, tmp_path, monkeypatch, error, found):
    paths = parts(tmp_path)
    real = tallying.score_bins

    def dying(score):
        if len(score) == last:
            raise error
        return real(score)

    last = pyarrow.parquet.read_metadata(paths[2]).num_rows
    monkeypatch.setattr(tallying, "score_bins", dying)
    with pytest.raises(ConfigError, match=rf"data\.audit: .*part-.\.parquet could not be counted: .*{found}"):
        tk.audit(data=str(tmp_path / "part-*.parquet"), only=["bias/selection-rate"], **ROLES)


def test_the_rows_drawn_in_counting_are_those_that_are_drawn_alone(small, tmp_path):
    parts(tmp_path)
    source = str(tmp_path / "part-*.parquet")
    columns = ["truth", "score", "sex"]
    alone, counted = (relations.opened(source, seed=3) for _ in range(2))
    for piece in counted.pieces:
        tallying.tallied(counted, piece, Columns(("sex", "truth"), {}, "score"))
    assert counted.drawn_of(columns).equals(alone.drawn.select(columns))
    assert "drawn" not in counted.__dict__
    assert counted.drawn_of(["income"]).equals(alone.drawn.select(["income"]))


@pytest.mark.parametrize("share", [0.002, 0.1, 1.0])
@pytest.mark.parametrize("start", [0, 700, relations.PRIME - 5_000, 5 * relations.PRIME + 3])
def test_places_are_drawn_as_ids_are(start, share):
    rows = relations._SPAN + 10_000
    drawn = relations.is_drawn(np.arange(start, start + rows), 7, share)
    assert np.array_equal(relations.places_drawn(start, rows, 7, share), np.flatnonzero(drawn))


@pytest.mark.parametrize("group", [50, 90, 100, 250, 1000])
def test_the_parts_of_a_file_hold_each_row_once_and_its_place(group, tmp_path):
    path = tmp_path / "log.parquet"
    made = pa.table(
        {"row": np.arange(40, 1040), "sex": ["f", "m"] * 500, "note": list(map(str, range(1000)))}
    )
    pyarrow.parquet.write_table(made, path, row_group_size=group)
    parts = list(files.coded_reader(path, 100, 40)(["sex", "row"]))
    assert len(parts) == {50: 10, 90: 6, 100: 10, 250: 4, 1000: 1}[group]
    tables = [placed for part in reversed(parts) for placed in part]  # in any order
    for place, table in tables:
        assert table.column_names == ["sex", "row"]
        assert len(table) <= 100
        assert table.column("row").to_pylist() == list(range(place, place + len(table)))
    assert sum(len(table) for _, table in tables) == 1000
    assert pa.types.is_dictionary(tables[0][1].schema.field("sex").type)


def test_no_engine_is_asked_where_a_file_is_only_counted(small, tmp_path, monkeypatch):
    def asked(path):
        raise AssertionError(path)

    monkeypatch.setattr(files, "lazy_parquet", asked)
    data = engines(table(), tmp_path)["parquet"]
    assert collect(tk.System(data=data, **ROLES), only=["cells"]).kinds["cells"].rows == 3000


@pytest.mark.parametrize("role", ["score", "weight"])
def test_a_column_of_a_file_that_holds_no_numbers_is_named_by_its_role(small, tmp_path, role):
    made = table()
    texts = pa.array(["high", "low"] * (len(made) // 2))
    made = made.set_column(made.column_names.index(role), role, texts)
    pyarrow.parquet.write_table(made, tmp_path / "log.parquet")
    with pytest.raises(ConfigError, match=rf"data\.{role}: .*'{role}'"):
        tk.audit(data=str(tmp_path / "log.parquet"), **ROLES)


def test_files_are_digested_as_they_are(small, tmp_path):
    paths = parts(tmp_path)
    relation = relations.opened(str(tmp_path / "part-*.parquet"))
    relation.digested()
    expected = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    assert [each.sha256 for each in relation.inputs] == expected


def test_a_file_that_cannot_be_digested_is_named(small, tmp_path):
    paths = parts(tmp_path)
    relation = relations.opened(str(tmp_path / "part-*.parquet"))
    paths[1].unlink()
    with pytest.raises(ConfigError, match=r"part-1\.parquet cannot be read"):
        _ = relation.inputs


def test_a_fault_of_our_own_is_no_fault_of_the_engine(small, monkeypatch):
    def broken(frame):
        raise ZeroDivisionError

    monkeypatch.setattr(counting, "collected", broken)
    with pytest.raises(ZeroDivisionError):
        collect(tk.System(data=pl.from_arrow(table()).lazy(), **ROLES), only=["cells"])


CONFIGURATION = """
[data]
audit = "part-*.parquet"
target = "truth"
prediction = "decision"
score = "score"
weight = "weight"
favorable = 1
sensitive = ["sex"]
id = "row"
"""


def test_collect_goes_on_from_finished_partitions(small, tmp_path, monkeypatch):
    paths = parts(tmp_path)
    sound = tmp_path / "sound"
    shutil.copy(paths[2], sound)
    (tmp_path / "trustkit.toml").write_text(CONFIGURATION)
    run, output = CliRunner(), tmp_path / "evidence.json"
    arguments = ["collect", str(tmp_path), "-o", str(output), "--quiet"]
    damage(paths[2])
    failed = run.invoke(app, arguments)
    assert failed.exit_code == 2
    assert "part-2.parquet cannot be read" in failed.output
    assert "--resume" in failed.output
    assert not output.exists()
    kept = sorted((tmp_path / "evidence.json.parts").iterdir())
    assert len(kept) == 2
    shutil.copy(sound, paths[2])

    counts = []
    for module, name in ((counting, "_grouped"), (tallying, "_Total")):
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given, real=real: counts.append(1) or real(*given))
    assert run.invoke(app, [*arguments, "--resume"]).exit_code == 0
    resumed = len(counts)
    assert not (tmp_path / "evidence.json.parts").exists()
    monkeypatch.setattr(relations, "WHOLE_ROWS", 10**9)
    monkeypatch.setattr(relations, "WHOLE_BYTES", 10**12)
    whole = collect(tk.System(config=tk.System.read(tmp_path).config), only=COUNTED)
    assert as_text(Evidence.load(output)) == as_text(whole)
    assert resumed == 2 * 2  # cells and profiles of the two that were left


def test_a_machine_of_many_cores_has_few_threads_hold_a_batch(small, tmp_path, monkeypatch):
    pyarrow.parquet.write_table(table(), tmp_path / "log.parquet", row_group_size=100)
    asked = []

    class Pool(ThreadPoolExecutor):
        def __init__(self, workers):
            asked.append(workers)
            super().__init__(workers)

    monkeypatch.setattr(tallying, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr(tallying.os, "cpu_count", lambda: 64)
    collect(tk.System(data=str(tmp_path / "log.parquet"), **ROLES), only=["cells"])
    assert asked == [8]


def test_no_thread_goes_on_once_one_has_failed(small, tmp_path, monkeypatch):
    made = pa.table({"sex": ["F"] * 9, "truth": [0] * 9, "score": ["high", *["0.5"] * 8]})
    taken = []

    def parts(_):
        yield iter([(0, made)])
        yield ((at, made.slice(1)) for at in range(9, 3009) if not taken.append(at))

    relation = relations.Relation("data.audit", made.column_names, 3009, [])
    columns = Columns(("sex", "truth"), {}, "score", None)
    with pytest.raises(ConfigError, match="'score' is text, and in row 1 not a number"):
        tallying.tallied(relation, relations.Piece("a log", lambda _: iter(()), coded=parts), columns)
    assert len(taken) < 3000


def test_partitions_without_rows_change_nothing(small, tmp_path):
    paths = parts(tmp_path)
    source = str(tmp_path / "part-*.parquet")
    before = collect(tk.System(data=source, **ROLES), only=COUNTED)
    none = pyarrow.parquet.read_table(paths[0]).slice(0, 0)
    for name in ("part-.parquet", "part-11.parquet", "part-9.parquet"):  # first, amid the others, and last
        pyarrow.parquet.write_table(none, tmp_path / name)
    after = collect(tk.System(data=source, **ROLES), only=COUNTED)
    assert as_text(after) == as_text(before)
    assert [each.rows for each in after.inputs] == [0, 500, 500, 0, 500, 500, 0]  # each with its digest


def test_partitions_of_csv_without_rows_change_nothing(small, tmp_path):
    made = table().to_pandas()
    for at in range(2):
        made[at * 500 : at * 500 + 500].to_csv(tmp_path / f"part-{at}.csv", index=False)
    source = str(tmp_path / "part-*.csv")
    before = collect(tk.System(data=source, **ROLES), only=COUNTED)
    made[:0].to_csv(tmp_path / "part-00.csv", index=False)
    after = collect(tk.System(data=source, **ROLES), only=COUNTED)
    assert as_text(after) == as_text(before)
    assert [each.rows for each in after.inputs] == [500, 0, 500]


def test_a_partition_that_changed_is_counted_again(small, tmp_path):
    paths = parts(tmp_path)
    (tmp_path / "trustkit.toml").write_text(CONFIGURATION)
    output = tmp_path / "evidence.json"
    arguments = ["collect", str(tmp_path), "-o", str(output), "--quiet"]
    intact = paths[3].read_bytes()
    damage(paths[3])
    assert CliRunner().invoke(app, arguments).exit_code == 2
    paths[3].write_bytes(intact)
    changed = pyarrow.parquet.read_table(paths[0]).slice(0, 400)
    pyarrow.parquet.write_table(changed, paths[0])
    assert CliRunner().invoke(app, [*arguments, "--resume"]).exit_code == 0
    assert Evidence.load(output).kinds["cells"].rows == 1900


def test_evidence_of_partitions_merges_to_that_of_the_whole(small, tmp_path):
    paths = parts(tmp_path)
    merged = None
    for path in paths:
        each = collect(tk.System(data=str(path), **ROLES), only=["cells"])
        merged = each if merged is None else merged + each
    whole = collect(tk.System(data=str(tmp_path / "part-*.parquet"), **ROLES), only=["cells"])
    assert as_text(merged) == as_text(whole)
