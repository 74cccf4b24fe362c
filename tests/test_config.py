"""The configuration reads as the contract says, and everything wrong with it is named at once."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trustkit.config import SECTION_KEYS, Config, schema
from trustkit.errors import ConfigError, Problem

AS_OF = date(2026, 11, 23)

EXAMPLE = """
[system]
name = "Credit decisions"
version = "2026.1"
purpose = "Decide consumer credit applications"
owner = "credit-risk team"
model = "model.joblib"
trust = "sha256:..."
task = "binary"
sdg = ["8.10", "10.2"]
card = "MODEL_CARD.md"

[data]
audit = "audit.parquet"
train = "train.parquet"
population = "census.csv"
sample = "all decisions of March 2026"
target = "approved"
positive = 1
favorable = 1
prediction = "decision"
score = "probability"
features = ["..."]
sensitive = ["sex", "age"]
bins = { age = [25, 60] }
quasi_identifiers = ["age", "region", "sex"]
weight = "w"
unit = "customer_id"
time = "decided_at"

[policy]
use = ["unga-78-265"]
alpha = 0.05
fail_on = "fail"
require = ["bias"]
min_cell = 5
small_groups = "inconclusive"

[limits."bias/selection-rate"]
min_ratio = 0.8
[options."bias/error-rates"]
intersections = false

[attestations."TK-OVR-01"]
statement = "..."
by = "..."
on = 2026-11-01
expires = 2027-11-01
evidence = "docs/oversight.md"

[[waivers]]
control = "TK-FAI-02"
subject = { groups = { sex = "F" } }
check = "bias/selection-rate"
metric = "ratio"
reason = "remediation-planned"
note = "..."
by = "..."
expires = 2027-03-01
up_to = 0.7

