"""Walk a pickle opcode by opcode, following names and memo, without importing or executing anything.

A value on the walk's stack is the offset of the opcode that made it: scalars are decoded only where
they are needed (names, dtypes, shapes), so millions of them cost eight bytes each.
"""

from __future__ import annotations

import _compat_pickle
import pickle
from array import array
from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING, Any

from trustkit.models.scanning.arrays import WRAPPER, WRAPPER_FIELDS, Dtype, Wrapper, byte_count
from trustkit.models.scanning.report import Budget, FaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from trustkit.models.scanning.report import Buffer, Verdict

Name = tuple[str, str]

STEP = 4096
WIDEST_TUPLE = 16
TUPLES_KEPT = 4096
MOST_OBJECTS = 1_000_000
MOST_VALUES = 10_000_000
FARTHEST_MEMO = 1_000_000
HEAVIEST = 10_000_000

_FIXED = bytearray(256)
for _opcodes, _size in (("N\x88\x89)]}\x8f", 1), ("K", 2), ("M", 3), ("J", 5), ("G", 9)):
    for _opcode in _opcodes.encode("latin1"):
        _FIXED[_opcode] = _size
_CONTAINERS = frozenset("]}\x8f\x91t\x85\x86\x87ldR\x81o\x92i".encode("latin1"))
_COUNTED = {"U": 1, "T": 4, "C": 1, "B": 4, "\x8e": 8, "\x8c": 1, "X": 4, "\x8d": 8, "\x8a": 1, "\x8b": 4}
_CONSTANTS = {"N": None, "\x88": True, "\x89": False}
_INTEGERS = {"K": 1, "M": 2, "J": 4}
_MAKERS = frozenset({("copyreg", "_reconstructor"), ("copyreg", "__newobj__")})
_STOP = pickle.STOP[0]
_UNREADABLE = object()


MOST_TEXTS = 100_000
"""Text values of a stream that are kept for whoever asks; more are counted alone."""


@dataclass
class Trace:
    """What walks over one buffer met.

    Attributes
    ----------
    imports : dict
        Each (module, name) with the offset where it was first imported.
    calls : dict
        Those that were called, not only referred to, with the offset of the first call.
    alarms : list
        (kind, what, offset, why) of all that is suspicious whatever its name.
    strings : int
        Text values met.
    texts : list of int
        Offsets of the first of them, up to `MOST_TEXTS`.
    """

    imports: dict[Name, int] = field(default_factory=dict)
    calls: dict[Name, int] = field(default_factory=dict)
    alarms: list[tuple[Verdict, str, int, str]] = field(default_factory=list)
    strings: int = 0
    texts: list[int] = field(default_factory=list)

    def text(self, offset: int) -> None:
        """Note a text value."""
        self.strings += 1
        if len(self.texts) < MOST_TEXTS:
            self.texts.append(offset)

    def alarm(self, kind: Verdict, what: str, offset: int, why: str) -> None:
        """Note something suspicious, up to a bound."""
        if len(self.alarms) >= 1000:
            raise FaultError("more than 1,000 suspicious opcodes")
        self.alarms.append((kind, what, offset, why))


