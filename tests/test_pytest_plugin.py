"""The pytest plugin: each control a test, the fixture, and what a run pays that uses neither."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import trustkit as tk

pytest_plugins = ["pytester"]

ROOT = Path(tk.__file__).parents[1]


@pytest.fixture(autouse=True, scope="module")
def all_is_imported():
    """As runs inside this process forget the modules that they import first, which NumPy does not bear."""
    log = pd.DataFrame(
        {"sex": ["F", "M"] * 20, "admitted": [0, 0, 1, 1] * 10, "p": 0.5, "truth": [0, 1] * 20}
    )
    roles = {"prediction": "admitted", "score": "p", "target": "truth", "sensitive": ["sex"]}
    assert tk.render(tk.audit(data=log, **roles, favorable=1), "github")


CONFIGURATION = """
[system]
name = "Admissions"
[data]
audit = "log.csv"
prediction = "admitted"
favorable = 1
sensitive = ["sex"]
[policy]
use = ["fairness-baseline"]
"""


@pytest.fixture
def project(pytester, monkeypatch):
    """A folder with a log in which nobody is treated unlike."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{pytester.path}")
    write(pytester.path, rates={"F": 0.5, "M": 0.5})
    return pytester


def write(folder, rates, text=""):
    rows = [(sex, int(i < 1000 * rate)) for sex, rate in rates.items() for i in range(1000)]
    pd.DataFrame(rows, columns=["sex", "admitted"]).to_csv(folder / "log.csv", index=False)
    (folder / "trustkit.toml").write_text(CONFIGURATION + text, encoding="utf-8")


def run(project, *arguments, apart=False):
    runner = project.runpytest_subprocess if apart else project.runpytest_inprocess
    return runner("-p", "trustkit_pytest", "-p", "no:cacheprovider", *arguments)


def test_each_control_is_a_test(project):
    result = run(project, "--trustkit", ".", "-rs")
    result.assert_outcomes(passed=1, skipped=4)
    result.stdout.fnmatch_lines(
        [
            "trustkit.toml *",
            "*= trustkit =*",
            "trustkit.toml: gate holds",
            "SKIPPED*TK-FAI-03: not assessed; needs: *",
        ],
        consecutive=False,
    )
    assert result.ret == 0


def test_a_control_that_blocks_fails_with_what_the_card_says(project):
    write(project.path, {"F": 0.3, "M": 0.6})
    result = run(project, "--trustkit", "trustkit.toml")
    result.assert_outcomes(failed=1, skipped=4)
    result.stdout.fnmatch_lines(
        [
            "*_ TK-FAI-02 _*",
            "TK-FAI-02 Outcome disparity: *",
            "fail: bias/selection-rate ratio of sex=F against sex=M: 0.500 *, limit >= 0.8, n 1,000/1,000",
            "trustkit.toml: gate does not hold: TK-FAI-02 FAIL",
            "FAILED trustkit.toml::TK-FAI-02*",
        ]
    )
    assert "Traceback" not in result.stdout.str()
    assert result.ret == 1


def test_what_is_waived_is_an_expected_failure(project):
    expires = pd.Timestamp.now("UTC").date() + pd.Timedelta(days=30)
    waiver = f"""
[[waivers]]
control = "TK-FAI-02"
reason = "remediation-planned"
note = "New data in a month"
by = "M. Okafor"
expires = {expires}
"""
    write(project.path, {"F": 0.3, "M": 0.6}, waiver)
    result = run(project, "--trustkit", ".", "-rx")
    result.assert_outcomes(xfailed=1, skipped=4)
    result.stdout.fnmatch_lines(["XFAIL trustkit.toml::TK-FAI-02 *waived until * by M. Okafor*"])
    assert result.ret == 0
    run(project, "--trustkit", ".", "--runxfail").assert_outcomes(failed=1, skipped=4)


def test_the_gate_of_the_configuration_decides(project):
    write(project.path, {"F": 0.3, "M": 0.6}, 'fail_on = "never"\n')
    result = run(project, "--trustkit", ".", "-rx")
    result.assert_outcomes(xfailed=1, skipped=4)
    result.stdout.fnmatch_lines(["XFAIL*does not block, by fail_on*"])
    write(project.path, {"F": 0.5, "M": 0.5}, 'require = ["TK-FAI-03"]\n')
    run(project, "--trustkit", ".").assert_outcomes(passed=1, failed=1, skipped=3)
    write(project.path, {"F": 0.5, "M": 0.6}, 'fail_on = "inconclusive"\n')
    run(project, "--trustkit", ".").assert_outcomes(failed=1, skipped=4)
    write(project.path, {"F": 0.5, "M": 0.6}, 'fail_on = "fail"\n')
    run(project, "--trustkit", ".").assert_outcomes(skipped=5)


def test_a_check_that_raises_and_a_plugin_that_does_not_load_fail(project):
    log = pd.read_csv("log.csv").assign(p=2.0, truth=1)
    log.to_csv("log.csv", index=False)
    configuration = CONFIGURATION.replace("favorable", 'score = "p"\ntarget = "truth"\nfavorable')
    (project.path / "trustkit.toml").write_text(configuration)
    broken = project.mkpydir("broken").parent / "broken-1.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (broken / "entry_points.txt").write_text("[trustkit.checks]\nbroken = broken:nothing\n")
    result = run(project, "--trustkit", ".", apart=True)
    result.stdout.fnmatch_lines(
        [
            "safety/calibration raised an error: *",
            "a plugin did not load: AttributeError: *",
            "FAILED trustkit.toml::TK-SAF-05*",
            "FAILED trustkit.toml::broken*",
        ]
    )
    assert result.ret == 1


