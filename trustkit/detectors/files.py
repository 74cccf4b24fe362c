"""Files by their content: tables, notebooks, text, and the rest; and the texts in a notebook."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

LARGEST = 32 << 20
"""Bytes of a text file up to which it is read."""

SETTINGS = (".cfg", ".conf", ".env", ".ini", ".properties", ".toml", ".yaml", ".yml")
"""Endings of files of settings."""

_HEAD = 1 << 16
_LINES = 20
_TABLES = {b"PAR1": "parquet", b"ARROW1": "arrow", b"FEA1": "feather"}
_CONTROLS = re.compile(r"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_DELIMITERS = (",", ";", "\t", "|")

_RECORDS = re.compile(r"\s*\[\s*\{")

Kind: TypeAlias = Literal["parquet", "arrow", "feather", "csv", "jsonl", "json", "notebook", "text", "other"]


@dataclass(frozen=True)
class Part:
    """A text within a file.

    Attributes
    ----------
    where : str
        Its place: ``cell 3, output``; empty for the whole file.
    text : str
        The text itself.
    """

    where: str
    text: str


def kind_of(path: Path) -> tuple[Kind, str]:
    """Tell what a file is by its first bytes, and how the values of a csv are parted.

    ``json`` is a list of records, ``jsonl`` one record a line. A name ending in
    ``.csv`` or ``.jsonl`` decides only of text that could be either: a table of
    one column, or of one record.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    for magic, table in _TABLES.items():
        if head.startswith(magic):
            return table, ""  # type: ignore[return-value]
    text = _text(head, whole=len(head) < _HEAD)
    if text is None:
        return "other", ""
    suffix = path.suffix.lower()
    lines = [line for line in text.splitlines() if line.strip()][: _LINES + 1]
    whole = lines[:-1] if len(head) == _HEAD and len(lines) > 1 else lines[:_LINES]
    records = [isinstance(_json(line), dict) for line in whole[:2]]
    if records == [True, True] or (records[:1] == [True] and suffix in (".jsonl", ".ndjson")):
        return "jsonl", ""
    if _RECORDS.match(text):
        return "json", ""
    if text.lstrip()[:1] in ("{", "["):
        return ("notebook", "") if re.search(r'"nbformat"|"cell_type"', text) else ("text", "")
    delimiter = _delimiter(whole)
    return ("csv", delimiter or ",") if delimiter or suffix == ".csv" else ("text", "")


def text_of(path: Path) -> str | None:
    """Return the text of a file; None where it is none, or too long."""
    if path.stat().st_size > LARGEST:
        return None
    return _text(path.read_bytes(), whole=True)


def is_settings(path: Path) -> bool:
    """Tell by its name whether a file is one of settings."""
    return path.suffix.lower() in SETTINGS or path.name.startswith(".env")


def parts_of(text: str) -> Iterator[Part]:
    """Yield the texts of a notebook, cell by cell, without its pictures; of other files the whole."""
    tree = _json(text) if text.lstrip()[:1] == "{" and '"cells"' in text else None
    cells = tree.get("cells") if isinstance(tree, dict) else None
    if not isinstance(tree, dict) or not isinstance(cells, list):
        yield Part("", text)
        return
    for number, cell in enumerate(cells, 1):
        if isinstance(cell, dict):
            yield Part(f"cell {number}", _joined(cell.get("source")))
            for output in cell.get("outputs") or ():
                yield from (Part(f"cell {number}, output", told) for told in _output(output))
    rest = {key: value for key, value in tree.items() if key != "cells"}
    yield Part("metadata", json.dumps(rest, ensure_ascii=False))


def _output(output: Any) -> Iterator[str]:
    if not isinstance(output, dict):
        return
    data = output.get("data")
    for kind, told in data.items() if isinstance(data, dict) else ():
        if kind.startswith("text/") or kind == "application/json":
            yield _joined(told)
    for key in ("text", "traceback", "evalue"):
        if key in output:
            yield _joined(output[key])


def _joined(told: Any) -> str:
    if isinstance(told, str):
        return told
    if isinstance(told, list):
        return "".join(each for each in told if isinstance(each, str))
    return "" if told is None else json.dumps(told, ensure_ascii=False)


def _text(data: bytes, *, whole: bool) -> str | None:
    """Decode text; one that is cut may end within a character."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if whole or error.start < len(data) - 3:
            return None
        text = data[: error.start].decode("utf-8-sig")
    return None if not text or _CONTROLS.search(text[:_HEAD]) else text


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _delimiter(lines: list[str]) -> str:
    """Return the sign that parts every line into equally many values, two at least; empty where none does."""
    for sign in _DELIMITERS:
        try:
            widths = {len(row) for row in csv.reader(lines, delimiter=sign)}
        except csv.Error:
            continue
        if len(lines) > 1 and len(widths) == 1 and widths != {1}:
            return sign
    return ""
