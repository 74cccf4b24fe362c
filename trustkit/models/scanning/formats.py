"""What can be told of model formats other than pickle without running or importing anything."""

from __future__ import annotations

import json
import re
import struct
from typing import TYPE_CHECKING, Any, Protocol

from trustkit.models.scanning.report import FaultError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trustkit.models.scanning.report import Buffer, Verdict

LONGEST_JSON = 32 << 20
LONGEST_SAFETENSORS_HEADER = 100 << 20
DEEPEST_GRAPH = 32
XGBOOST = b"{L\0\0\0\0\0\0\0\x07learner"
HDF5 = b"\x89HDF\r\n\x1a\n"
ONNX_DOMAINS = frozenset(
    {"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training", "com.microsoft"}
)
SAVED_MODEL_OPERATORS = re.compile(
    rb"ReadFile|WriteFile|MatchingFiles|EagerPyFunc|PyFuncStateless|PyFunc|LoadLibrary|ImmutableConst"
    rb"|MergeV2Checkpoints|GenerateVocabRemapping|LookupTableExport"
)
_KERAS_HOMES = ("keras", "keras_nlp", "keras_hub", "keras_cv", "tf_keras")
_KERAS_FUNCTIONS = ("activations", "losses", "metrics", "initializers", "regularizers", "constraints")
_HDF5_CLASS = re.compile(
    rb'"module"\s*:\s*"([\w.]{1,200})"\s*,\s*"class_name"\s*:\s*"([\w.>]{1,200})"'
    rb'|"class_name"\s*:\s*"(Lambda)"'
)
_YAML_LINE = re.compile(r"\s*(?:#.*|---|- .*|[\w\"'./-]+\s*:(?: .*)?)?")
_TEMPLATE_ESCAPES = re.compile(
    r"__\w{1,64}__|\|\s*attr\b|\b(?:cycler|lipsum|joiner|namespace)\s*\.\s*_|\bimport\b|\bos\s*\.|\bpopen\b"
)
_TEXT_SIGNS: tuple[tuple[re.Pattern[str], Verdict, str], ...] = (
    (
        re.compile(r"!!python/\S*|!<tag:yaml\.org,2002:python/[^>]*>"),
        "dangerous",
        "a YAML tag that makes objects",
    ),
    (
        re.compile(r"(?m)^%TAG\b.*|![\w./:<]{0,99}%[0-9A-Fa-f]{2}"),
        "unknown import",
        "a YAML tag in disguise",
    ),
    (
        re.compile(r"""["']?_target_["']?\s*:\s*["']?([\w.]+)"""),
        "unknown import",
        "a configuration that names code",
    ),
    (
        re.compile(r"""["']?trust_remote_code["']?\s*[:=]\s*[Tt]rue"""),
        "unknown import",
        "asks for remote code",
    ),
    (
        re.compile(r"(?m)^[ \t]*loader_module[ \t]*:[ \t]*(?!mlflow\.)\S+"),
        "unknown import",
        "names the module that loads the model",
    ),
    (re.compile(r"""["']?auto_map["']?\s*:"""), "unknown import", "asks for code beside the model"),
    (
        re.compile(
            r"(?m)^[ \t]*(?:-[ \t]+)?(?:git\+\S+|--(?:extra-)?index-url\s*\S+|[\w.\[\]-]+\s*@\s*\w+://\S+)"
        ),
        "unknown import",
        "installs a package from an address",
    ),
)


class Notes(Protocol):
    """Where a reader of a format puts what it found."""

    def note(self, kind: Verdict, what: str, where: str, why: str) -> None:
        """Add a finding."""

    def name(self, module: str, name: str, where: str, *, called: bool = False) -> None:
        """Judge an import that the file asks for."""

    def version(self, package: str, version: str) -> None:
        """Add the version of a framework that wrote the file."""


# -- containers of tensors ----------------------------------------------------------------------


def is_safetensors(data: Buffer) -> bool:
    """Say whether the data is a length and a JSON object."""
    return (
        len(data) > 9
        and data[8] == 0x7B
        and 2 <= int.from_bytes(data[:8], "little") <= max(len(data), LONGEST_SAFETENSORS_HEADER)
    )


