"""Does a positive decision mean the same in every group?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Literal

from trustkit.checks.base import Estimate, check
from trustkit.checks.comparison import (
    Compare,
    Comparison,
    class_tables,
    rate_estimates,
    rate_metrics,
    require,
    require_class,
    views,
)
from trustkit.evidence.cells import Cells
from trustkit.evidence.tables import Table
from trustkit.measure.rates import Rate, rate


@check(
    version="2",
    bears_noise=True,
    metrics={
        **rate_metrics("ppv", "positive predictive value", "row predicted positive"),
        **rate_metrics("npv", "negative predictive value", "row predicted negative"),
        **rate_metrics("fdr", "false discovery rate", "row predicted positive"),
        **rate_metrics("for", "false omission rate", "row predicted negative"),
    },
)
def predictive_parity(
    cells: Cells,
    *,
    intersections: bool = True,
    compare: Compare = "pairs",
    reference: Mapping[str, str] | None = None,
    shown: Literal["largest", "all"] = "largest",
    judged: Collection[str] | None = None,
) -> Iterator[Estimate]:
    """Does a positive decision mean the same in every group?

    The positive predictive value (precision) of a group is the share of its
    rows predicted positive whose truth is the positive class, the negative
    predictive value the share of the others whose truth is another class.
    Where no class is positive and there are more than two, each is taken in
    turn, against the rest.

    Formula
    -------
    PPV = TP / (TP + FP), FDR = 1 - PPV, NPV = TN / (TN + FN), FOR = 1 - NPV.
    Predictive parity is the PPV difference; conditional use accuracy asks
    for equal PPV and NPV.

    Why it matters
    --------------
    Where it is lower for a group, a positive decision about its members is
    less often right, and whoever acts on it treats them on weaker grounds.
    When base rates differ, equal predictive values and equal error rates
    cannot all hold.

    When it misleads
    ----------------
    It follows the base rate: a group in which the positive class is rare has
    a lower PPV under the same treatment. It says nothing of those who were
    never predicted positive, and nothing where labels are known only for the
    selected.

    How to read
    -----------
    A difference is the subject's value less the reference's, for every ordered
    pair of groups, beyond 12 groups each with the rest. The denominator is the
    number of rows predicted positive (for PPV and FDR) or not (for NPV and
    FOR): a group without any is undefined. Of what no limit bounds the largest
    comparison is shown, without an interval; ``shown = "all"`` shows every one.

    Remedy
    ------
    Check calibration within the groups; a shared threshold on a calibrated
    score gives each group the predictive value that its base rate allows.

    References
    ----------
    Chouldechova 2017; Berk et al. 2018; limits: Newcombe 1998, Donner & Zou 2012.
    """
    require(cells, "truth", "prediction")
    require_class(cells, "positive")
    wanted = None if shown == "all" else judged
    for view in views(cells, intersections=intersections):
        pairs = Comparison.of(cells.table(view), compare, reference)
        for more, table in class_tables(cells, view, "positive"):
            yield from rate_estimates(RATES, table, pairs, judged=wanted, shown=_SHOWN, more=more)


def _truly(table: Table, *, positive: bool, counted: bool) -> Rate:
    """Of the rows predicted positive (or not), the share whose truth is positive (or not)."""
    among = (table.predicted_positive == positive) & table.truth_known & table.decided
    return rate(table, counted=table.truth_positive == counted, among=among)


RATES = {
    "ppv": partial(_truly, positive=True, counted=True),
    "npv": partial(_truly, positive=False, counted=False),
    "fdr": partial(_truly, positive=True, counted=False),
    "for": partial(_truly, positive=False, counted=True),
}
_SHOWN = ("ppv", "npv")
