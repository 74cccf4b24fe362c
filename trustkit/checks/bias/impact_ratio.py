"""What are the selection or scoring rates and impact ratios that New York's Local Law 144 asks for?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.comparison import require
from trustkit.checks.facts import fact
from trustkit.evidence.blocks import Ints
from trustkit.evidence.cells import Cells, ordered
from trustkit.evidence.tables import MISSING
from trustkit.measure.intervals import Floats, proportions
from trustkit.measure.medians import AboveMedian

Kind = Literal["sex", "race"]
Basis = Literal["selection", "scoring"]

UNKNOWN = "(unknown)"
"""In the subject of a count: whoever's category is not known."""

_NAMES: dict[Kind, tuple[str, ...]] = {
    "sex": ("sex", "gender"),
    "race": ("race", "ethnicity", "raceethnicity", "ethnicityrace"),
}
_TITLES: dict[Kind, str] = {"sex": "sex", "race": "race/ethnicity"}
_OPTION = 'options."bias/impact-ratio".attributes'
_LOOKED = "the highest rate is found by looking: no interval"
_NEAR = "some scores lie too near the median to tell on which side"


@check(
    version="1",
    metrics={
        "applicants": Metric(
            "number of applicants", "count", "rows of the category with a decision or a score, unweighted"
        ),
        "selected": Metric("number selected", "count", "of these rows, those selected, or put in the class"),
        "selection_rate": Metric(
            "selection rate", "share", "of the category's decided rows, those selected, or put in the class"
        ),
        "scoring_rate": Metric(
            "scoring rate", "share", "of the category's rows, those above the median of all rows, strictly"
        ),
        "impact_ratio": Metric(
            "impact ratio",
            "ratio",
            "the category's rate over the highest of those compared; undefined where that is 0",
        ),
        "unknown": Metric(
            "people of unknown category", "count", "left out of the rates; of two attributes, of either"
        ),
        "median": Metric("median score", "share", "of all rows with a score, to three decimals"),
    },
)
def impact_ratio(
    cells: Cells,
    *,
    attributes: Mapping[Kind, str] | None = None,
    basis: Basis | None = None,
    min_share: float = 0.02,
    small_reference: bool = False,
    unknown: Sequence[str] = ("Unknown",),
) -> Iterator[Estimate]:
    """What are the selection or scoring rates and impact ratios that New York's Local Law 144 asks for?

    For sex, for race/ethnicity and for both together: how many applicants
    each category has, at which rate they are selected (or score above the
    median), and that rate over the highest. The law sets no mark, so these
    figures are reported and not judged.

    Formula
    -------
    Selection rate = selected / applicants of the category. Scoring rate =
    applicants of the category whose score is above the median of the full
    sample / applicants of the category. Impact ratio = the category's rate /
    the rate of the most selected, or highest scoring, category. A category of
    less than ``min_share`` of the data is left out of the ratios, as the rule
    allows, and with ``small_reference = false`` is no category to compare
    with either; its number and its rate are shown. Where the tool sorts into
    more than two classes, all of this is told for each class.

    ``attributes = { sex = "...", race = "..." }`` names the two columns where
    they are not called so, ``basis`` takes scores though there are decisions,
    ``unknown`` lists the labels of people who did not say, in any case.

    Why it matters
    --------------
    An employer in New York City may use an automated employment decision tool
    only after an independent auditor has calculated and the employer has
    published these figures (6 RCNY 5-301 and 5-303).

    When it misleads
    ----------------
    A ratio to the highest of many categories is below 1 for nearly all by
    chance alone, the more so the smaller they are: read it beside
    ``bias/selection-rate``, which judges. A ratio says nothing of who was
    qualified, and a scoring rate nothing of where the threshold lies. Rows
    are counted as applicants: where a person has several, say which counts.

    How to read
    -----------
    0.80: the category is selected four fifths as often as the one selected
    most. The median is taken of bins: where scores of a bin lie on both sides
    of it the rate is a mean of what it may be, and the figure says between
    which values it lies. Scores that differ by less than 0.0001 may count as
    equal.

    Remedy
    ------
    Publish the tables with the date of the audit, the source of the data and
    the date of distribution. A low ratio is a reason to look at what the
    score rests on, not a breach of this law.

    References
    ----------
    6 RCNY 5-300 to 5-304; New York City Administrative Code 20-870 and 20-871.
    """
    if cells.parts is not None:
        raise NotApplicable(
            "small categories are pooled in evidence made to be shared",
            supply="evidence collected without --share",
        )
    columns = _columns(cells, attributes or {})
    yield from _lacking(cells, columns)
    views = [(name,) for name in columns.values()] + ([tuple(columns.values())] if len(columns) == 2 else [])
    rule = _Rule(min_share, small_reference, frozenset(label.casefold() for label in (*unknown, MISSING)))
    above = _above(cells) if _basis(cells, basis) == "scoring" else None
    if above is not None:
        yield _middle(above)
    for view in views:
        tables = list(_counts(cells, view, above))
        yield from rule.strangers(view, tables[0][1])
        for more, counts in tables:
            yield from rule.table(counts, more)


