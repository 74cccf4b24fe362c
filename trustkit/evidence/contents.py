"""Contents: what the values of each column look like, as counts by detector; never a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

AUDIT, TRAIN, MODEL = "audit", "train", "model"
"""Where values were looked at: the audited rows, the training rows, the texts inside the model's file."""

UNSURE, PROXY = "-unsure", "-proxy"
"""Endings of detectors: of words that may mean something else, of words that tell a proxy."""


@dataclass(frozen=True)
class Hits:
    """What one detector found in a column, its three grounds apart.

    Attributes
    ----------
    named : bool
        Whether the column's name speaks of it.
    shaped : int
        Distinct values of its shape.
    proven : int
        Of them, those whose check digit agrees, or whose shape is proof enough.
    """

    named: bool = False
    shaped: int = 0
    proven: int = 0

    def __add__(self, other: Hits) -> Hits:
        return Hits(self.named or other.named, self.shaped + other.shaped, self.proven + other.proven)


@dataclass(frozen=True)
class Column:
    """What one column was found to hold.

    Attributes
    ----------
    rows : int
        Rows with a value, of those looked at.
    values : int
        Distinct values that were looked at.
    of : int
        Distinct values that there are in the rows looked at.
    hits : mapping of str to Hits
        By detector; those that found nothing are left out.
    """

    rows: int = 0
    values: int = 0
    of: int = 0
    hits: Mapping[str, Hits] = field(default_factory=dict)

    def __add__(self, other: Column) -> Column:
        names = sorted({*self.hits, *other.hits})
        hits = {name: self.hits.get(name, Hits()) + other.hits.get(name, Hits()) for name in names}
        return Column(self.rows + other.rows, self.values + other.values, self.of + other.of, hits)


@dataclass(frozen=True)
class Contents:
    """What detectors found in every column and in the model's file.

    Attributes
    ----------
    schema : mapping
        What was declared: ``seed`` of the draws, ``most_rows`` and
        ``most_values`` looked at; ``inputs``, the columns that decisions rest
        on, None where that is not known; ``unit``, the column that names the person of a row, or None;
        ``detectors``, by name: ``family``, ``title`` and ``chance``, the
        share of values of its shape that its check digit lets pass by chance
        (0: it has none); ``outcomes``, ``sensitive`` and ``grounds`` as the
        configuration declares them.
    columns : mapping of (str, str) to Column
        By where it is, `AUDIT`, `TRAIN` or `MODEL`, and name: of the model,
        the path of its file.
    stored : mapping of str to tuple of str
        By the path of a model's file: its attributes that hold training rows.
    files : mapping of str to mapping of str to int
        By the path of a text file beside the configuration: secrets by kind.
    """

    schema: Mapping[str, Any]
    columns: Mapping[tuple[str, str], Column]
    stored: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    kind: ClassVar[str] = "contents"

    def __add__(self, other: Contents) -> Contents:
        if self.schema != other.schema:
            raise ValueError("contents of different schemas do not add")
        keys = sorted({*self.columns, *other.columns})
        columns = {key: self.columns.get(key, Column()) + other.columns.get(key, Column()) for key in keys}
        stored = {
            path: tuple(sorted({*self.stored.get(path, ()), *other.stored.get(path, ())}))
            for path in sorted({*self.stored, *other.stored})
        }
        return Contents(self.schema, columns, stored, {**self.files, **other.files})

    def of_family(self, family: str) -> dict[str, Mapping[str, Any]]:
        """Return what is declared of the detectors of a family, by name."""
        told = self.schema["detectors"].items()
        return {name: detector for name, detector in told if detector["family"] == family}

    def without_small_cells(self, min_cell: int) -> Self | None:
        """Return itself, or None where few rows of a column have a value, or few values were found."""
        from trustkit.evidence.sharing import holds_small

        rows = [column.rows for (where, _), column in self.columns.items() if where != MODEL]
        found = [
            count
            for column in self.columns.values()
            for hits in column.hits.values()
            for count in (hits.shaped, hits.proven)
        ]
        return None if holds_small([*rows, *found], min_cell) else self

    def notes(self) -> list[str]:
        """Say how much was looked at, and with which seed what was too much was drawn."""
        notes = []
        for where, what in ((AUDIT, "audited rows"), (TRAIN, "training rows"), (MODEL, "model file")):
            of = [column for (role, _), column in self.columns.items() if role == where]
            if of:
                columns = f"{len(of):,} column{'s' * (len(of) != 1)}" if where != MODEL else "texts"
                notes.append(f"{what}: {columns}, {sum(each.values for each in of):,} distinct values")
        if self.files:
            notes.append(f"text files beside the configuration: {len(self.files):,}")
        bounds = (
            f"at most {self.schema['most_rows']:,} rows and {self.schema['most_values']:,} values a column"
        )
        return [*notes, f"{bounds}, drawn with seed {self.schema['seed']} where there are more"]

    def to_json(self) -> dict[str, Any]:
        """Plain data: integers and text."""
        columns = [
            [
                *key,
                each.rows,
                each.values,
                each.of,
                {name: [int(hit.named), hit.shaped, hit.proven] for name, hit in sorted(each.hits.items())},
            ]
            for key, each in sorted(self.columns.items())
        ]
        stored = {path: list(names) for path, names in self.stored.items()}
        files = {path: dict(found) for path, found in self.files.items()}
        return {"schema": dict(self.schema), "columns": columns, "stored": stored, "files": files}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        columns = {
            (where, name): Column(
                rows,
                values,
                of,
                {key: Hits(bool(named), shaped, proven) for key, (named, shaped, proven) in hits.items()},
            )
            for where, name, rows, values, of, hits in data["columns"]
        }
        stored = {path: tuple(names) for path, names in data["stored"].items()}
        return cls(data["schema"], columns, stored, data.get("files", {}))
