"""Noise in the counts that are released: differentially private cells, and how far noise reaches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import ceil, isfinite
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from trustkit.errors import ConfigError, Problem
from trustkit.evidence.blocks import Block, Ints
from trustkit.evidence.cells import Cells
from trustkit.evidence.sharing import view_of
from trustkit.evidence.tables import MISSING

Floats: TypeAlias = NDArray[np.float64]

DELTA = 1e-6
"""Chance that the label of a group of a single row is seen, in all views together."""

MOST_CELLS = 1_000_000
"""More cells than this of one view are not released: noise is added to each, filled or not."""

_STEPS = np.linspace(0.02, 0.98, 49)
"""Steps at which the bound of a tail is taken, in units of 1 / scale."""

Draw: TypeAlias = "Callable[[int, float], Ints]"
"""Draws so many integers of discrete Laplace noise of a scale."""


def with_noise(cells: Cells, epsilon: float, draw: Draw | None = None) -> Cells:
    """Add noise to the counts of every view: everybody, and each attribute alone.

    One row more or less changes one count of each view by 1. With discrete
    Laplace noise of scale (views / epsilon) in every count, filled or not, the
    release is epsilon-differentially private (Ghosh, Roughgarden & Sundararajan
    2012). Groups of so few rows that the very name could tell of one person
    are left out: but for a chance of `DELTA` none of a single row is seen
    (Korolova et al. 2009). Scores and strata are left out.

    Parameters
    ----------
    cells : Cells
        Exact counts.
    epsilon : float
        The budget, for all views together.
    draw : callable, optional
        Draws the noise; by default OpenDP's exact sampler, which the system's
        entropy feeds.

    Raises
    ------
    ValueError
        For a budget that is none; for rows with a unit or weights: one person
        may then change more than one count by 1; and where a class has so few
        rows that its very name could tell of one person.
    """
    if not (isfinite(epsilon) and epsilon > 0):
        raise ValueError(f"{epsilon} is no finite number above 0")
    if cells.parts is not None or cells.unit_block is not None or cells.schema["weight"]:
        raise ValueError(
            "noise is made for rows of one person each: shared, weighted or repeated ones are not"
        )
    views: list[tuple[str, ...]] = [(), *((name,) for name in cells.attributes)]
    scale = len(views) / epsilon
    answers = len(cells.labels["truth"]) * len(cells.labels["prediction"])
    fewest = 1 + ceil(reach(np.array([scale]), np.array([answers]), DELTA / len(views))[0])
    noise = {"epsilon": epsilon, "delta": DELTA, "scale": scale, "fewest": fewest}
    schema = {**cells.schema, "strata": [], "score": False, "noise": noise}
    parts = {}
    for view in views:
        mine = view_of(cells, view)
        mine = replace(mine, schema={**schema, "attributes": list(view)})
        parts[view] = _noisy(mine, scale, fewest, draw or _opendp)
    _refuse_rare_classes(parts[()], scale, DELTA / (2 * len(views)))
    nothing = cells.block.where(np.zeros(len(cells.block.codes), dtype=bool))
    labels = {
        name: parts[name,].labels[name] if (name,) in parts else cells.labels[name]
        for name in (*cells.attributes, "truth", "prediction")
    }
    return replace(cells, schema=schema, labels=labels, block=nothing, parts=parts)


def _refuse_rare_classes(cells: Cells, scale: float, level: float) -> None:
    """Refuse labels of truth or decision of seemingly few rows; two classes are taken to be known to all."""
    names = [*cells.labels.values()]
    known = {*names[0], *names[1]} - {MISSING}
    if len(known) > 2:
        known = {cells.schema["positive"], *cells.schema["favorable"]}
    for axis, labels in enumerate(names):
        fewest = 1 + ceil(reach(np.array([scale]), np.array([len(names[1 - axis])]), level)[0])
        rows = np.bincount(cells.block.codes[:, axis], weights=cells.block.sums["n"], minlength=len(labels))
        rare = sum(n < fewest for label, n in zip(labels, rows, strict=True) if label not in known)
        if rare:
            raise ValueError(
                f"{rare} of the {len(labels)} labels of an outcome, or what is missing, seem to have under "
                f"{fewest} rows, which could tell of one person: join rare classes, or leave such rows out"
            )


def _noisy(cells: Cells, scale: float, fewest: int, draw: Draw) -> Cells:
    """Counts of every cell that there could be, with noise; groups of seemingly fewer rows left out."""
    shape = tuple(len(names) for names in cells.labels.values())
    size = int(np.prod(shape))
    if size > MOST_CELLS:
        raise ValueError(f"{size:,} cells of {', '.join(cells.attributes)} are too many to add noise to")
    exact = np.zeros(shape, dtype=np.int64)
    np.add.at(exact, tuple(cells.block.codes[:, :-1].T), cells.block.sums["n"])
    seen = exact.ravel() + draw(size, scale)
    codes = np.stack(np.unravel_index(np.arange(size), shape), axis=1)
    labels = dict(cells.labels)
    if cells.attributes:
        kept = seen.reshape(shape[0], -1).sum(axis=1) >= fewest
        name = cells.attributes[0]
        labels[name] = tuple(label for label, keep in zip(labels[name], kept, strict=True) if keep)
        place = np.cumsum(kept) - 1
        inside = kept[codes[:, 0]]
        codes, seen = codes[inside], seen[inside]
        codes[:, 0] = place[codes[:, 0]]
    block = Block(np.column_stack([codes, np.full(len(codes), -1)]), {"n": seen})
    return replace(cells, labels=labels, block=block)


def _opendp(size: int, scale: float) -> Ints:
    try:
        from opendp.domains import atom_domain, vector_domain
        from opendp.measurements import make_laplace
        from opendp.metrics import l1_distance
        from opendp.mod import enable_features
    except ImportError:
        found = "needs OpenDP: pip install 'trustkit-audit[private]'"
        raise ConfigError([Problem("--epsilon", found)]) from None
    enable_features("contrib")
    draw = make_laplace(vector_domain(atom_domain(T=int)), l1_distance(T=int), scale=scale)
    return np.array(draw([0] * size), dtype=np.int64)


def reach(scale: Floats, terms: Floats, level: float | Floats) -> Floats:
    """Return what a sum of draws of discrete Laplace noise exceeds with probability at most `level`.

    Chernoff's bound, the best of several steps: valid at each. A draw z has
    probability in proportion to ``exp(-abs(z) / scale)``.

    Parameters
    ----------
    scale, terms : array, shape (estimates,)
        Scale of the noise, and draws in the sum.
    level : float or array of that shape
        Probability.
    """
    one = 1 / scale[:, None]
    step = _STEPS * one
    moment = 2 * np.log1p(-np.exp(-one)) - np.log1p(-np.exp(step - one)) - np.log1p(-np.exp(-step - one))
    missed = -np.log(np.broadcast_to(level, scale.shape))[:, None]
    return np.where(terms > 0, ((terms[:, None] * moment + missed) / step).min(axis=1), 0.0)
