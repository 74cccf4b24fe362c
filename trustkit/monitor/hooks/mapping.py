"""The mapping of a service: where in the JSON of a request and of its answer the columns stand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trustkit.errors import ConfigError, Problem

_PATH = re.compile(r"(?:[^.\[\]]+|\[(?:\*|\d+)\])(?:\[(?:\*|\d+)\])*(?:\.[^.\[\]]+(?:\[(?:\*|\d+)\])*)*")
_STEP = re.compile(r"([^.\[\]]+)|\[(\*|\d+)\]")
_EACH = None
_TENSOR = {"name", "shape", "datatype", "data"}

Steps = tuple[str | int | None, ...]
"""A path: names, places in a list, and `_EACH` for each element of one."""


class UnmappedError(ValueError):
    """A body has no rows, or no decisions, where the mapping says; the message shows no value of it."""


@dataclass(frozen=True)
class JsonMapping:
    """Where the rows of a request, and the decisions of its answer, stand in their JSON.

    Paths are names parted by dots, with ``[*]`` (each element) or ``[0]``
    behind them, as ``predictions[*].label``. A body that is itself a list begins
    with ``[*]``.

    Parameters
    ----------
    prediction : str
        Path in the answer to the decisions, one a row.
    score : str, optional
        Path in the answer to the probabilities of the positive class.
    rows : str
        Path in the request to its rows; by default the body itself. There
        stands one object (a row), a list of objects, an object of lists, a list
        of lists whose `columns` are named, or tensors of the Open Inference Protocol.
    columns : mapping of str to str, or sequence of str, optional
        By field of a row (a path in it), the name of the column; or the names
        of all columns, of rows that are lists. By default each field is a
        column of its name.
    sensitive : mapping of str to str
        By field of a row, the sensitive attribute that it holds; what is among
        the columns under its own name need not be told again.
    ids, at : str, optional
        Fields of a row with the id, and with the time of the decision: seconds
        since 1970, or text as ISO 8601 has it. A row that lacks its time is of now.

    A field that stands outside of the rows is ``request:PATH`` or
    ``answer:PATH``, from the root of that body; a single value there is that of
    every row.

    Raises
    ------
    ConfigError
        All that is wrong with the paths and names.
    """

    prediction: str
    score: str | None = None
    rows: str = ""
    columns: Mapping[str, str] | Sequence[str] | None = None
    sensitive: Mapping[str, str] = field(default_factory=dict)
    ids: str | None = None
    at: str | None = None
    _steps: Mapping[str, Steps] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise ConfigError(problems)
        paths = {"", *(path for _, path in self._bodies()), *self._fields()}
        object.__setattr__(self, "_steps", {path: _steps(path) for path in paths})

    def read(self, request: Any, answer: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return the rows of a request, and what `Monitor.record` is told beside them.

        Raises
        ------
        UnmappedError
            Where a body is not as the mapping says.
        """
        rows = self._rows(request)
        bodies = {"request:": request, "answer:": answer}

        def values(path: str, key: str) -> list[Any]:
            steps = self._steps[path]
            for origin, body in bodies.items():
                if path.startswith(origin):
                    return _spread(_at(body, steps, key), len(rows), key)
            return [_within(row, steps) for row in rows]

        decided = _listed(_at(answer, self._steps[self.prediction], "prediction"))
        told: dict[str, Any] = {"prediction": _spread(decided, len(rows), "prediction")}
        if self.score is not None:
            told["score"] = _spread(_at(answer, self._steps[self.score], "score"), len(rows), "score")
        if self.sensitive:
            told["sensitive"] = {name: values(path, name) for path, name in self.sensitive.items()}
        if self.ids is not None:
            told["ids"] = values(self.ids, "ids")
            if (
                len(rows) > 1
                and self.ids.startswith(("request:", "answer:"))
                and len(set(map(str, told["ids"]))) == 1
            ):
                raise UnmappedError(f"ids: one value for {len(rows)} rows")
        if self.at is not None:
            told["at"] = values(self.at, "at")
        if isinstance(self.columns, Mapping):
            taken = [(name, self._steps[path]) for path, name in self.columns.items()]
            return [{name: _within(row, steps) for name, steps in taken} for row in rows], told
        return rows, told

    def _rows(self, request: Any) -> list[dict[str, Any]]:
        """Rows as objects, whatever they are in the request."""
        found = _at(request, self._steps[self.rows], "rows")
        if isinstance(found, dict):
            lists = found and all(isinstance(value, list) for value in found.values())
            return _turned(found) if lists else [found]
        if not isinstance(found, list):
            raise UnmappedError("rows: neither a list nor an object stands there")
        if all(isinstance(each, dict) for each in found):
            if found and all(each.keys() >= _TENSOR for each in found):
                return _turned({each["name"]: _listed(each["data"]) for each in found})
            return found
        names = self.columns
        if names is None or isinstance(names, Mapping) or not all(isinstance(each, list) for each in found):
            raise UnmappedError("rows: no list of objects, nor of lists whose columns are named")
        if any(len(each) != len(names) for each in found):
            raise UnmappedError(f"rows: a row has not the {len(names)} values whose columns are named")
        return [dict(zip(names, each, strict=True)) for each in found]

    def _bodies(self) -> Iterator[tuple[str, str]]:
        """Paths from the root of a body, and the keys that give them."""
        yield "prediction", self.prediction
        if self.score is not None:
            yield "score", self.score
        if self.rows:
            yield "rows", self.rows

    def _fields(self) -> dict[str, str]:
        """Fields of a row, and the keys that give them."""
        found = {path: f"sensitive.{path}" for path in self.sensitive}
        if isinstance(self.columns, Mapping):
            found |= {path: f"columns.{path}" for path in self.columns}
        return found | {path: key for key in ("ids", "at") if (path := getattr(self, key)) is not None}

    def _problems(self) -> Iterator[Problem]:
        for key, path in self._bodies():
            yield from _path_problems(key, path, most=1)
        for path, key in self._fields().items():
            inner = path.removeprefix("request:").removeprefix("answer:")
            yield from _path_problems(key, inner, most=0 if inner == path else 1)
        names = self.columns if not isinstance(self.columns, Mapping) else self.columns.values()
        if isinstance(names, str):
            yield Problem("columns", "one text: write a list of names, or a mapping of fields to names")
            return
        for name, times in Counter(names or ()).items():
            if times > 1:
                yield Problem("columns", f"{name!r} is the name of {times} columns")


