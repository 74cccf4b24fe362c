"""Are people in the audit whom the model was trained on?"""

from __future__ import annotations

from collections.abc import Iterator

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.evidence.overlaps import Match, Overlaps
from trustkit.measure.recurrence import beyond_chance


@check(
    version="1",
    metrics={
        "shared": Metric(
            "overlap of persons with training",
            "share",
            "share of audited persons whom training has too; by the declared unit: of the persons of the "
            "audit; by a column of names: of its rows, less the share that recurs by chance, which is that "
            "of training rows of which training has another",
        ),
    },
)
def same_person(overlaps: Overlaps) -> Iterator[Estimate]:
    """Are people in the audit whom the model was trained on?

    Persons are told by ``data.unit`` and by columns of words, or of whole
    numbers of eight digits and more, of which nearly each occurs once: names,
    addresses of mail, numbers of documents and telephones; days and texts of
    more than five words are none. ``shared`` is the share of those in the
    audit whom training has too.

    Formula
    -------
    By the unit: persons in both / persons in the audit, Clopper-Pearson
    limits. By a column of names: the share of rows whose name training has,
    less the share of training rows whose name occurs twice there (namesakes),
    limits by MOVER. Case and spaces make no other name.

    Why it matters
    --------------
    A model may know a person by heart: what it says of them in the audit says
    nothing of strangers. And whoever is in both tables is held twice, for two
    purposes, and has to be found in both when they ask to be forgotten.

    When it misleads
    ----------------
    Some systems decide about the same people again, and are right to: then
    split by time, and say so in a waiver. A unit that is numbered anew in each
    table shows persons in common who are none. A person under two spellings is
    not found.

    How to read
    -----------
    0.01 means one person in a hundred. Names were compared while the evidence
    was collected; only these counts were kept.

    Remedy
    ------
    Draw persons, not rows, into training and audit: all rows of one person on
    one side.

    References
    ----------
    GDPR Art. 5(1)(c) and 17; Saeb et al. 2017 (record-wise and subject-wise splits).
    """
    if not overlaps.declared["train"]:
        raise NotApplicable(
            "there are no training rows", supply="data.train: the rows that it was trained on"
        )
    if not overlaps.persons:
        raise NotApplicable("no column names persons: data.unit would")
    for name, match in overlaps.persons.items():
        yield _shared(name, match)


def _shared(name: str, match: Match) -> Estimate:
    subject = {"column": name}
    if not match.rows:
        return Estimate("shared", subject, float("nan"), 0, 0, why="no value is there")
    limits = beyond_chance(match)
    value, n = max(float(limits.value[0]), 0.0), match.rows
    return Estimate("shared", subject, value, n, n, reference_n=match.train_rows, limits=limits)
