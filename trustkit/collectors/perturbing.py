"""Realistic changes of a table of inputs: noise, slips of units, gaps, and text as people write it."""

# ruff: noqa: RUF001 (letters of two scripts that look alike are what it is about)

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trustkit.evidence.perturbations import MILD, MODERATE, SEVERE

if TYPE_CHECKING:
    from typing import Any

    Column: TypeAlias = "pd.Series[Any]"
    Flags: TypeAlias = NDArray[np.bool_]
    Floats: TypeAlias = NDArray[np.float64]
    Rng: TypeAlias = np.random.Generator

NOISE = {MILD: 0.02, MODERATE: 0.1, SEVERE: 0.5}
"""Standard deviation of the noise, in standard deviations of the column."""

DIGITS = {MILD: 3, MODERATE: 2, SEVERE: 1}
"""Digits that rounding leaves."""

FACTORS = {MODERATE: (10.0,), SEVERE: (1000.0, 0.01)}
"""Slips of units; one is never mild."""

EDITS = {MILD: 1, MODERATE: 2, SEVERE: 4}
"""Slips of the pen, or letters that look alike, in each text that is changed."""

FEWEST_VALUES = 10
"""Whole numbers of fewer values are codes as often as quantities: no noise is added."""

LEAST_SPREAD = 4.0
"""Nor to whole numbers of a smaller spread: one late payment more or less is no mild change."""

_PARTS = {MILD: (1, 0.0), MODERATE: (2, 0.25), SEVERE: (3, 0.5)}
_RUN_OF_ROWS = 50
_PLACES = (0.1, 0.3, 0.5, 0.7, 0.9)
_UNSEEN = "never seen before"

_ALIKE = dict(zip("aceopxyABCEHKMOPTXisj", "асеорхуАВСЕНКМОРТХіѕј", strict=True))
_ALIKE |= {theirs: ours for ours, theirs in _ALIKE.items()}

_TO_LATIN = dict(zip("абвгдезийклмнопрстуфхыэіқңөұүһәҳҷ", "abvgdeziyklmnoprstufhyeiqnouuhahj", strict=True))
_TO_LATIN |= {"ё": "yo", "ж": "zh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ь": ""}
_TO_LATIN |= {"ю": "yu", "я": "ya", "ғ": "gh", "ў": "o'"}
_TO_CYRILLIC = dict(zip("abcdefghijklmnopqrstuvwxyz", "абкдефгхижклмнопкрстуввхыз", strict=True))
_TO_CYRILLIC |= {"sh": "ш", "ch": "ч", "zh": "ж", "kh": "х", "ts": "ц", "yu": "ю", "ya": "я", "yo": "ё"}
_SCRIPTS = {**_TO_LATIN, **_TO_CYRILLIC}
_SCRIPTS |= {one.capitalize(): other.capitalize() for one, other in _SCRIPTS.items()}
_SCRIPTS |= {one.upper(): other.upper() for one, other in _SCRIPTS.items() if len(one) > 1}
_IN_SCRIPT = re.compile("|".join(sorted(_SCRIPTS, key=len, reverse=True)))


@dataclass(frozen=True)
class Scale:
    """What the numbers of a column are like.

    Attributes
    ----------
    whole : bool
        Whether all are whole.
    values : int
        How many different ones there are.
    spread : float
        Their standard deviation, `usual` left aside.
    low, high : float
        The smallest and the largest.
    usual : float
        The one that more than half of the rows share, or NaN: it stands for
        nothing (no gain, no loss), and no noise is added to it.
    """

    whole: bool
    values: int
    spread: float
    low: float
    high: float
    usual: float

    @property
    def is_quantity(self) -> bool:
        """Whether noise makes sense."""
        if self.whole:
            return self.values >= FEWEST_VALUES and self.spread >= LEAST_SPREAD
        return self.spread > 0


@dataclass(frozen=True)
class Texts:
    """The texts of a column: the different ones, and the place of each row's among them, -1 where none is.

    Attributes
    ----------
    names : array of str
        The different texts.
    codes : array of int, shape (rows,)
        The place of each row's text.
    """

    names: NDArray[Any]
    codes: NDArray[np.intp]

    @property
    def recur(self) -> bool:
        """Whether they are names of categories: less than half as many as rows."""
        return len(self.names) * 2 < len(self.codes)


