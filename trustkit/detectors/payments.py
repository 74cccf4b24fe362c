# ruff: noqa: RUF001 (letters of other scripts are what it is about)
"""Detectors of means of payment: bank accounts and cards."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from trustkit.detectors.detector import IDENTIFIERS, Detector
from trustkit.detectors.numbers import NOTHING, luhn, read, together

if TYPE_CHECKING:
    from trustkit.detectors.content import Content
    from trustkit.detectors.detector import Places
    from trustkit.detectors.numbers import Digits, Flags

_LENGTHS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 "
    "EE20 EG29 ES24 "
    "FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IR26 IS26 IT27 JO30 "
    "KW30 KZ20 LB28 "
    "LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NL18 NO15 OM23 PK24 "
    "PL28 PS29 PT25 "
    "QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20"
)
_IBAN_LENGTHS = {each[:2]: int(each[2:]) for each in _LENGTHS.split()}
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?(?![A-Za-z0-9])"
)
_IBAN_WORDS = re.compile(r"\biban\b|\bиик\b|\bжск\b")
_CARD_WORDS = re.compile(
    r"\b(?:card (?:no|num\w*)|pan|credit card|номер карты|карта номер[иі]?|karta raqami|рақами корт)\b"
)
_ACCOUNT_WORDS = re.compile(
    r"\b(?:(?:bank )?account (?:no|num\w*)|bank account|iban|расч[её]тный сч[её]т|номер сч[её]та|р с"
    r"|hisob raqami?|суратҳисоб|рақами ҳисоб|эсеп номери|шот нөмірі|hasap belgisi)\b"
    # words that things have too
    r"|^(?:account|acct|сч[её]т|ҳисоб|hisob)$"
)


def iban(text: str) -> bool:
    """Check an IBAN without spaces: ISO 13616, mod 97."""
    return int("".join(str(int(each, 36)) for each in text[4:] + text[:4])) % 97 == 1


def _find_ibans(content: Content) -> tuple[Places, Places]:
    if content.numbers:
        return NOTHING
    shaped, proven = [], []
    for match in _IBAN.finditer(content.latin):
        # the words around it may look like further groups
        text = match[0].replace(" ", "").upper()[: _IBAN_LENGTHS.get(match[0][:2].upper(), 0)]
        if len(text) == _IBAN_LENGTHS.get(match[0][:2].upper()):
            shaped.append(match.start())
            if iban(text):
                proven.append(match.start())
    return content.places(shaped), content.places(proven)


def _card_layout(digits: Digits) -> Flags:
    """Ranges of the issuers: Visa, Mastercard, Mir, Maestro, Amex, JCB, UnionPay, Discover, Uzcard, Humo."""
    four = digits[:, :4] @ np.array([1000, 100, 10, 1])
    two = four // 100
    if digits.shape[1] == 15:
        return np.isin(two, (34, 37))
    brands = (two // 10 == 4) | ((two >= 51) & (two <= 55)) | np.isin(two, (35, 50, 58, 62, 63, 65, 67))
    return (
        brands
        | np.isin(four, (6011, 8600, 5614, 9860))
        | ((four >= 2200) & (four <= 2204))
        | ((four >= 2221) & (four <= 2720))
    )


def _find_cards(content: Content) -> tuple[Places, Places]:
    return together([read(content, length, _card_layout, luhn) for length in (15, 16, 18, 19)])


def _find_accounts(content: Content) -> tuple[Places, Places]:
    places = [content.tokens(length).places for length in (10, 12, 16, 20)]
    return np.unique(np.concatenate(places)), NOTHING[1]


DETECTORS = (
    Detector("iban", IDENTIFIERS, "IBANs", _find_ibans, _IBAN_WORDS, 0.02),
    Detector("card", IDENTIFIERS, "card numbers", _find_cards, _CARD_WORDS, 0.2),
    Detector("bank-account", IDENTIFIERS, "bank accounts", _find_accounts, _ACCOUNT_WORDS),
)
