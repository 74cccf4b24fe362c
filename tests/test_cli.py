"""The command line: every command, every exit status, nothing written when something is wrong."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import trustkit as tk
from trustkit.cli import app
from trustkit.commands import output

AS_OF = "2026-11-01"
ROLES = {"target": "approved", "prediction": "decision", "score": "probability", "sensitive": ["sex", "age"]}
OPTIONS = [
    "--target",
    "approved",
    "--prediction",
    "decision",
    "--score",
    "probability",
    "--sensitive",
    "sex,age",
]
HEAVY = ("numpy", "pandas", "scipy", "sklearn", "pydantic", "pyarrow")


def decision_log(rows=4000, seed=0):
    rng = np.random.default_rng(seed)
    sex = rng.choice(["F", "M"], rows, p=[0.45, 0.55])
    age = rng.choice(["<25", "25-60", "60+"], rows, p=[0.1, 0.75, 0.15])
    merit = rng.uniform(size=rows)
    score = np.clip(merit + np.where(sex == "F", -0.2, 0.05) + rng.normal(0, 0.05, rows), 0, 1).round(4)
    approved = (rng.uniform(size=rows) < merit).astype(int)
    decision = (score > 0.5).astype(int)
    return pd.DataFrame(
        {"sex": sex, "age": age, "approved": approved, "probability": score, "decision": decision}
    )


@pytest.fixture(scope="module")
def log():
    return decision_log()


@pytest.fixture
def folder(tmp_path, monkeypatch, log):
    """An empty working folder, beside one that holds the log."""
    log.to_csv(tmp_path / "log.csv", index=False)
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    return tmp_path / "out"


BASELINE = ("--policy", "fairness-baseline")


def configured(folder, text="", data=""):
    chosen = '[policy]\nuse = ["fairness-baseline"]\n'
    text = text.replace("[policy]\n", chosen) if "[policy]" in text else f"{chosen}{text}"
    (folder.parent / "trustkit.toml").write_text(
        f"""
