"""Silence: traffic, groups, labels, columns and records that no longer arrive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import floor, isfinite, log, log1p
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from trustkit.evidence.blocks import Ints
from trustkit.evidence.tables import MISSING, OTHER
from trustkit.monitor.state import State, Writer
from trustkit.monitor.tally import Tally
from trustkit.monitor.watch import Watch

Floats = NDArray[Any]

UNLIKELY = log(1e6)
"""What is silent is told where chance alone would make it so once in a million times."""

FEWEST = 50
"""Decisions without a label, or without any input, before that is told."""

UNKNOWN = 0.5
"""Share of the decisions that is taken to get a label, while none ever came."""

USUAL = 3
"""A spell is usual up to so many times the longest before."""

WEEK, WEEKEND = 7 * 86400.0, 3 * 86400.0
"""Seconds after which nights and weekends have been seen; and that a weekend may last."""

MOST_UNKNOWN = 0.05
"""Share of rows whose group the audit did not see, and of records lost, beyond which that is an alarm."""

NOTHING = "no window with a decision has closed yet"


@dataclass(frozen=True)
class Silence:
    """Something that may have gone silent.

    Attributes
    ----------
    metric : str
        ``traffic``, ``group``, ``labels``, ``column``, ``unknown``, ``lost`` or ``faults``.
    subject : mapping
        Of whom or what.
    stands : bool or None
        Whether it is an alarm; None where it cannot be told.
    value : float
        What was measured: windows, a share, or a count.
    n : int
        Of how many windows, rows or records.
    words : str
        What was found.
    """

    metric: str
    subject: Mapping[str, Any]
    stands: bool | None
    value: float
    n: int
    words: str


def silences(state: State, watch: Watch, tally: Tally, now: float) -> Iterator[Silence]:
    """Look for all that should have come and did not."""
    yield _traffic(state, tally, watch, now)
    yield from _groups(tally, watch)
    if any(claim.labeled for claim in watch.claims):
        yield _labels(tally, watch)
    yield from _columns(tally, watch)
    yield from _unknown(tally, watch)
    yield from _lost(state, watch, now)


@dataclass(frozen=True)
class Spell:
    """The rows since something was last there, beside the spells before.

    Attributes
    ----------
    rows : float
        Rows of the panes since.
    longest : float
        The most rows of a spell before.
    share : float
        Share of the rows that had it, up to the last pane in which some had; NaN where none ever had.
    seconds : float
        How long it is.
    """

    rows: float
    longest: float
    share: float
    seconds: float

    @classmethod
    def of(cls, panes: Ints, rows: Floats, have: Floats, window: float) -> Self:
        """Take the rows of each pane, and those that had something."""
        marks = np.flatnonzero(have)
        last = int(marks[-1]) + 1 if len(marks) else 0
        total = np.concatenate([[0.0], np.cumsum(rows)])
        spells = total[[*marks, len(rows)]] - total[[0, *(marks + 1)]]
        since = panes[last - 1] if last else panes[0] - 1
        return cls(
            rows=float(spells[-1]),
            longest=float(spells[:-1].max(initial=0.0)),
            share=float(have.sum() / total[last]) if last else float("nan"),
            seconds=float(panes[-1] - since) * window,
        )

    def is_silence(self, share: float) -> bool:
        """Whether half a share of the rows would be seen, and no spell before, nor a weekend, explains it."""
        unlikely = -self.rows * log1p(-min(share, 0.999) / 2) > UNLIKELY
        return unlikely and self.rows > USUAL * self.longest and self.seconds >= WEEKEND


def _traffic(state: State, tally: Tally, watch: Watch, now: float) -> Silence:
    panes = tally.decided.panes
    if not len(panes):
        return Silence("traffic", {}, None, float("nan"), 0, NOTHING)
    latest = int(state.counts["decided"].pane.max())  # of a window that is still open, perhaps
    empty = max(floor(now / watch.window) - 1 - latest, 0)
    longest = int(np.diff(panes).max(initial=1)) - 1
    seen = int(panes[-1] - panes[0]) + 1
    unusual = empty > max(USUAL * longest, UNLIKELY * seen / tally.decided.n.sum(), USUAL)
    is_explained = seen * watch.window < WEEK and empty * watch.window < WEEKEND
    words = f"no decision in the last {empty} windows" if empty else "decisions arrive"
    return Silence("traffic", {}, bool(unusual) and not is_explained, float(empty), len(panes), words)


def _groups(tally: Tally, watch: Watch) -> Iterator[Silence]:
    """Groups of the audit that have had no row for longer than chance allows."""
    panes = tally.decided.panes
    for name in watch.axes:
        by_pane = tally.table((name,), labeled=False).rows.reshape(-1, len(watch.labels[name]))
        rows, audited = by_pane.sum(axis=1), _audited(watch, name)
        for place, label in enumerate(watch.labels[name]):
            share = watch.groups.get(f"{name}={label}", 0) / max(audited, 1)
            if label in (MISSING, OTHER) or not share:
                continue
            subject = {"groups": {name: label}}
            if not len(panes):
                yield Silence("group", subject, None, float("nan"), 0, NOTHING)
                continue
            spell = Spell.of(panes, rows, by_pane[:, place], watch.window)
            stands = spell.is_silence(float(np.fmin(spell.share, share)))
            words = f"no row of {name}={label} among the last {spell.rows:,.0f}"
            told = words if stands else f"{name}={label} occurs"
            yield Silence("group", subject, stands, spell.rows, int(rows.sum()), told)


def _labels(tally: Tally, watch: Watch) -> Silence:
    """Whether labels come at all of the panes whose time for labels is over."""
    ledger, labeled = tally.decided, tally.labeled
    matured = ledger.panes <= (tally.matured_through if tally.matured_through is not None else -1)
    panes = ledger.panes[matured]
    decided = np.bincount(ledger.pane, weights=ledger.n, minlength=len(matured))[matured]
    if decided.sum() < FEWEST:
        return Silence(
            "labels", {}, None, float("nan"), int(decided.sum()), "no window's time for labels is over yet"
        )
    of_pane = np.bincount(labeled.pane, weights=labeled.n, minlength=len(labeled.panes)).tolist()
    found = dict(zip(labeled.panes.tolist(), of_pane, strict=True))
    came = np.array([found.get(pane, 0.0) for pane in panes.tolist()])
    spell, coverage = Spell.of(panes, decided, came, watch.window), float(came.sum() / decided.sum())
    stands = spell.is_silence(spell.share if isfinite(spell.share) else UNKNOWN)
    words = f"{100 * coverage:.0f} % of the decisions whose time for labels is over have one"
    if stands:
        words += f", none of the last {spell.rows:,.0f}"
    return Silence("labels", {}, stands, coverage, int(decided.sum()), words)


def _columns(tally: Tally, watch: Watch) -> Iterator[Silence]:
    """Columns of which the last rows all lack a value, as the audited rows did not."""
    if watch.columns and not tally.columns:
        if tally.decided.n.sum() >= FEWEST:
            words = "no inputs are recorded, so nothing is said of them: give `X` with each decision"
            yield Silence("column", {}, None, float("nan"), 0, words)
        return
    for name, column in watch.columns.items():
        if name not in tally.columns:
            if tally.decided.n.sum() >= FEWEST:
                yield Silence("column", {"column": name}, None, float("nan"), 0, f"{name} was never recorded")
            continue
        panes, counts = tally.columns[name]
        rows = counts.sum(axis=1)
        spell = Spell.of(panes, rows, rows - counts[:, 0], watch.window)
        audited = 1 - column.reference[0] / max(sum(column.reference), 1)
        if spell.is_silence(float(np.fmin(spell.share, audited))):
            words = f"{name} has no value in the last {spell.rows:,.0f} rows"
            yield Silence("column", {"column": name}, True, 1.0, int(rows.sum()), words)


def _unknown(tally: Tally, watch: Watch) -> Iterator[Silence]:
    """Rows whose group the audit did not see, or who have none."""
    total = int(tally.decided.n.sum())
    for name in watch.axes if total else ():
        table, labels = tally.table((name,), labeled=False), watch.labels[name]
        rows = table.rows.reshape(-1, len(labels)).sum(axis=0)
        for label, words in ((OTHER, "a group that the audit did not see"), (MISSING, "no group")):
            share = float(rows[labels.index(label)] / total)
            audited = watch.groups.get(f"{name}={label}", 0) / max(_audited(watch, name), 1)
            if rows[labels.index(label)]:
                told = f"{100 * share:.1f} % of the rows have {words} of {name}"
                stands = _exceeds(share, total, audited + MOST_UNKNOWN)
                yield Silence("unknown", {"groups": {name: label}}, stands, share, total, told)


def _exceeds(share: float, rows: int, limit: float) -> bool:
    """Whether a share of the rows is beyond a limit, and by chance alone would not be (Chernoff 1952)."""
    if share <= limit or limit >= 1:
        return False
    rest = (1 - share) * log((1 - share) / (1 - limit)) if share < 1 else 0.0
    return rows * (share * log(share / limit) + rest) > UNLIKELY


def _audited(watch: Watch, attribute: str) -> int:
    """Audited rows of all groups of an attribute."""
    return sum(rows for group, rows in watch.groups.items() if group.startswith(f"{attribute}="))


def gone(state: State, watch: Watch, now: float) -> list[Writer]:
    """Writers that ended without their last flush, as far as can be told by now."""
    return state.gaps(now - max(10 * watch.window, 60.0))


def _lost(state: State, watch: Watch, now: float) -> Iterator[Silence]:
    """Records dropped for want of room, writers that ended without their last flush, faults, late rows."""
    recorded = sum(writer.recorded for writer in state.writers)
    dropped = sum(writer.dropped for writer in state.writers)
    lost = gone(state, watch, now)
    behind = sum(writer.behind for writer in lost)
    if dropped or lost:
        share = (dropped + behind) / max(recorded + dropped, 1)
        words = f"{dropped:,} records dropped; {len(lost)} writers ended without a last flush"
        yield Silence("lost", {}, share > MOST_UNKNOWN or None, share, recorded, words)
    faults = sum(writer.faults for writer in state.writers)
    if faults:
        words = "calls that could not be recorded, alarms that could not be sent; the log names each kind"
        yield Silence("faults", {}, None, float(faults), recorded, f"{faults:,} faults: {words}")
    late = state.counts.get("late")
    if late is not None and len(late.n):
        of_decisions = np.array([key == "decided" for key in late.keys])[late.key]
        rows = int(late.n[of_decisions].sum())
        if rows:
            share = rows / max(recorded, 1)
            words = f"{rows:,} rows came after their window had closed, and were left out"
            yield Silence("late", {}, share > MOST_UNKNOWN or None, share, recorded, words)
