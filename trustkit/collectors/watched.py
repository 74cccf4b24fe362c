"""The collector of what is watched: read the monitor's store and count what stands in it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from trustkit.errors import ConfigError, Problem
from trustkit.evidence import Unavailable
from trustkit.evidence.watched import Watched

if TYPE_CHECKING:
    from trustkit.collectors.sources import Sources
    from trustkit.monitor.status import Status

CHECK = "monitoring/coverage"


def collect_watched(sources: Sources) -> Watched:
    """Read the store that ``options."monitoring/coverage".store`` names.

    Raises
    ------
    Unavailable
        Where none is named, or what is named is no file and no address of a database.
    ConfigError
        For a file that is no store.
    """
    named = sources.system.config.options.get(CHECK, {}).get("store")
    if not isinstance(named, str):
        raise Unavailable("no monitor's store is declared", supply=f'options."{CHECK}".store: its file')
    where = named if "://" in named else str(sources.system.folder / named)
    if "://" not in where and not Path(where).is_file():
        raise Unavailable(
            f"{named!r} is no file, so no monitor's store", supply=f'options."{CHECK}".store: its file'
        )
    from trustkit.monitor.status import Status

    try:
        status = Status.read(where)
    except ConfigError as error:
        found = [problem.found for problem in error.problems]
        raise ConfigError([Problem(f'options."{CHECK}".store', each) for each in found]) from None
    return watched(Path(named).name, status)


def watched(store: str, status: Status) -> Watched:
    """Count what a status says."""
    from trustkit.monitor.silence import gone

    watch, state, ledger = status.watch, status.state, status.tally.decided
    days = [_day(pane * watch.window) for pane in (ledger.panes[[0, -1]] if len(ledger.panes) else ())]
    last = None if state.last_at is None else _day(state.last_at)
    recorded = sum(writer.recorded for writer in state.writers)
    lost = sum(writer.dropped for writer in state.writers)
    lost += sum(writer.behind for writer in gone(state, watch, max(status.now, time.time())))
    standing = {
        name: [f for f in status.alarms if f.check == f"monitoring/{name}"] for name in ("drift", "coverage")
    }
    return Watched(
        schema={"store": store, "watch": watch.digest},
        model=watch.model,
        first_day=days[0] if days else None,
        last_day=last,
        windows=len(ledger.panes),
        decisions=int(ledger.n.sum()),
        labeled=int(status.tally.labeled.n.sum()),
        claims=len(watch.claims),
        columns=len(watch.columns),
        violated=len(status.violated),
        changed=len(standing["drift"]),
        silent=len(standing["coverage"]),
        lost=lost / (recorded + lost) if lost else 0.0,
        incidents=len(state.incidents),
        open=sum(incident.closed is None for incident in state.incidents),
        alarms=tuple(finding.message for finding in status.alarms),
    )


def _day(at: float) -> str:
    return datetime.fromtimestamp(float(at), UTC).date().isoformat()