def _columns(cells: Cells, named: Mapping[Kind, str]) -> dict[Kind, str]:
    """Columns of sex and of race/ethnicity: as named, else those whose names say so."""
    absent = [name for name in named.values() if name not in cells.attributes]
    if absent:
        raise NotApplicable(
            f"{', '.join(absent)}: not among data.sensitive",
            supply=f"data.sensitive: {', '.join(absent)}, which {_OPTION} names",
        )
    found: dict[Kind, str] = {}
    for kind, names in _NAMES.items():
        alike = [name for name in cells.attributes if re.sub(r"[^a-z]", "", name.casefold()) in names]
        column = named.get(kind) or next(iter(alike), None)
        if column is not None:
            found[kind] = column
    if not found:
        raise NotApplicable(
            "no column of sex or of race/ethnicity is known",
            supply=f"{_OPTION}: which of data.sensitive hold sex and race/ethnicity",
        )
    return found


def _lacking(cells: Cells, columns: Mapping[Kind, str]) -> Iterator[Estimate]:
    for kind, title in _TITLES.items():
        if kind not in columns:
            lacking = Estimate("applicants", {"column": title}, np.nan, cells.rows, cells.rows)
            supply = f"{_OPTION}: which of data.sensitive holds {title}"
            yield replace(lacking, why=f"no column of {title} is known", supply=supply)


def _basis(cells: Cells, chosen: Basis | None) -> Basis:
    """Decisions where there are any, else scores; as chosen where that is said."""
    if chosen is None:
        chosen = "scoring" if cells.schema["score"] and not cells.schema["prediction"] else "selection"
    require(cells, "score" if chosen == "scoring" else "prediction")
    return chosen


@dataclass(frozen=True)
class _Counts:
    """Rows of each group, and how many of them are selected or score above the median.

    Attributes
    ----------
    metric : str
        What their share is called.
    groups : list of dict
        The groups.
    n : array of int, shape (groups,)
        Rows.
    low, high, value : array, shape (groups,)
        At least, at most and on average so many are counted.
    """

    metric: str
    groups: list[dict[str, str]]
    n: Ints
    low: Floats
    high: Floats
    value: Floats


def _above(cells: Cells) -> AboveMedian:
    above = AboveMedian.of(cells)
    if above is None:
        raise NotApplicable("no row has a score", supply="data.score: a score for each row")
    return above


def _middle(above: AboveMedian) -> Estimate:
    """The median, or the middle of what it may be."""
    low, high = (round(end, 3) for end in above.median)
    note = None if low == high else f"Between {low:.3f} and {high:.3f}"
    return replace(fact("median", round(sum(above.median) / 2, 3), int(above.n.sum())), note=note)


def _counts(
    cells: Cells, view: tuple[str, ...], above: AboveMedian | None
) -> Iterator[tuple[dict[str, str], _Counts]]:
    """Counts of a view: of those above the median, or of those selected and of each class."""
    if above is not None:
        grouping = cells.grouping(view)
        of = grouping.of(cells.block), len(grouping.groups)
        yield {}, _Counts("scoring_rate", grouping.groups, *above.by_group(*of))
        return
    table = cells.table(view)
    n = table.n[..., table.decided].sum(axis=-1)
    labels = [label for label in ordered({*table.predictions}) if label != MISSING]
    classes = labels if len(labels) > 2 else []
    if table.favorable or not classes:
        require(cells, "favorable")
        k = table.n[..., table.favored].sum(axis=-1).astype(float)
        yield {}, _Counts("selection_rate", table.groups, n, k, k, k)
    for label in classes:
        k = table.n[:, :, table.predictions.index(label)].sum(axis=-1).astype(float)
        yield {"class": label}, _Counts("selection_rate", table.groups, n, k, k, k)


