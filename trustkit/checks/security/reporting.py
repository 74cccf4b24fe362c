"""Can anybody report a weakness or misuse of the system, its model's behavior included?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from trustkit.checks.base import Estimate, check
from trustkit.checks.transparency.parts import (
    AGE,
    MISSING,
    Parts,
    document_of,
    estimates,
    look_at_facts,
    look_at_headings,
)
from trustkit.evidence.records import Records

KIND = "security"


@check(version="1", metrics={"missing": MISSING, "age_days": AGE})
def reporting(records: Records, *, as_of: date | None = None) -> Iterator[Estimate]:
    """Can anybody report a weakness or misuse of the system, its model's behavior included?

    Read from ``documents.security``: a SECURITY.md with headings as in the
    packaged template, or a security.txt (RFC 9116) whose comments
    ``# Scope: ...`` and ``# Response-Time: ...`` say what that format has no
    field for. Wanted are a contact with an address, a scope that covers what
    the model does and not its software alone, a time of response, and a day
    of expiry.

    Why it matters
    --------------
    Those who see a system fail first are those it fails. They need somebody
    to tell who is bound to listen.

    How to read
    -----------
    The figures are facts. ``missing`` counts required parts and says which.
    ``age_days`` runs from the ``date``; a security.txt has none and counts
    as written a year before it expires, the most that the RFC advises. It is
    unbounded where there is neither, or where it expired. Contact, scope and
    time are sought under their headings, by English words; what is said to be
    out of scope does not count. Whether reports are answered is not seen here.

    Remedy
    ------
    Publish SECURITY.md or security.txt with a contact, a scope that covers
    the model's behavior, a time of response and a day of expiry.

    References
    ----------
    A/RES/78/265 6(c); RFC 9116; NIST AI RMF, GOVERN 5.1 and MANAGE 4.1.
    """
    document, parts = document_of(records, KIND), Parts()
    form = {"date"} if "date" not in document.facts and document.path.endswith("security.txt") else set()
    look_at_headings(parts, document)
    look_at_facts(parts, document, [name for name in document.needs_facts if name not in form], as_of)
    for name, what in _WANTED.items():
        parts.look(name in document.facts, what)
    yield from estimates(KIND, document, parts, as_of)


_WANTED = {
    "contact": "a contact with an address",
    "covers_model": "a scope that covers what the model does",
    "response_time": "a time of response",
}
