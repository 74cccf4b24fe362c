"""The collector of artifacts: scan the model's file, whether or not it was then loaded."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from trustkit.evidence import Unavailable
from trustkit.evidence.artifacts import Artifact, Artifacts, Found, Version
from trustkit.models.files import FileModel
from trustkit.models.scanning import ScanReport, scan

if TYPE_CHECKING:
    from trustkit.collectors.sources import Sources

_DISTRIBUTIONS = {
    "keras": ("keras",),
    "lightgbm": ("lightgbm",),
    "scikit-learn": ("scikit-learn",),
    "skl2onnx": ("skl2onnx",),
    "skops": ("skops",),
    "xgboost": ("xgboost", "xgboost-cpu"),
}
"""Frameworks whose version may be seen in a file, and the distributions that bring each."""

_SUPPLY = "system.model as a file, which is scanned before it is loaded"


def collect_artifacts(sources: Sources) -> Artifacts:
    """Tell what the scan of the model's file found.

    Raises
    ------
    Unavailable
        Where there is no file to scan: the model is an object, a function of
        a module, an endpoint, or there is none.
    """
    name, folder = sources.system.config.system.model, sources.system.folder
    if sources.system.model is not None:
        raise Unavailable("the model is an object in memory: it was trusted, not scanned", _SUPPLY)
    if name is None:
        raise Unavailable("there is no model: the data carry the decisions", _SUPPLY)
    if "://" in name:
        raise Unavailable("the model is behind an endpoint: there is no file to scan", _SUPPLY)
    if not (folder / name).exists():
        raise Unavailable(f"{name} is imported, which runs its code: it was trusted, not scanned", _SUPPLY)
    return Artifacts((artifact_of(_report(sources, folder / name), _shown(folder / name, folder)),))


def artifact_of(report: ScanReport, path: str) -> Artifact:
    """Return a scan's report as evidence, under a path that is relative to the configuration."""
    return Artifact(
        path,
        report.sha256,
        report.verdict,
        tuple(sorted(report.facts["kinds"])),
        tuple(sorted(Found(each.kind, each.what, each.where, each.why) for each in report.findings)),
        tuple(sorted(_versions(report.facts["versions"]))),
    )


def _report(sources: Sources, path: Path) -> ScanReport:
    """The scan that decided on loading; a new one where nothing was loaded."""
    if isinstance(sources.model, FileModel):
        return sources.model.report
    return sources.refused.report if sources.refused is not None else scan(path)


def _shown(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _versions(seen: Mapping[str, list[str]]) -> Iterator[Version]:
    for package, versions in seen.items():
        if package in _DISTRIBUTIONS:
            for each in versions:
                yield Version(package, each, _installed(_DISTRIBUTIONS[package]))


def _installed(distributions: tuple[str, ...]) -> str:
    for name in distributions:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return ""
