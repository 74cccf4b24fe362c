"""Figures: what a store says as of now, as numbers with few and bounded labels."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Mapping
from math import inf, isnan, log, nan
from typing import Literal

from trustkit.judging.claims import subject_text
from trustkit.monitor.status import Status
from trustkit.monitor.store import Store, StoreFault
from trustkit.monitor.watch import Watch
from trustkit.renderers.words import clean
from trustkit.scorecard import Finding, Verdict

MOST = 1000
"""So many findings have figures of their own, in the order of the watch; the rest is pooled."""

MOST_AGE = 15.0
"""Seconds for which a look at the store is shown again."""

REST = "(other)"

_LONGEST = 1000

Labels = tuple[tuple[str, str], ...]

Samples = Mapping[Labels, float]
"""Numbers of one figure; NaN where it could not be told."""

FIGURES: Mapping[str, tuple[Literal["gauge", "counter"], str]] = {
    "alarm": (
        "gauge",
        "1 where a finding is an alarm, 0 where it is none, NaN where it could not be checked.",
    ),
    "estimate": ("gauge", "Estimate of a finding; NaN where it could not be checked."),
    "low": ("gauge", "Lower end of the interval of a finding."),
    "high": ("gauge", "Upper end of the interval of a finding."),
    "limit": ("gauge", "Limit that a finding is held against."),
    "rows": ("gauge", "Rows that a finding rests on; NaN where they are too few to be shown."),
    "log_e": ("gauge", "Log of a claim's e-value: how strongly its limit is contradicted."),
    "log_e_alarm": ("gauge", "Log of the e-value at which a claim is an alarm."),
    "distance": ("gauge", "Distance of an input, or of its share of missing values, from the audit."),
    "findings": ("gauge", "Findings by verdict, all of them."),
    "unchecked": ("gauge", "Findings that could not be checked."),
    "writers": ("gauge", "Processes that recorded, by whether they ended in order."),
    "open_incidents": ("gauge", "Incidents that are open."),
    "last_decision_timestamp_seconds": ("gauge", "Time of the latest decision, since 1970."),
    "records": ("counter", "Records taken."),
    "dropped": ("counter", "Records lost for want of room."),
    "faults": ("counter", "Faults of the monitor, such as calls that could not be recorded."),
    "store_up": ("gauge", "1 where the store could be read, 0 where not."),
}
"""What there is, by name: whether it may fall, and what it is."""


def figures(status: Status) -> dict[str, Samples]:
    """Return what a status says in numbers, by the names of `FIGURES`.

    The labels of a finding are ``check``, ``metric``, ``side``, ``subject`` and
    ``reference``: those of the watch, which is fixed, so that no traffic can add
    to them without bound.
    """
    shown, rest = status.findings[:MOST], status.findings[MOST:]
    found = {_labels(finding): finding for finding in shown}
    alarms = {labels: _alarm(finding) for labels, finding in found.items()}
    if rest:
        pooled = tuple((name, REST) for name in ("check", "metric", "side", "subject", "reference"))
        alarms[pooled] = max(map(_alarm, rest), key=lambda value: (value == 1, isnan(value)))
    limits = {labels: finding.limit for labels, finding in found.items() if finding.limit is not None}
    return {
        "alarm": alarms,
        "estimate": {labels: _known(finding.estimate, nan) for labels, finding in found.items()},
        "low": {labels: _end(finding, 0, -inf) for labels, finding in found.items()},
        "high": {labels: _end(finding, 1, inf) for labels, finding in found.items()},
        "limit": {
            labels: float(limit["min" if "min" in limit else "max"]) for labels, limit in limits.items()
        },
        "rows": {labels: _known(finding.n, nan) for labels, finding in found.items()},
        **_of_claims(status, {finding.id: labels for labels, finding in found.items()}),
        **_totals(status),
    }


def unreadable(before: Mapping[str, Samples]) -> dict[str, Samples]:
    """Return figures for a store that cannot be read now: NaN for each that was shown, and no counter."""
    gauges = {name: samples for name, samples in before.items() if FIGURES[name][0] == "gauge"}
    unknown = {name: dict.fromkeys(samples, nan) for name, samples in gauges.items()}
    return {**unknown, "store_up": {(): 0.0}}


class Look:
    """A store, looked at when it is asked for.

    What is shown is what all processes together have put into the store: any of
    them may show it, and all show the same.

    Parameters
    ----------
    store : str, path or Store
        Where it is, as `Monitor` has it.
    most_age : float
        Seconds for which a look is shown again: judging a store takes time.

    Raises
    ------
    ConfigError
        Where there is something else.
    """

    def __init__(self, store: str | os.PathLike[str] | Store, *, most_age: float = MOST_AGE) -> None:
        self._store = store if isinstance(store, Store) else Store.open(store)
        self._most_age, self._lock = most_age, threading.Lock()
        self._at, self._watch = -inf, self._watched()
        self._figures: dict[str, Samples] = {}

    def figures(self) -> dict[str, Samples]:
        """Return the figures as of now, or of a look not longer ago than `most_age`."""
        with self._lock:
            if time.monotonic() - self._at >= self._most_age:
                self._figures = self._looked()
                self._at = time.monotonic()
            return self._figures

    def _watched(self) -> Watch | None:
        try:
            return Watch.from_json(self._store.watch())
        except StoreFault:
            return None

    def _looked(self) -> dict[str, Samples]:
        self._watch = self._watch or self._watched()
        try:
            state = self._store.read()
        except StoreFault:
            return unreadable(self._figures)
        return (
            unreadable({}) if self._watch is None else figures(Status.of(state, self._watch, now=time.time()))
        )


def _known(value: float | None, none: float) -> float:
    return none if value is None else float(value)


def _labels(finding: Finding) -> Labels:
    about = {key: value for key, value in finding.subject.items() if key != "reference"}
    reference = finding.subject.get("reference")
    other = reference if isinstance(reference, str) else subject_text({"groups": reference or {}})
    side = next((side for side in ("min", "max") if side in (finding.limit or ())), "")
    return (
        ("check", finding.check),
        ("metric", finding.metric),
        ("side", side),
        ("subject", clean(subject_text(about), _LONGEST)),
        ("reference", clean(other, _LONGEST)),
    )


def _alarm(finding: Finding) -> float:
    if finding.verdict == Verdict.FAIL:
        return 1.0
    return nan if finding.estimate is None else 0.0


def _end(finding: Finding, end: int, unbounded: float) -> float:
    return nan if finding.interval is None else _known(finding.interval[end], unbounded)


def _of_claims(status: Status, labels: Mapping[str, Labels]) -> dict[str, Samples]:
    """E-values of the claims, and distances of the columns."""
    watch = status.watch
    claims = [claim for claim in watch.claims if claim.id in labels]
    courses = {claim.id: status.courses[claim.id].log_e for claim in claims}
    return {
        "log_e": {labels[id]: float(log_e[-1]) if len(log_e) else nan for id, log_e in courses.items()},
        "log_e_alarm": {labels[claim.id]: -log(watch.alpha * claim.weight) for claim in claims},
        "distance": {
            (("column", clean(shift.column, _LONGEST)), ("of", shift.of)): float(shift.recent)
            for shift in status.shifts
        },
    }


def _totals(status: Status) -> dict[str, Samples]:
    state, findings = status.state, status.findings
    verdicts = Counter(str(finding.verdict) for finding in findings)
    ended = Counter("closed" if writer.closed else "open" for writer in state.writers)
    totals = {
        "unchecked": sum(finding.estimate is None for finding in findings),
        "open_incidents": sum(incident.closed is None for incident in state.incidents),
        "last_decision_timestamp_seconds": _known(state.last_at, nan),
        "records": sum(writer.recorded for writer in state.writers),
        "dropped": sum(writer.dropped for writer in state.writers),
        "faults": sum(writer.faults for writer in state.writers),
        "store_up": 1,
    }
    return {
        "findings": {(("verdict", str(each)),): float(verdicts[str(each)]) for each in Verdict},
        "writers": {(("state", each),): float(ended[each]) for each in ("open", "closed")},
        **{name: {(): float(value)} for name, value in totals.items()},
    }
