"""Models behind an address: asked over HTTP in bounded batches, again where the network fails."""

from __future__ import annotations

import json
import math
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Literal
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trustkit.errors import ConfigError, ModelError, Problem, nearest
from trustkit.models.protocols import Answer, Invocations, OpenInference, Speech, Template, has_place, is_path

_KEY = "model.http"
_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0
_MOST_BYTES, _MOST_BYTES_A_ROW = 1 << 20, 1 << 16
_MOST_LATENCIES = 100_000
_CHUNK = 1 << 16
_CONNECTIONS = 32
"""How many are kept at least; urllib3 warns of each that it has to throw away."""
_BROKEN = "connection"
_PLAIN = {"Content-Type": "application/json", "Accept": "application/json"}

Credentials = Literal["declared", "none", "wrong"]


@dataclass(frozen=True)
class Reply:
    """What came back to one request.

    Attributes
    ----------
    status : int
        Of HTTP.
    headers : mapping of str to str
        Its headers, by names in lower case.
    data : bytes
        Its body.
    """

    status: int
    headers: Mapping[str, str]
    data: bytes


@dataclass
class Traffic:
    """What was sent and how it fared.

    Attributes
    ----------
    requests : int
        Sent, the same one sent again counted again.
    failed : Counter
        How many got no answer that could be read, by the reason.
    seconds : list of float
        How long each answered request took; of the first hundred thousand.
    """

    requests: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def took(self, seconds: float, failed: str | None) -> None:
        """Count a request."""
        with self._lock:
            self.requests += 1
            if failed is not None:
                self.failed[failed] += 1
            elif len(self.seconds) < _MOST_LATENCIES:
                self.seconds.append(seconds)


class BrokenOffError(ModelError):
    """The endpoint broke the connection off, and no answer came."""


class NoAnswerError(ModelError):
    """The endpoint gave no answer in time."""


class NotJsonError(ModelError):
    """The endpoint answered with something else than JSON, as a proxy does whose server is gone."""


