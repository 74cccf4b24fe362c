"""Are the groups' true and false positive rates alike?"""

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
        "tpr": Metric("true positive rate", "share"),
        "fpr": Metric("false positive rate", "share"),
        "tpr_difference": Metric("true positive rate difference", "difference"),
        "fpr_difference": Metric("false positive rate difference", "difference"),
    },
)
def error_rates(
    cells: Cells,
    *,
    intersections: bool = True,
    compare: Compare = "pairs",
    reference: Mapping[str, str] | None = None,
) -> Iterator[Estimate]:
    """Are the groups' true and false positive rates alike?

    Of a group's rows whose truth is the positive class, the true positive
    rate is the share predicted positive; of those whose truth is another
    class, the false positive rate. Rows without a truth or a decision are
    left out and counted on the card.

    Why it matters
    --------------
    A system may be as accurate for two groups and yet err against one of them:
    by missing those who qualify, or by accusing those who do not. Equal
    opportunity asks for equal true positive rates, equalized odds for both.

    How to read
    -----------
    A difference is the subject's rate less the reference's, for every ordered
    pair of groups, beyond 12 groups each with the rest. The denominators are
    the group's positives and negatives, not its rows: a group without any is
    undefined, never 0.

    Remedy
    ------
    Compare the groups' scores and thresholds; more, or better measured,
    training rows of the group that is misjudged help both rates at once.

    References
    ----------
    Hardt, Price & Srebro 2016; Verma & Rubin 2018; limits: Newcombe 1998.
    """
    require(cells, "truth", "prediction", "positive")
    for view in views(cells, intersections=intersections):
        table = cells.table(view)
        pairs = Comparison.of(table, compare, reference)
        for name, measure in (("tpr", _true_positives), ("fpr", _false_positives)):
            measured = measure(table)
            yield from figures(name, table, measured)
            yield from pairs.disparities({f"{name}_difference": "difference"}, table, measure, measured)


def _true_positives(table: Table) -> Rate:
    return rate(table, counted=table.predicted_positive, among=table.truth_positive & table.decided)


def _false_positives(table: Table) -> Rate:
    negative = table.truth_known & ~table.truth_positive
    return rate(table, counted=table.predicted_positive, among=negative & table.decided)
