"""Each input alone: how well it ranks the rows of a class among all others."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from trustkit.collectors.columns import Column
from trustkit.collectors.sources import Sources
from trustkit.evidence.blocks import Block, Ints
from trustkit.evidence.score_bins import SCORE_BINS, score_bins
from trustkit.evidence.tables import MISSING
from trustkit.frames import FrameError

MOST_CLASSES = 20
"""Of more classes the largest are told."""

SMOOTHING = 5
"""Rows of everybody's mix that are added to each level."""

Floats = NDArray[np.float64]


def told_by_singles(sources: Sources, rows: NDArray[np.intp]) -> tuple[tuple[str, ...], Block]:
    """Return the classes of the outcome, and histograms of the ranks that each input gives to their rows.

    Half of the rows is learned from and the other half ranked, then the halves
    change places. Nothing is told where there is no target.

    Returns
    -------
    classes : tuple of str
        Labels; of two classes one is told, of a number whether it is above its median.
    block : Block
        Axes: class, input, 1 for rows of the class and 0 for the others, bin of the rank.
    """
    parts = [Block(np.zeros((0, 4), dtype=np.int64), {"n": np.zeros(0, dtype=np.int64)})]
    if sources.data.target is None:
        return (), parts[0]
    names, codes = _outcome(sources, rows)
    rows, codes = rows[codes >= 0], codes[codes >= 0]
    half = np.arange(len(rows)) % 2
    frame = sources.inputs.at(rows)
    for place, name in enumerate(sources.input_names):
        with suppress(FrameError):  # lists, say
            column = Column.read(frame, name)
            for label in range(len(names)):
                ranked = _ranked(column, codes == label, half)
                parts.append(ranked.shifted(0, by=label).shifted(1, by=place))
    codes = np.concatenate([part.codes for part in parts])
    return names, Block(codes, {"n": np.concatenate([part.sums["n"] for part in parts])}).summed()


def _outcome(sources: Sources, rows: NDArray[np.intp]) -> tuple[tuple[str, ...], Ints]:
    """Classes that are told, and the place of each row's: -1 where unknown, after the last where another."""
    if sources.task == "regression":
        numbers = sources.numbers("target")[rows]
        codes = np.where(numbers > np.nanmedian(numbers), 0, 1)
        return ("above its median",), np.where(np.isnan(numbers), -1, codes)
    truth = sources.labels(str(sources.data.target))
    count = np.bincount(truth.codes, minlength=len(truth.names))
    large = [truth.names[i] for i in np.argsort(-count, kind="stable") if truth.names[i] != MISSING]
    told = large[:MOST_CLASSES]
    if len(large) == 2:
        told = [sources.positive if sources.positive in large else large[-1]]
    place = {name: i for i, name in enumerate(told)} | {MISSING: -1}
    codes = np.array([place.get(name, len(told)) for name in truth.names])[truth.codes[rows]]
    return tuple(told), codes


def _ranked(column: Column, is_member: NDArray[np.bool_], half: Ints) -> Block:
    """Histogram of the ranks of rows in their half, others (0) and members (1)."""
    histogram = np.zeros((2, SCORE_BINS), dtype=np.int64)
    for told in (0, 1):
        code, score = _learned(column, is_member, half != told)
        counted = _counted(code, is_member, half == told, len(score))
        order, value = np.unique(score, return_inverse=True)
        rows = np.bincount(value, weights=counted.sum(axis=0), minlength=len(order))
        rank = (np.cumsum(rows) - rows / 2) / max(rows.sum(), 1.0)
        bins = score_bins(rank)[value]
        for member in (0, 1):
            np.add.at(histogram[member], bins, counted[member])
    filled = np.nonzero(histogram)
    codes = np.zeros((len(filled[0]), 4), dtype=np.int64)
    codes[:, 2:] = np.stack(filled, axis=1)
    return Block(codes, {"n": histogram[filled]})


def _learned(column: Column, is_member: NDArray[np.bool_], rows: NDArray[np.bool_]) -> tuple[Ints, Floats]:
    """Code of each row and score of each code: of values in their order, or of levels by their members.

    Levels fit the rows that they are learned from the better the fewer there
    are: they are taken where they tell more by 1 / root of the rarer side's rows.
    """
    learned = _counted(column.level, is_member, rows, int(column.level.max(initial=0)) + 1)
    mean = learned[1].sum() / max(learned.sum(), 1)
    share = (learned[1] + SMOOTHING * mean) / (learned.sum(axis=0) + SMOOTHING)
    if column.place is not None:
        code = np.where(np.isnan(column.place), -1, column.place).astype(np.int64) + 1  # missing below all
        in_order = _area(_counted(code, is_member, rows, int(code.max(initial=0)) + 1))
        by_level = _area(learned[:, np.argsort(share, kind="stable")])
        if max(in_order, 1 - in_order) >= by_level - 1 / np.sqrt(max(learned.sum(axis=1).min(), 1)):
            score = np.arange(code.max(initial=0) + 1, dtype=np.float64)
            return code, score if in_order >= 0.5 else -score
    return column.level, share


def _counted(code: Ints, is_member: NDArray[np.bool_], rows: NDArray[np.bool_], codes: int) -> Ints:
    """Rows of each code, others and members; shape (2, codes)."""
    key = is_member[rows] * codes + code[rows]
    return np.bincount(key, minlength=2 * codes).reshape(2, codes).astype(np.int64)


def _area(counted: Ints) -> float:
    """Area under the ROC curve of codes in increasing order; 0.5 where a class is absent."""
    others, members = counted
    pairs = others.sum() * members.sum()
    return float(members @ (np.cumsum(others) - others / 2) / pairs) if pairs else 0.5
