"""The collector of histograms: count the values of each input, numbers by their first three digits."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from trustkit.collectors.keys import numbers_of
from trustkit.collectors.sources import Sources
from trustkit.evidence.histograms import MOST_LABELS, Histogram, Histograms
from trustkit.evidence.tables import MISSING, OTHER
from trustkit.frames import Frame, FrameError

FEWEST_A_LABEL = 5
"""A column with fewer rows a label is of free text or names; a label with fewer rows is one of the others."""


def collect_histograms(sources: Sources) -> Histograms:
    """Count the audited rows by the value of each input."""
    names = sources.input_names
    return Histograms({"columns": names}, {name: _histogram(sources.inputs, name) for name in names})


def _histogram(frame: Frame, name: str) -> Histogram:
    with suppress(FrameError):
        values = numbers_of(frame, name)
        counts = cut_to_digits(values[np.isfinite(values)])
        return Histogram("numbers", counts, len(values) - sum(counts.values()), len(values))
    try:
        labels = frame.labels(name)
    except FrameError:  # values of which none is a label: lists, say
        return Histogram("text", {}, 0, frame.rows)
    counts = dict(
        zip(labels.names, np.bincount(labels.codes, minlength=len(labels.names)).tolist(), strict=True)
    )
    missing = counts.pop(MISSING, 0)
    if len(counts) > min(MOST_LABELS, max(10, frame.rows / FEWEST_A_LABEL)):
        return Histogram("text", {}, missing, frame.rows)
    kept = {label: n for label, n in counts.items() if n >= FEWEST_A_LABEL}
    if others := sum(counts.values()) - sum(kept.values()):
        kept[OTHER] = others
    return Histogram("labels", kept, missing, frame.rows)


def cut_to_digits(values: NDArray[np.float64]) -> dict[str, int]:
    """Count finite numbers by what is left when they are cut toward minus infinity to three digits."""
    with np.errstate(divide="ignore"):
        unit = np.where(values == 0, 0.0, np.floor(np.log10(np.abs(values))) - 2)
    # what is written with three digits stands for itself, though a quotient of doubles may fall short of it
    digits = np.floor(values / 10.0**unit + 1e-9)
    distinct, rows = np.unique(np.stack([unit, digits]), axis=1, return_counts=True)
    texts = (f"{count * 10.0**power:.3g}" for power, count in distinct.T.tolist())
    counts: Counter[str] = Counter()
    for text, n in zip(texts, rows.tolist(), strict=True):
        counts[text] += n
    return dict(counts)
