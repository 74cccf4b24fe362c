"""Does the model help to guess a sensitive value of those it learned from?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from trustkit.checks.base import Estimate, Metric, check
from trustkit.evidence.inferences import BOTH, WITH_MODEL, WITHOUT, Counts, Guesses, Inferences
from trustkit.measure.intervals import Difference, Least, proportions

FEWEST = 30
"""Rows of train, and of audit, from which a gain is measured."""


@check(
    version="1",
    metrics={
        "gain": Metric(
            "gain of the model's help in guessing a sensitive input",
            "difference",
            "the lesser of two: the share of members whose value is guessed with the model less that without "
            "it, and this gain less that on rows that are no members",
        ),
    },
)
def attribute_inference(inferences: Inferences) -> Iterator[Estimate]:
    """Does the model help to guess a sensitive value of those it learned from?

    Somebody knows all about a person but one sensitive value, and may ask the
    model. ``gain`` is the share of members (rows of train) whose value is
    guessed rightly with the model, less the share without it; it counts only
    as far as it is more than the same gain on rows that the model never saw.

    Formula
    -------
    At most 1,000 rows of train and of audit that occur once in both together.
    Without the model: boosted trees learn the column from the other inputs
    and the truth of one half of the rows, and guess the other half, in turn.
    With it: the chance of each value times the chance that the model gives
    to the truth of the row if it had that value (of a quantity: exp of less
    the residual over the mean residual of rows that are no members). In a
    range of ``data.bins`` the commonest value stands for all. ``gain`` =
    min(g, g - g'), g and g' the gains on members and on others, each the
    difference of two discordant shares of the same rows (MOVER on
    Clopper-Pearson limits); an upper limit of the lesser is at half the level.

    Why it matters
    --------------
    A model that has learned rows by heart gives away what it knows of them:
    asked with the right value it is sure, with another it is not.

    When it misleads
    ----------------
    Most of what such attacks find in the literature is imputation: what
    anybody could guess from the other columns. That is taken off here, and so
    is what the model has learned of people at large. A better attack may find
    more. A value that goes by ranges is asked by one number for each.

    How to read
    -----------
    0 is no help. Default forests on census data give .005 to .02, a
    logistic regression 0. The note tells how often the guesses are right.

    Remedy
    ------
    Leave the column out of the inputs, if it need not be there; else restrain
    the model as for membership: larger leaves, stronger regularization.

    References
    ----------
    Yeom et al. 2018 (attribute advantage); Jayaraman and Evans 2022 (are
    attribute inference attacks just imputation?); Newcombe 1998 (limits).
    """
    for name in inferences.schema["columns"]:
        yield _gain(name, inferences.guesses[name], has_score=inferences.schema["score"])


def _gain(name: str, guesses: Guesses, *, has_score: bool) -> Estimate:
    n, others = sum(guesses.members), sum(guesses.others)
    subject = {"column": name}
    if min(n, others) < FEWEST:
        why = f"fewer than {FEWEST} rows of train, or of audit, have one of two values"
        return Estimate("gain", subject, float("nan"), n, n, others, why=why)
    members, strangers = _difference(guesses.members), _difference(guesses.others)
    limits = Least((members, Difference.of_groups(members, strangers)))
    value = min(float(members.value[0]), float(members.value[0] - strangers.value[0]))
    note = (
        f"Guessed rightly {_share(guesses.members, WITHOUT)} of members without the model and "
        f"{_share(guesses.members, WITH_MODEL)} with it; "
        f"{_share(guesses.others, WITHOUT)} and {_share(guesses.others, WITH_MODEL)} of others"
    )
    if not has_score:
        note += ". The model gives no score: its decisions alone were used"
    return Estimate("gain", subject, value, n, n, others, limits, note=note)


def _difference(counts: Counts) -> Difference:
    """Share guessed with the model alone less that guessed without it alone."""
    n = np.array([float(sum(counts))])
    one, other = (proportions(np.array([counts[i] / n[0]]), n) for i in (WITH_MODEL, WITHOUT))
    return Difference.of_shares(one, other)


def _share(counts: Counts, how: int) -> str:
    return f"{(counts[BOTH] + counts[how]) / sum(counts):.1%}"
