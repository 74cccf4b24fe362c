"""How well do the inputs tell who belongs to which group?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np

from trustkit.checks.base import Estimate, Metric, check
from trustkit.evidence.proxies import OUTPUT, TOGETHER, Proxies
from trustkit.evidence.tables import Scores
from trustkit.measure.intervals import AreaUnderCurve
from trustkit.measure.metrics import area

FEWEST = 30
"""Rows of the group, and of the others, from which an AUC is measured."""

SHOWN = 3
"""Inputs that are shown for each group."""

TELLING = 0.55
"""An input with a smaller AUC is not named."""

_CONVENTION = (
    "the group against all others; 0.5 is no better than a coin; the mean of two models, each learned "
    "from one half of the drawn rows and measured on the other; ties count one half"
)


@check(
    version="1",
    metrics={
        "auc": Metric("AUC with which all inputs together tell membership", "share", _CONVENTION),
        "single_auc": Metric("AUC with which one input tells membership", "share", _CONVENTION),
        "output_auc": Metric("AUC with which the output tells membership", "share", _CONVENTION),
        "carried": Metric(
            "share of what all inputs tell that the output tells too, of membership",
            "ratio",
            "(output_auc - 0.5, at least 0) / (auc - 0.5); undefined where the inputs together tell nothing",
        ),
    },
)
def proxies(proxies: Proxies, *, judged: Collection[str] = ()) -> Iterator[Estimate]:
    """How well do the inputs tell who belongs to which group?

    A model is made to guess a sensitive attribute from the inputs, without
    the attribute itself. ``auc`` is the chance that a row of the group gets a
    higher guess than a row of another; ``single_auc`` the same by one input
    alone, ``output_auc`` by the system's score (or its decision).

    Formula
    -------
    At most 20,000 rows are drawn (fewer where inputs are many), one a person,
    and up to 400 of a small group; rows without the attribute are left out.
    They are halved. From each half boosted trees (for a single column: the
    share of the group at each value, or in each range of values) are learned,
    and the rows of the other half ranked. AUC is that of the ranks, both halves
    together. Two such models may err together, so the error is that of one
    half alone: DeLong's, times the root of two; limits as for any AUC, of half
    the rows. ``carried`` = (output_auc - 0.5, at least 0) / (auc - 0.5).

    Why it matters
    --------------
    To leave sex or race out of the inputs does not keep a model from going by
    it where other inputs stand for it: a title, an occupation, a postal code.
    Such inputs are where disparities come from, and where to look first.

    When it misleads
    ----------------
    It says what could be used, not what is: a model may ignore a proxy, and
    ``carried`` tells how much of it is in the output. An input may stand for
    a group and be needed all the same. A small AUC does not prove that no
    better guess exists: names inside long text, pictures and the order of
    events are not read. A log's columns are all taken for inputs unless
    ``data.features`` names them.

    How to read
    -----------
    0.5 is a coin, 1 certainty. In data about people sex or age is often told
    with 0.7 to 0.9 from occupation, marital status and hours; a figure above
    the limit calls for a look at the inputs named beside it, and for a reason
    to keep them. The claim is about the two models that were learned. With
    two groups one figure stands for both. Of a group with fewer than 30 rows,
    or with fewer others, nothing is measured.

    Remedy
    ------
    For each input named, write down what it is needed for. Drop it, or make it
    coarser, where that reason does not hold, train again, and compare accuracy
    and disparities; where it does hold, record the decision, as a waiver with
    the reason. Leaving out one input seldom helps while others stand for the
    same.

    References
    ----------
    Feldman et al. 2015 (predictability of the protected attribute); Kilbertus
    et al. 2017; DeLong et al. 1988; Newcombe 2006 (limits).
    """
    for attribute in proxies.schema["attributes"]:
        yield from _of_attribute(proxies, attribute, judged)


def _of_attribute(proxies: Proxies, attribute: str, judged: Collection[str]) -> Iterator[Estimate]:
    """Figures of each group; of two groups, of the smaller against the other."""
    places = [i for i, (name, _) in enumerate(proxies.groups) if name == attribute]
    scores = {proxies.groups[i][1]: proxies.scores(i) for i in places}
    if len(scores) == 2:
        small, large = sorted(scores, key=lambda label: int(scores[label].n[TOGETHER, 1].sum()))
        pair: dict[str, Any] = {"groups": {attribute: small}, "reference": {attribute: large}}
        yield from _of_group(proxies, pair, attribute, scores[small], judged)
        return
    for label, mine in scores.items():
        subject = {"groups": {attribute: label}, "reference": "rest"}
        yield from _of_group(proxies, subject, attribute, mine, judged)


def _of_group(
    proxies: Proxies, subject: Mapping[str, Any], attribute: str, scores: Scores, judged: Collection[str]
) -> Iterator[Estimate]:
    others, n = (int(count) for count in scores.n[TOGETHER].sum(axis=1))
    if min(n, others) < FEWEST:
        why = f"fewer than {FEWEST} rows of the group, or of the others, were drawn"
        yield Estimate("auc", subject, float("nan"), n, n, why=why)
        return
    areas = area(scores)
    value = areas.value.tolist()
    limits = _of_one_half(areas.limits)

    def figure(metric: str, place: int, **more: Any) -> Estimate:
        about = subject if place <= OUTPUT else {**subject, "column": names[place]}
        return Estimate(
            metric, about, value[place], n, n, reference_n=others, limits=limits, place=place, **more
        )

    names = dict(enumerate(proxies.schema["inputs"], OUTPUT + 1))
    read = [place for place in names if names[place] != attribute and isfinite(value[place])]
    best = sorted(read, key=lambda place: -value[place])
    yield figure("auc", TOGETHER, note=_told_by({names[i]: value[i] for i in best[:SHOWN]}))
    if "single_auc" in judged:
        yield from (figure("single_auc", place) for place in read)
    else:
        why = f"among the largest of {len(read)} inputs, chosen after looking: no interval"
        for place in best[:SHOWN]:
            yield replace(figure("single_auc", place, why=why), limits=None)
    if proxies.schema["output"] is not None:
        yield figure("output_auc", OUTPUT)
        yield _carried(figure("auc", TOGETHER), value[OUTPUT])


def _of_one_half(limits: AreaUnderCurve) -> AreaUnderCurve:
    """Limits as if one half alone had been told: the models of both may err together."""
    return AreaUnderCurve(limits.value, limits.error * np.sqrt(2), limits.positives / 2, limits.negatives / 2)


def _told_by(best: Mapping[str, float]) -> str | None:
    telling = [f"{name} ({value:.2f})" for name, value in best.items() if value >= TELLING]
    return f"Of single inputs {', '.join(telling)} tell{'s' * (len(telling) == 1)} most" if telling else None


def _carried(together: Estimate, output: float) -> Estimate:
    """Share of what the inputs tell that is in the output, where they tell anything."""
    if together.interval(0.05)[0] > 0.5:
        value, why = (
            max(output - 0.5, 0) / (together.value - 0.5),
            "a share of two AUCs of the same rows: no interval",
        )
    else:
        value, why = float("nan"), "undefined: the inputs together tell nothing"
    return replace(together, metric="carried", value=value, limits=None, why=why, note=None)
