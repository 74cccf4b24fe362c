"""The commands on a monitor's store: what they say, their exit status, and every fault of a store."""

from __future__ import annotations

import json
import sqlite3

import monitored
import pandas as pd
import pytest
from click.testing import CliRunner

import trustkit as tk
from trustkit.cli import app
from trustkit.monitor.exporting import stream_evidence
from trustkit.monitor.state import Alarm
from trustkit.monitor.status import Status
from trustkit.monitor.store import Store
from trustkit.monitor.watch import Watch

VIOLATED = "bias/selection-rate:ratio:sex=F~sex=M:min"
KEYS = {
    "id", "check", "check_version", "metric", "subject", "estimate", "interval", "level", "pass_interval",
    "p_fail", "limit", "n", "reference_n", "rows_needed", "detectable", "verdict", "why", "message", "remedy",
}  # fmt: skip


@pytest.fixture(scope="module")
def evidence():
    return monitored.evidence()


@pytest.fixture(scope="module")
def watch(evidence):
    return monitored.watch_of(evidence)


@pytest.fixture(scope="module")
def quiet(watch, tmp_path_factory):
    where = tmp_path_factory.mktemp("quiet") / "monitor.db"
    monitored.filled(where, watch)
    return where


@pytest.fixture(scope="module")
def drifted(watch, tmp_path_factory):
    where = tmp_path_factory.mktemp("drifted") / "monitor.db"
    monitored.filled(where, watch, gap_from=30, gap=0.25)
    return where


@pytest.fixture
def fresh(watch, tmp_path):
    """A store that a test may change."""
    monitored.filled(tmp_path / "monitor.db", watch, days=10).close()
    return tmp_path / "monitor.db"


def run(*words):
    found = CliRunner().invoke(app, ["monitor", *map(str, words)])
    assert "Traceback" not in found.output, found.output
    return found


def refused(*words):
    found = run(*words)
    assert found.exit_code == 2
    assert found.stdout == ""
    return found.stderr


class TestCollectForAMonitor:
    """`trustkit collect --only KIND`: what a monitor needs, without the rest."""

    def collect(self, tmp_path, *kinds):
        frame = pd.DataFrame({"sex": ["F", "M"] * 50, "age": range(100), "y": [1, 0, 0, 1] * 25})
        frame["p"] = frame["y"]
        frame.to_csv(tmp_path / "rows.csv", index=False)
        roles = ["--target", "y", "--prediction", "p", "--favorable", "1", "--sensitive", "sex"]
        only = [word for kind in kinds for word in ("--only", kind)]
        words = ["collect", "--data", tmp_path / "rows.csv", *roles, *only, "-o", tmp_path / "e.json"]
        return CliRunner().invoke(app, [*map(str, words), "--quiet"])

    def test_collects_these_kinds_alone_and_is_watched(self, tmp_path):
        found = self.collect(tmp_path, *monitored.KINDS)
        assert found.exit_code == 0, found.output
        assert set(tk.Evidence.load(tmp_path / "e.json").kinds) == set(monitored.KINDS)
        with tk.Monitor(tmp_path / "e.json", store=":memory:") as monitor:
            assert monitor.watched.claims

    def test_names_the_nearest_kind(self, tmp_path):
        found = self.collect(tmp_path, "cells", "histogram")
        assert found.exit_code == 2
        assert "--only: no kind of evidence 'histogram'; did you mean 'histograms'?" in found.stderr
        assert not (tmp_path / "e.json").exists()


