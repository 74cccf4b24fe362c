"""Cells as they might have come out on another sample of the same size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.evidence.blocks import SQUARE_ONE, WEIGHT_ONE, Block, Ints, dense
from trustkit.evidence.cells import Cells


def resampled(cells: Cells, rng: np.random.Generator) -> Cells:
    """Draw cells anew from the shares they have.

    Rows are drawn multinomially over cells: that is what drawing the rows
    themselves does, for all that is counted. Sums of scores are kept in
    proportion: within a bin they hardly vary. Sums of weights get the scatter
    that their squares tell of. Rows with a unit are drawn by its buckets, with
    replacement, so that the scatter between persons stays.

    Parameters
    ----------
    cells : Cells
        As collected.
    rng : numpy.random.Generator
        Where chance comes from.

    Raises
    ------
    ValueError
        For cells made to be shared: what was pooled cannot be drawn.
    """
    if cells.parts is not None:
        raise ValueError("made with --share: its small cells are pooled, so it cannot be drawn anew")
    n = cells.block.sums["n"]
    if not n.sum():
        return cells
    if cells.unit_block is None:
        return replace(cells, block=_with_rows(cells.block, rng.multinomial(n.sum(), n / n.sum()), rng))
    units = _buckets_drawn(cells.unit_block, rng)
    return replace(cells, block=_spread(cells.block, units, rng), unit_block=units)


def _with_rows(block: Block, rows: Ints, rng: np.random.Generator) -> Block:
    """Block with other numbers of rows, its sums in proportion."""
    kept = rows > 0
    factor = rows[kept] / block.sums["n"][kept]
    sums = {name: _rounded(values[kept] * factor) for name, values in block.sums.items()}
    sums["n"] = rows[kept].astype(np.int64)
    if "w" in sums:
        n, weight, square = (block.sums[name][kept] for name in ("n", "w", "w2"))
        spread = np.maximum(square / SQUARE_ONE / n - (weight / WEIGHT_ONE / n) ** 2, 0.0)
        scatter = np.sqrt(rows[kept] * spread) * rng.standard_normal(len(factor)) * WEIGHT_ONE
        drawn = np.maximum(sums["w"] + scatter, 0.0)
        turned = np.divide(drawn, sums["w"], out=np.ones(len(drawn)), where=sums["w"] > 0)
        sums |= {name: _rounded(sums[name] * turned) for name in ("ws", "ws2") if name in sums}
        sums["w"] = _rounded(drawn)
    return Block(block.codes[kept], sums)


def _buckets_drawn(units: Block, rng: np.random.Generator) -> Block:
    """As many buckets as there are, drawn with replacement; one drawn twice is two."""
    there = np.unique(units.codes[:, -1])
    parts = []
    for place, bucket in enumerate(rng.choice(there, len(there))):
        part = units.where(units.codes[:, -1] == bucket)
        codes = part.codes.copy()
        codes[:, -1] = place
        parts.append((codes, part.sums))
    joined = {name: np.concatenate([sums[name] for _, sums in parts]) for name in units.sums}
    return Block(np.concatenate([codes for codes, _ in parts]), joined).summed()


def _spread(block: Block, units: Block, rng: np.random.Generator) -> Block:
    """Block with the sums of the buckets, which know no score bin: rows are drawn over the bins."""
    keys = np.column_stack([block.codes[:, :-1], np.minimum(block.codes[:, -1], 0)])
    present, place = np.unique(np.concatenate([keys, units.codes[:, :-1]]), axis=0, return_inverse=True)
    mine, theirs = np.split(place.ravel(), [len(keys)])
    totals = {name: dense(values, (theirs,), (len(present),)) for name, values in units.sums.items()}
    sums = {name: np.zeros(len(keys), dtype=np.int64) for name in block.sums}
    n = block.sums["n"]
    for cell in np.unique(mine):
        bins = np.flatnonzero(mine == cell)
        rows = sums["n"][bins] = rng.multinomial(totals["n"][cell], n[bins] / n[bins].sum())
        for name in sums.keys() - {"n"}:
            part = block.sums[name][bins] * (rows / n[bins])
            sums[name][bins] = _rounded(totals[name][cell] * part / max(part.sum(), 1.0))
    kept = sums["n"] > 0
    return Block(block.codes, sums).where(kept)


def _rounded(values: NDArray[Any]) -> Ints:
    return np.rint(values).astype(np.int64)
