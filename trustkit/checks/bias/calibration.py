"""Does a score mean the same in every group?"""

from __future__ import annotations

from collections.abc import Iterator

from trustkit.checks.base import Estimate, check
from trustkit.checks.comparison import require, views
from trustkit.checks.reliability import METRICS, calibration_figures
from trustkit.evidence.cells import Cells


@check(version="1", metrics=METRICS)
def calibration(cells: Cells, *, intersections: bool = True) -> Iterator[Estimate]:
    """Does a score mean the same in every group?

    Within each group: ``gap`` is the mean outcome less the mean score
    (calibration in the large); ``rmsce`` the root mean squared gap over ten
    equal bins of the score, weighted by rows, less what chance alone adds.

    Why it matters
    --------------
    A score of 0.7 should come true for 70 % of each group. Where it does not,
    the same threshold asks more of one group than of another.

    How to read
    -----------
    A positive gap: the score understates the outcome for the group. A limit on
    the gap holds on both sides. With few rows the error is uncertain, and
    *inconclusive* the right verdict.

    Remedy
    ------
    Recalibrate (isotonic or Platt) on held-out rows, where the gap is confined
    to some groups with their attribute or its causes among the inputs.

    References
    ----------
    Kleinberg, Mullainathan & Raghavan 2016; Hoeffding 1956.
    """
    require(cells, "truth", "score", "positive")
    for view in views(cells, intersections=intersections):
        yield from calibration_figures(cells, view)
