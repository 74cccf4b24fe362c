"""Signing a scorecard: Ed25519 over a statement that binds the card, the model and the data."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustkit.errors import ConfigError, Problem
from trustkit.evidence import write_whole
from trustkit.renderers.intoto import statement
from trustkit.scorecard import Scorecard

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PAYLOAD = "application/vnd.in-toto+json"


class Unsigned(ValueError):  # noqa: N818 (a state, told as what is wrong)
    """A signature that is none, or not of this key; the message says what is wrong with it."""


def signature_of(card: Path) -> Path:
    """File beside a card that holds its signature: ``card.json`` has ``card.sig.json``."""
    return card.with_suffix(".sig.json")


def sign(card: Path, key: Ed25519PrivateKey) -> Path:
    """Sign a card's file, and return the file of the signature beside it.

    The envelope is DSSE 1.0 (https://github.com/secure-systems-lab/dsse), its
    payload an in-toto statement over the SHA-256 of the card's file and of each
    file that was audited, as canonical JSON: sorted keys, no spaces, UTF-8.
    """
    stated = statement(Scorecard.load(card), hashlib.sha256(card.read_bytes()).hexdigest())
    payload = json.dumps(stated, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    signature = {"keyid": _keyid(key.public_key()), "sig": _text(key.sign(_framed(PAYLOAD, payload)))}
    envelope = {"payloadType": PAYLOAD, "payload": _text(payload), "signatures": [signature]}
    beside = signature_of(card)
    write_whole(beside, json.dumps(envelope, indent=1) + "\n")
    return beside


def signed(signature: Path, key: Ed25519PublicKey) -> dict[str, Any]:
    """Return the statement that a signature's file holds.

    Raises
    ------
    Unsigned
        Where it is not there, is no envelope, or `key` did not sign it.
    """
    from cryptography.exceptions import InvalidSignature

    try:
        envelope = json.loads(signature.read_text(encoding="utf-8"))
        kind, payload = envelope["payloadType"], _bytes(envelope["payload"])
        found = [_bytes(each["sig"]) for each in envelope["signatures"]]
    except OSError as error:
        raise Unsigned(error.strerror or "cannot be read") from None
    except (ValueError, LookupError, TypeError, AttributeError):
        raise Unsigned("no envelope of a signature") from None
    for each in found:
        try:
            key.verify(each, _framed(str(kind), payload))
        except InvalidSignature:
            continue
        stated: dict[str, Any] = json.loads(payload)
        return stated
    raise Unsigned("not signed with this key, or changed since")


def private_key(path: Path) -> Ed25519PrivateKey:
    """Read the key to sign with, an unencrypted PEM file.

    Raises
    ------
    ConfigError
        Where there is none, or the extra ``sign`` is not installed.
    """
    ed25519, serialization, unsupported = _cryptography("--sign")
    content = _read(path)
    try:
        key = serialization.load_pem_private_key(content, password=None)
    except TypeError:
        found = "encrypted; `openssl pkey -in FILE` writes it plain"
        raise ConfigError([Problem(str(path), found)]) from None
    except (ValueError, unsupported):
        raise ConfigError([Problem(str(path), "no private key in PEM")]) from None
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise ConfigError([Problem(str(path), _OTHER)])
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """Read the key to verify with, a PEM file.

    Raises
    ------
    ConfigError
        Where there is none, or the extra ``sign`` is not installed.
    """
    ed25519, serialization, unsupported = _cryptography("--key")
    content = _read(path)
    try:
        key = serialization.load_pem_public_key(content)
    except (ValueError, unsupported):
        private = b"PRIVATE KEY" in content
        found = "the private key; `openssl pkey -in FILE -pubout` writes the public one"
        raise ConfigError([Problem(str(path), found if private else "no public key in PEM")]) from None
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise ConfigError([Problem(str(path), _OTHER)])
    return key


_OTHER = "a key of another kind; `openssl genpkey -algorithm ed25519` makes the right one"


def _cryptography(option: str) -> tuple[Any, Any, type[Exception]]:
    """Keys of this kind, their files, and the error of a kind that is not known."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        found = "needs the package cryptography: pip install 'trustkit-audit[sign]'"
        raise ConfigError([Problem(option, found)]) from None
    return ed25519, serialization, UnsupportedAlgorithm


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError([Problem(str(path), error.strerror or "cannot be read")]) from None


def _framed(kind: str, payload: bytes) -> bytes:
    """Bytes that are signed: DSSE's pre-authentication encoding of the payload and its type."""
    return b" ".join(
        [b"DSSEv1", *(part for each in (kind.encode(), payload) for part in (b"%d" % len(each), each))]
    )


def _keyid(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
