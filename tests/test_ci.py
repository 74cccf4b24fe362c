"""The audit as a step of CI: the action, the GitLab job and the hooks, run here as their hosts run them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
BASH = shutil.which("bash") or "bash"
SAMPLE = ROOT / "examples" / "ci"
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}

OFFLINE = {
    "PIP_NO_INDEX": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # 0 turns isolation off: pip reads the option's name, then its sense
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
    "PYTHONPATH": os.pathsep.join(each for each in sys.path if each.endswith("site-packages")),
}
"""Environment in which a new venv finds all that is installed here, and pip asks nobody."""


@dataclass
class Host:
    """A runner of GitHub, as far as shell steps see it: what `uses` another action is noted, not run.

    Attributes
    ----------
    workspace : Path
        The checkout.
    temp : Path
        ``RUNNER_TEMP``.
    environment : dict
        What the host adds to its own.
    used : list of (str, dict)
        Actions that were to run, and what they were given.
    log : str
        What the steps wrote.
    done : set of str
        Ids of steps that are not run again.
    """

    workspace: Path
    temp: Path
    environment: Mapping[str, str] = field(default_factory=lambda: OFFLINE)
    used: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    log: str = ""
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)

    def workflow(self, path: Path) -> int:
        """Run the one job of a workflow; return the exit status of the step that failed, else 0."""
        (job,) = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
        for step in job["steps"]:
            if "run" in step:
                status = self.shell(step["run"], {}, "workflow")
            elif re.fullmatch(r"OWNER/trustkit@.*", step["uses"]):
                status = self.action(step.get("with", {}))
            else:
                self.used.append((step["uses"], step.get("with", {})))
                status = 0
            if status:
                return status
        return 0

    def action(self, given: Mapping[str, str]) -> int:
        """Run our action's steps."""
        assert set(given) <= set(ACTION["inputs"])
        inputs = {name: each["default"] for name, each in ACTION["inputs"].items()} | dict(given)
        for step in ACTION["runs"]["steps"]:
            if not self.evaluated(step.get("if", "true"), inputs) or step.get("id") in self.done:
                continue
            if "uses" in step:
                values = {key: self.filled(value, inputs) for key, value in step["with"].items()}
                self.used.append((step["uses"], values))
                continue
            assert step["shell"] == "bash"
            added = {key: self.filled(value, inputs) for key, value in step.get("env", {}).items()}
            status = self.shell(step["run"], added, step["id"])
            if status:
                return status
        return 0

    def shell(self, script: str, added: Mapping[str, str], step: str) -> int:
        """Run a script as `shell: bash` does, and read its outputs."""
        output = self.temp / "output"
        output.write_text("")
        known = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        environment = {
            **known,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(self.temp / f"summary-{step}.md"),
            "RUNNER_TEMP": str(self.temp),
            **self.environment,
            **added,
        }
        file = self.temp / "step.sh"
        file.write_text(script)
        command = [BASH, "--noprofile", "--norc", "-eo", "pipefail", str(file)]
        ran = subprocess.run(
            command, cwd=self.workspace, env=environment, check=False, capture_output=True, text=True
        )
        self.log += ran.stdout + ran.stderr
        lines = output.read_text().splitlines()
        self.outputs[step] = dict(line.split("=", 1) for line in lines)
        return ran.returncode

    def filled(self, text: str, inputs: Mapping[str, str]) -> str:
        """Text with its expressions replaced by their values."""
        return re.sub(r"\$\{\{(.*?)\}\}", lambda found: str(self.evaluated(found[1], inputs)), str(text))

    def evaluated(self, expression: str, inputs: Mapping[str, str]) -> Any:
        """Value of an expression of the few forms that our action uses."""

        def value(found: re.Match[str]) -> str:
            name = found[0]
            if name in ("true", "runner.os"):
                return repr(name == "true" or "Linux")
            kind, _, rest = name.partition(".")
            if kind == "inputs":
                return repr(inputs[rest])
            step, key = re.fullmatch(r"steps\.([\w-]+)\.outputs\.([\w-]+)", name).groups()
            return repr(self.outputs.get(step, {}).get(key, ""))

        parts = re.split(r"('[^']*')", expression)
        parts[::2] = [re.sub(r"[a-z][\w.-]+", value, part).replace("&&", " and ") for part in parts[::2]]
        return eval("".join(parts).strip())  # noqa: S307 (expressions of our own file)

    def told(self) -> dict[str, str]:
        """Outputs of the action."""
        return {name: self.filled(each["value"], {}) for name, each in ACTION["outputs"].items()}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """``RUNNER_TEMP`` in which the action's own steps installed trustkit."""
    temp = tmp_path_factory.mktemp("runner")
    host = Host(temp, temp)
    python, install = (step for step in ACTION["runs"]["steps"] if step.get("id") in ("python", "install"))
    assert host.shell(python["run"], {}, "python") == 0, host.log
    added = {key: host.filled(value, {"install": ""}) for key, value in install["env"].items()}
    assert host.shell(install["run"], added, "install") == 0, host.log
    return temp


