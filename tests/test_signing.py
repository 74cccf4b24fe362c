"""A signed card: what is altered afterwards, a file or the key, is caught and named."""

import base64
import builtins
import json
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from trustkit.cli import app
from trustkit.errors import ConfigError
from trustkit.signing import private_key, public_key, sign, signature_of, signed

AS_OF = ["--as-of", "2026-11-24"]
OPENSSL = shutil.which("openssl")

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="the keys are made by openssl")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A pair of keys, another one, and keys of other kinds, made as the documentation says."""
    folder = tmp_path_factory.mktemp("keys")

    def openssl(*arguments):
        subprocess.run([OPENSSL, *arguments], cwd=folder, check=True, capture_output=True)

    for name in ("key", "other"):
        openssl("genpkey", "-algorithm", "ed25519", "-out", f"{name}.pem")
        openssl("pkey", "-in", f"{name}.pem", "-pubout", "-out", f"{name}.pub")
    openssl("pkey", "-in", "key.pem", "-aes256", "-passout", "pass:x", "-out", "locked.pem")
    openssl("genpkey", "-algorithm", "x25519", "-out", "x25519.pem")
    openssl("pkey", "-in", "x25519.pem", "-pubout", "-out", "x25519.pub")
    return folder


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A model, its data and a configuration."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    data = pd.DataFrame(
        {"x": rng.random(400), "g": rng.choice(["a", "b"], 400), "y": rng.integers(0, 2, 400)}
    )
    data.to_csv("data.csv", index=False)
    (tmp_path / "signed_model.py").write_text("def decide(X):\n    return (X['x'] > 0.5).astype(int)\n")
    (tmp_path / "trustkit.toml").write_text(
        """
