# ruff: noqa: RUF001 (letters of other scripts are what it is about)
"""Special categories of personal data and their proxies, by names of columns and by values.

A name is matched by its words, a value whole or by its words, both folded to
one plain Latin spelling, so that ``национальность`` and ``natsionalnost`` are
one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np

from trustkit.detectors.detector import SPECIAL, Detector
from trustkit.detectors.names import NAME_WORDS
from trustkit.detectors.vocabularies import VOCABULARIES
from trustkit.evidence.contents import PROXY, UNSURE

if TYPE_CHECKING:
    from trustkit.detectors.content import Content
    from trustkit.detectors.detector import Places

TITLES = {
    "health": "health",
    "ethnicity": "race or ethnic origin",
    "religion": "religion or belief",
    "politics": "political opinions",
    "union": "trade union membership",
    "sex-life": "sex life or sexual orientation",
    "genetics": "genetic data",
    "biometrics": "biometric data",
    "criminal": "criminal convictions and offences",
    "children": "data of children",
}
"""By category: as a phrase."""

_LONGEST = 100
"""Characters of a value of which the words are looked at: a longer one tells many things."""

_MOST_LABELS = 100
"""Distinct values up to which a column of text holds labels."""

_LETTERS = str.maketrans(
    dict(zip("абвгдезийклмнопрстуфхыэ", "abvgdeziiklmnoprstufhie", strict=True))
    | {"ё": "e", "ж": "j", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sh", "ъ": "", "ь": "", "ю": "iu", "я": "ia"}
    | dict(zip("ӣӯҷҳқғўңөүұһіәѳї", "iujhkgonouuhiaoi", strict=True))
    | {"ş": "sh", "ç": "ch", "ž": "j", "ı": "i", "ß": "ss", "ə": "a", "є": "e", "ґ": "g"}
    | dict.fromkeys("'’‘ʻʼ`´ʹ", "")
)
_LOOK_ALIKES = str.maketrans("aceopxykmthb", "асеорхукмтнв")
_MIXED = re.compile(r"(?=[^\W\d_]*[а-яёӀ-ӿ])(?=[^\W\d_]*[a-z])[^\W\d_]+")
_SPELLINGS = {"shch": "sh", "zh": "j", "kh": "h", "dj": "j", "x": "h", "q": "k", "y": "i"}


def fold(text: str) -> str:
    """Return the words of a text in one plain Latin spelling, small, one space between them."""
    text = text.lower()
    if not text.isascii():
        text = unicodedata.normalize("NFC", _MIXED.sub(lambda word: word[0].translate(_LOOK_ALIKES), text))
        text = unicodedata.normalize("NFKD", text.translate(_LETTERS))
        text = "".join(each for each in text if not unicodedata.combining(each))
    elif "'" in text or "`" in text:
        text = text.translate(_LETTERS)
    for spelled, plain in _SPELLINGS.items():
        text = text.replace(spelled, plain)
    text = re.sub(r"i{2,}", "i", text)
    text = re.sub(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", " ", text)
    return " ".join(re.sub(r"[\W_]+", " ", text).split())


_folded = lru_cache(maxsize=65_536)(fold)
_PARTS = re.compile(r"\d+|[^\W\d_]+(?:['’‘ʻʼ`´ʹ][^\W\d_]+)*")


def fold_parts(text: str) -> str:
    """Fold a value by its parts, each of which is folded once: words recur, and numbers need none."""
    parts = (part if part.isdecimal() else _folded(part) for part in _PARTS.findall(text))
    return " ".join(filter(None, parts))


class Phrases:
    """Phrases that are looked for in a list of folded words.

    Parameters
    ----------
    written : iterable of (str, str)
        Whose they are, and the phrases between commas: ``x*`` is every word
        that begins so; a space may be missing.
    """

    def __init__(self, written: Iterable[tuple[str, str]]) -> None:
        self._words: dict[str, list[tuple[list[str], str]]] = {}
        for owner, phrases in written:
            for phrase in _listed(phrases):
                first, *rest = [_folded(word) + "*" * word.endswith("*") for word in phrase.split()]
                self._words.setdefault(first, []).append((rest, owner))
                if rest:
                    self._words.setdefault("".join([first, *rest]), []).append(([], owner))
        self._lengths = sorted({len(each) - 1 for each in self._words if each.endswith("*")})
        self._begun = lru_cache(maxsize=65_536)(self._begun_by)

    def find(self, words: Sequence[str]) -> Iterator[tuple[str, int, int]]:
        """Yield whose phrase is where: its first word, and the one after its last."""
        for at, word in enumerate(words):
            for rest, owner in () if word.isdecimal() else self._begun(word):
                end = at + 1 + len(rest)
                if end <= len(words) and all(map(_is, words[at + 1 : end], rest)):
                    yield owner, at, end

    def _begun_by(self, word: str) -> list[tuple[list[str], str]]:
        """Phrases that begin with a word: what follows it, and whose they are."""
        keys = [word, *(f"{word[:length]}*" for length in self._lengths if length <= len(word))]
        return [phrase for key in keys for phrase in self._words.get(key, ())]


def _is(word: str, wanted: str) -> bool:
    return word.startswith(wanted[:-1]) if wanted.endswith("*") else word == wanted


def _listed(written: str) -> list[str]:
    return [term for each in written.split(",") if (term := each.strip())]


class Names:
    """Words in the names of columns, those with which they mean something else put aside.

    Parameters
    ----------
    words : str
        As `Phrases` has them.
    others : str
        As `words`: what is struck out first.
    """

    def __init__(self, words: str, others: str = "") -> None:
        self._written = words, others

    @cached_property
    def _phrases(self) -> tuple[Phrases, Phrases]:
        words, others = (Phrases([("", written)]) for written in self._written)
        return words, others

    def search(self, name: str, /) -> tuple[str, int, int] | None:
        """Find a word in a name, as `trustkit.detectors.content.spoken` gives it."""
        phrases, others = self._phrases
        words = list(_words(name))
        found = next(phrases.find(words), None)
        if found is None:
            return None
        for _, start, end in list(others.find(words)):
            words[start:end] = [""] * (end - start)
        return next(phrases.find(words), None)


@lru_cache(maxsize=64)
def _words(name: str) -> tuple[str, ...]:
    """Folded words of a name; none where no vocabulary knows one of them, as of most names."""
    words = tuple(fold(name).split())
    return words if next(_known().find(words), None) else ()


@cache
def _known() -> Phrases:
    """All that names of columns are searched for."""
    each = VOCABULARIES.values()
    return Phrases(
        ("", words) for one in each for words in (one.names, one.unsure, one.proxies, one.elsewhere)
    )


_OF_A_NAME = re.compile(r".+(?:[oe]va?|beki?|zod[ae]|zade|abad|obod|stan)")
"""Folded words that end as surnames and places do: Ismoilov and Islamabad tell no belief."""


class Terms:
    """Words of values, and the detectors that know them.

    Parameters
    ----------
    written : iterable of (str, str)
        A detector, and its words between commas: ``x*`` begins a word of the
        value that ends as no surname or place does, two words and more are a
        phrase in it, one is all of it.
    """

    def __init__(self, written: Iterable[tuple[str, str]]) -> None:
        self._whole: dict[str, set[str]] = {}
        within = []
        for name, words in written:
            for term in _listed(words):
                if " " in term or term.endswith("*"):
                    within.append((name, term))
                else:
                    self._whole.setdefault(fold(term), set()).add(name)
        self._within = Phrases(within)

    def of(self, folded: str) -> set[str]:
        """Return the detectors that know a folded value."""
        words = [("" if _OF_A_NAME.fullmatch(word) else word) for word in folded.split()]
        return self._whole.get(folded, set()) | {name for name, _, _ in self._within.find(words)}


@cache
def _terms() -> tuple[Terms, Terms]:
    """Words of values that tell by themselves, and of those that tell beside them."""
    alone = [(name, each.values) for name, each in VOCABULARIES.items()]
    alone += [(f"{name}{PROXY}", each.proxy_values) for name, each in VOCABULARIES.items()]
    return Terms(alone), Terms((name, each.generic) for name, each in VOCABULARIES.items())


@dataclass(frozen=True)
class Code:
    """A way of writing values that tells a category where a column is written so.

    Attributes
    ----------
    name : str
        The detector.
    pattern : pattern
        The whole value, in small letters.
    own : pattern
        What some value has to have: nothing else is written so.
    """

    name: str
    pattern: re.Pattern[str]
    own: re.Pattern[str]


_CODES = (
    Code("health", re.compile(r"[a-tv-z]\d[0-9ab]\.[0-9a-z]{1,4}|[a-tv-z]\d\d"), re.compile(r"\.")),
    Code(
        "health",
        re.compile(
            r"(?:ab|[abo0])\s?(?:\((?:i{1,3}|iv)\))?\s?(?:rh)?\s?[-+]|(?:ab|[abo0])\s?\((?:i{1,3}|iv)\)"
        ),
        re.compile(r"ab|[o0]\s?[-+(]"),
    ),
    Code(f"health{PROXY}", re.compile(r"[abcdghjlmnprsv]\d\d[a-z]{2}\d\d"), re.compile("")),
    Code(
        "genetics",
        re.compile(
            r"rs\d{3,10}|hla-[a-z0-9]{1,5}\*[0-9:]{2,11}|[acgt]{20,99}|[acgt]/[acgt]|c\.\d{1,6}[acgt]>[acgt]"
        ),
        re.compile(""),
    ),
)
"""ICD-10, blood groups, ATC, genetic variants and sequences."""

_FEWEST, _MOSTLY = 3, 0.9
"""Values, and the share of them, from which on a column is written in a code."""


@lru_cache(maxsize=2)
def _told(content: Content) -> dict[str, tuple[list[int], list[int]]]:
    """Places of the values that each detector knows: alone or beside others, and alone."""
    found: dict[str, tuple[list[int], list[int]]] = {}
    if content.numbers:
        return found
    alone, beside = _terms()
    texts = [text[:_LONGEST] for text in content.texts]
    for place, text in enumerate(texts):
        folded = fold_parts(text)
        sure = alone.of(folded)
        for name in sure:
            found.setdefault(name, ([], []))[1].append(place)
        for name in sure | beside.of(folded):
            found.setdefault(name, ([], []))[0].append(place)
    for code in _CODES:
        places = [place for place, text in enumerate(texts) if code.pattern.fullmatch(text.strip().lower())]
        written = len(places) >= max(_FEWEST, _MOSTLY * len(texts))
        if written and sum(bool(code.own.search(texts[place].lower())) for place in places) * 2 >= len(
            places
        ):
            found[code.name] = (places, places)
    return found


def _find(name: str, elsewhere: Names, content: Content) -> tuple[Places, Places]:
    """Values that speak of a category, or a proxy, unless the name of the column explains them otherwise."""
    shaped, proven = _told(content).get(name, ([], []))
    if not proven or elsewhere.search(content.spoken) or NAME_WORDS.search(content.spoken):
        shaped = proven = []
    return np.array(shaped, dtype=np.intp), np.array(proven, dtype=np.intp)


def _labels(words: Names, content: Content) -> tuple[Places, Places]:
    """All values of a column whose name may speak of a category: a few labels, no quantity, no text."""
    few = len(content.texts) <= (2 if content.numbers else _MOST_LABELS)
    places = np.arange(len(content.texts) if few and words.search(content.spoken) else 0)
    return places, places[:0]


def _detectors() -> Iterator[Detector]:
    for name, each in VOCABULARIES.items():
        title, elsewhere = TITLES[name], Names(each.elsewhere)
        yield Detector(name, SPECIAL, title, partial(_find, name, elsewhere), Names(each.names, each.others))
        if each.unsure:
            words = Names(each.unsure, f"{each.others}, {each.names}")
            yield Detector(f"{name}{UNSURE}", SPECIAL, f"perhaps {title}", partial(_labels, words), words)
        if each.proxies:
            proxy = f"{name}{PROXY}"
            words = Names(each.proxies, each.others)
            yield Detector(proxy, SPECIAL, f"proxies of {title}", partial(_find, proxy, elsewhere), words)


DETECTORS = tuple(_detectors())
