"""A scorecard logged to MLflow: its numbers, its verdict and its files, and nothing that was not measured."""

from __future__ import annotations

import re

import pandas as pd
import pytest

import trustkit as tk
from trustkit import tracking
from trustkit.tracking import log_to_mlflow, metrics

NAME = re.compile(r"[A-Za-z0-9_.\- :/]{1,250}")
RATIO = "bias/selection-rate:ratio:sex is F to sex is M:min"


@pytest.fixture(scope="module")
def card():
    rows = [(sex, int(i < 1000 * rate)) for sex, rate in (("F", 0.3), ("M", 0.6)) for i in range(1000)]
    log = pd.DataFrame(rows, columns=["sex", "admitted"])
    return tk.audit(
        data=log, prediction="admitted", favorable=1, sensitive=["sex"], policy="fairness-baseline"
    )


@pytest.fixture(scope="module")
def mlflow():
    """MLflow, kept from speaking to anybody."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        yield pytest.importorskip("mlflow", reason="the extra mlflow is not installed")


@pytest.fixture
def store(mlflow, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "runs").as_uri())
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    yield mlflow.MlflowClient()
    mlflow.set_tracking_uri(None)


def test_numbers_are_those_of_the_card(card):
    found = metrics(card)
    claim = next(f for f in card.findings if f.verdict == "fail" and f.metric == "ratio")
    assert found[RATIO] == claim.estimate == 0.5
    assert (found[f"{RATIO}:low"], found[f"{RATIO}:high"]) == claim.interval
    assert (found["TK-FAI-02"], found["score"]) == (0.0, 0.0)
    assert "TK-FAI-03" not in found, "what is not settled is no 0"


def test_every_name_is_one_that_mlflow_takes_and_no_two_claims_share_it(card):
    claim = next(f for f in card.findings if f.verdict == "fail" and f.metric == "ratio")
    labels = ["a_b", "a=b", "a b", "a/../b", "..", "ä", "<25", ">25", "x" * 300, "x" * 301, "a~b", "a is b"]
    hostile = [claim.model_copy(update={"id": f"bias/selection-rate:ratio:g={label}"}) for label in labels]
    found = metrics(card.model_copy(update={"findings": tuple(hostile), "controls": ()}))
    named = {name for name in found if not name.endswith((":low", ":high")) and name != "score"}
    assert len(named) == len(labels)
    assert all(NAME.fullmatch(name) and ".." not in name.split("/") and "//" not in name for name in found)


def test_the_worst_claims_are_kept_of_many(card, monkeypatch):
    monkeypatch.setattr(tracking, "MOST_FINDINGS", 1)
    assert {name for name in metrics(card) if name.startswith("bias/")} == {
        RATIO,
        f"{RATIO}:low",
        f"{RATIO}:high",
    }


def test_a_card_is_logged_to_the_active_run(card, mlflow, store):
    with mlflow.start_run() as run:
        log_to_mlflow(card)
    logged = store.get_run(run.info.run_id).data
    assert logged.metrics == pytest.approx(
        {f"trustkit/{name}": value for name, value in metrics(card).items()}
    )
    assert logged.tags["trustkit.verdict"] == "fail"
    assert logged.tags["trustkit.gate"] == "does not hold: TK-FAI-02 FAIL"
    assert logged.tags["trustkit.policies"] == "fairness-baseline@1"
    assert logged.tags["trustkit.digest"] == card.digest
    page = mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/trustkit/scorecard.html")
    assert page == tk.render(card, "html")
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/trustkit/scorecard.json") == card.to_json()


def test_a_run_may_be_named_and_none_is_started(card, mlflow, store):
    with pytest.raises(tk.ConfigError, match="run_id: no run is active"):
        log_to_mlflow(card)
    assert mlflow.active_run() is None
    run = store.create_run("0")
    log_to_mlflow(card, run_id=run.info.run_id, folder="audit")
    assert store.get_run(run.info.run_id).data.metrics["audit/TK-FAI-02"] == 0.0
    assert mlflow.active_run() is None


def test_without_mlflow_it_says_what_to_install(card, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "mlflow", None)
    with pytest.raises(
        tk.ConfigError, match=r"mlflow: is not installed: pip install 'trustkit-audit\[mlflow\]'"
    ):
        log_to_mlflow(card)
