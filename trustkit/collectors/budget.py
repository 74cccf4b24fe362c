"""The seconds that a check may ask the model for: how long it will take, told first, and kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import isfinite
from typing import TYPE_CHECKING, Any

from trustkit.errors import ConfigError, Problem

if TYPE_CHECKING:
    import pandas as pd

    from trustkit.collectors.sources import Sources

SECONDS = 60.0
"""What a check may take where no budget is given."""

_FIRST, _GROWTH = 8, 8  # rows asked to learn the pace, and how many times as many are asked next
_PILOT = 0.1  # share of the budget that this may take
_ENOUGH = 64  # rows of a call from which the pace is told


class Budget:
    """Seconds from now on, and the pace at which the model answers.

    Parameters
    ----------
    seconds : float
        What may be taken in all.

    Attributes
    ----------
    pace : float
        Seconds a row, as last measured.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds, self.pace = seconds, 0.0
        self._started = time.perf_counter()

    @classmethod
    def of(cls, sources: Sources, check: str) -> Budget:
        """Return the budget of a check, as its option says.

        Raises
        ------
        ConfigError
            Where it is not a number of seconds above 0.
        """
        seconds = sources.system.config.options.get(check, {}).get("budget", SECONDS)
        if not isinstance(seconds, int | float) or not (isfinite(seconds) and seconds > 0):
            key = f'options."{check}".budget'
            raise ConfigError([Problem(key, f"{seconds!r} is not a number of seconds above 0")])
        return cls(float(seconds))

    @property
    def left(self) -> float:
        """Seconds that are left, 0 at least."""
        return max(self.seconds - (time.perf_counter() - self._started), 0.0)

    def measure(self, ask: Callable[[pd.DataFrame], Any], table: pd.DataFrame, rows: int) -> None:
        """Ask about the first rows to learn the pace.

        A call has a cost of its own, which a few rows would have to bear: more
        are asked while `rows` seem too many, and that takes little time.
        """
        n = _FIRST
        while True:
            part = table.iloc[:n]
            _, self.pace = _paced(ask, part)
            dear = self.pace * n * _GROWTH > _PILOT * self.seconds
            if dear or n >= len(table) or self.pace * rows * 2 <= self.left:
                return
            n *= _GROWTH

    def timed(self, ask: Callable[[pd.DataFrame], Any], table: pd.DataFrame) -> Any:
        """Ask, and take the pace from what it took, where the rows are enough to tell."""
        answer, pace = _paced(ask, table)
        if len(table) >= _ENOUGH:
            self.pace = pace
        return answer

    def told(self, sources: Sources, stage: str, rows: int) -> str:
        """Tell how long so many rows are going to take at most, before they are asked; return the stage."""
        seconds = min(self.pace * rows, self.seconds)
        stage = f"{stage}, about {max(seconds, 1):.0f} s"
        if sources.progress is not None:
            sources.progress(stage, 0, rows)
        return stage

    def share(self, rows: int) -> float:
        """Return the share of so many rows that can be asked in what is left; 1 where all can."""
        return min(self.left / (self.pace * rows), 1.0) if self.pace and rows else 1.0

    def affords(self, rows: int) -> bool:
        """Tell whether so many rows can be asked in what is left."""
        return self.pace * rows <= self.left


def _paced(ask: Callable[[pd.DataFrame], Any], table: pd.DataFrame) -> tuple[Any, float]:
    """Answer, and the seconds that a row took."""
    started = time.perf_counter()
    answer = ask(table)
    return answer, (time.perf_counter() - started) / len(table)
