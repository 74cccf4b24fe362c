"""A process of a model's own, seen from the audit: started, asked with a time limit, ended for certain."""

from __future__ import annotations

import json
import os
import signal
import site
import subprocess
import sys
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustkit.errors import ModelError
from trustkit.models import wire

if TYPE_CHECKING:
    from collections.abc import Sequence

_KEPT = (
    "CONDA_PREFIX", "DYLD_LIBRARY_PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "LC_ALL", "LC_CTYPE", "PATH",
    "PYTHONHASHSEED", "PYTHONPATH", "TZ", "VIRTUAL_ENV",
    "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
)  # fmt: skip
"""What the process sees of the environment: secrets often stand in the rest."""

_STARTING = 60.0
_ENDING = 5.0


@dataclass(frozen=True)
class Bounds:
    """What a model's process may use.

    Attributes
    ----------
    memory : int
        Bytes.
    seconds : float
        Time for loading, and for each call.
    """

    memory: int = 4 << 30
    seconds: float = 300.0

    def for_file(self, size: int) -> Bounds:
        """Return bounds with room for a file of `size` bytes."""
        return Bounds(self.memory + 8 * size, self.seconds)


class Raised(Exception):  # noqa: N818 (what the model raised, retold)
    """An exception of the model, retold by its process.

    Attributes
    ----------
    type : str
        Name of its type.
    text : str
        Its words, or empty.
    ours : bool
        Whether it is this package's, whose words show no value of the data.
    """

    def __init__(self, type: str, text: str, trace: str, ours: bool) -> None:
        super().__init__(trace)
        self.type, self.text, self.ours = type, text, ours


class Process:
    """A started process of a model.

    Parameters
    ----------
    bounds : Bounds
        What it may use.
    paths : sequence of str
        Folders of the user's own modules.

    Attributes
    ----------
    held : frozenset of str
        Which limits hold: ``memory``, ``writing``, ``files``, ``network``, ``processes``.
    """

    def __init__(self, bounds: Bounds, paths: Sequence[str]) -> None:
        self.bounds = bounds
        self._ended: str | None = None
        asked, ask = os.pipe()
        answer, answers = os.pipe()
        life, alive = os.pipe()
        told = {
            "asked": asked,
            "answers": answers,
            "life": life,
            "memory": bounds.memory,
            "paths": list(paths),
        }
        try:
            self._popen = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", "-B", "-W", "ignore", "-m", "trustkit.models.child", json.dumps(told)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(asked, answers, life),
                env=_environment(),
                start_new_session=True,
            )
        except OSError:
            for fd in (ask, answer, alive):
                os.close(fd)
            raise
        finally:
            for fd in (asked, answers, life):
                os.close(fd)
        for fd in (ask, answer):
            os.set_blocking(fd, False)
        self._ask, self._answer = ask, answer
        self._end = weakref.finalize(self, _end, self._popen, (ask, answer, alive), os.getpid())
        header, _ = self._read(time.monotonic() + _STARTING, 0)
        held = header.get("held")
        self.held = frozenset(str(each) for each in held) if isinstance(held, list) else frozenset()

    def ask(
        self, header: dict[str, Any], body: bytes = b"", *, most: int = 0
    ) -> tuple[dict[str, Any], bytes]:
        """Ask for something and wait for the answer.

        Parameters
        ----------
        header, body
            The question.
        most : int
            How many bytes the answer may have.

        Raises
        ------
        Raised
            The model raised; the process goes on.
        ModelError
            The process ended, took too long or made no sense; it is no more.
        """
        if self._ended is not None:
            raise ModelError(self._ended)
        until = time.monotonic() + self.bounds.seconds
        try:
            wire.write(self._ask, header, body, until=until)
        except wire.LateError:
            self._stop(self._late())
        except wire.ClosedError:
            self._stop(None)
        answer, found = self._read(until, most)
        error = answer.get("error")
        if isinstance(error, dict):
            told = {key: _printable(str(error.get(key, ""))) for key in ("type", "text", "trace")}
            raise Raised(told["type"], told["text"], told["trace"], bool(error.get("ours")))
        return answer, found

    @property
    def has_ended(self) -> bool:
        """Whether it is no more."""
        return self._ended is not None

    def close(self) -> None:
        """End the process and all that it started."""
        self._end()
        self._ended = self._ended or "the model's process was ended"

    def _read(self, until: float, most: int) -> tuple[dict[str, Any], bytes]:
        try:
            return wire.read(self._answer, most=most, until=until)
        except wire.LateError:
            self._stop(self._late())
        except wire.ClosedError:
            self._stop(None)
        except wire.WireError as error:
            self._stop(f"the model's process gave {error}, and was ended")
        raise AssertionError

    def _late(self) -> str:
        return f"the model gave no answer within {self.bounds.seconds:g} seconds, and its process was ended"

    def _stop(self, why: str | None) -> None:
        self._end()
        self._ended = why or f"the model's process {_manner(self._popen.returncode)}"
        raise ModelError(self._ended)


def _manner(code: int | None) -> str:
    """Say how a process ended."""
    number = (-code if code < 0 else code - 128 if code > 128 else 0) if code is not None else 0
    try:
        return f"died of {signal.Signals(number).name}"
    except ValueError:
        return f"left with exit status {code}"


def _end(popen: subprocess.Popen[bytes], pipes: tuple[int, int, int], owner: int) -> None:
    """End a model's process, the process that waits for it, and whatever stayed in their group."""
    if os.getpid() != owner:  # a fork of the audit has the pipes too, and is not to end the model
        return
    with suppress(OSError):
        os.write(pipes[-1], b"x")
    for fd in pipes:
        with suppress(OSError):
            os.close(fd)
    until = time.monotonic() + _ENDING
    # Not reaped before its group is ended: until then nobody else can have its number.
    while _running(popen) and time.monotonic() < until:
        time.sleep(0.005)
    with suppress(OSError):
        os.killpg(popen.pid, signal.SIGKILL)
    popen.wait()


def _running(popen: subprocess.Popen[bytes]) -> bool:
    try:
        return os.waitid(os.P_PID, popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except ChildProcessError:
        return False


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    threads = str(min(os.cpu_count() or 1, 4))
    root = str(Path(__file__).parents[2])
    paths = [path for path in kept.get("PYTHONPATH", "").split(os.pathsep) if path]
    if root not in {*site.getsitepackages(), site.getusersitepackages()}:
        paths.append(root)
    return {
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        **kept,
        **({"PYTHONPATH": os.pathsep.join(paths)} if paths else {}),
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "MALLOC_ARENA_MAX": "4",
        "PYTHONUTF8": "1",
    }


def _printable(text: str) -> str:
    """Keep what a hostile model says from steering a terminal."""
    kept = (char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text)
    return "".join(kept)