[system]
name = "Signed"
model = "signed_model:decide"
[data]
audit = "data.csv"
target = "y"
features = ["x"]
sensitive = ["g"]
[policy]
use = ["fairness-baseline"]
fail_on = "never"
[output]
files = ["card.json"]
"""
    )
    return tmp_path


def run(*arguments, status=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return result


def audit(keys, *more, status=0):
    return run("audit", ".", *AS_OF, "--sign", keys / "key.pem", *more, status=status)


def verify(keys, status=0, key="key.pub"):
    return run("verify", "card.json", "--key", keys / key, status=status).stdout.splitlines()


def test_a_signed_card_is_verified(project, keys):
    assert audit(keys).stderr.splitlines() == ["wrote card.json", "wrote card.sig.json"]
    assert verify(keys) == ["verified: the signature, the digest and 2 input files"]
    assert run("verify", "card.json").stdout.splitlines() == [
        "verified: the digest and 2 input files",
        "not verified: the signature card.sig.json, without --key",
    ]
    shutil.move("card.sig.json", "elsewhere.json")
    arguments = ["--key", keys / "key.pub", "--signature", "elsewhere.json"]
    assert run("verify", "card.json", *arguments).exit_code == 0


def test_the_statement_binds_card_model_and_data(project, keys):
    audit(keys)
    envelope = json.loads((project / "card.sig.json").read_text())
    payload = base64.b64decode(envelope["payload"])
    statement = json.loads(payload)
    assert (
        payload == json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    )
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    named = {each["name"]: each.get("annotations", {}).get("role") for each in statement["subject"]}
    assert named == {"scorecard.json": None, "data.csv": "audit", "signed_model.py": "model"}


def test_openssl_verifies_the_same_bytes(project, keys):
    audit(keys)
    envelope = json.loads((project / "card.sig.json").read_text())
    kind, payload = envelope["payloadType"].encode(), base64.b64decode(envelope["payload"])
    (project / "signed").write_bytes(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload))
    (project / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    arguments = ["pkeyutl", "-verify", "-pubin", "-inkey", keys / "key.pub", "-rawin", "-in", "signed"]
    subprocess.run([OPENSSL, *arguments, "-sigfile", "sig"], cwd=project, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("file", "found"),
    [("data.csv", "changed: audit data.csv"), ("signed_model.py", "changed: model signed_model.py")],
)
def test_an_altered_file_is_named(project, keys, file, found):
    audit(keys)
    (project / file).write_text((project / file).read_text() + "\n")
    assert verify(keys, status=1) == [found, "not verified"]
    (project / file).unlink()
    assert (
        verify(keys, status=1)[0] == f"missing: {found.removeprefix('changed: ')}: No such file or directory"
    )


def test_an_altered_card_is_caught_though_its_digest_is_made_anew(project, keys):
    from trustkit.scorecard import digest_of

    audit(keys)
    data = json.loads((project / "card.json").read_text())
    control = data["controls"][0]
    verdict, control["verdict"] = control["verdict"], "pass"
    assert verdict == "inconclusive"
    data["digest"] = digest_of(data)
    (project / "card.json").write_text(json.dumps(data, indent=1))
    assert run("verify", "card.json").stdout.startswith("verified")
    assert verify(keys, status=1) == [
        "changed: the scorecard is not the file that was signed",
        f"changed: control {control['id']}: passed, signed as open",
        "not verified",
    ]


def test_an_input_taken_off_the_card_is_still_compared_with_what_was_signed(project, keys):
    audit(keys)
    data = json.loads((project / "card.json").read_text())
    data["run"]["inputs"] = []
    (project / "card.json").write_text(json.dumps(data, indent=1))
    (project / "data.csv").write_text("x\n")
    assert verify(keys, status=1) == [
        "changed: the scorecard is not the file that was signed",
        "changed: audit data.csv",
        "not verified",
    ]


def test_another_key_or_an_altered_signature_is_caught(project, keys):
    audit(keys)
    wrong = "signature card.sig.json: not signed with this key, or changed since"
    assert verify(keys, status=1, key="other.pub") == [wrong, "not verified"]
    envelope = json.loads((project / "card.sig.json").read_text())
    statement = json.loads(base64.b64decode(envelope["payload"]))
    statement["predicate"]["result"] = "PASSED"
    forged = {**envelope, "payload": base64.b64encode(json.dumps(statement).encode()).decode()}
    for altered in (
        forged,
        {**envelope, "payloadType": "text/plain"},
        {**envelope, "signatures": []},
    ):
        (project / "card.sig.json").write_text(json.dumps(altered))
        assert verify(keys, status=1) == [wrong, "not verified"]
    for text in ("", "[]", "{}", json.dumps({**envelope, "payload": "*"})):
        (project / "card.sig.json").write_text(text)
        assert verify(keys, status=1)[0] == "signature card.sig.json: no envelope of a signature"
    (project / "card.sig.json").unlink()
    assert verify(keys, status=1)[0] == "signature card.sig.json: No such file or directory"


def test_the_evidence_that_was_judged_is_bound_too(project, keys):
    run("collect", ".", "-o", "evidence.json")
    more = ["--config", "trustkit.toml", *AS_OF, "--sign", keys / "key.pem"]
    run("judge", "evidence.json", *more)
    assert verify(keys) == ["verified: the signature, the digest and 3 input files"]
    text = (project / "evidence.json").read_text()
    (project / "evidence.json").write_text(text.replace('"rows":400', '"rows":401'))
    assert verify(keys, status=1) == ["changed: evidence evidence.json", "not verified"]
    assert run("verify", "card.json", status=1).stdout.startswith("changed: evidence evidence.json")


def test_a_folder_is_a_model_too(project, keys):
    folder = project / "model"
    folder.mkdir()
    for name in ("weights.bin", "config.json"):
        (folder / name).write_text(name)
    text = (project / "trustkit.toml").read_text().replace('"signed_model:decide"', '"model"')
    data = pd.read_csv("data.csv")
    data.assign(d=data["y"]).to_csv("data.csv", index=False)
    (project / "trustkit.toml").write_text(text.replace('target = "y"', 'target = "y"\nprediction = "d"'))
    audit(keys)
    assert verify(keys) == ["verified: the signature, the digest and 2 input files"]
    (folder / "weights.bin").write_text("other")
    assert verify(keys, status=1) == ["changed: model model", "not verified"]


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("none.pem", "No such file or directory"),
        ("key.pub", "no private key in PEM"),
        ("locked.pem", "encrypted; `openssl pkey -in FILE` writes it plain"),
        ("x25519.pem", "a key of another kind; `openssl genpkey -algorithm ed25519` makes the right one"),
    ],
)
def test_a_wrong_key_is_told_before_anything_is_audited(project, keys, key, found):
    result = run("audit", ".", "--sign", keys / key, "--only", "bais", status=2)
    assert result.stdout == ""
    assert f"error: {keys / key}: {found}" in result.stderr.splitlines()
    assert "did you mean 'bias'?" in result.stderr
    assert not (project / "card.json").exists()


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("none.pub", "No such file or directory"),
        ("key.pem", "the private key; `openssl pkey -in FILE -pubout` writes the public one"),
        ("x25519.pub", "a key of another kind; `openssl genpkey -algorithm ed25519` makes the right one"),
    ],
)
def test_a_wrong_public_key_is_a_wrong_command(project, keys, key, found):
    audit(keys)
    result = run("verify", "card.json", "--key", keys / key, status=2)
    assert (result.stdout, result.stderr) == ("", f"error: {keys / key}: {found}\n")


def test_there_has_to_be_a_card_to_sign_and_a_key_to_verify_with(project, keys):
    (project / "trustkit.toml").write_text(
        (project / "trustkit.toml").read_text().replace("card.json", "card.md")
    )
    nothing = "error: --sign: there is no scorecard to sign: name one with -o FILE.json, or in output.files\n"
    assert audit(keys, status=2).stderr == nothing
    audit(keys, "-o", "card.json")
    assert (
        run("verify", "card.json", "--signature", "x", status=2).stderr
        == "error: --signature: given without --key\n"
    )


def test_without_the_extra_the_command_says_what_to_install(project, keys, monkeypatch):
    imported = builtins.__import__

    def without(name, *rest, **keys):
        if name.startswith("cryptography"):
            raise ImportError(name)
        return imported(name, *rest, **keys)

    monkeypatch.setattr(builtins, "__import__", without)
    needed = "needs the package cryptography: pip install 'trustkit-audit[sign]'"
    assert audit(keys, status=2).stderr == f"error: --sign: {needed}\n"
    run("audit", ".", *AS_OF)
    arguments = ["verify", "card.json", "--key", keys / "key.pub"]
    assert run(*arguments, status=2).stderr == f"error: --key: {needed}\n"


def test_in_python(project, keys):
    run("audit", ".", *AS_OF)
    beside = sign(project / "card.json", private_key(keys / "key.pem"))
    assert beside == signature_of(project / "card.json") == project / "card.sig.json"
    assert signed(beside, public_key(keys / "key.pub"))["subject"][0]["name"] == "scorecard.json"
    with pytest.raises(ConfigError, match="no private key"):
        private_key(keys / "key.pub")
