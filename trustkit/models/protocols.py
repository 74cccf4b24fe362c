"""What endpoints speak: inputs as the body of a request, its answer as decisions and scores."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from trustkit.errors import ModelError

_STEP = re.compile(r"([^.\[\]]+)|\[(\*|\d+)\]")
_PATH = re.compile(r"[^.\[\]]+(\[(\*|\d+)\])*(\.[^.\[\]]+(\[(\*|\d+)\])*)*")
_PLACES = ("{records}", "{rows}", "{columns}")


@dataclass(frozen=True)
class Answer:
    """What an endpoint said of the rows of one request.

    Attributes
    ----------
    decisions : list
        One a row.
    scores : list or None
        One a row: a probability, or those of all classes; None where the endpoint gives none.
    """

    decisions: list[Any]
    scores: list[Any] | None


class Speech(Protocol):
    """How an endpoint is spoken to."""

    def body(self, X: pd.DataFrame) -> dict[str, Any]:
        """Return the body of a request about some rows, ready for JSON."""

    def answer(self, body: Any) -> Answer:
        """Return what the body of an answer says; ModelError where it says nothing of the kind."""


@dataclass(frozen=True)
class OpenInference:
    """The Open Inference Protocol, version 2: KServe, Triton, MLServer.

    Attributes
    ----------
    response, score : str or None
        Names of the outputs with the decisions and the probabilities; by default the first, and none.
    """

    response: str | None = None
    score: str | None = None

    def body(self, X: pd.DataFrame) -> dict[str, Any]:
        """Return a tensor for each column."""
        inputs = [_tensor(name, X[name]) for name in X.columns]
        wanted = [{"name": name} for name in (self.response, self.score) if name is not None]
        body: dict[str, Any] = {"parameters": {"content_type": "pd"}, "inputs": inputs}
        return body | ({"outputs": wanted} if self.response is not None else {})

    def answer(self, body: Any) -> Answer:
        """Read the named outputs."""
        outputs = {each["name"]: each for each in _tables(_field(body, "outputs")) if "name" in each}
        if not outputs:
            raise ModelError("the answer has no outputs")
        first = next(iter(outputs)) if self.response is None else self.response
        scores = None if self.score is None else _rows_of(outputs, self.score)
        return Answer(_rows_of(outputs, first), scores)


@dataclass(frozen=True)
class Invocations:
    """MLflow's scoring server, ``/invocations``.

    Attributes
    ----------
    response, score : str or None
        Paths in the answer; by default its ``predictions``, and none.
    """

    response: str | None = None
    score: str | None = None

    def body(self, X: pd.DataFrame) -> dict[str, Any]:
        """Return the rows under ``dataframe_split``."""
        return {"dataframe_split": {"columns": [str(name) for name in X.columns], "data": _rows(X)}}

    def answer(self, body: Any) -> Answer:
        """Read the predictions."""
        return _at_paths(body, self.response or "predictions", self.score)


@dataclass(frozen=True)
class Template:
    """JSON as its owner declares it.

    Attributes
    ----------
    request : mapping
        The body; a text ``{records}``, ``{rows}`` or ``{columns}`` in it is
        replaced by the data as a list of objects, a list of lists, or an object of lists.
    response, score : str or None
        Paths in the answer, as ``predictions[*].label``.
    """

    request: Mapping[str, Any]
    response: str
    score: str | None = None

    def body(self, X: pd.DataFrame) -> dict[str, Any]:
        """Return the template, filled in."""
        filled = _filled(self.request, X)
        return filled if isinstance(filled, dict) else {}

    def answer(self, body: Any) -> Answer:
        """Read what the paths lead to."""
        return _at_paths(body, self.response, self.score)


def has_place(request: Any) -> bool:
    """Tell whether a template says where the data go."""
    if isinstance(request, Mapping):
        return any(has_place(value) for value in request.values())
    if isinstance(request, Sequence) and not isinstance(request, str):
        return any(has_place(value) for value in request)
    return request in _PLACES


def is_path(path: str) -> bool:
    """Tell whether a text is a path: names parted by dots, each with ``[*]`` or ``[0]`` behind it."""
    return _PATH.fullmatch(path) is not None


def _filled(value: Any, X: pd.DataFrame) -> Any:
    if isinstance(value, Mapping):
        return {key: _filled(each, X) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(each, X) for each in value]
    if value == "{rows}":
        return _rows(X)
    columns = {str(name): _plain(X[name]) for name in X.columns}
    if value == "{columns}":
        return columns
    if value == "{records}":
        return [dict(zip(columns, row, strict=True)) for row in _rows(X)]
    return value


def _rows(X: pd.DataFrame) -> list[list[Any]]:
    return [list(row) for row in zip(*(_plain(X.iloc[:, at]) for at in range(X.shape[1])), strict=True)]


def _plain(column: pd.Series[Any]) -> list[Any]:
    """Values as JSON has them: null where one is missing, text of a time."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return [None if value is pd.NaT else value.isoformat() for value in column]
    return [_value(value) for value in column.tolist()]


