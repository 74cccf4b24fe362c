"""Does the score rank the members of every group equally well?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Literal

from trustkit.checks.base import Estimate, Metric, check
from trustkit.checks.comparison import Compare, Comparison, estimate, require, views
from trustkit.evidence.cells import Cells
from trustkit.evidence.tables import Scores, Table
from trustkit.measure.intervals import Difference
from trustkit.measure.metrics import Area, area, area_between

FEWEST_PER_CLASS = 30
"""Below this the limits of an AUC do not hold their level."""

_TIES = "a tie counts one half; undefined where a class is absent"


@check(
    version="1",
    metrics={
        "auc": Metric("area under the ROC curve", "share", f"of each group by itself; {_TIES}"),
        "auc_difference": Metric(
            "AUC difference", "difference", f"the subject's less the reference's; {_TIES}"
        ),
        "abroca": Metric(
            "area between the ROC curves",
            "share",
            "integral of the absolute difference of the true positive rates over all false positive "
            "rates: curves that cross do not cancel; undefined where a class is absent",
        ),
        "bpsn_auc": Metric(
            "AUC of the group's negatives against the positives of the rest",
            "share",
            f"low where the group's negatives are ranked too high; {_TIES}",
        ),
        "bnsp_auc": Metric(
            "AUC of the group's positives against the negatives of the rest",
            "share",
            f"low where the group's positives are ranked too low; {_TIES}",
        ),
        "xauc_difference": Metric(
            "xAUC difference",
            "difference",
            "AUC of the subject's positives against the reference's negatives, less that of the "
            f"reference's positives against the subject's negatives; {_TIES}",
        ),
    },
)
def ranking(
    cells: Cells,
    *,
    intersections: bool = True,
    compare: Compare = "pairs",
    reference: Mapping[str, str] | None = None,
    shown: Literal["largest", "all"] = "largest",
    judged: Collection[str] | None = None,
) -> Iterator[Estimate]:
    """Does the score rank the members of every group equally well?

    The area under the ROC curve (AUC) is the chance that a row whose truth is
    the positive class scores above one whose truth is another, over rows with a
    score and a truth. The score is that of the positive class, of however many
    there are: other classes are negative.

    Formula
    -------
    ``auc`` = P(s+ > s-) + P(s+ = s-) / 2 within the group; ``auc_difference``
    the subject's less the reference's. ``abroca`` = integral over t from 0 to 1
    of abs(ROC_a(t) - ROC_b(t)). ``bpsn_auc`` takes s- from the group and s+ from
    the rest, ``bnsp_auc`` the other way around. ``xauc_difference`` =
    P(s+_a > s-_b) - P(s+_b > s-_a). Scores are read off bins 0.001 wide, finer
    below .02 and above .98; rows of one bin are tied.

    Why it matters
    --------------
    Where a score ranks one group worse than another, no threshold gives both
    the same error rates, and whoever is picked from the top of the list is
    picked with less reason in that group.

    When it misleads
    ----------------
    AUC looks at the order within a group alone: a score that is shifted for a
    whole group keeps it, and every common threshold errs against that group
    (look at ``bpsn_auc``, ``bnsp_auc`` and xAUC, and at calibration). Equal AUCs
    may hide ROC curves that cross (look at ABROCA, which chance alone keeps
    above 0). An AUC depends on who is in the group: where its members differ
    more from each other, they are easier to rank.

    How to read
    -----------
    0.5: no better than chance. A difference is the subject's less the
    reference's, for every ordered pair of groups, beyond 12 groups each with
    the rest; it is judged from 30 rows of either class in both. Weighted rows
    and rows of one unit have no interval. Of what no limit bounds the largest
    comparison is shown, without an interval; ``shown = "all"`` shows every one.

    Remedy
    ------
    Look for inputs that are missing or measured worse for the group, and for
    more of its rows to train on; a threshold or a recalibration of each group
    changes no AUC within it.

    References
    ----------
    Borkan et al. 2019 (BPSN, BNSP); Gardner, Brooks & Baker 2019 (ABROCA);
    Kallus & Zhou 2019 (xAUC); limits: DeLong et al. 1988, Newcombe 1998, 2006.
    """
    require(cells, "truth", "score", "positive")
    wanted = None if shown == "all" else judged
    for view in views(cells, intersections=intersections):
        table, scores = cells.table(view), cells.scores(view)
        pairs = Comparison.of(table, compare, reference)
        counted_once = table.weight is None and table.buckets is None
        for made in _estimates(table, scores, pairs, wanted, single=len(view) == 1):
            yield _with_limits_that_hold(made, counted_once)


def _estimates(
    table: Table, scores: Scores, pairs: Comparison, judged: Collection[str] | None, *, single: bool
) -> Iterator[Estimate]:
    """Figures of a view; of an intersection, beside the AUC, those that are judged."""

    def asked(metric: str) -> bool:
        return single or judged is None or metric in judged

    mine, rest = area(scores), scores.rest()
    yield from _areas("auc", table, mine)
    if asked("bpsn_auc"):
        yield from _areas("bpsn_auc", table, area(scores, rest))
    if asked("bnsp_auc"):
        yield from _areas("bnsp_auc", table, area(rest, scores))
    others, other = (rest, area(rest)) if pairs.reference is None else (scores, mine)
    one, two = mine.take(pairs.subject), other.take(pairs.places)
    yield from _difference("auc_difference", table, pairs, one, two, judged)
    subject, reference = scores, others
    if pairs.reference is not None:
        subject, reference = scores.take(pairs.subject), others.take(pairs.places)
    if asked("abroca"):
        yield from pairs.estimates(
            table,
            "abroca",
            area_between(subject, reference),
            None,
            fewest=(one.n, two.n),
            judged=judged,
            symmetric=True,
            why="a distance, which chance alone keeps above 0: no interval",
        )
    if asked("xauc_difference"):
        forth, back = area(reference, subject), area(subject, reference)
        yield from _difference("xauc_difference", table, pairs, forth, back, judged)


def _areas(metric: str, table: Table, measured: Area) -> Iterator[Estimate]:
    columns = zip(
        table.groups, measured.value.tolist(), measured.n.tolist(), table.rows.tolist(), strict=True
    )
    for i, (group, value, n, rows) in enumerate(columns):
        yield estimate(metric, {"groups": group}, value, n, rows, measured.limits, i)


def _difference(
    metric: str, table: Table, pairs: Comparison, one: Area, other: Area, judged: Collection[str] | None
) -> Iterator[Estimate]:
    limits = Difference.of_groups(one.limits, other.limits)
    yield from pairs.estimates(table, metric, limits.value, limits, fewest=(one.n, other.n), judged=judged)


def _with_limits_that_hold(made: Estimate, counted_once: bool) -> Estimate:
    """Leave the limits off an estimate whose rows are not independent, or too few."""
    fewest = made.n if made.reference_n is None else min(made.n, made.reference_n)
    if made.limits is None or made.n == 0:
        return made
    if not counted_once:
        why = "no interval of an AUC is offered for weighted rows or rows of one unit"
        return replace(made, limits=None, why=why)
    if fewest < FEWEST_PER_CLASS:
        return replace(made, limits=None, why=f"fewer than {FEWEST_PER_CLASS} rows of a class")
    return made
