"""Frames: one meaning of missing, one text of each label, whatever holds the table; errors that help."""

import hashlib
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trustkit.errors import ConfigError
from trustkit.frames import Frame, FrameError, Input, header, joined, label_text, labels_of

NAN = float("nan")


def decoded(labels):
    return [labels.names[code] for code in labels.codes]


def problems(call, *args, **options):
    with pytest.raises(ConfigError) as caught:
        call(*args, **options)
    return caught.value.problems


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(tmp_path, name, content, column="a"):
    write(tmp_path, name, content)
    return Frame.open(name, folder=tmp_path).labels(column)


# One text of each label


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (1.0, "1"),
        (np.int8(1), "1"),
        (np.float32(1), "1"),
        (Decimal("1.00"), "1"),
        (-0.0, "0"),
        (0.5, "0.5"),
        (np.float32(0.1), "0.1"),
        (Decimal("0.50"), "0.5"),
        (1e16, "10000000000000000"),
        (True, "true"),
        (np.False_, "false"),
        ("true", "true"),
        (" a ", " a "),
        ("NaN", "NaN"),
        ("", "(missing)"),
        (None, "(missing)"),
        (NAN, "(missing)"),
        (np.float32("nan"), "(missing)"),
        (pd.NA, "(missing)"),
        (pd.NaT, "(missing)"),
        (np.datetime64("NaT"), "(missing)"),
        (Decimal("NaN"), "(missing)"),
        (float("inf"), "inf"),
        (2**70, str(2**70)),
        (Decimal("0.12345678901234567890"), "0.1234567890123456789"),
        (date(2026, 3, 1), "2026-03-01"),
        (datetime(2026, 3, 1), "2026-03-01"),
        (pd.Timestamp("2026-03-01T05:00"), "2026-03-01T05:00:00"),
        (np.datetime64("2026-03-01"), "2026-03-01"),
        (b"a", "a"),
        (pd.Interval(0, 1), "(0, 1]"),
    ],
)
def test_label_text(value, text):
    assert label_text(value) == text


