"""What became of each remedy: verdicts, accuracy, disparities, and what it costs whom."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustkit.errors import ConfigError, Problem, nearest
from trustkit.evidence import write_whole

if TYPE_CHECKING:
    import pandas as pd

    from trustkit.models.scanning import ScanReport
    from trustkit.remedies.deciding import Decider

FORMAT = "trustkit-remedies/1"
AS_IT_IS = "as-it-is"
SUFFIXES = {".html": "html", ".json": "json", ".md": "md", ".txt": "text"}
MODEL_SUFFIXES = (".joblib", ".skops")


@dataclass(frozen=True)
class Figure:
    """An estimate with its limits, each one-sided at alpha; what is undefined or too small is None."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Claim:
    """The claim that failed worst of its metric: what a remedy is to mend.

    Attributes
    ----------
    finding : str
        Id of the finding.
    title : str
        Check, metric and whom it is about, in words.
    limit : mapping
        ``min`` or ``max``, and its source.
    """

    finding: str
    title: str
    limit: Mapping[str, Any]


@dataclass(frozen=True)
class Disparity:
    """A claim with a remedy: its estimate, and its verdict, empty where the check no longer yields it."""

    finding: str
    figure: Figure
    verdict: str


@dataclass(frozen=True)
class Control:
    """A failed control, judged again.

    Attributes
    ----------
    id : str
        The control.
    verdict : str
        Its verdict now.
    covers : float or None
        Share of the people about whom all is settled.
    failing, of_rates : int
        Claims that fail, and those of them that are of rates which a remedy moves.
    treated : bool
        Whether any remedy here is made for what failed it.
    """

    id: str
    verdict: str
    covers: float | None
    failing: int
    of_rates: int
    treated: bool


@dataclass(frozen=True)
class Shares:
    """Rates of a group: favorable, true and false positive, right decisions; None where too few."""

    selection: float | None
    tpr: float | None
    fpr: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Cost:
    """What a remedy costs a group, or gives it.

    Attributes
    ----------
    group : mapping of str to str
        Label of each attribute.
    n : int
        Rows.
    before, after : Shares
        Its rates, on the same rows.
    """

    group: Mapping[str, str]
    n: int
    before: Shares
    after: Shares

    def change(self, rate: str) -> float | None:
        """After less before of a rate; None where either is unknown."""
        before, after = getattr(self.before, rate), getattr(self.after, rate)
        return None if before is None or after is None else after - before


@dataclass(frozen=True)
class Outcome:
    """A remedy, tried and audited again.

    Attributes
    ----------
    name : str
        By which it is saved.
    title : str
        What it does.
    controls : tuple of Control
        The failed controls, judged again.
    newly_failing : tuple of (str, tuple of str)
        Controls that fail with it and did not without, each with the checks that fail.
    accuracy, balanced_accuracy : Figure
        Of everybody.
    disparities : tuple of Disparity
        By claim, in the order of `Remedies.claims`.
    costs : tuple of Cost
        By group.
    levels_down : str
        Why it levels down; empty where it does not.
    attributes : tuple of str
        Sensitive attributes that it needs when it decides.
    randomizes : bool
        Whether it draws lots.
    notes : tuple of str
        What else there is to say.
    """

    name: str
    title: str
    controls: tuple[Control, ...]
    newly_failing: tuple[tuple[str, tuple[str, ...]], ...]
    accuracy: Figure
    balanced_accuracy: Figure
    disparities: tuple[Disparity, ...]
    costs: tuple[Cost, ...]
    levels_down: str = ""
    attributes: tuple[str, ...] = ()
    randomizes: bool = False
    notes: tuple[str, ...] = ()

    @property
    def passes(self) -> bool:
        """Whether every failed control passes that a remedy is made for, and none fails newly."""
        treated = [control.verdict for control in self.controls if control.treated]
        return set(treated) == {"pass"} and not self.newly_failing

    @property
    def gaining(self) -> tuple[int, int]:
        """Groups that get the favorable decision more often, and less often."""
        changes = [cost.change("selection") or 0.0 for cost in self.costs]
        return sum(each > 0 for each in changes), sum(each < 0 for each in changes)


