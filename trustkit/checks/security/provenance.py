"""Is every part of the system a known, unchanged file?"""

from __future__ import annotations

from collections.abc import Iterator

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.facts import fact
from trustkit.evidence.provenance import Provenance


@check(
    version="1",
    metrics={
        "missing": Metric("parts without a digest to hold them to", "count"),
        "changed": Metric("parts that differ from their declared digest", "count"),
        "mismatched": Metric("files whose content is not what their name says", "count"),
        "locks": Metric("lock files of dependencies", "count"),
    },
)
def provenance(provenance: Provenance) -> Iterator[Estimate]:
    """Is every part of the system a known, unchanged file?

    Every file that the configuration names (the audited and the training
    data, the population, the card, the model or the module that holds it) is
    digested by SHA-256, and its format is read from its content. ``missing``
    counts model files without a declared digest (``system.trust``) and models
    behind an endpoint; ``changed`` a model whose digest is not the one
    declared; ``mismatched`` files with another content than their name says.

    Why it matters
    --------------
    A verdict holds for the files it was made from. Without their digests
    nobody can tell whether what runs is what was audited, or was exchanged.

    How to read
    -----------
    The figures are facts. Data and models that are objects in memory have no
    file: where there is nothing else the check does not apply, and beside
    files ``missing`` stays open. Of a model named as ``package.module:object``
    the module's source is digested where it lies beside the configuration;
    what it imports and what it trains on are not. ``locks`` counts lock files
    beside the configuration, a requirements.txt only with hashes: it says that
    dependencies are pinned, not that they are sound.

    Remedy
    ------
    Declare the digest of the model as it was approved, keep data and model as
    files, and pin the dependencies by a lock file with hashes.

    References
    ----------
    A/RES/78/265 6(f); NIST AI RMF, MEASURE 2.7; SLSA 1.0.
    """
    files, kind, trust = provenance.files, provenance.schema["model"], provenance.schema["trust"]
    if not files:
        parts = " and ".join(provenance.in_memory)
        raise NotApplicable(
            f"{parts}: in memory, so there is no file to digest" if parts else "there is no file",
            supply="data.audit and system.model as files, so that their digests can be recorded",
        )
    unknown = int(kind == "endpoint" or (kind == "file" and trust is None))
    parts_n = len(files) + int(kind == "endpoint")
    if provenance.in_memory and not unknown:
        why = f"{' and '.join(provenance.in_memory)}: in memory, without a file to digest"
        yield Estimate("missing", {}, float("nan"), parts_n, parts_n, why=why)
    else:
        yield fact("missing", unknown, parts_n)
    if trust is not None and provenance.model_digest is not None:
        yield fact("changed", int(provenance.model_digest != trust), 1)
    yield fact("mismatched", sum(not file.fits for file in files), len(files))
    yield fact("locks", len(provenance.locks), len(files))
