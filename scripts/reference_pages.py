"""Write the pages of the configuration and of the commands: ``python -m scripts.reference_pages``."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from trustkit.cli import app

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "reference"
SCHEMA = ROOT / "trustkit" / "schemas" / "config.schema.json"

Schema = Mapping[str, Any]

HEADS = {
    "limits": '[limits."CHECK"]',
    "options": '[options."CHECK"]',
    "attestations": '[attestations."CONTROL"]',
    "model": "[model.http]",
    "waivers": "[[waivers]]",
    "expectations": "[[expectations]]",
}
"""How a table is headed that stands once for each check, control or waiver."""

INTRODUCTION = """\
`trustkit.toml`, else `[tool.trustkit]` in `pyproject.toml`. Paths are relative to the file. Unknown keys, \
wrong types, missing files and columns are reported together, before any work starts; \
`trustkit check-config` does it without the data. Days are UTC and valid through the day named. In Python \
the keys of `[system]` and `[data]` are keyword arguments of `audit` and `System`.

Complete ones: [a decision log](../../examples/decision-log/trustkit.toml), \
[a model with its documents](../../examples/income/trustkit.toml). For editors: \
[the JSON Schema](../../trustkit/schemas/config.schema.json)."""

WORDS = {
    "date": "date",
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
}
BOUNDS = {
    "exclusiveMinimum": "above",
    "minimum": "at least",
    "exclusiveMaximum": "below",
    "maximum": "at most",
}


def pages() -> dict[str, str]:
    """Markdown pages by file name."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    made = {"configuration.md": configuration(schema), "commands.md": commands(app)}
    return {name: "\n\n".join(blocks) + "\n" for name, blocks in made.items()}


def configuration(schema: Schema) -> Iterator[str]:
    """Blocks of the page of the configuration: a table of keys for each of its tables."""
    yield "# Configuration"
    yield "Generated from its JSON Schema by `python -m scripts.reference_pages`."
    yield INTRODUCTION
    for name, table in schema["properties"].items():
        keys = _keys(schema, table)
        yield f"## `{HEADS.get(name, f'[{name}]')}`"
        yield keys.get("description") or table["description"]
        yield _table(("key", "type", "default", "what it is"), _rows(keys))


def _keys(schema: Schema, table: Schema) -> Schema:
    """Schema of the innermost table: of a section, or of what stands under each check, control or waiver."""
    if "$ref" in table:
        section = schema["$defs"][table["$ref"].rpartition("/")[2]]
        only = [of for of in section["properties"].values() if "$ref" in of]
        return _keys(schema, only[0]) if len(only) == len(section["properties"]) else section
    inner = [*table.get("patternProperties", {}).values(), *([table["items"]] if "items" in table else [])]
    nested = [of for of in inner if "$ref" in of or of.get("type") == "object"]
    return _keys(schema, nested[0]) if nested else table


def _rows(keys: Schema) -> Iterator[tuple[str, str, str, str]]:
    required = keys.get("required", ())
    for key, of in _named(keys):
        default = f"`{json.dumps(of['default'])}`" if of.get("default") not in (None, [], {}) else ""
        yield f"`{key}`", _type(of), "required" if key in required else default, of.get("description", "")


def _named(keys: Schema) -> Iterator[tuple[str, Schema]]:
    """Each key of a table and its schema; of a table by name, the names that there may be."""
    yield from keys.get("properties", {}).items()
    for pattern, of in keys.get("patternProperties", {}).items():
        names = ("min_METRIC", "max_METRIC") if pattern.startswith("^(min|max)") else ("OPTION",)
        yield from ((name, of) for name in names)
    for name in keys.get("propertyNames", {}).get("enum", ()):
        yield name, keys["additionalProperties"]


def _type(of: Schema) -> str:
    kind = of.get("format", of.get("type"))
    if "enum" in of or "const" in of:
        return _either([f"`{json.dumps(value)}`" for value in of.get("enum", [of.get("const")])])
    if "anyOf" in of:
        kinds = list(dict.fromkeys(map(_type, of["anyOf"])))
        return _either([k for k in kinds if k != "whole number" or "number" not in kinds])
    if kind == "array":
        return f"list of {_type(of['prefixItems'][0] if 'prefixItems' in of else of['items'])}"
    if kind == "object":
        values = of.get("patternProperties", {}).values()
        return f"table of {_type(next(iter(values), of['additionalProperties']))}"
    bounds = [f" {word} {of[bound]:g}" for bound, word in BOUNDS.items() if bound in of]
    return WORDS.get(kind, "anything") + ",".join(bounds)


def _either(words: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def commands(group: click.Group) -> Iterator[str]:
    """Blocks of the page of the commands: usage, help and options of each."""
    yield "# Commands"
    yield "Generated from the commands by `python -m scripts.reference_pages`."
    yield _help(group)
    for command in group.commands.values():
        yield from _command(command, f"trustkit {command.name}")


def _command(command: click.Command, name: str) -> Iterator[str]:
    context = click.Context(command, info_name=name)
    yield f"## {name}"
    yield f"```text\n{' '.join([name, *command.collect_usage_pieces(context)])}\n```"
    yield _help(command)
    options = (param for param in command.params if isinstance(param, click.Option))
    records = [record for option in options if (record := option.get_help_record(context))]
    if records:
        yield _table(("option", "what it does"), ((f"`{names}`", help) for names, help in records))


def _help(command: click.Command) -> str:
    return inspect.cleandoc(command.help or "").replace("\b\n", "")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table without the columns that are empty."""
    filled = list(rows)
    kept = [place for place in range(len(heads)) if any(row[place] for row in filled)]
    lines = [[row[place] for place in kept] for row in (heads, ["---"] * len(heads), *filled)]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
