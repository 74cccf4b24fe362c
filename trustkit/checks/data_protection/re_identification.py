"""How likely is a row of the data told whose it is, and what would that give away?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.facts import fact
from trustkit.errors import ConfigError, Problem
from trustkit.evidence.classes import ABSENT, MOST_VALUES, Classes, number, totals, weights
from trustkit.evidence.tables import MISSING
from trustkit.measure.disclosure import Spread, spread
from trustkit.measure.reidentification import compatible, individual_risk, population_uniques
from trustkit.measure.singling_out import best_coarsening, singling_out

MOST_COARSENED = 300_000
"""Classes up to which coarsenings are tried."""

MOST_COMPARED = 2_000_000
"""Classes times patterns of missing values up to which these are compared with each other."""

FEW_SAMPLED = 0.05
"""Share of the population under which estimates of its uniques are of an order of magnitude."""

MANY_SAMPLED = 0.1
"""Share of the population over which Dankar's rule prefers the other estimators to Pitman's."""

MOST = 0.5
"""Most rows are unique when more than this share are."""

MOST_LISTED = 8
"""Columns that are named at most."""

WILDCARD = ("k_wildcard", "unique_share_wildcard")
COLUMNS = ("columns_to_single_out", "coarsened_unique_share")
GIVEN_AWAY = ("l_distinct", "l_entropy", "c_recursive", "t", "alpha", "beta", "beta_enhanced", "delta")

_RISK = "a class is the rows alike in every quasi-identifier; a missing value is a value of its own"
_GIVEN = "of the classes, the worst; rows without a value of the attribute are left out"
_UNBOUNDED = {
    "c_recursive": "a class has fewer than l values",
    "beta_enhanced": "a gain is over -ln p",
    "delta": "a class lacks a value",
}
_ESTIMATED = "an estimate under a model of the population: no confidence interval"

OPTIONS = 'options."data-protection/re-identification"'

SIZE = f"{OPTIONS}.population_size: how many people the rows are drawn from"

WHOLE = "the evidence as it was collected: classes made to be shared are sizes alone"


@check(
    version="1",
    metrics={
        "k": Metric("rows of the smallest class", "count", f"{_RISK}; 1 where a row is unique"),
        "unique_share": Metric(
            "share of rows that are unique", "share", f"rows alone in their class; {_RISK}"
        ),
        "prosecutor": Metric(
            "largest prosecutor risk", "share", "1/k: the attacker knows that the person is in the data"
        ),
        "at_risk": Metric(
            "share of rows at risk", "share", "rows whose prosecutor risk 1/f is over the option `threshold`"
        ),
        "marketer": Metric(
            "marketer risk",
            "share",
            "classes over rows: the share of rows told rightly by one who knows of everybody in the data",
        ),
        "k_wildcard": Metric(
            "rows that the rarest row may be among",
            "count",
            "as k, where a missing value may stand for any, on either side",
        ),
        "unique_share_wildcard": Metric(
            "share of rows that are unique whatever is missing",
            "share",
            "as unique_share, where a missing value may stand for any, on either side",
        ),
        "population_unique": Metric(
            "estimated share of the population that is unique",
            "share",
            "Pitman, Zayatz and SNB; the value is the one that Dankar's rule takes",
        ),
        "journalist": Metric(
            "largest journalist risk",
            "share",
            "most of E[1/F | f], F the class in the population: who is in the data is not known",
        ),
        "population_marketer": Metric(
            "marketer risk by a register of the population", "share", "mean over rows of E[1/F | f]"
        ),
        "columns_to_single_out": Metric(
            "columns that make most rows unique",
            "count",
            "found by adding the column that helps most; unbounded where all together do not",
        ),
        "coarsened_unique_share": Metric(
            "share of rows that are unique after the best coarsening",
            "share",
            "one column coarsened: of ways with half of the largest fall, that which loses least entropy",
        ),
        "l_distinct": Metric("distinct l-diversity", "count", f"values in a class; {_GIVEN}"),
        "l_entropy": Metric("entropy l-diversity", "count", f"exp of the entropy of a class; {_GIVEN}"),
        "c_recursive": Metric(
            "c of recursive (c, l)-diversity",
            "ratio",
            f"most frequent value over the l-th and all rarer ones, l an option; {_GIVEN}",
        ),
        "t": Metric(
            "t-closeness",
            "share",
            f"earth mover's distance to all rows: ordered for numbers and bins, else equal; {_GIVEN}",
        ),
        "alpha": Metric("largest share of one value in a class", "share", f"(alpha, k)-anonymity; {_GIVEN}"),
        "beta": Metric("basic beta-likeness", "ratio", f"(q - p) / p of a value; {_GIVEN}"),
        "beta_enhanced": Metric(
            "enhanced beta-likeness", "ratio", f"as basic; unbounded where a gain is over -ln p; {_GIVEN}"
        ),
        "delta": Metric(
            "delta-disclosure", "nats", f"|ln(q/p)|, unbounded where a class lacks a value; {_GIVEN}"
        ),
    },
)
def re_identification(
    classes: Classes,
    *,
    population_size: int | None = None,
    threshold: float = 0.2,
    l: int = 2,  # noqa: E741 (its name)
    judged: Collection[str] = (),
) -> Iterator[Estimate]:
    """How likely is a row of the data told whose it is, and what would that give away?

    The audited rows are sorted into classes that are alike in the quasi-identifiers
    ``data.quasi_identifiers``, cut by ``data.bins``; where none are declared,
    in columns that look as if an acquaintance or a register knew them. The
    smaller a class, the better its rows are told apart; the less its values of
    a sensitive attribute differ, the more that gives away.

    Formula
    -------
    With f the rows of a class, J classes and n rows: ``k`` = min f,
    ``unique_share`` = rows with f = 1 over n, ``prosecutor`` = 1/k,
    ``marketer`` = J/n. With F the class in the population of N: ``journalist``
    = max E[1/F | f], F - f negative binomial at the rate f/F_hat, F_hat the
    sum of weights, else f N/n. ``population_unique``: Pitman's sampling
    formula by maximum likelihood, Zayatz's sum over hypergeometric draws, the
    shifted negative binomial by moments; over a tenth of the population the
    least of the last two stands first, else Pitman. With q the share of a
    sensitive value in a class and p in all rows: ``alpha`` = max q, ``beta`` =
    max (q - p)/p, ``delta`` = max |ln(q/p)|; ``t`` = max of half the sum of
    |q - p|, or for numbers of the sum of |cumulated q - p| over m - 1.

    Why it matters
    --------------
    Names are not needed to find a person: a birth date, a postal code and a
    sex are unique for most people. Whoever holds such a row learns all the
    rest of it. Data that a model was trained on get copied, shared and leaked.

    When it misleads
    ----------------
    The figures are of the columns chosen: an attacker may know others, and
    suggested ones are a guess. Unique in the sample is not unique in the
    population. A column of fine numbers, or an identifier, makes every row
    unique: bin it, or leave it out. Rows of one person count as several unless
    ``data.unit`` names the person. t, beta and delta compare with the data
    themselves, which may give away much as a whole. Journalist and marketer
    risk against the population take what is rare among the rows for as rare
    as they are many: without weights that tell more they come out too low, in
    a simulation by half.

    How to read
    -----------
    Figures of the file are facts. Shares are shown, never who is unique; k of
    1 says that somebody is, not who. Figures of the population need its size,
    or weights that sum to it, and are estimates that differ by the model: read
    their range; from samples under 5 % it is of an order of magnitude. No
    limit is set by default, since what is held inside is not released. Before
    a release set ``min_k``, ``max_unique_share``, ``max_marketer``,
    ``min_l_distinct`` or ``max_t``; for reports of clinical trials the European
    Medicines Agency takes a largest risk of 0.09, a k of about 11.

    Remedy
    ------
    Make the columns named coarser (ranges of age, a region in place of a
    postal code, years in place of days), drop those that nothing needs, or
    suppress the rows that remain alone; then audit again.

    References
    ----------
    Sweeney 2002; Machanavajjhala et al. 2007; Li et al. 2007; Wong et al. 2006; Brickell and Shmatikov
    2008; Cao and Karras 2012; Benedetti and Franconi 1998; Hoshino 2001; Zayatz 1991; Chen and McNulty
    1998; Dankar et al. 2012; El Emam and Dankar 2008 (prosecutor, journalist, marketer); EMA Policy 0070.
    """
    if not 0 < threshold <= 1:
        raise ConfigError([Problem(f"{OPTIONS}.threshold", f"{threshold} is no share above 0")])
    if l < 1:
        raise ConfigError([Problem(f"{OPTIONS}.l", f"{l} is no number of values, 1 or more")])
    if not classes.columns:
        raise NotApplicable(
            "no column was found by which a person could be recognized",
            supply="data.quasi_identifiers: the columns that together may single a person out",
        )
    yield from _of_the_file(classes, threshold)
    yield from _of_the_population(classes, population_size, judged)
    yield from _of_the_columns(classes, judged)
    for attribute in classes.values:
        yield from _given_away(classes, attribute, l, judged)


def _of_the_file(classes: Classes, threshold: float) -> Iterator[Estimate]:
    """Figures of the sizes of classes."""
    f, c = classes.sizes()
    n, alone = classes.rows, int(c[f == 1].sum())
    smallest = int(f.min(initial=max(n, 1)))
    chosen = "suggested: declare data.quasi_identifiers" if classes.suggested else "declared"
    about = f"Alike in {_listed(list(classes.columns))} ({chosen})."
    yield replace(fact("k", smallest, n), note=about)
    yield fact("unique_share", alone / max(n, 1), n)
    yield fact("prosecutor", 1 / smallest, n)
    yield fact("at_risk", int((f * c)[f * threshold < 1].sum()) / max(n, 1), n)
    yield fact("marketer", int(c.sum()) / max(n, 1), n)


def _of_the_population(
    classes: Classes, population_size: int | None, judged: Collection[str]
) -> Iterator[Estimate]:
    """Estimates that need the population's size, or what to supply for them."""
    n, expected = classes.rows, None
    group, count = classes.groups() if classes.pooled is None else (None, 0)
    size = float(population_size or 0)
    if classes.w is not None and group is not None:
        expected = weights(totals(group, classes.w, count))
        size = size or float(expected.sum())
    if n == 0 or size < n or (size == n and population_size is None):
        given = "the size of the population is not known"
        if population_size is not None:
            given = f"a population of {population_size:,} does not hold {n:,} rows"
        for metric in ("population_unique", *sorted({"journalist", "population_marketer"} & {*judged})):
            yield Estimate(
                metric, {}, float("nan"), n, n, why=given, supply=SIZE if metric in judged else None
            )
        return
    f, c = classes.sizes()
    yield _population_unique(f, c, n, size)
    if expected is not None and group is not None:
        f, c = totals(group, classes.n, count), np.ones(count, dtype=np.int64)
        risk = individual_risk(f, expected * size / expected.sum())
    else:
        risk = individual_risk(f, f * size / n)
    yield Estimate("journalist", {}, float(risk.max()), n, n, why=_ESTIMATED)
    yield Estimate("population_marketer", {}, float(risk @ (f * c)) / n, n, n, why=_ESTIMATED)


