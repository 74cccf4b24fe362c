"""One table on every engine: the same counts as in memory, the same rows drawn, and clear words for faults."""

from __future__ import annotations

import json
import shutil
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
from trustkit.cli import main
from trustkit.collectors import collect
from trustkit.engines import counting, files, relations
from trustkit.errors import ConfigError
from trustkit.evidence import Evidence
from trustkit.evidence.score_bins import SCORE_EDGES, score_bins

ROWS = 3000
COUNTED = ("cells", "classes", "profiles", "residuals")
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


@pytest.mark.parametrize("without", [(), ("duckdb",), ("duckdb", "polars")], ids=["all", "polars", "pyarrow"])
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


def test_every_engine_gives_the_same_findings(small, tmp_path):
    made = table()
    cards = {
        name: tk.audit(data=data, only=["bias", "TK-SAF-02"], as_of="2026-11-24", **ROLES)
        for name, data in engines(made, tmp_path).items()
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
