"""The monitor: the claims that gated a release, watched over what the model goes on to decide."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from trustkit.checks.monitoring.coverage import coverage
from trustkit.config import Config
from trustkit.errors import ConfigError, Problem, nearest
from trustkit.evidence import Evidence
from trustkit.monitor.calls import Rows, Truths, kept, only, rows_in, table_of
from trustkit.monitor.coding import Coder
from trustkit.monitor.faults import Faults
from trustkit.monitor.moments import seconds
from trustkit.monitor.recorder import Recorder
from trustkit.monitor.state import Alarm
from trustkit.monitor.status import Status, finding
from trustkit.monitor.store import Store, StoreFault
from trustkit.monitor.watch import Watch
from trustkit.policy import Policy
from trustkit.scorecard import Finding, Verdict

if TYPE_CHECKING:
    from trustkit.monitor.hooks.eventlog import EventLog
    from trustkit.monitor.hooks.events import CallEvents

Model = TypeVar("Model")

LOOKS = 20
"""Looks for alarms that no one waits for take at most one in so many seconds."""

_OPTIONS = (
    "store", "alpha", "window", "label_delay", "label_ttl", "lateness", "windows", "rows_per_person",
    "config", "columns", "flush_rows", "flush_seconds", "capacity", "log",
)  # fmt: skip


class Monitor:
    """Watches a deployed model: records what it decides, and judges the claims of its audit on it.

    Nothing that is recorded, and no fault of the monitor, is raised into the
    service: it is counted, logged once a kind by ``trustkit.monitor``, and
    shown in `status`. Values of inputs and ids never reach the store: only
    counts by bin and group, and keyed hashes of the ids that wait for a label.

    Parameters
    ----------
    evidence : Evidence or path
        Of the audit: groups, bins and reference.
    policy : str or Policy, optional
        Whose limits are watched: by default those of `config`, or the default policy.
    store : str or path
        A file of SQLite, ``postgresql://...``, or ``:memory:``.
    alpha : float
        Chance that any claim is called violated though it holds, over the monitor's whole life.
    window, label_delay, label_ttl, lateness : str or float
        Spans of time: of a pane; after which a pane's labels are judged; after
        which a label is no longer waited for; by which a pane closes after its
        end. ``90s``, ``15m``, ``1h``, ``28d``, ``2w``, or seconds.
    windows : int
        Over so many windows at most one false alarm of change is to be expected.
    rows_per_person : int
        The most rows that one person has in a window.
    config : Config or path, optional
        Limits, options and policies, as `judge` takes them.
    columns : sequence of str, optional
        Columns of an array that comes without names; by default the audited inputs.
    flush_rows, flush_seconds : int, float
        What was recorded is stored after so many rows or seconds, whichever
        comes first; under load by the seconds alone. The end of a process by
        force loses what was recorded since.
    log : EventLog or path, optional
        Where each recorded call, and each alarm, becomes an event.
    capacity : int
        So many rows may wait to be counted, and entries to be stored; what comes then is dropped and counted.

    Attributes
    ----------
    watched : Watch
        What is watched.
    faults : Faults
        What went wrong in this process.

    Raises
    ------
    ConfigError
        For a wrong argument, evidence without counts, or a store of another watch.
    """

    def __init__(
        self,
        evidence: Evidence | str | os.PathLike[str],
        policy: str | Policy | None = None,
        *,
        store: str | os.PathLike[str] = "monitor.db",
        alpha: float = 0.05,
        window: str | float = "1h",
        label_delay: str | float = "28d",
        label_ttl: str | float = "90d",
        lateness: str | float = "0s",
        windows: int = 10_000,
        rows_per_person: int = 1,
        config: Config | str | os.PathLike[str] | None = None,
        columns: list[str] | tuple[str, ...] | None = None,
        flush_rows: int = 1000,
        flush_seconds: float = 1.0,
        capacity: int = 100_000,
        log: EventLog | str | os.PathLike[str] | None = None,
        **unknown: Any,
    ) -> None:
        spans = _checked(
            unknown,
            spans={
                "window": window,
                "label_delay": label_delay,
                "label_ttl": label_ttl,
                "lateness": lateness,
            },
            counts={
                "windows": windows,
                "rows_per_person": rows_per_person,
                "flush_rows": flush_rows,
                "capacity": capacity,
            },
            more={"alpha": alpha, "flush_seconds": flush_seconds, "store": store, "evidence": evidence},
        )
        audited = evidence if isinstance(evidence, Evidence) else Evidence.load(Path(evidence))
        watch = Watch.of(
            audited,
            policy,
            config=config if isinstance(config, Config) or config is None else Config.read(Path(config)),
            alpha=float(alpha),
            windows=windows,
            rows_per_person=rows_per_person,
            **spans,
        )
        self.watched = Watch.from_json(watch.to_json())  # as every reader of the store has it
        self.faults = Faults()
        self._store = Store.open(store)
        histograms = audited.kinds.get("histograms")
        self._columns = tuple(columns or getattr(histograms, "schema", {}).get("columns", ()))
        self._callbacks: list[Callable[[Finding], object]] = []
        self._looked: tuple[int | None, float] = (None, 0.0)
        self._recorder = Recorder(
            self._store,
            (watch.to_json(), watch.digest),
            Coder(self.watched, self._columns),
            self.faults,
            flush_rows=flush_rows,
            flush_seconds=float(flush_seconds),
            capacity=capacity,
            after=self._look,
            log=self._log_of(log),
        )
        self.faults.then = self._recorder.start
        try:
            self._recorder.declare()
        except StoreFault as fault:  # the service begins all the same, and the store may come back
            self.faults.count("store", str(fault))

    def _log_of(self, log: EventLog | str | os.PathLike[str] | None) -> CallEvents | None:
        if log is None:
            return None
        from trustkit.monitor.hooks.eventlog import EventLog
        from trustkit.monitor.hooks.events import CallEvents

        made = log if isinstance(log, EventLog) else EventLog(log)
        self._callbacks.append(made.alarm)
        return CallEvents(made, self.watched, self._store.hash)

    def __enter__(self) -> Self:
        """Return the monitor, which `close` ends."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def watch(
        self,
        model: Model,
        *,
        columns: list[str] | tuple[str, ...] | None = None,
        sensitive: Callable[[Any], Any] | None = None,
        ids: str | Callable[[Any], Any] | None = None,
        at: str | Callable[[Any], Any] | None = None,
    ) -> Model:
        """Return the model as it is, whose calls are recorded.

        Parameters
        ----------
        model : estimator or callable
            Its ``predict``, ``predict_proba``, ``decision_function`` and calls
            of itself are recorded. Asked for probabilities alone, the class of
            the highest counts as its decision; one that is made otherwise is
            to be told by `record`. The same rows asked twice in a row by one
            thread, by different methods, are one record.
        columns : sequence of str, optional
            Columns of an array: by default the model's ``feature_names_in_``.
        sensitive, ids, at : callable, or column, optional
            Of the inputs: what `record` takes of that name.

        Returns
        -------
        object
            It has the model's attributes and methods, is of its class by
            ``isinstance``, and pickles as the bare model.
        """
        from trustkit.monitor.watching import watched

        return watched(model, self, columns=columns, sensitive=sensitive, ids=ids, at=at)

    def record(
        self,
        X: Any = None,
        *,
        prediction: Any,
        score: Any = None,
        sensitive: Any = None,
        ids: Any = None,
        at: Any = None,
        latency: float | None = None,
    ) -> None:
        """Record decisions; never raises, and never waits.

        Parameters
        ----------
        X : frame, array, list of dicts, or one row of these, optional
            Inputs.
        prediction : label, or one a row
            What was decided.
        score : float, or one a row, optional
            P(positive).
        sensitive : mapping or frame, optional
            By attribute or stratum, a group or one a row; taken from `X` where it has them.
        ids : text or number, or one a row, optional
            By which labels are joined later.
        at : time, or one a row, optional
            When: datetime, ISO 8601 text or seconds since 1970; without a
            zone UTC. By default, and where it is missing, now. Rows whose time
            cannot be read, or is more than a day ahead, are left out, and a fault.
        latency : float, optional
            Seconds that the decisions took together.
        """
        try:
            if latency is not None and not _is_latency(latency):
                self.faults.count("latency", "is no number of seconds, and is left out")
                latency = None
            call = self._call(X, prediction, score, sensitive, ids, at, latency=latency)
            if call is not None:
                self._recorder.put(call)
        except Exception as error:
            self.faults.count("record", error)

    def label(self, ids: Any, truth: Any, at: Any = None) -> None:
        """Join the truth to decisions that were recorded, or will be; never raises, and never waits.

        Parameters
        ----------
        ids : text or number, or one a row
            As they were recorded.
        truth : label, or one a row
            What turned out.
        at : time, or one a row, optional
            When the labels came: by default now.
        """
        try:
            n = rows_in(ids)
            if n is None and rows_in(truth) is not None:
                ids, n = [ids], 1
            if n == 0 and not rows_in(truth):
                return
            if n is not None and rows_in(truth) not in (None, n):
                self.faults.count("label", f"there are {n} ids and {rows_in(truth)} labels")
                return
            self._recorder.put(Truths(kept(ids), kept(truth), time.time() if at is None else kept(at)))
        except Exception as error:
            self.faults.count("label", error)

    def status(self) -> list[Finding]:
        """Store what was recorded, and judge all that the store holds as of now.

        Returns
        -------
        list of Finding
            Claims, changes and silences; where the store cannot be read, one
            of ``monitoring/coverage`` with the verdict *error*.
        """
        try:
            self.flush()
            return self._judged().findings
        except Exception as error:
            self.faults.count("status", str(error) if isinstance(error, StoreFault) else error)
            return [_unread(error)]

    def on_alarm(self, callback: Callable[[Finding], object]) -> None:
        """Have a function called with each new alarm, in the background.

        An alarm is told once by all processes of a store; a callback that
        raises is a fault of the monitor.

        Parameters
        ----------
        callback : callable
            Takes a `Finding`. Of one with an attribute `faults`, as a webhook,
            that becomes the monitor's: what it could not tell is shown in `status` too.
        """
        if hasattr(callback, "faults"):
            callback.faults = self.faults
        self._callbacks.append(callback)

    def flush(self) -> None:
        """Store what was recorded, and return when that is done or has failed."""
        self._recorder.flush()

    def close(self) -> None:
        """Store what was recorded, and record no more."""
        self._recorder.close()
        self._store.close()

    def _call(
        self,
        X: Any,
        prediction: Any,
        score: Any,
        sensitive: Any,
        ids: Any,
        at: Any,
        names: tuple[str, ...] | None = None,
        latency: float | None = None,
    ) -> Rows | None:
        """Copies of all parts of a call; None where there is no row, or, a fault, unequal numbers of them."""
        n = rows_in(prediction)
        rows = 1 if n is None else n
        if isinstance(at, list | tuple) and at and all(each is None for each in at):
            at = None
        for kind, part in (("score", score), ("ids", ids), ("at", at)):
            if part is not None and rows_in(part) not in (None, rows):
                self.faults.count("record", f"there are {rows} decisions and {rows_in(part)} of `{kind}`")
                return None
        if not rows:
            if X is not None and not isinstance(X, Mapping) and rows_in(X):
                self.faults.count("record", f"there are no decisions, and {rows_in(X)} rows of inputs")
            return None
        if n == 1:
            prediction, score, ids, at = map(only, (prediction, score, ids, at))
        now = time.time()
        return Rows(
            rows,
            None if X is None else table_of(X, rows),
            names,
            kept(prediction),
            kept(score),
            kept(sensitive),
            kept(ids),
            now if at is None else kept(at),
            at is not None,
            latency,
            now,
        )

    def take(
        self,
        X: Any,
        *,
        prediction: Any,
        score: Any,
        names: tuple[str, ...] | None,
        latency: float,
        **parts: Any,
    ) -> Rows | None:
        """Record a call of a watched model, to which this thread may `add`; None where it cannot be."""
        call = self._call(
            X,
            prediction,
            score,
            parts.get("sensitive"),
            parts.get("ids"),
            parts.get("at"),
            names,
            latency,
        )
        if call is not None:
            self._recorder.hold(call)
        return call

    def add(self, call: Rows, change: Callable[[Rows], None]) -> None:
        """Add to a call that this thread took last, unless it is counted already."""
        self._recorder.change(call, change)

    def _judged(self) -> Status:
        state = self._store.read()
        return Status.of(state, self.watched, time.time() if self._recorder.is_live else None)

    def _look(self, asked: bool) -> None:
        """Tell of new alarms, once a pane has closed, or a caller waits for it."""
        if not self._callbacks:
            return
        pane, free = self._looked
        reached = time.time() if self._recorder.is_live else self._recorder.last_at
        now = None if reached is None else int(reached // self.watched.window)
        if not asked and (now == pane or time.monotonic() < free):
            return
        started = time.monotonic()
        try:
            self._tell(self._judged())
        except Exception as error:
            self.faults.count("alarm", str(error) if isinstance(error, StoreFault) else error)
        ended = time.monotonic()
        self._looked = (now, ended + LOOKS * (ended - started))

    def _tell(self, status: Status) -> None:
        standing = {alarm.id: alarm for alarm in status.alarms}
        at = status.now
        for alarm in self._store.alarms():
            if alarm.ended is None and alarm.id not in standing:
                self._store.end_alarm(alarm.id, at)
        for id, found in standing.items():
            p = found.p_fail
            alarm = Alarm(
                id=id,
                kind=_KINDS.get(found.check, "violated"),
                first_pane=status.state.closed_through,
                at=at,
                e=1 / p if p else None,
                json=found.model_dump_json(),
            )
            if self._store.add_alarm(alarm):
                for callback in self._callbacks:
                    try:
                        callback(found)
                    except Exception as error:
                        self.faults.count("callback", error)


def _is_latency(seconds: Any) -> bool:
    return isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < float("inf")


_KINDS = {"monitoring/drift": "changed", "monitoring/coverage": "silent"}


def _unread(error: Exception) -> Finding:
    words = (
        f"the store cannot be read: {error}"
        if isinstance(error, StoreFault)
        else f"the status raised {type(error).__name__}"
    )
    id, version = f"{coverage.id}:store:", coverage.version
    return finding(id, coverage.id, version, "store", {}, Verdict.ERROR, words, why=words)


def _checked(
    unknown: Mapping[str, Any],
    *,
    spans: Mapping[str, Any],
    counts: Mapping[str, Any],
    more: Mapping[str, Any],
) -> dict[str, float]:
    """Read the spans of time, and find all that is wrong with the arguments."""
    problems = [Problem(key, "is no option of a monitor", nearest(key, _OPTIONS)) for key in unknown]
    found = {}
    for key, span in spans.items():
        try:
            found[key] = seconds(key, span, least=0.001 if key == "window" else 0.0)
        except ConfigError as error:
            problems += error.problems
    for key, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            problems.append(Problem(key, f"{count!r} is no whole number of at least 1"))
    alpha, flush, store, evidence = (more[key] for key in ("alpha", "flush_seconds", "store", "evidence"))
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 < alpha < 1:
        problems.append(Problem("alpha", f"{alpha!r} is no chance between 0 and 1"))
    if isinstance(flush, bool) or not isinstance(flush, int | float) or not flush > 0:
        problems.append(Problem("flush_seconds", f"{flush!r} is no number of seconds above 0"))
    if {"label_ttl", "label_delay"} <= found.keys() and found["label_ttl"] < found["label_delay"]:
        problems.append(Problem("label_ttl", "is shorter than label_delay: no label could be judged"))
    problems += _of_store(store)
    if not isinstance(evidence, Evidence | str | os.PathLike):
        problems.append(
            Problem("evidence", f"is a {type(evidence).__name__}, not evidence or the path of its file")
        )
    if problems:
        raise ConfigError(problems)
    return found


def _of_store(store: Any) -> list[Problem]:
    if not isinstance(store, str | os.PathLike):
        return [
            Problem("store", f"is a {type(store).__name__}, not a path, `postgresql://...` or `:memory:`")
        ]
    text = os.fspath(store)
    if "://" in text or text == ":memory:":
        return []
    folder = Path(text).absolute().parent
    return (
        []
        if folder.is_dir()
        else [Problem("store", f"there is no folder {folder.name!r} for {Path(text).name}")]
    )
