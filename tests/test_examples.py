"""The examples give the figures published of their data, and the verdicts that their pages state."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from trustkit import Finding, Scorecard, audit

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
COMPAS = EXAMPLES / "decision-log"
CREDIT = EXAMPLES / "credit"
HEALTH = EXAMPLES / "health"
INCOME = EXAMPLES / "income"
AS_OF = "2026-11-24"  # the day of the documents of the income example

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
        "age=>=25": (0.719154, 851),
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
        "age=<25~age=>=25": 0.821248,
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


@pytest.mark.end_to_end
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
    rates = [finding(card, f"bias/selection-rate:rate:age={group}").estimate for group in ("<25", ">=25")]
    assert "to {:.1%} of the people under 25 and to {:.1%} of".format(*rates).replace("%", " %") in page
    ratio = finding(card, "bias/selection-rate:ratio:age=<25~age=>=25:min")
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
        policy="fairness-baseline",
    )
    of_train = ("skill_over_simple", "overfit")  # a log has no training rows
    assert log.findings == tuple(f for f in model.findings if f.metric not in of_train)


README = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    """Code blocks of the README."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [body for name, body in found if name == kind]


@pytest.mark.end_to_end
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
    first, second = (block.splitlines() for block in blocks("sh"))
    assert len(first) == len(second) == 1
    assert first[0].endswith("trustkit audit examples/credit")
    assert second[0].endswith("-m pytest")


def split_anew(example: Path, folder: Path) -> Path:
    """Copy of an example without its halves, which its script then writes."""
    made = folder / example.name
    shutil.copytree(example, made, ignore=shutil.ignore_patterns("train.*", "audit.*", "__*"))
    subprocess.run([sys.executable, made / "split.py"], check=True)
    return made


@pytest.fixture(scope="module")
def income() -> Scorecard:
    return audit(config=INCOME, as_of=AS_OF)


def test_adult_published_figures() -> None:
    rows = pd.read_parquet(INCOME / "data" / "adult.parquet")
    high = rows["salary"] == ">50K"
    assert (rows.shape, round(high.mean(), 4)) == ((45222, 15), 0.2478)
    assert high.groupby(rows["sex"]).mean().round(6).to_dict() == {"Female": 0.113576, "Male": 0.312477}


@pytest.mark.end_to_end
def test_income_halves_are_what_the_script_writes(tmp_path: Path) -> None:
    made = split_anew(INCOME, tmp_path)
    halves = [pd.read_parquet(INCOME / name) for name in ("train.parquet", "audit.parquet")]
    for half, name in zip(halves, ("train.parquet", "audit.parquet"), strict=True):
        pd.testing.assert_frame_equal(pd.read_parquet(made / name), half)
    columns = list(halves[0].columns)
    whole = pd.read_parquet(INCOME / "data" / "adult.parquet")
    both = pd.concat(halves).sort_values(columns, ignore_index=True)
    pd.testing.assert_frame_equal(both, whole.sort_values(columns, ignore_index=True))
    train, held = halves
    assert len(held.merge(train.drop_duplicates())) == 26


@pytest.mark.end_to_end
def test_income_verdicts_are_those_its_page_states(income: Scorecard) -> None:
    settled = {id: verdict for id, verdict in verdicts(income).items() if verdict != "not_assessed"}
    assert settled == {
        "TK-SAF-02": "pass",
        "TK-SAF-03": "pass",
        "TK-SAF-04": "fail",
        "TK-SAF-05": "pass",
        "TK-SAF-06": "pass",
        "TK-SAF-07": "pass",
        "TK-SEC-04": "fail",
        "TK-FAI-01": "fail",
        "TK-FAI-02": "fail",
        "TK-FAI-03": "inconclusive",
        "TK-FAI-04": "fail",
        "TK-FAI-05": "pass",
        "TK-DPR-02": "inconclusive",
        "TK-DPR-03": "pass",
        "TK-DPR-04": "pass",
        "TK-DPR-05": "pass",
        "TK-DPR-06": "pass",
        "TK-TRA-01": "pass",
        "TK-TRA-03": "pass",
        "TK-OVR-01": "pass",
        "TK-OVR-03": "pass",
        "TK-MON-03": "pass",
        "TK-INC-02": "pass",
        "TK-INC-04": "pass",
        "TK-SDG-01": "fail",
    }
    assert len(income.controls) == 40
    assert income.gate.blocking == tuple(id for id, verdict in settled.items() if verdict == "fail")


