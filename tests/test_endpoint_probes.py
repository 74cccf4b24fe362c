"""An endpoint is knocked at: each planted fault fails, the honest twin passes, and no secret is kept."""

import json
import ssl
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from serving import Handler, answer_to, certificate_in, serving

import trustkit as tk
from trustkit.checks.security.endpoint import endpoint
from trustkit.collectors import collect, probes
from trustkit.collectors.leaks import leaks
from trustkit.config import Config
from trustkit.errors import ConfigError
from trustkit.evidence.probes import PATH, TRACE, VERSION, Outcome, Probes
from trustkit.measure.quantiles import OrderStatistics
from trustkit.system import System

INPUTS = ["a", "b"]
SECRET = "Bearer s3cr3t-t0ken"  # noqa: S105
JSON = {
    "protocol": "json",
    "request": {"instances": "{records}"},
    "response": "result.labels",
    "score": "result.scores",
    "classes": [0, 1],
    "timeout": 1.0,
}
LOCAL = {"scheme": "http", "loopback": True, "credentials": True, "seed": 0}
REFUSED = Outcome(1, refused=1)


def probes_of(n):
    """Probes under which n requests of the load were answered and a tenth of them failed."""
    requests = {"no credentials": REFUSED, "malformed JSON": Outcome(1, failed=1, leaks=(TRACE,) * (n > 30))}
    load = Outcome(n + n // 10, answered=n, failed=n // 10)
    taken = tuple(float(each) for each in range(n))
    return Probes(LOCAL, {}, requests, load, Outcome(40, 30, limited=10), taken, 8, n % 2)


def nothing_probed():
    return Probes(LOCAL, {}, {})


def probes_samples():
    """Probes of several endpoints, and of one that had no time for any."""
    open_ = Probes({**LOCAL, "loopback": False, "credentials": False}, {}, {"no body": REFUSED})
    secure = Probes({**LOCAL, "scheme": "https"}, {"TLS 1.0": Outcome(1, answered=1), "TLS 1.1": REFUSED}, {})
    return [probes_of(3), probes_of(300), open_, secure, nothing_probed()]


class Gate(Handler):
    """An honest server: it reads what it is sent, refuses what it cannot read, and tells nothing."""

    server_version, sys_version = "", ""

    def do_POST(self):  # noqa: N802
        served = self.server.served
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with served.lock:
            served.number += 1
            number = served.number
            served.headers.append(dict(self.headers))
        try:
            self.status = self.refuses(data)
            body = None if self.status else json.loads(data)
            said, _ = answer_to(body, served.model) if body is not None else (None, 0)
        except Exception:
            self.status, said = 400, None
        fault = served.fault(number)
        if fault and hasattr(self, f"plant_{fault}"):
            getattr(self, f"plant_{fault}")(served, said, number)
        elif self.status:
            self.reply(b'{"error": "17"}', self.status)
        else:
            self.reply(json.dumps(said).encode())

    def refuses(self, data):
        if self.headers.get("Authorization") != SECRET:
            return 401
        if len(data) > 1 << 20:
            return 413
        return 0 if self.headers["Content-Type"] == "application/json" else 415

    def do_GET(self):  # noqa: N802
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.reply(b"", 405)

    do_PUT = do_GET  # noqa: N815

    def plant_trace(self, served, said, number):
        error = b'Traceback (most recent call last):\n  File "/srv/app/main.py", line 3\nKeyError: income'
        self.reply(json.dumps(said).encode() if said else error, 200 if said else 500)

    def plant_version(self, served, said, number):
        self.server_version = "nginx/1.18.0"
        self.reply(json.dumps(said).encode() if said else b"", 200 if said else self.status)

    def plant_replica(self, served, said, number):
        if said and number % 3 == 0:
            said["result"]["labels"] = [1 - each for each in said["result"]["labels"]]
        self.reply(json.dumps(said).encode() if said else b"", 200 if said else self.status)

    def plant_flaky(self, served, said, number):
        works = said and number % 10
        self.reply(json.dumps(said).encode() if works else b"", 200 if works else 503)

    def plant_limit(self, served, said, number):
        limited = number > 1 + 2 + 7 + 1 + 40
        self.reply(json.dumps(said).encode() if said and not limited else b"", 429 if limited else 200)

    def plant_hang(self, served, said, number):
        if not said:
            time.sleep(1.5)
        self.reply(json.dumps(said).encode() if said else b"", 200 if said else 400)

    def plant_accepts(self, served, said, number):
        self.reply(json.dumps(said or {"result": {"labels": [0], "scores": [0.0]}}).encode())


class Open(Gate):
    """It forgot to ask who calls."""

    def refuses(self, data):
        return 413 if len(data) > 1 << 20 else 0


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    made = pd.DataFrame(rng.normal(size=(300, 2)), columns=INPUTS)
    return made.assign(target=(made.sum(axis=1) + rng.normal(size=300) > 0).astype(int))


class Rule:
    """A model that takes no time."""

    def predict(self, X):
        return np.array([int(row["a"] + row["b"] > 0) for row in X.to_dict("records")])

    def predict_proba(self, X):
        return np.array([[1 - decided, decided] for decided in self.predict(X).astype(float)])


@pytest.fixture(scope="module")
def model():
    return Rule()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return certificate_in(tmp_path_factory.mktemp("tls"))


@pytest.fixture(autouse=True)
def token(monkeypatch):
    monkeypatch.setenv("SCORING_TOKEN", SECRET)


def config_of(address, options=None, **http):
    return Config.of(
        system={"model": address + "/score?key=qu3ry"},
        data={"target": "target", "favorable": 1, "features": INPUTS},
        model={"http": {**JSON, "headers": {"Authorization": "SCORING_TOKEN"}, **http}},
        options={"security/endpoint": {"load": 40, **(options or {})}},
    )


def probed(model, table, fault=None, handler=Gate, options=None, certificate=None, **http):
    with serving(model, lambda _number: fault, certificate, handler) as served:
        found = collect(
            System(None, table, config=config_of(served.address, options, **http)), only=["probes"]
        )
    assert not found.errors
    return found.kinds["probes"], served


def figures(found):
    return {each.metric: each for each in endpoint(found)}


NOTHING = ("plain", "old_tls", "unauthenticated", "traces", "versions", "accepted", "broken", "disagreeing")


def test_an_honest_endpoint_passes_and_no_secret_is_kept(model, table):
    """Of 299 requests or more none fails: 95 % confidence that at most 1 % do."""
    with serving(model, handler=Gate) as served:
        config = config_of(served.address, {"load": 300})
        card = tk.audit(data=table, config=config, only=["security/endpoint"])
    verdicts = {each.metric: each.verdict for each in card.findings}
    assert {name: verdicts[name] for name in NOTHING if name != "versions"} == {
        name: "pass" for name in NOTHING if name != "versions"
    }
    assert verdicts["errors"] == "pass"
    assert card.gate != "fail"
    assert served.number == 1 + 2 + 7 + 1 + 300 + 40  # PUT and GET besides
    for secret in ("s3cr3t", "qu3ry"):
        assert secret not in card.to_json()


def test_the_requests_are_bounded_and_each_is_counted(model, table):
    found, served = probed(model, table)
    assert {name: figures(found)[name].value for name in NOTHING} == dict.fromkeys(NOTHING, 0)
    assert served.number == 1 + 2 + 7 + 1 + 40 + 40
    assert found.load == Outcome(40, answered=40)
    assert found.kinds["no credentials"] == found.kinds["wrong credentials"] == REFUSED
    assert found.kinds["a body of 8 MiB"] == REFUSED
    assert found.rows == 8
    assert len(found.milliseconds) == 40
    assert "11 requests" not in found.notes()[0]
    assert f"{2 + 9 + 1 + 40 + 40} requests" in found.notes()[0]
    sent = {each.get("Authorization") for each in served.headers}
    assert sent == {SECRET, "Bearer wrong", None}


@pytest.mark.parametrize(
    ("fault", "handler", "metric", "words"),
    [
        ("trace", Gate, "traces", "malformed JSON (a path of a file, a stack trace)"),
        (None, Open, "unauthenticated", "no credentials (answered); wrong credentials (answered)"),
        ("replica", Gate, "disagreeing", None),
        ("accepts", Gate, "accepted", "malformed JSON (answered); no body (answered)"),
        ("hang", Gate, "broken", "malformed JSON (nothing came in time)"),
        ("flaky", Gate, "errors", None),
    ],
)
def test_each_planted_fault_fails(model, table, fault, handler, metric, words):
    with serving(model, lambda _number: fault, handler=handler) as served:
        config = config_of(served.address, {"load": 100}, timeout=0.3)
        card = tk.audit(data=table, config=config, only=["security/endpoint"])
    failed = {each.metric: each for each in card.findings if each.verdict == "fail"}
    assert metric in failed
    also = {"unauthenticated"} if fault == "accepts" else set()
    assert set(failed) <= {metric, *also}
    assert words is None or words in str(failed[metric].message) + str(failed[metric].why)


def test_a_version_in_a_header_is_shown(model, table):
    found, _ = probed(model, table, "version")
    assert figures(found)["versions"].value > 5
    assert figures(found)["traces"].value == 0


def test_a_rate_limit_is_seen_and_no_failure(model, table):
    found, _ = probed(model, table, "limit")
    assert found.burst == Outcome(40, limited=40)
    assert figures(found)["limited"].value == 40
    assert figures(found)["errors"].value == 0


def test_the_time_is_kept(model, table):
    started = time.monotonic()
    found, _ = probed(model, table, "hang", options={"budget": 0.5})
    assert time.monotonic() - started < 3
    assert sum(each.sent for each in found.kinds.values()) < 11


def test_without_declared_headers_only_the_loopback_may_be_open():
    told = figures(Probes({**LOCAL, "credentials": False}, {}, {}))["unauthenticated"]
    assert (told.value, told.interval(0.05)) == (0, (0, 0))
    told = figures(Probes({**LOCAL, "credentials": False, "loopback": False}, {}, {}))["unauthenticated"]
    assert (told.value, told.interval(0.05)) == (1, (0, 1))
    assert "declare model.http.headers" in told.note


@pytest.mark.parametrize(
    ("host", "is_it"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("10.0.0.1", False)],
)
def test_what_only_this_machine_reaches(host, is_it):
    assert probes._is_loopback(host) is is_it


def test_plain_http_beyond_this_machine_fails():
    assert figures(Probes({**LOCAL, "loopback": False}, {}, {}))["plain"].value == 1
    assert figures(Probes(LOCAL, {}, {}))["plain"].value == 0


@pytest.mark.parametrize(("oldest", "taken"), [("TLSv1", 2), ("TLSv1_2", 0)])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_versions_of_tls_are_tried(model, table, certificate, oldest, taken):
    def context():
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(certificate)
        made.set_ciphers("ALL:@SECLEVEL=0")
        made.minimum_version = getattr(ssl.TLSVersion, oldest)
        return made

    found, _ = probed(model, table, certificate=context(), ca=str(certificate))
    assert figures(found)["old_tls"].value == taken
    assert found.handshakes["TLS 1.2"].answered == found.handshakes["TLS 1.3"].answered == 1
    assert found.handshakes["TLS 1.0"] == (Outcome(1, answered=1) if taken else REFUSED)


def test_what_could_not_be_tried_is_no_pass():
    untried = Probes({**LOCAL, "scheme": "https"}, {"TLS 1.0": Outcome(1, late=1), "TLS 1.1": REFUSED}, {})
    assert np.isnan(figures(untried)["old_tls"].value)
    assert probes._handshake("127.0.0.1", 9, ssl.TLSVersion.TLSv1_2, 1.0) == Outcome(1, late=1)


def test_a_model_that_is_no_endpoint_is_left_aside(model, table):
    system = System(model, table, target="target", favorable=1, features=INPUTS)
    assert collect(system, only=["probes"]).absent["probes"][1] is None


def test_an_endpoint_that_does_not_answer_is_an_error(model, table):
    with serving(model, handler=Gate) as served:
        config = config_of(served.address, headers={})
        found = collect(System(None, table, config=config), only=["probes"])
    assert "status 401" in found.errors["probes"]


@pytest.mark.parametrize("load", [-1, 2.5, "300", True])
def test_a_load_that_is_none(load):
    config = Config.of(options={"security/endpoint": {"load": load}})
    with pytest.raises(ConfigError, match="not a whole number of requests"):
        probes._load_wanted(SimpleNamespace(system=System(config=config)))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Traceback (most recent call last):", (TRACE,)),
        (r'{"detail": "File \"model.py\", line 3, in predict"}', (TRACE,)),
        ("java.lang.NullPointerException\n\tat org.acme.Score.get(Score.java:17)", (TRACE,)),
        ("   at Acme.Score.Get() in C:\\src\\Score.cs:line 17", (PATH, TRACE)),
        ("TypeError: x\n    at predict (/app/index.js:10:5)", (PATH, TRACE)),
        ("goroutine 17 [running]:", (TRACE,)),
        ("thread 'main' panicked at src/main.rs:3", (TRACE,)),
        ("no such file: /home/ann/model.pkl", (PATH,)),
        ("<hr><center>nginx/1.18.0</center>", (VERSION,)),
        ("Werkzeug/2.0.1 Python/3.9", (VERSION,)),
        ('{"error": "income is missing"}', ()),
        ('{"error": "see https://example.org/home/errors.html"}', ()),
        ("nothing at /srv/score", ()),
        ('{"detail": [{"loc": ["body", 3], "msg": "expected value at line 1 column 12"}]}', ()),
        ('{"model_version": "2.1", "code": 17}', ()),
    ],
)
def test_what_a_reply_tells(text, found):
    assert leaks({}, text.encode(), "/srv/score") == found


