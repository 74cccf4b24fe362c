"""Relations: a table of any engine or of many files, opened without reading it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from itertools import accumulate, chain
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trustkit.engines import files, spark
from trustkit.errors import ConfigError, Problem, nearest
from trustkit.frames import Frame, FrameError, Input, checked, known

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    from numpy.typing import NDArray

WHOLE_ROWS = 1_000_000
"""A source of at most so many rows is read whole."""

WHOLE_BYTES = 256 << 20
"""Files of at most so many bytes in all are read whole."""

SAMPLE = 200_000
"""Rows, about, that are drawn of a larger source for what cannot be counted in parts."""

BATCH = 1 << 18
"""Rows that are read together."""

_SPAN = 1 << 17
"""Places of rows of which the drawn ones are looked up together."""

PRIME = 2**31 - 1
"""Rows are drawn by a random cubic over the field of this size: any four of its values are independent."""


@dataclass(frozen=True)
class Piece:
    """A part of a relation that is counted alone: one file, or the frame of an engine.

    Attributes
    ----------
    name : str
        How an error names it.
    read : callable
        Called with names of columns; yields Arrow tables of their rows.
    scan : callable
        Makes `frame`, which may load an engine.
    digest : callable or None
        Of a file: makes its `Input`, of which the bytes are read in pieces.
    coded : callable or None
        Of a parquet file: called as `read`, yields its parts, which threads may read,
        with texts of few values as categories.
    start : int
        Place of its first row among those of a relation of files.
    is_empty : bool
        Of a file without rows: it is digested, and else left alone.
    """

    name: str
    read: Callable[[Sequence[str]], Iterator[pa.Table]]
    scan: Callable[[], nw.LazyFrame[Any] | None] = lambda: None
    digest: Callable[[], Input] | None = None
    coded: Callable[[Sequence[str]], Iterator[files.Placed]] | None = None
    start: int = 0
    is_empty: bool = False

    @cached_property
    def frame(self) -> nw.LazyFrame[Any] | None:
        """What an engine can count; None where the rows are read batch by batch only."""
        return self.scan()


@dataclass
class Relation:
    """A table that is not read whole.

    Attributes
    ----------
    key : str
        The configuration key to which problems belong.
    columns : list of str
        Its columns.
    rows : int
        Its rows.
    pieces : list of Piece
        Its parts that have rows.
    id : str or None
        The column of whole numbers by which rows are drawn.
    seed : int
        Seed of the draw.
    files : list of Piece
        Those that are files, with rows or without.
    touched : bool
        Whether the drawn rows were looked at since this was last set to False.
    failed : ConfigError or None
        Of the first piece that could not be read when values were looked up.
    kept : dict
        Rows that were drawn by their place when a piece was counted, by its name.
    """

    key: str
    columns: list[str]
    rows: int
    pieces: list[Piece]
    id: str | None = None
    seed: int = 0
    files: list[Piece] = field(default_factory=list)
    touched: bool = field(default=False, compare=False)
    failed: ConfigError | None = field(default=None, compare=False)
    kept: dict[str, pa.Table] = field(default_factory=dict, compare=False)
    _digests: Future[list[Input]] | None = field(default=None, compare=False)

    @property
    def inputs(self) -> list[Input]:
        """The files that it is read from, with their digests."""
        return self.digested().result()

    def digested(self) -> Future[list[Input]]:
        """Begin to digest the files, in a thread that ends with the process; once."""
        if self._digests is None:
            self._digests = Future()
            Thread(target=self._digest, args=[self._digests], daemon=True).start()
        return self._digests

    def _digest(self, made: Future[list[Input]]) -> None:
        inputs = []
        try:
            for piece in self.files:
                if piece.digest is not None:
                    with self.explained(piece):
                        inputs.append(piece.digest())
            made.set_result(inputs)
        except BaseException as error:
            made.set_exception(error)

    def batches(self, piece: Piece, columns: Sequence[str]) -> Iterator[Frame]:
        """Yield the rows of a piece, some at a time.

        Raises
        ------
        ConfigError
            Where they cannot be read; it names the piece.
        """
        with self.explained(piece):
            for table in piece.read(columns):
                if len(table):
                    yield Frame(table, list(columns), [])

    def head(self, columns: Sequence[str], rows: int = 1000) -> Frame:
        """Return the first rows."""
        tables: list[pa.Table] = []
        for piece in self.pieces:
            with self.explained(piece):
                if piece.coded is None and piece.frame is not None:
                    tables.append(collected(piece.frame.select(list(columns)).head(rows)))
                else:
                    tables += _first(piece.read(columns), rows)
            if sum(map(len, tables)) >= rows:
                break
        return Frame(files.joined(tables).slice(0, rows), list(columns), [])

    def distinct(self, columns: Sequence[str]) -> Frame:
        """Return one row for each combination of values.

        A piece that cannot be read is left out, so that the others can be
        counted before `failed` is raised.
        """
        tables: list[pa.Table] = []
        for piece in self.pieces:
            try:
                with self.explained(piece):
                    tables += _distinct(piece, list(columns))
            except ConfigError as error:
                self.failed = self.failed or error
        if self.failed and not tables:
            raise self.failed
        return Frame(files.joined(tables), list(columns), [])

    def greatest(self, column: str) -> Frame:
        """Return the greatest value of a column in each piece, or each batch."""
        import narwhals.stable.v2 as nw

        tables: list[pa.Table] = []
        for piece in self.pieces:
            with self.explained(piece):
                if piece.frame is not None:
                    tables.append(collected(piece.frame.select(nw.col(column).max())))
                    continue
                for table in piece.read([column]):
                    largest = pc.max(files.joined([table]).column(column))
                    tables.append(pa.table([pa.array([largest.as_py()], largest.type)], names=[column]))
        return Frame(files.joined(tables), [column], [])

    def sample(self, columns: Sequence[str]) -> Frame:
        """Return the drawn rows, which are read when they are first looked at."""
        return Drawn(self, list(columns))

    @cached_property
    def drawn(self) -> pa.Table:
        """Rows with all columns, drawn by the declared id, else by their place in the order of reading.

        Raises
        ------
        ConfigError
            For an id that is no whole number, is missing, or occurs twice.
        """
        parts: list[pa.Table] = []
        for piece in self.pieces:
            with self.explained(piece):
                parts += self._drawn_of(piece)
        table = files.joined(parts)
        if self.id is not None:
            ids = self._ids(table)
            if len(np.unique(ids)) < len(ids):
                raise ConfigError([Problem("data.id", f"values of {self.id!r} occur more than once")])
            table = table.take(pa.array(np.argsort(ids)))
        return self._some(table)

    def drawn_of(self, columns: Sequence[str]) -> pa.Table:
        """Return some columns of the drawn rows: of those kept in counting, where they have these."""
        if "drawn" in self.__dict__ or not all(piece.name in self.kept for piece in self.pieces):
            return self.drawn.select(columns)
        tables = [self.kept[piece.name] for piece in self.pieces]
        if not {*columns} <= {*tables[0].column_names}:
            return self.drawn.select(columns)
        return self._some(files.joined(tables)).select(columns)

    def placed(self, table: pa.Table, start: int) -> pa.Table:
        """Return the rows of a table that are drawn by their id, else by their place from `start` on."""
        if self.id is None:
            places = places_drawn(start, len(table), self.seed, self._share)
        else:
            places = np.flatnonzero(is_drawn(self._ids(table), self.seed, self._share))
        return files.joined([table.take(pa.array(places))])

    def _drawn_of(self, piece: Piece) -> Iterator[pa.Table]:
        if piece.frame is not None and self.id is not None:
            yield self._drawn_by_engine(piece.frame, self.id)
        elif piece.frame is not None and spark.is_spark(piece.frame.to_native()):
            yield self._drawn_by_engine(lazy(spark.numbered(piece.frame.to_native())), spark.PLACE)
        else:
            for start, table in _placed(piece, self.columns):
                yield self.placed(table, start)

    def _some(self, drawn: pa.Table) -> pa.Table:
        if not len(drawn):
            raise ConfigError([Problem(self.key, "no row was drawn of it")])
        return drawn

    def __str__(self) -> str:
        by = "their place in the order of reading" if self.id is None else f"the column {self.id}"
        drawn = self.drawn_of(self.columns[:0])
        return f"a sample of {len(drawn):,} of {self.rows:,} rows, drawn by {by} and the seed {self.seed}"

    @property
    def _share(self) -> float:
        return min(SAMPLE / self.rows, 1.0)

    def _ids(self, table: pa.Table) -> NDArray[np.int64]:
        column = table.column(self.id)
        if not pa.types.is_integer(column.type):
            raise ConfigError([Problem("data.id", f"column {self.id!r} is {column.type}, no whole numbers")])
        if column.null_count:
            raise ConfigError([Problem("data.id", f"{column.null_count} values of {self.id!r} are missing")])
        return column.cast(pa.int64(), safe=False).to_numpy()

    def _drawn_by_engine(self, frame: nw.LazyFrame[Any], id: str) -> pa.Table:
        import narwhals.stable.v2 as nw

        kind = frame.collect_schema()[id]
        if not kind.is_integer():
            raise ConfigError([Problem("data.id", f"column {id!r} is {kind}, no whole numbers")])
        missing = collected(frame.select(nw.col(id).is_null().cast(nw.Int64).sum().alias("n")))
        if absent := int(missing.column("n")[0].as_py() or 0):
            raise ConfigError([Problem("data.id", f"{absent} values of {id!r} are missing")])
        ids = nw.col(id).cast(nw.Int64).abs()
        coarse, fine = (test(ids) for test in _tests(self.seed, self._share))
        table = collected(frame.filter(coarse).filter(fine).select(list(dict.fromkeys([*self.columns, id]))))
        return table.take(pa.array(np.argsort(table.column(id).to_numpy()))).select(self.columns)

    @contextmanager
    def explained(self, piece: Piece) -> Iterator[None]:
        """Turn what an engine raises into a ConfigError that names the piece, without its text.

        The text may quote the data.
        """
        try:
            yield
        except (ConfigError, FrameError, GeneratorExit, KeyboardInterrupt):
            raise
        except Exception as error:
            if not is_of_engine(error):
                raise
            where, why = self._place(error, piece), _why(error)
            raise ConfigError([Problem(self.key, f"{where} {why}")]) from None

    @staticmethod
    def _place(error: BaseException, piece: Piece) -> str:
        named = re.search(r"([^\s'\"/\\]+\.(?:parquet|csv|arrow|feather|ipc|orc))\b", str(error))
        return named[1] if named and piece.digest is None else piece.name


class Drawn(Frame):
    """Some columns of the drawn rows of a relation."""

    def __init__(self, relation: Relation, columns: list[str]) -> None:
        self.columns = columns
        self._relation = relation

    @property
    def inputs(self) -> list[Input]:  # type: ignore[override]
        """The files of the relation."""
        return self._relation.inputs

    @property
    def rows(self) -> int:  # type: ignore[override]
        """How many rows were drawn."""
        return len(self._native)

    @property
    def _native(self) -> pa.Table:  # type: ignore[override]
        self._relation.touched = True
        return self._table

    @cached_property
    def _table(self) -> pa.Table:
        return self._relation.drawn_of(self.columns)

    @cached_property
    def _at(self) -> dict[str, int]:  # type: ignore[override]
        return {name: at for at, name in enumerate(self.columns)}


def opened(
    source: object,
    *,
    key: str = "data.audit",
    folder: Path | None = None,
    columns: Sequence[str] | None = None,
    id: str | None = None,
    seed: int = 0,
) -> Frame | Relation:
    """Open a source: whole where it is small or in memory, else as a relation.

    Parameters
    ----------
    source : frame, str or Path
        As `Frame.open` takes it, or a PyArrow dataset.
    key : str
        The configuration key to which problems belong.
    folder : Path, optional
        Where relative paths begin.
    columns : sequence of str, optional
        The columns to read of a source that is read whole.
    id : str, optional
        The column of whole numbers by which rows are drawn.
    seed : int
        Seed of the draw.

    Raises
    ------
    ConfigError
        As `Frame.open`; for files whose columns differ in type.
    """
    if isinstance(source, str | os.PathLike):
        found = _file_pieces(os.fspath(source), key, Path(folder or "."), id)
        if found is None:
            return Frame.open(source, key=key, folder=folder, columns=columns)
        pieces, names, rows = found
        counted = [piece for piece in pieces if not piece.is_empty]
        return Relation(key, names, rows, counted, id, seed, pieces)
    piece, names = _frame_piece(source, key)
    if piece is None:
        wanted = None if columns is None else list(dict.fromkeys([*columns, *([id] if id else [])]))
        frame = Frame.open(source, key=key, folder=folder, columns=wanted)
        if id is None or frame.rows <= WHOLE_ROWS:
            return frame
        piece, names = Piece("the frame", _in_slices(frame)), frame.columns
        return Relation(key, names, frame.rows, [piece], id, seed)
    relation = Relation(key, names, 0, [piece], id, seed)
    with relation.explained(piece):
        relation.rows = _rows(source, piece)
    if not relation.rows:
        raise ConfigError([Problem(key, "the frame has no rows")])
    if relation.rows > WHOLE_ROWS:
        return relation
    wanted = checked(names, key, "the frame", None if columns is None else list(columns))
    with relation.explained(piece):
        return Frame(files.joined(list(piece.read(wanted))), wanted, [])


def _first(tables: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Yield tables until they hold so many rows."""
    for table in tables:
        yield table
        rows -= len(table)
        if rows <= 0:
            return


