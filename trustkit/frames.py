"""The one door for data frames: any frame or file in; canonical labels, numbers and model batches out."""

from __future__ import annotations

import csv
import glob
import hashlib
import io
import json
import os
import re
import sys
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TypeAlias, TypeGuard

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.ipc
import pyarrow.json
import pyarrow.parquet

from trustkit.errors import ConfigError, Problem, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    _Choose: TypeAlias = Callable[[list[str]], list[str]]  # of the names in a file, those to read
    Integers: TypeAlias = NDArray[np.integer[Any]]
    Floats: TypeAlias = NDArray[np.float64]

MISSING = "(missing)"
_ACCEPTED = "a pandas, polars, pyarrow or other frame that narwhals knows, or the path of a file"
_ABSENT = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")  # in a csv column of numbers or booleans
_TRUE, _FALSE = ("true", "True", "TRUE"), ("false", "False", "FALSE")
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_CONVERTIBLE = (np.ndarray, list, tuple, pd.Series, pd.Index, pd.api.extensions.ExtensionArray)
_CHUNK = 65_536  # rows looked at together: few enough to stay in the cache
_FEW = 256  # texts, as groups and classes have, which the first rows are likely to hold
_SPAN = 4096  # integers of a narrower range are coded by their offset alone
_BLOCK = 8 << 20  # bytes of csv read at a time, which no row may exceed
_HEAD = 1000  # rows looked at before a guess


class FrameError(ValueError):
    """A column does not hold what was asked of it; the message shows its type, never a value."""


@dataclass(frozen=True, eq=False)
class Labels:
    """A column as codes into its distinct canonical labels.

    Attributes
    ----------
    names : tuple of str
        The labels that occur: numbers by value, then text, then ``(missing)``.
        Bins stand in the order of their edges.
    codes : ndarray of int, shape (rows,)
        The place in `names` of each row's label; of a small integer type, and
        possibly a read-only view of the caller's own data.
    """

    names: tuple[str, ...]
    codes: Integers

    @property
    def text(self) -> NDArray[Any]:
        """Label of each row, shape (rows,)."""
        return np.array(self.names, dtype=object)[self.codes]


@dataclass(frozen=True)
class Input:
    """One file that was read.

    Attributes
    ----------
    role : str
        What it is to the audit, as ``audit`` or ``train``.
    path : str
        POSIX path, relative to the configuration's folder.
    sha256 : str
        Digest of its bytes, in hexadecimal.
    rows : int
        How many rows it holds.
    """

    role: str
    path: str
    sha256: str
    rows: int


