"""Claims: estimates with a limit, judged together under one error budget."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from trustkit.checks.base import Check, Estimate
from trustkit.measure.budget import claim_weights, weighted_holm
from trustkit.measure.intervals import Certain, Floats, Level, Limits

Side = Literal["min", "max"]

POWER = 0.8
"""Chance with which `detectable` is found and `rows_needed` settle a claim."""

MOST_GROWTH = 1e4
"""More than this many times the rows is out of reach."""

MOST_ROWS, APART = 1e9, 1e-3
"""With so many times the rows limits meet, unless they are apart by more than this for another reason."""


@dataclass(frozen=True)
class Claim:
    """One side of one limit on one estimate.

    Attributes
    ----------
    check : Check
        Where the estimate comes from.
    estimate : Estimate
        What was measured.
    side : {"min", "max"}
        Which side the limit bounds.
    bound : float
        The limit.
    limit : mapping
        As the card shows it, with its source.
    why : str or None
        Why it cannot be judged: then it stays in the family with p = 1.
    """

    check: Check
    estimate: Estimate
    side: Side
    bound: float
    limit: Mapping[str, Any]
    why: str | None = None

    @property
    def rows(self) -> int:
        """Rows that grow together: the subject's, or all of which it is a share."""
        of_all = self.check.metrics[self.estimate.metric].of_all
        return self.estimate.n if of_all else self.estimate.rows

    @property
    def is_for_the_owner(self) -> bool:
        """Whether no number of rows would settle it: its limits stay apart, on both sides of the bound."""
        if self.estimate.limits is None or self.estimate.reference_n is not None:
            return False  # what is compared waits for the rows of its reference
        grown = self.estimate.limits.take([self.estimate.place]).grown(np.array([MOST_ROWS]))
        if grown is None:
            return False
        low, high = float(grown.lower(0.05)[0]), float(grown.upper(0.05)[0])
        return low < self.bound < high and high - low > APART

    @property
    def certain(self) -> bool:
        """Whether it is a fact, which spends no error."""
        return isinstance(self.estimate.limits, Certain)


@dataclass(frozen=True)
class Judgment:
    """What came out of judging one claim; levels are one-sided."""

    failed: bool
    passed: bool
    p: float
    level: float
    interval: tuple[float, float]
    pass_interval: tuple[float, float]
    rows_needed: int | None
    detectable: float | None


def judge_claims(claims: Sequence[Claim], families: Sequence[Sequence[int]], alpha: float) -> list[Judgment]:
    """Judge claims by weighted Holm at `alpha`; pass each at one-sided `alpha` alone.

    Parameters
    ----------
    claims : sequence of Claim
        All claims of the card, each once.
    families : sequence of sequences of int
        The claims of each control.
    alpha : float
        Chance of any false fail.

    Returns
    -------
    list of Judgment
        In the order of the claims.
    """
    sampled = [[i for i in family if not claims[i].certain] for family in families]
    weight = claim_weights([np.array(family, dtype=np.intp) for family in sampled], len(claims))
    stacks = list(_stacks(claims))
    p = np.ones(len(claims))
    for stack in stacks:
        p[stack.index] = stack.p()
    judged = weight > 0
    failed, level = p < 1, np.full(len(claims), alpha)
    failed[judged], level[judged] = weighted_holm(p[judged], weight[judged], alpha)
    nothing = (float("nan"), float("nan"))
    made = [Judgment(False, False, 1.0, float(at), nothing, nothing, None, None) for at in level]
    for stack in stacks:
        for i, judgment in zip(stack.index, stack.judgments(p, failed, level, alpha), strict=True):
            made[i] = judgment
    return made


@dataclass(frozen=True)
class Stack:
    """Claims of one kind of limits and one side, as arrays of shape ``(claims,)``."""

    index: NDArray[np.intp]
    limits: Limits
    bound: Floats
    side: Side
    value: Floats
    rows: Floats
    ratio: NDArray[np.bool_]

    def p(self) -> Floats:
        """P-value of each claim's limit being respected."""
        return self.limits.p_above(self.bound) if self.side == "max" else self.limits.p_below(self.bound)

    def judgments(
        self, p: Floats, failed: NDArray[np.bool_], level: Floats, alpha: float
    ) -> Iterator[Judgment]:
        """Judgments, from what Holm's procedure gave all claims of the card."""
        p, failed, level = p[self.index], failed[self.index], level[self.index]
        low, high = self.limits.lower(level), self.limits.upper(level)
        pass_low, pass_high = self.limits.lower(alpha), self.limits.upper(alpha)
        passed = pass_high <= self.bound if self.side == "max" else pass_low >= self.bound
        scale = Scale(self.value, self.bound, self.side, self.ratio)
        detectable, growth = np.full(len(self.index), np.nan), np.full(len(self.index), np.inf)
        kept, open_ = np.flatnonzero(~failed), np.flatnonzero(~passed & ~failed)
        if len(kept):
            detectable[kept] = scale.take(kept).detectable(self.limits.take(kept), level[kept])
        if len(open_):
            growth[open_] = scale.take(open_).growth(self.limits.take(open_), level[open_], alpha)
        for j in range(len(self.index)):
            near = growth[j] <= MOST_GROWTH
            yield Judgment(
                failed=bool(failed[j]),
                passed=bool(passed[j]),
                p=float(p[j]),
                level=float(level[j]),
                interval=(float(low[j]), float(high[j])),
                pass_interval=(float(pass_low[j]), float(pass_high[j])),
                rows_needed=max(int(np.ceil((growth[j] - 1) * self.rows[j])), 1) if near else None,
                detectable=float(detectable[j]) if np.isfinite(detectable[j]) else None,
            )


