"""The hooks: what brings decisions to a monitor, and what carries its figures and alarms elsewhere."""

import asyncio
import builtins
import gzip
import importlib
import json
import logging
import math
import re
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from streams import audited, filled, watch_of

from trustkit.errors import ConfigError
from trustkit.monitor.hooks.asgi import MonitorMiddleware
from trustkit.monitor.hooks.figures import FIGURES, Look, figures
from trustkit.monitor.hooks.mapping import JsonMapping, UnmappedError
from trustkit.monitor.hooks.prometheus import TrustkitCollector, name_of, to_prometheus_text
from trustkit.monitor.hooks.webhook import Webhook
from trustkit.monitor.monitor import Monitor
from trustkit.monitor.status import Status
from trustkit.monitor.store import Store
from trustkit.scorecard import Finding

ROOT = Path(__file__).parents[1]
RECORDS = JsonMapping(rows="instances", prediction="predictions[*].label", score="predictions[*].p")


class Recording:
    """A monitor that keeps what it is told, and counts."""

    watched = SimpleNamespace(axes=("sex",), columns={"age": None, "absent": None})

    def __init__(self):
        self.calls, self.faults, self.closed = [], SimpleNamespace(count=self._count, counts=[]), 0

    def _count(self, kind, what, times=1):
        self.faults.counts.append((kind, what if isinstance(what, str) else type(what).__name__))

    def record(self, X=None, **told):
        self.calls.append((X, told))

    def close(self):
        self.closed += 1


# The mapping


ROWS = [{"age": 30, "sex": "F"}, {"age": 40, "sex": None}]
ANSWER = {"predictions": [{"label": 1, "p": 0.9}, {"label": 0, "p": 0.2}]}


@pytest.mark.parametrize(
    ("rows", "columns", "request_body"),
    [
        ("", None, ROWS),
        ("instances", None, {"instances": ROWS}),
        ("instances[*]", None, {"instances": ROWS}),
        ("[*]", None, ROWS),
        ("[*].row", None, [{"row": row} for row in ROWS]),
        ("body.instances[*].row", None, {"body": {"instances": [{"row": row} for row in ROWS]}}),
        ("inputs", None, {"inputs": {"age": [30, 40], "sex": ["F", None]}}),
        ("dataframe_split.data", ["age", "sex"], {"dataframe_split": {"data": [[30, "F"], [40, None]]}}),
        (
            "a",
            {"age": "age", "who.sex": "sex"},
            {"a": [{"age": 30, "who": {"sex": "F"}}, {"age": 40, "who": {}}]},
        ),
        (
            "inputs",
            None,
            {
                "inputs": [
                    {"name": "age", "shape": [2, 1], "datatype": "INT64", "data": [30, 40]},
                    {"name": "sex", "shape": [2, 1], "datatype": "BYTES", "data": ["F", None]},
                ]
            },
        ),
    ],
)
def test_rows_are_read_wherever_they_stand(rows, columns, request_body):
    mapping = JsonMapping("predictions[*].label", "predictions[*].p", rows=rows, columns=columns)
    X, told = mapping.read(request_body, ANSWER)
    assert X == ROWS
    assert told == {"prediction": [1, 0], "score": [0.9, 0.2]}


def test_one_object_is_one_row():
    mapping = JsonMapping(prediction="approved", score="probability")
    assert mapping.read({"age": 3, "tags": ["a"]}, {"approved": True, "probability": 0.5}) == (
        [{"age": 3, "tags": ["a"]}],
        {"prediction": [True], "score": [0.5]},
    )


def test_ids_times_and_groups_stand_in_rows_or_beside_them():
    mapping = JsonMapping(
        "out[*].label",
        rows="rows",
        columns={"x": "age"},
        sensitive={"person.sex": "sex"},
        ids="answer:out[*].id",
        at="request:sent",
    )
    rows = [{"x": 1, "person": {"sex": "F"}}, {"x": 2, "person": None}]
    X, told = mapping.read(
        {"sent": 5.5, "rows": rows}, {"out": [{"label": [1], "id": "a"}, {"label": [0], "id": "b"}]}
    )
    assert X == [{"age": 1}, {"age": 2}]
    assert told == {
        "prediction": [1, 0],
        "sensitive": {"sex": ["F", None]},
        "ids": ["a", "b"],
        "at": [5.5, 5.5],
    }


