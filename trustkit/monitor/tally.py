"""The tally: counts of closed panes by group, truth, decision and score, as the rates of checks read them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.checks.comparison import of_class
from trustkit.evidence.blocks import SCORE_ONE, Ints
from trustkit.evidence.tables import Table
from trustkit.measure.betting import e_panes
from trustkit.monitor.claims import RATES, WatchedClaim
from trustkit.monitor.state import Counts, State
from trustkit.monitor.watch import SCORE_BINS, Watch

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sides:
    """Rows counted, and rows, of the subject and of the reference, by pane; the reference may be None.

    Shape ``(panes, strata)``: one stratum where none are declared.
    """

    panes: Ints
    k: Floats
    n: Floats
    reference_k: Floats | None = None
    reference_n: Floats | None = None


@dataclass(frozen=True)
class Ledger:
    """Closed panes of one ledger, its keys decoded.

    Attributes
    ----------
    panes : array of int, shape (panes,)
        Those with a row.
    pane, code : arrays of int, shape (cells,) and (cells, axes)
        Place of each cell's pane among `panes`; codes of its groups, prediction, score bin and truth.
    n, s : arrays, shape (cells,)
        Rows, and sums of scores.
    """

    panes: Ints
    pane: Ints
    code: Ints
    n: Ints
    s: Floats

    @classmethod
    def of(cls, counts: Counts | None, through: int | None, axes: int) -> Ledger:
        """Read the panes that have closed; without a truth its code is -1."""
        if counts is None or through is None or not len(counts.n):
            nothing = np.zeros(0, dtype=np.int64)
            return cls(nothing, nothing, np.zeros((0, axes), dtype=np.int64), nothing, np.zeros(0))
        codes = np.array([_decoded(key) for key in counts.keys], dtype=np.int64).reshape(-1, axes)
        closed = counts.pane <= through
        panes, place = np.unique(counts.pane[closed], return_inverse=True)
        s = counts.s[closed] / SCORE_ONE
        return cls(panes, place.ravel(), codes[counts.key[closed]], counts.n[closed], s)

    @property
    def scored(self) -> Ledger:
        """The cells with a score."""
        there = self.code[:, -2] >= 0
        return Ledger(self.panes, self.pane[there], self.code[there], self.n[there], self.s[there])


def _decoded(key: str) -> list[int]:
    groups, prediction, score, *truth = key.split("|")
    named = [int(code) for code in groups.split(",")] if groups else []
    return [*named, int(prediction), int(score), int(truth[0]) if truth else -1]


def _spread(values: NDArray[Any], place: tuple[Ints, ...], shape: tuple[int, ...]) -> NDArray[Any]:
    """Values added where they belong in a dense array."""
    total = np.zeros(shape, dtype=values.dtype)
    np.add.at(total.reshape(-1), np.ravel_multi_index(place, shape), values)  # fast along one axis alone
    return total


class Tally:
    """Counts of a store by the groups of any view.

    Parameters
    ----------
    state : State
        What a store holds.
    watch : Watch
        What is watched in it.

    Attributes
    ----------
    known : dict
        What bets on its counts came to, kept by their name for all claims that ask.
    """

    def __init__(self, state: State, watch: Watch) -> None:
        self._watch, self._state = watch, state
        self.closed_through, self.matured_through = state.closed_through, state.matured_through
        self._joined: dict[Hashable, Ints] = {}
        self._tables: dict[tuple[bool, bool, tuple[str, ...]], Table] = {}
        self.known: dict[Hashable, tuple[float, float]] = {}
        self._scores: dict[str, tuple[Floats, Floats]] = {}
        self._measured: dict[Hashable, tuple[Floats, Floats]] = {}

    @cached_property
    def decided(self) -> Ledger:
        """Decisions of the panes that have closed."""
        return self._ledger("decided", self._state.closed_through)

    @cached_property
    def labeled(self) -> Ledger:
        """Decisions with their truth, of the panes whose time for labels is over."""
        return self._ledger("labeled", self._state.matured_through)

    def _ledger(self, name: str, through: int | None) -> Ledger:
        return Ledger.of(self._state.counts.get(name), through, len(self._watch.axes) + 3)

    def groups(self, view: tuple[str, ...]) -> list[dict[str, str]]:
        """Groups that the axes of a view make together, those unseen in the audit among them."""
        labels = [self._watch.labels[name] for name in view]
        return [dict(zip(view, names, strict=True)) for names in product(*labels)]

    def table(self, view: tuple[str, ...], *, labeled: bool, scored: bool = False) -> Table:
        """Return the counts of each pane's groups: all groups of the first pane, then of the next, ...

        They are of the rows that have a label, of those that have a score, or of all.
        """
        key = (labeled, scored, view)
        if key not in self._tables:
            ledger = self.labeled if labeled else self.decided
            self._tables[key] = self._counted(ledger.scored if scored else ledger, view)
        return self._tables[key]

    def _counted(self, ledger: Ledger, view: tuple[str, ...]) -> Table:
        groups = self.groups(view)
        return self._table(ledger, self._cell(ledger, view), groups * len(ledger.panes))

    def _cell(self, ledger: Ledger, view: tuple[str, ...]) -> Ints:
        """Place of each cell's group among all groups of the first pane, then of the next, ..."""
        return ledger.pane * len(self.groups(view)) + self._group(ledger, view)

    def _table(self, ledger: Ledger, place: Ints, groups: list[dict[str, str]]) -> Table:
        """Counts of groups, of which each cell of a ledger adds to one."""
        truths, predictions = self._watch.labels["truth"], self._watch.labels["prediction"]
        truth = ledger.code[:, -1] % len(truths)  # one that is not known is -1: the last label, (missing)
        where = (place, truth, ledger.code[:, -3])
        shape = (len(groups), len(truths), len(predictions))
        return Table(
            groups=groups,
            truths=truths,
            predictions=predictions,
            n=_spread(ledger.n, where, shape),
            weight=None,
            weight_squared=None,
            s=_spread(ledger.s, where, shape),
            s2=None,
            buckets=None,
            bucket_s=None,
            positive=self._watch.positive,
            favorable=self._watch.favorable,
        )

    def _group(self, ledger: Ledger, view: tuple[str, ...]) -> Ints:
        code = np.zeros(len(ledger.n), dtype=np.int64)
        for name in view:
            axis = self._watch.axes.index(name)
            code = code * len(self._watch.labels[name]) + ledger.code[:, axis]
        return code

    def sides(self, claim: WatchedClaim) -> Sides:
        """Return what a claim about rates counts, by pane."""
        ledger, groups = self.labeled if claim.labeled else self.decided, self.groups(claim.view)
        k, n = self._rates(claim)
        if claim.stratum:
            stratum = self.groups(tuple(claim.stratum)).index(dict(claim.stratum))
            k, n = k[:, :, [stratum]], n[:, :, [stratum]]
        mine = groups.index(dict(claim.subject.get("groups", {})))
        if claim.reference is None:
            return Sides(ledger.panes, k[:, mine], n[:, mine])
        if isinstance(claim.reference, str):
            rest = (part.sum(axis=1) - part[:, mine] for part in (k, n))
            return Sides(ledger.panes, k[:, mine], n[:, mine], *rest)
        other = groups.index(dict(claim.reference))
        return Sides(ledger.panes, k[:, mine], n[:, mine], k[:, other], n[:, other])

    def joined(self, pair: Hashable, sides: Sides, fewest: int) -> Ints:
        """Return how the panes of two groups are joined; a pair has many claims, either way round."""
        if pair not in self._joined:
            rows = (part.sum(axis=1) for part in (sides.n, sides.reference_n) if part is not None)
            self._joined[pair] = e_panes(*rows, fewest=fewest)
        return self._joined[pair]

    def _rates(self, claim: WatchedClaim) -> tuple[Floats, Floats]:
        """Rows counted, and rows, of a rate, shape ``(panes, groups, strata)``; many claims are about one."""
        label, strata = claim.subject.get("class"), claim.strata or tuple(claim.stratum)
        key = (claim.view, claim.rate, label, strata)
        if key not in self._measured:
            if strata:
                self._measured[key] = self._within(claim, strata)
            else:
                table = self.table(claim.view, labeled=claim.labeled)
                measured = RATES[claim.rate](of_class(table, label))
                shape = (-1, len(self.groups(claim.view)), 1)
                self._measured[key] = (
                    measured.k.reshape(shape).astype(float),
                    measured.n.reshape(shape).astype(float),
                )
        return self._measured[key]

    def _within(self, claim: WatchedClaim, strata: tuple[str, ...]) -> tuple[Floats, Floats]:
        """Rows counted, and rows, of a rate by pane, group and stratum."""
        ledger, view = self.labeled if claim.labeled else self.decided, claim.view
        axes = (*view, *(name for name in strata if name not in view))
        groups, size = self.groups(axes), len(ledger.panes)
        # the table is of the cells that have a row: all others, and their truths and decisions, are too many
        cells, place = np.unique(self._cell(ledger, axes), return_inverse=True)
        table = self._table(ledger, place.ravel(), [{}] * len(cells))
        measured = RATES[claim.rate](of_class(table, claim.subject.get("class")))
        places = {frozenset(group.items()): i for i, group in enumerate(groups)}
        index = [
            [places.get(frozenset({*group.items(), *stratum.items()}), -1) for stratum in self.groups(strata)]
            for group in self.groups(view)
        ]  # -1: a group that is in no such stratum, of which the last place is kept empty
        made = []
        for counts in (measured.k, measured.n):
            dense = np.zeros((size, len(groups) + 1))
            dense[np.divmod(cells, len(groups))] = counts
            made.append(dense[:, index])
        return made[0], made[1]

    def scores(self, claim: WatchedClaim) -> tuple[Ints, Floats, Floats]:
        """Return panes; and rows and sums of scores of a claim's group, shape ``(panes, score bins, 2)``."""
        ledger, group = self.labeled, dict(claim.subject.get("groups", {}))
        if str(group) not in self._scores:
            self._scores[str(group)] = self._scored(claim.view, self.groups(claim.view).index(group))
        return (ledger.panes, *self._scores[str(group)])

    def _scored(self, view: tuple[str, ...], mine: int) -> tuple[Floats, Floats]:
        ledger = self.labeled
        truths = np.array(self._watch.labels["truth"])
        known = (self._group(ledger, view) == mine) & (ledger.code[:, -2] >= 0)
        known &= truths[ledger.code[:, -1]] != truths[-1]  # the last is (missing)
        positive = (truths == self._watch.positive)[ledger.code[known, -1]].astype(np.int64)
        place = (ledger.pane[known], ledger.code[known, -2], positive)
        n, s = (
            _spread(values[known], place, (len(ledger.panes), SCORE_BINS, 2)).astype(float)
            for values in (ledger.n, ledger.s)
        )
        return n, s

    @cached_property
    def score_bins(self) -> tuple[Ints, Floats]:
        """Panes, and the decided rows in each bin of the score, shape ``(panes, score bins)``."""
        ledger = self.decided
        known = ledger.code[:, -2] >= 0
        place = (ledger.pane[known], ledger.code[known, -2])
        return ledger.panes, _spread(ledger.n[known], place, (len(ledger.panes), SCORE_BINS)).astype(float)

    @cached_property
    def columns(self) -> Mapping[str, tuple[Ints, Floats]]:
        """By input: panes, and their rows in each bin, shape ``(panes, bins)``.

        A row that came with other inputs, and not with this one, lacks a value of it.
        """
        names, cells = list(self._watch.columns), list(self._cells("column"))
        if not cells:
            return {}
        every = np.unique(np.concatenate([panes for _, _, panes, _ in cells]))
        found = {}
        for place, bins, panes, rows in cells:
            found[names[place]] = counts = np.zeros((len(every), self._watch.columns[names[place]].bins))
            np.add.at(counts, (np.searchsorted(every, panes), bins), rows)
        most = np.max([counts.sum(axis=1) for counts in found.values()], axis=0)
        for counts in found.values():
            counts[:, 0] += most - counts.sum(axis=1)
        return {name: (every, counts) for name, counts in found.items()}

    def _cells(self, ledger: str) -> Any:
        """Cells of each column of a ledger with keys ``column|bin``."""
        counts, through = self._state.counts.get(ledger), self._state.closed_through
        if counts is None or through is None or not counts.keys:
            return
        codes = np.array([[int(code) for code in key.split("|")] for key in counts.keys])
        closed = counts.pane <= through
        columns = codes[counts.key, 0]
        for place in np.unique(columns[closed]).tolist():
            chosen = closed & (columns == place)
            yield place, codes[counts.key[chosen], 1], counts.pane[chosen], counts.n[chosen]

    def total(self, ledger: str) -> int:
        """Rows of a ledger, in panes closed or not."""
        counts = self._state.counts.get(ledger)
        return 0 if counts is None else int(counts.n.sum())
