"""Are purpose, legal basis and time of keeping declared, and are the data no older?"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from datetime import date

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.data_protection.governance import KIND, OF_RETENTION
from trustkit.checks.facts import fact
from trustkit.checks.transparency.parts import (
    AGE,
    MISSING,
    Parts,
    document_of,
    estimates,
    look_at_facts,
    untold,
)
from trustkit.evidence.records import Records

_DAYS = {"day": 1.0, "week": 7.0, "month": 365.25 / 12, "year": 365.25}
_KEPT = re.compile(r"(\d{1,5})\s*(day|week|month|year)s?\b", re.IGNORECASE)


@check(
    version="1",
    metrics={
        "missing": MISSING,
        "age_days": AGE,
        "past": Metric("share of dated rows that are older than declared", "share"),
        "opted_out": Metric(
            "share of rows whose person opted out",
            "share",
            "rows whose column `data.opt_out` says true, 1 or yes, of all rows of the table",
        ),
    },
)
def retention(records: Records, *, as_of: date | None = None) -> Iterator[Estimate]:
    """Are purpose, legal basis and time of keeping declared, and are the data no older?

    Read from the front matter of the data sheet, ``documents.dataset``:
    ``purpose``, ``basis``, and ``retention`` as ``24 months``. The rows
    audited are counted by month of ``data.time``; a row is past when its
    whole month is. Where ``data.opt_out`` names the column that says whose
    data may not be used, the rows that say so are counted in the audited and
    the training data.

    Why it matters
    --------------
    Data that are kept longer than they serve can only leak, mislead or be
    used for something else.

    How to read
    -----------
    The figures are facts. ``missing`` counts what is not declared, and says
    what; ``age_days`` runs from the sheet's ``date`` and is unbounded where
    there is none or it expired. ``past`` is a share of the rows with a
    readable time, and speaks of the audited rows alone. ``opted_out`` is
    unsettled for training data without the column. Whether the basis is
    lawful, and whether one purpose agrees with another, is not for a tool to
    say; whether each special category has a ground is
    ``data-protection/special-categories``.

    Remedy
    ------
    Declare purpose, legal basis and retention of each data set, and delete
    the rows that are older than declared and those of people who opted out;
    a model that learned from them is to be trained again.

    References
    ----------
    A/RES/78/265 6(j); GDPR, Art. 5(1)(b), 5(1)(e), 6, 7(3), 21 and 30.
    """
    yield from _opted_out(records)
    try:
        document, parts = document_of(records, KIND), Parts()
    except NotApplicable as none:
        if not records.opted_out:
            raise
        subject = {"document": KIND}
        yield Estimate("missing", subject, float("nan"), 0, 0, why=none.reason, supply=none.supply)
        return
    if document.problem:
        parts.look(False, f"a document that can be read: {document.problem}")
    look_at_facts(parts, document, [*OF_RETENTION, "date"], as_of)
    yield from estimates(KIND, document, parts, as_of)
    if "retention" in document.facts:
        yield _past(document.facts["retention"], records, as_of)


def _opted_out(records: Records) -> Iterator[Estimate]:
    for role, opted in records.opted_out.items():
        subject = {"file": role}
        if opted is None:
            yield untold("opted_out", subject, f"the {role} data do not say who opted out")
        else:
            yield fact("opted_out", opted.out / max(opted.rows, 1), opted.rows, subject)


def _past(kept: str, records: Records, as_of: date | None) -> Estimate:
    match = _KEPT.search(kept)
    dated = {month: rows for month, rows in records.months.items() if month}
    rows = sum(dated.values())
    why = (
        "no number of days, months or years is declared" if match is None
        else "there is no day to reckon from" if as_of is None
        else "no row has a readable time (data.time)" if rows == 0
        else None
    )  # fmt: skip
    if match is None or as_of is None or rows == 0:
        return untold("past", {"document": KIND}, why or "")
    days = int(match[1]) * _DAYS[match[2].lower()]
    past = sum(n for month, n in dated.items() if (as_of - _last_day(month)).days > days)
    return fact("past", past / rows, rows, {"document": KIND})


def _last_day(month: str) -> date:
    year, number = map(int, month.split("-"))
    year = max(year, 1)
    return date(year, number, calendar.monthrange(year, number)[1])
