"""Documents are read whatever they hold; of their text only facts and counts are kept."""

import json
import os
import tempfile
import time
from pathlib import Path

import pandas as pd
import pytest

import trustkit as tk
from trustkit.collectors.pages import MOST_BYTES, read_page, says
from trustkit.collectors.records import read_document, template_text
from trustkit.config import DOCUMENTS, Config
from trustkit.errors import ConfigError
from trustkit.evidence import Evidence
from trustkit.evidence.records import ALL, CARD, CLOSED, HIGH, Document, Opted, Records, Register, Stated
from trustkit.testing import assert_kind

KINDS = (CARD, *DOCUMENTS)

ROWS = {
    "risk-register": "| refusals | high | credit team | 2026-10-01 | second look | accepted by the board |",
    "impact-assessment": "| sex | F | refused more often |",
    "training-record": "| clerks | automation bias | 2026-09-01 |",
    "incident-register": "| all refused | 2026-09-01 | credit team | closed | unit of income | #12 |",
    "oversight": "| senior clerk | yes | yes | 2026-05-01 |",
    "sustainability": "| 8.10 | accounts per 1,000 adults | 512 | 2026-01-01 | adults without a bank |",
}


def filled(kind: str, **facts: str) -> str:
    """A template, filled in."""
    said = {"owner": "credit team", "date": "2026-11-01", "version": "2026.1", "signed_by": "the board"}
    said |= {"languages": "[tk, ru]", "response_time": "14 days", "expires": "2027-06-01"}
    said |= {"purpose": "credit", "basis": "contract", "retention": "24 months", "rights": "ours"}
    said |= {"stop_tested_on": "2026-10-01", **facts}
    lines = []
    for line in template_text(kind).split("\n"):
        key = line.partition(":")[0]
        if key in said and not line.startswith("#"):
            lines.append(f"{key}: {said[key]}")
        elif line == "...":
            lines.append("We decide on credit with a model; report within 5 days to desk@example.org.")
        else:
            lines.append(ROWS[kind] if line.startswith("| ...") else line)
    return "\n".join(lines)


def read(folder: Path, kind: str, text: str | bytes, name: str = "page.md") -> Document:
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return read_document(kind, folder, name)


def records_of(**documents: Document) -> Records:
    """Records of documents by kind, with underscores."""
    named = {kind.replace("_", "-"): document for kind, document in documents.items()}
    return Records({"version": "2026.1", "sdg": ["8.10"]}, named)


def samples() -> list[Records]:
    """Records of every kind of document, as a contract of checks wants them."""
    made = []
    for text in (filled, template_text):
        with tempfile.TemporaryDirectory() as folder:
            documents = {kind: read(Path(folder), kind, text(kind)) for kind in KINDS}
        months = {"": 3, "2020-02": 10, "2026-10": 90}
        opted_out = {"audit": Opted(7, 100), "train": None}
        made.append(Records({"version": "2026.1", "sdg": ["8.10", "99.9"]}, documents, {}, months, opted_out))
    return [*made, Records({"version": None, "sdg": []})]