class Frame:
    """A table whose columns are read as canonical labels or as numbers, whatever library holds it.

    Attributes
    ----------
    columns : list of str
        The names of the columns.
    rows : int
        The number of rows, at least 1.
    inputs : list of Input
        The files that were read, none for a frame in memory.
    """

    def __init__(self, native: pd.DataFrame | pa.Table, columns: list[str], inputs: list[Input]) -> None:
        self._native = native
        self._at = {name: at for at, name in enumerate(_names(native))}
        self.columns = columns
        self.rows = len(native)
        self.inputs = inputs

    @classmethod
    def open(
        cls,
        source: object,
        *,
        key: str = "data.audit",
        folder: str | os.PathLike[str] | None = None,
        columns: Iterable[str] | None = None,
    ) -> Frame:
        """Open a frame in memory or read it from files.

        Parameters
        ----------
        source : frame, str or Path
            A pandas, polars, pyarrow or other frame that narwhals knows, or
            the path of a csv, parquet, feather (arrow, ipc) or jsonl (ndjson)
            file, or a glob pattern for partitions of one table.
        key : str
            The configuration key to which problems belong.
        folder : str or Path, optional
            Where relative paths begin; the working directory by default.
        columns : iterable of str, optional
            The columns to read, all by default.

        Raises
        ------
        ConfigError
            With every problem found: no such file, damaged, empty, unknown columns, ...
        """
        wanted = None if columns is None else list(dict.fromkeys(columns))
        if isinstance(source, str | os.PathLike):
            native, inputs = _load(os.fspath(source), key, Path(folder or "."), wanted)
        else:
            native, inputs = _collected(source, key, wanted), []
        if not len(native):
            where = source if inputs else "the frame"
            raise ConfigError([Problem(key, f"{where} has no rows")])
        return cls(native, _names(native) if wanted is None else wanted, inputs)

    def labels(self, column: str) -> Labels:
        """Return the canonical labels of `column`; FrameError where its values cannot be labels."""
        with _named(column):
            return labels_of(self._column(column))

    def binned(self, column: str, edges: Sequence[float]) -> Labels:
        """Cut the numbers of `column` into right-open bins.

        Parameters
        ----------
        column : str
            A column of numbers.
        edges : sequence of float
            Increasing; ``[25, 60]`` makes ``<25``, ``25..<60`` and ``>=60``.

        Returns
        -------
        Labels
            The bins that occur, in the order of the edges, then ``(missing)``.

        Raises
        ------
        FrameError
            Where the column is not of numbers, or the edges do not increase.
        """
        numbers = self.numbers(column)
        with _named(column):
            names = bin_names(edges)
        codes = np.searchsorted(np.asarray(edges, dtype=np.float64), numbers, side="right")
        codes[np.isnan(numbers)] = -1
        return _merged(*_with_missing(names, codes), order=list)

    def numbers(self, column: str) -> Floats:
        """Return `column` as float64 of shape (rows,): NaN where missing, booleans as 0 and 1.

        Raises
        ------
        FrameError
            Where the column holds anything that is not a number.
        """
        with _named(column):
            values = self._column(column)
            if isinstance(values, pd.Series) and values.dtype == np.dtype(np.float64):
                numbers = values.to_numpy().view()
                numbers.flags.writeable = False  # they are the caller's own
                return numbers
            return _numbers(_arrow(values))

    def missing(self, column: str) -> NDArray[np.bool_]:
        """Tell of each row whether `column` has no value: null, not a number, or an empty text."""
        with _named(column):
            values = self._column(column)
        if isinstance(values, pd.Series):
            loose = values.dtype == np.dtype(object)
            empty = values.map(_is_empty) if loose else (values == "").fillna(False)
            return (values.isna() | empty).to_numpy(dtype=np.bool_)
        return _missing(values)

    def arrow(self, column: str) -> pa.ChunkedArray:
        """Return `column` as Arrow holds it; values of several kinds as their canonical text."""
        with _named(column):
            return _arrow(self._column(column))

    def batches(self, columns: Sequence[str], size: int = 10_000) -> Iterator[pd.DataFrame]:
        """Yield feature tables for a model: pandas, at most `size` rows each, the source's types kept."""
        at = [self._at[name] for name in columns]
        native = self._native
        if isinstance(native, pa.Table):
            native, at = _without_index(native.select(at)).to_pandas(), list(range(len(at)))
        for start in range(0, self.rows, size):
            yield native.iloc[start : start + size, at]

    def at(self, rows: NDArray[np.integer[Any]]) -> Frame:
        """Return the rows at these places, in this order."""
        return Frame(self._native.take(rows), self.columns, self.inputs)

    def table(self, columns: Sequence[str]) -> pa.Table:
        """Return some columns as Arrow holds them."""
        return pa.table([self.arrow(name) for name in columns], names=list(columns))

    def _column(self, name: str) -> pd.Series[Any] | pa.ChunkedArray:
        if name not in self._at:
            raise FrameError("is not in the data")
        at = self._at[name]
        return self._native.column(at) if isinstance(self._native, pa.Table) else self._native.iloc[:, at]


def header(
    source: object, *, key: str = "data.audit", folder: str | os.PathLike[str] | None = None
) -> list[str]:
    """Return the names of the columns without reading the rows.

    Of partitions it is the first file's; of jsonl the keys of the first
    thousand lines. Parameters and errors are those of `Frame.open`.
    """
    if not isinstance(source, str | os.PathLike):
        return checked(_names(known(source, key)), key, "the frame")
    path = paths_of(os.fspath(source), key, Path(folder or "."))[0]
    form = _form(path, key)
    with explained(key, path), path.open("rb") as file:
        return checked(form.names(file), key, path.name)


def labels_of(values: object) -> Labels:
    """Code an array, list or series by its canonical labels.

    Parameters
    ----------
    values : ndarray, list, pandas, polars or pyarrow column, shape (rows,)
        What a model returned, or a column of a frame.

    Raises
    ------
    FrameError
        Where it is no column, or its values cannot be labels (lists, say).
    """
    if isinstance(values, pd.Series | pd.Index) and isinstance(values.dtype, pd.CategoricalDtype):
        values = values.array
    if isinstance(values, pd.Categorical):
        return _merged(*_with_missing([label_text(each) for each in values.categories], values.codes))
    if _is_words(values):  # Python's own strings know their hash: faster than a copy that Arrow can read
        codes, words = pd.factorize(values)
        return _merged(*_with_missing(_texts(_arrow(words).combine_chunks()), codes))
    return _coded(_arrow(values))