@pytest.mark.parametrize(
    ("values", "names", "codes"),
    [
        ([10, 9, 1], ("1", "9", "10"), [2, 1, 0]),
        (["b", "10", "9", "a"], ("9", "10", "a", "b"), [3, 1, 0, 2]),
        ([1, "1", 1.0, Decimal(1)], ("1",), [0, 0, 0, 0]),
        ([True, 1], ("1", "true"), [1, 0]),
        ([1, True], ("1", "true"), [0, 1]),
        ([1.0, True], ("1", "true"), [0, 1]),
        ([np.True_, 1], ("1", "true"), [1, 0]),
        ([True, None, False], ("false", "true", "(missing)"), [1, 2, 0]),
        ([None, NAN, pd.NA, pd.NaT, "", "a"], ("a", "(missing)"), [1, 1, 1, 1, 1, 0]),
        ([None, None], ("(missing)",), [0, 0]),
        ([date(2020, 1, 1), datetime(2020, 1, 1, 5)], ("2020-01-01", "2020-01-01T05:00:00"), [0, 1]),
        ([2**70, 1], ("1", str(2**70)), [1, 0]),
        ([-1, 0.5, -0.0], ("-1", "0", "0.5"), [0, 2, 1]),
        (["NA", "nan", None], ("NA", "nan", "(missing)"), [0, 1, 2]),
        (["\ud800"], ("\\ud800",), [0]),
        ([], (), []),
    ],
)
def test_mixed_values_are_told_apart_by_their_text(values, names, codes):
    for held in (values, pd.Series(values, dtype=object), np.array([*values, None], dtype=object)[:-1]):
        found = labels_of(held)
        assert (found.names, found.codes.tolist()) == (names, codes)


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1, 0, None, 1], dtype="Int8"),
        pd.Series([1, 0, None, 1], dtype="float64"),
        pd.Series([1, 0, None, 1], dtype="float32"),
        pd.Series([1, 0, None, 1], dtype="Float64"),
        pd.Series([1, 0, None, 1], dtype="int64[pyarrow]"),
        pd.Series(["1", "0", None, "1"], dtype="str"),
        pd.Series(["1", "0", None, "1"], dtype="string[python]"),
        pd.Series(["1", "0", None, "1"], dtype=pd.ArrowDtype(pa.string())),
        pd.Series(["1", "0", "", "1"], dtype=object),
        pd.Series([1.0, 0.0, None, 1.0], dtype="category"),
        pd.Series([1, 0, None, 1], dtype="Sparse[float64]"),
        pd.Series(["1", "0", None, "1"], dtype=pd.CategoricalDtype(["unused", "1", "0"])),
        pd.Series([Decimal("1.0"), Decimal(0), None, Decimal(1)], dtype=object),
        pl.Series([1, 0, None, 1], dtype=pl.UInt8),
        pl.Series([1.0, -0.0, NAN, 1.0]),
        pl.Series(["1", "0", None, "1"], dtype=pl.Categorical),
        pl.Series(["1", "0", None, "1"], dtype=pl.Enum(["0", "unused", "1"])),
        pl.Series([Decimal("1.0"), Decimal(0), None, Decimal("1.0")]),
        pa.array([1, 0, None, 1], pa.uint64()),
        pa.array(["1", "0", None, "1"], pa.string_view()),
        pa.array(np.array([1, 0, NAN, 1], np.float16)),
        pa.chunked_array(
            [pa.array(["1", "0"]).dictionary_encode(), pa.array([None, "1"]).dictionary_encode()]
        ),
        pa.DictionaryArray.from_arrays(pa.array([1, 0, None, 1], pa.uint64()), pa.array(["0", "1"])),
        pa.DictionaryArray.from_arrays(pa.array([2, 1, 0, 2]), pa.array([None, 0, 1])),
        np.array([1, 0, NAN, 1]),
        np.array(["1", "0", "", "1"]),
    ],
    ids=lambda values: f"{type(values).__module__}-{getattr(values, 'dtype', getattr(values, 'type', ''))}",
)
def test_labels_are_the_same_from_every_type(values):
    found = labels_of(values)
    assert (found.names, found.codes.tolist()) == (("0", "1", "(missing)"), [1, 0, 2, 1])


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "int64", "uint64"])
def test_the_ends_of_an_integer_type_are_coded(kind):
    ends = np.iinfo(kind)
    for values in ([ends.min, ends.max], [ends.max - 1, ends.max], [ends.min, ends.min + 1]):
        array = pa.array([*values, None], kind)
        assert labels_of(array).names == (*map(str, values), "(missing)")
        assert labels_of(np.array(values, kind)).codes.tolist() == [0, 1]


def test_float32_labels_are_spelled_at_their_own_width():
    assert labels_of(np.array([0.1, 2], np.float32)).names == ("0.1", "2")
    assert labels_of(pl.Series([0.1, 2], dtype=pl.Float32)).names == ("0.1", "2")


def test_categories_without_text_of_their_own():
    ages = pd.Series(pd.cut([5, 30, 70, NAN], [0, 25, 60, 99]))
    assert decoded(labels_of(ages)) == ["(0, 25]", "(25, 60]", "(60, 99]", "(missing)"]
    assert labels_of(pd.Series(pd.period_range("2026-01", periods=2, freq="M"))).names == (
        "2026-01",
        "2026-02",
    )


def test_categorical_codes_are_not_copied():
    series = pd.Series(["a", "b", "a"], dtype="category")
    assert np.shares_memory(labels_of(series).codes, series.array.codes)


def test_wide_integers_and_many_labels():
    values = np.arange(100_000) * 7919
    found = labels_of(values[::-1])
    assert found.names == tuple(map(str, values))
    assert (found.codes == np.arange(100_000)[::-1]).all()


@pytest.mark.parametrize(
    "values", [[[1], [2]], [{"a": 1}], np.ones((2, 2)), pl.DataFrame({"a": [1]}), object()]
)
def test_what_cannot_be_labels(values):
    with pytest.raises(FrameError):
        labels_of(values)


def test_joined_batches_share_their_labels():
    found = joined([labels_of(["b", None]), labels_of([1, 2]), labels_of(["a", "1"])])
    assert found.names == ("1", "2", "a", "b", "(missing)")
    assert decoded(found) == ["b", "(missing)", "1", "2", "a", "1"]


