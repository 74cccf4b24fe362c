"""Are the packages that the system is built on pinned, maintained, and free of known holes?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from trustkit.checks.base import Estimate, Metric, check
from trustkit.checks.facts import age, fact
from trustkit.evidence.dependencies import Dependencies

ADVISORIES = 'options."security/dependencies".advisories: records of OSV'
LOCK = 'a lock file beside the configuration, or options."security/dependencies".lock'
SHOWN = 5


@check(
    version="1",
    metrics={
        "vulnerable": Metric(
            "packages with a published hole",
            "count",
            "Packages of which an advisory names the very version; without advisories there is no figure.",
        ),
        "unpinned": Metric(
            "packages without an exact version",
            "count",
            "Packages of the lock file or bill without one version; an environment pins nothing.",
        ),
        "abandoned": Metric(
            "packages that nobody maintains",
            "count",
            "Packages on the short list of loaders and frameworks that were given up.",
        ),
        "advisories_age": Metric(
            "days since the advisories last changed",
            "days",
            "From the latest change of any advisory supplied to the day of the audit.",
        ),
    },
)
def dependencies(
    dependencies: Dependencies,
    *,
    lock: str | None = None,
    advisories: str | None = None,
    as_of: date | None = None,
) -> Iterator[Estimate]:
    """Are the packages that the system is built on pinned, maintained, and free of known holes?

    The packages are those of the lock file beside the configuration, of the
    lock file or CycloneDX bill that the option ``lock`` names, or else of the
    environment in which the audit runs. Each is looked up in the
    ``advisories`` that the user supplies: a file, folder or zip of OSV records
    (osv.dev offers one for PyPI), or a report of pip-audit. Nothing is fetched.

    Why it matters
    --------------
    A model runs on the code of hundreds of strangers. A hole in one of them is
    a hole in the system, and most holes that are used were published long
    before.

    When it misleads
    ----------------
    The audit may run in another environment than the system: name the lock
    file of the one that is deployed. An advisory may concern a part of a
    package that the system never calls, and what no advisory tells is not
    found. Packages of conda are looked up by their name on PyPI.

    How to read
    -----------
    The figures are facts about the list of packages and the advisories at
    hand. ``vulnerable`` counts packages, and says which, with the version that
    mends each. Without advisories it has no figure and the control is not
    assessed: nothing looked up is not nothing found. ``advisories_age`` says how old
    that knowledge is. ``unpinned`` counts packages whose version is left open.

    Remedy
    ------
    Update the packages named to the version that mends them, pin all of them
    in a lock file with hashes, and replace what nobody maintains.

    References
    ----------
    A/RES/78/265 6(f); NIST AI RMF, MAP 4.1 and MANAGE 3.1; OSV schema 1.6; PEP 440 and 503.
    """
    packages, known = dependencies.packages, dependencies.schema["advisories"]
    n = len(packages)
    if known is None:
        yield _lacking("vulnerable", n, "no advisories were supplied", ADVISORIES)
        yield _lacking("advisories_age", n, "no advisories were supplied", ADVISORIES)
    else:
        names = {hole.package for hole in dependencies.holes}
        said = [f"{h.package} {h.version} ({h.advisory}{_mended(h.fixed)})" for h in dependencies.holes]
        yield _named("vulnerable", len(names), n, said)
        yield _age(known["latest"], as_of)
    if dependencies.schema["source"] == "environment":
        yield _lacking("unpinned", n, "there is no lock file: an environment pins nothing", LOCK)
    else:
        open_ = [each.name for each in packages if not each.version]
        yield _named("unpinned", len(open_), n, open_)
    given_up = [f"{name} ({why})" for name, why in sorted(dependencies.abandoned.items())]
    yield _named("abandoned", len(given_up), n, given_up)


def _age(latest: str, as_of: date | None) -> Estimate:
    if not latest or as_of is None:
        return _lacking("advisories_age", 1, "no advisory says when it changed", ADVISORIES)
    return age("advisories_age", date.fromisoformat(latest), as_of)


def _mended(version: str) -> str:
    return f", mended in {version}" if version else ""


def _named(metric: str, count: int, n: int, names: list[str]) -> Estimate:
    made = fact(metric, count, n)
    shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    return replace(made, note=shown or None)


def _lacking(metric: str, n: int, why: str, supply: str) -> Estimate:
    return Estimate(metric, {}, float("nan"), n, n, why=why, supply=supply)
