"""Try remedies for what failed: fit each, audit it again, and set them side by side."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trustkit.collectors.sources import Sources
from trustkit.errors import ConfigError, Problem, nearest
from trustkit.measure.rates import selection
from trustkit.models.files import FileModel
from trustkit.remedies.candidates import Trial, Unfit, candidates
from trustkit.remedies.failures import Failures
from trustkit.remedies.fitting import fitting_of, halves, missing_for, undisturbed, whole
from trustkit.remedies.outcomes import AS_IT_IS, Claim, Outcome, Remedies
from trustkit.remedies.reaudit import Judged, Reaudit, benefit
from trustkit.remedies.thresholds import edge, todays
from trustkit.renderers import words
from trustkit.scorecard import Scorecard
from trustkit.system import System

if TYPE_CHECKING:
    import pandas as pd

    from trustkit.collectors import Progress
    from trustkit.evidence.cells import Cells
    from trustkit.policy import Policy
    from trustkit.remedies.deciding import Decider
    from trustkit.scorecard import Finding

    Rows = pd.DataFrame | None

NOTHING_FAILED = "nothing failed that there is a remedy for: rates of decisions and of errors by group"
SPENT = (
    "Every remedy was audited on the same rows, at alpha = {alpha:g} each. To pick one by this table spends "
    "error again: the more remedies, the likelier one looks better than it is. Audit the one that you choose "
    "on rows that nobody has seen."
)
_ELSEWHERE = (
    "the model's file runs in a process of its own, so that nothing with the model in it can be saved: "
    "give the estimator object in its place"
)


def remedy(
    system: System | str | Path,
    card: Scorecard | str | Path,
    *,
    policy: Policy | None = None,
    progress: Progress | None = None,
) -> Remedies:
    """Try what would remedy the failed controls of bias, and what it costs whom.

    Thresholds by group and fairlearn's mitigations are fitted on the training
    rows; without these, thresholds on one half of the audited rows, at random.
    Each is audited again by the same checks, policy and limits, on the audited
    rows, or the other half. Nothing is chosen, and nothing is changed.

    Parameters
    ----------
    system : System or path
        What was audited; the path of its configuration.
    card : Scorecard or path
        Its scorecard.
    policy : Policy, optional
        That the card was judged by, over the configuration's.
    progress : callable, optional
        Called with a stage, what is done of it and its total.

    Returns
    -------
    Remedies
        The system as it is, and every remedy that could be tried; ``print`` it, ``save`` it, and
        ``save_model`` the one that you choose.

    Raises
    ------
    ConfigError
        What is wrong with the input, a card of another system, or one that has not two classes.
    """
    system = system if isinstance(system, System) else System.read(system)
    card = card if isinstance(card, Scorecard) else Scorecard.load(card)
    failures = Failures.of(card)
    named = str(card.system.get("name", "an unnamed system"))
    if not failures.mended:
        return Remedies(named, card.alpha, notes=(NOTHING_FAILED, *_told(failures)))
    problems = _strangers(system, failures)
    if problems:
        raise ConfigError(problems)
    sources = Sources.open(system, seed=card.run.seed)
    try:
        return _tried(sources, failures, named, policy, progress)
    finally:
        sources.close()


def _tried(
    sources: Sources, failures: Failures, named: str, policy: Policy | None, progress: Progress | None
) -> Remedies:
    if sources.task != "binary":
        found = f"remedies are for systems that decide between two classes, and this one is {sources.task}"
        raise ConfigError([Problem("system.task", found)])
    card, system = failures.card, sources.system
    fitted, judged, notes = _parted(sources, failures)
    as_of = date.fromisoformat(card.run.as_of)
    reaudit = Reaudit(system, judged, failures, policy, card.run.seed, as_of)
    before = reaudit.of()
    trial = _trial(sources, failures, before.cells, fitted)
    outcomes = [reaudit.outcome(AS_IT_IS, "the system as it is", before, before)]
    models: dict[str, Decider] = {}
    left_out: dict[str, str] = {}
    listed = list(candidates(failures))
    for done, candidate in enumerate(listed):
        if progress is not None:
            progress("remedies", done, len(listed))
        try:
            with undisturbed(card.run.seed):
                decider, more = candidate.make(trial)
            outcomes.append(_outcome(reaudit, candidate.name, candidate.title, before, decider, more))
        except (Unfit, ConfigError) as reason:
            left_out[candidate.name] = str(reason)
        except Exception as error:  # its own words may quote the data
            left_out[candidate.name] = f"fitting it raised {type(error).__name__}"
        else:
            decider.random_state = None
            models[candidate.name] = decider
    return Remedies(
        system=named,
        alpha=card.alpha,
        benefit=benefit(failures),
        outcomes=tuple(outcomes),
        left_out=left_out,
        controls={each.id: each.title for each in card.controls if each.id in failures.controls},
        claims=tuple(map(_claim, failures.mended)),
        rows={"fitted": len(trial.fitting.X), "judged": before.cells.rows},
        notes=(*notes, *trial.fitting.notes, *_told(failures), SPENT.format(alpha=card.alpha)),
        models=models,
        unsaved=_ELSEWHERE if isinstance(sources.model, FileModel) else "",
    )


def _outcome(
    reaudit: Reaudit, name: str, title: str, before: Judged, decider: Decider, notes: tuple[str, ...]
) -> Outcome:
    return reaudit.outcome(
        name,
        title,
        before,
        reaudit.of(decider),
        attributes=tuple(decider.attributes),
        randomizes=decider.randomizes,
        notes=notes,
    )


def _parted(sources: Sources, failures: Failures) -> tuple[Rows, Rows, tuple[str, ...]]:
    """Rows to fit on, None for the training rows; rows to judge, None for all; and what there is to say."""
    missing = missing_for(sources, failures.attributes)
    if sources.train is not None and not missing:
        return None, whole(sources) if sources.model is None else None, ()
    why = (
        f"the training rows have no column {', '.join(map(repr, missing))}"
        if missing
        else "no training rows are declared (data.train)"
    )
    fitted, judged = halves(sources)
    note = (
        f"{why}: thresholds are read off one half of the audited rows, drawn at random, and all is judged on "
        "the other half, the system as it is included"
    )
    return fitted, judged, (note,)


def _trial(sources: Sources, failures: Failures, cells: Cells, fitted: Rows) -> Trial:
    today, table = todays(cells), cells.table()
    share = selection(table).value[0]
    return Trial(
        fitting=fitting_of(sources, fitted, failures.attributes, float(edge(np.array([today]))[0])),
        model=sources.model,
        trained=fitted is None,
        today=today,
        overall=float(share),
        favors_positive=sources.positive in sources.favorable,
        seed=failures.card.run.seed,
    )


def _claim(finding: Finding) -> Claim:
    whom = words.whom(finding.subject)
    title = f"{finding.check} {finding.metric}{f' of {whom}' if whom else ''}"
    return Claim(finding.id, title, dict(finding.limit or {}))


def _told(failures: Failures) -> list[str]:
    """What there is to say of metrics that nothing here moves."""
    return [f"no remedy here is made for {metric}" for metric in failures.untreated]


def _strangers(system: System, failures: Failures) -> list[Problem]:
    """Attributes of the card that the system does not declare."""
    ours = system.config.data.sensitive
    found = "is compared on the card, and is no sensitive attribute of this system: is the card another's?"
    return [Problem(name, found, nearest(name, ours)) for name in failures.attributes if name not in ours]