# The same table, whatever holds it

WORDS = st.text("abcXYZ é,\"'\n;", min_size=0, max_size=5)
COLUMNS = {
    "text": (st.none() | WORDS.filter(lambda text: text.strip() == text), pl.String),
    "number": (st.none() | st.integers(-(2**40), 2**40), pl.Int64),
    "small": (st.integers(-3, 3), pl.Int16),
    "fraction": (st.none() | st.floats(allow_nan=False, allow_infinity=False, width=32), pl.Float64),
    "flag": (st.none() | st.booleans(), pl.Boolean),
}


@st.composite
def tables(draw):
    rows = draw(st.integers(1, 12))
    return {
        name: draw(st.lists(values, min_size=rows, max_size=rows)) for name, (values, _) in COLUMNS.items()
    }


def homes(frame, folder):
    """Yield the polars frame as every kind of source."""
    plain, arrow = frame.to_pandas(), frame.to_arrow()
    yield from (frame, frame.lazy(), arrow, plain, arrow.combine_chunks().to_batches()[0])
    yield arrow.to_pandas(types_mapper=pd.ArrowDtype)
    yield plain.convert_dtypes(dtype_backend="numpy_nullable")
    yield plain.astype(object)
    yield plain.astype("category")
    plain.to_csv(folder / "t.csv", index=False)
    frame.write_csv(folder / "p.CSV", quote_style="non_numeric")
    frame.write_parquet(folder / "t.parquet")
    plain.to_parquet(folder / "i.parquet")
    pyarrow.feather.write_feather(arrow, folder / "t.feather")
    frame.write_ipc(folder / "t.arrow")
    frame.write_ipc_stream(folder / "t.ipc")
    frame.write_ndjson(folder / "t.jsonl")
    plain.to_json(folder / "t.ndjson", orient="records", lines=True, double_precision=15)
    yield from sorted(folder.iterdir())


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=tables())
def test_every_home_of_a_table_gives_the_same_labels(tmp_path_factory, table):
    folder = tmp_path_factory.mktemp("homes")
    frame = pl.DataFrame(table, schema={name: kind for name, (_, kind) in COLUMNS.items()})
    for source in homes(frame, folder):
        opened = Frame.open(source)
        assert opened.columns == list(table), source
        for name, values in table.items():
            if name == "fraction" and str(source).endswith("t.ndjson"):
                continue  # written by pandas to 15 digits
            labels = opened.labels(name)
            assert decoded(labels) == [label_text(value) for value in values], (source, name)
            assert set(labels.names) == set(decoded(labels)), (source, name)
            assert labels.names == labels_of(values).names, (source, name)


def test_duckdb_sums_are_numbers_and_labels():
    duckdb = pytest.importorskip("duckdb")
    relation = duckdb.sql(
        "select g, sum(v) as total from (values ('a', 1), ('b', 2)) t(g, v) group by g order by g"
    )
    frame = Frame.open(relation)  # HUGEINT, so Decimal
    assert frame.labels("total").names == ("1", "2")
    assert frame.numbers("total").tolist() == [1, 2]


# Numbers and bins


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1.5, None, 0]),
        pd.Series([1.5, None, 0], dtype="category"),
        pd.Series([1.5, None, "0"], dtype=object),
        pd.Series([Decimal("1.5"), None, Decimal(0)], dtype=object),
        pd.Series(["1.5", "", " 0 "]),
        pd.Series([1.5, None, 0], dtype="Float32"),
        pd.Series(["1.5", None, "0"], dtype=pd.CategoricalDtype(["unused", "1.5", "0"])),
        pl.Series([1.5, NAN, 0]),
        pl.Series([1.5, None, 0]),
        pa.array([Decimal("1.5"), None, Decimal("0.0")]),
    ],
)
def test_numbers(values):
    if isinstance(values, pd.Series):
        frame = Frame.open(pd.DataFrame({"a": values}))
    else:
        frame = Frame.open(
            pl.DataFrame({"a": values}) if isinstance(values, pl.Series) else pa.table({"a": values})
        )
    numbers = frame.numbers("a")
    assert numbers.dtype == np.float64
    np.testing.assert_array_equal(numbers, [1.5, NAN, 0])


