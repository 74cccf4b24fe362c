"""Packages are read from every kind of lock, and looked up in the advisories supplied, never elsewhere."""

import json
import zipfile
from datetime import date

import pandas as pd
import pytest
from packaging.specifiers import SpecifierSet

import trustkit as tk
from trustkit.checks.security.dependencies import dependencies
from trustkit.collectors import collect
from trustkit.collectors.advisories import Advisories
from trustkit.errors import ConfigError
from trustkit.evidence.dependencies import Dependencies, Hole, Package
from trustkit.system import System

DAY = date(2026, 11, 23)

RECORD = {
    "id": "GHSA-aaaa",
    "aliases": ["CVE-2026-1"],
    "modified": "2026-11-01T00:00:00Z",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "Some_Pkg"},
            "ranges": [
                {"type": "GIT", "events": [{"introduced": "0"}]},
                {
                    "type": "ECOSYSTEM",
                    "events": [
                        {"introduced": "1.0"},
                        {"fixed": "1.4.2"},
                        {"introduced": "2.0rc1"},
                        {"last_affected": "2.1"},
                    ],
                },
            ],
        }
    ],
}


def dependencies_samples():
    """Dependencies of several services on one lock, of nothing, and of other sources."""
    schema = {"source": "lock", "file": "uv.lock", "advisories": None}
    known = {"records": 3, "sha256": "ab" * 32, "latest": "2026-11-01"}
    parts = [Dependencies(schema, (Package("numpy", "2.4"), Package(f"p{n}", "1"))) for n in range(3)]
    return [
        *parts,
        Dependencies(schema),
        Dependencies(
            {**schema, "advisories": known},
            (Package("joblib"), Package("mxnet", "1.9")),
            (Hole("mxnet", "1.9", "GHSA-x", "2.0"),),
            {"mxnet": "retired"},
        ),
        Dependencies({"source": "environment", "file": None, "advisories": {**known, "latest": ""}}),
    ]


@pytest.fixture
def folder(tmp_path):
    pd.DataFrame({"y": [0, 1] * 20, "d": [0, 1] * 20}).to_csv(tmp_path / "audit.csv", index=False)
    return configured(tmp_path)


def configured(folder, **options):
    lines = [f"{key} = {json.dumps(value)}" for key, value in options.items()]
    (folder / "trustkit.toml").write_text(
        '[data]\naudit = "audit.csv"\ntarget = "y"\nprediction = "d"\n'
        '[options."security/dependencies"]\n' + "\n".join(lines)
    )
    return folder


def collected(folder, **options):
    configured(folder, **options)
    return collect(System.read(folder), only=["dependencies"]).kinds["dependencies"]


def problem_of(folder, **options):
    with pytest.raises(ConfigError) as caught:
        collected(folder, **options)
    [problem] = caught.value.problems
    return problem


def figures(found, as_of=DAY):
    return {estimate.metric: estimate for estimate in dependencies(found, as_of=as_of)}


LOCKS = {
    "requirements.txt": "# made by hand\nNumPy==2.4.1 \\\n    --hash=sha256:ab --hash=sha256:cd\n"
    "joblib[x]==1.5.0 ; python_version > '3'  # fast\nscipy>=1.11\npandas==2.*\n-r more.txt\n"
    "--index-url https://user:word@example.org/simple\ngit+https://example.org/a/b.git#egg=b\n",
    "uv.lock": '[[package]]\nname = "me"\nversion = "0.1"\nsource = { editable = "." }\n'
    '[[package]]\nname = "NumPy"\nversion = "2.4.1"\nsource = { registry = "https://pypi.org/simple" }\n',
    "poetry.lock": '[[package]]\nname = "numpy"\nversion = "2.4.1"\n',
    "pylock.toml": 'lock-version = "1.0"\n[[packages]]\nname = "numpy"\nversion = "2.4.1"\n',
    "Pipfile.lock": '{"default": {"numpy": {"version": "==2.4.1"}}, "develop": {}}',
    "conda-lock.yml": "package:\n- name: numpy\n  version: 2.4.1\n  manager: conda\n",
    "pixi.lock": "version: 6\npackages:\n- conda: https://example.org/linux-64/numpy-2.4.1-py313h1_0.conda\n",
    "bom.json": '{"bomFormat": "CycloneDX", "components": [{"name": "app", "components": '
    '[{"name": "NumPy", "version": "2.4.1", "purl": "pkg:pypi/numpy@2.4.1"}]}]}',
}