class TestContract:
    def test_addition(self, tmp_path):
        a, b = (read(tmp_path, kind, filled(kind), f"{kind}.md") for kind in ("notice", "dataset"))
        schema = {"version": "1", "sdg": []}
        pieces = [
            Records(schema, {"notice": a}, {"a.csv": "1"}, {"2026-01": 3}, {"audit": Opted(1, 9)}),
            Records(schema, {"dataset": b}, {"b.csv": "2"}, {"2026-02": 4}),
            Records(schema, {"notice": a}, {"a.csv": "1"}, {"2026-01": 5}),
        ]
        assert_kind(pieces, Records(schema))
        assert sum(pieces[1:], pieces[0]).months == {"2026-01": 8, "2026-02": 4}

    def test_documents_that_differ_do_not_add(self, tmp_path):
        one, other = (read(tmp_path, "notice", filled("notice", owner=name)) for name in ("A", "B"))
        with pytest.raises(ConfigError, match="the documents differ: notice"):
            records_of(notice=one) + records_of(notice=other)
        with pytest.raises(ValueError, match="schemas"):
            records_of() + Records({"version": "2", "sdg": []})

    def test_evidence_of_an_audit_survives_a_file_and_sharing(self, tmp_path):
        (tmp_path / "card.md").write_text(filled(CARD))
        (tmp_path / "sheet.md").write_text(filled("dataset"))
        data = pd.DataFrame({"g": ["a", "b"] * 50, "d": [0, 1] * 50, "at": ["2020-01-05", "2026-10-07"] * 50})
        config = Config.of(
            folder=tmp_path,
            system={"card": "card.md"},
            data={"prediction": "d", "sensitive": ["g"], "time": "at"},
            documents={"dataset": "sheet.md"},
        )
        evidence = tk.collect(tk.System(data=data, config=config))
        evidence.save(tmp_path / "e.json")
        again = Evidence.load(tmp_path / "e.json").kinds["records"]
        assert again == evidence.kinds["records"]
        assert again.months == {"2020-01": 50, "2026-10": 50}
        assert evidence.without_small_cells(5).kinds["records"].months == {}
        assert again.notes() == ["card: card.md, dataset: sheet.md"]

    def test_rows_by_month_are_read_of_a_file_too(self, tmp_path):
        (tmp_path / "sheet.md").write_text(filled("dataset"))
        rows = "g,d,at\n" + "a,0,2020-01-05T10:00:00\nb,1,soon\n" * 5
        (tmp_path / "log.csv").write_text(rows)
        config = Config.of(
            folder=tmp_path,
            data={"audit": "log.csv", "prediction": "d", "time": "at"},
            documents={"dataset": "sheet.md"},
        )
        records = tk.collect(tk.System(config=config), only=["records"]).kinds["records"]
        assert records.months == {"": 5, "2020-01": 5}
        assert list(records.files) == ["log.csv"]


class TestTemplates:
    @pytest.mark.parametrize("kind", KINDS)
    def test_a_template_is_empty_and_filled_in_is_whole(self, tmp_path, kind):
        empty = read(tmp_path, kind, template_text(kind))
        assert not empty.problem
        assert empty.facts == {}
        assert not any(empty.needs.values())
        assert all(register.rows[ALL] == 0 for register in empty.registers)
        assert not empty.stated
        whole = read(tmp_path, kind, filled(kind))
        assert not whole.problem
        assert all(whole.needs.values()), whole.needs
        assert {*whole.needs_facts} <= {*whole.facts}
        assert len(whole.needs) + len(whole.needs_facts) + len(whole.needs_columns) >= 5

    def test_sections_by_another_name_or_an_anchor(self, tmp_path):
        text = "# M\n## Bias, Risks, and Limitations\nErrs for the young.\n## Maksat {#intended-use}\nKarz.\n"
        needs = read(tmp_path, CARD, text).needs
        assert needs["Limits and risks"]
        assert needs["Intended use"]
        assert not needs["Contact"]

    def test_a_hugging_face_card(self, tmp_path):
        card = read(tmp_path, CARD, HUGGING_FACE)
        assert not card.problem
        assert [(s.metric, s.value) for s in card.stated] == [
            ("accuracy", 0.873),
            ("f1", 0.86),
            ("auc", 0.91),
        ]
        assert card.needs["Model details"]
        assert card.needs["Evaluation"]
        assert not card.needs["Contact"], "More Information Needed is no content"
        assert (
            card.facts["license"] == "given" if "license" in card.facts else card.facts["rights"] == "given"
        )


HUGGING_FACE = """---
license: apache-2.0
tags: [text-classification]
metrics:
- accuracy
- f1
model-index:
- name: credit-bert
  results:
  - task: {type: text-classification, name: Text Classification}
    dataset: {name: credit, type: credit, split: test}
    metrics:
    - {type: accuracy, value: 87.3, name: Accuracy}
    - {type: f1, value: 0.86}
    - {type: roc_auc, value: 0.91}
---
# Model Card for credit-bert

## Model Details
### Model Description
- **Developed by:** the team
## Uses
### Direct Use
Sorting of applications.
### Out-of-Scope Use
Hiring.
## Bias, Risks, and Limitations
It errs.
## Training Details
Twelve months.
## Evaluation
### Results
See above.
## Model Card Contact

[More Information Needed]
"""


