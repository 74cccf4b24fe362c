"""What the page says, as plain data: the templates lay it out and add no judgment."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from gettext import NullTranslations
from itertools import groupby
from typing import Any

from markupsafe import Markup

from trustkit.renderers import impact_ratio, ranking, words
from trustkit.renderers.catalogue import ENGLISH
from trustkit.renderers.forest import MOST_DRAWN, Ends, Entry, Forest, forest
from trustkit.renderers.words import clean, number
from trustkit.scorecard import ControlResult, Finding, PolicyUsed, Score, Scorecard, Verdict

MOST_FAILURES = 8
MOST_OPEN = 5
MOST_BLOCKING = 10
MOST_NEEDS_OF_ONE = 6
LONG = 45
"""Rows of a table that is shown at once; a longer one is folded on a screen, never on paper."""

MOST_LEVELS = 60

_ORDER = [str(verdict) for verdict in Verdict]
_BACK = (Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE)
_ANCHOR = re.compile(r"[A-Z0-9]+(?:-[A-Z0-9]+)+")
_VALUE = re.compile(r" is (?:undefined|unbounded|-?[\d.,]*\d)(?= \[|:|$)")
_CLAIMS = re.compile(r"([\d,]+) claims share alpha")
_CHANGED = ("loosened limit: ", "removed limit: ")
_DRAWABLE = 1e12
_DASH, _TIMES = "\u2013", " \u00d7 "
_FRAMEWORKS = {
    "nist-ai-rmf": "NIST AI RMF",
    "eu-ai-act": "EU AI Act",
    "iso-42001": "ISO/IEC 42001",
    "gdpr": "GDPR",
    "oecd": "OECD AI Principles",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A finding in a table."""

    anchor: str
    subject: str
    estimate: str
    interval: str
    passing: str
    level: str
    counts: str
    note: str


@dataclass(frozen=True, slots=True)
class Told:
    """A finding as a sentence."""

    place: int
    link: str
    verdict: str
    subject: str
    estimate: str
    low: str
    high: str
    level: str
    counts: str
    why: str
    rows_needed: str
    bound: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a table in groups, each with its heading and, for a verdict, its class."""

    anchor: str
    groups: tuple[tuple[str, str, tuple[Row, ...]], ...]
    size: int
    levels: bool
    """Whether the rows' confidence differs, so that each tells its own; too many tell it together."""
    sampled: bool
    """Whether any row has an interval; a certain fact has none."""

    @property
    def columns(self) -> int:
        """Columns of a table of claims."""
        return 4 + 2 * self.sampled + self.levels

    @property
    def long(self) -> bool:
        """Whether it is folded on a screen."""
        return self.size > LONG


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a control on one metric of one check: asked, found, how sure, what to do."""

    anchor: str
    check: str
    metric: str
    title: str
    bounds: tuple[tuple[str, str], ...]
    by: str
    size: int
    tally: tuple[tuple[str, int], ...]
    failing: tuple[Told, ...]
    open: tuple[Told, ...]
    more_failing: int
    more_open: int
    levels: str
    pass_level: str
    remedy: str
    plot: Forest | None
    table: Table
    first: str
    """Id of the control that shows the same claims before this one; empty where none does."""
    alone: Told | None
    """The claim where it is the only one and a certain fact: it is told, and needs no table."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures that a control shows and does not judge, on one check."""

    anchor: str
    check: str
    size: int
    plots: tuple[tuple[str, str, Forest], ...]
    table: Table
    first: str


@dataclass(frozen=True, slots=True)
class ControlView:
    """A control with all that settles it."""

    anchor: str
    id: str
    control: ControlResult
    claims: tuple[Claims, ...]
    figures: tuple[Figures, ...]
    errors: tuple[tuple[int, Finding], ...]
    unread: tuple[str, ...]
    remedy: str
    effort: str
    blocks: bool
    required: bool


