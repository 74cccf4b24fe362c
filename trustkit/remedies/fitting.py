"""The rows that remedies are fitted on: for training, or else a half of the audited ones."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trustkit.errors import ConfigError, Problem
from trustkit.evidence.cells import Cells
from trustkit.frames import MISSING, Frame, FrameError, label_text, labels_of
from trustkit.models.files import FileModel
from trustkit.remedies.deciding import ColumnScore, Groups, ModelScore

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trustkit.collectors.sources import Sources

FEWEST_ROWS, FEWEST_OF_A_CLASS = 50, 10
"""A group with fewer rows, or fewer of a class, shares its thresholds with others like it."""

MOST_GROUPS = 200
FOLDS = 5
_HALVING, _CROSSING = 30, 31
_CROSSED = (
    f"thresholds are read off scores of {FOLDS}-fold cross-fitting: a model that did not learn from it "
    "scores each row"
)
_OWN = (
    "thresholds are read off the model's own scores of rows that it may have learned from, "
    "which are better than those of new rows"
)


@dataclass(frozen=True)
class Fitting:
    """Rows to fit on, coded.

    Attributes
    ----------
    X : DataFrame
        Inputs of the model, or all columns of a log, and the attributes.
    inputs : list of str
        Columns that the model takes; empty for a log.
    classes : list
        The negative class and the positive one, as the model or the log has them.
    positive : array of bool, shape (rows,)
        Whether the truth is the positive class; without a truth, whether today's decision is.
    groups : Groups
        The groups that thresholds are told apart by.
    group : array of int, shape (rows,)
        Place of each row's group; the last is that of the pooled ones.
    score : array, shape (rows,), or None
        P(positive).
    scorer : ModelScore, ColumnScore or None
        Where it comes from.
    weight : array, shape (rows,), or None
        Weights of the rows.
    notes : tuple of str
        What there is to say of the rows.
    """

    X: pd.DataFrame
    inputs: list[str]
    classes: list[Any]
    positive: NDArray[np.bool_]
    groups: Groups
    group: NDArray[np.int64]
    score: NDArray[np.float64] | None
    scorer: ModelScore | ColumnScore | None
    weight: NDArray[np.float64] | None
    notes: tuple[str, ...]

    @property
    def y(self) -> NDArray[np.int64]:
        """1 where positive, else 0."""
        return self.positive.astype(np.int64)

    @cached_property
    def fitted(self) -> NDArray[np.bool_]:
        """Rows of a group, or of the pooled ones, that are enough to fit on."""
        counts = _counts(self.group, self.positive, len(self.groups.names) + 1)
        return _sufficient(counts)[self.group]

    @property
    def several(self) -> bool:
        """Whether there are two groups to tell apart."""
        return len(np.unique(self.group[self.fitted])) > 1

    @cached_property
    def cells(self) -> Cells:
        """Counts over group, truth and score, whose attribute's labels are the places of the groups."""
        if self.score is None:
            raise ValueError("there is no score")
        known = self.fitted & np.isfinite(self.score)
        names = [str(place) for place in range(len(self.groups.names) + 1)]
        schema = {
            "task": "binary",
            "attributes": ["group"],
            "bins": {},
            "positive": "1",
            "favorable": ["1"],
            "truth": True,
            "prediction": False,
            "score": True,
            "weight": self.weight is not None,
            "unit": False,
        }
        axes = {
            "group": (names, self.group[known]),
            "truth": (("0", "1"), self.y[known]),
            "prediction": ((MISSING,), None),
        }
        weight = None if self.weight is None else self.weight[known]
        return Cells.count(schema, axes, score=self.score[known], weight=weight)


def no_refit(model: Any) -> str | None:
    """Why a model cannot be fitted again; None where it can."""
    if model is None:
        return "a log has no model to fit again"
    if isinstance(model, FileModel):
        return "fitting again needs the estimator object, and a model file runs in a process of its own"
    if not (hasattr(model, "fit") and hasattr(model, "get_params")):
        return "fitting again needs an estimator with fit and get_params"
    return None


def weights_of(model: Any) -> str | None:
    """Name under which the ``fit`` of an estimator takes the weights of rows; None where it takes none."""
    from sklearn.pipeline import Pipeline
    from sklearn.utils.validation import has_fit_parameter

    name, last = ("", model) if not isinstance(model, Pipeline) else model.steps[-1]
    if not has_fit_parameter(last, "sample_weight"):
        return None
    return f"{name}__sample_weight" if name else "sample_weight"


