# ruff: noqa: RUF001 (letters of other scripts are what it is about)
"""`trustkit scan` on data, notebooks and settings: what each is, what is found, that nothing is shown."""

import json
import os
import pickle
import subprocess
import sys
import time
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from trustkit.cli import app
from trustkit.detectors.files import kind_of, parts_of

KEY = "ghp_" + "q7Wn3ZtR9LkP2VbX8MdC4HsJ6YfG1TaE5UoB"
KEYS = {
    "id", "check", "check_version", "metric", "subject", "estimate", "interval", "level", "pass_interval",
    "p_fail", "limit", "n", "reference_n", "rows_needed", "detectable", "verdict", "why", "message", "remedy",
}  # fmt: skip
CLEAN = pd.DataFrame({"amount": np.arange(40) * 17.5, "months": np.arange(40) % 12, "kind": ["a", "b"] * 20})
NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {},
    "cells": [
        {"cell_type": "code", "source": ["import os\n", "token = os.environ['TOKEN']\n"], "outputs": []},
        {
            "cell_type": "code",
            "source": "print(token)",
            "outputs": [{"output_type": "stream", "text": [KEY + "\n"]}],
        },
        {
            "cell_type": "code",
            "source": "plot()",
            "outputs": [{"data": {"image/png": "iVBORw0KGgoAAAANSUhEUgAA" * 500, "text/plain": "<Figure>"}}],
        },
    ],
}


def scan(*paths):
    ran = CliRunner().invoke(app, ["scan", "--quiet", "--format", "json", *map(str, paths)])
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return ran.exit_code, json.loads(ran.stdout)["files"]


def one(path):
    status, (entry,) = scan(path)
    assert status == int(entry["verdict"] != "pass")
    assert all(set(each) >= KEYS for each in entry["findings"])
    assert len({each["id"] for each in entry["findings"]}) == len(entry["findings"])
    return entry


def bad(entry):
    """Findings that are no pass: check, subject, verdict."""
    return [
        (each["check"], each["subject"], each["verdict"])
        for each in entry["findings"]
        if each["verdict"] in ("fail", "inconclusive", "error")
    ]


def written(frame, path):
    suffix = path.suffix
    if suffix == ".csv":
        frame.to_csv(path, index=False)
    elif suffix == ".parquet":
        frame.to_parquet(path)
    elif suffix == ".feather":
        frame.to_feather(path)
    else:
        frame.to_json(path, orient="records", lines=True, force_ascii=False)
    return path


FORMATS = [".csv", ".parquet", ".feather", ".jsonl"]


@pytest.mark.parametrize("suffix", FORMATS)
class TestData:
    def test_clean(self, suffix, tmp_path):
        entry = one(written(CLEAN, tmp_path / f"clean{suffix}"))
        assert entry["verdict"] == "pass"
        assert bad(entry) == []

    def test_personal_special_and_secret(self, suffix, tmp_path):
        frame = CLEAN.assign(
            mail=[f"aziz.rahimov{n}@mail.tj" for n in range(40)],
            millat=["тоҷик", "ӯзбек", "рус", "қирғиз"] * 10,
            note=["paid", f"use {KEY} for now", "called", "late"] * 10,
        )
        entry = one(written(frame, tmp_path / f"data{suffix}"))
        assert entry["verdict"] == "fail"
        assert sorted(bad(entry), key=str) == [
            ("data-protection/personal-data", {"column": "mail"}, "inconclusive"),
            ("data-protection/secrets", {"column": "note"}, "fail"),
            ("data-protection/special-categories", {"column": "millat"}, "inconclusive"),
        ]
        told = json.dumps(entry, ensure_ascii=False)
        assert not any(word in told for word in ("rahimov", "тоҷик", KEY[:10], KEY[-6:]))


