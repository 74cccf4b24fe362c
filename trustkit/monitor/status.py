"""The status: what a store says of every claim, of change, and of what was not seen."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import exp, isfinite, log
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from trustkit.checks.monitoring.coverage import coverage
from trustkit.checks.monitoring.drift import drift
from trustkit.errors import ConfigError, Problem
from trustkit.evidence.blocks import Ints
from trustkit.judging.claims import subject_text
from trustkit.judging.wording import number
from trustkit.measure.betting import detected, e_panes, join, rate_log_e, shift_log_e
from trustkit.monitor.claims import WatchedClaim
from trustkit.monitor.courses import Course, course_of, last_panes, most_gained
from trustkit.monitor.estimating import estimated
from trustkit.monitor.pace import Pace, paces
from trustkit.monitor.silence import Silence, silences
from trustkit.monitor.state import State
from trustkit.monitor.store import Store
from trustkit.monitor.tally import Tally
from trustkit.monitor.watch import Watch
from trustkit.scorecard import Finding, Verdict

Floats = NDArray[np.float64]

SCORE = "(score)"
"""Name under which the score stands among the columns."""


@dataclass(frozen=True)
class Shift:
    """How far one column has moved from the audit: of its values, or of their being there.

    Attributes
    ----------
    column : str
        An input, or `SCORE`.
    of : {"values", "missing"}
        What is compared.
    panes : array of int, shape (joined,)
        The last pane of each joined pane.
    rows : array of float, shape (joined,)
        Its rows.
    log_e : array of float, shape (joined, bets)
        Log e-values of the claim that it lies within its limit.
    overall, recent : float
        Distance of all rows, and of those since what the detector sees most likely began.
    """

    column: str
    of: str
    panes: Ints
    rows: Floats
    log_e: Floats
    overall: float
    recent: float

    @cached_property
    def log_detector(self) -> float:
        """Log of the e-detector as of now."""
        return detected(self.log_e)

    @property
    def subject(self) -> dict[str, Any]:
        """As a finding names it."""
        return (
            {"column": self.column}
            if self.of == "values"
            else {"column": self.column, "of": "missing values"}
        )


@dataclass(frozen=True)
class Status:
    """A store, judged.

    Attributes
    ----------
    watch : Watch
        What is watched.
    state : State
        What the store holds.
    now : float
        The time of the look, in seconds.
    """

    watch: Watch
    state: State
    now: float

    @classmethod
    def read(cls, where: str | os.PathLike[str] | Store, now: float | None = None) -> Self:
        """Judge what a store holds.

        Parameters
        ----------
        where : str, path or Store
            A file of SQLite, or ``postgresql://...``.
        now : float, optional
            Time of the look, in seconds: by default the latest that the store has reached.

        Raises
        ------
        ConfigError
            Where it is no store, or of a later release.
        StoreFault
            Where it cannot be read now.
        """
        store = where if isinstance(where, Store) else Store.open(where)
        try:
            text, state = store.watch(), store.read()
        finally:
            if store is not where:
                store.close()
        try:
            watch = Watch.from_json(text)
        except (KeyError, TypeError, ValueError):
            found = "what is watched in it cannot be read; it is damaged, or of a later release"
            raise ConfigError([Problem("store", f"{store.name}: {found}")]) from None
        return cls.of(state, watch, now)

    @classmethod
    def of(cls, state: State, watch: Watch, now: float | None = None) -> Self:
        """Judge what was read of a store: as `read`, of what is watched in it."""
        return cls(watch, state, max(now or 0.0, state.last_at or 0.0))

    @cached_property
    def tally(self) -> Tally:
        """The counts of the closed panes."""
        return Tally(self.state, self.watch)

    @cached_property
    def courses(self) -> dict[str, Course]:
        """The course of each claim, by the id of its finding."""
        return {
            claim.id: course_of(claim, self.tally, self.watch.rows_per_person) for claim in self.watch.claims
        }

    @cached_property
    def shifts(self) -> list[Shift]:
        """How each input, and the score, has moved from the audit."""
        return list(_shifts(self.tally, self.watch))

    @cached_property
    def silences(self) -> list[Silence]:
        """What should have come and did not."""
        return list(silences(self.state, self.watch, self.tally, self.now))

    @cached_property
    def paces(self) -> list[Pace]:
        """How much comes, and how long it takes."""
        return list(paces(self.state, self.tally, self.watch.min_cell))

    @property
    def threshold(self) -> float:
        """Log of what an e-detector has to reach, so that all together give one false alarm in `windows`."""
        return log(self.watch.windows * max(len(self.watch.claims) + len(self.shifts), 1))

    @cached_property
    def violated(self) -> list[WatchedClaim]:
        """Claims whose e-process has ever reached 1 / (alpha w)."""
        return [
            claim
            for claim in self.watch.claims
            if self.courses[claim.id].log_e.max(initial=-np.inf) >= -log(self.watch.alpha * claim.weight)
        ]

    @cached_property
    def findings(self) -> list[Finding]:
        """All that is to be said as of now: claims, changes, silences, and estimates without labels."""
        return [
            *(_of_claim(self, claim) for claim in self.watch.claims),
            *(_of_change(self, claim) for claim in self.watch.claims),
            *(_of_shift(self, shift) for shift in self.shifts),
            *(_of_silence(silence, self.watch) for silence in self.silences),
            *(_of_pace(pace, self.watch) for pace in self.paces),
            *(_of_estimate(*each, self.watch) for each in estimated(self.tally, self.watch)),
        ]

    @cached_property
    def alarms(self) -> list[Finding]:
        """The findings that fail, made alone: those of all claims take far longer."""
        changed = [claim for claim in self.watch.claims if _stands(self, self.courses[claim.id])]
        made = [
            *(_of_claim(self, claim) for claim in self.violated),
            *(_of_change(self, claim) for claim in changed),
            *(_of_shift(self, shift) for shift in self.shifts),
            *(_of_silence(silence, self.watch) for silence in self.silences),
        ]
        return [finding for finding in made if finding.verdict == Verdict.FAIL]


def _shifts(tally: Tally, watch: Watch) -> Iterator[Shift]:
    limit = watch.shift["max"]
    if watch.score is not None and any(watch.score):
        panes, counts = tally.score_bins
        yield _shift(SCORE, panes, counts, watch.score, limit, is_ordered=True)
    for name, column in watch.columns.items():
        if name not in tally.columns:
            continue
        panes, counts = tally.columns[name]
        reference = np.array(column.reference, dtype=float)
        if column.of != "text" and reference[1:].sum():
            is_ordered = column.of == "numbers"
            yield _shift(name, panes, counts[:, 1:], reference[1:], limit, is_ordered=is_ordered)
        yield _missing(name, panes, counts, reference, limit)


def _shift(
    name: str, panes: Ints, counts: Floats, reference: Any, limit: float, *, is_ordered: bool
) -> Shift:
    index = e_panes(counts.sum(axis=1))
    joined, share = join(counts, index), np.asarray(reference, dtype=float)
    share = share / share.sum()
    log_e = shift_log_e(joined, reference, limit, is_ordered)

    def distance(start: int) -> float:
        rows = joined[start:].sum(axis=0)
        if not rows.sum():
            return float("nan")
        apart = rows / rows.sum() - share
        return float(np.abs(np.cumsum(apart)).max() if is_ordered else np.abs(apart).sum() / 2)

    ends = (distance(0), distance(most_gained(log_e)))
    return Shift(name, "values", last_panes(panes, index), joined.sum(axis=1), log_e, *ends)


def _missing(name: str, panes: Ints, counts: Floats, reference: Floats, limit: float) -> Shift:
    index = e_panes(counts.sum(axis=1))
    joined = join(counts, index)
    k, n = joined[:, 0], joined.sum(axis=1)
    audited = float(reference[0] / max(reference.sum(), 1))
    log_e = rate_log_e(k, n, audited + limit, "max")

    def more(start: int) -> float:
        rows = float(n[start:].sum())
        return float(k[start:].sum()) / rows - audited if rows else float("nan")

    ends = (more(0), more(most_gained(log_e)))
    return Shift(name, "missing", last_panes(panes, index), n, log_e, *ends)


def _of_claim(status: Status, claim: WatchedClaim) -> Finding:
    """(a) Whether a claim was violated since deployment, or is known to hold."""
    course, watch, alpha = status.courses[claim.id], status.watch, status.watch.alpha
    n, reference_n = _rows(course.n), None if course.reference_n is None else _rows(course.reference_n)
    value, level = course.value, alpha * claim.weight
    why = _why(status, claim, course, min(n, n if reference_n is None else reference_n))
    if why is not None:
        words = f"{_about(claim)} cannot be judged: {why}; limit {number(claim.bound)}"
        return finding(
            claim.id, claim.check, claim.version, claim.metric, claim.subject, Verdict.INCONCLUSIVE, words,
            limit=claim.limit, n=_shown(n, watch), reference_n=_shown(reference_n, watch), why=why,
            remedy=claim.remedy,
        )  # fmt: skip
    (low, high), (pass_low, pass_high) = course.limits(level, alpha)
    is_violated, is_calm = claim in status.violated, not _stands(status, course)
    holds = pass_high <= claim.bound if claim.side == "max" else pass_low >= claim.bound
    verdict = Verdict.FAIL if is_violated else Verdict.PASS if holds and is_calm else Verdict.INCONCLUSIVE
    found = {
        Verdict.FAIL: "has violated" if not _is_beyond(value, claim) else "violates",
        Verdict.PASS: "respects",
        Verdict.INCONCLUSIVE: "may or may not respect",
    }[verdict]
    ends = (pass_low, pass_high) if verdict == Verdict.PASS else (low, high)
    is_one = ends[0] <= value <= ends[1]
    interval = f"[{number(ends[0])}, {number(ends[1])}]" if is_one else "(no one value fits all windows)"
    words = (
        f"{_about(claim)} is {number(value)} {interval} since deployment: "
        f"{found} the limit {number(claim.bound)}"
    )
    return finding(
        claim.id, claim.check, claim.version, claim.metric, claim.subject, verdict, words,
        estimate=value, interval=_ends(low, high), level=1 - 2 * level,
        pass_interval=_ends(pass_low, pass_high),
        p_fail=min(1.0, exp(-float(course.log_e.max()))), limit=claim.limit, n=_shown(n, watch),
        reference_n=_shown(reference_n, watch), remedy=None if verdict == Verdict.PASS else claim.remedy,
    )  # fmt: skip


def _ends(low: float, high: float) -> tuple[float | None, float | None]:
    """An interval; a side on which no value fits, since the figure changed, is open."""
    return (low if isfinite(low) else None), (high if isfinite(high) else None)


def _is_beyond(value: float, claim: WatchedClaim) -> bool:
    return value > claim.bound if claim.side == "max" else value < claim.bound


def _why(status: Status, claim: WatchedClaim, course: Course, fewest: int) -> str | None:
    """Why nothing can be said of a claim yet."""
    if claim.labeled and not len(status.tally.labeled.panes):
        return "no window's time for labels is over yet"
    if fewest < status.watch.min_cell:
        return f"n<{status.watch.min_cell}"
    if not len(course.panes) or not isfinite(course.value):
        return "too few rows of both groups in the windows that have closed"
    return None


def _of_change(status: Status, claim: WatchedClaim) -> Finding:
    """(b) Whether a claim is violated of late."""
    course = status.courses[claim.id]
    subject = {**claim.subject, "of": f"{claim.check} {claim.metric} {claim.side}"}
    id = f"{drift.id}:changed:{subject_text(subject, escape=True)}:max"
    if not len(course.panes):
        return _undecided(id, subject, f"{_about(claim)}: nothing to compare in the windows that have closed")
    stands = _stands(status, course)
    since = course.since if stands else 0
    recent = course.figure(since, len(course.panes))
    start = status.watch.window * (int(course.panes[since - 1]) + 1 if since else int(course.panes[0]))
    words = f"{_about(claim)} is {number(recent)} since {_day(start)}: " + (
        f"beyond the limit {number(claim.bound)}"
        if stands
        else f"no change against the limit {number(claim.bound)}"
    )
    return _changed(status, id, subject, stands, words, int(course.n[since:].sum()))


def _stands(status: Status, course: Course) -> bool:
    """Whether the e-detector of a claim says that it is violated of late."""
    return course.log_detector >= status.threshold


def _of_shift(status: Status, shift: Shift) -> Finding:
    """(b) Whether a column has moved away from the audit."""
    id = f"{drift.id}:changed:{subject_text(shift.subject, escape=True)}:max"
    if not len(shift.panes) or not isfinite(shift.overall):
        return _undecided(
            id, shift.subject, f"{shift.column}: nothing to compare in the windows that have closed"
        )
    stands = shift.log_detector >= status.threshold
    value, limit = number(shift.recent if stands else shift.overall), status.watch.shift["max"]
    words = f"{shift.column} is {value} away from the audit, limit {limit:g}"
    if shift.of == "missing":
        words = f"{shift.column} lacks a value in {value} more of the rows than in the audit, limit {limit:g}"
    return _changed(status, id, shift.subject, stands, words, int(shift.rows.sum()))


def _changed(
    status: Status, id: str, subject: Mapping[str, Any], stands: bool, words: str, n: int
) -> Finding:
    limit = {"max": 0.0, "source": f"at most one false alarm of all in {status.watch.windows:,} windows"}
    return finding(
        id, drift.id, drift.version, "changed", subject, Verdict.FAIL if stands else Verdict.INCONCLUSIVE,
        words, estimate=float(stands), limit=limit, n=_shown(n, status.watch),
        remedy=drift.remedy if stands else None,
        why=None if stands else "no alarm is no proof that nothing changed",
    )  # fmt: skip


def _undecided(id: str, subject: Mapping[str, Any], words: str) -> Finding:
    return finding(
        id, drift.id, drift.version, "changed", subject, Verdict.INCONCLUSIVE, words,
        why="nothing to compare yet", remedy=drift.remedy,
    )  # fmt: skip


def _of_silence(silence: Silence, watch: Watch) -> Finding:
    """(c) What no longer arrives; what cannot be told has no figure."""
    id = f"{coverage.id}:{silence.metric}:{subject_text(silence.subject, escape=True)}"
    verdict = {True: Verdict.FAIL, False: Verdict.PASS, None: Verdict.INCONCLUSIVE}[silence.stands]
    return finding(
        id, coverage.id, coverage.version, silence.metric, silence.subject, verdict, silence.words,
        estimate=silence.value, n=_shown(silence.n, watch),
        why=None if isfinite(silence.value) else silence.words,
        remedy=coverage.remedy if silence.stands else None,
    )  # fmt: skip


def _of_pace(pace: Pace, watch: Watch) -> Finding:
    """A figure that no policy bounds."""
    return finding(
        f"{coverage.id}:{pace.metric}:", coverage.id, coverage.version, pace.metric, {},
        Verdict.NOT_APPLICABLE, pace.words, estimate=pace.value, n=_shown(pace.n, watch),
        why="shown, without a limit",
    )  # fmt: skip


def _of_estimate(claim: WatchedClaim, value: float, n: int, watch: Watch) -> Finding:
    """A figure without labels: it has no limit, so it passes nothing."""
    subject = {**claim.subject, "mode": "estimated from scores"}
    id = f"{claim.check}:{claim.metric}:{subject_text(subject, escape=True)}"
    why = "an estimate without labels: it assumes that scores are, and still are, calibrated in this group"
    return finding(
        id, claim.check, claim.version, claim.metric, subject, Verdict.NOT_APPLICABLE,
        f"{_about(claim)} is about {number(value)}, {why}", estimate=value, n=_shown(n, watch), why=why,
    )  # fmt: skip


def finding(
    id: str,
    check: str,
    version: str,
    metric: str,
    subject: Mapping[str, Any],
    verdict: Verdict,
    message: str,
    **more: Any,
) -> Finding:
    """Return a finding of which nothing is known but what is given."""
    nothing = dict.fromkeys(
        (
            "estimate", "interval", "level", "pass_interval", "p_fail", "limit", "n", "reference_n",
            "rows_needed", "detectable", "why", "remedy",
        )
    )  # fmt: skip
    for name in ("estimate", "p_fail"):
        if more.get(name) is not None and not isfinite(more[name]):
            more[name] = None
    return Finding(
        id=id, check=check, check_version=version, metric=metric, subject=subject, verdict=verdict,
        message=message, **{**nothing, **more},
    )  # fmt: skip


def _about(claim: WatchedClaim) -> str:
    return f"{claim.title} of {subject_text(claim.subject)}" if claim.subject else claim.title


def _rows(n: Floats) -> int:
    return int(n.sum())


def _shown(n: int | None, watch: Watch) -> int | None:
    return None if n is None or n < watch.min_cell else n


def _day(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
