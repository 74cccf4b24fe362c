"""The check keeps trustkit's contract and judges as the rule of the house says."""

import pandas as pd
from house_rules.undecided import undecided

import trustkit as tk
from trustkit.testing import assert_check


def log(missing):
    """A thousand rows a team, of which so many have no decision in team b."""
    return pd.DataFrame(
        {
            "team": ["a"] * 1000 + ["b"] * 1000,
            "hired": ["yes", "no"] * 500 + [None] * missing + ["yes", "no"] * (500 - missing // 2),
        }
    )


ROLES = {"prediction": "hired", "favorable": "yes", "sensitive": ["team"]}


def verdict(missing):
    card = tk.audit(data=log(missing), policy="house", only=["HR-1"], **ROLES)
    return str({control.id: control.verdict for control in card.controls}["HR-1"])


def test_it_keeps_the_contract():
    cells = tk.collect(tk.System(data=log(100), **ROLES), only=["cells"]).kinds["cells"]
    assert_check(undecided, [(cells,)])


def test_it_is_found_and_judged_by_the_policy_of_the_house():
    assert [verdict(missing) for missing in (0, 50, 100)] == ["pass", "inconclusive", "fail"]


def test_a_log_without_decisions_is_not_assessed():
    frame = log(0).rename(columns={"hired": "due"})
    card = tk.audit(data=frame, target="due", favorable="yes", sensitive=["team"], policy="house")
    assert {c.id: str(c.verdict) for c in card.controls}["HR-1"] == "not_assessed"
