"""What a check is: a pure function from evidence to estimates, and what it declares of itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from types import NoneType
from typing import Any, Literal, get_args, get_type_hints

from trustkit.errors import Problem, nearest
from trustkit.measure.intervals import Limits

Unit = Literal["share", "ratio", "difference", "nats", "count", "days", "milliseconds", "target", "z"]

JUDGED = "judged"
"""Option that the judge fills with the metrics that any limit of the plan bounds."""


class NotApplicable(Exception):  # noqa: N818 (a signal, not an error)
    """Raised by a check that this evidence does not concern, or does not suffice for.

    Parameters
    ----------
    reason : str
        Why, in words for the card.
    supply : str, optional
        What the owner would have to supply for the check to run: its control is
        then not assessed. None where the check does not concern such a system
        at all: it is then left aside.
    """

    def __init__(self, reason: str, supply: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.supply = reason, supply


@dataclass(frozen=True, slots=True)
class Estimate:
    """One measured claim; whether it passes is the policy's to say.

    Attributes
    ----------
    metric : str
        Name of the figure, as limits name it.
    subject : mapping
        Whom or what it is about: ``{}`` for the whole system, or
        ``{"groups": {attribute: group}, "reference": {...} or "rest"}``.
    value : float
        The figure; NaN where it is undefined.
    n : int
        Its denominator.
    rows : int
        Rows of the subject, of which `n` are counted.
    reference_n : int, optional
        Denominator of the reference.
    limits : Limits, optional
        One-sided confidence limits, of this estimate and its kin at once.
    place : int
        Which of `limits` are this estimate's.
    two_sided : bool
        Whether a limit on the figure holds on both sides: a maximum d also
        from -d, a minimum ratio r also up to 1/r.
    why : str, optional
        Why there is no value or no limits.
    note : str, optional
        What a reader of the figure has to know, in words for the card.
    supply : str, optional
        What the owner would have to supply for there to be a value, or an
        interval: a limit on the figure is then not assessed, the check's other
        figures are.
    """

    metric: str
    subject: Mapping[str, Any]
    value: float
    n: int
    rows: int
    reference_n: int | None = None
    limits: Limits | None = None
    place: int = 0
    two_sided: bool = False
    why: str | None = None
    note: str | None = None
    supply: str | None = None

    def interval(self, level: float) -> tuple[float, float]:
        """Lower and upper confidence limit, each one-sided at `level`."""
        if self.limits is None:
            return float("nan"), float("nan")
        mine = self.limits.take([self.place])
        return float(mine.lower(level)[0]), float(mine.upper(level)[0])


@dataclass(frozen=True)
class Metric:
    """How a figure of a check is named and measured.

    Attributes
    ----------
    title : str
        Noun phrase for messages.
    unit : str
        ``share`` (0 to 1), ``ratio``, ``difference`` (of shares), ``nats``,
        ``count``, ``days``, ``target`` (that of the predicted number) or ``z``
        (standard deviations).
    convention : str
        What is compared with what, in which direction, put together how, and
        what becomes of a denominator of 0.
    of_all : bool
        Whether the denominator is all rows, of which the subject's are a share.
    """

    title: str
    unit: Unit
    convention: str = ""
    of_all: bool = False


@dataclass(frozen=True)
class Check:
    """A check as others see it: its id, what it reads, what it takes, what it says.

    Attributes
    ----------
    id : str
        ``area/name``, as its folder and file.
    version : str
        Raised whenever equal evidence may give other estimates.
    metrics : mapping of str to Metric
        Figures it yields; a policy's limits are ``min_`` or ``max_`` one of them.
    function : callable
        Positional parameters are evidence, by type: ``Kind | None`` is None
        where there is none of the kind. Keyword-only ones are options. One
        named ``judged`` is filled by the judge: the metrics that a limit
        bounds, of which the check yields every claim; of the others it may
        show the largest alone.
    bears_noise : bool
        Whether its limits hold where noise was added to the counts.
    needs : mapping of str to type
        Kinds of evidence, by parameter.
    optional : frozenset of str
        Parameters that may be None.
    options : mapping of str to (type, default)
        What the keyword-only parameters take.
    """

    id: str
    version: str
    metrics: Mapping[str, Metric]
    function: Callable[..., Iterable[Estimate]]
    bears_noise: bool = False
    needs: Mapping[str, type] = field(init=False)
    optional: frozenset[str] = field(init=False)
    options: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        hints = get_type_hints(self.function)
        parameters = inspect.signature(self.function).parameters.values()
        read = {p.name: hints[p.name] for p in parameters if p.kind is not p.KEYWORD_ONLY}
        optional = frozenset(name for name, hint in read.items() if NoneType in get_args(hint))
        needs = {name: get_args(hint)[0] if name in optional else hint for name, hint in read.items()}
        options = {
            p.name: (hints[p.name], p.default)
            for p in parameters
            if p.kind is p.KEYWORD_ONLY and p.name != JUDGED
        }
        object.__setattr__(self, "needs", needs)
        object.__setattr__(self, "optional", optional)
        object.__setattr__(self, "options", options)

    def __call__(self, *evidence: Any, **options: Any) -> list[Estimate]:
        """Run on evidence."""
        return list(self.function(*evidence, **options))

    @property
    def knows_judged(self) -> bool:
        """Whether it asks which of its metrics a limit bounds."""
        return JUDGED in inspect.signature(self.function).parameters

    @property
    def title(self) -> str:
        """First line of its docstring."""
        return inspect.cleandoc(self.function.__doc__ or "").split("\n", 1)[0]

    @property
    def summary(self) -> str:
        """Its docstring between the first line and the first heading."""
        lines = inspect.cleandoc(self.function.__doc__ or "").split("\n")
        heading = next((i for i, line in enumerate(lines) if line and not line.strip("-")), len(lines) + 1)
        return "\n".join(lines[1 : heading - 1]).strip()

    def section(self, heading: str) -> str:
        """Text under a heading of its docstring; empty where there is none."""
        lines = inspect.cleandoc(self.function.__doc__ or "").split("\n")
        starts = [i for i, line in enumerate(lines[1:], 1) if line and not line.strip("-")]
        for start, end in pairwise([*starts, len(lines) + 1]):
            if lines[start - 1] == heading:
                return "\n".join(lines[start + 1 : end - 1]).strip()
        return ""

    @cached_property
    def remedy(self) -> str | None:
        """What to do about a failure, as one line."""
        return " ".join(self.section("Remedy").split()) or None

    def option_problems(self, options: Mapping[str, Any]) -> list[Problem]:
        """What is wrong with options given for it."""
        from pydantic import TypeAdapter, ValidationError

        problems = []
        for name, value in options.items():
            key = f'options."{self.id}".{name}'
            if name not in self.options:
                problems.append(Problem(key, "unknown option", nearest(name, self.options)))
                continue
            try:
                TypeAdapter(self.options[name][0]).validate_python(value, strict=True)
            except ValidationError as error:
                problems.append(Problem(key, f"{value!r}: {error.errors()[0]['msg'].lower()}"))
        return problems

    def limit_problems(self, limits: Mapping[str, Any]) -> list[Problem]:
        """What is wrong with the names of limits given for it."""
        names = [f"{side}_{metric}" for metric in self.metrics for side in ("min", "max")]
        return [
            Problem(f'limits."{self.id}".{name}', "unknown limit", nearest(name, names))
            for name in limits
            if name not in names
        ]


def check(
    *,
    version: str,
    metrics: Mapping[str, Metric],
    id: str | None = None,
    bears_noise: bool = False,
) -> Callable[[Callable[..., Iterable[Estimate]]], Check]:
    """Declare a function to be a check.

    Parameters
    ----------
    version : str
        Version of the check.
    metrics : mapping of str to Metric
        The figures it yields.
    id : str, optional
        ``area/name``; by default the function's folder and name.
    bears_noise : bool
        Whether its limits hold where noise was added to the counts: it makes
        all of them of `measure.rates`.

    Returns
    -------
    callable
        A decorator that turns the function into a `Check`. Nothing is registered.
    """

    def declare(function: Callable[..., Iterable[Estimate]]) -> Check:
        place = f"{function.__module__.rpartition('.')[0].rpartition('.')[2]}/{function.__name__}"
        return Check(id or place.replace("_", "-"), version, metrics, function, bears_noise)

    return declare
