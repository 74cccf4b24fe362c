"""Does what the owner declares of the answers hold?"""

from __future__ import annotations

from collections.abc import Iterator

from trustkit.checks.base import Estimate, Metric, check
from trustkit.checks.comparison import proportion
from trustkit.evidence.expectations import Expectations, Violations


@check(
    version="1",
    metrics={
        "violations": Metric(
            "share of rows in which what is declared does not hold",
            "share",
            "of the drawn rows that are moved or changed, each counted once",
        ),
    },
)
def invariances(
    expectations: Expectations,
    *,
    budget: float = 60.0,
    tolerance: float | None = None,
) -> Iterator[Estimate]:
    """Does what the owner declares of the answers hold?

    ``[[expectations]]`` declares it. A ``direction``: a drawn row takes up to 20
    of the column's values, from the smallest to the largest, all else as it is.
    The score, or the predicted number, may then not fall (``increasing``), not
    rise (``decreasing``) or not move (``none``); where the model has no score it
    is the decision. A ``transformation``: the decision may not change, or the
    predicted number not move, under ``case``, ``spacing``, ``typos``,
    ``look-alikes``, ``transliteration`` (of the column, or of one text a row),
    ``rounding`` to three digits, another ``column-order`` or an ``extra-column``.

    Formula
    -------
    ``violations`` = rows in which it does not hold / rows drawn, with
    Clopper-Pearson limits. ``increasing``: a row counts where, somewhere along
    the column, the number lies more than the tolerance under what it had
    reached before; the tolerance is 0.01 of a score, or of a predicted number
    0.01 of the predictions' standard deviation, where none is given.

    Why it matters
    --------------
    That a higher income does not lower the chance of a credit, or a space in a
    name refuse it, is what people take for granted. Where it does not hold,
    the decision cannot be explained to whom it concerns.

    When it misleads
    ----------------
    A bump between two of the values is not seen. Rows are moved to values that
    they could not have, as a pupil of sixty: what the model says there counts.
    A model that refuses a changed table has not kept its decision: the share is
    undefined then.

    How to read
    -----------
    The message tells the largest wrong move, and between which tenths of the
    column's values it lies, 1 to 10; no row is shown.

    Remedy
    ------
    Train with monotone constraints on the column, or without it; bring texts
    and numbers to one form before the model.

    References
    ----------
    Ribeiro et al. 2020 (behavioral testing: invariance and directional
    expectation); Clopper & Pearson 1934.
    """
    for column, mode, found in expectations.each():
        yield _estimate({"column": column, "mode": mode} if column else {"mode": mode}, found)


def _estimate(subject: dict[str, str], found: Violations) -> Estimate:
    n = found.rows
    if found.error or not n:
        why = f"the model refuses it: {found.error}" if found.error else "it changes none of the rows drawn"
        return Estimate("violations", subject, float("nan"), 0, n, why=why)
    return proportion("violations", found.violations, n, subject, _worst(found))


def _worst(found: Violations) -> str | None:
    """The largest wrong move in words."""
    if not found.violations:
        return None
    place = f", between tenths {found.start} and {found.end} of the column's values" if found.start else ""
    return f"The largest wrong move is {found.size:.3g}{place}"
