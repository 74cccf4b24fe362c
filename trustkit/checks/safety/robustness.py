"""Do decisions hold when inputs are noisy, incomplete or written otherwise?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.comparison import proportion
from trustkit.checks.facts import fact
from trustkit.evidence.perturbations import MILD, MODERATE, SEVERE, Effect, Key, Perturbations
from trustkit.measure.intervals import Difference, proportions

GAPS = ("missing", "missing-block", "unseen")
"""Modes that take what is known away: no system can keep all of its decisions then."""

BUDGET = 'options."safety/robustness".budget: more seconds, or fewer inputs'

MOST_SHOWN = 3
"""Of the columns that are merely shown, the most fragile."""

_CHANGED = "of the drawn rows that the change alters and the model answers"
_FLIP = f"{_CHANGED}; a predicted number changes where it moves by more than the tolerance"
_LOSS = f"share right before less share right after, {_CHANGED}, where the truth is known"

_STRENGTHS = {MILD: ("flip", "loss"), MODERATE: ("moderate_flip", "moderate_loss")}
_STRENGTHS[SEVERE] = ("severe_flip", "severe_loss")


@check(
    version="1",
    metrics={
        "flip": Metric("share of decisions that change under a mild change", "share", _FLIP),
        "column_flip": Metric(
            "share of decisions that change when whole numbers move a little",
            "share",
            f"each value by 1 at least, and by noise of 2 % of the column's spread; {_FLIP}",
        ),
        "stray": Metric(
            "share of decisions, the value missing, that few values would give",
            "share",
            "of the drawn rows that have the value; not its own decision, and given by at most one of five "
            "values that stand for a fifth of the column's rows each",
        ),
        "gap_flip": Metric(
            "share of decisions that change where a value is missing or unknown", "share", _FLIP
        ),
        "loss": Metric("share of right decisions lost under a mild change", "difference", _LOSS),
        "moderate_flip": Metric("share of decisions that change under a moderate change", "share", _FLIP),
        "moderate_loss": Metric("share of right decisions lost under a moderate change", "difference", _LOSS),
        "severe_flip": Metric("share of decisions that change under a severe change", "share", _FLIP),
        "severe_loss": Metric("share of right decisions lost under a severe change", "difference", _LOSS),
        "refused": Metric(
            "ways of changing the inputs that the model refuses",
            "count",
            "it raises, or a row gets no answer",
        ),
    },
)
def robustness(
    perturbations: Perturbations,
    *,
    budget: float = 60.0,
    tolerance: float | None = None,
    judged: Collection[str] = (),
) -> Iterator[Estimate]:
    """Do decisions hold when inputs are noisy, incomplete or written otherwise?

    A seeded draw of the audited rows is put to the model again, changed as
    happens in use. Mild, moderate and severe: ``noise`` of 2 %, 10 % and 50 %
    of each quantity's spread, by which whole numbers move by 1 at least and
    stay whole; ``rounding`` to 3, 2 and 1 digits; in one, a quarter and half of
    the columns of a row, a ``missing`` value, an ``unseen`` category, ``typos``,
    another ``case`` or ``spacing``, ``look-alikes`` of letters in the other
    script, ``transliteration`` between Latin and Cyrillic; ``missing-block``,
    neighboring columns that are empty together. Mild: an ``extra-column``.
    Moderate and severe: a ``unit-slip``, one number times 10, 1,000 or 1/100.
    Severe: another ``column-order``. Besides, each column alone is left out,
    and each column of whole numbers moved alone.

    Formula
    -------
    ``flip`` = changed decisions / rows altered, with Clopper-Pearson limits.
    ``loss`` = share turned wrong - share turned right, two shares of one
    sample (MOVER). ``stray``: a row counts where its decision without the
    value differs from its own, and where at most one of five values, each
    standing for a fifth of the column's rows, gives that decision when put in
    its place; of a quantity, where at most one of their predictions lies on one
    side of it, by more than the tolerance. That is half a standard deviation
    of the truth, where none is given.

    Why it matters
    --------------
    Inputs in use are typed, converted and lost on the way. A decision that
    turns on a space, on a letter of the other script or on one unit of a number
    is an accident to the person it concerns.

    When it misleads
    ----------------
    What a model loses with a value, or by a category it never saw, is what it
    knew by it: ``gap_flip`` is large for every good model of few columns, and
    shown only. ``stray`` asks
    what gaps alone can do: a wrong sign, a filler far outside. Trees that saw
    no gap in training send them to one side: up to 9 % stray in sound ones. A
    slip of units is an error that a model can hardly see: shown only. A model
    that refuses an input takes a safe path, whatever it refuses: such rows
    are no flips, and ``refused`` counts the ways. Whole numbers of fewer than
    ten values, or of a standard deviation under four, are taken for codes and
    counts and get no noise, others do: give codes as text. A value that more
    than half of the rows share gets none either.

    How to read
    -----------
    The subject names the way, and the column where one alone is changed. Of
    what no limit bounds the largest are shown, each with the interval that it
    has on its own. A ``budget`` of seconds bounds the time: a slow model is
    asked of fewer rows, which is said, and what is judged and was not asked in
    time stays undecided. Of more than 60 columns the first 60 are changed alone.

    Remedy
    ------
    Strip, fold case and map look-alike letters before the model; refuse or
    route categories it has not seen; impute gaps by a rule that training used
    too; train on rows with noise and gaps as they occur; smooth or regroup
    the column that is named.

    References
    ----------
    Clopper & Pearson 1934; Newcombe 1998; NIST AI RMF, MEASURE 2.6.
    """
    answered = [(key, effect) for key, effect in perturbations.each() if effect.rows]
    if not (perturbations.effects or perturbations.skipped):
        raise NotApplicable("no change alters a drawn row")
    yield from _told("flip", _of(answered, MILD, gaps=False), every=True)
    columns = [(key, effect) for key, effect in answered if key[2]]
    yield from _told("column_flip", [each for each in columns if each[0][0] not in GAPS], every=True)
    yield from _strays(perturbations)
    gaps = _of(answered, MILD, gaps=True) + [each for each in columns if each[0][0] in GAPS]
    yield from _told("gap_flip", gaps, every="gap_flip" in judged)
    for severity, (flip, loss) in _STRENGTHS.items():
        found = [(key, effect) for key, effect in answered if key[1] == severity and not key[2]]
        if severity != MILD:
            yield from _told(flip, found, every=flip in judged, most=1)
        yield from _told(loss, found, every=loss in judged, most=1)
    yield from _untried(perturbations, judged)
    if refused := sum(1 for effect in perturbations.effects.values() if effect.refused):
        yield fact("refused", refused, len(perturbations.effects))


def _of(effects: list[tuple[Key, Effect]], severity: str, *, gaps: bool) -> list[tuple[Key, Effect]]:
    return [
        (key, effect)
        for key, effect in effects
        if key[1] == severity and not key[2] and (key[0] in GAPS) is gaps
    ]


def _told(
    metric: str, effects: list[tuple[Key, Effect]], *, every: bool, most: int = MOST_SHOWN
) -> Iterator[Estimate]:
    """Estimates of one metric: all, or the largest."""
    made = [_loss(metric, *each) if metric.endswith("loss") else _flip(metric, *each) for each in effects]
    made = [estimate for estimate in made if estimate.n]
    largest = made if every else sorted(made, key=lambda estimate: -estimate.value)[:most]
    yield from largest


def _flip(metric: str, key: Key, effect: Effect) -> Estimate:
    return proportion(metric, effect.flips, effect.rows, _subject(key))


def _loss(metric: str, key: Key, effect: Effect) -> Estimate:
    n = np.array([float(max(effect.known, 1))])
    lost, gained = (proportions(np.array([float(k)]) / n, n) for k in (effect.lost, effect.gained))
    limits = Difference.of_shares(lost, gained)
    return Estimate(metric, _subject(key), float(limits.value[0]), effect.known, effect.rows, limits=limits)


def _strays(perturbations: Perturbations) -> Iterator[Estimate]:
    for column, (rows, stray) in sorted(perturbations.strays.items()):
        if not rows:
            why = "decisions turn without it, and no time was left to tell whether they stray"
            yield Estimate("stray", {"column": column}, float("nan"), 0, 0, why=why, supply=BUDGET)
            continue
        yield proportion("stray", stray, rows, {"column": column})


def _untried(perturbations: Perturbations, judged: Collection[str]) -> Iterator[Estimate]:
    """Undefined figures, of those that are judged, of changes that no time was left for."""
    why = "no time, or no call of the model, was left to try it"
    for key in perturbations.skipped:
        for metric in _metrics(key):
            if metric in judged:
                subject = {"column": key[2]} if metric == "stray" else _subject(key)
                yield Estimate(metric, subject, float("nan"), 0, 0, why=why, supply=BUDGET)


def _metrics(key: Key) -> tuple[str, ...]:
    """What is estimated of a change."""
    mode, severity, column = key
    flip, loss = _STRENGTHS[severity]
    if column:
        return ("gap_flip", "stray") if mode in GAPS else ("column_flip",)
    return ("gap_flip" if severity == MILD and mode in GAPS else flip), loss


def _subject(key: Key) -> Mapping[str, str]:
    mode, _, column = key
    return {"column": column, "mode": mode} if column else {"mode": mode}
