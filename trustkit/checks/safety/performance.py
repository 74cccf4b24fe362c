"""Are the decisions better than the best that needs no model?"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Literal

import numpy as np

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.comparison import class_tables, estimate, figures, require
from trustkit.checks.quantities import NO_INTERVAL, NO_TRUTH, TRUTH, of_groups, require_sound, unbounded
from trustkit.evidence.cells import Cells
from trustkit.evidence.fits import Fits
from trustkit.evidence.residuals import Residuals
from trustkit.evidence.tables import MISSING, Scores, Table
from trustkit.measure.calibration import mean_score
from trustkit.measure.intervals import BoundedMean, Difference, HarmonicMean, Least, Linear, Mean, Root
from trustkit.measure.metrics import (
    SMALLEST_SCORE,
    area,
    average_precision,
    brier,
    log_loss,
    mean_and_variance,
    of_decisions,
    weighted_rows,
)
from trustkit.measure.rates import Rate, false_positives, rate, selection, true_positives
from trustkit.measure.residuals import ABSOLUTE, SQUARE, average, explained, gain

FEWEST_PER_CLASS = 30
"""Below this an AUC's limits do not hold their level."""

Name = Literal[
    "accuracy", "balanced_accuracy", "auc", "brier", "log_loss", "mae", "rmse", "r2",
    "precision", "recall", "specificity", "negative_predictive_value", "false_positive_rate",
    "false_negative_rate", "selection_rate", "f1", "jaccard",
    "f1_macro", "matthews_corrcoef", "cohen_kappa", "average_precision",
]  # fmt: skip
"""Figures that may be asked for, as scikit-learn and fairlearn name them."""

USUAL = ("accuracy", "balanced_accuracy", "auc", "brier", "log_loss", "mae", "rmse", "r2")
"""Those that are shown where none is asked for, as far as they suit the task."""

WITHOUT = ("skill", "skill_over_simple", "overfit")
"""Those that are shown whatever is asked for."""

_OF_LIBRARIES = ("f1_macro", "matthews_corrcoef", "cohen_kappa")
_NO_ROW = "undefined where no row could count"


