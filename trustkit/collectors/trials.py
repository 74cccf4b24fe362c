"""The collector of trials: send the model malformed tables, and see whether it refuses, answers or breaks."""

from __future__ import annotations

import time
import warnings
from contextlib import nullcontext
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trustkit.collectors.budget import Budget
from trustkit.collectors.draws import drawing_order
from trustkit.collectors.malformed import Malformed, malformed
from trustkit.collectors.sources import Sources
from trustkit.errors import ModelError
from trustkit.evidence.trials import SLOW, Trial, Trials
from trustkit.frames import Frame, FrameError
from trustkit.models.endpoints import BrokenOffError, Endpoint, NoAnswerError
from trustkit.models.files import FileModel
from trustkit.models.objects import answer_of, undisturbed
from trustkit.models.process import Raised

ROWS, ASKED = 8, 200
"""Rows of a malformed table; rows that tell which inputs the answers depend on."""

DRAW = 41

CHECK = "security/input-handling"

MOST_TRIED, MOST_LABELS = 6, 20
"""Inputs that are made wrong one by one; an input with no more values than this may be a code of labels."""

TOLERANCE = 1e-9
"""A predicted number that moves by less is the same: sums of floats depend on their order."""

_CRASHES = ("MemoryError", "RecursionError", "SystemExit")


class _Ended(Exception):  # noqa: N818 (a signal, not an error)
    """The model left the interpreter, or its process died."""


def collect_trials(sources: Sources) -> Trials:
    """Send malformed tables to the model, and count what it does.

    An error is a refusal, whatever its type: the caller is told. To leave the
    interpreter, to exhaust memory or to die is none.

    Raises
    ------
    Unavailable
        Where there is no model.
    ConfigError
        For a budget that is no number above 0.
    """
    sources.require_model()
    budget = Budget.of(sources, CHECK)
    frame = sources.frame.at(drawing_order(sources, DRAW)[:ASKED])
    table = next(frame.batches(sources.features, frame.rows)).reset_index(drop=True)
    few = table.iloc[:ROWS]
    wanted = len(table) * (1 + len(sources.features))
    budget.measure(lambda part: _answers(sources, part), table, wanted)
    budget.told(sources, "try inputs", wanted)
    share = budget.share(wanted)
    table = table.iloc[: max(int(share * len(table)), ROWS)]
    before = _answers(sources, table)
    matter = (name for name in sources.features if _matters(sources, table, name, before))
    used = list(islice(matter, MOST_TRIED))
    numbers = [name for name in used if _is_number(frame, name)]
    known = _answers(sources, few)
    kinds: dict[str, Trial] = {}
    with sources.model.once() if isinstance(sources.model, Endpoint) else nullcontext():
        for made in malformed(few, numbers, used):
            kinds[made.kind] = kinds.get(made.kind, Trial()) + _tried(sources, made, known)
    pace = float(f"{budget.pace:.1g}") if share < 1 else 0.0
    return Trials({"rows": len(few), "seed": sources.seed}, kinds, pace)


def _tried(sources: Sources, made: Malformed, known: NDArray[Any]) -> Trial:
    """Send one table, and tell what came of it."""
    started = time.perf_counter()
    try:
        answers = _answers(sources, made.table)
    except _Ended as signal:
        return Trial(1, crashed=1, errors=(str(signal),))
    except NoAnswerError:
        return Trial(1, slow=1)
    except Exception as error:
        return Trial(1, refused=1, slow=_is_slow(started), errors=(_type(error),))
    slow = _is_slow(started)
    if len(answers) != len(made.table) or (made.as_before and not _agree(answers, known)):
        return Trial(1, misaligned=1, slow=slow)
    if made.column is not None:
        return Trial(1, answered=1, silent=1, slow=slow, columns=(made.column,))
    return Trial(1, answered=1, slow=slow)


def _answers(sources: Sources, table: pd.DataFrame) -> NDArray[Any]:
    """Ask with a table as it is, however malformed."""
    model = sources.model
    try:
        with undisturbed(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ask = model.predict if hasattr(model, "predict") else model
            answer = answer_of(ask(table.copy()))
    except (MemoryError, RecursionError, SystemExit) as error:
        raise _Ended(type(error).__name__) from None
    except ModelError as error:
        if isinstance(model, FileModel) and model.has_ended:
            sources.reload()
            raise _Ended("its process ended") from None
        if isinstance(error, BrokenOffError):
            raise _Ended("the connection was broken off") from None
        if _type(error) in _CRASHES:
            raise _Ended(_type(error)) from None
        raise
    finally:
        sources.model_calls += 1
    answers = np.asarray(answer, dtype=object)
    if answers.shape[1:] not in ((), (1,)):
        raise ModelError("the answer is no label a row")
    return answers.ravel()


def _type(error: BaseException) -> str:
    """Name of the type of what the model raised, here or in its own process."""
    cause = error.__cause__
    return cause.type if isinstance(cause, Raised) else type(error).__name__


def _is_slow(started: float) -> int:
    return int(time.perf_counter() - started > SLOW)


def _matters(sources: Sources, table: pd.DataFrame, name: str, before: NDArray[Any]) -> bool:
    """Whether answers change when the rows exchange their values of an input."""
    turned = table.copy()
    turned[name] = table[name].array.take(np.roll(np.arange(len(table)), 1))
    return not _agree(_answers(sources, turned), before)


def _agree(answers: NDArray[Any], others: NDArray[Any]) -> bool:
    """Whether each answer is the other: none in the same rows, numbers but for their rounding."""
    known = pd.notna(answers)
    if len(answers) != len(others) or not np.array_equal(known, pd.notna(others)):
        return False
    one, other = answers[known], others[known]
    try:
        return np.allclose(one.astype(np.float64), other.astype(np.float64), TOLERANCE, TOLERANCE)
    except (TypeError, ValueError):  # labels
        return np.array_equal(one, other)


def _is_number(frame: Frame, name: str) -> bool:
    """Whether an input holds numbers, and so many that they are no labels."""
    try:
        return len(np.unique(frame.numbers(name))) > MOST_LABELS
    except FrameError:
        return False
