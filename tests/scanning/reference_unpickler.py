"""What Python itself would import from a pickle, seen by unpicklers that make inert things only."""

from __future__ import annotations

import io
import pickle
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from contextlib import suppress
from typing import Any

Name = tuple[str, str]


class Inert:
    """Stands for everything that a pickle imports or makes."""

    def __new__(cls, *_: Any, **__: Any) -> Any:
        return object.__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __call__(self, *_: Any, **__: Any) -> Any:
        return Inert()

    def __setstate__(self, state: Any) -> None: ...

    def __setitem__(self, key: Any, value: Any) -> None: ...

    def append(self, item: Any) -> None: ...

    def extend(self, items: Any) -> None: ...


class InPython(pickle._Unpickler):
    """The unpickler in Python, which joblib builds upon."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))
        self.seen: set[Name] = set()

    def find_class(self, module: str, name: str) -> Any:
        if self.proto < 3:
            module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
        self.seen.add((module, name))
        return type("Made", (Inert,), {})

    def persistent_load(self, pid: Any) -> Any:
        return Inert()


class InC(pickle.Unpickler):
    """The unpickler in C, which ``pickle.load`` is; it maps no names before it asks."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))
        self.seen: set[Name] = set()

    def find_class(self, module: str, name: str) -> Any:
        self.seen.add((module, name))
        return type("Made", (Inert,), {})

    def persistent_load(self, pid: Any) -> Any:
        return Inert()


def imports(content: bytes) -> set[Name]:
    """Return what Python's unpickler imports until the stream ends or breaks."""
    return _seen(InPython(content))


def imports_in_c(content: bytes) -> set[Name]:
    """Return what the unpickler in C imports, under the names that the pickle gives."""
    return _seen(InC(content))


def _seen(unpickler: Any) -> set[Name]:
    with suppress(Exception):  # a mutated pickle may break in any way
        unpickler.load()
    return unpickler.seen
