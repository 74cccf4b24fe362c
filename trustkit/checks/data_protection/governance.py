"""Are the origin and the making of the data on record, and is the record true?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from trustkit.checks.base import Estimate, Metric, check
from trustkit.checks.facts import fact
from trustkit.checks.transparency.parts import (
    AGE,
    MISSING,
    Parts,
    document_of,
    estimates,
    look_at_facts,
    look_at_headings,
)
from trustkit.evidence.records import Document, Records

KIND = "dataset"

OF_RETENTION = ("purpose", "basis", "retention")
"""Facts of the data sheet that ``data-protection/retention`` looks for."""


@check(
    version="1",
    metrics={
        "missing": MISSING,
        "age_days": AGE,
        "contradicted": Metric("stated digests that differ from the file's", "count"),
    },
)
def governance(records: Records, *, as_of: date | None = None) -> Iterator[Estimate]:
    """Are the origin and the making of the data on record, and is the record true?

    Read from the data sheet, ``documents.dataset``: origin, collection,
    preparation, composition, quality, lineage, rights, owner, version and
    date. It is Markdown, or a Croissant file (JSON-LD), of which the
    properties that its format requires are looked for too. A SHA-256 that it
    states of an audited or a training file is compared with the file's own.

    Why it matters
    --------------
    What a system learned and is judged by comes from somewhere. Without a
    record nobody can tell whose data they are, what was done to them, or
    whether these are they.

    How to read
    -----------
    The figures are facts. ``missing`` counts required parts of the sheet and
    says which, ``age_days`` runs from its ``date`` and is unbounded where
    there is none or it expired. ``contradicted`` is 1 for a file whose digest
    is not the one stated; a file that was not read cannot be compared. Of a
    Croissant file the license is the ``rights``, and what the vocabulary of
    responsible AI says (``rai:dataCollection``, ``rai:dataLimitations``) are
    the sections. The text itself remains a claim of its owner.

    Remedy
    ------
    Fill in the data sheet (`trustkit init --documents` writes a template),
    with digests, and mend the record or the data wherever they disagree.

    References
    ----------
    A/RES/78/265 7 and 6(i); Gebru et al. 2021, "Datasheets for datasets"; Croissant 1.0 and its
    vocabulary of responsible AI (MLCommons 2024); EU AI Act, Art. 10(2); GDPR, Art. 30.
    """
    document, parts = document_of(records, KIND), Parts()
    look_at_headings(parts, document)
    mine = [name for name in document.needs_facts if name not in OF_RETENTION]
    look_at_facts(parts, document, mine, as_of)
    yield from estimates(KIND, document, parts, as_of)
    yield from _digests(document, records)


def _digests(document: Document, records: Records) -> Iterator[Estimate]:
    for path, digest in document.digests.items():
        if path in records.files:
            differs = digest != records.files[path]
            subject = {"document": KIND, "file": path}
            made = fact("contradicted", int(differs), 1, subject)
            why = "the file is not the one on record" if differs else None
            yield Estimate("contradicted", subject, made.value, 1, 1, limits=made.limits, why=why)
