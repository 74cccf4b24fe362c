"""Formats: each valid by its schema, complete, inert whatever the data says, and at the right line."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import time
import tomllib
import uuid
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
import xmlschema
from click.testing import CliRunner
from google.protobuf import json_format
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from referencing import Registry, Resource

import trustkit as tk
from trustkit.cli import app
from trustkit.commands.places import lines_of, places_of
from trustkit.config import Config
from trustkit.renderers import FILES, FORMATS, SUFFIXES, format_of, render, sarif, save
from trustkit.renderers.github import MOST_ANNOTATIONS, SUMMARY_BYTES, summary
from trustkit.renderers.intoto import statement
from trustkit.renderers.results import Places, results
from trustkit.renderers.sarif import MOST_RESULTS
from trustkit.scorecard import Verdict

HERE = Path(__file__).parent
SCHEMAS = HERE / "schemas"
OLD = HERE / "cards" / "decision-log.json"
EXAMPLES = HERE.parent / "examples"
AS_OF = "2026-11-24"
HOSTILE = [
    "=cmd|' /C calc'!A0",
    "::error file=x::##[set-output name=x]y",
    "x](http://evil.example) <script>\x1b[31m\x07\n\r\u202e]]>&",
    "%0A::warning::%25",
]
LEVEL = {"fail": "error", "error": "error", "inconclusive": "warning", "not_assessed": "note"}


def audited(rates, groups=("F", "M"), rows=150, **keys):
    chosen = np.repeat(np.arange(len(groups)), rows)
    decided = np.concatenate([np.arange(rows) < rate * rows for rate in rates]).astype(int)
    frame = pd.DataFrame({"group": np.array(groups, dtype=object)[chosen], "decision": decided})
    given = {"prediction": "decision", "favorable": 1, "sensitive": ["group"], "as_of": AS_OF}
    return tk.audit(data=frame, **{**given, **keys})


def waiver(**keys):
    given = {"reason": "remediation-planned", "note": "a | pilot\n", "by": "me", "expires": "2026-12-31"}
    return {**given, **keys}


@pytest.fixture(scope="module")
def cards():
    """Cards that differ in what they hold."""
    attested = {"TK-SAF-01": {"statement": "screened", "by": "me", "on": "2026-10-01"}}
    waived = [waiver(control="TK-FAI-02")]
    scores = pd.DataFrame(
        {"g": ["a", "b"] * 50, "y": [0, 1] * 50, "d": [0, 1, 1, 0] * 25, "s": [0.5, 2] * 50}
    )
    made = {
        "old": tk.Scorecard.load(OLD),
        "whole": audited([0.2, 0.6], name="A & B", version="1", attestations=attested, waivers=waived),
        "security": audited([0.2, 0.6], require=["TK-SEC-05"]),
        "hostile": audited([0.05, 0.7, 0.7, 0.7], HOSTILE, name=HOSTILE[2], purpose=HOSTILE[0]),
        "raised": tk.audit(data=scores, target="y", prediction="d", score="s", sensitive=["g"]),
        "partial": audited([0.6, 0.6], only=["bias/selection-rate"], policy="fairness-baseline"),
    }
    small = {"policy": "fairness-baseline"}
    made["worse"] = audited([0.2, 0.6], baseline=audited([0.58, 0.6], rows=2000, **small), **small)
    made["known"] = audited([0.2, 0.6], baseline=audited([0.2, 0.6], **small), **small)
    made["within"] = audited(
        [0.54, 0.6], rows=4000, baseline=audited([0.6, 0.6], rows=4000, **small), **small
    )
    fault = (
        made["raised"]
        .findings[0]
        .model_copy(
            update={
                "id": "plugin:broken:",
                "check": "broken",
                "verdict": Verdict.ERROR,
                "why": "x\nValueError: y",
            }
        )
    )
    findings = (*made["old"].findings, fault)
    made["plugin"] = made["old"].model_copy(update={"findings": findings})
    return made


@pytest.fixture(
    params=[
        "old", "whole", "security", "hostile", "raised", "partial", "worse", "known", "within", "plugin",
    ]
)  # fmt: skip
def card(request, cards):
    return cards[request.param]


def schema(name):
    return json.loads((SCHEMAS / name).read_text(encoding="utf-8"))


def validator(name, *references):
    of = schema(name)
    base = of.get("$id", of.get("id", "")).rsplit("/", 1)[0]
    resources = [(f"{base}/{other}", Resource.from_contents(schema(other))) for other in references]
    kind = jsonschema.validators.validator_for(of)
    return kind(of, registry=Registry().with_resources(resources), format_checker=kind.FORMAT_CHECKER)


@pytest.fixture(scope="module")
def valid():
    """By format: a function that raises where a text is not valid."""
    sarif = validator("sarif-2.1.0-rtm.5.json")
    bom = validator(
        "bom-1.6.SNAPSHOT.schema.json", "spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json"
    )
    quality = validator("gitlab-code-quality.json")
    suites = xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd")

    def in_toto(text):
        Statement.copy_from_pb(json_format.Parse(text, statement_pb2.Statement())).validate()
        result = json_format.ParseDict(json.loads(text)["predicate"], test_result_pb2.TestResult())
        assert result.result in ("PASSED", "WARNED", "FAILED")
        assert result.configuration

    return {
        "sarif": lambda text: sarif.validate(json.loads(text)),
        "cyclonedx": lambda text: bom.validate(json.loads(text)),
        "gitlab": lambda text: quality.validate(json.loads(text)),
        "junit": lambda text: suites.validate(io.BytesIO(text.encode())),
        "intoto": in_toto,
    }


@pytest.mark.parametrize("format", ["sarif", "cyclonedx", "gitlab", "junit", "intoto"])
def test_each_format_is_valid_by_its_schema(card, format, valid):
    valid[format](render(card, format))


@pytest.mark.parametrize(
    ("format", "right", "wrong"),
    [
        ("sarif", '"level": "error"', '"level": "bad"'),
        ("sarif", '"startLine": 1', '"startLine": 0'),
        ("cyclonedx", '"score": 0\n', '"score": 3\n'),
        ("cyclonedx", '"groupAtRisk"', '"group"'),
        ("gitlab", '"severity": "blocker"', '"severity": "fatal"'),
        ("junit", "<failure ", "<fail "),
        ("intoto", '"result": "FAILED"', '"result": "BAD"'),
        ("intoto", '"subject"', '"subjects"'),
    ],
)
def test_the_schemas_refuse_what_is_wrong(cards, format, right, wrong, valid):
    text = render(cards["hostile"], format)
    assert right in text
    broken = text.replace(right, wrong).replace(
        "</failure>", "</fail>" if "<fail " in wrong else "</failure>"
    )
    with pytest.raises(
        (jsonschema.ValidationError, xmlschema.XMLSchemaException, AssertionError, json_format.ParseError)
    ):
        valid[format](broken)


def test_every_suffix_is_a_format_that_is_written(cards, tmp_path):
    assert set(SUFFIXES.values()) == {*FORMATS, *FILES} - {"github"}
    for suffix, format in SUFFIXES.items():
        assert format_of(f"a/Card.v2{suffix.upper()}") == format
        cards["whole"].save(tmp_path / f"card{suffix}")
        assert (tmp_path / f"card{suffix}").read_text(encoding="utf-8") == render(cards["whole"], format)


@pytest.mark.parametrize(
    ("name", "suffix", "nearest"),
    [
        ("a.sarfi", ".sarfi", ".sarif"),
        ("a.gitlab.jsn", ".jsn", ".json"),
        ("a.gitlb.json", ".gitlb.json", ".gitlab.json"),
        ("a.cxd.json", ".cxd.json", ".cdx.json"),
        ("a.in-toto.json", ".in-toto.json", ".intoto.json"),
        ("sarif", "", None),
    ],
)
def test_a_slip_in_a_suffix_names_the_nearest(name, suffix, nearest):
    with pytest.raises(tk.ConfigError) as caught:
        format_of(name)
    (problem,) = caught.value.problems
    assert problem.found.startswith(f"no format has the suffix {suffix!r}; there are .html, .json")
    assert problem.nearest == nearest


@pytest.mark.parametrize("name", ["card.v2.json", "audit.2026-11.json", "my.card.json", "json.json", ".json"])
def test_a_name_with_dots_is_json_all_the_same(name):
    assert format_of(name) == "json"


def test_an_unknown_format_names_the_nearest(cards):
    with pytest.raises(tk.ConfigError, match="did you mean 'sarif'") as caught:
        render(cards["whole"], "sarf")
    assert "cyclonedx, intoto" in caught.value.problems[0].found


# The card alone


@pytest.mark.parametrize("format", [*FORMATS, *FILES])
def test_a_format_is_the_same_from_the_cards_json_and_the_next_time(card, format):
    page = render(card, format)
    assert page == render(card, format)
    assert page == render(tk.Scorecard.model_validate_json(card.to_json()), format)
    assert page.endswith("\n") or (format == "github" and not page)


@pytest.mark.parametrize("format", [*FORMATS, *FILES])
def test_a_card_of_an_older_release_renders(format):
    data = json.loads(OLD.read_text(encoding="utf-8"))
    assert "evidence_class" not in data["controls"][0]
    said = "no figures of bias/impact-ratio" if format == "impact_ratio" else "TK-FAI-02"
    assert said in render(tk.Scorecard.load(OLD), format)


def test_a_card_of_an_older_release_renders_to_the_same_text():
    assert render(tk.Scorecard.load(OLD)) == OLD.with_suffix(".txt").read_text(encoding="utf-8")


def test_a_card_of_a_later_release_renders_without_what_is_unknown(card):
    data = json.loads(card.to_json())
    for part in (data, data["run"], data["gate"], *data["controls"], *data["findings"], *data["policies"]):
        part["later"] = {"anything": [1, None]}
    later = tk.Scorecard.model_validate(data)
    for format in (*FORMATS, *FILES):
        assert render(later, format) == render(card, format)


# Results


def test_all_that_is_not_passed_is_told_and_worst_first(card):
    found = results(card)
    told = {(result.rule, result.finding.id if result.finding else None) for result in found}
    assert len(told) == len(found)
    for control in card.controls:
        mine = card.findings_of(control)
        back = {f.id for f in mine if f.verdict in LEVEL or (f.baseline and f.baseline.worse)}
        assert {(control.id, id) for id in back} <= told
        stops = control.verdict in LEVEL or control.id in card.gate.blocking
        assert (control.id in {rule for rule, _ in told}) == stops
    order = [("error", "warning", "note").index(result.level) for result in found]
    assert order == sorted(order)


def test_fingerprints_are_unique_and_stay_when_figures_move(cards):
    before, after = audited([0.2, 0.6]), audited([0.25, 0.7], rows=160)
    assert [f.estimate for f in before.findings] != [f.estimate for f in after.findings]
    prints = [{r.fingerprint for r in results(one)} for one in (before, after)]
    assert prints[0] == prints[1]
    for one in cards.values():
        assert len({r.fingerprint for r in results(one)}) == len(results(one))


def test_a_fingerprint_stays_when_a_verdict_or_a_line_moves():
    failed, unsure = audited([0.2, 0.6]), audited([0.5, 0.6], rows=60)
    (id,) = {f.id for f in failed.findings if f.verdict == "fail"}
    there = Places("trustkit.toml", {("policy", "use"): 7})
    one, two = (
        next(r for r in results(card, places) if r.finding and r.finding.id == id)
        for card, places in ((failed, None), (unsure, there))
    )
    assert (one.verdict, two.verdict) == ("fail", "inconclusive")
    assert (one.line, two.line) == (1, 7)
    assert one.fingerprint == two.fingerprint


# SARIF


def test_sarif_has_a_rule_a_control_with_help_and_related_clauses(card):
    (run,) = json.loads(render(card, "sarif"))["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules if rule["id"] != "plugin"] == [c.id for c in card.controls]
    taxonomies = {taxonomy["name"]: taxonomy for taxonomy in run["taxonomies"]}
    supported = run["tool"]["driver"]["supportedTaxonomies"]
    assert [(t["name"], t["guid"]) for t in supported] == [(t["name"], t["guid"]) for t in run["taxonomies"]]
    for control, rule in zip(card.controls, rules, strict=False):
        assert "**Requirement**: " in rule["help"]["markdown"]
        assert rule["help"]["text"].startswith("Requirement: ")
        related = {(r["target"]["toolComponent"]["name"], r["target"]["id"]) for r in rule["relationships"]}
        assert related >= {(text, clause) for text, all in control.crosswalk.items() for clause in all}
        for text, clause in related:
            assert clause in {taxon["id"] for taxon in taxonomies[text]["taxa"]}
        assert ("security-severity" in rule["properties"]) == (control.area == "security")
        assert len(rule["properties"]["tags"]) <= 20
    if "A/RES/78/265" in taxonomies:
        assert {"nist-ai-rmf", "eu-ai-act"} <= set(taxonomies)
        assert "6(h)" in {taxon["id"] for taxon in taxonomies["A/RES/78/265"]["taxa"]}


def test_sarif_results_have_the_level_of_their_verdict(card):
    (run,) = json.loads(render(card, "sarif"))["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(run["results"]) == len(results(card))
    for result in run["results"]:
        worse = "worse than the baseline" in result["message"]["text"]
        assert result["level"] == ("error" if worse else LEVEL[result["properties"]["verdict"]])
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert set(result["partialFingerprints"]) == {"primaryLocationLineHash", "trustkitFinding/v1"}
        assert "](" not in result["message"]["text"]
        assert result["message"]["text"].isprintable() or "\n" in result["message"]["text"]
    raised = any(finding.verdict == "error" for finding in card.findings)
    assert run["invocations"][0]["executionSuccessful"] is not raised
    assert run["automationDetails"]["id"].startswith("trustkit/")


def test_sarif_suppresses_what_is_waived_and_nothing_else(cards):
    (run,) = json.loads(render(cards["whole"], "sarif"))["runs"]
    assert cards["whole"].gate.waived == ("TK-FAI-02",)
    for result in run["results"]:
        if result["ruleId"] == "TK-FAI-02":
            (suppression,) = result["suppressions"]
            assert suppression["kind"] == "external"
            assert suppression["status"] == "accepted"
            assert suppression["justification"].startswith("waived until 2026-12-31 by me: remediation-")
        else:
            assert result["suppressions"] == []
    assert sum(bool(result["suppressions"]) for result in run["results"]) >= 1


def test_what_is_worse_than_the_baseline_is_told_and_what_is_known_is_shown_as_such(cards):
    def told(name):
        (run,) = json.loads(render(cards[name], "sarif"))["runs"]
        (ratio,) = (r for r in run["results"] if r["ruleId"] == "TK-FAI-02" and r["level"] == "error")
        (level, message), *_ = (
            (level, message)
            for level, _, _, title, message in annotations(render(cards[name], "github"))
            if title.startswith("TK-FAI-02")
        )
        (issue,) = (
            i for i in json.loads(render(cards[name], "gitlab")) if i["fingerprint"] == fingerprint(ratio)
        )
        _, found = cases(cards[name])
        return ratio["baselineState"], level, message, issue["severity"], outcome(found["TK-FAI-02"])

    def fingerprint(result):
        return result["partialFingerprints"]["trustkitFinding/v1"]

    state, level, message, severity, case = told("worse")
    assert (state, level, severity, case.tag) == ("new", "error", "blocker", "failure")
    assert message.startswith("fail, worse than the baseline: bias/selection-rate ratio")
    assert case.get("message") == "fail, worse than the baseline, and blocks the gate"
    state, level, message, severity, case = told("known")
    assert (state, level, severity, case.tag) == ("unchanged", "notice", "info", "skipped")
    assert message.endswith("known from the baseline, and not worse")
    assert case.get("message") == "fail, known from the baseline, and not worse"
    state, level, message, severity, case = told("within")
    assert cards["within"].gate.blocking == ("TK-FAI-02",)
    assert (state, level, severity, case.tag) == ("new", "error", "blocker", "failure")
    assert message.startswith("pass, worse than the baseline: bias/selection-rate ratio")
    assert case.get("message") == "pass, worse than the baseline, and blocks the gate"
    assert "bias/selection-rate ratio" in case.text


def test_sarif_keeps_the_worst_within_githubs_limit(cards, monkeypatch):
    assert MOST_RESULTS == 25_000
    monkeypatch.setattr(sarif, "MOST_RESULTS", 5)
    whole, cut = results(cards["old"]), json.loads(render(cards["old"], "sarif"))["runs"][0]
    assert [result["properties"]["id"] for result in cut["results"]] == [r.finding.id for r in whole[:5]]
    assert {result["level"] for result in cut["results"]} == {"error"}
    assert cut["properties"]["resultsLeftOff"] == len(whole) - 5 > 0


# Places

DOTTED = """
policy.use = ["fairness-baseline"]
limits."bias/selection-rate".min_ratio = 0.8
[data]
audit = "log.csv"
target = "y"
prediction = "d"
sensitive = [
  "sex",  # a ] in a comment
]
"""
INLINE = """
limits = { "bias/selection-rate" = { min_ratio = 0.8 }, "bias/error-rates" = { max_tpr_difference = 0.2 } }
[data]
audit = "log.csv"
target = "y"
prediction = "d"
sensitive = ["sex"]
[policy]
alpha = 0.05
use = ["fairness-baseline"]
"""
TABLES = '''
[system]
purpose = """
[limits."bias/selection-rate"]
min_ratio = 0.1
"""
[limits.'bias/selection-rate'] # min_ratio
# min_ratio = 0.7
min_ratio = 0.8
[[waivers]]
control = "TK-FAI-03"
reason = "accepted-risk"
note = "n"
by = "b"
expires = 2026-12-31
[policy]
use = ["fairness-baseline"]
[data]
audit = "log.csv"
target = "y"
prediction = "d"
sensitive = ["sex"]
'''


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A repository whose audit fails by the selection rate."""
    rows = 300
    frame = pd.DataFrame({"sex": ["F", "M"] * rows})
    frame["y"] = np.arange(2 * rows) // 2 % 2
    frame["d"] = np.where(frame["sex"] == "F", np.arange(2 * rows) % 10 < 2, np.arange(2 * rows) % 10 < 7) * 1
    frame.to_csv(tmp_path / "log.csv", index=False)
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_WORKSPACE", "GITHUB_STEP_SUMMARY", "CI_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def run(*arguments, status=0):
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert result.exit_code == status, result.output
    return result