[output]
files = ["scorecard.html", "scorecard.json"]
"""

WAIVER = {
    "control": "TK-FAI-02",
    "reason": "test-data",
    "note": "synthetic rows",
    "by": "A. Person",
    "expires": date(2027, 3, 1),
}
ATTESTATION = {"statement": "a person reviews", "by": "A. Person", "on": date(2026, 11, 1)}


def write(folder: Path, text: str, name: str = "trustkit.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def problems(**sections: Any) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        Config.of(as_of=AS_OF, **sections)
    return caught.value.problems


def read_problem(path: Path) -> Problem:
    with pytest.raises(ConfigError) as caught:
        Config.read(path, as_of=AS_OF)
    (problem,) = caught.value.problems
    return problem


# Reading


def test_the_example_of_the_contract_reads(tmp_path: Path) -> None:
    path = write(tmp_path, EXAMPLE)
    config = Config.read(path, as_of=AS_OF)
    assert (config.path, config.folder) == (path, tmp_path)
    assert config.system.name == "Credit decisions"
    assert config.system.sdg == ("8.10", "10.2")
    assert config.data.positive == 1
    assert config.data.favorable == 1
    assert config.data.bins == {"age": (25.0, 60.0)}
    assert config.policy.use == ("unga-78-265",)
    assert config.limits == {"bias/selection-rate": {"min_ratio": 0.8}}
    assert config.options == {"bias/error-rates": {"intersections": False}}
    assert config.attestations["TK-OVR-01"].expires == date(2027, 11, 1)
    assert config.waivers[0].subject == {"groups": {"sex": "F"}}
    assert config.waivers[0].up_to == 0.7
    assert config.output.files == ("scorecard.html", "scorecard.json")


def test_defaults() -> None:
    config = Config.of()
    assert (config.path, config.folder) == (None, Path())
    assert config.policy.use == ("unga-78-265",)
    assert (config.policy.fail_on, config.policy.min_cell) == ("fail", 5)
    assert (config.policy.small_groups, config.policy.alpha, config.policy.min_share) == (
        "inconclusive",
        None,
        None,
    )
    assert config.data.features is None
    assert (config.data.sensitive, config.data.bins, config.waivers) == ((), {}, ())
    assert config.missing_files() == []


def test_a_folder_is_read_from_trustkit_toml_before_pyproject_toml(tmp_path: Path) -> None:
    write(tmp_path, '[tool.trustkit.system]\nname = "from pyproject"', "pyproject.toml")
    assert Config.read(tmp_path).system.name == "from pyproject"
    assert Config.read(str(tmp_path / "pyproject.toml")).system.name == "from pyproject"
    write(tmp_path, '[system]\nname = "from trustkit"')
    assert Config.read(tmp_path).system.name == "from trustkit"
    assert Config.read(tmp_path).folder == tmp_path


def test_a_byte_order_mark_is_not_part_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "trustkit.toml").write_bytes(b'\xef\xbb\xbf[system]\r\nname = "x"\r\n')
    assert Config.read(tmp_path).system.name == "x"


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, "")
    path = tmp_path / "trustkt.toml"
    assert read_problem(path) == Problem(str(path), "no such file", "trustkit.toml")
    assert read_problem(tmp_path / "no" / "trustkit.toml").nearest is None


def test_a_folder_with_neither_file_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, "", "trustkit.tml")
    problem = read_problem(tmp_path)
    assert problem.key == str(tmp_path)
    assert problem.found == "this folder holds neither trustkit.toml nor pyproject.toml"
    assert problem.nearest == "trustkit.tml"


def test_a_folder_named_like_the_file_is_not_one(tmp_path: Path) -> None:
    path = tmp_path / "trustkit.toml"
    path.mkdir()
    assert read_problem(tmp_path) == Problem(str(path), "a folder, not a file")
    assert "this folder holds neither" in read_problem(path).found


@pytest.mark.parametrize("text", ["", "[tool.ruff]", "tool = 5", "[tool]\ntrustkit = 5"])
def test_a_pyproject_without_our_table_says_so(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text, "pyproject.toml")
    assert read_problem(tmp_path) == Problem(str(path), "this file has no table [tool.trustkit]")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"[system]\n\nname = =", "line 3, column 8: Invalid value"),
        (b'[system]\nname = "x', "end of document: Unterminated string"),
        (b"[system]\n[system]", "line 2, column 8: Cannot declare ('system',) twice"),
        (b'[system]\nname = "\xff"', "line 2: not UTF-8 text"),
        (b"a = " + b"[" * 5000, "nested too deeply"),
        (b"a = " + b"1" * 5000, "Exceeds the limit"),
    ],
)
def test_what_is_not_toml_is_placed(tmp_path: Path, text: bytes, found: str) -> None:
    path = tmp_path / "trustkit.toml"
    path.write_bytes(text)
    problem = read_problem(path)
    assert problem.key == "trustkit.toml"
    assert problem.found.startswith(found)


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000])
def test_an_impossible_name_is_a_problem(tmp_path: Path, name: str) -> None:
    assert read_problem(tmp_path / name).found
    assert Config.of(folder=tmp_path, data={"audit": name}).missing_files()


# What is wrong

WRONG = [
    # sections, key, found, nearest
    ({"policies": {}}, "policies", "unknown key", "policy"),
    ({"target": "y"}, "target", "unknown key", "data.target"),
    ({"data": {"taget": "y"}}, "data.taget", "unknown key", "target"),
    ({"system": {"sensitive": ["sex"]}}, "system.sensitive", "unknown key", "data.sensitive"),
    ({"data": {"zzz": 1}}, "data.zzz", "unknown key", None),
    ({"data": {"a key": 1}}, 'data."a key"', "unknown key", None),
    ({"system": "x"}, "system", "'x' is not a table", None),
    ({"limits": 3}, "limits", "3 is not a table", None),
    ({"system": {"name": 42}}, "system.name", "42 is not text", None),
    ({"system": {"version": 2026.1}}, "system.version", "2026.1 is not text", None),
    ({"system": {"name": ""}}, "system.name", "'' is blank", None),
    ({"system": {"sdg": [8.1]}}, "system.sdg[0]", "8.1 is not text", None),
    (
        {"system": {"task": "binry"}},
        "system.task",
        "'binry' is not one of binary, multiclass, regression",
        "binary",
    ),
    ({"data": {"sensitive": "sex"}}, "data.sensitive", "'sex' is not a list; write ['sex']", None),
    ({"data": {"sensitive": {"sex"}}}, "data.sensitive", "{'sex'} is not a list", None),
    ({"data": {"sensitive": ["sex", "sex"]}}, "data.sensitive", "'sex' is listed twice", None),
    ({"data": {"features": [["a"]]}}, "data.features[0]", "['a'] is not text", None),
    (
        {"data": {"positive": [1]}},
        "data.positive",
        "[1] is not text, a finite number, true or false",
        None,
    ),
    (
        {"data": {"positive": float("nan")}},
        "data.positive",
        "nan is not text, a finite number, true or false",
        None,
    ),
    ({"data": {"favorable": []}}, "data.favorable", "[] is not a value or a list of different values", None),
    (
        {"data": {"favorable": [1, 1.0]}},
        "data.favorable",
        "[1, 1.0] is not a value or a list of different values",
        None,
    ),
    (
        {"data": {"favorable": [1, {}]}},
        "data.favorable",
        "[1, {}] is not a value or a list of different values",
        None,
    ),
    (
        {"data": {"sensitive": ["age"], "bins": {"aeg": [1]}}},
        "data.bins.aeg",
        "this column is neither sensitive nor a quasi-identifier nor the target",
        "age",
    ),
    (
        {"data": {"target": "income", "bins": {"incom": [0, 1]}}},
        "data.bins.incom",
        "this column is neither sensitive nor a quasi-identifier nor the target",
        "income",
    ),
    (
        {"data": {"target": "income", "bins": {"income": [1]}}},
        "data.bins.income",
        "[1.0] is no range; write the least and the greatest value of the target",
        None,
    ),
    (
        {"system": {"task": "binary"}, "data": {"target": "y", "bins": {"y": [0, 1]}}},
        "data.bins.y",
        "a target with classes has no range; remove it, or correct system.task",
        None,
    ),
    (
        {"data": {"target": "y", "favorable": 1, "bins": {"y": [0, 1]}}},
        "data.bins.y",
        "a target with classes has no range; remove it, or correct system.task",
        None,
    ),
    ({"data": {"sensitive": ["age"], "bins": {"age": []}}}, "data.bins.age", "[] is empty", None),
    ({"data": {"sensitive": ["age"], "bins": {"age": 5}}}, "data.bins.age", "5 is not a list", None),
    (
        {"data": {"sensitive": ["age"], "bins": {"age": [25, 25]}}},
        "data.bins.age",
        "[25.0, 25.0] does not increase",
        None,
    ),
    (
        {"data": {"sensitive": ["age"], "bins": {"age": [1, float("inf")]}}},
        "data.bins.age[1]",
        "inf is not a finite number",
        None,
    ),
    (
        {"data": {"sensitive": ["age"], "bins": {"age": [True]}}},
        "data.bins.age[0]",
        "True is not a finite number",
        None,
    ),
    ({"data": {"target": "y", "prediction": "y"}}, "data.prediction", "'y' is the target too", None),
    ({"data": {"target": "y", "score": "y"}}, "data.score", "'y' is the target too", None),
    ({"data": {"target": "y", "weight": "y"}}, "data.weight", "'y' is the target too", None),
    ({"data": {"target": "y", "unit": "y"}}, "data.unit", "'y' is the target too", None),
    ({"data": {"target": "y", "time": "y"}}, "data.time", "'y' is the target too", None),
    (
        {"system": {"task": "regression"}, "data": {"positive": 1}},
        "data.positive",
        "a regression has no classes; remove it, or correct system.task",
        None,
    ),
    (
        {"system": {"task": "regression"}, "data": {"favorable": [1]}},
        "data.favorable",
        "a regression has no classes; remove it, or correct system.task",
        None,
    ),
    ({"[key]": 1}, '"[key]"', "unknown key", None),
    ({"policy": {"use": [5]}}, "policy.use[0]", "5 is not text", None),
    ({"policy": {"use": []}}, "policy.use", "[] is empty", None),
    ({"policy": {"alpha": 0}}, "policy.alpha", "0 is not a number above 0 and at most 0.5", None),
    ({"policy": {"alpha": 0.51}}, "policy.alpha", "0.51 is not a number above 0 and at most 0.5", None),
    ({"policy": {"alpha": True}}, "policy.alpha", "True is not a number above 0 and at most 0.5", None),
    ({"policy": {"alpha": "0.05"}}, "policy.alpha", "'0.05' is not a number above 0 and at most 0.5", None),
    (
        {"policy": {"fail_on": "yes"}},
        "policy.fail_on",
        "'yes' is not one of fail, inconclusive, never",
        None,
    ),
    (
        {"policy": {"fail_on": "inconclusiv"}},
        "policy.fail_on",
        "'inconclusiv' is not one of fail, inconclusive, never",
        "inconclusive",
    ),
    ({"policy": {"min_cell": 0}}, "policy.min_cell", "0 is not a whole number of at least 1", None),
    ({"policy": {"min_cell": True}}, "policy.min_cell", "True is not a whole number of at least 1", None),
    ({"policy": {"min_share": 1}}, "policy.min_share", "1 is not a number from 0 to below 1", None),
    (
        {"policy": {"small_groups": "lst"}},
        "policy.small_groups",
        "'lst' is not one of inconclusive, list",
        "list",
    ),
    (
        {"limits": {"bias/selection-rate": {"ratio": 1}}},
        'limits."bias/selection-rate".ratio',
        "'ratio' is not the name of a limit; these start with min_ or max_",
        None,
    ),
    ({"limits": {"bias/selection-rate": 0.8}}, 'limits."bias/selection-rate"', "0.8 is not a table", None),
    ({"limits": {"c": {"min_x": True}}}, "limits.c.min_x", "True is not a finite number, or false", None),
    (
        {"limits": {"c": {"max_x": float("nan")}}},
        "limits.c.max_x",
        "nan is not a finite number, or false",
        None,
    ),
    (
        {"limits": {"c": {"max_x": 10**400}}},
        "limits.c.max_x",
        "1" + "0" * 56 + "... is not a finite number, or false",
        None,
    ),
    ({"options": {"c": 1}}, "options.c", "1 is not a table", None),
    (
        {"attestations": {"TK-OVR-01": {**ATTESTATION, "expires": "2026-10-31"}}},
        "attestations.TK-OVR-01.expires",
        "2026-10-31 is before 2026-11-01, the day it was attested",
        None,
    ),
    (
        {"attestations": {"TK-OVR-01": {"statement": "x", "on": "2026-11-01"}}},
        "attestations.TK-OVR-01.by",
        "required key is missing",
        None,
    ),
    (
        {"attestations": {"TK-OVR-01": {**ATTESTATION, "on": "2026-13-01"}}},
        "attestations.TK-OVR-01.on",
        "'2026-13-01' is not a date, as 2026-11-01",
        None,
    ),
    (
        {"attestations": {"TK-OVR-01": {**ATTESTATION, "evidnce": "x"}}},
        "attestations.TK-OVR-01.evidnce",
        "unknown key",
        "evidence",
    ),
    ({"waivers": WAIVER}, "waivers", "one table is not a list of tables; write [[...]], not [...]", None),
    ({"waivers": ["x"]}, "waivers[0]", "'x' is not a table", None),
    ({"waivers": [WAIVER, {**WAIVER, "expirs": 1}]}, "waivers[1].expirs", "unknown key", "expires"),
    (
        {"waivers": [{**WAIVER, "expires": date(2027, 11, 24)}]},
        "waivers[0].expires",
        "2027-11-24 is more than 365 days after 2026-11-23",
        None,
    ),
    (
        {"waivers": [{key: value for key, value in WAIVER.items() if key != "expires"}]},
        "waivers[0].expires",
        "required key is missing",
        None,
    ),
    (
        {"waivers": [{**WAIVER, "expires": datetime(2027, 1, 1)}]},
        "waivers[0].expires",
        "datetime.datetime(2027, 1, 1, 0, 0) is not a date, as 2026-11-01",
        None,
    ),
    (
        {"waivers": [{**WAIVER, "reason": "acepted-risk"}]},
        "waivers[0].reason",
        "'acepted-risk' is not one of accepted-risk, remediation-planned, test-data, false-positive",
        "accepted-risk",
    ),
    (
        {"waivers": [{**WAIVER, "control": None}]},
        "waivers[0].control",
        "required key is missing, unless check, metric or subject is given",
        None,
    ),
    ({"waivers": [{**WAIVER, "up_to": 0.7}]}, "waivers[0].up_to", "needs check and metric too", None),
    ({"waivers": [{**WAIVER, "up_to": 1, "check": "c"}]}, "waivers[0].up_to", "needs metric too", None),
    ({"waivers": [{**WAIVER, "subject": {}}]}, "waivers[0].subject", "{} is empty", None),
    (
        {"output": {"files": "card.html"}},
        "output.files",
        "'card.html' is not a list; write ['card.html']",
        None,
    ),
]


@pytest.mark.parametrize(("sections", "key", "found", "nearest"), WRONG, ids=lambda value: str(value)[:40])
def test_each_mistake_is_named(sections: dict[str, Any], key: str, found: str, nearest: str | None) -> None:
    assert problems(**sections) == [Problem(key, found, nearest)]


def test_everything_wrong_comes_at_once(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        [system]
        task = "regression"
        nmae = "x"
        [data]
        taget = "y"
        positive = 1
        sensitive = ["age"]
        bins = { aeg = [25], x = [1] }
        [policy]
        alpha = 2
        [[waivers]]
        up_to = "much"
        expires = 2035-01-01
        [policies]
        """,
    )
    with pytest.raises(ConfigError) as caught:
        Config.read(path, as_of=AS_OF)
    assert {(problem.key, problem.nearest) for problem in caught.value.problems} == {
        ("system.nmae", "name"),
        ("data.taget", "target"),
        ("data.positive", None),
        ("data.bins.aeg", "age"),
        ("data.bins.x", None),
        ("policy.alpha", None),
        ("waivers[0].control", None),
        ("waivers[0].reason", None),
        ("waivers[0].note", None),
        ("waivers[0].by", None),
        ("waivers[0].up_to", None),
        ("waivers[0].expires", None),
        ("policies", "policy"),
    }