class Walk:
    """One pickle stream, from its first opcode to its STOP.

    Parameters
    ----------
    data : bytes-like
        The buffer.
    start : int
        Where the stream begins.
    budget : Budget
        What is left of the limits.
    trace : Trace
        Where to note what was met.
    joblib : bool
        Read array bytes behind joblib's wrappers, as ``joblib.load`` does and ``pickle.load`` does not.
    torch : bool
        Take persistent ids for references to tensor storages, as ``torch.load`` does.
    """

    def __init__(
        self,
        data: Buffer,
        start: int,
        budget: Budget,
        trace: Trace,
        *,
        joblib: bool = True,
        torch: bool = False,
    ) -> None:
        self.data = data
        self.position = start
        self.budget = budget
        self.trace = trace
        self.joblib = joblib
        self.torch = torch
        self.aside: Trace | None = None
        self.size = len(data)
        self.edge = self.size
        self.frame_end = 0
        self.protocol = 0
        self.stack = array("q")
        self.marks: list[tuple[int, int]] = []
        self.fence = self.height = self.mark_place = 0
        self.memo = array("q")
        self.filled = 0
        self.made: dict[int, Name | Dtype | Wrapper] = {}
        self.young: dict[int, Sequence[int]] = {}
        self.old: dict[int, Sequence[int]] = {}
        self.weights: dict[int, int] = {}
        self.latest: tuple[int, int, Sequence[int]] = (-1, -1, ())

    def run(self) -> int:
        """Walk to the end of the stream.

        Returns
        -------
        int
            The offset behind it.
        """
        try:
            return self._run()
        except IndexError:
            raise FaultError("takes a value that is not there") from None
        except ValueError:
            raise FaultError("a number that cannot be read") from None

    def _run(self) -> int:
        data, push, fixed = self.data, self.stack.append, _FIXED
        handlers: list[Callable[[int], int]] = [self._unknown] * 256
        for opcode, handler in _HANDLERS.items():
            handlers[opcode] = handler.__get__(self)
        i = self.position
        while True:
            for count in range(STEP):
                if i >= self.edge:
                    self._leave_frame(i)
                self.position = i
                opcode = data[i]
                size = fixed[opcode]
                if size:
                    push(i)
                    i += size
                elif opcode == _STOP:
                    self.budget.step(count)
                    return self._stop(i)
                else:
                    i = handlers[opcode](i)
            self.budget.step(STEP)
            if len(self.made) > MOST_OBJECTS or len(self.stack) > MOST_VALUES:
                raise FaultError("keeps too many values at once")

    # -- the frame, the stack, the memo ---------------------------------------------------------

    def _leave_frame(self, i: int) -> None:
        if i > self.edge and self.edge < self.size:
            raise FaultError("reads beyond the end of its frame")
        if i >= self.size:
            raise FaultError("ends before its STOP")
        self.edge, self.frame_end = self.size, 0

    def _frame(self, i: int) -> int:
        end = i + 9 + self._uint(i + 1, 8)
        if i < self.frame_end or end > self.size:
            raise FaultError("a frame length that lies")
        self.edge = self.frame_end = end
        return i + 9

    def _stop(self, i: int) -> int:
        self._pop()
        if self.frame_end not in (0, i + 1):
            raise FaultError("stops inside its frame")
        return i + 1

    def _protocol(self, i: int) -> int:
        self.protocol = self.data[i + 1]
        if self.protocol > 5:
            raise FaultError(f"pickle protocol {self.protocol} is not known")
        return i + 2

    def _unknown(self, i: int) -> int:
        raise FaultError(f"0x{self.data[i]:02x} is no opcode")

    def _uint(self, i: int, width: int) -> int:
        return int.from_bytes(self.data[i : i + width], "little")

    def _pop(self) -> int:
        if len(self.stack) <= self.fence:
            raise FaultError("takes a value that is not there")
        return self.stack.pop()

    def _top(self) -> int:
        if len(self.stack) <= self.fence:
            raise FaultError("takes a value that is not there")
        return self.stack[-1]

    def _pop_mark(self) -> array[int]:
        self._unmark()
        items = self.stack[self.height :]
        del self.stack[self.height :]
        return items

    def _unmark(self) -> None:
        self.height, self.mark_place = self.marks.pop()
        self.fence = self.marks[-1][0] if self.marks else 0

    def _mark(self, i: int) -> int:
        self.fence = len(self.stack)
        self.marks.append((self.fence, i))
        return i + 1

    def _pop_one(self, i: int) -> int:
        if self.marks and self.fence == len(self.stack):
            self._unmark()
        else:
            self._pop()
        return i + 1

    def _pop_all(self, i: int) -> int:
        self._pop_mark()
        return i + 1

    def _dup(self, i: int) -> int:
        self._share(self._top())
        return i + 1

    def _share(self, value: int) -> None:
        """Push a value that stands elsewhere too."""
        if self.data[value] in _CONTAINERS:
            self.weights.setdefault(value, 1)
        self.stack.append(value)

    def _grow(self, target: int, items: Sequence[int]) -> None:
        """Keep count of how large a container would be if what it shares were written out."""
        if self.weights:
            weight = sum(map(self.weights.get, items, repeat(0)))
            if weight:
                weight += self.weights.get(target, 0)
                if weight > HEAVIEST:
                    raise FaultError("expands without bound through its memo")
                self.weights[target] = weight

    def _memoize(self, i: int) -> int:
        self._put(self.filled)
        return i + 1

    def _put(self, index: int) -> None:
        memo, value = self.memo, self._top()
        if index == len(memo):
            memo.append(value)
            self.filled += 1
            return
        if not 0 <= index <= max(FARTHEST_MEMO, 2 * self.filled):
            raise FaultError("a memo slot out of reach")
        if index > len(memo):
            memo.extend(repeat(-1, index + 1 - len(memo)))
        self.filled += memo[index] == -1
        memo[index] = value

    def _get(self, index: int) -> None:
        value = self.memo[index] if index >= 0 else -1
        if value < 0:
            raise FaultError("takes a memo slot never filled")
        self._share(value)

    def _put_line(self, i: int) -> int:
        text, end = self._line(i + 1)
        self._put(int(text))
        return end

    def _put_byte(self, i: int) -> int:
        self._put(self.data[i + 1])
        return i + 2

    def _put_long(self, i: int) -> int:
        self._put(self._uint(i + 1, 4))
        return i + 5

    def _get_line(self, i: int) -> int:
        text, end = self._line(i + 1)
        self._get(int(text))
        return end

    def _get_byte(self, i: int) -> int:
        self._get(self.data[i + 1])
        return i + 2

    def _get_long(self, i: int) -> int:
        self._get(self._uint(i + 1, 4))
        return i + 5

    # -- scalars --------------------------------------------------------------------------------

    def _line(self, i: int) -> tuple[bytes, int]:
        """Return a line and where the next begins; like Python, take the end of the data for a line's."""
        end = self.data.find(b"\n", i)
        if end < 0:
            return bytes(self.data[i : self.size - 1]), self.size
        return bytes(self.data[i:end]), end + 1

    def _push_line(self, i: int) -> int:
        self.stack.append(i)
        return self._line(i + 1)[1]

    def _push_text_line(self, i: int) -> int:
        self.trace.text(i)
        return self._push_line(i)

    def _push_short(self, i: int) -> int:
        self.stack.append(i)
        return i + 2 + self.data[i + 1]

    def _push_short_text(self, i: int) -> int:
        self.trace.text(i)
        self.stack.append(i)
        return i + 2 + self.data[i + 1]

    def _push_medium(self, i: int) -> int:
        self.stack.append(i)
        return i + 5 + self._uint(i + 1, 4)

    def _push_medium_text(self, i: int) -> int:
        self.trace.text(i)
        return self._push_medium(i)

    def _push_large(self, i: int) -> int:
        self.stack.append(i)
        return i + 9 + self._uint(i + 1, 8)

    def _push_large_text(self, i: int) -> int:
        self.trace.text(i)
        return self._push_large(i)

    def texts(self) -> Iterator[str]:
        """Text values that were noted, decoded."""
        for offset in self.trace.texts:
            if chr(self.data[offset]) == "V":
                yield self._line(offset + 1)[0].decode("raw-unicode-escape", "replace")
            elif isinstance(text := self.scalar(offset), str):
                yield text

    def scalar(self, value: int) -> Any:
        """Decode the text, bytes, number, truth or None at an offset; `_UNREADABLE` for all else."""
        opcode = chr(self.data[value])
        if opcode in _CONSTANTS:
            return _CONSTANTS[opcode]
        if opcode in _INTEGERS:
            return int.from_bytes(
                self.data[value + 1 : value + 1 + _INTEGERS[opcode]], "little", signed=opcode == "J"
            )
        if opcode in "ILSV":
            return _line_scalar(opcode, self._line(value + 1)[0])
        width = _COUNTED.get(opcode)
        return self._counted(opcode, value + 1, width) if width else _UNREADABLE

    def _counted(self, opcode: str, begin: int, width: int) -> Any:
        length = self._uint(begin, width)
        raw = bytes(self.data[begin + width : begin + width + length])
        if opcode in "\x8a\x8b":
            return int.from_bytes(raw, "little", signed=True)
        return raw.decode("utf-8", "surrogateescape") if opcode in "\x8cX\x8dUT" else raw

    def _scalars(self, value: int) -> list[Any] | None:
        """Decode the tuple that stands at an offset, where it is one and still kept."""
        items = self._items(value)
        return None if items is None else [self.scalar(item) for item in items]

    def _items(self, value: int) -> Sequence[int] | None:
        if self.data[value] == pickle.EMPTY_TUPLE[0]:
            return ()
        return self.young.get(value, self.old.get(value))

    # -- containers -----------------------------------------------------------------------------

    def _tuple_of(self, i: int, items: Sequence[int]) -> int:
        if len(items) <= WIDEST_TUPLE:
            if len(self.young) >= TUPLES_KEPT:
                self.old, self.young = self.young, {}
            self.young[i] = items
        self._grow(i, items)
        self.stack.append(i)
        return i + 1

    def _tuple(self, i: int) -> int:
        return self._tuple_of(i, self._pop_mark())

    def _tuple1(self, i: int) -> int:
        return self._tuple_of(i, (self._pop(),))

    def _tuple2(self, i: int) -> int:
        last = self._pop()
        return self._tuple_of(i, (self._pop(), last))

    def _tuple3(self, i: int) -> int:
        last, middle = self._pop(), self._pop()
        return self._tuple_of(i, (self._pop(), middle, last))

    def _collect(self, i: int) -> int:
        self._grow(i, self._pop_mark())
        self.stack.append(i)
        return i + 1

    def _fill(self, i: int, items: Sequence[int]) -> int:
        target = self._top()
        if self.made and isinstance(self.made.get(target), tuple):
            self._changes_import(target, i)
        self._grow(target, items)
        return i + 1

    def _append(self, i: int) -> int:
        return self._fill(i, (self._pop(),))

    def _extend(self, i: int) -> int:
        return self._fill(i, self._pop_mark())

    def _set_item(self, i: int) -> int:
        value = self._pop()
        return self._fill(i, (self._pop(), value))

    def _set_items(self, i: int) -> int:
        items = self._pop_mark()
        target = self._top()
        if self.data[target] == pickle.EMPTY_DICT[0] and self._is_fresh(target):
            self.latest = (i + 1, target, items)
        return self._fill(i, items)

    def _is_fresh(self, target: int) -> bool:
        """Say whether nothing but a memo opcode stands between a dict's making and the last mark."""
        between = bytes(self.data[target + 1 : min(self.mark_place, target + 8)])
        length = {b"": 0, pickle.MEMOIZE: 1, pickle.BINPUT: 2, pickle.LONG_BINPUT: 5}.get(between[:1])
        return length == self.mark_place - target - 1

    # -- imports and calls ----------------------------------------------------------------------

    def _import(self, i: int, module: str, name: str) -> None:
        if self.protocol < 3:
            module, name = _compat_pickle.NAME_MAPPING.get(
                (module, name), (_compat_pickle.IMPORT_MAPPING.get(module, module), name)
            )
        self.trace.imports.setdefault((module, name), i)
        self.made[i] = (module, name)
        self.stack.append(i)

    def _two_lines(self, i: int) -> tuple[str, str, int]:
        module, middle = self._line(i + 1)
        name, end = self._line(middle)
        return module.decode("utf-8", "replace"), name.decode("utf-8", "replace"), end

    def _global(self, i: int) -> int:
        module, name, end = self._two_lines(i)
        self._import(i, module, name)
        return end

    def _stack_global(self, i: int) -> int:
        name, module = self.scalar(self._pop()), self.scalar(self._pop())
        if isinstance(name, str) and isinstance(module, str):
            self._import(i, module, name)
        else:
            self.trace.alarm("dangerous", "computed name", i, "imports a name that is computed when loaded")
            self.stack.append(i)
        return i + 1

    def _call(self, i: int, function: int, arguments: Sequence[int] | None) -> int:
        """Note a call; its result stands at the opcode that makes it."""
        name = self.made.get(function)
        if isinstance(name, tuple):
            self.trace.calls.setdefault(name, i)
            self._make(i, name, arguments)
        else:
            self.trace.alarm("dangerous", "computed call", i, "calls a value that is computed when loaded")
        self._grow(i, arguments or ())
        self.stack.append(i)
        return i + 1

    def _make(self, i: int, name: Name, arguments: Sequence[int] | None) -> None:
        """Keep what is needed of the objects that decide how a stream goes on."""
        if name == ("numpy", "dtype"):
            self.made[i] = Dtype.of_call(arguments and [self.scalar(item) for item in arguments])
        elif name == ("builtins", "getattr"):
            self._read_attribute(i, arguments or ())
        elif name == ("functools", "partial"):
            if not arguments or not isinstance(self.made.get(arguments[0]), tuple):
                self.trace.alarm("dangerous", "functools.partial", i, "keeps a call of a computed value")
        elif name in _MAKERS:
            if not arguments:
                raise FaultError(f"{'.'.join(name)} makes an object that cannot be told")
            if self.made.get(arguments[0]) == WRAPPER:
                self.made[i] = Wrapper()
        elif name == WRAPPER:
            raise FaultError("an array wrapper made as joblib does not make it")

    def _read_attribute(self, i: int, arguments: Sequence[int]) -> None:
        """Tell a bound method of an object, as honest pickles keep some, from a way into a module."""
        name = self.scalar(arguments[1]) if len(arguments) == 2 else None
        of_import = len(arguments) == 2 and isinstance(self.made.get(arguments[0]), tuple)
        if not isinstance(name, str) or name.startswith("__") or of_import:
            self.trace.alarm("dangerous", "builtins.getattr", i, "reaches attributes by name")

    def _reduce(self, i: int) -> int:
        arguments = self._items(self._pop())
        return self._call(i, self._pop(), arguments)

    def _object(self, i: int) -> int:
        function, *arguments = self._pop_mark()
        return self._call(i, function, arguments)

    def _instance(self, i: int) -> int:
        module, name, end = self._two_lines(i)
        self._import(i, module, name)
        self.made[-1] = self.made.pop(self.stack.pop())
        self._call(i, -1, self._pop_mark())
        return end

    def _new(self, i: int) -> int:
        arguments, cls = self._items(self._pop()), self._pop()
        if arguments != ():
            return self._call(i, cls, arguments)
        name = self.made.get(cls)
        if not isinstance(name, tuple):
            return self._call(i, cls, ())
        if name == WRAPPER:
            self.made[i] = Wrapper()
        elif name == ("numpy", "dtype"):
            self.made[i] = Dtype()
        self.stack.append(i)
        return i + 1

    def _new_with_keywords(self, i: int) -> int:
        self._pop()
        arguments = self._items(self._pop())
        return self._call(i, self._pop(), arguments)

    def _changes_import(self, target: int, i: int) -> None:
        name = ".".join(self.made[target])  # type: ignore[arg-type]
        self.trace.alarm("dangerous", name, i, "changes what it imports")

    def _build(self, i: int) -> int:
        state = self._pop()
        target = self._top()
        made = self.made.get(target)
        self._grow(target, (state,))
        if isinstance(made, tuple):
            self._changes_import(target, i)
        elif isinstance(made, Dtype):
            made.set_state(self._scalars(state))
        elif isinstance(made, Wrapper) and self.joblib:
            return self._read_array(i, made, state)
        return i + 1

    # -- what joblib and torch add --------------------------------------------------------------

    def _read_array(self, i: int, wrapper: Wrapper, state: int) -> int:
        """Follow joblib over the bytes of an array, after a look at what pickle would make of them."""
        self._read_fields(i, wrapper, state)
        if self.frame_end not in (0, i + 1):
            raise FaultError("an array inside a frame")
        self.edge, self.frame_end = self.size, 0
        if self.aside is None:
            self._look_aside(i + 1)
        dtype = self.made.get(wrapper.fields.get("dtype", i))
        if not isinstance(dtype, Dtype) or not dtype.letter:
            raise FaultError("an array whose type cannot be read")
        count = byte_count(self._scalars(wrapper.fields.get("shape", i)), dtype.itemsize)
        self.stack[-1] = i
        if dtype.objects:
            return Walk(self.data, i + 1, self.budget, self.trace, joblib=False).run()
        alignment = wrapper.fields.get("numpy_array_alignment_bytes")
        aligned = alignment is not None and self.scalar(alignment) is not None
        end = i + 1 + (1 + self.data[i + 1] if aligned else 0) + count
        if end > self.size:
            raise FaultError("an array longer than the file")
        return end

    def _read_fields(self, i: int, wrapper: Wrapper, state: int) -> None:
        end, target, items = self.latest
        if (end, target) != (i, state):
            raise FaultError("an array wrapper whose state cannot be read")
        keys = [self.scalar(key) for key in items[::2]]
        if len(items) % 2 or not WRAPPER_FIELDS.issuperset(keys):
            raise FaultError("an array wrapper with a state that joblib does not write")
        wrapper.fields.update(zip(keys, items[1::2], strict=True))

    def _look_aside(self, i: int) -> None:
        """Walk on from the first array as ``pickle.load`` would, which knows no array bytes."""
        self.aside = Trace()
        other = Walk(self.data, i, self.budget, self.aside, joblib=False)
        other.aside = self.aside
        other.protocol = self.protocol
        other.stack, other.marks, other.fence = self.stack[:], self.marks[:], self.fence
        other.memo, other.filled = self.memo[:], self.filled
        other.made = dict(self.made)
        try:
            other.run()
        except FaultError:
            self.budget.check_time()

    def _persistent_line(self, i: int) -> int:
        self._line(i + 1)
        self.trace.alarm("incomplete", "persistent id", i, "what it stands for is decided by the loader")
        return self._push_line(i)

    def _persistent(self, i: int) -> int:
        items = self._items(self._pop())
        if not (self.torch and items and self.scalar(items[0]) == "storage"):
            self.trace.alarm("incomplete", "persistent id", i, "what it stands for is decided by the loader")
        self.stack.append(i)
        return i + 1

    def _extension(self, i: int) -> int:
        self.trace.alarm("incomplete", "extension code", i, "what it stands for is decided by the process")
        self.stack.append(i)
        return i + {0x82: 2, 0x83: 3, 0x84: 5}[self.data[i]]

    def _outside_buffer(self, i: int) -> int:
        raise FaultError("needs buffers that are not in the file")


