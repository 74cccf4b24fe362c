# ruff: noqa: RUF001 (letters of other scripts are what it is about)
"""Detectors of national and tax numbers: their layouts, and the check digits that prove them.

Layouts and weights: Kazakhstan, orders 521 (IIN) and 423 (BIN) of June 2023; Uzbekistan, the 7-3-1 weights of
ICAO 9303 (PINFL); Russia, the rules of INN, OGRN and SNILS as python-stdnum and the pension fund give them;
China, GB 11643-1999. A birth date is part of the layout, not of the proof: since 2013 a Kazakh IIN need not
have the date in it, so a column that is called an IIN is taken by its check digits alone. Where there is no
public check digit (STIR, KG PIN, TJ INN) a number counts together with the column's name alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from trustkit.detectors.detector import IDENTIFIERS, Detector

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from trustkit.detectors.content import Content
    from trustkit.detectors.detector import Places

    Digits: TypeAlias = NDArray[np.int64]
    Flags: TypeAlias = NDArray[np.bool_]
    Test: TypeAlias = Callable[[Digits], Flags]

_IIN = re.compile(r"\b(?:iin|жсн|иин|zhsn)\b")
_BIN = re.compile(r"\b(?:bin|бсн|бин|bsn)\b")
_PINFL = re.compile(r"\b(?:pinfl|pini?fl|jsh?shir|жшшир|пинфл|jshshr)\b")
_STIR = re.compile(r"\b(?:stir|стир|inn|инн|soliq raqami)\b")
_KG = re.compile(r"\b(?:pin|пин|inn|инн|жсн|идентификационный номер|personal id)\b")
_TJ = re.compile(r"\b(?:inn|инн|рма|rma|рями|ид номер)\b")
_INN = re.compile(r"\b(?:inn|инн)\b")
_OGRN = re.compile(r"\b(?:ogrn(?:ip)?|огрн(?:ип)?)\b")
_SNILS = re.compile(r"\b(?:snils|снилс)\b")
_TCKN = re.compile(r"\b(?:tckn|tc kimlik(?: no)?|kimlik no)\b")
_RIC = re.compile(r"身份证|\b(?:shenfenzheng|resident id)\b")
_NATIONAL = re.compile(
    r"\b(?:national (?:id|identity|insurance|number)\w*|identity (?:card|number)|id card(?: no| number)?"
    r"|ssn|social security(?: number| no)?|personal (?:code|number|no|id)|tax (?:id|number|no"
    r"|payer id)\w*|tin|nin"
    r"|cnic|aadhaar|aadhar|tazkira|teskere|удостоверени\w+(?: личности)?|жеке куәлік\w*|шахсий raqam"
    r"|salgyt (?:belgi\w*|kody?)|хуччати шахсият|налогов\w+ номер|идентификационн\w+ (?:код|номер)"
    r"|табел\w+ номер|рақами мушаххас\w*)\b"
)
_NATIONAL_SHAPE = re.compile(r"(?m)^[A-Za-zА-Яа-я]{0,3}[- ]?\d(?:[- ]?\d){6,17}(?:-?[A-Za-z])?$")


def iin(digits: Digits) -> Flags:
    """Check the last digit of an IIN or BIN: mod 11 with weights 1 to 11, then with 3 to 11, 1, 2."""
    first = digits[:, :11] @ np.arange(1, 12) % 11
    second = digits[:, :11] @ np.array([3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]) % 11
    return np.where(first == 10, second, first) == digits[:, 11]


def pinfl(digits: Digits) -> Flags:
    """Check the last digit of a PINFL: weights 7, 3, 1 mod 10."""
    return digits[:, :13] @ np.array([7, 3, 1, 7, 3, 1, 7, 3, 1, 7, 3, 1, 7]) % 10 == digits[:, 13]


def inn(digits: Digits) -> Flags:
    """Check the last digit of an INN of 10, or the last two of one of 12."""
    weights = [3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]
    ends = [digits.shape[1] - 1] if digits.shape[1] == 10 else [10, 11]
    said = [digits[:, :end] @ np.array(weights[-end:]) % 11 % 10 == digits[:, end] for end in ends]
    return np.logical_and.reduce(said)


def ogrn(digits: Digits) -> Flags:
    """Check the last digit of an OGRN: what the rest leaves mod 11 (13 digits) or 13 (15 digits)."""
    size = digits.shape[1] - 1
    return _whole(digits[:, :size]) % (size - 1) % 10 == digits[:, size]


def snils(digits: Digits) -> Flags:
    """Check the last two digits of a SNILS: weights 9 to 1 mod 101, 100 as 00."""
    return digits[:, :9] @ np.arange(9, 0, -1) % 101 % 100 == digits[:, 9] * 10 + digits[:, 10]


def tckn(digits: Digits) -> Flags:
    """Check the last two digits of a Turkish identity number."""
    odd, even = digits[:, 0:9:2].sum(axis=1), digits[:, 1:8:2].sum(axis=1)
    return ((7 * odd - even) % 10 == digits[:, 9]) & (digits[:, :10].sum(axis=1) % 10 == digits[:, 10])


def ric(digits: Digits) -> Flags:
    """Check the last digit of a Chinese resident number, ISO 7064 mod 11-2; not those that end in X."""
    weights = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
    return (12 - digits[:, :17] @ weights % 11) % 11 == digits[:, 17]


def luhn(digits: Digits) -> Flags:
    """Check the last digit of a card, an IMEI or a SIM: every second digit doubled, mod 10 (Luhn 1960)."""
    doubled = digits[:, -2::-2] * 2
    return (digits[:, ::-2].sum(axis=1) + (doubled - 9 * (doubled > 9)).sum(axis=1)) % 10 == 0


def read(content: Content, length: int, layout: Test, proof: Test, lost: int = 0) -> tuple[Places, Places]:
    """Return the values with a number of a layout, and those whose number is proven.

    Parameters
    ----------
    content : Content
        The column.
    length : int
        Digits of the number.
    layout, proof : callable
        Of digits, shape (numbers, length): those that have the layout, and those whose check digits agree.
    lost : int
        How many leading zeros a column of numbers may have lost.
    """
    places, digits = [], []
    for missing in range(lost + 1 if content.numbers else 1):
        tokens = content.tokens(length - missing)
        if len(tokens.places):
            places.append(tokens.places)
            digits.append(np.pad(tokens.digits, ((0, 0), (missing, 0))))
    if not places:
        return NOTHING
    at, numbers = np.concatenate(places), np.concatenate(digits)
    shaped = layout(numbers) & (numbers != numbers[:, :1]).any(axis=1)
    return np.unique(at[shaped]), np.unique(at[shaped][proof(numbers[shaped])])


def birthday(year: Digits | None, month: Digits, day: Digits) -> Flags:
    """Tell which are days of a calendar; without a year, of a leap year."""
    longest = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    known = (month >= 1) & (month <= 12)
    exists = known & (day >= 1) & (day <= longest[np.where(known, month, 0)])
    return exists if year is None else exists & (year >= 1900) & (year <= 2030)


def _whole(digits: Digits) -> Digits:
    return digits @ 10 ** np.arange(digits.shape[1] - 1, -1, -1)


def _two(digits: Digits, at: int) -> Digits:
    return digits[:, at] * 10 + digits[:, at + 1]


def _any(digits: Digits) -> Flags:
    return np.ones(len(digits), dtype=bool)


def _none(digits: Digits) -> Flags:
    return np.zeros(len(digits), dtype=bool)


def _iin_layout(digits: Digits) -> Flags:
    century = digits[:, 6]
    return birthday(None, _two(digits, 2), _two(digits, 4)) & (century >= 3) & (century <= 6)


def _bin_layout(digits: Digits) -> Flags:
    month = _two(digits, 2)
    kind = (digits[:, 4] >= 4) & (digits[:, 4] <= 6) & (digits[:, 5] <= 4)
    return (month >= 1) & (month <= 12) & kind


def _pinfl_layout(digits: Digits) -> Flags:
    area, serial = _whole(digits[:, 7:10]), _whole(digits[:, 10:13])
    century = (digits[:, 0] >= 3) & (digits[:, 0] <= 6)
    return century & birthday(None, _two(digits, 3), _two(digits, 1)) & (area > 0) & (serial > 0)


def _kg_layout(digits: Digits) -> Flags:
    return (digits[:, 0] <= 2) & birthday(_whole(digits[:, 5:9]), _two(digits, 3), _two(digits, 1))


def _stir_layout(digits: Digits) -> Flags:
    return (digits[:, 0] >= 2) & (digits[:, 0] <= 7)


def _ogrn_layout(digits: Digits) -> Flags:
    kind = np.isin(digits[:, 0], (1, 5) if digits.shape[1] == 13 else (3,))
    year = _two(digits, 1)
    return kind & (year >= 2) & (year <= 30) & (_two(digits, 3) > 0)


def _ric_layout(digits: Digits) -> Flags:
    return birthday(_whole(digits[:, 6:10]), _two(digits, 10), _two(digits, 12))


def _first_not_0(digits: Digits) -> Flags:
    return digits[:, 0] > 0


def _number(
    name: str,
    title: str,
    words: re.Pattern[str],
    lengths: Sequence[int],
    layout: Test,
    proof: Test = _none,
    chance: float = 0.0,
    lost: int = 0,
    *,
    named_any: bool = False,
) -> Detector:
    """Make a detector; with `named_any` a column of its name needs not have the layout."""

    def find(content: Content) -> tuple[Places, Places]:
        free = named_any and words.search(content.spoken) is not None
        found = [read(content, length, _any if free else layout, proof, lost) for length in lengths]
        return together(found)

    return Detector(name, IDENTIFIERS, title, find, words, chance)


def together(found: Sequence[tuple[Places, Places]]) -> tuple[Places, Places]:
    """Join what several searches of a column found."""
    shaped, proven = (np.unique(np.concatenate(part)) for part in zip(*found, strict=True))
    return shaped, proven


def _national(content: Content) -> tuple[Places, Places]:
    named = _NATIONAL.search(content.spoken) is not None
    return content.search(_NATIONAL_SHAPE) if named else NOTHING[0], NOTHING[1]


NOTHING: tuple[Places, Places] = (np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp))

# chance: the most that passes among numbers of no meaning, random or counting up by any step; more than of
# random ones where two remainders give the digit 0, in which made-up numbers like to end
DETECTORS = (
    _number("kz-iin", "Kazakh IINs", _IIN, [12], _iin_layout, iin, 0.1, lost=3, named_any=True),
    _number("kz-bin", "Kazakh BINs", _BIN, [12], _bin_layout, iin, 0.1, lost=3),
    _number("uz-pinfl", "Uzbek PINFLs", _PINFL, [14], _pinfl_layout, pinfl, 0.1),
    _number("uz-stir", "Uzbek STIRs", _STIR, [9], _stir_layout),
    _number("kg-pin", "Kyrgyz PINs", _KG, [14], _kg_layout, lost=1),
    _number("tj-inn", "Tajik INNs", _TJ, [9], _any, lost=2),
    _number("ru-inn-12", "Russian INNs of persons", _INN, [12], _any, inn, 0.05, lost=1),
    _number("ru-inn-10", "Russian INNs of firms", _INN, [10], _any, inn, 0.2, lost=1),
    _number("ru-ogrn", "Russian OGRNs", _OGRN, [13], _ogrn_layout, ogrn, 0.2),
    _number("ru-ogrnip", "Russian OGRNs of entrepreneurs", _OGRN, [15], _ogrn_layout, ogrn, 0.2),
    _number("ru-snils", "Russian SNILS", _SNILS, [11], _any, snils, 0.04, lost=2),
    _number("tr-tckn", "Turkish identity numbers", _TCKN, [11], _first_not_0, tckn, 0.03),
    _number("cn-ric", "Chinese resident numbers", _RIC, [18], _ric_layout, ric, 0.1),
    Detector("national-id", IDENTIFIERS, "national numbers", _national, _NATIONAL),
)
