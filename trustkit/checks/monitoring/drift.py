"""Have the claims that were audited held since, and lately?"""

from __future__ import annotations

from collections.abc import Iterator

from trustkit.checks.base import Estimate, Metric, NotApplicable, check
from trustkit.checks.facts import fact
from trustkit.evidence.watched import Watched

SUPPLY = 'options."monitoring/coverage".store: the store of the monitor that watches the system'


@check(
    version="1",
    metrics={
        "violated": Metric(
            "claims violated since deployment",
            "count",
            "limits of the policy of which an e-process reached 1 / (alpha w): at most alpha for all of them "
            "over the monitor's life, however often one looks",
        ),
        "changed": Metric(
            "claims or inputs that changed lately",
            "count",
            "limits, and distances of inputs and score from the audit, of which an e-detector stands: at "
            "most one false alarm of all of them in the declared number of windows",
        ),
    },
)
def drift(watched: Watched | None) -> Iterator[Estimate]:
    """Have the claims that were audited held since, and lately?

    Read from the store of a monitor: the alarms that stand as of its last
    window. The monitor watches the limits of the policy, by group, and how
    far inputs and score have moved from the audited rows.

    Formula
    -------
    ``violated`` counts the claims whose e-process, a product over windows of
    bets on the counts of the groups, ever reached 1 / (alpha w), where w is
    the claim's share of alpha. ``changed`` counts the claims and columns whose
    e-detector (Shiryaev-Roberts sum of such products) is above windows times
    the number of detectors.

    Why it matters
    --------------
    An audit speaks of one day. People, and the world that their data describe,
    change; a gap between groups may open long after the release.

    When it misleads
    ----------------
    A violation that began late is diluted by a long clean past: the detector
    finds it first. Where the mix of hours or of applicants differs between
    groups, that is part of the gap. Labels that come for the chosen alone say
    nothing of the others.

    How to read
    -----------
    The figures are counts of standing alarms, each named by
    ``trustkit monitor status``. None is no proof that all is well: what had
    too few rows, or no label yet, is told by the status too.

    Remedy
    ------
    Open an incident with an owner, find what changed, mend it, and audit the
    system again before a new monitor starts.

    References
    ----------
    Ville 1939; Chugg et al. 2023; Shin, Ramdas & Rinaldo 2024; A/RES/78/265
    6(e); NIST AI RMF, MEASURE 2.4 and 3.1; EU AI Act, Article 72.
    """
    if watched is None:
        raise NotApplicable("no monitor's store is declared", supply=SUPPLY)
    if not watched.windows:
        raise NotApplicable("no window of the monitor has closed yet", supply="decisions of a whole window")
    yield fact("violated", watched.violated, max(watched.claims, 1))
    yield fact("changed", watched.changed, max(watched.claims + watched.columns, 1))
