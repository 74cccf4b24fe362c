"""A model behind an address is judged as the object is, whatever the network does, and tells no secret."""

import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from linear import INPUTS, drawn, fitted
from serving import certificate_in, serving

import trustkit as tk
from trustkit.collectors import collect
from trustkit.config import Config
from trustkit.errors import ConfigError, ModelError
from trustkit.models.endpoints import Endpoint, Reply, _seconds
from trustkit.models.protocols import Template, is_path
from trustkit.system import System

V2 = {"response": "predict", "score": "predict_proba", "classes": [0, 1]}
MLFLOW = {"response": "predictions[*].label", "score": "predictions[*].chances", "classes": [0, 1]}
JSON = {
    "protocol": "json",
    "request": {"instances": "{records}", "verbose": False},
    "response": "result.labels",
    "score": "result.scores",
    "classes": [0, 1],
}
SPOKEN = [("/v2/models/m/infer", V2), ("/invocations", MLFLOW), ("/score", JSON)]


@pytest.fixture(scope="module")
def table():
    return drawn(1200, seed=0)


@pytest.fixture(scope="module")
def model(table):
    return fitted(table)


def config_of(address=None, http=None):
    return Config.of(
        system={"model": address},
        data={"target": "target", "favorable": 1, "features": INPUTS, "sensitive": ["sex"]},
        model={"http": {"batch": 100, **(http or {})}},
    )


def cells_of(model, table, config):
    found = collect(System(model, table, config=config), only=["cells"])
    return found.kinds["cells"].to_json(), found


def endpoint(address, **http):
    return Endpoint(address, Path(), Config.of(model={"http": http}).model.http.model_dump())


@pytest.mark.parametrize(("path", "http"), SPOKEN, ids=["v2", "mlflow", "json"])
def test_the_same_cells_come_of_the_object_and_of_each_protocol(model, table, path, http):
    with serving(model) as served:
        over_http, found = cells_of(None, table, config_of(served.address + path, http))
    assert over_http == cells_of(model, table, config_of())[0]
    assert served.rows == [100] * 12
    assert "12 requests, 0 of them failed" in found.isolation


@pytest.mark.parametrize(("path", "http"), SPOKEN, ids=["v2", "mlflow", "json"])
@pytest.mark.parametrize("fault", ["500", "429", "reset", "cut", "text", "late"])
def test_no_row_is_lost_or_counted_twice_where_the_network_fails(model, table, path, http, fault):
    """The first request fails, and each twentieth; answers to requests under way come in any order."""
    with serving(model, lambda number: fault if number % 20 == 1 or fault == "late" else None) as served:
        over_http, found = cells_of(None, table, config_of(served.address + path, {**http, "retries": 3}))
    assert over_http == cells_of(model, table, config_of())[0]
    assert sum(served.rows) == len(table)
    if fault != "late":
        assert "1 of them failed" in found.isolation


def test_a_server_that_hangs_ends_within_the_timeout_and_is_asked_no_more(model, table):
    with serving(model, lambda number: "hang" if number > 12 else None) as served:
        config = config_of(served.address + "/score", {**JSON, "timeout": 0.5})
        started = time.monotonic()
        found = collect(System(None, table, config=config), only=["cells", "reruns", "flips", "trials"])
        assert time.monotonic() - started < 5
    assert found.kinds["cells"].rows == len(table)
    assert {"reruns", "trials"} <= set(found.errors)
    assert "no answer within 0.5 s" in found.errors["reruns"]


def test_an_answer_that_only_drips_ends_within_the_timeout_too(model, table):
    with serving(model, lambda _number: "drip") as served:
        asked = endpoint(served.address + "/score", timeout=0.5, retries=0, **JSON)
        started = time.monotonic()
        with pytest.raises(ModelError, match=r"no answer within 0\.5 s"):
            asked.predict(table[INPUTS].iloc[:10])
        assert time.monotonic() - started < 2


def test_equal_questions_share_an_answer_and_none_is_kept_beyond_the_next(model, table):
    """Batches of equal rows are equal requests: their scores come of one call, whichever is asked first."""
    twins = pd.concat([table[INPUTS].iloc[:1]] * 40, ignore_index=True)
    with serving(model) as served:
        asked = endpoint(served.address + "/score", batch=1, concurrency=8, **JSON)
        assert len(asked.predict(twins)) == 40
        assert asked.predict_proba(twins) == pytest.approx(model.predict_proba(twins))
        assert len(served.rows) == 40
        asked.predict_proba(twins)
        assert len(served.rows) == 80  # asked anew, as an answer serves one question
        asked.predict(table[INPUTS].iloc[:10])
        asked.predict(twins.iloc[:1])
        assert len(asked._kept) == 1


