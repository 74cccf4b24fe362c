"""The collector of probes: knock at an endpoint, send it what is no question, and put a small load on it."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from trustkit.collectors.budget import Budget
from trustkit.collectors.draws import drawing_order
from trustkit.collectors.leaks import leaks
from trustkit.collectors.sources import Sources
from trustkit.errors import ConfigError, ModelError, Problem
from trustkit.evidence import Unavailable
from trustkit.evidence.probes import Outcome, Probes
from trustkit.models.endpoints import BrokenOffError, Endpoint, NoAnswerError, Reply
from trustkit.models.protocols import Answer

CHECK = "security/endpoint"
DRAW = 43

LOAD, BURST, AT_ONCE, ROWS = 300, 40, 20, 8
"""Requests of the load, of the burst, and how many of it at once; rows that they ask about in turn."""

OVERSIZE = 8 << 20
LONGEST = 10.0
"""Bytes of a body that is too large; seconds that a probe waits at most."""

_VERSIONS = {
    "TLS 1.0": ssl.TLSVersion.TLSv1,
    "TLS 1.1": ssl.TLSVersion.TLSv1_1,
    "TLS 1.2": ssl.TLSVersion.TLSv1_2,
    "TLS 1.3": ssl.TLSVersion.TLSv1_3,
}
_OF_THIS_SIDE = {"NO_PROTOCOLS_AVAILABLE", "NO_CIPHERS_AVAILABLE", "UNSUPPORTED_PROTOCOL_VERSION"}
_SAME = 1e-6


def collect_probes(sources: Sources) -> Probes:
    """Send an endpoint a bounded number of requests; but for the first, none is sent again.

    Raises
    ------
    Unavailable
        Where the model is no endpoint.
    ModelError
        Where it does not answer an honest request, sent again as declared: nothing can be told then.
    """
    model = sources.model
    if not isinstance(model, Endpoint):
        raise Unavailable("the model is no endpoint: nobody reaches it over a network")
    budget, load = Budget.of(sources, CHECK), _load_wanted(sources)
    frame = sources.frame.at(drawing_order(sources, DRAW)[:ROWS])
    table = next(frame.batches(sources.features, frame.rows))
    asked = [model.question(table.iloc[[row]]) for row in range(len(table))]
    model.predict(table.iloc[:1])
    sources.model_calls += 1
    parts = urlsplit(model.url)
    schema = {
        "scheme": parts.scheme,
        "loopback": _is_loopback(parts.hostname or ""),
        "credentials": model.has_credentials,
        "seed": sources.seed,
    }
    wrong = _probes(asked[0], model.has_credentials)
    kinds = {name: _probed(model, budget, body, **how) for name, body, how in wrong}
    afterwards = _probed(model, budget, asked[0])
    shaken = _handshakes(parts.hostname or "", parts.port or 443, budget) if parts.scheme == "https" else {}
    answers: dict[int, list[Answer]] = {}
    loaded, taken = _sent(model, budget, asked, answers, load, model.concurrency, fresh=False)
    burst, _ = _sent(model, budget, asked, answers, min(BURST, load), AT_ONCE, fresh=True)
    sources.model_calls += loaded.sent + burst.sent + afterwards.sent + sum(e.sent for e in kinds.values())
    return Probes(
        schema,
        shaken,
        {**kinds, "an honest request afterwards": afterwards},
        loaded,
        burst,
        tuple(sorted(taken)),
        len(answers),
        sum(_differ(each) for each in answers.values()),
    )


def _probes(honest: bytes, credentials: bool) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """Each kind of request that is no honest one, its body, and how it is sent."""
    if credentials:
        yield "no credentials", honest, {"credentials": "none"}
        yield "wrong credentials", honest, {"credentials": "wrong"}
    yield "malformed JSON", honest[: len(honest) // 2], {}
    yield "no body", b"", {}
    yield "an empty object", b"{}", {}
    yield "a list for the data", b"[[[]]]", {}
    yield "bytes that are no text", bytes(range(128, 256)), {}
    yield "another content type", honest, {"headers": {"Content-Type": "text/plain"}}
    yield "a body of 8 MiB", b'{"padding": "' + b"x" * OVERSIZE + b'"}', {}
    yield "another method", honest, {"method": "PUT"}
    yield "a method that asks for nothing", b"", {"method": "GET"}


def _probed(model: Endpoint, budget: Budget, body: bytes, **how: Any) -> Outcome:
    """Send one request over a connection of its own, while there is time."""
    outcome, _, _ = _tried(model, budget, body, {"fresh": True, **how})
    return outcome


def _tried(
    model: Endpoint, budget: Budget, body: bytes, how: Mapping[str, Any]
) -> tuple[Outcome, Answer | None, float]:
    """Send one request; what became of it, its answer where it has one, and how long that took.

    One that there is no time to wait for tells nothing, and is not counted.
    """
    patience, left = min(LONGEST, model.timeout), budget.left
    if not left:
        return Outcome(), None, 0.0
    started = time.perf_counter()
    try:
        reply = model.send(body, timeout=min(patience, left), **how)
    except NoAnswerError:
        return Outcome(1, late=1) if left >= patience else Outcome(), None, 0.0
    except BrokenOffError:
        return Outcome(1, broken=1), None, 0.0
    took = time.perf_counter() - started
    told = leaks(reply.headers, reply.data, urlsplit(model.url).path)
    try:
        answer = model.read(reply, 1)
    except ModelError:
        return replace(_without_answer(reply), leaks=told), None, took
    return Outcome(1, answered=1, leaks=told), answer, took


def _without_answer(reply: Reply) -> Outcome:
    if reply.status == 429:
        return Outcome(1, limited=1)
    return Outcome(1, failed=1) if reply.status >= 500 else Outcome(1, refused=1)


def _sent(
    model: Endpoint,
    budget: Budget,
    asked: list[bytes],
    answers: dict[int, list[Answer]],
    requests: int,
    at_once: int,
    *,
    fresh: bool,
) -> tuple[Outcome, list[float]]:
    """Ask about one row after the other, a few at once, while there is time; milliseconds of each answer."""

    def ask(number: int) -> tuple[Outcome, int, Answer | None, float]:
        row = number % len(asked)
        outcome, answer, took = _tried(model, budget, asked[row], {"fresh": fresh})
        return outcome, row, answer, took

    total, taken = Outcome(), []
    with ThreadPoolExecutor(at_once) as workers:
        for outcome, row, answer, took in workers.map(ask, range(requests)):
            total += outcome
            if answer is not None:
                answers.setdefault(row, []).append(answer)
                taken.append(round(1000 * took, 3))
    return total, taken


def _differ(answers: list[Answer]) -> bool:
    """Whether answers to the same row are not the same: in the decision, or in a score by more than 1e-6."""
    first = answers[0]
    return any(
        each.decisions != first.decisions
        or (each.scores is not None and not np.allclose(_scores(each), _scores(first), rtol=0, atol=_SAME))
        for each in answers
    )


def _scores(answer: Answer) -> Any:
    return np.asarray(answer.scores, dtype=np.float64)


def _handshakes(host: str, port: int, budget: Budget) -> dict[str, Outcome]:
    """Shake hands by each version of TLS alone; nothing is sent, so no certificate is asked for."""
    return {
        name: _handshake(host, port, version, min(LONGEST, budget.left))
        for name, version in _VERSIONS.items()
        if budget.left
    }


def _handshake(host: str, port: int, version: ssl.TLSVersion, seconds: float) -> Outcome:
    """Refused is what the server refuses; what this side cannot speak, or nothing came of, was not tried."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the version is out of date
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
        with (
            socket.create_connection((host, port), timeout=seconds) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return Outcome(1, answered=1)
    except ssl.SSLError as error:
        return Outcome(1, late=1) if error.reason in _OF_THIS_SIDE else Outcome(1, refused=1)
    except ConnectionResetError:
        return Outcome(1, refused=1)
    except (OSError, ValueError):
        return Outcome(1, late=1)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _load_wanted(sources: Sources) -> int:
    wanted = sources.system.config.options.get(CHECK, {}).get("load", LOAD)
    if type(wanted) is not int or wanted < 0:
        key = f'options."{CHECK}".load'
        raise ConfigError([Problem(key, f"{wanted!r} is not a whole number of requests")])
    return wanted
