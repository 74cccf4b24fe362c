"""Probes: what an endpoint did with requests that are no questions, and under a small load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

from trustkit.evidence.sharing import holds_small

TRACE, PATH, VERSION = "a stack trace", "a path of a file", "a version of the server"
"""What a reply may tell of a server's inside."""

COUNTS = ("sent", "answered", "refused", "limited", "failed", "broken", "late")


@dataclass(frozen=True)
class Outcome:
    """What became of requests of one kind.

    Attributes
    ----------
    sent : int
        Requests, or handshakes.
    answered : int
        With decisions; of a handshake, that it was made.
    refused : int
        With a status that says so, as 400, 401 or 405, or with anything else that holds no decision.
    limited : int
        With status 429: too many requests.
    failed : int
        With status 500 or above.
    broken : int
        The connection was refused or broken off.
    late : int
        Nothing came in time; of a handshake, it could not be tried.
    leaks : tuple of str
        What the replies told of the server's inside, sorted.
    """

    sent: int = 0
    answered: int = 0
    refused: int = 0
    limited: int = 0
    failed: int = 0
    broken: int = 0
    late: int = 0
    leaks: tuple[str, ...] = ()

    def __add__(self, other: Outcome) -> Outcome:
        counts: Any = {name: getattr(self, name) + getattr(other, name) for name in COUNTS}
        return Outcome(**counts, leaks=tuple(sorted({*self.leaks, *other.leaks})))


@dataclass(frozen=True)
class Probes:
    """Outcomes by the kind of request, of an address and what it was sent.

    Attributes
    ----------
    schema : mapping
        ``scheme`` of the address, whether it is of the ``loopback``, whether
        ``credentials`` are declared, and ``seed`` of the rows' draw.
    handshakes : mapping of str to Outcome
        By version of TLS; empty over plain http.
    kinds : mapping of str to Outcome
        By kind, in words.
    load, burst : Outcome
        Of honest requests, a few at a time; of as many at once as were sent.
    milliseconds : tuple of float
        How long each answered request of the load took, sorted.
    rows, disagreeing : int
        Rows that were asked about again and again; those with more than one answer.
    """

    schema: Mapping[str, Any]
    handshakes: Mapping[str, Outcome]
    kinds: Mapping[str, Outcome]
    load: Outcome = Outcome()
    burst: Outcome = Outcome()
    milliseconds: tuple[float, ...] = ()
    rows: int = 0
    disagreeing: int = 0

    kind: ClassVar[str] = "probes"

    def __add__(self, other: Probes) -> Probes:
        if self.schema != other.schema:
            raise ValueError("probes of different schemas do not add")
        return Probes(
            self.schema,
            _joined(self.handshakes, other.handshakes),
            _joined(self.kinds, other.kinds),
            self.load + other.load,
            self.burst + other.burst,
            tuple(sorted((*self.milliseconds, *other.milliseconds))),
            self.rows + other.rows,
            self.disagreeing + other.disagreeing,
        )

    def without_small_cells(self, min_cell: int) -> Self | None:
        """Return itself, or None where few rows had more than one answer: all else counts requests."""
        counts = (self.rows, self.disagreeing, self.rows - self.disagreeing)
        return None if holds_small(counts, min_cell) else self

    def notes(self) -> list[str]:
        """Say how much was sent, and what became of each kind."""
        sent = sum(each.sent for each in self.kinds.values()) + self.load.sent + self.burst.sent
        shaken = sum(each.sent for each in self.handshakes.values())
        kinds = [f"{name}: {_words(each)}" for name, each in {**self.handshakes, **self.kinds}.items()]
        load = f"load: {_words(self.load)}; burst: {_words(self.burst)}"
        return [f"{sent:,} requests and {shaken} handshakes were sent", "; ".join(kinds), load]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            data["schema"],
            {name: _outcome(each) for name, each in data["handshakes"].items()},
            {name: _outcome(each) for name, each in data["kinds"].items()},
            _outcome(data["load"]),
            _outcome(data["burst"]),
            tuple(data["milliseconds"]),
            data["rows"],
            data["disagreeing"],
        )


def _outcome(data: Mapping[str, Any]) -> Outcome:
    return Outcome(**{**data, "leaks": tuple(data["leaks"])})


def _joined(one: Mapping[str, Outcome], other: Mapping[str, Outcome]) -> dict[str, Outcome]:
    none = Outcome()
    return {name: one.get(name, none) + other.get(name, none) for name in {**one, **other}}


def _words(outcome: Outcome) -> str:
    counts = [f"{count} {name}" for name in COUNTS[1:] if (count := getattr(outcome, name))]
    return ", ".join(counts) or "nothing sent"
