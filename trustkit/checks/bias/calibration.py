"""Does a score mean the same in every group?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np

from trustkit.checks.base import Estimate, Metric, check
from trustkit.checks.comparison import Compare, Comparison, require, views
from trustkit.checks.incompatibility import Incompatibility
from trustkit.checks.reliability import FEWEST_ROWS, METRICS, STRATA, Reliability, calibration_figures
from trustkit.evidence.cells import Cells
from trustkit.evidence.tables import Table
from trustkit.measure.calibration import MeanScore, mean_score
from trustkit.measure.intervals import Difference
from trustkit.measure.rates import base_rate

_CLASSES = {"positive": True, "negative": False}
_UNDEFINED = "undefined where a group has no such row with a score"


@check(
    version="2",
    metrics={
        **METRICS,
        **{
            f"balance_{name}": Metric(
                f"mean score of the truly {name}", "share", f"of each group; {_UNDEFINED}"
            )
            for name in _CLASSES
        },
        **{
            f"balance_{name}_difference": Metric(
                f"mean score difference of the truly {name}",
                "difference",
                f"the subject's less the reference's; {_UNDEFINED}",
            )
            for name in _CLASSES
        },
        "multicalibration": Metric(
            "multicalibration error",
            "difference",
            "largest, over the groups of all attributes and their pairs and ten bins of the score, of the "
            f"absolute gap times the bin's share of the group; groups of {FEWEST_ROWS} rows and more",
        ),
        "base_rate_difference": Metric(
            "base rate difference",
            "difference",
            "share of positive truth, the subject's less the reference's, of rows with a score",
        ),
    },
)
def calibration(
    cells: Cells,
    *,
    intersections: bool = True,
    compare: Compare = "pairs",
    reference: Mapping[str, str] | None = None,
    shown: Literal["largest", "all"] = "largest",
    judged: Collection[str] | None = None,
) -> Iterator[Estimate]:
    """Does a score mean the same in every group?

    Within each group, over its rows with a score and a truth. The score is
    that of the positive class, of however many there are.

    Formula
    -------
    ``gap`` = mean outcome - mean score (calibration in the large). In ten equal
    bins b of the score, with share w_b of the group's rows: ``bin_gap`` d_b =
    mean outcome - mean score, the reliability curve; ``rmsce`` =
    sqrt(sum w_b d_b^2) and ``ece`` = sum w_b abs(d_b), each less what chance
    alone adds; ``multicalibration`` = max over groups and bins of w_b abs(d_b).
    ``balance_positive`` (``balance_negative``) = mean score of the rows whose
    truth is (not) the positive class. ``spiegelhalter`` =
    sum (y - s)(1 - 2s) / sqrt(sum (1 - 2s)^2 s(1 - s)); ``brier`` = mean of
    (y - s)^2.

    Why it matters
    --------------
    A score of 0.7 should come true for 70 % of each group. Where it does not,
    the same threshold asks more of one group than of another.

    When it misleads
    ----------------
    Where base rates differ, a calibrated score cannot also have equal means
    among the positives and among the negatives of two groups, nor equal
    predictive values equal error rates, unless it is never wrong: beside the
    base rate difference the card says so with the system's own numbers. A
    score that gives everybody the base rate of their group is calibrated in
    each and tells no two of its members apart. Where labels are biased, a
    score calibrated to them is biased too.

    How to read
    -----------
    A positive gap: the score understates the outcome for the group. A limit on
    a gap holds on both sides. With few rows the error is uncertain, and
    *inconclusive* the right verdict. A limit on ``bin_gap`` asks it of every
    group in each of the ten bins: one without rows leaves the control open. Of
    what no limit bounds, the figures of single attributes are shown (curves of
    at most 12 groups), and of comparisons the largest; ``shown = "all"`` shows
    every one.

    Remedy
    ------
    Recalibrate (isotonic or Platt) on held-out rows, where the gap is confined
    to some groups with their attribute or its causes among the inputs.

    References
    ----------
    Kleinberg, Mullainathan & Raghavan 2016; Chouldechova 2017; Hébert-Johnson
    et al. 2018 (multicalibration); Hoeffding 1956; Spiegelhalter 1986; Naeini,
    Cooper & Hauskrecht 2015 (ECE); Kumar, Liang & Ma 2019; Newcombe 1998.
    """
    require(cells, "truth", "score", "positive")
    wanted = None if shown == "all" else judged
    every: list[Reliability] = []
    for view in views(cells, intersections=intersections):
        measured = Reliability.of(cells, view)
        every.append(measured)
        single = len(view) == 1
        yield from calibration_figures(measured, wanted, shown=single)
        table = cells.table(view)
        pairs = Comparison.of(table, compare, reference)
        for name in _CLASSES:
            yield from _balance(name, measured, table, pairs, wanted, shown=single)
        if single or _asked("base_rate_difference", wanted):
            yield from _base_rates(measured, table, pairs, wanted)
    yield _multicalibration(every, cells.rows)


def _asked(metric: str, judged: Collection[str] | None) -> bool:
    return judged is None or metric in judged


def _balance(
    name: str,
    measured: Reliability,
    table: Table,
    pairs: Comparison,
    judged: Collection[str] | None,
    *,
    shown: bool,
) -> Iterator[Estimate]:
    """Mean score of one class of the truth: of each group, and the difference of two."""
    metric, measure = f"balance_{name}", partial(_mean_score, positive=_CLASSES[name])
    mine = measure(measured.table)
    if shown or _asked(metric, judged):
        yield from measured.figures(metric, mine.value, mine.n, mine.limits)
    if shown or _asked(f"{metric}_difference", judged):
        other = mine if pairs.reference is not None else measure(measured.table.rest())
        difference = Difference.of_groups(mine.limits.take(pairs.subject), other.limits.take(pairs.places))
        fewest = mine.n[pairs.subject], other.n[pairs.places]
        yield from pairs.estimates(
            table, f"{metric}_difference", difference.value, difference, fewest=fewest, judged=judged
        )


def _mean_score(table: Table, *, positive: bool) -> MeanScore:
    return mean_score(table, table.truth_known & (table.truth_positive == positive))


def _base_rates(
    measured: Reliability, table: Table, pairs: Comparison, judged: Collection[str] | None
) -> Iterator[Estimate]:
    """Base rate differences; where one is no accident, why not all that is fair can be had at once."""
    sides = pairs.sides(measured.table, base_rate)
    difference = sides.limits("difference")
    estimates = pairs.estimates(
        table,
        "base_rate_difference",
        difference.value,
        difference,
        fewest=sides.fewest,
        judged=judged,
    )
    told = Incompatibility.of(difference, measured.table, table, pairs)
    for made in estimates:
        yield replace(made, note=told.note(made.place))


def _multicalibration(every: list[Reliability], rows: int) -> Estimate:
    """The bin of a group whose gap, weighed by its share of the group, is largest."""
    errors = [
        np.where((m.large.n >= FEWEST_ROWS)[:, None], m.curve.share * np.abs(m.curve.gap), np.nan)
        for m in every
    ]
    several = sum(int((~np.isnan(each)).sum()) for each in errors)
    if several == 0:
        why = f"no group has {FEWEST_ROWS} rows with a score and a truth"
        return Estimate("multicalibration", {}, float("nan"), 0, rows, why=why)
    worst = int(np.argmax([np.nanmax(each, initial=-1.0) for each in errors]))
    group, stratum = np.unravel_index(int(np.nanargmax(errors[worst])), errors[worst].shape)
    names = ", ".join(f"{name}={label}" for name, label in every[worst].groups[group].items())
    return Estimate(
        "multicalibration",
        {},
        float(errors[worst][group, stratum]),
        int(every[worst].curve.n[group, stratum]),
        rows,
        why=f"the largest of {several} bins of groups, chosen after looking: no interval",
        note=f"Found in {names}, {STRATA[stratum]}.",
    )
