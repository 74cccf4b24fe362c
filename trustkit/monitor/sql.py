"""The databases that may hold a store: SQLite, memory and PostgreSQL, by the same statements."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

from trustkit.errors import ConfigError, Problem, nearest

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
  hash {blob} PRIMARY KEY, pane {integer} NOT NULL, at {real} NOT NULL, name {integer} NOT NULL,
  s {integer} NOT NULL
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
  number {integer} PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, first_pane {integer},
  at {real} NOT NULL, e {real}, json TEXT NOT NULL, ended {real}
) {end};
CREATE TABLE trustkit_incidents (
  id {integer} PRIMARY KEY, opened {real} NOT NULL, about TEXT NOT NULL, owner TEXT NOT NULL, cause TEXT,
  fix TEXT, audit TEXT, closed {real}
) {end}
"""
"""Counts are by pane and name, a name being a ledger and a key of it. PostgreSQL's INTEGER has 32 bits."""


CHUNK = 500
"""Rows in one statement."""


class Session:
    """One transaction of a database. The texts given to it are of this package alone, never of the data."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def run(self, statement: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Run a statement with ``?`` for each value, and yield what it finds."""
        return iter(self._connection.execute(statement, values))

    def _listed(self, rows: Sequence[Sequence[Any]]) -> Iterator[tuple[str, list[Any]]]:
        """Yield a list of rows as a part of statements, and its values, some rows at a time."""
        for start in range(0, len(rows), CHUNK):
            some = rows[start : start + CHUNK]
            marks = f"({', '.join('?' * len(some[0]))})"
            yield f"VALUES {', '.join([marks] * len(some))}", [value for row in some for value in row]

    def select(
        self, columns: str, table: str, rest: str = "", values: Sequence[Any] = ()
    ) -> Iterator[tuple[Any, ...]]:
        """Yield columns of a table."""
        return self.run(f"SELECT {columns} FROM trustkit_{table} {rest}", values)  # noqa: S608

    def select_of(self, columns: str, table: str, hashes: Iterable[bytes]) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a table that have these hashes."""
        for listed, values in self._listed([(hash,) for hash in hashes]):
            yield from self.select(columns, table, f"WHERE hash IN ({listed})", values)

    def insert(self, table: str, columns: str, rows: Sequence[Sequence[Any]], rest: str = "") -> None:
        """Insert rows."""
        for listed, values in self._listed(rows):
            self.run(f"INSERT INTO trustkit_{table} ({columns}) {listed} {rest}", values)

    def delete_of(self, table: str, columns: str, keys: Sequence[Sequence[Any]], rest: str = "") -> None:
        """Delete the rows of a table that have these keys."""
        for listed, values in self._listed(keys):
            self.run(f"DELETE FROM trustkit_{table} WHERE ({columns}) IN ({listed}) {rest}", values)  # noqa: S608


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
        return sqlite3.connect(uri, uri=True, timeout=self._timeout, isolation_level=None)

    @contextmanager
    def _session(self, begin: str) -> Iterator[Session]:
        with closing(self._connect()) as connection:
            connection.execute("PRAGMA synchronous = NORMAL")
            with _transaction(connection, begin):
                yield Session(connection)

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
    """Tell why a file cannot be found, None where it is there."""
    try:
        path.stat()
    except FileNotFoundError:
        has_folder = path.parent.is_dir()
        return "there is no such file" if has_folder else f"the folder {path.parent.name!r} is missing"
    except OSError as error:
        return (error.strerror or "out of reach").lower()
    return None


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
            yield Session(self._kept)

    def reason(self, error: Exception) -> str:
        """Tell in a few words why a session failed."""
        return str(error.strerror) if isinstance(error, OSError) else super().reason(error)

    def close(self) -> None:
        """Forget all."""
        self._kept.close()


class _PostgresSession(Session):
    """Lists go as arrays: a mark for each value costs psycopg and the server more than the work itself."""

    def run(self, statement: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        cursor = self._connection.execute(statement.replace("?", "%s"), values)
        return iter(cursor if cursor.description else ())

    def _listed(self, rows: Sequence[Sequence[Any]]) -> Iterator[tuple[str, list[Any]]]:
        if len(rows) < 2:
            yield from super()._listed(rows)
            return
        marks = ", ".join(f"?::{ARRAYS[type(value)]}" for value in rows[0])
        arrays = [list(column) for column in zip(*rows, strict=True)]
        yield f"SELECT * FROM unnest({marks})", arrays  # noqa: S608


ARRAYS = {int: "bigint[]", float: "double precision[]", str: "text[]", bytes: "bytea[]"}


class Postgres:
    """A schema of PostgreSQL, with a connection for each session: no fork and no restart cuts one off."""

    types: ClassVar[dict[str, str]] = {
        "integer": "BIGINT",
        "real": "DOUBLE PRECISION",
        "blob": "BYTEA",
        "end": "",
    }
    tables = (
        "SELECT tablename FROM pg_catalog.pg_tables"
        " WHERE schemaname = current_schema() AND tablename = 'trustkit_meta'"
    )

    def __init__(self, url: str, timeout: float) -> None:
        try:
            import psycopg
        except ImportError:
            found = "PostgreSQL needs the package psycopg: pip install 'trustkit-audit[postgres]'"
            raise ConfigError([Problem("store", found)]) from None
        self._psycopg, self._url, self._timeout = psycopg, url, timeout
        self.errors: tuple[type[Exception], ...] = (psycopg.Error,)
        parts = urlsplit(url)
        self.name = f"postgresql://{parts.hostname or ''}{parts.path}"

    def create(self) -> None:
        """Do nothing: the database is there, and the tables come with the store."""

    @contextmanager
    def _session(self) -> Iterator[Any]:
        most = max(2, round(self._timeout))
        with self._psycopg.connect(self._url, connect_timeout=most, keepalives_idle=2 * most) as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a `Session` that sees one state of the store."""
        with self._session() as connection:
            connection.isolation_level = self._psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            yield _PostgresSession(connection)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a `Session` that alone may write, and commit it at the end of the block."""
        with self._session() as connection:
            connection.isolation_level = self._psycopg.IsolationLevel.READ_COMMITTED
            connection.execute(f"SET LOCAL lock_timeout = {round(self._timeout * 1000)}")
            connection.execute("SELECT pg_advisory_xact_lock(hashtext('trustkit_meta'))")
            yield _PostgresSession(connection)

    def reason(self, error: Exception) -> str:
        """Tell in a few words why a session failed."""
        state = getattr(error, "sqlstate", None)
        if state is None:
            return "out of reach"
        return {
            "55P03": f"locked for more than {self._timeout:g} s",
            "53100": "full",
            "25006": "read-only",
            "42501": "read-only",
            "XX001": "corrupt",
            "XX002": "corrupt",
        }.get(state, f"error {state} of PostgreSQL")

    def is_foreign(self, error: Exception) -> bool:
        """Return False: what else a database holds is left alone."""
        return False

    def close(self) -> None:
        """Do nothing: no connection is kept."""


SCHEMES = ("postgresql", "postgres")


def database(where: str | os.PathLike[str], timeout: float) -> Database:
    """Find the database that a place means.

    Raises
    ------
    ConfigError
        For an address of another database, or PostgreSQL without its package.
    """
    if where == ":memory:":
        return Memory(timeout)
    scheme, has_scheme, _ = str(where).partition("://")
    if not has_scheme:
        return Sqlite(where, timeout)
    if scheme not in SCHEMES:
        found = f"{scheme}:// is no store: name a file, postgresql://HOST/DATABASE or :memory:"
        raise ConfigError([Problem("store", found, nearest(scheme, SCHEMES))])
    return Postgres(str(where), timeout)
