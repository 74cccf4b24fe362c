"""Burn-in: how often verdicts and the gate would come out otherwise on other samples like this one."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from trustkit.checks import discover
from trustkit.errors import ConfigError, Problem
from trustkit.evidence import Evidence
from trustkit.evidence.cells import Cells
from trustkit.evidence.resampling import resampled
from trustkit.judging.carding import card
from trustkit.judging.plan import Plan
from trustkit.measure.intervals import proportions
from trustkit.policy.overlays import broken
from trustkit.scorecard import Scorecard, Verdict


@dataclass(frozen=True)
class BurnIn:
    """What resampled evidence came to.

    Attributes
    ----------
    card : Scorecard
        Of the evidence as it is.
    runs : int
        How often it was drawn anew and judged.
    gate : int
        Runs in which the gate holds.
    controls, claims : mapping of str to mapping of Verdict to int
        Runs by verdict; of a claim also those in which it does not occur, under None.
    fixed : tuple of str
        Kinds of evidence that were judged and kept as they are.
    """

    card: Scorecard
    runs: int
    gate: int
    controls: Mapping[str, Mapping[Verdict, int]]
    claims: Mapping[str, Mapping[Verdict | None, int]]
    fixed: tuple[str, ...]

    def interval(self, times: int) -> tuple[float, float]:
        """Clopper-Pearson limits, at 95 %, of the chance of what came out so many times."""
        share = proportions(np.array([times / self.runs]), np.array([float(self.runs)]))
        return float(share.lower(0.025)[0]), float(share.upper(0.025)[0])


def burn_in(
    evidence: Evidence,
    plan: Plan,
    *,
    runs: int,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> BurnIn:
    """Judge evidence drawn anew from its own counts, many times.

    What is found is how settled a verdict is, were the truth what was
    measured. Cells are drawn anew; a kind with a method ``resampled(rng)`` by
    that; all else, facts for instance, is kept.

    Parameters
    ----------
    evidence : Evidence
        What was collected.
    plan : Plan
        What is asked.
    runs : int
        How often.
    seed : int
        Of the draws.
    progress : callable, optional
        Called with a stage, what is done of it and its total.

    Raises
    ------
    ConfigError
        For evidence that was made to be shared.
    """
    unloaded = {**discover()[1], **broken()}

    def judged(drawn: Evidence) -> Scorecard:
        return card(drawn, plan, unloaded, started=datetime.now(UTC), clock=time.perf_counter())

    first = judged(evidence)
    controls: dict[str, Counter[Verdict]] = {control.id: Counter() for control in first.controls}
    claims: dict[str, Counter[Verdict | None]] = {each.id: Counter() for each in first.findings if each.limit}
    holds = 0
    for run in range(runs):
        drawn = judged(_drawn(evidence, np.random.default_rng([seed, run])))
        holds += drawn.gate.holds
        for control in drawn.controls:
            controls[control.id][control.verdict] += 1
        found = {finding.id: finding.verdict for finding in drawn.findings}
        for id, verdicts in claims.items():
            verdicts[found.get(id)] += 1
        if progress is not None:
            progress("judge resampled evidence", run + 1, runs)
    fixed = tuple(
        name for name in sorted(plan.kinds() & evidence.kinds.keys()) if not _may_vary(evidence.kinds[name])
    )
    return BurnIn(first, runs, holds, controls, claims, fixed)


def _may_vary(kind: Any) -> bool:
    return isinstance(kind, Cells) or hasattr(kind, "resampled")


def _drawn(evidence: Evidence, rng: np.random.Generator) -> Evidence:
    kinds = dict(evidence.kinds)
    try:
        for name, kind in kinds.items():
            if isinstance(kind, Cells):
                kinds[name] = resampled(kind, rng)
            elif hasattr(kind, "resampled"):
                kinds[name] = kind.resampled(rng)
    except ValueError as error:
        raise ConfigError([Problem("evidence", str(error))]) from None
    return replace(evidence, kinds=kinds)