def test_controls_can_be_chosen_and_collecting_audits_nothing(project):
    run(project, "--trustkit", ".", "-k", "FAI-02").assert_outcomes(passed=1, deselected=4)
    run(project, "trustkit.toml::TK-FAI-02", "--trustkit", ".").assert_outcomes(passed=1)
    write(project.path, {"F": 0.5, "M": 0.5})
    rows = (project.path / "log.csv").read_text()
    (project.path / "log.csv").write_text(rows.replace("1\n", "perhaps\n"))  # found when the rows are read
    listed = run(project, "--trustkit", ".", "--collect-only", "-q")
    assert listed.ret == 0
    listed.stdout.fnmatch_lines(["trustkit.toml::TK-FAI-02"])
    failed = run(project, "--trustkit", ".")
    failed.assert_outcomes(failed=5)
    failed.stdout.fnmatch_lines(["data.favorable: '1' does not occur; labels are 0, perhaps"])


def test_the_ini_adds_a_configuration_unless_tests_are_named(project):
    project.makepyfile(test_own="def test_own(): pass")
    project.makeini("[pytest]\ntrustkit = trustkit.toml\n")
    run(project).assert_outcomes(passed=2, skipped=4)
    run(project, ".").assert_outcomes(passed=2, skipped=4)
    run(project, "test_own.py").assert_outcomes(passed=1)
    run(project, "test_own.py", "--trustkit", ".").assert_outcomes(passed=2, skipped=4)


def test_several_configurations_one_of_them_in_pyproject(project):
    tables = CONFIGURATION.replace("[", "[tool.trustkit.").replace('[tool.trustkit."', '["')
    other = project.mkdir("other")
    (other / "pyproject.toml").write_text(tables, encoding="utf-8")
    (other / "log.csv").write_bytes((project.path / "log.csv").read_bytes())
    result = run(project, "--trustkit=.", "--trustkit=other", "-v")
    result.assert_outcomes(passed=2, skipped=8)
    result.stdout.fnmatch_lines(["trustkit.toml: gate holds", "other/pyproject.toml: gate holds"])
    assert "other/pyproject.toml::TK-FAI-02 PASSED" in result.stdout.str()


def test_a_configuration_that_is_wrong_is_told_at_once(project):
    (project.path / "trustkit.toml").write_text('[policy]\nfail_on = "fails"\nalpa = 0.1\n')
    wrong = run(project, "--trustkit", ".")
    wrong.stderr.fnmatch_lines(["ERROR: --trustkit: *", "*did you mean 'alpha'?"])
    assert wrong.ret == pytest.ExitCode.USAGE_ERROR
    run(project, "--trustkit", "absent").stderr.fnmatch_lines(["ERROR: --trustkit: *no such file*"])
    write(project.path, {"F": 0.5, "M": 0.5}, '[limits."bias/selection-rate"]\nmin_rati = 0.7\n')
    collected = run(project, "--trustkit", ".")
    collected.stdout.fnmatch_lines(["*did you mean 'min_ratio'?"])
    assert collected.ret == pytest.ExitCode.INTERRUPTED


def test_the_fixture_audits_once_a_session(project):
    project.makepyfile(
        """
        import pandas as pd
        import pytest
        import trustkit

        ROLES = {"prediction": "admitted", "favorable": 1, "sensitive": ["sex"]}

        def test_the_gate(trustkit_audit):
            trustkit_audit().raise_for_failures()

        def test_equal_calls_share_a_card(trustkit_audit):
            card = trustkit_audit()
            assert isinstance(card, trustkit.Scorecard)
            assert trustkit_audit() is card
            one = trustkit_audit(data="log.csv", **ROLES)
            assert trustkit_audit(data="log.csv", **ROLES) is one
            assert trustkit_audit(data="log.csv", **ROLES, seed=1) is not one

        def test_rows_in_memory_may_change_between_calls(trustkit_audit):
            log = pd.read_csv("log.csv")
            before = trustkit_audit(data=log, **ROLES)
            log.loc[log["sex"] == "F", "admitted"] = 0
            assert trustkit_audit(data=log, **ROLES).verdict != before.verdict

        def test_a_relative_path_is_of_this_folder(trustkit_audit, tmp_path, monkeypatch):
            trustkit_audit(data="log.csv", **ROLES)
            monkeypatch.chdir(tmp_path)
            for _ in range(2):
                with pytest.raises(trustkit.ConfigError, match="no such file"):
                    trustkit_audit(data="log.csv", **ROLES)
        """
    )
    run(project, "--trustkit", ".", "test_the_fixture_audits_once_a_session.py").assert_outcomes(
        passed=5, skipped=4
    )
    alone = run(project, "test_the_fixture_audits_once_a_session.py", "-k", "gate")
    alone.stdout.fnmatch_lines(["*trustkit_audit() needs one configuration; --trustkit names none"])


@pytest.mark.end_to_end
def test_workers_of_xdist_audit_too(project):
    pytest.importorskip("xdist")
    run(project, "--trustkit", ".", "-p", "xdist.plugin", "-n", "1", apart=True).assert_outcomes(
        passed=1, skipped=4
    )


def test_a_run_that_does_not_use_it_imports_nothing_of_trustkit(project):
    project.makepyfile(
        """
        import sys

        def test_light():
            assert "trustkit_pytest" in sys.modules
            loaded = {name.partition(".")[0] for name in sys.modules}
            assert not loaded & {"trustkit", "numpy", "pandas", "scipy", "pydantic", "sklearn", "click"}
        """
    )
    run(project, apart=True).assert_outcomes(passed=1)


def test_the_plugin_imports_only_what_pytest_has_loaded():
    code = (
        "import sys, pytest; before = set(sys.modules)\n"
        "import trustkit_pytest; print(*set(sys.modules) - before)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["trustkit_pytest"]
