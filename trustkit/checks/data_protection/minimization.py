"""Could the model do without a personal input?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.facts import fact
from trustkit.evidence.ablations import Ablation, Ablations, Turned
from trustkit.evidence.contents import PROXY, UNSURE, Contents
from trustkit.measure.intervals import AtMost, Difference, Least, Limits, Mean, proportions

SHOWN = 3
"""Inputs that are not personal and cost the least, of which figures are shown."""

_COST = (
    "share of rows answered better with the input less share answered better without it, in each true class "
    "of one sample, then the mean of the classes: right against wrong, in a regression nearer to the "
    "outcome; the cheaper way of two, where the model can be trained anew"
)


@check(
    version="1",
    metrics={
        "personal_cost": Metric(
            "net share of answers that get worse without a personal input", "difference", _COST
        ),
        "cost": Metric("net share of answers that get worse without an input", "difference", _COST),
        "unused": Metric(
            "inputs that change no answer",
            "count",
            "inputs whose values can be exchanged between the drawn rows without any decision, score or "
            "number changing, of all inputs",
        ),
    },
)
def minimization(
    ablations: Ablations,
    contents: Contents | None,
    *,
    needed: Mapping[str, str] | None = None,
    judged: Collection[str] = (),
) -> Iterator[Estimate]:
    """Could the model do without a personal input?

    Each input in turn is made to tell nothing: its values are exchanged
    between the drawn rows. Where the model can be trained anew, it also is,
    without the input. ``personal_cost`` is the share of answers that then get
    worse less the share that get better, of decisions the loss of balanced
    accuracy, for the inputs that are declared sensitive or quasi-identifiers,
    or that detectors find to identify persons or to tell a special category;
    ``cost`` the same for the others, ``unused`` the number of inputs that
    change no answer at all.

    Formula
    -------
    cost = mean over the true classes of (rows right with the input and wrong
    without - rows wrong with it and right without) / rows of the class: the
    rows of a rare class count as much as those of a frequent one. A regression
    has one class, and a row is answered better where the prediction moves by
    more than 1 % of the outcome and is nearer to it. The interval of a class is
    that of a difference of two shares of one sample, that of their mean is
    joined from those (MOVER on Clopper-Pearson limits). Trained anew, the model without the input is
    compared with one trained anew with it, on the same rows; of both ways the
    cheaper counts, and its upper limit pays for the choice.

    Why it matters
    --------------
    What a system does not need it should not hold: each item about a person
    can leak, be demanded, or stand in for a group.

    When it misleads
    ----------------
    A model that was given the values of other people is a model without the
    input, and may be a poor one: exchanging shows that an input can be spared,
    never that it cannot. So without training anew the cost has no lower limit,
    and the control cannot pass on it. Two inputs that say the same can each be
    spared, and not both. What costs nothing on average may be needed for a few
    people: look at the error rates by group before dropping it.

    How to read
    -----------
    An upper limit near 0 proves that the input can be spared; an interval
    across the limit leaves it open. ``unused`` is a fact about the drawn rows.
    An input that is needed for another reason than accuracy is declared with
    the reason, ``needed = { sex = "doses differ by sex" }``: it is shown, and
    not judged.

    Remedy
    ------
    Train again without the input and audit again, error rates by group before
    all: dropping a sensitive input can hide unfairness rather than mend it.
    Or state what else it is needed for (option `needed`).

    References
    ----------
    GDPR, Art. 5(1)(c); A/RES/78/265 6(j); Breiman 2001 (exchanging values);
    Lei et al. 2018 (leaving one covariate out); Newcombe 1998 (paired
    differences).
    """
    if not ablations.shuffled:
        raise NotApplicable("the model was asked no rows", supply="rows that the model can be asked")
    kept = needed or {}
    personal = {*ablations.schema["personal"], *(_found(contents) if contents is not None else ())}
    told = [name for name in ablations.inputs if name in personal and name not in kept]
    others = [name for name in ablations.inputs if name not in told and name not in kept]
    yield _unused(ablations)
    if not ablations.schema["target"]:
        supply, why = "data.target: the column with the true outcome", "no outcome is declared"
        yield Estimate("personal_cost", {}, float("nan"), 0, 0, why=why, supply=supply)
        return
    yield from _costs("personal_cost", told, ablations)
    if "cost" in judged:
        yield from _costs("cost", others, ablations)
    else:
        why = "of those that cost least, chosen after looking: no interval"
        yield from _shown(dict.fromkeys(_cheapest(others, ablations), why), ablations)
    yield from _shown({name: f"needed: {reason}: no interval" for name, reason in kept.items()}, ablations)


def _found(contents: Contents) -> Iterator[str]:
    """Columns that detectors find to be about the person: by a special name, or by most of their values."""
    identifiers, special = (contents.of_family(family) for family in ("identifiers", "special"))
    for (_, name), column in contents.columns.items():
        for detector, hits in column.hits.items():
            is_special = detector in special and not detector.endswith((UNSURE, PROXY))
            most = max(hits.proven, hits.shaped if hits.named else 0)
            if (is_special and hits.named) or (
                (is_special or detector in identifiers) and most > column.values / 2
            ):
                yield name


def _unused(ablations: Ablations) -> Estimate:
    names = [name for name, each in ablations.shuffled.items() if each.rows and not each.changed]
    found = fact("unused", len(names), len(ablations.shuffled))
    note = f"they are {', '.join(names)}" if names else None
    return Estimate("unused", {}, found.value, found.n, found.rows, limits=found.limits, note=note)


def _costs(metric: str, names: Sequence[str], ablations: Ablations) -> Iterator[Estimate]:
    """What doing without each input costs, with limits."""
    for name in names:
        ways, subject = _ways(name, ablations), {"column": name}
        n, rows = (min(getattr(way, part) for way in ways) for part in ("known", "rows"))
        if n == 0:
            yield Estimate(metric, subject, float("nan"), 0, rows, why="no drawn row has a known outcome")
            continue
        note = None if name in ablations.refitted else _note(name, ablations)
        cost, limits = _cost(name, ablations), _limits(name, ablations)
        yield Estimate(metric, subject, cost, n, rows, limits=limits, note=note)


def _ways(name: str, ablations: Ablations) -> list[Ablation]:
    found = (ablations.shuffled.get(name), ablations.refitted.get(name))
    return [way for way in found if way is not None]


def _cost(name: str, ablations: Ablations) -> float:
    """The cheaper way of doing without an input; NaN where no outcome is known."""
    return min(_mean([_share(turned) for turned in way.classes.values()]) for way in _ways(name, ablations))


def _share(turned: Turned) -> float:
    return (turned.lost - turned.won) / turned.rows


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def _limits(name: str, ablations: Ablations) -> Limits:
    """Of both ways of doing without an input the cheaper; of the exchange alone only an upper limit."""
    ways = tuple(_paired(way) for way in _ways(name, ablations))
    return Least(ways) if name in ablations.refitted else AtMost(ways[0])


def _paired(way: Ablation) -> Mean:
    return Mean(tuple(_difference(turned) for turned in way.classes.values()))


def _difference(turned: Turned) -> Difference:
    n = np.array([float(turned.rows)])
    lost, won = (proportions(np.array([count]) / n, n) for count in (turned.lost, turned.won))
    return Difference.of_shares(lost, won)


def _note(name: str, ablations: Ablations) -> str:
    why = f" ({ablations.unfitted})" if ablations.unfitted else ""
    return (
        f"{name} was exchanged between rows, the model not trained anew{why}: the cost is at most this; "
        "where it is needed, say what for in the option needed"
    )


def _cheapest(names: Sequence[str], ablations: Ablations) -> list[str]:
    return sorted(names, key=lambda name: _cost(name, ablations))[:SHOWN]


def _shown(why: Mapping[str, str], ablations: Ablations) -> Iterator[Estimate]:
    for name, reason in why.items():
        n = min(way.known for way in _ways(name, ablations))
        yield Estimate("cost", {"column": name}, _cost(name, ablations), n, n, why=reason)
