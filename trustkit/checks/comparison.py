"""Which groups are compared with which, and the estimates of their rates and disparities."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, Literal

import numpy as np

from trustkit.checks.base import Estimate, Metric, NotApplicable
from trustkit.evidence.blocks import Ints
from trustkit.evidence.cells import Cells, ordered
from trustkit.evidence.tables import MISSING, OTHER, Table
from trustkit.measure.intervals import ClopperPearson, Difference, Floats, Limits, Ratio, proportions
from trustkit.measure.rates import Rate

Compare = Literal["pairs", "reference", "rest"]
Form = Literal["ratio", "difference"]

MOST_PAIRED_GROUPS = 12
"""With more groups than this each is compared with the rest: pairs grow with the square."""

MOST_CLASSES = 20
"""With more classes than this the one to speak of has to be declared."""

FEWEST_SHOWN = 30
"""Of the comparisons that are merely shown, the largest is sought among groups with as many rows to count."""


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


def class_tables(cells: Cells, view: tuple[str, ...], role: str) -> Iterator[tuple[dict[str, str], Table]]:
    """Counts of a view as a check of one role reads them.

    Where the class of the role is declared there is one table. Where it is
    not and there are more than two classes, there is one for each class
    against the rest, and ``{"class": label}`` for the subject.
    """
    table = cells.table(view)
    if cells.schema[role]:
        yield {}, table
        return
    for label in _classes(cells):
        yield {"class": label}, of_class(table, label)


def of_class(table: Table, label: str | None) -> Table:
    """Return the table as a check reads it that takes a class against the rest; without one as it is."""
    return table if label is None else replace(table, positive=label, favorable=(label,))


def require_class(cells: Cells, role: str) -> None:
    """Make sure that the class of a role is declared, or that there are several to take in turn.

    Raises
    ------
    NotApplicable
        Where it is neither.
    """
    labels = _classes(cells)
    if not cells.schema[role] and not 2 < len(labels) <= MOST_CLASSES:
        require(cells, role)


def _classes(cells: Cells) -> list[str]:
    """The classes there are: of the truth, where it is known, whatever was predicted."""
    found = {*cells.labels["truth" if cells.schema["truth"] else "prediction"]}
    return [label for label in ordered(found) if label not in (MISSING, OTHER)]


def figures(
    metric: str, table: Table, measured: Rate, more: Mapping[str, Any] | None = None
) -> Iterator[Estimate]:
    """One estimate a group: its rate; `more` is what else the subjects name."""
    columns = zip(
        table.groups, measured.value.tolist(), measured.n.tolist(), table.rows.tolist(), strict=True
    )
    for i, (group, value, n, rows) in enumerate(columns):
        subject = {**({"groups": group} if group else {}), **(more or {})}
        yield estimate(metric, subject, value, n, rows, measured.limits, i)


def estimate(
    metric: str,
    subject: Mapping[str, Any],
    value: float,
    n: int,
    rows: int,
    limits: Limits | None,
    place: int,
    **more: Any,
) -> Estimate:
    """One estimate, with the reason where its value is undefined."""
    why = None if isfinite(value) else ("nothing to count" if n == 0 else "undefined: the divisor is 0")
    return Estimate(metric, subject, float(value), n, rows, limits=limits, place=place, why=why, **more)


def proportion(
    metric: str, k: int, n: int, subject: Mapping[str, Any] | None = None, note: str | None = None
) -> Estimate:
    """One estimate of a share: `k` of `n` independent, unweighted rows, above 0."""
    limits = proportions(np.array([k / n]), np.array([float(n)]))
    return Estimate(metric, subject or {}, k / n, n, n, limits=limits, note=note)


@dataclass(frozen=True)
class Sides:
    """Both sides of every comparison, measured.

    Attributes
    ----------
    subject, reference : ClopperPearson
        Their rates, one entry a pair.
    n, reference_n : array of int, shape (pairs,)
        Their denominators.
    k, reference_k : array of int, shape (pairs,)
        Rows counted.
    """

    subject: ClopperPearson
    reference: ClopperPearson
    n: Ints
    reference_n: Ints
    k: Ints
    reference_k: Ints

    def limits(self, form: Form) -> Difference | Ratio:
        """Limits of the subject's rate less the reference's, or over it."""
        if form == "difference":
            return Difference.of_groups(self.subject, self.reference)
        return Ratio(self.subject, self.reference)

    def turned(self) -> Sides:
        """The same pairs the other way around."""
        return Sides(self.reference, self.subject, self.reference_n, self.n, self.reference_k, self.k)

    @property
    def fewest(self) -> tuple[Ints, Ints]:
        """Denominators of both."""
        return self.n, self.reference_n


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

    @property
    def places(self) -> list[int]:
        """Places of the references among the groups, or among their rests."""
        return self.subject if self.reference is None else self.reference

    def sides(self, table: Table, measure: Callable[[Table], Rate], measured: Rate | None = None) -> Sides:
        """Measure both sides of each pair.

        Parameters
        ----------
        table : Table
            The groups.
        measure : callable
            The rate of a table's groups.
        measured : Rate, optional
            ``measure(table)``, where the caller has it already.
        """
        mine = measure(table) if measured is None else measured
        other, places = (measure(table.rest()) if self.reference is None else mine), self.places
        return Sides(
            mine.limits.take(self.subject),
            other.limits.take(places),
            mine.n[self.subject],
            other.n[places],
            mine.k[self.subject],
            other.k[places],
        )

    def disparities(
        self,
        metrics: Mapping[str, Form],
        table: Table,
        measure: Callable[[Table], Rate],
        measured: Rate,
        *,
        judged: Collection[str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> Iterator[Estimate]:
        """Estimates of each metric for each pair, or the largest alone where it is merely shown.

        Parameters
        ----------
        metrics : mapping of str to {"ratio", "difference"}
            Names of the figures, and what they are of subject and reference.
        table, measure, measured
            As in `sides`.
        judged : collection of str, optional
            Metrics of which every pair is wanted; all by default.
        more : mapping, optional
            What else the subjects name.
        """
        sides = self.sides(table, measure, measured)
        for metric, form in metrics.items():
            limits = sides.limits(form)
            yield from self.estimates(
                table,
                metric,
                limits.value,
                limits,
                fewest=sides.fewest,
                judged=judged,
                form=form,
                more=more,
            )

    def estimates(
        self,
        table: Table,
        metric: str,
        value: Floats,
        limits: Limits | None,
        *,
        fewest: tuple[Ints, Ints],
        judged: Collection[str] | None = None,
        form: Form = "difference",
        symmetric: bool = False,
        more: Mapping[str, Any] | None = None,
        notes: Sequence[str | None] | None = None,
        why: str | None = None,
    ) -> Iterator[Estimate]:
        """Estimates of one metric with an entry a pair.

        Parameters
        ----------
        table : Table
            The groups.
        metric : str
            Name of the figure.
        value : array, shape (pairs,)
            The figure.
        limits : Limits or None
            Its limits; None where there are none, for the reason `why`.
        fewest : tuple of arrays of int, shape (pairs,)
            Denominators of subject and reference.
        judged, more
            As in `disparities`.
        form : {"difference", "ratio"}
            How far apart a pair is: from 0, or from 1 on either side.
        symmetric : bool
            Whether both orders of a pair give the same figure: one is kept.
        notes : sequence of str or None, optional
            A note for each pair.
        """
        n, reference_n = (part.tolist() for part in fewest)
        rows = table.rows[self.subject].tolist()
        places = [i for i in range(len(self.subject)) if not symmetric or self._first(table, i)]
        if judged is not None and metric not in judged and len(places) > 1:
            places, chosen = self._largest(places, value, fewest, form)
            if chosen is not None:
                limits, why = None, chosen
        for i in places:
            made = estimate(
                metric,
                {**self._subject(table, i), **(more or {})},
                value[i],
                n[i],
                rows[i],
                limits,
                i,
                reference_n=reference_n[i],
                two_sided=self.two_sided and not symmetric,
                note=notes[i] if notes is not None else None,
            )
            yield made if why is None or made.why else replace(made, why=why)

    def _first(self, table: Table, i: int) -> bool:
        """Whether a pair is the one of its two orders that is kept: the smaller group comes first."""
        if self.two_sided or self.reference is None:
            return True
        subject, reference = self.subject[i], self.reference[i]
        return (int(table.rows[subject]), subject) < (int(table.rows[reference]), reference)

    def _largest(
        self, places: list[int], value: Floats, fewest: tuple[Ints, Ints], form: Form
    ) -> tuple[list[int], str | None]:
        """The pair that is furthest apart and, where there was a choice, why it has no interval."""
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = value[places] if form == "difference" else -np.log(value[places])
        apart = np.abs(apart) if self.two_sided else apart
        known = ~np.isnan(apart)
        enough = known & (np.minimum(*fewest)[places] >= FEWEST_SHOWN)
        among = enough if enough.any() else known
        if not among.any():
            return places[:1], "no two groups can be compared"
        best = places[int(np.argmax(np.where(among, apart, -np.inf)))]
        others = len({self._pair(i) for i in places})
        why = f"the largest of {others} comparisons, chosen after looking: no interval"
        return [best], why if others > 1 else None

    def _pair(self, i: int) -> frozenset[int]:
        return frozenset(
            [self.subject[i]] if self.reference is None else [self.subject[i], self.reference[i]]
        )

    def _subject(self, table: Table, i: int) -> dict[str, Any]:
        reference = "rest" if self.reference is None else table.groups[self.reference[i]]
        return {"groups": table.groups[self.subject[i]], "reference": reference}


def rate_metrics(name: str, title: str, among: str) -> dict[str, Metric]:
    """Metrics of a rate: of each group, and the difference and the ratio of two."""
    undefined = f"undefined where a group has no {among}"
    return {
        name: Metric(title, "share", f"of each group, {undefined}"),
        f"{name}_difference": Metric(
            f"{title} difference", "difference", f"the subject's less the reference's; {undefined}"
        ),
        f"{name}_ratio": Metric(
            f"{title} ratio",
            "ratio",
            f"the subject's over the reference's; {undefined} or the reference's rate is 0",
        ),
    }


def rate_estimates(
    rates: Mapping[str, Callable[[Table], Rate]],
    table: Table,
    pairs: Comparison,
    *,
    judged: Collection[str] | None,
    shown: Collection[str],
    more: Mapping[str, Any],
) -> Iterator[Estimate]:
    """Estimates of the figures that `rate_metrics` names, of rates that are judged or `shown`."""
    for name, measure in rates.items():
        forms: dict[str, Form] = {f"{name}_difference": "difference", f"{name}_ratio": "ratio"}
        measured = measure(table)
        if judged is None or name in shown or {name, *forms} & set(judged):
            yield from figures(name, table, measured, more)
        if judged is None or name in shown or set(forms) & set(judged):
            yield from pairs.disparities(forms, table, measure, measured, judged=judged, more=more)


def _reference(table: Table, named: Mapping[str, str] | None) -> int:
    """The group named, where it names all attributes of this view, else the largest by rows."""
    attributes = set(table.groups[0])
    if named is None or not attributes <= set(named):
        return int(np.argmax(table.rows))
    group = {name: named[name] for name in table.groups[0]}
    if group not in table.groups:
        raise ValueError(f"the reference group {group} does not occur")
    return table.groups.index(group)