class TestStated:
    def stated(self, folder, metrics):
        return read(folder, CARD, f"---\nmetrics:\n{metrics}\n---\n").stated

    def test_names_values_groups(self, tmp_path):
        found = self.stated(
            tmp_path,
            "  - {name: Accuracy, value: 0.80}\n  - {name: TPR, value: 91.25 %, group: {sex: F}}\n"
            "  - {name: selection rate, value: .4, group: 'sex=F, age=<25'}\n"
            "  - {name: acc, value: 0.7, group: women}",
        )
        assert found == (
            Stated("accuracy", 0.80, 0.005, {}),
            Stated("recall", 0.9125, pytest.approx(0.00005), {"sex": "F"}),
            Stated("selection_rate", 0.4, 0.005, {"sex": "F", "age": "<25"}),
            Stated("accuracy", 0.7, 0.005, {"": "women"}),
        )

    def test_tables_and_lines(self, tmp_path):
        text = (
            "## Evaluation\n- **Accuracy:** 87.3%\nrecall = 0.5\nAccuracy is 0.99 on training data.\n"
            "Train accuracy: 0.99\n\n"
            "| Metric | Value | Group |\n|--|--|--|\n| AUC | 0.91 | |\n| TPR | 0.5 | sex=F |\n"
        )
        found = read(tmp_path, CARD, text).stated
        assert [(s.metric, s.value, dict(s.group)) for s in found] == [
            ("auc", 0.91, {}),
            ("recall", 0.5, {"sex": "F"}),
            ("accuracy", pytest.approx(0.873), {}),
            ("recall", 0.5, {}),
        ]

    def test_what_is_no_number_is_no_figure(self, tmp_path):
        values = ["high", "nan", "inf", "1e999", "", "-", ".", "[1, 2]", "{a: 1}", "0.8 or 0.9"]
        assert self.stated(tmp_path, "\n".join(f"  - {{name: accuracy, value: {v}}}" for v in values)) == ()

    def test_of_several_data_sets_only_the_audited_one(self, tmp_path):
        text = HUGGING_FACE.replace("---\n# Model", OTHER_SET + "---\n# Model")
        elsewhere = [(s.metric, s.value, bool(s.elsewhere)) for s in read(tmp_path, CARD, text).stated]
        assert ("accuracy", 0.99, True) in elsewhere
        assert ("accuracy", 0.95, True) in elsewhere


OTHER_SET = """  - dataset: {name: other, split: test}
    metrics: [{type: accuracy, value: 0.99}]
  - dataset: {name: credit, split: train}
    metrics: [{type: accuracy, value: 0.95}]
"""


