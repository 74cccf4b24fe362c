"""Spark: rows numbered and read partition by partition, and a model asked where the rows are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

PLACE = "trustkit place"
"""The column of a row's place, where none is declared."""

PREDICTION, SCORE, BUCKET = "trustkit prediction", "trustkit score", "trustkit bucket"
"""Columns of what is made of each row on the workers."""


def is_spark(native: Any) -> bool:
    """Tell whether this is a frame of PySpark, classic or Connect."""
    return any(each.__module__.split(".")[0] == "pyspark" for each in type(native).__mro__)


def numbered(frame: Any) -> Any:
    """Return the frame with the place of each row: the same as long as its partitions are."""
    from pyspark.sql import functions

    return frame.withColumn(PLACE, functions.monotonically_increasing_id())


def batches(frame: Any) -> Iterator[pa.RecordBatch]:
    """Yield the rows as Arrow, of one partition at a time."""
    for row in frame.mapInArrow(_packed, "batch binary").toLocalIterator():
        yield from pa.ipc.open_stream(row.batch)


def _packed(parts: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for part in parts:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, part.schema) as writer:
            writer.write_batch(part)
        yield pa.RecordBatch.from_pydict({"batch": [sink.getvalue().to_pybytes()]})


def answered(
    frame: Any,
    answer: Callable[[pd.DataFrame], tuple[Sequence[str | None], np.ndarray[Any, Any] | None]] | None,
    bucket: Callable[[pd.Series[Any]], np.ndarray[Any, Any]] | None,
    *,
    features: Sequence[str],
    unit: str | None,
    kept: Sequence[str],
) -> Any:
    """Return some columns of the frame with what a model says of each row, and the bucket of its unit.

    Parameters
    ----------
    frame : DataFrame of PySpark
        The rows.
    answer : callable or None
        The model, shipped once a worker: called with a table of features.
    bucket : callable or None
        Called with the column of the unit.
    features : sequence of str
        What the model sees.
    unit : str or None
        The column of the unit.
    kept : sequence of str
        Columns to keep.
    """
    from pyspark.sql.types import DoubleType, LongType, StringType, StructField, StructType

    names = list(dict.fromkeys([*kept, *features, *([unit] if unit else [])]))
    fields = list(frame.select(*kept).schema.fields)
    fields += [StructField(PREDICTION, StringType()), StructField(SCORE, DoubleType())] if answer else []
    fields += [StructField(BUCKET, LongType())] if bucket else []

    def made(parts: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for part in parts:
            found = part[list(kept)].copy()
            if answer is not None:
                labels, score = answer(part[list(features)])
                found[PREDICTION], found[SCORE] = labels, np.nan if score is None else score
            if bucket is not None:
                found[BUCKET] = bucket(part[unit])
            yield found

    return frame.select(*names).mapInPandas(made, StructType(fields))
