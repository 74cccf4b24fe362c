"""Array bytes inside joblib's streams, and .npy headers."""

from __future__ import annotations

import io

import numpy as np
import pytest
from honest_corpus import dumped, joblibbed
from hostile_corpus import SYSTEM, Payload, np_object, wrapper

from trustkit.models.scanning import scan
from trustkit.models.scanning.arrays import Dtype, npy_header
from trustkit.models.scanning.pickles import Trace, Walk
from trustkit.models.scanning.report import Budget, FaultError

DTYPES = ["?", "b", "u2", "i4", ">i8", "f2", "f4", "f8", "g", "c8", "S3", "U5", "V7", "M8[ns]", "m8[s]", "O"]
DTYPES += [[("a", "i4"), ("b", "U3")], [("a", "f8", (2, 3))], [("a", "O"), ("b", "i1")]]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 1, 2, 1, 2)])
def test_a_joblib_stream_is_walked_to_its_end(dtype, shape) -> None:
    content = joblibbed({"a": np.zeros(shape, dtype), "b": [np.zeros(2, dtype)], "c": "end"})
    trace = Trace()
    assert Walk(content, 0, Budget(), trace).run() == len(content)
    assert scan(content).verdict == "allowed"


def test_the_assembled_wrapper_is_one_that_joblib_loads() -> None:
    import joblib

    aligned = b"\x80\x04" + wrapper(numpy_array_alignment_bytes=b"K\x10") + b"\x01\xff" + bytes(256) + b"."
    assert joblib.load(io.BytesIO(aligned)).shape == (256,)
    assert scan(aligned).verdict == "allowed"
    assert scan(b"\x80\x04" + wrapper() + bytes(256) + b".").verdict == "allowed"


def test_the_view_of_pickle_is_taken_too() -> None:
    payload = (SYSTEM + b"X\x04\x00\x00\x00true\x85R.").ljust(256, b"\0")
    report = scan(b"\x80\x04" + wrapper() + payload + b".")
    assert [(finding.kind, finding.what) for finding in report.findings] == [("dangerous", "os.system")]


@pytest.mark.parametrize("dtype", DTYPES[:15], ids=str)
def test_dtypes_are_understood(dtype) -> None:
    wanted = np.dtype(dtype)
    _, (code, *_), state = wanted.__reduce__()
    made = Dtype.of_call([code, False, True])
    made.set_state(state)
    assert (made.itemsize, made.objects) == (wanted.itemsize, wanted.hasobject)


def test_npy_headers() -> None:
    for thing in (
        np.arange(3),
        np.zeros((2, 3), "f4"),
        np.array(["ab"]),
        np.zeros(2, [("a", "i4"), ("b", "U3", 2)]),
    ):
        file = io.BytesIO()
        np.save(file, thing)
        begin, size, objects = npy_header(file.getvalue())
        assert (size, objects, begin + size) == (thing.nbytes, False, len(file.getvalue()))


@pytest.mark.parametrize(
    "header", ["1", "{}", "{'descr': 'x', 'shape': (1,)}", "{'descr': 'f8', 'shape': (-1,)}", "(" * 500]
)
def test_npy_headers_that_are_none(header: str) -> None:
    with pytest.raises(FaultError):
        npy_header(np_object(header=header))


def test_object_arrays_are_walked() -> None:
    assert scan(np_object(dumped(["a"]))).verdict == "allowed"
    assert scan(np_object(dumped(Payload(print)))).verdict == "unknown import"
