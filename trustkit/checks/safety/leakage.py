"""Does the audit know what the model has seen, or an input the outcome?"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from math import isfinite

import numpy as np

from trustkit.checks.base import Estimate, Metric, check
from trustkit.checks.facts import fact
from trustkit.evidence.overlaps import Match, Overlaps
from trustkit.measure.intervals import AreaUnderCurve, Greatest
from trustkit.measure.metrics import Area, area
from trustkit.measure.recurrence import beyond_chance

FEWEST = 30
"""Rows of a class, and of the others, from which an AUC is measured."""

_BEYOND_CHANCE = (
    "share of audited rows that are found in training, less the share that recurs by chance: that of "
    "training rows of which training has another, at most what the audit's own repeated rows allow"
)


@check(
    version="1",
    metrics={
        "shared": Metric(
            "share of audited rows that training has too, beyond chance",
            "share",
            f"{_BEYOND_CHANCE}; equal in all inputs and the target",
        ),
        "near": Metric(
            "share of audited rows that training nearly has, beyond chance",
            "share",
            f"{_BEYOND_CHANCE}; equal in all inputs and the target but one, in three digits of numbers "
            "and but for case and spaces of words",
        ),
        "single_auc": Metric(
            "single-input AUC",
            "share",
            "how well one input alone ranks the outcome: each class against all others, the largest of "
            "them; of a number, whether it is above its median; 0.5 is no better than a coin; the mean of "
            "two rankings, each learned from one half of the drawn rows and measured on the other; ties "
            "count one half",
        ),
        "later": Metric(
            "share of pairs of an audited and a training row whose training row is the later",
            "share",
            "0 where training ends before the audit begins, 0.5 where both are of the same time",
        ),
    },
)
def leakage(overlaps: Overlaps, *, judged: Collection[str] = ()) -> Iterator[Estimate]:
    """Does the audit know what the model has seen, or an input the outcome?

    Rows that are in training and in the audit flatter the model: it may have
    learned them by heart. ``shared`` is their share, ``near`` that of rows
    that differ in one column at most. ``single_auc`` tells how well each input
    alone ranks the outcome: a copy of it, or a number that was given out in
    the order of outcomes, ranks it almost without fault. ``later`` tells
    whether the model was trained on the future of what it is audited on.

    Formula
    -------
    ``shared`` = s - c; s is the share of audited rows that training has, c that
    of training rows of which training has another: independent rows recur
    just as often. Rows multiplied in training recur there alone, so c is at
    most what the audit's own repeated rows allow (their Clopper-Pearson limit,
    times the sizes' ratio). Limits: MOVER on Clopper-Pearson limits, of c at
    half the rows, since repeated rows come in twos.
    ``single_auc``: at most 20,000 rows are drawn, one a person, and halved; from
    each half is learned which way the outcome goes with the values, or, where
    that tells more, its share at each value or in each of 40 ranges, and the
    rows of the other half are ranked by it: a copy that is neither growing nor
    falling is found too. Limits as for any AUC, of half the rows: the two
    rankings may err together.

    Why it matters
    --------------
    A leak makes every figure of the audit better than what follows in use,
    and no figure of quality shows it.

    When it misleads
    ----------------
    Where columns are few and coarse, all rows recur and a copied row cannot be
    told from chance: the note says how many recur. Where training and audit
    stand for different people, chance is not the same in both. A strong input
    is no leak by itself: a test that defines the illness may tell it with
    0.97, and be known when the decision is due. A leak that is spread over
    several inputs is not seen. Of rows without a person's name, two of one
    person are two; a row counts once, whatever its weight.

    How to read
    -----------
    A share of 0.02 means that one row in fifty was copied. AUC is 0.5 for a
    coin; 0.7 to 0.9 is what a good single input reaches. Above the limit, ask
    when and from what the column is filled in.

    Remedy
    ------
    Split by person and time before anything is learned, drop duplicates first,
    and audit again. Take out an input that is filled in after the outcome, is
    made of it, or is a running number; if it is known when the decision is
    due, say so in a waiver.

    References
    ----------
    Kaufman et al. 2012 (leakage in data mining); Kapoor and Narayanan 2023;
    DeLong et al. 1988 and Newcombe 1998, 2006 (limits).
    """
    supply = None if overlaps.declared["train"] else "data.train: the rows that it was trained on"
    for metric, match in (("shared", overlaps.exact), ("near", overlaps.near)):
        if match is not None and match.rows:
            yield _found(metric, match)
        elif metric == "shared":
            why = "there are no training rows" if supply else "training has none of the inputs"
            yield Estimate(metric, {}, float("nan"), 0, 0, why=why, supply=supply)
    yield from _singles(overlaps, judged)
    if overlaps.later is not None:
        pairs, later = overlaps.later
        yield fact("later", later / max(pairs, 1), pairs)


def _found(metric: str, match: Match) -> Estimate:
    limits = beyond_chance(match)
    shared, chance = match.shared / match.rows, float(limits.b.value[0])
    note = None
    if match.shared:
        note = f"{shared:.1%} of the rows are found, {chance:.1%} by chance"
    value = max(float(limits.value[0]), 0.0)
    m = match.train_rows
    return Estimate(metric, {}, value, match.rows, match.rows, reference_n=m, limits=limits, note=note)


def _singles(overlaps: Overlaps, judged: Collection[str]) -> Iterator[Estimate]:
    """AUC of each input; where it is not judged, of the best alone."""
    if overlaps.declared["truth"] is None:
        supply = "data.target: the column with the true outcome"
        yield Estimate("single_auc", {}, float("nan"), 0, 0, why="no target is declared", supply=supply)
        return
    areas = {label: area(overlaps.scores(place)) for place, label in enumerate(overlaps.classes)}
    told = {label: found for label, found in areas.items() if found.n.max(initial=0) >= FEWEST}
    if not told:
        why = f"fewer than {FEWEST} rows of a class, or of the others, were drawn"
        if overlaps.declared["inputs"]:
            yield Estimate("single_auc", {}, float("nan"), overlaps.drawn, overlaps.drawn, why=why)
        return
    estimates = [
        _single(name, place, told)
        for place, name in enumerate(overlaps.declared["inputs"])
        if all(isfinite(found.value[place]) for found in told.values())
    ]
    if "single_auc" in judged:
        yield from estimates
    elif estimates:
        best = max(estimates, key=lambda estimate: estimate.value)
        why = f"the largest of {len(estimates)} inputs, chosen after looking: no interval"
        yield replace(best, limits=None, why=why)


def _single(name: str, place: int, told: dict[str, Area]) -> Estimate:
    """Largest AUC of one input over the classes that are told."""
    parts = [_of_one_half(found.take([place])) for found in told.values()]
    label, best = max(told.items(), key=lambda item: item[1].value[place])
    rows = int(best.limits.positives[place] + best.limits.negatives[place])
    limits = parts[0] if len(parts) == 1 else Greatest(tuple(parts))
    note = f"The class told best is {label}" if len(told) > 1 else None
    value = float(best.value[place])
    return Estimate("single_auc", {"column": name}, value, rows, rows, limits=limits, note=note)


def _of_one_half(found: Area) -> AreaUnderCurve:
    """Limits as if one half alone had been told: the rankings of both may err together."""
    limits = found.limits
    return AreaUnderCurve(limits.value, limits.error * np.sqrt(2), limits.positives / 2, limits.negatives / 2)
