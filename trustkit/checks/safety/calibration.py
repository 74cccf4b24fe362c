"""Does the score say how likely the outcome is?"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from trustkit.checks.base import Estimate, Metric, check
from trustkit.checks.comparison import require
from trustkit.checks.reliability import METRICS, Reliability, calibration_figures
from trustkit.evidence.cells import Cells
from trustkit.measure.calibration import decomposition

_PART = "Brier score = reliability - resolution + uncertainty, over ten equal bins of the score"


@check(
    version="2",
    metrics={
        **METRICS,
        "reliability": Metric("reliability part of the Brier score", "share", f"{_PART}; smaller is better"),
        "resolution": Metric("resolution part of the Brier score", "share", f"{_PART}; larger is better"),
        "uncertainty": Metric(
            "uncertainty part of the Brier score", "share", f"{_PART}; the outcome's own, whatever the score"
        ),
    },
)
def calibration(cells: Cells, *, judged: Collection[str] | None = None) -> Iterator[Estimate]:
    """Does the score say how likely the outcome is?

    Over all rows with a score and a truth. The score is that of the positive
    class, of however many there are.

    Formula
    -------
    ``gap`` = mean outcome - mean score (calibration in the large). In ten equal
    bins b of the score, with share w_b of the rows: ``bin_gap`` d_b = mean
    outcome - mean score, the reliability curve; ``rmsce`` = sqrt(sum w_b d_b^2)
    and ``ece`` = sum w_b abs(d_b), each less what chance alone adds.
    ``spiegelhalter`` = sum (y - s)(1 - 2s) / sqrt(sum (1 - 2s)^2 s(1 - s)).
    ``brier`` = mean of (y - s)^2 = ``reliability`` - ``resolution`` +
    ``uncertainty``: sum w_b d_b^2, what telling the bins and the scores within
    them apart is worth, and the outcome's variance.

    Why it matters
    --------------
    A score that overstates or understates misleads whoever weighs it, and every
    threshold that was set by its face value.

    When it misleads
    ----------------
    A constant score that equals the base rate is calibrated and says nothing:
    look at the resolution. A gap of 0 may hide errors that cancel; RMSCE does
    not. Errors within a bin of the score are not seen. ECE and Spiegelhalter's
    z grow surer with rows, not worse with error: they are shown, not judged.

    How to read
    -----------
    Gaps are in units of probability, above 0 where the score understates. A
    limit on a gap holds on both sides. A limit on ``bin_gap`` asks it of each of
    the ten bins: one without rows leaves the control open.

    Remedy
    ------
    Recalibrate (isotonic or Platt) on held-out rows; look for a change of base
    rate between training and use.

    References
    ----------
    Hoeffding 1956; Murphy 1973; Spiegelhalter 1986; Naeini, Cooper &
    Hauskrecht 2015 (ECE); Stephenson, Coelho & Jolliffe 2008; Kumar, Liang &
    Ma 2019.
    """
    require(cells, "truth", "score", "positive")
    measured = Reliability.of(cells, ())
    yield from calibration_figures(measured, judged, shown=True)
    for name, value in decomposition(measured.scores, measured.curve).items():
        for made in measured.figures(name, value, measured.large.n, None):
            yield replace(made, why=made.why or "a part of the Brier score: no interval")
