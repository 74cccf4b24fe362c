"""Model files: scanned first, trusted by digest where they can run code, loaded in a process of their own."""

from __future__ import annotations

import os
import random
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trustkit.errors import ConfigError, ModelError, Problem
from trustkit.models import wire
from trustkit.models.folders import model_within
from trustkit.models.process import Bounds, Process, Raised
from trustkit.models.scanning import Finding, ScanReport, scan
from trustkit.models.scanning.allowlist import split_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

BOUNDS = Bounds()
"""What the process of a model may use; memory besides what its file's size asks for."""

_MODEL, _TRUST = "system.model", "system.trust"
_SHOWN = 5
_CLASSES = 4096  # more than so many make no table of probabilities


@dataclass(frozen=True)
class Form:
    """A kind of file that can be loaded.

    Attributes
    ----------
    name : str
        As the model's process knows it.
    title : str
        As a person does.
    runs_code : bool
        Whether loading it can run code that it names.
    package, extra : str or None
        What must be installed for it, and the extra that brings it.
    """

    name: str
    title: str
    runs_code: bool = False
    package: str | None = None
    extra: str | None = None


_PICKLE = Form("pickle", "a pickle", runs_code=True)
_JOBLIB = Form("pickle", "a compressed pickle", runs_code=True)
_SKOPS = Form("skops", "a skops file", package="skops", extra="skops")
_ONNX = Form("onnx", "an ONNX model", package="onnxruntime", extra="onnx")
_XGBOOST = Form("xgboost", "an XGBoost model", package="xgboost", extra="xgboost")
_LIGHTGBM = Form("lightgbm", "a LightGBM model", package="lightgbm", extra="lightgbm")


class Refused(ConfigError):  # noqa: N818 (a file, not an error in a program)
    """A model file that is not loaded.

    Attributes
    ----------
    report : ScanReport
        What the scan found.
    """

    def __init__(self, problems: Sequence[Problem], report: ScanReport) -> None:
        super().__init__(problems)
        self.report = report


