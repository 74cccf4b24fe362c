"""The recorder: calls are counted as one by one, whatever holds them, and however a process ends."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from streams import HOUR, audited

from trustkit.errors import ConfigError
from trustkit.frames import labels_of
from trustkit.monitor.calls import Rows, kept, table_of
from trustkit.monitor.grids import Grid
from trustkit.monitor.moments import seconds, times
from trustkit.monitor.monitor import Monitor
from trustkit.monitor.store import Store, StoreFault
from trustkit.monitor.vocabularies import Vocabulary


@pytest.fixture(scope="module")
def evidence():
    return audited()


@pytest.fixture
def monitor(evidence):
    with Monitor(evidence, store=":memory:") as made:
        yield made


def stream(n=300, seed=0, hours=5):
    """Decisions with values missing, unknown and odd among them, in the order of their times."""
    rng = np.random.default_rng(seed)
    score = rng.random(n).round(3)
    age = rng.integers(10, 90, n).astype(float)
    age[rng.random(n) < 0.1] = np.nan
    return pd.DataFrame(
        {
            "age": age,
            "job": rng.choice(["clerk", "driver", "nurse", "pilot", ""], n),
            "sex": rng.choice(["F", "M", "X"], n),
            "p": (score > 0.4).astype(int),
            "s": score,
            "at": np.sort(rng.random(n) * hours * HOUR),
        }
    )


def counts(store):
    """Every count of a store, by pane, ledger and key."""
    return {
        (pane, ledger, table.keys[key]): (n, s)
        for ledger, table in store.read().counts.items()
        for pane, key, n, s in zip(
            *(getattr(table, part).tolist() for part in ("pane", "key", "n", "s")), strict=True
        )
    }


def counted_singly(watch, frame):
    """What the ledgers must hold, by plain loops."""
    found, sums = Counter(), Counter()

    def place(labels, value):
        text = "(missing)" if value == "" or pd.isna(value) else str(value)
        return labels.index(text) if text in labels else labels.index("(other)")

    for row in frame.to_dict("records"):
        pane = int(row["at"] // HOUR)
        sex, p = place(watch.labels["sex"], row["sex"]), place(watch.labels["prediction"], row["p"])
        key = f"{sex}|{p}|{min(int(row['s'] * 20 + 1e-9), 19)}"
        found[pane, "decided", key] += 1
        sums[pane, "decided", key] += int(row["s"] * 2**30 + 0.5)
        if sex == watch.labels["sex"].index("(other)"):
            found[pane, "unknown", "0"] += 1
        edges = watch.columns["age"].edges
        age = 0 if np.isnan(row["age"]) else 1 + sum(row["age"] >= edge for edge in edges)
        labels = watch.columns["job"].labels
        job = 0 if not row["job"] else 1 + (labels.index(row["job"]) if row["job"] in labels else len(labels))
        found[pane, "column", f"0|{age}"] += 1
        found[pane, "column", f"1|{job}"] += 1
    return {key: (n, sums[key]) for key, n in found.items()}


def test_a_copy_is_what_it_was_whatever_room_it_takes():
    """Rooms are given back by calls that went; one that another holds is left alone."""
    values = np.arange(40_000.0).reshape(1000, 40)
    masked = np.ma.masked_greater(values, 5)
    for _ in range(2):
        call = Rows(1000, kept(values), None, 1, None, None, None, 0.0, False, None)
        held = call.X
        del call  # the room of what is held is not used again
        again = Rows(1000, kept(values + 1), None, 1, None, None, None, 0.0, False, None)
        assert np.array_equal(held, values)
        assert not np.shares_memory(held, again.X)
        del held, again
        copy = kept(masked)
        assert np.ma.isMaskedArray(copy)
        assert copy.mask.sum() == masked.mask.sum()


FORMS = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "arrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "records": lambda frame: frame.to_dict("records"),
    "mapping of columns": lambda frame: frame.to_dict("list"),
}


class TestCounts:
    @pytest.mark.parametrize("form", FORMS)
    def test_many_at_once_are_counted_as_one_by_one(self, monitor, form):
        frame = stream()
        inputs = FORMS[form](frame[["age", "job", "sex"]])
        monitor.record(inputs, prediction=frame["p"], score=frame["s"], at=frame["at"])
        monitor.flush()
        assert counts(monitor._store) == counted_singly(monitor.watched, frame)
        assert not monitor.faults.counts

    @pytest.mark.parametrize("lacking", ["none", "absent", "listed"])
    def test_rows_of_a_service_are_counted_as_one_by_one(self, evidence, lacking):
        """Lists of one record, as JSON has them: null where there is no value, no field, or no names."""
        frame = stream(120)
        with Monitor(evidence, store=":memory:", columns=["age", "job"]) as monitor:
            for row in frame.to_dict("records"):
                age = None if np.isnan(row["age"]) else row["age"]
                one = {"age": age, "job": row["job"] or None}
                if lacking == "absent":
                    one = {name: value for name, value in one.items() if value is not None}
                monitor.record(
                    [list(one.values())] if lacking == "listed" else [one],
                    prediction=[row["p"]],
                    score=[row["s"]],
                    sensitive={"sex": [row["sex"]]},
                    at=[row["at"]],
                )
            monitor.flush()
            found = counts(monitor._store)
            assert found == counted_singly(monitor.watched, frame)
            assert not monitor.faults.counts

    def test_rows_of_different_lengths_are_told(self, monitor):
        monitor.record([[1, "nurse"], [2]], prediction=[1, 0], sensitive={"sex": ["F", "M"]})
        monitor.flush()
        assert monitor.faults.counts == {"columns": 1}
        assert "different numbers of values" in monitor.faults.told["columns"]

    @pytest.mark.parametrize("form", ["dict", "frame", "array", "mixed"])
    def test_single_rows_are_counted_as_one_by_one(self, monitor, form):
        frame = stream(120)
        for place, row in enumerate(frame.to_dict("records")):
            one = frame.iloc[place : place + 1][["age", "job"]]
            made = {"dict": {"age": row["age"], "job": row["job"]}, "frame": one, "array": one.to_numpy()}
            how = form if form != "mixed" else ["dict", "frame", "array"][place % 3]
            monitor.record(
                made[how], prediction=row["p"], score=row["s"], sensitive={"sex": row["sex"]}, at=row["at"]
            )
        monitor.flush()
        assert counts(monitor._store) == counted_singly(monitor.watched, frame)
        assert not monitor.faults.counts

    def test_many_panes_at_once(self, monitor):
        frame = stream(3000, hours=2000)
        monitor.record(frame[["age", "job", "sex"]], prediction=frame["p"], score=frame["s"], at=frame["at"])
        monitor.flush()
        assert counts(monitor._store) == counted_singly(monitor.watched, frame)

    @pytest.mark.parametrize(
        "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 9))]
    )
    def test_any_split_over_recorders_gives_equal_counts(self, evidence, tmp_path, seed):
        """Four recorders, which share the rows of each pane in any order, are one."""
        frame, rng = stream(seed=seed), np.random.default_rng(seed)
        stores = []
        for number in (1, 4):
            stores.append(tmp_path / f"{number}.db")
            recorders = [Monitor(evidence, store=stores[-1]) for _ in range(number)]
            for _, rows in frame.groupby(frame["at"] // HOUR):
                shuffled = rows.sample(frac=1, random_state=seed)
                for some in np.array_split(np.arange(len(rows)), 7):
                    part = shuffled.iloc[some]
                    chosen = recorders[rng.integers(number)]
                    chosen.record(
                        part[["age", "job", "sex"]], prediction=part["p"], score=part["s"], at=part["at"]
                    )
                for recorder in recorders:
                    recorder.flush()
            findings = recorders[0].status()
            stores[-1] = (
                counts(recorders[0]._store),
                [f.model_dump() for f in findings if f.metric != "faults"],
            )
            for recorder in recorders:
                recorder.close()
        assert stores[0] == stores[1]

    def test_the_caller_may_use_an_array_again(self, evidence):
        frame = stream(50)
        buffer, decided, score = np.empty((1, 1)), np.empty(1, dtype=int), np.empty(1)
        with Monitor(evidence, store=":memory:", columns=["age"]) as monitor:
            for row in frame.to_dict("records"):
                buffer[:], decided[:], score[:] = row["age"], row["p"], row["s"]
                sex = {"sex": [row["sex"]]}
                monitor.record(buffer, prediction=decided, score=score, sensitive=sex, at=row["at"])
            monitor.flush()
            found = counts(monitor._store)
            want = counted_singly(monitor.watched, frame)
        assert found == {
            key: n for key, n in want.items() if not key[2].startswith("1|") or key[1] != "column"
        }

    def test_regression_counts_volume_and_columns_alone(self):
        from trustkit import System, collect

        frame = stream(200)
        frame["y"], frame["p"] = frame["s"] + 1, frame["s"] * 2
        evidence = collect(
            System(
                data=frame, target="y", prediction="p", sensitive=["sex"], features=["age"], task="regression"
            ),
            only=["cells", "histograms"],
        )
        with Monitor(evidence, store=":memory:") as monitor:
            monitor.record(frame[["age", "sex"]], prediction=frame["p"], at=0)
            monitor.flush()
            found = monitor._store.read().counts
        assert found["decided"].n.sum() == 200
        assert len(found["decided"].keys) == 3  # by group alone
        assert not monitor.faults.counts


class TestGrid:
    @pytest.mark.parametrize("seed", range(20))
    def test_bins_are_those_of_a_search(self, seed):
        rng = np.random.default_rng(seed)
        edges = [
            np.unique((rng.normal(size=k) * 10.0**p).round(2))
            if k % 2
            else np.unique(rng.pareto(0.3, size=k))
            for k, p in zip(rng.integers(0, 20, 5), rng.integers(-2, 6, 5), strict=True)
        ]
        first = np.cumsum([0, *(len(e) + 2 for e in edges)])[:-1]
        x = rng.normal(size=(2500, 5)) * 10.0 ** rng.integers(-3, 6, size=(2500, 5))
        for column, e in enumerate(edges):
            x[: len(e), column] = e
            x[50 : 50 + len(e), column] = np.nextafter(e, -np.inf)
        x[100:105] = np.array([np.nan, np.inf, -np.inf, 1e308, -1e308])[:, None]
        search = [np.searchsorted(e, x[:, c], side="right") + 1 for c, e in enumerate(edges)]
        want = first + np.where(np.isfinite(x), np.stack(search, axis=1), 0)
        total = first[-1] + len(edges[-1]) + 2
        assert np.array_equal(Grid(edges, first, total).counts(x), np.bincount(want.ravel(), minlength=total))
        for row in (0, 101, 2400):
            one = np.bincount(want[row], minlength=total)
            assert np.array_equal(Grid(edges, first, total).counts(x[row : row + 1]), one)

    def test_columns_may_come_in_another_order_than_their_bins(self):
        grid = Grid([[1.0, 2.0], [5.0]], [3, 0], 7)
        found = grid.counts(np.array([[np.nan, 7.0], [1.5, 3.0], [np.inf, np.nan]]))
        assert found.tolist() == [1, 1, 1, 2, 0, 1, 0]

    @pytest.mark.parametrize(
        "edges",
        [
            1 + np.arange(13) * 2.0**-52,  # of which the last are rounded into the last place
            2.0**53 + 2 * np.arange(13),
            np.array([-1.7e308, -1.0, 0.0, 5e-324, 1e-310, 2.0**-1022, 1.0, 1.7e308]),
            5e-324 * np.arange(13),
            np.zeros(0),
        ],
        ids=["beside one", "beyond 2^53", "all sizes", "denormal", "none"],
    )
    def test_no_edges_are_too_near_or_too_far(self, edges):
        own = [edges, [-0.0, 0.5], edges]
        first = np.cumsum([0, *(len(e) + 2 for e in own)])[:-1]
        near = np.concatenate([edges, [0.0, -0.0, 1e300, np.nan]])
        x = np.stack([np.concatenate([near, np.nextafter(near, np.inf), np.nextafter(near, -np.inf)])] * 3, 1)
        search = [np.searchsorted(e, x[:, c], side="right") + 1 for c, e in enumerate(own)]
        want = first + np.where(np.isfinite(x), np.stack(search, axis=1), 0)
        total = first[-1] + len(edges) + 2
        assert np.array_equal(Grid(own, first, total).counts(x), np.bincount(want.ravel(), minlength=total))


COLUMNS = {
    "integers": np.array([1, 0, 7, 1]),
    "wide integers": np.array([1, 0, 10**12]),
    "bytes far apart": np.array([1, 0, -127], dtype=np.int8),
    "integers at the end": np.array([1, 2**64 - 1], dtype=np.uint64),
    "fractions": np.array([1.0, 0.0, 2.5, np.nan]),
    "booleans": np.array([True, False]),
    "text": np.array(["a", "1", "", "zebra"]),
    "much text": np.array(["a", "zebra", "1"] * 20),
    "objects": np.array(["a", None, 1, True, 1.0], dtype=object),
    "a list": ["a", "b", "a", "(missing)"],
    "a list of booleans": [True, False, True],
    "a list of kinds": [True, 1, "true", None],
    "pandas text": pd.Series(["a", None, "b"]),
    "pandas integers": pd.Series([1, None, 3], dtype="Int64"),
    "categories": pd.Categorical(["a", None, "zebra"]),
    "polars": pl.Series(["a", None, "b"]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_codes_of_labels_are_those_of_the_canonical_text(name):
    labels = ("0", "1", "a", "b", "false", "true", "2.5", "(other)", "(missing)")
    want = [labels.index(text) if text in labels else 7 for text in labels_of(COLUMNS[name]).text]
    words = Vocabulary.of_axis(labels)
    for _ in range(2):  # the second time from memory
        assert words.of(COLUMNS[name]).tolist() == want


def test_numbers_of_an_attribute_are_cut_into_its_bins():
    words = Vocabulary.of_axis(("<25", ">=60", "(other)", "(missing)"), (25.0, 60.0))
    assert words.of([24.9, 25, 60, None, float("nan")]).tolist() == [0, 2, 1, 3, 3]
    assert words.of(np.array([24, 25, 60])).tolist() == [0, 2, 1]
    assert words.of([">=60", "<25"]).tolist() == [1, 0]


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "at",
    [
        NOON, NOON.replace(tzinfo=None), NOON.timestamp(), int(NOON.timestamp()), "2026-03-01T12:00:00Z",
        "2026-03-01 12:00", "2026-03-01T13:00:00+01:00", np.datetime64("2026-03-01T12:00"),
        pd.Timestamp(NOON), np.float64(NOON.timestamp()), date(2026, 3, 1),
        [NOON, "2026-03-01T12:00"], np.array(["2026-03-01T12:00"], dtype="datetime64[s]"),
        pd.Series([NOON]), pd.Series(["2026-03-01T12:00"]), pl.Series([NOON.replace(tzinfo=None)]),
    ],
    ids=str,
)  # fmt: skip
def test_moments_are_read_as_seconds(at):
    midnight = NOON - timedelta(hours=12)
    want = (midnight if type(at) is date else NOON).timestamp()
    assert np.all(np.asarray(times(at)) == want)


@pytest.mark.parametrize(
    "at",
    [None, "noon", float("nan"), 1.7e12, True, [NOON, None], pd.Series([pd.NaT]), np.array(["NaT"], "M8[s]")],
    ids=str,
)
def test_what_is_no_moment_is_refused(at):
    with pytest.raises((ValueError, TypeError)):
        times(at)


@pytest.mark.parametrize(
    ("span", "value"),
    [
        ("90s", 90),
        ("15m", 900),
        ("1h", 3600),
        ("28d", 28 * 86400),
        ("2w", 14 * 86400),
        (7, 7),
        ("1.5h", 5400),
    ],
)
def test_spans_of_time(span, value):
    assert seconds("window", span) == value


@pytest.mark.parametrize("span", ["1y", "", "h", None, True, float("nan"), -1, "-1h"])
def test_what_is_no_span_is_refused_with_its_key(span):
    with pytest.raises(ConfigError, match="label_delay: "):
        seconds("label_delay", span)


def test_what_is_kept_does_not_change_with_what_was_given():
    array, frame, nested = np.zeros(3), pd.DataFrame({"a": [1, 2]}), [{"a": 1}, [2]]
    copies = kept(array), kept(frame), kept(nested)
    array[:], frame.loc[0, "a"], nested[0]["a"], nested[1][0] = 9, 9, 9, 9
    assert copies[0].tolist() == [0, 0, 0]
    assert copies[1]["a"].tolist() == [1, 2]
    assert copies[2] == [{"a": 1}, [2]]
    assert table_of([1.0, 2.0], 1) == [[1.0, 2.0]]


class Faulty:
    """A store that fails so often, each time after or before it has written."""

    def __init__(self, store, times, after=False):
        self._store, self.left, self._after = store, times, after

    def __getattr__(self, name):
        return getattr(self._store, name)

    def flush(self, batch):
        if self.left:
            self.left -= 1
            if self._after:
                self._store.flush(batch)
            raise StoreFault("monitor.db", "locked for more than 5 s")
        return self._store.flush(batch)


class TestFaults:
    @pytest.mark.parametrize("after", [False, True])
    def test_what_a_store_does_not_take_is_kept_and_never_added_twice(self, evidence, after):
        with Monitor(evidence, store=":memory:", flush_seconds=0.01) as monitor:
            faulty = Faulty(monitor._store, 3, after)
            monitor._recorder._store = faulty
            for _ in range(20):
                monitor.record(prediction=1, sensitive={"sex": "F"}, at=0)
                monitor.flush()
            until = time.monotonic() + 5
            while faulty.left and time.monotonic() < until:
                monitor.flush()
            monitor.flush()
            state = monitor._store.read()
            assert state.counts["decided"].n.sum() == 20
            assert state.writers[0].recorded == state.writers[0].flushed == 20
            assert monitor.faults.counts["store"] == 3
            assert "locked" in monitor.faults.told["store"]

    def test_a_store_that_stays_away_costs_bounded_memory(self, evidence):
        with Monitor(evidence, store=":memory:", capacity=50) as monitor:
            monitor._recorder._store = Faulty(monitor._store, 10**9)
            for number in range(1000):
                monitor.record(prediction=1, sensitive={"sex": "F"}, ids=number, at=0)
                if number % 10 == 0:
                    monitor.flush()
            recorder = monitor._recorder
            assert recorder._gathered.size <= 2 * 50
            assert recorder._queued <= 50
            assert recorder.recorded + recorder.dropped == 1000
            assert recorder.dropped > 0
            monitor._recorder._store = monitor._store
            monitor.flush()
            writer = monitor._store.read().writers[0]
            assert (writer.recorded, writer.dropped) == (writer.flushed, 1000 - writer.flushed)

    def test_a_full_queue_drops_and_never_blocks(self, evidence, monkeypatch):
        with Monitor(evidence, store=":memory:", capacity=100, flush_rows=1) as monitor:
            free = threading.Event()
            count = monitor._recorder._coder.count
            monkeypatch.setattr(
                monitor._recorder._coder, "count", lambda calls: free.wait(5) and count(calls)
            )
            started = time.monotonic()
            for _ in range(1000):
                monitor.record(prediction=[1, 0], sensitive={"sex": ["F", "M"]}, at=0)
            assert time.monotonic() - started < 2
            free.set()
            monitor.flush()
            writer = monitor._store.read().writers[0]
            assert writer.recorded + writer.dropped == 2000
            assert writer.dropped >= 1700
            assert writer.flushed == writer.recorded

    def test_one_call_may_be_larger_than_the_queue(self, evidence):
        with Monitor(evidence, store=":memory:", capacity=10) as monitor:
            monitor.record(prediction=[1] * 50, sensitive={"sex": "F"}, at=0)
            monitor.flush()
            assert monitor._store.read().counts["decided"].n.sum() == 50

    def test_an_error_of_the_recorder_itself_is_a_fault(self, monitor, monkeypatch):
        monkeypatch.setattr(monitor._recorder._coder, "count", lambda calls: 1 / 0)
        monitor.record(prediction=1)
        monitor.flush()
        assert monitor.faults.told["recorder"] == "raised ZeroDivisionError"


def test_threads_lose_and_repeat_nothing(monitor):
    def work():
        for number in range(300):
            monitor.record({"age": number, "job": "nurse"}, prediction=1, sensitive={"sex": "F"}, at=0)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    monitor.flush()
    state = monitor._store.read()
    assert state.counts["decided"].n.sum() == 1800
    assert state.counts["column"].n.sum() == 3600


def test_flushes_by_rows_and_by_seconds(evidence):
    for keys in ({"flush_rows": 10, "flush_seconds": 60.0}, {"flush_rows": 10**6, "flush_seconds": 0.05}):
        with Monitor(evidence, store=":memory:", **keys) as monitor:
            for _ in range(10):
                monitor.record(prediction=1, at=0)
            until = time.monotonic() + 5
            while not monitor._store.read().counts and time.monotonic() < until:
                time.sleep(0.01)
            assert monitor._store.read().counts["decided"].n.sum() == 10


def test_a_closed_monitor_counts_what_still_comes(evidence, tmp_path):
    monitor = Monitor(evidence, store=tmp_path / "m.db")
    monitor.record(prediction=1)
    monitor.close()
    monitor.close()
    monitor.record(prediction=1)
    monitor.flush()
    assert monitor.faults.counts["closed"] == 1
    writer = Store.open(tmp_path / "m.db").read().writers[0]
    assert (writer.recorded, writer.flushed, writer.closed) == (1, 1, True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
class TestForks:
    def test_a_child_forgets_what_the_parent_took(self, evidence, tmp_path):
        monitor = Monitor(evidence, store=tmp_path / "m.db", flush_seconds=60.0, flush_rows=10**6)
        for _ in range(5):
            monitor.record(prediction=1, at=0)
        pid = os.fork()
        if not pid:
            for _ in range(3):
                monitor.record(prediction=1, at=0)
            monitor.close()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        monitor.close()
        state = Store.open(tmp_path / "m.db").read()
        assert sorted(writer.flushed for writer in state.writers) == [3, 5]
        assert state.counts["decided"].n.sum() == 8

    def test_processes_of_multiprocessing_store_what_they_took(self, evidence, tmp_path):
        import multiprocessing

        monitor = Monitor(evidence, store=tmp_path / "m.db", flush_seconds=60.0)
        context = multiprocessing.get_context("fork")
        workers = [context.Process(target=lambda: monitor.record(prediction=1, at=0)) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        monitor.close()
        state = Store.open(tmp_path / "m.db").read()
        assert state.counts["decided"].n.sum() == 2
        assert all(writer.closed for writer in state.writers)


DRIVER = """
import json, os, signal, sys, time
from trustkit import Evidence, Monitor
from trustkit.monitor import endings
from trustkit.monitor.store import _ONE_AT_A_TIME
evidence, ends = Evidence.load(sys.argv[1]), json.load(sys.stdin)
endings.LONGEST = 1.0
Monitor(evidence, "fairness-baseline", store=":memory:")  # what it imports is imported once
children = {}
for name, (before, after) in ends.items():
    pid = os.fork()
    if not pid:
        exec(before)
        place = f"{sys.argv[2]}/{name}.db"
        monitor = Monitor(evidence, "fairness-baseline", store=place, flush_seconds=60.0, flush_rows=10**6)
        for _ in range(7):
            monitor.record(prediction=1, at=0)
        exec(after)
        sys.exit(0)
    children[name] = pid
