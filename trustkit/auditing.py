"""The audit: collect, check, judge, in one call."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from trustkit import checks
from trustkit.collectors import Progress, collect
from trustkit.collectors.sources import input_problems
from trustkit.comparing import baseline_problems, load_baseline
from trustkit.config import Config
from trustkit.errors import ConfigError, at_once
from trustkit.evidence import Evidence
from trustkit.evidence.buckets import Buckets
from trustkit.judging.carding import card
from trustkit.judging.plan import Plan, day_of
from trustkit.policy import Policy
from trustkit.policy.overlays import broken
from trustkit.scorecard import Scorecard
from trustkit.system import System


def audit(
    model: Any = None,
    data: Any = None,
    *,
    config: Config | str | Path | None = None,
    policy: str | Path | Policy | Sequence[str] | None = None,
    only: Iterable[str] | None = None,
    limits: Mapping[str, Mapping[str, Any]] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    attestations: Mapping[str, Mapping[str, Any]] | None = None,
    waivers: Sequence[Mapping[str, Any]] | None = None,
    alpha: float | None = None,
    fail_on: str | None = None,
    require: Sequence[str] | None = None,
    seed: int = 0,
    as_of: date | str | None = None,
    progress: Progress | None = None,
    cache: str | Path | None = None,
    baseline: Scorecard | Evidence | str | Path | None = None,
    **keys: Any,
) -> Scorecard:
    """Audit a system and return its scorecard.

    Parameters
    ----------
    model : object or str, optional
        An estimator with ``predict``, a callable, or ``package.module:object``;
        None where the data carries its decisions.
    data : data frame or path, optional
        The audited rows: pandas, Polars, PyArrow, or a csv, parquet, feather
        or jsonl file.
    config : Config or path, optional
        A configuration file, or the folder that holds one; what is given
        here goes over it.
    policy : str, path, Policy or sequence of str, optional
        Packaged ids or files; by default the configuration's.
    only : iterable of str, optional
        Checks, controls or areas to select; the card is then partial.
    limits, options, attestations, waivers : optional
        As the configuration's sections.
    alpha, fail_on, require : optional
        As the configuration's ``[policy]`` keys.
    seed : int
        Seed of whatever is drawn.
    as_of : date or ISO text, optional
        The day that expiry dates are compared with; today, UTC, by default.
    progress : callable, optional
        Called with a stage, what is done of it and its total.
    cache : path, optional
        A folder for evidence, which is not collected again of equal files,
        configuration, seed and packages. Nothing is kept by default.
    baseline : Scorecard, Evidence or path, optional
        An earlier card, or the evidence of an earlier audit. What is worse
        than it beyond error blocks the gate; what failed already, and is not
        worse, does not. Evidence of the same rows is compared row by row, as
        are the decisions of a column ``baseline_prediction``.
    **keys
        Keys of ``[system]`` and ``[data]``, flat: ``target="approved"``.

    Returns
    -------
    Scorecard

    Raises
    ------
    ConfigError
        Everything that is wrong with the configuration or the input, at once.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustkit as tk
    >>> log = pd.DataFrame({"sex": ["F", "M"] * 500, "approved": [0, 0, 1, 1] * 250})
    >>> card = tk.audit(data=log, prediction="approved", favorable=1, sensitive=["sex"])
    >>> [(control.title, str(control.verdict)) for control in card.controls if control.id == "TK-FAI-02"]
    [('Outcome disparity', 'pass')]
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    day = day_of(as_of)
    named = [str(policy)] if isinstance(policy, str | Path) else policy
    gate: dict[str, Any] = {"alpha": alpha, "fail_on": fail_on, "require": require}
    if not isinstance(policy, Policy):
        gate["use"] = named
    over = {
        "policy": {key: value for key, value in gate.items() if value is not None},
        "limits": limits,
        "options": options,
        "attestations": attestations,
        "waivers": waivers,
    }
    try:
        base = config if isinstance(config, Config) else _read(config, day)
        system = System(model, data, config=base.replace(**over), **keys)
    except ConfigError as error:
        raise with_inputs(error, model, data) from None
    with at_once(lambda: baseline_problems(baseline)):
        plan = planned(system, policy if isinstance(policy, Policy) else None, only=only, as_of=day)
    earlier = load_baseline(baseline) if isinstance(baseline, str | Path) else baseline
    paired = isinstance(earlier, Evidence) or (
        earlier is not None and system.config.data.baseline_prediction is not None
    )
    kinds = plan.kinds() | ({Buckets.kind} if paired else set())
    evidence = collect(system, only=kinds, seed=seed, progress=progress, cache=cache)
    raised = {**checks.discover()[1], **broken()}
    return card(evidence, plan, raised, started=started, clock=clock, baseline=earlier)


def planned(system: System, policy: Policy | None, *, only: Iterable[str] | None, as_of: date | None) -> Plan:
    """What is to be judged of a system; what is wrong with its files and columns is reported along."""
    with at_once(lambda: input_problems(system)):
        plan = Plan.of(
            system.config,
            checks.discover()[0],
            policies=None if policy is None else (policy,),
            only=only,
            as_of=as_of,
        )
    return plan  # noqa: RET504 (a context manager might swallow, as far as types tell)


def with_inputs(error: ConfigError, model: Any = None, data: Any = None) -> ConfigError:
    """Add what is wrong with files, columns and names of the policy to what is wrong with a configuration."""
    if error.rest is None:
        return error
    try:
        planned(System(model, data, config=error.rest), None, only=None, as_of=None)
    except ConfigError as more:
        return ConfigError([*error.problems, *more.problems])
    return error


def _read(config: str | Path | None, as_of: date | None) -> Config:
    return Config.of(as_of=as_of) if config is None else Config.read(config, as_of=as_of)
