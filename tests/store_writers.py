"""A process that writes to a store and notes each flush beside it, for tests of crashes."""

import os
import signal
import sys
import time
from pathlib import Path

from trustkit.monitor.store import Batch, Store

WATCH = '{"window": 3600, "lateness": 0, "label_delay": 86400, "label_ttl": 864000}'

IDS = 4
"""So many decisions of each batch wait for a label; it comes with the next batch."""


def batch(store, writer, seq, size, records):
    """Counts of `size` records in pane 7, of four groups alike; one batch more was taken meanwhile."""
    keys = [f"{group},0|1|{seq % 20}" for group in range(4)]
    at = 7 * 3600.0 + seq
    hashes = [store.hash([f"{writer}/{number}/{i}" for i in range(IDS)]) for number in (seq - 1, seq)]
    return Batch(
        writer,
        seq,
        {(7, "decided", key): (size // 4, size << 18) for key in keys},
        decisions=[(hash, 7, at, key, 0) for hash, key in zip(hashes[1], keys, strict=True)],
        truths=[(hash, 1, at) for hash in hashes[0]] if seq > 1 else [],
        last_at=at,
        recorded=min(records, (seq + 1) * size),
        closed=seq * size >= records,
    )


def write(where, writer, records, size, notes, dies_at):
    """Flush all records, noting on the disk what was tried and what was done."""
    seq = 0

    def now():
        if seq == dies_at > 0:
            os.kill(os.getpid(), signal.SIGKILL)  # within the transaction
        return time.time()

    store = Store.open(where, timeout=60, now=now)
    store.declare(WATCH, "sha256:0")
    with Path(notes).open("a") as file:
        for seq in range(1, records // size + 1):
            for word in ("tried", "done"):
                if word == "done":
                    store.flush(batch(store, writer, seq, size, records))
                file.write(f"{word} {seq}\n")
                file.flush()
                os.fsync(file.fileno())


if __name__ == "__main__":
    where, writer, records, size, notes, dies_at = sys.argv[1:]
    write(where, writer, int(records), int(size), notes, int(dies_at))
