"""Streams for the tests of the monitor: a small audited system, and stores filled with its decisions."""

from collections import Counter

import numpy as np
import pandas as pd

import trustkit as tk
from trustkit.monitor.state import Batch
from trustkit.monitor.store import Store
from trustkit.monitor.watch import Watch

HOUR = 3600.0
KINDS = ["cells", "histograms", "provenance"]


def audited(n=4000, seed=0, **keys):
    """Evidence of a system whose scores are calibrated and whose groups are alike."""
    rng = np.random.default_rng(seed)
    score = rng.beta(2, 4, n)
    frame = pd.DataFrame(
        {
            "sex": rng.choice(["F", "M"], n),
            "age": rng.integers(18, 80, n),
            "job": rng.choice(["clerk", "driver", "nurse"], n),
            "y": (rng.random(n) < score).astype(int),
            "p": (score > 0.4).astype(int),
            "s": score,
        }
    )
    roles = {"target": "y", "prediction": "p", "score": "s", "favorable": 1, "sensitive": ["sex"]}
    system = tk.System(data=frame, **roles, features=["age", "job"], **keys)
    return tk.collect(system, only=KINDS)


def watch_of(evidence=None, **keys):
    """What is watched of it, in windows of an hour and with labels within a day."""
    return Watch.of(evidence or audited(), **{"window": HOUR, "label_delay": 24 * HOUR, **keys})


def filled(
    watch, hours, *, rows=8, gap=lambda hour: 0.0, labels=True, where=":memory:", seed=1, writer="a", **more
):
    """A store with so many hours of traffic; `gap` is added to the threshold that women have to pass."""
    rng = np.random.default_rng(seed)
    store = Store.open(where)
    store.declare(watch.to_json(), watch.digest)
    recorded = 0
    for day in range(0, hours, 24):
        counts, sums = Counter(), Counter()
        for hour in range(day, min(day + 24, hours)):
            for group in more.get("groups", (0, 1)):
                m = rng.poisson(rows)
                score = rng.beta(*more.get("beta", (2, 4)), m)
                truth = rng.random(m) < score
                for s, t in zip(score.tolist(), truth.tolist(), strict=True):
                    p = int(s > 0.4 + (gap(hour) if group == 0 else 0.0))
                    key = f"{group}|{p}|{min(int(s * 20), 19)}"
                    for name in [("decided", key), *([("labeled", f"{key}|{int(t)}")] if labels else [])]:
                        counts[hour, *name] += 1
                        sums[hour, *name] += int(s * 2**30)
                recorded += m
                age = rng.integers(*more.get("ages", (1, watch.columns["age"].bins)), m)
                for bin, n in Counter(age.tolist()).items():
                    counts[hour, "column", f"0|{bin}"] += n
                for bin, n in Counter(rng.integers(1, 4, m).tolist()).items():
                    counts[hour, "column", f"1|{bin}"] += n
        end = min(day + 24, hours) * HOUR
        cells = {key: (n, sums.get(key, 0)) for key, n in counts.items()}
        store.flush(Batch(writer, day + 1, cells, last_at=end, recorded=recorded))
    return store
