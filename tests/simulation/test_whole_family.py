"""All bias checks that read counts, together, on systems that are fair: how often is a card failed?"""

from __future__ import annotations

import numpy as np
import pytest
from simulated import LABELS, at_most, names, schema, share, told, verdicts

import trustkit as tk
from trustkit.config import Config
from trustkit.evidence import Evidence
from trustkit.evidence.cells import BUCKETS, Cells

pytestmark = pytest.mark.slow

FAMILY = [
    "bias/selection-rate",
    "bias/error-rates",
    "bias/predictive-parity",
    "bias/calibration",
    "bias/ranking",
]
RUNS = 100


def fair(rng: np.random.Generator, rows: int, groups: int, kind: str) -> Evidence:
    """Evidence of a calibrated system that knows no groups."""
    shares = np.ones(groups) if kind == "equal" else 0.85 ** np.arange(groups)
    persons = rows // 5 if kind == "units" else rows
    group = rng.choice(groups, persons, p=shares / shares.sum())
    score = rng.beta(0.8, 1.2, persons)
    truth = (rng.random(persons) < score).astype(np.int64)
    bucket = rng.integers(0, BUCKETS, persons) if kind == "units" else None
    if kind == "units":  # four of five rows repeat the person's own
        person = np.repeat(np.arange(persons), 5)
        anew = rng.random(len(person)) < 0.2
        group, bucket = group[person], bucket[person]
        again = rng.beta(0.8, 1.2, len(person))
        score = np.where(anew, again, score[person])
        truth = np.where(anew, rng.random(len(person)) < again, truth[person]).astype(np.int64)
    weight = rng.lognormal(0, 0.7, len(group)) if kind == "weights" else None
    axes = {
        "group": (names(groups), group),
        "truth": (LABELS, truth),
        "prediction": (LABELS, (score >= 0.5).astype(np.int64)),
    }
    declared = schema(score=True, weight=kind == "weights", unit=kind == "units")
    cells = Cells.count(declared, axes, score=score, weight=weight, bucket=bucket)
    return Evidence(system={}, kinds={"cells": cells}, errors={})


@pytest.mark.parametrize("kind", ["equal", "unequal", "weights", "units"])
@pytest.mark.parametrize(
    ("groups", "rows"), [(2, 500), (2, 50_000), (6, 2000), (12, 10_000), (40, 2000), (40, 50_000)]
)
def test_a_fair_system_is_seldom_failed(groups: int, rows: int, kind: str) -> None:
    rng = np.random.default_rng([groups, rows, len(kind)])
    config = Config.of().replace(policy={"use": ["unga-78-265"]})
    failed = []
    for _ in range(RUNS):
        card = tk.judge(fair(rng, rows, groups, kind), config=config, only=FAMILY)
        failed.append("fail" in verdicts(card))
    told(f"all counted bias checks, {groups} {kind} groups, {rows} rows: cards failed", *share(failed))
    assert at_most(*share(failed), 0.05)