def _placed(piece: Piece, columns: list[str]) -> files.Placed:
    if piece.coded is not None:
        yield from chain.from_iterable(piece.coded(columns))
        return
    start = piece.start
    for table in piece.read(columns):
        yield start, table
        start += len(table)


def _distinct(piece: Piece, columns: list[str]) -> list[pa.Table]:
    if piece.frame is not None:
        return [collected(piece.frame.select(columns).unique(columns))]
    parts = (files.joined([table]) for table in piece.read(columns))
    return [table.group_by(columns).aggregate([]) for table in parts]


def is_of_engine(error: BaseException) -> bool:
    """Tell whether an engine, the reader or the operating system raised this, and no code of ours."""
    rooms = {
        "duckdb",
        "_duckdb",
        "polars",
        "pyarrow",
        "pyspark",
        "py4j",
        "ibis",
        "narwhals",
        "grpc",
        "sqlglot",
    }
    names = {each.__module__.split(".")[0] for each in type(error).__mro__}
    return isinstance(error, OSError | MemoryError) or bool(names & rooms)


def lazy(native: Any) -> nw.LazyFrame[Any]:
    """Return an engine's frame as narwhals sees it."""
    import narwhals.stable.v2 as nw

    return nw.from_native(native)


def collected(frame: nw.LazyFrame[Any]) -> pa.Table:
    """Compute a small lazy table into Arrow, whole numbers of any width as 64 bits."""
    table: pa.Table = frame.collect("pyarrow").to_native()
    for at, each in enumerate(table.schema):
        if each.name.startswith("sum ") and each.type != pa.int64():  # DuckDB adds 128 bits, Polars counts 32
            table = table.set_column(at, each.name, table.column(at).cast(pa.int64()))
    return table


