"""What a table's columns most likely are, each guess with what it rests on, and how sure it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trustkit.frames import Frame

MOST_CLASSES = 20
MOST_GROUPS = 50
_MOST_LABELS = 1000
_EDGES = (25.0, 40.0, 60.0)
_FEWEST = 30

_OUTCOMES = {
    "target", "label", "y", "outcome", "truth", "actual", "class", "result", "approved", "repaid", "hired",
    "risk", "income", "survived", "diagnosis", "passed", "admitted", "granted", "accepted", "selected",
    "reoffended", "success", "eligible", "admit", "hire", "salary", "wage", "earnings",
}  # fmt: skip
_ADVERSE = {
    "default", "defaulted", "fraud", "fraudulent", "churn", "churned", "recid", "recidivated", "recidivism",
    "death", "died", "dead", "mortality", "readmitted", "readmission", "disease", "delinquent", "rearrested",
    "arrested", "attrition", "dropout", "denied", "rejected", "refused", "failed", "complaint",
}  # fmt: skip
_DECISIONS = {"prediction", "predicted", "pred", "preds", "predict", "decision", "decided", "yhat", "hat"}
_SCORES = {"score", "scores", "probability", "prob", "proba", "p", "likelihood", "yprob", "yscore"}
_GROUPS = {
    "sex", "gender", "race", "ethnicity", "ethnic", "age", "religion", "disability", "disabled",
    "nationality", "citizenship", "citizen", "language", "marital", "caste", "tribe", "pregnant",
    "pregnancy", "foreign",
    "veteran", "indigenous", "migrant", "refugee", "native", "orientation",
}  # fmt: skip
_PLACES = {
    "zip", "postal", "postcode", "region", "city", "county", "state", "district", "province", "country",
    "village", "municipality", "occupation", "job", "profession", "education", "birth", "dob", "birthdate",
    "birthday", "velayat",
}  # fmt: skip
_AGE_WORDS = {"age", "years", "year", "in", "at", "of", "applicant", "patient", "customer", "client",
              "person", "group", "yrs", "admission", "application"}  # fmt: skip
_IDENTIFIERS = {"id", "ids", "uuid", "guid", "ssn", "passport", "email", "phone", "name", "surname", "ticket",
                "iban", "address", "key"}  # fmt: skip
_PERSONS = {"customer", "person", "patient", "client", "user", "applicant", "student", "employee", "member",
            "citizen", "subject", "pupil", "borrower", "household"}  # fmt: skip
_TIMES = {"date", "time", "timestamp", "datetime", "at", "on", "day", "decided", "created", "applied"}
_WEIGHTS = ("sample_weight", "case_weight", "survey_weight", "sampling_weight", "sample_weights")
_MAYBE_WEIGHTS = ("weight", "weights", "w", "fnlwgt", "wt")
_GOOD = {
    "yes", "y", "approved", "approve", "granted", "grant", "accepted", "accept", "good", "pass", "passed",
    "hired", "admitted", "admit", "paid", "repaid", "selected", "survived", "alive", "success", "eligible",
    "fully paid", ">50k", ">50k.", "true", "low risk",
}  # fmt: skip
_BAD = {
    "no", "n", "denied", "deny", "rejected", "reject", "declined", "refused", "refuse", "bad", "fail",
    "failed", "default", "defaulted", "charged off", "died", "dead", "<=50k", "<=50k.", "false",
    "high risk", "fraud",
    "ineligible", "not hired", "not admitted", "churned",
}  # fmt: skip
_DAY = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:[T ]|$)")


@dataclass(frozen=True)
class Column:
    """What was seen of a column.

    Attributes
    ----------
    name : str
    rows, missing, distinct : int
        Rows, those that hold nothing, and different values.
    labels : tuple of str
        The values, in canonical text, where there are at most a thousand.
    numeric : bool
        Whether all of it is numbers.
    low, high : float
        Of numbers.
    """

    name: str
    rows: int
    missing: int
    distinct: int
    labels: tuple[str, ...] = ()
    numeric: bool = False
    low: float = float("nan")
    high: float = float("nan")

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Words of the name, in lower case."""
        parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", self.name)
        return tuple(re.findall(r"[^\W_]+", parted.lower()))

    @property
    def classes(self) -> bool:
        """Whether it can hold classes."""
        return 2 <= self.distinct <= MOST_CLASSES

    def seen(self) -> str:
        """What was seen, without a value."""
        of = f"{self.distinct:,} different values"
        holes = f", {self.missing:,} of {self.rows:,} missing" if self.missing else ""
        return f"{of}{', all numbers' if self.numeric else ''}{holes}"


