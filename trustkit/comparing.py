"""Comparing two scorecards: what changed, by how much, and what is worse beyond error."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.errors import ConfigError, Problem
from trustkit.evidence import FORMAT as EVIDENCE
from trustkit.evidence import Evidence
from trustkit.measure.budget import claim_weights, weighted_holm
from trustkit.measure.changes import Mirror, Paired, Printed, SameRows, Unpaired
from trustkit.measure.intervals import Floats, Limits
from trustkit.scorecard import Change, Finding, Scorecard, Verdict, digest_of


def load_card(path: str | Path) -> Scorecard:
    """Read a card, and make sure that it is as it was issued.

    Raises
    ------
    ConfigError
        When it is no scorecard, or was changed since.
    """
    card = Scorecard.load(path)
    if digest_of(json.loads(Path(path).read_text(encoding="utf-8"))) != card.digest:
        raise ConfigError([Problem(str(path), "changed: it does not have the digest it states")])
    return card


def load_baseline(path: str | Path) -> Scorecard | Evidence:
    """Read what to compare with: a scorecard, or the evidence of an earlier audit.

    Raises
    ------
    ConfigError
        When it is neither, or a card that was changed since it was issued.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        data = None
    kept = isinstance(data, dict) and data.get("format") == EVIDENCE
    return Evidence.load(path) if kept else load_card(path)


def baseline_problems(baseline: Scorecard | Evidence | str | Path | None) -> list[Problem]:
    """What is wrong with a file to compare with."""
    try:
        if isinstance(baseline, str | Path):
            load_baseline(baseline)
    except ConfigError as error:
        return error.problems
    return []


def changes(old: Scorecard, new: Scorecard) -> dict[str, Change]:
    """Compare two cards, finding by finding; as `new` has it, where it was audited against `old`.

    Returns
    -------
    dict of str to Change
        By id, of the findings that both cards have.
    """
    if new.gate.baseline is not None and new.gate.baseline.digest == old.digest:
        stated = {finding.id: finding.baseline for finding in new.findings}
        return {id: change for id, change in stated.items() if change is not None}
    families = [[new.findings[place].id for place in control.findings] for control in new.controls]
    return compared(old, new.findings, families, new.alpha)


def compared(
    old: Scorecard,
    findings: Iterable[Finding],
    families: Sequence[Sequence[str]],
    alpha: float,
    same_rows: SameRows | None = None,
) -> dict[str, Change]:
    """Compare findings with those of the same id on an earlier card.

    A claim is worse where its estimate moved toward the wrong side of its
    limit. Where both sides of a figure are bounded, as of a difference between
    two groups, it is worse only if it is also further than it was on the other
    side: a disparity that turned around and is smaller is no worse. A fact is
    worse only if it also fails. Weighted Holm keeps the chance that any claim
    is called worse though it is not at most `alpha`; which claims are compared
    does not depend on the estimates.

    Parameters
    ----------
    old : Scorecard
        The earlier card.
    findings : iterable of Finding
        Of the later audit.
    families : sequence of sequences of str
        Ids of the findings of each control.
    alpha : float
        Chance of any false "worse", and level of the later card's intervals.
    same_rows : SameRows, optional
        Figures of both systems, where they decided the same rows.

    Returns
    -------
    dict of str to Change
        By id, of the findings that both have, by the same version of the check.
    """
    before = {finding.id: finding for finding in old.findings if finding.verdict != Verdict.ERROR}
    pairs = [
        _Pair(now, before[now.id])
        for now in findings
        if now.id in before and now.check_version == before[now.id].check_version
    ]
    contrasts = _Contrasts(pairs, (alpha, old.alpha), same_rows)
    turned = _turned(pairs, before.values())
    p = contrasts.p_worse()
    p[list(turned)] = np.maximum(
        p[list(turned)], _Contrasts(list(turned.values()), (alpha, old.alpha), same_rows).p_worse()
    )

    claims = {pair.now.id: i for i, pair in enumerate(pairs) if pair.is_claim}
    place = {id: k for k, id in enumerate(claims)}
    members = [np.array([place[id] for id in family if id in place], dtype=np.intp) for family in families]
    index = np.fromiter(claims.values(), dtype=np.intp)
    worse, level = np.zeros(len(pairs), dtype=bool), np.full(len(pairs), alpha)
    worse[index], level[index] = weighted_holm(p[index], claim_weights(members, len(claims)), alpha)
    return contrasts.told(p, worse, level)


