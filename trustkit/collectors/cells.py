"""The collector of cells: code the columns by role, then count."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from trustkit.collectors.sources import STRATA_KEY, Sources
from trustkit.errors import ConfigError, Problem, nearest
from trustkit.evidence.cells import BUCKETS, Axis, Cells
from trustkit.evidence.tables import MISSING
from trustkit.frames import Labels, bin_names

MOST_LABELS = 100_000
MOST_STRATA = 200
FEWEST_A_GROUP = 5
"""An attribute with more than 50 labels and fewer rows a label than this names people, not groups."""


def collect_cells(sources: Sources, *, decisions: Labels | None = None) -> Cells:
    """Count the audited rows by group, truth, decision and score.

    Where `decisions` are given they are counted in place of the system's, without a score
    and by bucket: that of the unit, or the row's place modulo 256.

    Raises
    ------
    ConfigError
        For a weight that is missing, negative or infinite, or an attribute
        with more groups than could be counted.
    """
    data = sources.data
    nothing: Axis = ((MISSING,), np.zeros(sources.frame.rows, dtype=np.int8))
    groups = group_labels(sources)
    if sources.parent is None:  # of a part, a group that is named may be in the others
        check_options(sources.system.config.options, {name: of.names for name, of in groups.items()})
    strata = [name for name in sources.strata if name not in groups]
    regression = sources.task == "regression"
    by_place = decisions is not None and data.unit is None
    score, faults = _score(sources) if decisions is None else (None, {})
    if decisions is None and not regression:
        decisions = sources.decisions()
    truth = None if regression else sources.truth()
    axes: dict[str, Axis] = {name: (labels.names, labels.codes) for name, labels in groups.items()}
    axes |= {name: (labels.names, labels.codes) for name, labels in _strata(sources, strata)}
    axes["truth"] = nothing if truth is None else (truth.names, truth.codes)
    axes["prediction"] = nothing if decisions is None else (decisions.names, decisions.codes)
    schema = cells_schema(
        sources, truth=truth is not None, prediction=decisions is not None, score=score is not None
    )
    try:
        return Cells.count(
            schema,
            axes,
            score=score,
            weight=row_weights(sources),
            bucket=np.arange(sources.frame.rows) % BUCKETS if by_place else unit_buckets(sources, schema),
            faults=faults,
        )
    except OverflowError as error:
        raise ConfigError([Problem("data.weight", str(error))]) from None


def cells_schema(sources: Sources, *, truth: bool, prediction: bool, score: bool) -> dict[str, Any]:
    """What is declared before the rows are seen, and what there is to be counted."""
    data = sources.data
    bins = {name: list(bin_names(edges)) for name, edges in data.bins.items() if name in data.sensitive}
    return {
        "task": sources.task,
        "attributes": list(data.sensitive),
        "bins": bins,
        "strata": list(sources.strata),
        "positive": sources.positive,
        "favorable": list(sources.favorable),
        "truth": truth,
        "prediction": prediction,
        "score": score,
        "weight": data.weight is not None,
        "unit": data.unit is not None,
    }


def group_labels(sources: Sources) -> dict[str, Labels]:
    """Coded sensitive attributes.

    Raises
    ------
    ConfigError
        For one with more labels than there could be groups.
    """
    groups = {name: sources.groups(name) for name in sources.data.sensitive}
    check_groups(groups, sources.rows)
    return groups


def check_groups(groups: Mapping[str, Labels], rows: int) -> None:
    """Make sure that each attribute has so few labels that they may be groups."""
    for name, labels in groups.items():
        if len(labels.names) > min(MOST_LABELS, max(50, rows / FEWEST_A_GROUP)):
            found = f"{name!r} has {len(labels.names):,} distinct values: not groups; declare bins or drop it"
            raise ConfigError([Problem("data.sensitive", found)])


def check_options(options: Mapping[str, Any], groups: Mapping[str, Sequence[str]]) -> None:
    """Make sure that each reference group and each attribute that an option names is there."""
    problems = []
    for check, of in options.items():
        named = of.get("reference")
        for name, label in named.items() if isinstance(named, Mapping) else ():
            key = f'options."{check}".reference'
            if name not in groups:
                problems.append(Problem(key, f"{name!r} is not among data.sensitive", nearest(name, groups)))
            elif label not in groups[name]:
                found = f"there is no group {label!r} of {name!r}"
                problems.append(Problem(key, found, nearest(str(label), groups[name])))
    key = 'options."bias/impact-ratio".attributes'
    attributes = options.get("bias/impact-ratio", {}).get("attributes")
    problems += [
        Problem(key, f"{name!r} is not among data.sensitive", nearest(str(name), groups))
        for name in (attributes.values() if isinstance(attributes, Mapping) else ())
        if name not in groups
    ]
    if problems:
        raise ConfigError(problems)


def _strata(sources: Sources, names: list[str]) -> Iterator[tuple[str, Labels]]:
    """Coded columns of strata that are no sensitive attributes."""
    for name in names:
        labels = sources.labels(name)
        check_stratum(name, labels.names)
        yield name, labels


def check_stratum(name: str, labels: Sequence[str]) -> None:
    """Make sure that a column has so few labels that groups may be compared within each."""
    if len(labels) > MOST_STRATA:
        found = f"{name!r} has {len(labels):,} distinct values, and {MOST_STRATA} are the most"
        raise ConfigError([Problem(STRATA_KEY, found)])


def _score(sources: Sources) -> tuple[Any, dict[str, str]]:
    """Scores, and the fault where some are no probabilities: then none is used."""
    score = sources.score()
    if score is None:
        return None, {}
    outside = int(((score < 0) | (score > 1)).sum())
    if outside:
        percent = float(np.nanmin(score)) >= 0 and 1 < float(np.nanmax(score)) <= 100
        return np.full(len(score), np.nan), {"score": outside_range(outside, len(score), percent=percent)}
    return score, {}


def outside_range(outside: int, rows: int, *, percent: bool) -> str:
    """Say how many scores are no probabilities."""
    hint = ": are they percentages? divide by 100" if percent else ""
    return f"{outside} of {rows} scores lie outside [0, 1]{hint}"


def row_weights(sources: Sources) -> Any:
    """Weight of each row, or None.

    Raises
    ------
    ConfigError
        For weights that are missing, negative or infinite.
    """
    if sources.data.weight is None:
        return None
    weight = sources.numbers("weight")
    wrong = int((~np.isfinite(weight) | (weight < 0)).sum())
    if wrong:
        found = f"{wrong} rows of {sources.data.weight!r} are missing, negative or infinite"
        raise ConfigError([Problem("data.weight", found)])
    if sources.parent is None and not weight.any():
        raise no_weight(sources.data.weight)
    return weight


def no_weight(column: str | None) -> ConfigError:
    """Say that no row has a weight."""
    return ConfigError([Problem("data.weight", f"every value of {column!r} is 0")])


def unit_buckets(sources: Sources, schema: dict[str, Any]) -> Any:
    """Keyed-hash bucket of each row's unit; a missing unit is a unit of its own kind."""
    if sources.data.unit is None:
        return None
    return buckets_of(sources.frame.labels(sources.data.unit), schema)


def buckets_of(units: Labels, schema: dict[str, Any]) -> Any:
    """Bucket of each unit, by a hash whose key is the schema."""
    key = hashlib.sha256(json.dumps(schema, sort_keys=True).encode()).hexdigest()[:16]
    hashed = pd.util.hash_array(np.array(units.names, dtype=object), hash_key=key) % BUCKETS
    return hashed.astype(np.int64)[units.codes]
