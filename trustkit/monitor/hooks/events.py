"""The events of a log: one for each call that was recorded, with counts and hashes in place of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from trustkit.evidence.tables import MISSING
from trustkit.frames import label_text
from trustkit.monitor.calls import Rows, Truths, rows_in
from trustkit.monitor.hooks.eventlog import EventLog
from trustkit.monitor.moments import times, times_by
from trustkit.monitor.store import StoreFault
from trustkit.monitor.vocabularies import Vocabulary
from trustkit.monitor.watch import Watch


class CallEvents:
    """Writes calls to a log: time, digest of the model, rows, decisions by class, and hashes of the ids.

    Parameters
    ----------
    log : EventLog
    watch : Watch
        Of the monitor: what is no class of the audit is ``(other)``.
    hashed : callable
        Keyed hashes of ids, as the store has them, so that a line is found by an id with the store alone.
    """

    def __init__(self, log: EventLog, watch: Watch, hashed: Callable[[Iterable[str]], list[bytes]]) -> None:
        self._log, self._model, self._hashed = log, watch.model, hashed
        self._classes = watch.labels["prediction"]
        self._vocabulary = Vocabulary.of_axis(self._classes)

    def __call__(self, calls: Iterable[Rows | Truths]) -> None:
        """Write an event for each call."""
        for call in calls:
            at = _times(call)
            first, last = float(at.min()), float(at.max())
            told: dict[str, Any] = {"at": first, "until": last if last > first else None}
            told |= self._ids(call.ids)
            if isinstance(call, Rows):
                rows, decided = call.n, self._decided(call.prediction, call.n)
                self._log(
                    {"event": "decisions", "model": self._model, "rows": rows, "predictions": decided, **told}
                )
            else:
                self._log({"event": "labels", "rows": rows_in(call.ids) or 1, **told})

    def flush(self) -> None:
        """Write what waits; OSError where that fails."""
        self._log.flush()

    def close(self) -> None:
        """Write what waits, and end the chain."""
        self._log.close()

    def _decided(self, prediction: Any, rows: int) -> dict[str, int]:
        """Rows by class."""
        if rows_in(prediction) is None:
            return {self._classes[int(self._vocabulary.of([prediction])[0])]: rows}
        codes = np.bincount(self._vocabulary.of(prediction), minlength=len(self._classes)).tolist()
        return {label: n for label, n in zip(self._classes, codes, strict=True) if n}

    def _ids(self, ids: Any) -> dict[str, Any]:
        """Hashes of the ids; of those that the store cannot hash now, how many they are."""
        if ids is None:
            return {}
        column = [ids] if rows_in(ids) is None else ids.tolist() if hasattr(ids, "tolist") else list(ids)
        texts = [text for text in map(label_text, column) if text != MISSING]
        try:
            return {"ids": self._hashed(texts)}
        except StoreFault:
            return {"unhashed": len(texts)}


def _times(call: Rows | Truths) -> Any:
    """When the rows of a call were decided, or labels came; where that cannot be told, when the call came."""
    if not isinstance(call, Rows):
        return np.ravel(times(call.at))
    return np.nan_to_num(np.ravel(times_by(call.taken, call.at)), nan=call.taken)