@pytest.mark.parametrize("name", LOCKS)
def test_every_kind_of_lock_is_read(folder, name):
    (folder / name).write_text(LOCKS[name])
    (folder / "more.txt").write_text("click==8.2.0\n-r requirements.txt\n")
    found = collected(folder, lock=name)
    numpy = Package("numpy", "2.4.1")
    if name == "requirements.txt":
        others = [Package("b-git"), Package("joblib", "1.5.0"), Package("pandas"), Package("scipy")]
        assert sorted(found.packages) == sorted([Package("click", "8.2.0"), *others, numpy])
    else:
        assert found.packages == (numpy,)
    assert found.schema["source"] == ("sbom" if name == "bom.json" else "lock")
    assert "word" not in json.dumps(found.to_json())


def test_the_lock_beside_the_configuration_is_found_and_else_the_environment(folder):
    found = collected(folder)
    assert found.schema["source"] == "environment"
    assert {"numpy", "pandas"} <= {each.name for each in found.packages}
    assert all(each.version for each in found.packages)
    assert figures(found)["unpinned"].supply is not None
    (folder / "requirements.txt").write_text("numpy>=2\n")
    assert collected(folder).packages == (Package("numpy"),)
    (folder / "uv.lock").write_text(LOCKS["uv.lock"])
    assert collected(folder).schema["file"] == "uv.lock"


@pytest.mark.parametrize(
    ("version", "hit", "fixed"),
    [
        ("0.9", False, ""),
        ("1.0", True, "1.4.2"),
        ("1.4.2.dev1", True, "1.4.2"),
        ("1.4.2", False, ""),
        ("1.10", False, ""),
        ("2.0rc1", True, ""),
        ("2.1", True, ""),
        ("2.1.post1", False, ""),
        ("1.4.1+cu124", True, "1.4.2"),
        ("1.4.2+cu124", False, ""),
        ("2.1+cu124", True, ""),
        ("", False, ""),
        ("not a version", False, ""),
    ],
)
def test_versions_are_held_to_the_ranges_of_an_advisory(tmp_path, version, hit, fixed):
    (tmp_path / "osv.json").write_text(json.dumps(RECORD))
    found = list(Advisories.read(tmp_path / "osv.json").against(Package("some-pkg", version)))
    assert found == ([Hole("some-pkg", version, "GHSA-aaaa", fixed)] if hit else [])


@pytest.mark.parametrize("version", ["0.5", "0.5.0", "v0.5", "0.5+cpu"])
def test_a_version_is_listed_however_it_is_written(tmp_path, version):
    affected = [{**RECORD["affected"][0], "ranges": [], "versions": ["0.4", "0.5"]}]
    (tmp_path / "osv.json").write_text(json.dumps({**RECORD, "affected": affected}))
    assert len(list(Advisories.read(tmp_path / "osv.json").against(Package("some-pkg", version)))) == 1


@pytest.mark.parametrize("modified", ["last Tuesday", "", None, 7])
def test_a_day_that_is_none_is_passed_over(tmp_path, modified):
    (tmp_path / "osv.json").write_text(json.dumps([RECORD, {**RECORD, "modified": modified}]))
    assert Advisories.read(tmp_path / "osv.json").latest == "2026-11-01"


def test_ranges_agree_with_the_specifiers_of_packaging(tmp_path):
    (tmp_path / "osv.json").write_text(json.dumps(RECORD))
    read = Advisories.read(tmp_path / "osv.json")
    affected = [SpecifierSet(">=1.0,<1.4.2"), SpecifierSet(">=2.0rc1,<=2.1")]
    for version in [f"{a}.{b}.{c}" for a in range(4) for b in range(6) for c in range(4)]:
        expected = any(each.contains(version, prereleases=True) for each in affected)
        assert bool(list(read.against(Package("some-pkg", version)))) == expected


