"""Files too large to be read whole: their columns, their rows batch by batch, their digests."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from trustkit.errors import ConfigError
from trustkit.frames import (
    Input,
    checked,
    csv_names,
    differences,
    explained,
    own_names,
    paths_of,
    typed,
    without_absent,
)

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

Placed: TypeAlias = Iterator[tuple[int, pa.Table]]
"""Tables, each with the place of its first row among those of all files."""

_PIECE = 1 << 20  # bytes of a file that are hashed together
_BLOCK = 8 << 20  # bytes of csv read together, which no row may exceed
_SMALL = 4 << 20  # bytes of files that are read whole without a look at their footers

MOST_MEMORY = "700MB"
"""What DuckDB holds before it spills to the disk."""


def listed(source: str, key: str, folder: Path) -> list[tuple[Path, int]] | None:
    """Return the files that are named and their sizes; None where they are too small to matter."""
    paths = paths_of(source, key, folder)
    try:
        found = [(path, path.stat().st_size) for path in paths]
    except OSError:
        return None  # whoever reads them says what is wrong
    return found if sum(size for _, size in found) > _SMALL else None


def gathered(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Yield batches joined to tables of at least so many rows, but for the last."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(map(len, held)) >= rows:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Join tables of which integers may be fractions elsewhere, and categories text."""
    decoded = [_decoded(table) for table in tables]
    return pa.concat_tables(decoded, promote_options="permissive")


def digester(path: Path, key: str, folder: Path, rows: int) -> Callable[[], Input]:
    """Return what makes the `Input` of a file, read in pieces."""

    def digest() -> Input:
        found = hashlib.sha256()
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                found.update(piece)
        shown = Path(os.path.relpath(path, folder)).as_posix()
        return Input(key.rpartition(".")[2], shown, found.hexdigest(), rows)

    return digest


# Parquet


def parquet_schemas(paths: Sequence[Path], key: str) -> tuple[list[pa.Schema], list[int]]:
    """Return the columns of each file, and its rows, by its footer.

    Raises
    ------
    ConfigError
        With each file that cannot be read.
    """
    schemas, rows, problems = [], [], []
    for path in paths:
        try:
            with explained(key, path), pyarrow.parquet.ParquetFile(path) as file:
                schema = file.schema_arrow
                schemas.append(pa.schema([schema.field(name) for name in own_names(schema.names)]))
                rows.append(file.metadata.num_rows)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return schemas, rows


def agreed(paths: Sequence[Path], schemas: Sequence[pa.Schema], key: str) -> list[str]:
    """Return the columns that files have in common: those of the first.

    Raises
    ------
    ConfigError
        For a column that a file lacks, or that has a type which does not go with the first file's.
    """
    names = checked(list(schemas[0].names), key, paths[0].name)
    problems = []
    for path, schema in zip(paths, schemas, strict=True):
        try:
            checked(list(schema.names), key, path.name, names)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    plain = [pa.schema([(name, _plain(schema.field(name).type)) for name in names]) for schema in schemas]
    try:
        pa.unify_schemas(plain, promote_options="permissive")
    except pa.ArrowException:
        raise ConfigError(differences(list(zip(paths, plain, strict=True)), key)) from None
    return names


def parquet_reader(path: Path, rows: int) -> Callable[[Sequence[str]], Iterator[pa.Table]]:
    """Return what reads a file batch by batch."""

    def read(columns: Sequence[str]) -> Iterator[pa.Table]:
        with pyarrow.parquet.ParquetFile(path, buffer_size=_PIECE, pre_buffer=False) as file:
            for batch in file.iter_batches(rows, columns=list(columns)):
                yield pa.Table.from_batches([batch]).select(list(columns))

    return read


def coded_reader(path: Path, rows: int, start: int) -> Callable[[Sequence[str]], Iterator[Placed]]:
    """Return what reads a file part by part, texts of few values as categories: five times as fast.

    A part is some row groups, of at least so many rows where there are more,
    that a thread may read alone; its tables are of at most so many rows.
    `start` is the place of the file's first row.
    """

    def read(columns: Sequence[str]) -> Iterator[Placed]:
        with pyarrow.parquet.ParquetFile(path) as file:
            metadata, coded = file.metadata, _of_few_values(file)

        def part(groups: range, place: int) -> Placed:
            with pyarrow.parquet.ParquetFile(
                path, metadata=metadata, read_dictionary=coded, buffer_size=_PIECE, pre_buffer=False
            ) as file:
                for batch in file.iter_batches(rows, groups, list(columns), use_threads=False):
                    yield place, pa.Table.from_batches([batch]).select(list(columns))
                    place += len(batch)

        first, place, held = 0, start, 0
        for at in range(metadata.num_row_groups):
            held += metadata.row_group(at).num_rows
            if held >= rows or at + 1 == metadata.num_row_groups:
                yield part(range(first, at + 1), place)
                first, place, held = at + 1, place + held, 0

    return read


