"""Counts with noise: the mechanism is the stated one, nothing exact goes with them, and verdicts hold."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy.stats import binomtest, dlaplace

import trustkit as tk
from trustkit.checks import discover
from trustkit.cli import app
from trustkit.collectors import collect
from trustkit.errors import ConfigError
from trustkit.evidence import Evidence
from trustkit.evidence.noise import DELTA, reach, with_noise
from trustkit.measure.noise import NoisyProportion, widths
from trustkit.system import System

pytest.importorskip("opendp")

KEYS = {"target": "y", "prediction": "d", "favorable": 1, "sensitive": ["sex", "race"]}


def log(n=4000, seed=0, **columns):
    """Decisions that favor men a little, of people of two races and of one person of a third."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["F", "M"], n)
    race = np.where(np.arange(n) == 7, "Solitary", rng.choice(["a", "b"], n))
    y = rng.random(n) < np.where(sex == "M", 0.55, 0.5)
    d = np.where(rng.random(n) < 0.8, y, ~y)
    table = {"sex": sex, "race": race, "y": y.astype(int), "d": d.astype(int), **columns}
    return pd.DataFrame(table)


def silent(size, scale):
    """A draw of no noise."""
    return np.zeros(size, dtype=np.int64)


def seeded(seed):
    """A draw of discrete Laplace noise that can be repeated: the difference of two geometric ones."""
    rng = np.random.default_rng(seed)

    def draw(size, scale):
        share = 1 - np.exp(-1 / scale)
        return rng.geometric(share, size) - rng.geometric(share, size)

    return draw


@pytest.fixture(scope="module")
def exact():
    return collect(System(data=log(), **KEYS), only=["cells", "buckets", "records", "profiles"])


def counts(cells, view):
    part = cells.parts[view]
    named = [[part.labels[name][code] for name, code in zip(part.labels, codes, strict=False)]
             for codes in part.block.codes]  # fmt: skip
    return {tuple(label): int(n) for label, n in zip(named, part.block.sums["n"], strict=True)}


class TestMechanism:
    def test_without_noise_the_counts_are_the_exact_ones_of_every_cell(self, exact):
        made = with_noise(exact.kinds["cells"], 1e6, silent)
        table = log()
        assert set(made.parts) == {(), ("sex",), ("race",)}
        for (sex, truth, decision), n in counts(made, ("sex",)).items():
            rows = (table["sex"] == sex) & (table["y"] == int(truth)) & (table["d"] == int(decision))
            assert n == rows.sum()
        assert sum(counts(made, ()).values()) == 4000

    def test_a_row_more_changes_one_count_of_each_view_by_one(self):
        """The sensitivity that the scale is made for: views of one row each."""
        tables = [log(), pd.concat([log(), log().head(1)])]
        one, other = (
            with_noise(collect(System(data=each, **KEYS), only=["cells"]).kinds["cells"], 1e6, silent)
            for each in tables
        )
        changes = [
            abs(counts(other, view)[label] - n)
            for view in one.parts
            for label, n in counts(one, view).items()
        ]
        assert sorted(changes)[-3:] == [1, 1, 1]
        assert sum(changes) == len(one.parts) == 3
        assert one.schema["noise"]["scale"] == 3 / 1e6

    def test_noise_is_discrete_laplace_of_the_stated_scale(self, exact):
        """Filled cells and empty ones alike, against scipy's distribution."""
        made = with_noise(exact.kinds["cells"], 0.5)
        scale = made.schema["noise"]["scale"]
        assert scale == 6
        from trustkit.evidence.noise import _opendp

        drawn = _opendp(20_000, scale)
        law = dlaplace(1 / scale)
        for k in (0, 1, 5, 20):
            share = binomtest(int((drawn == k).sum()), len(drawn)).proportion_ci(0.9999)
            assert share.low <= law.pmf(k) <= share.high
        assert abs(drawn.mean()) < 0.3

    def test_two_releases_differ(self, exact):
        one, other = (with_noise(exact.kinds["cells"], 0.1) for _ in range(2))
        assert counts(one, ("sex",)) != counts(other, ("sex",))

    def test_a_group_of_one_person_is_not_seen(self, exact):
        for seed in range(300):
            made = with_noise(exact.kinds["cells"], 1.0, seeded(seed))
            assert made.labels["race"] == made.parts["race",].labels["race"] == ("a", "b")

    @pytest.mark.parametrize("role", ["y", "d"])
    @pytest.mark.parametrize("label", ["Solitary", None])
    def test_a_class_of_one_person_is_refused_and_not_named(self, role, label):
        table = log().astype({"y": object, "d": object})
        table.loc[7, role] = label
        cells = collect(System(data=table, task="multiclass", **KEYS), only=["cells"]).kinds["cells"]
        with pytest.raises(ValueError, match="could tell of one person") as error:
            with_noise(cells, 1.0, seeded(1))
        assert "Solitary" not in str(error.value)

    def test_classes_of_many_are_released(self):
        table = log()
        table["y"] = np.arange(4000) % 3
        cells = collect(System(data=table, task="multiclass", **KEYS), only=["cells"]).kinds["cells"]
        assert with_noise(cells, 1.0, seeded(1)).labels["truth"] == ("0", "1", "2")

    def test_what_is_not_one_row_a_person_is_refused(self):
        for keys, data in (({"unit": "who"}, log(who=range(4000))), ({"weight": "w"}, log(w=1.0))):
            evidence = collect(System(data=data, **KEYS, **keys), only=["cells"])
            with pytest.raises(ConfigError, match="one person each"):
                evidence.with_noise(1.0)

    @pytest.mark.parametrize("epsilon", [0.0, -1.0, float("nan"), float("inf")])
    def test_a_budget_that_is_none_is_refused(self, exact, epsilon):
        with pytest.raises(ConfigError, match="no finite number above 0"):
            exact.with_noise(epsilon)

    def test_no_cells_is_said(self):
        with pytest.raises(ConfigError, match="no cells"):
            Evidence({}, {}, {}).with_noise(1.0)

    def test_without_the_extra_it_is_named(self, exact, monkeypatch):
        monkeypatch.setitem(sys.modules, "opendp.measurements", None)
        with pytest.raises(ConfigError, match=r"trustkit-audit\[private\]"):
            exact.with_noise(1.0)