@dataclass(frozen=True, slots=True)
class AreaView:
    """An area of a principle: verdict, score and controls."""

    anchor: str
    id: str
    principle: str
    verdict: str
    score: Score | None
    controls: tuple[ControlView, ...]


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause of a framework with the controls that speak to it, and whether its text was left unread."""

    text: str
    controls: tuple[ControlView, ...]
    unread: bool


class Page:
    """A scorecard as the page shows it.

    Parameters
    ----------
    card : Scorecard
        What to show.
    messages : gettext.NullTranslations
        The page's words.
    language : str
        Their language.
    """

    def __init__(self, card: Scorecard, messages: NullTranslations, language: str) -> None:
        self.card, self.language = card, language
        self._text, self._count = messages.gettext, messages.ngettext
        self._seen: dict[int, str] = {}
        self.most_blocking = MOST_BLOCKING
        self.foreign = Markup("" if language == ENGLISH else f' lang="{ENGLISH}"')  # noqa: S704 (a constant)
        self.anchors = _anchors(card.controls)

    # The decision

    @property
    def name(self) -> str:
        """Name of the system."""
        return clean(self.card.system.get("name") or self._text("An unnamed system"), 160)

    @property
    def version(self) -> str:
        """Version of the system."""
        return clean(self.card.system.get("version") or "", 60)

    def declared(self, key: str, most: int = 400) -> str:
        """What the owner declared under a key of the system."""
        return clean(_joined(self.card.system.get(key, "")), most)

    @cached_property
    def gate_tone(self) -> str:
        """Class of the gate: one that holds though little is settled is no reason to rejoice."""
        if not self.card.gate.holds:
            return "fail"
        return "pass" if self.card.verdict in (Verdict.PASS, Verdict.ATTESTED) else ""

    @cached_property
    def unsettled(self) -> int:
        """How many controls nothing settled."""
        return sum(c.verdict in (Verdict.INCONCLUSIVE, Verdict.NOT_ASSESSED) for c in self.card.controls)

    @cached_property
    def blocking(self) -> list[ControlView]:
        """Controls that stop the gate, in the order of the card."""
        return [view for view in self.controls if view.blocks]

    @cached_property
    def waived(self) -> list[ControlView]:
        """Controls that a waiver lifts."""
        return [view for view in self.controls if view.control.waiver is not None]

    @cached_property
    def attestations(self) -> list[ControlView]:
        """Controls that somebody attests."""
        return [view for view in self.controls if view.control.attestation is not None]

    def first_reason(self, view: ControlView) -> tuple[Claims, Told] | None:
        """Worst finding that holds a control back, with what was asked."""
        told = [(block, t) for block in view.claims for t in (*block.failing, *block.open)]
        ranks = self._ranks
        return min(told, key=lambda pair: (_ORDER.index(pair[1].verdict), ranks[pair[1].place]), default=None)

    @cached_property
    def _ranks(self) -> dict[int, int]:
        """Rank of each finding, worst first."""
        return {place: rank for rank, place in enumerate(ranking.worst_first(self.card))}

    @cached_property
    def tally(self) -> list[tuple[str, int]]:
        """How many controls have each verdict, worst first."""
        return _tally(view.control.verdict for view in self.controls)

    @cached_property
    def failures(self) -> list[tuple[ControlView, Claims, Told]]:
        """Failing findings with their control, worst first."""
        found: dict[int, tuple[ControlView, Claims, Told]] = {}
        for view in self.controls:
            for block in view.claims:
                for told in block.failing:
                    found.setdefault(told.place, (view, block, told))
        return [found[place] for place in sorted(found, key=self._ranks.__getitem__)][:MOST_FAILURES]

    @cached_property
    def failed(self) -> int:
        """How many findings fail."""
        return sum(finding.verdict == Verdict.FAIL for finding in self.card.findings)

    @cached_property
    def needs(self) -> list[tuple[str, list[ControlView]]]:
        """What would settle the open controls, cheapest first."""
        return [(need, of) for need, of in self._wanted if not ranking.missing_check(need)]

    @cached_property
    def missing_checks(self) -> list[tuple[str, list[ControlView]]]:
        """Checks that open controls wait for, and that no owner can supply."""
        return [(ranking.missing_check(need), of) for need, of in self._wanted if ranking.missing_check(need)]

    @cached_property
    def _wanted(self) -> list[tuple[str, list[ControlView]]]:
        views = {id(view.control): view for view in self.controls}
        wanted = ranking.needs(self.card, most_of_one=MOST_NEEDS_OF_ONE)
        return [(need, [views[id(control)] for control in of]) for need, of in wanted.items()]

    @cached_property
    def unexplained(self) -> list[ControlView]:
        """Open controls of which nothing says what would settle them."""
        named = {view.anchor for _, of in self._wanted for view in of}
        named |= {view.anchor for view in self.unselected}
        open_ = (Verdict.INCONCLUSIVE, Verdict.NOT_ASSESSED)
        return [v for v in self.controls if v.control.verdict in open_ and v.anchor not in named]

    @cached_property
    def unselected(self) -> list[ControlView]:
        """Controls that the run was told to leave out."""
        return [view for view in self.controls if view.control.needs == ("not selected",)]

    # Notes, by what they speak of

    @cached_property
    def changed_limits(self) -> list[tuple[str, str]]:
        """Limits that the configuration loosened or removed: which of the two, and what."""
        notes = [(n.split(" ", 1)[0], n) for n in self.card.notes if n.startswith(_CHANGED)]
        return [(kind, clean(note.split(": ", 1)[1], 300)) for kind, note in notes]

    @cached_property
    def waiver_notes(self) -> list[str]:
        """What is to be said of waivers: expired, unused, soon to expire."""
        return [clean(note, 300) for note in self.card.notes if note.startswith("waivers[")]

    @cached_property
    def notes(self) -> list[str]:
        """All other notes: the method and its assumption first of all."""
        others = [n for n in self.card.notes if not n.startswith((*_CHANGED, "waivers["))]
        return [clean(note, 1000) for note in others]

    @cached_property
    def evidence_notes(self) -> list[tuple[str, str]]:
        """What was pooled, sampled or left out."""
        return [(clean(c.kind), clean(note, 300)) for c in self.card.evidence for note in c.notes]

    @cached_property
    def conventions(self) -> list[tuple[str, str]]:
        """What is compared with what, by check and metric."""
        return [
            (clean(f"{check} {metric}"), clean(convention, 400))
            for check, metrics in self.card.conventions.items()
            for metric, convention in metrics.items()
        ]

    @cached_property
    def claims(self) -> int:
        """How many claims share alpha."""
        found = next(filter(None, map(_CLAIMS.match, self.card.notes)), None)
        if found:
            return int(found[1].replace(",", ""))
        return sum(finding.limit is not None for finding in self.card.findings)

    # Controls

    @cached_property
    def controls(self) -> list[ControlView]:
        """Every control, in the order of the card."""
        return [self._control(place) for place in range(len(self.card.controls))]

    @cached_property
    def areas(self) -> list[AreaView]:
        """Areas in the order of the card; what belongs to none that it names comes last."""
        known = [(p.id, a.id, a.verdict, a.score) for p in self.card.principles for a in p.areas]
        made: list[AreaView] = []
        for principle, area, verdict, score in known:
            of = tuple(v for v in self.controls if (v.control.principle, v.control.area) == (principle, area))
            made.append(AreaView(f"a{len(made)}", area, principle, verdict, score, of))
        placed = {view.anchor for area in made for view in area.controls}
        rest = tuple(view for view in self.controls if view.anchor not in placed)
        if rest:
            verdict = Verdict.worst((v.control.verdict for v in rest), Verdict.NOT_ASSESSED)
            made.append(AreaView(f"a{len(made)}", "", "", verdict, None, rest))
        return made

    @cached_property
    def loose(self) -> list[tuple[int, Finding]]:
        """Findings of no control: plugins that did not load."""
        claimed = {place for control in self.card.controls for place in control.findings}
        return [(i, finding) for i, finding in enumerate(self.card.findings) if i not in claimed]

    @cached_property
    def frameworks(self) -> list[tuple[str, list[Clause]]]:
        """The same controls by the clauses that they speak to, the sources' own documents first."""
        found: dict[str, dict[str, list[ControlView]]] = {}
        unread: set[tuple[str, str]] = set()
        cited = [(view, *_cited(source)) for view in self.controls for source in view.control.sources]
        related = [
            (view, framework, clause)
            for view in self.controls
            for framework, clauses in view.control.crosswalk.items()
            for clause in clauses
        ]
        for view, document, clause in (*cited, *related):
            name = self.framework(document), clean(clause, 120)
            found.setdefault(name[0], {}).setdefault(name[1], []).append(view)
            if f"{document} {clause}" in view.control.unconfirmed:
                unread.add(name)
        first = [self.framework(policy.group_by) for policy in self.card.policies if policy.group_by]
        return [
            (
                name,
                [
                    Clause(text, tuple(of), (name, text) in unread)
                    for text, of in sorted(each.items(), key=lambda item: ranking.natural(item[0]))
                ],
            )
            for name, each in sorted(found.items(), key=lambda item: item[0] not in first)
        ]

    @cached_property
    def impact_ratios(self) -> list[impact_ratio.Table]:
        """Tables of New York's Local Law 144, where the card has their figures."""
        return impact_ratio.tables(self.card)

    def _control(self, place: int) -> ControlView:
        control = self.card.controls[place]
        anchor, name = self.anchors[place], clean(control.id)
        findings = [(i, self.card.findings[i]) for i in control.findings]
        gate = self.card.gate
        raised = control.verdict == Verdict.ERROR and not gate.holds
        claimed = [pair for pair in findings if pair[1].limit is not None]
        shown = [pair for pair in findings if pair[1].limit is None and pair[1].verdict != Verdict.ERROR]
        return ControlView(
            anchor=anchor,
            id=name,
            control=control,
            claims=tuple(
                self._claims(f"{anchor}.{i}", name, block)
                for i, block in enumerate(_blocks(claimed, lambda f: (f.check, f.metric)))
            ),
            figures=tuple(
                self._figures(f"{anchor}.f{i}", name, block)
                for i, block in enumerate(_blocks(shown, lambda f: (f.check,)))
            ),
            errors=tuple(pair for pair in findings if pair[1].verdict == Verdict.ERROR),
            unread=tuple(self._named(clause) for clause in control.unconfirmed),
            remedy=clean(control.remedy, 1000),
            effort=self._effort(control.effort),
            blocks=control.id in gate.blocking or raised,
            required=bool({control.id, control.area, control.principle} & set(gate.require)),
        )

    def _claims(self, anchor: str, control: str, pairs: Sequence[tuple[int, Finding]]) -> Claims:
        findings = [finding for _, finding in pairs]
        first = findings[0]
        ordered = sorted(pairs, key=lambda pair: _urgency(pair[1]))
        failing = [pair for pair in ordered if pair[1].verdict == Verdict.FAIL]
        unsure = [pair for pair in ordered if pair[1].verdict == Verdict.INCONCLUSIVE]
        bounds = dict.fromkeys(
            (self._bound(f), clean((f.limit or {}).get("source", ""), 200)) for f in findings
        )
        limits = {(side, float((f.limit or {})[side])) for f in findings for side in ("min", "max")
                  if side in (f.limit or {})}  # fmt: skip
        levels = sorted(f.level for f in findings if f.level is not None)
        shown_before = self._shown_before(pairs)
        passing = 1 - 2 * self.card.alpha
        return Claims(
            anchor=anchor,
            check=clean(first.check),
            metric=clean(first.metric),
            title=_title(first),
            bounds=tuple(bounds),
            by=_by(findings),
            size=len(pairs),
            tally=tuple(_tally(f.verdict for f in findings)),
            failing=tuple(self._told(*pair) for pair in failing[:MOST_FAILURES]),
            open=tuple(self._told(*pair) for pair in unsure[:MOST_OPEN]),
            more_failing=max(len(failing) - MOST_FAILURES, 0),
            more_open=max(len(unsure) - MOST_OPEN, 0),
            levels=_range(levels),
            pass_level=_percent(passing) if any(f.pass_interval for f in findings) else "",
            remedy=clean(next((f.remedy for f in findings if f.remedy and f.verdict in _BACK), ""), 1000),
            plot=None if shown_before else self._plot(ordered, sorted(limits, reverse=True), first.metric),
            table=self._table(anchor, ordered, lambda f: (str(f.verdict), str(f.verdict)), control),
            first=shown_before,
            alone=self._told(*pairs[0]) if len(pairs) == 1 and first.interval is None else None,
        )

    def _figures(self, anchor: str, control: str, pairs: Sequence[tuple[int, Finding]]) -> Figures:
        pairs = _each_pair_once(pairs)
        by_metric = _blocks(pairs, lambda f: (f.metric,))
        shown_before = self._shown_before(pairs)
        alone = [b for b in by_metric if b[0][1].subject.get("reference") is None]
        drawn = [b for b in alone if 1 < len(b) <= MOST_DRAWN and not shown_before]
        plots = [(clean(b[0][1].metric), _title(b[0][1]), self._plot(b, (), b[0][1].metric)) for b in drawn]
        return Figures(
            anchor=anchor,
            check=clean(pairs[0][1].check),
            size=len(pairs),
            plots=tuple((metric, title, plot) for metric, title, plot in plots if plot is not None),
            table=self._table(
                anchor, [p for block in by_metric for p in block], lambda f: ("", _title(f)), control
            ),
            first=shown_before,
        )

    def _shown_before(self, pairs: Sequence[tuple[int, Finding]]) -> str:
        """Return the control that shows all of these findings already; empty where none does."""
        names = {self._seen.get(place, "") for place, _ in pairs}
        return next(iter(names)) if len(names) == 1 else ""

    def _table(self, anchor: str, pairs: Sequence[tuple[int, Finding]], head: Any, control: str) -> Table:
        """Table of findings; a finding's anchor stands where it is shown first."""
        groups = []
        for (kind, title), of in groupby(pairs, key=lambda pair: head(pair[1])):
            groups.append((kind, title, tuple(self._row(*pair, pair[0] not in self._seen) for pair in of)))
        for place, _ in pairs:
            self._seen.setdefault(place, control)
        levels = {row.level for _, _, rows in groups for row in rows if row.level}
        return Table(
            anchor=f"{anchor}.t",
            groups=tuple(groups),
            size=len(pairs),
            levels=len(levels) > 1 and len(pairs) <= MOST_LEVELS,
            sampled=any(finding.interval for _, finding in pairs),
        )

    def _row(self, place: int, finding: Finding, first: bool) -> Row:
        return Row(
            anchor=f"f{place}" if first else "",
            subject=_short(finding.subject) or self._text("the whole system"),
            estimate=_DASH if finding.estimate is None else number(finding.estimate),
            interval=self._interval(finding.interval),
            passing=self._interval(finding.pass_interval),
            level="" if finding.level is None else _percent(finding.level),
            counts=words.counts(finding),
            note=self._note(finding),
        )

    def _note(self, finding: Finding) -> str:
        if finding.why is not None:
            return clean(finding.why, 200)
        if finding.rows_needed is not None:
            return self._rows_needed(finding.rows_needed)
        if finding.verdict == Verdict.PASS and finding.detectable is not None:
            return self._text("finds %(value)s") % {"value": number(finding.detectable)}
        return ""

    def _rows_needed(self, rows: int | None) -> str:
        if rows is None:
            return ""
        return self._count("%(num)s more row", "%(num)s more rows", rows) % {"num": f"{rows:,}"}

    def _told(self, place: int, finding: Finding) -> Told:
        low, high = finding.interval or (None, None)
        unbounded = self._text("unbounded")
        return Told(
            place=place,
            link=f"f{place}",
            verdict=str(finding.verdict),
            subject=self.whom(finding.subject),
            estimate="" if finding.estimate is None else number(finding.estimate),
            low=number(low, unbounded) if finding.interval else "",
            high=number(high, unbounded) if finding.interval else "",
            level="" if finding.level is None else _percent(finding.level),
            counts=words.counts(finding),
            why=clean(finding.why or "", 300),
            rows_needed=self._rows_needed(finding.rows_needed),
            bound=self._bound(finding),
        )

    def _bound(self, finding: Finding) -> str:
        limit = finding.limit or {}
        sides = [f"{sign} {limit[side]:g}" for side, sign in (("min", "≥"), ("max", "≤")) if side in limit]
        if "loosened_from" in limit:
            sides.append(self._text("(loosened from %(value)s)") % {"value": f"{limit['loosened_from']:g}"})
        return " ".join(sides)

    def _interval(self, ends: tuple[float | None, float | None] | None) -> str:
        if ends is None:
            return ""
        unbounded = self._text("unbounded")
        return f"[{number(ends[0], unbounded)}, {number(ends[1], unbounded)}]"

    def whom(self, subject: Mapping[str, Any]) -> str:
        """Who or what a finding is about."""
        if not subject:
            return self._text("the whole system")
        if "groups" not in subject or subject.get("reference") is None:
            return words.whom(subject)
        group = words.whom({k: v for k, v in subject.items() if k != "reference"})
        other = subject["reference"]
        named = self._text("the rest") if isinstance(other, str) else words.whom({"groups": other})
        return self._text("%(group)s against %(other)s") % {"group": group, "other": named}

    def _plot(
        self, pairs: Sequence[tuple[int, Finding]], limits: Iterable[tuple[str, float]], metric: str
    ) -> Forest | None:
        drawable = [f for _, f in pairs if f.estimate is not None and abs(f.estimate) < _DRAWABLE]
        if not any(f.interval for f in drawable):
            return None
        rows = list(
            {(str(f.subject), f.estimate): f for f in drawable}.values()
        )  # a claim to each side is one
        entries = [
            Entry(
                verdict=str(f.verdict),
                label=_cut(_short(f.subject, 24)) or self._text("the whole system"),
                value=f"{number(f.estimate)} {self._interval(f.interval)}".strip(),
                estimate=f.estimate or 0.0,
                interval=_drawable(f.interval),
                passing=_drawable(f.pass_interval),
            )
            for f in rows[:MOST_DRAWN]
        ]
        names = set(re.split(r"[_-]", metric))
        null = 1.0 if "ratio" in names else 0.0 if names & {"difference", "gap"} else None
        return forest(entries, limits, null, len(rows))

    # Words

    def percent(self, share: float | None) -> str:
        """A share in percent with one digit, as the law's own tables have it."""
        return _DASH if share is None else f"{100 * share:.1f}\u00a0%"

    def hundredths(self, ratio: float | None) -> str:
        """A ratio with two digits."""
        return _DASH if ratio is None else f"{ratio:.2f}"

    def spelled(self, bound: str) -> str:
        """A bound with its sign in words."""
        said = {"≥": self._text("at least"), "≤": self._text("at most")}
        return f"{said[bound[0]]}{bound[1:]}" if bound[:1] in said else bound

    def framework(self, name: str) -> str:
        """Name of a framework as its authors write it."""
        return _FRAMEWORKS.get(name) or clean(name)

    def _named(self, clause: str) -> str:
        """A clause with its framework, as ``control.unconfirmed`` has it, under the framework's name."""
        framework, _, rest = clause.partition(" ")
        return f"{self.framework(framework)} {clean(rest, 120)}"

    def principle(self, name: str) -> str:
        """Name of a principle."""
        known = {
            "safe": self._text("Safe"),
            "secure": self._text("Secure"),
            "trustworthy": self._text("Trustworthy"),
            "": self._text("Other"),
        }
        return known.get(name) or clean(name).capitalize()

    def area(self, name: str) -> str:
        """Name of an area."""
        known = {
            "safety": self._text("safety"),
            "security": self._text("security"),
            "bias": self._text("bias"),
            "data-protection": self._text("data protection"),
            "transparency": self._text("transparency"),
            "oversight": self._text("oversight"),
            "monitoring": self._text("monitoring"),
            "inclusion": self._text("inclusion"),
            "sustainability": self._text("sustainability"),
            "": self._text("other controls"),
        }
        return known.get(name) or clean(name)

    def severity(self, name: str) -> str:
        """Word of a severity."""
        return {
            "critical": self._text("critical"),
            "high": self._text("high"),
            "medium": self._text("medium"),
            "low": self._text("low"),
        }[name]

    def verdict(self, name: str) -> str:
        """Word of a verdict, as in every format."""
        return {
            "fail": self._text("FAIL"),
            "error": self._text("ERROR"),
            "inconclusive": self._text("UNSURE"),
            "not_assessed": self._text("NOT ASSESSED"),
            "attested": self._text("ATTESTED"),
            "pass": self._text("PASS"),
            "not_applicable": self._text("SHOWN"),
        }[name]

    def _effort(self, name: str | None) -> str:
        """What a remedy takes, in words."""
        known = {
            "low": self._text("low, days of one team"),
            "medium": self._text("medium, weeks"),
            "high": self._text("high, months or another design"),
        }
        return known.get(name or "") or clean(name or "")

    @cached_property
    def aligned(self) -> str:
        """Paragraphs that the evidence is aligned with."""
        return ", ".join(words.paragraphs(s for control in self.card.controls for s in control.sources))

    @cached_property
    def policies(self) -> tuple[PolicyUsed, ...]:
        """Policies that the card answers."""
        return self.card.policies

    @cached_property
    def facts(self) -> list[tuple[str, str]]:
        """All that the owner declared."""
        return [(clean(key), clean(_joined(value), 600)) for key, value in self.card.system.items()]


