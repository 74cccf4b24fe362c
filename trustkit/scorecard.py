"""The scorecard: every control with its verdict, and all that a renderer may read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from trustkit.errors import ConfigError, GateFailed, Problem

if TYPE_CHECKING:
    import pandas as pd

FORMAT: Literal["trustkit-scorecard/1"] = "trustkit-scorecard/1"
WEIGHTS = {"critical": 10.0, "high": 7.5, "medium": 5.0, "low": 2.5}
Severity = Literal["critical", "high", "medium", "low"]


class Verdict(StrEnum):
    """What was found of a claim, a control or the whole, worst first."""

    FAIL = "fail"
    ERROR = "error"
    INCONCLUSIVE = "inconclusive"
    NOT_ASSESSED = "not_assessed"
    ATTESTED = "attested"
    PASS = "pass"  # noqa: S105 (not a password)
    NOT_APPLICABLE = "not_applicable"

    @classmethod
    def worst(cls, verdicts: Iterable[Verdict], empty: Verdict) -> Verdict:
        """Return the worst, figures that nothing was asked of left aside; `empty` where none is left."""
        order = list(cls)
        asked = [order.index(Verdict(v)) for v in verdicts if v != cls.NOT_APPLICABLE]
        return order[min(asked)] if asked else empty


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class Score(_Part):
    """Weight passed of weight settled, in percent; `low` and `high` if all the rest failed or passed."""

    value: float | None
    low: float | None
    high: float | None
    assessed: float

    @classmethod
    def of(cls, controls: Sequence[ControlResult]) -> Score:
        """Score of some controls."""
        weight = {v: sum(WEIGHTS[c.severity] for c in controls if c.verdict == v) for v in Verdict}
        passed, failed = weight[Verdict.PASS], weight[Verdict.FAIL]
        total = sum(weight.values()) - weight[Verdict.NOT_APPLICABLE]
        settled = passed + failed
        if not total:
            return cls(value=None, low=None, high=None, assessed=0.0)
        return cls(
            value=100 * passed / settled if settled else None,
            low=100 * passed / total,
            high=100 * (total - failed) / total,
            assessed=settled / total,
        )


class Change(_Part):
    """How a finding differs from that of another card.

    `verdict` and `estimate` are the other's; `change` is this estimate less
    that one, `interval` its limits at `level`, and `p_worse` the p-value of its
    being no worse. `paired`: both decided the same rows, compared row by row.
    """

    verdict: Verdict
    estimate: float | None
    change: float | None
    interval: tuple[float | None, float | None] | None
    level: float | None
    p_worse: float | None
    paired: bool
    worse: bool


class Finding(_Part):
    """An estimate judged against a limit, or a figure shown without one; `baseline` where it was compared."""

    id: str
    check: str
    check_version: str
    metric: str
    subject: Mapping[str, Any]
    estimate: float | None
    interval: tuple[float | None, float | None] | None
    level: float | None
    pass_interval: tuple[float | None, float | None] | None
    p_fail: float | None
    limit: Mapping[str, Any] | None
    n: int | None
    reference_n: int | None
    rows_needed: int | None
    detectable: float | None
    verdict: Verdict
    why: str | None
    message: str
    remedy: str | None
    baseline: Change | None = None

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        from trustkit.renderers.notebook import finding_html

        return finding_html(self)


class ControlResult(_Part):
    """A control of the policy with its verdict; `findings` are places in the card's list.

    `unconfirmed` names the cited clauses whose text was not read.
    """

    id: str
    principle: str
    area: str
    title: str
    requirement: str
    severity: Severity
    verdict: Verdict
    sources: tuple[str, ...]
    crosswalk: Mapping[str, tuple[str, ...]]
    covers: float | None
    needs: tuple[str, ...]
    waiver: Mapping[str, Any] | None
    attestation: Mapping[str, Any] | None
    findings: tuple[int, ...]
    evidence_class: str = ""
    remedy: str = ""
    effort: str | None = None
    unconfirmed: tuple[str, ...] = ()


class Area(_Part):
    """An area's verdict and score."""

    id: str
    verdict: Verdict
    score: Score | None


class Principle(_Part):
    """A principle's verdict and score, and those of its areas."""

    id: str
    verdict: Verdict
    score: Score | None
    areas: tuple[Area, ...]


class Baseline(_Part):
    """The card that this one was compared with.

    `compared` claims stand on both, `paired` of them row by row; the chance
    that any is called worse though it is not is at most `alpha`. `worse` and
    `known` are controls: with a claim that is worse; with none that is worse
    or new among those that hold them back, so that they do not block.
    """

    digest: str
    as_of: str
    name: str | None
    version: str | None
    same_data: bool
    alpha: float
    compared: int
    paired: int
    worse: tuple[str, ...]
    known: tuple[str, ...]


class Gate(_Part):
    """Whether the release may go on, what blocks it, and the baseline that it is held against."""

    holds: bool
    fail_on: Literal["fail", "inconclusive", "never"]
    require: tuple[str, ...]
    blocking: tuple[str, ...]
    waived: tuple[str, ...]
    baseline: Baseline | None = None


class Cost(_Part):
    """What collecting one kind of evidence took, and what there is to say of it."""

    kind: str
    seconds: float
    rows: int
    model_calls: int
    notes: tuple[str, ...] = ()


class Input(_Part):
    """A file that was read."""

    role: str
    path: str
    sha256: str
    rows: int