def _population_unique(f: Any, c: Any, n: int, size: float) -> Estimate:
    """Share of the population that is unique, with the range over estimators."""
    if size == n:
        return fact("population_unique", int(c[f == 1].sum()) / n, n)
    shares = {name: uniques / size for name, uniques in population_uniques(f, c, size).items()}
    first = shares["Pitman"]
    if n / size > MANY_SAMPLED:
        first = min(share for name, share in shares.items() if name != "Pitman")
    inside = sorted(shares.items(), key=lambda each: each[1])
    note = f"By estimator: {', '.join(f'{share:.3g} ({name})' for name, share in inside)}."
    if n / size < FEW_SAMPLED:
        note += f" An order of magnitude: the rows are {n / size:.2g} of the population."
    return Estimate("population_unique", {}, first, n, n, why=_ESTIMATED, note=note)


def _of_the_columns(classes: Classes, judged: Collection[str]) -> Iterator[Estimate]:
    """The other end where values are missing, the few columns that are enough, and what to make coarser."""
    n = classes.rows
    if classes.pooled is not None or n == 0:
        for metric in sorted({*WILDCARD, *COLUMNS} & {*judged}):
            yield Estimate(
                metric, {}, float("nan"), n, n, why="there are sizes of classes alone", supply=WHOLE
            )
        return
    merged = classes.merged()
    missing = np.stack(
        [
            (of.labels[:1] == ABSENT).any() & (merged.codes_of(name) == 0)
            for name, of in merged.columns.items()
        ],
        axis=1,
    )
    if missing.any() or {*WILDCARD} & {*judged}:
        yield from _wildcards(merged, missing)
    yield _few_columns(merged)
    yield _coarsened(merged)