@pytest.mark.parametrize(("text", "seconds"), [("2", 2), ("-1", 0), ("nan", None), ("Tue", None), ("", None)])
def test_a_server_may_name_any_pause(text, seconds):
    assert _seconds(text) == seconds


def test_an_answer_nested_without_end_is_no_answer():
    asked = endpoint("http://127.0.0.1/score", **JSON)
    with pytest.raises(ModelError, match="not JSON"):
        asked.read(Reply(200, {}, b"[" * 200_000), 1)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("404", "status 404"),
        ("redirect", "status 307"),
        ("500", "failed 3 times: status 500"),
        ("short", "expected 100 answers, got 99"),
        ("huge", "more than"),
    ],
)
def test_what_cannot_be_mended_is_an_error_in_plain_words(model, table, fault, words):
    with serving(model, lambda _number: fault) as served:
        asked = endpoint(served.address + "/score", batch=100, retries=2, **JSON)
        with pytest.raises(ModelError, match=words) as caught:
            asked.predict(table[INPUTS].iloc[:100])
    assert "Traceback" not in str(caught.value)


def test_a_port_that_nobody_listens_at_is_said_to_refuse(table):
    with serving(None) as served:
        address = served.address
    with pytest.raises(ModelError, match="connection \\(refused\\)"):
        endpoint(address + "/score", retries=0, **JSON).predict(table[INPUTS])


def test_headers_come_from_the_environment_and_stand_nowhere(model, table, tmp_path, monkeypatch):
    monkeypatch.setenv("SCORING_TOKEN", "Bearer s3cr3t-t0ken")
    http = {**JSON, "headers": {"Authorization": "SCORING_TOKEN"}}
    with serving(model) as served:
        few = {"security/endpoint": {"load": 10}}
        config = config_of(served.address + "/score?key=qu3ry", http).replace(options=few)
        card = tk.audit(data=table, config=config, only=["bias/selection-rate", "security/provenance"])
        system = System(None, table, config=config)
        collect(system, only=["cells", "probes", "provenance", "trials"]).save(tmp_path / "evidence.json")
    sent = [each.get("Authorization") for each in served.headers]
    assert set(sent) == {"Bearer s3cr3t-t0ken", "Bearer wrong", None}
    assert sent.count(None) == sent.count("Bearer wrong") == 1
    card.save(tmp_path / "card.html")
    texts = [card.to_json(), *((tmp_path / name).read_text() for name in ("card.html", "evidence.json"))]
    for text in texts:
        assert "s3cr3t" not in text
        assert "qu3ry" not in text


def test_the_card_says_that_nothing_is_known_of_what_runs_there(model, table):
    with serving(model) as served:
        config = config_of(served.address + "/score", JSON)
        card = tk.audit(data=table, config=config, only=["bias/selection-rate"])
    assert "the model answered at an endpoint: what runs there was neither scanned nor seen" in card.notes
    assert not [note for note in card.notes if "came from a file" in note]


def test_an_error_tells_no_secret(model, table, monkeypatch):
    monkeypatch.setenv("SCORING_TOKEN", "s3cr3t")
    with serving(model, lambda _number: "reset") as served:
        http = {**JSON, "headers": {"Authorization": "SCORING_TOKEN"}, "retries": 0}
        config = config_of(served.address + "/score?key=qu3ry", http)
        found = collect(System(None, table, config=config), only=["cells"])
    assert "connection" in found.errors["cells"]
    assert "s3cr3t" not in found.errors["cells"]
    assert "qu3ry" not in found.errors["cells"]


def problems(address, **http):
    with pytest.raises(ConfigError) as caught:
        endpoint(address, **http)
    return {problem.key: (problem.found, problem.nearest) for problem in caught.value.problems}