@dataclass(frozen=True)
class Sorts:
    """Which columns of a table hold what.

    Attributes
    ----------
    numbers : mapping of name to Scale
        Columns of numbers; booleans are none.
    texts : mapping of name to Texts
        Columns of text.
    """

    numbers: Mapping[str, Scale]
    texts: Mapping[str, Texts]

    @classmethod
    def of(cls, table: pd.DataFrame) -> Sorts:
        """Tell the columns of a table apart."""
        numbers, texts = {}, {}
        for name in table.columns:  # which need not be text
            column = table[name]
            dtype = column.dtype
            if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype):
                if (scale := _scale(column)) is not None:
                    numbers[name] = scale
            elif _is_text(column):
                codes, names = pd.factorize(column.to_numpy(dtype=object))
                texts[name] = Texts(names, codes)
        return cls(numbers, texts)

    @property
    def categories(self) -> tuple[str, ...]:
        """Columns of text that recur."""
        return tuple(name for name, texts in self.texts.items() if texts.recur)

    @property
    def quantities(self) -> tuple[str, ...]:
        """Columns of numbers that noise makes sense for."""
        return tuple(name for name, scale in self.numbers.items() if scale.is_quantity)

    @property
    def whole(self) -> tuple[str, ...]:
        """Of them, those of whole numbers."""
        return tuple(name for name in self.quantities if self.numbers[name].whole)


@dataclass(frozen=True)
class Perturbed:
    """A changed table, and which of its rows were changed; shape (rows,)."""

    table: pd.DataFrame
    changed: Flags


Change: TypeAlias = "Callable[[pd.DataFrame, Sorts, str, Rng, str | None], Perturbed | None]"


def perturbed(
    table: pd.DataFrame, sorts: Sorts, mode: str, severity: str, seed: list[int], column: str | None = None
) -> Perturbed | None:
    """Change a table as is realistic.

    Parameters
    ----------
    table : DataFrame
        Inputs of a model; left as it is.
    sorts : Sorts
        What its columns hold, or those of a table that begins with it.
    mode : str
        One of `CHANGES`.
    severity : str
        ``mild``, ``moderate`` or ``severe``.
    seed : list of int
        Whatever is drawn is drawn by it.
    column : str, optional
        The only column to change, in every row; by default several are, as
        the severity says.

    Returns
    -------
    Perturbed or None
        None where no row changes, or this severity does the same as the one below.
    """
    rng = np.random.default_rng(seed)
    made = CHANGES[mode](table, sorts, severity, rng, column)
    return None if made is None or not made.changed.any() else made


