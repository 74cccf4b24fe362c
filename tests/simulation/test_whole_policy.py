"""The whole packaged baseline on a system that respects every limit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from simulated import at_most, claims, counted, judged, scored, share, told, verdicts

import trustkit as tk

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("groups", [2, 6])
def test_a_fair_calibrated_skillful_system_is_seldom_failed(groups: int) -> None:
    rng = np.random.default_rng(groups)
    failed = []
    for _ in range(500):
        score = rng.beta(0.8, 1.0, 2000)
        truth = (rng.random(2000) < score).astype(np.int64)
        group = rng.integers(0, groups, 2000)
        card = judged(scored(group, truth, (score >= 0.5).astype(np.int64), score), None)
        failed.append("fail" in verdicts(card))
    told(f"whole policy, {groups} groups, 2000 rows: cards failed", *share(failed))
    assert at_most(*share(failed), 0.05)


def test_counts_give_the_card_of_rows() -> None:
    rng = np.random.default_rng(11)
    group, truth, prediction = rng.integers(0, 3, 900), rng.integers(0, 2, 900), rng.integers(0, 2, 900)
    counts = np.zeros((3, 2, 2), dtype=np.int64)
    np.add.at(counts, (group, truth, prediction), 1)
    rows = pd.DataFrame({"group": [f"g{g:02d}" for g in group], "truth": truth, "prediction": prediction})
    only = ["bias/selection-rate", "bias/error-rates"]
    card = tk.audit(
        data=rows, target="truth", prediction="prediction", favorable=1, sensitive=["group"], only=only
    )
    mine = judged(counted(counts), only)
    assert [finding.model_dump() for finding in mine.findings] == [f.model_dump() for f in card.findings]
    assert claims(mine, "ratio")
