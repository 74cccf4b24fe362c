"""The collector of proxies: learn from the inputs who belongs to a group, and rank the other rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from trustkit.collectors.columns import Column
from trustkit.collectors.draws import drawing_order, topped_up
from trustkit.collectors.sources import Sources
from trustkit.evidence import Unavailable
from trustkit.evidence.blocks import Block, Ints
from trustkit.evidence.proxies import OUTPUT, TOGETHER, Proxies
from trustkit.evidence.score_bins import SCORE_BINS, score_bins
from trustkit.evidence.tables import MISSING, OTHER
from trustkit.frames import FrameError, Labels, bin_names

MOST, FEWEST_OF_MANY, MOST_VALUES = 20_000, 2000, 1_000_000
"""Rows that are drawn: fewer, though not under so many, where inputs are many, for so many values in all."""

FEWEST = 400
"""Rows of each group that are drawn, as far as there are so many."""

DRAW = 12

MOST_GROUPS = 40
"""Of an attribute with more groups the smallest are pooled."""

SMOOTHING = 5.0
"""Rows of everybody's mix that are added to each level."""

FEWEST_LEARNED = 10
"""Groups with fewer rows to learn from are learned as one."""

MOST_TREES, MOST_ROUNDS, FEWEST_ROUNDS = 400, 30, 10
"""A round of boosting grows a tree for each group."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Groups:
    """Groups of an attribute: their labels, each row's (-1: missing), and how many were pooled."""

    names: tuple[str, ...]
    codes: Ints
    pooled: int

    @classmethod
    def of(cls, labels: Labels) -> Self:
        """Keep the largest groups, pool the others, leave the missing out."""
        rows = np.bincount(labels.codes, minlength=len(labels.names))
        by_size = [int(i) for i in np.argsort(-rows, kind="stable") if labels.names[i] != MISSING]
        kept, small = by_size[:MOST_GROUPS], by_size[MOST_GROUPS:]
        place = np.full(len(labels.names), -1, dtype=np.int64)
        place[kept] = np.arange(len(kept))
        place[small] = len(kept)
        names = [labels.names[i] for i in kept] + [OTHER] * bool(small)
        return cls(tuple(names), place[labels.codes], len(small))


@dataclass(frozen=True)
class Drawn:
    """Rows that were drawn to tell the groups of one attribute.

    Attributes
    ----------
    rows : array of int
        Their places.
    group : array of int
        Group of each.
    groups : int
        Number of groups.
    half : array of int
        Half, 0 or 1, in which each is told.
    is_base : array of bool
        False of rows that were added since their group was short: they count
        for their group, and not among the others.
    """

    rows: NDArray[np.intp]
    group: Ints
    groups: int
    half: Ints
    is_base: NDArray[np.bool_]

    @classmethod
    def of(cls, order: NDArray[np.intp], most: int, groups: Groups) -> Self:
        """Draw the first of `order`, and further rows of groups that are short among them."""
        known = order[groups.codes[order] >= 0]
        base = known[:most]
        rows = np.concatenate([base, topped_up(known, most, groups.codes, len(groups.names), FEWEST)])
        place = np.arange(len(rows))
        return cls(rows, groups.codes[rows], len(groups.names), place % 2, place < len(base))

    def counts(self, level: Ints, rows: NDArray[np.bool_]) -> Ints:
        """Count some of the rows by level and group; shape (levels, groups)."""
        levels = int(level.max()) + 1
        key = level[rows] * self.groups + self.group[rows]
        return np.bincount(key, minlength=levels * self.groups).reshape(levels, self.groups)


