"""Groups of access are compared as they are declared, and a group that is not in the data is seen."""

import numpy as np
import pandas as pd
import pytest

import trustkit as tk
from trustkit.checks.base import NotApplicable
from trustkit.checks.bias.selection_rate import selection_rate
from trustkit.checks.inclusion.access_parity import access_parity
from trustkit.collectors import collect
from trustkit.system import System

POLICY = """
id = "access"
version = "1"
title = "Access"
[[controls]]
id = "TK-INC-01"
title = "Language and regional parity"
requirement = "Served languages and regions get like quality."
principle = "trustworthy"
area = "inclusion"
severity = "high"
[[controls.checks]]
check = "inclusion/access-parity"
[controls.checks.limits]
min_ratio = { value = 0.8, source = "29 CFR 1607.4(D), heuristic" }
max_accuracy_difference = { value = 0.1, source = "trustkit default" }
max_missing = { value = 0, source = "trustkit default" }
"""


def log(right=(0.9, 0.9), n=4000, places=("town", "village")):
    """Decisions of two places that are right as often as said, and as often favorable."""
    rng = np.random.default_rng(1)
    place = np.arange(n) % 2
    y = rng.integers(0, 2, n)
    wrong = rng.random(n) > np.array(right)[place]
    return pd.DataFrame(
        {"place": np.array(places)[place], "sex": y % 2, "y": y, "d": np.where(wrong, 1 - y, y)}
    )


def cells(table, sensitive=("place", "sex"), target="y"):
    system = System(None, table, target=target, prediction="d", favorable=1, sensitive=list(sensitive))
    return collect(system, only=["cells"]).kinds["cells"]


def card(table, tmp_path, **options):
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY)
    keys = {"target": "y", "prediction": "d", "favorable": 1, "sensitive": ["place", "sex"]}
    return tk.audit(data=table, policy=policy, options={"inclusion/access-parity": options}, **keys)


def test_no_attribute_declared_is_not_assessed_and_says_which_option(tmp_path):
    control = card(log(), tmp_path).controls[0]
    assert control.verdict == "not_assessed"
    assert control.needs[0].startswith('supply options."inclusion/access-parity".attributes: which of')


def test_like_quality_passes_and_worse_quality_fails(tmp_path):
    assert card(log(), tmp_path, attributes=["place"]).verdict == "pass"
    worse = card(log((0.95, 0.7)), tmp_path, attributes=["place"])
    failed = {finding.id for finding in worse.findings if finding.verdict == "fail"}
    assert failed == {"inclusion/access-parity:accuracy_difference:place=town~place=village:max"}


def test_a_place_that_gets_little_fails_by_the_ratio(tmp_path):
    table = log()
    table.loc[(table["place"] == "village") & (np.arange(len(table)) % 5 < 3), "d"] = 0
    findings = card(table, tmp_path, attributes=["place"]).findings
    failed = {finding.id for finding in findings if finding.metric == "ratio" and finding.verdict == "fail"}
    assert failed == {"inclusion/access-parity:ratio:place=village~place=town:min"}


def test_few_rows_settle_nothing(tmp_path):
    assert card(log(n=60), tmp_path, attributes=["place"]).verdict == "inconclusive"


def test_only_the_attributes_named_are_compared():
    found = access_parity(cells(log()), attributes=["place"])
    assert {frozenset(estimate.subject["groups"]) for estimate in found} == {frozenset({"place"})}


def test_ratios_are_those_of_the_selection_rate():
    counts = cells(log((0.9, 0.6)))

    def ratios(found):
        return {
            repr(e.subject): (e.value, e.n, e.interval(0.01))
            for e in found
            if e.metric == "ratio" and [*e.subject["groups"]] == ["place"]
        }

    assert ratios(access_parity(counts, attributes=["place"])) == ratios(selection_rate(counts))


def test_without_a_target_selection_is_compared_alone():
    metrics = {e.metric for e in access_parity(cells(log(), target=None), attributes=["place"])}
    assert metrics == {"rate", "ratio"}


def test_a_served_group_without_a_row_is_missing(tmp_path):
    served = {"place": ["town", "village", "mountain"]}
    found = {e.metric: e.value for e in access_parity(cells(log()), served=served)}
    assert found["missing"] == 1
    failed = card(log(), tmp_path, served=served)
    assert [f.id for f in failed.findings if f.verdict == "fail"] == ["inclusion/access-parity:missing::max"]
    assert card(log(), tmp_path, served={"place": ["town", "village"]}).verdict == "pass"


def test_an_attribute_that_is_not_sensitive_is_told():
    with pytest.raises(NotApplicable, match=r"region: not among data\.sensitive") as signal:
        access_parity(cells(log()), attributes=["region"])
    assert signal.value.supply.startswith("data.sensitive: region")


def test_a_wrong_option_is_told(tmp_path):
    with pytest.raises(tk.ConfigError, match="attributes"):
        card(log(), tmp_path, attributes="place")
