"""Policies: forty controls with sources, overlays that say what they change, and errors that help."""

import hashlib
import json
import re
from pathlib import Path

import jsonschema
import pandas as pd
import pytest

import trustkit as tk
from trustkit.checks import discover
from trustkit.errors import ConfigError
from trustkit.policy import Policy, available, cited, frameworks, unconfirmed
from trustkit.scorecard import ControlResult, Scorecard, schema

ROOT = Path(__file__).parents[1]
UN = Policy.load("unga-78-265")
CONTROLS = {control.id: control for control in UN.controls}
PACKAGED = [id for id in available() if (ROOT / f"trustkit/policy/policies/{id}.toml").exists()]
PREFIXES = {
    "safety": ("safe", "TK-SAF"),
    "security": ("secure", "TK-SEC"),
    "bias": ("trustworthy", "TK-FAI"),
    "data-protection": ("trustworthy", "TK-DPR"),
    "transparency": ("trustworthy", "TK-TRA"),
    "oversight": ("trustworthy", "TK-OVR"),
    "monitoring": ("trustworthy", "TK-MON"),
    "inclusion": ("trustworthy", "TK-INC"),
    "sustainability": ("trustworthy", "TK-SDG"),
}
FRAMEWORKS = {"nist-ai-rmf", "eu-ai-act", "iso-42001", "gdpr", "oecd"}
FIRST_RELEASE = {
    "safety": "performance calibration overconfidence weak-slices robustness shift leakage reproducibility "
    "invariances data-quality",
    "security": "artifact provenance dependencies evasion extraction input-handling endpoint reporting",
    "bias": "selection-rate error-rates predictive-parity calibration ranking regression-error "
    "counterfactual-flip proxies representation subgroups consistency",
    "data-protection": "personal-data special-categories re-identification membership-inference "
    "attribute-inference minimization secrets retention governance same-person own-output",
    "transparency": "documentation",
    "oversight": "human-review",
    "monitoring": "coverage drift incidents staleness",
    "inclusion": "access-parity",
    "sustainability": "declaration",
}
LIMITS = {
    "bias/selection-rate": {"min_ratio": 0.8},
    "bias/error-rates": {"max_tpr_difference": 0.1, "max_fpr_difference": 0.1},
    "bias/predictive-parity": {"max_ppv_difference": 0.05},
    "bias/calibration": {"max_gap": 0.05, "max_rmsce": 0.05},
    "bias/ranking": {"max_auc_difference": 0.05},
    "bias/regression-error": {"min_mae_ratio": 0.8},
    "bias/subgroups": {"max_excess_error": 0.05},
    "bias/representation": {"min_share_ratio": 0.8, "min_train_share_ratio": 0.8},
    "bias/proxies": {"max_auc": 0.75},
    "bias/counterfactual-flip": {"max_flip": 0.05},
    "safety/performance": {"min_skill": 0.0},
    "safety/calibration": {"max_gap": 0.05, "max_rmsce": 0.05, "max_undercoverage": 0.05},
    "safety/overconfidence": {"max_overconfidence": 0.05},
    "safety/weak-slices": {"max_excess_error": 0.05},
    "safety/shift": {"max_ks": 0.1, "max_tv": 0.1},
    "safety/leakage": {"max_shared": 0.01, "max_single_auc": 0.95},
    "safety/data-quality": {"max_impossible": 0, "max_missing_difference": 0.1},
    "data-protection/same-person": {"max_shared": 0.01},
    "safety/robustness": {"max_flip": 0.15, "max_column_flip": 0.15, "max_stray": 0.15},
    "safety/invariances": {"max_violations": 0.01},
    "safety/reproducibility": {"max_changed": 0},
    "data-protection/personal-data": {"max_identifying": 0.01},
    "data-protection/special-categories": {"max_uncovered": 0},
    "data-protection/secrets": {"max_secrets": 0},
    "data-protection/own-output": {"max_exposed": 0, "max_small": 0},
    "data-protection/minimization": {"min_personal_cost": 0.01},
    "data-protection/retention": {"max_past": 0, "max_opted_out": 0},
    "data-protection/membership-inference": {"max_auc": 0.6},
    "data-protection/attribute-inference": {"max_gain": 0.05},
    "security/artifact": {"max_dangerous": 0, "max_unknown": 0, "max_incomplete": 0},
    "security/dependencies": {
        "max_vulnerable": 0,
        "max_unpinned": 0,
        "max_abandoned": 0,
        "max_advisories_age": 90,
    },
    "security/endpoint": {
        "max_plain": 0,
        "max_old_tls": 0,
        "max_unauthenticated": 0,
        "max_traces": 0,
        "max_accepted": 0,
        "max_broken": 0,
        "max_errors": 0.01,
        "max_disagreeing": 0,
    },
    "security/evasion": {"max_by_column": 0.5},
    "security/input-handling": {"max_silent": 0, "max_misaligned": 0, "max_crashed": 0, "max_slow": 0},
    "security/provenance": {"max_changed": 0, "max_unsigned": 0, "max_mismatched": 0},
    "monitoring/coverage": {"max_silent": 0, "max_lost": 0.05},
    "monitoring/drift": {"max_violated": 0, "max_changed": 0},
    "monitoring/staleness": {"max_changed": 0},
    "inclusion/access-parity": {"min_ratio": 0.8, "max_accuracy_difference": 0.1},
}


