"""The databases that may hold a store: SQLite, memory and PostgreSQL, by the same statements."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Protocol

SCHEMA = """
CREATE TABLE trustkit_meta (
  one {integer} PRIMARY KEY CHECK (one = 1), format TEXT NOT NULL, watch TEXT NOT NULL, digest TEXT NOT NULL,
  secret {blob} NOT NULL, declared {real} NOT NULL, seconds {real} NOT NULL, lateness {real} NOT NULL,
  label_delay {real} NOT NULL, label_ttl {real} NOT NULL, last_at {real}, by_clock {integer},
  closed_through {integer}, matured_through {integer}
) {end};
CREATE TABLE trustkit_names (
  id {integer} PRIMARY KEY, ledger TEXT NOT NULL, key TEXT NOT NULL, UNIQUE (ledger, key)
) {end};
CREATE TABLE trustkit_counts (
  pane {integer}, name {integer}, n {integer} NOT NULL, s {integer} NOT NULL, PRIMARY KEY (pane, name)
) {end};
CREATE TABLE trustkit_pending (
  hash {blob} PRIMARY KEY, pane {integer} NOT NULL, at {real} NOT NULL, name {integer} NOT NULL
) {end};
CREATE INDEX trustkit_pending_at ON trustkit_pending (at);
CREATE TABLE trustkit_truths (hash {blob} PRIMARY KEY, code {integer} NOT NULL, at {real} NOT NULL) {end};
CREATE INDEX trustkit_truths_at ON trustkit_truths (at);
CREATE TABLE trustkit_writers (
  id TEXT PRIMARY KEY, host TEXT NOT NULL, pid {integer} NOT NULL, started {real} NOT NULL,
  seq {integer} NOT NULL, flushed_at {real} NOT NULL, recorded {integer} NOT NULL, flushed {integer} NOT NULL,
  dropped {integer} NOT NULL, faults {integer} NOT NULL, closed {integer} NOT NULL
) {end};
CREATE TABLE trustkit_alarms (
  id TEXT, kind TEXT NOT NULL, first_pane {integer}, at {real} NOT NULL, e {real}, json TEXT NOT NULL,
  ended {real}, PRIMARY KEY (id, at)
) {end};
CREATE TABLE trustkit_incidents (
  id {integer} PRIMARY KEY, opened {real} NOT NULL, about TEXT NOT NULL, owner TEXT NOT NULL, cause TEXT,
  fix TEXT, audit TEXT, closed {real}
) {end}
"""
"""Counts are by pane and name, a name being a ledger and a key of it. PostgreSQL's INTEGER has 32 bits."""