def _turned(columns: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    """Columns as rows."""
    if len({len(values) for values in columns.values()}) > 1:
        raise UnmappedError("rows: columns of different lengths")
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _steps(path: str) -> Steps:
    inner = path.removeprefix("request:").removeprefix("answer:")
    return tuple(name or (_EACH if index == "*" else int(index)) for name, index in _STEP.findall(inner))


def _path_problems(key: str, path: str, most: int) -> Iterator[Problem]:
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        mended = str(path).replace("[]", "[*]")
        hint = mended if mended != path and _PATH.fullmatch(mended) else None
        yield Problem(key, f"{path!r} is no path, as predictions[*].label", hint)
    elif path.count("[*]") > most:
        found = "a field within a row has no [*]" if most == 0 else "a path has at most one [*]"
        yield Problem(key, f"{path!r}: {found}")


def _at(value: Any, steps: Steps, key: str) -> Any:
    """What a path leads to: a list where it has ``[*]``."""
    for place, step in enumerate(steps):
        if step is _EACH:
            if not isinstance(value, list):
                raise UnmappedError(f"{key}: there is no list where the path says")
            rest = steps[place + 1 :]
            return [_at(each, rest, key) for each in value] if rest else value
        try:
            value = value[step]
        except (LookupError, TypeError):
            raise UnmappedError(f"{key}: there is nothing where the path says") from None
    return value


def _within(row: Any, steps: Steps) -> Any:
    for step in steps:
        try:
            row = row[step]
        except (LookupError, TypeError):
            return None
    return row


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _spread(value: Any, rows: int, key: str) -> list[Any]:
    """One plain value a row; each may stand in a list of its own, as in a matrix of one column."""
    if not isinstance(value, list):
        return [value] * rows
    if len(value) != rows:
        raise UnmappedError(f"{key}: {len(value)} values for {rows} rows")
    found = [each[0] if isinstance(each, list) and len(each) == 1 else each for each in value]
    if any(isinstance(each, dict | list) for each in found):
        raise UnmappedError(f"{key}: a list or an object stands where one value should")
    return found
