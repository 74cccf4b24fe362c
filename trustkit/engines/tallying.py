"""The same sums as an engine's plan of cells, of a file that is read here, batch by batch, in threads."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa

from trustkit.engines import files
from trustkit.engines.counting import Columns, Sums, refuse_many
from trustkit.errors import ConfigError, Problem
from trustkit.evidence.blocks import SCORE_ONE, SQUARE_ONE, WEIGHT_ONE, Block, fixed_point
from trustkit.evidence.score_bins import SCORE_BINS, score_bins
from trustkit.frames import Frame, FrameError, Labels

if TYPE_CHECKING:
    from trustkit.engines.relations import Piece, Relation
    from trustkit.evidence.blocks import Coded, Ints

_T = TypeVar("_T")
_S = TypeVar("_S")

_HELD = 1_000_000
"""Cells of batches that are held before they are added up."""


@dataclass(frozen=True)
class _Batch:
    """Sums of a batch, its labels coded in their own order, and the rows that are drawn of it."""

    names: list[tuple[str, ...]]
    block: Block
    outside: int
    wrong: int
    heaviest: float
    drawn: list[pa.Table]


@dataclass
class _Total:
    """Sums of the batches so far: `codes` gives the place of each label of each key."""

    codes: list[dict[str, int]]
    blocks: list[Block] = field(default_factory=list)
    cells: int = 0

    def add(self, batch: _Batch) -> None:
        """Take over a batch; those that are held are added up where they are many."""
        block = batch.block
        for at, names in enumerate(batch.names):
            codes = self.codes[at]
            block = block.recoded(at, np.array([codes.setdefault(name, len(codes)) for name in names]))
        self.blocks.append(block)
        if sum(len(each.codes) for each in self.blocks) - self.cells > _HELD:
            self.summed()

    def summed(self) -> Block:
        """Add up what is held."""
        codes = np.concatenate([each.codes for each in self.blocks])
        names = self.blocks[0].sums
        sums = {name: np.concatenate([each.sums[name] for each in self.blocks]) for name in names}
        self.blocks = [Block(codes, sums).summed()]
        self.cells = len(self.blocks[0].codes)
        return self.blocks[0]


def tallied(relation: Relation, piece: Piece, columns: Columns) -> Sums:
    """Count a file by reading it; rows that are drawn by their place are kept on the way.

    Raises
    ------
    ConfigError
        As `counted` does.
    """
    names = [*columns.keys, *(name for name in (columns.score, columns.weight) if name is not None)]
    total = _Total([{} for _ in columns.keys])
    outside, wrong, heaviest = 0, 0, 0.0
    drawn: list[pa.Table] = []
    try:
        with relation.explained(piece):
            for batch in _in_threads(partial(_batch, relation, columns), _placed(piece, names)):
                total.add(batch)
                refuse_many(relation, columns, total.cells)
                outside, wrong = outside + batch.outside, wrong + batch.wrong
                heaviest = max(heaviest, batch.heaviest)
                drawn += batch.drawn
            block = total.summed()
            refuse_many(relation, columns, total.cells)
    except FrameError as error:
        raise ConfigError([Problem(relation.key, str(error))]) from None
    except OverflowError as error:
        raise ConfigError([Problem("data.weight", str(error))]) from None
    if drawn:
        relation.kept[piece.name] = files.joined(drawn)
    labels = {
        name: Labels(tuple(codes), block.codes[:, at])
        for at, (name, codes) in enumerate(zip(columns.keys, total.codes, strict=True))
    }
    bins = block.codes[:, -1] if columns.score else None
    return Sums(labels, bins, None, block.sums, outside, wrong, heaviest)


def _in_threads(function: Callable[[_T], _S], items: Iterable[_T]) -> Iterator[_S]:
    """Call a function of each item, one thread a core; few items are held."""
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[_S]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _placed(piece: Piece, names: Sequence[str]) -> Iterator[tuple[int, pa.Table]]:
    """Tables, each with the place of its first row."""
    start = piece.start
    for table in (piece.coded or piece.read)(list(dict.fromkeys(names))):
        yield start, table
        start += len(table)


def _batch(relation: Relation, columns: Columns, placed: tuple[int, pa.Table]) -> _Batch:
    start, table = placed
    frame, bins = Frame(table, table.column_names, []), columns.bins
    drawn = [relation.placed(table, start)] if relation.id is None else []
    keys = [frame.binned(name, bins[name]) if name in bins else frame.labels(name) for name in columns.keys]
    axes: list[Coded] = [(key.codes, len(key.names)) for key in keys]
    parts: dict[str, Ints | None] = {"n": None}
    outside, wrong, heaviest, score, shift = 0, 0, 0.0, None, 0
    if columns.score:
        score = frame.numbers(columns.score)
        is_outside = (score < 0) | (score > 1)
        outside = int(np.count_nonzero(is_outside))
        score = np.where(is_outside, np.nan, score) if outside else score
        axes.append((score_bins(score) + 1, SCORE_BINS + 1))
        shift = -1
        score = np.nan_to_num(score)
        parts |= {"s": fixed_point(score, SCORE_ONE), "s2": fixed_point(score * score, SCORE_ONE)}
    if columns.weight:
        weight = frame.numbers(columns.weight)
        is_wrong = ~np.isfinite(weight) | (weight < 0)
        wrong = int(np.count_nonzero(is_wrong))
        weight = np.where(is_wrong, 0.0, weight) if wrong else weight
        heaviest = float(weight.max())
        parts |= {"w": fixed_point(weight, WEIGHT_ONE), "w2": fixed_point(weight * weight, SQUARE_ONE)}
        if score is not None:
            parts |= {"ws": fixed_point(weight * score, SCORE_ONE)}
            parts |= {"ws2": fixed_point(weight * (score * score), SCORE_ONE)}
    block = Block.count(axes, parts)
    block = block.shifted(-1, by=shift) if shift else block
    return _Batch([key.names for key in keys], block, outside, wrong, heaviest, drawn)
