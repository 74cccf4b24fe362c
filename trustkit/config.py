"""The configuration: `trustkit.toml` or `[tool.trustkit]`, read and validated with all problems at once."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime
from glob import glob
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    Strict,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticCustomError

from trustkit.errors import ConfigError, Problem, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import ErrorDetails, core_schema

_FILES = ("trustkit.toml", "pyproject.toml")
_LONGEST_WAIVER = 365  # days
_IMPORTABLE = re.compile(r"[^\W\d][\w.]*:[^\W\d][\w.]*")  # package.module:object

_WORDS = {  # by pydantic's type of error; {} is what was found
    "missing": "required key is missing",
    "extra_forbidden": "unknown key",
    "invalid_key": "{} is not text",
    "string_type": "{} is not text",
    "string_pattern_mismatch": "{} is blank",
    "too_short": "{} is empty",
    "model_type": "{} is not a table",
    "dict_type": "{} is not a table",
}


def _shown(value: Any) -> str:
    """Return what a person needs to recognize `value`: its repr, on one line of at most 60 characters."""
    try:
        text = " ".join(repr(value).split())
    except (ValueError, RecursionError):  # an integer of thousands of digits, or tables thousands deep
        text = f"a huge {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."


def _refused(*problems: Problem) -> PydanticCustomError:
    """Return an error with our own words; the key of each problem is relative to the value refused."""
    return PydanticCustomError("refused", "refused", {"problems": problems})


def _plain(value: Any) -> Any:
    """Return the Python value of a NumPy scalar; pydantic takes those for floats, ``numpy.True_`` for 1.0."""
    return value.item() if getattr(value, "shape", None) == () else value


def _is(words: str, names: Iterable[str] = ()) -> WrapValidator:
    """Say that a value `is not {words}`, in place of one error for each member of a union."""

    def validate(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(_plain(value))
        except ValidationError:
            close = nearest(value, names) if isinstance(value, str) else None
            raise _refused(Problem("", f"{_shown(value)} is not {words}", close)) from None

    return WrapValidator(validate)


def _choice(literal: Any) -> WrapValidator:
    names = get_args(literal)
    return _is(f"one of {', '.join(names)}", names)


def _listed(value: Any) -> Any:
    if isinstance(value, str):
        raise _refused(Problem("", f"{_shown(value)} is not a list; write {_shown([value])}"))
    if not isinstance(value, list | tuple):  # a set has no order to reproduce
        raise _refused(Problem("", f"{_shown(value)} is not a list"))
    return value


def _tabled(value: Any) -> Any:
    if isinstance(value, Mapping):
        raise _refused(Problem("", "one table is not a list of tables; write [[...]], not [...]"))
    return _listed(value)


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    counts = Counter((isinstance(value, bool), value) for value in values)  # True is not 1
    twice = [value for (_, value), count in counts.items() if count > 1]
    if twice:
        raise _refused(*(Problem("", f"{_shown(value)} is listed twice") for value in twice))
    return values


def _increasing(edges: tuple[float, ...]) -> tuple[float, ...]:
    if any(low >= high for low, high in pairwise(edges)):
        raise _refused(Problem("", f"{_shown(list(edges))} does not increase"))
    return edges


def _day(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return date.fromisoformat(value)
    return value


_List = BeforeValidator(_listed)
Text = Annotated[StrictStr, Field(pattern=r"\S")]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False), _is("a finite number")]
Alpha = Annotated[float, Strict(), Field(gt=0, le=0.5), _is("a number above 0 and at most 0.5")]
Share = Annotated[float, Strict(), Field(ge=0, lt=1), _is("a number from 0 to below 1")]
Seconds = Annotated[float, Strict(), Field(gt=0, le=3600), _is("a number of seconds, at most 3600")]
Count = Annotated[StrictInt, Field(ge=1), _is("a whole number of at least 1")]
Day = Annotated[date, Strict(), BeforeValidator(_day), _is("a date, as 2026-11-01")]
Names = Annotated[
    tuple[Text, ...], Field(json_schema_extra={"uniqueItems": True}), AfterValidator(_distinct), _List
]
Edges = Annotated[tuple[Number, ...], Field(min_length=1), AfterValidator(_increasing), _List]

Range = Annotated[
    tuple[Number, Number], AfterValidator(_increasing), _is("the least and the greatest value, as [0, 120]")
]

_Scalar = StrictBool | StrictInt | Annotated[float, Strict(), Field(allow_inf_nan=False)] | StrictStr
Scalar = Annotated[_Scalar, _is("text, a finite number, true or false")]
_Several = Annotated[tuple[Scalar, ...], Field(min_length=1), AfterValidator(_distinct), _List]
Scalars = Annotated[Scalar | _Several, _is("a value or a list of different values")]

Task = Literal["binary", "multiclass", "regression"]
Protocol = Literal["v2", "mlflow", "json"]
Gate = Literal["fail", "inconclusive", "never"]
SmallGroups = Literal["inconclusive", "list"]
Reason = Literal["accepted-risk", "remediation-planned", "test-data", "false-positive"]
SpecialCategory = Literal[
    "health",
    "ethnicity",
    "religion",
    "politics",
    "union",
    "sex-life",
    "genetics",
    "biometrics",
    "criminal",
    "children",
]
Direction = Literal["increasing", "decreasing", "none"]
Transformation = Literal[
    "case", "spacing", "typos", "look-alikes", "transliteration", "rounding", "column-order", "extra-column"
]
DocumentKind = Literal[
    "risk-register",
    "impact-assessment",
    "notice",
    "redress",
    "retirement-plan",
    "training-record",
    "incident-register",
    "security",
    "dataset",
    "oversight",
    "sustainability",
]

DOCUMENTS: tuple[str, ...] = get_args(DocumentKind)
"""Kinds of documents beside the model card, which is ``[system] card``."""

LimitName = Annotated[
    StrictStr, Field(pattern=r"^(min|max)_."), _is("the name of a limit; these start with min_ or max_")
]
Limit = Annotated[
    # left to right: Literal[False] takes the integer 0, and a limit of 0 would be removed
    Number | Literal[False], Field(union_mode="left_to_right"), _is("a finite number, or false")
]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SystemSection(_Section):
    """What is audited and what its owner declares about it."""

    name: Text | None = Field(default=None, description="The system's name.")
    version: Text | None = Field(default=None, description="The system's version.")
    purpose: Text | None = Field(default=None, description="What the system is for.")
    owner: Text | None = Field(default=None, description="Who answers for the system.")
    model: Text | None = Field(
        default=None,
        description="The model: an endpoint (has ://), a file or folder, or package.module:object; "
        "absent: the data carries the decisions.",
    )
    trust: Text | None = Field(
        default=None,
        description="The sha256 digest of a model whose format can run code; needed to load it.",
    )
    task: Annotated[Task, _choice(Task)] | None = Field(
        default=None, description="What the model predicts; inferred where absent."
    )
    sdg: Names = Field(default=(), description="Targets of the Sustainable Development Goals it serves.")
    card: Text | None = Field(default=None, description="The file of the system's documentation.")


class DataSection(_Section):
    """The data and the role of each column."""

    audit: Text | None = Field(
        default=None, description="The data to audit: csv, parquet, feather or jsonl; a glob for partitions."
    )
    train: Text | None = Field(
        default=None, description="The training data: unlocks shift, leakage and membership inference."
    )
    population: Text | None = Field(
        default=None, description="Shares of the population: a table of attribute, group and share."
    )
    sample: Text | None = Field(default=None, description="What the rows stand for.")
    target: Text | None = Field(default=None, description="The column of the true outcome.")
    positive: Scalar | None = Field(
        default=None,
        description="The class that TPR, FPR, precision and score speak of; by default, favorable.",
    )
    favorable: Scalars | None = Field(
        default=None, description="The class or classes a person wants; by default, positive."
    )
    prediction: Text | None = Field(default=None, description="The decision column of a log.")
    baseline_prediction: Text | None = Field(
        default=None,
        description="The column of the baseline's decisions; with --baseline both are compared row by row.",
    )
    score: Text | None = Field(default=None, description="The column of the probability of positive.")
    features: Names | None = Field(
        default=None,
        description="The model's inputs; by default those it was fitted on, "
        "else every column without another role.",
    )
    sensitive: Names = Field(default=(), description="The columns whose groups are compared.")
    quasi_identifiers: Names = Field(
        default=(), description="The columns that together may single a person out."
    )
    bins: dict[Text, Edges] = Field(
        default={},
        description="Edges that cut a numeric column into right-open groups: [25, 60] is <25, 25..<60, >=60. "
        "Of the target of a regression, its least and its greatest value.",
    )
    weight: Text | None = Field(default=None, description="The column of row weights.")
    unit: Text | None = Field(default=None, description="The column that names the person of a row.")
    id: Text | None = Field(
        default=None,
        description="The column of whole numbers, one a row, by which rows of a large table are drawn: "
        "the same on every engine.",
    )
    time: Text | None = Field(default=None, description="The column of the time of decision.")
    interval: Names = Field(
        default=(), description="The columns of the lower and the upper end of a predicted interval."
    )
    opt_out: Text | None = Field(
        default=None, description="The column that says whose rows may not be used: true, 1 or yes."
    )
    ranges: dict[Text, Range] = Field(
        default={}, description="By column: the least and the greatest possible value, as age = [0, 120]."
    )
    grounds: dict[Annotated[SpecialCategory, _choice(SpecialCategory)], Text] = Field(
        default={}, description="By special category of personal data: the ground on which it is held."
    )

    @field_validator("interval")
    @classmethod
    def _has_two_ends(cls, interval: tuple[str, ...]) -> tuple[str, ...]:
        if len(interval) not in (0, 2):
            raise _refused(Problem("", f"{_shown(list(interval))} is not the names of two columns"))
        return interval

    @field_validator("positive", "favorable")
    @classmethod
    def _has_classes(cls, value: Any, info: ValidationInfo) -> Any:
        if (info.context or {}).get("task") == "regression":
            raise _refused(Problem("", "a regression has no classes; remove it, or correct system.task"))
        return value

    @field_validator("prediction", "baseline_prediction", "score", "weight", "unit", "id", "time")
    @classmethod
    def _is_not_the_target(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and value == info.data.get("target"):
            raise _refused(Problem("", f"{_shown(value)} is the target too"))
        return value

    @field_validator("bins")
    @classmethod
    def _cut_groups(cls, bins: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if any(role not in info.data for role in ("target", "sensitive", "quasi_identifiers")):
            return bins
        groups = [*info.data["sensitive"], *info.data["quasi_identifiers"]]
        target = info.data["target"]
        columns = [*groups, *([target] if target else [])]
        found = "this column is neither sensitive nor a quasi-identifier nor the target"
        wrong = [
            Problem(_dotted(name), found, nearest(name, columns)) for name in bins if name not in columns
        ]
        if target in bins and target not in groups:
            classes = any(info.data.get(role) is not None for role in ("positive", "favorable"))
            why = _no_range(bins[target], (info.context or {}).get("task"), classes)
            wrong += [Problem(_dotted(target), why)] if why else []
        if wrong:
            raise _refused(*wrong)
        return bins


class HttpSection(_Section):
    """How a model behind an address is asked."""

    protocol: Annotated[Protocol, _choice(Protocol)] | None = Field(
        default=None,
        description="What the endpoint speaks; inferred from an address that ends in /infer or /invocations.",
    )
    request: dict[Text, Any] = Field(
        default={},
        description="Of json: the body, in which {records}, {rows} or {columns} stands for the data.",
    )
    response: Text | None = Field(
        default=None,
        description="Where the decisions are: a path, as predictions[*].label; of v2 an output's name.",
    )
    score: Text | None = Field(
        default=None, description="Where the probabilities are: a path, or an output's name."
    )
    classes: Annotated[tuple[Scalar, ...], AfterValidator(_distinct), _List] = Field(
        default=(),
        description="The classes, in the order of the probabilities; needed where a row has several.",
    )
    batch: Count = Field(default=1000, description="Rows of a request.")
    concurrency: Count = Field(default=4, description="Requests that are under way at once.")
    timeout: Seconds = Field(default=30.0, description="Seconds that one request may take.")
    retries: Annotated[StrictInt, Field(ge=0, le=20), _is("a whole number from 0 to 20")] = Field(
        default=5, description="How often a request is sent again after 429, 5xx or a broken connection."
    )
    headers: dict[Text, Text] = Field(
        default={},
        description="Headers to send: by name, the environment variable that holds the value.",
    )
    ca: Text | None = Field(
        default=None, description="A file of certificates to trust, in place of the system's."
    )


class ModelSection(_Section):
    """How the model is reached."""

    http: HttpSection = Field(
        default_factory=HttpSection, description="How a model behind an address is asked."
    )


class PolicySection(_Section):
    """Which policies judge the system, at which error rate, and what blocks the gate."""

    use: Names = Field(
        default=("unga-78-265",),
        min_length=1,
        description="Policies: packaged ids (id@version pins one) or files.",
    )
    alpha: Alpha | None = Field(
        default=None,
        description="The chance that a sound system is failed; by default the smallest of the policies'.",
    )
    fail_on: Annotated[Gate, _choice(Gate)] = Field(
        default="fail", description="The verdict that blocks the gate."
    )
    require: Names = Field(default=(), description="Controls or areas that must pass.")
    min_cell: Count = Field(default=5, description="The smallest count that is judged or shown.")
    small_groups: Annotated[SmallGroups, _choice(SmallGroups)] = Field(
        default="inconclusive",
        description="What groups too small to judge do to a control: keep it inconclusive, or be listed.",
    )
    min_share: Share | None = Field(
        default=None, description="The share of rows under which a group is listed rather than judged."
    )


class Attestation(_Section):
    """What a person answers for where no measurement can settle a control."""

    statement: Text = Field(description="What is attested.")
    by: Text = Field(description="Who attests it.")
    on: Day = Field(description="The day it was attested.")
    expires: Day | None = Field(default=None, description="The last day it holds.")
    evidence: Text | None = Field(default=None, description="Where the evidence is.")

    @field_validator("expires")
    @classmethod
    def _expires_later(cls, expires: date | None, info: ValidationInfo) -> date | None:
        on = info.data.get("on")
        if expires and on and expires < on:
            raise _refused(Problem("", f"{expires} is before {on}, the day it was attested"))
        return expires


class Waiver(_Section):
    """Findings that do not block the gate for a time; a finding must equal every key given."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [{"required": [key]} for key in ("control", "check", "metric", "subject")],
            "dependentRequired": {"up_to": ["check", "metric"]},
        }
    )

    check: Text | None = Field(default=None, description="The check whose findings are waived.")
    metric: Text | None = Field(default=None, description="The metric whose findings are waived.")
    subject: dict[Text, Any] | None = Field(
        default=None, min_length=1, description="The subject waived, as { groups = { sex = 'F' } }."
    )
    control: Text | None = Field(
        default=None, validate_default=True, description="The control whose findings are waived."
    )
    reason: Annotated[Reason, _choice(Reason)] = Field(description="Why it is waived.")
    note: Text = Field(description="The reason in words.")
    by: Text = Field(description="Who waives it.")
    expires: Day = Field(description="The last day it holds, at most 365 days ahead.")
    up_to: Number | None = Field(
        default=None, description="Waives no value worse than this; needs check and metric."
    )

    @field_validator("control")
    @classmethod
    def _aims_at_something(cls, control: str | None, info: ValidationInfo) -> str | None:
        others = ("check", "metric", "subject")
        if control is None and all(_absent(name, info) for name in others):
            raise _refused(Problem("", "required key is missing, unless check, metric or subject is given"))
        return control

    @field_validator("expires")
    @classmethod
    def _expires_within_a_year(cls, expires: date, info: ValidationInfo) -> date:
        as_of = (info.context or {}).get("as_of") or _today()
        if (expires - as_of).days > _LONGEST_WAIVER:
            raise _refused(Problem("", f"{expires} is more than {_LONGEST_WAIVER} days after {as_of}"))
        return expires

    @field_validator("up_to")
    @classmethod
    def _is_of_a_metric(cls, up_to: float | None, info: ValidationInfo) -> float | None:
        lacking = [name for name in ("check", "metric") if _absent(name, info)]
        if up_to is not None and lacking:
            raise _refused(Problem("", f"needs {' and '.join(lacking)} too"))
        return up_to


