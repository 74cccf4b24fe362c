"""How a document is read: front matter, headings, tables of Markdown, CSV, TOML, YAML, JSON, security.txt."""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeAlias

from trustkit.collectors.croissant import dataset_of, facts_of, required_of, sections_of

MOST_BYTES = 1 << 20
"""A larger document is not read."""

MOST_FACTS = 1 << 16
"""Bytes of front matter, YAML or TOML that are read."""

MOST_ROWS = 10_000
_MOST_COLUMNS = 100
_MOST_HEADINGS = 2000
_MOST_LINE = 10_000
_MOST_DEPTH = 20
_MOST_NODES = 10_000

Tree: TypeAlias = "str | list[Tree] | dict[str, Tree]"
"""Front matter: text, lists and mappings; a number stays as it was written."""


class PageError(ValueError):
    """A document, or its front matter, cannot be read; the message shows none of its text."""


@dataclass(frozen=True)
class Heading:
    """A heading, the names it goes by, and whether anything stands under it."""

    title: str
    names: tuple[str, ...]
    filled: bool
    level: int = 1
    optional: bool = False


@dataclass(frozen=True)
class Table:
    """A table: its header, and its rows as wide as the header."""

    header: tuple[str, ...]
    rows: list[list[str]]


@dataclass(frozen=True)
class Page:
    """A document, parted.

    Attributes
    ----------
    facts : dict
        Its front matter.
    headings : list of Heading
        In order.
    tables : list of Table
        In order.
    lines : list of str
        What stands outside of front matter, comments and code.
    problem : str
        What is wrong with its front matter; empty where nothing is.
    required : dict of str to bool
        What its own format requires of it, and whether that is there.
    """

    facts: dict[str, Tree] = field(default_factory=dict)
    headings: list[Heading] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    problem: str = ""
    required: dict[str, bool] = field(default_factory=dict)


def read_page(name: str, data: bytes) -> Page:
    """Part a document by the suffix of its name; what has no known one is read as Markdown.

    Raises
    ------
    PageError
        Where it is no text, or too large.
    """
    if len(data) > MOST_BYTES:
        raise PageError(f"larger than {MOST_BYTES >> 20} MB")
    if data.startswith(b"%PDF") or b"\0" in data:
        raise PageError("not text: write it as Markdown, CSV or TOML")
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        raise PageError("not UTF-8 text") from None
    if name.lower().endswith("security.txt"):
        return _security_txt(text)
    readers = {"csv": _csv, "toml": _toml_page, "yaml": _yaml_page, "yml": _yaml_page}
    readers |= {"json": _json_page, "jsonld": _json_page}
    return readers.get(name.lower().rpartition(".")[2], _markdown)(text)


# Whether text says anything

_MARKUP = re.compile(r"[*_`~>#|\\]+|^\s*(?:[-+]|\d{1,4}[.)])(?=\s|$)")
_STANDS_IN = re.compile(
    r"\[\s*(?:more information needed|todo|tbd|insert|describe|your|name|date|link|to be)\b[^\[\]]{0,200}\]"
    r"|\{\{[^{}]{0,200}\}\}|<[^<>@:/]{0,200}>|\b(?:tbd|tba|fixme|xxx)\b|\.\.\.|\u2026",
    re.IGNORECASE,
)
_EMPTY = re.compile(
    r"(?:todo|to be (?:written|done|decided|defined|added|determined|completed)|lorem ipsum|coming soon"
    r"|work in progress|n/?a$|null$|~$|none yet$|\?+$|not yet (?:written|known|decided))",
    re.IGNORECASE,
)


def says(text: str) -> bool:
    """Tell whether a line or a cell says anything: not blank, no placeholder, no label without a value."""
    rest = _MARKUP.sub(" ", _STANDS_IN.sub(" ", text[:_MOST_LINE])).strip(" \t.,;-[]()")
    if not any(character.isalnum() for character in rest) or _EMPTY.match(rest):
        return False
    return not rest.endswith(":")


# Markdown


def _markdown(text: str) -> Page:
    facts, problem, body = _front_matter(text)
    plain, comments = _without_comments(body)
    lines = [line[:_MOST_LINE] for line in plain.split("\n")]
    code = _code(lines)
    headings = _headings(lines, code, comments)
    tables = list(islice(_tables(lines, code), _MOST_COLUMNS))
    kept = [line for line, fenced in zip(lines, code, strict=True) if not fenced]
    return Page(facts, headings, tables, kept, problem)


