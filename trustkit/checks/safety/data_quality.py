"""Are the audited rows fit to be audited on?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.facts import fact
from trustkit.evidence.quality import ColumnQuality, Quality
from trustkit.measure.intervals import GreatestDistance

NEARLY_ALL = 0.995
"""An input of which so large a share is one value hardly says anything."""

NAMED = 5
"""Columns that a note names."""

MOST_CLASSES, FEWEST = 20, 30
"""At most so many classes, the largest, are compared with the rest, each of so many rows at least."""


CLASSES = "data.target: an outcome with classes, so that it can be told who lacks values"


@check(
    version="1",
    metrics={
        "impossible": Metric(
            "share of impossible values", "share", "values outside the declared range / values that are there"
        ),
        "missing_difference": Metric(
            "difference of missing shares between outcomes",
            "difference",
            "of each input that lacks values: share missing among rows of one class less that among all "
            "others (of a number: above its median or not), its size; the largest over classes and inputs",
        ),
        "constant": Metric(
            "number of inputs that are nearly constant",
            "count",
            "one value in 99.5 % of the rows that have one",
        ),
        "mixed": Metric(
            "number of inputs that mix numbers and words",
            "count",
            "half of the values are numbers, and not all",
        ),
        "duplicates": Metric(
            "share of rows that repeat another",
            "share",
            "equal in all inputs and the target, all but the first",
        ),
        "contradictory": Metric(
            "share of rows that another contradicts",
            "share",
            "rows whose inputs another row has with another truth / all rows; undefined without a target",
        ),
    },
)
def data_quality(quality: Quality) -> Iterator[Estimate]:
    """Are the audited rows fit to be audited on?

    ``impossible`` is the share of values outside the ranges that
    ``[data.ranges]`` declares; ``missing_difference`` tells whether values are
    missing more often with one outcome than with another. What is constant,
    mixed, repeated or contradictory is counted and shown.

    Formula
    -------
    ``impossible`` and the counts are facts about these rows. For an input with
    missing values and a class of the truth, the difference of the missing
    shares has MOVER limits on Clopper-Pearson limits, two-sided;
    ``missing_difference`` is the size of the largest, its lower limit at level /
    number of differences, so that picking the largest is paid for.

    Why it matters
    --------------
    Figures measured on broken rows are broken. Where a value is missing more
    often with one outcome, its absence tells the outcome: the model learns who
    was asked, not what they are like, and fails once all are asked alike.

    When it misleads
    ----------------
    A test that is done on suspicion alone is missing for a good reason. Rows of
    few and coarse columns repeat and contradict each other by nature: two
    people may be alike and fare differently. Codes as 250.83 and V45 mix
    numbers and words, and are right. A value within its range may be wrong. A
    row counts once, whatever its weight.

    How to read
    -----------
    One impossible value is one too many: it shows that nothing keeps it out.
    Contradictory rows bound what any model can reach. The notes name at most
    five columns.

    Remedy
    ------
    Refuse impossible values where they enter. Ask everybody, or tell the model
    nothing that only some were asked; see whether the outcome was known when
    the value was recorded. Drop constant inputs; give each column one type.

    References
    ----------
    Breck et al. 2019 (data validation); Newcombe 1998 (MOVER); Rubin 1976 (missing data).
    """
    if not quality.rows:
        raise NotApplicable("there are no rows")
    for name, (values, outside) in quality.outside.items():
        yield fact("impossible", outside / max(values, 1), values, {"column": name})
    yield from _missing_difference(quality)
    rows = quality.rows
    yield _named("constant", quality, lambda c: c.values > 0 and c.commonest >= NEARLY_ALL * c.values)
    yield _named("mixed", quality, lambda c: 0 < c.words <= c.numbers)
    yield fact("duplicates", quality.repeated / rows, rows)
    if quality.declared["truth"] and not quality.declared["number"]:
        yield fact("contradictory", quality.contradictory / rows, rows)


def _named(metric: str, quality: Quality, holds: Callable[[ColumnQuality], bool]) -> Estimate:
    """Count the inputs of which something holds, and name some of them."""
    names = [name for name, column in quality.columns.items() if holds(column)]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    counted = fact(metric, len(names), quality.rows)
    return replace(counted, note=", ".join(names[:NAMED]) + more) if names else counted


def _missing_difference(quality: Quality) -> Iterator[Estimate]:
    """Largest difference of missing shares, over the inputs that lack values and the classes."""
    rows, missing = quality.class_rows, quality.missing
    total = int(rows.sum())
    lacking = np.flatnonzero(missing.sum(axis=1))
    compared = [i for i in np.argsort(-rows, kind="stable") if FEWEST <= rows[i] <= total - FEWEST]
    compared = compared[: 1 if len(rows) == 2 else MOST_CLASSES]
    if not len(lacking):
        yield replace(fact("missing_difference", 0, quality.rows), note="No input lacks a value")
        return
    if not compared:
        why = "values are missing, and there are no two classes of the outcome to compare"
        yield Estimate("missing_difference", {}, np.nan, quality.rows, quality.rows, why=why, supply=CLASSES)
        return
    mine = missing[lacking][:, compared]
    n = np.broadcast_to(rows[compared].astype(np.float64), mine.shape)
    a = mine / n
    b = (missing[lacking].sum(axis=1, keepdims=True) - mine) / (total - n)
    limits = GreatestDistance(*(part.reshape(1, -1) for part in (a, b, n, total - n)))
    column, label = np.unravel_index(np.abs(a - b).argmax(), a.shape)
    name, outcome = list(quality.columns)[lacking[column]], quality.classes[compared[label]]
    shares = f"in {a[column, label]:.1%} of the rows of {outcome}, in {b[column, label]:.1%} of the others"
    note = f"Largest for {name}: missing {shares}"
    yield Estimate("missing_difference", {}, float(limits.value[0]), total, total, limits=limits, note=note)
