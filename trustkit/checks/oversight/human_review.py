"""Can people review, overrule and stop the system?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from trustkit.checks.base import Estimate, Metric, check
from trustkit.checks.comparison import proportion
from trustkit.checks.transparency.parts import AGE, MISSING, estimates, whole
from trustkit.evidence.records import Document, Records

KIND = "oversight"


@check(
    version="1",
    metrics={
        "missing": MISSING,
        "age_days": AGE,
        "overruled": Metric("share of reviewed decisions that were overruled, as stated", "share"),
    },
)
def human_review(records: Records, *, as_of: date | None = None) -> Iterator[Estimate]:
    """Can people review, overrule and stop the system?

    Read from ``documents.oversight``: roles that may overrule and stop, and
    since when they are trained; which cases go to a person; how a decision is
    overruled and the system halted, and when halting was last rehearsed. Of
    ``reviewed_cases`` and ``overruled_cases``, where both are stated, the
    share is shown.

    Why it matters
    --------------
    A decision about a person needs a person who answers for it, and who can
    change it. A reviewer who never disagrees is a rubber stamp.

    How to read
    -----------
    The first two figures are facts: ``missing`` counts required parts of the
    document and says which, ``age_days`` runs from its ``date`` and is
    unbounded where there is none or it expired. ``overruled`` is as good as
    the counts stated; how often a review should overrule no source says, so
    it has no limit unless you set one. That the oversight is practiced as
    written remains a claim of its owner.

    Remedy
    ------
    Name the roles, give them the right, the time and the means to overrule
    and to stop, rehearse both, and record how often they were used.

    References
    ----------
    A/RES/78/265 6(k); EU AI Act, Art. 14; NIST AI RMF, MANAGE 2.4; GDPR, Art. 22(3).
    """
    document, parts = whole(records, KIND, as_of)
    yield from estimates(KIND, document, parts, as_of)
    yield from _overruled(document)


def _overruled(document: Document) -> Iterator[Estimate]:
    try:
        reviewed, overruled = (int(document.facts[f"{name}_cases"]) for name in ("reviewed", "overruled"))
    except (KeyError, ValueError):
        return
    if 0 <= overruled <= reviewed < 1 << 53 and reviewed > 0:
        yield proportion("overruled", overruled, reviewed, {"document": KIND})
