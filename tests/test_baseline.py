"""A card against an earlier one: what is worse blocks, what failed already does not, and diff tells all."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import trustkit as tk
from trustkit.cli import app
from trustkit.commands.comparing import difference
from trustkit.comparing import changes
from trustkit.errors import ConfigError, GateFailed
from trustkit.evidence.buckets import Buckets, same_people
from trustkit.judging.pairing import same_rows
from trustkit.judging.plan import Plan
from trustkit.measure.changes import Moved, Paired, Printed, SameRows, Unpaired
from trustkit.measure.intervals import Difference, proportions
from trustkit.policy import Policy
from trustkit.scorecard import Scorecard
from trustkit.testing import assert_kind

AS_OF = "2026-11-24"
RATIO = "bias/selection-rate:ratio:g=a~g=b:min"
TURNED = "bias/selection-rate:ratio:g=b~g=a:min"


def log(rates, n=2000):
    """A log of decisions with exact selection rates, `n` rows of each group, and truths that half agree."""
    rows = []
    for group, rate in zip("abcd", rates, strict=False):
        selected = round(rate * n)
        rows += [{"g": group, "d": int(i < selected), "y": i % 2} for i in range(n)]
    return pd.DataFrame(rows)


def audit(rates, n=2000, only=("bias/selection-rate",), **keys):
    data = log(rates, n) if isinstance(rates, list) else rates
    roles = {"prediction": "d", "sensitive": ["g"], "as_of": AS_OF, "policy": "fairness-baseline"}
    return tk.audit(data=data, only=only, **{**roles, **keys})


def finding(card, id=RATIO):
    return next(each for each in card.findings if each.id == id)


def errors_of(rate, n=4000, seed=0):
    """Decisions that are right but for a share of `rate`, drawn anew for each seed."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    return pd.DataFrame(
        {"g": rng.choice(["a", "b"], n), "y": y, "d": np.where(rng.random(n) < rate, 1 - y, y)}
    )


def skill(rate, n=4000, seed=0, **keys):
    data = errors_of(rate, n, seed)
    return audit(data, only=("safety/performance",), target="y", **keys)


# The gate


def test_what_is_worse_blocks_though_it_keeps_its_limit():
    card = skill(0.2, seed=1, baseline=skill(0.1))
    (change,) = [f.baseline for f in card.findings if f.limit and f.metric == "skill"]
    assert [c.verdict for c in card.controls if c.id == "TK-SAF-03"] == ["pass"]
    assert card.gate.blocking == card.gate.baseline.worse == ("TK-SAF-03",)
    assert change.worse
    assert change.interval[1] < 0
    assert change.p_worse < 0.001
    with pytest.raises(GateFailed, match=r"TK-SAF-03: .*: pass, worse than the baseline"):
        card.raise_for_failures()
    assert skill(0.2, seed=1, baseline=skill(0.1), fail_on="never").passed


def test_what_is_better_or_the_same_does_not():
    assert skill(0.1, baseline=skill(0.15, seed=1)).passed
    same = skill(0.1, baseline=skill(0.1))
    assert same.passed
    assert all(
        f.baseline.change == 0 and f.baseline.p_worse in (None, 1) for f in same.findings if f.baseline
    )


def test_what_failed_already_is_shown_as_such_and_does_not_block():
    failing = audit([0.3, 0.5])
    assert failing.gate.blocking == ("TK-FAI-02",)
    again = audit([0.3, 0.5], baseline=failing)
    assert again.passed
    assert again.verdict == "fail"
    assert again.gate.baseline.known == ("TK-FAI-02",)
    assert finding(again).baseline.verdict == "fail"
    assert "known from the baseline" in str(again)
    assert audit([0.31, 0.5], baseline=failing).passed


def test_what_failed_already_and_is_worse_blocks():
    card = audit([0.2, 0.5], baseline=audit([0.3, 0.5]))
    assert card.gate.blocking == card.gate.baseline.worse == ("TK-FAI-02",)
    assert card.gate.baseline.known == ()


def test_a_new_failure_blocks_beside_one_that_is_known():
    before = audit([0.3, 0.5, 0.5])
    assert audit([0.3, 0.5, 0.5], baseline=before).passed
    card = audit([0.3, 0.5, 0.3], baseline=before)
    assert card.gate.blocking == ("TK-FAI-02",)
    assert card.gate.baseline.known == ()


