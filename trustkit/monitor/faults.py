"""Faults of the monitor itself: counted by kind, told once, and never raised into what it watches."""

from __future__ import annotations

import logging
import threading
from collections import Counter

LOG = logging.getLogger("trustkit.monitor")


class Faults:
    """How often what went wrong.

    Attributes
    ----------
    counts : Counter of str
        By kind, as ``score`` or ``store``.
    told : dict of str to str
        The first of each kind, in words without a value of the data.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.told: dict[str, str] = {}
        self._lock = threading.RLock()

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
        with self._lock:
            self.counts[kind] += times
            if kind in self.told:
                return
            words = what if isinstance(what, str) else f"raised {type(what).__name__}"
            self.told[kind] = words
        LOG.warning("%s: %s (logged once; more are counted)", kind, words)

    def clear(self) -> None:
        """Begin with none, and a lock that no other thread holds."""
        self.__init__()  # type: ignore[misc]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts.values())
