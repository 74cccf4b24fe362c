"""Policies: TOML catalogues of controls, their limits and sources. Data, not code."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from trustkit.errors import ConfigError, Problem, nearest
from trustkit.policy.citations import cited, frameworks, unconfirmed
from trustkit.policy.overlays import available, chain, overlaid

__all__ = [
    "DEFAULT",
    "CheckUse",
    "Control",
    "Limit",
    "Policy",
    "available",
    "cited",
    "frameworks",
    "merged",
    "unconfirmed",
]

DEFAULT = "unga-78-265"


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
    reported : bool
        Whether the source asks for the figures and sets no mark: they are
        shown, and nothing of them is judged.
    """

    check: Annotated[str, Field(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")]
    groups: Literal["all", "single", "intersections"] = "all"
    options: Mapping[str, Any] = {}
    limits: Mapping[Annotated[str, Field(pattern=r"^(min|max)_[a-z0-9_]+$")], Limit] = {}
    reported: bool = False


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
    remedy : str
        What to do where it is not met.
    effort : {"low", "medium", "high"} or None
        What the remedy takes.
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
    remedy: str = ""
    effort: Literal["low", "medium", "high"] | None = None


class Policy(_Part):
    """A catalogue of controls and the chance of a false fail that they share.

    Attributes
    ----------
    id, version, title, description : str
        What it is.
    alpha : float
        Chance that a sound system is failed anywhere on the card.
    extends : str or None
        The policy that its file starts from: a packaged id, or a file beside it.
    group_by : str or None
        Framework of the crosswalk by whose clauses a page groups the controls.
    controls : tuple of Control
        In the order of the card.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    version: str
    title: str
    description: str = ""
    alpha: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    extends: str | None = None
    group_by: str | None = None
    controls: Annotated[tuple[Control, ...], Field(strict=False, min_length=1)]
    _sha256: str = PrivateAttr("")

    @property
    def sha256(self) -> str:
        """Digest of the file it was read from; of several, joined by a zero byte, the base first."""
        return self._sha256

    @classmethod
    def load(cls, id_or_path: str | Path) -> Policy:
        """Read a packaged policy by id (``id@version`` pins), or a TOML file.

        Raises
        ------
        ConfigError
            Unknown id, missing or malformed file, or another version than pinned.
        """
        base, *overlays = chain(str(id_or_path))
        table, policy = base.table, cls._checked(base.table, base.name)
        for over in overlays:
            table = overlaid(table, over.name, over.table)
            policy = cls._checked(table, over.name)
        contents = [source.content for source in (base, *overlays)]
        policy._sha256 = hashlib.sha256(b"\0".join(contents)).hexdigest()
        return policy

    @classmethod
    def _checked(cls, table: Mapping[str, Any], name: str) -> Policy:
        try:
            policy = cls.model_validate(table)
        except ValidationError as error:
            raise ConfigError([_problem(name, table, detail) for detail in error.errors()]) from None
        problems = [Problem(f"{name}: {key}", *what) for key, *what in policy._contradictions()]
        if problems:
            raise ConfigError(problems)
        return policy

    def _contradictions(self) -> Iterator[tuple[str, str] | tuple[str, str, str | None]]:
        ids = [control.id for control in self.controls]
        for id in sorted({id for id in ids if ids.count(id) > 1}):
            yield "controls", f"{id} occurs twice"
        for control in self.controls:
            for use in control.checks:
                if use.reported and use.limits:
                    found = f"{use.check} is reported, so it has no limits"
                    yield f"controls.{control.id}.checks", found
        related = {framework for control in self.controls for framework in control.crosswalk}
        if self.group_by is not None and self.group_by not in related:
            found = f"no control has a clause of {self.group_by!r}"
            yield "group_by", found, nearest(self.group_by, related)


def merged(policies: Sequence[Policy]) -> tuple[Control, ...]:
    """Controls of several policies; of one id the first stands."""
    controls: dict[str, Control] = {}
    for policy in policies:
        for control in policy.controls:
            controls.setdefault(control.id, control)
    return tuple(controls.values())


def _problem(name: str, table: Mapping[str, Any], detail: Any) -> Problem:
    """Say what is wrong in a file; controls go by their ids."""
    parts: dict[str, type[_Part]] = {"controls": Control, "checks": CheckUse, "limits": Limit}
    loc = list(detail["loc"])
    of = [parts[step] for step in loc[:-1] if step in parts]
    if len(loc) > 1 and loc[0] == "controls" and isinstance(table["controls"][loc[1]], dict):
        loc[1] = table["controls"][loc[1]].get("id", loc[1])
    key = f"{name}: {'.'.join(map(str, loc))}"
    if detail["type"] == "extra_forbidden":
        known = (of[-1] if of else Policy).model_fields
        return Problem(key, "unknown key", nearest(str(loc[-1]), known))
    return Problem(key, detail["msg"][:1].lower() + detail["msg"][1:])
