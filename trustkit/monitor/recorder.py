"""The recorder: takes calls without delay, and counts and stores them in the background."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from trustkit.errors import ConfigError
from trustkit.monitor import endings
from trustkit.monitor.calls import Rows, Truths, rows_in
from trustkit.monitor.coding import Coder
from trustkit.monitor.faults import Faults
from trustkit.monitor.gathering import Gathered
from trustkit.monitor.state import Batch
from trustkit.monitor.store import Store, StoreFault

if TYPE_CHECKING:
    from trustkit.monitor.hooks.events import CallEvents

BLOCK = 8192
"""Rows counted together; so many in the queue wake the recorder."""

HEARTBEAT = 10.0
"""Seconds after which a recorder with nothing to store says that it is there."""

SHARE = 100
"""Writes to the store take at most one in so many seconds, unless asked for, or short of room."""

LIVE = 60.0
"""Rows whose given times lag no more than so many seconds are of now."""

LONGEST_WAIT = 60.0
"""Seconds between two attempts on a store that fails."""


@dataclass(eq=False)
class _Request:
    """A caller waits until all is stored."""

    closes: bool = False
    done: SimpleQueue[None] = field(default_factory=SimpleQueue)


class Recorder:
    """Calls of one process on their way into the store.

    Taking a call costs a copy and a place in a queue: no lock is held while
    anything is counted or stored. A thread of its own does the rest; it ends
    with the process, after it has stored what is left.

    Parameters
    ----------
    store : Store
    watch : tuple of (str, str)
        The watch as JSON, and its digest.
    coder : Coder
    faults : Faults
    flush_rows, flush_seconds : int, float
        Whichever comes first; `SHARE` bounds the former.
    capacity : int
        Rows that may wait in the queue, and entries that may wait for the store.
    after : callable, optional
        Called in the thread after each write, and with True where a caller waits for it.
    log : CallEvents, optional
        Told of each call that is counted, and flushed before the store is.
    """

    def __init__(
        self,
        store: Store,
        watch: tuple[str, str],
        coder: Coder,
        faults: Faults,
        *,
        flush_rows: int,
        flush_seconds: float,
        capacity: int,
        after: Callable[[bool], None] = lambda _: None,
        log: CallEvents | None = None,
    ) -> None:
        self._store, self._watch, self._coder, self.faults = store, watch, coder, faults
        self._flush_rows, self._flush_seconds, self._capacity = flush_rows, flush_seconds, capacity
        self._after, self._log = after, log
        self._declared = False
        self._begin()
        endings.register(self)

    def _begin(self) -> None:
        """Begin with nothing: once, and again in the child of a fork."""
        self._lock = threading.RLock()  # a signal may come while it is held
        self._bell: SimpleQueue[_Request | None] = SimpleQueue()  # safe in a signal, as an Event is not
        self._queue: deque[tuple[int, Rows | Truths]] = deque()
        self._held: dict[int, tuple[float, Rows]] = {}
        self._queued = 0
        self._ring_at, self._has_rung = self._flush_rows, False
        self._thread: threading.Thread | None = None
        self._closed = False
        self.recorded = self.dropped = 0
        self._timed = False
        self.last_at: float | None = None
        self._lag = 0.0
        self._writer = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._seq = 0
        self._gathered, self._batch = Gathered(self._coder), None
        self._told = (0, 0)
        self._free = time.monotonic()
        self._due, self._beat = self._free + self._flush_seconds, self._free + HEARTBEAT
        self._failures = 0

    _batch: Batch | None

    def begin_anew(self) -> None:
        """Forget what the parent of this process took, and is going to store."""
        self.faults.clear()
        self._begin()

    def declare(self) -> None:
        """Make the store, or check that it is of this watch.

        Raises
        ------
        ConfigError, StoreFault
            As `Store.declare` does.
        """
        self._store.declare(*self._watch)
        self._declared = True

    # on the caller's path

    def put(self, call: Rows | Truths) -> bool:
        """Take a call; return False where there is no room for it."""
        is_record = isinstance(call, Rows)
        n = call.n if isinstance(call, Rows) else rows_in(call.ids) or 1
        with self._lock:
            if self._closed or (self._queued and self._queued + n > self._capacity):
                return self._refused(n, is_record)
            self._append(n, call)
            rings = self._queued >= self._ring_at and not self._has_rung
            self._has_rung |= rings
            if self._thread is None:
                self.start()
        if rings:
            self._bell.put(None)
        return True

    def _append(self, n: int, call: Rows | Truths) -> None:
        self._queue.append((n, call))
        self._queued += n
        if isinstance(call, Rows):
            self.recorded += n
            self._timed |= call.timed

    def _refused(self, n: int, is_record: bool) -> bool:
        if self._closed:
            self.faults.count("closed", "the monitor is closed; what comes now is dropped")
        elif is_record:
            self.faults.count("queue", "is full: records are dropped and counted", 0)
        else:
            self.faults.count("label", "the queue is full: labels are dropped", n)
        self.dropped += n if is_record else 0
        return False

    def hold(self, call: Rows) -> None:
        """Take a call to which this thread may add, until it brings another or `flush_seconds` are over."""
        with self._lock:
            _, before = self._held.pop(threading.get_ident(), (0.0, None))
            if before is not None:
                self.put(before)
            self._held[threading.get_ident()] = (time.monotonic(), call)
            if self._thread is None:
                self.start()

    def change(self, call: Rows, change: Callable[[Rows], None]) -> None:
        """Change a call that is still held for this thread."""
        with self._lock:
            if self._held.get(threading.get_ident(), (0.0, None))[1] is call:
                change(call)

    def start(self) -> None:
        """Start the thread, where there is none: only a process that has something to tell has one."""
        with self._lock:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._work, name="trustkit-monitor", daemon=True)
                self._thread.start()
                endings.prepare()

    def flush(self, *, closes: bool = False, wait: float = float("inf")) -> None:
        """Store what was taken; return when that is done, has failed, or took longer than `wait` seconds."""
        thread, request = self._thread, _Request(closes)
        with self._lock:
            self._closed |= closes
        if thread is threading.current_thread():
            self._round(request)
        elif thread is not None:
            self._bell.put(request)
            until = time.monotonic() + wait
            while request.done.empty() and thread.is_alive() and time.monotonic() < until:
                with suppress(Empty):
                    request.done.get(timeout=min(0.2, wait))
                    return

    @property
    def is_live(self) -> bool:
        """Whether rows are of the clock's time: none was given, or what was given is of the last minute."""
        return self.last_at is not None and (not self._timed or abs(self._lag) < LIVE)

    def close(self, *, wait: float = float("inf")) -> None:
        """Store what was taken, and end the thread."""
        if not self._closed:
            self.flush(closes=True, wait=wait)

    # in the background

    def _work(self) -> None:
        while True:
            request = None
            with suppress(Empty):
                request = self._bell.get(timeout=self._pause())
            try:
                self._round(request)
            except Exception as error:
                self.faults.count("recorder", error)
            if request is not None:
                request.done.put(None)
                if request.closes:
                    return

    def _pause(self) -> float:
        """Seconds until something is due."""
        due = min(self._due, self._beat)
        if self._gathered.rows >= self._flush_rows:
            due = min(due, self._free)
        return min(max(due - time.monotonic(), 0.001), HEARTBEAT)

    def _round(self, request: _Request | None) -> None:
        self._collect(everything=request is not None)
        now = time.monotonic()
        full = self._gathered.rows >= self._flush_rows and now >= self._free
        short = self._gathered.size >= self._capacity // 2 and not self._failures
        if request is not None:
            self._settle(request)
        elif (full or short or now >= min(self._due, self._beat)) and self._send():
            self._after(False)
        with self._lock:
            self._ring_at = (
                self._flush_rows if time.monotonic() >= self._free else max(BLOCK, self._flush_rows)
            )

    def _settle(self, request: _Request) -> None:
        """Store all that was taken; of more than fits at once, one part after the other."""
        left = len(self._queue)
        while is_stored := self._send():
            taken = self._collect(everything=True) if left > 0 else 0
            if not taken:
                break
            left -= taken
        if is_stored and (not request.closes or self._send(closes=True)):
            self._after(True)
        if request.closes and self._log is not None:
            self._logged(self._log.close)

    def _collect(self, *, everything: bool) -> int:
        """Count what is in the queue, as long as there is room for the counts; return how many calls."""
        now = time.monotonic()
        with self._lock:
            self._has_rung = False
            for thread, (since, call) in list(self._held.items()):
                if everything or now - since >= self._flush_seconds:
                    del self._held[thread]
                    self._append(call.n, call)
            left = before = len(self._queue)
        while left and self._gathered.size < self._capacity:
            calls, rows = [], 0
            while left and rows < BLOCK:
                n, taken = self._queue.popleft()
                calls.append(taken)
                rows, left = rows + n, left - 1
            if self._log is not None:
                self._logged(partial(self._log, calls))
            counted = self._coder.count(calls)
            self._gathered.add(counted)
            for kind, what, times in counted.faults:
                self.faults.count(kind, what, times)
            if counted.last_at is not None:
                self.last_at = max(counted.last_at, self.last_at or counted.last_at)
                self._lag = time.time() - counted.last_at
            with self._lock:
                self._queued -= rows
                self.recorded -= counted.lost
        return before - left

    def _send(self, *, closes: bool = False) -> bool:
        """Write what is gathered to the store; return False where that failed."""
        if self._log is not None:
            self._logged(self._log.flush)
        started = time.monotonic()
        self._due = started + self._flush_seconds
        try:
            if not self._declared:
                self.declare()
            if self._batch is not None:  # one that failed before
                self._write(self._batch)
            if closes or self._has_news():
                self._batch = self._gathered.batch(self._store.hash, self._account(closes))
                self._seq += 1
                self._write(self._batch)
        except (StoreFault, ConfigError) as error:
            self._failures += 1
            self._due = time.monotonic() + min(self._flush_seconds * 2**self._failures, LONGEST_WAIT)
            self._free = self._beat = self._due
            found = [each.found for each in getattr(error, "problems", ())]
            self.faults.count("store", "; ".join(found) or str(error))
            return False
        self._failures = 0
        now = time.monotonic()
        self._free = now + SHARE * (now - started)
        return True

    def _write(self, batch: Batch) -> None:
        self._store.flush(batch)
        self._told = (batch.dropped, batch.faults)
        self._batch, self._beat = None, time.monotonic() + HEARTBEAT

    def _logged(self, step: Callable[[], None]) -> None:
        """Do something with the log."""
        try:
            step()
        except Exception as error:
            self.faults.count("log", error)

    def _has_news(self) -> bool:
        account = (self.dropped, self.faults.total)
        return self._gathered.size > 0 or account != self._told or time.monotonic() >= self._beat

    def _account(self, closes: bool) -> dict[str, object]:
        return {
            "writer": self._writer,
            "seq": self._seq + 1,
            "clock": not self._timed,
            "recorded": self.recorded,
            "dropped": self.dropped,
            "faults": self.faults.total,
            "closed": closes,
        }
