"""Cached evidence: reused while all that was measured is equal, collected anew when anything differs."""

from __future__ import annotations

import json
import re
from importlib.metadata import distributions
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import trustkit as tk
import trustkit.collectors.sources
from trustkit.cli import app
from trustkit.collectors import cache
from trustkit.collectors.cache import key_of
from trustkit.config import Config
from trustkit.system import System

AS_OF = "2026-11-24"
CONFIGURATION = """
[system]
name = "Admissions"
card = "MODEL_CARD.md"
[documents]
notice = "notice.md"
[data]
audit = "part*.csv"
target = "finished"
prediction = "admitted"
favorable = 1
sensitive = ["sex"]
[policy]
use = ["fairness-baseline"]
"""


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    log = pd.DataFrame(
        {
            "sex": rng.choice(["F", "M"], 1000),
            "finished": rng.integers(0, 2, 1000),
            "admitted": rng.integers(0, 2, 1000),
        }
    )
    for part in range(2):
        log.iloc[part::2].to_csv(tmp_path / f"part{part}.csv", index=False)
    (tmp_path / "MODEL_CARD.md").write_text("# Card\n", encoding="utf-8")
    (tmp_path / "notice.md").write_text("# Notice\n", encoding="utf-8")
    (tmp_path / "trustkit.toml").write_text(CONFIGURATION, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module", autouse=True)
def installed():
    """What is installed is read once: a test has two keys, and reading it takes a tenth of a second."""
    found = [SimpleNamespace(name=each.name, version=each.version) for each in distributions()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "distributions", lambda: iter(found))
        yield


@pytest.fixture
def opened(monkeypatch):
    """How often data was opened: once for each time evidence was collected."""
    calls = []
    original = trustkit.collectors.sources.Sources.open.__func__

    def counted(cls, *arguments, **keys):
        calls.append(1)
        return original(cls, *arguments, **keys)

    monkeypatch.setattr(trustkit.collectors.sources.Sources, "open", classmethod(counted))
    return calls


def audited(folder, **keys):
    return tk.audit(config=folder, cache=folder / "cache", as_of=AS_OF, **keys)


def test_a_rerun_skips_collection_gives_the_same_digest_and_says_so(folder, opened):
    first, again = audited(folder), audited(folder)
    assert len(opened) == 1
    assert first.digest == again.digest == tk.audit(config=folder, as_of=AS_OF).digest
    notes = {cost.kind: cost.notes[-1] for cost in again.evidence}
    assert notes
    for note in notes.values():
        assert re.fullmatch(r"reused: collected 20\d\d-.*Z of equal files, .* packages", note)
    assert "reused: collected" in tk.render(again, "md")
    assert "reused" not in first.to_json()
    assert first.run.inputs == again.run.inputs


def test_what_the_judge_reads_is_no_reason_to_collect(folder, opened):
    whole = audited(folder)
    stricter = audited(folder, limits={"bias/selection-rate": {"min_ratio": 0.99}}, fail_on="never")
    assert len(opened) == 1
    assert whole.digest != stricter.digest
    later = tk.audit(config=folder, cache=folder / "cache", as_of="2026-12-24")
    assert (later.run.as_of, len(opened)) == ("2026-12-24", 1)


def changed(file, text="\n"):
    return lambda folder: (folder / file).write_text((folder / file).read_text() + text)


def other_class(folder):
    (folder / "trustkit.toml").write_text(CONFIGURATION.replace("favorable = 1", "favorable = 0"))


@pytest.mark.parametrize(
    "change",
    [
        changed("part0.csv", "F,1,1\n"),
        changed("MODEL_CARD.md"),
        changed("notice.md"),
        lambda folder: (folder / "part2.csv").write_text("sex,finished,admitted\nF,1,1\n"),
        lambda folder: (folder / "uv.lock").write_text("version = 1\n"),
        changed("trustkit.toml", '[options."bias/selection-rate"]\nintersections = false\n'),
        other_class,
    ],
    ids=["row", "card", "document", "partition", "lock", "option", "role"],
)  # fmt: skip
def test_whatever_is_measured_is_collected_anew_when_it_differs(folder, opened, change):
    audited(folder)
    change(folder)
    audited(folder)
    assert len(opened) == 2


def test_another_seed_policy_package_or_release_is_collected_anew(folder, opened, monkeypatch):
    audited(folder)
    audited(folder, seed=1)
    audited(folder, policy="unga-78-265")  # it reads more kinds
    assert len(opened) == 3
    monkeypatch.setattr(cache, "distributions", lambda: iter(()))
    audited(folder)
    monkeypatch.setattr(cache, "_own_code", lambda: "another release")
    audited(folder)
    assert len(opened) == 5


@pytest.mark.parametrize("pattern", ["[0-9a-f]*.entry.json", "*[0-9a-f].json"])
@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": "trustkit-cache/1", "evidence": "sha256:0"}'])
def test_a_damaged_entry_is_collected_anew(folder, opened, pattern, text):
    expected = audited(folder).digest
    for file in (folder / "cache").glob(pattern):
        if pattern.endswith("entry.json") == file.name.endswith("entry.json"):
            file.write_text(text)
    assert audited(folder).digest == expected
    assert audited(folder).digest == expected
    assert len(opened) == 2


def test_a_count_that_was_altered_is_not_reused(folder, opened):
    expected = audited(folder).digest
    (file,) = (each for each in (folder / "cache").glob("*.json") if "entry" not in each.name)
    data = json.loads(file.read_text())
    data["costs"][0]["rows"] += 1
    file.write_text(json.dumps(data))
    assert audited(folder).digest == expected
    assert len(opened) == 2


def test_nothing_is_kept_where_a_collector_raised(folder, opened, monkeypatch):
    from trustkit import collectors

    def broken(sources):
        raise RuntimeError("oops")

    monkeypatch.setattr(collectors, "_collector", lambda kind: broken)
    assert not audited(folder).gate.holds
    assert [file.name for file in (folder / "cache").iterdir()] == [".gitignore"]


def test_nothing_is_kept_where_a_file_changes_meanwhile(folder, monkeypatch):
    from trustkit import collectors

    original = collectors._collected

    def slow(*arguments):
        changed("part0.csv", "F,1,1\n")(folder)
        return original(*arguments)

    monkeypatch.setattr(collectors, "_collected", slow)
    audited(folder)
    assert [file.name for file in (folder / "cache").iterdir()] == [".gitignore"]


def test_what_no_digest_covers_is_refused_and_said(folder, tmp_path, monkeypatch):
    log = pd.read_csv(folder / "part0.csv")
    roles = {"target": "finished", "favorable": 1, "sensitive": ["sex"]}
    cases = {
        "data: rows in memory have no file": {"data": log, "prediction": "admitted"},
        "the model is an object in memory": {"model": lambda X: [1] * len(X), "data": folder / "part0.csv"},
        "deciding:decide is Python code": {"model": "deciding:decide", "data": folder / "part0.csv"},
    }
    for found, given in cases.items():
        with pytest.raises(tk.ConfigError, match=f"^cache: {found}"):
            tk.audit(**given, **roles, cache=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_model_whose_file_imports_your_code_is_refused(folder):
    (folder / "model.joblib").write_bytes(b"\x80\x04N.")
    allow = {"security/artifact": {"allow": {"steps:Binner": "ours"}}}
    with pytest.raises(tk.ConfigError, match="allow lets the model's file import code of your own"):
        audited(folder, model="model.joblib", options=allow, policy="unga-78-265")


def test_a_model_file_is_part_of_the_key(folder, opened):
    (folder / "model.joblib").write_bytes(b"\x80\x04N.")
    audited(folder, model="model.joblib")
    audited(folder, model="model.joblib")
    assert len(opened) == 1
    (folder / "model.joblib").write_bytes(b"\x80\x04K\x01.")
    audited(folder, model="model.joblib")
    assert len(opened) == 2


def test_the_command_keeps_evidence_only_where_asked(folder, opened):
    command = ["audit", str(folder), "--as-of", AS_OF, "--quiet"]
    runner = CliRunner()
    before = runner.invoke(app, command)
    assert not (folder / "cache").exists()
    for _ in range(2):
        result = runner.invoke(app, [*command, "--cache", str(folder / "cache")])
        assert result.exit_code == before.exit_code == 0, result.output
    assert len(opened) == 2
    assert "reused: collected" in result.stdout
    nowhere = runner.invoke(app, [*command, "--cache", str(folder / "absent" / "cache")])
    assert nowhere.exit_code == 2
    assert nowhere.stderr.startswith(f"error: cache: {folder}/absent/cache: No such file")


@pytest.mark.parametrize(
    ("check", "options"),
    [
        ("security/dependencies", {"advisories": "named"}),
        ("security/dependencies", {"lock": "named"}),
        ("security/provenance", {"signature": "named", "key": "other"}),
        ("security/provenance", {"locks": {"named": "sha256:" + "0" * 64}}),
    ],
)
def test_a_file_that_options_name_is_part_of_the_key(folder, check, options):
    config = Config.read(folder).replace(options={check: options})
    (folder / "named").write_text("1", encoding="utf-8")
    first = key_of(System(config=config), ["provenance"], 0)
    (folder / "named").write_text("2", encoding="utf-8")
    assert key_of(System(config=config), ["provenance"], 0) != first
