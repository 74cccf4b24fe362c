"""Limits of rates of counts that noise was added to, at every level."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from trustkit.evidence.noise import reach
from trustkit.measure.intervals import ClopperPearson, Floats, Level, proportions

if TYPE_CHECKING:
    from trustkit.evidence.cells import Cells

NOISE_SHARE = 0.1
"""Share of a level that is spent on the noise of the numerator, and as much on that of the rest."""


@dataclass(frozen=True)
class NoisyProportion(ClopperPearson):
    """Limits of a proportion whose counts are known up to noise.

    But for a share of the level, numerator and rest lie within reach of what
    is seen; the Clopper-Pearson limit of the worst counts there is taken at
    the remaining level. So it holds at every level, whatever the counts.

    Parameters
    ----------
    k, rest : array, shape (estimates,)
        Rows counted, and the others of the denominator, as seen; not below 0.
    scale : array, shape (estimates,)
        Scale of the noise.
    k_terms, rest_terms : array, shape (estimates,)
        Draws of noise in each.
    """

    k: Floats
    rest: Floats
    scale: Floats
    k_terms: Floats
    rest_terms: Floats

    @classmethod
    def of(cls, k: Floats, rest: Floats, scale: Floats, k_terms: Floats, rest_terms: Floats) -> Self:
        """Limits of ``k / (k + rest)``; a sum below 0 counts as 0."""
        k, rest = np.maximum(k, 0.0), np.maximum(rest, 0.0)
        n = k + rest
        with np.errstate(invalid="ignore"):
            value = np.where(n > 0, k / n, np.nan)
        return cls(value, n, np.full_like(n, np.inf), k, rest, scale, k_terms, rest_terms)

    def lower(self, level: Level) -> Floats:
        """Of the fewest counted and the most others that the noise allows."""
        return self._worst(level, self.k, self.rest, self.k_terms, self.rest_terms)

    def upper(self, level: Level) -> Floats:
        """Of the most counted and the fewest others that the noise allows."""
        return 1.0 - self._worst(level, self.rest, self.k, self.rest_terms, self.k_terms)

    def grown(self, factor: Floats) -> Self:
        """Multiply the rows; the noise stays."""
        return replace(self, n=self.n * factor, k=self.k * factor, rest=self.rest * factor)

    def placed(self, value: Floats) -> Self:
        """Move the proportion."""
        inside = np.clip(value, 0.0, 1.0)
        return replace(self, value=inside, k=self.n * inside, rest=self.n * (1 - inside))

    def _worst(
        self, level: Level, few: Floats, many: Floats, few_terms: Floats, many_terms: Floats
    ) -> Floats:
        spent = NOISE_SHARE * np.asarray(level)
        least = np.maximum(few - reach(self.scale, few_terms, spent), 0.0)
        n = least + many + reach(self.scale, many_terms, spent)
        return proportions(least / n, n).lower((1 - 2 * NOISE_SHARE) * np.asarray(level))


def widths(exact: Cells, noisy: Cells) -> dict[str, tuple[float, float]]:
    """Mean width of the 95 % intervals of the groups' rates, by attribute, without noise and with it.

    The rate is that of favorable decisions, else of true outcomes of the
    positive class. Only groups that are in both count: the noise leaves out
    the smallest, whose wide intervals would hide what it costs.
    """
    from trustkit.measure.rates import rate, selection

    def spans(cells: Cells, name: str) -> dict[str, float]:
        table = cells.table((name,))
        measured = selection(table)
        if not cells.schema["prediction"]:
            measured = rate(table, counted=table.truth_positive, among=table.truth_known)
        width = measured.limits.upper(0.025) - measured.limits.lower(0.025)
        return {group[name]: span for group, span in zip(table.groups, width.tolist(), strict=True)}

    told = {}
    for name in exact.attributes:
        before, after = spans(exact, name), spans(noisy, name)
        both = before.keys() & after.keys()
        most = max(len(both), 1)
        told[name] = sum(before[group] for group in both) / most, sum(after[group] for group in both) / most
    return told
