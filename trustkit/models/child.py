"""The process of a model: it limits itself, loads what it is told to, and answers until nobody asks.

Run by `trustkit.models.process` as ``python -m trustkit.models.child``. It becomes two: one that waits,
kills the other when the audit is gone or says so, and leaves nothing behind; and one that limits itself
and then runs the model.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import hashlib
import io
import json
import os
import random
import resource
import select
import signal
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustkit.models import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NEW_USER, _NEW_NET, _NEW_MOUNTS, _NEW_PIDS, _NEW_IPC = 0x10000000, 0x40000000, 0x20000, 0x20000000, 0x8000000
_NAMESPACES = _NEW_NET | _NEW_MOUNTS | _NEW_PIDS | _NEW_IPC
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE, _READ_ONLY, _PRIVATE = 442, -100, 0x8000, 1, 1 << 18
_DIE_WITH_PARENT, _NO_NEW_PRIVILEGES = 1, 38
_LONGEST_TEXT = 2000
_LONGEST_TRACE = 20_000


def main(told: dict[str, Any]) -> None:
    """Become a waiter and a worker; `told` names the pipes and the limits."""
    held = _apart()
    worker = os.fork()
    if worker:
        for fd in (told["asked"], told["answers"]):
            os.close(fd)
        os._exit(_wait(worker, told["life"]))
    os.close(told["life"])
    held += _limited(told["memory"])
    sys.path += told["paths"]
    _serve(told["asked"], told["answers"], held)
    os._exit(0)


# -- the waiter ----------------------------------------------------------------------------------


def _wait(worker: int, life: int) -> int:
    """Wait until the worker ends, or end it once the audit writes to `life` or is gone."""
    signal.signal(signal.SIGTERM, lambda *_: os.kill(worker, signal.SIGKILL))
    while True:
        ready, _, _ = select.select([life], [], [], 0.05)
        if ready:
            os.kill(worker, signal.SIGKILL)
        ended, status = os.waitpid(worker, 0 if ready else os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


# -- the worker's limits -------------------------------------------------------------------------


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _apart() -> list[str]:
    """Leave the network, the writable files and the sight of other processes, where the kernel allows."""
    if sys.platform != "linux":
        return []
    libc, (user, group) = _libc(), (os.geteuid(), os.getegid())
    if libc.unshare(_NEW_USER | _NAMESPACES) == 0:
        with contextlib.suppress(OSError):
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"{user} {user} 1")
            _write("/proc/self/gid_map", f"{group} {group} 1")
    elif user != 0 or libc.unshare(_NAMESPACES) != 0:
        return []
    attributes = ctypes.create_string_buffer(struct.pack("=QQQQ", _READ_ONLY, 0, _PRIVATE, 0), 32)
    size = ctypes.c_size_t(32)
    made = libc.syscall(
        ctypes.c_long(_MOUNT_SETATTR), ctypes.c_int(_AT_FDCWD), b"/", _AT_RECURSIVE, attributes, size
    )
    read_only = made == 0 and os.statvfs("/").f_flag & os.ST_RDONLY
    return ["network", "processes", *(["files"] if read_only else [])]


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _limited(memory: int) -> list[str]:
    """Bound memory and the size of files written; return what holds."""
    held = []
    if sys.platform == "linux":
        libc = _libc()
        libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        # Private pages by the one, whatever else is mapped (shared pages, reserved stacks) by the other.
        if _bound(resource.RLIMIT_DATA, memory) and _bound(resource.RLIMIT_AS, 2 * memory + (4 << 30)):
            held.append("memory")
    if _bound(resource.RLIMIT_FSIZE, 0):
        held.append("writing")
    _bound(resource.RLIMIT_CORE, 0)
    return held


def _bound(which: int, most: int) -> bool:
    try:
        _, hard = resource.getrlimit(which)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (most, most))
    except (ValueError, OSError):
        return False
    return True


# -- the worker's service ------------------------------------------------------------------------


def _serve(asked: int, answers: int, held: list[str]) -> None:
    wire.write(answers, {"held": held})
    import trustkit.models.objects  # noqa: F401 (early, so that to tell of an exception takes no memory)

    models: list[Any] = []
    while True:
        try:
            header, body = wire.read(asked, most=1 << 40)
        except wire.ClosedError:
            return
        try:
            answer = _answer(header, body, models)
        except BaseException as error:  # a model that leaves the interpreter is one that raises
            answer = {"error": _told(error)}, b""
        del body
        wire.write(answers, *answer)


def _answer(header: dict[str, Any], body: bytes, models: list[Any]) -> tuple[dict[str, Any], bytes]:
    """Answer one question; the first of the models is the one that was loaded, the others are its clones."""
    if header["op"] == "load":
        models[:] = [_loaded(header)]
        return {**_described(models[0]), "not_clonable": _why_not_clonable(models[0], header["form"])}, b""
    if header["op"] == "forget":
        models[header["place"]] = None
        gc.collect()
        return {}, b""
    if header["op"] == "structure":
        from trustkit.models.structure import structure

        return {"structure": structure(models[0])}, b""
    import numpy as np

    from trustkit.models.objects import answer_of

    X = wire.unpack_table(header, body)
    np.random.seed(header["seed"])  # noqa: NPY002
    random.seed(header["seed"])
    if header["op"] == "fit":
        from trustkit.models.cloning import fitted_clone

        with _at_most(header["seconds"]):
            models.append(fitted_clone(models[0], X.drop(columns=wire.OUTCOME), X[wire.OUTCOME]))
        return {**_described(models[-1]), "place": len(models) - 1}, b""
    model = models[header["place"]]
    ask = model if header["op"] == "call" else getattr(model, header["op"])
    answer = ask(X)
    if header["op"] == "predict_proba":
        return wire.pack_answer(np.asarray(answer, dtype=np.float64))
    return wire.pack_answer(answer_of(answer))


@contextlib.contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Interrupt what takes longer: the process goes on, where the parent would end it."""

    def interrupt(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _why_not_clonable(model: Any, form: str) -> str | None:
    """Say why no clone can be fitted; a file of numbers alone does not keep how its model was trained."""
    from trustkit.models.cloning import why_not_clonable

    if form not in ("pickle", "skops"):
        return "its file does not keep the settings that it was trained with"
    return why_not_clonable(model)


def _told(error: BaseException) -> dict[str, str]:
    """Tell of an exception in plain text, cut to a bounded length."""
    from trustkit.errors import ModelError, traced
    from trustkit.frames import FrameError

    ours = isinstance(error, ModelError | FrameError | wire.WireError)
    try:
        text = str(error)[:_LONGEST_TEXT]
    except Exception:
        text = ""
    trace = traced(error)[-_LONGEST_TRACE:]
    return {"type": type(error).__name__[:100], "text": text, "trace": trace, "ours": "yes" if ours else ""}


def _described(model: Any) -> dict[str, Any]:
    """Say what a model is, as far as the audit asks."""
    from trustkit.frames import FrameError, label_text

    told: dict[str, Any] = {
        "type": getattr(model, "type_name", f"{type(model).__module__}.{type(model).__qualname__}"),
        "class": isinstance(model, type),
        "has": [name for name in ("predict", "predict_proba") if callable(getattr(model, name, None))],
        "call": callable(model),
    }
    if hasattr(model, "classes_"):
        with contextlib.suppress(FrameError, TypeError):
            told["classes"] = [label_text(each) for each in model.classes_]
    if getattr(model, "feature_names_in_", None) is not None:
        told["features"] = [str(name) for name in model.feature_names_in_]
    return told


# -- loading -------------------------------------------------------------------------------------


def _loaded(header: dict[str, Any]) -> Any:
    """Load the very bytes that were scanned."""
    data, digest = _read(header["path"], header["inside"])
    if digest != header["sha256"]:
        raise wire.WireError("the file has changed since it was scanned")
    model = _LOADERS[header["form"]](data, header)
    del data
    gc.collect()
    return model


def _read(path: str, inside: str | None) -> tuple[bytes, str]:
    """Content and digest of a file; of a folder, the content of one file in it and the digest of all."""
    if inside is None:
        with open(path, "rb") as file:
            data = file.read()
        return data, hashlib.sha256(data).hexdigest()
    from trustkit.models.scanning import files_of, folder_digest

    kept, digests = b"", []
    for name, each in files_of(Path(path)):
        data = each.read_bytes()
        digests.append((name, hashlib.sha256(data).hexdigest()))
        kept = data if name == inside else kept
    return kept, folder_digest(digests)


def _pickle(data: bytes, header: dict[str, Any]) -> Any:
    import joblib

    return joblib.load(io.BytesIO(data))


def _skops(data: bytes, header: dict[str, Any]) -> Any:
    import skops.io

    needed = skops.io.get_untrusted_types(data=data)
    strangers = sorted({*needed} - {*header["types"]})
    if strangers:
        raise wire.WireError(f"it needs types that the scan did not see: {', '.join(strangers)[:500]}")
    return skops.io.loads(data, trusted=needed)


def _native(name: str) -> Callable[[bytes, dict[str, Any]], Any]:
    def load(data: bytes, header: dict[str, Any]) -> Any:
        from trustkit.models import native

        return getattr(native, name)(data)

    return load


_LOADERS: dict[str, Callable[[bytes, dict[str, Any]], Any]] = {
    "pickle": _pickle,
    "skops": _skops,
    "onnx": _native("OnnxModel"),
    "xgboost": _native("xgboost_model"),
    "lightgbm": _native("LightgbmModel"),
}


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