class TestLimits:
    @pytest.mark.parametrize(("scale", "terms"), [(1.0, 1), (6.0, 2), (30.0, 6)])
    def test_noise_stays_within_its_reach(self, scale, terms):
        drawn = seeded(3)(terms * 100_000, scale).reshape(-1, terms).sum(axis=1)
        for level in (0.05, 0.005, 0.0005):
            beyond = drawn > reach(np.array([scale]), np.array([float(terms)]), level)[0]
            assert beyond.mean() <= level

    def test_no_noise_is_clopper_and_pearson_at_the_level_that_is_left(self):
        one = np.ones(1)
        limits = NoisyProportion.of(30 * one, 70 * one, 1e-2 * one, one, one)
        exact = binomtest(30, 100).proportion_ci(1 - 2 * 0.8 * 0.05)
        assert limits.lower(0.05)[0] == pytest.approx(exact.low, abs=1e-3)
        assert limits.upper(0.05)[0] == pytest.approx(exact.high, abs=1e-3)

    def test_sums_below_zero_count_as_zero_and_prove_nothing(self):
        one = np.ones(1)
        limits = NoisyProportion.of(-3 * one, -2 * one, 4 * one, one, one)
        assert np.isnan(limits.value[0])
        assert (limits.lower(0.05)[0], limits.upper(0.05)[0]) == (0, 1)

    def test_limits_widen_with_noise_and_with_the_level(self):
        one = np.ones(1)
        made = [NoisyProportion.of(300 * one, 700 * one, s * one, 2 * one, 2 * one) for s in (0.5, 4.0, 20.0)]
        spans = [m.upper(0.05)[0] - m.lower(0.05)[0] for m in made]
        assert spans == sorted(spans)
        assert made[1].upper(0.0005)[0] > made[1].upper(0.05)[0]
        assert made[1].grown(np.array([4.0])).upper(0.05)[0] < made[1].upper(0.05)[0]


class TestVerdicts:
    def test_the_checks_of_rates_are_judged_and_the_others_say_why_not(self, exact):
        card = tk.judge(exact.with_noise(2.0), "unga-78-265")
        checks = {f.check for f in card.findings if f.verdict in ("pass", "fail", "inconclusive")}
        assert checks == {"bias/selection-rate", "bias/error-rates", "bias/predictive-parity"}
        told = [need for control in card.controls for need in control.needs]
        assert any("noise was added" in need for need in told)
        assert {name for name, check in discover()[0].items() if check.bears_noise} == checks

    def test_a_gross_disparity_is_still_found(self):
        table = log()
        table["d"] = np.where(table["sex"] == "F", table["d"] & (np.arange(4000) % 3 == 0), table["d"])
        noisy = collect(System(data=table, **KEYS), only=["cells"]).with_noise(2.0)
        card = tk.judge(noisy, "unga-78-265", only=["bias/selection-rate"])
        found = {f.id: f.verdict for f in card.findings}
        assert found["bias/selection-rate:ratio:sex=F~sex=M:min"] == "fail"

    def test_intervals_hold_the_exact_figure_and_are_wider(self, exact):
        noisy = exact.with_noise(1.0)
        one, other = (tk.judge(e, "unga-78-265", only=["bias/selection-rate"]) for e in (exact, noisy))
        exactly = {f.id: f for f in one.findings if f.metric == "rate" and f.interval}
        compared = [(exactly[f.id], f) for f in other.findings if f.id in exactly and f.interval]
        assert len(compared) >= 4
        for sure, unsure in compared:
            assert unsure.interval[0] <= sure.estimate <= unsure.interval[1]
            assert unsure.interval[1] - unsure.interval[0] > sure.interval[1] - sure.interval[0]

    def test_a_decision_is_not_said_to_reverse_an_order_of_noisy_counts(self, exact):
        card = tk.judge(exact.with_noise(1.0), "unga-78-265", only=["bias/selection-rate"])
        assert not {f.metric for f in card.findings} & {"flip_flop", "z", "fisher_p"}

    @pytest.mark.slow
    def test_a_system_at_its_limit_is_failed_no_more_often_than_alpha(self):
        """Two groups of 2,000 with a ratio of 0.8: 120 samples, each with noise of its own."""
        failed = 0
        for seed in range(120):
            rng = np.random.default_rng(seed)
            sex = np.repeat(["F", "M"], 2000)
            d = (rng.random(4000) < np.where(sex == "F", 0.4, 0.5)).astype(int)
            table = pd.DataFrame({"sex": sex, "d": d})
            cells = collect(
                System(data=table, prediction="d", favorable=1, sensitive=["sex"]), only=["cells"]
            ).kinds["cells"]
            noisy = Evidence({}, {"cells": with_noise(cells, 1.0, seeded(seed))}, {}, shared=True)
            card = tk.judge(noisy, "unga-78-265", only=["bias/selection-rate"])
            failed += any(f.verdict == "fail" for f in card.findings)
        assert failed <= 0.05 * 120