def _stacks(claims: Sequence[Claim]) -> Iterator[Stack]:
    """Claims that can be judged, stacked."""
    able = [i for i, claim in enumerate(claims) if claim.why is None]
    for places, limits in stacked([claims[i].estimate for i in able], [claims[i].side for i in able]):
        index = np.array(able)[places]
        mine = [claims[i] for i in index]
        yield Stack(
            index=index,
            limits=limits,
            bound=np.array([claim.bound for claim in mine]),
            side=mine[0].side,
            value=np.array([claim.estimate.value for claim in mine]),
            rows=np.array([float(claim.rows) for claim in mine]),
            ratio=np.array([claim.check.metrics[claim.estimate.metric].unit == "ratio" for claim in mine]),
        )


@dataclass(frozen=True)
class Scale:
    """The line on which a metric's distances are added: logarithms for ratios.

    Turned so that a violation is always upward: `value` and `bound` are
    negated for a minimum.
    """

    value: Floats
    bound: Floats
    side: Side
    ratio: NDArray[np.bool_]

    def on(self, x: Floats) -> Floats:
        """Place of a figure on the line."""
        with np.errstate(divide="ignore", invalid="ignore"):
            line = np.where(self.ratio, np.log(x), x)
        return line if self.side == "max" else -line

    def back(self, line: Floats) -> Floats:
        """Figure at a place."""
        x = line if self.side == "max" else -line
        with np.errstate(over="ignore"):
            return np.where(self.ratio, np.exp(x), x)

    def take(self, index: NDArray[np.intp]) -> Scale:
        """Only some claims."""
        return Scale(self.value[index], self.bound[index], self.side, self.ratio[index])

    def distance(self, limits: Limits, level: Level, *, toward: Literal["fail", "pass"]) -> Floats:
        """How far on the line the limit that would `toward` a verdict lies from the estimate."""
        near = (toward == "fail") == (self.side == "max")
        end = limits.lower(level) if near else limits.upper(level)
        with np.errstate(invalid="ignore"):
            return np.abs(self.on(self.value) - self.on(end))

    def detectable(self, limits: Limits, level: Level) -> Floats:
        """Smallest violation that would have failed with 80 % chance.

        The estimate that just fails is found first; what is found with 80 %
        chance is its limit at 20 %, away from the bound.
        """
        if limits.placed(self.value) is None:
            with np.errstate(invalid="ignore"):
                reach = self.distance(limits, level, toward="fail")
                chance = self.distance(limits, 1 - POWER, toward="fail")
                return self.back(self.on(self.bound) + reach + chance)
        start = self.on(self.bound)
        step = np.full(len(start), np.log(1e4) if self.ratio.all() else 2.0)

        def placed(line: Floats) -> Limits:
            moved = limits.placed(self.back(line))
            assert moved is not None  # noqa: S101 (asked above)
            return moved

        def fails(line: Floats) -> NDArray[np.bool_]:
            part = placed(line)
            return part.lower(level) > self.bound if self.side == "max" else part.upper(level) < self.bound

        low, high = np.zeros(len(start)), step
        possible = fails(start + high)
        for _ in range(12):
            middle = (low + high) / 2
            there = fails(start + middle)
            low, high = np.where(there, low, middle), np.where(there, middle, high)
        part = placed(start + high)
        found = part.upper(1 - POWER) if self.side == "max" else part.lower(1 - POWER)
        return np.where(possible, found, np.nan)

    def growth(self, limits: Limits, level: Floats, alpha: float) -> Floats:
        """How many times its rows a claim needs, at the rates seen, to be settled with 80 % chance.

        The rows there are stay as they are: only the further ones are left to chance.
        """
        with np.errstate(invalid="ignore"):
            distance = self.on(self.value) - self.on(self.bound)

        def both(part: Limits) -> tuple[Floats, Floats]:
            ends = [
                (self.distance(part, level, toward="fail"), self.distance(part, 1 - POWER, toward="fail")),
                (self.distance(part, alpha, toward="pass"), self.distance(part, 1 - POWER, toward="pass")),
            ]
            return tuple(np.where(distance > 0, fail, pass_) for fail, pass_ in zip(*ends, strict=True))

        now = both(limits)
        most = limits.grown(np.full(len(self.value), 1e8))
        rest = np.zeros(len(self.value)) if most is None else both(most)[1]

        def settled(factor: Floats) -> NDArray[np.bool_]:
            grown = limits.grown(factor)
            end, chance = (part / np.sqrt(factor) for part in now) if grown is None else both(grown)
            with np.errstate(invalid="ignore"):
                new = np.sqrt(np.maximum(chance**2 - rest**2, 0.0) * (1 - 1 / factor))
                return np.abs(distance) >= end + new

        low, high = np.zeros(len(self.value)), np.full(len(self.value), np.log(MOST_GROWTH))
        reachable = settled(np.exp(high))
        for _ in range(14):
            middle = (low + high) / 2
            there = settled(np.exp(middle))
            low, high = np.where(there, low, middle), np.where(there, middle, high)
        return np.where(reachable, np.exp(high), np.inf)


