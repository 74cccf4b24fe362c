"""Does the model answer the same when it is asked again?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from trustkit.checks.base import Estimate, Metric, check
from trustkit.checks.facts import fact
from trustkit.evidence.provenance import Provenance
from trustkit.evidence.reruns import PROCESS, SINGLY, Reruns


@check(
    version="3",
    metrics={
        "changed": Metric(
            "share of decisions that change", "share", "of the drawn rows that are asked again"
        ),
        "score_changed": Metric(
            "share of scores that change",
            "share",
            "by more than 1e-9, of the drawn rows that are asked again",
        ),
        "unrecorded": Metric(
            "parts of the run that the card does not record",
            "count",
            "of four: the model's digest, the data's, the system's version, a file that locks the packages; "
            "seed, rows drawn and versions of the audit's own packages always are",
        ),
    },
)
def reproducibility(
    reruns: Reruns,
    provenance: Provenance | None = None,
    *,
    budget: float = 60.0,
    process: bool | None = None,
) -> Iterator[Estimate]:
    """Does the model answer the same when it is asked again?

    A seeded draw of the audited rows is put to the model again: twice as it
    was, once in another order, some rows one by one, all in batches of 1,000,
    and to the model in another process with another seed of hashes: a file is
    loaded once more, ``package.module:object`` is imported by a new
    interpreter. An object in memory is passed on to one where ``process`` says
    so, if it can be pickled. ``changed`` is the share of rows whose decision is
    not the one given first, ``score_changed`` the share whose score moved by
    more than 1e-9; rows asked one by one are asked for decisions alone.
    ``unrecorded`` counts what the card lacks to rebuild the run.

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
    with the size of a batch; that is shown and not judged. A module that trains
    its model when it is imported trains it once more in the other process.
    A ``budget`` of seconds bounds how many rows a slow model is asked.

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
        if mode == PROCESS and not changes.rows:
            continue
        yield _share("changed", changes.decisions, changes.rows, mode)
        if reruns.schema["score"] and mode != SINGLY:
            yield _share("score_changed", changes.scores, changes.rows, mode)
    if provenance is not None:
        parts = _recorded(provenance)
        lacking = [part for part, there in parts.items() if not there]
        note = f"Lacking: {', '.join(lacking)}" if lacking else None
        yield replace(fact("unrecorded", len(lacking), len(parts)), note=note)


def _recorded(provenance: Provenance) -> dict[str, bool]:
    """Whether each part of the run is recorded."""
    return {
        "a digest of the model": provenance.model_digest is not None,
        "a digest of the data": any(file.role == "audit" for file in provenance.files),
        "the system's version": provenance.version is not None,
        "a lock file of the packages": bool(provenance.locks),
    }


def _share(metric: str, changed: int, rows: int, mode: str) -> Estimate:
    return fact(metric, changed / max(rows, 1), rows, {"mode": mode})