def _front_matter(text: str) -> tuple[dict[str, Tree], str, str]:
    """Front matter, what is wrong with it, and the rest of the text."""
    first = text.split("\n", 1)[0].rstrip()
    if first not in ("---", "+++"):
        return {}, "", text
    ends = ("---", "...") if first == "---" else ("+++",)
    lines = text.split("\n")
    end = next((at for at, line in enumerate(lines[1:], 1) if line.rstrip() in ends), None)
    if end is None:
        return {}, "its front matter has no end", text
    written, rest = "\n".join(lines[1:end]), "\n".join(["", *lines[end + 1 :]])
    try:
        return (_yaml if first == "---" else _toml)(written, above=1), "", rest
    except PageError as error:
        return {}, f"its front matter is {error}", rest


def _without_comments(text: str) -> tuple[str, dict[int, str]]:
    """Text without HTML comments, line by line as before; and the comments by the line they begin on."""
    parts, comments = [], {}
    at = line = 0
    while (start := text.find("<!--", at)) >= 0:
        parts.append(text[at:start])
        line += text.count("\n", at, start)
        end = text.find("-->", start + 4)
        comment = text[start + 4 : end if end >= 0 else len(text)]
        comments[line] = comment
        parts.append("\n" * comment.count("\n"))
        line += comment.count("\n")
        at = end + 3 if end >= 0 else len(text)
    return "".join([*parts, text[at:]]), comments


def _code(lines: list[str]) -> list[bool]:
    """Tell of each line whether it is in a block of code."""
    inside, made = "", []
    for line in lines:
        start = line.lstrip()[:3]
        if inside:
            made.append(True)
            inside = "" if start == inside else inside
        else:
            inside = start if start in ("```", "~~~") else ""
            made.append(bool(inside))
    return made


def _headings(lines: list[str], code: list[bool], comments: Mapping[int, str]) -> list[Heading]:
    found: list[tuple[int, str, int]] = []  # level, title, line
    filled: list[bool] = []
    for at, line in enumerate(lines):
        level, title = (0, "") if code[at] else _heading(lines, at, code)
        if level and len(found) < _MOST_HEADINGS:
            found.append((level, title, at))
            filled.append(False)
        elif found and not filled[-1] and not _is_rule(lines, at):
            filled[-1] = says(line)
    above = _above([level for level, _, _ in found])
    for at in range(len(found) - 1, -1, -1):  # what stands under a heading stands under the one above it
        if above[at] >= 0:
            filled[above[at]] |= filled[at]
    return [
        _named(level, title, says_it, comments.get(at, ""))
        for (level, title, at), says_it in zip(found, filled, strict=True)
    ]


def _above(levels: list[int]) -> list[int]:
    """Place of the heading that each stands under; -1 where there is none."""
    open_: list[int] = []
    places = []
    for at, level in enumerate(levels):
        while open_ and levels[open_[-1]] >= level:
            open_.pop()
        places.append(open_[-1] if open_ else -1)
        open_.append(at)
    return places


def _heading(lines: list[str], at: int, code: list[bool]) -> tuple[int, str]:
    """Level and title of a heading that begins on a line; level 0 where none does."""
    line = lines[at].strip()
    level = len(line) - len(line.lstrip("#"))
    if 1 <= level <= 6 and line[level : level + 1] in ("", " ", "\t"):
        return level, line[level:].strip().rstrip("#").strip()
    below = lines[at + 1].strip() if at + 1 < len(lines) and not code[at + 1] else ""
    if line and len(below) >= 3 and below.strip("=-") == "" and len({*below}) == 1 and "|" not in line:
        is_list = line[:2] in ("- ", "* ", "+ ") or line[0] == ">"
        return (0, "") if is_list or line.strip("=-") == "" else (1 if below[0] == "=" else 2, line)
    return 0, ""


def _is_rule(lines: list[str], at: int) -> bool:
    """Tell whether a line only rules: an underline, or the header of a table."""
    line = lines[at].strip()
    below = lines[at + 1].strip() if at + 1 < len(lines) else ""
    return not line.strip("=-|: \t") or ("|" in line and _is_separator(below))


