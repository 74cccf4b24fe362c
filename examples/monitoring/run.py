"""All of it by one command: evidence, service, five months, and what the monitor says of them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trustkit.monitor.status import Status

HERE = Path(__file__).resolve().parent
NEEDED = ("fastapi", "httpx", "uvicorn")
WORKERS = 2
STORING = {"lateness": "3d", "flush_seconds": 0.25}
"""A day takes a fifth of a second here: workers store four times a second, and windows wait for the other."""


def main() -> None:
    """Run the example in a new folder, or in the one that is named."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        sys.exit(f"this example needs {' and '.join(missing)}: pip install {' '.join(missing)}")
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="trustkit-monitoring-"))
    folder.mkdir(parents=True, exist_ok=True)
    evidence, store, page = (folder / name for name in ("evidence.json", "monitor.db", "monitor.html"))
    if store.exists():
        sys.exit(f"{store} is there already: name another folder, a monitor goes on with its store")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an end that takes the service along
    began = time.perf_counter()
    collect(evidence)
    with service(evidence=evidence, store=store, **STORING) as url:
        from replay import replay

        print(f"{WORKERS} workers at {url}; five months of people are on their way")
        sent = replay(url)
    command = [sys.executable, "-m", "trustkit", "monitor"]
    subprocess.run([*command, "status", store], check=False)
    subprocess.run([*command, "report", store, "-o", page], check=False)
    print()
    for line in told(store, sent):
        print(line)
    print(f"\n{page}, after {time.perf_counter() - began:.0f} s")


def collect(evidence: Path) -> None:
    """Collect what a monitor needs of an audit; `trustkit collect` collects all that any policy asks."""
    import trustkit as tk

    system = tk.System.read(HERE / "trustkit.toml")
    tk.collect(system, only=["cells", "histograms", "provenance"]).save(evidence)


@contextmanager
def service(*, workers: int = WORKERS, **settings: object) -> Iterator[str]:
    """Have the service up at a free port, with settings in its environment; it ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = [sys.executable, "-m", "uvicorn", "service:app", "--port", str(port), "--workers", str(workers)]
    process = subprocess.Popen(
        [*serve, "--log-level", "warning", "--no-access-log"],
        cwd=HERE,
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)]),
            "OMP_NUM_THREADS": "1",
            **{name.upper(): str(value) for name, value in settings.items()},
        },
        start_new_session=True,
    )
    try:
        _wait(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()  # the workers finish what they have, and store it
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, seconds: float = 60) -> None:
    """Wait until the service answers."""
    until = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < until:
        with socket.socket() as client:
            client.settimeout(1)
            if not client.connect_ex(("127.0.0.1", port)) and _answers(port):
                return
        time.sleep(0.1)
    raise RuntimeError("the service does not answer")


def _answers(port: int) -> bool:
    import httpx

    try:
        return httpx.get(f"http://127.0.0.1:{port}/openapi.json", timeout=10).is_success
    except httpx.HTTPError:
        return False


def told(store: Path, sent: int) -> Iterator[str]:
    """What was planted and when each alarm came, as the counts in the store have it."""
    from replay import DAY, PLANTED

    status = judged(store)
    alarms = first_alarms(status)
    yield f"{'planted in the third month':72} {_day(PLANTED)}"
    for what, at in alarms:
        yield f"{what:72} {_day(at)}  {(at - PLANTED) / DAY:+.0f} days"
    early = [what for what, at in alarms if at <= PLANTED]
    yield f"alarms in months 1 and 2: {len(early) or 'none'}"
    decided = status.tally.total("decided")
    late = sum(finding.estimate for finding in status.findings if finding.metric == "late")
    writers = status.state.writers
    shares = " + ".join(f"{writer.flushed:,}" for writer in writers if writer.flushed)
    yield f"{sent:,} people sent, {decided:,} counted ({shares} by {len(writers)} workers), {late:.2%} late"


def judged(store: Path) -> Status:
    """The status of a store, with the course of each claim."""
    from trustkit.monitor.status import Status

    return Status.read(store)


def first_alarms(status: Status) -> list[tuple[str, float]]:
    """What first stood, and when: once the day that settled it was judged, with its labels if need be."""
    from math import log

    from trustkit.judging.claims import subject_text
    from trustkit.measure.betting import detector

    watch, found = status.watch, []
    for claim in watch.claims:
        course, name = status.courses[claim.id], f"{claim.title}, {subject_text(claim.subject)}"
        alarms = {
            "changed": detector(course.bets()(claim.bound, claim.side)) >= status.threshold,
            "violated since deployment": course.log_e >= -log(watch.alpha * claim.weight),
        }
        wait = watch.label_delay if claim.labeled else 0
        found += [(f"{kind}: {name}", course.panes[stands], wait) for kind, stands in alarms.items()]
    for shift in status.shifts:
        stands = detector(shift.log_e) >= status.threshold
        found.append((f"changed: {shift.of} of {shift.column}", shift.panes[stands], 0))
    first = [
        (what, (int(panes[0]) + 1) * watch.window + watch.lateness + wait)
        for what, panes, wait in found
        if len(panes)
    ]
    return sorted(first, key=lambda alarm: alarm[1])


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


if __name__ == "__main__":
    main()
