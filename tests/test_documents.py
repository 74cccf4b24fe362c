"""A document counts when it is there, whole, lately reviewed, and does not contradict what was measured."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from test_records import ROWS, filled, read, records_of

import trustkit as tk
from trustkit.checks import discover
from trustkit.checks.base import NotApplicable
from trustkit.checks.data_protection.retention import retention
from trustkit.checks.sustainability.targets import GOALS, TARGETS
from trustkit.checks.transparency.parts import DocumentKind
from trustkit.config import DOCUMENTS, Config
from trustkit.errors import ConfigError
from trustkit.evidence.records import CARD, Records
from trustkit.policy import CheckUse, Control, Policy

AS_OF = date(2026, 11, 23)
LIMITS = {"max_missing": 0.0, "max_age_days": 365.0, "max_contradicted": 0.0}
OF_KIND = {
    "security": "security/reporting",
    "incident-register": "monitoring/incidents",
    "dataset": "data-protection/governance",
    "oversight": "oversight/human-review",
    "sustainability": "sustainability/declaration",
}
"""Checks of one kind; the other kinds are transparency/documentation's."""

KINDS = (CARD, *DOCUMENTS)


def log(n: int = 4000, seed: int = 3) -> pd.DataFrame:
    """Decisions that are right 8 times in 10, and grant more men."""
    rng = np.random.default_rng(seed)
    sex = np.where(np.arange(n) % 2, "F", "M")
    truth = rng.random(n) < np.where(sex == "F", 0.4, 0.6)
    right = rng.random(n) < 0.8
    score = np.clip(0.3 + 0.4 * truth + rng.normal(0, 0.25, n), 0, 1)
    decided = np.where(right, truth, ~truth)
    return pd.DataFrame({"sex": sex, "y": truth * 1, "d": decided * 1, "p": score})


LOG = log()
ACCURACY = float((LOG.y == LOG.d).mean())
WOMEN = float(LOG.d[LOG.sex == "F"].mean())


def policy(check: str, document: str | None = None) -> Policy:
    metrics = discover()[0][check].metrics
    limits = {key: {"value": v, "source": "test"} for key, v in LIMITS.items() if key[4:] in metrics}
    options = {} if document is None else {"document": document}
    use = CheckUse(check=check, options=options, limits=limits)
    control = Control(
        id="X-1", title="t", requirement="r", principle="trustworthy", area="transparency", severity="low",
        evidence="document", checks=(use,),
    )  # fmt: skip
    return Policy(id="test", version="1", title="test", controls=(control,))


def audited(
    folder: Path, kind: str, text: str | bytes, *, name: str = "", data: Any = LOG, **system: Any
) -> Any:
    """The card of one document of a kind."""
    name = name or f"{kind}.md"
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    check = OF_KIND.get(kind, "transparency/documentation")
    tables: dict[str, Any] = {"system": {"version": "2026.1", **system}}
    tables["documents"] = {} if kind == CARD else {kind: name}
    if kind == CARD:
        tables["system"]["card"] = name
    columns = {"target": "y", "prediction": "d", "score": "p"}
    roles: dict[str, Any] = {role: column for role, column in columns.items() if column in data}
    roles |= {"favorable": 1, "sensitive": ["sex"]}
    config = Config.of(folder=folder, data=roles, **tables)
    document = kind if kind != CARD and check == "transparency/documentation" else None
    return tk.audit(data=data, config=config, policy=policy(check, document), as_of=AS_OF)


def said(card: Any) -> dict[str, str]:
    """Verdicts by what was judged."""
    made = {}
    for f in card.findings:
        figure = f.subject.get("figure")
        made[f.metric + (f" of {figure}" if figure else "")] = str(f.verdict)
    return made


def why(card: Any, metric: str) -> str:
    return next(f.why or "" for f in card.findings if f.metric == metric)