@dataclass(frozen=True)
class Remedies:
    """Remedies side by side; the first is the system as it is. None is chosen.

    Attributes
    ----------
    system : str
        Its name.
    alpha : float
        Error rate of each audit.
    benefit : str
        Rate that leveling down speaks of.
    outcomes : tuple of Outcome
        As they were tried.
    left_out : mapping of str to str
        Remedies that could not be tried: why.
    controls : mapping of str to str
        The failed controls, with their titles.
    claims : tuple of Claim
        What failed worst of each metric, the worst first.
    rows : mapping of str to int
        How many were ``fitted`` on and how many ``judged``.
    notes : tuple of str
        What there is to say of all.
    unsaved : str
        Why no model can be saved; empty where any can.
    models : mapping of str to Decider
        The models with the remedies; see `model`.
    """

    system: str
    alpha: float
    benefit: str = "selection"
    outcomes: tuple[Outcome, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    controls: Mapping[str, str] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unsaved: str = ""
    models: Mapping[str, Decider] = field(default_factory=dict, repr=False, compare=False)

    def model(self, name: str) -> Decider:
        """Return the model of a remedy.

        Raises
        ------
        ConfigError
            There is none of that name.
        """
        if name in self.models and self.unsaved:
            raise ConfigError([Problem(name, self.unsaved)])
        if name in self.models:
            return self.models[name]
        why = self.left_out.get(name, "no remedy of that name was tried")
        raise ConfigError([Problem(name, why, None if name in self.left_out else nearest(name, self.models))])

    def save_model(self, name: str, path: str | Path) -> ScanReport:
        """Write the model of a remedy to a file that an audit can load, and scan it.

        Parameters
        ----------
        name : str
            The remedy.
        path : str or Path
            A ``.joblib`` file, which an audit loads once its digest is
            declared as ``trust``, or a ``.skops`` file.

        Returns
        -------
        ScanReport
            With the digest, and what the scan found.

        Raises
        ------
        ConfigError
            No such remedy, another suffix, a model that is not in this
            process, or a place that cannot be written to.
        """
        from trustkit.models.scanning import scan

        problems = model_problems(Path(path))
        if problems:
            raise ConfigError(problems)
        target = Path(path)
        try:
            _dump(self.model(name), target)
        except OSError as error:
            raise ConfigError([Problem(str(path), error.strerror or "cannot be written")]) from None
        return scan(target)

    def to_frame(self) -> pd.DataFrame:
        """Remedies as a pandas DataFrame, one a row."""
        import pandas as pd

        return pd.DataFrame([_flat(outcome) for outcome in self.outcomes])

    def to_json(self) -> str:
        """Text of the table, format ``trustkit-remedies/1``."""
        data = {name: value for name, value in vars(self).items() if name != "models"}
        data["claims"] = [asdict(claim) for claim in self.claims]
        data["outcomes"] = [{**asdict(each), "passes": each.passes} for each in self.outcomes]
        text = json.dumps({"format": FORMAT, **data}, indent=1, ensure_ascii=False, allow_nan=False)
        return text + "\n"

    def save(self, path: str | Path) -> None:
        """Write the table whole or not at all; the suffix chooses .html, .json, .md or .txt."""
        from trustkit.remedies.showing import show

        write_whole(Path(path), show(self, format_of(path)))

    def __str__(self) -> str:
        from trustkit.remedies.showing import show

        return show(self, "text")


def format_of(path: str | Path) -> str:
    """Return the format that a file's suffix stands for.

    Raises
    ------
    ConfigError
        For a suffix that nothing writes.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        found = f"no format has the suffix {suffix!r}; there are {', '.join(SUFFIXES)}"
        raise ConfigError([Problem(str(path), found, nearest(suffix, SUFFIXES))])
    return SUFFIXES[suffix]


def model_problems(path: Path) -> list[Problem]:
    """What is wrong with the suffix of a file for a model, or lacks to write it."""
    from importlib.util import find_spec

    if path.suffix.lower() not in MODEL_SUFFIXES:
        found = f"a model is written as {' or '.join(MODEL_SUFFIXES)}, not {path.suffix!r}"
        return [Problem(str(path), found, nearest(path.suffix, MODEL_SUFFIXES))]
    if path.suffix.lower() == ".skops" and find_spec("skops") is None:
        return [Problem(str(path), "skops is not installed: pip install 'trustkit-audit[skops]'")]
    return []


def _dump(model: Decider, path: Path) -> None:
    if path.suffix.lower() == ".skops":
        import skops.io

        skops.io.dump(model, path)
    else:
        import joblib

        joblib.dump(model, path)


def _flat(outcome: Outcome) -> dict[str, Any]:
    def ends(name: str, figure: Figure) -> dict[str, Any]:
        return {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}

    row: dict[str, Any] = {"remedy": outcome.name, "title": outcome.title}
    row |= {control.id: control.verdict for control in outcome.controls}
    row["newly_failing"] = [id for id, _ in outcome.newly_failing]
    row |= ends("accuracy", outcome.accuracy) | ends("balanced_accuracy", outcome.balanced_accuracy)
    for disparity in outcome.disparities:
        row |= ends(disparity.finding, disparity.figure)
    more = {name: getattr(outcome, name) for name in ("levels_down", "attributes", "randomizes", "passes")}
    return row | more
