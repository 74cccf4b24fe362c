"""Where is the model materially worse?"""

from __future__ import annotations

from collections.abc import Iterator

from trustkit.checks.base import Estimate, NotApplicable, check
from trustkit.checks.excesses import EXCESSES, MORE_ROWS, excesses
from trustkit.evidence.slices import REFUSAL, Slices


@check(version="1", metrics=EXCESSES)
def weak_slices(slices: Slices) -> Iterator[Estimate]:
    """Where is the model materially worse?

    Segments of the rows, by up to three conditions on any input or sensitive
    column, where more decisions are wrong than in all other rows. They are
    sought on one half of the rows; those that stand out, at most ten, or the best
    three where none does, are then measured on the other half, which the search
    has not seen.

    Formula
    -------
    On the half judged: ``excess_error`` = wrong / decided inside of the slice
    less the same outside. Of a predicted quantity ``excess_large_error``: a row
    counts whose absolute error is above the 75th percentile of those searched.
    The search is that of `bias/subgroups`. Slices that mostly repeat an earlier
    one are passed over, conditions that add nothing are dropped, and a range is
    widened as long as it stands out more: those that touch are told as one.

    Why it matters
    --------------
    A model that is right nine times in ten may be right six times in ten for
    the old, for one branch or for one kind of device. The average does not say
    so, and those who are there meet no average.

    When it misleads
    ----------------
    A pass says that none of the slices found is beyond the limit, not that there
    is none: below 1.5 % of the rows, or along columns that are not there, nothing
    is looked at. ``detectable`` tells how small an excess would have been seen. A
    slice where the outcome itself is a toss-up is weak for every model. Errors of
    a quantity grow with it, so its largest values are often the slice: their
    figures are shown, and judged only by a limit of your own.

    How to read
    -----------
    Conditions are joined: ``region=north,age=>=60`` is who meets both. An excess
    of .05 is five more wrong decisions in a hundred than elsewhere. What the half
    searched says stands beside it; that flatters the search, so the figure judged
    tends to be less.

    Remedy
    ------
    Look at rows of the slice: are they few in training, measured otherwise, or
    mislabeled? Gather more of them, or let a person decide there.

    References
    ----------
    Chung et al. 2019 (Slice Finder); Sagadeeva & Boehm 2021 (SliceLine); halves
    against the winner's curse: Cox 1975; limits: Newcombe 1998.
    """
    events = [event for event in slices.searches if event != REFUSAL]
    if not events:
        raise NotApplicable("no truth is declared", supply="data.target: the column with the true outcome")
    if not any(slices.searches[event].slices for event in events):
        raise NotApplicable("no slice is large enough to be searched for", supply=MORE_ROWS)
    for event in events:
        yield from excesses(slices, event)