def promoted(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the types that columns take on where a value is missing."""
    made = table.copy()
    for name, column in table.items():
        if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iub":
            made[name] = column.astype(object if column.dtype.kind == "b" else float)
    return made


def values_of(column: Column) -> list[Any]:
    """Return five values that stand for a column: a fifth of its rows each, in order or by frequency."""
    known = column.dropna()
    if not len(known):
        return []
    if pd.api.types.is_numeric_dtype(column.dtype):
        known = known.sort_values()
    elif pd.api.types.is_hashable(known.iloc[0]):
        times = known.value_counts()
        known = times.index.repeat(times).to_series()
    return list(known.iloc[(np.array(_PLACES) * len(known)).astype(int)])


# Numbers


def _noise(table: pd.DataFrame, sorts: Sorts, severity: str, rng: Rng, column: str | None) -> Perturbed:
    """Every quantity moves, whole ones by 1 at least; none leaves the range seen."""
    names = sorts.quantities if column is None else (column,)
    return _all(table, {name: _moved(table[name], sorts.numbers[name], severity, rng) for name in names})


def _moved(column: Column, scale: Scale, severity: str, rng: Rng) -> Column:
    values = _floats(column)
    step = NOISE[severity] * scale.spread * rng.standard_normal(len(values))
    if scale.whole:
        step = np.copysign(np.ceil(np.abs(step)), step)
    step[values == scale.usual] = 0
    with np.errstate(invalid="ignore"):
        step[(values + step < scale.low) | (values + step > scale.high)] *= -1
    return _numbers_like(column, np.clip(values + step, scale.low, scale.high))


def _rounding(table: pd.DataFrame, sorts: Sorts, severity: str, rng: Rng, column: str | None) -> Perturbed:
    names = sorts.numbers if column is None else (column,)
    return _all(table, {name: _rounded(table[name], DIGITS[severity]) for name in names})


def _rounded(column: Column, digits: int) -> Column:
    values = _floats(column)
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = 10.0 ** (np.floor(np.log10(np.abs(values))) - digits + 1)
        rounded = np.where(values == 0, 0.0, np.round(values / unit) * unit)
    as_it_was = np.isclose(rounded, values, rtol=1e-12, atol=0)
    return _numbers_like(column, np.where(as_it_was, values, rounded))


def _unit_slip(
    table: pd.DataFrame, sorts: Sorts, severity: str, rng: Rng, column: str | None
) -> Perturbed | None:
    """One number a row is in another unit."""
    if severity not in FACTORS:
        return None
    names = sorts.numbers if column is None else (column,)
    factor = rng.choice(FACTORS[severity], len(table))
    slipped = {name: _numbers_like(table[name], _floats(table[name]) * factor) for name in names}
    return _some(table, slipped, 1, rng)


# Gaps


def _missing(
    table: pd.DataFrame, sorts: Sorts, severity: str, rng: Rng, column: str | None
) -> Perturbed | None:
    names = list(table.columns) if column is None else [column]
    if not (parts := _parts(severity, len(names), column)):
        return None
    able = table[names].notna().to_numpy()
    return _emptied(table, names, _chosen(able, parts, rng))


def _missing_block(
    table: pd.DataFrame, sorts: Sorts, severity: str, rng: Rng, column: str | None
) -> Perturbed | None:
    """Neighboring columns are empty together, in fifty rows after another: a source that was down."""
    names = list(table.columns)
    if len(names) < 2 or not (parts := _parts(severity, len(names))):
        return None
    parts = min(parts + 1, len(names))
    runs = rng.integers(0, len(names) - parts + 1, -(-len(table) // _RUN_OF_ROWS))
    first = np.repeat(runs, _RUN_OF_ROWS)[: len(table), None]
    at = np.arange(len(names))
    return _emptied(table, names, (at >= first) & (at < first + parts) & table.notna().to_numpy())


def _emptied(table: pd.DataFrame, names: list[str], gone: Flags) -> Perturbed:
    made = table.copy()
    for at, name in enumerate(names):
        if gone[:, at].any():
            made[name] = _without(made[name], gone[:, at])
    return Perturbed(made, np.asarray(gone.any(axis=1)))


def _without(column: Column, gone: Flags) -> Column:
    """Empty some values, as others of the column are empty."""
    if column.dtype == np.dtype(object) and any(value is None for value in column):
        values = column.to_numpy(dtype=object, copy=True)
        values[gone] = None
        return pd.Series(values, column.index, dtype=object)
    return column.mask(gone)


# Text


def _text(
    edit: Callable[[str, int, Rng], str],
    graded: bool,
    table: pd.DataFrame,
    sorts: Sorts,
    severity: str,
    rng: Rng,
    column: str | None,
) -> Perturbed | None:
    """Some texts of each row are edited, each different text in one way."""
    names = list(sorts.texts) if column is None else [column]
    parts = _parts(severity, len(names), column) or (len(names) if graded else 0)
    times = EDITS[severity]
    edited = {name: [edit(text, times, rng) for text in sorts.texts[name].names] for name in names}
    return _retold(table, sorts, edited, parts, rng)


def _unseen(
    table: pd.DataFrame, sorts: Sorts, severity: str, rng: Rng, column: str | None
) -> Perturbed | None:
    names = sorts.categories if column is None else (column,)
    strange = {name: [_UNSEEN] * len(sorts.texts[name].names) for name in names}
    return _retold(table, sorts, strange, _parts(severity, len(names), column), rng)


def _retold(
    table: pd.DataFrame, sorts: Sorts, edited: Mapping[str, list[str]], parts: int, rng: Rng
) -> Perturbed | None:
    """Put other texts in `parts` columns of each row."""
    if not edited or not parts:
        return None
    codes = {name: sorts.texts[name].codes[: len(table)] for name in edited}
    others = {name: np.array([*texts, ""], dtype=object) for name, texts in edited.items()}
    # a missing text has the code -1, the last, and is no text to change
    able = [np.append(others[name][:-1] != sorts.texts[name].names, False)[codes[name]] for name in edited]
    chosen = _chosen(np.column_stack(able), parts, rng)
    made = {}
    for at, (name, texts) in enumerate(others.items()):
        values = table[name].to_numpy(dtype=object, copy=True)
        values[chosen[:, at]] = texts[codes[name][chosen[:, at]]]
        made[name] = _texts_like(table[name], values)
    return Perturbed(_with(table, made), np.asarray(chosen.any(axis=1)))


def _texts_like(column: Column, values: NDArray[Any]) -> Column:
    """Texts of the column's type; a column of categories gets new ones as further ones."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        new = [value for value in dict.fromkeys(values) if isinstance(value, str)]
        categories = list(dict.fromkeys([*dtype.categories, *new]))
        dtype = pd.CategoricalDtype(categories, ordered=dtype.ordered)
    return pd.Series(values, column.index, dtype=dtype, name=column.name)


def _typo(text: str, times: int, rng: Rng) -> str:
    """Swap two letters, leave one out or write it twice."""
    for _ in range(times):
        at, way = int(rng.integers(max(len(text) - 1, 1))), int(rng.integers(3))
        if way == 0 and text[at : at + 1] != text[at + 1 : at + 2] and len(text) > 1:
            text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        elif way == 1 and len(text) > 1:
            text = text[:at] + text[at + 1 :]
        else:
            text = text[:at] + text[at : at + 1] + text[at:]
    return text


def _recased(text: str, times: int, rng: Rng) -> str:
    ways = [way for way in (text.upper(), text.lower(), text.title()) if way != text]
    return ways[int(rng.integers(len(ways)))] if ways else text


def _respaced(text: str, times: int, rng: Rng) -> str:
    """Space before, after, doubled, or one that does not break."""
    ways = [f" {text}", f"{text} ", text.replace(" ", "  "), text.replace(" ", "\N{NO-BREAK SPACE}")]
    ways = [way for way in ways if way != text]
    return ways[int(rng.integers(len(ways)))]


def _lookalike(text: str, times: int, rng: Rng) -> str:
    """Put letters of the other script that look the same."""
    able = [at for at, letter in enumerate(text) if letter in _ALIKE]
    swapped = {int(at) for at in rng.permutation(able)[:times]}
    return "".join(_ALIKE[letter] if at in swapped else letter for at, letter in enumerate(text))


def _transliterated(text: str, times: int, rng: Rng) -> str:
    """Write Cyrillic letters in Latin and Latin ones in Cyrillic."""
    return _IN_SCRIPT.sub(lambda found: _SCRIPTS[found[0]], text)


# Layout


def _column_order(
    table: pd.DataFrame, sorts: Sorts, severity: str, rng: Rng, column: str | None
) -> Perturbed | None:
    """All columns in another order: what is read by name is the same."""
    if severity != SEVERE or len(table.columns) < 2:
        return None
    turned = rng.permutation(len(table.columns))
    if (turned == np.arange(len(turned))).all():
        turned = turned[::-1]
    return Perturbed(table.iloc[:, turned], np.ones(len(table), dtype=bool))


def _extra_column(
    table: pd.DataFrame, sorts: Sorts, severity: str, rng: Rng, column: str | None
) -> Perturbed | None:
    """A further column of numbers, after the others."""
    if severity != MILD:
        return None
    made, name = table.copy(), "extra"
    while name in made.columns:
        name += "_"
    made[name] = rng.standard_normal(len(made))
    return Perturbed(made, np.ones(len(made), dtype=bool))


CHANGES: Mapping[str, Change] = {
    "noise": _noise,
    "rounding": _rounding,
    "unit-slip": _unit_slip,
    "missing": _missing,
    "missing-block": _missing_block,
    "unseen": _unseen,
    "typos": partial(_text, _typo, True),
    "case": partial(_text, _recased, False),
    "spacing": partial(_text, _respaced, False),
    "look-alikes": partial(_text, _lookalike, True),
    "transliteration": partial(_text, _transliterated, False),
    "column-order": _column_order,
    "extra-column": _extra_column,
}
"""How a table may be changed, by name."""


# Putting changed columns into a table


def _with(table: pd.DataFrame, columns: Mapping[str, Column]) -> pd.DataFrame:
    made = table.copy()
    for name, column in columns.items():
        made[name] = column
    return made


def _all(table: pd.DataFrame, changed: Mapping[str, Column]) -> Perturbed:
    """Take every changed value."""
    rows = np.zeros(len(table), dtype=bool)
    for name, column in changed.items():
        rows |= _differ(table[name], column)
    return Perturbed(_with(table, changed), rows)


def _some(table: pd.DataFrame, changed: Mapping[str, Column], parts: int, rng: Rng) -> Perturbed | None:
    """Take `parts` of the changed values of each row."""
    if not changed:
        return None
    able = np.column_stack([_differ(table[name], column) for name, column in changed.items()])
    chosen = _chosen(able, parts, rng)
    made = {
        name: table[name].astype(column.dtype).where(~chosen[:, at], column)
        for at, (name, column) in enumerate(changed.items())
    }
    return Perturbed(_with(table, made), np.asarray(chosen.any(axis=1)))


def _parts(severity: str, of: int, column: str | None = None) -> int:
    """How many of the columns are changed in a row; 0 where that is no more than the severity below."""
    least, share = (1, 0.0) if column is not None else _PARTS[severity]
    return min(of, max(least, int(np.ceil(share * of)))) if of >= least else 0


def _chosen(able: Flags, parts: int, rng: Rng) -> Flags:
    """Choose up to `parts` of the values of each row that are able to change."""
    place = np.where(able, rng.random(able.shape), 2.0).argsort(axis=1).argsort(axis=1)
    return able & (place < parts)


def _differ(column: Column, changed: Column) -> Flags:
    """Where two columns of numbers differ."""
    return column.notna().to_numpy() & (_floats(column) != _floats(changed))


def _numbers_like(column: Column, values: Floats) -> Column:
    """Numbers of the column's type; whole ones in a wider type where they do not fit."""
    dtype = column.dtype
    if pd.api.types.is_integer_dtype(dtype):
        values = np.round(values)
        if not _fit(values, np.int64):
            return pd.Series(values, column.index, name=column.name)
        if isinstance(dtype, np.dtype):
            kind = dtype if _fit(values, dtype) else np.int64
            return pd.Series(values.astype(kind), column.index, name=column.name)
        return pd.Series(values, column.index, name=column.name).mask(column.isna()).astype("Int64")
    return pd.Series(values, column.index, name=column.name).astype(dtype)


def _fit(values: Floats, dtype: Any) -> bool:
    """Whether a type of integers holds all of the whole numbers."""
    known, ends = values[~np.isnan(values)], np.iinfo(dtype)
    return bool(((known >= ends.min) & (known < float(ends.max) + 1)).all())


def _floats(column: Column) -> Floats:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _scale(column: Column) -> Scale | None:
    """What the numbers are like; None where there is none, or one is infinite."""
    values = _floats(column)
    values = values[~np.isnan(values)]
    if not len(values) or not np.isfinite(values).all():
        return None
    each, times = np.unique(values, return_counts=True)
    usual = float(each[times.argmax()]) if times.max() * 2 > len(values) else np.nan
    spread = float(values[values != usual].std()) if (values != usual).any() else 0.0
    whole = bool((values == np.round(values)).all())
    return Scale(whole, len(each), spread, float(values.min()), float(values.max()), usual)


def _is_text(column: Column) -> bool:
    """Whether all of its values are text."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return all(isinstance(each, str) for each in dtype.categories) and len(dtype.categories) > 0
    if not (dtype == np.dtype(object) or isinstance(dtype, pd.StringDtype)):
        return False
    values = column.dropna()
    return len(values) > 0 and all(isinstance(each, str) for each in values)