@pytest.mark.parametrize(
    ("keys", "request_body", "answer", "said"),
    [
        ({}, {"rows": ROWS}, ANSWER, "rows: there is nothing where the path says"),
        ({}, {"instances": 3}, ANSWER, "rows: neither a list nor an object"),
        ({}, {"instances": [1, 2]}, ANSWER, "rows: no list of objects"),
        ({"columns": ["a"]}, {"instances": [[1, 2]]}, ANSWER, "a row has not the 1 values"),
        ({"rows": "instances[*].x"}, {"instances": {"x": 1}}, ANSWER, "rows: there is no list where"),
        ({}, {"instances": {"a": [1, 2], "b": [1]}}, ANSWER, "columns of different lengths"),
        ({}, {"instances": ROWS[:1]}, ANSWER, "prediction: 2 values for 1 rows"),
        ({}, {"instances": ROWS}, {"predictions": [{}, {}]}, "prediction: there is nothing where"),
        (
            {},
            {"instances": ROWS},
            {"predictions": [{"label": [1, 2], "p": 1}] * 2},
            "prediction: a list or an object",
        ),
        ({}, None, ANSWER, "rows: there is nothing"),
        ({}, {"instances": ROWS}, [], "prediction: there is nothing"),
        ({"ids": "request:id"}, {"instances": ROWS, "id": 3}, ANSWER, "ids: one value for 2 rows"),
    ],
)
def test_what_is_not_as_mapped_is_told_without_a_value(keys, request_body, answer, said):
    mapping = JsonMapping(
        **{"rows": "instances", "prediction": "predictions[*].label", "score": "predictions[*].p"} | keys
    )
    with pytest.raises(UnmappedError, match=said) as error:
        mapping.read(request_body, answer)
    assert "30" not in str(error.value)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"prediction": ""}, "prediction: '' is no path"),
        ({"prediction": "a..b"}, "prediction: 'a..b' is no path, as predictions"),
        (
            {"rows": "instances[]"},
            "rows: 'instances[]' is no path, as predictions[*].label; did you mean 'instances[*]'?",
        ),
        ({"score": "a[*].b[*]"}, "score: 'a[*].b[*]': a path has at most one [*]"),
        ({"ids": "a[*]"}, "ids: 'a[*]': a field within a row has no [*]"),
        ({"ids": "answer:"}, "ids: '' is no path"),
        ({"sensitive": {"x[": "sex"}}, "sensitive.x[: 'x[' is no path"),
        ({"columns": {"a": "x", "b": "x"}}, "columns: 'x' is the name of 2 columns"),
        ({"columns": "age"}, "columns: one text: write a list of names"),
        ({"prediction": 3}, "prediction: 3 is no path"),
    ],
)
def test_a_wrong_mapping_is_refused_at_once(keys, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        JsonMapping(**{"prediction": "p"} | keys)


# ASGI


def service(monitor, routes=None, **keys):
    """A service of FastAPI with a middleware, as its owner writes it."""
    from fastapi import FastAPI, Request
    from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse

    app = FastAPI()

    async def predict(request: Request):
        body = await request.json()
        rows = body["instances"]
        if body.get("fail"):
            return JSONResponse({"detail": "no"}, status_code=422)
        answer = {"predictions": [{"label": int(row["age"] > 35), "p": row["age"] / 100} for row in rows]}
        if body.get("text"):
            return PlainTextResponse("yes")
        if body.get("stream"):
            text = json.dumps(answer).encode()
            return StreamingResponse(
                (text[at : at + 7] for at in range(0, len(text), 7)), media_type="application/json"
            )
        if body.get("raise"):
            raise RuntimeError("the service itself")
        return JSONResponse(answer)

    for path in ("/predict", "/other"):
        app.add_api_route(path, predict, methods=["POST"])
    app.add_middleware(MonitorMiddleware, monitor=monitor, routes=routes or {"/predict": RECORDS}, **keys)
    return app


def asked(app, *bodies, path="/predict", **more):
    """Answers to some requests."""
    import httpx

    async def ask():
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, **more)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return [
                await client.post(path, **({"content": body} if isinstance(body, bytes) else {"json": body}))
                for body in bodies
            ]

    return asyncio.run(ask())


