"""The collector of inferences: guess a sensitive input of rows, with and without asking the model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.collectors.memberships import Attack, Pool, drawn_pool, guessed
from trustkit.collectors.sources import Sources
from trustkit.evidence import Unavailable
from trustkit.evidence.inferences import BOTH, NEITHER, WITH_MODEL, WITHOUT, Guesses, Inferences
from trustkit.evidence.tables import MISSING
from trustkit.frames import Labels

MOST, MOST_GROUPS = 1000, 10
"""Rows of train, and of audit, of which a value is guessed; and values, the commonest, that it may be."""

_SMALLEST = 1e-3
"""Added to a chance before its logarithm is taken."""

Floats = NDArray[np.float64]


def collect_inferences(sources: Sources) -> Inferences:
    """Guess each sensitive input of rows of train and of audit, from all else that is known of them.

    Without the model the guess is that of boosted trees, which learned the
    column from the other inputs and the truth, of other rows. With it, the
    chance of each value is multiplied by the chance that the model gives to
    the truth of the row when it has that value.

    Raises
    ------
    Unavailable
        Where there is no model, no sensitive input, or no rows of train.
    """
    sources.require_model()
    columns = [name for name in sources.data.sensitive if name in sources.features]
    if not columns:
        raise Unavailable("no sensitive column is an input of the model")
    pool = drawn_pool(sources, MOST)
    guesses = {}
    for number, name in enumerate(columns, 1):
        guesses[name] = _guesses(sources, pool, name)
        if sources.progress is not None:
            sources.progress("guess sensitive inputs", number, len(columns))
    schema = {
        "columns": columns,
        "most": MOST,
        "groups": MOST_GROUPS,
        "seed": sources.seed,
        "score": Attack(sources, pool).has_score,
    }
    return Inferences(schema, guesses)


def _guesses(sources: Sources, pool: Pool, name: str) -> Guesses:
    """Count the right guesses of one column among the rows that have one of its commonest values."""
    edges = sources.data.bins.get(name)
    labels = pool.frame.labels(name) if edges is None else pool.frame.binned(name, edges)
    kept = _commonest(labels)
    place = np.full(len(labels.names), -1)
    place[kept] = np.arange(len(kept))
    group = place[labels.codes]
    if len(kept) < 2:
        return Guesses()
    known = group >= 0
    mine, group = pool.at(known), group[known]
    others = [each for each in (*sources.features, str(sources.data.target)) if each != name]
    blind = np.log(guessed(mine, others, group, sources.seed)[0] + _SMALLEST)
    likely = np.column_stack(
        [_truth_with(sources, mine, name, _value_of(mine, name, group == i)) for i in range(len(kept))]
    )
    if sources.task == "regression":
        own = likely[np.arange(len(group)), group]
        scale = max(-float(np.mean(own[~mine.member])) if (~mine.member).any() else 1.0, 1e-12)
        told = blind + likely / scale
    else:
        told = blind + np.log(likely + _SMALLEST)
    right = [np.argmax(each, axis=1) == group for each in (told, blind)]
    which = np.select([right[0] & right[1], right[0], right[1]], [BOTH, WITH_MODEL, WITHOUT], NEITHER)
    counts = [np.bincount(which[side], minlength=4).tolist() for side in (mine.member, ~mine.member)]
    return Guesses(tuple(counts[0]), tuple(counts[1]))


def _commonest(labels: Labels) -> NDArray[np.intp]:
    rows = np.bincount(labels.codes, minlength=len(labels.names))
    order = [i for i in np.argsort(-rows, kind="stable").tolist() if labels.names[i] != MISSING]
    return np.sort(np.array(order[:MOST_GROUPS], dtype=np.intp))


def _value_of(pool: Pool, name: str, rows: NDArray[np.bool_]) -> Any:
    """The commonest value of a group, as the data have it."""
    return pool.table[name][rows].value_counts().index[0]


def _truth_with(sources: Sources, pool: Pool, name: str, value: Any) -> Floats:
    """How well the model fits the truth of each row, had it this value."""
    changed = pool.table.assign(**{name: np.full(len(pool.table), value)})
    changed[name] = changed[name].astype(pool.table[name].dtype)
    return Attack(sources, replace(pool, table=changed)).fits(sources.model)
