"""The store of the monitor: what is counted where, by whom, and what survives crashes and faults."""

import os
import random
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from store_writers import IDS, WATCH, batch

from trustkit.errors import ConfigError
from trustkit.monitor import ledgers, sql
from trustkit.monitor.store import Alarm, Batch, Store, StoreFault

HOUR = 3600
KEY = "0,1|1|3"


def watch(*, lateness=0, delay=24 * HOUR, ttl=240 * HOUR):
    return f'{{"window": {HOUR}, "lateness": {lateness}, "label_delay": {delay}, "label_ttl": {ttl}}}'


def counted(state):
    """All counts: (ledger, pane, key) -> (n, s)."""
    return {
        (ledger, pane, counts.keys[key]): (n, s)
        for ledger, counts in state.counts.items()
        for pane, key, n, s in zip(
            *(c.tolist() for c in (counts.pane, counts.key, counts.n, counts.s)), strict=True
        )
    }


def total(state, ledger):
    return sum(n for (name, _, _), (n, _) in counted(state).items() if name == ledger)


@pytest.fixture(params=["file", "memory"])
def new_place(request, tmp_path):
    """A function that names a place for a store where there is none yet."""
    numbers = iter(range(1000))
    return lambda: ":memory:" if request.param == "memory" else tmp_path / f"{next(numbers)}.db"


@pytest.fixture
def opened(new_place):
    """A function that makes a store."""

    def make(now=time.time, **times):
        store = Store.open(new_place(), timeout=0.2, now=now)
        store.declare(watch(**times), "sha256:0")
        return store

    return make


def decided(n=1, *, pane=5, writer="w", seq=1, key=KEY, **more):
    """A batch of `n` records of one key."""
    return Batch(
        writer, seq, {(pane, "decided", key): (n, n << 29)}, **{"last_at": pane * HOUR + 1.0, **more}
    )


