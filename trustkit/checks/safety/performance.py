"""Are the decisions better than the best that needs no model?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.comparison import estimate, require
from trustkit.checks.quantities import NO_INTERVAL, NO_TRUTH, TRUTH, of_groups, require_sound, unbounded
from trustkit.evidence.cells import Cells
from trustkit.evidence.residuals import Residuals
from trustkit.evidence.tables import MISSING, Scores, Table
from trustkit.measure.intervals import BoundedMean, Difference, Least, Linear, Mean, Root
from trustkit.measure.metrics import (
    SMALLEST_SCORE,
    area,
    brier,
    log_loss,
    mean_and_variance,
    weighted_rows,
)
from trustkit.measure.rates import rate
from trustkit.measure.residuals import ABSOLUTE, SQUARE, average, explained, gain

FEWEST_PER_CLASS = 30
"""Below this an AUC's limits do not hold their level."""


@check(
    version="1",
    metrics={
        "skill": Metric(
            "skill over the best constant answer",
            "difference",
            "of classes, the accuracy less that of the commonest class; of a quantity, the mean squared "
            "error of the mean truth less that of the prediction, over the squared width of the range",
        ),
        "accuracy": Metric("accuracy", "share", "rows decided as their truth; undefined without any"),
        "balanced_accuracy": Metric(
            "mean recall of the classes", "share", "each class counts alike; undefined where one has no row"
        ),
        "auc": Metric(
            "area under the ROC curve", "share", "a tie counts one half; undefined where a class is absent"
        ),
        "brier": Metric("Brier score", "share", "mean squared distance of score and truth, 0 or 1"),
        "log_loss": Metric("log loss", "nats", "of scores clipped to [1e-6, 1 - 1e-6]"),
        "mae": Metric("mean absolute error", "target", "of a quantity"),
        "rmse": Metric("root mean squared error", "target", "of a quantity"),
        "r2": Metric(
            "R2",
            "difference",
            "of a quantity, 1 less the squared errors over the squared distances from the mean truth; "
            "undefined where all truths are the same",
        ),
    },
)
def performance(cells: Cells, residuals: Residuals | None = None) -> Iterator[Estimate]:
    """Are the decisions better than the best that needs no model?

    ``skill`` is how much better they are than the best constant answer on the
    same rows. Where the system decides between classes that is the commonest
    class. Beside it: accuracy, the mean recall of the classes and, where there
    is a score, the area under the ROC curve, the Brier score and the log loss.
    Where the system predicts a quantity it is the mean truth; beside it: the
    mean absolute error, the root mean squared error and R2.

    Formula
    -------
    Of classes: ``skill`` = accuracy - max over classes of the share of rows
    whose truth it is. Of a quantity with truth y, prediction f and range [a, b]:
    ``skill`` = mean((y - mean(y))^2 - (y - f)^2) / (b - a)^2, that is ``r2``
    times the variance of y over (b - a)^2; ``r2`` = 1 - sum((y - f)^2) /
    sum((y - mean(y))^2).

    Why it matters
    --------------
    A system that does no better than always giving the commonest answer has
    nothing to set against the harm it may do.

    When it misleads
    ----------------
    Where one class is rare, or few rows carry most of the squares, little skill
    may be much worth having (look at balanced accuracy, AUC and MAE). Skill over
    a constant answer is little to ask: a rule of thumb, or the system in use
    before, may have more. Rows that the model was trained on flatter it.

    How to read
    -----------
    Skill above 0: fewer, or smaller, errors than the best constant answer. The
    comparison is with every constant answer, so picking the best one is paid
    for. AUC and log loss are read off score bins: their error is under 1e-5 for
    smooth scores; the rest is exact. An AUC is judged from 30 rows a class. The
    skill of a quantity is judged where its range is declared (the target's entry
    in ``data.bins``): truths and predictions are clipped to it.

    Remedy
    ------
    Look for leakage, shift or mislabeled classes between training and use; where
    classes are rare, judge on balanced accuracy or AUC by a limit of your own.

    References
    ----------
    DeLong et al. 1988; Newcombe 1998, 2006; Hoeffding 1956.
    """
    if cells.schema.get("task") == "regression":
        yield from _of_quantity(residuals)
        return
    require(cells, "truth")
    if not cells.schema["prediction"] and not cells.schema["score"]:
        require(cells, "prediction")
    table = cells.table()
    if set(table.truths) <= {MISSING}:
        raise NotApplicable("no row has a truth", supply="true outcomes in data.target")
    if cells.schema["prediction"]:
        yield from _of_decisions(table)
    if cells.schema["score"] and cells.schema["positive"]:
        yield from _of_scores(cells, table)