def problems(load, *arguments):
    with pytest.raises(ConfigError) as caught:
        load(*arguments)
    return {tuple(problem) for problem in caught.value.problems}


class TestTheCatalog:
    def test_it_has_forty_controls_in_the_order_of_the_areas(self):
        assert len(UN.controls) == len(CONTROLS) == 40
        areas = list(dict.fromkeys(control.area for control in UN.controls))
        assert areas == list(PREFIXES)
        assert [c.id for c in UN.controls] == [
            i for a in areas for i in sorted(CONTROLS) if CONTROLS[i].area == a
        ]

    @pytest.mark.parametrize("control", UN.controls, ids=list(CONTROLS))
    def test_each_control_says_all_that_a_card_needs(self, control):
        principle, prefix = PREFIXES[control.area]
        assert control.principle == principle
        assert re.fullmatch(rf"{prefix}-\d\d", control.id)
        for text in (control.title, control.requirement, control.remedy):
            assert text.strip() == text != ""
        assert control.requirement.endswith(".")
        assert control.remedy.endswith(".")
        assert control.effort is not None
        assert control.sources
        assert set(control.crosswalk) <= FRAMEWORKS
        assert "nist-ai-rmf" in control.crosswalk
        assert bool(control.checks) == (control.evidence != "attestation")

    def test_only_the_resolution_that_was_read_is_cited(self):
        for control in UN.controls:
            assert all(source.startswith("A/RES/78/265 ") for source in control.sources)
        assert "25 July 2025" in UN.description

    def test_red_lines_are_critical(self):
        assert {c.id for c in UN.controls if c.severity == "critical"} == {
            "TK-SAF-01", "TK-SEC-01", "TK-DPR-04", "TK-MON-04", "TK-FAI-02",
        }  # fmt: skip

    def test_every_check_of_the_first_release_has_a_control(self):
        used = {use.check for control in UN.controls for use in control.checks}
        assert {f"{area}/{name}" for area, names in FIRST_RELEASE.items() for name in names.split()} <= used
        anywhere = {use.check for id in PACKAGED for c in Policy.load(id).controls for use in c.checks}
        assert set(discover()[0]) <= anywhere

    def test_limits_are_the_defaults_and_name_their_source(self):
        made = {}
        for control in UN.controls:
            for use in control.checks:
                for name, limit in use.limits.items():
                    assert limit.source.startswith(("trustkit default", "29 CFR 1607.4(D)"))
                    if name not in ("max_missing", "max_age_days", "max_contradicted"):
                        assert made.setdefault((use.check, name), limit.value) == limit.value
        assert made == {(check, name): v for check, of in LIMITS.items() for name, v in of.items()}

    def test_facts_about_documents_have_the_same_limits_everywhere(self):
        values = {"max_missing": 0, "max_age_days": 365, "max_contradicted": 0}
        for control in UN.controls:
            for use in control.checks:
                for name in values.keys() & use.limits:
                    assert use.limits[name].value == values[name]
                if use.check == "transparency/documentation":
                    compared = use.options in ({}, {"document": "impact-assessment"})
                    assert ("max_contradicted" in use.limits) <= compared

    def test_the_baseline_asks_the_same(self):
        for control in Policy.load("fairness-baseline").controls:
            mine = {(use.check, use.groups): dict(use.limits) for use in CONTROLS[control.id].checks}
            for use in control.checks:
                assert mine[use.check, use.groups] == dict(use.limits)
            assert CONTROLS[control.id].severity == control.severity


