"""The store in PostgreSQL: the same as in a file, with its writers killed and its server stopped."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from pathlib import Path
from urllib.parse import quote

import hypothesis.strategies as st
import pytest
from hypothesis import given
from test_store import (  # noqa: F401 (tests that run here on another place)
    HOUR,
    KEY,
    ROWS,
    TestDeclaring,
    TestLedgers,
    TestRecords,
    TestWriters,
    counted,
    decided,
    examples,
    opened,
    panes_close_by_what_was_flushed_before,
    run_writers,
    the_state_is_the_same,
    total,
    watch,
)

from trustkit.monitor.store import Store, StoreFault

psycopg = pytest.importorskip("psycopg", reason="needs the extra `postgres`")

pytestmark = pytest.mark.end_to_end

ADDRESS = "TRUSTKIT_TEST_POSTGRES"


class Server:
    """A server of PostgreSQL for the tests, in a folder of its own, of a user that is not root."""

    def __init__(self, programs):
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="trustkit-postgres-"))
        names = {user.pw_name for user in pwd.getpwall()}
        self.user = (
            pwd.getpwnam("postgres" if "postgres" in names else "nobody") if os.geteuid() == 0 else None
        )
        if self.user:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.run("initdb", "-D", "data", "-A", "trust", "-U", "trustkit", "--no-sync")
        self.start()

    @property
    def address(self):
        return f"postgresql://trustkit@127.0.0.1:{self.port}/postgres"

    def run(self, program, *arguments):
        owner = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}
        command = [str(self.programs / program), *arguments]
        with (self.folder / "said").open("w+") as said:
            done = subprocess.run(command, cwd=self.folder, stdout=said, stderr=said, check=False, **owner)
            said.seek(0)
            assert done.returncode == 0, said.read()

    def start(self):
        options = f"-k '{self.folder}' -c listen_addresses=127.0.0.1 -p {self.port} -c fsync=off"
        self.run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def stop(self):
        self.run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")


def programs():
    """The folder of PostgreSQL's programs, None where it is not installed."""
    folders = [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


@pytest.fixture(scope="module")
def server():
    """A server that a test may stop; skipped where PostgreSQL is not installed."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed (its programs initdb and pg_ctl)")
    server = Server(programs())
    yield server
    server.stop()
    shutil.rmtree(server.folder)


@pytest.fixture(scope="module")
def address(request):
    """The address in TRUSTKIT_TEST_POSTGRES, else that of a server of this module's own."""
    return os.environ.get(ADDRESS) or request.getfixturevalue("server").address


def place(address):
    """An address of a new schema of a database."""
    schema = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(address) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
    return f"{address}{'&' if '?' in address else '?'}options={quote(f'-c search_path={schema}')}"


@pytest.fixture
def new_place(address):
    return lambda: place(address)


@examples(4)
@given(rows=ROWS, seeds=st.tuples(st.integers(), st.integers()))
def test_however_rows_are_split_the_state_is_the_same(opened, rows, seeds):  # noqa: F811
    the_state_is_the_same(opened, rows, seeds)


@examples(4)
@given(rows=ROWS, seed=st.integers())
def test_panes_close_by_rows_flushed_before(opened, rows, seed):  # noqa: F811
    panes_close_by_what_was_flushed_before(opened, rows, seed)


class TestCrash:
    def test_a_killed_writer_leaves_what_it_flushed(self, new_place, tmp_path):
        run_writers(new_place(), tmp_path, writers=3, records=5_000, size=500, dies_at=6)

    @pytest.mark.slow
    def test_eight_writers_of_200_000_records(self, new_place, tmp_path):
        run_writers(new_place(), tmp_path, writers=8, records=200_000, size=1_000)


class TestFaults:
    def test_locked(self, new_place):
        where = new_place()
        store = Store.open(where, timeout=0.1)
        store.declare(watch(), "sha256:0")
        with psycopg.connect(where) as holder:
            holder.execute("SELECT pg_advisory_xact_lock(hashtext('trustkit_meta'))")
            with pytest.raises(StoreFault, match=r"locked for more than 0\.1 s"):
                store.flush(decided(3))
            assert counted(store.read()) == {}
        assert store.flush(decided(3))
        assert total(store.read(), "decided") == 3

    def test_read_only(self, new_place):
        where = new_place()
        store = Store.open(where)
        store.declare(watch(), "sha256:0")
        reader = Store.open(where.replace("options=", "options=-c%20default_transaction_read_only%3Don%20"))
        with pytest.raises(StoreFault, match="read-only"):
            reader.flush(decided(3))
        assert reader.read().counts == {}

    def test_the_connection_is_cut_within_a_transaction(self, new_place):
        where = new_place()
        is_cut = []

        def now():
            if is_cut == [False]:
                is_cut[:] = [True]
                with psycopg.connect(where, autocommit=True) as other:
                    cut = (
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                    )
                    other.execute(f"{cut} AND application_name = 'cut me'")
            return 1.0

        store = Store.open(f"{where}&application_name=cut%20me", now=now)
        store.declare(watch(), "sha256:0")
        is_cut.append(False)
        with pytest.raises(StoreFault, match=r"PostgreSQL|out of reach"):
            store.flush(decided(3))
        assert is_cut == [True]
        assert counted(store.read()) == {}
        assert store.flush(decided(3))
        assert not store.flush(decided(3))
        assert total(store.read(), "decided") == 3

    def test_the_server_stops_and_starts(self, server):
        store = Store.open(place(server.address))
        store.declare(watch(), "sha256:0")
        (hash,) = store.hash(["a"])
        store.flush(decided(3, decisions=[(hash, 5, 5.1 * HOUR, KEY, 0)]))
        server.stop()
        try:
            with pytest.raises(StoreFault, match="out of reach"):
                store.flush(decided(2, seq=2))
        finally:
            server.start()
        assert store.flush(decided(2, seq=2))
        assert total(store.read(), "decided") == 5
        assert total(store.read(), "pending") == 1

    def test_no_password_is_told(self):
        store = Store.open("postgresql://trustkit:secret@127.0.0.1:1/monitor", timeout=1)
        with pytest.raises(StoreFault, match=r"^postgresql://127\.0\.0\.1/monitor: out of reach$"):
            store.read()
