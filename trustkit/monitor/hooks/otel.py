"""The hook for OpenTelemetry: what a store says, as observable metrics."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from trustkit.errors import ConfigError, Problem
from trustkit.monitor.hooks.figures import FIGURES, MOST_AGE, Look

if TYPE_CHECKING:
    from trustkit.monitor.store import Store


def observe(
    store: str | os.PathLike[str] | Store, *, meter_provider: Any = None, most_age: float = MOST_AGE
) -> None:
    """Register an observable metric for each figure of a store, in the namespace ``trustkit.``.

    Where they go is for the SDK that the service has set up; without one they
    go nowhere. One process of a service is enough: each shows the same.

    Parameters
    ----------
    store : str, path or Store
        Where the store is.
    meter_provider : MeterProvider, optional
        By default the global one.
    most_age : float
        Seconds for which a look at the store is shown again.

    Raises
    ------
    ConfigError
        Where opentelemetry-api is not installed, or the store is something else.
    """
    metrics = _metrics()
    look = Look(store, most_age=most_age)
    meter = metrics.get_meter("trustkit", meter_provider=meter_provider)
    make = {"gauge": meter.create_observable_gauge, "counter": meter.create_observable_counter}

    def observing(name: str) -> Callable[[Any], Iterable[Any]]:
        def observed(_options: Any) -> Iterable[Any]:
            samples = look.figures().get(name, {})
            return [metrics.Observation(value, dict(labels)) for labels, value in samples.items()]

        return observed

    for name, (kind, words) in FIGURES.items():
        make[kind](f"trustkit.{name}", [observing(name)], description=words)


def _metrics() -> Any:
    try:
        from opentelemetry import metrics
    except ImportError:
        found = "is not installed: pip install 'trustkit-audit[opentelemetry]'"
        raise ConfigError([Problem("opentelemetry-api", found)]) from None
    return metrics