class TestLedgers:
    def test_counts_add_over_batches_and_writers(self, opened):
        store = opened()
        assert store.flush(decided(3))
        assert store.flush(decided(4, seq=2))
        assert store.flush(decided(5, writer="v"))
        assert counted(store.read()) == {("decided", 5, KEY): (12, 12 << 29)}

    def test_a_pane_closes_when_a_row_reaches_its_end(self, opened):
        store = opened()
        store.flush(decided(1, last_at=6 * HOUR - 0.001))
        assert store.read().closed_through == 4
        store.flush(decided(1, seq=2, last_at=6 * HOUR))
        assert store.read().closed_through == 5
        store.flush(decided(7, seq=3))
        state = store.read()
        assert counted(state)["decided", 5, KEY] == (2, 2 << 29)
        assert counted(state)["late", 5, "decided"] == (7, 0)
        assert state.last_at == 6 * HOUR

    def test_it_closes_later_by_the_lateness(self, opened):
        store = opened(lateness=600)
        store.flush(decided(1, last_at=6.0 * HOUR + 599))
        assert store.read().closed_through == 4
        store.flush(decided(1, seq=2, last_at=6.0 * HOUR + 600))
        assert store.read().closed_through == 5

    def test_nothing_has_closed_before_the_first_row(self, opened):
        store = opened(now=lambda: 1e9)
        store.flush(Batch("w", 1, {}, clock=True))
        state = store.read()
        assert (state.closed_through, state.matured_through, state.last_at) == (None, None, None)
        assert state.counts == {}

    def test_the_clock_closes_panes_only_where_no_time_was_given(self, opened):
        times = [5.5 * HOUR]
        store = opened(now=lambda: times[0])
        store.flush(decided(1, clock=True))
        times[0] = 9.5 * HOUR
        store.flush(Batch("w", 2, {}, clock=True))
        assert store.read().closed_through == 8
        store.flush(decided(1, pane=9, writer="v", last_at=9.6 * HOUR))
        times[0] = 20.0 * HOUR
        store.flush(Batch("w", 3, {}, clock=True))
        assert store.read().closed_through == 8

    def test_a_label_is_counted_in_the_pane_of_its_decision(self, opened):
        store = opened()
        a, b = store.hash(["a", "b"])
        store.flush(decided(2, decisions=[(a, 5, 5.1 * HOUR, KEY, 7), (b, 5, 5.1 * HOUR, KEY, 8)]))
        assert counted(store.read())["pending", 5, KEY] == (2, 0)
        store.flush(Batch("w", 2, {}, truths=[(a, 1, 9.0 * HOUR)], last_at=9.0 * HOUR))
        after = counted(store.read())
        assert after["labeled", 5, f"{KEY}|1"] == (1, 7)
        assert after["pending", 5, KEY] == (1, 0)
        store.flush(Batch("w", 3, {}, truths=[(b, 0, 9.0 * HOUR)]))
        after = counted(store.read())
        assert after["labeled", 5, f"{KEY}|0"] == (1, 8)
        assert ("pending", 5, KEY) not in after

    def test_a_label_may_come_before_its_decision_or_with_it(self, opened):
        store = opened()
        a, b = store.hash(["a", "b"])
        store.flush(Batch("w", 1, {}, truths=[(a, 1, 5.0 * HOUR)]))
        assert store.read().truths == 1
        store.flush(decided(2, seq=2, decisions=[(a, 5, 5.1 * HOUR, KEY, 0)]))
        store.flush(decided(1, seq=3, decisions=[(b, 5, 5.1 * HOUR, KEY, 0)], truths=[(b, 1, 5.2 * HOUR)]))
        state = store.read()
        assert counted(state)["labeled", 5, f"{KEY}|1"] == (2, 0)
        assert state.truths == 0
        assert total(state, "pending") == 0

    def test_a_label_after_the_pane_matured_is_late(self, opened):
        store = opened(delay=2 * HOUR)
        (a,) = store.hash(["a"])
        store.flush(decided(1, decisions=[(a, 5, 5.1 * HOUR, KEY, 0)]))
        store.flush(decided(1, pane=8, seq=2, last_at=8.0 * HOUR))
        assert store.read().matured_through == 5
        store.flush(Batch("w", 3, {}, truths=[(a, 1, 8.5 * HOUR)]))
        after = counted(store.read())
        assert after["late_label", 5, KEY] == (1, 0)
        assert not {name for name, _, _ in after} & {"labeled", "pending"}

    def test_a_label_may_come_while_its_pane_is_closed_and_not_matured(self, opened):
        store = opened(delay=24 * HOUR)
        (a,) = store.hash(["a"])
        store.flush(decided(1, last_at=7.0 * HOUR))
        store.flush(decided(1, seq=2, decisions=[(a, 5, 5.1 * HOUR, KEY, 0)]))
        store.flush(Batch("w", 3, {(5, "labeled", f"{KEY}|0"): (2, 0)}, truths=[(a, 1, 8.5 * HOUR)]))
        after = counted(store.read())
        assert after["late", 5, "decided"] == (1, 0)
        assert after["labeled", 5, f"{KEY}|1"] == (1, 0)
        assert after["labeled", 5, f"{KEY}|0"] == (2, 0)

    def test_what_waits_too_long_expires(self, opened):
        store = opened(ttl=48 * HOUR)
        a, b = store.hash(["a", "b"])
        store.flush(decided(1, decisions=[(a, 5, 5.1 * HOUR, KEY, 0)], truths=[(b, 1, 5.2 * HOUR)]))
        store.flush(decided(1, pane=53, seq=2, last_at=53.15 * HOUR))
        state = store.read()
        assert counted(state)["expired", 5, KEY] == (1, 0)
        assert (total(state, "pending"), state.truths) == (0, 1)
        store.flush(decided(1, pane=53, seq=3, last_at=53.25 * HOUR))
        state = store.read()
        assert counted(state)["unmatched", 5, ""] == (1, 0)
        assert state.truths == 0
        store.flush(Batch("w", 4, {}, truths=[(a, 1, 53.5 * HOUR)]))
        assert total(store.read(), "labeled") == total(store.read(), "late_label") == 0

    def test_so_many_at_most_expire_in_a_flush(self, opened, monkeypatch):
        monkeypatch.setattr(ledgers, "EXPIRE", 2)
        store = opened(ttl=HOUR)
        hashes = store.hash("abcde")
        store.flush(decided(5, decisions=[(hash, 5, 5.1 * HOUR, KEY, 0) for hash in hashes]))
        for seq, expired in [(2, 2), (3, 4), (4, 5), (5, 5)]:
            store.flush(decided(1, pane=50, seq=seq))
            assert total(store.read(), "expired") == expired
            assert total(store.read(), "pending") == 5 - expired

    def test_an_id_decided_twice_waits_once(self, opened):
        store = opened()
        (a,) = store.hash(["a"])
        twice = [(a, 5, 5.1 * HOUR, KEY, 0), (a, 6, 6.1 * HOUR, KEY, 0)]
        store.flush(decided(2, decisions=twice, last_at=6.1 * HOUR))
        store.flush(decided(1, pane=6, seq=2, decisions=twice[1:]))
        after = counted(store.read())
        assert after["duplicate", 6, KEY] == (2, 0)
        assert after["pending", 5, KEY] == (1, 0)
        store.flush(Batch("w", 3, {}, truths=[(a, 1, 7.0 * HOUR), (a, 0, 7.1 * HOUR)]))
        assert counted(store.read())["labeled", 5, f"{KEY}|1"] == (1, 0)

    def test_columns_of_a_closed_pane_are_late(self, opened):
        store = opened()
        store.flush(decided(2, columns={5: {"0|1": 2}}))
        store.flush(decided(1, pane=7, seq=2, columns={7: {"0|1": 1}}))
        store.flush(decided(1, pane=7, seq=3, columns={5: {"0|1": 3, "0|2": 4}}))
        after = counted(store.read())
        assert after["column", 5, "0|1"] == (2, 0)
        assert after["late", 5, "column"] == (7, 0)
        assert after["column", 7, "0|1"] == (1, 0)

    def test_panes_before_1970_count_too(self, opened):
        store = opened()
        store.flush(decided(2, pane=-3))
        assert counted(store.read(since=-3)) == {("decided", -3, KEY): (2, 2 << 29)}

    def test_reads_from_a_pane_on(self, opened):
        store = opened(lateness=100 * HOUR)
        store.flush(Batch("w", 1, {(pane, "decided", KEY): (1, 0) for pane in range(9)}))
        assert store.read(since=6).counts["decided"].pane.tolist() == [6, 7, 8]

    def test_many_hashes_fit_into_statements(self, opened):
        store = opened()
        hashes = store.hash(map(str, range(1203)))
        store.flush(decided(1203, decisions=[(hash, 5, 5.1 * HOUR, KEY, 0) for hash in hashes]))
        store.flush(Batch("w", 2, {}, truths=[(hash, 1, 5.2 * HOUR) for hash in hashes[:1101]]))
        assert (total(store.read(), "labeled"), total(store.read(), "pending")) == (1101, 102)


