"""What abstaining from the least confident decisions would bring: risk by coverage."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from trustkit.evidence.tables import Scores, Table
from trustkit.measure.intervals import Floats


def doubted(table: Table, wrong: str) -> Table:
    """Turn a table of right decisions by confidence into one of wrong decisions by doubt, 1 - confidence.

    Parameters
    ----------
    table : Table
        Its scores are confidences.
    wrong : str
        Truth of the decisions that were wrong.
    """
    if table.s is None or table.s2 is None:
        raise ValueError("the table holds no scores")
    return replace(table, s=table.mass - table.s, s2=table.mass - 2 * table.s + table.s2, positive=wrong)


def side_by_side(above: Table, below: Table) -> Table:
    """Return one table of two of the same truths, whose predictions say of which a row is.

    Parameters
    ----------
    above, below : Table
        Of one prediction each; told apart as "above" and "below".
    """

    def both(name: str) -> Any:
        parts = [getattr(above, name), getattr(below, name)]
        return None if parts[0] is None else np.concatenate(parts, axis=2)

    counts = {name: both(name) for name in ("n", "weight", "weight_squared", "s", "s2")}
    return replace(above, predictions=("above", "below"), **counts)


def first_bin(scores: Scores, share: float) -> int:
    """Return the last score bin from which on there is a share of the rows; 0 where there are none."""
    held = np.cumsum(scores.mass[0].sum(axis=0)[::-1])
    if held[-1] == 0:
        return 0
    return len(held) - 1 - int(np.argmax(held >= share * held[-1] * (1 - 1e-12)))


def risk_curve_area(scores: Scores) -> float:
    """AURC: mean error of the most confident rows, over how many of them are decided.

    Rows of one score bin are taken at once, so of equal scores it is the
    error with all of them (Geifman & El-Yaniv 2017). The positive truth is a
    right decision.

    Returns
    -------
    float
        NaN where there is no row.
    """
    wrong, rows = (part[::-1] for part in (scores.mass[0, 0], scores.mass[0].sum(axis=0)))
    filled = rows > 0
    risk: Floats = np.cumsum(wrong[filled]) / np.cumsum(rows[filled])
    return float(np.average(risk, weights=rows[filled])) if filled.any() else float("nan")