@dataclass(frozen=True)
class Guess:
    """A value for a key of the configuration.

    Attributes
    ----------
    key : str
    value : object
        None where only the comment is to be written.
    why : str
        What it rests on.
    sure : bool
        Whether it is written, or commented out.
    """

    key: str
    value: Any
    why: str
    sure: bool = True


def look(frame: Frame) -> list[Column]:
    """Look at each column of a frame."""
    return [_look(frame, name) for name in frame.columns]


def _look(frame: Frame, name: str) -> Column:
    import numpy as np

    from trustkit.evidence.tables import MISSING
    from trustkit.frames import FrameError

    try:
        numbers = frame.numbers(name)
    except FrameError:
        numbers = None
    if numbers is not None:
        known = numbers[~np.isnan(numbers)]
        distinct = len(np.unique(known))
        if distinct > _MOST_LABELS:
            low, high = float(known.min()), float(known.max())
            return Column(name, frame.rows, frame.rows - len(known), distinct, (), True, low, high)
    try:
        labels = frame.labels(name)
    except FrameError:  # lists, say
        return Column(name, frame.rows, 0, 0)
    holes = [code for code, label in enumerate(labels.names) if label == MISSING]
    missing = int(np.isin(labels.codes, holes).sum())
    names = tuple(label for label in labels.names if label != MISSING)
    ends = (
        (float(known.min()), float(known.max())) if numbers is not None and len(known) else (np.nan, np.nan)
    )
    kept = names if len(names) <= _MOST_LABELS else names[:_MOST_LABELS]
    return Column(name, frame.rows, missing, len(names), kept, bool(numbers is not None), *ends)


