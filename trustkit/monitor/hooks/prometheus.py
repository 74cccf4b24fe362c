"""The hook for Prometheus: what a store says, read when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import isnan
from typing import TYPE_CHECKING, Any

from trustkit.errors import ConfigError, Problem
from trustkit.monitor.hooks.figures import FIGURES, MOST_AGE, Look, Samples, figures

if TYPE_CHECKING:
    from trustkit.monitor.status import Status
    from trustkit.monitor.store import Store

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class TrustkitCollector:
    """A collector of prometheus_client: ``REGISTRY.register(TrustkitCollector("monitor.db"))``.

    It keeps no counts of its own, and reads those of the store: each of several
    workers shows the same, whichever is asked, with and without the library's
    multiprocess mode.

    Parameters
    ----------
    store : str, path or Store
        Where the store is.
    most_age : float
        Seconds for which a look at the store is shown again.

    Raises
    ------
    ConfigError
        Where prometheus_client is not installed, or the store is something else.
    """

    def __init__(self, store: str | os.PathLike[str] | Store, *, most_age: float = MOST_AGE) -> None:
        self._families = _families()
        self._look = Look(store, most_age=most_age)

    def collect(self) -> Iterator[Any]:
        """Yield what the store says now."""
        for name, samples in self._look.figures().items():
            kind, words = FIGURES[name]
            family = self._families[kind](f"trustkit_{name}", words)
            for labels, value in samples.items():
                family.add_sample(name_of(name), dict(labels), value)
            yield family

    def describe(self) -> list[Any]:
        """Name nothing beforehand, so that the store is not judged twice."""
        return []


def name_of(figure: str) -> str:
    """Return the name that Prometheus knows a figure by."""
    return f"trustkit_{figure}{'_total' if FIGURES[figure][0] == 'counter' else ''}"


def to_prometheus_text(status: Status) -> str:
    """Return a status in the text format of Prometheus, version 0.0.4, as for a file that is collected."""
    return "".join(line for name, samples in figures(status).items() for line in _lines(name, samples))


def _lines(figure: str, samples: Samples) -> Iterator[str]:
    name, (kind, words) = name_of(figure), FIGURES[figure]
    yield f"# HELP {name} {words}\n# TYPE {name} {kind}\n"
    for labels, value in samples.items():
        told = ",".join(f'{key}="{text.translate(_ESCAPES)}"' for key, text in sorted(labels))
        yield f"{name}{f'{{{told}}}' if told else ''} {_number(value)}\n"


def _number(value: float) -> str:
    if isnan(value):
        return "NaN"
    return {float("inf"): "+Inf", float("-inf"): "-Inf"}.get(value) or repr(float(value))


def _families() -> dict[str, Any]:
    try:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
    except ImportError:
        found = "is not installed: pip install 'trustkit-audit[prometheus]'"
        raise ConfigError([Problem("prometheus_client", found)]) from None
    return {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily}