@pytest.mark.end_to_end
def test_income_page_states_what_the_card_says(income: Scorecard) -> None:
    page = (INCOME / "README.md").read_text(encoding="utf-8")
    rate, tpr, ratio = "bias/selection-rate:rate", "bias/error-rates:tpr", "bias/selection-rate:ratio"
    shares = {
        "right for {} of the people": "safety/performance:accuracy:",
        "for {} of the women and": f"{rate}:sex=Female",
        "and {} of the men, a ratio": f"{rate}:sex=Male",
        "for {} of Black": f"{rate}:race=Black",
        "and {} of white people, a ratio": f"{rate}:race=White",
        "finds {} of the women": f"{tpr}:sex=Female",
        "and {} of the men, 52": f"{tpr}:sex=Male",
        "men, {} of Black": f"{tpr}:race=Black",
        "and {} of white people. Neither": f"{tpr}:race=White",
    }
    for words, id in shares.items():
        assert words.format(f"{finding(income, id).estimate:.1%}".replace("%", " %")) in page, id
    figures = {
        "{} more than the best": "safety/performance:skill::min",
        "ROC curve is {},": "safety/performance:auc:",
        "a ratio of {} where": f"{ratio}:sex=Female~sex=Male:min",
        "a ratio of {}.": f"{ratio}:race=Black~race=White:min",
        "get {} of the rate": f"{ratio}:sex=Female,race=Black~sex=Male,race=White:min",
    }
    for words, id in figures.items():
        found = finding(income, id)
        assert words.format(f"{found.estimate:.3f}".removeprefix("0")) in page, id
    proxies = {
        "under the curve of {},": "bias/proxies:auc:sex=Female~sex=Male:max",
    }
    for words, id in proxies.items():
        assert words.format(f"{finding(income, id).estimate:.3f}".removeprefix("0")) in page
    alone = max(
        f.estimate
        for f in income.findings
        if f.check == "bias/proxies" and f.metric == "single_auc"
        if f.subject["column"] == "relationship" and "sex" in f.subject["groups"]
    )
    assert f"(husband, wife) with {alone:.2f}".replace("0.", ".") in page
    attacks = [f.estimate for f in income.findings if f.check.endswith("/membership-inference") and f.limit]
    lowest, highest = (f"{end(attacks):.3f}".removeprefix("0") for end in (min, max))
    assert f"areas of {lowest} to {highest} under" in page
    alone = finding(income, "data-protection/re-identification:unique_share:").estimate
    assert f"sex {alone:.0%} of the people".replace("%", " %") in page
    flips = [f.estimate for f in income.findings if f.check == "safety/robustness" and f.metric == "flip"]
    assert f"than {max(flips):.0%} of the decisions".replace("%", " %") in page
    (worst,) = [f for f in income.findings if f.check == "bias/subgroups" and f.limit]
    assert f"wrong for {worst.estimate * 100:.0f} points more" in page
    other = finding(income, f"{tpr}:race=Other")
    assert f"of {finding(income, f'{rate}:race=Other').n} people" in page
    assert f'"Other", {other.n} earned' in page


@pytest.mark.end_to_end
def test_income_documents_agree_with_the_measurement(income: Scorecard) -> None:
    stated = [f for f in income.findings if f.check == "transparency/documentation"]
    compared = [f for f in stated if f.metric == "contradicted" and "figure" in f.subject]
    assert len(compared) >= 12
    assert {f.estimate for f in compared} == {0}
    assert not [f.id for f in stated if f.verdict == "fail"]