def whole(sources: Sources) -> pd.DataFrame:
    """All columns of the audited rows."""
    system = sources.system
    frame = Frame.open(system.source("audit"), key="data.audit", folder=system.folder)
    return next(frame.batches(frame.columns, frame.rows))


def halves(sources: Sources) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Part the audited rows at random, whole units together: to fit on, and to judge."""
    rows, unit = whole(sources), sources.data.unit
    codes = np.arange(len(rows)) if unit is None else labels_of(rows[unit]).codes.astype(np.int64)
    draw = np.random.default_rng([sources.seed, _HALVING])
    chosen = draw.permutation(int(codes.max()) + 1) % 2 == 0
    return rows[chosen[codes]], rows[~chosen[codes]]


def missing_for(sources: Sources, attributes: Sequence[str]) -> list[str]:
    """Columns that the training rows lack to be fitted on; of a log, all stand in ``train`` too."""
    if sources.train is None:
        return []
    there = set(sources.train.columns)
    wanted = [*_inputs(sources), *attributes]
    wanted += [name for name in (sources.data.target,) if name is not None]
    wanted += [name for name in (sources.data.score,) if name is not None and sources.model is None]
    return [name for name in dict.fromkeys(wanted) if name not in there]


def fitting_of(sources: Sources, rows: pd.DataFrame | None, attributes: Sequence[str], cut: float) -> Fitting:
    """Code the rows to fit on.

    Parameters
    ----------
    sources : Sources
        The opened system.
    rows : DataFrame or None
        A half of the audited rows; None stands for the training rows.
    attributes : sequence of str
        Columns whose groups are told apart.
    cut : float
        Today's threshold, by which rows are decided where there is no truth.
    """
    train = sources.train if rows is None else Frame.open(rows)
    if train is None:
        raise ValueError("there are no rows to fit on")
    X = next(train.batches(train.columns, train.rows))
    classes = _classes(sources)
    known, positive = _truth(sources, train, classes)
    X, train = X[known], Frame.open(X[known])
    scorer = _scorer(sources, classes)
    score, how = _scored(sources, scorer, X, None if positive is None else positive[known], rows is None)
    decided = positive[known] if positive is not None else _decided(score, len(X), cut)
    bins = {name: edges for name, edges in sources.data.bins.items() if name in attributes}
    groups, group = _grouped(train, attributes, bins, decided)
    weight = sources.data.weight
    weights = train.numbers(weight) if weight is not None and weight in train.columns else None
    notes = [how] if how else []
    if positive is None:
        notes.append("no target is declared: thresholds change as few decisions as they can")
    return Fitting(
        X=X,
        inputs=_inputs(sources),
        classes=classes,
        positive=decided,
        groups=groups,
        group=group,
        score=score,
        scorer=scorer,
        weight=weights,
        notes=tuple(notes),
    )


def _inputs(sources: Sources) -> list[str]:
    return [] if sources.model is None else sources.features


def _classes(sources: Sources) -> list[Any]:
    """The negative class and the positive one, as the model has them, else as text."""
    named = getattr(sources.model, "classes_", None)
    seen = [each for each in (sources.truth(), sources.decisions()) if each is not None]
    labels = {name for each in seen for name in each.names} - {MISSING}
    found = {label_text(each): each for each in named} if named is not None else {n: n for n in labels}
    others = [name for name in found if name != sources.positive]
    if sources.positive is None or len(others) != 1 or labels - found.keys():
        told = ", ".join(sorted({*labels, *found})[:8])
        problem = Problem("data.target", f"remedies are for two classes, and the labels are {told}")
        raise ConfigError([problem])
    return [found[others[0]], found.get(sources.positive, sources.positive)]


def _truth(
    sources: Sources, train: Frame, classes: Sequence[Any]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_] | None]:
    """Which rows have a truth, and where it is positive; None where no target is declared."""
    target = sources.data.target
    if target is None:
        return np.ones(train.rows, dtype=bool), None
    labels = train.labels(target)
    names = np.array(labels.names)
    ours = np.isin(names, [label_text(each) for each in classes])
    return ours[labels.codes], (names == sources.positive)[labels.codes]


def _decided(score: NDArray[np.float64] | None, rows: int, cut: float) -> NDArray[np.bool_]:
    """Today's decisions; without a score none is positive, and nothing can be fitted."""
    return np.zeros(rows, dtype=bool) if score is None else score >= cut


def _scorer(sources: Sources, classes: Sequence[Any]) -> ModelScore | ColumnScore | None:
    model = sources.model
    if model is None:
        return None if sources.data.score is None else ColumnScore(sources.data.score)
    if not (hasattr(model, "predict_proba") and hasattr(model, "classes_")):
        return None
    place = [label_text(each) for each in model.classes_].index(label_text(classes[1]))
    return ModelScore(model, sources.features, place)