def test_booleans_are_numbers_and_no_value_is_lost():
    frame = Frame.open(pd.DataFrame({"a": [True, False], "b": [None, None], "c": [2**60, 1]}))
    assert frame.numbers("a").tolist() == [1, 0]
    assert np.isnan(frame.numbers("b")).all()
    assert frame.numbers("c").tolist() == [float(2**60), 1]


@pytest.mark.parametrize(
    ("values", "said"),
    [(["1", "secret"], "row 2"), (pd.to_datetime(["2026-01-01", None]), "timestamp"), ([[1], [2]], "list")],
)
def test_what_is_no_number_is_named_and_not_shown(values, said):
    with pytest.raises(FrameError, match="column 'a'.*" + said) as caught:
        Frame.open(pd.DataFrame({"a": values})).numbers("a")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("wrap", [pd.DataFrame, pl.DataFrame, pa.table])
def test_bins_are_right_open_and_missing_falls_in_none(wrap):
    frame = Frame.open(wrap({"age": [24.9, 25, 59, 60, NAN, 101]}))
    found = frame.binned("age", [25, 60])
    assert found.names == ("<25", "25..<60", ">=60", "(missing)")
    assert found.codes.tolist() == [0, 1, 1, 2, 3, 2]
    assert frame.binned("age", [0.5]).names == (">=0.5", "(missing)")


def test_bins_keep_the_order_of_their_edges():
    frame = Frame.open(pd.DataFrame({"a": [-5, 5, 50, 500]}))
    assert frame.binned("a", [-1, 10, 100]).names == ("<-1", "-1..<10", "10..<100", ">=100")


@pytest.mark.parametrize("edges", [[], [2, 1], [1, 1], [NAN, 1]])
def test_edges_must_increase(edges):
    with pytest.raises(FrameError, match="increase"):
        Frame.open(pd.DataFrame({"a": [1]})).binned("a", edges)


@pytest.mark.parametrize("wrap", [pd.DataFrame, pa.table, pl.DataFrame])
def test_what_is_missing(wrap):
    table = {
        "number": [1.0, float("nan"), None, 3.0],
        "whole": [1, None, 2, 3],
        "text": ["a", "", None, "(missing)"],
        "lists": [[1], None, [], [2]],
    }
    frame = Frame.open(wrap(table))
    assert frame.missing("number").tolist() == [False, True, True, False]
    assert frame.missing("whole").tolist() == [False, True, False, False]
    assert frame.missing("text").tolist() == [False, True, True, False]
    assert frame.missing("lists").tolist() == [False, True, False, False]


def test_missing_categories_and_arrays():
    table = pd.DataFrame({"kind": pd.Categorical(["a", None, ""]), "array": [np.ones(2), None, np.ones(3)]})
    assert Frame.open(table).missing("kind").tolist() == [False, True, True]
    assert Frame.open(table).missing("array").tolist() == [False, True, False]
    coded = pa.table({"kind": pa.array(["a", None, ""]).dictionary_encode()})
    assert Frame.open(coded).missing("kind").tolist() == [False, True, True]


def test_an_unknown_column_is_named():
    for method in ("labels", "numbers"):
        with pytest.raises(FrameError, match="'b'"):
            getattr(Frame.open(pd.DataFrame({"a": [1]})), method)("b")


# Batches


def test_batches_keep_types_and_order():
    source = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "x"], "c": [1.5, None, 2], 7: [True, False, True]})
    source["b"] = source["b"].astype("category")
    frame = Frame.open(source)
    batches = list(frame.batches(["b", "7", "a"], size=2))
    assert [len(batch) for batch in batches] == [2, 1]
    pd.testing.assert_frame_equal(pd.concat(batches), source[["b", 7, "a"]])