class TestRegisters:
    def test_counts_of_blanks(self, tmp_path):
        text = (
            "| Risk | Rating | Responsible | Review date | Mitigation | Residual risk |\n|-|-|-|-|-|-|\n"
            "| a | High | x | 2026-01-01 | y | accepted |\n| b | critical |  | soon | TBD | ... |\n"
            "| c | low | | | | |\n| d | | x | 2026-01-01 | y | z |\n"
        )
        (register,) = read(tmp_path, "risk-register", text).registers
        assert register.columns == ("risk", "level", "owner", "date", "treatment", "residual decision")
        assert register.rows == {ALL: 4, HIGH: 3, CLOSED: 0}
        assert register.blanks[HIGH] == {
            "risk": 0, "level": 1, "owner": 1, "date": 1, "treatment": 1, "residual decision": 1
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("r.csv", "# owner: risk team\n# date: 2026-11-01\nrisk,level,owner\na,high,x\nb,low,\n"),
            ("r.toml", 'owner = "risk team"\ndate = 2026-11-01\n'
             '[[risks]]\nrisk = "a"\nlevel = "high"\nowner = "x"\n'
             '[[risks]]\nrisk = "b"\nlevel = "low"\n'),
            ("r.json", '{"owner": "risk team", "date": "2026-11-01", "risks": ['
             '{"risk": "a", "level": "high", "owner": "x"}, {"risk": "b", "level": "low"}]}'),
            ("r.yaml", "owner: risk team\ndate: 2026-11-01\nrisks:\n- {risk: a, level: high, owner: x}\n"
             "- {risk: b, level: low}\n"),
        ],
    )  # fmt: skip
    def test_of_each_format(self, tmp_path, name, text):
        document = read(tmp_path, "risk-register", text, name)
        assert not document.problem
        assert {"owner": "given", "date": "2026-11-01"}.items() <= document.facts.items()
        assert document.registers == (
            Register(
                ("risk", "level", "owner"),
                {ALL: 2, HIGH: 1, CLOSED: 0},
                {
                    ALL: {"risk": 0, "level": 0, "owner": 1},
                    HIGH: {"risk": 0, "level": 0, "owner": 0},
                    CLOSED: {"risk": 0, "level": 0, "owner": 0},
                },
            ),
        )

    def test_security_txt(self, tmp_path):
        text = (
            "Contact: mailto:desk@example.org\nExpires: 2027-06-01T00:00:00.000Z\n"
            "# Scope: the website and the decisions of the model\n# Response-Time: 5 days\n"
        )
        document = read(tmp_path, "security", text, "security.txt")
        assert document.facts["expires"].startswith("2027-06-01")
        assert {"contact", "covers_model", "response_time"} <= {*document.facts}
        assert all(document.needs.values())


def croissant(**keys):
    """A Croissant file about a data set, with what a data sheet asks for beside."""
    made = {
        "@context": {"@vocab": "https://schema.org/", "rai": "http://mlcommons.org/croissant/RAI/"},
        "@type": "sc:Dataset",
        "dct:conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": "Applications",
        "description": "Applications for credit at all branches.",
        "license": "https://creativecommons.org/licenses/by/4.0/",
        "url": "https://example.org/applications",
        "creator": {"@type": "sc:Organization", "name": "data office"},
        "datePublished": "2026-09-01",
        "version": 1.10,
        "basis": "contract",
        "retention": "24 months",
        "rai:dataUseCases": "Decide on credit.",
        "rai:dataCollection": "By clerks, on form 12.",
        "rai:dataPreprocessingProtocol": ["Without withdrawn applications."],
        "rai:personalSensitiveInformation": ["Age", "Income"],
        "rai:dataLimitations": "Income is stated, not proved.",
        "rai:dataReleaseMaintenancePlan": "Each quarter.",
        "distribution": [
            {"@type": "cr:FileObject", "name": "log", "contentUrl": "./log.csv", "sha256": "a" * 64}
        ],
        "recordSet": [],
        **keys,
    }
    return json.dumps({key: value for key, value in made.items() if value is not None})


