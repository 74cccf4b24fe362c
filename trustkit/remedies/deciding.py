"""Models with a remedy built in: what is audited again is what can be saved, and holds no row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if

from trustkit.frames import Frame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Groups:
    """Which group a row is of, told by the columns that it is decided with.

    Parameters
    ----------
    attributes : sequence of str
        The columns.
    bins : mapping of str to sequence of float
        Edges that cut some of them.
    names : sequence of tuple of str
        Labels of each group, one an attribute.
    """

    def __init__(
        self,
        attributes: Sequence[str],
        bins: Mapping[str, Sequence[float]],
        names: Sequence[tuple[str, ...]],
    ) -> None:
        self.attributes = list(attributes)
        self.bins = {name: list(edges) for name, edges in bins.items()}
        self.names = list(names)

    def of(self, X: pd.DataFrame) -> NDArray[np.int64]:
        """Place of each row's group among the names; the place after the last is any other."""
        frame = Frame.open(X[self.attributes], key="the columns of groups")
        labels = [
            frame.binned(name, self.bins[name]) if name in self.bins else frame.labels(name)
            for name in self.attributes
        ]
        distinct, row = np.unique(
            np.stack([each.codes for each in labels]).astype(np.int64), axis=1, return_inverse=True
        )
        place = {name: at for at, name in enumerate(self.names)}
        found = [
            place.get(tuple(each.names[code] for each, code in zip(labels, codes, strict=True)), len(place))
            for codes in distinct.T
        ]
        return np.array(found, dtype=np.int64)[row.ravel()]


class ModelScore:
    """P(positive) by a model that has ``predict_proba``.

    Parameters
    ----------
    model : object
        The model.
    inputs : sequence of str
        Columns that it takes.
    place : int
        Which of its classes is the positive one.
    """

    def __init__(self, model: Any, inputs: Sequence[str], place: int) -> None:
        self.model, self.inputs, self.place = model, list(inputs), place

    def __call__(self, X: pd.DataFrame) -> Floats:
        """Ask the model."""
        return np.asarray(self.model.predict_proba(X[self.inputs]), dtype=np.float64)[:, self.place]


class ColumnScore:
    """P(positive) as a column has it.

    Parameters
    ----------
    column : str
        Its name.
    """

    def __init__(self, column: str) -> None:
        self.inputs = [column]

    def __call__(self, X: pd.DataFrame) -> Floats:
        """Read the column."""
        return np.asarray(X[self.inputs[0]], dtype=np.float64)


class Decider:
    """A classifier of two classes, each row decided positively with a chance: 0 or 1 unless lots are drawn.

    Attributes
    ----------
    classes_ : list
        The negative class and the positive one.
    feature_names_in_ : list of str
        Columns that it takes.
    attributes : list of str
        Those of them that name groups.
    randomizes : bool
        Whether it draws lots.
    random_state : int, RandomState or None
        Where lots come from; None is NumPy's global generator.
    """

    def __init__(
        self, classes: Sequence[Any], inputs: Sequence[str], attributes: Sequence[str], *, randomizes: bool
    ) -> None:
        self.classes_ = list(classes)
        self.attributes = list(attributes)
        self.feature_names_in_ = list(dict.fromkeys([*inputs, *attributes]))
        self.randomizes = randomizes
        self.random_state: Any = None

    def chance(self, X: pd.DataFrame) -> Floats:
        """Chance of a positive decision on each row."""
        raise NotImplementedError

    def predict(self, X: pd.DataFrame) -> NDArray[Any]:
        """Decide each row."""
        chance = self.chance(X)
        lots = check_random_state(self.random_state).random_sample(len(X)) if self.randomizes else 0.5
        return np.asarray(self.classes_)[(lots < chance).astype(np.int64)]


class GroupThresholds(Decider):
    """Thresholds of a score by group; of several one is drawn for each row.

    Parameters
    ----------
    score : ModelScore or ColumnScore
        The score.
    groups : Groups
        The groups.
    classes : sequence
        The negative class and the positive one.
    cuts : sequence of array
        By group, and last of any other: thresholds, positive from there on.
    weights : sequence of array
        The chance of each; what is missing to 1 is the chance of a negative decision whatever the score.
    """

    def __init__(
        self,
        score: ModelScore | ColumnScore,
        groups: Groups,
        classes: Sequence[Any],
        cuts: Sequence[Floats],
        weights: Sequence[Floats],
    ) -> None:
        lots = any(((each > 0) & (each < 1)).any() for each in weights)
        super().__init__(classes, score.inputs, groups.attributes, randomizes=bool(lots))
        order = [np.argsort(each) for each in cuts]
        self.score, self.groups = score, groups
        self.cuts = [each[by] for each, by in zip(cuts, order, strict=True)]
        self.chances = [
            np.concatenate([[0.0], np.cumsum(each[by])]) for each, by in zip(weights, order, strict=True)
        ]

    def chance(self, X: pd.DataFrame) -> Floats:
        """Chance of a positive decision on each row."""
        group, score, chance = self.groups.of(X), self.score(X), np.zeros(len(X))
        for at, (cuts, chances) in enumerate(zip(self.cuts, self.chances, strict=True)):
            mine = group == at
            chance[mine] = chances[np.searchsorted(cuts, score[mine], side="right")]
        return chance

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """Score of each class, as before the thresholds."""
        score = self.score(X)
        return np.column_stack([1 - score, score])


