"""MLServer and MLflow's scoring server, started here, serve the income model: the findings are the object's.

Each server has an environment of its own, made by pip in the folder that the variable TRUSTKIT_SERVERS names
(it is used again) or in a temporary one. Where pip cannot install it the tests are skipped, and say why.
"""

import importlib.util
import json
import os
import socket
import subprocess
import time
import venv
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn

import trustkit as tk
from trustkit.collectors import collect
from trustkit.config import Config
from trustkit.system import System

pytestmark = pytest.mark.slow

INCOME = Path(__file__).parents[1] / "examples" / "income"
DATA = {"target": "salary", "favorable": ">50K", "sensitive": ["sex"], "sample": "a test"}
BY_DECISION = ["bias/selection-rate", "bias/error-rates", "bias/predictive-parity"]
BY_SCORE = [*BY_DECISION, "safety/calibration", "safety/performance", "bias/calibration"]
SAME_SKLEARN = [f"scikit-learn=={sklearn.__version__}", f"numpy=={np.__version__}", "pandas", "threadpoolctl"]
WANTED = {"mlserver": ["mlserver==1.7.1", "mlserver-sklearn==1.7.1"], "mlflow": ["mlflow==3.17.2"]}
INSTALLING, STARTING = 900, 120

SAVES = """
import sys
import joblib, mlflow, pandas as pd

class Scored(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.model = joblib.load(context.artifacts["model"])

    def predict(self, context, model_input, params=None):
        chances = self.model.predict_proba(model_input)
        return pd.DataFrame({"label": self.model.predict(model_input), "score": chances[:, 1]})

model, plain, scored = sys.argv[1:]
mlflow.sklearn.save_model(joblib.load(model), plain, serialization_format="cloudpickle", pip_requirements=[])
mlflow.pyfunc.save_model(scored, python_model=Scored(), artifacts={"model": model}, pip_requirements=[])
"""


@pytest.fixture(scope="session")
def environments(tmp_path_factory):
    named = os.environ.get("TRUSTKIT_SERVERS")
    return Path(named) if named else tmp_path_factory.mktemp("servers")