class TestFile:
    def test_nothing_exact_goes_with_it(self, exact, tmp_path):
        exact.with_noise(1.0).save(tmp_path / "e.json")
        written = json.loads((tmp_path / "e.json").read_text())
        assert list(written["kinds"]) == ["cells"]
        assert (written["inputs"], written["costs"], written["errors"]) == ([], [], {})
        assert written["shared"]
        assert "Solitary" not in (tmp_path / "e.json").read_text()
        again = Evidence.load(tmp_path / "e.json")
        assert again.private
        assert again.kinds["cells"].notes()[0].startswith("noise was added to every count")
        with pytest.raises(ConfigError, match="does not add"):
            again + again

    def test_it_is_judged_from_the_file_as_in_memory(self, exact, tmp_path):
        noisy = exact.with_noise(1.0)
        noisy.save(tmp_path / "e.json")
        one, other = (tk.judge(e, "unga-78-265") for e in (noisy, Evidence.load(tmp_path / "e.json")))
        assert [f.estimate for f in one.findings] == [f.estimate for f in other.findings]


class TestCommand:
    def run(self, folder, *more, status=0):
        log().to_csv(folder / "log.csv", index=False)
        columns = ["--target", "y", "--prediction", "d", "--sensitive", "sex,race"]
        command = [
            "collect",
            "--data",
            str(folder / "log.csv"),
            *columns,
            "-o",
            str(folder / "e.json"),
            *more,
        ]
        ran = CliRunner().invoke(app, command)
        assert ran.exit_code == status, ran.output
        return ran

    def test_the_cost_in_width_is_said_and_not_written(self, tmp_path):
        ran = self.run(tmp_path, "--share", "--epsilon", "0.5")
        lines = [line for line in ran.stderr.splitlines() if "95 % intervals" in line]
        assert [line.partition(":")[0] for line in lines] == ["sex", "race"]
        assert "times as wide" in lines[0]
        assert Evidence.load(tmp_path / "e.json").private

    def test_it_goes_with_share(self, tmp_path):
        assert "--epsilon: goes with --share" in self.run(tmp_path, "--epsilon", "1", status=2).output
        ran = self.run(tmp_path, "--share", "--epsilon", "0", status=2)
        assert "--epsilon: is no number above 0" in ran.output

    def test_less_budget_is_wider(self, exact):
        cells = exact.kinds["cells"]
        spans = [widths(cells, with_noise(cells, e, silent))["sex"] for e in (10.0, 1.0, 0.2)]
        assert [after for _, after in spans] == sorted(after for _, after in spans)
        assert len({before for before, _ in spans}) == 1

    def test_groups_that_are_left_out_do_not_make_noise_look_cheap(self):
        sizes = {"A": 3000, "B": 2000, "C": 12, "D": 8}
        rows = [(group, row % 2) for group, size in sizes.items() for row in range(size)]
        table = pd.DataFrame(rows, columns=["race", "decision"])
        system = System(data=table, prediction="decision", favorable=1, sensitive=["race"])
        cells = collect(system, only=["cells"]).kinds["cells"]
        noisy = with_noise(cells, 1.0, silent)
        assert len(noisy.table(("race",)).groups) == 2
        [(before, after)] = widths(cells, noisy).values()
        assert before < after


def test_the_chance_of_a_name_is_stated(exact):
    noise = exact.with_noise(1.0).kinds["cells"].noise
    assert noise.items() >= {"epsilon": 1.0, "delta": DELTA, "scale": 3.0}.items()
    drawn = seeded(5)(4 * 200_000, 3.0).reshape(-1, 4).sum(axis=1)
    assert (1 + drawn >= noise["fewest"]).sum() == 0


def test_what_is_left_out_is_said(exact):
    notes = exact.with_noise(0.5).kinds["cells"].notes()
    assert "a pass does not speak of them" in notes[1]
    assert str(exact.with_noise(0.5).kinds["cells"].noise["fewest"]) in notes[1]
