"""The collector of buckets: count what is decided, and what a baseline decided, by bucket of the row."""

from __future__ import annotations

from trustkit.collectors.cells import collect_cells
from trustkit.collectors.sources import Sources
from trustkit.evidence import Unavailable
from trustkit.evidence.buckets import Buckets


def collect_buckets(sources: Sources) -> Buckets:
    """Count the audited rows by group, truth and decision in each bucket.

    The bucket of a row is its place modulo 256, or that of its unit.

    Raises
    ------
    Unavailable
        Where there are no decisions to count.
    """
    decisions = None if sources.task == "regression" else sources.decisions()
    if decisions is None:
        raise Unavailable(
            "there are no decisions to compare row by row",
            supply="data.prediction: the column with the decision, or system.model",
        )
    before, column = None, sources.data.baseline_prediction
    if column is not None:
        before = collect_cells(sources, decisions=sources.labels(column))
    return Buckets(collect_cells(sources, decisions=decisions), before)
