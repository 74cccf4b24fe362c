"""The report of a status, as plain data: what a terminal, a page or a program is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from math import isfinite, log

import numpy as np
from numpy.typing import NDArray

from trustkit.judging.wording import number
from trustkit.monitor import courses
from trustkit.monitor.claims import WatchedClaim
from trustkit.monitor.silence import gone
from trustkit.monitor.state import Incident
from trustkit.monitor.status import Floats, Status
from trustkit.renderers import monitor as shown
from trustkit.renderers.over_time import Course, Point, Strip
from trustkit.renderers.words import whom
from trustkit.scorecard import Finding

MOST_DRAWN = 24
"""Claims that are drawn over time: those with an alarm, then those nearest to one."""

MOST_POINTS = 100
MOST_BARS = 120
SPANS = 30
LABEL_SPANS = 6

_UNITS = ((7 * 86400, "w"), (86400, "d"), (3600, "h"), (60, "min"), (1, "s"))

_RECORDS = {
    "late": "rows came after their window had closed",
    "pending": "wait for their label",
    "late_label": "labels came too late",
    "expired": "labels never came",
    "unmatched": "labels of no known decision",
    "duplicate": "ids decided again while they waited",
    "unknown": "groups never seen before",
}
"""Ledgers that account for records, and what is said of each."""


def report_of(status: Status, store: str, *, drawn: int = 0) -> shown.Report:
    """Put a status into plain data.

    Parameters
    ----------
    status : Status
    store : str
        Its name.
    drawn : int
        So many claims are drawn over time; their confidence sequences take time.
    """
    watch, state = status.watch, status.state
    names = [str(watch.system[key]) for key in ("name", "version") if watch.system.get(key)]
    return shown.Report(
        store=store,
        system=" ".join(names) or "an unnamed system",
        as_of=moment(status.now),
        model=watch.model,
        alpha=watch.alpha,
        horizon=watch.windows,
        detectors=len(watch.claims) + len(status.shifts),
        entries=tuple(_entries(status)),
        windows=_windows(status),
        records=tuple(_records(status)),
        coverage=tuple(_coverage(status)),
        spans=tuple(moment(at) for at in _edges(status)[:-1]),
        gaps=tuple(
            shown.Gap(writer.id, writer.host, moment(writer.flushed_at), writer.behind)
            for writer in gone(state, watch, status.now)
        ),
        incidents=tuple(map(incident_of, state.incidents)),
        notes=watch.notes,
        courses=tuple(_course(status, claim) for claim in _to_draw(status)[:drawn]),
        volume=_volume(status) if drawn else None,
    )


def incident_of(incident: Incident) -> shown.Incident:
    """Put a line of the record of incidents into plain data."""
    return shown.Incident(
        id=incident.id,
        opened=moment(incident.opened),
        about=incident.about,
        owner=incident.owner,
        cause=incident.cause,
        fix=incident.fix,
        audit=incident.audit,
        closed=None if incident.closed is None else moment(incident.closed),
    )


def moment(at: float) -> str:
    """Return a time as RFC 3339 in UTC, to the second."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def span_text(seconds: float) -> str:
    """Return a span of time in its largest whole unit: ``1 h``, ``4 w``."""
    for size, unit in _UNITS:
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:g} s"


def _entries(status: Status) -> Iterator[shown.Entry]:
    """Findings in their order: claims, changes of these, shifts, silences, pace, estimates."""
    findings, claims = iter(status.findings), status.watch.claims
    for claim, finding in zip(claims, findings, strict=False):
        yield _claim_entry(status, claim, finding)
    detectors = [status.courses[claim.id].log_detector for claim in claims]
    detectors += [shift.log_detector for shift in status.shifts]
    for log_detector, finding in zip(detectors, findings, strict=False):
        yield shown.Entry(finding, "changed", _finite(log_detector), status.threshold)
    for _, finding in zip(status.silences, findings, strict=False):
        yield shown.Entry(finding, "silent")
    for _, finding in zip(status.paces, findings, strict=False):
        yield shown.Entry(finding, "pace")
    for finding in findings:
        yield shown.Entry(finding, "estimated")


