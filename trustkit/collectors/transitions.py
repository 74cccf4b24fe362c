"""The collector of transitions: count what is decided of each row beside what its baseline decided."""

from __future__ import annotations

import numpy as np

from trustkit.collectors.cells import collect_cells
from trustkit.collectors.sources import Sources
from trustkit.evidence import Unavailable
from trustkit.evidence.transitions import Transitions, joint
from trustkit.frames import Labels


def collect_transitions(sources: Sources) -> Transitions:
    """Count the audited rows by group, truth, decision and baseline decision.

    Raises
    ------
    Unavailable
        Where no column of earlier decisions is named, or rows do not count one each.
    """
    data = sources.data
    if data.baseline_prediction is None:
        raise Unavailable(
            "no column holds the baseline's decisions",
            supply="data.baseline_prediction: what the baseline decided of each row",
        )
    if data.weight is not None or data.unit is not None or sources.task == "regression":
        raise Unavailable("only decisions on independent rows without weights are compared row by row")
    decisions = sources.decisions()
    if decisions is None:
        raise Unavailable(
            "there are no decisions to compare with the baseline's",
            supply="data.prediction: the column with the decision, or system.model",
        )
    return Transitions(
        collect_cells(sources, decisions=_joint(sources.labels(data.baseline_prediction), decisions))
    )


def _joint(before: Labels, after: Labels) -> Labels:
    """Both decisions of each row, as one label."""
    names = [joint(old, new) for old in before.names for new in after.names]
    present, codes = np.unique(before.codes * np.int64(len(after.names)) + after.codes, return_inverse=True)
    return Labels(tuple(names[code] for code in present), codes.ravel())