class Expectation(_Section):
    """What must hold of the model's answers: a direction in a column, or a change that may not matter."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["column", "direction"]}, {"required": ["transformation"]}],
        }
    )

    column: Text | None = Field(
        default=None, description="The input it speaks of; of a transformation, the only one changed."
    )
    transformation: Annotated[Transformation, _choice(Transformation)] | None = Field(
        default=None, description="A change of the inputs under which the decision must stay the same."
    )
    direction: Annotated[Direction, _choice(Direction)] | None = Field(
        default=None,
        validate_default=True,
        description="How the score, or the predicted number, may move as the column grows: "
        "increasing, decreasing, or none (not at all).",
    )

    @field_validator("direction")
    @classmethod
    def _says_one_thing(cls, direction: str | None, info: ValidationInfo) -> str | None:
        transformed = info.data.get("transformation") is not None
        if direction is None and "transformation" in info.data and not transformed:
            raise _refused(Problem("", "required key is missing, unless transformation is given"))
        if direction is not None and transformed:
            raise _refused(Problem("", "a transformation has no direction; write two expectations"))
        if direction is not None and _absent("column", info):
            raise _refused(Problem("", "needs column too"))
        return direction


class OutputSection(_Section):
    """Where the scorecard is written."""

    files: Names = Field(default=(), description="Files to write; the suffix gives the format.")


class Config(_Section):
    """A validated configuration; made by `read`, `of` or `flat`.

    Attributes
    ----------
    system, data, model, policy, output
        The tables of the file, with defaults filled in.
    documents : dict
        The file of each kind of document.
    limits, options : dict
        By check: its limits by name (False removes one) and its options.
    attestations : dict
        By control.
    waivers : tuple of Waiver
    expectations : tuple of Expectation
    folder : Path
        The folder that file names are relative to.
    path : Path or None
        The file that was read.
    """

    system: SystemSection = Field(default_factory=SystemSection, description="What is audited.")
    data: DataSection = Field(
        default_factory=DataSection, description="The data and the role of each column."
    )
    documents: dict[Annotated[DocumentKind, _choice(DocumentKind)], Text] = Field(
        default={}, description="By kind: the file of a document, as risk-register or notice."
    )
    model: ModelSection = Field(default_factory=ModelSection, description="How the model is reached.")
    policy: PolicySection = Field(default_factory=PolicySection, description="The policies and the gate.")
    limits: dict[Text, dict[LimitName, Limit]] = Field(
        default={}, description="By check: min_METRIC and max_METRIC; false removes one."
    )
    options: dict[Text, dict[Text, Any]] = Field(default={}, description="By check: its options.")
    attestations: dict[Text, Attestation] = Field(
        default={}, description="By control: what a person attests."
    )
    waivers: Annotated[tuple[Waiver, ...], BeforeValidator(_tabled)] = Field(
        default=(), description="Findings that do not block the gate for a time."
    )
    expectations: Annotated[tuple[Expectation, ...], BeforeValidator(_tabled)] = Field(
        default=(), description="What must hold of the model's answers, whatever the row."
    )
    output: OutputSection = Field(
        default_factory=OutputSection, description="Where the scorecard is written."
    )

    _folder: Path = PrivateAttr(default=Path())
    _path: Path | None = PrivateAttr(default=None)
    _as_of: date | None = PrivateAttr(default=None)

    @property
    def folder(self) -> Path:
        """The folder that file names are relative to."""
        return self._folder

    @property
    def path(self) -> Path | None:
        """The file that was read, or None."""
        return self._path

    @classmethod
    def read(cls, path: str | Path, *, as_of: date | None = None) -> Self:
        """Read a configuration file.

        Parameters
        ----------
        path : str or Path
            A TOML file, or a folder that holds ``trustkit.toml`` or else a ``pyproject.toml`` with
            ``[tool.trustkit]``.
        as_of : date, optional
            The day of the audit; by default today, in UTC.

        Returns
        -------
        Config

        Raises
        ------
        ConfigError
            With everything that is wrong.
        """
        file = _located(Path(path))
        return cls._validated(_tables(file), folder=file.parent, path=file, as_of=as_of)

    @classmethod
    def of(cls, *, folder: Path | None = None, as_of: date | None = None, **sections: Any) -> Self:
        """Validate plain tables, as a file would hold them; what is None counts as not given.

        Parameters
        ----------
        folder : Path, optional
            The folder that file names are relative to; by default the current one.
        as_of : date, optional
            The day of the audit; by default today, in UTC.
        **sections
            `system`, `data`, `documents`, `model`, `policy`, `limits`, `options`, `attestations`, `waivers`,
            `expectations`, `output`.

        Returns
        -------
        Config
        """
        return cls._validated(sections, folder=folder, as_of=as_of)

    @classmethod
    def flat(
        cls,
        keys: Mapping[str, Any],
        *,
        folder: Path | None = None,
        as_of: date | None = None,
        **sections: Any,
    ) -> Self:
        """Validate the keys of [system] and [data] given without their tables, as `audit` takes them.

        Parameters
        ----------
        keys : mapping
            Keys of [system] and [data], and `documents`, a table of its own.
        folder, as_of, **sections
            As in `of`.

        Returns
        -------
        Config
        """
        tables: dict[str, Any] = {"system": {}, "data": {}}
        if "documents" in keys:
            tables["documents"] = keys["documents"]
        known = {**SECTION_KEYS, "documents": "documents"}
        unknown = [
            Problem(str(key), "unknown key", nearest(str(key), known)) for key in keys if key not in known
        ]
        for key in keys:
            if key in SECTION_KEYS:
                tables[SECTION_KEYS[key]][key] = keys[key]
        return cls._validated(_merged(sections, tables, 2), folder=folder, as_of=as_of, problems=unknown)

    def replace(self, **sections: Any) -> Self:
        """Return a validated copy in which what is given goes before what was there.

        Keys are merged table by table, limits and options check by check; an attestation and the list of
        waivers are replaced whole.

        Parameters
        ----------
        **sections
            As in `of`.

        Returns
        -------
        Config
        """
        merged = self.model_dump(exclude_unset=True)
        for name, table in _given(sections).items():
            depth = 2 if name in ("limits", "options") else 1
            merged[name] = _merged(merged.get(name), _given(table), depth)
        return self._validated(merged, folder=self._folder, path=self._path, as_of=self._as_of)

    def missing_files(self) -> list[Problem]:
        """Return a problem for each file that the configuration names and that does not exist."""
        system, data = self.system, self.data
        problems = []
        if system.model and _is_path(system.model) and not _exists(self.folder, system.model):
            problems.append(_no_file("system.model", system.model, self.folder))
        if system.card and not _exists(self.folder, system.card):
            problems.append(_no_file("system.card", system.card, self.folder))
        if self.model.http.ca and not _exists(self.folder, self.model.http.ca):
            problems.append(_no_file("model.http.ca", self.model.http.ca, self.folder))
        for kind, document in self.documents.items():
            if not _exists(self.folder, document):
                problems.append(_no_file(f"documents.{kind}", document, self.folder))
        for key, name in {"audit": data.audit, "train": data.train, "population": data.population}.items():
            if name and not _matches(self.folder, name):
                problems.append(_no_file(f"data.{key}", name, self.folder))
        return problems

    @classmethod
    def _validated(
        cls,
        sections: Mapping[str, Any],
        *,
        folder: Path | None = None,
        path: Path | None = None,
        as_of: date | None = None,
        problems: Iterable[Problem] = (),
    ) -> Self:
        tables = {name: _given(table) for name, table in _given(sections).items()}
        context = {"as_of": as_of, "task": _task(tables.get("system"))}
        found = list(problems)
        try:
            config = cls.model_validate(tables, context=context)
        except ValidationError as error:
            found += [problem for detail in error.errors() for problem in _problems(detail)]
            wrong = [detail["loc"] for detail in error.errors()]
            raise ConfigError(found, cls._without(tables, wrong, folder, path, as_of)) from None
        if found:
            raise ConfigError(found, cls._without(tables, [], folder, path, as_of))
        config._folder, config._path, config._as_of = folder or Path(), path, as_of
        return config

    @classmethod
    def _without(
        cls,
        tables: Mapping[str, Any],
        wrong: Sequence[tuple[int | str, ...]],
        folder: Path | None,
        path: Path | None,
        as_of: date | None,
    ) -> Self | None:
        """What is left of a configuration without the keys at these places; None where that is wrong too."""
        left = {
            name: dict(table)
            for name, table in tables.items()
            if name in cls.model_fields and isinstance(table, Mapping)
        }
        for where in wrong:
            left.get(str(where[0]), {}).pop(where[1] if len(where) > 1 else None, None)
        try:
            config = cls.model_validate(left, context={"as_of": as_of, "task": _task(left.get("system"))})
        except ValidationError:
            return None
        config._folder, config._path, config._as_of = folder or Path(), path, as_of
        return config


_TABLES: dict[str, type[_Section]] = {
    "system": SystemSection,
    "data": DataSection,
    "model": ModelSection,
    "policy": PolicySection,
    "attestations": Attestation,
    "waivers": Waiver,
    "expectations": Expectation,
    "output": OutputSection,
}

SECTION_KEYS: dict[str, str] = {
    key: name for name in ("system", "data") for key in _TABLES[name].model_fields
}
"""The table of each key that `audit` takes flat."""


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the file, as shipped in ``trustkit/schemas/config.schema.json``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:trustkit:config:1",
        **Config.model_json_schema(schema_generator=_FileSchema),
        "title": "trustkit.toml",
        "description": "The configuration of a trustkit audit.",
    }


class _FileSchema(GenerateJsonSchema):
    """The schema of a file: TOML has no null, and a title that repeats the key says nothing."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        written = super().default_schema(schema)
        return {key: value for key, value in written.items() if (key, value) != ("default", None)}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        written = super().dict_schema(schema)
        return {**written, "additionalProperties": False} if "patternProperties" in written else written

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _today() -> date:
    return datetime.now(UTC).date()