def located(path):
    """By rule and metric: the file and the line that results of a SARIF file point at."""
    (log,) = json.loads(path.read_text(encoding="utf-8"))["runs"]
    found = {}
    for result in log["results"]:
        where = result["locations"][0]["physicalLocation"]
        metric = result["properties"].get("id", "::").split(":")[1]
        found[result["ruleId"], metric] = where["artifactLocation"]["uri"], where["region"]["startLine"]
    return found


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("trustkit.toml", DOTTED),
        ("trustkit.toml", INLINE),
        ("trustkit.toml", TABLES),
        ("trustkit.toml", TABLES.replace("\n", "\r\n")),
        ("pyproject.toml", "[project]\nname = 'x'\nversion = '1'\n[tool.trustkit.system]\nname = 'x'\n"
         + re.sub(r"(?m)^(\[+)(?!limits)", r"\1tool.trustkit.", TABLES.replace("[system]", "[system2]")
                  .split("[system2]")[1].split('"""\n')[2]).replace("[limits", "[tool.trustkit.limits")),
    ],
    ids=["dotted", "inline", "tables", "windows", "pyproject"],
)  # fmt: skip
def test_results_point_at_the_key_that_sets_their_claim(project, name, text):
    (project / "sub").mkdir()
    (project / "log.csv").rename(project / "sub" / "log.csv")
    (project / "sub" / name).write_text(text, encoding="utf-8", newline="")
    run("audit", "sub", "-o", "card.sarif", "--as-of", AS_OF, status=1)
    lines = text.splitlines()
    file, line = located(project / "card.sarif")["TK-FAI-02", "ratio"]
    assert file == f"sub/{name}"
    assert "min_ratio = 0.8" in lines[line - 1]
    (file, line) = located(project / "card.sarif")["TK-FAI-03", "tpr_difference"]
    assert ("max_tpr_difference" if "max_tpr" in text else "use = ") in lines[line - 1]


