"""Pairing: how far each row moves the figures of two systems that decided the same rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trustkit.evidence import Evidence
from trustkit.evidence.blocks import WEIGHT_ONE, Block, Ints, dense
from trustkit.evidence.buckets import Buckets, same_people
from trustkit.evidence.cells import Cells
from trustkit.judging.docket import Docket, Fault
from trustkit.judging.plan import Plan
from trustkit.measure.changes import Moved, SameRows
from trustkit.measure.intervals import Floats

MOST_RUNS = 1000
"""Runs of all checks beyond which nothing is paired: there is one for each cell of rows and each system."""

ENOUGH_ROWS = 2**14
"""Fewer rows are copied up to this many before one is added: what it moves is then nearly a derivative."""


def same_rows(evidence: Evidence, baseline: Evidence | None, plan: Plan) -> SameRows | None:
    """Figures of two systems on the same rows; None where nothing is to be paired.

    Every check that reads cells is run on the counts as they are, then with
    one more row in each cell in turn: the difference is the influence function
    of its figures (Hampel 1974), whatever they are.

    Parameters
    ----------
    evidence : Evidence
        With buckets, or nothing is paired.
    baseline : Evidence, optional
        The baseline's. By default the decisions of the baseline are a column
        of the data that `evidence` counts.
    plan : Plan
        The checks and their options.
    """
    mine: Buckets | None = evidence.kinds.get("buckets")
    theirs: Buckets | None = mine if baseline is None else baseline.kinds.get("buckets")
    if mine is None or theirs is None:
        return None
    audited, before = mine.audited, theirs.baseline if baseline is None else theirs.audited
    if before is None or not same_people(audited, before):
        return None
    people: Ints = np.unique(_without_decision(audited, audited.block.codes), axis=0)
    if len(people) * sum(len(cells.labels["prediction"]) for cells in (audited, before)) > MOST_RUNS:
        return None
    clustered = bool(audited.schema["unit"])
    return SameRows(_moved(audited, people, plan), _moved(before, people, plan), clustered)


def _moved(cells: Cells, people: Ints, plan: Plan) -> dict[str, Moved]:
    """Figures, what a row of each people and decision moves them, and what those of each bucket do."""
    axis, decisions = _decision(cells), len(cells.labels["prediction"])
    block, single = cells.block, replace(cells, unit_block=None)
    times = 1 + ENOUGH_ROWS // max(cells.rows, 1)
    copies = Block(block.codes, {name: values * times for name, values in block.sums.items()})
    one = {name: max(int(values.sum()) // max(cells.rows, 1), 1) for name, values in block.sums.items()}
    step = one["w"] / WEIGHT_ONE if "w" in one else 1.0
    start = _figures(replace(single, block=copies), plan)
    influence = {id: np.zeros((len(people), decisions)) for id in start}
    for i, codes in enumerate(people):
        for decision in range(decisions):
            row = Block(
                np.insert(codes, axis, decision)[None], {name: np.array([n]) for name, n in one.items()}
            )
            more = _figures(replace(single, block=copies + row), plan)
            for id, value in start.items():
                influence[id][i, decision] = (more.get(id, np.nan) - value) * times / step
    mass = _by_bucket(cells, people)
    return {
        id: Moved(value, influence[id] * step, np.tensordot(mass, influence[id], axes=2))
        for id, value in _figures(single, plan).items()
        if id in influence
    }


def _by_bucket(cells: Cells, people: Ints) -> Floats:
    """Rows, or their weight, of each bucket that has some, by people and decision."""
    block = cells.unit_block
    assert block is not None  # noqa: S101 (asked by `same_people`)
    filled, bucket = np.unique(block.codes[:, -1], return_inverse=True)
    place = np.unique(_without_decision(cells, block.codes[:, :-1]), axis=0, return_inverse=True)[1]
    name, unit = ("w", WEIGHT_ONE) if "w" in block.sums else ("n", 1)
    shape = (len(filled), len(people), len(cells.labels["prediction"]))
    where = (bucket.ravel(), place.ravel(), block.codes[:, _decision(cells)])
    return np.asarray(dense(block.sums[name], where, shape) / unit)


def _figures(cells: Cells, plan: Plan) -> dict[str, float]:
    """Every figure that the checks read off cells, by the id of its finding."""
    lines = Docket(Evidence({}, {"cells": cells}, {}), plan).lines
    return {id: line.estimate.value for id, line in lines.items() if not isinstance(line, Fault)}


def _decision(cells: Cells) -> int:
    return list(cells.labels).index("prediction")


def _without_decision(cells: Cells, codes: Ints) -> Ints:
    return np.delete(codes, _decision(cells), axis=1)
