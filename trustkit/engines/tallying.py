"""The same sums as an engine's plan of cells, of a file that is read here, batch by batch, in threads."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from trustkit.engines import files
from trustkit.engines.counting import Columns, Sums, refuse_many
from trustkit.errors import ConfigError, Problem
from trustkit.evidence.blocks import SCORE_ONE, SQUARE_ONE, WEIGHT_ONE, Block, fixed_point
from trustkit.evidence.score_bins import SCORE_BINS, score_bins
from trustkit.frames import Frame, FrameError, Labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trustkit.engines.relations import Piece, Relation
    from trustkit.evidence.blocks import Coded, Ints

_HELD = 1_000_000
"""Cells of batches that are held before they are added up."""

_THREADS = 8
"""Most threads that read a file: each holds a batch, 90 MB of a log of six columns."""


@dataclass(frozen=True)
class _Batch:
    """Sums of a batch, its labels coded in their own order, and the rows that are drawn of it."""

    names: list[tuple[str, ...]]
    block: Block
    outside: int
    wrong: int
    heaviest: float
    drawn: pa.Table | None


@dataclass
class _Total:
    """Sums of the batches so far, which threads add: `codes` gives the place of each label of each key."""

    codes: list[dict[str, int]]
    blocks: list[Block] = field(default_factory=list)
    cells: int = 0
    outside: int = 0
    wrong: int = 0
    heaviest: float = 0.0
    drawn: dict[int, pa.Table] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def add(self, start: int, batch: _Batch) -> None:
        """Take over the batch that starts at a place; where many cells are held they are added up."""
        with self.lock:
            block = batch.block
            for at, names in enumerate(batch.names):
                codes = self.codes[at]
                block = block.recoded(at, np.array([codes.setdefault(name, len(codes)) for name in names]))
            self.blocks.append(block)
            self.outside += batch.outside
            self.wrong += batch.wrong
            self.heaviest = max(self.heaviest, batch.heaviest)
            if batch.drawn is not None:
                self.drawn[start] = batch.drawn
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
    """Count a file by reading it in threads; rows that are drawn by their place are kept on the way.

    Raises
    ------
    ConfigError
        As `counted` does.
    """
    if piece.coded is None:
        raise ValueError("this piece has no parts to be read")
    names = [*columns.keys, *(name for name in (columns.score, columns.weight) if name is not None)]
    total, ended = _Total([{} for _ in columns.keys]), Event()

    def tally(part: files.Placed) -> None:
        for start, table in part:
            if ended.is_set():  # by an error, or an interrupt: a part may go on for long
                return
            total.add(start, _batch(relation, columns, start, table))
            refuse_many(relation, columns, total.cells)

    try:
        with relation.explained(piece), ThreadPoolExecutor(min(os.cpu_count() or 1, _THREADS)) as pool:
            try:
                deque(pool.map(tally, piece.coded(list(dict.fromkeys(names)))), maxlen=0)
            finally:
                ended.set()
            block = total.summed()
            refuse_many(relation, columns, total.cells)
    except FrameError as error:
        raise ConfigError([Problem(relation.key, str(error))]) from None
    except OverflowError as error:
        raise ConfigError([Problem("data.weight", str(error))]) from None
    if total.drawn:
        relation.kept[piece.name] = files.joined([total.drawn[start] for start in sorted(total.drawn)])
    labels = {
        name: Labels(tuple(codes), block.codes[:, at])
        for at, (name, codes) in enumerate(zip(columns.keys, total.codes, strict=True))
    }
    bins = block.codes[:, -1] if columns.score else None
    return Sums(labels, bins, None, block.sums, total.outside, total.wrong, total.heaviest)


def _batch(relation: Relation, columns: Columns, start: int, table: pa.Table) -> _Batch:
    frame, bins = Frame(table, table.column_names, []), columns.bins
    drawn = relation.placed(table, start) if relation.id is None else None
    keys = [frame.binned(name, bins[name]) if name in bins else frame.labels(name) for name in columns.keys]
    axes: list[Coded] = [(key.codes, len(key.names)) for key in keys]
    parts: dict[str, Ints | None] = {"n": None}
    outside, wrong, heaviest, score, shift = 0, 0, 0.0, None, 0
    if columns.score:
        score = _numbers(frame, columns.score, "score")
        fit = (score >= 0) & (score <= 1)
        is_fit = bool(fit.all())
        if not is_fit:
            outside = int(np.count_nonzero(~fit & ~np.isnan(score)))
            score = np.where(fit, score, np.nan)
        axes.append((score_bins(score) + 1, SCORE_BINS + 1))
        shift = -1
        score = score if is_fit else np.nan_to_num(score)
        parts |= {"s": fixed_point(score, SCORE_ONE), "s2": fixed_point(score * score, SCORE_ONE)}
    if columns.weight:
        weight = _numbers(frame, columns.weight, "weight")
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


def _numbers(frame: Frame, column: str, role: str) -> NDArray[np.float64]:
    try:
        return frame.numbers(column)
    except FrameError as error:
        raise ConfigError([Problem(f"data.{role}", str(error))]) from None
