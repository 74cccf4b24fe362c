"""A folder that MLflow wrote is judged as the object is, and loaded only where its digest is trusted."""

import importlib
import shutil

import joblib
import numpy as np
import pytest
import yaml
from linear import INPUTS, drawn, fitted

import trustkit as tk
from trustkit.collectors.provenance import digest
from trustkit.config import Config
from trustkit.errors import ConfigError
from trustkit.models.files import load
from trustkit.models.scanning import scan


@pytest.fixture(scope="module")
def table():
    return drawn(800, seed=3)


@pytest.fixture(scope="module")
def model(table):
    return fitted(table)


def declared(folder, flavor, file, loader=None, key="data"):
    """Write an MLmodel file as MLflow does."""
    folder.mkdir(exist_ok=True)
    flavors = {
        "python_function": {"loader_module": loader or f"mlflow.{flavor}", "python_version": "3.11.7"},
        flavor: {key: file, "code": None},
    }
    (folder / "MLmodel").write_text(yaml.safe_dump({"flavors": flavors, "mlflow_version": "3.17.2"}))
    (folder / "requirements.txt").write_text("scikit-learn==1.9.1\n")


@pytest.fixture
def folder(model, tmp_path):
    """The folder of an sklearn model, by pickle."""
    declared(tmp_path / "model", "sklearn", "model.pkl", key="pickled_model")
    joblib.dump(model, tmp_path / "model" / "model.pkl")
    return tmp_path


def trust_of(folder):
    return f"sha256:{digest(folder)[0]}"


def loaded(folder, trust=None, allow=None):
    return load("model", folder=folder, trust=trust, allow=allow or {})


def refused(folder, trust=None):
    with pytest.raises(ConfigError) as caught:
        loaded(folder, trust)
    return {problem.key: problem.found for problem in caught.value.problems}


def assert_as_the_object(folder, model, table, *, trusted):
    """Audit a folder and the object: each finding has to have the same figure, interval and verdict."""
    keys = {"target": "target", "favorable": 1, "features": INPUTS, "sensitive": ["sex"]}
    system = {"model": "model", **({"trust": trust_of(folder / "model")} if trusted else {})}
    config = Config.of(folder=folder, system=system, data=keys)
    only = ["bias/selection-rate", "bias/error-rates", "safety/performance", "safety/calibration"]
    cards = [tk.audit(config=config, data=table, only=only), tk.audit(model, table, **keys, only=only)]
    found, expected = (
        {each.id: (each.verdict, each.estimate, each.interval) for each in card.findings} for card in cards
    )
    assert found == expected


@pytest.mark.slow  # MLflow takes seconds to import
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", ["skops", "cloudpickle"])
def test_what_mlflow_saves_gives_the_findings_of_the_object(model, table, tmp_path, form):
    import mlflow.sklearn

    mlflow.sklearn.save_model(
        model, tmp_path / "model", serialization_format=form, pip_requirements=["scikit-learn"]
    )
    assert_as_the_object(tmp_path, model, table, trusted=form != "skops")


@pytest.mark.slow
def test_a_folder_is_judged_as_the_object_is(folder, model, table):
    assert_as_the_object(folder, model, table, trusted=True)


def test_a_pickle_in_a_folder_is_trusted_by_the_digest_of_all_its_files(folder, model, table):
    assert "which can run code" in refused(folder)["system.trust"]
    trust = trust_of(folder / "model")
    assert scan(folder / "model").sha256 == trust.removeprefix("sha256:")
    asked = loaded(folder, trust)
    assert asked.predict(table[INPUTS]).tolist() == model.predict(table[INPUTS]).tolist()
    assert np.abs(asked.predict_proba(table[INPUTS]) - model.predict_proba(table[INPUTS])).max() < 1e-12
    asked.close()
    (folder / "model" / "requirements.txt").write_text("scikit-learn==1.0\n")
    assert "not the file that is trusted" in refused(folder, trust)["system.trust"]


def test_a_file_exchanged_after_the_scan_is_not_loaded(folder, monkeypatch):
    trust = trust_of(folder / "model")
    scanned = scan(folder / "model")
    joblib.dump([1], folder / "model" / "model.pkl")
    monkeypatch.setattr(
        "trustkit.models.files.scan", lambda path: scanned if path.name == "model" else scan(path)
    )
    assert "changed since it was scanned" in refused(folder, trust)["system.model"]