def _value(value: Any) -> Any:
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and math.isinf(value):
        raise ModelError("an infinite number has no form in JSON")
    if isinstance(value, np.generic):
        return _value(value.item())
    return value if isinstance(value, bool | int | float | str) else str(value)


def _tensor(name: Any, column: pd.Series[Any]) -> dict[str, Any]:
    values = _plain(column)
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, bool) for value in known):
        kind = "BOOL"
    elif all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        kind = "INT64"
    elif all(isinstance(value, int | float) for value in known):
        kind = "FP64"
    else:
        kind = "BYTES"
    tensor = {"name": str(name), "shape": [len(values), 1], "datatype": kind, "data": values}
    return tensor | ({"parameters": {"content_type": "str"}} if kind == "BYTES" else {})


def _rows_of(outputs: Mapping[str, Any], name: str) -> list[Any]:
    """Values of an output, a list for each row of a matrix."""
    if name not in outputs:
        raise ModelError(f"the answer has no output {name!r}; it has {', '.join(sorted(outputs))[:200]}")
    data, shape = _field(outputs[name], "data"), _field(outputs[name], "shape")
    if not isinstance(data, list) or not isinstance(shape, list) or not shape:
        raise ModelError(f"output {name!r} is no tensor")
    width = math.prod(shape[1:]) if all(isinstance(each, int) for each in shape) else 0
    if width < 1 or len(data) not in (shape[0] * width, shape[0]):
        raise ModelError(f"output {name!r} has {len(data)} values, and the shape {shape}")
    if width == 1 or len(data) == shape[0]:
        return data
    return [data[at : at + width] for at in range(0, len(data), width)]


def _at_paths(body: Any, response: str, score: str | None) -> Answer:
    return Answer(_at(body, response), None if score is None else _at(body, score))


def _at(body: Any, path: str) -> list[Any]:
    """Values that a path leads to: one for each element of the list that ``[*]`` stands behind."""
    found, spread = [body], False
    for name, index in _STEP.findall(path):
        if index == "*":
            found, spread = [each for value in found for each in _listed(value, path)], True
        elif index:
            found = [_element(value, int(index), path) for value in found]
        else:
            found = [_field(value, name) for value in found]
    return found if spread else _listed(found[0], path)


def _listed(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise ModelError(f"there is no list at {path} in the answer")
    return value


def _element(value: Any, index: int, path: str) -> Any:
    if not isinstance(value, list) or index >= len(value):
        raise ModelError(f"there is no element {index} at {path} in the answer")
    return value[index]


def _field(value: Any, name: str) -> Any:
    if not isinstance(value, dict) or name not in value:
        raise ModelError(f"the answer has no {name!r} where it should be")
    return value[name]


def _tables(values: Any) -> list[dict[str, Any]]:
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []
