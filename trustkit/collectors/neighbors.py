"""The collector of neighbors: find the rows most like each, and count those decided otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.collectors.cells import group_labels
from trustkit.collectors.draws import drawing_order
from trustkit.collectors.sources import Sources
from trustkit.evidence import Unavailable
from trustkit.evidence.neighbors import Likes, Neighbors
from trustkit.evidence.tables import MISSING
from trustkit.frames import Frame, FrameError, Labels

MOST = 10_000
"""Rows that are drawn: each is compared with each."""

DRAW = 21

K = 5
"""Neighbors of a row."""

MOST_AXES, MOST_INPUTS, MOST_LABELS = 128, 40, 20
"""Axes of the space: a column of numbers has one, and one where it has gaps; a category one a label.

Of more inputs the first are taken; of more labels the rarer are one.
"""

MOST_GROUPS = 40
"""Groups of an attribute that are told of, the largest."""

STEP, FARTHEST = 32, 4.0
"""Numbers are rounded to so many steps a standard deviation, and lie so many of these off at most.

Squared distances are then integers below 2^24, which single precision adds
exactly: no order of sums changes who is nearest.
"""

PIECE = 500
"""Rows whose distances are held at a time."""

Codes = NDArray[np.int64]


def collect_neighbors(sources: Sources) -> Neighbors:
    """Count, for drawn rows, how many of the nearest others are decided otherwise.

    Likeness goes by the inputs, the sensitive attributes left aside: people
    alike in all that should matter. A row is not its own neighbor.

    Raises
    ------
    Unavailable
        Where there are no decisions, they are numbers, or no input is left.
    """
    if sources.task == "regression":
        raise Unavailable("the system predicts a quantity, and this is about decisions")
    decisions = sources.decisions()
    if decisions is None:
        raise Unavailable(
            "there are no decisions", supply="data.prediction: the column with the decision, or system.model"
        )
    sensitive = list(sources.data.sensitive)
    names = [name for name in sources.input_names if name not in sensitive]
    order = drawing_order(sources, DRAW)
    rows = order[_known(decisions)[order]][:MOST]
    frame = sources.inputs.at(rows)
    columns = [column for name in names[:MOST_INPUTS] if (column := _column(frame, name)) is not None]
    if not columns:
        raise Unavailable(
            "no input beside the sensitive attributes takes two values",
            supply="data.features: what decisions rest on",
        )
    nearest = nearest_rows(_points(columns), K) if len(rows) > K else np.zeros((0, K), dtype=np.int64)
    rows = rows[: len(nearest)]
    decided = _classes(decisions, sources.favorable)[rows]
    groups = {
        name: _by_group(nearest, decided, labels.names, labels.codes[rows])
        for name, labels in group_labels(sources).items()
    }
    schema = {
        "seed": sources.seed,
        "most": MOST,
        "k": K,
        "inputs": names[:MOST_INPUTS],
        "left_out": [name for name in sensitive if name in sources.input_names] + names[MOST_INPUTS:],
        "attributes": sensitive,
        "favorable": list(sources.favorable),
        "weight": sources.data.weight is not None,
        "unit": sources.data.unit is not None,
    }
    everybody = _likes(nearest, decided, np.ones(len(rows), dtype=bool))
    return Neighbors(schema, sources.frame.rows, everybody, groups)


def nearest_rows(points: NDArray[np.float32], k: int) -> Codes:
    """Find the k nearest others of each point; of equally near ones those next after it, in a circle.

    Parameters
    ----------
    points : array of integers in single precision, shape (rows, axes)
        At most 128 axes of at most 128 in size: their distances are exact.
    k : int
        Fewer than the rows.

    Returns
    -------
    array of int, shape (rows, k)
        Places of the neighbors, in no order.
    """
    rows = len(points)
    squares = (points**2).sum(axis=1)
    place = np.arange(rows)
    found = np.empty((rows, k), dtype=np.int64)
    for start in range(0, rows, PIECE):
        mine = place[start : start + PIECE]
        distance = squares[mine, None] + squares - 2 * (points[mine] @ points.T)
        ahead = (place - mine[:, None]) % rows
        key = distance.astype(np.float64) * rows + ahead
        key[np.arange(len(mine)), mine] = np.inf
        found[mine] = np.argpartition(key, k - 1, axis=1)[:, :k]
    return found


def _by_group(nearest: Codes, decided: Codes, names: Sequence[str], group: NDArray[Any]) -> dict[str, Likes]:
    """Sums of the largest groups."""
    rows = np.bincount(group, minlength=len(names))
    largest = np.argsort(-rows, kind="stable")[:MOST_GROUPS]
    return {names[i]: _likes(nearest, decided, group == i) for i in sorted(largest.tolist()) if rows[i]}


def _likes(nearest: Codes, decided: Codes, mine: NDArray[np.bool_]) -> Likes:
    """Sums over the rows that are `mine`."""
    rows, k = nearest.shape
    other = (decided[nearest] != decided[:, None])[mine]
    of = nearest[mine].ravel()
    a = np.bincount(of[other.ravel()], minlength=rows)
    b = np.bincount(of, minlength=rows) + k * mine
    a[mine] += other.sum(axis=1)
    return Likes(int(mine.sum()), int(other.sum()), int(a @ a), int(a @ b), int(b @ b))


def _known(labels: Labels) -> NDArray[np.bool_]:
    return np.array([name != MISSING for name in labels.names])[labels.codes]


def _classes(decisions: Labels, favorable: Sequence[str]) -> Codes:
    """Whether a decision is favorable; where no class is, the decision itself."""
    if not favorable:
        return decisions.codes.astype(np.int64)
    return np.array([name in favorable for name in decisions.names], dtype=np.int64)[decisions.codes]


def _column(frame: Frame, name: str) -> NDArray[np.float64] | Labels | None:
    """Numbers, or labels, of an input; None where all are the same, or neither."""
    try:
        numbers = frame.numbers(name)
    except FrameError:
        with suppress(FrameError):  # lists, say
            labels = frame.labels(name)
            return labels if len(labels.names) > 1 else None
        return None
    return numbers if len(np.unique(numbers)) > 1 else None


def _points(columns: Sequence[NDArray[np.float64] | Labels]) -> NDArray[np.float32]:
    """Rows as points of whole coordinates."""
    most = min(MOST_AXES // len(columns), MOST_LABELS)
    axes = [
        axis
        for each in columns
        for axis in (_of_labels(each, most) if isinstance(each, Labels) else _of_numbers(each))
    ]
    return np.round(STEP * np.stack(axes, axis=1)).astype(np.float32)


def _of_numbers(values: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """Standard deviations from the mean, 0 where missing; and which are."""
    known = np.isfinite(values)
    if known.any():
        seen = values[known]
        spread = seen.std()
        off = np.where(known, values - seen.mean(), 0.0)
        yield np.clip(off / (spread if spread > 0 else 1.0), -FARTHEST, FARTHEST)
    if not known.all():
        yield (~known).astype(float)


def _of_labels(values: Labels, most: int) -> Iterator[NDArray[np.float64]]:
    """Which rows have each label, the rarer ones together."""
    by_rows = np.argsort(-np.bincount(values.codes, minlength=len(values.names)), kind="stable")
    place = np.empty(len(by_rows), dtype=np.int64)
    place[by_rows] = np.minimum(np.arange(len(by_rows)), most - 1)
    codes = place[values.codes]
    for code in range(min(len(by_rows), most)):
        yield (codes == code).astype(float)