def test_the_lines_follow_the_keys_and_the_fingerprints_stay(project):
    prints = []
    for text in (TABLES, "\n\n# moved\n" + TABLES):
        (project / "trustkit.toml").write_text(text)
        run("audit", "-o", "card.sarif", "--as-of", AS_OF, status=1)
        (log,) = json.loads((project / "card.sarif").read_text())["runs"]
        prints.append([result["partialFingerprints"] for result in log["results"]])
        _, line = located(project / "card.sarif")["TK-FAI-02", "ratio"]
        assert text.splitlines()[line - 1] == "min_ratio = 0.8"
    assert prints[0] == prints[1]


def test_documents_and_attestations_have_their_own_lines():
    config = EXAMPLES / "income" / "trustkit.toml"
    later = "2028-12-01"  # the documents are out of date
    card = tk.audit(config=Config.read(config), as_of=later, only=["TK-SAF-02"])
    places = places_of(Config.read(config))
    result = next(result for result in results(card, places) if result.rule == "TK-SAF-02")
    assert "risk-register = " in config.read_text().splitlines()[result.line - 1]
    attested = Places("trustkit.toml", {("attestations", "TK-SAF-01"): 9, ("policy",): 3})
    lines = {result.rule: result.line for result in results(audited([0.6, 0.6]), attested)}
    assert lines["TK-SAF-01"] == 9
    assert lines["TK-SEC-05"] == 3


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/trustkit.toml")), ids=lambda path: path.parent.name)
def test_every_key_of_a_file_has_the_line_that_names_it(path):
    text = path.read_text(encoding="utf-8")
    lines = lines_of(text)

    def keys(table, above=()):
        for name, value in table.items():
            yield (*above, name)
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, dict):
                    yield from keys(part, (*above, name))

    assert set(lines) == set(keys(tomllib.loads(text)))
    for key, line in lines.items():
        assert key[-1] in text.split("\n")[line - 1]


