"""Disclosure: what being known to be in a class gives away of a sensitive attribute."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trustkit.evidence.classes import grouped, totals

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_PIECE = 2**22
"""Shares that are held at a time."""


@dataclass(frozen=True)
class Spread:
    """How the values of a sensitive attribute are spread over classes.

    Attributes
    ----------
    group : array of int, shape (pairs,)
        Class of each pair of class and value that occurs.
    value : array of int, shape (pairs,)
        Its value.
    n : array of int, shape (pairs,)
        Its rows, at least one.
    classes, values : int
        How many classes, and values, there are; each occurs.
    """

    group: Ints
    value: Ints
    n: Ints
    classes: int
    values: int

    @cached_property
    def sizes(self) -> Floats:
        """Rows of each class."""
        return totals(self.group, self.n, self.classes).astype(np.float64)

    @cached_property
    def share(self) -> Floats:
        """q: share of each pair's value in its class."""
        return self.n / self.sizes[self.group]

    @cached_property
    def overall(self) -> Floats:
        """p: share of each value in all rows."""
        return np.bincount(self.value, weights=self.n, minlength=self.values) / self.n.sum()

    @cached_property
    def gain(self) -> Floats:
        """(q - p) / p of each pair."""
        return self.share / self.overall[self.value] - 1

    def distinct_l(self) -> int:
        """Fewest values in a class (Machanavajjhala et al. 2007)."""
        return int(np.bincount(self.group, minlength=self.classes).min())

    def entropy_l(self) -> float:
        """Least exp of the entropy of a class: so many equally frequent values tell as little."""
        parts = -self.share * np.log(self.share)
        return float(np.exp(np.bincount(self.group, weights=parts, minlength=self.classes).min()))

    def recursive_c(self, l: int) -> float:  # noqa: E741 (its name)
        """Least c, to be exceeded, of recursive (c, l)-diversity: most of r_1 / (r_l + ... + r_m).

        r are the counts of a class's values, the largest first; infinite
        where a class has fewer than l values.
        """
        order = np.lexsort((-self.n, self.group))
        group, n = self.group[order], self.n[order]
        start = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
        rank = np.arange(len(n)) - np.repeat(start, np.diff(np.r_[start, len(n)]))
        rest = np.bincount(group, weights=np.where(rank >= l - 1, n, 0), minlength=self.classes)
        with np.errstate(divide="ignore"):
            return float((n[start] / rest).max())

    def largest_share(self) -> float:
        """Largest share of a value in a class, the alpha of (alpha, k)-anonymity (Wong et al. 2006)."""
        return float(self.share.max())

    def closeness(self, *, ordered: bool) -> float:
        """Largest earth mover's distance of a class's shares from the overall ones (Li et al. 2007).

        Parameters
        ----------
        ordered : bool
            Whether values lie in a row, as numbers do, neighbors 1/(m - 1)
            apart; else each two are 1 apart.
        """
        if not ordered or self.values < 2:
            more = np.maximum(self.share - self.overall[self.value], 0.0)
            return float(np.bincount(self.group, weights=more, minlength=self.classes).max())
        order = np.argsort(self.group, kind="stable")
        group, value, share = self.group[order], self.value[order], self.share[order]
        most = 0.0
        step = max(_PIECE // self.values, 1)
        for first in range(0, self.classes, step):
            begin, end = np.searchsorted(group, [first, first + step])
            held = np.tile(-self.overall, (min(step, self.classes - first), 1))
            held[group[begin:end] - first, value[begin:end]] += share[begin:end]
            moved = np.abs(np.cumsum(held, axis=1)).sum(axis=1)
            most = max(most, float(moved.max()))
        return most / (self.values - 1)

    def basic_beta(self) -> float:
        """Largest relative gain (q - p) / p, of basic beta-likeness (Cao and Karras 2012)."""
        return float(self.gain.max())

    def enhanced_beta(self) -> float:
        """Largest gain where none is over -ln p, the bound of enhanced beta-likeness; else infinite."""
        within = self.gain <= -np.log(self.overall[self.value])
        return self.basic_beta() if within.all() else float("inf")

    def delta(self) -> tuple[float, float]:
        """Largest |ln(q/p)| (Brickell and Shmatikov 2008), and the same over values that occur in the class.

        The first is infinite where a class lacks a value.
        """
        most = float(np.abs(np.log1p(self.gain)).max())
        return (float("inf") if len(self.n) < self.classes * self.values else most), most


def spread(group: Ints, value: Ints, n: Ints) -> Spread:
    """Sum rows by class and value, both numbered anew without gaps.

    Parameters
    ----------
    group, value, n : arrays of int, shape (cells,)
        Class and value of each cell, from 0, and its rows; at least one cell.
    """
    group, classes = grouped([group], [int(group.max()) + 1])
    value, values = grouped([value], [int(value.max()) + 1])
    place, pairs = grouped([group, value], [classes, values])
    of = np.empty((2, pairs), dtype=np.int64)
    of[:, place] = group, value
    return Spread(of[0], of[1], totals(place, n, pairs), classes, values)