@dataclass(frozen=True)
class _Pair:
    """A finding, and the earlier one it is held against: as it is, or turned to its other side."""

    now: Finding
    was: Finding
    mirror: Mirror = ""

    @property
    def why(self) -> str | None:
        """Why the two are not compared."""
        if self.now.check_version != self.was.check_version:
            return (
                f"the check is of version {self.now.check_version}, on the baseline {self.was.check_version}"
            )
        if self.now.estimate is None or self.was.estimate is None:
            return "not measured on both cards"
        return None

    @property
    def is_sampled(self) -> bool:
        """Whether both have intervals."""
        return self.why is None and self.now.interval is not None and self.was.interval is not None

    @property
    def is_claim(self) -> bool:
        """Whether "worse" is tested: undefined ones stay on the list, facts and figures are not on it."""
        settled = (Verdict.PASS, Verdict.FAIL)
        facts = [each.interval is None and each.verdict in settled for each in (self.now, self.was)]
        return self.now.limit is not None and not any(facts)

    @property
    def is_worse_fact(self) -> bool:
        """Whether a certain figure fails and lies further on the wrong side than it did."""
        now, was = self.now.estimate, self.was.estimate
        if self.is_claim or self.now.verdict != Verdict.FAIL or now is None or was is None:
            return False
        return now < was if _side(self.now) == "min" else now > was


class _Contrasts:
    """Changes of pairs of findings, with their limits; those on the same rows apart from the others."""

    def __init__(
        self, pairs: Sequence[_Pair], alphas: tuple[float, float], same_rows: SameRows | None
    ) -> None:
        self._pairs = pairs
        self.value = np.array([_difference(pair) for pair in pairs])
        sampled = [i for i, pair in enumerate(pairs) if pair.is_sampled]
        known = {i: _on_same_rows(pairs[i], same_rows) for i in sampled}
        paired = {i: change for i, change in known.items() if change is not None}
        apart = [i for i in sampled if i not in paired]
        self.paired = set(paired)
        self._stacks: list[tuple[NDArray[np.intp], Limits]] = []
        if paired:
            joined = Paired.joined(list(paired.values()))
            self.value[list(paired)] = joined.value
            self._stacks.append((np.array(list(paired)), joined))
        if apart:
            new = printed([pairs[i].now for i in apart], alphas[0])
            old = printed([pairs[i].was for i in apart], alphas[1])
            old = old.mirrored([pairs[i].mirror for i in apart])
            self._stacks.append((np.array(apart), Unpaired(new, old)))

    def p_worse(self) -> Floats:
        """P-value of each claim's being no worse; 1 where there is no claim."""
        p = np.ones(len(self._pairs))
        sides = np.array([_side(pair.now) for pair in self._pairs])
        for index, limits in self._stacks:
            zero, side = np.zeros(len(index)), sides[index]
            p[index] = np.where(side == "min", limits.p_below(zero), limits.p_above(zero))
            p[index[side == ""]] = 1.0
        return p

    def told(self, p: Floats, worse: NDArray[np.bool_], level: Floats) -> dict[str, Change]:
        """As the card tells them."""
        low, high = (np.full(len(self._pairs), np.nan) for _ in range(2))
        for index, limits in self._stacks:
            low[index], high[index] = limits.lower(level[index]), limits.upper(level[index])
        return {
            pair.now.id: self._change(i, float(p[i]), bool(worse[i]), float(level[i]), (low[i], high[i]))
            for i, pair in enumerate(self._pairs)
        }

    def _change(self, i: int, p: float, worse: bool, level: float, ends: tuple[float, float]) -> Change:
        pair = self._pairs[i]
        sampled, change = pair.is_sampled, _finite(self.value[i])
        moved = None if change is None or pair.now.estimate is None else pair.now.estimate - change
        return Change(
            verdict=pair.was.verdict,
            estimate=pair.was.estimate if moved is None else moved,
            change=change,
            interval=(_finite(ends[0]), _finite(ends[1])) if sampled else None,
            level=1 - 2 * level if sampled else None,
            p_worse=p if sampled and pair.is_claim else None,
            paired=i in self.paired,
            worse=worse or pair.is_worse_fact,
        )