@pytest.mark.parametrize("make", [pd.DataFrame, pa.table])
def test_rows_at_some_places_keep_their_order(make):
    frame = Frame.open(make({"a": [1.5, None, 2.5], "b": ["x", "y", "z"]})).at(np.array([2, 0, 2]))
    assert frame.rows == 3
    assert frame.numbers("a").tolist() == [2.5, 1.5, 2.5]
    assert decoded(frame.labels("b")) == ["z", "x", "z"]


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_batches_from_a_file_are_what_pandas_reads(tmp_path, suffix):
    source = pd.DataFrame({"a": pd.array([1, None, 3], "Int64"), "b": ["x", "y", "x"], "c": [1, 2, 3]})
    source["b"] = source["b"].astype("category")
    getattr(source, f"to_{suffix}")(tmp_path / f"t.{suffix}")
    frame = Frame.open(tmp_path / f"t.{suffix}")
    pd.testing.assert_frame_equal(pd.concat(frame.batches(["c", "a", "b"], 2)), source[["c", "a", "b"]])


def test_a_written_index_is_a_column_where_it_has_a_name(tmp_path):
    pd.DataFrame({"a": [1, 2]}, index=[5, 6]).to_parquet(tmp_path / "plain.parquet")
    pd.DataFrame({"a": [1, 2]}, index=pd.Index([5, 6], name="id")).to_parquet(tmp_path / "named.parquet")
    assert Frame.open(tmp_path / "plain.parquet").columns == ["a"]
    named = Frame.open(tmp_path / "named.parquet")
    assert named.columns == ["a", "id"]
    assert next(named.batches(["id", "a"])).to_dict("list") == {"id": [5, 6], "a": [1, 2]}


def test_the_input_is_never_changed():
    source = pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.Categorical(["u", "v"])})
    before = source.copy(deep=True)
    frame = Frame.open(source)
    frame.labels("a"), frame.labels("b"), frame.labels("c"), frame.numbers("a"), frame.binned("a", [2])
    batch = next(frame.batches(["a", "b"]))
    batch["a"] = 0
    pd.testing.assert_frame_equal(source, before)


def test_columns_are_coded_in_threads_as_in_one():
    source = pd.DataFrame({"a": list("xyz") * 20_000, "b": [1, 2, 3] * 20_000})
    frame, barrier = Frame.open(source), threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda name: (barrier.wait(), frame.labels(name))[1], ["a", "b"] * 4))
    assert {labels.names for labels in found} == {("x", "y", "z"), ("1", "2", "3")}


def test_no_warning_is_raised_for_plain_frames():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Frame.open(pl.DataFrame({"a": [1]}).lazy()).labels("a")


# csv, which has no types


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a\n1\n2\n", ["1", "2"]),
        ("a,b\n1,\n,\nNA,\nN/A,\nNaN,\nnan,\nnull,\nNULL,\n", ["1", *["(missing)"] * 7]),
        ("a,b\n1.0,\n,\n", ["1", "(missing)"]),
        ("a,b\nNA,\nZA,\n,\n", ["NA", "ZA", "(missing)"]),
        ("a\nNA\nnull\n", ["NA", "null"]),
        ("a\nTrue\nfalse\nNA\n", ["true", "false", "(missing)"]),
        ("a\nTrue\nyes\n", ["True", "yes"]),
        ("a\n01\n10\n", ["01", "10"]),
        ("a\n0x1A\n", ["0x1A"]),
        ("a,b\n 1,x\n 2,y\n", ["1", "2"]),
        ("a\n x\ny \n", [" x", "y "]),
        ('a\n"x\ny"\n"z,""q"""\n', ["x\ny", 'z,"q"']),
        ("\ufeffa\nx\n", ["x"]),
        ("a\r\nx\r\ny", ["x", "y"]),
        ("a\n2026-03-01\n", ["2026-03-01"]),
        ("a\n" + "1\n" * 300_000 + "late\n", [*["1"] * 300_000, "late"]),
        ("a\n12345678901234567891\n12345678901234567892\n", ["12345678901234567891", "12345678901234567892"]),
        ("a,b\n1e300,\n,\n0.5,\n", [str(int(1e300)), "(missing)", "0.5"]),
        ("a,b\ny," + "x" * 3_000_000 + "\n", ["y"]),
        ("a\n" + "NA\n" * 2_000 + "1\n", [*["(missing)"] * 2_000, "1"]),
    ],
)
def test_csv(tmp_path, content, expected):
    assert decoded(read(tmp_path, "t.csv", content)) == expected


