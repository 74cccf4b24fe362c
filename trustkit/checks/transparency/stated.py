"""Figures that a document states against the measured ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from trustkit.checks.base import Estimate
from trustkit.checks.facts import fact
from trustkit.evidence.cells import Cells
from trustkit.evidence.records import CARD, Records, Stated
from trustkit.evidence.tables import MISSING, Table
from trustkit.measure.intervals import Limits, Mean
from trustkit.measure.metrics import area
from trustkit.measure.rates import Mask, rate

LEVEL = 0.05
"""All comparisons of one document together call a true figure false with at most this chance."""

FEWEST = 30
"""Nothing is compared with a figure of fewer rows (of an AUC: of a class): it would tell of few people."""

Measured = tuple[float, int, Limits]
"""A measured figure, its denominator and its limits."""

_RATES: dict[str, Callable[[Table], tuple[Mask, Mask]]] = {
    "accuracy": lambda t: (t.correct, t.truth_known & t.decided),
    "selection_rate": lambda t: (t.favored, t.decided),
    "recall": lambda t: (t.predicted_positive, t.truth_positive & t.decided),
    "false_negative_rate": lambda t: (~t.predicted_positive, t.truth_positive & t.decided),
    "specificity": lambda t: (~t.predicted_positive, t.truth_known & ~t.truth_positive & t.decided),
    "false_positive_rate": lambda t: (t.predicted_positive, t.truth_known & ~t.truth_positive & t.decided),
    "precision": lambda t: (t.truth_positive, t.truth_known & t.predicted_positive),
    "negative_predictive_value": lambda t: (
        t.truth_known & ~t.truth_positive,
        t.truth_known & t.decided & ~t.predicted_positive,
    ),
}
"""Rates that a figure can be compared with: what is counted, and among what."""

_WITHOUT_TRUTH = ("selection_rate",)
AUC = "auc"
_NO_AUC = "no interval of an AUC is offered for weighted rows or rows of one unit"


def comparisons(records: Records, cells: Cells) -> Iterator[Estimate]:
    """Yield of each figure of the model card whether the measurement contradicts it, or why none is judged.

    Each is outside its interval when no value that rounds to it lies in the
    interval, at a level that all of them share.
    """
    compared: list[tuple[Stated, dict[str, str], Measured]] = []
    figures = records.documents[CARD].stated
    times = Counter(map(_figure, figures))
    for stated in figures:
        twice = f" = {stated.value:.6g}" if times[_figure(stated)] > 1 else ""
        subject = {"document": CARD, "figure": f"{_figure(stated)}{twice}"}
        found = _measured(stated, cells)
        if isinstance(found, str):
            listed = f"not compared: {found}"
            yield Estimate("stated", subject, stated.value, cells.rows, cells.rows, why=listed)
        else:
            compared.append((stated, subject, found))
    level = LEVEL / 2 / max(len(compared), 1)
    for stated, subject, (value, n, limits) in compared:
        low, high = float(limits.lower(level)[0]), float(limits.upper(level)[0])
        outside = stated.value + stated.step < low or stated.value - stated.step > high
        why = f"stated {stated.value:.4g}, measured {value:.4g} [{low:.4g}, {high:.4g}]" if outside else None
        made = fact("contradicted", int(outside), n, subject)
        yield Estimate("contradicted", subject, made.value, n, n, limits=made.limits, why=why)


def _figure(stated: Stated) -> str:
    group = ", ".join(f"{name}={label}" if name else label for name, label in stated.group.items())
    return f"{stated.metric} of {group}" if group else stated.metric


def _measured(stated: Stated, cells: Cells) -> Measured | str:
    """The measured figure, or why there is none."""
    place = _obstacle(stated, cells) or _place(stated.group, cells)
    if isinstance(place, str):
        return place
    found = _area(cells, *place) if stated.metric == AUC else _of_decisions(stated.metric, cells, *place)
    if found is None or found[1] < FEWEST or not np.isfinite(found[0]):
        return f"fewer than {FEWEST} rows were measured"
    return found


def _obstacle(stated: Stated, cells: Cells) -> str | None:
    """Why nothing of the kind was measured."""
    metric, schema = stated.metric, cells.schema
    role = "score" if metric == AUC else "prediction"
    reasons = (
        (bool(stated.elsewhere), stated.elsewhere),
        (metric not in (*_RATES, AUC, "balanced_accuracy"), "no measured figure has this name"),
        (not schema[role], f"there is no {role} in the evidence"),
        (cells.fault(role) is not None, cells.fault(role) or ""),
        (not schema["truth"] and metric not in _WITHOUT_TRUTH, "there is no truth in the evidence"),
        (metric == AUC and (schema["weight"] or schema["unit"]), _NO_AUC),
    )
    return next((words for holds, words in reasons if holds), None)


def _place(group: Mapping[str, str], cells: Cells) -> tuple[tuple[str, ...], int] | str:
    """Attributes and place of a group among their groups."""
    named = dict(group)
    if "" in named:
        label = named[""].casefold()
        having = [name for name in cells.attributes if label in map(str.casefold, cells.labels[name])]
        if len(named) > 1 or len(having) != 1:
            return "no audited group has this name"
        named = {having[0]: named[""]}
    if not {*named} <= {*cells.attributes} or len(named) > 2:
        return "no audited group has this name"
    attributes = tuple(name for name in cells.attributes if name in named)
    wanted = {name: named[name].casefold() for name in attributes}
    for at, found in enumerate(cells.grouping(attributes).groups):
        if {name: label.casefold() for name, label in found.items()} == wanted:
            return attributes, at
    return "no audited group has this name"


def _of_decisions(metric: str, cells: Cells, attributes: tuple[str, ...], at: int) -> Measured | None:
    table = cells.table(attributes)
    if metric == "balanced_accuracy":
        judged = table.truth_known & table.decided
        each = [
            rate(table, table.correct, judged & table.truth_is(label))
            for label in table.truths
            if label != MISSING
        ]
        recalls = [recall for recall in each if recall.n[at]]
        if not recalls:
            return None
        mean = Mean(tuple(recall.limits.take([at]) for recall in recalls))
        value = float(np.mean([recall.value[at] for recall in recalls]))
        return value, min(int(recall.n[at]) for recall in recalls), mean
    measured = rate(table, *_RATES[metric](table))
    n = int(measured.n[at])
    return (float(measured.value[at]), n, measured.limits.take([at])) if n else None


def _area(cells: Cells, attributes: tuple[str, ...], at: int) -> Measured | None:
    measured = area(cells.scores(attributes)).take([at])
    fewest = int(measured.n[0])
    return (float(measured.value[0]), fewest, measured.limits) if fewest >= FEWEST else None
