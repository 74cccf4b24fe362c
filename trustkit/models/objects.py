"""Models: in memory or in files, found by name, asked in batches, answered canonically."""

from __future__ import annotations

import importlib
import os
import random
import re
import sys
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from importlib.machinery import PathFinder
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

import numpy as np

from trustkit.errors import ConfigError, ModelError, Problem, nearest
from trustkit.frames import MISSING, FrameError, Labels, joined, label_text, labels_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    import pandas as pd
    from numpy.typing import NDArray

    from trustkit.frames import Frame

_KEY = "system.model"
_SPEC = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*):([^\W\d]\w*(?:\.[^\W\d]\w*)*)")
_SUFFIX = re.compile(
    r"\.(bin|bst|cbm|ckpt|dill|gguf|h5|hdf5|joblib|json|keras|model|npy|npz|onnx|pb|pickle|pkl"
    r"|pmml|pt|pth|safetensors|skops|tflite|txt|ubj|zip)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model said of a frame.

    Attributes
    ----------
    labels : Labels
        Its decisions, shape (rows,).
    score : ndarray of float64, shape (rows,), or None
        P(positive), None where the model has none.
    calls : int
        The number of batches it was asked for.
    """

    labels: Labels
    score: NDArray[np.float64] | None
    calls: int


@dataclass(frozen=True, eq=False)
class Chances:
    """What a model says of every class.

    Attributes
    ----------
    classes : tuple of str
        Canonical labels.
    values : ndarray of float64, shape (rows, classes)
        The probability of each.
    calls : int
        The number of batches it was asked for.
    """

    classes: tuple[str, ...]
    values: NDArray[np.float64]
    calls: int


def resolve(
    spec: object,
    *,
    folder: str | os.PathLike[str],
    trust: str | None = None,
    allow: Mapping[str, str] | None = None,
    http: Mapping[str, Any] | None = None,
) -> object:
    """Return the model that `spec` is or names.

    Parameters
    ----------
    spec : object or str
        An estimator or a callable; a file, which is scanned and then loaded
        in a process of its own; the address of an endpoint; or
        ``package.module:object``, which is imported: that runs the module.
    folder : str or Path
        Where files are found; put on ``sys.path`` during an import.
    trust : str, optional
        Of a file whose format can run code, the digest that it must have.
    allow : mapping, optional
        Imports that such a file may have besides the known ones, each with its reason.
    http : mapping, optional
        Of an address, the keys of ``[model.http]``.

    Raises
    ------
    ConfigError
        Key ``system.model`` or ``system.trust``: a file that is refused, a
        failed import, no such object, no model. Key ``model.http``: an address
        that cannot be asked as declared.
    """
    model = spec
    if isinstance(spec, (str, os.PathLike)):
        name, where = os.fspath(spec), Path(folder).resolve()
        if "://" in name:
            if http is None:
                raise _problem("is an endpoint, and nothing says how it is asked")
            from trustkit.models.endpoints import Endpoint

            return Endpoint(name, where, http)
        if (where / name).exists() or _SUFFIX.search(name):
            from trustkit.models.files import load

            return load(name, folder=where, trust=trust, allow=allow or {})
        model = _imported(name, where)
    if isinstance(model, type):
        raise _problem(f"is the class {model.__name__}; name an instance or a function")
    if not callable(getattr(model, "predict", model)):
        raise _problem(f"is a {type(model).__name__}, which has no predict and cannot be called")
    return model


def type_name(model: object) -> str:
    """Return the name of a model's type, the same whether it is an object or came from a file."""
    named = getattr(model, "type_name", None)
    return named if isinstance(named, str) else f"{type(model).__module__}.{type(model).__qualname__}"


def feature_names(
    model: object,
    frame_columns: Sequence[str],
    *,
    exclude: Collection[str],
    declared: Iterable[str] | None = None,
) -> list[str]:
    """Return the columns the model is to see, in its order.

    Parameters
    ----------
    model : object
        Its ``feature_names_in_`` hold where nothing is declared.
    frame_columns : sequence of str
        What the data has.
    exclude : collection of str
        Columns that are no features by default: the target, the weight, ...
    declared : iterable of str, optional
        The configuration's ``data.features``.

    Raises
    ------
    ConfigError
        Key ``data.features``: each column that the data lacks, or none is left.
    """
    named = declared if declared is not None else getattr(model, "feature_names_in_", None)
    if named is None:
        named = [name for name in frame_columns if name not in exclude]
    names = [str(name) for name in named]
    found = "no column {!r} in the data" + (
        "" if declared is not None else ", which the model was trained on"
    )
    missing = [name for name in names if name not in frame_columns]
    problems = [
        Problem("data.features", found.format(name), nearest(name, frame_columns)) for name in missing
    ]
    if not names:
        problems = [Problem("data.features", "no column is left for the model to see")]
    if problems:
        raise ConfigError(problems)
    return names


def predict(
    model: Any,
    frame: Frame,
    features: Sequence[str],
    *,
    positive: str | None,
    batch: int = 10_000,
    progress: Callable[[int, int], object] | None = None,
) -> Predictions:
    """Ask the model for its decision on every row, and for P(positive) where it can say.

    Parameters
    ----------
    model : object
        Something with ``predict``, or a callable that returns the decisions.
    frame : Frame
        The rows; the model sees pandas tables, copies of it.
    features : sequence of str
        The columns that the model sees.
    positive : str or None
        Canonical text of the class whose probability is the score.
    batch : int
        Rows per call.
    progress : callable, optional
        Called with (rows done, all rows) after each batch.

    Raises
    ------
    ModelError
        The model raised, or did not return one decision a row, or no decision at all.
    ConfigError
        Key ``data.positive``: the model has classes, and `positive` is none of them.
    """
    labels: list[Labels] = []
    scores: list[NDArray[np.float64] | None] = []
    done = 0
    with undisturbed():
        for number, X in enumerate(frame.batches(features, batch), 1):
            with _explained(number, done + 1, done + len(X)):
                labels.append(_decide(model, X.copy()))
                scores.append(None if positive is None else _score(model, X, positive))
            done += len(X)
            if progress is not None:
                progress(done, frame.rows)
    decisions = joined(labels)
    if decisions.names == (MISSING,):
        raise ModelError("every prediction is missing")
    known = [score for score in scores if score is not None]
    return Predictions(decisions, np.concatenate(known) if known else None, len(labels))


def chances(
    model: Any,
    frame: Frame,
    features: Sequence[str],
    *,
    batch: int = 10_000,
    progress: Callable[[int, int], object] | None = None,
) -> Chances | None:
    """Ask the model for the probability of every class; None where it cannot say.

    Parameters are those of `predict`.

    Raises
    ------
    ModelError
        The model raised, or did not return one probability a row and class.
    """
    if not (hasattr(model, "predict_proba") and hasattr(model, "classes_")):
        return None
    classes = tuple(label_text(each) for each in model.classes_)
    parts, done = [np.empty((0, len(classes)))], 0
    with undisturbed():
        for number, X in enumerate(frame.batches(features, batch), 1):
            with _explained(number, done + 1, done + len(X)):
                parts.append(_chances(model, X, classes))
            done += len(X)
            if progress is not None:
                progress(done, frame.rows)
    return Chances(classes, np.concatenate(parts), len(parts) - 1)


def _decide(model: Any, X: pd.DataFrame) -> Labels:
    has_predict = hasattr(model, "predict")
    answer = answer_of(model.predict(X) if has_predict else model(X))
    shape = getattr(answer, "shape", (len(answer),))
    if has_predict and hasattr(model, "classes_") and shape[1:] == (1,):
        answer, shape = np.asarray(answer).ravel(), shape[:1]  # some classifiers answer in a column
    if len(shape) != 1:
        raise ModelError(f"expected one label a row, got an array of shape {tuple(shape)}")
    if shape[0] != len(X):
        raise ModelError(f"expected {len(X)} predictions, got {shape[0]}")
    return labels_of(answer)


def answer_of(answer: Any) -> Any:
    """Return what a model answered, a foreign array (a tensor, say) as numpy's."""
    if isinstance(answer, (str, bytes, dict, set)) or not hasattr(answer, "__len__"):
        raise ModelError(f"expected an array, list or series of labels, got a {type(answer).__name__}")
    is_foreign = hasattr(answer, "__array__") and not hasattr(answer, "dtype")
    return np.asarray(answer) if is_foreign else answer


def _score(model: Any, X: pd.DataFrame, positive: str) -> NDArray[np.float64] | None:
    if not (hasattr(model, "predict_proba") and hasattr(model, "classes_")):
        return None
    classes = [label_text(each) for each in model.classes_]
    if positive not in classes:
        found = f"the model has no class {positive!r}"
        raise ConfigError([Problem("data.positive", found, nearest(positive, classes))])
    return _chances(model, X, classes)[:, classes.index(positive)].copy()


def _chances(model: Any, X: pd.DataFrame, classes: Sequence[str]) -> NDArray[np.float64]:
    answer = np.asarray(model.predict_proba(X), dtype=np.float64)
    if answer.shape != (len(X), len(classes)):
        raise ModelError(f"expected probabilities of shape {(len(X), len(classes))}, got {answer.shape}")
    return answer


@contextmanager
def _explained(number: int, first: int, last: int) -> Iterator[None]:
    """Say in which batch the model failed; its own words may quote the data and are only chained."""
    where = f"batch {number} (rows {first} to {last})"
    try:
        yield
    except ConfigError:
        raise
    except (ModelError, FrameError) as error:
        raise ModelError(f"{where}: {error}") from error
    except Exception as error:
        raise ModelError(f"{where}: the model raised {type(error).__name__}") from error


@contextmanager
def undisturbed() -> Iterator[None]:
    """Leave random states and warning filters as found; a warning is never an error meanwhile."""
    numpy_state, python_state = np.random.get_state(legacy=False), random.getstate()  # noqa: NPY002
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)