class TestCroissant:
    def test_a_whole_file_is_a_whole_data_sheet(self, tmp_path):
        sheet = read(tmp_path, "dataset", croissant(), "sheet.json")
        assert not sheet.problem
        assert all(sheet.needs.values()), sheet.needs
        assert {*sheet.needs_facts} <= {*sheet.facts}
        assert (sheet.facts["date"], sheet.facts["retention"]) == ("2026-09-01", "24 months")
        assert sheet.facts["owner"] == sheet.facts["rights"] == "given"
        assert sheet.digests == {"log.csv": "a" * 64}
        assert "Applications" not in json.dumps(sheet.to_json())

    @pytest.mark.parametrize(
        "name", ["@context", "dct:conformsTo", "name", "description", "license", "url", "creator",
                 "datePublished", "distribution"],
    )  # fmt: skip
    def test_what_the_format_requires_is_missed(self, tmp_path, name):
        """The properties that Croissant 1.0 lists as required, one after the other left out."""
        sheet = read(tmp_path, "dataset", croissant(**{name: None}), "sheet.jsonld")
        wanting = [need for need, there in sheet.needs.items() if not there]
        assert f"Croissant: {name.removeprefix('dct:')}" in wanting

    @pytest.mark.parametrize(
        ("key", "title"),
        [
            ("rai:dataCollection", "Collection"),
            ("rai:dataPreprocessingProtocol", "Preparation"),
            ("rai:personalSensitiveInformation", "Who is in it"),
            ("rai:dataLimitations", "Quality and known gaps"),
            ("rai:dataReleaseMaintenancePlan", "Lineage"),
        ],
    )
    def test_what_nobody_wrote_down_is_missed(self, tmp_path, key, title):
        sheet = read(tmp_path, "dataset", croissant(**{key: None}), "sheet.json")
        assert [need for need, there in sheet.needs.items() if not there] == [title]

    def test_properties_by_prefix_by_address_and_in_a_graph(self, tmp_path):
        node = json.loads(croissant())
        node["http://mlcommons.org/croissant/RAI/dataCollection"] = node.pop("rai:dataCollection")
        node["https://schema.org/license"] = {"@id": node.pop("license")}
        text = json.dumps({"@context": node.pop("@context"), "@graph": [{"@type": "sc:Person"}, node]})
        sheet = read(tmp_path, "dataset", text, "sheet.json")
        assert all(sheet.needs.values()), sheet.needs
        assert sheet.facts["rights"] == "given"

    @pytest.mark.parametrize("version", ["http://mlcommons.org/croissant/2.0", "croissant", "", ["x"]])
    def test_another_format_is_not_this_one(self, tmp_path, version):
        sheet = read(tmp_path, "dataset", croissant(**{"dct:conformsTo": version}), "sheet.json")
        assert not sheet.needs["Croissant: conformsTo"]

    def test_the_vocabulary_of_responsible_ai_may_be_declared_beside(self, tmp_path):
        both = ["http://mlcommons.org/croissant/RAI/1.0", "http://mlcommons.org/croissant/1.1"]
        sheet = read(tmp_path, "dataset", croissant(**{"dct:conformsTo": both}), "sheet.json")
        assert sheet.needs["Croissant: conformsTo"]

    def test_a_plain_json_object_is_a_form(self, tmp_path):
        sheet = read(tmp_path, "dataset", '{"owner": "data office", "origin": "branches"}', "sheet.json")
        assert sheet.facts == {"owner": "given", "origin": "given"}
        assert sheet.needs["Origin"]
        assert not any(need.startswith("Croissant") for need in sheet.needs)

    @pytest.mark.parametrize("text", ["", "[1]", "{", '"x"', "[" * 100_000, '{"@graph": 3}', "nul\0"])
    def test_what_is_no_data_set_says_so_or_says_nothing(self, tmp_path, text):
        sheet = read(tmp_path, "dataset", text, "sheet.json")
        assert sheet.problem or not any(sheet.needs.values())

    def test_digests_are_compared_with_the_training_file_too(self, tmp_path):
        rows = "g,d\n" + "a,0\nb,1\n" * 5
        (tmp_path / "log.csv").write_text(rows)
        (tmp_path / "train.csv").write_text(rows + "a,1\n")
        files = [{"contentUrl": name, "sha256": "b" * 64} for name in ("log.csv", "train.csv", "gone.csv")]
        (tmp_path / "sheet.json").write_text(croissant(distribution=files))
        config = Config.of(
            folder=tmp_path,
            data={"audit": "log.csv", "train": "train.csv", "prediction": "d"},
            documents={"dataset": "sheet.json"},
        )
        card = tk.audit(config=config, only=["data-protection/governance"], as_of="2026-11-24")
        found = {
            f.subject["file"]: f.verdict
            for f in card.findings
            if f.id.endswith(":max") and f.metric == "contradicted"
        }
        assert found == {"log.csv": "fail", "train.csv": "fail"}