def read_safetensors(data: Buffer, where: str, notes: Notes) -> None:
    """Check that the header is JSON of bounded length whose tensors tile the rest of the file."""
    length = int.from_bytes(data[:8], "little")
    if length > LONGEST_SAFETENSORS_HEADER or 8 + length > len(data):
        raise FaultError("a safetensors header that is too long")
    header = parse_json(bytes(data[8 : 8 + length]))
    if not isinstance(header, dict):
        raise FaultError("a safetensors header that is no object")
    header.pop("__metadata__", None)
    try:
        spans = sorted(tuple(tensor["data_offsets"]) for tensor in header.values())
        reached = 0
        for begin, end in spans:
            if begin != reached or end < begin:
                raise FaultError("safetensors offsets that overlap or leave gaps")
            reached = end
    except (TypeError, KeyError, ValueError):
        raise FaultError("a safetensors header that cannot be read") from None
    if reached != len(data) - 8 - length:
        raise FaultError("safetensors offsets that do not fill the file")


def read_gguf(data: Buffer, where: str, notes: Notes) -> None:
    """Read the metadata of a GGUF file and look at its chat templates."""
    try:
        version, tensors, count = struct.unpack_from("<LQQ", data, 4)
        if version not in (2, 3) or count > 100_000:
            raise FaultError("a GGUF header that cannot be read")
        position = 24
        for _ in range(count):
            key, position = _gguf_text(data, position)
            kind = int.from_bytes(data[position : position + 4], "little")
            value, position = _gguf_value(data, position + 4, kind)
            if isinstance(value, str) and "template" in key:
                _check_template(value, f"{where}@{position}", notes)
    except struct.error:
        raise FaultError("GGUF metadata cut short") from None
    if (position < len(data)) != (tensors > 0):
        raise FaultError("GGUF metadata that do not reach the tensors")


