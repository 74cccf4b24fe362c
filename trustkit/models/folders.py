"""Folders that MLflow writes: which file in them is the model, by the flavors that MLflow declares."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from trustkit.errors import ConfigError, Problem

DECLARATION = "MLmodel"
"""The file that makes a folder one of MLflow's."""

_KEY = "system.model"
_LARGEST = 1 << 20
_FLAVORS = {"sklearn": "pickled_model", "xgboost": "data", "lightgbm": "data", "onnx": "data"}
"""Flavors whose model is one file that is loaded without MLflow, and the key that names it."""


def model_within(folder: Path, name: str) -> Path:
    """Return the model's file, relative to its folder.

    MLflow need not be installed: the file is loaded as it would be without a
    folder around it, so that a classifier gives its probabilities too.

    Parameters
    ----------
    folder : Path
        The folder.
    name : str
        How its owner calls it.

    Raises
    ------
    ConfigError
        It is no folder of MLflow, of another flavor, or its file is not inside.
    """
    flavors = _flavors(folder / DECLARATION, name)
    flavor = _flavor(flavors, name)
    key = _FLAVORS[flavor]
    file = flavors[flavor].get(key)
    inside = PurePosixPath(file) if isinstance(file, str) else PurePosixPath()
    if inside.is_absolute() or ".." in inside.parts or not (folder / inside).is_file():
        raise _problem(f"{name}/{DECLARATION}: {flavor}.{key} is {str(file)[:80]!r}, which is no file inside")
    return Path(inside)


def _flavors(file: Path, name: str) -> dict[str, Any]:
    if not file.is_file():
        raise _problem(f"{name} is a folder without a file {DECLARATION}: no model file that can be loaded")
    import yaml

    try:
        with file.open("rb") as opened:
            declared = yaml.safe_load(opened.read(_LARGEST))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError):
        raise _problem(f"{name}/{DECLARATION} cannot be read as YAML") from None
    flavors = declared.get("flavors") if isinstance(declared, dict) else None
    if not isinstance(flavors, dict) or not all(isinstance(each, dict) for each in flavors.values()):
        raise _problem(f"{name}/{DECLARATION} names no flavors")
    return {str(key): value for key, value in flavors.items()}


def _flavor(flavors: dict[str, Any], name: str) -> str:
    """Flavor by the module that MLflow would load it with, which other flavors may stand beside."""
    loader = str(flavors.get("python_function", {}).get("loader_module", ""))[:80]
    declared = loader.removeprefix("mlflow.") if loader else next((n for n in _FLAVORS if n in flavors), "")
    if declared not in _FLAVORS or declared not in flavors:
        known = ", ".join(f"mlflow.{each}" for each in _FLAVORS)
        raise _problem(
            f"{name} has the loader_module {loader!r}; a folder is loaded where it is one of {known}"
        )
    return declared


def _problem(found: str) -> ConfigError:
    return ConfigError([Problem(_KEY, found)])
