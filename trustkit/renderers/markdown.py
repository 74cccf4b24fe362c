"""The scorecard in GitHub-flavored Markdown: complete, and inert whatever the data says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from trustkit.renderers import ranking, words
from trustkit.renderers.words import VERDICTS, clean
from trustkit.scorecard import ControlResult, Finding, Scorecard, Verdict

_MARKS = re.compile(r"[\\`*_\[\]<~&$@#]|:(?=//)")


def markdown(card: Scorecard) -> str:
    """Render a scorecard as Markdown."""
    blocks = [
        f"# Scorecard of {code(words.system_name(card), 200)}",
        f"**Gate {escaped(words.gate(card))}**",
        _summary(card),
        escaped(words.aligned(card)),
        "## Controls",
        _overview(card),
        *(block for control in card.controls for block in _control(card, control)),
        *_unclaimed(card),
        "## Run",
        *_run(card),
        "## Notes",
        "\n".join(f"- {code(f'{of}: {text}' if of else text, 600)}" for of, text in words.remarks(card)),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def escaped(text: object, most: int = 1000) -> str:
    """Text of a policy or of ours as prose: no mark of Markdown or HTML is left in force."""
    marked = _MARKS.sub(r"\\\g<0>", clean(text, most))
    return re.sub(r"(?i)\bwww\.", lambda found: found[0][:-1] + "\\.", marked)


def code(text: object, most: int = 300) -> str:
    """Text from data as a code span: there it is neither HTML, a link nor a mention."""
    inert = clean(text, most)
    fence = "`" * (max(map(len, re.findall("`+", inert)), default=0) + 1)
    pad = " " if inert.startswith("`") or inert.endswith("`") else ""
    return f"{fence}{pad}{inert}{pad}{fence}" if inert.strip() else ""


def _block(text: str) -> str:
    """Lines as a fenced block, for instance a traceback."""
    lines = [clean(line, 200) for line in text.strip().split("\n")]
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return "\n".join([f"{fence}text", *lines, fence])


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; empty where it has no rows."""
    body = [_row(row) for row in rows]
    return "\n".join([_row(heads), _row(["---"] * len(heads)), *body]) if body else ""


def _row(cells: Sequence[str]) -> str:
    # A pipe ends a cell even in a code span, unless escaped.
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _summary(card: Scorecard) -> str:
    facts = {
        "Verdict": VERDICTS[card.verdict],
        "Score": escaped(words.score(card)),
        "Policies": ", ".join(f"{escaped(p.id)} {escaped(p.version)}" for p in card.policies),
        "As of": card.run.as_of,
        "Alpha": f"{card.alpha:g}",
        "Digest": code(card.digest),
    }
    return _table(("", ""), facts.items())


def _overview(card: Scorecard) -> str:
    def row(control: ControlResult) -> Sequence[str]:
        covers = "" if control.covers is None else words.share(control.covers)
        return (
            VERDICTS[control.verdict],
            escaped(control.id),
            escaped(control.title),
            control.severity,
            covers,
        )

    head = ("Verdict", "Control", "Title", "Severity", "Covers")
    tables = [(clause, _table(head, map(row, controls))) for clause, controls in ranking.by_clause(card)]
    return "\n\n".join(f"**{escaped(clause)}**\n\n{table}" if clause else table for clause, table in tables)


def _control(card: Scorecard, control: ControlResult) -> Iterator[str]:
    findings = card.findings_of(control)
    yield f"### {escaped(control.id)} {escaped(control.title)}: {VERDICTS[control.verdict]}"
    yield "\n".join(f"- {fact}" for fact in _facts(control))
    yield _claims([finding for finding in findings if finding.limit is not None])
    yield _figures([finding for finding in findings if finding.verdict == Verdict.NOT_APPLICABLE])
    yield from _errors(findings)
    yield "\n".join(f"- Remedy: {escaped(remedy)}" for remedy in _remedies(findings))


def _facts(control: ControlResult) -> Iterator[str]:
    yield f"Requirement: {escaped(control.requirement)}"
    if control.sources:
        yield f"Evidence aligned with: {escaped(', '.join(control.sources))}"
    for framework, clauses in control.crosswalk.items():
        yield f"Related in {escaped(framework)}: {escaped(', '.join(clauses))}"
    if control.waiver is not None:
        yield f"Waiver: {code(words.waiver(control), 600)}"
    if control.attestation is not None:
        yield f"Attestation: {code(words.attestation(control), 600)}"
    for need in control.needs:
        yield f"Needs: {code(need)}"


_MEASURED = ("Metric", "Subject", "Estimate", "Interval", "Level", "n", "Why")


def _measured(finding: Finding) -> tuple[str, ...]:
    return (
        code(f"{finding.check} {finding.metric}"),
        code(words.whom(finding.subject)) or "all",
        words.number(finding.estimate, ""),
        words.interval(finding.interval),
        "" if finding.level is None else f"{finding.level:.6g}",
        escaped(words.counts(finding)),
        code(finding.why or ""),
    )


def _claims(findings: Iterable[Finding]) -> str:
    def row(finding: Finding) -> Sequence[str]:
        limit = finding.limit or {}
        return (
            VERDICTS[finding.verdict],
            *_measured(finding),
            escaped(words.limit(limit)),
            escaped(limit.get("source", "")),
            words.interval(finding.pass_interval),
            words.number(finding.detectable, ""),
        )

    heads = ("Verdict", *_MEASURED, "Limit", "Source of the limit", "Interval to pass", "Detectable")
    return _table(heads, map(row, findings))


def _figures(findings: Iterable[Finding]) -> str:
    table = _table(_MEASURED, map(_measured, findings))
    return f"Shown, not judged:\n\n{table}" if table else ""


def _errors(findings: Iterable[Finding]) -> Iterator[str]:
    for finding in findings:
        if finding.verdict == Verdict.ERROR:
            yield f"{code(finding.check)} raised an error:"
            yield _block(finding.why or finding.message)


def _joined(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _remedies(findings: Iterable[Finding]) -> list[str]:
    """Remedies of what did not pass, each once."""
    back = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.ERROR)
    return list(dict.fromkeys(f.remedy for f in findings if f.remedy and f.verdict in back))


def _unclaimed(card: Scorecard) -> Iterator[str]:
    """Findings of no control: plugins that did not load."""
    claimed = {place for control in card.controls for place in control.findings}
    loose = [finding for place, finding in enumerate(card.findings) if place not in claimed]
    if loose:
        yield "### Findings of no control"
        yield from _errors(loose)


def _run(card: Scorecard) -> Iterator[str]:
    run = card.run
    yield _table(
        ("", ""),
        (
            ("trustkit", escaped(run.trustkit)),
            ("Started", escaped(run.started)),
            ("Seconds", f"{run.seconds:g}"),
            ("Seed", str(run.seed)),
            *((f"Declared {code(key)}", code(_joined(value))) for key, value in card.system.items()),
            *((f"Policy {escaped(policy.id)}", code(f"sha256 {policy.sha256}")) for policy in card.policies),
            *((f"Package {escaped(name)}", escaped(version)) for name, version in run.packages.items()),
        ),
    )
    yield _table(
        ("Input", "File", "Rows", "sha256"),
        ((escaped(read.role), code(read.path), f"{read.rows:,}", code(read.sha256)) for read in run.inputs),
    )
    yield _table(
        ("Evidence", "Rows", "Model calls", "Seconds"),
        ((escaped(c.kind), f"{c.rows:,}", str(c.model_calls), f"{c.seconds:g}") for c in card.evidence),
    )
