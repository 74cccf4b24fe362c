"""What is made of each row on the workers of Spark: the model's answer, and the bucket of the unit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd

from trustkit.collectors.cells import buckets_of, cells_schema
from trustkit.collectors.sources import Sources
from trustkit.engines import spark
from trustkit.engines.counting import Columns
from trustkit.engines.relations import Piece, Relation, lazy
from trustkit.frames import Frame, labels_of
from trustkit.models.endpoints import Endpoint
from trustkit.models.files import FileModel
from trustkit.models.objects import predict


def is_on_workers(sources: Sources, piece: Piece) -> bool:
    """Whether a piece is Spark's and its cells need more than its columns, which may be made on the workers.

    A model from a file has a process of its own here, and an endpoint a pace
    that is ours to keep: neither is shipped.
    """
    if sources.model is None and sources.data.unit is None:
        return False
    if isinstance(sources.model, FileModel | Endpoint):
        return False
    return piece.frame is not None and spark.is_spark(piece.frame.to_native())


def on_workers(sources: Sources, relation: Relation, piece: Piece) -> tuple[Piece, Columns]:
    """Return the piece with what is made of each row, and what is to be counted of it."""
    data, plan = sources.data, sources.plan
    if piece.frame is None:
        raise ValueError("a piece of Spark has a frame")
    asks = sources.model is not None and data.prediction is None and sources.task != "regression"
    scored, answer = data.score, None
    if asks:
        answer = partial(_answered, sources.model, sources.positive)
        few = next(relation.head(sources.features, 100).batches(sources.features))
        if scored is None and answer(few)[1] is not None:
            scored = spark.SCORE
    keys = tuple(dict.fromkeys([*plan.keys, *([spark.PREDICTION] if asks else [])]))
    bucket: Callable[[pd.Series[Any]], Any] | None = None
    if data.unit is not None:
        schema = cells_schema(
            sources,
            truth=data.target is not None and sources.task != "regression",
            prediction=asks or data.prediction is not None,
            score=scored is not None,
        )
        bucket = partial(_bucketed, schema)
    kept = [*plan.keys, *(name for name in (data.score, data.weight) if name is not None)]
    frame = spark.answered(
        piece.frame.to_native(),
        answer,
        bucket,
        features=sources.features if asks else (),
        unit=data.unit,
        kept=list(dict.fromkeys(kept)),
    )
    columns = Columns(keys, plan.bins, scored, data.weight, spark.BUCKET if bucket else None)
    return Piece(piece.name, piece.read, lambda: lazy(frame)), columns


def _answered(model: Any, positive: str | None, table: pd.DataFrame) -> tuple[Any, Any]:
    said = predict(model, Frame(table, list(table.columns), []), list(table.columns), positive=positive)
    return said.labels.text, said.score


def _bucketed(schema: dict[str, Any], units: pd.Series[Any]) -> Any:
    return buckets_of(labels_of(units), schema)
