# ruff: noqa: RUF001 (letters of other scripts are what it is about)
"""Content: a column made ready for matching, its values spelled one way and laid end to end."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from trustkit.detectors.values import Values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

_COMPOSED = 256
"""Longest value whose letters and marks are put together: to sort marks takes time with their square."""

_LOOK_ALIKES = str.maketrans("АВЕЅІЈКМНОРСТУХаеорсухіјѕ", "ABESIJKMHOPCTYXaeopcyxijs")
_CAMEL = re.compile(r"(?<=[a-zа-яё0-9])(?=[A-ZА-ЯЁ])")
_NUMBER = re.compile(r"(?<![\w.,:/+\-])\d+(?:[ \-]\d+)*(?:\.0+)?(?![\w:/]|[.,\-]\d)")
_DAY = re.compile(r"(?:19|20)\d\d-\d\d-\d\d|\d\d-\d\d-(?:19|20)\d\d")
_SHORTEST, _FARTHEST = 7, 20


@dataclass(frozen=True)
class Tokens:
    """Numbers of one length.

    Attributes
    ----------
    places : ndarray of int, shape (tokens,)
        In which value each stands.
    digits : ndarray of int, shape (tokens, length)
        Its digits.
    """

    places: NDArray[np.intp]
    digits: NDArray[np.int64]


@dataclass(frozen=True)
class Content:
    """A column, or the texts of a file, as detectors read them.

    Attributes
    ----------
    name : str
        Its name; empty where it has none.
    texts : list of str
        The distinct values: compatibility forms, foreign digits and odd
        spaces as plain ones, without invisible characters and line breaks.
    numbers : bool
        Whether the values are numbers, which lose leading zeros.
    """

    name: str
    texts: list[str]
    numbers: bool = False

    @classmethod
    def of(cls, name: str, values: Values) -> Content:
        """Spell the values of a column one way."""
        return cls(name, plain(values.texts), values.numbers)

    @cached_property
    def spoken(self) -> str:
        """Words of the name in small letters: ``client iin`` of ``clientIIN`` and ``CLIENT_IIN``."""
        return spoken(self.name)

    @cached_property
    def joined(self) -> str:
        """All values, a line each."""
        return "\n".join(self.texts)

    @cached_property
    def latin(self) -> str:
        """`joined` with the Cyrillic letters that look like Latin ones in Latin."""
        return self.joined if self.joined.isascii() else self.joined.translate(_LOOK_ALIKES)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where each value begins in `joined`."""
        lengths = np.array([len(text) + 1 for text in self.texts], dtype=np.int64)
        return np.concatenate(([0], np.cumsum(lengths)[:-1])) if len(lengths) else lengths

    def places(self, offsets: Iterable[int]) -> NDArray[np.intp]:
        """Return the values, each once, in which offsets into `joined` lie."""
        at = np.fromiter(offsets, dtype=np.int64)
        return np.unique(np.searchsorted(self.starts, at, side="right") - 1)

    def search(self, pattern: re.Pattern[str], *, latin: bool = False) -> NDArray[np.intp]:
        """Return the values in which a pattern occurs, which must match no line break."""
        return self.places(each.start() for each in pattern.finditer(self.latin if latin else self.joined))

    def tokens(self, length: int) -> Tokens:
        """Return the numbers of so many digits, with or without spaces and hyphens in them."""
        return self._tokens.get(length, _NONE)

    @cached_property
    def _tokens(self) -> Mapping[int, Tokens]:
        by_length: dict[int, tuple[list[int], list[str]]] = {}
        for match in _NUMBER.finditer(self.joined):
            text = match[0].split(".")[0]
            whole = [text] if text.isdigit() or not _DAY.search(text) else []
            parts = [] if text.isdigit() else re.split("[ -]", text)
            for each in (re.sub("[ -]", "", part) for part in [*whole, *parts]):
                if _SHORTEST <= len(each) <= _FARTHEST:
                    offsets, digits = by_length.setdefault(len(each), ([], []))
                    offsets.append(match.start())
                    digits.append(each)
        return {
            length: Tokens(
                np.searchsorted(self.starts, np.array(offsets), side="right") - 1,
                np.frombuffer("".join(digits).encode("ascii"), np.uint8).reshape(-1, length).astype(np.int64)
                - ord("0"),
            )
            for length, (offsets, digits) in by_length.items()
        }


_NONE = Tokens(np.zeros(0, dtype=np.intp), np.zeros((0, 0), dtype=np.int64))


def spoken(name: str) -> str:
    """Return the words of a column's name, in small letters, one space between them."""
    text = _CAMEL.sub(" ", unicodedata.normalize("NFKC", name[:200]))
    return " ".join(re.sub(r"[\W_]+", " ", text).lower().split())


def plain(texts: Iterable[str]) -> list[str]:
    """Spell texts one way: plain digits, spaces and letters, nothing invisible, no line break."""
    joined = "\0".join(text.replace("\0", " ") for text in texts)
    if joined.isascii():
        table = dict.fromkeys((*range(1, 32), 127), " ")
        return joined.translate(table).split("\0") if joined else []
    return [
        unicodedata.normalize("NFC", text) if len(text) <= _COMPOSED and not text.isascii() else text
        for text in joined.translate(_spelling(set(joined))).split("\0")
    ]


def _spelling(characters: set[str]) -> dict[int, str | None]:
    return {ord(each): _spelled(each) for each in characters if each != "\0"}


def _spelled(character: str) -> str | None:
    kind = unicodedata.category(character)
    if kind == "Nd":
        return str(unicodedata.decimal(character))
    if kind in ("Cc", "Zs", "Zl", "Zp"):
        return " "
    if kind == "Cf":
        return None
    if kind == "Pd":
        return "-"
    return unicodedata.normalize("NFKC", character)
