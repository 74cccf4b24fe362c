"""Is the system watched in use?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.facts import age, fact
from trustkit.evidence.provenance import Provenance
from trustkit.evidence.watched import Watched


@check(
    version="2",
    metrics={
        "missing": Metric("required parts of the monitoring that are not declared", "count"),
        "age_days": Metric("days since the monitor was last fed", "days"),
        "silent": Metric(
            "signals that no longer arrive",
            "count",
            "traffic, a group of the audit, labels, a column: standing alarms of the monitor",
        ),
        "lost": Metric(
            "share of the records that the monitor lost",
            "share",
            "dropped for want of room, or taken by a process that ended before it had written them",
        ),
    },
)
def coverage(
    provenance: Provenance,
    watched: Watched | None,
    *,
    store: str | None = None,
    last_seen: date | None = None,
    as_of: date | None = None,
) -> Iterator[Estimate]:
    """Is the system watched in use?

    Monitoring is declared by three parts: where its counts are kept
    (``store``), the day a decision last reached it (``last_seen``), and the
    version or digest of the system that its counts belong to. Where the store
    is one of trustkit's monitors, it is read: when a decision last reached
    it, what no longer arrives, and what was lost.

    Why it matters
    --------------
    An audit speaks of one day. What the system does to people afterwards is
    seen only where its decisions are recorded and looked at.

    How to read
    -----------
    ``missing`` counts the parts of the three that are not declared,
    ``age_days`` the days from the last decision seen to the day of the audit.
    Both rest on what the owner declares, unless the store was read: then
    ``silent`` counts what should arrive and does not, and ``lost`` is the
    share of the records that never reached it, as far as is known.

    Remedy
    ------
    Record each decision by a monitor in the place where it is made, and have
    somebody notice when none arrive.

    References
    ----------
    A/RES/78/265 6(e); NIST AI RMF, MEASURE 2.4 and MANAGE 4.1; EU AI Act, Article 72.
    """
    if store is None and last_seen is None:
        raise NotApplicable(
            "no monitoring is declared",
            supply='options."monitoring/coverage".store and .last_seen: where decisions are recorded, '
            "and the day that the last one was",
        )
    known = provenance.version or provenance.model_digest
    if watched is not None:
        known = known or watched.model
        last_seen = date.fromisoformat(watched.last_day) if watched.last_day else None
    yield fact("missing", sum(part is None for part in (store, last_seen, known)), 3)
    if last_seen is not None and as_of is not None:
        yield age("age_days", last_seen, as_of)
    if watched is not None:
        yield fact("silent", watched.silent, 1)
        yield fact("lost", watched.lost, 1)
