"""The collector of the population: read the declared shares, and hold them against the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from trustkit.collectors.sources import Sources
from trustkit.errors import ConfigError, Problem, nearest
from trustkit.evidence import Unavailable
from trustkit.evidence.population import Population
from trustkit.evidence.tables import MISSING
from trustkit.frames import Frame, FrameError, bin_names
from trustkit.system import System

KEY = "data.population"
COLUMNS = ("attribute", "group", "share")
TOLERANCE = 0.01
"""How far from 1 the shares of an attribute may sum, each being rounded."""

Shares = dict[str, dict[str, float]]


def collect_population(sources: Sources) -> Population:
    """Read the shares of the population.

    Raises
    ------
    Unavailable
        Where no population is declared.
    ConfigError
        For what `population_problems` finds, and for a group of the data that has no share.
    """
    if sources.population is None:
        raise Unavailable("no population is declared", supply=f"{KEY}: a table of attribute, group and share")
    shares, problems = _read(sources.system, sources.population)
    problems += [
        problem for name in shares for problem in _absent(name, sources.groups(name).names, shares[name])
    ]
    if problems:
        raise ConfigError(problems)
    return Population({name: _summing_to_one(groups) for name, groups in shares.items()})


def population_problems(system: System) -> list[Problem]:
    """What is wrong with the table of the population, as far as it can be told without the data."""
    source = system.source("population")
    if source is None or any(problem.key == KEY for problem in system.config.missing_files()):
        return []
    try:
        return _read(system, Frame.open(source, key=KEY, folder=system.folder))[1]
    except ConfigError as error:
        return error.problems


def _read(system: System, frame: Frame) -> tuple[Shares, list[Problem]]:
    """Shares by attribute and group, and what is wrong with them."""
    lacking = [
        Problem(KEY, f"there is no column {name!r}", nearest(name, frame.columns))
        for name in COLUMNS
        if name not in frame.columns
    ]
    if lacking:
        return {}, lacking
    try:
        attributes, groups = (frame.labels(name) for name in COLUMNS[:2])
        numbers = frame.numbers("share")
    except FrameError as error:
        return {}, [Problem(KEY, str(error))]
    shares: Shares = {}
    problems = []
    for attribute, group, share in zip(attributes.codes, groups.codes, numbers, strict=True):
        name, label = attributes.names[attribute], groups.names[group]
        mine = shares.setdefault(name, {})
        if label in mine:
            problems.append(Problem(KEY, f"{label!r} of {name!r} occurs twice"))
        mine[label] = float(share)
    for name, mine in shares.items():
        problems += _wrong(system.config.data, name, mine)
    return shares, problems


def _wrong(data: Any, name: str, shares: Mapping[str, float]) -> Iterator[Problem]:
    """What is wrong with the shares of one attribute."""
    if name not in data.sensitive:
        yield Problem(KEY, f"{name!r} is not among data.sensitive", nearest(name, data.sensitive))
        return
    bins = bin_names(data.bins[name]) if name in data.bins else None
    for label, share in shares.items():
        what = f"{label!r} of {name!r}"
        if label == MISSING:
            yield Problem(KEY, f"a row of {name!r} names no group")
        elif bins is not None and label not in bins:
            yield Problem(KEY, f"{what} is none of the bins {', '.join(bins)}", nearest(label, bins))
        if not np.isfinite(share):
            yield Problem(KEY, f"{what} has no share")
        elif share < 0:
            yield Problem(KEY, f"{what} has the negative share {share:g}")
    total = sum(shares.values())
    if np.isfinite(total) and abs(total - 1) > TOLERANCE and min(shares.values()) >= 0:
        hint = ": are they percentages? divide by 100" if abs(total - 100) <= 100 * TOLERANCE else ""
        yield Problem(KEY, f"the shares of {name!r} sum to {total:g}, not 1{hint}")


def _absent(name: str, labels: tuple[str, ...], shares: Mapping[str, float]) -> Iterator[Problem]:
    """Groups of the data that have no share: likely spelled otherwise."""
    for label in labels:
        if label != MISSING and label not in shares:
            found = f"{label!r} of {name!r} occurs in the data and has no share; 0 leaves its rows out"
            yield Problem(KEY, found, nearest(label, [other for other in shares if other not in labels]))


def _summing_to_one(shares: Mapping[str, float]) -> dict[str, float]:
    total = sum(shares.values())
    return {label: share / total for label, share in shares.items()}
