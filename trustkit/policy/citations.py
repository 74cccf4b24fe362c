"""The clauses that controls cite, by framework, and whether their text was read."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from trustkit.policy import Control


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Clause(_Part):
    """A clause in our own words.

    Attributes
    ----------
    title : str
        What it asks.
    status : {"read", "secondary", "memory"}
        Whether its text was read, seen in another's words, or remembered.
    uncited : str or None
        Why no control cites it, where none does.
    """

    title: str
    status: Literal["read", "secondary", "memory"]
    uncited: str | None = None


class Framework(_Part):
    """A text that controls are related to.

    Attributes
    ----------
    id : str
        As in a crosswalk.
    name : str
        Short, as people call it.
    cites : str or None
        With what its clauses begin among a control's sources.
    title, url, text : str
        What it is, where it is, and how far it was read.
    clauses : mapping of str to Clause
        By the id that the text gives them.
    """

    id: str
    name: str
    cites: str | None = None
    title: str
    url: str = ""
    text: str
    clauses: Mapping[str, Clause]


@cache
def frameworks() -> dict[str, Framework]:
    """Texts whose clauses are described, by id."""
    folder = files("trustkit.policy") / "clauses"
    made = [Framework.model_validate(tomllib.loads(file.read_text("utf-8"))) for file in folder.iterdir()]
    return {framework.id: framework for framework in sorted(made, key=lambda framework: framework.id)}


def cited(control: Control) -> Iterator[tuple[str, Framework, str]]:
    """Each clause of a described text that a control cites: as the card names it, the text, its id there."""
    texts = [(f"{framework.cites} ", framework) for framework in frameworks().values() if framework.cites]
    for source in control.sources:
        for name, framework in texts:
            if source.startswith(name):
                yield source, framework, source.removeprefix(name)
    for id, clauses in control.crosswalk.items():
        if id in frameworks():
            for clause in clauses:
                yield f"{id} {clause}", frameworks()[id], clause


def unconfirmed(control: Control) -> tuple[str, ...]:
    """Cited clauses whose text was not read, or which are not described at all."""
    return tuple(
        name
        for name, framework, clause in cited(control)
        if clause not in framework.clauses or framework.clauses[clause].status != "read"
    )
