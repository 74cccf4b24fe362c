"""The collector of residuals: a regression's truths and predictions, summed by group."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.collectors.cells import group_labels, row_weights, unit_buckets
from trustkit.collectors.sources import Sources
from trustkit.errors import ConfigError, Problem
from trustkit.evidence import Unavailable
from trustkit.evidence.residuals import Residuals
from trustkit.evidence.tables import MISSING
from trustkit.frames import bin_names


def collect_residuals(sources: Sources) -> Residuals:
    """Sum the truths, predictions and errors of the audited rows by group.

    Raises
    ------
    Unavailable
        Where the system decides between classes, or nothing is predicted.
    ConfigError
        For truths or predictions that are no numbers, and as for cells.
    """
    data = sources.data
    if sources.task != "regression":
        raise Unavailable("the system decides between classes, and residuals are of a predicted quantity")
    if data.prediction is None and sources.model is None:
        raise Unavailable(
            "no prediction is declared",
            supply="data.prediction: the column with the predicted quantity, or system.model",
        )
    groups = group_labels(sources)
    ends = None if data.target is None else data.bins.get(data.target)
    schema: dict[str, Any] = {
        "task": sources.task,
        "attributes": list(data.sensitive),
        "bins": {name: list(bin_names(edges)) for name, edges in data.bins.items() if name in groups},
        "positive": None,
        "favorable": [],
        "truth": data.target is not None,
        "prediction": True,
        "score": False,
        "weight": data.weight is not None,
        "unit": data.unit is not None,
        "target": data.target,
        "ends": None if ends is None or len(ends) < 2 else [ends[0], ends[-1]],
    }
    prediction = predicted_numbers(sources)
    truth = np.full(len(prediction), np.nan) if data.target is None else sources.numbers("target")
    try:
        return Residuals.count(
            schema,
            {name: (labels.names, labels.codes) for name, labels in groups.items()},
            truth=truth,
            prediction=prediction,
            weight=row_weights(sources),
            bucket=unit_buckets(sources, schema),
        )
    except OverflowError as error:
        raise ConfigError([Problem("data.weight", str(error))]) from None


def predicted_numbers(sources: Sources) -> NDArray[np.float64]:
    """What is predicted of each row, by the log or by the model; NaN where missing.

    Raises
    ------
    ConfigError
        For predictions that are no numbers.
    """
    if sources.data.prediction is not None:
        logged: NDArray[np.float64] = sources.numbers("prediction")
        return logged
    labels = sources.predictions().labels
    try:
        numbers = np.array([np.nan if name == MISSING else float(name) for name in labels.names])
    except ValueError:
        raise ConfigError(
            [Problem("system.model", "it answers with text, and a quantity is a number")]
        ) from None
    return numbers[labels.codes]