def _given(table: Any) -> Any:
    """Return `table` without the keys whose value is None: not given."""
    if not isinstance(table, Mapping):
        return table
    return {key: value for key, value in table.items() if value is not None}


def _absent(name: str, info: ValidationInfo) -> bool:
    """Tell whether the key was not given, rather than given and wrong."""
    return name in info.data and info.data[name] is None


def _task(system: Any) -> Any:
    if isinstance(system, SystemSection):
        return system.task
    return system.get("task") if isinstance(system, Mapping) else None


def _no_range(edges: Sequence[float], task: Any, classes: bool) -> str | None:
    """Why edges of the target are no range of a quantity; None where they are one."""
    if classes or task not in (None, "regression"):
        return "a target with classes has no range; remove it, or correct system.task"
    if len(edges) < 2:
        return f"{_shown(list(edges))} is no range; write the least and the greatest value of the target"
    return None


def _merged(old: Any, new: Any, depth: int) -> Any:
    if not depth or not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return new
    return {**old, **{key: _merged(old.get(key), value, depth - 1) for key, value in new.items()}}


def _dotted(*parts: int | str) -> str:
    """Return the key as a TOML file would write it."""
    key = ""
    for part in parts:
        if isinstance(part, int):
            key += f"[{part}]"
        else:
            bare = re.fullmatch(r"[A-Za-z0-9_-]+", part)
            key += ("." if key else "") + (part if bare else json.dumps(part, ensure_ascii=False))
    return key


