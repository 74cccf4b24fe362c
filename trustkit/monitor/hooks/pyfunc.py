"""The hook for MLflow: a pyfunc model that records what the model inside of it decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd  # MLflow reads the hint where the class is made

from trustkit.errors import ConfigError, Problem

try:
    import mlflow.pyfunc
except ImportError:  # told where a model is made
    _Base: Any = None
else:
    _Base = mlflow.pyfunc.PythonModel

if TYPE_CHECKING:
    from trustkit.monitor.monitor import Monitor

ARTIFACT = "model"
"""Name of the artifact that holds the model inside."""


class MonitoredModel(_Base or object):  # type: ignore[misc]
    """A pyfunc model around another: it answers as that one does, and records.

    To serve it by MLflow, save it with the other as an artifact:
    ``mlflow.pyfunc.save_model(path, python_model=MonitoredModel(make), artifacts={"model": uri})``.

    Parameters
    ----------
    monitor : Monitor or callable
        What records. A model that is to be saved takes a function that makes
        the monitor; it is called where the model is loaded to be served.
    model : object with predict, optional
        The model inside, loaded; by default the artifact ``model``.
    prediction, score : str, optional
        Columns of a table that it answers with; by default its answer is the decisions.
    sensitive : sequence of str
        Columns of the input that hold sensitive attributes; those that are audited inputs need not be told.
    ids, at : str, optional
        Columns of the input with the id, and the time of the decision.

    Raises
    ------
    ConfigError
        Where MLflow is not installed.
    """

    def __init__(
        self,
        monitor: Monitor | Callable[[], Monitor],
        model: Any = None,
        *,
        prediction: str | None = None,
        score: str | None = None,
        sensitive: Sequence[str] = (),
        ids: str | None = None,
        at: str | None = None,
    ) -> None:
        if _Base is None:
            found = "is not installed: pip install 'trustkit-audit[mlflow]'"
            raise ConfigError([Problem("mlflow", found)])
        self._make: Any = None if hasattr(monitor, "record") else monitor
        self._monitor: Any = monitor if hasattr(monitor, "record") else None
        self._model = model
        self._prediction, self._score = prediction, score
        self._parts: dict[str, Any] = {"sensitive": list(sensitive) or None, "ids": ids, "at": at}

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the monitor, which is made anew."""
        if self._make is None:
            found = "a model that is saved takes a function that makes its monitor where it is served"
            raise ConfigError([Problem("monitor", found)])
        return {**self.__dict__, "_monitor": None}

    def load_context(self, context: Any) -> None:
        """Make the monitor, and load the model inside where it is an artifact."""
        if self._monitor is None:
            self._monitor = self._make()
        if self._model is None:
            if ARTIFACT not in context.artifacts:
                found = f"the saved model has no artifact {ARTIFACT!r}, and no model was given"
                raise ConfigError([Problem("artifacts", found)])
            self._model = mlflow.pyfunc.load_model(context.artifacts[ARTIFACT])

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:
        """Answer as the model inside does, and record it."""
        if self._monitor is None or self._model is None:
            self.load_context(context)
        answer = self._model.predict(model_input, params) if params else self._model.predict(model_input)
        self._record(model_input, answer)
        return answer

    def _record(self, X: Any, answer: Any) -> None:
        try:
            told = {"prediction": answer if self._prediction is None else answer[self._prediction]}
            if self._score is not None:
                told["score"] = answer[self._score]
            told |= {key: X[name] for key, name in self._parts.items() if name is not None}
        except Exception as error:
            self._monitor.faults.count("pyfunc", error)
        else:
            self._monitor.record(X, **told)
