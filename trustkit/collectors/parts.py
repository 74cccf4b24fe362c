"""Evidence of a table larger than memory: counted piece by piece, by the engine or in batches, and added."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from trustkit.collectors.cells import (
    cells_schema,
    check_groups,
    check_options,
    check_stratum,
    collect_cells,
    no_weight,
    outside_range,
)
from trustkit.collectors.classes import collect_classes, suggestions
from trustkit.collectors.profiles import collect_profiles, profiles_of
from trustkit.collectors.residuals import collect_residuals
from trustkit.collectors.sources import Sources
from trustkit.collectors.workers import is_on_workers, on_workers
from trustkit.engines.counting import Columns, Sums, counted, is_pushable
from trustkit.engines.relations import Piece, Relation
from trustkit.engines.spark import PREDICTION
from trustkit.errors import ConfigError, Problem, traced
from trustkit.evidence import Collected, Evidence, Read, Unavailable
from trustkit.evidence.blocks import SCORE_ONE, SQUARE_ONE, WEIGHT_ONE, Block
from trustkit.evidence.cells import Cells, ordered
from trustkit.evidence.profiles import Groups, Profile, Profiles
from trustkit.evidence.tables import MISSING
from trustkit.frames import Labels

COUNTED: Mapping[str, Callable[[Sources], Any]] = {
    "cells": collect_cells,
    "classes": collect_classes,
    "profiles": collect_profiles,
    "residuals": collect_residuals,
}
"""Kinds that are counted of every row of a relation, since they add; the others look at a sample."""

_LARGEST = 2.0**62


@dataclass
class Tally:
    """Evidence of the pieces that were counted so far, by kind.

    Attributes
    ----------
    kinds : dict
        The sums.
    absent, errors : dict
        Why there is none of a kind: this system cannot yield it, or its collector raised.
    seconds : dict
        What each took.
    calls : int
        How often the model was asked.
    """

    wanted: list[str]
    kinds: dict[str, Any] = field(default_factory=dict)
    absent: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    calls: int = 0

    def add(self, kind: str, collect: Callable[[], Any]) -> None:
        """Add what is collected of one kind, unless there is none of it."""
        if kind in self.absent or kind in self.errors:
            return
        started = time.perf_counter()
        try:
            found = collect()
            self.kinds[kind] = self.kinds[kind] + found if kind in self.kinds else found
        except Unavailable as signal:
            self.absent[kind] = (signal.reason, signal.supply)
        except ConfigError:
            raise
        except OverflowError as error:
            raise ConfigError([Problem("data.weight", str(error))]) from None
        except Exception as error:
            self.errors[kind] = traced(error)
        self.seconds[kind] = self.seconds.get(kind, 0.0) + time.perf_counter() - started


def collect_in_parts(sources: Sources, wanted: Iterable[str], folder: Path | None = None) -> Tally:
    """Count every row of a relation for the kinds that add.

    Parameters
    ----------
    sources : Sources
        Opened, of a relation.
    wanted : iterable of str
        Kinds of evidence.
    folder : Path, optional
        Where evidence of finished pieces is kept, and taken from.

    Raises
    ------
    ConfigError
        It names the piece that could not be counted.
    """
    relation = _relation(sources)
    total = Tally(sorted({*wanted} & {*COUNTED}))
    if "classes" in total.wanted and sources.data.unit is not None:
        why = "rows of one person may lie in several parts of a table that is not read whole"
        total.absent["classes"] = (why, "data.audit: one row a person, without data.unit")
    resumable = folder is not None and len(relation.pieces) > 1
    kept = _Kept(folder, sources, total.wanted) if resumable and folder is not None else None
    for number, piece in enumerate(relation.pieces, 1):
        found = None if kept is None else kept.load(number, piece)
        if found is None:
            found = _counted(sources, piece, [kind for kind in total.wanted if kind not in total.absent])
            if kept is not None:
                kept.save(number, piece, found)
        for kind, made in found.kinds.items():
            total.add(kind, partial(_same, made))
        total.absent |= found.absent
        total.errors |= found.errors
        total.calls += found.calls
        for kind, seconds in found.seconds.items():
            total.seconds[kind] = total.seconds.get(kind, 0.0) + seconds
        if sources.progress is not None:
            sources.progress("count", number, len(relation.pieces))
    if relation.failed is not None:
        raise relation.failed
    if "cells" in total.kinds:
        total.kinds["cells"] = _settled(sources, total.kinds["cells"])
    sources.model_calls += total.calls
    return total


def costs_of(sources: Sources, tally: Tally) -> Iterator[Collected]:
    """What collecting each kind took."""
    for kind in (*tally.kinds, *tally.errors):
        calls = tally.calls if kind == "cells" else 0
        yield Collected(kind, tally.seconds.get(kind, 0.0), sources.rows, calls)


def _same(made: Any) -> Any:
    return made


def _relation(sources: Sources) -> Relation:
    if sources.relation is None:
        raise ValueError("the sources are of no relation")
    return sources.relation


def _counted(sources: Sources, piece: Piece, kinds: list[str]) -> Tally:
    """Evidence of one piece: what the engine can count, then the rest in one reading of its rows."""
    tally = Tally(kinds)
    relation = _relation(sources)
    with relation.explained(piece):
        rest = [kind for kind in kinds if not _pushed(sources, piece, kind, tally)]
    if not rest:
        return tally
    for frame in relation.batches(piece, _columns(sources, rest)):
        part = sources.part(frame)
        for kind in rest:
            tally.add(kind, partial(COUNTED[kind], part))
        tally.calls += part.model_calls
    return tally


def _columns(sources: Sources, kinds: Iterable[str]) -> list[str]:
    """Columns that a part needs."""
    data = sources.data
    named = [data.target, data.prediction, data.score, data.weight, data.unit, *data.sensitive]
    named += sources.strata
    if sources.model is not None or "profiles" in kinds:
        named += sources.input_names
    if "classes" in kinds:
        named += data.quasi_identifiers or suggestions(sources)
    return list(dict.fromkeys(name for name in named if name is not None))


# What an engine counts


def _pushed(sources: Sources, piece: Piece, kind: str, tally: Tally) -> bool:
    """Count a piece at once, where that can be: cells of a log without units, and profiles of an engine."""
    started, relation = time.perf_counter(), _relation(sources)
    if kind == "cells" and is_on_workers(sources, piece):
        tally.add(kind, partial(_cells_of_workers, sources, piece))
    elif kind == "cells" and sources.is_counted_at_once(piece):
        sums = sources.sums.pop(piece.name, None) or sources.counted(relation, piece)
        tally.add(kind, partial(_cells, sources, piece, sums))
    elif kind == "profiles" and piece.frame is not None and is_pushable(piece.frame, _inputs(sources)):
        sums = counted(relation, piece, _inputs(sources))
        tally.add(kind, partial(_profiles, sources, sums))
    else:
        return False
    tally.seconds[kind] = time.perf_counter() - started
    return True


def _cells(sources: Sources, piece: Piece, sums: Sums, units: Sums | None = None) -> Cells:
    """Cells of what was counted, and of what was counted by bucket of the unit."""
    data = sources.data
    if sums.wrong:
        found = f"{sums.wrong} rows of {data.weight!r} are missing, negative or infinite, in {piece.name}"
        raise ConfigError([Problem("data.weight", found)])
    scored = sums.bins is not None
    heaviest = max(sums.heaviest * max(WEIGHT_ONE, SCORE_ONE * scored), sums.heaviest**2 * SQUARE_ONE)
    if heaviest * sums.rows >= _LARGEST:
        raise OverflowError("the sum of the weights does not fit 63 bits: divide the weights by their mean")
    named = {*sums.labels}
    truth = None if sources.task == "regression" else data.target
    decided = PREDICTION if PREDICTION in named else data.prediction
    prediction = None if sources.task == "regression" else decided
    schema = cells_schema(sources, truth=truth is not None, prediction=prediction is not None, score=scored)
    axes = {name: name for name in dict.fromkeys([*data.sensitive, *sources.strata])}
    roles: dict[str, str | None] = {**axes, "truth": truth, "prediction": prediction}
    labels = {}
    for axis, name in roles.items():
        parts = (
            [] if name is None else [each.labels[name].names for each in (sums, units) if each is not None]
        )
        texts = {text for names in parts for text in names} or {MISSING}
        labels[axis] = ordered(texts, schema["bins"].get(axis, ()))
    block = _block(sums, roles, labels)
    faults = {"score": f"{sums.outside} scores lie outside [0, 1]"} if sums.outside else {}
    return Cells(schema, labels, block, None if units is None else _block(units, roles, labels), faults)


def _block(sums: Sums, roles: Mapping[str, str | None], labels: Mapping[str, tuple[str, ...]]) -> Block:
    rows = len(sums.sums["n"])
    codes = [np.zeros(rows, dtype=np.int64) for _ in roles]
    for at, (axis, name) in enumerate(roles.items()):
        if name is not None:
            of = sums.labels[name]
            codes[at] = np.array([labels[axis].index(each) for each in of.names], dtype=np.int64)[of.codes]
    codes.append(np.full(rows, -1, dtype=np.int64) if sums.bins is None else sums.bins)
    if sums.bucket is not None:
        codes.append(sums.bucket)
    parts = {name: sums.sums[name] for name in ("n", "s", "s2", "w", "w2", "ws", "ws2") if name in sums.sums}
    return Block(np.stack(codes, axis=1), parts).summed()


def _cells_of_workers(sources: Sources, piece: Piece) -> Cells:
    """Cells where a model is asked, or units are hashed, on the workers of Spark."""
    relation = _relation(sources)
    answered, columns = on_workers(sources, relation, piece)
    sums = counted(relation, answered, replace(columns, bucket=None))
    units = counted(relation, answered, replace(columns, binned=False)) if columns.bucket else None
    return _cells(sources, piece, sums, units)


def _inputs(sources: Sources) -> Columns:
    """What an engine groups and counts for the profiles."""
    data = sources.data
    bins = {name: edges for name, edges in data.bins.items() if name in data.sensitive}
    return Columns(tuple(data.sensitive), bins, missing=tuple(sources.input_names))


def _profiles(sources: Sources, sums: Sums) -> Profiles:
    n, names = sums.sums["n"], tuple(sources.input_names)
    missing = sums.sums.get("missing", np.zeros((len(n), 0), dtype=np.int64))
    groups = {}
    for name, of in sums.labels.items():
        rows = np.bincount(of.codes, weights=n, minlength=len(of.names)).astype(np.int64)
        absent = np.zeros((len(of.names), len(names)), dtype=np.int64)
        np.add.at(absent, of.codes, missing)
        groups[name] = Groups(of.names, rows, absent)
    return profiles_of(sources, Profile(names, sums.rows, missing.sum(axis=0), groups))


# What can be told of the whole alone


def _settled(sources: Sources, cells: Cells) -> Cells:
    """Check the labels and weights of all rows, and leave out scores of which some are no probabilities."""
    groups = {name: cells.labels[name] for name in sources.data.sensitive}
    nothing = np.zeros(0, dtype=np.int8)
    check_groups({name: Labels(names, nothing) for name, names in groups.items()}, sources.rows)
    check_options(sources.system.config.options, groups)
    for name in sources.strata:
        if name not in groups:
            check_stratum(name, cells.labels[name])
    if sources.data.weight is not None and not cells.block.sums["w"].any():
        raise no_weight(sources.data.weight)
    if "score" not in cells.faults:
        return cells
    block, units = cells.block, cells.unit_block
    scoreless = replace(cells, block=_without_score(block, -1), faults={"score": _fault(sources)})
    return scoreless if units is None else replace(scoreless, unit_block=_without_score(units, -2))


def _without_score(block: Block, axis: int) -> Block:
    codes = block.codes.copy()
    codes[:, axis] = -1
    none = {
        name: np.zeros_like(of) if name in ("s", "s2", "ws", "ws2") else of for name, of in block.sums.items()
    }
    return Block(codes, none).summed()


def _fault(sources: Sources) -> str:
    """Say how many scores are no probabilities, by one more reading of their column."""
    relation, column = _relation(sources), str(sources.data.score)
    outside, low, high = 0, np.inf, -np.inf
    for piece in relation.pieces:
        for frame in relation.batches(piece, [column]):
            score = frame.numbers(column)
            outside += int(((score < 0) | (score > 1)).sum())
            low, high = np.fmin(low, np.fmin.reduce(score)), np.fmax(high, np.fmax.reduce(score))
    return outside_range(outside, relation.rows, percent=bool(low >= 0 and 1 < high <= 100))


# Finished pieces


class _Kept:
    """Evidence of finished pieces in a folder, by what was asked of which bytes."""

    def __init__(self, folder: Path, sources: Sources, kinds: list[str]) -> None:
        self._folder, self._sources = folder, sources
        asked = [sources.declared(), sources.seed, kinds, sources.input_names]
        self._asked = json.dumps(asked, sort_keys=True, default=str)

    def load(self, number: int, piece: Piece) -> Tally | None:
        """Evidence of a piece, where it is there, whole and of these very bytes."""
        path = self._path(number, piece)
        if path is None or not path.exists():
            return None
        with suppress(ConfigError):
            kept = Evidence.load(path)
            return Tally(
                list(kept.kinds),
                dict(kept.kinds),
                dict(kept.absent),
                seconds={cost.kind: cost.seconds for cost in kept.costs},
                calls=sum(cost.model_calls for cost in kept.costs),
            )
        return None

    def save(self, number: int, piece: Piece, tally: Tally) -> None:
        """Keep the evidence of a piece, unless a collector raised."""
        path = self._path(number, piece)
        if path is None or piece.digest is None or tally.errors:
            return
        read = piece.digest()
        costs = tuple(
            Collected(kind, tally.seconds.get(kind, 0.0), read.rows, tally.calls if kind == "cells" else 0)
            for kind in tally.kinds
        )
        inputs = (Read(read.role, read.path, read.sha256, read.rows),)
        declared, seed = self._sources.declared(), self._sources.seed
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as error:
            raise ConfigError([Problem(str(self._folder), error.strerror or "cannot be made")]) from None
        Evidence(declared, tally.kinds, {}, tally.absent, costs, inputs, seed).save(path)

    def _path(self, number: int, piece: Piece) -> Path | None:
        if piece.digest is None:
            return None
        with _relation(self._sources).explained(piece):
            read = piece.digest()
        key = hashlib.sha256(f"{self._asked}\0{read.path}\0{read.sha256}".encode()).hexdigest()[:16]
        return self._folder / f"{number:06d}-{key}.json"
