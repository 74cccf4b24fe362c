"""Audit a system again with a remedy in it: the same rows, checks and limits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from trustkit.auditing import planned
from trustkit.collectors import collect
from trustkit.config import Config
from trustkit.evidence.cells import Cells
from trustkit.judging import judge
from trustkit.measure.intervals import Mean
from trustkit.measure.rates import false_positives, rate, selection, true_positives
from trustkit.remedies.failures import held
from trustkit.remedies.outcomes import Control, Cost, Disparity, Figure, Outcome, Shares
from trustkit.scorecard import Verdict
from trustkit.system import System

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import pandas as pd

    from trustkit.evidence.tables import Table
    from trustkit.judging.plan import Plan
    from trustkit.measure.intervals import Limits
    from trustkit.policy import Policy
    from trustkit.remedies.deciding import Decider
    from trustkit.remedies.failures import Failures
    from trustkit.scorecard import Finding, Scorecard


@dataclass(frozen=True)
class Judged:
    """A card with the counts that it was judged from."""

    card: Scorecard
    cells: Cells


@dataclass(frozen=True)
class Reaudit:
    """How audits are repeated.

    Attributes
    ----------
    system : System
        The system as it is.
    rows : DataFrame or None
        The rows that are judged, where not all of the audited ones are; of a log, always.
    failures : Failures
        What failed.
    policy : Policy or None
        Over the configuration's.
    seed : int
        Seed of whatever is drawn.
    as_of : date
        The day that expiry dates are compared with.
    """

    system: System
    rows: pd.DataFrame | None
    failures: Failures
    policy: Policy | None
    seed: int
    as_of: date

    def of(self, decider: Decider | None = None) -> Judged:
        """Audit with a remedy; without one, as it is."""
        system = self._as_it_is() if decider is None else self._with(decider)
        plan = planned(system, self.policy, only=self.failures.related, as_of=self.as_of)
        evidence = collect(system, only=_judged_kinds(plan) | {Cells.kind}, seed=self.seed)
        card = judge(
            evidence, self.policy, config=system.config, only=self.failures.related, as_of=self.as_of
        )
        return Judged(card, evidence.kinds[Cells.kind])

    def outcome(self, name: str, title: str, before: Judged, after: Judged, **more: Any) -> Outcome:
        """Set an audit with a remedy beside the one without."""
        failures, alpha, min_cell = self.failures, after.card.alpha, self.system.config.policy.min_cell
        costs = [
            cost for view in failures.views for cost in _costs(before.cells, after.cells, view, min_cell)
        ]
        return Outcome(
            name=name,
            title=title,
            controls=tuple(_control(after.card, id, failures.treats(id)) for id in failures.controls),
            newly_failing=tuple(_newly_failing(before.card, after.card)),
            accuracy=_accuracy(after.cells.table(), alpha),
            balanced_accuracy=_balanced(after.cells.table(), alpha),
            disparities=tuple(_disparity(after.card, finding) for finding in failures.mended),
            costs=tuple(costs),
            levels_down=levels_down(costs, benefit(failures)),
            **more,
        )

    def _as_it_is(self) -> System:
        if self.rows is None:
            return self.system
        given, config = self.system, self.system.config
        return System(given.model, self.rows, config=config, train=given.train)

    def _with(self, decider: Decider) -> System:
        """The system decided by a remedy: in place of its model, or in a log's column of decisions."""
        given, config = self._as_it_is(), self.system.config
        decider.random_state = np.random.RandomState(self.seed)
        if given.model is None and config.system.model is None and self.rows is not None:
            decided = self.rows.assign(**{str(config.data.prediction): decider.predict(self.rows)})
            return System(None, decided, config=config, train=given.train)
        sections = config.model_dump(exclude_unset=True)
        roles = {k: v for k, v in sections.get("data", {}).items() if k not in ("prediction", "score")}
        sections["data"] = {**roles, "features": decider.feature_names_in_}
        changed = Config.of(folder=config.folder, as_of=self.as_of, **sections)
        return System(decider, given.data, config=changed, train=given.train)


def _judged_kinds(plan: Plan) -> set[str]:
    """Kinds of evidence that a limit is put on; what is merely shown settles nothing and takes time."""
    judged = tuple((control, tuple(ask for ask in asks if ask.limits)) for control, asks in plan.controls)
    return replace(plan, controls=judged).kinds()


