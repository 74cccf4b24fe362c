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
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

_COMPOSED = 256
"""Longest value whose letters and marks are put together: to sort marks takes time with their square."""

_LOOK_ALIKES = str.maketrans("АВЕЅІЈКМНОРСТУХаеорсухіјѕ", "ABESIJKMHOPCTYXaeopcyxijs")
_CAMEL = re.compile(r"(?<=[a-zа-яё0-9])(?=[A-ZА-ЯЁ])|(?<=[A-ZА-ЯЁ])(?=[A-ZА-ЯЁ][a-zа-яё]{2})")
_APOSTROPHES = re.compile("['’‘ʻʼ`´ʹ]")
_NUMBER = re.compile(r"(?<![\w.,/+\-])(?<!\d:)\d+(?:[ \-]\d+)*(?:\.0+)?(?![\w:/]|[.,\-]\d)")
_DAY = re.compile(r"(?:19|20)\d\d-\d\d-\d\d|\d\d-\d\d-(?:19|20)\d\d")
_WORD = re.compile(r"[^\W\d_]+")
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


@dataclass(frozen=True, eq=False)
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
    def small(self) -> str:
        """`joined` in small letters, as long as `joined`."""
        small = self.joined.lower()
        return small if len(small) == len(self.joined) else "".join(map(_lowered, self.joined))

    @cached_property
    def words(self) -> frozenset[str]:
        """Words of all values, in small letters: what a look at them rules out need not be searched for."""
        return frozenset() if self.numbers else frozenset(_WORD.findall(self.small))

    def has(self, *parts: str) -> bool:
        """Whether one of several texts in small letters occurs in any value."""
        return any(part in self.small for part in parts)

    def ends(self, endings: tuple[str, ...]) -> bool:
        """Whether a word ends in one of several endings."""
        return any(word.endswith(endings) for word in self.words)

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
        for offset, text in self._numbers():
            if _SHORTEST <= len(text) <= _FARTHEST:
                offsets, digits = by_length.setdefault(len(text), ([], []))
                offsets.append(offset)
                digits.append(text)
        return {
            length: Tokens(
                np.searchsorted(self.starts, np.array(offsets), side="right") - 1,
                np.frombuffer("".join(digits).encode("ascii"), np.uint8).reshape(-1, length).astype(np.int64)
                - ord("0"),
            )
            for length, (offsets, digits) in by_length.items()
        }

    def _numbers(self) -> Iterator[tuple[int, str]]:
        """Each number with its offset; one in groups as a whole, unless it is a day, and by its groups."""
        if self.numbers:
            yield from (
                (start, text)
                for start, text in zip(self.starts.tolist(), self.texts, strict=True)
                if text.isdigit()
            )
            return
        for match in _NUMBER.finditer(self.joined):
            text = match[0].split(".")[0]
            if text.isdigit():
                yield match.start(), text
                continue
            if not _DAY.search(text):
                yield match.start(), text.replace(" ", "").replace("-", "")
            yield from ((match.start(), part) for part in re.split("[ -]", text))


_NONE = Tokens(np.zeros(0, dtype=np.intp), np.zeros((0, 0), dtype=np.int64))


def _lowered(character: str) -> str:
    small = character.lower()
    return small if len(small) == 1 else character


def spoken(name: str) -> str:
    """Return the words of a column's name, in small letters, one space between them."""
    text = _CAMEL.sub(" ", _APOSTROPHES.sub("", unicodedata.normalize("NFKC", name[:200])))
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
    if character == "№":  # not No, which would join the number behind it
        return character
    return unicodedata.normalize("NFKC", character)
