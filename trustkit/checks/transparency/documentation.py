"""Is the system documented, lately, and does its documentation agree with what was measured?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from trustkit.checks.base import Estimate, Metric, check
from trustkit.checks.facts import fact
from trustkit.checks.transparency.parts import AGE, MISSING, DocumentKind, Parts, estimates, whole
from trustkit.checks.transparency.stated import comparisons
from trustkit.evidence.cells import Cells
from trustkit.evidence.records import CARD, Document, Records


@check(
    version="1",
    metrics={
        "missing": MISSING,
        "age_days": AGE,
        "contradicted": Metric("stated facts that the measurement contradicts", "count"),
        "stated": Metric("stated figure", "share"),
    },
)
def documentation(
    records: Records, cells: Cells, *, document: DocumentKind = "card", as_of: date | None = None
) -> Iterator[Estimate]:
    """Is the system documented, lately, and does its documentation agree with what was measured?

    ``document`` chooses the document: the model card (``system.card``), or
    one of ``[documents]``. Its required parts are those of the packaged
    template of its kind: headings with something under them, facts of the
    front matter, the columns of a register. Of a risk register each high
    risk needs owner, date, treatment and residual decision; of an impact
    assessment each group that it names must be among the audited ones. Each
    figure of a model card that has a measured counterpart is compared with
    it, each stated version with ``system.version``.

    Why it matters
    --------------
    Whoever is asked to trust a system reads what is said of it. A figure
    that was true of another version, or of no version, does more harm than
    none.

    How to read
    -----------
    The figures are facts. ``missing`` counts required parts, and says which;
    a blank, a ``TODO`` and a template's text are no content. ``age_days``
    runs from the ``date`` of the document and is unbounded where there is
    none, or where the document expired. ``contradicted`` is 1 for a figure
    that lies outside the measured interval, which all figures of the card
    share (95 % together) and which allows for how the figure was rounded;
    with few rows the interval is wide and a flattering figure may pass.
    What cannot be matched is listed as ``stated`` and not judged.
    That the text is true beyond its figures nothing here can tell.

    Remedy
    ------
    Write the parts that are missing (`trustkit init --documents` writes
    templates), replace what the measurement contradicts, and set the day of
    the review and the version it speaks of.

    References
    ----------
    A/RES/78/265 6(d), 6(e), 6(l); Mitchell et al. 2019, "Model cards for model reporting"; EU AI Act, Art. 11
    and Annex IV.
    """
    page, parts = whole(records, document, as_of)
    if document == "impact-assessment":
        _look_at_groups(parts, page, cells)
    yield from estimates(document, page, parts, as_of)
    yield from _of_version(document, page, records)
    if document == CARD:
        yield from comparisons(records, cells)


def _of_version(kind: str, document: Document, records: Records) -> Iterator[Estimate]:
    """Whether the version that the document speaks of is the system's; a data sheet's is its own."""
    said, audited = document.facts.get("version"), records.schema["version"]
    if said is None or audited is None or kind == "dataset":
        return
    differs = _plain(said) != _plain(audited)
    subject = {"document": kind, "figure": "version"}
    made = fact("contradicted", int(differs), 1, subject)
    why = f"it speaks of version {said}, audited was version {audited}" if differs else None
    yield Estimate("contradicted", subject, made.value, 1, 1, limits=made.limits, why=why)


def _plain(version: str) -> str:
    return version.strip().casefold().removeprefix("v")


def _look_at_groups(parts: Parts, document: Document, cells: Cells) -> None:
    """Look for each group that an impact assessment names among those that are audited."""
    parts.look(bool(document.groups), "groups that may be affected")
    for group in document.groups:
        named = ", ".join(f"{name}={label}" for name, label in group.items())
        parts.look(_is_audited(group, cells), f"an audit of {named}")


def _is_audited(group: Mapping[str, str], cells: Cells) -> bool:
    if not {*group} <= {*cells.attributes}:
        return False
    return all(
        label.casefold() in {found[name].casefold() for found in cells.grouping((name,)).groups}
        for name, label in group.items()
    )
