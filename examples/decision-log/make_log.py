"""Write compas.csv: ProPublica's published counts by race, each count made that many equal rows."""

from __future__ import annotations

import csv
from pathlib import Path

COLUMNS = ("race", "recidivated", "predicted")
CELLS = ((0, 0), (0, 1), (1, 0), (1, 1))  # (recidivated, predicted): TN, FP, FN, TP
COUNTS = {  # race: TN, FP, FN, TP
    "African-American": (990, 805, 532, 1369),
    "Caucasian": (1139, 349, 461, 505),
    "Hispanic": (318, 87, 129, 103),
    "Other": (208, 36, 90, 43),
    "Asian": (21, 2, 3, 6),
    "Native American": (5, 3, 1, 9),
}


def rows() -> list[tuple[str, int, int]]:
    """Rows of the log, in the order of the table above."""
    return [
        (race, *cell)
        for race, counts in COUNTS.items()
        for cell, count in zip(CELLS, counts, strict=True)
        for _ in range(count)
    ]


def write(path: Path) -> None:
    """Write the log as csv."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows())


if __name__ == "__main__":
    write(Path(__file__).with_name("compas.csv"))