class TestKinds:
    def test_content_decides_and_not_the_name(self, tmp_path):
        written(CLEAN, tmp_path / "d.parquet").rename(tmp_path / "model.pkl")
        assert kind_of(tmp_path / "model.pkl")[0] == "parquet"
        assert one(tmp_path / "model.pkl")["verdict"] == "pass"
        (tmp_path / "data.csv").write_bytes(
            b"\x80\x04\x95\x1d\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02ls\x94\x85\x94R\x94."
        )
        entry = one(tmp_path / "data.csv")
        assert (entry["verdict"], entry["findings"][0]["check"]) == ("fail", "security/artifact")
        (tmp_path / "plain.csv").write_text("cposix\nsystem\n(S'ls'\ntR.")
        assert one(tmp_path / "plain.csv")["verdict"] == "fail"

    @pytest.mark.parametrize(
        ("name", "text", "kind"),
        [
            ("a.csv", "a,b\n1,2\n3,4\n", ("csv", ",")),
            ("a.txt", "a;b\n1;2\n3;4\n", ("csv", ";")),
            ("a.dat", "a\tb\n1\t2\n", ("csv", "\t")),
            ("one.csv", "a\n1\n2\n", ("csv", ",")),
            ("one.txt", "a\n1\n2\n", ("text", "")),
            ("a.json", '{"a": 1}\n{"a": 2}\n', ("jsonl", "")),
            ("a.jsonl", '{"a": 1}\n', ("jsonl", "")),
            ("a.json", '{"a": 1}\n', ("text", "")),
            ("a.json", '\n[ {"a": 1},\n{"b": 2}]', ("json", "")),
            ("a.json", "[1, 2]", ("text", "")),
            ("a.ipynb", json.dumps(NOTEBOOK), ("notebook", "")),
            ("a.toml", "[data]\nx = 1\n", ("text", "")),
            (".env", "A=1\nB=2\n", ("text", "")),
            ("a.csv", "a\0b", ("other", "")),
            ("empty.csv", "", ("other", "")),
        ],
    )
    def test_kind(self, name, text, kind, tmp_path):
        (tmp_path / name).write_text(text)
        assert kind_of(tmp_path / name) == kind

    def test_semicolons_and_leading_zeros(self, tmp_path):
        lines = "\n".join(f"{n};aziz{n}@mail.tj" for n in range(30))
        (tmp_path / "export.txt").write_text(f"n;contact\n{lines}\n")
        assert bad(one(tmp_path / "export.txt")) == [
            ("data-protection/personal-data", {"column": "contact"}, "inconclusive")
        ]

    def test_a_list_of_records(self, tmp_path):
        records = [{"n": n, "contact": f"aziz{n}@mail.tj"} for n in range(30)] + [
            {"deep": {"password": "kX93-bird"}}
        ]
        (tmp_path / "a.json").write_text(json.dumps(records, indent=1))
        assert bad(one(tmp_path / "a.json")) == [
            ("data-protection/personal-data", {"column": "contact"}, "inconclusive"),
            ("data-protection/secrets", {"column": "deep"}, "fail"),
        ]

    def test_another_encoding_is_named(self, tmp_path):
        (tmp_path / "a.csv").write_bytes("имя,б\n1,2\n".encode("cp1251"))
        (finding,) = one(tmp_path / "a.csv")["findings"]
        assert "no text in UTF-8" in finding["message"]
        assert "UTF-8" in finding["remedy"]

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("half.json", b'[{"a": 1}, {"a": '),
            ("mixed.json", b'[{"a": 1}, 2]'),
            ("ragged.csv", b"a,b\n1,2\n3\n4,5,6\n"),
            ("header.csv", b"a,b\n"),
            ("half.parquet", b"PAR1 and nothing more"),
            ("half.feather", b"ARROW1\0\0 and nothing more"),
            ("half.jsonl", b'{"a": 1}\n{"a": \n'),
            ("twice.csv", b"a,a\n1,2\n"),
            ("latin.csv", "имя,б\n1,2\n".encode("cp1251")),
            ("empty.csv", b""),
            ("zeros.csv", b"a,b\n\0,\0\n"),
            ("cut.ipynb", b'{"cells": [{"cell_type": "code"'),
        ],
    )
    def test_what_cannot_be_read_is_an_error(self, name, content, tmp_path):
        (tmp_path / name).write_bytes(content)
        entry = one(tmp_path / name)
        assert entry["verdict"] == "error"
        assert entry["findings"]


