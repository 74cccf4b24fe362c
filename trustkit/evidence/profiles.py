"""Profiles: rows of the audited and the training table, and what is missing in them, by group."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from trustkit.evidence.blocks import Ints
from trustkit.evidence.cells import ordered
from trustkit.evidence.tables import OTHER


@dataclass(frozen=True)
class Groups:
    """Rows and missing values of the groups of one attribute.

    Attributes
    ----------
    labels : tuple of str
        The groups that occur.
    rows : array of int, shape (groups,)
        Their rows.
    missing : array of int, shape (groups, columns)
        Of them, those without a value.
    """

    labels: tuple[str, ...]
    rows: Ints
    missing: Ints

    def added(self, other: Groups, declared: Sequence[str]) -> Groups:
        """Sum with the groups of another part; labels stand as `ordered` by what is declared."""
        labels = ordered({*self.labels, *other.labels}, declared)
        rows = np.zeros(len(labels), dtype=np.int64)
        missing = np.zeros((len(labels), self.missing.shape[1]), dtype=np.int64)
        for part in (self, other):
            places = [labels.index(label) for label in part.labels]
            rows[places] += part.rows
            missing[places] += part.missing
        return Groups(labels, rows, missing)

    def pooled(self, min_cell: int, declared: Sequence[str]) -> Groups:
        """Groups of few rows moved to (other), and that left out where it has few itself."""
        few = np.flatnonzero(self.rows < min_cell).tolist()
        kept = np.flatnonzero(self.rows >= min_cell).tolist()
        made = Groups(tuple(self.labels[i] for i in kept), self.rows[kept], self.missing[kept])
        if self.rows[few].sum() >= min_cell:
            other = Groups((OTHER,), self.rows[few].sum()[None], self.missing[few].sum(axis=0)[None])
            made = made.added(other, declared)
        return replace(made, missing=_rounded(made.missing, made.rows[:, None], min_cell))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"labels": list(self.labels), "rows": self.rows.tolist(), "missing": self.missing.tolist()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], columns: int) -> Self:
        """Read what `to_json` wrote of so many columns."""
        missing = np.array(data["missing"], dtype=np.int64).reshape(len(data["labels"]), columns)
        return cls(tuple(data["labels"]), np.array(data["rows"], dtype=np.int64), missing)


@dataclass(frozen=True)
class Profile:
    """One table.

    Attributes
    ----------
    columns : tuple of str
        The inputs that it has.
    rows : int
        Its rows.
    missing : array of int, shape (columns,)
        Of them, those without a value.
    groups : mapping of str to Groups
        The same by group, for each sensitive attribute that it has.
    size : float or None
        Rows that would tell as much if they were independent; None where that is not known.
    """

    columns: tuple[str, ...]
    rows: int
    missing: Ints
    groups: Mapping[str, Groups]
    size: float | None = None

    def added(self, other: Profile, bins: Mapping[str, Sequence[str]]) -> Profile:
        """Sum with the profile of another part of the table."""
        groups = {name: of.added(other.groups[name], bins.get(name, ())) for name, of in self.groups.items()}
        size = None if self.size is None or other.size is None else self.size + other.size
        return Profile(self.columns, self.rows + other.rows, self.missing + other.missing, groups, size)

    def pooled(self, min_cell: int, bins: Mapping[str, Sequence[str]]) -> Profile:
        """Small groups pooled, and counts of few rows rounded to none."""
        groups = {name: of.pooled(min_cell, bins.get(name, ())) for name, of in self.groups.items()}
        return replace(self, missing=_rounded(self.missing, np.array(self.rows), min_cell), groups=groups)

    def to_json(self) -> dict[str, Any]:
        """Plain data: numbers and text."""
        return {
            "columns": list(self.columns),
            "rows": self.rows,
            "missing": self.missing.tolist(),
            "groups": {name: of.to_json() for name, of in self.groups.items()},
            "size": self.size,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        columns = tuple(data["columns"])
        groups = {name: Groups.from_json(of, len(columns)) for name, of in data["groups"].items()}
        missing = np.array(data["missing"], dtype=np.int64)
        return cls(columns, data["rows"], missing, groups, data["size"])


@dataclass(frozen=True)
class Profiles:
    """Profiles of the audited rows, which add, and of the training rows, which are given once.

    Attributes
    ----------
    declared : mapping
        What was declared before the data was seen: ``attributes``, ``bins``
        (the labels of binned attributes, in order) and ``columns``, the inputs.
    audit : Profile
        Of the audited rows.
    train : Profile or None
        Of the training rows, where there are some: the same in every part that is added.
    pooled : bool
        Whether small groups were pooled, to be shared.
    """

    declared: Mapping[str, Any]
    audit: Profile
    train: Profile | None = None
    pooled: bool = False

    kind: ClassVar[str] = "profiles"

    @property
    def schema(self) -> Mapping[str, Any]:
        """What was declared, and a digest of the training rows' profile."""
        train = None if self.train is None else _digest(self.train.to_json())
        return {**self.declared, "train": train}

    def __add__(self, other: Profiles) -> Profiles:
        if self.pooled or other.pooled:
            raise ValueError("profiles made to be shared are pooled and do not add")
        if self.schema != other.schema:
            raise ValueError("profiles of different schemas do not add")
        return replace(self, audit=self.audit.added(other.audit, self.declared["bins"]))

    def without_small_cells(self, min_cell: int) -> Self:
        """Return profiles to share: no group and no count of missing values stands for few rows."""
        bins = self.declared["bins"]
        audit = self.audit.pooled(min_cell, bins)
        train = None if self.train is None else self.train.pooled(min_cell, bins)
        return replace(self, audit=audit, train=train, pooled=True)

    def notes(self) -> list[str]:
        """Say what was pooled, in words for the card."""
        if not self.pooled:
            return []
        return ["made to be shared: small groups are pooled into (other), few missing values count as none"]

    def to_json(self) -> dict[str, Any]:
        """Plain data: numbers and text."""
        return {
            "declared": dict(self.declared),
            "audit": self.audit.to_json(),
            "train": self.train and self.train.to_json(),
            "pooled": self.pooled,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        train = data["train"] and Profile.from_json(data["train"])
        return cls(data["declared"], Profile.from_json(data["audit"]), train, data["pooled"])


def _rounded(missing: Ints, rows: Ints, min_cell: int) -> Ints:
    """Counts of missing values; few of them are none, and all where few values are left."""
    none = (missing < min_cell) & (2 * missing <= rows)
    return np.where(none, 0, np.where(rows - missing < min_cell, rows, missing))


def _digest(data: Any) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