@dataclass(frozen=True)
class _Rule:
    """What the rule leaves to the auditor.

    Attributes
    ----------
    min_share : float
        Share of the data under which a category is left out of the ratios.
    small_reference : bool
        Whether such a category may still be the one to compare with.
    unknown : frozenset of str
        Labels, in lower case, of people whose category is not known.
    """

    min_share: float
    small_reference: bool
    unknown: frozenset[str]

    def strangers(self, view: tuple[str, ...], counts: _Counts) -> Iterator[Estimate]:
        """Number of people of unknown category, where there are some."""
        people = int(counts.n[~self._known(counts)].sum())
        if people:
            yield fact("unknown", people, people, {"groups": dict.fromkeys(view, UNKNOWN)})

    def table(self, counts: _Counts, more: Mapping[str, str]) -> Iterator[Estimate]:
        """One table of the law: number, rate and ratio of each category."""
        places = np.flatnonzero(self._known(counts) & (counts.n > 0))
        n = counts.n[places]
        rate, low, high = (part[places] / n for part in (counts.value, counts.low, counts.high))
        compared = n >= self.min_share * counts.n.sum()
        ratios = _Ratios.of(rate, low, high, compared | self.small_reference)
        limits = proportions(rate, n.astype(float))
        for i, place in enumerate(places.tolist()):
            subject, rows = {"groups": counts.groups[place], **more}, int(n[i])
            yield fact("applicants", rows, rows, subject)
            if counts.metric == "selection_rate":
                yield _people("selected", int(counts.value[place]), rows, subject)
            shown = Estimate(counts.metric, subject, float(rate[i]), rows, rows)
            yield replace(shown, limits=limits, place=i, note=_between(low[i], high[i]))
            shown = replace(shown, metric="impact_ratio")
            if compared[i]:
                yield ratios.told(shown, i, n)
            else:
                why = f"under {100 * self.min_share:g} % of the data: left out of the ratios"
                yield replace(shown, value=np.nan, why=why)

    def _known(self, counts: _Counts) -> NDArray[np.bool_]:
        strange = [any(label.casefold() in self.unknown for label in g.values()) for g in counts.groups]
        return ~np.array(strange, dtype=bool)


@dataclass(frozen=True)
class _Ratios:
    """Rates over the highest, and between which values they lie.

    Attributes
    ----------
    highest : int
        Place of the category whose rate that is.
    value, low, high : array, shape (groups,)
        The ratios; NaN where the highest rate is 0.
    """

    highest: int
    value: Floats
    low: Floats
    high: Floats

    @classmethod
    def of(cls, rate: Floats, low: Floats, high: Floats, among: NDArray[np.bool_]) -> Self:
        """Compare with the highest rate `among` some, at least one where any is compared."""
        highest = int(np.argmax(np.where(among, rate, -1.0))) if len(rate) else 0
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.where(rate[highest] > 0, rate / rate[highest], np.nan) if len(rate) else rate
            least = low / np.max(high, where=among, initial=0.0)
            most = np.minimum(high / np.max(low, where=among, initial=0.0), 1.0)
        return cls(highest, value, least, most)

    def told(self, shown: Estimate, i: int, n: Ints) -> Estimate:
        """One of them as an estimate."""
        why = _LOOKED if np.isfinite(self.value[i]) else "the highest rate is 0"
        note = _between(self.low[i], self.high[i]) if np.isfinite(self.value[i]) else None
        return replace(
            shown, value=float(self.value[i]), reference_n=int(n[self.highest]), why=why, note=note
        )


def _people(metric: str, people: int, rows: int, subject: Mapping[str, Any]) -> Estimate:
    """A number of people among so many rows; where it is small the judge hides it, never as few."""
    return replace(fact(metric, people, rows, subject), n=people)


def _between(low: float, high: float) -> str | None:
    if f"{low:.3f}" == f"{high:.3f}":
        return None
    return f"Between {low:.3f} and {high:.3f}: {_NEAR}"
