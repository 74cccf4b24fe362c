"""What failed on a card: which controls, of which rates, for whom, and how far rates may differ."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from trustkit.remedies.thresholds import Band
from trustkit.scorecard import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trustkit.scorecard import Finding, Scorecard

Rate = Literal["selection", "tpr", "fpr"]
Parity = Literal["selection", "tpr", "fpr", "odds"]
"""What is to be alike: rates of favorable decisions, of true or false positives, or of both of these."""

BIAS = "bias/"
NOT_SELECTED = "not selected"
"""What the card says that a control needs which ``only`` left out."""

_SELECTION: tuple[Rate, ...] = ("selection",)
_HITS: tuple[Rate, ...] = ("tpr",)
_ALARMS: tuple[Rate, ...] = ("fpr",)
RATES: Mapping[str, Mapping[str, tuple[Rate, ...]]] = {
    "bias/selection-rate": dict.fromkeys(
        ("ratio", "difference", "conditional_ratio", "conditional_difference"), _SELECTION
    ),
    "bias/error-rates": {
        **dict.fromkeys(("tpr_ratio", "tpr_difference", "fnr_difference"), _HITS),
        **dict.fromkeys(("fpr_ratio", "fpr_difference", "tnr_difference"), _ALARMS),
        **dict.fromkeys(("equalized_odds_ratio", "equalized_odds_difference"), (*_HITS, *_ALARMS)),
    },
}
"""By check and metric: the rates of groups that its limit holds together."""


@dataclass(frozen=True)
class Failures:
    """The failed controls of a card that a check of bias failed.

    Attributes
    ----------
    card : Scorecard
        The card.
    controls : tuple of str
        Their ids.
    findings : tuple of Finding
        What failed them, by the smallest p-value, then the most rows.
    """

    card: Scorecard
    controls: tuple[str, ...]
    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, card: Scorecard) -> Failures:
        """Read them off a card."""
        failed = [control for control in card.controls if control.verdict == Verdict.FAIL]
        found = {
            control.id: [
                finding
                for finding in card.findings_of(control)
                if finding.verdict == Verdict.FAIL and finding.check.startswith(BIAS)
            ]
            for control in failed
        }
        mine = {finding.id: finding for each in found.values() for finding in each}
        worst = sorted(mine.values(), key=_surest)
        return cls(card, tuple(id for id, each in found.items() if each), tuple(worst))

    @property
    def related(self) -> list[str]:
        """Controls that a remedy is audited by again: of the failed ones' areas, those that were selected."""
        areas = {control.area for control in self.card.controls if control.id in self.controls}
        return [
            control.id
            for control in self.card.controls
            if control.area in areas and control.needs != (NOT_SELECTED,)
        ]

    @cached_property
    def worst(self) -> tuple[Finding, ...]:
        """Worst finding of each metric that failed, the worst first."""
        by_metric: dict[tuple[str, str], Finding] = {}
        for finding in self.findings:
            by_metric.setdefault((finding.check, finding.metric), finding)
        return tuple(by_metric.values())

    @property
    def mended(self) -> tuple[Finding, ...]:
        """Of the worst findings those that a remedy is made for."""
        return tuple(finding for finding in self.worst if held(finding))

    @cached_property
    def bands(self) -> dict[str, Band]:
        """By rate that failed: how far groups may differ in it, by the tightest limit of its first metric."""
        return _bands(self.findings)

    @cached_property
    def judged(self) -> dict[str, Band]:
        """By rate that any limit bounds, failed or not: how far groups may differ in it."""
        return _bands(finding for finding in self.card.findings if finding.limit is not None)

    @property
    def parities(self) -> list[Parity]:
        """What is to be made alike."""
        named: list[Parity] = ["selection"] if "selection" in self.bands else []
        errors = [name for name in self.bands if name != "selection"]
        if len(errors) == 2:
            named.append("odds")
        elif errors:
            named.append("tpr" if errors == ["tpr"] else "fpr")
        return named

    def bands_of(self, parity: Parity) -> list[Band]:
        """Bands of the rates that a parity speaks of."""
        return [self.bands[name] for name in (("tpr", "fpr") if parity == "odds" else (parity,))]

    @property
    def untreated(self) -> list[str]:
        """Metrics that failed and that no remedy here is made for."""
        return [f"{finding.check} {finding.metric}" for finding in self.worst if not held(finding)]

    def treats(self, control: str) -> bool:
        """Whether a remedy is made for anything that failed a control."""
        named = next(each for each in self.card.controls if each.id == control)
        mine = {finding.id for finding in self.card.findings_of(named)}
        return any(finding.id in mine and held(finding) for finding in self.findings)

    @property
    def views(self) -> list[tuple[str, ...]]:
        """Attributes that groups are told by whom a remedy is made for, each alone or together."""
        grouped = [tuple(finding.subject.get("groups", ())) for finding in self.findings if held(finding)]
        return sorted(dict.fromkeys(view for view in grouped if view), key=lambda view: (len(view), view))

    @property
    def attributes(self) -> list[str]:
        """Attributes of all views."""
        return list(dict.fromkeys(name for view in self.views for name in view))


def _surest(finding: Finding) -> tuple[float, int, str]:
    return finding.p_fail or 0.0, -(finding.n or 0) - (finding.reference_n or 0), finding.id


def _bands(findings: Iterable[Finding]) -> dict[str, Band]:
    tightest: dict[str, Band] = {}
    for finding in findings:
        for band in held(finding):
            if band.tighter(tightest.setdefault(band.figure, band)):
                tightest[band.figure] = band
    return tightest


def held(finding: Finding) -> list[Band]:
    """Bands that a finding's limit holds rates in; none where thresholds do not move its metric."""
    rates = RATES.get(finding.check, {}).get(finding.metric, ())
    if finding.limit is None or not rates:
        return []
    value = next(abs(finding.limit[side]) for side in ("min", "max") if side in finding.limit)
    if finding.metric.endswith("ratio"):
        return [Band(rate, "ratio", min(value, 1 / value) if value else 0.0) for rate in rates]
    return [Band(rate, "difference", value) for rate in rates]
