"""Does the model answer the same when it is asked again?"""

from __future__ import annotations

from collections.abc import Iterator

from trustkit.checks.base import Estimate, Metric, check
from trustkit.checks.facts import fact
from trustkit.evidence.reruns import Reruns


@check(
    version="1",
    metrics={
        "changed": Metric("share of decisions that change", "share"),
        "score_changed": Metric("share of scores that change", "share"),
    },
)
def reproducibility(reruns: Reruns) -> Iterator[Estimate]:
    """Does the model answer the same when it is asked again?

    A seeded draw of the audited rows is put to the model again: twice as it
    was, once in another order, some rows one by one, all in batches of 1,000.
    ``changed`` is the share of them whose decision is not the one given
    first, ``score_changed`` the share whose score moved by more than 1e-9.

    Why it matters
    --------------
    A decision that depends on the hour, on chance or on who else is in the
    batch can be neither explained nor contested, and no measurement of the
    system holds for its next run.

    How to read
    -----------
    Each figure is a fact about the rows asked, not an estimate: one changed
    decision is a change. None among them does not prove that none occurs. A
    model that fixes its seed at each call answers the same and may still
    depend on the order. Scores of a network may move in the seventh digit
    with the size of a batch; that is shown and not judged.

    Remedy
    ------
    Fix the seeds where the model is made, not where it is asked; drop what a
    row takes from its neighbors (ranks, batch statistics, state that is kept
    between calls); run layers that differ in training in their mode of use.

    References
    ----------
    NIST AI RMF, MEASURE 2.5; Pham et al. 2020 (variance of deep learning systems).
    """
    for mode, changes in reruns.modes.items():
        yield _share("changed", changes.decisions, changes.rows, mode)
        if reruns.schema["score"]:
            yield _share("score_changed", changes.scores, changes.rows, mode)


def _share(metric: str, changed: int, rows: int, mode: str) -> Estimate:
    return fact(metric, changed / max(rows, 1), rows, {"mode": mode})
