"""Copied rows, a copied target and a moved column fail in 20,000 rows, and their clean twins do not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from faults import copied_rows, copied_target, moved_column, table
from simulated import told

import trustkit as tk
from trustkit.collectors import collect
from trustkit.config import Config
from trustkit.system import System

pytestmark = pytest.mark.slow

SEEDS = 20

CONTROLS = 20
"""Alpha is split as it would be over so many sampled controls."""


FAULTS: dict[str, tuple[Callable[..., pd.DataFrame], str, str]] = {
    "2 % of rows copied": (copied_rows, "safety/leakage", "shared::max"),
    "target copied, 1 % noise": (copied_target, "safety/leakage", "single_auc:column=x5:max"),
    "half a standard deviation": (moved_column, "safety/shift", "ks:column=x6:max"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_fails_and_twin_does_not(fault: str) -> None:
    plant, check, claim = FAULTS[fault]
    hits = twins = 0
    for seed in range(SEEDS):
        rng = np.random.default_rng([seed, 77])
        train, audit = table(rng), table(rng)
        hits += f"{check}:{claim}" in failed(plant(rng, audit.copy(), train), train, check)
        twins += bool(failed(audit, train, check))
    told(f"{fault}, found", hits, SEEDS)
    told(f"{fault}, clean twin failed by any claim of the check", twins, SEEDS)
    assert hits >= 0.95 * SEEDS
    assert twins <= 0.05 * SEEDS


def failed(audit: pd.DataFrame, train: pd.DataFrame, check: str) -> set[str]:
    """Claims of a check that fail, at the level that is left to one of many controls."""
    kinds = {"safety/shift": "shifts", "safety/leakage": "overlaps"}
    system = System(data=audit, train=train, target="y", prediction="said", favorable=1)
    evidence = collect(system, only=[kinds[check]])
    assert not evidence.errors
    config = Config.of().replace(policy={"alpha": 0.05 / CONTROLS})
    card = tk.judge(evidence, "unga-78-265", config=config, only=[check])
    return {finding.id for finding in card.findings if finding.verdict == "fail"}
