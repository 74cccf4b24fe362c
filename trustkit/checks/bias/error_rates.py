"""Are the groups' true and false positive rates alike?"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Literal

import numpy as np

from trustkit.checks.base import Estimate, Metric, check
from trustkit.checks.comparison import (
    Compare,
    Comparison,
    Sides,
    class_tables,
    estimate,
    rate_estimates,
    rate_metrics,
    require,
    require_class,
    views,
)
from trustkit.evidence.cells import Cells
from trustkit.evidence.tables import Table
from trustkit.measure.intervals import Absolute, Difference, Greatest, Least, Mean, Odds, mean_size
from trustkit.measure.rates import Rate, false_positives, rate, true_positives

_UNDEFINED = "undefined where either has no positives or no negatives"


@check(
    version="2",
    bears_noise=True,
    metrics={
        **rate_metrics("tpr", "true positive rate", "positives"),
        **rate_metrics("fpr", "false positive rate", "negatives"),
        **rate_metrics("fnr", "false negative rate", "positives"),
        **rate_metrics("tnr", "true negative rate", "negatives"),
        **rate_metrics("accuracy", "accuracy", "row with truth and decision"),
        "equalized_odds_difference": Metric(
            "equalized odds difference",
            "difference",
            f"the larger of the sizes of the TPR and the FPR difference; {_UNDEFINED}",
        ),
        "equalized_odds_ratio": Metric(
            "equalized odds ratio",
            "ratio",
            f"the smaller of the TPR and the FPR ratio, each turned to be at most 1; {_UNDEFINED}",
        ),
        "equalized_odds_mean": Metric(
            "mean equalized odds difference",
            "difference",
            "mean of the sizes of the TPR and the FPR difference of the same two groups (fairlearn's takes "
            f"the largest of each, which may be of different ones); {_UNDEFINED}",
        ),
        "average_odds_difference": Metric(
            "average odds difference",
            "difference",
            "mean of the signed TPR and FPR differences, the subject's less the reference's: "
            f"opposite gaps cancel; {_UNDEFINED}",
        ),
        "treatment": Metric(
            "false negatives a false positive", "ratio", "FN / FP of each group; undefined where FP is 0"
        ),
        "treatment_difference": Metric(
            "difference of false negatives a false positive",
            "difference",
            "FN / FP of the subject less the reference's; undefined where a group's FP is 0",
        ),
    },
)
def error_rates(
    cells: Cells,
    *,
    intersections: bool = True,
    compare: Compare = "pairs",
    reference: Mapping[str, str] | None = None,
    shown: Literal["largest", "all"] = "largest",
    judged: Collection[str] | None = None,
) -> Iterator[Estimate]:
    """Are the groups' true and false positive rates alike?

    Of a group's rows whose truth is the positive class, the true positive
    rate is the share predicted positive; of those whose truth is another
    class, the false positive rate. Rows without a truth or a decision are
    left out and counted on the card. Where no class is positive and there
    are more than two, each is taken in turn, against the rest.

    Formula
    -------
    TPR = TP / (TP + FN), FNR = 1 - TPR, FPR = FP / (FP + TN), TNR = 1 - FPR,
    accuracy = (TP + TN) / n. Equal opportunity is the TPR difference,
    predictive equality the FPR difference. Of two groups,
    ``equalized_odds_difference`` = max(abs dTPR, abs dFPR), ``equalized_odds_mean`` =
    (abs dTPR + abs dFPR) / 2, ``average_odds_difference`` = (dTPR + dFPR) / 2,
    ``treatment`` = FN / FP.

    Why it matters
    --------------
    A system may be as accurate for two groups and yet err against one of them:
    by missing those who qualify, or by accusing those who do not. Equal
    opportunity asks for equal true positive rates, equalized odds for both.

    When it misleads
    ----------------
    The truth may itself be biased: an arrest is not an offense, a grant repaid
    says nothing of those refused. Where groups differ in their base rates, a
    calibrated score gives unequal error rates under any shared threshold.
    "Equalized odds" has four meanings in use: largest, mean, signed mean and
    sum of the two gaps; the first three have a name each here. Treatment
    equality rests on counts of errors and moves with the base rate.

    How to read
    -----------
    A difference is the subject's rate less the reference's, for every ordered
    pair of groups, beyond 12 groups each with the rest. The denominators are
    the group's positives and negatives, not its rows: a group without any is
    undefined, never 0. Of what no limit bounds the largest comparison is
    shown, without an interval, since it was chosen after looking; ``shown =
    "all"`` shows every one.

    Remedy
    ------
    Compare the groups' scores and thresholds; more, or better measured,
    training rows of the group that is misjudged help both rates at once.

    References
    ----------
    Hardt, Price & Srebro 2016; Berk et al. 2018; Verma & Rubin 2018; limits:
    Newcombe 1998, Donner & Zou 2012.
    """
    require(cells, "truth", "prediction")
    require_class(cells, "positive")
    wanted = None if shown == "all" else judged
    for view in views(cells, intersections=intersections):
        pairs = Comparison.of(cells.table(view), compare, reference)
        for more, table in class_tables(cells, view, "positive"):
            yield from rate_estimates(RATES, table, pairs, judged=wanted, shown=_SHOWN, more=more)
            show = partial(pairs.estimates, table, judged=wanted, more=more)
            yield from _odds(pairs.sides(table, true_positives), pairs.sides(table, false_positives), show)
            yield from _treatment(table, pairs, more, show)


def _odds(tpr: Sides, fpr: Sides, show: Callable[..., Iterator[Estimate]]) -> Iterator[Estimate]:
    """What is made of both rates of two groups."""
    fewest = (np.minimum(tpr.n, fpr.n), np.minimum(tpr.reference_n, fpr.reference_n))
    gaps = [Difference.of_groups(side.subject, side.reference) for side in (tpr, fpr)]
    larger, mean, signed = Greatest(tuple(map(Absolute, gaps))), mean_size(*gaps), Mean(tuple(gaps))
    yield from show("equalized_odds_difference", larger.value, larger, fewest=fewest, symmetric=True)
    yield from show("equalized_odds_mean", mean.value, mean, fewest=fewest, symmetric=True)
    yield from show("average_odds_difference", signed.value, signed, fewest=fewest)
    ratios = [way.limits("ratio") for side in (tpr, fpr) for way in (side, side.turned())]
    least = np.minimum.reduce([each.value for each in ratios])
    yield from show(
        "equalized_odds_ratio", least, Least(tuple(ratios)), fewest=fewest, form="ratio", symmetric=True
    )


def _treatment(
    table: Table, pairs: Comparison, more: Mapping[str, str], show: Callable[..., Iterator[Estimate]]
) -> Iterator[Estimate]:
    """False negatives for each false positive: the odds that an error is one."""
    missed = _missed(table)
    odds = Odds(missed.limits)
    for i, group in enumerate(table.groups):
        n, rows = int(missed.n[i]), int(table.rows[i])
        yield estimate("treatment", {"groups": group, **more}, odds.value[i], n, rows, odds, i)
    sides = pairs.sides(table, _missed, missed)
    gap = Difference.of_groups(Odds(sides.subject), Odds(sides.reference))
    yield from show("treatment_difference", gap.value, gap, fewest=sides.fewest)


def _false_negatives(table: Table) -> Rate:
    return rate(table, counted=~table.predicted_positive, among=table.truth_positive & table.decided)


def _true_negatives(table: Table) -> Rate:
    return rate(table, counted=~table.predicted_positive, among=_negative(table))


def _right(table: Table) -> Rate:
    """Of one class against the rest: both sides of the line are right where truth and decision agree."""
    agree = table.truth_positive == table.predicted_positive
    return rate(table, counted=agree, among=table.truth_known & table.decided)


def _missed(table: Table) -> Rate:
    """Of the errors, the share that miss a positive."""
    wrong = (table.truth_positive != table.predicted_positive) & table.truth_known & table.decided
    return rate(table, counted=table.truth_positive, among=wrong)


def _negative(table: Table) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return table.truth_known & ~table.truth_positive & table.decided


RATES = {
    "tpr": true_positives,
    "fpr": false_positives,
    "fnr": _false_negatives,
    "tnr": _true_negatives,
    "accuracy": _right,
}
_SHOWN = ("tpr", "fpr", "accuracy")
