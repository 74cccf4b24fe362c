"""The hook for alarms: each is sent to an address, again where that fails, and never on the serving path."""

from __future__ import annotations

import atexit
import hashlib
import json
import logging
import os
import queue
import threading
import time
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from trustkit.errors import ConfigError, Problem, nearest

if TYPE_CHECKING:
    from trustkit.monitor.faults import Faults
    from trustkit.scorecard import Finding

MOST_WAITING = 1000
"""Alarms that wait to be sent; of more, the number alone is kept."""

_LONGEST_PAUSE = 60.0
_LAST = 5.0
"""Seconds that the end of the process waits for what is not yet sent."""

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_LOG = logging.getLogger("trustkit.monitor")
_WEBHOOKS: weakref.WeakSet[Webhook] = weakref.WeakSet()


class Webhook:
    """Sends alarms as JSON, with the keys of a scorecard's finding: ``monitor.on_alarm(Webhook(url))``.

    A call puts the alarm into a queue and returns. A thread sends it, pauses
    longer after each failure, and at last gives it up. A repeated alarm has the
    same ``Idempotency-Key``.

    Parameters
    ----------
    url : str
        Address, http or https. No message shows more of it than the host: that of a
        chat is itself a secret.
    headers : mapping of str to str, optional
        By header, the variable of the environment that holds its value:
        ``{"Authorization": "ALARM_TOKEN"}``.
    timeout : float
        Seconds that one attempt may take.
    retries : int
        Attempts after the first.

    Attributes
    ----------
    sent, failed, dropped : int
        Alarms that arrived, that were given up, and that found no room.
    faults : Faults or None
        Of the monitor that it is given to by `on_alarm`: what does not arrive is counted there too.

    Raises
    ------
    ConfigError
        For an address that is none, a variable that is not set, or urllib3 missing.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 5.0,
        retries: int = 5,
    ) -> None:
        problems = [*_problems(url, headers or {}), *_bounds(timeout, retries)]
        if problems:
            raise ConfigError(problems)
        self._url, self._timeout, self._retries = url, timeout, retries
        self._headers = {name: os.environ[variable] for name, variable in (headers or {}).items()}
        self.faults: Faults | None = None
        self._begin()
        _WEBHOOKS.add(self)

    def _begin(self) -> None:
        self._pool = _pool(self._timeout, self._retries)
        self.sent = self.failed = self.dropped = 0
        self._waiting: queue.Queue[dict[str, Any]] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._has_told = False

    def __repr__(self) -> str:
        return f"Webhook({urlsplit(self._url).hostname})"

    def __call__(self, finding: Finding) -> None:
        """Take an alarm, without delay."""
        try:
            self._waiting.put_nowait(finding.model_dump(mode="json"))
        except queue.Full:
            self.dropped += 1
            self._count("an alarm found no room to wait")
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="trustkit-webhook", daemon=True)
                self._thread.start()

    def flush(self, timeout: float) -> bool:
        """Wait until all is sent or given up; tell whether that was so within `timeout` seconds."""
        until = time.monotonic() + timeout
        while self._waiting.unfinished_tasks and time.monotonic() < until:
            time.sleep(0.01)
        return not self._waiting.unfinished_tasks

    def _work(self) -> None:
        while True:
            finding = self._waiting.get()
            try:
                why = self._send(finding)
            except Exception as error:
                why = type(error).__name__
            if why is None:
                self.sent += 1
            else:
                self._give_up(why)
            self._waiting.task_done()

    def _send(self, finding: Mapping[str, Any]) -> str | None:
        """Send an alarm; return why it did not arrive, None where it did."""
        body = json.dumps(finding, separators=(",", ":"), ensure_ascii=False).encode()
        own = {"Content-Type": "application/json", "Idempotency-Key": hashlib.sha256(body).hexdigest()}
        headers = {**own, **self._headers}
        reply = self._pool.request(
            "POST", self._url, body=body, headers=headers, redirect=False, preload_content=False
        )
        reply.close()
        return None if 200 <= reply.status < 300 else f"status {reply.status}"

    def _count(self, words: str) -> None:
        if self.faults is not None:
            self.faults.count("webhook", words)

    def _give_up(self, why: str) -> None:
        self.failed += 1
        self._count(f"an alarm was given up: {why}")
        if not self._has_told and self.faults is None:
            self._has_told = True
            _LOG.warning(
                "webhook to %s: an alarm was given up: %s (logged once)", urlsplit(self._url).hostname, why
            )


def _problems(url: str, headers: Mapping[str, str]) -> list[Problem]:
    """What is wrong with an address and its headers."""
    problems = []
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        problems.append(Problem("url", "an address begins with http:// or https:// and a host"))
    if parts.username or parts.password:
        found = "credentials stand in the address; name the variable that holds them in `headers`"
        problems.append(Problem("url", found))
    return problems + [
        Problem(f"headers.{name}", f"the environment has no {variable}", nearest(variable, os.environ))
        for name, variable in headers.items()
        if variable not in os.environ
    ]


def _bounds(timeout: float, retries: int) -> list[Problem]:
    problems = []
    if not timeout > 0:
        problems.append(Problem("timeout", f"expected seconds, got {timeout!r}"))
    if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
        problems.append(Problem("retries", f"expected how often at most, got {retries!r}"))
    return problems


def _pool(timeout: float, retries: int) -> Any:
    """Connections that pause 0, 1, 2, 4, ... seconds between attempts, and follow no redirect."""
    try:
        from urllib3 import PoolManager, Retry, Timeout
    except ImportError:
        found = "is not installed: pip install 'trustkit-audit[http]'"
        raise ConfigError([Problem("urllib3", found)]) from None
    again = Retry(
        total=retries,
        redirect=False,
        status_forcelist=_AGAIN,
        allowed_methods={"POST"},
        backoff_factor=0.5,
        backoff_max=_LONGEST_PAUSE,
        raise_on_status=False,
        respect_retry_after_header=False,
    )
    return PoolManager(retries=again, timeout=Timeout(total=timeout))


def _send_all() -> None:
    """At the end of the process, send what waits."""
    until = time.monotonic() + _LAST
    for webhook in list(_WEBHOOKS):
        webhook.flush(max(until - time.monotonic(), 0))


def _begin_anew() -> None:
    """In the child of a fork, leave to the parent what waits."""
    for webhook in list(_WEBHOOKS):
        webhook._begin()


atexit.register(_send_all)
os.register_at_fork(after_in_child=_begin_anew)
