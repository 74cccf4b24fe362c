"""Secrets: found by prefix, structure or the word beside them; what only looks like one is none."""

import base64
import json
import random
import string
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from trustkit import NotApplicable, System, audit, collect
from trustkit.checks.data_protection.secrets import secrets
from trustkit.collectors import settings
from trustkit.collectors.cache import key_of
from trustkit.collectors.contents import columns_of, schema_of
from trustkit.detectors.content import Content
from trustkit.detectors.secrets import (
    DETECTORS,
    KINDS,
    LONGEST,
    MOST,
    announced_by,
    find_secrets,
    secrets_of_cells,
)
from trustkit.evidence.contents import AUDIT, MODEL, TRAIN, Column, Contents, Hits
from trustkit.frames import Frame

DRAW = random.Random(7)  # noqa: S311
WORD, UPPER, HEX = string.ascii_letters + string.digits, string.ascii_uppercase + "234567", "0123456789abcdef"


def drawn(n, signs=WORD):
    """Signs that no manual holds."""
    return "".join(DRAW.choice(signs) for _ in range(n))


def web_token():
    parts = [{"alg": "HS256", "typ": "JWT"}, {"sub": drawn(8), "iat": 1700000000}]
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*coded, drawn(43)])


def pem(kind=""):
    lines = "\n".join(drawn(64) for _ in range(5))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{lines}\n-----END {kind}PRIVATE KEY-----"


SECRETS = {
    "AWS access key": lambda: "AKIA" + drawn(16, UPPER),
    "GitHub token": lambda: "ghp_" + drawn(36),
    "GitHub token, fine-grained": lambda: f"github_pat_{drawn(22)}_{drawn(59)}",
    "GitLab token": lambda: "glpat-" + drawn(20),
    "Slack token": lambda: f"xoxb-{drawn(12, string.digits)}-{drawn(12, string.digits)}-{drawn(24)}",
    "Slack webhook": lambda: f"https://hooks.slack.com/services/T{drawn(9, UPPER)}/B0{drawn(8, UPPER)}/{drawn(24)}",  # noqa: E501
    "Google API key": lambda: "AIza" + drawn(35),
    "Google client secret": lambda: "GOCSPX-" + drawn(28),
    "OpenAI key": lambda: f"sk-{drawn(20)}T3BlbkFJ{drawn(20)}",
    "OpenAI key, project": lambda: f"sk-proj-{drawn(74)}T3BlbkFJ{drawn(74)}",
    "Anthropic key": lambda: f"sk-ant-api03-{drawn(93)}AA",
    "Hugging Face token": lambda: "hf_" + drawn(34),
    "npm token": lambda: "npm_" + drawn(36),
    "PyPI token": lambda: "pypi-AgEIcHlwaS5vcmc" + drawn(100),
    "Stripe key": lambda: "sk_live_" + drawn(24),
    "Telegram bot token": lambda: f"{drawn(10, '123456789')}:AA{drawn(33)}",
    "SendGrid key": lambda: f"SG.{drawn(22)}.{drawn(43)}",
    "DigitalOcean token": lambda: "dop_v1_" + drawn(64, HEX),
    "Azure storage key": lambda: f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={drawn(86)}==",
    "private key": pem,
    "private key, RSA": lambda: pem("RSA "),
    "private key, of a service account": lambda: json.dumps({"private_key": pem()}),
    "JSON web token": web_token,
    "address with a password": lambda: f"postgresql://risk:{drawn(12)}@db.bank.tj:5432/loans",
    "address with a password, of git": lambda: f"https://ci:{drawn(20)}@git.bank.tj/risk.git",
    "password": lambda: f"password = \"{drawn(10)}7!\"",
    "password, of a server": lambda: f"Server=db;Database=x;User Id=sa;Password={drawn(9)}4;",
    "password, in a letter": lambda: f"логин: admin, пароль: Zima{drawn(4, string.digits)}!",
    "password, in Tajik": lambda: f"рамз: {drawn(9)}5",
    "password, in Kazakh": lambda: f"құпия сөз: {drawn(9)}5",
    "password, in Uzbek": lambda: f"parol: Toshkent{drawn(4, string.digits)}",
    "password, camel case": lambda: f"dbPassword: {drawn(9)}3",
    "token": lambda: f"API_KEY={drawn(32)}1a2",
    "token, hexadecimal": lambda: f"SECRET_KEY = '{drawn(50, HEX)}'",
    "token, of AWS": lambda: f"aws_secret_access_key = {drawn(20)}/{drawn(17)}+1",
    "token, in YAML": lambda: f"  client_secret: {drawn(40)}9z8",
}  # fmt: skip

