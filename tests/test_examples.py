"""The examples give the figures published of their data, and the verdicts that their pages state."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from trustkit import Finding, Scorecard, audit

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
COMPAS = EXAMPLES / "decision-log"
CREDIT = EXAMPLES / "credit"

RACES = {  # n, TN, FP, FN, TP; FPR, FNR, PPV, share predicted positive: as published
    "African-American": (3696, 990, 805, 532, 1369, 0.4485, 0.2799, 0.6297, 0.5882),
    "Caucasian": (2454, 1139, 349, 461, 505, 0.2345, 0.4772, 0.5913, 0.3480),
    "Hispanic": (637, 318, 87, 129, 103, 0.2148, 0.5560, 0.5421, 0.2983),
    "Other": (377, 208, 36, 90, 43, 0.1475, 0.6767, 0.5443, 0.2095),
    "Asian": (32, 21, 2, 3, 6, 0.0870, 0.3333, 0.7500, 0.2500),
    "Native American": (18, 5, 3, 1, 9, 0.3750, 0.1000, 0.7500, 0.6667),
}


def verdicts(card: Scorecard) -> dict[str, str]:
    return {control.id: str(control.verdict) for control in card.controls}


def finding(card: Scorecard, id: str) -> Finding:
    return next(finding for finding in card.findings if finding.id == id)


@pytest.fixture(scope="module")
def compas() -> Scorecard:
    return audit(config=COMPAS)


def test_compas_log_is_what_the_script_writes(tmp_path: Path) -> None:
    shutil.copy(COMPAS / "make_log.py", tmp_path)
    subprocess.run([sys.executable, tmp_path / "make_log.py"], check=True)
    assert (tmp_path / "compas.csv").read_bytes() == (COMPAS / "compas.csv").read_bytes()


def test_compas_log_holds_the_published_counts() -> None:
    with (COMPAS / "compas.csv").open(encoding="utf-8", newline="") as file:
        rows = Counter((r["race"], r["recidivated"], r["predicted"]) for r in csv.DictReader(file))
    assert rows.total() == 7214
    for race, (n, *counts, _, _, _, _) in RACES.items():
        found = [rows[race, truth, said] for truth, said in (("0", "0"), ("0", "1"), ("1", "0"), ("1", "1"))]
        assert found == counts
        assert sum(found) == n


@pytest.mark.parametrize("race", RACES)
def test_compas_published_rates_come_out(compas: Scorecard, race: str) -> None:
    n, tn, fp, fn, tp, fpr, fnr, ppv, positive = RACES[race]
    expected = {
        "bias/error-rates:fpr": (fpr, tn + fp),
        "bias/error-rates:tpr": (1 - fnr, fn + tp),
        "bias/predictive-parity:ppv": (ppv, fp + tp),
        "bias/selection-rate:rate": (1 - positive, n),  # favorable is not to be called a risk
    }
    for id, (value, denominator) in expected.items():
        found = finding(compas, f"{id}:race={race}")
        assert found.n == denominator
        assert found.estimate == pytest.approx(value, abs=5e-5)
    assert finding(compas, f"bias/error-rates:fpr:race={race}").estimate == fp / (tn + fp)
    assert finding(compas, f"bias/predictive-parity:ppv:race={race}").estimate == tp / (fp + tp)


def test_compas_gap_in_false_positives_fails_and_in_predictive_value_is_open(compas: Scorecard) -> None:
    pair = "race=African-American~race=Caucasian:max"
    fpr = finding(compas, f"bias/error-rates:fpr_difference:{pair}")
    ppv = finding(compas, f"bias/predictive-parity:ppv_difference:{pair}")
    assert (fpr.verdict, ppv.verdict) == ("fail", "inconclusive")
    assert fpr.estimate == pytest.approx(0.213925, abs=5e-7)
    assert ppv.estimate == pytest.approx(0.0384, abs=5e-5)
    assert (fpr.n, fpr.reference_n, ppv.n, ppv.reference_n) == (1795, 1488, 2174, 854)


def test_compas_verdicts_are_those_its_page_states(compas: Scorecard) -> None:
    assert verdicts(compas) == {
        "TK-SAF-03": "pass",
        "TK-SAF-05": "not_assessed",
        "TK-FAI-02": "fail",
        "TK-FAI-03": "fail",
        "TK-FAI-04": "not_assessed",
    }
    assert compas.gate.blocking == ("TK-FAI-02", "TK-FAI-03")
    accuracy = finding(compas, "safety/performance:accuracy:")
    assert (accuracy.estimate, accuracy.n) == ((2681 + 2035) / 7214, 7214)
    claims = re.findall(r"^(\d+) claims", compas.notes[-1])
    assert f"{claims[0]} claims" in (COMPAS / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def german() -> pd.DataFrame:
    return pd.read_csv(CREDIT / "data" / "german_credit.csv")


def test_german_credit_published_base_rates(german: pd.DataFrame) -> None:
    """Selection rates of a log whose decision is the outcome are base rates."""
    german = german.assign(over_25=german["age"] > 25)
    card = audit(
        data=german,
        prediction="risk",
        favorable=1,
        sensitive=["age", "over_25", "sex"],
        bins={"age": [25]},
        options={"bias/selection-rate": {"intersections": False}},
        only=["bias/selection-rate"],
    )
    assert (len(german), german["risk"].mean()) == (1000, 0.7)
    published = {  # 25 itself is in >=25; the figures of >25 are those of other packages
        "age=>%3D25": (0.719154, 851),
        "age=<25": (0.590604, 149),
        "over_25=true": (0.7284, 810),
        "over_25=false": (0.5789, 190),
        "sex=male": (0.7232, 690),
        "sex=female": (0.6484, 310),
    }
    for group, (rate, n) in published.items():
        found = finding(card, f"bias/selection-rate:rate:{group}")
        assert found.n == n
        assert found.estimate == pytest.approx(rate, abs=5e-5 if rate == round(rate, 4) else 5e-7)
    ratios = {
        "age=<25~age=>%3D25": 0.821248,
        "over_25=false~over_25=true": 0.794826,
        "sex=female~sex=male": 0.896567,
    }
    for pair, ratio in ratios.items():
        assert finding(card, f"bias/selection-rate:ratio:{pair}:min").estimate == pytest.approx(
            ratio, abs=5e-7
        )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy of the example, made anew by its script."""
    folder = tmp_path_factory.mktemp("example") / "credit"
    shutil.copytree(
        CREDIT, folder, ignore=shutil.ignore_patterns("t*.csv", "audit.csv", "decisions.csv", "__*")
    )
    subprocess.run([sys.executable, folder / "train.py"], check=True, cwd=folder.parent)
    return folder