def test_lines_are_found_in_a_long_file_within_a_second():
    columns = "".join(f'  "column [{i}]",\n' for i in range(1000))
    text = (
        "".join(f"[a{i}]\nkey = {i}\n" for i in range(2000)) + f"[data]\nfeatures = [\n{columns}]\nlast = 1\n"
    )
    started = time.perf_counter()
    lines = lines_of(text)
    assert time.perf_counter() - started < 1
    assert lines["a1999", "key"] == 4000
    assert lines["data", "features"] == 4002
    assert lines["data", "last"] == 5004


def test_a_host_names_the_root_and_what_is_outside_goes_by_its_name(project, monkeypatch):
    (project / "sub").mkdir()
    (project / "trustkit.toml").write_text(INLINE)
    monkeypatch.chdir(project / "sub")
    assert places_of(Config.read(project / "trustkit.toml")).file == "trustkit.toml"
    monkeypatch.setenv("CI_PROJECT_DIR", str(project.parent))
    assert places_of(Config.read(project / "trustkit.toml")).file == f"{project.name}/trustkit.toml"
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project))
    assert places_of(Config.read(project / "trustkit.toml")).file == "trustkit.toml"


def test_a_link_keeps_its_name_within_the_repository(project, monkeypatch):
    (project / "real").mkdir()
    (project / "real" / "trustkit.toml").write_text(INLINE)
    (project / "linked").symlink_to(project / "real")
    assert places_of(Config.read("linked")).file == "linked/trustkit.toml"
    (project / "elsewhere").symlink_to(project)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project / "elsewhere"))
    assert places_of(Config.read(project / "real")).file == "real/trustkit.toml"