def test_a_failure_that_the_baseline_left_open_is_new():
    before = audit([0.42, 0.5], n=100)
    assert finding(before).verdict == "inconclusive"
    card = audit([0.36, 0.5], baseline=before)
    assert not finding(card).baseline.worse
    assert card.gate.blocking == ("TK-FAI-02",)


def test_fail_on_inconclusive_knows_what_was_open():
    before = audit([0.42, 0.5], n=100)
    assert not audit([0.42, 0.5], n=100, fail_on="inconclusive").passed
    assert audit([0.42, 0.5], n=100, fail_on="inconclusive", baseline=before).passed
    assert not audit([0.36, 0.5], fail_on="inconclusive", baseline=before).passed


def test_what_is_required_must_pass_all_the_same():
    failing = audit([0.3, 0.5])
    card = audit([0.3, 0.5], baseline=failing, require=["bias"])
    assert "TK-FAI-02" in card.gate.blocking
    assert card.gate.baseline.known == ("TK-FAI-02",)


def test_a_waiver_lifts_what_is_worse_up_to_a_value():
    waiver = {
        "check": "safety/performance", "metric": "skill", "reason": "accepted-risk", "note": "n", "by": "b",
        "expires": "2027-01-01", "up_to": 0.25,
    }  # fmt: skip
    card = skill(0.2, seed=1, baseline=skill(0.1), waivers=[waiver])
    assert card.gate.baseline.worse == card.gate.waived == ("TK-SAF-03",)
    assert card.passed
    assert not skill(0.2, seed=1, baseline=skill(0.1), waivers=[{**waiver, "up_to": 0.4}]).passed


# What is worse


def test_a_disparity_that_turned_around_and_is_smaller_is_no_worse():
    before = audit([0.40, 0.5])
    card = audit([0.5, 0.46], baseline=before)
    assert finding(card, TURNED).estimate < finding(before, TURNED).estimate
    assert not any(f.baseline.worse for f in card.findings if f.baseline)
    assert card.gate.baseline.worse == ()


def test_one_that_turned_around_and_is_larger_is_worse():
    card = audit([0.5, 0.42], baseline=audit([0.48, 0.5]))
    assert finding(card, TURNED).baseline.worse
    assert not finding(card, RATIO).baseline.worse


def test_the_same_holds_where_groups_are_compared_with_the_rest():
    options = {"bias/selection-rate": {"compare": "rest"}}
    before = audit([0.40, 0.5], options=options)
    assert not any(
        f.baseline.worse for f in audit([0.5, 0.46], options=options, baseline=before).findings if f.baseline
    )
    card = audit([0.5, 0.3], options=options, baseline=before)
    assert card.gate.baseline.worse == ("TK-FAI-02",)


def policy_on(check, **limits):
    bounds = {name: {"value": value, "source": "s"} for name, value in limits.items()}
    control = {
        "id": "X-1", "title": "t", "requirement": "r", "principle": "trustworthy", "area": "bias",
        "severity": "low", "checks": [{"check": check, "limits": bounds}],
    }  # fmt: skip
    return Policy.model_validate({"id": "x", "version": "1", "title": "t", "controls": [control]})


def test_a_fact_that_keeps_its_limit_is_not_worse_and_one_that_fails_further_is():
    def staleness(days, **keys):
        last = (pd.Timestamp(AS_OF) - pd.Timedelta(days=days)).date().isoformat()
        data = log([0.5, 0.5], 20).assign(t=last)
        policy = policy_on("monitoring/staleness", max_age_days=100)
        return tk.audit(data=data, prediction="d", favorable=1, time="t", as_of=AS_OF, policy=policy, **keys)

    assert {str(f.verdict) for f in staleness(10).findings} >= {"pass"}
    older = staleness(90, baseline=staleness(10))
    assert older.passed
    assert older.gate.baseline.worse == ()
    assert staleness(200, baseline=staleness(200)).gate.baseline.known == ("X-1",)
    assert staleness(300, baseline=staleness(200)).gate.baseline.worse == ("X-1",)


