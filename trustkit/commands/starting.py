"""The command that begins: a commented configuration guessed from the data, and templates of documents."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trustkit.commands.options import FILE
from trustkit.commands.output import place_problems
from trustkit.errors import ConfigError, ModelError, Problem
from trustkit.renderers.words import clean

if TYPE_CHECKING:
    from trustkit.commands.guessing import Guess

DOCUMENTS_FOLDER = "docs/trustkit"
LOOKED_AT = 200_000
"""Rows that are looked at, the first ones: more would not tell more of what a column is."""

_TRIED = 50
"""Rows that a model is asked for, to see whether it takes them."""


@click.command()
@click.argument("model_and_data", nargs=-1, required=True, metavar="[MODEL] DATA")
@click.option("-o", "--output", type=FILE, default=Path("trustkit.toml"), show_default=True, metavar="FILE")
@click.option("--documents", is_flag=True, help=f"Write templates of documents into {DOCUMENTS_FOLDER}/ too.")
@click.option("--force", is_flag=True, help="Overwrite the configuration; a document is never overwritten.")
def init(model_and_data: tuple[str, ...], output: Path, documents: bool, force: bool) -> None:
    """Write a commented trustkit.toml, guessed from DATA and from MODEL, if there is one.

    MODEL is package.module:object, which is imported: that runs its code. No
    value of the data is written but classes. What is too uncertain is
    commented out; what must be decided before an audit is told.
    """
    if len(model_and_data) > 2:
        raise ConfigError([Problem(model_and_data[2], "one argument too many: init takes [MODEL] DATA")])
    if output.exists() and not force:
        raise ConfigError([Problem(str(output), "exists already; --force overwrites it")])
    problems = place_problems(output)
    if problems:
        raise ConfigError(problems)
    from trustkit.evidence import write_whole

    *models, data = model_and_data
    start = Start(output.parent, models[0] if models else None, data)
    named = start.documents(write=True) if documents else {}
    text = start.text(named)
    write_whole(output, text)
    click.echo(f"wrote {output}")
    for problem in start.undecided(text):
        click.echo(f"to decide: {clean(problem, 300)}", err=True)


class Start:
    """A configuration to begin with.

    Parameters
    ----------
    folder : Path
        Where it will lie.
    model : str or None
        As the command was given it.
    data : str
        The file, relative to the current folder.
    """

    def __init__(self, folder: Path, model: str | None, data: str) -> None:
        from trustkit.frames import Frame

        self.folder, self.data = folder, _relative(data, folder)
        whole = Frame.open(self.data, key=data, folder=folder)
        self.rows, self.frame = whole.rows, whole
        if whole.rows > LOOKED_AT:
            self.frame = Frame(next(whole.batches(whole.columns, LOOKED_AT)), whole.columns, [])
        self.model = model if model is None or ":" in model else _relative(model, folder)
        self.wrong: list[Problem] = []
        self.object = self._resolved()

    def _resolved(self) -> Any:
        from trustkit.models.objects import resolve

        if self.model is None:
            return None
        try:
            return resolve(self.model, folder=self.folder)
        except ConfigError as error:
            self.wrong = error.problems
            return None

    def guesses(self) -> list[Guess]:
        """Return what is guessed of the data."""
        from trustkit.commands.guessing import Guesses, look
        from trustkit.frames import label_text

        def bins(name: str, edges: Any) -> list[int]:
            import numpy as np

            numbers = self.frame.numbers(name)
            return np.histogram(numbers, [-np.inf, *edges, np.inf])[0].tolist()

        named = getattr(self.object, "feature_names_in_", None)
        classes = getattr(self.object, "classes_", None)
        return list(
            Guesses(
                look(self.frame),
                bins,
                features=None if named is None else [str(name) for name in named],
                classes=() if classes is None else [label_text(each) for each in classes],
                has_model=self.model is not None,
            ).all()
        )

    def text(self, documents: dict[str, str]) -> str:
        """Return the configuration."""
        guesses = self.guesses()
        first = f", of which the first {LOOKED_AT:,} were looked at" if self.rows > LOOKED_AT else ""
        columns = len(self.frame.columns)
        lines = [
            f"# Guessed from {_said(self.data)}: {self.rows:,} rows{first}, {columns} columns.",
            "# Each guess says what it rests on; what is commented out is too uncertain, or yours to say.",
            "",
            "[system]",
            f"name = {_toml(Path(self.data).stem)}  # from the name of the file",
            '# version = "..."  # a model card, and what is deployed, are compared with it',
            '# purpose = "..."  # what it decides, of whom, to what end',
            '# owner = "..."    # who answers for it: a team or a role',
        ]
        if self.model is not None:
            lines += [f"model = {_toml(self.model)}  # as given; an audit runs its code"]
        if any(guess.key == "target" and self._is_quantity(guess) for guess in guesses):
            lines += ['task = "regression"  # the target holds quantities, not classes']
        if "card" in documents:
            lines += [f"card = {_toml(documents['card'])}"]
        else:
            lines += ['# card = "MODEL_CARD.md"  # its documentation; --documents writes templates']
        lines += ["", "[data]", f"audit = {_toml(self.data)}"]
        lines += ['# sample = "..."  # what the rows stand for, as "all decisions of March 2026"']
        lines += [line for guess in guesses for line in _written(guess)]
        rest = {kind: path for kind, path in documents.items() if kind != "card"}
        if rest:
            lines += ["", "[documents]", "# Templates: fill them in; until then they count as missing."]
            lines += [f"{kind} = {_toml(path)}" for kind, path in rest.items()]
        return "\n".join(lines) + "\n"

    def _is_quantity(self, guess: Guess) -> bool:
        from trustkit.commands.guessing import MOST_CLASSES

        if not guess.sure or hasattr(self.object, "classes_"):
            return False
        return len(self.frame.labels(guess.value).names) > MOST_CLASSES + 1

    def documents(self, *, write: bool) -> dict[str, str]:
        """Return the file of each kind of document; those that are not there are written."""
        from trustkit.collectors.records import template_text
        from trustkit.config import DOCUMENTS
        from trustkit.evidence import write_whole

        folder = self.folder / DOCUMENTS_FOLDER
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError([Problem(str(folder), error.strerror or "cannot be made")]) from None
        named = {}
        for kind in ("card", *DOCUMENTS):
            file = folder / f"{kind}.md"
            if not file.exists() and write:
                write_whole(file, template_text(kind))
                click.echo(f"wrote {file}")
            else:
                click.echo(f"kept {file}, which is there already", err=True)
            named[kind] = f"{DOCUMENTS_FOLDER}/{kind}.md"
        return named

    def undecided(self, text: str) -> Iterator[Problem]:
        """Yield what an audit of this configuration would stop at, and what leaves it with little to say."""
        from trustkit.collectors.sources import Sources
        from trustkit.config import Config
        from trustkit.system import System

        config = Config.of(folder=self.folder, **tomllib.loads(text))
        if self.model is None and config.data.prediction is None:
            found = "no decision is named, and no model: hardly anything can be judged"
            yield Problem("data.prediction", found)
        if config.data.target is None:
            yield Problem("data.target", "no true outcome is named: errors cannot be judged")
        if not config.data.sensitive:
            yield Problem("data.sensitive", "no column of groups is named: no group can be compared")
        if self.model is None and not (config.data.prediction or config.data.target or config.data.sensitive):
            return  # nothing would be read
        try:
            sources = Sources.open(System(config=config))
        except ConfigError as error:
            yield from dict.fromkeys([*self.wrong, *error.problems])
            return
        if sources.model is not None:
            yield from self._tried(sources.model, sources.features)

    def _tried(self, model: Any, features: list[str]) -> Iterator[Problem]:
        """Ask the model for a few rows."""
        from trustkit.frames import Frame
        from trustkit.models.objects import predict

        few = next(self.frame.batches(features, _TRIED))
        try:
            predict(model, Frame(few, features, []), features, positive=None)
        except ModelError as error:
            yield Problem("data.features", f"the model does not take these columns: {error}")


def _relative(path: str, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _written(guess: Guess) -> Iterable[str]:
    """Lines of a guess: what it rests on, then the key, commented out where it is not sure."""
    yield from ("", f"# {_said(guess.why)}") if guess.key else (f"# {_said(guess.why)}",)
    if guess.key:
        yield f"{'' if guess.sure else '# '}{guess.key} = {_toml(guess.value)}"


def _said(text: str) -> str:
    """Text fit for a comment: inert, on one line."""
    return clean(text, 400)


def _toml(value: Any) -> str:
    """Write a value as TOML."""
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, float):
        return f"{value:g}"
    return value if re.fullmatch(r"-?(0|[1-9][0-9]{0,14})", value) else _text(value)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)


def _text(value: str) -> str:
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)


COMMANDS = (init,)
