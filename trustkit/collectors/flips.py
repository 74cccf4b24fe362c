"""The collector of flips: ask the model again with the sensitive attribute of another group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from trustkit.collectors.asking import Answers, asked
from trustkit.collectors.draws import drawing_order, topped_up
from trustkit.collectors.sources import Sources
from trustkit.errors import ConfigError, Problem, nearest
from trustkit.evidence import Unavailable
from trustkit.evidence.blocks import SCORE_ONE
from trustkit.evidence.flips import ANY, Flips, Moves
from trustkit.evidence.tables import MISSING
from trustkit.frames import Labels, bin_names

KEY = 'options."bias/counterfactual-flip"'

MOST = 5000
"""Rows that are asked again."""

FEWEST, MOST_ASKED = 200, 60_000
"""Further rows are drawn until each group has so many, and the model was asked of so many."""

MOST_TARGETS = 12
"""Of an attribute with more groups, rows are switched to the largest."""

DRAW = 11

RELATIVE_TOLERANCE = 0.01
"""Share of itself by which a predicted number has to move, where no tolerance is given."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Change:
    """What a switch did to each row; shape (rows,).

    Attributes
    ----------
    switched, flip, toward, away : arrays of bool
        Whether the row was switched, and its decision turned; turned
        favorable; turned from favorable.
    size, shift : arrays of float
        Size of the change of its number, and the change; 0 where there is none.
    """

    switched: NDArray[np.bool_]
    flip: NDArray[np.bool_]
    toward: NDArray[np.bool_]
    away: NDArray[np.bool_]
    size: Floats
    shift: Floats

    @classmethod
    def of_any(cls, changes: Sequence[Change]) -> Self:
        """Return what any of several switches did; the changes of the number are their means."""
        times = np.maximum(np.sum([change.switched for change in changes], axis=0), 1)
        flags = (
            np.any([getattr(change, name) for change in changes], axis=0)
            for name in ("switched", "flip", "toward", "away")
        )
        sums = (np.sum([getattr(change, name) for change in changes], axis=0) for name in ("size", "shift"))
        return cls(*flags, *(total / times for total in sums))

    def by_group(self, group: NDArray[Any], groups: int) -> list[Moves]:
        """Counts and sums over the rows of each group."""

        def total(values: NDArray[Any]) -> list[int]:
            return [int(n) for n in np.bincount(group, weights=values, minlength=groups)]

        def fixed(values: Floats) -> list[int]:
            return total(np.floor(values * SCORE_ONE + 0.5))

        counts = [total(each) for each in (self.switched, self.flip, self.toward, self.away)]
        sums = [fixed(each) for each in (self.size, self.size**2, self.shift, self.shift**2)]
        return [Moves(*each) for each in zip(*counts, *sums, strict=True)]


def collect_flips(sources: Sources) -> Flips:
    """Count the answers that change when rows are given the attribute of another group.

    A row takes the attribute, and the inputs declared to go with it, from one
    row of the other group, drawn by the seed: values that belong together stay
    together, and keep their types.

    Raises
    ------
    Unavailable
        Where there is no model, no attribute, or none that the model takes.
    ConfigError
        For proxies that are no inputs, or of no sensitive attribute, and for a negative tolerance.
    """
    switched, tolerance = _switched(sources), _tolerance(sources)
    order = drawing_order(sources, DRAW)
    moves: dict[str, dict[str, dict[str, Moves]]] = {}
    scored = False
    for number, (attribute, columns) in enumerate(switched.items()):
        rng = np.random.default_rng([sources.seed, DRAW, number])
        draw = Draw.of(sources.groups(attribute), order, rng)
        moves[attribute] = {}
        if len(draw.targets) > 1:
            moves[attribute], scored = _moves(sources, attribute, columns, draw, tolerance)
    data = sources.data
    schema = {
        "switched": switched,
        "untaken": [name for name in data.sensitive if name not in switched],
        "bins": {name: list(bin_names(data.bins[name])) for name in switched if name in data.bins},
        "task": sources.task,
        "score": scored,
        "favorable": list(sources.favorable),
        "tolerance": tolerance,
        "seed": sources.seed,
        "most": MOST,
        "targets": MOST_TARGETS,
        "unit": data.unit is not None,
        "weight": data.weight is not None,
    }
    return Flips(schema, sources.frame.rows, len(order[:MOST]), moves)


