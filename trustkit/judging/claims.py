"""Claims: estimates with a limit, judged together under one error budget."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

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
    p = np.ones(len(claims))
    for index, limits, bound, side in _stacks(claims):
        p[index] = limits.p_above(bound) if side == "max" else limits.p_below(bound)
    judged = weight > 0
    failed, level = p < 1, np.full(len(claims), alpha)
    failed[judged], level[judged] = weighted_holm(p[judged], weight[judged], alpha)
    made: list[Judgment | None] = [None] * len(claims)
    for index, limits, bound, side in _stacks(claims):
        for i, judgment in zip(index, _judgments(claims, index, limits, bound, side, failed, p, level, alpha), strict=True):
            made[i] = judgment
    unjudged = (float("nan"), float("nan"))
    return [
        judgment or Judgment(False, False, 1.0, float(at), unjudged, unjudged, None, None)
        for judgment, at in zip(made, level, strict=True)
    ]


def _judgments(
    claims: Sequence[Claim],
    index: NDArray[np.intp],
    limits: Limits,
    bound: Floats,
    side: Side,
    failed: NDArray[np.bool_],
    p: Floats,
    level: Floats,
    alpha: float,
) -> Iterator[Judgment]:
    """Judgments of one stack of claims: the same kind of limits, the same side."""
    low, high = limits.lower(level[index]), limits.upper(level[index])
    pass_low, pass_high = limits.lower(alpha), limits.upper(alpha)
    passed = pass_high <= bound if side == "max" else pass_low >= bound
    value = np.array([claims[i].estimate.value for i in index])
    rows = np.array([claims[i].estimate.rows for i in index])
    ratio = np.array([claims[i].check.metrics[claims[i].estimate.metric].unit == "ratio" for i in index])
    scale = Scale(value, bound, side, ratio)
    detectable = scale.detectable(limits, level[index])
    open_ = ~passed & ~failed[index]
    growth = np.full(len(index), np.inf)
    if open_.any():
        at = np.flatnonzero(open_)
        growth[at] = scale.take(at).growth(limits.take(at), level[index][at], alpha)
    for j, i in enumerate(index):
        yield Judgment(
            failed=bool(failed[i]),
            passed=bool(passed[j]),
            p=float(p[i]),
            level=float(level[i]),
            interval=(float(low[j]), float(high[j])),
            pass_interval=(float(pass_low[j]), float(pass_high[j])),
            rows_needed=int(np.ceil((growth[j] - 1) * rows[j])) if growth[j] <= MOST_GROWTH else None,
            detectable=float(detectable[j]) if np.isfinite(detectable[j]) else None,
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

    def reach(self, limits: Limits, level: Level, *, toward: Literal["fail", "pass"]) -> Floats:
        """Distance that sets a claim off from its bound with 80 % chance: the limit's, and chance's."""
        near = (toward == "fail") == (self.side == "max")
        end = limits.lower if near else limits.upper
        sign = 1.0 if toward == "fail" else -1.0
        at = self.on(self.value)
        with np.errstate(invalid="ignore"):
            return sign * (2 * at - self.on(end(level)) - self.on(end(1 - POWER)))

    def detectable(self, limits: Limits, level: Level) -> Floats:
        """Smallest violation that would have failed with 80 % chance."""
        with np.errstate(invalid="ignore"):
            return self.back(self.on(self.bound) + self.reach(limits, level, toward="fail"))

    def growth(self, limits: Limits, level: Floats, alpha: float) -> Floats:
        """How many times its rows a claim needs, at the rates seen, to be settled with 80 % chance."""
        with np.errstate(invalid="ignore"):
            distance = self.on(self.value) - self.on(self.bound)

        def settled(factor: Floats) -> NDArray[np.bool_]:
            grown = limits.grown(factor)
            fail = self.reach(grown, level, toward="fail")
            clear = self.reach(grown, alpha, toward="pass")
            with np.errstate(invalid="ignore"):
                return np.where(distance > 0, distance >= fail, -distance >= clear)

        low, high = np.zeros(len(self.value)), np.full(len(self.value), np.log(MOST_GROWTH))
        reachable = settled(np.exp(high))
        for _ in range(20):
            middle = (low + high) / 2
            there = settled(np.exp(middle))
            low, high = np.where(there, low, middle), np.where(there, middle, high)
        return np.where(reachable, np.exp(high), np.inf)


def _stacks(claims: Sequence[Claim]) -> Iterator[tuple[NDArray[np.intp], Limits, Floats, Side]]:
    """Claims that can be judged, by kin and side, with their limits and bounds as arrays."""
    stacks: dict[tuple[int, Side], list[int]] = defaultdict(list)
    for i, claim in enumerate(claims):
        if claim.why is None and claim.estimate.limits is not None:
            stacks[id(claim.estimate.limits), claim.side].append(i)
    for (_, side), index in stacks.items():
        limits = claims[index[0]].estimate.limits
        assert limits is not None  # noqa: S101 (chosen above)
        bound = np.array([claims[i].bound for i in index])
        yield np.array(index), limits.take([claims[i].estimate.place for i in index]), bound, side


def figure_id(check: Check, estimate: Estimate) -> str:
    """Id of a figure: ``check:metric:subject[~reference]``."""
    return f"{check.id}:{estimate.metric}:{subject_text(estimate.subject, escape=True)}"


def subject_text(subject: Mapping[str, Any], *, escape: bool = False) -> str:
    """Write a subject: ``sex=F,age=<25~sex=M``; as an id, with what would break it percent-encoded."""
    from urllib.parse import quote

    def text(label: str) -> str:
        return quote(label, safe=" <>.()'+-/&@!;?") if escape and not label.isalnum() else label

    def group(names: Mapping[str, str]) -> str:
        return ",".join(f"{text(attribute)}={text(label)}" for attribute, label in names.items())

    if "groups" in subject:
        reference = subject.get("reference")
        if reference is None:
            return group(subject["groups"])
        return f"{group(subject['groups'])}~{reference if isinstance(reference, str) else group(reference)}"
    return ",".join(f"{key}={text(str(value))}" for key, value in subject.items())