BENIGN = {
    "lock file": '"integrity": "sha512-' + base64.b64encode(DRAW.randbytes(64)).decode() + '"',
    "lock file of Python": f'hash = "sha256:{drawn(64, HEX)}"',
    "requirements": f"numpy==2.0.2 --hash=sha256:{drawn(64, HEX)}",
    "commit": f"commit {drawn(40, HEX)}",
    "uuid": "user_token: 8b3c4f66-55a1-4a56-9d1e-0c9b0a1d2e3f",
    "image": "data:image/png;base64," + base64.b64encode(DRAW.randbytes(30_000)).decode(),
    "camel case": "token = SomeVeryLongFactoryBeanNameThatSaysAll2",
    "class": "secret: org.springframework.security.SecretHolder",
    "reference": "password = ${DB_PASSWORD}",
    "template": "password: {{ vault_password1 }}",
    "angle": "token=<token-of-24-signs-here>",
    "argument": "password=getpass.getpass('Password 1?')",
    "lookup": 'token = os.environ["GITHUB_TOKEN_2"]',
    "changeme": "password = changeme123",
    "crosses": "api_key = xxxxxxxxxxxxxxxxxxxx",
    "stars": "password: ******** ",
    "of a manual": "AKIAIOSFODNN7EXAMPLE",
    "of another manual": "ghp_1234567890abcdefghijklmnopqrstuvwxyzAB",
    "database of a manual": "postgresql://user:password@localhost/db",
    "address of a manual": "see https://abc:xyz123@example.com/x and https://a:pw-12@sub.example.org",
    "address with a port": "http://localhost:8080/@home and https://a.b/c:d@e",
    "time": "2026-11-23T12:00:00:AAAA",
    "header alone": "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    "public key": "-----BEGIN PUBLIC KEY-----\n" + drawn(64) + "\n-----END PUBLIC KEY-----",
    "certificate": "-----BEGIN CERTIFICATE-----\nMIID" + drawn(60) + "\n",
    "three parts": "eyJhbGciOiJI.eyJzdWIiOi.notatoken",
    "vocabulary": '"pad_token": "<pad>", "tokenizer_class": "BertTokenizerFast", "max_tokens": 4096',
    "token types": "token_type: bearer, token_count: 1234567890123456",
    "advice": "Password: at least eight signs, one a digit",
    "field": "password: CharField(max_length=128)",
    "kind": "secret: kubernetes.io/service-account-token-2",
    "hashed": "password = $2b$12$" + drawn(53),
    "password's digest": f"password_hash = {drawn(64, HEX)}",
    "key of a map": "key: customers/2026/part-00017.parquet",
    "path": "secret: /run/secrets/db_password1",
    "day": "password_changed: 2026-11-23",
    "sentence": "пароль: обязательное поле",
    "passport": "passport: AB1234567",
    "compass": "compass: north-27.5",
    "keyboard": "monkey: banana12345678901a",
    "skimage": "sk-learn sk-image task-" + drawn(24),
    "version": "hf_hub_url hf_transformers npm_config_registry",
    "words": "a secret is a token of trust; the password was forgotten in 2024",
    "email": "mail: some.one@example.org:8080",
}


def kind_of(name):
    return name.partition(",")[0].lower().replace(" ", "-").replace("with-a-", "with-")


