"""The collector of shifts: count audited and training rows on bins that training declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.collectors.asking import Answers, asked
from trustkit.collectors.columns import Column
from trustkit.collectors.draws import drawing_order
from trustkit.collectors.keys import numbers_of
from trustkit.collectors.residuals import predicted_numbers
from trustkit.collectors.sources import Sources
from trustkit.errors import ModelError
from trustkit.evidence import Unavailable
from trustkit.evidence.blocks import Ints
from trustkit.evidence.score_bins import SCORE_BINS, score_bins
from trustkit.evidence.shifts import PREDICTION, Shifts, Spread, digest
from trustkit.evidence.tables import MISSING
from trustkit.frames import Frame, FrameError, Labels, joined, labels_of

BINS = 20
"""Numbers are cut so that about a twentieth of the training rows lies between two cut points."""

MOST_LABELS = 20
"""Of a column with more labels the most frequent are told apart, by one half of the training rows."""

MOST_JOINT = 5000
"""Rows of each table that are told apart by all columns together."""

MOST_ASKED = 5000
"""Training rows that are put to the model."""

DRAW = 30

SHUFFLED, MOST_SHUFFLED, SHIFTED = 3, 2000, 0.1
"""At most so many columns, those that moved by more than this, are shuffled in so many rows."""

MOVED = 0.1
"""A predicted number changes where it moves by this share of the standard deviation of all."""

Floats = NDArray[np.float64]
Values = Floats | Labels


@dataclass(frozen=True)
class Pair:
    """A column of both tables: numbers in both, or labels in both."""

    audit: Values
    train: Values

    @classmethod
    def read(cls, audit: Frame, train: Frame, name: str, *, classes: bool = False) -> Pair:
        """Read a column, one of classes as labels; FrameError where one of the tables cannot be read."""
        if not classes:
            with suppress(FrameError):
                return cls(numbers_of(audit, name), numbers_of(train, name))
        return cls(audit.labels(name), train.labels(name))

    def joint(self, audit: NDArray[np.intp], train: NDArray[np.intp]) -> Column:
        """Some rows of both tables as one column to learn from, the audited ones first."""
        if isinstance(self.audit, Labels) and isinstance(self.train, Labels):
            parts = [
                Labels(of.names, of.codes[rows]) for of, rows in ((self.audit, audit), (self.train, train))
            ]
            return Column.of_labels(joined(parts))
        return Column.of_numbers(np.concatenate([self.audit[audit], self.train[train]]))  # type: ignore[index]


def collect_shifts(sources: Sources) -> Shifts:
    """Count the rows of both tables on the bins of each input, the target and the prediction.

    Raises
    ------
    Unavailable
        Where there are no training rows.
    """
    train = sources.train
    if train is None:
        raise Unavailable(
            "there are no training rows to compare with", supply="data.train: the rows that it was trained on"
        )
    audited, trained = drawing_order(sources, DRAW), _one_a_person(sources, train)
    pairs, absent = _pairs(sources, train)
    columns = list(dict.fromkeys([*sources.input_names, *_target(sources)]))
    inputs = [name for name in sources.input_names if name in pairs]
    joint = _told_apart([pairs[name] for name in inputs], audited[:MOST_JOINT], trained[:MOST_JOINT])
    spreads, bins = {}, {}
    for name, pair in pairs.items():
        spreads[name], bins[name] = _spread(pair, audited, trained, sources.data.bins.get(name))
    try:
        answers = _answers(sources, train, trained[:MOST_ASKED])
    except (ModelError, FrameError):  # a model that cannot answer its training rows, or a log not read
        answers, absent = None, [*absent, PREDICTION]
    if answers is not None:
        said = np.arange(len(answers.train.codes if isinstance(answers.train, Labels) else answers.train))
        spreads[PREDICTION], bins[PREDICTION] = _spread(answers, audited, said)
        columns.append(PREDICTION)
    declared = {
        "columns": columns,
        "absent": absent,
        "target": sources.data.target,
        "bins": digest(bins),
        "seed": sources.seed,
        "most": MOST_JOINT,
        "unit": sources.data.unit is not None,
        "weight": sources.data.weight is not None,
        "number": sources.task == "regression",
    }
    return Shifts(declared, sources.frame.rows, spreads, joint, _shuffled(sources, spreads, audited))


def _target(sources: Sources) -> list[str]:
    return [] if sources.data.target is None else [sources.data.target]


def _pairs(sources: Sources, train: Frame) -> tuple[dict[str, Pair], list[str]]:
    """Columns of both tables, and the names of those that are not in both or cannot be read."""
    pairs, absent = {}, []
    for name in dict.fromkeys([*sources.input_names, *_target(sources)]):
        classes = name == sources.data.target and sources.task != "regression"
        try:
            pairs[name] = Pair.read(sources.inputs, train, name, classes=classes)
        except FrameError:
            absent.append(name)
    return pairs, absent


def _one_a_person(sources: Sources, train: Frame) -> NDArray[np.intp]:
    """Places of training rows in the order in which they are drawn, one a person where persons are named."""
    order = np.random.default_rng([sources.seed, DRAW, 1]).permutation(train.rows)
    unit = sources.data.unit
    if unit is None or unit not in train.columns:
        return order
    _, first = np.unique(train.labels(unit).codes[order], return_index=True)
    return order[np.sort(first)]


# The bins of a column


def _spread(
    pair: Pair,
    audited: NDArray[np.intp],
    trained: NDArray[np.intp],
    edges: Sequence[float] | None = None,
) -> tuple[Spread, list[Any]]:
    """Rows of both tables in each bin, and what declares the bins: `edges`, where the owner gives some."""
    if isinstance(pair.audit, Labels) and isinstance(pair.train, Labels):
        return _of_labels(pair.audit, pair.train, audited, trained)
    audit, train = pair.audit[audited], pair.train[trained]  # type: ignore[index]
    if edges is None:
        cuts = cut_points(train[~np.isnan(train)])
    else:
        cuts = np.nextafter(np.array(edges, dtype=np.float64), -np.inf)  # the edge is of the bin above it
    return Spread(True, _binned(audit, cuts), _binned(train, cuts), _gaps(train, cuts)), cuts.tolist()


def _gaps(values: Floats, cuts: Floats) -> tuple[float, ...]:
    """Distances of neighboring cut points in standard deviations of the values; 0 where there is none."""
    finite = values[np.isfinite(values)]
    spread = float(finite.std()) if len(finite) else 0.0
    with np.errstate(invalid="ignore"):
        gaps = np.diff(cuts) / spread if spread > 0 else np.zeros(max(len(cuts) - 1, 0))
    return tuple(float(f"{gap:.4g}") for gap in np.nan_to_num(gaps, posinf=0.0))


def cut_points(values: Floats) -> Floats:
    """Return values at or below which about 5, 10, ... 100 % of `values` lie, and those beside frequent ones.

    Of a value that a twentieth of the rows or more have, what lies below is
    cut off too: else a change in its own share might not be seen.
    """
    distinct, rows = np.unique(values, return_counts=True)
    if not len(distinct):
        return distinct
    reached = np.cumsum(rows)
    places = np.searchsorted(reached * BINS, np.arange(1, BINS + 1) * len(values))
    frequent = np.flatnonzero(rows * BINS >= len(values))
    chosen = np.unique(np.concatenate([places, frequent, frequent - 1]))
    return distinct[chosen[chosen >= 0]]


def _binned(values: Floats, cuts: Floats) -> Ints:
    """Rows without a value, then those of each bin, which holds its right end."""
    place = np.searchsorted(cuts, values, side="left") + 1
    place[np.isnan(values)] = 0
    return np.bincount(place, minlength=len(cuts) + 2).astype(np.int64)


def _of_labels(
    audit: Labels, train: Labels, audited: NDArray[np.intp], trained: NDArray[np.intp]
) -> tuple[Spread, list[Any]]:
    """Frequent labels singly, the rest together.

    Where labels are many, one half of the training rows chooses those that
    stand alone and the other half is counted: what is chosen for being
    frequent is less frequent elsewhere.
    """
    counted = train.codes[trained]
    declaring = counted
    if len(set(train.names) - {MISSING}) > MOST_LABELS:
        declaring, counted = counted[::2], counted[1::2]
    rows = np.bincount(declaring, minlength=len(train.names))
    by_rows = [train.names[i] for i in np.argsort(-rows, kind="stable") if train.names[i] != MISSING]
    named = {name: place for place, name in enumerate(by_rows[:MOST_LABELS], 1)}
    bins = {MISSING: 0, **named}
    place = [
        np.array([bins.get(n, len(named) + 1) for n in of.names], dtype=np.int64) for of in (audit, train)
    ]
    codes = audit.codes[audited]
    known = {*train.names, MISSING}
    is_new = np.array([name not in known for name in audit.names])
    size = len(named) + 2
    made = Spread(
        False,
        np.bincount(place[0][codes], minlength=size).astype(np.int64),
        np.bincount(place[1][counted], minlength=size).astype(np.int64),
        unseen=int(is_new[codes].sum()),
    )
    return made, list(named)


# The answers of the model


def _answers(sources: Sources, train: Frame, rows: NDArray[np.intp]) -> Pair | None:
    """Decisions or predicted numbers of the audited and some training rows; None where they lack."""
    logged = sources.data.prediction
    if logged is not None:
        if logged not in train.columns:
            return None
        pair = Pair.read(sources.frame, train, logged, classes=sources.task != "regression")
        taken = pair.train
        return Pair(
            pair.audit, Labels(taken.names, taken.codes[rows]) if isinstance(taken, Labels) else taken[rows]
        )
    if sources.model is None or not set(sources.features) <= set(train.columns):
        return None
    table = next(train.at(rows).batches(sources.features, len(rows)))
    said = asked(sources, table, "ask about training rows")
    mine = _said(sources, np.arange(sources.frame.rows))
    return Pair(mine, labels_of(said.decision) if isinstance(mine, Labels) else np.asarray(said.number))


def _said(sources: Sources, rows: NDArray[np.intp]) -> Values:
    """What the model said of some audited rows: decisions, or the numbers of a regression."""
    if sources.task != "regression":
        said = sources.predictions().labels
        return Labels(said.names, said.codes[rows])
    return predicted_numbers(sources)[rows]


def _shuffled(
    sources: Sources, spreads: Mapping[str, Spread], audited: NDArray[np.intp]
) -> dict[str, tuple[int, int]]:
    """How many decisions change when a column that moved most is shuffled among drawn rows."""
    if sources.model is None or sources.data.prediction is not None:
        return {}
    moved = {name: _moved(spreads[name]) for name in sources.features if name in spreads}
    far = [name for name in sorted(moved, key=lambda name: -moved[name]) if moved[name] > SHIFTED]
    if not far:
        return {}
    rows = audited[:MOST_SHUFFLED]
    table = next(sources.frame.at(rows).batches(sources.features, len(rows)))
    before = _said(sources, rows)
    found = {}
    for number, name in enumerate(far[:SHUFFLED]):
        order = np.random.default_rng([sources.seed, DRAW, 2, number]).permutation(len(rows))
        changed = table.assign(**{name: table[name].take(order).set_axis(table.index)})
        with suppress(ModelError):  # a value that it cannot take beside the others
            after = asked(sources, changed, "shuffle shifted columns")
            found[name] = (len(rows), int(_differ(before, after).sum()))
    return found


def _differ(before: Values, after: Answers) -> NDArray[np.bool_]:
    """Where decisions differ, or predicted numbers by a good part of how they spread."""
    if isinstance(before, Labels):
        return np.asarray(before.text != after.decision)
    return np.asarray(np.abs(before - np.asarray(after.number)) > MOVED * np.nanstd(before))


def _moved(spread: Spread) -> float:
    """Distance of the two histograms: of the distribution functions where bins are ordered."""
    apart = spread.audit / max(spread.audit.sum(), 1) - spread.train / max(spread.train.sum(), 1)
    return float(np.abs(np.cumsum(apart)).max() if spread.is_ordered else np.abs(apart).sum() / 2)


# All columns together


def _told_apart(pairs: Sequence[Pair], audited: NDArray[np.intp], trained: NDArray[np.intp]) -> Ints:
    """Ranks of training rows (first) and audited rows by a model that takes one table from the other.

    Of the ranks of each half, those of the training rows are its measure, so
    that halves and shards compare.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    ranks = np.zeros((2, SCORE_BINS), dtype=np.int64)
    columns = [pair.joint(audited, trained) for pair in pairs]
    ordered = [c.place for c in columns if c.place is not None and np.isfinite(c.place).any()]
    words = [column.level.astype(np.float64) for column in columns if column.is_category]
    if not ordered and not words:
        return ranks
    X = np.column_stack([*ordered, *words])
    is_audit = np.arange(len(X)) < len(audited)
    half = np.concatenate([np.arange(len(audited)), np.arange(len(trained))]) % 2
    for told in (0, 1):
        learned = half != told
        if len(np.unique(is_audit[learned])) < 2:
            continue
        model = HistGradientBoostingClassifier(
            learning_rate=0.2,
            max_iter=20,
            max_leaf_nodes=15,
            categorical_features=np.arange(X.shape[1]) >= len(ordered),
            early_stopping=False,
            random_state=0,
        )
        with threadpool_limits(1, user_api="openmp"):  # one thread adds in one order
            likely = model.fit(X[learned], is_audit[learned]).predict_proba(X[~learned])[:, 1]
        mine = is_audit[~learned]
        measure = np.sort(likely[~mine])
        below, up_to = (np.searchsorted(measure, likely, side=side) for side in ("left", "right"))
        bins = score_bins((below + up_to) / 2 / max(len(measure), 1))
        for member in (0, 1):
            ranks[member] += np.bincount(bins[mine == bool(member)], minlength=SCORE_BINS)
    return ranks
