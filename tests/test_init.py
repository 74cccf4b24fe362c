"""What `trustkit init` writes explains itself, shows no value but classes, and audits at once."""

from __future__ import annotations

import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from trustkit.cli import app
from trustkit.config import DOCUMENTS, Config

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(folder: Path, *args: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.chdir(folder)
    return CliRunner().invoke(app, [*args])


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def loans(n: int = 400) -> pd.DataFrame:
    """A log with everything: persons, time, decision, score, an outcome that is feared."""
    r = rng(1)
    truth = r.integers(0, 2, n)
    return pd.DataFrame(
        {
            "customer_id": [f"C{i:05}" for i in r.integers(0, n // 2, n)],
            "decided_at": pd.date_range("2026-01-01", periods=n, freq="h").strftime("%Y-%m-%dT%H:%M:%S"),
            "gender": r.choice(["f", "m"], n),
            "age": r.integers(18, 80, n),
            "postcode": r.integers(7000, 7100, n).astype(str),
            "amount": r.lognormal(9, 1, n).round(2),
            "decision": np.where(r.random(n) < 0.8, truth, 1 - truth),
            "probability": r.random(n).round(6),
            "defaulted": truth,
        }
    )


def hiring(n: int = 300) -> pd.DataFrame:
    """Text classes, names, a group with few rows."""
    r = rng(2)
    return pd.DataFrame(
        {
            "Applicant Name": [f"Person {i} Doe" for i in range(n)],
            "email": [f"p{i}@example.org" for i in range(n)],
            "Ethnicity": r.choice(["A", "B", "C"], n, p=[0.6, 0.38, 0.02]),
            "years_experience": r.integers(0, 30, n),
            "predicted": r.choice(["hired", "rejected"], n),
            "outcome": r.choice(["hired", "rejected"], n),
        }
    )


def census(n: int = 500) -> pd.DataFrame:
    """Adult's columns: weights that may be none, classes with signs."""
    r = rng(3)
    return pd.DataFrame(
        {
            "age": r.integers(17, 90, n).astype(float),
            "fnlwgt": r.integers(10_000, 900_000, n),
            "marital-status": r.choice(["Married", "Single"], n),
            "native-country": r.choice([f"Country {i}" for i in range(40)], n),
            "race": r.choice(["White", "Black", "Other"], n),
            "sex": r.choice(["Female", "Male"], n),
            "income": r.choice(["<=50K", ">50K"], n),
            "y_pred": r.choice(["<=50K", ">50K"], n),
        }
    )


def triage(n: int = 300) -> pd.DataFrame:
    """More than two classes, holes, booleans."""
    r = rng(4)
    sex = pd.Series(r.choice(["F", "M"], n)).mask(r.random(n) < 0.1)
    return pd.DataFrame(
        {
            "patient_id": np.arange(n),
            "sex": sex,
            "Age": pd.Series(r.integers(0, 100, n)).mask(r.random(n) < 0.2),
            "disabled": r.random(n) < 0.2,
            "label": r.choice(["green", "yellow", "red"], n),
            "prediction": r.choice(["green", "yellow", "red"], n),
        }
    )


def hostile(n: int = 200) -> pd.DataFrame:
    """Names of columns and classes that would break a file."""
    r = rng(5)
    return pd.DataFrame(
        {
            'sex"\n[data]\nx = "': r.choice(["F\n#", 'M"'], n),
            "age\u202e\x07 # \\": r.integers(18, 90, n),
            "=cmd()|'": r.random(n),
            "decision'''": r.choice(["yes", "no"], n),
            "target\x7f": r.choice(["yes", "no"], n),
            "": r.integers(0, 9, n),
            "x" * 3000: r.integers(0, 9, n),
        }
    )


def bare(n: int = 120) -> pd.DataFrame:
    """Nothing that a name tells."""
    r = rng(6)
    return pd.DataFrame({"a": r.random(n), "b": r.choice(["u", "v", "w"], n), "c": r.integers(0, 99, n)})


def prices(n: int = 300) -> pd.DataFrame:
    """A quantity, not a class."""
    r = rng(7)
    return pd.DataFrame(
        {"region": r.choice(["n", "s"], n), "sex": r.choice(["f", "m"], n), "target": r.normal(9, 1, n)}
    )


TABLES = {
    "loans": loans, "hiring": hiring, "census": census, "triage": triage, "hostile": hostile, "bare": bare,
    "prices": prices,
}  # fmt: skip


def written(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "trustkit.toml").read_text(encoding="utf-8"))


def start(folder: Path, table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, form: str = "csv") -> Result:
    file = folder / f"table.{form}"
    table.to_parquet(file) if form == "parquet" else table.to_csv(file, index=False)
    return run(folder, "init", file.name, monkeypatch=monkeypatch)


@pytest.mark.parametrize("name", [name for name in TABLES if name != "bare"])
def test_what_it_writes_audits_at_once(name, tmp_path, monkeypatch):
    made = start(tmp_path, TABLES[name](), monkeypatch, "parquet" if name == "hostile" else "csv")
    assert made.exit_code == 0, made.output
    assert run(tmp_path, "check-config", monkeypatch=monkeypatch).exit_code == 0
    audited = run(tmp_path, "audit", "--quiet", monkeypatch=monkeypatch)
    assert audited.exit_code in (0, 1), audited.output[-600:]


@pytest.mark.parametrize("name", TABLES)
def test_each_key_is_explained_and_no_value_is_shown(name, tmp_path, monkeypatch):
    table = TABLES[name]()
    start(tmp_path, table, monkeypatch, "parquet" if name == "hostile" else "csv")
    text = (tmp_path / "trustkit.toml").read_text(encoding="utf-8")
    lines = text.split("\n")
    for at, line in enumerate(lines[lines.index("[data]") + 2 :], lines.index("[data]") + 2):
        if line and not line.startswith("#"):
            assert lines[at - 1].startswith("# "), line
    assert all(line.isprintable() for line in lines)
    roles = written(tmp_path)["data"]
    classes = {roles.get("target"), roles.get("prediction")}
    for column in table.columns:
        values = {str(value) for value in table[column].head(50)}
        if column not in classes and len(values) > 15:
            assert not [value for value in values if len(value) > 4 and value in text], column


def test_a_log_with_everything(tmp_path, monkeypatch):
    made = start(tmp_path, loans(), monkeypatch)
    assert written(tmp_path)["data"] == {
        "audit": "table.csv",
        "target": "defaulted",
        "favorable": 0,
        "positive": 1,
        "prediction": "decision",
        "score": "probability",
        "sensitive": ["gender", "age"],
        "bins": {"age": [25, 40, 60]},
        "quasi_identifiers": ["gender", "age", "postcode"],
        "unit": "customer_id",
        "time": "decided_at",
    }
    assert made.stderr == ""


def test_of_many_rows_the_first_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr("trustkit.commands.starting.LOOKED_AT", 200)
    start(tmp_path, loans(), monkeypatch)
    text = (tmp_path / "trustkit.toml").read_text()
    assert text.startswith(
        "# Guessed from table.csv: 400 rows, of which the first 200 were looked at, 9 columns."
    )
    assert written(tmp_path)["data"]["target"] == "defaulted"


def test_text_classes_and_identifiers(tmp_path, monkeypatch):
    start(tmp_path, hiring(), monkeypatch)
    data = written(tmp_path)["data"]
    assert (data["target"], data["prediction"], data["favorable"]) == ("outcome", "predicted", "hired")
    assert data["sensitive"] == ["Ethnicity"]
    assert "unit" not in data
    assert "Applicant Name, email" in (tmp_path / "trustkit.toml").read_text()


def test_a_weight_that_may_be_none_is_commented_out(tmp_path, monkeypatch):
    start(tmp_path, census(), monkeypatch)
    data = written(tmp_path)["data"]
    assert (data["target"], data["favorable"], data["prediction"]) == ("income", ">50K", "y_pred")
    assert "weight" not in data
    assert '# weight = "fnlwgt"' in (tmp_path / "trustkit.toml").read_text()


def test_what_nothing_tells_is_to_be_decided(tmp_path, monkeypatch):
    made = start(tmp_path, bare(), monkeypatch)
    assert written(tmp_path)["data"] == {"audit": "table.csv"}
    told = [line.partition(": ")[2].partition(":")[0] for line in made.stderr.splitlines()]
    assert told == ["data.prediction", "data.target", "data.sensitive"]


@pytest.mark.parametrize("labels", [("1", "2"), ("blue", "red")])
def test_a_class_that_nobody_can_guess_is_told_at_once(tmp_path, monkeypatch, labels):
    table = pd.DataFrame({"g": ["a", "b"] * 50, "outcome": [*labels] * 50, "decision": [*labels] * 50})
    made = start(tmp_path, table, monkeypatch)
    assert made.exit_code == 0
    assert "to decide: data.favorable: required" in made.stderr
    assert "favorable" not in written(tmp_path)["data"]
    assert "# favorable = " in (tmp_path / "trustkit.toml").read_text()


@pytest.mark.parametrize("example", [pytest.param("credit", marks=pytest.mark.end_to_end), "decision-log"])
def test_the_examples_audit_at_once(tmp_path, monkeypatch, example):
    folder = tmp_path / example
    shutil.copytree(EXAMPLES / example, folder)
    args = {"credit": ("credit_model:model", "audit.csv"), "decision-log": ("compas.csv",)}[example]
    assert run(folder, "init", *args, monkeypatch=monkeypatch).exit_code == 2, "one is there already"
    monkeypatch.setattr(sys, "path", [*sys.path])
    made = run(folder, "init", "--force", *args, monkeypatch=monkeypatch)
    assert (made.exit_code, made.stderr) == (0, "")
    assert written(folder)["data"]["target"] == {"credit": "risk", "decision-log": "recidivated"}[example]
    audited = run(folder, "audit", "--quiet", monkeypatch=monkeypatch)
    assert audited.exit_code in (0, 1), audited.output[-600:]


MODEL = """
import numpy as np
class Model:
    {names}
    classes_ = np.array(["no", "yes"])
    def predict(self, X):
        return np.where(X[{columns}].sum(axis=1) > 50, "yes", "no")
model = Model()
"""


class TestModels:
    def start(self, folder, monkeypatch, names, columns="['age']"):
        (folder / "mine.py").write_text(MODEL.format(names=names, columns=columns))
        table = census().assign(bought=rng().choice(["no", "yes"], 500)).drop(columns=["income", "y_pred"])
        table.to_csv(folder / "table.csv", index=False)
        monkeypatch.setattr(sys, "path", [*sys.path])
        monkeypatch.delitem(sys.modules, "mine", raising=False)
        return run(folder, "init", "mine:model", "table.csv", monkeypatch=monkeypatch)

    def test_its_features_and_classes_tell_the_target(self, tmp_path, monkeypatch):
        made = self.start(tmp_path, monkeypatch, "feature_names_in_ = np.array(['age'])")
        assert made.stderr == ""
        config = written(tmp_path)
        assert config["system"]["model"] == "mine:model"
        assert (config["data"]["target"], config["data"]["favorable"]) == ("bought", "yes")
        assert run(tmp_path, "audit", "--quiet", monkeypatch=monkeypatch).exit_code in (0, 1)

    def test_columns_that_it_does_not_take_are_told(self, tmp_path, monkeypatch):
        made = self.start(tmp_path, monkeypatch, "", "['nowhere']")
        assert "to decide: data.features: the model does not take these columns" in made.stderr

    def test_a_model_that_cannot_be_loaded_is_told(self, tmp_path, monkeypatch):
        census().to_csv(tmp_path / "table.csv", index=False)
        made = run(tmp_path, "init", "nowhere:model", "table.csv", monkeypatch=monkeypatch)
        assert made.exit_code == 0
        assert "to decide: system.model" in made.stderr


class TestCommand:
    def test_nothing_is_overwritten(self, tmp_path, monkeypatch):
        (tmp_path / "trustkit.toml").write_text("mine")
        made = start(tmp_path, bare(), monkeypatch)
        assert made.exit_code == 2
        assert "--force" in made.stderr
        assert (tmp_path / "trustkit.toml").read_text() == "mine"
        assert run(tmp_path, "init", "--force", "table.csv", monkeypatch=monkeypatch).exit_code == 0

    @pytest.mark.parametrize(
        "args", [("nowhere.csv",), ("a", "b", "c"), (), ("table.csv", "-o", "nowhere/x.toml")]
    )
    def test_wrong_arguments(self, tmp_path, monkeypatch, args):
        bare().to_csv(tmp_path / "table.csv", index=False)
        made = run(tmp_path, "init", *args, monkeypatch=monkeypatch)
        assert made.exit_code == 2
        assert not (tmp_path / "trustkit.toml").exists()
        assert "Traceback" not in made.output

    def test_elsewhere(self, tmp_path, monkeypatch):
        (tmp_path / "conf").mkdir()
        loans().to_csv(tmp_path / "table.csv", index=False)
        made = run(tmp_path, "init", "table.csv", "-o", "conf/a.toml", monkeypatch=monkeypatch)
        assert made.exit_code == 0
        assert Config.read(tmp_path / "conf" / "a.toml").data.audit == "../table.csv"
        assert run(tmp_path, "audit", "conf/a.toml", "--quiet", monkeypatch=monkeypatch).exit_code in (0, 1)

    def test_documents(self, tmp_path, monkeypatch):
        loans().to_csv(tmp_path / "table.csv", index=False)
        mine = tmp_path / "docs" / "trustkit" / "notice.md"
        mine.parent.mkdir(parents=True)
        mine.write_text("# Ours\n")
        made = run(tmp_path, "init", "--documents", "table.csv", monkeypatch=monkeypatch)
        assert made.exit_code == 0, made.output
        config = Config.read(tmp_path)
        assert [*config.documents] == [*DOCUMENTS]
        assert config.system.card == "docs/trustkit/card.md"
        assert config.missing_files() == []
        assert mine.read_text() == "# Ours\n", "a document is never overwritten"
        audited = run(
            tmp_path,
            "audit",
            "--quiet",
            "--policy",
            "unga-78-265",
            "--only",
            "TK-SAF-02",
            monkeypatch=monkeypatch,
        )
        assert audited.exit_code == 1
        assert "FAIL" in audited.output, "a template is empty"