class FileModel:
    """A model in a process of its own, with the face of an estimator.

    It has ``predict``, ``predict_proba``, ``classes_`` and
    ``feature_names_in_`` where the model in the file has them.

    Attributes
    ----------
    type_name : str
        Name of the type of the model in the file; empty where it could not be loaded.
    report : ScanReport
        What the scan of the file found.
    why_not_clonable : str or None
        Why no clone of it can be fitted, where none can.
    """

    def __init__(
        self,
        report: ScanReport,
        process: Process | None,
        told: Mapping[str, Any],
        why: str,
        place: int = 0,
    ) -> None:
        self.report = report
        self._process, self._why, self._place = process, why, place
        self.why_not_clonable = why or _text(told.get("not_clonable")) or None
        self.type_name = _text(told.get("type"))
        self._has = _listed(told.get("has"))
        if "classes" in told:
            self.classes_ = [_text(each) for each in _listed(told["classes"])][:_CLASSES]
        if "features" in told:
            self.feature_names_in_ = [_text(each) for each in _listed(told["features"])]

    def __call__(self, X: pd.DataFrame) -> NDArray[Any]:
        """Ask a model that is a function."""
        return self._asked("call", X)

    @property
    def isolation(self) -> str:
        """Which limits held while it ran, in words."""
        if self._process is None:
            return f"the model could not be loaded: {self._why}"
        bounds, held = self._process.bounds, self._process.held
        limits = {
            "memory": f"{bounds.memory / 2**30:.1f} GiB of memory",
            "writing": "no content written to files",
            "files": "files read-only",
            "network": "no network",
            "processes": "no other process reached or left behind",
        }
        holds = [f"{bounds.seconds:g} s for a call"]
        holds += [words for name, words in limits.items() if name in held]
        lacks = [words for name, words in limits.items() if name not in held]
        lacking = f"; this system does not hold: {', '.join(lacks)}" if lacks else ""
        return f"the model ran in a process of its own, where these limits held: {', '.join(holds)}{lacking}"

    @property
    def has_ended(self) -> bool:
        """Whether its process died, or was ended since it took too long."""
        return self._process is None or self._process.has_ended

    def close(self) -> None:
        """End its process; of a clone, forget what it learned."""
        if self._process is None:
            return
        if self._place:
            with suppress(ModelError):
                self._process.ask({"op": "forget", "place": self._place})
        else:
            self._process.close()

    def refitted(self, X: pd.DataFrame, y: pd.Series[Any], *, seed: int) -> FileModel:
        """Fit a clone in the same process; for `cloning.refitted`, which says how.

        Raises
        ------
        NotClonable
            Where its ``fit`` raises.
        ModelError
            Where the table cannot be passed, or the process ended.
        """
        from trustkit.models.cloning import NotClonable

        process, header, body = self._packed(X.assign(**{wire.OUTCOME: y}))
        try:
            asked = {"op": "fit", "seed": seed, "seconds": process.bounds.seconds / 2, **header}
            told, _ = process.ask(asked, body)
        except Raised as error:
            if error.type == "NotClonable":
                raise NotClonable(error.text) from None
            raise NotClonable(f"fitting a clone of it raised {error.type}") from error
        place = told.get("place")
        if type(place) is not int or place < 1:
            raise ModelError("the model's process gave no clone that can be asked")
        return FileModel(self.report, process, told, self._why, place)

    def structure(self) -> dict[str, Any]:
        """What `structure.structure` says of it in its process; nothing where that fails."""
        if self._process is None:
            return {}
        try:
            told = self._process.ask({"op": "structure"})[0].get("structure")
        except (Raised, ModelError):
            return {}
        told = told if isinstance(told, dict) else {}
        counts = {name: told[name] for name in ("stored", "leaves", "pure", "smallest") if name in told}
        if not all(count is None or (type(count) is int and count >= 0) for count in counts.values()):
            return {}
        settings = told.get("settings")
        named = settings.items() if isinstance(settings, dict) else ()
        return counts | ({"settings": {_text(k)[:40]: _text(v)[:40] for k, v in named}} if named else {})

    @property
    def predict(self) -> Callable[[pd.DataFrame], NDArray[Any]]:
        """Ask for its decisions; absent where the model has none."""
        return self._method("predict")

    @property
    def predict_proba(self) -> Callable[[pd.DataFrame], NDArray[Any]]:
        """Ask for the probabilities of its classes; absent where the model has none."""
        return self._method("predict_proba")

    def _method(self, name: str) -> Callable[[pd.DataFrame], NDArray[Any]]:
        if name not in self._has:
            raise AttributeError(name)
        return partial(self._asked, name)

    def _asked(self, op: str, X: pd.DataFrame) -> NDArray[Any]:
        """Ask, with a seed from this process's generators: a model that draws is as it would be here."""
        process, header, body = self._packed(X)
        seed = int(np.random.randint(2**31)) ^ random.getrandbits(31)  # noqa: NPY002
        asked = {"op": op, "place": self._place, "seed": seed, **header}
        try:
            most = (1 << 20) + len(X) * 8 * _CLASSES
            return wire.unpack_answer(*process.ask(asked, body, most=most))
        except wire.WireError as error:
            raise ModelError(f"the model's process gave {error}") from None
        except Raised as error:
            if error.ours:
                raise ModelError(error.text) from None
            raise ModelError(f"the model raised {error.type}") from error

    def _packed(self, X: pd.DataFrame) -> tuple[Process, dict[str, Any], bytes]:
        """The process, and a table as it is passed to it."""
        if self._process is None:
            raise ModelError(self._why)
        try:
            return self._process, *wire.pack_table(X)
        except wire.WireError as error:
            raise ModelError(str(error)) from None


def load(name: str, *, folder: Path, trust: str | None, allow: Mapping[str, str]) -> FileModel:
    """Scan a model file or a folder of MLflow, see whether it is trusted, load it in a process of its own.

    Parameters
    ----------
    name : str
        The file or folder, relative to `folder`.
    folder : Path
        Also where the process finds the user's own modules.
    trust : str or None
        Digest that a file whose format can run code must have: ``sha256:...``.
    allow : mapping
        Imports that the owner allows besides the known ones, ``module:name``, with the reason.

    Raises
    ------
    Refused
        The scan did not allow it, or its digest is not the trusted one.
    ConfigError
        There is no such file, it holds no model, or a package is missing.
    """
    path = folder / name
    if not path.exists():
        raise ConfigError([Problem(_MODEL, f"there is no file {name}")])
    report = scan(path)
    shown = Path(os.path.relpath(path, folder)).as_posix()
    inside, why = _within(path, shown)
    form = None if why else form_of(report if inside is None else scan(path / inside))
    problems = list(_refusals(report, form, shown, trust, allow, why))
    if problems:
        raise Refused(problems, report)
    if form is None:
        raise AssertionError  # a file of no known form is refused
    if form.package is not None and not _installed(form.package):
        found = f"{shown} is {form.title}, and {form.package} is not installed"
        raise ConfigError([Problem(_MODEL, f"{found}: pip install 'trustkit-audit[{form.extra}]'")])
    paths = [str(folder), *([str(path / "code")] if (path / "code").is_dir() else [])]
    return _started(path, inside, report, form, paths, shown)