def test_credit_halves_are_what_the_script_writes(trained: Path, german: pd.DataFrame) -> None:
    halves = [pd.read_csv(CREDIT / name) for name in ("train.csv", "audit.csv")]
    for name in ("train.csv", "audit.csv"):
        assert (trained / name).read_bytes() == (CREDIT / name).read_bytes()
    assert [(len(half), half["risk"].mean()) for half in halves] == [(500, 0.7)] * 2
    columns = list(german.columns)
    both = pd.concat(halves).sort_values(columns, ignore_index=True)
    pd.testing.assert_frame_equal(both, german.sort_values(columns, ignore_index=True))


def test_credit_verdicts_are_those_its_page_states() -> None:
    card = audit(config=CREDIT)
    assert verdicts(card) == dict.fromkeys(
        ["TK-SAF-03", "TK-SAF-05", "TK-FAI-02", "TK-FAI-03", "TK-FAI-04"], "inconclusive"
    )
    assert card.gate.holds
    groups = {
        f.subject["groups"]["age"]: f.n
        for f in card.findings
        if f.metric == "rate" and len(f.subject["groups"]) == 1 and "age" in f.subject["groups"]
    }
    assert groups == {"<25": 80, ">=25": 420}
    page = (CREDIT / "README.md").read_text(encoding="utf-8")
    rates = [finding(card, f"bias/selection-rate:rate:age={group}").estimate for group in ("<25", ">%3D25")]
    assert "to {:.1%} of the people under 25 and to {:.1%} of".format(*rates).replace("%", " %") in page
    ratio = finding(card, "bias/selection-rate:ratio:age=<25~age=>%3D25:min")
    assert f"a ratio of {ratio.estimate:.3f}".replace("0.", ".") in page
    assert f"may be as low as {ratio.pass_interval[0]:.2f}".replace("0.", ".") in page
    assert f"about {ratio.rows_needed} more rows" in page


def test_credit_as_a_log_gives_the_findings_of_the_model(trained: Path) -> None:
    model = audit(config=CREDIT)
    log = audit(
        data=trained / "decisions.csv",
        target="risk",
        prediction="decision",
        score="probability",
        favorable=1,
        sensitive=["age", "sex"],
        bins={"age": [25]},
    )
    assert log.findings == model.findings


README = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    """Code blocks of the README."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [body for name, body in found if name == kind]


def test_readme_code_prints_what_the_readme_says() -> None:
    (code,) = blocks("python")
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=EXAMPLES.parent, check=True, capture_output=True, text=True
    )
    assert f"prints `{ran.stdout.strip()}`" in README


def test_readme_shows_lines_that_the_command_prints(compas: Scorecard) -> None:
    for shown, card in zip(blocks("text"), (audit(config=CREDIT), compas), strict=True):
        lines = [line for line in shown.splitlines() if line != "..."]
        assert not set(lines) - set(str(card).splitlines())


def test_readme_commands_are_one_line_each() -> None:
    first, second = (block.splitlines() for block in blocks(""))
    assert len(first) == len(second) == 1
    assert first[0].endswith("trustkit audit examples/credit")
    assert second[0].endswith("-m pytest")