class Refit(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """An estimator that learns 0 and 1 as the classes of its own, with weights where they belong.

    Parameters
    ----------
    estimator : estimator
        What is cloned and fitted.
    classes : sequence
        Its negative class and its positive one.
    weights : str
        Name under which its ``fit`` takes the weights of rows.
    """

    def __init__(self, estimator: Any, classes: Sequence[Any], weights: str) -> None:
        self.estimator = estimator
        self.classes = classes
        self.weights = weights

    def fit(self, X: pd.DataFrame, y: Any, sample_weight: Any = None) -> Refit:
        """Fit a clone."""
        given = {} if sample_weight is None else {self.weights: np.asarray(sample_weight)}
        labels = np.asarray(self.classes)[np.asarray(y, dtype=np.int64)]
        self.estimator_ = clone(self.estimator).fit(X, labels, **given)
        self.classes_ = np.array([0, 1])
        return self

    def predict(self, X: pd.DataFrame) -> NDArray[np.int64]:
        """Decide: 1 is the positive class."""
        return (np.asarray(self.estimator_.predict(X)) == self.classes[1]).astype(np.int64)

    @available_if(  # type: ignore[untyped-decorator]
        lambda self: hasattr(self.estimator_, "predict_proba")
    )
    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """Chances of 0 and 1."""
        there = list(self.estimator_.classes_)
        score = np.asarray(self.estimator_.predict_proba(X))[:, there.index(self.classes[1])]
        return np.column_stack([1 - score, score])


class Vote(Decider):
    """Classifiers of which one, drawn by weight, decides each row; one alone decides all.

    Parameters
    ----------
    predictors : sequence
        Classifiers of 0 and 1.
    weights : array, shape (predictors,)
        Their chances, which sum to 1.
    classes : sequence
        The negative class and the positive one.
    inputs, attributes : sequence of str
        Columns that they take, and those that name groups.
    """

    def __init__(
        self,
        predictors: Sequence[Any],
        weights: Sequence[float],
        classes: Sequence[Any],
        inputs: Sequence[str],
        attributes: Sequence[str] = (),
    ) -> None:
        super().__init__(classes, inputs, attributes, randomizes=len(predictors) > 1)
        self.predictors, self.weights = list(predictors), [float(weight) for weight in weights]

    def chance(self, X: pd.DataFrame) -> Floats:
        """Chance of a positive decision on each row."""
        seen = X[self.feature_names_in_]
        votes = [np.asarray(each.predict(seen), dtype=np.float64) for each in self.predictors]
        return np.asarray(np.average(votes, axis=0, weights=self.weights))

    @available_if(  # type: ignore[untyped-decorator]
        lambda self: not self.randomizes and hasattr(self.predictors[0], "predict_proba")
    )
    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """Score of each class, where one classifier decides."""
        return np.asarray(self.predictors[0].predict_proba(X[self.feature_names_in_]), dtype=np.float64)


class Decorrelated(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of 0 and 1 behind a projection that takes the groups' means out of columns of numbers.

    Parameters
    ----------
    predictor : Refit
        The classifier.
    groups : Groups
        The groups.
    inputs, columns : sequence of str
        Columns that the classifier takes, and those of them that are projected.
    shift : array, shape (groups + 1, columns)
        What is taken from each column in each group.
    """

    def __init__(
        self, predictor: Refit, groups: Groups, inputs: Sequence[str], columns: Sequence[str], shift: Floats
    ) -> None:
        self.predictor = predictor
        self.groups = groups
        self.inputs = inputs
        self.columns = columns
        self.shift = shift

    def projected(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the classifier's columns, projected."""
        made = X[list(self.inputs)].copy()
        moved = made[list(self.columns)].to_numpy(dtype=np.float64) - self.shift[self.groups.of(X)]
        made[list(self.columns)] = moved
        return made

    def fit(self, X: pd.DataFrame, y: Any) -> Decorrelated:
        """Fit the classifier on the projected columns."""
        self.predictor.fit(self.projected(X), y)
        return self

    def predict(self, X: pd.DataFrame) -> NDArray[np.int64]:
        """Decide: 1 is the positive class."""
        return self.predictor.predict(self.projected(X))

    @available_if(  # type: ignore[untyped-decorator]
        lambda self: hasattr(self.predictor, "predict_proba")
    )
    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """Chances of 0 and 1."""
        return np.asarray(self.predictor.predict_proba(self.projected(X)))
