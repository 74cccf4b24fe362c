"""Does the answer change when the sensitive attribute is switched?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.evidence.blocks import SCORE_ONE
from trustkit.evidence.flips import ANY, Flips, Moves
from trustkit.measure.intervals import BoundedMean, Floats, Limits, Linear, proportions

FEWEST = 30
"""The largest pair is looked for among those of so many rows."""

Groups: TypeAlias = Mapping[str, Mapping[str, Moves]]

_COUNTS = {"flip": "flips", "toward": "toward", "away": "away"}
_ROWS = "of the group's drawn rows, each counted once"
_ANY = f"{_ROWS}; under any of the switches, to each other group in turn"
_MEAN = f"mean over {_ROWS}, and over the switches to each other group"


@check(
    version="1",
    metrics={
        "flip": Metric(
            "share of answers that change with the attribute, among rows",
            "share",
            f"{_ANY}; a predicted number has changed where it moves by more than the tolerance",
        ),
        "flip_to": Metric(
            "share of answers that change with the attribute, among rows",
            "share",
            f"{_ROWS}; switched from the subject to the reference",
        ),
        "toward": Metric("share of decisions that would turn favorable, among rows", "share", _ANY),
        "away": Metric("share of decisions that would no longer be favorable, among rows", "share", _ANY),
        "score_change": Metric("mean size of the change of the score, among rows", "difference", _MEAN),
        "score_shift": Metric(
            "mean change of the score, among rows", "difference", f"{_MEAN}; as switched less as it is"
        ),
        "prediction_change": Metric("mean size of the change of the prediction, among rows", "target", _MEAN),
        "prediction_shift": Metric(
            "mean change of the prediction, among rows", "target", f"{_MEAN}; as switched less as it is"
        ),
    },
)
def counterfactual_flip(
    flips: Flips,
    *,
    proxies: Mapping[str, Sequence[str]] | None = None,
    tolerance: float | None = None,
    judged: Collection[str] = (),
) -> Iterator[Estimate]:
    """Does the answer change when the sensitive attribute is switched?

    Where the model takes a sensitive attribute as an input, drawn rows are put
    to it again with the attribute of each other group and all else as it was.
    ``flip`` is the share of a group's rows whose decision any of the switches
    changes; ``toward`` and ``away`` the shares that would turn favorable, and
    that would no longer be; ``score_change`` the mean size of the change of
    the score, ``score_shift`` its mean, as switched less as it is.

    Formula
    -------
    flip(a) = (rows of a whose decision differs for some other group) / (rows of
    a that were asked). In a regression a prediction differs where it moves by
    more than the option ``tolerance``, in its own unit; by default by more
    than 1 % of itself. The switched row takes the attribute, and the inputs
    that the option ``proxies = { sex = ["title"] }`` names, from one row of
    the other group, drawn by the seed: so a proxy is as frequent as in that
    group, values that belong together stay together, and a binned number
    becomes one that occurs there. Beyond 12 groups rows are switched to the 12
    largest. ``(missing)`` is switched from, never to.

    Why it matters
    --------------
    A decision that is another for the same person of another sex or race is
    direct discrimination, whatever the rates of the groups are.

    When it misleads
    ----------------
    Only the columns named change. Someone of another group would have had
    another history too, so that 0 is no proof of fairness: a model that leaves
    the attribute out never flips and may go by its proxies
    (``bias/proxies``). A combination may be switched to that does not occur,
    and the model be asked where it never learned. A declared proxy that varies
    within a group flips decisions by that alone. A model that answers by
    chance flips too (``safety/reproducibility``).

    How to read
    -----------
    Where ``toward`` is the larger, the group is worse off for its attribute;
    where ``away`` is, it is better off. ``flip`` may be 0 while the score
    moves: then nobody was near the threshold. ``flip_to`` is shown for the
    largest pair where there are more than two groups. A model that takes none
    of the attributes is left aside.

    Remedy
    ------
    Leave the attribute out of the inputs and train again, then look at the
    proxies; where the attribute is needed, as a diagnosis may need sex, write
    down why, and compare error rates and calibration by group.

    References
    ----------
    Kusner et al. 2017 (counterfactual fairness, of which this is the direct
    path alone); Galhotra, Brun & Meliou 2017 (causal discrimination);
    Clopper & Pearson 1934.
    """
    if not any(flips.moves.values()):
        raise NotApplicable(
            f"only one group of {', '.join(flips.moves)} occurs, or none has a decision",
            supply="rows of at least two groups",
        )
    for attribute in flips.moves:
        groups = dict(flips.of_attribute(attribute))
        yield from _shares(flips, attribute, groups)
        yield from _changes(flips, attribute, groups)
        if len(groups) > 2:
            yield from _pairs(attribute, groups, every="flip_to" in judged)


def _shares(flips: Flips, attribute: str, groups: Groups) -> Iterator[Estimate]:
    """Shares of each group's rows that flip, and in which direction."""
    metrics = ("flip", "toward", "away") if flips.schema["favorable"] else ("flip",)
    for metric in metrics:
        counts = [getattr(targets[ANY], _COUNTS[metric]) for targets in groups.values()]
        n = np.array([float(targets[ANY].rows) for targets in groups.values()])
        value = np.array(counts) / n
        yield from _estimates(metric, attribute, groups, value, proportions(value, n))