def test_a_wrong_key_does_not_count_as_absent() -> None:
    (problem,) = problems(waivers=[{**WAIVER, "control": None, "check": 5}])
    assert problem.key == "waivers[0].check"


def test_a_long_value_is_shortened() -> None:
    (problem,) = problems(system={"task": "x" * 1000})
    assert problem.found.startswith("'" + "x" * 56 + "... is not one of")


def test_a_waiver_may_last_365_days_and_may_have_expired() -> None:
    for day in (date(2027, 11, 23), date(2020, 1, 1)):
        assert Config.of(as_of=AS_OF, waivers=[{**WAIVER, "expires": day}]).waivers[0].expires == day


# Values keep their type


@pytest.mark.parametrize("value", [True, False, 1, 0, 1.0, 0.0, "1", "true"], ids=repr)
def test_scalars_keep_their_type(value: object) -> None:
    data = Config.of(data={"positive": value, "favorable": [value, "other"]}).data
    assert isinstance(data.favorable, tuple)
    assert data.positive == data.favorable[0] == value
    assert type(data.positive) is type(data.favorable[0]) is type(value)
    single = Config.of(data={"favorable": value}).data.favorable
    assert (single, type(single)) == (value, type(value))


@pytest.mark.parametrize("value", [True, 1, 1.5, "a"], ids=repr)
def test_numpy_scalars_become_the_python_value(value: object) -> None:
    scalar = np.array([value])[0]
    data = Config.of(data={"positive": scalar, "favorable": [scalar]}).data
    assert isinstance(data.favorable, tuple)
    assert type(data.positive) is type(data.favorable[0]) is type(value)


