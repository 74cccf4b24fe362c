"""Columns: the distinct values of one, whatever its type, as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trustkit.detectors.values import LONGEST, Values
from trustkit.frames import FrameError, label_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trustkit.frames import Frame

MOST_ROWS = 200_000
"""Rows of a table that are looked at; of more, `BLOCKS` stretches are drawn."""

BLOCKS = 200
"""Stretches of neighboring rows that are drawn of a longer table: they are read without being copied."""

_FARTHEST = 21
"""Digits of a whole number that is told without an exponent: of accounts there are 20."""


def distinct(frame: Frame, column: str, seed: int = 0) -> Values:
    """Return the distinct values of a column, a seeded draw where there are too many.

    Parameters
    ----------
    frame : Frame
        The table.
    column : str
        Name of the column.
    seed : int
        Seed of the draws of rows and of values.
    """
    cells = _stretches(_cells(frame, column), seed)
    kind = cells.type
    if pa.types.is_dictionary(kind):
        cells, kind = cells.cast(kind.value_type), kind.value_type
    if pa.types.is_nested(kind):
        cells = pa.chunked_array([_nested(cells)])
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        cells = cells.cast(pa.large_binary())
    numbers = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    counted = pc.value_counts(_shortened(cells).drop_null())
    values, counts = counted.field("values"), counted.field("counts").to_numpy()
    return Values.drawn(counts, lambda places: _texts(values.take(pa.array(places))), seed, numbers=numbers)


def _cells(frame: Frame, column: str) -> pa.ChunkedArray:
    """Return a column as Arrow; Python objects that it does not know as text, of the first rows."""
    try:
        return frame.arrow(column)
    except (FrameError, UnicodeError):
        found = next(frame.batches([column], MOST_ROWS)).iloc[:, 0]
        missing = frame.missing(column)
        texts = [None if gone else _told(each) for each, gone in zip(found, missing, strict=False)]
        return pa.chunked_array([pa.array(_bytes(texts), pa.large_binary())])


def _told(value: Any) -> str:
    return (value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False))[:LONGEST]


def _stretches(cells: pa.ChunkedArray, seed: int) -> pa.ChunkedArray:
    if len(cells) <= MOST_ROWS:
        return cells
    length = MOST_ROWS // BLOCKS
    chosen = np.random.default_rng([seed, 31]).choice(len(cells) // length, BLOCKS, replace=False)
    parts = [cells.slice(int(block) * length, length) for block in np.sort(chosen)]
    return pa.chunked_array([chunk for part in parts for chunk in part.chunks], cells.type)


def _nested(cells: pa.ChunkedArray) -> pa.Array:
    """Lists and records as JSON, their first elements where there are many."""
    texts = [None if each is None else _told(each) for each in cells.to_pylist()]
    return pa.array(_bytes(texts), pa.large_binary())


def _shortened(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cut bytes: a character of UTF-8 takes at most 4."""
    if not (pa.types.is_large_binary(cells.type) or pa.types.is_binary(cells.type)) or not len(cells):
        return cells
    longest = pc.max(pc.binary_length(cells)).as_py() or 0
    return cells if longest <= 4 * LONGEST else pc.binary_slice(cells, 0, 4 * LONGEST)


def _texts(values: pa.Array) -> list[str]:
    kind = values.type
    if pa.types.is_large_binary(kind):
        return [each.decode("utf-8", "replace")[:LONGEST] for each in values.to_pylist()]
    if pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return [each[:LONGEST].decode("latin-1") for each in values.to_pylist()]
    if pa.types.is_integer(kind):
        return [str(each) for each in values.to_pylist()]
    if pa.types.is_floating(kind):
        return _float_texts(values.to_numpy(zero_copy_only=False).astype(np.float64))
    return [label_text(each)[:LONGEST] for each in values.to_pylist()]


def _float_texts(values: NDArray[np.float64]) -> list[str]:
    with np.errstate(invalid="ignore"):
        whole = (np.abs(values) < 10.0**_FARTHEST) & (values == np.floor(values))
    return [
        str(int(each)) if integral else str(each)
        for each, integral in zip(values.tolist(), whole, strict=True)
    ]


def _bytes(texts: list[Any]) -> list[bytes | None]:
    return [None if text is None else text.encode("utf-8", "replace") for text in texts]