@dataclass
class Guesses:
    """The guesses of a table.

    Parameters
    ----------
    columns : list of Column
    bins : callable
        Rows of a column by bins, for edges.
    features : sequence of str, optional
        Columns that the model was fitted on.
    classes : sequence of str, optional
        Its classes.
    has_model : bool
    """

    columns: Sequence[Column]
    bins: Callable[[str, Sequence[float]], Sequence[int]]
    features: Sequence[str] | None = None
    classes: Sequence[str] = ()
    has_model: bool = False

    def all(self) -> Iterator[Guess]:
        """Yield a guess for each key of ``[data]``, and the task."""
        yield from self.target()
        yield from self.classes_wanted()
        yield from self.decision()
        yield from self.scored()
        yield from self.groups()
        yield from self.singling_out()
        yield from self.person()
        yield from self.moment()
        yield from self.weighted()
        yield from self.used()
        yield from self.left_over()

    @cached_property
    def decided(self) -> Column | None:
        """The column of decisions."""
        fitting = [c for c in self.columns if {*c.words} & _DECISIONS and 1 <= c.distinct <= MOST_CLASSES]
        return next((c for c in fitting if not {*c.words} & _SCORES), None)

    @cached_property
    def scores(self) -> Column | None:
        """The column of scores: numbers in [0, 1] with a name that says so."""
        for c in self.columns:
            chance = c.numeric and c.distinct > 2 and c.low >= 0 and c.high <= 1
            if chance and {*c.words} & (_SCORES | _DECISIONS) and c is not self.decided:
                return c
        return None

    @cached_property
    def outcomes(self) -> list[tuple[float, Column]]:
        """Columns that may be the target, the likeliest first."""
        taken = (self.decided, self.scores)
        rated = [
            (self._likeness(c, last=c is self.columns[-1]), c)
            for c in self.columns
            if c not in taken and c.distinct >= 2 and not {*c.words} & _GROUPS
        ]
        return sorted(((like, c) for like, c in rated if like >= 1), key=lambda pair: -pair[0])

    @cached_property
    def outcome(self) -> Column | None:
        """The target, where it is sure."""
        if not self.outcomes or self.outcomes[0][0] < 3:
            return None
        tied = len(self.outcomes) > 1 and self.outcomes[1][0] == self.outcomes[0][0]
        return None if tied else self.outcomes[0][1]

    def _likeness(self, c: Column, *, last: bool) -> float:
        words = {*c.words}
        named = (3.0 + 1.0 / len(c.words)) if words & (_OUTCOMES | _ADVERSE) else 0.0
        if not c.classes and not (named and c.numeric and len(c.words) == 1):
            return 0.0
        if self.classes and not {*c.labels} <= {*self.classes}:
            return 0.0
        outside = self.features is not None and c.name not in self.features
        like = named + 2.0 * outside + (2.0 if self.classes and outside else 0.0)
        like += 1.0 * (c.distinct == 2 and (named > 0 or outside or last)) + 0.5 * last
        return 0.0 if self.features is not None and c.name in self.features else like

    @property
    def is_regression(self) -> bool:
        """Whether the target holds quantities."""
        return self.outcome is not None and not self.outcome.classes

    def target(self) -> Iterator[Guess]:
        """Yield the target."""
        if self.outcome is not None:
            c = self.outcome
            what = _classes(c) if c.classes else c.seen()
            told = "it is no feature of the model; " if self.features is not None else ""
            yield Guess("target", c.name, f"the true outcome: {told}its name and its values fit ({what})")
        elif self.outcomes:
            others = ", ".join(c.name for _, c in self.outcomes[:5])
            why = f"the true outcome: several columns may be it ({others}), none is sure; decide"
            yield Guess("target", self.outcomes[0][1].name, why, sure=False)
        else:
            yield Guess("target", "...", "the true outcome: no column's name and values say so", sure=False)

    def classes_wanted(self) -> Iterator[Guess]:
        """Yield the class that a person wants."""
        c = self.outcome or self.decided
        if c is None or self.is_regression:
            return
        adverse = bool({*c.words} & _ADVERSE)
        if c.distinct > 2:
            why = f"which of the classes ({_classes(c)}) does a person want? Without it none is favorable"
            yield Guess("favorable", ["..."], why, sure=False)
            return
        wanted, why = _wanted(c, adverse)
        if wanted is None:
            told = f"which of {_classes(c)} does a person want? Nothing says so: decide, it is required"
            yield Guess("favorable", "...", told, sure=False)
            return
        other = next((label for label in c.labels if label != wanted), None)
        yield Guess("favorable", wanted, f"the class that a person wants, and selection rate counts: {why}")
        if adverse and other is not None:
            why = f"the class that error rates and the score speak of: {c.name} names what is feared"
            yield Guess("positive", other, why)

    def decision(self) -> Iterator[Guess]:
        """Yield the column of decisions."""
        c = self.decided
        if c is None and not self.has_model:
            yield Guess(
                "prediction", "...", "the decision: no column's name says so, and no model", sure=False
            )
        elif c is not None and self.has_model:
            why = "the decision by its name; commented out, since the model decides here"
            yield Guess("prediction", c.name, why, sure=False)
        elif c is not None:
            yield Guess("prediction", c.name, f"the decision by its name ({_classes(c)})")

    def scored(self) -> Iterator[Guess]:
        """Yield the column of scores."""
        if self.scores is not None:
            sure = not self.has_model
            why = "P(positive) by its name; all numbers from 0 to 1"
            yield Guess("score", self.scores.name, why if sure else f"{why}; the model's own is used", sure)

    @cached_property
    def roles(self) -> set[str]:
        """Columns that are the target, the decision or the score."""
        named = (self.outcome, self.decided, self.scores)
        return {c.name for c in named if c is not None}

    def _groups(self) -> Iterator[tuple[Column, str, tuple[float, ...]]]:
        """Columns of groups, what is against them, and their bins."""
        for c in self.columns:
            words = {*c.words}
            origin = "origin" in words and words & {"national", "country", "ethnic"}
            if c.name in self.roles or not (words & _GROUPS or origin):
                continue
            if c.distinct < 2:
                yield c, "it holds one group alone", ()
            elif c.numeric and c.distinct > 10:
                edges = self._edges(c) if "age" in words and words <= _AGE_WORDS else ()
                yield c, "" if edges else "numbers of many values: declare bins", edges
            elif "age" in words and c.numeric and not words <= _AGE_WORDS:
                yield c, "an age of what?", ()
            elif c.distinct > MOST_GROUPS:
                yield c, f"{c.distinct:,} different values are many groups", ()
            else:
                yield c, "", ()

    def _edges(self, c: Column) -> tuple[float, ...]:
        """Edges that leave enough rows in each bin."""
        edges = list(_EDGES)
        while edges:
            rows = list(self.bins(c.name, edges))
            least = min(range(len(rows)), key=rows.__getitem__)
            if rows[least] >= min(_FEWEST, max(c.rows // 10, 1)):
                break
            edges.pop(min(least, len(edges) - 1))
        return tuple(edges)

    def groups(self) -> Iterator[Guess]:
        """Yield the columns whose groups are compared, and bins of numbers."""
        found = list(self._groups())
        sure = [(c, edges) for c, against, edges in found if not against]
        if sure:
            told = "; ".join(f"{c.name}: {c.seen()}" for c, _ in sure)
            yield Guess("sensitive", [c.name for c, _ in sure], f"groups to compare, by their names ({told})")
        else:
            why = "columns whose groups are to be compared: no column's name says so, decide"
            yield Guess("sensitive", ["..."], why, sure=False)
        for c, against, _ in found:
            if against:
                yield Guess("", None, f"not among sensitive: {c.name}: {against}")
        bins = {c.name: list(edges) for c, edges in sure if edges}
        if bins:
            why = "right-open groups of numbers: round edges that leave rows in each, chosen without outcomes"
            yield Guess("bins", bins, why)

    def singling_out(self) -> Iterator[Guess]:
        """Yield columns that together may single a person out."""
        named = [c for c in self.columns if c.name not in self.roles and c.distinct > 1]
        among = [c.name for c, against, _ in self._groups() if c.distinct > 1 and not against]
        among += [c.name for c in named if {*c.words} & _PLACES and c.name not in among]
        kept = [c.name for c in named if c.name in among and not self._identifies(c)]
        if len(kept) > 1:
            why = "together they may single a person out: groups, places, education and work, by their names"
            yield Guess("quasi_identifiers", kept, why)

    def _identifies(self, c: Column) -> bool:
        words = {*c.words}
        unique = c.distinct == c.rows - c.missing and c.rows >= 50
        return bool(words & _IDENTIFIERS and c.distinct > MOST_GROUPS) or (unique and not c.numeric)

    def person(self) -> Iterator[Guess]:
        """Yield the column that names the person of a row, and say which others identify."""
        identifying = [c for c in self.columns if self._identifies(c) and c is not self._moment()]
        units = [c for c in identifying if {*c.words} & _PERSONS and c.distinct < c.rows - c.missing]
        if units:
            each = (units[0].rows - units[0].missing) / units[0].distinct
            yield Guess("unit", units[0].name, f"rows of one person: about {each:.1f} rows for each value")
        rest = [c.name for c in identifying if c not in units[:1]]
        if rest:
            why = f"identifiers, by their names or since hardly a value occurs twice: {', '.join(rest)}"
            yield Guess("", None, f"{why}; none has a role")

    def _moment(self) -> Column | None:
        for c in self.columns:
            sample = c.labels[:_MOST_LABELS]
            days = sum(1 for label in sample if _DAY.match(label))
            timed = {*c.words} & _TIMES and not {*c.words} & {"birth", "dob", "birthday", "birthdate"}
            if timed and sample and days >= 0.95 * len(sample):
                return c
        return None

    def moment(self) -> Iterator[Guess]:
        """Yield the time of decision."""
        c = self._moment()
        if c is not None:
            yield Guess("time", c.name, f"the time of decision, by its name and its form ({c.seen()})")

    def weighted(self) -> Iterator[Guess]:
        """Yield the weights of the rows; a column that is only named weight may be a person's."""
        for c in self.columns:
            if not c.numeric or c.name in self.roles or not c.low >= 0:
                continue
            if c.name.lower() in _WEIGHTS:
                yield Guess("weight", c.name, "weights of the rows, by its name")
                return
            if c.name.lower() in _MAYBE_WEIGHTS:
                why = "is it the weight of the row in the sample, or one measured? Decide"
                yield Guess("weight", c.name, why, sure=False)
                return

    def used(self) -> Iterator[Guess]:
        """Say which columns the model takes."""
        if self.features is not None:
            yield Guess("", None, f"features: the {len(self.features)} columns that the model was fitted on")
        elif self.has_model:
            why = "the model does not say which columns it takes: all without a role, unless you list them"
            yield Guess("features", ["..."], why, sure=False)

    def left_over(self) -> Iterator[Guess]:
        """Say what else a column without a role could be: a person who recurs, or a group."""
        named = {*self.roles, *(c.name for c, _, _ in self._groups())}
        left = [c for c in self.columns if c.name not in named and not self._identifies(c)]
        recurring = [c for c in left if c.distinct > MOST_GROUPS and 1.5 <= c.rows / c.distinct <= 100]
        for c in recurring[:1] if not any({*c.words} & _PERSONS for c in self.columns) else []:
            each = f"about {c.rows / c.distinct:.1f} rows for each value"
            why = (
                f"{c.name}: {each}; if it names the person of a row, say so, or intervals come out too narrow"
            )
            yield Guess("unit", c.name, why, sure=False)
        groups = [c.name for c in left if not c.numeric and 2 <= c.distinct <= MOST_GROUPS]
        if groups:
            yield Guess("", None, f"could be added to sensitive, by few values: {', '.join(groups)}")


def _classes(c: Column) -> str:
    if not 0 < len(c.labels) <= MOST_CLASSES:
        return c.seen()
    return (
        f"{len(c.labels)} classes: {', '.join(c.labels)}"
        if len(c.labels) > 1
        else f"one class: {c.labels[0]}"
    )


def _wanted(c: Column, adverse: bool) -> tuple[str | None, str]:
    """Label that a person wants of at most two, and why."""
    labels = set(c.labels)
    for low, high in (("0", "1"), ("false", "true")):
        if labels <= {low, high}:
            if adverse:
                return low, f"{c.name} names what is feared, so not {high}"
            return high, f"{high} of {low} and {high}; is it what a person wants?"
    good = [label for label in c.labels if label.strip().casefold() in _GOOD]
    bad = [label for label in c.labels if label.strip().casefold() in _BAD]
    if adverse and len(good) == len(bad) == 1 and good[0].casefold() in ("yes", "y", "true"):
        return bad[0], f"{c.name} names what is feared, so not {good[0]}"
    if len(good) == 1 and len(bad) <= 1 and not adverse:
        return good[0], f"{good[0]} by its name"
    if len(bad) == 1 and not good and len(labels) == 2:
        return next(iter(labels - {*bad})), f"not {bad[0]}, by its name"
    return None, ""
