# ruff: noqa: RUF001, SIM905 (letters of other scripts, and lists of words, are what it is about)
"""Detectors of how a person is reached: e-mail, phone, postal address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from trustkit.detectors.detector import IDENTIFIERS, Detector
from trustkit.detectors.numbers import NOTHING

if TYPE_CHECKING:
    from trustkit.detectors.content import Content
    from trustkit.detectors.detector import Places

# from the @ on, so that a long text without one costs nothing
_EMAIL = re.compile(r"(?<=[\w%+-])@(?:[\w-]{1,63}\.){1,4}[^\W\d_]{2,24}(?![\w@])")
_SIGNED_IN = re.compile(r"://[^\s/]{0,150}$")
_EMAIL_WORDS = re.compile(r"\be ?mails?\b|\bmail\b|почт|электрон\w* адрес|пошта|e pocht|эл пошт")

_PLUS = re.compile(r"(?<![\w+])(?:\+|00(?=7|99[2-8]|93))[1-9](?:[ ()-]{0,2}\d){6,14}(?!\w|[.,]\d)")
_GROUPED = re.compile(
    r"(?<![\w+-])(?:(?:8|\+?7|0)[ -]?)?\(\d{2,5}\)[ -]?\d{2,3}[ -]?\d{2}[ -]?\d{2}(?!\w)"
    r"|(?<![\w+-])8[ -]\d{3}[ -]\d{3}[ -]?\d{2}[ -]?\d{2}(?!\w)"
)
_LENGTHS = {"7": 10, "992": 9, "993": 8, "994": 9, "995": 9, "996": 9, "998": 9, "93": 9}
_OPERATORS = {
    11: re.compile(r"(?m)^(?:[78](?:9\d|70|77|74|75|71|72|76)\d{8}|9936[0-9]\d{6})$"),
    12: re.compile(
        r"(?m)^(?:998(?:9\d|33|50|55|77|87|88|20|6\d|7\d)\d{7}|992(?:9\d|5\d|0\d|1\d|4[04]|7\d|8\d|2\d"
        r"|3\d|[67]\d)\d{7}|996(?:[257]\d{2}|990|99\d)\d{6})$"
    ),
}
_OPERATOR = {11: slice(1, 4), 12: slice(3, 5)}
_PHONE = re.compile(r"(?m)^ ?(?:tel[.:]? ?)?\+?\(?\d(?:[ ()./-]{0,2}\d){6,14} ?$")
_PHONE_WORDS = re.compile(
    r"\b(?:(?:tele)?phones?|mobile|cell(?:phone)?|tel|msisdn|whatsapp|viber|fax|телефон\w*|тел"
    r"|моб\w*|сотовый|контакт\w* номер"
    r"|телефони?|раками телефон\w*|рақами телефон\w*|telefon\w*|ұялы\w*|уюлдук\w*|phone (?:no"
    r"|number)|contact (?:no|number))\b"
)
_NOT_PHONE = re.compile(r"\b(?:model|type|brand|count|os|plan|модел\w*|марка)\b")

_BEFORE = (
    r"ул(?:\.|ица)|просп(?:\.|ект)|пр-?т\b|пр\.|пер(?:\.|еулок)|б-р\b|бульвар|шоссе|мкр\b|мкрн\b"
    r"|микрорайон|проезд|набережная"
    r"|к[уӯ]ча(?:и|си)?\b|хиёбони?\b|маҳалла\w*|гузари?\b|көше(?:сі)?\b|даңғылы|шағын ?аудан"
    r"|көчөсү?\b|проспектиси|кичи район"
    r"|ko.?chasi?\b|mahalla\w*|xiyoboni|köçesi?\b|şaýoly|etrap\w*|sokak\b|sokağı|caddesi|خیابان|کوچه|شارع"
)
_AFTER = (
    r"street\b|\bst\b|avenue\b|\bave\b|road\b|\brd\b|\blane\b|boulevard\b|\bblvd\b|sokak\b|caddesi|" + _BEFORE
)
_ADDRESS = re.compile(
    rf"(?i)(?<!\w)(?:{_BEFORE})[^\n\d]{{0,40}}\d{{1,4}}|(?<![\w-])\d{{1,5}}[a-z]?,? "
    rf"[^\n\d]{{2,40}}?(?:{_AFTER})"
    r"|\bд(?:\.|ом) ?\d{1,4}\w?,? ?(?:к\w{0,6}\.? ?\d{1,3},? ?)?кв(?:\.|артира) ?\d|\b\d{1,4}-?uy\b"
)
_STREETS = frozenset(
    "ул улица улице проспект просп пр т пер переулок б бульвар шоссе мкр мкрн микрорайон проезд "
    "набережная кв квартира "
    "куча кучаи кучаси кӯча кӯчаи хиёбон хиёбони маҳалла маҳаллаи гузар гузари көше көшесі "
    "даңғылы аудан көчө көчөсү "
    "проспектиси район chasi cha kochasi koʻchasi mahalla mahallasi xiyoboni köçesi köçe şaýoly "
    "etrap etraby uy street st "
    "avenue ave road rd lane boulevard blvd sokak sokağı caddesi خیابان کوچه شارع".split()
)
_ADDRESS_WORDS = re.compile(
    r"(?:(?<!ip )(?<!mac )(?<!mail )(?<!email )(?<!web )\baddress(?: line)?\b|\b(?:street|адрес\w*"
    r"|прописк\w*|суроғ\w*"
    r"|суро[гғ]аи?|нишон[иӣ]|manzil\w*|мекенжай\w*|мекен жай\w*|дарек\w*|дареги|salgy\w*|adres\w*"
    r"|место жительства))"
)
_ADDRESS_SHAPE = re.compile(r"(?m)^(?=[^\n]{0,200}\d)(?=[^\n]{0,200}[^\W\d_]{3})[^\n@]{8,300}$")


def _find_emails(content: Content) -> tuple[Places, Places]:
    if "@" not in content.joined:
        return NOTHING
    found = (match.start() for match in _EMAIL.finditer(content.joined))
    places = content.places(at for at in found if not _SIGNED_IN.search(content.joined, max(at - 160, 0), at))
    return places, places


def _find_phones(content: Content) -> tuple[Places, Places]:
    if _NOT_PHONE.search(content.spoken):
        return NOTHING
    proven = np.union1d(_by_operator(content), _written(content))
    named = _PHONE_WORDS.search(content.spoken) is not None
    return np.union1d(content.search(_PHONE), proven) if named else proven, proven


def _written(content: Content) -> Places:
    """Numbers with a country's prefix, or in the groups that are usual for phones."""
    if content.numbers:
        return NOTHING[0]
    patterns = (_PLUS, content.has("+", "00")), (_GROUPED, content.has("(", "8 ", "8-"))
    found = (match for pattern, there in patterns if there for match in pattern.finditer(content.joined))
    return content.places(match.start() for match in found if _dialed(match[0]))


