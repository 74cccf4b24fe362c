"""Hostile files with payloads that do nothing, one for every known way past a scanner."""

# ruff: noqa: E501

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import tarfile
import warnings
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from honest_corpus import TORCH_STATE, dumped, joblibbed, zipped

if TYPE_CHECKING:
    from collections.abc import Iterator


class Hostile(NamedTuple):
    """One hostile file, with the name that it would come under."""

    name: str
    content: bytes


class Payload:
    """An object whose pickle calls what it is told to."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def files() -> Iterator[Hostile]:
    """Make the whole corpus."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for make in (
            _protocols,
            _gadgets,
            _compressed,
            _behind_arrays,
            _two_readings,
            _frames,
            _polyglots,
            _dotted,
            _memo,
            _opcodes,
            _computed,
            _broken,
            _nested,
            _zips,
            _extensions,
            _torch,
            _process_state,
            _expansion,
            _arrays,
            _keras,
            _protobufs,
            _tensors,
            _skops,
            _texts,
        ):
            for name, content in make():
                yield Hostile(f"{make.__name__[1:]}-{name}", content)


def evil(protocol: int = 4) -> bytes:
    """Pickle a call of ``os.system``."""
    import os

    return pickle.dumps(Payload(os.system, "true"), protocol)


def text(value: str) -> bytes:
    """Assemble a SHORT_BINUNICODE."""
    raw = value.encode()
    return b"\x8c" + bytes([len(raw)]) + raw


def stack_global(module: str, name: str) -> bytes:
    """Assemble an import of protocol 4."""
    return text(module) + text(name) + b"\x93"


def call(module: str, name: str, argument: str = "true") -> bytes:
    """Assemble a whole pickle that calls something with one text."""
    raw = argument.encode()
    return (
        b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"X" + struct.pack("<L", len(raw)) + raw + b"\x85R."
    )


SYSTEM = b"cos\nsystem\n"
ARGUMENT = b"X\x04\x00\x00\x00true\x85"
Made = "Iterator[tuple[str, bytes]]"

GADGETS = """
os.system os.popen os.execvp posix.system nt.system subprocess.Popen subprocess.check_output commands.getoutput
builtins.eval builtins.exec builtins.compile builtins.__import__ builtins.getattr builtins.open __builtin__.eval
__builtin__.execfile __builtin__.getattr runpy.run_path runpy.run_module importlib.import_module pkgutil.resolve_name
numpy.testing._private.utils.runstring cProfile.run profile.run trace.Trace timeit.timeit pdb.run bdb.Bdb
doctest.debug_script code.InteractiveInterpreter idlelib.pyshell.main idlelib.run.Executive idlelib.calltip.get_entity
lib2to3.pgen2.grammar.Grammar lib2to3.pgen2.pgen.ParserGenerator pydoc.pipepager pydoc.locate ensurepip._run_pip
pip.main pip._internal.main venv.create pty.spawn ctypes.CDLL distutils.file_util.write_file logging.FileHandler
logging.config._resolve uuid._get_command_stdout _osx_support._read_output _aix_support._read_cmd_output
_pyrepl.pager.pipe_pager imaplib.IMAP4_stream asyncio.unix_events._UnixSubprocessTransport numpy.f2py.crackfortran.getlincoef
functools.partial operator.methodcaller operator.attrgetter operator.itemgetter _operator.attrgetter types.CodeType
types.FunctionType marshal.loads torch.utils.collect_env.run torch.utils.bottleneck.__main__.run_cprofile
torch._dynamo.guards.GuardBuilder torch._inductor.codecache.compile_file torch.fx.experimental.symbolic_shapes.ShapeEnv
torch.jit.unsupported_tensor_ops.execWrapper torch.utils._config_module.ConfigModule torch.serialization.load torch.load
torch.storage._load_from_bytes mailcap.findmatch sklearn.utils._testing.assert_run_python_script_without_output
pandas.core.computation.eval.eval pandas.eval pandas.read_pickle pandas.io.pickle.read_pickle sympy.sympify yaml.unsafe_load
multiprocessing.util.spawnv_passfds site.execsitecustomize test.support.script_helper.assert_python_ok smtplib.SMTP
urllib.request.urlopen socket.create_connection shutil.rmtree tempfile.mktemp zipfile.ZipFile pathlib.Path webbrowser.open
pickle.loads _pickle.loads dill.loads cloudpickle.loads joblib.load joblib.numpy_pickle.load numpy.load numpy.memmap
numpy.fromfile sys.exit time.sleep http.client.HTTPSConnection code.interact platform.popen gc.get_objects
some_package.SomeClass __main__.Model cloudpickle.cloudpickle._make_function sklearn.datasets.fetch_openml
numpy.__builtins__ numpy.mean xgboost.core.Booster joblib.numpy_pickle.NumpyArrayWrapper
""".split()  # noqa: SIM905


