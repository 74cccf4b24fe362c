"""Files are held to their digests, formats are read from content, and what has no file is said."""

import bz2
import hashlib
import json
import pickle
import zlib
from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import trustkit as tk
from trustkit.checks.base import NotApplicable
from trustkit.checks.monitoring.coverage import coverage
from trustkit.checks.monitoring.staleness import staleness
from trustkit.checks.security.provenance import provenance
from trustkit.collectors import collect
from trustkit.collectors.provenance import collect_provenance, digest, format_of, locks
from trustkit.config import Config
from trustkit.evidence.provenance import File, Provenance
from trustkit.frames import Frame
from trustkit.models.scanning import scan
from trustkit.system import System

DAY = date(2026, 11, 23)


def provenances():
    """Provenance of several days of one system, of nothing, and of systems declared otherwise."""
    schema = {"version": "2026.1", "trust": None, "model": "module", "data": "file"}
    model = File("model", "model.py", "ab" * 32, 900, "text", True)

    def day(n):
        audit = File("audit", f"day{n}.parquet", f"{n:02d}" * 32, 100 + n, "parquet", True)
        return Provenance(schema, (audit, model), ("uv.lock",), f"2026-11-0{n}")

    trusted = {**schema, "model": "file", "trust": "sha256:" + "cd" * 32}
    return [
        day(1),
        day(2),
        day(3),
        Provenance(schema),
        Provenance(trusted, (model,)),
        Provenance({**schema, "model": "object", "data": "memory"}),
        Provenance({**schema, "data": "memory", "version": None}, (model,)),
    ]


@pytest.fixture
def folder(tmp_path):
    table = pd.DataFrame(
        {"y": [0, 1] * 50, "d": [0, 1] * 50, "at": pd.date_range("2026-01-01", periods=100, freq="D")}
    )
    table.to_parquet(tmp_path / "audit.parquet")
    table.to_csv(tmp_path / "train.csv", index=False)
    (tmp_path / "MODEL_CARD.md").write_text("# Card\n")
    (tmp_path / "rules.py").write_text("def model(X):\n    return [1] * len(X)\n")
    return tmp_path


def config(folder, system="", data=""):
    (folder / "trustkit.toml").write_text(
        f'[system]\nversion = "7"\n{system}\n[data]\naudit = "audit.parquet"\ntarget = "y"\n{data}\n'
    )
    return folder


def collected(folder):
    return collect(System.read(folder), only=["provenance"]).kinds["provenance"]


def facts(found):
    return {estimate.metric: estimate.value for estimate in found}