def test_an_undefined_claim_is_compared_with_nothing_and_blocks_nothing():
    before = audit([0.0, 0.5])
    card = audit([0.1, 0.5], baseline=before)
    assert finding(card, TURNED).baseline.change is None
    assert not finding(card, TURNED).baseline.worse


def test_a_check_of_another_version_is_not_compared():
    before = audit([0.3, 0.5])
    other = [each.model_copy(update={"check_version": "0"}) for each in before.findings]
    card = audit([0.3, 0.5], baseline=before.model_copy(update={"findings": tuple(other)}))
    assert finding(card).baseline is None
    assert card.gate.blocking == ("TK-FAI-02",)


def test_other_classes_are_not_compared():
    before = audit([0.3, 0.5], favorable=1)
    card = audit([0.3, 0.5], favorable=0, positive=1, baseline=before)
    assert card.gate.baseline.compared == 0
    assert not any(each.baseline for each in card.findings)
    assert any("no claim is on both, of the same classes" in note for note in card.notes)
    other = collected(both(), ["buckets"], favorable=0, positive=1)
    assert not same_people(
        other.kinds["buckets"].audited, collected(both(), ["buckets"]).kinds["buckets"].audited
    )


def test_holm_is_shared_by_controls_over_the_claims_on_both_cards():
    before = audit([0.5, 0.5], only=["bias/selection-rate", "safety/performance"], target="y")
    card = audit([0.49, 0.5], only=["bias/selection-rate", "safety/performance"], target="y", baseline=before)
    levels = {
        f.id: (1 - f.baseline.level) / 2 for f in card.findings if f.limit and f.baseline and f.baseline.level
    }
    assert levels.pop("safety/performance:skill::min") == pytest.approx(0.025)
    assert len(levels) == card.gate.baseline.compared - 1 == 2
    assert sum(levels.values()) == pytest.approx(0.025)


# Limits


