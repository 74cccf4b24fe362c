"""Why groups of different base rates cannot have all that is fair at once, in the numbers of a system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.checks.comparison import Comparison
from trustkit.evidence.blocks import Ints
from trustkit.evidence.tables import Table
from trustkit.measure.intervals import Floats, Limits
from trustkit.measure.rates import Mask

FEWEST = 30
"""Fewer positives, negatives or positive decisions of a group than this are not put into words."""

CHANCE = 0.05
"""Chance that equal base rates are spoken of as different anywhere in a view."""


@dataclass(frozen=True)
class Incompatibility:
    """What the two theorems say of the pairs of a view.

    Attributes
    ----------
    apart : array of bool, shape (pairs,)
        Whose base rates differ by more than chance.
    scored, decided : pair of Table
        Rows with a score, and all rows: of the subjects, and of the references.
    pairs : Comparison
        Places in them.
    """

    apart: NDArray[np.bool_]
    scored: tuple[Table, Table]
    decided: tuple[Table, Table]
    pairs: Comparison

    @classmethod
    def of(cls, difference: Limits, scored: Table, decided: Table, pairs: Comparison) -> Incompatibility:
        """Prepare the pairs of a view, given the limits of their base rate differences."""
        level = CHANCE / max(len(pairs.subject), 1)
        apart = (difference.lower(level) > 0) | (difference.upper(level) < 0)
        both = [(table, table.rest() if pairs.reference is None else table) for table in (scored, decided)]
        return cls(apart, both[0], both[1], pairs)

    def note(self, place: int) -> str | None:
        """Say of one pair why it cannot have all; None where its base rates do not clearly differ."""
        if not self.apart[place]:
            return None
        places = self.pairs.subject[place], self.pairs.places[place]
        lines = (_rates(_Two.of(self.decided, places)), _means(_Two.of(self.scored, places)))
        return " ".join(line for line in lines if line) or None


@dataclass(frozen=True)
class _Two:
    """Counts of two groups, and the table whose masks they share."""

    table: Table
    n: Ints
    mass: Floats
    s: Floats | None

    @classmethod
    def of(cls, tables: tuple[Table, Table], places: tuple[int, int]) -> _Two:
        both = list(zip(tables, places, strict=True))
        s = None if tables[0].s is None else np.stack([t.s[i] for t, i in both if t.s is not None])
        n, mass = (np.stack([getattr(t, name)[i] for t, i in both]) for name in ("n", "mass"))
        return cls(tables[0], n, mass, s)


def _rates(two: _Two) -> str | None:
    """Predictive values against error rates (Chouldechova 2017)."""
    positive, flagged = two.table.truth_positive, two.table.predicted_positive
    known = two.table.truth_known & two.table.decided

    def total(counts: Any, mask: Mask) -> Any:
        return counts[:, mask & known].sum(axis=1)

    if min(total(two.n, mask).min() for mask in (positive, ~positive, flagged)) < FEWEST:
        return None
    hits, all_positive = total(two.mass, positive & flagged), total(two.mass, positive)
    ppv, tpr = hits.sum() / total(two.mass, flagged).sum(), hits.sum() / all_positive.sum()
    if not 0 < ppv < 1:
        return None
    odds = all_positive / total(two.mass, ~positive)
    base, forced = odds / (1 + odds), odds * (1 - ppv) / ppv * tpr
    found = total(two.mass, ~positive & flagged) / total(two.mass, ~positive)
    return (
        f"Base rates of {_both(base)} rule out equal predictive values with equal error rates: with one "
        f"positive predictive value ({ppv:.3f}) and one true positive rate ({tpr:.3f}) for both, the false "
        f"positive rates would have to be {_both(forced)}, for FPR = p / (1 - p) * (1 - PPV) / PPV * TPR; "
        f"they are {_both(found)}."
    )


def _means(two: _Two) -> str | None:
    """Calibration against balance of the classes (Kleinberg, Mullainathan & Raghavan 2016)."""
    positive = two.table.truth_positive
    negative = two.table.truth_known & ~positive
    if two.s is None or min(two.n[:, mask].sum(axis=1).min() for mask in (positive, negative)) < FEWEST:
        return None
    means = [two.s[:, mask].sum(axis=1) / two.mass[:, mask].sum(axis=1) for mask in (positive, negative)]
    apart = means[0] - means[1]
    if apart.min() > 1 - 1e-9:
        return None
    return (
        "A calibrated score with the same mean among the positives of both, and among the negatives of "
        f"both, would hold these means 1 apart, that is never be wrong; here they are {_both(apart)} apart."
    )


def _both(values: Floats) -> str:
    return " and ".join(f"{value:.3f}" for value in values.tolist())
