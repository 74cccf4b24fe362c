"""Is every part of the system a known, unchanged file?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.facts import fact
from trustkit.evidence.provenance import Provenance


@check(
    version="1",
    metrics={
        "missing": Metric("parts without a digest to hold them to", "count"),
        "changed": Metric("parts that differ from their declared digest", "count"),
        "unsigned": Metric(
            "signatures of the model that do not hold",
            "count",
            "0 or 1; only where the options name a signature and a key.",
        ),
        "mismatched": Metric("files whose content is not what their name says", "count"),
        "locks": Metric("lock files of dependencies", "count"),
    },
)
def provenance(
    provenance: Provenance,
    *,
    locks: Mapping[str, str] | None = None,
    signature: str | None = None,
    key: str | None = None,
) -> Iterator[Estimate]:
    """Is every part of the system a known, unchanged file?

    Every file that the configuration names (the audited and the training
    data, the population, the card, the model or the module that holds it) is
    digested by SHA-256, and its format is read from its content. ``missing``
    counts model files without a declared digest (``system.trust``) or a
    signature that holds, and models behind an endpoint; ``changed`` a model or
    a lock file whose digest is not the one declared; ``mismatched`` files with
    another content than their name says. The option ``locks`` declares the digests
    of lock files, ``{"uv.lock" = "sha256:..."}``; ``signature`` and ``key`` name a
    signature by OpenSSF model-signing and the public key (P-256, P-384 or
    P-521, PEM) of who should have made it. It is verified offline, and
    ``unsigned`` is 1 where it does not hold for every file of the model.

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
    dependencies are pinned, not that they are sound. Which versions of frameworks
    wrote a model file, and which are installed, ``security/artifact`` tells; how
    old its training is, ``monitoring/staleness``. Signatures by certificates or
    through Sigstore's log, which need a network, are not verified.

    Remedy
    ------
    Declare the digest of the model as it was approved, keep data and model as
    files, and pin the dependencies by a lock file with hashes.

    References
    ----------
    A/RES/78/265 6(f); NIST AI RMF, MEASURE 2.7; SLSA 1.0; OpenSSF Model Signing 1.0.
    """
    files, kind, trust = provenance.files, provenance.schema["model"], provenance.schema["trust"]
    if not files:
        parts = " and ".join(provenance.in_memory)
        raise NotApplicable(
            f"{parts}: in memory, so there is no file to digest" if parts else "there is no file",
            supply="data.audit and system.model as files, so that their digests can be recorded",
        )
    held = trust is not None or provenance.unsigned == ""
    unknown = int(kind == "endpoint" or (kind == "file" and not held))
    parts_n = len(files) + int(kind == "endpoint")
    if provenance.in_memory and not unknown:
        why = f"{' and '.join(provenance.in_memory)}: in memory, without a file to digest"
        yield Estimate("missing", {}, float("nan"), parts_n, parts_n, why=why)
    else:
        yield fact("missing", unknown, parts_n)
    if declared := provenance.declared:
        changed = [what for what, (stated, found) in declared.items() if stated != found]
        yield replace(fact("changed", len(changed), len(declared)), note=", ".join(changed) or None)
    if provenance.unsigned is not None:
        yield replace(fact("unsigned", int(bool(provenance.unsigned)), 1), note=provenance.unsigned or None)
    yield fact("mismatched", sum(not file.fits for file in files), len(files))
    yield fact("locks", len(provenance.locks), len(files))
