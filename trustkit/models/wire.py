"""What passes between the audit and a model's process: JSON and plain arrays, nothing that can run code."""

from __future__ import annotations

import io
import json
import math
import os
import select
import struct
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MAGIC = b"tkm1"
LONGEST_HEADER = 16 << 20
OUTCOME = "\0outcome"
"""Name of the column, in a table to learn from, that no table of inputs has."""

_HEAD = struct.Struct("<4sQQ")
_PIECE = 1 << 20
_DTYPES = frozenset(
    {"|b1", "|i1", "|u1", *(f"<{kind}{size}" for kind in "iu" for size in (2, 4, 8)), "<f2", "<f4", "<f8"}
)


class WireError(Exception):
    """What came is no message, or none that is allowed."""


class ClosedError(WireError):
    """The other side is gone."""


class LateError(WireError):
    """The other side took too long."""


def write(fd: int, header: dict[str, Any], body: bytes = b"", *, until: float = math.inf) -> None:
    """Write one message: a header of JSON, and bytes."""
    head = json.dumps(header).encode()
    for part in (_HEAD.pack(MAGIC, len(head), len(body)) + head, body):
        view = memoryview(part)
        while view:
            _await(fd, select.POLLOUT, until)
            try:
                view = view[os.write(fd, view[: 1 << 16]) :]
            except BlockingIOError:
                continue
            except OSError:
                raise ClosedError("nobody reads") from None


def read(fd: int, *, most: int, until: float = math.inf) -> tuple[dict[str, Any], bytes]:
    """Read one message, whose bytes are at most `most`."""
    magic, head, body = _HEAD.unpack(_exactly(fd, _HEAD.size, until))
    if magic != MAGIC or head > LONGEST_HEADER or body > most:
        raise WireError("an answer that is no message, or too long")
    try:
        header = json.loads(_exactly(fd, head, until))
    except (ValueError, RecursionError):
        raise WireError("an answer that cannot be read") from None
    if not isinstance(header, dict):
        raise WireError("an answer that cannot be read")
    return header, _exactly(fd, body, until)


def _exactly(fd: int, count: int, until: float) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        _await(fd, select.POLLIN, until)
        try:
            part = os.read(fd, min(count - len(parts), _PIECE))
        except BlockingIOError:
            continue
        except OSError:
            part = b""
        if not part:
            raise ClosedError("nobody writes")
        parts += part
    return bytes(parts)


def _await(fd: int, event: int, until: float) -> None:
    poll = select.poll()
    poll.register(fd, event)
    left = None if until == math.inf else max(until - time.monotonic(), 0) * 1000
    if not poll.poll(left):
        raise LateError("no answer in time")


# -- tables for a model --------------------------------------------------------------------------


def pack_table(X: pd.DataFrame) -> tuple[dict[str, Any], bytes]:
    """Turn a table into an Arrow stream; what Arrow does not tell apart stands in the header."""
    import numpy as np
    import pyarrow as pa

    objects, nans = [], {}
    for at, (_, column) in enumerate(X.items()):
        if column.dtype == object:
            objects.append(at)
            gone = np.flatnonzero(column.isna().to_numpy()).tolist()
            missing = [row for row in gone if column.iat[row] is not None]
            if missing:
                nans[str(at)] = missing
    try:
        table = pa.Table.from_pandas(X)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        raise WireError("a column of mixed kinds, which cannot be passed to a process of its own") from None
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return {"objects": objects, "nans": nans}, sink.getvalue()


def unpack_table(header: dict[str, Any], body: bytes) -> pd.DataFrame:
    """Turn what `pack_table` made into the table; for the child alone, which trusts its parent."""
    import pandas as pd
    import pyarrow as pa

    table = pa.ipc.open_stream(body).read_all()
    X = table.to_pandas()
    names = list(X.columns)
    for at in header["objects"]:
        values = table.column(at).to_pylist()
        for row in header["nans"].get(str(at), ()):
            values[row] = float("nan")
        X[names[at]] = pd.Series(values, index=X.index, dtype=object)
    return X


# -- answers of a model --------------------------------------------------------------------------


def pack_answer(answer: Any) -> tuple[dict[str, Any], bytes]:
    """Turn an array, list or series into numbers, or into codes of its canonical labels."""
    import numpy as np

    from trustkit.frames import labels_of

    found = np.asarray(answer) if not isinstance(answer, list | tuple) else None
    if found is not None and found.dtype.kind in "biuf":
        plain = found.astype(np.float64) if found.dtype.itemsize > 8 else found
        plain = np.ascontiguousarray(plain, dtype=plain.dtype.newbyteorder("<"))
        return {"dtype": plain.dtype.str, "shape": list(found.shape)}, plain.tobytes()
    shape = [len(answer)] if found is None else list(found.shape)
    column = found.ravel() if found is not None and shape[1:] == [1] else answer
    labels = labels_of(column)
    codes = np.asarray(labels.codes, dtype="<i4")
    return {"dtype": "<i4", "shape": shape, "names": list(labels.names)}, codes.tobytes()


def unpack_answer(header: dict[str, Any], body: bytes) -> NDArray[Any]:
    """Turn an answer into an array, having checked all that it says of itself.

    Raises
    ------
    WireError
        It does not hold together.
    """
    import numpy as np

    dtype, shape, names = header.get("dtype"), header.get("shape"), header.get("names")
    if not isinstance(dtype, str) or not isinstance(shape, list) or dtype not in _DTYPES or len(shape) > 3:
        raise WireError("an array that cannot be read")
    if not all(type(size) is int and 0 <= size < 1 << 40 for size in shape):
        raise WireError("an array that cannot be read")
    if math.prod(shape) * np.dtype(dtype).itemsize != len(body):
        raise WireError("an array of another size than it says")
    array = np.frombuffer(body, dtype=dtype).reshape(shape).astype(np.dtype(dtype).newbyteorder("="))
    if names is None:
        return array
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise WireError("labels that cannot be read")
    if array.dtype.kind != "i" or (array.size and not 0 <= array.min() <= array.max() < len(names)):
        raise WireError("labels that cannot be read")
    return np.array(names, dtype=object)[array] if names else np.zeros(shape, dtype=object)