def joined(parts: Sequence[Labels]) -> Labels:
    """Join the labels of consecutive batches into those of all the rows."""
    starts = np.cumsum([0] + [len(part.names) for part in parts[:-1]])
    codes = [part.codes.astype(np.int64) + start for part, start in zip(parts, starts, strict=True)]
    return _merged([name for part in parts for name in part.names], np.concatenate(codes))


def label_text(value: object) -> str:  # noqa: PLR0911 (one line a kind of value)
    """Return the canonical text of one value: ``1`` for 1.0, ``true``, ``(missing)`` for None or NaN.

    Raises
    ------
    FrameError
        Where the value is itself a collection.
    """
    if isinstance(value, str):
        return str.__str__(value) or MISSING
    if isinstance(value, (list, tuple, dict, set, np.ndarray)):
        raise FrameError(f"holds a {type(value).__name__}, which cannot be a label")
    if value is None or value is pd.NA or value != value:  # noqa: PLR0124 (NaN and NaT)
        return MISSING
    if isinstance(value, (float, np.floating)):
        return str(int(value)) if float(value).is_integer() else str(value)
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, Decimal):
        return _decimal_text(value)
    if isinstance(value, (np.datetime64, date, time)):
        return _date_text(value)
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _decimal_text(value: Decimal) -> str:
    if value.is_finite() and value == value.to_integral_value():
        return str(int(value))
    as_float = repr(float(value))
    return as_float if Decimal(as_float) == value else format(value.normalize(), "f")


def _date_text(value: np.datetime64 | date | time) -> str:
    moment = pd.Timestamp(value) if isinstance(value, np.datetime64) else value
    if isinstance(moment, datetime) and moment.tzinfo is None and moment.time() == time():
        moment = moment.date()  # pandas has no dates, only midnights
    return moment.isoformat()


# From a column to codes


def _merged(
    texts: Sequence[str], codes: Integers, order: Callable[[list[str]], list[str]] | None = None
) -> Labels:
    """Make labels of raw codes into `texts`: equal texts joined, unused dropped, sorted, missing last."""
    used = np.flatnonzero(_occurs(codes, len(texts))).tolist()
    present = list(dict.fromkeys(texts[at] for at in used))
    names = (order or _sorted)([text for text in present if text != MISSING])
    names += [MISSING] if MISSING in present else []
    if names == list(texts):
        return Labels(tuple(names), codes)
    place = {name: at for at, name in enumerate(names)}
    table = np.array([place.get(text, 0) for text in texts], dtype=np.min_scalar_type(-len(names) - 1))
    return Labels(tuple(names), table.take(codes))


def _occurs(codes: Integers, size: int) -> NDArray[np.bool_]:
    """Tell of each code under `size` whether it occurs; stop looking once all do."""
    seen = np.zeros(size, dtype=np.bool_)
    step = max(_CHUNK, size)
    for start in range(0, len(codes), step):
        seen |= np.bincount(codes[start : start + step], minlength=size) > 0
        if seen.all():
            break
    return seen


def _with_missing(texts: Sequence[str], codes: Integers) -> tuple[Sequence[str], Integers]:
    """Turn the code -1 into one more text; where it does not occur the codes are not copied."""
    if len(codes) and codes.min() < 0:
        return [*texts, MISSING], np.where(codes < 0, len(texts), codes.astype(np.int32, copy=False))
    return texts, codes


def _sorted(texts: list[str]) -> list[str]:
    words = sorted(texts)
    numbers = [text for text in words if _NUMBER.fullmatch(text)]
    if not numbers:
        return words
    are_numbers = set(numbers)
    return _by_value(numbers) + [text for text in words if text not in are_numbers]


def _by_value(numbers: list[str]) -> list[str]:
    values = np.array(numbers, dtype=np.float64)
    if np.abs(values).max() >= 2**53:  # beyond, floats no longer tell integers apart
        return sorted(numbers, key=Decimal)
    return [numbers[at] for at in np.argsort(values, kind="stable")]


