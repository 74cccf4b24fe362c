"""Re-identification: how likely a row is told whose it is, from sizes of classes of like rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trustkit.evidence.classes import grouped, totals
from trustkit.measure.special import digamma, gammaln, hyp2f1

Floats = NDArray[np.float64]

_HALVINGS = 70
_SECTIONS = 40
_GOLDEN = (np.sqrt(5) - 1) / 2


def individual_risk(sample: ArrayLike, population: ArrayLike) -> Floats:
    """Expected 1/F of classes that hold f rows of a sample and F people of the population.

    Given f, F is f plus a negative binomial number of misses at the sampling
    rate p = f / F_hat (Benedetti and Franconi 1998; Franconi and Polettini
    2004): E[1/F] = p/f 2F1(1, 1; f + 1; 1 - p). One row of it: p/(1-p) ln(1/p).

    Parameters
    ----------
    sample : array of int, shape (classes,)
        f, at least 1.
    population : array, shape (classes,)
        F_hat, as the sum of the rows' weights; less than f counts as f.

    Returns
    -------
    array, shape (classes,)
        1/f where all of the population are in the sample.
    """
    f = np.asarray(sample, dtype=np.float64)
    rate = f / np.maximum(np.asarray(population, dtype=np.float64), f)
    return np.asarray(rate / f * hyp2f1(1.0, 1.0, f + 1, 1 - rate))


def pitman(sizes: ArrayLike, classes: ArrayLike, population: float) -> float:
    """Number of unique people of a population by Pitman's sampling formula (Hoshino 2001).

    E[U] = Gamma(theta + 1) / Gamma(theta + a) N^a, with theta and a of the
    largest likelihood of the sample's sizes.

    Parameters
    ----------
    sizes, classes : array of int, shape (sizes,)
        Sizes of classes in the sample, increasing, and how many have each.
    population : float
        People, N; at least the rows.
    """
    f, c = np.asarray(sizes, dtype=np.float64), np.asarray(classes, dtype=np.float64)
    rows, alone = float(f @ c), _alone(f, c)
    if alone in (0.0, rows):
        return 0.0 if alone == 0 else float(population)

    def theta(a: float) -> float:
        low, high = np.log(1e-9), np.log(1e13)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            t = np.exp(middle) - a
            rising = (digamma(t / a + c.sum()) - digamma(t / a + 1)) / a > digamma(t + rows) - digamma(t + 1)
            low, high = (middle, high) if rising else (low, middle)
        return float(np.exp((low + high) / 2) - a)

    def likelihood(a: float) -> float:
        t = theta(a)
        new = (c.sum() - 1) * np.log(a) + gammaln(t / a + c.sum()) - gammaln(t / a + 1)
        again = c @ (gammaln(f - a) - gammaln(1 - a))
        return float(new + again - gammaln(t + rows) + gammaln(t + 1))

    a = _largest(likelihood, 1e-6, 1 - 1e-6)
    t = theta(a)
    return float(min(np.exp(gammaln(t + 1) - gammaln(t + a) + a * np.log(population)), population))


def zayatz(sizes: ArrayLike, classes: ArrayLike, population: float) -> float:
    """Number of unique people of a population whose classes are of the sample's sizes (Zayatz 1991).

    The chance that a class unique in the sample is unique in the population,
    by hypergeometric draws from classes of size k in proportion to c_k, times
    the sample's uniques over the sampling rate. Parameters as in `pitman`.
    """
    f, c = np.asarray(sizes, dtype=np.float64), np.asarray(classes, dtype=np.float64)
    rows, alone = float(f @ c), _alone(f, c)
    if alone == 0:
        return 0.0
    left = np.maximum(population - f, rows - 1)
    once = np.log(f) + _choose(left, rows - 1) - _choose(np.float64(population), rows)
    chance = np.where(population - f >= rows - 1, np.exp(once), 0.0)
    return float(min(alone * (alone * chance[0] / (c @ chance)) * population / rows, population))


def shifted_negative_binomial(sizes: ArrayLike, classes: ArrayLike, population: float) -> float:
    """Number of unique people of a population by the shifted negative binomial (Chen and McNulty 1998).

    K classes with F - 1 of NB(a, b), each person sampled at the rate n/N.
    K, a and b give, in expectation, the population's size and the sample's
    classes and uniques; U = K b^a. Parameters as in `pitman`; NaN where no
    such population has so many uniques, or so few.
    """
    f, c = np.asarray(sizes, dtype=np.float64), np.asarray(classes, dtype=np.float64)
    rows, alone = float(f @ c), _alone(f, c)
    if alone in (0.0, rows):
        return 0.0 if alone == 0 else float(population)
    rate = rows / population

    def expected(log_a: float, log_odds: float) -> tuple[float, float, float]:
        """Classes and uniques of the sample, and uniques of the population."""
        a, b = np.exp(log_a), 1 / (1 + np.exp(-log_odds))
        many = population / (1 + a * np.exp(-log_odds))
        missed = (1 - rate) * (1 - b)
        factor = np.exp(a * np.log(b / (1 - missed)))
        seen = many * (1 - (1 - rate) * factor)
        return seen, many * rate * factor * (1 + a * missed / (1 - missed)), many * np.exp(a * np.log(b))

    def fitted(log_odds: float) -> float:
        """The a that gives as many classes as the sample has."""
        low, high = np.log(1e-12), np.log(1e12)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if expected(middle, log_odds)[0] > c.sum() else (low, middle)
        return float((low + high) / 2)

    low, high = -20.0, 15.0
    if not expected(fitted(high), high)[1] <= alone <= expected(fitted(low), low)[1]:
        return float("nan")
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if expected(fitted(middle), middle)[1] > alone else (low, middle)
    return expected(fitted(low), low)[2]


def population_uniques(sizes: ArrayLike, classes: ArrayLike, population: float) -> dict[str, float]:
    """Number of unique people of a population by each estimator that fits; parameters as in `pitman`."""
    made = {
        "Pitman": pitman(sizes, classes, population),
        "Zayatz": zayatz(sizes, classes, population),
        "SNB": shifted_negative_binomial(sizes, classes, population),
    }
    return {name: value for name, value in made.items() if np.isfinite(value)}


def compatible(
    codes: NDArray[np.integer], missing: NDArray[np.bool_], n: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Rows that each class may be among, when a missing value may be any.

    Parameters
    ----------
    codes : array of int, shape (classes, columns)
        Labels, each class once.
    missing : array of bool, shape (classes, columns)
        Which of them stand for a missing value.
    n : array of int, shape (classes,)
        Rows of each class.

    Returns
    -------
    array of int, shape (classes,)
        Over all classes that differ in no column in which both have a value, their rows.
    """
    patterns, pattern = np.unique(missing, axis=0, return_inverse=True)
    places = [np.flatnonzero(pattern.ravel() == i) for i in range(len(patterns))]
    spans, found = codes.max(axis=0) + 1, np.zeros(len(codes), dtype=np.int64)
    for mine, own in zip(places, patterns, strict=True):
        for theirs, other in zip(places, patterns, strict=True):
            both = ~(own | other)
            if not both.any():
                found[mine] += n[theirs].sum()
                continue
            rows = np.concatenate([codes[theirs][:, both], codes[mine][:, both]])
            group, groups = grouped(list(rows.T), spans[both].tolist())
            found[mine] += totals(group[: len(theirs)], n[theirs], groups)[group[len(theirs) :]]
    return found


def _alone(f: Floats, c: Floats) -> float:
    """Classes of one row."""
    return float(c[f == 1].sum())


def _choose(of: NDArray[np.float64] | np.float64, some: float) -> Floats:
    """Logarithm of the binomial coefficient."""
    return np.asarray(gammaln(of + 1) - gammaln(some + 1) - gammaln(of - some + 1))


def _largest(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one hill has its top, by golden section."""
    ends = [high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)]
    values = [function(at) for at in ends]
    for _ in range(_SECTIONS):
        if values[0] < values[1]:
            low, ends, values = ends[0], [ends[1], 0.0], [values[1], 0.0]
            ends[1] = low + _GOLDEN * (high - low)
            values[1] = function(ends[1])
        else:
            high, ends, values = ends[1], [0.0, ends[0]], [0.0, values[0]]
            ends[0] = high - _GOLDEN * (high - low)
            values[0] = function(ends[0])
    return (low + high) / 2
