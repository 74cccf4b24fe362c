"""Silence: traffic, groups, labels, columns and records that no longer arrive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import floor, log
from typing import Any

import numpy as np

from trustkit.evidence.tables import MISSING, OTHER
from trustkit.monitor.state import State, Writer
from trustkit.monitor.tally import Tally
from trustkit.monitor.watch import Watch

UNLIKELY = log(1e6)
"""What is silent is told where chance alone would make it so once in a million times."""

FEWEST = 50
"""Rows without a label, or without a value in a column, before that is told."""

MOST_UNKNOWN = 0.05
"""Share of rows whose group the audit did not see, and of records lost, beyond which that is an alarm."""


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
    yield _traffic(tally, watch, now)
    yield from _groups(tally, watch)
    if any(claim.labeled for claim in watch.claims):
        yield _labels(tally, watch)
    yield from _columns(tally, watch)
    yield from _unknown(tally, watch)
    yield from _lost(state, watch, now)


def _traffic(tally: Tally, watch: Watch, now: float) -> Silence:
    panes = tally.decided.panes
    if not len(panes):
        return Silence("traffic", {}, None, float("nan"), 0, "no window with a decision has closed yet")
    empty = max(floor(now / watch.window) - 1 - int(panes[-1]), 0)
    longest = int(np.diff(panes).max(initial=1)) - 1
    rows = tally.decided.n.sum() / (panes[-1] - panes[0] + 1)
    unusual = max(3 * longest, UNLIKELY / rows, 3)
    words = f"no decision in the last {empty} windows" if empty else "decisions arrive"
    return Silence("traffic", {}, bool(empty > unusual), float(empty), len(panes), words)


def _groups(tally: Tally, watch: Watch) -> Iterator[Silence]:
    """Groups of the audit that have had no row for longer than chance allows, by their share so far."""
    for name in watch.attributes:
        table = tally.table((name,), labeled=False)
        panes = len(tally.decided.panes)
        by_pane = table.rows.reshape(panes, -1) if panes else np.zeros((0, 0), dtype=int)
        audited = {label: watch.groups.get(f"{name}={label}", 0) for label in watch.labels[name]}
        for place, label in enumerate(watch.labels[name]):
            if label in (MISSING, OTHER) or not audited[label]:
                continue
            mine = by_pane[:, place] if panes else np.zeros(0, dtype=int)
            last = int(np.flatnonzero(mine)[-1]) + 1 if mine.any() else 0
            before, after = int(by_pane[:last].sum()), int(by_pane[last:].sum())
            share = audited[label] / sum(audited.values()) if not before else mine.sum() / before
            stands = -after * np.log1p(-min(share, 0.999) / 2) > UNLIKELY
            words = (
                f"no row of {name}={label} among the last {after:,}" if stands else f"{name}={label} occurs"
            )
            yield Silence(
                "group", {"groups": {name: label}}, bool(stands), float(after), int(by_pane.sum()), words
            )


def _labels(tally: Tally, watch: Watch) -> Silence:
    """Whether labels come at all of the panes whose time for labels is over."""
    matured = tally.decided.panes <= (tally.matured_through if tally.matured_through is not None else -1)
    decided = np.bincount(tally.decided.pane, weights=tally.decided.n, minlength=len(matured))[matured]
    if decided.sum() < FEWEST:
        return Silence(
            "labels", {}, None, float("nan"), int(decided.sum()), "no window's time for labels is over yet"
        )
    labeled = dict(
        zip(
            tally.labeled.panes.tolist(),
            np.bincount(tally.labeled.pane, weights=tally.labeled.n).tolist(),
            strict=True,
        )
    )
    came = np.array([labeled.get(pane, 0) for pane in tally.decided.panes[matured].tolist()])
    after = decided[int(np.flatnonzero(came)[-1]) + 1 if came.any() else 0 :].sum()
    coverage = float(came.sum() / decided.sum())
    words = f"{100 * coverage:.0f} % of the decisions whose time for labels is over have one"
    if after >= FEWEST:
        words += f", none of the last {after:,.0f}"
    return Silence("labels", {}, bool(after >= FEWEST), coverage, int(decided.sum()), words)


def _columns(tally: Tally, watch: Watch) -> Iterator[Silence]:
    """Columns of which the last rows all lack a value, as the audited rows did not."""
    for name, column in watch.columns.items():
        reference = column.reference[0] / max(sum(column.reference), 1)
        if name not in tally.columns:
            if tally.decided.n.sum() >= FEWEST:
                yield Silence("column", {"column": name}, None, float("nan"), 0, f"{name} was never recorded")
            continue
        counts = tally.columns[name][1]
        rows, missing = counts.sum(axis=1), counts[:, 0]
        last = int(np.flatnonzero(missing < rows)[-1]) + 1 if (missing < rows).any() else 0
        after = float(rows[last:].sum())
        stands = after >= FEWEST and reference < 0.5
        if stands:
            words = f"{name} has no value in the last {after:,.0f} rows"
            yield Silence("column", {"column": name}, True, 1.0, int(rows.sum()), words)


def _unknown(tally: Tally, watch: Watch) -> Iterator[Silence]:
    """Rows whose group the audit did not see, or who have none."""
    total = int(tally.decided.n.sum())
    for name in watch.attributes if total else ():
        table, labels = tally.table((name,), labeled=False), watch.labels[name]
        rows = table.rows.reshape(-1, len(labels)).sum(axis=0)
        for label, words in ((OTHER, "a group that the audit did not see"), (MISSING, "no group")):
            share = float(rows[labels.index(label)] / total)
            audited = watch.groups.get(f"{name}={label}", 0) / max(_audited(watch, name), 1)
            if rows[labels.index(label)]:
                told = f"{100 * share:.1f} % of the rows have {words} of {name}"
                stands = share > audited + MOST_UNKNOWN
                yield Silence("unknown", {"groups": {name: label}}, stands, share, total, told)


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
        yield Silence("faults", {}, None, float(faults), recorded, f"{faults:,} calls could not be recorded")
    late = state.counts.get("late")
    if late is not None and len(late.n):
        rows = int(
            sum(
                n
                for key, n in zip(late.key.tolist(), late.n.tolist(), strict=True)
                if late.keys[key] == "decided"
            )
        )
        if rows:
            share = rows / max(recorded, 1)
            words = f"{rows:,} rows came after their window had closed, and were left out"
            yield Silence("late", {}, share > MOST_UNKNOWN or None, share, recorded, words)
