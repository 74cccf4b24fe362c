# ruff: noqa: RUF001 (letters of other scripts are what it is about)
"""Secrets in text: tokens by their prefix or structure, and passwords beside the word that announces one.

Nothing here returns any part of a secret: its kind and its place alone.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from trustkit.detectors.detector import SECRETS, Detector

if TYPE_CHECKING:
    import pyarrow as pa

    from trustkit.detectors.content import Content
    from trustkit.detectors.detector import Places

LONGEST = 8 << 20
"""Characters of a text that are looked at; the rest of a longer one is not."""

MOST = 1000
"""Secrets of one text that are told of."""


@dataclass(frozen=True, order=True)
class Secret:
    """One secret in a text.

    Attributes
    ----------
    at : int
        Its place: characters before it.
    kind : str
        What it is, a name of `KINDS`.
    """

    at: int
    kind: str


@dataclass(frozen=True)
class Kind:
    """One kind of secret.

    Attributes
    ----------
    name : str
        As ``github-token``.
    title : str
        Noun phrase, in the plural.
    hints : tuple of str
        Of which a text has to hold one, in small letters: they are looked for first.
    pattern : pattern
        Its group ``value``, where there is one, is the secret.
    is_real : callable
        Whether a match is a secret and no example of a manual.
    """

    name: str
    title: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    is_real: Callable[[str], bool]


_PLACEHOLDER = re.compile(
    r"(?i)example|change.?me|x{4}|\*{3}|\.{3}|placeholder|undefined|required|optional|1234567890|abcdefgh|"
    r"(?<![a-z])(?:dummy|sample|redact|replace|insert|your|enter|fake|test|todo|none|null|true|false)|"
    r"(?<![a-z])(?:pass?wor[dt]|passwd|pwd|token|secret)=|"
    r"^(?:user|pass|passw?or[dt]|pwd|secret|token|parol)[a-z]{0,2}[:=]?$"
)
_REFERENCE = re.compile(r"[<>{}$%()\[\]|]|^(?:[./~@#]|[A-Za-z]:\\|https?:|file:|arn:|vault:|env[.:]|os\.)")
_IDENTIFIER = re.compile(
    r"[A-Za-z_]+(?:[._:/-]+[A-Za-z_]+)+(?:[._-]?[0-9]{1,2})?|[A-Za-z]+|[A-Z][A-Z0-9_]*|(?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*"
)
_UUID = re.compile(r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HEXADECIMAL = re.compile(r"(?i)[0-9a-f]{32,128}")
_HASHED = re.compile(r"\$(?:2[aby]|argon2|pbkdf2|[156]|scrypt).*|(?i:md5|sha|pbkdf2)[0-9_]{0,4}[-:$].*")
_MOMENT = re.compile(r"[0-9]{1,4}[-/.:][0-9]{1,2}[-/.:][0-9T:. +Z/-]*|[0-9.,+-]+")

_CHOSEN = (
    r"pass?wor[dt]|passwd|passphrase|pwd|parol[iu]?|парол[ьиі]?|рамз|гузарвожа|сыр ?с[өо]з|құпия ?с[өо]з"
)
_ISSUED = (
    r"token|secret(?:[_ .-]?access)?(?:[_ .-]?key)?|credentials?|"
    r"(?:api|access|auth|private|account)[_ .-]?key"
)
_BEGINS = r"(?:(?<![^\W_])|(?<=[a-z])(?=(?-i:[A-Z])))"
_BESIDE = (
    r"[0-9]{0,2}[\"'`]?\s{0,3}(?::=|=>|[:=])\s{0,3}(?:[furb]{0,2}(?P<open>[\"'`]))?"
    r"(?P<value>(?(open)[^\"'`\r\n]{6,200}|[^\s\"'`,;&]{6,200}))"
)


def _is_own(token: str) -> bool:
    """Whether the random part of a token is random."""
    return len(set(token[-16:])) > 5 and not re.search(r"(?i)example|x{6}|1234567890|abcdefgh", token)


def _is_key(token: str) -> bool:
    return len(set(token[-40:])) > 8


def _is_address(token: str) -> bool:
    password, _, host = token.split(":", 2)[2].rpartition("@")
    return "example" not in host.lower() and not (
        _PLACEHOLDER.search(password) or re.search(r"[<>{}$%*\[\]]", password)
    )


def _is_web_token(token: str) -> bool:
    header, payload = (_json(part) for part in token.split(".")[:2])
    return isinstance(header, dict) and isinstance(header.get("alg"), str) and isinstance(payload, dict)


def _json(part: str) -> object:
    try:
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None


def _is_password(value: str) -> bool:
    """Whether a value is as improbable as a password: letters and others, 2.2 bits a character."""
    letters = sum(each.isalpha() for each in value)
    return _may_be_secret(value) and 0 < letters < len(value) and _bits(value) >= 2.2


def _is_token(value: str) -> bool:
    """Whether a value is as improbable as a token: 16 letters and digits, 3.2 bits a character."""
    letters, digits = sum(each.isalpha() for each in value), sum(each.isdigit() for each in value)
    return _may_be_secret(value) and len(value) >= 16 and min(letters, digits) >= 2 and _bits(value) >= 3.2


def _may_be_secret(value: str) -> bool:
    """Whether a value is none of those that programs and manuals put in the place of a secret."""
    if not 6 <= len(value) <= 200 or re.search(r"\s", value):
        return False
    if _PLACEHOLDER.search(value) or _REFERENCE.search(value):
        return False
    return not any(each.fullmatch(value) for each in (_UUID, _MOMENT, _HASHED, _IDENTIFIER))


def _bits(value: str) -> float:
    """Entropy of the characters of a value, in bits a character."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())