def _coded(column: pa.ChunkedArray) -> Labels:
    kind = column.type
    if not len(column):
        return Labels((), np.zeros(0, dtype=np.int8))
    if pa.types.is_boolean(kind):
        return _merged(*_with_missing(("false", "true"), _indices(column.cast(pa.int8()))))
    if pa.types.is_integer(kind) and (ends := _narrow(column)):
        low, high = ends
        return _merged(
            *_with_missing([str(number) for number in range(low, high + 1)], _offsets(column, low))
        )
    encoded = _encoded(column)
    return _merged(*_with_missing(_texts(encoded.dictionary), _indices(encoded.indices)))


def _narrow(column: pa.ChunkedArray) -> tuple[int, int] | None:
    """Return the least and the greatest integer where few lie between them."""
    low, high = pc.min_max(column).as_py().values()
    return (low, high) if low is not None and high - low < _SPAN else None


def _offsets(column: pa.ChunkedArray, low: int) -> Integers:
    values = (column.fill_null(low) if column.null_count else column).to_numpy()
    # Cut to 16 bits both wrap alike, so a difference under 4096 comes out right.
    offsets: Integers = np.subtract(values, values.dtype.type(low), dtype=np.int16, casting="unsafe")
    if column.null_count:
        offsets[column.is_null().to_numpy()] = -1
    return offsets


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    if len(column) > _CHUNK and (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        found = _by_first(column)
        if found is not None:
            return found
    try:
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
    except NotImplementedError:
        raise FrameError(f"is {column.type}, whose values cannot be labels") from None
    return column.chunk(0) if column.num_chunks == 1 else column.unify_dictionaries().combine_chunks()


def _by_first(column: pa.ChunkedArray) -> pa.DictionaryArray | None:
    """Code texts by those of the first rows, faster than to gather them; None where they do not do."""
    known = column.slice(0, _CHUNK).unique().drop_null()
    if len(known) > _FEW:
        return None
    codes = pc.index_in(column, value_set=known)
    if codes.null_count > column.null_count:
        return None
    return pa.DictionaryArray.from_arrays(codes.combine_chunks(), known)


def _indices(codes: pa.Array | pa.ChunkedArray) -> Integers:
    """Return Arrow's indices as numpy's, -1 for null."""
    if codes.null_count or pa.types.is_uint64(codes.type):
        codes = codes.cast(pa.int64()).fill_null(-1)
    indices: Integers = codes.to_numpy()
    return indices


def _texts(values: pa.Array) -> list[str]:
    """Return the canonical text of distinct values."""
    kind = values.type
    if pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return [text or MISSING for text in values.cast(pa.large_string()).to_pylist()]
    if pa.types.is_floating(kind):  # numpy's scalars know their width: .1 in 32 bits is 0.1
        return [label_text(each) for each in values.to_numpy(zero_copy_only=False)]
    return [label_text(each) for each in values.to_pylist()]


def _is_empty(value: object) -> bool:
    return isinstance(value, str) and not value


def _missing(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    absent = pc.is_null(column, nan_is_null=True)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        absent = pc.or_(absent, pc.fill_null(pc.equal(column, ""), False))
    flags: NDArray[np.bool_] = absent.to_numpy()
    return flags


def _numbers(column: pa.ChunkedArray) -> Floats:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _numbers(pa.chunked_array([_encoded(column).dictionary_decode()]))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column = _parsed(column)
    elif pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    elif not _is_numeric(kind):
        raise FrameError(f"is {kind}, not numbers")
    numbers: Floats = column.cast(pa.float64(), safe=False).to_numpy()
    return numbers


def _is_numeric(kind: pa.DataType) -> bool:
    is_a = pa.types
    return bool(
        is_a.is_integer(kind) or is_a.is_floating(kind) or is_a.is_decimal(kind) or is_a.is_null(kind)
    )


def _parsed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    text = pc.utf8_trim_whitespace(column)
    text = pc.if_else(pc.equal(text, ""), None, text)
    try:
        return text.cast(pa.float64())
    except pa.ArrowInvalid:
        row = next(at for at, each in enumerate(text.to_pylist(), 1) if each and not _is_number(each))
        raise FrameError(f"is text, and in row {row} not a number") from None


def _is_number(text: str) -> bool:
    with suppress(pa.ArrowInvalid):
        return bool(pa.scalar(text).cast(pa.float64()).is_valid)
    return False


def bin_names(edges: Sequence[float]) -> list[str]:
    """Names of right-open bins: ``<25``, ``25..<60``, ``>=60``."""
    texts = [label_text(edge) for edge in edges]
    if not texts or any(not low < high for low, high in pairwise(edges)):
        raise FrameError("needs bin edges that increase")
    between = [f"{low}..<{high}" for low, high in pairwise(texts)]
    return [f"<{texts[0]}", *between, f">={texts[-1]}"]


@contextmanager
def _named(column: str) -> Iterator[None]:
    try:
        yield
    except FrameError as error:
        raise FrameError(f"column {column!r} {error}") from None


# From anything to Arrow


def _arrow(values: object) -> pa.ChunkedArray:
    """Return values as one Arrow column; those of several kinds as their canonical text."""
    column = _converted(values)
    if isinstance(column, pa.Array):
        column = pa.chunked_array([column])
    if pa.types.is_float16(column.type):
        return column.cast(pa.float32())
    return column.cast(pa.large_string()) if column.type == pa.string_view() else column


def _converted(values: object) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, pa.ChunkedArray | pa.Array):
        return values
    if not isinstance(values, _CONVERTIBLE):
        return _from_narwhals(values)
    # Arrow would make 1 of True beside 1.0, and a date of a time beside one.
    if _is_loose(values) and not _is_of_one_kind(values):
        return _as_text(values)
    try:
        column = pa.array(values, from_pandas=True)
    except (TypeError, ValueError, OverflowError, NotImplementedError):
        return _as_text(values)
    if pa.types.is_dictionary(column.type) and isinstance(column.type.value_type, pa.BaseExtensionType):
        # intervals and periods, of which Arrow compares none
        return pa.DictionaryArray.from_arrays(column.indices, _as_text(pd.Categorical(values).categories))
    return _as_text(values) if isinstance(column.type, pa.BaseExtensionType) else column


def _from_narwhals(values: Any) -> pa.Array | pa.ChunkedArray:
    import narwhals.stable.v2 as nw

    try:
        series = nw.from_native(values, series_only=True)
    except TypeError:
        raise FrameError(f"is a {type(values).__name__}, not an array, list or series") from None
    return _as_text(series.to_list()) if series.dtype == nw.Object else series.to_arrow()


def _is_loose(values: Any) -> bool:
    return bool(getattr(values, "dtype", np.dtype(object)) == np.dtype(object))


def _is_words(values: Any) -> TypeGuard[pd.Series[Any]]:
    """Tell whether values are Python strings, or absent, in an array of objects."""
    in_array = isinstance(values, pd.Series | pd.Index | np.ndarray) and values.dtype == object
    return in_array and values.ndim == 1 and pd.api.types.infer_dtype(values, skipna=True) == "string"


def _is_of_one_kind(values: Any) -> bool:
    kind = pd.api.types.infer_dtype(values, skipna=True)
    return kind in {"string", "boolean", "integer", "floating", "mixed-integer-float", "decimal", "empty"}


def _as_text(values: Iterable[object]) -> pa.Array:
    texts = (label_text(value) for value in values)
    # Half a surrogate pair is no UTF-8: it is spelled out.
    spelled = [None if text == MISSING else text.encode("utf-8", "backslashreplace") for text in texts]
    return pa.array(spelled, pa.string())


def known(source: object, key: str) -> Any:
    """Return a frame that is pandas, pyarrow or narwhals, or a dataset of pyarrow."""
    if isinstance(source, pd.DataFrame | pa.Table) or is_dataset(source):
        return source
    if isinstance(source, pa.RecordBatch):
        return pa.Table.from_batches([source])
    import narwhals.stable.v2 as nw

    try:
        return nw.from_native(source)
    except TypeError:
        found = f"is a {type(source).__name__}; what is accepted is {_ACCEPTED}"
        raise ConfigError([Problem(key, found)]) from None


def is_dataset(source: object) -> bool:
    """Tell whether this is a dataset of pyarrow, without importing them."""
    datasets = sys.modules.get("pyarrow.dataset")
    return datasets is not None and isinstance(source, datasets.Dataset)


def _collected(source: object, key: str, wanted: list[str] | None) -> pd.DataFrame | pa.Table:
    frame = known(source, key)
    names = checked(_names(frame), key, "the frame", wanted)
    if isinstance(frame, pd.DataFrame):
        return frame
    if isinstance(frame, pa.Table):
        return frame.select(names)
    import narwhals.stable.v2 as nw

    try:
        if is_dataset(frame):
            return frame.to_table(columns=names)
        frame = frame.select(names)
        objects = [name for name, kind in frame.collect_schema().items() if kind == nw.Object]
        frame = frame.collect("pyarrow") if isinstance(frame, nw.LazyFrame) else frame
        table = frame.to_arrow()
    except Exception as error:
        raise ConfigError([Problem(key, f"cannot be read: {type(error).__name__}")]) from error
    if objects:  # of which Arrow is given the addresses
        raise ConfigError([Problem(key, f"column {name!r} holds Python objects") for name in objects])
    return table


def _names(frame: Any) -> list[str]:
    if isinstance(frame, pa.Table) or is_dataset(frame):
        return [str(name) for name in frame.schema.names]
    schema = getattr(frame, "collect_schema", None)  # a lazy frame would compute .columns
    return [str(name) for name in (schema().names() if schema else frame.columns)]


def checked(names: list[str], key: str, where: str, wanted: list[str] | None = None) -> list[str]:
    """Return the names to read; ConfigError names the duplicate and the unknown ones."""
    twice = [name for name, times in Counter(names).items() if times > 1]
    problems = [Problem(key, f"column {name!r} occurs more than once in {where}") for name in twice]
    if not names:
        problems.append(Problem(key, f"{where} has no columns"))
    unknown = [name for name in wanted or () if name not in names]
    problems += [Problem(key, f"no column {name!r} in {where}", nearest(name, names)) for name in unknown]
    if problems:
        raise ConfigError(problems)
    return names if wanted is None else wanted


def _without_index(table: pa.Table) -> pa.Table:
    """Drop what pandas wrote of its row and column index, keeping what it wrote of types."""
    metadata = dict(table.schema.metadata or {})
    if b"pandas" in metadata:
        notes = json.loads(metadata[b"pandas"]) | {"index_columns": [], "column_indexes": []}
        metadata[b"pandas"] = json.dumps(notes).encode()
    return table.replace_schema_metadata(metadata)


# Files


def _load(source: str, key: str, folder: Path, wanted: list[str] | None) -> tuple[pa.Table, list[Input]]:
    paths = paths_of(source, key, folder)
    parts: list[tuple[Path, pa.Table]] = []
    inputs: list[Input] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            table, sha256 = _read(path, key, wanted)
        except ConfigError as error:
            problems += error.problems
            continue
        parts.append((path, table))
        wanted = wanted or table.column_names
        shown = Path(os.path.relpath(path, folder)).as_posix()
        inputs.append(Input(key.rpartition(".")[2], shown, sha256, len(table)))
    if problems:
        raise ConfigError(problems)
    return _united(parts, key), inputs


def paths_of(source: str, key: str, folder: Path) -> list[Path]:
    """Return the files that a path or a pattern names, all of one format."""
    path = folder / source
    if os.path.isfile(path):  # False, not an error, in a folder that may not be entered
        return [path]
    if os.path.isdir(path):
        raise ConfigError([Problem(key, f"{source} is a folder; name a file or a pattern")])
    found = [folder / each for each in sorted(glob.glob(source, root_dir=folder, recursive=True))]
    files = [each for each in found if each.is_file()]
    if not files:
        near = nearest(path.name, _neighbors(path.parent))
        raise ConfigError([Problem(key, f"no such file: {source}", near)])
    if len({_form(each, key) for each in files}) > 1:
        raise ConfigError([Problem(key, f"{source} matches files of several formats")])
    return files


def _neighbors(folder: Path) -> list[str]:
    try:
        return sorted(each.name for each in folder.iterdir())
    except OSError:
        return []


def _read(path: Path, key: str, wanted: list[str] | None) -> tuple[pa.Table, str]:
    """Read the wanted columns of one file; return them and the digest of the very bytes they came from."""
    form = _form(path, key)
    with explained(key, path):
        data = path.read_bytes()
        if not data:
            raise ConfigError([Problem(key, f"{path.name} is empty")])
        choose = partial(checked, key=key, where=path.name, wanted=wanted)
        return form.table(data, choose), hashlib.sha256(data).hexdigest()


@contextmanager
def explained(key: str, path: Path) -> Iterator[None]:
    """Turn what a reader raises into a ConfigError without its text, which may quote the data."""
    try:
        yield
    except PermissionError:
        raise ConfigError([Problem(key, f"{path.name} cannot be read: permission denied")]) from None
    except (pa.ArrowException, OSError, ValueError, csv.Error) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError([Problem(key, f"{path.name} {_reason(error, path)}")]) from None


def _reason(error: Exception, path: Path) -> str:
    if isinstance(error, FrameError):
        return str(error)
    if isinstance(error, UnicodeDecodeError) or "invalid UTF8" in str(error):
        return "is not UTF-8 text"
    if uneven := re.search(r"Expected (\d+) columns, got (\d+)", str(error)):
        return f"has a row of {uneven[2]} values under a header of {uneven[1]} names"
    return f"is not a readable {path.suffix.lower()[1:]} file: damaged, cut short or of another format"


def _united(parts: list[tuple[Path, pa.Table]], key: str) -> pa.Table:
    """Join the partitions of a table, a column of integers and one of fractions as fractions."""
    tables = [table for _, table in parts]
    if _form(parts[0][0], key).table is _csv_table:
        return _typed_table(pa.concat_tables(tables))
    if all(table.schema == tables[0].schema for table in tables):
        return pa.concat_tables(tables)
    try:
        return pa.concat_tables([_plain(table) for table in tables], promote_options="permissive")
    except pa.ArrowException:
        schemas = [(path, table.schema) for path, table in parts]
        raise ConfigError(differences(schemas, key)) from None


def _plain(table: pa.Table) -> pa.Table:
    """Decode categories, which differ from partition to partition."""
    kinds = [each.value_type if pa.types.is_dictionary(each) else each for each in table.schema.types]
    return table.cast(pa.schema(zip(table.column_names, kinds, strict=True)))


def differences(parts: Sequence[tuple[Path, pa.Schema]], key: str) -> list[Problem]:
    """Name each column whose type in a file is not that of the first file."""
    (first, schema), *others = parts
    return [
        Problem(key, f"column {field.name!r} is {field.type} in {first.name} but {kind} in {path.name}")
        for field in schema
        for path, other in others
        if (kind := other.field(field.name).type) != field.type
    ]


def csv_names(file: BinaryIO) -> list[str]:
    """Return the names in the first line of a csv file."""
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    try:
        return next((line for line in csv.reader(text) if line), [])
    finally:
        text.detach()


def _csv_table(data: bytes, choose: _Choose) -> pa.Table:
    """Read all as text: only then do later rows never contradict a type guessed from the first ones."""
    if b"\0" in data:
        raise FrameError("holds binary content (NUL bytes), not text")
    names = choose(csv_names(io.BytesIO(data)))
    return pyarrow.csv.read_csv(
        pa.BufferReader(data),
        read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), include_columns=names
        ),
    )


