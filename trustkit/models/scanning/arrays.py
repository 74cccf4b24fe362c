"""NumPy's dtypes and joblib's array wrappers, understood without NumPy."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

from trustkit.models.scanning.report import FaultError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trustkit.models.scanning.report import Buffer

WRAPPER = ("joblib.numpy_pickle", "NumpyArrayWrapper")
WRAPPER_FIELDS = frozenset(
    {"subclass", "shape", "order", "dtype", "allow_mmap", "numpy_array_alignment_bytes"}
)
NPY_MAGIC = b"\x93NUMPY"
LONGEST_NPY_HEADER = 1 << 16

_CODE = re.compile(r"[<>|=]?([biufcOSUVMm])(\d*)(?:\[[^\]]*\])?")


@dataclass
class Dtype:
    """A dtype as a pickle makes it: a type letter, then perhaps a state.

    Attributes
    ----------
    letter : str
        NumPy's type letter; empty where the dtype was not understood.
    itemsize : int
        Bytes of one item.
    objects : bool
        Whether items are Python objects, so that arrays hold pickles.
    """

    letter: str = ""
    itemsize: int = 0
    objects: bool = False

    @classmethod
    def of_call(cls, arguments: Sequence[Any] | None) -> Dtype:
        """Read the call ``dtype("f8", False, True)`` that pickles make; any other is not understood."""
        if arguments is None or len(arguments) != 3 or list(arguments[1:]) != [0, 1]:
            return cls()
        return cls.of_code(arguments[0])

    @classmethod
    def of_code(cls, code: Any) -> Dtype:
        """Read a type code such as ``<f8`` or ``U10``."""
        match = _CODE.fullmatch(code) if isinstance(code, str) else None
        if match is None:
            return cls()
        letter, digits = match[1], int(match[2][:18] or 8 * (match[1] in "OMm"))
        return cls(letter, digits * (4 if letter == "U" else 1), letter == "O")

    def set_state(self, state: Sequence[Any] | None) -> None:
        """Apply ``dtype.__setstate__`` as NumPy does; a state that lies makes the dtype not understood."""
        flags = state[7] if state is not None and len(state) in (8, 9) and state[0] in (3, 4) else None
        if state is None or not isinstance(flags, int):
            self.letter = ""
            return
        if self.letter in "SUV":
            size = state[5]
            if not isinstance(size, int) or size < 0:
                self.letter = ""
                return
            self.itemsize = size
        objects = bool(flags & 1)
        if objects != self.objects and self.letter != "V":
            self.letter = ""
        self.objects = objects


@dataclass
class Wrapper:
    """A joblib array wrapper: the bytes of its array follow its BUILD in the stream.

    Attributes
    ----------
    fields : dict
        Its attributes by name, as the walk's values.
    """

    fields: dict[str, int] = field(default_factory=dict)


def byte_count(shape: Sequence[Any] | None, itemsize: int) -> int:
    """Return the size of an array, or fail on a shape that is none."""
    if shape is None or any(not isinstance(n, int) or n < 0 for n in shape):
        raise FaultError("an array whose shape cannot be read")
    count: int = prod(shape)
    if count * max(itemsize, 1) >= 1 << 62:
        raise FaultError("an array larger than any memory")
    return count * itemsize


def npy_header(data: Buffer, start: int = 0) -> tuple[int, int, bool]:
    """Read the header of a .npy stream.

    Returns
    -------
    tuple
        Where the items begin, how many bytes they take, and whether they are a pickle instead.
    """
    width = 2 if data[start + 6] == 1 else 4
    begin = start + 8 + width
    length = int.from_bytes(data[start + 8 : begin], "little")
    if data[start + 6] not in (1, 2, 3) or length > LONGEST_NPY_HEADER or begin + length > len(data):
        raise FaultError("a .npy header that cannot be read")
    try:
        header = ast.literal_eval(bytes(data[begin : begin + length]).decode("latin1").strip())
        descr, shape = header["descr"], header["shape"]
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError) as error:
        raise FaultError("a .npy header that cannot be read") from error
    itemsize, objects = _descr(descr)
    if not isinstance(shape, tuple):
        raise FaultError("an array whose shape cannot be read")
    return begin + length, byte_count(shape, itemsize), objects


def _descr(descr: Any) -> tuple[int, bool]:
    """Return the item size of a .npy type description, and whether it holds objects."""
    if isinstance(descr, list):
        parts = [_descr_field(part) for part in descr]
        return sum(size for size, _ in parts), any(objects for _, objects in parts)
    if isinstance(descr, tuple) and len(descr) == 2 and isinstance(descr[1], tuple):
        itemsize, objects = _descr(descr[0])
        return byte_count(descr[1], itemsize), objects
    dtype = Dtype.of_code(descr)
    if not dtype.letter:
        raise FaultError("an array whose type cannot be read")
    return dtype.itemsize, dtype.objects


def _descr_field(part: Any) -> tuple[int, bool]:
    if not isinstance(part, tuple) or len(part) not in (2, 3):
        raise FaultError("an array whose type cannot be read")
    itemsize, objects = _descr(part[1])
    return byte_count(part[2] if len(part) == 3 else (), itemsize), objects
