"""Five months of people, sent to the service day by day; in the third a new form comes into use."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
import pandas as pd

ROWS = Path(__file__).resolve().parents[1] / "income" / "audit.parquet"
DAY = 86_400
FIRST, PLANTED, LAST = (
    datetime(2026, month, day, tzinfo=UTC).timestamp() for month, day in ((1, 1), (3, 1), (5, 31))
)
SPREAD = 30 * DAY
"""Over so long the new form comes into use everywhere, a little more each day."""

PEOPLE, TOGETHER = 400, 50
"""People a day, and in one request."""

KNOWN = 0.9
"""Share of the people of whom it turns out what they earn, 7 to 13 days later."""

PACE = 0.2
"""Seconds that a day takes at least, so that no worker stores its share of a day when windows have closed."""


class Day(NamedTuple):
    """What one day brings: people, in the order in which they come, and what is known of earlier ones."""

    start: float
    people: list[dict[str, Any]]
    labels: dict[str, str]


def on_new_form(rows: pd.DataFrame) -> pd.DataFrame:
    """People as the new form has them: hours by contract, and wives among the separated."""
    rows = rows.assign(**{"hours-per-week": rows["hours-per-week"].clip(upper=40)})
    rows.loc[rows["relationship"] == "Wife", ["relationship", "marital-status"]] = ["Unmarried", "Separated"]
    return rows


def days(seed: int = 0) -> Iterator[Day]:
    """Draw people from the audited rows, day by day: until the form changes, nothing but chance differs."""
    rng, audited = np.random.default_rng(seed), pd.read_parquet(ROWS)
    both = pd.concat([audited, on_new_form(audited)])
    due: dict[float, dict[str, str]] = defaultdict(dict)
    for start in np.arange(FIRST, LAST, DAY).tolist():
        drawn = rng.integers(0, len(audited), PEOPLE)
        is_new = rng.random(PEOPLE) < (start - PLANTED) / SPREAD
        rows = both.iloc[drawn + len(audited) * is_new]
        ids = [f"{start:.0f}-{n}" for n in range(PEOPLE)]
        salary, later = rows["salary"].tolist(), rng.integers(7, 14, PEOPLE)
        for n in np.flatnonzero(rng.random(PEOPLE) < KNOWN).tolist():
            due[start + DAY * float(later[n])][ids[n]] = salary[n]
        at = (start + np.sort(rng.random(PEOPLE)) * DAY).tolist()
        people = rows.drop(columns="salary").assign(id=ids, at=at).to_dict("records")
        yield Day(start, people, due.pop(start, {}))


async def send(url: str) -> int:
    """Send all days to a service, one after another; return how many people were decided about."""
    sent = 0
    anew = httpx.Limits(max_keepalive_connections=0)  # a connection a request: each worker gets its share
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=anew) as client:
        for day in days():
            began = time.perf_counter()
            parts = [day.people[n : n + TOGETHER] for n in range(0, PEOPLE, TOGETHER)]
            asked = [client.post("/predict", json={"instances": part}) for part in parts]
            if day.labels:
                asked.append(client.post("/labels", json=_told(day)))
            for answer in await asyncio.gather(*asked):
                answer.raise_for_status()
            sent += len(day.people)
            await asyncio.sleep(max(0.0, PACE - (time.perf_counter() - began)))
    return sent


def _told(day: Day) -> dict[str, Any]:
    return {"ids": list(day.labels), "salary": list(day.labels.values()), "at": day.start}


def replay(url: str) -> int:
    """Send all days; see `send`."""
    return asyncio.run(send(url))