def _of_quantity(residuals: Residuals | None) -> Iterator[Estimate]:
    if residuals is None:
        raise NotApplicable(
            "nothing is predicted", supply="data.prediction: the column with the quantity, or system.model"
        )
    if not residuals.schema["truth"]:
        raise NotApplicable(NO_TRUTH, supply=TRUTH)
    require_sound(residuals)
    moments, (why, supply) = residuals.moments(), unbounded(residuals)
    size, square = average(moments, ABSOLUTE), average(moments, SQUARE)
    won = average(moments, gain(moments)) if why is None else None
    skill, limits = (np.full(1, np.nan), None) if won is None else (won.value, won.limits)
    root = None if square.limits is None else Root(square.limits)
    for metric, value, made in (
        ("skill", skill, limits),
        ("mae", size.value, size.limits),
        ("rmse", np.sqrt(square.value), root),
    ):
        yield from of_groups(metric, moments.table, value, size.n, made, why=why, supply=supply)
    yield from of_groups("r2", moments.table, explained(moments), size.n, None, why=NO_INTERVAL)


def _of_decisions(table: Table) -> Iterator[Estimate]:
    rows = int(table.rows[0])
    judged = table.truth_known & table.decided
    right = rate(table, counted=table.correct, among=judged)
    classes = [label for label in table.truths if label != MISSING]
    recalls = [rate(table, counted=table.correct, among=judged & table.truth_is(label)) for label in classes]
    skill, limits = _skill(table, classes)
    n = int(right.n[0])
    yield estimate("skill", {}, skill, n, rows, limits, 0)
    yield estimate("accuracy", {}, right.value[0], n, rows, right.limits, 0)
    balanced = Mean(tuple(recall.limits for recall in recalls))
    fewest = min((int(recall.n[0]) for recall in recalls), default=0)
    value = float(np.mean([recall.value[0] for recall in recalls]))
    yield estimate("balanced_accuracy", {}, value, fewest, rows, balanced, 0)


def _skill(table: Table, classes: list[str]) -> tuple[float, Least]:
    """Least accuracy over a constant answer: rows that only the model gets right, less those only it does."""
    judged = table.truth_known & table.decided
    value, parts = [], []
    for label in classes:
        same = table.truth_is(label)
        gained = rate(table, counted=table.correct & ~same, among=judged)
        lost = rate(table, counted=~table.correct & same, among=judged)
        value.append(gained.value[0] - lost.value[0])
        parts.append(Difference.of_shares(gained.limits, lost.limits))
    return float(np.min(value)), Least(tuple(parts))


def _of_scores(cells: Cells, table: Table) -> Iterator[Estimate]:
    scores, rows = cells.scores(), int(table.rows[0])
    ranked = area(scores)
    value, n = float(ranked.value[0]), int(ranked.n[0])
    if table.weight is not None or table.buckets is not None:
        why = "no interval of an AUC is offered for weighted rows or rows of one unit"
        yield Estimate("auc", {}, value, n, rows, why=why)
    elif n < FEWEST_PER_CLASS:
        yield Estimate("auc", {}, value, n, rows, why=f"fewer than {FEWEST_PER_CLASS} rows of a class")
    else:
        yield estimate("auc", {}, value, n, rows, ranked.limits, 0)
    yield from _losses(cells, scores, rows)


def _losses(cells: Cells, scores: Scores, rows: int) -> Iterator[Estimate]:
    table = cells.table(scored=True)
    size = rate(table, counted=table.truth_positive, among=table.truth_known)
    n = int(size.n[0])
    if n == 0:
        return
    squared, spread = brier(scores)
    limits = BoundedMean(squared, spread, size.limits.n, size.limits.df)
    yield estimate("brier", {}, float(squared[0]), n, rows, limits, 0)
    truth, score, weight = weighted_rows(scores)
    worst = -np.log(SMALLEST_SCORE)
    clipped = np.clip(score, SMALLEST_SCORE, 1 - SMALLEST_SCORE)
    loss = log_loss(scores)
    _, variance = mean_and_variance(-np.log(np.where(truth == 1, clipped, 1 - clipped)) / worst, weight)
    scaled = BoundedMean(np.array([loss / worst]), np.array([variance]), size.limits.n, size.limits.df)
    yield estimate("log_loss", {}, loss, n, rows, Linear(scaled, np.array([worst]), np.zeros(1)), 0)
