"""The event log: one line a call, in chains that show edits, deletions, reordering and cut ends."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import shutil
import signal
import threading
from datetime import datetime
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from streams import audited, watch_of

from trustkit.cli import app
from trustkit.errors import ConfigError
from trustkit.monitor.calls import Rows, Truths
from trustkit.monitor.hooks import eventlog
from trustkit.monitor.hooks.chain import Mark, digest, last_line, verify
from trustkit.monitor.hooks.eventlog import EventLog
from trustkit.monitor.hooks.events import CallEvents
from trustkit.monitor.monitor import Monitor
from trustkit.monitor.store import Store, StoreFault

DAY = 86400.0
START = 1_800_000_000.0
"""A day of January 2027."""


class Clock:
    """The time of day, as a test says it is."""

    def __init__(self):
        self.now = START

    def time(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(eventlog, "time", found)
    return found


def decision(rows=1):
    return {"event": "decisions", "at": START, "model": "sha256:ab", "rows": rows, "predictions": {"1": rows}}


def written(folder, calls=5, **keys):
    """A log of one closed chain: a start, the calls, a close."""
    log = EventLog(folder, **keys)
    for call in range(calls):
        log(decision(call + 1))
    log.flush()
    log.close()
    return log


def lines(folder):
    return [
        json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_bytes().splitlines()
    ]


def the(folder, pattern="*.jsonl"):
    (path,) = folder.glob(pattern)
    return path


def test_each_line_has_the_digest_of_the_line_before(tmp_path):
    written(tmp_path)
    raw = the(tmp_path).read_bytes().splitlines()
    told = [json.loads(line) for line in raw]
    assert [each["line"] for each in told] == list(range(7))
    assert [each["event"] for each in told] == ["start", *["decisions"] * 5, "close"]
    assert [each["previous"] for each in told] == [None, *map(digest, raw[:-1])]
    head = json.loads(the(tmp_path, "*.head.json").read_text())
    assert (head["line"], head["sha256"], head["closed"]) == (6, digest(raw[-1]), True)
    found = verify(tmp_path)
    assert (found.wrong, found.notes, found.lines) == ([], [], 7)


def test_a_call_is_a_line_with_hashes_and_counts(tmp_path):
    log = EventLog(tmp_path)
    log(
        {
            "event": "decisions",
            "at": 1.5,
            "model": None,
            "rows": 2,
            "ids": [b"\x01\x02", b"\x03"],
            "predictions": {},
        }
    )
    log({"event": "labels", "rows": 1, "ids": [b"\x01\x02"]})
    log.close()
    _, call, label, _ = lines(tmp_path)
    assert call["at"] == "1970-01-01T00:00:01.500000Z"
    assert call["ids"] == ["0102", "03"]
    assert "model" not in call
    assert label["ids"] == ["0102"]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"event": "decision"}, "did you mean 'decisions'"),
        ({"event": "decisions", "inputs": [1]}, "inputs: no key of the event 'decisions'$"),
        ({"event": "decisions", "row": 1}, "row: no key of the event 'decisions'; did you mean 'rows'"),
        ({"event": "decisions", "ids": ["ann@example.org"]}, "ids: expected keyed hashes as bytes"),
        ({}, "'None' is no event"),
    ],
)
def test_what_could_hold_an_input_or_an_id_is_refused(tmp_path, event, said):
    log = EventLog(tmp_path)
    with pytest.raises(ValueError, match=said) as error:
        log(event)
    assert "ann" not in str(error.value)
    log.flush()
    assert list(tmp_path.iterdir()) == []


def test_an_alarm_is_a_line(tmp_path):
    log = EventLog(tmp_path)
    log.alarm(
        SimpleNamespace(id="x:y", verdict="fail", estimate=0.5, interval=(0.4, None), limit={"min": 0.8})
    )
    log.close()
    told = lines(tmp_path)[1]
    assert (told["finding"], told["verdict"], told["interval"]) == ("x:y", "fail", [0.4, None])


@pytest.mark.parametrize("keep", ["180", "d", -1, True, None])
def test_a_keep_that_is_no_duration_is_refused(tmp_path, keep):
    with pytest.raises(ConfigError, match="keep: expected a duration, as 184d"):
        EventLog(tmp_path, keep=keep)


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"log: .*file"):
        EventLog(tmp_path / "file" / "log")


def test_files_are_their_owners_alone(tmp_path):
    written(tmp_path / "log")
    assert (tmp_path / "log").stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "log").iterdir())


# What is found


def edit(path, change):
    raw = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(change(raw)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda raw: [*raw[:2], raw[2].replace(b'"rows":2', b'"rows":3'), *raw[3:]],
            "line 3 does not follow from line 2",
        ),
        (
            lambda raw: [*raw[:-1], raw[-1].replace(b"close", b"clost")],
            "line 6 is not the one that the head names",
        ),
        (lambda raw: [*raw[:3], *raw[4:]], "lines 3 to 3 are missing"),
        (lambda raw: [*raw[:2], raw[3], raw[2], *raw[4:]], "line 2 stands where 4 should"),
        (lambda raw: raw[:-2], "cut off at line 4, and the head names line 6"),
        (lambda raw: raw[1:], "lines before 1 are missing"),
        (lambda raw: [raw[0], *raw], "line 0 stands where 1 should"),
        (lambda raw: [*raw[:4], b"{}\n", *raw[4:]], "line 4 cannot be read"),
        (lambda raw: [*raw[:4], b"\xff\n", *raw[5:]], "line 4 cannot be read"),
        (lambda raw: [*raw, raw[-1]], "comes after the chain was closed"),
        (lambda raw: [*raw[:-1], raw[-1][:-5]], "cut off at line 5"),
        (lambda raw: [], "its lines are missing, and the head names line 6"),
    ],
)
def test_a_change_is_found(tmp_path, change, said):
    written(tmp_path)
    edit(the(tmp_path), change)
    wrong = "\n".join(verify(tmp_path).wrong)
    assert said in wrong


def test_a_rewritten_chain_is_found_by_its_head_alone(tmp_path):
    """Somebody who computes all digests anew, and forgets the head."""
    written(tmp_path)
    previous, forged = None, []
    for each in lines(tmp_path):
        line = json.dumps({**each, "previous": previous, "rows": 9}).encode()
        previous = digest(line)
        forged.append(line + b"\n")
    the(tmp_path).write_bytes(b"".join(forged))
    assert verify(tmp_path).wrong == [f"{the(tmp_path).name}: line 6 is not the one that the head names"]


def test_a_rewritten_chain_and_head_are_found_by_an_anchor(tmp_path):
    log = EventLog(tmp_path / "log")
    log(decision())
    log.flush()
    shutil.copy(the(tmp_path / "log", "*.head.json"), tmp_path / "anchor.json")
    log(decision())
    log.close()
    anchor = Mark.read(tmp_path / "anchor.json")
    assert verify(tmp_path / "log", [anchor]).wrong == []
    path = the(tmp_path / "log")
    previous, forged = None, []
    for each in lines(tmp_path / "log"):
        line = json.dumps(
            {**each, "previous": previous} | ({"rows": 9} if each["line"] == 1 else {})
        ).encode()
        previous = digest(line)
        forged.append(line + b"\n")
    path.write_bytes(b"".join(forged))
    head = the(tmp_path / "log", "*.head.json")
    head.write_text(json.dumps({**json.loads(head.read_text()), "sha256": previous}))
    assert verify(tmp_path / "log").wrong == []  # nothing in the folder tells
    assert verify(tmp_path / "log", [anchor]).wrong == [
        f"{path.name}: line 1 is not the one that the anchor names"
    ]


def test_a_chain_that_was_taken_away_is_missed_by_a_later_one_and_by_an_anchor(tmp_path):
    first = written(tmp_path)
    anchor = Mark.read(the(tmp_path, "*.head.json"))
    written(tmp_path)
    for path in tmp_path.glob(f"{anchor.writer}*"):
        path.unlink()
    assert first.folder == tmp_path
    (line,) = verify(tmp_path).wrong
    assert line == f"{anchor.writer}: its lines are missing, and a later chain names line 6"
    assert len(verify(tmp_path, [anchor]).wrong) == 1


def test_a_head_that_is_gone_or_is_none_is_found(tmp_path):
    written(tmp_path)
    head = the(tmp_path, "*.head.json")
    head.write_text("[]")
    assert verify(tmp_path).wrong == [f"{head.name}: no head of an event log"]
    head.unlink()
    assert verify(tmp_path).wrong == [f"{head.name.split('.')[0]}: its head is missing"]


def test_a_torn_last_line_after_the_head_is_told_and_is_no_change(tmp_path):
    log = EventLog(tmp_path)
    log(decision())
    log.flush()
    with the(tmp_path).open("ab") as file:
        file.write(b'{"line":2,"prev')
    found = verify(tmp_path)
    assert found.wrong == []
    assert found.notes == [f"{the(tmp_path).name}: the last line was not written to its end"]


def test_lines_after_the_head_are_told(tmp_path):
    log = EventLog(tmp_path)
    log(decision())
    log.flush()
    head = the(tmp_path, "*.head.json")
    old = head.read_bytes()
    log(decision())
    log.close()
    head.write_bytes(old)
    found = verify(tmp_path)
    assert found.wrong == []
    assert "2 lines after the head" in found.notes[0]


# Rotation and retention


def test_the_chain_goes_on_in_another_file(tmp_path, clock):
    log = EventLog(tmp_path, most_bytes=1)
    for _ in range(3):
        log(decision())
        log.flush()
    clock.now += DAY
    log(decision())
    log.close()
    assert len(list(tmp_path.glob("*.jsonl"))) == 4
    assert [each["event"] for each in lines(tmp_path)[-3:]] == ["continue", "decisions", "close"]
    assert verify(tmp_path).wrong == []
    sorted(tmp_path.glob("*.jsonl"))[1].unlink()
    assert "are missing" in verify(tmp_path).wrong[0]


def test_what_is_older_than_is_kept_is_removed_by_days_and_said(tmp_path, clock):
    log = EventLog(tmp_path, keep="2d")
    for _ in range(5):
        log(decision())
        log.flush()
        clock.now += DAY
    log(decision())
    log.close()
    names = [path.name.split(".")[1] for path in sorted(tmp_path.glob("*.jsonl"))]
    assert names == ["000003", "000004", "000005"]  # those of today and of the two days before
    found = verify(tmp_path)
    assert (found.wrong, found.notes) == ([], [])
    first = lines(tmp_path)[0]
    assert first["line"] > 0
    assert datetime.fromisoformat(first["logged"]).timestamp() == START + 3 * DAY
    the(tmp_path, "*.000003.jsonl").unlink()
    assert "lines before" in verify(tmp_path).wrong[0]


def test_a_chain_that_ended_is_removed_whole_with_its_head(tmp_path, clock):
    first = written(tmp_path, keep="2d")
    old = the(tmp_path, "*.head.json")
    anchor = Mark.read(old)
    clock.now += DAY
    written(tmp_path, keep="2d")
    assert old.exists()
    clock.now += 3 * DAY
    written(tmp_path, keep="2d")
    assert not old.exists()
    assert first.folder == tmp_path
    assert verify(tmp_path, [anchor]).wrong == []


def test_removal_before_its_time_is_found(tmp_path, clock):
    written(tmp_path)
    head = Mark.read(the(tmp_path, "*.head.json"))
    clock.now += DAY
    other = written(tmp_path)
    path = max(other.folder.glob("*.jsonl"))
    forged = path.read_bytes().replace(
        b'"removed":[]', b'"removed":[' + json.dumps(head.to_json()).encode() + b"]"
    )
    path.write_bytes(forged)
    assert f"{head.writer}: lines through 6 were removed before their time" in verify(tmp_path).wrong


def test_a_process_whose_idle_file_was_removed_begins_anew(tmp_path, clock):
    idle = EventLog(tmp_path, keep="2d")
    idle(decision())
    idle.flush()
    clock.now += 9 * DAY
    written(tmp_path, keep="2d")
    idle(decision())
    idle.close()
    found = verify(tmp_path)
    assert (found.wrong, found.lines) == ([], 7 + 3)


# Processes, threads, faults


def _write(folder, calls):
    log = EventLog(folder)
    for _ in range(calls):
        log(decision())
        log.flush()
    log.close()


def test_each_process_writes_its_own_chain(tmp_path):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_write, args=(tmp_path, 20)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    found = verify(tmp_path)
    assert (found.wrong, found.lines, len(found.heads)) == ([], 66, 3)


def _go_on(log):
    log(decision())
    log.close()


def test_a_fork_begins_a_chain_and_writes_nothing_of_its_parent_twice(tmp_path):
    log = EventLog(tmp_path)
    log(decision(1))
    log.flush()
    log(decision(2))  # waits when the process forks
    process = multiprocessing.get_context("fork").Process(target=_go_on, args=(log,))
    process.start()
    process.join(30)
    log.close()
    assert process.exitcode == 0
    found = verify(tmp_path)
    assert (found.wrong, len(found.heads)) == ([], 2)
    assert sorted(each["rows"] for each in lines(tmp_path) if "rows" in each) == [1, 1, 2]


def _write_until_killed(folder, ready):
    log = EventLog(folder)
    while True:
        log(decision())
        log.flush()
        ready.set()


def test_a_killed_process_leaves_a_log_that_is_verified(tmp_path):
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=_write_until_killed, args=(tmp_path, ready))
    process.start()
    assert ready.wait(30)
    os.kill(process.pid, signal.SIGKILL)
    process.join(30)
    found = verify(tmp_path)
    assert found.wrong == []
    assert found.lines >= 2
    assert not found.heads[0].closed


def test_threads_share_a_chain(tmp_path):
    log = EventLog(tmp_path)

    def work():
        for _ in range(25):
            log(decision())
            log.flush()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    found = verify(tmp_path)
    assert (found.wrong, found.lines) == ([], 102)


def test_a_full_disk_loses_nothing_and_leaves_no_part_of_a_line(tmp_path, monkeypatch):
    log = EventLog(tmp_path)
    log(decision())
    log.flush()
    write, left = os.write, [40]

    def full(fd, data):
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = write(fd, data[: left[0]])
        left[0] -= taken
        return taken

    monkeypatch.setattr(os, "write", full)
    log(decision(2))
    with pytest.raises(OSError, match="No space left"):
        log.flush()
    monkeypatch.undo()
    assert verify(tmp_path).lines == 2
    log.close()
    found = verify(tmp_path)
    assert (found.wrong, found.notes, found.lines) == ([], [], 4)


def test_a_file_that_cannot_be_begun_is_not_left_behind(tmp_path, monkeypatch):
    log = EventLog(tmp_path, most_bytes=1)
    log(decision())
    log.flush()
    fsync, calls = os.fsync, []

    def failing(fd):
        calls.append(fd)
        raise OSError(errno.EIO, "Input/output error")

    log(decision())
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match="Input/output"):
        log.flush()
    monkeypatch.setattr(os, "fsync", fsync)
    assert len(list(tmp_path.glob("*.jsonl"))) == 1
    log.close()
    assert verify(tmp_path).wrong == []
    assert [each["line"] for each in lines(tmp_path)] == list(range(5))


def test_a_head_that_could_not_be_written_is_written_by_the_next_flush_and_no_line_twice(
    tmp_path, monkeypatch
):
    log = EventLog(tmp_path)
    log(decision())
    log.flush()
    log(decision(2))

    def failing(self):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(eventlog._Chain, "save_head", failing)
        with pytest.raises(OSError, match="No space"):
            log.flush()
    assert "1 line after the head" in verify(tmp_path).notes[0]
    log.flush()
    found = verify(tmp_path)
    assert (found.notes, found.lines) == ([], 3)


def test_events_without_room_are_counted_in_the_log(tmp_path, monkeypatch):
    monkeypatch.setattr(eventlog, "MOST_WAITING", 2)
    log = EventLog(tmp_path)
    for _ in range(5):
        log(decision())
    log.close()
    assert [each["event"] for each in lines(tmp_path)] == ["start", "decisions", "decisions", "gap", "close"]
    assert lines(tmp_path)[3]["events"] == 3


def test_a_closed_log_takes_nothing_more(tmp_path):
    log = written(tmp_path)
    log.close()
    with pytest.raises(ValueError, match="the log was closed"):
        log(decision())
    unused = EventLog(tmp_path / "unused")
    unused.close()
    assert list((tmp_path / "unused").iterdir()) == []


def test_the_last_line_is_found_whatever_its_length(tmp_path):
    path = tmp_path / "lines"
    for text, last in [
        (b"", b""),
        (b"a", b""),
        (b"a\n", b"a"),
        (b"a\nb", b"a"),
        (b"a\n" + b"b" * 9000 + b"\n", b"b" * 9000),
        (b"c" * 9000 + b"\nb\n", b"b"),
        (b"a\n" + b"b" * 9000, b"a"),
    ]:
        path.write_bytes(text)
        assert last_line(path) == last


# The calls of a monitor


@pytest.fixture(scope="module")
def watch():
    return watch_of()


def call(rows, prediction, ids, at):
    return Rows(
        n=rows,
        X=None,
        names=None,
        prediction=prediction,
        score=None,
        sensitive=None,
        ids=ids,
        at=at,
        timed=True,
        latency=None,
    )


def test_a_recorded_call_is_an_event_without_its_rows(tmp_path, watch):
    log = EventLog(tmp_path)
    events = CallEvents(log, watch, lambda ids: [id.encode() for id in ids])
    events(
        [
            call(3, [0, 1, 1], ["a", None, "c"], [5.0, 4.0, 6.0]),
            call(1, 1, 7, 4.0),
            call(2, np.array([1, 9]), None, 4.0),
            call(2, pd.Series([0, 0]), pd.Series([1, 2]), 4.0),
            Truths(ids="a", truth=1, at=9.0),
        ]
    )
    log.close()
    first, single, unknown, series, label = lines(tmp_path)[1:-1]
    assert first["predictions"] == {"0": 1, "1": 2}
    assert first["ids"] == [b"a".hex(), b"c".hex()]
    assert (first["at"], first["until"]) == ("1970-01-01T00:00:04.000000Z", "1970-01-01T00:00:06.000000Z")
    assert (single["predictions"], single["ids"], "until" in single) == ({"1": 1}, [b"7".hex()], False)
    assert unknown["predictions"] == {"1": 1, "(other)": 1}
    assert series["ids"] == [b"1".hex(), b"2".hex()]
    assert (label["event"], label["rows"], "predictions" in label) == ("labels", 1, False)


def test_ids_that_the_store_cannot_hash_now_are_counted(tmp_path, watch):
    def hashed(_ids):
        raise StoreFault("monitor.db", "locked")

    log = EventLog(tmp_path)
    CallEvents(log, watch, hashed)([call(2, [0, 1], ["a", "b"], 4.0)])
    log.close()
    told = lines(tmp_path)[1]
    assert (told["unhashed"], "ids" in told) == (2, False)


# The command


def run(*arguments):
    return CliRunner().invoke(app, ["verify", *map(str, arguments)])


def test_the_command_verifies_a_log(tmp_path):
    written(tmp_path / "log")
    head = the(tmp_path / "log", "*.head.json")
    shutil.copy(head, tmp_path / "anchor.json")
    ran = run(tmp_path / "log")
    assert ran.exit_code == 0
    assert ran.output.startswith("verified: 7 lines of 1 process, from 20")
    assert "without --anchor" in ran.output
    ran = run(tmp_path / "log", "--anchor", tmp_path / "anchor.json")
    assert (ran.exit_code, "without --anchor" in ran.output) == (0, False)
    edit(the(tmp_path / "log"), lambda raw: raw[:-1])
    ran = run(tmp_path / "log")
    assert ran.exit_code == 1
    assert "cut off at line 5, and the head names line 6" in ran.output
    assert ran.output.endswith("not verified\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["empty"], "empty: no event log: it has no file of lines"),
        (["log", "--anchor", "log"], "log: Is a directory"),
        (["log", "--anchor", "log.txt"], "log.txt: no head of an event log"),
        (["log", "--key", "key.pem"], "--key: goes with a scorecard, not with the folder of an event log"),
        (["log.txt", "--anchor", "log.txt"], "--anchor: goes with the folder of an event log"),
        (["absent"], "absent"),
    ],
)
def test_what_is_no_log_is_a_wrong_command(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "log.txt").write_text("{}")
    written(tmp_path / "log")
    ran = run(*arguments)
    assert ran.exit_code == 2
    assert said in ran.output


# The monitor


def test_a_monitor_writes_its_calls_labels_and_end(tmp_path):
    with Monitor(audited(), store=tmp_path / "monitor.db", log=tmp_path / "log") as monitor:
        for n in range(5):
            monitor.record({"age": 30, "job": "clerk", "sex": "F"}, prediction=1, score=0.5, ids=f"a{n}")
        monitor.label("a1", 1)
        monitor.status()
    assert not monitor.faults.counts
    assert verify(tmp_path / "log").wrong == []
    told = lines(tmp_path / "log")
    assert [each["event"] for each in told] == ["start", *["decisions"] * 5, "labels", "close"]
    assert (
        told[2]["ids"]
        == told[6]["ids"]
        == [id.hex() for id in Store.open(tmp_path / "monitor.db").hash(["a1"])]
    )
    assert "clerk" not in json.dumps(told)


def test_a_log_that_cannot_be_written_is_a_fault_and_the_store_goes_on(tmp_path):
    with Monitor(audited(), store=tmp_path / "monitor.db", log=tmp_path / "log") as monitor:
        shutil.rmtree(tmp_path / "log")
        monitor.record({"age": 30, "job": "clerk", "sex": "F"}, prediction=1, score=0.5)
    assert monitor.faults.counts["log"] >= 1
    assert Store.open(tmp_path / "monitor.db").read().counts["decided"].n.sum() == 1
