"""Evidence: what was measured once from a system, judged later without data or model."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, Self, get_type_hints

from trustkit.errors import ConfigError, Problem

FORMAT = "trustkit-evidence/1"

KINDS = {
    "ablations": "trustkit.evidence.ablations:Ablations",
    "artifacts": "trustkit.evidence.artifacts:Artifacts",
    "buckets": "trustkit.evidence.buckets:Buckets",
    "cells": "trustkit.evidence.cells:Cells",
    "classes": "trustkit.evidence.classes:Classes",
    "confidences": "trustkit.evidence.confidences:Confidences",
    "copies": "trustkit.evidence.copies:Copies",
    "dependencies": "trustkit.evidence.dependencies:Dependencies",
    "contents": "trustkit.evidence.contents:Contents",
    "evasions": "trustkit.evidence.evasions:Evasions",
    "exposures": "trustkit.evidence.exposures:Exposures",
    "expectations": "trustkit.evidence.expectations:Expectations",
    "fits": "trustkit.evidence.fits:Fits",
    "flips": "trustkit.evidence.flips:Flips",
    "histograms": "trustkit.evidence.histograms:Histograms",
    "inferences": "trustkit.evidence.inferences:Inferences",
    "memberships": "trustkit.evidence.memberships:Memberships",
    "neighbors": "trustkit.evidence.neighbors:Neighbors",
    "overlaps": "trustkit.evidence.overlaps:Overlaps",
    "perturbations": "trustkit.evidence.perturbations:Perturbations",
    "population": "trustkit.evidence.population:Population",
    "probes": "trustkit.evidence.probes:Probes",
    "profiles": "trustkit.evidence.profiles:Profiles",
    "provenance": "trustkit.evidence.provenance:Provenance",
    "proxies": "trustkit.evidence.proxies:Proxies",
    "quality": "trustkit.evidence.quality:Quality",
    "records": "trustkit.evidence.records:Records",
    "reruns": "trustkit.evidence.reruns:Reruns",
    "residuals": "trustkit.evidence.residuals:Residuals",
    "shifts": "trustkit.evidence.shifts:Shifts",
    "slices": "trustkit.evidence.slices:Slices",
    "trials": "trustkit.evidence.trials:Trials",
    "watched": "trustkit.evidence.watched:Watched",
}
"""Where each kind of evidence is defined."""


class Unavailable(Exception):  # noqa: N818 (a signal, not an error)
    """Raised by a collector whose kind this system cannot yield.

    Parameters
    ----------
    reason : str
        Why, in words for the card.
    supply : str, optional
        What the owner would have to supply.
    """

    def __init__(self, reason: str, supply: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.supply = reason, supply


class Kind(Protocol):
    """One kind of evidence: it adds, and goes to plain data and back without loss."""

    @property
    def schema(self) -> Mapping[str, Any]:
        """What was declared before the data was seen; only equal schemas add."""

    def __add__(self, other: Any) -> Any: ...

    def to_json(self) -> dict[str, Any]:
        """Plain data."""

    def notes(self) -> list[str]:
        """What the card should say of it."""


@dataclass(frozen=True)
class Collected:
    """What collecting one kind took, and of which sample, in words, where not all rows were looked at."""

    kind: str
    seconds: float
    rows: int
    model_calls: int = 0
    sample: str | None = None

    def __add__(self, other: Collected) -> Collected:
        seconds, rows = self.seconds + other.seconds, self.rows + other.rows
        samples = "; ".join(filter(None, (self.sample, other.sample))) or None
        return Collected(self.kind, seconds, rows, self.model_calls + other.model_calls, samples)

    def to_json(self) -> dict[str, Any]:
        """Plain data; without a sample, nothing is said of one."""
        return {key: value for key, value in asdict(self).items() if key != "sample" or value is not None}


@dataclass(frozen=True)
class Read:
    """A file that was read."""

    role: str
    path: str
    sha256: str
    rows: int


@dataclass(frozen=True)
class Evidence:
    """Counts and facts of a system, by kind.

    Attributes
    ----------
    system : mapping
        What the owner declared: name, purpose, the role of each column.
    kinds : mapping of str to Kind
        The evidence.
    errors : mapping of str to str
        Kinds that could not be collected, with the traceback.
    absent : mapping of str to (str, str or None)
        Kinds that this system cannot yield: why, and what to supply.
    costs : tuple of Collected
        What each kind took.
    inputs : tuple of Read
        Files read.
    seed : int
        Seed of whatever was drawn.
    shared : bool
        Whether small cells were pooled; such evidence does not add.
    isolation : str or None
        Where the model ran and under which limits, in words; None where it
        was in the audit's own process.
    reused : str or None
        When it was collected, where it was taken from a cache.
    """

    system: Mapping[str, Any]
    kinds: Mapping[str, Any]
    errors: Mapping[str, str]
    absent: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)
    costs: tuple[Collected, ...] = ()
    inputs: tuple[Read, ...] = ()
    seed: int = 0
    shared: bool = False
    isolation: str | None = None
    reused: str | None = None

    @property
    def schema(self) -> dict[str, Any]:
        """What must be equal for evidence to add."""
        kinds = {name: dict(kind.schema) for name, kind in self.kinds.items()}
        return {"system": dict(self.system), "seed": self.seed, **kinds}

    @property
    def digest(self) -> str:
        """Digest of the schema."""
        return "sha256:" + hashlib.sha256(_canonical(self.schema).encode()).hexdigest()

    def __add__(self, other: Evidence) -> Evidence:
        if self.shared or other.shared:
            raise ConfigError(
                [Problem("evidence", "made with --share: its small cells are pooled, so it does not add")]
            )
        differing = _differences(self.schema, other.schema)
        if differing:
            raise ConfigError([Problem("evidence", f"does not add: {key} differs") for key in differing])
        costs = {cost.kind: cost for cost in self.costs}
        for cost in other.costs:
            costs[cost.kind] = costs[cost.kind] + cost if cost.kind in costs else cost
        return replace(
            self,
            kinds={name: kind + other.kinds[name] for name, kind in self.kinds.items()},
            errors={**self.errors, **other.errors},
            costs=tuple(costs.values()),
            inputs=tuple(sorted({*self.inputs, *other.inputs}, key=lambda read: (read.role, read.path))),
            # a part that ran in the audit's own process was not isolated, nor then is the whole
            isolation=self.isolation if other.isolation is not None else None,
        )

    def without_small_cells(self, min_cell: int) -> Evidence:
        """Return evidence to share: nothing in it stands for 1 to ``min_cell - 1`` rows.

        A kind that is no cells and has no method ``without_small_cells``, or
        whose method returns None, is left out: to leave out single claims, by
        their outcomes, would let the others pass without them.
        """
        from trustkit.evidence.cells import Cells
        from trustkit.evidence.sharing import without_small_cells

        kinds, absent = {}, dict(self.absent)
        try:
            for name, kind in self.kinds.items():
                if isinstance(kind, Cells):
                    kinds[name] = without_small_cells(kind, min_cell)
                elif hasattr(kind, "without_small_cells"):
                    shared = kind.without_small_cells(min_cell)
                    if shared is None:
                        absent[name] = (
                            f"evidence of kind {name} with counts under {min_cell} is not shared",
                            f"the evidence as it was collected: its {name} hold small counts",
                        )
                    else:
                        kinds[name] = shared
                else:
                    absent[name] = (f"evidence of kind {name} is not shared", None)
        except ValueError as error:
            raise ConfigError([Problem("--share", str(error))]) from None
        return replace(self, kinds=kinds, absent=absent, shared=True)

    @property
    def private(self) -> bool:
        """Whether noise was added to its counts."""
        return getattr(self.kinds.get("cells"), "noise", None) is not None

    def with_noise(self, epsilon: float) -> Evidence:
        """Return evidence to publish: the cells alone, with noise in every count.

        All else is left out, also the digests and the number of rows of the
        files: each is a function of the rows, and no noise was added to it.

        Parameters
        ----------
        epsilon : float
            How much one row may change what is seen: by a factor of at most
            ``exp(epsilon)``.

        Raises
        ------
        ConfigError
            Where there are no cells, or their rows have a unit or weights, or
            the extra ``private`` is not installed.
        """
        from trustkit.evidence.noise import with_noise

        if "cells" not in self.kinds:
            raise ConfigError([Problem("--epsilon", "there are no cells of groups and decisions to release")])
        try:
            noisy = with_noise(self.kinds["cells"], epsilon)
        except ValueError as error:
            raise ConfigError([Problem("--epsilon", str(error))]) from None
        others = {*self.kinds, *self.absent, *self.errors} - {"cells"}
        why = ("noise was added to the counts of groups alone", "the evidence as it was collected")
        absent = dict.fromkeys(sorted(others), why)
        return Evidence(self.system, {"cells": noisy}, {}, absent, seed=self.seed, shared=True)

    def save(self, path: str | Path) -> None:
        """Write the evidence as JSON, whole or not at all."""
        data = {
            "format": FORMAT,
            "digest": self.digest,
            "shared": self.shared,
            "system": dict(self.system),
            "seed": self.seed,
            "errors": dict(self.errors),
            "absent": dict(self.absent),
            "costs": [cost.to_json() for cost in self.costs],
            "inputs": [asdict(read) for read in self.inputs],
            "kinds": {name: kind.to_json() for name, kind in self.kinds.items()},
            **({} if self.isolation is None else {"isolation": self.isolation}),
        }
        write_whole(Path(path), json.dumps(data, separators=(",", ":"), ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        ConfigError
            When the file is missing, is no evidence of format 1, or was changed.
        """
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
            if not isinstance(data, dict) or data.get("format") != FORMAT:
                raise ConfigError([Problem(str(path), f"not evidence of format {FORMAT}")])
            evidence = cls(
                system=data["system"],
                kinds={name: _class(name).from_json(kind) for name, kind in data["kinds"].items()},
                errors=data["errors"],
                absent={kind: (why, supply) for kind, (why, supply) in data["absent"].items()},
                costs=tuple(Collected(**cost) for cost in data["costs"]),
                inputs=tuple(Read(**read) for read in data["inputs"]),
                seed=data["seed"],
                shared=data["shared"],
                isolation=data.get("isolation"),
            )
        except OSError as error:
            raise ConfigError([Problem(str(path), error.strerror or "cannot be read")]) from None
        except (UnicodeDecodeError, json.JSONDecodeError):
            raise ConfigError([Problem(str(path), "not JSON")]) from None
        except (KeyError, TypeError, ValueError, IndexError) as error:
            if isinstance(error, ConfigError):
                raise
            raise ConfigError(
                [Problem(str(path), f"damaged evidence: {type(error).__name__} {error}")]
            ) from None
        if evidence.digest != data["digest"]:
            raise ConfigError([Problem(str(path), "its schema does not have the digest it states")])
        return evidence


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all: beside it first, then in its place."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise ConfigError([Problem(str(path), error.strerror or "cannot be written")]) from None


def _class(kind: str) -> Any:
    """Class of a kind: ours, or what a plugin's collector of that name says it returns."""
    if kind in KINDS:
        module, _, name = KINDS[kind].partition(":")
        return getattr(import_module(module), name)
    for point in entry_points(group="trustkit.collectors", name=kind):
        return get_type_hints(point.load())["return"]
    raise ValueError(f"there is no evidence of kind {kind!r}: is the plugin that collects it installed?")


def _canonical(data: Any) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _differences(one: Any, other: Any, key: str = "") -> Sequence[str]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        keys = sorted({*one, *other})
        return [d for k in keys for d in _differences(one.get(k), other.get(k), f"{key}.{k}".lstrip("."))]
    return [] if _canonical(one) == _canonical(other) else [key]