def test_a_call_is_recorded_after_it_is_answered():
    monitor = Recording()
    (answer,) = asked(service(monitor), {"instances": ROWS})
    assert answer.json() == {"predictions": [{"label": 0, "p": 0.3}, {"label": 1, "p": 0.4}]}
    ((X, told),) = monitor.calls
    assert 0 < told.pop("latency") < 5
    assert (X, told) == (ROWS, {"prediction": [0, 1], "score": [0.3, 0.4]})
    assert monitor.faults.counts == []


def test_the_answer_is_out_before_anything_is_recorded():
    order = []

    async def app(scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'{"predictions": [{"label":', "more_body": True})
        await send({"type": "http.response.body", "body": b' 1, "p": 1}]}'})
        order.append("app ended")

    async def receive():
        return {"type": "http.request", "body": b'{"instances": [{"age": 1}]}', "more_body": False}

    async def send(message):
        order.append(message.get("body", message["type"]))

    monitor = Recording()
    monitor.record = lambda X, **told: order.append("recorded")
    middleware = MonitorMiddleware(app, monitor, {"/predict": RECORDS})
    asyncio.run(middleware({"type": "http", "path": "/predict"}, receive, send))
    assert order == [
        "http.response.start",
        b'{"predictions": [{"label":',
        b' 1, "p": 1}]}',
        "recorded",
        "app ended",
    ]


def test_many_rows_are_handed_over_as_a_frame_of_what_is_watched():
    monitor = Recording()
    rows = [{"age": age, "sex": "F", "name": "Ann"} for age in range(300)]
    del rows[0]["sex"]
    asked(service(monitor), {"instances": rows})
    ((X, told),) = monitor.calls
    assert list(X.columns) == ["age", "sex"]
    assert X["age"].tolist() == list(range(300))
    assert X["sex"].isna().tolist() == [True, *[False] * 299]
    assert len(told["prediction"]) == 300


def test_a_body_in_parts_is_recorded_whole():
    monitor = Recording()
    asked(service(monitor), {"instances": ROWS, "stream": 1})
    assert monitor.calls[0][1]["prediction"] == [0, 1]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"instances": ROWS, "text": 1}, "the answer is no JSON"),
        ({"instances": [{"age": 1}] * 50}, "the request is too long to be kept: `most_bytes` is less"),
        ({"instances": [{"age": 1}], "stream": 1, "x": "y" * 200}, "the request is too long"),
        ({"instances": {"age": 3}, "raise": 1}, None),
        ({"instances": ROWS, "fail": 1}, None),
        ({"instances": []}, None),
        (b"{", None),
    ],
)
def test_what_cannot_be_recorded_is_answered_all_the_same_and_counted(body, said):
    monitor = Recording()
    (answer,) = asked(service(monitor, most_bytes=200), body)
    (bare,) = asked(service(Recording(), {"/elsewhere": RECORDS}), body)
    assert (answer.status_code, answer.content) == (bare.status_code, bare.content)
    assert monitor.calls == []
    assert [kind for kind, _ in monitor.faults.counts] == (["service"] if said else [])
    if said:
        assert said in monitor.faults.counts[0][1]


def test_a_long_answer_is_not_kept():
    monitor = Recording()
    asked(service(monitor, most_bytes=50), {"instances": [{"age": 1}, {"age": 2}]})
    assert monitor.faults.counts == [("service", "the answer is too long to be kept: `most_bytes` is less")]


def test_a_compressed_answer_is_told():
    async def app(scope, receive, send):
        await receive()
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-encoding", b"gzip")]}
        )
        await send({"type": "http.response.body", "body": gzip.compress(b"{}")})

    monitor = Recording()
    asked(MonitorMiddleware(app, monitor, {"/predict": RECORDS}), {"instances": ROWS})
    assert "the answer is compressed: add this middleware before" in monitor.faults.counts[0][1]


def test_an_error_of_the_mapping_is_counted_and_not_raised(monkeypatch):
    monitor = Recording()
    monkeypatch.setattr(JsonMapping, "read", lambda *_: 1 / 0)
    (answer,) = asked(service(monitor), {"instances": ROWS})
    assert answer.status_code == 200
    assert monitor.faults.counts == [("service", "ZeroDivisionError")]


def test_other_paths_pass_untouched_and_a_mount_is_taken_off():
    monitor = Recording()
    app = service(monitor)
    assert asked(app, {"instances": ROWS}, path="/other")[0].status_code == 200
    assert monitor.calls == []
    asked(app, {"instances": ROWS}, path="/api/predict", root_path="/api")
    assert len(monitor.calls) == 1