@pytest.mark.end_to_end
def test_income_is_asked_a_bounded_number_of_times(income: Scorecard) -> None:
    calls = {cost.kind: cost.model_calls for cost in income.evidence}
    assert calls["cells"] == 3
    assert 107 <= calls["reruns"] <= 110
    assert calls["perturbations"] <= 40
    changed = [f for f in income.findings if f.check == "safety/reproducibility" and f.metric != "unrecorded"]
    assert {f.estimate for f in changed} == {0}


def test_heart_failure_published_figures() -> None:
    rows = pd.read_csv(HEALTH / "data" / "heart_failure.csv")
    assert (rows.shape, rows["DEATH_EVENT"].sum()) == ((299, 13), 96)
    assert rows.groupby("sex")["DEATH_EVENT"].agg(["size", "sum"]).to_numpy().tolist() == [
        [105, 34],
        [194, 62],
    ]


@pytest.mark.end_to_end
def test_health_halves_are_what_the_script_writes(tmp_path: Path) -> None:
    made = split_anew(HEALTH, tmp_path)
    for name in ("train.csv", "audit.csv"):
        assert (made / name).read_bytes() == (HEALTH / name).read_bytes()


def test_health_time_leaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page says of the column that is left out."""
    from sklearn.metrics import roc_auc_score

    monkeypatch.syspath_prepend(HEALTH)
    from heart_model import FEATURES, TARGET, fit

    train, held = (pd.read_csv(HEALTH / name) for name in ("train.csv", "audit.csv"))
    page = (HEALTH / "README.md").read_text(encoding="utf-8")
    for words, features in (
        ("With it the area under the ROC curve is {};", [*FEATURES, "time"]),
        ("without, {};", FEATURES),
        ("nothing but `time`, {}.", ["time"]),
    ):
        area = roc_auc_score(held[TARGET], fit(train, features).predict_proba(held[features])[:, 1])
        assert words.format(f"{area:.3f}".removeprefix("0")) in page


def test_health_is_mostly_open_as_its_page_states() -> None:
    card = audit(config=HEALTH, as_of=AS_OF)
    assert verdicts(card) == {
        "TK-SAF-03": "pass",
        "TK-SAF-05": "inconclusive",
        "TK-FAI-02": "fail",
        "TK-FAI-03": "inconclusive",
        "TK-FAI-04": "inconclusive",
    }
    page = (HEALTH / "README.md").read_text(encoding="utf-8")
    rate, pairs = "bias/selection-rate:rate", "bias/error-rates:tpr_difference"
    women, men = (finding(card, f"{rate}:sex={sex}") for sex in "FM")
    shares = f"chooses {women.estimate:.1%} of {women.n} women and {men.estimate:.1%} of {men.n} men"
    assert shares.replace("%", " %") in page
    skill = finding(card, "safety/performance:skill::min")
    low, high = (f"{end:.3f}".removeprefix("0") for end in skill.pass_interval)
    assert f"difference, {low} to {high}, lies above 0" in page
    gap = finding(card, f"{pairs}:sex=M~sex=F:max")
    low, high = (f"{end:.3f}".replace("0.", ".") for end in gap.pass_interval)
    assert f"a difference of {gap.estimate:.3f}".replace("0.", ".") in page
    assert f"anything from {low} to {high}" in page


@pytest.mark.slow
def test_income_is_audited_in_a_fresh_process_within_half_a_minute() -> None:
    command = [sys.executable, "-m", "trustkit.cli", "audit", str(INCOME), "--quiet", "--as-of", AS_OF]
    started = time.perf_counter()
    ran = subprocess.run(command, cwd=EXAMPLES.parent, check=False, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    assert ran.returncode == 1, ran.stderr
    assert seconds < 30
