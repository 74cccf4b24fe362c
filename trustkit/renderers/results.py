"""What a code host is told of a card: all that is not passed, worst first, at the line that sets it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from trustkit.renderers import ranking, words
from trustkit.renderers.words import clean
from trustkit.scorecard import WEIGHTS, ControlResult, Finding, Scorecard, Verdict

Level = Literal["error", "warning", "note"]
Key = tuple[str, ...]
"""A key of the configuration, part by part: ``("limits", "bias/selection-rate", "min_ratio")``."""

LEVELS: dict[Verdict, Level] = {
    Verdict.FAIL: "error",
    Verdict.ERROR: "error",
    Verdict.INCONCLUSIVE: "warning",
    Verdict.NOT_ASSESSED: "note",
}
"""Level of each verdict that is told; the others are not."""

PLUGIN = "plugin"
"""Rule of what belongs to no control: a plugin that did not load."""

KNOWN = "known from the baseline, and not worse"

_ORDER: tuple[Level, ...] = ("error", "warning", "note")
_MOST_TEXT = 1000


@dataclass(frozen=True)
class Places:
    """Where each key of the configuration is written.

    Attributes
    ----------
    file : str
        The file, POSIX, relative to the root of the repository.
    lines : mapping of tuple of str to int
        Line of each key, from 1.
    """

    file: str = "trustkit.toml"
    lines: Mapping[Key, int] = field(default_factory=dict)

    def line(self, *keys: Key) -> int:
        """Line of the first of the keys that is written; else the first line of the file."""
        return next((self.lines[key] for key in keys if key in self.lines), 1)


@dataclass(frozen=True)
class Result:
    """One thing to tell: a finding of a control, a control itself, or a plugin's error.

    `known` says that the baseline had it, and the control does not block for it.
    """

    verdict: Verdict
    line: int
    control: ControlResult | None
    finding: Finding | None
    known: bool = False

    @property
    def level(self) -> Level:
        """Level of the verdict; what is worse than the baseline is an error."""
        return "error" if self.finding is not None and is_worse(self.finding) else LEVELS[self.verdict]

    @property
    def rule(self) -> str:
        """Id of the control."""
        return self.control.id if self.control is not None else PLUGIN

    @property
    def title(self) -> str:
        """Id and title of the control."""
        if self.control is None:
            return "A plugin did not load"
        return f"{clean(self.control.id)} {clean(self.control.title, 120)}"

    @property
    def fingerprint(self) -> str:
        """Hex digest of the control and of the finding's id: no figure, verdict or line moves it."""
        parts = (self.rule, self.finding.id if self.finding is not None else "")
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    @property
    def lifted(self) -> str | None:
        """Why it does not block: who waived it, until when and why, or that the baseline had it."""
        if self.control is not None and self.control.waiver is not None:
            return words.waiver(self.control)
        return KNOWN if self.known else None

    @property
    def text(self) -> str:
        """What was found, in a line."""
        if self.finding is None:
            needs = "; ".join(clean(need, 200) for need in self.control.needs) if self.control else ""
            verdict = self.verdict.replace("_", " ")
            return clean(f"{verdict}; needs: {needs}" if needs else verdict, _MOST_TEXT)
        if self.verdict == Verdict.ERROR:
            return f"{clean(self.finding.check)} raised an error: {words.last_line(self.finding)}"
        worse = ", worse than the baseline" if is_worse(self.finding) else ""
        return clean(f"{self.verdict}{worse}: {words.line(self.finding)}", _MOST_TEXT)

    @property
    def remedy(self) -> str:
        """What mends it; empty where nothing is known, as of what nobody looked at."""
        return clean((self.finding.remedy if self.finding is not None else None) or "", _MOST_TEXT)


def results(card: Scorecard, places: Places | None = None) -> list[Result]:
    """All that is not passed or is worse than the baseline, worst first.

    A finding that holds back two controls is told under each. A control is told
    itself where no finding of it has its verdict: it was not assessed.
    """
    where = places or Places()
    found = [result for control in card.controls for result in _of_control(card, control, where)]
    claimed = {place for control in card.controls for place in control.findings}
    loose = [finding for place, finding in enumerate(card.findings) if place not in claimed]
    found += [Result(f.verdict, 1, None, f) for f in loose if f.verdict in LEVELS]
    return sorted(found, key=_order)


def results_of(card: Scorecard, control: ControlResult) -> list[Result]:
    """What of `results` belongs to a control, worst first."""
    return sorted(_of_control(card, control, Places()), key=_order)


def is_worse(finding: Finding) -> bool:
    """Whether it is worse than on the baseline, beyond error."""
    return finding.baseline is not None and finding.baseline.worse


def is_known(card: Scorecard, control: ControlResult) -> bool:
    """Whether all that holds a control back did so on the baseline, so that it does not block."""
    return card.gate.baseline is not None and control.id in card.gate.baseline.known


def _of_control(card: Scorecard, control: ControlResult, places: Places) -> Iterator[Result]:
    known = is_known(card, control)
    told = [f for f in card.findings_of(control) if f.verdict in LEVELS or is_worse(f)]
    for finding in told:
        yield Result(finding.verdict, places.line(*_keys(control, finding)), control, finding, known)
    if control.verdict in LEVELS and control.verdict not in {finding.verdict for finding in told}:
        yield Result(control.verdict, places.line(*_keys(control, None)), control, None, known)


def _keys(control: ControlResult, finding: Finding | None) -> Iterator[Key]:
    """Keys that may set a claim, the nearest first: its limit, its options, its document, the policy."""
    if finding is None:
        yield "attestations", control.id
    else:
        side = "min" if "min" in (finding.limit or {}) else "max"
        yield "limits", finding.check, f"{side}_{finding.metric}"
        yield "options", finding.check
        document = finding.subject.get("document")
        if document is not None:
            yield ("system", "card") if document == "card" else ("documents", str(document))
    yield "policy", "use"
    yield ("policy",)


def _order(result: Result) -> tuple[int, int, float, float]:
    """Order of a result: its level, its verdict, the weight of its control, the distance to its limit."""
    weight = WEIGHTS[result.control.severity] if result.control is not None else max(WEIGHTS.values())
    excess = ranking.excess(result.finding) if result.finding is not None else 0.0
    return _ORDER.index(result.level), list(Verdict).index(result.verdict), -weight, -excess
