"""Singling out: the fewest columns that make rows unique, and the coarsening that helps most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trustkit.evidence.classes import Classes, grouped, totals

RARE = 0.01
"""Labels of a smaller share of the rows are made one, as a way of coarsening."""

DROPPED, POOLED = "dropped", f"labels under {RARE:.0%} of the rows made one"

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Coarsening:
    """One column made coarser, the others left as they are.

    Attributes
    ----------
    column, form : str
        Which, and how: dropped, rare labels made one, rounded down, cut to months or years.
    unique : float
        Share of rows that are then unique.
    before, after : float
        The column's entropy, in nats.
    """

    column: str
    form: str
    unique: float
    before: float
    after: float

    @property
    def loss(self) -> float:
        """Entropy that is lost, in nats."""
        return self.before - self.after


def singling_out(classes: Classes, most: float) -> tuple[list[str], float]:
    """Add column by column what makes most rows unique, until more than a share of them are.

    Each step takes the column with which most rows are unique; of equal ones
    that with which there are most classes. Such a greedy search finds a small
    set, not always the smallest.

    Parameters
    ----------
    classes : Classes
        One cell a class.
    most : float
        The share to exceed.

    Returns
    -------
    tuple of (list of str, float)
        The columns, and the share of rows that they make unique; all columns
        where not even these exceed `most`.
    """
    chosen: list[str] = []
    key, groups, share = np.zeros(len(classes.n), dtype=np.int64), 1, 0.0
    left = list(classes.columns)
    while left and share <= most:
        tried = {
            name: grouped([key, classes.codes_of(name)], [groups, classes.labels_of(name)]) for name in left
        }
        unique = {name: _unique(classes, *made) for name, made in tried.items()}
        best = max(left, key=lambda name: (unique[name], tried[name][1]))
        (key, groups), share = tried[best], unique[best]
        chosen.append(best)
        left.remove(best)
    return chosen, share


def coarsenings(classes: Classes) -> Iterator[Coarsening]:
    """Yield what each way to make one column coarser comes to.

    Parameters
    ----------
    classes : Classes
        One cell a class.
    """
    for name in classes.columns:
        codes, labels = classes.codes_of(name), classes.labels_of(name)
        others = [other for other in classes.columns if other != name]
        rest, groups = classes.groups(others) if others else (np.zeros(len(codes), dtype=np.int64), 1)
        before = _entropy(totals(codes, classes.n, labels))
        for form, place in _forms(classes, name):
            made = place[codes]
            size = int(place.max(initial=0)) + 1
            after = _entropy(totals(made, classes.n, size))
            unique = _unique(classes, *grouped([rest, made], [groups, size]))
            yield Coarsening(name, form, unique, before, after)


def best_coarsening(classes: Classes) -> Coarsening | None:
    """Return what helps most for the least loss; None where nothing lowers the share of unique rows.

    Of the ways to make one column coarser that bring at least half of the
    largest fall of that share: the one that loses the least entropy.

    Parameters
    ----------
    classes : Classes
        One cell a class.
    """
    now = float((classes.n == 1).sum() / max(classes.rows, 1))
    tried = [made for made in coarsenings(classes) if made.unique < now]
    most = max((now - made.unique for made in tried), default=0.0)
    enough = [made for made in tried if now - made.unique >= most / 2]
    return min(enough, key=lambda made: made.loss, default=None)


def _forms(classes: Classes, name: str) -> Iterator[tuple[str, Ints]]:
    """Ways to make a column coarser, each as the new place of every label."""
    labels = classes.labels_of(name)
    yield DROPPED, np.zeros(labels, dtype=np.int64)
    for form, hashes in (classes.columns[name].coarser or {}).items():
        made, place = np.unique(hashes, return_inverse=True)
        if 1 < len(made) < labels:
            yield form, place.ravel()
    rare = totals(classes.codes_of(name), classes.n, labels) < RARE * classes.rows
    if 1 < rare.sum() < labels:
        place = np.cumsum(~rare).astype(np.int64)
        place[rare] = 0
        yield POOLED, place


def _unique(classes: Classes, group: Ints, groups: int) -> float:
    """Share of rows that are alone in their group."""
    return float((totals(group, classes.n, groups) == 1).sum() / max(classes.rows, 1))


def _entropy(n: Ints) -> float:
    share = n[n > 0] / n.sum()
    return float(-(share * np.log(share)).sum())