def _wildcards(merged: Classes, missing: Any) -> Iterator[Estimate]:
    """Figures where a missing value may be any."""
    n, patterns = merged.rows, len(np.unique(missing, axis=0))
    if patterns * len(merged.n) > MOST_COMPARED:
        why = f"{patterns:,} patterns of missing values are too many to compare"
        yield from (Estimate(metric, {}, float("nan"), n, n, why=why) for metric in WILDCARD)
        return
    found = compatible(merged.codes, missing, merged.n)
    yield fact("k_wildcard", int(found.min()), n)
    yield fact("unique_share_wildcard", int((found == 1).sum()) / n, n)


def _few_columns(merged: Classes) -> Estimate:
    """The fewest columns found that make most rows unique."""
    n = merged.rows
    chosen, share = singling_out(merged, MOST)
    if share <= MOST:
        told = replace(fact("columns_to_single_out", float("inf"), n), why="no columns make most rows unique")
        return replace(told, note=f"All together make {share:.3g} of the rows unique.")
    note = f"{_listed(chosen)} make{'s' * (len(chosen) == 1)} {share:.3g} of the rows unique."
    if len(chosen) == 1:
        note += f" Leave an identifier out; cut numbers by data.bins.{chosen[0]}."
    return replace(fact("columns_to_single_out", len(chosen), n), note=note)