def _gadgets() -> Made:
    for gadget in GADGETS:
        module, _, name = gadget.rpartition(".")
        yield gadget, call(module, name)


def _protocols() -> Made:
    for protocol in range(6):
        yield f"{protocol}.pkl", evil(protocol)


def _compressed() -> Made:
    import os

    payload = {"model": Payload(os.system, "true")}
    for kind in ("zlib", "gzip", "bz2", "lzma", "xz", "lz4"):
        yield f"{kind}.joblib", joblibbed(payload, (kind, 3))
    yield "twice.gz", gzip.compress(zlib.compress(evil()))
    yield "second-member.gz", gzip.compress(dumped([1])) + gzip.compress(evil())
    yield "cut.gz", gzip.compress(evil() + bytes(1000))[:-9]
    yield "tail.bz2", bz2.compress(dumped([1])) + evil()
    yield "alone.lzma", lzma.compress(evil(), lzma.FORMAT_ALONE)


def _behind_arrays() -> Made:
    import os

    payload = Payload(os.system, "true")
    numbers, objects = np.arange(50.0), np.array(["a", None], dtype=object)
    for name, first in (("floats", numbers), ("objects", objects), ("fortran", numbers.reshape(5, 10).T)):
        yield f"{name}.joblib", joblibbed([first, payload])
        yield f"{name}.joblib.z", joblibbed([first, payload], 3)
    yield "inside-objects.joblib", joblibbed(np.array([payload], dtype=object))
    yield "inside-structured.joblib", joblibbed(np.array([(payload, 1)], dtype=[("a", "O"), ("b", "i4")]))
    yield "forest.joblib", joblibbed({"a": [np.arange(i) for i in range(9)], "b": payload})


