"""Figures without labels: what calibrated scores would make of a claim."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from trustkit.evidence.tables import Table
from trustkit.monitor.claims import RATES, WatchedClaim
from trustkit.monitor.tally import Tally
from trustkit.monitor.watch import Watch


def estimated(tally: Tally, watch: Watch) -> Iterator[tuple[WatchedClaim, float, int]]:
    """Yield each claim that waits for labels, its figure by the scores alone, and the rows it is of.

    A row of score s counts as s rows of the positive class and 1 - s of the
    others, one without a score not at all (Garg et al. 2022 and others call it confidence-based estimation).
    Of groups of one attribute alone; of a claim with limits on both sides one is yielded.
    """
    if watch.score is None or watch.positive is None or not len(tally.decided.panes):
        return
    seen = set()
    for claim in watch.claims:
        key = (claim.check, claim.metric, str(claim.subject))
        if not claim.labeled or claim.form == "mean" or "class" in claim.subject or len(claim.view) > 1:
            continue
        if key in seen:
            continue
        seen.add(key)
        value, n = _figure(claim, tally, watch)
        if np.isfinite(value):
            yield claim, value, n


def _figure(claim: WatchedClaim, tally: Tally, watch: Watch) -> tuple[float, int]:
    groups = tally.groups(claim.view)
    table = _expected(tally.table(claim.view, labeled=False, scored=True), watch, len(groups))
    measured = RATES[claim.rate](table)
    k, n = np.asarray(measured.k, dtype=float), np.asarray(measured.n, dtype=float)
    mine = groups.index(dict(claim.subject.get("groups", {})))
    value = k[mine] / n[mine] if n[mine] else np.nan
    if claim.reference is not None:
        if isinstance(claim.reference, str):
            other_k, other_n = k.sum() - k[mine], n.sum() - n[mine]
        else:
            other = groups.index(dict(claim.reference))
            other_k, other_n = k[other], n[other]
        reference = other_k / other_n if other_n else np.nan
        value = (
            value - reference if claim.form == "difference" else value / reference if reference else np.nan
        )
    return float(value), int(n[mine])


def _expected(table: Table, watch: Watch, groups: int) -> Table:
    """Counts of all panes, each row's truth as its score has it."""
    assert table.s is not None  # noqa: S101 (a monitor's tables have sums of scores)
    shape = (-1, groups, *table.n.shape[1:])
    n, s = table.n.reshape(shape).sum(axis=0), table.s.reshape(shape).sum(axis=0)
    made = np.zeros(n.shape)
    positive = table.truths.index(watch.positive) if watch.positive in table.truths else 0
    negative = next(place for place, label in enumerate(table.truths) if label != watch.positive)
    made[:, positive], made[:, negative] = s.sum(axis=1), (n - s).sum(axis=1)
    return replace(table, groups=table.groups[:groups], n=made, s=None)
