"""The judge: the one place where estimates meet limits, and the error budget is spent."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from trustkit.comparing import baseline_problems, load_baseline
from trustkit.config import Config
from trustkit.errors import at_once
from trustkit.evidence import Evidence
from trustkit.judging.plan import Plan, day_of
from trustkit.policy import Policy
from trustkit.policy.overlays import broken
from trustkit.scorecard import Scorecard


def judge(
    evidence: Evidence,
    policy: str | Path | Policy | None = None,
    *,
    config: Config | str | Path | None = None,
    limits: Mapping[str, Mapping[str, Any]] | None = None,
    waivers: Sequence[Mapping[str, Any]] | None = None,
    as_of: date | str | None = None,
    only: Iterable[str] | None = None,
    baseline: Scorecard | Evidence | str | Path | None = None,
) -> Scorecard:
    """Judge evidence by a policy; neither data nor model is needed.

    Parameters
    ----------
    evidence : Evidence
        What was collected.
    policy : str, path or Policy, optional
        Over the configuration's ``[policy] use``.
    config : Config or path, optional
        Limits, waivers and gate; never taken from the evidence.
    limits, waivers : optional
        Over the configuration's.
    as_of : date or ISO text, optional
        The day that expiry dates are compared with; today, UTC, by default.
    only : iterable of str, optional
        Checks, controls or areas; the rest is not assessed.
    baseline : Scorecard, Evidence or path, optional
        An earlier card, or the evidence of an earlier audit, as `audit` takes it.

    Returns
    -------
    Scorecard

    Raises
    ------
    ConfigError
        Names or values that mean nothing, all at once.
    """
    from trustkit import checks
    from trustkit.judging.carding import card

    started, clock = datetime.now(UTC), time.perf_counter()
    day = day_of(as_of)
    read = (
        Config.of(as_of=day)
        if config is None
        else config
        if isinstance(config, Config)
        else Config.read(config, as_of=day)
    )
    over: dict[str, Any] = {}
    if isinstance(policy, str | Path):
        over["policy"] = {"use": [str(policy)]}
    if limits is not None:
        over["limits"] = limits
    if waivers is not None:
        over["waivers"] = waivers
    found, unloaded = checks.discover()
    with at_once(lambda: baseline_problems(baseline)):
        plan = Plan.of(
            read.replace(**over) if over else read,
            found,
            policies=(policy,) if isinstance(policy, Policy) else None,
            only=only,
            as_of=day,
        )
    earlier = load_baseline(baseline) if isinstance(baseline, str | Path) else baseline
    raised = {**unloaded, **broken()}
    return card(evidence, plan, raised, started=started, clock=clock, baseline=earlier)
