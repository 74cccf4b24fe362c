"""Fits: how a model's errors compare with those of a simple model, and with its own on its training rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from trustkit.evidence.cells import Cells
from trustkit.evidence.sharing import without_small_cells


@dataclass(frozen=True)
class Fits:
    """Losses of rows drawn, between 0 and 1.

    Of classes it is 1 for a wrong decision and 0 for a right one; of a
    quantity the size of the error as a share of its range. Where rows have a
    unit they are of the first row drawn of each person.

    Attributes
    ----------
    schema : mapping
        What was declared: the ``task``, the ``seed`` of the draw, the ``most``
        rows drawn of each table, the ``depth`` of the simple model, a tree, and
        the ``ends`` of a quantity.
    of, of_train : int
        Rows that there are to audit, and to train on.
    fitted : int
        Training rows that the tree was fitted on.
    gain : Cells
        Audited rows; the score is (1 + loss of the tree - loss of the model) / 2.
    audit : Cells
        Audited rows; the score is the model's loss.
    train : Cells or None
        Training rows, likewise; None where it is not known what the model says of them.
    """

    schema: Mapping[str, Any]
    of: int
    of_train: int
    fitted: int
    gain: Cells
    audit: Cells
    train: Cells | None

    kind: ClassVar[str] = "fits"

    def __add__(self, other: Fits) -> Fits:
        if self.schema != other.schema:
            raise ValueError("fits of different schemas do not add")
        train = self.train or other.train
        if self.train is not None and other.train is not None:
            train = self.train + other.train
        return replace(
            self,
            of=self.of + other.of,
            of_train=self.of_train + other.of_train,
            fitted=self.fitted + other.fitted,
            gain=self.gain + other.gain,
            audit=self.audit + other.audit,
            train=train,
        )

    def without_small_cells(self, min_cell: int) -> Self:
        """Return itself with what stands for fewer than `min_cell` rows pooled."""
        train = None if self.train is None else without_small_cells(self.train, min_cell)
        gain, audit = (without_small_cells(each, min_cell) for each in (self.gain, self.audit))
        return replace(self, gain=gain, audit=audit, train=train)

    def notes(self) -> list[str]:
        """Say on which rows the tree was fitted and compared."""
        depth, seed = self.schema["depth"], self.schema["seed"]
        lines = [
            f"a tree of depth {depth}, fitted on {self.fitted:,} of {self.of_train:,} training rows, "
            f"compared on {self.audit.rows:,} of {self.of:,} rows, drawn with seed {seed}"
        ]
        if self.train is not None:
            lines.append(f"the model's errors on {self.train.rows:,} of {self.of_train:,} training rows")
        return lines

    def to_json(self) -> dict[str, Any]:
        """Plain data: integers and text."""
        return {
            "schema": dict(self.schema),
            "of": self.of,
            "of_train": self.of_train,
            "fitted": self.fitted,
            "gain": self.gain.to_json(),
            "audit": self.audit.to_json(),
            "train": self.train and self.train.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            data["schema"],
            data["of"],
            data["of_train"],
            data["fitted"],
            Cells.from_json(data["gain"]),
            Cells.from_json(data["audit"]),
            data["train"] and Cells.from_json(data["train"]),
        )
