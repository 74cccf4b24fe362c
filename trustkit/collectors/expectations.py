"""The collector of expectations: move a column, or change what may not matter, and look at the answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trustkit.collectors.asking import Answers, asked, raised_type
from trustkit.collectors.budget import Budget
from trustkit.collectors.draws import drawing_order
from trustkit.collectors.perturbing import Sorts, perturbed
from trustkit.errors import ConfigError, ModelError, Problem, nearest
from trustkit.evidence import Unavailable
from trustkit.evidence.expectations import Expectations, Violations
from trustkit.evidence.perturbations import MILD, SEVERE

if TYPE_CHECKING:
    from trustkit.collectors.sources import Sources
    from trustkit.config import Expectation
    from trustkit.system import System

CHECK = "safety/invariances"

MOST, STEPS = 400, 20
"""Rows that are moved, and values of a column that they take: of one expectation, one call."""

TOLERANCE = 0.01
"""Where none is given: of a score; of a predicted number, in standard deviations of the predictions."""

DRAW = 33

_LAYOUT = ("column-order", "extra-column")
_ROLES = ("target", "prediction", "score", "weight", "unit", "time")

Floats = NDArray[np.float64]


def collect_expectations(sources: Sources) -> Expectations:
    """Count the rows in which a declared expectation does not hold.

    Raises
    ------
    Unavailable
        Where nothing is declared, or there is no model.
    ConfigError
        Where a column is no input of the model or holds no numbers to
        move along, a direction has no class to speak of, or the tolerance or
        budget is no number above 0.
    """
    every = list(map(_pair, sources.system.config.expectations))
    declared = list(dict.fromkeys(every))
    if not declared:
        raise Unavailable("no expectation is declared: [[expectations]] says what must hold of the answers")
    sources.require_model()
    budget, tolerance = Budget.of(sources, CHECK), _tolerance(sources)
    order = drawing_order(sources, DRAW)[:MOST]
    frame = sources.frame.at(order)
    table = next(frame.batches(sources.features, frame.rows)).reset_index(drop=True)
    sorts = Sorts.of(table)
    problems = list(_problems(sources, every, sorts))
    if problems:
        raise ConfigError(problems)
    wanted = len(table) * (STEPS * len(declared) + 1)  # and once as they are
    budget.measure(lambda part: asked(sources, part, "expect"), table, wanted)
    budget.told(sources, "expect", wanted)
    table = table.iloc[: max(int(budget.share(wanted) * len(table)), 1)]
    before = asked(sources, table, "expect")
    limit = _limit(sources, before, tolerance)
    names = {str(name): name for name in table.columns}
    found = tuple(
        _moved(sources, table, names[column], mode, limit)
        if mode in ("increasing", "decreasing", "none")
        else _changed(sources, table, sorts, before, names.get(column), mode, limit)
        for column, mode in declared
    )
    schema = {
        "expectations": [list(pair) for pair in declared],
        "seed": sources.seed,
        "most": MOST,
        "steps": STEPS,
        "task": sources.task,
        "score": before.number is not None,
        "tolerance": tolerance,
        "unit": sources.data.unit is not None,
    }
    return Expectations(schema, sources.frame.rows, len(table), found)


def expectation_problems(system: System, columns: Sequence[str]) -> Iterator[Problem]:
    """What is wrong with the columns that expectations name, without asking the model."""
    data = system.config.data
    known = data.features or getattr(system.model, "feature_names_in_", None)
    roles = {getattr(data, role) for role in _ROLES}
    inputs = [str(name) for name in (columns if known is None else known) if name not in roles]
    for place, expectation in enumerate(system.config.expectations):
        key, name = f"expectations[{place}].column", expectation.column
        if name is None:
            continue
        if name not in inputs:
            yield Problem(key, f"{name!r} is no input of the model", nearest(name, inputs))
        elif expectation.transformation in _LAYOUT:
            yield Problem(key, f"{expectation.transformation} concerns the whole table, not one column")


def _pair(expectation: Expectation) -> tuple[str, str]:
    return expectation.column or "", str(expectation.direction or expectation.transformation)


def _problems(sources: Sources, declared: Sequence[tuple[str, str]], sorts: Sorts) -> Iterator[Problem]:
    """What is wrong with expectations, once the model's inputs are known."""
    numbers, texts = ([str(name) for name in each] for each in (sorts.numbers, sorts.texts))
    for place, (column, mode) in enumerate(declared):
        key = f"expectations[{place}].column"
        directed = mode in ("increasing", "decreasing")
        if column and column not in sources.features:
            found = f"{column!r} is no input of the model"
            yield Problem(key, found, nearest(column, sources.features))
        elif directed and column not in numbers:
            yield Problem(key, f"{column!r} holds no numbers to move along")
        elif column and not directed and mode != "none":
            kind = "numbers" if mode == "rounding" else "texts"
            if column not in (numbers if kind == "numbers" else texts):
                yield Problem(key, f"{column!r} holds no {kind}, which {mode} changes")
        if directed and sources.task != "regression" and sources.positive is None:
            found = f"{mode} speaks of one class: data.positive says of which"
            yield Problem(f"expectations[{place}].direction", found)