class TestOptOut:
    def audited(self, said, train=None, documents=None, **keys):
        rows = pd.DataFrame({"d": [0, 1] * (len(said) // 2), "out": said})
        return tk.audit(
            data=rows, train=train, prediction="d", opt_out="out", only=["data-protection/retention"],
            documents=documents or {}, **keys,
        )  # fmt: skip

    def found(self, card):
        return {f.subject["file"]: f for f in card.findings if f.metric == "opted_out"}

    @pytest.mark.parametrize(
        ("said", "share"),
        [
            ([True, False] * 50, 0.5),
            ([1, 0, 0, 0] * 25, 0.25),
            (["Yes", " TRUE ", "no", ""] * 25, 0.5),
            ([None, "false", "0", "y"] * 25, 0),
            ([1.0, 0.0, float("nan"), 0.0] * 25, 0.25),
        ],
    )
    def test_texts_that_say_so(self, said, share):
        found = self.found(self.audited(said))["audit"]
        assert found.estimate == share
        assert found.verdict == ("pass" if share == 0 else "fail")

    def test_training_rows_that_opted_out(self):
        train = pd.DataFrame({"d": [0, 1] * 10, "out": ["yes"] + ["no"] * 19})
        found = self.found(self.audited([0] * 100, train))
        assert (found["audit"].verdict, found["train"].verdict) == ("pass", "fail")

    def test_training_rows_that_do_not_say_are_open(self):
        found = self.found(self.audited([0] * 100, pd.DataFrame({"d": [0, 1]})))
        assert found["train"].verdict == "inconclusive"
        assert found["train"].why == "the train data do not say who opted out"

    def test_without_a_data_sheet_the_rest_is_asked_for(self):
        card = self.audited([0] * 100)
        (control,) = [c for c in card.controls if c.id == "TK-DPR-02"]
        assert control.verdict == "not_assessed"
        assert "documents.dataset" in control.needs[0]

    def test_of_a_file_and_through_a_file(self, tmp_path):
        (tmp_path / "log.csv").write_text("d,out\n" + "0,1\n1,0\n1,0\n" * 10)
        (tmp_path / "train.csv").write_text("d,out\n0,0\n1,0\n")
        data = {"audit": "log.csv", "train": "train.csv", "prediction": "d", "opt_out": "out"}
        evidence = tk.collect(tk.System(config=Config.of(folder=tmp_path, data=data)), only=["records"])
        evidence.save(tmp_path / "e.json")
        records = Evidence.load(tmp_path / "e.json").kinds["records"]
        assert records.opted_out == {"audit": Opted(10, 30), "train": Opted(0, 2)}

    def test_few_of_them_are_not_shared(self):
        schema = {"version": None, "sdg": []}
        records = Records(schema, opted_out={"audit": Opted(3, 100), "train": Opted(0, 50)})
        assert records.without_small_cells(5).opted_out == {"audit": None, "train": Opted(0, 50)}
        added = records + Records(schema, opted_out={"audit": None, "train": Opted(1, 9)})
        assert added.opted_out == {"audit": None, "train": Opted(1, 59)}


class TestWords:
    @pytest.mark.parametrize(
        "text",
        ["", "  ", "...", "…", "TODO", "- TODO: write this", "TBD", "**TBD**", "| ... | ... |",
         "Contact: TBD", "N/A", "[More Information Needed]", "{{ limits }}", "<describe here>", "[your text]",
         "to be written", "---", "\u200b", "- **Developed by:** [More Information Needed]",
         "Lorem ipsum dolor", "???", "null"],
    )  # fmt: skip
    def test_placeholders_say_nothing(self, text):
        assert not says(text)

    @pytest.mark.parametrize(
        "text", ["None.", "No personal data", "- Karz", "0", "<25", "25..<60", "https://example.org/a",
                 "a: b", "See [the page](limits.md)", "我们", "The TODO list is empty", "(missing)"]
    )  # fmt: skip
    def test_words_say_something(self, text):
        assert says(text)


BAD = {
    "binary": b"\x7fELF\0\0\0" * 100,
    "pdf": b"%PDF-1.7\n1 0 obj",
    "latin-1": "Übersicht".encode("latin-1"),
    "huge": b"a" * (MOST_BYTES + 1),
    "unclosed": b"---\nowner: x\n",
    "yaml": b"---\nowner: [x\n---\n# A\n",
    "tag": b"---\nowner: !!python/object/apply:os.system [echo]\n  : : x\n---\n",
    "a list": b"---\n- a\n- b\n---\n",
    "laughs": b"---\na: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n---\n",
    "deep": b"---\na: " + b"[" * 5000 + b"\n---\n",
    "deep toml": b"+++\na = " + b"[" * 5000 + b"\n+++\n",
    "toml": b"+++\na = \n+++\n",
    "long": b"---\n" + b"a: b\n" * 20_000 + b"---\n",
}


class TestHostile:
    @pytest.mark.parametrize("name", BAD)
    def test_a_document_that_cannot_be_read_says_so(self, tmp_path, name):
        for kind in (CARD, "risk-register", "security"):
            document = read(tmp_path, kind, BAD[name])
            assert document.problem
            assert not document.facts
            assert "\n" not in document.problem

    @pytest.mark.parametrize(
        ("kind", "file"),
        [
            *(
                ("incident-register", f"page.{suffix}")
                for suffix in ("csv", "json", "jsonld", "toml", "yaml", "txt")
            ),
            ("security", "security.txt"),
        ],
    )
    @pytest.mark.parametrize("name", BAD)
    def test_by_any_suffix_it_is_read_or_has_a_problem_of_one_line(self, tmp_path, name, kind, file):
        document = read(tmp_path, kind, BAD[name], file)
        assert "\n" not in document.problem
        assert not (document.problem and document.facts)

    def test_no_tag_makes_an_object(self, tmp_path):
        text = f"---\nowner: !!python/object/apply:os.mkdir ['{tmp_path / 'made'}']\n---\n"
        read(tmp_path, CARD, text)
        assert not (tmp_path / "made").exists()

    @pytest.mark.parametrize(
        "text",
        ["<!--" * 250_000, "#" * 900_000, "# " * 450_000, "|" * 900_000, "| a |\n|-|\n" + "| b |\n" * 150_000,
         "[todo " * 150_000, "<" * 900_000, "a\n---\n" * 150_000, "```\n" * 200_000,
         "{{" * 400_000, "*_" * 400_000,
         " " * 900_000, "x:" * 400_000, "## a\n" * 180_000, "| a |\n" * 150_000,
         "accuracy: 0." + "1" * 900_000],
    )  # fmt: skip
    def test_reading_takes_no_time(self, tmp_path, text):
        started = time.perf_counter()
        document = read(tmp_path, CARD, text)
        assert time.perf_counter() - started < 4
        assert len(json.dumps(document.to_json())) < 200_000

    def test_what_is_kept_is_little_and_holds_no_text(self, tmp_path):
        text = (
            filled(CARD)
            + "\n## Secret\nThe password is hunter2.\n| name | note |\n|-|-|\n| Jane Roe | ill |\n"
        )
        kept = json.dumps(read(tmp_path, CARD, text).to_json())
        assert "hunter2" not in kept
        assert "Jane" not in kept
        assert "credit team" not in kept

    def test_a_folder_or_a_pipe_is_no_document(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "folder").mkdir()
        for name in ("pipe", "folder", "absent"):
            assert read_document(CARD, tmp_path, name).problem == "not a file"

    def test_headings_in_code_and_comments_are_none(self, tmp_path):
        text = "```\n# Contact\nx\n```\n<!--\n# Limits\nx\n-->\n# Uses\nx\n"
        assert [*read(tmp_path, CARD, text).headings] == ["Uses"]

    def test_versions_and_dates_stay_as_written(self):
        page = read_page("a.md", b"---\nversion: 1.10\ndate: 2026-11-01\nat: 012\nno: no\n---\n")
        assert page.facts == {"version": "1.10", "date": "2026-11-01", "at": "012", "no": "no"}