def test_what_is_wrong_with_an_address_is_said_at_once(monkeypatch):
    monkeypatch.setenv("SCORING_TOKEN", "x")
    assert "begins with http" in problems("ftp://host/score", protocol="v2")["system.model"][0]
    stated = problems("https://me:s3cr3t@host/infer")["system.model"][0]
    assert "credentials" in stated
    assert "s3cr3t" not in stated
    assert "write v2, mlflow or json" in problems("https://host/score")["model.http.protocol"][0]
    found = problems("https://host/score", protocol="json", request={"rows": "{record}"}, score="a..b")
    assert {key.rpartition(".")[2] for key in found} == {"request", "response", "score", "classes"}
    found = problems("https://host/infer", headers={"Authorization": "SCORING_TOKN"})
    words, close = found["model.http.headers.Authorization"]
    assert (words, close) == ("the environment has no SCORING_TOKN", "SCORING_TOKEN")


@pytest.mark.parametrize("path", ["predictions", "a.b", "a[*].b", "a[0][*]", "outputs[0].data[*]"])
def test_paths_that_are_read(path):
    assert is_path(path)


@pytest.mark.parametrize("path", ["", ".", "a..b", "a[", "a[x]", "a.[*", "a]"])
def test_paths_that_are_none(path):
    assert not is_path(path)


def test_values_are_written_as_json_has_them():
    table = pd.DataFrame(
        {
            "n": pd.array([1, None], dtype="Int64"),
            "f": [0.1 + 0.2, np.nan],
            "t": pd.to_datetime(["2026-01-02", None]),
            "s": ["ӯ", None],
            "b": [True, False],
            "c": pd.Categorical(["x", None]),
        }
    )
    written = Template({"rows": "{rows}", "by": ["{columns}"]}, "x").body(table)
    assert json.loads(json.dumps(written, allow_nan=False)) == written
    assert written["rows"] == [
        [1, 0.1 + 0.2, "2026-01-02T00:00:00", "ӯ", True, "x"],
        [None, None, None, None, False, None],
    ]
    assert written["by"] == [{name: [a, b] for name, a, b in zip(table, *written["rows"], strict=True)}]
    with pytest.raises(ModelError, match="infinite"):
        Template({"rows": "{rows}"}, "x").body(pd.DataFrame({"f": [np.inf]}))


class TestTls:
    @pytest.fixture(scope="class")
    @classmethod
    def certificate(cls, tmp_path_factory):
        return certificate_in(tmp_path_factory.mktemp("tls"))

    def test_a_certificate_that_nobody_vouches_for_is_refused(self, model, table, certificate):
        with serving(model, certificate=certificate) as served:
            asked = endpoint(served.address + "/score", retries=0, **JSON)
            with pytest.raises(ModelError, match="connection \\(SSLError\\)"):
                asked.predict(table[INPUTS])

    def test_and_taken_where_it_is_declared(self, model, table, certificate):
        with serving(model, certificate=certificate) as served:
            asked = endpoint(served.address + "/score", retries=0, ca=str(certificate), **JSON)
            assert asked.predict(table[INPUTS]) == model.predict(table[INPUTS]).tolist()


class TestMalformed:
    @pytest.fixture(scope="class")
    @classmethod
    def tried(cls, model, table):
        """What the collector of trials finds at an endpoint whose server raises, and hangs once."""
        with serving(model, lambda number: "hang" if number == 20 else None) as served:
            config = config_of(served.address + "/score", {**JSON, "timeout": 0.5})
            return collect(System(None, table, config=config), only=["trials"])

    def test_a_request_is_not_sent_again_and_what_comes_after_a_hang_is_asked(self, tried):
        trials = tried.kinds["trials"]
        assert sum(each.slow for each in trials.kinds.values()) == 1
        assert trials.kinds["another index"].answered == 1
        unsent = ("an infinite number", "a column twice")  # these have no form in JSON
        sent = [each for name, each in trials.kinds.items() if name not in unsent]
        failed = sum(each.sent - each.answered - each.misaligned for each in sent)
        assert failed > 5
        assert f" {failed} of them failed" in tried.isolation  # each once

    def test_a_connection_closed_after_an_error_is_not_laid_to_the_request_after_it(self, model, table):
        with serving(model, lambda number: "closing" if number % 2 else None) as served:
            asked = endpoint(served.address + "/score", retries=0, **JSON)
            with asked.once():
                for _ in range(10):
                    with pytest.raises(ModelError, match="status 500"):
                        asked.predict(table[INPUTS].iloc[:4])
                    assert len(asked.predict(table[INPUTS].iloc[:4])) == 4

    def test_a_connection_broken_off_is_no_refusal(self, tried):
        missing = tried.kinds["trials"].kinds["an input missing"]
        assert missing.crashed + missing.slow == missing.sent == 3
        assert "the connection was broken off" in missing.errors
