"""Cells without small counts, to show and to judge, but not to add."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trustkit.evidence.blocks import Block
from trustkit.evidence.cells import Cells
from trustkit.evidence.tables import OTHER


def without_small_cells(cells: Cells, min_cell: int) -> Cells:
    """Pool what few rows stand behind.

    Each view (everybody, each attribute, every two) is kept on its own. In
    it, a group with a cell of 1 to ``min_cell - 1`` rows is pooled into
    (other), which is left out where it is still small; neighboring score
    bins are joined until each holds `min_cell` rows.

    Raises
    ------
    ValueError
        For rows with a unit: counts by bucket of persons are small by nature.
    """
    if cells.unit_block is not None:
        raise ValueError("evidence with data.unit keeps counts of few persons and cannot be shared")
    views: list[tuple[str, ...]] = [(), *((name,) for name in cells.attributes), *cells.pairs]
    parts = {view: _pooled(view_of(cells, view), min_cell) for view in views}
    nothing = cells.block.where(np.zeros(len(cells.block.codes), dtype=bool))
    return replace(cells, schema={**cells.schema, "strata": []}, block=nothing, parts=parts)


def holds_small(counts: Iterable[int], min_cell: int) -> bool:
    """Tell whether one of the counts stands for 1 to ``min_cell - 1`` rows."""
    return any(0 < count < min_cell for count in counts)


def rounded(n: int, of: int, min_cell: int) -> int:
    """Return a count of so many rows: of few none, and all where few are left."""
    return 0 if n < min_cell else of if of - n < min_cell else n


def view_of(cells: Cells, attributes: tuple[str, ...]) -> Cells:
    """Cells of some attributes alone."""
    names = [*attributes, "truth", "prediction"]
    axes = [list(cells.labels).index(name) for name in names]
    block = Block(cells.block.codes[:, [*axes, -1]], cells.block.sums).summed()
    schema = {**cells.schema, "attributes": list(attributes), "strata": []}
    return Cells(schema, {name: cells.labels[name] for name in names}, block)


def _pooled(cells: Cells, min_cell: int) -> Cells:
    """Small groups moved to (other), and (other) dropped where that is small."""
    axes = len(cells.attributes)
    labels = {
        name: names if name not in cells.attributes or OTHER in names else (*names, OTHER)
        for name, names in cells.labels.items()
    }
    codes = cells.block.codes.copy()
    others = [labels[name].index(OTHER) for name in cells.attributes]
    codes[_small(cells, min_cell), :axes] = others
    moved = replace(cells, labels=labels, block=Block(codes, cells.block.sums).summed())
    kept = replace(moved, block=moved.block.where(~_small(moved, min_cell)))
    return replace(kept, block=joined_bins(kept.block, min_cell))


def _small(cells: Cells, min_cell: int) -> NDArray[np.bool_]:
    """Which cells of the block belong to a group with a small cell."""
    n = cells.table(cells.attributes).n
    small = np.asarray(((n > 0) & (n < min_cell)).any(axis=(1, 2)))
    return small[cells.grouping(cells.attributes).of(cells.block)]


def joined_bins(block: Block, min_cell: int) -> Block:
    """Join neighboring score bins; bins that hold too few rows alone go with the ones before."""
    if len(block.codes) == 0:
        return block
    codes = block.codes.copy()
    cell = np.column_stack([codes[:, :-1], codes[:, -1] >= 0])
    edges = np.flatnonzero((cell[1:] != cell[:-1]).any(axis=1)) + 1
    for start, end in pairwise([0, *edges.tolist(), len(codes)]):
        joined = [start]
        held = 0
        for row in range(start, end):
            if held >= min_cell:
                joined.append(row)
                held = 0
            held += int(block.sums["n"][row])
        if held < min_cell and len(joined) > 1:
            joined.pop()
        for first, last in pairwise([*joined, end]):
            codes[first:last, -1] = codes[first, -1]
    return Block(codes, block.sums).summed()
