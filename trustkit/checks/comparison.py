"""Which groups are compared with which, and the estimates of their rates and disparities."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

import numpy as np

from trustkit.checks.base import Estimate, NotApplicable
from trustkit.evidence.cells import Cells
from trustkit.evidence.tables import Table
from trustkit.measure.intervals import ClopperPearson, Difference, Floats, Limits, Ratio
from trustkit.measure.rates import Rate

Compare = Literal["pairs", "reference", "rest"]

MOST_PAIRED_GROUPS = 12
"""With more groups than this each is compared with the rest: pairs grow with the square."""


def views(cells: Cells, *, intersections: bool) -> list[tuple[str, ...]]:
    """Attributes to group by: each alone, then every two.

    Raises
    ------
    NotApplicable
        Where no two groups are there to compare.
    """
    if not cells.attributes:
        raise NotApplicable(
            "no sensitive attribute is declared", supply="data.sensitive: the columns that name groups"
        )
    chosen = [(name,) for name in cells.attributes] + (cells.pairs if intersections else [])
    several = [view for view in chosen if len(cells.grouping(view).groups) > 1]
    if not several:
        raise NotApplicable(
            f"only one group occurs in {', '.join(cells.attributes)}", supply="rows of at least two groups"
        )
    return several


def require(cells: Cells, *roles: str) -> None:
    """Make sure that the evidence has these roles, sound.

    Raises
    ------
    NotApplicable
        For the first role that it lacks.
    ValueError
        For a role whose values are wrong.
    """
    supply = {
        "truth": "data.target: the column with the true outcome",
        "prediction": "data.prediction: the column with the decision, or system.model",
        "score": "data.score: the column with P(positive), or a model with predict_proba",
        "positive": "data.positive: the class that error rates and scores speak of",
        "favorable": "data.favorable: the class, or classes, that a person wants",
    }
    if cells.schema.get("task") == "regression":
        raise NotApplicable("the system predicts a quantity, and this is about classes")
    for role in roles:
        if not cells.schema[role]:
            raise NotApplicable(f"no {role} is declared", supply=supply[role])
        fault = cells.fault(role)
        if fault is not None:
            raise ValueError(f"{role}: {fault}")


def figures(metric: str, table: Table, measured: Rate) -> Iterator[Estimate]:
    """One estimate a group: its rate."""
    columns = zip(
        table.groups, measured.value.tolist(), measured.n.tolist(), table.rows.tolist(), strict=True
    )
    for i, (group, value, n, rows) in enumerate(columns):
        yield estimate(metric, {"groups": group} if group else {}, value, n, rows, measured.limits, i)


def estimate(
    metric: str,
    subject: Mapping[str, Any],
    value: float,
    n: int,
    rows: int,
    limits: Limits,
    place: int,
    **more: Any,
) -> Estimate:
    """One estimate, with the reason where its value is undefined."""
    why = (
        None if isfinite(value) else ("nothing to count" if n == 0 else "undefined: the reference rate is 0")
    )
    return Estimate(metric, subject, float(value), n, rows, limits=limits, place=place, why=why, **more)


@dataclass(frozen=True)
class Comparison:
    """Ordered pairs of groups whose rates are compared.

    Attributes
    ----------
    subject, reference : list of int
        Places of the groups; `reference` is None where it is the rest.
    two_sided : bool
        False where each pair occurs in both orders.
    """

    subject: list[int]
    reference: list[int] | None
    two_sided: bool

    @classmethod
    def of(cls, table: Table, compare: Compare, reference: Mapping[str, str] | None) -> Comparison:
        """Choose the pairs by what groups there are and how many rows they have, never by outcomes."""
        groups = range(len(table.groups))
        if compare == "reference":
            base = _reference(table, reference)
            others = [i for i in groups if i != base]
            return cls(others, [base] * len(others), two_sided=True)
        if compare == "rest" or len(groups) > MOST_PAIRED_GROUPS:
            return cls(list(groups), None, two_sided=True)
        pairs = [(i, j) for i in groups for j in groups if i != j]
        return cls([i for i, _ in pairs], [j for _, j in pairs], two_sided=False)

    def disparities(
        self,
        metrics: Mapping[str, Literal["ratio", "difference"]],
        table: Table,
        measure: Callable[[Table], Rate],
        measured: Rate,
    ) -> Iterator[Estimate]:
        """Estimates of each metric for each pair.

        Parameters
        ----------
        metrics : mapping of str to {"ratio", "difference"}
            Names of the figures, and what they are of subject and reference.
        table : Table
            The groups.
        measure : callable
            The rate of a table's groups.
        measured : Rate
            ``measure(table)``, which the caller has already.
        """
        if self.reference is None:
            other = measure(table.rest())
            a, b, reference_n = (
                measured.limits.take(self.subject),
                other.limits.take(self.subject),
                other.n[self.subject],
            )
        else:
            a, b = measured.limits.take(self.subject), measured.limits.take(self.reference)
            reference_n = measured.n[self.reference]
        subjects = list(self._subjects(table))
        counts = [each.tolist() for each in (measured.n[self.subject], table.rows[self.subject], reference_n)]
        for metric, form in metrics.items():
            limits, value = _limits(form, a, b)
            columns = zip(subjects, value.tolist(), *counts, strict=True)
            for i, (subject, each, n, rows, other_n) in enumerate(columns):
                yield estimate(
                    metric, subject, each, n, rows, limits, i, reference_n=other_n, two_sided=self.two_sided
                )

    def _subjects(self, table: Table) -> Iterator[dict[str, Any]]:
        references: Sequence[Any] = (
            ["rest"] * len(self.subject)
            if self.reference is None
            else [table.groups[j] for j in self.reference]
        )
        for i, reference in zip(self.subject, references, strict=True):
            yield {"groups": table.groups[i], "reference": reference}


def _limits(form: str, a: ClopperPearson, b: ClopperPearson) -> tuple[Limits, Floats]:
    if form == "difference":
        return Difference.of_groups(a, b), a.value - b.value
    with np.errstate(divide="ignore", invalid="ignore"):
        return Ratio(a, b), a.value / b.value


def _reference(table: Table, named: Mapping[str, str] | None) -> int:
    """The group named, where it names all attributes of this view, else the largest by rows."""
    attributes = set(table.groups[0])
    if named is None or not attributes <= set(named):
        return int(np.argmax(table.rows))
    group = {name: named[name] for name in table.groups[0]}
    if group not in table.groups:
        raise ValueError(f"the reference group {group} does not occur")
    return table.groups.index(group)
