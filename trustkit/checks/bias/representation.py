"""Do the data hold the people whom the system serves, and know as much of each group?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.comparison import (
    FEWEST_SHOWN,
    Compare,
    Comparison,
    class_tables,
    figures,
    require,
    require_class,
    views,
)
from trustkit.checks.facts import fact
from trustkit.evidence.blocks import Ints
from trustkit.evidence.cells import Cells
from trustkit.evidence.population import Population
from trustkit.evidence.profiles import Profile, Profiles
from trustkit.evidence.tables import MISSING, OTHER, Table
from trustkit.measure.intervals import Floats, Linear
from trustkit.measure.rates import Rate, base_rate, rate

MOST_COLUMNS = 5
"""Inputs whose gap of missing values is shown, the widest first."""

MOST_NAMED = 10

_SUPPLY = "data.population: a table of attribute, group and share"
_DEPENDENT = "the rows of one person are not independent: no interval"


@check(
    version="1",
    metrics={
        "share": Metric("share of the audited rows", "share", "of all rows", of_all=True),
        "share_ratio": Metric(
            "share of the audited rows over that of the population",
            "ratio",
            "of rows whose group the population has; below 1: fewer than among the people served",
            of_all=True,
        ),
        "train_share": Metric("share of the training rows", "share", "of all rows, unweighted", of_all=True),
        "train_share_ratio": Metric(
            "share of the training rows over that of the population",
            "ratio",
            "of rows whose group the population has, unweighted",
            of_all=True,
        ),
        "absent": Metric(
            "groups without an audited row", "count", "of the groups in the population or the training rows"
        ),
        "train_absent": Metric(
            "groups without a training row", "count", "of the groups in the population or the audited rows"
        ),
        "base_rate": Metric(
            "base rate", "share", "of rows with a truth, those of the positive class; undefined without one"
        ),
        "base_rate_difference": Metric(
            "base rate difference", "difference", "the subject's less the reference's"
        ),
        "missing": Metric("share of missing values", "share", "of an input in a group's rows, unweighted"),
        "missing_difference": Metric(
            "difference in missing values", "difference", "the subject's share less the reference's"
        ),
    },
)
def representation(
    cells: Cells,
    profiles: Profiles,
    population: Population | None,
    *,
    intersections: bool = False,
    compare: Compare = "pairs",
    reference: Mapping[str, str] | None = None,
    judged: Collection[str] | None = None,
) -> Iterator[Estimate]:
    """Do the data hold the people whom the system serves, and know as much of each group?

    Each group's share of the audited rows, and of the training rows where
    they are given, is held against its declared share of the population. The
    share of positive truth and of missing inputs is compared between the
    groups, and groups that one of the tables lacks are counted.

    Formula
    -------
    ``share`` = rows of the group / all rows. ``share_ratio`` = share among
    the rows whose group the population has / share of the population: rows
    without a group, and groups whose declared share is 0, are left out of
    it. ``base_rate`` = positive truth / rows with a truth, ``missing`` = rows
    without a value / rows, by group; their differences are the subject's less
    the reference's. The limits of a share ratio are Clopper & Pearson's of
    the share, divided by that of the population, which is taken as known.

    Why it matters
    --------------
    Of a group with few rows a model learns little, and an audit can say
    little: its errors are found last. Where more of its inputs are missing,
    its people are judged on less. A base rate that differs is a fact about
    the data, or about how its labels came about.

    When it misleads
    ----------------
    A system need not serve the whole population: shares of a census say
    little about applicants for a loan. A small group is rightly held by few
    rows, and may need more than its share to be judged at all. Equal shares
    do not make labels right: whoever was refused has none.

    How to read
    -----------
    A share ratio of 0.5: half as many rows of the group as its share of the
    population asks for. A limit below 1 bounds too few, not too many. Of the
    inputs the five with the widest gap between two groups are shown, and of
    gaps that no limit bounds the widest pair alone, without an interval,
    since it was chosen after looking.

    Remedy
    ------
    Collect more rows of the groups that are short, rather than weigh up a
    few; ask how the labels of a group came about before its base rate is
    believed; mend the source whose values are missing.

    References
    ----------
    A/RES/78/265 6(h); Regulation (EU) 2024/1689, Article 10(3) and (4);
    Suresh & Guttag 2021; limits: Clopper & Pearson 1934, Newcombe 1998.
    """
    if not cells.attributes:
        raise NotApplicable(
            "no sensitive attribute is declared", supply="data.sensitive: the columns that name groups"
        )
    shares = {} if population is None else population.shares
    yield from _lacking(cells, shares)
    for attribute in cells.attributes:
        mine = shares.get(attribute, {})
        yield from _audited(cells.table((attribute,)), attribute, mine)
        yield from _trained(profiles.train, attribute, mine)
    yield from _absent(cells, profiles, shares)
    yield from _base_rates(cells, intersections, compare, reference, judged)
    yield from _missing(profiles, compare, reference, judged)


def _lacking(cells: Cells, shares: Mapping[str, Mapping[str, float]]) -> Iterator[Estimate]:
    """Attributes whose groups cannot be held against a population."""
    lacking = Estimate("share_ratio", {}, np.nan, cells.rows, cells.rows)
    if not shares:
        yield replace(lacking, why="no population is declared", supply=_SUPPLY)
        return
    for name in cells.attributes:
        if name not in shares:
            why, supply = f"the population has no shares of {name}", f"data.population: the shares of {name}"
            yield replace(lacking, subject={"column": name}, why=why, supply=supply)


def _audited(table: Table, attribute: str, population: Mapping[str, float]) -> Iterator[Estimate]:
    if not table.groups:
        return
    yield from figures("share", table, _shares(table))
    served, ratio = _served(table, attribute, population)
    yield from _over("share_ratio", served, _shares(served), ratio)


def _trained(train: Profile | None, attribute: str, population: Mapping[str, float]) -> Iterator[Estimate]:
    if train is None or attribute not in train.groups:
        return
    groups = train.groups[attribute]
    table = _counted([{attribute: label} for label in groups.labels], groups.rows)
    share = None if train.size is None else train.size / max(train.rows, 1)
    yield from _independent(figures("train_share", table, _shares(table, share)), share is not None)
    served, ratio = _served(table, attribute, population)
    made = _over("train_share_ratio", served, _shares(served, share), ratio)
    yield from _independent(made, share is not None)


def _served(table: Table, attribute: str, population: Mapping[str, float]) -> tuple[Table, Floats]:
    """Rows of each group that the population has, and its share there; pooled ones share what is left."""
    place = {group[attribute]: i for i, group in enumerate(table.groups)}
    shares = {label: share for label, share in population.items() if share > 0}
    if OTHER in place and OTHER not in shares:
        pooled = [label for label in shares if label not in place]
        left = sum(shares.pop(label) for label in pooled)
        shares |= {OTHER: left} if left else {}
    places = np.array([place.get(label, -1) for label in shares], dtype=np.int64)
    return table.picked(places, [{attribute: label} for label in shares]), np.array([*shares.values()])


def _over(metric: str, table: Table, share: Rate, of: Floats) -> Iterator[Estimate]:
    """Shares over those of the population."""
    ratio = Rate(share.k, share.n, share.value / of, share.limits)
    limits = Linear(share.limits, 1 / of, np.zeros(len(of)))
    for made in figures(metric, table, ratio):
        yield replace(made, limits=limits)


def _shares(table: Table, independent: float | None = None) -> Rate:
    """Share of each group among all rows; `independent` is the part of the rows that counts as such."""
    rest = table.rest()

    def in_and_out(name: str) -> Any:
        mine, others = getattr(table, name), getattr(rest, name)
        if mine is None:
            return None
        return np.stack([part.sum(axis=(-2, -1)) for part in (mine, others)], axis=-1)[..., None, :]

    counts: dict[str, Any] = {name: in_and_out(name) for name in ("n", "weight", "weight_squared", "buckets")}
    two = replace(table, truths=("",), predictions=("in", "out"), **counts)
    made = rate(two, counted=np.array([[True, False]]), among=np.array([[True, True]]))
    if independent is None:
        return made
    return replace(made, limits=replace(made.limits, n=made.limits.n * independent))


def _counted(groups: list[dict[str, str]], *counts: Ints) -> Table:
    """A table of groups by one axis."""
    n = np.stack(counts, axis=-1)[:, None, :]
    names = tuple(str(i) for i in range(len(counts)))
    nothing: dict[str, Any] = dict.fromkeys(("weight", "weight_squared", "s", "s2", "buckets", "bucket_s"))
    return Table(groups, ("",), names, n, **nothing, positive=None, favorable=())


def _independent(estimates: Iterator[Estimate], rows: bool) -> Iterator[Estimate]:
    """Estimates with their limits; without them where rows are not independent."""
    for made in estimates:
        yield made if rows else replace(made, limits=None, why=made.why or _DEPENDENT)


def _absent(
    cells: Cells, profiles: Profiles, shares: Mapping[str, Mapping[str, float]]
) -> Iterator[Estimate]:
    """Groups that one table lacks and another, or the population, has; not told where groups were pooled."""
    audited = {(name, group[name]) for name in cells.attributes for group in cells.table((name,)).groups}
    train = None if profiles.train is None else profiles.train.groups
    trained = {(name, label) for name, groups in (train or {}).items() for label in groups.labels}
    served = {(name, label) for name, mine in shares.items() for label, share in mine.items() if share > 0}
    if cells.parts is not None or any(label == OTHER for _, label in audited):
        return
    yield from _lacked("absent", audited, served | trained)
    if train is not None:
        yield from _lacked("train_absent", trained, {pair for pair in served | audited if pair[0] in train})


def _lacked(metric: str, seen: set[tuple[str, str]], known: set[tuple[str, str]]) -> Iterator[Estimate]:
    known = {pair for pair in known if pair[1] != MISSING}
    if not known:
        return
    lacking = [f"{name}={label}" for name, label in sorted(known - seen)]
    more = f" and {len(lacking) - MOST_NAMED} more" if len(lacking) > MOST_NAMED else ""
    note = f"They are {', '.join(lacking[:MOST_NAMED])}{more}" if lacking else None
    yield replace(fact(metric, len(lacking), len(known)), note=note)


def _base_rates(
    cells: Cells,
    intersections: bool,
    compare: Compare,
    reference: Mapping[str, str] | None,
    judged: Collection[str] | None,
) -> Iterator[Estimate]:
    """Share of positive truth by group, where there is a truth of classes and more than one group."""
    try:
        require(cells, "truth")
        require_class(cells, "positive")
        several = views(cells, intersections=intersections)
    except NotApplicable:
        return
    for view in several:
        pairs = Comparison.of(cells.table(view), compare, reference)
        for more, table in class_tables(cells, view, "positive"):
            measured = base_rate(table)
            yield from figures("base_rate", table, measured, more)
            yield from pairs.disparities(
                {"base_rate_difference": "difference"}, table, base_rate, measured, judged=judged, more=more
            )


def _missing(
    profiles: Profiles,
    compare: Compare,
    reference: Mapping[str, str] | None,
    judged: Collection[str] | None,
) -> Iterator[Estimate]:
    """Missing values of the audited inputs: of all, and of those whose groups differ the most."""
    audit = profiles.audit
    if audit.rows and audit.columns:
        size = audit.rows * len(audit.columns)
        yield fact("missing", int(audit.missing.sum()) / size, size)
    every = judged is None or "missing_difference" in judged
    for attribute, groups in audit.groups.items():
        if len(groups.labels) < 2:
            continue
        names = [{attribute: label} for label in groups.labels]
        for place in range(len(audit.columns)) if every else _widest(audit, attribute):
            column = audit.columns[place]
            if column == attribute:
                continue
            table = _counted(names, groups.missing[:, place], groups.rows - groups.missing[:, place])
            yield from _independent(
                _gaps(table, column, Comparison.of(table, compare, reference), every), audit.size is not None
            )


def _widest(audit: Profile, attribute: str) -> list[int]:
    """Inputs whose shares of missing values lie furthest apart, of groups with rows enough to tell."""
    groups = audit.groups[attribute]
    enough = groups.rows >= FEWEST_SHOWN
    if enough.sum() < 2:
        return []
    shares = groups.missing[enough] / groups.rows[enough, None]
    gap = np.where([column == attribute for column in audit.columns], 0.0, np.ptp(shares, axis=0))
    return [int(i) for i in np.argsort(-gap, kind="stable")[:MOST_COLUMNS] if gap[i] > 0]


def _gaps(table: Table, column: str, pairs: Comparison, every: bool) -> Iterator[Estimate]:
    """Differences in missing values, and the shares of the groups that they are between."""
    measured = _lacking_value(table)
    metric, more = "missing_difference", {"column": column}
    made = list(
        pairs.disparities(
            {metric: "difference"},
            table,
            _lacking_value,
            measured,
            judged=(metric,) if every else (),
            more=more,
        )
    )
    named = [each.subject[key] for each in made for key in ("groups", "reference")]
    yield from (each for each in figures("missing", table, measured, more) if each.subject["groups"] in named)
    yield from made


def _lacking_value(table: Table) -> Rate:
    return rate(table, counted=np.array([[True, False]]), among=np.array([[True, True]]))
