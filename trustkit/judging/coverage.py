"""Whom a verdict speaks of: the groups of an estimate, the small ones, the share of people settled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from trustkit.checks.base import Estimate
from trustkit.judging.claims import Claim, subject_text

Group: TypeAlias = tuple[tuple[str, str], ...]


def groups_of(estimate: Estimate) -> set[Group]:
    """Groups that an estimate compares or is about."""
    named = (estimate.subject.get("groups"), estimate.subject.get("reference"))
    return {tuple(group.items()) for group in named if isinstance(group, dict)}


def small_groups(estimates: Iterable[Estimate], min_cell: int, min_share: float | None) -> dict[Group, str]:
    """Groups too small to be judged, by their row counts alone, with their names."""
    rows = _rows(estimates)
    whole: dict[tuple[str, ...], int] = defaultdict(int)
    for group, n in rows.items():
        whole[_view(group)] += n
    few = {g for g, n in rows.items() if n < min_cell or n < (min_share or 0) * whole[_view(g)]}
    return {group: subject_text({"groups": dict(group)}) for group in sorted(few)}


def covered(claims: Sequence[Claim], settled: Sequence[bool], estimates: Sequence[Estimate]) -> float | None:
    """Share of people in the groups about which every claim is settled.

    In each view the groups are taken in by size as long as all claims among
    those taken are settled; of several views the least share counts.

    Parameters
    ----------
    claims : sequence of Claim
        Claims of one control.
    settled : sequence of bool
        Which of them are settled.
    estimates : sequence of Estimate
        All that the control measured: groups in none of the claims are not covered.
    """
    if not claims:
        return None
    open_ = [groups_of(claim.estimate) for claim, done in zip(claims, settled, strict=True) if not done]
    if set() in open_:
        return 0.0
    claimed = {group for claim in claims for group in groups_of(claim.estimate)}
    views: dict[tuple[str, ...], dict[Group, int]] = defaultdict(dict)
    told = [*estimates, *(claim.estimate for claim in claims)]
    for group, n in _rows(told).items():
        views[_view(group)][group] = n
    asked = {_view(group) for group in claimed}
    whole = _whole(told)
    return min(
        (_share(rows, claimed, open_, whole.get(view, 0)) for view, rows in views.items() if view in asked),
        default=1.0,
    )


def _whole(estimates: Iterable[Estimate]) -> dict[tuple[str, ...], int]:
    """Rows of a group and of the rest it is compared with, by view."""
    found: dict[tuple[str, ...], int] = {}
    for estimate in estimates:
        if estimate.subject.get("reference") == "rest" and estimate.reference_n is not None:
            view = tuple(estimate.subject["groups"])
            found[view] = max(found.get(view, 0), estimate.n + estimate.reference_n)
    return found


def _share(rows: dict[Group, int], claimed: set[Group], open_: list[set[Group]], whole: int) -> float:
    if whole > sum(rows.values()):  # subgroups that were found are no partition: what is left is settled
        left = sum(n for group, n in rows.items() if {group} in open_)
        return 1 - min(left / whole, 1.0)
    taken: set[Group] = set()
    for group in sorted(claimed & rows.keys(), key=lambda g: (-rows[g], g)):
        if not any(pair <= taken | {group} and group in pair for pair in open_):
            taken.add(group)
    total = sum(rows.values())
    return sum(rows[group] for group in taken) / total if total else 0.0


def _rows(estimates: Iterable[Estimate]) -> dict[Group, int]:
    """Rows of each group that is a subject as a whole."""
    found: dict[Group, int] = {}
    for estimate in estimates:
        if "groups" in estimate.subject and "stratum" not in estimate.subject:
            found[tuple(estimate.subject["groups"].items())] = estimate.rows
    return found


def _view(group: Group) -> tuple[str, ...]:
    return tuple(name for name, _ in group)
