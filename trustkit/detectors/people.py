# ruff: noqa: RUF001, SIM905 (letters of other scripts, and lists of words, are what it is about)
"""Detectors of persons themselves: their dates of birth, and pictures or prints of their bodies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from trustkit.detectors.detector import IDENTIFIERS, Detector
from trustkit.detectors.numbers import NOTHING

if TYPE_CHECKING:
    from trustkit.detectors.content import Content
    from trustkit.detectors.detector import Places

_BIRTH_WORDS = re.compile(
    r"\b(?:birth ?(?:day|date|dt)?|dob|date of birth|born(?: on)?|bday|дата рожд\w*|рожд\w*|день "
    r"рожд\w*|родил\w*|д р|таваллуд\w*|санаи таваллуд"
    r"|туғилган\w*|туған\w*|туулган\w*|tugilgan\w*|tug ilgan\w*|dogl\w*|doğum\w*|تولد|تاریخ تولد)\b"
)
_DAY = (
    r"(?:(?:19|20)\d\d[-./]?(?:0[1-9]|1[0-2])[-./]?(?:0[1-9]|[12]\d|3[01])|(?:0?[1-9]|[12]\d"
    r"|3[01])[-./ ](?:0?[1-9]|1[0-2])[-./ ](?:(?:19|20)?\d\d)|(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d"
    r"|3[01])/(?:19|20)?\d\d)"
)
_WRITTEN = (
    r"(?:[0-3]?\d(?:-?(?:st|nd|rd|th))? [^\W\d_]{3,10}\.?,? (?:19|20)\d\d"
    r"|[^\W\d_]{3,10}\.? [0-3]?\d,? (?:19|20)\d\d)"
)
_BIRTHDAY = re.compile(rf"(?m)^ ?(?:{_DAY}|{_WRITTEN})(?:[T ]00:00(?::00(?:\.0+)?)?)?(?: г\.?р?\.?)? ?$")
_BORN = re.compile(
    rf"(?i)(?:\bborn(?: on)?|\bdob|\bbirth ?date|\bdate of birth|\bрод\.|\bродил(?:ся|ась)|\bдата "
    rf"рождения|\bд\.р\.|\bтаваллуд\w*|\bтуған күні|\btug['ʻ’]?ilgan\w*)[^\w\n]{{0,3}}{_DAY}|{_DAY} "
    rf"?г\.? ?р(?:\.|ожд)"
)

_BORN_WORDS = frozenset(
    (
        "born dob birthdate birth род родился родилась рождения р рожд таваллуд таваллуди туған ilgan "
        "tugilgan"
    ).split()
)

_PICTURE = re.compile(
    r"(?m)^(?:(?:data:image/[a-z.+-]{2,10};base64,)|/9j/[A-Za-z0-9+/]{8}|iVBORw0KGgo"
    r"|Qk0[A-Za-z0-9+/]{20}|ÿØÿ|\\xff\\xd8\\xff|.PNG {2}"
    r"|\\x89PNG|FMR[ \\]|Rk1S[A-Za-z0-9+/]|ÿ\xa0ÿ|\\xff\\xa0\\xff)"
)
_PICTURE_WORDS = re.compile(
    r"\b(?:photo|selfie|face|facial|portrait|avatar|fingerprint|iris|retina|voice ?print"
    r"|biometric\w*|palm|signature image|фото\w*|отпечат\w*|биометр\w*|сурат|лицо|расм|бармоқ изи"
    r"|саус ізі)\b"
)
_VECTOR = re.compile(r"(?m)^\[? ?-?\d[\d.e-]{0,24}(?:, ?-?\d[\d.e-]{0,24}){15}|^[A-Za-z0-9+/]{80}")


def _find_birthdays(content: Content) -> tuple[Places, Places]:
    named = _BIRTH_WORDS.search(content.spoken) is not None
    proven = NOTHING[1] if _BORN_WORDS.isdisjoint(content.words) else content.search(_BORN)
    return np.union1d(proven, content.search(_BIRTHDAY)) if named else proven, proven


def _find_pictures(content: Content) -> tuple[Places, Places]:
    if content.numbers:
        return NOTHING
    proven = content.search(_PICTURE)
    named = _PICTURE_WORDS.search(content.spoken) is not None
    return np.union1d(proven, content.search(_VECTOR)) if named else proven, proven


DETECTORS = (
    Detector("birth-date", IDENTIFIERS, "dates of birth", _find_birthdays, _BIRTH_WORDS),
    Detector("picture", IDENTIFIERS, "pictures or biometric data", _find_pictures, _PICTURE_WORDS),
)