class TestStatus:
    def test_is_0_where_no_alarm_stands(self, quiet):
        found = run("status", quiet)
        assert found.exit_code == 0
        assert "ALARMS   none stands" in found.stdout
        assert "Monitor of Loans 3 in monitor.db, as of 2024-12-03T00:00:00Z" in found.stdout
        assert "60 of 1 d with decisions, from 2024-10-04T00:00:00Z to 2024-12-03T00:00:00Z" in found.stdout
        assert "of 53 the time for" in " ".join(found.stdout.split())
        assert "4,800 recorded" in found.stdout

    def test_is_1_where_one_stands_and_tells_it_first(self, drifted):
        found = run("status", drifted)
        assert found.exit_code == 1
        titles = ("\nVIOLATED SINCE DEPLOYMENT (1)", "\nCHANGED LATELY (", "\nCLAIMS, no alarm (13)")
        places = [found.stdout.index(title) for title in titles]
        assert places == sorted(places)
        said = " ".join(found.stdout.split())
        assert "bias/selection-rate ratio of sex=F against sex=M: 0." in said
        assert "limit >= 0.8, n 2,400/2,400, e " in said
        assert "of 120, since 2024-11-" in said

    def test_as_json_has_findings_as_a_scorecard_has_them(self, drifted):
        found = run("status", drifted, "--format", "json")
        assert found.exit_code == 1
        data = json.loads(found.stdout)
        assert data["format"] == "trustkit-monitor-status/1"
        assert all(set(finding) == KEYS for finding in data["findings"])
        ids = [finding["id"] for finding in data["findings"]]
        assert len(ids) == len(set(ids))
        assert VIOLATED in data["alarms"]["violated"]
        assert data["alarms"]["changed"]
        failed = {each["id"] for each in data["findings"] if each["verdict"] == "fail"}
        assert failed == {id for alarms in data["alarms"].values() for id in alarms}
        e = data["e_values"][VIOLATED]
        assert e["log_e"] >= e["log_e_alarm"] == pytest.approx(4.787, abs=0.001)  # log(6 / .05)
        assert e["since"].startswith("2024-11-")
        assert data["windows"]["closed"] == 60
        assert data["coverage"][0] == {
            "group": "all", "due": 4240, "labeled": 4240, "share": 1.0, "by_span": [1.0] * 6,
        }  # fmt: skip
        assert data["gaps"] == []
        assert "rmsce" in data["notes"][0]

    def test_cuts_long_lists_and_counts_the_rest(self, quiet, monkeypatch):
        from trustkit.renderers import monitor

        monkeypatch.setattr(monitor, "MOST_CLAIMS", 3)
        cut, whole = run("status", quiet).stdout, run("status", quiet, "--all").stdout
        assert "and 11 more: " in cut
        assert "(--all)" in cut
        assert "(--all)" not in whole
        assert whole.count("bias/calibration gap of sex=F") > cut.count("bias/calibration gap of sex=F")

    def test_finds_silence_at_a_later_time(self, quiet):
        found = run("status", quiet, "--as-of", "2025-02-01")
        assert found.exit_code == 1
        assert "SILENT (1)" in found.stdout
        assert "no decision in the last 60 windows" in found.stdout

    def test_names_a_time_that_is_none(self, quiet):
        assert "--as-of: 'yesterday' is no time; write 2026-11-24" in refused(
            "status", quiet, "--as-of", "yesterday"
        )

    def test_of_a_store_without_a_window_says_so(self, watch, tmp_path):
        store = Store.open(tmp_path / "new.db")
        store.declare(watch.to_json(), watch.digest)
        found = run("status", tmp_path / "new.db")
        assert found.exit_code == 0
        assert "none of 1 d with a decision has closed yet" in found.stdout
        assert "14 UNSURE" in found.stdout
        assert "PASS" not in found.stdout.split("ARRIVAL")[0]

    def test_tells_of_a_writer_that_was_killed(self, watch, tmp_path):
        monitored.filled(tmp_path / "m.db", watch, days=10, closed=False)
        data = json.loads(
            run("status", tmp_path / "m.db", "--format", "json", "--as-of", "2099-01-01").stdout
        )
        assert [(gap["writer"], gap["behind"]) for gap in data["gaps"]] == [("w", 0)]

    def test_shows_no_count_below_the_smallest(self, watch, tmp_path):
        store = Store.open(tmp_path / "m.db")
        store.declare(watch.to_json(), watch.digest)
        store.flush(monitored.batch(watch, 1, range(monitored.FIRST, monitored.FIRST + 3), rows=1))
        store.flush(monitored.batch(watch, 2, [monitored.FIRST + 20], rows=1))
        data = json.loads(run("status", tmp_path / "m.db", "--format", "json").stdout)
        groups = [each for each in data["coverage"] if each["group"] != "all"]
        assert [(each["due"], each["labeled"], each["share"]) for each in groups] == [(None, None, None)] * 2
        assert all(each["n"] is None or each["n"] >= 5 for each in data["findings"])


