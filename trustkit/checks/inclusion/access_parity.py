"""Does the system serve people alike wherever and however they reach it?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.comparison import Compare, Comparison, figures, require
from trustkit.checks.facts import fact
from trustkit.evidence.cells import Cells
from trustkit.measure.rates import correct, selection


@check(
    version="1",
    metrics={
        "rate": Metric("selection rate", "share"),
        "ratio": Metric("selection rate ratio", "ratio"),
        "accuracy": Metric("accuracy", "share"),
        "accuracy_difference": Metric("accuracy difference", "difference"),
        "missing": Metric("groups served of whom no row is audited", "count"),
    },
)
def access_parity(
    cells: Cells,
    *,
    attributes: Sequence[str] = (),
    served: Mapping[str, Sequence[str]] | None = None,
    compare: Compare = "pairs",
    reference: Mapping[str, str] | None = None,
) -> Iterator[Estimate]:
    """Does the system serve people alike wherever and however they reach it?

    ``attributes`` names those of the sensitive columns that hold regions,
    languages, places (urban or rural) or devices. For the groups of each the
    share that gets a favorable decision and the share of right decisions are
    compared; ``served`` lists, by attribute, the groups that the system is
    for, so that one without a single row is seen.

    Why it matters
    --------------
    A system made with the data of a capital, in one language, on new devices
    tends to serve others worse. Who is served badly stays away, and the next
    data hold even fewer of them.

    How to read
    -----------
    ``ratio`` and ``accuracy_difference`` are the subject's figure over, or
    less, the reference's: every ordered pair of groups, beyond 12 groups each
    with the rest. Accuracy needs a target and weighs both kinds of error
    alike; a group with another base rate can have another accuracy and be
    treated the same. A group that is not in the data is not compared: name it
    in ``served``.

    Remedy
    ------
    Collect rows of the group that is served worse, in its own language and
    by its own devices; test before release with people who use them.

    References
    ----------
    A/RES/78/265 6(m); NIST AI RMF, MEASURE 2.11; limits: Newcombe 1998, Donner & Zou 2012.
    """
    served = served or {}
    names = tuple(dict.fromkeys((*attributes, *served)))
    option = 'options."inclusion/access-parity".attributes'
    if not names:
        raise NotApplicable(
            "no attribute of access is declared",
            supply=f"{option}: which of data.sensitive name regions, languages, places or devices",
        )
    absent = [name for name in names if name not in cells.attributes]
    if absent:
        raise NotApplicable(
            f"{', '.join(absent)}: not among data.sensitive",
            supply=f"data.sensitive: {', '.join(absent)}, which {option} names",
        )
    require(cells, "prediction")
    yield from _served(cells, served)
    for name in names:
        table = cells.table((name,))
        if len(table.groups) < 2:
            continue
        pairs = Comparison.of(table, compare, reference)
        selected = selection(table)
        yield from figures("rate", table, selected)
        yield from pairs.disparities({"ratio": "ratio"}, table, selection, selected)
        if cells.schema["truth"]:
            right = correct(table)
            yield from figures("accuracy", table, right)
            yield from pairs.disparities({"accuracy_difference": "difference"}, table, correct, right)


def _served(cells: Cells, served: Mapping[str, Sequence[str]]) -> Iterator[Estimate]:
    """How many of the groups that are to be served have no row."""
    if not served:
        return
    wanted = {(name, group) for name, groups in served.items() for group in groups}
    seen = {(name, group[name]) for name in served for group in cells.table((name,)).groups}
    yield fact("missing", len(wanted - seen), len(wanted))