def _kind(title: str, hints: str, pattern: str, is_real: Callable[[str], bool] = _is_own) -> Kind:
    name = title.lower().replace(" ", "-")
    return Kind(name, f"{title}s", tuple(hints.split("|")), re.compile(pattern), is_real)


KINDS = (
    _kind("AWS access key", "akia|asia|abia|acca", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    _kind(
        "GitHub token",
        "ghp_|gho_|ghu_|ghs_|ghr_|github_pat_",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b",
    ),
    _kind(
        "GitLab token",
        "glpat-|gldt-|glrt-|glptt-|glsoat-",
        r"(?<![\w-])gl(?:pat|dt|rt|ptt|soat)-[A-Za-z0-9_-]{20,128}",
    ),
    _kind("Slack token", "xox", r"(?<![\w-])xox[abeoprs]-[0-9]{1,16}-[0-9A-Za-z-]{10,250}"),
    _kind(
        "Slack webhook",
        "hooks.slack.com",
        r"https://hooks\.slack\.com/services/T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{24}",
    ),
    _kind("Google API key", "aiza", r"(?<![\w-])AIza[\w-]{35}(?![\w-])"),
    _kind("Google client secret", "gocspx-", r"(?<![\w-])GOCSPX-[\w-]{28}(?![\w-])"),
    _kind("OpenAI key", "t3blbkfj", r"(?<![\w-])sk-(?:[a-z]{1,12}-)?[\w-]{20,100}T3BlbkFJ[\w-]{20,100}"),
    _kind("Anthropic key", "sk-ant-", r"(?<![\w-])sk-ant-[a-z]{3,8}[0-9]{2}-[\w-]{80,120}"),
    _kind("Hugging Face token", "hf_", r"\bhf_[A-Za-z0-9]{34,40}\b"),
    _kind("npm token", "npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
    _kind("PyPI token", "pypi-age", r"(?<![\w-])pypi-AgE[\w-]{60,400}"),
    _kind("Stripe key", "k_live_", r"\b[rs]k_live_[A-Za-z0-9]{20,247}\b"),
    _kind("Telegram bot token", ":aa", r"\b[0-9]{8,10}:AA[\w-]{33}(?![\w-])"),
    _kind("SendGrid key", "sg.", r"(?<![\w-])SG\.[\w-]{22}\.[\w-]{43}(?![\w-])"),
    _kind("DigitalOcean token", "_v1_", r"\bdo[opr]_v1_[a-f0-9]{64}\b"),
    _kind("Azure storage key", "accountkey", r"AccountKey=[A-Za-z0-9+/]{86}=="),
    _kind(
        "private key",
        "private key",
        r"-----BEGIN (?:[A-Z]{2,9} ){0,2}PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[nr]){1,9}[A-Za-z0-9+/:, .-]{40}",
        _is_key,
    ),
    _kind(
        "JSON web token",
        "eyj",
        r"(?<![\w-])eyJ[\w-]{10,2000}\.eyJ[\w-]{5,8000}\.[\w-]{20,2000}",
        _is_web_token,
    ),
    Kind(
        "address-with-password",
        "addresses with a password",
        ("://",),
        re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/:@'\"<>]{0,64}:[^\s/@'\"<>]{3,128}@[\w.-]{1,253}"),
        _is_address,
    ),
    _kind(
        "password",
        "pass|pwd|parol|парол|рамз|гузарвожа|сыр|құпия",
        f"(?i){_BEGINS}(?:{_CHOSEN}){_BESIDE}",
        _is_password,
    ),
    _kind("token", "token|secret|key|credential", f"(?i){_BEGINS}(?:{_ISSUED}){_BESIDE}", _is_token),
)
"""Kinds of secrets, the sure ones first: of two that lie together the first is told."""

_ANCHORS = (
    r"(?:A(?:KI|SI|BI|CC)A[A-Z2-7]{16}|gh[pousr]_|github_pat_|\bgl[a-z]{2,4}-|\bxox[a-z]-|hooks\.slack|AIza|"
    r"GOCSPX|T3BlbkFJ|sk-ant-|hf_|npm_|pypi-AgE|[rs]k_live_|[0-9]:AA|SG\.|_v1_|AccountKey=|PRIVATE KEY|eyJ|"
    r"://[^/]*:[^/]*@|(?i:(?:pass?wor[dt]|passwd|passphrase|pwd|parol[iu]?|парол[ьиі]?|рамз|гузарвожа|с[өо]з|"
    r"token|secret|key|credentials?)[0-9]{0,2}[\"'`]?\s{0,3}(?::=|=>|[:=])))"
)
"""What a cell has to hold for there to be a secret in it, in the syntax of RE2, which looks at all rows."""

_SHORTEST = 12

_ANNOUNCING = {
    name: re.compile(rf"(?i){_BEGINS}(?:{words})[ _]?[0-9]{{0,2}}$")
    for name, words in (("password", _CHOSEN), ("token", _ISSUED))
}


def find_secrets(text: str) -> list[Secret]:
    """Find the secrets in the text of a file or a cell.

    Returns
    -------
    list of Secret
        By place, at most `MOST`; what is an example or a reference is none.
    """
    text = text[:LONGEST]
    small = text.lower()
    found: list[Secret] = []
    spans: list[tuple[int, int]] = []
    for kind in KINDS:
        for start, end in _spans(kind, text, small):
            if len(found) == MOST:
                return sorted(found)
            if not any(start < there and here < end for here, there in spans):
                spans.append((start, end))
                found.append(Secret(start, kind.name))
    return sorted(found)


def secrets_of_cells(cells: pa.ChunkedArray) -> dict[str, int]:
    """Count by kind the distinct cells of a column of text that hold a secret, among all its rows.

    All rows are looked at by RE2, whose time is linear; of the distinct cells
    that may hold one, the first `MOST` are looked at closely.
    """
    import pyarrow.compute as pc

    longest = pc.max(pc.binary_length(cells)).as_py()
    if longest is None or longest < _SHORTEST:
        return {}
    suspects = cells.filter(pc.match_substring_regex(cells, _ANCHORS)).unique().slice(0, MOST)
    kinds = [{each.kind for each in find_secrets(text)} for text in suspects.to_pylist() if text is not None]
    return dict(Counter(kind for each in kinds for kind in each))


@lru_cache(maxsize=64)
def announced_by(name: str) -> str:
    """Return the kind of secret that a column of this name holds: ``password``, ``token`` or nothing."""
    return next((kind for kind, pattern in _ANNOUNCING.items() if pattern.search(name[:200])), "")


def _spans(kind: Kind, text: str, small: str) -> Iterator[tuple[int, int]]:
    if not any(hint in small for hint in kind.hints):
        return
    group = "value" if "value" in kind.pattern.groupindex else 0
    for match in kind.pattern.finditer(text):
        if kind.is_real(match[group].rstrip(".)") if group else match[0]):
            yield match.span(group)


def _find(kind: Kind, content: Content) -> tuple[Places, Places]:
    """Values of a column in which a kind of secret is: beside its word, or under the name of the column."""
    import numpy as np

    found = [] if content.numbers else [start for start, _ in _spans(kind, content.joined, _small(content))]
    places = content.places(found) if found else np.zeros(0, dtype=np.intp)
    if announced_by(content.name) == kind.name:
        values = [text.strip() for text in content.texts]
        bare = [n for n, text in enumerate(values) if kind.is_real(text) and not _HEXADECIMAL.fullmatch(text)]
        places = np.union1d(places, np.array(bare, dtype=np.intp))
    return places, places


@lru_cache(maxsize=2)
def _small(content: Content) -> str:
    return content.joined.lower()


DETECTORS = tuple(Detector(each.name, SECRETS, each.title, partial(_find, each)) for each in KINDS)
