"""The collector of fits: a small tree, fitted on the training rows, and the model, there and here."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.collectors.asking import asked
from trustkit.collectors.cells import row_weights
from trustkit.collectors.draws import drawing_order
from trustkit.collectors.residuals import predicted_numbers
from trustkit.collectors.sources import Sources
from trustkit.errors import ConfigError, Problem
from trustkit.evidence import Unavailable
from trustkit.evidence.cells import Cells
from trustkit.evidence.fits import Fits
from trustkit.evidence.tables import MISSING
from trustkit.frames import Frame, FrameError

MOST, MOST_VALUES = 10_000, 1_000_000
"""Rows that are drawn of each table: fewer where inputs are many, for so many values in all."""

DRAW = 34

DEPTH = 3

FEWEST = 10
"""A label with fewer training rows is unknown to the tree."""

Floats = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Rows:
    """Rows drawn of a table, with the truth of each: numbers, or labels as an array of text."""

    frame: Frame
    places: Places
    truth: NDArray[Any]


def collect_fits(sources: Sources) -> Fits:
    """Compare the model's errors with those of a tree, on audited rows, and with its own on training rows.

    Raises
    ------
    Unavailable
        Where there are no training rows, no truth or no decisions, or where the
        range of a quantity is not declared.
    """
    train, names = _checked(sources)
    most = int(np.clip(MOST_VALUES // len(names), 1, MOST))
    mine = _drawn(sources, sources.frame, drawing_order(sources, DRAW)[:most])
    shuffled = np.random.default_rng([sources.seed, DRAW + 1]).permutation(train.rows)[:most]
    learned = _drawn(sources, train, shuffled)
    if len(learned.truth) < FEWEST:
        raise Unavailable("too few training rows have a truth", supply="data.train: rows with the outcome")
    simple = _answers_of_tree(sources, names, learned, mine)
    said = _said(sources)[mine.places]
    known = _is_known(said)
    loss = _losses(sources, mine.truth[known], said[known])
    simple_loss = _losses(sources, mine.truth[known], simple[known])
    weight = row_weights(sources)
    weight = None if weight is None else weight[mine.places[known]]
    schema = {
        "task": sources.task,
        "seed": sources.seed,
        "most": most,
        "depth": DEPTH,
        "ends": _ends(sources),
    }
    return Fits(
        schema,
        sources.frame.rows,
        train.rows,
        len(learned.places),
        _counted((1 + simple_loss - loss) / 2, weight),
        _counted(loss, weight),
        _on_training_rows(sources, learned),
    )


def _checked(sources: Sources) -> tuple[Frame, list[str]]:
    """The training rows and the inputs that both tables have."""
    data, train = sources.data, sources.train
    if train is None:
        raise Unavailable("no training rows are declared", supply="data.train: the rows it was trained on")
    if data.target is None or data.target not in train.columns:
        raise Unavailable("the training rows have no truth", supply="data.target, in data.train too")
    if data.prediction is None and sources.model is None:
        raise Unavailable(
            "nothing is decided", supply="data.prediction: the column with the decision, or a model"
        )
    if sources.task == "regression" and _ends(sources) is None:
        raise Unavailable(
            "no range of the quantity is declared",
            supply=f"data.bins.{data.target}: its least and greatest value",
        )
    names = [name for name in sources.input_names if name in train.columns]
    if not names:
        raise Unavailable("the training rows have none of the inputs", supply="data.train: with the inputs")
    return train, names


def _ends(sources: Sources) -> list[float] | None:
    """Least and greatest value of a quantity."""
    if sources.task != "regression" or sources.data.target is None:
        return None
    edges = sources.data.bins.get(sources.data.target, ())
    return [edges[0], edges[-1]] if len(edges) > 1 else None


def _drawn(sources: Sources, frame: Frame, places: Places) -> Rows:
    """Those of some rows that have a truth."""
    target = str(sources.data.target)
    if sources.task == "regression":
        truth: NDArray[Any] = frame.numbers(target)[places]
    else:
        labels = frame.labels(target)
        truth = labels.text[places]
    known = _is_known(truth)
    return Rows(frame, places[known], truth[known])


def _is_known(values: NDArray[Any]) -> NDArray[np.bool_]:
    return np.isfinite(values) if values.dtype.kind == "f" else np.asarray(values != MISSING, dtype=bool)


def _said(sources: Sources) -> NDArray[Any]:
    """What is said of each audited row."""
    if sources.task == "regression":
        return predicted_numbers(sources)
    decisions = sources.decisions()
    assert decisions is not None  # noqa: S101 (asked before)
    return decisions.text


def _losses(sources: Sources, truth: NDArray[Any], said: NDArray[Any]) -> Floats:
    """Loss of each row, between 0 and 1."""
    ends = _ends(sources)
    if ends is None:
        return np.asarray(truth != said, dtype=np.float64)
    low, high = ends
    return np.abs(np.clip(truth, low, high) - np.clip(said, low, high)) / (high - low)


def _answers_of_tree(sources: Sources, names: list[str], learned: Rows, asked_of: Rows) -> NDArray[Any]:
    """What a tree of depth 3 says of rows, fitted on others."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    regression = sources.task == "regression"
    made = (DecisionTreeRegressor if regression else DecisionTreeClassifier)(max_depth=DEPTH, random_state=0)
    outcome = learned.truth if regression else (learned.truth == _commonest(learned.truth)).astype(np.float64)
    pairs = []
    for name in names:
        with suppress(FrameError):  # lists, say
            pairs.append(_encoded(learned, asked_of, name, outcome))
    told = [pair for pair in pairs if len(np.unique(pair[0][~np.isnan(pair[0])])) > 1]
    if not told:
        told = [(np.zeros(len(learned.truth)), np.zeros(len(asked_of.truth)))]
    fit_on, ask = (np.column_stack(part) for part in zip(*told, strict=True))
    answers: NDArray[Any] = made.fit(
        fit_on, learned.truth if regression else learned.truth.astype(str)
    ).predict(ask)
    return answers if regression else answers.astype(object)