class Run(_Part):
    """Where and when the card was made, and from what."""

    trustkit: str
    as_of: str
    started: str
    seconds: float
    seed: int
    inputs: tuple[Input, ...]
    packages: Mapping[str, str]


class PolicyUsed(_Part):
    """A policy the card answers, by content; `group_by` is the framework that its pages go by."""

    id: str
    version: str
    sha256: str
    title: str = ""
    group_by: str | None = None


class Scorecard(_Part):
    """Every control of a policy, judged.

    Attributes are the keys of ``scorecard.json`` (format
    ``trustkit-scorecard/1``, whose JSON Schema ships in
    ``trustkit/schemas/scorecard.schema.json``). ``conventions`` says, by check
    and metric, what is compared with what and what becomes of a denominator of 0.
    """

    format: Literal["trustkit-scorecard/1"] = FORMAT
    digest: str
    verdict: Verdict
    only: tuple[str, ...] | None
    alpha: float
    gate: Gate
    score: Score | None
    system: Mapping[str, Any]
    policies: tuple[PolicyUsed, ...]
    principles: tuple[Principle, ...]
    controls: tuple[ControlResult, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    conventions: Mapping[str, Mapping[str, str]] = {}
    evidence: tuple[Cost, ...]
    run: Run

    @model_validator(mode="after")
    def _points_into_findings(self) -> Self:
        places = {place for control in self.controls for place in control.findings}
        if not places <= set(range(len(self.findings))):
            raise ValueError("a control points to a finding that is not there")
        return self

    @property
    def passed(self) -> bool:
        """Whether the gate holds."""
        return self.gate.holds

    def raise_for_failures(self) -> None:
        """Raise `GateFailed`, naming each control that blocks, unless the gate holds."""
        if self.gate.holds:
            return
        named = {control.id: control for control in self.controls}
        worse = () if self.gate.baseline is None else self.gate.baseline.worse
        lines = [
            f"{i}: {named[i].title}: {named[i].verdict}{', worse than the baseline' if i in worse else ''}"
            if i in named
            else i
            for i in self.gate.blocking
        ]
        errors = [f"{c.id}: a check raised an error" for c in self.controls if c.verdict == Verdict.ERROR]
        raise GateFailed("the gate does not hold\n" + "\n".join(lines + errors))

    def findings_of(self, control: ControlResult) -> list[Finding]:
        """Findings that settle a control."""
        return [self.findings[place] for place in control.findings]

    def to_frame(self) -> pd.DataFrame:
        """Findings as a pandas DataFrame, one a row, with the controls that they settle."""
        import pandas as pd

        rows = [finding.model_dump(mode="json") for finding in self.findings]
        for row, names in zip(rows, self._controls_of_findings(), strict=True):
            row["controls"] = names
        return pd.DataFrame(rows)

    def _controls_of_findings(self) -> list[list[str]]:
        names: list[list[str]] = [[] for _ in self.findings]
        for control in self.controls:
            for place in control.findings:
                names[place].append(control.id)
        return names

    def plain(self) -> dict[str, Any]:
        """Plain data of ``scorecard.json``; a card without a baseline does not name one."""
        data = self.model_dump(mode="json")
        for part in (data["gate"], *data["findings"]):
            if part["baseline"] is None:
                del part["baseline"]
        return data

    def to_json(self) -> str:
        """Text of ``scorecard.json``, ending in a newline."""
        return json.dumps(self.plain(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def save(self, path: str | Path) -> None:
        """Write the card in the format of the file's suffix: .json, .html, .md, .sarif and others."""
        from trustkit.renderers import save

        save(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Scorecard:
        """Read a card that `save` wrote as JSON, of this or an earlier minor version.

        Raises
        ------
        ConfigError
            When the file is missing, is no JSON, or is no scorecard of format 1.
        """
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
            if not isinstance(data, dict) or data.get("format") != FORMAT:
                raise ConfigError([Problem(str(path), f"not a scorecard of format {FORMAT}")])
            return cls.model_validate(data)
        except OSError as error:
            raise ConfigError([Problem(str(path), error.strerror or "cannot be read")]) from None
        except (UnicodeDecodeError, json.JSONDecodeError):
            raise ConfigError([Problem(str(path), "not JSON")]) from None
        except ValidationError as error:
            problems = [
                Problem(f"{path}: {'.'.join(map(str, e['loc']))}", e["msg"].lower()) for e in error.errors()
            ]
            raise ConfigError(problems) from None

    def content_digest(self) -> str:
        """Digest of what was found; see `digest_of`."""
        return digest_of(self.plain())

    def __str__(self) -> str:
        from trustkit.renderers import render

        return render(self, "text")

    def __repr__(self) -> str:
        controls, findings = len(self.controls), len(self.findings)
        return f"<Scorecard: {self.verdict}, {controls} controls, {findings} findings, {self.digest}>"

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        from trustkit.renderers.notebook import card_html

        return card_html(self)


def digest_of(card: Mapping[str, Any]) -> str:
    """Digest of what a card found, apart from when, where and how fast.

    Equal inputs, configuration and `as_of` give equal digests, from any data
    frame, file, shard order or interface.

    Parameters
    ----------
    card : mapping
        The plain data of ``scorecard.json``, of any minor version.
    """
    found = {key: value for key, value in card.items() if key not in ("digest", "run", "evidence")}
    found |= {"as_of": card["run"]["as_of"], "seed": card["run"]["seed"]}
    text = json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def schema() -> dict[str, Any]:
    """JSON Schema of ``scorecard.json``."""
    made = Scorecard.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": FORMAT, **made}