def _changes(flips: Flips, attribute: str, groups: Groups) -> Iterator[Estimate]:
    """Mean change of each group's scores, or of its predicted numbers."""
    n = np.array([float(targets[ANY].rows) for targets in groups.values()])

    def mean(name: str) -> Floats:
        return np.array([getattr(targets[ANY], name) for targets in groups.values()]) / n / SCORE_ONE

    size, shift = mean("size"), mean("shift")
    if flips.schema["task"] == "regression":
        why = "no interval: nothing bounds a predicted number"
        yield from _estimates("prediction_change", attribute, groups, size, None, why)
        yield from _estimates("prediction_shift", attribute, groups, shift, None, why)
    elif flips.schema["score"]:
        df, one = np.full_like(n, np.inf), np.ones_like(n)
        spread, turned = mean("size2") - size**2, mean("shift2") - shift**2
        limits = BoundedMean(size, np.maximum(spread, 0.0), n, df)
        inner = BoundedMean((shift + 1) / 2, np.maximum(turned, 0.0) / 4, n, df)
        yield from _estimates("score_change", attribute, groups, size, limits)
        yield from _estimates("score_shift", attribute, groups, shift, Linear(inner, 2 * one, -one))


def _estimates(
    metric: str, attribute: str, groups: Groups, value: Floats, limits: Limits | None, why: str | None = None
) -> Iterator[Estimate]:
    for place, (group, targets) in enumerate(groups.items()):
        n, subject = targets[ANY].rows, {"groups": {attribute: group}}
        yield Estimate(metric, subject, float(value[place]), n, n, limits=limits, place=place, why=why)


def _pairs(attribute: str, groups: Groups, *, every: bool) -> Iterator[Estimate]:
    """Shares that flip from one group to another: of every pair, or the largest alone."""
    pairs = [
        ({"groups": {attribute: group}, "reference": {attribute: target}}, moves)
        for group, targets in groups.items()
        for target, moves in targets.items()
        if target != ANY
    ]
    if every:
        n = np.array([float(moves.rows) for _, moves in pairs])
        value = np.array([moves.flips for _, moves in pairs]) / n
        limits = proportions(value, n)
        for place, (subject, moves) in enumerate(pairs):
            rows = moves.rows
            yield Estimate("flip_to", subject, float(value[place]), rows, rows, limits=limits, place=place)
        return
    seen = [(subject, moves) for subject, moves in pairs if moves.rows >= FEWEST]
    if seen:
        subject, moves = max(seen, key=lambda pair: pair[1].flips / pair[1].rows)
        why = f"the largest of {len(seen)} pairs, chosen after looking: no interval"
        yield Estimate("flip_to", subject, moves.flips / moves.rows, moves.rows, moves.rows, why=why)