def test_files_of_a_configuration_are_digested(folder):
    config(folder, 'model = "rules:model"\ncard = "MODEL_CARD.md"', 'train = "train.csv"\nfeatures = ["d"]')
    found = collected(folder)
    assert [(file.role, file.path, file.format, file.fits) for file in found.files] == [
        ("audit", "audit.parquet", "parquet", True),
        ("card", "MODEL_CARD.md", "text", True),
        ("model", "rules.py", "text", True),
        ("train", "train.csv", "text", True),
    ]
    for file in found.files:
        content = (folder / file.path).read_bytes()
        assert (file.sha256, file.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert found.model_digest == "sha256:" + hashlib.sha256((folder / "rules.py").read_bytes()).hexdigest()
    assert facts(provenance(found)) == {"missing": 0, "mismatched": 0, "locks": 0}
    assert str(folder) not in json.dumps(found.to_json())


def test_a_log_needs_no_model(folder):
    found = collected(config(folder, data='prediction = "d"'))
    assert [file.role for file in found.files] == ["audit"]
    assert facts(provenance(found)) == {"missing": 0, "mismatched": 0, "locks": 0}


def of_file(folder, model, trust=None):
    """Provenance of a configuration whose model is a file, without loading it."""
    system = {"model": model, **({"trust": trust} if trust else {})}
    made = Config.of(folder=folder, system=system, data={"audit": "audit.parquet"})
    frame = Frame.open("audit.parquet", folder=folder)
    return collect_provenance(SimpleNamespace(system=System(config=made), frame=frame, data=made.data))


def test_a_model_file_is_held_to_the_digest_that_is_declared(folder):
    (folder / "model.pkl").write_bytes(pickle.dumps([1, 2]))
    right = "sha256:" + hashlib.sha256((folder / "model.pkl").read_bytes()).hexdigest()
    assert facts(provenance(of_file(folder, "model.pkl")))["missing"] == 1
    held = facts(provenance(of_file(folder, "model.pkl", right)))
    assert (held["missing"], held["changed"]) == (0, 0)
    (folder / "model.pkl").write_bytes(pickle.dumps([1, 3]))
    exchanged = facts(provenance(of_file(folder, "model.pkl", right)))
    assert (exchanged["missing"], exchanged["changed"]) == (0, 1)


def test_a_folder_is_the_list_of_its_files(folder):
    inner = folder / "model"
    (inner / "a").mkdir(parents=True)
    (inner / "a" / "weights").write_bytes(b"1")
    (inner / "config.json").write_text("{}")
    (inner / "link").symlink_to(inner / "config.json")
    before = digest(inner)
    assert before[0] == scan(inner).sha256
    assert before[1] == 3
    assert of_file(folder, "model").files[1].format == ""
    (inner / "a" / "weights").rename(inner / "weights")
    assert digest(inner)[0] != before[0]


def test_a_name_that_lies_is_counted(folder):
    (folder / "MODEL_CARD.md").write_bytes(pickle.dumps(print))
    config(folder, 'card = "MODEL_CARD.md"', 'prediction = "d"')
    assert facts(provenance(collected(folder)))["mismatched"] == 1


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"PAR1....PAR1", "parquet"),
        (b"ARROW1\0\0", "arrow"),
        (b"PK\x03\x04rest", "zip"),
        (pickle.dumps({}, protocol=4), "pickle"),
        (b"\x1f\x8b\x08", "gzip"),
        (zlib.compress(b"anything"), "zlib"),
        (bz2.compress(b"anything"), "bzip2"),
        (b"x^2,y\n1,2\n", "text"),
        ((2).to_bytes(8, "little") + b"{}", "safetensors"),
        (b'\xef\xbb\xbf  {"a": 1}', "json"),
        (b"a,b\n1,2\n", "text"),
        ("é".encode("latin-1"), "text"),
        (b"\0\1\2", "binary"),
        (b"", "empty"),
    ],
)
def test_formats_are_read_from_content(content, name, tmp_path):
    (tmp_path / "file").write_bytes(content)
    assert format_of(tmp_path / "file") == name


def test_locks_are_found_and_a_requirements_file_counts_with_hashes(tmp_path):
    (tmp_path / "requirements.txt").write_text("numpy==2.0\n")
    assert list(locks(tmp_path)) == []
    (tmp_path / "requirements.txt").write_text("numpy==2.0 --hash=sha256:ab\n")
    (tmp_path / "uv.lock").write_text("")
    assert list(locks(tmp_path)) == ["requirements.txt", "uv.lock"]


def test_what_is_in_memory_is_said(folder):
    table = pd.read_parquet(folder / "audit.parquet")
    found = collect(System(None, table, target="y", prediction="d"), only=["provenance"]).kinds["provenance"]
    assert "the data: in memory, so there is no file to digest" in found.notes()
    with pytest.raises(NotApplicable, match="in memory"):
        provenance(found)
    keys = {"audit": str(folder / "audit.parquet"), "target": "y", "favorable": 1, "features": ["d"]}
    system = System(lambda X: np.ones(len(X), int), **keys)
    half = collect(system, only=["provenance"]).kinds["provenance"]
    missing = next(estimate for estimate in provenance(half) if estimate.metric == "missing")
    assert np.isnan(missing.value)
    assert missing.why == "the model: in memory, without a file to digest"