def _line_scalar(opcode: str, raw: bytes) -> Any:
    """Decode the scalars of protocol 0; text with escapes counts as computed."""
    if opcode in "SV":
        text = raw.strip()[1:-1] if opcode == "S" else raw
        return _UNREADABLE if b"\\" in text else text.decode("utf-8", "surrogateescape")
    if raw in (b"00", b"01"):
        return raw == b"01"
    return int(raw.removesuffix(b"L"))


_HANDLERS: dict[int, Callable[[Walk, int], int]] = {
    ord(opcode): handler
    for opcodes, handler in {
        "\x80": Walk._protocol,
        "\x95": Walk._frame,
        "(": Walk._mark,
        "0": Walk._pop_one,
        "1": Walk._pop_all,
        "2": Walk._dup,
        "\x94": Walk._memoize,
        "p": Walk._put_line,
        "q": Walk._put_byte,
        "r": Walk._put_long,
        "g": Walk._get_line,
        "h": Walk._get_byte,
        "j": Walk._get_long,
        "FIL": Walk._push_line,
        "SV": Walk._push_text_line,
        "C\x8a": Walk._push_short,
        "U\x8c": Walk._push_short_text,
        "B\x8b": Walk._push_medium,
        "TX": Walk._push_medium_text,
        "\x8e\x96": Walk._push_large,
        "\x8d": Walk._push_large_text,
        "t": Walk._tuple,
        "\x85": Walk._tuple1,
        "\x86": Walk._tuple2,
        "\x87": Walk._tuple3,
        "ld\x91": Walk._collect,
        "a": Walk._append,
        "e\x90": Walk._extend,
        "s": Walk._set_item,
        "u": Walk._set_items,
        "c": Walk._global,
        "\x93": Walk._stack_global,
        "R": Walk._reduce,
        "o": Walk._object,
        "i": Walk._instance,
        "\x81": Walk._new,
        "\x92": Walk._new_with_keywords,
        "b": Walk._build,
        "P": Walk._persistent_line,
        "Q": Walk._persistent,
        "\x82\x83\x84": Walk._extension,
        "\x97\x98": Walk._outside_buffer,
    }.items()
    for opcode in opcodes
}
OPCODES = frozenset(_HANDLERS) | {i for i in range(256) if _FIXED[i]} | {_STOP}
