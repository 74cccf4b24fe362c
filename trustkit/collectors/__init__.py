"""Collectors: the impure rooms, where data is read and models are asked."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from trustkit.errors import ConfigError, Problem, traced
from trustkit.evidence import Collected, Evidence, Read, Unavailable
from trustkit.system import System

COLLECTORS = {
    "ablations": "trustkit.collectors.ablations:collect_ablations",
    "artifacts": "trustkit.collectors.artifacts:collect_artifacts",
    "buckets": "trustkit.collectors.buckets:collect_buckets",
    "cells": "trustkit.collectors.cells:collect_cells",
    "classes": "trustkit.collectors.classes:collect_classes",
    "confidences": "trustkit.collectors.confidences:collect_confidences",
    "copies": "trustkit.collectors.copies:collect_copies",
    "dependencies": "trustkit.collectors.dependencies:collect_dependencies",
    "contents": "trustkit.collectors.contents:collect_contents",
    "exposures": "trustkit.collectors.exposures:collect_exposures",
    "evasions": "trustkit.collectors.evasions:collect_evasions",
    "expectations": "trustkit.collectors.expectations:collect_expectations",
    "fits": "trustkit.collectors.fits:collect_fits",
    "flips": "trustkit.collectors.flips:collect_flips",
    "histograms": "trustkit.collectors.histograms:collect_histograms",
    "inferences": "trustkit.collectors.inferences:collect_inferences",
    "memberships": "trustkit.collectors.memberships:collect_memberships",
    "neighbors": "trustkit.collectors.neighbors:collect_neighbors",
    "overlaps": "trustkit.collectors.overlaps:collect_overlaps",
    "perturbations": "trustkit.collectors.perturbations:collect_perturbations",
    "population": "trustkit.collectors.population:collect_population",
    "probes": "trustkit.collectors.probes:collect_probes",
    "profiles": "trustkit.collectors.profiles:collect_profiles",
    "provenance": "trustkit.collectors.provenance:collect_provenance",
    "proxies": "trustkit.collectors.proxies:collect_proxies",
    "quality": "trustkit.collectors.quality:collect_quality",
    "records": "trustkit.collectors.records:collect_records",
    "reruns": "trustkit.collectors.reruns:collect_reruns",
    "residuals": "trustkit.collectors.residuals:collect_residuals",
    "shifts": "trustkit.collectors.shifts:collect_shifts",
    "slices": "trustkit.collectors.slices:collect_slices",
    "trials": "trustkit.collectors.trials:collect_trials",
    "watched": "trustkit.collectors.watched:collect_watched",
}
"""The function that collects each kind of evidence from opened `Sources`."""

LAST = "exposures"
"""The kind that looks through all the others."""

Progress = Callable[[str, int, int], None]
"""Called with a stage, what is done of it and its total."""


def collect(
    system: System,
    *,
    only: Iterable[str] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    cache: str | Path | None = None,
    parts: str | Path | None = None,
) -> Evidence:
    """Measure a system once.

    Parameters
    ----------
    system : System
        What is audited.
    only : iterable of str, optional
        Kinds of evidence; all by default.
    seed : int
        Seed of whatever is drawn.
    progress : callable, optional
        Called with a stage, what is done of it and its total.
    cache : path, optional
        A folder to keep the evidence in, and to take it from where equal
        files were asked equally before. It may hold counts of few people.
    parts : path, optional
        A folder to keep the evidence of each finished file of a large table
        in, and to take it from where an earlier collection ended midway.

    Returns
    -------
    Evidence
        What a kind could not be collected for stands in its ``errors``.

    Raises
    ------
    ConfigError
        The configuration or the data is wrong; nothing was collected. Or a
        cache was asked for, and a part of the system has no digest.
    """
    wanted = kinds() if only is None else set(only)
    fresh = partial(_fresh, system, wanted, seed, progress, None if parts is None else Path(parts))
    if cache is None:
        return fresh()
    from trustkit.collectors.cache import reused

    return reused(Path(cache), system, wanted, seed, fresh)


def forget(parts: Path) -> None:
    """Delete a folder of the evidence of finished files.

    Raises
    ------
    ConfigError
        Where it cannot be deleted.
    """
    try:
        if parts.is_dir():
            shutil.rmtree(parts)
    except OSError as error:
        raise ConfigError([Problem(str(parts), error.strerror or "cannot be deleted")]) from None


def _fresh(
    system: System, wanted: set[str], seed: int, progress: Progress | None, parts: Path | None
) -> Evidence:
    """Evidence of the system as it is now."""
    from trustkit.collectors.sources import Sources

    most = 0 if "cells" not in wanted else 1 if parts is not None else sys.maxsize
    sources = Sources.open(system, progress, seed, counting=most)
    try:
        return _collected(sources, wanted, parts)
    finally:
        sources.close()


def _collected(sources: Any, wanted: set[str], parts: Path | None) -> Evidence:
    """Each kind that is wanted, or why there is none."""
    kinds, errors = sources.kinds, sources.errors
    absent: dict[str, tuple[str, str | None]] = {}
    costs: list[Collected] = []
    if sources.relation is not None:
        from trustkit.collectors.parts import collect_in_parts, costs_of

        tally = collect_in_parts(sources, wanted, parts)
        kinds.update(tally.kinds)
        errors.update(tally.errors)
        absent.update(tally.absent)
        costs += costs_of(sources, tally)
        wanted = wanted - {*tally.wanted}
    for kind in sorted(wanted, key=lambda kind: (kind == LAST, kind)):
        started, calls = time.perf_counter(), sources.model_calls
        sources.drawn()
        try:
            kinds[kind] = _collector(kind)(sources)
        except ConfigError:
            raise
        except Unavailable as signal:
            absent[kind] = (signal.reason, signal.supply)
            continue
        except Exception as error:
            errors[kind] = traced(error)
        seconds = time.perf_counter() - started
        sample = sources.drawn()
        rows = sources.rows if sample is None else sources.frame.rows
        costs.append(Collected(kind, seconds, rows, sources.model_calls - calls, sample))
    in_order = sorted(kinds, key=lambda kind: (kind == LAST, kind))
    return Evidence(
        sources.declared(),
        {kind: kinds[kind] for kind in in_order},
        errors,
        absent,
        tuple(costs),
        tuple(_reads(sources, kinds)),
        sources.seed,
        isolation=sources.isolation,
    )


def _reads(sources: Any, kinds: dict[str, Any]) -> Iterator[Read]:
    """Every file that was read, so that `verify` can tell whether it changed: data, model, documents."""
    from trustkit.collectors.provenance import model_files

    data_files = dict.fromkeys(each for frame in sources.opened() for each in frame.inputs)
    for data in data_files:
        yield Read(data.role, data.path, data.sha256, data.rows)
    read = {data.path for data in data_files}
    listed = getattr(kinds.get("provenance"), "files", None)
    for file in model_files(sources.system) if listed is None else listed:
        if file.path not in read:
            yield Read(file.role, file.path, file.sha256, 0)
    for kind, document in getattr(kinds.get("records"), "documents", {}).items():
        if kind != "card":
            yield Read(kind, document.path, document.sha256, 0)


def _collector(kind: str) -> Callable[[Any], Any]:
    """Our function of this kind, or the plugin's whose entry point has its name."""
    if kind in COLLECTORS:
        module, _, name = COLLECTORS[kind].partition(":")
        return getattr(import_module(module), name)
    for point in entry_points(group="trustkit.collectors", name=kind):
        return point.load()
    raise Unavailable(f"nothing collects evidence of kind {kind}")


def kinds() -> set[str]:
    """Kinds of evidence that can be collected: ours, and those of plugins."""
    return {*COLLECTORS, *(point.name for point in entry_points(group="trustkit.collectors"))}