def _typed_table(table: pa.Table) -> pa.Table:
    return pa.table([typed(column) for column in table.columns], names=table.column_names)


def typed(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Give a csv column the narrowest type that all its values fit: integer, fraction, boolean, else text."""
    first = next((each for each in text.slice(0, _HEAD).to_pylist() if each not in _ABSENT), "0").strip()
    if first in _TRUE + _FALSE:
        booleans = _as_booleans(without_absent(text))
        return text if booleans is None else booleans
    if not _NUMBER.fullmatch(first):
        return text
    numbers = _as_numbers(text)
    if numbers is None:
        present = without_absent(text)
        numbers = None if present.null_count == len(text) else _as_numbers(present)
    return text if numbers is None else numbers


def without_absent(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Trim the text of a csv column; what stands for no value becomes null."""
    trimmed = pc.utf8_trim_whitespace(text)
    return pc.if_else(pc.is_in(trimmed, pa.array(_ABSENT)), None, trimmed)


def _as_numbers(text: pa.ChunkedArray) -> pa.ChunkedArray | None:
    for kind in (pa.int64(), pa.float64()):
        with suppress(pa.ArrowInvalid):
            text.slice(0, _HEAD).cast(kind)  # a cast that fails is slow: it looks at all rows all the same
            numbers = text.cast(kind)
            is_text = _is_padded(text) if kind == pa.int64() else _is_beyond(numbers, text)
            return None if is_text else numbers
    return None


def _is_padded(text: pa.ChunkedArray) -> bool:
    """Tell whether 01234 is among the integers: a postal code, say, which is text."""
    padded = pc.and_(pc.starts_with(text, "0"), pc.greater(pc.binary_length(text), 1))
    return bool(pc.any(padded).as_py())


def _is_beyond(numbers: pa.ChunkedArray, text: pa.ChunkedArray) -> bool:
    """Tell whether integers of too many digits are among the fractions: as floats, some would be equal."""
    return _is_large(numbers) and bool(pc.any(pc.match_substring_regex(text, "^-?[0-9]{16,}$")).as_py())


def _is_large(numbers: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.greater_equal(pc.abs(numbers), 2**53)).as_py())


