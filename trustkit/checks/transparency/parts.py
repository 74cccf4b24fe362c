"""What a document must hold to count: its required parts, its day, its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from trustkit.checks.base import Estimate, Metric, NotApplicable
from trustkit.checks.facts import fact
from trustkit.evidence.records import ALL, CARD, CLOSED, HIGH, Document, Records, Register

DocumentKind = Literal[
    "card",
    "risk-register",
    "impact-assessment",
    "notice",
    "redress",
    "retirement-plan",
    "training-record",
    "incident-register",
    "security",
    "dataset",
    "oversight",
    "sustainability",
]

MISSING = Metric("required parts that are missing", "count")
AGE = Metric("days since the last review", "days")

_ROWS: dict[str, dict[str, tuple[str, ...]]] = {
    "risk-register": {HIGH: ("owner", "date", "treatment", "residual decision")},
    "incident-register": {ALL: ("date", "owner"), CLOSED: ("cause", "fix")},
}
"""Of a register, the columns in which no such row may be blank; of the others, all of them in all rows."""

_WORDS = {HIGH: "high risk", CLOSED: "closed incident", ALL: "row"}

_MAY_BE_EMPTY = ("incident-register",)
"""Registers in which having no row is an answer."""

YEAR = 365


@dataclass
class Parts:
    """Required parts of a document, and which of them are missing.

    Attributes
    ----------
    of : int
        Parts looked for.
    missing : list of str
        In words, those that are not there.
    count : int
        How many: a line of `missing` may stand for several rows.
    """

    of: int = 0
    missing: list[str] = field(default_factory=list)
    count: int = 0

    def look(self, there: bool, what: str, times: int = 1, of: int | None = None) -> None:
        """Look for a part, or for one in each of several rows."""
        self.of += times if of is None else of
        if not there:
            self.missing.append(what)
            self.count += times

    def estimate(self, kind: str) -> Estimate:
        """Return the number of missing parts, which are named in its ``why``."""
        made = fact("missing", self.count, max(self.of, 1), {"document": kind})
        return _saying(made, "missing: " + "; ".join(self.missing[:12]) + _rest(self.missing, 12))


def _rest(listed: Sequence[str], most: int) -> str:
    return f"; and {len(listed) - most} more" if len(listed) > most else ""


def _saying(estimate: Estimate, why: str) -> Estimate:
    return Estimate(
        estimate.metric,
        estimate.subject,
        estimate.value,
        estimate.n,
        estimate.rows,
        limits=estimate.limits,
        why=None if estimate.value == 0 else why,
    )


def untold(metric: str, subject: Mapping[str, str], why: str) -> Estimate:
    """Return a fact that cannot be told: undefined, and never a pass."""
    return _saying(fact(metric, float("nan"), 1, subject), why)


def document_of(records: Records, kind: str) -> Document:
    """Return the document of a kind.

    Raises
    ------
    NotApplicable
        Where none is declared.
    """
    if kind not in records.documents:
        key = "system.card" if kind == CARD else f"documents.{kind}"
        raise NotApplicable(
            f"no {'model card' if kind == CARD else kind.replace('-', ' ')} is declared",
            supply=f"{key}: the file; `trustkit init --documents` writes a template",
        )
    return records.documents[kind]


def look_at_facts(parts: Parts, document: Document, names: Sequence[str], as_of: date | None) -> None:
    """Look for facts of the front matter; a day must be one, and not have passed or be yet to come."""
    for name in names:
        said = document.facts.get(name)
        if name in ("date", "expires"):
            parts.look(said is not None and _day(said) is not None, f"{name} (as 2026-11-23)")
        else:
            parts.look(said is not None, name.replace("_", " "))
    _look_at_days(parts, document, as_of)


def _look_at_days(parts: Parts, document: Document, as_of: date | None) -> None:
    if as_of is None:
        return
    on, until = (_day(document.facts.get(name)) for name in ("date", "expires"))
    if "expires" in document.facts:
        parts.look(until is None or as_of <= until, f"a document in force: it expired on {until}")
        if until is None and "expires" not in document.needs_facts:
            parts.look(False, "expires (as 2026-11-23)")
    if on is not None:
        parts.look(on <= as_of + timedelta(1), f"a day that has come: it is dated {on}")


def look_at_headings(parts: Parts, document: Document) -> None:
    """Look for required headings with something under them."""
    if document.problem:
        parts.look(False, f"a document that can be read: {document.problem}")
    for title, there in document.needs.items():
        parts.look(there, title)


def look_at_rows(parts: Parts, document: Document, kind: str) -> None:
    """Look for the columns of a register, for rows, and for what each row must say."""
    columns = document.needs_columns
    if not columns:
        return
    registers = [each for each in document.registers if {*columns} <= {*each.columns}]
    if not registers:
        best = max(document.registers, key=lambda each: len({*columns} & {*each.columns}), default=None)
        for column in columns:
            parts.look(best is not None and column in best.columns, f"the column {column}")
        return
    parts.of += len(columns)
    rows = sum(register.rows[ALL] for register in registers)
    if kind not in _MAY_BE_EMPTY:
        parts.look(rows > 0, "rows")
    for which, needed in _ROWS.get(kind, {ALL: columns}).items():
        for column in needed:
            _look_at_column(parts, registers, which, column)


def _look_at_column(parts: Parts, registers: Sequence[Register], which: str, column: str) -> None:
    rows = sum(register.rows[which] for register in registers)
    blank = sum(register.blanks[which].get(column, 0) for register in registers)
    parts.of += rows - blank
    if blank:
        each = _WORDS[which] if blank == 1 else f"{_WORDS[which]}s"
        parts.look(False, f"{column} of {blank} {each}", blank)


def age(kind: str, document: Document, as_of: date | None) -> Estimate:
    """Return the days since the last review; without end where no day counts."""
    subject = {"document": kind}
    if as_of is None:
        return untold("age_days", subject, "there is no day to reckon from")
    on, until = (_day(document.facts.get(name)) for name in ("date", "expires"))
    if until is not None and "date" not in document.facts and document.path.endswith("security.txt"):
        on = min(until - timedelta(YEAR), as_of)  # RFC 9116 has no date, and asks for an expiry within a year
    if on is None:
        return _saying(fact("age_days", float("inf"), 1, subject), "it has no date, as 2026-11-23")
    if on > as_of + timedelta(1):
        return _saying(fact("age_days", float("inf"), 1, subject), f"it is dated {on}, a day yet to come")
    made = fact("age_days", max((as_of - on).days, 0), 1, subject)
    if until is not None and until < as_of:
        return _saying(fact("age_days", float("inf"), 1, subject), f"it expired on {until}")
    return _saying(made, f"dated {on}")


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat((text or "").strip().strip("\"'")[:10])
    except ValueError:
        return None


def whole(records: Records, kind: str, as_of: date | None) -> tuple[Document, Parts]:
    """Return a document of a kind, and all the parts that its template has, looked for."""
    document, parts = document_of(records, kind), Parts()
    look_at_headings(parts, document)
    look_at_facts(parts, document, document.needs_facts, as_of)
    look_at_rows(parts, document, kind)
    return document, parts


def estimates(kind: str, document: Document, parts: Parts, as_of: date | None) -> Iterator[Estimate]:
    """Yield what is missing of a document, and how old it is."""
    yield parts.estimate(kind)
    yield age(kind, document, as_of)