@pytest.mark.parametrize("n", [20, 200, 5000])
def test_limits_rebuilt_from_print_are_those_of_the_counts(n):
    k = np.arange(1, n, max(n // 17, 1))
    value = k / n
    exact = proportions(value, np.full(len(k), float(n)))
    far, near = np.full(len(k), 0.0005), np.full(len(k), 0.05)
    printed = Printed(
        value, exact.lower(far), exact.upper(far), far, exact.lower(near), exact.upper(near), near
    )
    for level in (0.05, 0.01, 0.002, 0.0005):
        for ends in ("lower", "upper"):
            rebuilt, known = (getattr(limits, ends)(level) for limits in (printed, exact))
            assert np.abs(rebuilt - known).max() < 0.06 * np.abs(known - value).max()


def test_a_change_is_movers_difference():
    value, other, n = np.array([0.4]), np.array([0.5]), np.array([300.0])
    a, b = proportions(value, n), proportions(other, n)

    def printed(limits):
        far, near = np.array([0.001]), np.array([0.05])
        ends = (limits.lower(far), limits.upper(far), far, limits.lower(near), limits.upper(near), near)
        return Printed(limits.value, *ends)

    mover = Difference.of_groups(a, b)
    rebuilt = Unpaired(printed(a), printed(b))
    for level in (0.05, 0.001):
        assert rebuilt.lower(level) == pytest.approx(mover.lower(level), abs=1e-12)
        assert rebuilt.upper(level) == pytest.approx(mover.upper(level), abs=1e-12)
    assert rebuilt.p_below(np.zeros(1)) == pytest.approx(mover.p_below(np.zeros(1)), rel=0.05)


def test_an_unbounded_limit_stays_unbounded():
    one = np.ones(1)
    printed = Printed(one, one / 2, one * np.inf, one / 1000, one / 2, one * 2, one / 20)
    assert printed.upper(0.05) == np.inf
    assert np.isfinite(printed.lower(0.01))
    assert printed.mirrored(["inverted"]).lower(0.001) == pytest.approx(0)


# The same rows


def both(n=3000, flipped=0.05, seed=0, **columns):
    """Decisions of a baseline, `e`, and of a system that differs from it in a share of the rows, `d`."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    before = np.where(rng.random(n) < 0.2, 1 - y, y)
    after = np.where(rng.random(n) < flipped, 1 - before, before)
    g = rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1])
    return pd.DataFrame({"g": g, "h": rng.choice(["x", "y"], n), "y": y, "e": before, "d": after, **columns})


PAIRED = {"target": "y", "only": ["bias/selection-rate", "bias/error-rates", "safety/performance"]}
NAMES = {"target": "y", "sensitive": ["g"], "favorable": 1}


def held(data, **keys):
    """Card of the baseline, and that of the system against it with the baseline's decisions as a column."""
    before = audit(data.assign(d=data["e"]), **{**PAIRED, **keys})
    return before, audit(data, baseline_prediction="e", baseline=before, **{**PAIRED, **keys})


def collected(data, only=None, **keys):
    return tk.collect(tk.System(data=data, **{**NAMES, "prediction": "d", **keys}), only=only)


def claims(card):
    return [each for each in card.findings if each.limit and each.baseline and each.baseline.interval]


def test_on_the_same_rows_all_claims_of_decisions_are_paired_and_much_narrower():
    data = both()
    before, card = held(data)
    apart = audit(data, baseline=before, **PAIRED)
    assert claims(card)
    assert all(each.baseline.paired for each in claims(card))
    assert card.gate.baseline.paired == len(claims(card))
    wide = {each.id: each.baseline.interval for each in claims(apart)}
    narrower = [np.ptp(each.baseline.interval) / np.ptp(wide[each.id]) for each in claims(card)]
    assert np.median(narrower) < 0.7
    for each in claims(card):
        old = finding(before, each.id).estimate
        assert each.baseline.estimate == pytest.approx(old)
        assert each.baseline.change == pytest.approx(each.estimate - old)


def test_evidence_of_the_same_rows_is_a_baseline_that_pairs(tmp_path):
    data = both()
    _, card = held(data)
    collected(data.assign(d=data["e"]), ["cells", "buckets"]).save(tmp_path / "before.json")
    again = audit(data, baseline=tmp_path / "before.json", favorable=1, **PAIRED)
    assert [each.baseline for each in again.findings] == [each.baseline for each in card.findings]
    assert again.gate.baseline.digest == audit(data.assign(d=data["e"]), favorable=1, **PAIRED).digest
    more = pd.concat([data, data.head(1)])
    assert audit(more, baseline=tmp_path / "before.json", favorable=1, **PAIRED).gate.baseline.paired == 0
    swapped = data.assign(g=np.roll(data["g"], 1))
    assert audit(swapped, baseline=tmp_path / "before.json", favorable=1, **PAIRED).gate.baseline.paired == 0


def test_evidence_that_is_shared_is_compared_unpaired():
    data = both()
    before = collected(data.assign(d=data["e"]), ["cells", "buckets"]).without_small_cells(5)
    card = audit(data, baseline=before, favorable=1, **PAIRED)
    assert card.gate.baseline.compared > 0
    assert card.gate.baseline.paired == 0


def test_the_variance_of_a_share_is_mcnemars():
    data = both()
    _, card = held(data)
    n = len(data)
    right = (data["d"] == data["y"]).astype(int) - (data["e"] == data["y"]).astype(int)
    change = finding(card, "safety/performance:accuracy:").baseline
    variance = ((right**2).sum() - right.sum() ** 2 / n) / n**2
    limits = Paired(*(np.array([each]) for each in (right.mean(), variance, 255.0, 1 / n)))
    assert change.change == pytest.approx(right.mean())
    assert np.ptp(change.interval) == pytest.approx(limits.upper(0.05)[0] - limits.lower(0.05)[0], rel=0.15)
    buckets = right.groupby(np.arange(n) % 256).sum()
    exact = buckets.var() * 256 / n**2
    limits = replace(limits, variance=np.array([exact]))
    assert np.ptp(change.interval) == pytest.approx(limits.upper(0.05)[0] - limits.lower(0.05)[0], rel=0.01)


def test_influences_add_up_to_nothing_and_tell_the_effect_of_a_row():
    data = both(400)
    evidence = collected(data, ["buckets"], baseline_prediction="e")
    config = tk.config.Config.of(policy={"use": ["fairness-baseline"]})
    rows = same_rows(evidence, None, Plan.of(config, tk.checks.discover()[0], only=PAIRED["only"]))
    gaps = [moved for id, moved in rows.new.items() if id.startswith("bias/error-rates:tpr_difference")]
    assert gaps
    for moved in gaps:
        assert len(moved.buckets) == 256
        assert moved.buckets.sum() == pytest.approx(0, abs=0.01)
    rate = rows.new["bias/selection-rate:rate:g=c"]
    in_c, chosen = (data["g"] == "c").sum(), data.loc[data["g"] == "c", "d"].mean()
    assert rate.row.max() == pytest.approx((1 - chosen) / in_c, rel=0.01)
    assert rate.row.min() == pytest.approx(-chosen / in_c, rel=0.01)


def paired(value, variance, largest):
    return Paired(*(np.array([each]) for each in (value, variance, 255.0, largest)))


def test_a_few_changed_rows_prove_nothing():
    assert paired(-3 / 2000, 3 / 2000**2, 1 / 2000).p_below(np.zeros(1)) > 0.125
    assert paired(-100 / 2000, 100 / 2000**2, 1 / 2000).p_below(np.zeros(1)) < 1e-8


def test_mirrors_of_figures_on_the_same_rows():
    rows = SameRows(
        {"n": Moved(0.5, np.array([[0.1, -0.2]]), np.array([0.4, -0.4]))},
        {"o": Moved(2.0, np.array([[0.2, 0.0]]), np.array([0.8, -0.8]))},
    )

    def told(mirror=""):
        change = rows.change("n", "o", mirror)
        return [float(each[0]) for each in (change.value, change.variance, change.df, change.largest)]

    assert told() == pytest.approx([-1.5, 2 * 2 * 0.4**2, 1, 0.4])
    assert told("negated") == pytest.approx([2.5, 2 * 2 * 1.2**2, 1, 0.3])
    assert told("inverted") == pytest.approx([0, 2 * 2 * 0.6**2, 1, 0.2])
    assert rows.change("n", "absent") is None
    whole = replace(rows, clustered=True).change("n", "o")
    assert whole.largest == pytest.approx(0.4)
    assert replace(rows, clustered=True).change("n", "o", "negated").largest == pytest.approx(1.2)


def test_weights_and_units_are_paired_and_scores_are_not():
    rng = np.random.default_rng(1)
    data = both(w=rng.lognormal(0, 0.5, 3000) / 1000, u=np.arange(3000) // 2, p=np.linspace(0, 1, 3000))
    for role in ({"weight": "w"}, {"unit": "u"}):
        before, card = held(data, **role)
        apart = audit(data, baseline=before, **PAIRED, **role)
        assert card.gate.baseline.paired == len(claims(card)) > 0
        wide = {each.id: each.baseline.interval for each in claims(apart)}
        narrower = [np.ptp(each.baseline.interval) / np.ptp(wide[each.id]) for each in claims(card)]
        assert np.median(narrower) < 0.8
    _, card = held(data, score="p", only=["bias/calibration", "safety/performance"])
    scored = [each for each in claims(card) if each.check == "bias/calibration"]
    assert scored
    assert not any(each.baseline.paired for each in scored)
    assert card.gate.baseline.paired > 0


def test_the_variance_of_weighted_rows_is_that_between_buckets():
    data = both(w=np.random.default_rng(1).lognormal(0, 0.5, 3000) / 1000)
    _, card = held(data, weight="w")
    right = (data["d"] == data["y"]).astype(int) - (data["e"] == data["y"]).astype(int)
    change = finding(card, "safety/performance:accuracy:").baseline
    assert change.change == pytest.approx((data["w"] * right).sum() / data["w"].sum(), rel=1e-3)
    moved = (data["w"] * (right - change.change)).groupby(np.arange(3000) % 256).sum() / data["w"].sum()
    limits = paired(change.change, moved.var() * 256, 1 / 3000)
    assert np.ptp(change.interval) == pytest.approx(limits.upper(0.05)[0] - limits.lower(0.05)[0], rel=0.01)


def test_buckets_are_evidence_like_any_other():
    def of(seed, **keys):
        return collected(both(200, seed=seed), ["buckets"], baseline_prediction="e", **keys).kinds["buckets"]

    one = of(1)
    nothing = [
        replace(cells, block=cells.block.where(np.zeros(len(cells.block.codes), dtype=bool)),
                unit_block=cells.unit_block.where(np.zeros(len(cells.unit_block.codes), dtype=bool)))
        for cells in (one.audited, one.baseline)
    ]  # fmt: skip
    assert_kind([one, of(2), of(3)], Buckets(*nothing))
    data = both(200, seed=1)
    for column, mine in (("d", one.audited), ("e", one.baseline)):
        alone = collected(data, ["cells"], prediction=column).kinds["cells"]
        assert (mine.table(("g",)).n == alone.table(("g",)).n).all()
    assert of(1, unit="h").audited.schema["unit"]
    with pytest.raises(ValueError, match="different schemas"):
        one + Buckets(one.audited)


def test_pairing_survives_the_evidence_file(tmp_path):
    data = both()
    before, card = held(data)
    evidence = collected(data, ["cells", "buckets"], baseline_prediction="e")
    evidence.save(tmp_path / "e.json")
    loaded = tk.Evidence.load(tmp_path / "e.json")
    assert isinstance(loaded.kinds["buckets"], Buckets)
    again = tk.judge(loaded, "fairness-baseline", as_of=AS_OF, baseline=before, only=PAIRED["only"])
    assert again.gate == card.gate
    assert [each.baseline for each in again.findings] == [each.baseline for each in card.findings]
    assert "buckets" not in evidence.without_small_cells(5).kinds


def test_a_column_that_is_not_there_is_told_with_the_nearest():
    with pytest.raises(ConfigError) as raised:
        audit(both(50), baseline_prediction="d_old", baseline=audit([0.5, 0.5]))
    assert raised.value.problems[0].key == "data.baseline_prediction"
    with pytest.raises(ConfigError, match="'y' is the target too"):
        audit(both(50), target="y", baseline_prediction="y")


# The card


def test_a_card_without_a_baseline_does_not_name_one(tmp_path):
    card = audit([0.5, 0.5])
    data = json.loads(card.to_json())
    assert "baseline" not in data["gate"]
    assert not any("baseline" in finding for finding in data["findings"])
    card.save(tmp_path / "card.json")
    assert Scorecard.load(tmp_path / "card.json") == card


def test_the_baseline_is_part_of_what_was_found(tmp_path):
    before = audit([0.3, 0.5])
    card = audit([0.3, 0.5], baseline=before)
    assert card.digest == audit([0.3, 0.5], baseline=before).digest != before.digest
    card.save(tmp_path / "card.json")
    assert Scorecard.load(tmp_path / "card.json").content_digest() == card.digest
    held = json.loads((tmp_path / "card.json").read_text())["gate"]["baseline"]
    assert held["digest"] == before.digest
    (note,) = [note for note in card.notes if note.startswith("against the card")]
    assert "the chance that any is called worse though it is not is at most 0.05 (weighted Holm)" in note
    other = audit([0.3, 0.5], baseline=before, name="Other")
    assert "the baseline is of another system: unnamed" in other.notes


# Commands


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    both(flipped=0.1).to_csv("log.csv", index=False)
    return tmp_path


DATA = [
    "--data", "log.csv", "--target", "y", "--sensitive", "g",
    "--policy", "fairness-baseline", "--as-of", AS_OF,
]  # fmt: skip


def run(*arguments, status=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return result


def test_audit_and_judge_against_a_card(folder):
    run("audit", *DATA, "--prediction", "e", "-o", "old.json", "--quiet")
    shown = run(
        "audit", *DATA, "--prediction", "d", "--baseline", "old.json", "-o", "new.json", status=1
    ).stdout
    assert "does not hold: TK-SAF-03 PASS, worse than the baseline" in shown
    assert "as though on other rows" in " ".join(shown.split())
    run("collect", *DATA[:-4], "--prediction", "e", "-o", "before.json")
    against = ["--prediction", "d", "--baseline", "before.json", "--format", "json"]
    gate = json.loads(run("audit", *DATA, *against, status=1).stdout)["gate"]
    assert gate["baseline"]["paired"] == gate["baseline"]["compared"] > 0
    assert json.loads((folder / "new.json").read_text())["gate"]["baseline"]["same_data"]
    named = ["--prediction", "d", "--baseline-prediction", "e"]
    run("audit", *DATA, *named, "--baseline", "old.json", "-o", "paired.json", status=1)
    run("collect", *DATA[:-4], *named, "-o", "evidence.json")
    judged = [*DATA[-4:], "--baseline", "old.json", "--format", "json"]
    card = json.loads(run("judge", "evidence.json", *judged, status=1).stdout)
    assert card["gate"] == json.loads((folder / "paired.json").read_text())["gate"]


def test_a_baseline_that_is_no_card_or_was_altered_is_wrong_and_nothing_is_audited(folder):
    run("audit", *DATA, "--prediction", "e", "-o", "old.json", "--quiet")
    text = (folder / "old.json").read_text()
    (folder / "old.json").write_text(text.replace('"verdict": "pass"', '"verdict": "fail"', 1))
    wrong = run("audit", *DATA, "--prediction", "dd", "--baseline", "old.json", status=2)
    assert wrong.stdout == ""
    assert "error: old.json: changed: it does not have the digest it states" in wrong.stderr
    assert "error: data.prediction: there is no column 'dd'" in wrong.stderr
    assert (
        "error: none.json: No such file"
        in run("judge", "log.csv", "--baseline", "none.json", status=2).stderr
    )
    with pytest.raises(ConfigError, match="does not have the digest"):
        audit([0.5, 0.5], baseline=folder / "old.json")


def test_diff_tells_verdicts_and_changes(folder):
    audit([0.5, 0.5]).save("old.json")
    audit([0.3, 0.5]).save("new.json")
    text = run("diff", "old.json", "new.json", status=1).stdout
    assert "TK-FAI-02: PASS -> FAIL" in text
    assert f"{RATIO}: PASS -> FAIL" in text
    assert "bias/selection-rate ratio of g=a against g=b: 1.00 -> 0.600, -0.400 [" in text
    assert ", worse" in text
    markdown = run("diff", "old.json", "new.json", "--format", "md", status=1).stdout
    assert "- `TK-FAI-02: PASS -> FAIL`" in markdown
    found = json.loads(run("diff", "old.json", "new.json", "--format", "json", status=1).stdout)
    assert found["format"] == "trustkit-diff/1"
    assert found["controls"] == [{"id": "TK-FAI-02", "verdicts": ["pass", "fail"]}]
    first = found["changes"][0]
    assert (first["id"], first["worse"], first["old"], first["new"]) == (RATIO, True, 1.0, 0.6)
    assert first["interval"][0] < first["change"] < first["interval"][1] < 0
    assert run("diff", "old.json", "old.json").stdout.splitlines()[-1] == "No verdict differs."
    run("collect", *DATA[:-4], "--prediction", "e", "-o", "evidence.json")
    assert "not a scorecard" in run("diff", "old.json", "evidence.json", status=2).stderr
    problems = run("diff", "none.json", "log.csv", status=2).stderr.splitlines()
    assert problems == ["error: none.json: No such file or directory", "error: log.csv: not JSON"]


def test_diff_of_a_card_and_its_baseline_is_what_the_card_states():
    before, card = held(both())
    stated = {f.id: f.baseline for f in card.findings if f.baseline}
    assert changes(before, card) == stated
    paired = [each["paired"] for each in difference(before, card)["changes"]]
    assert any(paired)


def test_diff_names_what_was_declared_otherwise(folder):
    audit([0.5, 0.5], version="1").save("old.json")
    audit([0.5, 0.5], version="2").save("new.json")
    assert "  version: 1 -> 2" in run("diff", "old.json", "new.json").stdout.splitlines()


def test_diff_names_what_one_card_lacks():
    found = difference(audit([0.5, 0.5]), audit([0.5, 0.5, 0.5]))
    assert found["only_old"] == []
    assert "bias/selection-rate:rate:g=c" in found["only_new"]
    assert not found["differs"]
    partial = difference(audit([0.5, 0.5]), audit([0.5, 0.5], only=["TK-SAF-03"], target="y"))
    assert [each["id"] for each in partial["controls"]] == ["TK-SAF-03", "TK-FAI-02"]
