"""The collector of reruns: ask the model the same rows again, in other company and in another process."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trustkit.collectors.asking import Answers
from trustkit.collectors.budget import Budget
from trustkit.collectors.sources import Sources
from trustkit.errors import ModelError
from trustkit.evidence.reruns import MODES, Changes, Reruns
from trustkit.frames import Frame
from trustkit.models.endpoints import Endpoint
from trustkit.models.files import FileModel
from trustkit.models.fresh import predict_afresh
from trustkit.models.objects import predict, resolve

MOST = 2000
"""Rows that are asked again."""

MOST_SINGLE = 100
"""Of them, rows asked one by one, each a call: a change in 3 % of rows is found with 95 % chance."""

ASKED = 6
"""How often rows are asked: once, twice again, reordered, singly, in batches; and by another process."""

CHECK = "safety/reproducibility"

LEAST_SECONDS = 60.0
"""Another process may take so long at least: it has to start, and to import what the model needs."""

TOLERANCE = 1e-9
"""A score, or a predicted number, that moves by less is the same: sums of floats depend on their order."""


def collect_reruns(sources: Sources) -> Reruns:
    """Count the answers that change when the model is asked again.

    Between the calls the global random generators of Python and NumPy are
    moved on, so that a model that draws from them is found; afterwards they
    are as they were.

    Raises
    ------
    Unavailable
        Where there is no model.
    """
    sources.require_model("ask again")
    budget, table = Budget.of(sources, CHECK), _drawn(sources)
    wanted = ASKED * len(table) + MOST_SINGLE
    budget.measure(lambda part: _asked(sources, part, len(part), 0), table, wanted)
    budget.told(sources, "ask again", wanted)
    share = budget.share(wanted)
    table = table.iloc[: max(int(share * len(table)), 1)]
    turned = np.random.default_rng([sources.seed, 1]).permutation(len(table))
    first = _asked(sources, table, len(table), 0)
    again = [_asked(sources, table, len(table), draw) for draw in (1, 2)]
    back = np.argsort(turned)
    reordered = _asked(sources, table.iloc[turned], len(table), 3).at(back)
    few = np.arange(min(max(int(share * MOST_SINGLE), 1), len(table)))
    singly = _asked(sources, table.iloc[few], 1, 4)
    batches = _asked(sources, table, 1000, 5)
    elsewhere, alone = _elsewhere(sources, table, budget)
    changes = (
        _changes(first, *again),
        _changes(first, reordered),
        _changes(first.at(few), singly),
        _changes(first, batches),
        Changes() if elsewhere is None else _changes(first, elsewhere),
    )
    schema = {
        "seed": sources.seed,
        "most": MOST,
        "most_single": MOST_SINGLE,
        "tolerance": TOLERANCE,
        "score": first.number is not None,
    }
    pace = float(f"{budget.pace:.1g}") if share < 1 else 0.0
    return Reruns(schema, sources.frame.rows, dict(zip(MODES, changes, strict=True)), alone, pace)


def _elsewhere(sources: Sources, table: pd.DataFrame, budget: Budget) -> tuple[Answers | None, str]:
    """Answers of another process with another hash seed; or why there are none."""
    wanted = sources.system.config.options.get(CHECK, {}).get("process")
    model, spec = sources.model, _spec(sources)
    is_object = not isinstance(spec, str | os.PathLike)
    if wanted is False:
        return None, f'options."{CHECK}".process is false'
    if isinstance(model, Endpoint):
        return None, "an endpoint answers from processes of its own"
    if is_object and not wanted:
        return None, f'the model is an object in memory; options."{CHECK}".process = true passes it on'
    try:
        if isinstance(model, FileModel):
            return _loaded_anew(sources, table), ""
        said = predict_afresh(
            spec if is_object else os.fspath(spec),
            table,
            folder=sources.system.folder,
            positive=sources.positive,
            seconds=max(budget.seconds, LEAST_SECONDS),
        )
    except ModelError as error:
        return None, str(error)
    sources.model_calls += said.calls
    return Answers(said.labels.text, said.score), ""


def _loaded_anew(sources: Sources, table: pd.DataFrame) -> Answers:
    """Answers of the model's file, loaded once more."""
    owner, options = sources.system.config.system, sources.system.config.options
    with _another_hash_seed():
        anew = resolve(
            _spec(sources),
            folder=sources.system.folder,
            trust=owner.trust,
            allow=options.get("security/artifact", {}).get("allow", {}),
        )
    try:
        return _asked(sources, table, len(table), ASKED, anew)
    finally:
        if isinstance(anew, FileModel):
            anew.close()


def _spec(sources: Sources) -> Any:
    """The model as it was given: an object, a file or ``package.module:object``."""
    given = sources.system.model
    return sources.system.config.system.model if given is None else given


@contextmanager
def _another_hash_seed() -> Iterator[None]:
    """Have a new process begin with another seed of hashes than this one, where that is fixed."""
    mine = os.environ.get("PYTHONHASHSEED")
    try:
        if mine is not None:
            os.environ["PYTHONHASHSEED"] = "2" if mine == "1" else "1"
        yield
    finally:
        if mine is not None:
            os.environ["PYTHONHASHSEED"] = mine


def _drawn(sources: Sources) -> pd.DataFrame:
    """Features of the rows that are asked again, in their order."""
    rows = sources.frame.rows
    table = next(sources.frame.batches(sources.features, rows))
    if rows <= MOST:
        return table
    chosen = np.random.default_rng([sources.seed, 0]).choice(rows, MOST, replace=False)
    return table.iloc[np.sort(chosen)]


def _asked(
    sources: Sources, table: pd.DataFrame, batch: int, draw: int, model: object | None = None
) -> Answers:
    frame = Frame(table, sources.features, [])
    progress = sources.progress
    report = None if progress is None else partial(progress, f"ask again, {draw + 1} of {ASKED}")
    with _moved_on([sources.seed, draw]):
        said = predict(
            sources.model if model is None else model,
            frame,
            sources.features,
            positive=None if batch == 1 else sources.positive,  # each call has a cost of its own
            batch=batch,
            progress=report,
        )
    sources.model_calls += said.calls
    return Answers(said.labels.text, said.score)


@contextmanager
def _moved_on(seed: list[int]) -> Iterator[None]:
    """Set the global generators to a state of their own meanwhile."""
    numpy_state, python_state = np.random.get_state(legacy=False), random.getstate()  # noqa: NPY002
    try:
        np.random.seed(seed)  # noqa: NPY002
        random.seed(repr(seed))
        yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)


def _changes(first: Answers, *others: Answers) -> Changes:
    """Rows whose answer differs from the first in any of the others."""
    decided = np.any([_differ(first.decision, other.decision) for other in others], axis=0)
    score, scored = first.number, np.zeros(len(first.decision), dtype=bool)
    for other in others:
        if score is not None and other.number is not None:
            near = np.abs(score - other.number) <= TOLERANCE
            scored |= ~(near | (np.isnan(score) & np.isnan(other.number)))
    return Changes(len(scored), int(decided.sum()), int(scored.sum()))


def _differ(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.bool_]:
    """Where two decisions differ; predicted numbers, by more than the tolerance."""
    differ = np.asarray(one != other, dtype=bool)
    for row in np.flatnonzero(differ):
        differ[row] = not _near(one[row], other[row])
    return differ


def _near(one: str, other: str) -> bool:
    try:
        a, b = float(one), float(other)
    except ValueError:
        return False
    return abs(a - b) <= TOLERANCE * max(1.0, abs(a))
