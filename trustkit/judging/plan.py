"""What a policy, with a configuration over it, asks of which check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from trustkit.checks.base import Check
from trustkit.config import Config
from trustkit.errors import ConfigError, Problem, nearest
from trustkit.policy import CheckUse, Control, Policy, merged


@dataclass(frozen=True)
class Ask:
    """A check as one control uses it.

    Attributes
    ----------
    use : CheckUse
        As the policy has it.
    limits : mapping of str to mapping
        ``min_`` / ``max_`` metric: its ``value``, ``source`` and, where the
        configuration made it looser, ``loosened_from``.
    options : mapping
        Keyword arguments of the check.
    selected : bool
        Whether ``only`` leaves it in.
    """

    use: CheckUse
    limits: Mapping[str, Mapping[str, Any]]
    options: Mapping[str, Any]
    selected: bool


@dataclass(frozen=True)
class Plan:
    """All that the judge is to do.

    Attributes
    ----------
    policies : tuple of Policy
        In the order of use.
    controls : tuple of (Control, tuple of Ask)
        Every control, with what it asks.
    checks : mapping of str to Check
        The checks there are.
    config : Config
        Gate, waivers, attestations and thresholds.
    alpha : float
        Chance of any false fail.
    only : tuple of str or None
        The selection, as given.
    as_of : date
        The day that dates are compared with.
    """

    policies: tuple[Policy, ...]
    controls: tuple[tuple[Control, tuple[Ask, ...]], ...]
    checks: Mapping[str, Check]
    config: Config
    alpha: float
    only: tuple[str, ...] | None
    as_of: date

    @classmethod
    def of(
        cls,
        config: Config,
        checks: Mapping[str, Check],
        *,
        policies: tuple[Policy, ...] | None = None,
        only: Iterable[str] | None = None,
        as_of: date | None = None,
    ) -> Plan:
        """Join policy and configuration.

        Raises
        ------
        ConfigError
            Unknown policies, controls, areas, checks, limits or options.
        """
        chosen = (only,) if isinstance(only, str) else None if only is None else tuple(only)
        policies = policies or tuple(_load(name, config) for name in config.policy.use)
        controls = merged(policies)
        plan = cls(
            policies,
            tuple((control, tuple(_asks(control, config, chosen))) for control in controls),
            checks,
            config,
            config.policy.alpha or min(policy.alpha for policy in policies),
            chosen,
            as_of or datetime.now(UTC).date(),
        )
        problems = list(plan.problems())
        if problems:
            raise ConfigError(problems)
        return plan

    def kinds(self) -> set[str]:
        """Kinds of evidence that the selected checks read."""
        asked = {ask.use.check for _, asks in self.controls for ask in asks if ask.selected}
        needed = [self.checks[name].needs.values() for name in asked if name in self.checks]
        return {str(getattr(kind, "kind", kind)) for kinds in needed for kind in kinds}

    def judged(self, check: str) -> frozenset[str]:
        """Metrics of a check that a limit of any selected control bounds."""
        asked = [ask for _, asks in self.controls for ask in asks if ask.selected and ask.use.check == check]
        return frozenset(name.partition("_")[2] for ask in asked for name in ask.limits)

    def loosened(self) -> list[str]:
        """Limits that the configuration made looser than the policy's, or removed."""
        lines = []
        for _, asks in self.controls:
            for ask in asks:
                for name, limit in ask.use.limits.items():
                    mine = ask.limits.get(name)
                    old = f"{ask.use.check} {name}: the policy's is {limit.value:g}"
                    if mine is None:
                        lines.append(f"removed limit: {old}")
                    elif "loosened_from" in mine:
                        lines.append(f"loosened limit: {old}, the configuration's {mine['value']:g}")
        return list(dict.fromkeys(lines))

    def problems(self) -> Iterator[Problem]:
        """Names in the configuration that mean nothing."""
        config, controls = self.config, [control for control, _ in self.controls]
        areas = {name for control in controls for name in (control.area, control.principle)}
        ids = {control.id for control in controls}
        used = {ask.use.check for _, asks in self.controls for ask in asks}
        yield from _unknown("policy.require", config.policy.require, ids | areas)
        yield from _unknown("only", self.only or (), ids | areas | used)
        yield from _unknown("attestations", config.attestations, ids)
        for i, waiver in enumerate(config.waivers):
            yield from _unknown(f"waivers[{i}].control", [waiver.control] if waiver.control else [], ids)
            yield from _unknown(f"waivers[{i}].check", [waiver.check] if waiver.check else [], used)
        for section, named in (("limits", config.limits), ("options", config.options)):
            yield from _unknown(section, named, used)
        for name, limits in config.limits.items():
            if name in self.checks:
                yield from self.checks[name].limit_problems(limits)
        for name, options in config.options.items():
            if name in self.checks:
                yield from self.checks[name].option_problems(options)


def day_of(as_of: date | str | None) -> date | None:
    """A day given as a date or as ISO text."""
    try:
        return date.fromisoformat(as_of) if isinstance(as_of, str) else as_of
    except ValueError:
        raise ConfigError([Problem("as_of", f"{as_of!r} is not a day such as 2026-11-24")]) from None


def _load(name: str, config: Config) -> Policy:
    file = config.folder / name
    return Policy.load(file if name.endswith(".toml") and file.exists() else name)


def _asks(control: Control, config: Config, only: Sequence[str] | None) -> Iterator[Ask]:
    chosen = only is None or bool({control.id, control.area, control.principle} & set(only))
    for use in control.checks:
        limits: dict[str, dict[str, Any] | None] = {n: limit.model_dump() for n, limit in use.limits.items()}
        for name, value in config.limits.get(use.check, {}).items():
            limits[name] = _override(name, value, limits.get(name))
        yield Ask(
            use,
            {name: limit for name, limit in limits.items() if limit is not None},
            {**use.options, **config.options.get(use.check, {})},
            chosen or use.check in (only or ()),
        )


def _override(name: str, value: float | bool, policy: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Configured limit over the policy's; None where it is removed."""
    if value is False:
        return None
    made: dict[str, Any] = {"value": float(value), "source": "configuration"}
    if policy is not None and (
        value < policy["value"] if name.startswith("min_") else value > policy["value"]
    ):
        made["loosened_from"] = policy["value"]
    return made


def _unknown(key: str, names: Any, known: set[str]) -> Iterator[Problem]:
    for name in names:
        if name not in known:
            yield Problem(
                f"{key}: {name}" if key != "only" else "only",
                f"the policy has no {name!r}",
                nearest(name, known),
            )