def _gguf_text(data: Buffer, position: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<Q", data, position)
    end = position + 8 + length
    if end > len(data):
        raise FaultError("GGUF metadata cut short")
    return bytes(data[position + 8 : end]).decode("utf-8", "replace"), end


def _gguf_value(data: Buffer, position: int, kind: int) -> tuple[str | None, int]:
    sizes = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
    if kind == 8:
        return _gguf_text(data, position)
    if kind != 9:
        if kind not in sizes:
            raise FaultError("a GGUF value of an unknown kind")
        return None, position + sizes[kind]
    item, count = struct.unpack_from("<LQ", data, position)
    position += 12
    if item in sizes:
        return None, position + sizes[item] * count
    if item != 8:
        raise FaultError("a GGUF list that cannot be read")
    texts = []
    for _ in range(count):
        text, position = _gguf_text(data, position)
        texts.append(text if "{" in text else "")
    return "\n".join(filter(None, texts)), position


def _check_template(text: str, where: str, notes: Notes) -> None:
    found = _TEMPLATE_ESCAPES.search(text)
    if found:
        notes.note("dangerous", found[0], where, "a chat template that reaches out of its sandbox")


# -- protocol buffers: ONNX and SavedModel ------------------------------------------------------

Field = tuple[int, int, int, int]


def fields(data: Buffer, start: int, stop: int) -> Iterator[Field]:
    """Yield the fields of a protocol buffer message: number, wire type, and where it begins and ends.

    The value of a varint (wire type 0) stands in place of its beginning.
    """
    position = start
    while position < stop:
        tag, position = _varint(data, position, stop)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, position = _varint(data, position, stop)
            yield number, wire, value, position
            continue
        if wire == 2:
            length, position = _varint(data, position, stop)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise FaultError("a protocol buffer that cannot be read")
        if not number or position + length > stop:
            raise FaultError("a protocol buffer that cannot be read")
        yield number, wire, position, position + length
        position += length


def _varint(data: Buffer, position: int, stop: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= stop:
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise FaultError("a protocol buffer that cannot be read")


def protobuf_kind(data: Buffer) -> str | None:
    """Tell ONNX and SavedModel by their outermost fields."""
    if len(data) < 8 or data[0] not in (0x08, 0x12, 0x3A):
        return None
    seen: dict[int, int] = {}
    try:
        for count, (number, wire, _, _) in enumerate(fields(data, 0, len(data))):
            if seen.setdefault(number, wire) != wire or number > 30 or count > 100_000:
                return None
    except FaultError:
        return None
    if seen.get(7) == 2 and seen.get(8) == 2 and seen.get(1) == 0:
        return "onnx"
    if seen == {1: 0, 2: 2}:
        return "savedmodel"
    return None


def read_savedmodel(data: Buffer, where: str, notes: Notes) -> None:
    """Look for operators that read, write or run."""
    for found in {match[0] for match in SAVED_MODEL_OPERATORS.finditer(data)}:
        notes.note("dangerous", found.decode(), where, "a graph operator that reads, writes or runs")


def read_onnx(data: Buffer, where: str, notes: Notes) -> None:
    """Look for data outside the file and for operators that are not ONNX's own."""
    _Onnx(data, where, notes).model()


def _text(data: Buffer, start: int, stop: int, wanted: int) -> str:
    """Return the last text field of a number in a message."""
    text = ""
    for number, wire, begin, end in fields(data, start, stop):
        if number == wanted and wire == 2:
            text = bytes(data[begin:end]).decode("utf-8", "replace")
    return text


class _Onnx:
    """A walk over the messages of an ONNX model that can name code or files."""

    def __init__(self, data: Buffer, where: str, notes: Notes) -> None:
        self.data = data
        self.where = where
        self.notes = notes

    def parts(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """Yield the number and the place of each message or text within a message."""
        for number, wire, begin, end in fields(self.data, start, stop):
            if wire == 2:
                yield number, begin, end

    def model(self) -> None:
        """Read a ModelProto."""
        for number, begin, end in self.parts(0, len(self.data)):
            if number == 2:
                producer = bytes(self.data[begin:end]).decode("utf-8", "replace")
                self.notes.version(producer or "onnx", _text(self.data, 0, len(self.data), 3))
            elif number == 7:
                self.graph(begin, end, 0)
            elif number == 8:
                self.domain(_text(self.data, begin, end, 1), begin)
            elif number == 20:
                for inner, first, last in self.parts(begin, end):
                    if inner in (1, 2):
                        self.graph(first, last, 0)
            elif number == 25:
                self.nodes(begin, end, 7, 0)

    def graph(self, start: int, stop: int, depth: int) -> None:
        """Read a GraphProto."""
        if depth > DEEPEST_GRAPH:
            raise FaultError("ONNX graphs nested too deep")
        self.nodes(start, stop, 1, depth)
        for number, begin, end in self.parts(start, stop):
            if number == 5:
                self.tensor(begin, end)
            elif number == 15:
                self.sparse(begin, end)

    def nodes(self, start: int, stop: int, wanted: int, depth: int) -> None:
        """Read the NodeProtos of a graph or a function."""
        for number, begin, end in self.parts(start, stop):
            if number == wanted:
                self.domain(_text(self.data, begin, end, 7), begin)
                for inner, first, last in self.parts(begin, end):
                    if inner == 5:
                        self.attribute(first, last, depth)

    def attribute(self, start: int, stop: int, depth: int) -> None:
        """Read an AttributeProto."""
        for number, begin, end in self.parts(start, stop):
            if number in (6, 11):
                self.graph(begin, end, depth + 1)
            elif number in (5, 10):
                self.tensor(begin, end)
            elif number in (22, 23):
                self.sparse(begin, end)

    def sparse(self, start: int, stop: int) -> None:
        """Read a SparseTensorProto: its values and indices."""
        for number, begin, end in self.parts(start, stop):
            if number in (1, 2):
                self.tensor(begin, end)

    def domain(self, domain: str, place: int) -> None:
        """Judge the domain of an operator."""
        if domain not in ONNX_DOMAINS:
            why = "a domain of custom ONNX operators, which are native code"
            self.notes.note("unknown import", domain, f"{self.where}@{place}", why)

    def tensor(self, start: int, stop: int) -> None:
        """Judge where a TensorProto keeps its data."""
        for number, begin, end in self.parts(start, stop):
            if number == 13 and _text(self.data, begin, end, 1) == "location":
                location = _text(self.data, begin, end, 2)
                outside = not location or location[0] in "/\\~" or ":" in location
                outside = outside or ".." in re.split(r"[/\\]", location)
                kind: Verdict = "dangerous" if outside else "incomplete"
                why = "tensor data outside the model's folder" if outside else "tensor data in another file"
                self.notes.note(kind, location, f"{self.where}@{begin}", why)


# -- JSON, text, HDF5 ---------------------------------------------------------------------------


def parse_json(raw: bytes) -> Any:
    """Parse JSON of bounded length."""
    if len(raw) > LONGEST_JSON:
        raise FaultError("JSON that is too long")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise FaultError("JSON that cannot be read") from None


def objects(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a JSON tree."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            yield node
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)


def json_of(text: str) -> Any:
    """Return the tree of a JSON object or list; None where the text is neither."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def is_yaml(text: str) -> bool:
    """Say whether every line could be one of YAML's block style."""
    return all(map(_YAML_LINE.fullmatch, text.splitlines()))


def is_lightgbm(text: str, notes: Notes) -> bool:
    """Say whether the text is a LightGBM model, which holds numbers alone."""
    found = re.match(r"tree\nversion=(v\d+)\n", text)
    if found:
        notes.version("lightgbm", found[1])
    return found is not None


def read_xgboost(data: Buffer, where: str, notes: Notes) -> None:
    """Note XGBoost's binary JSON, which holds numbers and names alone."""
    notes.version("xgboost", "binary JSON")


def read_json(tree: Any, where: str, notes: Notes) -> None:
    """Look for classes, code and remote code that a JSON file asks for."""
    if isinstance(tree, dict) and "_skops_version" in tree:
        notes.version("skops", str(tree["_skops_version"]))
    for node in objects(tree):
        if "__loader__" in node:
            _skops_node(node, where, notes)
        elif "class_name" in node:
            _keras_node(node, where, notes)
        if isinstance(node.get("keras_version"), str):
            notes.version("keras", node["keras_version"])
        for key in ("chat_template", "template"):
            if isinstance(node.get(key), str):
                _check_template(node[key], where, notes)
    if isinstance(tree, dict) and "learner" in tree and isinstance(tree.get("version"), list):
        notes.version("xgboost", ".".join(map(str, tree["version"])))


def _skops_node(node: dict[str, Any], where: str, notes: Notes) -> None:
    """Judge the type that a skops node makes; what runs a function of the file's choice is dangerous."""
    module, name, loader = (str(node.get(key)) for key in ("__module__", "__class__", "__loader__"))
    if loader in ("OperatorFuncNode", "MethodNode"):
        notes.note("dangerous", f"{module}.{name}", where, f"skops' {loader} reaches attributes by name")
    elif (module, name) != ("builtins", "NoneType"):
        notes.name(module, name, where, called="Reduce" in loader)


def _keras_node(node: dict[str, Any], where: str, notes: Notes) -> None:
    _keras_class(node.get("module"), node["class_name"], node.get("config"), where, notes)
    registered = node.get("registered_name")
    if node.get("module") is None and isinstance(registered, str) and ">" in registered:
        notes.note("unknown import", registered, where, "a class that is registered elsewhere")


def _keras_class(module: Any, name: Any, config: Any, where: str, notes: Notes) -> None:
    if name == "Lambda":
        notes.note("dangerous", "Lambda", where, "a Keras layer that runs code kept in the file")
    elif isinstance(module, str) and isinstance(name, str):
        home, _, rest = module.partition(".")
        camel = name[:1].isupper()
        function = name == "function" and rest.removeprefix("src.") in _KERAS_FUNCTIONS
        if home not in _KERAS_HOMES or not (camel or function):
            target = config if name == "function" and isinstance(config, str) else name
            notes.name(module, target, where)


def read_text(text: str, where: str, notes: Notes) -> None:
    """Look for signs of code in configuration text."""
    for sign, kind, why in _TEXT_SIGNS:
        found = sign.search(text)
        if found:
            notes.note(kind, found[0].strip()[:200], f"{where}@{found.start()}", why)


def read_hdf5(data: Buffer, where: str, notes: Notes) -> None:
    """Look for the classes that a Keras configuration inside HDF5 names."""
    for match in _HDF5_CLASS.finditer(data):
        place = f"{where}@{match.start()}"
        module, name = (match[1] or b"").decode() or None, (match[2] or match[3]).decode()
        _keras_class(module, name, None, place, notes)
    version = re.search(rb"keras_version.{0,200}?(\d+\.\d+\.\d+)", data, re.DOTALL)
    if version:
        notes.version("keras", version[1].decode())
