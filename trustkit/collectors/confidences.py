"""The collector of confidences: how sure decisions are, whether they are right, and what intervals hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.collectors.cells import group_labels, row_weights
from trustkit.collectors.draws import drawing_order
from trustkit.collectors.sources import MOST_CLASSES, Sources
from trustkit.errors import ConfigError, Problem
from trustkit.evidence import Unavailable
from trustkit.evidence.cells import Axis, Cells
from trustkit.evidence.confidences import HELD, MISSED, RIGHT, WRONG, Confidences
from trustkit.evidence.tables import MISSING, OTHER
from trustkit.frames import FrameError, bin_names
from trustkit.models.objects import chances

MOST, MOST_ASKED = 100_000, 10_000
"""Rows that are drawn, and of them those of which the model is asked for the probability of every class."""

DRAW = 37

LEVEL = 0.9
"""Share of truths that sets of classes, and declared intervals, are to hold by default."""

Floats = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Chanced:
    """Rows with the probability of every class.

    Attributes
    ----------
    rows : array of int, shape (rows,)
        Their places in the audited data, in the order drawn.
    classes : tuple of str
        Labels.
    chances : array, shape (rows, classes)
        Probabilities.
    truth, decision : array of int, shape (rows,)
        Place among `classes`; -1 where it is none of them.
    """

    rows: Places
    classes: tuple[str, ...]
    chances: Floats
    truth: NDArray[np.int64]
    decision: NDArray[np.int64]


def collect_confidences(sources: Sources) -> Confidences:
    """Count decisions by their confidence and by whether they were right, and the truths that sets hold.

    Raises
    ------
    Unavailable
        Where there is no truth, or no probability of every class; of a
        quantity, where no interval is declared.
    ConfigError
        For an interval whose ends are no numbers, or are exchanged.
    ValueError
        For scores that are no probabilities.
    """
    regression = sources.task == "regression"
    if regression and not sources.data.interval:
        raise Unavailable("no interval of the predicted quantity is declared")
    if sources.truth() is None if not regression else sources.data.target is None:
        raise Unavailable("no truth is declared", supply="data.target: the column with the true outcome")
    level = _level(sources, "safety/calibration" if regression else "safety/overconfidence")
    schema = {
        "task": sources.task,
        "seed": sources.seed,
        "most": MOST_ASKED if sources.task == "multiclass" else MOST,
        "level": level,
        "declared": regression,
    }
    if regression:
        return Confidences(schema, sources.frame.rows, None, {}, _declared_intervals(sources))
    drawn = _chanced(sources)
    several = len(drawn.classes) > 2
    return Confidences(
        schema,
        sources.frame.rows,
        _decided(sources, drawn),
        _by_class(sources, drawn) if several and len(drawn.classes) <= MOST_CLASSES else {},
        _conformal(sources, drawn, level),
    )


def _level(sources: Sources, check: str) -> float:
    level = sources.system.config.options.get(check, {}).get("level", LEVEL)
    if not isinstance(level, int | float) or not 0 < level < 1:
        raise ConfigError([Problem(f'options."{check}".level', f"{level!r} is not between 0 and 1")])
    return float(level)


def _chanced(sources: Sources) -> Chanced:
    """Rows drawn with a truth, a decision and the probability of every class."""
    truth, decisions = sources.truth(), sources.decisions()
    assert truth is not None  # noqa: S101 (asked before)
    order = drawing_order(sources, DRAW)[:MOST]
    rows, classes, values = _probabilities(sources, order)
    true = _places(truth.names, classes)[truth.codes[rows]]
    known = np.array([name != MISSING for name in truth.names])[truth.codes[rows]]
    known &= ~np.isnan(values).any(axis=1)
    if decisions is None:
        decided = values.argmax(axis=1).astype(np.int64)
    else:
        decided = _places(decisions.names, classes)[decisions.codes[rows]]
        known &= decided >= 0
    return Chanced(rows[known], classes, values[known], true[known], decided[known])


def _probabilities(sources: Sources, order: Places) -> tuple[Places, tuple[str, ...], Floats]:
    """Rows, in the order drawn, with the classes and the probability of each."""
    if sources.task == "multiclass":
        asked = order[:MOST_ASKED]
        if sources.model is not None and sources.data.prediction is None:
            report = None if sources.progress is None else partial(sources.progress, "ask for every class")
            said = chances(sources.model, sources.frame.at(asked), sources.features, progress=report)
            if said is not None:
                sources.model_calls += said.calls
                return asked, said.classes, said.values
        raise Unavailable(
            "the probability of every class is not known",
            supply="system.model: a model with predict_proba",
        )
    score = sources.score()
    if score is None:
        raise Unavailable(
            "no score is declared",
            supply="data.score: the column with P(positive), or a model with predict_proba",
        )
    outside = int(((score < 0) | (score > 1)).sum())
    if outside:
        raise ValueError(f"score: {outside} of {len(score)} scores lie outside [0, 1]")
    mine = score[order]
    return order, (_other_class(sources), str(sources.positive)), np.column_stack([1 - mine, mine])


def _other_class(sources: Sources) -> str:
    """The class that is not the positive one."""
    columns = (sources.truth(), sources.decisions())
    names = [name for column in columns if column is not None for name in column.names]
    return next((name for name in names if name not in (MISSING, sources.positive)), OTHER)


def _places(names: tuple[str, ...], classes: tuple[str, ...]) -> NDArray[np.int64]:
    return np.array([classes.index(name) if name in classes else -1 for name in names], dtype=np.int64)


def _decided(sources: Sources, drawn: Chanced) -> Cells:
    """Decisions by their own probability, right or wrong."""
    right = drawn.truth == drawn.decision
    confidence = drawn.chances[np.arange(len(right)), drawn.decision]
    return _counted(sources, drawn.rows, (RIGHT, WRONG), ~right, positive=RIGHT, score=confidence)


def _by_class(sources: Sources, drawn: Chanced) -> dict[str, Cells]:
    return {
        name: _counted(
            sources, drawn.rows, ("no", "yes"), drawn.truth == i, positive="yes", score=drawn.chances[:, i]
        )
        for i, name in sorted(enumerate(drawn.classes), key=lambda each: each[1])
    }


def _conformal(sources: Sources, drawn: Chanced, level: float) -> Cells:
    """Truths that the sets of split conformal prediction hold, on every other row drawn.

    A set holds each class that is no less likely than a bound (Sadinle, Lei &
    Wasserman 2019), set on the rest.
    """
    setting, counted = (drawn.truth[start::2] for start in (0, 1))
    chance = np.where(setting >= 0, drawn.chances[::2][np.arange(len(setting)), setting], 0.0)
    bound = conformal_bound(chance, level)
    values = drawn.chances[1::2]
    inside = values >= bound
    held = (counted >= 0) & inside[np.arange(len(counted)), counted]
    sizes = tuple(str(i) for i in range(len(drawn.classes) + 1))
    return _counted(
        sources, drawn.rows[1::2], (HELD, MISSED), ~held, sets=(sizes, inside.sum(axis=1)), groups=True
    )


def conformal_bound(chance: Floats, level: float) -> float:
    """Return the least probability that a class needs to be in a set that is to hold the truth.

    Parameters
    ----------
    chance : array, shape (rows,)
        Probability of the truth in the rows that set the bound.
    level : float
        Chance with which a set is to hold the truth.

    Returns
    -------
    float
        The ceil((n + 1) level)-th largest of `chance`; minus infinity where there are too few.
    """
    place = int(np.ceil((len(chance) + 1) * level - 1e-9))
    return -np.inf if place > len(chance) else float(np.sort(chance)[::-1][place - 1])


def _declared_intervals(sources: Sources) -> Cells:
    """Truths that the intervals of two columns hold."""
    order = drawing_order(sources, DRAW)[:MOST]
    try:
        low, high = (sources.frame.numbers(name)[order] for name in sources.data.interval)
    except FrameError as error:
        raise ConfigError([Problem("data.interval", str(error))]) from None
    turned = int((low > high).sum())
    if turned:
        found = f"the lower end is above the upper one in {turned:,} rows: are the columns exchanged?"
        raise ConfigError([Problem("data.interval", found)])
    truth = sources.numbers("target")[order]
    known = np.isfinite(truth) & ~np.isnan(low) & ~np.isnan(high)
    missed = (truth < low) | (truth > high)
    return _counted(sources, order[known], (HELD, MISSED), missed[known], groups=True)


def _counted(
    sources: Sources,
    rows: Places,
    truths: tuple[str, str],
    second: NDArray[np.bool_],
    *,
    positive: str | None = None,
    score: Floats | None = None,
    sets: Axis = ((MISSING,), None),
    groups: bool = False,
) -> Cells:
    """Cells of some rows whose truth is one of two labels."""
    coded = group_labels(sources) if groups else {}
    axes: dict[str, Axis] = {name: (labels.names, labels.codes[rows]) for name, labels in coded.items()}
    bins = sources.data.bins
    schema: Mapping[str, Any] = {
        "task": "binary",
        "attributes": list(coded),
        "bins": {name: list(bin_names(bins[name])) for name in coded if name in bins},
        "strata": [],
        "positive": positive,
        "favorable": [],
        "truth": True,
        "prediction": len(sets[0]) > 1,
        "score": score is not None,
        "weight": sources.data.weight is not None,
        "unit": False,
    }
    weight = row_weights(sources)
    try:
        return Cells.count(
            schema,
            {**axes, "truth": (truths, second.astype(np.int64)), "prediction": sets},
            score=score,
            weight=None if weight is None else weight[rows],
        )
    except OverflowError as error:
        raise ConfigError([Problem("data.weight", str(error))]) from None