def _dialed(text: str) -> bool:
    """Whether a number with a country's prefix has that country's length."""
    digits = re.sub(r"\D", "", text).removeprefix("00")
    if not text.startswith(("+", "00")):
        return True
    for prefix, length in _LENGTHS.items():
        if digits.startswith(prefix):
            return len(digits) - len(prefix) == length
    return 8 <= len(digits) <= 15


def _by_operator(content: Content) -> Places:
    """Bare numbers: nearly all must begin as a country's mobiles do, by several of its operators.

    One alone may be any number; numbers that count up share their first digits.
    """
    for length, pattern in _OPERATORS.items():
        found = [match for match in pattern.finditer(content.joined) if len(match[0]) == length]
        operators = {match[0][_OPERATOR[length]] for match in found}
        if len(found) >= max(5, 0.9 * len(content.texts)) and len(operators) >= 3:
            return content.places(match.start() for match in found)
    return NOTHING[1]


def _find_addresses(content: Content) -> tuple[Places, Places]:
    proven = NOTHING[1] if _STREETS.isdisjoint(content.words) else content.search(_ADDRESS)
    named = _ADDRESS_WORDS.search(content.spoken) is not None
    return np.union1d(proven, content.search(_ADDRESS_SHAPE)) if named else proven, proven


DETECTORS = (
    Detector("email", IDENTIFIERS, "e-mail addresses", _find_emails, _EMAIL_WORDS),
    Detector("phone", IDENTIFIERS, "phone numbers", _find_phones, _PHONE_WORDS),
    Detector("address", IDENTIFIERS, "postal addresses", _find_addresses, _ADDRESS_WORDS),
)