@pytest.mark.parametrize("id", PACKAGED)
class TestEachPackagedPolicy:
    def test_it_loads_and_has_the_name_of_its_file(self, id):
        policy = Policy.load(id)
        assert policy.id == id
        assert policy.title
        assert policy.description

    def test_its_limits_are_those_of_figures_that_its_checks_yield(self, id):
        checks, _ = discover()
        for control in Policy.load(id).controls:
            for use in control.checks:
                if use.check in checks:
                    assert not checks[use.check].limit_problems(use.limits)
                    assert not checks[use.check].option_problems(use.options)

    def test_its_clauses_are_described(self, id):
        for control in Policy.load(id).controls:
            assert set(control.crosswalk) <= set(frameworks())
            for name, framework, clause in cited(control):
                assert clause in framework.clauses, name


class TestClauses:
    def test_every_clause_is_cited_or_says_why_not(self):
        controls = [control for id in PACKAGED for control in Policy.load(id).controls]
        found = {(framework.id, clause) for control in controls for _, framework, clause in cited(control)}
        for framework in frameworks().values():
            for clause, of in framework.clauses.items():
                assert ((framework.id, clause) in found) != bool(of.uncited), (framework.id, clause)

    def test_what_was_not_read_is_unconfirmed(self):
        control = CONTROLS["TK-FAI-04"]
        assert unconfirmed(control) == (
            "eu-ai-act Art. 4a",
            "iso-42001 A.5.4",
            "gdpr Art. 9",
            "gdpr Art. 22(4)",
        )
        assert not any(of.status == "read" for of in frameworks()["iso-42001"].clauses.values())

    def test_a_clause_that_nobody_described_is_unconfirmed(self):
        made = CONTROLS["TK-FAI-02"].model_copy(
            update={
                "sources": ("A/RES/78/265 6(z)", "house rule 3"),
                "crosswalk": {"nist-ai-rmf": ("MEASURE 9.9", "MEASURE 2.11"), "house": ("3",)},
            }
        )
        assert unconfirmed(made) == ("A/RES/78/265 6(z)", "nist-ai-rmf MEASURE 9.9")


class TestPackagedOverlays:
    def test_central_asia_weighs_languages_scarcity_and_goals_more(self):
        order = ["low", "medium", "high", "critical"]
        policy = Policy.load("central-asia")
        raised = {
            control.id
            for control in policy.controls
            if order.index(control.severity) > order.index(CONTROLS[control.id].severity)
        }
        assert raised == {"TK-INC-01", "TK-INC-03", "TK-SDG-01", "TK-SDG-02"}
        for control in policy.controls:
            if control.id not in raised:
                assert control == CONTROLS[control.id]
            assert control.sources == CONTROLS[control.id].sources

    @pytest.mark.parametrize(
        ("id", "group_by"), [("nist-ai-rmf", "nist-ai-rmf"), ("eu-ai-act-high-risk", "eu-ai-act")]
    )
    def test_the_framework_policies_have_the_same_controls(self, id, group_by):
        policy = Policy.load(id)
        assert policy.controls == UN.controls
        assert policy.group_by == group_by
        assert policy.sha256 != UN.sha256

    def test_versions_are_pinned(self):
        assert Policy.load("unga-78-265@1") == UN
        assert problems(Policy.load, "unga-78-265@9") == {
            ("policy.use", "unga-78-265 is version 1, not 9", "unga-78-265@1")
        }
        assert problems(Policy.load, "unga-78-256") == {
            ("policy.use", "no policy 'unga-78-256'", "unga-78-265")
        }


