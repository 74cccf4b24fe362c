"""Write a page for each packaged policy from its TOML: ``python -m scripts.policy_pages``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from trustkit.checks import discover
from trustkit.policy import DEFAULT, CheckUse, Control, Policy, cited, frameworks, unconfirmed
from trustkit.policy.citations import Framework

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "policies"
PACKAGED = ROOT / "trustkit" / "policy" / "policies"

CLASSES = {"computed": "a measurement", "document": "a document", "attestation": "an attestation"}
STATUS = {"read": "read", "secondary": "seen in another's words", "memory": "from memory"}
CONTENTS = "```{toctree}\n:hidden:\n:glob:\n\n*\n```"
"""The pages beside the index, for the site's navigation."""

Citing = Mapping[tuple[str, str], Sequence[str]]
"""By text and clause, the controls that cite it."""


def pages() -> dict[str, str]:
    """Markdown page of every packaged policy, and their index, by file name."""
    policies = [Policy.load(path.stem) for path in sorted(PACKAGED.glob("*.toml"))]
    rows = [(f"[{p.id}]({p.id}.md)", p.title, str(len(p.controls))) for p in policies]
    index = f"# Policies\n\n{_table(('Policy', 'Title', 'Controls'), rows)}\n\n{CONTENTS}\n"
    return {f"{p.id}.md": page(p) for p in policies} | {"index.md": index}


def page(policy: Policy) -> str:
    """Markdown page of a policy: its controls and the texts they cite, or how it differs from its base."""
    blocks = [
        f"# {policy.title}",
        f"Policy `{policy.id}`, version {policy.version}. Generated from its TOML file by "
        "`python -m scripts.policy_pages`.",
        policy.description.strip(),
    ]
    blocks += _whole(policy) if policy.extends is None else _overlay(policy, Policy.load(policy.extends))
    return "\n\n".join(blocks) + "\n"


def _whole(policy: Policy) -> Iterator[str]:
    yield (
        f"The chance that a sound system is failed anywhere on the card is at most {policy.alpha:g}. A star "
        "marks a clause whose text was not read; the last section says of each text how far it was."
    )
    yield _table(
        ("Control", "Title", "Severity", "Settled by"),
        ((_link(c), c.title, c.severity, CLASSES[c.evidence]) for c in policy.controls),
    )
    for (principle, area), controls in groupby(policy.controls, lambda c: (c.principle, c.area)):
        yield f"## {principle.capitalize()}: {area.replace('-', ' ')}"
        for control in controls:
            yield from _control(control)
    yield "## Texts"
    yield from _texts(policy)


def _overlay(policy: Policy, base: Policy) -> Iterator[str]:
    home = f"[{base.id}]({base.id}.md)"
    yield f"It starts from {home}: what is not said here (controls, checks, limits, texts) stands there."
    changed = [control for control in policy.controls if control not in base.controls]
    if changed:
        yield "## Controls that differ"
        for control in changed:
            yield from _control(control)
    if policy.group_by is not None:
        text = frameworks()[policy.group_by]
        yield f"## The controls by {text.name}"
        yield f"{text.title}. {text.text}" + (f" <{text.url}>" if text.url else "")
        yield _clauses(text, _citing(policy), {c.id: _link(c, f"{base.id}.md") for c in policy.controls})


def _control(control: Control) -> Iterator[str]:
    yield f"### {control.id} {control.title}"
    yield control.requirement
    facts = [f"Severity: {control.severity}", f"Settled by: {CLASSES[control.evidence]}"]
    facts += [f"Evidence aligned with: {', '.join(control.sources)}"] if control.sources else []
    unread, texts = unconfirmed(control), frameworks()
    for id, clauses in control.crosswalk.items():
        marked = [f"{clause}\\*" if f"{id} {clause}" in unread else clause for clause in clauses]
        facts.append(f"Related in {texts[id].name if id in texts else id}: {', '.join(marked)}")
    facts += [f"If not met: {control.remedy}"] if control.remedy else []
    facts += [f"Effort: {control.effort}"] if control.effort else []
    yield "\n".join(f"- {fact}" for fact in facts)
    rows = [row for use in control.checks for row in _limits(use)]
    if rows:
        yield _table(("Check", "Limit", "Source of the limit"), rows)


def _limits(use: CheckUse) -> Iterator[tuple[str, str, str]]:
    options = "".join(f", {name} {value}" for name, value in use.options.items())
    page = f"(../checks/{use.check.replace('/', '.')}.md)" if use.check in discover()[0] else ""
    name = f"[`{use.check}`]{page}" if page else f"`{use.check}`"
    check = f"{name}{options}{'' if use.groups == 'all' else f', {use.groups} groups'}"
    if not use.limits:
        yield check, "none: the source sets no mark" if use.reported else "none yet: shown, not judged", ""
    for name, limit in use.limits.items():
        yield check, f"{name} {limit.value:g}", limit.source


def _texts(policy: Policy) -> Iterator[str]:
    """Each described text that the controls cite, with its clauses; those that none cites, of the default."""
    citing = _citing(policy)
    for text in sorted(frameworks().values(), key=lambda text: text.cites is None):
        if any(id == text.id for id, _ in citing):
            yield f"### {text.name}"
            yield f"{text.title}. {text.text}" + (f" <{text.url}>" if text.url else "")
            yield _clauses(text, citing, uncited=policy.id == DEFAULT)


def _clauses(
    text: Framework, citing: Citing, links: Mapping[str, str] | None = None, uncited: bool = False
) -> str:
    """Return the clauses of a text, and which controls cite each or, if `uncited`, why none does."""
    rows = []
    for clause, of in text.clauses.items():
        controls = ", ".join((links or {}).get(id, id) for id in citing.get((text.id, clause), ()))
        if controls or uncited:
            rows.append((clause, of.title, STATUS[of.status], of.uncited or controls))
    return _table(("Clause", "In our words", "Text", "Controls"), rows)


def _citing(policy: Policy) -> Citing:
    citing: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for control in policy.controls:
        for _, text, clause in cited(control):
            citing[text.id, clause].append(control.id)
    return citing


def _link(control: Control, page: str = "") -> str:
    anchor = "".join(c for c in f"{control.id} {control.title}".lower() if c.isalnum() or c in " -")
    return f"[{control.id}]({page}#{anchor.replace(' ', '-')})"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
