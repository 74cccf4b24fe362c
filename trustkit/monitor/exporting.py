"""The evidence of a stream: the counts of its closed windows, as an audit would have collected them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np

from trustkit.evidence import KINDS, Collected, Evidence
from trustkit.evidence.blocks import SCORE_ONE, Block, Ints
from trustkit.evidence.cells import Cells
from trustkit.evidence.score_bins import score_bins
from trustkit.evidence.tables import MISSING, OTHER
from trustkit.monitor.status import Status
from trustkit.monitor.tally import Ledger
from trustkit.monitor.watch import SCORE_BINS, Watch

_ABSENT = ("the store of a monitor holds counts of decisions alone", "an audit of the system itself")


def stream_evidence(status: Status) -> Evidence:
    """Return the decisions of the windows that have closed, as evidence of kind cells.

    A row has its truth where the time for labels of its window is over, so that
    no label counts for having come early; else its truth is missing. Rates are
    those of the status. Scores were counted in bins of 0.05 with their exact
    sum: sums are exact by cell; their order is that of the bins, each placed at
    its mean; and their squares lack the spread within a bin, at most 0.000625 a
    row.
    """
    watch, tally = status.watch, status.tally
    cells = _cells(watch, tally.decided, tally.labeled)
    rows = cells.rows
    panes = tally.decided.panes
    span = _span(watch.window, int(panes[0]), int(panes[-1])) if len(panes) else "no window has closed yet"
    scored = (
        f"; scores were counted in {SCORE_BINS} bins: each row stands at the mean score of its bin"
        if cells.schema["score"]
        else ""
    )
    said = f"decisions counted by a monitor, {span}{scored}"
    system = {
        **watch.system,
        "sample": f"decisions counted by a monitor, {span}",
        "sensitive": list(watch.attributes),
        "positive": watch.positive,
        "favorable": list(watch.favorable),
    }
    return Evidence(
        system={key: value for key, value in system.items() if value is not None},
        kinds={Cells.kind: cells},
        errors={},
        absent=dict.fromkeys(sorted({*KINDS} - {Cells.kind}), _ABSENT),
        costs=(Collected(Cells.kind, 0.0, rows, sample=said),),
    )


def _span(window: float, first: int, last: int) -> str:
    start, end = (datetime.fromtimestamp(pane * window, UTC) for pane in (first, last + 1))
    return f"from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"


def _cells(watch: Watch, decided: Ledger, labeled: Ledger) -> Cells:
    names = (*watch.axes, "truth", "prediction")
    block = _block(watch, decided, labeled)
    labels = {}
    for axis, name in enumerate(names):
        present, codes = np.unique(block.codes[:, axis], return_inverse=True)
        labels[name] = tuple(watch.labels[name][code] for code in present)
        block.codes[:, axis] = codes
    return Cells(_schema(watch, block, labels), labels, block)


def _schema(watch: Watch, block: Block, labels: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
    classes = {*watch.labels["truth"], *watch.labels["prediction"]} - {MISSING, OTHER}
    return {
        "task": "binary" if len(classes) <= 2 else "multiclass",
        "attributes": list(watch.attributes),
        "bins": {
            name: [label for label in watch.labels[name] if label not in (MISSING, OTHER)]
            for name in watch.edges
        },
        "strata": list(watch.strata),
        "positive": watch.positive,
        "favorable": list(watch.favorable),
        "truth": bool({*labels["truth"]} - {MISSING}),
        "prediction": True,
        "score": bool((block.codes[:, -1] >= 0).any()),
        "weight": False,
        "unit": False,
    }


def _block(watch: Watch, decided: Ledger, labeled: Ledger) -> Block:
    """Rows with their truth, and those of the same groups that have none yet."""
    missing = len(watch.labels["truth"]) - 1
    without = _summed(labeled, missing)
    without = Block(without.codes, {name: -values for name, values in without.sums.items()})
    block = _summed(labeled, None) + (_summed(decided, missing) + without)
    block = block.where(block.sums["n"] > 0)
    n, s = block.sums["n"], np.clip(block.sums["s"], 0, block.sums["n"] * SCORE_ONE)
    bins = block.codes[:, -1].copy()
    block.codes[:, -1] = _at_their_mean(bins, n, s)
    s = np.where(bins >= 0, s, 0)
    squares = np.floor((s / SCORE_ONE) ** 2 / n * SCORE_ONE + 0.5).astype(np.int64)
    sums = {"n": n, "s": s, "s2": squares} if (bins >= 0).any() else {"n": n}
    return Block(block.codes, sums).summed()


def _summed(ledger: Ledger, truth: int | None) -> Block:
    """Counts over all panes; with one truth for all where it is given."""
    groups, prediction, score = ledger.code[:, :-3], ledger.code[:, -3], ledger.code[:, -2]
    truths = ledger.code[:, -1] if truth is None else np.full(len(ledger.n), truth)
    codes = np.column_stack([groups, truths, prediction, score]).astype(np.int64)
    return Block(codes, {"n": ledger.n, "s": (ledger.s * SCORE_ONE).astype(np.int64)}).summed()


def _at_their_mean(bins: Ints, n: Ints, s: Ints) -> Ints:
    """Finer bins in which the means of the scores of the bins lie, of all groups and truths together."""
    known = bins >= 0
    rows = np.bincount(bins[known], weights=n[known], minlength=SCORE_BINS)
    sums = np.bincount(bins[known], weights=s[known] / SCORE_ONE, minlength=SCORE_BINS)
    mean = np.divide(sums, rows, out=np.zeros(SCORE_BINS), where=rows > 0)
    placed = score_bins(np.minimum(mean, 1.0)).astype(np.int64)
    return np.where(known, placed[bins], -1)