@check(
    version="2",
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
        "skill_over_simple": Metric(
            "skill over a small tree",
            "difference",
            "of classes, the accuracy less that of a tree of depth 3 fitted on the training rows; of a "
            "quantity, the tree's mean absolute error less the prediction's, over the width of the range",
        ),
        "overfit": Metric(
            "error on audited less error on training rows",
            "difference",
            "of classes the share of wrong decisions, of a quantity the mean absolute error over the width "
            "of the range",
        ),
        "precision": Metric("precision", "share", f"true among predicted positives; {_NO_ROW}"),
        "recall": Metric("recall", "share", f"predicted among true positives; {_NO_ROW}"),
        "specificity": Metric("specificity", "share", f"predicted among true negatives; {_NO_ROW}"),
        "negative_predictive_value": Metric(
            "negative predictive value", "share", f"true among predicted negatives; {_NO_ROW}"
        ),
        "false_positive_rate": Metric("false positive rate", "share", f"1 less the specificity; {_NO_ROW}"),
        "false_negative_rate": Metric("false negative rate", "share", f"1 less the recall; {_NO_ROW}"),
        "selection_rate": Metric("selection rate", "share", f"share of favorable decisions; {_NO_ROW}"),
        "f1": Metric("F1", "share", f"harmonic mean of precision and recall; {_NO_ROW}"),
        "jaccard": Metric(
            "Jaccard score", "share", f"true positives over all that are or are called positive; {_NO_ROW}"
        ),
        "f1_macro": Metric("macro F1", "share", "mean of the classes' F1; 0 for a class that is never met"),
        "matthews_corrcoef": Metric(
            "Matthews correlation coefficient", "difference", "0 where one side has a single class"
        ),
        "cohen_kappa": Metric("Cohen's kappa", "difference", "agreement beyond chance"),
        "average_precision": Metric(
            "average precision", "share", "over the score bins; undefined where a class is absent"
        ),
    },
)
def performance(
    cells: Cells,
    residuals: Residuals | None = None,
    fits: Fits | None = None,
    *,
    metrics: list[Name] | None = None,
    judged: Collection[str] = (),
) -> Iterator[Estimate]:
    """Are the decisions better than the best that needs no model?

    ``skill`` is how much better they are than the best constant answer on the
    same rows. Where the system decides between classes that is the commonest
    class. Beside it: accuracy, the mean recall of the classes and, where there
    is a score, the area under the ROC curve, the Brier score and the log loss.
    Where the system predicts a quantity it is the mean truth; beside it: the
    mean absolute error, the root mean squared error and R2. ``metrics`` names
    others in place of those beside it. Where there are training rows, the
    decisions are also compared with those of a small tree fitted on them, and
    with the model's own on the rows that it knows.

    Formula
    -------
    Of classes: ``skill`` = accuracy - max over classes of the share of rows
    whose truth it is. Of a quantity with truth y, prediction f and range [a, b]:
    ``skill`` = mean((y - mean(y))^2 - (y - f)^2) / (b - a)^2, that is ``r2``
    times the variance of y over (b - a)^2; ``r2`` = 1 - sum((y - f)^2) /
    sum((y - mean(y))^2). ``skill_over_simple`` = mean(loss of the tree - loss of
    the model), on the same rows; ``overfit`` = mean loss on audited rows - mean
    loss on training rows. The loss of a decision is 1 where it is wrong, else 0;
    that of a quantity abs(y - f) / (b - a).

    Why it matters
    --------------
    A system that does no better than always giving the commonest answer has
    nothing to set against the harm it may do.

    When it misleads
    ----------------
    Where one class is rare, or few rows carry most of the squares, little skill
    may be much worth having (look at balanced accuracy, AUC and MAE). Skill over
    a constant answer is little to ask: a rule of thumb, or the system in use
    before, may have more. Rows that the model was trained on flatter it. An
    overfit of .1 is usual for a forest, which knows its training rows by heart,
    and no fault as long as the error on other rows is small: it tells how little
    the error on training rows says. A tree that is as good as the model does not
    make the model bad; it may be the better one to use, since it can be read.

    How to read
    -----------
    Skill above 0: fewer, or smaller, errors than the best constant answer. The
    comparison is with every constant answer, so picking the best one is paid
    for. AUC and log loss are read off score bins: their error is under 1e-5 for
    smooth scores; the rest is exact. An AUC is judged from 30 rows a class. The
    skill of a quantity is judged where its range is declared (the target's entry
    in ``data.bins``): truths and predictions are clipped to it. F1 has the
    limits of the share that it is made of (``jaccard``). Where no positive class
    is declared, precision and the like are told of each class. The tree and the
    training rows are shown; ``min_skill_over_simple`` and ``max_overfit`` judge
    them. Of a large table 10,000 rows are drawn for both.

    Remedy
    ------
    Look for leakage, shift or mislabeled classes between training and use; where
    classes are rare, judge on balanced accuracy or AUC by a limit of your own.

    References
    ----------
    DeLong et al. 1988; Newcombe 1998, 2006; Hoeffding 1956; Breiman et al. 1984
    (trees).
    """
    wanted = {*WITHOUT, *(USUAL if metrics is None else metrics), *judged}
    made = [each for each in _all(cells, residuals, fits, wanted) if each.metric in wanted]
    yield from made
    yield from _lacking(made, {*(metrics or ()), *judged}, cells)


def _all(
    cells: Cells, residuals: Residuals | None, fits: Fits | None, wanted: Collection[str]
) -> Iterator[Estimate]:
    """All figures that suit the task; those that a library makes only where they are wanted."""
    if cells.schema.get("task") == "regression":
        yield from _of_quantity(residuals)
        yield from _of_fits(fits)
        return
    require(cells, "truth")
    if not cells.schema["prediction"] and not cells.schema["score"]:
        require(cells, "prediction")
    table = cells.table()
    if set(table.truths) <= {MISSING}:
        raise NotApplicable("no row has a truth", supply="true outcomes in data.target")
    if cells.schema["prediction"]:
        yield from _of_decisions(table)
        yield from _of_class(cells)
        yield from _of_libraries(table, wanted)
    if cells.schema["score"] and cells.schema["positive"]:
        yield from _of_scores(cells, table)
        if "average_precision" in wanted:
            yield from _average_precision(cells.scores(), int(table.rows[0]))
    yield from _of_fits(fits)


