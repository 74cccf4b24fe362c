"""Is what runs what was audited, and lately?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.facts import age, fact
from trustkit.evidence.provenance import Provenance
from trustkit.evidence.watched import Watched


@check(
    version="2",
    metrics={
        "missing": Metric("required facts that are not declared", "count"),
        "changed": Metric("systems deployed that are not the one audited", "count"),
        "age_days": Metric("days since the last decision audited", "days"),
        "training_age_days": Metric("days since the model was trained", "days"),
    },
)
def staleness(
    provenance: Provenance,
    watched: Watched | None,
    *,
    deployed: str | None = None,
    trained_on: date | None = None,
    as_of: date | None = None,
) -> Iterator[Estimate]:
    """Is what runs what was audited, and lately?

    ``deployed`` names what is in use: the digest of the model
    (``sha256:...``), compared with the digest of the audited one, or the
    version, compared with ``system.version``; where it is not given, the
    digest that a monitor's store was made for. ``age_days`` runs from the
    last day in ``data.time`` to the day of the audit, ``training_age_days``
    from ``trained_on``.

    Why it matters
    --------------
    A model is replaced in an afternoon and its audit stays on the wall. The
    people of whom the audited decisions speak change too.

    How to read
    -----------
    The figures are facts, as good as what the owner declares. ``missing``
    counts what is wanted and not declared: what is deployed, and a day (of
    the data or of the training) to reckon from. A version that is the same
    does not prove that the model is; a digest does.

    Remedy
    ------
    Audit again what is deployed, on decisions of the last months, and let a
    change of the deployed digest start an audit.

    References
    ----------
    A/RES/78/265 5 and 6(e); NIST AI RMF, MANAGE 2.4; 6 RCNY 5-301(a) (one year).
    """
    if deployed is None and watched is not None:
        deployed = watched.model
    if deployed is None and trained_on is None and provenance.last_day is None:
        raise NotApplicable(
            "neither what is deployed nor a day of data or training is declared",
            supply='options."monitoring/staleness".deployed: the version or digest in use; '
            "data.time: the column of the time of decision",
        )
    data_day = None if provenance.last_day is None else date.fromisoformat(provenance.last_day)
    audited = provenance.model_digest if deployed and deployed.startswith("sha256:") else provenance.version
    unknown = int(deployed is None or audited is None) + int(data_day is None and trained_on is None)
    yield fact("missing", unknown, 2)
    if deployed is not None and audited is not None:
        yield fact("changed", int(deployed != audited), 1)
    for metric, day in (("age_days", data_day), ("training_age_days", trained_on)):
        if day is not None and as_of is not None:
            yield age(metric, day, as_of)
