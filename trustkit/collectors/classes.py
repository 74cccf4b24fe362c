"""The collector of classes: count the rows that are alike in the columns that could single a person out."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trustkit.collectors.sources import Sources
from trustkit.config import DataSection
from trustkit.errors import ConfigError, Problem
from trustkit.evidence import Unavailable
from trustkit.evidence.blocks import WEIGHT_ONE, fixed_point
from trustkit.evidence.classes import (
    ABSENT,
    MOST_FORMS,
    MOST_VALUES,
    Classes,
    Column,
    Hashes,
    counted,
    ordered_values,
)
from trustkit.evidence.tables import MISSING
from trustkit.frames import Frame, FrameError, Labels, label_text

LOOKED_AT = 1_000
"""Rows, evenly spaced, by which quasi-identifiers are suggested."""

MOST_SUGGESTED = 8
"""Columns that are suggested at most, the first of the table."""

FEW_LABELS = 50
"""An input with more labels is suggested only where its name says that it describes a person."""

STEPS = (1, 5, 10, 100, 1_000, 10_000)
"""Numbers are made coarser by rounding them down to multiples of these."""

_WORDS = {
    "age", "birth", "birthday", "birthdate", "dob", "born", "sex", "gender", "race", "ethnicity", "ethnic",
    "nationality", "citizenship", "country", "origin", "region", "province", "oblast", "district", "rayon",
    "raion", "city", "town", "village", "settlement", "address", "street", "zip", "zipcode", "zcta", "postal",
    "postcode", "postalcode", "latitude", "longitude", "lat", "lon", "lng", "marital", "relationship",
    "children", "dependents", "household", "education", "school", "degree", "occupation", "profession", "job",
    "employer", "language", "religion", "height", "housing",
    "возраст", "рождения", "пол", "национальность", "гражданство", "область", "район", "город", "село",
    "адрес", "индекс", "семейное", "образование", "профессия", "должность", "язык", "регион",
    "yosh", "jins", "millat", "viloyat", "tuman", "shahar", "син", "ҷинс", "миллат", "вилоят", "ноҳия",
    "шаҳр",
    "жасы", "жынысы", "ұлты", "облыс", "аудан", "қала", "жашы", "улуту", "шаар",
}  # fmt: skip
"""Words in the names of columns that describe a person, as an acquaintance or a register knows them."""

_ROLES = (
    "target", "prediction", "baseline_prediction", "score", "weight", "unit", "id", "time", "opt_out",
)  # fmt: skip
_APART = re.compile(r"[\W\d_]+|(?<=[a-z])(?=[A-Z])")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATES = {"months": 7, "years": 4}


def collect_classes(sources: Sources) -> Classes:
    """Count the audited rows by their labels of the quasi-identifiers and sensitive attributes.

    The quasi-identifiers are those declared, cut by their bins; else those
    that `suggested` finds, as they stand in the data. Sensitive attributes
    are the target (of a log without one, the decision) and the declared
    sensitive columns that are no quasi-identifiers; where these are
    suggested, the target alone: sex or age are what a stranger sees.

    Raises
    ------
    Unavailable
        Where there are no rows with all their columns.
    ConfigError
        For a column that cannot be cut by its bins, and for weights that are
        missing, negative or infinite.
    """
    frame, data = sources.whole("audit"), sources.data
    if frame is None:
        raise Unavailable("there are no rows", supply="data.audit: the rows that are audited")
    declared = list(data.quasi_identifiers)
    secret = data.target or data.prediction
    others = [name for name in data.sensitive if name not in declared] if declared else []
    sensitive = [name for name in dict.fromkeys([secret, *others]) if name and name not in declared]
    range_of_target = {data.target} - {*data.sensitive, *declared}
    return classes_of(
        frame,
        declared or suggestions(sources),
        sensitive=sensitive,
        bins={name: edges for name, edges in data.bins.items() if declared and name not in range_of_target},
        unit=data.unit,
        weight=data.weight,
        declared=bool(declared),
    )


def suggestions(sources: Sources) -> list[str]:
    """Quasi-identifiers that are suggested: of a table that is not read whole, of its first rows."""
    if sources.parent is not None:
        return suggestions(sources.parent)
    if sources.suggested is None:
        relation = sources.relation
        frame = sources.whole("audit") if relation is None else relation.head(relation.columns, LOOKED_AT)
        sources.suggested = [] if frame is None else suggested(frame, without=_with_role(sources.data))
    return sources.suggested


def classes_of(
    frame: Frame,
    quasi_identifiers: Sequence[str],
    *,
    sensitive: Sequence[str] = (),
    bins: Mapping[str, Sequence[float]] | None = None,
    unit: str | None = None,
    weight: str | None = None,
    declared: bool = True,
) -> Classes:
    """Count the rows of a frame by quasi-identifiers and sensitive attributes, without a configuration.

    ``classes_of(frame, suggested(frame), declared=False)`` is what
    `trustkit scan` needs of a file; `checks.data_protection.re_identification`
    takes what it returns.

    Parameters
    ----------
    frame : Frame
        The rows.
    quasi_identifiers : sequence of str
        Columns by which a person could be recognized.
    sensitive : sequence of str
        Columns that such a person's row would give away.
    bins : mapping of str to edges, optional
        Right-open bins of columns of numbers.
    unit : str, optional
        The column that names the person of a row: each counts once, by the first row.
    weight : str, optional
        The column of the rows' weights.
    declared : bool
        Whether somebody chose the quasi-identifiers; False where they were suggested.

    Returns
    -------
    Classes
        Its labels are keyed hashes.

    Raises
    ------
    ConfigError
        For a column that cannot be cut by its bins, and for weights that are
        missing, negative or infinite.
    """
    bins = bins or {}
    schema = {
        "quasi_identifiers": list(quasi_identifiers) if declared else [],
        "sensitive": list(sensitive),
        "bins": {name: list(bins[name]) for name in (*quasi_identifiers, *sensitive) if name in bins},
        "weight": weight is not None,
        "unit": unit is not None,
    }
    w = None if weight is None else _weights(frame, weight)
    if unit is not None:
        first = _first_rows(frame.labels(unit))
        frame, w = frame.at(first), None if w is None else w[first]
    key = hashlib.sha256(json.dumps(schema, sort_keys=True).encode()).hexdigest()[:16]
    order = quasi_identifiers if declared else sorted(quasi_identifiers)
    columns = {name: _column(frame, name, bins, key) for name in order}
    values = {name: _values(frame, name, bins) for name in sensitive}
    return counted(schema, columns, values, w, frame.rows)


def suggested(frame: Frame, *, without: Iterable[str] = ()) -> list[str]:
    """Suggest quasi-identifiers: columns by which an acquaintance or a register could recognize a person.

    Columns whose names say that they describe a person (age, sex, region,
    education, ...; English, Russian and Central Asian words); where fewer
    than two are found, also all columns of 2 to 50 labels. Left out are
    columns of one label, texts of which no two are alike (identifiers, free
    text), and those named in `without`. At most eight, the first of the table;
    1,000 evenly spaced rows are looked at.

    Parameters
    ----------
    frame : Frame
        The rows, with all columns that are to be considered.
    without : iterable of str
        Columns with another role, as target, decision, weight, time.

    Returns
    -------
    list of str
        In the order of the table; empty where no column is found.
    """
    if frame.rows > LOOKED_AT:
        frame = frame.at(np.linspace(0, frame.rows - 1, LOOKED_AT).astype(np.int64))
    names = [name for name in frame.columns if name not in {*without}]
    personal = [name for name in names if _is_personal(name) and _is_shared(frame, name)]
    if len(personal) < 2:
        few = min(FEW_LABELS, max(frame.rows // 4, 2))
        chosen = (name in personal or 2 <= _labels_in(frame, name) <= few for name in names)
        personal = [name for name, kept in zip(names, chosen, strict=True) if kept]
    return personal[:MOST_SUGGESTED]


def _with_role(data: DataSection) -> list[str]:
    named = [getattr(data, role) for role in _ROLES]
    return [*(name for name in named if name is not None), *data.interval]


def _is_personal(name: str) -> bool:
    return bool({part.lower() for part in _APART.split(name)} & _WORDS)


def _is_shared(frame: Frame, name: str) -> bool:
    """Whether a column has two labels at least, and is no text of which no two rows have the same."""
    try:
        texts = [label for label in frame.labels(name).names if label != MISSING]
    except FrameError:
        return False
    if len(texts) < frame.rows or frame.rows < FEW_LABELS:
        return len(texts) > 1
    return _numbers(texts[:100]) is not None or all(_DAY.match(text) for text in texts[:100])


def _labels_in(frame: Frame, name: str) -> int:
    """How many labels a column has; 0 where it holds what cannot be a label."""
    try:
        return len(frame.labels(name).names)
    except FrameError:
        return 0


def _labels(frame: Frame, name: str, bins: Mapping[str, Sequence[float]]) -> Labels:
    """Labels of a column, cut by its bins where it has some."""
    try:
        return frame.binned(name, bins[name]) if name in bins else frame.labels(name)
    except FrameError as error:
        key = f"data.bins.{name}" if name in bins else "data.quasi_identifiers"
        raise ConfigError([Problem(key, str(error))]) from None


def _column(
    frame: Frame, name: str, bins: Mapping[str, Sequence[float]], key: str
) -> tuple[Column, NDArray[Any]]:
    """Hashes of a column's labels, in order, and their place of each row."""
    codes: NDArray[Any]
    if name not in bins and _is_fine(frame, name):
        values, codes = np.unique(frame.numbers(name), return_inverse=True)
        hashes, coarser = _hashes_of_numbers(values, key), None
    else:
        labels = _labels(frame, name, bins)
        hashes, codes = _hashes(labels.names, key), labels.codes
        coarser = _coarser(labels.names, key) if len(hashes) <= MOST_FORMS else None
    order = np.argsort(hashes)
    place = np.empty(len(order), dtype=np.int32)
    place[order] = np.arange(len(order))
    forms = None if coarser is None else {form: made[order] for form, made in coarser.items()}
    return Column(hashes[order], forms), place[codes.ravel()]