def _claim_entry(status: Status, claim: WatchedClaim, finding: Finding) -> shown.Entry:
    log_e, alarm = status.courses[claim.id].log_e, _alarm(status, claim)
    if not len(log_e):
        return shown.Entry(finding, "violated", None, alarm)
    reached = np.flatnonzero(log_e >= alarm)
    since = None if not len(reached) else _end(status, int(status.courses[claim.id].panes[reached[0]]))
    return shown.Entry(
        finding, "violated", float(log_e.max()), alarm, None if since is None else moment(since)
    )


def _alarm(status: Status, claim: WatchedClaim) -> float:
    """Log of the e-value that is an alarm of a claim."""
    return -log(status.watch.alpha * claim.weight)


def _end(status: Status, pane: int) -> float:
    return (pane + 1) * status.watch.window


def _windows(status: Status) -> shown.Windows:
    watch, panes = status.watch, status.tally.decided.panes
    return shown.Windows(
        span=span_text(watch.window),
        label_delay=span_text(watch.label_delay),
        closed=len(panes),
        due=int(_due(status).sum()),
        first=moment(panes[0] * watch.window) if len(panes) else None,
        last=moment(_end(status, int(panes[-1]))) if len(panes) else None,
    )


def _due(status: Status) -> NDArray[np.bool_]:
    """Of the windows with decisions, those whose time for labels is over."""
    through = status.tally.matured_through
    panes = status.tally.decided.panes
    return panes <= through if through is not None else np.zeros(len(panes), dtype=bool)


def _records(status: Status) -> Iterator[tuple[str, int]]:
    writers = status.state.writers
    yield "recorded", sum(writer.recorded for writer in writers)
    yield "dropped for want of room", sum(writer.dropped for writer in writers)
    yield "faults", sum(writer.faults for writer in writers)
    for ledger, words in _RECORDS.items():
        yield words, status.tally.total(ledger)


def _edges(status: Status) -> Floats:
    """Where the spans of label coverage begin and end, in seconds."""
    panes = status.tally.decided.panes[_due(status)]
    if not len(panes) or not any(claim.labeled for claim in status.watch.claims):
        return np.zeros(1)
    spans = min(LABEL_SPANS, int(panes[-1] - panes[0]) + 1)
    return np.linspace(panes[0], panes[-1] + 1, spans + 1).round() * status.watch.window


def _coverage(status: Status) -> Iterator[shown.Coverage]:
    """Label coverage of everybody, and of each group of each attribute."""
    edges = _edges(status)
    if len(edges) < 2:
        return
    for view in ((), *((name,) for name in status.watch.attributes)):
        due, labeled = (_by_span(status, view, edges, labeled=each) for each in (False, True))
        for place, group in enumerate(status.tally.groups(view)):
            if due[:, place].sum():
                named, few = whom({"groups": group}) or "all", status.watch.min_cell
                yield _covered(named, due[:, place], labeled[:, place], few)


def _covered(group: str, due: Floats, labeled: Floats, min_cell: int) -> shown.Coverage:
    total, came = int(due.sum()), int(labeled.sum())
    is_shown = total >= min_cell
    return shown.Coverage(
        group=group,
        due=total if is_shown else None,
        labeled=came if is_shown and came >= min_cell else None,
        share=came / total if is_shown else None,
        by_span=tuple(
            float(part / whole) if whole >= min_cell else None
            for part, whole in zip(labeled, due, strict=True)
        ),
    )


