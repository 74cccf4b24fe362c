"""Is it declared which Sustainable Development Goals the system serves, and how that is told?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from trustkit.checks.base import Estimate, Metric, check
from trustkit.checks.facts import fact
from trustkit.checks.sustainability.targets import GOALS, TARGETS
from trustkit.checks.transparency.parts import AGE, MISSING, estimates, whole
from trustkit.evidence.records import Records

KIND = "sustainability"


@check(
    version="1",
    metrics={
        "missing": MISSING,
        "age_days": AGE,
        "targets": Metric("targets declared that exist", "count"),
    },
)
def declaration(records: Records, *, as_of: date | None = None) -> Iterator[Estimate]:
    """Is it declared which Sustainable Development Goals the system serves, and how that is told?

    Read from ``documents.sustainability``: a row for each target, with its
    indicator, the baseline, the day of the baseline and for whom; and what
    harm to other goals was weighed. Targets of ``system.sdg`` must be among
    the rows. A goal or target counts where it exists: there are 17 goals and
    169 targets.

    Why it matters
    --------------
    "AI for good" without a target, an indicator and a baseline cannot be
    told from an advertisement.

    How to read
    -----------
    The figures are facts. ``missing`` counts required parts, ids that do not
    exist among them, and says which; ``age_days`` runs from the document's
    ``date`` and is unbounded where there is none or it expired. The
    contribution itself is never scored.

    Remedy
    ------
    Declare targets that exist, with an indicator, its baseline and date, and
    the people who benefit.

    References
    ----------
    A/RES/78/265 2 and 4(g); A/RES/70/1 (the goals and targets).
    """
    document, parts = whole(records, KIND, as_of)
    declared = [str(target).strip().lower() for target in records.schema["sdg"]]
    named = list(dict.fromkeys([*document.targets, *declared]))
    known = [target for target in named if target in GOALS or target in TARGETS]
    for target in named:
        parts.look(target in known, f"a goal or target {target}: it does not exist")
    for target in declared:
        parts.look(target in document.targets, f"a row for {target}, which system.sdg declares")
    yield from estimates(KIND, document, parts, as_of)
    yield fact("targets", len(known), 1, {"document": KIND})