def printed(findings: Sequence[Finding], alpha: float) -> Printed:
    """Limits of findings with intervals, on a card with this `alpha`."""

    def ends(shown: Sequence[tuple[float | None, float | None] | None]) -> tuple[Floats, Floats]:
        pairs = [(None, None) if each is None else each for each in shown]
        low = [-math.inf if low is None else low for low, _ in pairs]
        high = [math.inf if high is None else high for _, high in pairs]
        return np.array(low), np.array(high)

    far = ends([each.interval for each in findings])
    near = ends([each.interval if each.pass_interval is None else each.pass_interval for each in findings])
    level = np.array([(1 - (each.level or 0.0)) / 2 for each in findings])
    near_level = np.where([each.pass_interval is None for each in findings], level, alpha)
    value = np.array([math.nan if each.estimate is None else each.estimate for each in findings])
    return Printed(value, *far, level, *near, near_level)


def _turned(pairs: Sequence[_Pair], old: Iterable[Finding]) -> dict[int, _Pair]:
    """By place, claims beside the earlier figure's other side: of the groups turned around, or less it."""
    by_key = {_key(each, _side(each), each.subject): each for each in old if each.limit is not None}
    found = {i: _other_side(pair, by_key) for i, pair in enumerate(pairs) if pair.is_claim}
    return {i: pair for i, pair in found.items() if pair is not None}


def _other_side(pair: _Pair, by_key: Mapping[str, Finding]) -> _Pair | None:
    side, subject = _side(pair.was), pair.was.subject
    if isinstance(subject.get("reference"), Mapping):
        swapped = {**subject, "groups": subject["reference"], "reference": subject["groups"]}
        turned = by_key.get(_key(pair.was, side, swapped))
        if turned is not None:
            return _Pair(pair.now, turned)
    opposite = by_key.get(_key(pair.was, "max" if side == "min" else "min", subject))
    if opposite is None:
        return None
    bound, other = (float((each.limit or {})[_side(each)]) for each in (pair.was, opposite))
    mirror: Mirror = "negated" if math.isclose(bound, -other) else "inverted"
    return (
        _Pair(pair.now, pair.was, mirror) if mirror == "negated" or math.isclose(bound * other, 1) else None
    )


def _key(finding: Finding, side: str, subject: Mapping[str, Any]) -> str:
    return json.dumps([finding.check, finding.metric, side, subject], sort_keys=True)


def _side(finding: Finding) -> str:
    """Which side its limit bounds; empty for a figure without one."""
    return "" if finding.limit is None else "min" if "min" in finding.limit else "max"


def _difference(pair: _Pair) -> float:
    now, was = pair.now.estimate, pair.was.estimate
    if now is None or was is None:
        return math.nan
    was = -was if pair.mirror == "negated" else was
    return now - (was if pair.mirror != "inverted" else 1 / was if was else math.inf)


def _on_same_rows(pair: _Pair, same_rows: SameRows | None) -> Paired | None:
    return None if same_rows is None else same_rows.change(pair.now.id, pair.was.id, pair.mirror)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
