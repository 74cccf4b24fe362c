"""Stores of a monitor for tests: a watch of two groups, and decisions and labels by day."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

import trustkit as tk
from trustkit.monitor.state import Batch
from trustkit.monitor.store import Store
from trustkit.monitor.watch import Watch

DAY = 86400.0
FIRST = 20_000
"""Day since 1970 on which the stream begins: 2024-10-04."""

KINDS = ["cells", "histograms", "provenance"]


def evidence(names=("F", "M"), rows=3000, seed=0):
    rng = np.random.default_rng(seed)
    score = np.clip(rng.beta(2, 4, rows), 0, 1)
    frame = pd.DataFrame(
        {
            "sex": np.array(names, dtype=object)[rng.integers(0, len(names), rows)],
            "age": rng.integers(18, 80, rows),
            "y": (rng.random(rows) < score).astype(int),
            "p": (score > 0.4).astype(int),
            "s": score,
        }
    )
    system = tk.System(
        data=frame, target="y", prediction="p", score="s", favorable=1, sensitive=["sex"],
        features=["age"], name="Loans", version="3",
    )  # fmt: skip
    return tk.collect(system, only=KINDS)


def watch_of(made, **keys):
    return Watch.of(made, **{"window": DAY, "label_delay": 7 * DAY, **keys})


def batch(watch, seq, days, *, rows=40, gap=0.0, columns=True, rng=None, **keys):
    """Decisions of some days, each with its label; the first group needs a score higher by `gap`."""
    rng = rng or np.random.default_rng(seq)
    counts, sums = Counter(), Counter()
    for day in days:
        for group in range(len(watch.labels["sex"]) - 2):
            for _ in range(rows):
                s = float(rng.beta(2, 4))
                chosen, true = int(s > 0.4 + gap * (group == 0)), int(rng.random() < s)
                key = f"{group}|{chosen}|{min(int(s * 20), 19)}"
                for ledger, name in (("decided", key), ("labeled", f"{key}|{true}")):
                    counts[day, ledger, name] += 1
                    sums[day, ledger, name] += int(s * 2**30)
                if columns:
                    reference = np.array(watch.columns["age"].reference, dtype=float)
                    place = rng.choice(len(reference), p=reference / reference.sum())
                    counts[day, "column", f"0|{place}"] += 1
    made = {key: (n, sums.get(key, 0)) for key, n in counts.items()}
    decided = sum(n for (_, ledger, _), n in counts.items() if ledger == "decided")
    last = (max(days) + 1) * DAY if days else None
    return Batch("w", seq, made, **{"last_at": last, "recorded": decided, "closed": True, **keys})


def filled(where, watch, *, days=60, gap_from=None, gap=0.2, **keys):
    """A store with so many days, and a gap between the groups from a day on."""
    store = Store.open(where)
    store.declare(watch.to_json(), watch.digest)
    rng, recorded = np.random.default_rng(1), 0
    for start in range(0, days, 10):
        part = range(FIRST + start, FIRST + min(start + 10, days))
        widened = gap if gap_from is not None and start >= gap_from else 0.0
        made = batch(watch, start // 10 + 1, part, gap=widened, rng=rng, **keys)
        recorded += made.recorded
        store.flush(Batch(**{**vars(made), "recorded": recorded}))
    return store