def test_calls_at_once_are_not_mixed():
    import httpx

    monitor = Recording()
    app = service(monitor)

    async def ask():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            bodies = [{"instances": [{"age": age}], "stream": age % 2} for age in range(60)]
            await asyncio.gather(*(client.post("/predict", json=body) for body in bodies))

    asyncio.run(ask())
    assert sorted((X[0]["age"], told["score"][0]) for X, told in monitor.calls) == [
        (a, a / 100) for a in range(60)
    ]


def test_the_monitor_is_closed_with_the_service():
    monitor, sent = Recording(), []

    async def app(scope, receive, send):
        assert (await receive())["type"] == "lifespan.startup"
        await send({"type": "lifespan.startup.complete"})
        assert monitor.closed == 0
        assert (await receive())["type"] == "lifespan.shutdown"
        await send({"type": "lifespan.shutdown.complete"})

    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive():
        return next(messages)

    async def send(message):
        sent.append((message["type"], monitor.closed))

    asyncio.run(MonitorMiddleware(app, monitor, {"/predict": RECORDS})({"type": "lifespan"}, receive, send))
    assert sent == [("lifespan.startup.complete", 0), ("lifespan.shutdown.complete", 1)]


@pytest.mark.parametrize(
    ("routes", "keys", "said"),
    [
        ({}, {}, "routes: no path is declared"),
        ({"predict": RECORDS}, {}, "routes.predict: a path begins with /; did you mean '/predict'?"),
        ({"/predict": {"rows": ""}}, {}, "routes./predict: expected a JsonMapping, got dict"),
        ({"/predict": RECORDS}, {"most_bytes": 0}, "most_bytes: expected a number of bytes, got 0"),
        (
            {"/p": JsonMapping("p", sensitive={"x": "sxe"})},
            {},
            "routes./p.sensitive: 'sxe' is not watched; did you mean 'sex'?",
        ),
    ],
)
def test_a_wrong_middleware_is_refused_at_once(routes, keys, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        MonitorMiddleware(None, Recording(), routes, **keys)


@pytest.fixture(scope="module")
def evidence():
    return audited()


def test_a_real_monitor_counts_what_a_service_decides(evidence, tmp_path):
    monitor = Monitor(evidence, store=tmp_path / "monitor.db", window="1h")
    rows = [{"age": 30 + i, "job": "clerk", "sex": "FM"[i % 2], "extra": {"x": 1}} for i in range(10)]
    app = service(monitor)
    asked(app, *[{"instances": rows}] * 3, {"instances": rows, "text": 1})
    monitor.close()
    state = Store.open(tmp_path / "monitor.db").read()
    assert state.counts["decided"].n.sum() == 30
    assert state.writers[0].faults == 1
    assert state.counts["latency"].n.sum() == 3
    assert "column" in state.counts


def test_a_row_that_lacks_its_time_is_of_now(evidence):
    mapping = JsonMapping(rows="instances", prediction="predictions[*].label", at="when")
    request = {"instances": [{"age": 30, "sex": "F"}, {"age": 40, "sex": "M", "when": "2024-03-01"}]}
    with Monitor(evidence, store=":memory:", window="1h") as monitor:
        for part in (request, {"instances": request["instances"][:1]}):
            answer = {"predictions": [{"label": 1}] * len(part["instances"])}
            X, told = mapping.read(part, answer)
            monitor.record(X, **told)
        monitor.flush()
        assert monitor._store.read().counts["decided"].n.sum() == 3
        assert monitor.faults.total == 0


# MLflow


@pytest.fixture(scope="module")
def mlflow():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        yield pytest.importorskip("mlflow.pyfunc", reason="the extra mlflow is not installed")


class Inside:
    """A model that answers with a table, or with decisions alone."""

    def __init__(self, table):
        self.table = table

    def predict(self, X, params=None):
        decided = (X["age"].to_numpy() > (params or {}).get("above", 35)).astype(int)
        return pd.DataFrame({"label": decided, "p": decided * 0.5}) if self.table else decided


X = pd.DataFrame({"age": [30, 40], "sex": ["F", "M"], "id": ["a", "b"], "at": [1.0, 2.0]})


@pytest.mark.parametrize("table", [True, False])
def test_a_pyfunc_answers_as_the_model_inside_and_records(mlflow, table):
    from trustkit.monitor.hooks.pyfunc import MonitoredModel

    monitor = Recording()
    names = {"prediction": "label", "score": "p"} if table else {}
    model = MonitoredModel(monitor, Inside(table), sensitive=["sex"], ids="id", at="at", **names)
    answer = model.predict(None, X, {"above": 100})
    assert np.asarray(answer).ravel()[0] == 0
    np.testing.assert_array_equal(model.predict(None, X), Inside(table).predict(X))
    seen, told = monitor.calls[1]
    assert seen is X
    assert list(told["prediction"]) == [0, 1]
    assert list(told["ids"]) == ["a", "b"]
    assert list(told["at"]) == [1.0, 2.0]
    assert list(told["sensitive"].columns) == ["sex"]
    assert ("score" in told) == table


def test_a_pyfunc_that_cannot_be_recorded_answers_and_counts(mlflow):
    from trustkit.monitor.hooks.pyfunc import MonitoredModel

    monitor = Recording()
    model = MonitoredModel(monitor, Inside(False), ids="absent")
    assert list(model.predict(None, X)) == [0, 1]
    assert (monitor.calls, monitor.faults.counts) == ([], [("pyfunc", "KeyError")])


def test_a_pyfunc_without_mlflow_says_what_is_missing(monkeypatch):
    imported = builtins.__import__

    def without(name, *rest, **keys):
        if name.startswith("mlflow"):
            raise ImportError(name)
        return imported(name, *rest, **keys)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(sys.modules, "trustkit.monitor.hooks.pyfunc", raising=False)
    pyfunc = importlib.import_module("trustkit.monitor.hooks.pyfunc")
    with pytest.raises(
        ConfigError, match=r"mlflow: is not installed: pip install 'trustkit-audit\[mlflow\]'"
    ):
        pyfunc.MonitoredModel(Recording())
    monkeypatch.delitem(sys.modules, "trustkit.monitor.hooks.pyfunc")


MADE = []


def make_monitor():
    MADE.append(Recording())
    return MADE[-1]


@pytest.mark.filterwarnings("ignore")  # of MLflow's own, about type hints and requirements
def test_a_pyfunc_is_saved_and_served_with_a_monitor_made_there(mlflow, tmp_path):
    from trustkit.monitor.hooks.pyfunc import MonitoredModel

    with pytest.raises(Exception, match="Failed to serialize") as error:
        mlflow.save_model(tmp_path / "no", python_model=MonitoredModel(Recording()), pip_requirements=[])
    assert "monitor: a model that is saved takes a function" in str(error.value.__cause__)
    MADE.clear()
    model = MonitoredModel(make_monitor, Inside(False), ids="id")
    mlflow.save_model(tmp_path / "outer", python_model=model, pip_requirements=[])
    served = mlflow.load_model(str(tmp_path / "outer"))
    assert list(served.predict(X)) == [0, 1]
    assert [list(told["ids"]) for _, told in MADE[-1].calls] == [["a", "b"]]


# Prometheus and OpenTelemetry


@pytest.fixture(scope="module")
def watch(evidence):
    return watch_of(evidence)


@pytest.fixture(scope="module")
def drifted(watch):
    return Status.of(filled(watch, 5 * 168, gap=lambda hour: 0.25 if hour > 300 else 0.0).read(), watch)


@pytest.fixture(scope="module")
def empty(watch):
    return Status.of(filled(watch, 0).read(), watch)


NAMES = ("check", "metric", "side", "subject", "reference")


def test_every_finding_has_its_alarm_and_estimate(drifted):
    found = figures(drifted)
    assert found.keys() == FIGURES.keys()
    assert len(found["alarm"]) == len(drifted.findings)
    assert sum(value == 1 for value in found["alarm"].values()) == len(drifted.alarms) > 0
    values = ("bias/selection-rate", "ratio", "min", "sex=F", "sex=M")
    labels = tuple(zip(NAMES, values, strict=True))
    finding = next(
        each for each in drifted.findings if each.id == "bias/selection-rate:ratio:sex=F~sex=M:min"
    )
    assert found["alarm"][labels] == 1
    assert found["estimate"][labels] == finding.estimate
    assert found["limit"][labels] == 0.8
    assert found["log_e"][labels] >= found["log_e_alarm"][labels]
    assert (found["low"][labels], found["high"][labels]) == finding.interval
    assert found["findings"][("verdict", "fail"),] == len(drifted.alarms)
    assert found["records"][()] == drifted.state.writers[0].recorded


def test_what_could_not_be_checked_is_nan_and_counted(empty):
    found = figures(empty)
    claims = [labels for labels in found["alarm"] if dict(labels)["check"] == "bias/selection-rate"]
    assert claims
    assert all(
        math.isnan(found[name][each])
        for each in claims
        for name in ("alarm", "estimate", "low", "high", "log_e")
    )
    assert found["unchecked"][()] == sum(each.estimate is None for each in empty.findings) > 0


def test_labels_are_bounded_by_the_watch_and_by_a_cap(drifted, watch, monkeypatch):
    more = filled(watch, 96, seed=9, groups=(0, 1, 2))  # rows of groups that no audit saw
    names = {labels for samples in figures(Status.of(more.read(), watch)).values() for labels in samples}
    values = {value for labels in names for key, value in labels if key in ("subject", "reference")}
    allowed = {"F", "M", "(other)", "(missing)"}
    assert {text.split("=")[1].split(";")[0] for text in values if text.startswith("sex=")} <= allowed
    monkeypatch.setattr("trustkit.monitor.hooks.figures.MOST", 3)
    capped = figures(drifted)
    assert len(capped["alarm"]) == 4
    assert capped["alarm"][tuple((key, "(other)") for key in NAMES)] == 1
    assert sum(capped["findings"].values()) == len(drifted.findings)


@pytest.mark.parametrize("which", ["drifted", "empty"])
def test_the_text_is_what_the_library_makes_of_the_collector(which, request, monkeypatch):
    prometheus = pytest.importorskip("prometheus_client")
    status = request.getfixturevalue(which)
    registry = prometheus.CollectorRegistry()
    registry.register(collector_of(status, monkeypatch))
    text = prometheus.generate_latest(registry).decode()
    assert parsed(text) == parsed(to_prometheus_text(status))
    assert "NaN" in text


def parsed(text):
    """Families of a text; NaN as a word, since it equals nothing."""
    from prometheus_client.parser import text_string_to_metric_families

    return [
        (
            family.name,
            family.documentation,
            family.type,
            [(s.name, s.labels, str(s.value)) for s in family.samples],
        )
        for family in text_string_to_metric_families(text)
    ]


def collector_of(status, monkeypatch):
    monkeypatch.setattr(Look, "_watched", lambda self: None)
    monkeypatch.setattr(Look, "_looked", lambda self: figures(status))
    return TrustkitCollector(":memory:")


def test_labels_are_escaped_as_the_library_does(drifted, monkeypatch):
    prometheus = pytest.importorskip("prometheus_client")
    odd = 'a"b\\c\nd'
    finding = drifted.findings[0].model_copy(update={"subject": {"groups": {"sex": odd}}})
    status = SimpleNamespace(
        findings=[finding],
        watch=SimpleNamespace(claims=(), alpha=0.05),
        courses={},
        shifts=[SimpleNamespace(column=odd, of="values", recent=0.5)],
        state=drifted.state,
    )
    registry = prometheus.CollectorRegistry()
    registry.register(collector_of(status, monkeypatch))
    own = parsed(to_prometheus_text(status))
    assert own == parsed(prometheus.generate_latest(registry).decode())
    assert odd.replace("\n", "\\n") in [
        labels.get("column") for *_, samples in own for _, labels, _ in samples
    ]


def test_several_processes_show_the_same_and_a_look_is_kept_for_a_while(watch, tmp_path):
    where = tmp_path / "monitor.db"
    filled(watch, 48, where=where, writer="a")
    one, other = Look(where, most_age=0), Look(where, most_age=0)
    kept = Look(where, most_age=1000)
    before = kept.figures()
    filled(watch, 48, where=where, writer="b", seed=2)
    totals = [look.figures()["records"][()] for look in (one, other)]
    assert totals[0] == totals[1] > before["records"][()]
    assert kept.figures() is before


def test_a_store_that_cannot_be_read_is_nan_and_said(watch, tmp_path):
    where = tmp_path / "monitor.db"
    filled(watch, 48, where=where)
    look = Look(where, most_age=0)
    assert look.figures()["store_up"] == {(): 1.0}
    where.unlink()
    found = look.figures()
    assert found["store_up"] == {(): 0.0}
    assert "records" not in found
    values = [value for name, samples in found.items() if name != "store_up" for value in samples.values()]
    assert values
    assert all(map(math.isnan, values))
    assert Look(tmp_path / "none.db").figures() == {"store_up": {(): 0.0}}
    (tmp_path / "text.db").write_text("this is no database, but a text that is long enough to be one" * 100)
    with pytest.raises(ConfigError, match=r"text\.db is something else"):
        Look(tmp_path / "text.db")


def test_opentelemetry_shows_the_same(watch, tmp_path):
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    from trustkit.monitor.hooks.otel import observe

    where = tmp_path / "monitor.db"
    filled(watch, 48, where=where)
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    observe(where, meter_provider=provider)
    data = reader.get_metrics_data()
    metrics = {metric.name: metric for metric in data.resource_metrics[0].scope_metrics[0].metrics}
    expected = Look(where).figures()
    assert metrics.keys() == {f"trustkit.{name}" for name, samples in expected.items() if samples}
    points = {
        tuple(sorted(point.attributes.items())): point.value
        for point in metrics["trustkit.alarm"].data.data_points
    }
    assert points.keys() == {tuple(sorted(labels)) for labels in expected["alarm"]}
    assert metrics["trustkit.records"].data.data_points[0].value == expected["records"][()]
    provider.shutdown()


@pytest.mark.parametrize(
    ("package", "make", "extra"),
    [
        ("prometheus_client", lambda: TrustkitCollector(":memory:"), "prometheus"),
        (
            "opentelemetry",
            lambda: importlib.import_module("trustkit.monitor.hooks.otel").observe(":memory:"),
            "opentelemetry",
        ),
        ("urllib3", lambda: Webhook("https://example.org"), "http"),
    ],
)
def test_a_missing_extra_is_named(package, make, extra, monkeypatch):
    importlib.import_module("trustkit.monitor.hooks.otel")
    imported = builtins.__import__

    def without(name, *rest, **keys):
        if name.split(".")[0] == package:
            raise ImportError(name)
        return imported(name, *rest, **keys)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=re.escape(f"pip install 'trustkit-audit[{extra}]'")):
        make()


