"""The collector of exposures: seek rare values of the data in all evidence that was collected before it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from trustkit.detectors.columns import distinct
from trustkit.detectors.values import MOST_VALUES
from trustkit.evidence.exposures import Exposures, Sought
from trustkit.evidence.sharing import without_small_cells

if TYPE_CHECKING:
    from trustkit.collectors.sources import Sources
    from trustkit.detectors.values import Values
    from trustkit.evidence.cells import Cells

MOST_WORDS = 4
"""Words of a value by which it is recognized."""

FEWEST_CHARACTERS, FEWEST_DIGITS = 6, 9
"""A shorter value, and a number of fewer digits, as a date is, may be there by chance."""

IDENTIFIER = 0.5
"""An attribute names persons, not groups, where more than this share of its rows have rare values."""

_LONGEST = 200
_WORD = re.compile(r"\w[\w@.+/-]*\w|\w")
_PLAIN = re.compile(r"[a-z\s_.,:;()<>=/-]*")


def collect_exposures(sources: Sources) -> Exposures:
    """Count the values of few rows that occur in what was collected so far, by column.

    A value is recognized by its first words, wherever in a text they stand.
    Labels of the declared attributes and of the outcome are shown by contract,
    and are not sought, unless most rows have one of their own: then the
    attribute names persons.
    """
    min_cell = sources.system.config.policy.min_cell
    told = {name: [kind.to_json(), kind.notes()] for name, kind in sources.kinds.items()}
    frames = [frame for role in ("audit", "train") if (frame := sources.whole(role)) is not None]
    labels = dict(_labels_by_contract(sources, min_cell))
    config = sources.system.config.model_dump(mode="json")
    written = [config, *(frame.columns for frame in frames), *labels.values()]
    there = {*_phrases(_strings([told, sources.errors]))} - {*_phrases(_strings(written))}
    columns: dict[str, Sought] = {}
    for frame in frames:
        for name in frame.columns:
            if name not in labels:
                found = _sought(distinct(frame, name, sources.seed), frame.rows, there, min_cell)
                columns[name] = columns.get(name, Sought()) + found
    cells, small = _shared(sources.kinds.get("cells"), min_cell)
    schema = {"min_cell": min_cell, "seed": sources.seed, "most": MOST_VALUES}
    return Exposures(schema, tuple(sorted(told)), columns, cells, small)


def _labels_by_contract(sources: Sources, min_cell: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Columns whose labels the card shows, with the labels; none whose rows mostly have one of their own."""
    data = sources.data
    outcomes = () if sources.task == "regression" else (data.target, data.prediction)
    for name in dict.fromkeys((*data.sensitive, *sources.strata, *outcomes)):
        if name is not None and name not in data.bins:
            labels = sources.labels(name)
            counts = np.bincount(labels.codes, minlength=len(labels.names))
            if counts[counts < min_cell].sum() <= IDENTIFIER * len(labels.codes):
                yield name, labels.names


def _sought(values: Values, rows: int, there: set[str], min_cell: int) -> Sought:
    """Rare values of a column, and how many of them are among the phrases of the evidence."""
    times = max(rows / max(values.rows, 1), 1.0)  # of a long table not all rows were looked at
    rare = values.counts * times < max(min_cell, times + 1)
    texts = [text for text, few in zip(values.texts, rare, strict=True) if few and _is_telling(text)]
    return Sought(len(texts), sum(_phrase(text) in there for text in texts))


def _is_telling(text: str) -> bool:
    """Tell whether a value cannot be where it is by chance: no common word, no short number, no date."""
    if len(text) < FEWEST_CHARACTERS or _PLAIN.fullmatch(text):
        return False
    return any(map(str.isalpha, text)) or sum(map(str.isdigit, text)) >= FEWEST_DIGITS


def _phrase(text: str) -> str:
    """The first words of a text."""
    return " ".join(_WORD.findall(text[:_LONGEST])[:MOST_WORDS])


def _phrases(texts: Iterable[str]) -> Iterator[str]:
    """Every run of at most `MOST_WORDS` words of each text."""
    for text in {*texts}:
        words = _WORD.findall(text)
        for start in range(len(words)):
            for end in range(start + 1, min(start + MOST_WORDS, len(words)) + 1):
                yield " ".join(words[start:end])


def _strings(tree: Any) -> Iterator[str]:
    """Every text of plain data, keys and values."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict):
        yield from _strings([*tree, *tree.values()])
    else:
        for each in tree:
            if isinstance(each, str | dict | list | tuple):
                yield from _strings(each)


def _shared(cells: Cells | None, min_cell: int) -> tuple[int, int]:
    """Cells that would be shared, and how many of them stand for fewer rows than may be shown."""
    if cells is None or cells.unit_block is not None:
        return 0, 0
    parts = (without_small_cells(cells, min_cell).parts or {}).values()
    small = sum(int((part.block.sums["n"] < min_cell).sum()) for part in parts)
    return sum(len(part.block.codes) for part in parts), small
