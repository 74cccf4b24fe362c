"""The example service at 200 requests a second, with and without the monitor's middleware, in turns.

``python benchmarks/middleware.py [--seconds 60] [--block 5] [--rate 200]``, on a quiet machine. Both
services are up, and are asked in turns of a few seconds, so that what else the machine does falls on both.
Requests are sent when they are due, whether or not earlier ones were answered, and timed from when they were
due, so a stall counts for all that wait behind it. Midway through a last run the store is made unwritable:
every request must be answered all the same, and the status must say what is not stored.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "examples" / "monitoring")]

from run import collect, judged, service  # noqa: E402 (it is no package)

from benchmarks.timing import Taken, medians, seconds, table, versions  # noqa: E402

HEAD = (
    b"POST /predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
)
WARM = 6.0
"""Seconds of each service that are not counted: a new process loads and compiles with its first requests."""

REQUESTS = 300
"""Requests in one process, of which the processor time is taken."""


class Run(NamedTuple):
    """Answers of success, requests sent, and latencies in seconds."""

    answered: int
    sent: int
    latency: list[float]

    def quantile(self, q: float) -> float:
        """Latency that a share of the requests stays under, in ms."""
        return float(np.quantile(self.latency, q)) * 1e3


async def post(port: int, body: bytes) -> bool:
    """Send a request on a connection of its own, which a free worker takes; tell whether it succeeded."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD % len(body) + body)
        answer = await reader.read()
    except OSError:
        return False
    writer.close()
    return answer.startswith(b"HTTP/1.1 200") and b"predictions" in answer


async def load(
    url: str, bodies: Sequence[bytes], rate: int, seconds: float, midway: Callable[[], object] = lambda: None
) -> Run:
    """Send requests at a rate, each when it is due; call `midway` after half of the time."""
    port, total = int(url.rsplit(":", 1)[1]), int(rate * seconds)
    began = time.perf_counter()

    async def one(number: int) -> tuple[bool, float]:
        is_answered = await post(port, bodies[number % len(bodies)])
        return is_answered, time.perf_counter() - began - number / rate

    tasks = []
    for number in range(total):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(one(number)))
        if number == total // 2:
            midway()
    told = await asyncio.gather(*tasks)
    return Run(sum(answered for answered, _ in told), total, [latency for _, latency in told])


def in_turns(
    urls: Mapping[str, str], sent: Sequence[bytes], asked: argparse.Namespace
) -> dict[str, list[Run]]:
    """Runs of each service, a block at a time, the one that goes first in a pair changing."""
    found: dict[str, list[Run]] = {name: [] for name in urls}
    for url in urls.values():
        asyncio.run(load(url, sent, asked.rate, WARM))
    for pair in range(max(1, round(asked.seconds / asked.block))):
        for name in sorted(urls, reverse=bool(pair % 2)):
            found[name].append(asyncio.run(load(urls[name], sent, asked.rate, asked.block)))
    return found


def bodies() -> list[bytes]:
    """Requests of one person each."""
    from replay import days

    people: list[dict[str, Any]] = next(days()).people
    for person in people:
        del person["at"], person["id"]  # it is now, and no label comes
    return [json.dumps({"instances": [person]}).encode() for person in people]


def unwritable(store: Path) -> None:
    """Move the store's folder away, and put a folder where the store was."""
    store.parent.rename(store.parent.with_suffix(".gone"))
    store.mkdir(parents=True)


def writable(store: Path) -> None:
    """Bring the store back."""
    shutil.rmtree(store.parent)
    store.parent.with_suffix(".gone").rename(store.parent)


def processor(folder: Path, evidence: Path, bodies: Sequence[bytes]) -> dict[str, Taken]:
    """Processor time of some requests, without a network: all threads, the storing of counts included."""
    import service as served

    bare = served.app
    os.environ |= {"EVIDENCE": str(evidence), "STORE": str(folder / "inside.db")}
    watched = importlib.reload(served)
    calls = {"without": partial(_asked, bare, bodies), "with": partial(_asked, watched.app, bodies)}
    found = medians(calls, runs=3)
    watched.monitor.close()
    return found


