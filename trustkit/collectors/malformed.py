"""Malformed tables: what a service is sent by mistake or in malice, made of a few honest rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

MANY_COLUMNS, LONG_TEXT = 100_000, 1_000_000
NO_NUMBER, UNSEEN = "no number", "unseen before"
HOSTILE = (
    "'; DROP TABLE people; --",
    "<script>alert(1)</script>",
    "__import__('os').abort()",
    "{{7*7}}",
    "\0",
)
"""Statements and markup of five languages; a model has no business to run any."""


@dataclass(frozen=True)
class Malformed:
    """One table.

    Attributes
    ----------
    kind : str
        What is wrong with it, in words.
    table : DataFrame
        The rows.
    column : str or None
        The input that it lacks, or that holds no numbers: no honest answer is possible where it is used.
    as_before : bool
        Whether the answers have to be those to the honest rows.
    """

    kind: str
    table: pd.DataFrame
    column: str | None = None
    as_before: bool = False


def malformed(table: pd.DataFrame, numbers: Sequence[str], used: Sequence[str]) -> Iterator[Malformed]:
    """Make tables with one thing wrong each.

    Parameters
    ----------
    table : DataFrame
        Honest rows, of the types that the model takes.
    numbers : sequence of str
        Inputs that hold numbers.
    used : sequence of str
        Inputs that are made wrong: those on which the answers depend.
    """
    for name in used:
        yield Malformed("an input missing", table.drop(columns=name), name)
        if name in numbers:
            yield Malformed("text for a number", _filled(table, name, NO_NUMBER), name)
            yield Malformed("an infinite number", _filled(table, name, np.inf))
            yield Malformed("a huge number", _filled(table, name, 1e300))
            yield Malformed("a missing value", _filled(table, name, np.nan))
        else:
            yield Malformed("an unseen label", _filled(table, name, UNSEEN))
            yield Malformed("a text of a million signs", _filled(table, name, "x" * LONG_TEXT))
            yield from (Malformed("code and markup", _filled(table, name, text)) for text in HOSTILE)
    yield Malformed("no rows", table.iloc[:0])
    yield Malformed("another index", table.set_axis(range(len(table))[::-1]), as_before=True)
    first = table.columns[0]
    yield Malformed("a column twice", pd.concat([table, table[[first]]], axis=1), as_before=True)
    extra = pd.DataFrame(
        np.zeros((len(table), MANY_COLUMNS), dtype=np.int8),
        index=table.index,
        columns=[f"further {i}" for i in range(MANY_COLUMNS)],
    )
    yield Malformed("100,000 further columns", pd.concat([table, extra], axis=1), as_before=True)


def _filled(table: pd.DataFrame, name: str, value: object) -> pd.DataFrame:
    """Return the rows with one value throughout a column."""
    kind = np.float64 if isinstance(value, float) else object
    return table.assign(**{name: pd.Series([value] * len(table), index=table.index, dtype=kind)})
