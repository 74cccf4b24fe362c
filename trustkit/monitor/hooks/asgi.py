"""The hook for ASGI: requests and answers of a service, recorded once each answer was sent."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from trustkit.errors import ConfigError, Problem, nearest
from trustkit.monitor.hooks.mapping import JsonMapping, UnmappedError

if TYPE_CHECKING:
    from trustkit.monitor.monitor import Monitor
    from trustkit.monitor.watch import Watch

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

MOST_BYTES = 1 << 20

MANY = 200
"""So many rows of one request are handed over as a frame."""


class MonitorMiddleware:
    """Middleware of ASGI 3 that records what a service decides, as FastAPI, Starlette or others serve it.

    Requests and answers pass through as they come. Those of the declared paths
    are kept beside, up to `most_bytes` each, and recorded after the answer was
    sent, where its status is one of success. What cannot be recorded is counted
    as a fault of the monitor; none is raised into the service. At the end of
    the service's lifespan the monitor is closed.

    Parameters
    ----------
    app : callable
        The application.
    monitor : Monitor
        What records.
    routes : mapping of str to JsonMapping
        By path, as ``/predict``: where the columns stand.
    most_bytes : int
        A longer body is not kept.

    Raises
    ------
    ConfigError
        For a path that begins with no slash, or a size that is none.

    Examples
    --------
    >>> app.add_middleware(
    ...     MonitorMiddleware,
    ...     monitor=monitor,
    ...     routes={"/predict": JsonMapping(rows="instances", prediction="predictions")},
    ... )  # doctest: +SKIP
    """

    def __init__(
        self, app: App, monitor: Monitor, routes: Mapping[str, JsonMapping], *, most_bytes: int = MOST_BYTES
    ) -> None:
        problems = [*_problems(routes, most_bytes), *_unknown(routes, monitor.watched.axes)]
        if problems:
            raise ConfigError(problems)
        self._app, self._monitor, self._routes, self._most = app, monitor, dict(routes), most_bytes

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, self._closing(send))
            return
        mapping = self._routes.get(_path(scope)) if scope["type"] == "http" else None
        if mapping is None:
            await self._app(scope, receive, send)
            return
        call = _Call(self._monitor, mapping, self._most, receive, send)
        await self._app(scope, call.receive, call.send)

    def _closing(self, send: Send) -> Send:
        """Close the monitor where the service says that it has shut down."""

        async def sending(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown."):
                self._monitor.close()
            await send(message)

        return sending


class _Call:
    """One request and its answer; the latency is from the whole request to the begin of the answer."""

    __slots__ = (
        "_answer", "_came", "_is_fit", "_latency", "_mapping", "_monitor", "_receive", "_request", "_send",
    )  # fmt: skip

    def __init__(
        self, monitor: Monitor, mapping: JsonMapping, most: int, receive: Receive, send: Send
    ) -> None:
        self._monitor, self._mapping, self._receive, self._send = monitor, mapping, receive, send
        self._request, self._answer, self._is_fit = _Body(most), _Body(most), False
        self._came, self._latency = time.perf_counter(), 0.0

    async def receive(self) -> Message:
        """Pass on what comes, and keep it."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._request.add(message.get("body", b""))
            self._came = time.perf_counter()
        return message

    async def send(self, message: Message) -> None:
        """Pass on what goes, and keep it; record where it is the last of the answer."""
        if message["type"] == "http.response.start":
            self._latency = time.perf_counter() - self._came
        await self._send(message)
        if message["type"] == "http.response.start":
            self._is_fit = 200 <= message["status"] < 300
            self._answer.is_encoded = _is_encoded(message.get("headers", ()))
        elif message["type"] == "http.response.body" and self._is_fit:
            self._answer.add(message.get("body", b""))
            if not message.get("more_body", False):
                self._record()

    def _record(self) -> None:
        try:
            X, told = self._mapping.read(self._request.read("request"), self._answer.read("answer"))
        except UnmappedError as error:
            self._monitor.faults.count("service", str(error))
        except Exception as error:
            self._monitor.faults.count("service", error)
        else:
            if X:
                self._monitor.record(_table(X, self._monitor.watched), **told, latency=self._latency)


def _table(rows: list[dict[str, Any]], watch: Watch) -> Any:
    """Rows as they are, or what is watched of many of them as a frame, which is copied and counted sooner."""
    if len(rows) < MANY:
        return rows
    names = [name for name in (*watch.columns, *watch.axes) if any(name in row for row in rows)]
    return pd.DataFrame({name: [row.get(name) for row in rows] for name in dict.fromkeys(names)})


class _Body:
    """What is kept of a body: all, or nothing where it is too long."""

    __slots__ = ("_left", "_parts", "is_encoded")

    def __init__(self, most: int) -> None:
        self._parts: list[bytes] = []
        self._left, self.is_encoded = most, False

    def add(self, part: bytes) -> None:
        """Keep a part, as long as there is room."""
        self._left -= len(part)
        if self._left < 0:
            self._parts.clear()
        elif part:
            self._parts.append(part)

    def read(self, name: str) -> Any:
        """Return what the JSON says."""
        if self._left < 0:
            raise UnmappedError(f"the {name} is too long to be kept: `most_bytes` is less")
        if self.is_encoded:
            raise UnmappedError(f"the {name} is compressed: add this middleware before the one that does so")
        try:
            return json.loads(b"".join(self._parts))
        except (ValueError, RecursionError):
            raise UnmappedError(f"the {name} is no JSON") from None


def _path(scope: MutableMapping[str, Any]) -> str:
    """The path of a request as the application sees it, whatever it is mounted under."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _is_encoded(headers: Any) -> bool:
    return any(name.lower() == b"content-encoding" and value != b"identity" for name, value in headers)


def _problems(routes: Mapping[str, JsonMapping], most_bytes: int) -> list[Problem]:
    problems = [
        Problem(f"routes.{path}", "a path begins with /", f"/{path}") for path in routes if path[:1] != "/"
    ]
    problems += [
        Problem(f"routes.{path}", f"expected a JsonMapping, got {type(mapping).__name__}")
        for path, mapping in routes.items()
        if not isinstance(mapping, JsonMapping)
    ]
    if not routes:
        problems.append(Problem("routes", "no path is declared"))
    if isinstance(most_bytes, bool) or not isinstance(most_bytes, int) or most_bytes < 1:
        problems.append(Problem("most_bytes", f"expected a number of bytes, got {most_bytes!r}"))
    return problems


def _unknown(routes: Mapping[str, JsonMapping], attributes: tuple[str, ...]) -> list[Problem]:
    """Sensitive attributes that are not among the watched ones."""
    return [
        Problem(f"routes.{path}.sensitive", f"{name!r} is not watched", nearest(name, attributes))
        for path, mapping in routes.items()
        if isinstance(mapping, JsonMapping)
        for name in mapping.sensitive.values()
        if name not in attributes
    ]
