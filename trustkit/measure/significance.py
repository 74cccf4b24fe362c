"""Classic tests of two selection rates, which are shown beside a verdict and never make one."""

from __future__ import annotations

import numpy as np

from trustkit.evidence.blocks import Ints
from trustkit.measure.intervals import Floats
from trustkit.measure.special import gammaln


def pooled_z(k: Ints, n: Ints, other_k: Ints, other_n: Ints) -> Floats:
    """Difference of two rates in standard deviations, under one rate for both.

    The "two standard deviations" of employment cases (Hazelwood v. United
    States, 433 U.S. 299 n.14); NaN where a group is empty or all fare alike.

    Parameters
    ----------
    k, n, other_k, other_n : array of int, shape (pairs,)
        Selected and all, of the subject and of the reference.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = (k + other_k) / (n + other_n)
        error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / other_n))
        return np.where(error > 0, (k / n - other_k / other_n) / error, np.nan)


def fisher_exact(k: int, n: int, other_k: int, other_n: int) -> float:
    """Two-sided p-value of Fisher's exact test: all tables no likelier than the one seen.

    Equal to ``scipy.stats.fisher_exact``, without its import; NaN where a group is empty.
    """
    if not (n and other_n):
        return float("nan")
    selected, total = k + other_k, n + other_n
    mean = n * selected / total
    spread = np.sqrt(mean * other_n * (total - selected)) / total
    reach = max(12 * spread, 2 * abs(k - mean)) + 10  # tables further off weigh nothing beside these
    least = max(0, selected - other_n, int(mean - reach))
    seen = np.arange(least, min(n, selected, int(mean + reach)) + 1, dtype=np.float64)

    def log_choose(of: float, these: Floats) -> Floats:
        return gammaln(of + 1) - gammaln(these + 1) - gammaln(of - these + 1)

    log_p = log_choose(n, seen) + log_choose(other_n, selected - seen)
    p = np.exp(log_p - log_p.max())
    mine = p[int(k - seen[0])]
    return float(p[p <= mine * (1 + 1e-7)].sum() / p.sum())


def swaps(k: Ints, n: Ints, other_k: Ints, other_n: Ints) -> Ints:
    """Fewest people to be selected in place of as many of the reference, for the subject's rate to be higher.

    One: the order of the groups hangs on a single decision (29 CFR 1607,
    Questions and Answers, no. 21). 0 where it is the higher one already.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        short = np.floor((other_k * n - k * other_n) / (n + other_n)) + 1
    return np.maximum(np.nan_to_num(short), 0).astype(np.int64)