@pytest.mark.parametrize(
    ("loader", "words"),
    [("mlflow.pyfunc.model", "loader_module 'mlflow.pyfunc.model'"), ("evil.loader", "'evil.loader'")],
)
def test_only_flavors_that_are_one_file_are_loaded(folder, loader, words):
    declared(folder / "model", "sklearn", "model.pkl", loader, "pickled_model")
    found = refused(folder, trust_of(folder / "model"))["system.model"]
    assert words in found
    assert "mlflow.sklearn, mlflow.xgboost, mlflow.lightgbm, mlflow.onnx" in found


@pytest.mark.parametrize(
    "file",
    ["../model.pkl", "/etc/passwd", "missing.pkl", None, 7, "."],
    ids=["up", "root", "no", "-", "7", "."],
)
def test_the_model_lies_inside_its_folder(folder, file):
    shutil.copy(folder / "model" / "model.pkl", folder / "model.pkl")
    declared(folder / "model", "sklearn", file, key="pickled_model")
    assert "no file inside" in refused(folder, trust_of(folder / "model"))["system.model"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "without a file MLmodel"),
        ("[1, 2", "cannot be read as YAML"),
        ("- 1\n", "names no flavors"),
        ("flavors: [sklearn]\n", "names no flavors"),
        ("flavors: {}\n", "loader_module ''"),
    ],
)
def test_a_folder_that_is_none_of_mlflow_is_refused_in_plain_words(folder, text, words):
    file = folder / "model" / "MLmodel"
    file.unlink() if text is None else file.write_text(text)
    assert words in refused(folder, trust_of(folder / "model"))["system.model"]


def test_a_link_or_source_in_the_folder_stops_it(folder):
    (folder / "model" / "loader.py").write_text("import os\n")
    assert "Python source" in refused(folder, trust_of(folder / "model"))["system.model"]
    (folder / "model" / "loader.py").unlink()
    (folder / "model" / "further").symlink_to(folder / "model" / "model.pkl")
    assert "not followed" in refused(folder, trust_of(folder / "model"))["system.model"]


def test_code_beside_the_model_runs_where_its_owner_allows_it(folder, table):
    code = folder / "model" / "code"
    code.mkdir()
    (code / "beside_model.py").write_text(
        "class Rule:\n    def predict(self, X):\n        return (X['a'] > 0).astype(int).to_numpy()\n"
    )
    payload = b"cbeside_model\nRule\n)\x81."
    (folder / "model" / "model.pkl").write_bytes(b"\x80\x02" + payload)
    trust = trust_of(folder / "model")
    assert "beside_model.Rule" in refused(folder, trust)["system.model"]
    allow = {"beside_model:Rule": "ours", "code/beside_model:py": "ours"}
    asked = loaded(folder, trust, allow)
    assert asked.predict(table[INPUTS]).tolist() == (table["a"] > 0).astype(int).tolist()
    asked.close()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("flavor", ["xgboost", "lightgbm"])
@pytest.mark.parametrize("native", [True, False], ids=["booster", "classifier"])
def test_the_other_flavors_that_mlflow_saves(table, tmp_path, flavor, native):
    """A booster's own file is of numbers alone, and needs no trust; LightGBM's classifier is a skops file."""
    package, saver = importlib.import_module(flavor), importlib.import_module(f"mlflow.{flavor}")
    made = getattr(package, {"xgboost": "XGBClassifier", "lightgbm": "LGBMClassifier"}[flavor])
    fitted = made(n_estimators=5).fit(table[INPUTS], table["target"])
    booster = fitted.get_booster() if flavor == "xgboost" else fitted.booster_
    saver.save_model(booster if native else fitted, tmp_path / "model", pip_requirements=["numpy"])
    asked = loaded(tmp_path)
    assert np.abs(asked.predict_proba(table[INPUTS]) - fitted.predict_proba(table[INPUTS])).max() < 1e-6
    asked.close()


def test_a_refused_folder_is_a_finding_where_the_data_carry_the_decisions(folder, table):
    logged = table.assign(decision=table["target"])
    config = Config.of(
        folder=folder,
        system={"model": "model"},
        data={"target": "target", "prediction": "decision", "favorable": 1},
    )
    card = tk.audit(config=config, data=logged, only=["security/artifact"])
    assert {each.metric: each.verdict for each in card.findings}["dangerous"] == "pass"