def is_drawn(ids: NDArray[np.int64], seed: int, share: float) -> NDArray[np.bool_]:
    """Tell of each id whether its row is among the drawn share, as an engine tells it."""
    ids = np.abs(ids.astype(np.int64))
    coarse, fine = _tests(seed, share)
    drawn: NDArray[np.bool_] = coarse(ids)
    drawn[drawn] = fine(ids[drawn])
    return drawn


def places_drawn(start: int, rows: int, seed: int, share: float) -> NDArray[np.int64]:
    """Return which of so many rows are drawn whose ids are consecutive, as `is_drawn` tells it."""
    e, f, most = _coarse(seed, share)
    order, steps = _steps(e)
    found = []
    for first in range(0, rows, _SPAN):
        least = -((start + first) % PRIME * e + f) % PRIME  # the drawn steps run on from here, over the end
        ends = np.searchsorted(steps, [least, least + most, least + most - PRIME])
        some = np.concatenate([order[ends[0] : ends[1]], order[: ends[2]]])
        found.append(np.sort(some) + first)
    places = np.concatenate([np.zeros(0, dtype=np.int64), *found])
    places = places[places < rows]
    return places[_tests(seed, share)[1](places + start)]


@lru_cache(2)
def _steps(e: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of a span in the order of their multiples of `e` modulo the prime, and these."""
    steps = np.arange(_SPAN) * e % PRIME
    order = np.argsort(steps)
    return order, steps[order]


def _coarse(seed: int, share: float) -> tuple[int, int, int]:
    """Factor, summand and bound of the cheap test."""
    *_, e, f = np.random.default_rng([seed, 41]).integers(1, PRIME, 6).tolist()
    return e, f, int(min(8 * share, 1.0) * PRIME)


def _tests(seed: int, share: float) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Two tests that drawn rows pass, of arrays or expressions of narwhals: a cheap one, then a random cubic.

    Ids are taken without their sign, since engines give the remainder of a
    negative number either sign.
    """
    a, b, c, d, *_ = np.random.default_rng([seed, 41]).integers(1, PRIME, 6).tolist()
    e, f, most = _coarse(seed, share)

    def coarse(ids: Any) -> Any:
        return (ids % PRIME * e + f) % PRIME < most

    def fine(ids: Any) -> Any:
        rest = ids % PRIME
        cubic = (((((rest * a + b) % PRIME) * rest + c) % PRIME) * rest + d) % PRIME
        return cubic < int(share / min(8 * share, 1.0) * PRIME)

    return coarse, fine


def _why(error: BaseException) -> str:
    """Say what went wrong, by the kind of error and by words that no data could bring in."""
    text = str(error)
    if re.search(r"No space left on device|max_temp_directory_size|disk (is )?full", text, re.IGNORECASE):
        return "could not be counted: there is no space left on the disk to spill to"
    if isinstance(error, MemoryError) or re.search(r"out of memory|OutOfMemory|malloc|realloc", text, re.I):
        return "could not be counted: the engine ran out of memory"
    if type(error).__name__ == "PythonException":
        return "could not be counted: the model, or what was shipped with it, raised on a worker"
    if re.search(r"Connection refused|Py4JNetwork|SparkContext was shut down|Broken pipe|UNAVAILABLE", text):
        return f"could not be counted: the engine ended midway ({type(error).__name__})"
    return f"cannot be read: {type(error).__name__}"


# Files


def _file_pieces(
    source: str, key: str, folder: Path, id: str | None
) -> tuple[list[Piece], list[str], int] | None:
    """Pieces, columns and rows of files that are too large to be read whole; None of others."""
    found = files.listed(source, key, folder)
    if found is None:
        return None
    paths = [path for path, _ in found]
    if paths[0].suffix.lower() == ".parquet":
        schemas, rows = files.parquet_schemas(paths, key)
        small = sum(rows) <= WHOLE_ROWS and sum(size for _, size in found) <= WHOLE_BYTES
        if small:
            return None
        if not sum(rows):
            raise ConfigError([Problem(key, "the files have no rows")])
        names = files.agreed(paths, schemas, key)
        if id is not None and id not in names:
            raise ConfigError([Problem("data.id", f"there is no column {id!r}", nearest(id, names))])
        pieces = [
            Piece(
                _shown(path, folder),
                files.parquet_reader(path, BATCH),
                partial(files.lazy_parquet, path),
                files.digester(path, key, folder, count),
                files.coded_reader(path, 4 * BATCH, start),
                start,
                is_empty=not count,
            )
            for path, count, start in zip(paths, rows, accumulate(rows, initial=0), strict=False)
        ]
        return pieces, names, sum(rows)
    if sum(size for _, size in found) <= WHOLE_BYTES or paths[0].suffix.lower() != ".csv":
        return None
    names, kinds, rows = files.csv_types(paths, key)
    pieces = [
        Piece(
            _shown(path, folder),
            files.csv_reader(path, kinds),
            digest=files.digester(path, key, folder, count),
            start=start,
            is_empty=not count,
        )
        for path, count, start in zip(paths, rows, accumulate(rows, initial=0), strict=False)
    ]
    return pieces, names, sum(rows)


def _shown(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


# Frames


def _frame_piece(source: object, key: str) -> tuple[Piece | None, list[str]]:
    """The piece of a lazy frame or dataset, and its columns; None of what is in memory."""
    if _is_dataset(source):
        names = [str(name) for name in source.schema.names]  # type: ignore[attr-defined]
        return Piece("the dataset", _dataset_reader(source), partial(files.lazy_dataset, source)), names
    frame = known(source, key)
    import narwhals.stable.v2 as nw

    if not isinstance(frame, nw.LazyFrame):
        return None, []
    try:
        names = checked([str(name) for name in frame.collect_schema().names()], key, "the frame")
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError([Problem(key, f"cannot be read: {type(error).__name__}")]) from error
    return Piece("the frame", _engine_reader(frame), lambda: frame), names


def _is_dataset(source: object) -> bool:
    dataset = sys.modules.get("pyarrow.dataset")
    return dataset is not None and isinstance(source, dataset.Dataset)


def _rows(source: Any, piece: Piece) -> int:
    if _is_dataset(source):
        return int(source.count_rows())
    import narwhals.stable.v2 as nw

    if piece.frame is None:
        raise ValueError("a piece of a frame has a frame")
    return int(collected(piece.frame.select(nw.len().alias("sum n"))).column(0)[0].as_py())


def _dataset_reader(dataset: Any) -> Callable[[Sequence[str]], Iterator[pa.Table]]:
    def read(columns: Sequence[str]) -> Iterator[pa.Table]:
        return files.gathered(dataset.to_batches(columns=list(columns), batch_readahead=4), BATCH)

    return read


def _in_slices(frame: Frame) -> Callable[[Sequence[str]], Iterator[pa.Table]]:
    def read(columns: Sequence[str]) -> Iterator[pa.Table]:
        for start in range(0, frame.rows, BATCH):
            rows = np.arange(start, min(start + BATCH, frame.rows))
            yield frame.at(rows).table(columns)

    return read


def _engine_reader(frame: nw.LazyFrame[Any]) -> Callable[[Sequence[str]], Iterator[pa.Table]]:
    """Reader of Arrow tables from the engine of a lazy frame, as bounded in memory as it allows."""

    def read(columns: Sequence[str]) -> Iterator[pa.Table]:
        native = frame.select(list(columns)).to_native()
        if hasattr(native, "fetch_record_batch"):  # DuckDB
            reader = getattr(native, "to_arrow_reader", native.fetch_record_batch)  # by DuckDB's age
            return files.gathered(reader(BATCH), BATCH)
        if hasattr(native, "collect_batches"):  # Polars
            parts = native.collect_batches(chunk_size=BATCH, maintain_order=True)
            return (part.to_arrow() for part in parts)
        if hasattr(native, "to_pyarrow_batches"):  # Ibis
            return files.gathered(_ibis_batches(native), BATCH)
        if spark.is_spark(native):
            return files.gathered(spark.batches(native), BATCH)
        return iter([frame.select(list(columns)).collect("pyarrow").to_native()])

    return read


def _ibis_batches(table: Any) -> Iterator[pa.RecordBatch]:
    if table.get_backend().name == "duckdb" and not hasattr(table.get_backend().con, "fetch_record_batch"):
        return iter(table.to_pyarrow().to_batches(BATCH))  # Ibis 12 asks DuckDB 2 for a method that is gone
    return iter(table.to_pyarrow_batches(chunk_size=BATCH))
