"""Audit an AI system's trustworthiness and issue a compliance scorecard.

The public names are imported on first use, so ``import trustkit`` costs
next to nothing and touches nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "audit": "trustkit.auditing",
    "collect": "trustkit.collectors",
    "judge": "trustkit.judging",
    "render": "trustkit.renderers",
    "remedy": "trustkit.remedies.trying",
    "check": "trustkit.checks.base",
    "Estimate": "trustkit.checks.base",
    "NotApplicable": "trustkit.checks.base",
    "System": "trustkit.system",
    "Evidence": "trustkit.evidence",
    "Policy": "trustkit.policy",
    "Control": "trustkit.policy",
    "Finding": "trustkit.scorecard",
    "Verdict": "trustkit.scorecard",
    "Scorecard": "trustkit.scorecard",
    "Monitor": "trustkit.monitor.monitor",
    "GateFailed": "trustkit.errors",
    "ConfigError": "trustkit.errors",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 (one list of names, not two)

if TYPE_CHECKING:
    from trustkit.auditing import audit
    from trustkit.checks.base import Estimate, NotApplicable, check
    from trustkit.collectors import collect
    from trustkit.errors import ConfigError, GateFailed
    from trustkit.evidence import Evidence
    from trustkit.judging import judge
    from trustkit.monitor.monitor import Monitor
    from trustkit.policy import Control, Policy
    from trustkit.remedies.trying import remedy
    from trustkit.renderers import render
    from trustkit.scorecard import Finding, Scorecard, Verdict
    from trustkit.system import System


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'trustkit' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
