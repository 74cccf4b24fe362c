"""The collector of memberships: attack the model, to tell rows that it was trained on from others."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trustkit.collectors.columns import Column
from trustkit.collectors.draws import drawing_order
from trustkit.collectors.refitting import Refitter, refitter
from trustkit.collectors.sources import Sources
from trustkit.errors import ConfigError, ModelError, Problem
from trustkit.evidence import Unavailable
from trustkit.evidence.blocks import Block
from trustkit.evidence.memberships import (
    BLIND,
    CONTROL,
    FEWEST,
    LIKELIHOOD,
    LOSS,
    RATIO,
    SOURCES,
    Memberships,
)
from trustkit.evidence.score_bins import score_bins
from trustkit.evidence.tables import MISSING
from trustkit.frames import Frame, FrameError, Labels, bin_names, label_text
from trustkit.models.files import FileModel
from trustkit.models.objects import undisturbed
from trustkit.models.structure import structure

CHECK = "data-protection/membership-inference"

MOST = 2500
"""Rows of train, and as many of audit, that are ranked and that the reference models learn from."""

REFERENCES, MOST_REFERENCES = 8, 256

COMMON = 16
"""Rows of a word with which it is hardly ever absent from a random half."""

MOST_GROUPS = 20
"""Of an attribute with more groups the smallest are left out."""

DRAW = 50

_SMALLEST = 1e-4
"""Chances are kept so far from 0 and 1 before logits are taken, or the one is divided by the other."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Pool:
    """Drawn rows of train and audit, as many of each, of which no two are equal.

    Attributes
    ----------
    table : DataFrame
        Inputs, target and sensitive columns.
    member : array of bool
        Whether a row is of train.
    of, alone : tuple of int
        Rows of train and audit, and of them those that occur once in both together.
    """

    table: pd.DataFrame
    member: Bools
    of: tuple[int, int]
    alone: tuple[int, int]

    @cached_property
    def frame(self) -> Frame:
        """The rows as a frame."""
        return Frame(self.table, list(self.table.columns), [])

    def at(self, rows: NDArray[Any]) -> Pool:
        """Return some of the rows."""
        return replace(self, table=self.table[rows].reset_index(drop=True), member=self.member[rows])

    def of_common_words(self, names: Sequence[str]) -> Pool:
        """Return the rows of whose words, in any of these columns, each is that of at least `COMMON` rows."""
        common = np.ones(len(self.member), dtype=bool)
        for name in names:
            if not pd.api.types.is_numeric_dtype(self.table[name].dtype):
                with suppress(FrameError):  # lists, say
                    labels = self.frame.labels(name)
                    common &= np.bincount(labels.codes)[labels.codes] >= COMMON
        return self.at(common)


class _PuzzledError(Unavailable):
    """A reference model raised when it was asked about rows that it did not learn from."""


def collect_memberships(sources: Sources) -> Memberships:
    """Rank rows of train and of audit by how likely each was trained on, and read what the model keeps.

    Ranked are rows that occur once in both together: of them, if train and
    audit are alike, none is likelier to be in train than another. All the
    attacks know the truth of each row.

    Raises
    ------
    Unavailable
        Where there is no model.
    ConfigError
        Where the number of reference models makes no sense.
    """
    sources.require_model("attack")
    references, model = _references(sources), sources.model
    kept = model.structure() if isinstance(model, FileModel) else structure(model)
    schema: dict[str, Any] = {
        "attributes": [],
        "bins": {},
        "seed": sources.seed,
        "most": MOST,
        "references": 0,
        "limited": None,
        "lacking": None,
        "common": False,
        "score": False,
        "unit": sources.data.unit is not None,
        "structure": kept,
    }
    try:
        pool = drawn_pool(sources, MOST)
    except Unavailable as signal:
        nothing = Block(np.zeros((0, 4), dtype=np.int64), {"n": np.zeros(0, dtype=np.int64)})
        lacking = {**schema, "lacking": [signal.reason, signal.supply]}
        return Memberships.made(lacking, (0, 0), (0, 0), [], nothing)
    drawn = len(pool.member)
    pool, told, limited = _told(sources, pool, references)
    groups = dict(_groups(sources, pool))
    schema |= {
        "attributes": [name for name in sources.data.sensitive if name in pool.table],
        "bins": {name: list(bin_names(edges)) for name, edges in sources.data.bins.items()},
        "references": 0 if limited else references,
        "limited": limited,
        "common": len(pool.member) < drawn,
        "score": Attack(sources, pool).has_score,
    }
    blocks = [_histogram(pool, told, 0, np.ones(len(pool.member), dtype=bool), range(SOURCES))]
    best = [LOSS if limited else RATIO]
    blocks += [_histogram(pool, told, place, rows, best) for place, rows in enumerate(groups.values(), 1)]
    codes = np.concatenate([block.codes for block in blocks])
    block = Block(codes, {"n": np.concatenate([block.sums["n"] for block in blocks])})
    return Memberships.made(schema, pool.of, pool.alone, list(groups), block)