def _by_span(status: Status, view: tuple[str, ...], edges: Floats, *, labeled: bool) -> Floats:
    """Rows whose time for labels is over, and those of them with one, shape ``(spans, groups)``."""
    tally = status.tally
    panes = tally.labeled.panes if labeled else tally.decided.panes
    groups = len(tally.groups(view))
    rows = tally.table(view, labeled=labeled).rows.reshape(len(panes), groups)
    place = np.searchsorted(edges, panes * status.watch.window, side="right") - 1
    made = np.zeros((len(edges) - 1, groups))
    inside = (place >= 0) & (place < len(made))
    np.add.at(made, place[inside], rows[inside])
    return made


def _volume(status: Status) -> Strip | None:
    """Decisions by span of time."""
    ledger, window = status.tally.decided, status.watch.window
    if not len(ledger.panes):
        return None
    first, last = int(ledger.panes[0]), int(ledger.panes[-1]) + 1
    size = -(-(last - first) // MOST_BARS)
    place = (ledger.panes[ledger.pane] - first) // size
    rows = np.bincount(place, weights=ledger.n, minlength=-(-(last - first) // size)).astype(int)
    counts = [
        ((first + i * size) * window, None if 0 < n < status.watch.min_cell else n)
        for i, n in enumerate(rows.tolist())
    ]
    return Strip(first * window, last * window, counts)


def _to_draw(status: Status) -> list[WatchedClaim]:
    """Claims of which there is a course: those with an alarm, then those nearest to one."""

    def urgency(claim: WatchedClaim) -> tuple[bool, float]:
        course = status.courses[claim.id]
        stands = claim in status.violated or course.log_detector >= status.threshold
        return (not stands, -float(course.log_e.max()) / _alarm(status, claim))

    return sorted(
        (claim for claim in status.watch.claims if len(status.courses[claim.id].panes)), key=urgency
    )


def _course(status: Status, claim: WatchedClaim) -> Course:
    course, alarm = status.courses[claim.id], _alarm(status, claim)
    finding = next(each for each in status.findings if each.id == claim.id)
    low, high = course.sequence(status.watch.alpha * claim.weight)
    rows = np.cumsum(course.n)
    panes = status.tally.decided.panes
    return Course(
        id=claim.id,
        title=f"{claim.title} of {whom(claim.subject)}" if claim.subject else claim.title,
        verdict=str(finding.verdict),
        bound=f"{'at least' if claim.side == 'min' else 'at most'} {number(claim.bound)}",
        limit=claim.bound,
        side=claim.side,
        log_e_alarm=alarm,
        start=float(panes[0]) * status.watch.window,
        end=_end(status, int(panes[-1])),
        points=tuple(
            Point(
                at=_end(status, int(course.panes[i])),
                value=_finite(course.figure(0, i + 1)),
                low=_finite(low[i]),
                high=_finite(high[i]),
                log_e=float(course.log_e[i]),
                rows=int(rows[i]),
            )
            for i in _kept(course.log_e, alarm)
        ),
        spans=tuple(_spans(status, course)),
    )


def _kept(log_e: Floats, alarm: float) -> list[int]:
    """About `MOST_POINTS` places of many: evenly, the last, the highest, and where the alarm was reached."""
    reached = np.flatnonzero(log_e >= alarm)[:1]
    even = np.linspace(0, len(log_e) - 1, min(MOST_POINTS, len(log_e))).round().astype(int)
    return sorted({*even.tolist(), *reached.tolist(), int(log_e.argmax())})


def _spans(status: Status, course: courses.Course) -> Iterator[tuple[float, float]]:
    """The middle of some spans of windows, and the figure of their rows alone."""
    ends = np.unique(np.linspace(0, len(course.panes), SPANS + 1).round().astype(int))
    for start, end in pairwise(ends.tolist()):
        value = course.figure(start, end)
        if isfinite(value):
            first = course.panes[start - 1] + 1 if start else course.panes[0]
            yield (float(first) + float(course.panes[end - 1]) + 1) / 2 * status.watch.window, value


def _finite(value: float) -> float | None:
    return float(value) if isfinite(value) else None
