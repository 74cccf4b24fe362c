"""Does a positive decision mean the same in every group?"""

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
        "ppv": Metric("positive predictive value", "share"),
        "ppv_difference": Metric("positive predictive value difference", "difference"),
    },
)
def predictive_parity(
    cells: Cells,
    *,
    intersections: bool = True,
    compare: Compare = "pairs",
    reference: Mapping[str, str] | None = None,
) -> Iterator[Estimate]:
    """Does a positive decision mean the same in every group?

    The positive predictive value (precision) of a group is the share of its
    rows predicted positive whose truth is the positive class.

    Why it matters
    --------------
    Where it is lower for a group, a positive decision about its members is
    less often right, and whoever acts on it treats them on weaker grounds.
    When base rates differ, equal predictive values and equal error rates
    cannot all hold.

    How to read
    -----------
    A difference is the subject's value less the reference's, for every ordered
    pair of groups, beyond 12 groups each with the rest. The denominator is the
    number of rows predicted positive: a group without any is undefined.

    Remedy
    ------
    Check calibration within the groups; a shared threshold on a calibrated
    score gives each group the predictive value that its base rate allows.

    References
    ----------
    Chouldechova 2017; limits: Newcombe 1998.
    """
    require(cells, "truth", "prediction", "positive")
    for view in views(cells, intersections=intersections):
        table = cells.table(view)
        precision = _precision(table)
        pairs = Comparison.of(table, compare, reference)
        yield from figures("ppv", table, precision)
        yield from pairs.disparities({"ppv_difference": "difference"}, table, _precision, precision)


def _precision(table: Table) -> Rate:
    return rate(table, counted=table.truth_positive, among=table.predicted_positive & table.truth_known)
