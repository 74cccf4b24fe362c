"""`trustkit waive` writes a waiver that lifts the gate, and nothing but that."""

import os
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from trustkit.cli import app

AS_OF = ["--as-of", "2026-11-24"]
TEXT = """# Ours; "keep" this.
[data]
audit = "log.csv"       # the log
prediction = "d"
sensitive = ["g"]

[policy]
use = ["fairness-baseline"]
[output]
files = ["card.json"]
# the last word"""
WHY = ["--reason", "remediation-planned", "--note", 'retrain "soon" \\ ask Ж\x7f', "--by", "ana@example.org"]
UNTIL = ["--expires", "2027-03-01"]
ALL = [*WHY, *UNTIL]
RATIO = "bias/selection-rate:ratio:g=a~g=b:min"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [{"g": group, "d": int(i < n)} for group, n in (("a", 300), ("b", 500)) for i in range(1000)]
    pd.DataFrame(rows).to_csv("log.csv", index=False)
    (tmp_path / "trustkit.toml").write_text(TEXT, encoding="utf-8")
    return tmp_path


def run(*arguments, status=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return result


def waive(*arguments, status=0, why=ALL):
    return run("waive", *arguments, *why, *AS_OF, status=status)


def refused(*arguments, why=ALL):
    """Errors, after which the file is as it was."""
    before = Path("trustkit.toml").read_bytes()
    result = waive(*arguments, status=2, why=why)
    assert Path("trustkit.toml").read_bytes() == before
    assert result.stdout == ""
    return [line.removeprefix("error: ") for line in result.stderr.splitlines()]


def audited(status=1):
    return run("audit", ".", *AS_OF, "--quiet", status=status)


def test_a_waived_control_does_not_block_and_the_file_keeps_all_it_had(folder):
    audited()
    result = waive("card.json", "--control", "TK-FAI-02")
    text = (folder / "trustkit.toml").read_text(encoding="utf-8")
    block = result.stdout
    assert text == f"{TEXT}\n\n{block}"
    assert result.stderr.endswith("trustkit.toml\n")
    (waiver,) = tomllib.loads(text)["waivers"]
    assert waiver["note"] == 'retrain "soon" \\ ask Ж\x7f'
    assert str(waiver["expires"]) == "2027-03-01"
    assert "TK-FAI-02 waived" in audited(status=0).stdout


def test_a_finding_is_waived_by_its_id_up_to_a_value(folder):
    audited()
    waive("card.json", "--finding", RATIO, "--up-to", "0.55")
    (waiver,) = tomllib.loads((folder / "trustkit.toml").read_text())["waivers"]
    assert waiver["subject"] == {"groups": {"g": "a"}, "reference": {"g": "b"}}
    assert (waiver["check"], waiver["metric"], waiver["up_to"]) == ("bias/selection-rate", "ratio", 0.55)
    audited(status=0)


def test_by_check_metric_and_group_without_a_card(folder):
    waive("--check", "bias/selection-rate", "--metric", "ratio", "--group", "g=a")
    audited(status=0)
    waive(".", "--check", "bias/error-rates")
    assert len(tomllib.loads((folder / "trustkit.toml").read_text())["waivers"]) == 2


def test_pyproject_line_ends_links_and_permissions_are_kept(folder):
    (folder / "trustkit.toml").unlink()
    ours = TEXT.replace("[data]", "[tool.trustkit.data]").replace("[policy]", "[tool.trustkit.policy]")
    ours = ours.replace("[output]", "[tool.trustkit.output]") + "\n[tool.other]\nx = 1\n"
    (folder / "real.toml").write_bytes(ours.replace("\n", "\r\n").encode("utf-8-sig"))
    os.chmod("real.toml", 0o640)
    (folder / "pyproject.toml").symlink_to("real.toml")
    audited()
    waive("card.json", "--control", "TK-FAI-02")
    written = (folder / "real.toml").read_bytes()
    assert written.startswith(ours.replace("\n", "\r\n").encode("utf-8-sig"))
    assert b"\r\n[[tool.trustkit.waivers]]\r\ncontrol = " in written
    assert b"\n" not in written.replace(b"\r\n", b"")
    assert (folder / "pyproject.toml").is_symlink()
    assert os.stat("real.toml").st_mode & 0o777 == 0o640
    audited(status=0)


@pytest.mark.parametrize(
    ("arguments", "why", "found"),
    [
        (["--control", "TK-FAI-2"], ALL, "--control: TK-FAI-2: the policy has no 'TK-FAI-2'; did you mean "),
        (["--check", "bias/selection-rates"], ALL, "--check: bias/selection-rates: the policy has no "),
        ([], ALL, "--control: required key is missing, unless check, metric or subject is given"),
        (["--control", "TK-FAI-02"], UNTIL, "--reason: required key is missing"),
        (["--control", "TK-FAI-02"], [*WHY, "--expires", "2027-11-25"],
         "--expires: 2027-11-25 is more than 365 days after 2026-11-24"),
        (["--control", "TK-FAI-02"], [*WHY, "--expires", "2026-11-23"], "--expires: 2026-11-23 is past"),
        (["--control", "TK-FAI-02"], [*WHY, "--expires", "soon"], "--expires: 'soon' is not a date"),
        (["--control", "TK-FAI-02", "--up-to", "0.5"], ALL, "--up-to: needs check and metric too"),
        (["--control", "TK-FAI-02", "--group", "g"], ALL, "--group: 'g' is not ATTRIBUTE=GROUP"),
        (["--finding", RATIO], ALL, "--finding: names a finding of a scorecard; give the card"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_option_and_nothing_is_written(folder, arguments, why, found):
    assert any(line.startswith(found) for line in refused(*arguments, why=why)), found


def test_all_wrong_at_once(folder):
    lines = refused("--control", "TK-FAI-2", why=["--reason", "remediation-plan", *UNTIL])
    assert "did you mean 'remediation-planned'?" in " ".join(lines)
    assert {line.split(":")[0] for line in lines} == {"--reason", "--note", "--by"}


def test_with_a_card_there_has_to_be_something_to_waive(folder):
    audited()
    assert refused("card.json", "--control", "TK-SAF-03") == [
        "the card: nothing to waive: TK-SAF-03 not_assessed"
    ]
    assert refused("card.json", "--check", "bias/calibration") == ["the card: no such finding is on it"]
    assert refused("card.json", "--check", "bias/selection-rate", "--metric", "rate") == [
        "the card: nothing to waive: TK-FAI-02 fail"
    ]
    assert refused("card.json", "--finding", RATIO, "--up-to", "0.7") == [
        "--up-to: 0.7 waives nothing: the card has 0.6"
    ]
    (unknown,) = refused("card.json", "--finding", RATIO.replace("=b", "=c"))
    assert "did you mean" in unknown
    assert refused("card.json", "--finding", RATIO, "--metric", "ratio") == [
        "--metric: does not go with --finding"
    ]


def test_a_control_that_passes_is_not_waived(folder):
    rows = [{"g": group, "d": i % 2} for group in "ab" for i in range(2000)]
    pd.DataFrame(rows).to_csv("log.csv", index=False)
    audited(status=0)
    assert refused("card.json", "--control", "TK-FAI-02") == ["the card: nothing to waive: TK-FAI-02 pass"]


def test_the_same_is_not_waived_twice_unless_for_longer(folder):
    waive("--control", "TK-FAI-02")
    assert refused("--control", "TK-FAI-02") == ["waivers[0]: waives the same already, until 2027-03-01"]
    waive("--control", "TK-FAI-02", why=[*WHY, "--expires", "2027-04-01"])


def test_an_altered_card_or_a_list_in_one_line_is_refused(folder):
    audited()
    card = folder / "card.json"
    card.write_text(card.read_text().replace('"verdict": "fail"', '"verdict": "pass"', 1))
    assert refused("card.json", "--control", "TK-FAI-02") == [
        "card.json: changed: it does not have the digest it states"
    ]
    one = "{control = 'TK-FAI-02', reason = 'test-data', note = 'n', by = 'b', expires = 2027-01-01}"
    (folder / "trustkit.toml").write_text(f"waivers = [{one}]\n{TEXT}")
    (line,) = refused("--control", "TK-FAI-03")
    assert line.endswith("its waivers are a list in one line; write each as a table [[waivers]] first")