def _coarsened(merged: Classes) -> Estimate:
    """What coarsening one column comes to, the one that helps most for the least loss."""
    if len(merged.n) > MOST_COARSENED:
        why = f"not tried: there are more than {MOST_COARSENED:,} classes"
        return Estimate("coarsened_unique_share", {}, float("nan"), merged.rows, merged.rows, why=why)
    n, best = merged.rows, best_coarsening(merged)
    now = int((merged.n == 1).sum()) / n
    if best is None:
        return replace(fact("coarsened_unique_share", now, n), note="No coarsening of one column lowers it.")
    note = f"{best.column}: {best.form}, at {best.loss / best.before:.0%} of its entropy; now {now:.3g}."
    return replace(fact("coarsened_unique_share", best.unique, n), note=note)


def _given_away(
    classes: Classes,
    attribute: str,
    l: int,  # noqa: E741 (its name)
    judged: Collection[str],
) -> Iterator[Estimate]:
    """What classes tell of a sensitive attribute: the values in them, and the rest where it is judged."""
    subject, values = {"column": attribute}, classes.values[attribute]
    shown = [name for name in GIVEN_AWAY if name == "l_distinct" or name in judged]
    n, why, supply = 0, None, None
    if classes.pooled is not None:
        why, supply = "there are sizes of classes alone", WHOLE
    elif values is None:
        why, supply = (
            f"it has over {MOST_VALUES} values",
            f"{attribute} in ranges: {MOST_VALUES} values at most",
        )
    else:
        known = classes.codes_of(attribute) != (values.index(MISSING) if MISSING in values else -1)
        n = int(classes.n[known].sum())
        why = None if n else "nothing to count"
    if why is not None or values is None:
        yield from (Estimate(metric, subject, float("nan"), n, n, why=why, supply=supply) for metric in shown)
        return
    group, _ = classes.groups()
    of = spread(group[known], classes.codes_of(attribute)[known], classes.n[known])
    ordered = all(number(value) is not None for value in values if value != MISSING)
    found = _figures(of, l, ordered=ordered)
    for metric in shown:
        value = found[metric]
        made = fact(metric, value, n, subject)
        if metric == "l_distinct":
            made = replace(made, note=_in_words(found, l, ordered=ordered))
        elif metric == "delta":
            made = replace(made, note=f"Over values that occur in the class: {of.delta()[1]:.3g}.")
        yield made if isfinite(value) else replace(made, why=_UNBOUNDED[metric])


def _figures(of: Spread, l: int, *, ordered: bool) -> dict[str, float]:  # noqa: E741
    """Every measure of disclosure, by metric."""
    return {
        "l_distinct": of.distinct_l(),
        "l_entropy": of.entropy_l(),
        "c_recursive": of.recursive_c(l),
        "t": of.closeness(ordered=ordered),
        "alpha": of.largest_share(),
        "beta": of.basic_beta(),
        "beta_enhanced": of.enhanced_beta(),
        "delta": of.delta()[0],
    }


def _in_words(found: Mapping[str, float], l: int, *, ordered: bool) -> str:  # noqa: E741
    """The measures that are not lines of their own."""
    distance = "ordered" if ordered else "equal"
    return (
        f"In the worst class: entropy l {_number(found['l_entropy'])}, c {_number(found['c_recursive'])} at "
        f"l = {l}, t {_number(found['t'])} ({distance} distance), alpha {_number(found['alpha'])}, "
        f"beta {_number(found['beta'])}, delta {_number(found['delta'])}."
    )


def _number(value: float) -> str:
    return f"{value:.3g}" if isfinite(value) else "unbounded"


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - MOST_LISTED
    return ", ".join(names[:MOST_LISTED]) + (f" and {rest} more" if rest > 0 else "")