def test_true_and_1_are_two_values() -> None:
    assert Config.of(data={"favorable": [True, 1]}).data.favorable == (True, 1)


def test_a_limit_of_zero_is_a_limit_and_false_removes_one() -> None:
    limits = Config.of(limits={"c": {"max_x": 0, "min_x": 0.0, "max_y": False}}).limits["c"]
    assert [repr(value) for value in limits.values()] == ["0.0", "0.0", "False"]


# Flat keys and copies


def test_flat_keys_find_their_table() -> None:
    config = Config.flat({"name": "x", "target": "y", "score": None}, policy={"alpha": 0.1, "use": None})
    assert (config.system.name, config.data.target, config.data.score) == ("x", "y", None)
    assert (config.policy.alpha, config.policy.use) == (0.1, ("unga-78-265",))
    assert (SECTION_KEYS["name"], SECTION_KEYS["target"]) == ("system", "data")


def test_flat_names_all_that_is_wrong() -> None:
    with pytest.raises(ConfigError) as caught:
        Config.flat({"taget": "y", "sensitive": "sex"}, policy={"alpha": 7})
    assert [(key, close) for key, _, close in caught.value.problems] == [
        ("taget", "target"),
        ("data.sensitive", None),
        ("policy.alpha", None),
    ]


def test_replace_merges_and_validates(tmp_path: Path) -> None:
    config = Config.read(write(tmp_path, EXAMPLE), as_of=AS_OF)
    changed = config.replace(
        data={"target": "y", "score": None},
        limits={"bias/selection-rate": {"max_difference": 0.1}, "safety/shift": {"max_ks": False}},
        attestations={"TK-OVR-01": ATTESTATION},
        options=None,
        waivers=[],
    )
    assert (changed.path, changed.folder) == (config.path, config.folder)
    assert (changed.data.target, changed.data.score) == ("y", "probability")
    assert changed.limits == {
        "bias/selection-rate": {"min_ratio": 0.8, "max_difference": 0.1},
        "safety/shift": {"max_ks": False},
    }
    assert changed.attestations["TK-OVR-01"].expires is None
    assert (changed.options, changed.waivers) == (config.options, ())
    assert config.data.target == "approved"
    assert config.replace() == config
    with pytest.raises(ConfigError):
        config.replace(data={"target": "decision"})