class TestText:
    def test_notebook(self, tmp_path):
        (tmp_path / "a.ipynb").write_text(json.dumps(NOTEBOOK))
        entry = one(tmp_path / "a.ipynb")
        ((check, subject, verdict),) = bad(entry)
        assert (check, verdict) == ("data-protection/secrets", "fail")
        assert subject == {"file": str(tmp_path / "a.ipynb")}
        (message,) = (each["message"] for each in entry["findings"] if each["verdict"] == "fail")
        assert "cell 2, output" in message
        assert KEY[4:12] not in json.dumps(entry)

    def test_a_clean_notebook_passes(self, tmp_path):
        clean = {**NOTEBOOK, "cells": [NOTEBOOK["cells"][0], NOTEBOOK["cells"][2]]}
        (tmp_path / "a.ipynb").write_text(json.dumps(clean))
        assert one(tmp_path / "a.ipynb")["verdict"] == "pass"

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            (".env", "A=1\n\nDB_PASSWORD=kX93-bluebird\n"),
            ("a.toml", '[db]\nhost = "x"\npassword = "kX93-bluebird"\n'),
            ("a.yaml", "db:\n  host: x\n  password: kX93-bluebird\n"),
            ("a.json", '{\n"host": "x",\n"password": "kX93-bluebird"\n}\n'),
            ("a.ini", "[db]\nhost = x\npassword = kX93-bluebird\n"),
        ],
    )
    def test_settings(self, name, text, tmp_path):
        (tmp_path / name).write_text(text)
        entry = one(tmp_path / name)
        assert entry["verdict"] == "fail"
        (finding,) = entry["findings"]
        assert "line 3" in finding["message"]
        assert "bluebird" not in json.dumps(entry)
        (tmp_path / name).write_text(text.replace("kX93-bluebird", "${DB_PASSWORD}"))
        assert one(tmp_path / name)["verdict"] == "pass"

    def test_code_that_settings_ask_for_is_still_found(self, tmp_path):
        (tmp_path / "a.yaml").write_text("model: !!python/object/apply:os.system ['ls']\n")
        assert [each["check"] for each in one(tmp_path / "a.yaml")["findings"]] == ["security/artifact"]

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("a.log", "started\n10:00 mail to {}\n" + "10:01 idle\n" * 500),
            ("a.txt", "Write to {}."),
            ("a.json", '{{"name": "x", "to": {{"mail": "{}"}}}}'),
            ("long.json", '{{"x": [' + "1, " * 9000 + '0], "mail": "{}"}}'),
        ],
    )
    def test_an_identifier_in_a_line_is_no_pass_however_rare(self, name, text, tmp_path):
        (tmp_path / name).write_text(text.format("user7@mail.tj"))
        entry = one(tmp_path / name)
        (finding,) = entry["findings"]
        assert finding["check"] == "data-protection/personal-data"
        assert finding["verdict"] == "inconclusive"
        assert finding["message"].startswith("e-mail addresses: 1; of ")
        assert "user7" not in json.dumps(entry)
        (tmp_path / name).write_text(text.format("nobody"))
        assert one(tmp_path / name)["verdict"] == "pass"

    def test_what_was_sought_in_a_text_is_told(self, tmp_path):
        (tmp_path / "a.log").write_text("one\ntwo\ntwo\n")
        (tmp_path / "a.ini").write_text("[a]\nx = 1\n")
        ran = CliRunner().invoke(app, ["scan", "--quiet", *map(str, sorted(tmp_path.iterdir()))])
        settings, log = ran.stdout.splitlines()
        assert settings == f"pass         {tmp_path / 'a.ini'} (sought: secrets, code)"
        assert log.endswith("a.log (sought: secrets, code, identifiers in 2 of 2 distinct lines)")

    def test_of_many_lines_a_draw_is_told(self, tmp_path):
        (tmp_path / "a.log").write_text("".join(f"step {i}\n" for i in range(12_000)))
        assert "in 10,000 of 12,000 distinct lines" in one(tmp_path / "a.log")["facts"]["sought"]

    def test_parts(self):
        assert [part.where for part in parts_of(json.dumps(NOTEBOOK))] == [
            "cell 1", "cell 2", "cell 2, output", "cell 3", "cell 3, output", "metadata"
        ]  # fmt: skip
        assert [part.text for part in parts_of("x = 1")] == ["x = 1"]
        assert [part.where for part in parts_of('{"cells": 3}')] == [""]


class TestCommand:
    def test_several_files_and_text(self, tmp_path):
        clean = written(CLEAN, tmp_path / "clean.csv")
        (tmp_path / ".env").write_text(f"TOKEN={KEY}\n")
        ran = CliRunner().invoke(app, ["scan", "--quiet", str(clean), str(tmp_path / ".env")])
        assert ran.exit_code == 1
        assert ran.stdout.startswith(f"pass         {clean}")
        assert f"fail         {tmp_path / '.env'}" in ran.stdout
        assert KEY[4:12] not in ran.stdout
        gone = CliRunner().invoke(app, ["scan", str(clean), str(tmp_path / "none")])
        assert (gone.exit_code, gone.stdout) == (2, "")

    def test_settings_load_nothing_heavy(self, tmp_path):
        (tmp_path / "a.toml").write_text("x = 1\n")
        code = (
            "import sys; from trustkit.cli import main; sys.argv = ['trustkit', 'scan', sys.argv[1]]\n"
            "try: main()\nexcept SystemExit as end: assert end.code == 0, end.code\n"
            "heavy = {'numpy', 'pandas', 'sklearn', 'pydantic', 'pyarrow'} & set(sys.modules)\n"
            "assert not heavy, heavy"
        )
        ran = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "a.toml")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr

    def test_a_name_cannot_steer_the_terminal(self, tmp_path):
        (tmp_path / "a.csv").write_text("\x1b[2Jreligion,b\nislam,1\nnone,2\n")
        ran = CliRunner().invoke(app, ["scan", "--quiet", str(tmp_path / "a.csv")])
        assert "\x1b" not in ran.stdout