def _tolerance(sources: Sources) -> float | None:
    tolerance = sources.system.config.options.get(CHECK, {}).get("tolerance")
    if tolerance is not None and not (isfinite(tolerance) and tolerance >= 0):
        key = f'options."{CHECK}".tolerance'
        raise ConfigError([Problem(key, f"{tolerance} is not a finite number of at least 0")])
    return tolerance


def _limit(sources: Sources, before: Answers, tolerance: float | None) -> float:
    """How far a score or a predicted number may move."""
    if tolerance is not None:
        return tolerance
    spread = np.nanstd(before.number) if sources.task == "regression" and before.number is not None else 1.0
    return float(TOLERANCE * spread)


def _moved(sources: Sources, table: pd.DataFrame, column: str, mode: str, limit: float) -> Violations:
    """Give every row the column's values in turn, and see which way the answer goes."""
    values, tenths = _steps(table[column])
    if not len(values):
        return Violations()
    moved = pd.concat([table] * len(values), ignore_index=True)
    moved[column] = values.repeat(len(table)).reset_index(drop=True)
    try:
        answers = asked(sources, moved, "expect")
    except ModelError as error:
        return Violations(len(table), error=raised_type(error))
    shape = (len(values), len(table))
    decision = answers.decision.reshape(shape)
    if mode == "none":
        number = decision != decision[0] if answers.number is None else answers.number.reshape(shape)
        return _spread(number.astype(np.float64), decision, tenths, limit)
    number = decision == sources.positive if answers.number is None else answers.number.reshape(shape)
    signed = number.astype(np.float64) if mode == "increasing" else -number.astype(np.float64)
    return _fallen(signed, tenths, limit)


def _steps(column: pd.Series[Any]) -> tuple[pd.Series[Any], NDArray[np.intp]]:
    """Values of a column in order and the tenth each lies in; of one without numbers the most frequent."""
    known = column.dropna()
    if pd.api.types.is_numeric_dtype(column.dtype) and len(known):
        values = known.sort_values().iloc[np.linspace(0, len(known) - 1, STEPS).round().astype(int)]
        kept = ~values.duplicated().to_numpy()
        return values[kept], (np.minimum(np.arange(STEPS) * 10 // (STEPS - 1), 9) + 1)[kept]
    frequent = known.value_counts().index[:STEPS]
    return pd.Series(frequent, dtype=column.dtype), np.zeros(len(frequent), dtype=int)


def _fallen(number: Floats, tenths: NDArray[np.intp], limit: float) -> Violations:
    """Count rows whose number, of shape (steps, rows), falls from whatever it had reached."""
    reached = np.maximum.accumulate(np.nan_to_num(number, nan=-np.inf), axis=0)
    fall = np.nan_to_num(reached - number, nan=0.0, posinf=0.0)
    step, row = np.unravel_index(fall.argmax(), fall.shape)
    violations = int((fall.max(axis=0) > limit).sum())
    if not violations:
        return Violations(number.shape[1])
    top = int(np.nanargmax(number[: step + 1, row]))
    return Violations(
        number.shape[1], violations, float(fall[step, row]), int(tenths[top]), int(tenths[step])
    )


def _spread(number: Floats, decision: NDArray[Any], tenths: NDArray[np.intp], limit: float) -> Violations:
    """Count rows whose answer depends on the column at all; shape (steps, rows)."""
    span = np.nanmax(number, axis=0) - np.nanmin(number, axis=0)
    moved = (span > limit) | (decision != decision[0]).any(axis=0)
    if not moved.any():
        return Violations(number.shape[1])
    row = int(np.where(moved, span, -1.0).argmax())
    start, end = sorted(
        int(tenths[at]) for at in (np.nanargmin(number[:, row]), np.nanargmax(number[:, row]))
    )
    return Violations(number.shape[1], int(moved.sum()), float(span[row]), start, end)


def _changed(
    sources: Sources,
    table: pd.DataFrame,
    sorts: Sorts,
    before: Answers,
    column: str | None,
    mode: str,
    limit: float,
) -> Violations:
    """Change what may not matter, as mildly as `safety/robustness` does, and count the other decisions."""
    seed = [sources.seed, DRAW, *map(ord, f"{mode}|{column or ''}")]
    made = perturbed(table, sorts, mode, SEVERE if mode == "column-order" else MILD, seed, column)
    if made is None:
        return Violations()
    rows = np.flatnonzero(made.changed)
    try:
        after = asked(sources, made.table.iloc[rows], "expect")
    except ModelError as error:
        return Violations(len(rows), error=raised_type(error))
    if sources.task == "regression" and before.number is not None and after.number is not None:
        size = np.nan_to_num(np.abs(after.number - before.number[rows]))
        moved = size > limit
    else:
        moved = np.asarray(after.decision != before.decision[rows], dtype=bool)
        size = moved.astype(np.float64)
    return Violations(len(rows), int(moved.sum()), float(size.max(initial=0.0) if moved.any() else 0.0))