def trace(finding: Finding) -> str:
    """Lines of an error."""
    lines = (finding.why or finding.message).strip().split("\n")
    return "\n".join(clean(line, 300) for line in lines[-60:])


def _anchors(controls: Sequence[ControlResult]) -> list[str]:
    """Names to link to: a control's id where that is plain and its own."""
    made: list[str] = []
    for place, control in enumerate(controls):
        plain = len(control.id) <= 40 and _ANCHOR.fullmatch(control.id) and control.id not in made
        made.append(control.id if plain else f"control-{place}")
    return made


def _each_pair_once(pairs: Sequence[tuple[int, Finding]]) -> list[tuple[int, Finding]]:
    """Leave out what a figure says again with subject and reference exchanged."""
    kept, seen = [], set()
    for place, finding in pairs:
        group, reference = (str(finding.subject.get(key)) for key in ("groups", "reference"))
        if (finding.metric, reference, group) not in seen:
            kept.append((place, finding))
        seen.add((finding.metric, group, reference))
    return kept


def _blocks(pairs: Iterable[tuple[int, Finding]], key: Any) -> list[list[tuple[int, Finding]]]:
    found: dict[tuple[str, ...], list[tuple[int, Finding]]] = {}
    for pair in pairs:
        found.setdefault(key(pair[1]), []).append(pair)
    return list(found.values())