def test_a_later_as_of_also_holds_for_copies() -> None:
    config = Config.of(as_of=date(2099, 1, 1), waivers=[{**WAIVER, "expires": "2099-06-01"}])
    assert config.replace(policy={"alpha": 0.1}).waivers == config.waivers


# Files


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    for name in ("audit.parquet", "parts/a.csv", "model.joblib", "MODEL_CARD.md"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("model", "model.joblib"),
        ("model", "parts"),
        ("model", "https://example.org/predict"),
        ("model", "package.module:object"),
        ("card", "MODEL_CARD.md"),
        ("audit", "audit.parquet"),
        ("train", "parts/*.csv"),
        ("population", "**/*.csv"),
    ],
)
def test_files_that_are_there(project: Path, key: str, name: str) -> None:
    assert Config.flat({key: name}, folder=project).missing_files() == []


@pytest.mark.parametrize(
    ("key", "name", "nearest"),
    [
        ("system.model", "model.jobib", "model.joblib"),
        ("system.card", "MODEL_CRD.md", "MODEL_CARD.md"),
        ("data.audit", "audti.parquet", "audit.parquet"),
        ("data.audit", "parts", None),
        ("data.train", "parts/*.parquet", None),
        ("data.population", "parts/aa.csv", "parts/a.csv"),
        ("data.population", "nowhere/a.csv", None),
    ],
)
def test_files_that_are_missing(project: Path, key: str, name: str, nearest: str | None) -> None:
    config = Config.flat({key.split(".")[1]: name}, folder=project)
    assert config.missing_files() == [Problem(key, f"no such file: {name!r}", nearest)]


