"""Write the page of a policy from its TOML: ``python -m scripts.policy_page``."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from trustkit.policy import DEFAULT, CheckUse, Control, Policy, cited, frameworks, unconfirmed

FOLDER = Path(__file__).parents[1] / "docs" / "policies"
CLASSES = {"computed": "a measurement", "document": "a document", "attestation": "an attestation"}
STATUS = {"read": "read", "secondary": "seen in another's words", "memory": "from memory"}


def page(policy: Policy) -> str:
    """Markdown page of a policy: its controls by area, then the texts that they cite."""
    blocks = [
        f"# {policy.title}",
        f"Policy `{policy.id}`, version {policy.version}. Generated from its TOML file by "
        "`python -m scripts.policy_page`.",
        policy.description.strip(),
        f"The chance that a sound system is failed anywhere on the card is at most {policy.alpha:g}. A star "
        "marks a clause whose text was not read; the last section says of each text how far it was.",
        _table(
            ("Control", "Title", "Severity", "Settled by"),
            ((_link(c), c.title, c.severity, CLASSES[c.evidence]) for c in policy.controls),
        ),
    ]
    for (principle, area), controls in groupby(policy.controls, lambda c: (c.principle, c.area)):
        blocks.append(f"## {principle.capitalize()}: {area.replace('-', ' ')}")
        for control in controls:
            blocks += _control(control)
    blocks += ["## Texts", *_texts(policy.controls)]
    return "\n\n".join(blocks) + "\n"


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
    check = f"`{use.check}`{options}{'' if use.groups == 'all' else f', {use.groups} groups'}"
    if not use.limits:
        yield check, "none yet: shown, not judged", ""
    for name, limit in use.limits.items():
        yield check, f"{name} {limit.value:g}", limit.source


def _texts(controls: Sequence[Control]) -> Iterator[str]:
    """Each described text that the controls cite, with its clauses."""
    citing: dict[tuple[str, str], list[str]] = defaultdict(list)
    for control in controls:
        for _, text, clause in cited(control):
            citing[text.id, clause].append(control.id)
    for text in sorted(frameworks().values(), key=lambda text: text.cites is None):
        if any(id == text.id for id, _ in citing):
            yield f"### {text.name}"
            yield f"{text.title}. {text.text}" + (f" <{text.url}>" if text.url else "")
            rows = (
                (clause, of.title, STATUS[of.status], of.uncited or ", ".join(citing[text.id, clause]))
                for clause, of in text.clauses.items()
            )
            yield _table(("Clause", "In our words", "Text", "Controls"), rows)


def _link(control: Control) -> str:
    anchor = "".join(c for c in f"{control.id} {control.title}".lower() if c.isalnum() or c in " -")
    return f"[{control.id}](#{anchor.replace(' ', '-')})"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def main(ids: Sequence[str]) -> None:
    """Write the pages of the named policies, by default of the default policy."""
    for id in ids or [DEFAULT]:
        (FOLDER / f"{id}.md").write_text(page(Policy.load(id)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
