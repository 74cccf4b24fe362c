"""Does the model refuse what it cannot read, rather than answer or break?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from trustkit.checks.base import Estimate, Metric, check
from trustkit.checks.facts import fact
from trustkit.evidence.trials import Trials


@check(
    version="1",
    metrics={
        "silent": Metric(
            "answers to tables that lack what they rest on",
            "count",
            "Tables without an input that the answers depend on, or with text in place of its numbers.",
        ),
        "misaligned": Metric(
            "tables answered with another number or order of rows",
            "count",
            "Of no rows, another index, a column twice or further columns too: answers are to be the same.",
        ),
        "crashed": Metric(
            "tables that ended the model",
            "count",
            "It left the interpreter, exhausted memory or its stack, or its process died.",
        ),
        "slow": Metric(
            "tables that took more than ten seconds", "count", "Eight rows each, whatever is wrong with them."
        ),
    },
)
def input_handling(trials: Trials, *, budget: float = 60.0) -> Iterator[Estimate]:
    """Does the model refuse what it cannot read, rather than answer or break?

    Eight audited rows are made wrong in one way at a time, and sent to the
    model: an input missing, text in place of numbers, infinite and huge
    numbers, unseen labels, texts of a million signs, code and markup, no row at
    all, 100,000 further columns, a column twice, another index. An error of any
    type is a refusal.

    Why it matters
    --------------
    Whoever integrates a model sends it wrong tables, by mistake and in malice.
    An answer that rests on nothing is worse than none, and a service that one
    request ends can be ended at will.

    When it misleads
    ----------------
    A service in front of the model may refuse what the model itself would
    answer: audit what is deployed. Inputs are made wrong one by one, at most
    six of those on which answers to 200 rows depend, or to fewer rows where a
    ``budget`` of seconds would not suffice. A model that is an object in memory
    and dies takes the audit along; one in a file does not.

    How to read
    -----------
    The figures are facts about the tables sent. ``silent`` counts answers that
    cannot be known, and names the inputs; ``misaligned`` answers that are not
    those of the rows; ``crashed`` and ``slow`` say which kind of table did it.
    Infinite, huge and missing numbers and unseen labels may be answered or
    refused.

    Remedy
    ------
    Check names, types and ranges of the inputs before the model sees them, and
    answer what fails with an error.

    References
    ----------
    A/RES/78/265 6(k); OWASP ASVS 5.0, V2 (validation); EU AI Act, Art. 15(4).
    """
    sent = sum(each.sent for each in trials.kinds.values())
    for metric in ("silent", "misaligned", "crashed", "slow"):
        found = {name: getattr(each, metric) for name, each in trials.kinds.items() if getattr(each, metric)}
        said = [f"{name}{_of(trials.kinds[name].columns if metric == 'silent' else ())}" for name in found]
        yield replace(fact(metric, sum(found.values()), sent), note="; ".join(said) or None)


def _of(columns: tuple[str, ...]) -> str:
    return f" ({', '.join(columns)})" if columns else ""