def test_csv_numbers_with_missing_values(tmp_path):
    write(tmp_path, "t.csv", "a,b\n1.5,x\n,y\nNA,z\n")
    np.testing.assert_array_equal(Frame.open("t.csv", folder=tmp_path).numbers("a"), [1.5, NAN, NAN])


# jsonl


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"a": 1}\n{"b": 2}\n{"a": null}\n', ["1", "(missing)", "(missing)"]),
        ('{"a": 1}\n\n{"a": "1"}\n{"a": true}\n{"a": "x"}\n', ["1", "1", "true", "x"]),
        ('{"a": "2026-03-01 05:00:00"}\n', ["2026-03-01 05:00:00"]),
        (
            '{"a": 12345678901234567891}\n{"a": 12345678901234567892}',
            ["12345678901234567891", "12345678901234567892"],
        ),
        ('{"a": NaN}\n{"a": 1.0}\n', ["(missing)", "1"]),
        ('{"b": 1}\n' * 1_500 + '{"a": 1}\n', [*["(missing)"] * 1_500, "1"]),
        ('{"b": 1}\n' * 1_500 + '{"a": 1}\n{"a": "x"}\n', [*["(missing)"] * 1_500, "1", "x"]),
    ],
)
def test_jsonl(tmp_path, content, expected):
    assert decoded(read(tmp_path, "t.jsonl", content)) == expected


# Partitions, projection, provenance


def test_partitions_are_joined_in_order_and_their_types_unified(tmp_path):
    write(tmp_path, "p2.csv", "a,b\nx,1.5\n")
    write(tmp_path, "p1.csv", "b,a\n2,1\n")
    frame = Frame.open("p*.csv", key="data.train", folder=tmp_path)
    assert decoded(frame.labels("a")) == ["1", "x"]
    assert frame.numbers("b").tolist() == [2, 1.5]
    digest = hashlib.sha256(b"b,a\n2,1\n").hexdigest()
    assert frame.inputs[0] == Input("train", "p1.csv", digest, 1)
    assert [each.path for each in frame.inputs] == ["p1.csv", "p2.csv"]


def test_partitions_of_one_type_keep_it(tmp_path):
    for name, text in (("1", "x"), ("2", "y")):
        source = pd.DataFrame({"a": pd.array([1, None], "Int64"), "b": pd.Categorical([text, text])})
        source.to_parquet(tmp_path / f"{name}.parquet")
    frame = Frame.open("*.parquet", folder=tmp_path)
    assert decoded(frame.labels("b")) == ["x", "x", "y", "y"]
    kinds = next(frame.batches(["a", "b"])).dtypes.astype(str).tolist()
    assert kinds == ["Int64", "category"]


def test_partitions_of_differing_types(tmp_path):
    pl.DataFrame({"a": [1], "b": pl.Series(["x"], dtype=pl.Categorical), "c": [None]}).write_parquet(
        tmp_path / "1.parquet"
    )
    pl.DataFrame({"a": [0.5], "b": ["y"], "c": ["z"]}).write_parquet(tmp_path / "2.parquet")
    frame = Frame.open("*.parquet", folder=tmp_path)
    assert frame.labels("a").names == ("0.5", "1")
    assert decoded(frame.labels("b")) == ["x", "y"]
    assert decoded(frame.labels("c")) == ["(missing)", "z"]
    pl.DataFrame({"a": ["text"], "b": ["y"], "c": ["z"]}).write_parquet(tmp_path / "3.parquet")
    found = [problem.found for problem in problems(Frame.open, "*.parquet", folder=tmp_path)]
    assert any("'a'" in each and "3.parquet" in each for each in found)


def test_every_faulty_partition_is_reported(tmp_path):
    write(tmp_path, "1.csv", "a,b\n1,2\n")
    write(tmp_path, "2.csv", "a\n1\n")
    write(tmp_path, "3.csv", "")
    found = [problem.found for problem in problems(Frame.open, "*.csv", folder=tmp_path)]
    assert found == ["no column 'b' in 2.csv", "3.csv is empty"]