class TestCounts:
    """What makes a document count, of each kind alike."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_filled_in_and_new_it_passes(self, tmp_path, kind):
        card = audited(tmp_path, kind, filled(kind), sdg=["8.10"])
        assert card.controls[0].verdict == "pass", [(f.metric, f.why) for f in card.findings]

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(
        ("facts", "says"),
        [
            ({"date": '""'}, "no date"),
            ({"date": "soon"}, "no date"),
            ({"date": "01/11/2026"}, "no date"),
            ({"date": "2025-11-01"}, "dated 2025-11-01"),
            ({"date": "2027-01-01"}, "yet to come"),
            ({"date": "2026-11-01\nexpires: 2026-11-22"}, "expired on 2026-11-22"),
        ],
    )
    def test_without_a_day_or_past_it_it_does_not(self, tmp_path, kind, facts, says):
        text = filled(kind, **facts)
        if kind == "security" and "expires" in facts["date"]:
            text = text.replace("expires: 2027-06-01\n", "")
        card = audited(tmp_path, kind, text, sdg=["8.10"])
        assert card.controls[0].verdict == "fail"
        assert said(card)["age_days"] == "fail"
        assert says in why(card, "age_days")

    @pytest.mark.parametrize("kind", KINDS)
    def test_it_holds_through_the_day_named(self, tmp_path, kind):
        text = filled(kind, date="2025-11-23\nexpires: 2026-11-23").replace("expires: 2027-06-01\n", "")
        assert audited(tmp_path, kind, text, sdg=["8.10"]).controls[0].verdict == "pass"

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(
        "text", [b"", b"\0\1\2", b"%PDF-1.4", b"x" * (1 << 21), b"---\nowner: [x\n---\n", b"\xff\xfe"]
    )
    def test_what_cannot_be_read_fails_and_raises_nothing(self, tmp_path, kind, text):
        card = audited(tmp_path, kind, text)
        assert card.controls[0].verdict == "fail"
        assert said(card)["missing"] == "fail"

    @pytest.mark.parametrize("kind", KINDS)
    def test_each_required_part_is_missed(self, tmp_path, kind):
        whole = filled(kind)
        lines = whole.split("\n")
        for at, line in enumerate(lines):
            if line.startswith("## ") and "optional" not in line:
                cut = [*lines[: at + 1], *(x for x in lines[at + 1 :] if not x.startswith("We decide"))]
                card = audited(tmp_path, kind, "\n".join(cut), sdg=["8.10"])
                assert line[3:].partition(" <!--")[0] in why(card, "missing")
                break
        for row in filter(None, [ROWS.get(kind)]):
            if kind != "incident-register":
                card = audited(tmp_path, kind, whole.replace(row, ""), sdg=[])
                assert "rows" in why(card, "missing")

    def test_not_declared_is_not_assessed(self):
        card = tk.audit(data=LOG, prediction="d", favorable=1, policy=policy("oversight/human-review"))
        assert card.controls[0].verdict == "not_assessed"
        assert card.controls[0].needs[0].startswith("supply documents.oversight: the file")

    def test_the_kinds_are_one_list(self):
        assert {*get_args(DocumentKind)} == {CARD, *DOCUMENTS}


class TestModelCard:
    def card(self, folder, metrics, data=LOG, **facts):
        return audited(
            folder, CARD, filled(CARD, **facts).replace("version:", f"{metrics}\nversion:"), data=data
        )

    def test_one_that_agrees_passes(self, tmp_path):
        metrics = (
            f"metrics:\n  - {{name: accuracy, value: {ACCURACY:.2f}}}\n"
            f"  - {{name: Selection rate, value: {100 * WOMEN:.1f} %, group: {{sex: F}}}}"
        )
        card = self.card(tmp_path, metrics)
        assert said(card) == {
            "missing": "pass",
            "age_days": "pass",
            "contradicted of version": "pass",
            "contradicted of accuracy": "pass",
            "contradicted of selection_rate of sex=F": "pass",
        }
        assert card.controls[0].verdict == "pass"

    @pytest.mark.parametrize(
        ("metrics", "facts", "figure"),
        [
            (f"metrics: {{accuracy: {ACCURACY + 0.05:.3f}}}", {}, "accuracy"),
            (f"metrics: {{accuracy: {ACCURACY - 0.05:.3f}}}", {}, "accuracy"),
            (f"metrics:\n- {{name: selection rate, value: {WOMEN + 0.08:.2f}, group: sex=F}}", {},
             "selection_rate of sex=F"),
            (f"metrics:\n- {{name: selection rate, value: {WOMEN + 0.08:.2f}, group: f}}", {},
             "selection_rate of f"),
            ("metrics: {auc: 0.99}", {}, "auc"),
            ("metrics: {recall: 0.95}", {}, "recall"),
            ("metrics: {balanced accuracy: 0.95}", {}, "balanced_accuracy"),
            ("", {"version": '"2025.4"'}, "version"),
            ("", {"version": "2026.10"}, "version"),
        ],
    )  # fmt: skip
    def test_one_that_differs_fails(self, tmp_path, metrics, facts, figure):
        card = self.card(tmp_path, metrics, **facts)
        assert card.controls[0].verdict == "fail"
        assert said(card)[f"contradicted of {figure}"] == "fail"
        failed = [f for f in card.findings if f.verdict == "fail"]
        assert len(failed) == 1
        assert "stated" in failed[0].why or "version" in failed[0].why

    @pytest.mark.parametrize(
        ("metrics", "says"),
        [
            ("metrics: {f1: 0.8}", "no measured figure has this name"),
            ("metrics:\n- {name: accuracy, value: 0.1, group: {region: north}}", "no audited group"),
            ("metrics:\n- {name: accuracy, value: 0.1, group: nobody}", "no audited group"),
            ("metrics:\n- {name: accuracy, value: 0.1, group: {sex: X}}", "no audited group"),
        ],
    )
    def test_what_cannot_be_matched_is_listed(self, tmp_path, metrics, says):
        card = self.card(tmp_path, metrics)
        (listed,) = [f for f in card.findings if f.metric == "stated"]
        assert says in listed.why
        assert listed.verdict == "not_applicable"
        assert card.controls[0].verdict == "pass"

    def test_without_a_truth_the_document_is_judged_all_the_same(self, tmp_path):
        card = self.card(tmp_path, "metrics: {accuracy: 0.1, selection rate: 0.99}", LOG[["sex", "d"]])
        assert said(card)["missing"] == "pass"
        assert "no truth" in why(card, "stated")
        assert said(card)["contradicted of selection_rate"] == "fail"
        without = self.card(tmp_path, "metrics: {accuracy: 0.1}", LOG[["sex", "y"]])
        assert without.controls[0].verdict == "pass"
        assert "no prediction" in why(without, "stated")

    def test_rounding_is_allowed_for_and_no_more(self, tmp_path):
        wide = log(200_000, seed=5)
        true = float((wide.y == wide.d).mean())
        rounded = round(true, 2)
        assert (
            self.card(tmp_path, f"metrics: {{accuracy: {rounded:.2f}}}", wide).controls[0].verdict == "pass"
        )
        beyond = rounded + 0.012
        assert self.card(tmp_path, f"metrics: {{accuracy: {beyond:.3f}}}", wide).controls[0].verdict == "fail"
        coarse = "0.9" if true < 0.85 else "0.7"
        assert self.card(tmp_path, f"metrics: {{accuracy: {coarse}}}", wide).controls[0].verdict == "fail"

    def test_true_figures_are_rarely_called_false(self, tmp_path):
        """Of 200 cards whose eight figures are those of the population, at most 5 in 100 are contradicted."""
        document = read(tmp_path, CARD, filled(CARD).replace("version:", TRUE_FIGURES + "\nversion:"))
        records = records_of(card=document)
        check = discover()[0]["transparency/documentation"]
        wrong = 0
        for seed in range(200):
            data = log(400, seed=100 + seed)[["sex", "y", "d"]]
            system = tk.System(data=data, target="y", prediction="d", favorable=1, sensitive=["sex"])
            cells = tk.collect(system, only=["cells"]).kinds["cells"]
            found = [
                e
                for e in check(records, cells)
                if e.metric == "contradicted" and e.subject["figure"] != "version"
            ]
            assert len(found) == 8
            wrong += any(e.value for e in found)
        assert wrong <= 18, wrong  # 5 % of 200, and three standard errors

    def test_a_group_of_few_people_is_listed(self, tmp_path):
        few = pd.concat(
            [LOG, pd.DataFrame({"sex": ["X"] * 6, "y": [1, 0] * 3, "d": [1] * 6, "p": [0.5] * 6})]
        )
        text = "metrics:\n- {name: selection rate, value: 0.7, group: sex=X}"
        card = self.card(tmp_path, text, few)
        assert card.controls[0].verdict == "pass"
        assert "fewer than 30 rows" in why(card, "stated")

    def test_evidence_that_is_shared_judges_alike(self, tmp_path):
        (tmp_path / "card.md").write_text(
            filled(CARD).replace("version:", "metrics: {accuracy: 0.95}\nversion:")
        )
        config = Config.of(
            folder=tmp_path,
            system={"card": "card.md", "version": "2026.1"},
            data={"target": "y", "prediction": "d", "favorable": 1, "sensitive": ["sex"]},
        )
        evidence = tk.collect(tk.System(data=LOG, config=config), only=["cells", "records"])
        cards = [
            tk.judge(each, policy("transparency/documentation"), as_of=AS_OF)
            for each in (evidence, evidence.without_small_cells(5))
        ]
        assert said(cards[0]) == said(cards[1])
        assert said(cards[0])["contradicted of accuracy"] == "fail"

    def test_a_card_may_be_any_text(self, tmp_path):
        text = "---\nmetrics: {'<script>': 0.5, '" + "a" * 3000 + "': 0.5, 'x\\u202e': 0.1}\n---\n# <b>\n"
        card = audited(tmp_path, CARD, text)
        assert len({f.id for f in card.findings}) == len(card.findings)
        assert all(len(f.id) < 300 for f in card.findings)


TRUE_FIGURES = """metrics:
- {name: accuracy, value: 0.8}
- {name: accuracy, value: 0.8, group: sex=F}
- {name: accuracy, value: 0.8, group: sex=M}
- {name: recall, value: 0.8}
- {name: specificity, value: 0.8}
- {name: selection rate, value: 0.44, group: sex=F}
- {name: selection rate, value: 0.56, group: sex=M}
- {name: selection rate, value: 0.5}"""


class TestRegisters:
    def test_each_high_risk_needs_all_and_a_low_one_nothing(self, tmp_path):
        row = ROWS["risk-register"]
        more = f"{row}\n| slow | low | | | | |\n| leak | major | | 2026-10-01 | fewer digits | ... |"
        card = audited(tmp_path, "risk-register", filled("risk-register").replace(row, more))
        assert why(card, "missing") == "missing: owner of 1 high risk; residual decision of 1 high risk"
        assert card.findings[0].estimate == 2

    def test_a_register_in_csv(self, tmp_path):
        text = (
            "# owner: team\n# date: 2026-11-01\n# scope: all\n# method: likelihood times harm\n"
            "risk,level,owner,date,treatment,residual decision\nleak,high,a,2026-10-01,b,accepted\n"
        )
        card = audited(tmp_path, "risk-register", text, name="risks.csv")
        assert card.controls[0].verdict == "pass", why(card, "missing")

    def test_columns_that_are_missing_are_named(self, tmp_path):
        text = filled("risk-register").replace("residual decision", "notes")
        card = audited(tmp_path, "risk-register", text)
        assert why(card, "missing") == "missing: the column residual decision"

    def test_incidents(self, tmp_path):
        rows = "| a | 2026-01-01 | x | open | | |\n| b | soon | | resolved | y | |\n"
        text = filled("incident-register").replace(ROWS["incident-register"], rows)
        card = audited(tmp_path, "incident-register", text)
        assert why(card, "missing") == "missing: date of 1 row; owner of 1 row; fix of 1 closed incident"
        shown = {f.metric: f.estimate for f in card.findings}
        assert (shown["incidents"], shown["open"]) == (2, 1)


class TestImpactAssessment:
    @pytest.mark.parametrize(
        ("group", "verdict"),
        [("sex | F", "pass"), ("sex | f", "pass"), ("sex | X", "fail"), ("age | <25", "fail")],
    )
    def test_every_group_that_it_names_was_audited(self, tmp_path, group, verdict):
        row = ROWS["impact-assessment"]
        text = filled("impact-assessment").replace(row, f"{row}\n| {group} | refused |")
        card = audited(tmp_path, "impact-assessment", text)
        assert card.controls[0].verdict == verdict
        attribute, label = group.split(" | ")
        assert (f"an audit of {attribute}={label}" in why(card, "missing")) == (verdict == "fail")


class TestOthers:
    def test_the_goals_and_targets_are_those_of_the_agenda(self):
        assert (len(GOALS), len(TARGETS), len({*TARGETS})) == (17, 169, 169)
        assert {"8.10", "1.a", "17.19", "16.b"} <= {*TARGETS}
        assert not {"8.11", "17.a", "18.1", "4.8"} & {*TARGETS}

    def test_targets_that_do_not_exist_and_that_have_no_row(self, tmp_path):
        card = audited(tmp_path, "sustainability", filled("sustainability"), sdg=["8.10", "10.2", "18.1"])
        assert why(card, "missing") == (
            "missing: a goal or target 18.1: it does not exist; a row for 10.2, which system.sdg declares; "
            "a row for 18.1, which system.sdg declares"
        )

    @pytest.mark.parametrize(
        ("kept", "past"), [("24 months", 0.1), ("10 years", 0.0), ("20 days", 1.0), ("4 weeks", 0.1)]
    )
    def test_rows_older_than_declared(self, tmp_path, kept, past):
        document = read(tmp_path, "dataset", filled("dataset", retention=f'"{kept}"'))
        months = {"": 7, "2020-02": 10, "2026-10": 90}
        records = Records({"version": None, "sdg": []}, {"dataset": document}, {}, months)
        *_, found = retention(records, as_of=AS_OF)
        assert (found.metric, found.value, found.n) == ("past", pytest.approx(past), 100)

    @pytest.mark.parametrize(
        ("kept", "months", "says"),
        [("none: no personal data", {"2020-02": 10}, "no number"), ("24 months", {}, "data.time"),
         ("24 months", {"": 9}, "data.time")],
    )  # fmt: skip
    def test_where_age_cannot_be_told_it_is_said(self, tmp_path, kept, months, says):
        document = read(tmp_path, "dataset", filled("dataset", retention=f'"{kept}"'))
        records = Records({"version": None, "sdg": []}, {"dataset": document}, {}, months)
        *_, found = retention(records, as_of=AS_OF)
        assert np.isnan(found.value)
        assert says in found.why

    def test_an_age_that_cannot_be_told_is_no_pass(self, tmp_path):
        card = audited(tmp_path, "dataset", filled("dataset"))
        assert card.controls[0].verdict == "pass"
        use = CheckUse(
            check="data-protection/retention", limits={"max_past": {"value": 0.0, "source": "test"}}
        )
        control = policy("data-protection/retention").controls[0].model_copy(update={"checks": (use,)})
        config = Config.of(folder=tmp_path, documents={"dataset": "dataset.md"}, data={"prediction": "d"})
        asked = Policy(id="test", version="1", title="test", controls=(control,))
        card = tk.audit(data=LOG, config=config, policy=asked, as_of=AS_OF)
        (past,) = [f for f in card.findings if f.metric == "past"]
        assert (past.verdict, past.estimate) == ("inconclusive", None)
        assert "data.time" in past.why

    def test_digests_of_the_data_sheet(self, tmp_path):
        import hashlib

        (tmp_path / "log.csv").write_text("sex,d\nF,1\nM,0\n")
        true = hashlib.sha256((tmp_path / "log.csv").read_bytes()).hexdigest()
        for digest, verdict in ((true, "pass"), ("0" * 64, "fail")):
            sheet = filled("dataset").replace("rights:", f"digests: {{log.csv: 'sha256:{digest}'}}\nrights:")
            (tmp_path / "sheet.md").write_text(sheet)
            config = Config.of(
                folder=tmp_path,
                data={"audit": "log.csv", "prediction": "d", "favorable": 1},
                documents={"dataset": "sheet.md"},
            )
            card = tk.audit(config=config, policy=policy("data-protection/governance"), as_of=AS_OF)
            assert said(card)["contradicted"] == verdict

    @pytest.mark.parametrize(
        ("old", "new", "wanted"),
        [
            ("", "", ""),
            ("desk@example.org", "Write to us.", "a contact with an address"),
            ("wrong decisions of the model", "the website", "a scope that covers what the model does"),
            ("Wrong", "The website.\n\n### Out of scope\n\nWrong", "a scope that covers what the model does"),
            ("model.", "model are out of scope.", "a scope that covers what the model does"),
            ("Within two days.", "Soon.", "a time of response"),
            ("model.", "model. Denial of service is out of scope.", ""),
            ("Wrong", "- Denial of service is out of scope\n- Wrong", ""),
            ("Wrong", "### Of the model\n\nWrong", ""),
            ("## Scope", "What is in scope\n----------------", ""),
        ],
    )
    def test_reporting_says_each_thing_where_it_should(self, tmp_path, old, new, wanted):
        """A decision in three days, of the model team, stands elsewhere in each."""
        text = (
            "---\ndate: 2026-11-20\nexpires: 2027-06-01\n---\n# Security of the model\n\n"
            "## Contact\n\ndesk@example.org\n\n"
            "## Scope\n\nWrong decisions of the model.\n\n"
            "## Response time\n\nWithin two days.\n\n"
            "## Versions\n\nThe model team mends versions of the last 3 months, see https://example.org.\n"
        )
        at = text.lower().index(old.lower(), text.index("## Contact")) if old else 0
        card = audited(tmp_path, "security", text[:at] + new + text[at + len(old) :])
        (missing,) = (finding for finding in card.findings if finding.metric == "missing")
        assert missing.why == (f"missing: {wanted}" if wanted else None)

    def test_security_txt_that_expired(self, tmp_path):
        text = (
            "Contact: mailto:a@b.c\nExpires: 2026-11-01T00:00:00Z\n# Scope: model\n# Response-Time: 5 days\n"
        )
        card = audited(tmp_path, "security", text, name="security.txt")
        assert said(card) == {"missing": "fail", "age_days": "fail"}
        late = text.replace("2026-11-01", "2027-11-01")
        assert audited(tmp_path, "security", late, name="security.txt").controls[0].verdict == "pass"


class TestConfiguration:
    def test_documents_from_python(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "notice.md").write_text(filled("notice"))
        keys: dict[str, Any] = {"prediction": "d", "favorable": 1, "documents": {"notice": "notice.md"}}
        records = tk.collect(tk.System(data=LOG, **keys), only=["records"]).kinds["records"]
        assert [*records.documents] == ["notice"]
        card = tk.audit(data=LOG, policy=policy("transparency/documentation", "notice"), as_of=AS_OF, **keys)
        assert card.controls[0].verdict == "pass"

    def test_what_is_wrong_is_told_with_the_rest(self, tmp_path):
        with pytest.raises(ConfigError) as caught:
            tk.audit(data=LOG, prediction="e", documents={"notise": "a.md", "redress": "nowhere.md"})
        keys = {problem.key: problem.nearest for problem in caught.value.problems}
        assert keys["documents.notise"] == "notice"
        assert "documents.redress" in keys
        assert "data.prediction" in keys

    def test_a_table_of_the_file(self, tmp_path):
        (tmp_path / "trustkit.toml").write_text('[documents]\nrisk-register = "docs/risks.md"\n')
        config = Config.read(tmp_path)
        assert config.documents == {"risk-register": "docs/risks.md"}
        assert [problem.key for problem in config.missing_files()] == ["documents.risk-register"]
        assert config.replace(documents={"notice": "n.md"}).documents == {
            "risk-register": "docs/risks.md", "notice": "n.md"
        }  # fmt: skip


def test_a_check_without_its_document_says_what_to_supply():
    for name, check in discover()[0].items():
        if [*check.needs.values()] == [Records]:
            with pytest.raises(NotApplicable, match="is declared") as caught:
                check(Records({"version": None, "sdg": []}))
            assert "trustkit init --documents" in caught.value.supply, name
