"""Shifts: how the audited rows and the training rows spread over the values of each column."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np

from trustkit.evidence.blocks import Ints
from trustkit.evidence.score_bins import SCORE_BINS
from trustkit.evidence.tables import Scores

PREDICTION = "(prediction)"
"""Name under which the system's own answers stand among the columns."""


@dataclass(frozen=True)
class Spread:
    """Rows of both tables in each bin of one column.

    Attributes
    ----------
    is_ordered : bool
        Whether the bins have an order: those of numbers have, those of labels have not.
    audit, train : array of int, shape (bins,)
        Rows in each bin; the first bin is of missing values. Of labels the
        last bin is of those that are not among the frequent ones of training.
    gaps : array of float, shape (bins - 3,)
        Of numbers: distances of neighboring cut points, in standard
        deviations of the training values. Empty otherwise.
    unseen : int
        Audited rows whose label does not occur in training.
    """

    is_ordered: bool
    audit: Ints
    train: Ints
    gaps: tuple[float, ...] = ()
    unseen: int = 0

    def __add__(self, other: Spread) -> Spread:
        return replace(self, audit=self.audit + other.audit, unseen=self.unseen + other.unseen)

    def to_json(self) -> dict[str, Any]:
        """Plain data: numbers."""
        return {
            "is_ordered": self.is_ordered,
            "audit": self.audit.tolist(),
            "train": self.train.tolist(),
            "gaps": list(self.gaps),
            "unseen": self.unseen,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        audit, train = (np.array(data[name], dtype=np.int64) for name in ("audit", "train"))
        return cls(data["is_ordered"], audit, train, tuple(data["gaps"]), data["unseen"])


@dataclass(frozen=True)
class Shifts:
    """Histograms of audited and training rows on bins that training alone declared.

    Attributes
    ----------
    declared : mapping
        What was declared: ``columns``, in their order, ``absent`` (of them,
        those that training lacks or that cannot be read), which of them is
        the ``target``, ``bins`` (a digest
        of the cut points and labels), ``seed``, ``most`` rows drawn to tell
        the tables apart, whether one row a ``unit`` counts, whether rows have
        a ``weight``, which is left aside, and whether the system predicts a ``number``.
    of : int
        Audited rows that there are.
    spreads : mapping of str to Spread
        By column that was read.
    joint : array of int, shape (2, SCORE_BINS)
        Ranks of drawn training rows (first) and audited rows, by how likely a
        model took each for an audited one; learned from one half, told of the other.
    shuffled : mapping of str to (int, int)
        By column: rows put to the model with its values shuffled among them,
        and those whose decision changed, or whose predicted number moved by
        a tenth of the standard deviation of all.
    """

    declared: Mapping[str, Any]
    of: int
    spreads: Mapping[str, Spread]
    joint: Ints
    shuffled: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    kind: ClassVar[str] = "shifts"

    @property
    def schema(self) -> Mapping[str, Any]:
        """What was declared, and a digest of the training rows."""
        train = {name: spread.train.tolist() for name, spread in self.spreads.items()}
        return {**self.declared, "train": digest(train)}

    @property
    def scores(self) -> Scores:
        """The joint ranks as score histograms of one group."""
        n = self.joint[None]
        nothing = np.zeros(n.shape)
        return Scores([{}], n, n.astype(np.float64), nothing, nothing)

    def __add__(self, other: Shifts) -> Shifts:
        if self.schema != other.schema:
            raise ValueError("shifts of different schemas do not add")
        names = sorted({*self.shuffled, *other.shuffled})
        parts = [[part.shuffled.get(name, (0, 0)) for part in (self, other)] for name in names]
        return replace(
            self,
            of=self.of + other.of,
            spreads={name: spread + other.spreads[name] for name, spread in self.spreads.items()},
            joint=self.joint + other.joint,
            shuffled={name: (a[0] + b[0], a[1] + b[1]) for name, (a, b) in zip(names, parts, strict=True)},
        )

    def without_small_cells(self, min_cell: int) -> Self | None:
        """Return itself without the joint ranks, or None where a bin holds few rows."""
        counts = [part for spread in self.spreads.values() for part in (spread.audit, spread.train)]
        if any(((part > 0) & (part < min_cell)).any() for part in counts):
            return None
        return replace(self, joint=np.zeros((2, SCORE_BINS), dtype=np.int64))

    def notes(self) -> list[str]:
        """Say what the bins are, which rows were drawn and what was not read."""
        notes = ["bins are cut at the 5, 10, ... 100 % points of the training rows, and at frequent values"]
        if self.declared["unit"]:
            notes.append("of each person one row counts, drawn with the seed")
        if self.declared["weight"]:
            notes.append("each row counts once: weights are left aside")
        drawn = self.joint.sum(axis=1)
        if drawn.any():
            seed = self.declared["seed"]
            notes.append(f"{drawn[1]:,} audited and {drawn[0]:,} training rows told apart, seed {seed}")
        if self.declared["absent"]:
            notes.append(f"not in both tables, or not read: {', '.join(self.declared['absent'])}")
        return notes

    def to_json(self) -> dict[str, Any]:
        """Plain data: numbers and names of columns."""
        return {
            "declared": dict(self.declared),
            "of": self.of,
            "spreads": {name: spread.to_json() for name, spread in self.spreads.items()},
            "joint": self.joint.tolist() if self.joint.any() else None,
            "shuffled": {name: list(pair) for name, pair in self.shuffled.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        joint = np.zeros((2, SCORE_BINS), dtype=np.int64)
        if data["joint"] is not None:
            joint += np.array(data["joint"], dtype=np.int64)
        spreads = {name: Spread.from_json(each) for name, each in data["spreads"].items()}
        shuffled = {name: (rows, changed) for name, (rows, changed) in data["shuffled"].items()}
        return cls(data["declared"], data["of"], spreads, joint, shuffled)


def digest(data: Mapping[str, Any] | Sequence[Any]) -> str:
    """SHA-256 of plain data, in hexadecimal."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
