"""Write trustkit.pot from the page's words, and a .mo beside each .po.

Run ``python trustkit/renderers/locale/make.py`` after a change of words.
"""

from __future__ import annotations

import ast
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

LOCALE = Path(__file__).resolve().parent
RENDERERS = LOCALE.parent
HEADER = r"""msgid ""
msgstr ""
"Project-Id-Version: trustkit\n"
"Content-Type: text/plain; charset=UTF-8\n"
"Content-Transfer-Encoding: 8bit\n"
"""

Message = tuple[str, str | None]


def messages() -> dict[Message, list[str]]:
    """Messages, singular and plural, with the files that have them."""
    found: dict[Message, list[str]] = {}
    for file in sorted([*RENDERERS.glob("*.py"), *RENDERERS.glob("templates/*.html")]):
        for message in _of_code(file) if file.suffix == ".py" else _of_template(file):
            names = found.setdefault(message, [])
            if file.name not in names:
                names.append(file.name)
    return found


def _of_code(file: Path) -> Iterator[Message]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("_text", "_count")
        ):
            texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if texts:
                yield texts[0], texts[1] if node.func.attr == "_count" else None


def _of_template(file: Path) -> Iterator[Message]:
    from jinja2 import Environment
    from jinja2.ext import extract_from_ast

    environment = Environment(
        extensions=["jinja2.ext.i18n"], autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.newstyle_gettext = True  # type: ignore[attr-defined]
    tree = environment.parse(file.read_text(encoding="utf-8"))
    for _, _, found in extract_from_ast(tree, babel_style=False):
        texts = [text for text in (found if isinstance(found, tuple) else (found,)) if text]
        yield texts[0], texts[1] if len(texts) > 1 else None


def template() -> str:
    """Text of the .pot."""
    blocks = [HEADER]
    for (one, many), files in sorted(messages().items()):
        plural = f"msgid_plural {_quoted(many)}\n" if many else ""
        empty = 'msgstr[0] ""\nmsgstr[1] ""\n' if many else 'msgstr ""\n'
        blocks.append(f"#: {' '.join(files)}\nmsgid {_quoted(one)}\n{plural}{empty}")
    return "\n".join(blocks)


def translations(text: str) -> dict[str, str]:
    """Messages of a .po as a .mo has them: plurals joined by NUL."""
    found: dict[str, str] = {}
    for block in re.split(r"\n\s*\n", text):
        fields = {
            name: "".join(map(_plain, re.findall(r'"((?:[^"\\]|\\.)*)"', body)))
            for name, body in re.findall(
                r'^(msg\w+(?:\[\d\])?)((?:\s*"(?:[^"\\]|\\.)*")+)', block, re.MULTILINE
            )
        }
        said = [fields[name] for name in sorted(fields) if name.startswith("msgstr")]
        if "msgid" in fields and all(said):
            key = "\0".join(fields[name] for name in ("msgid", "msgid_plural") if name in fields)
            found[key] = "\0".join(said)
    return found


def compiled(messages: Mapping[str, str]) -> bytes:
    """Bytes of a .mo."""
    pairs = sorted((key.encode(), value.encode()) for key, value in messages.items())
    start, size = 28 + 16 * len(pairs), len(pairs)
    places: list[tuple[int, int]] = []
    heap = b""
    for column in (0, 1):
        for pair in pairs:
            places.append((len(pair[column]), start + len(heap)))
            heap += pair[column] + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, size, 28, 28 + 8 * size, 0, start)
    return head + b"".join(struct.pack("<2I", *place) for place in places) + heap


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _plain(text: str) -> str:
    return text.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")


def main() -> None:
    """Write the files."""
    (LOCALE / "trustkit.pot").write_text(template(), encoding="utf-8")
    for file in LOCALE.glob("*/LC_MESSAGES/trustkit.po"):
        file.with_suffix(".mo").write_bytes(compiled(translations(file.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