def _problems(detail: ErrorDetails) -> Iterator[Problem]:
    """Translate one of pydantic's errors."""
    kind, where, value = detail["type"], detail["loc"], detail["input"]
    if kind == "too_short" and value:
        return  # pydantic does not count wrong members; they are named already
    if kind == "extra_forbidden":
        yield Problem(_dotted(*where), _WORDS[kind], _nearest_key(where))
        return
    if where[-1] == "[key]":  # the name in a table is wrong, not what it names
        where = where[:-1]
    if kind == "refused":
        for problem in detail["ctx"]["problems"]:
            yield problem._replace(key=_dotted(*where) + (f".{problem.key}" if problem.key else ""))
    else:
        yield Problem(_dotted(*where), _WORDS.get(kind, "{} is not valid here").format(_shown(value)))


def _nearest_key(where: tuple[int | str, ...]) -> str | None:
    """Return the right key for an unknown one, in its own table or, written alike, in another."""
    name = str(where[-1])
    if len(where) <= 2 and name in SECTION_KEYS:
        return f"{SECTION_KEYS[name]}.{name}"
    inner = HttpSection if len(where) > 2 and where[0] == "model" else _TABLES.get(str(where[0]), Config)
    return nearest(name, (Config if len(where) == 1 else inner).model_fields)


