"""Is the endpoint closed to strangers, silent about its inside, and steady under a small load?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from trustkit.checks.base import Estimate, Metric, check
from trustkit.checks.comparison import proportion
from trustkit.checks.facts import fact
from trustkit.evidence.probes import PATH, TRACE, VERSION, Outcome, Probes
from trustkit.measure.intervals import Certain, OneOf
from trustkit.measure.quantiles import OrderStatistics

OLD = ("TLS 1.0", "TLS 1.1")
STRANGERS = ("no credentials", "wrong credentials")
UNREADABLE = ("malformed JSON", "no body", "bytes that are no text", "another method")
AFTERWARDS = "an honest request afterwards"
OPEN = "it answers whoever reaches it; declare model.http.headers where it wants credentials"
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@check(
    version="1",
    metrics={
        "plain": Metric(
            "plain http that others can read",
            "count",
            "1 where the address is http, and not of the loopback.",
        ),
        "old_tls": Metric(
            "versions of TLS that are out of date",
            "count",
            "TLS 1.0 and 1.1, each tried alone; of plain http there is none.",
        ),
        "unauthenticated": Metric(
            "answers without the right credentials",
            "count",
            "Honest calls with the declared headers left out, and with other values in them.",
        ),
        "traces": Metric(
            "kinds of call whose reply tells a stack trace or a path",
            "count",
            "Of all kinds sent, honest ones included; the first 64 KiB of each reply are looked through.",
        ),
        "versions": Metric(
            "kinds of call whose reply tells a version of the server",
            "count",
            "In the body, or in the headers Server and X-Powered-By.",
        ),
        "accepted": Metric(
            "kinds of unreadable call that it answered",
            "count",
            "Half a body, no body, bytes that are no text, PUT: answered with a decision.",
        ),
        "broken": Metric(
            "kinds of call that got no reply",
            "count",
            "The connection was broken off (which a body of 8 MiB may be), or nothing came in ten seconds.",
        ),
        "errors": Metric(
            "share of honest calls that failed",
            "share",
            "Of the load, without a right answer; those told to slow down (429) are left out.",
        ),
        "p50": Metric("milliseconds of an answer, the median", "milliseconds", "Of one row, under the load."),
        "p95": Metric(
            "milliseconds within which 95 % of answers come", "milliseconds", "Of one row, under the load."
        ),
        "p99": Metric(
            "milliseconds within which 99 % of answers come", "milliseconds", "Of one row, under the load."
        ),
        "limited": Metric(
            "calls of the burst that were told to slow down",
            "count",
            "Status 429, of 40 calls, 20 at once.",
        ),
        "disagreeing": Metric(
            "rows with more than one answer",
            "count",
            "Of eight rows asked again and again: another decision, or a score that differs by over 1e-6.",
        ),
    },
)
def endpoint(probes: Probes, *, load: int = 300, budget: float = 20.0) -> Iterator[Estimate]:
    """Is the endpoint closed to strangers, silent about its inside, and steady under a small load?

    Up to 353 calls are sent, each once: 2 with credentials left out or
    wrong where headers are declared, 9 that are no questions (half a body,
    none, bytes, an empty object, another content type, 8 MiB, other methods),
    an honest one before and one after them, a ``load`` of 300 honest ones, as
    many at a time as ``model.http.concurrency`` says, and a burst of 40 of
    which 20 are under way at once. Over https four
    handshakes are tried, one by each version of TLS. The option ``load`` sets
    how many, 0 for none; ``budget`` the seconds for everything, after which no
    more is sent.

    Why it matters
    --------------
    An endpoint that answers strangers gives the model away. An error that
    tells where the code lies and what it runs on is the first step of an
    attack, and one that a single request stops serves nobody.

    When it misleads
    ----------------
    The audit sees the endpoint from where it runs: a gateway that keeps
    strangers out stands elsewhere. That something was not told by these
    calls does not show that no other makes it tell. A latency holds for
    this load, this day and this way through the network; calls of one
    load are not independent, as the intervals take them to be. Replicas
    that took none of the calls are not compared.

    How to read
    -----------
    Counts are facts about the calls sent; each says which kind. Where no
    headers are declared and the address is not of this machine,
    ``unauthenticated`` is undecided: only its owner knows who can reach it.
    ``errors`` and the latencies ``p50``, ``p95``, ``p99`` are of a sample:
    300 calls without a failure bound the share of failures by 1 % at
    95 % confidence. Latencies are shown; set ``max_p95`` to judge them.
    ``limited`` 0 says that 40 calls at once were not too many. No value of a
    header and no text of a reply is kept.

    Remedy
    ------
    Put a gateway with TLS 1.2 or later and authentication before the server,
    answer errors with a code and a number to quote, turn off debug modes and
    version headers, and bound the size and the rate of calls.

    References
    ----------
    A/RES/78/265 6(f); OWASP API Security Top 10 2023, API2, API4 and API8; RFC 8996 (TLS 1.0 and 1.1); RFC
    6585 (status 429); Hahn & Meeker 1991, 5.2.
    """
    yield fact("plain", int(probes.schema["scheme"] == "http" and not probes.schema["loopback"]), 1)
    yield _old_tls(probes)
    yield _unauthenticated(probes)
    everything = {**probes.kinds, "load": probes.load, "burst": probes.burst}
    asked = {name: each for name, each in everything.items() if each.sent}
    yield _named("traces", asked, {name: _told(each, TRACE, PATH) for name, each in asked.items()})
    yield _named("versions", asked, {name: _told(each, VERSION) for name, each in asked.items()})
    unreadable = {name: each for name, each in asked.items() if name in UNREADABLE}
    yield _named("accepted", unreadable, {n: "answered" for n, each in unreadable.items() if each.answered})
    yield _named("broken", probes.kinds, {name: _no_reply(name, each) for name, each in asked.items()})
    yield from _under_load(probes)


def _old_tls(probes: Probes) -> Estimate:
    tried = {name: probes.handshakes[name] for name in OLD if name in probes.handshakes}
    if probes.schema["scheme"] == "http":
        return replace(fact("old_tls", 0, 1), note="plain http")
    taken = [name for name, each in tried.items() if each.answered]
    if not taken and (len(tried) < len(OLD) or any(each.late for each in tried.values())):
        return Estimate("old_tls", {}, float("nan"), 2, 2, why="not every old version of TLS could be tried")
    return replace(fact("old_tls", len(taken), 2), note=", ".join(taken) or None)


def _unauthenticated(probes: Probes) -> Estimate:
    tried = {name: probes.kinds[name] for name in STRANGERS if name in probes.kinds}
    if probes.schema["credentials"]:
        return _named("unauthenticated", tried, {n: "answered" for n, each in tried.items() if each.answered})
    if probes.schema["loopback"]:
        return replace(
            fact("unauthenticated", 0, 1), note="no headers declared; only this machine reaches it"
        )
    limits = OneOf(Certain(np.ones(1)), np.ones(1), np.ones(1, dtype=bool))
    return Estimate("unauthenticated", {}, 1.0, 1, 1, limits=limits, note=OPEN)


def _named(metric: str, asked: Mapping[str, Outcome], found: dict[str, str]) -> Estimate:
    """Count the kinds of calls with a finding, and say which; undefined where none was sent."""
    said = [f"{name} ({what})" for name, what in found.items() if what]
    if not any(each.sent for each in asked.values()):
        return Estimate(metric, {}, float("nan"), 0, 0, why="the time was over before any was sent")
    return replace(fact(metric, len(said), len(asked)), note="; ".join(said) or None)


def _told(outcome: Outcome, *what: str) -> str:
    return ", ".join(leak for leak in outcome.leaks if leak in what)


def _no_reply(name: str, outcome: Outcome) -> str:
    """Why there was none; afterwards, and under load, failures are told otherwise."""
    if name in ("load", "burst"):
        return ""
    if outcome.late:
        return "nothing came in time"
    if name == AFTERWARDS and outcome.failed:
        return "it failed"
    return "broken off" if outcome.broken and name != "a body of 8 MiB" else ""


def _under_load(probes: Probes) -> Iterator[Estimate]:
    load = probes.load
    judged = load.sent - load.limited
    if not judged:
        why = "no request of a load was sent, or each was told to slow down"
        for metric in ("errors", *QUANTILES, "limited", "disagreeing"):
            yield Estimate(metric, {}, float("nan"), 0, 0, why=why)
        return
    yield proportion("errors", judged - load.answered, judged)
    taken = np.array([probes.milliseconds])
    for metric, quantile in QUANTILES.items():
        if not taken.size:
            yield Estimate(metric, {}, float("nan"), 0, 0, why="no request was answered")
            continue
        limits = OrderStatistics(taken, np.array([quantile]))
        yield Estimate(metric, {}, float(limits.value[0]), taken.size, taken.size, limits=limits)
    yield fact("limited", probes.burst.limited, probes.burst.sent)
    yield fact("disagreeing", probes.disagreeing, probes.rows)
