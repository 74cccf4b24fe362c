"""Do the groups get the favorable outcome equally often?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trustkit.checks.base import Estimate, Metric, check
from trustkit.checks.comparison import Compare, Comparison, figures, require, views
from trustkit.evidence.cells import Cells
from trustkit.evidence.tables import Table
from trustkit.measure.rates import Rate, rate


@check(
    version="1",
    metrics={
        "rate": Metric("selection rate", "share"),
        "ratio": Metric("selection rate ratio", "ratio"),
        "difference": Metric("selection rate difference", "difference"),
    },
)
def selection_rate(
    cells: Cells,
    *,
    intersections: bool = True,
    compare: Compare = "pairs",
    reference: Mapping[str, str] | None = None,
) -> Iterator[Estimate]:
    """Do the groups get the favorable outcome equally often?

    The selection rate of a group is the share of its decided rows whose
    decision is one of the favorable classes. Rows without a decision are
    left out and counted on the card.

    Why it matters
    --------------
    A group that gets a wanted outcome far less often than others may be
    treated unfairly, whatever the cause. Equal rates do not prove fairness:
    they say nothing of who was qualified.

    How to read
    -----------
    ``ratio`` is the subject's rate over the reference's, ``difference`` the
    subject's less the reference's; by default every ordered pair of groups is
    compared, beyond 12 groups each with the rest. A group with no decided row
    has no rate; where the reference's rate is 0 the ratio is undefined.

    Remedy
    ------
    Look at the group's error rates first, then at the threshold, and at how
    the group is represented in the training data.

    References
    ----------
    29 CFR 1607.4(D) (the four-fifths rule, a heuristic); Feldman et al. 2015;
    limits of a ratio: Donner & Zou 2012.
    """
    require(cells, "prediction", "favorable")
    for view in views(cells, intersections=intersections):
        table = cells.table(view)
        selected = _selected(table)
        pairs = Comparison.of(table, compare, reference)
        yield from figures("rate", table, selected)
        yield from pairs.disparities(
            {"ratio": "ratio", "difference": "difference"}, table, _selected, selected
        )


def _selected(table: Table) -> Rate:
    return rate(table, counted=table.favored, among=table.decided)