def test_without_a_configuration_the_data_is_pointed_at(project):
    options = ["--data", "log.csv", "--target", "y", "--prediction", "d", "--sensitive", "sex"]
    run("audit", *options, "-o", "card.sarif", status=1)
    assert set(located(project / "card.sarif").values()) == {("log.csv", 1)}


def test_several_files_at_once_and_again_from_the_card(project):
    (project / "trustkit.toml").write_text(INLINE)
    names = [f"card{suffix}" for suffix in SUFFIXES]
    outputs = [part for name in names for part in ("-o", name)]
    run("audit", ".", *outputs, "--quiet", "--as-of", AS_OF, status=1)
    written = {name: (project / name).read_bytes() for name in names}
    for name in names[2:]:
        (project / name).unlink()
    run("render", "card.json", "--config", "trustkit.toml", *outputs)
    assert {name: (project / name).read_bytes() for name in names} == written
    run("render", "card.json", "-o", "card.sarif")
    assert set(located(project / "card.sarif").values()) == {("trustkit.toml", 1)}
    shown = run("render", "card.json", "--config", "trustkit.toml", "--format", "github").stdout
    assert "::error file=trustkit.toml,line=2,title=TK-FAI-02 Outcome disparity::fail: bias/sel" in shown


def test_render_tells_a_configuration_that_is_wrong(project):
    (project / "trustkit.toml").write_text(INLINE)
    run("audit", ".", "-o", "card.json", status=1)
    (project / "trustkit.toml").write_text("[polcy]\n")
    result = run("render", "card.json", "--config", "trustkit.toml", "-o", "card.sarif", status=2)
    assert "polcy: unknown key; did you mean 'policy'?" in result.stderr
    assert not (project / "card.sarif").exists()