# Webhooks


@contextmanager
def receiver(*statuses, seconds=0.0):
    """A server that answers with some statuses in turn, then 200, and what it got."""
    got, left = [], list(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((dict(self.headers), body))
            time.sleep(seconds)
            status = left.pop(0) if left else 200
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/secret-path", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def alarm(drifted):
    return drifted.alarms[0]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Pauses between attempts, a hundredth of theirs."""
    urllib3 = pytest.importorskip("urllib3")
    get = urllib3.Retry.get_backoff_time
    monkeypatch.setattr(urllib3.Retry, "get_backoff_time", lambda self: get(self) / 100)


def test_an_alarm_arrives_with_the_keys_of_a_finding_and_the_secret(alarm, monkeypatch):
    monkeypatch.setenv("ALARM_TOKEN", "Bearer hunter2")
    with receiver() as (url, got):
        webhook = Webhook(url, headers={"Authorization": "ALARM_TOKEN"})
        webhook(alarm)
        assert webhook.flush(10)
    ((headers, body),) = got
    assert Finding(**json.loads(body)) == alarm
    assert headers["Authorization"] == "Bearer hunter2"
    assert headers["Content-Type"] == "application/json"
    assert (webhook.sent, webhook.failed, webhook.dropped) == (1, 0, 0)
    assert repr(webhook) == "Webhook(127.0.0.1)"


def test_a_failure_that_may_pass_is_tried_again_with_the_same_key(alarm):
    with receiver(503, 429) as (url, got):
        webhook = Webhook(url)
        webhook(alarm)
        assert webhook.flush(10)
    assert len(got) == 3
    assert len({headers["Idempotency-Key"] for headers, _ in got}) == 1
    assert (webhook.sent, webhook.failed) == (1, 0)


@pytest.mark.parametrize(
    ("statuses", "attempts", "why"),
    [((400,), 1, "status 400"), ((302,), 1, "status 302"), ((500,) * 9, 3, "status 500")],
)
def test_what_does_not_arrive_is_given_up_counted_and_told_once(
    alarm, statuses, attempts, why, caplog, monkeypatch
):
    monkeypatch.setenv("ALARM_TOKEN", "hunter2")
    with receiver(*statuses, *statuses) as (url, got), caplog.at_level(logging.DEBUG, "trustkit"):
        webhook = Webhook(url, retries=2, headers={"X-Token": "ALARM_TOKEN"})
        webhook(alarm)
        assert webhook.flush(10)
        assert len(got) == attempts
        webhook(alarm)
        assert webhook.flush(10)
    assert webhook.failed == 2
    told = [record.getMessage() for record in caplog.records if record.name == "trustkit.monitor"]
    assert told == [f"webhook to 127.0.0.1: an alarm was given up: {why} (logged once)"]
    assert "hunter2" not in caplog.text
    assert "secret-path" not in "".join(told)


def test_nobody_there_is_given_up(alarm):
    with receiver() as (url, _):
        pass
    webhook = Webhook(url, retries=1)
    webhook(alarm)
    assert webhook.flush(10)
    assert (webhook.sent, webhook.failed) == (0, 1)


def test_what_does_not_arrive_is_a_fault_of_the_monitor_too(alarm, evidence, monkeypatch):
    monkeypatch.setattr("trustkit.monitor.hooks.webhook.MOST_WAITING", 1)
    with receiver(*[400] * 9, seconds=0.05) as (url, _), Monitor(evidence, store=":memory:") as monitor:
        webhook = Webhook(url)
        monitor.on_alarm(webhook)
        for _ in range(5):
            webhook(alarm)
        assert webhook.flush(10)
        lost = webhook.failed + webhook.dropped
        assert lost == monitor.faults.counts["webhook"] == 5
        assert [f.estimate for f in monitor.status() if f.metric == "faults"] == [5]


def test_a_slow_receiver_does_not_hold_the_caller(alarm, monkeypatch):
    monkeypatch.setattr("trustkit.monitor.hooks.webhook.MOST_WAITING", 2)
    with receiver(seconds=0.1) as (url, _):
        webhook = Webhook(url, timeout=5)
        started = time.perf_counter()
        for _ in range(10):
            webhook(alarm)
        assert time.perf_counter() - started < 0.09
        assert webhook.dropped >= 7
        assert webhook.flush(10)
    assert webhook.sent + webhook.dropped == 10


@pytest.mark.parametrize(
    ("url", "keys", "said"),
    [
        ("ftp://x", {}, "url: an address begins with http:// or https:// and a host"),
        ("https://ann:pw@x/y", {}, "url: credentials stand in the address"),
        (
            "https://x",
            {"headers": {"A": "ALARM_TOKE"}},
            "headers.A: the environment has no ALARM_TOKE; did you mean 'ALARM_TOKEN'?",
        ),
        ("https://x", {"timeout": 0}, "timeout: expected seconds, got 0"),
        ("https://x", {"retries": -1}, "retries: expected how often at most, got -1"),
    ],
)
def test_a_wrong_webhook_is_refused_without_its_secret(url, keys, said, monkeypatch):
    monkeypatch.setenv("ALARM_TOKEN", "hunter2")
    with pytest.raises(ConfigError, match=re.escape(said)) as error:
        Webhook(url, **keys)
    assert "pw" not in str(error.value)
    assert "hunter2" not in str(error.value)


# The dashboard


DASHBOARD = json.loads((ROOT / "docs/grafana/trustkit.json").read_text(encoding="utf-8"))
QUERIES = [
    *(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]),
    *(each["definition"] for each in DASHBOARD["templating"]["list"] if "definition" in each),
]
SELECTED = re.compile(r"(trustkit_\w+)(?:\{([^}]*)\})?")


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_of_the_dashboard_finds_what_the_exporter_writes(query, drifted):
    """Each metric exists, each label that is asked for is one of it, and each value that is named occurs."""
    labels = {name_of(name): list(map(dict, samples)) for name, samples in figures(drifted).items()}
    found = SELECTED.findall(query)
    assert found
    for name, matchers in found:
        assert name in labels
        for label, operator, value in re.findall(r'(\w+)(=~|!~|!=|=)"([^"]*)"', matchers):
            assert all(label in each for each in labels[name])
            assert operator != "=" or value in [each[label] for each in labels[name]]


def test_the_dashboard_shows_every_figure_once_and_panels_do_not_overlap():
    shown = {name for query in QUERIES for name, _ in SELECTED.findall(query)}
    assert shown == set(map(name_of, FIGURES))
    places = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for at in [panel["gridPos"]]
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_legends_name_labels_that_there_are(drifted):
    found = figures(drifted)
    named = {
        name_of(name): {label for labels in samples for label, _ in labels} for name, samples in found.items()
    }
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            metrics = [name for name, _ in SELECTED.findall(target["expr"])]
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert all(label in named[metric] for metric in metrics)