def _is_fine(frame: Frame, name: str) -> bool:
    """Whether a column is of numbers of which there are too many for labels and coarser forms."""
    if frame.rows <= MOST_FORMS:
        return False
    first = next(frame.at(np.zeros(1, dtype=np.int64)).batches([name]))[name]
    if first.dtype.kind not in "fiu":
        return False
    values = frame.numbers(name)
    exact = not (np.abs(values) >= 2**53).any()
    return exact and len(np.unique(values[: 2 * MOST_FORMS])) > MOST_FORMS


def _hashes(names: Sequence[str], key: str) -> Hashes:
    """Keyed hash of each label, of what is missing `ABSENT`; of numbers by value, however they are held."""
    texts = np.array(names, dtype=object)
    hashes = pd.util.hash_array(texts, hash_key=key, categorize=False)
    values = np.array([_numeral(name) for name in names])
    hashes = np.where(np.isnan(values), hashes, _hashes_of_numbers(values, key))
    return np.where(texts == MISSING, np.uint64(ABSENT), np.maximum(hashes, np.uint64(ABSENT + 1)))


def _numeral(name: str) -> float:
    """The number that a label is the canonical text of, NaN where it is none."""
    try:
        value = float(name)
    except ValueError:
        return np.nan
    return value if np.isfinite(value) and label_text(value) == name else np.nan