def stacked(estimates: Sequence[Estimate], sides: Sequence[str]) -> Iterator[tuple[NDArray[np.intp], Limits]]:
    """Estimates with limits, those of one kin and side together, with their limits as one."""
    stacks: dict[tuple[Any, str], dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    kin: dict[int, Any] = {}
    for i, (estimate, side) in enumerate(zip(estimates, sides, strict=True)):
        if estimate.limits is not None:
            source = id(estimate.limits)
            if source not in kin:
                kin[source] = estimate.limits.kin
            stacks[kin[source], side][source].append(i)
    for sources in stacks.values():
        parts = [_taken([estimates[i] for i in index]) for index in sources.values()]
        joined = parts[0] if len(parts) == 1 else type(parts[0]).joined(parts)
        yield np.concatenate([np.array(index) for index in sources.values()]), joined


def _taken(estimates: Sequence[Estimate]) -> Limits:
    """Limits of estimates that share one source."""
    limits = estimates[0].limits
    assert limits is not None  # noqa: S101 (stacked by it)
    return limits.take(np.array([estimate.place for estimate in estimates]))


def figure_intervals(estimates: Sequence[Estimate], level: float) -> list[tuple[float, float]]:
    """Interval of each figure, one-sided at `level` on both sides; NaN where it has none."""
    made = [(float("nan"), float("nan"))] * len(estimates)
    for index, limits in stacked(estimates, [""] * len(estimates)):
        ends = (limits.lower(level).tolist(), limits.upper(level).tolist())
        for i, low, high in zip(index.tolist(), *ends, strict=True):
            made[i] = (low, high)
    return made


def figure_id(check: Check, estimate: Estimate) -> str:
    """Id of a figure: ``check:metric:subject[~reference]``."""
    return f"{check.id}:{estimate.metric}:{subject_text(estimate.subject, escape=True)}"


def subject_text(subject: Mapping[str, Any], *, escape: bool = False) -> str:
    """Write a subject: ``sex=F,age=<25~sex=M``; as an id, with what would break it percent-encoded.

    Whatever else it names (a class, a stratum, a column) follows after a
    semicolon: ``sex=F~sex=M;class=a``.
    """
    rest = {key: value for key, value in subject.items() if key not in ("groups", "reference")}
    parts = [_named_text(subject["groups"], subject.get("reference"), escape)] if "groups" in subject else []
    if rest:
        parts.append(_group_text(tuple((key, _value_text(value)) for key, value in rest.items()), escape))
    return ";".join(parts)


def _named_text(groups: Mapping[str, str], reference: Any, escape: bool) -> str:
    group = _group_text(tuple(groups.items()), escape)
    if reference is None:
        return group
    other = reference if isinstance(reference, str) else _group_text(tuple(reference.items()), escape)
    return f"{group}~{other}"


def _value_text(value: Any) -> str:
    if isinstance(value, Mapping):
        return " and ".join(f"{key}={each}" for key, each in value.items())
    return str(value)


_SAFE_IN_LABELS = " <>.()'+-/&@!?="


@lru_cache(maxsize=4096)
def _group_text(names: tuple[tuple[str, str], ...], escape: bool) -> str:
    def text(label: str, safe: str = " <>.()'+-/&@!?") -> str:
        return quote(label, safe=safe).replace("~", "%7E") if escape else label

    return ",".join(f"{text(attribute)}={text(label, _SAFE_IN_LABELS)}" for attribute, label in names)
