"""Does the audit itself give anyone away?"""

from __future__ import annotations

from collections.abc import Iterator

from trustkit.checks.base import Estimate, Metric, check
from trustkit.checks.facts import fact
from trustkit.evidence.exposures import Exposures

MOST_NAMED = 5


@check(
    version="1",
    metrics={
        "exposed": Metric(
            "values of few rows that stand in the evidence",
            "count",
            "distinct values that fewer than `min_cell` rows have, found by their first four words in any "
            "text of the evidence or of its errors, of all that were sought",
        ),
        "small": Metric(
            "cells of few rows that sharing leaves",
            "count",
            "cells of 1 to `min_cell` - 1 rows in what `collect --share` would write, of all its cells",
        ),
    },
)
def own_output(exposures: Exposures) -> Iterator[Estimate]:
    """Does the audit itself give anyone away?

    The card is made from the evidence alone, so what is not in the evidence
    is not on the card. ``exposed`` counts the values of the audited and the
    training data that fewer than ``min_cell`` rows have and that stand
    somewhere in it; ``small`` the cells of fewer rows in what would be shared.

    Formula
    -------
    A value is sought where it cannot be there by chance: at least 6
    characters that are no common word, a number of at least 9 digits. Of a
    column at most 10,000 values are drawn. It is found where its first four
    words stand one after the other in a text of the evidence that the owner
    did not write: a label, a key, a note, a traceback.

    Why it matters
    --------------
    An audit looks at the most sensitive data that a system has. A name in an
    error message or a group of two in a table is a breach by the auditor.

    When it misleads
    ----------------
    The labels of sensitive attributes, strata and outcomes are shown by
    contract, also of small groups, whose counts print as ``<5``; they are
    sought only where most rows have one of their own, for then the attribute
    names persons. Short numbers, dates and words in plain lower case are not
    sought. Two cards of data that differ by one row can be subtracted from
    each other: `collect --share --epsilon` is made against that.

    How to read
    -----------
    Both figures are facts. Where a value is found the column is named, never
    the value. That no connection is opened, and that each form of the card
    and each file to share holds no more than the evidence, is held by the
    tests of trustkit and measured by no audit.

    Remedy
    ------
    Do not publish the card or the evidence. Take the column that is named out
    of the attributes, or cut its values into groups; where it is none of
    them, report the leak as a fault of trustkit.

    References
    ----------
    A/RES/78/265 6(j); GDPR, Art. 5(1)(c), 5(1)(f) and 89; Hundepool et al.
    2012, "Statistical Disclosure Control" (threshold rule for cells).
    """
    sought = sum(each.values for each in exposures.columns.values())
    found = {name: each.found for name, each in exposures.columns.items() if each.found}
    made = fact("exposed", sum(found.values()), max(sought, 1))
    named = ", ".join(list(found)[:MOST_NAMED]) + (", ..." if len(found) > MOST_NAMED else "")
    note = f"values of {named}" if found else None
    if not sought:
        note = "the data hold no value that could be told from chance"
    yield Estimate("exposed", {}, made.value, made.n, made.rows, limits=made.limits, note=note)
    if exposures.cells:
        yield fact("small", exposures.small, exposures.cells)
