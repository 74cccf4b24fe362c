# ruff: noqa: RUF001 (letters of other scripts are what it is about)
"""Detectors of devices and places: network and device addresses, signed-in links, positions on the map."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from trustkit.detectors.detector import IDENTIFIERS, Detector
from trustkit.detectors.numbers import NOTHING, luhn, read

if TYPE_CHECKING:
    from trustkit.detectors.content import Content
    from trustkit.detectors.detector import Places
    from trustkit.detectors.numbers import Digits, Flags

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = re.compile(
    rf"(?<![\w.-])(?=\d[\d.]{{8}})[1-9]\d{{0,2}}(?<!\d{{4}})(?:\.{_OCTET}){{3}}(?:/\d\d?)?(?![\w-]|\.\d)"
)
_FIRST = re.compile(r"(?:22[4-9]|2[3-9]\d|[3-9]\d\d)\.")
_IPV6 = re.compile(
    r"(?<![\w:.])(?:[0-9A-Fa-f]{1,4}:){3,7}(?::?[0-9A-Fa-f]{1,4}){1,4}(?![\w:])"
    r"|(?<![\w:])[0-9A-Fa-f]{3,4}:(?:[0-9A-Fa-f]{1,4}:){0,5}:[0-9A-Fa-f]{1,4}(?![\w:])"
)
_IP_WORDS = re.compile(r"\bip(?:v[46])?\b|\bip ?addr\w*|айпи")
_VERSION = re.compile(r"\b(?:version|ver|release|build|firmware|верси\w*|oid|section|clause|раздел)\b")
_MAC = re.compile(
    r"(?<![\w:-])[0-9A-Fa-f]{2}(?:(?::[0-9A-Fa-f]{2}){5}|(?:-[0-9A-Fa-f]{2}){5})(?![\w:-])"
    r"|(?<![\w.])[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}(?![\w.])"
)
_MAC_WORDS = re.compile(r"\bmac(?: addr\w*)?\b|\bbssid\b")
_IMEI_WORDS = re.compile(r"\bimei\b")
_IMEI_ISSUERS = (1, 10, 30, 33, 35, 44, 45, 49, 50, 51, 52, 53, 54, 86, 91, 98, 99)
_LINK = re.compile(r"(?<=://)[^\s/@:\"'<>]{1,64}(?::[^\s/@\"'<>]{0,64})?@[\w-]")
_LINK_WORDS = re.compile(r"\b(?:profile url|facebook|instagram|linkedin|telegram|vk(?:ontakte)?|twitter)\b")
_PROFILE = re.compile(
    r"(?i)\b(?:facebook\.com|instagram\.com|linkedin\.com/in|t\.me|vk\.com|ok\.ru/profile"
    r"|twitter\.com|x\.com)/(?!share|intent)[\w.]{3,50}"
)
_DEVICE_WORDS = re.compile(
    r"\b(?:device (?:id|uuid|token)|android id|idfa|idfv|gaid|aaid|adid|advertis\w* id"
    r"|install(?:ation)? id|imsi|iccid|serial (?:no|number)|cookie(?: id)?|session id|fingerprint "
    r"id|vin)\b"
)
_DEVICE = re.compile(
    r"(?m)^ ?(?:[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}|[0-9A-Fa-f]{14,64}|[\w:-]{15,200}) ?$"
)
_PLACE_WORDS = re.compile(
    r"\b(?:lat(?:itude)?|lon(?:gitude)?|lng|gps\w*|coord\w*|geo(?:loc\w*|point|hash|m(?:etry)?)"
    r"|широт\w*|долгот\w*|координат\w*|kenglik|uzunlik|ендік|бойлық|кеңдик|узундук)\b"
    r"|^(?:long|арз|тул|тӯл)$"
)
_DEGREES = re.compile(r"(?m)^-?(?:1[0-7]\d|\d{1,2})\.\d{4,}$")
_PAIR = re.compile(
    r"(?m)^[\[( ]{0,2}-?(?:[0-8]?\d|90)\.\d{4,15}(?:°? ?[NS])?[,;]? ?-?(?:1[0-7]\d"
    r"|\d{1,2})\.\d{4,15}(?:°? ?[EW])?[\]) ]{0,2}$"
    r"|(?i:\b(?:gps|geo|coord\w*|location|координаты):? ?)-?\d{1,2}\.\d{4,15}[,;] ?-?\d{1,3}\.\d{4,15}"
    r"|\bPOINT ?\(-?\d{1,3}\.\d{4,15} -?\d{1,2}\.\d{4,15}\)|\b\d{1,2}° ?\d{1,2}['′] "
    r"?\d{1,2}(?:\.\d{1,6})?[\"″] ?[NS]"
)
_FINE = re.compile(r"\d\.\d{4}")
_GEOHASH = re.compile(r"(?m)^[0-9bcdefghjkmnpqrstuvwxyz]{7,12}$")


def _find_ips(content: Content) -> tuple[Places, Places]:
    if content.numbers or _VERSION.search(content.spoken):
        return NOTHING
    four = _IPV4.finditer(content.joined) if content.joined.count(".") >= 3 else ()
    six = _IPV6.finditer(content.joined) if content.joined.count(":") >= 3 else ()
    found = [match.start() for match in four if not _FIRST.match(match[0])]
    places = content.places([*found, *(match.start() for match in six if not _MAC.fullmatch(match[0]))])
    return places, places


def _find_macs(content: Content) -> tuple[Places, Places]:
    if content.numbers or (max(map(content.joined.count, ":-")) < 5 and content.joined.count(".") < 2):
        return NOTHING
    places = content.search(_MAC)
    return places, places


def _imei_layout(digits: Digits) -> Flags:
    return np.isin(digits[:, 0] * 10 + digits[:, 1], _IMEI_ISSUERS)


def _find_imeis(content: Content) -> tuple[Places, Places]:
    return read(content, 15, _imei_layout, luhn, lost=1)


def _find_links(content: Content) -> tuple[Places, Places]:
    found = content.search(_LINK) if "://" in content.joined else NOTHING[0]
    if content.has(
        "facebook.com", "instagram.com", "linkedin.com", "t.me/", "vk.com", "ok.ru/", "twitter.com", "x.com/"
    ):
        found = np.union1d(found, content.search(_PROFILE))
    return found, found


def _find_devices(content: Content) -> tuple[Places, Places]:
    named = _DEVICE_WORDS.search(content.spoken) is not None
    return (content.search(_DEVICE) if named else NOTHING[0]), NOTHING[1]


def _find_positions(content: Content) -> tuple[Places, Places]:
    named = _PLACE_WORDS.search(content.spoken) is not None
    there = not content.numbers and (_FINE.search(content.joined) or content.has("°"))
    proven = content.search(_PAIR) if there else NOTHING[1]
    if not named:
        return proven, proven
    alone = np.union1d(
        content.search(_DEGREES), content.search(_GEOHASH) if "hash" in content.spoken else NOTHING[0]
    )
    return np.union1d(alone, proven), proven


DETECTORS = (
    Detector("ip", IDENTIFIERS, "IP addresses", _find_ips, _IP_WORDS),
    Detector("mac", IDENTIFIERS, "MAC addresses", _find_macs, _MAC_WORDS),
    Detector("imei", IDENTIFIERS, "IMEIs", _find_imeis, _IMEI_WORDS, 0.2),
    Detector("account-link", IDENTIFIERS, "links with a user's name", _find_links, _LINK_WORDS),
    Detector("device-id", IDENTIFIERS, "device identifiers", _find_devices, _DEVICE_WORDS),
    Detector("position", IDENTIFIERS, "positions to 11 m or closer", _find_positions, _PLACE_WORDS),
)
