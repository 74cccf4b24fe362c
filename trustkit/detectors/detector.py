"""What a detector is, and what it finds in a column: by its name, by the shape of its values, by proof."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from trustkit.evidence.contents import Hits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trustkit.detectors.content import Content

    Places: TypeAlias = NDArray[np.intp]

IDENTIFIERS, SPECIAL, SECRETS = "identifiers", "special", "secrets"
"""Families of detectors: each check reads one."""


class Words(Protocol):
    """What finds words in the name of a column: a pattern, or what stands for one."""

    def search(self, name: str, /) -> object | None:
        """Return None where none of them is in the name."""


@dataclass(frozen=True)
class Detector:
    """One thing to look for.

    Attributes
    ----------
    name : str
        As ``kz-iin``; unique.
    family : str
        `IDENTIFIERS`, `SPECIAL` or `SECRETS`.
    title : str
        Noun phrase for messages, in the plural.
    find : callable
        Of a `Content`: the places of the values that have its shape, and of
        those that are proven to be it, each value once. Proven are shapes
        that nothing else has, or those whose check digit agrees.
    words : Words
        Found in `Content.spoken`, the words of a column's name.
    chance : float
        Share of the values of its shape that its check digit lets pass by
        chance, at most; 0 where there is no check digit. Where there is one, a value
        that it does not let pass is none, whatever the column's name says.
    """

    name: str
    family: str
    title: str
    find: Callable[[Content], tuple[Places, Places]]
    words: Words | None = None
    chance: float = 0.0


def examine(content: Content, detectors: Iterable[Detector]) -> dict[str, Hits]:
    """Return what each detector finds in a column; those that find nothing are left out."""
    found = {}
    for each in detectors:
        shaped, proven = each.find(content)
        named = each.words is not None and each.words.search(content.spoken) is not None
        if named or len(shaped) or len(proven):
            found[each.name] = Hits(named, len(shaped), len(proven))
    return found
