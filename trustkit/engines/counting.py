"""The plan of cells: one group-by over raw values, in expressions that every engine takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from trustkit.engines.relations import collected
from trustkit.evidence.blocks import SCORE_ONE, SQUARE_ONE, WEIGHT_ONE
from trustkit.evidence.score_bins import SCORE_BINS, score_bins
from trustkit.frames import Frame, FrameError, Labels

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from trustkit.evidence.blocks import Ints

_LOW = 200
"""Edges of score bins under .02; as many lie over .98."""

_FIRST = float(np.log(1e-6 / (1 - 1e-6)))
_STEP = (float(np.log(0.02 / 0.98)) - _FIRST) / _LOW

_NEAR = 1e-6
"""How near an edge, in steps, a score is itself part of the key: engines differ by less than 1e-9."""

_BELOW, _ABOVE, _BEYOND, _NONE = -4, -3, -2, -1
"""Bins of scores under 0, in (1, 100], over 100, and of none."""

MOST_CELLS = 4_000_000
"""More combinations than these are no groups."""


class TooManyCells(Exception):  # noqa: N818 (a signal, not an error)
    """The combinations of the labels are as many as rows are."""


@dataclass(frozen=True)
class Columns:
    """Columns by what they are to the plan.

    Attributes
    ----------
    keys : tuple of str
        Whose raw values are grouped by.
    bins : mapping of str to edges
        Those of them that are cut into right-open bins.
    score, weight, bucket : str or None
        Columns of numbers: of scores, of weights, and of the unit's bucket.
    missing : tuple of str
        Columns of which the missing values are counted.
    """

    keys: tuple[str, ...]
    bins: Mapping[str, Sequence[float]]
    score: str | None = None
    weight: str | None = None
    bucket: str | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sums:
    """What the plan gives: one row a combination.

    Attributes
    ----------
    labels : mapping of str to Labels
        Canonical labels of each key, and their place of each combination.
    bins : array of int or None
        Bin of the score, -1 where there is none.
    bucket : array of int or None
        Bucket of the unit.
    sums : mapping of str to array of int
        As those of `Block`; and ``missing``, of shape (combinations, columns).
    outside : int
        Scores outside of [0, 1].
    wrong : int
        Weights that are missing, negative or infinite.
    heaviest : float
        The largest weight.
    """

    labels: Mapping[str, Labels]
    bins: Ints | None
    bucket: Ints | None
    sums: Mapping[str, Ints]
    outside: int = 0
    wrong: int = 0
    heaviest: float = 0.0

    @property
    def rows(self) -> int:
        """Rows that were counted."""
        return int(self.sums["n"].sum())


def is_pushable(frame: nw.LazyFrame[Any], columns: Columns) -> bool:
    """Tell whether an engine holds the columns of numbers as numbers; texts are parsed row by row."""
    schema = frame.collect_schema()
    numbers = [name for name in (columns.score, columns.weight, *columns.bins) if name is not None]
    return all(schema[name].is_numeric() or str(schema[name]) == "Boolean" for name in numbers)


def summed(frame: nw.LazyFrame[Any], columns: Columns) -> Sums:
    """Let the engine count a frame.

    Raises
    ------
    TooManyCells
        Where there are more combinations than could be groups.
    FrameError
        For a column whose values cannot be labels.
    """
    table = collected(_grouped(frame, columns).head(MOST_CELLS + 1))
    if len(table) > MOST_CELLS:
        raise TooManyCells
    return _read(table, columns)


def _grouped(frame: nw.LazyFrame[Any], columns: Columns) -> nw.LazyFrame[Any]:
    """The lazy group-by: products first, then elementary sums of plain columns."""
    import narwhals.stable.v2 as nw

    schema = frame.collect_schema()
    keys = [_key(nw, name, columns).alias(f"key {at}") for at, name in enumerate(columns.keys)]
    made = [*keys, *([nw.col(columns.bucket).alias("bucket")] if columns.bucket else [])]
    if columns.score:
        made.append(_number(nw, columns.score).alias("score"))
    if columns.weight:
        made.append(_number(nw, columns.weight).alias("weight"))
    made += [
        _missing(nw, name, schema[name]).alias(f"absent {at}") for at, name in enumerate(columns.missing)
    ]
    by = [f"key {at}" for at in range(len(keys))] + (["bucket"] if columns.bucket else [])
    frame = frame.select(made) if made else frame
    sums = [f"absent {at}" for at in range(len(columns.missing))]
    if columns.score:
        frame, more = _scored(nw, frame)
        by += ["bin", "near"]
        sums += more
    if columns.weight:
        frame, more = _weighted(nw, frame, bool(columns.score))
        sums += more
    totals = [nw.col(name).sum().alias(f"sum {name}") for name in sums]
    if columns.weight:
        totals.append(nw.col("weight").max().alias("heaviest"))
    totals.append(nw.len().alias("sum n"))
    return frame.group_by(*by).agg(*totals) if by else frame.select(*totals)


def _number(nw: Any, name: str) -> nw.Expr:
    """Numbers as doubles, null where missing: before anything is compared, since engines rank NaN apart."""
    value = nw.col(name).cast(nw.Float64)
    return nw.when(value.is_nan()).then(None).otherwise(value)


def _key(nw: Any, name: str, columns: Columns) -> nw.Expr:
    """The raw value; of a column with edges the number of those it reaches, null where it is missing."""
    if name not in columns.bins:
        return nw.col(name)
    value = _number(nw, name)
    reached = nw.lit(0)
    for at, edge in enumerate(columns.bins[name], 1):
        reached = nw.when(value >= float(edge)).then(nw.lit(at)).otherwise(reached)
    return nw.when(value.is_null()).then(None).otherwise(reached)


def _missing(nw: Any, name: str, kind: Any) -> nw.Expr:
    """1 where there is no value: null, not a number, or an empty text."""
    value = nw.col(name)
    absent = value.is_null()
    if kind.is_float():
        absent = absent | value.is_nan().fill_null(False)
    elif kind in (nw.String, nw.Categorical, nw.Enum):
        absent = absent | (value.cast(nw.String) == "").fill_null(False)
    return absent.cast(nw.Int64)


def _scored(nw: Any, frame: nw.LazyFrame[Any]) -> tuple[nw.LazyFrame[Any], list[str]]:
    """Add the key and the sums of the score.

    The key is the bin, by the floor of thousandths in the middle and of the
    logit beyond. Where rounding could decide, the score itself is the key
    ``near``: engines divide and take logarithms differently, in the last digit.
    """
    score = nw.col("score")
    is_low, is_high, is_inside = score < 0.02, score >= 0.98, (score >= 0) & (score <= 1)
    tail = nw.when(is_low).then(score).otherwise(nw.when(is_high).then(1 - score).otherwise(0.5))
    frame = frame.with_columns(
        known=nw.when(is_inside).then(score).otherwise(0.0),
        tail=nw.when(tail < 5e-7).then(5e-7).otherwise(tail),
    )
    logit = ((nw.col("tail") / (1 - nw.col("tail"))).log() - _FIRST) / _STEP
    frame = frame.with_columns(
        place=nw.when(is_low | is_high).then(logit).otherwise(nw.col("known") * 1000.0)
    )
    place = nw.col("place")
    low = _clipped(nw, place.floor(), -1, _LOW - 1) + 1
    high = (SCORE_BINS - 1) - _clipped(nw, place.ceil(), 0, _LOW)
    middle = place.floor() + (_LOW - 19)
    inside = nw.when(is_low).then(low).otherwise(nw.when(is_high).then(high).otherwise(middle))
    outside = nw.when(score < 0).then(_BELOW).otherwise(nw.when(score <= 100).then(_ABOVE).otherwise(_BEYOND))
    found = nw.when(is_inside).then(inside).otherwise(outside)
    is_near = (place - (place + 0.5).floor()).abs() < _NEAR
    known = nw.col("known")
    return frame.with_columns(
        bin=nw.when(score.is_null()).then(_NONE).otherwise(found).cast(nw.Int32),
        near=nw.when(is_inside & is_near).then(score).otherwise(None),
        s=_fixed(nw, known, SCORE_ONE),
        s2=_fixed(nw, known * known, SCORE_ONE),
    ), ["s", "s2"]


def _weighted(nw: Any, frame: nw.LazyFrame[Any], scored: bool) -> tuple[nw.LazyFrame[Any], list[str]]:
    """Add the sums of the weight; one that is none counts as 0, and among the wrong ones."""
    weight = nw.col("weight")
    fit = (weight >= 0) & (weight < 2.0**40)
    frame = frame.with_columns(
        wrong=nw.when((weight >= 0) & (weight < float("inf"))).then(0).otherwise(1),
        mass=nw.when(fit).then(weight).otherwise(0.0),
    )
    mass = nw.col("mass")
    square = mass * mass
    products = {
        "w": _fixed(nw, mass, WEIGHT_ONE),
        "w2": _fixed(nw, nw.when(square < 2.0**45).then(square).otherwise(0.0), SQUARE_ONE),
    }
    if scored:
        known = nw.col("known")
        light = nw.when(mass < 2.0**32).then(mass).otherwise(0.0)
        products["ws"] = _fixed(nw, light * known, SCORE_ONE)
        products["ws2"] = _fixed(nw, light * (known * known), SCORE_ONE)
    return frame.with_columns(**products), [*products, "wrong"]


def _fixed(nw: Any, value: nw.Expr, one: int) -> nw.Expr:
    """Whole units, rounded once per row as `fixed_point` does: doubles are the same on every engine."""
    return (value * float(one) + 0.5).floor().cast(nw.Int64)


def _clipped(nw: Any, value: nw.Expr, low: float, high: float) -> nw.Expr:
    over = nw.when(value > high).then(float(high)).otherwise(value)
    return nw.when(value < low).then(float(low)).otherwise(over)


# From the small table to labels


def _read(table: pa.Table, columns: Columns) -> Sums:
    frame = Frame(table, table.column_names, [])
    labels = {name: _labels(frame, at, name, columns) for at, name in enumerate(columns.keys)}
    sums = {name[4:]: _ints(table, name) for name in table.column_names if name.startswith("sum ")}
    absent = [sums.pop(f"absent {at}") for at in range(len(columns.missing))]
    if absent:
        sums["missing"] = np.stack(absent, axis=1)
    bins = outside = None
    if columns.score:
        bins, near = _ints(table, "bin"), frame.numbers("near")
        outside = int(sums["n"][bins < _NONE].sum())
        exact = ~np.isnan(near)
        bins[exact] = score_bins(near[exact])
        bins[bins < _NONE] = _NONE
    heaviest = 0.0
    if columns.weight and len(table):
        heaviest = float(np.nanmax(frame.numbers("heaviest"), initial=0.0))
    return Sums(
        labels,
        bins,
        _ints(table, "bucket") if columns.bucket else None,
        sums,
        outside or 0,
        int(sums.pop("wrong", np.zeros(1, dtype=np.int64)).sum()),
        heaviest,
    )


def _labels(frame: Frame, at: int, name: str, columns: Columns) -> Labels:
    try:
        labels = frame.labels(f"key {at}")
    except FrameError as error:
        raise FrameError(str(error).replace(f"'key {at}'", repr(name))) from None
    if name not in columns.bins:
        return labels
    edges = columns.bins[name]
    reached = frame.numbers(f"key {at}")
    values = np.array([-np.inf, *edges])[np.nan_to_num(reached).astype(np.int64)]
    values[np.isnan(reached)] = np.nan
    return Frame(pa.table({name: values}), [name], []).binned(name, edges)


def _ints(table: pa.Table, name: str) -> Ints:
    found: Ints = table.column(name).cast(pa.int64()).fill_null(0).to_numpy().astype(np.int64)
    return found
