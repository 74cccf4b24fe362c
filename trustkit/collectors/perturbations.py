"""The collector of perturbations: ask the model about inputs changed as is realistic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trustkit.collectors.asking import Answers, asked, raised_type
from trustkit.collectors.budget import Budget
from trustkit.collectors.draws import drawing_order
from trustkit.collectors.perturbing import CHANGES, Sorts, perturbed, promoted, values_of
from trustkit.errors import ConfigError, ModelError, Problem
from trustkit.evidence import Unavailable
from trustkit.evidence.perturbations import MILD, MODERATE, SEVERE, SEVERITIES, Effect, Key, Perturbations
from trustkit.evidence.tables import MISSING

if TYPE_CHECKING:
    from trustkit.collectors.sources import Sources

CHECK = "safety/robustness"

MOST = {MILD: 400, MODERATE: 100, SEVERE: 100}
"""Rows that a perturbation of each severity changes."""

MOST_OF_COLUMN, FEWEST_OF_COLUMN, MOST_OF_COLUMNS = 200, 100, 6000
"""Rows changed in one column alone, at most and at least, and in all such ways together."""

FEWEST = 30
"""A change that alters fewer rows is left aside."""

MOST_CALLS, MOST_IN_CALL = 40, 10_000
_SPARE_CALLS = 2

NO_ANSWER = "no answer"

FEW = 1
"""Of the five values that stand for a column, so many may give an answer that is called stray."""

SPREADS = 0.5
"""Standard deviations of the truth by which a predicted number has to move, where no tolerance is given."""

DRAW = 31

_SOME = Effect(rows=1)

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Trial:
    """A perturbation to be asked about, on the first `rows` rows drawn."""

    mode: str
    severity: str
    column: str | None
    rows: int

    @property
    def key(self) -> Key:
        """How the evidence knows it."""
        return self.mode, self.severity, "" if self.column is None else str(self.column)

    @property
    def empties(self) -> bool:
        """Whether it leaves values out, so that whole numbers become floats."""
        return self.mode.startswith("missing")


@dataclass(frozen=True)
class Truth:
    """What is right for each row, and from when on two answers differ; shape (rows,)."""

    labels: NDArray[Any]
    numbers: NDArray[np.float64] | None
    known: Flags
    tolerance: float

    def at(self, rows: NDArray[np.intp]) -> Truth:
        """Return that of some rows."""
        numbers = None if self.numbers is None else self.numbers[rows]
        return Truth(self.labels[rows], numbers, self.known[rows], self.tolerance)

    def right(self, answers: Answers) -> Flags:
        """Which answers are right."""
        if self.numbers is None or answers.number is None:
            return self.known & (answers.decision == self.labels)
        with np.errstate(invalid="ignore"):
            return self.known & (np.abs(answers.number - self.numbers) <= self.tolerance)

    def flips(self, before: Answers, after: Answers) -> Flags:
        """Which answers differ."""
        if self.numbers is None or before.number is None or after.number is None:
            return np.asarray(before.decision != after.decision, dtype=bool)
        with np.errstate(invalid="ignore"):
            near = np.abs(before.number - after.number) <= self.tolerance
        return ~(near | (np.isnan(before.number) & np.isnan(after.number)))

    def strays(self, answers: Answers, given: Answers) -> Flags:
        """Which answers few of those given are, or are beyond; these stand one round after another."""
        rows = len(answers.decision)
        if self.numbers is None or answers.number is None or given.number is None:
            same = given.decision.reshape(-1, rows) == answers.decision
            return np.asarray(same.sum(axis=0) <= FEW)
        rounds = given.number.reshape(-1, rows)
        with np.errstate(invalid="ignore"):
            above = (rounds >= answers.number - self.tolerance).sum(axis=0)
            below = (rounds <= answers.number + self.tolerance).sum(axis=0)
        return np.asarray(np.minimum(above, below) <= FEW)


def collect_perturbations(sources: Sources) -> Perturbations:
    """Count the answers that change, and those that turn wrong, when inputs are changed.

    A table that the model refuses is counted as refused. Where a value that is
    left out changes the answer, five values that stand for its column are put:
    an answer that at most one of them gives, or that lies beyond, is a stray one.

    Raises
    ------
    Unavailable
        Where there is no model, or too few rows.
    ConfigError
        For a budget or a tolerance that is no number above 0.
    """
    sources.require_model()
    budget, tolerance = Budget.of(sources, CHECK), _tolerance(sources)
    order = drawing_order(sources, DRAW)[: max(MOST.values())]
    if len(order) < FEWEST:
        raise Unavailable(f"there are fewer than {FEWEST} rows to change", supply="more rows in data.audit")
    table = _inputs(sources, order)
    sorts = Sorts.of(table)
    every = list(_trials(sorts, list(table.columns), len(table)))
    trials = [trial for trial in every if trial.rows]
    asking = Asking(sources, budget, table)
    wanted = sum(trial.rows for trial in trials) + 2 * len(table)
    budget.measure(asking.ask, table, wanted)
    asking.stage = budget.told(sources, "perturb", wanted)
    kept, left = _afforded(trials, budget, wanted)
    asking.table = table = table.iloc[: max((trial.rows for trial in kept), default=FEWEST)]
    truth = _truth(sources, order[: len(table)], asking.before.number, tolerance)
    effects = asking.effects(kept, sorts, truth)
    strays = asking.strays(truth)
    schema = {
        "seed": sources.seed,
        "most": MOST,
        "most_of_column": MOST_OF_COLUMN,
        "task": sources.task,
        "tolerance": tolerance,
        "unit": sources.data.unit is not None,
        "weight": sources.data.weight is not None,
    }
    asking.leave(left, sorts, effects)
    bound = asking.is_late or kept != trials
    pace = float(f"{budget.pace:.1g}") if bound else 0.0
    beyond = len(every) - len(trials)
    rows, skipped = sources.frame.rows, tuple(sorted(asking.skipped))
    return Perturbations(schema, rows, len(table), effects, strays, skipped, beyond, pace)


def _inputs(sources: Sources, rows: NDArray[np.intp]) -> pd.DataFrame:
    frame = sources.frame.at(rows)
    return next(frame.batches(sources.features, frame.rows)).reset_index(drop=True)


def _trials(sorts: Sorts, columns: list[str], rows: int) -> Iterator[Trial]:
    """All that is to be asked, what is judged first; fixed by the columns and the number of rows."""
    for mode in CHANGES:
        yield Trial(mode, MILD, None, min(rows, MOST[MILD]))
    single = [("missing", name) for name in columns if len(columns) > 1]
    single += [("noise", name) for name in sorts.whole]
    of_column = max(min(MOST_OF_COLUMN, MOST_OF_COLUMNS // max(len(single), 1)), FEWEST_OF_COLUMN)
    for place, (mode, name) in enumerate(single):
        yield Trial(mode, MILD, name, min(rows, of_column) if place < MOST_OF_COLUMNS // of_column else 0)
    for severity in (MODERATE, SEVERE):
        for mode in CHANGES:
            yield Trial(mode, severity, None, min(rows, MOST[severity]))


def _afforded(trials: Sequence[Trial], budget: Budget, wanted: int) -> tuple[list[Trial], list[Trial]]:
    """Return what can be asked in time, fewer rows of each where it is not enough, and what is left aside."""
    share = budget.share(wanted)
    if share == 1.0:
        return list(trials), []
    fewer = [replace(t, rows=max(min(t.rows, FEWEST), int(share * t.rows))) for t in trials]
    needs = 2 * max(trial.rows for trial in fewer) + np.cumsum([trial.rows for trial in fewer])
    enough = sum(budget.affords(int(need)) for need in needs)  # needs grow: the first ones
    return fewer[:enough], fewer[enough:]


def _truth(
    sources: Sources, rows: NDArray[np.intp], predicted: NDArray[np.float64] | None, tolerance: float | None
) -> Truth:
    """The truths of the drawn rows; without a target none is known."""
    labels = np.full(len(rows), MISSING, dtype=object)
    if (truth := sources.truth()) is not None:
        labels = truth.text[rows]
    known = labels != MISSING
    if sources.task != "regression":
        return Truth(labels, None, known, 0.0)
    numbers = np.array([float(label) if label != MISSING else np.nan for label in labels])
    spread = float(np.nanstd(numbers)) if known.any() else 0.0
    if not spread and predicted is not None:  # of a truth that is always the same nothing can be told
        spread = float(np.nanstd(predicted))
    return Truth(labels, numbers, known, SPREADS * spread if tolerance is None else tolerance)


def _tolerance(sources: Sources) -> float | None:
    tolerance = sources.system.config.options.get(CHECK, {}).get("tolerance")
    if tolerance is not None and not (isfinite(tolerance) and tolerance > 0):
        raise ConfigError([Problem(f'options."{CHECK}".tolerance', f"{tolerance} is not a number above 0")])
    return tolerance


class Asking:
    """Asks about many changed tables in few calls, within a budget.

    Parameters
    ----------
    sources : Sources
        The system, opened.
    budget : Budget
        The seconds there are.
    table : DataFrame
        The drawn rows as they are.

    Attributes
    ----------
    skipped : list of Key
        Trials that were not asked about.
    is_late : bool
        Whether time ran out.
    stage : str
        What is shown meanwhile.
    """

    def __init__(self, sources: Sources, budget: Budget, table: pd.DataFrame) -> None:
        self.sources, self.budget, self.table = sources, budget, table
        self.skipped: list[Key] = []
        self.is_late, self.stage = False, "perturb"
        self._calls = 0
        self._emptied: list[Emptied] = []

    def ask(self, table: pd.DataFrame) -> Answers:
        """Ask about one table."""
        self._calls += 1
        return asked(self.sources, table, self.stage, scored=False)

    @cached_property
    def before(self) -> Answers:
        """Answers to the rows as they are."""
        return self.budget.timed(self.ask, self.table)

    @cached_property
    def _promoted(self) -> pd.DataFrame:
        """The rows as they are, with the types that a gap brings: tables with gaps then go into one call."""
        return promoted(self.table)

    @cached_property
    def _before_promoted(self) -> Answers:
        """Answers to those rows, where their types are others and accepted."""
        if (self._promoted.dtypes == self.table.dtypes).all():
            return self.before
        try:
            return self.budget.timed(self.ask, self._promoted)
        except ModelError:
            return self.before

    def effects(self, trials: Sequence[Trial], sorts: Sorts, truth: Truth) -> dict[Key, Effect]:
        """Return what became of the rows of each trial that changes some."""
        made: dict[Key, Effect] = {}
        for severities in ((MILD,), (MODERATE, SEVERE)):
            batches: dict[str, Batch] = {}
            for trial in trials:
                if trial.severity in severities and not self._is_refused(trial, made):
                    self._enter(batches, trial, sorts, truth, made)
            for batch in batches.values():
                self._settle(batch, truth, made)
        if any(effect.refused for effect in made.values()):
            self.ask(self.table.iloc[:1])  # a model that answers no more has not refused, it has failed
        return made

    def leave(self, trials: Sequence[Trial], sorts: Sorts, made: dict[Key, Effect]) -> None:
        """Count trials as left aside, those that would have changed some rows."""
        self.skipped += [
            trial.key
            for trial in trials
            if not self._is_refused(trial, made) and self._part(trial, sorts) is not None
        ]

    def strays(self, truth: Truth) -> dict[str, tuple[int, int]]:
        """Return, by column, the rows in which it was left out and those whose answer then no value gives."""
        made: dict[str, tuple[int, int]] = {}
        waiting: list[tuple[Emptied, NDArray[np.intp], pd.DataFrame]] = []
        for emptied in self._emptied:
            before = self._before_promoted.at(emptied.rows)
            turned = np.flatnonzero(truth.at(emptied.rows).flips(before, emptied.after))
            made[str(emptied.column)] = (len(emptied.rows), 0)
            if len(turned):
                filled = self._filled(emptied.column, emptied.rows[turned])
                if sum(len(table) for *_, table in waiting) + len(filled) > MOST_IN_CALL:
                    self._tried(waiting, truth, made)
                    waiting = []
                waiting.append((emptied, turned, filled))
        self._tried(waiting, truth, made)
        return made

    def _filled(self, column: str, rows: NDArray[np.intp]) -> pd.DataFrame:
        """Rows with each of the values of a column in turn."""
        values = values_of(self.table[column])
        table = self.table.iloc[np.tile(rows, len(values))].reset_index(drop=True)
        places = pd.Series(np.repeat(np.arange(len(values)), len(rows)))
        table[column] = places.map(dict(enumerate(values))).astype(self.table[column].dtype)
        return table

    def _tried(
        self,
        waiting: Sequence[tuple[Emptied, NDArray[np.intp], pd.DataFrame]],
        truth: Truth,
        made: dict[str, tuple[int, int]],
    ) -> None:
        """Count, of the rows whose answer turned, those where no value of the column turns it so."""
        tables = [table for *_, table in waiting]
        rows = sum(map(len, tables))
        if not rows or self._calls >= MOST_CALLS or not self.budget.affords(rows):
            self.is_late |= bool(rows) and not self.budget.affords(rows)
            made.update({str(emptied.column): (0, 0) for emptied, *_ in waiting})
            return
        answers = self.budget.timed(self.ask, pd.concat(tables, ignore_index=True))
        start = 0
        for emptied, turned, table in waiting:
            given = answers.at(slice(start, start + len(table)))
            stray = truth.strays(emptied.after.at(turned), given)
            made[str(emptied.column)] = (len(emptied.rows), int(stray.sum()))
            start += len(table)

    def _is_refused(self, trial: Trial, made: dict[Key, Effect]) -> bool:
        """Whether what is milder was refused already."""
        return any(
            not made.get((trial.mode, severity, ""), _SOME).rows
            for severity in SEVERITIES[: SEVERITIES.index(trial.severity)]
        )

    def _enter(
        self,
        batches: dict[str, Batch],
        trial: Trial,
        sorts: Sorts,
        truth: Truth,
        made: dict[Key, Effect],
    ) -> None:
        """Put a changed table to those of its layout; ask about them when they fill a call."""
        part = self._part(trial, sorts)
        if part is None:
            return
        layout = repr([(name, dtype) for name, dtype in part.table.dtypes.items()])
        batch = batches.setdefault(layout, [])
        if sum(len(each.rows) for each in batch) + len(part.rows) > MOST_IN_CALL:
            self._settle(batch, truth, made)
            batch.clear()
        batch.append(part)

    def _part(self, trial: Trial, sorts: Sorts) -> Part | None:
        """Change the rows of a trial; None where it alters too few."""
        seed = [self.sources.seed, DRAW, *map(ord, "|".join(trial.key))]
        table = (self._promoted if trial.empties else self.table).iloc[: trial.rows]
        changed = perturbed(table, sorts, trial.mode, trial.severity, seed, trial.column)
        rows = np.flatnonzero([] if changed is None else changed.changed)
        if changed is None or len(rows) < min(FEWEST, trial.rows):
            return None
        return Part(trial, rows, changed.table.iloc[rows])

    def _settle(self, batch: Batch, truth: Truth, made: dict[Key, Effect]) -> None:
        """Ask about all parts of a batch at once; where that is refused, about each alone."""
        if self._calls >= MOST_CALLS - _SPARE_CALLS:
            self.skipped += [part.trial.key for part in batch]
            return
        if not self.budget.affords(sum(len(part.rows) for part in batch)):
            self.is_late = True
            if len(batch) > 1:
                half = len(batch) // 2
                self._settle(batch[:half], truth, made)
                self._settle(batch[half:], truth, made)
            else:
                self.skipped.append(batch[0].trial.key)
            return
        table = batch[0].table if len(batch) == 1 else pd.concat([p.table for p in batch], ignore_index=True)
        try:
            answers = self.budget.timed(self.ask, table)
        except ModelError as error:
            if len(batch) > 1:
                for part in batch:
                    self._settle([part], truth, made)
            else:
                made[batch[0].trial.key] = Effect(refused=len(table), error=raised_type(error))
            return
        start = 0
        for part in batch:
            after = answers.at(slice(start, start + len(part.rows)))
            made[part.trial.key] = self._effect(part, after, truth)
            start += len(part.rows)

    def _effect(self, part: Part, after: Answers, truth: Truth) -> Effect:
        """Count what became of the rows; those without an answer, from which it abstains, are refused."""
        told = self._before_promoted if part.trial.empties else self.before
        answered = np.flatnonzero((after.decision != MISSING) | (told.decision[part.rows] == MISSING))
        refused = len(part.rows) - len(answered)
        if len(answered) < min(FEWEST, len(part.rows)):
            return Effect(refused=len(part.rows), error=NO_ANSWER)
        rows, after = part.rows[answered], after.at(answered)
        if part.trial.empties and part.trial.column is not None:
            self._emptied.append(Emptied(part.trial.column, rows, after))
        before, there = told.at(rows), truth.at(rows)
        was, now, known = there.right(before), there.right(after), there.known
        return Effect(
            rows=len(rows),
            flips=int(there.flips(before, after).sum()),
            right=int((was & now).sum()),
            lost=int((was & ~now).sum()),
            gained=int((~was & now).sum()),
            wrong=int((~was & ~now & known).sum()),
            refused=refused,
            error=NO_ANSWER if refused else "",
        )


@dataclass(frozen=True)
class Emptied:
    """Rows in which a column was left out, by their places, and what the model said."""

    column: str
    rows: NDArray[np.intp]
    after: Answers


@dataclass(frozen=True)
class Part:
    """The rows that a trial changed: their places among those drawn, and what they are now."""

    trial: Trial
    rows: NDArray[np.intp]
    table: pd.DataFrame


Batch = list[Part]
