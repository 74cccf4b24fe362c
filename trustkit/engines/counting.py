"""The plan of cells: one group-by over raw values, in expressions that every engine takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from trustkit.engines.relations import Piece, Relation, collected
from trustkit.errors import ConfigError, Problem
from trustkit.evidence.blocks import SCORE_ONE, SQUARE_ONE, WEIGHT_ONE
from trustkit.evidence.score_bins import SCORE_BINS, score_bins
from trustkit.frames import MISSING, Frame, FrameError, Labels

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from trustkit.evidence.blocks import Ints

_LOW = 200
"""Edges of score bins under .02; as many lie over .98."""

_FIRST = float(np.log(1e-6 / (1 - 1e-6)))
_STEP = (float(np.log(0.02 / 0.98)) - _FIRST) / _LOW

_NEAR = 1e-6
"""How near an edge, in steps, a score is itself part of the key: engines differ by less than 1e-9."""

_BELOW, _ABOVE, _BEYOND, _NONE = -6, -5, -4, -1
"""Bins of scores under 0, in (1, 100], over 100, and of none."""

_WHOLES = ((1.0, 59), (2.0**-7, 65), (2.0**-13, 72))
"""Doubles below each, down to the next of these or to 2**-20, are whole once doubled so often."""

_EXACT = -1000
"""The highest key that tells a score itself."""

MOST_CELLS = 4_000_000
"""More combinations than these are no groups."""


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
    binned : bool
        Whether the bin of the score is part of the key; else only whether there is one.
    """

    keys: tuple[str, ...]
    bins: Mapping[str, Sequence[float]]
    score: str | None = None
    weight: str | None = None
    bucket: str | None = None
    missing: tuple[str, ...] = ()
    binned: bool = True


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


def combinations(sums: Iterable[Sums], names: Sequence[str]) -> Frame:
    """Return the labels of some keys, one row for each combination that was counted."""
    found: dict[tuple[str | None, ...], None] = {}
    for each in sums:
        keys = [each.labels[name] for name in names]
        for codes in np.unique(np.stack([key.codes for key in keys], axis=1), axis=0):
            texts = [key.names[code] for key, code in zip(keys, codes, strict=True)]
            found[tuple(None if text == MISSING else text for text in texts)] = None
    columns = [pa.array(column, pa.string()) for column in zip(*found, strict=True)]
    return Frame(pa.table(columns, names=list(names)), list(names), [])


def counted(relation: Relation, piece: Piece, columns: Columns) -> Sums:
    """Let the engine count a piece.

    Raises
    ------
    ConfigError
        Where there are more combinations than could be groups, for a column
        whose values cannot be labels, and for a piece that cannot be read.
    """
    if piece.frame is None:
        raise ValueError("no engine reads this piece")
    try:
        with relation.explained(piece):
            table = collected(_grouped(piece.frame, columns).head(MOST_CELLS + 1))
            refuse_many(relation, columns, len(table))
            return _read(table, columns)
    except FrameError as error:
        raise ConfigError([Problem(relation.key, str(error))]) from None


def refuse_many(relation: Relation, columns: Columns, cells: int) -> None:
    """Raise a ConfigError that names the column with the most distinct values, where cells are too many."""
    if cells <= MOST_CELLS:
        return
    named = [name for name in columns.keys if name not in columns.bins]
    head = relation.head(named, 100_000)
    labels = {name: len(head.labels(name).names) for name in named}
    most = max(named, key=lambda name: labels[name])
    found = f"{most!r} has {labels[most]:,} distinct values or more: not groups; declare bins or drop it"
    raise ConfigError([Problem("data.sensitive", found)])


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
        frame, more = _scored(nw, frame, binned=columns.binned)
        by += ["bin"]
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
    """Numbers as doubles, null where missing, before anything is compared: engines rank NaN differently."""
    value = nw.col(name).cast(nw.Float64)
    return nw.when(_is_number(value)).then(value).otherwise(None)


