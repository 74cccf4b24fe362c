# ruff: noqa: RUF001 (letters of other scripts are what it is about)
"""Detectors of papers: passports, their machine-readable zones, and number plates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from trustkit.detectors.detector import IDENTIFIERS, Detector
from trustkit.detectors.numbers import NOTHING

if TYPE_CHECKING:
    from trustkit.detectors.content import Content
    from trustkit.detectors.detector import Places

_PASSPORT_NAME = r"паспорт\w*|passport\w*|pasport\w*|шиноснома\w*|төлқұжат\w*|гувоҳнома\w*"
_NUMBER = r"(?:[A-Z]{1,2}(?:-[A-Z]{2})?[ -]?\d{6,9}|\d{2} ?\d{2} ?(?:№ ?|N ?)?\d{6}|I-[A-Z]{2} ?\d{6})"
_PASSPORT = re.compile(rf"(?im)^ ?{_NUMBER} ?$")
_CALLED = re.compile(
    rf"(?i)(?:{_PASSPORT_NAME})[^\w\n]{{0,3}}(?:(?:серия|рф|no|number|номер|rak\w+"
    rf"|сер)[^\w\n]{{1,3}})?{_NUMBER}(?!\d)"
)
_PASSPORT_WORDS = re.compile(
    rf"\b(?:{_PASSPORT_NAME}|серия (?:и )?номер|document (?:no|number)|номер документа|id document"
    rf"|travel document|driv\w* licen[cs]e\w*|водительск\w+|хуҷҷат\w*|hujjat raqami)\b"
)
_LICENSE = re.compile(r"(?m)^[A-Z0-9]{1,4}[ -]?[A-Z0-9]{5,12}$")

_MRZ_LINE = re.compile(r"(?<![A-Z0-9<])P[A-Z<][A-Z<]{3}[A-Z]{1,35}<{1,2}[A-Z<]{2,38}(?![a-z])")
_MRZ_NUMBERS = re.compile(
    r"(?<![A-Z0-9<])([A-Z0-9<]{9})(\d)[A-Z<]{3}(\d{6})(\d)[MFX<](\d{6})(\d)[A-Z0-9<]{14,16}(?!\w)"
)
_MRZ_WORDS = re.compile(r"\bmrz\b|\bmachine readable zone\b")

_PLATE = re.compile(
    r"(?m)^ ?(?:[ABEKMHOPCTYX] ?\d{3} ?[ABEKMHOPCTYX]{2} ?\d{2,3}|\d{2,3} ?[A-Z]{2,3} ?\d{2}|\d{2} "
    r"?KG ?\d{3} ?[A-Z]{3}"
    r"|\d{2} ?[A-Z] ?\d{3} ?[A-Z]{2}|\d{2} ?\d{3} ?[A-Z]{3}|\d{4} ?[A-Z]{2} ?\d{2}|[A-Z]{2} ?\d{2} "
    r"?\d{2} ?[A-Z]{2}"
    r"|[A-Z]{1,3}[ -]?\d{2,4}[ -]?[A-Z]{1,3}|[A-Z]{1,3}[ -]?\d{3,5}|[A-Z] ?\d{3,4} ?[A-Z]{1,3}) ?$"
)
_PLATE_WORDS = re.compile(
    r"\b(?:plates?|licen[cs]e plate|number plate|гос ?номер\w*|госзнак|номер (?:авто\w*|машины"
    r"|тс)|рақами мошин\w*|mashina raqami|davlat raqami|авто номер\w*|vehicle (?:no|number|reg\w*)"
    r"|registration (?:plate|number))\b"
)


def mrz_digit(text: str) -> int:
    """Return the check digit of a field of a machine-readable zone: ICAO 9303, weights 7, 3, 1 mod 10."""
    values = [0 if each == "<" else int(each, 36) for each in text]
    return sum(value * (7, 3, 1)[at % 3] for at, value in enumerate(values)) % 10


def _find_passports(content: Content) -> tuple[Places, Places]:
    called = not content.numbers and content.has(
        "паспорт", "passport", "pasport", "шиноснома", "төлқұжат", "гувоҳнома"
    )
    proven = content.search(_CALLED) if called else NOTHING[1]
    if _PASSPORT_WORDS.search(content.spoken) is None:
        return proven, proven
    shaped = content.search(_PASSPORT, latin=True)
    if "licen" in content.spoken or "водит" in content.spoken:
        shaped = np.union1d(shaped, content.search(_LICENSE, latin=True))
    return np.union1d(shaped, proven), proven


def _find_zones(content: Content) -> tuple[Places, Places]:
    if "<<" not in content.joined:
        return NOTHING
    lines = content.search(_MRZ_LINE)
    numbers = list(_MRZ_NUMBERS.finditer(content.joined))
    valid = [
        match.start()
        for match in numbers
        if all(mrz_digit(match[at]) == int(match[at + 1]) for at in (1, 3, 5))
    ]
    shaped = np.union1d(lines, content.places(match.start() for match in numbers))
    return shaped, np.union1d(lines, content.places(valid))


def _find_plates(content: Content) -> tuple[Places, Places]:
    if content.numbers or _PLATE_WORDS.search(content.spoken) is None:
        return NOTHING
    return content.search(_PLATE, latin=True), NOTHING[1]


DETECTORS = (
    Detector("passport", IDENTIFIERS, "passport numbers", _find_passports, _PASSPORT_WORDS),
    Detector("mrz", IDENTIFIERS, "machine-readable zones", _find_zones, _MRZ_WORDS),
    Detector("plate", IDENTIFIERS, "number plates", _find_plates, _PLATE_WORDS),
)
