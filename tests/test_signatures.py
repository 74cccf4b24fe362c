"""A model's signature by OpenSSF model-signing holds for the files that were signed, and for no others."""

import base64
import hashlib
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from trustkit.checks.security.provenance import provenance
from trustkit.collectors.provenance import collect_provenance
from trustkit.config import Config
from trustkit.errors import ConfigError
from trustkit.evidence.provenance import Provenance
from trustkit.frames import Frame
from trustkit.models.signatures import NotSigned, verify
from trustkit.system import System

MADE = Path(__file__).parent / "data" / "model-signing"
"""Two files, signed by model_signing 1.1.1."""


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(MADE, tmp_path, dirs_exist_ok=True)
    return tmp_path


def holds(folder, signature="model.sig", key="signer.pem", model="model"):
    verify(folder / signature, folder / key, folder / model)


def why_not(folder, **named):
    with pytest.raises(NotSigned) as caught:
        holds(folder, **named)
    return str(caught.value)


def test_what_the_reference_signed_holds(folder):
    holds(folder)
    holds(folder, "file.sig", model="model/config.json")


def test_a_signature_inside_the_folder_is_left_out(folder):
    shutil.move(folder / "model.sig", folder / "model" / "model.sig")
    holds(folder, "model/model.sig")
    (folder / "model" / ".git").mkdir()
    (folder / "model" / ".git" / "HEAD").write_text("x")
    holds(folder, "model/model.sig")


def test_another_file_is_told(folder):
    (folder / "model" / "sub" / "weights.txt").write_text("others")
    assert why_not(folder) == "sub/weights.txt is not the file that was signed"
    (folder / "model" / "further.txt").write_text("x")
    assert why_not(folder) == "further.txt is not among what was signed"
    (folder / "model" / "further.txt").unlink()
    (folder / "model" / "config.json").unlink()
    assert why_not(folder) == "config.json is missing"


def test_another_key_did_not_sign_it(folder):
    (folder / "signer.pem").write_bytes(public(ec.generate_private_key(ec.SECP256R1())))
    assert why_not(folder) == "the key did not sign it"


def public(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def signed(folder, statement, curve=ec.SECP256R1(), hashed=hashes.SHA256()):  # noqa: B008
    """Sign a statement as the reference does."""
    key, kind = ec.generate_private_key(curve), "application/vnd.in-toto+json"
    payload = statement if isinstance(statement, bytes) else json.dumps(statement).encode()
    framed = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": kind,
        "signatures": [{"sig": base64.b64encode(key.sign(framed, ec.ECDSA(hashed))).decode()}],
    }
    (folder / "model.sig").write_text(json.dumps({"dsseEnvelope": envelope}))
    (folder / "signer.pem").write_bytes(public(key))


def statement_of(folder, **changed):
    envelope = json.loads((MADE / "model.sig").read_text())["dsseEnvelope"]
    return {**json.loads(base64.b64decode(envelope["payload"])), **changed}


@pytest.mark.parametrize(
    ("curve", "hashed"),
    [(ec.SECP256R1, hashes.SHA256), (ec.SECP384R1, hashes.SHA384), (ec.SECP521R1, hashes.SHA512)],
)
def test_the_three_curves(folder, curve, hashed):
    signed(folder, statement_of(folder), curve(), hashed())
    holds(folder)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"predicateType": "https://model_signing/Digests/v0.1"}, "is not of the type"),
        ({"subject": [{"name": "model", "digest": {"sha256": "00"}}]}, "contradicts itself"),
        ({"subject": []}, "no statement about files"),
        ({"predicate": {}}, "no statement about files"),
        (
            {"predicate": {"serialization": {"method": "shards", "hash_type": "sha256"}, "resources": []}},
            "only whole files",
        ),
        (
            {"predicate": {"serialization": {"method": "files", "hash_type": "blake3"}, "resources": []}},
            "only whole files",
        ),
    ],
)
def test_what_is_signed_has_to_speak_of_files(folder, changed, words):
    signed(folder, statement_of(folder, **changed))
    assert words in why_not(folder)


