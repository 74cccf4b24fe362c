"""Watching: a model as it is, whose answers are recorded on their way to the caller."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trustkit.frames import label_text
from trustkit.monitor.calls import Rows, rows_in

if TYPE_CHECKING:
    from trustkit.monitor.monitor import Monitor

METHODS = ("predict", "predict_proba", "decision_function", "__call__")
"""What is recorded of a model."""

_SPECIAL = (
    "__len__", "__getitem__", "__iter__", "__contains__", "__reversed__", "__bool__", "__int__", "__float__",
    "__add__", "__or__", "__matmul__", "__enter__", "__exit__",
)  # fmt: skip
"""Methods that Python looks for in the class alone."""


def watched(
    model: Any,
    monitor: Monitor,
    *,
    columns: Sequence[str] | None = None,
    sensitive: Callable[[Any], Any] | None = None,
    ids: str | Callable[[Any], Any] | None = None,
    at: str | Callable[[Any], Any] | None = None,
) -> Any:
    """Return what `Monitor.watch` does."""
    parts = {"sensitive": sensitive, "ids": ids, "at": at}
    kind: Any = type(model)
    return _class_of(kind)(model, Watcher(model, monitor, columns, parts))


class Watcher:
    """Records the calls of one model."""

    def __init__(
        self, model: Any, monitor: Monitor, columns: Sequence[str] | None, parts: dict[str, Any]
    ) -> None:
        self._model, self._monitor = model, monitor
        self._parts = {key: part for key, part in parts.items() if part is not None}
        self._columns = columns
        self._recent = threading.local()
        self._wrapped: dict[str, tuple[Any, Callable[..., Any]]] = {}
        self._classes = _Classes(np.empty(0), None)

    @cached_property
    def _names(self) -> tuple[str, ...] | None:
        """Columns of an array, as they are at the first call."""
        named = getattr(self._model, "feature_names_in_", None) if self._columns is None else self._columns
        return None if named is None else tuple(map(str, named))

    def wrapped(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """Return a method of the model that records what it answers."""
        before = self._wrapped.get(name)
        if before is not None and before[0] == method:
            return before[1]

        def answering(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            answer = method(*args, **kwargs)
            took = time.perf_counter() - started
            X = args[0] if args else next(iter(kwargs.values()), None)
            if not isinstance(answer, np.ndarray) and inspect.isawaitable(answer):
                return self._awaited(name, X, answer, started)
            self._record(name, X, answer, took)
            return answer

        self._wrapped[name] = method, _like(answering, method)
        return answering

    async def _awaited(self, name: str, X: Any, answer: Any, started: float) -> Any:
        found = await answer
        self._record(name, X, found, time.perf_counter() - started)
        return found

    def _record(self, name: str, X: Any, answer: Any, took: float) -> None:
        try:
            if not self._add(name, X, answer, took):
                self._take(name, X, answer, took)
        except Exception as error:
            self._monitor.faults.count("watch", error)

    def _take(self, name: str, X: Any, answer: Any, took: float) -> None:
        prediction, score = self._read(name, answer)
        parts = {key: self._part(key, X) for key in self._parts}
        call = self._monitor.take(
            X, prediction=prediction, score=score, **parts, names=self._names, latency=took
        )
        self._recent.call, self._recent.methods = call, {name}

    def _add(self, name: str, X: Any, answer: Any, took: float) -> bool:
        """Add an answer to the record of the same rows, where another method was asked of them before."""
        call: Rows | None = getattr(self._recent, "call", None)
        if call is None or name in self._recent.methods or not _same(X, call.X):
            return False
        self._recent.methods.add(name)
        prediction, score = self._read(name, answer)

        def more(call: Rows) -> None:
            if name in ("predict", "__call__"):
                call.prediction = prediction
            if score is not None:
                call.score = score
            call.latency = (call.latency or 0.0) + took

        self._monitor.add(call, more)
        return True

    def _part(self, key: str, X: Any) -> Any:
        """Ids, times or groups of the inputs."""
        part = self._parts[key]
        try:
            return part(X) if callable(part) else X[part]
        except Exception as error:
            self._monitor.faults.count(key, error)
            return None

    def _read(self, name: str, answer: Any) -> tuple[Any, Any]:
        """Decision and P(positive) out of an answer, copied."""
        if name in ("predict", "__call__"):
            return (_decided(answer) if isinstance(answer, np.ndarray) else answer), None
        values, classes = np.asarray(answer), self._model.classes_
        if self._classes.of is not classes:
            self._classes = _Classes(classes, self._monitor.watched.positive)
        if values.ndim == 1:
            return self._classes.values[(values > 0).astype(np.intp)], None
        is_pair = values.shape[1] == 2
        positive = self._classes.positive if name == "predict_proba" else None
        if len(values) == 1:
            row = values[0]
            first = int(row[1] > row[0]) if is_pair else int(row.argmax())
            return self._classes.listed[first], None if positive is None else row[positive].item()
        place = (values[:, 1] > values[:, 0]).astype(np.intp) if is_pair else values.argmax(axis=1)
        return self._classes.values[place], None if positive is None else values[:, positive].copy()


class _Classes:
    """Classes of a model, and the place of the positive one."""

    def __init__(self, of: Any, positive: str | None) -> None:
        self.of, self.values = of, np.asarray(of)
        self.listed = self.values.tolist()
        texts = [label_text(each) for each in self.listed]
        self.positive = texts.index(positive) if positive in texts else None


class Watched:
    """A model that is watched: attributes, class, words and pickles are those of the bare model."""

    __slots__ = ("_trustkit_model", "_trustkit_watcher")

    def __init__(self, model: Any, watcher: Watcher) -> None:
        object.__setattr__(self, "_trustkit_model", model)
        object.__setattr__(self, "_trustkit_watcher", watcher)

    def __getattribute__(self, name: str) -> Any:
        """Return an attribute of the model; of what is recorded, one that records."""
        own = object.__getattribute__
        model = own(self, "_trustkit_model")
        if name in ("__reduce_ex__", "__reduce__", "__copy__", "__deepcopy__"):
            return own(self, name)
        found = getattr(model, name)
        return own(self, "_trustkit_watcher").wrapped(name, found) if name in METHODS[:-1] else found

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute of the model."""
        setattr(_bare(self), name, value)

    def __delattr__(self, name: str) -> None:
        """Delete an attribute of the model."""
        delattr(_bare(self), name)

    def __repr__(self) -> str:
        """Words of the model."""
        return repr(_bare(self))

    def __str__(self) -> str:
        """Words of the model."""
        return str(_bare(self))

    def __dir__(self) -> list[str]:
        """Attributes of the model."""
        return dir(_bare(self))

    def __eq__(self, other: object) -> bool:
        """Whether it is the same model."""
        return bool(_bare(self) == (_bare(other) if _is_watched(other) else other))

    def __hash__(self) -> int:
        """That of the model."""
        return hash(_bare(self))

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle the bare model."""
        return _itself, (_bare(self),)

    def __copy__(self) -> Any:
        """Copy the bare model."""
        import copy

        return copy.copy(_bare(self))

    def __deepcopy__(self, memo: Any) -> Any:
        """Copy the bare model."""
        import copy

        return copy.deepcopy(_bare(self), memo)


def _itself(model: Any) -> Any:
    return model


def _bare(watched: Any) -> Any:
    return object.__getattribute__(watched, "_trustkit_model")


def _is_watched(model: object) -> bool:
    return issubclass(type(model), Watched)


@lru_cache(maxsize=256)
def _class_of(kind: Any) -> type[Watched]:
    """Class of the watched models of a class: it can be called, indexed, ... as they can."""
    special: dict[str, Any] = {"__slots__": (), "__doc__": kind.__doc__}
    own = {name for each in kind.__mro__ for name in vars(each)}
    special |= {name: _forwarded(name) for name in _SPECIAL if name in own}
    if "__call__" in own:

        def answering(self: Any, *args: Any, **kwargs: Any) -> Any:
            watcher = object.__getattribute__(self, "_trustkit_watcher")
            return watcher.wrapped("__call__", _bare(self))(*args, **kwargs)

        special["__call__"] = answering
    return type(f"Watched{kind.__name__}", (Watched,), special)


def _forwarded(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any) -> Any:
        return getattr(_bare(self), name)(*args)

    return method


def _like(answering: Callable[..., Any], method: Any) -> Callable[..., Any]:
    """Give a function the name and the words of the method that it stands for."""
    for name in ("__name__", "__qualname__", "__doc__", "__module__"):
        if isinstance(getattr(method, name, None), str):
            setattr(answering, name, getattr(method, name))
    answering.__wrapped__ = method  # type: ignore[attr-defined]
    return answering


def _decided(answer: NDArray[Any]) -> Any:
    """Copy decisions; a single one is taken as the value, which is coded sooner."""
    return answer.item() if answer.shape == (1,) and answer.dtype.kind in "biufU" else np.array(answer)


def _same(X: Any, kept: Any) -> bool:
    """Tell whether inputs are those of a record, value by value."""
    if isinstance(X, np.ndarray) and isinstance(kept, np.ndarray):
        if X.dtype != kept.dtype or X.size != kept.size:
            return False
        if X.dtype.kind == "O":
            return bool(pd.DataFrame(X.reshape(kept.shape)).equals(pd.DataFrame(kept)))
        return X.tobytes() == kept.tobytes()
    if isinstance(X, pd.Series):
        X = X.to_frame()
    if hasattr(X, "equals") and type(X) is type(kept):
        return bool(X.equals(kept))
    if isinstance(X, list | tuple) and isinstance(kept, list) and rows_in(X) == len(kept):
        return all(
            a is b or a == b or (isinstance(a, tuple) and list(a) == b) for a, b in zip(X, kept, strict=True)
        )
    return False