def _lacking(made: list[Estimate], asked: Collection[str], cells: Cells) -> Iterator[Estimate]:
    """What was asked for and cannot be had, with the reason."""
    told = {each.metric for each in made}
    for metric in sorted({*asked} - told):
        if metric in ("skill_over_simple", "overfit"):
            why, supply = (
                "there are no training rows to compare with",
                "data.train: the rows it was trained on",
            )
        elif cells.schema.get("task") == "regression" or metric in ("mae", "rmse", "r2"):
            why, supply = (
                "it does not suit the task",
                "another figure: this one is of classes, or of a quantity",
            )
        elif metric in ("auc", "brier", "log_loss", "average_precision"):
            why, supply = "no score is declared", "data.score: the column with P(positive)"
        else:
            why, supply = "nothing is decided", "data.prediction: the column with the decision"
        yield Estimate(metric, {}, float("nan"), 0, 0, why=why, supply=supply)


def _of_fits(fits: Fits | None) -> Iterator[Estimate]:
    """Against a small tree, and against the model's own errors on training rows."""
    if fits is None:
        return
    table, gained = fits.audit.table(scored=True), fits.gain.table(scored=True)
    gain, loss = mean_score(gained, gained.truth_known), mean_score(table, table.truth_known)
    n, rows = int(gain.n[0]), fits.audit.rows
    limits = Linear(gain.limits, np.full(1, 2.0), np.full(1, -1.0))
    yield estimate("skill_over_simple", {}, 2 * gain.value[0] - 1, n, rows, limits, 0)
    if fits.train is None:
        return
    learned = fits.train.table(scored=True)
    known = mean_score(learned, learned.truth_known)
    apart = Difference.of_groups(loss.limits, known.limits)
    what = "Wrong decisions" if fits.schema["ends"] is None else "Mean errors in shares of the range"
    here, there = 100 * loss.value[0], 100 * known.value[0]
    note = f"{what}: {here:.1f} % on audited and {there:.1f} % on training rows"
    yield estimate(
        "overfit",
        {},
        apart.value[0],
        n,
        rows,
        apart,
        0,
        reference_n=int(known.n[0]),
        note=note if n else None,
    )


def _of_class(cells: Cells) -> Iterator[Estimate]:
    """Rates of the positive class, or of each where none is declared."""
    for more, table in class_tables(cells, (), "positive"):
        judged, positive = table.truth_known & table.decided, table.predicted_positive
        called, refused = judged & positive, judged & ~positive
        true, false = table.truth_positive & table.decided, judged & ~table.truth_positive
        share = rate(table, counted=called & true, among=called | true)
        rates: dict[str, Rate] = {
            "precision": rate(table, counted=true, among=called),
            "recall": true_positives(table),
            "specificity": rate(table, counted=refused, among=false),
            "negative_predictive_value": rate(table, counted=false, among=refused),
            "false_positive_rate": false_positives(table),
            "false_negative_rate": rate(table, counted=refused, among=true),
            "jaccard": share,
        }
        if not more and table.favorable:
            rates["selection_rate"] = selection(table)
        for metric, measured in rates.items():
            yield from figures(metric, table, measured, more)
        f1 = HarmonicMean(share.limits)
        yield estimate("f1", more, f1.value[0], int(share.n[0]), int(table.rows[0]), f1, 0)


def _of_libraries(table: Table, wanted: Collection[str]) -> Iterator[Estimate]:
    """Figures that no interval is offered for."""
    names = [name for name in _OF_LIBRARIES if name in wanted]
    if not names:
        return
    judged = table.truth_known & table.decided
    n, rows = int(table.n[0][judged].sum()), int(table.rows[0])
    for name, value in of_decisions(table, names).items():
        made = estimate(name, {}, value, n, rows, None, 0)
        yield replace(made, why=made.why or "no interval of it is offered")


def _average_precision(scores: Scores, rows: int) -> Iterator[Estimate]:
    ranked = area(scores)
    made = estimate("average_precision", {}, average_precision(scores), int(ranked.n[0]), rows, None, 0)
    yield replace(made, why=made.why or "no interval of it is offered")


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