# JUnit


def cases(card):
    root = ET.fromstring(render(card, "junit"))  # noqa: S314 (our own text)
    return root, {case.get("name").split()[0]: case for case in root.iter("testcase")}


def outcome(case):
    return next((part for part in case if part.tag != "system-out"), None)


def test_junit_has_one_case_a_control(card):
    root, found = cases(card)
    assert {control.id for control in card.controls} <= set(found)
    for control in card.controls:
        told = outcome(found[control.id])
        known = card.gate.baseline is not None and control.id in card.gate.baseline.known
        if control.verdict == "error":
            assert told.tag == "error"
        elif control.id in card.gate.blocking:
            assert told.tag == "failure"
        elif control.verdict == "pass":
            assert told is None
        elif control.verdict == "fail" and control.waiver is None and not known:
            assert told.tag == "failure"
        else:
            assert told.tag == "skipped"
            assert told.get("message")
        claims = [f for f in card.findings_of(control) if f.limit is not None]
        said = found[control.id].findtext("system-out", "").splitlines()
        assert len(said) == len(claims)
    for name in ("tests", "failures", "errors"):
        assert int(root.get(name)) == sum(int(suite.get(name)) for suite in root)
    assert int(root.get("tests")) == len(list(root.iter("testcase")))
    for suite in root:
        facts = {p.get("name"): p.get("value") for p in suite.iter("property")}
        assert facts["digest"] == card.digest
        assert int(suite.get("skipped")) == len(list(suite.iter("skipped")))


def test_junit_tells_waivers_attestations_and_required_controls(cards):
    _, found = cases(cards["whole"])
    assert outcome(found["TK-FAI-02"]).get("message").startswith("fail, waived until 2026-12-31 by me")
    assert outcome(found["TK-SAF-01"]).tag == "skipped"
    assert outcome(found["TK-SAF-01"]).get("message").startswith("attested by me on 2026-10-01")
    _, found = cases(cards["security"])
    assert outcome(found["TK-SEC-05"]).tag == "failure"
    assert "blocks the gate; needs: an attestation" in outcome(found["TK-SEC-05"]).get("message")
    _, found = cases(cards["plugin"])
    assert outcome(found["broken"]).get("message") == "ValueError: y"


# GitLab


def test_gitlab_orders_by_severity_and_lets_waivers_be(cards):
    issues = json.loads(render(cards["whole"], "gitlab"))
    assert len({issue["fingerprint"] for issue in issues}) == len(issues) == len(results(cards["whole"]))
    by_check = {issue["check_name"]: issue for issue in issues}
    assert by_check["TK-FAI-02"]["severity"] == "info"
    assert "waived until 2026-12-31 by me" in by_check["TK-FAI-02"]["description"]
    assert by_check["TK-SEC-05"]["severity"] == "info"
    assert {i["severity"] for i in json.loads(render(cards["old"], "gitlab"))} == {
        "blocker", "critical", "minor", "info",
    }  # fmt: skip


# GitHub

COMMAND = re.compile(r"::(error|warning|notice) file=([^,:]+),line=(\d+),title=([^,:]*)::(.*)")


def annotations(text):
    """Annotations as the runner reads them: level, file, line, title, message."""
    found = []
    for line in text.splitlines():
        level, file, number, title, message = COMMAND.fullmatch(line).groups()
        for code, mark in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
            title = title.replace(code, mark)
            message = message.replace(code, mark) if mark not in ":," else message
        found.append((level, file, int(number), title, message))
    return found


def test_github_has_an_annotation_a_control_within_its_limit(card):
    found = annotations(render(card, "github"))
    for level in ("error", "warning", "notice"):
        assert sum(one[0] == level for one in found) <= MOST_ANNOTATIONS
    lifted = {*card.gate.waived, *(card.gate.baseline.known if card.gate.baseline else ())}
    failed = [c.id for c in card.controls if c.verdict in ("fail", "error") and c.id not in lifted]
    told = [title.split()[0] for level, _, _, title, _ in found if level == "error"]
    assert set(failed) <= set(told) or len(failed) > MOST_ANNOTATIONS
    assert len(told) == len(set(told))


