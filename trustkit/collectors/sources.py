"""What collectors read: the audited columns by role, validated together, and the model's predictions."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from trustkit.collectors.addresses import endpoint_problems
from trustkit.config import DataSection, Task
from trustkit.engines.counting import Columns, Sums, combinations, counted, is_pushable
from trustkit.engines.relations import Drawn, Piece, Relation, opened
from trustkit.engines.tallying import tallied
from trustkit.errors import ConfigError, Problem, nearest
from trustkit.evidence import Unavailable
from trustkit.evidence.tables import MISSING
from trustkit.frames import Frame, FrameError, Labels, header, label_text
from trustkit.models.endpoints import Endpoint
from trustkit.models.files import FileModel, Refused
from trustkit.models.objects import Predictions, feature_names, predict, resolve, type_name
from trustkit.system import System

if TYPE_CHECKING:
    from trustkit.collectors import Progress

_COLUMNS = (
    "target", "prediction", "baseline_prediction", "score", "weight", "unit", "id", "time", "opt_out",
)  # fmt: skip

STRATA_KEY = 'options."bias/selection-rate".strata'

MOST_CLASSES = 20
"""A target with more labels than this, all of them numbers, is a quantity and not a class."""


@dataclass
class Sources:
    """A system opened: its frame, its model, and the classes of its two roles.

    Attributes
    ----------
    system : System
        As declared.
    frame : Frame
        The audited rows; of a relation those that were drawn.
    model : object or None
        The model, loaded.
    features : list of str
        Columns that the model takes.
    positive : str or None
        Canonical label of the class that rates and scores speak of.
    favorable : tuple of str
        Canonical labels of the classes that a person wants.
    seed : int
        Seed of whatever a collector draws.
    refused : Refused or None
        Why the model's file was not loaded, where the data carry the decisions all the same.
    task : {"binary", "multiclass", "regression"}
        As declared, else read off the labels.
    relation : Relation or None
        The audited rows where they are too many to be read whole.
    parent : Sources or None
        The sources of the relation of which these are a part.
    sums : dict
        What an engine counted already, by the name of the piece.
    suggested : list of str or None
        The quasi-identifiers that were suggested, once they were.
    kinds, errors : dict
        Evidence that was collected so far, and why some could not be, by kind.
    """

    system: System
    frame: Frame
    model: Any
    features: list[str]
    positive: str | None
    favorable: tuple[str, ...]
    progress: Progress | None = None
    seed: int = 0
    model_calls: int = 0
    refused: Refused | None = None
    task: Task = "binary"
    relation: Relation | None = None
    parent: Sources | None = field(default=None, repr=False)
    sums: dict[str, Sums] = field(default_factory=dict, repr=False)
    suggested: list[str] | None = None
    kinds: dict[str, Any] = field(default_factory=dict, repr=False)
    errors: dict[str, str] = field(default_factory=dict, repr=False)
    _predictions: Predictions | None = field(default=None, repr=False)
    _labels: dict[str, Labels] = field(default_factory=dict, repr=False)
    _whole: dict[str, Frame | None] = field(default_factory=dict, repr=False)
    _sampled: list[Relation] = field(default_factory=list, repr=False)

    @classmethod
    def open(
        cls, system: System, progress: Progress | None = None, seed: int = 0, *, counting: int = 0
    ) -> Sources:
        """Read the data's roles, load the model, settle the classes.

        The cells of a table that is not read whole are counted on the way
        where an engine can, and it has no more pieces than `counting`.

        Raises
        ------
        ConfigError
            All that is wrong with the columns, the files and the classes.
        """
        problems = input_problems(system)
        if problems:
            raise ConfigError(problems)
        data = system.config.data
        source = system.source("audit")
        columns = header(source, key="data.audit", folder=system.folder)
        model, refused = _model(system)
        try:
            features = []
            if model is not None:
                features = feature_names(model, columns, exclude=_roles(data), declared=data.features)
            used = {*_used(data), *_strata(system), *features}
            wanted = None if system.data is not None else [c for c in columns if c in used] or None
            found = opened(
                source, key="data.audit", folder=system.folder, columns=wanted, id=data.id, seed=seed
            )
            outcomes = [name for name in (data.target, data.prediction) if name is not None]
            frame = found if isinstance(found, Frame) else found.head(outcomes or columns[:1])
            made = cls(system, frame, model, features, None, (), progress, seed, refused=refused)
            if isinstance(found, Relation):
                found.digested()
                made = made._with_outcomes(found, outcomes, counting)
            with _whole(found):
                made._code_columns()
                made._settle_task()
                made._settle_classes()
        except BaseException:
            _close(model)
            raise
        return made._of(found, wanted or columns) if isinstance(found, Relation) else made

    def _with_outcomes(self, relation: Relation, outcomes: list[str], counting: int) -> Sources:
        """Sources of the outcomes' values: of those counted for the cells, where that saves a reading."""
        if not outcomes or self._is_quantity:
            return self
        if len(relation.pieces) <= counting and all(
            self.is_counted_at_once(piece) for piece in relation.pieces
        ):
            self.sums = {piece.name: self.counted(relation, piece) for piece in relation.pieces}
            return replace(self, frame=combinations(self.sums.values(), outcomes))
        return replace(self, frame=relation.distinct(outcomes))

    @property
    def plan(self) -> Columns:
        """What an engine groups and sums for the cells."""
        data = self.data
        outcomes = [] if self.task == "regression" else [data.target, data.prediction]
        keys = [*data.sensitive, *self.strata, *(name for name in outcomes if name is not None)]
        bins = {name: edges for name, edges in data.bins.items() if name in data.sensitive}
        return Columns(tuple(dict.fromkeys(keys)), bins, data.score, data.weight)

    def counted(self, relation: Relation, piece: Piece) -> Sums:
        """Count what the cells need of a piece: a parquet file here, what else by its engine."""
        return (counted if piece.coded is None else tallied)(relation, piece, self.plan)

    def is_counted_at_once(self, piece: Piece) -> bool:
        """Whether cells can be counted without a part for each batch: of a log of decisions without units."""
        if self.model is not None or self.data.unit is not None:
            return False
        return piece.coded is not None or (piece.frame is not None and is_pushable(piece.frame, self.plan))

    def _of(self, relation: Relation, columns: list[str]) -> Sources:
        """Sources of a relation, whose classes were settled by its outcomes."""
        drawn = relation.sample(columns)
        return replace(self, frame=drawn, relation=relation, _labels={}, _sampled=[relation])

    def part(self, frame: Frame) -> Sources:
        """Sources of some of a relation's rows, to be counted and added to the others."""
        return replace(
            self, frame=frame, relation=None, parent=self, model_calls=0, progress=None,
            kinds={}, errors={}, _predictions=None, _labels={}, _whole={}, _sampled=[],
        )  # fmt: skip

    @property
    def rows(self) -> int:
        """How many rows are audited, of which `frame` may be some."""
        if self.parent is not None:
            return self.parent.rows
        return self.frame.rows if self.relation is None else self.relation.rows

    def is_sampled(self, frame: Frame) -> bool:
        """Whether a frame is of rows that were drawn of more."""
        return isinstance(frame, Drawn)

    def drawn(self) -> str | None:
        """Say of which samples rows were looked at since this was last asked; None where of none."""
        touched = [relation for relation in self._sampled if relation.touched]
        for relation in touched:
            relation.touched = False
        return "; ".join(map(str, touched)) or None

    def close(self) -> None:
        """End the process of the model, where it has one."""
        _close(self.model)

    def reload(self) -> None:
        """Load the model again, where its process ended."""
        self.close()
        self.model, self.refused = _model(self.system)

    def require_model(self, purpose: str = "ask") -> None:
        """Make sure that there is a model, to ask or for what else it is wanted.

        Raises
        ------
        Unavailable
            Where the data carry the decisions.
        """
        if self.model is None:
            reason = f"there is no model to {purpose}: the data carry the decisions"
            raise Unavailable(reason, supply="system.model: the model that decides")

    @property
    def isolation(self) -> str | None:
        """Where the model ran, in words; None where that was the audit's own process."""
        if isinstance(self.model, FileModel | Endpoint):
            return self.model.isolation
        return None if self.refused is None else "the model's file was refused, so no model ran"

    @property
    def data(self) -> DataSection:
        """Roles of the columns."""
        return self.system.config.data

    @property
    def strata(self) -> tuple[str, ...]:
        """Columns within whose groups selection rates are to be compared."""
        return _strata(self.system)

    @cached_property
    def input_names(self) -> list[str]:
        """Columns that decisions rest on: the model's features; of a log, those declared, else the rest."""
        if self.model is not None:
            return self.features
        if self.data.features is not None:
            return list(self.data.features)
        roles = _roles(self.data)
        return [name for name in self._header("audit") if name not in roles]

    @cached_property
    def inputs(self) -> Frame:
        """The audited rows with every input and every sensitive column; opened when first asked for."""
        if self.parent is not None or self.model is not None or self.system.data is not None:
            return self.frame
        return self._opened("audit", [*self.input_names, *_used(self.data)])

    @cached_property
    def train(self) -> Frame | None:
        """The training rows with the target, the inputs and the sensitive columns that they have, or None."""
        if self.parent is not None:
            return self.parent.train
        if self.system.source("train") is None:
            return None
        there = self._header("train")
        wanted = [*self.input_names, *_used(self.data)]
        return self._opened("train", [name for name in there if name in wanted])

    def whole(self, role: str) -> Frame | None:
        """All columns of the audited or the training rows, or None; opened when first asked for."""
        if self.parent is not None:
            return self.frame if role == "audit" else self.parent.whole(role)
        source = self.system.source(role)
        if role not in self._whole:
            self._whole[role] = None if source is None else self._opened(role, self._header(role))
        return self._whole[role]

    @cached_property
    def population(self) -> Frame | None:
        """The table of the population's shares, or None."""
        source = self.system.source("population")
        if source is None:
            return None
        return Frame.open(source, key="data.population", folder=self.system.folder)

    def opened(self) -> Iterator[Frame]:
        """Frames that were read so far."""
        yield self.frame
        names = ("inputs", "train", "population")
        made = (*(self.__dict__.get(name) for name in names), *self._whole.values())
        yield from (frame for frame in made if frame is not None)

    def labels(self, column: str) -> Labels:
        """Coded column, coded once."""
        if self.relation is not None:
            self.relation.touched = True
        if column not in self._labels:
            self._labels[column] = self.frame.labels(column)
        return self._labels[column]

    def groups(self, attribute: str) -> Labels:
        """Coded sensitive attribute, cut by its bins where it has some."""
        edges = self.data.bins.get(attribute)
        if edges is None:
            return self.labels(attribute)
        try:
            return self.frame.binned(attribute, edges)
        except FrameError as error:
            raise ConfigError([Problem(f"data.bins.{attribute}", str(error))]) from None

    def numbers(self, role: str) -> Any:
        """Numbers of the column of a role, NaN where missing."""
        try:
            return self.frame.numbers(getattr(self.data, role))
        except FrameError as error:
            raise ConfigError([Problem(f"data.{role}", str(error))]) from None

    def truth(self) -> Labels | None:
        """Coded target, or None."""
        return None if self.data.target is None else self.labels(self.data.target)

    def decisions(self) -> Labels | None:
        """Coded decisions: the log's, else the model's, else None."""
        if self.data.prediction is not None:
            return self.labels(self.data.prediction)
        return None if self.model is None else self.predictions().labels

    def score(self) -> Any:
        """P(positive) by row: the log's, else the model's, else None."""
        if self.data.score is not None:
            return self.numbers("score")
        if self.model is None or self.positive is None or self.data.prediction is not None:
            return None
        return self.predictions().score

    def predictions(self) -> Predictions:
        """Ask the model once, in bounded batches."""
        if self._predictions is None:
            report = None if self.progress is None else _stage(self.progress, "predict")
            self._predictions = predict(
                self.model, self.frame, self.features, positive=self.positive, progress=report
            )
            self.model_calls += self._predictions.calls
        return self._predictions

    def declared(self) -> dict[str, Any]:
        """The owner's facts, with the classes that were settled and the kind of model."""
        facts = self.system.declared()
        if self.model is not None and (named := type_name(self.model)):
            facts["model"] = named
        if self.positive is not None:
            facts["positive"] = self.positive
        if self.favorable:
            facts["favorable"] = list(self.favorable)
        return facts

    def _header(self, role: str) -> list[str]:
        return header(self.system.source(role), key=f"data.{role}", folder=self.system.folder)

    def _opened(self, role: str, columns: list[str]) -> Frame:
        source, folder = self.system.source(role), self.system.folder
        names = list(dict.fromkeys(columns))
        if role == "audit" and self.relation is not None:
            return self.relation.sample(names)
        id = self.data.id if self.data.id in self._header(role) else None
        found = opened(source, key=f"data.{role}", folder=folder, columns=names, id=id, seed=self.seed)
        if isinstance(found, Frame):
            return found
        self._sampled.append(found)
        return found.sample(names)

    def _settle_task(self) -> None:
        """Task: as declared; else regression where the labels are many numbers, else by their number."""
        declared = self.system.config.system.task
        if declared is not None or self._is_quantity:
            self.task = declared or "regression"
            return
        classes = self.data.positive is not None or self.data.favorable is not None
        column = self.data.target or self.data.prediction
        names = [] if column is None else [name for name in self.labels(column).names if name != MISSING]
        if not classes and len(names) > MOST_CLASSES and all(_is_number(name) for name in names):
            self.task = "regression"
        else:
            self.task = "multiclass" if len(names) > 2 else "binary"

    @cached_property
    def _is_quantity(self) -> bool:
        """Whether the outcome is a quantity, by what is declared of it or as its first rows show."""
        data, declared = self.data, self.system.config.system.task
        column = data.target or data.prediction
        if declared is not None or data.positive is not None or data.favorable is not None or column is None:
            return declared == "regression"
        if column in data.bins and column not in data.sensitive:
            return True
        try:
            first = self.frame.numbers(column)[:1000]
        except FrameError:
            return False
        return len(np.unique(first[~np.isnan(first)])) > MOST_CLASSES

    def _code_columns(self) -> None:
        """Code the columns of labels at once, in threads: the coding releases the lock."""
        data = self.data
        outcomes = [] if self._is_quantity else [data.target, data.prediction]
        named = [*outcomes, *(name for name in data.sensitive if name not in data.bins)]
        there = self.frame.columns
        names = list(dict.fromkeys(name for name in named if name is not None and name in there))
        with ThreadPoolExecutor() as pool:
            self._labels.update(zip(names, pool.map(self.frame.labels, names), strict=True))

    def _settle_classes(self) -> None:
        """Positive and favorable: as declared, each from the other, or 1 / true of labels 0/1 or boolean."""
        data = self.data
        positive = None if data.positive is None else label_text(data.positive)
        favorable = tuple(label_text(value) for value in _listed(data.favorable))
        if data.target is not None and self.frame.missing(data.target).all():
            raise ConfigError([Problem("data.target", f"every value of {data.target!r} is missing")])
        if self.task == "regression":
            return
        truth = self.truth()
        logged = None if data.prediction is None else self.labels(data.prediction)
        labels = {*(truth.names if truth else ()), *(logged.names if logged else ())} - {MISSING}
        declared = {"positive": (positive,) if positive else (), "favorable": favorable}
        absent = [
            Problem(
                f"data.{role}",
                f"{label!r} does not occur; labels are {_some(labels)}",
                nearest(label, labels) if len(labels) <= MOST_CLASSES else None,
            )
            for role, named in declared.items()
            for label in named
            if labels and label not in labels and not self._may_predict(label)
        ]
        decided = set() if logged is None else set(logged.names) - {MISSING}
        if favorable and decided and not absent and not decided & set(favorable):
            found = f"{favorable[0]!r} is no decision in {data.prediction!r}; labels are {_some(decided)}"
            near = nearest(favorable[0], decided) if len(decided) <= MOST_CLASSES else None
            absent = [Problem("data.favorable", found, near)]
        if absent:
            raise ConfigError(absent)
        if not positive and not favorable:
            favorable = self._usual(labels)
        self.positive = positive or (favorable[0] if len(favorable) == 1 else None)
        self.favorable = favorable or ((positive,) if positive else ())

    def _usual(self, labels: set[str]) -> tuple[str, ...]:
        for usual in ({"0", "1"}, {"false", "true"}):
            if labels and labels <= usual:
                return (max(usual),)
        if len(labels) in (1, 2):
            found = f"required, since the labels are {_some(labels)}: which of them does a person want?"
            raise ConfigError([Problem("data.favorable", found)])
        return ()

    def _may_predict(self, label: str) -> bool:
        classes = getattr(self.model, "classes_", None)
        return classes is not None and label in {label_text(value) for value in classes}


