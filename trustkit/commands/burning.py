"""The command that says how settled the verdicts and the gate are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trustkit.commands.options import (
    FILE,
    as_of_option,
    audited_config,
    policy_of,
    policy_option,
    quiet_option,
    seed_option,
    system_options,
)
from trustkit.commands.output import progress
from trustkit.errors import ConfigError, Problem
from trustkit.renderers.words import VERDICTS, clean

if TYPE_CHECKING:
    from trustkit.config import Config
    from trustkit.evidence import Evidence
    from trustkit.judging.burn_in import BurnIn
    from trustkit.judging.plan import Plan
    from trustkit.policy import Policy
    from trustkit.scorecard import Verdict

MOST = 20
SHOWN_FROM = 0.05
"""At most so many claims are shown as text, and only those that flip at least so often."""


@click.command("burn-in")
@system_options
@click.option("--config", type=FILE, metavar="FILE", help="With evidence: limits, waivers and gate.")
@policy_option
@click.option("--only", multiple=True, metavar="ID", help="A check, control or area; repeatable.")
@click.option("--runs", type=click.IntRange(min=1), default=200, show_default=True, help="How often.")
@seed_option
@as_of_option
@click.option("--format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@quiet_option
def burn_in(
    path: Path | None,
    config: Path | None,
    policy: str | None,
    only: tuple[str, ...],
    runs: int,
    seed: int,
    as_of: date | None,
    format: str,
    quiet: bool,
    **columns: Any,
) -> None:
    """Say how likely each verdict, and the gate, is to flip on another sample like this one.

    PATH is as for audit, or a file of evidence. Counts are drawn anew from the
    shares they have, and judged again. Facts stay as they are.
    """
    from trustkit.judging.burn_in import burn_in

    chosen = policy_of(policy)
    with progress(quiet) as report:
        if path is not None and path.is_file() and path.suffix.lower() == ".json":
            _only_with_data(columns)
            collected, plan = _loaded(path, config, chosen, only, as_of)
        else:
            _only_with_evidence(config)
            collected, plan = _collected(
                audited_config(path, columns, as_of), chosen, only, as_of, seed, report
            )
        found = burn_in(collected, plan, runs=runs, seed=seed, progress=report)
    told = summary(found)
    click.echo(json.dumps(told, indent=1, ensure_ascii=False) if format == "json" else "\n".join(_text(told)))


def _only_with_data(columns: Mapping[str, Any]) -> None:
    given = [f"--{name.replace('_', '-')}" for name, value in columns.items() if value not in (None, ())]
    if given:
        raise ConfigError([Problem(name, "does not go with a file of evidence") for name in given])


def _only_with_evidence(config: Path | None) -> None:
    if config is not None:
        raise ConfigError(
            [Problem("--config", "goes with a file of evidence; name the configuration as PATH")]
        )


def _loaded(
    path: Path, config: Path | None, policy: Policy | None, only: tuple[str, ...], as_of: date | None
) -> tuple[Evidence, Plan]:
    """Evidence of a file, and what the configuration asks of it."""
    from trustkit.checks import discover
    from trustkit.config import Config
    from trustkit.evidence import Evidence
    from trustkit.judging.plan import Plan

    read = Config.of(as_of=as_of) if config is None else Config.read(config, as_of=as_of)
    policies = None if policy is None else (policy,)
    plan = Plan.of(read, discover()[0], policies=policies, only=only or None, as_of=as_of)
    return Evidence.load(path), plan


def _collected(
    config: Config,
    policy: Policy | None,
    only: tuple[str, ...],
    as_of: date | None,
    seed: int,
    report: Callable[[str, int, int], None] | None,
) -> tuple[Evidence, Plan]:
    """Evidence of a system, collected, and what its configuration asks of it."""
    from trustkit.auditing import planned
    from trustkit.collectors import collect
    from trustkit.system import System

    system = System(config=config)
    plan = planned(system, policy, only=only or None, as_of=as_of)
    return collect(system, only=plan.kinds(), seed=seed, progress=report), plan


def summary(found: BurnIn) -> dict[str, Any]:
    """What was found, as plain data of format ``trustkit-burn-in/1``."""
    holds = found.card.gate.holds
    flips = found.runs - found.gate if holds else found.gate
    claims = [finding for finding in found.card.findings if finding.id in found.claims]
    return {
        "format": "trustkit-burn-in/1",
        "digest": found.card.digest,
        "runs": found.runs,
        "gate": {"holds": holds, **_chance(found, flips)},
        "controls": [
            {
                "id": control.id,
                "title": control.title,
                **_flips(found, control.verdict, found.controls[control.id]),
            }
            for control in found.card.controls
        ],
        "claims": [
            {"id": finding.id, **_flips(found, finding.verdict, found.claims[finding.id])}
            for finding in claims
        ],
        "fixed": list(found.fixed),
    }


def _flips(found: BurnIn, verdict: Verdict, verdicts: Mapping[Any, int]) -> dict[str, Any]:
    """How often a verdict came out otherwise; "absent" where nothing of its kind was there to judge."""
    shares = {str(each or "absent"): times / found.runs for each, times in verdicts.items()}
    return {"verdict": verdict, **_chance(found, found.runs - verdicts.get(verdict, 0)), "verdicts": shares}


def _chance(found: BurnIn, times: int) -> dict[str, Any]:
    return {"flips": times / found.runs, "interval": found.interval(times)}


def _text(told: Mapping[str, Any]) -> Iterator[str]:
    gate = told["gate"]
    yield f"Judged on {told['runs']} samples drawn anew from what was counted"
    yield ""
    yield f"GATE  {'holds' if gate['holds'] else 'does not hold'}: {_often(gate)}"
    yield ""
    width = max(map(len, VERDICTS.values()))
    for control in told["controls"]:
        lead = f"{VERDICTS[control['verdict']]:<{width}}  {clean(control['id'])}  {clean(control['title'])}"
        yield f"{lead}: {_often(control)}{_others(control)}"
    often = sorted(
        (each for each in told["claims"] if each["flips"] >= SHOWN_FROM), key=lambda each: -each["flips"]
    )
    if often:
        yield from ["", f"CLAIMS that flip in {SHOWN_FROM:.0%} of samples or more ({len(often)})"]
    for claim in often[:MOST]:
        yield f"  {VERDICTS[claim['verdict']]}  {clean(claim['id'], 200)}: {_often(claim)}{_others(claim)}"
    if len(often) > MOST:
        yield f"  and {len(often) - MOST} more; --format json has all"
    if told["fixed"]:
        yield from [
            "",
            f"Kept as they are: {', '.join(map(clean, told['fixed']))}",
        ]


def _often(each: Mapping[str, Any]) -> str:
    low, high = each["interval"]
    return f"flips in {each['flips']:.1%} of samples ({low:.1%} to {high:.1%})"


def _others(each: Mapping[str, Any]) -> str:
    """Verdicts that it flipped to."""
    others = {name: share for name, share in each["verdicts"].items() if name != each["verdict"]}
    named = [
        f"{VERDICTS.get(name, name)} {share:.1%}"
        for name, share in sorted(others.items(), key=lambda at: -at[1])
    ]
    return f"; {', '.join(named)}" if named else ""


COMMANDS = (burn_in,)
