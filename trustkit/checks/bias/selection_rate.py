"""Do the groups get the favorable outcome equally often?"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import numpy as np

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.comparison import (
    Compare,
    Comparison,
    Sides,
    class_tables,
    figures,
    require,
    require_class,
    views,
)
from trustkit.evidence.cells import Cells
from trustkit.evidence.tables import Table
from trustkit.measure.intervals import Certain, Difference, Floats, Ratio
from trustkit.measure.rates import Rate, rate, selection
from trustkit.measure.significance import fisher_exact, pooled_z, swaps
from trustkit.measure.strata import pooled

_UNDEFINED = "undefined where a group has no decided row"
_FLIP_FLOP = "One person decided otherwise would reverse the order of the two groups (29 CFR 1607, Q&A 21)"


@check(
    version="2",
    bears_noise=True,
    metrics={
        "rate": Metric("selection rate", "share", f"of each group; {_UNDEFINED}"),
        "ratio": Metric(
            "selection rate ratio",
            "ratio",
            f"the subject's over the reference's; {_UNDEFINED} or the reference's rate is 0",
        ),
        "difference": Metric(
            "selection rate difference", "difference", f"the subject's less the reference's; {_UNDEFINED}"
        ),
        "conditional_ratio": Metric(
            "selection rate ratio within strata",
            "ratio",
            "Mantel-Haenszel: mean rate of the subject over the reference's, strata weighed by "
            "n n' / (n + n'); strata without one of the two are left out",
        ),
        "conditional_difference": Metric(
            "selection rate difference within strata",
            "difference",
            "Mantel-Haenszel: the subject's less the reference's, strata weighed by n n' / (n + n')",
        ),
        "flip_flop": Metric(
            "swapped decisions that would reverse the order",
            "count",
            "people of the subject selected in place of as many of the reference; 0 where it has more; "
            "of rows that are neither weighted nor of one unit",
        ),
        "z": Metric(
            "selection rate difference in standard deviations",
            "z",
            "the subject's less the reference's, under one rate for both; of rows that are neither weighted "
            "nor of one unit",
        ),
        "fisher_p": Metric(
            "p-value of Fisher's exact test",
            "share",
            "two-sided, of equal selection rates; of rows that are neither weighted nor of one unit",
        ),
        "differential_fairness": Metric(
            "smoothed differential fairness",
            "nats",
            "largest log ratio, either way, of selection or rejection; rates (k + 1/2) / (n + 1), never 0",
        ),
        "amplification": Metric(
            "differential fairness of the decisions less that of the truth",
            "nats",
            "of the same two groups; above 0: the decisions are further apart than the truth",
        ),
    },
)
def selection_rate(
    cells: Cells,
    *,
    intersections: bool = True,
    compare: Compare = "pairs",
    reference: Mapping[str, str] | None = None,
    strata: Sequence[str] = (),
    shown: Literal["largest", "all"] = "largest",
    judged: Collection[str] | None = None,
) -> Iterator[Estimate]:
    """Do the groups get the favorable outcome equally often?

    The selection rate of a group is the share of its decided rows whose
    decision is one of the favorable classes. Rows without a decision are
    left out and counted on the card. Where no class is favorable and there
    are more than two, each is taken in turn, against the rest.

    Formula
    -------
    ``rate`` = selected / decided. ``ratio`` and ``difference`` are of the
    subject's rate and the reference's: the smallest ratio of all pairs is
    the demographic parity ratio (or disparate impact), the largest
    difference the demographic parity difference. Within ``strata`` (named
    columns; their groups taken together) ``conditional_ratio`` is
    sum(w p) / sum(w p'), ``conditional_difference`` sum(w (p - p')) / sum(w),
    with w = n n' / (n + n') in each stratum (Mantel & Haenszel 1959).
    ``differential_fairness`` is the largest of the log ratios of (k + 1/2) /
    (n + 1), and of their complements, of two groups.

    Why it matters
    --------------
    A group that gets a wanted outcome far less often than others may be
    treated unfairly, whatever the cause. Equal rates do not prove fairness:
    they say nothing of who was qualified.

    When it misleads
    ----------------
    Where groups apply for different things, all may be treated alike within
    each and yet differ together (Berkeley's admissions of 1973): declare the
    ``strata``. A ratio of two small rates is large by nature, and that of two
    large ones hides who is refused: look at the difference too. Equal rates
    can be had by choosing the qualified of one group and anybody of another.

    How to read
    -----------
    ``ratio`` is the subject's rate over the reference's, ``difference`` the
    subject's less the reference's; by default every ordered pair of groups is
    compared, beyond 12 groups each with the rest. A group with no decided row
    has no rate; where the reference's rate is 0 the ratio is undefined. Of
    what no limit bounds the largest comparison is shown, without an interval,
    since it was chosen after looking; ``shown = "all"`` shows every one.
    ``flip_flop`` = 1: a single other decision would reverse the order, which
    by itself speaks against an adverse impact (29 CFR 1607, Q&A 21).

    Remedy
    ------
    Look at the group's error rates first, then at the threshold, and at how
    the group is represented in the training data.

    References
    ----------
    29 CFR 1607.4(D) (the four-fifths rule, a heuristic) and Questions and
    Answers no. 21; Feldman et al. 2015; Mantel & Haenszel 1959; Foulds et al.
    2020; limits of a ratio: Donner & Zou 2012, of a difference: Newcombe 1998.
    """
    require(cells, "prediction")
    require_class(cells, "favorable")
    _require_strata(cells, strata)
    wanted = None if shown == "all" else judged
    for view in views(cells, intersections=intersections):
        pairs = Comparison.of(cells.table(view), compare, reference)
        for more, table in class_tables(cells, view, "favorable"):
            selected = selection(table)
            sides = pairs.sides(table, selection, selected)
            show = partial(pairs.estimates, table, judged=wanted, more=more)
            yield from figures("rate", table, selected, more)
            simple = table.weight is None and table.buckets is None and table.noise_terms is None
            yield from _parity(sides, partial(show, fewest=sides.fewest), simple=simple)
            if simple:
                yield from _significance(sides, partial(show, fewest=sides.fewest))
            yield from _differential(table, pairs, sides, partial(show, fewest=sides.fewest))
            if strata:
                yield from _conditional(cells, strata, table, pairs, more, show)


def _truly(table: Table) -> Rate:
    """Share whose true outcome is favorable: what the decisions' differential fairness is held against."""
    favorable = np.any([table.truth_is(label) for label in table.favorable], axis=0)
    return rate(table, counted=favorable, among=table.truth_known)


def _parity(sides: Sides, show: Callable[..., Iterator[Estimate]], *, simple: bool) -> Iterator[Estimate]:
    """Ratio and difference and, of `simple` rows, whether a single decision would turn them around."""
    needed = swaps(sides.k, sides.n, sides.reference_k, sides.reference_n)
    notes = [_FLIP_FLOP if each == 1 and simple else None for each in needed.tolist()]
    ratio, difference = sides.limits("ratio"), sides.limits("difference")
    yield from show("ratio", ratio.value, ratio, form="ratio", notes=notes)
    yield from show("difference", difference.value, difference)
    if simple:
        count = needed.astype(float)
        yield from show("flip_flop", count, Certain(count))


def _significance(sides: Sides, show: Callable[..., Iterator[Estimate]]) -> Iterator[Estimate]:
    """Classic tests, shown beside the verdict: in standard deviations, and exact."""
    counts = (sides.k, sides.n, sides.reference_k, sides.reference_n)
    why = "a test of equality, not an estimate"
    for made in show("z", pooled_z(*counts), None, why=why):
        yield made
        place = made.place
        exact = fisher_exact(*(int(part[place]) for part in counts))
        yield replace(made, metric="fisher_p", value=exact)


def _differential(
    table: Table, pairs: Comparison, sides: Sides, show: Callable[..., Iterator[Estimate]]
) -> Iterator[Estimate]:
    """Smoothed differential fairness of the decisions, and by how much it exceeds the truth's."""
    why = "a smoothed figure has no interval"
    mine = _epsilon(sides)
    yield from show("differential_fairness", mine, None, symmetric=True, why=why)
    if table.truth_known.any():
        yield from show(
            "amplification", mine - _epsilon(pairs.sides(table, _truly)), None, symmetric=True, why=why
        )


def _epsilon(sides: Sides) -> Floats:
    subject, reference = (
        np.log((k + 0.5) / (n + 1)) for k, n in ((sides.k, sides.n), (sides.reference_k, sides.reference_n))
    )
    rejected = np.log1p(-np.exp(subject)) - np.log1p(-np.exp(reference))
    largest = np.maximum(np.abs(subject - reference), np.abs(rejected))
    return np.where((sides.n > 0) & (sides.reference_n > 0), largest, np.nan)


def _conditional(
    cells: Cells,
    strata: Sequence[str],
    table: Table,
    pairs: Comparison,
    more: Mapping[str, Any],
    show: Callable[..., Iterator[Estimate]],
) -> Iterator[Estimate]:
    """Rates in each stratum, and the comparison of groups within strata (Mantel-Haenszel)."""
    parts: list[Sides] = []
    weights: list[Floats] = []
    for stratum, within in _within(cells, strata, table):
        selected = selection(within)
        sides = pairs.sides(within, selection, selected)
        n, other = sides.n.astype(float), sides.reference_n.astype(float)
        parts.append(sides)
        weights.append(n * other / np.maximum(n + other, 1.0))
        for made in figures("rate", within, selected, {**more, "stratum": stratum}):
            if made.rows:
                yield made
    both = [weight > 0 for weight in weights]
    why = None if table.buckets is None else "rows of one person may lie in several strata: no interval"
    subject = pooled([part.subject for part in parts], weights)
    reference = pooled([part.reference for part in parts], weights)
    ratio, difference = Ratio(subject, reference), Difference.of_groups(subject, reference)
    fewest = (
        np.sum([np.where(there, part.n, 0) for there, part in zip(both, parts, strict=True)], axis=0),
        np.sum(
            [np.where(there, part.reference_n, 0) for there, part in zip(both, parts, strict=True)], axis=0
        ),
    )
    limits = (ratio, difference) if why is None else (None, None)
    yield from show("conditional_ratio", ratio.value, limits[0], form="ratio", fewest=fewest, why=why)
    yield from show("conditional_difference", difference.value, limits[1], fewest=fewest, why=why)


def _within(cells: Cells, strata: Sequence[str], table: Table) -> Iterator[tuple[dict[str, str], Table]]:
    """Counts of the same groups in each stratum that has a row."""
    view = tuple(table.groups[0])
    extra = tuple(name for name in strata if name not in view)
    whole = replace(cells.table((*view, *extra)), positive=table.positive, favorable=table.favorable)
    places: dict[tuple[str, ...], dict[tuple[str, ...], int]] = {}
    for i, group in enumerate(whole.groups):
        stratum = places.setdefault(tuple(group[name] for name in strata), {})
        stratum[tuple(group[name] for name in view)] = i
    for labels, held in places.items():
        index = np.array([held.get(tuple(group.values()), -1) for group in table.groups], dtype=np.int64)
        yield dict(zip(strata, labels, strict=True)), whole.picked(index, table.groups)


def _require_strata(cells: Cells, strata: Sequence[str]) -> None:
    absent = [name for name in strata if name not in (*cells.strata, *cells.attributes)]
    if absent:
        raise NotApplicable(
            f"{', '.join(absent)}: not among the strata of this evidence",
            supply='evidence collected with options."bias/selection-rate".strata, not made to be shared',
        )