class Session:
    """One transaction of a database."""

    def __init__(self, connection: Any, mark: str) -> None:
        self._connection, self._mark = connection, mark

    def rows(self, statement: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Run a statement with ``?`` for each value, and yield what it finds."""
        return iter(self._connection.execute(statement.replace("?", self._mark), values))

    def select(
        self, columns: str, table: str, rest: str = "", values: Sequence[Any] = ()
    ) -> Iterator[tuple[Any, ...]]:
        """Yield columns of a table; all three texts are of this package alone."""
        return self.rows(f"SELECT {columns} FROM trustkit_{table} {rest}", values)  # noqa: S608

    def insert(self, table: str, columns: str, rows: Iterable[Sequence[Any]], rest: str = "") -> None:
        """Insert rows; all three texts are of this package alone."""
        marks = ", ".join("?" * (columns.count(",") + 1))
        self.run(f"INSERT INTO trustkit_{table} ({columns}) VALUES ({marks}) {rest}", rows)  # noqa: S608

    def run(self, statement: str, rows: Iterable[Sequence[Any]] = ((),)) -> None:
        """Run a statement that finds nothing, once for each of `rows`."""
        self._connection.cursor().executemany(statement.replace("?", self._mark), rows)


class Database(Protocol):
    """Where a store lies."""

    name: str
    """How it is called in messages: no password, no folder."""
    types: ClassVar[dict[str, str]]
    """Types of the schema's columns, and the ``end`` of its tables."""
    tables: str
    """Statement that finds the names of tables by which a store or a stranger is known."""
    errors: tuple[type[Exception], ...]
    """What its library raises."""

    def create(self) -> None:
        """Make room for a store where there is none."""

    def reading(self) -> Any:
        """Open a `Session` that sees one state of the store."""

    def writing(self) -> Any:
        """Open a `Session` that alone may write, and commit it at the end of the block."""

    def reason(self, error: Exception) -> str:
        """Tell in a few words why a session failed."""

    def is_foreign(self, error: Exception) -> bool:
        """Tell whether a session failed because the file is of another kind."""

    def close(self) -> None:
        """Let go of what is kept between sessions."""


@contextmanager
def _transaction(connection: Any, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


class Sqlite:
    """One file, with a connection for each session: none outlives it, so that none crosses a fork.

    A connection that a child process inherits, even an idle one, makes SQLite
    believe that the child holds locks that it does not hold; the parent's last
    ``close`` then removes the log under the child.
    """

    types: ClassVar[dict[str, str]] = {
        "integer": "INTEGER",
        "real": "REAL",
        "blob": "BLOB",
        "end": "STRICT, WITHOUT ROWID",
    }
    tables = "SELECT name FROM sqlite_master WHERE type = 'table'"
    errors: tuple[type[Exception], ...] = (sqlite3.Error, OSError)

    def __init__(self, path: str | os.PathLike[str], timeout: float) -> None:
        self._path, self._timeout = Path(path).absolute(), timeout
        self.name = self._path.name

    def create(self) -> None:
        """Make an empty file that its owner alone may read, and let readers go on while one writes."""
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        with closing(self._connect()) as connection:
            if connection.execute(self.tables).fetchone() is None:
                connection.execute("PRAGMA journal_mode = WAL")

    def _connect(self) -> sqlite3.Connection:
        uri = f"{self._path.as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, timeout=self._timeout, isolation_level=None)
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    @contextmanager
    def _session(self, begin: str) -> Iterator[Session]:
        with closing(self._connect()) as connection, _transaction(connection, begin):
            yield Session(connection, "?")

    def reading(self) -> Any:
        """Open a `Session` that sees one state of the store."""
        return self._session("BEGIN")

    def writing(self) -> Any:
        """Open a `Session` that alone may write, and commit it at the end of the block."""
        return self._session("BEGIN IMMEDIATE")

    def reason(self, error: Exception) -> str:
        """Tell in a few words why a session failed."""
        if isinstance(error, OSError):
            return _lacks(self._path) or (error.strerror or "input or output failed").lower()
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_CANTOPEN:
            return _lacks(self._path) or "cannot be opened"
        return {
            sqlite3.SQLITE_BUSY: f"locked for more than {self._timeout:g} s",
            sqlite3.SQLITE_FULL: "full",
            sqlite3.SQLITE_READONLY: "read-only",
            sqlite3.SQLITE_CORRUPT: "corrupt",
            sqlite3.SQLITE_NOTADB: "corrupt",
            sqlite3.SQLITE_IOERR: "input or output failed (full, or out of reach)",
        }.get(code, getattr(error, "sqlite_errorname", type(error).__name__))

    def is_foreign(self, error: Exception) -> bool:
        """Tell whether a session failed because the file is of another kind."""
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB

    def close(self) -> None:
        """Do nothing: no connection is kept."""


def _lacks(path: Path) -> str | None:
    if not path.parent.is_dir():
        return f"the folder {path.parent.name!r} is missing"
    return None if path.exists() else "there is no such file"


class Memory(Sqlite):
    """A database that the process which opened it has for itself."""

    def __init__(self, timeout: float) -> None:
        super().__init__(":memory:", timeout)
        self._kept = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._pid = os.getpid()

    def create(self) -> None:
        """Do nothing: it is there."""

    @contextmanager
    def _session(self, begin: str) -> Iterator[Session]:
        if os.getpid() != self._pid:
            raise OSError(0, "a store in memory stays with the process that opened it")
        with _transaction(self._kept, begin):
            yield Session(self._kept, "?")

    def reason(self, error: Exception) -> str:
        """Tell in a few words why a session failed."""
        return str(error.strerror) if isinstance(error, OSError) else super().reason(error)

    def close(self) -> None:
        """Forget all."""
        self._kept.close()