def benefit(failures: Failures) -> str:
    """Rate that leveling down speaks of: that whose disparity failed worst."""
    return next(iter(failures.bands), "selection")


def levels_down(costs: Sequence[Cost], rate: str) -> str:
    """Why a remedy levels down, and empty where it does not.

    It does where some group fares worse, and none better, or the one that
    fared worst before no better (Mittelstadt, Wachter & Russell 2023).

    Parameters
    ----------
    costs : sequence of Cost
        By group.
    rate : str
        What faring well is: more favorable decisions, true positives, or fewer false positives.
    """
    sign = -1 if rate == "fpr" else 1
    changes = [(cost, sign * change) for cost in costs if (change := cost.change(rate)) is not None]
    if not any(change < 0 for _, change in changes):
        return ""
    if not any(change > 0 for _, change in changes):
        return "no group gains"
    for view in dict.fromkeys(tuple(cost.group) for cost, _ in changes):
        mine = [(cost, change) for cost, change in changes if tuple(cost.group) == view]
        worst, change = min(mine, key=lambda pair: sign * getattr(pair[0].before, rate))
        if change <= 0:
            named = ", ".join(f"{name}={label}" for name, label in worst.group.items())
            return f"{named}, the worst off, does not gain"
    return ""


def _control(card: Scorecard, id: str, treated: bool) -> Control:
    control = next(each for each in card.controls if each.id == id)
    failing = [finding for finding in card.findings_of(control) if finding.verdict == Verdict.FAIL]
    return Control(
        id,
        str(control.verdict),
        control.covers,
        len(failing),
        sum(bool(held(each)) for each in failing),
        treated,
    )


def _newly_failing(before: Scorecard, after: Scorecard) -> list[tuple[str, tuple[str, ...]]]:
    known = {control.id for control in before.controls if control.verdict == Verdict.FAIL}
    return [
        (
            control.id,
            tuple(dict.fromkeys(f.check for f in after.findings_of(control) if f.verdict == Verdict.FAIL)),
        )
        for control in after.controls
        if control.verdict == Verdict.FAIL and control.id not in known
    ]


def _disparity(card: Scorecard, finding: Finding) -> Disparity:
    found = next((each for each in card.findings if each.id == finding.id), None)
    if found is None:
        return Disparity(finding.id, Figure(None, None, None), "")
    low, high = found.pass_interval or (None, None)
    return Disparity(finding.id, Figure(found.estimate, low, high), str(found.verdict))


def _accuracy(table: Table, alpha: float) -> Figure:
    right = rate(table, counted=table.correct, among=table.truth_known & table.decided)
    return _figure(float(right.value[0]), right.limits, alpha)


def _balanced(table: Table, alpha: float) -> Figure:
    known = table.truth_known & table.decided
    both = [
        rate(table, counted=table.correct, among=known & side)
        for side in (table.truth_positive, ~table.truth_positive)
    ]
    limits = Mean(tuple(each.limits for each in both))
    return _figure(float(np.mean([each.value[0] for each in both])), limits, alpha)


def _figure(value: float, limits: Limits, alpha: float) -> Figure:
    if not np.isfinite(value):
        return Figure(None, None, None)
    return Figure(value, float(limits.lower(alpha)[0]), float(limits.upper(alpha)[0]))


def _costs(before: Cells, after: Cells, view: tuple[str, ...], min_cell: int) -> list[Cost]:
    then, now = before.table(view), after.table(view)
    rows, was, becomes = then.rows.tolist(), _shares(then, min_cell), _shares(now, min_cell)
    later = {tuple(group.values()): shares for group, shares in zip(now.groups, becomes, strict=True)}
    return [
        Cost(group, n, shares, later[tuple(group.values())])
        for group, n, shares in zip(then.groups, rows, was, strict=True)
        if n >= min_cell
    ]


def _shares(table: Table, min_cell: int) -> list[Shares]:
    known = table.truth_known & table.decided
    rates = (
        selection(table),
        true_positives(table),
        false_positives(table),
        rate(table, counted=table.correct, among=known),
    )
    values = [np.where(each.n >= min_cell, each.value, np.nan).tolist() for each in rates]
    return [Shares(*(v if np.isfinite(v) else None for v in row)) for row in zip(*values, strict=True)]