def environment(folder, name):
    """Make the environment of a server where it is not there yet; skip where that fails."""
    place = folder / name
    python = place / "bin" / "python"
    if not (place / "bin" / name).exists():
        venv.create(place, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", *WANTED[name], *SAME_SKLEARN]
        try:
            done = subprocess.run(install, capture_output=True, text=True, timeout=INSTALLING, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip(f"pip did not install {name} within {INSTALLING} seconds")
        if done.returncode:
            pytest.skip(f"pip cannot install {name}: {done.stderr.strip().splitlines()[-1][:200]}")
    return python


@pytest.fixture(scope="module")
def model():
    spec = importlib.util.spec_from_file_location("income_model_served", INCOME / "income_model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.model


@pytest.fixture(scope="module")
def table():
    return pd.read_parquet(INCOME / "audit.parquet").head(3000)


def free_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


@contextmanager
def running(command, ready, log, **keys):
    """Run a server until the block ends, once it answers at `ready`."""
    with (
        log.open("wb") as written,
        subprocess.Popen(
            command, stdout=written, stderr=subprocess.STDOUT, start_new_session=True, **keys
        ) as server,
    ):
        try:
            until = time.monotonic() + STARTING
            while not answers(ready):
                assert server.poll() is None, log.read_text()[-2000:]
                assert time.monotonic() < until, f"not ready: {log.read_text()[-2000:]}"
                time.sleep(0.5)
            yield
        finally:
            os.killpg(server.pid, 15)
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, 9)


def answers(address):
    try:
        with urlopen(address, timeout=2) as reply:  # noqa: S310
            return reply.status == 200
    except (URLError, OSError):
        return False


@pytest.fixture(scope="module")
def mlserver(environments, model, tmp_path_factory):
    python = environment(environments, "mlserver")
    folder = tmp_path_factory.mktemp("mlserver")
    joblib.dump(model, folder / "model.joblib")
    ports = {name: free_port() for name in ("http_port", "grpc_port", "metrics_port")}
    (folder / "settings.json").write_text(json.dumps({**ports, "host": "127.0.0.1", "parallel_workers": 0}))
    (folder / "model-settings.json").write_text(
        json.dumps(
            {
                "name": "income",
                "implementation": "mlserver_sklearn.SKLearnModel",
                "parameters": {"uri": "./model.joblib"},
            }
        )
    )
    address = f"http://127.0.0.1:{ports['http_port']}/v2/models/income"
    command = [str(python.with_name("mlserver")), "start", str(folder)]
    with running(command, f"{address}/ready", folder / "log"):
        yield f"{address}/infer"


@pytest.fixture(scope="module")
def saved(environments, model, tmp_path_factory):
    """Python of MLflow's environment, and the folders of a labels-only model and of one with scores."""
    python = environment(environments, "mlflow")
    folder = tmp_path_factory.mktemp("mlflow")
    joblib.dump(model, folder / "model.joblib")
    (folder / "save.py").write_text(SAVES)
    names = [str(folder / name) for name in ("model.joblib", "plain", "scored")]
    done = subprocess.run(
        [str(python), str(folder / "save.py"), *names], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return python, folder


@contextmanager
def scoring(saved, name):
    python, folder = saved
    port = free_port()
    command = [str(python), "-m", "mlflow", "models", "serve", "-m", str(folder / name), "-p", str(port)]
    command += ["--env-manager", "local", "--host", "127.0.0.1"]
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with running(command, f"http://127.0.0.1:{port}/ping", folder / f"{name}.log", env=env):
        yield f"http://127.0.0.1:{port}/invocations"


@pytest.fixture(scope="module")
def scored(saved):
    with scoring(saved, "scored") as address:
        yield address


def config_of(model, address, **http):
    features = [str(name) for name in model.feature_names_in_]
    keys = {"classes": ["<=50K", ">50K"], "batch": 500, **http}
    return Config.of(system={"model": address}, data={**DATA, "features": features}, model={"http": keys})


def assert_as_the_object(model, table, config, checks):
    of_object = tk.audit(model, table, **DATA, only=checks)
    over_http = tk.audit(data=table, config=config, only=checks)
    mine, other = ({f.id: f for f in card.findings} for card in (over_http, of_object))
    assert mine.keys() == other.keys()
    assert len(mine) > 5
    for name, found in mine.items():
        expected = other[name]
        assert found.verdict == expected.verdict, name
        for one, two in zip(
            (found.estimate, *(found.interval or ())),
            (expected.estimate, *(expected.interval or ())),
            strict=True,
        ):
            assert one == pytest.approx(two, abs=1e-6, nan_ok=True), name


SPOKEN = {
    "mlserver": {"response": "predict", "score": "predict_proba"},
    "scored": {"response": "predictions[*].label", "score": "predictions[*].score"},
}


@pytest.mark.parametrize("server", SPOKEN)
def test_the_findings_are_those_of_the_object(model, table, server, request):
    config = config_of(model, request.getfixturevalue(server), **SPOKEN[server])
    assert_as_the_object(model, table, config, BY_SCORE)


@pytest.mark.parametrize("server", SPOKEN)
def test_the_scores_are_those_of_the_object(model, table, server, request):
    config = config_of(model, request.getfixturevalue(server), **SPOKEN[server])
    from trustkit.models.endpoints import Endpoint

    asked = Endpoint(config.system.model, Path(), config.model.http.model_dump())
    inputs = table[list(model.feature_names_in_)]
    assert asked.predict(inputs) == model.predict(inputs).tolist()
    assert np.abs(asked.predict_proba(inputs) - model.predict_proba(inputs)).max() < 1e-6
    asked.close()


def test_mlflow_serves_labels_alone_by_default(model, table, saved):
    with scoring(saved, "plain") as address:
        assert_as_the_object(model, table, config_of(model, address, classes=[]), BY_DECISION)


def test_the_folder_that_mlflow_serves_is_loaded_too(model, table, saved):
    from trustkit.models.scanning import scan

    _, folder = saved
    system = {"model": "plain", "trust": f"sha256:{scan(folder / 'plain').sha256}"}
    features = [str(name) for name in model.feature_names_in_]
    config = Config.of(folder=folder, system=system, data={**DATA, "features": features})
    assert_as_the_object(model, table, config, BY_SCORE)


@pytest.mark.parametrize("server", SPOKEN)
def test_what_a_real_server_does_at_the_door(model, table, server, request):
    """It stands on the loopback, wants no credentials, refuses what it cannot read, and goes on answering."""
    config = config_of(model, request.getfixturevalue(server), **SPOKEN[server])
    config = config.replace(options={"security/endpoint": {"budget": 120}})
    found = collect(System(None, table, config=config), only=["probes", "trials"])
    assert not found.errors
    probes = found.kinds["probes"]
    assert probes.load.answered == probes.load.sent == 300
    assert probes.kinds["an honest request afterwards"].answered == 1
    assert probes.kinds["malformed JSON"].answered == 0
    assert probes.disagreeing == 0
    trials = found.kinds["trials"].kinds
    assert not sum(each.crashed + each.silent + each.misaligned for each in trials.values())
    assert trials["an input missing"].refused == trials["an input missing"].sent > 2