@pytest.fixture
def host(installed, tmp_path):
    """A runner with a copy of the sample project, and the action installed."""
    workspace = tmp_path / "workspace"
    shutil.copytree(SAMPLE, workspace, ignore=shutil.ignore_patterns("__pycache__"))
    return Host(workspace, installed, done={"install"})


WORKFLOW = Path(".github/workflows/audit.yml")


def regress(host, with_what):
    """Plant the regression: missing incomes are taken for a number that is far from any."""
    features = host.workspace / "features.py"
    text = (SAMPLE / "features.py").read_text()
    assert text.count("fillna(median_income)") == 1
    features.write_text(text.replace("fillna(median_income)", f"fillna({with_what})"))


def told_results(host):
    """Results of the SARIF file that was to be uploaded, by fingerprint."""
    ((_, given),) = (each for each in host.used if each[0].startswith("github/codeql-action"))
    (run,) = json.loads(Path(given["sarif_file"]).read_text())["runs"]
    return {result["partialFingerprints"]["trustkitFinding/v1"]: result for result in run["results"]}


# The sample project, end to end


@pytest.mark.end_to_end
def test_the_sample_project_fails_on_a_regression_and_holds_after_the_fix(host):
    workflow = host.workspace / WORKFLOW
    regress(host, 0)
    assert host.workflow(workflow) == 1
    told = host.told()
    assert (told["verdict"], told["gate"]) == ("fail", "false")
    card = json.loads(Path(told["card"]).read_text())
    assert card["gate"]["blocking"] == ["TK-SAF-05", "TK-FAI-02", "TK-FAI-03"]
    before = told_results(host)

    configuration = (host.workspace / "trustkit.toml").read_text().splitlines()
    failed = [result for result in before.values() if result["level"] == "error"]
    lines = {}
    for result in failed:
        (place,) = result["locations"]
        assert place["physicalLocation"]["artifactLocation"]["uri"] == "trustkit.toml"
        line = configuration[place["physicalLocation"]["region"]["startLine"] - 1]
        claim = re.search(r"fail: (\S+ \S+)", result["message"]["text"])[1].removesuffix(":")
        lines[claim] = line
    assert lines["bias/selection-rate ratio"] == "min_ratio = 0.8"
    assert lines["bias/error-rates tpr_difference"] == "max_tpr_difference = 0.1"
    assert lines["safety/calibration rmsce"].startswith("use = ["), "set by the policy"

    host.used.clear()
    regress(host, 5)
    assert host.workflow(workflow) == 1
    after = told_results(host)
    both = {fingerprint for fingerprint in before if before[fingerprint]["level"] == "error"} & set(after)
    assert len(both) == len(failed) == 4
    for fingerprint in both:
        assert before[fingerprint]["ruleId"] == after[fingerprint]["ruleId"]
        assert before[fingerprint]["message"] != after[fingerprint]["message"], "its figures moved"

    shutil.copy(SAMPLE / "features.py", host.workspace)
    assert host.workflow(workflow) == 0, host.log
    assert (host.workspace / "model.json").read_bytes() == (SAMPLE / "model.json").read_bytes()
    told = host.told()
    assert (told["verdict"], told["gate"], told["score"]) == ("inconclusive", "true", "100.0")