def _told(sources: Sources, pool: Pool, references: int) -> tuple[Pool, dict[int, Floats], str | None]:
    """Rank the rows of a pool by all that can; return those ranked, their scores, and why none by references.

    Where a reference model raises, as an encoder does at a word that it never
    saw, it is tried again without the rows that have a rare word.
    """
    attack = Attack(sources, pool)
    told = {LOSS: attack.fits(sources.model), BLIND: _blind(sources, pool)}
    if references == 0:
        return pool, told, "none were asked for"
    try:
        return pool, told | attack.by_references(refitter(sources), references, told[LOSS]), None
    except _PuzzledError as signal:
        common = pool.of_common_words(sources.features)
        few = min(common.member.sum(), (~common.member).sum()) < FEWEST
        if few or len(common.member) == len(pool.member):
            return pool, told, signal.reason
        return _told(sources, common, references)
    except Unavailable as signal:
        return pool, told, signal.reason


def drawn_pool(sources: Sources, most: int) -> Pool:
    """Draw rows of train and audit, as many of each, that occur once in both together.

    Where rows have a unit, only persons that occur in one of the two are
    drawn, and one row of each.

    Raises
    ------
    Unavailable
        Where there are no training rows, no truth, too few rows, or a column is missing.
    """
    target = sources.data.target
    if sources.train is None or target is None:
        raise Unavailable(
            "there are no training rows" if target is not None else "no target is declared",
            supply="data.train and data.target: the rows that the model was trained on, with the outcome",
        )
    asked = list(dict.fromkeys([*sources.features, target]))
    lacking = [name for name in asked if name not in sources.train.columns]
    if lacking:
        raise Unavailable(
            f"the training rows have no column {lacking[0]!r}",
            supply=f"data.train with the column {lacking[0]!r}",
        )
    names = [*asked, *(name for name in sources.data.sensitive if name not in asked)]
    frames = (sources.train, sources.inputs)
    tables = [_whole(frame, [name for name in names if name in sources.train.columns]) for frame in frames]
    tables[1] = _of_types(tables[1], tables[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of columns without a value in one of the two
        both = pd.concat(tables, ignore_index=True)
    known = np.concatenate([~frame.missing(target) for frame in frames])
    alone = known & _alone(both[asked]) & _apart(sources)
    rows = sources.train.rows, sources.inputs.rows
    orders = (
        np.random.default_rng([sources.seed, DRAW]).permutation(rows[0]),
        drawing_order(sources, DRAW + 1) + rows[0],
    )
    able = [order[alone[order]] for order in _first_of_each_person(sources, *orders)]
    n = min(most, *(len(order) for order in able))
    if n < FEWEST:
        raise Unavailable(
            f"fewer than {FEWEST} rows of train, or of audit, occur once in both together",
            supply="data.audit: rows that the model was not trained on",
        )
    places = np.concatenate([order[:n] for order in able])
    return Pool(
        both.iloc[places].reset_index(drop=True),
        np.arange(2 * n) < n,
        rows,
        (int(alone[: rows[0]].sum()), int(alone[rows[0] :].sum())),
    )


@dataclass
class Attack:
    """How well models fit the rows of a pool."""

    sources: Sources
    pool: Pool

    @cached_property
    def inputs(self) -> pd.DataFrame:
        """What the model sees."""
        return self.pool.table[self.sources.features]

    @cached_property
    def truth(self) -> Labels:
        """The outcome of each row."""
        return self.pool.frame.labels(str(self.sources.data.target))

    @property
    def is_regression(self) -> bool:
        """Whether numbers are predicted."""
        return self.sources.task == "regression"

    @cached_property
    def has_score(self) -> bool:
        """Whether the model tells chances or numbers, and not decisions alone."""
        model = self.sources.model
        return self.is_regression or (hasattr(model, "predict_proba") and hasattr(model, "classes_"))

    @property
    def _classes(self) -> NDArray[Any]:
        """Class of each row, one for all where numbers are predicted."""
        return np.zeros(len(self.pool.member), dtype=int) if self.is_regression else self.truth.codes

    def fits(self, model: Any) -> Floats:
        """How well a model fits each row: its chance of the truth, or less the size of its residual."""
        self.sources.model_calls += model is self.sources.model
        with undisturbed():
            warnings.simplefilter("ignore")
            try:
                return self._residual(model) if self.is_regression else self._chance(model)
            except (ModelError, Unavailable):
                raise
            except Exception as error:
                raise ModelError(f"the model raised {type(error).__name__}") from error

    def by_references(self, fitter: Refitter, references: int, loss: Floats) -> dict[int, Floats]:
        """Scores by clones that learned from random halves of the rows: each row is in half of them."""
        halves = list(_halves(self._classes, references, self.sources.seed))
        fits = np.array([self._clone(fitter, half, number, references) for number, half in enumerate(halves)])
        was_in = np.array(halves)
        control = np.where(was_in[0], np.nan, self._ratio(fits[0], fits[1:]))
        return {
            RATIO: self._ratio(loss, fits),
            LIKELIHOOD: self._likelihood(loss, fits, was_in),
            CONTROL: control,
        }

    def _clone(self, fitter: Refitter, half: Bools, number: int, of: int) -> Floats:
        outcome = self.pool.table[self.sources.data.target]
        with fitter.fitted(self.inputs[half], outcome[half], seed=self.sources.seed + number) as clone:
            try:
                fits = self.fits(clone.model)
            except ModelError as error:
                found = f"a clone of it, asked about rows that it did not learn from, gave: {error}"
                raise _PuzzledError(found) from error
        if self.sources.progress is not None:
            self.sources.progress("fit reference models", number + 1, of)
        return fits

    def _chance(self, model: Any) -> Floats:
        """Chance of the true class; where the model tells none, whether it decides for it."""
        names, codes = self.truth.names, self.truth.codes
        if not self.has_score:
            said = np.asarray(model.predict(self.inputs) if hasattr(model, "predict") else model(self.inputs))
            decided = np.array([label_text(each) for each in said.ravel().tolist()], dtype=object)
            self._require_a_class(set(decided))
            return (decided == np.array(names, dtype=object)[codes]).astype(np.float64)
        chances = np.asarray(model.predict_proba(self.inputs), dtype=np.float64)
        place = {label_text(each): i for i, each in enumerate(model.classes_)}
        self._require_a_class(set(place))
        none = np.zeros((len(codes), 1))  # of a class that the model does not know
        column = np.array([place.get(name, -1) for name in names])[codes]
        return np.hstack([chances, none])[np.arange(len(codes)), column]

    def _require_a_class(self, said: set[str]) -> None:
        """Make sure that what the model says and the truth have a word in common."""
        if not said & set(self.truth.names):
            raise Unavailable(
                f"no label of {self.sources.data.target!r} is a class of the model",
                supply="data.target: the outcome, with the labels that the model gives",
            )

    def _residual(self, model: Any) -> Floats:
        said = model.predict(self.inputs) if hasattr(model, "predict") else model(self.inputs)
        truth = self.pool.frame.numbers(str(self.sources.data.target))
        return -np.abs(truth - np.asarray(said, dtype=np.float64).ravel())

    def _ratio(self, target: Floats, references: Floats) -> Floats:
        """How much better the model fits a row than the references do on average (Zarifzadeh et al. 2024)."""
        mean = references.mean(axis=0)
        if self.is_regression:
            least = 1e-9 + 1e-6 * np.abs(references).mean()
            return (least - mean) / (least - target)
        return (target + _SMALLEST) / (mean + _SMALLEST)

    def _likelihood(self, target: Floats, references: Floats, was_in: Bools) -> Floats:
        """Log likelihood ratio of the fit: clones that saw a row and others (Carlini et al. 2022)."""
        scale = self._scaled
        fits = scale(references)
        sides = []
        for side in (was_in, ~was_in):
            mean = np.where(side, fits, 0.0).sum(axis=0) / side.sum(axis=0)
            spread = np.sqrt(np.mean(((fits - mean) ** 2)[side])) + 1e-12
            sides.append(-np.log(spread) - ((scale(target) - mean) / spread) ** 2 / 2)
        return sides[0] - sides[1]

    def _scaled(self, fits: Floats) -> Floats:
        """Logit of a chance; of a residual, less the logarithm of its size."""
        if self.is_regression:
            return -np.log(1e-9 - fits)
        inside = np.clip(fits, _SMALLEST, 1 - _SMALLEST)
        return np.log(inside / (1 - inside))


def _references(sources: Sources) -> int:
    """Number of reference models, as the option has it."""
    asked = sources.system.config.options.get(CHECK, {}).get("references", REFERENCES)
    even = isinstance(asked, int) and asked % 2 == 0 and asked != 2 and 0 <= asked <= MOST_REFERENCES
    if not even:
        found = f"{asked!r}: an even number from 4 to {MOST_REFERENCES}, or 0 for none"
        raise ConfigError([Problem(f'options."{CHECK}".references', found)])
    return asked


def _halves(classes: NDArray[Any], count: int, seed: int) -> Iterator[Bools]:
    """Random halves of the rows, each followed by the other half; half of each class is in either."""
    rng = np.random.default_rng([seed, DRAW + 3])
    for _ in range(count // 2):
        order = rng.permutation(len(classes))
        order = order[np.argsort(classes[order], kind="stable")]
        half = np.zeros(len(classes), dtype=bool)
        half[order[::2]] = True
        yield half
        yield ~half


def guessed(pool: Pool, names: Sequence[str], codes: NDArray[Any], seed: int) -> tuple[Floats, Bools]:
    """Guess something of each row from columns, by boosted trees that learned from the other half.

    Parameters
    ----------
    pool : Pool
        The rows.
    names : sequence of str
        Columns to learn from; one of neither numbers nor labels is left out.
    codes : array of int, shape (rows,)
        What is to be guessed: 0, 1, ...
    seed : int
        Of the halves.

    Returns
    -------
    array, shape (rows, codes)
        The chance of each code.
    array of bool, shape (rows,)
        The half that each row is in.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    read = [np.zeros(len(codes))]
    for name in names:
        with suppress(FrameError):  # lists, say
            column = Column.read(pool.frame, name)
            read.append(column.level.astype(np.float64) if column.place is None else column.place)
    X = np.column_stack(read)
    half = np.random.default_rng([seed, DRAW + 2]).permutation(len(X)) % 2 == 0
    chances = np.zeros((len(X), int(codes.max()) + 1))
    for mine in (half, ~half):
        classes = np.unique(codes[~mine])
        if len(classes) == 1:
            chances[mine, classes[0]] = 1.0
            continue
        trees = HistGradientBoostingClassifier(
            learning_rate=0.2, max_iter=30, max_leaf_nodes=15, early_stopping=False, random_state=0
        )
        with threadpool_limits(1, user_api="openmp"):  # one thread adds in one order
            chances[np.ix_(mine, classes)] = trees.fit(X[~mine], codes[~mine]).predict_proba(X[mine])
    return chances, half


def _blind(sources: Sources, pool: Pool) -> Floats:
    """How likely each row is of train by what it holds, among its half."""
    names = [*sources.features, str(sources.data.target)]
    chances, half = guessed(pool, names, pool.member.astype(np.int64), sources.seed)
    told = np.empty(len(half))
    for mine in (half, ~half):
        told[mine] = ranks(chances[mine, 1])
    return told


def _groups(sources: Sources, pool: Pool) -> Iterator[tuple[tuple[str, str], Bools]]:
    """Rows of the largest groups of each sensitive attribute that train has too."""
    for name in sources.data.sensitive:
        if name not in pool.table:
            continue
        edges = sources.data.bins.get(name)
        labels = pool.frame.labels(name) if edges is None else pool.frame.binned(name, edges)
        rows = np.bincount(labels.codes, minlength=len(labels.names))
        for place in np.argsort(-rows, kind="stable")[:MOST_GROUPS].tolist():
            if labels.names[place] != MISSING:
                yield (name, labels.names[place]), labels.codes == place


def _histogram(pool: Pool, told: dict[int, Floats], place: int, rows: Bools, which: Iterable[int]) -> Block:
    """Histograms of ranks of some rows, among all rows that were ranked."""
    codes = []
    for source in sorted(set(which) & set(told)):
        ranked = ~np.isnan(told[source])
        bins = np.zeros(len(ranked), dtype=np.int64)
        bins[ranked] = score_bins(ranks(told[source][ranked]))
        mine = ranked & rows
        made = np.zeros((int(mine.sum()), 4), dtype=np.int64)
        made[:, 0], made[:, 1], made[:, 2], made[:, 3] = place, source, pool.member[mine], bins[mine]
        codes.append(made)
    every = np.concatenate(codes)
    return Block(every, {"n": np.ones(len(every), dtype=np.int64)}).summed()


def ranks(score: Floats) -> Floats:
    """Share of the rows with a lower score, ties one half."""
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    return ((np.cumsum(counts) - counts / 2) / max(len(score), 1))[place]


def _whole(frame: Frame, names: list[str]) -> pd.DataFrame:
    return next(frame.batches(names, frame.rows))


def _of_types(table: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """The table with the categories of another: joined, they would be plain text otherwise."""
    types = {
        name: like[name].dtype
        for name in table
        if isinstance(like[name].dtype, pd.CategoricalDtype) and table[name].dtype != like[name].dtype
    }
    return table.astype(types)


def _alone(table: pd.DataFrame) -> Bools:
    """Whether no other row is equal, by 64-bit digests."""
    try:
        digests = pd.util.hash_pandas_object(table, index=False).to_numpy()
    except TypeError:  # lists, say
        digests = pd.util.hash_pandas_object(table.astype(str), index=False).to_numpy()
    _, place, counts = np.unique(digests, return_inverse=True, return_counts=True)
    return np.asarray(counts[place] == 1)


def _units(sources: Sources) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Person of each row of train and of audit, where both say."""
    unit = sources.data.unit
    if unit is None or sources.train is None or unit not in sources.train.columns:
        return None
    return tuple(  # type: ignore[return-value]
        np.array(labels.names, dtype=object)[labels.codes]
        for labels in (sources.train.labels(unit), sources.labels(unit))
    )


def _apart(sources: Sources) -> Bools:
    """Whether the person of each row is in one of train and audit alone."""
    units = _units(sources)
    if units is None:
        return np.ones(sources.inputs.rows + (sources.train.rows if sources.train else 0), dtype=bool)
    both = set(units[0]) & set(units[1])
    return np.array([each not in both for side in units for each in side], dtype=bool)


def _first_of_each_person(
    sources: Sources, train: NDArray[np.intp], audit: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Both orders, that of train too with one row of each person."""
    units = _units(sources)
    if units is None:
        return train, audit
    _, first = np.unique(units[0][train].astype(str), return_index=True)
    return train[np.sort(first)], audit