def _located(path: Path) -> Path:
    """Return the configuration file that `path` is or holds."""
    if not os.path.isdir(path):
        return path
    for name in _FILES:
        if _exists(path, name):
            return path / name
    close = _nearest_file(path / _FILES[0])
    raise ConfigError([Problem(str(path), f"this folder holds neither {' nor '.join(_FILES)}", close)])


def _tables(file: Path) -> Mapping[str, Any]:
    """Return the tables of a configuration file."""
    text = _text(file)
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise ConfigError([Problem(file.name, "nested too deeply")]) from None
    except ValueError as error:
        raise ConfigError([Problem(file.name, _syntax(str(error)))]) from None
    if file.name != "pyproject.toml":
        return document
    tool = document.get("tool")
    tables = tool.get("trustkit") if isinstance(tool, Mapping) else None
    if not isinstance(tables, Mapping):
        raise ConfigError([Problem(str(file), "this file has no table [tool.trustkit]")])
    return tables


def _text(file: Path) -> str:
    try:
        written = file.read_bytes()
    except FileNotFoundError:
        raise ConfigError([Problem(str(file), "no such file", _nearest_file(file))]) from None
    except IsADirectoryError:
        raise ConfigError([Problem(str(file), "a folder, not a file")]) from None
    except (OSError, ValueError) as error:
        raise ConfigError([Problem(str(file), f"this file cannot be read: {error}")]) from None
    try:
        return written.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = written.count(b"\n", 0, error.start) + 1
        raise ConfigError([Problem(file.name, f"line {line}: not UTF-8 text")]) from None


