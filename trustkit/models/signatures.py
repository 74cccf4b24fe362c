"""Signatures of models by OpenSSF model-signing, verified offline with a public key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustkit.models.scanning import files_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

_PAYLOAD = "application/vnd.in-toto+json"
_PREDICATE = "https://model_signing/signature/v1.0"
_LARGEST = 64 << 20
_HASHES = {"secp256r1": "SHA256", "secp384r1": "SHA384", "secp521r1": "SHA512"}


class NotSigned(ValueError):  # noqa: N818 (a state, told as what is wrong)
    """A signature that does not hold for a model; the message says why."""


def verify(signature: Path, key: Path, model: Path) -> None:
    """Verify that the holder of a key signed a model as it is.

    The signature is a Sigstore bundle whose DSSE envelope holds an in-toto
    statement of predicate ``https://model_signing/signature/v1.0``: the digest
    of each file, by SHA-256. Signatures by certificates, by Sigstore's
    transparency log and of shards are not verified.

    Parameters
    ----------
    signature : Path
        The bundle, as ``model_signing sign key`` writes it.
    key : Path
        Public key of the curve P-256, P-384 or P-521, PEM.
    model : Path
        The model's file or folder.

    Raises
    ------
    NotSigned
        The bundle cannot be read, the key did not sign it, or a file of the
        model is another than was signed, is missing or came after.
    """
    payload, signed = _envelope(signature)
    _check(_key(key), payload, signed)
    signed_files, left_out = _statement(payload)
    found = {
        name: each
        for name, each in _files(model)
        if each.resolve() != signature.resolve() and not any(_is_under(name, path) for path in left_out)
    }
    absent, further = sorted(signed_files.keys() - found.keys()), sorted(found.keys() - signed_files.keys())
    if absent or further:
        raise NotSigned(f"{(absent or further)[0]} is {'missing' if absent else 'not among what was signed'}")
    for name, path in found.items():
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != signed_files[name]:
                raise NotSigned(f"{model.name if name == '.' else name} is not the file that was signed")


def _envelope(signature: Path) -> tuple[bytes, bytes]:
    try:
        if signature.stat().st_size > _LARGEST:
            raise NotSigned("the signature is no file of a sensible size")
        envelope = json.loads(signature.read_bytes())["dsseEnvelope"]
        if envelope["payloadType"] != _PAYLOAD:
            raise NotSigned(f"the signature is not of the type {_PAYLOAD}")
        (only,) = envelope["signatures"]
        return _decoded(envelope["payload"]), _decoded(only["sig"])
    except (OSError, KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, NotSigned):
            raise
        raise NotSigned("the signature is no bundle of model-signing") from None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError from None


def _key(path: Path) -> EllipticCurvePublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm):
        raise NotSigned("the key is no public key in PEM") from None
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name not in _HASHES:
        raise NotSigned("the key is not of the curve P-256, P-384 or P-521")
    return key


def _check(key: EllipticCurvePublicKey, payload: bytes, signed: bytes) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

    framed = f"DSSEv1 {len(_PAYLOAD)} {_PAYLOAD} {len(payload)} ".encode() + payload
    try:
        key.verify(signed, framed, ECDSA(getattr(hashes, _HASHES[key.curve.name])()))
    except InvalidSignature:
        raise NotSigned("the key did not sign it") from None


def _statement(payload: bytes) -> tuple[dict[str, str], list[str]]:
    """Digests of the files that were signed, and the paths that were left out."""
    try:
        stated = json.loads(payload)
        if stated["predicateType"] != _PREDICATE:
            raise NotSigned(f"what was signed is not of the type {_PREDICATE}")
        how, resources = stated["predicate"]["serialization"], stated["predicate"]["resources"]
        if how["method"] != "files" or how["hash_type"] != "sha256":
            raise NotSigned("only whole files by SHA-256 are verified")
        files: dict[str, str] = {each["name"]: each["digest"].lower() for each in resources}
        whole = hashlib.sha256(b"".join(bytes.fromhex(each["digest"]) for each in resources)).hexdigest()
        (subject,) = stated["subject"]
        if len(files) != len(resources) or subject["digest"]["sha256"].lower() != whole:
            raise NotSigned("what was signed contradicts itself")
        return files, [str(path) for path in how.get("ignore_paths", ())]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        if isinstance(error, NotSigned):
            raise
        raise NotSigned("what was signed is no statement about files") from None


def _files(model: Path) -> list[tuple[str, Path]]:
    return files_of(model) if model.is_dir() else [(".", model)]


def _is_under(name: str, path: Any) -> bool:
    return name == path or name.startswith(f"{path}/")
