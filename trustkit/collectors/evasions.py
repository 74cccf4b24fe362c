"""The collector of evasions: change a few inputs of a row to other plausible values, and ask again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trustkit.collectors.asking import Answers, asked
from trustkit.collectors.budget import Budget
from trustkit.collectors.draws import drawing_order
from trustkit.collectors.sources import Sources
from trustkit.errors import ConfigError, Problem, nearest
from trustkit.evidence import Unavailable
from trustkit.evidence.evasions import EDITS, Evasions
from trustkit.evidence.tables import MISSING
from trustkit.frames import Frame, FrameError

CHECK = "security/evasion"
KEY = f'options."{CHECK}"'
STAGE = "evasion"
DRAW = 40

MOST_OBSERVED, MOST_ASKED = 10_000, 2_000
"""Rows whose values are plausible; of them, those asked for their decision."""

LADDER = ((300, 50), (100, 20), (30, 6), (10, 2))
"""Rows attacked with one edit, and with more: the most that the budget of time allows."""

BEAM = 3
"""Changed rows, of one or two edits, that a further edit is added to: those nearest to turning."""

STEPS, REACH = 20, 2
"""A number moves to the nearest `REACH` of so many steps of its observed quantiles, up and down."""

MOST_LABELS, LEAST_SHARE = 8, 0.01
"""A label changes to the most frequent ones, none rarer than this share."""

BATCH = 10_000

Places = NDArray[np.intp]


def collect_evasions(sources: Sources) -> Evasions:
    """Count the adverse decisions that one, two or three plausible edits turn.

    An edit gives one input another value that was observed: a number moves by
    a step or two of twenty in the order of its values, a label becomes another
    frequent one. Sensitive inputs, and those not declared mutable, stay.

    Raises
    ------
    Unavailable
        Where there is no model, no decision to turn, or no input that may change.
    ConfigError
        For mutable columns or directions of what is no input.
    """
    columns, directions = _mutable(sources)
    order = drawing_order(sources, DRAW)[:MOST_OBSERVED]
    frame = sources.frame.at(order)
    table = next(frame.batches(sources.features, frame.rows))
    budget = Budget.of(sources, CHECK)
    first = budget.timed(lambda rows: asked(sources, rows, STAGE), table.iloc[:MOST_ASKED])
    sought = list(sources.favorable)
    adverse = np.flatnonzero(~np.isin(first.decision, sought)) if sought else np.arange(len(first.decision))
    moves = [move for column in columns for move in _moves(frame, column, directions.get(column))]
    rows, deep = _affordable(len(moves), budget)
    schema = {
        "columns": columns,
        "declared": _options(sources).get("mutable") is not None,
        "directions": directions,
        "seed": sources.seed,
        "most": rows,
        "sought": sought,
        "score": first.number is not None,
    }
    attacked = adverse[:rows]
    edits = Edits.of(table, attacked, moves)
    search = _Search(sources, edits, first, sought)
    alone, turned = search.single()
    more = search.more(turned, min(deep, len(attacked)))
    return Evasions(
        schema,
        len(adverse),
        (len(attacked), *(min(deep, len(attacked)),) * (len(EDITS) - 1)),
        (int(turned.sum()), *more),
        {name: alone.get(name, 0) for name in columns},
        search.queries,
    )


@dataclass(frozen=True)
class Move:
    """One way to change an input.

    Attributes
    ----------
    column : str
        The input.
    donor : array of int, shape (observed rows,)
        For each row the place of one with the new value; -1 where it keeps its own.
    """

    column: str
    donor: Places


@dataclass(frozen=True)
class Edits:
    """All single changes of the rows attacked.

    Attributes
    ----------
    table : DataFrame
        Rows with values that were observed.
    row : array of int, shape (attacked,)
        Places of the rows attacked in it.
    column : array of int, shape (edits,)
        Place of the input that an edit changes.
    donor : array of int, shape (edits, attacked)
        Place of the row that gives the new value; -1 where an edit changes nothing.
    """

    table: pd.DataFrame
    row: Places
    column: Places
    donor: Places

    @classmethod
    def of(cls, table: pd.DataFrame, row: Places, moves: Sequence[Move]) -> Self:
        """Take the moves of the rows attacked."""
        names = list(table.columns)
        column = np.array([names.index(move.column) for move in moves], dtype=np.intp)
        donor = np.array([move.donor[row] for move in moves], dtype=np.intp)
        return cls(table, row, column, donor.reshape(len(moves), len(row)))

    def changed(self, attacked: Places, edits: Places) -> pd.DataFrame:
        """Return rows with their edits made: an edit a column of `edits`, shape (rows, edits a row)."""
        own = self.row[attacked]
        made = self.table.iloc[own].copy()
        for at in np.unique(self.column[edits]):
            source = own.copy()
            which, number = np.nonzero(self.column[edits] == at)
            source[which] = self.donor[edits[which, number], attacked[which]]
            made[made.columns[at]] = self.table.iloc[source, at].array
        return made


class _Search:
    """Asks about changed rows, and keeps those nearest to turning."""

    def __init__(self, sources: Sources, edits: Edits, first: Answers, sought: list[str]) -> None:
        self.queries = 0
        self._sources, self._edits, self._sought = sources, edits, sought
        self._was = first.decision[edits.row]
        self._toward = _direction(sources, sought)
        self._rng = np.random.default_rng([sources.seed, DRAW])
        self._beam: dict[int, Places] = {}

    def single(self) -> tuple[dict[str, int], NDArray[np.bool_]]:
        """Rows that each column turns alone, and which rows any turns."""
        edit, attacked = np.nonzero(self._edits.donor >= 0)
        turned = self._ask(attacked, edit[:, None])
        names, columns = list(self._edits.table.columns), self._edits.column[edit]
        alone = {names[at]: len(np.unique(attacked[turned & (columns == at)])) for at in np.unique(columns)}
        any_turned = np.zeros(len(self._edits.row), dtype=bool)
        any_turned[attacked[turned]] = True
        return alone, any_turned

    def more(self, turned: NDArray[np.bool_], rows: int) -> list[int]:
        """Of the first rows those that turn by two edits at most, by three, and so on."""
        counts, turned = [], turned[:rows].copy()
        for _ in EDITS[1:]:
            attacked, edits = self._extended(np.flatnonzero(~turned))
            turned[attacked[self._ask(attacked, edits)]] = True
            counts.append(int(turned.sum()))
        return counts

    def _extended(self, rows: Places) -> tuple[Places, Places]:
        """Each change kept of these rows with each further edit of another column."""
        attacked, edits = [], []
        for row in rows:
            able = np.flatnonzero(self._edits.donor[:, row] >= 0)
            for kept in self._beam.get(int(row), ()):
                further = able[~np.isin(self._edits.column[able], self._edits.column[kept])]
                attacked.append(np.full(len(further), row))
                edits.append(np.column_stack([np.tile(kept, (len(further), 1)), further]))
        if not attacked:
            return np.zeros(0, dtype=np.intp), np.zeros((0, 1), dtype=np.intp)
        return np.concatenate(attacked), np.concatenate(edits)

    def _ask(self, attacked: Places, edits: Places) -> NDArray[np.bool_]:
        """Which changed rows turn; of each row the nearest to turning are kept."""
        turned, progress = np.zeros(len(attacked), dtype=bool), np.zeros(len(attacked))
        for start in range(0, len(attacked), BATCH):
            part = slice(start, start + BATCH)
            said = asked(self._sources, self._edits.changed(attacked[part], edits[part]), STAGE)
            was = self._was[attacked[part]]
            turned[part] = np.isin(said.decision, self._sought) if self._sought else said.decision != was
            if self._toward and said.number is not None:
                progress[part] = self._toward * said.number
            else:
                progress[part] = self._rng.random(len(was))
        self.queries += len(attacked)
        order = np.lexsort((-progress, attacked))
        self._beam = {
            int(attacked[places[0]]): edits[places[:BEAM]]
            for places in np.split(order, np.flatnonzero(np.diff(attacked[order])) + 1)
            if len(places)
        }
        return turned


def _direction(sources: Sources, sought: list[str]) -> int:
    """Whether the score grows towards what is sought: 1, or -1; 0 where it does not tell."""
    if sources.positive is None or not sought:
        return 0
    return 1 if sources.positive in sought else -1


def _affordable(moves: int, budget: Budget) -> tuple[int, int]:
    """Rows to attack with one edit, and with more."""
    further = (len(EDITS) - 1) * BEAM
    able = (step for step in LADDER if budget.affords(moves * (step[0] + further * step[1])))
    return next(able, LADDER[-1])


def _moves(frame: Frame, column: str, direction: str | None) -> Iterator[Move]:
    """Changes of an input: of a number to near steps of its quantiles, of a label to frequent others."""
    try:
        values = frame.numbers(column)
    except FrameError:
        with suppress(FrameError):  # lists, say
            yield from _relabeled(frame, column)
        return
    if np.isfinite(values).any():
        yield from _stepped(column, values, direction)


def _stepped(column: str, values: NDArray[np.float64], direction: str | None) -> Iterator[Move]:
    shares = np.linspace(0, 1, STEPS + 1)
    steps = np.unique(np.quantile(values[np.isfinite(values)], shares, method="nearest"))
    giver = np.array([np.flatnonzero(values == step)[0] for step in steps])
    above, below = (np.searchsorted(steps, values, side=side) for side in ("right", "left"))
    moved = [above + k for k in range(REACH) if direction != "decreasing"]
    moved += [below - 1 - k for k in range(REACH) if direction != "increasing"]
    for to in moved:
        able = np.isfinite(values) & (to >= 0) & (to < len(steps))
        yield Move(column, np.where(able, giver[np.clip(to, 0, len(steps) - 1)], -1))


def _relabeled(frame: Frame, column: str) -> Iterator[Move]:
    labels = frame.labels(column)
    rows = np.bincount(labels.codes, minlength=len(labels.names))
    frequent = [
        int(code)
        for code in np.argsort(-rows, kind="stable")[:MOST_LABELS]
        if rows[code] >= max(LEAST_SHARE * frame.rows, 1) and labels.names[code] != MISSING
    ]
    for code in frequent:
        giver = int(np.flatnonzero(labels.codes == code)[0])
        yield Move(column, np.where(labels.codes == code, -1, giver))


def _options(sources: Sources) -> Mapping[str, Any]:
    return sources.system.config.options.get(CHECK, {})


def _mutable(sources: Sources) -> tuple[list[str], dict[str, str]]:
    """Inputs that may change, and the directions in which they may."""
    sources.require_model()
    if sources.task == "regression":
        raise Unavailable("a quantity is predicted: there is no decision to turn")
    options, features = _options(sources), sources.features
    given, others = options.get("mutable"), [name for name in features if name not in sources.data.sensitive]
    mutable = list(others if given is None else given)
    directions = dict(options.get("directions") or {})
    problems = [
        Problem(f"{KEY}.{option}", f"the model does not take {name!r}", nearest(name, features))
        for option, names in (("mutable", mutable), ("directions", directions))
        for name in names
        if name not in features
    ]
    if problems:
        raise ConfigError(problems)
    if not mutable and given is None:
        raise Unavailable("every input is sensitive: none may change", supply=f"{KEY}.mutable")
    if not mutable:
        raise Unavailable("its owner declares that nobody can change an input")
    return mutable, directions
