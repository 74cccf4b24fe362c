"""The remedies that there are for what failed: what each is called, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from trustkit.remedies.deciding import GroupThresholds
from trustkit.remedies.fitting import no_refit, weights_of
from trustkit.remedies.lots import with_lots
from trustkit.remedies.mitigations import (
    MOST_ROWS,
    correlation_remover,
    exponentiated_gradient,
    grid_search,
    numbers,
    threshold_optimizer,
)
from trustkit.remedies.thresholds import (
    AT_LIMIT,
    EQUAL,
    HALFWAY,
    Band,
    Curves,
    edge,
    most_accurate,
    raised,
)

if TYPE_CHECKING:
    from trustkit.remedies.deciding import Decider
    from trustkit.remedies.failures import Failures, Parity
    from trustkit.remedies.fitting import Fitting
    from trustkit.remedies.thresholds import Floats, Ints

_RATES = {
    "selection": "selection rates",
    "tpr": "true positive rates",
    "fpr": "false positive rates",
    "odds": "true and false positive rates",
}


class Unfit(Exception):  # noqa: N818 (a signal, not an error)
    """Raised by a remedy that this system cannot have; the message says why."""


@dataclass(frozen=True)
class Trial:
    """What remedies are made from.

    Attributes
    ----------
    fitting : Fitting
        The rows to fit on.
    model : object or None
        The model; None for a log.
    trained : bool
        Whether the rows are training rows, so that an estimator may be fitted to them.
    today : int
        Place of today's threshold.
    overall : float
        Share of favorable decisions today.
    favors_positive : bool
        Whether the positive class is the favorable one.
    seed : int
        Seed of whatever is drawn.
    """

    fitting: Fitting
    model: Any
    trained: bool
    today: int
    overall: float
    favors_positive: bool
    seed: int

    @cached_property
    def curves(self) -> Curves:
        """What each threshold would do, read off the cells."""
        return Curves.of(self.fitting.cells, favors_positive=self.favors_positive)

    def needs_score(self) -> None:
        """Raise `Unfit` where no thresholds by group can be read."""
        if self.fitting.score is None:
            raise Unfit("thresholds need a score: a model with predict_proba, or data.score")
        self.needs_groups()

    def needs_groups(self) -> None:
        """Raise `Unfit` where there are no two groups to tell apart."""
        if not self.fitting.several:
            raise Unfit("no two groups have enough rows to fit on")

    def needs_estimator(self) -> str:
        """Return the name of the weights in an estimator's ``fit``, or raise `Unfit`."""
        reason = no_refit(self.model)
        if reason is None and not self.trained:
            reason = "there are no training rows to fit the estimator to: data.train"
        weights = None if reason else weights_of(self.model)
        if reason is None and weights is None:
            reason = f"the fit of {type(self.model).__name__} takes no sample_weight"
        if reason is not None:
            raise Unfit(reason)
        self.needs_groups()
        return str(weights)

    def bound(self, bands: Sequence[Band]) -> float:
        """How far a group's rate may be from everybody's, halfway from equality to the limits."""
        widths = [band.width(HALFWAY) for band in bands]
        ratios = [self.overall * (1 - width) / (1 + width) for width in widths]
        return min(
            ratio if band.form == "ratio" else width / 2
            for band, ratio, width in zip(bands, ratios, widths, strict=True)
        )


Made = tuple["Decider", tuple[str, ...]]
"""A model with the remedy, and what there is to say of it."""


@dataclass(frozen=True)
class Candidate:
    """A remedy by name, what it does in words, and how it is made; `make` may raise `Unfit`."""

    name: str
    title: str
    make: Callable[[Trial], Made]


def candidates(failures: Failures) -> Iterator[Candidate]:
    """Remedies for what failed on a card, whether or not a system can have them."""
    for parity in failures.parities:
        yield from _thresholds_for(parity, failures.bands_of(parity))
        yield from _mitigations_for(parity, failures.bands_of(parity), failures)
    if len(failures.judged) > 1 and failures.parities:
        yield from _thresholds_for_all(list(failures.judged.values()))
    if failures.parities:
        title = "fairlearn's CorrelationRemover before the model, on the inputs that are numbers"
        yield Candidate("correlation-remover", title, _correlation_remover)


def _thresholds_for(parity: Parity, bands: list[Band]) -> Iterator[Candidate]:
    if len(bands) == 1:
        yield Candidate(
            f"{parity}-thresholds-equal",
            f"thresholds by group, {_RATES[parity]} as near to equal as they come",
            partial(_thresholds, bands=bands, part=EQUAL),
        )
    yield Candidate(
        f"{parity}-thresholds-halfway",
        f"thresholds by group, {_within(bands, HALFWAY)}: halfway to the limit",
        partial(_thresholds, bands=bands, part=HALFWAY),
    )
    yield Candidate(
        f"{parity}-thresholds-at-limit",
        f"thresholds by group, {_within(bands, AT_LIMIT)}: at the limit",
        partial(_thresholds, bands=bands, part=AT_LIMIT),
    )
    if parity == "selection":
        yield Candidate(
            "selection-thresholds-raised",
            f"thresholds by group, {_within(bands, HALFWAY)}, and no group's rate lowered",
            partial(_raised, band=bands[0]),
        )


