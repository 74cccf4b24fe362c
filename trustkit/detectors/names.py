# ruff: noqa: RUF001 (letters of other scripts are what it is about)
"""The detector of names of persons: by the forms of Slavic, Turkic and Tajik ones, given names and shape."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from trustkit.detectors.detector import IDENTIFIERS, Detector
from trustkit.detectors.numbers import NOTHING

if TYPE_CHECKING:
    from trustkit.detectors.content import Content
    from trustkit.detectors.detector import Places

_KNOWN = tomllib.loads(files("trustkit.detectors").joinpath("names.toml").read_text(encoding="utf-8"))
_GIVEN = frozenset(name for names in _KNOWN["given"].values() for name in names)
_PATRONYMICS, _AFTER, _SURNAMES = (_KNOWN["endings"][key] for key in ("patronymics", "words", "surnames"))
_TITLES = frozenset(part for title in _KNOWN["titles"]["before"] for part in title.split("-"))

NAME_WORDS = re.compile(
    r"\b(?:(?:full|first|last|given|family|middle|sur|maiden|birth|person|client|customer|patient"
    r"|applicant|employee|student|borrower|guarantor|passenger|holder|contact|manager|doctor|author"
    r"|owner|cardholder|beneficiary|guardian|mother|father|spouse) ?names?"
    r"|surname|forename|patronymic|fio|фио|ф и о|фамили\w*|отчество|имя отчество"
    r"|имя (?:клиент|пациент|заявител|сотрудник|абонент|владел|заёмщик|заемщик)\w*"
    r"|ном у насаб|ному насаб|насаби?|номи пурра|номи падар|исми шариф|отасининг исми|тегі|есімі"
    r"|аты жөні|әкесінің аты|аты жөнү|атасынын аты|familiyasi?|familya|otasining ismi|f i o"
    r"|ady we familiýasy|familiýasy|atasynyň ady|nasab|ad soyad|soyad|نام خانوادگی|لقب)\b"
    # words that things have too
    r"|^(?:имя|заявитель|пациент|сотрудник|исми?|шарифи?|тек|аты|ism|ismi|sharifi?|f i sh|fish|ady"
    r"|nom|nomi|adı|isim|نام|اسم|الاسم)$"
)
"""Words in the name of a column that holds names of persons."""

_LETTER = r"[^\W\d_]"
_WORD = rf"{_LETTER}+(?:['ʻʼ’`‘-]{_LETTER}+){{0,3}}"
_REST = rf"(?:\.?,? (?:{_WORD}|{_LETTER}\.)\.?){{0,4}}(?: ?{_LETTER}\.){{0,2}} ?$"
_CAPITAL = r"(?=[^\Wa-zа-яёәғқңөұүһіўҷӣӯҳ\d_])"
_CALLED = re.compile(rf"(?m)^ ?{_WORD}{_REST}")
_SHAPE = re.compile(rf"(?m)^ ?{_CAPITAL}{_WORD}{_REST}")
_PATRONYMIC = re.compile(
    rf"(?i)(?<![^\W_]){_LETTER}[^\W\d_'-]{{1,30}}(?:[,;] ?| )(?:{_LETTER}[^\W\d_'-]{{1,30}}(?:[,;] ?| ))?"
    rf"(?:{_LETTER}{{2,30}}(?:{'|'.join(_PATRONYMICS)})|o['ʻʼ’`‘]?g['ʻʼ’`‘]?li|{'|'.join(_AFTER)})(?![^\W_])"
    rf"|(?<![^\W_]){_LETTER}{{3,30}}(?:зода|заде|zoda|zadeh?)(?![^\W_])"
)
_INITIAL = re.compile(r"(?<![^\W_])[A-ZА-ЯЁ]\.")
_INITIALS = re.compile(
    rf"(?<![^\W_]){_CAPITAL}{_LETTER}{{2,30}}(?:{'|'.join(_SURNAMES)}|ин|ина|ко|ук|юк|in|ina)"
    r" [A-ZА-ЯЁ]\. ?(?:[A-ZА-ЯЁ]\.|(?=\n|$))"
)
_TITLED = re.compile(
    rf"(?<![^\W_])(?i:{'|'.join(_KNOWN['titles']['before'])})\.? {_CAPITAL}{_LETTER}{{2,30}}"
)
_SURNAME = re.compile(
    rf"(?im)^ ?{_LETTER}{{2,30}}(?:{'|'.join(_SURNAMES)})(?:,? {_LETTER}[^\W\d_.'ʻ’-]{{0,30}}){{0,2}} ?$"
)
_ARABIC_LETTER = "[\u0621-\u064a\u066e-\u06d3]"
_ARABIC = re.compile(rf"(?m)^ ?{_ARABIC_LETTER}{{2,20}}(?: {_ARABIC_LETTER}{{2,20}}){{1,3}} ?$")
_ARABIC_END = re.compile(r"(?:زاده|پور|الدین|الله|یار|زی|اللّه|نژاد)(?: |$)")

_TRIED = 200
"""Values of which many must end like surnames for all to be looked at."""

_MOST = 0.6
"""Share of a column's values that must end like surnames: of cities a sixth does."""


def _find_names(content: Content) -> tuple[Places, Places]:
    if content.numbers:
        return NOTHING
    found = np.unique(np.concatenate([*_by_form(content), _with_given_name(content), _surnames(content)]))
    named = NAME_WORDS.search(content.spoken) is not None
    return np.union1d(found, content.search(_CALLED)) if named else found, found


def _by_form(content: Content) -> list[Places]:
    """Values with a patronymic, a surname with initials, or a title before a name."""
    there = {
        _PATRONYMIC: content.ends((*_PATRONYMICS, *_AFTER)),
        _INITIALS: _INITIAL.search(content.joined) is not None,
        _TITLED: not _TITLES.isdisjoint(content.words),
    }
    return [content.search(pattern) for pattern, may_be in there.items() if may_be]


def _with_given_name(content: Content) -> Places:
    """Values of two to four capitalized words, one a common given name; Arabic script has no capitals."""
    patterns = [] if _GIVEN.isdisjoint(content.words) else [_SHAPE]
    if not content.joined.isascii() and re.search(_ARABIC_LETTER, content.joined):
        patterns.append(_ARABIC)
    found = []
    for pattern in patterns:
        for match in pattern.finditer(content.joined):
            words = re.split(r"[ ,.]+", match[0].lower().strip())
            ends = pattern is _ARABIC and _ARABIC_END.search(match[0]) is not None
            if len(words) > 1 and (ends or not _GIVEN.isdisjoint(words)):
                found.append(match.start())
    return content.places(found)


def _surnames(content: Content) -> Places:
    """Endings of surnames prove nothing of one word (Rostov), something of a column."""
    tried = content.texts[:_TRIED]
    if sum(_SURNAME.match(text) is not None for text in tried) < max(5, _MOST / 2 * len(tried)):
        return NOTHING[0]
    found = content.search(_SURNAME)
    return found if len(found) >= _MOST * len(content.texts) else NOTHING[0]


DETECTORS = (Detector("person-name", IDENTIFIERS, "names of persons", _find_names, NAME_WORDS),)
