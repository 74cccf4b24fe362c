"""Records: what a system's documents state and hold, as facts and counts, without their text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from trustkit.errors import ConfigError, Problem

CARD = "card"
"""The kind of the model card; the other kinds are those of ``[documents]``."""

ALL, HIGH, CLOSED = "all", "high", "closed"
"""Rows of a register that are counted: all, those of high risk, those of closed incidents."""


@dataclass(frozen=True)
class Stated:
    """A figure that a document states.

    Attributes
    ----------
    metric : str
        Its name, in lower case with underscores.
    value : float
        What is stated, a share as a number from 0 to 1.
    step : float
        Half a unit of the last digit stated: the figure may have been rounded by as much.
    group : mapping of str to str
        ``{attribute: label}`` of whom it is about; the attribute is empty
        where only a label is named.
    elsewhere : str
        Why it does not speak of the audited rows; empty where it may.
    """

    metric: str
    value: float
    step: float
    group: Mapping[str, str] = field(default_factory=dict)
    elsewhere: str = ""

    def to_json(self) -> list[Any]:
        """Plain data."""
        return [self.metric, self.value, self.step, dict(self.group), self.elsewhere]


@dataclass(frozen=True)
class Register:
    """A table of a document: its columns, and how many of its rows leave which of them blank.

    Attributes
    ----------
    columns : tuple of str
        Their names, those of a known meaning by one name.
    rows : mapping of str to int
        Rows, by `ALL`, `HIGH` and `CLOSED`.
    blanks : mapping of str to mapping of str to int
        By the same, and by column: rows that say nothing there.
    """

    columns: tuple[str, ...]
    rows: Mapping[str, int]
    blanks: Mapping[str, Mapping[str, int]]

    def to_json(self) -> list[Any]:
        """Plain data."""
        blanks = {which: dict(counts) for which, counts in self.blanks.items()}
        return [list(self.columns), dict(self.rows), blanks]


@dataclass(frozen=True)
class Document:
    """What is kept of one document.

    Attributes
    ----------
    path, sha256 : str
        The file, relative to the configuration's folder, and the digest of its bytes.
    problem : str
        Why it, or its front matter, cannot be read; empty where it can.
    facts : mapping of str to str
        What its front matter states: dates, versions and times as written, of the rest only that it is given.
    headings : mapping of str to bool
        Its headings, and whether anything stands under each.
    needs : mapping of str to bool
        The headings that its kind requires, and whether anything stands under each.
    needs_facts, needs_columns : tuple of str
        The facts, and the columns of a register, that its kind requires.
    registers : tuple of Register
        Its tables.
    stated : tuple of Stated
        Its figures.
    groups : tuple of mapping of str to str
        Groups of people that it names as affected.
    targets : tuple of str
        Targets of the Sustainable Development Goals that it names.
    digests : mapping of str to str
        SHA-256 that it states, by file.
    """

    path: str
    sha256: str
    problem: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    headings: Mapping[str, bool] = field(default_factory=dict)
    needs: Mapping[str, bool] = field(default_factory=dict)
    needs_facts: tuple[str, ...] = ()
    needs_columns: tuple[str, ...] = ()
    registers: tuple[Register, ...] = ()
    stated: tuple[Stated, ...] = ()
    groups: tuple[Mapping[str, str], ...] = ()
    targets: tuple[str, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "path": self.path,
            "sha256": self.sha256,
            "problem": self.problem,
            "facts": dict(self.facts),
            "headings": dict(self.headings),
            "needs": dict(self.needs),
            "needs_facts": list(self.needs_facts),
            "needs_columns": list(self.needs_columns),
            "registers": [register.to_json() for register in self.registers],
            "stated": [stated.to_json() for stated in self.stated],
            "groups": [dict(group) for group in self.groups],
            "targets": list(self.targets),
            "digests": dict(self.digests),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        listed = {name: tuple(data[name]) for name in ("needs_facts", "needs_columns", "groups", "targets")}
        registers = tuple(Register(tuple(columns), *rest) for columns, *rest in data["registers"])
        stated = tuple(Stated(*each) for each in data["stated"])
        return cls(**{**data, **listed, "registers": registers, "stated": stated})


@dataclass(frozen=True)
class Opted:
    """Rows whose person opted out of the use of their data, of all rows of a table."""

    out: int = 0
    rows: int = 0

    def __add__(self, other: Opted) -> Opted:
        return Opted(self.out + other.out, self.rows + other.rows)


@dataclass(frozen=True)
class Records:
    """Facts and counts of a system's documents, and what of its data they are compared with.

    Records of parts of one system add: documents and files are united, rows are summed.

    Attributes
    ----------
    schema : mapping
        What the owner declared: ``version`` of the system, ``sdg`` targets.
    documents : mapping of str to Document
        By kind.
    files : mapping of str to str
        SHA-256 of the audited files, by path; of the training files too where a document states digests.
    months : mapping of str to int
        Rows of the audited data by month of ``data.time``, as ``2026-11``;
        counted only where a document states a time of keeping.
    opted_out : mapping of str to Opted or None
        By table, ``audit`` or ``train``, where `data.opt_out` is declared;
        None where that cannot be told: the table has no such column, or the
        count is too small to be shared.
    """

    schema: Mapping[str, Any]
    documents: Mapping[str, Document] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    months: Mapping[str, int] = field(default_factory=dict)
    opted_out: Mapping[str, Opted | None] = field(default_factory=dict)

    kind: ClassVar[str] = "records"

    def __add__(self, other: Records) -> Records:
        if self.schema != other.schema:
            raise ValueError("records of different schemas do not add")
        return Records(
            self.schema,
            _united(self.documents, other.documents, "the documents differ"),
            _united(self.files, other.files, "the files differ"),
            {
                month: self.months.get(month, 0) + other.months.get(month, 0)
                for month in sorted({*self.months, *other.months})
            },
            {
                role: _sum(self.opted_out.get(role, Opted()), other.opted_out.get(role, Opted()))
                for role in sorted({*self.opted_out, *other.opted_out})
            },
        )

    def without_small_cells(self, min_cell: int) -> Records:
        """Return records to share: without the rows by month, some of which may be few, and few opt-outs."""
        opted_out = {
            role: None if each is None or 0 < each.out < min_cell else each
            for role, each in self.opted_out.items()
        }
        return Records(self.schema, self.documents, self.files, {}, opted_out)

    def notes(self) -> list[str]:
        """Say which documents were read, and which of them cannot be."""
        read = [f"{kind}: {document.path}" for kind, document in self.documents.items()]
        wrong = [f"{kind}: {d.path}: {d.problem}" for kind, d in self.documents.items() if d.problem]
        return [", ".join(read) or "no document is declared", *wrong]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "schema": dict(self.schema),
            "documents": {kind: document.to_json() for kind, document in self.documents.items()},
            "files": dict(self.files),
            "months": dict(self.months),
            "opted_out": {
                role: None if each is None else [each.out, each.rows] for role, each in self.opted_out.items()
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        documents = {kind: Document.from_json(each) for kind, each in data["documents"].items()}
        opted_out = {
            role: None if each is None else Opted(*each) for role, each in data.get("opted_out", {}).items()
        }
        return cls(data["schema"], documents, data["files"], data["months"], opted_out)


def _sum(one: Opted | None, other: Opted | None) -> Opted | None:
    return None if one is None or other is None else one + other


def _united(one: Mapping[str, Any], other: Mapping[str, Any], differing: str) -> dict[str, Any]:
    """Both mappings; what both hold must be equal."""
    unequal = sorted(key for key in {*one} & {*other} if one[key] != other[key])
    if unequal:
        raise ConfigError([Problem("evidence", f"does not add: {differing}: {key}", None) for key in unequal])
    return {key: {**one, **other}[key] for key in sorted({*one, *other})}