class _Again(Exception):  # noqa: N818 (a signal, not an error)
    """A request failed in a way that may pass: for the reason, after so many seconds."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.pause = reason, pause


class Endpoint:
    """A model behind an address, with the face of an estimator.

    Parameters
    ----------
    url : str
        The address, http or https, without credentials.
    folder : Path
        Folder that `ca` is relative to.
    http : mapping
        Keys of ``[model.http]``.

    Attributes
    ----------
    traffic : Traffic
        What was sent so far.

    Raises
    ------
    ConfigError
        What is wrong with the address or the keys, or urllib3 is missing.
    """

    type_name = "an endpoint"

    def __init__(self, url: str, folder: Path, http: Mapping[str, Any]) -> None:
        self._http = http
        problems = problems_of(url, http)
        headers, missing = _headers(http["headers"])
        if problems or missing:
            raise ConfigError([*problems, *missing])
        self.url, self._headers = url, headers
        self._speech = _speech(url, http)
        self._folder, self._pool = folder, _pool(folder, http)
        self._retries: int = http["retries"]
        self._trying = False
        self._dead: str | None = None
        self._kept: dict[bytes, Answer] = {}
        self.traffic = Traffic()
        if http["classes"]:
            self.classes_ = list(http["classes"])

    @property
    def isolation(self) -> str:
        """Where the model ran, in words."""
        parts = urlsplit(self.url)
        where = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "") + parts.path
        failed = sum(self.traffic.failed.values())
        said = f"{self.traffic.requests:,} requests, {failed:,} of them failed"
        return f"the model was asked at {where}: {said}"

    def predict(self, X: pd.DataFrame) -> list[Any]:
        """Ask for the decision on each row.

        An answer has the scores beside the decisions: all of one call are kept
        until the next, so that a row is not sent twice for one question.
        """
        self._kept = {}
        answers = self._answers(X, {})
        if self._http["score"] is not None:
            self._kept = dict(answers)
        return [each for _, answer in answers for each in answer.decisions]

    @property
    def predict_proba(self) -> Any:
        """Ask for the probability of each class; absent where `score` or `classes` is not declared."""
        if self._http["score"] is None or not self._http["classes"]:
            raise AttributeError("predict_proba")
        return self._chances

    @property
    def has_credentials(self) -> bool:
        """Whether headers are declared."""
        return bool(self._headers)

    @property
    def timeout(self) -> float:
        """Seconds that one request may take."""
        return float(self._http["timeout"])

    @property
    def concurrency(self) -> int:
        """Requests that may be under way at once."""
        return int(self._http["concurrency"])

    def question(self, X: pd.DataFrame) -> bytes:
        """Return the body of a request about some rows."""
        return _encoded(self._speech.body(X))

    def read(self, reply: Reply, rows: int) -> Answer:
        """Return what a reply says of so many rows; ModelError where it is no such answer."""
        if reply.status != 200:
            raise ModelError(f"the endpoint answered with status {reply.status}")
        try:
            said = json.loads(reply.data)
        except (ValueError, RecursionError):
            raise NotJsonError("an answer that is not JSON") from None
        answer = self._speech.answer(said)
        for each in (answer.decisions, answer.scores):
            if each is not None and len(each) != rows:
                raise ModelError(f"expected {rows} answers, got {len(each)}")
        return answer

    def send(
        self,
        body: bytes,
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        credentials: Credentials = "declared",
        fresh: bool = False,
        timeout: float | None = None,
        most: int = _MOST_BYTES,
    ) -> Reply:
        """Send a request once, whatever it holds, and return what comes back, whatever its status.

        Parameters
        ----------
        body : bytes
            The body.
        method : str
            Of HTTP.
        headers : mapping, optional
            Headers besides, or in place of, those of an honest request.
        credentials : {"declared", "none", "wrong"}
            Whether the declared headers go along, are left out, or have other values.
        fresh : bool
            Whether over a connection of its own, which another replica may take.
        timeout : float, optional
            Seconds, where fewer than declared.
        most : int
            Bytes that are read of the answer, and one more.

        Raises
        ------
        NoAnswerError
            Nothing came in time.
        BrokenOffError
            The connection was refused or broken off.
        """
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError, NewConnectionError
        from urllib3.exceptions import TimeoutError as TooLate

        started = time.perf_counter()
        pool = _pool(self._folder, self._http) if fresh else self._pool
        seconds = min(timeout or self._http["timeout"], self._http["timeout"])
        try:
            response = pool.request(
                method,
                self.url,
                body=body,
                headers={**_PLAIN, **self._credentials(credentials), **(headers or {})},
                preload_content=False,
                redirect=False,
                timeout=Timeout(total=seconds),
            )
            try:
                parts, read = [], 0
                while read <= most and (part := response.read1(_CHUNK, decode_content=True)):
                    parts.append(part)
                    read += len(part)
                    if time.perf_counter() - started > seconds:
                        response.close()
                        raise TooLate
            finally:
                response.release_conn()
                if fresh:
                    pool.clear()
        except NewConnectionError:  # refused at once, whatever its family
            raise BrokenOffError(f"{_BROKEN} (refused)") from None
        except TooLate:
            raise NoAnswerError(f"the endpoint gave no answer within {seconds:g} s") from None
        except HTTPError as error:
            raise BrokenOffError(f"{_BROKEN} ({type(error).__name__})") from None
        return Reply(response.status, {k.lower(): v for k, v in response.headers.items()}, b"".join(parts))

    def _credentials(self, which: Credentials) -> dict[str, str]:
        """The declared headers; wrong ones keep what stands before a blank, as Bearer."""
        if which == "declared":
            return self._headers
        named = self._headers if which == "wrong" else {}
        return {
            name: f"{value.partition(' ')[0]} wrong" if " " in value else "wrong"
            for name, value in named.items()
        }

    @contextmanager
    def once(self) -> Iterator[None]:
        """Meanwhile send no request again, and go on asking after one that got no answer.

        Each takes a connection of its own: one that the server closed after an
        error is broken off, too, for the request that comes after.
        """
        self._retries, retries, self._trying = 0, self._retries, True
        try:
            yield
        finally:
            self._retries, self._trying = retries, False

    def close(self) -> None:
        """Close its connections."""
        self._pool.clear()

    def _chances(self, X: pd.DataFrame) -> NDArray[np.float64]:
        known, self._kept = self._kept, {}
        rows = [each for _, answer in self._answers(X, known) for each in answer.scores or ()]
        try:
            scores = np.asarray(rows, dtype=np.float64)
        except (TypeError, ValueError):
            raise ModelError("a score in the answer is no number") from None
        if scores.ndim == 1 and len(self.classes_) == 2:
            return np.column_stack([1 - scores, scores])
        return scores.reshape(len(rows), -1)

    def _answers(self, X: pd.DataFrame, known: Mapping[bytes, Answer]) -> list[tuple[bytes, Answer]]:
        """Questions in batches with their answers, in order, a few asked at once; `known` ones are not."""
        if not X.columns.is_unique:
            raise ModelError("two inputs have one name")
        size = self._http["batch"]
        parts = [X.iloc[start : start + size] for start in range(0, max(len(X), 1), size)]
        bodies = [_encoded(self._speech.body(part)) for part in parts]

        def answered(body: bytes, part: pd.DataFrame) -> Answer:
            return known[body] if body in known else self._insisted(body, len(part))

        with ThreadPoolExecutor(min(self._http["concurrency"], len(parts))) as workers:
            return list(zip(bodies, workers.map(answered, bodies, parts), strict=True))

    def _insisted(self, body: bytes, rows: int) -> Answer:
        """Send a request until it is answered, or as often as is allowed."""
        pause = _FIRST_PAUSE
        for left in range(self._retries, -1, -1):
            if self._dead is not None:
                raise ModelError(self._dead)
            started = time.perf_counter()
            try:
                answer = self._sent(body, rows)
            except _Again as signal:
                self.traffic.took(time.perf_counter() - started, signal.reason)
                if not left:
                    kind = BrokenOffError if signal.reason.startswith(_BROKEN) else ModelError
                    raise kind(f"the endpoint failed {self._retries + 1} times: {signal.reason}") from None
                time.sleep(min(pause if signal.pause is None else signal.pause, _LONGEST_PAUSE))
                pause *= 2
            except NoAnswerError:
                self.traffic.took(time.perf_counter() - started, "no answer")
                raise
            else:
                self.traffic.took(time.perf_counter() - started, None)
                return answer
        raise AssertionError

    def _sent(self, body: bytes, rows: int) -> Answer:
        """Send a request once; its answer has to be whole, JSON, and of as many rows."""
        most = _MOST_BYTES + rows * _MOST_BYTES_A_ROW
        try:
            reply = self.send(body, most=most, fresh=self._trying)
        except NoAnswerError as error:
            if not self._trying:
                self._dead = f"{error}, and is not asked again"
            raise NoAnswerError(self._dead or str(error)) from None
        except BrokenOffError as error:
            raise _Again(str(error)) from None
        if len(reply.data) > most:
            raise ModelError(f"the endpoint answered {rows} rows with more than {most:,} bytes")
        if reply.status in _AGAIN:
            raise _Again(f"status {reply.status}", _seconds(reply.headers.get("retry-after")))
        try:
            return self.read(reply, rows)
        except NotJsonError as error:
            raise _Again(str(error)) from None


def _encoded(body: dict[str, Any]) -> bytes:
    return json.dumps(body, allow_nan=False, separators=(",", ":"), ensure_ascii=False).encode(
        "utf-8", "replace"
    )


def _pool(folder: Path, http: Mapping[str, Any]) -> Any:
    try:
        import urllib3
    except ImportError:
        found = "an endpoint needs urllib3: pip install 'trustkit-audit[http]'"
        raise ConfigError([Problem("system.model", found)]) from None
    ca = None if http["ca"] is None else str(folder / http["ca"])
    keys: dict[str, Any] = {"cert_reqs": "CERT_REQUIRED", "ca_certs": ca} if ca else {}
    return urllib3.PoolManager(maxsize=max(http["concurrency"], _CONNECTIONS), retries=False, **keys)


def _speech(url: str, http: Mapping[str, Any]) -> Speech:
    spoken = http["protocol"] or inferred(url)
    if spoken == "v2":
        return OpenInference(http["response"], http["score"])
    if spoken == "mlflow":
        return Invocations(http["response"], http["score"])
    return Template(http["request"], http["response"] or "", http["score"])


def inferred(url: str) -> str | None:
    """Protocol of an address, by how it ends; None where it does not tell."""
    path = urlsplit(url).path.rstrip("/")
    return "v2" if path.endswith("/infer") else "mlflow" if path.endswith("/invocations") else None


def problems_of(url: str, http: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with an address and the keys of ``[model.http]``, whatever the environment has."""
    return [*_address_problems(url), *_http_problems(url, http)]