# The schema


def as_json(text: str) -> Any:
    import tomllib

    return json.loads(json.dumps(tomllib.loads(text), default=str))


def test_the_shipped_schema_is_current() -> None:
    shipped = files("trustkit").joinpath("schemas/config.schema.json").read_text(encoding="utf-8")
    assert json.loads(shipped) == schema()


def test_every_key_is_described() -> None:
    tables = [schema(), *schema()["$defs"].values()]
    for table in tables:
        for key, value in table["properties"].items():
            assert value.get("description") or "$ref" in value, key
        assert table["description"]


def test_the_schema_takes_the_example() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(as_json(EXAMPLE), schema())


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("[policy]", "[policies]"),
        ("target =", "taget ="),
        ('task = "binary"', 'task = "binry"'),
        ('["sex", "age"]', '"sex"'),
        ('["sex", "age"]', '["sex", "sex"]'),
        ("[25, 60]", "[]"),
        ("alpha = 0.05", "alpha = 0"),
        ("min_cell = 5", "min_cell = 0"),
        ("min_ratio = 0.8", "min_ratio = true"),
        ("min_ratio = 0.8", "ratio = 0.8"),
        ('metric = "ratio"', ""),
        ("expires = 2027-03-01", ""),
        ("[[waivers]]", "[waivers]"),
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(tmp_path: Path, right: str, wrong: str) -> None:
    assert right in EXAMPLE
    text = EXAMPLE.replace(right, wrong)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(as_json(text), schema())
    with pytest.raises(ConfigError):
        Config.read(write(tmp_path, text), as_of=AS_OF)


