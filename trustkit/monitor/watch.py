"""The watch: what is watched of a deployed system, fixed before its stream is seen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from typing import Any, Self

import numpy as np

from trustkit.config import Config
from trustkit.errors import ConfigError, Problem, nearest
from trustkit.evidence import Evidence
from trustkit.evidence.cells import Cells, ordered
from trustkit.evidence.histograms import Histogram
from trustkit.evidence.score_bins import SCORE_EDGES
from trustkit.evidence.tables import MISSING, OTHER
from trustkit.judging.claims import Claim
from trustkit.judging.docket import Docket
from trustkit.judging.plan import Plan
from trustkit.measure.budget import claim_weights
from trustkit.monitor.claims import CHECKS, WatchedClaim, families, watchable
from trustkit.policy import Policy

FORMAT = "trustkit-store/1"

SCORE_BINS = 20
"""Scores are counted in bins of 0.05, with the exact sum of each."""

COLUMN_BINS = 20
"""Numbers are counted in about so many bins of about equal reference rows."""

MOST_COLUMNS = 200
"""So many inputs are watched; the rest is named."""

SHIFT = {"max": 0.1, "source": "trustkit default"}


@dataclass(frozen=True)
class Column:
    """The bins of one input, and the audited rows in each.

    Attributes
    ----------
    of : {"numbers", "labels", "text"}
        Bin 0 is of missing values. Numbers: bin i + 1 is of values from
        ``edges[i - 1]`` to below ``edges[i]``. Labels: bin i + 1 is of
        ``labels[i]``, and the last of all others. Text: bin 1 is of all values.
    edges : tuple of float
        Increasing; of numbers alone.
    labels : tuple of str
        Canonical text; of labels alone.
    reference : tuple of int
        Audited rows in each bin.
    """

    of: str
    edges: tuple[float, ...]
    labels: tuple[str, ...]
    reference: tuple[int, ...]

    @classmethod
    def of_histogram(cls, histogram: Histogram) -> Self:
        """Bins of about equal rows, out of those of the evidence."""
        present = histogram.rows - histogram.missing
        if histogram.of == "labels":
            labels = ordered(set(histogram.counts) - {OTHER})
            counts = [histogram.missing, *(histogram.counts[label] for label in labels)]
            counts.append(histogram.counts.get(OTHER, 0))
            return cls("labels", (), labels, tuple(counts))
        if histogram.of == "text" or not histogram.counts:
            return cls("text", (), (), (histogram.missing, present))
        values, rows = zip(*sorted((float(text), n) for text, n in histogram.counts.items()), strict=True)
        edges = _edges(values, rows)
        bins = np.searchsorted(edges, values, side="right")
        counts = np.bincount(bins, weights=rows, minlength=len(edges) + 1).astype(int).tolist()
        return cls("numbers", edges, (), (histogram.missing, *counts))

    @property
    def bins(self) -> int:
        """How many there are, that of missing values among them."""
        return len(self.reference)


def _edges(values: Sequence[float], rows: Sequence[int]) -> tuple[float, ...]:
    """Values at which about every twentieth of the rows begins, and those next to frequent ones."""
    total, reached, edges = sum(rows), list(accumulate(rows)), []
    for place in range(1, len(values)):
        before = reached[place - 1] - rows[place - 1]
        crosses = before * COLUMN_BINS // total != reached[place - 1] * COLUMN_BINS // total
        frequent = max(rows[place - 1], rows[place]) * COLUMN_BINS >= total
        if crosses or frequent:
            edges.append(values[place])
    return tuple(edges)


@dataclass(frozen=True)
class Watch:
    """What is watched, as plain data: the store carries it, so that no evidence is needed to read a store.

    Attributes
    ----------
    system : mapping
        Name, version and classes of the audited system.
    model : str or None
        Digest of the audited model, ``sha256:...``.
    attributes : tuple of str
        The sensitive attributes.
    labels : mapping of str to tuple of str
        Of each attribute, of ``prediction`` and of ``truth``: the labels of
        the audit, then ``(other)`` for what it did not see, then ``(missing)``.
    edges : mapping of str to tuple of float
        Edges of the attributes that are cut into bins.
    positive, favorable : str or None, tuple of str
        The classes of the two roles.
    columns : mapping of str to Column
        The inputs.
    groups : mapping of str to int
        Audited rows of each group: ``attribute=label``.
    score : tuple of int, or None
        Audited rows in each of the `SCORE_BINS` bins; None where there was no score.
    claims : tuple of WatchedClaim
        Fixed with the watch: their weights sum to 1.
    shift : mapping
        Limit on the distance of an input, or of the score, from the audit: ``max`` and ``source``.
    alpha : float
        Chance that any claim is called violated though it holds, over the monitor's life.
    window, label_delay, label_ttl : float
        Seconds.
    windows : int
        Over so many windows at most one false alarm of change is to be expected.
    rows_per_person : int
        The most rows that one person has in a window.
    lateness : float
        Seconds by which a pane closes after its end.
    min_cell : int
        Counts below this are not shown; the policy section's.
    notes : tuple of str
        What of the audit is not watched, and why.
    strata : tuple of str
        Columns, other than the attributes, within whose groups claims are watched; with labels as these.
    """

    system: Mapping[str, Any]
    model: str | None
    attributes: tuple[str, ...]
    labels: Mapping[str, tuple[str, ...]]
    edges: Mapping[str, tuple[float, ...]]
    positive: str | None
    favorable: tuple[str, ...]
    columns: Mapping[str, Column]
    groups: Mapping[str, int]
    score: tuple[int, ...] | None
    claims: tuple[WatchedClaim, ...]
    shift: Mapping[str, Any]
    alpha: float
    window: float
    label_delay: float
    label_ttl: float
    windows: int
    rows_per_person: int
    lateness: float
    min_cell: int = 5
    notes: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        evidence: Evidence,
        policy: str | Policy | None = None,
        *,
        config: Config | None = None,
        alpha: float = 0.05,
        window: float = 3600.0,
        label_delay: float = 28 * 86400.0,
        label_ttl: float = 90 * 86400.0,
        windows: int = 10_000,
        rows_per_person: int = 1,
        lateness: float = 0.0,
    ) -> Self:
        """Take the claims and limits of a policy, and groups, bins and reference of evidence.

        Raises
        ------
        ConfigError
            For evidence without cells or made with noise, or a policy that means nothing or has strata that
            the evidence lacks.
        """
        cells = evidence.kinds.get("cells")
        if not isinstance(cells, Cells) or evidence.shared:
            found = "has no exact counts of groups and decisions (made with --share, or of other kinds alone)"
            raise ConfigError([Problem("evidence", found)])
        plan = _plan(policy, config or Config.of())
        claims, notes = _claims(evidence, cells, plan)
        used = {name for claim in claims for name in (*claim.strata, *claim.stratum)}
        strata = tuple(name for name in cells.strata if name in used and name not in cells.attributes)
        columns, more = _columns(evidence)
        provenance = evidence.kinds.get("provenance")
        edges = evidence.system.get("bins", {})
        return cls(
            system={key: evidence.system[key] for key in ("name", "version") if key in evidence.system},
            model=getattr(provenance, "model_digest", None),
            attributes=cells.attributes,
            labels={
                name: _with_unseen(cells, name)
                for name in (*cells.attributes, *strata, "prediction", "truth")
            },
            edges={name: tuple(map(float, edges[name])) for name in cells.attributes if name in edges},
            positive=cells.schema["positive"],
            favorable=tuple(cells.schema["favorable"]),
            columns=columns,
            groups=_rows_of_groups(cells, (*cells.attributes, *strata)),
            score=_score(cells),
            claims=claims,
            shift=_shift(plan),
            alpha=alpha,
            window=window,
            label_delay=label_delay,
            label_ttl=label_ttl,
            windows=windows,
            rows_per_person=rows_per_person,
            lateness=lateness,
            min_cell=plan.config.policy.min_cell,
            notes=(*notes, *more, *_unlike(cells)),
            strata=strata,
        )

    @property
    def axes(self) -> tuple[str, ...]:
        """What each decision is counted by, beside its outcome: the attributes, then the strata."""
        return (*self.attributes, *self.strata)

    @property
    def digest(self) -> str:
        """Digest of all that is watched: stores of equal digests may be joined."""
        return "sha256:" + hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """Text that `from_json` reads."""
        data = {**asdict(self), "claims": [claim.to_json() for claim in self.claims]}
        if not self.strata:
            del data["strata"]  # the digest of a watch is that of before there were strata
        return json.dumps(
            {"format": FORMAT, **data}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        data = json.loads(text)
        del data["format"]
        columns = {name: Column(*map(_tuple, column.values())) for name, column in _columns_of(data)}
        claims = tuple(WatchedClaim.from_json(claim) for claim in data["claims"])
        tuples = {name: _tuple(data[name]) for name in ("attributes", "favorable", "score", "notes")}
        tuples["strata"] = tuple(data.get("strata", ()))
        nested = {name: {k: tuple(v) for k, v in data[name].items()} for name in ("labels", "edges")}
        return cls(**{**data, **tuples, **nested, "columns": columns, "claims": claims})


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _columns_of(data: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, column in data["columns"].items():
        yield name, {key: column[key] for key in ("of", "edges", "labels", "reference")}


def _plan(policy: str | Policy | None, config: Config) -> Plan:
    from trustkit import checks

    found = checks.discover()[0]
    if isinstance(policy, str):
        config = config.replace(policy={"use": [policy]})
    policies = (policy,) if isinstance(policy, Policy) else None
    whole = Plan.of(config, found, policies=policies)
    used = {ask.use.check for _, asks in whole.controls for ask in asks}
    watched = sorted(used & (CHECKS | {"safety/shift"}))
    return replace(whole, controls=Plan.of(config, found, policies=policies, only=watched).controls)


def _claims(evidence: Evidence, cells: Cells, plan: Plan) -> tuple[tuple[WatchedClaim, ...], list[str]]:
    """Claims that a stream can tell of, and what is said of the others."""
    docket = Docket(evidence, plan)
    claims = {id: claim for id, claim in docket.of(Claim).items() if watchable(claim)}
    unwatched = sorted(
        {
            f"{claim.check.id} {claim.estimate.metric}"
            for claim in docket.of(Claim).values()
            if not claim.certain and not watchable(claim)
        }
    )
    places = {id: place for place, id in enumerate(claims)}
    of_controls = [np.array(family, dtype=np.intp) for family in families(docket.parts, places)]
    weight = claim_weights(of_controls, len(claims))
    strata = _strata(plan, cells)
    made = [
        WatchedClaim.of(id, claim, float(w), cells, strata.get(claim.check.id, ()))
        for (id, claim), w in zip(claims.items(), weight.tolist(), strict=True)
    ]
    notes = (
        [f"limits of the policy that are audited, not watched: {', '.join(unwatched)}"] if unwatched else []
    )
    if not made:
        notes.append("no limit of the policy can be watched in a stream")
    return tuple(made), notes


def _strata(plan: Plan, cells: Cells) -> dict[str, tuple[str, ...]]:
    """Declared strata, by check."""
    strata = {
        ask.use.check: tuple(ask.options["strata"])
        for _, asks in reversed(plan.controls)
        for ask in reversed(asks)
        if "strata" in ask.options
    }
    known = (*cells.strata, *cells.attributes)
    problems = [
        Problem(
            f'options."{check}".strata',
            f"{name!r} is not among the strata of this evidence: collect it with this configuration",
            nearest(name, known),
        )
        for check, names in strata.items()
        for name in names
        if name not in known
    ]
    if problems:
        raise ConfigError(problems)
    return strata


def _unlike(cells: Cells) -> list[str]:
    """What the audit reckoned with and the monitor does not."""
    notes = []
    if cells.schema["weight"]:
        notes.append("rows were weighted in the audit; in the stream each decision counts once")
    if cells.schema["unit"]:
        notes.append("rows of one person are taken for independent, but for rows_per_person")
    return notes


def _columns(evidence: Evidence) -> tuple[dict[str, Column], list[str]]:
    kind = evidence.kinds.get("histograms")
    if kind is None:
        return {}, ["inputs are not watched: the evidence has no histograms (`trustkit collect` makes them)"]
    names = list(kind.columns)
    notes = []
    if len(names) > MOST_COLUMNS:
        notes.append(f"of {len(names)} inputs the first {MOST_COLUMNS} are watched")
    return {name: Column.of_histogram(kind.columns[name]) for name in names[:MOST_COLUMNS]}, notes


def _with_unseen(cells: Cells, name: str) -> tuple[str, ...]:
    known = set(cells.labels[name]) - {MISSING, OTHER}
    return (*ordered(known, cells.schema["bins"].get(name, ())), OTHER, MISSING)


def _rows_of_groups(cells: Cells, names: tuple[str, ...]) -> dict[str, int]:
    return {
        f"{name}={group[name]}": rows
        for name in names
        for table in (cells.table((name,)),)
        for group, rows in zip(table.groups, table.rows.tolist(), strict=True)
    }


def _score(cells: Cells) -> tuple[int, ...] | None:
    """Audited rows by bin of the score, out of the finer bins of the cells."""
    if not cells.schema["score"]:
        return None
    low = np.concatenate([[0.0], SCORE_EDGES])
    coarse = np.minimum(np.floor(low * SCORE_BINS + 1e-9).astype(int), SCORE_BINS - 1)
    bins, n = cells.block.codes[:, -1], cells.block.sums["n"]
    known = bins >= 0
    return tuple(
        np.bincount(coarse[bins[known]], weights=n[known], minlength=SCORE_BINS).astype(int).tolist()
    )


def _shift(plan: Plan) -> dict[str, Any]:
    """The policy's limit on a shift of the inputs."""
    asks = [ask for _, asks in plan.controls for ask in asks if ask.use.check == "safety/shift"]
    limits = [ask.limits[name] for ask in asks for name in ("max_ks", "max_tv") if name in ask.limits]
    if not limits:
        return dict(SHIFT)
    least = min(limits, key=lambda limit: limit["value"])
    return {"max": least["value"], "source": least["source"]}