def _imported(spec: str, folder: Path) -> object:
    parts = _SPEC.fullmatch(spec)
    if parts is None:
        raise _problem(f"{spec!r} is neither a model nor of the form 'package.module:object'")
    with undisturbed(), _first_on_path(folder):
        found: object = _module(parts[1], folder)
        return reduce(_attribute, parts[2].split("."), found)


def _module(name: str, folder: Path) -> ModuleType:
    _forget(name.partition(".")[0], folder)
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        near = nearest(name, [each.name for each in iter_modules([str(folder)])])
        found = f"cannot import {name!r}: {type(error).__name__}: {error}"
        raise _problem(found, near if near != name else None) from error


def _forget(top: str, folder: Path) -> None:
    """Forget a module of the same name that came from another folder: it is not what was asked for."""
    importlib.invalidate_caches()
    here, loaded = PathFinder.find_spec(top, [str(folder)]), getattr(sys.modules.get(top), "__spec__", None)
    if here is None or loaded is None or _place(here) == _place(loaded):
        return
    for name in [each for each in sys.modules if each.partition(".")[0] == top]:
        del sys.modules[name]


def _place(spec: ModuleSpec) -> list[str]:
    return [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())


def _attribute(owner: object, name: str) -> object:
    try:
        return getattr(owner, name)
    except AttributeError:
        where = getattr(owner, "__name__", type(owner).__name__)
        raise _problem(f"no {name!r} in {where}", nearest(name, dir(owner))) from None


@contextmanager
def _first_on_path(folder: Path) -> Iterator[None]:
    before = list(sys.path)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path[:] = before


def _problem(found: str, near: str | None = None) -> ConfigError:
    return ConfigError([Problem(_KEY, found, near)])