def _address_problems(url: str) -> list[Problem]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return [Problem("system.model", "an endpoint's address begins with http:// or https:// and a host")]
    if parts.username or parts.password:
        found = f"credentials stand in the address; name the variable that holds them in {_KEY}.headers"
        return [Problem("system.model", found)]
    return []


def _http_problems(url: str, http: Mapping[str, Any]) -> list[Problem]:
    spoken = http["protocol"] or inferred(url)
    if spoken is None:
        return [Problem(f"{_KEY}.protocol", "the address does not tell it: write v2, mlflow or json")]
    problems = []
    if spoken == "json" and not has_place(http["request"]):
        found = "it says nowhere where the data go: write {records}, {rows} or {columns} as a value"
        problems.append(Problem(f"{_KEY}.request", found))
    if spoken == "json" and http["response"] is None:
        problems.append(Problem(f"{_KEY}.response", "required key is missing: the path to the decisions"))
    paths = {} if spoken == "v2" else {key: http[key] for key in ("response", "score") if http[key]}
    problems += [
        Problem(f"{_KEY}.{key}", f"{path!r} is no path, as predictions[*].label")
        for key, path in paths.items()
        if not is_path(path)
    ]
    if http["score"] is not None and not http["classes"]:
        problems.append(
            Problem(f"{_KEY}.classes", "required key is missing: which classes the scores are of")
        )
    return problems


def _headers(named: Mapping[str, str]) -> tuple[dict[str, str], list[Problem]]:
    """Headers with their values from the environment, and those that have none."""
    missing = [
        Problem(f"{_KEY}.headers.{name}", f"the environment has no {variable}", nearest(variable, os.environ))
        for name, variable in named.items()
        if variable not in os.environ
    ]
    values = {name: os.environ[variable] for name, variable in named.items() if variable in os.environ}
    return values, missing


def _seconds(text: str | None) -> float | None:
    """Seconds of a Retry-After header; None where it names none."""
    try:
        seconds = float(text) if text else math.nan
    except ValueError:
        return None
    return None if math.isnan(seconds) else max(seconds, 0.0)