def wrapper(code: str = "u1", size: bytes = b"M\x00\x01", **more: bytes) -> bytes:
    """Assemble a joblib array wrapper; the bytes of its array come behind it."""
    items = {
        "subclass": stack_global("numpy", "ndarray"),
        "order": text("C"),
        "shape": size + b"\x85",
        "dtype": stack_global("numpy", "dtype") + text(code) + b"\x89\x88\x87R",
        "allow_mmap": b"\x89",
        **more,
    }
    made = stack_global("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81}("
    return made + b"".join(text(key) + value for key, value in items.items()) + b"ub"


def _two_readings() -> Made:
    """What joblib takes for the bytes of an array, pickle takes for opcodes; and wrappers that lie."""
    aligned = {"numpy_array_alignment_bytes": b"K\x10"}
    start, payload, zeros = b"\x80\x04", SYSTEM + ARGUMENT + b"R.", bytes(256)
    yield "unaligned", start + wrapper() + payload.ljust(256, b".") + b"."
    yield (
        "padding",
        start + wrapper(**aligned) + b"\x80" + (b"\x04" + payload).ljust(128, b".") + zeros + b".",
    )
    yield "unknown", start + wrapper() + b"csympy.printing\npreview\n)R.".ljust(256, b".") + b"."
    yield "known", start + wrapper() + b"cpandas\nto_pickle\n)R.".ljust(256, b".") + b"."
    inner = b"\x80\x04" + text("numpy") + b"\x94" + text("ndarray") + b"\x940\x300h\x00h\x01\x93."
    outer = b"\x80\x04" + text("os") + b"\x940" + text("system") + b"\x940"
    yield "memo", outer + wrapper("O8", b"K\x01") + inner.replace(b"0\x300", b"00") + b"."
    good = start + wrapper(**aligned)
    body = b"\x01\xff" + zeros + b"."
    yield "own-read", start + wrapper(**aligned, read=stack_global("numpy", "ndarray")) + body
    yield "framed", b"\x80\x04\x95" + struct.pack("<Q", len(good) + 98) + good[2:] + body
    yield "too-large", start + wrapper("u1", b"M\x00\x02", **aligned) + body
    yield "overflow", start + wrapper("u1", b"\x8a\x09" + bytes(8) + b"\x01", **aligned) + body
    yield "negative", start + wrapper("u1", b"J\xff\xff\xff\xff", **aligned) + body
    yield "type", start + wrapper("x1", **aligned) + body
    flags = b"(K\x03" + text("|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x3ftb"
    lying = stack_global("numpy", "dtype") + text("u1") + b"\x89\x88\x87R" + flags
    yield "type-flags", start + wrapper(**aligned, dtype=lying) + body
    yield (
        "type-size",
        start
        + wrapper(**aligned, dtype=lying.replace(b"u1", b"S1").replace(b"J\xff\xff\xff\xffJ", b"K\x09J"))
        + body,
    )
    yield "again", good + body[:-1] + b"0" + good[2:-1].replace(b"}(", b"}\x940h\x00(") + b"b."
    yield "made-by-call", start + stack_global("joblib.numpy_pickle", "NumpyArrayWrapper") + b"(NNNNtR."
    yield "made-otherwise", start + stack_global("copyreg", "_reconstructor") + b"(" + b"N" * 17 + b"tR."


def _frames() -> Made:
    body = SYSTEM + ARGUMENT + b"R."
    filler = b"X" + struct.pack("<L", 131_000) + bytes(131_000) + b"0"
    lie = b"\x80\x05N" + filler + b"(" + b"\x95" + struct.pack("<Q", 2) + b"B" + struct.pack("<L", 0x107)
    yield "past-end", lie + bytes(0x107) + body
    yield "too-long", b"\x80\x04\x95" + struct.pack("<Q", 1 << 40) + body
    yield "too-short", b"\x80\x04\x95" + struct.pack("<Q", 3) + body
    yield (
        "in-frame",
        b"\x80\x04\x95" + struct.pack("<Q", 60) + b"\x95" + struct.pack("<Q", 30) + body.ljust(90, b"."),
    )
    yield "stop-inside", b"\x80\x04\x95" + struct.pack("<Q", 40) + b"N." + bytes(38) + body
    yield "harmless-lie", b"\x80\x04\x95" + struct.pack("<Q", 3) + b"K\x01K\x02\x86."


def _polyglots() -> Made:
    empty = zipped({})
    yield "zip-tail", evil() + empty
    yield "zip-tail-members", evil() + zipped({"a.txt": b"a"})
    yield "zip-head", zipped({"a.txt": b"a"}) + evil()
    yield "zip-prefix", b"\x00\x01" + zipped({"m.pkl": evil()})
    yield "harmless-zip-tail", dumped([1]) + empty
    yield "second-pickle", dumped([1]) + evil()
    yield "third-pickle", dumped([1]) * 2 + evil(0)
    yield "trailing-bytes", dumped([1]) + b"\x00" + evil()
    name = "cos\nsystem\n(S'true'\ntR."
    yield "tar-name", tarred({name: b"x"})
    yield "tar-member", tarred({"m.pkl": evil()})
    yield "tar-tail", tarred({"a.json": b"{}"}) + evil()
    yield "tar-link", tarred({"a.json": b"{}"}, link=True)
    header = b'{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'
    yield "safetensors-head", b"\x80\x02cos\nsy" + b"{stem\n" + ARGUMENT + b"R." + header
    yield "text", b"csome_module\nsome_name\n(tR"
    yield "json-tail", evil(0) + b'{"a": 1}'


def tarred(members: dict[str, bytes], *, link: bool = False) -> bytes:
    """Make a tar archive."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        if link:
            info = tarfile.TarInfo("link")
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(info)
    return file.getvalue()


def _dotted() -> Made:
    for module, name in (
        ("logging", "os.system"),
        ("random", "_os.system"),
        ("joblib", "os.system"),
        ("sklearn", "os.environ.get"),
        ("glob", "os.system"),
        ("pathlib", "os.system"),
        ("tarfile", "bltn_open"),
        ("email.utils", "os.system"),
        ("numpy", "ndarray.__class__.__subclasses__"),
        ("sklearn.tree._classes", "DecisionTreeClassifier.__init__.__globals__"),
        ("collections", "OrderedDict.fromkeys"),
        ("numpy", "ndarray.tofile"),
    ):
        yield f"{module}-{name}", b"\x80\x04" + stack_global(module, name) + ARGUMENT + b"R."


def _memo() -> Made:
    good = stack_global("collections", "OrderedDict")
    tail = ARGUMENT + b"R."
    yield "put-after-pop", b"\x80\x04Nq\x000" + text("os") + text("system") + b"\x93q\x000h\x00" + tail
    yield "overwrite", b"\x80\x04" + good + b"q\x000" + SYSTEM + b"q\x000h\x00" + tail
    yield "names", b"\x80\x04" + text("system") + b"\x940" + text("os") + b"\x940h\x01h\x00\x93" + tail
    yield "dup", b"\x80\x04" + text("os") + text("system") + b"\x9322" + tail
    yield "memoize-chain", b"\x80\x04" + text("os") + b"\x94\x94\x940h\x02" + text("system") + b"\x93" + tail
    yield (
        "far-slot",
        b"\x80\x04" + text("os") + b"r\xff\xff\x00\x000j\xff\xff\x00\x00" + text("system") + b"\x93" + tail,
    )
    yield (
        "gap-memoize",
        b"\x80\x04" + text("x") + b"q\x050" + text("os") + b"\x940h\x01" + text("system") + b"\x93" + tail,
    )
    yield "patch-prod", b"\x80\x04" + stack_global("numpy", "mean") + b"N}" + text("__code__") + b"Ns\x86b."
    yield "patch-class", b"\x80\x04" + stack_global("numpy", "ndarray") + b"}" + text("a") + b"Nsb."
    yield "set-item-of-import", b"\x80\x04" + stack_global("numpy", "ndarray") + text("a") + b"Ns."
    yield "text-slots", b"(S'os'\np0\n0S'system'\np1\n0g0\ng1\n\x93(S'true'\ntR."


def _opcodes() -> Made:
    yield "inst", b"(S'true'\nios\nsystem\n."
    yield "obj", b"(" + SYSTEM + b"X\x04\x00\x00\x00trueo."
    yield "obj-pop", b"(" + SYSTEM + b"X\x04\x00\x00\x00trueo0N."
    yield "newobj", b"\x80\x02csubprocess\nPopen\n" + ARGUMENT + b"\x81."
    yield "newobj-ex", b"\x80\x04" + stack_global("subprocess", "Popen") + ARGUMENT + b"}\x92."
    yield "binstring", b"\x80\x04U\x02osT\x06\x00\x00\x00system\x93" + ARGUMENT + b"R."
    yield "string-escapes", b"\x80\x04S'\\x6f\\x73'\nS'system'\n\x93" + ARGUMENT + b"R."
    yield "unicode-escapes", b"\x80\x04V\\u006fs\nVsystem\n\x93" + ARGUMENT + b"R."
    yield (
        "unicode8",
        b"\x80\x04\x8d" + struct.pack("<Q", 2) + b"os" + text("system") + b"\x93" + ARGUMENT + b"R.",
    )
    yield "setstate", b"\x80\x04" + stack_global("unknown_module", "Thing") + b")\x81}" + text("a") + b"Nsb."
    yield "python-2", b"c__builtin__\neval\n(S'1'\ntR."
    yield "python-2-commands", b"ccommands\ngetoutput\n(S'true'\ntR."
    yield "late-protocol", b"\x80\x04\x80\x02c__builtin__\neval\n" + ARGUMENT + b"R."
    yield "inside-dict", dumped({"a": [1, {"b": b"x" * 300}]})[:-1] + b"0" + SYSTEM + ARGUMENT + b"R."


def _computed() -> Made:
    string = b"\x80\x04" + stack_global("builtins", "str") + text("os") + b"\x85R"
    yield "module", string + text("system") + b"\x93" + ARGUMENT + b"R."
    yield (
        "name",
        b"\x80\x04"
        + text("os")
        + string[2:].replace(b"os", b"system").replace(b"\x02system", b"\x06system")
        + b"\x93"
        + ARGUMENT
        + b"R.",
    )
    yield "call", b"\x80\x04" + stack_global("collections", "OrderedDict") + b")R" + ARGUMENT + b"R."
    yield "bytes-name", b"\x80\x04C\x02osC\x06system\x93" + ARGUMENT + b"R."
    method = (
        stack_global("builtins", "getattr") + stack_global("numpy", "ndarray") + text("tofile") + b"\x86R"
    )
    yield "getattr", b"\x80\x04" + method + ARGUMENT + b"R."
    codec = stack_global("_codecs", "encode") + text("bf") + text("rot13") + b"\x86R"
    yield "codec", b"\x80\x04" + codec + text("system") + b"\x93" + ARGUMENT + b"R."
    kept = stack_global("functools", "partial") + method[:-2] + b"\x86R\x85R"
    yield "partial", b"\x80\x04" + kept + b"."


def _broken() -> Made:
    run = b"\x80\x04" + stack_global("os", "system") + ARGUMENT + b"R"
    yield "bad-opcode", run + b"\xff."
    yield "no-stop", run
    yield "cut-text", run + b"X\xff\x00\x00\x00abc"
    yield "underflow", run + b"000."
    yield "cut-text-mode", SYSTEM + b"(S'true'\ntR"
    yield "harmless-no-stop", b"\x80\x04]"


def _nested() -> Made:
    for module, name in (
        ("pickle", "loads"),
        ("_pickle", "loads"),
        ("dill", "loads"),
        ("torch.storage", "_load_from_bytes"),
    ):
        raw = evil()
        yield (
            f"{module}.{name}",
            b"\x80\x04" + stack_global(module, name) + b"C" + bytes([len(raw)]) + raw + b"\x85R.",
        )
    buffer = stack_global("io", "BytesIO") + b"C" + bytes([len(evil())]) + evil() + b"\x85R"
    yield "joblib", b"\x80\x04" + stack_global("joblib.numpy_pickle", "load") + buffer + b"\x85R."
    yield "numpy", b"\x80\x04" + stack_global("numpy", "load") + buffer + b"N\x88\x87R."
    deep = evil()
    for _ in range(5):
        deep = zipped({"inner": deep}, zipfile.ZIP_DEFLATED)
    yield "zip-in-zip", deep
    for _ in range(12):
        deep = gzip.compress(deep)
    yield "too-deep", deep


def _zips() -> Made:
    plain = zipped({"archive/data.pkl": evil(), "b": b"{}"})
    central, local = plain.index(b"PK\x01\x02"), 0
    yield "local-name", patched(plain, local + 30, b"archive/dota.pkl")
    yield "checksum", patched(plain, central + 16, b"\0\0\0\0")
    for flag in (0x01, 0x20, 0x40):
        yield f"flag-{flag:#x}", patched(plain, central + 8, bytes([flag]))
    yield "size", patched(plain, central + 24, b"\x01\0\0\0")
    yield "method", patched(plain, central + 10, b"\x63\0")
    yield "count", patched(plain, plain.index(b"PK\x05\x06") + 10, b"\x01\0")
    for member in ("data", "data.txt", "DATA.PKL", "model.onnx", "data.pkl/", "../data.pkl"):
        yield f"member-{member}", zipped({member: evil()}, zipfile.ZIP_DEFLATED)
    yield "hidden", hidden_member()
    yield "seven-zip.pt", b"7z\xbc\xaf\x27\x1c\x00\x04" + evil()
    yield "rar", b"Rar!\x1a\x07\x00" + evil()
    yield "lzma", zipped({"a": evil()}, zipfile.ZIP_LZMA)
    yield "npz", zipped({"a.npy": np_object()})


def patched(content: bytes, offset: int, new: bytes) -> bytes:
    """Overwrite bytes."""
    return content[:offset] + new + content[offset + len(new) :]


def hidden_member() -> bytes:
    """Make a zip whose first member is not in the directory."""
    first, second = zipped({"evil.pkl": evil()}), zipped({"a.json": b"{}"})
    body = first[: first.index(b"PK\x01\x02")]
    end = second.index(b"PK\x05\x06")
    directory = patched(second[second.index(b"PK\x01\x02") : end], 42, struct.pack("<L", len(body)))
    member = second[: second.index(b"PK\x01\x02")]
    offset = len(body) + len(member)
    return body + member + directory + patched(second[end:], 16, struct.pack("<L", offset))


def _extensions() -> Made:
    for suffix in (
        "sav",
        "p",
        "pk",
        "pcl",
        "model",
        "dill",
        "cls",
        "bin",
        "pkl.bak",
        "json",
        "safetensors",
        "onnx",
        "h5",
        "npy",
    ):
        yield f"model.{suffix}", evil()
    yield "none", joblibbed([np.arange(3), Payload(print, "x")])


def _torch() -> Made:
    magic = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
    parts = [magic, dumped(1001, protocol=2), dumped({"little_endian": True}, protocol=2), TORCH_STATE]
    yield "legacy-fifth", b"".join([*parts, evil(2), bytes(16)])
    yield "legacy-fourth", b"".join([*parts[:3], evil(2), dumped([], protocol=2), bytes(16)])
    yield "legacy-magic", call("builtins", "eval", "0x1950a86a20f9469cfc6c") + b"".join(parts[1:])
    yield "zip", zipped({"m/data.pkl": evil(2), "m/version": b"3\n"})
    yield "zip-storage", zipped({"m/data.pkl": TORCH_STATE, "m/data/0": evil(), "m/version": b"3\n"})
    yield (
        "zip-script",
        zipped({"m/data.pkl": TORCH_STATE, "m/code/a.py": b"import os\n", "m/version": b"3\n"}),
    )


def _process_state() -> Made:
    for opcode in (b"\x82\x01", b"\x83\x01\x00", b"\x84\x01\x00\x00\x00"):
        yield f"ext-{opcode[0]:x}", b"\x80\x02" + opcode + b"."
    yield "persistent-line", b"Pid\n."
    yield "persistent", b"\x80\x02K\x01Q."
    yield "buffers", b"\x80\x05\x97."
    yield "protocol-6", b"\x80\x06N."


def _expansion() -> Made:
    lists = b"\x80\x04" + b"]\x94(" + text("lol") * 10 + b"e"
    for level in range(12):
        lists += b"0]\x94(" + bytes([0x68, level]) * 10 + b"e"
    yield "lists", lists + b"."
    yield "tuples", b"\x80\x04)" + b"\x942\x86" * 64 + b"."
    yield "junk", b"\x80\x04" + b"N0" * 300_000 + SYSTEM + ARGUMENT + b"R."
    yield "memo", b"\x80\x04Nr\xff\xff\xff\x7f."
    yield (
        "memo-steps",
        b"\x80\x04N" + b"".join(b"r" + struct.pack("<L", 900_000 * n) for n in range(1, 500)) + b".",
    )
    yield "length", b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62) + b"."


def np_object(
    payload: bytes | None = None, header: str = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
) -> bytes:
    """Make a .npy file that holds a pickle."""
    raw = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(raw)) + raw + (evil() if payload is None else payload)


def _arrays() -> Made:
    yield "object.npy", np_object()
    yield (
        "structured.npy",
        np_object(header="{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1,), }"),
    )
    yield "subarray.npy", np_object(header="{'descr': ('|O', (2,)), 'fortran_order': False, 'shape': (1,), }")
    yield "cut.npy", np_object(payload=b"\x80\x04")
    yield "size.npy", np_object(header="{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }")
    yield "header.npy", np_object(header="__import__('os')")
    yield "type.npy", np_object(header="{'descr': 'f8,O', 'fortran_order': False, 'shape': (1,), }")
    yield "object.npz", zipped({"a.npy": np_object(), "b.npy": np_object()}, zipfile.ZIP_DEFLATED)


def _keras() -> Made:
    lambda_layer = {"class_name": "Lambda", "config": {"function": {"code": "4wEAAAAA"}}}
    yield (
        "lambda.h5",
        b"\x89HDF\r\n\x1a\n" + bytes(100) + json.dumps({"config": {"layers": [lambda_layer]}}).encode(),
    )
    yield "module.h5", b"\x89HDF\r\n\x1a\n" + b'{"module": "os", "class_name": "system"}'
    yield "user-block.h5", evil().ljust(512, b"\0") + b"\x89HDF\r\n\x1a\n" + bytes(100)
    for name, node in (
        ("lambda", lambda_layer),
        ("module", {"module": "subprocess", "class_name": "run", "config": {}}),
        ("builtins", {"module": "builtins", "class_name": "function", "config": "exec"}),
        ("get-file", {"module": "keras.utils", "class_name": "function", "config": "get_file"}),
        ("registered", {"module": None, "class_name": "Own", "registered_name": "pack>Own"}),
    ):
        yield (
            f"{name}.keras",
            zipped(
                {"config.json": json.dumps({"config": {"layers": [node]}}).encode(), "metadata.json": b"{}"}
            ),
        )
    yield "weights.keras", zipped({"config.json": b"{}", "model.weights.h5": evil()})


def field(number: int, value: bytes | int) -> bytes:
    """Assemble a field of a protocol buffer."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    """Assemble a varint."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def onnx(*, node: bytes = b"", tensor: bytes = b"", domain: bytes = b"") -> bytes:
    """Assemble an ONNX model."""
    graph = field(1, field(4, b"Add") + node) + field(2, b"g") + field(5, tensor)
    return field(1, 8) + field(2, b"by hand") + field(7, graph) + field(8, field(1, domain) + field(2, 17))


def external(location: bytes) -> bytes:
    """Assemble a tensor whose data are in another file."""
    return field(13, field(1, b"location") + field(2, location)) + field(14, 1)


def _protobufs() -> Made:
    yield "parent.onnx", onnx(tensor=external(b"../../etc/passwd"))
    yield "absolute.onnx", onnx(tensor=external(b"/etc/passwd"))
    yield "windows.onnx", onnx(tensor=external(b"..\\secret"))
    yield "beside.onnx", onnx(tensor=external(b"weights.bin"))
    yield "domain.onnx", onnx(domain=b"com.evil")
    yield "node-domain.onnx", onnx(node=field(7, b"com.evil"))
    yield "attribute.onnx", onnx(node=field(5, field(1, b"value") + field(5, external(b"../x"))))
    inner = field(1, field(4, b"Op") + field(7, b"com.evil"))
    yield "subgraph.onnx", onnx(node=field(5, field(1, b"body") + field(6, inner)))
    yield "sparse.onnx", onnx(node=field(5, field(1, b"v") + field(22, field(1, external(b"../x")))))
    yield "training.onnx", onnx() + field(20, field(1, field(1, field(7, b"com.evil"))))
    for operator in (b"ReadFile", b"WriteFile", b"PyFunc", b"EagerPyFunc"):
        yield (
            f"{operator.decode()}.pb",
            field(1, 1) + field(2, field(2, field(1, field(1, b"n") + field(2, operator)))),
        )


def gguf(template: str) -> bytes:
    """Assemble a GGUF file with a chat template."""
    key = b"tokenizer.chat_template"
    raw = template.encode()
    pair = struct.pack("<Q", len(key)) + key + struct.pack("<LQ", 8, len(raw)) + raw
    return b"GGUF" + struct.pack("<LQQ", 3, 0, 1) + pair


def safetensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    """Assemble a safetensors file."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def _tensors() -> Made:
    yield "template.gguf", gguf("{{ ().__class__.__mro__ }}")
    yield "attr.gguf", gguf("{{ x|attr('y') }}")
    yield "cut.gguf", gguf("{{ messages }}")[:-4]
    tensor = {"dtype": "U8", "shape": [4]}
    yield (
        "overlap.safetensors",
        safetensors(
            {"a": {**tensor, "data_offsets": [0, 4]}, "b": {**tensor, "data_offsets": [2, 6]}}, bytes(6)
        ),
    )
    yield "outside.safetensors", safetensors({"a": {**tensor, "data_offsets": [0, 4]}}, bytes(2))
    yield "tail.safetensors", safetensors({"a": {**tensor, "data_offsets": [0, 4]}}, bytes(4) + evil())
    yield "length.safetensors", safetensors({"a": {}}, length=99_000_000)
    yield "header.safetensors", safetensors(b"{'no json'}")


def skops(node: Any, **members: bytes) -> bytes:
    """Assemble a skops file."""
    schema = {**node, "protocol": 2, "_skops_version": "0.16"}
    return zipped({"schema.json": json.dumps(schema).encode(), **members})


def _skops() -> Made:
    def node(module: str, name: str, loader: str, content: Any = None) -> dict[str, Any]:
        return {"__module__": module, "__class__": name, "__loader__": loader, "content": content}

    yield "operator", skops(node("operator", "methodcaller", "OperatorFuncNode"))
    yield (
        "method",
        skops(node("sklearn.linear_model._base", "LinearRegression", "MethodNode", {"func": "fit"})),
    )
    yield "type", skops(node("os", "system", "TypeNode"))
    yield "function", skops(node("subprocess", "check_output", "FunctionNode"))
    plain = {"schema.json": json.dumps(node("os", "system", "FunctionNode")).encode()}
    yield "without-version", zipped(plain)
    yield "called", skops(node("numpy", "mean", "ConstructorFromReduceNode"))
    yield "unknown", skops(node("my_package", "Model", "ObjectNode"))
    yield "inner", skops(node("builtins", "list", "ListNode", [node("os", "system", "FunctionNode")]))
    yield "member", skops(node("builtins", "list", "ListNode", []), **{"model.npy": np_object()})


def _texts() -> Made:
    yield "tag.yaml", b"a: !!python/object/apply:os.system ['true']\n"
    yield "long-tag.yaml", b"a: !<tag:yaml.org,2002:python/object/new:os.system> [true]\n"
    yield "coded-tag.yaml", b"a: !!python%2fobject/apply:os.system ['true']\n"
    yield "short-tag.yaml", b"%TAG ! tag:yaml.org,2002:python/\n---\na: !object/apply:os.system ['true']\n"
    yield "target.yaml", b"model:\n  _target_: os.system\n  command: 'true'\n"
    yield "MLmodel", b"flavors:\n  python_function:\n    loader_module: os\n"
    yield "remote.json", json.dumps({"auto_map": {"AutoModel": "modeling.Own"}}).encode()
    yield "trust.json", json.dumps({"trust_remote_code": True}).encode()
    yield "address.txt", b"scikit-learn\ngit+https://example.com/x.git\n"
    yield "index.txt", b"--extra-index-url https://example.com\nscikit-learn\n"
    yield "template.json", json.dumps({"chat_template": "{{ cycler.__init__.__globals__ }}"}).encode()
    yield "model.rds", gzip.compress(b"RDX3\nX\n\0\0\0\3" + bytes(20))
    yield "library.so", b"\x7fELF" + bytes(60)
    yield "nothing", b""
    yield "noise", bytes(range(1, 200)) * 3