def test_which_headers_tell_a_version():
    assert leaks({"server": "uvicorn"}, b"", "/") == ()
    assert leaks({"server": "BaseHTTP/0.6 Python/3.11.7"}, b"", "/") == (VERSION,)
    assert leaks({"x-powered-by": "PHP/8.1"}, b"", "/") == (VERSION,)
    assert leaks({"via": "1.1 proxy"}, b"", "/") == ()


class TestOrderStatistics:
    def test_the_median_of_ten_as_in_tables(self):
        """Of 10 values the 2nd and 9th hold the median at 97.9 % (Conover 1999, table A3): 1.07 % a side."""
        values = np.arange(1.0, 11.0)[None]
        limits = OrderStatistics(values, np.array([0.5]))
        assert (limits.lower(0.0108)[0], limits.upper(0.0108)[0]) == (2, 9)
        assert (limits.lower(0.0107)[0], limits.upper(0.0107)[0]) == (1, 10)
        assert limits.value[0] == 5

    def test_each_limit_misses_with_at_most_its_level(self):
        for n, share, level in [(40, 0.95, 0.05), (300, 0.99, 0.05), (300, 0.95, 0.0005), (17, 0.5, 0.2)]:
            limits = OrderStatistics(np.arange(1.0, n + 1)[None], np.array([share]))
            low, high = limits.lower(level)[0], limits.upper(level)[0]
            if np.isfinite(low):
                assert binom.cdf(low - 1, n, share) <= level < binom.cdf(low, n, share)
            if np.isfinite(high):
                assert binom.sf(high - 1, n, share) <= level < binom.sf(high - 2, n, share)

    def test_where_none_is_far_enough_there_is_no_limit(self):
        limits = OrderStatistics(np.arange(20.0)[None], np.array([0.99]))
        assert limits.upper(0.05)[0] == np.inf
        assert OrderStatistics(np.arange(3.0)[None], np.array([0.5])).lower(0.05)[0] == -np.inf

    def test_several_at_once(self):
        one = OrderStatistics(np.arange(100.0)[None], np.array([0.5]))
        two = OrderStatistics.joined([one, OrderStatistics(np.arange(100.0)[None], np.array([0.9]))])
        assert two.lower(0.05)[0] == one.lower(0.05)[0]
        assert two.take([1]).upper(0.05)[0] > one.upper(0.05)[0]