def _named(level: int, title: str, filled: bool, comment: str) -> Heading:
    """Heading with the names it goes by: its title, an ``{#anchor}``, and those of a comment ``also:``."""
    anchor = ""
    if title.endswith("}") and (start := title.rfind("{#")) >= 0:
        title, anchor = title[:start].strip(), title[start + 2 : -1]
    also = comment.partition("also:")[2].split(";") if "also:" in comment else []
    names = tuple(name for name in map(slug, (title, anchor, *also)) if name)
    return Heading(title[:100], names, filled, level, comment.strip().startswith("optional"))


def slug(text: str) -> str:
    """Letters and digits in lower case, words joined by hyphens."""
    return "-".join(re.findall(r"\w+", text[:200].replace("_", " ").casefold()))


def _tables(lines: list[str], code: list[bool]) -> Iterator[Table]:
    at = 0
    while at + 1 < len(lines):
        if code[at] or "|" not in lines[at] or not _is_separator(lines[at + 1]):
            at += 1
            continue
        header = _cells(lines[at])[:_MOST_COLUMNS]
        at += 2
        rows: list[list[str]] = []
        while at < len(lines) and "|" in lines[at] and not code[at]:
            if len(rows) < MOST_ROWS:
                rows.append((_cells(lines[at]) + [""] * len(header))[: len(header)])
            at += 1
        yield Table(tuple(header), _that_say(rows))


def _is_separator(line: str) -> bool:
    return "-" in line and "|" in line and not line.strip(" \t|:-")


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", inner)]


def _that_say(rows: list[list[str]]) -> list[list[str]]:
    """Rows of which some cell says something: the rest are a template's."""
    return [row for row in rows if any(map(says, row))]


# Front matter: YAML and TOML, every scalar as it was written


def _yaml(text: str, above: int = 0) -> dict[str, Tree]:
    """Read YAML of plain text, lists and mappings.

    Read by ``BaseLoader``: it makes text of every scalar, so that version 1.10
    stays 1.10, 0.80 keeps its digits, and no tag makes an object. Aliases,
    which can stand for billions of nodes, are refused, as is great depth.
    """
    import yaml

    if len(text.encode()) > MOST_FACTS:
        raise PageError(f"larger than {MOST_FACTS >> 10} KB")
    try:
        depth = 0
        for count, event in enumerate(yaml.parse(text, Loader=yaml.BaseLoader)):
            opens, closes = yaml.CollectionStartEvent, yaml.CollectionEndEvent
            depth += isinstance(event, opens) - isinstance(event, closes)
            if isinstance(event, yaml.AliasEvent) or depth > _MOST_DEPTH or count > _MOST_NODES:
                raise PageError("not plain: it has aliases, or is nested too deeply or too long")
        tree = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 (makes text, lists and dicts alone)
    except yaml.MarkedYAMLError as error:
        line = f": line {error.problem_mark.line + 1 + above}" if error.problem_mark else ""
        raise PageError(f"not YAML{line}") from None
    except (yaml.YAMLError, ValueError, RecursionError, TypeError, AttributeError) as error:
        if isinstance(error, PageError):
            raise
        raise PageError("not YAML") from None
    if tree is None or tree == "":
        return {}
    if not isinstance(tree, dict):
        raise PageError("not a mapping")
    return _texts(tree)


def _toml(text: str, above: int = 0) -> dict[str, Tree]:
    if len(text.encode()) > MOST_FACTS:
        raise PageError(f"larger than {MOST_FACTS >> 10} KB")
    try:
        return _texts(tomllib.loads(text, parse_float=str))
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise PageError(f"not TOML{f': line {int(line[1]) + above}' if line else ''}") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, PageError):
            raise
        raise PageError("not TOML") from None