def _as_booleans(text: pa.ChunkedArray) -> pa.ChunkedArray | None:
    if not pc.all(pc.is_in(text, pa.array([*_TRUE, *_FALSE, None]))).as_py():
        return None
    return pc.if_else(pc.is_valid(text), pc.is_in(text, pa.array(_TRUE)), None)


def _parquet_names(file: BinaryIO) -> list[str]:
    return own_names(pyarrow.parquet.ParquetFile(file).schema_arrow.names)


def _parquet_table(data: bytes, choose: _Choose) -> pa.Table:
    names = choose(_parquet_names(io.BytesIO(data)))
    return pyarrow.parquet.ParquetFile(pa.BufferReader(data)).read(columns=names).select(names)


def own_names(names: Iterable[str]) -> list[str]:
    """Leave out the unnamed row index that pandas may have written."""
    return [name for name in names if not re.fullmatch(r"__index_level_\d+__", name)]


def _ipc_names(file: BinaryIO) -> list[str]:
    return own_names(_ipc(file).schema.names)


def _ipc_table(data: bytes, choose: _Choose) -> pa.Table:
    schema = _ipc(pa.BufferReader(data)).schema
    names = choose(own_names(schema.names))
    at = [schema.get_field_index(name) for name in names]
    options = pyarrow.ipc.IpcReadOptions(included_fields=at)
    return _ipc(pa.BufferReader(data), options).read_all().select(names)


