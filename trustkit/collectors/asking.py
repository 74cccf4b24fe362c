"""The model asked about rows that nobody sent it: changed, drawn or made up by a collector."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trustkit.collectors.sources import Sources
from trustkit.errors import ModelError
from trustkit.evidence.tables import MISSING
from trustkit.frames import Frame, Labels
from trustkit.models.objects import predict

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """What the model said of some rows: labels, and a score or a predicted number; shape (rows,)."""

    decision: NDArray[Any]
    number: Floats | None

    def at(self, rows: Any) -> Answers:
        """Return those of some rows: places, or a slice."""
        return Answers(self.decision[rows], None if self.number is None else self.number[rows])


def asked(sources: Sources, table: pd.DataFrame, stage: str, *, scored: bool = True) -> Answers:
    """Ask the model about a table of its inputs; the calls are counted, and `stage` is shown meanwhile.

    Without `scored` there is no score, and a model is not asked for one.

    Raises
    ------
    ModelError
        Where the model raises, answers with another number of rows, or a
        prediction of a regression is no number.
    """
    frame = Frame(table, [str(name) for name in table.columns], [])
    report = None if sources.progress is None else partial(sources.progress, stage)
    positive = sources.positive if scored else None
    said = predict(sources.model, frame, frame.columns, positive=positive, progress=report)
    sources.model_calls += said.calls
    return Answers(said.labels.text, _numbers(said.labels) if sources.task == "regression" else said.score)


def raised_type(error: BaseException) -> str:
    """Return the name of the type of what the model raised, be it here or in a process of its own."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(getattr(error, "type", type(error).__name__))


def _numbers(labels: Labels) -> Floats:
    """Predicted numbers of a regression."""
    try:
        numbers = [np.nan if name == MISSING else float(name) for name in labels.names]
    except ValueError:
        raise ModelError("the task is a regression, and a prediction is no number") from None
    return np.array(numbers)[labels.codes]