def _tally(verdicts: Iterable[str]) -> list[tuple[str, int]]:
    found = [str(verdict) for verdict in verdicts]
    return [(verdict, found.count(verdict)) for verdict in _ORDER if verdict in found]


def _urgency(finding: Finding) -> tuple[int, float]:
    """Failures by how far they lie beyond; what is open by what it needs; passes by how close they are."""
    rank = _ORDER.index(str(finding.verdict))
    if finding.verdict == Verdict.FAIL:
        return rank, -ranking.excess(finding)
    if finding.verdict == Verdict.INCONCLUSIVE:
        return rank, float("inf") if finding.rows_needed is None else finding.rows_needed
    return rank, ranking.excess(finding)


def _title(finding: Finding) -> str:
    """Noun phrase of a metric, as the message has it before it names whom it speaks of."""
    message, subject = finding.message, finding.subject
    if subject.get("groups"):
        start = f" of {next(iter(subject['groups']))}="
    elif subject:
        start = f" of {next(iter(subject))}="
    else:
        found = _VALUE.search(message)
        start = found[0] if found else next((m for m in (" cannot be judged: ", ": ") if m in message), "")
    named = message.partition(start)[0] if start and start in message else finding.metric.replace("_", " ")
    title = clean(named, 100)
    return title[:1].upper() + title[1:]