def test_an_empty_partition_among_full_ones_is_no_error(tmp_path):
    write(tmp_path, "1.csv", "a\n")
    write(tmp_path, "2.csv", "a\n1\n")
    assert Frame.open("*.csv", folder=tmp_path).rows == 1


def test_a_file_named_like_a_pattern_is_read(tmp_path):
    write(tmp_path, "t[1].csv", "a\n1\n")
    assert Frame.open("t[1].csv", folder=tmp_path).rows == 1


@pytest.mark.parametrize("suffix", ["csv", "parquet", "feather", "jsonl"])
def test_only_the_columns_asked_for_are_read(tmp_path, suffix):
    table = pl.DataFrame({"a": [1], "b.c": [2], "d": [3]})
    path = tmp_path / f"t.{suffix}"
    {
        "csv": table.write_csv,
        "parquet": table.write_parquet,
        "feather": table.write_ipc,
        "jsonl": table.write_ndjson,
    }[suffix](path)
    for source in (path, table, table.lazy(), table.to_arrow(), table.to_pandas()):
        frame = Frame.open(source, columns=["d", "b.c", "d"])
        assert frame.columns == ["d", "b.c"]
        assert frame.labels("b.c").names == ("2",)
        assert header(source) == ["a", "b.c", "d"]


def test_paths_are_posix_and_relative_to_the_folder(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "conf").mkdir()
    path = write(tmp_path / "data", "t.csv", "a\n1\n")
    for source in ("../data/t.csv", path, Path("../data/t.csv")):
        assert Frame.open(source, folder=tmp_path / "conf").inputs[0].path == "../data/t.csv"


def test_a_frame_in_memory_has_no_inputs():
    frame = Frame.open(pd.DataFrame({"a": [1, 2]}))
    assert (frame.inputs, frame.rows, frame.columns) == ([], 2, ["a"])


# Errors


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", "", "t.csv is empty"),
        ("t.csv", "\n\n", "has no columns"),
        ("t.csv", "a,b\n", "t.csv has no rows"),
        ("t.csv", "a\n\u00e9\n".encode("latin-1"), "UTF-8"),
        ("t.csv", "a,\u00e9\n1,2\n".encode("latin-1"), "UTF-8"),
        ("t.csv", "a,b\n1,2\n".encode("utf-16"), "NUL"),
        ("t.csv", b"a\n\x00secret\n", "NUL"),
        ("t.csv", "a,b\n1,2\nsecret,4,5\n", "a row of 3 values under a header of 2 names"),
        ("t.csv", "a,b,a,c,c\n1,2,3,4,5\n", "column 'c' occurs more than once in t.csv"),
        ("t.parquet", b"PAR1secret", "not a readable parquet file"),
        ("t.feather", b"ARROW1\0\0secret", "not a readable feather file"),
        ("t.arrow", b"secret", "not a readable arrow file"),
        ("t.jsonl", '{"a": 1}\nsecret\n', "no JSON object in line 2"),
        ("t.jsonl", '[{"a": "secret"}]\n', "no JSON object in line 1"),
        ("t.jsonl", '{"a": "secr\u00e9t"}\n'.encode("latin-1"), "UTF-8"),
        ("t.jsonl", "{}\n", "no columns"),
        ("t.xlsx", "secret", "unknown suffix '.xlsx'"),
        ("t", "secret", "unknown suffix ''"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, name, content, said):
    write(tmp_path, name, content)
    found = problems(Frame.open, name, key="data.train", folder=tmp_path)
    assert {problem.key for problem in found} == {"data.train"}
    assert said in found[-1].found
    assert "secr" not in str(found)
    assert str(tmp_path) not in str(found)


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_files_cut_short(tmp_path, suffix, kept):
    pd.DataFrame({"a": np.arange(5000)}).sample(frac=1, random_state=0).to_parquet(tmp_path / "t.parquet")
    pd.DataFrame({"a": np.arange(5000)}).to_feather(tmp_path / "t.feather")
    whole = (tmp_path / f"t.{suffix}").read_bytes()
    write(tmp_path, f"t.{suffix}", whole[: int(len(whole) * kept)])
    for call in (Frame.open, header):
        assert f"not a readable {suffix} file" in problems(call, f"t.{suffix}", folder=tmp_path)[0].found


