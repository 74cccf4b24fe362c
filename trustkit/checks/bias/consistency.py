"""Are like people decided alike, and is the benefit of the decisions spread evenly?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.comparison import class_tables, require, require_class, views
from trustkit.evidence.cells import Cells
from trustkit.evidence.neighbors import Likes, Neighbors
from trustkit.evidence.tables import Table
from trustkit.measure.entropy import between_groups, generalized_entropy
from trustkit.measure.intervals import ClopperPearson

_BENEFIT = "of the benefits b = decision - truth + 1, favorable as 1"


@check(
    version="1",
    metrics={
        "consistency": Metric(
            "consistency of decisions on like people",
            "share",
            "mean share of the 5 nearest other rows that are decided alike; undefined with 5 rows or fewer",
        ),
        "entropy": Metric(
            "generalized entropy",
            "nats",
            f"{_BENEFIT}, at alpha; 0 is even; undefined where all are 0, and at alpha 0 where one is",
        ),
        "entropy_between": Metric(
            "generalized entropy between groups",
            "nats",
            "the same with each benefit replaced by its group's mean",
        ),
        "entropy_within": Metric(
            "generalized entropy within groups", "nats", "the whole less the part between groups"
        ),
        "theil": Metric("Theil index", "nats", f"{_BENEFIT}: generalized entropy at alpha 1, 0 ln 0 being 0"),
        "coefficient_of_variation": Metric(
            "coefficient of variation", "ratio", f"{_BENEFIT}: their deviation over their mean"
        ),
    },
)
def consistency(
    cells: Cells,
    neighbors: Neighbors | None,
    *,
    alpha: float = 2.0,
    intersections: bool = True,
    judged: Collection[str] | None = None,
) -> Iterator[Estimate]:
    """Are like people decided alike, and is the benefit of the decisions spread evenly?

    Two looks at persons in place of groups. ``consistency`` is the share of
    each drawn row's five nearest others, by the inputs without the sensitive
    attributes, that got the same decision. The entropies ask how unequally
    the decisions give more, or less, than the truth called for: somebody
    wrongly favored has a benefit of 2, somebody wrongly refused 0, all others 1.

    Formula
    -------
    ``consistency`` = 1 - mean |d - mean d of the 5 nearest|, d the favorable
    decision as 1 (of several classes none of which is favorable, the share
    decided otherwise). With b the benefit over its mean: ``entropy`` =
    mean(b^a - 1) / (a (a - 1)), ``theil`` = mean(b ln b), at alpha 0
    -mean(ln b); ``coefficient_of_variation`` = sqrt(2 entropy) at alpha 2.
    ``entropy_between`` takes each group's mean benefit in place of b,
    ``entropy_within`` is the rest.

    Why it matters
    --------------
    Groups can be treated equally on average while persons are not: two people
    who differ in nothing that should count get different answers, or a repair
    for one group pays with errors for others. Whoever is wrongly refused
    bears it alone.

    When it misleads
    ----------------
    Likeness is the inputs' as they are: an input that should play no part
    makes like people look different, a coarse one makes different people look
    alike. Where the decision has a sharp threshold, people on either side of
    it differ rightly, and fewer rows mean farther neighbors: compare figures
    of equal samples only. Always the same answer has a consistency of 1.
    Entropies mix over- and under-favoring, depend on how many of the truth
    are favorable, and are 0 only without error.

    How to read
    -----------
    Consistency is told for all rows drawn and for each group, whose neighbors
    may be of any group. Its interval counts each row both by its neighbors
    and as a neighbor of others, since rows that share neighbors are not
    independent; with weighted rows it has none. The entropies are of all rows
    that have truth and decision and have no interval. A part between groups
    near 0 says that the inequality is within them. Of several classes none
    of which is favorable each is taken against the rest, and the largest shown.

    Remedy
    ------
    Look at pairs of near rows that were decided otherwise: does an input
    divide them that should not? A smoother rule near the threshold, or a
    person's look at cases close to it, treats like people alike.

    References
    ----------
    Dwork et al. 2012; Zemel et al. 2013 (consistency; a row is not its own
    neighbor here); Speicher et al. 2018; Shorrocks 1980.
    """
    require(cells, "prediction")
    yield from _alike(neighbors)
    yield from _largest(list(_entropies(cells, alpha, intersections)), judged)


def _alike(neighbors: Neighbors | None) -> Iterator[Estimate]:
    """Consistency of everybody, and of each group."""
    if neighbors is None:
        supply = "data.features: the inputs that decisions rest on"
        why = "no inputs tell who is like whom"
        yield Estimate("consistency", {}, float("nan"), 0, 0, why=why, supply=supply)
        return
    yield _consistency(neighbors.everybody, {}, neighbors.schema)
    for name, groups in neighbors.groups.items():
        for group, likes in groups.items():
            yield _consistency(likes, {"groups": {name: group}}, neighbors.schema)


def _consistency(likes: Likes, subject: Mapping[str, Any], schema: Mapping[str, Any]) -> Estimate:
    """One figure, with limits at the size that the shared neighbors leave."""
    rows, k = likes.rows, schema["k"]
    if not rows:
        return Estimate("consistency", subject, float("nan"), 0, 0, why=f"{k} rows or fewer to compare")
    share = likes.otherwise / (k * rows)
    if schema["weight"]:
        why = "rows are weighted, and each counts once here: no interval"
        return Estimate("consistency", subject, 1 - share, rows, rows, why=why)
    scatter = likes.aa - 2 * share * likes.ab + share**2 * likes.bb
    size = float(rows)
    if scatter > 0:
        size = min(size, share * (1 - share) * (k * rows) ** 2 / scatter)
    limits = ClopperPearson(np.array([1 - share]), np.array([size]), np.array([size]))
    return Estimate("consistency", subject, 1 - share, rows, rows, limits=limits)


def _entropies(cells: Cells, alpha: float, intersections: bool) -> Iterator[Estimate]:
    """How unequal the benefits are, in all, and within and between the groups of each view."""
    lacking = _lacking(cells)
    if lacking is not None:
        yield lacking
        return
    try:
        several = views(cells, intersections=intersections)
    except NotApplicable:
        several = []
    for subject, table in class_tables(cells, (), "favorable"):
        benefit, mass, n = _benefits(table)
        whole = generalized_entropy(benefit, mass.sum(axis=0), alpha)
        yield _entropy("entropy", subject, whole, n)
        yield _entropy("theil", subject, generalized_entropy(benefit, mass.sum(axis=0), 1), n)
        spread = np.sqrt(2 * generalized_entropy(benefit, mass.sum(axis=0), 2))
        yield _entropy("coefficient_of_variation", subject, spread, n)
    for view in several:
        column = {"column": " x ".join(view)}
        for subject, table in class_tables(cells, view, "favorable"):
            benefit, mass, n = _benefits(table)
            between = between_groups(benefit, mass, alpha)
            within = generalized_entropy(benefit, mass.sum(axis=0), alpha) - between
            yield _entropy("entropy_between", {**column, **subject}, between, n)
            yield _entropy("entropy_within", {**column, **subject}, within, n)


def _lacking(cells: Cells) -> Estimate | None:
    """What the entropies lack, if anything."""
    try:
        require(cells, "truth", "prediction")
        require_class(cells, "favorable")
    except NotApplicable as signal:
        why, supply = signal.reason, signal.supply
        return Estimate("entropy", {}, float("nan"), 0, 0, why=why, supply=supply)
    return None


def _benefits(table: Table) -> tuple[Any, Any, int]:
    """Benefits of the pairs of truth and decision that are known, their mass by group, and their rows."""
    known = table.truth_known & table.decided
    wanted = np.array([[truth in table.favorable] for truth in table.truths])
    benefit = table.favored.astype(float) - wanted + 1
    return benefit[known], table.mass[:, known].astype(float), int(table.n[:, known].sum())


def _entropy(metric: str, subject: Mapping[str, Any], value: Any, n: int) -> Estimate:
    why = (
        "an index of all benefits together: no interval"
        if np.isfinite(value)
        else "undefined: see its convention"
    )
    return Estimate(metric, subject, float(value), n, n, why=why)


def _largest(estimates: list[Estimate], judged: Collection[str] | None) -> Iterator[Estimate]:
    """All of what a limit bounds; of the rest, taken class by class, the largest."""
    shown: dict[tuple[str, str], Estimate] = {}
    for each in estimates:
        if judged is None or each.metric in judged or "class" not in each.subject:
            yield each
            continue
        place = each.metric, each.subject.get("column", "")
        if place not in shown or np.nan_to_num(shown[place].value, nan=-1) < each.value:
            shown[place] = each
    for each in shown.values():
        chosen = "the largest of the classes, chosen after looking: no interval"
        yield replace(each, why=chosen if np.isfinite(each.value) else each.why)