def _is_number(value: nw.Expr) -> nw.Expr:
    """False for NaN; DuckDB answers `is_nan` by a file's footer, whose statistics know of none."""
    return value.is_finite() | (value.abs() == float("inf"))


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
        absent = absent | ~_is_number(value).fill_null(True)
    elif kind in (nw.String, nw.Categorical, nw.Enum):
        absent = absent | (value.cast(nw.String) == "").fill_null(False)
    return absent.cast(nw.Int64)


def _scored(nw: Any, frame: nw.LazyFrame[Any], *, binned: bool) -> tuple[nw.LazyFrame[Any], list[str]]:
    """Add the key and the sums of the score.

    The key is two more than the bin: the floor of the score's place, counted
    in thousandths in the middle and in steps of the logit beyond. Where
    rounding could decide, the key tells the score itself, since engines divide
    and take logarithms differently in the last digit. All keys are whole
    numbers: engines group by doubles more slowly, Spark half as fast.
    """
    score = nw.col("score")
    first = (score / (1 - score)).log() / _STEP + (1 - _FIRST / _STEP)
    last = (SCORE_BINS - 1 + _FIRST / _STEP) - ((1 - score) / score).log() / _STEP
    place = nw.when(score.is_null()).then(None).otherwise(_BEYOND + 0.5)
    for below, value in (
        (score <= 100, _ABOVE + 0.5),
        (score <= 1, SCORE_BINS - 0.5),
        (score < 1 - 9.9e-7, last),
        (score < 0.02, first),
        (score < 9.9e-7, 0.5),
        (score < 0, _BELOW + 0.5),
        ((score >= 0.02) & (score < 0.98), score * 1000.0 + (_LOW - 19)),
    ):
        place = nw.when(below).then(value).otherwise(place)
    is_inside = (score >= 0) & (score <= 1)
    if not binned:
        place = nw.when(is_inside).then(0.5).otherwise(place)
    frame = frame.with_columns(place=place, known=nw.when(is_inside).then(score).otherwise(0.0))
    place, known = nw.col("place"), nw.col("known")
    is_near = (place - (place + 0.5).floor()).abs() < _NEAR
    return frame.with_columns(
        bin=nw.when(is_near).then(_exact(nw, score, is_near)).otherwise((place.floor() + 2).cast(nw.Int64)),
        s=_fixed(nw, known, SCORE_ONE),
        s2=_fixed(nw, known * known, SCORE_ONE),
    ), ["s", "s2"]


def _exact(nw: Any, score: nw.Expr, among: nw.Expr) -> nw.Expr:
    """Scores from 2**-20 to 1, those among, as whole numbers below all other keys."""
    (_, bits), *finer = _WHOLES
    value, scale = score * 2.0**bits, nw.lit(0)
    for at, (below, bits) in enumerate(finer, 1):
        value = nw.when(score < below).then(score * 2.0**bits).otherwise(value)
        scale = nw.when(score < below).then(nw.lit(at)).otherwise(scale)
    whole = nw.when(among).then(value).otherwise(0.0).cast(nw.Int64)
    return _EXACT - (whole * len(_WHOLES) + scale)


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
        bins = _bins(table.column("bin"))
        outside = int(sums["n"][bins < _NONE].sum())
        bins = np.maximum(bins, _NONE)
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


def _bins(keys: pa.ChunkedArray) -> Ints:
    """Bins of the keys: of a score itself, by the edges; of none, -1; those below stand for what is wrong."""
    found: Ints = keys.fill_null(_NONE + 2).to_numpy()
    bins = found - 2
    exact = found <= _EXACT
    whole, scale = np.divmod(_EXACT - found[exact], len(_WHOLES))
    bins[exact] = score_bins(whole / np.array([2.0**bits for _, bits in _WHOLES])[scale])
    return bins


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
