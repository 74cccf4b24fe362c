"""The tables of New York's Local Law 144: for a page, and as comma-separated values."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from csv import writer
from dataclasses import dataclass

from trustkit.renderers import words
from trustkit.renderers.csv import inert
from trustkit.scorecard import Finding, Scorecard

CHECK = "bias/impact-ratio"
UNKNOWN = "(unknown)"

_BETWEEN = re.compile(r"\. Between ([\d.]+) and ([\d.]+): [^:]+$")

Figures = Mapping[str, Finding]
"""Findings of one category by their metric."""


@dataclass(frozen=True, slots=True)
class Row:
    """A category: numbers of applicants and selected, rate with its interval, ratio, and a remark."""

    categories: tuple[str, ...]
    applicants: str
    selected: str
    rate: float | None
    low: float | None
    high: float | None
    ratio: float | None
    remark: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the law.

    Attributes
    ----------
    attributes : tuple of str
        The columns whose categories it has.
    of : str
        The class that people are put in; empty where they are selected or score.
    scoring : bool
        Whether the rates are scoring rates.
    rows : tuple of Row
        Its categories.
    unknown : str
        How many people's category is unknown.
    median : float or None
        The median that scoring rates are of.
    """

    attributes: tuple[str, ...]
    of: str
    scoring: bool
    rows: tuple[Row, ...]
    unknown: str
    median: float | None


def tables(card: Scorecard) -> list[Table]:
    """Tables in the order of the rule: of each attribute, then of both together."""
    median, unknown = None, {}
    found: dict[tuple[tuple[str, ...], str], dict[tuple[str, ...], dict[str, Finding]]] = {}
    for finding in card.findings:
        groups = finding.subject.get("groups")
        if finding.check != CHECK or (groups is None and finding.metric != "median"):
            continue
        if groups is None:
            median = finding.estimate
        elif finding.metric == "unknown":
            unknown[tuple(groups)] = words.counts(finding)
        else:
            table = found.setdefault((tuple(groups), str(finding.subject.get("class", ""))), {})
            table.setdefault(tuple(groups.values()), {})[finding.metric] = finding
    return [
        Table(
            attributes=tuple(map(words.clean, attributes)),
            of=words.clean(of),
            scoring=any("scoring_rate" in figures for figures in categories.values()),
            rows=tuple(_row(labels, figures) for labels, figures in categories.items()),
            unknown=unknown.get(attributes, "0"),
            median=median,
        )
        for (attributes, of), categories in found.items()
    ]


def _row(labels: tuple[str, ...], figures: Figures) -> Row:
    rate = figures.get("scoring_rate") or figures["selection_rate"]
    ratio, selected = figures["impact_ratio"], figures.get("selected")
    low, high = rate.interval or (None, None)
    return Row(
        categories=tuple(map(words.clean, labels)),
        applicants=words.counts(figures["applicants"]),
        selected="" if selected is None else words.counts(selected),
        rate=rate.estimate,
        low=low,
        high=high,
        ratio=ratio.estimate,
        remark=_remark(rate, ratio),
    )


def _remark(rate: Finding, ratio: Finding) -> str:
    """Why there is no ratio, and between which values the figures lie where the median does not tell."""
    said = [ratio.why] if ratio.estimate is None and ratio.why else []
    for name, finding in (("rate", rate), ("ratio", ratio)):
        found = _BETWEEN.search(finding.message)
        if found:
            said.append(f"{name} between {found[1]} and {found[2]}, by how the scores near the median lie")
    return words.clean("; ".join(said), 300)


def impact_ratio(card: Scorecard) -> str:
    """Render the tables one below the other, each category a line, in UTF-8 without a mark."""
    made = tables(card)
    attributes = list(dict.fromkeys(name for table in made for name in table.attributes))
    page = io.StringIO()
    lines = writer(page, lineterminator="\n")
    figures = ("applicants", "selected", "rate", "rate_low", "rate_high", "impact_ratio", "remark")
    lines.writerow(["table", "class", "basis", *map(inert, attributes), *figures])
    for table in made:
        lines.writerows(_lines(table, attributes))
    if not made:
        lines.writerow([*[""] * 9, f"the card has no figures of {CHECK}: audit with the policy nyc-ll144"])
    return page.getvalue()


def _lines(table: Table, attributes: Iterable[str]) -> Iterator[list[str | float | None]]:
    def line(labels: Iterable[str], *cells: str | float | None) -> list[str | float | None]:
        of = dict(zip(table.attributes, labels, strict=True))
        texts = [" x ".join(table.attributes), table.of, "scoring" if table.scoring else "selection"]
        return [*map(inert, (*texts, *(of.get(name, "") for name in attributes))), *cells]

    for row in table.rows:
        counts = row.applicants.replace(",", ""), row.selected.replace(",", "")
        yield line(row.categories, *counts, row.rate, row.low, row.high, row.ratio, inert(row.remark))
    unknown = table.unknown.replace(",", "")
    yield line([UNKNOWN] * len(table.attributes), unknown, *[None] * 5, "in no rate and no ratio")