def _within(path: Path, name: str) -> tuple[Path | None, str]:
    """The model's file in a folder of MLflow, or why there is none; neither where `path` is a file."""
    try:
        return (model_within(path, name) if path.is_dir() else None), ""
    except ConfigError as error:
        return None, error.problems[0].found


def form_of(report: ScanReport) -> Form | None:
    """Tell by content which kind of loadable file was scanned; None for any other."""
    kinds, versions = set(report.facts["kinds"]), report.facts["versions"]
    if kinds == {"pickle"}:
        return _PICKLE
    if kinds == {"compressed", "pickle"}:
        return _JOBLIB
    if kinds == {"onnx"}:
        return _ONNX
    if kinds == {"xgboost"} or (kinds == {"json"} and "xgboost" in versions):
        return _XGBOOST
    if kinds == {"lightgbm"}:
        return _LIGHTGBM
    return _SKOPS if "zip" in kinds and "skops" in versions else None


def disallowed(report: ScanReport, allow: Mapping[str, str]) -> list[Finding]:
    """Findings of a scan that the owner has not allowed; a dangerous one stays."""
    names = {".".join(split_name(name)) for name in allow}
    return [
        finding
        for finding in report.findings
        if finding.kind != "unknown import" or finding.what not in names
    ]


def _refusals(
    report: ScanReport,
    form: Form | None,
    name: str,
    trust: str | None,
    allow: Mapping[str, str],
    why: str,
) -> list[Problem]:
    digest = f"sha256:{report.sha256}"
    found = disallowed(report, allow)
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    told = "; ".join(_told(finding) for finding in found[:_SHOWN])
    if form is None:
        holds = ", ".join(report.facts["kinds"]) or "nothing"
        scanned = f". The scan found {told}{more}" if found else ""
        why = why or f"{name} is no model file that can be loaded: it holds {holds}"
        return [Problem(_MODEL, f"{why}{scanned}")]
    problems = []
    if found:
        problems.append(Problem(_MODEL, f"{name} ({digest}) is not loaded. The scan found {told}{more}"))
        strangers = [finding.what for finding in found if finding.kind == "unknown import"]
        if len(strangers) == len(found):
            module, _, attribute = strangers[0].rpartition(".")
            key = 'options."security/artifact".allow'
            example = f'{{ "{module}:{attribute}" = "why it is safe" }}'
            problems.append(Problem(key, f"allows what you know to be safe: {example}"))
    if form.runs_code and trust is None and not any(finding.kind == "dangerous" for finding in found):
        scanned = "nothing against it" if not found else "what is said above"
        problems.append(
            Problem(
                _TRUST,
                f"{name} is {form.title}, which can run code when it is loaded, and is not trusted. The scan "
                f'found {scanned}. If you know where it comes from: trust = "{digest}"',
            )
        )
    elif form.runs_code and trust is not None and trust.lower() != digest:
        problems.append(
            Problem(_TRUST, f"{name} is not the file that is trusted: its digest is {digest}, not {trust}")
        )
    return problems


def _started(
    path: Path, inside: Path | None, report: ScanReport, form: Form, paths: list[str], name: str
) -> FileModel:
    process, why = None, ""
    told: dict[str, Any] = {}
    types = [f"{module}.{attribute}" for module, attribute in report.facts["imports"]]
    try:
        process = Process(BOUNDS.for_file((path / (inside or "")).stat().st_size), paths)
        told, _ = process.ask(
            {
                "op": "load",
                "path": str(path),
                "inside": None if inside is None else inside.as_posix(),
                "sha256": report.sha256,
                "form": form.name,
                "types": types,
            }
        )
    except Raised as error:
        if process is not None:
            process.close()
        if error.type not in ("MemoryError", "SystemExit", "KeyboardInterrupt"):
            said = error.text if error.ours else f"{error.type}: {error.text}"
            raise ConfigError([Problem(_MODEL, f"{name} cannot be loaded: {said}")]) from error
        process, why = None, f"loading {name} raised {error.type}"
    except ModelError as error:
        process, why = None, f"loading {name}: {error}"
    if process is not None and not _is_model(told):
        process.close()
        kind = "the class " if told.get("class") else "a "
        found = f"{name} holds {kind}{_text(told.get('type'))}, which is no model that can predict"
        raise ConfigError([Problem(_MODEL, found)])
    return FileModel(report, process, told, why)


def _is_model(told: Mapping[str, Any]) -> bool:
    return not told.get("class") and bool("predict" in _listed(told.get("has")) or told.get("call"))


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _told(finding: Finding) -> str:
    return _text(f"{finding.what} ({finding.kind}) at {finding.where}: {finding.why}")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    """Keep text of a hostile file short and from steering a terminal."""
    text = value if isinstance(value, str) else ""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:500])
