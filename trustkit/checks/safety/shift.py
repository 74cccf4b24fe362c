"""Are the audited rows like those that the model was trained on?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

import numpy as np

from trustkit.checks.base import Estimate, Metric, check
from trustkit.evidence.blocks import Ints
from trustkit.evidence.shifts import Shifts, Spread
from trustkit.measure.intervals import Floats, GreatestDistance, TotalVariation
from trustkit.measure.metrics import area

FEWEST = 30
"""Rows of each table from which the joint AUC is measured."""

WORTH_SAYING = 0.1
"""From this distance on the note says which way values moved."""

_SMOOTHED = "half a row is added to each bin of either table; missing values are a bin"


@check(
    version="1",
    metrics={
        "ks": Metric(
            "distance of distributions",
            "difference",
            "audit against train: the largest difference of the shares at or below a cut point, over those "
            "that the training rows declare; a missing value stands below all numbers",
        ),
        "tv": Metric(
            "total variation",
            "difference",
            "audit against train: half the sum of the absolute differences of the shares of each label; "
            "missing values are a label, and so are together all that are not among the frequent ones",
        ),
        "auc": Metric(
            "AUC with which all inputs together tell audit from train",
            "share",
            "0.5 is no better than a coin; two models, each learned from one half of the drawn rows and "
            "measured on the other; ties count one half",
        ),
        "psi": Metric("population stability index", "nats", f"sum of (a - t) ln(a / t); {_SMOOTHED}"),
        "js": Metric(
            "Jensen-Shannon divergence", "nats", f"mean divergence from the mean of both; {_SMOOTHED}"
        ),
        "wasserstein": Metric(
            "Wasserstein distance",
            "z",
            "area between the distribution functions from the least to the greatest cut point, in standard "
            "deviations of the training values; what lies beyond the cut points is not seen",
        ),
    },
)
def shift(shifts: Shifts, *, judged: Collection[str] = ()) -> Iterator[Estimate]:
    """Are the audited rows like those that the model was trained on?

    Each input, the target and the prediction are compared between the audited
    and the training rows: numbers by ``ks``, labels by ``tv``. ``auc`` says
    how well a model tells the two tables apart by all inputs together, which
    also finds what no column shows alone.

    Formula
    -------
    Training declares the bins: cut points at its 5, 10, ..., 100 % points and on
    both sides of values that a twentieth of its rows have; of labels the 20
    most frequent, and the rest together. Where labels are more than 20, one
    half of the training rows chooses them and the other half is counted.
    ``ks`` = max over cut points |A(c) - T(c)|, each difference with MOVER limits
    on Clopper-Pearson limits, the lower limit at level / (2 x cut points).
    ``tv`` = 1/2 sum |a - t|; its lower limit is less by the most that chance adds,
    1/2 sum sqrt(a (1 - a) / n + t (1 - t) / m), and by the reach of bounded
    differences, sqrt(ln(1 / level) (1 / n + 1 / m) / 2); its upper limit is more
    by that of a difference of two shares, z / 2 sqrt(1 / n + 1 / m), and by
    (1 / n + 1 / m) / 2.

    Why it matters
    --------------
    A model knows what it was trained on. Where the people it decides about
    differ, what was measured before does not hold, and the first sign is in
    the inputs, long before outcomes are known.

    When it misleads
    ----------------
    A large table makes any difference certain: so the size is judged, not a
    p-value. A shift need not harm, where the model does not use the column or
    is right on both sides; and a model may fail on rows whose columns look
    alike. What moves between two cut points, or within the rare labels, is
    not seen. A model that was trained to the end predicts its training rows
    more surely than others: the prediction may differ for that reason alone,
    so its decisions are compared, and not its scores.

    How to read
    -----------
    0.1 means that one row in ten lies elsewhere; half a standard deviation
    of a bell curve is 0.2. The note says whether values grew or fell, how
    many rows have a label that training does not know, and, of the columns
    that moved most by more than 0.1, how many decisions change when the column
    is shuffled among the audited rows: few, and the model hardly uses it. PSI,
    Jensen-Shannon and Wasserstein are shown for the column in which each is
    largest, and not judged: they have no valid limits in small samples.

    Remedy
    ------
    Find out why the column moved: another sensor, unit, code, season or group
    of people. Mend the feed where it is broken; where the world has changed,
    audit by itself the part that is new, and train on rows that stand for the
    decisions to come.

    References
    ----------
    Rabanser et al. 2019 (tests of shift); Newcombe 1998 (MOVER); McDiarmid 1989
    (bounded differences); Lopez-Paz and Oquab 2017 (two samples told apart by a
    classifier).
    """
    spreads = shifts.spreads
    ordered = {name: spread for name, spread in spreads.items() if spread.is_ordered}
    labels = {name: spread for name, spread in spreads.items() if not spread.is_ordered}
    yield from _distances(ordered, shifts)
    yield from _variations(labels, shifts)
    for name in shifts.declared["absent"]:
        if name == shifts.declared["target"]:
            continue
        why = "not in both tables, or not read"
        yield Estimate("ks", {"column": name}, float("nan"), 0, shifts.of, why=why)
    yield from _joint(shifts)
    for metric, measure, of in (
        ("psi", _psi, spreads),
        ("js", _jensen_shannon, spreads),
        ("wasserstein", _wasserstein, ordered),
    ):
        values = {name: measure(spread) for name, spread in of.items() if _rows(spread)}
        shown = sorted(values, key=lambda name: -values[name])[: None if metric in judged else 1]
        for name in shown:
            n, m = _sizes(spreads[name])
            why = "no limits that are valid in small samples"
            note = None if metric in judged else f"The largest of {len(values)} columns"
            subject = {"column": name}
            yield Estimate(metric, subject, values[name], n, n, reference_n=m, why=why, note=note)


def _distances(spreads: Mapping[str, Spread], shifts: Shifts) -> Iterator[Estimate]:
    """Distance of the distribution functions of each column of numbers."""
    if not spreads:
        return
    most = max(len(spread.audit) - 1 for spread in spreads.values())
    shares = np.full((2, len(spreads), most), np.nan)
    for place, spread in enumerate(spreads.values()):
        for side, counts in enumerate((spread.audit, spread.train)):
            shares[side, place, : len(counts) - 1] = _below(counts)
    sizes = np.array([_sizes(spread) for spread in spreads.values()], dtype=np.float64)
    n, m = (np.repeat(rows[:, None], most, axis=1) for rows in sizes.T)
    limits = GreatestDistance(shares[0], shares[1], n, m)
    for place, (name, spread) in enumerate(spreads.items()):
        note = " ".join([_direction(spread), *_used(name, shifts)]).strip() or None
        yield _claim("ks", name, spread, float(limits.value[place]), note, limits, place)


def _variations(spreads: Mapping[str, Spread], shifts: Shifts) -> Iterator[Estimate]:
    """Total variation of each column of labels."""
    for name, spread in spreads.items():
        (n, m), (a, t) = _sizes(spread), _shares(spread)
        value = float(np.abs(a - t).sum() / 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            chance = float(np.sqrt(a * (1 - a) / n + t * (1 - t) / m).sum() / 2)
            size = 1 / (1 / np.float64(n) + 1 / np.float64(m))
        limits = TotalVariation(np.array([value]), np.array([chance]), np.array([size]))
        note = " ".join([*_unseen(spread), *_used(name, shifts)]) or None
        yield _claim("tv", name, spread, value, note, limits, 0)


def _claim(
    metric: str,
    name: str,
    spread: Spread,
    value: float,
    note: str | None,
    limits: GreatestDistance | TotalVariation,
    place: int,
) -> Estimate:
    n, m = _sizes(spread)
    if not _rows(spread):
        return Estimate(metric, {"column": name}, float("nan"), 0, 0, why="one of the tables has no rows")
    subject = {"column": name}
    return Estimate(
        metric,
        subject,
        value,
        n,
        n,
        reference_n=m,
        limits=limits,
        place=place,
        note=note and note.rstrip("."),
    )


def _joint(shifts: Shifts) -> Iterator[Estimate]:
    areas = area(shifts.scores)
    m, n = (int(rows) for rows in shifts.joint.sum(axis=1))
    if min(n, m) < FEWEST:
        return
    half = replace(areas.limits, error=areas.limits.error * np.sqrt(2), positives=np.array([n / 2]))
    limits = replace(half, negatives=np.array([m / 2]))
    yield Estimate("auc", {}, float(areas.value[0]), n, n, reference_n=m, limits=limits)


def _direction(spread: Spread) -> str:
    """Whether values grew or fell, where the distribution functions part."""
    apart = _below(spread.audit) - _below(spread.train)
    if np.abs(apart).max(initial=0.0) < WORTH_SAYING:
        return ""
    most = int(np.abs(apart).argmax())
    if most == 0:
        return f"{'More' if apart[0] > 0 else 'Fewer'} values are missing in the audit."
    return f"The audit has more {'small' if apart[most] > 0 else 'large'} values."


def _unseen(spread: Spread) -> Iterator[str]:
    if spread.unseen:
        share = spread.unseen / int(spread.audit.sum())
        yield f"{share:.1%} of the rows have a label that training does not know."


def _used(name: str, shifts: Shifts) -> Iterator[str]:
    if name in shifts.shuffled:
        rows, changed = shifts.shuffled[name]
        what = "predictions by a tenth of their spread" if shifts.declared["number"] else "decisions"
        yield f"Shuffling it changes {changed / rows:.1%} of {what}."


def _sizes(spread: Spread) -> tuple[int, int]:
    return int(spread.audit.sum()), int(spread.train.sum())


def _rows(spread: Spread) -> bool:
    return min(_sizes(spread)) > 0


def _shares(spread: Spread, smoothed: float = 0.0) -> tuple[Floats, Floats]:
    a, t = (counts + smoothed for counts in (spread.audit, spread.train))
    return a / max(a.sum(), 1), t / max(t.sum(), 1)


def _below(counts: Ints) -> Floats:
    """Share of the rows at or below each cut point, the missing ones first."""
    shares: Floats = np.cumsum(counts)[:-1] / max(int(counts.sum()), 1)
    return shares


def _psi(spread: Spread) -> float:
    a, t = _shares(spread, 0.5)
    return float(((a - t) * np.log(a / t)).sum())


def _jensen_shannon(spread: Spread) -> float:
    a, t = _shares(spread, 0.5)
    mean = (a + t) / 2
    return float((a * np.log(a / mean) + t * np.log(t / mean)).sum() / 2)


def _wasserstein(spread: Spread) -> float:
    """Area between the distribution functions of the values that are there, straight between cut points."""
    a, t = (_below(counts[1:]) for counts in (spread.audit, spread.train))
    apart = np.abs(a - t)
    return float((apart[1:] + apart[:-1]) / 2 @ np.array(spread.gaps)) if len(a) > 1 else 0.0
