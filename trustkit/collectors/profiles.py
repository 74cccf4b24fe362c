"""The collector of profiles: count the rows and the missing values of each input, by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from trustkit.collectors.sources import Sources
from trustkit.errors import ConfigError, Problem
from trustkit.evidence.profiles import Groups, Profile, Profiles
from trustkit.frames import Frame, FrameError, Labels, bin_names


def collect_profiles(sources: Sources) -> Profiles:
    """Count the audited rows, and the training rows where there are some.

    Raises
    ------
    ConfigError
        For a column of the training rows that is to be cut by bins and holds no numbers.
    """
    names = tuple(sources.input_names)
    groups = {name: sources.groups(name) for name in sources.data.sensitive}
    return profiles_of(sources, _profile(sources.inputs, names, groups))


def profiles_of(sources: Sources, audit: Profile) -> Profiles:
    """Profiles of audited rows that were counted, and of the training rows."""
    data, names = sources.data, tuple(sources.input_names)
    declared = {
        "attributes": list(data.sensitive),
        "bins": {name: list(bin_names(edges)) for name, edges in data.bins.items() if name in data.sensitive},
        "columns": list(names),
    }
    # the rows of one person may lie in several parts, so no part knows how much they tell
    size = None if data.unit is not None else float(audit.rows)
    return Profiles(declared, _sized(audit, size), _train(sources, names))


def _train(sources: Sources, names: Sequence[str]) -> Profile | None:
    frame, data = sources.train, sources.data
    if frame is None:
        return None
    there = tuple(name for name in names if name in frame.columns)
    groups = {name: _groups(sources, frame, name) for name in data.sensitive if name in frame.columns}
    profile = _profile(frame, there, groups)
    return _sized(profile, _size(frame, data.unit))


def _groups(sources: Sources, frame: Frame, name: str) -> Labels:
    edges = sources.data.bins.get(name)
    try:
        return frame.labels(name) if edges is None else frame.binned(name, edges)
    except FrameError as error:
        raise ConfigError([Problem("data.train", str(error))]) from None


def _size(frame: Frame, unit: str | None) -> float | None:
    """Effective rows (Kish 1965): a group that a unit belongs to is the same in all its rows."""
    if unit is None:
        return float(frame.rows)
    if unit not in frame.columns:
        return None
    rows = np.bincount(frame.labels(unit).codes).astype(float)
    return float(frame.rows**2 / (rows**2).sum())


def _profile(frame: Frame, columns: tuple[str, ...], groups: Mapping[str, Labels]) -> Profile:
    rows = {name: np.bincount(of.codes, minlength=len(of.names)) for name, of in groups.items()}
    by_group = {name: np.zeros((len(of.names), len(columns)), dtype=np.int64) for name, of in groups.items()}
    total = np.zeros(len(columns), dtype=np.int64)
    for place, column in enumerate(columns):
        missing = np.flatnonzero(frame.missing(column))
        total[place] = len(missing)
        if len(missing):
            for name, of in groups.items():
                by_group[name][:, place] = np.bincount(of.codes[missing], minlength=len(of.names))
    made = {name: Groups(of.names, rows[name], by_group[name]) for name, of in groups.items()}
    return Profile(columns, frame.rows, total, made)


def _sized(profile: Profile, size: float | None) -> Profile:
    return Profile(profile.columns, profile.rows, profile.missing, profile.groups, size)