@dataclass(frozen=True)
class Draw:
    """Rows to be switched, and the rows that they take the attribute from.

    Attributes
    ----------
    names : tuple of str
        Labels of the groups.
    rows : array of int, shape (rows,)
        Places of the rows.
    group : array of int, shape (rows,)
        Group of each.
    targets : list of int
        Groups that rows are switched to.
    donors : list of array of int, shape (rows,)
        For each target, the place of a row of that group for each row.
    """

    names: tuple[str, ...]
    rows: NDArray[np.intp]
    group: NDArray[Any]
    targets: list[int]
    donors: list[NDArray[np.intp]]

    @classmethod
    def of(cls, labels: Labels, order: NDArray[np.intp], rng: np.random.Generator) -> Self:
        """Draw the first rows of `order`, further ones of small groups, and donors at random."""
        group = labels.codes[order]
        sizes = np.bincount(group, minlength=len(labels.names))
        known = [int(i) for i in np.argsort(-sizes, kind="stable") if labels.names[i] != MISSING and sizes[i]]
        targets = known[:MOST_TARGETS]
        fewest = min(FEWEST, MOST_ASKED // max(len(targets) * len(sizes), 1))
        rows = np.concatenate([order[:MOST], topped_up(order, MOST, labels.codes, len(sizes), fewest)])
        donors = [rng.choice(order[group == target], len(rows)) for target in targets]
        return cls(labels.names, rows, labels.codes[rows], targets, donors)


def _moves(
    sources: Sources, attribute: str, columns: Sequence[str], draw: Draw, tolerance: float | None
) -> tuple[dict[str, dict[str, Moves]], bool]:
    """Moves of each group, by target and by any; and whether there is a number that may change."""
    frame = sources.frame.at(np.concatenate([draw.rows, *draw.donors]))
    table, n = next(frame.batches(sources.features, frame.rows)), len(draw.rows)
    given = table.iloc[:n]
    before = asked(sources, given, f"switch {attribute}")
    changes = {}
    for number, target in enumerate(draw.targets, 1):
        switched = np.flatnonzero(draw.group != target)
        if len(switched):
            made, donors = given.iloc[switched].copy(), table.iloc[number * n + switched]
            for column in columns:
                made[column] = donors[column].array
            after = asked(sources, made, f"switch {attribute}, {number} of {len(draw.targets)}")
            changes[draw.names[target]] = _change(sources, before, after, switched, tolerance)
    told = {ANY: Change.of_any(list(changes.values())), **changes}
    tallies = {target: change.by_group(draw.group, len(draw.names)) for target, change in told.items()}
    moves = {
        name: {target: tally[i] for target, tally in tallies.items() if tally[i].rows}
        for i, name in enumerate(draw.names)
        if tallies[ANY][i].rows
    }
    return moves, before.number is not None


def _change(
    sources: Sources, before: Answers, after: Answers, switched: NDArray[np.intp], tolerance: float | None
) -> Change:
    """Compare the answers to the rows at `switched` with those given before."""
    rows = len(before.decision)
    was, now = before.decision[switched], after.decision
    shift = np.zeros(len(switched))
    if before.number is not None and after.number is not None:
        shift = after.number - before.number[switched]
    flip = was != now
    if sources.task == "regression" and before.number is not None:
        least = RELATIVE_TOLERANCE * np.abs(before.number[switched]) if tolerance is None else tolerance
        flip &= ~(np.abs(shift) <= least)  # a number that comes or goes moves too
    favored, favors = (np.isin(each, sources.favorable) for each in (was, now))
    shift = np.nan_to_num(shift)

    def full(values: NDArray[Any]) -> NDArray[Any]:
        made = np.zeros(rows, dtype=values.dtype)
        made[switched] = values
        return made

    every = np.ones(len(switched), dtype=bool)
    parts = (every, flip.astype(bool), favors & ~favored, favored & ~favors, np.abs(shift), shift)
    return Change(*(full(part) for part in parts))


def _options(sources: Sources) -> Mapping[str, Any]:
    return sources.system.config.options.get("bias/counterfactual-flip", {})


def _switched(sources: Sources) -> dict[str, list[str]]:
    """Inputs to be switched, by attribute: the attribute itself and its declared proxies."""
    sources.require_model()
    attributes, features = list(sources.data.sensitive), sources.features
    if not attributes:
        raise Unavailable(
            "no sensitive attribute is declared", supply="data.sensitive: the columns that name groups"
        )
    named = _options(sources).get("proxies") or {}
    problems = [*_proxy_problems(named, attributes, features)]
    if problems:
        raise ConfigError(problems)
    switched = {
        name: [column for column in dict.fromkeys((name, *named.get(name, ()))) if column in features]
        for name in attributes
    }
    switched = {name: columns for name, columns in switched.items() if columns}
    if not switched:
        raise Unavailable(f"the model does not take {', '.join(attributes)}")
    return switched


def _proxy_problems(
    named: Mapping[str, Sequence[str]], attributes: Sequence[str], features: Sequence[str]
) -> Iterator[Problem]:
    for name, columns in named.items():
        if name not in attributes:
            yield Problem(f"{KEY}.proxies", f"{name!r} is no sensitive attribute", nearest(name, attributes))
        for column in columns:
            if column not in features:
                found = f"the model does not take {column!r}"
                yield Problem(f"{KEY}.proxies.{name}", found, nearest(column, features))


def _tolerance(sources: Sources) -> float | None:
    tolerance = _options(sources).get("tolerance")
    if tolerance is not None and not (isfinite(tolerance) and tolerance >= 0):
        raise ConfigError([Problem(f"{KEY}.tolerance", f"{tolerance} is not a finite number of at least 0")])
    return tolerance
