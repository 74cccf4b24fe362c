"""Which claims of an audit go on being watched, and what of the stream they count."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np

from trustkit.checks.bias import error_rates, predictive_parity
from trustkit.checks.comparison import of_class
from trustkit.evidence.cells import Cells
from trustkit.evidence.tables import Table
from trustkit.judging.claims import Claim, Side
from trustkit.measure.betting import FEWEST
from trustkit.measure.rates import Rate, base_rate, correct, selection

Form = Literal["rate", "difference", "ratio", "mean"]
Group = Mapping[str, str]


RATES: Mapping[str, Callable[[Table], Rate]] = {
    "selection": selection,
    "correct": correct,
    "calibration": base_rate,
    **error_rates.RATES,
    **predictive_parity.RATES,
}
"""Rates that are watched, by name: `selection` at once, all others once the truth is known."""

_FORMS: Mapping[str, Form] = {"": "rate", "_difference": "difference", "_ratio": "ratio"}

_OF_CHECKS: Mapping[str, Mapping[str, Callable[[Table], Rate]]] = {
    "bias/error-rates": error_rates.RATES,
    "bias/predictive-parity": predictive_parity.RATES,
}

WATCHED: Mapping[tuple[str, str], tuple[str, Form]] = {
    ("bias/selection-rate", "rate"): ("selection", "rate"),
    ("bias/selection-rate", "difference"): ("selection", "difference"),
    ("bias/selection-rate", "ratio"): ("selection", "ratio"),
    ("bias/selection-rate", "conditional_difference"): ("selection", "difference"),
    ("bias/selection-rate", "conditional_ratio"): ("selection", "ratio"),
    ("inclusion/access-parity", "rate"): ("selection", "rate"),
    ("inclusion/access-parity", "ratio"): ("selection", "ratio"),
    ("inclusion/access-parity", "accuracy"): ("correct", "rate"),
    ("inclusion/access-parity", "accuracy_difference"): ("correct", "difference"),
    **{
        (check, f"{name}{ending}"): (name, form)
        for check, rates in _OF_CHECKS.items()
        for name in rates
        for ending, form in _FORMS.items()
    },
    ("bias/calibration", "gap"): ("calibration", "mean"),
    ("safety/calibration", "gap"): ("calibration", "mean"),
}
"""By check and metric: the rate that is counted, and what is made of it."""

CHECKS = frozenset(check for check, _ in WATCHED)

WITHIN = frozenset({"conditional_difference", "conditional_ratio"})
"""Metrics that compare groups within strata."""

A_STRATUM = 2
"""Rows of each group, for each stratum that the audit had both in, that panes are joined for: a stratum of a
pane that lacks one of the two tells nothing, and of so many rows few are lost so."""


@dataclass(frozen=True)
class WatchedClaim:
    """One side of one limit on one figure, watched for the monitor's whole life.

    Attributes
    ----------
    id : str
        That of the finding.
    check, version, metric, title, remedy : str
        The check that it comes from, and what is said of it.
    rate : str
        What is counted, a name in `RATES`.
    form : {"rate", "difference", "ratio", "mean"}
        What is made of it: the group's rate, the subject's less or over the
        reference's, or mean truth less mean score.
    side : {"min", "max"}
        Which side `bound` bounds.
    subject : mapping
        Of whom, as a finding names it.
    limit : mapping
        As the card shows it, with its source.
    weight : float
        Share of alpha: those of all claims sum to 1.
    guess : tuple of float
        Audited rates of subject and reference, near which bets are placed; 0.5 where there was none.
    strata : tuple of str
        Columns within whose groups the two are compared.
    fewest : int
        Rows of each group that panes are joined for.
    """

    id: str
    check: str
    version: str
    metric: str
    title: str
    remedy: str | None
    rate: str
    form: Form
    side: Side
    bound: float
    subject: Mapping[str, Any]
    limit: Mapping[str, Any]
    weight: float
    guess: tuple[float, float]
    strata: tuple[str, ...] = ()
    fewest: int = FEWEST

    @classmethod
    def of(cls, id: str, claim: Claim, weight: float, cells: Cells, strata: tuple[str, ...] = ()) -> Self:
        """Watch a claim that was audited; `strata` are those of its check."""
        estimate, check = claim.estimate, claim.check
        counted, form = WATCHED[check.id, estimate.metric]
        subject = dict(estimate.subject)
        rates = (
            _audited(counted, cells, subject.get("groups", {}), subject.get("class")),
            _audited(counted, cells, subject.get("reference"), subject.get("class")),
        )
        within = strata if estimate.metric in WITHIN else ()
        return cls(
            id=id,
            check=check.id,
            version=check.version,
            metric=estimate.metric,
            title=check.metrics[estimate.metric].title,
            remedy=check.remedy,
            rate=counted,
            form=form,
            side=claim.side,
            bound=claim.bound,
            subject=subject,
            limit=dict(claim.limit),
            weight=weight,
            guess=rates,
            strata=within,
            fewest=max(A_STRATUM * _shared(cells, subject, within), FEWEST) if within else FEWEST,
        )

    @property
    def view(self) -> tuple[str, ...]:
        """Attributes whose groups it is about."""
        return tuple(self.subject.get("groups", {}))

    @property
    def stratum(self) -> Group:
        """The stratum that it is about; empty where it is about all."""
        found: Group = self.subject.get("stratum", {})
        return found

    @property
    def reference(self) -> Group | str | None:
        """The group, or "rest", that the subject is compared with."""
        found: Group | str | None = self.subject.get("reference")
        return found

    @property
    def labeled(self) -> bool:
        """Whether it waits for the truth."""
        return self.rate != "selection"

    def to_json(self) -> dict[str, Any]:
        """Plain data; without strata as it was before there were any."""
        data = asdict(self)
        return data if self.strata else {key: data[key] for key in data if key not in ("strata", "fewest")}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(**{**data, "guess": tuple(data["guess"]), "strata": tuple(data.get("strata", ()))})


def watchable(claim: Claim) -> bool:
    """Whether a claim can be counted in a stream."""
    return (claim.check.id, claim.estimate.metric) in WATCHED


def _audited(counted: str, cells: Cells, group: Group | str | None, label: str | None) -> float:
    """Rate of a group in the audit; one half where it had none to count."""
    if group is None:
        return 0.5
    view = () if group == "rest" else tuple(group)
    table = of_class(cells.table(view), label)
    measured = RATES[counted](table)
    place = table.groups.index(dict(group)) if isinstance(group, Mapping) else 0
    value = float(measured.value[place])
    return value if np.isfinite(value) else 0.5


def _shared(cells: Cells, subject: Mapping[str, Any], strata: tuple[str, ...]) -> int:
    """How many strata there are in which the audit had rows of both groups."""
    group, reference = subject["groups"], subject["reference"]
    view = tuple(group)
    held: dict[tuple[str, ...], set[bool]] = {}
    for each in cells.table((*view, *(name for name in strata if name not in view))).groups:
        mine = {name: each[name] for name in view} == dict(group)
        if mine or isinstance(reference, str) or {name: each[name] for name in view} == dict(reference):
            held.setdefault(tuple(each[name] for name in strata), set()).add(mine)
    return sum(len(both) == 2 for both in held.values())


def families(asked: Mapping[str, Sequence[Any]], ids: Mapping[str, int]) -> Iterator[list[int]]:
    """Places of the watched claims of each control, of those that have some."""
    for parts in asked.values():
        places = [ids[id] for part in parts for id in part.ids if id in ids]
        if places:
            yield places
