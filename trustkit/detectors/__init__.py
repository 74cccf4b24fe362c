"""Detectors: what in a column identifies a person, tells something special of one, or is a secret."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from trustkit.detectors.detector import Detector

MODULES = ("contacts", "devices", "documents", "names", "numbers", "payments", "people", "secrets", "special")
"""Modules of this room, each with a tuple ``DETECTORS``."""


@cache
def detectors() -> tuple[Detector, ...]:
    """Every detector, in the order of `MODULES`."""
    return tuple(each for name in MODULES for each in import_module(f"trustkit.detectors.{name}").DETECTORS)
