"""Watched: what a monitor's store says, as counts, for the card of the next audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Self


@dataclass(frozen=True)
class Watched:
    """A monitor's store as of the audit.

    Attributes
    ----------
    schema : mapping
        ``store``, the name of the store, and ``watch``, the digest of what is watched in it.
    model : str or None
        Digest of the model that the monitor was made for, ``sha256:...``.
    first_day, last_day : str or None
        Days of the first and the last decision recorded, ISO.
    windows : int
        Closed windows with a decision.
    decisions, labeled : int
        Decisions in them, and those whose truth is known in time.
    claims, columns : int
        Claims watched, and columns compared with the audit.
    violated, changed, silent : int
        Standing alarms: claims violated since deployment, claims and columns changed lately, silences.
    lost : float
        Share of the records that were dropped or lost; 0 where none is known to be.
    incidents, open : int
        Incidents recorded in the store, and those that are not closed.
    """

    schema: Mapping[str, Any]
    model: str | None = None
    first_day: str | None = None
    last_day: str | None = None
    windows: int = 0
    decisions: int = 0
    labeled: int = 0
    claims: int = 0
    columns: int = 0
    violated: int = 0
    changed: int = 0
    silent: int = 0
    lost: float = 0.0
    incidents: int = 0
    open: int = 0
    alarms: tuple[str, ...] = field(default=())

    kind: ClassVar[str] = "watched"

    def __add__(self, other: Watched) -> Watched:
        if self != other:
            raise ValueError("evidence of one store, read at two times, does not add")
        return self

    def notes(self) -> list[str]:
        """Say what was seen, and name the standing alarms, in words for the card."""
        seen = f"{self.decisions:,} decisions in {self.windows:,} windows, {self.labeled:,} with their truth"
        since = f", {self.first_day} to {self.last_day}" if self.first_day else ""
        return [seen + since, *(f"alarm: {alarm}" for alarm in self.alarms)]

    def without_small_cells(self, min_cell: int) -> Self:
        """Return the same: it counts windows and alarms, and at most all decisions."""
        return self

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "schema": dict(self.schema), "alarms": list(self.alarms)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(**{**data, "alarms": tuple(data["alarms"])})
