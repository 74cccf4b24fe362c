"""Estimates of the share of truths that intervals, or sets of classes, hold: of everybody and by group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from trustkit.checks.base import Estimate, Metric
from trustkit.checks.comparison import FEWEST_SHOWN, estimate, figures
from trustkit.evidence.cells import Cells
from trustkit.evidence.confidences import HELD
from trustkit.measure.intervals import Linear
from trustkit.measure.rates import rate

COVERAGE = Metric("coverage", "share", "truths that their interval or set holds; undefined without any")


def coverage(cells: Cells, *, all_groups: bool) -> Iterator[Estimate]:
    """Estimate the coverage of everybody, and of groups.

    Parameters
    ----------
    cells : Cells
        The truth is whether it was held.
    all_groups : bool
        Whether every group of each attribute is told, or that with the least coverage alone.
    """
    yield from _of_view(cells, ())
    for name in cells.attributes:
        found = _of_view(cells, (name,))
        if all_groups:
            yield from found
            continue
        large = [each for each in found if each.n >= FEWEST_SHOWN]
        if len(large) > 1:
            least = min(large, key=lambda each: each.value)
            yield replace(least, note=f"The least of {len(large)} groups of {name}")


def undercoverage(cells: Cells, level: float) -> Estimate:
    """Estimate by how much coverage falls short of a level: the share missed less the share that may be."""
    table = cells.table()
    missed = rate(table, counted=table.truth_known & ~table.truth_is(HELD), among=table.truth_known)
    allowed = 1 - level
    limits = Linear(missed.limits, np.ones(1), np.array([-allowed]))
    value, n, rows = float(missed.value[0] - allowed), int(missed.n[0]), int(table.rows[0])
    return estimate("undercoverage", {}, value, n, rows, limits, 0)


def _of_view(cells: Cells, view: tuple[str, ...]) -> list[Estimate]:
    table = cells.table(view)
    held = rate(table, counted=table.truth_is(HELD), among=table.truth_known)
    return list(figures("coverage", table, held))
