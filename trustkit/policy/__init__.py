"""Policies: TOML catalogues of controls, their limits and sources. Data, not code."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from trustkit.errors import ConfigError, Problem, nearest

DEFAULT = "fairness-baseline"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Limit(_Part):
    """A bound on a metric, and where it comes from."""

    value: float
    source: str


class CheckUse(_Part):
    """A check that settles a control, with its limits.

    Attributes
    ----------
    check : str
        Id of the check.
    groups : {"all", "single", "intersections"}
        Which of its estimates: of one attribute, of two together, or all.
    options : mapping
        Keyword arguments of the check.
    limits : mapping of str to Limit
        ``min_METRIC`` or ``max_METRIC``; a metric without one is shown.
    """

    check: Annotated[str, Field(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")]
    groups: Literal["all", "single", "intersections"] = "all"
    options: Mapping[str, Any] = {}
    limits: Mapping[Annotated[str, Field(pattern=r"^(min|max)_[a-z0-9_]+$")], Limit] = {}


class Control(_Part):
    """One requirement: its sources, and what settles it.

    Attributes
    ----------
    id, title, requirement : str
        Stable id, short title, requirement in plain words.
    principle, area : str
        Where it stands on the card.
    severity : {"critical", "high", "medium", "low"}
        Its weight in the score.
    evidence : {"computed", "document", "attestation"}
        What kind of evidence settles it.
    sources : tuple of str
        Clauses that it is aligned with.
    crosswalk : mapping of str to tuple of str
        Related clauses by framework.
    checks : tuple of CheckUse
        The checks that settle it.
    """

    id: Annotated[str, Field(pattern=r"^[A-Z0-9]+(-[A-Z0-9]+)+$")]
    title: str
    requirement: str
    principle: Literal["safe", "secure", "trustworthy"]
    area: str
    severity: Literal["critical", "high", "medium", "low"]
    evidence: Literal["computed", "document", "attestation"] = "computed"
    sources: Annotated[tuple[str, ...], Field(strict=False)] = ()
    crosswalk: Mapping[str, Annotated[tuple[str, ...], Field(strict=False)]] = {}
    checks: Annotated[tuple[CheckUse, ...], Field(strict=False)] = ()


class Policy(_Part):
    """A catalogue of controls and the chance of a false fail that they share.

    Attributes
    ----------
    id, version, title, description : str
        What it is.
    alpha : float
        Chance that a sound system is failed anywhere on the card.
    controls : tuple of Control
        In the order of the card.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    version: str
    title: str
    description: str = ""
    alpha: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    controls: Annotated[tuple[Control, ...], Field(strict=False, min_length=1)]
    _sha256: str = PrivateAttr("")

    @property
    def sha256(self) -> str:
        """Digest of the file it was read from."""
        return self._sha256

    @classmethod
    def load(cls, id_or_path: str | Path) -> Policy:
        """Read a packaged policy by id (``id@version`` pins), or a TOML file.

        Raises
        ------
        ConfigError
            Unknown id, missing or malformed file, or another version than pinned.
        """
        name, _, version = str(id_or_path).partition("@")
        packaged = available()
        if name in packaged:
            policy = cls._parse(packaged[name].read_bytes(), name)
        elif name.endswith(".toml"):
            policy = cls._parse(_read(Path(name)), name)
        else:
            raise ConfigError([Problem("policy.use", f"no policy {name!r}", nearest(name, packaged))])
        if version and version != policy.version:
            found = f"{name} is version {policy.version}, not {version}"
            raise ConfigError([Problem("policy.use", found, f"{name}@{policy.version}")])
        return policy

    @classmethod
    def _parse(cls, content: bytes, name: str) -> Policy:
        try:
            policy = cls.model_validate(tomllib.loads(content.decode()))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError([Problem(name, f"not TOML: {error}")]) from None
        except ValidationError as error:
            raise ConfigError([_problem(name, detail) for detail in error.errors()]) from None
        policy._sha256 = hashlib.sha256(content).hexdigest()
        ids = [control.id for control in policy.controls]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ConfigError([Problem(f"{name}: controls", f"{i} occurs twice") for i in twice])
        return policy


@cache
def available() -> dict[str, Any]:
    """Packaged policies, ours and the plugins', by id."""
    folders = [files("trustkit.policy") / "policies"]
    folders += [
        files(point.value) for point in sorted(entry_points(group="trustkit.policies"), key=lambda p: p.name)
    ]
    found = [file for folder in folders for file in folder.iterdir() if file.name.endswith(".toml")]
    return {file.name.removesuffix(".toml"): file for file in sorted(found, key=lambda file: file.name)}


def merged(policies: Sequence[Policy]) -> tuple[Control, ...]:
    """Controls of several policies; of one id the first stands."""
    controls: dict[str, Control] = {}
    for policy in policies:
        for control in policy.controls:
            controls.setdefault(control.id, control)
    return tuple(controls.values())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        beside = [p.name for p in path.parent.glob("*.toml")] if path.parent.is_dir() else []
        found = f"{path}: {error.strerror or 'cannot be read'}"
        raise ConfigError([Problem("policy.use", found, nearest(path.name, beside))]) from None


def _problem(name: str, detail: Any) -> Problem:
    key = ".".join(map(str, detail["loc"]))
    if detail["type"] == "extra_forbidden":
        return Problem(f"{name}: {key}", "unknown key", nearest(str(detail["loc"][-1]), _keys()))
    return Problem(f"{name}: {key}", detail["msg"][:1].lower() + detail["msg"][1:])


def _keys() -> set[str]:
    return {key for part in (Policy, Control, CheckUse, Limit) for key in part.model_fields}
