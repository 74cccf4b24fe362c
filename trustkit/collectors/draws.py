"""Which rows are drawn: in an order that the seed sets, one a person, with enough of each group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trustkit.collectors.sources import Sources


def drawing_order(sources: Sources, draw: int) -> NDArray[np.intp]:
    """Return places of the audited rows in the order in which they are drawn.

    Where rows have a unit, only the first of each person is among them:
    rows of one person are not independent.

    Parameters
    ----------
    sources : Sources
        The system, opened.
    draw : int
        Number of the draw: each has an order of its own.
    """
    order = np.random.default_rng([sources.seed, draw]).permutation(sources.frame.rows)
    if sources.data.unit is None:
        return order
    _, first = np.unique(sources.labels(sources.data.unit).codes[order], return_index=True)
    return order[np.sort(first)]


def topped_up(
    order: NDArray[np.intp], most: int, codes: NDArray[Any], groups: int, fewest: int
) -> NDArray[np.intp]:
    """Return further rows of the groups of which the first `most` rows hold fewer than `fewest`.

    Parameters
    ----------
    order : array of int
        Places of rows, as drawn.
    most : int
        How many of them are drawn anyway.
    codes : array of int, shape (rows,)
        Group of each row of the data.
    groups : int
        Number of groups.
    fewest : int
        Rows that each group is to have, as far as there are so many.
    """
    wanted = np.maximum(fewest - np.bincount(codes[order[:most]], minlength=groups), 0)
    later = order[most:]
    group = codes[later]
    by_group = np.argsort(group, kind="stable")
    sizes = np.bincount(group, minlength=groups)
    place = np.empty(len(later), dtype=np.intp)  # of each row among those of its group
    place[by_group] = np.arange(len(later)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return later[place < wanted[group]]
