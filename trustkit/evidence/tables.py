"""Tables: dense counts of some groups, as checks read them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.evidence.blocks import Ints

MISSING = "(missing)"
OTHER = "(other)"


@dataclass(frozen=True)
class Table:
    """Dense counts of some groups by truth and prediction: what checks read.

    Attributes
    ----------
    groups : list of dict
        ``{attribute: label}`` of each group; one empty dict for everybody.
    truths, predictions : tuple of str
        Labels of the two axes.
    n : array of int, shape (groups, truths, predictions)
        Rows.
    weight, weight_squared : arrays of the same shape, or None
        Summed weights, where rows are weighted.
    s, s2 : arrays of the same shape, or None
        Summed (weighted) scores and squared scores.
    buckets, bucket_s : arrays, shape (256, groups, truths, predictions), or None
        Rows (or weights) and summed scores by bucket of the unit.
    positive, favorable : str and tuple of str, or None
        Labels of the two roles.
    noise_scale : float
        Scale of the noise that was added to the counts; 0 where none was.
    noise_terms : array of int, of the shape of `n`, or None
        How many draws of noise are summed in each count.
    """

    groups: list[dict[str, str]]
    truths: tuple[str, ...]
    predictions: tuple[str, ...]
    n: Ints
    weight: NDArray[np.float64] | None
    weight_squared: NDArray[np.float64] | None
    s: NDArray[np.float64] | None
    s2: NDArray[np.float64] | None
    buckets: NDArray[np.float64] | None
    bucket_s: NDArray[np.float64] | None
    positive: str | None
    favorable: tuple[str, ...]
    noise_scale: float = 0.0
    noise_terms: Ints | None = None

    @cached_property
    def rows(self) -> Ints:
        """Rows of each group, shape ``(groups,)``."""
        total: Ints = self.n.sum(axis=(1, 2))
        return total

    @property
    def mass(self) -> NDArray[Any]:
        """Weights where there are any, else rows."""
        return self.n if self.weight is None else self.weight

    @property
    def mass_squared(self) -> NDArray[Any]:
        """Squared weights where there are any, else rows."""
        return self.n if self.weight_squared is None else self.weight_squared

    @cached_property
    def truth_known(self) -> NDArray[np.bool_]:
        """Pairs with a truth, shape ``(truths, predictions)`` as all that follow."""
        return self._pairs([t != MISSING for t in self.truths], axis=0)

    @cached_property
    def truth_positive(self) -> NDArray[np.bool_]:
        """Pairs whose truth is the positive class."""
        return self._pairs([t == self.positive for t in self.truths], axis=0)

    @cached_property
    def decided(self) -> NDArray[np.bool_]:
        """Pairs with a prediction."""
        return self._pairs([p != MISSING for p in self.predictions], axis=1)

    @cached_property
    def predicted_positive(self) -> NDArray[np.bool_]:
        """Pairs predicted positive."""
        return self._pairs([p == self.positive for p in self.predictions], axis=1)

    @cached_property
    def favored(self) -> NDArray[np.bool_]:
        """Pairs whose prediction is one that a person wants."""
        return self._pairs([p in self.favorable for p in self.predictions], axis=1)

    @cached_property
    def correct(self) -> NDArray[np.bool_]:
        """Pairs whose prediction is the truth."""
        return np.array([[t == p for p in self.predictions] for t in self.truths])

    def truth_is(self, label: str) -> NDArray[np.bool_]:
        """Pairs whose truth is `label`."""
        return self._pairs([t == label for t in self.truths], axis=0)

    def rest(self) -> Table:
        """Return, in place of each group, all the others together."""

        def others(counts: Any, axis: int = 0) -> Any:
            return None if counts is None else counts.sum(axis=axis, keepdims=True) - counts

        summed = ("n", "weight", "weight_squared", "s", "s2", "noise_terms")
        by_group = {name: others(getattr(self, name)) for name in summed}
        by_bucket = {name: others(getattr(self, name), axis=1) for name in ("buckets", "bucket_s")}
        return replace(self, **by_group, **by_bucket)

    def picked(self, places: Ints, groups: list[dict[str, str]]) -> Table:
        """Return the groups at `places`, under other names; a place of -1 is a group without a row."""

        def at(counts: Any, axis: int = 0) -> Any:
            if counts is None:
                return None
            there = np.expand_dims(places >= 0, tuple(range(1, counts.ndim - axis)))
            return np.where(there, np.take(counts, places, axis=axis), 0)

        summed = ("n", "weight", "weight_squared", "s", "s2", "noise_terms")
        by_group = {name: at(getattr(self, name)) for name in summed}
        by_bucket = {name: at(getattr(self, name), axis=1) for name in ("buckets", "bucket_s")}
        return replace(self, groups=groups, **by_group, **by_bucket)

    def _pairs(self, chosen: list[bool], axis: int) -> NDArray[np.bool_]:
        line = np.array(chosen, dtype=bool)
        return np.broadcast_to(
            line[:, None] if axis == 0 else line, (len(self.truths), len(self.predictions))
        ).copy()


@dataclass(frozen=True)
class Scores:
    """Score histograms of groups by truth.

    Attributes
    ----------
    groups : list of dict
        As in `Table`.
    n : array of int, shape (groups, 2, SCORE_BINS)
        Rows, negative and positive truth.
    mass : array of the same shape
        Rows, or their weights.
    s, s2 : arrays of the same shape
        Sums of (weighted) scores and squared scores.
    """

    groups: list[dict[str, str]]
    n: Ints
    mass: NDArray[np.float64]
    s: NDArray[np.float64]
    s2: NDArray[np.float64]

    def rest(self) -> Scores:
        """Return, in place of each group, all the others together."""
        return Scores(self.groups, *(part.sum(axis=0) - part for part in self._sums()))

    def take(self, index: Any) -> Scores:
        """Return the groups at `index`, which may occur more than once."""
        return Scores([self.groups[i] for i in index], *(part[index] for part in self._sums()))

    def _sums(self) -> tuple[Any, ...]:
        return self.n, self.mass, self.s, self.s2
