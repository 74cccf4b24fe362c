"""The audit gives nobody away: values planted in every column are in no evidence, card, log or error."""

import re
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import trustkit as tk
from trustkit.checks.data_protection.own_output import own_output
from trustkit.cli import app
from trustkit.collectors import COLLECTORS, collect
from trustkit.collectors.exposures import _is_telling, _phrases, _strings
from trustkit.errors import ConfigError, ModelError, traced
from trustkit.evidence import Evidence
from trustkit.evidence.exposures import Exposures, Sought
from trustkit.renderers import FILES, FORMATS
from trustkit.system import System

PLANTED = re.compile(r"canary|99900\d{6}|7771234", re.IGNORECASE)
"""What no output may hold: each value of a row that could name somebody has one of these in it."""

NO_SOCKET = """
import sys
def hook(event, args):
    if event.startswith("socket."):
        raise RuntimeError(event)
sys.addaudithook(hook)
from trustkit.cli import main
main()
"""

INPUTS = ["town", "note", "points", "sex"]


def exposures_of(n, found=0):
    """Exposures of two columns, as a check sees them."""
    columns = {"name": Sought(n, found), "note": Sought(n, 0)} if n else {}
    schema = {"min_cell": 5, "seed": 0, "most": 10_000}
    return Exposures(schema, ("cells", "flips") if n else (), columns, 3 * n, 0)


def exposures_samples():
    """Exposures with a value found and without, and of nothing."""
    return [exposures_of(40), exposures_of(300, 2), exposures_of(0)]


def people(n, seed):
    """Rows with names, addresses, numbers, places, free text, and a town that few share."""
    rng, rows = np.random.default_rng(seed), np.arange(n)
    table = pd.DataFrame(
        {
            "name": [f"Canary Canaryev {row}" for row in rows],
            "mail": [f"canary{row}@example.org" for row in rows],
            "iin": 999000000000 + rows,
            "account": [f"99900{row:09d}" for row in rows],
            "place": 0.7771234 + rows * 1e-12,
            "note": [f"Says canary {row}; call 999000000{row:03d}" for row in rows],
            "born": [f"1990-Canary-{row}" if row % 3 else None for row in rows],
            "town": np.where(rows % 40 == 0, [f"Canarytown {row}" for row in rows], "North"),
            "points": rng.normal(size=n),
            "sex": rng.choice(["F", "M"], n),
        }
    )
    return table.assign(y=(table["points"] + (table["sex"] == "M") > 0.5).astype(int))


TRAIN, ROWS = people(160, 2), people(240, 1)
KEYS = {"target": "y", "favorable": 1, "sensitive": ["sex"], "quasi_identifiers": ["town"]}


def pipeline():
    encoded = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["town", "note", "sex"]), (StandardScaler(), ["points"])
    )
    return make_pipeline(encoded, LogisticRegression()).fit(TRAIN[INPUTS], TRAIN["y"])