def _of_few_values(file: pyarrow.parquet.ParquetFile) -> list[str]:
    """Columns of text that take less than two bytes a row: the file holds them as categories itself."""
    if not file.num_row_groups:
        return []
    first = file.metadata.row_group(0)
    chunks = {chunk.path_in_schema: chunk for chunk in map(first.column, range(first.num_columns))}
    return [
        field.name
        for field in file.schema_arrow
        if pa.types.is_string(field.type)
        and field.name in chunks
        and chunks[field.name].total_uncompressed_size < 2 * first.num_rows
    ]


def lazy_parquet(path: Path) -> nw.LazyFrame[Any] | None:
    """Return a file as DuckDB or else Polars reads it; None where neither is installed."""
    name = os.fspath(path.resolve())
    if any(each in name for each in "*?[{"):
        return None  # engines would take it for a pattern
    import narwhals.stable.v2 as nw

    if importlib.util.find_spec("duckdb"):
        return nw.from_native(_duckdb().read_parquet(name))
    if importlib.util.find_spec("polars"):
        import polars as pl

        return nw.from_native(pl.scan_parquet(name, glob=False))
    return None


def lazy_dataset(dataset: Any) -> nw.LazyFrame[Any] | None:
    """Return a dataset of PyArrow as DuckDB reads it; None where that is not installed."""
    if not importlib.util.find_spec("duckdb"):
        return None
    import narwhals.stable.v2 as nw

    return nw.from_native(_duckdb().from_arrow(dataset))


@cache
def _duckdb() -> Any:
    """A database of our own: in memory, bounded, spilling to the folder of temporary files."""
    import duckdb

    database = duckdb.connect(":memory:")
    database.execute(f"SET memory_limit = '{MOST_MEMORY}'")
    spill = os.path.join(tempfile.gettempdir(), f"trustkit-{os.getpid()}").replace("'", "''")
    database.execute(f"SET temp_directory = '{spill}'")
    database.execute("SET TimeZone = 'UTC'") if _has_zones(database) else None
    return database


def _has_zones(database: Any) -> bool:
    return bool(
        database.execute("SELECT count(*) FROM duckdb_settings() WHERE name = 'TimeZone'").fetchone()[0]
    )


# csv


def csv_types(paths: Sequence[Path], key: str) -> tuple[list[str], Mapping[str, pa.DataType], list[int]]:
    """Return the columns, the type of each, and each file's rows; all rows are looked at.

    A column is of whole numbers, fractions or booleans only where all its
    values are, as for files that are read whole.
    """
    names: list[str] = []
    kinds: dict[str, pa.DataType | None] = {}
    rows = []
    for path in paths:
        with explained(key, path):
            with path.open("rb") as file:
                there = checked(csv_names(file), key, path.name, names or None)
            names = names or there
            counted = 0
            for table in _texts(path, names):
                counted += len(table)
                for name in names:
                    kinds[name] = _wider(kinds.get(name), _kind(table.column(name)))
            rows.append(counted)
    return names, {name: kind or pa.null() for name, kind in kinds.items()}, rows


def csv_reader(path: Path, kinds: Mapping[str, pa.DataType]) -> Callable[[Sequence[str]], Iterator[pa.Table]]:
    """Return what reads a file batch by batch, its columns of these types."""

    def read(columns: Sequence[str]) -> Iterator[pa.Table]:
        for table in _texts(path, columns):
            made = [_cast(table.column(name), kinds[name]) for name in columns]
            yield pa.table(made, names=list(columns))

    return read


def _texts(path: Path, names: Sequence[str]) -> Iterator[pa.Table]:
    reader = pyarrow.csv.open_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), include_columns=list(names)
        ),
    )
    return (pa.Table.from_batches([batch]) for batch in reader)


def _kind(text: pa.ChunkedArray) -> pa.DataType | None:
    """Type of a column's values, as far as seen; None where there are none."""
    present = without_absent(text)
    return None if present.null_count == len(present) else typed(text).type


def _wider(one: pa.DataType | None, other: pa.DataType | None) -> pa.DataType | None:
    if one is None or other is None or one == other:
        return other if one is None else one
    numbers = {pa.int64(), pa.float64()}
    return pa.float64() if {one, other} <= numbers else pa.string()


def _cast(text: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_string(kind) or pa.types.is_null(kind):
        return text
    found = typed(text)
    if pa.types.is_string(found.type):  # of these rows none has a value
        return pa.chunked_array([pa.nulls(len(text), kind)])
    return found.cast(kind)


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _decoded(table: pa.Table) -> pa.Table:
    kinds = [_plain(kind) for kind in table.schema.types]
    return table.cast(pa.schema(list(zip(table.column_names, kinds, strict=True))))