def _ipc(file: Any, options: pyarrow.ipc.IpcReadOptions | None = None) -> Any:
    try:
        return pyarrow.ipc.open_file(file, options=options)
    except pa.ArrowInvalid:
        file.seek(0)
        return pyarrow.ipc.open_stream(file, options=options)


def _jsonl_names(file: BinaryIO) -> list[str]:
    return _keys(_records(islice(file, _HEAD)))


def _jsonl_table(data: bytes, choose: _Choose) -> pa.Table:
    try:
        table = _json_table(data, {})
        stamps = [field.name for field in table.schema if pa.types.is_timestamp(field.type)]
        table = _json_table(data, dict.fromkeys(stamps, pa.string())) if stamps else table
    except pa.ArrowException:  # damaged, or a column that fits no Arrow type
        records = list(_records(io.BytesIO(data)))
        names = choose(_keys(records))
        return pa.table({name: _field(records, name) for name in names})
    return table.select(choose(table.column_names))


def _field(records: list[dict[str, object]], name: str) -> pa.ChunkedArray:
    with _named(name):
        return _arrow([record.get(name) for record in records])


def _keys(records: Iterable[dict[str, object]]) -> list[str]:
    return list(dict.fromkeys(name for record in records for name in record))


def _json_table(data: bytes, types: dict[str, pa.DataType]) -> pa.Table:
    options = pyarrow.json.ParseOptions(explicit_schema=pa.schema(types) if types else None)
    table = pyarrow.json.read_json(pa.BufferReader(data), parse_options=options)
    table.validate(full=True)  # the reader does not look at the encoding
    if any(pa.types.is_floating(column.type) and _is_large(column) for column in table.columns):
        raise pa.ArrowInvalid("integers may have been rounded")
    return table


