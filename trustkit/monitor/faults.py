"""Faults of the monitor itself: counted by kind, told once, and never raised into what it watches."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable

LOG = logging.getLogger("trustkit.monitor")


class Faults:
    """How often what went wrong.

    Attributes
    ----------
    counts : Counter of str
        By kind, as ``score`` or ``store``.
    told : dict of str to str
        The first of each kind, in words without a value of the data.
    then : callable
        Called after each.
    """

    def __init__(self) -> None:
        self.then: Callable[[], None] = lambda: None
        self.clear()

    def count(self, kind: str, what: str | BaseException, times: int = 1) -> None:
        """Count a fault; log the first of its kind.

        Parameters
        ----------
        kind : str
            What it is about.
        what : str or exception
            Words of this package. Of an exception only the type is told: its words may quote the data.
        times : int
            How often.
        """
        words = what if isinstance(what, str) else f"raised {type(what).__name__}"
        with self._lock:
            self.counts[kind] += times
            is_first = kind not in self.told
            self.told.setdefault(kind, words)
        self.then()
        if is_first:
            LOG.warning("%s: %s (logged once; more are counted)", kind, words)

    def clear(self) -> None:
        """Begin with none, and with a lock that no other thread holds."""
        self.counts: Counter[str] = Counter()
        self.told: dict[str, str] = {}
        self._lock = threading.RLock()

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts.values())
