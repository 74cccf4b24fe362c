"""The commands that say what there is: checks, controls, policies, and a configuration."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trustkit.commands.options import FILE, config_of
from trustkit.commands.output import card_problems
from trustkit.errors import ConfigError, Problem, at_once, nearest
from trustkit.renderers.words import clean

if TYPE_CHECKING:
    from trustkit.checks.base import Check
    from trustkit.config import Config
    from trustkit.judging.plan import Plan
    from trustkit.policy import CheckUse, Control, Policy


@click.command("list")
@click.argument("what", type=click.Choice(["checks", "policies", "controls"]))
@click.option("--policy", metavar="ID|FILE", help="The policy whose controls are listed.")
@click.option("--format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def list_(what: str, policy: str | None, format: str) -> None:
    """List the checks, the packaged policies, or the controls of a policy."""
    rows = _checks() if what == "checks" else _policies() if what == "policies" else _controls(policy)
    lines = _aligned([list(row.values()) for row in rows])
    click.echo(json.dumps(rows, indent=1) if format == "json" else "\n".join(lines))


def _checks() -> list[dict[str, str]]:
    from trustkit.checks import discover

    found, broken = discover()
    for name, why in broken.items():
        click.echo(f"error: plugin {clean(name)}: {clean(why, 300)}", err=True)
    return [{"id": check.id, "version": check.version, "title": check.title} for check in found.values()]


def _policies() -> list[dict[str, str]]:
    return [{"id": p.id, "version": p.version, "title": p.title} for p in _packaged()]


def _controls(policy: str | None) -> list[dict[str, str]]:
    from trustkit.policy import DEFAULT, Policy

    controls = Policy.load(policy or DEFAULT).controls
    return [{"id": c.id, "area": c.area, "severity": c.severity, "title": c.title} for c in controls]


def _packaged() -> list[Policy]:
    from trustkit.policy import Policy, available

    return [Policy.load(id) for id in available()]


@click.command()
@click.argument("id")
def explain(id: str) -> None:
    """Show the page of a check, a control or a policy."""
    from trustkit.checks import discover
    from trustkit.policy import DEFAULT

    found, _ = discover()
    policies = _packaged()
    controls: list[tuple[Control, Policy]] = []
    for policy in sorted(policies, key=lambda policy: policy.id != DEFAULT):
        known = [control for control, _ in controls]
        controls += [(control, policy) for control in policy.controls if control not in known]
    pages = {policy.id: _policy_page(policy) for policy in policies}
    pages |= {control.id: _control_page(control, policy) for control, policy in reversed(controls)}
    pages |= {check.id: _check_page(check, controls) for check in found.values()}
    if id not in pages:
        raise ConfigError([Problem(id, "no check, control or policy has this id", nearest(id, pages))])
    click.echo("\n".join(pages[id]))


def _check_page(check: Check, controls: list[tuple[Control, Policy]]) -> Iterator[str]:
    yield f"{check.id} (check, version {check.version})"
    yield from ["", inspect.getdoc(check.function) or ""]
    metrics = [[name, metric.title, f"({metric.unit})"] for name, metric in check.metrics.items()]
    yield from _section("Metrics", _aligned(metrics))
    conventions = [
        f"{name}: {metric.convention}" for name, metric in check.metrics.items() if metric.convention
    ]
    yield from _section("Conventions", conventions)
    options = [(name, inspect.formatannotation(of), value) for name, (of, value) in check.options.items()]
    yield from _section("Options", [f"{name}: {of} = {value!r}" for name, of, value in options])
    uses = [
        f"{control.id} {control.title} ({policy.id}): {_limits(use)}"
        for control, policy in controls
        for use in control.checks
        if use.check == check.id
    ]
    yield from _section("Controls", uses)


def _control_page(control: Control, policy: Policy) -> Iterator[str]:
    yield f"{control.id} (control of {policy.id} {policy.version})"
    yield from ["", control.title, "", control.requirement]
    facts = [
        ["principle", control.principle],
        ["area", control.area],
        ["severity", control.severity],
        ["evidence", control.evidence],
        ["aligned with", ", ".join(control.sources)],
        *([framework, ", ".join(clauses)] for framework, clauses in control.crosswalk.items()),
    ]
    yield from ["", *_aligned(facts)]
    uses = [f"{use.check} ({use.groups} groups): {_limits(use)}" for use in control.checks]
    yield from _section("Checks", uses)


def _policy_page(policy: Policy) -> Iterator[str]:
    yield f"{policy.id} (policy, version {policy.version})"
    yield from ["", policy.title, "", policy.description, ""]
    yield from _aligned([["alpha", f"{policy.alpha:g}"], ["sha256", policy.sha256]])
    yield from _section("Controls", _aligned([[c.id, c.severity, c.title] for c in policy.controls]))


def _limits(use: CheckUse) -> str:
    limits = [f"{name} {limit.value:g} ({limit.source})" for name, limit in use.limits.items()]
    return "; ".join(limits) or "shown"


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", title, "-" * len(title), *lines] if lines else []


def _aligned(rows: list[list[str]]) -> list[str]:
    """Rows as lines, all columns but the last padded."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


@click.command("check-config")
@click.argument("paths", nargs=-1, type=FILE, metavar="[PATH]...")
def check_config(paths: tuple[Path, ...]) -> None:
    """Check configurations without their data, and show what they ask for."""
    lines: list[str] = []
    problems: list[Problem] = []
    for path in paths or (None,):
        try:
            lines += _checked(path)
        except ConfigError as error:
            where = f"{path}: " if len(paths) > 1 else ""
            problems += [problem._replace(key=f"{where}{problem.key}") for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    click.echo("\n".join(lines))


def _checked(path: Path | None) -> list[str]:
    """What a configuration asks for."""
    from trustkit.checks import discover
    from trustkit.collectors.addresses import endpoint_problems
    from trustkit.judging.plan import Plan

    config = config_of(path, {})
    found, _ = discover()
    declared = [config.folder / name for name in config.output.files]
    wrong = (config.missing_files, lambda: endpoint_problems(config), lambda: card_problems(declared))
    with at_once(*wrong):
        plan = Plan.of(config, found)
    return [f"ok: {config.path}", *_aligned(list(_resolved(config, plan)))]


def _resolved(config: Config, plan: Plan) -> Iterator[list[str]]:
    """What a configuration came to."""
    for policy in plan.policies:
        yield ["policy", f"{policy.id} {policy.version}: {len(policy.controls)} controls"]
    yield ["alpha", f"{plan.alpha:g}"]
    required = f", requires {', '.join(config.policy.require)}" if config.policy.require else ""
    yield ["gate", f"fail_on {config.policy.fail_on}{required}"]
    for control, asks in plan.controls:
        missing = [ask.use.check for ask in asks if ask.use.check not in plan.checks]
        without = f" (does not exist yet: {', '.join(missing)})" if missing else ""
        yield ["control", f"{control.id} {control.title}{without}"]
    for line in plan.loosened():
        yield ["note", line]
    yield ["output", ", ".join(config.output.files) or "stdout alone"]


COMMANDS = (list_, explain, check_config)