@pytest.mark.end_to_end
def test_a_card_that_fails_is_uploaded_before_the_job_fails(host):
    regress(host, 0)
    assert host.action({"python-version": "3.12"}) == 1
    assert [name for name, _ in host.used] == [
        "actions/setup-python@v6",
        "actions/cache@v5",
        "github/codeql-action/upload-sarif@v4",
        "actions/upload-artifact@v6",
    ]
    given = dict(host.used)
    assert given["actions/setup-python@v6"] == {"python-version": "3.12"}
    assert Path(given["actions/cache@v5"]["path"]).is_absolute()
    assert re.fullmatch(r"trustkit-Linux-\d+-\d+", given["actions/cache@v5"]["key"])
    assert given["github/codeql-action/upload-sarif@v4"]["category"] == "trustkit ."
    artifact = given["actions/upload-artifact@v6"]
    assert artifact["name"] == "trustkit-scorecard"
    files = {file.name for file in Path(artifact["path"]).iterdir()}
    assert files == {f"scorecard.{suffix}" for suffix in ("json", "html", "sarif", "xml")}
    assert "::error file=trustkit.toml,line=22,title=TK-FAI-02 Outcome disparity::fail: " in host.log
    assert "# Scorecard of `Loans 3`" in (host.temp / "summary-audit.md").read_text()


@pytest.mark.end_to_end
def test_inputs_reach_the_command(host, tmp_path):
    regress(host, 0)
    assert host.action({"fail-on": "never", "sarif": "false", "artifact": ""}) == 0
    first = host.told()
    assert first["verdict"] == "fail"
    assert [name for name, _ in host.used] == ["actions/cache@v5"]
    moved = host.workspace / "-risk"
    moved.mkdir()
    for file in list(host.workspace.glob("*.*")):
        file.rename(moved / file.name)
    given = {"path": "-risk", "policy": "unga-78-265", "baseline": first["card"]}
    assert host.action(given) in (0, 1)
    card = json.loads(Path(host.told()["card"]).read_text())
    assert card["policies"][0]["id"] == "unga-78-265"
    assert card["gate"]["baseline"]["digest"] == json.loads(Path(first["card"]).read_text())["digest"]


@pytest.mark.end_to_end
def test_no_input_is_a_command(host):
    for hostile in (
        '"; touch pwned; "',
        "$(touch pwned)",
        "`touch pwned`",
        "--quiet\n touch pwned",
        "${IFS}",
    ):
        assert host.action(dict.fromkeys(("path", "policy", "fail-on", "baseline"), hostile)) == 2
        assert host.told() == {"verdict": "", "gate": "", "score": "", "card": ""}
    assert not list(host.workspace.rglob("pwned"))
    assert "error: " in host.log.lower()
    assert not [name for name, _ in host.used if name != "actions/cache@v5"], "there is no card to upload"


def test_no_expression_stands_in_a_script_and_every_action_is_pinned():
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
        if "uses" in step:
            assert re.fullmatch(r"(actions|github)/[\w/-]+@v\d+", step["uses"])
    for name, each in ACTION["inputs"].items():
        assert each["description"].endswith("."), name
        assert isinstance(each["default"], str), f"{name}: YAML made something else of it"


@pytest.mark.slow
def test_the_action_installs_from_the_registry(tmp_path):
    workspace = tmp_path / "workspace"
    shutil.copytree(SAMPLE, workspace, ignore=shutil.ignore_patterns("__pycache__"))
    host = Host(workspace, tmp_path, environment={})
    assert host.action({}) == 0, host.log


# The plugin, where it is installed


