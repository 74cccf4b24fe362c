"""Does the score say how likely the outcome is?"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.comparison import estimate, require
from trustkit.checks.holding import COVERAGE, coverage, undercoverage
from trustkit.checks.reliability import METRICS, Reliability, calibration_errors, calibration_figures
from trustkit.evidence.cells import Cells
from trustkit.evidence.confidences import Confidences
from trustkit.measure.calibration import decomposition

_PART = "Brier score = reliability - resolution + uncertainty, over ten equal bins of the score"

DECIDED = "(decided)"
"""The class that was decided for, whichever it is: its probability is the confidence of the decision."""


@check(
    version="3",
    metrics={
        **METRICS,
        "reliability": Metric("reliability part of the Brier score", "share", f"{_PART}; smaller is better"),
        "resolution": Metric("resolution part of the Brier score", "share", f"{_PART}; larger is better"),
        "uncertainty": Metric(
            "uncertainty part of the Brier score", "share", f"{_PART}; the outcome's own, whatever the score"
        ),
        "class_rmsce": Metric(
            "root mean squared calibration error",
            "difference",
            "of the probability of one class, as rmsce; of more than two classes",
        ),
        "classwise_ece": Metric(
            "classwise expected calibration error",
            "difference",
            "mean over the classes of the ece of their probabilities; of more than two classes",
        ),
        "coverage": COVERAGE,
        "undercoverage": Metric(
            "share of truths short of the level",
            "difference",
            "the level that the intervals are said to hold less their coverage; undefined without any",
        ),
    },
)
def calibration(
    cells: Cells,
    confidences: Confidences | None = None,
    *,
    level: float = 0.9,
    judged: Collection[str] | None = None,
) -> Iterator[Estimate]:
    """Does the score say how likely the outcome is?

    Over all rows with a score and a truth. The score is that of the positive
    class. Where a model decides between more than two classes, also the
    probability of the class that it decides for (told as of class ``(decided)``)
    and that of every class. Where a quantity is predicted with an interval
    (``data.interval``): whether it holds as many truths as it should.

    Formula
    -------
    ``gap`` = mean outcome - mean score (calibration in the large). In ten equal
    bins b of the score, with share w_b of the rows: ``bin_gap`` d_b = mean
    outcome - mean score, the reliability curve; ``rmsce`` = sqrt(sum w_b d_b^2)
    and ``ece`` = sum w_b abs(d_b), each less what chance alone adds.
    ``spiegelhalter`` = sum (y - s)(1 - 2s) / sqrt(sum (1 - 2s)^2 s(1 - s)).
    ``brier`` = mean of (y - s)^2 = ``reliability`` - ``resolution`` +
    ``uncertainty``: sum w_b d_b^2, what telling the bins and the scores within
    them apart is worth, and the outcome's variance. Of the class decided for,
    the outcome is whether the decision is right and the score its probability;
    ``class_rmsce`` is the rmsce of a class, ``classwise_ece`` the mean of the
    classes' ece. Of intervals: ``coverage`` = truths inside / all, and
    ``undercoverage`` = ``level`` - coverage.

    Why it matters
    --------------
    A score that overstates or understates misleads whoever weighs it, and every
    threshold that was set by its face value.

    When it misleads
    ----------------
    A constant score that equals the base rate is calibrated and says nothing:
    look at the resolution. A gap of 0 may hide errors that cancel; RMSCE does
    not. Errors within a bin of the score are not seen. ECE and Spiegelhalter's
    z grow surer with rows, not worse with error: they are shown, not judged.

    How to read
    -----------
    Gaps are in units of probability, above 0 where the score understates. A
    limit on a gap holds on both sides. A limit on ``bin_gap`` asks it of each of
    the ten bins: one without rows leaves the control open. ``level`` is what the
    intervals are said to hold. An undercoverage of .05 at a level of .9: 15 in
    100 truths lie outside. Of each attribute the group with the least coverage
    is shown; a limit on ``coverage`` asks it of every group.

    Remedy
    ------
    Recalibrate (isotonic or Platt) on held-out rows; look for a change of base
    rate between training and use.

    References
    ----------
    Hoeffding 1956; Murphy 1973; Spiegelhalter 1986; Naeini, Cooper &
    Hauskrecht 2015 (ECE); Stephenson, Coelho & Jolliffe 2008; Kumar, Liang &
    Ma 2019.
    """
    if cells.schema.get("task") == "regression":
        yield from _of_intervals(confidences, level, judged)
        return
    if confidences is not None and cells.schema.get("task") == "multiclass":
        yield from _of_classes(confidences, judged)
        if not (cells.schema["score"] and cells.schema["positive"]):
            return
    require(cells, "truth", "score", "positive")
    measured = Reliability.of(cells, ())
    yield from calibration_figures(measured, judged, shown=True)
    for name, value in decomposition(measured.scores, measured.curve).items():
        for made in measured.figures(name, value, measured.large.n, None):
            yield replace(made, why=made.why or "a part of the Brier score: no interval")


def _of_intervals(
    confidences: Confidences | None, level: float, judged: Collection[str] | None
) -> Iterator[Estimate]:
    if confidences is None or confidences.intervals is None:
        raise NotApplicable("the system predicts a quantity, and declares no interval of it with a truth")
    every = judged is None or "coverage" in judged
    yield from coverage(confidences.intervals, all_groups=every)
    yield undercoverage(confidences.intervals, level)


def _of_classes(confidences: Confidences, judged: Collection[str] | None) -> Iterator[Estimate]:
    """Of the class decided for as of a score, of the others their calibration errors alone."""
    if confidences.decided is not None:
        for made in calibration_figures(Reliability.of(confidences.decided, ()), judged, shown=True):
            yield replace(made, subject={"class": DECIDED, **made.subject})
    measured = {name: Reliability.of(cells, ()) for name, cells in confidences.classes.items()}
    for name, each in measured.items():
        for made in calibration_errors(each):
            yield replace(made, metric="class_rmsce", subject={"class": name})
    if measured:
        value = float(np.mean([each.curve.ece()[0][0] for each in measured.values()]))
        rows = confidences.rows
        mean = estimate("classwise_ece", {}, value, rows, rows, None, 0)
        yield replace(mean, why=mean.why or "a mean over the classes: no interval")
