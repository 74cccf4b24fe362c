"""Estimates of how much more often an event befell the rows of a slice than all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trustkit.checks.base import Estimate, Metric
from trustkit.checks.comparison import estimate
from trustkit.evidence.slices import ERROR, EVENTS, LARGE_ERROR, REFUSAL, Slice, Slices
from trustkit.evidence.tables import Table
from trustkit.measure.intervals import Difference, Ratio
from trustkit.measure.rates import Rate, rate

MORE_ROWS = "more rows: 60 at least in the half that is searched"
NO_SIDE = "undefined where a side has no row"

EXCESSES = {
    f"excess_{ERROR}": Metric(
        "excess error rate",
        "difference",
        f"share of wrong decisions in the subgroup less that of all others; {NO_SIDE}",
    ),
    f"excess_{LARGE_ERROR}": Metric(
        "excess share of large errors",
        "difference",
        "share of errors above the 75th percentile of those searched, in the subgroup less that of all "
        f"others; {NO_SIDE}",
    ),
}


def sides(slices: Slices, event: str) -> tuple[Sequence[Slice], Rate, Rate]:
    """Slices of a search that are judged, and the rates of the event inside and outside of them.

    Of refusals the rates are those of their opposite, selections.
    """
    best = slices.searches[event].best
    inside, outside = (_measured(table, event) for table in slices.tables(best))
    return best, inside, outside


def excesses(slices: Slices, event: str) -> Iterator[Estimate]:
    """Estimate the excess of an event in each slice that is judged."""
    best, inside, outside = sides(slices, event)
    limits = Difference.of_groups(inside.limits, outside.limits)
    yield from of_slices(f"excess_{event}", event, best, limits, inside, outside)


def of_slices(
    metric: str, event: str, found: Sequence[Slice], limits: Difference | Ratio, inside: Rate, outside: Rate
) -> Iterator[Estimate]:
    """One estimate a slice, with what the half searched says beside it."""
    columns = zip(found, limits.value.tolist(), inside.n.tolist(), outside.n.tolist(), strict=True)
    for i, (each, value, n, reference_n) in enumerate(columns):
        subject = {"groups": dict(each.conditions), "reference": "rest"}
        note = f"On the half searched {EVENTS[event]} were {100 * each.excess:+.1f} points more frequent"
        yield estimate(metric, subject, value, n, n, limits, i, reference_n=reference_n, note=note)


def _measured(table: Table, event: str) -> Rate:
    befell = table.truth_positive
    return rate(table, counted=~befell if event == REFUSAL else befell, among=table.truth_known)