@pytest.mark.end_to_end
def test_the_installed_plugin_is_found_by_its_entry_point(installed, host):
    command = [
        installed / "trustkit/bin/python",
        "-m",
        "pytest",
        "--trustkit=.",
        "-q",
        "-p",
        "no:cacheprovider",
    ]
    ran = subprocess.run(
        command,
        cwd=host.workspace,
        env={**os.environ, **OFFLINE},
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "3 passed, 2 skipped" in ran.stdout
    assert "trustkit.toml: gate holds" in ran.stdout


# GitLab


def gitlab_job(*texts):
    """The job and the variables that GitLab makes of files that include each other, the last one last."""
    merged = {}
    for text in texts:
        for key, value in yaml.safe_load(text).items():
            merged[key] = {**merged.get(key, {}), **value} if isinstance(value, dict) else value
    return merged["trustkit"], merged["variables"]


def run_gitlab(job, variables, workspace, temp):
    """Run a job's scripts in one shell, as GitLab's runner does."""
    script = "\n".join(["set -eo pipefail", *job.get("before_script", []), *job["script"]])
    environment = {
        **os.environ,
        **OFFLINE,
        **variables,
        "PATH": f"{temp / 'trustkit/bin'}{os.pathsep}{os.environ['PATH']}",
        "CI_PROJECT_DIR": str(workspace),
    }
    command = [BASH, "-c", script]
    return subprocess.run(
        command, cwd=workspace, env=environment, check=False, capture_output=True, text=True
    )


TEMPLATE = (ROOT / "ci" / "gitlab.yml").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_gitlab_job_holds_and_fails_as_the_action_does(installed, host):
    job, variables = gitlab_job(TEMPLATE, (SAMPLE / ".gitlab-ci.yml").read_text())
    ran = run_gitlab(job, variables, host.workspace, installed)
    assert ran.returncode == 0, ran.stderr
    regress(host, 0)
    ran = run_gitlab(job, variables, host.workspace, installed)
    assert ran.returncode == 1, ran.stderr
    assert job["artifacts"]["when"] == "always"
    reports = job["artifacts"]["reports"]
    issues = json.loads((host.workspace / reports["codequality"]).read_text())
    assert issues[0]["location"] == {"path": "trustkit.toml", "lines": {"begin": 22}}
    assert "<failure" in (host.workspace / reports["junit"]).read_text()
    (folder,) = job["artifacts"]["paths"]
    assert len(list((host.workspace / folder).iterdir())) == 4


@pytest.mark.end_to_end
def test_no_variable_of_the_gitlab_job_is_a_command(installed, host):
    job, variables = gitlab_job(TEMPLATE, "{}")
    for hostile in ('"; touch pwned; "', "$(touch pwned)", "`touch pwned`"):
        given = variables | dict.fromkeys(("TRUSTKIT_PATH", "TRUSTKIT_FAIL_ON", "TRUSTKIT_BASELINE"), hostile)
        assert run_gitlab(job, given, host.workspace, installed).returncode == 2
    assert not list(host.workspace.rglob("pwned"))
    given = {**variables, "TRUSTKIT_FAIL_ON": "inconclusive"}
    assert run_gitlab(job, given, host.workspace, installed).returncode == 1


# pre-commit


def run_hook(id, installed, workspace, *files):
    """Run a hook on the files that it is for, as pre-commit does."""
    hook = HOOKS[id]
    chosen = [file for file in files if re.search(hook["files"], file)]
    command = [*hook["entry"].split(), *chosen]
    command[0] = str(installed / "trustkit/bin" / command[0])
    return subprocess.run(
        command, cwd=workspace, env={**os.environ, **OFFLINE}, check=False, capture_output=True, text=True
    )


def test_the_hooks_are_those_of_the_sample():
    sample = yaml.safe_load((SAMPLE / ".pre-commit-config.yaml").read_text())
    assert [hook["id"] for hook in sample["repos"][0]["hooks"]] == list(HOOKS)
    for hook in HOOKS.values():
        assert hook["language"] == "python"
        assert set(hook) == {"id", "name", "description", "entry", "language", "files"}


@pytest.mark.end_to_end
def test_check_config_is_asked_of_configurations_alone(installed, host):
    (host.workspace / "risk").mkdir()
    text = (SAMPLE / "trustkit.toml").read_text()
    (host.workspace / "risk" / "trustkit.toml").write_text(text.replace("min_ratio", "min_rati"))
    changed = ("trustkit.toml", "risk/trustkit.toml", "train.py", "nottrustkit.toml")
    ran = run_hook("trustkit-check-config", installed, host.workspace, *changed)
    assert ran.returncode == 2
    assert "error: risk/trustkit.toml: " in ran.stderr
    assert "did you mean 'min_ratio'?" in ran.stderr
    assert "error: trustkit.toml" not in ran.stderr
    ran = run_hook("trustkit-check-config", installed, host.workspace, "trustkit.toml")
    assert (ran.returncode, ran.stdout.splitlines()[0]) == (0, "ok: trustkit.toml")


@pytest.mark.end_to_end
def test_scan_is_asked_of_models_alone(installed, host):
    import pickle

    (host.workspace / "good.npy").write_bytes((ROOT / "tests/data/ORIGIN.md").read_bytes()[:0])
    (host.workspace / "bad.pkl").write_bytes(pickle.dumps(os.system))
    ran = run_hook(
        "trustkit-scan", installed, host.workspace, "train.py", "data.csv", "bad.pkl", "trustkit.toml"
    )
    assert ran.returncode == 1
    assert ran.stdout.startswith("fail         bad.pkl")
    assert "train.py" not in ran.stdout


@pytest.mark.parametrize("arguments", [["check-config", "examples/ci"], ["scan", "--quiet", "LICENSE"]])
def test_a_hook_loads_no_data_library(arguments):
    code = f"""
import sys, trustkit.cli
sys.argv = ["trustkit", *{arguments}]
try:
    trustkit.cli.main()
except SystemExit:
    pass
heavy = {{"pandas", "pyarrow", "narwhals", "scipy", "sklearn", "fairlearn", "jinja2", "polars"}}
print(sorted(heavy & set(sys.modules)), file=sys.stderr)
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert ran.stderr == "[]\n"


# The page: CI in ten lines


def page_block(language, first):
    """The block of docs/ci.md that begins so, at most ten lines long."""
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"```{language}\n({re.escape(first)}.*?)```", page, re.DOTALL)
    assert len(block.splitlines()) <= 10
    return block


@pytest.mark.end_to_end
def test_ten_lines_for_github(host):
    workflow = host.temp / "ten.yml"
    workflow.write_text(page_block("yaml", "name: audit"))
    assert host.workflow(workflow) == 0, host.log
    assert host.told()["gate"] == "true"
    model = host.workspace / "model.json"
    model.write_text(model.read_text().replace("-11.9", "-19.9"))  # hardly anybody gets a loan
    assert host.workflow(workflow) == 1


@pytest.mark.end_to_end
def test_ten_lines_for_gitlab(installed, host):
    job, variables = gitlab_job(TEMPLATE, page_block("yaml", "include:"))
    ran = run_gitlab(job, variables, host.workspace, installed)
    assert ran.returncode == 0, ran.stderr
    assert page_block("yaml", "repos:") in (SAMPLE / ".pre-commit-config.yaml").read_text().replace(
        " # where you have it from", ""
    )


@pytest.mark.end_to_end
def test_ten_lines_of_shell(installed, host, tmp_path):
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, ROOT]
    subprocess.run(wheel, check=True, env={**os.environ, **OFFLINE})
    environment = {
        **os.environ,
        **OFFLINE,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PIP_FIND_LINKS": str(tmp_path),
        "PIP_IGNORE_INSTALLED": "1",
        "PIP_NO_DEPS": "1",
    }
    command = [BASH, "-e", "-c", page_block("sh", "python3 -m venv")]
    ran = subprocess.run(
        command, cwd=host.workspace, env=environment, check=False, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert "GATE     holds" in ran.stdout
    assert len(list(host.workspace.glob("scorecard.*"))) == 3