class TestAStoreThatCannotBeRead:
    """Each is told in a line, with exit status 2, by every command."""

    def test_missing_names_the_nearest_file(self, quiet):
        said = refused("status", quiet.with_name("monitr.db"))
        assert "there is no such store; did you mean" in said
        assert str(quiet) in said

    def test_missing_folder(self, tmp_path):
        assert "there is no such store" in refused("status", tmp_path / "none" / "monitor.db")

    def test_a_folder_names_the_store_in_it(self, quiet):
        said = refused("status", quiet.parent)
        assert "a folder, not a store; did you mean" in said
        assert str(quiet) in said

    @pytest.mark.parametrize(
        "words",
        [
            ("report", "-o", "r.html"), ("export", "--format", "json", "-o", "x"), ("incident list",),
            ("incident open", "--about", "a", "--owner", "b"),
        ],
    )  # fmt: skip
    def test_missing_for_the_other_commands(self, words, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert "there is no such store" in refused(*words[0].split(), "monitor.db", *words[1:])
        assert not list(tmp_path.iterdir())

    def test_foreign(self, tmp_path):
        (tmp_path / "a.db").write_bytes(b"not a database at all, but long enough to be looked at" * 40)
        assert "a.db is something else, no trustkit-store/1; it was left as it is" in refused(
            "status", tmp_path / "a.db"
        )

    def test_another_database(self, tmp_path):
        with sqlite3.connect(tmp_path / "a.db") as connection:
            connection.execute("CREATE TABLE mine (a)")
        connection.close()
        assert "a.db is something else" in refused("status", tmp_path / "a.db")

    def test_empty(self, tmp_path):
        (tmp_path / "a.db").touch()
        assert "a.db: nothing was declared in it yet" in refused("status", tmp_path / "a.db")

    def test_corrupt(self, fresh):
        Store.open(fresh).close()
        with sqlite3.connect(fresh) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        data = bytearray(fresh.read_bytes())
        data[4096:] = b"\xa5" * (len(data) - 4096)
        fresh.write_bytes(data)
        assert "monitor.db: corrupt" in refused("status", fresh)

    def test_with_a_watch_of_another_release(self, fresh):
        with sqlite3.connect(fresh) as connection:
            connection.execute('UPDATE trustkit_meta SET watch = \'{"format": "x"}\'')
        connection.close()
        assert "what is watched in it cannot be read" in refused("status", fresh)

    def test_locked_by_another(self, fresh, monkeypatch):
        opened = Store.open
        monkeypatch.setattr(Store, "open", lambda where: opened(where, timeout=0.05))
        holder = sqlite3.connect(fresh, isolation_level=None)
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN IMMEDIATE")
        try:
            said = refused("incident", "open", fresh, "--about", "a thing", "--owner", "me")
        finally:
            holder.close()
        assert "monitor.db: locked for more than 0.05 s" in said

    def test_in_memory(self):
        assert "a store in memory ends with the process that holds it" in refused("status", ":memory:")

    @pytest.mark.parametrize(
        ("address", "words"),
        [
            ("postgresql://me:hunter2@127.0.0.1:1/db?connect_timeout=1", "out of reach"),
            ("mysql://me:hunter2@host/db", "mysql:// is no store"),
            ("postgresql://me:hunter2@[::1/db", "no address"),
            ("host=127.0.0.1 password=hunter2", "no file; write an address as postgresql://"),
        ],
    )
    def test_never_shows_a_password(self, address, words):
        if "out of reach" in words:
            pytest.importorskip("psycopg")
        said = refused("status", address)
        assert words in said
        assert "hunter2" not in said


class TestReport:
    def test_writes_a_page_and_tells_of_alarms(self, drifted, tmp_path):
        found = run("report", drifted, "-o", tmp_path / "monitor.html")
        assert found.exit_code == 1
        assert found.stdout == ""
        assert "wrote " in found.stderr
        assert "Violated since deployment (" in (tmp_path / "monitor.html").read_text()

    def test_is_0_without_an_alarm(self, quiet, tmp_path):
        assert run("report", quiet, "-o", tmp_path / "monitor.html").exit_code == 0

    def test_refuses_another_suffix_and_place_at_once(self, quiet, tmp_path):
        assert "the report is a page: name it .html; did you mean '.html'?" in refused(
            "report", quiet, "-o", tmp_path / "monitor.htm"
        )
        said = refused("report", tmp_path / "no.db", "-o", tmp_path / "none" / "monitor.html")
        assert "there is no such store" in said
        assert "its folder does not exist" in said


class TestExport:
    def test_evidence_is_judged_and_has_the_rates_of_the_status(self, drifted, tmp_path):
        file = tmp_path / "stream.json"
        assert run("export", drifted, "--format", "evidence", "-o", file).exit_code == 1
        card = tk.judge(tk.Evidence.load(file))
        by_id = {finding.id: finding for finding in card.findings}
        store = Store.open(drifted)
        status = Status.of(store.read(), Watch.from_json(store.watch()))
        compared = 0
        for claim in status.watch.claims:
            sides = None if claim.form == "mean" else status.tally.sides(claim)
            if sides is None:
                _, n, s = status.tally.scores(claim)
                value = (n[..., 1].sum() - s.sum()) / n.sum()
            else:
                mine, other = sides.k.sum() / sides.n.sum(), sides.reference_k.sum() / sides.reference_n.sum()
                value = mine - other if claim.form == "difference" else mine / other
            assert by_id[claim.id].estimate == pytest.approx(value, abs=1e-12), claim.id
            compared += 1
        assert compared == 14
        assert by_id[VIOLATED].verdict == "fail"
        notes = " ".join(note for cost in card.evidence for note in cost.notes)
        assert "each row stands at the mean score of its bin" in notes
        assert "from 2024-10-04 00:00 to 2024-12-03 00:00 UTC" in notes

    def test_evidence_waits_with_labels_until_their_time_is_over(self, quiet):
        store = Store.open(quiet)
        state = store.read()
        made = stream_evidence(Status.of(state, Watch.from_json(store.watch()))).kinds["cells"]
        table = made.table(())
        assert made.rows == 4800
        assert table.n[0, table.truths.index("(missing)")].sum() == 7 * 80
        assert table.s.sum() == pytest.approx(state.counts["decided"].s.sum() / 2**30, abs=1e-6)

    def test_prometheus(self, drifted, tmp_path):
        found = run("export", drifted, "--format", "prometheus", "-o", tmp_path / "m.prom")
        assert found.exit_code == 1
        lines = (tmp_path / "m.prom").read_text().split("\n")
        alarm = [line for line in lines if line.startswith("trustkit_alarm{") and 'metric="ratio"' in line]
        assert any(line.endswith(" 1.0") for line in alarm)
        assert "trustkit_records_total 4800.0" in lines

    def test_json_is_that_of_status(self, quiet, tmp_path):
        assert run("export", quiet, "--format", "json", "-o", tmp_path / "m.json").exit_code == 0
        assert (tmp_path / "m.json").read_text() == run("status", quiet, "--format", "json").stdout

    def test_names_the_nearest_format_and_what_else_is_wrong(self, quiet, tmp_path):
        said = refused("export", quiet, "--format", "evidense", "-o", tmp_path / "no" / "x.json")
        assert "no format 'evidense'; there are prometheus, evidence, json; did you mean 'evidence'?" in said
        assert "its folder does not exist" in said

    def test_of_no_window_writes_nothing(self, watch, tmp_path):
        Store.open(tmp_path / "new.db").declare(watch.to_json(), watch.digest)
        said = refused("export", tmp_path / "new.db", "--format", "evidence", "-o", tmp_path / "e.json")
        assert "no window of new.db with a decision has closed yet" in said
        assert not (tmp_path / "e.json").exists()


class TestIncidents:
    def test_are_opened_listed_and_closed(self, fresh):
        assert run("incident", "list", fresh).stdout == "no incident is recorded\n"
        opened = run("incident", "open", fresh, "--about", VIOLATED, "--owner", "Ada")
        assert opened.exit_code == 0
        assert VIOLATED in opened.stdout
        closed = run(
            "incident", "close", fresh, 1, "--fix", "https://example.org/1",
            "--audit", "sha256:ab", "--cause", "x",
        )  # fmt: skip
        assert closed.exit_code == 0
        data = json.loads(run("incident", "list", fresh, "--format", "json").stdout)
        (incident,) = data["incidents"]
        assert {**incident, "opened": None, "closed": None} == {
            "id": 1, "opened": None, "about": VIOLATED, "owner": "Ada", "cause": "x",
            "fix": "https://example.org/1", "audit": "sha256:ab", "closed": None,
        }  # fmt: skip
        assert incident["opened"].endswith("Z")
        assert incident["closed"] >= incident["opened"]
        assert "closed" in run("incident", "list", fresh).stdout

    def test_of_an_id_that_no_finding_has_name_the_nearest(self, fresh):
        said = refused(
            "incident", "open", fresh, "--about", VIOLATED.replace("ratio", "ration"), "--owner", "Ada"
        )
        assert f"did you mean '{VIOLATED}'?" in said
        assert Store.open(fresh).incidents() == []

    def test_of_an_alarm_of_the_past_or_in_words(self, fresh):
        Store.open(fresh).add_alarm(Alarm("monitoring/coverage:old:x", "silent", None, 1.0, None, "{}"))
        assert (
            run("incident", "open", fresh, "--about", "monitoring/coverage:old:x", "--owner", "A").exit_code
            == 0
        )
        assert run("incident", "open", fresh, "--about", "a call: https://x/y", "--owner", "A").exit_code == 0
        assert "OPEN INCIDENTS" in run("status", fresh).stdout

    def test_need_words(self, fresh):
        said = refused("incident", "open", fresh, "--about", " ", "--owner", "")
        assert "--about: is empty" in said
        assert "--owner: is empty" in said

    def test_that_are_not_open_name_those_that_are(self, fresh):
        run("incident", "open", fresh, "--about", "a thing", "--owner", "Ada")
        said = refused("incident", "close", fresh, 2, "--fix", "f", "--audit", "sha256:a")
        assert "2 is not open in monitor.db (open: 1)" in said

    def test_are_closed_by_a_card_that_is_there_and_newer(self, fresh, evidence, tmp_path):
        run("incident", "open", fresh, "--about", "a thing", "--owner", "Ada")
        old, new = (tk.judge(evidence, as_of=day) for day in ("2020-01-01", "2099-01-01"))
        old.save(tmp_path / "old.json")
        new.save(tmp_path / "scorecard.json")
        close = ("incident", "close", fresh, 1, "--fix", "f", "--audit")
        assert "scorecard.json" in refused(*close, tmp_path / "scorcard.json")
        assert "old.json is of 2020-01-01; the incident was opened on" in refused(
            *close, tmp_path / "old.json"
        )
        assert run(*close, tmp_path / "scorecard.json").exit_code == 0
        assert Store.open(fresh).incidents()[0].audit == new.digest


def test_an_unknown_command_names_the_nearest():
    assert "staus: no such command; did you mean 'status'?" in refused("staus", "x")
    assert "opn: no such command; did you mean 'open'?" in refused("incident", "opn", "x")