[system]
name = "Credit decisions"
[data]
audit = "log.csv"
target = "approved"
prediction = "decision"
score = "probability"
sensitive = ["sex", "age"]
{data}
{text}
""",
        encoding="utf-8",
    )


def run(*arguments, status=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return result


def errors(*arguments):
    """Lines on stderr of a command that is wrong."""
    result = run(*arguments, status=2)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert all(line.startswith("error: ") for line in lines), result.stderr
    return [line.removeprefix("error: ") for line in lines]


# Exit statuses


def test_a_gate_that_holds_is_0(folder):
    assert "GATE     holds" in run("audit", "--data", "../log.csv", *OPTIONS, "--fail-on", "never").stdout


def test_a_control_that_blocks_is_1(folder):
    result = run("audit", "--data", "../log.csv", *OPTIONS, *BASELINE, status=1)
    assert re.search("GATE     does not hold: .*TK-FAI-02 FAIL", result.stdout)
    assert result.stderr == ""


def test_what_is_required_but_open_blocks(folder):
    configured(folder, '[policy]\nrequire = ["TK-SAF-05"]')
    run("audit", "..", "--only", "safety", status=1)
    run("audit", "..", "--only", "TK-SAF-03", status=1)
    run("audit", "..", "--only", "safety", "--fail-on", "never")


def test_a_check_that_raises_is_3_unless_something_blocks(folder, log):
    log.assign(probability=log["probability"] * 2).to_csv("wrong.csv", index=False)
    data = ["audit", "--data", "wrong.csv", *OPTIONS]
    assert "TK-SAF-05  Calibrated confidence" in run(*data, "--only", "safety", status=3).stdout
    run(*data, "--fail-on", "never", status=3)
    run(*data, status=1)


def test_a_bug_is_2_and_says_so(folder, monkeypatch):
    def broken(**_given):
        raise RuntimeError("\x1b[31moops")

    monkeypatch.setattr("trustkit.auditing.audit", broken)
    result = run("audit", "--data", "../log.csv", *OPTIONS, "-o", "card.json", status=2)
    assert "Traceback" in result.stderr
    last = "error: this is a bug in trustkit, please report it: RuntimeError: (its words may quote the data)"
    assert result.stderr.splitlines()[-1] == last
    assert not list(folder.iterdir())


# Audit


def test_stdout_is_the_card_in_the_format_asked_for(folder):
    arguments = ["audit", "--data", "../log.csv", *OPTIONS, *BASELINE, "--as-of", AS_OF]
    card = tk.Scorecard.model_validate_json(run(*arguments, "--format", "json", status=1).stdout_bytes)
    assert card.run.as_of == AS_OF
    assert run(*arguments, "--format", "text", status=1).stdout.startswith("Scorecard of an unnamed system")
    assert run(*arguments, "--format", "md", status=1).stdout.startswith("# Scorecard of")
    assert run(*arguments, "--format", "github", status=1).stdout.startswith("::error file=")


def test_files_are_written_where_they_are_named(folder):
    configured(folder, '[output]\nfiles = ["card.json", "out/card.md"]')
    result = run("audit", "..", "-o", "card.txt", status=1)
    assert sorted(path.name for path in folder.iterdir()) == ["card.md", "card.txt"]
    assert tk.Scorecard.load(folder.parent / "card.json").digest
    assert (folder / "card.txt").read_text() == result.stdout
    assert result.stderr.splitlines()[0] == "wrote card.txt"
    assert run("audit", "..", "--quiet", status=1).stderr == ""


def test_options_stand_in_for_a_file_but_do_not_go_with_one(folder):
    configured(folder)
    assert errors("audit", "..", "--data", "x.csv") == ["..: a configuration; it does not go with --data"]
    assert errors("audit", "--target", "approved") == ["--data: required with --target"]
    (missing,) = errors("audit")
    assert "neither trustkit.toml nor pyproject.toml" in missing


def test_labels_on_the_command_line_are_canonical_text(folder, log):
    arguments = ["audit", "--data", "../log.csv", *OPTIONS, *BASELINE, "--as-of", AS_OF, "--format", "json"]
    shown = json.loads(run(*arguments, "--positive", "1", "--favorable", "1", status=1).stdout)
    assert (
        shown["digest"]
        == tk.audit(data=log, **ROLES, positive=1, favorable=1.0, as_of=AS_OF, policy=BASELINE[1]).digest
    )
    log.assign(decision=log["decision"].map({0: "no", 1: "yes"})).to_csv("words.csv", index=False)
    words = ["audit", "--data", "words.csv", "--prediction", "decision", "--sensitive", "sex"]
    assert errors(*words)[0].startswith("data.favorable: required, since the labels are no, yes")
    assert errors(*words, "--favorable", "yess")[0].endswith("did you mean 'yes'?")
    run(*words, "--favorable", "yes", status=1)


def test_weights_and_units_are_roles_too(folder, log):
    log.assign(w=1.5, person=np.arange(len(log)) // 2).to_csv("weighted.csv", index=False)
    arguments = [
        "audit",
        "--data",
        "weighted.csv",
        *OPTIONS,
        "--weight",
        "w",
        "--unit",
        "person",
        "--format",
        "json",
    ]
    declared = json.loads(run(*arguments, status=1).stdout)["system"]
    assert (declared["weight"], declared["unit"]) == ("w", "person")


def test_a_model_is_asked_where_no_column_decides(folder, log):
    (folder / "scoring.py").write_text("def approve(X):\n    return (X['probability'] > 0.5).astype(int)\n")
    log.drop(columns="decision").to_csv("cases.csv", index=False)
    result = run(
        "audit", "--data", "cases.csv", "--target", "approved", "--model", "scoring:approve",
        "--sensitive", "sex", "--format", "json", status=1,
    )  # fmt: skip
    calls = {each["kind"]: each["model_calls"] for each in json.loads(result.stdout)["evidence"]}
    assert calls["cells"] == 1


def test_a_partial_card_says_so(folder):
    card = json.loads(
        run("audit", "--data", "../log.csv", *OPTIONS, "--only", "bias", "--format", "json", status=1).stdout
    )
    assert (card["only"], card["score"]) == (["bias"], None)
    (unknown,) = errors("audit", "--data", "../log.csv", *OPTIONS, "--only", "bais")
    assert unknown.endswith("did you mean 'bias'?")


def test_a_policy_file_is_relative_to_here(folder):
    configured(folder)
    (folder / "mine.toml").write_text(
        'id = "mine"\nversion = "7"\ntitle = "Mine"\n[[controls]]\nid = "MY-1"\ntitle = "Rates"\n'
        'requirement = "Alike."\nprinciple = "trustworthy"\narea = "bias"\nseverity = "low"\n'
        '[[controls.checks]]\ncheck = "bias/selection-rate"\n'
        '[controls.checks.limits]\nmin_ratio = { value = 0.1, source = "mine" }\n'
    )
    assert "by mine 7" in run("audit", "..", "--policy", "mine.toml").stdout
    assert run("list", "controls", "--policy", "mine.toml").stdout == "MY-1  bias  low  Rates\n"
    (unknown,) = errors("audit", "..", "--policy", "fairness-baselin")
    assert unknown.endswith("did you mean 'fairness-baseline'?")


@pytest.mark.end_to_end
def test_a_closed_pipe_changes_neither_files_nor_status(folder):
    arguments = ["audit", "--data", "../log.csv", *OPTIONS, *BASELINE, "-o", "card.json"]
    command = [sys.executable, "-m", "trustkit.cli", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=python_path()
    ) as process:
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (1, b"wrote card.json\n")
    assert tk.Scorecard.load("card.json")


# The same audit by any way


def test_one_digest_from_python_the_command_line_and_seven_shards(folder, log):
    expected = tk.audit(data=log, **ROLES, as_of=AS_OF, policy=BASELINE[1])
    alone = run(
        "audit", "--data", "../log.csv", *OPTIONS, *BASELINE, "--as-of", AS_OF, "--format", "json", status=1
    )
    assert json.loads(alone.stdout)["digest"] == expected.digest

    for shard in range(7):
        log.iloc[shard::7].to_csv(f"shard{shard}.csv", index=False)
        run("collect", "--data", f"shard{shard}.csv", *OPTIONS, "-o", f"e{shard}.json")
    order = np.random.default_rng(1).permutation(7)
    run("merge", *(f"e{shard}.json" for shard in order[:4]), "-o", "first.json")
    run("merge", *(f"e{shard}.json" for shard in order[4:]), "first.json", "-o", "all.json")
    judged = run(
        "judge", "all.json", *BASELINE, "--as-of", AS_OF, "--format", "json", "-o", "card.json", status=1
    )
    card = tk.Scorecard.load("card.json")
    assert json.loads(judged.stdout)["digest"] == card.digest == expected.digest
    assert [read.role for read in card.run.inputs] == ["audit"] * 7 + ["evidence"]


def test_one_digest_from_a_configuration_in_steps(folder):
    configured(folder, '[limits."bias/selection-rate"]\nmin_ratio = 0.5')
    whole = run("audit", "..", "--as-of", AS_OF, "--format", "json", status=1)
    run("collect", "..", "-o", "e.json", "--quiet")
    config = ["--config", "../trustkit.toml"]
    steps = run("judge", "e.json", *config, "--as-of", AS_OF, "--format", "json", status=1)
    without = run("judge", "e.json", "--as-of", AS_OF, "--format", "json", status=1)
    assert json.loads(whole.stdout)["digest"] == json.loads(steps.stdout)["digest"]
    assert json.loads(whole.stdout)["digest"] != json.loads(without.stdout)["digest"]


def test_evidence_to_share_says_what_it_leaves_out_and_does_not_merge(folder):
    run("collect", "--data", "../log.csv", *OPTIONS, "-o", "e.json")
    told = run("collect", "--data", "../log.csv", *OPTIONS, "--share", "-o", "shared.json").stderr
    whole, kept = (json.loads((folder / name).read_text())["kinds"] for name in ("e.json", "shared.json"))
    assert {*whole} > {*kept}
    for kind in {*whole} - {*kept}:
        assert f"warning: evidence of kind {kind} " in told
    assert "made to be shared" in run("judge", "shared.json", status=1).stdout
    (refused,) = errors("merge", "e.json", "shared.json", "-o", "m.json")
    assert "does not add" in refused
    assert not (folder / "m.json").exists()


def test_merge_refuses_what_does_not_add(folder):
    run("collect", "--data", "../log.csv", *OPTIONS, "-o", "e.json")
    run("collect", "--data", "../log.csv", *OPTIONS[:-1], "sex", "-o", "other.json")
    run("collect", "--data", "../log.csv", *OPTIONS, "-o", "again.json")
    assert any("differs" in line for line in errors("merge", "e.json", "other.json", "-o", "m.json"))
    twice, nowhere = sorted(errors("merge", "e.json", "./e.json", "-o", "no/m.json"))
    assert "given twice" in twice
    assert nowhere == "no/m.json: its folder does not exist"
    assert not (folder / "m.json").exists()
    assert "counted in more than one part" in run("merge", "e.json", "again.json", "-o", "m.json").stderr


def test_judge_does_not_write_over_the_evidence(folder):
    run("collect", "--data", "../log.csv", *OPTIONS, "-o", "e.json")
    assert errors("judge", "e.json", "-o", "e.json") == ["e.json: this is the evidence"]
    assert errors("judge", "no.json") == ["no.json: No such file or directory"]
    (folder / "bad.json").write_text("{")
    assert errors("judge", "bad.json") == ["bad.json: not JSON"]


def test_what_could_not_be_collected_is_an_error_when_judged(folder, monkeypatch):
    def broken(_sources):
        raise RuntimeError("no cells today")

    monkeypatch.setattr("trustkit.collectors.cells.collect_cells", broken)
    collected = run("collect", "--data", "../log.csv", *OPTIONS, "-o", "e.json")
    withheld = "RuntimeError: (its words may quote the data)"
    assert f"warning: cells could not be collected: {withheld}\n" in collected.stderr
    assert "RuntimeError" in run("judge", "e.json", status=3).stdout


# What is wrong


def test_everything_wrong_is_told_at_once_and_nothing_is_written(folder):
    configured(folder, "[polcy]\n[policy]\nalpha = 2", data='targt = "x"\nweight = 3')
    lines = errors("audit", "..", "-o", "card.gitlb.json", "-o", "card.jsn", "-o", "no/card.md")
    assert len(lines) == 7
    assert "data.targt: unknown key; did you mean 'target'?" in lines
    assert "polcy: unknown key; did you mean 'policy'?" in lines
    (slip,) = (line for line in lines if line.startswith("card.gitlb.json: no format has the suffix"))
    assert slip.endswith("did you mean '.gitlab.json'?")
    assert any(line.startswith("card.jsn: ") and line.endswith("did you mean '.json'?") for line in lines)
    assert "no/card.md: its folder does not exist" in lines
    assert not list(folder.iterdir())


def test_output_that_cannot_be_written_is_told_before_any_work(folder):
    (folder / "folder.json").mkdir()
    assert errors("audit", "--data", "missing.csv", *OPTIONS, "-o", "folder.json") == [
        "data.audit: no such file: 'missing.csv'",
        "folder.json: a folder, not a file",
    ]
    configured(folder, '[output]\nfiles = ["card.sarf"]')
    (slip,) = errors("audit", "..")
    assert slip.startswith("output.files: ")
    assert slip.endswith("did you mean '.sarif'?")


def test_names_in_errors_are_inert(folder):
    (line,) = errors(
        "audit", "--data", "../log.csv", "--target", "\x1b[2Jx\n\u202e", "--prediction", "decision"
    )
    assert line.isascii()
    assert line.isprintable()


def test_usage_is_2_and_names_the_nearest(folder):
    assert errors("adit") == ["adit: no such command; did you mean 'audit'?"]
    for wrong in (
        ["audit", "--format", "xml"],
        ["audit", "--as-of", "soon"],
        ["audit", "--base", "x"],
        ["merge"],
    ):
        assert "Usage: " in run(*wrong, status=2).stderr


def _parquet_cut_short(path, log):
    log.to_parquet(path)
    path.write_bytes(path.read_bytes()[:-200])


TABLES = {
    "missing.csv": lambda path, log: None,
    "folder.csv": lambda path, log: path.mkdir(),
    "empty.csv": lambda path, log: path.write_bytes(b""),
    "header.csv": lambda path, log: log.head(0).to_csv(path, index=False),
    "binary.csv": lambda path, log: path.write_bytes(bytes(range(256)) * 8),
    "latin.csv": lambda path, log: log.assign(sex="f\xfcr").to_csv(path, index=False, encoding="latin-1"),
    "cut.parquet": _parquet_cut_short,
    "text.parquet": lambda path, log: path.write_text("no parquet"),
    "broken.jsonl": lambda path, log: path.write_text('{"sex": "F"}\n{"sex": \n'),
    "excel.xlsx": lambda path, log: path.write_bytes(b"PK\x03\x04"),
    "column.csv": lambda path, log: log.rename(columns={"sex": "sexx"}).to_csv(path, index=False),
    "twice.csv": lambda path, log: log.rename(columns={"age": "sex"}).to_csv(path, index=False),
    "unknown.csv": lambda path, log: log.assign(approved=None).to_csv(path, index=False),
    "words.csv": lambda path, log: log.assign(approved="x", decision="y").to_csv(path, index=False),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("command", ["audit", "collect"])
def test_a_bad_table_is_one_clear_line_and_nothing_is_written(folder, log, name, command):
    TABLES[name](folder.parent / name, log)
    lines = errors(command, "--data", f"../{name}", *OPTIONS, "-o", "card.json")
    assert 1 <= len(lines) <= 2, lines
    assert all(line.startswith("data.") for line in lines), lines
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ('sensitve = ["sex"]', "data.sensitve"),
        ("weight = 3", "data.weight"),
        ('weight = "w"', "data.weight"),
        ('train = "train.csv"', "data.train"),
        ("favorable = 7", "data.favorable"),
    ],
)
def test_a_bad_configuration_is_one_clear_line_and_nothing_is_written(folder, data, key):
    configured(folder, data=data)
    (line,) = errors("audit", "..", "-o", "card.json")
    assert line.startswith(f"{key}: ")
    assert not list(folder.iterdir())


# List, explain, render, verify, check-config


def test_lists_are_complete_and_also_json():
    checks = json.loads(run("list", "checks", "--format", "json").stdout)
    assert {"bias/selection-rate", "safety/performance"} <= {check["id"] for check in checks}
    assert run("list", "checks").stdout.splitlines()[0].startswith("bias/calibration ")
    policies = json.loads(run("list", "policies", "--format", "json").stdout)
    assert [policy["id"] for policy in policies] == [
        "central-asia",
        "eeoc-four-fifths",
        "eu-ai-act-high-risk",
        "fairness-baseline",
        "nist-ai-rmf",
        "nyc-ll144",
        "unga-78-265",
    ]
    controls = json.loads(run("list", "controls", "--format", "json").stdout)
    assert {
        "id": "TK-FAI-02",
        "area": "bias",
        "severity": "critical",
        "title": "Outcome disparity",
    } in controls


def test_explain_has_a_page_of_everything_listed():
    for what in ("checks", "policies", "controls"):
        for row in json.loads(run("list", what, "--format", "json").stdout):
            assert run("explain", row["id"]).stdout.startswith(f"{row['id']} (")
    page = run("explain", "bias/selection-rate").stdout
    for part in ("Why it matters", "ratio ", "compare: Literal['pairs', 'reference', 'rest'] = 'pairs'",
                 "TK-FAI-02 Outcome disparity (fairness-baseline): min_ratio 0.8"):  # fmt: skip
        assert part in page
    (unknown,) = errors("explain", "bias/selection-rates")
    assert unknown.endswith("did you mean 'bias/selection-rate'?")


def test_render_writes_other_formats(folder):
    run("audit", "--data", "../log.csv", *OPTIONS, *BASELINE, "-o", "card.json", status=1)
    assert run("render", "card.json", "-o", "card.md", "-o", "card.txt").stdout == ""
    assert (folder / "card.md").read_text().startswith("# Scorecard of")
    assert run("render", "card.json").stdout == (folder / "card.txt").read_text()
    assert run("render", "card.json", "--format", "json").stdout == (folder / "card.json").read_text()
    wrong = errors("render", "log.csv", "-o", "card.pdf")
    assert wrong[0] == "log.csv: No such file or directory"
    assert wrong[1].startswith("card.pdf: no format has the suffix '.pdf'")


def test_verify_names_what_changed(folder):
    configured(folder, '[output]\nfiles = ["card.json"]')
    run("audit", "..", status=1)
    card, log = folder.parent / "card.json", folder.parent / "log.csv"
    assert run("verify", card).stdout == "verified: the digest and 1 input file\n"
    (folder / "card.json").write_text(card.read_text())
    assert "missing: audit log.csv" in run("verify", "card.json", status=1).stdout
    run("verify", "card.json", "--root", "..")
    log.write_text(log.read_text().replace("F", "M", 1))
    assert run("verify", card, status=1).stdout == "changed: audit log.csv\nnot verified\n"
    log.unlink()
    card.write_text(card.read_text().replace('"verdict": "fail"', '"verdict": "pass"', 1))
    lines = run("verify", card, status=1).stdout.splitlines()
    assert lines == [
        "changed: the scorecard does not have the digest it states",
        "missing: audit log.csv: No such file or directory",
        "not verified",
    ]
    assert errors("verify", "trustkit.json") == ["trustkit.json: No such file or directory"]


def test_check_config_says_what_it_came_to(folder):
    configured(
        folder,
        '[policy]\nrequire = ["bias"]\n[limits."bias/selection-rate"]\nmin_ratio = 0.7\n'
        '[limits."bias/error-rates"]\nmax_fpr_difference = false\n[output]\nfiles = ["card.json"]',
    )
    shown = [" ".join(line.split()) for line in run("check-config", "..").stdout.splitlines()]
    for line in (
        "policy fairness-baseline 1: 5 controls",
        "gate fail_on fail, requires bias",
        "control TK-FAI-02 Outcome disparity",
        "note loosened limit: bias/selection-rate min_ratio: the policy's is 0.8, the configuration's 0.7",
        "note removed limit: bias/error-rates max_fpr_difference: the policy's is 0.1",
        "output card.json",
    ):
        assert line in shown
    assert shown[0].startswith("ok: ")


def test_check_config_finds_everything_wrong_without_data(folder):
    (folder.parent / "log.csv").unlink()
    configured(
        folder,
        '[policy]\nrequire = ["bais"]\n[limits."bias/selection-rate"]\nmin_rati = 0.7\n'
        '[output]\nfiles = ["card.sarf"]',
    )
    lines = errors("check-config", "..")
    assert [line.split(":")[0] for line in lines if "data.audit" in line] == ["data.audit"]
    assert any("did you mean 'bias'?" in line for line in lines)
    assert any("did you mean 'min_ratio'?" in line for line in lines)
    assert any("did you mean '.sarif'?" in line for line in lines)


@pytest.mark.parametrize(
    ("address", "http", "said"),
    [
        ("http://127.0.0.1:9/score", "", ["model.http.protocol: the address does not tell it"]),
        (
            "http://127.0.0.1:9/score",
            'protocol = "json"\nrequest = { data = "{recrods}" }\nscore = "p"',
            [
                "model.http.request: it says nowhere where the data go",
                "model.http.response: required key is missing",
                "model.http.classes: required key is missing",
            ],
        ),
        (
            "ftp://127.0.0.1/v2/models/m/infer",
            "",
            ["system.model: an endpoint's address begins with http://"],
        ),
        (
            "http://127.0.0.1:9/v2/models/m/infer",
            'headers = { Authorization = "TRUSTKIT_NO_SUCH_VARIABLE" }',
            [],
        ),
    ],
)
def test_check_config_says_how_an_endpoint_cannot_be_asked(folder, address, http, said):
    configured(folder, f"[model.http]\n{http}")
    path = folder.parent / "trustkit.toml"
    path.write_text(path.read_text().replace("[system]\n", f'[system]\nmodel = "{address}"\n'))
    if not said:
        assert run("check-config", "..").exit_code == 0, "neither the environment nor the network is asked"
        return
    found = errors("check-config", "..")
    assert [line[: len(start)] for line, start in zip(found, said, strict=True)] == said
    assert [line for line in errors("audit", "..") if line.startswith(("model.", "system."))] == found


# Quiet and quick


def python_path():
    root = os.path.dirname(os.path.dirname(tk.__file__))
    return {**os.environ, "PYTHONPATH": root}


@pytest.mark.parametrize("arguments", [["--help"], ["audit", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments):
    code = (
        "import sys, trustkit.cli\n"
        f"sys.argv = ['trustkit', *{arguments}]\n"
        "try:\n    trustkit.cli.main()\nexcept SystemExit as left:\n    assert not left.code\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=python_path()
    )
    assert done.stderr == "[]\n"
    assert done.stdout


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "colored"),
    [
        (Terminal, {}, True),
        (Terminal, {"NO_COLOR": "1"}, False),
        (Terminal, {"TERM": "dumb"}, False),
        (io.StringIO, {}, False),
    ],
)
def test_color_is_for_terminals_that_want_it(monkeypatch, log, stream, environment, colored):
    card = tk.audit(data=log.head(200), **ROLES, policy=BASELINE[1])
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    shown = stream()
    monkeypatch.setattr(sys, "stdout", shown)
    output.show(card, "text")
    assert ("\x1b[" in shown.getvalue()) == colored


@pytest.mark.parametrize(("stream", "said"), [(Terminal, "\rpredict: 2 of 3"), (io.StringIO, "")])
def test_progress_is_told_where_somebody_waits(monkeypatch, stream, said):
    shown = stream()
    monkeypatch.setattr(sys, "stderr", shown)
    clock = iter([0.0, 0.1, 0.5, 0.5, 0.6, 1.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    with output.progress(quiet=False) as report:
        for done in (1, 2, 3):
            report("predict", done, 3)
    assert shown.getvalue().strip(" \r") == said.strip(" \r")
    with output.progress(quiet=True) as report:
        assert report is None
