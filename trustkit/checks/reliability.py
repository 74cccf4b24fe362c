"""Estimates of how far a score is from the truth it speaks of, for the groups of a view."""

from __future__ import annotations

from collections.abc import Iterator

from trustkit.checks.base import Estimate, Metric
from trustkit.checks.comparison import estimate
from trustkit.evidence.cells import Cells
from trustkit.measure.calibration import gap, reliability

FEWEST_ROWS = 100
"""Below this the limits of a calibration error do not hold their level (docs/statistics.md)."""

METRICS = {
    "gap": Metric("mean outcome less mean score", "difference"),
    "rmsce": Metric("root mean squared calibration error", "difference"),
}


def calibration_figures(cells: Cells, view: tuple[str, ...]) -> Iterator[Estimate]:
    """Calibration in the large (a limit holds on both sides) and RMSCE of each group of a view."""
    table, rows = cells.table(view, scored=True), cells.table(view).rows
    large = gap(table)
    error, limits = reliability(cells.scores(view), large.size)
    for i, group in enumerate(table.groups):
        subject = {"groups": group} if group else {}
        n, of = int(large.n[i]), int(rows[i])
        yield estimate("gap", subject, large.value[i], n, of, large.limits, i, two_sided=True)
        if n < FEWEST_ROWS:
            why = f"fewer than {FEWEST_ROWS} rows with a score and a truth"
            yield Estimate("rmsce", subject, float(error[i]), n, of, why=why)
        else:
            yield estimate("rmsce", subject, error[i], n, of, limits, i)
