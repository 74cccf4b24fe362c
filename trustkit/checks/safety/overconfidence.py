"""Is the system wrong no more often than its confidence admits?"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.comparison import estimate
from trustkit.checks.holding import COVERAGE, coverage
from trustkit.evidence.cells import Cells
from trustkit.evidence.confidences import WRONG, Confidences, parted
from trustkit.evidence.score_bins import score_bins
from trustkit.evidence.tables import Table
from trustkit.measure.calibration import gap
from trustkit.measure.confidence import doubted, first_bin, risk_curve_area, side_by_side
from trustkit.measure.intervals import Difference, Linear
from trustkit.measure.rates import Mask, rate

COVERED = {"most confident 8 in 10": 0.8, "most confident 9 in 10": 0.9, "all": 1.0}
"""Rows whose error is told: the most confident, up to these shares."""

ABSTAINED = 0.9
"""Share that is still decided where the system abstains from the rest."""

_NONE = "undefined where there is no such decision"


@check(
    version="1",
    metrics={
        "overconfidence": Metric(
            "mean confidence less share of right decisions",
            "difference",
            "the confidence is the probability that the system gives to what it decides; below 0 it is right "
            f"more often than it says; {_NONE}",
        ),
        "confident_share": Metric(
            "share of confident decisions", "share", "those of at least the confidence that the options name"
        ),
        "confident_errors": Metric("share of confident decisions that are wrong", "share", _NONE),
        "confident_excess": Metric(
            "confident errors beyond those admitted",
            "difference",
            f"share of confident decisions that are wrong, less their mean of 1 - confidence; {_NONE}",
        ),
        "selective_error": Metric(
            "share of wrong decisions",
            "share",
            f"of the most confident rows alone, whole bins of equal confidence at once; {_NONE}",
        ),
        "aurc": Metric(
            "area under the risk-coverage curve",
            "share",
            f"mean error of the most confident rows over how many of them are decided; {_NONE}",
        ),
        "abstention_gain": Metric(
            "errors spared by abstaining",
            "difference",
            "share of wrong decisions of all less that of the most confident nine in ten; undefined where "
            "all are equally confident",
        ),
        "coverage": COVERAGE,
        "set_size": Metric("classes in a set", "count", f"mean over the rows; {_NONE}"),
    },
)
def overconfidence(
    confidences: Confidences,
    *,
    confident: float = 0.9,
    level: float = 0.9,
    judged: Collection[str] = (),
) -> Iterator[Estimate]:
    """Is the system wrong no more often than its confidence admits?

    The confidence of a decision is the probability that the system itself
    gives to it. A system that says 95 % may be wrong once in twenty times.
    Beside that: how often decisions are wrong that it is sure of, what would be
    won if it left the doubtful ones to a person, and how many truths are held by
    sets of classes that are made to hold ``level`` of them.

    Formula
    -------
    ``overconfidence`` = mean confidence - right / decided. Of the rows of a
    confidence of at least ``confident``: ``confident_errors`` = wrong / all, and
    ``confident_excess`` = that less the mean of 1 - confidence.
    ``selective_error`` = wrong / all of the most confident 80, 90 and 100 %;
    ``aurc`` its mean over all shares; ``abstention_gain`` = that of 100 % less
    that of 90 %. Sets by split conformal prediction: on half of the rows, drawn
    by the seed, the ceil((n + 1) level)-th largest probability of the truth is
    the bound; on the other half a set holds each class of that probability or
    more, and ``coverage`` is the share of sets with the truth.

    Why it matters
    --------------
    Whoever sees a sure answer looks no further. Confident errors are those that
    nobody catches, and a threshold of doubt that sends cases to a person works
    only where doubt tells errors apart.

    When it misleads
    ----------------
    The mean over all rows may hide that the system is too sure of some and not
    sure enough of others: see `safety/calibration`. Conformal sets hold
    ``level`` of all truths whatever the model, as long as the rows are of one
    kind: their overall coverage tells nothing about it. The coverage of groups
    does: the bound is set on all, and a group whose coverage falls short is one
    in which the model's doubt is worth less. Where the decision is not the
    likelier class its confidence may be under one half.

    How to read
    -----------
    Overconfidence of .05: in a hundred decisions five more are wrong than the
    system says. Where no decision is declared the likelier class is taken. Of
    each attribute the group with the least coverage is shown; a limit on
    ``coverage`` asks it of every group. An ``abstention_gain`` near 0: doubt
    does not tell errors apart, and abstaining by it would be of no use.

    Remedy
    ------
    Recalibrate on held-out rows (temperature, isotonic), and send decisions
    under a confidence chosen on the risk-coverage curve to a person.

    References
    ----------
    Guo et al. 2017 (temperature); Geifman & El-Yaniv 2017 (selective
    classification); Sadinle, Lei & Wasserman 2019 (conformal sets); Hoeffding
    1956; Newcombe 1998.
    """
    cells = confidences.decided
    if cells is None:
        raise NotApplicable("the system predicts a quantity, and this is about classes")
    if not 0 < confident < 1:
        raise ValueError(f"confident: {confident!r} is not between 0 and 1")
    made_for = confidences.schema["level"]
    if level != made_for:
        raise ValueError(f"level: the sets of this evidence were made to hold {made_for}: collect anew")
    yield from _stated(cells)
    yield from _confident(cells, confident)
    yield from _selective(cells)
    if confidences.intervals is not None:
        yield from coverage(confidences.intervals, all_groups="coverage" in judged)
        yield from _sizes(confidences.intervals)


def _stated(cells: Cells) -> Iterator[Estimate]:
    table = doubted(cells.table(scored=True), WRONG)
    found = gap(table)
    yield estimate("overconfidence", {}, found.value[0], int(found.n[0]), int(table.rows[0]), found.limits, 0)


def _confident(cells: Cells, confident: float) -> Iterator[Estimate]:
    """Decisions of at least some confidence: how many, and how many of them are wrong."""
    first = int(score_bins(np.array([confident]))[0])
    table, above = _apart(cells, first)
    rows = int(table.rows[0])
    share = rate(table, counted=above, among=table.truth_known)
    errors = rate(table, counted=table.truth_is(WRONG), among=above)
    excess = gap(doubted(parted(cells, first)[0].table(scored=True), WRONG))
    n, at = int(errors.n[0]), f"confidence {confident:g} and above"
    yield estimate("confident_share", {"stratum": at}, share.value[0], int(share.n[0]), rows, share.limits, 0)
    yield estimate("confident_errors", {"stratum": at}, errors.value[0], n, rows, errors.limits, 0)
    yield estimate("confident_excess", {"stratum": at}, excess.value[0], n, rows, excess.limits, 0)


def _selective(cells: Cells) -> Iterator[Estimate]:
    """Errors of the most confident rows alone, and what is won by leaving out the rest."""
    scores, rows = cells.scores(), cells.rows
    for stratum, share in COVERED.items():
        table, above = _apart(cells, first_bin(scores, share))
        errors = rate(table, counted=table.truth_is(WRONG), among=above)
        value, n = errors.value[0], int(errors.n[0])
        yield estimate("selective_error", {"stratum": stratum}, value, n, rows, errors.limits, 0)
    area = estimate("aurc", {}, risk_curve_area(scores), rows, rows, None, 0)
    yield replace(area, why=area.why or "a mean over many shares of the same rows: no interval")
    yield from _gain(cells, first_bin(scores, ABSTAINED))


def _gain(cells: Cells, first: int) -> Iterator[Estimate]:
    """Errors of all less those of the most confident: the share of the rest times how much worse they are."""
    table, above = _apart(cells, first)
    wrong, known = table.truth_is(WRONG), table.truth_known
    kept, rest = (rate(table, counted=wrong, among=among) for among in (above, known & ~above))
    left = rate(table, counted=known & ~above, among=known)
    apart = Difference.of_groups(rest.limits, kept.limits)
    value = float(left.value[0] * apart.value[0])
    limits = Linear(apart, np.nan_to_num(left.value), np.zeros(1))
    n, reference_n = int(rest.n[0]), int(kept.n[0])
    note = f"Abstaining from {100 * left.value[0]:.1f} % of the decisions" if n else None
    yield estimate("abstention_gain", {}, value, n, cells.rows, limits, 0, reference_n=reference_n, note=note)


def _sizes(cells: Cells) -> Iterator[Estimate]:
    """Mean number of classes in a set."""
    table = cells.table()
    mass = table.mass.sum(axis=(0, 1))
    sizes = np.array([int(label) for label in table.predictions])
    rows = int(table.rows[0])
    value = float(np.average(sizes, weights=mass)) if rows else float("nan")
    made = estimate("set_size", {}, value, rows, rows, None, 0)
    yield replace(made, why=made.why or "a mean of sizes: no interval")


def _apart(cells: Cells, first: int) -> tuple[Table, Mask]:
    """Wrong decisions by doubt, with the rows from a bin of confidence on told apart from the rest."""
    above, below = (doubted(part.table(scored=True), WRONG) for part in parted(cells, first))
    table = side_by_side(above, below)
    return table, np.array([[True, False]] * len(table.truths))
