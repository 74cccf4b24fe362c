"""One table on Spark: the same counts as in memory, the model asked on the workers, faults told."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyspark", reason="the extra spark is not installed")
if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
    pytest.skip("Spark needs Java", allow_module_level=True)

import pyarrow as pa
import pyarrow.parquet
from test_engines import COUNTED, ROLES, ROWS, Threshold, as_text, in_memory, parts, table

import trustkit as tk
from trustkit.collectors import collect
from trustkit.engines import relations
from trustkit.errors import ConfigError

pytestmark = [
    pytest.mark.end_to_end,
    # Spark's own words: of its support of pandas 3, of sockets that its gateway leaves open
    pytest.mark.filterwarnings("default"),
]


@pytest.fixture(scope="module")
def spark():
    from pyspark.sql import SparkSession

    here = Path(__file__).parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(here), str(here.parent)]))
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        settings = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}
        settings |= {"spark.sql.shuffle.partitions": "2", "spark.driver.host": "127.0.0.1"}
        builder = SparkSession.builder.master("local[2]").appName("trustkit")
        for key, value in settings.items():
            builder = builder.config(key, value)
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("OFF")
        yield session
        session.stop()


@pytest.fixture
def frame(spark, tmp_path):
    pyarrow.parquet.write_table(table(), tmp_path / "log.parquet", row_group_size=500)
    return spark.read.parquet(str(tmp_path / "log.parquet"))


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(relations, "WHOLE_ROWS", 100)
    monkeypatch.setattr(relations, "SAMPLE", 400)


def test_spark_counts_what_is_counted_in_memory(small, frame, monkeypatch):
    evidence = collect(tk.System(data=frame, **ROLES), only=COUNTED)
    assert as_text(evidence) == in_memory(table(), monkeypatch, **ROLES)
    assert next(cost for cost in evidence.costs if cost.kind == "cells").rows == ROWS


def test_spark_gives_the_same_findings(small, frame):
    checks = ("bias/selection-rate", "bias/error-rates", "safety/calibration")
    one, other = (tk.audit(data=data, only=checks, as_of="2026-11-24", **ROLES) for data in (frame, table()))
    assert list(one.findings) == list(other.findings)
    assert len(one.findings) > 10


def test_a_model_is_asked_on_the_workers(small, frame, monkeypatch):
    roles = {"sensitive": ["sex"], "target": "truth", "features": ["income", "children"], "favorable": 1}
    for more in ({}, {"unit": "children"}):
        with monkeypatch.context() as patch:
            patch.setattr(relations, "WHOLE_ROWS", 10**9)
            expected = as_text(collect(tk.System(Threshold(), table(), **roles, **more), only=["cells"]))
        model = Threshold()
        found = as_text(collect(tk.System(model, frame, **roles, **more), only=["cells"]))
        assert found == expected
        assert model.largest <= 1000, "it was asked here, of more than the first rows"


def test_units_are_hashed_on_the_workers(small, frame, monkeypatch):
    roles = {**ROLES, "unit": "children"}
    expected = in_memory(table(), monkeypatch, **roles)["cells"]
    assert as_text(collect(tk.System(data=frame, **roles), only=["cells"]))["cells"] == expected


def test_a_model_that_raises_on_a_worker_is_told(small, frame):
    class Broken(Threshold):
        def predict(self, X):
            if len(X) > 100:
                raise ValueError("a value of the data")
            return super().predict(X)

    roles = {"sensitive": ["sex"], "target": "truth", "features": ["income"], "favorable": 1}
    with pytest.raises(ConfigError, match="raised on a worker") as caught:
        collect(tk.System(Broken(), frame, **roles), only=["cells"])
    assert "a value" not in str(caught.value)


def test_the_same_rows_are_drawn(small, frame):
    from trustkit.collectors.sources import Sources

    ids = {}
    for name, data in {"spark": frame, "memory": table()}.items():
        sample = Sources.open(tk.System(data=data, **ROLES)).whole("audit")
        ids[name] = sample.numbers("row").tolist()
    assert ids["spark"] == ids["memory"]


def test_without_an_id_spark_draws_by_place(small, frame):
    from trustkit.collectors.sources import Sources

    roles = {**ROLES, "id": None}
    one, other = (Sources.open(tk.System(data=frame, **roles)).whole("audit") for _ in range(2))
    assert 300 < one.rows < 500
    assert np.array_equal(one.numbers("income"), other.numbers("income"))


def test_a_file_that_cannot_be_read_is_named(small, spark, tmp_path):
    paths = parts(tmp_path)
    frame = spark.read.parquet(str(tmp_path))
    paths[2].write_bytes(paths[2].read_bytes()[:2000])
    with pytest.raises(ConfigError, match=r"data\.audit: part-2\.parquet cannot be read"):
        collect(tk.System(data=frame, **ROLES), only=["cells"])


def test_a_million_rows_are_counted_alike(spark, tmp_path, monkeypatch):
    made = table(1_000_000)
    pyarrow.parquet.write_table(made, tmp_path / "log.parquet")
    expected = in_memory(made, monkeypatch, **ROLES)
    monkeypatch.setattr(relations, "WHOLE_ROWS", 999_999)
    for name, data in {
        "spark": spark.read.parquet(str(tmp_path / "log.parquet")),
        "files": str(tmp_path / "log.parquet"),
        "pyarrow": pa.dataset.dataset(tmp_path / "log.parquet"),
    }.items():
        found = as_text(collect(tk.System(data=data, **ROLES), only=COUNTED))
        assert found["cells"] == expected["cells"], name
        assert found["profiles"] == expected["profiles"], name