def _asked(app: Any, bodies: Sequence[bytes]) -> None:
    async def all_of_them() -> None:
        transport = httpx.ASGITransport(app)
        headers = {"content-type": "application/json"}
        async with httpx.AsyncClient(transport=transport, base_url="http://x", headers=headers) as client:
            for number in range(REQUESTS):
                answer = await client.post("/predict", content=bodies[number % len(bodies)])
                answer.raise_for_status()

    asyncio.run(all_of_them())


def main() -> None:
    """Print the latencies of both, and what became of the unwritable store."""
    read = argparse.ArgumentParser(description=__doc__)
    read.add_argument("--seconds", type=float, default=60)
    read.add_argument("--block", type=float, default=5)
    read.add_argument("--rate", type=int, default=200)
    asked = read.parse_args()
    folder, sent = Path(tempfile.mkdtemp(prefix="middleware-")), bodies()
    evidence = folder / "evidence.json"
    collect(evidence)
    with (
        service() as bare_url,
        service(evidence=evidence, store=folder / "monitor.db") as watched_url,
    ):
        found = in_turns({"without": bare_url, "with": watched_url}, sent, asked)
    print(versions("fastapi", "uvicorn") + f"; {asked.rate} requests/s, {asked.seconds:g} s of each\n")
    print(table(("", "bare, ms", "watched, ms", "more"), _rows(found)))
    slower = sum(w.quantile(0.99) > b.quantile(0.99) for b, w in zip(*found.values(), strict=True))
    print(f"\nThe watched p99 is the higher one in {slower} of {len(found['with'])} pairs of blocks.")
    lost = sum(run.sent - run.answered for runs in found.values() for run in runs)
    print(f"Requests without an answer: {lost}.")
    _midway(folder, evidence, sent, asked)
    bare, watched = processor(folder, evidence, sent).values()
    print(
        f"Processor time a request, httpx's included: {seconds(bare.cpu / REQUESTS)} without, "
        f"{seconds(watched.cpu / REQUESTS)} with ({watched.cpu / bare.cpu - 1:+.0%})."
    )
    shutil.rmtree(folder)


def _rows(found: Mapping[str, list[Run]]) -> Iterator[tuple[str, ...]]:
    """Quantiles of all requests, and of the median block."""
    both = [Run(0, 0, [each for run in runs for each in run.latency]) for runs in found.values()]
    for q in (0.5, 0.9, 0.99):
        for what, pair in (
            ("all requests", [run.quantile(q) for run in both]),
            ("median block", [statistics.median(run.quantile(q) for run in runs) for runs in found.values()]),
        ):
            yield f"p{100 * q:g}, {what}", *(f"{each:.1f}" for each in pair), f"{pair[1] / pair[0] - 1:+.0%}"


def _midway(folder: Path, evidence: Path, sent: Sequence[bytes], asked: argparse.Namespace) -> None:
    """Take the store away midway, ask for the status, and bring the store back before the service ends."""
    store = folder / "midway" / "monitor.db"
    store.parent.mkdir()
    with service(evidence=evidence, store=store) as url:
        run = asyncio.run(load(url, sent, asked.rate, asked.seconds, lambda: unwritable(store)))
        meanwhile = httpx.get(f"{url}/status", timeout=60).json()
        writable(store)
    status = judged(store)
    writers = status.state.writers
    told = [finding.message for finding in status.findings if finding.metric in ("lost", "faults")]
    print(
        f"Store replaced by a folder midway: {run.answered:,} of {run.sent:,} requests answered, p99 "
        f"{run.quantile(0.99):.1f} ms. Status of a worker meanwhile: {'; '.join(meanwhile)}. Brought back "
        f"before the service ended: {sum(writer.recorded for writer in writers):,} decisions recorded, "
        f"{sum(writer.flushed for writer in writers):,} stored. Status then: {'; '.join(told)}."
    )


if __name__ == "__main__":
    main()