BASE = """
id = "base"
version = "3"
title = "Base"
alpha = 0.1
[[controls]]
id = "MY-1"
title = "Rates"
requirement = "Alike."
principle = "trustworthy"
area = "bias"
severity = "low"
[[controls.checks]]
check = "bias/selection-rate"
limits.min_ratio = { value = 0.1, source = "house rule" }
limits.max_difference = { value = 0.9, source = "house rule" }
"""
OVER = 'extends = "base.toml"\nid = "over"\nversion = "1"\ntitle = "Over"\n'
NEW = (
    '[[controls]]\nid = "MY-2"\ntitle = "T"\nrequirement = "R."\nprinciple = "safe"\narea = "safety"\n'
    'severity = "low"\n'
)


@pytest.fixture
def written(tmp_path):
    """Writes policies beside each other; gives the path of the last."""

    def write(over, base=BASE, name="over.toml"):
        (tmp_path / "base.toml").write_text(base)
        (tmp_path / name).write_text(over)
        return tmp_path / name

    return write


class TestOverlays:
    def test_a_control_needs_only_what_changes(self, written):
        change = (
            '[[controls]]\nid = "MY-1"\nseverity = "critical"\n'
            '[controls.limits."bias/selection-rate"]\n'
            'min_ratio = { value = 0.9, source = "law" }\nmax_difference = false\n'
        )
        policy = Policy.load(written(OVER + change + NEW))
        first, second = policy.controls
        assert (policy.id, policy.version, policy.alpha, policy.extends) == ("over", "1", 0.1, "base.toml")
        assert (first.severity, first.title) == ("critical", "Rates")
        (use,) = first.checks
        assert {name: (limit.value, limit.source) for name, limit in use.limits.items()} == {
            "min_ratio": (0.9, "law")
        }
        assert second.id == "MY-2"

    def test_what_is_not_about_the_controls_is_said_anew(self, written):
        found = problems(Policy.load, written('extends = "base.toml"\nid = "over"\nversion = "1"\n'))
        assert {key.rpartition(": ")[2] for key, *_ in found} == {"title"}
        assert Policy.load(written(OVER + "alpha = 0.01\n")).alpha == 0.01

    def test_checks_that_are_given_replace_those_of_the_base(self, written):
        change = '[[controls]]\nid = "MY-1"\n[[controls.checks]]\ncheck = "safety/performance"\n'
        (control,) = Policy.load(written(OVER + change)).controls
        assert [use.check for use in control.checks] == ["safety/performance"]

    def test_an_overlay_of_an_overlay_and_of_a_packaged_policy(self, written):
        path = written(OVER + 'group_by = "nist-ai-rmf"\n', base=OVER.replace("base.toml", "unga-78-265@1"))
        policy = Policy.load(path)
        assert policy.controls == UN.controls
        packaged = (ROOT / "trustkit/policy/policies/unga-78-265.toml").read_bytes()
        files = [packaged, (path.parent / "base.toml").read_bytes(), path.read_bytes()]
        assert policy.sha256 == hashlib.sha256(b"\0".join(files)).hexdigest()

    def test_the_digest_of_a_file_alone_is_its_own(self, written):
        path = written(BASE, name="alone.toml")
        assert Policy.load(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()

    def test_a_changed_base_changes_the_digest(self, written):
        before = Policy.load(written(OVER)).sha256
        assert Policy.load(written(OVER, base=BASE.replace("0.9", "0.8"))).sha256 != before

    def test_the_base_is_found_beside_the_overlay(self, written, monkeypatch):
        path = written(OVER)
        monkeypatch.chdir(ROOT)
        assert Policy.load(str(path)).controls[0].id == "MY-1"

    def test_a_folder_may_have_an_at_sign(self, tmp_path):
        (tmp_path / "a@b").mkdir()
        (tmp_path / "a@b" / "my.toml").write_text(BASE)
        assert Policy.load(tmp_path / "a@b" / "my.toml").id == "base"
        assert Policy.load(f"{tmp_path / 'a@b' / 'my.toml'}@3").id == "base"


class TestErrors:
    @pytest.mark.parametrize(
        ("over", "key", "found", "nearest"),
        [
            ('[[controls]]\nid = "MY-11"\nseverity = "high"\n', "controls.MY-11",
             "the policy it extends has no 'MY-11', and a new control needs title, requirement, "
             "principle, area", "MY-1"),
            ('[[controls]]\nid = "MY-1"\nseverty = "high"\n', "controls.MY-1.severty",
             "unknown key", "severity"),
            ('[[controls]]\nid = "MY-1"\nseverity = "hi"\n', "controls.MY-1.severity",
             "input should be 'critical', 'high', 'medium' or 'low'", None),
            ('[[controls]]\nid = "MY-1"\n[[controls]]\nid = "MY-1"\n', "controls", "MY-1 occurs twice", None),
            ('[[controls]]\nseverity = "high"\n', "controls.0.id", "the id of a control is needed", None),
            ("controls = 3\n", "controls", "a list of tables is needed", None),
            ('[[controls]]\nid = "MY-1"\nlimits = 3\n', "controls.MY-1.limits",
             "a table of limits for each check is needed", None),
            ('[[controls]]\nid = "MY-1"\nlimits."bias/selection-rates" = {}\n', "controls.MY-1.limits",
             "the control has no check 'bias/selection-rates'", "bias/selection-rate"),
            ('[[controls]]\nid = "MY-1"\nlimits."bias/selection-rate".min_ration = false\n',
             "controls.MY-1.limits.bias/selection-rate.min_ration", "there is no such limit to remove",
             "min_ratio"),
            ('[[controls]]\nid = "MY-1"\nchecks = 3\nlimits."x/y".min_x = false\n', "controls.MY-1.limits",
             "new checks bring their limits with them", None),
            ('group_by = "nist"\n', "group_by", "no control has a clause of 'nist'", None),
            ('alpa = 0.1\n', "alpa", "unknown key", "alpha"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_with_an_overlay(self, written, over, key, found, nearest):
        path = written(OVER + over)
        assert (f"{path}: {key}", found, nearest) in problems(Policy.load, path)

    @pytest.mark.parametrize(
        ("old", "new", "key", "found", "nearest"),
        [
            ("[[controls.checks]]", "[[controls.cheks]]", "controls.MY-1.cheks", "unknown key", "checks"),
            ("limits.min_ratio", "limit.min_ratio", "controls.MY-1.checks.0.limit", "unknown key", "limits"),
            ("value = 0.1, source", "value = 0.1, sorce", "controls.MY-1.checks.0.limits.min_ratio.sorce",
             "unknown key", "source"),
            ("value = 0.1, source", "value = 0.1, sorce", "controls.MY-1.checks.0.limits.min_ratio.source",
             "field required", None),
            ('"safe"', '"x"', "controls.MY-2.principle",
             "input should be 'safe', 'secure' or 'trustworthy'", None),
            ("MY-2", "MY-1", "controls", "MY-1 occurs twice", None),
        ],
    )  # fmt: skip
    def test_what_is_wrong_with_a_policy(self, written, old, new, key, found, nearest):
        text = BASE + NEW
        assert old in text
        path = written(text.replace(old, new), name="mine.toml")
        assert (f"{path}: {key}", found, nearest) in problems(Policy.load, path)

    @pytest.mark.parametrize(
        ("base", "key", "found", "nearest"),
        [
            ("bas.toml", "{folder}/over.toml: extends", "{folder}/bas.toml: No such file or directory",
             "base.toml"),
            ("unga-78-256", "{folder}/over.toml: extends", "no policy 'unga-78-256'", "unga-78-265"),
            ("base.toml@4", "{folder}/over.toml: extends", "base.toml is version 3, not 4", "base.toml@3"),
        ],
    )  # fmt: skip
    def test_a_base_that_is_not_there(self, written, base, key, found, nearest):
        path = written(OVER.replace("base.toml", base))
        folder = path.parent
        assert problems(Policy.load, path) == {
            (key.format(folder=folder), found.format(folder=folder), nearest)
        }

    def test_a_circle_is_refused_however_it_is_named(self, written):
        path = written(OVER, base=OVER.replace("base.toml", f"../{written(OVER).parent.name}/over.toml"))
        ((key, found, _),) = problems(Policy.load, path)
        assert key.endswith("base.toml: extends")
        assert found.startswith("goes in a circle: ")
        itself = written(OVER.replace("base.toml", "over.toml"))
        assert problems(Policy.load, itself) == {
            (f"{itself}: extends", f"goes in a circle: {itself} -> {itself}", None)
        }

    def test_extends_is_one_name(self, written):
        path = written(OVER.replace('"base.toml"', '["base.toml"]'))
        assert problems(Policy.load, path) == {
            (f"{path}: extends", "the id or the file of one policy is needed", None)
        }

    def test_a_fault_of_the_base_is_told_of_the_base(self, written):
        path = written(OVER, base=BASE.replace("severity", "severty"))
        assert {key.partition(": ")[0] for key, *_ in problems(Policy.load, path)} == {
            str(path.parent / "base.toml")
        }

    @pytest.mark.parametrize("content", [b"id = ", b"\xff\xfe", b"id = 1\nid = 2"])
    def test_what_is_no_toml(self, tmp_path, content):
        path = tmp_path / "mine.toml"
        path.write_bytes(content)
        ((key, found, _),) = problems(Policy.load, path)
        assert key == str(path)
        assert found.startswith("not TOML: ")

    def test_an_empty_file_says_what_a_policy_needs(self, tmp_path):
        path = tmp_path / "mine.toml"
        path.touch()
        keys = {key.rpartition(": ")[2] for key, *_ in problems(Policy.load, path)}
        assert keys == {"id", "version", "title", "controls"}

    def test_a_missing_file_names_its_neighbor(self, written):
        path = written(BASE, name="policy.toml").with_name("polcy.toml")
        assert problems(Policy.load, path) == {
            ("policy.use", f"{path}: No such file or directory", "policy.toml")
        }


def log():
    return pd.DataFrame({"g": ["a", "b"] * 500, "d": [1, 1, 0, 0] * 250, "y": [1, 0] * 500})


class TestTheCard:
    def audit(self, **keys):
        return tk.audit(data=log(), target="y", prediction="d", sensitive=["g"], as_of="2026-11-24", **keys)

    def test_a_policy_of_ones_own_judges(self, written):
        card = self.audit(policy=written(OVER + NEW))
        assert [used.id for used in card.policies] == ["over"]
        assert [(c.id, str(c.verdict)) for c in card.controls] == [("MY-1", "pass"), ("MY-2", "not_assessed")]
        assert card.controls[0].remedy == ""

    def test_every_control_of_the_resolution_is_a_line(self):
        card = self.audit(policy="unga-78-265")
        assert [control.id for control in card.controls] == list(CONTROLS)
        checks, _ = discover()
        for control in card.controls:
            want = CONTROLS[control.id]
            assert (control.remedy, control.effort) == (want.remedy, want.effort)
            assert control.evidence_class == want.evidence
            assert control.unconfirmed == unconfirmed(want)
            for use in want.checks:
                if use.check not in checks:
                    assert f"the check {use.check} does not exist yet" in control.needs
                    assert control.verdict != "pass"
        (used,) = card.policies
        assert (used.title, used.group_by) == (UN.title, None)
        jsonschema.validate(card.model_dump(mode="json"), schema())

    def test_a_framework_policy_says_what_to_group_by(self):
        (used,) = self.audit(policy="eu-ai-act-high-risk").policies
        assert (used.id, used.group_by) == ("eu-ai-act-high-risk", "eu-ai-act")

    def test_a_card_without_the_newer_keys_is_read(self, tmp_path):
        data = self.audit(policy="fairness-baseline").model_dump(mode="json")
        for part in data["controls"]:
            for key in ("remedy", "effort", "evidence_class", "unconfirmed"):
                del part[key]
        for part in data["policies"]:
            del part["title"], part["group_by"]
        path = tmp_path / "card.json"
        path.write_text(json.dumps(data))
        card = Scorecard.load(path)
        assert isinstance(card.controls[0], ControlResult)
        assert (card.controls[0].remedy, card.controls[0].unconfirmed) == ("", ())
