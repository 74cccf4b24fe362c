"""Does the system fare worse for a subgroup that nobody named?"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.excesses import EXCESSES, MORE_ROWS, NO_SIDE, excesses, of_slices, sides
from trustkit.evidence.slices import ERROR, REFUSAL, Slices
from trustkit.measure.intervals import Difference, Ratio


@check(
    version="1",
    metrics={
        **EXCESSES,
        "selection_ratio": Metric(
            "selection rate ratio",
            "ratio",
            f"the subgroup's over that of all others; {NO_SIDE} or the others' rate is 0",
        ),
        "selection_difference": Metric(
            "selection rate difference",
            "difference",
            f"the subgroup's less that of all others; {NO_SIDE}",
        ),
    },
)
def subgroups(slices: Slices, *, judged: Collection[str] | None = None) -> Iterator[Estimate]:
    """Does the system fare worse for a subgroup that nobody named?

    All inputs and sensitive columns are searched, on one half of the rows,
    for subgroups by up to three conditions where more decisions are wrong,
    or fewer are favorable, than in the rest. At most ten of each kind, those
    that stand out, or the best three where none does, are then measured on the
    other half, which the search has not seen.

    Formula
    -------
    Inside and outside of a subgroup, on the half judged: ``excess_error`` =
    wrong / decided inside less the same outside; ``selection_ratio`` and
    ``selection_difference`` of the shares of favorable decisions. Of a
    predicted quantity ``excess_large_error`` takes the place of the error: a
    row counts whose absolute error is above the 75th percentile of those
    searched. The search ranks by the excess less as many standard errors as
    the best of all such subgroups would gain by chance (some 4 for one
    condition, 5 for two, 6 for three), drops a condition that shuts out rows
    no better than those inside, and passes over what earlier ones mostly
    hold. A subgroup has at least 1.5 % of the rows and 30, and at most half.

    Why it matters
    --------------
    Whom a system fails need not be a group that someone thought to declare:
    it may be the young in one region, or long contracts of a small branch.
    Error rates that are alike by sex and by age may hide such a place.

    When it misleads
    ----------------
    A search never shows that no such subgroup exists. A pass says that none
    of those found is beyond the limit, and how small an excess each could
    have shown (``detectable``); smaller subgroups, and those along columns
    that are not there, are not looked at. Decisions rest on the inputs, so
    the subgroups of the lowest selection rate often just restate the rule:
    read them for a sensitive attribute that should play no part. With another
    seed the halves differ, and so may the subgroups.

    How to read
    -----------
    Conditions are joined: ``region=north,age=<25`` is who meets both. Numbers
    are cut at round values near fixed shares of the half searched; rare
    labels are pooled into ``(other)``. The figure of the half searched is
    told beside: it flatters the search, so the one judged tends to be less.
    Weights and units count as they do elsewhere; a person is never in both
    halves. Where parts of the data were added, each subgroup is measured on
    the parts where it was found.

    Remedy
    ------
    Look at rows of the subgroup: are they few in the training data, measured
    otherwise, or mislabeled? Gather more of them, or let a person decide there.

    References
    ----------
    Chung et al. 2019 (Slice Finder); Sagadeeva & Boehm 2021 (SliceLine);
    Kearns et al. 2018; halves against the winner's curse: Cox 1975; limits:
    Newcombe 1998, Donner & Zou 2012.
    """
    if not any(search.slices for search in slices.searches.values()):
        raise NotApplicable("no subgroup is large enough to be searched for", supply=MORE_ROWS)
    for event in slices.searches:
        yield from _selections(slices, judged) if event == REFUSAL else excesses(slices, event)
    if ERROR not in slices.searches or not slices.searches[ERROR].slices:
        yield _lacking(slices)


def _selections(slices: Slices, judged: Collection[str] | None) -> Iterator[Estimate]:
    """The ratio of selection rates, and their difference where that is judged."""
    best, inside, outside = sides(slices, REFUSAL)
    told: dict[str, Difference | Ratio] = {"selection_ratio": Ratio(inside.limits, outside.limits)}
    if judged is None or "selection_difference" in judged:
        told["selection_difference"] = Difference.of_groups(inside.limits, outside.limits)
    for metric, limits in told.items():
        yield from of_slices(metric, REFUSAL, best, limits, inside, outside)


def _lacking(slices: Slices) -> Estimate:
    """An excess of errors that cannot be told, with what would have to be supplied."""
    if slices.schema["task"] == "regression":
        why = "a predicted quantity is not just right or wrong"
        supply = 'limits."bias/subgroups".max_excess_large_error: a limit on large errors'
    elif ERROR in slices.searches:
        why, supply = "too few rows have a truth and a decision", MORE_ROWS
    else:
        why, supply = "no truth is declared", "data.target: the column with the true outcome"
    return Estimate("excess_error", {}, float("nan"), 0, 0, why=why, supply=supply)