@contextmanager
def _whole(found: Frame | Relation) -> Iterator[None]:
    """Where a piece could not be read, say that in place of what follows from it."""
    try:
        yield
    except ConfigError:
        if isinstance(found, Relation) and found.failed is not None:
            raise found.failed from None
        raise


def _model(system: System) -> tuple[Any, Refused | None]:
    """The model, loaded; where it is refused but the data carry the decisions, why."""
    owner = system.config.system
    if system.model is None and owner.model is None:
        return None, None
    allow = system.config.options.get("security/artifact", {}).get("allow", {})
    try:
        spec = owner.model if system.model is None else system.model
        http = system.config.model.http.model_dump()
        return resolve(spec, folder=system.folder, trust=owner.trust, allow=allow, http=http), None
    except Refused as refused:
        if system.config.data.prediction is None:
            raise
        return None, refused


def _close(model: Any) -> None:
    if isinstance(model, FileModel | Endpoint):
        model.close()


def _listed(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _is_number(text: str) -> bool:
    try:
        return np.isfinite(float(text))
    except ValueError:
        return False


def _some(labels: set[str]) -> str:
    """Labels in words; of many, which may be names of persons, only how many they are."""
    if len(labels) > MOST_CLASSES:
        return f"{len(labels):,} different texts"
    shown = sorted(labels)[:8]
    return ", ".join(shown) + (f" and {len(labels) - 8} more" if len(labels) > 8 else "")


def _used(data: DataSection) -> list[str]:
    named = [getattr(data, role) for role in _COLUMNS if role not in ("id", "time", "opt_out")]
    return [name for name in (*named, *data.interval, *data.sensitive) if name is not None]


def _roles(data: DataSection) -> list[str]:
    return [*(name for role in _COLUMNS if (name := getattr(data, role)) is not None), *data.interval]


def input_problems(system: System) -> list[Problem]:
    """What is wrong with the files and columns that a system names, without reading an audited row."""
    from trustkit.collectors.expectations import expectation_problems
    from trustkit.collectors.population import population_problems

    data = system.config.data
    source = system.source("audit")
    missing = [*system.config.missing_files(), *endpoint_problems(system.config)]
    if source is None:
        return [*missing, Problem("data.audit", "no data: give a data frame, or name a file")]
    if any(problem.key == "data.audit" for problem in missing):
        return missing
    try:
        columns = header(source, key="data.audit", folder=system.folder)
    except ConfigError as error:
        return [*missing, *error.problems]
    missing += [*population_problems(system), *expectation_problems(system, columns)]
    if not (data.target or data.prediction or data.score or system.model or system.config.system.model):
        found = "no role is declared: name prediction, target, score or a model"
        missing.append(Problem("data.prediction", found))
    return [*missing, *_absent(data, columns), *_absent_strata(system, columns)]


def _strata(system: System) -> tuple[str, ...]:
    named = system.config.options.get("bias/selection-rate", {}).get("strata", ())
    return tuple(named) if isinstance(named, list | tuple) else ()  # what else it is, the plan refuses


def _absent_strata(system: System, columns: list[str]) -> Iterator[Problem]:
    for name in _strata(system):
        if name not in columns:
            yield Problem(STRATA_KEY, f"there is no column {name!r}", nearest(name, columns))


def _absent(data: DataSection, columns: list[str]) -> Iterator[Problem]:
    """Every role whose column is not there."""
    named = [(f"data.{role}", getattr(data, role)) for role in _COLUMNS]
    for role in ("sensitive", "quasi_identifiers", "features", "interval"):
        named += [(f"data.{role}", name) for name in getattr(data, role) or ()]
    named += [(f"data.ranges.{name}", name) for name in data.ranges]
    for key, name in named:
        if name is not None and name not in columns:
            yield Problem(key, f"there is no column {name!r}", nearest(name, columns))


def _stage(progress: Progress, stage: str) -> Any:
    return lambda done, total: progress(stage, done, total)