@pytest.mark.parametrize("name", SECRETS)
def test_each_kind_is_found_where_it_stands(name):
    for _ in range(25):
        secret = SECRETS[name]()
        for before, after in [("", ""), ("see ", " there"), ('{"a": 1, "b": "', '"}')]:
            if before.startswith("{") and '"' in secret:
                continue
            found = find_secrets(before + secret + after)
            assert [each.kind for each in found] == [kind_of(name)], (name, before)
            assert 0 <= found[0].at - len(before) <= len(secret)


@pytest.mark.parametrize("name", BENIGN)
def test_what_looks_like_a_secret_is_none(name):
    assert find_secrets(BENIGN[name]) == []


def test_no_part_of_a_secret_is_in_what_is_told():
    for make in SECRETS.values():
        text = make()
        told = repr(find_secrets(text))
        assert not any(
            text[at : at + 6] in told
            for at in range(len(text) - 6)
            if text[at : at + 6].isalnum() and any(sign.isdigit() for sign in text[at : at + 6])
        )


def found_in(column, *values):
    content = Content(column, list(values))
    return {each.name: each.find(content)[1].tolist() for each in DETECTORS if len(each.find(content)[1])}


def test_the_name_of_a_column_stands_for_the_word():
    assert announced_by("user_password") == announced_by("Parol") == "password"
    assert announced_by("apiKey") == announced_by("API_KEY_2") == "token"
    for name in ("password_hash", "tokens", "compassword", "token_count", "secretary", ""):
        assert announced_by(name) == ""
    assert found_in("password", "walking", "Zima2024!") == {"password": [1]}
    assert found_in("remark", "Zima2024!") == {}
    hashed = [
        "$2b$12$" + drawn(53),
        drawn(64, HEX),
        "8b3c4f66-55a1-4a56-9d1e-0c9b0a1d2e3f",
        "walking",
        "1234567",
    ]
    assert found_in("password", *hashed) == found_in("token", *hashed) == {}


def test_values_of_a_column_are_told_by_place():
    assert found_in("note", "nothing", SECRETS["GitHub token"](), "пароль: Zima2024!", "x") == {
        "github-token": [1], "password": [2]
    }  # fmt: skip
    for name, make in SECRETS.items():
        assert kind_of(name) in found_in("note", "a", make().replace("\n", " ")), name
    for text in BENIGN.values():
        assert found_in("note", text.replace("\n", " ")) == {}


def test_random_text_holds_none():
    """Base64 and identifiers of 2 MB: chance alone gives no hit."""
    alphabet = WORD + "+/"
    assert not any(find_secrets(drawn(1000, alphabet)) for _ in range(500))
    assert not any(
        find_secrets(f"id_{drawn(20, HEX)} {drawn(12, string.digits)} {drawn(9)}") for _ in range(5000)
    )


