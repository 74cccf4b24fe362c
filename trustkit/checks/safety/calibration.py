"""Does the score say how likely the outcome is?"""

from __future__ import annotations

from collections.abc import Iterator

from trustkit.checks.base import Estimate, check
from trustkit.checks.comparison import require
from trustkit.checks.reliability import METRICS, calibration_figures
from trustkit.evidence.cells import Cells


@check(version="1", metrics=METRICS)
def calibration(cells: Cells) -> Iterator[Estimate]:
    """Does the score say how likely the outcome is?

    Over all rows: ``gap`` is the mean outcome less the mean score; ``rmsce``
    the root mean squared gap over ten equal bins of the score, weighted by
    rows, less what chance alone adds.

    Why it matters
    --------------
    A score that overstates or understates misleads whoever weighs it, and every
    threshold that was set by its face value.

    How to read
    -----------
    Both are in units of probability. A limit on the gap holds on both sides.

    Remedy
    ------
    Recalibrate (isotonic or Platt) on held-out rows; look for a change of base
    rate between training and use.

    References
    ----------
    Hoeffding 1956; Murphy 1973.
    """
    require(cells, "truth", "score", "positive")
    yield from calibration_figures(cells, ())