def test_what_is_no_bundle_or_no_key(folder):
    signed(folder, b"[[[")
    assert "no statement about files" in why_not(folder)
    for text in ("", "[]", "{", '{"dsseEnvelope": {"payloadType": "text", "signatures": []}}', "[" * 100_000):
        (folder / "model.sig").write_text(text)
        assert "signature is no" in why_not(folder)
    shutil.copy(MADE / "model.sig", folder)
    (folder / "signer.pem").write_bytes(public(ed25519.Ed25519PrivateKey.generate()))
    assert "not of the curve" in why_not(folder)
    (folder / "signer.pem").write_text("no key")
    assert "no public key" in why_not(folder)


def collected(folder, model="model", trust=None, **options):
    pd.DataFrame({"y": [0, 1] * 20}).to_csv(folder / "audit.csv", index=False)
    system = {"model": model, **({"trust": trust} if trust else {})}
    data = {"audit": "audit.csv"}
    made = Config.of(folder=folder, system=system, data=data, options={"security/provenance": options})
    frame = Frame.open("audit.csv", folder=folder)
    return collect_provenance(SimpleNamespace(system=System(config=made), frame=frame, data=made.data))


def figures(found):
    return {each.metric: (each.value, each.note) for each in provenance(found)}


def test_a_signature_that_holds_is_a_digest_to_hold_to(folder):
    assert figures(collected(folder))["missing"][0] == 1
    found = collected(folder, signature="model.sig", key="signer.pem")
    assert figures(found)["missing"] == (0, None)
    assert figures(found)["unsigned"] == (0, None)
    assert "it holds" in found.notes()[-1]
    (folder / "model" / "config.json").write_text("{}")
    found = collected(folder, signature="model.sig", key="signer.pem")
    assert figures(found)["missing"][0] == 1
    assert figures(found)["unsigned"] == (1, "config.json is not the file that was signed")
    assert Provenance.from_json(found.to_json()) == found
    assert (found + collected(folder)).unsigned == found.unsigned


def test_a_lock_file_is_held_to_its_digest(folder):
    (folder / "uv.lock").write_text("version = 1\n")
    digest = "sha256:" + hashlib.sha256(b"version = 1\n").hexdigest()
    assert figures(collected(folder, locks={"uv.lock": "sha256:" + digest.removeprefix("sha256:").upper()}))[
        "changed"
    ] == (0, None)
    (folder / "uv.lock").write_text("version = 2\n")
    found = collected(folder, locks={"uv.lock": digest})
    assert figures(found)["changed"] == (1, "uv.lock")
    assert [file.role for file in found.files] == ["audit", "lock", "model"]
    assert "changed" not in figures(collected(folder))


@pytest.mark.parametrize(
    ("options", "key", "words"),
    [
        ({"locks": {"uv.lok": "sha256:" + "0" * 64}}, "locks.uv.lok", "there is no file uv.lok"),
        ({"locks": {"uv.lock": "sha256:12"}}, "locks.uv.lock", "is no digest"),
        ({"locks": ["uv.lock"]}, "locks", "is no table"),
        ({"signature": "model.sig"}, "key", "named together"),
        ({"key": "signer.pem"}, "signature", "named together"),
        ({"signature": "modl.sig", "key": "signer.pem"}, "signature", "there is no file modl.sig"),
    ],
)
def test_what_is_wrong_with_the_options_is_said(folder, options, key, words):
    (folder / "uv.lock").write_text("")
    with pytest.raises(ConfigError) as caught:
        collected(folder, **options)
    (problem,) = caught.value.problems
    assert problem.key == f'options."security/provenance".{key}'
    assert words in problem.found
    assert "no file" not in words or problem.nearest in ("uv.lock", "model.sig")


def test_an_endpoint_has_no_files_to_sign(folder):
    with pytest.raises(ConfigError, match="no file or folder"):
        collected(folder, "https://host/infer", signature="model.sig", key="signer.pem")