@pytest.mark.parametrize(
    "text",
    [
        "eyJ" * 400_000, "eyJ-" * 300_000, "eyJa.eyJa." * 100_000, "sk-" * 400_000, "xoxb-1-" * 150_000,
        "a://:" * 250_000, "://" * 400_000, "a." * 600_000, "password=" * 130_000, "password= " * 120_000,
        "token:'" * 170_000, "AKIA" * 300_000, "-----BEGIN " * 100_000,
        "-----BEGIN PRIVATE KEY-----" * 40_000,
        "-----BEGIN PRIVATE KEY-----" + "\n\\n" * 400_000, "SG." * 400_000, "\x00\ud800" * 600_000,
        "пароль:" * 160_000, "_" * 1_200_000, "hf_" + "a" * 1_200_000, "secretaccesskey" * 80_000,
        "1234567890:AA" * 90_000, "github_pat_" * 110_000,
    ],
    ids=lambda text: ascii(text[:12]),
)  # fmt: skip
def test_no_text_takes_long(text):
    text = text[:500_000]
    started = time.process_time()
    find_secrets(text)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("megabytes", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_a_long_text_is_cut(megabytes):
    text = "x " * (megabytes * 500_000) + "AKIA" + drawn(16, UPPER)
    started = time.process_time()
    assert find_secrets(text) == []
    assert time.process_time() - started < 2
    assert find_secrets("x " * (LONGEST // 4) + "AKIA" + drawn(16, UPPER))


def test_a_text_of_nothing_but_secrets_is_left_when_enough_are_found():
    text = "\n".join(f"token = {n:06}{drawn(26)}" for n in range(60_000))
    started = time.process_time()
    assert len(find_secrets(text)) == MOST
    assert time.process_time() - started < 2


def test_the_first_look_misses_nothing():
    for name, make in SECRETS.items():
        (kind,) = [each for each in KINDS if each.name == kind_of(name)]
        assert any(hint in make().lower() for hint in kind.hints), name


def contents(columns, files=None):
    """Evidence of columns of 10 values, by kind how many hold a secret."""
    return Contents(
        schema_of(),
        {
            key: Column(10, 10, 10, {kind: Hits(False, n, n) for kind, n in kinds.items()})
            for key, kinds in columns.items()
        },
        {},
        files or {},
    )


class TestColumns:
    def test_one_cell_of_many_is_found(self):
        notes = np.char.add("order ", np.arange(300_000).astype(str)).astype(object)
        notes[123_456] = f"use ghp_{drawn(36)} until Friday"
        notes[200_000] = "парол: Zima2024! лутфан"
        frame = Frame.open(pd.DataFrame({"note": notes, "n": range(300_000)}))
        started = time.process_time()
        column = columns_of(frame, AUDIT)[AUDIT, "note"]
        assert time.process_time() - started < 3
        assert column.of > column.values
        assert {kind: hits.proven for kind, hits in column.hits.items()} == {"github-token": 1, "password": 1}

    def test_a_secret_late_in_a_long_cell_is_found(self):
        frame = Frame.open(pd.DataFrame({"note": ["x " * 50_000 + "glpat-" + drawn(20), "y"]}))
        assert columns_of(frame, AUDIT)[AUDIT, "note"].hits["gitlab-token"].proven == 1

    def test_every_kind_passes_the_first_look(self):
        for name, make in SECRETS.items():
            assert secrets_of_cells(pa.chunked_array([[make(), "a", None]])) == {kind_of(name): 1}, name
        assert secrets_of_cells(pa.chunked_array([list(BENIGN.values())])) == {}
        assert secrets_of_cells(pa.chunked_array([[None]], pa.string())) == {}
        assert secrets_of_cells(pa.chunked_array([[]], pa.string())) == {}


class TestCheck:
    def test_counts(self):
        found = contents(
            {
                (AUDIT, "note"): {"password": 2, "github-token": 1, "kz-iin": 4},
                (AUDIT, "clean"): {"kz-iin": 4},
                (TRAIN, "note"): {"password": 1},
                (MODEL, "model.pkl"): {"aws-access-key": 1},
            },
            {".env": {"password": 3}, "trustkit.toml": {}},
        )
        estimates = {str(each.subject): each for each in secrets(found)}
        assert {name: (each.value, each.interval(0.9)) for name, each in estimates.items()} == {
            "{'column': 'note'}": (3, (3, 3)),
            "{'column': 'note', 'role': 'train'}": (1, (1, 1)),
            "{'file': 'model.pkl'}": (1, (1, 1)),
            "{'file': '.env'}": (3, (3, 3)),
            "{'places': 'all others'}": (0, (0, 0)),
        }
        assert (
            estimates["{'column': 'note'}"].note == "GitHub tokens: 1, passwords: 2; of 10 values looked at"
        )
        assert estimates["{'places': 'all others'}"].note == "2 of 6 columns and files: none found"

    def test_nothing_to_search(self):
        with pytest.raises(NotApplicable, match="nothing was searched"):
            secrets(contents({}))
        assert [each.value for each in secrets(contents({}, {"a.toml": {}}))] == [0]


class TestAudit:
    @pytest.fixture
    def folder(self, tmp_path):
        log = pd.DataFrame(
            {"x": range(20), "note": ["paid", "late"] * 10, "y": [0, 1] * 10, "d": [1, 0] * 10}
        )
        log.to_csv(tmp_path / "log.csv", index=False)
        text = '[data]\naudit = "log.csv"\ntarget = "y"\nprediction = "d"\n[policy]\nuse = ["unga-78-265"]\n'
        (tmp_path / "trustkit.toml").write_text(text)
        return tmp_path

    def verdicts(self, folder, **keys):
        card = audit(config=folder, only=["data-protection/secrets"], **keys)
        return {each.id.partition(":secrets:")[2]: each.verdict for each in card.findings}

    def test_clean(self, folder):
        assert self.verdicts(folder) == {"places=all others:max": "pass"}

    def test_settings_and_notebooks_beside_the_configuration(self, folder):
        (folder / ".env.local").write_text("DB_PASSWORD=kX93-bluebird\n")
        (folder / "a.yaml").write_text("url: https://ci:kX93bluebird@git.bank.tj/x\n")
        (folder / "deep").mkdir()
        (folder / "deep" / ".env").write_text("DB_PASSWORD=kX93-bluebird\n")
        (folder / "notes.txt").write_text("DB_PASSWORD=kX93-bluebird\n")
        (folder / "large.json").write_bytes(b"password=kX93-bluebird" + b" " * settings.LARGEST)
        (folder / "picture.json").write_bytes(b"\x89PNG\0\0")
        found = self.verdicts(folder)
        assert found == {
            "file=.env.local:max": "fail", "file=a.yaml:max": "fail", "places=all others:max": "pass"
        }  # fmt: skip

    def test_what_an_audit_wrote_does_not_change_the_next(self, folder):
        card = audit(config=folder, only=["data-protection/secrets"])
        for name in (
            "scorecard.json",
            "card.gitlab.json",
            "card.cdx.json",
            "card.intoto.json",
            "card.sarif.json",
        ):
            card.save(folder / name)
        collect(System.read(folder), only=["cells"]).save(folder / "evidence.json")
        assert audit(config=folder, only=["data-protection/secrets"]).digest == card.digest

    def test_a_file_that_speaks_of_trustkit_is_read(self, folder):
        (folder / "settings.json").write_text('{"trustkit": "audits us", "password": "kX93-bluebird"}')
        assert self.verdicts(folder)["file=settings.json:max"] == "fail"

    def test_the_configuration_itself(self, folder):
        with (folder / "trustkit.toml").open("a") as file:
            file.write('[system]\npurpose = "see https://ci:kX93bluebird@git.bank.tj/x"\n')
        assert self.verdicts(folder)["file=trustkit.toml:max"] == "fail"

    def test_many_files_are_bounded(self, folder, monkeypatch):
        monkeypatch.setattr(settings, "MOST", 3)
        for n in range(9):
            (folder / f"a{n}.json").write_text("{}")
        assert len(settings.text_files(System.read(folder))) == 4

    def test_no_configuration_no_files(self, folder, monkeypatch):
        monkeypatch.chdir(folder)
        (folder / ".env").write_text("DB_PASSWORD=kX93-bluebird\n")
        assert settings.secrets_of_files(System(data=pd.DataFrame({"y": [0, 1]}), target="y")) == {}

    def test_texts_inside_a_model(self, folder):
        import pickle

        (folder / "model.pkl").write_bytes(pickle.dumps({"note": "ghp_" + drawn(36)}))
        system = System.read(folder)
        system = System(config=system.config, model="model.pkl")
        found = collect(system, only=["contents"]).kinds["contents"]
        assert found.columns[MODEL, "model.pkl"].hits["github-token"].proven == 1

    def test_a_cache_knows_the_settings(self, folder):
        system = System.read(folder)
        before = key_of(system, ["contents"], 0)
        (folder / ".env").write_text("DB_PASSWORD=kX93-bluebird\n")
        assert key_of(system, ["contents"], 0) != before
