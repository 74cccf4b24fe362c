"""What a monitor's store says to the next audit."""

import time
from dataclasses import replace

import pytest
from streams import audited, filled, watch_of

import trustkit as tk
from trustkit.collectors.watched import watched
from trustkit.errors import ConfigError
from trustkit.evidence.watched import Watched
from trustkit.monitor.status import Status

WEEK = 7 * 24


def watched_of(**fields):
    made = {
        "first_day": "2026-10-01",
        "last_day": "2026-11-20",
        "windows": 500,
        "decisions": 9000,
        "claims": 14,
    }
    return Watched({"store": "monitor.db", "watch": "sha256:0"}, **{**made, **fields})


def watched_samples():
    return [
        watched_of(),
        watched_of(windows=0, last_day=None),
        watched_of(violated=2, changed=1, silent=1, open=1),
    ]


def audit_with(store, tmp_path, **options):
    import pandas as pd

    rows = pd.DataFrame({"sex": ["F", "M"] * 200, "p": [0, 0, 1, 1] * 100})
    config = tk.config.Config.of(
        folder=tmp_path, options={"monitoring/coverage": {"store": store}, **options}
    )
    return tk.audit(
        data=rows, prediction="p", favorable=1, sensitive=["sex"], version="1", config=config,
        only=["monitoring"], as_of="1970-03-01",
    )  # fmt: skip


def controls(card):
    return {control.id: str(control.verdict) for control in card.controls if control.area == "monitoring"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("stores")
    watch = watch_of()
    for name, gap in (("quiet.db", 0.0), ("gap.db", 0.2)):
        filled(watch, 3 * WEEK, gap=lambda hour, gap=gap: gap, where=made / name).close()
    return made


def test_a_quiet_store_passes(folder):
    card = audit_with("quiet.db", folder)
    assert controls(card)["TK-MON-02"] == "pass"
    assert controls(card)["TK-MON-03"] == "pass"


def test_standing_alarms_fail_and_are_named(folder):
    card = audit_with("gap.db", folder)
    assert controls(card)["TK-MON-02"] == "fail"
    by_id = {finding.id: finding for finding in card.findings}
    assert by_id["monitoring/drift:violated::max"].estimate >= 1
    notes = next(cost.notes for cost in card.evidence if cost.kind == "watched")
    assert any("selection rate ratio of sex=F" in note for note in notes)


def test_a_monitor_of_another_model_is_stale_and_fails(folder):
    from trustkit.checks.monitoring.staleness import staleness
    from trustkit.evidence.provenance import File, Provenance

    schema = {"version": "1", "trust": None, "model": "file", "data": "file"}
    made = Provenance(schema, (File("model", "m.joblib", "a" * 64, 1, "pickle", True),))
    changed = {
        model: next(e.value for e in staleness(made, watched_of(model=model)) if e.metric == "changed")
        for model in ("sha256:" + "a" * 64, "sha256:" + "b" * 64)
    }
    assert list(changed.values()) == [0, 1]


def test_a_name_that_is_no_file_is_another_system(tmp_path):
    card = audit_with("the data warehouse", tmp_path)
    assert not any(finding.metric == "silent" for finding in card.findings)


def test_a_file_that_is_no_store_is_named(tmp_path):
    (tmp_path / "notes.db").write_text("not a database")
    with pytest.raises(ConfigError, match=r"monitoring/coverage.*notes.db is something else"):
        audit_with("notes.db", tmp_path)


def test_it_goes_to_json_and_back():
    watch = watch_of(audited(800))
    made = watched("monitor.db", Status.of(filled(watch, 48).read(), watch))
    assert Watched.from_json(made.to_json()) == made
    assert made.windows > 40
    assert made.first_day == "1970-01-01"
    assert made + made == made
    with pytest.raises(ValueError, match="does not add"):
        made + watched_of()


def test_what_a_live_writer_has_yet_to_store_is_not_lost():
    """Nor is it told before some windows have passed; of one that died long ago it is."""
    watch = watch_of()
    state = filled(watch, WEEK).read()
    (writer,) = state.writers
    behind = {"recorded": 1000, "flushed": 600, "closed": False}
    for flushed_at, lost in ((time.time(), 0.0), (0.0, 400 / 1400)):
        writers = [replace(writer, flushed_at=flushed_at, **behind)]
        found = watched("monitor.db", Status.of(replace(state, writers=writers), watch))
        assert found.lost == pytest.approx(lost)