def collect_proxies(sources: Sources) -> Proxies:
    """Rank drawn rows by how likely each is of a group, going by all inputs, each input and the output.

    The attribute itself is no input. All inputs together are learned by
    boosted trees, a single one by the share of the group at each value. Rows
    whose attribute is missing are left out, and so are inputs that hold
    neither numbers nor labels.

    Raises
    ------
    Unavailable
        Where there is no attribute with two groups, or no input beside it.
    """
    attributes = list(sources.data.sensitive)
    if not attributes:
        raise Unavailable(
            "no sensitive attribute is declared", supply="data.sensitive: the columns that name groups"
        )
    told = {name: Groups.of(sources.groups(name)) for name in attributes}
    told = {name: groups for name, groups in told.items() if len(groups.names) > 1}
    if not told:
        raise Unavailable(
            f"only one group occurs in {', '.join(attributes)}", supply="rows of at least two groups"
        )
    if all(set(sources.input_names) <= {name} for name in told):
        raise Unavailable(
            "there is no input beside the sensitive attribute",
            supply="data.features: the columns that decisions rest on",
        )
    order = drawing_order(sources, DRAW)
    most = int(np.clip(MOST_VALUES // len(sources.input_names), FEWEST_OF_MANY, MOST))
    says, output = _output(sources)
    named: list[tuple[str, str]] = []
    blocks = []
    for number, (name, groups) in enumerate(told.items(), 1):
        drawn = Drawn.of(order, most, groups)
        columns = dict(_columns(sources, drawn.rows, but=name))
        if output is not None:
            columns[OUTPUT] = _read(output, drawn.rows)
        blocks.append(_ranked(drawn, columns).shifted(0, by=len(named)))
        named += [(name, label) for label in groups.names]
        if sources.progress is not None:
            sources.progress("tell groups by inputs", number, len(told))
    edges = {name: sources.data.bins[name] for name in attributes if name in sources.data.bins}
    schema = {
        "attributes": attributes,
        "bins": {name: list(bin_names(each)) for name, each in edges.items()},
        "inputs": list(sources.input_names),
        "output": says,
        "seed": sources.seed,
        "most": most,
        "fewest": FEWEST,
        "unit": sources.data.unit is not None,
        "weight": sources.data.weight is not None,
    }
    return Proxies.made(
        schema,
        of=sources.frame.rows,
        drawn=len(order[:most]),
        groups=named,
        pooled={name: groups.pooled for name, groups in told.items() if groups.pooled},
        block=_joined(blocks),
    )


def _output(sources: Sources) -> tuple[str | None, Floats | Labels | None]:
    """The score, else the decision or the predicted number, of every row."""
    if sources.task == "regression" and sources.data.prediction is not None:
        return "prediction", sources.numbers("prediction")
    score = sources.score()
    if score is not None:
        return "score", score
    decisions = sources.decisions()
    return (None if decisions is None else "decision"), decisions


def _read(output: Floats | Labels, rows: NDArray[np.intp]) -> Column:
    if isinstance(output, Labels):
        return Column.of_labels(Labels(output.names, output.codes[rows]))
    return Column.of_numbers(output[rows])


def _columns(sources: Sources, rows: NDArray[np.intp], *, but: str) -> Iterator[tuple[int, Column]]:
    """Inputs that can be read, each with its place among the sources of the evidence."""
    frame = sources.inputs.at(rows)
    for place, name in enumerate(sources.input_names, OUTPUT + 1):
        if name != but:
            with suppress(FrameError):  # lists, say
                yield place, Column.read(frame, name)


def _ranked(drawn: Drawn, columns: Mapping[int, Column]) -> Block:
    """Histograms of the ranks that the inputs together give, and each column."""
    likely = _boosted(drawn, [column for place, column in columns.items() if place != OUTPUT])
    each_row = np.arange(len(drawn.rows))
    blocks: list[Block] = []
    for half in (0, 1):
        told = drawn.half == half
        member, base = (drawn.counts(each_row, rows) for rows in (told, told & drawn.is_base))
        blocks += _histograms(TOGETHER, likely[told], member[told], base[told])
        for place, column in columns.items():
            learned = drawn.counts(column.level, ~told)
            member, base = (drawn.counts(column.level, rows) for rows in (told, told & drawn.is_base))
            blocks += _histograms(place, _shares(learned), member, base)
    return _joined(blocks)


def _shares(learned: Ints) -> Floats:
    """Share of each group at each level, drawn toward that of all rows; shape (levels, groups)."""
    mix = learned.sum(axis=0) / max(learned.sum(), 1)
    return (learned + SMOOTHING * mix) / (learned.sum(axis=1, keepdims=True) + SMOOTHING)


def _histograms(source: int, likely: Floats, member: Ints, base: Ints) -> Iterator[Block]:
    """Histograms of the ranks of points among the base rows of their half.

    Parameters
    ----------
    source : int
        Place of the source.
    likely : array, shape (points, groups)
        How likely a row at each point is of each group.
    member, base : array of int, shape (points, groups)
        Rows of each group at each point; of them, those of the simple draw.
    """
    everybody = base.sum(axis=1)
    for group in range(likely.shape[1]):
        _, value = np.unique(likely[:, group], return_inverse=True)
        rows = np.bincount(value, weights=everybody)
        rank = (np.cumsum(rows) - rows / 2) / max(rows.sum(), 1.0)
        bins = score_bins(rank)[value]
        for is_member, n in enumerate((everybody - base[:, group], member[:, group])):
            counted = np.bincount(bins, weights=n, minlength=SCORE_BINS).astype(np.int64)
            (there,) = np.nonzero(counted)
            codes = np.empty((len(there), 4), dtype=np.int64)
            codes[:, :3], codes[:, 3] = (group, source, is_member), there
            yield Block(codes, {"n": counted[there]})


def _boosted(drawn: Drawn, columns: Sequence[Column]) -> Floats:
    """Chance of each group for each row, learned from the other half; shape (rows, groups)."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    placed = [column.place for column in columns if column.place is not None]
    ordered = [
        place for place in placed if np.isfinite(place).any()
    ]  # a column without a value tells nothing
    words = [column.level.astype(np.float64) for column in columns if column.is_category]
    X = np.column_stack([*ordered, *words]) if ordered or words else np.zeros((len(drawn.rows), 1))
    fewest = np.min(
        [np.bincount(drawn.group[drawn.half == h], minlength=drawn.groups) for h in (0, 1)], axis=0
    )
    named = np.where(fewest >= FEWEST_LEARNED, np.arange(drawn.groups), drawn.groups)
    likely = np.zeros((len(drawn.rows), drawn.groups))
    for half in (0, 1):
        told, truth = drawn.half == half, named[drawn.group]
        classes = np.unique(truth[~told])
        if len(classes) < 2:
            continue
        model = HistGradientBoostingClassifier(
            learning_rate=0.2,
            max_iter=int(np.clip(MOST_TREES // len(classes), FEWEST_ROUNDS, MOST_ROUNDS)),
            max_leaf_nodes=15,
            categorical_features=np.arange(X.shape[1]) >= len(ordered),
            early_stopping=False,
            random_state=0,
        )
        with threadpool_limits(1, user_api="openmp"):  # one thread adds in one order
            chances = model.fit(X[~told], truth[~told]).predict_proba(X[told])
        place = np.searchsorted(classes, named).clip(max=len(classes) - 1)
        likely[told] = np.where(classes[place] == named, chances[:, place], 0.0)
    return likely


def _joined(blocks: Sequence[Block]) -> Block:
    """Add blocks of counts."""
    codes = np.concatenate([block.codes for block in blocks])
    return Block(codes, {"n": np.concatenate([block.sums["n"] for block in blocks])}).summed()
