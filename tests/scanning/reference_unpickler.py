"""What Python itself would import from a pickle, seen by an unpickler that makes inert things only."""

from __future__ import annotations

import io
import pickle
from contextlib import suppress
from typing import Any


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


class Reference(pickle._Unpickler):
    """Python's own unpickler, with imports noted instead of made."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))
        self.seen: set[tuple[str, str]] = set()

    def find_class(self, module: str, name: str) -> Any:
        if self.proto < 3:
            from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING

            module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
        self.seen.add((module, name))
        return type("Made", (Inert,), {})

    def persistent_load(self, pid: Any) -> Any:
        return Inert()

    def get_extension(self, code: int) -> None:
        self.append(Inert())


def imports(content: bytes) -> set[tuple[str, str]]:
    """Return what is imported until the stream ends or breaks."""
    unpickler = Reference(content)
    with suppress(Exception):  # a mutated pickle may break in any way
        unpickler.load()
    return unpickler.seen
