"""Endings: recorders store what they hold when a process ends, and begin anew in the child of a fork."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import weakref
from types import FrameType
from typing import Protocol

LONGEST = 5.0
"""Seconds that the end of a process waits for the store."""

SHORT = 1.0
"""Seconds that a signal waits which another handler then gets."""


class Ending(Protocol):
    """What is told of endings."""

    def flush(self, *, closes: bool = False, wait: float = ...) -> None:
        """Store what is held."""

    def close(self, *, wait: float = ...) -> None:
        """Store what is held, and end."""

    def begin_anew(self) -> None:
        """Forget what the parent holds."""


_LIVING: weakref.WeakSet[Ending] = weakref.WeakSet()
_HANDLED: list[object] = []


def register(recorder: Ending) -> None:
    """Tell a recorder of the end of its process, of SIGTERM and of forks."""
    _LIVING.add(recorder)
    _handle_sigterm()


def prepare() -> None:
    """Prepare for the end of a child of `multiprocessing`, which does not do what `atexit` was told."""
    if "multiprocessing.util" in sys.modules:
        sys.modules["multiprocessing.util"].Finalize(None, close_all, exitpriority=0)


def close_all() -> None:
    """Let all recorders end in order."""
    for recorder in list(_LIVING):
        recorder.close(wait=LONGEST)


def _begin_anew() -> None:
    for recorder in list(_LIVING):
        recorder.begin_anew()


def _handle_sigterm() -> None:
    """Come before the handler that is there, where this thread may set one, and it can be called."""
    if threading.current_thread() is not threading.main_thread():
        return
    before = signal.getsignal(signal.SIGTERM)
    if before is None or before is _on_sigterm:
        return
    try:
        signal.signal(signal.SIGTERM, _on_sigterm)
    except ValueError:  # in an interpreter that is not the first
        return
    _HANDLED[:] = [before]


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    """Store what is held, then do what would have been done."""
    before = _HANDLED[0] if _HANDLED else signal.SIG_DFL
    for recorder in list(_LIVING):
        if before is signal.SIG_DFL:
            recorder.close(wait=LONGEST)
        else:
            recorder.flush(wait=SHORT)
    if callable(before):
        before(number, frame)
    elif before is signal.SIG_DFL:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


atexit.register(close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