def _texts(tree: Mapping[Any, Any]) -> dict[str, Tree]:
    """Tree with every scalar as text."""
    nodes = 0

    def text_of(value: Any, depth: int) -> Tree:
        nonlocal nodes
        nodes += 1
        if depth > _MOST_DEPTH or nodes > _MOST_NODES:
            raise PageError("nested too deeply or too long")
        if isinstance(value, Mapping):
            return {str(key): text_of(each, depth + 1) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [text_of(each, depth + 1) for each in value]
        if isinstance(value, bool):
            return "true" if value else "false"
        return "" if value is None else str(value)

    made = text_of(tree, 0)
    return made if isinstance(made, dict) else {}


def filled(tree: Tree) -> bool:
    """Tell whether a fact says anything."""
    if isinstance(tree, dict):
        return any(map(filled, tree.values()))
    return any(map(filled, tree)) if isinstance(tree, list) else says(tree)


def _toml_page(text: str) -> Page:
    return _mapped(_toml, text)


def _yaml_page(text: str) -> Page:
    return _mapped(_yaml, text)


def _json_page(text: str) -> Page:
    """Page of a JSON object; one about a data set is read as Croissant."""
    try:
        tree = json.loads(text, parse_float=str, parse_int=str)
        if not isinstance(tree, dict):
            raise PageError("not a mapping")
        dataset = dataset_of(tree)
        return _mapped(lambda _: _texts(tree), text) if dataset is None else _croissant_page(dataset)
    except PageError as error:
        return Page(problem=str(error))
    except (ValueError, RecursionError):
        return Page(problem="not JSON")


def _croissant_page(dataset: Mapping[str, Any]) -> Page:
    said = {
        title: bool(values) and filled(_texts({"": values})) for title, values in sections_of(dataset).items()
    }
    required = {name: filled(_texts({"": value})) for name, value in required_of(dataset).items()}
    headings = [Heading(title, (slug(title),), says_it) for title, says_it in said.items()]
    return Page(_texts(facts_of(dataset)), headings, required=required)


def _mapped(reader: Any, text: str) -> Page:
    """Page of a mapping: each key is a fact and a heading, each list of mappings a table."""
    try:
        tree = reader(text)
    except PageError as error:
        return Page(problem=str(error))
    tables = []
    for value in tree.values():
        if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            entries = [each for each in value if isinstance(each, dict)][:MOST_ROWS]
            header = tuple(dict.fromkeys(key for each in entries for key in each))[:_MOST_COLUMNS]
            rows = [[_flat(each.get(key, "")) for key in header] for each in entries]
            tables.append(Table(header, _that_say(rows)))
    return Page(tree, _of_facts(tree), tables)


def _of_facts(facts: Mapping[str, Tree]) -> list[Heading]:
    """Facts as headings, where a form has none."""
    return [Heading(key[:100], (slug(key),), filled(value)) for key, value in facts.items()]


def _flat(tree: Tree) -> str:
    if isinstance(tree, dict):
        return ", ".join(f"{key}={_flat(value)}" for key, value in tree.items())
    return ", ".join(map(_flat, tree)) if isinstance(tree, list) else tree


# CSV and security.txt


def _csv(text: str) -> Page:
    """Read a register: lines ``# key: value`` first, then a header and rows."""
    lines = text.split("\n")
    start = next((at for at, line in enumerate(lines) if not line.startswith("#")), len(lines))
    facts: dict[str, Tree] = {key: value for line in lines[:start] for key, value in _field(line[1:])}
    try:
        reader = csv.reader(io.StringIO("\n".join(lines[start:])))
        header = next(reader, [])[:_MOST_COLUMNS]
        rows = [(row + [""] * len(header))[: len(header)] for row in islice(reader, MOST_ROWS)]
    except csv.Error:
        return Page(facts, _of_facts(facts), problem="not a readable csv file")
    table = Table(tuple(cell.strip() for cell in header), _that_say(rows))
    return Page(facts, _of_facts(facts), [table])


def _security_txt(text: str) -> Page:
    """Read RFC 9116: ``Field: value`` lines; a comment may say the same of what the RFC has no field for."""
    lines = [line.strip().lstrip("#").strip() for line in text.split("\n")[:MOST_ROWS]]
    facts: dict[str, Tree] = {}
    for key, value in (pair for line in lines for pair in _field(line[:_MOST_LINE])):
        facts.setdefault(key, value)
    return Page(facts, _of_facts(facts), lines=lines)


def _field(line: str) -> Iterator[tuple[str, str]]:
    key, colon, value = line.partition(":")
    if colon and re.fullmatch(r"\s*[A-Za-z][A-Za-z _-]{0,40}", key):
        yield slug(key).replace("-", "_"), value.strip()