# Anything at all

LEAVES = st.one_of(
    st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.dates(), st.datetimes(), st.times()
)
NAMES = st.sampled_from(
    [
        *SECTION_KEYS,
        *[
            "system",
            "data",
            "policy",
            "limits",
            "options",
            "attestations",
            "waivers",
            "output",
            "use",
            "alpha",
        ],
        *["min_cell", "min_x", "statement", "on", "by", "expires", "control", "check", "metric", "up_to"],
    ]
) | st.text(max_size=5)
JUNK = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(NAMES, st.dictionaries(NAMES, JUNK, max_size=5) | JUNK, max_size=5))
def test_junk_raises_nothing_but_config_error(tables: dict[str, Any]) -> None:
    try:
        found = Config.of(**tables).missing_files()
    except ConfigError as error:
        found = error.problems
    for problem in found:
        assert problem.key
        assert not re.search(r"\[type=|Input should|not valid here", problem.found)


@pytest.mark.parametrize(
    "value",
    [float("nan"), 16**6000, "\ud800", b"x", None, {1: 2}, {("a",): {}}, [None], object()],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("section", ["system", "data", "limits", "attestations", "waivers", "output"])
def test_odd_values_are_config_errors(section: str, value: object) -> None:
    for table in (value, {"name": value}, {"positive": value}, {"a": {"min_x": value}}, [{"by": value}]):
        if table is not None:
            with pytest.raises(ConfigError):
                Config.of(**{section: table, "nothing": 1})


def test_importing_it_loads_no_heavy_library() -> None:
    heavy = "{'numpy', 'pandas', 'pyarrow', 'scipy', 'sklearn', 'narwhals'}"
    script = f"import sys, trustkit.config; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class TestExpectations:
    def test_a_direction_needs_a_column(self):
        with pytest.raises(ConfigError) as caught:
            Config.of(expectations=[{"direction": "increasing"}])
        assert caught.value.problems == [("expectations[0].direction", "needs column too", None)]

    def test_one_says_a_direction_or_a_transformation(self):
        with pytest.raises(ConfigError) as caught:
            Config.of(
                expectations=[
                    {"column": "age"},
                    {"column": "age", "direction": "none", "transformation": "case"},
                    {"transformation": "cases"},
                ]
            )
        keys = [(problem.key, problem.nearest) for problem in caught.value.problems]
        assert keys == [
            ("expectations[0].direction", None),
            ("expectations[1].direction", None),
            ("expectations[2].transformation", "case"),
        ]

    def test_both_forms_are_read(self):
        read = Config.of(
            expectations=[{"column": "age", "direction": "none"}, {"transformation": "column-order"}]
        )
        assert [each.direction for each in read.expectations] == ["none", None]


class TestDataKeys:
    @pytest.mark.parametrize("interval", [["low"], ["low", "middle", "high"]])
    def test_an_interval_is_two_columns(self, interval):
        with pytest.raises(ConfigError, match=r"data\.interval.*two columns"):
            Config.of(data={"interval": interval})

    @pytest.mark.parametrize("range_", [[0], [1, 1], [120, 0], "0-120"])
    def test_a_range_is_two_growing_numbers(self, range_):
        with pytest.raises(ConfigError, match=r"data\.ranges\.age"):
            Config.of(data={"ranges": {"age": range_}})

    def test_a_ground_is_of_a_known_category(self):
        with pytest.raises(ConfigError) as caught:
            Config.of(data={"grounds": {"helth": "consent"}})
        assert caught.value.problems[0].nearest == "health"


def test_how_an_endpoint_is_asked_is_checked_too():
    with pytest.raises(ConfigError) as caught:
        Config.of(model={"htp": {}, "http": {"timeout": 0, "protocl": "v2", "protocol": "v3", "retries": -1}})
    assert {(problem.key, problem.nearest) for problem in caught.value.problems} == {
        ("model.htp", "http"),
        ("model.http.protocl", "protocol"),
        ("model.http.protocol", None),
        ("model.http.timeout", None),
        ("model.http.retries", None),
    }