def _syntax(message: str) -> str:
    """Return the message of a TOML error, with its place first."""
    place = re.fullmatch(r"(.*) \(at (line \d+, column \d+|end of document)\)", message, re.DOTALL)
    return f"{place[2]}: {place[1]}" if place else message


def _is_path(model: str) -> bool:
    return "://" not in model and not _IMPORTABLE.fullmatch(model)


def _exists(folder: Path, name: str) -> bool:
    return os.path.exists(folder / name)


def _matches(folder: Path, pattern: str) -> bool:
    """Tell whether `pattern` is a file, or a glob that some file matches."""
    if os.path.isfile(folder / pattern):
        return True
    try:
        return any(os.path.isfile(folder / name) for name in glob(pattern, root_dir=folder, recursive=True))
    except ValueError:  # a NUL character
        return False


def _no_file(key: str, name: str, folder: Path) -> Problem:
    close = _nearest_file(folder / name)
    return Problem(
        key, f"no such file: {_shown(name)}", (Path(name).parent / close).as_posix() if close else None
    )


def _nearest_file(path: Path) -> str | None:
    """Return the name in the folder of `path` that it most likely meant."""
    try:
        return nearest(path.name, [name for name in os.listdir(path.parent) if name != path.name])
    except (OSError, ValueError):
        return None
