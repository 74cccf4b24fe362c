"""Pairing: how far each row moves the figures of two systems that decided the same rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trustkit.evidence import Evidence
from trustkit.evidence.blocks import Block, Ints, dense
from trustkit.evidence.cells import Cells
from trustkit.evidence.transitions import Transitions, decided
from trustkit.judging.docket import Docket, Fault
from trustkit.judging.plan import Plan
from trustkit.measure.changes import Moved, SameRows

MOST_RUNS = 1000
"""Runs of all checks beyond which nothing is paired: there is one for each cell of rows and each system."""

ENOUGH_ROWS = 2**14
"""Fewer rows are copied up to this many before one is added: what it moves is then nearly a derivative."""


def same_rows(evidence: Evidence, plan: Plan) -> SameRows | None:
    """Figures of both systems, with the influence of a row on each; None where nothing is to be paired.

    Every check that reads cells is run on the counts as they are, then with
    one more row in each cell in turn: the difference is the influence function
    of its figures (Hampel 1974), whatever they are.

    Parameters
    ----------
    evidence : Evidence
        With transitions, or nothing is paired.
    plan : Plan
        The checks and their options.
    """
    transitions: Transitions | None = evidence.kinds.get("transitions")
    if transitions is None:
        return None
    audited, baseline = transitions.of("audited"), transitions.of("baseline")
    names, block = list(transitions.cells.labels), transitions.cells.block
    axis = names.index("prediction")
    people, place = np.unique(np.delete(block.codes, axis, axis=1), axis=0, return_inverse=True)
    shape = (len(people), len(baseline.labels["prediction"]), len(audited.labels["prediction"]))
    if shape[0] * (shape[1] + shape[2]) > MOST_RUNS:
        return None
    labels = [transitions.cells.labels["prediction"][code] for code in block.codes[:, axis]]
    before = [baseline.labels["prediction"].index(decided(label, "baseline")) for label in labels]
    after = [audited.labels["prediction"].index(decided(label, "audited")) for label in labels]
    rows = dense(block.sums["n"], (place.ravel(), np.array(before), np.array(after)), shape)
    return SameRows(rows, _moved(audited, people, axis, plan, 1), _moved(baseline, people, axis, plan, 2))


def _moved(cells: Cells, people: Ints, axis: int, plan: Plan, other: int) -> dict[str, Moved]:
    """Figures, and how far a row of such people and decision moves them; `other` is the other's axis."""
    block, decisions = cells.block, range(len(cells.labels["prediction"]))
    times = 1 + ENOUGH_ROWS // max(cells.rows, 1)
    copies = Block(block.codes, {"n": block.sums["n"] * times})
    start = _figures(replace(cells, block=copies), plan)
    influence = {id: np.zeros((len(people), len(decisions))) for id in start}
    for i, codes in enumerate(people):
        for decision in decisions:
            one = Block(np.insert(codes, axis, decision)[None], {"n": np.ones(1, dtype=np.int64)})
            more = _figures(replace(cells, block=copies + one), plan)
            for id, value in start.items():
                influence[id][i, decision] = (more.get(id, np.nan) - value) * times
    return {
        id: Moved(value, np.expand_dims(influence[id], other))
        for id, value in _figures(cells, plan).items()
        if id in influence
    }


def _figures(cells: Cells, plan: Plan) -> dict[str, float]:
    """Every figure that the checks read off cells, by the id of its finding."""
    lines = Docket(Evidence({}, {"cells": cells}, {}), plan).lines
    return {id: line.estimate.value for id, line in lines.items() if not isinstance(line, Fault)}