def test_github_counts_what_it_leaves_off(cards):
    found = annotations(render(cards["whole"], "github"))
    notices = [message for level, _, _, _, message in found if level == "notice"]
    open_ = sum(control.verdict == "not_assessed" for control in cards["whole"].controls)
    assert open_ > MOST_ANNOTATIONS
    assert len(notices) == MOST_ANNOTATIONS
    left = open_ + 1 - (MOST_ANNOTATIONS - 1)  # and the waived control
    assert notices[-1] == f"{left} more controls: see the job summary"


def test_github_escapes_what_would_end_a_command(cards):
    text = render(cards["hostile"], "github", places=Places("a,b:c%\n.toml"))
    assert text.count("\n") == len(text.splitlines())
    first = text.splitlines()[0]
    assert first.startswith("::error file=a%2Cb%3Ac%25%0A.toml,line=1,title=TK-FAI-02 Outcome disparity::")
    assert "%250A::warning::%2525" in text
    assert not re.search(r"[^\n\x20-\x7e]", text)


def test_under_github_actions_annotations_and_summary_come_by_themselves(project, monkeypatch):
    (project / "trustkit.toml").write_text(INLINE)
    plain = run("audit", "--quiet", "--as-of", AS_OF, status=1)
    assert "::error" not in plain.output
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project / "summary.md"))
    (project / "summary.md").write_text("before\n")
    result = run("audit", "--quiet", "--as-of", AS_OF, "--format", "json", "-o", "card.json", status=1)
    assert tk.Scorecard.model_validate_json(result.stdout_bytes) == tk.Scorecard.load("card.json")
    told = annotations(result.stderr)
    assert ("error", "trustkit.toml", 2) in [one[:3] for one in told]
    page = (project / "summary.md").read_text(encoding="utf-8")
    assert page == "before\n" + render(tk.Scorecard.load("card.json"), "md")
    shown = run("audit", "--quiet", "--as-of", AS_OF, "--format", "github", status=1)
    assert annotations(shown.stdout) == told
    assert shown.stderr == ""


def test_a_summary_that_cannot_be_written_changes_no_status(project, monkeypatch):
    (project / "trustkit.toml").write_text(INLINE)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project))
    result = run("audit", "--quiet", "--fail-on", "never")
    assert "warning: the job summary could not be written: " in result.stderr


def test_no_label_commands_the_runner(project, monkeypatch):
    frame = pd.read_csv("log.csv")
    labels = {"F": "##[set-output name=x]y", "M": "a\n::error::" + "long " * 12 + "::error::x"}
    frame["sex"] = frame["sex"].map(labels)
    frame.to_csv("log.csv", index=False)
    (project / "trustkit.toml").write_text(INLINE)
    loud = run("audit", "--quiet", "--as-of", AS_OF, status=1).stdout
    assert "##[set-output" in loud
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    for format in ("text", "md", "json"):
        shown = run("audit", "--quiet", "--as-of", AS_OF, "--format", format, status=1).stdout
        assert "##[" not in shown
        assert not re.search(r"(?m)^\s*::", shown)
    assert "##[set-output name=x]y" in json.loads(shown)["findings"][-1]["id"] + str(json.loads(shown))


def test_a_summary_is_cut_before_a_heading_and_says_so(cards):
    card = cards["whole"]
    page = render(card, "md")
    assert summary(card) == page
    assert len(page) < SUMMARY_BYTES
    cut = summary(card, len(page) // 2)
    assert len(cut.encode()) <= len(page) // 2
    head, _, note = cut.rpartition("\n\n")
    assert note.startswith("**Cut here**")
    assert page.startswith(head + "\n\n#")
    assert summary(card, 100) == ""
    assert summary(card, -5) == ""


# CSV


def table(card):
    return list(csv.DictReader(io.StringIO(render(card, "csv"))))


def test_csv_has_a_line_a_finding_with_its_numbers(card):
    rows = table(card)
    assert [row["verdict"] for row in rows] == [finding.verdict for finding in card.findings]
    assert render(card, "csv").count("\n") == len(rows) + 1
    for row, finding in zip(rows, card.findings, strict=True):
        low, high = finding.interval or (None, None)
        for name, value in (("estimate", finding.estimate), ("low", low), ("high", high), ("n", finding.n)):
            assert (float(row[name]) if row[name] else None) == value
        settled = [c.id for c in card.controls if finding in card.findings_of(c)]
        assert set(row["controls"].split()) <= set(settled)
    frame = pd.read_csv(io.StringIO(render(card, "csv")))
    assert len(frame) == len(card.findings)
    assert frame["estimate"].dtype == float


def test_no_cell_is_a_formula_and_no_number_is_text(cards):
    for card in cards.values():
        for row in csv.reader(io.StringIO(render(card, "csv"))):
            for cell in row:
                number = re.fullmatch(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", cell)
                assert number or not cell.startswith(tuple("=+-@＝＋－＠\t\r")), cell  # noqa: RUF001
                assert cell.isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"), ("-2+3", "'-2+3"), ("@SUM(A1)", "'@SUM(A1)"), ("+x", "'+x"), ("＝A1", "'＝A1"),  # noqa: RUF001
        ("-0.5", "-0.5"), ("+1e-3", "+1e-3"), ("-", "'-"), ("a=b", "a=b"), ("\t=1", "\\t=1"), ("'=1", "'=1"),
    ],
)  # fmt: skip
def test_a_cell_that_would_be_a_formula_is_text(cards, text, shown):
    card = cards["old"]
    first = card.findings[0].model_copy(update={"message": text})
    rows = table(card.model_copy(update={"findings": (first, *card.findings[1:])}))
    assert rows[0]["message"] == shown


