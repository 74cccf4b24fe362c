"""Burn-in: counts drawn anew as another sample would have them, and how often verdicts flip."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import trustkit as tk
from trustkit.checks import discover
from trustkit.cli import app
from trustkit.config import Config
from trustkit.errors import ConfigError
from trustkit.evidence.blocks import WEIGHT_ONE
from trustkit.evidence.resampling import resampled
from trustkit.judging.burn_in import burn_in
from trustkit.judging.plan import Plan
from trustkit.scorecard import Verdict

ROLES = {"target": "y", "prediction": "d", "sensitive": ["g"]}


def rows(n=2000, seed=0, selected=(0.5, 0.4)):
    rng = np.random.default_rng(seed)
    g = rng.choice(["a", "b"], n)
    p = rng.random(n)
    return pd.DataFrame(
        {
            "g": g,
            "y": (rng.random(n) < p).astype(int),
            "p": p,
            "d": (rng.random(n) < np.where(g == "a", *selected)).astype(int),
            "w": rng.lognormal(size=n),
            "u": rng.integers(0, 600, n),
        }
    )


def cells(data, **roles):
    system = tk.System(data=data, **{**ROLES, **roles})
    return tk.collect(system, only=["cells"]).kinds["cells"]


def draws(kind, runs=300):
    return [resampled(kind, np.random.default_rng(run)) for run in range(runs)]


def moments(tables):
    """Mean and variance of the selected rows of each group."""
    selected = np.array([table[:, :, 1].sum(axis=1) for table in tables])
    return selected.mean(axis=0), selected.var(axis=0)


def test_rows_are_drawn_multinomially():
    data = rows()
    drawn = draws(cells(data))
    assert {one.rows for one in drawn} == {len(data)}
    mean, variance = moments([one.table(("g",)).n for one in drawn])
    observed = data[data["d"] == 1].groupby("g").size().to_numpy()
    share = observed / len(data)
    assert mean == pytest.approx(observed, rel=0.02)
    assert variance == pytest.approx(len(data) * share * (1 - share), rel=0.3)


def test_scores_go_with_their_rows():
    kind = cells(rows(), score="p")
    for one in draws(kind, 5):
        n, s = one.block.sums["n"], one.block.sums["s"] / 2**30
        low = one.block.codes[:, -1] >= 0
        assert np.abs(s / n - np.clip(s / n, 0, 1)).max() == 0
        mean = (s[low].sum() / n[low].sum(), kind.block.sums["s"].sum() / 2**30 / kind.rows)
        assert mean[0] == pytest.approx(mean[1], abs=0.03)


def test_weights_scatter_as_their_squares_tell():
    data = rows()
    drawn = draws(cells(data, weight="w"))
    mean, variance = moments([one.table(("g",)).weight for one in drawn])
    chosen = [data.loc[(data["g"] == g) & (data["d"] == 1), "w"].to_numpy() for g in "ab"]
    assert mean == pytest.approx([each.sum() for each in chosen], rel=0.03)
    expected = [(each**2).sum() - each.sum() ** 2 / len(data) for each in chosen]
    assert variance == pytest.approx(expected, rel=0.35)
    assert all((one.block.sums["w"] >= 0).all() for one in drawn)


def test_units_are_drawn_whole():
    data = rows(selected=(0.5, 0.5))
    data["d"] = data["u"] % 2
    kind = cells(data, unit="u", weight="w")
    for one in draws(kind, 10):
        assert len(np.unique(one.unit_block.codes[:, -1])) == len(np.unique(kind.unit_block.codes[:, -1]))
        table = one.table(("g",))
        assert table.n.sum() == one.unit_block.sums["n"].sum()
        assert (one.block.sums["n"] > 0).all()
    tables = [one.table(("g",)).n for one in draws(kind)]
    _, whole = moments(tables)
    _, single = moments([one.table(("g",)).n for one in draws(cells(data))])
    assert (whole > 1.5 * single).all()


def test_weights_of_rows_with_a_unit_are_those_of_the_buckets():
    kind = cells(rows(), unit="u", weight="w")
    one = resampled(kind, np.random.default_rng(0))
    total = one.block.sums["w"].sum(), one.unit_block.sums["w"].sum()
    assert total[0] / WEIGHT_ONE == pytest.approx(total[1] / WEIGHT_ONE, rel=1e-6)


def test_equal_seeds_give_equal_draws_and_nothing_is_drawn_from_nothing():
    kind = cells(rows())
    one, two = (resampled(kind, np.random.default_rng(3)) for _ in range(2))
    assert one.to_json() == two.to_json() != kind.to_json()
    empty = resampled(kind, np.random.default_rng(0)).block.where(np.zeros(0, dtype=np.intp))
    nothing = type(kind)(kind.schema, kind.labels, empty)
    assert resampled(nothing, np.random.default_rng(0)).rows == 0


def planned(*only, **policy):
    config = Config.of(policy={"use": ["fairness-baseline"], **policy})
    return Plan.of(config, discover()[0], only=only or ["bias/selection-rate"])


def burned(data, plan, runs=60, **keys):
    evidence = tk.collect(tk.System(data=data, **ROLES), only=["cells"])
    return burn_in(evidence, plan, runs=runs, **keys)


def test_a_clear_verdict_does_not_flip_and_one_at_its_limit_does():
    clear = burned(rows(4000, selected=(0.5, 0.2)), planned())
    assert clear.controls["TK-FAI-02"] == {Verdict.FAIL: 60}
    assert clear.gate == 0
    near = burned(rows(800, selected=(0.5, 0.32)), planned())
    assert len(near.controls["TK-FAI-02"]) > 1
    assert sum(near.controls["TK-FAI-02"].values()) == 60
    assert near.gate == 60 - near.controls["TK-FAI-02"][Verdict.FAIL]
    low, high = near.interval(near.gate)
    assert low < near.gate / 60 < high


def test_it_is_repeatable_and_tells_its_progress():
    told = []
    one = burned(rows(800), planned(), runs=5, seed=2, progress=lambda *at: told.append(at))
    assert one.controls == burned(rows(800), planned(), runs=5, seed=2).controls
    assert told[-1] == ("judge resampled evidence", 5, 5)


def test_a_group_that_a_draw_lacks_makes_its_claims_absent():
    data = rows(300)
    data.loc[:1, "g"] = "c"
    found = burned(data, planned(), runs=40)
    rare = found.claims["bias/selection-rate:ratio:g=c~g=a:min"]
    assert rare[None] > 0
    assert sum(rare.values()) == 40


def test_facts_are_kept_and_shared_evidence_is_refused():
    system = tk.System(data=rows(200), **ROLES)
    evidence = tk.collect(system, only=["cells", "provenance"])
    assert burn_in(evidence, planned(), runs=2).fixed == ()
    config = Config.of(policy={"use": ["unga-78-265"]})
    plan = Plan.of(config, discover()[0], only=["bias/selection-rate", "security/provenance"])
    assert burn_in(evidence, plan, runs=2).fixed == ("provenance",)
    with pytest.raises(ConfigError, match="made with --share"):
        burn_in(evidence.without_small_cells(5), planned(), runs=2)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows(800, selected=(0.5, 0.32)).to_csv("log.csv", index=False)
    return tmp_path


def run(*arguments, status=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return result


DATA = ["--data", "log.csv", "--target", "y", "--prediction", "d", "--sensitive", "g"]
POLICY = ["--policy", "fairness-baseline", "--only", "bias/selection-rate", "--runs", 30]


def test_the_command_on_data_and_on_evidence(folder):
    text = run("burn-in", *DATA, *POLICY).stdout
    assert text.startswith("Judged on 30 samples drawn anew")
    assert "% of samples (" in text
    run("collect", *DATA, "-o", "evidence.json")
    found = json.loads(run("burn-in", "evidence.json", *POLICY, "--format", "json").stdout)
    assert found == json.loads(run("burn-in", *DATA, *POLICY, "--format", "json").stdout)
    (control,) = [each for each in found["controls"] if each["id"] == "TK-FAI-02"]
    assert control["flips"] == pytest.approx(1 - control["verdicts"].get(control["verdict"], 0))
    assert sum(control["verdicts"].values()) == pytest.approx(1)
    assert found["gate"]["interval"][0] <= found["gate"]["flips"] <= found["gate"]["interval"][1]
    (folder / "trustkit.toml").write_text('[policy]\nuse = ["fairness-baseline"]\nfail_on = "never"\n')
    never = run(
        "burn-in", "evidence.json", "--config", "trustkit.toml", *POLICY[2:], "--format", "json"
    ).stdout
    assert json.loads(never)["gate"] == {
        "holds": True,
        "flips": 0.0,
        "interval": [0.0, pytest.approx(0.1157, abs=1e-4)],
    }


def test_what_does_not_go_together_is_told(folder):
    run("collect", *DATA, "-o", "evidence.json")
    assert run("burn-in", "evidence.json", *DATA[2:4], status=2).stderr == (
        "error: --target: does not go with a file of evidence\n"
    )
    assert "--config: goes with a file of evidence" in run("burn-in", *DATA, "--config", "x", status=2).stderr
    assert "did you mean 'bias'?" in run("burn-in", *DATA, "--only", "bais", status=2).stderr