codes = {name: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for name, pid in children.items()}
print(json.dumps(codes))
"""

TERM = "os.kill(os.getpid(), signal.SIGTERM)"
ENDS = {
    "the end": ("", "", 0, 7),
    "an exit": ("", "sys.exit(3)", 3, 7),
    "an error": ("", "raise SystemExit(4)", 4, 7),
    "SIGTERM": ("", f"{TERM}; time.sleep(5)", -signal.SIGTERM, 7),
    "SIGTERM with a handler": (
        "signal.signal(signal.SIGTERM, lambda number, frame: os._exit(5))", f"{TERM}; time.sleep(5)", 5, 7,
    ),
    "SIGTERM that is ignored": (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        f"{TERM}; monitor.record(prediction=1, at=0); sys.exit(6)", 6, 8,
    ),
    "SIGTERM in the midst of a look": (
        "", f"monitor.flush()\nwith _ONE_AT_A_TIME: {TERM}; time.sleep(9)", -signal.SIGTERM, 7,
    ),
    "SIGKILL": (
        "", "monitor.flush(); monitor.record(prediction=1, at=0); os.kill(os.getpid(), signal.SIGKILL)",
        -signal.SIGKILL, 7,
    ),
}  # fmt: skip
LEAVING = ("SIGKILL", "SIGTERM with a handler", "SIGTERM in the midst of a look")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_however_a_process_ends(evidence, tmp_path):
    """All is stored but by SIGKILL; where there was no time to say that it ends, a gap is shown."""
    evidence.save(tmp_path / "evidence.json")
    ran = subprocess.run(
        [sys.executable, "-c", DRIVER, str(tmp_path / "evidence.json"), str(tmp_path)],
        input=json.dumps({name: end[:2] for name, end in ENDS.items()}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {name: end[2] for name, end in ENDS.items()}
    for name, (_, _, _, flushed) in ENDS.items():
        state = Store.open(tmp_path / f"{name}.db").read()
        assert state.counts["decided"].n.sum() == flushed, name
        assert [writer.flushed for writer in state.writers] == [flushed], name
        assert state.writers[0].closed == (name not in LEAVING), name
        assert len(state.gaps(time.time() + 1)) == int(name in LEAVING), name


def test_records_that_come_during_a_write_wait_for_the_next(evidence, monkeypatch):
    """One request is one write, however much is recorded meanwhile."""
    with Monitor(evidence, store=":memory:", flush_seconds=60.0) as monitor:
        written, flush = [], monitor._store.flush

        def slow(batch):
            monitor.record(prediction=1, sensitive={"sex": "F"}, at=0)
            written.append(batch)
            return flush(batch)

        monkeypatch.setattr(monitor._store, "flush", slow)
        monitor.record(prediction=1, sensitive={"sex": "F"}, at=0)
        monitor.flush()
        assert len(written) == 1
        monkeypatch.undo()
        monitor.flush()
        assert monitor._store.read().counts["decided"].n.sum() == 2
