"""The collector of ablations: ask the model with one input after the other telling nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trustkit.collectors.asking import Answers, asked
from trustkit.collectors.draws import drawing_order
from trustkit.collectors.refitting import Refitter, refitter
from trustkit.collectors.sources import Sources
from trustkit.errors import ConfigError, ModelError, Problem, nearest
from trustkit.evidence import Unavailable
from trustkit.evidence.ablations import Ablation, Ablations, Turned
from trustkit.evidence.cells import ordered
from trustkit.evidence.tables import MISSING
from trustkit.frames import labels_of

KEY = 'options."data-protection/minimization"'

MOST = 10_000
"""Rows that are asked of a personal input."""

MOST_ASKED, FEWEST = 30_000, 200
"""Rows that are asked of all other inputs together, and of each at least."""

MOST_FITTED, MOST_LEFT_OUT = 5_000, 8
"""Training rows that the model is trained on anew, and personal inputs that are left out, each in turn."""

DRAW, DRAW_TRAIN = 41, 42

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
    sources.require_model()
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
    refitted, unfitted = _refitted(sources, drawn, list(personal)[:MOST_LEFT_OUT])
    schema = {
        "inputs": list(sources.features),
        "personal": personal,
        "task": sources.task,
        "target": sources.data.target is not None,
        "tolerance": TOLERANCE,
        "seed": sources.seed,
        "most": [MOST, MOST_ASKED],
        "fitted": [MOST_FITTED, MOST_LEFT_OUT],
        "unit": sources.data.unit is not None,
        "weight": sources.data.weight is not None,
    }
    return Ablations(schema, sources.frame.rows, shuffled, refitted, unfitted)


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


def _refitted(sources: Sources, drawn: Drawn, names: Sequence[str]) -> tuple[dict[str, Ablation], str]:
    """Train the model anew with every input and without each of `names`; or say why that cannot be."""
    try:
        training = Training.of(sources) if names else None
        if training is None:
            return {}, ""
        given = training.answers(drawn.table, "train anew with every input")
        made = {}
        for number, name in enumerate(names, 1):
            stage = f"train anew without an input, {number} of {len(names)}"
            made[name] = drawn.compared(given, training.answers(drawn.table, stage, without=name))
    except Unavailable as signal:
        return {}, signal.reason
    except (ModelError, ConfigError) as error:
        return {}, f"trained anew, {error}"
    return made, ""


@dataclass(frozen=True)
class Training:
    """Rows that the model is trained on anew."""

    refitter: Refitter
    table: pd.DataFrame
    outcome: pd.Series[Any]
    seed: int

    @classmethod
    def of(cls, sources: Sources) -> Self:
        """Draw training rows with an outcome.

        Raises
        ------
        Unavailable
            Where there are none, or no clone of the model can be fitted.
        """
        train, target = sources.train, sources.data.target
        if train is None:
            raise Unavailable("there are no training rows (data.train)")
        lacking = [name for name in (*sources.features, target) if name not in train.columns]
        if target is None or lacking:
            raise Unavailable("the training rows lack an input or the outcome")
        rows = np.flatnonzero(~train.missing(target))
        order = np.random.default_rng([sources.seed, DRAW_TRAIN]).permutation(len(rows))
        part = train.at(rows[order[:MOST_FITTED]])
        table = next(part.batches([*sources.features, target], max(part.rows, 1)))
        return cls(refitter(sources), table[sources.features], table[target], sources.seed)

    def answers(self, asked_of: pd.DataFrame, stage: str, *, without: str | None = None) -> Answers:
        """Train anew and ask; the input that is left out is the same for every row, then and now."""
        table, rows = self.table, asked_of
        if without is not None:
            usual = self.table[without].array.take(self._usual(without))
            table, rows = (_with(each, without, usual) for each in (table, rows))
        with self.refitter.fitted(table, self.outcome, seed=self.seed) as clone:
            return clone.asked(rows, stage)

    def _usual(self, name: str) -> NDArray[np.intp]:
        """Place of a row that has the most frequent value of an input."""
        codes = labels_of(self.table[name]).codes
        return np.flatnonzero(codes == np.argmax(np.bincount(codes)))[:1]


def _with(table: pd.DataFrame, name: str, value: Any) -> pd.DataFrame:
    return table.assign(**{name: value.take(np.zeros(len(table), dtype=np.intp))})


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