# CycloneDX


def test_cyclonedx_has_the_figures_with_their_intervals_and_groups(card):
    bom = json.loads(render(card, "cyclonedx"))
    model = bom["metadata"]["component"]["modelCard"]
    metrics = model["quantitativeAnalysis"]["performanceMetrics"]
    sampled = [finding for finding in card.findings if finding.interval is not None]
    assert len(metrics) == len(sampled)
    for metric, finding in zip(metrics, sampled, strict=True):
        assert metric["type"] == f"{finding.check} {finding.metric}"
        assert (float(metric["value"]) if "value" in metric else None) == finding.estimate
        low = metric["confidenceInterval"].get("lowerBound")
        assert (None if low is None else float(low)) == finding.interval[0]
        assert ("slice" in metric) == bool(finding.subject)
    failed = [f for f in card.findings if f.verdict == "fail" and "groups" in f.subject]
    assert len(model["considerations"].get("fairnessAssessments", [])) == len(failed)
    uuid.UUID(bom["serialNumber"].removeprefix("urn:uuid:"))


def test_cyclonedx_declares_each_verdict_and_claims_nothing_unseen(card):
    bom = json.loads(render(card, "cyclonedx"))
    (standard,) = bom["definitions"]["standards"]
    assert [r["identifier"] for r in standard["requirements"]] == [c.id for c in card.controls]
    declared = bom["declarations"]
    refs = {part["bom-ref"] for part in (*declared["claims"], *declared["evidence"])}
    assert len(refs) == len(declared["claims"]) + len(declared["evidence"])
    (attestation,) = declared["attestations"]
    for control, mapped in zip(card.controls, attestation["map"], strict=True):
        score = {"pass": 1, "fail": 0}.get(control.verdict)
        assert mapped["conformance"].get("score") == score
        assert mapped["conformance"]["rationale"].startswith(control.verdict.replace("_", " "))
        assert bool(mapped["claims"]) == (control.verdict not in ("not_assessed", "not_applicable"))
        if "confidence" in mapped:
            assert mapped["confidence"]["score"] == pytest.approx(1 - card.alpha)
        assert set(mapped["claims"]) <= refs
    for claim in declared["claims"]:
        assert {*claim.get("evidence", ()), *claim.get("counterEvidence", ())} <= refs
    assert "no statement of compliance" in attestation["summary"]


def test_cyclonedx_names_the_files_with_their_digests(cards):
    card = cards["old"]
    (data,) = json.loads(render(card, "cyclonedx"))["components"]
    (read,) = card.run.inputs
    assert data["type"] == "data"
    assert data["hashes"] == [{"alg": "SHA-256", "content": read.sha256}]


# in-toto


def test_intoto_binds_the_card_and_every_file(card, tmp_path):
    made = json.loads(render(card, "intoto"))
    subjects = {subject["name"]: subject["digest"] for subject in made["subject"]}
    card.save(tmp_path / "card.json")
    file = hashlib.sha256((tmp_path / "card.json").read_bytes()).hexdigest()
    assert subjects["scorecard.json"] == {
        "sha256": file,
        "trustkitScorecard1": card.digest.removeprefix("sha256:"),
    }
    for read in card.run.inputs:
        assert subjects[read.path] == {"sha256": read.sha256}
    assert made["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert statement(card, "ab" * 32)["subject"][0]["digest"]["sha256"] == "ab" * 32


def test_intoto_puts_each_control_in_one_list(card):
    predicate = json.loads(render(card, "intoto"))["predicate"]
    lists = [predicate[name] for name in ("passedTests", "warnedTests", "failedTests")]
    named = [id for each in lists for id in each]
    asked = [control.id for control in card.controls if control.verdict != "not_applicable"]
    assert sorted(named) == sorted(asked)
    verdicts = {control.id: control.verdict for control in card.controls}
    assert {verdicts[id] for id in predicate["passedTests"]} <= {"pass"}
    assert set(card.gate.blocking) <= set(predicate["failedTests"])
    assert not set(card.gate.waived) & set(predicate["failedTests"])
    assert (predicate["result"] == "FAILED") != card.gate.holds


def test_a_file_is_written_whole_or_not_at_all(cards, tmp_path):
    (tmp_path / "card.sarif").write_text("before")
    os.chmod(tmp_path / "card.sarif", 0o444)
    save(cards["partial"], tmp_path / "card.sarif", Places("x.toml"))
    assert "x.toml" in (tmp_path / "card.sarif").read_text()
    with pytest.raises(tk.ConfigError):
        save(cards["partial"], tmp_path / "no" / "card.sarif")
