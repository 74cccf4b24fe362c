"""Simulated evidence, built from counts, and how far a simulated share may be from what is claimed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrc

import trustkit as tk
from trustkit.config import Config
from trustkit.evidence import Evidence
from trustkit.evidence.blocks import Block
from trustkit.evidence.cells import Cells
from trustkit.evidence.tables import Table
from trustkit.scorecard import Finding, Scorecard

LABELS = ("0", "1")
MISSING_SCORE = -1
LEVELS = (0.05, 0.005, 0.0005)


def schema(**roles: bool) -> dict[str, Any]:
    """What evidence with one attribute `group` and labels 0 and 1 declares."""
    none = {"truth": True, "prediction": True, "score": False, "weight": False, "unit": False}
    return {"attributes": ["group"], "bins": {}, "positive": "1", "favorable": ["1"], **none, **roles}


def names(groups: int) -> tuple[str, ...]:
    """Labels of groups, in order."""
    return tuple(f"g{i:02d}" for i in range(groups))


def counted(counts: NDArray[np.int64]) -> Evidence:
    """Evidence of independent rows without a score, from counts of shape (groups, truth, prediction)."""
    codes = np.argwhere(counts > 0)
    codes = np.column_stack([codes, np.full(len(codes), MISSING_SCORE)])
    block = Block(codes, {"n": counts[counts > 0].astype(np.int64)})
    labels = {"group": names(len(counts)), "truth": LABELS, "prediction": LABELS}
    return Evidence(system={}, kinds={"cells": Cells(schema(), labels, block)}, errors={})


def scored(group: Any, truth: Any, prediction: Any, score: Any) -> Evidence:
    """Evidence of independent rows with a score, from columns of codes."""
    axes = {
        "group": (names(int(group.max()) + 1), group),
        "truth": (LABELS, truth),
        "prediction": (LABELS, prediction),
    }
    return Evidence(system={}, kinds={"cells": Cells.count(schema(score=True), axes, score=score)}, errors={})


def judged(
    evidence: Evidence, only: Sequence[str] | None, limits: Any = None, alpha: float = 0.05
) -> Scorecard:
    """Judge by the packaged baseline."""
    config = Config.of().replace(policy={"alpha": alpha}, limits=limits or {})
    return tk.judge(evidence, config=config, only=only)


def claims(card: Scorecard, metric: str) -> list[Finding]:
    """Findings of a metric that have a limit."""
    return [finding for finding in card.findings if finding.metric == metric and finding.limit]


def verdicts(card: Scorecard) -> set[str]:
    """Verdicts that its claims have."""
    return {str(finding.verdict) for finding in card.findings if finding.limit}


def counts_table(n: NDArray[np.int64], **more: Any) -> Table:
    """Table whose groups are independent runs of one simulation."""
    empty = dict.fromkeys(("weight", "weight_squared", "s", "s2", "buckets", "bucket_s"))
    return Table(
        groups=[{"run": str(i)} for i in range(len(n))],
        truths=LABELS,
        predictions=LABELS,
        n=n,
        positive="1",
        favorable=("1",),
        **{**empty, **more},
    )


def share(hits: Iterable[bool]) -> tuple[int, int]:
    """How many of how many."""
    array = np.asarray(list(hits))
    return int(array.sum()), len(array)


def at_most(hits: int, runs: int, claimed: float, level: float = 0.001) -> bool:
    """Whether `hits` of `runs` are no evidence, at `level`, that the chance is more than `claimed`."""
    return bool(bdtrc(hits - 1, runs, claimed) > level) if hits else True


def at_least(hits: int, runs: int, claimed: float, level: float = 0.001) -> bool:
    """Whether `hits` of `runs` are no evidence, at `level`, that the chance is less than `claimed`."""
    return bool(bdtr(hits, runs, claimed) > level)


def told(what: str, hits: int, runs: int) -> None:
    """Print a simulated share with its standard error, as the documentation states it."""
    value = hits / runs
    print(f"{what}: {value:.4f} +- {np.sqrt(value * (1 - value) / runs):.4f} ({hits} of {runs})")  # noqa: T201