def _by(findings: Iterable[Finding]) -> str:
    """Attributes that the findings compare, or the columns and files that they are about."""
    names: dict[str, None] = {}
    for finding in findings:
        groups = finding.subject.get("groups")
        keys = _TIMES.join(map(clean, groups)) if groups else ", ".join(map(clean, finding.subject))
        names.setdefault(keys)
    shown = [name for name in names if name]
    return ", ".join(shown[:6]) + (", ..." if len(shown) > 6 else "")


def _short(subject: Mapping[str, Any], most: int = 60) -> str:
    """Who, in a column or a figure: ``race: Asian / Other``."""
    groups, reference = subject.get("groups"), subject.get("reference")
    if not groups:
        return words.whom(subject)
    mine = ", ".join(clean(v, most) for v in groups.values())
    names = ", ".join(clean(k, most) for k in groups)
    if reference is None:
        return f"{names}: {mine}"
    other = clean(reference) if isinstance(reference, str) else ", ".join(
        clean(v, most) for v in reference.values())  # fmt: skip
    return f"{names}: {mine} / {other}"


def _cut(text: str) -> str:
    return text if len(text) <= 56 else f"{text[:55]}…"


def _drawable(ends: Ends) -> Ends:
    """Ends of an interval, none where one lies too far out to be drawn."""
    if ends is None:
        return None
    low, high = (end if end is not None and abs(end) < _DRAWABLE else None for end in ends)
    return low, high


def _percent(level: float) -> str:
    """A level in percent, cut so that what is left of one keeps two digits: ``99.88 %``."""
    digits = 0 if level <= 0.9 else min(-math.floor(math.log10(max(1 - level, 1e-12)) + 1e-9) - 1, 10)
    scale = 10**digits
    return f"{math.floor(100 * level * scale + 1e-6) / scale:.{digits}f}\u00a0%"


def _range(levels: Sequence[float]) -> str:
    if not levels:
        return ""
    low, high = _percent(levels[0]), _percent(levels[-1])
    return low if low == high else f"{low} {_DASH} {high}"


def _joined(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_joined(each)}" for key, each in value.items())
    return ", ".join(map(_joined, value)) if isinstance(value, list | tuple) else str(value)


def _cited(source: str) -> tuple[str, str]:
    """Document and paragraph of a source: ``A/RES/78/265 preamble 6`` has its last words for a paragraph."""
    document, _, paragraph = source.rpartition(" ")
    if document.endswith(" preamble"):
        return document.removesuffix(" preamble"), f"preamble {paragraph}"
    return document, paragraph