def _scored(
    sources: Sources,
    scorer: ModelScore | ColumnScore | None,
    X: pd.DataFrame,
    positive: NDArray[np.bool_] | None,
    trained_on: bool,
) -> tuple[NDArray[np.float64] | None, str]:
    """Scores, and how they were come by; a model's of the rows it learned from are better than of others."""
    if scorer is None:
        return None, ""
    if isinstance(scorer, ColumnScore) or not trained_on or positive is None:
        with undisturbed(sources.seed):
            return scorer(X), ""
    why = ""
    if no_refit(sources.model) is None:
        try:
            with undisturbed(sources.seed):
                return _crossed(sources, scorer, X, positive), _CROSSED
        except Exception as error:  # whatever an estimator may raise of few rows
            why = f" (fitted anew on a part of the rows, it raised {type(error).__name__})"
    with undisturbed(sources.seed):
        return scorer(X), _OWN + why


def _crossed(
    sources: Sources, scorer: ModelScore, X: pd.DataFrame, positive: NDArray[np.bool_]
) -> NDArray[np.float64]:
    from sklearn.base import clone
    from sklearn.model_selection import GroupKFold, StratifiedKFold

    labels = np.asarray(_classes(sources))[positive.astype(int)]
    inputs, unit = X[scorer.inputs], sources.data.unit
    units = labels_of(X[unit]).codes if unit is not None and unit in X.columns else None
    draw = int(np.random.default_rng([sources.seed, _CROSSING]).integers(2**31))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=draw) if units is None else GroupKFold(FOLDS)
    score = np.empty(len(X))
    for fit, rest in folds.split(inputs, labels, units):
        model = clone(sources.model).fit(inputs.iloc[fit], labels[fit])
        place = list(model.classes_).index(_classes(sources)[1])
        score[rest] = np.asarray(model.predict_proba(inputs.iloc[rest]))[:, place]
    return score


def _grouped(
    train: Frame, attributes: Sequence[str], bins: dict[str, Any], positive: NDArray[np.bool_]
) -> tuple[Groups, NDArray[np.int64]]:
    """Groups of enough rows, and the place of each row's; the small ones have the last place together."""
    try:
        labels = [train.binned(a, bins[a]) if a in bins else train.labels(a) for a in attributes]
    except FrameError as error:
        raise ConfigError([Problem("data.sensitive", str(error))]) from None
    coded = np.stack([each.codes for each in labels]).astype(np.int64)
    distinct, row = np.unique(coded, axis=1, return_inverse=True)
    names = [tuple(each.names[c] for each, c in zip(labels, codes, strict=True)) for codes in distinct.T]
    counts = _counts(row.ravel(), positive, len(names))
    kept = _kept(counts)
    place = np.full(len(names), len(kept), dtype=np.int64)
    place[kept] = np.arange(len(kept))
    return Groups(attributes, bins, [names[at] for at in kept]), place[row.ravel()]


def _counts(group: NDArray[np.int64], positive: NDArray[np.bool_], groups: int) -> NDArray[np.int64]:
    """Rows by group and class, shape (groups, 2)."""
    return np.bincount(2 * group + positive, minlength=2 * groups).reshape(groups, 2)


def _sufficient(counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    return (counts.sum(axis=-1) >= FEWEST_ROWS) & (counts.min(axis=-1) >= FEWEST_OF_A_CLASS)


def _kept(counts: NDArray[np.int64]) -> NDArray[np.intp]:
    """Groups large enough to stand alone, less the smallest where the others together are too small."""
    order = np.argsort(-counts.sum(axis=1), kind="stable")
    alone = [at for at in order[:MOST_GROUPS] if _sufficient(counts[at])]
    pooled = counts.sum(axis=0) - counts[alone].sum(axis=0)
    while len(alone) > 1 and pooled.any() and not _sufficient(pooled):
        pooled = pooled + counts[alone.pop()]
    return np.sort(np.array(alone, dtype=np.intp))


@contextmanager
def undisturbed(seed: int) -> Iterator[None]:
    """Seed NumPy's global generator, which estimators draw from; leave all as it was found, and be quiet."""
    logger, state = logging.getLogger("fairlearn"), np.random.get_state(legacy=False)  # noqa: NPY002
    level = logger.level
    logger.setLevel(logging.ERROR)
    np.random.seed(seed)  # noqa: NPY002
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
        logger.setLevel(level)
