"""A model asked in a fresh interpreter: whether its answers depend on the process that they come from."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trustkit.errors import ModelError
from trustkit.frames import Frame, Labels
from trustkit.models import wire
from trustkit.models.objects import Predictions, predict, resolve

if TYPE_CHECKING:
    import pandas as pd


def predict_afresh(
    model: object, table: pd.DataFrame, *, folder: Path, positive: str | None, seconds: float
) -> Predictions:
    """Ask a model about a table in an interpreter of its own, with another hash seed.

    Parameters
    ----------
    model : object or str
        ``package.module:object``, which is imported there, or an object, which
        is pickled here and read there.
    table : DataFrame
        The rows, with the columns that the model sees.
    folder : Path
        Put on ``sys.path`` during the import.
    positive : str or None
        Canonical text of the class whose probability is the score.
    seconds : float
        Time that it may take in all.

    Raises
    ------
    ModelError
        The model cannot be pickled, read, imported or asked there, or not in time.
    """
    try:
        held = b"" if isinstance(model, str) else pickle.dumps(model)
        header, body = wire.pack_table(table)
    except Exception as error:
        raise ModelError(f"it cannot be passed on: {type(error).__name__}") from None
    told = {
        "spec": model if isinstance(model, str) else None,
        "folder": str(folder),
        "paths": sys.path,
        "positive": positive,
        "table": header,
        "sizes": [len(body), len(held)],
    }
    command = [sys.executable, "-P", "-B", "-W", "ignore", "-m", __name__]
    message = json.dumps(told).encode() + b"\n" + body + held
    try:
        done = subprocess.run(  # noqa: S603
            command, input=message, capture_output=True, env=_environment(), timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise ModelError(f"it gave no answer within {seconds:.0f} seconds") from None
    if done.returncode:
        raise ModelError(f"it failed there: {done.stdout.decode(errors='replace')[:100] or 'no answer'}")
    answer = json.loads(done.stdout)
    score = None if answer["score"] is None else np.array(answer["score"], dtype=np.float64)
    return Predictions(Labels(tuple(answer["names"]), np.array(answer["codes"])), score, 1)


def _environment() -> dict[str, str]:
    """The audit's own, with a hash seed that it has not."""
    root = str(Path(__file__).parents[2])
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    return {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(paths)}


def _answer() -> dict[str, Any]:
    """Read what to ask from standard input, and ask."""
    told = json.loads(sys.stdin.buffer.readline())
    body, held = (sys.stdin.buffer.read(size) for size in told["sizes"])
    sys.path += [path for path in told["paths"] if path not in sys.path]
    spec, folder = told["spec"], told["folder"]
    model = pickle.loads(held) if spec is None else resolve(spec, folder=folder)  # noqa: S301 (our own dump)
    table = wire.unpack_table(told["table"], body)
    frame = Frame(table, list(table.columns), [])
    said = predict(model, frame, frame.columns, positive=told["positive"], batch=len(table))
    score = None if said.score is None else said.score.tolist()
    return {"names": said.labels.names, "codes": said.labels.codes.tolist(), "score": score}


def _main() -> int:
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever the model prints is no answer
    try:
        text, status = json.dumps(_answer()), 0
    except Exception as error:
        cause = error if error.__cause__ is None else error.__cause__
        text, status = type(cause).__name__, 1
    with os.fdopen(answers, "w") as file:
        file.write(text)
    return status


if __name__ == "__main__":
    sys.exit(_main())