@pytest.mark.parametrize("later", ["b", "bza"], ids=["lacks the last name", "has the last name"])
def test_an_older_copy_in_its_place_is_counted_under_its_own_names(tmp_path, later):
    """A writer remembers the names of keys; a copy that is brought back has none of those that came later."""
    place, older = tmp_path / "monitor.db", tmp_path / "older.db"
    store = Store.open(place)
    store.declare(watch(), "sha256:0")
    store.flush(decided(1, key="a"))
    shutil.copy(place, older)
    for seq, key in enumerate(later, 2):
        store.flush(decided(1, key=key, seq=seq))
    older.replace(place)
    other = Store.open(place)
    other.flush(decided(5, key="c", writer="v"))
    other.flush(decided(7, key="z", writer="v", seq=2))
    store.flush(decided(3, key="b", seq=2 + len(later)))
    found = {key: n for (_, _, key), (n, _) in counted(store.read()).items()}
    assert found == {"a": 1, "b": 3, "c": 5, "z": 7}


class TestWriters:
    def test_a_batch_whose_answer_was_lost_is_added_once(self, opened, monkeypatch):
        store = opened()
        database = store._database
        real = database.writing

        @contextmanager
        def writing():
            with real() as session:
                yield session
            raise database.errors[0]("the answer is lost")

        (a,) = store.hash(["a"])
        one = decided(3, decisions=[(a, 5, 5.1 * HOUR, KEY, 0)], recorded=3)
        with monkeypatch.context() as patch:
            patch.setattr(database, "writing", writing)
            with pytest.raises(StoreFault):
                store.flush(one)
        before = counted(store.read())
        assert before["decided", 5, KEY][0] == 3
        assert not store.flush(one)
        assert not store.flush(decided(9, seq=0))
        assert counted(store.read()) == before
        assert store.flush(decided(1, seq=2, recorded=4))
        assert store.read().writers[0].flushed == 4

    def test_each_gives_account(self, opened):
        times = iter([0.0, 100.0, 200.0, 300.0])
        store = opened(now=lambda: next(times))
        store.flush(decided(3, recorded=5, dropped=1, faults=2))
        store.flush(decided(4, writer="v", recorded=4, closed=True))
        store.flush(decided(2, seq=2, recorded=9, dropped=1, faults=2))
        w, v = store.read().writers
        assert (w.started, w.flushed_at, w.recorded, w.flushed, w.dropped, w.faults) == (100, 300, 9, 5, 1, 2)
        assert (w.behind, w.closed, w.pid) == (4, False, os.getpid())
        assert (v.behind, v.closed) == (0, True)

    def test_a_gap_is_a_writer_that_went_silent(self, opened):
        times = iter([0.0, 100.0, 200.0, 300.0])
        store = opened(now=lambda: next(times))
        store.flush(decided(3, writer="silent", recorded=5))
        store.flush(decided(4, writer="ended", recorded=4, closed=True))
        store.flush(decided(2, writer="alive", recorded=2))
        assert [(gap.id, gap.behind) for gap in store.read().gaps(before=250)] == [("silent", 2)]

    def test_threads_share_a_store(self, opened):
        store = opened()

        def flush(writer):
            for seq in range(8):
                store.flush(decided(1, writer=writer, seq=seq))

        threads = [threading.Thread(target=flush, args=(f"w{i}",)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert total(store.read(), "decided") == 32


class TestRecords:
    def test_one_of_all_that_see_an_alarm_is_told(self, opened):
        store = opened()
        alarm = Alarm("bias/selection-rate:ratio", "violated", 7, 8.0 * HOUR, 130.5, '{"verdict": "fail"}')
        assert store.add_alarm(alarm)
        assert not store.add_alarm(alarm)
        assert store.alarms() == store.read().alarms == [alarm]

    def test_an_alarm_may_end_and_come_again(self, opened):
        store = opened()
        alarm = Alarm("monitoring/coverage:silent", "silent", None, 8.0, None, "{}")
        assert store.add_alarm(alarm)
        store.end_alarm(alarm.id, 9.0)
        store.end_alarm("another", 9.0)
        assert store.add_alarm(alarm)
        assert [found.ended for found in store.alarms()] == [9.0, None]

    def test_an_incident_is_opened_and_closed(self, opened):
        store = opened(now=lambda: 50.0)
        store.open_incident("alarm 7", "risk team")
        opened_too = store.open_incident("complaint", "risk team", cause="a wrong code")
        assert (opened_too.id, opened_too.opened, opened_too.closed) == (2, 50.0, None)
        closed = store.close_incident(2, fix="commit 1a2b", audit="sha256:9")
        assert (closed.cause, closed.fix, closed.audit, closed.closed) == (
            "a wrong code",
            "commit 1a2b",
            "sha256:9",
            50,
        )
        assert store.incidents() == store.read().incidents
        assert [incident.closed for incident in store.incidents()] == [None, 50.0]

    @pytest.mark.parametrize("number", [2, 3])
    def test_what_is_not_open_cannot_be_closed(self, opened, number):
        store = opened()
        store.open_incident("x", "me")
        store.open_incident("y", "me")
        store.close_incident(2, fix="f", audit="a")
        with pytest.raises(ConfigError, match=rf"incident: {number} is not open in .*\(open: 1\)"):
            store.close_incident(number, fix="f", audit="a")

    def test_quotes_are_text(self, opened):
        store = opened()
        evil = "'; DROP TABLE trustkit_counts; --"
        store.flush(decided(1, key=evil, writer=evil))
        store.open_incident(evil, evil)
        store.add_alarm(Alarm(evil, evil, 1, 1.0, 1.0, evil))
        assert counted(store.read()) == {("decided", 5, evil): (1, 1 << 29)}
        assert store.incidents()[0].owner == store.alarms()[0].id == evil


class TestDeclaring:
    def test_the_watch_comes_back(self, new_place):
        store = Store.open(new_place())
        store.declare(watch(), "sha256:0")
        store.declare(watch(), "sha256:0")
        assert store.watch() == watch()

    def test_another_watch_is_refused_by_what_differs(self, opened):
        store = opened()
        with pytest.raises(
            ConfigError, match=r"was made for another watch: of another label_delay, model; name a new"
        ):
            store.declare(watch(delay=1).replace("{", '{"model": "sha256:2", '), "sha256:1")
        assert store.watch() == watch()

    def test_nothing_is_read_or_written_before(self, new_place):
        store = Store.open(new_place())
        for use in (store.read, store.watch, lambda: store.hash(["a"]), lambda: store.flush(decided())):
            with pytest.raises(StoreFault, match=r"no such file|nothing was declared"):
                use()

    def test_a_hash_is_of_this_store_alone(self, opened):
        one, two = opened(), opened()
        assert one.hash(["a", "a", "b"])[0] == one.hash(["a"])[0] != one.hash(["b"])[0]
        assert one.hash(["a"]) != two.hash(["a"])
        assert {len(hash) for hash in one.hash(["", "ä", "\udcff", "x" * 1000])} == {16}


ROWS = st.lists(
    st.tuples(
        st.integers(0, 12 * HOUR),
        st.sampled_from(["0|0|-1", "0|1|3", "1|1|19"]),
        st.integers(0, 2),
    ),
    max_size=25,
)
"""Time of a decision, its key, and whether it has an id (1) and a label too (2)."""


def split(rows, store, seed, writers=3, batches=4):
    """The rows as batches at random: the batch and writer of each row and of its label, and their order."""
    draw = random.Random(seed)  # noqa: S311
    parts = [
        {"counts": Counter(), "sums": Counter(), "decisions": [], "truths": [], "at": []}
        for _ in range(writers * batches)
    ]
    for number, (at, key, kind) in enumerate(rows):
        part = draw.choice(parts)
        place = (at // HOUR, "decided", key)
        part["counts"][place] += 1
        part["sums"][place] += number
        part["at"].append(float(at))
        (hash,) = store.hash([str(number)])
        if kind:
            part["decisions"].append((hash, at // HOUR, float(at), key, number))
        if kind == 2:
            draw.choice(parts)["truths"].append((hash, number % 2, float(at)))
    draw.shuffle(parts)
    for seq, part in enumerate(parts):
        yield Batch(
            f"w{seq % writers}",
            seq,
            {place: (n, part["sums"][place]) for place, n in part["counts"].items()},
            decisions=draw.sample(part["decisions"], len(part["decisions"])),
            truths=draw.sample(part["truths"], len(part["truths"])),
            last_at=max(part["at"], default=None),
        )


def the_state_is_the_same(opened, rows, seeds):
    """However rows and labels are split, open and after all has closed."""
    states = []
    for seed in seeds:
        store = opened(lateness=1000 * HOUR)
        for part in split(rows, store, seed):
            store.flush(part)
        before = store.read()
        assert total(before, "decided") == len(rows)
        assert total(before, "labeled") == sum(kind == 2 for _, _, kind in rows)
        assert total(before, "pending") == sum(kind == 1 for _, _, kind in rows)
        store.flush(Batch("end", 1, {}, last_at=5000.0 * HOUR))
        after = store.read()
        assert total(after, "expired") == total(before, "pending")
        states.append([(counted(s), s.closed_through, s.matured_through, s.truths) for s in (before, after)])
    assert states[0] == states[1]


def panes_close_by_what_was_flushed_before(opened, rows, seed):
    store = opened(delay=2 * HOUR)
    reached, expected = None, Counter()
    for part in split(rows, store, seed):
        for (pane, _, key), (n, _) in part.counts.items():
            is_late = reached is not None and (pane + 1) * HOUR <= reached
            expected["late" if is_late else "decided", pane, "decided" if is_late else key] += n
        store.flush(part)
        reached = max((at for at in (reached, part.last_at) if at is not None), default=None)
    state = store.read()
    found = {place: n for place, (n, _) in counted(state).items() if place[0] in ("decided", "late")}
    assert found == dict(expected)
    kept = [total(state, ledger) for ledger in ("labeled", "late_label", "pending")]
    assert sum(kept) == sum(kind > 0 for _, _, kind in rows)


def examples(most):
    return settings(
        max_examples=most, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )


class TestSplits:
    """In memory: each example makes stores of its own."""

    @pytest.fixture
    def new_place(self):
        return lambda: ":memory:"

    @examples(25)
    @given(rows=ROWS, seeds=st.tuples(st.integers(), st.integers()))
    def test_however_rows_are_split_the_state_is_the_same(self, opened, rows, seeds):
        the_state_is_the_same(opened, rows, seeds)

    @examples(25)
    @given(rows=ROWS, seed=st.integers())
    def test_panes_close_by_rows_flushed_before(self, opened, rows, seed):
        panes_close_by_what_was_flushed_before(opened, rows, seed)


def start(where, writer, records, size, notes, dies_at=0):
    script = Path(__file__).with_name("store_writers.py")
    environment = {**os.environ, "PYTHONPATH": str(script.parents[1]), "OMP_NUM_THREADS": "1"}
    arguments = [str(where), writer, str(records), str(size), str(notes), str(dies_at)]
    return subprocess.Popen([sys.executable, str(script), *arguments], env=environment)


def noted(path, word):
    lines = path.read_text().splitlines() if path.exists() else []
    return max((int(line.split()[1]) for line in lines if line.startswith(word)), default=0)


def run_writers(where, folder, *, writers, records, size, dies_at=0):
    """Let processes write at once and kill the first; return what the store says of them.

    It dies within the transaction of a batch, or halfway whenever that is.
    """
    notes = [folder / f"{i}.notes" for i in range(writers)]
    processes = [
        start(where, f"w{i}", records, size, notes[i], dies_at if i == 0 else 0) for i in range(writers)
    ]
    try:
        while not dies_at and noted(notes[0], "done") < records // size // 2:
            assert processes[0].poll() is None
            time.sleep(0.005)
        if not dies_at:
            processes[0].send_signal(signal.SIGKILL)
        codes = [process.wait(timeout=300) for process in processes]
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()
    assert codes == [-signal.SIGKILL] + [0] * (writers - 1)
    store = Store.open(where)
    state = store.read()
    of = {writer.id: writer for writer in state.writers}
    flushed = {id: writer.flushed for id, writer in of.items()}
    assert [flushed[f"w{i}"] for i in range(1, writers)] == [records] * (writers - 1)
    assert flushed["w0"] in {noted(notes[0], word) * size for word in ("done", "tried")}
    assert 0 < flushed["w0"] < records
    assert total(state, "decided") == sum(flushed.values())
    assert (
        sum(s for (name, _, _), (_, s) in counted(state).items() if name == "decided")
        == sum(flushed.values()) << 20
    )
    assert total(state, "labeled") + total(state, "pending") == sum(flushed.values()) // size * IDS
    assert total(state, "pending") == writers * IDS
    assert not {name for name, _, _ in counted(state)} & {"late", "duplicate", "late_label", "expired"}
    (gap,) = state.gaps(before=time.time() + 1)
    assert (gap.id, gap.pid, gap.behind) == ("w0", processes[0].pid, size)
    seq = flushed["w0"] // size
    assert not store.flush(batch(store, "w0", seq, size, records))
    assert store.flush(batch(store, "w0", seq + 1, size, records))
    assert total(store.read(), "decided") == sum(flushed.values()) + size
    return state


class TestCrash:
    def test_a_killed_writer_leaves_what_it_flushed(self, tmp_path):
        run_writers(tmp_path / "m.db", tmp_path, writers=3, records=5_000, size=500, dies_at=6)

    @pytest.mark.slow
    def test_eight_writers_of_200_000_records(self, tmp_path):
        run_writers(tmp_path / "m.db", tmp_path, writers=8, records=200_000, size=1_000)


FORKS = """
import os, signal, sys, threading
sys.path[:0] = {paths!r}
from store_writers import WATCH
from trustkit.monitor.store import Batch, Store, StoreFault
store = Store.open({where!r}, timeout=30)
store.declare(WATCH, "sha256:0")
def flush(writer, times=4):
    for seq in range(times):
        store.flush(Batch(writer, seq, {{(7, "decided", "0"): (1, 0)}}, last_at=7 * 3600.0))
stop = threading.Event()
def go_on():
    seq = 0
    while not stop.is_set():
        store.flush(Batch("thread", seq, {{(7, "labeled", "0"): (1, 0)}}))
        seq += 1
thread = threading.Thread(target=go_on)
thread.start()
children = []
for number in range(8):
    pid = os.fork()
    if not pid:
        signal.alarm(60)
        try:
            flush(f"child {{number}}")
        except StoreFault as fault:
            print(fault.reason, flush=True)
            os._exit(3)
        os._exit(0)
    children.append(pid)
    flush(f"parent {{number}}")
stop.set()
thread.join()
print(sorted({{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children}}))
"""


class TestFork:
    """In a process of its own, since tests run in one with threads."""

    def run(self, where):
        tests = Path(__file__).parent
        code = FORKS.format(paths=[str(tests.parent), str(tests)], where=str(where))
        command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def test_children_go_on_with_the_store_while_a_thread_flushes(self, tmp_path):
        assert self.run(tmp_path / "m.db") == "[0]\n"
        assert total(Store.open(tmp_path / "m.db").read(), "decided") == 64

    def test_a_store_in_memory_stays_with_its_process(self):
        said = self.run(":memory:")
        assert "a store in memory stays with the process that opened it\n" in said
        assert said.endswith("[3]\n")


@contextmanager
def locked(path):
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        holder.close()


@contextmanager
def full(path):
    """The disk has no room for more than there is now."""
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, most[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)


@contextmanager
def quota(path):
    """SQLite says itself that the disk is full."""
    with pytest.MonkeyPatch.context() as patch:
        real = sql.Sqlite._connect

        def connect(self):
            connection = real(self)
            connection.execute("PRAGMA max_page_count = 1")
            return connection

        patch.setattr(sql.Sqlite, "_connect", connect)
        yield


@contextmanager
def read_only(path):
    """No right to write; for root, who may write what it likes, by the mode that SQLite falls back to."""
    real = sql.Sqlite._connect

    def connect(self):
        if os.geteuid():
            return real(self)
        return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)

    path.chmod(0o400)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sql.Sqlite, "_connect", connect)
        yield
    path.chmod(0o600)


@contextmanager
def forbidden(path):
    """No right to look into the folder."""
    path.parent.chmod(0)
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        yield
    finally:
        os.seteuid(user)
        path.parent.chmod(0o700)


@contextmanager
def corrupt(path):
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\0" * (len(whole) - 100))
    try:
        yield
    finally:
        path.write_bytes(whole)


@contextmanager
def overwritten(path):
    whole = path.read_bytes()
    path.write_bytes(b"no database" * 1000)
    try:
        yield
    finally:
        path.write_bytes(whole)


@contextmanager
def moved(path):
    other = path.rename(path.with_name("other.db"))
    try:
        yield
    finally:
        other.rename(path)


@contextmanager
def without_folder(path):
    other = path.parent.rename(path.parent.with_name("other"))
    try:
        yield
    finally:
        other.rename(path.parent)


@contextmanager
def made_anew(path):
    with moved(path):
        Store.open(path).declare(WATCH, "sha256:0")
        yield


FAULTS = {
    locked: "locked for more than 0.1 s",
    full: "full|input or output failed",
    quota: "full",
    read_only: "read-only",
    forbidden: "permission denied",
    corrupt: "corrupt",
    overwritten: "corrupt",
    moved: "there is no such file",
    without_folder: "the folder 'stores' is missing",
    made_anew: "it was made anew",
}


class TestFaults:
    @pytest.fixture
    def path(self, tmp_path):
        folder = tmp_path / "stores"
        folder.mkdir()
        return folder / "m.db"

    @pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
    def test_a_batch_is_kept_and_added_once_when_the_fault_is_gone(self, path, fault):
        store = Store.open(path, timeout=0.1)
        store.declare(watch(), "sha256:0")
        store.flush(decided(1))
        many = {(5, "decided", f"{i}|1|3"): (1, 0) for i in range(1000)}
        kept = Batch("w", 2, {**many, (5, "decided", KEY): (2, 0)}, last_at=5.5 * HOUR)
        with fault(path), pytest.raises(StoreFault, match=rf"^m\.db: .*({FAULTS[fault]})"):
            store.flush(kept)
        assert counted(store.read()) == {("decided", 5, KEY): (1, 1 << 29)}
        assert store.flush(kept)
        assert not store.flush(kept)
        state = store.read()
        assert total(state, "decided") == 1003
        assert counted(state)["decided", 5, KEY] == (3, 1 << 29)
        assert state.writers[0].flushed == 1003

    def test_reading_goes_on_while_one_writes(self, path):
        store = Store.open(path, timeout=0.1)
        store.declare(watch(), "sha256:0")
        store.flush(decided(1))
        with locked(path):
            assert total(store.read(), "decided") == 1

    def test_it_is_made_when_its_folder_is_there(self, path):
        store = Store.open(path.parent / "more" / "m.db")
        with pytest.raises(StoreFault, match="the folder 'more' is missing"):
            store.declare(watch(), "sha256:0")
        (path.parent / "more").mkdir()
        store.declare(watch(), "sha256:0")
        assert store.flush(decided())

    def test_no_room_for_the_store_itself(self, path):
        store = Store.open(path)
        with full(path), pytest.raises(StoreFault, match=r"full|input or output failed"):
            store.declare(watch(), "sha256:0")
        store.declare(watch(), "sha256:0")
        assert store.flush(decided())

    def test_a_folder_is_no_store(self, path):
        with pytest.raises(StoreFault, match="is a directory"):
            Store.open(path.parent).declare(watch(), "sha256:0")

    @pytest.mark.parametrize("use", ["declare", "read", "watch", "flush"])
    @pytest.mark.parametrize("kind", ["text", "another database", "a later format"])
    def test_what_is_no_store_is_left_as_it_is(self, path, kind, use):
        if kind == "text":
            path.write_text("a,b\n1,2\n" * 500)
        elif kind == "another database":
            with sqlite3.connect(path) as other:
                other.execute("CREATE TABLE users (name TEXT)")
            other.close()
        else:
            Store.open(path).declare(watch(), "sha256:0")
            with sqlite3.connect(path) as other:
                other.execute("UPDATE trustkit_meta SET format = 'trustkit-store/2'")
            other.close()
        before = path.read_bytes()
        store = Store.open(path)
        arguments = {"declare": (watch(), "sha256:0"), "flush": (decided(),)}.get(use, ())
        found = "trustkit-store/2" if kind == "a later format" else "something else"
        with pytest.raises(
            ConfigError, match=rf"^store: m\.db is {found}, no trustkit-store/1; it was left as it is$"
        ):
            getattr(store, use)(*arguments)
        assert path.read_bytes() == before

    def test_another_kind_of_address_is_named(self):
        with pytest.raises(ConfigError, match=r"postgrsql:// is no store.*did you mean 'postgresql'"):
            Store.open("postgrsql://user:secret@host/monitor")

    def test_postgresql_without_its_package_says_what_to_install(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "psycopg", None)
        with pytest.raises(ConfigError, match=r"pip install 'trustkit-audit\[postgres\]'"):
            Store.open("postgresql://host/monitor")

    def test_a_name_with_marks_of_an_address_is_a_name(self, tmp_path):
        path = tmp_path / "50% of a?b#c.db"
        Store.open(path).declare(watch(), "sha256:0")
        assert os.listdir(tmp_path) == [path.name]


class TestFile:
    def test_its_owner_alone_may_read_it(self, tmp_path):
        path = tmp_path / "m.db"
        store = Store.open(path)
        store.declare(watch(), "sha256:0")
        with sqlite3.connect(path) as reader:
            reader.execute("SELECT * FROM trustkit_meta").fetchone()
            store.flush(decided())
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
        reader.close()
        assert modes == dict.fromkeys(["m.db", "m.db-shm", "m.db-wal"], 0o600)

    def test_no_id_enters_it(self, tmp_path):
        path = tmp_path / "m.db"
        store = Store.open(path)
        store.declare(watch(), "sha256:0")
        (hash,) = store.hash(["anna@example.org"])
        store.flush(decided(1, decisions=[(hash, 5, 5.1 * HOUR, KEY, 0)]))
        whole = path.read_bytes()
        assert hash in whole
        assert b"anna" not in whole

    def test_no_connection_is_left_open(self, tmp_path):
        store = Store.open(tmp_path / "m.db")
        store.declare(watch(), "sha256:0")
        store.flush(decided())
        store.read()
        names = {
            os.readlink(f"/proc/self/fd/{fd}")
            for fd in os.listdir("/proc/self/fd")
            if Path(f"/proc/self/fd/{fd}").exists()
        }
        assert not [name for name in names if "m.db" in name]
        assert os.listdir(tmp_path) == ["m.db"]
        store.close()
