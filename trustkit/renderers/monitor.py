"""What a report of a monitor holds, as plain data, and its words in a terminal."""

from __future__ import annotations

import json
import math
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

from trustkit.renderers.over_time import Course, Strip
from trustkit.renderers.words import VERDICTS, clean, line, number, share
from trustkit.scorecard import Finding, Verdict

FORMAT = "trustkit-monitor-status/1"

MOST_ALARMS = 12
MOST_CLAIMS = 15
MOST_OTHERS = 8
MOST_GROUPS = 12
"""Lines of each part of the text, unless all are asked for."""

TITLES = {
    "violated": "violated since deployment",
    "changed": "changed lately",
    "silent": "silent",
}
"""Kinds of alarms, and what is said of them."""

_COLORS = {Verdict.FAIL: 31, Verdict.INCONCLUSIVE: 33, Verdict.PASS: 32}


@dataclass(frozen=True, slots=True)
class Entry:
    """A finding, and how near to its alarm it is.

    Attributes
    ----------
    finding : Finding
    kind : str
        ``violated`` (a claim), ``changed``, ``silent``; no alarm: ``pace``, ``estimated`` (without labels).
    log_e, log_e_alarm : float or None
        Log of what was reached at most since deployment, or of a change lately, and of where the alarm is.
    since : str or None
        The end of the window at which the alarm was reached.
    """

    finding: Finding
    kind: str
    log_e: float | None = None
    log_e_alarm: float | None = None
    since: str | None = None

    @property
    def stands(self) -> bool:
        """Whether it is an alarm."""
        return self.finding.verdict == Verdict.FAIL

    @property
    def nearness(self) -> float:
        """Part of the way to the alarm, in logs; none where nothing was measured."""
        if self.log_e is None or not self.log_e_alarm:
            return -math.inf
        return self.log_e / self.log_e_alarm


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of a store: how long, how many have closed, and of how many labels are due; times UTC."""

    span: str
    label_delay: str
    closed: int
    due: int
    first: str | None
    last: str | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """Labels of one group: decisions whose time for labels is over, those with one, and their share by span.

    Counts are None below the smallest that is shown.
    """

    group: str
    due: int | None
    labeled: int | None
    share: float | None
    by_span: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Gap:
    """A process that ended without its last flush: records it had taken and the store had not, at least."""

    writer: str
    host: str
    flushed_at: str
    behind: int


@dataclass(frozen=True, slots=True)
class Incident:
    """A line of the record of incidents; times UTC."""

    id: int
    opened: str
    about: str
    owner: str
    cause: str | None
    fix: str | None
    audit: str | None
    closed: str | None


@dataclass(frozen=True)
class Report:
    """What a store says as of now.

    Attributes
    ----------
    store, system, as_of : str
        Its name, whose decisions it holds, and the time of the look.
    model : str or None
        Digest of the audited model.
    alpha : float
        Chance of a false alarm of violation over the monitor's whole life.
    horizon : int
        Windows in which at most one false alarm of change is to be expected.
    detectors : int
        Over so many detectors.
    entries : sequence of Entry
        All findings.
    windows : Windows
    records : sequence of (str, int)
        What became of records and labels.
    coverage : sequence of Coverage
        Label coverage by group; empty where no claim waits for labels.
    spans : sequence of str
        When each of the spans of `Coverage.by_span` began.
    gaps : sequence of Gap
    incidents : sequence of Incident
    notes : sequence of str
        What is not watched, and why.
    courses : sequence of Course
        Claims drawn over time.
    volume : Strip or None
        Decisions over time.
    """

    store: str
    system: str
    as_of: str
    model: str | None
    alpha: float
    horizon: int
    detectors: int
    entries: Sequence[Entry]
    windows: Windows
    records: Sequence[tuple[str, int]]
    coverage: Sequence[Coverage] = ()
    spans: Sequence[str] = ()
    gaps: Sequence[Gap] = ()
    incidents: Sequence[Incident] = ()
    notes: Sequence[str] = ()
    courses: Sequence[Course] = ()
    volume: Strip | None = None

    def of(self, kind: str) -> list[Entry]:
        """Entries of a kind, alarms first, then what is nearest to one."""
        return sorted(
            (entry for entry in self.entries if entry.kind == kind),
            key=lambda entry: (not entry.stands, -entry.nearness, _settled(entry)),
        )

    @cached_property
    def alarms(self) -> dict[str, list[Entry]]:
        """Alarms that stand, by kind."""
        return {kind: [entry for entry in self.of(kind) if entry.stands] for kind in TITLES}

    @property
    def standing(self) -> int:
        """How many alarms stand."""
        return sum(map(len, self.alarms.values()))

    @property
    def open_incidents(self) -> list[Incident]:
        """Incidents that are not closed."""
        return [incident for incident in self.incidents if incident.closed is None]


def _settled(entry: Entry) -> bool:
    return entry.finding.verdict == Verdict.PASS


def verdicts(entries: Iterable[Entry]) -> str:
    """Count entries by verdict: ``3 FAIL, 171 UNSURE, 200 PASS``."""
    counts = Counter(entry.finding.verdict for entry in entries)
    return ", ".join(f"{counts[each]:,} {VERDICTS[each]}" for each in Verdict if counts[each])


def e_value(log_e: float) -> str:
    """Return an e-value by its log, of any size: ``0.31``, ``7,480``, ``1e+12``."""
    if log_e < math.log(1e6):
        return number(math.exp(log_e)) if log_e > math.log(1e-3) else "0"
    return f"1e+{math.floor(log_e / math.log(10)):02d}"


def told(entry: Entry) -> str:
    """Return a finding in a line, with its e-value beside that of the alarm."""
    finding = entry.finding
    text = line(finding) if entry.kind in ("violated", "estimated") else clean(finding.message, 240)
    if entry.log_e is not None and entry.log_e_alarm is not None:
        name = "e" if entry.kind == "violated" else "detector"
        text += f", {name} {e_value(entry.log_e)} of {e_value(entry.log_e_alarm)}"
    return text + (f", since {entry.since}" if entry.since else "")


def monitor_text(report: Report, *, everything: bool = False, color: bool = False, width: int = 88) -> str:
    """Render a report as text: alarms first, long lists cut unless `everything` is asked for."""
    page = _Page(width, color, everything)
    blocks = [
        _head(report, page),
        *(
            page.section(f"{title.upper()} ({len(found)})", map(told, found), MOST_ALARMS)
            for kind, title in TITLES.items()
            if (found := report.alarms[kind])
        ),
        _claims(report, page),
        _columns(report, page),
        _arrival(report, page),
        _coverage(report, page),
        _estimated(report, page),
        page.section("LOST", map(_gap, report.gaps), MOST_OTHERS),
        page.section("OPEN INCIDENTS", map(_incident, report.open_incidents), MOST_OTHERS),
        page.section("NOT WATCHED", (clean(note, 600) for note in report.notes), MOST_OTHERS),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


@dataclass(frozen=True)
class _Page:
    width: int
    color: bool
    everything: bool

    def wrapped(self, lead: str, text: str, shown: str | None = None) -> list[str]:
        """Text after `lead`, further lines indented to it; `shown` is the lead as painted."""
        room = max(self.width - len(lead), 30)
        lines = textwrap.wrap(text, room, break_on_hyphens=False) or [""]
        rest = [" " * len(lead) + each for each in lines[1:]]
        return [f"{lead if shown is None else shown}{lines[0]}".rstrip(), *rest]

    def painted(self, text: str, verdict: Verdict) -> str:
        """Text in the color of a verdict, where colors are asked for."""
        code = _COLORS.get(verdict)
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and code else text

    def section(self, title: str, lines: Iterable[str], most: int) -> list[str]:
        """Lines under a title, the first `most` of them; nothing where there are none."""
        found = list(lines)
        shown = found if self.everything else found[:most]
        cut = [f"  and {len(found) - len(shown):,} more (--all)"] if len(shown) < len(found) else []
        return [title, *(part for text in shown for part in self.wrapped("  ", text)), *cut] if found else []


def _head(report: Report, page: _Page) -> list[str]:
    windows = report.windows
    counts = ", ".join(f"{len(report.alarms[kind])} {title}" for kind, title in TITLES.items())
    alarm = f"{report.standing} stand: {counts}" if report.standing else "none stands"
    closed = (
        f"{windows.closed:,} of {windows.span} with decisions, from {windows.first} to {windows.last}; "
        f"of {windows.due:,} the time for labels ({windows.label_delay}) is over"
        if windows.closed
        else f"none of {windows.span} with a decision has closed yet"
    )
    verdict = Verdict.FAIL if report.standing else Verdict.PASS
    lines = {
        "CLAIMS   ": verdicts(report.of("violated")) or "none is watched",
        "CHANGE   ": verdicts(report.of("changed")) or "nothing to compare",
        "WINDOWS  ": closed,
        "PACE     ": "; ".join(told(each) for each in report.of("pace")) or "nothing to tell yet",
        "RECORDS  ": ", ".join(f"{count:,} {name}" for name, count in report.records if count) or "none",
    }
    return [
        *page.wrapped("", f"Monitor of {report.system} in {clean(report.store)}, as of {report.as_of}"),
        "",
        *page.wrapped("ALARMS   ", alarm, page.painted("ALARMS   ", verdict)),
        *(part for lead, text in lines.items() for part in page.wrapped(lead, text)),
    ]


def _claims(report: Report, page: _Page) -> list[str]:
    """A line a claim that is no alarm, those nearest to one first."""
    entries = [entry for entry in report.of("violated") if not entry.stands]
    if not entries:
        return []
    shown = entries if page.everything else entries[:MOST_CLAIMS]
    lines = []
    for entry in shown:
        word = f"{VERDICTS[entry.finding.verdict]:<8}"
        painted = page.painted(word, entry.finding.verdict)
        lines += page.wrapped(f"  {word}", told(entry), f"  {painted}")
    rest = verdicts(entries[len(shown) :])
    cut = [f"  and {len(entries) - len(shown):,} more: {rest} (--all)"] if rest else []
    return [f"CLAIMS, no alarm ({len(entries):,}), those nearest to one first", *lines, *cut]


def _columns(report: Report, page: _Page) -> list[str]:
    found = [each for each in report.of("changed") if "column" in each.finding.subject and not each.stands]
    return page.section(f"INPUTS AND SCORE, no alarm ({len(found)})", map(told, found), MOST_OTHERS)


def _arrival(report: Report, page: _Page) -> list[str]:
    """What could not be told to arrive; what arrives, where all is asked for."""
    quiet = [each for each in report.of("silent") if not each.stands]
    found = [each for each in quiet if page.everything or each.finding.verdict != Verdict.PASS]
    return page.section(f"ARRIVAL, no alarm ({len(found)})", map(told, found), MOST_OTHERS)


def _estimated(report: Report, page: _Page) -> list[str]:
    """Figures without labels, where all is asked for."""
    found = report.of("estimated") if page.everything else []
    return page.section(f"WITHOUT LABELS ({len(found)})", map(told, found), MOST_OTHERS)


def _coverage(report: Report, page: _Page) -> list[str]:
    """Groups whose labels are fewest first."""
    lowest = sorted(report.coverage, key=lambda each: 2.0 if each.share is None else each.share)
    return page.section("LABELS, of decisions whose time for labels is over", _covered(lowest), MOST_GROUPS)


def _covered(coverage: Iterable[Coverage]) -> Iterator[str]:
    for each in coverage:
        if each.share is None:
            yield f"{each.group}: too few decisions"
        else:
            yield f"{each.group}: {share(each.share)}, {each.labeled or 0:,} of {each.due or 0:,}"


def monitor_json(report: Report) -> str:
    """Render a report as JSON of format ``trustkit-monitor-status/1``."""
    watched = [entry for entry in report.entries if entry.log_e_alarm is not None]
    data = {
        "format": FORMAT,
        "store": report.store,
        "system": report.system,
        "model": report.model,
        "as_of": report.as_of,
        "alpha": report.alpha,
        "alarms": {kind: [entry.finding.id for entry in found] for kind, found in report.alarms.items()},
        "windows": asdict(report.windows),
        "records": [{"what": what, "count": count} for what, count in report.records],
        "coverage": [asdict(each) for each in report.coverage],
        "spans": list(report.spans),
        "gaps": [asdict(each) for each in report.gaps],
        "incidents": [asdict(each) for each in report.incidents],
        "notes": list(report.notes),
        "e_values": {
            each.finding.id: {"log_e": each.log_e, "log_e_alarm": each.log_e_alarm, "since": each.since}
            for each in watched
        },
        "findings": [each.finding.model_dump(mode="json", exclude={"baseline"}) for each in report.entries],
    }
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _gap(gap: Gap) -> str:
    return (
        f"process {clean(gap.writer)} on {clean(gap.host)} ended without a last flush, which was at "
        f"{gap.flushed_at}; at least {gap.behind:,} records of it are lost"
    )


def _incident(incident: Incident) -> str:
    return f"{incident.id}, since {incident.opened}, {clean(incident.owner)}: {clean(incident.about, 200)}"
