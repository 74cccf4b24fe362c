"""Is a predicted quantity as close to the truth, and as high, for every group?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, Literal

import numpy as np

from trustkit.checks.base import Estimate, Metric, check
from trustkit.checks.comparison import Compare, Comparison, Form, views
from trustkit.checks.quantities import NO_INTERVAL, NO_TRUTH, TRUTH, of_groups, require_sound, unbounded
from trustkit.evidence.blocks import Ints
from trustkit.evidence.residuals import Histograms, Moments, Residuals
from trustkit.measure.intervals import Floats, Limits, Root
from trustkit.measure.residuals import (
    ABSOLUTE,
    ERROR,
    PREDICTION,
    SQUARE,
    Average,
    Quantity,
    average,
    explained,
    kolmogorov_smirnov,
    wasserstein,
)

LEAST_SLACK = 0.001
"""What bins may hide of a distance is told from here on."""

_UNDEFINED = "undefined where a group has no row with a truth and a prediction"
_NO_ROWS = "undefined where a group has no prediction"

_OF_ERRORS = {
    "mean_error": Metric("mean error", "target", f"truth less prediction, of each group; {_UNDEFINED}"),
    "mean_error_difference": Metric(
        "mean error difference", "target", f"the subject's less the reference's; {_UNDEFINED}"
    ),
    "mae": Metric("mean absolute error", "target", f"of each group; {_UNDEFINED}"),
    "mae_difference": Metric(
        "mean absolute error difference", "target", f"the subject's less the reference's; {_UNDEFINED}"
    ),
    "mae_ratio": Metric(
        "mean absolute error ratio",
        "ratio",
        f"the subject's over the reference's; {_UNDEFINED} or the reference has no error",
    ),
    "rmse": Metric("root mean squared error", "target", f"of each group; {_UNDEFINED}"),
    "rmse_ratio": Metric(
        "root mean squared error ratio",
        "ratio",
        f"the subject's over the reference's; {_UNDEFINED} or the reference has no error",
    ),
    "r2": Metric(
        "R2",
        "difference",
        "1 less the group's squared errors over its squared distances from its own mean truth; "
        "undefined where all its truths are the same",
    ),
    "r2_difference": Metric(
        "R2 difference",
        "difference",
        "the subject's less the reference's; undefined where all truths of a group are the same",
    ),
}
_OF_PREDICTIONS = {
    "mean_prediction": Metric("mean prediction", "target", f"of each group; {_NO_ROWS}"),
    "mean_prediction_difference": Metric(
        "mean prediction difference", "target", f"the subject's less the reference's; {_NO_ROWS}"
    ),
    "ks": Metric(
        "Kolmogorov-Smirnov distance of the predictions",
        "share",
        f"greatest difference of the shares predicted below a value; {_NO_ROWS}",
    ),
    "wasserstein": Metric(
        "Wasserstein distance of the predictions",
        "target",
        f"how far they would have to move on average, each at the middle of its bin; {_NO_ROWS}",
    ),
}


@check(version="1", metrics={**_OF_ERRORS, **_OF_PREDICTIONS})
def regression_error(
    residuals: Residuals,
    *,
    intersections: bool = True,
    compare: Compare = "pairs",
    reference: Mapping[str, str] | None = None,
    shown: Literal["largest", "all"] = "largest",
    judged: Collection[str] | None = None,
) -> Iterator[Estimate]:
    """Is a predicted quantity as close to the truth, and as high, for every group?

    Where a system predicts a number, its error is the truth less the
    prediction. Rows without a truth or a prediction are left out and counted on
    the card. Where the range of the target is declared (its entry in
    ``data.bins``), truths and predictions are clipped to it; without one there
    are figures, but no limits to judge by.

    Formula
    -------
    Of a group with n rows, e = y - f: ``mean_error`` = sum(e) / n; ``mae`` =
    sum(abs(e)) / n; ``rmse`` = sqrt(sum(e^2) / n); ``r2`` = 1 - sum(e^2) /
    sum((y - mean(y))^2); ``mean_prediction`` = sum(f) / n. Ratios and differences
    are of the subject to the reference. ``ks`` = sup over z of abs(P(f <= z) -
    P(f <= z)) of the two groups, ``wasserstein`` the integral over z of the same.
    All sums are exact; ks and wasserstein are read off 1,024 equal bins of the
    declared range, else off 256 bins an octave.

    Why it matters
    --------------
    An income, a price or a dose that is predicted worse for a group costs its
    members more, whichever way the errors lie. A mean error that differs is worse
    still: the system asks too much of one group, or grants it too little, as a
    rule.

    When it misleads
    ----------------
    Errors grow with what is predicted: a group whose truths are larger, or spread
    wider, has a larger MAE under a model that is equally good for all (compare
    ``r2``, or predict the logarithm). RMSE is ruled by few large errors. R2 falls
    where a group's truths are alike, however small the errors. Predictions that
    differ are no fault where the truths do, and equal ones are none where the
    truths do not: ks and wasserstein know no truth. Labels that are themselves
    too low for a group hide a mean error.

    How to read
    -----------
    A positive mean error: the truth is above the prediction. Every ordered pair of
    groups is compared, beyond 12 groups each with the rest. A limit on
    ``mae_ratio`` of 0.8 asks that no group's MAE be under 0.8 of another's, so
    none more than 1.25 times another's. The narrower the declared range, the
    sharper the limits: rows that could lie anywhere in it may be missing from the
    sample. Weighted rows and rows of one unit have no interval of ks. Of what no
    limit bounds the largest comparison is shown, without an interval;
    ``shown = "all"`` shows every one.

    Remedy
    ------
    Look for inputs that are missing or measured worse for the group, and for more
    of its rows to train on; a mean error within a group is taken out by adding it
    to the group's predictions on held-out rows, where the law allows that.

    References
    ----------
    Agarwal, Dudik & Wu 2019 (ks); Jiang et al. 2020 (wasserstein); limits:
    Hoeffding 1956, Newcombe 1998, Donner & Zou 2012; Massart 1990.
    """
    require_sound(residuals)
    wanted = None if shown == "all" else judged
    for view in views(residuals.cells, intersections=intersections):
        moments = residuals.moments(view)
        pairs = Comparison.of(moments.table, compare, reference)
        of = _View(moments, pairs, *unbounded(residuals), wanted, single=len(view) == 1)
        if residuals.schema["truth"]:
            yield from _errors(of)
        yield from _predictions(of, residuals.histograms(view))
    if not residuals.schema["truth"]:
        rows = residuals.cells.rows
        for metric in _OF_ERRORS if judged is None else sorted(_OF_ERRORS.keys() & judged):
            yield Estimate(metric, {}, float("nan"), rows, rows, why=NO_TRUTH, supply=TRUTH)


@dataclass(frozen=True)
class _View:
    """The groups of a view, which of them are compared, and what is wanted of them."""

    moments: Moments
    pairs: Comparison
    why: str | None
    supply: str | None
    judged: Collection[str] | None
    single: bool

    def asked(self, metric: str) -> bool:
        """Whether a figure is wanted: of an intersection, where it is judged."""
        return self.single or self.judged is None or metric in self.judged

    def both(self, quantity: Quantity) -> tuple[Average, Average, Average]:
        """Means of the groups, of the subjects and of the references of all pairs."""
        mine = average(self.moments, quantity)
        other = mine if self.pairs.reference is not None else average(self.moments.rest(), quantity)
        return mine, mine.take(self.pairs.subject), other.take(self.pairs.places)

    def figures(
        self, metric: str, value: Floats, mine: Average, limits: Limits | None, *, two_sided: bool = False
    ) -> Iterator[Estimate]:
        """One estimate a group."""
        if self.asked(metric):
            table, why, supply = self.moments.table, self.why, self.supply
            yield from of_groups(
                metric, table, value, mine.n, limits, why=why, supply=supply, two_sided=two_sided
            )

    def compared(
        self, metric: str, one: Average, two: Average, value: Floats, limits: Limits | None, form: Form
    ) -> Iterator[Estimate]:
        """One estimate a pair; where there are no limits, that of the largest alone."""
        if not self.asked(metric):
            return
        judged = self.judged if limits is not None or self.judged is None else ()
        made = self.pairs.estimates(
            self.moments.table, metric, value, limits, fewest=(one.n, two.n), judged=judged, form=form
        )
        for each in made:
            bare = replace(each, why=self.why if isfinite(each.value) else each.why, supply=self.supply)
            yield bare if limits is None else each


def _errors(of: _View) -> Iterator[Estimate]:
    signed, one, two = of.both(ERROR)
    yield from of.figures("mean_error", signed.value, signed, signed.limits, two_sided=True)
    yield from of.compared("mean_error_difference", one, two, *one.less(two), "difference")
    size, one, two = of.both(ABSOLUTE)
    yield from of.figures("mae", size.value, size, size.limits)
    yield from of.compared("mae_difference", one, two, *one.less(two), "difference")
    yield from of.compared("mae_ratio", one, two, *one.over(two), "ratio")
    square, one, two = of.both(SQUARE)
    yield from of.figures("rmse", np.sqrt(square.value), square, _root(square.limits))
    ratio, limits = one.over(two)
    yield from of.compared("rmse_ratio", one, two, np.sqrt(ratio), _root(limits), "ratio")
    yield from _explained(of, size.n)


def _explained(of: _View, n: Ints) -> Iterator[Estimate]:
    table, value = of.moments.table, explained(of.moments)
    if of.asked("r2"):
        yield from of_groups("r2", table, value, n, None, why=NO_INTERVAL)
    if of.asked("r2_difference"):
        others = of.moments if of.pairs.reference is not None else of.moments.rest()
        one, two = value[of.pairs.subject], explained(others)[of.pairs.places]
        fewest = (n[of.pairs.subject], average(others, ABSOLUTE).n[of.pairs.places])
        yield from of.pairs.estimates(
            table, "r2_difference", one - two, None, fewest=fewest, judged=of.judged, why=NO_INTERVAL
        )


def _predictions(of: _View, histograms: Histograms | None) -> Iterator[Estimate]:
    mine, one, two = of.both(PREDICTION)
    yield from of.figures("mean_prediction", mine.value, mine, mine.limits)
    yield from of.compared("mean_prediction_difference", one, two, *one.less(two), "difference")
    if histograms is None or not (of.asked("ks") or of.asked("wasserstein")):
        return
    table, pairs = of.moments.table, of.pairs
    others = histograms if pairs.reference is not None else histograms.rest()
    subject, reference = histograms.take(pairs.subject), others.take(pairs.places)
    apart = kolmogorov_smirnov(subject, reference)
    once = table.weight is None and table.buckets is None
    why = None if once else "no interval of a distance is offered for weighted rows or rows of one unit"
    how: dict[str, Any] = {"fewest": (one.n, two.n), "judged": of.judged, "symmetric": True}
    notes = [_hidden(value, slack) for value, slack in zip(apart.value, apart.slack, strict=True)]
    yield from pairs.estimates(table, "ks", apart.value, apart if once else None, notes=notes, why=why, **how)
    moved = wasserstein(subject, reference)
    why = "a distance, which chance alone keeps above 0: no interval"
    yield from pairs.estimates(table, "wasserstein", moved, None, why=why, **how)


def _hidden(value: float, slack: float) -> str | None:
    return f"Inside of the bins it may be {value + slack:.3f}" if slack >= LEAST_SLACK else None


def _root(limits: Limits | None) -> Root | None:
    return None if limits is None else Root(limits)