def test_files_that_are_not_there(tmp_path):
    write(tmp_path, "audit.csv", "a\n1\n")
    (tmp_path / "parts").mkdir()
    for call in (Frame.open, header):
        assert problems(call, "audti.csv", folder=tmp_path) == [
            ("data.audit", "no such file: audti.csv", "audit.csv")
        ]
        assert "no such file" in problems(call, "nowhere/audit.csv", folder=tmp_path)[0].found
        assert "no such file" in problems(call, "*.parquet", folder=tmp_path)[0].found
        assert "is a folder" in problems(call, "parts", folder=tmp_path)[0].found
    write(tmp_path, "audit.jsonl", '{"a": 1}')
    assert "several formats" in problems(Frame.open, "audit.*", folder=tmp_path)[0].found


def test_a_suffix_almost_right(tmp_path):
    write(tmp_path, "t.parqet", "")
    assert problems(Frame.open, "t.parqet", folder=tmp_path)[0].nearest == ".parquet"


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError

    write(tmp_path, "t.csv", "a\n1\n")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "permission denied" in problems(Frame.open, "t.csv", folder=tmp_path)[0].found


@pytest.mark.parametrize(
    "source", [[1], {"a": [1]}, np.ones((2, 2)), pd.Series([1]), pl.Series([1]), 3, None]
)
def test_what_is_no_frame(source):
    for call in (Frame.open, header):
        found = problems(call, source)[0].found
        assert type(source).__name__ in found
        assert "pandas" in found


def test_frames_without_rows_or_columns():
    for empty in (pd.DataFrame({"a": []}), pl.DataFrame({"a": []}), pa.table({"a": []})):
        assert "no rows" in problems(Frame.open, empty)[0].found
    assert "no columns" in problems(Frame.open, pd.DataFrame())[0].found


def test_columns_that_occur_twice_or_not_at_all():
    twice = pd.DataFrame([[1, 2, 3]], columns=["a", "a", "income"])
    assert problems(Frame.open, twice, columns=["incmoe", "zzz"]) == [
        ("data.audit", "column 'a' occurs more than once in the frame", None),
        ("data.audit", "no column 'incmoe' in the frame", "income"),
        ("data.audit", "no column 'zzz' in the frame", None),
    ]
    assert "'1'" in problems(Frame.open, pd.DataFrame([[1, 2]], columns=[1, "1"]))[0].found
    assert "'a'" in problems(Frame.open, pa.table([[1], [2]], names=["a", "a"]))[0].found


def test_polars_objects_are_refused_in_a_frame_and_told_apart_in_a_series():
    series = pl.Series("a", [1, "x", True], dtype=pl.Object)
    assert "'a' holds Python objects" in problems(Frame.open, pl.DataFrame([series]))[0].found
    assert decoded(labels_of(series)) == ["1", "x", "true"]


def test_a_lazy_frame_that_fails_says_so_without_its_data(tmp_path):
    write(tmp_path, "t.csv", "a\n1\nsecret\n")
    lazy = pl.scan_csv(tmp_path / "t.csv", schema={"a": pl.Int64})
    found = problems(Frame.open, lazy)
    assert "cannot be read" in found[0].found
    assert "secret" not in str(found)


def test_header_reads_no_rows(tmp_path):
    write(tmp_path, "t.csv", '\ufeff"a\nb",c\nnot,even,rows')
    assert header("t.csv", folder=tmp_path) == ["a\nb", "c"]
    assert "'a'" in problems(header, write(tmp_path, "d.csv", "a,a\n"))[0].found


@pytest.mark.parametrize("last", ["a", "late", None, ""])
def test_many_rows_of_text_are_coded_as_few_are(last):
    texts = ["b", None, "a", "", "10", "9"] * 12_000 + [last]
    labels = labels_of(pa.chunked_array([pa.array(texts[:5]), pa.array(texts[5:])]))
    assert labels.names == ("9", "10", "a", "b", *(["late"] if last == "late" else []), "(missing)")
    assert decoded(labels) == [text or "(missing)" for text in texts]
