"""Experiment tracking: a scorecard logged to a run of MLflow."""

from __future__ import annotations

import hashlib
import math
import re
from typing import Any

from trustkit.errors import ConfigError, Problem
from trustkit.renderers import ranking, render, words
from trustkit.scorecard import Finding, Scorecard, Verdict

MOST_FINDINGS = 300
"""Claims that are logged, worst first; the files have the rest."""

_LONGEST_NAME = 240
_SETTLED = {Verdict.PASS: 1.0, Verdict.FAIL: 0.0}


def log_to_mlflow(card: Scorecard, *, run_id: str | None = None, folder: str = "trustkit") -> None:
    """Log a scorecard to a run of MLflow, to compare audits as experiments are compared.

    Metrics are ``FOLDER/score``; ``FOLDER/CONTROL``, 1 where it passed and 0
    where it failed, nothing where it is not settled; and of each claim its
    estimate, ``FOLDER/FINDING``, with the ends of its interval, ``...:low`` and
    ``...:high``. Tags are the verdict, the gate, the policies and the digest.
    The card and its page are artifacts. What is undefined is not logged: a 0
    would look measured.

    Parameters
    ----------
    card : Scorecard
        What to log.
    run_id : str, optional
        The run; by default the active one. None is started.
    folder : str
        What the names of metrics, tags and artifacts begin with.

    Raises
    ------
    ConfigError
        MLflow is not installed, or no run is active and none is named.

    Examples
    --------
    >>> import mlflow  # doctest: +SKIP
    >>> with mlflow.start_run():  # doctest: +SKIP
    ...     log_to_mlflow(card)
    """
    mlflow = _mlflow()
    run = mlflow.active_run()
    if run_id is None and run is None:
        raise ConfigError([Problem("run_id", "no run is active: call mlflow.start_run(), or name a run")])
    named = run_id or run.info.run_id
    mlflow.log_metrics({f"{folder}/{name}": value for name, value in metrics(card).items()}, run_id=named)
    client = mlflow.MlflowClient()
    for name, text in _tags(card).items():
        client.set_tag(named, f"{folder}.{name}", text)
    client.log_text(named, render(card, "json"), f"{folder}/scorecard.json")
    client.log_text(named, render(card, "html"), f"{folder}/scorecard.html")


def metrics(card: Scorecard) -> dict[str, float]:
    """Return what of a card is a number, by a name that MLflow takes; the same claim has the same name."""
    found: dict[str, float | None] = {}
    if card.score is not None:
        found["score"] = card.score.value
    found |= {_name(control.id): _SETTLED.get(control.verdict) for control in card.controls}
    for finding in _claims(card)[:MOST_FINDINGS]:
        low, high = finding.interval or (None, None)
        name = _name(finding.id)
        found |= {name: finding.estimate, f"{name}:low": low, f"{name}:high": high}
    return {name: value for name, value in found.items() if value is not None and math.isfinite(value)}


def _claims(card: Scorecard) -> list[Finding]:
    """Findings that a limit bounds, worst first."""
    order = list(Verdict)
    claims = [finding for finding in card.findings if finding.limit is not None]
    return sorted(claims, key=lambda finding: (order.index(finding.verdict), -ranking.excess(finding)))


def _name(id: str) -> str:
    """Id in the letters that MLflow takes; what others made of the same letters is told apart by a digest."""
    check, colon, rest = id.partition(":")
    plain = check + colon + re.sub(r"[^A-Za-z0-9_.\- :]", "_", rest.replace("=", " is ").replace("~", " to "))
    if plain.replace(" is ", "=").replace(" to ", "~") == id and len(plain) <= _LONGEST_NAME:
        return plain
    return f"{plain[: _LONGEST_NAME - 9]}-{hashlib.sha256(id.encode()).hexdigest()[:8]}"


def _tags(card: Scorecard) -> dict[str, str]:
    return {
        "verdict": str(card.verdict),
        "gate": words.clean(words.gate(card), 4000),
        "policies": ", ".join(f"{policy.id}@{policy.version}" for policy in card.policies),
        "digest": card.digest,
    }


def _mlflow() -> Any:
    try:
        import mlflow
    except ImportError:
        found = "is not installed: pip install 'trustkit-audit[mlflow]'"
        raise ConfigError([Problem("mlflow", found)]) from None
    return mlflow
