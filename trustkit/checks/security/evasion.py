"""Can a person turn a decision by a few small, possible changes of the inputs?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.comparison import proportion
from trustkit.evidence.evasions import EDITS, Evasions

UNDECLARED = "which inputs a person can change is not declared: the largest of all, chosen after looking"
MUTABLE = 'options."security/evasion".mutable: the inputs that nobody verifies'
METRICS = ("one_edit", "two_edits", "three_edits")


@check(
    version="1",
    metrics={
        "one_edit": Metric(
            "share of adverse decisions that one small change turns",
            "share",
            "Rows whose decision some single edit turns, over the rows attacked.",
        ),
        "two_edits": Metric(
            "share of adverse decisions that two small changes turn",
            "share",
            "Rows whose decision at most two edits turn, over the rows attacked so; a lower bound.",
        ),
        "three_edits": Metric(
            "share of adverse decisions that three small changes turn",
            "share",
            "Rows whose decision at most three edits turn, over the rows attacked so; a lower bound.",
        ),
        "by_column": Metric(
            "share of adverse decisions that a small change of one column turns",
            "share",
            "Rows whose decision an edit of this column alone turns, over the rows attacked.",
        ),
    },
)
def evasion(
    evasions: Evasions,
    *,
    mutable: Sequence[str] | None = None,
    directions: Mapping[str, Literal["increasing", "decreasing"]] | None = None,
    budget: float = 60.0,
    judged: Collection[str] = (),
) -> Iterator[Estimate]:
    """Can a person turn a decision by a few small, possible changes of the inputs?

    Rows with an adverse decision (any that is not favorable) are drawn, and
    their inputs changed one, two or three at a time to other values that were
    observed: a number by one or two of twenty steps in the order of its
    values, a label to another frequent one. A row is possible whatever is
    changed; sensitive inputs stay as they are. The option ``mutable`` names the
    inputs that a person can change: without it the shares are shown and no column
    is judged. ``directions`` names those that can only grow
    (``increasing``) or fall (``decreasing``), ``budget`` the seconds at most.

    Why it matters
    --------------
    Where a small change of one statement turns a refusal into a grant, the
    decision rests on what is easiest to forge.

    When it misleads
    ----------------
    A decision near its threshold turns by honest small changes too, and some
    inputs should count much: declare as ``mutable`` what nobody verifies. Every
    single edit of the stated steps is tried; of two and three only those that
    go on from the best are, so these shares are at least as large.

    How to read
    -----------
    ``by_column`` is the share of the rows that a change of this column alone
    turns: one column near 1 decides nearly everything. ``one_edit`` counts rows
    that any column turns. Intervals are of the rows drawn.

    Remedy
    ------
    Verify the column named, or drop it; do not let one unverified statement
    outweigh all others; limit how often one person may ask.

    References
    ----------
    NIST AI RMF, MEASURE 2.7; Chen et al. 2020 (HopSkipJump); Ballet et al. 2019 (imperceptible attacks on
    tabular data).
    """
    if not evasions.rows[0]:
        raise NotApplicable("no row drawn has an adverse decision")
    for metric, edits, rows, turned in zip(METRICS, EDITS, evasions.rows, evasions.turned, strict=True):
        yield proportion(metric, turned, rows, {"mode": f"{edits} edits" if edits > 1 else "1 edit"})
    if not evasions.schema["declared"]:
        yield replace(_largest(evasions), limits=None, why=UNDECLARED, supply=MUTABLE)
    elif "by_column" not in judged:
        yield _largest(evasions)
    else:
        for column, turned in evasions.alone.items():
            yield proportion("by_column", turned, evasions.rows[0], {"column": column})


def _largest(evasions: Evasions) -> Estimate:
    column = max(evasions.alone, key=lambda name: evasions.alone[name])
    return proportion("by_column", evasions.alone[column], evasions.rows[0], {"column": column})