class TestHostile:
    @pytest.mark.parametrize("columns", [500, pytest.param(10_000, marks=pytest.mark.slow)])
    def test_many_columns(self, columns, tmp_path):
        frame = pd.DataFrame(np.zeros((3, columns), dtype=int), columns=[f"c{n}" for n in range(columns)])
        path = written(frame, tmp_path / "wide.parquet")
        started = time.process_time()
        assert one(path)["verdict"] == "pass"
        assert time.process_time() - started < 5 + columns / 200

    def test_long_cells_and_bad_text(self, tmp_path):
        cells = [
            "eyJ-" * 500_000,
            "password=" * 200_000,
            "a://:" * 300_000,
            "1" * 2_000_000,
            "\N{COMBINING ACUTE ACCENT}" * 10**6,
        ]
        path = written(pd.DataFrame({"text": cells, "n": range(5)}), tmp_path / "long.parquet")
        started = time.process_time()
        assert one(path)["verdict"] in ("pass", "inconclusive")
        assert time.process_time() - started < 10

    def test_what_raises_is_an_error(self, tmp_path, monkeypatch):
        from trustkit.commands import files

        monkeypatch.setattr(files, "_judged", lambda frame: 1 // 0)
        entry = one(written(CLEAN, tmp_path / "a.csv"))
        assert (entry["verdict"], entry["findings"][0]["why"]) == (
            "error", "could not be looked at: ZeroDivisionError"
        )  # fmt: skip

    def test_columns_of_every_type(self, tmp_path):
        n = 12
        table = pa.table(
            {
                "list": [[1, 2]] * n, "record": [{"a": "x"}] * n, "null": pa.nulls(n),
                "bytes": [b"\xff\xd8"] * n, "day": [date(2026, 1, 1)] * n, "decimal": [Decimal("1.5")] * n,
                "flag": [True, None] * (n // 2), "coded": pa.array(["a", "b"] * (n // 2)).dictionary_encode(),
                "": ["x"] * n, "a\nb": ["y"] * n,
            }
        )  # fmt: skip
        pq.write_table(table, tmp_path / "a.parquet")
        entry = one(tmp_path / "a.parquet")
        assert entry["verdict"] in ("pass", "inconclusive")
        assert not [each for each in entry["findings"] if each["verdict"] == "error"]


def test_a_folder_is_no_better_than_the_tables_and_texts_in_it(tmp_path):
    (tmp_path / "part").mkdir()
    CLEAN.to_csv(tmp_path / "clean.csv", index=False)
    assert one(tmp_path)["verdict"] == "pass"
    mail = CLEAN.assign(contact=[f"user{row}@mail.tj" for row in range(40)])
    for name in ("a.csv", "part/b.csv"):
        mail.to_csv(tmp_path / name, index=False)
    entry = one(tmp_path)
    assert entry["verdict"] == "inconclusive"
    found = {
        (f["subject"]["file"], f["subject"]["column"]) for f in entry["findings"] if f["estimate"] == 1.0
    }
    assert found >= {("a.csv", "contact"), ("part/b.csv", "contact")}
    (tmp_path / "part" / ".env").write_text(f"TOKEN={KEY}\n")
    entry = one(tmp_path)
    assert entry["verdict"] == "fail"
    (secret,) = [f for f in entry["findings"] if f["verdict"] == "fail"]
    assert secret["message"] == "part/.env: GitHub tokens: 1 (line 1)"


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_table_in_a_folder_is_read_as_the_same_table_alone(suffix, tmp_path):
    alone = one(written(CLEAN, tmp_path / f"a{suffix}"))
    assert (alone["verdict"], one(tmp_path)["verdict"]) == ("pass", "pass")
    (tmp_path / "half.parquet").write_bytes(b"PAR1" + b"x" * 40)
    folder = one(tmp_path)
    assert folder["verdict"] == "error"
    (finding,) = bad(folder)
    assert finding[:2] == ("data-protection/personal-data", {"file": "half.parquet"}), finding
    (tmp_path / "half.parquet").write_bytes(pickle.dumps(os.system))
    assert one(tmp_path)["verdict"] == "fail"