def _hashes_of_numbers(values: NDArray[np.float64], key: str) -> Hashes:
    """Keyed hash of each number, of NaN `ABSENT`: its bits, mixed as by splitmix64."""
    bits = (values + 0.0).view(np.uint64) ^ np.uint64(int(key, 16))
    with np.errstate(over="ignore"):
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = np.maximum(bits ^ (bits >> np.uint64(31)), np.uint64(ABSENT + 1))
    return np.where(np.isnan(values), np.uint64(ABSENT), mixed)


def _coarser(names: Sequence[str], key: str) -> dict[str, Hashes]:
    """Hashes of what the labels become, by each way of coarsening that fits numbers, or dates."""
    values = _numbers(names)
    if values is not None:
        rounded = {step: np.floor(values / step) * step for step in STEPS}
        return {f"steps of {step:,}": _hashes_of_numbers(made, key) for step, made in rounded.items()}
    if all(_DAY.match(name) for name in names if name != MISSING):
        cut = {
            form: [name if name == MISSING else name[:length] for name in names]
            for form, length in _DATES.items()
        }
        return {form: _hashes(made, key) for form, made in cut.items()}
    return {}


def _numbers(names: Sequence[str]) -> NDArray[np.float64] | None:
    """The numbers that all labels are, NaN for what is missing; None where one is text, or bins."""
    try:
        values = np.array([np.nan if name == MISSING else float(name) for name in names])
    except ValueError:
        return None
    return None if np.isinf(values).any() else values


def _values(
    frame: Frame, name: str, bins: Mapping[str, Sequence[float]]
) -> tuple[tuple[str, ...], NDArray[Any]] | None:
    """Values of a sensitive attribute in their order, and each row's; None where they are too many."""
    if frame.rows > LOOKED_AT:
        first = frame.at(np.arange(LOOKED_AT))
        if len(_labels(first, name, bins).names) > MOST_VALUES:
            return None
    labels = _labels(frame, name, bins)
    if len(labels.names) > MOST_VALUES:
        return None
    names = ordered_values(labels.names)
    place = np.array([names.index(label) for label in labels.names], dtype=np.int32)
    return names, place[labels.codes]


def _first_rows(units: Labels) -> NDArray[np.int64]:
    """Places of the first row of each person; rows without one are persons of their own."""
    _, first = np.unique(units.codes, return_index=True)
    alone = np.zeros(0, dtype=np.int64)
    if MISSING in units.names:
        alone = np.flatnonzero(units.codes == units.names.index(MISSING))
    return np.union1d(first, alone).astype(np.int64)


def _weights(frame: Frame, weight: str) -> Any:
    """Weights of the rows in units of 2^-20.

    Raises
    ------
    ConfigError
        For weights that are no numbers, missing, negative or infinite.
    """
    try:
        values = frame.numbers(weight)
        wrong = int((~np.isfinite(values) | (values < 0)).sum())
        if wrong:
            found = f"{wrong} rows of {weight!r} are missing, negative or infinite"
            raise ConfigError([Problem("data.weight", found)])
        return fixed_point(values, WEIGHT_ONE)
    except (FrameError, OverflowError) as error:
        raise ConfigError([Problem("data.weight", str(error))]) from None
