"""What the command prints and how it exits."""

from __future__ import annotations

import json

from honest_corpus import dumped
from hostile_corpus import call, evil

from trustkit.models.scanning.command import scan_files

KEYS = {
    *("id", "check", "check_version", "metric", "subject", "estimate", "interval", "level", "pass_interval"),
    *(
        "p_fail",
        "limit",
        "n",
        "reference_n",
        "rows_needed",
        "detectable",
        "verdict",
        "why",
        "message",
        "remedy",
    ),
}


def test_json(tmp_path) -> None:
    contents = {"good": dumped([1]), "bad": evil(), "unknown": call("own", "Model"), "broken": b"\x80\x04"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    paths = [str(tmp_path / name) for name in contents]
    text, status = scan_files(paths, "json")
    page = json.loads(text)
    assert (page["format"], status) == ("trustkit-scan/1", 1)
    assert [file["verdict"] for file in page["files"]] == ["pass", "fail", "inconclusive", "error"]
    assert [file["path"] for file in page["files"]] == paths
    findings = [finding for file in page["files"] for finding in file["findings"]]
    assert all(set(finding) == KEYS for finding in findings)
    assert len({finding["id"] for finding in findings}) == len(findings)
    assert page["files"][0]["findings"] == []
    assert page["files"][1]["findings"][0]["subject"] == {"file": paths[1]}


def test_exit_status_and_progress(tmp_path) -> None:
    for number in range(3):
        (tmp_path / str(number)).write_bytes(dumped([number]))
    seen = []
    paths = [str(tmp_path / str(number)) for number in range(3)]
    text, status = scan_files(paths, "text", progress=lambda *where: seen.append(where))
    assert status == 0
    assert text.count("pass") == 3
    assert [(done, total) for done, total, _ in seen] == [(0, 3), (1, 3), (2, 3)]
    assert scan_files([str(tmp_path / "none")], "text")[1] == 2


def test_additions(tmp_path) -> None:
    (tmp_path / "model").write_bytes(call("own", "Model"))
    assert scan_files([str(tmp_path / "model")])[1] == 1
    assert scan_files([str(tmp_path / "model")], allow=["own.Model"])[1] == 0


def test_a_name_cannot_steer_the_terminal(tmp_path) -> None:
    (tmp_path / "model").write_bytes(b"\x80\x02c\x1b[2Jown\nModel\n.")
    text, _ = scan_files([str(tmp_path / "model")])
    assert "\x1b" not in text
