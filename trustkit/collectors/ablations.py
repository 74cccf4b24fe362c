"""The collector of ablations: ask the model with one input after the other telling nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trustkit.collectors.asking import Answers, asked
from trustkit.collectors.draws import drawing_order
from trustkit.collectors.sources import Sources
from trustkit.errors import ConfigError, Problem, nearest
from trustkit.evidence import Unavailable
from trustkit.evidence.ablations import Ablation, Ablations, Turned
from trustkit.evidence.cells import ordered
from trustkit.evidence.tables import MISSING

KEY = 'options."data-protection/minimization"'

MOST = 10_000
"""Rows that are asked of a personal input."""

MOST_ASKED, FEWEST = 30_000, 200
"""Rows that are asked of all other inputs together, and of each at least."""

DRAW = 41

MOVED = 1e-9
"""A score, or a predicted number, that moves by less is the same: sums of floats depend on their order."""

TOLERANCE = 0.01
"""Share of itself by which a predicted number has to move for its error to be compared."""

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


def collect_ablations(sources: Sources) -> Ablations:
    """Count the answers that change, and those that get worse, without each input.

    The values of the input are exchanged between the drawn rows: each occurs
    as often as before, and tells nothing of its row.

    Raises
    ------
    Unavailable
        Where there is no model.
    ConfigError
        For the option ``needed`` with a column that is no input.
    """
    if sources.model is None:
        raise Unavailable(
            "there is no model to ask: the data carry the decisions",
            supply="system.model: the model that decides",
        )
    problems = [*_problems(sources)]
    if problems:
        raise ConfigError(problems)
    personal = _personal(sources)
    drawn = Drawn.of(sources, drawing_order(sources, DRAW)[:MOST])
    others = max(MOST_ASKED // max(len(sources.features) - len(personal), 1), FEWEST)
    shuffled = {}
    for number, name in enumerate(sources.features, 1):
        part = drawn if name in personal else drawn.first(others)
        made = part.table.copy()
        order = np.random.default_rng([sources.seed, DRAW, number]).permutation(len(made))
        made[name] = part.table[name].array.take(order)
        stage = f"do without an input, {number} of {len(sources.features)}"
        shuffled[name] = part.compared(part.answers, asked(sources, made, stage))
    schema = {
        "inputs": list(sources.features),
        "personal": personal,
        "task": sources.task,
        "target": sources.data.target is not None,
        "tolerance": TOLERANCE,
        "seed": sources.seed,
        "most": [MOST, MOST_ASKED],
        "unit": sources.data.unit is not None,
        "weight": sources.data.weight is not None,
    }
    return Ablations(schema, sources.frame.rows, shuffled)


@dataclass(frozen=True)
class Drawn:
    """Rows that are asked about; every array is of shape (rows,).

    Attributes
    ----------
    table : DataFrame
        Their inputs.
    answers : Answers
        What the model says of them as they are.
    truth : array of str
        Labels of their outcomes.
    number : array of float or None
        Their outcomes in a regression.
    """

    table: pd.DataFrame
    answers: Answers
    truth: NDArray[Any]
    number: Floats | None

    @classmethod
    def of(cls, sources: Sources, rows: NDArray[np.intp]) -> Self:
        """Ask about the rows at these places."""
        table = next(sources.frame.at(rows).batches(sources.features, len(rows)))
        answers = asked(sources, table, "ask the drawn rows")
        truth, label = sources.truth(), np.full(len(rows), MISSING, dtype=object)
        if truth is not None:
            label = np.array(truth.names, dtype=object)[truth.codes[rows]]
        number = None
        if sources.task == "regression":
            number = np.full(len(rows), np.nan) if truth is None else sources.numbers("target")[rows]
        return cls(table, answers, label, number)

    def first(self, rows: int) -> Self:
        """The first of them."""
        if rows >= len(self.table):
            return self
        given = Answers(self.answers.decision[:rows], _first(self.answers.number, rows))
        return type(self)(self.table.iloc[:rows], given, self.truth[:rows], _first(self.number, rows))

    def compared(self, given: Answers, without: Answers) -> Ablation:
        """Count the rows whose answer differs, and by true class those that either answers better."""
        lost, won = self._better(given, without), self._better(without, given)
        classes = {
            name: Turned(int(own.sum()), int((lost & own).sum()), int((won & own).sum()))
            for name, own in self._classes().items()
            if own.any()
        }
        return Ablation(len(lost), int(self._changed(given, without).sum()), classes)

    def _classes(self) -> dict[str, Flags]:
        """Rows of each true class; in a regression, those whose outcome is known."""
        if self.number is not None:
            return {"": ~np.isnan(self.number)}
        names = ordered({*self.truth.tolist()} - {MISSING}, ())
        return {name: np.asarray(self.truth == name, dtype=bool) for name in names}

    def _changed(self, one: Answers, other: Answers) -> Flags:
        decided = np.asarray(one.decision != other.decision, dtype=bool)
        if one.number is None or other.number is None:
            return decided
        near = np.abs(one.number - other.number) <= MOVED * np.maximum(1.0, np.abs(one.number))
        moved = ~(near | (np.isnan(one.number) & np.isnan(other.number)))
        return moved if self.number is not None else decided | moved

    def _better(self, one: Answers, other: Answers) -> Flags:
        """Tell of each row whether the first answer is right and the other is not, or clearly nearer."""
        if self.number is None:
            return np.asarray((one.decision == self.truth) & (other.decision != self.truth), dtype=bool)
        if one.number is None or other.number is None:
            return np.zeros(len(self.truth), dtype=bool)
        moved = np.abs(one.number - other.number) > TOLERANCE * np.abs(self.number)
        nearer = np.abs(one.number - self.number) < np.abs(other.number - self.number)
        return np.asarray(moved & nearer, dtype=bool)


def _first(values: Floats | None, rows: int) -> Floats | None:
    return None if values is None else values[:rows]


def _personal(sources: Sources) -> dict[str, str]:
    """Inputs that are declared to be about the person, and as what."""
    data = sources.data
    roles = {**dict.fromkeys(data.quasi_identifiers, "quasi-identifier")}
    roles |= dict.fromkeys(data.sensitive, "sensitive")
    return {name: roles[name] for name in sources.features if name in roles}


def _problems(sources: Sources) -> Iterator[Problem]:
    needed = sources.system.config.options.get("data-protection/minimization", {}).get("needed") or {}
    for name in needed:
        if name not in sources.features:
            yield Problem(
                f"{KEY}.needed", f"the model does not take {name!r}", nearest(name, sources.features)
            )