def test_the_last_day_comes_from_the_column_of_time(folder):
    assert collected(config(folder, data='prediction = "d"')).last_day is None
    assert collected(config(folder, data='prediction = "d"\ntime = "at"')).last_day == "2026-04-10"
    assert collected(config(folder, data='prediction = "d"\ntime = "d"\nfeatures = ["y"]')).last_day is None


def test_facts_of_few_files_are_judged(folder):
    config(folder, data='prediction = "d"')
    (folder / "p.toml").write_text(
        'id = "p"\nversion = "1"\ntitle = "t"\n[[controls]]\nid = "TK-SEC-01"\ntitle = "t"\n'
        'requirement = "r"\n'
        'principle = "secure"\narea = "security"\nseverity = "high"\n[[controls.checks]]\n'
        'check = "security/provenance"\nlimits.max_missing = { value = 0, source = "s" }\n'
        'limits.max_changed = { value = 0, source = "s" }\n'
    )
    assert tk.audit(config=folder, policy=folder / "p.toml").verdict == "pass"


def test_it_is_shared_whole_and_adds_over_days():
    one, two, *_ = provenances()
    assert one.without_small_cells(5) is one
    both = one + two
    assert [file.path for file in both.files] == ["day1.parquet", "day2.parquet", "model.py"]
    assert both.last_day == "2026-11-02"
    assert both.model_digest == "sha256:" + "ab" * 32
    with pytest.raises(ValueError, match="different schemas"):
        one + provenances()[4]


class TestStaleness:
    audited = provenances()[0]  # version 2026.1, digest abab..., last day 2026-11-01

    def test_nothing_declared_does_not_apply(self):
        with pytest.raises(NotApplicable) as signal:
            staleness(provenances()[3], None, as_of=DAY)
        assert "deployed" in signal.value.supply

    @pytest.mark.parametrize(
        ("deployed", "changed"),
        [("2026.1", 0), ("2026.2", 1), ("sha256:" + "ab" * 32, 0), ("sha256:" + "ac" * 32, 1)],
    )
    def test_what_is_deployed_is_what_was_audited(self, deployed, changed):
        found = facts(staleness(self.audited, None, deployed=deployed, as_of=DAY))
        assert found == {"missing": 0, "changed": changed, "age_days": 22}

    def test_what_is_not_declared_is_missing_and_never_a_pass(self):
        assert facts(staleness(self.audited, None, as_of=DAY)) == {"missing": 1, "age_days": 22}
        bare = Provenance({"version": None, "trust": None, "model": None, "data": "memory"})
        found = facts(staleness(bare, None, deployed="7", trained_on=date(2026, 11, 13), as_of=DAY))
        assert found == {"missing": 1, "training_age_days": 10}

    def test_a_day_to_come_is_no_age(self):
        ages = [e for e in staleness(self.audited, None, as_of=date(2026, 10, 1)) if e.metric == "age_days"]
        assert ages[0].why == "2026-11-01 is after the day of the audit"


class TestCoverage:
    def test_nothing_declared_does_not_apply(self):
        with pytest.raises(NotApplicable) as signal:
            coverage(provenances()[0], None, as_of=DAY)
        assert "last_seen" in signal.value.supply

    def test_parts_and_age(self):
        one = provenances()[0]
        whole = coverage(one, None, store="monitor.db", last_seen=date(2026, 11, 20), as_of=DAY)
        assert facts(whole) == {"missing": 0, "age_days": 3}
        assert facts(coverage(one, None, store="monitor.db", as_of=DAY)) == {"missing": 1}
        bare = Provenance({"version": None, "trust": None, "model": None, "data": "memory"})
        assert facts(coverage(bare, None, last_seen=DAY, as_of=DAY)) == {"missing": 2, "age_days": 0}