def _records(lines: Iterable[bytes]) -> Iterator[dict[str, object]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        record = None
        with suppress(json.JSONDecodeError):
            record = json.loads(line.decode("utf-8-sig"))
        if not isinstance(record, dict):
            raise FrameError(f"holds no JSON object in line {number}")
        yield record


class _Form(NamedTuple):
    """How files of one format are read: their column names, and some columns."""

    names: Callable[[BinaryIO], list[str]]
    table: Callable[[bytes, _Choose], pa.Table]


_FORMS = {
    ".csv": _Form(csv_names, _csv_table),
    ".parquet": _Form(_parquet_names, _parquet_table),
    ".feather": _Form(_ipc_names, _ipc_table),
    ".arrow": _Form(_ipc_names, _ipc_table),
    ".ipc": _Form(_ipc_names, _ipc_table),
    ".jsonl": _Form(_jsonl_names, _jsonl_table),
    ".ndjson": _Form(_jsonl_names, _jsonl_table),
}


def _form(path: Path, key: str) -> _Form:
    suffix = path.suffix.lower()
    if suffix not in _FORMS:
        found = f"{path.name} has the unknown suffix {suffix!r}; known are {', '.join(_FORMS)}"
        raise ConfigError([Problem(key, found, nearest(suffix, _FORMS))])
    return _FORMS[suffix]
