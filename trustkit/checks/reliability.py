"""Estimates of how far a score is from the truth it speaks of, for the groups of a view."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trustkit.checks.base import Estimate, Metric
from trustkit.checks.comparison import estimate
from trustkit.evidence.blocks import Ints
from trustkit.evidence.cells import Cells
from trustkit.evidence.tables import Scores, Table
from trustkit.measure.calibration import BINS, Curve, Gap, curve, gap, spiegelhalter
from trustkit.measure.intervals import BoundedMean, Floats, Limits
from trustkit.measure.metrics import brier
from trustkit.measure.rates import rate

FEWEST_ROWS = 100
"""Below this the limits of a calibration error do not hold their level (docs/statistics.md)."""

MOST_CURVES = 12
"""The curves of more groups than this are shown only on demand: ten figures each would fill a card."""

STRATA = [
    *(f"score {i / BINS:.1f}..<{(i + 1) / BINS:.1f}" for i in range(BINS - 1)),
    f"score {1 - 1 / BINS:.1f}..1.0",
]
"""Names of the bins of a reliability curve."""

_UNDEFINED = "undefined where no row has both a score and a truth"

METRICS = {
    "gap": Metric(
        "mean outcome less mean score",
        "difference",
        f"of each group by itself; above 0 the score understates; {_UNDEFINED}",
    ),
    "rmsce": Metric(
        "root mean squared calibration error",
        "difference",
        "of the gaps in ten equal bins of the score, weighed by rows, less what chance alone adds; "
        f"{_UNDEFINED}",
    ),
    "bin_gap": Metric(
        "mean outcome less mean score",
        "difference",
        "in each of ten equal bins of the score, right-open; above 0 the score understates; "
        "a bin without rows has none",
    ),
    "ece": Metric(
        "expected calibration error",
        "difference",
        "mean absolute gap over ten equal bins of the score, weighed by rows, less most of its bias (the "
        f"limits are of the figure with it); {_UNDEFINED}",
    ),
    "spiegelhalter": Metric(
        "Spiegelhalter's z",
        "z",
        "above 0: the score too near to 0 and 1, below 0: too near to 1/2; undefined where every "
        "score is 0, 1/2 or 1",
    ),
    "brier": Metric("Brier score", "share", f"mean of (outcome - score) squared; {_UNDEFINED}"),
}


@dataclass(frozen=True)
class Reliability:
    """Scores against truth in the groups of a view, measured once.

    Attributes
    ----------
    groups : list of dict
        As in `Table`.
    rows : array of int, shape (groups,)
        Rows of each group, with or without a score.
    table : Table
        Counts of the rows with a score.
    scores : Scores
        Score histograms of the rows with a truth.
    large : Gap
        Calibration in the large.
    curve : Curve
        Reliability curves.
    """

    groups: list[dict[str, str]]
    rows: Ints
    table: Table
    scores: Scores
    large: Gap
    curve: Curve

    @classmethod
    def of(cls, cells: Cells, view: tuple[str, ...]) -> Reliability:
        """Measure the groups of a view."""
        table, scores = cells.table(view, scored=True), cells.scores(view)
        large = gap(table)
        return cls(
            table.groups, cells.table(view).rows, table, scores, large, curve(scores, large.size, large.df)
        )

    @property
    def independent(self) -> bool:
        """Whether each row counts once and by itself."""
        return self.table.weight is None and self.table.buckets is None

    def subject(self, i: int) -> dict[str, Any]:
        """The group at a place, as a subject."""
        return {"groups": self.groups[i]} if self.groups[i] else {}

    def figures(
        self, metric: str, value: Floats, n: Ints, limits: Limits | None, *, two_sided: bool = False
    ) -> Iterator[Estimate]:
        """One estimate a group."""
        columns = zip(value.tolist(), n.tolist(), self.rows.tolist(), strict=True)
        for i, (each, count, rows) in enumerate(columns):
            yield estimate(metric, self.subject(i), each, count, rows, limits, i, two_sided=two_sided)


def calibration_figures(
    measured: Reliability, judged: Collection[str] | None, *, shown: bool
) -> Iterator[Estimate]:
    """Figures of each group of a view.

    Parameters
    ----------
    measured : Reliability
        The groups.
    judged : collection of str or None
        Metrics of which every estimate is wanted; None for all.
    shown : bool
        Whether figures that nothing judges are shown of these groups, beside
        calibration in the large and RMSCE; curves of at most `MOST_CURVES` groups.
    """
    large = measured.large
    yield from measured.figures("gap", large.value, large.n, large.limits, two_sided=True)
    yield from calibration_errors(measured)
    rest = {"bin_gap": _bins, "ece": _ece, "spiegelhalter": _spiegelhalter, "brier": _brier}
    for metric, estimates in rest.items():
        asked = judged is None or metric in judged
        if asked or (shown and (metric != "bin_gap" or len(measured.groups) <= MOST_CURVES)):
            yield from (made for made in estimates(measured) if asked or made.n)


def calibration_errors(measured: Reliability) -> Iterator[Estimate]:
    """RMSCE of each group of a view."""
    value, limits = measured.curve.rmsce()
    few = f"fewer than {FEWEST_ROWS} rows with a score and a truth"
    for made in measured.figures("rmsce", value, measured.large.n, limits):
        yield replace(made, limits=None, why=few) if made.n < FEWEST_ROWS else made


def _bins(measured: Reliability) -> Iterator[Estimate]:
    """The reliability curve, bin by bin."""
    curve, limits = measured.curve, measured.curve.limits()
    columns = zip(curve.gap.ravel().tolist(), curve.n.ravel().tolist(), strict=True)
    for place, (value, n) in enumerate(columns):
        i, j = divmod(place, BINS)
        subject, rows = {**measured.subject(i), "stratum": STRATA[j]}, int(measured.rows[i])
        yield estimate("bin_gap", subject, value, n, rows, limits, place, two_sided=True)


def _ece(measured: Reliability) -> Iterator[Estimate]:
    value, limits = measured.curve.ece()
    yield from measured.figures("ece", value, measured.large.n, limits)


def _spiegelhalter(measured: Reliability) -> Iterator[Estimate]:
    if measured.independent:
        value, why = spiegelhalter(measured.scores), "a test of perfect calibration, not a size: no interval"
    else:
        value, why = np.full(len(measured.rows), np.nan), "only for independent rows of equal weight"
    for made in measured.figures("spiegelhalter", value, measured.large.n, None):
        known = made.n == 0 or (measured.independent and made.why is not None)
        yield made if known else replace(made, why=why)


def _brier(measured: Reliability) -> Iterator[Estimate]:
    table = measured.table
    value, variance = brier(measured.scores)
    truth = rate(table, counted=table.truth_positive, among=table.truth_known)
    limits = BoundedMean(value, variance, truth.limits.n, truth.limits.df)
    yield from measured.figures("brier", value, measured.large.n, limits)
