"""Models in files of numbers alone: ONNX, XGBoost and LightGBM, each with the face of an estimator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trustkit.errors import ModelError
from trustkit.models.scanning.formats import fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_ONNX_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(int16)": np.int16,
    "tensor(int8)": np.int8,
    "tensor(uint64)": np.uint64,
    "tensor(uint32)": np.uint32,
    "tensor(uint16)": np.uint16,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.str_,
}


class OnnxModel:
    """An ONNX model: several inputs are columns by their names, one input is all columns in their order.

    Parameters
    ----------
    data : bytes
        The file.
    """

    type_name = "ONNX model"

    def __init__(self, data: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        self._inputs = self._session.get_inputs()
        outputs = [output.name for output in self._session.get_outputs()]
        self._outputs = outputs[:2]
        unknown = [each.type for each in self._inputs if each.type not in _ONNX_TYPES]
        if unknown:
            raise ModelError(f"an ONNX input of type {unknown[0]} is not a column")
        if len(self._inputs) > 1:
            self.feature_names_in_ = [each.name for each in self._inputs]
        classes = _onnx_classes(data)
        if len(outputs) > 1 and classes is not None:
            self.classes_ = classes
            self.predict_proba = self._chances

    def predict(self, X: pd.DataFrame) -> NDArray[Any]:
        """Return the first output: labels of classes, or numbers."""
        (answer,) = self._session.run(self._outputs[:1], self._fed(X))
        found = np.asarray(answer)
        return found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found

    def _chances(self, X: pd.DataFrame) -> NDArray[np.float64]:
        (answer,) = self._session.run(self._outputs[1:2], self._fed(X))
        if isinstance(answer, list):  # one mapping a row, from class to probability
            return np.array([[row[each] for each in self.classes_] for row in answer], dtype=np.float64)
        return np.asarray(answer, dtype=np.float64)

    def _fed(self, X: pd.DataFrame) -> dict[str, NDArray[Any]]:
        if len(self._inputs) == 1:
            (only,) = self._inputs
            width = only.shape[-1] if len(only.shape) == 2 else None
            if isinstance(width, int) and width != X.shape[1]:
                raise ModelError(f"the ONNX model takes {width} columns, got {X.shape[1]}")
            return {only.name: _typed(X.to_numpy(), only.type)}
        return {each.name: _typed(X[each.name].to_numpy(), each.type).reshape(-1, 1) for each in self._inputs}


def _typed(values: NDArray[Any], wanted: str) -> NDArray[Any]:
    kind = _ONNX_TYPES[wanted]
    if kind is np.str_:
        missing = np.asarray(pd.isna(values))
        texts = ["" if gone else str(each) for each, gone in zip(values.flat, missing.flat, strict=True)]
        return np.array(texts, dtype=object).reshape(values.shape)
    try:
        return np.ascontiguousarray(values, dtype=kind)
    except (TypeError, ValueError):
        raise ModelError(f"a column that is no {wanted}, which the ONNX model takes") from None


def _onnx_classes(data: bytes) -> list[Any] | None:
    """Read the classes of a classifier in the order of its probabilities; None where it does not say."""
    try:
        for begin, end in _parts(data, 0, len(data), 7):
            return _classes_of_graph(data, begin, end)
    except Exception:  # a model that cannot be read so has no classes that are known
        return None
    return None


def _classes_of_graph(data: bytes, begin: int, end: int) -> list[Any] | None:
    found: list[Any] | None = None
    for first, last in _parts(data, begin, end, 1):
        for start, stop in _parts(data, first, last, 5):
            name = _text(data, start, stop, 1)
            if name in ("classlabels_strings", "classlabels_int64s", "classlabels_ints"):
                texts = [data[a:b].decode() for a, b in _parts(data, start, stop, 9)]
                found = texts or _integers(data, start, stop, 8) or found
    named = {_text(data, start, stop, 8): (start, stop) for start, stop in _parts(data, begin, end, 5)}
    if "classes" in named:  # labels apart from the classifier, whose own are then places in this list
        return _values_of_tensor(data, *named["classes"]) or found
    return found


def _values_of_tensor(data: bytes, begin: int, end: int) -> list[Any]:
    texts = [data[a:b].decode() for a, b in _parts(data, begin, end, 6)]
    raw = [data[a:b] for a, b in _parts(data, begin, end, 9)]
    kind = next((value for number, wire, value, _ in fields(data, begin, end) if (number, wire) == (2, 0)), 0)
    if raw and kind in (6, 7):
        return list(np.frombuffer(raw[0], dtype="<i8" if kind == 7 else "<i4").tolist())
    return texts or _integers(data, begin, end, 7 if kind == 7 else 5)


def _parts(data: bytes, begin: int, end: int, wanted: int) -> Iterator[tuple[int, int]]:
    for number, wire, first, last in fields(data, begin, end):
        if number == wanted and wire == 2:
            yield first, last


def _text(data: bytes, begin: int, end: int, wanted: int) -> str:
    return next((data[a:b].decode("utf-8", "replace") for a, b in _parts(data, begin, end, wanted)), "")


def _integers(data: bytes, begin: int, end: int, wanted: int) -> list[int]:
    """Read a repeated integer, packed or one by one."""
    found: list[int] = []
    for number, wire, first, last in fields(data, begin, end):
        if number == wanted and wire == 0:
            found.append(first)
        elif number == wanted and wire == 2:
            value = shift = 0
            for byte in data[first:last]:
                value |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    found.append(value)
                    value = shift = 0
    return [value - (1 << 64) if value >= 1 << 63 else value for value in found]


def xgboost_model(data: bytes) -> Any:
    """Load an XGBoost file as the estimator of its objective."""
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(bytearray(data))
    objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
    classifies = objective.startswith(("binary:", "multi:"))
    model = xgboost.XGBClassifier() if classifies else xgboost.XGBRegressor()
    model.load_model(bytearray(data))
    return model


class LightgbmModel:
    """A LightGBM model of text; its classes are 0, 1, ..., since the file does not keep their labels.

    Parameters
    ----------
    data : bytes
        The file.
    """

    type_name = "lightgbm.basic.Booster"

    def __init__(self, data: bytes) -> None:
        import lightgbm

        text = data.decode()
        self._booster = lightgbm.Booster(model_str=text)
        self.feature_names_in_ = self._booster.feature_name()
        head = text.partition("\n\n")[0].splitlines()
        objective = next((line.partition("=")[2] for line in head if line.startswith("objective=")), "")
        if objective.startswith(("binary", "multiclass")):
            count = max(self._booster.num_model_per_iteration(), 2)
            self.classes_ = list(range(count))
            self.predict_proba = self._chances

    def predict(self, X: pd.DataFrame) -> NDArray[Any]:
        """Return the likeliest class, or numbers."""
        if not hasattr(self, "classes_"):
            return np.asarray(self._booster.predict(X))
        return np.argmax(self._chances(X), axis=1)

    def _chances(self, X: pd.DataFrame) -> NDArray[np.float64]:
        answer = np.asarray(self._booster.predict(X), dtype=np.float64)
        return answer if answer.ndim == 2 else np.column_stack([1 - answer, answer])
