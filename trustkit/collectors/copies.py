"""The collector of copies: learn from the model's answers, and count how often the copy decides alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.collectors.asking import Answers, asked
from trustkit.collectors.draws import drawing_order
from trustkit.collectors.sources import Sources
from trustkit.errors import ConfigError, Problem
from trustkit.evidence import Unavailable
from trustkit.evidence.copies import OUTPUTS, Copies
from trustkit.frames import Frame, FrameError

KEY = 'options."security/extraction".budgets'
DRAW = 42

BUDGETS = (100, 400)
"""Rows that are asked about, where no others are given."""

MOST_COMPARED, FEWEST_COMPARED = 2000, 100

BOOSTED_FROM, ROUNDS = 500, 30
"""Answers from which boosted trees are tried beside a line, and their number."""

MOST_LABELS = 30
"""Of a column of labels the most frequent ones are told apart."""

DIGITS, LEAST = 2, 1e-4
"""To how many digits a score may be rounded; a score is learned as if no nearer to 0 or 1 than this."""

FEWEST = 20

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Answerer = Callable[[Floats], NDArray[Any]]


def collect_copies(sources: Sources) -> Copies:
    """Learn copies from few and many answers, and compare them with the model on other rows.

    A line and, from enough answers, boosted trees are learned; of the two the
    better on a quarter of the answers is taken, as a copier would.

    Raises
    ------
    Unavailable
        Where there is no model, no decision to copy, or too few rows.
    ConfigError
        For budgets that are no whole numbers of at least 20.
    """
    sources.require_model()
    if sources.task == "regression":
        raise Unavailable("a quantity is predicted: there is no decision to copy")
    wanted = _budgets(sources)
    order = drawing_order(sources, DRAW)
    budgets = [each for each in wanted if each + FEWEST_COMPARED <= len(order)]
    if not budgets:
        raise Unavailable(f"{len(order)} rows are too few to learn from and to compare", supply="more rows")
    most = budgets[-1]
    frame = sources.frame.at(order[: most + MOST_COMPARED])
    answers = asked(sources, next(frame.batches(sources.features, frame.rows)), "copy")
    features = _encoded(frame, sources.features)
    told = answers.decision[most:]
    positive = sources.positive if answers.number is not None and sources.task == "binary" else None
    outputs = OUTPUTS if positive is not None else OUTPUTS[:1]
    agree: dict[str, dict[str, int]] = {output: {} for output in outputs}
    for budget in budgets:
        for output in outputs:
            copy = _learned(features[:budget], answers, output, positive, sources.seed)
            agree[output][str(budget)] = int((copy(features[most:]) == told).sum())
    _, rows = np.unique(told, return_counts=True)
    schema = {"budgets": budgets, "outputs": list(outputs), "rows": MOST_COMPARED, "seed": sources.seed}
    return Copies(schema, len(told), int(rows.max()), agree)


def _learned(features: Floats, answers: Answers, output: str, positive: str | None, seed: int) -> Answerer:
    """The better of the copies learned from these rows, by the last quarter of them."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression, Ridge

    n = len(features)
    decisions = answers.decision[:n]
    boosted: dict[str, Any] = {"max_iter": ROUNDS, "random_state": seed, "early_stopping": False}
    trees = n >= BOOSTED_FROM
    learners = [LogisticRegression(max_iter=500), *[HistGradientBoostingClassifier(**boosted)] * trees]
    fits = [partial(_of_decisions, learner, features, decisions) for learner in learners]
    if output != OUTPUTS[0] and answers.number is not None and positive is not None:
        odds = _odds(answers.number[:n], output == OUTPUTS[1])
        scorers = [Ridge(1e-3), *[HistGradientBoostingRegressor(**boosted)] * trees]
        fits += [partial(_of_scores, each, features, decisions, odds, positive) for each in scorers]
    learned, held = np.arange(n * 3 // 4), np.arange(n * 3 // 4, n)
    right = [(fit(learned)(features[held]) == decisions[held]).mean() for fit in fits]
    return fits[int(np.argmax(right))](np.arange(n))


def _of_decisions(learner: Any, features: Floats, decisions: NDArray[Any], rows: Places) -> Answerer:
    if len(set(decisions[rows])) == 1:
        return lambda X: np.full(len(X), decisions[rows[0]], dtype=object)
    return _scaled(learner).fit(features[rows], decisions[rows].astype(str)).predict


def _of_scores(
    learner: Any, features: Floats, decisions: NDArray[Any], odds: Floats, positive: str, rows: Places
) -> Answerer:
    """Learn the log odds, and cut them where the decisions turn."""
    mine = decisions[rows] == positive
    if mine.all() or not mine.any():
        return lambda X: np.full(len(X), decisions[rows[0]], dtype=object)
    other = decisions[rows][~mine][0]
    cut = (odds[rows][mine].min() + odds[rows][~mine].max()) / 2
    model = _scaled(learner).fit(features[rows], odds[rows])
    return lambda X: np.where(model.predict(X) >= cut, positive, other)


def _odds(score: Floats, rounded: bool) -> Floats:
    least = 0.5 * 10.0**-DIGITS if rounded else LEAST
    score = np.clip(np.round(score, DIGITS) if rounded else score, least, 1 - least)
    return np.log(score / (1 - score))


def _scaled(learner: Any) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), learner)


def _encoded(frame: Frame, names: Sequence[str]) -> Floats:
    """Inputs as numbers: a number with its absence beside it, a column of labels as one of each."""
    columns: list[Floats] = []
    for name in names:
        try:
            values = frame.numbers(name)
            known = np.isfinite(values)
            middle = np.median(values[known]) if known.any() else 0.0
            columns += [np.where(known, values, middle), ~known]
        except FrameError:
            with suppress(FrameError):  # lists, say
                labels = frame.labels(name)
                rows = np.bincount(labels.codes, minlength=len(labels.names))
                columns += [labels.codes == code for code in np.argsort(-rows, kind="stable")[:MOST_LABELS]]
    if not columns:
        raise Unavailable("no input is a number or a label")
    return np.column_stack(columns).astype(np.float64)


def _budgets(sources: Sources) -> list[int]:
    given = sources.system.config.options.get("security/extraction", {}).get("budgets", BUDGETS)
    wrong = [each for each in given if not isinstance(each, int) or each < FEWEST]
    if wrong or not given:
        found = f"{wrong[0] if wrong else list(given)!r} is not whole numbers of at least {FEWEST}"
        raise ConfigError([Problem(KEY, found)])
    return sorted(set(given))