class TestForms:
    def test_a_folder_a_list_and_a_zip_read_alike(self, tmp_path):
        twin = {**RECORD, "id": "PYSEC-1", "aliases": ["CVE-2026-1"], "modified": "2026-11-02T00:00:00Z"}
        withdrawn = {**RECORD, "id": "GHSA-bbbb", "withdrawn": "2026-01-01T00:00:00Z"}
        other = {"id": "GHSA-cccc", "affected": [{"package": {"ecosystem": "npm", "name": "some-pkg"}}]}
        records = [RECORD, twin, withdrawn, other]
        (tmp_path / "all").mkdir()
        for record in records:
            (tmp_path / "all" / f"{record['id']}.json").write_text(json.dumps(record))
        (tmp_path / "list.json").write_text(json.dumps({"vulns": records}))
        with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
            for record in records:
                archive.writestr(f"{record['id']}.json", json.dumps(record))
        for name in ("all", "list.json", "all.zip"):
            read = Advisories.read(tmp_path / name)
            assert (read.records, read.latest) == (2, "2026-11-02")
            assert [hole.advisory for hole in read.against(Package("some-pkg", "1.1"))] == ["GHSA-aaaa"]

    def test_a_report_of_an_auditor_names_its_own_versions(self, tmp_path):
        vulns = [{"id": "PYSEC-9", "fix_versions": ["2.0"], "aliases": []}]
        listed = [{"name": "A.B", "version": "1.0", "vulns": vulns}, {"name": "c", "skip_reason": "local"}]
        (tmp_path / "report.json").write_text(json.dumps({"dependencies": listed, "fixes": []}))
        read = Advisories.read(tmp_path / "report.json")
        assert list(read.against(Package("a-b", "1.0"))) == [Hole("a-b", "1.0", "PYSEC-9", "2.0")]
        assert not list(read.against(Package("a-b", "1.1")))
        assert read.latest == ""

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("{", "is not JSON"),
            ("[1]", "neither advisories of OSV"),
            ('{"id": "X", "affected": []}', "no advisory for a Python package"),
            ('{"dependencies": [{"version": "1"}]}', "has no name"),
        ],
    )
    def test_what_is_no_advisory_is_refused(self, folder, text, words):
        (folder / "osv.json").write_text(text)
        (folder / "requirements.txt").write_text("numpy==2.4.1\n")
        problem = problem_of(folder, advisories="osv.json")
        assert problem.key.endswith(".advisories")
        assert words in problem.found


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", "[[package]\n"),
        ("poetry.lock", '[[package]]\nversion = "1"\n'),
        ("conda-lock.yml", "- a\n- b\n"),
        ("pixi.lock", "version: 6\npackages:\n- conda: numpy\n"),
        ("Pipfile.lock", "[]"),
        ("bom.json", '{"spdxVersion": "SPDX-2.3"}'),
        ("requirements.txt", "# nothing\n"),
        ("requirements.txt", "-r absent.txt\n"),
    ],
)
def test_a_lock_that_cannot_be_read_is_an_error(folder, name, text):
    (folder / name).write_text(text)
    problem = problem_of(folder, lock=name)
    assert problem.key.endswith(".lock")
    assert name in problem.found


def test_a_name_that_is_not_there_gets_the_nearest(folder):
    (folder / "uv.lock").write_text(LOCKS["uv.lock"])
    assert problem_of(folder, lock="uv.lok").nearest == "uv.lock"
    assert problem_of(folder, advisories="osv").key.endswith(".advisories")


def test_without_advisories_nothing_passes(folder):
    (folder / "requirements.txt").write_text("numpy==2.4.1\n")
    found = figures(collected(folder))
    assert found["vulnerable"].supply
    assert found["unpinned"].value == 0
    card = tk.audit(config=configured(folder), as_of=DAY, only=["security/dependencies"])
    verdicts = {finding.metric: finding.verdict for finding in card.findings}
    assert "pass" not in (verdicts["vulnerable"], verdicts["advisories_age"])
    assert verdicts["unpinned"] == "pass"
    [control] = [each for each in card.controls if each.id == "TK-SEC-01"]
    assert control.verdict == "not_assessed"
    assert any("advisories" in need for need in control.needs)


def test_a_hole_fails_and_is_named_with_its_remedy(folder):
    (folder / "requirements.txt").write_text("some.pkg==1.1\nmxnet==1.9.1\nscipy\n")
    (folder / "osv.json").write_text(json.dumps(RECORD))
    config = configured(folder, advisories="osv.json")
    card = tk.audit(config=config, as_of=DAY, only=["security/dependencies"])
    told = {finding.metric: (finding.verdict, finding.estimate, finding.message) for finding in card.findings}
    assert told["vulnerable"][:2] == ("fail", 1)
    assert "some-pkg 1.1 (GHSA-aaaa, mended in 1.4.2)" in told["vulnerable"][2]
    assert told["unpinned"][:2] == ("fail", 1)
    assert "scipy" in told["unpinned"][2]
    assert told["abandoned"][:2] == ("fail", 1)
    assert told["advisories_age"][:2] == ("pass", 22)
    late = tk.audit(config=config, as_of=date(2027, 3, 1), only=["security/dependencies"])
    assert {f.metric: f.verdict for f in late.findings}["advisories_age"] == "fail"