def _thresholds_for_all(bands: list[Band]) -> Iterator[Candidate]:
    yield Candidate(
        "all-thresholds-at-limit",
        f"thresholds by group, {_within(bands, AT_LIMIT)}: at all limits at once",
        partial(_thresholds, bands=bands, part=AT_LIMIT),
    )
    yield Candidate(
        "all-lots-halfway",
        f"thresholds drawn by lot by group, {_within(bands, HALFWAY)}: halfway to all limits at once",
        partial(_with_lots, bands=bands, part=HALFWAY),
    )
    yield Candidate(
        "all-lots-at-limit",
        f"thresholds drawn by lot by group, {_within(bands, AT_LIMIT)}: at all limits at once",
        partial(_with_lots, bands=bands, part=AT_LIMIT),
    )


def _mitigations_for(parity: Parity, bands: list[Band], failures: Failures) -> Iterator[Candidate]:
    alike = _RATES[parity]
    yield Candidate(
        f"{parity}-threshold-optimizer",
        f"fairlearn's ThresholdOptimizer, equal {alike}",
        partial(_threshold_optimizer, parity=parity),
    )
    yield Candidate(
        f"{parity}-exponentiated-gradient",
        f"fairlearn's ExponentiatedGradient, {alike} alike",
        partial(_exponentiated_gradient, parity=parity, bands=bands),
    )
    attribute = _one_attribute(failures)
    yield Candidate(
        f"{parity}-grid-search",
        f"fairlearn's GridSearch, {alike} alike over {attribute}",
        partial(_grid_search, parity=parity, bands=bands, attribute=attribute),
    )


def _within(bands: Sequence[Band], part: float) -> str:
    return ", ".join(
        f"{_RATES[band.figure]} within a {band.form} of {band.width(part):.3g}" for band in bands
    )


def _one_attribute(failures: Failures) -> str:
    """The attribute whose own groups failed worst, else the first that failed together with another."""
    alone = [view for view in failures.views if len(view) == 1]
    worst = [tuple(finding.subject["groups"]) for finding in failures.findings if "groups" in finding.subject]
    return next((view[0] for view in worst if view in alone), failures.attributes[0])


def _thresholds(trial: Trial, bands: list[Band], part: float) -> Made:
    trial.needs_score()
    return _by_group(trial, most_accurate(trial.curves, bands, trial.today, part)), ()


def _raised(trial: Trial, band: Band) -> Made:
    trial.needs_score()
    return _by_group(trial, raised(trial.curves, band, trial.today)), ()


def _with_lots(trial: Trial, bands: list[Band], part: float) -> Made:
    trial.needs_score()
    return _drawn_by_group(trial, with_lots(trial.curves, bands, trial.today, part)), ()


def _by_group(trial: Trial, places: Ints) -> GroupThresholds:
    return _drawn_by_group(trial, [(places[[i]], np.ones(1)) for i in range(len(places))])


def _drawn_by_group(trial: Trial, drawn: list[tuple[Ints, Floats]]) -> GroupThresholds:
    """Thresholds of the groups of the curves; any other keeps today's."""
    fitting, today = trial.fitting, np.array([trial.today])
    if fitting.scorer is None:
        raise AssertionError
    by_group = dict(zip(trial.curves.groups, drawn, strict=True))
    every = [by_group.get(at, (today, np.ones(1))) for at in range(len(fitting.groups.names) + 1)]
    cuts, chances = [edge(places) for places, _ in every], [each for _, each in every]
    return GroupThresholds(fitting.scorer, fitting.groups, fitting.classes, cuts, chances)


def _threshold_optimizer(trial: Trial, parity: Parity) -> Made:
    trial.needs_score()
    return threshold_optimizer(trial.fitting, parity, float(edge(np.array([trial.today]))[0])), ()


def _exponentiated_gradient(trial: Trial, parity: Parity, bands: list[Band]) -> Made:
    weights = trial.needs_estimator()
    bound = trial.bound(bands)
    made = exponentiated_gradient(trial.fitting, trial.model, weights, parity, bound, trial.seed)
    return made, (_bounded(bound), *_sampled(trial))


def _grid_search(trial: Trial, parity: Parity, bands: list[Band], attribute: str) -> Made:
    weights = trial.needs_estimator()
    bound = trial.bound(bands)
    made = grid_search(trial.fitting, trial.model, weights, parity, bound, attribute, trial.seed)
    return made, (_bounded(bound), *_sampled(trial))


def _correlation_remover(trial: Trial) -> Made:
    weights, columns = trial.needs_estimator(), numbers(trial.fitting)
    if not columns:
        raise Unfit("no input is a column of numbers without a gap")
    made = correlation_remover(trial.fitting, trial.model, weights)
    return made, (f"projected: {', '.join(columns)}",)


def _bounded(bound: float) -> str:
    return f"each group's rate within {bound:.3g} of everybody's, on the rows fitted on"


def _sampled(trial: Trial) -> tuple[str, ...]:
    rows = int(trial.fitting.fitted.sum())
    return (f"fitted on {MOST_ROWS:,} rows drawn of {rows:,}",) if rows > MOST_ROWS else ()