def _commonest(labels: NDArray[Any]) -> Any:
    names, rows = np.unique(labels.astype(str), return_counts=True)
    return names[np.argmax(rows)]


def _encoded(learned: Rows, asked_of: Rows, name: str, outcome: Floats) -> tuple[Floats, Floats]:
    """A column of both tables as numbers: labels by their mean outcome in training (Breiman et al. 1984)."""
    try:
        columns = [rows.frame.numbers(name)[rows.places] for rows in (learned, asked_of)]
        one, other = (np.where(np.isfinite(column), column, np.nan) for column in columns)
        return one, other
    except FrameError:
        known, others = learned.frame.labels(name), asked_of.frame.labels(name)
    codes = known.codes[learned.places]
    rows = np.bincount(codes, minlength=len(known.names))
    mean = np.bincount(codes, weights=outcome, minlength=len(known.names)) / np.maximum(rows, 1)
    value = np.where(rows >= FEWEST, mean, np.nan)
    place: Mapping[str, float] = dict(zip(known.names, value.tolist(), strict=True))
    elsewhere = np.array([place.get(label, np.nan) for label in others.names])
    return value[codes], elsewhere[others.codes[asked_of.places]]


def _on_training_rows(sources: Sources, learned: Rows) -> Cells | None:
    """The model's losses on training rows; None where what it says of them is not known."""
    said = _said_of_training(sources, learned)
    if said is None:
        return None
    known = _is_known(said)
    name = sources.data.weight
    weight = None
    if name is not None and name in learned.frame.columns:
        weight = np.nan_to_num(learned.frame.numbers(name)[learned.places])[known]
    return _counted(_losses(sources, learned.truth[known], said[known]), weight)


def _said_of_training(sources: Sources, learned: Rows) -> NDArray[Any] | None:
    column = sources.data.prediction
    if column is not None:
        if column not in learned.frame.columns:
            return None
        if sources.task == "regression":
            return learned.frame.numbers(column)[learned.places]
        labels = learned.frame.labels(column)
        return labels.text[learned.places]
    if not {*sources.features} <= {*learned.frame.columns}:
        return None
    table = next(learned.frame.at(learned.places).batches(sources.features, len(learned.places)))
    said = asked(sources, table, "ask about training rows", scored=False)
    return said.number if sources.task == "regression" else said.decision


def _counted(loss: Floats, weight: Floats | None) -> Cells:
    """Cells of one label whose score is a loss."""
    nothing = ((MISSING,), None)
    schema: dict[str, Any] = {
        "task": "binary",
        "attributes": [],
        "bins": {},
        "strata": [],
        "positive": None,
        "favorable": [],
        "truth": True,
        "prediction": False,
        "score": True,
        "weight": weight is not None,
        "unit": False,
    }
    rows = np.zeros(len(loss), dtype=np.int64)
    try:
        axes = {"truth": (("known",), rows), "prediction": nothing}
        return Cells.count(schema, axes, score=loss, weight=weight)
    except OverflowError as error:
        raise ConfigError([Problem("data.weight", str(error))]) from None