class Quoting:
    """A model that raises, quoting the rows that it was given."""

    feature_names_in_ = ("note", "points")

    def predict(self, X):
        raise ValueError(f"cannot parse {X['note'].iloc[0]!r}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A configuration with its files: the rows, the training rows, a model file."""
    folder = tmp_path_factory.mktemp("planted")
    ROWS.to_parquet(folder / "audit.parquet")
    TRAIN.to_csv(folder / "train.csv", index=False)
    (folder / "rules.py").write_text(
        "def rule(rows):\n    return (rows['points'] > 0).astype(int)\n"
        "def raises(rows):\n    return rows['note'].astype(float)\n"
    )
    (folder / "trustkit.toml").write_text(
        '[system]\nmodel = "rules:rule"\n[data]\naudit = "audit.parquet"\ntrain = "train.csv"\ntarget = "y"\n'
        'favorable = 1\nsensitive = ["sex"]\nquasi_identifiers = ["town"]\nunit = "mail"\n'
        'features = ["town", "note", "points", "sex"]\n'
    )
    return folder


@pytest.fixture(scope="module")
def collected():
    """All evidence of the planted rows, and what was told of the progress."""
    progress = []
    system = System(pipeline(), ROWS, train=TRAIN, **KEYS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("socket.socket", None)
        return collect(system, progress=lambda *told: progress.append(told)), progress


class TestNothingIsGivenAway:
    def test_by_the_evidence(self, collected, tmp_path):
        evidence, progress = collected
        assert not evidence.errors
        evidence.save(tmp_path / "exact.json")
        evidence.without_small_cells(5).save(tmp_path / "shared.json")
        for name in ("exact.json", "shared.json"):
            assert not PLANTED.findall((tmp_path / name).read_text())
        assert not PLANTED.findall(str(progress))

    def test_by_the_card_in_any_form(self, collected):
        card = tk.judge(collected[0], "unga-78-265")
        assert len(card.controls) > 30
        for form in (*FORMATS, *FILES):
            if form == "impact_ratio":  # it wants New York's attributes
                continue
            assert not PLANTED.findall(tk.render(card, form)), form

    @pytest.mark.slow
    def test_by_the_command_its_files_and_what_it_says_meanwhile(self, folder, tmp_path):
        """In a process of its own, which may make no socket: what goes to a log goes to stderr."""
        files = [f"card{suffix}" for suffix in (".html", ".json", ".md", ".sarif", ".xml", ".csv")]
        command = ["audit", str(folder), "--fail-on", "never"]
        command += [part for name in files for part in ("-o", str(tmp_path / name))]
        ran = subprocess.run(
            [sys.executable, "-c", NO_SOCKET, *command], capture_output=True, text=True, check=False
        )
        assert ran.returncode in (0, 3), ran.stderr
        assert not PLANTED.findall(ran.stdout + ran.stderr)
        for name in files:
            assert not PLANTED.findall((tmp_path / name).read_text()), name

    def test_no_denominator_on_a_card_is_under_min_cell(self):
        """Groups of 1 to 4 rows among the attributes, and a card of each smallest count."""
        few = ROWS.assign(race=["a"] * 200 + ["b"] * 36 + ["Few"] * 3 + ["One"], d=ROWS["y"])
        logged = {"target": "y", "prediction": "d", "favorable": 1, "sensitive": ["sex", "race"]}
        for min_cell in (5, 40):
            system = System(data=few, **logged)
            evidence = collect(system, only=["cells", "buckets", "profiles"])
            card = tk.judge(evidence, "unga-78-265", config=_config(min_cell))
            about = [f for f in card.findings if f.subject.get("groups")]
            assert any(f.why == f"n<{min_cell}" for f in about)
            for finding in about:
                counts = [n for n in (finding.n, finding.reference_n) if n is not None]
                assert all(n >= min_cell for n in counts)
                assert counts or finding.estimate is None

    def test_shared_cells_are_none_or_many(self, collected):
        shared = collected[0].without_small_cells(20)
        for part in shared.kinds["cells"].parts.values():
            assert (part.block.sums["n"] >= 20).all()

    @pytest.mark.parametrize("how", ["object", "file", "name"])
    def test_by_a_model_that_raises(self, folder, tmp_path, how):
        model = Quoting()
        if how == "name":
            model = "rules:raises"
        if how == "file":
            joblib.dump(pipeline(), tmp_path / "m.joblib")
            model = "m.joblib"
        keys = {**KEYS, "features": ["note", "points"], "sensitive": ["sex"], "quasi_identifiers": []}
        system = System(model, ROWS[["note", "points", "sex", "y"]], **keys) if how == "object" else None
        if system is None:
            here = tmp_path if how == "file" else folder
            trust = {"trust": _digest(tmp_path / "m.joblib")} if how == "file" else {}
            from trustkit.config import Config

            config = Config.of(folder=here, system={"model": model, **trust}, data={**keys, "audit": "a.csv"})
            ROWS.to_csv(here / "a.csv", index=False)
            system = System(config=config)
        evidence = collect(system, only=["cells", "reruns", "flips", "ablations", "exposures"])
        assert "cells" in evidence.errors
        card = tk.judge(evidence, "unga-78-265")
        assert any(finding.verdict == "error" for finding in card.findings)
        for text in (*evidence.errors.values(), tk.render(card, "json"), tk.render(card, "html")):
            assert not PLANTED.findall(text)
        assert evidence.kinds["exposures"].columns["note"].found == 0

    @pytest.mark.parametrize(
        "keys",
        [
            {"target": "name", "favorable": 1},
            {"target": "name", "favorable": "Canary Canaryev 7x"},
            {"prediction": "name", "favorable": "Canaryev"},
            {"prediction": "name", "target": "mail", "favorable": "Canaryev"},
            {"score": "name"},
            {"prediction": "y", "weight": "note"},
            {"prediction": "y", "sensitive": ["name"], "bins": {"name": [3]}},
            {"prediction": "y", "target": "mail", "task": "regression"},
            {"prediction": "y", "time": "note", "unit": "name", "opt_out": "mail"},
            {"prediction": "y", "interval": ["note", "born"], "task": "regression", "target": "points"},
            {"prediction": "y", "ranges": {"note": [0, 1]}},
        ],
    )
    def test_by_an_error_of_the_configuration(self, keys):
        try:
            card = tk.audit(data=ROWS, **keys)
        except (ConfigError, ModelError) as error:
            told = str(error)
        else:
            told = tk.render(card, "json")
        said = re.sub(r"Canary Canaryev 7x|'Canaryev'", "", told)  # what the owner wrote
        assert not PLANTED.findall(said), keys

    def test_by_a_bug(self, monkeypatch):
        """An exception that nobody foresaw ends on stderr, without its words."""

        def raises(*_):
            raise KeyError(ROWS["name"][0])

        monkeypatch.setattr("trustkit.frames.Frame.labels", raises)
        ran = CliRunner().invoke(app, ["audit", "--data", "x.csv"])
        assert not PLANTED.findall(ran.output)


def _digest(path):
    import hashlib

    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def _config(min_cell):
    from trustkit.config import Config

    return Config.of(policy={"min_cell": min_cell})


class TestWhatIsPlantedIsFound:
    def exposed(self, monkeypatch, leak):
        """Collect with a collector that leaks, and return what was found by column."""
        monkeypatch.setitem(COLLECTORS, "profiles", "test_own_output:leaks")
        monkeypatch.setattr("test_own_output.leak", leak)
        system = System(data=ROWS, prediction="y", favorable=1, sensitive=["sex"])
        return collect(system, only=["cells", "exposures", "profiles"])

    @pytest.mark.parametrize(
        ("leak", "column"),
        [
            (lambda: {"labels": ["Canary Canaryev 7"]}, "name"),
            (lambda: {"canary3@example.org": 4}, "mail"),
            (lambda: {"why": "the value 'Says canary 11; call' is odd"}, "note"),
            (lambda: {"a": [["999000000004"]]}, "iin"),
            (lambda: {"note": ["of 3 rows, 99900000000012 is the largest"]}, "account"),
        ],
    )
    def test_in_the_evidence(self, monkeypatch, leak, column):
        evidence = self.exposed(monkeypatch, leak)
        columns = evidence.kinds["exposures"].columns
        assert columns[column].found >= 1
        assert sum(sought.found for sought in columns.values()) == columns[column].found
        card = tk.judge(evidence, "unga-78-265", only=["data-protection/own-output"])
        finding = next(f for f in card.findings if f.metric == "exposed")
        assert finding.verdict == "fail"
        assert column in finding.message
        assert not PLANTED.findall(tk.render(card, "json"))

    def test_in_an_error(self, monkeypatch):
        monkeypatch.setattr("trustkit.collectors.traced", lambda error: f"KeyError: {error}")

        def leak():
            raise KeyError(ROWS["name"][5])

        assert self.exposed(monkeypatch, leak).kinds["exposures"].columns["name"].found == 1

    def test_nothing_where_nothing_is(self, monkeypatch):
        columns = self.exposed(monkeypatch, lambda: {"a": "North South", "b": 7}).kinds["exposures"].columns
        assert sum(sought.found for sought in columns.values()) == 0
        assert columns["name"] == Sought(240, 0)
        assert columns["points"].values == 240

    def test_an_attribute_that_names_persons_is_no_group(self):
        rows = ROWS.head(80).assign(who=[f"Canary Canaryev {row // 2}" for row in range(80)])
        system = System(data=rows, prediction="y", favorable=1, sensitive=["sex", "who"])
        found = collect(system, only=["cells", "exposures"]).kinds["exposures"].columns["who"]
        assert found == Sought(40, 40)

    def test_a_small_group_of_a_declared_attribute_is_no_leak(self):
        rows = ROWS.assign(race=["Canary Islander"] * 3 + ["Other"] * 237)
        system = System(data=rows, prediction="y", favorable=1, sensitive=["race"])
        exposures = collect(system, only=["cells", "exposures"]).kinds["exposures"]
        assert sum(sought.found for sought in exposures.columns.values()) == 0

    def test_what_the_owner_wrote_is_no_leak(self):
        system = System(data=ROWS, prediction="y", favorable=1, sensitive=["sex"], sample="Canary Canaryev 7")
        exposures = collect(system, only=["cells", "exposures"]).kinds["exposures"]
        assert exposures.columns["name"].found == 0


leak = dict


class Leaking:
    """Evidence that holds what it should not."""

    kind = "profiles"
    schema: dict = {}  # noqa: RUF012

    def to_json(self):
        return leak()

    def notes(self):
        return []


def leaks(sources):
    """A collector that gives its rows away, by what it returns or by what it raises."""
    made = Leaking()
    made.to_json()
    return made


class TestParts:
    @pytest.mark.parametrize(
        "text",
        ["Ivan Petrov", "иванов иван", "a.b@c.org", "X12345678", "870101300123", "2026-11-24T10:07:33"],
    )
    def test_what_tells(self, text):
        assert _is_telling(text)

    @pytest.mark.parametrize(
        "text", ["", "Yes", "private", "own-child", "2026-11-24", "12345678", "41.17253"]
    )
    def test_what_may_be_there_by_chance(self, text):
        assert not _is_telling(text)

    def test_phrases_are_the_runs_of_words(self):
        assert {*_phrases(["a bb: 'c'"])} == {"a", "bb", "c", "a bb", "bb c", "a bb c"}

    def test_strings_are_keys_and_values_however_deep(self):
        assert {*_strings({"a": [1, ["b", {"c": ("d", None, 2.5)}]]})} == {"a", "b", "c", "d"}

    def test_the_check_counts(self):
        told = {e.metric: e for e in own_output(exposures_of(40, 3))}
        assert (told["exposed"].value, told["exposed"].n, told["exposed"].note) == (3, 80, "values of name")
        assert (told["small"].value, told["small"].n) == (0, 120)
        assert next(own_output.function(exposures_of(0))).note.startswith("the data hold no value")

    def test_evidence_survives_a_file(self, collected, tmp_path):
        collected[0].save(tmp_path / "e.json")
        assert Evidence.load(tmp_path / "e.json").kinds["exposures"] == collected[0].kinds["exposures"]


class TestTraces:
    def trace(self, raises):
        try:
            raises()
        except Exception as error:
            return traced(error)

    def test_words_of_others_are_kept_back_and_the_place_is_told(self):
        told = self.trace(lambda: float("Ivan"))
        assert "Ivan" not in told.replace('float("Ivan")', "")
        assert told.startswith("Traceback (most recent call last):")
        assert told.endswith("ValueError: (its words may quote the data)\n")

    def test_words_of_our_own_are_told(self):
        assert "ModelError: no answer" in self.trace(lambda: _raise(ModelError("no answer")))
        told = self.trace(lambda: tk.render(None, "pdf"))
        assert "pdf" in told

    def test_every_cause_is_told_once(self):
        def raises():
            try:
                int("secret")
            except ValueError as error:
                raise ModelError("the model raised ValueError") from error

        told = self.trace(raises)
        assert told.count("Traceback") == 2
        assert "secret" not in told.replace('int("secret")', "")
        assert told.index("ValueError") < told.index("ModelError: the model raised ValueError")

    def test_a_circle_of_causes_ends(self):
        one, other = ValueError("a"), ValueError("b")
        one.__cause__, other.__cause__ = other, one
        assert traced(one).count("Traceback") == 2


def _raise(error):
    raise error
