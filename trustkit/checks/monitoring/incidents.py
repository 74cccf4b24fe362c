"""Are incidents recorded, owned and mended?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from trustkit.checks.base import Estimate, Metric, check
from trustkit.checks.facts import age, fact
from trustkit.checks.transparency.parts import AGE, MISSING, estimates, whole
from trustkit.evidence.records import ALL, CLOSED, Records
from trustkit.evidence.watched import Watched

KIND = "incident-register"


@check(
    version="2",
    metrics={
        "missing": MISSING,
        "age_days": AGE,
        "incidents": Metric("incidents on record", "count"),
        "open": Metric("incidents on record that are not closed", "count"),
    },
)
def incidents(records: Records, watched: Watched | None, *, as_of: date | None = None) -> Iterator[Estimate]:
    """Are incidents recorded, owned and mended?

    Read from ``documents.incident-register``, Markdown, CSV or TOML: each
    incident needs a date and an owner, a closed one a cause and a link to
    its fix. A register without rows is an answer, as long as its own date is
    new. Where no document is declared, the register that a monitor's store
    keeps is read: it takes no incident without an owner, and closes none
    without a fix and an audit.

    Why it matters
    --------------
    A system that harmed once will again unless somebody finds out why, mends
    it, and lets others learn from it.

    How to read
    -----------
    The figures are facts. ``missing`` counts required parts, and for each
    row what it must say and does not. ``age_days`` runs from the register's
    ``date`` and is unbounded where there is none or it expired. Many
    incidents on record are no failing; whether all are on record is not seen
    here.

    Remedy
    ------
    Keep an incident register, empty if need be, with owner, cause and a link
    to the fix and the test that keeps it fixed.

    References
    ----------
    A/RES/78/265 6(c) and 6(n); NIST AI RMF, MANAGE 4.3; EU AI Act, Art. 73.
    """
    if KIND not in records.documents and watched is not None and watched.last_day is not None:
        yield from _of_store(watched, as_of)
        return
    document, parts = whole(records, KIND, as_of)
    yield from estimates(KIND, document, parts, as_of)
    rows = sum(register.rows[ALL] for register in document.registers)
    closed = sum(register.rows[CLOSED] for register in document.registers)
    if document.registers:
        yield fact("incidents", rows, 1, {"document": KIND})
        yield fact("open", rows - closed, 1, {"document": KIND})


def _of_store(watched: Watched, as_of: date | None) -> Iterator[Estimate]:
    """Figures of the register in a monitor's store, which is as new as the last decision recorded."""
    subject = {"document": KIND}
    yield fact("missing", 0, 1, subject)
    if as_of is not None and watched.last_day is not None:
        yield replace(age("age_days", date.fromisoformat(watched.last_day), as_of), subject=subject)
    yield fact("incidents", watched.incidents, 1, subject)
    yield fact("open", watched.open, 1, subject)
